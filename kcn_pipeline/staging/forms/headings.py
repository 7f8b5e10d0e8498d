"""The title block and signature block of a report: tax code, period, park, currency, date line.

It must not read the item table. The surprising fact: the value of a heading stands after a colon in the same cell or
in the next filled cell to the right, and in one sheet both occur.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from kcn_pipeline.contracts.forms import Form
from kcn_pipeline.staging.vietnamese import clean, fold
from kcn_pipeline.staging.workbooks import Cell, Rows

_NUMBERING = re.compile(r"^\s*(?:[\dIVX]{1,4}(?:\.\d+)*[.)]|[-+*•])\s*")
#: Cheap to rule out, and blind to how accents are encoded: a day and the beginning of `tháng`.
_MAY_BE_DATE = re.compile(r"[0-9]\s*th", re.IGNORECASE)
_DATE_LINE = re.compile(r"ngày\s*\d{1,2}\s*tháng\s*\d{1,2}\s*năm\s*\d{2,4}", re.IGNORECASE)


@dataclass(frozen=True)
class Heading:
    """A value of the title block with its cell, indexes counted from 0."""

    value: Cell
    row: int
    at: int


@dataclass(frozen=True)
class HeadingLabels:
    """Folded labels → heading name or field code; a longer cell counts when it begins with a label of 8 letters."""

    exact: Mapping[str, str]
    beginning: re.Pattern[str]

    @classmethod
    def of(cls, form: Form) -> "HeadingLabels":
        """The labels of a form's headings and of its fields that stand in the title block."""
        titled = {
            fold(label): one.code for one in form.fields if not one.columns for label in (one.label, *one.aliases)
        }
        exact = titled | {fold(label): heading.name for heading in form.headings for label in heading.labels}
        longest_first = sorted((label for label in exact if len(label) >= 8), key=len, reverse=True)
        return cls(exact, re.compile(f"({'|'.join(map(re.escape, longest_first))}) "))

    def find(self, text: str) -> str | None:
        """The heading or field that a folded cell names."""
        if text in self.exact:
            return self.exact[text]
        match = self.beginning.match(text)
        return self.exact[match[1]] if match else None


@dataclass
class Headings:
    """What the blocks above and below the table say: values by heading name or field code, lines, the date line."""

    values: dict[str, Heading] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    date_line: Heading | None = None

    def get(self, name: str) -> Heading | None:
        """The value of a heading, if the sheet has it."""
        return self.values.get(name)


def read_headings(labels: HeadingLabels, rows: Rows, head: int, last: int) -> Headings:
    """All headings of a sheet whose item table lies in rows `head` to `last`."""
    found = Headings()
    for number, at, cell in _outside_cells(rows, head, last):
        label, rest, date_line = _take_apart(cell)
        if date_line:
            found.date_line = Heading(date_line, number, at)
        if number < head:
            found.lines.append(cell)
        name = labels.find(label)
        if name is None or name in found.values:
            continue
        if rest:
            found.values[name] = Heading(rest, number, at)
        elif (value := _next_filled(rows[number], at)) is not None:
            found.values[name] = Heading(rows[number][value], number, value)
    return found


@lru_cache(maxsize=20_000)
def _take_apart(cell: str) -> tuple[str, str, str | None]:
    """A cell's folded label, what stands after its colon, and its date line; most cells are the same on every sheet."""
    match = _DATE_LINE.search(clean(cell)) if _MAY_BE_DATE.search(cell) else None
    label, _, rest = _NUMBERING.sub("", cell, count=1).partition(":")
    return fold(label), rest.strip(), match[0] if match else None


def _outside_cells(rows: Rows, head: int, last: int) -> Iterator[tuple[int, int, str]]:
    for number in (*range(head), *range(last + 1, len(rows))):
        for at, cell in enumerate(rows[number]):
            if cell and isinstance(cell, str):
                yield number, at, cell


def _next_filled(row: Sequence[Cell], at: int) -> int | None:
    return next((index for index in range(at + 1, len(row)) if row[index] != ""), None)
