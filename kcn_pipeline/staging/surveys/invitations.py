"""Lists of who was asked: survey, round, type of respondent, tax code or invitation code, park.

It must not keep a name. The surprising fact: Excel makes the first of January of the round `2026-1`, and the round is
read back from that day.
"""

from collections.abc import Sequence
from datetime import date

from kcn_pipeline.contracts.surveys import Question, Round, Survey
from kcn_pipeline.staging.surveys.collect import INVITATIONS, Collector
from kcn_pipeline.staging.surveys.grids import Grid, list_some, write_text
from kcn_pipeline.staging.surveys.headers import Headers, find_choice
from kcn_pipeline.staging.vietnamese import clean, fold
from kcn_pipeline.staging.workbooks import Cell

#: Folded headers; type, key and park are headed like the questions that ask for them.
_SURVEY = ("khao sat", "ma khao sat", "cuoc khao sat", "phieu khao sat", "survey", "survey id")
_ROUND = ("dot", "ma dot", "dot khao sat", "vong", "vong khao sat", "round", "round code")
_TYPE = ("doi tuong", "loai", "nhom doi tuong", "type")
#: One column for whatever tells a respondent.
_ANY_KEY = (
    "ma doi tuong", "ma nguoi tra loi", "ma so thue hoac ma phieu moi", "ma so thue ma phieu moi",
    "ma so thue hoac ma chuyen gia", "ma so thue ma chuyen gia", "identity", "respondent",
    "tax code or invitation code", "tax code or expert code",
)  # fmt: skip
_ASKED_ROLES = frozenset(["rating", "measure"])


def is_head(titles: Sequence[str], surveys: Sequence[Headers]) -> bool:
    """Whether a row heads a list of invitations: a round, somebody's key, and no question about anything else."""
    keys = {fold(title) for title in titles if title}
    if not keys & {*_ROUND, *_SURVEY}:
        return False
    found = [headers.find(title) for headers in surveys for title in titles if title]
    roles = {question.role for question in found if question is not None}
    return not roles & _ASKED_ROLES and ("key" in roles or bool(keys & set(_ANY_KEY)))


def read_list(collector: Collector, surveys: Sequence[Headers], grid: Grid) -> None:
    """Give the rows of a list to the collector; a row without a known survey, round or type is told and left out."""
    reader = _Reader(collector, surveys, grid)
    for index, row in grid.rows():
        reader.read(index, row)
    reader.note()


class _Reader:
    """Reads the rows of one list and keeps the lines that cannot be read, by rule."""

    def __init__(self, collector: Collector, surveys: Sequence[Headers], grid: Grid) -> None:
        self._collector, self._grid = collector, grid
        self._surveys = [headers.survey for headers in surveys]
        self._survey_at, self._round_at = grid.find(*_SURVEY), grid.find(*_ROUND)
        self._type_at, self._any_at = grid.find(*_TYPE), grid.find(*_ANY_KEY)
        self._asked = {headers.survey.survey: self._questions(headers) for headers in surveys}
        self._left_out: dict[str, list[int]] = {}

    def read(self, index: int, row: Sequence[Cell]) -> None:
        """Take a row."""
        survey = self._survey(row)
        if survey is None:
            return self._leave_out("unknown_survey", index)
        current = self._round(survey, row)
        if current is None:
            return self._leave_out("unknown_round", index)
        kind = self._type(survey, row)
        if kind is None:
            return self._leave_out("unknown_respondent_type", index)
        identity = self._identity(survey, kind, row)
        park = next((text for _, text in self._said(survey, "park", row)), None)
        place = self._grid.place_of(index)
        return self._collector.invite(place, survey, current.round, kind, identity, park)

    def note(self) -> None:
        """Note the rows that were left out, a finding for each reason."""
        for rule, lines in self._left_out.items():
            place, said = self._grid.place_of(lines[0] - 1), list_some([str(line) for line in lines])
            self._collector.note(rule, "payload", place, INVITATIONS, found=len(lines), detail=said)

    def _leave_out(self, rule: str, index: int) -> None:
        self._left_out.setdefault(rule, []).append(index + 1)

    def _questions(self, headers: Headers) -> list[tuple[int, Question]]:
        own = (self._survey_at, self._round_at, self._type_at, self._any_at)
        titled = [(at, title) for at, title in enumerate(self._grid.titles) if title and at not in own]
        return [(at, question) for at, title in titled if (question := headers.find(title)) is not None]

    def _said(self, survey: Survey, role: str, row: Sequence[Cell]) -> list[tuple[Question, str]]:
        """What the columns of a role say that say anything."""
        asked = [(question, write_text(row[at]).strip()) for at, question in self._asked[survey.survey]]
        return [(question, text) for question, text in asked if question.role == role and text]

    def _survey(self, row: Sequence[Cell]) -> Survey | None:
        """The survey that is named by id or title; where none is, the only one that has the round."""
        named = fold(write_text(row[self._survey_at])) if self._survey_at is not None else ""
        if named:
            fits = [s for s in self._surveys if named in (fold(s.survey), fold(s.title.vi), fold(s.title.en))]
        else:
            fits = [survey for survey in self._surveys if self._round(survey, row)]
        return fits[0] if len(fits) == 1 else None

    def _round(self, survey: Survey, row: Sequence[Cell]) -> Round | None:
        """The round of a row; where the list has no such column, the only one of the survey."""
        if self._round_at is None:
            return survey.rounds[0] if len(survey.rounds) == 1 else None
        cell = row[self._round_at]
        if isinstance(cell, date):
            return survey.round(f"{cell.year}-{cell.month}") if cell.day == 1 else None
        return survey.round(clean(write_text(cell)))

    def _type(self, survey: Survey, row: Sequence[Cell]) -> str | None:
        """The type of respondent that is stated; where none is, the only one that the filled key is a key of."""
        asks = next((each for each in survey.questions if each.role == "respondent_type"), None)
        stated = [text for _, text in self._said(survey, "respondent_type", row)]
        if self._type_at is not None:
            stated.append(write_text(row[self._type_at]).strip())
        if asks is not None and any(stated):
            choice = find_choice(asks, next(filter(None, stated)))
            return choice.code if choice else None
        kinds = {kind for question, _ in self._said(survey, "key", row) for kind in question.key_of}
        return kinds.pop() if len(kinds) == 1 else None

    def _identity(self, survey: Survey, kind: str, row: Sequence[Cell]) -> str:
        """What tells the respondent: the key of its type, else the only key there is; '' where there is none."""
        keys = self._said(survey, "key", row)
        own = [text for question, text in keys if kind in question.key_of]
        if self._any_at is not None and (text := write_text(row[self._any_at]).strip()):
            own.append(text)
        return own[0] if own else keys[0][1] if len(keys) == 1 else ""
