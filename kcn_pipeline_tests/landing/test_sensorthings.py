"""SensorThings: what lands of a service that pages like FROST, and that none of its faults loses an observation."""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.contracts.monitoring import Stream
from kcn_pipeline.contracts.sources import SensorThingsFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import FeedResult, land_feed
from kcn_pipeline.landing.http import Patience
from kcn_pipeline.landing.pages import GIVE_UP_AFTER
from kcn_pipeline.landing.sensorthings import land_sensorthings
from kcn_pipeline.landing.store import Payload, iterate_payloads
from kcn_pipeline.staging.sensorthings import read_page
from kcn_pipeline_tests.landing.portal_server import Answer, serve

NIGHT = "2026-11-21"
JSON = "application/json;charset=UTF-8"
ROOT = "/FROST-Server/v1.1"
UNIT = {"name": "milligram per litre", "symbol": "mg/L", "definition": "ucum:mg/L"}

Land = Callable[..., FeedResult]


class Frost:
    """A service with datastreams and observations that pages, filters and sorts as FROST does."""

    def __init__(self) -> None:
        self.url = ""
        self.streams: list[dict[str, Any]] = []
        #: Datastream id → observations as (phenomenonTime, result), in UTC.
        self.observations: dict[Any, list[tuple[str, Any]]] = {}
        #: Path and query that match → answers in turn, the last one stays.
        self.script: dict[str, list[Answer]] = {}
        self.asked: list[str] = []
        self.page_size = 1000
        self.token: str | None = None
        #: What stands behind the page in a next link; clients must not touch it.
        self.link_tail = ""

    def add(self, number: Any, name: str = "COD", unit: Any = UNIT) -> None:
        self.streams.append(
            {"@iot.id": number, "name": name, "unitOfMeasurement": unit, "Thing": {"@iot.id": 1, "name": "Trạm 1"}}
        )
        self.observations.setdefault(number, [])

    def measure(self, number: Any, local: str, *results: Any) -> None:
        """Observations every five minutes from a local time on."""
        start = datetime.fromisoformat(local) - timedelta(hours=7)
        for step, result in enumerate(results):
            self.observations[number].append((f"{start + timedelta(minutes=5 * step):%Y-%m-%dT%H:%M:%S}Z", result))
        self.observations[number].sort()

    def answer(self, target: str, headers: dict[str, str]) -> Answer:
        self.asked.append(target)
        for part, answers in self.script.items():
            if part in unquote(target):
                return answers.pop(0) if len(answers) > 1 else answers[0]
        if self.token and headers.get("Authorization") != f"Bearer {self.token}":
            return Answer(401, b'{"code": 401}', JSON)
        parts = urlsplit(target)
        path = unquote(parts.path)
        if path == f"{ROOT}/Datastreams":
            return self._page(target, self.streams)
        found = re.fullmatch(re.escape(ROOT) + r"/Datastreams\((.+)\)/Observations", path)
        if found:
            number = int(found[1]) if found[1].isdigit() else found[1][1:-1].replace("''", "'")
            return self._page(target, self._choose(number, parse_qs(parts.query)["$filter"][0]))
        return Answer(404, b'{"message": "Nothing found."}', JSON)

    def _choose(self, number: Any, condition: str) -> list[dict[str, Any]]:
        window = re.fullmatch(r"phenomenonTime ge (\S+Z) and phenomenonTime lt (\S+Z)", condition)
        assert window, condition
        return [
            {"@iot.id": n, "phenomenonTime": time, "resultTime": None, "result": result}
            for n, (time, result) in enumerate(self.observations[number])
            if window[1] <= time < window[2]
        ]

    def _page(self, target: str, items: list[Any]) -> Answer:
        query = parse_qs(urlsplit(target).query)
        size = min(self.page_size, int(query["$top"][0]))
        skip = int(query.get("$skip", ["0"])[0])
        page: dict[str, Any] = {"value": items[skip : skip + size]}
        if skip + size < len(items):
            before = target.partition("&$skip=")[0]
            page["@iot.nextLink"] = f"{self.url}{before}&$skip={skip + size}{self.link_tail}"
        return Answer(body=json.dumps(page, ensure_ascii=False).encode(), content_type=JSON)


