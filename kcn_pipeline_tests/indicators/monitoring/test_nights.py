"""Which days a night computes, and that a day's state does not depend on how its readings came."""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.contracts.monitoring import LimitRow
from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.indicators.lakes import packaged
from kcn_pipeline_tests.indicators.monitoring.stations import (
    DAY,
    FIVE,
    NEXT_DAY,
    NIGHT,
    Stations,
    at,
    change_monitoring,
    permit,
    station,
)

TABLES = ("monitoring_hours", "monitoring_days", "monitoring_station", "monitoring_park", "monitoring_overruns")


def test_a_day_is_computed_when_it_has_ended(stations: Stations) -> None:
    stations.register("2026-11-01", station("NT01"), permits=[permit("NT01", "cod", 60.0)])
    stations.read("2026-11-19", "NT01", "cod", at(DAY, 23), [10.0] * 24)
    first = stations.compute("2026-11-19")
    assert first.days == (DAY,)
    assert first.readings == 12
    # The night after computes the day that has ended since, although nothing came that night.
    assert stations.compute(NIGHT).days == (NEXT_DAY,)
    assert stations.day_of("NT01", "cod", NEXT_DAY)["n_valid"] == 12


def test_silent_days_are_caught_up(stations: Stations) -> None:
    stations.register("2026-11-01", station("NT01"), permits=[permit("NT01", "cod", 60.0)])
    stations.day("2026-11-19", "NT01", "cod", DAY, 10.0)
    stations.compute("2026-11-19")
    result = stations.compute("2026-11-23")
    assert result.days == tuple(DAY + timedelta(days=step) for step in range(1, 5))
    assert {stations.day_of("NT01", "cod", day)["n_valid"] for day in result.days} == {0}
    assert stations.compute("2026-11-23").days == result.days, "a night that is run again computes the same"


def test_nothing_was_ever_sent(stations: Stations) -> None:
    stations.register("2026-11-01", station("NT01"), permits=[permit("NT01", "cod", 60.0)])
    assert stations.compute().days == ()


def test_late_day_is_computed_again(stations: Stations) -> None:
    stations.register("2026-11-01", station("NT01"))
    for day in (DAY, NEXT_DAY):
        stations.read("2026-11-20", "NT01", "cod", at(day, 0), [10.0] * 144)
    stations.compute("2026-11-20")
    assert stations.day_of("NT01", "cod")["is_compliant"] is None
    # The other half of the day comes two nights later, with one reading of the first half corrected.
    stations.read("2026-11-22", "NT01", "cod", at(DAY, 11, 55), [130.0] + [10.0] * 144)
    result = stations.compute("2026-11-22")
    assert result.reasons["readings"] == (DAY,)
    assert NEXT_DAY not in result.days
    day = stations.day_of("NT01", "cod")
    assert (day["n_valid"], day["mean"], day["is_compliant"]) == (288, (287 * 10 + 130) / 288, True)


def test_newest_night_wins_by_reading(stations: Stations) -> None:
    stations.register("2026-11-01", station("NT01"))
    stations.read("2026-11-19", "NT01", "cod", at(DAY, 3), [10.0] * 12)
    stations.compute("2026-11-19")
    # Six of them are sent again: three with another value, three as device errors.
    stations.read("2026-11-20", "NT01", "cod", at(DAY, 3), [40.0] * 3 + [None] * 3)
    stations.compute("2026-11-20")
    hour = stations.hours_of("NT01", "cod")[3]
    assert (hour["n_received"], hour["n_valid"], hour["mean"]) == (12, 9, 20.0)
    # An older night that is run again does not bring the old values back.
    stations.compute("2026-11-19")
    assert stations.hours_of("NT01", "cod")[3]["mean"] == 20.0


def test_register_change_touches_the_days_it_changes(stations: Stations) -> None:
    days = [DAY + timedelta(days=step) for step in range(3)]
    stations.register("2026-11-01", station("NT01"), permits=[permit("NT01", "cod", 60.0)])
    for day in days:
        stations.day("2026-11-21", "NT01", "cod", day, 50.0)
    stations.compute("2026-11-21")
    versions = [permit("NT01", "cod", 60.0, valid_to=DAY), permit("NT01", "cod", 40.0, valid_from=NEXT_DAY)]
    stations.register("2026-11-22", station("NT01", name_vi="Tên khác"), permits=versions)
    result = stations.compute("2026-11-22")
    # The 21st has ended since. The 18th keeps its limit, and the station's name matters to nobody.
    assert result.reasons["register"] == (*days[1:], date(2026, 11, 21))
    assert DAY not in result.days
    assert [stations.day_of("NT01", "cod", day)["is_compliant"] for day in days] == [True, False, False]
    assert [row["started_at"] for row in stations.episodes()] == [at(NEXT_DAY, 0)]


