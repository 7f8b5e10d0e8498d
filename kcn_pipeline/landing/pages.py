"""Lands what a paged service has measured, stream by stream and local day by local day, one payload per page.

It must not know how a service pages, nor what a page holds beyond being JSON. The surprising fact: the days of a stream
are asked for oldest first, up to the first that the service fails on; so the newest day landed of a stream tells from
where on to ask after an outage of any length.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any

from kcn_pipeline.contracts.sources import OpenAqFeed, SensorThingsFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.errors import (
    HttpDeniedError,
    HttpError,
    HttpTimeoutError,
    LandingError,
    PageContractError,
    RateLimitedError,
)
from kcn_pipeline.landing.http import HttpClient, HttpResponse
from kcn_pipeline.landing.intake import Intake
from kcn_pipeline.landing.secrets import public_url
from kcn_pipeline.landing.store import PackWriter, read_manifest, receive

#: Vietnam has one time zone and no summer time.
LOCAL = timezone(timedelta(hours=7))
#: After this many streams in a row at which the service failed, it is left alone until the next night.
GIVE_UP_AFTER = 10


@dataclass(frozen=True)
class Page:
    """One answer of a service: the payload's name, where it came from, its bytes and what staging has to know of it."""

    name: str
    origin: str
    content: bytes = field(repr=False)
    metadata: Mapping[str, Any]


class LandedPages:
    """What has landed of a feed: the newest bytes and metadata of every page, the days of every stream."""

    def __init__(self, lake: Lake, source: str) -> None:
        self._newest: dict[str, tuple[str, str]] = {}
        self._days: dict[str, set[str]] = {}
        manifest = read_manifest(lake, source).select(["name", "sha256", "metadata", "fetched_at"])
        for row in manifest.sort_by("fetched_at").to_pylist():
            self._newest[row["name"]] = (row["sha256"], row["metadata"])
            metadata = json.loads(row["metadata"])
            if "day" in metadata:
                self._days.setdefault(metadata["stream"], set()).add(metadata["day"])

    def holds(self, name: str, digest: str, metadata: Mapping[str, Any]) -> bool:
        """Whether a page is as it was when it last landed; one whose unit changed is not, though its bytes are."""
        landed = self._newest.get(name)
        return landed is not None and landed[0] == digest and json.loads(landed[1]) == metadata

    def days_to_ask(self, stream: str, night: str, look_back_days: int) -> list[date]:
        """The local days of a stream from the look-back, or from the newest landed before it, to the night itself."""
        last = date.fromisoformat(night)
        first = last - timedelta(days=look_back_days)
        landed = [day for day in self._days.get(stream, ()) if day <= night]
        if landed:
            first = min(first, date.fromisoformat(max(landed)))
        return _list_days(first, last)


class PageIntake:
    """Takes the pages of one feed and night: asks for them, lands the new ones, counts the others.

    With `days` (the first and the last) exactly those are asked for, whatever has landed.
    """

    def __init__(
        self,
        feed: SensorThingsFeed | OpenAqFeed,
        lake: Lake,
        night: str,
        client: HttpClient,
        intake: Intake,
        days: tuple[date, date] | None = None,
    ) -> None:
        self._feed = feed
        self._night = night
        self._days = days
        self._client = client
        self._intake = intake
        self._landed = LandedPages(lake, feed.id)
        self._writer = PackWriter(lake, feed.id, night)

    def __enter__(self) -> "PageIntake":
        self._writer.__enter__()
        return self

    def __exit__(self, *leaving: Any) -> None:
        self._writer.__exit__(*leaving)

    def ask(self, url: str) -> tuple[HttpResponse, dict[str, Any]]:
        """One page and the JSON object in it; raises LandingError when the service gives none."""
        return ask_page(self._client, url, self._feed.max_file_mb)

    def origin_of(self, url: str) -> str:
        """An address as it may be kept: without query, and without any secret."""
        return self._intake.secrets.redact(public_url(url))

    def take(self, pages: Iterable[Page]) -> None:
        """Land those of some pages that are new or changed. The same bytes under another name are another page."""
        for page in pages:
            payload = receive(self._feed.id, page.name, page.origin, page.content, metadata=page.metadata)
            if self._landed.holds(page.name, payload.sha256, page.metadata):
                self._intake.unchanged += 1
            else:
                self._writer.add(payload)
                self._intake.landed += 1
                self._intake.bytes += payload.size

    def take_streams(self, streams: Sequence[str], fetch: Callable[[str, date], list[Page]]) -> None:
        """Land every day of every stream that is due; a day lands whole or not at all.

        A day that the service answers wrongly is passed over, one that it fails on ends its stream for the night: both
        are findings, and fail the feed.
        """
        failures = 0
        for left, stream in zip(range(len(streams) - 1, -1, -1), streams, strict=True):
            error = self._take_stream(stream, fetch)
            failures = failures + 1 if error else 0
            if left and (isinstance(error, RateLimitedError) or failures == GIVE_UP_AFTER):
                self._intake.fail(f"the service fails again and again; {left} more streams are left for the next night")
                return

    def _days_due(self, stream: str) -> list[date]:
        if self._days:
            return _list_days(*self._days)
        return self._landed.days_to_ask(stream, self._night, self._feed.look_back_days)

    def _take_stream(self, stream: str, fetch: Callable[[str, date], list[Page]]) -> LandingError | None:
        """Land the days of one stream; returns the fault of the service that ended it early."""
        for day in self._days_due(stream):
            try:
                self.take(fetch(stream, day))
            except LandingError as error:
                self._intake.fail_payload(name_page(stream, day, 1), error)
                if _is_outage(error):
                    return error
        return None


def ask_page(client: HttpClient, url: str, max_mb: float) -> tuple[HttpResponse, dict[str, Any]]:
    """One page of at most so many MB and the JSON object in it; raises LandingError when the service gives none."""
    response = client.get(url, max_bytes=int(max_mb * 1e6), is_expected=_is_json)
    try:
        parsed = json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise PageContractError(f"a page is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise PageContractError("a page is not a JSON object")
    return response, parsed


def _list_days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def name_page(stream: str, day: date, number: int) -> str:
    """The name of a page of a stream's day: `Datastreams(7)/2026-11-18T00_page1.json`."""
    return f"{stream}/{day}T00_page{number}.json"


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """The moments at which a local day begins and ends."""
    start = datetime(day.year, day.month, day.day, tzinfo=LOCAL)
    return start, start + timedelta(days=1)


def _is_outage(error: LandingError) -> bool:
    """Whether it is the service that fails, not the one page; then the next page would most likely fail too."""
    kinds = (HttpTimeoutError, HttpDeniedError, RateLimitedError)
    return isinstance(error, kinds) or (isinstance(error, HttpError) and error.is_passing)


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")
