"""A feed asked for some days: exactly those land, however long ago they were, and what is left fails the feed."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.contracts.sources import FilesFeed, OpenAqFeed, SensorThingsFeed, StationFilesFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import FeedResult, can_land_days, land_feed, read_manifest
from kcn_pipeline_tests.landing.portal_server import serve
from kcn_pipeline_tests.landing.test_openaq import KEY, OpenAq
from kcn_pipeline_tests.landing.test_sensorthings import Frost

DAYS = date(2025, 1, 7), date(2025, 1, 8)
NIGHT = "2025-01-09"


def put(folder: Path, name: str, content: bytes = b"x", written: str = "2025-01-07T12:00:00") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    seconds = datetime.fromisoformat(f"{written}+07:00").timestamp()
    os.utime(path, (seconds, seconds))


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "stations"


def make_feed(**options: Any) -> StationFilesFeed:
    return StationFilesFeed(**{"id": "stations", "kind": "monitoring/station_files", "url": "stations", **options})


def land(lake: Lake, inbox: Path, night: str = NIGHT, **options: Any) -> FeedResult:
    return land_feed(lake, make_feed(**options), night, inbox.parent, DAYS)


def names(lake: Lake, night: str = NIGHT) -> list[str]:
    return sorted(read_manifest(lake, night=night)["name"].to_pylist())


# ---- station files ---------------------------------------------------------------------------------------------------


def test_the_day_of_a_file_is_the_time_in_its_name(lake: Lake, inbox: Path) -> None:
    wanted = [
        "A_20250107000000.txt",
        "A_202501082355.txt",
        "A_20250107000500 (1).txt",
        "A_20240101000000_20250108000000_2.txt",
        "2025/01/06/A_20250107001000.txt",
        "2025/01/20/A_20250108001000.txt",
    ]
    others = ["A_20250106235959.txt", "A_20250109000000.txt", "2025/01/07/A_20250109000500.txt"]
    for name in wanted:
        put(inbox, name, name.encode(), written="2025-03-01T00:00:00")
    for name in others:
        put(inbox, name, name.encode())
    result = land(lake, inbox)
    assert (result.status, result.landed, result.unchanged, result.skipped) == ("ok", 6, 0, 0)
    assert names(lake) == sorted(wanted)


def test_without_a_time_in_the_name_the_folder_tells_and_at_last_the_time_of_writing(lake: Lake, inbox: Path) -> None:
    long_after = "2025-02-01T08:00:00"
    for name in (
        "A/2025/01/07/last.txt",
        "B/20250108/last.txt",
        "C/Nam 2025/thang 01/ngay 08/C_20251399999999.txt",
        "A/2025/01/09/last.txt",
        "NT2024/2025-02-30/last.txt",
    ):
        put(inbox, name, name.encode(), long_after)
    put(inbox, "A/late.txt", b"at the last moment of the days", "2025-01-08T23:59:59")
    put(inbox, "A/next.txt", b"at the first after them", "2025-01-09T00:00:00")
    assert land(lake, inbox).landed == 4
    assert names(lake) == [
        "A/2025/01/07/last.txt",
        "A/late.txt",
        "B/20250108/last.txt",
        "C/Nam 2025/thang 01/ngay 08/C_20251399999999.txt",
    ]


def test_only_the_folders_around_the_days_are_listed(lake: Lake, inbox: Path) -> None:
    """A day on either side, since a receiver sorts by its own clock; `%d-%m-%Y` is read by the pattern only."""
    taken = ["A/06-01-2025/A_20250107000000.txt", "A/07-01-2025/x.txt", "A/09-01-2025/A_20250108235500.txt"]
    left = ["A/05-01-2025/A_20250107000500.txt", "A/10-01-2025/A_20250108000000.txt", "A/06-01-2025/x.txt"]
    for name in (*taken, *left):
        put(inbox, name, name.encode(), "2025-06-01T00:00:00")
    assert land(lake, inbox, folders="{station}/%d-%m-%Y").landed == 3
    assert names(lake) == taken


def test_what_landed_on_the_nights_around_is_known(lake: Lake, inbox: Path) -> None:
    put(inbox, "A_20250107000000.txt", b"first")
    assert land_feed(lake, make_feed(), "2025-01-08", inbox.parent).landed == 1
    put(inbox, "A_20250108000000.txt", b"second", "2025-01-11T00:00:00")
    assert land_feed(lake, make_feed(), "2025-01-12", inbox.parent).landed == 1
    put(inbox, "A_20250108000500.txt", b"third")
    result = land(lake, inbox)
    assert (result.landed, result.unchanged) == (1, 2)
    result = land(lake, inbox)
    assert (result.landed, result.unchanged) == (0, 3)
    assert names(lake) == ["A_20250108000500.txt"]


def test_only_manifests_of_the_nights_around_are_read(lake: Lake, inbox: Path) -> None:
    """What came weeks late lands again under the older night, where the newer one goes on counting."""
    put(inbox, "A_20250108000000.txt", written="2025-02-20T00:00:00")
    assert land_feed(lake, make_feed(), "2025-02-20", inbox.parent).landed == 1
    (far,) = lake.packs("stations", "2025-02-20")
    far.write_bytes(b"no Parquet")
    assert land(lake, inbox).landed == 1


def test_a_file_still_written_fails_the_chunk(lake: Lake, inbox: Path) -> None:
    put(inbox, "A_20250107000000.txt")
    now = datetime.now(UTC) + timedelta(hours=7)
    put(inbox, "A_20250108000000.txt", written=now.replace(tzinfo=None).isoformat())
    result = land(lake, inbox)
    assert (result.status, result.landed) == ("failed", 1)
    assert "A_20250108000000.txt" in str(result.error)
    assert "run the backfill of these days again" in str(result.error)
    put(inbox, "A_20250108000000.txt")
    result = land(lake, inbox)
    assert (result.status, result.landed, result.unchanged) == ("ok", 1, 1)


def test_too_many_files_fail_the_chunk_and_the_next_run_takes_the_rest(lake: Lake, inbox: Path) -> None:
    for hour in range(5):
        put(inbox, f"A_202501070{hour}0000.txt", bytes(hour))
    result = land(lake, inbox, max_files=2)
    assert (result.status, result.landed, result.skipped) == ("failed", 4, 1)
    assert "left: 1" in str(result.error)
    result = land(lake, inbox, max_files=2)
    assert (result.status, result.landed, result.unchanged) == ("ok", 1, 4)


# ---- services --------------------------------------------------------------------------------------------------------


@pytest.fixture
def openaq(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAq]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("KCN_OPENAQ_KEY", KEY)
    with serve() as server:
        service = OpenAq()
        service.url = server.url
        monkeypatch.setattr(server, "answer", service.answer)
        yield service


def test_openaq_is_asked_for_exactly_the_days(lake: Lake, openaq: OpenAq) -> None:
    openaq.measure(1001, "2025-01-06 00:00", *range(24 * 5))
    feed = OpenAqFeed(
        id="air",
        kind="monitoring/openaq",
        url=openaq.url,
        api_key="${KCN_OPENAQ_KEY}",
        sensors=(1001,),
        look_back_days=1,
    )
    land_feed(lake, feed, "2025-01-20", Path("/nowhere"))
    openaq.asked.clear()
    assert land_feed(lake, feed, NIGHT, Path("/nowhere"), DAYS).landed == 2
    assert names(lake) == ["sensors/1001/2025-01-07T00_page1.json", "sensors/1001/2025-01-08T00_page1.json"]
    assert len(openaq.asked) == 2
    again = land_feed(lake, feed, NIGHT, Path("/nowhere"), DAYS)
    assert (again.landed, again.unchanged) == (0, 2)


def test_sensorthings_is_asked_for_exactly_the_days(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with serve() as server:
        frost = Frost()
        frost.url = server.url
        monkeypatch.setattr(server, "answer", frost.answer)
        frost.add(7)
        frost.measure(7, "2025-01-06T12:00", *range(12 * 24 * 3))
        feed = SensorThingsFeed(id="water", kind="monitoring/sensorthings", url=f"{frost.url}/FROST-Server")
        assert land_feed(lake, feed, NIGHT, Path("/nowhere"), DAYS).status == "ok"
    days = ["Datastreams(7)/2025-01-07T00_page1.json", "Datastreams(7)/2025-01-08T00_page1.json"]
    assert names(lake) == [*days, "Datastreams/page1.json"]
    assert len(frost.asked) == 3


def test_a_feed_without_days_says_so(lake: Lake) -> None:
    folder = FilesFeed(id="reports", kind="enterprise_reports/files", url="reports")
    assert not can_land_days(folder)
    assert can_land_days(make_feed())
    with pytest.raises(ValueError, match="reports"):
        land_feed(lake, folder, NIGHT, Path("/nowhere"), DAYS)
