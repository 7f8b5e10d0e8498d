"""Register sheets are read by their table contracts: names, headers, units, dates, codes, and what cannot be read."""

import io
from datetime import date
from typing import Any

import openpyxl

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.findings import Finding, Place
from kcn_pipeline.staging.register import RegisterReader

PLACE = Place("register", "f" * 64, "so-bo.xlsx")


def _read(sheets: dict[str, list[list[Any]]]) -> tuple[dict[str, list[dict[str, Any]]], list[Finding]]:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    workbook.save(buffer)
    return RegisterReader(load_contracts()).read_payload(PLACE, buffer.getvalue(), "2026-07-01T00:00:00+07:00")


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
    assert [f.rule for f in findings] == []


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
