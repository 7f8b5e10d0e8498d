"""Figures that are typed, signed, added up or measured in ways a reader must understand or refuse.

It must not touch a text or the layout. The surprising fact: `3.946` alone in a column is refused, because three
thousand and three point nine are both good readings.
"""

import re
from collections.abc import Callable

from kcn_pipeline_tests.simulate.dirt.bench import ACCEPTED, NOTED, Bench, Mark
from kcn_pipeline_tests.simulate.filing import Filing
from kcn_pipeline_tests.simulate.reports import Place
from kcn_pipeline_tests.simulate.workbooks import CellError, Formula


def as_text(value: float, point: str, group: str) -> str:
    """The figure as people type it, with a decimal where it is no whole number."""
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return text.translate(str.maketrans(",.", group + point))


def type_as_text(bench: Bench, point: str, group: str) -> list[Mark]:
    """Every figure of A.III.1 typed as text in one convention."""
    written = bench.project
    for place in written.places:
        value = written.report.cells[place]
        if isinstance(value, int | float):
            shown = value if isinstance(value, int) else round(value, 1)
            written.report.cells[place] = shown
            written.write(place, as_text(shown, point, group))
    return [Mark(ACCEPTED, sheet=written.sheet.name)]


def undecidable(bench: Bench) -> list[Mark]:
    """Only texts such as 3.946 in a column of numbers: three thousand or three point nine."""
    written = bench.project
    marks = []
    for place in ambiguous(bench.filing):
        value = written.report.cells[place]
        written.write(place, f"{value:,}".replace(",", "."))
        marks.append(bench.refuse_value(written, place, "undecidable_number"))
    return marks


def ambiguous(filing: Filing) -> list[Place]:
    """The figures of A.III.1 that, written with a point after the thousands, could be two numbers."""
    cells = filing.reports[0].cells
    places = [("VI.1", "A"), ("VI.3", "A"), ("VIII", "A")]
    return [p for p in places if isinstance(v := cells.get(p), int) and 1000 <= v < 1_000_000 and v % 1000]


def refuse(place: Place, text: str, rule: str) -> Callable[[Bench], list[Mark]]:
    """A case that writes a text into one figure of A.III.1, which must then be refused."""

    def apply(bench: Bench) -> list[Mark]:
        bench.project.write(place, text)
        return [bench.refuse_value(bench.project, place, rule)]

    return apply


def qualified(bench: Bench) -> list[Mark]:
    """`khoảng 20` and `trên 600`: the figure counts, the qualifier is kept."""
    written, extra = bench.project, bench.extra
    vietnamese = written.report.cells["V.1", "A"]
    assert isinstance(vietnamese, int)
    written.report.cells |= {("V.2", "A"): 20, ("V", "A"): vietnamese + 20}
    written.write(("V.2", "A"), "khoảng 20")
    written.write(("V", "A"), vietnamese + 20)
    demand = extra.report.cells["1.6", "A"]
    extra.write(("1.6", "A"), f"trên {demand}")
    places = ((written, ("V.2", "A")), (extra, ("1.6", "A")))
    return [Mark(NOTED, "qualifier_kept", s.sheet.name, s.cell(place), place[0]) for s, place in places]


def negative_impossible(bench: Bench) -> list[Mark]:
    """Imports below zero."""
    bench.project.write(("IV", "A"), -5000)
    return [bench.refuse_value(bench.project, ("IV", "A"), "below_minimum")]


def negative_allowed(bench: Bench) -> list[Mark]:
    """More repaid than borrowed: loans, and with them the capital of the quarter, are below zero."""
    written = bench.project
    cells = written.report.cells
    capital = cells["I", "A"]
    assert isinstance(capital, int | float)
    shift = int(abs(capital)) * 2 + 1000
    for code in ("2.a", "2", "I"):
        for column in ("A", "B", "C"):
            value = cells[code, column]
            assert isinstance(value, int | float)
            cells[code, column] = round(value - shift, 1) if isinstance(value, float) else value - shift
            written.write((code, column), cells[code, column])
    return [Mark(ACCEPTED, sheet=written.sheet.name, cell=written.cell(("2.a", "A")), field="2.a")]


