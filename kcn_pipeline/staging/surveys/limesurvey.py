"""Exports of LimeSurvey: headed by codes (`Q_SQ001`, `Q[SQ001]`), by whole or cut texts, or by both; answers alike.

It must not understand an answer. The surprising fact: a survey that promises anonymity gives every finished response
the time 1980-01-01 00:00:00, which says that it is finished and nothing else.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from kcn_pipeline.contracts.surveys import Choice, Question, Survey, header_key
from kcn_pipeline.staging.surveys.collect import Collector, ResponseMeta
from kcn_pipeline.staging.surveys.columns import find_cut, map_columns
from kcn_pipeline.staging.surveys.grids import Grid, note_dates, note_no_time, write_text
from kcn_pipeline.staging.surveys.headers import Headers, find_choice, only_ones
from kcn_pipeline.staging.surveys.moments import decide_order, read_moment
from kcn_pipeline.staging.surveys.recognise import Recogniser
from kcn_pipeline.staging.vietnamese import fold
from kcn_pipeline.staging.workbooks import Cell

CHANNEL = "limesurvey"
#: Folded headers of the tool's own columns, as code and as text. Those in Vietnamese vary with the translation.
_OWN: Mapping[str, tuple[str, ...]] = {
    "number": ("id", "response id", "ma phan hoi", "id phan hoi", "ma tra loi"),
    "submitted": ("submitdate", "date submitted", "ngay gui", "ngay nop", "ngay hoan thanh"),
    "last_page": ("lastpage", "last page", "trang cuoi", "trang cuoi cung"),
    "language": ("startlanguage", "start language", "ngon ngu bat dau", "ngon ngu khoi dau"),
    "seed": ("seed",),
    "started": ("startdate", "date started", "ngay bat dau"),
    "saved": ("datestamp", "date last action", "ngay thao tac cuoi"),
    "duration": ("interviewtime", "total time", "tong thoi gian"),
    "token": ("token", "access code", "ma truy cap"),
    "address": ("ipaddr", "ip address", "dia chi ip"),
    "referrer": ("refurl", "referrer url"),
    "first_name": ("firstname", "first name"),
    "last_name": ("lastname", "last name"),
    "email": ("email", "email address"),
}
#: Two of these tell an export; a form of one's own may well have an `id`.
_MARKS = ("number", "submitted", "last_page", "language", "seed")
#: A form of one's own has none of these.
_ONLY_HERE = ("last_page", "language", "seed", "started", "saved", "referrer")
_PERSONAL = ("token", "address", "first_name", "last_name", "email")
#: Seconds spent on a group or a question.
_TIMING = re.compile(r"grouptime ?\d+|\d+x\d+x\d+time|(?:group|question) time .*")
_ANONYMOUS = datetime(1980, 1, 1)
_PART = re.compile(r"(?P<head>[^\[\]]+)\[(?P<part>[^\[\]]+)\]")
#: Between the code and the text of a header that has both.
_BETWEEN = ". "
_CODED = ("id. ", "submitdate. ", "lastpage. ")


def is_head(titles: Sequence[str]) -> bool:
    """Whether a row heads responses: it says when they were sent or where they ended, and one more thing."""
    keys = {_key_of(title) for title in titles if title}
    found = {name for name in _MARKS if not keys.isdisjoint(_OWN[name])}
    return len(found) > 1 and not found.isdisjoint(("submitted", "last_page"))


def find_missing(titles: Collection[str]) -> list[str]:
    """What these headers lack to be an export, where they have any column that only this tool adds."""
    keys = {_key_of(title) for title in titles}
    marks = [name for name in ("submitted", *_ONLY_HERE) if not keys.isdisjoint(_OWN[name])]
    needed = {"number": "id", "submitted": "submitdate"}
    return [code for name, code in needed.items() if keys.isdisjoint(_OWN[name])] if marks else []


def own_columns(grid: Grid) -> frozenset[int]:
    """The columns that the tool adds of its own."""
    known = {key for keys in _OWN.values() for key in keys}
    keys = [_key_of(title) for title in grid.titles]
    return frozenset(at for at, key in enumerate(keys) if key in known or _TIMING.fullmatch(key))


def keep_codes(grid: Grid) -> Grid:
    """The sheet with the codes alone as headers, where every header has code and text: `mg01[SQ001]. Mức độ …`."""
    if not any(title.startswith(_CODED) for title in grid.titles):
        return grid
    head = [title.partition(_BETWEEN)[0] for title in grid.titles]
    rows = [head if number == grid.head else row for number, row in enumerate(grid.sheet.rows)]
    return replace(grid, sheet=replace(grid.sheet, rows=rows))


def spell(title: str, headers: Headers) -> Question | tuple[Question, Choice] | None:
    """What a header means: a code without the `_` that LimeSurvey forbids in it, or a text that was cut."""
    names = _bare_names(headers)
    if match := _PART.fullmatch(title):
        question = names.get(header_key(match["head"]))
        if question is not None and (choice := find_choice(question, match["part"])) is not None:
            return question, choice
    return names.get(header_key(title)) or find_cut(title, headers.survey)


def read_responses(collector: Collector, recogniser: Recogniser, survey: Survey | None, grid: Grid) -> None:
    """Give the rows of a sheet to the collector; those of no survey as unknown ones."""
    columns = map_columns(grid, recogniser.headers(survey), own_columns(grid), spell) if survey else None
    meta = _Meta(grid)
    for index, row in grid.rows():
        said = meta.read(index, row)
        if survey is None or columns is None:
            collector.add_unknown(grid.place_of(index), said)
        else:
            collector.add(grid.place_of(index), survey, columns.answers(row), said, columns.strays(row))
    if "submitted" in meta.at:
        note_dates(collector, grid, [meta.times], meta.unread)
    else:
        note_no_time(collector, grid, "submitdate")
    if survey is not None and columns is not None:
        collector.note_unknown(grid.place, survey, len(columns.unknown), columns.unknown_letters)


def _key_of(title: str) -> str:
    """The folded header, of a header with code and text the code alone."""
    code = title.partition(_BETWEEN)[0]
    return fold(code if " " not in code else title)


@lru_cache(maxsize=16)
def _bare_names(headers: Headers) -> dict[str, Question]:
    """Names of questions without `_`; the names that mean two questions are left out."""
    named = [(header_key(name), each) for each in headers.survey.questions for name in (each.name, *each.synonyms)]
    return only_ones(named)


class _Meta:
    """Reads the tool's own columns of a sheet; `unread` are the lines with a time that cannot be read."""

    def __init__(self, grid: Grid) -> None:
        keys = [_key_of(title) for title in grid.titles]
        self.at = {name: keys.index(key) for name, own in _OWN.items() for key in reversed(own) if key in keys}
        self.unread: list[int] = []
        self._grid = grid
        self.times = [self.at[name] for name in ("submitted", "started", "saved") if name in self.at]
        self._order = decide_order((row[at] for _, row in grid.rows() for at in self.times), None)

    def read(self, index: int, row: Sequence[Cell]) -> ResponseMeta:
        """What the tool says about the response in a row.

        Of one that is not finished, the time of the last action stands for that of submission: it tells the round. Of
        an export without submitdate nobody can tell which are finished, nor when they were submitted.
        """
        stated = self._text(row, "submitted")
        is_told = "submitted" in self.at
        submitted_at = self._moment(row, ["submitted"] if stated else ["saved", "started"]) if is_told else None
        if stated and submitted_at is None:
            self.unread.append(index + 1)
        if submitted_at == _ANONYMOUS:
            submitted_at = None
        number = self._text(row, "number")
        # Two surveys of one feed both number their responses from 1.
        scope = submitted_at.isoformat() if submitted_at else self._grid.place.file
        seconds = self._text(row, "duration")
        return ResponseMeta(
            channel=CHANNEL,
            number=f"{number}|{scope}" if number else None,
            submitted_at=submitted_at,
            started_at=self._moment(row, ["started"]),
            duration_s=float(seconds) if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", seconds) else None,
            is_finished=(bool(stated) or not is_told) and not self._grid.is_cut(index),
            identities=tuple(text for name in _PERSONAL if (text := self._text(row, name))),
            convention="en",
        )

    def _text(self, row: Sequence[Cell], name: str) -> str:
        return write_text(row[self.at[name]]).strip() if name in self.at else ""

    def _moment(self, row: Sequence[Cell], names: Iterable[str]) -> datetime | None:
        """The time in the first of the columns that holds one."""
        read = (read_moment(row[self.at[name]], self._order) for name in names if name in self.at)
        return next((moment for moment in read if moment is not None), None)
