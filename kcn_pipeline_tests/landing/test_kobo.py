"""KoboToolbox: forms are followed exactly over the nights, and no fault of the server looks like a deletion."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.contracts.sources import KoboFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import FeedResult, find_payloads, land_feed
from kcn_pipeline.landing.http import Patience
from kcn_pipeline.landing.kobo import land_kobo
from kcn_pipeline.landing.store import Payload, iterate_payloads
from kcn_pipeline_tests.landing.kobo_server import JSON, KoboServer, Row, serve_kobo
from kcn_pipeline_tests.landing.portal_server import Answer

FORM = "aGAcvhamUDuDTtbkyeikbD"
OTHER = "aXyz123"
NIGHTS = [f"2026-11-{day}" for day in range(21, 30)]
NIGHT = NIGHTS[0]

Land = Callable[..., FeedResult]


@pytest.fixture
def kobo(monkeypatch: pytest.MonkeyPatch) -> Iterator[KoboServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with serve_kobo() as server:
        monkeypatch.setenv("KCN_KOBO_TOKEN", server.token)
        yield server


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def land(lake: Lake, kobo: KoboServer, waits: list[float]) -> Land:
    """Land the form without waiting between attempts; keywords change the feed."""

    def run(night: str = NIGHT, **options: Any) -> FeedResult:
        return land_kobo(lake, make_feed(kobo, **options), night, patience=Patience(attempts=3), sleep=waits.append)

    return run


def make_feed(kobo: KoboServer, **options: Any) -> KoboFeed:
    fields = {
        "id": "rating_forms",
        "kind": "survey/kobo",
        "url": kobo.url,
        "token": "${KCN_KOBO_TOKEN}",
        "forms": (FORM,),
        "timeout_s": 5.0,
    }
    return KoboFeed(**(fields | options))


def submit(kobo: KoboServer, count: int, uid: str = FORM, **answers: str) -> list[int]:
    return [kobo.submit(uid, rating__mg01_necessity=str(n % 5 + 1), **answers)["_id"] for n in range(count)]


def landed(lake: Lake, night: str = NIGHT) -> list[Payload]:
    return list(iterate_payloads(lake, ["rating_forms"], night))


def names(lake: Lake, night: str = NIGHT, uid: str = FORM) -> list[str]:
    return [payload.name.removeprefix(f"{uid}/") for payload in landed(lake, night)]


def rows(payload: Payload) -> list[Row]:
    return list(json.loads(payload.content)["results"])


def counts(result: FeedResult) -> tuple[str, int, int]:
    return result.status, result.landed, result.unchanged


def follow(lake: Lake, uid: str = FORM) -> dict[int, Row]:
    """What is known of a form from everything that landed: the newest data, of what the newest listing names."""
    newest: dict[int, Row] = {}
    listings: dict[int, dict[int, Row]] = {}
    for night in sorted({pack.parent.name.removeprefix("night=") for pack in lake.packs("rating_forms")}):
        for payload in landed(lake, night):
            if payload.metadata["form"] != uid:
                continue
            if payload.metadata["part"] == "data":
                newest.update({row["_id"]: row for row in rows(payload)})
            else:
                listing = listings.setdefault(payload.metadata["sweep"], {})
                listing.update({row["_id"]: row for row in rows(payload)})
    listed = listings[max(listings)]
    return {
        number: newest[number] | {"_validation_status": row["_validation_status"]} for number, row in listed.items()
    }


def asked(kobo: KoboServer, what: str) -> int:
    return sum(what in target for target in kobo.asked)


# ---- night by night ------------------------------------------------------------------------------------------------


def test_a_form_of_2500_submissions_is_followed_over_the_nights(lake: Lake, kobo: KoboServer, land: Land) -> None:
    ids = submit(kobo, 2500, identity__name="Nguyễn Văn Mẫu")
    assert counts(land(NIGHTS[0], page_size=1000)) == ("ok", 6, 0)
    data, listing = [f"data-{n}.json" for n in (1, 2, 3)], [f"listing-{n}.json" for n in (1, 2, 3)]
    assert names(lake) == data + listing, "the listing lands last"
    assert len(kobo.asked) == 6
    assert follow(lake) == kobo.forms[FORM]

    assert counts(land(NIGHTS[1])) == ("ok", 0, 3)
    assert lake.packs("rating_forms", NIGHTS[1]) == []

    kobo.edit(FORM, ids[0], rating__mg01_necessity="1")
    kobo.edit(FORM, ids[1700], rating__mg01_necessity="2")
    kobo.delete(FORM, ids[3])
    kobo.delete(FORM, ids[2499])
    kobo.approve(FORM, ids[9])
    kobo.redeploy(FORM, "vBbb2")
    new = submit(kobo, 200, rating__mg02_clarity="5")
    assert counts(land(NIGHTS[2])) == ("ok", 5, 0)
    first, second, *_ = landed(lake, NIGHTS[2])
    assert {row["_id"] for page in (first, second) for row in rows(page)} == {ids[0], ids[1700], *new}
    assert follow(lake) == kobo.forms[FORM]
    assert {row["__version__"] for row in follow(lake).values()} == {"vAaa1", "vBbb2"}

    kobo.approve(FORM, ids[9], "validation_status_not_approved")
    assert counts(land(NIGHTS[3])) == ("ok", 3, 0)
    assert names(lake, NIGHTS[3]) == listing, "an approval is no new content"
    assert follow(lake) == kobo.forms[FORM]

    kobo.delete(FORM, new[-1])
    assert counts(land(NIGHTS[4])) == ("ok", 3, 0)
    assert follow(lake) == kobo.forms[FORM]
    assert counts(land(NIGHTS[4])) == ("ok", 0, 3), "a night may be run again"


@pytest.mark.parametrize("ignored", [(), ("fields",), ("query",), ("sort",), ("fields", "query", "sort")])
def test_any_server_is_followed_through_any_nights(
    lake: Lake, kobo: KoboServer, land: Land, ignored: tuple[str, ...]
) -> None:
    kobo.page_limit, kobo.ignores = 7, set(ignored)
    chance = random.Random(4)
    submit(kobo, 40)
    for night in NIGHTS:
        assert land(night).status == "ok"
        assert follow(lake) == kobo.forms[FORM]
        for number in chance.sample(sorted(kobo.forms[FORM]), 6):
            chance.choice([kobo.delete, kobo.edit, kobo.approve, kobo.edit])(FORM, number)
        submit(kobo, chance.choice([0, 1, 30]), note=night)


def test_what_landed_says_where_it_is_from(lake: Lake, kobo: KoboServer, land: Land) -> None:
    first, second = submit(kobo, 2)
    kobo.attach(FORM, second, "chữ ký.png")
    result = land()
    assert result.bytes == sum(payload.size for payload in landed(lake))
    data, listing = landed(lake)
    assert data.metadata == {
        "kind": "survey/kobo",
        "source": "rating_forms",
        "topic": "survey",
        "form": FORM,
        "part": "data",
        "sweep": 1,
        "page": 1,
        "pages": 1,
        "submissions": 2,
        "attachments": 1,
        "holds_personal_data": True,
    }
    assert listing.metadata == {**data.metadata, "part": "listing"}
    assert data.origin == f"{kobo.url}/api/v2/assets/{FORM}/data.json"
    assert rows(data) == [kobo.forms[FORM][first], kobo.forms[FORM][second]], "as it came"
    assert sorted(rows(listing)[0]) == sorted(
        ["_id", "_uuid", "meta/rootUuid", "_validation_status", "__version__", "_attachments"]
    )
    assert [found.holds_personal_data for found in find_payloads(lake, "listing-1.json")] == [True]
    assert asked(kobo, "attachments/") == 0, "attachments are counted, never fetched"
    kobo.edit(FORM, first)
    land(NIGHTS[1])
    assert [payload.metadata["sweep"] for payload in landed(lake, NIGHTS[1])] == [2, 2]


def test_a_late_attachment_is_a_new_content(lake: Lake, kobo: KoboServer, land: Land) -> None:
    first, *_ = submit(kobo, 3)
    land()
    kobo.attach(FORM, first, "anh.jpg")
    assert counts(land(NIGHTS[1])) == ("ok", 2, 0)
    assert [row["_id"] for row in rows(landed(lake, NIGHTS[1])[0])] == [first]


def test_land_feed_takes_forms_by_their_kind(lake: Lake, kobo: KoboServer) -> None:
    submit(kobo, 1)
    assert land_feed(lake, make_feed(kobo), NIGHT, Path()).landed == 2


def test_forms_are_kept_apart(lake: Lake, kobo: KoboServer, land: Land) -> None:
    submit(kobo, 3)
    submit(kobo, 2, uid=OTHER)
    assert counts(land(forms=(FORM, OTHER))) == ("ok", 4, 0)
    kobo.delete(OTHER, next(iter(kobo.forms[OTHER])))
    assert counts(land(NIGHTS[1], forms=(FORM, OTHER))) == ("ok", 1, 1)
    assert follow(lake) == kobo.forms[FORM]
    assert follow(lake, OTHER) == kobo.forms[OTHER]


def test_a_form_that_nobody_filled_in_yet_lands_nothing(lake: Lake, kobo: KoboServer, land: Land) -> None:
    kobo.forms[FORM] = {}
    assert counts(land()) == ("ok", 0, 1)
    assert landed(lake) == []


def test_a_night_before_others_is_compared_with_what_landed_last(lake: Lake, kobo: KoboServer, land: Land) -> None:
    first, *_ = submit(kobo, 4)
    land(NIGHTS[5])
    kobo.edit(FORM, first)
    assert counts(land(NIGHTS[2])) == ("ok", 2, 0)
    assert counts(land(NIGHTS[6])) == ("ok", 0, 1)


def test_many_changes_among_more_submissions_are_asked_for_by_id(lake: Lake, kobo: KoboServer, land: Land) -> None:
    ids = submit(kobo, 900)
    land()
    for number in ids[:400]:
        kobo.edit(FORM, number)
    kobo.asked.clear()
    assert land(NIGHTS[1]).status == "ok"
    assert asked(kobo, '"$in"') == 3
    assert max(len(target) for target in kobo.asked) < 2_500, "servers cut long addresses"
    assert follow(lake) == kobo.forms[FORM]


def test_a_server_that_ignores_query_is_asked_by_id_only_once(lake: Lake, kobo: KoboServer, land: Land) -> None:
    kobo.page_limit, kobo.ignores = 100, {"query"}
    ids = submit(kobo, 500)
    land()
    for number in (*ids[:80], *ids[320:400]):
        kobo.edit(FORM, number)
    kobo.asked.clear()
    assert land(NIGHTS[1]).status == "ok"
    assert (asked(kobo, '"$in"'), asked(kobo, '"$lte"')) == (1, 5)
    assert names(lake, NIGHTS[1])[:3] == ["data-1.json", "data-2.json", "listing-1.json"], "pages with nothing new stay"
    assert follow(lake) == kobo.forms[FORM]


# ---- forms that change while they are read -------------------------------------------------------------------------


def test_a_listing_that_loses_a_submission_between_pages_is_refused(lake: Lake, kobo: KoboServer, land: Land) -> None:
    kobo.page_limit = 10
    ids = submit(kobo, 30)
    kobo.before = lambda number: kobo.delete(FORM, ids[2]) if number == 2 else None
    result = land()
    assert counts(result) == ("failed", 0, 0)
    said = (
        "its pages hold 29 submissions, but the first says there are 30 and the last 29: it changed while it was read"
    )
    assert f"{FORM}: {said}" in str(result.error)
    assert [(finding.rule, finding.name) for finding in result.findings] == [("file_unreadable", FORM)]
    assert landed(lake) == []
    assert counts(land()) == ("ok", 6, 0)
    assert follow(lake) == kobo.forms[FORM]


def test_a_loss_that_the_count_does_not_show_is_no_deletion(lake: Lake, kobo: KoboServer, land: Land) -> None:
    kobo.page_limit = 10
    ids = submit(kobo, 30)
    land()

    def swap(number: int) -> None:
        if number == 2:
            kobo.delete(FORM, ids[2])
            submit(kobo, 1)

    kobo.asked.clear()
    kobo.before = swap
    result = land(NIGHTS[1])
    assert counts(result) == ("failed", 0, 0)
    assert "it changed while it was read" in str(result.error)
    assert land(NIGHTS[2]).status == "ok"
    assert follow(lake) == kobo.forms[FORM]


def test_a_deletion_is_believed_while_others_hand_in(lake: Lake, kobo: KoboServer, land: Land) -> None:
    kobo.page_limit = 10
    ids = submit(kobo, 30)
    land()
    kobo.delete(FORM, ids[2])
    before = dict(kobo.forms[FORM])
    kobo.asked.clear()
    kobo.before = lambda number: submit(kobo, 1) and None if number > 3 else None
    assert land(NIGHTS[1]).status == "ok"
    assert asked(kobo, "start=0") == 2, "the listing is read twice before a deletion is believed"
    assert follow(lake) == before


def test_what_is_handed_in_meanwhile_waits_for_the_next_night(lake: Lake, kobo: KoboServer, land: Land) -> None:
    kobo.page_limit = 10
    submit(kobo, 30)
    before = dict(kobo.forms[FORM])
    kobo.before = lambda number: submit(kobo, 1) and None if number > 3 else None
    assert land().status == "ok"
    assert follow(lake) == before
    kobo.before = lambda number: None
    assert land(NIGHTS[1]).status == "ok"
    assert follow(lake) == kobo.forms[FORM]


def test_a_listing_that_only_grew_is_whole(lake: Lake, kobo: KoboServer, land: Land) -> None:
    kobo.page_limit = 10
    submit(kobo, 25)
    kobo.before = lambda number: submit(kobo, 1) and None if number == 2 else None
    assert land().status == "ok"
    assert len(follow(lake)) == 26


@pytest.mark.parametrize("change", ["edit", "delete"])
@pytest.mark.parametrize("ignored", [(), ("query",)])
def test_a_change_between_listing_and_data_is_refused(
    lake: Lake, kobo: KoboServer, land: Land, change: str, ignored: tuple[str, ...]
) -> None:
    kobo.ignores = set(ignored)
    ids = submit(kobo, 10)
    land()
    kobo.edit(FORM, ids[4])
    kobo.asked.clear()
    kobo.before = lambda number: getattr(kobo, change)(FORM, ids[4]) if number == 2 else None
    assert counts(land(NIGHTS[1])) == ("failed", 0, 0)
    assert landed(lake, NIGHTS[1]) == []
    kobo.before = lambda number: None
    assert land(NIGHTS[2]).status == "ok"
    assert follow(lake) == kobo.forms[FORM]


def test_data_of_what_was_not_listed_is_refused(lake: Lake, kobo: KoboServer, land: Land) -> None:
    kobo.ignores = {"query"}
    submit(kobo, 10)
    kobo.before = lambda number: submit(kobo, 1) and None if number == 2 else None
    assert "it changed while it was read" in str(land().error)
    assert landed(lake) == []


def test_a_listing_that_hides_the_root_is_refused(lake: Lake, kobo: KoboServer, land: Land) -> None:
    submit(kobo, 3)
    kobo.withholds = {"meta/rootUuid"}
    assert land().status == "failed", "an edited submission would look like another one"
    assert landed(lake) == []


def test_a_form_that_is_suddenly_empty_is_not_believed(lake: Lake, kobo: KoboServer, land: Land) -> None:
    submit(kobo, 12)
    land()
    kept, kobo.forms[FORM] = kobo.forms[FORM], {}
    result = land(NIGHTS[1])
    assert counts(result) == ("failed", 0, 0)
    assert "it lists no submission where 12 were listed before; check that the token's user" in str(result.error)
    kobo.forms[FORM] = kept
    assert counts(land(NIGHTS[2])) == ("ok", 0, 1)
    kobo.forms[FORM] = {}
    submit(kobo, 1)
    assert land(NIGHTS[3]).status == "ok"
    assert follow(lake) == kobo.forms[FORM]


# ---- faults --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Answer(500, b"out of memory", "text/plain"),
        Answer(429, b"", JSON),
        Answer(429, b"", JSON, {"Retry-After": "7"}),
        Answer(body=b'{"count": 3, "res', content_type=JSON, announced=500),
        Answer(body=b'{"count": 3', content_type=JSON, is_cut_chunked=True),
        Answer(is_hung_up=True),
    ],
)
@pytest.mark.parametrize("part", ["fields=", "query="])
def test_passing_faults_are_asked_again(
    lake: Lake, kobo: KoboServer, land: Land, waits: list[float], fault: Answer, part: str
) -> None:
    submit(kobo, 3)
    kobo.script[part] = [fault, None]
    assert counts(land()) == ("ok", 2, 0)
    assert follow(lake) == kobo.forms[FORM]
    assert waits == [7.0] if fault.headers else 0.5 <= waits[0] <= 1


def test_a_form_lands_whole_or_not_at_all(lake: Lake, kobo: KoboServer, land: Land) -> None:
    kobo.page_limit = 10
    submit(kobo, 30)
    submit(kobo, 3, uid=OTHER)
    kobo.script["start=20"] = [None, Answer(503, b"", JSON)]
    result = land(forms=(FORM, OTHER))
    assert counts(result) == ("failed", 2, 0), "the other form lands all the same"
    assert {payload.metadata["form"] for payload in landed(lake)} == {OTHER}
    assert asked(kobo, "query=") > 1, "it broke while data was fetched"
    kobo.script.clear()
    assert counts(land(NIGHTS[1], forms=(FORM, OTHER))) == ("ok", 6, 1)
    assert follow(lake) == kobo.forms[FORM]


def test_a_run_that_dies_while_writing_leaves_nothing_behind(
    lake: Lake, kobo: KoboServer, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = submit(kobo, 5)
    land()
    kobo.edit(FORM, ids[0])

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("kcn_pipeline.lake.os.fsync", no_space)
        with pytest.raises(OSError, match="No space left"):
            land(NIGHTS[1])
    assert landed(lake, NIGHTS[1]) == []
    assert counts(land(NIGHTS[1])) == ("ok", 2, 0)
    assert follow(lake) == kobo.forms[FORM]


def test_an_expired_token_is_named_with_its_variable(
    lake: Lake, kobo: KoboServer, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(kobo, 2)
    land()
    old, kobo.token = kobo.token, "renewed-on-the-server"
    result = land(NIGHTS[1])
    assert counts(result) == ("failed", 0, 0)
    assert "denies access (401)" in str(result.error)
    assert "check the environment variable KCN_KOBO_TOKEN" in str(result.error)
    assert old not in str(result)
    monkeypatch.setenv("KCN_KOBO_TOKEN", kobo.token)
    assert counts(land(NIGHTS[1])) == ("ok", 0, 1)
    monkeypatch.delenv("KCN_KOBO_TOKEN")
    assert "KCN_KOBO_TOKEN is not set" in str(land(NIGHTS[2]).error)


def test_a_form_that_is_not_there_does_not_stop_the_others(lake: Lake, kobo: KoboServer, land: Land) -> None:
    submit(kobo, 2)
    result = land(forms=("aGone", FORM))
    assert counts(result) == ("failed", 2, 0)
    assert 'aGone/data.json answers 404: {"detail": "Not found."}; check its uid under `forms`' in str(result.error)
    assert names(lake) == ["data-1.json", "listing-1.json"]


def body(**page: Any) -> Answer:
    whole = {"count": 1, "next": None, "results": [{"_id": 1, "_uuid": "u"}]} | page
    return Answer(body=json.dumps(whole).encode(), content_type=JSON)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(body=b"<html>log in</html>", content_type="text/html"), "answers with text/html"),
        (Answer(body=b'{"results": [', content_type=JSON), "a page is not JSON"),
        (Answer(body=b"[]", content_type=JSON), "a page is not a JSON object"),
        (Answer(400, b'["Unsupported query"]', JSON), "Unsupported query"),
        (body(results={}), "has no list `results` or no `count`; is it the API v2 of KoboToolbox?"),
        (body(results=["x"]), "no `_id` or no `_uuid`"),
        (body(results=[{"_id": "1", "_uuid": "u"}]), "no `_id` or no `_uuid`"),
        (body(results=[{"_id": 1, "_uuid": None}]), "no `_id` or no `_uuid`"),
        (body(results=[{"_id": 1, "_uuid": "u"}] * 2, count=2), "pages hold 1 submissions"),
        (body(count=2), "pages hold 1 submissions, but the first says there are 2"),
        (body(count=None), "or no `count`"),
        (body(next=5), "neither an address nor null"),
        (body(next="http://10.0.0.9/api/v2"), "next page is on another server, http://10.0.0.9/api/v2;"),
        (body(next="http://[::1/api"), "next page is on another server"),
    ],
)
def test_a_page_that_is_none_fails_the_form(
    lake: Lake, kobo: KoboServer, land: Land, answer: Answer, said: str
) -> None:
    kobo.script["/data.json"] = [answer]
    result = land()
    assert counts(result) == ("failed", 0, 0)
    assert said in str(result.error)
    assert landed(lake) == []


def test_endless_paging_ends(lake: Lake, kobo: KoboServer, land: Land) -> None:
    kobo.script["/data.json"] = [body(next="/data.json?start=1"), body(next="?start=2"), body(next="?start=1")]
    assert "lead back to an earlier one" in str(land().error)
    kobo.script["/data.json"] = [body(next=f"?start={n}") for n in range(1, 9)]
    assert "more than 4 pages; raise `max_pages`" in str(land(max_pages=4).error)
    assert landed(lake) == []


def test_a_page_that_is_too_large_is_named(kobo: KoboServer, land: Land) -> None:
    submit(kobo, 40)
    result = land(max_file_mb=0.001)
    assert [finding.rule for finding in result.findings] == ["file_too_large"]
    assert result.status == "failed"
