"""Wires the stage warehouse: one step publishes the night in one transaction; every table is an asset of its own.

It must not hold SQL. The surprising fact: the marts are views made in the same transaction, so they are never newer or
older than their tables.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import dagster as dg

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.defs.landing import TOPICS as LANDED
from kcn_pipeline.defs.nightly import nights
from kcn_pipeline.defs.resources import Installation, progress

if TYPE_CHECKING:
    from kcn_pipeline.warehouse import NightBatch

TABLES = {
    "dim_area": "Provinces, parks, enterprises and stations with their dates of validity",
    "dim_park": "Parks as they are now",
    "dim_enterprise": "Enterprises as they are now",
    "dim_station": "Automatic monitoring stations as they are now",
    "dim_parameter": "Parameters that stations measure",
    "dim_indicator": "The indicator catalog by version",
    "dim_period": "Periods: year, half-year, quarter, month, and the days that stations measured",
    "fct_indicator_value": "The current value of every indicator, area and period",
    "fct_indicator_revision": "What published values were before they changed",
    "fct_report_submission": "Every report that was due or came, and whether in time",
    "fct_published_figure": "Figures printed in documents",
    "fct_monitoring_daily": "What each station measured of each parameter each day, against its limit",
    "fct_monitoring_flag": "Stretches of a station's series that somebody should look at",
    "fct_exceedance": "Every time a station was over a limit, from when to when",
    "fct_ambient_aqi": "VN_AQI of the stations of ambient air",
    "dim_survey": "Rounds of surveys",
    "fct_indicator_rating": "How respondents of each type rate each indicator",
    "fct_survey_statistic": "How far respondents agree with each other",
    "fct_indicator_assessment": "The verdict proposed on each indicator, with the numbers that led to it",
    "fct_indicator_comment": "What respondents wrote about indicators, names masked",
    "fct_survey_response": "How many of those invited answered",
    "audit_refresh": "Published nights",
    "audit_payload": "Every payload and what became of it",
    "audit_check": "Every check of every night",
    "audit_quarantine": "Every refused row with its reason",
    "audit_finding": "Everything found wrong or worth knowing",
}


def build_assets(contracts: Contracts) -> list[dg.AssetsDefinition]:
    """One multi-asset: the night's transaction."""
    filled_by = find_sources(contracts)
    specs = [
        dg.AssetSpec(
            ["warehouse", name],
            deps=[dg.AssetKey(key) for key in filled_by[name]],
            group_name="warehouse",
            kinds={"sql"},
            owners=["team:kcn-data"],
            description=f"{description}.",
        )
        for name, description in TABLES.items()
    ]

    @dg.multi_asset(name="publish", specs=specs, partitions_def=nights)
    def publish(context: dg.AssetExecutionContext, installation: Installation) -> Iterator[dg.MaterializeResult]:
        from kcn_pipeline.indicators import record_definitions
        from kcn_pipeline.warehouse import publish_night

        published = publish_night(installation.warehouse_url, _batch(context, installation))
        # Only now is the night done: until then the next one computes what this one brought, too.
        record_definitions(installation.lake, installation.contracts, context.partition_key)
        for name in TABLES:
            change = published.changes.get(name)
            counts = {} if change is None else {"written": change.written, "deleted": change.deleted}
            yield dg.MaterializeResult(asset_key=["warehouse", name], metadata={**counts, **_column_schema(name)})
        values = published.changes["fct_indicator_value"]
        said = (context.partition_key, values.written, values.deleted, published.revisions)
        progress.info("warehouse   night %s published: %d values changed, %d deleted, %d revisions", *said)

    return [publish]


