"""kill -9 at random points of a refresh: run again, and everything is as if nothing had happened."""

import contextlib
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

#: Imports once and forks a child per refresh, so that the kills fall into the work and not into imports.
ZYGOTE = """
import os, sys
import dagster, pandas, great_expectations, sqlalchemy, duckdb
import kcn_pipeline.definitions, kcn_pipeline.warehouse, kcn_pipeline.indicators, kcn_pipeline.validation
import kcn_pipeline.staging.enterprise_reports, kcn_pipeline.staging.register, kcn_pipeline.staging.published_figures
from kcn_pipeline.cli import main
print("ready", flush=True)
for night in sys.stdin:
    child = os.fork()
    if child == 0:
        os._exit(main(["refresh", "--night", night.strip()]))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Zygote:
    """Starts refreshes of one installation in forked children."""

    def __init__(self, installation: Installation) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", ZYGOTE], env=installation.env(), cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self.process.stdout is not None
        while (line := self.process.stdout.readline()) and not (line.strip() == "ready" or _is_number(line)):
            pass
        return line.strip()

    def start(self, night: str) -> int:
        """Start a refresh; returns its process id."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{night}\n")
        self.process.stdin.flush()
        return int(self._answer())

    def wait(self) -> int:
        """The exit code of the refresh, negative when a signal ended it."""
        return int(self._answer())

    def stop(self) -> None:
        """End the zygote."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def _is_number(line: str) -> bool:
    return line.strip().lstrip("-").isdigit()


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
    undisturbed, disturbed = Zygote(calm), Zygote(rough)
    durations, states = [], set()
    for night, (first, last) in zip(NIGHTS, (("", half), (half, "9999")), strict=True):
        truth.write(calm.home, first, last)
        began = time.monotonic()
        undisturbed.start(night)
        assert undisturbed.wait() == 0
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
            refresh = disturbed.start(night)
            time.sleep(draw.uniform(0, durations[number]))
            with contextlib.suppress(ProcessLookupError):
                os.kill(refresh, signal.SIGKILL)
            killed += disturbed.wait() == -signal.SIGKILL
        disturbed.start(night)
        assert disturbed.wait() == 0
    reader.ended.set()
    reader.join()
    undisturbed.stop()
    disturbed.stop()

    assert killed == KILLS
    assert rough.digest() == calm.digest()
    assert len(reader.seen) >= 2
    assert reader.seen <= states
