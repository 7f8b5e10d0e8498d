"""OpenAQ: what lands of a service that pages without saying how far, and how its limits are kept."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.contracts.monitoring import Stream
from kcn_pipeline.contracts.sources import OpenAqFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import FeedResult, land_feed
from kcn_pipeline.landing.http import Patience
from kcn_pipeline.landing.openaq import land_openaq
from kcn_pipeline.landing.store import Payload, iterate_payloads
from kcn_pipeline.staging.openaq import read_page
from kcn_pipeline_tests.landing.portal_server import Answer, serve

NIGHT = "2026-11-21"
JSON = "application/json"
KEY = "oaq-77b1e0c4d9"

Land = Callable[..., FeedResult]


class OpenAq:
    """The service as it is recorded: hourly measurements, `found` that is no count, windows by the interval's end."""

    def __init__(self) -> None:
        self.url = ""
        self.key = KEY
        #: Sensor id → (end of the hour, local; value).
        self.hours: dict[int, list[tuple[datetime, float]]] = {}
        self.script: dict[str, list[Answer]] = {}
        self.asked: list[str] = []
        self.keys: list[str | None] = []
        self.headers: dict[str, str] = {}
        self.largest_page = 1000

    def measure(self, sensor: int, first: str, *values: float) -> None:
        """Hourly means, the first of the hour that begins at a local time."""
        start = datetime.fromisoformat(f"{first}+07:00")
        self.hours.setdefault(sensor, []).extend(
            (start + timedelta(hours=number + 1), value) for number, value in enumerate(values)
        )

    def answer(self, target: str, headers: dict[str, str]) -> Answer:
        self.asked.append(target)
        self.keys.append(headers.get("X-API-Key"))
        for part, answers in self.script.items():
            if part in target:
                return answers.pop(0) if len(answers) > 1 else answers[0]
        if headers.get("X-API-Key") != self.key:
            return Answer(401, b'{"message": "Invalid credentials"}', JSON)
        parts = urlsplit(target)
        _, version, sensors, sensor, resource = parts.path.split("/")
        assert (version, sensors, resource) == ("v3", "sensors", "measurements")
        if int(sensor) not in self.hours:
            return Answer(404, b'{"detail": "Sensor not found"}', JSON)
        return self._page(int(sensor), {key: values[0] for key, values in parse_qs(parts.query).items()})

    def _page(self, sensor: int, query: dict[str, str]) -> Answer:
        start, end = (datetime.fromisoformat(query[key]) for key in ("datetime_from", "datetime_to"))
        chosen = [(at, value) for at, value in self.hours[sensor] if start < at <= end]
        limit, page = min(int(query["limit"]), self.largest_page), int(query["page"])
        results = [self._measurement(at, value) for at, value in chosen[(page - 1) * limit : page * limit]]
        found = f">{limit}" if len(results) == limit else len(results)
        meta = {"name": "openaq-api", "website": "/", "page": page, "limit": limit, "found": found}
        body = json.dumps({"meta": meta, "results": results}, ensure_ascii=False).encode()
        return Answer(body=body, content_type=JSON, headers=self.headers)

    def _measurement(self, at: datetime, value: float) -> dict[str, Any]:
        def both(moment: datetime) -> dict[str, str]:
            utc = moment - timedelta(hours=7)
            return {"utc": f"{utc:%Y-%m-%dT%H:%M:%S}Z", "local": f"{moment:%Y-%m-%dT%H:%M:%S}+07:00"}

        return {
            "value": value,
            "flagInfo": {"hasFlags": False},
            "parameter": {"id": 2, "name": "pm25", "units": "µg/m³", "displayName": None},
            "period": {
                "label": "raw",
                "interval": "01:00:00",
                "datetimeFrom": both(at - timedelta(hours=1)),
                "datetimeTo": both(at),
            },
            "coordinates": None,
            "summary": None,
        }


