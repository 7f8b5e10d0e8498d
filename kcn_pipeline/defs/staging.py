"""Wires the stage staging: one multi-asset per topic reads the night's payloads into typed tables.

It must not parse. The surprising fact: an asset of this stage never fails for what a payload holds.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.defs.describe import count_rules, findings_of, preview, spec_of
from kcn_pipeline.defs.landing import TOPICS
from kcn_pipeline.defs.nightly import nights
from kcn_pipeline.defs.resources import Installation, progress

if TYPE_CHECKING:
    from kcn_pipeline.lake import Lake
    from kcn_pipeline.staging.enterprise_reports import StageResult
    from kcn_pipeline.staging.monitoring import MonitoringStageResult


def _stage_function(topic: str) -> Callable[..., "StageResult | MonitoringStageResult"]:
    """The function that stages a topic; imported late because it brings pandas and calamine."""
    if topic == "register":
        from kcn_pipeline.staging.register import stage_register

        return stage_register
    if topic == "published_figures":
        from kcn_pipeline.staging.published_figures import stage_published

        return stage_published
    if topic == "monitoring":
        from kcn_pipeline.staging.monitoring import stage_monitoring

        return stage_monitoring
    if topic == "survey":
        return _stage_survey
    from kcn_pipeline.staging.enterprise_reports import stage_reports

    return stage_reports


def _stage_survey(lake: "Lake", contracts: Contracts, night: str, payloads: Iterable[Any]) -> "StageResult":
    from kcn_pipeline.secrecy import load_secret
    from kcn_pipeline.staging.surveys import stage_survey

    return stage_survey(
        lake,
        contracts,
        night,
        payloads,
        load_secret(lake.data_dir, may_make=not lake.slices("staging", "survey_responses")),
    )


def build_assets(contracts: Contracts) -> list[dg.AssetsDefinition]:
    """One multi-asset per topic, with an output per table."""
    return [_staging_assets(contracts, topic) for topic in TOPICS]


def _staging_assets(contracts: Contracts, topic: str) -> dg.AssetsDefinition:
    tables = contracts.topic_tables(topic)

    @dg.multi_asset(
        name=f"stage_{topic}",
        specs=[spec_of("staging", table, deps=[["landing", topic]], kinds={"pandas", "parquet"}) for table in tables],
        partitions_def=nights,
    )
    def stage(context: dg.AssetExecutionContext, installation: Installation) -> Iterator[dg.MaterializeResult]:
        from kcn_pipeline.landing import iterate_batches, iterate_payloads, topic_sources

        lake, night = installation.lake, context.partition_key
        iterate = iterate_batches if topic == "monitoring" else iterate_payloads
        payloads = iterate(lake, topic_sources(lake, topic, night), night)
        result = _stage_function(topic)(lake, installation.contracts, night, payloads)
        if result.payloads:
            rows = ", ".join(f"{name} {count:,}" for name, count in result.rows.items() if count)
            said = (topic, result.payloads, result.rejected, rows or "no rows", result.findings)
            progress.info("staging     %s: %d files (%d refused) → %s; %d findings", *said)
        found, names = lake.read("staging", f"{topic}_findings", night), [table.table for table in tables]
        for table in tables:
            metadata: dict[str, Any] = {
                "dagster/partition_row_count": result.rows[table.table],
                "payloads_read": result.payloads,
                "payloads_refused": result.rejected,
                "findings": count_rules(findings_of(found, table.table, names if table is tables[0] else ())),
                "preview": preview(lake.head("staging", table.table, night)),
            }
            yield dg.MaterializeResult(asset_key=["staging", table.table], metadata=metadata)

    return stage
