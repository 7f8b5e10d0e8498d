"""Station files by FTP and FTPS from a server on this machine, which loses connections, refuses and lies."""

from pathlib import Path
from typing import Any

import pytest
from pyftpdlib.handlers import FTPHandler

from kcn_pipeline.contracts.sources import StationFilesFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import FeedResult
from kcn_pipeline.landing.errors import FolderError
from kcn_pipeline.landing.station_files import land_station_files
from kcn_pipeline.landing.station_files.ftp_listing import read_facts, read_long_lines
from kcn_pipeline.landing.station_files.server import Entry
from kcn_pipeline_tests.landing.file_servers import PASSWORD, USER, FileServer, make_certificate, serve_ftp
from kcn_pipeline_tests.landing.test_station_files import NEXT_NIGHT, TONIGHT, counts, landed, put, rules


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KCN_FTP_PASSWORD", PASSWORD)
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


def land_night(lake: Lake, server: FileServer, night: str = TONIGHT, path: str = "", **options: Any) -> FeedResult:
    feed = {
        "id": "stations",
        "kind": "monitoring/station_files",
        "url": server.url + path,
        "username": USER,
        "password": "${KCN_FTP_PASSWORD}",
        "timeout_s": 5,
        **options,
    }
    result = land_station_files(lake, StationFilesFeed(**feed), night, Path("/nowhere"))
    assert PASSWORD not in repr(result)
    return result


def fill(root: Path, count: int) -> dict[str, bytes]:
    """Files of three stations in folders; returns name → bytes."""
    files = {f"ST{n % 3}/2026/11/ST{n % 3}_{n:04}.txt": b"%d\t" % n * 100 for n in range(count)}
    for number, (name, content) in enumerate(files.items()):
        put(root / name, content, age_s=10_000 - number)
    return files


def test_files_land_over_several_connections_and_only_once(lake: Lake, root: Path) -> None:
    files = fill(root, 60)
    with serve_ftp(root) as server:
        result = land_night(lake, server, connections=4)
        assert result == FeedResult("stations", "monitoring", "ok", landed=60, bytes=sum(map(len, files.values())))
        assert landed(lake) == files
        assert list(landed(lake)) == list(files), "oldest first"
        assert 1 < server.faults.logins <= 4
        assert sorted(set(server.faults.listed)) == [
            ".", "ST0", "ST0/2026", "ST0/2026/11", "ST1", "ST1/2026", "ST1/2026/11", "ST2", "ST2/2026", "ST2/2026/11",
        ]  # fmt: skip
        server.faults.fetched.clear()
        assert counts(land_night(lake, server, NEXT_NIGHT)) == (0, 60, 0)
        assert server.faults.fetched == []


def test_only_folders_of_the_days_looked_back_on_are_listed(lake: Lake, root: Path) -> None:
    for day in ("2026/11/16", "2026/11/17", "2026/11/18", "2025/11/18"):
        put(root / "in" / "ST1" / day / "a.txt", day.encode())
    with serve_ftp(root) as server:
        result = land_night(
            lake, server, "2026-11-18", "/in", folders="{station}/%Y/%m/%d", look_back_days=1, connections=1
        )
        assert counts(result) == (2, 0, 0)
        assert server.faults.listed == [
            "in", "in/ST1", "in/ST1/2026", "in/ST1/2026/11", "in/ST1/2026/11/17", "in/ST1/2026/11/18",
        ]  # fmt: skip
    assert landed(lake, "2026-11-18") == {
        "ST1/2026/11/17/a.txt": b"2026/11/17",
        "ST1/2026/11/18/a.txt": b"2026/11/18",
    }


def test_names_arrive_as_they_are(lake: Lake, root: Path) -> None:
    names = ["Quế Võ/Trạm 1.txt", "Que\u0302/a b;c=d.txt", "a#b%20;.txt", "B\udcbec Ninh.txt", " lead.txt"]
    for name in names:
        put(root / name, name.encode("utf-8", "surrogateescape"))
    with serve_ftp(root) as server:
        assert counts(land_night(lake, server)) == (5, 0, 0)
        assert counts(land_night(lake, server, NEXT_NIGHT)) == (0, 5, 0)
    shown = {name.replace("\udcbe", r"\xbe"): name.encode("utf-8", "surrogateescape") for name in names}
    assert landed(lake) == shown


