"""How the warehouse is opened: connections, the one writing transaction at a time, and snapshots for reading.

It must not know a table. The surprising fact: SQLite and PostgreSQL differ only here and in the bulk load; a writer
holds `BEGIN IMMEDIATE` on the one and an advisory lock on the other, and readers see the old night until the commit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.pool import NullPool

from kcn_pipeline.warehouse.errors import WarehouseError

#: How long a writer waits for another writer, or for a reader that holds a view, before it gives up.
BUSY_SECONDS = 60
#: Any constant: writers of this warehouse take the advisory lock of this number.
_LOCK_NUMBER = 2101_0500


def open_engine(url: str, must_exist: bool = False) -> Engine:
    """An engine for an SQLite file or a PostgreSQL database; raises WarehouseError for anything else.

    An SQLite file is created when it is missing, unless `must_exist`.
    """
    address = make_url(url)
    shown = address.render_as_string(hide_password=True)
    backend = address.get_backend_name()
    if backend == "sqlite":
        _prepare_file(address, must_exist)
        return _open_sqlite(address)
    if backend != "postgresql":
        raise WarehouseError(f"{shown}: the warehouse runs on sqlite or postgresql; correct KCN_WAREHOUSE_URL")
    try:
        return _open_postgres(address)
    except ModuleNotFoundError as error:
        raise WarehouseError(f"{shown}: {error}; install kcn_pipeline[postgres]") from error


def _prepare_file(address: URL, must_exist: bool) -> None:
    if not address.database or address.database == ":memory:":
        raise WarehouseError(
            "an SQLite warehouse is a file, such as sqlite:///data/warehouse.db; correct KCN_WAREHOUSE_URL"
        )
    path = Path(address.database)
    if must_exist and not path.exists():
        raise WarehouseError(f"there is no warehouse {path}; publish a night first (`kcn refresh`)")
    path.parent.mkdir(parents=True, exist_ok=True)


# One engine per address: without a pool it holds no connection, only compiled statements, which a replay of many nights
# would otherwise compile anew for every night (60 % of the time of a small night).
@cache
def _open_postgres(address: URL) -> Engine:
    return create_engine(address, poolclass=NullPool)


@cache
def _open_sqlite(address: URL) -> Engine:
    engine = create_engine(address, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin or commit by itself
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('sqlite_begin', 'DEFERRED')}")

    return engine


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction that no other writer shares; committed at the end, rolled back on any exception."""
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        connection.execution_options(sqlite_begin="IMMEDIATE")
        with connection.begin():
            if not is_sqlite:
                connection.execute(text(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})"))
            yield connection
    if is_sqlite:
        _checkpoint(engine)


@contextmanager
def read_snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction whose statements all see the same night, whatever is published meanwhile."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


def _checkpoint(engine: Engine) -> None:
    """Bring the write-ahead log back to zero; a night left 207 MB. A reader in the middle only postpones it."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 2000")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.close()
    finally:
        connection.close()
