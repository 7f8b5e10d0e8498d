"""Lands one feed, whichever way it arrives.

It must not know how any of the ways works. The surprising fact: a new way of arriving is one function and one line
here.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kcn_pipeline.contracts.sources import Feed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.files import land_files
from kcn_pipeline.landing.intake import FeedResult
from kcn_pipeline.landing.portal import land_portal

#: The way in a feed's kind → what lands it.
_WAYS: dict[str, Callable[[Lake, Any, str, Path], FeedResult]] = {
    "files": land_files,
    "portal": lambda lake, feed, night, base: land_portal(lake, feed, night),
}


def land_feed(lake: Lake, feed: Feed, night: str, base: Path) -> FeedResult:
    """Land what a feed offers and has not landed yet into the packs of a night; relative URLs start from `base`.

    Never raises for the source's fault, which is a result with status `failed`; what it raises is a fault of our own.
    """
    return _WAYS[feed.way](lake, feed, night, base)
