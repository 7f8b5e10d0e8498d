"""Keeps Dagster's event log quick while a run writes to it: one connection to each of its SQLite files stays open.

It must not read or write an event. The surprising fact: Dagster opens a connection for every event, and whenever the
last connection to a file closes, SQLite folds the write-ahead log into the file, waits for the disk and deletes it; a
night with nothing new waited 5,400 times, on a busy disk for longer than it worked.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

import dagster as dg

#: The file of the events that are looked up across runs; beside it lies one file per run.
_ACROSS_RUNS = "index"


@contextmanager
def keep_event_log_open(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Hold the files of a run's events open; does nothing when the instance keeps its events in another database."""
    path_of = getattr(instance.event_log_storage, "path_for_shard", None)
    paths = [path_of(name) for name in (_ACROSS_RUNS, run_id)] if path_of else []
    with ExitStack() as stack:
        for path in paths:
            connection = stack.enter_context(closing(sqlite3.connect(path)))
            with suppress(sqlite3.Error):  # then the run is merely slower
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchall()  # from here on it counts as open
        yield
