"""What a night publishes of stations is what its slices in the lake say; refused readings never fill the warehouse."""

from datetime import date, datetime
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.schemas import READINGS
from kcn_pipeline.warehouse.publish import publish_night
from kcn_pipeline_tests.warehouse.batches import aqi_day, episode, flag, station_day
from kcn_pipeline_tests.warehouse.lakes import audit_of, collect, land, write, write_findings

NIGHT = "2026-04-10"
DAY = date(2026, 4, 9)
FEED = {"source": "loggers", "topic": "monitoring"}


def refused(number: int, rule: str, table: str, file: str = "a.txt") -> dict[str, Any]:
    """A quarantined row as validation leaves it."""
    own = {"rule": rule} if table == "monitoring_unread_lines" else {"station_id": "ST_1", "value": float(number)}
    return own | {
        "_source": "loggers",
        "_payload": f"sha of {file}",
        "_file": file,
        "_sheet": None,
        "_cell": None,
        "_line": number,
        "_rules": rule,
        "_reason_vi": f"vì {rule}",
        "_reason_en": f"because of {rule}",
    }


# ---- facts -----------------------------------------------------------------------------------------------------------


def write_facts(lake: Lake) -> None:
    part = f"day={DAY}"
    write(lake, NIGHT, "indicators", "monitoring_days", {part: [station_day(DAY, mean=90.0)]})
    hour = {**_index_of(aqi_day(DAY)), "hour_at": datetime(2026, 4, 9, 8)}
    write(lake, NIGHT, "indicators", "monitoring_aqi", {part: [hour, {**_index_of(aqi_day(DAY)), "hour_at": None}]})
    write(lake, NIGHT, "indicators", "monitoring_episodes", {part: [episode(datetime(2026, 4, 9))]})
    series = {"station_id": "ST_1", "parameter_code": "cod", "averaging": "day"}
    scope = {**series, "from_at": datetime(2026, 4, 9), "to_at": datetime(2026, 4, 10)}
    write(lake, NIGHT, "indicators", "monitoring_episode_scope", {WHOLE: [scope]})


def _index_of(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("band_vi", "band_en", "rgb")}


def test_facts_are_those_of_the_night(lake: Lake, warehouse_url: str) -> None:
    write_facts(lake)
    batch = collect(lake, NIGHT, FEED)
    assert list(batch.stations.days["fct_monitoring_daily"].days) == [DAY]
    [index] = list(batch.stations.days["fct_ambient_aqi"].rows)  # type: ignore[arg-type]
    assert (index["band_vi"], index["band_en"], index["rgb"]) == ("Trung bình", "Moderate", "255,255,0")
    parameters = {row["parameter_code"] for row in batch.tables["dim_parameter"]}  # type: ignore[union-attr]
    assert {"cod", "pm25", "nox"} <= parameters
    published = publish_night(warehouse_url, collect(lake, NIGHT, FEED))
    facts = ("fct_monitoring_daily", "fct_ambient_aqi", "fct_exceedance")
    assert [published.changes[name].written for name in facts] == [1, 1, 1]


def test_a_night_without_stations_brings_nothing_of_them(lake: Lake, sqlite_url: str) -> None:
    batch = collect(lake, NIGHT, FEED)
    assert all(not held.days for held in batch.stations.days.values())
    assert batch.stations.stretches == []
    assert publish_night(sqlite_url, batch).changes["fct_monitoring_daily"].rows == 0


def test_flags_are_the_newest_of_judged_days(lake: Lake) -> None:
    """The running day has flags already and no means; both are told when it has ended."""
    write_facts(lake)
    running = datetime(2026, 4, 10, 0, 30)
    old = {f"day={DAY}": [flag(datetime(2026, 4, 9, 10)), flag(datetime(2026, 4, 9, 11))]}
    write(lake, "2026-04-09", "validation", "monitoring_flags", old)
    new = {f"day={DAY}": [flag(datetime(2026, 4, 9, 10))], "day=2026-04-10": [flag(running, "low_share")]}
    write(lake, NIGHT, "validation", "monitoring_flags", new)
    flags = collect(lake, NIGHT, FEED).stations.days["fct_monitoring_flag"]
    assert flags.days == [DAY]
    assert [row["started_at"] for row in flags.rows] == [datetime(2026, 4, 9, 10)]  # type: ignore[union-attr]


