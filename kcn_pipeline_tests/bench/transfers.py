"""How fast station files come over a line of 20 ms: by SFTP over one connection, by FTP over eight.

It must not count files that did not land. The surprising fact: the bounds are times per file and not times compared,
because nearly all of it is waiting for the line, which is as slow on any machine.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kcn_pipeline.contracts.sources import StationFilesFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import FeedResult, land_feed
from kcn_pipeline_tests.bench.figures import Figure, time_call
from kcn_pipeline_tests.bench.processes import BenchmarkError, clean_environment
from kcn_pipeline_tests.bench.sizes import Sizes
from kcn_pipeline_tests.end_to_end.installation import ROOT

ROUND_TRIP_S = 0.020
NIGHT = "2026-11-21"
#: One every five minutes.
_FILES_A_DAY = 288
_USER, _PASSWORD_VARIABLE = "kcn", "KCN_BENCH_PASSWORD"

#: In a process of its own, so that the server does not share the client's interpreter: serves the folder until killed.
_SERVE = """
import asyncio, sys
from pathlib import Path
from kcn_pipeline_tests.bench.slow_line import SlowLine
from kcn_pipeline_tests.landing.file_servers import HOST_KEY, serve_ftp, serve_sftp

async def lead(port):
    print(await SlowLine(float(sys.argv[3])).lead_to(port), flush=True)
    await asyncio.sleep(3600)

root = Path(sys.argv[2])
with serve_ftp(root) if sys.argv[1] == "ftp" else serve_sftp(root, HOST_KEY) as server:
    print(HOST_KEY.export_public_key().decode().strip(), flush=True)
    asyncio.run(lead(server.port))
"""


def measure_sftp(folder: Path, sizes: Sizes) -> Iterator[Figure]:
    """SFTP: at least 300 files a second, which is at most 3.333 ms a file."""
    yield from _measure("sftp", folder, sizes, least_per_second=300)


def measure_ftp(folder: Path, sizes: Sizes) -> Iterator[Figure]:
    """FTP over 8 connections: at least 100 files a second, which is at most 10 ms a file."""
    yield from _measure("ftp", folder, sizes, least_per_second=100)


def _measure(scheme: str, folder: Path, sizes: Sizes, least_per_second: int) -> Iterator[Figure]:
    """Land the files, then a night on which nothing is new."""
    _write_files(folder / "served", sizes.transfer_files)
    lake = Lake(folder / "data")
    with _serve(scheme, folder) as feed:
        first: list[FeedResult] = []
        seconds = time_call(lambda: first.append(land_feed(lake, feed, NIGHT, folder)))
        again: list[FeedResult] = []
        seconds_again = time_call(lambda: again.append(land_feed(lake, feed, NIGHT, folder)))
    if first[0].landed != sizes.transfer_files or again[0].unchanged != sizes.transfer_files:
        raise BenchmarkError(f"{sizes.transfer_files} files were offered: {first[0]}, then {again[0]}")
    name = f"{scheme}_file_at_20_ms"
    yield Figure(name, 1000 * seconds / sizes.transfer_files, "ms", 1000 / least_per_second)
    yield Figure(f"{name}.files_per_second", sizes.transfer_files / seconds, "1/s")
    yield Figure(f"{name}.nothing_new", seconds_again, "s")


def _write_files(root: Path, count: int) -> None:
    """Whole days of as many stations as it takes, an hour old."""
    an_hour_ago = time.time() - 3600
    for number in range(count):
        station, moment = f"ST{number // _FILES_A_DAY:03}", number % _FILES_A_DAY
        path = root / station / "2026" / "11" / "21" / f"{station}_20261121{moment // 12:02}{moment % 12 * 5:02}00.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"COD\t{number % 90}.{line}\tmg/L\t20261121000000\t00\r\n" for line in range(8)))
        os.utime(path, (an_hour_ago, an_hour_ago))


@contextmanager
def _serve(scheme: str, folder: Path) -> Iterator[StationFilesFeed]:
    """The feed of a server behind the slow line, as long as the server runs."""
    from kcn_pipeline_tests.landing.file_servers import PASSWORD

    command = [sys.executable, "-c", _SERVE, scheme, str(folder / "served"), str(ROUND_TRIP_S)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=clean_environment(os.environ))
    os.environ[_PASSWORD_VARIABLE] = PASSWORD
    try:
        assert server.stdout is not None
        key, port = server.stdout.readline().strip(), server.stdout.readline().strip()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}\n")
        yield StationFilesFeed(
            id="stations",
            kind="monitoring/station_files",
            url=f"{scheme}://127.0.0.1:{port}",
            username=_USER,
            password=f"${{{_PASSWORD_VARIABLE}}}",
            known_hosts="known_hosts",
            folders="{station}/%Y/%m/%d",
        )
    finally:
        del os.environ[_PASSWORD_VARIABLE]
        server.kill()
        server.wait()