@pytest.fixture
def openaq(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAq]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("KCN_OPENAQ_KEY", KEY)
    with serve() as server:
        service = OpenAq()
        service.url = server.url
        monkeypatch.setattr(server, "answer", service.answer)
        yield service


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def land(lake: Lake, openaq: OpenAq, waits: list[float]) -> Land:
    """Land sensor 35 on the night and the day before without waiting; keywords change the feed."""

    def run(night: str = NIGHT, **options: Any) -> FeedResult:
        return land_openaq(lake, make_feed(openaq, **options), night, patience=Patience(attempts=3), sleep=waits.append)

    return run


def make_feed(openaq: OpenAq, **options: Any) -> OpenAqFeed:
    fields = {
        "id": "open_air",
        "kind": "monitoring/openaq",
        "url": openaq.url,
        "api_key": "${KCN_OPENAQ_KEY}",
        "sensors": (35,),
        "look_back_days": 1,
        "timeout_s": 5.0,
    }
    return OpenAqFeed(**(fields | options))


def landed(lake: Lake, night: str = NIGHT) -> dict[str, Payload]:
    return {payload.name: payload for payload in iterate_payloads(lake, ["open_air"], night)}


def values(payload: Payload) -> list[float]:
    return [result["value"] for result in json.loads(payload.content)["results"]]


def counts(result: FeedResult) -> tuple[str, int, int]:
    return result.status, result.landed, result.unchanged


def test_each_local_day_of_each_sensor_lands_as_it_came(lake: Lake, openaq: OpenAq, land: Land) -> None:
    openaq.measure(35, "2026-11-19T23:00", 1, *range(10, 34), 99)
    openaq.measure(36, "2026-11-21T00:00", 5)
    assert counts(land(sensors=(35, 36))) == ("ok", 4, 0)
    found = landed(lake)
    assert list(found) == [
        "sensors/35/2026-11-20T00_page1.json",
        "sensors/35/2026-11-21T00_page1.json",
        "sensors/36/2026-11-20T00_page1.json",
        "sensors/36/2026-11-21T00_page1.json",
    ]
    page = found["sensors/35/2026-11-20T00_page1.json"]
    assert values(page) == list(range(10, 34)), "the 24 hours that begin on the day; the last ends at midnight"
    assert page.origin == f"{openaq.url}/v3/sensors/35/measurements"
    assert page.metadata == {
        "kind": "monitoring/openaq",
        "source": "open_air",
        "stream": "sensors/35",
        "sensor": "35",
        "day": "2026-11-20",
    }
    query = parse_qs(urlsplit(openaq.asked[0]).query)
    assert query == {
        "datetime_from": ["2026-11-20T00:00:00+07:00"],
        "datetime_to": ["2026-11-21T00:00:00+07:00"],
        "limit": ["1000"],
        "page": ["1"],
    }
    assert set(openaq.keys) == {KEY}


def test_land_feed_takes_the_service_by_its_kind(lake: Lake, openaq: OpenAq) -> None:
    openaq.measure(35, "2026-11-20T00:00", 1)
    assert land_feed(lake, make_feed(openaq), NIGHT, Path()).landed == 2


def test_pages_are_asked_for_until_one_is_not_full(lake: Lake, openaq: OpenAq, land: Land) -> None:
    openaq.measure(35, "2026-11-20T00:00", *range(24))
    assert counts(land(page_size=10)) == ("ok", 4, 0)
    found = landed(lake)
    assert [values(found[f"sensors/35/2026-11-20T00_page{n}.json"]) for n in (1, 2, 3)] == [
        list(range(10)),
        list(range(10, 20)),
        list(range(20, 24)),
    ]
    assert json.loads(found["sensors/35/2026-11-20T00_page1.json"].content)["meta"]["found"] == ">10"
    openaq.asked.clear()
    assert counts(land(page_size=8)) == ("ok", 5, 0), "a full last page is followed by an empty one"
    assert [parse_qs(urlsplit(target).query)["page"] for target in openaq.asked] == [["1"], ["2"], ["3"], ["4"], ["1"]]


