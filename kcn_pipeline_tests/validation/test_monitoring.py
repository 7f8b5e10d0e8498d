"""Readings of stations judged: rows, repeated keys, flags of series, batches, what adds up."""

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kcn_pipeline.contracts import Contracts, load_contracts
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.schemas import BATCHES, READINGS, UNREAD, schema_of
from kcn_pipeline.validation import validate_topic
from kcn_pipeline.validation.outcomes import TopicResult

NIGHT, DAY = "2026-05-10", date(2026, 5, 9)
MORNING = datetime(2026, 5, 9, 6)
TABLE = "monitoring_readings"


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts()


@pytest.fixture
def lake(tmp_path: Path, contracts: Contracts) -> Lake:
    lake = Lake(tmp_path)
    stations = [
        {"station_id": "NT01", "park_code": "QV", "kind": "wastewater", "is_connected": True},
        {"station_id": "KT01", "park_code": "QV", "kind": "emission", "is_connected": True},
        {
            "station_id": "OLD1",
            "park_code": "QV",
            "kind": "emission",
            "is_connected": True,
            "valid_to": date(2025, 1, 1),
        },
        {"station_id": "OFF1", "park_code": "QV", "kind": "emission", "is_connected": False},
    ]
    rows = pa.Table.from_pylist(stations, schema=schema_of(contracts.tables["register_stations"]))
    lake.replace("validation", "register_stations", "2026-05-01", {WHOLE: rows})
    return lake


def reading(minute: int = 0, value: float | None = 7.0, **more: Any) -> dict[str, Any]:
    return {
        "station_id": "NT01", "parameter_code": "ph", "measured_at": MORNING + timedelta(minutes=minute),
        "value": value, "status": "00", "ahead_s": 0, "_source": "stations", "_row": 0, "_line": 1, **more,
    }  # fmt: skip


def stage(lake: Lake, *rows: dict[str, Any], night: str = NIGHT) -> None:
    """Stage readings of a night as its one payload; the days are those of their times."""
    rows = tuple({"_night": night, **row} for row in rows)
    days: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        days.setdefault(f"day={row['measured_at'].date()}", []).append(row)
    lake.replace(
        "staging", TABLE, night, {day: pa.Table.from_pylist(some, schema=READINGS) for day, some in days.items()}
    )
    names = pa.table({"name": ["a.txt", "b.txt"], "sha256": ["a" * 64, "b" * 64]})
    fetched = pa.array([datetime(2026, 5, 9, 18, 30)] * 2, pa.timestamp("us", tz="UTC"))
    lake.write_pack("stations", night, names.append_column("fetched_at", fetched))
    log = pa.table({"source": ["stations"], "topic": ["monitoring"], "status": ["ok"]})
    lake.write_feed_log("monitoring", night, log)


def stage_batch(lake: Lake, night: str = NIGHT, **more: Any) -> None:
    row = {"_source": "stations", "station_id": "NT01", "_night": night, "files": 1, "empty_files": 0, "lines": 1}
    row |= {"readings": 1, "unread": 0, "blank": 0, "median_ahead_s": 0, "max_ahead_s": 0}
    lake.replace("staging", "monitoring_batches", night, {WHOLE: pa.Table.from_pylist([row | more], schema=BATCHES)})


def run(lake: Lake, contracts: Contracts, night: str = NIGHT) -> TopicResult:
    return validate_topic(lake, contracts, "monitoring", night)


def read(lake: Lake, stage: str, table: str, night: str | None = NIGHT) -> list[dict[str, Any]]:
    rows = lake.read(stage, table, night)
    return [] if rows is None else rows.to_pylist()


def findings(lake: Lake) -> Counter[str]:
    return Counter(row["rule"] for row in read(lake, "validation", "monitoring_findings"))


