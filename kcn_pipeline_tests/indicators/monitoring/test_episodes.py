"""Episodes across hours, midnights and nights: what starts, goes on, is split, joined and taken back."""

from datetime import timedelta
from typing import Any

import pytest

from kcn_pipeline_tests.indicators.monitoring.stations import DAY, NEXT_DAY, NIGHT, Stations, at, permit, station

OVER, FINE = 600_000.0, 100_000.0
THIRD_DAY = NEXT_DAY + timedelta(days=1)


def _spans(stations: Stations) -> list[tuple[Any, Any, int]]:
    return [(row["started_at"], row["ended_at"], row["hours"]) for row in stations.episodes()]


def _scope(stations: Stations, night: str) -> list[tuple[Any, ...]]:
    rows = stations.lake.read("indicators", "monitoring_episode_scope", night)
    assert rows is not None
    return [tuple(row.values()) for row in rows.to_pylist()]


@pytest.fixture
def stack(stations: Stations) -> Stations:
    """One stack, whose SO2 of 600 mg/Nm3 is over 500."""
    stations.register("2026-11-01", station("KT01", "emission"))
    return stations


def test_runs_of_hours(stack: Stations) -> None:
    means = {1: OVER, 2: 700_000.0, 3: OVER, 4: FINE, 5: OVER, 7: OVER}
    stack.hours(NIGHT, "KT01", "so2", DAY, means)
    stack.hours(NIGHT, "KT01", "so2", DAY, {6: OVER}, n=8)
    stack.compute()
    # An hour within the limit, one with too few readings: each ends a run.
    assert _spans(stack) == [
        (at(DAY, 1), at(DAY, 4), 3),
        (at(DAY, 5), at(DAY, 6), 1),
        (at(DAY, 7), at(DAY, 8), 1),
    ]
    first = stack.episodes()[0]
    assert (first["peak"], first["ratio"], first["limit_max"], first["limit_min"]) == (700.0, 1.4, 500.0, None)
    assert (first["unit"], first["averaging"]) == ("MG_PER_NM3", "1h")
    assert first["basis"] == "QCVN 19:2009/BTNMT, B, kp=1, kv=1"


def test_across_midnight_and_nights(stack: Stations) -> None:
    stack.hours("2026-11-19", "KT01", "so2", DAY, {22: OVER, 23: 800_000.0})
    stack.compute("2026-11-19")
    assert _spans(stack) == [(at(DAY, 22), at(NEXT_DAY, 0), 2)]
    stack.hours(NIGHT, "KT01", "so2", NEXT_DAY, {0: OVER, 1: OVER, 2: FINE})
    result = stack.compute()
    assert _spans(stack) == [(at(DAY, 22), at(NEXT_DAY, 2), 4)]
    assert stack.episodes()[0]["peak"] == 800.0
    # The day it starts on is written again, although it was not computed again; nothing starts on the next one.
    assert result.days == (NEXT_DAY,)
    assert result.episode_days == (DAY,)
    assert _scope(stack, NIGHT) == [("KT01", "so2", "1h", at(DAY, 0), at(NEXT_DAY, 0))]


def test_late_hours_join_two_episodes(stack: Stations) -> None:
    night = "2026-11-21"
    stack.hours(night, "KT01", "so2", DAY, {23: OVER})
    stack.hours(night, "KT01", "so2", THIRD_DAY, {0: OVER})
    stack.compute(night)
    assert _spans(stack) == [(at(DAY, 23), at(NEXT_DAY, 0), 1), (at(THIRD_DAY, 0), at(THIRD_DAY, 1), 1)]
    stack.hours("2026-11-22", "KT01", "so2", NEXT_DAY, dict.fromkeys(range(24), OVER))
    result = stack.compute("2026-11-22")
    assert _spans(stack) == [(at(DAY, 23), at(THIRD_DAY, 1), 26)]
    assert NEXT_DAY in result.days
    assert DAY not in result.days
    assert THIRD_DAY not in result.days
    assert {DAY, THIRD_DAY} <= set(result.episode_days)


def test_correction_splits_an_episode(stack: Stations) -> None:
    night = "2026-11-21"
    for day in (DAY, NEXT_DAY, THIRD_DAY):
        stack.hours(night, "KT01", "so2", day, dict.fromkeys(range(24), OVER))
    stack.compute(night)
    assert _spans(stack) == [(at(DAY, 0), at(THIRD_DAY, 0) + timedelta(days=1), 72)]
    stack.hours("2026-11-22", "KT01", "so2", NEXT_DAY, dict.fromkeys(range(24), FINE))
    stack.compute("2026-11-22")
    assert _spans(stack) == [
        (at(DAY, 0), at(NEXT_DAY, 0), 24),
        (at(THIRD_DAY, 0), at(THIRD_DAY, 0) + timedelta(days=1), 24),
    ]


def test_correction_takes_an_episode_back(stack: Stations) -> None:
    stack.hours("2026-11-19", "KT01", "so2", DAY, {5: OVER})
    stack.compute("2026-11-19")
    stack.hours(NIGHT, "KT01", "so2", DAY, {5: FINE})
    stack.compute()
    assert _spans(stack) == []
    # The series is in the scope although it has no episode any more.
    assert _scope(stack, NIGHT) == [("KT01", "so2", "1h", at(DAY, 0), at(NEXT_DAY, 0))]


def test_days_of_wastewater(stations: Stations) -> None:
    first = [permit("NT01", "cod", 50.0, valid_to=NEXT_DAY), permit("NT01", "cod", 30.0, valid_from=THIRD_DAY)]
    stations.register("2026-11-01", station("NT01"), permits=first)
    night = "2026-11-22"
    for step, value in enumerate((60.0, 75.0, 60.0)):
        stations.day(night, "NT01", "cod", DAY + timedelta(days=step), value)
    stations.read(night, "NT01", "cod", at(THIRD_DAY + timedelta(days=1), 0), [90.0] * 200)
    stations.compute(night)
    (episode,) = stations.episodes()
    # The fourth day has too few readings. The third is the worst: twice its own, lower limit.
    assert (episode["started_at"], episode["ended_at"]) == (at(DAY, 0), at(THIRD_DAY, 0) + timedelta(days=1))
    assert (episode["hours"], episode["averaging"]) == (72, "day")
    assert (episode["peak"], episode["limit_max"], episode["ratio"]) == (60.0, 30.0, 2.0)


def test_a_year_over_the_limit_looks_at_one_day_before(stack: Stations) -> None:
    """A new day of a long episode reads the day before it and the day it started on, whatever lies between."""
    days = [DAY + timedelta(days=step) for step in range(6)]
    for day in days:
        night = (day + timedelta(days=1)).isoformat()
        stack.hours(night, "KT01", "so2", day, dict.fromkeys(range(24), OVER))
        result = stack.compute(night)
        assert (result.days, result.episode_days) == ((day,), (DAY,))
    assert _spans(stack) == [(at(DAY, 0), at(days[-1], 0) + timedelta(days=1), 144)]
