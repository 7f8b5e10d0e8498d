"""Compares rows of the truth with rows of the pipeline: a list of differences, empty when all is true."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

#: A row of the truth: everything is text, an empty one is None.
Row = Mapping[str, str]


def find_differences(
    truth: Iterable[Row],
    found: Iterable[Mapping[str, Any]],
    keys: tuple[str, ...],
    numbers: tuple[str, ...],
    texts: tuple[str, ...],
) -> list[str]:
    """Rows that are missing, too many, or other than the truth in a column; numbers to nine digits, texts exactly."""
    wanted = {tuple(row[name] for name in keys): row for row in truth}
    given = {tuple(text_of(row[name]) for name in keys): row for row in found}
    wrong = [f"missing: {key}" for key in wanted.keys() - given.keys()]
    wrong += [f"too many: {key}" for key in given.keys() - wanted.keys()]
    checks: list[tuple[str, Callable[[str, Any], bool]]] = [(name, is_same_number) for name in numbers]
    checks += [(name, lambda text, value: text == text_of(value)) for name in texts]
    for key in wanted.keys() & given.keys():
        row, other = wanted[key], given[key]
        wrong += [f"{key} {n}: {row[n]} / {other[n]}" for n, is_same in checks if not is_same(row[n], other[n])]
    return sorted(wrong)


def is_same_number(text: str, value: float | None) -> bool:
    """Whether a number of the truth is that of the pipeline; no number is the same as no number only."""
    if text == "" or value is None:
        return text == "" and value is None
    return math.isclose(float(text), value, rel_tol=1e-9, abs_tol=1e-6)


def text_of(value: object) -> str:
    """A value as the truth writes it."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value).removesuffix(".000000")