# ---- what was refused ------------------------------------------------------------------------------------------------


def test_of_each_rule_the_first_rows_are_listed_and_the_rest_is_counted(lake: Lake, sqlite_url: str) -> None:
    most = load_contracts().monitoring.settings.quarantine_rows_per_rule
    names = ("monitoring_readings", "monitoring_unread_lines")
    rows = [refused(n, "time_outside_file", names[0]) for n in range(2 * most + 7)]
    rows += [refused(n, "value_out_of_range", names[0]) for n in range(3)]
    write(lake, NIGHT, "quarantine", names[0], {WHOLE: rows})
    write(lake, NIGHT, "quarantine", names[1], {WHOLE: [refused(n, "unknown_symbol", names[1]) for n in range(most)]})
    batch = collect(lake, NIGHT, FEED)
    listed = [(row["table_name"], row["rules"]) for row in batch.audit["audit_quarantine"]]  # type: ignore[union-attr]
    assert listed.count((names[0], "time_outside_file")) == most
    assert listed.count((names[0], "value_out_of_range")) == 3
    assert listed.count((names[1], "unknown_symbol")) == most
    assert batch.refresh["quarantined_rows"] == 3 * most + 10
    [told] = [row for row in batch.audit["audit_finding"] if row["rule"] == "quarantine_shortened"]  # type: ignore[union-attr]
    assert (told["table"], told["value"]) == (names[0], "time_outside_file")
    assert str(most + 7) in told["reason_en"]
    publish_night(sqlite_url, batch)


def test_a_refused_row_leads_to_its_file_and_line(lake: Lake) -> None:
    write(
        lake,
        NIGHT,
        "quarantine",
        "monitoring_readings",
        {WHOLE: [refused(7, "value_out_of_range", "monitoring_readings")]},
    )
    [row] = collect(lake, NIGHT, FEED).audit["audit_quarantine"]  # type: ignore[misc]
    assert row == {
        "table_name": "monitoring_readings",
        "payload": "sha of a.txt",
        "file": "a.txt",
        "sheet": None,
        "cell": None,
        "line": 7,
        "rules": "value_out_of_range",
        "reason_vi": "vì value_out_of_range",
        "reason_en": "because of value_out_of_range",
        "row_json": '{"station_id": "ST_1", "value": 7.0}',
    }


def test_payloads_of_stations_are_told_where_a_line_is_unread(lake: Lake) -> None:
    manifest = land(lake, NIGHT, "loggers", "a.txt", "b.txt", "c.txt")
    unread = [refused(3, "unknown_symbol", "monitoring_unread_lines", file) for file in ("b.txt", "c.txt")]
    write(lake, NIGHT, "quarantine", "monitoring_unread_lines", {WHOLE: unread})
    reading = dict.fromkeys(READINGS.names) | {"_source": "loggers"}
    staged = pa.Table.from_pylist([reading | {"_row": 1}] * 5 + [reading | {"_row": 0}] * 9, READINGS)
    lake.replace("staging", "monitoring_readings", NIGHT, {f"day={DAY}": staged})
    payloads = collect(lake, NIGHT, FEED, manifest).audit["audit_payload"]
    told = [(row["name"], row["status"], row["rows"], row["reason_en"]) for row in payloads]  # type: ignore[union-attr]
    assert told == [("b.txt", "landed", 5, None), ("c.txt", "rejected", 0, "because of unknown_symbol")]


def test_findings_and_checks_of_stations_are_told(lake: Lake) -> None:
    finding = {"rule": "station_silent", "table": "monitoring_batches", "severity": "warning", "payload": ""}
    write_findings(lake, NIGHT, "monitoring", finding, "monitoring_readings")
    assert audit_of(collect(lake, NIGHT, FEED)) == (["staging", "validation", "indicators"], ["values"])