@pytest.fixture
def frost(monkeypatch: pytest.MonkeyPatch) -> Iterator[Frost]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with serve() as server:
        service = Frost()
        service.url = server.url
        monkeypatch.setattr(server, "answer", service.answer)
        yield service


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def land(lake: Lake, frost: Frost, waits: list[float]) -> Land:
    """Land the service of the day before the night without waiting between attempts; keywords change the feed."""

    def run(night: str = NIGHT, **options: Any) -> FeedResult:
        return land_sensorthings(
            lake, make_feed(frost, **options), night, patience=Patience(attempts=3), sleep=waits.append
        )

    return run


def make_feed(frost: Frost, **options: Any) -> SensorThingsFeed:
    fields = {
        "id": "air_network",
        "kind": "monitoring/sensorthings",
        "url": f"{frost.url}/FROST-Server",
        "look_back_days": 1,
        "timeout_s": 5.0,
    }
    return SensorThingsFeed(**(fields | options))


def landed(lake: Lake, night: str = NIGHT) -> dict[str, Payload]:
    return {payload.name: payload for payload in iterate_payloads(lake, ["air_network"], night)}


def results(payload: Payload) -> list[Any]:
    return [observation["result"] for observation in json.loads(payload.content)["value"]]


def counts(result: FeedResult) -> tuple[str, int, int]:
    return result.status, result.landed, result.unchanged


def windows(frost: Frost) -> list[str]:
    """The filters asked for, in order, once each."""
    found = [parse_qs(urlsplit(target).query).get("$filter", [""])[0] for target in frost.asked]
    return list(dict.fromkeys(text for text in found if text))


def test_each_local_day_of_each_datastream_lands_as_it_came(lake: Lake, frost: Frost, land: Land) -> None:
    frost.add(7)
    frost.add("số 8'a", "pH", {"name": None, "symbol": None, "definition": None})
    frost.measure(7, "2026-11-20T00:00", 41.3, "42,5")
    frost.measure(7, "2026-11-20T23:55", 50, 51)
    frost.measure("số 8'a", "2026-11-21T00:30", 7.1)
    assert counts(land()) == ("ok", 5, 0)
    found = landed(lake)
    first, second = "Datastreams(7)", "Datastreams('số 8''a')"
    assert list(found) == [
        "Datastreams/page1.json",
        f"{first}/2026-11-20T00_page1.json",
        f"{first}/2026-11-21T00_page1.json",
        f"{second}/2026-11-20T00_page1.json",
        f"{second}/2026-11-21T00_page1.json",
    ]
    assert results(found[f"{first}/2026-11-20T00_page1.json"]) == [41.3, "42,5", 50], "midnight begins the next day"
    assert results(found[f"{first}/2026-11-21T00_page1.json"]) == [51]
    assert found[f"{second}/2026-11-20T00_page1.json"].content == b'{"value": []}'
    assert found[f"{first}/2026-11-20T00_page1.json"].metadata == {
        "kind": "monitoring/sensorthings",
        "source": "air_network",
        "stream": first,
        "day": "2026-11-20",
        "datastream": "7",
        "datastream_name": "COD",
        "thing_name": "Trạm 1",
        "unit": {"name": "milligram per litre", "symbol": "mg/L"},
    }
    assert found[f"{second}/2026-11-21T00_page1.json"].metadata["unit"] == {"name": None, "symbol": None}
    origin = f"{frost.url}{ROOT}/Datastreams%28"
    assert found[f"{first}/2026-11-20T00_page1.json"].origin.replace("(", "%28").startswith(origin)
    assert windows(frost) == [
        "phenomenonTime ge 2026-11-19T17:00:00Z and phenomenonTime lt 2026-11-20T17:00:00Z",
        "phenomenonTime ge 2026-11-20T17:00:00Z and phenomenonTime lt 2026-11-21T17:00:00Z",
    ]


def test_land_feed_takes_the_service_by_its_kind(lake: Lake, frost: Frost) -> None:
    frost.add(7)
    assert land_feed(lake, make_feed(frost), NIGHT, Path()).landed == 3


def test_next_links_are_followed_as_they_are_written(lake: Lake, frost: Frost, land: Land) -> None:
    frost.page_size = 2
    frost.link_tail = "&$resultFormat=a,b+c%2Bd&x=e f"
    for number in range(5):
        frost.add(number)
    frost.measure(3, "2026-11-20T08:00", 1, 2, 3)
    assert counts(land()) == ("ok", 14, 0)
    found = landed(lake)
    assert [name for name in found if name.startswith("Datastreams/")] == [
        "Datastreams/page1.json",
        "Datastreams/page2.json",
        "Datastreams/page3.json",
    ]
    assert results(found["Datastreams(3)/2026-11-20T00_page1.json"]) == [1, 2]
    assert results(found["Datastreams(3)/2026-11-20T00_page2.json"]) == [3]
    followed = [target for target in frost.asked if "$skip=" in target]
    assert len(followed) == 3
    assert all(target.endswith("&$resultFormat=a,b+c%2Bd&x=e%20f") for target in followed)


