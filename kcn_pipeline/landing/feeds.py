"""Lands one feed, whichever way it arrives.

It must not know how any of the ways works. The surprising fact: a new way of arriving is one function and one line
here.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from kcn_pipeline.contracts.sources import Feed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.files import land_files
from kcn_pipeline.landing.intake import FeedResult
from kcn_pipeline.landing.kobo import land_kobo
from kcn_pipeline.landing.openaq import land_openaq
from kcn_pipeline.landing.portal import land_portal
from kcn_pipeline.landing.sensorthings import land_sensorthings
from kcn_pipeline.landing.station_files import land_station_files

#: The first and the last day.
_Days = tuple[date, date]

#: The way in a feed's kind → what lands it.
_WAYS: dict[str, Callable[[Lake, Any, str, Path], FeedResult]] = {
    "files": land_files,
    "portal": lambda lake, feed, night, base: land_portal(lake, feed, night),
    "station_files": land_station_files,
    "sensorthings": lambda lake, feed, night, base: land_sensorthings(lake, feed, night),
    "openaq": lambda lake, feed, night, base: land_openaq(lake, feed, night),
    "kobo": lambda lake, feed, night, base: land_kobo(lake, feed, night),
}

#: The ways that can be asked for some days.
_WAYS_BY_DAY: dict[str, Callable[[Lake, Any, str, Path, _Days], FeedResult]] = {
    "station_files": land_station_files,
    "sensorthings": lambda lake, feed, night, base, days: land_sensorthings(lake, feed, night, days=days),
    "openaq": lambda lake, feed, night, base, days: land_openaq(lake, feed, night, days=days),
}


def land_feed(lake: Lake, feed: Feed, night: str, base: Path, days: tuple[date, date] | None = None) -> FeedResult:
    """Land what a feed offers and has not landed yet into the packs of a night; relative URLs start from `base`.

    With `days` (the first and the last) what it offers of exactly those days, however long ago; `can_land_days` says
    which feeds can. Never raises for the source's fault, which is a result with status `failed`; what it raises is a
    fault of our own.
    """
    if days and not can_land_days(feed):
        raise ValueError(f"{feed.id} is of kind {feed.kind}, which cannot be asked for days")
    if days:
        return _WAYS_BY_DAY[feed.way](lake, feed, night, base, days)
    return _WAYS[feed.way](lake, feed, night, base)


def can_land_days(feed: Feed) -> bool:
    """Whether a feed can be asked for some days, as a backfill does."""
    return feed.way in _WAYS_BY_DAY
