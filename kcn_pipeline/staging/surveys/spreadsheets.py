"""A CSV file or workbook of a survey → its sheets, each given to the reader of the tool that wrote it.

It must not look at an answer. The surprising fact: nobody says which tool wrote a file; the columns that the tool adds
of its own do, and a sheet without any of them is not read, however well its questions are known.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from kcn_pipeline.contracts.surveys import Survey
from kcn_pipeline.findings import Place
from kcn_pipeline.staging.surveys import google_forms, invitations, kobo_export, limesurvey, paper
from kcn_pipeline.staging.surveys.collect import Collector
from kcn_pipeline.staging.surveys.columns import Columns, Spell, map_columns
from kcn_pipeline.staging.surveys.grids import TITLE_ROWS, Grid, find_head, list_some
from kcn_pipeline.staging.surveys.recognise import Recogniser, best_of, mark_ambiguous, note_ambiguous
from kcn_pipeline.staging.surveys.texts import RefusedTextError, read_damaged_text
from kcn_pipeline.staging.vietnamese import clean
from kcn_pipeline.staging.workbooks import PayloadRejectedError, Sheet, column_letters, read_sheets

#: What tells each tool, where nothing tells which of them wrote a file.
_NO_TOOL = (
    "KoboToolbox: _uuid, _submission_time · Google Forms: Dấu thời gian (Timestamp) · LimeSurvey: id, submitdate · "
    "phiếu giấy / paper: Số phiếu, Ngày nhận phiếu"
)
_TOOLS: Mapping[str, Callable[[Collection[str]], list[str]]] = {
    "KoboToolbox": kobo_export.find_missing,
    "LimeSurvey": limesurvey.find_missing,
    "Google Forms": google_forms.find_missing,
}
_KOBO, _GOOGLE, _LIME, _PAPER, _LIST = "kobo_export", "google_forms", "limesurvey", "paper", "invitations"


def read_spreadsheet(
    collector: Collector, recogniser: Recogniser, place: Place, content: bytes, metadata: Mapping[str, Any]
) -> bool:
    """Give the responses and invitations on all sheets of a file to the collector; whether there was any to read.

    Never raises for what a file holds: what is not read is named in a finding.
    """
    sheets = _open_sheets(collector, place, content)
    return sheets is not None and _Reader(collector, recogniser, place, metadata).read(sheets)


def _open_sheets(collector: Collector, place: Place, content: bytes) -> Sequence[Sheet] | None:
    """The sheets of a file; None, which is told, where it has none. What a refusal says may quote the file."""
    try:
        return read_sheets(place.file, content)
    except PayloadRejectedError as refusal:
        if refusal.rule != "unreadable_text":
            collector.note(refusal.rule, "payload", place)
            return None
    try:
        text = read_damaged_text(content)
    except RefusedTextError as refused:
        collector.note(refused.rule, "payload", replace(place, line=refused.line), **refused.said)
        return None
    if text.controls:
        here = replace(place, cell=text.controls[0])
        collector.note("control_characters", "payload", here, found=len(text.controls), detail=list_some(text.controls))
    return [text.sheet]


class _Reader:
    """Reads the sheets of one file."""

    def __init__(self, collector: Collector, recogniser: Recogniser, place: Place, metadata: Mapping[str, Any]) -> None:
        self._collector, self._recogniser, self._place = collector, recogniser, place
        self._form = metadata.get("form")
        #: The sheets that match several surveys equally well.
        self._ambiguous: set[str | None] = set()
        self._headers = [recogniser.headers(survey) for survey in collector.contracts.surveys.values()]
        self._forms: list[paper.Form] = []
        self._tools: dict[str, Callable[[Sequence[str]], bool]] = {
            _KOBO: kobo_export.is_head,
            _GOOGLE: google_forms.is_head,
            _LIME: limesurvey.is_head,
            _PAPER: paper.is_head,
            _LIST: partial(invitations.is_head, surveys=self._headers),
        }

    def read(self, sheets: Sequence[Sheet]) -> bool:
        """Read the sheets; whether any of them is of a tool."""
        opened: list[tuple[str, Grid]] = []
        for number, sheet in enumerate(sheets, start=1):
            # A sheet may be called like a person, or like the file.
            place = replace(self._place, sheet=f"sheet {number}")
            if (found := self._open(sheet, place)) is not None:
                opened.append(found)
            elif any(map(any, sheet.rows)):
                self._collector.note("sheet_ignored", "payload", place)
        if not opened:
            self._refuse(sheets)
        for _, grid in opened:
            self._note_state(grid)
        start = len(self._collector.responses)
        kobo = [grid for tool, grid in opened if tool == _KOBO]
        if kobo:
            self._read_kobo(kobo)
        for tool, grid in opened:
            if tool == _LIST:
                invitations.read_list(self._collector, self._headers, grid)
            elif tool != _KOBO:
                self._read_one(tool, grid)
        mark_ambiguous(row for row in self._collector.responses[start:] if row["_sheet"] in self._ambiguous)
        _mark_cut(self._collector.responses[start:], {(grid.place.sheet, grid.cut_line) for _, grid in opened})
        paper.pair_entries(self._collector, self._forms)
        return bool(opened)

    def _open(self, sheet: Sheet, place: Place) -> tuple[str, Grid] | None:
        """The tool that wrote a sheet, and the sheet with its header row found."""
        for tool, is_head in self._tools.items():
            head = find_head(sheet, is_head)
            if head is not None:
                return tool, Grid(sheet, head, place)
        return None

    def _read_kobo(self, grids: Sequence[Grid]) -> None:
        """The sheets of one export belong together: its repeat groups have sheets of their own."""
        survey = self._survey_of(grids, [kobo_export.own_columns(grid) for grid in grids])
        kobo_export.read_export(self._collector, self._recogniser, survey, grids)

    def _read_one(self, tool: str, grid: Grid) -> None:
        if tool == _GOOGLE:
            survey = self._survey_of([grid], [google_forms.own_columns(grid)])
            google_forms.read_answers(self._collector, self._recogniser, survey, grid)
        elif tool == _PAPER:
            survey = self._survey_of([grid], [paper.own_columns(grid)])
            self._forms += paper.read_forms(self._collector, self._recogniser, survey, grid)
        else:
            grid = limesurvey.keep_codes(grid)
            survey = self._survey_of([grid], [limesurvey.own_columns(grid)], limesurvey.spell)
            limesurvey.read_responses(self._collector, self._recogniser, survey, grid)

    # ---- which survey, and what is told of a sheet -------------------------------------------------------------------

    def _survey_of(
        self, grids: Sequence[Grid], own: Sequence[Collection[int]], spell: Spell | None = None
    ) -> Survey | None:
        """The survey of the form, else the one that knows the largest share of the columns, if enough of them.

        None, which is told, where there is none or two know the same share.
        """
        of_form = self._recogniser.by_form(self._form) or self._recogniser.by_path(self._place.file)
        if of_form is not None:
            return of_form
        sheets = list(zip(grids, own, strict=True))
        mapped = ((each, [map_columns(grid, each, mine, spell) for grid, mine in sheets]) for each in self._headers)
        best = best_of((headers.survey, _known_share(columns)) for headers, columns in mapped)
        if len(best) == 1:
            return best[0]
        if best and self._recogniser.rates(title for grid in grids for title in grid.titles if title):
            note_ambiguous(self._collector, grids[0].place, best)
            self._ambiguous.update(grid.place.sheet for grid in grids)
            return None
        places = [at for grid, mine in sheets for at, title in enumerate(grid.titles) if title and at not in mine]
        rows = sum(1 for grid in grids for _ in grid.rows())
        said = list_some([column_letters(at) for at in places])
        self._collector.note("unknown_survey", "payload", grids[0].place, found=rows, detail=said)
        return None

    def _refuse(self, sheets: Sequence[Sheet]) -> None:
        """Say why nothing of a file was read: questions that are known without the columns of a tool, or neither."""
        rows = [row for sheet in sheets for row in sheet.rows[:TITLE_ROWS]]
        titles = {clean(cell) for row in rows for cell in row if isinstance(cell, str)} - {""}
        if self._recogniser.rates(titles):
            told = {name: missing for name, find in _TOOLS.items() if (missing := find(titles))}
            said = " · ".join(f"{name}: {', '.join(missing)}" for name, missing in told.items())
            self._collector.note("survey_columns_missing", "payload", self._place, detail=said or _NO_TOOL)
        else:
            self._collector.note("unknown_survey", "payload", self._place, detail=f"sheets: {len(sheets)}")

    def _note_state(self, grid: Grid) -> None:
        """Note what is odd about a sheet whoever wrote it: hidden, without rows, with errors, cut off."""
        if grid.sheet.is_hidden:
            self._collector.note("hidden_sheet", "payload", grid.place)
        if grid.error_cells:
            said = list_some(grid.error_cells)
            self._collector.note("formula_error", "payload", grid.place, field=grid.place.sheet, detail=said)
        if merged := grid.merged_ranges:
            here = replace(grid.place, cell=merged[0].partition(":")[0])
            self._collector.note("merged_cells", "payload", here, found=len(merged), detail=list_some(merged))
        if not any(True for _ in grid.rows()):
            self._collector.note("survey_empty", "payload", grid.place)
        elif grid.cut_line:
            self._collector.note("row_cut", "row", grid.place_of(grid.cut_line - 1))


def _mark_cut(responses: Iterable[dict[str, Any]], cut: Collection[tuple[str | None, int | None]]) -> None:
    """Say of the responses whose rows end too early that they do; validation then knows the file for a part of it."""
    for row in responses:
        if (row["_sheet"], row["_line"]) in cut:
            row["problem"] = "row_cut"


def _known_share(sheets: Sequence[Columns]) -> float:
    known = sum(columns.known for columns in sheets)
    every = known + sum(len(columns.unknown) for columns in sheets)
    return known / every if every else 0.0
