"""What a warehouse holds, and batches that must be refused and leave it as it was."""

from typing import Any

import pytest
from sqlalchemy import Table, select

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