def find_sources(contracts: Contracts) -> dict[str, list[list[str]]]:
    """What fills each table of the warehouse, as asset keys."""
    topics = tuple(LANDED)
    judged = [["validation", table.table] for topic in topics for table in contracts.topic_tables(topic)]
    staged = [["staging", name] for _, name in judged]
    parks, land = ["validation", "register_parks"], ["validation", "register_land"]
    enterprises, stations = ["validation", "register_enterprises"], ["validation", "register_stations"]
    values = ["indicators", "indicator_values"]
    return {
        "dim_area": [parks, enterprises, stations],
        "dim_park": [parks, land],
        "dim_enterprise": [enterprises],
        "dim_station": [stations],
        "dim_parameter": [["indicators", "monitoring_days"]],
        "dim_indicator": [values],
        "dim_period": [values],
        "fct_indicator_value": [values],
        "fct_indicator_revision": [values],
        "fct_report_submission": [["indicators", "report_submissions"]],
        "fct_published_figure": [["validation", "published_figures"]],
        "fct_monitoring_daily": [["indicators", "monitoring_days"]],
        "fct_monitoring_flag": [["validation", "monitoring_readings"], ["indicators", "monitoring_days"]],
        "fct_exceedance": [["indicators", "monitoring_episodes"]],
        "fct_ambient_aqi": [["indicators", "monitoring_aqi"]],
        "dim_survey": [["indicators", "survey_rates"]],
        "fct_indicator_rating": [["indicators", "survey_ratings"]],
        "fct_survey_statistic": [["indicators", "survey_statistics"]],
        "fct_indicator_assessment": [["indicators", "survey_assessments"]],
        "fct_indicator_comment": [["indicators", "survey_comments"]],
        "fct_survey_response": [["indicators", "survey_rates"]],
        "audit_refresh": [values, *judged],
        "audit_payload": [*(["landing", topic] for topic in topics), *staged],
        "audit_check": judged,
        "audit_quarantine": judged,
        "audit_finding": [*staged, *judged, ["indicators", "enterprise_measures"]],
    }


def _column_schema(name: str) -> dict[str, Any]:
    """The columns of a table; told with the rows and not in the spec, because SQLAlchemy is slow to import."""
    from kcn_pipeline.warehouse.schema import metadata

    table = metadata.tables[name]
    columns = [
        dg.TableColumn(
            column.name,
            str(column.type),
            "key" if column.primary_key else None,
            dg.TableColumnConstraints(nullable=bool(column.nullable)),
        )
        for column in table.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns), "grain": table.comment or ""}


def _batch(context: dg.AssetExecutionContext, installation: Installation) -> "NightBatch":
    from kcn_pipeline.indicators import build_dimensions, find_touched, read_scope
    from kcn_pipeline.landing import read_manifest, read_results
    from kcn_pipeline.warehouse import TOPICS, collect_night

    lake, contracts, night = installation.lake, installation.contracts, context.partition_key
    feeds = [row for topic in TOPICS for row in read_results(lake, topic, night)]
    refresh = {
        "started_at": datetime.now(UTC),
        "run_id": context.run_id,
        "code_version": version("kcn_pipeline"),
        "status": "published",
        "touched_periods": find_touched(lake, contracts, night).describe(),
        "failures": "\n".join(failures(installation, night)) or None,
    }
    return collect_night(
        lake,
        contracts,
        night,
        dimensions=build_dimensions(lake, contracts, night),
        scope=read_scope(lake, night),
        manifest=read_manifest(lake, night=night),
        feeds=feeds,
        refresh=refresh,
    )


def failures(installation: Installation, night: str) -> Iterator[str]:
    """What broke this night: failed feeds and refused batches, a line each."""
    from kcn_pipeline.landing import read_results
    from kcn_pipeline.warehouse import TOPICS

    for topic in TOPICS:
        for feed in read_results(installation.lake, topic, night):
            if feed["status"] == "failed":
                yield f"source {feed['source']}: {feed['error']}"
        found = installation.lake.read("staging", f"{topic}_findings", night)
        for row in [] if found is None else found.to_pylist():
            if row["scope"] == "batch" and row["severity"] == "critical":
                yield f"table {row['table']}, file {row['file']}, sheet {row['sheet']}: {row['reason_en']}"
        checks = installation.lake.read("validation", f"{topic}_checks", night)
        for check in [] if checks is None else checks.to_pylist():
            if not check["passed"] and check["severity"] == "ERROR":
                yield f"table {check['table_name']}, check {check['check_name']}: {check['message_en']}"
