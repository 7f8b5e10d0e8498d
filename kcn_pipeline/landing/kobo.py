"""Lands the submissions of KoboToolbox forms (API v2): a listing of all ids, then what the listing shows to be new.

It must not read an answer, nor decide what a deleted or unapproved submission means; staging and validation do. The
surprising fact: an edit changes a submission's `_uuid` and a deletion leaves no trace, so only the whole listing, held
against the newest one that landed, tells what happened; and a form lands with its listing in one pack or not at all,
because a submission beside an older listing would look deleted.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal
from urllib.parse import urlencode

from kcn_pipeline.contracts.sources import KoboFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.errors import HttpDeniedError, HttpStatusError, LandingError, PageContractError
from kcn_pipeline.landing.http import HttpClient, Patience, join_url
from kcn_pipeline.landing.intake import FeedResult, Intake, mark_personal_data
from kcn_pipeline.landing.pages import ask_page
from kcn_pipeline.landing.secrets import Secrets, public_url
from kcn_pipeline.landing.store import Payload, iterate_payloads, read_manifest, receive, write_together

#: What a listing asks for of each submission; a server that does not heed it sends all, which is as good.
_LISTED = ["_id", "_uuid", "meta/rootUuid", "_validation_status", "__version__", "_attachments"]
#: So many ids make an address of about 2,000 characters; servers take 4,000 and more.
_IDS_AT_ONCE = 150
_CHANGED = "it changed while it was read, so nothing of it landed; it is read again the next night"


@dataclass(frozen=True)
class _Submission:
    """What a listing says of a submission: another `version` is another content, another `status` a new approval."""

    uuid: str
    root_uuid: str | None
    version: str | None
    attachments: int
    status: str | None

    def has_content_of(self, other: "_Submission | None") -> bool:
        """Whether nothing but the approval differs."""
        return other is not None and self._content == other._content

    @property
    def _content(self) -> tuple[Any, ...]:
        return self.uuid, self.root_uuid, self.version, self.attachments


@dataclass(frozen=True)
class _Page:
    """One answer of the server: its address without query, its bytes, the submissions in it by `_id`, in order.

    `count` is how many submissions the server says there are on all pages.
    """

    origin: str
    content: bytes = field(repr=False)
    submissions: Sequence[tuple[int, _Submission]]
    count: int


def land_kobo(
    lake: Lake,
    feed: KoboFeed,
    night: str,
    *,
    patience: Patience | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> FeedResult:
    """Land the new and changed submissions of every form, and its listing when anything in it changed.

    A form that cannot be read whole fails the feed with a finding while the others land. Never raises for the server's
    fault.
    """
    secrets = Secrets()
    intake = Intake(feed, secrets)
    try:
        url = secrets.resolve(feed.url)
        client = HttpClient(
            url,
            secrets,
            token=feed.token,
            token_scheme="Token",
            timeout_s=feed.timeout_s,
            patience=patience,
            sleep=sleep,
        )
    except LandingError as error:
        intake.fail(str(error))
        return intake.result()
    landed = _LandedListings(lake, feed.id)
    with client:
        for uid in feed.forms:
            form = _Form(feed, uid, f"{url}/api/v2/assets/{uid}/data.json", client, secrets)
            try:
                payloads = form.read(landed.newest(uid), landed.sweeps(uid) + 1, intake)
            except LandingError as error:
                intake.fail_payload(uid, _explain(error))
                continue
            if payloads:
                write_together(lake, feed.id, night, payloads)
                intake.landed += len(payloads)
                intake.bytes += sum(payload.size for payload in payloads)
    return intake.result()


class _LandedListings:
    """The listings of a feed's forms that have landed. The sweeps of a form are counted, so the last is the newest."""

    def __init__(self, lake: Lake, source: str) -> None:
        self._lake = lake
        self._source = source
        #: Form → its newest sweep and the night that landed it.
        self._newest: dict[str, tuple[int, str]] = {}
        for row in read_manifest(lake, source).select(["night", "metadata"]).to_pylist():
            metadata = json.loads(row["metadata"])
            if metadata.get("part") == "listing" and metadata["sweep"] > self.sweeps(metadata["form"]):
                self._newest[metadata["form"]] = metadata["sweep"], row["night"]

    def sweeps(self, uid: str) -> int:
        """How many sweeps of a form have landed."""
        return self._newest.get(uid, (0, ""))[0]

    def newest(self, uid: str) -> dict[int, _Submission]:
        """The submissions of a form by its newest landed listing, by `_id`; none when the form has never landed."""
        sweep, night = self._newest.get(uid, (0, ""))
        wanted = {"form": uid, "sweep": sweep, "part": "listing"}
        pages = (
            json.loads(payload.content)["results"]
            for payload in (iterate_payloads(self._lake, [self._source], night) if sweep else ())
            if wanted.items() <= payload.metadata.items()
        )
        return {number: submission for page in pages for number, submission in _read_submissions(page)}


