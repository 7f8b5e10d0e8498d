"""Files of surveys may be called after who answered: what is told of a feed's night never shows such a name."""

import errno
import os
from ftplib import error_perm
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.cli import main
from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.contracts.sources import FilesFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import (
    FeedResult,
    find_payloads,
    land_feed,
    read_content,
    read_manifest,
    read_results,
    record_results,
)
from kcn_pipeline.landing.shown_names import ShownNames
from kcn_pipeline.warehouse.night import collect_night
from kcn_pipeline_tests.landing.conftest import NIGHT
from kcn_pipeline_tests.landing.file_servers import PASSWORD, USER, serve_ftp
from kcn_pipeline_tests.landing.test_files import put

PERSON = "Nguyễn Văn Mẫu 0999000111"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    put(folder / "a.csv", b"a")
    return folder


def make_feed(url: str = "inbox", **options: Any) -> FilesFeed:
    return FilesFeed(id="surveys", kind="survey/files", url=url, **options)


def land(lake: Lake, inbox: Path, **options: Any) -> FeedResult:
    result = land_feed(lake, make_feed(**options), NIGHT, inbox.parent)
    told = repr(result)
    assert not [part for part in PERSON.split() if part in told], told
    return result


def test_a_file_that_cannot_be_read_is_told_by_its_place(lake: Lake, inbox: Path) -> None:
    put(inbox / PERSON / "b.csv", b"b")
    (inbox / PERSON / f"{PERSON}.XLSX").symlink_to(f"/nowhere/{PERSON}")
    (inbox / f"z {PERSON}").symlink_to(f"{PERSON}.gone")
    put(inbox / "~$a.csv", b"left behind")
    result = land(lake, inbox)
    assert (result.status, result.landed) == ("failed", 2)
    assert [(found.rule, found.name) for found in result.findings] == [
        ("file_unreadable", "№1/4.xlsx"),
        ("file_unreadable", "№4/4"),
    ]
    assert result.error == (
        "№1/4.xlsx: cannot be read: FileNotFoundError: No such file or directory; make it readable, the next night "
        "takes it; to find it: number 1 of the 4 files that the feed takes, sorted by path (LC_ALL=C sort) below the "
        "feed's folder (and 1 more, see the findings)"
    )


def test_a_folder_that_cannot_be_listed_is_told_by_its_place(
    lake: Lake, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / PERSON / "b.csv", b"b")
    put(inbox / "A" / "c.csv", b"c")
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith(refused):
            raise PermissionError(13, f"not for you: {PERSON}", f"{path}/{PERSON}")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    refused = PERSON
    result = land(lake, inbox)
    assert (result.landed, [found.name for found in result.findings]) == (2, ["№2/2/"])
    assert "PermissionError: Permission denied" in str(result.error)
    assert "number 2 of the 2 folders" in str(result.error)
    refused = "inbox"
    assert land(lake, inbox).error == "inbox cannot be listed: PermissionError: Permission denied"


def test_what_is_too_large_or_too_much_is_told_by_its_place(lake: Lake, inbox: Path) -> None:
    put(inbox / f"b {PERSON}.csv", b"x" * 2000)
    put(inbox / f"c {PERSON}.csv", b"c")
    result = land(lake, inbox, max_file_mb=0.001, max_files=1)
    assert [found.name for found in result.findings] == ["surveys"]
    assert result.findings[0].params["detail"] == "№2/3.csv"
    result = land(lake, inbox, max_file_mb=0.001)
    assert [(found.rule, found.name) for found in result.findings] == [("file_too_large", "№2/3.csv")]


def test_of_a_copy_both_are_called_by_what_finds_them(lake: Lake, inbox: Path) -> None:
    put(inbox / PERSON / f"{PERSON}.csv", b"a")
    (found,) = land(lake, inbox).findings
    assert (found.rule, found.name, found.params["detail"]) == (
        "duplicate_payload",
        "ca978112ca1b.csv",
        "ca978112ca1b.csv",
    )
    (original,) = find_payloads(lake, found.name)
    assert read_content(original) == b"a"


