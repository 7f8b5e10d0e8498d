"""Folders: what is taken, what is left aside, and that one bad file or folder never stops the others."""

import os
import unicodedata
from collections.abc import Iterator
from ftplib import FTP
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fsspec
import pytest
from fsspec.implementations.ftp import FTPFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from kcn_pipeline.contracts.sources import FilesFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import FeedResult, land_feed, store
from kcn_pipeline.landing.store import find_payloads, iterate_payloads, read_manifest
from kcn_pipeline_tests.landing.conftest import NIGHT


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def put(path: Path, content: bytes, seconds: int = 1_760_000_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (seconds, seconds))
    return path


def make_feed(url: str = "inbox", **options: Any) -> FilesFeed:
    return FilesFeed(id="board_inbox", kind="enterprise_reports/files", url=url, **options)


def land(lake: Lake, base: Path, night: str = NIGHT, **options: Any) -> FeedResult:
    return land_feed(lake, make_feed(**options), night, base)


def landed(lake: Lake, night: str = NIGHT) -> dict[str, bytes]:
    return {payload.name: payload.content for payload in iterate_payloads(lake, ["board_inbox"], night)}


def counts(result: FeedResult) -> tuple[int, int, int, int]:
    return result.landed, result.unchanged, result.duplicates, result.skipped


def test_nested_files_land_in_order_of_name_with_all_that_is_known(lake: Lake, inbox: Path) -> None:
    put(inbox / "2026" / "Quý 3" / "báo cáo.xlsx", b"PK one")
    put(inbox / "z.csv", b"two")
    put(inbox / "a b.csv", b"", seconds=1_760_000_001)
    result = land(lake, inbox.parent, channel="paper")
    assert result == FeedResult("board_inbox", "enterprise_reports", "ok", landed=3, bytes=9)
    first, second, third = iterate_payloads(lake, ["board_inbox"], NIGHT)
    assert [p.name for p in (first, second, third)] == ["2026/Quý 3/báo cáo.xlsx", "a b.csv", "z.csv"]
    assert (second.content, second.size, second.modified_at) == (b"", 0, "2025-10-09T08:53:21+00:00")
    assert first.origin == "inbox/2026/Quý 3/báo cáo.xlsx"
    assert first.metadata == {"kind": "enterprise_reports/files", "channel": "paper"}


def test_files_of_a_survey_are_marked_as_personal(lake: Lake, inbox: Path) -> None:
    put(inbox / "phiếu.csv", b"one")
    feed = FilesFeed(id="board_inbox", kind="survey/files", url="inbox", channel="paper")
    assert land_feed(lake, feed, NIGHT, inbox.parent).landed == 1
    (found,) = find_payloads(lake, "phiếu.csv")
    assert found.receipt.metadata == {"kind": "survey/files", "channel": "paper", "holds_personal_data": True}
    assert found.holds_personal_data


def test_hidden_and_temporary_files_stay_where_they_are(lake: Lake, inbox: Path) -> None:
    for name in ("~$a.xlsx", ".a.xlsx", "a.tmp", "a.PART", "a.xlsx.filepart", "Thumbs.db", "Desktop.ini", ".git/x.csv"):
        put(inbox / name, name.encode())
    put(inbox / "a.xlsx", b"report")
    result = land(lake, inbox.parent)
    assert counts(result) == (1, 0, 0, 7)
    assert landed(lake) == {"a.xlsx": b"report"}


def test_a_second_night_lands_only_what_is_new_or_changed(lake: Lake, inbox: Path) -> None:
    put(inbox / "same.csv", b"same")
    put(inbox / "changed.csv", b"before")
    put(inbox / "touched.csv", b"touched")
    assert land(lake, inbox.parent).landed == 3
    put(inbox / "changed.csv", b"after!", seconds=1_760_000_500)
    put(inbox / "touched.csv", b"touched", seconds=1_760_000_500)
    put(inbox / "new.csv", b"new")
    result = land(lake, inbox.parent, night="2026-11-22")
    assert counts(result) == (2, 2, 0, 0)
    assert landed(lake, "2026-11-22") == {"changed.csv": b"after!", "new.csv": b"new"}
    assert counts(land(lake, inbox.parent, night="2026-11-23")) == (0, 4, 0, 0)
    assert lake.packs(night="2026-11-23") == []


