"""Lists of who was asked: survey, round, type of respondent, tax code or invitation code, park.

It must not keep a name. The surprising fact: lines are told only of rows that keep no key, and of rows merged, whose
park nobody knows or whose tax code is doubtful, because lists are in the order of the register.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from kcn_pipeline.contracts.surveys import Question, Round, Survey
from kcn_pipeline.staging.surveys.collect import INVITATIONS, Collector
from kcn_pipeline.staging.surveys.grids import Grid, list_some, write_text
from kcn_pipeline.staging.surveys.headers import Headers, find_choice
from kcn_pipeline.staging.surveys.respondents import ENTERPRISE
from kcn_pipeline.staging.surveys.scales import says_nothing
from kcn_pipeline.staging.vietnamese import clean, fold, read_tax_code
from kcn_pipeline.staging.workbooks import Cell, cell_address, column_letters

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
    """Give the respondents of a list to the collector, each once; rows that cannot be read are told and left out."""
    reader = _Reader(collector, surveys, grid)
    for index, row in grid.rows():
        reader.read(index, row)
    reader.finish()


class _Invited(NamedTuple):
    """A row that can be read: where it and its park stand, and whom it names."""

    row: int
    park_at: int | None
    survey: Survey
    round_code: str
    respondent_type: str
    identity: str
    park: str | None


class _Lost(NamedTuple):
    """Why a row cannot be read, in which survey, the column (from 0) that should tell, and what it may say."""

    rule: str
    survey: Survey | None
    column: int | None
    expected: tuple[str, ...]


class _Reader:
    """Reads the rows of one list; keeps whom they name by key, and the lines that cannot be read by reason."""

    def __init__(self, collector: Collector, surveys: Sequence[Headers], grid: Grid) -> None:
        self._collector, self._grid = collector, grid
        self._surveys = [headers.survey for headers in surveys]
        self._survey_at, self._round_at = grid.find(*_SURVEY), grid.find(*_ROUND)
        self._type_at, self._any_at = grid.find(*_TYPE), grid.find(*_ANY_KEY)
        self._asked = {headers.survey.survey: self._questions(headers) for headers in surveys}
        self._left_out: dict[tuple[str, str], tuple[_Lost, list[int]]] = {}
        #: By survey, round, type and key, the rows that name this respondent; a row without a key stands alone.
        self._invited: dict[tuple[str | int | None, ...], list[_Invited]] = {}

    def read(self, index: int, row: Sequence[Cell]) -> None:
        """Take a row."""
        found = self._look_at(index, row)
        if isinstance(found, _Lost):
            key = (found.rule, found.survey.survey if found.survey else "")
            self._left_out.setdefault(key, (found, []))[1].append(index + 1)
        else:
            who = self._collector.respondents.key_of(found.respondent_type, found.identity) or index
            named = (found.survey.survey, found.round_code, found.respondent_type, who)
            self._invited.setdefault(named, []).append(found)

    def finish(self) -> None:
        """Give everybody to the collector once, and note what was left out, merged or is doubtful."""
        lost_parks: list[int] = []
        for rows in self._invited.values():
            # Of several rows the one that tells the most about the park.
            chosen = min(rows, key=lambda one: (self._is_park_lost(one), one.park is None))
            if chosen.respondent_type == ENTERPRISE and self._is_park_lost(chosen):
                lost_parks.append(chosen.row + 1)
            place = replace(self._grid.place_of(chosen.row), cell=self._problem_cell(chosen))
            self._collector.invite(place, *chosen[2:])
        merged = [rows for rows in self._invited.values() if len(rows) > 1]
        differing = [rows for rows in merged if len({self._park_of(one) for one in rows} - {None}) > 1]
        doubtful = [one.row + 1 for rows in self._invited.values() for one in rows if _is_doubtful(one)]
        for lost, lines in self._left_out.values():
            self._note(lost.rule, len(lines), lines, lost.column, ", ".join(lost.expected))
        self._note("list_park_unreadable", len(lost_parks), sorted(lost_parks))
        self._note("list_tax_code_doubtful", len(doubtful), sorted(doubtful))
        self._note("list_parks_differ", len(differing), _lines(differing))
        self._note("invited_twice", sum(len(rows) - 1 for rows in merged), _lines(merged))

    def _note(
        self, rule: str, found: int, lines: Sequence[int], column: int | None = None, expected: str | None = None
    ) -> None:
        """Note something about lines of the list in one finding, which names nobody and quotes no cell."""
        if found:
            cell = None if column is None else cell_address(lines[0] - 1, column)
            place = replace(self._grid.place_of(lines[0] - 1), cell=cell)
            field = None if column is None else column_letters(column)
            detail = list_some([str(line) for line in lines])
            self._collector.note(
                rule, "payload", place, INVITATIONS, field=field, found=found, expected=expected, detail=detail
            )

    def _look_at(self, index: int, row: Sequence[Cell]) -> _Invited | _Lost:
        survey = self._survey(row)
        if survey is None:
            column = self._survey_at if self._survey_at is not None else self._round_at
            return _Lost("list_survey_unknown", None, column, tuple(one.survey for one in self._surveys))
        current = self._round(survey, row)
        if current is None:
            return _Lost("list_round_unknown", survey, self._round_at, tuple(one.round for one in survey.rounds))
        kind = self._type(survey, row)
        if kind is None:
            column = self._type_at if self._type_at is not None else self._column_of(survey, "respondent_type")
            return _Lost("list_type_unknown", survey, column, tuple(survey.respondent_types))
        park_at, park = self._park(survey, row)
        return _Invited(index, park_at, survey, current.round, kind, self._identity(survey, kind, row), park)

    def _park_of(self, one: _Invited) -> str | None:
        """The park that a row states; None where it states none that is known."""
        return None if one.park is None else self._collector.respondents.park_of(one.park)

    def _is_park_lost(self, one: _Invited) -> bool:
        return one.park is not None and self._park_of(one) is None

    def _problem_cell(self, one: _Invited) -> str:
        """The cell that should tell the respondent; that of the park where only this cannot be read."""
        has_key = self._collector.respondents.key_of(one.respondent_type, one.identity) is not None
        if has_key and one.park_at is not None and self._is_park_lost(one):
            return cell_address(one.row, one.park_at)
        return self._key_cell(one)

    def _key_cell(self, one: _Invited) -> str:
        """The cell that should tell the respondent."""
        keys = [(at, question) for at, question in self._asked[one.survey.survey] if question.role == "key"]
        own = [at for at, question in keys if one.respondent_type in question.key_of]
        columns = [*([] if self._any_at is None else [self._any_at]), *own, *(at for at, _ in keys), 0]
        return cell_address(one.row, columns[0])

    def _column_of(self, survey: Survey, role: str) -> int | None:
        return next((at for at, question in self._asked[survey.survey] if question.role == role), None)

    def _questions(self, headers: Headers) -> list[tuple[int, Question]]:
        own = (self._survey_at, self._round_at, self._type_at, self._any_at)
        titled = [(at, title) for at, title in enumerate(self._grid.titles) if title and at not in own]
        return [(at, question) for at, title in titled if (question := headers.find(title)) is not None]

    def _said(self, survey: Survey, role: str, row: Sequence[Cell]) -> list[tuple[Question, str]]:
        """What the columns of a role say that say anything."""
        asked = [(question, write_text(row[at]).strip()) for at, question in self._asked[survey.survey]]
        return [(question, text) for question, text in asked if question.role == role and text]

    def _park(self, survey: Survey, row: Sequence[Cell]) -> tuple[int | None, str | None]:
        """The column of the first park that is stated, and what it says."""
        parks = [(at, write_text(row[at]).strip()) for at, one in self._asked[survey.survey] if one.role == "park"]
        return next(((at, text) for at, text in parks if not says_nothing(text)), (None, None))

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


def _is_doubtful(one: _Invited) -> bool:
    """Whether a tax code fails its check digit; it is somebody's all the same if the register has it."""
    return one.respondent_type == ENTERPRISE and read_tax_code(one.identity).problem == "tax_code_check_digit"


def _lines(groups: Sequence[Sequence[_Invited]]) -> list[int]:
    return sorted(one.row + 1 for rows in groups for one in rows)
