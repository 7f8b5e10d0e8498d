"""Station files by SFTP from a server on this machine, which loses connections, refuses and may be a stranger."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from kcn_pipeline.contracts.sources import StationFilesFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import FeedResult
from kcn_pipeline.landing.station_files import land_station_files, sftp
from kcn_pipeline_tests.landing.file_servers import HOST_KEY, PASSWORD, USER, FileServer, serve_sftp
from kcn_pipeline_tests.landing.test_ftp import fill
from kcn_pipeline_tests.landing.test_station_files import NEXT_NIGHT, TONIGHT, counts, landed, put, rules


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KCN_SFTP_PASSWORD", PASSWORD)
    # Neither the keys nor the configuration of whoever runs the tests may matter.
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


@pytest.fixture
def server(root: Path) -> Iterator[FileServer]:
    with serve_sftp(root, HOST_KEY) as server:
        trust(server, root.parent)
        yield server


def trust(server: FileServer, base: Path, key: asyncssh.SSHKey = HOST_KEY) -> None:
    """Write the file known_hosts with the key of the server."""
    (base / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {key.export_public_key().decode()}")


def land_night(
    lake: Lake, server: FileServer, base: Path, night: str = TONIGHT, path: str = "", **options: Any
) -> FeedResult:
    feed = {
        "id": "stations",
        "kind": "monitoring/station_files",
        "url": server.url + path,
        "username": USER,
        "password": "${KCN_SFTP_PASSWORD}",
        "known_hosts": "known_hosts",
        "timeout_s": 5,
        **options,
    }
    result = land_station_files(lake, StationFilesFeed(**feed), night, base)
    assert PASSWORD not in repr(result)
    return result


def test_files_land_over_one_connection_and_only_once(lake: Lake, root: Path, server: FileServer) -> None:
    files = fill(root, 60)
    result = land_night(lake, server, root.parent)
    assert result == FeedResult("stations", "monitoring", "ok", landed=60, bytes=sum(map(len, files.values())))
    assert landed(lake) == files
    assert list(landed(lake)) == list(files), "oldest first"
    assert server.faults.logins == 1
    server.faults.fetched.clear()
    assert counts(land_night(lake, server, root.parent, NEXT_NIGHT)) == (0, 60, 0)
    assert server.faults.fetched == []


def test_only_folders_of_the_days_looked_back_on_are_listed(lake: Lake, root: Path, server: FileServer) -> None:
    for day in ("2026/11/16", "2026/11/17", "2026/11/18", "2025/11/18"):
        put(root / "in" / "ST1" / day / "a.txt", day.encode())
    options = {"folders": "{station}/%Y/%m/%d", "look_back_days": 1}
    assert counts(land_night(lake, server, root.parent, "2026-11-18", "/in", **options)) == (2, 0, 0)
    assert sorted(server.faults.listed) == [
        "in", "in/ST1", "in/ST1/2026", "in/ST1/2026/11", "in/ST1/2026/11/17", "in/ST1/2026/11/18",
    ]  # fmt: skip


def test_names_arrive_as_they_are(lake: Lake, root: Path, server: FileServer) -> None:
    names = ["Quế Võ/Trạm 1.txt", "Que\u0302/a b;c=d.txt", "a#b%20;.txt", "B\udcbec Ninh.txt", "line\nend.txt"]
    for name in names:
        put(root / name, name.encode("utf-8", "surrogateescape"))
    assert counts(land_night(lake, server, root.parent)) == (5, 0, 0)
    assert counts(land_night(lake, server, root.parent, NEXT_NIGHT)) == (0, 5, 0)
    shown = {name.replace("\udcbe", r"\xbe"): name.encode("utf-8", "surrogateescape") for name in names}
    assert landed(lake) == shown


def test_files_of_any_size_come_whole(lake: Lake, root: Path, server: FileServer) -> None:
    files = {f"{size}.txt": os.urandom(size) for size in (0, 1, 32_767, 32_768, 32_769, 400_000)}
    for name, content in files.items():
        put(root / name, content)
    assert counts(land_night(lake, server, root.parent)) == (6, 0, 0)
    assert landed(lake) == files


def test_a_connection_that_breaks_in_mid_file_is_made_anew(lake: Lake, root: Path, server: FileServer) -> None:
    files = fill(root, 200)
    server.faults.cut = {"ST0_0150.txt": 1, "ST1_0190.txt": 1}
    result = land_night(lake, server, root.parent, connections=1)
    assert (result.status, counts(result)) == ("ok", (200, 0, 0))
    assert server.faults.logins == 3
    assert landed(lake) == files


def test_a_file_that_never_comes_whole_does_not_land_and_the_others_do(
    lake: Lake, root: Path, server: FileServer
) -> None:
    files = fill(root, 30)
    server.faults.cut = {"ST1_0001.txt": 99}
    result = land_night(lake, server, root.parent)
    assert (result.status, counts(result)) == ("failed", (29, 0, 1))
    assert "broke the connection: " in str(result.error)
    assert str(result.error).endswith("; left for the next night: 1, the first is ST1/2026/11/ST1_0001.txt")
    assert landed(lake) == {name: files[name] for name in files if "_0001" not in name}
    server.faults.cut.clear()
    assert counts(land_night(lake, server, root.parent, NEXT_NIGHT)) == (1, 29, 0)


def test_a_server_that_dies_fails_the_feed_and_what_came_whole_lands(lake: Lake, root: Path) -> None:
    files = fill(root, 100)
    with serve_sftp(root, HOST_KEY) as server:
        trust(server, root.parent)
        server.faults.cut = {name.rpartition("/")[2]: 99 for name in list(files)[50:]}
        result = land_night(lake, server, root.parent, connections=1)
    assert result.status == "failed"
    assert result.landed + result.skipped == 100
    assert 30 <= result.landed <= 50
    assert landed(lake) == {name: files[name] for name in landed(lake)}


def test_a_server_that_falls_silent_is_given_up(
    lake: Lake, root: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Enough to log in on a busy machine, while files are given up soon.
    monkeypatch.setattr(sftp, "_PATIENCE", 0.1)
    fill(root, 6)
    server.faults.silent = {"ST0_0003.txt"}
    result = land_night(lake, server, root.parent, timeout_s=3)
    assert (result.status, counts(result)) == ("failed", (5, 0, 1))
    assert "broke the connection: TimeoutError" in str(result.error)


def test_a_server_that_lists_but_refuses_to_read_fails_the_feed(lake: Lake, root: Path, server: FileServer) -> None:
    files = fill(root, 30)
    server.faults.refused = {name.rpartition("/")[2] for name in files}
    result = land_night(lake, server, root.parent)
    assert (result.status, counts(result), len(result.findings)) == ("failed", (0, 0, 0), 21)
    assert "is refused: SFTPPermissionDenied: Permission denied; check that it exists" in str(result.error)
    assert lake.packs() == []
    server.faults.refused = {"ST0_0000.txt"}
    result = land_night(lake, server, root.parent)
    assert (result.status, result.landed) == ("failed", 29)
    assert [(f.rule, f.name) for f in result.findings] == [("file_unreadable", "ST0/2026/11/ST0_0000.txt")]


def test_a_growing_file_waits(lake: Lake, root: Path, server: FileServer) -> None:
    fill(root, 5)
    server.faults.growing = {"ST1_0001.txt"}
    result = land_night(lake, server, root.parent, settle_s=0)
    assert (result.status, counts(result)) == ("ok", (4, 0, 1))
    assert rules(result) == [("file_still_written", "stations", 1)]
    server.faults.growing.clear()
    assert counts(land_night(lake, server, root.parent, NEXT_NIGHT, settle_s=0)) == (1, 4, 0)
    assert landed(lake, NEXT_NIGHT)["ST1/2026/11/ST1_0001.txt"].endswith(b"x" * 50)


def test_young_hidden_and_temporary_files_wait(lake: Lake, root: Path, server: FileServer) -> None:
    put(root / "young.txt", b"young", age_s=3)
    put(root / ".in.hidden.txt", b"hidden")
    put(root / "upload.txt.part", b"upload")
    put(root / "done.txt", b"done")
    result = land_night(lake, server, root.parent)
    assert server.faults.fetched == ["done.txt"]
    assert (counts(result), rules(result)) == ((1, 0, 3), [("file_still_written", "stations", 1)])


def test_links_are_followed_but_never_in_circles(lake: Lake, root: Path, server: FileServer) -> None:
    put(root / "in" / "real" / "a.txt", b"a")
    put(root / "share" / "b.txt", b"b")
    put(root / "c.txt", b"c")
    (root / "in" / "1 again").symlink_to("../in")
    (root / "in" / "real" / "up").symlink_to("..")
    (root / "in" / "3 share").symlink_to("../share")
    (root / "share" / "back").symlink_to("../in")
    (root / "in" / "linked.txt").symlink_to("../c.txt")
    (root / "in" / "broken.txt").symlink_to("gone.txt")
    result = land_night(lake, server, root.parent, path="/in")
    assert landed(lake) == {"real/a.txt": b"a", "3 share/b.txt": b"b", "linked.txt": b"c"}
    assert [f.name for f in result.findings] == ["broken.txt"]


# ---- whom we trust, and who we are -----------------------------------------------------------------------------------


def test_an_unknown_host_is_not_told_the_password(lake: Lake, root: Path, server: FileServer) -> None:
    fill(root, 1)
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    (root.parent / "known_hosts").write_text("")
    unknown = land_night(lake, server, root.parent)
    trust(server, root.parent, stranger)
    changed = land_night(lake, server, root.parent)
    for result in (unknown, changed):
        assert (result.status, result.landed) == ("failed", 0)
        assert str(result.error).startswith(f"{server.url} shows a host key that known_hosts does not hold for it; ")
    assert server.faults.logins == 0


def test_known_hosts_must_be_there(lake: Lake, root: Path, server: FileServer) -> None:
    fill(root, 1)
    result = land_night(lake, server, root.parent, known_hosts="absent")
    assert f"known_hosts {root.parent}/absent cannot be read: FileNotFoundError" in str(result.error)
    result = land_night(lake, server, root.parent, known_hosts="")
    assert f"known_hosts {root.parent}/.ssh/known_hosts cannot be read: FileNotFoundError" in str(result.error)
    (root.parent / ".ssh").mkdir()
    (root.parent / "known_hosts").rename(root.parent / ".ssh" / "known_hosts")
    assert counts(land_night(lake, server, root.parent, known_hosts="")) == (1, 0, 0)


def test_a_wrong_password_says_what_to_check(
    lake: Lake, root: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root, 1)
    monkeypatch.setenv("KCN_SFTP_PASSWORD", "not the password")
    result = land_night(lake, server, root.parent)
    assert (result.status, result.findings) == ("failed", ())
    assert str(result.error).startswith(f"{server.url} refuses the login: Permission denied")
    assert str(result.error).endswith("; check username (KCN_SFTP_PASSWORD), password and private_key")
    assert "not the password" not in repr(result)


@pytest.mark.parametrize("passphrase", [None, "mở khóa"])
def test_a_key_opens_the_door(lake: Lake, root: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str | None) -> None:
    files = fill(root, 3)
    key = asyncssh.generate_private_key("ssh-ed25519")
    text = key.export_private_key("pkcs8-pem", passphrase=passphrase).decode()
    (root.parent / "id_station").write_text(text)
    monkeypatch.setenv("KCN_SFTP_KEY", text)
    monkeypatch.setenv("KCN_KEY_FILE", str(root.parent / "id_station"))
    password = ""
    if passphrase:
        monkeypatch.setenv("KCN_PASSPHRASE", passphrase)
        password = "${KCN_PASSPHRASE}"
    with serve_sftp(root, HOST_KEY, authorized_key=key) as server:
        trust(server, root.parent)
        for number, private_key in enumerate(("id_station", "${KCN_SFTP_KEY}", "${KCN_KEY_FILE}")):
            other = Lake(root.parent / f"lake{number}")
            result = land_night(other, server, root.parent, private_key=private_key, password=password)
            assert (result.status, counts(result)) == ("ok", (3, 0, 0))
            assert landed(other) == files
        stranger = asyncssh.generate_private_key("ssh-ed25519")
        (root.parent / "id_other").write_bytes(stranger.export_private_key())
        result = land_night(lake, server, root.parent, private_key="id_other", password="")
        assert "refuses the login" in str(result.error)


def test_a_key_that_cannot_be_used_is_named_but_not_shown(
    lake: Lake, root: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KCN_SFTP_KEY", "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0IGtleQ==\n")
    result = land_night(lake, server, root.parent, private_key="${KCN_SFTP_KEY}")
    assert "private_key ${KCN_SFTP_KEY} cannot be used: " in str(result.error)
    assert "c2VjcmV0" not in repr(result)
    result = land_night(lake, server, root.parent, private_key="absent")
    assert "private_key absent cannot be used: FileNotFoundError" in str(result.error)


def test_a_missing_folder_is_named(lake: Lake, root: Path, server: FileServer) -> None:
    result = land_night(lake, server, root.parent, path="/absent")
    assert str(result.error).startswith(f"{server.url}/absent is refused: SFTPNoSuchFile: No such file")


def test_a_server_that_is_down_does_not_raise(lake: Lake, root: Path) -> None:
    with serve_sftp(root, HOST_KEY) as server:
        trust(server, root.parent)
    result = land_night(lake, server, root.parent, timeout_s=1)
    assert (result.status, result.landed) == ("failed", 0)
    assert "cannot be reached: ConnectionRefusedError" in str(result.error)
