"""Numbers: the written forms of the documents, what stays a finding, and that no reading is ever off by a thousand."""

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcn_pipeline.staging.vietnamese import (
    Convention,
    Number,
    decide_convention,
    format_number,
    is_missing,
    read_number,
)

CONVENTIONS: list[Convention] = ["vi", "en"]

# text, read without a convention, read as vi, read as en; a problem code where there is no value
READINGS: list[tuple[str, float | str, float | str, float | str]] = [
    ("3.946", "undecidable_number", 3946, 3.946),
    ("966,358", "undecidable_number", 966.358, 966358),
    ("-3.946", "undecidable_number", -3946, -3.946),
    ("52.300", "undecidable_number", 52300, 52.3),
    ("999.999", "undecidable_number", 999999, 999.999),
    ("2.677,6", 2677.6, 2677.6, "convention_conflict"),
    ("2,677.6", 2677.6, "convention_conflict", 2677.6),
    ("1.234,567", 1234.567, 1234.567, "convention_conflict"),
    ("4,133,000", 4133000, "convention_conflict", 4133000),
    ("1.234.567", 1234567, 1234567, "convention_conflict"),
    ("1.234.567,89", 1234567.89, 1234567.89, "convention_conflict"),
    ("12,5", 12.5, 12.5, "convention_conflict"),
    ("63,61", 63.61, 63.61, "convention_conflict"),
    ("0,1234", 0.1234, 0.1234, "convention_conflict"),
    ("12.5", 12.5, "convention_conflict", 12.5),
    ("0.125", 0.125, "convention_conflict", 0.125),
    ("0,125", 0.125, 0.125, "convention_conflict"),
    ("1234,567", 1234.567, 1234.567, "convention_conflict"),
    (",5", 0.5, 0.5, "convention_conflict"),
    (".5", 0.5, "convention_conflict", 0.5),
    ("1 234 567", 1234567, 1234567, 1234567),
    ("1 234,567", 1234.567, 1234.567, "convention_conflict"),
    ("1\u00a0234", 1234, 1234, 1234),
    ("1\u2009234\u2009567", 1234567, 1234567, 1234567),
    ("1'234'567", 1234567, 1234567, 1234567),
    ("1’234’567.5", 1234567.5, "convention_conflict", 1234567.5),
    ("2.811.08", "malformed_number", "malformed_number", "malformed_number"),
    ("1.2345.678", "malformed_number", "malformed_number", "malformed_number"),
    ("1,23,456", "malformed_number", "malformed_number", "malformed_number"),
    ("0.123.456", "malformed_number", "malformed_number", "malformed_number"),
    ("1.234,567,8", "malformed_number", "malformed_number", "malformed_number"),
    ("012,5", "malformed_number", "malformed_number", "malformed_number"),
    ("12 34", "malformed_number", "malformed_number", "malformed_number"),
    ("20.", "malformed_number", "malformed_number", "malformed_number"),
    ("- 5", "malformed_number", "malformed_number", "malformed_number"),
    ("0", 0, 0, 0),
    ("08", 8, 8, 8),
    ("'0123", 123, 123, 123),
    ("１２", 12, 12, 12),
    ("１．２３４，５", 1234.5, 1234.5, "convention_conflict"),
    ("+5", 5, 5, 5),
    ("-5", -5, -5, -5),
    ("−5", -5, -5, -5),
    ("–5", -5, -5, -5),
    ("(1.234,5)", -1234.5, -1234.5, "convention_conflict"),
    ("1.2E+05", 120000, 120000, 120000),
    ("1,2E+05", 120000, 120000, 120000),
    ("-1.2e-3", -0.0012, -0.0012, -0.0012),
    ("12.345E+05", "unreadable_number", "unreadable_number", "unreadable_number"),
    ("1-2", "range_not_number", "range_not_number", "range_not_number"),
    ("1 – 2", "range_not_number", "range_not_number", "range_not_number"),
    ("10÷20", "range_not_number", "range_not_number", "range_not_number"),
    ("5% - 10%", "range_not_number", "range_not_number", "range_not_number"),
    ("từ 1 đến 2", "range_not_number", "range_not_number", "range_not_number"),
    ("72.300-100.000", "range_not_number", "range_not_number", "range_not_number"),
    ("10/04/2026", "unreadable_number", "unreadable_number", "unreadable_number"),
    ("10-04-2026", "unreadable_number", "unreadable_number", "unreadable_number"),
    ("10.4.2026", "malformed_number", "malformed_number", "malformed_number"),
    ("2 tỷ 500 triệu", "unreadable_number", "unreadable_number", "unreadable_number"),
    ("1511/TTg-KTN", "unreadable_number", "unreadable_number", "unreadable_number"),
    ("3x4", "unreadable_number", "unreadable_number", "unreadable_number"),
    ("A-5", "unreadable_number", "unreadable_number", "unreadable_number"),
    ("hai mươi", "unreadable_number", "unreadable_number", "unreadable_number"),
    ("#REF!", "unreadable_number", "unreadable_number", "unreadable_number"),
    ("#N/A", "unreadable_number", "unreadable_number", "unreadable_number"),
    ("±5", "unreadable_number", "unreadable_number", "unreadable_number"),
    ("٣٤", "unreadable_number", "unreadable_number", "unreadable_number"),
    ("9" * 31, "unreadable_number", "unreadable_number", "unreadable_number"),
]