def total_mismatch(bench: Bench) -> list[Mark]:
    """A total three times what its parts add up to."""
    written = bench.project
    value = written.report.cells["1", "B"]
    assert isinstance(value, int | float)
    written.report.cells["1", "B"] = value * 3 + 777
    written.write(("1", "B"), value * 3 + 777)
    return [Mark(NOTED, "sum_mismatch", written.sheet.name, written.cell(("1", "B")), "1")]


def formula_error(bench: Bench) -> list[Mark]:
    """A cell that shows #REF!."""
    bench.project.write(("VII", "A"), CellError("#REF!"))
    return [bench.refuse_value(bench.project, ("VII", "A"), "formula_error")]


def cached_formulas(bench: Bench) -> list[Mark]:
    """Row I as formulas with the values their program had computed."""
    written = bench.project
    for column in ("A", "B", "C"):
        parts = "+".join(written.cell((code, column)) for code in ("1", "2", "3"))
        value = written.report.cells["I", column]
        assert isinstance(value, int | float)
        written.write(("I", column), Formula(parts, value))
    return [Mark(ACCEPTED, sheet=written.sheet.name, cell=written.cell(("I", "A")), field="I")]


def empty_required(bench: Bench) -> list[Mark]:
    """One required figure left empty, one written as a dash: nothing reported, and neither is zero."""
    written = bench.project
    marks = []
    for place, shown in ((("III", "A"), None), (("IV", "A"), "-")):
        marks.append(Mark(NOTED, "required_missing", written.sheet.name, written.cell(place), place[0]))
        written.write(place, shown)
        del written.report.cells[place]
    marks[1] = Mark(NOTED, "", marks[1].sheet, marks[1].cell, marks[1].field)
    return marks


# ---- units -----------------------------------------------------------------------------------------------------------


def thousand_usd(bench: Bench) -> list[Mark]:
    """Amounts in thousand USD, the unit written with two blanks."""
    bench.restyle(units=dict.fromkeys(("II", "III", "IV", "VII"), ("Nghìn  USD", 1000.0)))
    return [Mark(ACCEPTED, sheet=bench.project.sheet.name)]


def billion_vnd(bench: Bench) -> list[Mark]:
    """Amounts of BN.01 in billion instead of million VND."""
    bench.restyle(units=dict.fromkeys(("2.1", "2.2", "2.3", "2.4"), ("TỶ ĐỒNG", 1000.0)))
    return [Mark(ACCEPTED, sheet=bench.extra.sheet.name)]


def kilograms(bench: Bench) -> list[Mark]:
    """Coal in kilograms, and units spelled with other cases and blanks."""
    bench.restyle(units={"VI.2": (" Kg ", 0.001), "VI.1": ("KWH", 1.0)})
    return [Mark(ACCEPTED, sheet=bench.project.sheet.name, cell=bench.project.cell(("VI.2", "A")), field="VI.2")]


def unknown_unit(bench: Bench) -> list[Mark]:
    """Oil in a unit that nobody can convert."""
    bench.restyle(units={"VI.3": ("can nhựa", 1.0)})
    return [bench.refuse_value(bench.project, ("VI.3", "A"), "unknown_unit")]


def no_currency(bench: Bench) -> list[Mark]:
    """The printed choice `USD/triệu VNĐ` left as it is: every amount of money is refused, nothing else."""
    bench.restyle(money="USD/triệu VNĐ")
    written = bench.project
    form = bench.contracts.forms[written.report.form_id]
    marks = []
    for place in written.places:
        code = re.sub(r"^(1\.[12])\.\d+\.", r"\1.x.", place[0])
        if form.field(code).unit == "MONEY":
            marks.append(bench.refuse_value(written, place, "unit_missing"))
    return marks
