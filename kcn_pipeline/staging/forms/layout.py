"""Where on a sheet each field of its form stands: worked out once per way of laying out a form, then reused.

It must not hold anything that differs between two firms' sheets. The surprising fact: a layout guards itself; it
applies to another sheet only if that sheet's header, codes, labels and units are cell by cell the same.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

from kcn_pipeline.contracts.forms import Field_, Form, ValueColumn
from kcn_pipeline.contracts.reference import Unit
from kcn_pipeline.staging.workbooks import Cell, Rows, cell_address

#: A row of a field that stands in the title block, which is looked for per sheet; and of one the sheet lacks.
IN_TITLE, MISSING = -2, -1


@dataclass(frozen=True)
class Slot:
    """One cell that holds a figure: field × value column (× record). `row` is -1 when the sheet lacks the item."""

    field: Field_
    column: ValueColumn | None
    row: int
    at: int
    record: str = ""
    raw_unit: str | None = None
    unit: Unit | None = None
    problem: str | None = None
    detail: str | None = None

    @property
    def column_code(self) -> str:
        """The value column's code, '' for a field without columns."""
        return self.column.code if self.column else ""

    @property
    def cell(self) -> str | None:
        """The cell's address, None when the sheet lacks the item."""
        return cell_address(self.row, self.at) if self.row >= 0 else None

    @property
    def measure(self) -> str | None:
        """The canonical measure the cell feeds."""
        return self.field.measures.get(self.column_code)

    @property
    def name(self) -> str:
        """How a message names the field: code, column and label."""
        code = f"{self.field.code}/{self.column_code}" if self.column_code else self.field.code
        return f"{code} {self.field.label}"


@dataclass(frozen=True)
class Remark:
    """Something about the layout to tell for every sheet that has it: a rule, its place and its words."""

    rule: str
    field: str | None
    row: int | None
    at: int | None
    said: dict[str, str]


@dataclass(frozen=True, eq=False)
class Layout:
    """The slots of a form on sheets of one layout. Rows `head` to `last` (0-based, included) hold the item table."""

    form: Form
    head: int
    last: int
    slots: tuple[Slot, ...]
    remarks: tuple[Remark, ...]
    guards: tuple[tuple[int, int, list[Cell]], ...]
    header: tuple[tuple[Cell, ...], ...]

    @cached_property
    def takes_numbers(self) -> tuple[bool, ...]:
        """Per slot, whether a plain number in it needs no reading."""
        return tuple(not slot.problem and slot.field.type == "number" for slot in self.slots)

    @cached_property
    def places(self) -> tuple[tuple[int, int] | None, ...]:
        """Per slot, the row and column of its cell, None where the table has none."""
        return tuple((slot.row, slot.at) if slot.row >= 0 else None for slot in self.slots)

    @cached_property
    def titled(self) -> tuple[tuple[int, str], ...]:
        """The slots that are looked for in the title block of each sheet: their numbers and field codes."""
        return tuple((index, slot.field.code) for index, slot in enumerate(self.slots) if slot.row == IN_TITLE)

    def fits(self, rows: Rows) -> bool:
        """Whether the sheet has this layout: same header rows, and same cells in the guarded columns."""
        first = self.head
        for index, cells in enumerate(self.header, first):
            if tuple(rows[index]) != cells:
                return False
        for column, end, expected in self.guards:
            if list(map(itemgetter(column), rows[first : end or None])) != expected:
                return False
        return True


class Layouts:
    """The layouts met so far, by the size of the sheet."""

    def __init__(self) -> None:
        self._by_size: dict[tuple[int, int], list[Layout]] = {}

    def find(self, rows: Rows) -> Layout | None:
        """The layout the sheet has, if it was met before."""
        known = self._by_size.get(_size(rows), [])
        for index, layout in enumerate(known):
            if layout.fits(rows):
                known.insert(0, known.pop(index))
                return layout
        return None

    def keep(self, rows: Rows, layout: Layout) -> None:
        """Remember the layout of a sheet."""
        self._by_size.setdefault(_size(rows), []).insert(0, layout)


def guard(
    form: Form,
    rows: Rows,
    head: int,
    body: int,
    last: int,
    columns: tuple[int, int, int],
    slots: tuple[Slot, ...],
    remarks: tuple[Remark, ...],
) -> Layout:
    """A layout guarded by its header rows, its codes to the sheet's end, its labels and units to the table's end."""
    code, label, unit = columns
    guards = [(code, 0, [row[code] for row in rows[head:]])] if code >= 0 else []
    guards += [(c, last + 1, [row[c] for row in rows[head : last + 1]]) for c in (label, unit) if c >= 0]
    return Layout(form, head, last, slots, remarks, tuple(guards), tuple(tuple(row) for row in rows[head:body]))


def code_pattern(code: str) -> re.Pattern[str]:
    """The pattern of a repeated item's code: `1.1.x.4` matches `1.1.2.4` and captures `2`."""
    return re.compile(r"(\d+)".join(re.escape(part) for part in re.split(r"(?<=\.)x(?=\.)", code)))


def _size(rows: Rows) -> tuple[int, int]:
    return len(rows), len(rows[0]) if rows else 0
