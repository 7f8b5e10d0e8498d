"""A sheet of cells, the addresses of cells, and the refusal of a payload that gives no sheets.

It must not open a file. The surprising fact: a cell that shows an error looks empty here; which cells those are is
found only when somebody asks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property

Cell = str | float | int | bool | date | datetime | time | timedelta
Rows = Sequence[Sequence[Cell]]

#: Of all sheets of a workbook, from A1 to the last cell. Forms have under 200 rows and registers under 20,000.
MAX_CELLS = 5_000_000


class PayloadRejectedError(ValueError):
    """A payload that cannot be read at all. `rule` names the reason in rules.yaml, `detail` what was found."""

    def __init__(self, rule: str, detail: str = "") -> None:
        self.rule, self.detail = rule, detail
        super().__init__(f"{rule}: {detail}")


@dataclass(frozen=True)
class Sheet:
    """One sheet: its cells from A1 on, rows of equal length, empty cells as ''."""

    name: str
    rows: Rows
    is_hidden: bool = False
    has_lines: bool = False
    #: Finds the addresses of cells that show an error, by the sheet's name; None when there cannot be any.
    find_errors: Callable[[str], frozenset[str]] | None = field(default=None, repr=False)
    #: Indexes of the lines that end before the first line does; their missing cells are ''.
    short_rows: frozenset[int] = frozenset()
    #: Merged cells of a workbook: row and column of the first and of the last one, from 0. The first holds the value.
    merged: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()

    @cached_property
    def error_cells(self) -> frozenset[str]:
        """Addresses of cells that calamine shows as empty: a formula error, a formula never computed (xlsx only)."""
        return self.find_errors(self.name) if self.find_errors else frozenset()


def refuse_extent(where: str, row: int, column: int) -> PayloadRejectedError:
    """The refusal of a workbook whose sheets reach too far, with the cell to look at (indexes from 0)."""
    return PayloadRejectedError(
        "zip_bomb", f"{where} reaches to cell {cell_address(row, column)}; delete what is there"
    )


def column_letters(index: int) -> str:
    """0 → A, 25 → Z, 26 → AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def cell_address(row: int, column: int) -> str:
    """The address of a cell from indexes counted from 0: (13, 3) → D14."""
    return f"{column_letters(column)}{row + 1}"