class _Form:
    """One form during one run: its listing, and the pages that hold what is new in it."""

    def __init__(self, feed: KoboFeed, uid: str, address: str, client: HttpClient, secrets: Secrets) -> None:
        self._feed = feed
        self._uid = uid
        self._address = address
        self._client = client
        self._secrets = secrets

    def read(self, known: Mapping[int, _Submission], sweep: int, intake: Intake) -> list[Payload]:
        """What has to land of the form: pages of data, then those of the listing; nothing when it is as it was.

        `known` is what the newest landed listing says, `sweep` the number of this one. Raises LandingError when the
        form cannot be read whole and at rest.
        """
        pages = self._list()
        listed = _by_id(pages)
        if known and not listed:
            raise PageContractError(
                f"it lists no submission where {len(known)} were listed before; check that the token's user may still "
                "see them. If all were deleted on purpose, hand in one test submission"
            )
        gone = known.keys() - listed.keys()
        if gone and gone != known.keys() - _by_id(self._list()).keys():
            # One deleted and one handed in between two pages leave the count as it was, and a third on neither page.
            raise PageContractError(_CHANGED)
        if listed == known:
            intake.unchanged += len(pages)
            return []
        wanted = {number for number, each in listed.items() if not each.has_content_of(known.get(number))}
        data = self._fetch(listed, wanted) if wanted else []
        return [*self._to_payloads("data", data, sweep), *self._to_payloads("listing", pages, sweep)]

    # ---- what is asked for -----------------------------------------------------------------------------------------

    def _list(self) -> list[_Page]:
        """The pages of the whole listing; raises PageContractError when they are not all of it."""
        pages = list(self._walk(fields=_LISTED))
        numbers = [number for page in pages for number, _ in page.submissions]
        counts = [page.count for page in pages]
        # It may grow, at its end; when it shrinks, what moves up to an earlier page is on none that is still to come.
        has_shrunk = any(following < count for count, following in pairwise(counts))
        if has_shrunk or not len(numbers) == len(set(numbers)) == counts[-1]:
            raise PageContractError(
                f"its pages hold {len(set(numbers))} submissions, but the first says there are {counts[0]} and the "
                f"last {counts[-1]}: {_CHANGED}"
            )
        return pages

    def _fetch(self, listed: Mapping[int, _Submission], wanted: set[int]) -> list[_Page]:
        """The pages that hold the wanted submissions as they were listed, and none that was not listed."""
        pages = self._fetch_by_id(wanted) if 2 * len(wanted) <= len(listed) else None
        if pages is None:
            # Only up to the last one listed, so that what is handed in meanwhile waits for the next night.
            every_page = self._walk(query={"_id": {"$lte": max(listed)}})
            pages = [page for page in every_page if any(number in wanted for number, _ in page.submissions)]
        found = _by_id(pages)
        for number in wanted | found.keys():
            if number not in listed or number not in found or not _is_same_version(found[number], listed[number]):
                raise PageContractError(_CHANGED)
        return pages

    def _fetch_by_id(self, wanted: set[int]) -> list[_Page] | None:
        """The pages of some submissions alone; None when the server does not heed `query` and sends others too."""
        pages = []
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            numbers = sorted(wanted)[start : start + _IDS_AT_ONCE]
            for page in self._walk(query={"_id": {"$in": numbers}}):
                if not {number for number, _ in page.submissions} <= set(numbers):
                    return None
                pages.append(page)
        return pages

    def _walk(self, **options: Any) -> Iterator[_Page]:
        """Each page that an address leads to; `next` is followed as it is written, since a server may cut `limit`."""
        # Sorted, because a server that sorts newest first shifts its pages with every submission handed in.
        options = {"sort": {"_id": 1}, **options}
        texts = {name: json.dumps(value, separators=(",", ":")) for name, value in options.items()}
        url: str | None = f"{self._address}?{urlencode(texts | {'limit': self._feed.page_size, 'start': 0})}"
        seen: set[str] = set()
        while url is not None:
            if url in seen:
                raise PageContractError("its pages lead back to an earlier one; the server's operator has to mend it")
            if len(seen) == self._feed.max_pages:
                raise PageContractError(f"it has more than {self._feed.max_pages} pages; raise `max_pages`")
            seen.add(url)
            response, parsed = ask_page(self._client, url, self._feed.max_file_mb)
            results, count = parsed.get("results"), parsed.get("count")
            if not isinstance(results, list) or not isinstance(count, int):
                raise PageContractError("a page has no list `results` or no `count`; is it the API v2 of KoboToolbox?")
            origin = self._secrets.redact(public_url(url))
            yield _Page(origin, response.content, _read_submissions(results), count)
            url = self._next_page(url, parsed.get("next"))

    def _next_page(self, url: str, following: Any) -> str | None:
        """The address of the next page, None after the last one; refused when it is on another server."""
        if following is None:
            return None
        if not isinstance(following, str):
            raise PageContractError("the `next` of a page is neither an address nor null")
        following = join_url(url, following)
        if not self._client.is_same_origin(following):
            raise PageContractError(
                f"its next page is on another server, {public_url(following)}; the server does not know its own "
                "address, or `url` in sources.yaml is not the address that it knows itself by"
            )
        return following

    # ---- what lands ------------------------------------------------------------------------------------------------

    def _to_payloads(self, part: Literal["data", "listing"], pages: Sequence[_Page], sweep: int) -> list[Payload]:
        """The pages as payloads: `<uid>/listing-1.json`, … Attachments are counted; none is ever fetched."""
        common = {
            "kind": self._feed.kind,
            "source": self._feed.id,
            "topic": self._feed.topic,
            "form": self._uid,
            "part": part,
            "sweep": sweep,
            "pages": len(pages),
        } | mark_personal_data(self._feed)
        return [
            receive(
                self._feed.id,
                f"{self._uid}/{part}-{number}.json",
                page.origin,
                page.content,
                metadata=common
                | {
                    "page": number,
                    "submissions": len(page.submissions),
                    "attachments": sum(submission.attachments for _, submission in page.submissions),
                },
            )
            for number, page in enumerate(pages, start=1)
        ]


