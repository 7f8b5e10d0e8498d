"""Cells as text: many numbers at a time are written exactly as one is."""

import math
from datetime import date

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kcn_pipeline.staging.forms.cells import write_all_raw, write_raw
from kcn_pipeline.staging.workbooks import Cell

ODD = [0.0, -0.0, 12.0, -3.25, 0.1 + 0.2, 1e-4, 9.9e-5, 1e-5, 1e10, 9_999_999_999.5, 1e14, 1e15, 1e16, 5e-324, 1.7e308]
decimals = st.decimals(-(10**9), 10**9, places=3, allow_nan=False).map(float)
numbers = st.floats(allow_nan=False, allow_infinity=False) | decimals | st.integers(-(10**12), 10**12).map(float)


def _write(cells: list[Cell]) -> list[str | None]:
    held = np.array([cell if type(cell) is float else math.nan for cell in cells], dtype=float)
    written: list[str | None] = write_all_raw(held, cells).to_pylist()
    return written


@given(st.lists(numbers))
@example(ODD)
@settings(max_examples=300, deadline=None)
def test_many_numbers_are_written_as_one_is(cells: list[Cell]) -> None:
    assert _write(cells) == [write_raw(cell) for cell in cells]


def test_what_is_no_number_is_written_among_numbers() -> None:
    cells: list[Cell] = [1.5, "", "khoảng 20", True, date(2026, 4, 1), 1e20]
    assert _write(cells) == ["1.5", None, "khoảng 20", "True", "2026-04-01", "1e+20"]
