"""VN_AQI against the worked examples of Decision 1459/QĐ-TCMT, and against the same rules written out in Python."""

import math
import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import pytest

from kcn_pipeline.indicators.monitoring.aqi import AqiResult, compute_aqi
from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.indicators.lakes import packaged

NIGHT = "2026-11-20"
DAY = date(2026, 11, 18)
NEXT = DAY + timedelta(days=1)

#: Hour means of one parameter by hour, or one mean for all 24; None is an hour without readings.
Means = Sequence[float | None] | float


def write_hours(
    lake: Lake, day: date, means: Mapping[str, Means], *, night: str = NIGHT, n_valid: int = 12, **cells: Any
) -> None:
    """The hours of station KK1 on a day, as the stage of hours leaves them."""
    rows = []
    for parameter, given in means.items():
        for hour, mean in enumerate([given] * 24 if isinstance(given, float | int) else given):
            if mean is not None:
                rows.append(
                    {
                        "station_id": "KK1",
                        "kind": "ambient",
                        "parameter_code": parameter,
                        "hour_at": datetime.combine(day, time(hour)),
                        "mean": float(mean),
                        "n_valid": n_valid,
                        "n_expected": 12,
                        "is_sufficient": n_valid >= 9,
                        **cells,
                    }
                )
    parts = {part: lake.read("indicators", "monitoring_hours", night, [part]) for part in _parts(lake, night)}
    table = pa.Table.from_pylist(rows, schema=_SCHEMA)
    held = parts.get(f"day={day}")
    parts[f"day={day}"] = table if held is None else pa.concat_tables([held, table])
    lake.replace("indicators", "monitoring_hours", night, parts)


_SCHEMA = pa.schema(
    [
        ("station_id", pa.string()),
        ("kind", pa.string()),
        ("parameter_code", pa.string()),
        ("hour_at", pa.timestamp("us")),
        ("mean", pa.float64()),
        ("n_valid", pa.int64()),
        ("n_expected", pa.int64()),
        ("is_sufficient", pa.bool_()),
    ]
)


def _parts(lake: Lake, night: str) -> list[str]:
    return lake.parts("indicators", "monitoring_hours", night)


def compute(lake: Lake, *days: date, night: str = NIGHT) -> AqiResult:
    return compute_aqi(lake, packaged(), night, days or (DAY,))


def read(lake: Lake, day: date, parameter: str = "", hour: int | None = None, night: str = NIGHT) -> dict[str, Any]:
    """The one row of a day, or of an hour of it."""
    at = None if hour is None else datetime.combine(day, time(hour))
    found = lake.read("indicators", "monitoring_aqi", night, [f"day={day}"])
    assert found is not None
    [row] = [r for r in found.to_pylist() if (r["parameter_code"], r["hour_at"]) == (parameter, at)]
    return row


# ---- the worked examples of the decision, mục 2.2.2 and 2.3 ----------------------------------------------------------

#: PM2.5 of 9:00 to 20:00.
PM25_HOURS = [26.9, 24.7, 20.5, 23.5, 19.5, 16.5, 19.0, 16.5, 20.3, 22.4, 19.6, 20.6]
#: O3 of 18:00 to 24:00 of one day and of 1:00 to 24:00 of the next: the hours that end then.
O3_EVENING = [15.7, 14.2, 17.7, 18.9, 19.3, 15.7, 19.7]
O3_DAY = [
    22.6, 27.1, 29.0, 31.9, 25.3, 34.7, 35.2, 41.6, 45.7, 49.2, 55.8, 69.6,
    78.3, 91.5, 97.7, 81.2, 71.8, 43.5, 34.3, 21.5, 20.5, 19.4, 20.4, 21.3,
]  # fmt: skip


def _at_hours(first: int, means: Sequence[float]) -> list[float | None]:
    return [None] * first + list(means) + [None] * (24 - first - len(means))


