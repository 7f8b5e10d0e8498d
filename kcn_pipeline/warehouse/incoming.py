"""Rows on their way in: checked cell by cell and bulk-loaded into a temporary table beside their target.

It must not write to a published table. The surprising fact: a number that is not finite is found here and nowhere
later, because SQLite would store NaN as an innocent null.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    func,
    insert,
    select,
)

from kcn_pipeline.warehouse.errors import PublishAuditError
from kcn_pipeline.warehouse.schema import key_columns

_ROWS_AT_A_TIME = 10_000
#: Failures told before a load gives up; more would hide the first.
_SHOWN = 10


class ArrowTable(Protocol):
    """What of a pyarrow table is used here."""

    def to_batches(self, max_chunksize: int | None = None) -> Sequence[Any]:
        """Its record batches."""

    def column(self, name: str) -> Any:
        """One of its columns."""


Row = Mapping[str, Any]
Rows = Iterable[Row] | ArrowTable


@dataclass(frozen=True)
class Incoming:
    """The rows of a batch for `target`, in the temporary `table` of the same columns."""

    target: Table
    table: Table
    count: int


def iterate_rows(rows: Rows) -> Iterator[dict[str, Any]]:
    """The rows of an Arrow table or of an iterable of mappings, one dict each."""
    to_batches = getattr(rows, "to_batches", None)
    if to_batches is None:
        for row in rows:  # type: ignore[union-attr]
            yield dict(row)
        return
    for batch in to_batches(max_chunksize=_ROWS_AT_A_TIME):
        yield from batch.to_pylist()


def load_incoming(connection: Connection, night: str, target: Table, rows: Iterable[dict[str, Any]]) -> Incoming:
    """Put the rows into a temporary table; raises PublishAuditError naming bad cells and repeated keys.

    A row must have exactly the columns of `target`: a misspelt column would otherwise publish nulls.
    """
    table = _temporary(target)
    table.create(connection, checkfirst=False)
    failures: list[str] = []
    count = 0
    cleaned = _clean_rows(target, rows, failures)
    for chunk in _chunks(cleaned):
        _insert(connection, table, chunk)
        count += len(chunk)
    key = [table.c[name] for name in key_columns(target)]
    failures += _repeated_keys(connection, target, key)
    if failures:
        raise PublishAuditError(night, failures)
    return Incoming(target, table, count)


@cache
def _temporary(target: Table) -> Table:
    """One definition per target, so that statements about it are compiled once; its key is not unique yet."""
    return Table(
        f"incoming_{target.name}",
        MetaData(),
        *[Column(column.name, column.type) for column in target.columns],
        Index(f"ix_incoming_{target.name}", *key_columns(target)),
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )


def _chunks(rows: Iterator[tuple]) -> Iterator[list[tuple]]:
    while chunk := list(islice(rows, _ROWS_AT_A_TIME)):
        yield chunk


def _insert(connection: Connection, table: Table, rows: list[tuple]) -> None:
    """COPY where the driver has it (81k rows/s on PostgreSQL against 8k with INSERT), else many-row INSERT."""
    names = [column.name for column in table.columns]
    if connection.dialect.driver == "psycopg":
        listed = ", ".join(connection.dialect.identifier_preparer.quote(name) for name in names)
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({listed}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


def _repeated_keys(connection: Connection, target: Table, key: list[Column]) -> list[str]:
    found = connection.execute(select(*key).group_by(*key).having(func.count() > 1).limit(_SHOWN)).all()
    return [f"{target.name}: the key {tuple(row)} occurs more than once in the batch" for row in found]


# ---- cells ----------------------------------------------------------------------------------------------------------


def _clean_rows(target: Table, rows: Iterable[dict[str, Any]], failures: list[str]) -> Iterator[tuple]:
    """The rows as tuples in column order; a bad row goes to `failures` instead, and too many end the reading."""
    plan = [(column.name, _cleaner(column), not column.nullable) for column in target.columns]
    expected = {column.name for column in target.columns}
    for row in rows:
        if row.keys() != expected:
            failures.append(_explain_columns(target, expected, set(row)))
            return
        try:
            yield tuple(_clean_cell(row[name], name, clean, required) for name, clean, required in plan)
        except ValueError as error:
            key = tuple(row[name] for name in key_columns(target))
            failures.append(f"{target.name}.{error} in the row {key}")
            if len(failures) >= _SHOWN:
                failures.append("and perhaps more: reading ended here")
                return


def _explain_columns(target: Table, expected: set[str], given: set[str]) -> str:
    return (
        f"{target.name}: the batch lacks the columns {sorted(expected - given)} "
        f"and has unknown columns {sorted(given - expected)}"
    )


def _clean_cell(value: Any, name: str, clean: Callable[[Any], Any], required: bool) -> Any:
    if value is None:
        if required:
            raise ValueError(f"{name} is empty")
        return None
    try:
        return clean(value)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _clean_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is not text: {value!r}")
    return value.replace("\x00", "\N{SYMBOL FOR NULL}")  # PostgreSQL cannot hold U+0000, SQLite can: equal on both


def _clean_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"is not a number: {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"is not finite: {value!r}")
    return float(value)


def _clean_integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"is not a whole number: {value!r}")
    return value


def _clean_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is not true or false: {value!r}")
    return value


def _clean_date(value: Any) -> date:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ValueError(f"is not a date: {value!r}")
    return value


def _clean_time(value: Any) -> datetime:
    """A time of our own bookkeeping (`_at`), in UTC when it has no zone."""
    if not isinstance(value, datetime):
        raise ValueError(f"is not a date with time: {value!r}")
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _clean_local_time(value: Any) -> datetime:
    """A time as a form states it or a station writes it; one with a zone was converted and is no longer that."""
    if not isinstance(value, datetime) or value.tzinfo:
        raise ValueError(f"is not a local date with time: {value!r}")
    return value


def _cleaner(column: Column) -> Callable[[Any], Any]:
    """Facts hold times as they were stated, the audit trail times of our own."""
    is_stated = isinstance(column.type, DateTime) and column.table.name.startswith("fct_")
    return _clean_local_time if is_stated else _CLEANERS[type(column.type)]


_CLEANERS: dict[type, Callable[[Any], Any]] = {
    String: _clean_text,
    Float: _clean_number,
    Integer: _clean_integer,
    Boolean: _clean_boolean,
    Date: _clean_date,
    DateTime: _clean_time,
}
