"""CSV and XLSX exports of KoboToolbox: names or labels, choices joined or in 0/1 columns, repeat groups in sheets.

It must not understand an answer. The surprising fact: a sheet's name is cut to 31 characters, and may then end with
`... (1)`, while the name in `_parent_table_name` is whole; the parent is found by what is left of its name.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from kcn_pipeline.contracts.surveys import Question, Survey
from kcn_pipeline.staging.surveys.collect import Collector, ResponseMeta
from kcn_pipeline.staging.surveys.columns import Columns, map_columns
from kcn_pipeline.staging.surveys.grids import Grid, list_some, note_dates, note_no_time, write_text
from kcn_pipeline.staging.surveys.headers import Headers
from kcn_pipeline.staging.surveys.moments import decide_order, read_moment
from kcn_pipeline.staging.surveys.recognise import PERSONAL_COLUMNS, Recogniser, is_own_column
from kcn_pipeline.staging.workbooks import Cell

CHANNEL = "kobo_export"
_SUBMITTED = "_submission_time"
_PARENT, _PARENT_TABLE, _INDEX = "_parent_index", "_parent_table_name", "_index"
#: In the sheet of a repeat group, the uuid of the submission that the row belongs to.
_SUBMISSION = "_submission__uuid"
_INSTANCES = ("_uuid", "meta/instanceID", "instanceID", "_instanceID")
_ROOTS = ("meta/rootUuid", "rootUuid", "meta/deprecatedID")
_BESIDE_UUID = frozenset(["_id", "_submission_time", "_index", "_validation_status", "__version__", "_status"])
#: What a sheet's name may not hold, and what stands at its end where it was cut.
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")
_ELLIPSIS = re.compile(r"\.\.\.(?: \(\d+\))?$")
_SHEET_NAME = 31
#: A picture's link stands beside its name; a place comes whole and in four pieces.
_LINK = re.compile(r"(?P<of>.+)_URL")
_PIECE = re.compile(r"(?:.*/)?_(?P<of>.+)_(?:latitude|longitude|altitude|precision)")
#: What may part groups instead of `/`, where the last part is exactly the name of a question.
_SEPARATOR = re.compile(r"[/.:>|-]\s*")


def is_head(titles: Sequence[str]) -> bool:
    """Whether a row heads the submissions of an export, or one of its repeat groups."""
    names = set(titles)
    return _PARENT in names or ("_uuid" in names and bool(names & _BESIDE_UUID))


def find_missing(titles: Collection[str]) -> list[str]:
    """What these headers lack to be an export, where they have any column that only this tool adds."""
    is_export = any(title.startswith("_") and is_own_column(title) for title in titles)
    return [name for name in ("_uuid", _SUBMITTED) if name not in titles] if is_export else []


def own_columns(grid: Grid) -> frozenset[int]:
    """The columns that the tool adds of its own."""
    names = {title.rpartition("/")[2] for title in grid.titles}
    return frozenset(at for at, title in enumerate(grid.titles) if is_own_column(title) or _is_beside(title, names))


def read_export(collector: Collector, recogniser: Recogniser, survey: Survey | None, grids: Sequence[Grid]) -> None:
    """Give the submissions on all sheets of an export to the collector; those of no survey as unknown ones."""
    mains = [grid for grid in grids if _PARENT not in grid.titles]
    repeats = [grid for grid in grids if _PARENT in grid.titles]
    if survey is None:
        for grid in mains:
            meta = _Meta(collector, grid)
            for index, row in grid.rows():
                collector.add_unknown(grid.place_of(index), meta.read(index, row))
        return
    headers = recogniser.headers(survey)
    sheets = [_Sheet(grid, map_columns(grid, headers, own_columns(grid), _spell)) for grid in (*mains, *repeats)]
    for sheet in sheets:
        sheet.read_index()
    for sheet in sheets[len(mains) :]:
        _attach(collector, sheet, [each for each in sheets if each is not sheet])
    for sheet in sheets:
        unknown = sheet.columns
        collector.note_unknown(sheet.grid.place, survey, len(unknown.unknown), unknown.unknown_letters)
    for sheet in sheets[: len(mains)]:
        meta = _Meta(collector, sheet.grid)
        for index, row in sheet.grid.rows():
            answers = [*sheet.columns.answers(row), *sheet.repeated(index)]
            strays = [*sheet.columns.strays(row), *sheet.repeated_strays(index)]
            collector.add(sheet.grid.place_of(index), survey, answers, meta.read(index, row), strays)
        meta.note_unread()


def _spell(title: str, headers: Headers) -> Question | None:
    """The question whose name is the last part of a path that another sign parts: `group.mg01_necessity`."""
    return headers.survey.question(_SEPARATOR.split(title)[-1])


def _is_beside(title: str, names: Iterable[str]) -> bool:
    """Whether a column only adds to another one: the link of a picture, a piece of a place."""
    match = _LINK.fullmatch(title.rpartition("/")[2]) or _PIECE.fullmatch(title)
    return match is not None and match["of"] in names


# ---- what stands beside the answers ----------------------------------------------------------------------------------


class _Meta:
    """Reads the tool's own columns of a sheet."""

    def __init__(self, collector: Collector, grid: Grid) -> None:
        self._approvals = {key.casefold(): code for key, code in collector.approvals.items()}
        for code in collector.contracts.code_lists["survey_approval"].codes:
            self._approvals |= {code.label.vi.casefold(): code.code, code.label.en.casefold(): code.code}
        self._collector, self._grid = collector, grid
        self._at = {title: at for at, title in reversed(list(enumerate(grid.titles)))}
        links = [(at, title) for at, title in enumerate(grid.titles) if _LINK.fullmatch(title)]
        self._links = [at for at, title in links if _is_beside(title, grid.titles)]
        self._order = decide_order((self._cell(row, _SUBMITTED) for _, row in grid.rows()), None)
        self._unread: list[int] = []
        self._personal = [self._at[name] for name in sorted(PERSONAL_COLUMNS) if name in self._at]

    def read(self, index: int, row: Sequence[Cell]) -> ResponseMeta:
        """What the tool says about the submission in a row."""
        submitted_at = read_moment(self._cell(row, _SUBMITTED), self._order, is_utc=True)
        if submitted_at is None:
            self._unread.append(index + 1)
        return ResponseMeta(
            channel=CHANNEL,
            root=self._first(row, _ROOTS) or self._first(row, _INSTANCES),
            instance=self._first(row, _INSTANCES),
            number=self._first(row, ("_id",)),
            form_version=self._first(row, ("__version__", "_version_")),
            submitted_at=submitted_at,
            started_at=read_moment(self._cell(row, "start"), self._order),
            ended_at=read_moment(self._cell(row, "end"), self._order),
            approval=self._approvals.get((self._first(row, ("_validation_status",)) or "").casefold()),
            is_finished=not self._grid.is_cut(index),
            attachments=sum(bool(write_text(row[at]).strip()) for at in self._links),
            identities=tuple(text for at in self._personal if (text := write_text(row[at]).strip())),
            convention="en",
        )

    def note_unread(self) -> None:
        """Note the rows without a time of submission that could be read."""
        if _SUBMITTED in self._at:
            note_dates(self._collector, self._grid, [[self._at[_SUBMITTED]]], self._unread)
        else:
            note_no_time(self._collector, self._grid, _SUBMITTED)

    def _cell(self, row: Sequence[Cell], name: str) -> Cell:
        return row[self._at[name]] if name in self._at else ""

    def _first(self, row: Sequence[Cell], names: Iterable[str]) -> str | None:
        """The first of the columns that says something."""
        return next((text for name in names if (text := write_text(self._cell(row, name)).strip())), None)


