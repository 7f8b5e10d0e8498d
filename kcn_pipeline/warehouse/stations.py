"""How the days, flags, indices and episodes of stations replace the published ones.

It must not judge a mean or join an episode. The surprising fact: nothing here looks at a day or a stretch of time that
the batch does not name, so that publishing a night costs the same after ten years as on the first day.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Index,
    MetaData,
    String,
    Table,
    and_,
    false,
    insert,
    select,
)

from kcn_pipeline.warehouse.incoming import Rows, iterate_rows
from kcn_pipeline.warehouse.merge import Within
from kcn_pipeline.warehouse.schema import fct_ambient_aqi, fct_exceedance, fct_monitoring_daily, fct_monitoring_flag

#: Tables of which a batch holds whole days.
DAY_TABLES = {table.name: table for table in (fct_monitoring_daily, fct_monitoring_flag, fct_ambient_aqi)}

#: Makes the part of a table that is `within` equal to rows.
Write = Callable[[Table, Iterable[dict[str, Any]], Within], None]


@dataclass(frozen=True)
class DaySlice:
    """The rows that one of DAY_TABLES has on some days; a day without rows becomes empty."""

    rows: Rows
    days: Collection[date]


@dataclass(frozen=True)
class Stretch:
    """A stretch of time in which the episodes of a station and parameter were looked for anew.

    It stands for the episodes that begin in it, from its first moment on and before its last.
    """

    station_id: str
    parameter_code: str
    averaging: str
    from_at: datetime
    to_at: datetime


@dataclass(frozen=True)
class StationBatch:
    """What a night publishes of stations: days whole, by table, and the episodes that begin in some stretches."""

    days: Mapping[str, DaySlice] = field(default_factory=dict)
    episodes: Rows = ()
    stretches: Collection[Stretch] = ()

    def __post_init__(self) -> None:
        unknown = sorted({*self.days} - {*DAY_TABLES})
        if unknown:
            raise ValueError(f"a batch has no days of {unknown}; it may have those of {(*DAY_TABLES,)}")


_stretches = Table(
    "scope_exceedance",
    MetaData(),
    Column("station_id", String),
    Column("parameter_code", String),
    Column("averaging", String),
    Column("from_at", DateTime),
    Column("to_at", DateTime),
    Index("ix_scope_exceedance", "station_id", "parameter_code", "averaging", "from_at"),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)


def publish_stations(connection: Connection, write: Write, batch: StationBatch) -> None:
    """Make the days and the episodes that the batch speaks of exactly those it holds."""
    for name, held in batch.days.items():
        write(DAY_TABLES[name], iterate_rows(held.rows), _on_days(held.days))
    if batch.stretches or batch.episodes:
        _load_stretches(connection, batch.stretches)
        write(fct_exceedance, iterate_rows(batch.episodes), _begin_in(batch.stretches))


def _on_days(days: Collection[date]) -> Within:
    ordered = sorted(set(days))
    return lambda rows: rows.c.day.in_(ordered)


def _begin_in(stretches: Collection[Stretch]) -> Within:
    """Rows that begin in their own stretch; the outer bounds let the index skip all other times."""
    if not stretches:
        return lambda rows: false()
    first, last = min(stretch.from_at for stretch in stretches), max(stretch.to_at for stretch in stretches)

    def within(rows: Table) -> ColumnElement[bool]:
        same = [rows.c[name] == _stretches.c[name] for name in ("station_id", "parameter_code", "averaging")]
        begins = [rows.c.started_at >= _stretches.c.from_at, rows.c.started_at < _stretches.c.to_at]
        inside = select(_stretches).where(*same, *begins).exists()
        return and_(rows.c.started_at >= first, rows.c.started_at < last, inside)

    return within


def _load_stretches(connection: Connection, stretches: Collection[Stretch]) -> None:
    _stretches.create(connection, checkfirst=False)
    if stretches:
        connection.execute(insert(_stretches), [vars(stretch) for stretch in stretches])
