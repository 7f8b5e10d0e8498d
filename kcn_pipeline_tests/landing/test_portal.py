"""The portal: what is landed of what it lists, and that none of its faults loses a report or stops the others."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from kcn_pipeline.contracts.sources import PortalFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import FeedResult, land_feed, store
from kcn_pipeline.landing import portal as portal_module
from kcn_pipeline.landing.http import Patience
from kcn_pipeline.landing.portal import land_portal
from kcn_pipeline.landing.store import Payload, iterate_payloads, read_manifest
from kcn_pipeline_tests.landing.conftest import NIGHT
from kcn_pipeline_tests.landing.portal_server import Answer, PortalServer, serve

OPENAPI = Path(portal_module.__file__).with_name("portal.openapi.yaml")

Land = Callable[..., FeedResult]


@pytest.fixture
def land(lake: Lake, portal_feed: PortalFeed) -> Land:
    """Land the portal's feed without waiting between attempts; keywords change the feed."""

    def run(night: str = NIGHT, **options: Any) -> FeedResult:
        feed = portal_feed.model_copy(update=options)
        return land_portal(lake, feed, night, patience=Patience(attempts=3), sleep=lambda seconds: None)

    return run


def landed(lake: Lake, night: str = NIGHT) -> list[Payload]:
    return list(iterate_payloads(lake, ["board_portal"], night))


def contents(lake: Lake, night: str = NIGHT) -> list[bytes]:
    return [payload.content for payload in landed(lake, night)]


def counts(result: FeedResult) -> tuple[int, int, int, int]:
    return result.landed, result.unchanged, result.duplicates, result.skipped


def listings(portal: PortalServer) -> list[dict[str, list[str]]]:
    """The queries of the listing requests so far."""
    return [parse_qs(urlsplit(path).query) for path, _ in portal.requests if path.startswith("/v1/submissions?")]


def test_submissions_land_oldest_first_over_all_pages(lake: Lake, portal: PortalServer, land: Land) -> None:
    for number in (4, 2, 3, 1, 5):
        portal.submit(number, b"report %d" % number, channel="paper" if number == 2 else "electronic")
    result = land(page_size=2)
    assert result == FeedResult("board_portal", "enterprise_reports", "ok", landed=5, bytes=40)
    payloads = landed(lake)
    assert [p.content for p in payloads] == [b"report %d" % n for n in (1, 2, 3, 4, 5)]
    second = payloads[1]
    assert second.name == "s002/báo cáo 2.xlsx"
    assert second.origin == f"{portal.url}/v1/submissions/s002/file"
    assert second.modified_at == "2026-10-03T09:30:00+07:00"
    assert {key: second.metadata[key] for key in ("channel", "tax_code", "form", "period", "submission_id")} == {
        "channel": "paper",
        "tax_code": "2300000002",
        "form": "A.III.1",
        "period": "2026-Q3",
        "submission_id": "s002",
    }
    assert [query.get("start") for query in listings(portal)] == [None, ["2"], ["4"]]
    assert "since" not in listings(portal)[0]
    assert all(headers["Authorization"] == f"Bearer {portal.token}" for _, headers in portal.requests)


def test_land_feed_takes_the_portal_by_its_kind(lake: Lake, portal: PortalServer, portal_feed: PortalFeed) -> None:
    portal.submit(1, b"report")
    assert land_feed(lake, portal_feed, NIGHT, Path()).landed == 1


def test_a_second_night_asks_from_a_look_back_and_downloads_only_what_is_new(
    lake: Lake, portal: PortalServer, land: Land
) -> None:
    for number in range(3):
        portal.submit(number, b"report %d" % number)
    land()
    portal.submit(7, b"new")
    portal.submissions[1].update(sha256=None, size=None, etag="changed")
    portal.requests.clear()
    result = land("2026-11-22")
    assert counts(result) == (1, 3, 0, 0)
    assert contents(lake, "2026-11-22") == [b"new"]
    assert listings(portal)[0]["since"] == ["2026-09-01T00:00:00Z"], "31 days before 3 October, from the 1st on"
    assert portal.paths() == ["/v1/submissions", "/v1/submissions/s007/file"]