# ---- repeat groups ---------------------------------------------------------------------------------------------------

_Answers = list[tuple[Question, str | None]]


@dataclass
class _Sheet:
    """A sheet of an export; `children` are the rows of repeat groups, by the row they belong to."""

    grid: Grid
    columns: Columns
    #: `_index` → row.
    by_index: dict[str, int] = field(default_factory=dict)
    children: dict[int, list[tuple["_Sheet", int, Sequence[Cell]]]] = field(default_factory=dict)

    def cell(self, row: Sequence[Cell], name: str) -> str:
        """The text of a column of the tool, '' where the sheet has none of that name."""
        at = self.grid.titles.index(name) if name in self.grid.titles else None
        return "" if at is None else write_text(row[at]).strip()

    def read_index(self) -> None:
        """Learn which row has which `_index`; a sheet without one counts its rows from 1, as the tool does."""
        for number, (index, row) in enumerate(self.grid.rows(), start=1):
            self.by_index.setdefault(self.cell(row, _INDEX) or str(number), index)

    def repeated(self, index: int) -> _Answers:
        """The answers of the repeat groups below a row, in the order of their sheets and rows."""
        answers: _Answers = []
        for sheet, child, row in self.children.get(index, ()):
            answers += [*sheet.columns.answers(row), *sheet.repeated(child)]
        return answers

    def repeated_strays(self, index: int) -> list[str]:
        """What stands in unknown columns of the repeat groups below a row."""
        strays: list[str] = []
        for sheet, child, row in self.children.get(index, ()):
            strays += [*sheet.columns.strays(row), *sheet.repeated_strays(child)]
        return strays

    def uuid(self, row: Sequence[Cell]) -> str:
        """The uuid of the submission that a row is or belongs to."""
        return self.cell(row, _SUBMISSION) or self.cell(row, "_uuid")


def _attach(collector: Collector, sheet: _Sheet, others: Sequence[_Sheet]) -> None:
    """Put the rows of a repeat group under the rows they belong to; tell those that belong to none."""
    lost: list[int] = []
    for index, row in sheet.grid.rows():
        number, table = sheet.cell(row, _PARENT), sheet.cell(row, _PARENT_TABLE)
        # Somebody may have renamed the first sheet; a sheet of that name is then not there at all.
        named = [each for each in others if _is_name_of(each.grid.sheet.name, table)] or others
        parents = [each for each in named if number in each.by_index]
        parents = [each for each in parents if _agree(sheet.uuid(row), each, each.by_index[number])]
        if len(parents) == 1:
            parents[0].children.setdefault(parents[0].by_index[number], []).append((sheet, index, row))
        else:
            lost.append(index + 1)
    if lost:
        place, said = sheet.grid.place_of(lost[0] - 1), list_some([str(line) for line in lost])
        collector.note("repeat_without_parent", "payload", place, found=len(lost), detail=said)


def _agree(uuid: str, parent: _Sheet, index: int) -> bool:
    """Whether two rows can be of one submission: where both name its uuid, it is the same."""
    other = parent.uuid(parent.grid.sheet.rows[index])
    return not uuid or not other or uuid == other


def _is_name_of(sheet: str, table: str) -> bool:
    """Whether a sheet may be called so for a table of that name; a table without a name may be any."""
    whole = _FORBIDDEN.sub("_", table)
    if sheet == whole or not table:
        return True
    if len(whole) <= _SHEET_NAME and not _ELLIPSIS.search(sheet):
        return False
    return whole.startswith(_ELLIPSIS.sub("", sheet))
