"""Register sheets are read by their table contracts: names, headers, units, dates, codes, and what cannot be read."""

import io
import zipfile
from datetime import date
from typing import Any

import openpyxl
import pytest

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.findings import Finding, Place, tabulate_findings
from kcn_pipeline.staging.register import RegisterReader

PLACE = Place("register", "f" * 64, "so-bo.xlsx")


Tables = dict[str, list[dict[str, Any]]]


def _read(sheets: dict[str, list[list[Any]]]) -> tuple[Tables, list[Finding]]:
    return _read_bytes(_write(sheets))


def _read_bytes(content: bytes, name: str = PLACE.file) -> tuple[Tables, list[Finding]]:
    place = Place(PLACE.source, PLACE.payload, name)
    rows, findings = RegisterReader(load_contracts()).read_payload(place, content, "2026-07-01T00:00:00+07:00")
    assert tabulate_findings(load_contracts(), findings).num_rows == len(findings), "every rule has its texts"
    return rows, findings


def _write(sheets: dict[str, list[list[Any]]]) -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def _rules(findings: list[Finding], *beside: str) -> list[str]:
    """The rules found, without those that a workbook of one sheet breaks anyway."""
    return [finding.rule for finding in findings if finding.rule not in ("sheets_absent", *beside)]


TITLE = ["DANH MỤC, tính đến ngày 30/06/2026"]


def test_reads_land_with_units_and_explicit_dates() -> None:
    rows, findings = _read(
        {
            "Sử dụng đất": [
                TITLE,
                [],
                [
                    "TT",
                    "Mã KCN",
                    "Diện tích KCN (ha)",
                    "Đất công nghiệp theo quy hoạch (m2)",
                    "Đất đã cho thuê",
                    "Từ ngày",
                ],
                [1, "Quế Võ I", 611.0, 4_500_000, "1.234,5", date(2025, 1, 1)],
                [2, "KCN không có thật", 10, 10, 1, None],
                ["Tổng cộng", None, 621, None, None, None],
            ]
        }
    )
    first, unknown = rows["register_land"]
    assert first["park_code"] == "QUE_VO"
    assert first["land_total_ha"] == 611.0
    assert first["land_industrial_planned_ha"] == 450.0
    assert first["land_leased_ha"] == 1234.5
    assert (first["valid_from"], first["as_of"]) == (date(2025, 1, 1), date(2026, 6, 30))
    assert (first["_line"], first["_sheet"], first["_problem"]) == (4, "Sử dụng đất", None)
    assert unknown["_problem"] == "unknown_park_name"
    assert "KCN không có thật" in unknown["_problem_detail"]
    assert _rules(findings) == []


def test_reads_codes_booleans_tax_codes_and_dates_as_people_write_them() -> None:
    head = [
        "Mã DN",
        "Mã số thuế",
        "Tên doanh nghiệp",
        "Mã KCN",
        "Vai trò",
        "Loại hình vốn",
        "Đang hoạt động",
        "Hoạt động từ",
    ]
    rows, _ = _read(
        {
            "Danh sách doanh nghiệp": [
                head,
                [
                    "E0001",
                    2300000015.0,
                    "Công ty  TNHH\nMẫu 01",
                    "QUE_VO",
                    "Doanh nghiệp thứ cấp",
                    "FDI",
                    "Có",
                    "15/3/2019",
                ],
                ["E0002", "12", "Công ty Mẫu 02", "VSIP", "thuê đất?", "FDI", "có lẽ", "2019"],
            ]
        }
    )
    good, bad = rows["register_enterprises"]
    assert good["tax_code"] == "2300000015"
    assert good["name_vi"] == "Công ty TNHH Mẫu 01"
    assert good["is_operating"] is True
    assert good["operating_from"] == date(2019, 3, 15)
    assert good["as_of"] == date(2026, 7, 1)
    assert bad["_problem"] == "unreadable_tax_code"


def test_missing_required_header_is_named_and_rows_stay() -> None:
    rows, findings = _read({"KCN": [["Mã KCN", "Tên KCN"], ["QUE_VO", "Quế Võ"]]})
    assert rows["register_parks"][0]["name_vi"] == "Quế Võ"
    missing = [finding.field for finding in findings if finding.rule == "header_missing"]
    assert {"status", "is_pilot", "former_province_code"} <= set(missing)