def test_a_link_inside_an_expanded_entity_is_followed_too(lake: Lake, frost: Frost, land: Land) -> None:
    frost.add(7)
    more = f"{frost.url}{ROOT}/more"
    entity = {
        "@iot.id": 7,
        "Observations": [{"phenomenonTime": "2026-11-20T01:00:00Z", "result": 1}],
        "Observations@iot.nextLink": more,
        "@iot.nextLink": None,
    }
    frost.script["ge 2026-11-19T17"] = [Answer(body=json.dumps(entity).encode(), content_type=JSON)]
    frost.script["/more"] = [Answer(body=b'{"value": [{"result": 2}]}', content_type=JSON)]
    assert counts(land()) == ("ok", 4, 0)
    assert results(landed(lake)["Datastreams(7)/2026-11-20T00_page2.json"]) == [2]


def test_only_pages_that_changed_land_the_next_night(lake: Lake, frost: Frost, land: Land) -> None:
    frost.add(7)
    frost.add(8)
    for number in (7, 8):
        frost.measure(number, "2026-11-20T08:00", 1, 2, 3)
    assert land().landed == 5
    frost.measure(7, "2026-11-20T09:00", 4)
    frost.measure(8, "2026-11-21T08:00", 5)
    assert counts(land("2026-11-22", look_back_days=2)) == ("ok", 4, 3)
    found = landed(lake, "2026-11-22")
    assert list(found) == [
        "Datastreams(7)/2026-11-20T00_page1.json",
        "Datastreams(7)/2026-11-22T00_page1.json",
        "Datastreams(8)/2026-11-21T00_page1.json",
        "Datastreams(8)/2026-11-22T00_page1.json",
    ]
    assert results(found["Datastreams(7)/2026-11-20T00_page1.json"]) == [1, 2, 3, 4]
    assert counts(land("2026-11-22", look_back_days=2)) == ("ok", 0, 7), "a night may be run again"


def test_a_page_changed_back_lands_a_third_time(lake: Lake, frost: Frost, land: Land) -> None:
    frost.add(7)
    for night, result in (("2026-11-20", 1), ("2026-11-21", 2), ("2026-11-22", 1)):
        frost.observations[7] = [("2026-11-20T01:00:00Z", result)]
        land(night, look_back_days=2)
        assert results(landed(lake, night)["Datastreams(7)/2026-11-20T00_page1.json"]) == [result]


def test_a_corrected_unit_lands_the_pages_again(lake: Lake, frost: Frost, land: Land) -> None:
    frost.add(7)
    frost.measure(7, "2026-11-20T08:00", 1)
    land()
    frost.streams[0]["unitOfMeasurement"] = {"name": None, "symbol": "µg/L"}
    assert counts(land("2026-11-21")) == ("ok", 3, 0)
    assert landed(lake)["Datastreams(7)/2026-11-20T00_page1.json"].metadata["unit"]["symbol"] == "µg/L"


def test_an_outage_longer_than_the_look_back_loses_nothing(lake: Lake, frost: Frost, land: Land) -> None:
    frost.add(7)
    assert land("2026-11-10").landed == 3
    frost.measure(7, "2026-11-12T08:00", 1)
    frost.add(9)
    assert counts(land()) == ("ok", 14, 1)
    days = [payload.metadata["day"] for name, payload in landed(lake).items() if name.startswith("Datastreams(7)")]
    assert days == [f"2026-11-{day}" for day in range(11, 22)], "the 10th was asked for again, and is unchanged"
    assert sum(name.startswith("Datastreams(9)") for name in landed(lake)) == 2


