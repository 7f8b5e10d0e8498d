"""kill -9 at random points of a refresh: run again, and everything is as if nothing had happened."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kcn_pipeline_tests.end_to_end.installation import ROOT, Installation, make_installation
from kcn_pipeline_tests.simulate import make_truth

KILLS, NIGHTS = 30, ("2026-11-19", "2026-11-20")

#: Imports first, says so, then waits for a line: so that the kills fall into the work and not into imports.
PRELOADED = """
import sys
import dagster, pandas, great_expectations, sqlalchemy, duckdb
import kcn_pipeline.definitions, kcn_pipeline.warehouse, kcn_pipeline.indicators, kcn_pipeline.validation
from kcn_pipeline.cli import main
print("ready", flush=True)
sys.stdin.readline()
sys.exit(main(sys.argv[1:]))
"""


def _start(installation: Installation, night: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PRELOADED, "refresh", "--night", night]
    process = subprocess.Popen(
        command, env=installation.env(), cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


class Reader(threading.Thread):
    """Polls the warehouse all the time, as a BI tool would, and keeps every state it saw."""

    def __init__(self, database: Path) -> None:
        super().__init__(daemon=True)
        self.database, self.seen, self.ended = database, set[tuple[int, int, int, str | None]](), threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            if self.database.exists():
                self._look()
            time.sleep(0.005)

    def _look(self) -> None:
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)
        try:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM fct_indicator_value), (SELECT count(*) FROM fct_report_submission), "
                "(SELECT count(*) FROM dim_area), (SELECT max(night) FROM audit_refresh)"
            ).fetchone()
            self.seen.add(tuple(row))
        except sqlite3.OperationalError as error:
            # Before the first night there are no tables; afterwards there always are.
            if "no such table" not in str(error) or self.seen:
                raise
        finally:
            connection.close()


@pytest.fixture
def reader_of() -> Iterator[list[Reader]]:
    readers: list[Reader] = []
    yield readers
    for reader in readers:
        reader.ended.set()
        reader.join()


@pytest.mark.slow
def test_kill_9_at_thirty_random_points(tmp_path: Path, reader_of: list[Reader]) -> None:
    truth = make_truth(parks=2, enterprises=8, quarters=3, seed=5, dirty=0.3)
    half = list(truth.arrivals)[len(truth.arrivals) // 2]
    calm, rough = (make_installation(tmp_path / name) for name in ("calm", "rough"))
    durations, states = [], set()
    for night, (first, last) in zip(NIGHTS, (("", half), (half, "9999")), strict=True):
        truth.write(calm.home, first, last)
        process = _start(calm, night)
        began = time.monotonic()
        _go(process)
        assert process.wait() == 0
        durations.append(time.monotonic() - began)
        counts = [calm.query(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in
                  ("fct_indicator_value", "fct_report_submission", "dim_area")]  # fmt: skip
        states.add((*counts, night))

    draw = random.Random(20261121)
    reader = Reader(rough.database)
    reader_of.append(reader)
    reader.start()
    killed = 0
    for number, (night, (first, last)) in enumerate(zip(NIGHTS, (("", half), (half, "9999")), strict=True)):
        truth.write(rough.home, first, last)
        while killed < KILLS * (number + 1) // 2:
            process = _start(rough, night)
            _go(process)
            time.sleep(draw.uniform(0, durations[number]))
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
            process.wait()
        rough.refresh(night)
    reader.ended.set()
    reader.join()

    assert killed == KILLS
    assert rough.digest() == calm.digest()
    assert len(reader.seen) >= 2
    assert reader.seen <= states