def test_unknown_unit_in_header_gives_no_figure() -> None:
    rows, _ = _read({"Đất đai": [["Mã KCN", "Diện tích KCN (sào)"], ["QUE_VO", 12]]})
    (row,) = rows["register_land"]
    assert row["land_total_ha"] is None
    assert row["_problem"] == "unknown_unit"


def test_workbook_without_a_known_sheet_is_refused() -> None:
    rows, findings = _read({"Sheet1": [["a", "b"], [1, 2]]})
    assert rows == {}
    assert [f.rule for f in findings] == ["sheet_ignored", "sheet_missing"]


LOT_HEAD = ["STT", "Mã lô", "Mã KCN", "Có dữ liệu GIS", "Hiệu lực từ", "Ghi chú"]


def _lots(*rows: list[Any], title: list[Any] = TITLE) -> tuple[list[dict[str, Any]], list[Finding]]:
    read, findings = _read({"Lô đất": [title, LOT_HEAD, *rows]})
    return read.get("register_lots", []), findings


def test_two_sheets_of_one_table_are_read_together_and_told() -> None:
    first, second = [1, "L1", "QUE_VO", "Có"], [1, "L2", "QUE_VO", "Có"]
    rows, findings = _read({"Lô đất": [TITLE, LOT_HEAD, first], "Lots": [TITLE, LOT_HEAD, second]})
    assert [(row["lot_id"], row["_sheet"]) for row in rows["register_lots"]] == [("L1", "Lô đất"), ("L2", "Lots")]
    (twice,) = [finding for finding in findings if finding.rule == "sheet_twice"]
    assert (twice.table, twice.said["found"]) == ("register_lots", "Lô đất; Lots")


def test_absent_sheets_are_named_once() -> None:
    _, findings = _lots([1, "L1", "QUE_VO", "Có"])
    (absent,) = [finding for finding in findings if finding.rule == "sheets_absent"]
    expected = absent.said["expected"].split("; ")
    assert "Doanh nghiệp" in expected
    assert "Lô đất" not in expected
    assert len(expected) == len(RegisterReader(load_contracts()).tables) - 1


@pytest.mark.parametrize("total", ["Tổng", "TỔNG CỘNG", "Tổng số:", "Cộng :", "Tô\u0309ng cô\u0323ng"])
def test_a_total_line_is_no_row(total: str) -> None:
    for line in ([total, None, None, 5.0], [None, total, None, 5.0]):
        rows, findings = _lots([1, "L1", "QUE_VO", "Có"], line)
        assert [row["lot_id"] for row in rows] == ["L1"]
        assert _rules(findings) == []


@pytest.mark.parametrize("first", ["Tổng Công ty Nhựa Mẫu 04", "Tổng công ty", "Tông cộng", "Tổng"])
def test_a_row_with_a_key_is_no_total_line(first: str) -> None:
    rows, _ = _lots([first, "L1", "QUE_VO", "Có"])
    assert [row["lot_id"] for row in rows] == ["L1"]


def test_a_key_alone_is_a_row_and_a_remark_is_told() -> None:
    remark = "Ghi chú: số liệu của Phòng Quy hoạch"
    rows, findings = _lots(
        [1, "L1", "QUE_VO", "Có"], [2, "L2", None, None], [3, None, None, None], [], [None, remark], [remark]
    )
    assert [(row["lot_id"], row["has_gis"]) for row in rows] == [("L1", True), ("L2", None)]
    assert _rules(findings) == ["row_ignored", "row_ignored"]
    ignored = [finding for finding in findings if finding.rule == "row_ignored"]
    assert [(finding.place.line, finding.place.cell, finding.value) for finding in ignored] == [
        (7, "B7", remark), (8, "A8", remark),
    ]  # fmt: skip


def test_a_formula_error_is_a_problem_of_its_row() -> None:
    content = _write({"Lô đất": [TITLE, LOT_HEAD, [1, "L1", "QUE_VO", 77], [2, "L2", "QUE_VO", None], [3, 77, 77, 77]]})
    error = b' t="e"><f>#REF!</f><v>#REF!</v>'
    rows, _ = _read_bytes(_replace_cells(content, b' t="n"><v>77</v>', error))
    broken, empty, lost = rows["register_lots"]
    assert (broken["has_gis"], broken["_problem"]) == (None, "formula_error")
    assert "[D3]" in broken["_problem_detail"]
    assert (empty["has_gis"], empty["_problem"]) == (None, None)
    assert (lost["lot_id"], lost["_problem"]) == (None, "formula_error"), "a row of errors alone is no empty line"