def test_the_hour_of_the_decision(lake: Lake) -> None:
    means = {"pm25": _at_hours(8, PM25_HOURS), "o3": _at_hours(19, [136.1]), "no2": _at_hours(19, [118.7])}
    write_hours(lake, DAY, means)
    compute(lake)
    dust = read(lake, DAY, "pm25", 19)
    assert round(dust["concentration"], 1) == 20.3
    assert (dust["averaging"], dust["aqi"]) == ("nowcast", 41)
    assert read(lake, DAY, "o3", 19)["aqi"] == 43
    # The decision prints 60 for NO2; its own formula gives 50 / 100 × 18.7 + 50 = 59.35.
    assert read(lake, DAY, "no2", 19)["aqi"] == 59
    station = read(lake, DAY, "", 19)
    assert abs(station["aqi"] - 60) <= 1
    assert (station["main_parameter"], station["band"], station["is_sufficient"]) == ("no2", "moderate", True)


def test_the_day_of_the_decision(lake: Lake) -> None:
    o3 = [114.6] + [89.3 - (114.6 - 89.3) / 7] * 7 + [10.0] * 16
    write_hours(lake, DAY - timedelta(days=1), {"o3": 10.0})
    write_hours(lake, DAY, {"o3": o3, "no2": [130.8] + [20.0] * 23, "pm25": 55.7})
    compute(lake)
    ozone = read(lake, DAY, "o3")
    assert (ozone["averaging"], ozone["concentration"], ozone["aqi"]) == ("8h", pytest.approx(89.3), 45)
    assert read(lake, DAY, "no2")["aqi"] == 65
    assert read(lake, DAY, "pm25")["aqi"] == 110
    station = read(lake, DAY)
    assert (station["aqi"], station["main_parameter"], station["band"]) == (110, "pm25", "poor")


def test_the_worst_hour_of_ozone_counts_where_it_is_worse(lake: Lake) -> None:
    """114.6 in one hour is 36, the second figure of the decision's day."""
    write_hours(lake, DAY, {"o3": [114.6] + [10.0] * 23, "pm25": 10.0})
    compute(lake)
    ozone = read(lake, DAY, "o3")
    assert (ozone["averaging"], ozone["concentration"], ozone["aqi"]) == ("1h", 114.6, 36)


def test_eight_hours_reach_into_the_evening_before(lake: Lake) -> None:
    write_hours(lake, DAY, {"o3": _at_hours(17, O3_EVENING)})
    write_hours(lake, NEXT, {"o3": O3_DAY})
    compute(lake, NEXT)
    assert round(read(lake, NEXT, "o3")["concentration"], 1) == 74.4
    write_hours(lake, DAY, {"o3": [150.0] * 24}, night="2026-11-21")
    compute(lake, DAY, night="2026-11-21")
    assert read(lake, NEXT, "o3", night="2026-11-21")["concentration"] == pytest.approx((7 * 150 + O3_DAY[0]) / 8)


# ---- what is too little ----------------------------------------------------------------------------------------------


def test_nowcast_needs_two_of_the_last_three_hours(lake: Lake) -> None:
    write_hours(lake, DAY, {"pm25": [30.0] * 10 + [None, None, 30.0] + [None] * 11, "no2": 20.0})
    compute(lake)
    given = {hour: read(lake, DAY, "", hour)["aqi"] for hour in range(24)}
    assert [hour for hour, aqi in given.items() if aqi is not None] == [*range(1, 11)]
    assert read(lake, DAY, "pm25", 10)["concentration"] == 30.0, "two of three, the newest is missing"
    assert read(lake, DAY, "pm25", 12)["aqi"] is None


def test_without_dust_there_is_no_index_of_the_station(lake: Lake) -> None:
    write_hours(lake, DAY, {"no2": 90.0, "co": 1000.0})
    compute(lake)
    assert read(lake, DAY, "no2")["aqi"] == 45
    station = read(lake, DAY)
    assert (station["aqi"], station["main_parameter"], station["is_sufficient"]) == (None, None, False)
    assert (station["hours_valid"], station["worst_hour_aqi"], station["worst_hour_at"]) == (0, None, None)