def test_a_replaced_file_lands_again(lake: Lake, portal: PortalServer, land: Land) -> None:
    for number, known in enumerate(({"sha256": None, "size": None}, {"sha256": None}, {}), start=1):
        portal.submit(number, b"before %d" % number, etag="v1", **known)
    land()
    for number in (1, 2, 3):
        item = portal.submissions.pop(0)
        changed = portal.submit(number, b"after %d." % number, etag="v2")
        portal.submissions[-1] = changed | {key: None for key in ("sha256", "size") if item[key] is None}
    assert counts(land("2026-11-22")) == (3, 0, 0, 0)
    assert contents(lake, "2026-11-22") == [b"after 1.", b"after 2.", b"after 3."]
    assert counts(land("2026-11-23")) == (0, 3, 0, 0)


def test_duplicate_ids_and_growing_pages_land_once(lake: Lake, portal: PortalServer, land: Land) -> None:
    item = portal.submit(1, b"report")
    portal.submissions += [dict(item), dict(item)]
    assert counts(land()) == (1, 0, 0, 0)
    assert portal.paths().count("/v1/submissions/s001/file") == 1


def test_the_same_report_sent_twice_is_named_but_a_return_to_it_lands(
    lake: Lake, portal: PortalServer, land: Land
) -> None:
    report = {"tax_code": "2300000001"}
    portal.submit(1, b"first", **report)
    portal.submit(2, b"first", **report)
    result = land()
    assert counts(result) == (1, 0, 1, 0)
    (finding,) = result.findings
    assert (finding.rule, finding.name) == ("duplicate_payload", "s002/báo cáo 2.xlsx")
    assert finding.params["detail"] == "s001/báo cáo 1.xlsx"
    portal.submit(3, b"mistaken", **report)
    portal.submit(4, b"first", **report)
    result = land("2026-11-22")
    assert contents(lake, "2026-11-22") == [b"mistaken", b"first"]


def test_the_channel_of_the_feed_holds_where_the_listing_gives_none(
    lake: Lake, portal: PortalServer, land: Land
) -> None:
    del portal.submit(1, b"report")["channel"]
    land(channel="paper")
    assert landed(lake)[0].metadata["channel"] == "paper"


def test_a_listing_that_did_not_change_is_not_sent_again(lake: Lake, portal: PortalServer, land: Land) -> None:
    portal.offers_etag = True
    portal.submit(1, b"one")
    land()
    portal.submit(2, b"two")
    land("2026-11-22")
    portal.requests.clear()
    result = land("2026-11-23")
    assert portal.requests[0][1]["If-None-Match"].startswith('"')
    assert counts(result) == (0, 0, 0, 0)
    assert portal.paths() == ["/v1/submissions"]
    portal.submit(3, b"three")
    assert counts(land("2026-11-24")) == (1, 2, 0, 0)


def test_an_etag_is_not_trusted_when_something_was_left_out(lake: Lake, portal: PortalServer, land: Land) -> None:
    portal.offers_etag = True
    for number in (1, 2, 3):
        portal.submit(number, b"%d" % number)
    land(page_size=2)
    assert "listing" not in landed(lake)[-1].metadata, "the etag of page 1 says nothing of page 2"
    portal.submit(4, b"4")
    portal.script["/v1/submissions/s004/file"] = [Answer(404)]
    portal.submit(5, b"5")
    assert land("2026-11-22").landed == 1
    del portal.script["/v1/submissions/s004/file"]
    assert land("2026-11-23").landed == 1
    assert "If-None-Match" not in {name for _, headers in portal.requests for name in headers}


