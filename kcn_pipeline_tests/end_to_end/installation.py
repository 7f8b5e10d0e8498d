"""A throw-away installation of the pipeline: data folder, sources, and the command `kcn` as a user runs it."""

import contextlib
import io
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from kcn_pipeline.cli import main

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Installation:
    """`home` holds sources.yaml, the input folders and `data/`."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "data"

    @property
    def database(self) -> Path:
        """The SQLite warehouse."""
        return self.data / "warehouse.db"

    def env(self, **more: str) -> dict[str, str]:
        """The environment of a command."""
        own = {"KCN_DATA_DIR": str(self.data), "KCN_SOURCES": str(self.home / "sources.yaml")}
        return {**os.environ, **own, **self.environment, **more}

    def write_sources(self, feeds: Iterable[Mapping[str, Any]]) -> None:
        """Write sources.yaml."""
        (self.home / "sources.yaml").write_text(yaml.safe_dump([dict(feed) for feed in feeds], allow_unicode=True))

    def kcn(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        command = [sys.executable, "-m", "kcn_pipeline.cli", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env=self.env(**environment), cwd=ROOT, check=False
        )

    def run_here(self, *arguments: str) -> tuple[int, str]:
        """Run the command in this process, which has its imports already; returns its code and what it said."""
        said, log = io.StringIO(), logging.getLogger("kcn_pipeline.progress")
        with (
            mock.patch.dict(os.environ, self.env()),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
        ):
            log.handlers.clear()
            code = main(arguments)
            log.handlers.clear()
        return code, said.getvalue()

    def refresh(self, night: str, *arguments: str, expect: int = 0) -> str:
        """Refresh a night in this process and return everything it said; fails when the exit code is another."""
        code, said = self.run_here("refresh", "--night", night, *arguments)
        assert code == expect, said[-4000:]
        return said

    def replay(self) -> None:
        """Rebuild everything from landing."""
        code, said = self.run_here("replay")
        assert code == 0, said[-4000:]

    def digest(self) -> str:
        """The fingerprint of the warehouse."""
        return self.run_here("digest")[1].strip()

    def query(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of a query on the warehouse."""
        connection = sqlite3.connect(self.database)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(sql, parameters)]
        finally:
            connection.close()


FOLDERS = (
    {"id": "register", "kind": "register/files", "url": "register"},
    {"id": "reports", "kind": "enterprise_reports/files", "url": "reports"},
    {"id": "paper_reports", "kind": "enterprise_reports/files", "url": "paper_reports", "channel": "paper"},
)


#: Dagster makes a database engine for every event it writes to a file: five seconds of each night.
_EVENTS_IN_MEMORY = """
event_log_storage:
  module: dagster._core.storage.event_log
  class: InMemoryEventLogStorage
"""


def make_installation(
    home: Path, feeds: Iterable[Mapping[str, Any]] = FOLDERS, *, forgets_events: bool = False
) -> Installation:
    """An installation whose input folders exist and are empty.

    One that forgets events keeps those of a run until it ends, and the runs themselves for good; for tests of what
    the nights do and not of how Dagster tells it.
    """
    home.mkdir(parents=True, exist_ok=True)
    for feed in feeds:
        if "://" not in feed["url"]:
            (home / feed["url"]).mkdir(parents=True, exist_ok=True)
    installation = Installation(home)
    installation.write_sources(feeds)
    if forgets_events:
        packaged = (ROOT / "kcn_pipeline" / "defs" / "dagster.yaml").read_text("utf-8")
        dagster_yaml = installation.data / "dagster_home" / "dagster.yaml"
        dagster_yaml.parent.mkdir(parents=True)
        dagster_yaml.write_text(packaged + _EVENTS_IN_MEMORY, "utf-8")
    return installation
