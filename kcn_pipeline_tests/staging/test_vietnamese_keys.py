"""Keys: tax codes repaired only with proof, and park names that meet without two parks becoming one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcn_pipeline.staging.vietnamese import TaxCode, park_name_key, read_tax_code

WEIGHTS = (31, 29, 23, 19, 17, 13, 7, 5, 3)


def add_check_digit(digits: str) -> str | None:
    """The ten-digit code of nine digits, or None for the one in eleven that has no check digit."""
    check = 10 - sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True)) % 11
    return None if check == 10 else f"{digits}{check}"


CODE = "0123456787"
codes = st.integers(10**7, 10**9 - 1).map(lambda number: add_check_digit(f"{number:09d}")).filter(bool)


def test_the_example_is_a_valid_code() -> None:
    assert add_check_digit(CODE[:9]) == CODE


@pytest.mark.parametrize(
    "value",
    [
        CODE,
        f" {CODE} ",
        f"'{CODE}",
        "0123 456 787",
        "0123.456.787",
        "MST: 0123456787",
        "０１２３４５６７８７",
        f"{CODE}.0",
    ],
)
def test_one_code_in_many_forms(value: str) -> None:
    assert read_tax_code(value) == TaxCode(CODE)


@pytest.mark.parametrize(
    "value", ["0123456787-001", "0123456787001", "0123456787 001", "0123456787–001", "0123456787.001"]
)
def test_a_branch_has_thirteen_digits(value: str) -> None:
    assert read_tax_code(value) == TaxCode("0123456787-001")


@pytest.mark.parametrize("value", [123456787, 123456787.0, "123456787", "123456787.0"])
def test_a_lost_zero_is_restored_with_proof(value: str | float) -> None:
    assert read_tax_code(value) == TaxCode(CODE, repaired=True)
    assert read_tax_code(123456787001) == TaxCode("0123456787-001", repaired=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0123456780", TaxCode("0123456780", "tax_code_check_digit")),
        ("0123456780-001", TaxCode("0123456780-001", "tax_code_check_digit")),
        (123456780, TaxCode(None, "tax_code_length")),
        ("23456787", TaxCode(None, "tax_code_length")),
        ("001185001234", TaxCode(None, "tax_code_length")),
        ("01234567871", TaxCode(None, "tax_code_length")),
        ("01234567AB", TaxCode(None, "unreadable_tax_code")),
        ("1E+09", TaxCode(None, "unreadable_tax_code")),
        (123456787.5, TaxCode(None, "unreadable_tax_code")),
        (-123456787, TaxCode(None, "unreadable_tax_code")),
        (float("inf"), TaxCode(None, "unreadable_tax_code")),
        ("chờ cấp", TaxCode(None, "unreadable_tax_code")),
        (None, TaxCode(None)),
        (float("nan"), TaxCode(None)),
        ("", TaxCode(None)),
        ("-", TaxCode(None)),
    ],
)
def test_codes_that_are_wrong_or_missing(value: str | float | None, expected: TaxCode) -> None:
    assert read_tax_code(value) == expected


@given(codes, st.integers(0, 8), st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_every_single_wrong_digit_is_noticed(code: str, position: int, step: int) -> None:
    wrong = code[:position] + str((int(code[position]) + step) % 10) + code[position + 1 :]
    assert read_tax_code(code) == TaxCode(code)
    assert read_tax_code(wrong).problem == "tax_code_check_digit"
    assert read_tax_code(float(code)).value in (code, None)


@pytest.mark.parametrize(
    "names",
    [
        ["KCN Quế Võ", "Khu công nghiệp Quế Võ", "QUẾ VÕ", "khu công nghiệp\nQuế  Võ", "Que Vo", "K.C.N Quế Võ"],
        ["Khu công nghiệp Quế Võ I", "Quế Võ 1", "QUẾ VÕ (I)", "KCN Quế Võ 01", "Que Vo i"],
        ["Quế Võ II", "KCN Quế Võ 2", "Quế Võ - II"],
        ["Quế Võ III", "KCN Quế Võ 3"],
        ["Quế Võ mở rộng", "KCN Quế Võ MR", "Quế Võ (mở rộng)"],
        ["VSIP Bắc Ninh", "KCN VSIP Bắc Ninh", "VSIP - Bắc Ninh"],
        ["VSIP", "KCN VSIP"],
        ["Yên Phong II-C", "KCN Yên Phong 2 C"],
        ["Cụm công nghiệp Quế Võ"],
        ["Vân Trung", "Khu công nghiệp Vân Trung", "Van Trung Industrial Park"],
        ["Tân Vị", "Tan Vị"],
        ["Tân VI", "Tân 6"],
    ],
    ids=lambda names: names[0],
)
def test_names_of_one_park_meet(names: list[str]) -> None:
    keys = {park_name_key(name) for name in names}
    assert len(keys) == 1
    assert "" not in keys


def test_different_parks_keep_different_keys() -> None:
    names = [
        "Quế Võ",
        "Quế Võ I",
        "Quế Võ II",
        "Quế Võ III",
        "Quế Võ mở rộng",
        "Cụm công nghiệp Quế Võ",
        "VSIP",
        "Tân Vị",
    ]
    assert len({park_name_key(name) for name in [*names, "Tân VI", "VSIP II", "Quế Võ II mở rộng"]}) == len(names) + 3
    assert park_name_key("") == park_name_key("Khu công nghiệp") == ""
