"""Pages of OpenAQ: hourly means filed under the hour they are of, units converted, flags and wrong sensors noticed."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.contracts.monitoring import Monitoring, Stream
from kcn_pipeline.staging.openaq import read_page
from kcn_pipeline.staging.page_readings import PageReadings

NAME = "sensors/35/2026-11-20T00_page1.json"

Read = Callable[..., PageReadings]


@pytest.fixture(scope="module")
def monitoring() -> Monitoring:
    streams = (
        Stream(source="open_air", stream="35", station_id="KK01", parameter="pm25"),
        Stream(source="open_air", stream="36", station_id="KK01", parameter="co"),
        Stream(source="open_air", stream="37", station_id="KK01", parameter="co", unit="mg/m3"),
    )
    return replace(load_contracts().monitoring, streams=streams)


@pytest.fixture(scope="module")
def read(monitoring: Monitoring) -> Read:
    """Read results (or whole bytes) of sensor 35, or another."""

    def run(results: Any, sensor: str = "35") -> PageReadings:
        metadata = {"kind": "monitoring/openaq", "source": "open_air", "stream": f"sensors/{sensor}", "sensor": sensor}
        page = {"meta": {"page": 1, "limit": 1000, "found": ">100"}, "results": results}
        content = results if isinstance(results, bytes) else json.dumps(page).encode()
        return read_page(content, metadata, NAME, monitoring)

    return run


def measure(value: Any, name: str = "pm25", units: str = "µg/m³", **changes: Any) -> dict[str, Any]:
    """One measurement of the hour from 23:00 to 24:00 local, as it is recorded."""
    return {
        "value": value,
        "flagInfo": {"hasFlags": False},
        "parameter": {"id": 2, "name": name, "units": units, "displayName": None},
        "period": {
            "label": "raw",
            "interval": "01:00:00",
            "datetimeFrom": {"utc": "2026-11-20T16:00:00Z", "local": "2026-11-20T23:00:00+07:00"},
            "datetimeTo": {"utc": "2026-11-20T17:00:00Z", "local": "2026-11-21T00:00:00+07:00"},
        },
        "coordinates": None,
        "summary": None,
        "coverage": {"expectedCount": 1, "observedCount": 1, "percentComplete": 100.0},
    } | changes


def rows(page: PageReadings) -> list[tuple[Any, ...]]:
    columns = (page.station_ids, page.parameter_codes, page.measured_at, page.values, page.statuses, page.lines)
    return [
        (station, code, str(at), None if math.isnan(value) else float(value), status, int(line))
        for station, code, at, value, status, line in zip(*columns, strict=True)
    ]


def test_a_mean_is_filed_under_the_hour_it_is_of(read: Read) -> None:
    page = read([measure(35.5), measure(36)])
    assert rows(page) == [
        ("KK01", "pm25", "2026-11-20T23:00:00.000000", 35.5, "00", 1),
        ("KK01", "pm25", "2026-11-20T23:00:00.000000", 36.0, "00", 2),
    ]
    assert (page.unread, page.station_id) == ([], "KK01")


def test_utc_holds_where_the_local_time_is_that_of_another_zone(read: Read) -> None:
    start = {"utc": "2026-11-20T16:00:00Z", "local": "2026-11-20T16:00:00+00:00"}
    assert rows(read([measure(1, period={"datetimeFrom": start})]))[0][2] == "2026-11-20T23:00:00.000000"


@pytest.mark.parametrize(
    ("sensor", "units", "value"),
    [
        ("36", "µg/m³", 5.0),
        ("36", "mg/m³", 5000.0),
        ("36", "ppm", 5 * 28.01 * 1e3 / 24.465),
        ("37", "µg/m³", 5000.0),
    ],
)
def test_carbon_monoxide_is_converted_by_the_unit_given(read: Read, sensor: str, units: str, value: float) -> None:
    ((*_, found, _, _),) = rows(read([measure(5, "co", units)], sensor))
    assert found == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize(
    ("measurement", "value", "status"),
    [
        (measure(None), None, "02"),
        (measure(-999.0), None, "02"),
        (measure("12.5"), 12.5, "00"),
        (measure(12.5, flagInfo={"hasFlags": True}), 12.5, "02"),
        (measure(12.5, flagInfo=None), 12.5, "00"),
        (measure(0), 0.0, "00"),
        (measure(-3.2), -3.2, "00"),
    ],
)
def test_status_says_what_does_not_count(
    read: Read, measurement: dict[str, Any], value: float | None, status: str
) -> None:
    ((*_, found, said, _),) = rows(read([measurement]))
    assert (found, said) == (value, status)


@pytest.mark.parametrize(
    ("measurement", "rule"),
    [
        (measure(1, "pm10"), "unknown_symbol"),
        (measure(1, units="ppm"), "unknown_unit"),
        (measure(1, parameter=None), "unknown_unit"),
        (measure("1.234,5"), "unreadable_value"),
        (measure(1, period=None), "unreadable_time"),
        (measure(1, period={"datetimeFrom": None, "datetimeTo": {"utc": "2026-11-20T17:00:00Z"}}), "unreadable_time"),
        (measure(1, period={"datetimeFrom": {"utc": "2026-11-20T16:00:00"}}), "unreadable_time"),
        ({"parameter": {"name": "pm25", "units": "µg/m³"}}, "unreadable_line"),
        ("results", "unreadable_line"),
    ],
)
def test_what_cannot_be_read_is_kept_with_its_number(read: Read, measurement: Any, rule: str) -> None:
    page = read([measure(1), measurement, measure(2)])
    assert [row[-1] for row in rows(page)] == [1, 3]
    (item,) = page.unread
    assert (item.rule, item.station_id, item.line) == (rule, "KK01", 2)


def test_a_sensor_that_no_contract_names_is_one_unread_item(read: Read) -> None:
    page = read([measure(1), measure(2)], "99")
    (item,) = page.unread
    assert (item.rule, item.station_id, item.line) == ("unknown_stream", None, None)
    assert item.text == "open_air: stream 99 (pm25 µg/m³: 2 measurements)"
    assert read([], "99").unread == []


@pytest.mark.parametrize(
    ("content", "rule"),
    [(b"", "empty_payload"), (b"{", "unreadable_line"), (b"[]", "unreadable_line"), (b"{}", "unreadable_line")],
)
def test_a_page_that_holds_no_results_is_one_unread_item(read: Read, content: bytes, rule: str) -> None:
    assert [(item.rule, item.line) for item in read(content).unread] == [(rule, None)]


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("2026-11-20T16:00:00Z"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "parameter", "name", "units", "period", "datetimeFrom", "utc", "flagInfo"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(results=st.lists(_ANY, max_size=6))
def test_every_measurement_is_a_reading_or_an_unread_item(read: Read, results: list[Any]) -> None:
    page = read(results)
    numbers = [int(line) for line in page.lines] + [item.line for item in page.unread]
    assert sorted(numbers) == list(range(1, len(results) + 1))
