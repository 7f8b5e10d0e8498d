"""Answers to a Google form, as CSV or as the sheet that the form fills.

It must not understand an answer. The surprising fact: the tool gives a response no number, so that it is known by who
answered and when; the same answers exported twice are one response.
"""

from collections.abc import Collection, Sequence

from kcn_pipeline.contracts.surveys import Survey
from kcn_pipeline.staging.surveys.collect import Collector, ResponseMeta
from kcn_pipeline.staging.surveys.columns import map_columns
from kcn_pipeline.staging.surveys.grids import Grid, note_dates, write_text
from kcn_pipeline.staging.surveys.moments import decide_order, read_moment
from kcn_pipeline.staging.surveys.recognise import Recogniser
from kcn_pipeline.staging.vietnamese import fold

CHANNEL = "google_forms"
#: Folded headers. A Vietnamese form writes the day first; under `Timestamp` the column itself has to prove it.
_LOCAL_TIME, _TIME = "dau thoi gian", "timestamp"
_ACCOUNT = ("dia chi email", "email address", "ten nguoi dung", "username")
_POINTS = ("diem so", "tong diem", "score", "total score")


def is_head(titles: Sequence[str]) -> bool:
    """Whether a row heads the answers to a form: the time comes first."""
    first = next((title for title in titles if title), "")
    return fold(first) in (_LOCAL_TIME, _TIME) and sum(map(bool, titles)) > 1


def find_missing(titles: Collection[str]) -> list[str]:
    """What these headers lack to be answers to a form, where the time stands among them and not first."""
    is_form = any(fold(title) in (_LOCAL_TIME, _TIME) for title in titles)
    return ["Dấu thời gian (Timestamp) ở cột đầu tiên / as the first column"] if is_form else []


def own_columns(grid: Grid) -> frozenset[int]:
    """The columns that the tool adds of its own."""
    keys = (_LOCAL_TIME, _TIME, *_ACCOUNT, *_POINTS)
    return frozenset(grid.keys[key] for key in keys if key in grid.keys)


def read_answers(collector: Collector, recogniser: Recogniser, survey: Survey | None, grid: Grid) -> None:
    """Give the rows of a sheet to the collector; those of no survey as unknown ones."""
    own = own_columns(grid)
    columns = map_columns(grid, recogniser.headers(survey), own) if survey else None
    at = grid.find(_LOCAL_TIME, _TIME) or 0
    usual = "day" if fold(grid.titles[at]) == _LOCAL_TIME else None
    order = decide_order((row[at] for _, row in grid.rows()), usual)  # type: ignore[arg-type]
    accounts = [grid.keys[key] for key in _ACCOUNT if key in grid.keys]
    unread: list[int] = []
    for index, row in grid.rows():
        submitted_at = read_moment(row[at], order)
        if submitted_at is None:
            unread.append(index + 1)
        meta = ResponseMeta(
            channel=CHANNEL,
            submitted_at=submitted_at,
            is_finished=not grid.is_cut(index),
            identities=tuple(text for each in accounts if (text := write_text(row[each]).strip())),
        )
        if survey is None or columns is None:
            collector.add_unknown(grid.place_of(index), meta)
        else:
            collector.add(grid.place_of(index), survey, columns.answers(row), meta, columns.strays(row))
    note_dates(collector, grid, [[at]], unread)
    if survey is not None and columns is not None:
        collector.note_unknown(grid.place, survey, len(columns.unknown), columns.unknown_letters)
