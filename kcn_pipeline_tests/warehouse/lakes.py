"""Nights in the lake made by hand, as the stages before leave them, and what publishing collects of them."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.warehouse.night import collect_night
from kcn_pipeline.warehouse.publish import NightBatch
from kcn_pipeline_tests.warehouse.batches import dimensions

Row = dict[str, Any]
#: The manifest of a night on which nothing landed.
NOTHING = pa.table({"source": pa.array([], pa.string()), "name": pa.array([], pa.string())})


def write(lake: Lake, night: str, stage: str, table: str, rows: dict[str, list[Row]]) -> None:
    """Slices of a night by part; those without rows have the columns of the first that has some."""
    schema = next((pa.Table.from_pylist(held).schema for held in rows.values() if held), pa.schema([]))
    lake.replace(stage, table, night, {part: pa.Table.from_pylist(held, schema) for part, held in rows.items()})


def land(lake: Lake, night: str, source: str, *names: str) -> pa.Table:
    """Payloads of a feed; returns their manifest."""
    at = datetime(2026, 4, 10, 1, 30, tzinfo=UTC)
    rows = [
        {"source": source, "name": name, "sha256": f"sha of {name}", "size": 10, "fetched_at": at, "content": b""}
        for name in names
    ]
    lake.write_pack(source, night, pa.Table.from_pylist(rows))
    return pa.Table.from_pylist(rows)


def write_findings(lake: Lake, night: str, topic: str, finding: Row, table: str) -> None:
    """A finding of every stage, which quotes the stage, and a check of a table that did not pass."""
    for stage in ("staging", "validation", "indicators"):
        write(lake, night, stage, f"{topic}_findings", {WHOLE: [finding | {"scope": "batch", "value": stage}]})
    check = {"table_name": table, "check_name": "values", "passed": False, "message_en": "1 of 2"}
    write(lake, night, "validation", f"{topic}_checks", {WHOLE: [check]})


def audit_of(batch: NightBatch) -> tuple[list[Any], list[Any]]:
    """What the findings of a batch quote, and the names of its checks."""
    findings, checks = batch.audit["audit_finding"], batch.audit["audit_check"]
    return [row["value"] for row in findings], [row["check_name"] for row in checks]  # type: ignore[union-attr]


def collect(lake: Lake, night: str, feed: Row, manifest: pa.Table = NOTHING, **fields: Any) -> NightBatch:
    """What a night publishes where one feed was asked; `fields` are those of collect_night."""
    refresh = {"started_at": datetime.now(UTC), "run_id": "run", "code_version": "0.1.0", "status": "published"}
    given = {"dimensions": {**dimensions(), "dim_indicator": []}, "scope": [], **fields}
    return collect_night(
        lake,
        load_contracts(),
        night,
        manifest=manifest,
        feeds=[feed | {"findings": "[]"}],
        refresh={**refresh, "touched_periods": None, "failures": None},
        **given,
    )
