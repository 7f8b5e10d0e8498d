"""Lands the measurements of sensors from OpenAQ v3, a local day at a time.

It must not judge a measurement nor map a sensor to a station; contracts/monitoring/streams.yaml does that for staging.
The surprising fact: the service does not say how many measurements there are (`found` may be the text `>100`), so a day
ends with the first page that is not full; and its `datetime_from` is left out of a window while `datetime_to` is in it,
because a measurement is stamped with the end of its interval.
"""

import time
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import urlencode

from kcn_pipeline.contracts.sources import OpenAqFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.errors import LandingError, PageContractError
from kcn_pipeline.landing.http import HttpClient, Patience
from kcn_pipeline.landing.intake import FeedResult, Intake
from kcn_pipeline.landing.pace import Pace
from kcn_pipeline.landing.pages import Page, PageIntake, bounds_of, name_page
from kcn_pipeline.landing.secrets import Secrets


def land_openaq(
    lake: Lake,
    feed: OpenAqFeed,
    night: str,
    *,
    days: tuple[date, date] | None = None,
    patience: Patience | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> FeedResult:
    """Land the pages of measurements of the feed's sensors on the local days looked back on, or on exactly `days`.

    Never raises for the service's fault; what could be had has landed when the feed fails.
    """
    secrets = Secrets()
    intake = Intake(feed, secrets)
    try:
        url = secrets.resolve(feed.url)
        client = HttpClient(
            url,
            secrets,
            token=feed.api_key,
            token_header="X-API-Key",
            pace=Pace(feed.requests_per_minute, sleep=sleep),
            timeout_s=feed.timeout_s,
            patience=patience,
            sleep=sleep,
        )
    except LandingError as error:
        intake.fail(str(error))
        return intake.result()
    with client, PageIntake(feed, lake, night, client, intake, days) as pages:
        streams = {f"sensors/{number}": number for number in feed.sensors}
        pages.take_streams(
            list(streams), lambda stream, day: _fetch(feed, f"{url}/v3", pages, stream, streams[stream], day)
        )
    return intake.result()


def _fetch(feed: OpenAqFeed, root: str, pages: PageIntake, stream: str, sensor: int, day: date) -> list[Page]:
    """Every page of the measurements of a sensor on a local day."""
    start, end = bounds_of(day)
    metadata = {"kind": feed.kind, "source": feed.id, "stream": stream, "sensor": str(sensor), "day": str(day)}
    found: list[Page] = []
    before: list[Any] = []
    for number in range(1, feed.max_pages + 1):
        window = {"datetime_from": start.isoformat(), "datetime_to": end.isoformat()}
        url = f"{root}/{stream}/measurements?{urlencode({**window, 'limit': feed.page_size, 'page': number})}"
        response, parsed = pages.ask(url)
        results = parsed.get("results")
        if not isinstance(results, list):
            raise PageContractError("a page has no list `results`; is it OpenAQ v3?")
        if results and results == before:
            raise PageContractError("a page repeats the page before it; OpenAQ does not heed `page`")
        found.append(Page(name_page(stream, day, number), pages.origin_of(url), response.content, metadata))
        if len(results) < _page_size(parsed, feed.page_size):
            return found
        before = results
    raise PageContractError(f"a day has more than {feed.max_pages} pages; raise `page_size` or `max_pages`")


def _page_size(parsed: dict[str, Any], asked: int) -> int:
    """How many results a full page holds: as many as were asked for, or fewer if the service says so."""
    meta = parsed.get("meta")
    limit = meta.get("limit") if isinstance(meta, dict) else None
    return limit if isinstance(limit, int) and 0 < limit < asked else asked