def test_a_connection_that_breaks_in_mid_file_is_made_anew(lake: Lake, root: Path) -> None:
    files = fill(root, 30)
    with serve_ftp(root) as server:
        server.faults.cut = {"ST1_0001.txt": 1, "ST2_0005.txt": 2}
        result = land_night(lake, server, connections=2)
        assert (result.status, counts(result)) == ("ok", (30, 0, 0))
    assert landed(lake) == files


def test_a_file_that_never_comes_whole_does_not_land_and_the_others_do(lake: Lake, root: Path) -> None:
    files = fill(root, 30)
    with serve_ftp(root) as server:
        server.faults.cut = {"ST1_0001.txt": 99}
        result = land_night(lake, server, connections=2)
        assert (result.status, counts(result)) == ("failed", (29, 0, 1))
        assert "broke the connection: " in str(result.error)
        assert str(result.error).endswith("; left for the next night: 1, the first is ST1/2026/11/ST1_0001.txt")
        assert server.faults.fetched.count("ST1_0001.txt") == 3
        assert landed(lake) == {name: files[name] for name in files if "_0001" not in name}
        server.faults.cut.clear()
        assert counts(land_night(lake, server, NEXT_NIGHT)) == (1, 29, 0)


def test_a_server_that_dies_fails_the_feed_and_what_came_whole_lands(lake: Lake, root: Path) -> None:
    files = fill(root, 40)
    with serve_ftp(root) as server:
        server.faults.cut = {name.rpartition("/")[2]: 99 for name in list(files)[20:]}
        result = land_night(lake, server, connections=2)
    assert result.status == "failed"
    assert 18 <= result.landed <= 20
    assert result.landed + result.skipped == 40
    assert landed(lake) == {name: files[name] for name in landed(lake)}
    with serve_ftp(root) as server:
        result = land_night(lake, server, NEXT_NIGHT)
        assert (result.status, result.landed + result.unchanged) == ("ok", 40)


def test_a_server_that_falls_silent_is_given_up(lake: Lake, root: Path) -> None:
    files = fill(root, 6)
    with serve_ftp(root) as server:
        server.faults.silent = {"ST0_0003.txt"}
        result = land_night(lake, server, connections=1, timeout_s=0.2)
    assert (result.status, counts(result)) == ("failed", (5, 0, 1))
    assert "broke the connection: TimeoutError" in str(result.error)
    assert len(landed(lake)) == len(files) - 1


def test_a_server_may_allow_fewer_connections(lake: Lake, root: Path) -> None:
    files = fill(root, 40)
    with serve_ftp(root) as server:
        # The count of the server includes the socket it listens on.
        server.faults.most_connections = 3
        result = land_night(lake, server, connections=8)
    assert (result.status, counts(result)) == ("ok", (40, 0, 0))
    assert landed(lake) == files


def test_a_server_that_lists_but_refuses_to_read_fails_the_feed(lake: Lake, root: Path) -> None:
    files = fill(root, 30)
    with serve_ftp(root) as server:
        server.faults.refused = {name.rpartition("/")[2] for name in files}
        result = land_night(lake, server)
        assert (result.status, counts(result)) == ("failed", (0, 0, 0))
        assert len(result.findings) == 21
        assert "is refused: 550 Permission denied.; check that it exists" in str(result.error)
        assert lake.packs() == []
        server.faults.refused = {"ST0_0000.txt"}
        result = land_night(lake, server)
        assert (result.status, result.landed) == ("failed", 29)
        assert [(f.rule, f.name) for f in result.findings] == [("file_unreadable", "ST0/2026/11/ST0_0000.txt")]