def test_filter_token_and_page_size_are_sent(frost: Frost, land: Land, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KCN_STA_TOKEN", "sta-5ee8f0")
    frost.token = "sta-5ee8f0"
    frost.add(7)
    condition = "Thing/properties/owner eq 'KCN & Bắc+Ninh'"
    assert land(token="${KCN_STA_TOKEN}", filter=condition, page_size=50).status == "ok"
    query = parse_qs(urlsplit(frost.asked[0]).query)
    assert (query["$filter"], query["$top"]) == ([condition], ["50"])
    assert query["$expand"] == ["Thing($select=id,name)"]


# ---- faults --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Answer(500, b"out of memory", "text/plain"),
        Answer(429, b"", JSON),
        Answer(429, b"", JSON, {"Retry-After": "7"}),
        Answer(body=b'{"value": [{"res', content_type=JSON, announced=500),
        Answer(body=b'{"value": [', content_type=JSON, is_cut_chunked=True),
        Answer(is_hung_up=True),
    ],
)
def test_passing_faults_are_asked_again(
    lake: Lake, frost: Frost, land: Land, waits: list[float], fault: Answer
) -> None:
    frost.add(7)
    body = b'{"value": [{"phenomenonTime": "2026-11-20T01:00:00Z", "result": 5}]}'
    frost.script["ge 2026-11-19T17"] = [fault, Answer(body=body, content_type=JSON)]
    assert counts(land()) == ("ok", 3, 0)
    assert landed(lake)["Datastreams(7)/2026-11-20T00_page1.json"].content == body
    assert waits == [7.0] if fault.headers else 0.5 <= waits[0] <= 1


def test_an_expired_token_is_named_with_its_variable(
    lake: Lake, frost: Frost, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KCN_STA_TOKEN", "sta-old-1")
    frost.token = "sta-new-2"
    frost.add(7)
    result = land(token="${KCN_STA_TOKEN}")
    assert counts(result) == ("failed", 0, 0)
    assert "list of datastreams failed" in str(result.error)
    assert "check the environment variable KCN_STA_TOKEN" in str(result.error)
    assert "sta-old-1" not in str(result)
    assert "it wants a token" in str(land().error)
    monkeypatch.delenv("KCN_STA_TOKEN")
    assert "KCN_STA_TOKEN is not set" in str(land(token="${KCN_STA_TOKEN}").error)
    assert landed(lake) == {}


def test_a_failing_datastream_is_a_finding_and_the_others_land(lake: Lake, frost: Frost, land: Land) -> None:
    for number in (7, 8, 9):
        frost.add(number)
        frost.measure(number, "2026-11-20T08:00", number)
    frost.script["Datastreams(8)"] = [Answer(500, b"bad partition", "text/plain")]
    result = land()
    assert counts(result) == ("failed", 5, 0)
    (finding,) = result.findings
    assert (finding.rule, finding.name) == ("file_unreadable", "Datastreams(8)/2026-11-20T00_page1.json")
    assert "answers 500: bad partition" in finding.params["detail"]
    frost.script.clear()
    result = land("2026-11-25")
    assert result.status == "ok"
    days = [payload.metadata["day"] for name, payload in landed(lake, "2026-11-25").items() if "(8)" in name]
    assert days == ["2026-11-24", "2026-11-25"], "nothing of it had landed yet, so the look-back holds"


def test_a_day_lands_whole_or_not_at_all_and_is_resumed(lake: Lake, frost: Frost, land: Land) -> None:
    frost.page_size = 2
    frost.add(7)
    land("2026-11-14")
    frost.measure(7, "2026-11-15T08:00", 1)
    frost.measure(7, "2026-11-16T08:00", 1, 2, 3)
    frost.script["$skip=2"] = [Answer(503, b"", JSON)]
    result = land("2026-11-20")
    assert counts(result) == ("failed", 1, 2)
    assert list(landed(lake, "2026-11-20")) == ["Datastreams(7)/2026-11-15T00_page1.json"]
    frost.script.clear()
    assert land("2026-11-21").status == "ok"
    assert list(landed(lake))[:3] == [
        "Datastreams(7)/2026-11-16T00_page1.json",
        "Datastreams(7)/2026-11-16T00_page2.json",
        "Datastreams(7)/2026-11-17T00_page1.json",
    ]


def test_a_dead_service_is_left_alone_after_a_few_streams(frost: Frost, land: Land) -> None:
    for number in range(14):
        frost.add(number)
    frost.script["/Observations"] = [Answer(503, b"", JSON)]
    result = land()
    assert len(frost.asked) == 1 + GIVE_UP_AFTER * 3, "three attempts each"
    assert len(result.findings) == GIVE_UP_AFTER
    assert result.error is not None
    assert result.error.endswith(f"(and {GIVE_UP_AFTER} more, see the findings)"), "the last says what is left"


def test_a_wrongly_answered_day_does_not_stop_the_stream(lake: Lake, frost: Frost, land: Land) -> None:
    frost.add(7)
    frost.script["ge 2026-11-19T17"] = [Answer(body=b'{"error": "no index"}', content_type=JSON)]
    result = land()
    assert counts(result) == ("failed", 2, 0)
    assert "is it SensorThings 1.1?" in str(result.error)
    assert "Datastreams(7)/2026-11-21T00_page1.json" in landed(lake)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(body=b"<html>log in</html>", content_type="text/html"), "answers with text/html"),
        (Answer(body=b'{"value": [', content_type=JSON), "a page is not JSON"),
        (Answer(body=b"[" * 100_000, content_type=JSON), "a page is not JSON"),
        (Answer(body=b"[]", content_type=JSON), "a page is not a JSON object"),
        (Answer(body=b'{"value": [{"name": "COD"}]}', content_type=JSON), "a datastream has no @iot.id"),
        (Answer(body=b'{"value": [], "@iot.nextLink": 5}', content_type=JSON), "is no address"),
        (Answer(body=b'{"value": [], "@iot.nextLink": "http://10.0.0.9/v1.1"}', content_type=JSON), "another server"),
        (Answer(404, b"no such thing", "text/plain"), "answers 404: no such thing"),
    ],
)
def test_a_listing_that_is_none_fails_the_feed(frost: Frost, land: Land, answer: Answer, said: str) -> None:
    frost.script["/Datastreams?"] = [answer]
    result = land()
    assert counts(result) == ("failed", 0, 0)
    assert said in str(result.error)


