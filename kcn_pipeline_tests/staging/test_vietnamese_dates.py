"""Dates and periods: every written form, and that nothing is completed, swapped or widened."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcn_pipeline.staging.vietnamese import Period, ReadDate, read_date, read_excel_date, read_period

APRIL_10 = date(2026, 4, 10)


@pytest.mark.parametrize(
    "text",
    [
        *("10/04/2026", "10/4/2026", "10-4-2026", "10.04.2026", "10 / 4 / 2026", "'10/04/2026", " 10/04/2026\n"),
        *("2026-04-10", "2026/04/10", "2026-04-10 00:00:00", "2026-04-10T09:40:00", "10/04/2026 09:40"),
        *("ngày 10 tháng 4 năm 2026", "Ngày 10 tháng 04 năm 2026", "10 tháng 4 năm 2026", "NGÀY 10 THÁNG 4 NĂM 2026"),
        *(
            "Bắc Ninh, ngày 10 tháng 4 năm 2026",
            "ngay 10 thang 4 nam 2026",
            "nga\u0300y 10 tha\u0301ng 4 na\u0306m 2026",
        ),
    ],
)
def test_every_form_of_one_date(text: str) -> None:
    assert read_date(text) == ReadDate(APRIL_10)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("10/04/26", "two_digit_year"),
        ("ngày 10 tháng 4 năm 26", "two_digit_year"),
        ("04/13/2026", "impossible_date"),
        ("31/02/2026", "impossible_date"),
        ("29/02/2026", "impossible_date"),
        ("00/04/2026", "impossible_date"),
        ("10/04/0206", "impossible_date"),
        ("10/04/3026", "impossible_date"),
        ("10-04/2026", "unreadable_date"),
        ("04/2026", "unreadable_date"),
        ("2026", "unreadable_date"),
        ("46122", "unreadable_date"),
        ("hôm nay", "unreadable_date"),
        ("10/04/2026 và 11/04/2026", "unreadable_date"),
        ("ngày … tháng … năm 2026", "unreadable_date"),
        ("٠١/٠٢/٢٠٢٦", "unreadable_date"),
    ],
)
def test_what_is_no_certain_date_is_a_problem(text: str, problem: str) -> None:
    assert read_date(text) == ReadDate(None, problem)


@pytest.mark.parametrize("text", ["", "-", "N/A", "không có", "…"])
def test_an_empty_date_is_no_problem(text: str) -> None:
    assert read_date(text) == ReadDate(None)


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)))
@settings(max_examples=100, deadline=None)
def test_day_first_and_iso_agree(value: date) -> None:
    assert read_date(f"{value:%d/%m/%Y}") == read_date(value.isoformat()) == ReadDate(value)


@given(st.dates(date(1950, 1, 1), date(2100, 12, 31)))
@settings(max_examples=50, deadline=None)
def test_excel_serials(value: date) -> None:
    serial = (value - date(1900, 3, 1)) / timedelta(days=1) + 61
    assert read_excel_date(serial) == read_excel_date(serial + 0.75) == ReadDate(value)
    assert read_excel_date(serial - 1462, epoch_1904=True) == ReadDate(value)


@pytest.mark.parametrize("serial", [2026, 23, 0, -5, 20260410, float("nan"), float("inf"), True])
def test_a_number_that_is_no_date(serial: float) -> None:
    assert read_excel_date(serial) == ReadDate(None, "impossible_date")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Quý I/2026", "2026-Q1"),
        ("Quý 1 năm 2026", "2026-Q1"),
        ("quý IV-2025", "2025-Q4"),
        ("Quý 02/2026", "2026-Q2"),
        ("Quý 1 - 2026", "2026-Q1"),
        ("Quý I của năm 2026", "2026-Q1"),
        ("Qúy III năm 2026", "2026-Q3"),
        ("QUY III NAM 2026", "2026-Q3"),
        ("Q1/2026", "2026-Q1"),
        ("Kỳ báo cáo: Quý 2 năm 2026", "2026-Q2"),
        ("BÁO CÁO TÌNH HÌNH THỰC HIỆN DỰ ÁN\nQUÝ II NĂM 2026", "2026-Q2"),
        ("Quý I/2026 so với năm 2025", "2026-Q1"),
        ("Quý I/2026, lập ngày 10 tháng 4 năm 2026", "2026-Q1"),
        ("Kính gửi Quý cơ quan: báo cáo quý I/2026", "2026-Q1"),
        ("6 tháng đầu năm 2026", "2026-S1"),
        ("06 tháng cuối năm 2026", "2026-S2"),
        ("Sáu tháng đầu năm 2026", "2026-S1"),
        ("6 thang dau nam 2026", "2026-S1"),
        ("H1/2026", "2026-S1"),
        ("Tháng 3/2026", "2026-03"),
        ("tháng 12 năm 2026", "2026-12"),
        ("03/2026", "2026-03"),
        ("Năm 2025", "2025"),
        ("BÁO CÁO GIÁM SÁT NĂM 2025", "2025"),
        ("năm báo cáo: 2025", "2025"),
        ("Kính gửi Quý công ty, báo cáo năm 2025", "2025"),
        ("NAM 2025", "2025"),
        *((code, code) for code in ("2026", "2026-Q1", "2026-S2", "2026-03")),
    ],
)
def test_periods(text: str, code: str) -> None:
    period = read_period(text)
    assert period is not None
    assert period.problem is None
    assert period.code == code
    assert period.freq == {4: "A", 7: code[5] if code[5:6].isalpha() else "M"}[len(code)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Quý I/23", "two_digit_year"),
        ("Năm 23", "two_digit_year"),
        ("6 tháng đầu năm 23", "two_digit_year"),
        ("Quý 5/2026", "impossible_period"),
        ("Tháng 13/2026", "impossible_period"),
        ("Quý I/1026", "impossible_period"),
        ("9 tháng đầu năm 2026", "unsupported_period"),
        ("6 tháng năm 2026", "unsupported_period"),
        ("Quý I, II năm 2026", "unsupported_period"),
        ("Quý I+II/2026", "unsupported_period"),
        ("từ tháng 1 đến tháng 3/2026", "unsupported_period"),
        ("Giai đoạn 2021-2025", "unsupported_period"),
        ("năm 2021 - 2025", "unsupported_period"),
        ("Quý I năm 2026 và quý II năm 2026", "several_periods"),
        ("Quý I/2026 và 6 tháng đầu năm 2026", "several_periods"),
        ("năm 2025 so với năm 2024", "several_periods"),
        ("Quý I", "unreadable_period"),
        ("Quý … năm 2026", "unreadable_period"),
        ("Báo cáo hằng quý năm 2026", "unreadable_period"),
        ("Quý hai năm 2026", "unreadable_period"),
    ],
)
def test_a_period_that_is_not_certain_is_a_problem(text: str, problem: str) -> None:
    assert read_period(text) == Period(None, None, problem)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "Tổng vốn đầu tư",
            "Công ty TNHH Việt Nam 2025",
            "CONG TY VIET NAM 2025",
            "Thông tư 08/2023/TT-BKHĐT",
            "12.5",
        ),
        *("Bắc Ninh, ngày 10 tháng 4 năm 2026", "ngày … tháng … năm 2026", "Số liệu đến 31/12/2025", "theo quy định"),
        *("doanh thu trong năm 20 triệu USD", "Kính gửi Quý công ty"),
    ],
)
def test_a_line_that_names_no_period(text: str) -> None:
    assert read_period(text) is None