def test_a_file_changed_back_lands_again(lake: Lake, inbox: Path) -> None:
    put(inbox / "a.csv", b"first")
    land(lake, inbox.parent)
    put(inbox / "a.csv", b"wrong", seconds=1_760_000_100)
    land(lake, inbox.parent, night="2026-11-22")
    put(inbox / "a.csv", b"first")
    assert land(lake, inbox.parent, night="2026-11-23").landed == 1
    assert landed(lake, "2026-11-23") == {"a.csv": b"first"}


def test_the_same_file_twice_lands_once_and_is_named(lake: Lake, inbox: Path) -> None:
    put(inbox / "a.csv", b"report")
    put(inbox / "copy of a.csv", b"report")
    result = land(lake, inbox.parent)
    assert counts(result) == (1, 0, 1, 0)
    assert result.status == "ok"
    (finding,) = result.findings
    assert (finding.rule, finding.name, finding.params["detail"]) == ("duplicate_payload", "copy of a.csv", "a.csv")
    assert landed(lake) == {"a.csv": b"report"}
    put(inbox / "late copy.csv", b"report")
    assert counts(land(lake, inbox.parent, night="2026-11-22")) == (0, 1, 2, 0)


def test_two_empty_files_are_two_reports_that_cannot_be_read(lake: Lake, inbox: Path) -> None:
    put(inbox / "a.csv", b"")
    put(inbox / "b.csv", b"")
    assert counts(land(lake, inbox.parent)) == (2, 0, 0, 0)
    put(inbox / "a.csv", b"", seconds=1_760_000_100)
    assert counts(land(lake, inbox.parent)) == (0, 2, 0, 0)


def test_a_large_file_is_not_read_and_the_rest_goes_on(lake: Lake, inbox: Path) -> None:
    put(inbox / "a.csv", b"a")
    with put(inbox / "b.xlsx", b"").open("wb") as handle:
        handle.truncate(200_000_000)
    put(inbox / "c.csv", b"c")
    result = land(lake, inbox.parent)
    assert counts(result) == (2, 0, 0, 1)
    assert result.status == "ok"
    (finding,) = result.findings
    assert (finding.rule, finding.name) == ("file_too_large", "b.xlsx")
    assert finding.params == {"found": "200.0 MB", "expected": "50 MB"}
    put(inbox / "exact.csv", b"x" * 1000)
    put(inbox / "over.csv", b"x" * 1001)
    result = land(lake, inbox.parent, max_file_mb=0.001)
    assert [f.name for f in result.findings] == ["b.xlsx", "over.csv"]
    assert result.landed == 1


def test_too_many_files_land_over_several_nights(lake: Lake, inbox: Path) -> None:
    for number in range(5):
        put(inbox / f"{number}.csv", b"%d" % number)
    put(inbox / "0 copy.csv", b"0")
    result = land(lake, inbox.parent, max_files=2)
    assert counts(result) == (2, 0, 1, 3)
    finding = result.findings[-1]
    assert (finding.rule, finding.name) == ("too_many_files", "board_inbox")
    assert finding.params == {"found": 3, "expected": 2, "detail": "2.csv"}
    assert counts(land(lake, inbox.parent, night="2026-11-22", max_files=2)) == (2, 2, 1, 1)
    assert counts(land(lake, inbox.parent, night="2026-11-23", max_files=2)) == (1, 4, 1, 0)
    assert set(read_manifest(lake)["size"].to_pylist()) == {1}
    assert read_manifest(lake).num_rows == 5


