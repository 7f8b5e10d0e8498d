"""The board's workbook of paper forms: one row per form, a sample of them typed a second time by somebody else.

It must not compare the two entries; validation does. The surprising fact: enterprises' and experts' forms are numbered
from 1 each, and so are those of every round and every workbook, so that a form is its number, its respondent and its
day; a second entry with another code or day is found by its number among the first entries of its own workbook.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kcn_pipeline.contracts.surveys import Question, Survey
from kcn_pipeline.findings import Place
from kcn_pipeline.staging.surveys.collect import Collector, ResponseMeta
from kcn_pipeline.staging.surveys.columns import map_columns
from kcn_pipeline.staging.surveys.grids import Grid, list_some, note_cells, note_dates, note_no_time, write_text
from kcn_pipeline.staging.surveys.headers import find_choice
from kcn_pipeline.staging.surveys.moments import decide_order, read_moment
from kcn_pipeline.staging.surveys.recognise import Recogniser
from kcn_pipeline.staging.vietnamese import clean, fold
from kcn_pipeline.staging.workbooks import Cell

CHANNEL = "paper"
#: Folded headers of what the typist adds. Of several days the first that is filled in counts: received, signed, typed.
_NUMBER = ("so phieu", "so phieu khao sat", "ma so phieu", "form number", "form no")
_ENTRY = ("lan nhap", "lan nhap lieu", "luot nhap", "entry")
_DAYS = (
    "ngay nhan phieu", "ngay nhan", "ngay thu phieu", "ngay thu", "ngay nop phieu", "ngay nop", "date received",
    "ngay ky", "ngay ky phieu", "date signed", "ngay dien phieu", "ngay dien", "ngay tra loi", "ngay khao sat",
    "ngay phieu", "ngay", "date", "ngay nhap", "ngay nhap lieu", "date typed",
)  # fmt: skip
_TYPISTS = ("nguoi nhap", "nguoi nhap lieu", "can bo nhap", "typed by")
_BESIDE = ("stt", "tt", *_TYPISTS, "ngay gio nhap")
_ENTRIES = {
    "": "first", "1": "first", "i": "first", "first": "first", "mot": "first", "nhat": "first",
    "2": "second", "ii": "second", "second": "second", "hai": "second",
}  # fmt: skip
_ENTRY_WORDS = re.compile(r"^(?:lan|luot|entry)(?: thu| nhap)?\s*")


@dataclass(frozen=True)
class Form:
    """A row of a workbook with a number: as it was typed, with round and type of respondent, and what was staged."""

    number: tuple[str, str]
    name: tuple[str, str]
    place: Place
    row: dict[str, Any]


def is_head(titles: Sequence[str]) -> bool:
    """Whether a row heads typed forms: it has a column `Số phiếu`."""
    return any(fold(title) in _NUMBER for title in titles if title) and sum(map(bool, titles)) > 2


def own_columns(grid: Grid) -> frozenset[int]:
    """The columns of the typist."""
    return frozenset(grid.keys[key] for key in (*_NUMBER, *_ENTRY, *_DAYS, *_BESIDE) if key in grid.keys)


def read_forms(collector: Collector, recogniser: Recogniser, survey: Survey | None, grid: Grid) -> list[Form]:
    """Give the rows of a sheet to the collector, those of no survey as unknown ones; the forms that have a number.

    Of all sheets of a workbook they go to `pair_entries`.
    """
    columns = map_columns(grid, recogniser.headers(survey), own_columns(grid)) if survey else None
    meta = _Meta(grid, survey)
    forms: list[Form] = []
    for index, row in grid.rows():
        if survey is None or columns is None:
            collector.add_unknown(grid.place_of(index), meta.read(index, row, []))
            continue
        answers = columns.answers(row)
        said = meta.read(index, row, answers)
        collector.add(grid.place_of(index), survey, answers, said, columns.strays(row))
        if number := meta.number(row):
            name = (survey.survey, meta.name(row, said.submitted_at, answers))
            forms.append(Form((survey.survey, number), name, grid.place_of(index), collector.responses[-1]))
    meta.note(collector)
    if survey is not None and columns is not None:
        collector.note_unknown(grid.place, survey, len(columns.unknown), columns.unknown_letters)
    return forms


def pair_entries(collector: Collector, forms: Sequence[Form]) -> None:
    """Find to each second entry of a workbook its first, and tell what was typed otherwise or several times.

    One with the number, respondent and day of a first entry is that form already. Else it is the form of the only first
    entry with its number and respondent in its round, which may well have been typed on another day, with its number,
    round and type of respondent, or with its number; else it stays alone: the first may stand in another workbook.
    """
    firsts = [form for form in forms if form.row["entry"] == "first"]
    _note_repeated(collector, firsts)
    known = _by_response(firsts)
    for form in forms:
        if form.row["entry"] != "second" or form.row["response_id"] in known:
            continue
        if first := _find_first(form, firsts):
            collector.join(form.row, first.row)
            if _owner_of(form) != _owner_of(first):
                collector.note("double_entry_key_differs", "row", form.place, found=_say_lines([first], form.place))


def _find_first(second: Form, firsts: Sequence[Form]) -> Form | None:
    """The last line of the only form that a second entry may be of."""
    alike = (_by_response(each for each in firsts if _owner_of(each) == _owner_of(second)),
             _by_response(each for each in firsts if each.name == second.name),
             _by_response(each for each in firsts if each.number == second.number))  # fmt: skip
    found = next((only for only in alike if len(only) == 1), None)
    return next(iter(found.values()))[-1] if found else None


def _owner_of(form: Form) -> tuple[tuple[str, str], str]:
    """What a form is but for its day: number, round, and who answered, if that is known."""
    return form.name, form.row["respondent_key"] or form.row["response_id"]


def _by_response(forms: Iterable[Form]) -> Mapping[str, list[Form]]:
    found: dict[str, list[Form]] = defaultdict(list)
    for form in forms:
        found[form.row["response_id"]].append(form)
    return found


def _note_repeated(collector: Collector, firsts: Sequence[Form]) -> None:
    """Note the forms with several first entries; of one day the last line of them counts, else the newest day."""
    by_owner: dict[tuple[tuple[str, str], str], list[Form]] = defaultdict(list)
    for form in firsts:
        by_owner[_owner_of(form)].append(form)
    for same in by_owner.values():
        if len(same) > 1:
            last = same[-1].place
            collector.note("form_repeated", "row", last, found=len(same), detail=_say_lines(same, last))


def _say_lines(forms: Sequence[Form], place: Place) -> str:
    """The lines of forms; those on another sheet than `place` with their sheet."""
    return list_some(
        [f"{form.place.line}" + f" ({form.place.sheet})" * (form.place.sheet != place.sheet) for form in forms]
    )


class _Meta:
    """Reads the typist's columns of a sheet and keeps the lines where they say nothing that can be read."""

    def __init__(self, grid: Grid, survey: Survey | None) -> None:
        self._grid, self._survey = grid, survey
        self._number, self._entry = grid.find(*_NUMBER), grid.find(*_ENTRY)
        self._days = [grid.keys[key] for key in _DAYS if key in grid.keys]
        self._typists = [grid.keys[key] for key in _TYPISTS if key in grid.keys]
        self._orders = {at: decide_order((row[at] for _, row in grid.rows()), "day") for at in self._days}
        self._undated: list[int] = []
        self._unclear: list[int] = []

    def read(self, index: int, row: Sequence[Cell], answers: Sequence[tuple[Question, str | None]]) -> ResponseMeta:
        """What the typist says about the form in a row."""
        submitted_at = self._day(row)
        number = self.name(row, submitted_at, answers)
        if submitted_at is None:
            self._undated.append(index + 1)
        entry = _read_entry(write_text(row[self._entry]) if self._entry is not None else "")
        if entry is None:
            self._unclear.append(index + 1)
        return ResponseMeta(
            channel=CHANNEL,
            # One number and respondent may come again on another day, from another workbook: that is another response.
            number=f"{number}|{submitted_at:%Y-%m-%d}" if number and submitted_at else number,
            submitted_at=submitted_at,
            # An entry that may be a second one must not count as a form of its own.
            entry=entry or "second",
            is_finished=not self._grid.is_cut(index),
            identities=tuple(text for at in self._typists if (text := write_text(row[at]).strip())),
        )

    def number(self, row: Sequence[Cell]) -> str:
        """The number of a form without leading zeros; '' where there is none."""
        written = clean(write_text(row[self._number])).casefold() if self._number is not None else ""
        return written.lstrip("0") or written[:1]

    def note(self, collector: Collector) -> None:
        """Note what could not be read."""
        if self._days:
            note_dates(collector, self._grid, [[at] for at in self._days], self._undated)
        else:
            note_no_time(collector, self._grid, "Ngày nhận phiếu")
        if self._entry is not None:
            note_cells(collector, "entry_unclear", self._grid, self._entry, self._unclear)

    def _day(self, row: Sequence[Cell]) -> datetime | None:
        filled = [at for at in self._days if write_text(row[at]).strip()]
        return read_moment(row[filled[0]], self._orders[filled[0]]) if filled else None

    def name(self, row: Sequence[Cell], day: datetime | None, answers: Sequence[tuple[Question, str | None]]) -> str:
        """Round, type of respondent and number of a form; '' where it has no number."""
        number = self.number(row)
        if not number:
            return ""
        current = self._survey.round_on(day.date()) if self._survey and day else None
        stated = [find_choice(each, text) for each, text in answers if each.role == "respondent_type" and text]
        kind = stated[0].code if stated and stated[0] else ""
        return f"{current.round if current else ''}|{kind}|{number}"


def _read_entry(text: str) -> str | None:
    """`first` or `second` from `1`, `Lần 2`, blank; None when it says neither."""
    return _ENTRIES.get(_ENTRY_WORDS.sub("", fold(text)))
