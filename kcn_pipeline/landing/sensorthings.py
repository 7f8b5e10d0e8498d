"""Lands the observations of an OGC SensorThings 1.1 service such as FROST: its datastreams, then each day of each.

It must not judge an observation nor map a datastream to a station; contracts/monitoring/streams.yaml does that for
staging. The surprising fact: the unit stands on the datastream and not in the pages of its observations, so it goes
into their metadata, and a unit that is corrected makes the pages of the look-back land again. A service whose `lt` asks
for the end of an interval (FROST does) leaves out means over an interval that passes local midnight.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, date
from typing import Any
from urllib.parse import quote

from kcn_pipeline.contracts.sources import SensorThingsFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.errors import LandingError, PageContractError
from kcn_pipeline.landing.http import HttpClient, Patience, join_url
from kcn_pipeline.landing.intake import FeedResult, Intake
from kcn_pipeline.landing.pages import Page, PageIntake, bounds_of, name_page
from kcn_pipeline.landing.secrets import Secrets, public_url

_NEXT = "@iot.nextLink"
#: What a page of a collection, of a data array and of an expanded entity have their content in.
_CONTENT = ("value", "dataArray", "Observations")


def land_sensorthings(
    lake: Lake,
    feed: SensorThingsFeed,
    night: str,
    *,
    days: tuple[date, date] | None = None,
    patience: Patience | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> FeedResult:
    """Land the pages of observations of the local days looked back on, and the pages that list the datastreams.

    With `days` (the first and the last) the pages of exactly those days.

    Never raises for the service's fault; what could be had has landed when the feed fails.
    """
    secrets = Secrets()
    intake = Intake(feed, secrets)
    try:
        url = secrets.resolve(feed.url)
        client = HttpClient(url, secrets, token=feed.token, timeout_s=feed.timeout_s, patience=patience, sleep=sleep)
    except LandingError as error:
        intake.fail(str(error))
        return intake.result()
    with client, PageIntake(feed, lake, night, client, intake, days) as pages:
        _Run(feed, f"{url}/v1.1", client, intake, pages).run()
    return intake.result()


class _Run:
    """One run over the service: list its datastreams, then page through the days of each."""

    def __init__(
        self, feed: SensorThingsFeed, root: str, client: HttpClient, intake: Intake, pages: PageIntake
    ) -> None:
        self._feed = feed
        self._root = root
        self._client = client
        self._intake = intake
        self._pages = pages
        #: Datastream id as text → what staging has to know of it.
        self._known: dict[str, dict[str, Any]] = {}

    def run(self) -> None:
        try:
            listed = self._list()
        except LandingError as error:
            # Of what was listed before the fault nothing is asked for: the next night lists it all.
            self._intake.fail(f"the list of datastreams failed: {error}")
            return
        self._pages.take_streams(listed, self._fetch)

    def _list(self) -> list[str]:
        """The datastreams of the service, by the names under which their pages land, in the service's order."""
        options = {
            "$filter": self._feed.filter,
            "$select": "id,name,unitOfMeasurement",
            "$expand": "Thing($select=id,name)",
            "$orderby": "id asc",
            "$top": str(self._feed.page_size),
        }
        listing = self._walk(
            f"{self._root}/Datastreams?{_encode(options)}",
            lambda number: f"Datastreams/page{number}.json",
            {"kind": self._feed.kind, "source": self._feed.id},
        )
        names: dict[str, None] = {}
        pages = []
        for page, parsed in listing:
            pages.append(page)
            for entity in parsed.get("value", []):
                names[self._note(entity)] = None
        self._pages.take(pages)
        return list(names)

    def _note(self, entity: Any) -> str:
        """Keep what a listed datastream is; returns the name under which its pages land."""
        number = entity.get("@iot.id") if isinstance(entity, dict) else None
        number = _text(number) if isinstance(number, str) else number
        if not isinstance(number, str | int) or isinstance(number, bool):
            raise PageContractError("a datastream has no @iot.id; the service's operator has to mend it")
        stream = f"Datastreams({_quote_id(number)})"
        unit = entity.get("unitOfMeasurement")
        thing = entity.get("Thing")
        self._known[stream] = {
            "kind": self._feed.kind,
            "source": self._feed.id,
            "datastream": str(number),
            "datastream_name": _text(entity.get("name")),
            "thing_name": _text(thing.get("name")) if isinstance(thing, dict) else None,
            # A unit of nulls means none; then the contract has to say it.
            "unit": {key: _text(unit.get(key)) for key in ("symbol", "name")} if isinstance(unit, dict) else None,
        }
        return stream

    def _fetch(self, stream: str, day: date) -> list[Page]:
        """Every page of the observations of a datastream on a local day."""
        start, end = (f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for moment in bounds_of(day))
        options = {
            "$filter": f"phenomenonTime ge {start} and phenomenonTime lt {end}",
            "$select": "id,phenomenonTime,resultTime,result",
            "$orderby": "phenomenonTime asc,id asc",
            "$top": str(self._feed.page_size),
        }
        address = quote(stream, safe="()'")
        url = f"{self._root}/{address}/Observations?{_encode(options)}"
        metadata = self._known[stream] | {"stream": stream, "day": str(day)}
        return [page for page, _ in self._walk(url, lambda number: name_page(stream, day, number), metadata)]

    # ---- pages -----------------------------------------------------------------------------------------------------

    def _walk(
        self, first: str, name: Callable[[int], str], metadata: dict[str, Any]
    ) -> Iterator[tuple[Page, dict[str, Any]]]:
        """Each page from a first address on, and what it holds; every link in a page is followed as it is written."""
        ahead = deque([first])
        seen = {first}
        number = 0
        before: Any = None
        while ahead:
            number += 1
            if number > self._feed.max_pages:
                raise PageContractError(f"it has more than {self._feed.max_pages} pages; raise `page_size`")
            url = ahead.popleft()
            response, parsed = self._pages.ask(url)
            content = next((parsed[key] for key in _CONTENT if isinstance(parsed.get(key), list)), None)
            if content is None:
                raise PageContractError(f"{public_url(url)} answers with no list `value`; is it SensorThings 1.1?")
            if content and content == before:
                raise PageContractError("a page repeats the page before it; the service's operator has to mend it")
            before = content
            yield Page(name(number), self._pages.origin_of(url), response.content, metadata), parsed
            for link in self._links(url, parsed):
                if link in seen:
                    raise PageContractError("its pages lead back to an earlier one; the operator has to mend it")
                seen.add(link)
                ahead.append(link)

    def _links(self, url: str, parsed: dict[str, Any]) -> Iterator[str]:
        """The addresses of the pages that a page says follow, also those of a list inside an expanded entity."""
        for link in _find_links(parsed):
            following = join_url(url, link)
            if not self._client.is_same_origin(following):
                raise PageContractError(
                    f"its next page is on another server, {public_url(following)}; the service's root address is set "
                    "wrongly there, or `url` in sources.yaml is not the address that the service knows itself by"
                )
            yield following


def _find_links(page: Any) -> Iterator[str]:
    """Every next link at any depth of a page, the outermost first."""
    ahead = deque([page])
    while ahead:
        node = ahead.popleft()
        if isinstance(node, list):
            ahead.extend(node)
        elif isinstance(node, dict):
            ahead.extend(value for value in node.values() if isinstance(value, dict | list))
            for key, value in node.items():
                if key.endswith(_NEXT) and value is not None:
                    if not isinstance(value, str):
                        raise PageContractError(f"`{key}` of a page is no address")
                    yield value


def _text(value: Any) -> str | None:
    """A text as it can be stored, None for what is none: JSON can hold halves of characters, UTF-8 cannot."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else None


def _quote_id(number: str | int) -> str:
    """An id as it stands in an address: numbers as they are, text in quotes with the quotes in it doubled."""
    return str(number) if isinstance(number, int) else "'" + number.replace("'", "''") + "'"


def _encode(options: dict[str, str]) -> str:
    """The query of an address, without the options that are empty."""
    return "&".join(name + "=" + quote(value, safe="$,():/'=") for name, value in options.items() if value)