# ---- faults of the portal --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "rule", "cause"),
    [
        ([Answer(500, b"boom", "text/plain")], "file_unreadable", "answers 500: boom"),
        ([Answer(404)], "file_unreadable", "answers 404"),
        ([Answer(is_hung_up=True)], "file_unreadable", "cannot be reached"),
        ([Answer(body=b"report", announced=7)], "response_truncated", "/v1/submissions/s002/file "),
        ([Answer(body=b"report", is_cut_chunked=True)], "response_truncated", "broke off"),
        ([Answer(body=b"repor")], "response_truncated", "5 bytes came, 8 were listed"),
        ([Answer(body=b"report X")], "response_truncated", "the sha256 is not the listed one"),
        ([Answer(body=b"report 2", content_type="text/html")], "response_wrong_type", "answers with text/html"),
        ([Answer(body=b"\n<!DOCTYPE HTML>", content_type=None)], "response_wrong_type", "a web page came instead"),
        ([Answer(302, headers={"Location": "file:///etc/passwd"})], "file_unreadable", "not fetched from"),
        ([Answer(401)], "file_unreadable", "check the environment variable KCN_PORTAL_TOKEN"),
    ],
)
def test_a_file_that_cannot_be_had_fails_the_feed_and_the_others_land(
    lake: Lake, portal: PortalServer, land: Land, answers: list[Answer], rule: str, cause: str
) -> None:
    for number in (1, 2, 3):
        portal.submit(number, b"report %d" % number)
    portal.script["/v1/submissions/s002/file"] = answers
    result = land()
    assert (result.status, result.landed) == ("failed", 2)
    (finding,) = result.findings
    assert (finding.rule, finding.name) == (rule, "s002/báo cáo 2.xlsx")
    assert cause in finding.params["detail"]
    assert result.error == f"{finding.name}: {finding.params['detail']}"
    assert contents(lake) == [b"report 1", b"report 3"]
    del portal.script["/v1/submissions/s002/file"]
    assert counts(land("2026-11-22")) == (1, 2, 0, 0)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_passing_fault_of_the_portal_is_not_seen(portal: PortalServer, land: Land, status: int) -> None:
    portal.submit(1, b"report")
    body = json.dumps({"items": portal.submissions, "next": None}).encode()
    portal.script["/v1/submissions"] = [Answer(status), Answer(body=body, content_type="application/json")]
    portal.script["/v1/submissions/s001/file"] = [Answer(status), Answer(status), Answer(body=b"report")]
    result = land()
    assert (result.status, result.landed) == ("ok", 1)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (Answer(500), "answers 500"),
        (Answer(401), "denies access (401); the token may have expired: check the environment variable KCN_PORTAL_TO"),
        (Answer(200, b"<html>", "text/html"), "answers with text/html"),
        (Answer(200, b"{", "application/json"), "a page is not JSON"),
        (Answer(200, b"\xff\xfe\x00", "application/json"), "a page is not JSON"),
        (Answer(200, b"[]", "application/json"), "a page has no list `items`"),
        (Answer(200, b'{"items": {}, "next": null}', "application/json"), "a page has no list `items`"),
        (Answer(200, b'{"items": [], "next": 2}', "application/json"), "the `next` of a page is neither"),
        (Answer(200, b'{"items": [], "next": "http://[x"}', "application/json"), "its next page is on another server"),
        (Answer(200, b'{"items"', "application/json", announced=99), "/v1/submissions "),
    ],
)
def test_a_listing_that_cannot_be_had_fails_with_its_cause(
    lake: Lake, portal: PortalServer, land: Land, answer: Answer, cause: str
) -> None:
    portal.script["/v1/submissions"] = [answer]
    result = land()
    assert result.status == "failed"
    assert str(result.error).startswith("the listing of submissions failed: ")
    assert cause in str(result.error)
    assert lake.packs() == []


def page(portal: PortalServer, items: list[Any], following: str | None) -> Answer:
    return Answer(body=json.dumps({"items": items, "next": following}).encode(), content_type="application/json")


def test_a_next_page_elsewhere_is_not_asked_for(lake: Lake, portal: PortalServer, land: Land) -> None:
    with serve() as other:
        for elsewhere in (f"{other.url}/v1/submissions", f"http://{urlsplit(portal.url).netloc}@evil.example.vn/v1"):
            item = portal.submit(1, b"report")
            portal.script["/v1/submissions"] = [page(portal, [item], elsewhere)]
            result = land()
            assert result.status == "failed"
            assert "its next page is on another server: http://" in str(result.error)
        assert other.requests == []
    assert contents(lake) == [b"report"]