def test_an_insufficient_hour_is_told_and_not_judged(lake: Lake) -> None:
    write_hours(lake, DAY, {"pm10": 40.0})
    write_hours(lake, DAY, {"so2": 60.0}, n_valid=8)
    compute(lake)
    hour = read(lake, DAY, "so2", 5)
    assert (hour["concentration"], hour["aqi"], hour["is_sufficient"]) == (60.0, None, False)
    assert read(lake, DAY)["aqi"] == 40


@pytest.mark.parametrize(("hours", "is_sufficient"), [(18, True), (17, False)])
def test_a_day_needs_three_quarters(lake: Lake, hours: int, is_sufficient: bool) -> None:
    means = [80.0] * hours + [None] * (24 - hours)
    write_hours(lake, DAY, {"pm10": means, "no2": means})
    compute(lake)
    for parameter, aqi in (("pm10", 65), ("no2", 40), ("", 65)):
        row = read(lake, DAY, parameter)
        assert (row["aqi"], row["is_sufficient"]) == ((aqi, True) if is_sufficient else (None, False))


def test_dust_of_a_day_is_the_mean_of_readings(lake: Lake) -> None:
    write_hours(lake, DAY, {"pm10": [100.0] * 12 + [None] * 12})
    write_hours(lake, DAY, {"pm10": [None] * 12 + [40.0] * 12}, n_valid=6)
    compute(lake)
    row = read(lake, DAY, "pm10")
    assert row["concentration"] == pytest.approx((12 * 12 * 100 + 12 * 6 * 40) / (12 * 18))
    assert row["is_sufficient"], "18 × 12 of 288 readings are three quarters"


# ---- ends of the tables ----------------------------------------------------------------------------------------------


def test_ozone_over_400_is_judged_by_the_hour_only(lake: Lake) -> None:
    write_hours(lake, DAY, {"o3": 450.0, "pm25": 10.0})
    compute(lake)
    row = read(lake, DAY, "o3")
    assert (row["averaging"], row["aqi"]) == ("1h", round(100 / 400 * 50 + 200 + 0.001))


@pytest.mark.parametrize(
    ("concentration", "aqi", "band"),
    [
        (0.0, 0, "good"), (25.0, 50, "good"), (25.2, 50, "good"), (25.25, 51, "moderate"), (50.0, 100, "moderate"),
        (80.0, 150, "poor"), (150.0, 200, "bad"), (250.0, 300, "very_bad"),
        (250.9, 301, "hazardous"), (500.0, 500, "hazardous"), (5000.0, 500, "hazardous"), (-0.4, 0, "good"),
    ],
)  # fmt: skip
def test_round_first_then_band(lake: Lake, concentration: float, aqi: int, band: str) -> None:
    """25.25 is an index of 50.5, which rounds up and out of the band; -0.4 is what an analyser may say of clean air."""
    write_hours(lake, DAY, {"pm25": concentration})
    compute(lake)
    row = read(lake, DAY, "pm25")
    assert (row["aqi"], row["band"]) == (aqi, band)


# ---- against the rules written out -----------------------------------------------------------------------------------


def _nowcast(window: Sequence[float | None]) -> float | None:
    """NowCast of hours given newest first."""
    held = [(age, mean) for age, mean in enumerate(window[:12]) if mean is not None]
    if sum(age < 3 for age, _ in held) < 2:
        return None
    lowest, highest = min(mean for _, mean in held), max(mean for _, mean in held)
    weight = max(0.5, lowest / highest)
    return sum(weight**age * mean for age, mean in held) / sum(weight**age for age, _ in held)


def _dust_index(concentration: float) -> int:
    bounds, indices = (0, 50, 150, 250, 350, 420, 500, 600), (0, 50, 100, 150, 200, 300, 400, 500)
    step = next((n for n in range(7) if concentration <= bounds[n + 1]), 6)
    slope = (indices[step + 1] - indices[step]) / (bounds[step + 1] - bounds[step])
    return min(500, math.floor(round(slope * (concentration - bounds[step]) + indices[step], 6) + 0.5))