def _replace_cells(content: bytes, old: bytes, new: bytes) -> bytes:
    """The workbook with something else in the XML of its sheets."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(changed, "w") as after:
        for entry in before.namelist():
            text = before.read(entry)
            after.writestr(entry, text.replace(old, new) if entry.startswith("xl/worksheets/") else text)
    return changed.getvalue()


@pytest.mark.parametrize("figure", [b"NaN", b"INF", b"-1e999", b"1e300"])
def test_a_figure_that_is_no_number_is_refused(figure: bytes) -> None:
    """1e300 is a number, but not once its milliards are written out."""
    head = ["Tỉnh", "Năm", "Giá trị sản xuất công nghiệp (tỷ đồng)"]
    content = _write({"Thống kê tỉnh": [TITLE, head, ["BN_OLD", 2025, 77]]})
    content = _replace_cells(content, b"<v>77<", b"<v>" + figure + b"<")
    (row,) = _read_bytes(content)[0]["register_province_statistics"]
    assert [value for name, value in row.items() if name.startswith("gross_output")] == [None]
    assert (row["_problem"], row["period_code"]) == ("unreadable_number", "2025")


def test_a_text_file_lacks_no_sheets() -> None:
    rows, findings = _read_bytes("Tính đến ngày 30/06/2026;;\nMã lô;Mã KCN;GIS\nL1;QUE_VO;Có\n".encode(), "Lô đất.csv")
    assert [row["lot_id"] for row in rows["register_lots"]] == ["L1"]
    assert "sheets_absent" not in [finding.rule for finding in findings], "a text file cannot hold the other sheets"


@pytest.mark.parametrize(
    "title",
    [
        ["Tính đến ngày 15/07/2025"], ["Số liệu tính đến hết ngày 15 tháng 7 năm 2025"], ["TÍNH ĐẾN: 15.7.2025 (ha)"],
        ["Từ ngày 01/01/2025 đến ngày 15/07/2025"], ["As of 2025-07-15"], ["Tính đến ngày", date(2025, 7, 15)],
        ["Tính đến 15h00 ngày 15/7/2025"], ["Tính đến ngày:", None, "15/07/2025"],
    ],
)  # fmt: skip
def test_the_day_a_register_speaks_of_stands_above_the_table(title: list[Any]) -> None:
    (row,), findings = _lots([1, "L1", "QUE_VO", "Có"], title=title)
    assert row["as_of"] == date(2025, 7, 15)
    assert _rules(findings) == []


@pytest.mark.parametrize(
    ("title", "rule"),
    [
        ("Tính đến ngày 15/07/25", "two_digit_year"),
        ("Tính đến ngày 31/06/2026", "impossible_date"),
        ("Tính đến ngày …/…/2026", "unreadable_date"),
        ("Tính đến tháng 7/2026", "unreadable_date"),
        ("Tính đến ngày", "unreadable_date"),
        ("Số liệu đến ngày 15/07/25", "two_digit_year"),
    ],
)
def test_a_day_that_is_not_certain_refuses_the_register(title: str, rule: str) -> None:
    rows, findings = _lots([1, "L1", "QUE_VO", "Có"], title=[title])
    assert rows == []
    assert _rules(findings) == [rule]
    assert (findings[-1].scope, findings[-1].value, findings[-1].place.cell) == ("payload", title, "A1")


def test_a_register_that_states_no_day_takes_that_of_its_file_and_is_told() -> None:
    remark = "thuê đến ngày 31/12/50, tính đến nay còn nợ"
    (row,), findings = _lots([1, "L1", "QUE_VO", "Có", None, remark], title=["LÔ ĐẤT"])
    assert row["as_of"] == date(2026, 7, 1), "a remark in the table states no day"
    (finding,) = [finding for finding in findings if finding.rule == "as_of_missing"]
    assert finding.value == "2026-07-01"


def test_a_cover_states_the_day_when_the_sheets_do_not() -> None:
    rows, findings = _read({"Bìa": [["Tính đến ngày 30/06/2026"]], "Lô đất": [LOT_HEAD, [1, "L1", "QUE_VO", "Có"]]})
    assert rows["register_lots"][0]["as_of"] == date(2026, 6, 30)
    assert _rules(findings) == ["sheet_ignored"]


def test_a_register_without_any_row_is_refused_with_a_reason() -> None:
    rows, findings = _read({"Lô đất": [TITLE, LOT_HEAD], "KCN": []})
    assert rows == {}
    assert (findings[-1].rule, findings[-1].said["found"]) == ("register_empty", "Lô đất; KCN")
