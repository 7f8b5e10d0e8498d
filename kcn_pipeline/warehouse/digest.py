"""The fingerprint of what the warehouse says: one sha256 over every `dim_` and `fct_` table.

It must not cover the audit trail, where run ids and run times lie. The surprising fact: it is the same on SQLite and
PostgreSQL, because rows are ordered by the bytes of their keys and floats are rounded to 12 significant digits.
"""

import json
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, Table, collate, select

from kcn_pipeline.warehouse.database import open_engine, read_snapshot
from kcn_pipeline.warehouse.schema import BOOKKEEPING, check_schema, published_tables

_ROWS_AT_A_TIME = 5_000


def compute_digest(url: str) -> str:
    """The sha256, in hexadecimal, of all published rows; equal data gives an equal digest on any database.

    Raises WarehouseError when there is no warehouse at `url` or it has other tables than this version writes.
    """
    total = sha256()
    with read_snapshot(open_engine(url, must_exist=True)) as connection:
        check_schema(connection)
        for table in published_tables():
            _add_table(connection, table, total)
    return total.hexdigest()


def _add_table(connection: Connection, table: Table, total: Any) -> None:
    said = [column for column in table.columns if (table.name, column.name) not in BOOKKEEPING]
    columns = sorted(said, key=lambda column: column.name)
    total.update(json.dumps([table.name, *(column.name for column in columns)]).encode())
    query = select(*columns).order_by(*_by_bytes(connection, table)).execution_options(yield_per=_ROWS_AT_A_TIME)
    for row in connection.execute(query):
        total.update(json.dumps([canonical(value) for value in row], ensure_ascii=False).encode() + b"\n")


def _by_bytes(connection: Connection, table: Table) -> list[ColumnElement]:
    """The key columns, compared byte by byte: PostgreSQL would sort texts by the database's language."""
    is_postgres = connection.dialect.name == "postgresql"
    return [
        collate(column, "C") if is_postgres and isinstance(column.type, String) else column
        for column in table.primary_key.columns
    ]


def canonical(value: Any) -> Any:
    """A value as JSON writes it the same everywhere: floats with 12 digits and no minus zero, dates as ISO text."""
    if isinstance(value, float):
        return float(f"{value:.12g}") + 0.0
    if isinstance(value, date):
        return value.isoformat()
    return value
