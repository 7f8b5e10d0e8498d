"""Station files of a folder: what is taken, what waits and what is left alone, night after night."""

import os
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kcn_pipeline.contracts.sources import StationFilesFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import (
    FeedResult,
    find_payloads,
    iterate_batches,
    iterate_payloads,
    land_feed,
    read_content,
    store,
)
from kcn_pipeline.landing.station_files import land
from kcn_pipeline.landing.station_files.walk import plan_levels
from kcn_pipeline.landing.store import PackDamagedError, read_manifest

HOUR = 3600.0


def night_of(days_ago: int = 0) -> str:
    """The local date so many days before today."""
    return (datetime.now(UTC) + timedelta(hours=7) - timedelta(days=days_ago)).date().isoformat()


TONIGHT, NEXT_NIGHT = night_of(), night_of(-1)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "stations"
    folder.mkdir()
    return folder


def put(path: Path, content: bytes, age_s: float = HOUR) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    now = datetime.now(UTC).timestamp()
    os.utime(path, (now - age_s, now - age_s))
    return path


def make_feed(**options: Any) -> StationFilesFeed:
    return StationFilesFeed(**{"id": "stations", "kind": "monitoring/station_files", "url": "stations", **options})


def land_night(lake: Lake, base: Path, night: str = TONIGHT, **options: Any) -> FeedResult:
    return land_feed(lake, make_feed(**options), night, base)


def landed(lake: Lake, night: str = TONIGHT) -> dict[str, bytes]:
    return {
        name: content
        for batch in iterate_batches(lake, ["stations"], night)
        for name, content in zip(batch.names, batch.contents, strict=True)
    }


def counts(result: FeedResult) -> tuple[int, int, int]:
    return result.landed, result.unchanged, result.skipped


def rules(result: FeedResult) -> list[tuple[str, str, Any]]:
    return [(finding.rule, finding.name, finding.params.get("found")) for finding in result.findings]


# ---- what lands, and how it is kept ----------------------------------------------------------------------------------


def test_files_land_in_order_of_time_with_all_that_is_known(lake: Lake, inbox: Path) -> None:
    put(inbox / "A" / "A_20261118001000.txt", b"second", age_s=7000)
    put(inbox / "B_202611180005.txt", b"first", age_s=7100)
    put(inbox / "A" / "A_20261118000500.txt", b"third", age_s=6900)
    result = land_night(lake, inbox.parent)
    assert result == FeedResult("stations", "monitoring", "ok", landed=3, bytes=16)
    payloads = list(iterate_payloads(lake, ["stations"], TONIGHT))
    assert [payload.content for payload in payloads] == [b"first", b"second", b"third"]
    assert payloads[1].name == "A/A_20261118001000.txt"
    assert payloads[1].origin == "stations/A/A_20261118001000.txt"
    assert payloads[1].metadata == {"kind": "monitoring/station_files", "channel": "electronic"}
    assert payloads[1].modified_at is not None
    written = datetime.fromisoformat(payloads[1].modified_at)
    assert abs((datetime.now(UTC) - written).total_seconds() - 7000) < 60
    assert (payloads[1].size, payloads[1].etag) == (6, None)


def test_a_batch_numbers_its_payloads_over_the_packs_of_a_night(lake: Lake, inbox: Path) -> None:
    put(inbox / "a.txt", b"a")
    put(inbox / "b.txt", b"b", age_s=1000)
    land_night(lake, inbox.parent)
    put(inbox / "c.txt", b"", age_s=2 * HOUR)
    land_night(lake, inbox.parent)
    batches = list(iterate_batches(lake, ["absent", "stations"], TONIGHT))
    assert [(batch.source, batch.first_row, batch.names) for batch in batches] == [
        ("stations", 0, ["a.txt", "b.txt"]),
        ("stations", 2, ["c.txt"]),
    ]
    assert [len(batch) for batch in batches] == [2, 1]
    assert batches[1].contents == [b""]
    assert batches[0].metadata == [{"kind": "monitoring/station_files", "channel": "electronic"}] * 2
    assert [batch.sha256 for batch in batches] == [
        read_manifest(lake)["sha256"].to_pylist()[:2],
        read_manifest(lake)["sha256"].to_pylist()[2:],
    ]