@pytest.mark.parametrize("following", ["/v1/submissions?page_size=100", "/v1/other?page=1"])
def test_endless_paging_ends(lake: Lake, portal: PortalServer, land: Land, following: str) -> None:
    item = portal.submit(1, b"report")
    portal.script["/v1/submissions"] = [page(portal, [item], following)]
    portal.script["/v1/other"] = [page(portal, [], following)]
    result = land()
    assert (result.status, result.landed) == ("failed", 1)
    assert "its pages lead back to an earlier one" in str(result.error)
    assert len(portal.requests) <= 4


def test_paging_without_end_stops_at_the_limit(portal: PortalServer, land: Land) -> None:
    answers = [page(portal, [], f"/v1/submissions?page={number}") for number in range(50)]
    portal.script["/v1/submissions"] = answers
    result = land(max_pages=7)
    assert result.status == "failed"
    assert "it has more than 7 pages; raise `page_size`" in str(result.error)
    assert len(portal.requests) == 7


@pytest.mark.parametrize(
    ("spoilt", "fields"),
    [
        ({"id": None}, "id"),
        ({"tax_code": 2300000001}, "tax_code"),
        ({"file_url": "", "form": " "}, "form, file_url"),
        ({"submitted_at": "2026-10-03T09:30:00"}, "submitted_at"),
        ({"submitted_at": "hôm qua"}, "submitted_at"),
        ({"channel": "email"}, "channel"),
        ({"size": "8", "etag": 1, "sha256": []}, "sha256, etag, size"),
    ],
)
def test_an_incomplete_submission_is_named_and_the_others_land(
    lake: Lake, portal: PortalServer, land: Land, spoilt: dict[str, Any], fields: str
) -> None:
    portal.submit(1, b"report 1").update(spoilt)
    portal.submit(2, b"report 2")
    portal.submissions.append("no item")  # type: ignore[arg-type]
    portal.script["/v1/submissions"] = [page(portal, portal.submissions, None)]
    result = land()
    assert (result.status, result.landed) == ("failed", 1)
    assert [(f.rule, f.params) for f in result.findings] == [
        ("submission_incomplete", {"detail": fields}),
        ("submission_incomplete", {"detail": "the item itself"}),
    ]
    assert result.findings[0].name == ("s001" if "id" not in spoilt else "a submission without id")
    assert f"the listing lacks or misstates {fields}" in str(result.error)


def test_a_large_file_is_left_aside(lake: Lake, portal: PortalServer, land: Land) -> None:
    portal.submit(1, b"x" * 100_001)
    portal.submit(2, b"y" * 100_001, size=None)
    portal.submit(3, b"report")
    result = land()
    assert (result.status, *counts(result)) == ("ok", 1, 0, 0, 2)
    assert [f.rule for f in result.findings] == ["file_too_large"] * 2
    assert result.findings[0].params == {"found": "0.1 MB", "expected": "0.1 MB"}
    assert "/v1/submissions/s001/file" not in portal.paths()


def test_a_portal_that_is_down_is_left_alone(
    lake: Lake, portal: PortalServer, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal_module, "GIVE_UP_AFTER", 3)
    for number in range(1, 10):
        portal.submit(number, b"report %d" % number)
        portal.script[f"/v1/submissions/s{number:03d}/file"] = [Answer(404 if number < 5 else 500)]
    result = land()
    assert result.landed == 0
    assert len(result.findings) == 7, "four that are missing, three at which the server failed"
    assert len(portal.requests) == 1 + 4 + 3 * 3
    portal.script.clear()
    assert land("2026-11-22").landed == 9


# ---- nothing is lost -------------------------------------------------------------------------------------------------


def day(text: str) -> dict[str, str]:
    return {"submitted_at": f"{text}T09:30:00+07:00"}


