"""HOW BYTES ARRIVE: feeds are asked for what is new, and it is kept exactly as received, once, in immutable packs.

It must not look inside a payload; staging does. The surprising fact: nothing but the packs themselves remembers what
has landed.
"""

from kcn_pipeline.landing.feeds import can_land_days, land_feed
from kcn_pipeline.landing.intake import FeedFinding, FeedResult
from kcn_pipeline.landing.night_log import read_results, record_results, topic_sources
from kcn_pipeline.landing.store import (
    PayloadBatch,
    find_payloads,
    iterate_batches,
    iterate_payloads,
    read_content,
    read_manifest,
)

__all__ = [
    "FeedFinding",
    "FeedResult",
    "PayloadBatch",
    "can_land_days",
    "find_payloads",
    "iterate_batches",
    "iterate_payloads",
    "land_feed",
    "read_content",
    "read_manifest",
    "read_results",
    "record_results",
    "topic_sources",
]