def _by_id(pages: Sequence[_Page]) -> dict[int, _Submission]:
    return {number: submission for page in pages for number, submission in page.submissions}


def _is_same_version(found: _Submission, listed: _Submission) -> bool:
    return (found.uuid, found.root_uuid) == (listed.uuid, listed.root_uuid)


def _read_submissions(results: Sequence[Any]) -> list[tuple[int, _Submission]]:
    """What the rows of a page say besides answers, by `_id`; raises PageContractError for one that cannot be told."""
    return [_read_submission(row) for row in results]


def _read_submission(row: Any) -> tuple[int, _Submission]:
    number = row.get("_id") if isinstance(row, dict) else None
    uuid = row.get("_uuid") if isinstance(row, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or not isinstance(uuid, str) or not uuid:
        raise PageContractError("a submission has no `_id` or no `_uuid`; is it the API v2 of KoboToolbox?")
    status, attachments = row.get("_validation_status"), row.get("_attachments")
    return number, _Submission(
        uuid=uuid,
        root_uuid=_text(row.get("meta/rootUuid")),
        version=_text(row.get("__version__")),
        attachments=len(attachments) if isinstance(attachments, list) else 0,
        # `{}` as long as nobody has looked at it.
        status=_text(status.get("uid")) if isinstance(status, dict) else None,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _explain(error: LandingError) -> LandingError:
    """The fault, with what to do where the server says no more than that there is no such thing."""
    if isinstance(error, HttpStatusError) and not isinstance(error, HttpDeniedError) and not error.is_passing:
        return PageContractError(f"{error}; check its uid under `forms`, and that the token's user may see its data")
    return error