def test_a_service_that_gives_smaller_pages_than_asked_for_is_paged_to_the_end(
    lake: Lake, openaq: OpenAq, land: Land
) -> None:
    openaq.largest_page = 10
    openaq.measure(35, "2026-11-20T00:00", *range(24))
    assert counts(land()) == ("ok", 4, 0)


def test_only_days_that_changed_land_the_next_night(lake: Lake, openaq: OpenAq, land: Land) -> None:
    openaq.measure(35, "2026-11-20T00:00", *range(24))
    land()
    openaq.hours[35][5] = (openaq.hours[35][5][0], 500.0)
    openaq.measure(35, "2026-11-21T00:00", 1)
    assert counts(land("2026-11-22", look_back_days=2)) == ("ok", 3, 0)
    assert values(landed(lake, "2026-11-22")["sensors/35/2026-11-20T00_page1.json"])[5] == 500.0
    assert counts(land("2026-11-23", look_back_days=3)) == ("ok", 1, 3)


def test_an_outage_longer_than_the_look_back_loses_nothing(lake: Lake, openaq: OpenAq, land: Land) -> None:
    openaq.measure(35, "2026-11-12T00:00", 1)
    land("2026-11-10")
    openaq.script["/v3/"] = [Answer(502, b"bad gateway", "text/plain")]
    assert land("2026-11-15").status == "failed"
    openaq.script.clear()
    assert counts(land()) == ("ok", 11, 1)
    assert values(landed(lake)["sensors/35/2026-11-12T00_page1.json"]) == [1]


def test_the_limit_of_requests_a_minute_is_kept(openaq: OpenAq, land: Land, waits: list[float]) -> None:
    openaq.measure(35, "2026-11-20T00:00", 1)
    assert land(look_back_days=4).status == "ok"
    assert waits == []
    assert land(look_back_days=4, requests_per_minute=3).status == "ok"
    assert len(waits) == 2, "five days, three of them at once"
    assert all(55 < wait <= 60 for wait in waits)


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({}, 59, 60),
        ({"Retry-After": "90"}, 89, 90),
        ({"x-ratelimit-reset": "17", "x-ratelimit-remaining": "0"}, 16, 17),
        ({"X-RateLimit-Reset": "{in 40 s}"}, 38, 41),
    ],
)
def test_a_429_means_wait(
    openaq: OpenAq, land: Land, waits: list[float], headers: dict[str, str], low: float, high: float
) -> None:
    openaq.measure(35, "2026-11-20T00:00", 1)
    moment = f"{datetime.now().timestamp() + 40:.0f}"
    headers = {name: text.replace("{in 40 s}", moment) for name, text in headers.items()}
    full = openaq._page(
        35, parse_one("datetime_from=2026-11-20T00:00:00%2B07:00&datetime_to=2026-11-21T00:00:00%2B07:00")
    )
    openaq.script["2026-11-20T00"] = [Answer(429, b'{"detail": "Too many requests"}', JSON, headers), full]
    assert counts(land()) == ("ok", 2, 0)
    assert low <= max(waits) <= high


def parse_one(query: str) -> dict[str, str]:
    return {"limit": "1000", "page": "1"} | {key: texts[0] for key, texts in parse_qs(query).items()}


def test_a_spent_limit_is_waited_for_before_asking_again(openaq: OpenAq, land: Land, waits: list[float]) -> None:
    openaq.measure(35, "2026-11-20T00:00", 1)
    openaq.headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "31"}
    assert land().status == "ok"
    (wait,) = waits
    assert 30 < wait <= 31


def test_a_limit_that_does_not_end_leaves_the_rest_for_the_next_night(lake: Lake, openaq: OpenAq, land: Land) -> None:
    openaq.measure(35, "2026-11-20T00:00", 1)
    openaq.measure(36, "2026-11-20T00:00", 1)
    openaq.script["sensors/36"] = [Answer(429, b"", JSON, {"x-ratelimit-reset": "7200"})]
    result = land(sensors=(35, 36, 37))
    assert counts(result) == ("failed", 2, 0)
    assert "answers 429" in str(result.error) or "rate limit is spent" in str(result.error)
    assert not any("sensors/37" in target for target in openaq.asked)