@pytest.mark.parametrize(("text", "none", "vi", "en"), READINGS, ids=[row[0] for row in READINGS])
def test_reading_under_each_convention(text: str, none: float | str, vi: float | str, en: float | str) -> None:
    for convention, expected in ((None, none), *zip(CONVENTIONS, (vi, en), strict=True)):
        number = read_number(text, convention)
        assert (number.problem or number.value) == expected
        assert (number.value is None) == isinstance(expected, str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("966,358 triệu USD", Number(966.358, unit_text="triệu USD")),
        ("72.300m3", Number(72300, unit_text="m3")),
        ("2.252ha", Number(2252, unit_text="ha")),
        ("48.565 m3/ngày đêm", Number(48565, unit_text="m3/ngày đêm")),
        ("15,4%", Number(15.4, unit_text="%")),
        ("70/ngày", Number(70, unit_text="/ngày")),
        ("200h", Number(200, unit_text="h")),
        ("4 tấn CO2/năm", Number(4, unit_text="tấn CO2/năm")),
        ("(5%)", Number(-5, unit_text="%")),
        ("USD 4.133.000", Number(4133000, unit_text="USD")),
        ("USD 4 triệu", Number(4, unit_text="triệu USD")),
        ("khoảng 20", Number(20, "about")),
        ("gần 20", Number(20, "about")),
        ("~20", Number(20, "about")),
        ("trên 600", Number(600, "greater_than")),
        ("> 600", Number(600, "greater_than")),
        (">600 người", Number(600, "greater_than", "người")),
        ("dưới 5,5", Number(5.5, "less_than")),
        ("< 0,05 mg/l", Number(0.05, "less_than", "mg/l")),
        ("từ 5", Number(5, "at_least")),
        ("tối thiểu 3 ha", Number(3, "at_least", "ha")),
        ("≥ 3", Number(3, "at_least")),
        ("600 người trở lên", Number(600, "at_least", "người")),
        ("từ 600 trở lên", Number(600, "at_least")),
        ("không quá 1.000", Number(1000, "at_most")),
        ("60% trở xuống", Number(60, "at_most", "%")),
        ("Trên 2.677,6 triệu USD", Number(2677.6, "greater_than", "triệu USD")),
        ("Tre\u0302n 600", Number(600, "greater_than")),
        ("tren 600", Number(600, "greater_than")),
        ("khoảng USD 5", Number(5, "about", "USD")),
    ],
)
def test_qualifier_and_unit_are_kept_beside_the_value(text: str, expected: Number) -> None:
    assert read_number(text, "vi") == expected