def test_who_asks_for_a_file_is_told_its_name(
    lake: Lake, inbox: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    put(inbox / PERSON / f"{PERSON}.csv", b"b")
    land(lake, inbox)
    monkeypatch.setenv("KCN_DATA_DIR", str(inbox.parent / "data"))
    assert main(["show", "3e23e8160039.csv"]) == 0
    shown = capsysbinary.readouterr()
    assert shown.out == b"b"
    assert f"surveys: {PERSON}/{PERSON}.csv" in shown.err.decode()


def test_a_server_s_words_are_not_repeated(lake: Lake, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KCN_FTP_PASSWORD", PASSWORD)
    put(inbox / PERSON / f"{PERSON}.csv", b"b" * 200)
    put(inbox / f"{PERSON}.csv", b"c" * 200)
    with serve_ftp(inbox) as server:
        server.faults.refused.add(f"{PERSON}.csv")
        options = {"username": USER, "password": "${KCN_FTP_PASSWORD}", "timeout": 5}
        result = land(lake, inbox, url=server.url, storage_options=options)
    assert (result.status, result.landed) == ("failed", 1)
    assert [found.name for found in result.findings] == ["№1/3.csv", "№2/3.csv"]
    assert "cannot be read: error_perm: the server answers 550; make it readable" in str(result.error)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ESTALE, PERSON, PERSON), "OSError: Stale file handle"),
        (FileNotFoundError(PERSON), "FileNotFoundError: No such file or directory"),
        (EOFError(PERSON), "EOFError: Connection reset by peer"),
        (error_perm(f"550 {PERSON}: no"), "error_perm: the server answers 550"),
        (RuntimeError(f"503, {PERSON}"), "RuntimeError: the server answers 503"),
        (ValueError(PERSON), "ValueError"),
        (OSError(f"{PERSON} 550"), "OSError"),
    ],
)
def test_a_cause_is_told_in_words_of_ours(error: Exception, said: str) -> None:
    assert ShownNames(make_feed()).say_cause(error) == said


def test_a_file_that_was_not_numbered_is_told_by_its_kind() -> None:
    assert ShownNames(make_feed()).show(f"{PERSON}.csv") == "№?.csv"


def test_files_of_others_keep_their_names() -> None:
    names = ShownNames(FilesFeed(id="inbox", kind="enterprise_reports/files", url="inbox"))
    names.number(["a.csv"], ["b"])
    assert (names.show("a.csv"), names.say_where("a.csv"), names.show_landed("ca97", "a.csv")) == ("a.csv", "", "a.csv")
    assert names.say_cause(ValueError("in a.csv")) == "ValueError: in a.csv"


def test_the_warehouse_tells_what_landing_told(lake: Lake, inbox: Path) -> None:
    (inbox / f"{PERSON}.csv").symlink_to("gone")
    put(inbox / f"z {PERSON}.csv", b"a")
    record_results(lake, "survey", NIGHT, [land(lake, inbox)])
    batch = collect_night(
        lake,
        load_contracts(),
        NIGHT,
        dimensions={"dim_area": [], "dim_period": []},
        scope=[],
        manifest=read_manifest(lake, night=NIGHT),
        feeds=read_results(lake, "survey", NIGHT),
        refresh={},
    )
    unread, copy = batch.audit["audit_finding"]  # type: ignore[misc]
    assert (unread["rule"], unread["file"]) == ("file_unreadable", "№1/3.csv")
    for reason in (unread["reason_vi"], unread["reason_en"]):
        assert "№1/3.csv" in reason
        assert "No such file or directory" in reason
        assert "number 1 of the 3 files" in reason
    assert (copy["rule"], copy["file"]) == ("duplicate_payload", "ca978112ca1b.csv")
    assert "landed before (ca978112ca1b.csv)" in copy["reason_en"]
    assert not [part for part in PERSON.split() if part in repr(batch.audit)]
