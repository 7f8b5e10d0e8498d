"""Wires the stage landing: one asset per topic asks the topic's feeds for what is new.

It must not open a payload. The surprising fact: a feed that fails does not fail the asset; the night's last step fails
the run, after the good data is served. A run tagged with days asks only feeds that can be asked for days, for those.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from kcn_pipeline.backfill import DAYS_TAG, read_days
from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.sources import Feed, load_sources
from kcn_pipeline.defs.describe import table_of
from kcn_pipeline.defs.nightly import nights
from kcn_pipeline.defs.resources import ONLY_SOURCES, Installation, progress

if TYPE_CHECKING:
    from kcn_pipeline.landing import FeedResult

TOPICS = {
    "register": "The board's register of parks, land, enterprises, projects and permits, as received",
    "enterprise_reports": "Report forms of enterprises, developers and the board, as received",
    "published_figures": "Lists of figures that documents have published, as received",
    "monitoring": "Files and API pages of automatic stations, as received",
    "survey": "Answers to surveys, as KoboToolbox, other tools and typed workbooks give them; they hold personal data",
}

INTERRUPTED = "the refresh was cut off while this feed was landing; run it again"


def build_assets(contracts: Contracts) -> list[dg.AssetsDefinition]:
    """One landing asset per topic."""
    return [_landing_asset(topic, description) for topic, description in TOPICS.items()]


def _landing_asset(topic: str, description: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=["landing", topic],
        group_name="landing",
        partitions_def=nights,
        kinds={"python", "parquet"},
        tags={"kcn/source": topic},
        owners=["team:kcn-data"],
        description=f"{description}. One row: one payload with its bytes.",
    )
    def land(context: dg.AssetExecutionContext, installation: Installation) -> dg.MaterializeResult:
        from kcn_pipeline.landing import FeedResult, land_feed, record_results

        lake, night, base = installation.lake, context.partition_key, Path(installation.sources).parent
        tags = context.run.tags
        days = read_days(tags[DAYS_TAG]) if DAYS_TAG in tags else None
        feeds = list(_chosen_feeds(installation, topic, tags.get(ONLY_SOURCES), only_by_day=days is not None))
        # Noted before the first byte arrives, so that a night cut off here is known and caught up later.
        record_results(lake, topic, night, [FeedResult(f.id, topic, "failed", error=INTERRUPTED) for f in feeds])
        results = []
        for feed in feeds:
            try:
                results.append(land_feed(lake, feed, night, base, days))
            except Exception as error:  # a fault of ours in one feed must not keep the others from landing
                context.log.exception("feed %s", feed.id)
                said = f"{type(error).__name__}: {error}; a fault of the pipeline, its log tells where"
                results.append(FeedResult(feed.id, topic, "failed", error=said))
            progress.info("landing     %s", _tell(results[-1]))
        record_results(lake, topic, night, results)
        return dg.MaterializeResult(metadata=_metadata(results))

    return land


def _chosen_feeds(installation: Installation, topic: str, only: str | None, only_by_day: bool) -> Iterator[Feed]:
    from kcn_pipeline.landing import can_land_days

    wanted = set(only.split(",")) if only else None
    for feed in load_sources(Path(installation.sources)):
        is_wanted = wanted is None or feed.id in wanted
        if feed.topic == topic and is_wanted and (can_land_days(feed) or not only_by_day):
            yield feed


def _tell(result: "FeedResult") -> str:
    said = f"{result.source}: {result.landed} new, {result.unchanged} known, {result.bytes / 1e6:.1f} MB"
    extra = [f"{n} {word}" for n, word in ((result.duplicates, "duplicate"), (result.skipped, "skipped")) if n]
    return ", ".join([said, *extra]) + (f" — FAILED: {result.error}" if result.error else "")


def _metadata(results: Sequence["FeedResult"]) -> dict[str, Any]:
    names = ["feed", "status", "new", "known", "duplicate", "skipped", "MB", "error"]
    rows = [
        [r.source, r.status, r.landed, r.unchanged, r.duplicates, r.skipped, round(r.bytes / 1e6, 1), r.error]
        for r in results
    ]
    return {
        "payloads_landed": dg.MetadataValue.int(sum(r.landed for r in results)),
        "feeds_failed": dg.MetadataValue.int(sum(r.status == "failed" for r in results)),
        "feeds": table_of(names, rows),
    }
