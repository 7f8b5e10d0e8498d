"""Totals and percentages that a form states together with their parts.

It must not change a figure. The surprising fact: a total is checked only when every part holds a figure; a missing
part is a missing figure and not a wrong sum.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kcn_pipeline.contracts.forms import Form
from kcn_pipeline.staging.forms.layout import Slot

#: Firms round each line; half a percent of the total, or two units of the last place, is rounding.
TOLERANCE, LEAST = 0.005, 2.0
#: Percentages are written with one or two decimals.
RATIO_TOLERANCE = 0.1


@dataclass(frozen=True)
class Mismatch:
    """A total of one report that is not what its parts say."""

    rule: str
    slot: int
    expected: float
    found: float


def check_totals(form: Form, slots: Sequence[Slot], figures: np.ndarray) -> Iterator[tuple[int, Mismatch]]:
    """Row of `figures` (reports × slots) and mismatch, for every total and ratio of the form that does not hold."""
    where: dict[tuple[str, str, str], list[int]] = {}
    for index, slot in enumerate(slots):
        record = "" if slot.field.repeats else slot.record
        where.setdefault((slot.field.code, slot.column_code, record), []).append(index)
    for (code, column, record), (total, *_) in where.items():
        field = form.field(code)
        if field.sum_of:
            parts = [where.get((part, column, record), []) for part in field.sum_of]
            if all(parts):
                expected = figures[:, [index for part in parts for index in part]].sum(axis=1)
                yield from _compare("sum_mismatch", total, expected, figures, TOLERANCE, LEAST)
        elif field.ratio_of:
            above, below = (where.get((part, column, record), []) for part in field.ratio_of)
            if above and below:
                with np.errstate(divide="ignore", invalid="ignore"):
                    expected = 100 * figures[:, above[0]] / figures[:, below[0]]
                yield from _compare("ratio_mismatch", total, expected, figures, 0, RATIO_TOLERANCE)


def _compare(
    rule: str, total: int, expected: np.ndarray, figures: np.ndarray, tolerance: float, least: float
) -> Iterator[tuple[int, Mismatch]]:
    found = figures[:, total]
    with np.errstate(invalid="ignore"):
        wrong = np.abs(found - expected) > np.maximum(tolerance * np.abs(found), least)
    for row in np.flatnonzero(wrong & np.isfinite(expected)):
        yield int(row), Mismatch(rule, total, float(expected[row]), float(found[row]))
