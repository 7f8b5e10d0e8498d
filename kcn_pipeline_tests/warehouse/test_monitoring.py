"""Days, flags, indices and episodes of stations: replaced where a night speaks of them, untouched everywhere else."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.warehouse import schema
from kcn_pipeline.warehouse.digest import compute_digest
from kcn_pipeline.warehouse.publish import NightBatch, publish_night
from kcn_pipeline.warehouse.stations import DaySlice, StationBatch, Stretch
from kcn_pipeline_tests.warehouse.batches import (
    FIRST,
    SECOND,
    THIRD,
    aqi_day,
    as_arrow,
    bare,
    batch,
    episode,
    flag,
    station_day,
    stretch,
)
from kcn_pipeline_tests.warehouse.databases import BOTH_THOUGH_ONE_SLOWLY
from kcn_pipeline_tests.warehouse.published import plan, read, refuse

DAYS = [date(2026, 4, 1) + timedelta(days=n) for n in range(8)]


def night(name: str, stations: StationBatch) -> NightBatch:
    return bare(name, stations=stations)


def on_days(*days: date, daily: Any = (), flags: Any = (), aqi: Any = ()) -> StationBatch:
    rows = {"fct_monitoring_daily": daily, "fct_monitoring_flag": flags, "fct_ambient_aqi": aqi}
    return StationBatch({name: DaySlice(held, days) for name, held in rows.items()})


def episodes(rows: list[dict[str, Any]], *stretches: Stretch) -> StationBatch:
    return StationBatch(episodes=rows, stretches=stretches)


def at(day: date, hour: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour)


# ---- days ------------------------------------------------------------------------------------------------------------


def test_a_night_replaces_its_days_only(warehouse_url: str) -> None:
    one, two, three = DAYS[:3]
    first = on_days(one, two, daily=[station_day(one), station_day(one, "tss"), station_day(two)])
    publish_night(warehouse_url, night(FIRST, first))
    second = on_days(two, three, daily=[station_day(two, mean=91.5), station_day(three, mean=None)])
    published = publish_night(warehouse_url, night(SECOND, second))
    rows = read(warehouse_url, schema.fct_monitoring_daily)
    assert [(row["parameter_code"], row["day"], row["mean"], row["is_compliant"]) for row in rows] == [
        ("cod", one, 50.0, True),
        ("cod", two, 91.5, False),
        ("cod", three, None, None),
        ("tss", one, 50.0, True),
    ]
    change = published.changes["fct_monitoring_daily"]
    assert (change.rows, change.written, change.deleted) == (2, 2, 0)


def test_a_day_that_became_empty_is_emptied(warehouse_url: str) -> None:
    one, two = DAYS[:2]
    flags = [flag(at(one, 3)), flag(at(one, 3), "gap"), flag(at(two, 4))]
    indices = [aqi_day(one), aqi_day(one, 40, "pm10"), aqi_day(two, None)]
    publish_night(warehouse_url, night(FIRST, on_days(one, two, flags=flags, aqi=indices)))
    assert len(read(warehouse_url, schema.fct_monitoring_flag)) == 3
    publish_night(warehouse_url, night(SECOND, on_days(one)))
    assert [row["day"] for row in read(warehouse_url, schema.fct_monitoring_flag)] == [two]
    assert [(row["day"], row["aqi"]) for row in read(warehouse_url, schema.fct_ambient_aqi)] == [(two, None)]


def test_a_night_without_stations_leaves_them(sqlite_url: str) -> None:
    publish_night(sqlite_url, batch())
    digest = compute_digest(sqlite_url)
    published = publish_night(sqlite_url, batch(SECOND, stations=StationBatch()))
    assert compute_digest(sqlite_url) == digest
    assert not {"fct_monitoring_daily", "fct_exceedance"} & {*published.changes}


def test_arrow_and_dictionaries_publish_the_same(sqlite_url: str, tmp_path: Path) -> None:
    rows = [station_day(DAYS[0]), station_day(DAYS[0], "tss", None)]
    publish_night(sqlite_url, night(FIRST, on_days(DAYS[0], daily=rows)))
    other = f"sqlite:///{tmp_path / 'other.db'}"
    publish_night(other, night(FIRST, on_days(DAYS[0], daily=as_arrow(rows))))
    assert compute_digest(other) == compute_digest(sqlite_url)


# ---- episodes --------------------------------------------------------------------------------------------------------


def test_two_episodes_become_one_when_the_day_between_arrives(warehouse_url: str) -> None:
    one, _, three = DAYS[:3]
    other = episode(at(one), parameter_code="tss")
    first = [episode(at(one)), episode(at(three)), other]
    scope = (stretch(one, 3), stretch(one, 3, parameter_code="tss"))
    publish_night(warehouse_url, night(FIRST, episodes(first, *scope)))
    publish_night(warehouse_url, night(SECOND, episodes([episode(at(one), 72)], stretch(one, 3))))
    rows = read(warehouse_url, schema.fct_exceedance)
    assert [(row["parameter_code"], row["started_at"], row["hours"]) for row in rows] == [
        ("cod", at(one), 72),
        ("tss", at(one), 24),
    ]


def test_a_stretch_ends_before_its_last_moment(sqlite_url: str) -> None:
    """Of one series and averaging only, from the first moment on."""
    one, two, three = DAYS[:3]
    held = [episode(at(day)) for day in (one, two, three)] + [episode(at(two), averaging="1h")]
    scope = (stretch(one, 3), stretch(one, 3, averaging="1h"))
    publish_night(sqlite_url, night(FIRST, episodes(held, *scope)))
    publish_night(sqlite_url, night(SECOND, episodes([], stretch(two))))
    left = [(row["averaging"], row["started_at"]) for row in read(sqlite_url, schema.fct_exceedance)]
    assert left == [("1h", at(two)), ("day", at(one)), ("day", at(three))]


# ---- any number of attempts ------------------------------------------------------------------------------------------


@BOTH_THOUGH_ONE_SLOWLY
def test_random_attempts_end_as_the_last_of_each_day(warehouse_url: str, tmp_path: Path) -> None:
    """Nights come in any order and again; every day and series ends as the last batch that spoke of it said."""
    dice = random.Random(4)
    said: dict[date, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {}
    for name in [FIRST, *dice.choices([FIRST, SECOND, THIRD], k=11)]:
        days = dice.sample(DAYS, dice.randint(1, 5))
        for day in days:
            daily = [station_day(day, code, dice.uniform(0, 100)) for code in ("cod", "tss") if dice.random() < 0.7]
            said[day] = daily, [episode(at(day), dice.randint(1, 40))] if dice.random() < 0.5 else []
        publish_night(warehouse_url, night(name, _whole({day: said[day] for day in days})))
    at_once = f"sqlite:///{tmp_path / 'at_once.db'}"
    publish_night(at_once, night(FIRST, _whole(said)))
    for table in (schema.fct_monitoring_daily, schema.fct_exceedance):
        assert read(warehouse_url, table) == read(at_once, table)
    assert compute_digest(warehouse_url) == compute_digest(at_once)


def _whole(said: dict[date, tuple[list[dict[str, Any]], list[dict[str, Any]]]]) -> StationBatch:
    days = on_days(*said, daily=[row for daily, _ in said.values() for row in daily])
    found = [row for _, held in said.values() for row in held]
    return replace(days, episodes=found, stretches=[stretch(day) for day in said])


# ---- what is refused -------------------------------------------------------------------------------------------------

BROKEN: dict[str, tuple[Callable[[], StationBatch], str]] = {
    "a day that is not spoken of": (
        lambda: on_days(DAYS[0], daily=[station_day(DAYS[1])]),
        "fct_monitoring_daily: 1 rows of the batch lie outside the scope",
    ),
    "an episode outside its stretch": (
        lambda: episodes([episode(at(DAYS[1]))], stretch(DAYS[0])),
        "fct_exceedance: 1 rows of the batch lie outside the scope",
    ),
    "an episode without any stretch": (
        lambda: episodes([episode(at(DAYS[1]))]),
        "fct_exceedance: 1 rows of the batch lie outside the scope",
    ),
    "a day twice": (
        lambda: on_days(DAYS[0], daily=[station_day(DAYS[0])] * 2),
        "the key .*ST_1.* occurs more than once",
    ),
    "a time with a zone": (
        lambda: on_days(DAYS[0], flags=[flag(at(DAYS[0])) | {"started_at": datetime(2026, 4, 1, tzinfo=UTC)}]),
        "started_at is not a local date with time",
    ),
    "a mean that is not a number": (
        lambda: on_days(DAYS[0], daily=[station_day(DAYS[0], mean=float("nan"))]),
        "fct_monitoring_daily.mean is not finite",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_batch_is_refused(first_night_url: str, case: str) -> None:
    stations, message = BROKEN[case]
    refuse(first_night_url, night(SECOND, stations()), message)


def test_a_batch_names_its_day_tables_correctly() -> None:
    with pytest.raises(ValueError, match=r"no days of \['fct_exceedance'\]"):
        StationBatch({"fct_exceedance": DaySlice([], [])})


# ---- cost ------------------------------------------------------------------------------------------------------------


def test_nothing_reads_days_that_are_not_touched(sqlite_url: str) -> None:
    """Every statement on a fact of stations finds its rows by an index, so years of history cost nothing."""
    publish_night(sqlite_url, batch())
    facts = ("fct_monitoring_daily", "fct_monitoring_flag", "fct_ambient_aqi", "fct_exceedance")
    steps = plan(sqlite_url, batch(SECOND), facts)
    assert len(steps) >= 2 * len(facts), "a delete and a count of each"
    assert [step for step in steps if step.startswith("SCAN")] == []
