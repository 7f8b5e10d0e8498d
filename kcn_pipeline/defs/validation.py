"""Wires the stage validation: one multi-asset per topic, six checks on every table.

It must not judge a row. The surprising fact: a refused batch fails its checks with ERROR and still lets the night go
on, because the warehouse keeps the last good values of that table.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.defs.describe import count_quarantined, count_rules, findings_of, preview, records_of, spec_of
from kcn_pipeline.defs.landing import TOPICS
from kcn_pipeline.defs.nightly import nights
from kcn_pipeline.defs.resources import Installation, progress
from kcn_pipeline.lake import WHOLE, Lake

if TYPE_CHECKING:
    from kcn_pipeline.validation import CheckOutcome, TableResult

CHECKS = {
    "columns": "Every column of the contract is there with its type.",
    "values": "Rows keep the rules: present, in range, in the code list, in order, known to the register.",
    "keys": "No two rows claim the same key.",
    "volume": "The batch has a usual number of rows and not too many bad ones.",
    "recency": "What arrived tonight is not older than the contract allows; a night that brings nothing is not judged.",
    "conservation": "Rows staged = rows accepted + rows quarantined.",
}
#: What the preview of a quarantine shows first: why the row is there, where it stands, what it says.
REASON = ("_rules", "_reason_vi", "_file", "_sheet", "_cell", "field_code", "raw_text")
#: What a topic's references need to have been judged before.
AFTER = {
    "enterprise_reports": ("register_enterprises", "register_parks"),
    "monitoring": ("register_stations", "register_permit_limits"),
    "survey": ("register_enterprises", "register_parks"),
}


def build_assets(contracts: Contracts) -> list[dg.AssetsDefinition]:
    """One multi-asset per topic, with an output and six checks per table."""
    return [_validation_assets(contracts, topic) for topic in TOPICS]


def _validation_assets(contracts: Contracts, topic: str) -> dg.AssetsDefinition:
    tables = contracts.topic_tables(topic)
    before = [["validation", name] for name in AFTER.get(topic, ())]
    specs = [
        spec_of("validation", table, [["staging", table.table], *before], {"great_expectations", "parquet"})
        for table in tables
    ]
    checks = [
        dg.AssetCheckSpec(name, asset=spec.key, description=description)
        for spec in specs
        for name, description in CHECKS.items()
    ]

    @dg.multi_asset(name=f"validate_{topic}", specs=specs, check_specs=checks, partitions_def=nights)
    def validate(context: dg.AssetExecutionContext, installation: Installation) -> Iterator[dg.MaterializeResult]:
        from kcn_pipeline.validation import validate_topic

        lake, night = installation.lake, context.partition_key
        result = validate_topic(lake, installation.contracts, topic, night)
        write_checks(lake, topic, night, [(t.table, check) for t in result.tables.values() for check in t.checks])
        _report(topic, result)
        found, names = lake.read("validation", f"{topic}_findings", night), [table.table for table in tables]
        for table in tables:
            done = result.tables[table.table]
            findings = findings_of(found, table.table, names if table is tables[0] else ())
            yield dg.MaterializeResult(
                asset_key=["validation", table.table],
                metadata={**_counts(table, done), "findings": count_rules(findings), **_previews(lake, table, night)},
                check_results=[_check_result(table.table, outcome) for outcome in done.checks],
            )

    return validate


def _counts(table: Table, done: "TableResult") -> dict[str, Any]:
    counts = {"staged": done.staged, "accepted": done.accepted, "quarantined": done.quarantined}
    # A table in parts stores tonight's rows only; its size is not known without reading every night.
    whole = {} if table.part else {"dagster/row_count": done.stored}
    return {"dagster/partition_row_count": done.accepted, **whole, **counts}


def _previews(lake: Lake, table: Table, night: str) -> dict[str, Any]:
    quarantine = lake.read("quarantine", table.table, night)
    return {
        "quarantined_by_rules": count_quarantined(quarantine),
        "quarantine": preview(quarantine, first=REASON),
        "preview": preview(lake.head("validation", table.table, night)),
    }


CHECK_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("table_name", "check_name", "severity", "counts", "sample", "message_en")]
    + [("passed", pa.bool_())]
)


def write_checks(lake: Lake, topic: str, night: str, checks: list[tuple[str, "CheckOutcome"]]) -> None:
    """Keep the night's check results beside the rows, for the audit tables and for the end of the run."""
    rows = [
        {
            "table_name": table,
            "check_name": check.name,
            "severity": check.severity,
            "counts": json.dumps(dict(check.counts)),
            "sample": json.dumps([dict(one) for one in check.samples], ensure_ascii=False, default=str),
            "message_en": check.message_en,
            "passed": check.passed,
        }
        for table, check in checks
    ]
    lake.replace("validation", f"{topic}_checks", night, {WHOLE: pa.Table.from_pylist(rows, schema=CHECK_SCHEMA)})


def _report(topic: str, result: Any) -> None:
    done: list[TableResult] = list(result.tables.values())
    staged = sum(table.staged for table in done)
    if not staged:
        return
    accepted, quarantined = sum(t.accepted for t in done), sum(t.quarantined for t in done)
    again = staged - accepted - quarantined
    superseded = f", {again} sent again" if again else ""
    said = (topic, staged, accepted, quarantined, superseded, result.findings)
    progress.info("validation  %s: %s rows → %s accepted, %s quarantined%s; %d findings", *said)
    for table, source in result.refused_batches:
        progress.info("validation  %s: batch of %s REFUSED, the earlier rows stay", table, source)


def _check_result(table: str, outcome: "CheckOutcome") -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {
        "message_vi": outcome.message_vi,
        "message_en": outcome.message_en,
        **{f"n_{name}": count for name, count in outcome.counts.items()},
    }
    if outcome.samples:
        names = list(dict.fromkeys(name for sample in outcome.samples for name in sample))
        metadata["samples"] = records_of(names, [[sample.get(name) for name in names] for sample in outcome.samples])
    return dg.AssetCheckResult(
        asset_key=["validation", table],
        check_name=outcome.name,
        passed=outcome.passed,
        severity=dg.AssetCheckSeverity[outcome.severity],
        metadata=metadata,
    )
