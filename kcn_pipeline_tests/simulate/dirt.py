"""What goes wrong in real files, one function per case, each noting what must come of it.

It must not decide how much is spoiled nor which files (`spread.py`). The surprising fact: a case changes the file and the truth
together: what it spoils is taken out of the true figures right here, so the truth never has to look at a file.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate import broken_files
from kcn_pipeline_tests.simulate.filing import Filing
from kcn_pipeline_tests.simulate.forms import FormSheet
from kcn_pipeline_tests.simulate.legacy_fonts import to_tcvn3, to_vni
from kcn_pipeline_tests.simulate.province import make_tax_code
from kcn_pipeline_tests.simulate.reports import Place
from kcn_pipeline_tests.simulate.workbooks import CellError, Formula, Sheet

#: What must come of a case.
ACCEPTED, NOTED, IGNORED = "accepted", "accepted with a finding", "ignored"
VALUE, REPORT, FILE, ROW = "value refused", "report refused", "file refused", "row refused"


@dataclass(frozen=True)
class Mark:
    """One consequence of a case: what must come of which place, by which rule of rules.yaml (empty when none)."""

    expected: str
    rule: str = ""
    sheet: str = ""
    cell: str = ""
    field: str = ""


@dataclass(frozen=True)
class Spoil:
    """A case: its name, what is wrong, what spoils a filing, and which filings it suits."""

    name: str
    what: str
    apply: Callable[["Bench"], list[Mark]]
    suits: Callable[[Filing], bool]


@dataclass
class Bench:
    """A filing on the workbench, with the contracts to write it anew and a random stream."""

    contracts: Contracts
    filing: Filing
    draw: Random

    @property
    def project(self) -> FormSheet:
        """The sheet of A.III.1."""
        return next(s for s in self.filing.sheets if s.report.form_code == "A.III.1")

    @property
    def extra(self) -> FormSheet:
        """The sheet of BN.01."""
        return next(s for s in self.filing.sheets if s.report.form_code == "BN.01")

    def restyle(self, **changes: object) -> None:
        """Write the filing anew in another style."""
        self.filing.style = replace(self.filing.style, **changes)  # type: ignore[arg-type]
        self.filing.lay_out(self.contracts)

    def refuse_value(self, written: FormSheet, place: Place, rule: str) -> Mark:
        """Take a figure out of the truth."""
        written.report.dropped[place] = rule
        return Mark(VALUE, rule, written.sheet.name, written.cell(place), place[0])

    def refuse_reports(self, rule: str) -> list[Mark]:
        """Take every report of the filing out of the truth."""
        for report in self.filing.reports:
            report.refused = rule
        return [Mark(REPORT, rule, written.sheet.name) for written in self.filing.sheets]

    def refuse_file(self, content: bytes, rule: str) -> list[Mark]:
        """Replace the file by something that cannot be read."""
        self.filing.content, self.filing.refused = content, rule
        return [Mark(FILE, rule)]

    def translate(self, change: Callable[[str], str]) -> None:
        """Change every text of every form sheet."""
        for written in self.filing.sheets:
            for row in written.sheet.rows:
                row[:] = [change(cell) if isinstance(cell, str) else cell for cell in row]


# ---- numbers ---------------------------------------------------------------------------------------------------------


def _as_text(value: float, point: str, group: str) -> str:
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return text.translate(str.maketrans({",": group, ".": point}))


def _type_as_text(bench: Bench, point: str, group: str) -> list[Mark]:
    written = bench.project
    for place in written.places:
        value = written.report.cells[place]
        if isinstance(value, int | float):
            shown = value if isinstance(value, int) else round(value, 1)
            written.report.cells[place] = shown
            written.write(place, _as_text(shown, point, group))
    return [Mark(ACCEPTED, sheet=written.sheet.name)]


def _undecidable(bench: Bench) -> list[Mark]:
    """Only texts such as 3.946 in a column of numbers: three thousand or three point nine."""
    written = bench.project
    marks = []
    for place in _ambiguous(bench.filing):
        value = written.report.cells[place]
        written.write(place, f"{value:,}".replace(",", "."))
        marks.append(bench.refuse_value(written, place, "undecidable_number"))
    return marks


def _ambiguous(filing: Filing) -> list[Place]:
    cells = filing.reports[0].cells
    places = [("VI.1", "A"), ("VI.3", "A"), ("VIII", "A")]
    return [p for p in places if isinstance(v := cells.get(p), int) and 1000 <= v < 1_000_000 and v % 1000]


def _refuse(place: Place, text: str, rule: str) -> Callable[[Bench], list[Mark]]:
    """A case that writes a text into one figure of A.III.1, which must then be refused."""

    def apply(bench: Bench) -> list[Mark]:
        bench.project.write(place, text)
        return [bench.refuse_value(bench.project, place, rule)]

    return apply


def _qualified(bench: Bench) -> list[Mark]:
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


def _negative_impossible(bench: Bench) -> list[Mark]:
    bench.project.write(("IV", "A"), -5000)
    return [bench.refuse_value(bench.project, ("IV", "A"), "below_minimum")]


def _negative_allowed(bench: Bench) -> list[Mark]:
    """More repaid than borrowed: loans, and with them the capital of the quarter, are below zero."""
    written = bench.project
    cells = written.report.cells
    shift = int(abs(float(cells["I", "A"]))) * 2 + 1000  # type: ignore[arg-type]
    for code in ("2.a", "2", "I"):
        for column in ("A", "B", "C"):
            value = cells[code, column]
            assert isinstance(value, int | float)
            cells[code, column] = round(value - shift, 1) if isinstance(value, float) else value - shift
            written.write((code, column), cells[code, column])
    return [Mark(ACCEPTED, sheet=written.sheet.name, cell=written.cell(("2.a", "A")), field="2.a")]


def _total_mismatch(bench: Bench) -> list[Mark]:
    written = bench.project
    value = written.report.cells["1", "B"]
    assert isinstance(value, int | float)
    written.report.cells["1", "B"] = value * 3 + 777
    written.write(("1", "B"), value * 3 + 777)
    return [Mark(NOTED, "sum_mismatch", written.sheet.name, written.cell(("1", "B")), "1")]


def _formula_error(bench: Bench) -> list[Mark]:
    bench.project.write(("VII", "A"), CellError("#REF!"))
    return [bench.refuse_value(bench.project, ("VII", "A"), "formula_error")]


def _cached_formulas(bench: Bench) -> list[Mark]:
    written = bench.project
    for column in ("A", "B", "C"):
        parts = "+".join(written.cell((code, column)) for code in ("1", "2", "3"))
        value = written.report.cells["I", column]
        assert isinstance(value, int | float)
        written.write(("I", column), Formula(parts, value))
    return [Mark(ACCEPTED, sheet=written.sheet.name, cell=written.cell(("I", "A")), field="I")]


def _empty_required(bench: Bench) -> list[Mark]:
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


def _thousand_usd(bench: Bench) -> list[Mark]:
    bench.restyle(units={code: ("Nghìn  USD", 1000.0) for code in ("II", "III", "IV", "VII")})
    return [Mark(ACCEPTED, sheet=bench.project.sheet.name)]


def _billion_vnd(bench: Bench) -> list[Mark]:
    bench.restyle(units={code: ("TỶ ĐỒNG", 1000.0) for code in ("2.1", "2.2", "2.3", "2.4")})
    return [Mark(ACCEPTED, sheet=bench.extra.sheet.name)]


def _kilograms(bench: Bench) -> list[Mark]:
    bench.restyle(units={"VI.2": (" Kg ", 0.001), "VI.1": ("KWH", 1.0)})
    return [Mark(ACCEPTED, sheet=bench.project.sheet.name, cell=bench.project.cell(("VI.2", "A")), field="VI.2")]


def _unknown_unit(bench: Bench) -> list[Mark]:
    bench.restyle(units={"VI.3": ("can nhựa", 1.0)})
    return [bench.refuse_value(bench.project, ("VI.3", "A"), "unknown_unit")]


def _no_currency(bench: Bench) -> list[Mark]:
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


# ---- text ------------------------------------------------------------------------------------------------------------

_NEW_TONE = re.compile(r"([oO])([\u0300\u0301\u0303\u0309\u0323])([aAeE])(?!\w)|([uU])([\u0300\u0301\u0303\u0309\u0323])([yY])(?!\w)")


def to_old_tone(text: str) -> str:
    """The tone on the last vowel of open oa, oe, uy: `lũy` becomes `luỹ`, `hóa` becomes `hoá`."""
    moved = _NEW_TONE.sub(lambda m: "".join((m[1] or m[4], m[3] or m[6], m[2] or m[5])), unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", moved)


def _rewritten(change: Callable[[str], str], rule: str = "") -> Callable[[Bench], list[Mark]]:
    """A case that rewrites every text of the file without changing what it says."""

    def apply(bench: Bench) -> list[Mark]:
        bench.translate(change)
        return [Mark(NOTED if rule else ACCEPTED, rule, written.sheet.name) for written in bench.filing.sheets]

    return apply


def _break_lines(text: str) -> str:
    """A hard line break after the second word of a longer text, as cells that were made to fit have."""
    words = text.split(" ")
    return " ".join(words[:2]) + "\n" + " ".join(words[2:]) if len(words) > 4 and ":" not in text else text


def _formula_text(bench: Bench) -> list[Mark]:
    """A text that a spreadsheet would run if it were written out again without care."""
    written = bench.project
    texts = ('=HYPERLINK("http://example.invalid";"mở")', "+84 (mẫu)", "-1+1 (mẫu)", "@SUM(A1) (mẫu)")
    text = bench.draw.choice(texts)
    written.report.cells["C", ""] = text
    written.write(("C", ""), text)
    return [Mark(ACCEPTED, sheet=written.sheet.name, cell=written.cell(("C", "")), field="C")]


# ---- layout ----------------------------------------------------------------------------------------------------------


def _restyled(**changes: object) -> Callable[[Bench], list[Mark]]:
    """A case that lays the forms out differently without changing what they say."""

    def apply(bench: Bench) -> list[Mark]:
        bench.restyle(**changes)
        return [Mark(ACCEPTED, sheet=written.sheet.name) for written in bench.filing.sheets]

    return apply


def _hidden_rows(bench: Bench) -> list[Mark]:
    written = bench.project
    written.sheet.hidden_rows |= {written.labels[code][0] for code in ("2.a", "2.b", "2.c", "VII")}
    return [Mark(ACCEPTED, sheet=written.sheet.name)]


def _extra_sheets(bench: Bench) -> list[Mark]:
    bench.filing.extras += [
        Sheet("Tinh toan", [["Tháng", "Doanh thu"], [1, 100.5], [2, 99], [None, Formula("SUM(B2:B3)", 199.5)]]),
        Sheet("Hướng dẫn", [["Hướng dẫn điền biểu"], ["Điền số liệu vào cột (A)"]]),
    ]
    return [Mark(IGNORED, "sheet_ignored", sheet.name) for sheet in bench.filing.extras]


def _label_changed(bench: Bench) -> list[Mark]:
    bench.restyle(labels={"IV": "Chi phí quản lý doanh nghiệp"})
    return [bench.refuse_value(bench.project, ("IV", column), "label_changed") for column in ("A", "B")]


def _duplicate_item(bench: Bench) -> list[Mark]:
    """The row of an item twice: nobody can tell which of the two counts."""
    written = bench.project
    copies = written.repeat_item("IV")
    marks = [bench.refuse_value(written, ("IV", column), "duplicate_item") for column in ("A", "B")]
    return marks + [Mark(VALUE, "duplicate_item", written.sheet.name, cell, "IV") for cell in copies]


# ---- identity --------------------------------------------------------------------------------------------------------


def _tax_code_as_number(bench: Bench) -> list[Mark]:
    bench.restyle(tax_as_number=True, colon=False)
    return [Mark(NOTED, "tax_code_repaired", written.sheet.name) for written in bench.filing.sheets]


def _unknown_tax_code(bench: Bench) -> list[Mark]:
    bench.restyle(tax_code=make_tax_code(9990))
    return bench.refuse_reports("unknown_tax_code")


def _two_digit_year(bench: Bench) -> list[Mark]:
    period = bench.filing.reports[0].period
    bench.restyle(period_text=f"Quý {period.part}/{period.year % 100}")
    return bench.refuse_reports("two_digit_year")


def _future_period(bench: Bench) -> list[Mark]:
    """2062 typed for 2026."""
    bench.restyle(period_text=f"Quý {bench.filing.reports[0].period.part} năm 2062")
    return bench.refuse_reports("period_in_future")


def _unknown_park(bench: Bench) -> list[Mark]:
    bench.restyle(park="KCN Không Có Thật")
    return bench.refuse_reports("unknown_park_name")


def _park_variant(bench: Bench) -> list[Mark]:
    park = bench.filing.reports[0].park
    assert park is not None
    spelling = [park.name, *bench.contracts.parks[park.code].spellings][-1].upper()
    spelling = spelling if "KCN" in spelling else f"KHU CÔNG NGHIỆP {spelling}"
    bench.restyle(park=f"Lô CN-01, {spelling}, tỉnh Bắc Ninh")
    return [Mark(ACCEPTED, sheet=written.sheet.name) for written in bench.filing.sheets]


# ---- files -----------------------------------------------------------------------------------------------------------


def _broken(rule: str, make: Callable[[], bytes]) -> Callable[[Bench], list[Mark]]:
    def apply(bench: Bench) -> list[Mark]:
        return bench.refuse_file(make(), rule)

    return apply


def _cut_off(bench: Bench) -> list[Mark]:
    return bench.refuse_file(broken_files.cut_off(bench.filing.to_bytes(bench.contracts)), "truncated_file")


def _unknown_form(bench: Bench) -> list[Mark]:
    rows: list[list[object]] = [["PHIẾU KÊ KHAI NGUYÊN LIỆU NHẬP KHẨU"], [], ["TT", "Nguyên liệu", "Số lượng"]]
    rows += [[1, "Hạt nhựa", 12000], [2, "Màng PE", 3400]]
    bench.filing.sheets = []
    bench.filing.extras = [Sheet("Phieu", rows)]  # type: ignore[arg-type]
    bench.filing.refused = "unknown_form"
    return [Mark(FILE, "unknown_form")]


# ---- the list --------------------------------------------------------------------------------------------------------


def _is_quarterly(filing: Filing) -> bool:
    return filing.kind == "xlsx" and len(filing.reports) == 2 and filing.reports[0].form_code == "A.III.1"


def _has(place: Place, at_least: float = 0.01) -> Callable[[Filing], bool]:
    def suits(filing: Filing) -> bool:
        value = filing.reports[0].cells.get(place) if _is_quarterly(filing) else None
        return isinstance(value, int | float) and value >= at_least

    return suits


def _is_clear(filing: Filing) -> bool:
    """Whether the figures, typed as text, show their convention: a decimal, or two separators in one figure."""
    return _is_quarterly(filing) and (not _is_foreign(filing) or _has(("II", "A"), 1_000_000)(filing))


def _is_foreign(filing: Filing) -> bool:
    firm = filing.reports[0].enterprise
    return _is_quarterly(filing) and firm is not None and firm.currency == "USD"


def _is_ambiguous(filing: Filing) -> bool:
    return _is_quarterly(filing) and bool(_ambiguous(filing))


#: Cases that spoil one quarterly workbook; they can be spread over many files.
SPOILS: tuple[Spoil, ...] = (
    Spoil("numbers_as_text_vi", "figures typed as text, 2.677,6", lambda b: _type_as_text(b, ",", "."), _is_clear),
    Spoil("numbers_as_text_en", "figures typed as text, 2,677.6", lambda b: _type_as_text(b, ".", ","), _is_clear),
    Spoil("undecidable_column", "only texts such as 3.946 in a column", _undecidable, _is_ambiguous),
    Spoil("malformed_number", "2.811.08", _refuse(("III", "A"), "2.811.08", "malformed_number"), _is_quarterly),
    Spoil("range", "a range instead of a figure", _refuse(("II", "A"), "10 - 20", "range_not_number"), _is_quarterly),
    Spoil("qualifier", "khoảng 20, trên 600", _qualified, _is_quarterly),
    Spoil("negative_impossible", "imports below zero", _negative_impossible, _is_quarterly),
    Spoil("negative_allowed", "net loans below zero", _negative_allowed, _is_quarterly),
    Spoil("total_mismatch", "a total that its parts do not add up to", _total_mismatch, _is_quarterly),
    Spoil("formula_error", "a cell that shows #REF!", _formula_error, _is_quarterly),
    Spoil("cached_formulas", "totals as formulas", _cached_formulas, _is_quarterly),
    Spoil("empty_required", "required figures left empty or a dash", _empty_required, _is_quarterly),
    Spoil("thousand_usd", "amounts in nghìn USD, oddly spaced", _thousand_usd, _is_foreign),
    Spoil("billion_vnd", "amounts in tỷ đồng instead of triệu", _billion_vnd, _is_quarterly),
    Spoil("kilograms", "coal in kg instead of tonnes", _kilograms, _has(("VI.2", "A"))),
    Spoil("unknown_unit", "oil in `can nhựa`", _unknown_unit, _has(("VI.3", "A"))),
    Spoil("no_currency", "the sheet does not say which currency", _no_currency, _is_foreign),
    Spoil("text_nfd", "decomposed Unicode", _rewritten(lambda t: unicodedata.normalize("NFD", t)), _is_quarterly),
    Spoil("text_old_tone", "old tone placement, luỹ for lũy", _rewritten(to_old_tone), _is_quarterly),
    Spoil("text_eth", "the letter Ð for Đ", _rewritten(lambda t: t.replace("Đ", "Ð")), _is_quarterly),
    Spoil("text_tcvn3", "TCVN3 seen as Latin-1", _rewritten(to_tcvn3, "legacy_text_decoded"), _is_quarterly),
    Spoil("text_vni", "VNI seen as Latin-1", _rewritten(to_vni, "legacy_text_decoded"), _is_quarterly),
    Spoil("line_breaks", "hard line breaks in cells", _rewritten(_break_lines), _is_quarterly),
    Spoil("formula_text", "a remark that begins with = + - @", _formula_text, _is_quarterly),
    Spoil("formula_as_number", "=1000+2000 as text", _refuse(("IV", "A"), "=1000+2000", "unreadable_number"), _is_quarterly),
    Spoil("hidden_rows", "hidden rows with figures", _hidden_rows, _is_quarterly),
    Spoil("extra_sheets", "sheets that are no form", _extra_sheets, _is_quarterly),
    Spoil("columns_moved", "unit before code", _restyled(columns=("unit", "code", "label", "values")), _is_quarterly),
    Spoil("column_inserted", "a column of remarks", _restyled(columns=("code", "label", "note", "unit", "values")), _is_quarterly),
    Spoil("columns_swapped", "value columns in reverse order", _restyled(swapped=True), _is_quarterly),
    Spoil("label_changed", "an item that bears another label", _label_changed, _is_quarterly),
    Spoil("duplicate_item", "an item that stands twice", _duplicate_item, _is_quarterly),
    Spoil("tax_code_as_number", "a tax code without its zero", _tax_code_as_number, _is_quarterly),
    Spoil("park_variant", "the park in other words, in an address", _park_variant, _is_quarterly),
    Spoil("unknown_tax_code", "a tax code nobody has", _unknown_tax_code, _is_quarterly),
    Spoil("two_digit_year", "the year typed 25", _two_digit_year, _is_quarterly),
    Spoil("future_period", "a period in the future", _future_period, _is_quarterly),
    Spoil("unknown_park", "a park that does not exist", _unknown_park, _is_quarterly),
    Spoil("unknown_form", "a workbook without a known form", _unknown_form, _is_quarterly),
    Spoil("empty_file", "0 bytes", _broken("empty_file", bytes), _is_quarterly),
    Spoil("truncated_file", "a file cut off", _cut_off, _is_quarterly),
    Spoil("encrypted_file", "a workbook with a password", _broken("encrypted_file", broken_files.locked), _is_quarterly),
    Spoil("pdf_as_xlsx", "a PDF named .xlsx", _broken("not_a_workbook", broken_files.fake_pdf), _is_quarterly),
    Spoil("html_as_xlsx", "a web page named .xlsx", _broken("not_a_workbook", broken_files.fake_html), _is_quarterly),
    Spoil("zip_bomb", "unpacks to 250 MB", _broken("zip_bomb", broken_files.bomb), _is_quarterly),
)  # fmt: skip
