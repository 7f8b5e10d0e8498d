"""Pages of SensorThings: every shape of observation becomes the same reading, and nothing is guessed."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.contracts.monitoring import Monitoring, Stream
from kcn_pipeline.staging.page_readings import PageReadings, read_moment
from kcn_pipeline.staging.sensorthings import read_page

NAME = "Datastreams(7)/2026-11-20T00_page1.json"
MG_L = {"name": "milligram per litre", "symbol": "mg/L", "definition": "ucum:mg/L"}

Read = Callable[..., PageReadings]


@pytest.fixture(scope="module")
def monitoring() -> Monitoring:
    streams = (
        Stream(source="sta", stream="7", station_id="NT01", parameter="cod"),
        Stream(source="sta", stream="8", station_id="NT01", parameter="ph"),
        Stream(source="sta", stream="10", station_id="KK02", parameter="co"),
        Stream(source="sta", stream="số 9", station_id="KK02", parameter="co", unit="mg/m3"),
    )
    return replace(load_contracts().monitoring, streams=streams)


@pytest.fixture(scope="module")
def read(monitoring: Monitoring) -> Read:
    """Read a page (JSON or bytes) of datastream 7, which says mg/L; keywords change the metadata."""

    def run(page: Any, **changes: Any) -> PageReadings:
        metadata = {
            "kind": "monitoring/sensorthings",
            "source": "sta",
            "datastream": "7",
            "datastream_name": "COD đầu ra",
            "thing_name": "Trạm 1",
            "unit": {"symbol": "mg/L", "name": "milligram per litre"},
            "stream": "Datastreams(7)",
            "day": "2026-11-20",
        }
        content = page if isinstance(page, bytes) else json.dumps(page).encode()
        return read_page(content, metadata | changes, NAME, monitoring)

    return run


def observe(time: Any, result: Any) -> dict[str, Any]:
    return {"@iot.id": 1, "phenomenonTime": time, "resultTime": None, "result": result}


def rows(page: PageReadings) -> list[tuple[Any, ...]]:
    columns = (page.station_ids, page.parameter_codes, page.measured_at, page.values, page.statuses, page.lines)
    return [
        (station, code, str(at), None if math.isnan(value) else float(value), status, int(line))
        for station, code, at, value, status, line in zip(*columns, strict=True)
    ]


def refused(page: PageReadings) -> list[tuple[str, str | None, int | None]]:
    return [(item.rule, item.station_id, item.line) for item in page.unread]


def test_observations_become_readings_in_local_time(read: Read) -> None:
    page = read({"value": [observe("2026-11-19T17:00:00Z", 41.3), observe("2026-11-20T00:05:00.250+07:00", 42)]})
    assert rows(page) == [
        ("NT01", "cod", "2026-11-20T00:00:00.000000", 41.3, "00", 1),
        ("NT01", "cod", "2026-11-20T00:05:00.250000", 42.0, "00", 2),
    ]
    assert page.unread == []
    assert (page.station_id, len(page)) == ("NT01", 2)
    assert (page.measured_at.dtype, page.values.dtype, page.lines.dtype) == ("datetime64[us]", np.float64, np.int32)


@pytest.mark.parametrize(
    ("result", "value", "status"),
    [
        (7, 7.0, "00"),
        (0, 0.0, "00"),
        ("41.3", 41.3, "00"),
        (" 41,3 ", 41.3, "00"),
        ("4.1e1", 41.0, "00"),
        (None, None, "02"),
        ("", None, "02"),
        ("error", None, "02"),
        ("NaN", None, "02"),
        (math.nan, None, "02"),
        (math.inf, None, "02"),
        (-9999, None, "02"),
        ("-9999.0", None, "02"),
    ],
)
def test_a_result_is_a_number_or_a_device_error(read: Read, result: Any, value: float | None, status: str) -> None:
    ((*_, found, said, _),) = rows(read({"value": [observe("2026-11-20T01:00:00Z", result)]}))
    assert (found, said) == (value, status)


@pytest.mark.parametrize(
    ("time", "result", "rule"),
    [
        ("2026-11-20T01:00:00Z", "1.234,5", "unreadable_value"),
        ("2026-11-20T01:00:00Z", "< 0.5", "unreadable_value"),
        ("2026-11-20T01:00:00Z", True, "unreadable_value"),
        ("2026-11-20T01:00:00Z", [1, 2], "unreadable_value"),
        ("2026-11-20T01:00:00Z", {"value": 1}, "unreadable_value"),
        ("2026-11-20T01:00:00Z", 10**300, "unreadable_value"),
        ("2026-11-20T01:00:00", 1, "unreadable_time"),
        ("2026-11-31T01:00:00Z", 1, "unreadable_time"),
        ("1970-01-01T00:00:00Z", 1, "unreadable_time"),
        ("", 1, "unreadable_time"),
        (None, 1, "unreadable_time"),
        (1795132800000, 1, "unreadable_time"),
    ],
)
def test_what_cannot_be_read_is_kept_with_its_number(read: Read, time: Any, result: Any, rule: str) -> None:
    good = observe("2026-11-20T02:00:00Z", 1)
    page = read({"value": [good, observe(time, result), good]})
    assert [row[-1] for row in rows(page)] == [1, 3]
    assert refused(page) == [(rule, "NT01", 2)]
    assert page.unread[0].text.startswith('{"@iot.id": 1, "phenomenonTime": ')


def test_an_interval_is_filed_under_its_beginning(read: Read) -> None:
    page = read({"value": [observe("2026-11-20T16:00:00Z/2026-11-20T17:00:00Z", 5)]})
    assert rows(page)[0][2] == "2026-11-20T23:00:00.000000", (
        "the last hour of the local day, though it ends in the next"
    )


@pytest.mark.parametrize(
    "components",
    [
        ["phenomenonTime", "result"],
        ["result", "phenomenonTime"],
        ["resultTime", "result", "id", "phenomenonTime"],
        ["@iot.id", "phenomenonTime", "resultTime", "result", "parameters"],
    ],
)
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_data_arrays_are_read_by_the_names_of_their_columns(
    read: Read, components: list[str], is_wrapped: bool
) -> None:
    said = {"id": 1, "@iot.id": 1, "resultTime": None, "parameters": {}}
    observations = [said | observe(f"2026-11-20T0{hour}:00:00Z", hour) for hour in (1, 2)]
    group = {
        "Datastream@iot.navigationLink": "http://host/v1.1/Datastreams(7)",
        "components": components,
        "dataArray@iot.count": 2,
        "dataArray": [[each[name] for name in components] for each in observations],
    }
    assert rows(read({"value": [group]} if is_wrapped else group)) == [
        ("NT01", "cod", "2026-11-20T08:00:00.000000", 1.0, "00", 1),
        ("NT01", "cod", "2026-11-20T09:00:00.000000", 2.0, "00", 2),
    ]


def test_data_arrays_of_several_datastreams_are_told_apart_by_their_link(read: Read) -> None:
    def group(number: str, result: float) -> dict[str, Any]:
        link = f"http://host/v1.1/Datastreams({number})"
        rows = [["2026-11-20T01:00:00Z", result]]
        return {"Datastream@iot.navigationLink": link, "components": ["phenomenonTime", "result"], "dataArray": rows}

    page = read({"value": [group("8", 7.1), group("'số 9'", 0.5)]}, datastream="", unit=None)
    assert [row[:2] + row[3:] for row in rows(page)] == [("NT01", "ph", 7.1, "00", 1), ("KK02", "co", 500.0, "00", 2)]


@pytest.mark.parametrize(
    ("group", "unread"),
    [
        ({"components": ["result"], "dataArray": [[1]]}, "unreadable_time"),
        ({"components": ["phenomenonTime"], "dataArray": [["2026-11-20T01:00:00Z"]]}, "unreadable_line"),
        ({"components": ["phenomenonTime", "result"], "dataArray": [["2026-11-20T01:00:00Z"]]}, "unreadable_line"),
        ({"components": None, "dataArray": [["2026-11-20T01:00:00Z", 1]]}, "unreadable_line"),
        ({"dataArray": [5]}, "unreadable_line"),
    ],
)
def test_a_data_array_that_does_not_fit_its_columns_is_unread(read: Read, group: dict[str, Any], unread: str) -> None:
    page = read({"value": [group]})
    assert (rows(page), refused(page)) == ([], [(unread, "NT01", 1)])


def test_observations_nested_in_expanded_entities_are_read_by_their_own_datastream(read: Read) -> None:
    thing = {
        "@iot.id": 1,
        "Datastreams": [
            {"@iot.id": 7, "unitOfMeasurement": MG_L, "Observations": [observe("2026-11-20T01:00:00Z", 41)]},
            {
                "@iot.id": 8,
                "name": "pH",
                "unitOfMeasurement": {"name": None, "symbol": None, "definition": None},
                "Observations": [observe("2026-11-20T01:00:00Z", 7.1), observe("2026-11-20T01:05:00Z", 7.2)],
                "Observations@iot.nextLink": "http://host/more",
            },
        ],
    }
    assert [(row[1], row[3], row[5]) for row in rows(read({"value": [thing]}, datastream="", unit=None))] == [
        ("cod", 41.0, 1),
        ("ph", 7.1, 2),
        ("ph", 7.2, 3),
    ]
    entity = {"Observations": [observe("2026-11-20T01:00:00Z", 41)]}
    assert [row[3] for row in rows(read(entity))] == [41.0], "what it does not say of itself, the metadata do"


@pytest.mark.parametrize(
    ("datastream", "unit", "code", "value"),
    [
        ("7", {"symbol": "µg/L", "name": None}, "cod", 0.005),
        ("7", {"symbol": None, "name": "mg/l"}, "cod", 5.0),
        ("8", None, "ph", 5.0),
        ("8", {"symbol": None, "name": None}, "ph", 5.0),
        ("số 9", {"symbol": "µg/m3", "name": "wrong on purpose: the contract says mg/m3"}, "co", 5000.0),
    ],
)
def test_units_are_those_of_the_datastream_unless_the_contract_says_others(
    read: Read, datastream: str, unit: Any, code: str, value: float
) -> None:
    ((_, found, _, converted, _, _),) = rows(
        read({"value": [observe("2026-11-20T01:00:00Z", 5)]}, datastream=datastream, unit=unit)
    )
    assert (found, converted) == (code, pytest.approx(value))


@pytest.mark.parametrize("unit", [None, {"symbol": None, "name": None}, {"symbol": "furlong", "name": None}])
def test_a_unit_that_is_not_known_is_one_unread_item(read: Read, unit: Any) -> None:
    page = read({"value": [observe("2026-11-20T01:00:00Z", 5)] * 3}, datastream="10", unit=unit)
    (item,) = page.unread
    assert (item.rule, item.station_id, item.line, len(page)) == ("unknown_unit", "KK02", None, 0)
    assert item.text == f"co, {'furlong' if unit and unit['symbol'] else 'no unit'}: 3 observations"


def test_a_datastream_that_no_contract_names_is_one_unread_item(read: Read) -> None:
    page = read({"value": [observe("2026-11-20T01:00:00Z", 5)] * 288}, datastream="55")
    (item,) = page.unread
    assert (item.rule, item.station_id, item.line, page.station_id) == ("unknown_stream", None, None, None)
    assert item.text == "sta: stream 55 (Trạm 1 / COD đầu ra: 288 observations)"


@pytest.mark.parametrize("page", [{"value": []}, {"value": [{"@iot.id": 7, "unitOfMeasurement": MG_L}]}])
def test_empty_windows_and_lists_of_datastreams_hold_no_readings(read: Read, page: Any) -> None:
    found = read(page)
    assert (len(found), found.unread) == (0, [])


@pytest.mark.parametrize(
    ("content", "rule", "text"),
    [
        (b"", "empty_payload", ""),
        (b"<html>\t\xff", "unreadable_line", "<html>\\t\\xff"),
        (b'{"value": ' + b"[" * 50_000, "unreadable_line", '{"value": ['),
        (b"9" * 5000, "unreadable_line", "999"),
    ],
)
def test_a_page_that_is_no_json_is_one_unread_item(read: Read, content: bytes, rule: str, text: str) -> None:
    page = read(content)
    assert refused(page) == [(rule, None, None)]
    assert page.unread[0].text.startswith(text)


def test_a_byte_order_mark_does_no_harm(read: Read) -> None:
    page = read(b"\xef\xbb\xbf" + json.dumps({"value": [observe("2026-11-20T01:00:00Z", 5)]}).encode())
    assert len(page) == 1


_KEYS = ["value", "dataArray", "components", "Observations", "Datastreams", "Datastream@iot.navigationLink", "@iot.id"]
_KEYS += ["unitOfMeasurement", "symbol", "name", "phenomenonTime", "result"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(page=_JSON)
def test_no_page_whatever_it_holds_stops_the_reader(read: Read, page: Any) -> None:
    found = read(json.dumps(page).encode())
    numbers = [int(line) for line in found.lines] + [item.line for item in found.unread if item.line is not None]
    assert sorted(numbers) == list(range(1, len(numbers) + 1)), "every observation is a reading or an unread item"
    assert len(found) == len(found.values) == len(found.measured_at) == len(found.statuses)


def test_moments_before_midnight_utc_belong_to_the_next_local_day() -> None:
    assert np.datetime64(read_moment("2026-11-20T17:00:00Z") or 0, "us") == np.datetime64("2026-11-21T00:00")
    assert read_moment("0001-01-01T00:00:00+14:00") is None
    assert read_moment("9999-12-31T23:59:59-14:00") is None