def test_a_growing_file_waits(lake: Lake, root: Path) -> None:
    fill(root, 5)
    with serve_ftp(root) as server:
        server.faults.growing = {"ST1_0001.txt"}
        result = land_night(lake, server, settle_s=0, connections=1)
        assert (result.status, counts(result)) == ("ok", (4, 0, 1))
        assert rules(result) == [("file_still_written", "stations", 1)]
        server.faults.growing.clear()
        assert counts(land_night(lake, server, NEXT_NIGHT, settle_s=0)) == (1, 4, 0)
    assert landed(lake, NEXT_NIGHT)["ST1/2026/11/ST1_0001.txt"].endswith(b"x" * 50)


def test_a_file_larger_than_it_was_listed_by_far_is_cut_off(lake: Lake, root: Path) -> None:
    put(root / "a.txt", b"12345")
    put(root / "b.txt", b"12345")
    with serve_ftp(root) as server:
        server.faults.growing = {"a.txt"}
        put(root / "a.txt", b"")
        result = land_night(lake, server, connections=1)
        assert (result.status, counts(result)) == ("ok", (1, 0, 1))


def test_young_hidden_and_temporary_files_wait(lake: Lake, root: Path) -> None:
    put(root / "young.txt", b"young", age_s=3)
    put(root / ".in.hidden.txt", b"hidden")
    put(root / "upload.txt.part", b"upload")
    put(root / "done.txt", b"done")
    with serve_ftp(root) as server:
        result = land_night(lake, server)
        assert server.faults.fetched == ["done.txt"]
    assert (counts(result), rules(result)) == ((1, 0, 3), [("file_still_written", "stations", 1)])


def test_a_wrong_password_says_what_to_check(lake: Lake, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(root, 1)
    monkeypatch.setenv("KCN_FTP_PASSWORD", "not the password")
    with serve_ftp(root) as server:
        result = land_night(lake, server)
    assert (result.status, result.findings) == ("failed", ())
    assert result.error == (
        f"{server.url} refuses the login: 530 Authentication failed.; check username and password (KCN_FTP_PASSWORD)"
    )
    assert "not the password" not in repr(result)


def test_the_user_may_stand_in_the_url(lake: Lake, root: Path) -> None:
    put(root / "in" / "a.txt", b"a")
    with serve_ftp(root) as server:
        url = server.url.replace("://", f"://{USER}:${{KCN_FTP_PASSWORD}}@")
        result = land_night(lake, server, url=f"{url}/in/", username="", password="")
        assert counts(result) == (1, 0, 0)
        missing = land_night(lake, server, url=f"{url}/absent", username="", password="")
    assert str(missing.error).startswith(f"{server.url}/absent is refused: 501 No such directory.")


def test_a_server_that_is_down_does_not_raise(lake: Lake, root: Path) -> None:
    with serve_ftp(root) as server:
        pass
    result = land_night(lake, server, timeout_s=1)
    assert (result.status, result.landed) == ("failed", 0)
    assert "cannot be reached: ConnectionRefusedError" in str(result.error)


# ---- servers without MLSD --------------------------------------------------------------------------------------------


WITHOUT_MLSD = {name: facts for name, facts in FTPHandler.proto_cmds.items() if name not in ("MLSD", "MLST")}


def test_a_server_without_mlsd_is_asked_for_the_times(lake: Lake, root: Path) -> None:
    files = fill(root, 30)
    put(root / "ST1" / "a file  with blanks.txt", b"blanks", age_s=20_000)
    put(root / "young.txt", b"young", age_s=3)
    with serve_ftp(root, proto_cmds=WITHOUT_MLSD) as server:
        result = land_night(lake, server)
        assert (result.status, counts(result)) == ("ok", (31, 0, 1))
        assert landed(lake) == {"ST1/a file  with blanks.txt": b"blanks", **files}
        assert list(landed(lake))[1:] == list(files), "oldest first"
        server.faults.fetched.clear()
        assert counts(land_night(lake, server, NEXT_NIGHT)) == (0, 31, 1)
        assert server.faults.fetched == []
        missing = land_night(lake, server, path="/absent")
    assert "absent is refused: 550" in str(missing.error)


def test_long_lines_of_several_kinds_of_servers_are_read() -> None:
    unix = (
        b"total 12\r\n"
        b"drwxr-xr-x   2 1001     1001         4096 Nov 18 00:00 ST1\r\n"
        b"-rw-r--r--   1 ftp      ftp           261 Nov 18  2025 a  b.txt\r\n"
        b"-rw-r--r--+  1 ftp           0 Nov 18 00:05 Tr\xe1\xba\xa1m.txt\r\n"
        b"lrwxrwxrwx   1 ftp      ftp            11 Nov  8 00:05 link -> a.txt\r\n"
    )
    assert read_long_lines(unix) == [
        Entry("ST1", "folder"),
        Entry("a  b.txt", "file", 261),
        Entry("Trạm.txt", "file", 0),
        Entry("link -> a.txt", "other"),
    ]
    dos = b"11-18-26  12:05AM       <DIR>          ST1\r\n11-18-2026  00:05                  261 a b.txt\r\n"
    assert read_long_lines(dos) == [Entry("ST1", "folder"), Entry("a b.txt", "file", 261)]
    with pytest.raises(FolderError, match=r"form that is not known: 'ST1\.DIR;1"):
        read_long_lines(b"ST1.DIR;1  1/3  18-NOV-2026 00:05\r\n")


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (b"Type=file;Size=261;Modify=20261118000512.25; a.txt", Entry("a.txt", "file", 261, 1_794_960_312_250_000)),
        (b"type=file;modify=soon; a; b.txt", Entry("a; b.txt", "file", None, None)),
        (b"type=dir;unique=1Ag2; ST1", Entry("ST1", "folder", identity=b"1Ag2")),
        (b"type=OS.unix=slink:/x; ST1", Entry("ST1", "other")),
    ],
)
def test_facts_are_read_and_those_that_are_missing_stay_unknown(line: bytes, entry: Entry) -> None:
    assert read_facts(b"type=cdir; .\r\ntype=pdir; ..\r\n" + line + b"\r\n") == [entry]