def test_endless_paging_ends(lake: Lake, frost: Frost, land: Land) -> None:
    frost.add(7)
    target = f"{ROOT}/Datastreams(7)/Observations?{quote('x=1')}"

    def page(number: int, link: str) -> Answer:
        body = {"value": [{"result": number}], "@iot.nextLink": f"{frost.url}{link}"}
        return Answer(body=json.dumps(body).encode(), content_type=JSON)

    frost.script["/Observations"] = [page(1, target), page(2, f"{target}&a"), page(3, target)]
    assert "lead back to an earlier one" in str(land(look_back_days=1).error)
    frost.script["/Observations"] = [page(1, f"{target}{n}") for n in range(9)]
    assert "repeats the page before it" in str(land(look_back_days=1).error)
    frost.script["/Observations"] = [page(n, f"{target}{n}") for n in range(40)]
    assert "more than 4 pages" in str(land(look_back_days=1, max_pages=4).error)
    assert list(landed(lake)) == ["Datastreams/page1.json"]


def test_a_page_that_is_too_large_is_named(frost: Frost, land: Land) -> None:
    frost.add(7)
    frost.measure(7, "2026-11-20T08:00", *range(40))
    result = land(max_file_mb=0.001)
    assert [finding.rule for finding in result.findings] == ["file_too_large"]
    assert result.status == "failed"


def test_halves_of_characters_in_names_are_kept_as_escapes(lake: Lake, frost: Frost, land: Land) -> None:
    body = b'{"value": [{"@iot.id": 7, "name": "pH \\ud83d"}]}'
    frost.script["/Datastreams?"] = [Answer(body=body, content_type=JSON)]
    frost.observations[7] = []
    assert land().status == "ok"
    assert landed(lake)["Datastreams(7)/2026-11-20T00_page1.json"].metadata["datastream_name"] == "pH \\ud83d"


def test_what_landed_is_what_staging_reads(lake: Lake, frost: Frost, land: Land) -> None:
    frost.page_size = 2
    frost.add("a/b", unit={"name": None, "symbol": "µg/L"})
    frost.measure("a/b", "2026-11-20T23:50", "41,3", None, 5)
    land()
    stream = Stream(source="air_network", stream="a/b", station_id="NT01", parameter="cod")
    monitoring = replace(load_contracts().monitoring, streams=(stream,))
    pages = [read_page(page.content, page.metadata, page.name, monitoring) for page in landed(lake).values()]
    assert [unread for page in pages for unread in page.unread] == []
    found = [(str(at)[:16], value) for page in pages for at, value in zip(page.measured_at, page.values, strict=True)]
    assert [at for at, _ in found] == ["2026-11-20T23:50", "2026-11-20T23:55", "2026-11-21T00:00"]
    assert [value for _, value in found] == pytest.approx([0.0413, math.nan, 0.005], nan_ok=True)
