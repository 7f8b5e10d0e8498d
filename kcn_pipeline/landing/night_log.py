"""What the feeds of a topic said on a night, kept with the packs so that a replay knows which nights there were.

It must not decide anything. The surprising fact: a feed that was not asked again keeps its line, so refreshing one
source by hand does not make the others forget how they fared.
"""

import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.intake import FeedResult

_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("topic", pa.string()),
        ("status", pa.string()),
        ("landed", pa.int64()),
        ("unchanged", pa.int64()),
        ("duplicates", pa.int64()),
        ("skipped", pa.int64()),
        ("bytes", pa.int64()),
        ("error", pa.string()),
        ("findings", pa.string()),
    ]
)


def record_results(lake: Lake, topic: str, night: str, results: Iterable[FeedResult]) -> None:
    """Write the night's feed log of a topic; grain: one feed."""
    rows = {row["source"]: row for row in read_results(lake, topic, night)}
    for result in results:
        findings = [{"rule": f.rule, "name": f.name, "params": f.params} for f in result.findings]
        row = {name: getattr(result, name) for name in _SCHEMA.names if name != "findings"}
        rows[result.source] = row | {"findings": json.dumps(findings, ensure_ascii=False, default=str)}
    lake.write_feed_log(topic, night, pa.Table.from_pylist(list(rows.values()), schema=_SCHEMA))


def read_results(lake: Lake, topic: str, night: str) -> list[dict[str, Any]]:
    """The lines of the night's feed log of a topic, empty when its feeds were not asked."""
    log = lake.read_feed_log(topic, night)
    return log.to_pylist() if log is not None else []


def topic_sources(lake: Lake, topic: str, night: str) -> list[str]:
    """The feeds of a topic that were asked that night, also those that have left the sources file since."""
    return [row["source"] for row in read_results(lake, topic, night)]