def test_a_file_that_fails_for_months_is_asked_for_every_night(lake: Lake, portal: PortalServer, land: Land) -> None:
    portal.submit(1, b"old", **day("2026-01-10"))
    portal.submit(2, b"failing", **day("2026-02-10"))
    portal.submit(3, b"large" * 30_000, **day("2026-02-11"))
    portal.submit(4, b"new", **day("2026-11-10"))
    portal.script["/v1/submissions/s002/file"] = [Answer(404)]
    assert counts(land("2026-11-21")) == (2, 0, 0, 1)
    portal.submit(5, b"newer", **day("2026-11-20"))
    for night in ("2026-11-22", "2026-11-23"):
        result = land(night)
        assert {f.rule for f in result.findings} == {"file_unreadable", "file_too_large"}
        assert listings(portal)[-1]["since"] == ["2026-01-01T00:00:00Z"]
    del portal.script["/v1/submissions/s002/file"]
    assert land("2026-11-24", max_file_mb=1.0).landed == 2
    land("2026-11-25")
    assert listings(portal)[-1]["since"] == ["2026-10-01T00:00:00Z"], "nothing is missing any more"
    assert read_manifest(lake).num_rows == 5


def test_a_fault_after_the_last_landed_file_is_not_forgotten(lake: Lake, portal: PortalServer, land: Land) -> None:
    portal.submit(1, b"newest", **day("2026-11-10"))
    land("2026-11-21")
    portal.submit(2, b"late", **day("2026-10-15"))
    portal.submit(3, b"later", **day("2026-10-16"))
    portal.script["/v1/submissions/s003/file"] = [Answer(404)]
    assert land("2026-11-22").landed == 1
    portal.script.clear()
    assert land("2026-11-23").landed == 1


def test_a_broken_listing_does_not_hide_what_it_did_not_show(lake: Lake, portal: PortalServer, land: Land) -> None:
    newest = portal.submit(1, b"newest", **day("2026-11-10"))
    portal.script["/v1/submissions"] = [page(portal, [newest], "/v1/more")]
    portal.script["/v1/more"] = [Answer(500)]
    assert (land().status, len(landed(lake))) == ("failed", 1)
    portal.submit(2, b"old", **day("2024-01-10"))
    portal.script.clear()
    assert counts(land("2026-11-22")) == (1, 1, 0, 0)
    assert "since" not in listings(portal)[-1]