def test_station_that_leaves_the_register_leaves_the_days(stations: Stations) -> None:
    stations.register("2026-11-01", station("NT01"), station("NT02"))
    for name in ("NT01", "NT02"):
        stations.day("2026-11-19", name, "ph", DAY, 9.5)
    stations.compute("2026-11-19")
    assert len(stations.episodes()) == 2
    stations.register("2026-11-20", station("NT01"))
    stations.compute("2026-11-20")
    assert {row["station_id"] for row in stations.state("monitoring_days", DAY)} == {"NT01"}
    assert [row["station_id"] for row in stations.episodes()] == ["NT01"]


def test_contract_change_touches_the_days_it_holds_for(stations: Stations) -> None:
    stations.register("2026-11-01", station("NT01"))
    for day in (DAY, NEXT_DAY):
        stations.day("2026-11-20", "NT01", "toc", day, 50.0)
    stations.compute("2026-11-20")
    row = LimitRow(
        regulation="QCVN 40:2011/BTNMT",
        kind="wastewater",
        parameter="toc",
        column="A",
        averaging="day",
        limit_max=40.0,
        unit="MG_PER_L",
        valid_from=NEXT_DAY,
        source="test",
        confidence="low",
    )
    change_monitoring(stations, limits=[row])
    result = stations.compute("2026-11-21")
    assert result.reasons["definitions"] == (NEXT_DAY, date(2026, 11, 20))
    assert [stations.day_of("NT01", "toc", day)["is_compliant"] for day in (DAY, NEXT_DAY)] == [None, False]
    assert stations.compute("2026-11-22").reasons["definitions"] == ()


def test_day_after_a_late_evening_is_computed_for_eight_hours(stations: Stations) -> None:
    stations.register("2026-11-01", station("KK01", "ambient"))
    stations.hours("2026-11-20", "KK01", "o3", DAY, dict.fromkeys(range(16, 24), 90.0))
    stations.hours("2026-11-20", "KK01", "o3", NEXT_DAY, {0: 150.0})
    stations.compute("2026-11-20")
    assert stations.episodes() == []
    # The evening was worse than first said: 7 x 130 + 150 is 132.5 over 8 hours.
    stations.hours("2026-11-22", "KK01", "o3", DAY, dict.fromkeys(range(16, 24), 130.0))
    result = stations.compute("2026-11-22")
    assert NEXT_DAY in result.reasons["day_before"]
    (episode,) = stations.episodes()
    # From 21:00 on six of the eight hours are known.
    assert (episode["started_at"], episode["ended_at"], episode["peak"]) == (at(DAY, 21), at(NEXT_DAY, 1), 132.5)


def test_late_morning_leaves_the_day_after_alone(stations: Stations) -> None:
    stations.register("2026-11-01", station("KK01", "ambient"), station("KT01", "emission"))
    for day in (DAY, NEXT_DAY):
        stations.hours("2026-11-20", "KK01", "o3", day, {0: 90.0})
    stations.compute("2026-11-20")
    # Until 17:00 no mean of 8 hours reaches into the next day, and CO of a stack has no such mean.
    stations.hours("2026-11-22", "KK01", "o3", DAY, {16: 130.0})
    stations.hours("2026-11-22", "KT01", "co", DAY, {23: 130.0})
    result = stations.compute("2026-11-22")
    assert DAY in result.days
    assert NEXT_DAY not in result.days


def test_readings_before_the_calendar_are_told(stations: Stations) -> None:
    stations.register("2026-11-01", station("NT01"))
    stations.day("2026-11-19", "NT01", "cod", date(1970, 1, 1), 10.0)
    stations.day("2026-11-19", "NT01", "cod", DAY, 10.0)
    result = stations.compute("2026-11-19")
    assert result.outside == (date(1970, 1, 1),)
    assert result.days == (DAY,)


def test_clock_of_last_year_makes_no_year_of_silence(stations: Stations) -> None:
    stations.register("2026-11-01", station("NT01"))
    stations.day("2026-11-19", "NT01", "cod", date(2025, 3, 1), 10.0)
    stations.day("2026-11-19", "NT01", "cod", DAY, 10.0)
    days = stations.compute("2026-11-19").days
    # The day itself, the 60 days for which a logger keeps what it could not send, and the day of the others.
    assert (len(days), days[0], days[60], days[61]) == (62, date(2025, 3, 1), date(2025, 4, 30), DAY)


# ---- the same however it came ----------------------------------------------------------------------------------------


