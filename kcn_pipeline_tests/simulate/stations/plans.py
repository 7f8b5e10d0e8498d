"""A fleet: its stations, its days, and what happens to each station, drawn by chance.

It must not know how a thing happens (`events.py`). The surprising fact: everything drawn here keeps the times of files
true to their order, so a night may land any part of them and the newest still counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random

from kcn_pipeline_tests.simulate.province import stream
from kcn_pipeline_tests.simulate.stations import events as on
from kcn_pipeline_tests.simulate.stations.fleet import Station
from kcn_pipeline_tests.simulate.stations.traps import TRAPS

#: By kind of station, a parameter with a limit and what takes its mean beyond it.
_OVER = {"wastewater": ("cod", 2.6), "emission": ("so2", 3.2), "ambient": ("no2", 8.5)}


@dataclass(frozen=True)
class Fleet:
    """Stations, the days of which they send, and what happens to them, by station."""

    stations: Sequence[Station]
    days: Sequence[date] = ()
    plan: Mapping[str, Sequence[on.Event]] = field(default_factory=dict)


def draw_plan(
    stations: Sequence[Station], days: Sequence[date], dirty: float, seed: int
) -> Mapping[str, Sequence[on.Event]]:
    """What happens to each station: `dirty` is the share of files with a trap; an event is five times as likely."""
    if not dirty:
        return {}
    return {station.station_id: list(_events(station, days, dirty, seed)) for station in stations}


def _events(station: Station, days: Sequence[date], dirty: float, seed: int) -> Iterator[on.Event]:
    for day in days:
        draw = stream(seed, "events", station.station_id, day)
        makers = [make for make in _MAKERS if draw.random() < min(0.9, 5 * dirty)]
        for make in makers:
            yield from make(station, datetime.combine(day, time()), draw)
    yield on.sprinkle(TRAPS, dirty)
    for day in days:
        draw = stream(seed, "again", station.station_id, day)
        if draw.random() < min(0.9, 5 * dirty):
            yield from _again(station, datetime.combine(day, time()), draw)


def _over(station: Station, midnight: datetime, draw: Random) -> Iterator[on.Event]:
    if station.kind in _OVER:
        code, factor = _OVER[station.kind]
        hour = 0 if station.kind == "wastewater" else draw.randrange(24)
        hours = 24 if station.kind == "wastewater" else draw.randint(1, 6)
        start = midnight + timedelta(hours=hour)
        yield on.scale(code, start, start + timedelta(hours=hours), factor, "over", f"{code} above the limit")


def _failing(station: Station, midnight: datetime, draw: Random) -> Iterator[on.Event]:
    if station.logger.states_status:
        start = midnight + timedelta(hours=draw.randrange(20))
        code = draw.choice(station.sensors).code
        yield on.fail(code, start, start + timedelta(hours=draw.randint(1, 9)), draw.choice(("0", "0.00", "")))


def _calibrating(station: Station, midnight: datetime, draw: Random) -> Iterator[on.Event]:
    if station.logger.states_status:
        start = midnight + timedelta(hours=draw.randrange(18))
        yield on.calibrate(draw.choice(station.sensors).code, start, start + timedelta(minutes=30))


def _frozen(station: Station, midnight: datetime, draw: Random) -> Iterator[on.Event]:
    yield on.freeze(draw.choice(station.sensors).code, midnight, midnight + timedelta(hours=draw.randint(12, 24)))


def _silent(station: Station, midnight: datetime, draw: Random) -> Iterator[on.Event]:
    start = midnight + timedelta(hours=draw.randrange(20))
    yield on.lose(start, start + timedelta(hours=draw.randint(1, 4)))


def _late(station: Station, midnight: datetime, draw: Random) -> Iterator[on.Event]:
    start = midnight + timedelta(hours=draw.randrange(20))
    sent = midnight + timedelta(days=draw.randint(1, 3), hours=9)
    yield on.send_late(start, start + timedelta(hours=3), sent)


def _again(station: Station, midnight: datetime, draw: Random) -> Iterator[on.Event]:
    moment = midnight + timedelta(minutes=5 * draw.randrange(288))
    after = timedelta(days=draw.randint(0, 2), minutes=7)
    if draw.random() < 0.5:
        yield on.resend(moment, "_1", after)
    else:
        yield on.correct(moment, draw.choice(station.sensors).code, 1.2, "_2", after)


_MAKERS = (_over, _failing, _calibrating, _frozen, _silent, _late)
