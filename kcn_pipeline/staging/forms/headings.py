"""The title block and signature block of a report: tax code, period, park, currency, date line.

It must not read the item table. The surprising fact: the value of a heading stands after a colon in the same cell or
in the next filled cell to the right, and in one sheet both occur.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from kcn_pipeline.contracts.forms import Form
from kcn_pipeline.staging.vietnamese import Period, clean, fold, read_period
from kcn_pipeline.staging.workbooks import Cell, Rows

_NUMBERING = re.compile(r"^\s*(?:[\dIVX]{1,4}(?:\.\d+)*[.)]|[-+*•])\s*")
#: Cheap to rule out, and blind to how accents are encoded: a day and the beginning of `tháng`.
_MAY_BE_DATE = re.compile(r"[0-9]\s*th", re.IGNORECASE)
_DATE_LINE = re.compile(r"ngày\s*\d{1,2}\s*tháng\s*\d{1,2}\s*năm\s*\d{2,4}", re.IGNORECASE)
#: The letters of a label from which on a cell may go on after it.
_LONG = 8


class Heading(NamedTuple):
    """A value of the title block with its cell, indexes counted from 0."""

    value: Cell
    row: int
    at: int


class Line(NamedTuple):
    """A cell outside the table taken apart: folded label, what stands after its colon, and what it speaks of."""

    text: str
    label: str
    rest: str
    date_line: str | None
    period: Period | None
    names_currency: bool


@dataclass(frozen=True)
class HeadingLabels:
    """Folded labels → heading name or field code; a longer cell counts when it begins with a label of 8 letters.

    `beginnings` holds those labels, longest first and each with a blank behind it, by their first 8 letters.
    """

    exact: Mapping[str, str]
    beginnings: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, form: Form) -> "HeadingLabels":
        """The labels of a form's headings and of its fields that stand in the title block."""
        titled = {
            fold(label): one.code for one in form.fields if not one.columns for label in (one.label, *one.aliases)
        }
        exact = titled | {fold(label): heading.name for heading in form.headings for label in heading.labels}
        beginnings: dict[str, list[str]] = {}
        for label in sorted(exact, key=len, reverse=True):
            if len(label) >= _LONG:
                beginnings.setdefault(label[:_LONG], []).append(f"{label} ")
        return cls(exact, beginnings)

    def find(self, text: str) -> str | None:
        """The heading or field that a folded cell names."""
        if name := self.exact.get(text):
            return name
        longer = self.beginnings.get(text[:_LONG], ())
        return next((self.exact[label[:-1]] for label in longer if text.startswith(label)), None) if longer else None


@dataclass
class Headings:
    """What the blocks above and below the table say: values by heading name or field code, lines, the date line."""

    values: dict[str, Heading] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    date_line: Heading | None = None

    def get(self, name: str) -> Heading | None:
        """The value of a heading, if the sheet has it."""
        return self.values.get(name)


def read_headings(labels: HeadingLabels, rows: Rows, head: int, last: int) -> Headings:
    """All headings of a sheet whose item table lies in rows `head` to `last`."""
    found = Headings()
    for number, at, cell in _outside_cells(rows, head, last):
        line = _take_apart(cell)
        if line.date_line:
            found.date_line = Heading(line.date_line, number, at)
        if number < head:
            found.lines.append(line)
        name = labels.find(line.label)
        if name is None or name in found.values:
            continue
        if line.rest:
            found.values[name] = Heading(line.rest, number, at)
        elif (value := _next_filled(rows[number], at)) is not None:
            found.values[name] = Heading(rows[number][value], number, value)
    return found


@lru_cache(maxsize=20_000)
def _take_apart(cell: str) -> Line:
    """A cell and what it says, remembered because most cells are the same on every sheet."""
    match = _DATE_LINE.search(clean(cell)) if _MAY_BE_DATE.search(cell) else None
    label, _, rest = _NUMBERING.sub("", cell, count=1).partition(":")
    key = fold(cell)
    names_currency = "tinh" in key or "tien te" in key
    return Line(cell, fold(label), rest.strip(), match[0] if match else None, read_period(cell), names_currency)


def _outside_cells(rows: Rows, head: int, last: int) -> list[tuple[int, int, str]]:
    """The cells that hold text above and below the table, with their rows and columns."""
    return [
        (number, at, cell)
        for number in (*range(head), *range(last + 1, len(rows)))
        for at, cell in enumerate(rows[number])
        if cell and isinstance(cell, str)
    ]


def _next_filled(row: Sequence[Cell], at: int) -> int | None:
    for index in range(at + 1, len(row)):
        if row[index] != "":
            return index
    return None
