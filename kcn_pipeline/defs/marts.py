"""Wires the stage marts: shows what each view holds after the night, then ends the run red if anything broke.

It must not change data. The surprising fact: this step fails on purpose, and only after everything good is served.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.defs.describe import bar_chart, table_of
from kcn_pipeline.defs.nightly import nights
from kcn_pipeline.defs.resources import Installation, progress
from kcn_pipeline.defs.warehouse import TABLES, failures
from kcn_pipeline.marts import list_marts, read_mart


def build_assets(contracts: Contracts) -> list[dg.AssetsDefinition]:
    """One multi-asset with an output per mart."""
    deps = [dg.AssetKey(["warehouse", name]) for name in TABLES]
    specs = [
        dg.AssetSpec(
            ["marts", name],
            deps=deps,
            group_name="marts",
            kinds={"sql"},
            owners=["team:kcn-data"],
            description=_header(name),
        )
        for name in list_marts()
    ]

    @dg.multi_asset(name="show_marts", specs=specs, partitions_def=nights)
    def show_marts(context: dg.AssetExecutionContext, installation: Installation) -> Iterator[dg.MaterializeResult]:
        from kcn_pipeline.warehouse import preview_mart

        for name in list_marts():
            mart = preview_mart(installation.warehouse_url, name)
            metadata: dict[str, Any] = {
                "dagster/row_count": mart.row_count,
                "preview": table_of(mart.columns, mart.rows),
            }
            if name == "mart_occupancy_review":
                metadata["chart"] = _occupancy_chart(mart.columns, mart.rows)
            yield dg.MaterializeResult(asset_key=["marts", name], metadata=metadata)
        broken = list(failures(installation, context.partition_key))
        if broken:
            progress.info("night       %d failures, see the end of the run", len(broken))
            raise dg.Failure("Published, but:\n" + "\n".join(broken), allow_retries=False)

    return [show_marts]


def _header(name: str) -> str:
    """The comment at the head of a mart's file: audience, grain, columns."""
    lines = [line[2:].strip() for line in read_mart(name).splitlines() if line.startswith("--")]
    return "\n".join(lines)


def _occupancy_chart(columns: Any, rows: Any) -> dg.MarkdownMetadataValue:
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    bars = [(str(row["park_name_vi"]), float(row["occupancy_pct"]), "#e53935") for row in named]
    return bar_chart("Parks under 60 % occupancy", bars, "%")
