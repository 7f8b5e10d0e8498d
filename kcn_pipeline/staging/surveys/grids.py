"""A sheet of a survey with its header row found: its headers, its rows, and where something stands on it.

It must not know a question. The surprising fact: the rows of a sheet are those that hold anything, without the row of
tags that KoboToolbox may write under the header; lines keep their numbers all the same.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from kcn_pipeline.findings import Place
from kcn_pipeline.staging.forms.cells import write_raw
from kcn_pipeline.staging.surveys.collect import Collector
from kcn_pipeline.staging.surveys.moments import prove_order
from kcn_pipeline.staging.vietnamese import clean, fold
from kcn_pipeline.staging.workbooks import Cell, Sheet, cell_address, column_letters

#: A header stands in the first rows of a sheet; what a person typed above is a title.
TITLE_ROWS = 20
#: What a cell says whose formula is in error: it is filled in, and no answer.
FORMULA_ERROR = "=…"


class _Covered(str):
    """What stands in a cell that a merged cell covers: a blank that can be told from others by what it is."""


#: A cell that a merged cell covers. It is blank to all that do not ask; whatever it holds, nobody saw it.
COVERED = _Covered()
#: What it answers to a question on a scale: something, and nothing that is on the scale.
MERGED_CELL = "[…]"
#: A row of tags that KoboToolbox writes under the header (`#respondent +name`).
_TAG = "#"
#: So many cells are named in a finding.
_LISTED = 10


@dataclass(frozen=True)
class Grid:
    """A sheet whose header row was found: `head` is its index from 0, `place` the file and the sheet's number."""

    sheet: Sheet
    head: int
    place: Place

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """The headers without line breaks and stray blanks; '' where there is none."""
        return tuple(clean(write_text(cell)) for cell in self.sheet.rows[self.head])

    @cached_property
    def keys(self) -> dict[str, int]:
        """Folded header → its first column."""
        return {fold(title): at for at, title in reversed(list(enumerate(self.titles))) if title}

    def find(self, *keys: str) -> int | None:
        """The column headed by the first of these folded headers that is there."""
        return next((self.keys[key] for key in keys if key in self.keys), None)

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Index and cells of every row under the header that holds anything; errors of formulas as FORMULA_ERROR."""
        errors, covered = self._errors, self._covered
        for index in range(self.head + 1, len(self.sheet.rows)):
            row = self.sheet.rows[index]
            if index in covered:
                row = [COVERED if at in covered[index] else cell for at, cell in enumerate(row)]
            if index in errors:
                row = [FORMULA_ERROR if at in errors[index] else cell for at, cell in enumerate(row)]
            if not all(map(_is_blank, row)) and not (index == self.head + 1 and _is_tags(row)):
                yield index, row

    def is_filled(self, at: int) -> bool:
        """Whether a column holds anything under the header."""
        return any(not _is_blank(row[at]) for row in self.sheet.rows[self.head + 1 :])

    def place_of(self, index: int) -> Place:
        """The place of a row."""
        return replace(self.place, cell=f"A{index + 1}", line=index + 1)

    def is_cut(self, index: int) -> bool:
        """Whether a row is the last of a text file and ends too early, as after a broken transfer."""
        return index in self.sheet.short_rows and index == self._last

    @property
    def cut_line(self) -> int | None:
        """The line of the row that is cut, if any."""
        return self._last + 1 if self._last > self.head and self.is_cut(self._last) else None

    @property
    def error_cells(self) -> list[str]:
        """Addresses of the cells under the header whose formula is in error, in their order."""
        return [cell_address(row, at) for row in sorted(self._errors) for at in sorted(self._errors[row])]

    @property
    def merged_ranges(self) -> list[str]:
        """The merged cells that cover cells under the header: `C5:E5`."""
        return [f"{cell_address(*first)}:{cell_address(*last)}" for first, last in self._merged]

    @cached_property
    def _merged(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """First and last cell of the merged cells that reach below the header and into its columns, cut to it."""
        height, width = len(self.sheet.rows), len(self.titles)
        found = []
        for (top, left), (bottom, right) in self.sheet.merged:
            bottom, right = min(bottom, height - 1), min(right, width - 1)
            if bottom > self.head and left <= right and (top, left) != (bottom, right):
                found.append(((top, left), (bottom, right)))
        return found

    @cached_property
    def _covered(self) -> dict[int, set[int]]:
        """Row → columns of the cells that a merged cell covers, under the header; its first cell shows its value."""
        found: dict[int, set[int]] = {}
        for first, last in self._merged:
            for row in range(max(first[0], self.head + 1), last[0] + 1):
                columns = set(range(first[1], last[1] + 1))
                found.setdefault(row, set()).update(columns - {first[1]} if row == first[0] else columns)
        return found

    @cached_property
    def _last(self) -> int:
        return max((index for index, row in enumerate(self.sheet.rows) if any(row)), default=-1)

    @cached_property
    def _errors(self) -> dict[int, set[int]]:
        """Row → columns of the cells whose formula is in error, under the header."""
        found: dict[int, set[int]] = {}
        for address in self.sheet.error_cells:
            row, at = _parse_address(address)
            if self.head < row < len(self.sheet.rows) and at < len(self.titles) and self.sheet.rows[row][at] == "":
                found.setdefault(row, set()).add(at)
        return found


def find_head(sheet: Sheet, is_head: Callable[[Sequence[str]], bool]) -> int | None:
    """The index of the first row whose texts, cleaned, are a header; None when no row of the first 20 is."""
    for index, row in enumerate(sheet.rows[:TITLE_ROWS]):
        if is_head([clean(cell) if isinstance(cell, str) else "" for cell in row]):
            return index
    return None


def write_text(cell: Cell) -> str:
    """A cell as text: 4.0 as `4`, TRUE as `true`, a date in ISO."""
    if type(cell) is str:
        return cell
    return str(cell).lower() if isinstance(cell, bool) else write_raw(cell)


def _is_blank(cell: Cell) -> bool:
    return isinstance(cell, str) and not cell.strip()


def _is_tags(row: Sequence[Cell]) -> bool:
    filled = [cell for cell in row if not _is_blank(cell)]
    return all(isinstance(cell, str) and cell.startswith(_TAG) for cell in filled)


def _parse_address(address: str) -> tuple[int, int]:
    """Row and column, from 0, of an address such as D14."""
    letters = address.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return int(address[len(letters) :]) - 1, column - 1


def note_cells(collector: Collector, rule: str, grid: Grid, at: int, lines: Sequence[int]) -> None:
    """Note that cells of a column break a rule: their number and where the first of them stand, never what they say."""
    if lines:
        cells = [cell_address(line - 1, at) for line in lines]
        place = replace(grid.place, cell=cells[0], line=lines[0])
        collector.note(rule, "payload", place, field=column_letters(at), found=len(cells), detail=list_some(cells))


def note_dates(collector: Collector, grid: Grid, columns: Sequence[Sequence[int]], unread: Sequence[int]) -> None:
    """Note the lines whose time cannot be read; what two orders of day and month in a column leave unclear, as such.

    `columns` are those of times, together where one order was decided for them; the first is that of submission.
    """
    unclear = {line for some in columns for line in _note_orders(collector, grid, some)}
    note_cells(collector, "unreadable_date", grid, columns[0][0], [line for line in unread if line not in unclear])


def _note_orders(collector: Collector, grid: Grid, columns: Sequence[int]) -> list[int]:
    """Note that columns hold dates in two orders; the lines of those that could be either, none where one order is."""
    lines: dict[str | None, list[int]] = {}
    for index, row in grid.rows():
        for order in dict.fromkeys(prove_order(row[at]) for at in columns):
            lines.setdefault(order, []).append(index + 1)
    day, month, unclear = (lines.get(order, []) for order in ("day", "month", "either"))
    if not day or not month:
        return []
    first, second, lost = (list_some([str(line) for line in some]) for some in (day, month, unclear))
    place = replace(grid.place, cell=cell_address(min(day[0], month[0]) - 1, columns[0]), line=(unclear or month)[0])
    field, detail = ", ".join(map(column_letters, columns)), lost or "—"
    collector.note(
        "mixed_dates", "payload", place, field=field, value=second, expected=first, found=len(unclear), detail=detail
    )
    return unclear


def note_no_time(collector: Collector, grid: Grid, column: str) -> None:
    """Note that a sheet of responses has no column that says when they were submitted."""
    rows = sum(1 for _ in grid.rows())
    if rows:
        collector.note("submission_time_missing", "payload", grid.place, field=column, found=rows)


def list_some(texts: Sequence[str]) -> str:
    """The first of the texts; what follows as dots."""
    return ", ".join([*texts[:_LISTED], *["…"] * (len(texts) > _LISTED)])