def test_a_payload_is_shown_by_its_name_or_digest(lake: Lake, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BATCH_ROW_GROUP", 10)
    for number in range(25):
        put(inbox / "S" / f"S_{number:02}.txt", b"%d" % number)
    assert land_night(lake, inbox.parent).landed == 25
    (pack,) = lake.packs()
    assert pq.read_metadata(pack).num_row_groups == 3
    assert [batch.first_row for batch in iterate_batches(lake, ["stations"], TONIGHT)] == [0, 10, 20]
    for number in (0, 9, 10, 24):
        (found,) = find_payloads(lake, f"S_{number:02}.txt")
        assert read_content(found) == b"%d" % number
        assert found.receipt.name == f"S/S_{number:02}.txt"
        assert read_content(find_payloads(lake, found.receipt.sha256[:12])[0]) == b"%d" % number


def test_a_damaged_batch_is_not_served(lake: Lake, inbox: Path) -> None:
    put(inbox / "a.txt", b"right")
    land_night(lake, inbox.parent)
    (pack,) = lake.packs()
    table = pq.read_table(pack, partitioning=None)
    wrong = pa.array([b"wrong"], pa.large_binary())
    pq.write_table(table.set_column(table.num_columns - 1, table.field("content"), wrong), pack)
    with pytest.raises(PackDamagedError, match=r"a\.txt"):
        list(iterate_batches(lake, ["stations"], TONIGHT))


def test_many_bytes_land_in_several_packs(lake: Lake, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(land, "PACK_BYTES", 10)
    monkeypatch.setattr(land, "BATCH_FILES", 3)
    for number in range(8):
        put(inbox / f"{number}.txt", b"1234" if number < 4 else b"", age_s=1000 - number)
    assert land_night(lake, inbox.parent).landed == 8
    assert [pq.read_metadata(pack).num_rows for pack in lake.packs()] == [2, 3, 3]
    assert list(landed(lake)) == [f"{number}.txt" for number in range(8)]


# ---- night after night -----------------------------------------------------------------------------------------------


def test_a_second_night_lands_only_what_is_new_or_changed(lake: Lake, inbox: Path) -> None:
    put(inbox / "same.txt", b"same")
    put(inbox / "resent.txt", b"resent")
    put(inbox / "corrected.txt", b"before")
    assert counts(land_night(lake, inbox.parent)) == (3, 0, 0)
    put(inbox / "resent.txt", b"resent", age_s=600)
    put(inbox / "corrected.txt", b"after!", age_s=600)
    put(inbox / "appended.txt", b"same", age_s=600)
    assert counts(land_night(lake, inbox.parent, NEXT_NIGHT)) == (2, 2, 0)
    # The same bytes under another name land: a logger that repeats itself is judged by its readings.
    assert landed(lake, NEXT_NIGHT) == {"appended.txt": b"same", "corrected.txt": b"after!"}
    assert counts(land_night(lake, inbox.parent, night_of(-2))) == (0, 4, 0)
    assert lake.packs(night=night_of(-2)) == []


def test_a_file_changed_back_lands_again(lake: Lake, inbox: Path) -> None:
    put(inbox / "a.txt", b"first")
    land_night(lake, inbox.parent)
    put(inbox / "a.txt", b"wrong", age_s=600)
    land_night(lake, inbox.parent)
    put(inbox / "a.txt", b"first", age_s=500)
    assert land_night(lake, inbox.parent).landed == 1
    assert [payload.content for payload in iterate_payloads(lake, ["stations"], TONIGHT)] == [
        b"first", b"wrong", b"first",
    ]  # fmt: skip


def test_what_is_known_is_not_opened(lake: Lake, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(inbox / "a.txt", b"a")
    put(inbox / "b.txt", b"b")
    land_night(lake, inbox.parent)

    def refuse(*_: object) -> int:
        raise AssertionError("a file was opened")

    opened = os.open
    monkeypatch.setattr(os, "open", refuse)
    result = land_night(lake, inbox.parent, NEXT_NIGHT)
    monkeypatch.setattr(os, "open", opened)
    assert counts(result) == (0, 2, 0)


def test_only_manifests_of_the_nights_looked_back_on_are_read(
    lake: Lake, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days_ago in (9, 5, 2, 0):
        put(inbox / f"{days_ago}.txt", b"x")
        land_night(lake, inbox.parent, night_of(days_ago), look_back_days=1)
    read_table, nights = pq.read_table, []

    def note(path: Path, **options: Any) -> Any:
        nights.append(path.parent.name.removeprefix("night="))
        return read_table(path, **options)

    monkeypatch.setattr(pq, "read_table", note)
    # A night is refreshed late: what landed on later nights is known too, what landed long before is not.
    assert counts(land_night(lake, inbox.parent, night_of(2), look_back_days=1)) == (0, 4, 0)
    assert set(nights) == {night_of(2), night_of(0)}


def test_old_files_are_left_alone(lake: Lake, inbox: Path) -> None:
    put(inbox / "old.txt", b"old", age_s=2.5 * 24 * HOUR)
    put(inbox / "new.txt", b"new", age_s=1.5 * 24 * HOUR)
    assert counts(land_night(lake, inbox.parent, look_back_days=2)) == (1, 0, 1)
    assert landed(lake) == {"new.txt": b"new"}
    # The days are counted from the night, where that has passed.
    assert counts(land_night(lake, inbox.parent, night_of(2), look_back_days=2)) == (1, 1, 0)


# ---- what waits ------------------------------------------------------------------------------------------------------


def test_a_young_file_waits_for_the_next_night(lake: Lake, inbox: Path) -> None:
    put(inbox / "old.txt", b"old")
    put(inbox / "young.txt", b"young", age_s=5)
    put(inbox / "younger.txt", b"younger", age_s=0)
    result = land_night(lake, inbox.parent)
    assert (counts(result), result.status) == ((1, 0, 2), "ok")
    assert rules(result) == [("file_still_written", "stations", 2)]
    assert result.findings[0].params["detail"] == "young.txt"
    assert counts(land_night(lake, inbox.parent, settle_s=0)) == (2, 1, 0)


def test_a_file_from_the_future_lands(lake: Lake, inbox: Path) -> None:
    put(inbox / "a.txt", b"clock is seven hours ahead", age_s=-7 * HOUR)
    assert counts(land_night(lake, inbox.parent)) == (1, 0, 0)
    assert counts(land_night(lake, inbox.parent, NEXT_NIGHT)) == (0, 1, 0)


def test_a_file_that_changes_between_listing_and_reading_waits(
    lake: Lake, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("grows.txt", "shrinks.txt", "stays.txt"):
        put(inbox / name, b"12345")
    read_ledger = land.read_ledger

    def write_meanwhile(*arguments: Any) -> Any:
        put(inbox / "grows.txt", b"1234567890")
        put(inbox / "shrinks.txt", b"123")
        return read_ledger(*arguments)

    monkeypatch.setattr(land, "read_ledger", write_meanwhile)
    result = land_night(lake, inbox.parent)
    monkeypatch.setattr(land, "read_ledger", read_ledger)
    assert counts(result) == (1, 0, 2)
    assert rules(result) == [("file_still_written", "stations", 2)]
    assert landed(lake) == {"stays.txt": b"12345"}
    assert counts(land_night(lake, inbox.parent, NEXT_NIGHT)) == (2, 1, 0)
    assert landed(lake, NEXT_NIGHT) == {"grows.txt": b"1234567890", "shrinks.txt": b"123"}


def test_too_many_files_land_over_several_nights_oldest_first(lake: Lake, inbox: Path) -> None:
    for number in range(5):
        put(inbox / f"{number}.txt", b"%d" % number, age_s=1000 + number)
    result = land_night(lake, inbox.parent, max_files=2)
    assert (counts(result), list(landed(lake))) == ((2, 0, 3), ["4.txt", "3.txt"])
    (finding,) = result.findings
    assert (finding.rule, finding.name) == ("too_many_files", "stations")
    assert finding.params == {"found": 3, "expected": 2, "detail": "2.txt"}
    assert counts(land_night(lake, inbox.parent, max_files=2)) == (2, 2, 1)
    assert counts(land_night(lake, inbox.parent, max_files=2)) == (1, 4, 0)


def test_a_large_file_is_not_read(lake: Lake, inbox: Path) -> None:
    put(inbox / "exact.txt", b"x" * 1000)
    put(inbox / "over.txt", b"x" * 1001)
    result = land_night(lake, inbox.parent, max_file_mb=0.001)
    assert (counts(result), result.status) == ((1, 0, 1), "ok")
    assert [(f.rule, f.name) for f in result.findings] == [("file_too_large", "over.txt")]


# ---- which files, in which folders -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "field", "stranger"),
    [({"folders": "{station}/%Y-%m-%d"}, "folders", "CN01/2026"), ({"include": ("**/*.dat",)}, "include", None)],
    ids=["folders", "include"],
)
def test_a_pattern_that_matches_nothing_is_told(
    inbox: Path, lake: Lake, options: dict[str, Any], field: str, stranger: str | None
) -> None:
    name = f"CN01/2026/{TONIGHT[5:7]}/{TONIGHT[8:]}/a.txt"
    put(inbox / name, b"station")
    result = land_night(lake, inbox.parent, **options)
    (found,) = result.findings
    assert (found.rule, found.params["field"]) == ("nothing_matches", field)
    assert found.params["detail"] == (stranger or name)
    assert (result.status, result.landed) == ("ok", 0)


def test_hidden_temporary_and_other_files_stay_where_they_are(lake: Lake, inbox: Path) -> None:
    for name in (".in.a.txt", "~$a.txt", "a.txt.part", "a.txt.FILEPART", "a.tmp", ".ftp/b.txt"):
        put(inbox / name, name.encode())
    put(inbox / "readme.pdf", b"not a station's")
    os.mkfifo(inbox / "pipe.txt")
    put(inbox / "A.TXT", b"station")
    result = land_night(lake, inbox.parent)
    assert (counts(result), landed(lake)) == ((1, 0, 7), {"A.TXT": b"station"})


def test_names_are_kept_as_they_are(lake: Lake, inbox: Path) -> None:
    composed = unicodedata.normalize("NFC", "Quế Võ/Trạm số 1 20261118000500.txt")
    decomposed = unicodedata.normalize("NFD", composed)
    put(inbox / composed, b"composed")
    put(inbox / decomposed, b"decomposed")
    put(inbox / "a#b?c%20d&e.txt", b"odd")
    put(Path(os.fsdecode(os.fsencode(inbox) + b"/B\xbec Ninh.txt")), b"legacy")
    assert counts(land_night(lake, inbox.parent)) == (4, 0, 0)
    assert landed(lake) == {
        composed: b"composed",
        decomposed: b"decomposed",
        "a#b?c%20d&e.txt": b"odd",
        r"B\xbec Ninh.txt": b"legacy",
    }
    assert counts(land_night(lake, inbox.parent, NEXT_NIGHT)) == (0, 4, 0)


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [
        ("{station}/%Y/%m/%d", "BN_A1/2026/11/18"),
        ("{station}/%Y/Thang%m/Ngay%d", "BN_A1/2026/thang11/NGAY18"),
        ("{station}/Năm %Y/tháng %m/ngày %d", unicodedata.normalize("NFD", "BN_A1/Năm 2026/tháng 11/ngày 18")),
        ("%Y/%m%d/{province}_{station}", "2026/1118/BN_A1"),
        ("{station}_%Y%m%d/", "BN_A1_20261118"),
    ],
)
def test_folders_of_the_days_looked_back_on_are_listed(lake: Lake, inbox: Path, pattern: str, folder: str) -> None:
    put(inbox / folder / "a.txt", b"a", age_s=300 * 24 * HOUR)
    put(inbox / folder / "deeper" / "b.txt", b"b")
    put(inbox / "beside.txt", b"not in a folder of a day")
    put(inbox / folder.replace("18", "15").replace("a.b", "axb") / "c.txt", b"three days before")
    put(inbox / folder.replace("18", "19").replace("a.b", "a.b2") / "d.txt", b"the day after")
    assert counts(land_night(lake, inbox.parent, "2026-11-18", folders=pattern, look_back_days=2)) == (2, 0, 0)
    assert set(landed(lake, "2026-11-18")) == {f"{folder}/a.txt", f"{folder}/deeper/b.txt"}


def test_the_days_looked_back_on_reach_over_the_turn_of_the_year() -> None:
    years = plan_levels("{station}/%Y/%m/%d", "2027-01-02", 3)[0].below
    found = {
        (year.pattern.pattern, month.pattern.pattern, day.pattern.pattern)
        for year in years
        for month in year.below
        for day in month.below
    }
    assert found == {("2026", "12", "30"), ("2026", "12", "31"), ("2027", "01", "01"), ("2027", "01", "02")}
    assert plan_levels("", "2027-01-02", 3) == ()


def test_links_are_followed_but_never_in_circles(lake: Lake, inbox: Path, tmp_path: Path) -> None:
    put(inbox / "real" / "a.txt", b"a")
    put(tmp_path / "share" / "b.txt", b"b")
    (inbox / "1 again").symlink_to(inbox)
    (inbox / "real" / "up").symlink_to("..")
    (inbox / "2 alias").symlink_to("real")
    (inbox / "3 share").symlink_to(tmp_path / "share")
    (tmp_path / "share" / "back").symlink_to(inbox)
    (inbox / "linked.txt").symlink_to(put(tmp_path / "c.txt", b"c"))
    result = land_night(lake, inbox.parent)
    assert landed(lake) == {"real/a.txt": b"a", "3 share/b.txt": b"b", "linked.txt": b"c"}
    assert result.status == "ok"


# ---- faults ----------------------------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_fails_the_feed_and_the_others_land(lake: Lake, inbox: Path) -> None:
    put(inbox / "a.txt", b"a")
    (inbox / "b.txt").symlink_to("gone.txt")
    put(inbox / "c.txt", b"c")
    result = land_night(lake, inbox.parent)
    assert (result.status, counts(result)) == ("failed", (2, 0, 0))
    assert [(f.rule, f.name) for f in result.findings] == [("file_unreadable", "b.txt")]
    assert str(result.error).startswith("b.txt: cannot be read: FileNotFoundError")


def test_of_many_unreadable_files_the_first_are_named(lake: Lake, inbox: Path) -> None:
    for number in range(30):
        (inbox / f"{number:02}.txt").symlink_to("gone.txt")
    put(inbox / "a.txt", b"a")
    result = land_night(lake, inbox.parent)
    assert (result.status, result.landed, len(result.findings)) == ("failed", 1, 21)
    assert result.findings[-1].name == "20.txt"
    assert "9 others" in result.findings[-1].params["detail"]


def test_a_folder_that_cannot_be_listed_is_named_and_the_others_land(
    lake: Lake, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "a.txt", b"a")
    put(inbox / "closed" / "b.txt", b"b")
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = land_night(lake, inbox.parent)
    assert (result.status, result.landed) == ("failed", 1)
    assert [(f.rule, f.name) for f in result.findings] == [("file_unreadable", "closed")]
    assert str(result.error).startswith("closed: cannot be listed: PermissionError: Permission denied")


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("absent", "absent does not exist; create it, or correct `url`"),
        ("stations/a.txt", "stations/a.txt is a file; write the folder that holds it"),
        ("http://files.example.vn/in", "http://files.example.vn/in is no place for station files; write a folder, ftp"),
        ("ftp://host:port/in", "ftp://host:port/in is no place for station files"),
        ("ftp://127.0.0.1:1/in", "ftp://127.0.0.1:1/in cannot be reached: ConnectionRefusedError"),
        ("ftps://127.0.0.1:1/in", "ftps://127.0.0.1:1/in cannot be reached: ConnectionRefusedError"),
        ("sftp://127.0.0.1:1/in", "sftp://127.0.0.1:1/in known_hosts"),
        ("${KCN_ABSENT}", "environment variable KCN_ABSENT is not set"),
    ],
)
def test_a_place_that_is_not_there_fails_with_its_cause(
    lake: Lake, inbox: Path, url: str, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(inbox))
    put(inbox / "a.txt", b"a")
    result = land_night(lake, inbox.parent, url=url)
    assert (result.status, counts(result), result.findings) == ("failed", (0, 0, 0), ())
    assert str(result.error).startswith(cause)
    assert lake.packs() == []


def test_a_file_url_is_a_folder(lake: Lake, inbox: Path) -> None:
    put(inbox / "a.txt", b"a")
    assert land_night(lake, Path("/elsewhere"), url=f"file://{inbox}").landed == 1


def test_a_full_disk_is_raised_and_leaves_nothing_half_landed(
    lake: Lake, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(land, "BATCH_FILES", 2)
    for number in range(5):
        put(inbox / f"{number}.txt", b"%d" % number, age_s=1000 - number)
    write_pack, written = lake.write_pack, []

    def write_one(*arguments: Any) -> Path:
        if written:
            raise OSError(28, "No space left on device")
        written.append(write_pack(*arguments))
        return written[-1]

    monkeypatch.setattr(lake, "write_pack", write_one)
    with pytest.raises(OSError, match="No space left"):
        land_night(lake, inbox.parent)
    monkeypatch.setattr(lake, "write_pack", write_pack)
    assert list(landed(lake)) == ["0.txt", "1.txt"]
    assert counts(land_night(lake, inbox.parent)) == (3, 2, 0)