def flags(lake: Lake, night: str = NIGHT) -> list[tuple[str, str]]:
    return [(row["flag"], row["parameter_code"]) for row in read(lake, "validation", "monitoring_flags", night)]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"value": 15.0}, "value_out_of_range"),
        ({"value": -1.0}, "value_out_of_range"),
        ({"ahead_s": 86_400}, "time_outside_file"),
        ({"ahead_s": -86_400}, "time_outside_file"),
        ({"measured_at": datetime(2026, 5, 10, 9)}, "time_in_future"),
        ({"station_id": "XX99"}, "unknown_station"),
        ({"station_id": "OLD1"}, "inactive_station"),
        ({"station_id": "OFF1"}, "inactive_station"),
    ],
)
def test_a_bad_row_is_quarantined_with_file_and_line(
    lake: Lake, contracts: Contracts, change: dict[str, Any], rule: str
) -> None:
    stage(lake, reading(), reading(5, **{"_row": 1, "_line": 3, **change}))
    result = run(lake, contracts).tables[TABLE]
    assert (result.staged, result.accepted, result.quarantined) == (2, 1, 1)
    (row,) = read(lake, "quarantine", TABLE)
    assert (row["_rules"], row["_file"], row["_payload"], row["_line"]) == (rule, "b.txt", "b" * 64, 3)
    for text in (row["_reason_vi"], row["_reason_en"]):
        assert text
        assert "{" not in text
        assert "—" not in text or rule != "unknown_station"
    assert findings(lake)[rule] == 1


def test_what_is_not_measured_has_no_range_and_no_loss(lake: Lake, contracts: Contracts) -> None:
    stage(lake, reading(0, 99.0, status="01"), reading(5, 0.0, status="02"), reading(10, None, status="02"))
    assert run(lake, contracts).tables[TABLE].accepted == 3


def test_the_range_is_that_of_the_kind_of_station(lake: Lake, contracts: Contracts) -> None:
    high = contracts.monitoring.parameters["temp"].range_of("wastewater").high + 1
    assert contracts.monitoring.parameters["temp"].range_of("emission").high > high
    hot = {"parameter_code": "temp", "value": high}
    stage(lake, reading(**hot), reading(station_id="KT01", **hot))
    assert run(lake, contracts).tables[TABLE].quarantined == 1
    assert read(lake, "quarantine", TABLE)[0]["station_id"] == "NT01"


def test_of_a_repeated_key_the_one_written_last_counts(lake: Lake, contracts: Contracts) -> None:
    stage(
        lake,
        reading(0, 7.0),
        reading(0, 7.0, _line=2),
        reading(0, 7.4, _row=1),
        reading(5, 7.0),
        reading(5, 7.0, _row=1),
    )
    result = run(lake, contracts).tables[TABLE]
    assert (result.staged, result.accepted, result.quarantined) == (5, 2, 0)
    keys = next(check for check in result.checks if check.name == "keys")
    assert keys.counts == {"rows": 5, "superseded": 3, "corrected": 2}
    assert [row["value"] for row in read(lake, "validation", TABLE)] == [7.4, 7.0]
    assert findings(lake)["reading_corrected"] == 1


def test_a_correction_by_a_later_night_is_counted(lake: Lake, contracts: Contracts) -> None:
    stage(lake, reading(0, 7.0), reading(5, 7.1))
    run(lake, contracts)
    stage(lake, reading(0, 7.0), reading(5, 7.2), night="2026-05-11")
    run(lake, contracts, "2026-05-11")
    (told,) = (
        row
        for row in read(lake, "validation", "monitoring_findings", "2026-05-11")
        if row["rule"] == "reading_corrected"
    )
    assert told["value"] == "NT01"
    assert "1" in told["reason_en"]


def series(values: list[float], **more: Any) -> list[dict[str, Any]]:
    return [reading(5 * number, value, **more) for number, value in enumerate(values)]


def test_flat_line(lake: Lake, contracts: Contracts) -> None:
    hours = contracts.monitoring.parameters["ph"].flat_hours
    assert hours
    count = int(hours * 12)
    stage(lake, *series([7.0] * count + [7.1]))
    run(lake, contracts)
    assert ("flat_line", "ph") in flags(lake)
    stage(lake, *series([7.0] * (count - 1) + [7.1]))
    run(lake, contracts)
    assert ("flat_line", "ph") not in flags(lake)