def test_qualifiers_that_contradict_are_not_read() -> None:
    assert read_number("dưới 600 trở lên", "vi").problem == "unreadable_number"


def test_suggestions_name_what_the_cell_may_have_meant() -> None:
    assert read_number("2.811.08 triệu USD", "vi") == Number(
        None, None, "triệu USD", problem="malformed_number", suggestion="2.811,08?"
    )
    assert read_number("-3.946", None).suggestion == "-3946 (vi) / -3.946 (en)"
    assert read_number("-2,677.6", "vi").suggestion == "-2677.6?"
    assert read_number("10.4.2026", "vi").suggestion is None
    assert read_number("- 5", "vi").suggestion == "-5?"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        "–",
        "—",
        "…",
        "...",
        "- -",
        "N/A",
        "n/a",
        "không có",
        "KHÔNG CÓ",
        "khong co",
        "x",
        "X",
        "\u00a0",
        "/",
    ],
)
def test_missing_is_no_problem_and_no_zero(text: str) -> None:
    assert is_missing(text)
    assert read_number(text, None) == Number(None)


@pytest.mark.parametrize("text", ["0", "00", "-0", "không rõ", "xx", "5"])
def test_not_missing(text: str) -> None:
    assert not is_missing(text)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["3.946", "966,358"], None),
        (["12", "", "N/A"], None),
        (["3.946", "2.677,6", "khoảng 20"], "vi"),
        (["966,358 triệu USD", "2,5 tỷ"], "vi"),
        (["4,133,000", "3.946"], "en"),
        (["Tổng: 12,5", "2,677.6"], "en"),
        (["1.234.567", "4,133,000"], "conflict"),
        (["12,5", "12.5"], "conflict"),
        (["0.125", "1.000"], "en"),
        (["1.2E+05", "3.946"], None),
        (["2.811.08", "3.946"], None),
        (["1-2", "10/04/2026"], None),
    ],
)
def test_convention_is_decided_by_unambiguous_cells(column: list[str], expected: str | None) -> None:
    assert decide_convention(column) == expected
    assert decide_convention(reversed(column)) == expected


amounts = st.integers(0, 6).flatmap(
    lambda places: st.tuples(st.decimals(-(10**12), 10**12, places=places), st.just(places))
)


@given(amounts, st.sampled_from(CONVENTIONS))
@settings(max_examples=300, deadline=None)
def test_formatting_and_reading_is_the_identity(amount: tuple[Decimal, int], convention: Convention) -> None:
    value, places = amount
    text = format_number(value, convention, places)
    assert read_number(text, convention) == Number(float(value))
    assert read_number(f"trên {text} triệu USD", convention).value == float(value)
    assert decide_convention([text]) in (None, convention)


number_like = st.text("0123456789.,' -+%()E", max_size=14) | amounts.map(
    lambda amount: format_number(*amount_vi(amount))
)


def amount_vi(amount: tuple[Decimal, int]) -> tuple[Decimal, Convention, int]:
    return amount[0], "vi", amount[1]


@given(number_like)
@settings(max_examples=500, deadline=None)
def test_no_reading_differs_from_one_made_without_convention(text: str) -> None:
    undecided = read_number(text, None)
    readings = {read_number(text, convention).value for convention in CONVENTIONS} - {None}
    if undecided.value is not None:
        assert readings == {undecided.value}
    elif len(readings) == 2:
        assert undecided.problem == "undecidable_number"
    if undecided.problem == "undecidable_number":
        low, high = sorted(abs(value) for value in readings if value is not None)
        assert math.isclose(high, low * 1000)


@given(st.text(max_size=40), st.sampled_from([None, "vi", "en"]))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_refused_or_missing(text: str, convention: Convention | None) -> None:
    number = read_number(text, convention)
    if number.value is None:
        assert number.problem is not None or is_missing(text)
    else:
        assert number.problem is None
        assert math.isfinite(number.value)
