"""Wires the stage marts: shows what each view holds after the night, then ends the run red if anything broke.

It must not change data. The surprising fact: this step fails on purpose, and only after everything good is served.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.defs.describe import bar_chart, preview_rows
from kcn_pipeline.defs.nightly import nights
from kcn_pipeline.defs.resources import Installation, progress
from kcn_pipeline.defs.warehouse import TABLES, failures
from kcn_pipeline.marts import list_marts, read_mart

#: What a preview shows first of the columns that a mart has: of what, when, how much, how good.
_SHOWN_FIRST = (
    "night", "kind", "province_name_vi", "park_name_vi", "enterprise_name_vi", "figure_id", "form_code",
    "indicator_code", "name_vi", "period_code", "value", "published_value", "computed_value", "unit", "occupancy_pct",
    "threshold_pct", "to_lease_ha", "status", "obs_status", "traffic_light", "reason_vi",
)  # fmt: skip


def build_assets(contracts: Contracts) -> list[dg.AssetsDefinition]:
    """One multi-asset with an output per mart."""
    specs = [
        dg.AssetSpec(
            ["marts", name],
            deps=[dg.AssetKey(["warehouse", table]) for table in find_tables(read_mart(name))],
            group_name="marts",
            kinds={"sql"},
            owners=["team:kcn-data"],
            description=describe_mart(read_mart(name)),
        )
        for name in list_marts()
    ]

    @dg.multi_asset(name="show_marts", specs=specs, partitions_def=nights)
    def show_marts(context: dg.AssetExecutionContext, installation: Installation) -> Iterator[dg.MaterializeResult]:
        from kcn_pipeline.warehouse import preview_mart

        for name in list_marts():
            mart = preview_mart(installation.warehouse_url, name)
            rows = [dict(zip(mart.columns, row, strict=True)) for row in mart.rows]
            metadata: dict[str, Any] = {
                "dagster/row_count": mart.row_count,
                "preview": preview_rows(mart.columns, rows, first=_SHOWN_FIRST),
            }
            if name == "mart_occupancy_review":
                metadata["chart"] = _occupancy_chart(rows, mart.row_count)
            yield dg.MaterializeResult(asset_key=["marts", name], metadata=metadata)
        broken = list(failures(installation, context.partition_key))
        if broken:
            progress.info("night       %d failures, see the end of the run", len(broken))
            raise dg.Failure("Published, but:\n" + "\n".join(broken), allow_retries=False)

    return [show_marts]


def find_tables(sql: str) -> list[str]:
    """The warehouse tables that a mart's statement reads; its comments do not count."""
    statement = re.sub(r"--.*", "", sql)
    return sorted(set(re.findall(r"\b(?:dim|fct|audit)_[a-z_]+\b", statement)) & set(TABLES))


def describe_mart(sql: str) -> str:
    """The comment at the head of a mart's file as Markdown: audience, grain, a list of columns."""
    paragraphs: list[str] = []
    for line in (line[3:] for line in sql.splitlines() if line.startswith("-- ")):
        section = re.fullmatch(r"([A-Z][\w ]*):(.*)", line)
        if section:
            paragraphs.append(f"\n**{section[1]}**{section[2]}")
        elif re.match(r"  \S", line) and paragraphs[-1].startswith(("\n**Columns**", "- ")):
            names, _, text = line.strip().partition(": ")
            paragraphs.append(f"- `{names}`: {text}")
        else:
            paragraphs[-1] += f" {line.strip()}"
    return "\n".join(paragraphs).strip().replace("**Columns**\n", "**Columns**\n\n")


def _occupancy_chart(rows: Sequence[Mapping[str, Any]], parks: int) -> dg.MarkdownMetadataValue:
    """The parks of the review, least occupied first; a whole bar is 100 %."""
    known = sorted((row for row in rows if row["occupancy_pct"] is not None), key=lambda row: row["occupancy_pct"])
    threshold = max((row["threshold_pct"] for row in known), default=0)
    title = f"Parks under {threshold:g} % occupancy" + (f" ({len(known)} of {parks})" if len(known) < parks else "")
    return bar_chart(title, [(str(row["park_name_vi"]), row["occupancy_pct"]) for row in known], "%", full=100)
