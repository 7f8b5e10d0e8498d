"""Period codes, their days, names and relations."""

from datetime import date

import pytest

from kcn_pipeline.periods import list_periods, order_codes, period_of, read_period


@pytest.mark.parametrize(
    ("code", "days", "previous", "around", "name_vi", "name_en"),
    [
        ("2026", "0101-1231", "2025", "", "Năm 2026", "2026"),
        ("2026-S1", "0101-0630", "2025-S2", "2026", "6 tháng đầu năm 2026", "First half of 2026"),
        ("2026-S2", "0701-1231", "2026-S1", "2026", "6 tháng cuối năm 2026", "Second half of 2026"),
        ("2026-Q1", "0101-0331", "2025-Q4", "2026-S1 2026", "Quý I/2026", "Q1 2026"),
        ("2028-02", "0201-0229", "2028-01", "2028-Q1 2028-S1 2028", "Tháng 2/2028", "February 2028"),
        ("2028-02-29", "0229-0229", "2028-02-28", "2028-02 2028-Q1 2028-S1 2028", "29/02/2028", "29 February 2028"),
        ("2026-01-01", "0101-0101", "2025-12-31", "2026-01 2026-Q1 2026-S1 2026", "01/01/2026", "1 January 2026"),
        ("2026-12", "1201-1231", "2026-11", "2026-Q4 2026-S2 2026", "Tháng 12/2026", "December 2026"),
    ],
)
def test_codes(code: str, days: str, previous: str, around: str, name_vi: str, name_en: str) -> None:
    period = read_period(code)
    assert (period.code, period.previous.code) == (code, previous)
    assert f"{period.start:%m%d}-{period.end:%m%d}" == days
    assert [longer.code for longer in period.enclosing] == around.split()
    assert (period.name_vi, period.name_en) == (name_vi, name_en)
    assert period_of(period.freq, period.start) == period_of(period.freq, period.end) == period


@pytest.mark.parametrize(
    "code", ["", "26", "2026-Q5", "2026-S3", "2026-13", "2026-00", "2026-1", "2026Q1", "0000", "٢٠٢٦"]
)
def test_what_is_no_period(code: str) -> None:
    with pytest.raises(ValueError, match="expected such as 2026, 2026-S1"):
        read_period(code)


@pytest.mark.parametrize("code", ["2026-02-30", "2026-13-01", "2026-01-00"])
def test_a_day_that_is_none(code: str) -> None:
    with pytest.raises(ValueError):
        read_period(code)


def test_quarters() -> None:
    assert [q.code for q in read_period("2026-S2").quarters] == ["2026-Q3", "2026-Q4"]
    assert [q.code for q in read_period("2026").quarters] == ["2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4"]
    assert read_period("2026-05").quarters == read_period("2026-05-17").quarters == ()


def test_break_divides_only_what_lies_on_both_sides() -> None:
    day = date(2025, 7, 1)
    spanned = [p.code for p in list_periods(date(2025, 1, 1), date(2025, 12, 31)) if p.spans(day)]
    assert spanned == ["2025"]


def test_list_and_order() -> None:
    codes = [p.code for p in list_periods(date(2025, 1, 1), date(2025, 4, 2), ("Q", "M"))]
    assert codes == ["2025-Q1", "2025-Q2", "2025-01", "2025-02", "2025-03", "2025-04"]
    assert list_periods(date(2025, 1, 2), date(2025, 1, 31)) == []
    assert order_codes(["2025-Q2", "2025-S1", "2025", "2025-Q1", "2025-Q1"]) == (
        "2025", "2025-S1", "2025-Q1", "2025-Q2",
    )  # fmt: skip
