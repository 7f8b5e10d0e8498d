"""Merges snapshots of a register into dated versions of its things: the pure arithmetic, on rows as dictionaries.

It must not read or write tables. The surprising fact: a thing seen for the first time is taken to have been so since
1900, because a register says what is, not since when, and only a later register can show a change.

A register is a snapshot: every row it knows, with the date it speaks of (`as_of`). Of one thing (the columns that a
contract lists under `versions`) rows that state `valid_from` are versions as written, one that does not is its present.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

Row = dict[str, Any]
Thing = tuple[Any, ...]

OPEN_START = date(1900, 1, 1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Event:
    """Something a merge found: a thing that vanished, versions that overlapped, an end that lies before its start."""

    kind: Literal["row_vanished", "versions_overlap", "dates_reversed"]
    row: Row


@dataclass(frozen=True)
class Snapshot:
    """The accepted rows of one register and all things it names, also in rows that were quarantined.

    `is_complete` is false when a thing that is not in it need not have vanished: another part of the same state came
    before, or a row's thing could not be read.
    """

    as_of: date
    rows: tuple[Row, ...]
    things: frozenset[Thing]
    is_complete: bool = True


@dataclass(frozen=True)
class Shape:
    """Which columns name a thing and which describe it."""

    thing: tuple[str, ...]
    attributes: tuple[str, ...]

    def thing_of(self, row: Mapping[str, Any]) -> Thing:
        """The thing a row speaks of."""
        return tuple(row[name] for name in self.thing)

    def says_the_same(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Whether two rows describe a thing alike."""
        return all(one.get(name) == other.get(name) for name in self.attributes)


def merge_snapshot(versions: Iterable[Row], snapshot: Snapshot, shape: Shape) -> tuple[list[Row], list[Event]]:
    """The versions after a snapshot, ordered by thing and first day; versions of a thing never overlap.

    Applying a snapshot twice changes nothing the second time.
    """
    before = _by_thing(versions, shape)
    stated = _by_thing(snapshot.rows, shape)
    merged: list[Row] = []
    events: list[Event] = []
    for thing in sorted({*before, *stated}, key=_sortable):
        known = before.get(thing, [])
        if thing in stated:
            rows, found = _merge_thing(known, stated[thing], snapshot.as_of, shape)
        elif thing in snapshot.things or not snapshot.is_complete:
            rows, found = known, []
        else:
            rows, found = _close_vanished(known, snapshot.as_of)
        merged += rows
        events += found
    return merged, events


def _merge_thing(known: list[Row], stated: list[Row], as_of: date, shape: Shape) -> tuple[list[Row], list[Event]]:
    dated = [{**row, "as_of": as_of} for row in stated if row["valid_from"] is not None]
    versions, events = _place(known, dated)
    for row in stated:
        if row["valid_from"] is None:
            versions, found = _apply_present(versions, {**row, "as_of": as_of}, as_of, shape)
            events += found
    return versions, events


def _place(known: list[Row], dated: list[Row]) -> tuple[list[Row], list[Event]]:
    """Put versions as written among the known ones; what is written wins over known versions that begin within it."""
    written, events = _without_overlap(dated, is_written=True)
    kept = [row for row in known if not any(_covers(version, row["valid_from"]) for version in written)]
    merged, _ = _without_overlap([*kept, *written], is_written=False)
    return merged, events


def _apply_present(versions: list[Row], row: Row, as_of: date, shape: Shape) -> tuple[list[Row], list[Event]]:
    """Apply a row that says how a thing is on `as_of`, not since when."""
    begun = [version for version in versions if version["valid_from"] <= as_of]
    if not begun:
        opened = {**row, "valid_from": OPEN_START}
        return _without_overlap([opened, *versions], is_written=False)[0], []
    current = begun[-1]
    end = row["valid_to"]
    if end is not None and end < current["valid_from"]:
        return versions, [Event("dates_reversed", row)]
    has_ended = end is not None and end < as_of
    if has_ended or (_covers(current, as_of) and shape.says_the_same(current, row)):
        changed = {**row, "valid_from": current["valid_from"]}
        if end is None:
            changed["valid_to"] = current["valid_to"]
    else:
        changed = {**row, "valid_from": as_of}
    others = [version for version in versions if version["valid_from"] != changed["valid_from"]]
    return _without_overlap([*others, changed], is_written=False)[0], []


def _close_vanished(known: list[Row], as_of: date) -> tuple[list[Row], list[Event]]:
    """Close what a thing still had open the day before the register that no longer names it."""
    if all(row["valid_to"] is not None and row["valid_to"] < as_of for row in known):
        return known, []
    kept = [row for row in known if row["valid_from"] < as_of]
    closed = [row if _ends_before(row, as_of) else {**row, "valid_to": as_of - _DAY} for row in kept]
    return closed, [Event("row_vanished", known[-1])]


def _without_overlap(rows: list[Row], is_written: bool) -> tuple[list[Row], list[Event]]:
    """The rows in order, each closed the day before the next begins; a written end that had to move is an event."""
    ordered = sorted(rows, key=lambda row: row["valid_from"])
    events = []
    for place, following in enumerate(ordered[1:]):
        row = ordered[place]
        if not _ends_before(row, following["valid_from"]):
            if is_written and row["valid_to"] is not None:
                events.append(Event("versions_overlap", row))
            ordered[place] = {**row, "valid_to": following["valid_from"] - _DAY}
    return ordered, events


def _covers(version: Row, day: date) -> bool:
    return bool(version["valid_from"] <= day and (version["valid_to"] is None or day <= version["valid_to"]))


def _ends_before(version: Row, day: date) -> bool:
    return bool(version["valid_to"] is not None and version["valid_to"] < day)


def _by_thing(rows: Iterable[Row], shape: Shape) -> dict[Thing, list[Row]]:
    found: dict[Thing, list[Row]] = defaultdict(list)
    for row in rows:
        found[shape.thing_of(row)].append(row)
    return found


def _sortable(thing: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(part) for part in thing)
