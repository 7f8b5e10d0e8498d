"""Episodes: stretches over a limit joined across midnights, found anew around the days that changed.

It must not read hours or limits. The surprising fact: a stretch remembers how far its episode has come, so that a new
day looks at one day before it, even where a station has been over its limit for a year.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from heapq import heapify, heappop, heappush
from typing import Any

import pyarrow as pa

from kcn_pipeline.indicators.monitoring.tables import EPISODES_SCHEMA, OVERRUNS_SCHEMA, SERIES, STRETCH_SCHEMA

Row = dict[str, Any]
Series = tuple[str, str, str]
#: A series and the moment its episode started.
Key = tuple[Series, datetime]

_DAY = timedelta(days=1)
_WORST = ("peak", "limit_min", "limit_max", "ratio", "unit", "basis")


@dataclass
class Linked:
    """What changed: overruns and episodes by the day whose slice they make up, and the series of each start day."""

    overruns: dict[date, list[Row]] = field(default_factory=dict)
    episodes: dict[date, list[Row]] = field(default_factory=dict)
    series: dict[date, set[Series]] = field(default_factory=dict)


def link_stretches(
    stretches: Mapping[date, list[Row]],
    known_overruns: Callable[[date], list[Row]],
    known_episodes: Callable[[date], list[Row]],
    rewritten: Collection[date] = (),
) -> Linked:
    """Join the stretches of the computed days with what is known of all other days.

    `stretches` holds every computed day, empty where nothing was over a limit. `known_overruns` and `known_episodes`
    tell the state of a day before; `rewritten` are days whose slices are wanted even if nothing changed. The days
    after a computed one are followed as long as an episode reaches into them and comes out different.
    """
    linked = Linked()
    changed: set[Key] = set()
    waiting = [*stretches]
    heapify(waiting)
    done: dict[date, list[Row]] = {}

    def overruns_of(day: date) -> list[Row]:
        if day not in done:
            return known_overruns(day)
        return done[day]

    while waiting:
        day = heappop(waiting)
        if day in done:
            continue
        before = known_overruns(day)
        after = _continue(stretches.get(day, before), overruns_of(day - _DAY), day)
        done[day] = after
        keys = _differing(before, after)
        changed |= keys
        reaches_on = {_end(day)} & {row["to_at"] for row in (*before, *after) if _key(row) in keys}
        if reaches_on and day + _DAY not in done and (day + _DAY in stretches or known_overruns(day + _DAY)):
            heappush(waiting, day + _DAY)
    # A day before a computed one keeps its rows, yet may hold the last stretch of an episode that no longer goes on.
    around = {day + step for day in done for step in (-_DAY, timedelta(0), _DAY)}
    finals = _finals(changed, [row for day in sorted(around) for row in overruns_of(day)])
    # A day that never was over a limit needs no slice; one that was and is no more needs an empty one.
    for day in {*done, *rewritten}:
        if day in rewritten or overruns_of(day) != known_overruns(day) or (day in stretches and overruns_of(day)):
            linked.overruns[day] = overruns_of(day)
    wanted = {day for day in stretches if known_episodes(day)}
    _replace_episodes(linked, changed, finals, known_episodes, {*wanted, *rewritten})
    return linked


def _continue(stretches: Iterable[Row], yesterday: Iterable[Row], day: date) -> list[Row]:
    """The stretches of a day as overruns: each goes on with yesterday's last one if both touch midnight."""
    midnight = datetime.combine(day, time())
    open_ = {series_of(row): row for row in yesterday if row["to_at"] == midnight}
    rows = []
    for stretch in sorted(stretches, key=lambda row: (series_of(row), row["from_at"])):
        earlier = open_.get(series_of(stretch)) if stretch["from_at"] == midnight else None
        own = {name: stretch[name] for name in STRETCH_SCHEMA.names}
        if earlier is None:
            so_far = {"started_at": own["from_at"], "hours_so_far": own["hours"]}
            worst = own
        else:
            so_far = {"started_at": earlier["started_at"], "hours_so_far": earlier["hours_so_far"] + own["hours"]}
            past = {name: earlier[f"worst_{name}"] for name in _WORST}
            worst = own if _is_worse(own["ratio"], past["ratio"]) else past
        rows.append({**own, **so_far, **{f"worst_{name}": worst[name] for name in _WORST}})
    return rows


def _is_worse(ratio: float | None, than: float | None) -> bool:
    """Whether a ratio is worse; the ratio to a limit of zero is null and the worst."""
    if than is None or ratio is None:
        return ratio is None and than is not None
    return ratio > than


def _differing(before: Iterable[Row], after: Iterable[Row]) -> set[Key]:
    old = {(_key(row), row["from_at"]): row for row in before}
    new = {(_key(row), row["from_at"]): row for row in after}
    return {key for key, start in {*old, *new} if old.get((key, start)) != new.get((key, start))}


def _finals(keys: Collection[Key], rows: Iterable[Row]) -> dict[Key, Row]:
    """The last stretch of each episode; rows come in the order of days."""
    return {_key(row): row for row in rows if _key(row) in keys}


def _replace_episodes(
    linked: Linked,
    changed: Collection[Key],
    finals: Mapping[Key, Row],
    known_episodes: Callable[[date], list[Row]],
    wanted: Collection[date],
) -> None:
    """Fill in the episodes of every day on which a changed one starts, the unchanged ones as they were."""
    by_day: dict[date, set[Key]] = {day: set() for day in wanted}
    for key in changed:
        by_day.setdefault(key[1].date(), set()).add(key)
    for day, keys in by_day.items():
        kept = [row for row in known_episodes(day) if _key(row) not in keys]
        new = [_episode(finals[key]) for key in keys if key in finals]
        linked.episodes[day] = sorted([*kept, *new], key=_key)
        linked.series[day] = {series_of(row) for row in linked.episodes[day]} | {series for series, _ in keys}


def _episode(final: Row) -> Row:
    worst = {name: final[f"worst_{name}"] for name in _WORST}
    series = {name: final[name] for name in SERIES}
    return {
        **series,
        "started_at": final["started_at"],
        "ended_at": final["to_at"],
        "hours": final["hours_so_far"],
        **worst,
    }


def series_of(row: Row) -> Series:
    """The series of a stretch or an episode."""
    return row["station_id"], row["parameter_code"], row["averaging"]


def _key(row: Row) -> Key:
    return series_of(row), row["started_at"]


def _end(day: date) -> datetime:
    return datetime.combine(day + _DAY, time())


def tabulate_overruns(rows: Iterable[Row]) -> pa.Table:
    """Rows of one day as they are stored."""
    return pa.Table.from_pylist(list(rows), schema=OVERRUNS_SCHEMA)


def tabulate_episodes(rows: Iterable[Row]) -> pa.Table:
    """Episodes of one start day as they are stored."""
    return pa.Table.from_pylist(list(rows), schema=EPISODES_SCHEMA)


def list_scope(series: Mapping[date, Collection[Series]]) -> Iterator[Row]:
    """One row per start day and series: whose episodes that begin within the day are exactly those of its slice."""
    for day in sorted(series):
        bounds = {"from_at": datetime.combine(day, time()), "to_at": _end(day)}
        for station_id, parameter_code, averaging in sorted(series[day]):
            yield {
                "station_id": station_id,
                "parameter_code": parameter_code,
                "averaging": averaging,
                **bounds,
            }