# ---- TLS -------------------------------------------------------------------------------------------------------------


def test_files_land_over_tls_from_a_server_that_is_trusted(
    lake: Lake, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = fill(root, 20)
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serve_ftp(root, certificate) as server:
        result = land_night(lake, server, connections=3)
        assert (result.status, counts(result)) == ("ok", (20, 0, 0))
        assert counts(land_night(lake, server, NEXT_NIGHT)) == (0, 20, 0)
        server.faults.growing = {"ST1_0001.txt"}
        put(root / "ST1/2026/11/ST1_0001.txt", b"grows")
        assert counts(land_night(lake, server, NEXT_NIGHT)) == (0, 19, 1)
    assert landed(lake) == files


def test_a_certificate_of_a_stranger_is_refused(
    lake: Lake, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root, 1)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with serve_ftp(root, make_certificate(tmp_path)) as server:
        result = land_night(lake, server)
        assert server.faults.logins == 0, "the password must not be sent"
    assert (result.status, result.landed) == ("failed", 0)
    assert "has no certificate we can trust: self" in str(result.error)
    assert "SSL_CERT_FILE" in str(result.error)


def test_a_certificate_for_another_name_is_refused(
    lake: Lake, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serve_ftp(root, certificate) as server:
        result = land_night(lake, server, url=server.url.replace("127.0.0.1", "localhost"))
        assert server.faults.logins == 0
    assert "has no certificate we can trust: Hostname mismatch" in str(result.error)


def test_a_server_without_tls_is_not_told_the_password(lake: Lake, root: Path) -> None:
    with serve_ftp(root) as server:
        result = land_night(lake, server, url=server.url.replace("ftp:", "ftps:"))
        assert server.faults.logins == 0
    assert "offers no TLS: 5" in str(result.error)
