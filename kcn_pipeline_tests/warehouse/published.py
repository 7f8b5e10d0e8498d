"""What a warehouse holds, and batches that must be refused and leave it as it was."""

from collections.abc import Collection
from typing import Any

import pytest
from sqlalchemy import Table, event, select

from kcn_pipeline.warehouse import schema
from kcn_pipeline.warehouse.database import open_engine
from kcn_pipeline.warehouse.digest import compute_digest
from kcn_pipeline.warehouse.errors import PublishAuditError
from kcn_pipeline.warehouse.publish import NightBatch, publish_night


def read(url: str, table: Table) -> list[dict[str, Any]]:
    """The rows of a table by its key."""
    with open_engine(url).connect() as connection:
        return [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()]


def refuse(url: str, batch: NightBatch, message: str) -> None:
    """Publish a batch that is refused with a message that matches; facts and audit trail stay as they were."""
    trail = (schema.audit_refresh, schema.audit_finding)
    before = compute_digest(url), [read(url, table) for table in trail]
    with pytest.raises(PublishAuditError, match=message):
        publish_night(url, batch)
    assert (compute_digest(url), [read(url, table) for table in trail]) == before


def plan(
    url: str, batch: NightBatch, tables: Collection[str], kinds: tuple[str, ...] = ("SELECT", "DELETE", "INSERT")
) -> list[str]:
    """Publish a batch on SQLite; the steps that read one of these tables in the plans of statements of some kinds."""
    found: dict[str, list[str]] = {}

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, is_many: bool) -> None:
        if not is_many and statement.startswith(kinds) and any(name in statement for name in tables):
            rows = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            found[statement] = [row[3] for row in rows]

    engine = open_engine(url)
    event.listen(engine, "before_cursor_execute", explain)
    try:
        publish_night(url, batch)
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    return [step for steps in found.values() for step in steps if any(name in step.split() for name in tables)]
