"""What the rest of the pipeline asks of a warehouse: which nights are published, what a mart shows; and starting over.

It must not publish. The surprising fact: a warehouse that does not exist yet is simply one without nights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Result, func, inspect, literal_column, make_url, select, table

from kcn_pipeline.warehouse.database import open_engine, read_snapshot, write_transaction
from kcn_pipeline.warehouse.schema import audit_refresh, metadata

_PREVIEW_ROWS = 20


@dataclass(frozen=True)
class MartPreview:
    """The number of rows of a mart and the first of them."""

    row_count: int
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def read_published_nights(url: str) -> set[str]:
    """The nights that the warehouse holds; empty when there is no warehouse yet."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
        return set()
    with read_snapshot(open_engine(url)) as connection:
        if not inspect(connection).has_table(audit_refresh.name):
            return set()
        return set(connection.scalars(select(audit_refresh.c.night)))


def preview_mart(url: str, name: str) -> MartPreview:
    """The first rows of a mart, as a BI tool would see them."""
    view = table(name)
    with read_snapshot(open_engine(url, must_exist=True)) as connection:
        count = connection.scalar(select(func.count()).select_from(view)) or 0
        result: Result[Any] = connection.execute(select(literal_column("*")).select_from(view).limit(_PREVIEW_ROWS))
        return MartPreview(count, list(result.keys()), [tuple(row) for row in result])


def show_address(url: str) -> str:
    """The address of the warehouse without its password."""
    return make_url(url).render_as_string(hide_password=True)


def drop_warehouse(url: str) -> None:
    """Drop every table and mart of the warehouse, so that a replay starts from nothing; grants on them are lost."""
    with write_transaction(open_engine(url)) as connection:
        for name in inspect(connection).get_view_names():
            if name.startswith("mart_"):
                connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
        metadata.drop_all(connection)