def test_spike(lake: Lake, contracts: Contracts) -> None:
    ratio = contracts.monitoring.parameters["cod"].spike_ratio
    assert ratio
    for height, expected in ((ratio * 1.1, True), (ratio * 0.9, False)):
        values = [20.0 + number % 3 / 10 for number in range(24)]
        values[12] = 20 * height
        stage(lake, *series(values, parameter_code="cod"))
        run(lake, contracts)
        assert (("spike", "cod") in flags(lake)) is expected


def test_gap_calibration_and_share(lake: Lake, contracts: Contracts) -> None:
    settings = contracts.monitoring.settings
    gap = int(settings.gap_minutes) + 5
    calibrating = int(settings.calibration_max_hours * 12) + 1
    rows = [reading(0), reading(gap)]
    rows += [reading(gap + 5 + 5 * number, status="01") for number in range(calibrating)]
    stage(lake, *rows)
    run(lake, contracts)
    assert Counter(flag for flag, _ in flags(lake)) == {"gap": 1, "long_calibration": 1, "low_share": 1}
    assert {"gap", "long_calibration", "low_share"} <= set(findings(lake))


def test_flags_of_a_day_are_those_of_all_nights(lake: Lake, contracts: Contracts) -> None:
    """A late half of a flat line makes the whole one; the order of the halves does not matter."""
    hours = contracts.monitoring.parameters["ph"].flat_hours
    assert hours
    rows = series([7.0] * int(hours * 12))
    first, second = rows[::2], rows[1::2]
    found = []
    for order in ((first, second), (second, first)):
        for night, some in zip((NIGHT, "2026-05-11"), order, strict=True):
            stage(lake, *some, night=night)
            run(lake, contracts, night)
        found.append(
            [row for row in read(lake, "validation", "monitoring_flags", "2026-05-11") if row["flag"] == "flat_line"]
        )
    assert found[0] == found[1]
    assert found[0][0]["n_readings"] == len(rows)


def test_unusual_batches_are_told_not_refused(lake: Lake, contracts: Contracts) -> None:
    drift = int(contracts.monitoring.settings.clock_drift_minutes * 60) + 60
    for number in range(contracts.monitoring.settings.usual_min_days):
        night = (date(2026, 5, 9) - timedelta(days=number)).isoformat()
        stage_batch(lake, night, readings=288)
    stage(lake, reading(station_id="KT01", parameter_code="temp", value=100.0), reading())
    stage_batch(lake, readings=10, median_ahead_s=drift)
    result = run(lake, contracts)
    assert {"clock_drift": 1, "volume_unusual": 1}.items() <= findings(lake).items()
    assert result.tables[TABLE].accepted == 2
    assert result.refused_batches == ()


def test_a_silent_station_is_told(lake: Lake, contracts: Contracts) -> None:
    stage(lake, reading())
    run(lake, contracts)
    silent = [
        row["value"] for row in read(lake, "validation", "monitoring_findings") if row["rule"] == "station_silent"
    ]
    assert silent == ["KT01"]


def test_unread_lines_are_quarantined(lake: Lake, contracts: Contracts) -> None:
    unread = {"rule": "unreadable_line", "text": "xx", "station_id": "NT01", "_source": "stations", "_night": NIGHT}
    unread |= {"_payload": "a" * 64, "_file": "a.txt", "_line": 4}
    stage(lake, reading())
    lake.replace("staging", "monitoring_unread_lines", NIGHT, {WHOLE: pa.Table.from_pylist([unread], schema=UNREAD)})
    result = run(lake, contracts).tables["monitoring_unread_lines"]
    assert (result.staged, result.quarantined) == (1, 1)
    (row,) = read(lake, "quarantine", "monitoring_unread_lines")
    assert (row["_rules"], row["_file"], row["_line"], row["text"]) == ("unreadable_line", "a.txt", 4, "xx")
    assert row["_reason_en"]


def test_nothing_staged_empties_what_an_earlier_run_left(lake: Lake, contracts: Contracts) -> None:
    stage(lake, reading(), reading(5, 15.0))
    run(lake, contracts)
    stage(lake)
    result = run(lake, contracts)
    assert result.tables[TABLE].staged == 0
    for stage_name in ("validation", "quarantine"):
        assert read(lake, stage_name, TABLE) == []
    assert read(lake, "validation", "monitoring_flags") == []