def test_an_expired_key_is_named_with_its_variable(openaq: OpenAq, land: Land, lake: Lake) -> None:
    openaq.key = "another"
    result = land()
    assert counts(result) == ("failed", 0, 0)
    assert "denies access (401); the token may have expired: check the environment variable KCN_OPENAQ_KEY" in str(
        result.error
    )
    assert KEY not in str(result)
    assert landed(lake) == {}


def test_a_key_that_is_not_set_is_named(land: Land, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KCN_OPENAQ_KEY")
    assert "KCN_OPENAQ_KEY is not set" in str(land().error)


def test_an_unknown_sensor_is_a_finding_and_the_others_land(lake: Lake, openaq: OpenAq, land: Land) -> None:
    openaq.measure(35, "2026-11-20T00:00", 1)
    result = land(sensors=(34, 35))
    assert counts(result) == ("failed", 2, 0)
    assert [finding.name for finding in result.findings] == [
        "sensors/34/2026-11-20T00_page1.json",
        "sensors/34/2026-11-21T00_page1.json",
    ]
    assert "answers 404" in str(result.error)


@pytest.mark.parametrize(
    "fault",
    [
        Answer(500, b"oops", "text/plain"),
        Answer(body=b'{"meta": {}, "results": [{"va', content_type=JSON, announced=900),
        Answer(is_hung_up=True),
    ],
)
def test_passing_faults_are_asked_again(openaq: OpenAq, land: Land, fault: Answer) -> None:
    openaq.measure(35, "2026-11-20T00:00", 1)
    openaq.script["2026-11-20T00"] = [fault, Answer(body=b'{"results": []}', content_type=JSON)]
    assert counts(land()) == ("ok", 2, 0)


def test_a_service_that_does_not_heed_the_page_is_not_paged_for_ever(lake: Lake, openaq: OpenAq, land: Land) -> None:
    body = json.dumps({"meta": {"found": ">2"}, "results": [{"value": 1}, {"value": 2}]}).encode()
    openaq.script["/v3/"] = [Answer(body=body, content_type=JSON)]
    result = land(page_size=2)
    assert "repeats the page before it" in str(result.error)
    assert landed(lake) == {}
    pages = [Answer(body=json.dumps({"results": [{"value": n}]}).encode(), content_type=JSON) for n in range(30)]
    openaq.script["/v3/"] = pages
    assert "more than 5 pages" in str(land(page_size=1, max_pages=5).error)
    openaq.script["/v3/"] = [Answer(body=b'{"detail": []}', content_type=JSON)]
    assert "is it OpenAQ v3?" in str(land().error)


def test_the_key_does_not_follow_a_redirect_to_another_server(openaq: OpenAq, land: Land) -> None:
    with serve() as elsewhere:
        elsewhere.script["/stolen"] = [Answer(body=b'{"results": []}', content_type=JSON)]
        openaq.script["/v3/"] = [Answer(302, b"", None, {"Location": f"{elsewhere.url}/stolen"})]
        land()
        assert elsewhere.requests
        assert not any(KEY in str(headers) for _, headers in elsewhere.requests)


def test_what_landed_is_what_staging_reads(lake: Lake, openaq: OpenAq, land: Land) -> None:
    openaq.measure(35, "2026-11-20T22:00", 10, 11, 12)
    land()
    stream = Stream(source="open_air", stream="35", station_id="KK01", parameter="pm25")
    monitoring = replace(load_contracts().monitoring, streams=(stream,))
    pages = [read_page(page.content, page.metadata, page.name, monitoring) for page in landed(lake).values()]
    assert [unread for page in pages for unread in page.unread] == []
    assert [
        (str(at)[:16], value) for page in pages for at, value in zip(page.measured_at, page.values, strict=True)
    ] == [
        ("2026-11-20T22:00", 10.0),
        ("2026-11-20T23:00", 11.0),
        ("2026-11-21T00:00", 12.0),
    ]
