"""Making a published table, or a part of it, equal to the incoming rows with as few changes as possible.

It must not know any table. The surprising fact: floats that differ by less than one part in 10^12 count as equal, or
the order in which a parallel engine adds up would look like a revision every night.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    FromClause,
    Select,
    Table,
    and_,
    delete,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from kcn_pipeline.warehouse.incoming import Incoming
from kcn_pipeline.warehouse.schema import key_columns

_INSERTS: dict[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_SAME_SHARE = 1e-12

#: Which rows of a table a batch speaks of; it must hold for the incoming table as well.
Within = Callable[[Table], ColumnElement[bool]]


@dataclass(frozen=True)
class Change:
    """How many rows a batch brought for a table, and how many it wrote (new or different) and deleted."""

    rows: int
    written: int
    deleted: int


def make_equal(connection: Connection, incoming: Incoming, within: Within | None = None) -> Change:
    """Make the rows of the target (those `within`, else all) exactly the incoming ones."""
    deleted = connection.execute(delete(incoming.target).where(is_gone(incoming, within))).rowcount
    return Change(incoming.count, upsert(connection, incoming.target, select(incoming.table)), deleted)


def is_gone(incoming: Incoming, within: Within | None) -> ColumnElement[bool]:
    """Rows of the target that the batch speaks of and no longer has."""
    still_there = select(incoming.table).where(same_key(incoming.target, incoming.table)).exists()
    return and_(~still_there, *([within(incoming.target)] if within else []))


def upsert(
    connection: Connection,
    target: Table,
    rows: Select,
    compared: Iterable[str] | None = None,
    kept: Iterable[str] = (),
) -> int:
    """Insert the selected rows, or update those that differ in a `compared` column (default: all); returns how many.

    A `kept` column keeps the value it already has and takes the new one only where it is empty.
    """
    key, kept = key_columns(target), set(kept)
    rest = [column.name for column in target.columns if column.name not in key]
    source = rows.subquery()
    # WHERE is for SQLite, whose parser would read ON CONFLICT as a join condition; ORDER BY writes its pages in order.
    ordered = select(*[source.c[column.name] for column in target.columns]).where(text("1 = 1"))
    ordered = ordered.order_by(*[source.c[name] for name in key])
    statement = _INSERTS[connection.dialect.name](target).from_select(list(target.columns), ordered)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=key,
        set_={name: func.coalesce(target.c[name], new[name]) if name in kept else new[name] for name in rest},
        where=or_(*[differs(target.c[name], new[name]) for name in compared or rest]),
    )
    return connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount


def differs(old: ColumnElement, new: ColumnElement) -> ColumnElement[bool]:
    """Whether two cells differ; null equals null, and floats equal within one part in 10^12."""
    distinct = old.is_distinct_from(new)
    if not isinstance(old.type, Float):
        return distinct
    distance = func.abs(old - new) > _SAME_SHARE * (func.abs(old) + func.abs(new))
    return and_(distinct, or_(old.is_(None), new.is_(None), distance))


def same_key(one: Table, other: FromClause) -> ColumnElement[bool]:
    """The join of two tables that have the key columns of `one`."""
    return and_(*[one.c[name] == other.c[name] for name in key_columns(one)])