def _readings(seed: int) -> list[tuple[str, str, datetime, float | None]]:
    """Two days of four stations, with holes, failures and levels around the limits."""
    source = random.Random(seed)
    series = [("NT01", "cod", 60.0), ("NT01", "flow", 120.0), ("NT02", "ph", 9.0)]
    series += [("KT01", "no", 450_000.0), ("KT01", "no2", 90_000.0), ("KK01", "o3", 118.0)]
    found = []
    for name, parameter, level in series:
        for day in range(2):
            for number in range(288):
                if source.random() > 0.1:
                    level_now = level * source.uniform(0.8, 1.25)
                    value = None if source.random() < 0.05 else round(level_now, 4)
                    found.append((name, parameter, at(DAY, 0) + timedelta(days=day) + number * FIVE, value))
    return found


def _state(stations: Stations) -> dict[str, Any]:
    days = [DAY + timedelta(days=step) for step in range(7)]
    state: dict[str, Any] = {table: [stations.state(table, day) for day in days] for table in TABLES}
    return {**state, "episodes": stations.episodes()}


def _install(folder: Path) -> Stations:
    stations = Stations(Lake(folder), packaged())
    names = [station("NT01"), station("NT02"), station("KT01", "emission"), station("KK01", "ambient")]
    stations.register("2026-11-01", *names, permits=[permit("NT01", "cod", 60.0), permit("NT02", "cod", 60.0)])
    return stations


def _send(stations: Stations, night: str, readings: Sequence[tuple[str, str, datetime, float | None]]) -> None:
    for name, parameter, moment, value in readings:
        stations.add(night, name, parameter, moment, value)
    stations.write(night)


def test_means_equal_plain_arithmetic(tmp_path: Path) -> None:
    readings = _readings(7)
    stations = _install(tmp_path)
    _send(stations, "2026-11-25", readings)
    stations.compute("2026-11-25")
    factors = {"no": 0.001, "no2": 0.001}
    by_hour: dict[tuple[str, str, datetime], list[float | None]] = {}
    for name, parameter, moment, value in readings:
        by_hour.setdefault((name, parameter, moment.replace(minute=0)), []).append(value)
    found = {
        (row["station_id"], row["parameter_code"], row["hour_at"]): row
        for day in (DAY, NEXT_DAY)
        for row in stations.state("monitoring_hours", day)
        if row["parameter_code"] != "nox"
    }
    assert found.keys() == by_hour.keys()
    for key, values in by_hour.items():
        valid = [value for value in values if value is not None]
        assert (found[key]["n_received"], found[key]["n_valid"]) == (len(values), len(valid))
        assert found[key]["mean"] == pytest.approx(sum(valid) / len(valid) * factors.get(key[1], 1.0), rel=1e-9)
        assert found[key]["is_sufficient"] == (len(valid) >= 9)
    for name, parameter in {key[:2] for key in by_hour}:
        mine = [
            v for key, held in by_hour.items() if key[:2] == (name, parameter) and key[2].date() == DAY for v in held
        ]
        valid = [value for value in mine if value is not None]
        day = stations.day_of(name, parameter)
        assert (day["n_received"], day["n_valid"]) == (len(mine), len(valid))
        assert day["mean"] == pytest.approx(sum(valid) / len(valid) * factors.get(parameter, 1.0), rel=1e-9)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_five_nights_out_of_order_equal_all_at_once(tmp_path: Path, seed: int) -> None:
    readings = _readings(seed)
    nights = [f"2026-11-{day}" for day in range(21, 26)]
    at_once = _install(tmp_path / "once")
    _send(at_once, nights[-1], readings)
    at_once.compute(nights[-1])

    shuffled = list(readings)
    random.Random(seed).shuffle(shuffled)
    in_nights = _install(tmp_path / "nights")
    for number, night in enumerate(nights):
        share = shuffled[number::5]
        # Some of what is still to come was sent wrong before.
        wrong = [(name, code, moment, 1.0) for name, code, moment, _ in shuffled[number + 1 :: 5][:200]]
        _send(in_nights, night, [*share, *(wrong if number < 4 else [])])
        in_nights.compute(night)
    assert _state(in_nights) == _state(at_once)

    in_nights.lake.replace("indicators", "monitoring_definitions", nights[-1], {})
    for night in nights:
        in_nights.compute(night)
    assert _state(in_nights) == _state(at_once)


def test_a_moment_of_a_wrong_clock_makes_no_silence(stations: Stations) -> None:
    """One reading half a year back would show every station as silent on its day and on the sixty after it."""
    stations.register("2026-11-01", station("NT01"), permits=[permit("NT01", "cod", 60.0)])
    stations.day("2026-11-19", "NT01", "cod", DAY, 10.0)
    stray = DAY - timedelta(days=180)
    stations.read("2026-11-19", "NT01", "cod", at(stray, 3), [10.0])
    result = stations.compute("2026-11-19")
    assert result.days == (DAY,)
    assert result.findings == 1
    # When the day turns out to have been measured after all it is computed like any other.
    stations.read("2026-11-20", "NT01", "cod", at(stray, 4), [10.0] * 24)
    assert stray in stations.compute("2026-11-20").days