def test_a_run_cut_short_is_taken_up_where_it_stopped(
    lake: Lake, portal: PortalServer, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PACK_PAYLOADS", 2)
    for number in range(1, 7):
        portal.submit(number, b"report %d" % number, **day(f"2026-{number:02d}-15"))
    write_pack = lake.write_pack
    written: list[Path] = []

    def write_once(*args: Any) -> Path:
        if written:
            raise OSError(28, "No space left on device")
        written.append(write_pack(*args))
        return written[-1]

    monkeypatch.setattr(lake, "write_pack", write_once)
    with pytest.raises(OSError, match="No space left"):
        land()
    monkeypatch.setattr(lake, "write_pack", write_pack)
    assert counts(land()) == (4, 2, 0, 0)
    assert contents(lake) == [b"report %d" % number for number in range(1, 7)]


def test_a_stamp_in_the_future_does_not_hide_the_present(lake: Lake, portal: PortalServer, land: Land) -> None:
    portal.submit(1, b"from the future", submitted_at="2999-01-01T00:00:00Z")
    land()
    today = datetime.now(UTC)
    portal.submit(2, b"today", submitted_at=(today - timedelta(days=1)).isoformat())
    assert counts(land("2026-11-22")) == (1, 1, 0, 0)


def test_a_submission_of_an_impossible_time_is_no_crash(lake: Lake, portal: PortalServer, land: Land) -> None:
    portal.submit(1, b"ancient", submitted_at="0001-01-01T00:00:00+14:00")
    assert land().landed == 1
    assert land("2026-11-22").unchanged == 1


# ---- secrets and contract --------------------------------------------------------------------------------------------


def test_secrets_never_leave_the_run(
    lake: Lake, portal: PortalServer, land: Land, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    echo = f"no access for {portal.token} at http://kcn:{portal.token}@host/f?token={portal.token[:9]}".encode()
    portal.submit(1, b"report 1", etag=f'"{portal.token}"')
    portal.submit(2, b"report 2", file_name=f"{portal.token}.xlsx")
    portal.submit(3, b"report 3")["file_url"] += f"?access_token={portal.token}"
    portal.submit(4, b"report 4", tax_code="")["id"] = portal.token
    portal.submit(5, b"report 5")
    portal.script["/v1/submissions/s001/file"] = [Answer(500, echo, "text/plain")]
    portal.script["/v1/submissions/s005/file"] = [Answer(418, echo, "text/plain")]
    result = land()
    assert result.landed == 2
    assert portal.token not in repr(result)
    assert portal.token[:9] not in repr(result)
    assert "${KCN_PORTAL_TOKEN}" in repr(result.findings)
    assert portal.token not in str(read_manifest(lake).to_pylist())
    portal.script["/v1/submissions"] = [Answer(500, echo, "text/plain")]
    assert portal.token[:9] not in repr(land("2026-11-22"))
    assert portal.token not in caplog.text + "".join(capfd.readouterr())


def test_a_missing_token_is_named(land: Land, portal: PortalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KCN_PORTAL_TOKEN")
    result = land()
    assert result.status == "failed"
    assert result.error == "environment variable KCN_PORTAL_TOKEN is not set; set it where the refresh runs"
    assert portal.requests == []


def test_a_file_on_another_host_is_asked_without_the_token(lake: Lake, portal: PortalServer, land: Land) -> None:
    with serve() as other:
        other.script["/bucket/file"] = [Answer(body=b"report")]
        portal.submit(1, b"report", file_url=f"{other.url}/bucket/file?X-Amz-Signature=abc")
        assert land().landed == 1
        assert "Authorization" not in other.requests[0][1]
        assert landed(lake)[0].origin == f"{other.url}/bucket/file"


def check(value: Any, schema: dict[str, Any], schemas: dict[str, Any], place: str = "answer") -> list[str]:
    """What in a value does not agree with a schema of the OpenAPI file, as far as types, fields and enums go."""
    if "$ref" in schema:
        return check(value, schemas[schema["$ref"].rpartition("/")[2]], schemas, place)
    python = {"object": dict, "array": list, "string": str, "integer": int, "null": type(None)}
    allowed = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not isinstance(value, tuple(python[name] for name in allowed)):
        return [f"{place} is no {allowed}"]
    wrong = [f"{place} is not in the enum" for _ in [0] if "enum" in schema and value not in schema["enum"]]
    if isinstance(value, list):
        wrong += [each for item in value for each in check(item, schema["items"], schemas, f"{place}[]")]
    if isinstance(value, dict):
        wrong += [f"{place} lacks {name}" for name in schema["required"] if name not in value]
        wrong += [f"{place}.{name} is unknown" for name in value if name not in schema["properties"]]
        for name in value.keys() & schema["properties"].keys():
            wrong += check(value[name], schema["properties"][name], schemas, f"{place}.{name}")
    return wrong


def test_the_portal_of_these_tests_keeps_the_published_contract(portal: PortalServer, land: Land) -> None:
    openapi = yaml.safe_load(OPENAPI.read_text(encoding="utf-8"))
    assert openapi["openapi"].startswith("3.1")
    portal.offers_etag = True
    portal.submit(1, b"one")
    portal.submit(2, b"two", sha256=None, etag="v1", channel=None)
    headers = {"Authorization": f"Bearer {portal.token}"}
    operation = openapi["paths"]["/v1/submissions"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    for query in ("page_size=1", "page_size=9"):
        answer = portal.answer(f"/v1/submissions?{query}", headers)
        assert check(json.loads(answer.body), schema, openapi["components"]["schemas"]) == []
        assert set(answer.headers) <= set(operation["responses"]["200"]["headers"])
    assert str(portal.answer("/v1/submissions", {}).status) in operation["responses"]
    assert check({"items": [{"id": 1}], "next": None}, schema, openapi["components"]["schemas"]) != []
    land()
    land()
    offered = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"}
    assert {name for query in listings(portal) for name in query} == offered


def test_the_published_contract_asks_for_what_the_code_needs() -> None:
    schema = yaml.safe_load(OPENAPI.read_text(encoding="utf-8"))["components"]["schemas"]["Submission"]
    assert set(schema["required"]) == set(portal_module._TEXT_FIELDS)
    assert set(schema["properties"]) == set(portal_module.Submission.__dataclass_fields__)