def test_a_file_that_cannot_be_read_fails_the_feed_and_the_others_land(lake: Lake, inbox: Path) -> None:
    put(inbox / "a.csv", b"a")
    (inbox / "b.csv").symlink_to("gone.csv")
    put(inbox / "c.csv", b"c")
    result = land(lake, inbox.parent)
    assert (result.status, result.landed) == ("failed", 2)
    (finding,) = result.findings
    assert (finding.rule, finding.name) == ("file_unreadable", "b.csv")
    assert "FileNotFoundError" in finding.params["detail"]
    assert result.error is not None
    assert result.error.startswith("b.csv: cannot be read: FileNotFoundError")
    assert "make it readable, the next night takes it" in result.error


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_named(lake: Lake, inbox: Path) -> None:
    put(inbox / "a.csv", b"a").chmod(0)
    put(inbox / "b.csv", b"b")
    result = land(lake, inbox.parent)
    assert (result.status, result.landed) == ("failed", 1)
    assert "PermissionError" in str(result.error)


def test_a_folder_that_cannot_be_listed_is_named_and_the_others_land(
    lake: Lake, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "a.csv", b"a")
    put(inbox / "closed" / "b.csv", b"b")
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith(refused):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    refused = "closed"
    result = land(lake, inbox.parent)
    assert (result.status, result.landed) == ("failed", 1)
    assert [(f.rule, f.name) for f in result.findings] == [("file_unreadable", "closed")]
    refused = "inbox"
    result = land(lake, inbox.parent)
    assert (result.status, result.landed, result.findings) == ("failed", 0, ())
    assert str(result.error).startswith("inbox cannot be listed: PermissionError")


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("absent", "absent does not exist; create it, or correct `url`"),
        ("inbox/a.csv", "inbox/a.csv is a file; write the folder that holds it"),
        ("nosuch://host/in", "nosuch://host/in cannot be opened: ValueError"),
        ("memory://absent", "memory://absent does not exist"),
        ("ftp://127.0.0.1:1/in", "ftp://127.0.0.1:1/in cannot be opened: ConnectionRefusedError"),
    ],
)
def test_a_folder_that_is_not_there_fails_with_its_cause(lake: Lake, inbox: Path, url: str, cause: str) -> None:
    put(inbox / "a.csv", b"a")
    result = land(lake, inbox.parent, url=url)
    assert result.status == "failed"
    assert cause in str(result.error)
    assert lake.packs() == []


def test_links_are_followed_but_never_in_circles(lake: Lake, inbox: Path, tmp_path: Path) -> None:
    put(inbox / "real" / "a.csv", b"a")
    put(tmp_path / "share" / "b.csv", b"b")
    (inbox / "1 again").symlink_to(inbox)
    (inbox / "real" / "up").symlink_to("..")
    (inbox / "2 alias").symlink_to("real")
    (inbox / "3 share").symlink_to(tmp_path / "share")
    (tmp_path / "share" / "back").symlink_to(inbox)
    (inbox / "self").symlink_to("self")
    (inbox / "linked.csv").symlink_to(put(tmp_path / "c.csv", b"c"))
    result = land(lake, inbox.parent)
    assert landed(lake) == {"real/a.csv": b"a", "3 share/b.csv": b"b", "linked.csv": b"c"}
    assert [f.name for f in result.findings] == ["self"]


def test_pipes_and_other_oddities_do_not_hang(lake: Lake, inbox: Path) -> None:
    os.mkfifo(inbox / "pipe.csv")
    put(inbox / "a.csv", b"a")
    assert counts(land(lake, inbox.parent)) == (1, 0, 0, 1)


