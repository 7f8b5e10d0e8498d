"""WHAT BI TOOLS QUERY: the schema, one transaction per night, revisions, audit and digest, through SQLAlchemy.

It must not compute an indicator nor read a source. The surprising fact: SQLite and PostgreSQL run the same code, and a
digest proves that they hold the same.
"""

from kcn_pipeline.warehouse.digest import compute_digest
from kcn_pipeline.warehouse.errors import PublishAuditError, SchemaMismatchError, WarehouseError
from kcn_pipeline.warehouse.lookups import (
    AssessedRound,
    drop_warehouse,
    preview_mart,
    read_decisions,
    read_published_nights,
    show_address,
)
from kcn_pipeline.warehouse.night import TOPICS, collect_night
from kcn_pipeline.warehouse.publish import NightBatch, PublishedNight, publish_night
from kcn_pipeline.warehouse.summary import NightSummary, read_summary

__all__ = [
    "TOPICS",
    "AssessedRound",
    "NightBatch",
    "NightSummary",
    "PublishAuditError",
    "PublishedNight",
    "SchemaMismatchError",
    "WarehouseError",
    "collect_night",
    "compute_digest",
    "drop_warehouse",
    "preview_mart",
    "publish_night",
    "read_decisions",
    "read_published_nights",
    "read_summary",
    "show_address",
]
