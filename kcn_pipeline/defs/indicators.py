"""Wires the stage indicators: touched periods, reporting duties, measures, values, dimensions.

It must not compute. The surprising fact: what was touched is worked out anew by each asset from the lake, so any of
them can be run alone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.defs.describe import bar_chart, column_schema, count_rules, describe_table, preview
from kcn_pipeline.defs.nightly import nights
from kcn_pipeline.defs.resources import Installation, progress
from kcn_pipeline.defs.station_charts import describe_days, draw_stations
from kcn_pipeline.lake import Lake

GROUP = "indicators"
OWNERS = ["team:kcn-data"]
KINDS = {"duckdb", "parquet"}


def build_assets(contracts: Contracts) -> list[dg.AssetsDefinition]:
    """Submissions, measures, stations, values."""
    register = [["validation", table.table] for table in contracts.topic_tables("register")]
    reports = [["validation", "enterprise_reports"], ["validation", "enterprise_report_values"]]
    return [
        _submissions(contracts, [*register, *reports]),
        _measures(contracts, reports),
        _stations(),
        _surveys(contracts),
        _values(register),
    ]


def _submissions(contracts: Contracts, deps: list[list[str]]) -> dg.AssetsDefinition:
    contract = contracts.tables["report_submission"]

    @dg.asset(
        key=[GROUP, "report_submissions"],
        deps=[dg.AssetKey(dep) for dep in deps],
        group_name=GROUP,
        partitions_def=nights,
        kinds=KINDS,
        owners=OWNERS,
        description=describe_table(contract),
        metadata=column_schema(contract),
    )
    def report_submissions(context: dg.AssetExecutionContext, installation: Installation) -> dg.MaterializeResult:
        from kcn_pipeline.indicators import compute_submissions, find_touched

        lake, night = installation.lake, context.partition_key
        result = compute_submissions(
            lake, installation.contracts, night, find_touched(lake, installation.contracts, night)
        )
        return dg.MaterializeResult(
            metadata={
                "dagster/partition_row_count": result.rows,
                "statuses": dg.MetadataValue.json(dict(result.by_status)),
                "preview": preview(lake.head(GROUP, "report_submissions", night)),
            }
        )

    return report_submissions


def _measures(contracts: Contracts, deps: list[list[str]]) -> dg.AssetsDefinition:
    @dg.asset(
        key=[GROUP, "enterprise_measures"],
        deps=[dg.AssetKey(dep) for dep in deps],
        group_name=GROUP,
        partitions_def=nights,
        kinds=KINDS,
        owners=OWNERS,
        description="Canonical measures in canonical units. One row: enterprise × period × measure, with its cell.",
    )
    def enterprise_measures(context: dg.AssetExecutionContext, installation: Installation) -> dg.MaterializeResult:
        from kcn_pipeline.indicators import compute_measures, find_touched

        lake, night = installation.lake, context.partition_key
        result = compute_measures(
            lake, installation.contracts, night, find_touched(lake, installation.contracts, night)
        )
        found = lake.read(GROUP, "findings", night)
        return dg.MaterializeResult(
            metadata={
                "dagster/partition_row_count": result.rows,
                "findings": count_rules(found.to_pylist() if found else []),
                "preview": preview(lake.head(GROUP, "enterprise_measures", night)),
            }
        )

    return enterprise_measures


def _specs_of(tables: Mapping[str, str], deps: list[list[str]], topic: str) -> list[dg.AssetSpec]:
    """The assets of tables that are computed together, by name with what a row is."""
    return [
        dg.AssetSpec(
            [GROUP, name],
            deps=[dg.AssetKey(dep) for dep in deps],
            group_name=GROUP,
            kinds=KINDS,
            owners=OWNERS,
            tags={"kcn/source": topic},
            description=description,
        )
        for name, description in tables.items()
    ]


#: What the days of stations give, each with its grain.
STATION_TABLES = {
    "monitoring_hours": "Hour means of stations. One row: station × parameter × hour.",
    "monitoring_days": "Day means of stations against their limits. One row: station × parameter × day.",
    "monitoring_episodes": "Times over a limit. One row: station × parameter × averaging × start.",
    "monitoring_aqi": "VN_AQI of ambient air. One row: station × hour or day × parameter, and their total.",
    "monitoring_station": "What indicators read of stations. One row: station × day.",
    "monitoring_park": "What indicators read of the stations of a park. One row: park × day.",
}


def _stations() -> dg.AssetsDefinition:
    before = [["validation", name] for name in ("monitoring_readings", "register_stations", "register_permit_limits")]
    specs = _specs_of(STATION_TABLES, before, "monitoring")

    @dg.multi_asset(name="judge_stations", specs=specs, partitions_def=nights)
    def stations(context: dg.AssetExecutionContext, installation: Installation) -> Iterator[dg.MaterializeResult]:
        from kcn_pipeline.indicators.monitoring import compute_aqi, compute_monitoring

        lake, contracts, night = installation.lake, installation.contracts, context.partition_key
        result = compute_monitoring(lake, contracts, night)
        compute_aqi(lake, contracts, night, result.days)
        if result.days:
            said = (len(result.days), result.readings, result.hours, result.episodes)
            progress.info("indicators  %d days of stations: %s readings → %s hours, %d episodes", *said)
        pictures = draw_stations(lake, night, result.days)
        for name in STATION_TABLES:
            metadata = {
                "dagster/partition_row_count": lake.count(GROUP, name, night),
                "days": describe_days(result.days),
                "preview": preview(lake.head(GROUP, name, night)),
                **pictures.get(name, {}),
            }
            yield dg.MaterializeResult(asset_key=[GROUP, name], metadata=metadata)

    return stations


#: What answers to surveys give, each with its grain.
SURVEY_TABLES = {
    "survey_ratings": "How an indicator is rated. One row: indicator × criterion × respondent type × round × area.",
    "survey_statistics": "How far respondents agree. One row: round × respondent type × criterion.",
    "survey_assessments": "The verdict proposed on an indicator, with its numbers. One row: indicator × round.",
    "survey_comments": "What respondents wrote, names masked. One row: one comment.",
    "survey_rates": "Who answered of those invited. One row: round × respondent type × area.",
    "survey_response": "What indicators read of answers. One row: respondent × period.",
}


def _surveys(contracts: Contracts) -> dg.AssetsDefinition:
    before = [["validation", table.table] for table in contracts.topic_tables("survey")]
    before += [["validation", name] for name in ("register_enterprises", "register_parks")]
    specs = _specs_of(SURVEY_TABLES, before, "survey")

    @dg.multi_asset(name="rate_indicators", specs=specs, partitions_def=nights)
    def surveys(context: dg.AssetExecutionContext, installation: Installation) -> Iterator[dg.MaterializeResult]:
        from kcn_pipeline.indicators.surveys import compute_surveys

        lake, contracts, night = installation.lake, installation.contracts, context.partition_key
        result = compute_surveys(lake, contracts, night)
        if result.rounds:
            progress.info("indicators  surveys rated: %s", ", ".join(sorted(result.rounds)))
        verdicts = count_verdicts(lake, night)
        for name in SURVEY_TABLES:
            metadata: dict[str, Any] = {
                "dagster/partition_row_count": lake.count(GROUP, name, night),
                "preview": preview(lake.head(GROUP, name, night)),
            }
            if name == "survey_assessments" and verdicts:
                metadata["verdicts"] = bar_chart("Verdicts proposed this night", verdicts, "indicators")
            yield dg.MaterializeResult(asset_key=[GROUP, name], metadata=metadata)

    return surveys


def count_verdicts(lake: Lake, night: str) -> list[tuple[str, float]]:
    """How many indicators each verdict of the night is proposed for, the commonest first."""
    found = lake.read(GROUP, "survey_assessments", night, columns=["verdict"])
    counted = Counter(() if found is None else found.column("verdict").to_pylist())
    return [(verdict, float(count)) for verdict, count in counted.most_common()]


def _values(register: list[list[str]]) -> dg.AssetsDefinition:
    before = [
        [GROUP, name] for name in ("report_submissions", "enterprise_measures", *STATION_TABLES, "survey_response")
    ] + register

    @dg.asset(
        key=[GROUP, "indicator_values"],
        deps=[dg.AssetKey(dep) for dep in before],
        group_name=GROUP,
        partitions_def=nights,
        kinds=KINDS,
        owners=OWNERS,
        description="The catalog computed for the touched periods. One row: indicator × area × period.",
    )
    def indicator_values(context: dg.AssetExecutionContext, installation: Installation) -> dg.MaterializeResult:
        from kcn_pipeline.indicators import compute_values, find_touched, write_scope

        lake, night = installation.lake, context.partition_key
        touched = find_touched(lake, installation.contracts, night)
        result = compute_values(lake, installation.contracts, night, touched)
        write_scope(lake, night, result.scope)
        progress.info("indicators  %s", touched.describe())
        missing = sum(count for code, count in result.by_status.items() if code in "LMO")
        progress.info("indicators  %s values, %s of them a figure", f"{result.rows:,}", f"{result.rows - missing:,}")
        return dg.MaterializeResult(
            metadata={
                "dagster/partition_row_count": result.rows,
                "obs_status": dg.MetadataValue.json(dict(result.by_status)),
                "touched": dg.MetadataValue.text(touched.describe()),
                "coverage": _coverage_chart(dict(result.by_status)),
                "preview": preview(lake.head(GROUP, "indicator_values", night)),
            }
        )

    return indicator_values


_STATUS_WORDS = {
    "A": "A normal",
    "P": "P not all reported",
    "E": "E from four quarters",
    "B": "B after the merger",
    "O": "O an operand missing",
    "M": "M cannot exist",
    "L": "L not collected yet",
}


def _coverage_chart(statuses: dict[str, int]) -> dg.MarkdownMetadataValue:
    ordered = [code for code in _STATUS_WORDS if statuses.get(code)]
    bars = [(_STATUS_WORDS[code], float(statuses[code])) for code in ordered]
    return bar_chart("Values of the night by obs_status", bars, "values")