@pytest.mark.parametrize("seed", range(5))
def test_random_days_are_as_the_rules_say(lake: Lake, seed: int) -> None:
    dice = random.Random(seed)
    series = [dice.choice([None, round(dice.uniform(1, 650), 1), round(dice.uniform(1, 90), 1)]) for _ in range(48)]
    write_hours(lake, DAY, {"pm10": series[:24], "no2": 10.0})
    write_hours(lake, NEXT, {"pm10": series[24:], "no2": 10.0})
    compute(lake, DAY)
    for number in range(48):
        day, hour = (DAY, number) if number < 24 else (NEXT, number - 24)
        expected = _nowcast(series[number::-1])
        if expected is None:
            assert read(lake, day, "", hour)["aqi"] is None
        else:
            row = read(lake, day, "pm10", hour)
            assert row["concentration"] == pytest.approx(expected, abs=1e-6)
            assert row["aqi"] == _dust_index(expected)
    kept = [mean for mean in series[:24] if mean is not None]
    assert read(lake, DAY, "pm10")["concentration"] == pytest.approx(sum(kept) / len(kept))


def test_the_worst_hour_of_the_day(lake: Lake) -> None:
    write_hours(lake, DAY, {"pm10": 20.0, "no2": [150.0 if hour in (7, 18) else 10.0 for hour in range(24)]})
    compute(lake)
    station = read(lake, DAY)
    assert (station["hours_valid"], station["worst_hour_aqi"]) == (23, 75), "the first hour has no NowCast"
    assert station["worst_hour_at"] == datetime(2026, 11, 18, 7)


# ---- days and nights -------------------------------------------------------------------------------------------------


def test_a_day_touches_the_next(lake: Lake) -> None:
    write_hours(lake, DAY, {"pm10": 10.0})
    write_hours(lake, NEXT, {"pm10": 10.0})
    assert compute(lake, DAY).days == (DAY, NEXT)
    assert compute(lake, NEXT).days == (DAY, NEXT), "an earlier attempt of the night touched it"
    later = "2026-11-21"
    assert compute(lake, NEXT, night=later).days == (NEXT,)
    write_hours(lake, DAY, {"pm10": [10.0] * 23 + [110.0]}, night=later)
    compute(lake, DAY, night=later)
    assert read(lake, NEXT, "pm10", 0)["concentration"] == 10.0
    expected = 10 + 100 * 0.5 / sum(0.5**age for age in range(12))
    assert read(lake, NEXT, "pm10", 0, night=later)["concentration"] == pytest.approx(expected)


def test_days_together_and_one_by_one_are_equal(lake: Lake) -> None:
    dice = random.Random(7)
    days = [DAY + timedelta(days=n) for n in range(5)]
    for day in days:
        means = {code: [dice.choice([None, dice.uniform(0, 90)]) for _ in range(24)] for code in ("pm10", "pm25", "o3")}
        write_hours(lake, day, means)
    compute(lake, *days)
    together = {day: lake.read("indicators", "monitoring_aqi", NIGHT, [f"day={day}"]) for day in days}
    for number, day in enumerate(days):
        night = f"2026-12-0{number + 1}"
        compute(lake, day, night=night)
        assert lake.read("indicators", "monitoring_aqi", night, [f"day={day}"]) == together[day]


def test_other_stations_and_parameters_are_left_out(lake: Lake) -> None:
    write_hours(lake, DAY, {"pm10": 10.0}, kind="emission")
    write_hours(lake, DAY, {"tsp": 10.0})
    result = compute(lake)
    assert (result.days, result.rows) == ((DAY,), 0)
    found = lake.read("indicators", "monitoring_aqi", NIGHT)
    assert found is not None
    assert found.num_rows == 0
