"""Sheets laid out differently, with wrong identities, and files that are no form at all.

It must not touch a figure. The surprising fact: a moved column is no error and a changed label is one, because the
reader goes by what headings say.
"""

from collections.abc import Callable

from kcn_pipeline_tests.simulate import broken_files
from kcn_pipeline_tests.simulate.dirt.bench import ACCEPTED, FILE, IGNORED, NOTED, VALUE, Bench, Mark
from kcn_pipeline_tests.simulate.province import make_tax_code
from kcn_pipeline_tests.simulate.workbooks import Formula, Sheet


def restyled(**changes: object) -> Callable[[Bench], list[Mark]]:
    """A case that lays the forms out differently without changing what they say."""

    def apply(bench: Bench) -> list[Mark]:
        bench.restyle(**changes)
        return [Mark(ACCEPTED, sheet=written.sheet.name) for written in bench.filing.sheets]

    return apply


def hidden_rows(bench: Bench) -> list[Mark]:
    """Rows with figures that are hidden: they count like the others."""
    written = bench.project
    written.sheet.hidden_rows |= {written.labels[code][0] for code in ("2.a", "2.b", "2.c", "VII")}
    return [Mark(ACCEPTED, sheet=written.sheet.name)]


def extra_sheets(bench: Bench) -> list[Mark]:
    """A calculation of the firm and a leaf of instructions beside the forms."""
    bench.filing.extras += [
        Sheet("Tinh toan", [["Tháng", "Doanh thu"], [1, 100.5], [2, 99], [None, Formula("SUM(B2:B3)", 199.5)]]),
        Sheet("Hướng dẫn", [["Hướng dẫn điền biểu"], ["Điền số liệu vào cột (A)"]]),
    ]
    return [Mark(IGNORED, "sheet_ignored", sheet.name) for sheet in bench.filing.extras]


def label_changed(bench: Bench) -> list[Mark]:
    """An item whose code stands beside another label."""
    bench.restyle(labels={"IV": "Chi phí quản lý doanh nghiệp"})
    return [bench.refuse_value(bench.project, ("IV", column), "label_changed") for column in ("A", "B")]


def duplicate_item(bench: Bench) -> list[Mark]:
    """The row of an item twice: nobody can tell which of the two counts."""
    written = bench.project
    copies = written.repeat_item("IV")
    marks = [bench.refuse_value(written, ("IV", column), "duplicate_item") for column in ("A", "B")]
    return marks + [Mark(VALUE, "duplicate_item", written.sheet.name, cell, "IV") for cell in copies]


# ---- identity --------------------------------------------------------------------------------------------------------


def tax_code_as_number(bench: Bench) -> list[Mark]:
    """The tax code as Excel makes of it: a number without its leading zero."""
    bench.restyle(tax_as_number=True, colon=False)
    return [Mark(NOTED, "tax_code_repaired", written.sheet.name) for written in bench.filing.sheets]


def unknown_tax_code(bench: Bench) -> list[Mark]:
    """A tax code with a valid check digit that the register does not have."""
    bench.restyle(tax_code=make_tax_code(9990))
    return bench.refuse_reports("unknown_tax_code")


def two_digit_year(bench: Bench) -> list[Mark]:
    """The year typed as `25`."""
    period = bench.filing.reports[0].period
    bench.restyle(period_text=f"Quý {period.part}/{period.year % 100}")
    return bench.refuse_reports("two_digit_year")


def future_period(bench: Bench) -> list[Mark]:
    """2062 typed for 2026."""
    bench.restyle(period_text=f"Quý {bench.filing.reports[0].period.part} năm 2062")
    return bench.refuse_reports("period_in_future")


def unknown_park(bench: Bench) -> list[Mark]:
    """A park that does not exist."""
    bench.restyle(park="KCN Không Có Thật")
    return bench.refuse_reports("unknown_park_name")


def park_variant(bench: Bench) -> list[Mark]:
    """The park by another of its names, in capitals, inside an address."""
    park = bench.filing.reports[0].park
    assert park is not None
    spelling = [park.name, *bench.contracts.parks[park.code].spellings][-1].upper()
    spelling = spelling if "KCN" in spelling else f"KHU CÔNG NGHIỆP {spelling}"
    bench.restyle(park=f"Lô CN-01, {spelling}, tỉnh Bắc Ninh")
    return [Mark(ACCEPTED, sheet=written.sheet.name) for written in bench.filing.sheets]


# ---- files -----------------------------------------------------------------------------------------------------------


def broken(rule: str, make: Callable[[], bytes]) -> Callable[[Bench], list[Mark]]:
    """A case that replaces the file by something unreadable."""

    def apply(bench: Bench) -> list[Mark]:
        return bench.refuse_file(make(), rule)

    return apply


def cut_off(bench: Bench) -> list[Mark]:
    """A file cut off by a broken transfer."""
    return bench.refuse_file(broken_files.cut_off(bench.filing.to_bytes(bench.contracts)), "truncated_file")


def unknown_form(bench: Bench) -> list[Mark]:
    """A workbook that holds no known form."""
    rows: list[list[object]] = [["PHIẾU KÊ KHAI NGUYÊN LIỆU NHẬP KHẨU"], [], ["TT", "Nguyên liệu", "Số lượng"]]
    rows += [[1, "Hạt nhựa", 12000], [2, "Màng PE", 3400]]
    bench.filing.sheets = []
    bench.filing.extras = [Sheet("Phieu", rows)]  # type: ignore[arg-type]
    bench.filing.refused = "unknown_form"
    return [Mark(FILE, "unknown_form")]