def test_include_takes_globs_in_any_case_and_unicode_form(lake: Lake, inbox: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Báo cáo.csv")
    for number, name in enumerate(["a.XLSX", "x/b.xlsx", "x/y/c.csv", "d.csv", decomposed, "e.txt"]):
        put(inbox / name, b"%d" % number)
    land(lake, inbox.parent, include=("**/*.xlsx", "x/*/*.csv", "Báo*.csv"))
    assert set(landed(lake)) == {"a.XLSX", "x/b.xlsx", "x/y/c.csv", decomposed}


def test_names_are_kept_as_they_are(lake: Lake, inbox: Path) -> None:
    composed = unicodedata.normalize("NFC", "Quế Võ/Báo cáo quý 3 (bản 2).xlsx")
    decomposed = unicodedata.normalize("NFD", composed)
    put(inbox / composed, b"composed")
    put(inbox / decomposed, b"decomposed")
    put(inbox / "a#b?c%20d&e.csv", b"odd")
    (inbox / os.fsdecode(b"B\xbec Ninh.csv")).write_bytes(b"legacy")
    names = {composed: b"composed", decomposed: b"decomposed", "a#b?c%20d&e.csv": b"odd"}
    assert land(lake, inbox.parent).landed == 4
    assert landed(lake) == {**names, r"B\xbec Ninh.csv": b"legacy"}
    assert land(lake, inbox.parent).unchanged == 4


def test_a_run_cut_short_is_taken_up_where_it_stopped(lake: Lake, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        put(inbox / f"{number}.csv", b"%d" % number)
    monkeypatch.setattr(store, "PACK_PAYLOADS", 2)
    write_pack = lake.write_pack
    written: list[Path] = []

    def write_two(*args: Any) -> Path:
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        written.append(write_pack(*args))
        return written[-1]

    monkeypatch.setattr(lake, "write_pack", write_two)
    with pytest.raises(OSError, match="No space left"):
        land(lake, inbox.parent)
    monkeypatch.setattr(lake, "write_pack", write_pack)
    result = land(lake, inbox.parent)
    assert counts(result) == (1, 4, 0, 0)
    assert list(landed(lake)) == [f"{number}.csv" for number in range(5)]


def test_any_fsspec_url_is_a_folder(lake: Lake, memory: MemoryFileSystem, tmp_path: Path) -> None:
    memory.pipe("/drop/2026/a.csv", b"a")
    memory.pipe("/drop/b.csv", b"b")
    memory.pipe("/drop/.hidden/c.csv", b"c")
    memory.pipe("/dropped/d.csv", b"d")
    assert land(lake, tmp_path, url="memory://drop/").landed == 2
    assert landed(lake) == {"2026/a.csv": b"a", "b.csv": b"b"}
    assert read_manifest(lake)["origin"].to_pylist() == ["memory://drop/2026/a.csv", "memory://drop/b.csv"]
    memory.pipe("/drop/b.csv", b"B")
    assert counts(land(lake, tmp_path, night="2026-11-22", url="memory://drop/")) == (1, 1, 0, 0)


def test_secrets_reach_the_file_system_and_nothing_else(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "p@ss/w#rd%1"
    monkeypatch.setenv("KCN_FTP_PASSWORD", secret)
    seen: list[FTPFileSystem] = []

    def refuse(system: FTPFileSystem) -> None:
        seen.append(system)
        system.ftp = FTP()
        raise RuntimeError(f"530 login with {system.cred!r} at ftp://kcn:{quote(secret)}@host/ or ftp://u:x@h failed")

    monkeypatch.setattr(FTPFileSystem, "_connect", refuse)
    result = land(lake, tmp_path, url="ftp://kcn:${KCN_FTP_PASSWORD}@files.example.vn/in")
    assert (seen[0].host, seen[0].cred) == ("files.example.vn", ("kcn", secret, ""))
    assert secret not in repr(result)
    assert result.error is not None
    assert quote(secret) not in result.error
    assert result.error.startswith(
        "ftp://files.example.vn/in cannot be opened: RuntimeError: 530 login with ('kcn', '$"
    )
    assert result.error.endswith("at ftp://***@host/ or ftp://***@h failed")


def test_a_missing_variable_fails_the_feed_by_name(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KCN_ABSENT", raising=False)
    for options in ({"url": "${KCN_ABSENT}/in"}, {"storage_options": {"deep": [{"secret": "${KCN_ABSENT}"}]}}):
        result = land(lake, tmp_path, **options)
        assert result.status == "failed"
        assert str(result.error).startswith("environment variable KCN_ABSENT is not set; set it")
