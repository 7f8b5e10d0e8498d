"""Snapshots of a register become versions: the rules one by one, and what holds after any sequence of snapshots."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kcn_pipeline.validation.versions import OPEN_START, Event, Row, Shape, Snapshot, merge_snapshot

SHAPE = Shape(("thing",), ("colour",))
JAN, JUL, OCT = date(2025, 1, 1), date(2025, 7, 1), date(2025, 10, 1)


def row(thing: str, colour: str, since: date | None = None, until: date | None = None) -> Row:
    return {"thing": thing, "colour": colour, "valid_from": since, "valid_to": until, "as_of": None}


def snapshot(as_of: date, *rows: Row, also: tuple[str, ...] = (), is_complete: bool = True) -> Snapshot:
    things = frozenset({(one["thing"],) for one in rows} | {(name,) for name in also})
    return Snapshot(as_of, rows, things, is_complete)


def apply(*snapshots: Snapshot) -> tuple[list[tuple[Any, ...]], list[Event]]:
    """The versions after the snapshots as (thing, colour, from, to), and the events of the last one."""
    versions: list[Row] = []
    events: list[Event] = []
    for one in snapshots:
        versions, events = merge_snapshot(versions, one, SHAPE)
    return [(v["thing"], v["colour"], v["valid_from"], v["valid_to"]) for v in versions], events


def test_a_new_thing_has_been_so_for_ever() -> None:
    assert apply(snapshot(JAN, row("a", "red"))) == ([("a", "red", OPEN_START, None)], [])


def test_an_unchanged_thing_keeps_its_version_and_takes_the_new_date() -> None:
    first, second = snapshot(JAN, row("a", "red")), snapshot(JUL, row("a", "red"))
    assert apply(first, second) == apply(first)
    versions, _ = merge_snapshot(merge_snapshot([], first, SHAPE)[0], second, SHAPE)
    assert [version["as_of"] for version in versions] == [JUL]


def test_a_changed_thing_gets_a_version_from_the_date_of_the_register() -> None:
    versions, events = apply(snapshot(JAN, row("a", "red")), snapshot(JUL, row("a", "blue")))
    assert versions == [("a", "red", OPEN_START, date(2025, 6, 30)), ("a", "blue", JUL, None)]
    assert events == []


def test_a_stated_start_is_taken_as_written() -> None:
    versions, _ = apply(snapshot(JAN, row("a", "red")), snapshot(JUL, row("a", "blue", date(2025, 3, 1))))
    assert versions == [("a", "red", OPEN_START, date(2025, 2, 28)), ("a", "blue", date(2025, 3, 1), None)]


def test_several_stated_versions_are_all_kept_and_closed_by_the_next() -> None:
    versions, events = apply(snapshot(OCT, row("a", "blue", JUL), row("a", "red", JAN), row("a", "green", OCT)))
    assert versions == [
        ("a", "red", JAN, date(2025, 6, 30)),
        ("a", "blue", JUL, date(2025, 9, 30)),
        ("a", "green", OCT, None),
    ]
    assert events == []


def test_a_correction_replaces_the_version_of_the_same_start() -> None:
    versions, _ = apply(snapshot(JAN, row("a", "red", JAN)), snapshot(JUL, row("a", "pink", JAN, date(2025, 8, 1))))
    assert versions == [("a", "pink", JAN, date(2025, 8, 1))]


def test_a_stated_start_replaces_what_was_only_seen_by_comparing() -> None:
    """The change was first seen in July; in October the register says it had happened in March."""
    versions, _ = apply(
        snapshot(JAN, row("a", "red")),
        snapshot(JUL, row("a", "blue")),
        snapshot(OCT, row("a", "green", date(2025, 3, 1))),
    )
    assert versions == [("a", "red", OPEN_START, date(2025, 2, 28)), ("a", "green", date(2025, 3, 1), None)]


def test_overlapping_statements_are_cut_and_told() -> None:
    versions, events = apply(snapshot(OCT, row("a", "red", JAN, OCT), row("a", "blue", JUL)))
    assert versions == [("a", "red", JAN, date(2025, 6, 30)), ("a", "blue", JUL, None)]
    assert [event.kind for event in events] == ["versions_overlap"]


def test_an_end_without_a_start_closes_the_present_version() -> None:
    versions, _ = apply(snapshot(JAN, row("a", "red")), snapshot(JUL, row("a", "red", None, date(2025, 5, 31))))
    assert versions == [("a", "red", OPEN_START, date(2025, 5, 31))]


def test_an_end_before_the_start_changes_nothing_and_is_told() -> None:
    versions, events = apply(
        snapshot(JAN, row("a", "red", JAN)), snapshot(JUL, row("a", "red", None, date(2024, 1, 1)))
    )
    assert versions == [("a", "red", JAN, None)]
    assert [event.kind for event in events] == ["dates_reversed"]


def test_a_vanished_thing_is_closed_and_told_once() -> None:
    first, second, third = snapshot(JAN, row("a", "red"), row("b", "red")), snapshot(JUL, row("a", "red")), OCT
    versions, events = apply(first, second)
    assert versions == [("a", "red", OPEN_START, None), ("b", "red", OPEN_START, date(2025, 6, 30))]
    assert [(event.kind, event.row["thing"]) for event in events] == [("row_vanished", "b")]
    assert apply(first, second, snapshot(third, row("a", "red"))) == (versions, [])


def test_a_thing_that_comes_back_opens_a_version_of_its_own() -> None:
    versions, _ = apply(
        snapshot(JAN, row("a", "red"), row("b", "red")),
        snapshot(JUL, row("a", "red")),
        snapshot(OCT, row("a", "red"), row("b", "red")),
    )
    assert versions[1:] == [("b", "red", OPEN_START, date(2025, 6, 30)), ("b", "red", OCT, None)]


def test_a_refused_row_has_not_vanished() -> None:
    first = snapshot(JAN, row("a", "red"), row("b", "red"))
    assert apply(first, snapshot(JUL, row("a", "red"), also=("b",))) == apply(first)
    assert apply(first, snapshot(JUL, row("a", "red"), is_complete=False)) == apply(first)


def test_a_version_that_was_to_begin_later_vanishes_with_its_thing() -> None:
    first = snapshot(JAN, row("a", "red", JAN), row("a", "blue", OCT), row("b", "red"))
    versions, events = apply(first, snapshot(JUL, row("b", "red")))
    assert versions == [("a", "red", JAN, date(2025, 6, 30)), ("b", "red", OPEN_START, None)]
    assert [event.kind for event in events] == ["row_vanished"]


# ---- what holds after any sequence -------------------------------------------------------------------------------

DAYS = st.integers(0, 60).map(lambda days: JAN + timedelta(days=days))


@st.composite
def rows(draw: st.DrawFn) -> Row:
    since = draw(st.none() | DAYS)
    until = draw(st.none() | DAYS)
    if since and until and until < since:
        since, until = until, since
    return row(draw(st.sampled_from("abc")), draw(st.sampled_from(("red", "blue"))), since, until)


@st.composite
def histories(draw: st.DrawFn) -> list[Snapshot]:
    days = sorted(draw(st.lists(DAYS, min_size=1, max_size=4, unique=True)))
    stated = st.lists(rows(), max_size=6, unique_by=lambda one: (one["thing"], one["valid_from"]))
    return [snapshot(day, *draw(stated), is_complete=draw(st.booleans())) for day in days]


def merge_all(history: list[Snapshot]) -> list[Row]:
    versions: list[Row] = []
    for one in history:
        versions, _ = merge_snapshot(versions, one, SHAPE)
    return versions


@settings(max_examples=150, deadline=None)
@given(histories())
def test_every_day_of_a_thing_is_covered_at_most_once(history: list[Snapshot]) -> None:
    versions = merge_all(history)
    for thing in "abc":
        own = [version for version in versions if version["thing"] == thing]
        assert [version["valid_from"] for version in own] == sorted({version["valid_from"] for version in own})
        for version, following in pairwise(own):
            assert version["valid_to"] is not None
            assert version["valid_to"] < following["valid_from"]
        assert all(version["valid_to"] is None or version["valid_from"] <= version["valid_to"] for version in own)


@settings(max_examples=100, deadline=None)
@given(histories())
def test_replaying_gives_the_same_and_the_last_register_twice_changes_nothing(history: list[Snapshot]) -> None:
    versions = merge_all(history)
    assert merge_all(history) == versions
    assert merge_all([*history, history[-1]]) == versions


@settings(max_examples=100, deadline=None)
@given(histories())
def test_what_the_last_register_says_of_its_day_is_what_holds_on_it(history: list[Snapshot]) -> None:
    """A row without any date is the present of its thing, unless the same register states otherwise with dates."""
    last = history[-1]
    versions = merge_all(history)
    for stated in last.rows:
        alone = sum(one["thing"] == stated["thing"] for one in last.rows) == 1
        if alone and stated["valid_from"] is None and stated["valid_to"] is None:
            holding = [v for v in versions if v["thing"] == stated["thing"] and v["valid_from"] <= last.as_of]
            assert holding[-1]["colour"] == stated["colour"]
            assert holding[-1]["valid_to"] is None or holding[-1]["valid_to"] >= last.as_of
