"""Lands the submissions of the report portal, whose interface is `portal.openapi.yaml` beside this file.

It must not judge a report, only whether the portal delivered what it listed. The surprising fact: how far back the next
listing has to reach is remembered in the payloads themselves (`retry_from` in their metadata), so a submission that
fails for months is asked for every night, and nothing is lost by a listing that broke off.
"""

import json
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, get_args
from urllib.parse import urlencode

from kcn_pipeline.contracts.sources import Channel, PortalFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.errors import (
    ContentMismatchError,
    FileTooLargeError,
    HttpError,
    HttpTimeoutError,
    LandingError,
    PortalContractError,
    ResponseWrongTypeError,
)
from kcn_pipeline.landing.http import HttpClient, Patience, join_url
from kcn_pipeline.landing.intake import FeedResult, Intake
from kcn_pipeline.landing.secrets import Secrets, public_url
from kcn_pipeline.landing.store import Ledger, PackWriter, Payload, Receipt, receive

#: How far behind the newest landed submission a listing starts: submissions may be stamped late or appear late.
LOOK_BACK = timedelta(days=31)
#: After this many files in a row at which the server failed, it is left alone until the next night.
GIVE_UP_AFTER = 20
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_LISTING_BYTES = 32_000_000
_TEXT_FIELDS = ("id", "tax_code", "form", "period", "submitted_at", "file_name", "file_url")


@dataclass(frozen=True)
class Submission:
    """One file that an enterprise handed in, as the listing describes it; `submitted_at` is kept as it was written."""

    id: str
    tax_code: str
    form: str
    period: str
    submitted_at: str
    channel: str
    file_name: str
    file_url: str = field(repr=False)
    sha256: str | None = None
    size: int | None = None
    etag: str | None = None

    @property
    def name(self) -> str:
        """The payload's name. The id is in it because many enterprises send files of the same name."""
        return f"{self.id}/{self.file_name}"

    @property
    def moment(self) -> datetime:
        """When it was submitted."""
        return datetime.fromisoformat(self.submitted_at)


@dataclass
class _Listing:
    """What the portal listed: `is_complete` unless it broke off; `etag` only if one page held everything."""

    items: list[Any] = field(default_factory=list)
    is_complete: bool = True
    etag: str | None = None


def land_portal(
    lake: Lake,
    feed: PortalFeed,
    night: str,
    *,
    patience: Patience | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> FeedResult:
    """Land the files of new and changed submissions, oldest first.

    A file that cannot be had fails the feed with a finding while all others land. Never raises for the portal's fault.
    """
    secrets = Secrets()
    intake = Intake(feed, secrets)
    try:
        url = secrets.resolve(feed.url)
        client = HttpClient(url, secrets, token=feed.token, timeout_s=feed.timeout_s, patience=patience, sleep=sleep)
    except LandingError as error:
        intake.fail(str(error))
        return intake.result()
    with client, PackWriter(lake, feed.id, night) as writer:
        _PortalRun(feed, url, client, intake, Ledger.read(lake, feed.id, _subject_of), writer).run()
    return intake.result()


class _PortalRun:
    """One run over the portal: list, choose, download."""

    def __init__(
        self, feed: PortalFeed, url: str, client: HttpClient, intake: Intake, ledger: Ledger, writer: PackWriter
    ) -> None:
        self._feed = feed
        self._client = client
        self._intake = intake
        self._ledger = ledger
        self._writer = writer
        self._since = _start_of_listing(ledger, datetime.now(UTC))
        self._listing_url = f"{url}/v1/submissions?{urlencode(_query(self._since, feed.page_size))}"
        #: The earliest moment of a submission that could not be taken, None as long as all could.
        self._retry_from: datetime | None = None
        self._outages = 0

    def run(self) -> None:
        """Land what is new; every fault of the portal becomes a cause or a finding of the intake."""
        listing = self._list()
        if not listing.is_complete:
            # What was not listed may be older than anything that lands now.
            self._put_off(self._since or _BEGINNING)
        wanted = self._choose(listing.items)
        for number, submission in enumerate(wanted):
            is_last = number == len(wanted) - 1
            self._land(submission, is_last, listing.etag)
            if self._outages == GIVE_UP_AFTER and not is_last:
                left = len(wanted) - number - 1
                self._intake.fail(f"{self._outages} files in a row failed; {left} more are left for the next night")
                return

    # ---- the listing -----------------------------------------------------------------------------------------------

    def _list(self) -> _Listing:
        """Every item of the listing, in the portal's order; what came before a fault is kept, and the fault noted."""
        listing = _Listing()
        try:
            self._list_into(listing)
        except LandingError as error:
            listing.is_complete = False
            listing.etag = None
            self._intake.fail(f"the listing of submissions failed: {error}")
        return listing

    def _list_into(self, listing: _Listing) -> None:
        url: str | None = self._listing_url
        known = self._known_etag()
        seen: set[str] = set()
        while url is not None:
            if url in seen:
                raise PortalContractError("its pages lead back to an earlier one; the portal's operator has to mend it")
            if len(seen) == self._feed.max_pages:
                raise PortalContractError(f"it has more than {self._feed.max_pages} pages; raise `page_size`")
            is_first = not seen
            seen.add(url)
            response = self._client.get(
                url,
                max_bytes=_LISTING_BYTES,
                is_expected=_is_json,
                headers={"If-None-Match": known} if is_first and known else None,
            )
            if response.status == 304:
                return
            page = _parse_page(response.content)
            listing.items += page["items"]
            url = self._next_page(page.get("next"))
            # The etag of one page among several would say nothing about the pages after it.
            listing.etag = response.headers.get("ETag") if is_first and url is None else None

    def _next_page(self, following: Any) -> str | None:
        """The address of the next page, None after the last one; refused when it is on another server."""
        if following is None:
            return None
        if not isinstance(following, str):
            raise PortalContractError("the `next` of a page is neither an address nor null")
        url = join_url(self._listing_url, following)
        if not self._client.is_same_origin(url):
            raise PortalContractError(f"its next page is on another server: {public_url(url)}")
        return url

    def _known_etag(self) -> str | None:
        """The etag under which everything of this very listing has landed, if the newest payload says so."""
        listing = self._ledger.receipts[-1].metadata.get("listing") if self._ledger.receipts else None
        if listing is None or listing["url"] != self._intake.secrets.redact(self._listing_url):
            return None
        return str(listing["etag"])

    # ---- what is new -----------------------------------------------------------------------------------------------

    def _choose(self, items: list[Any]) -> list[Submission]:
        """The submissions that have not landed as they are now, oldest first; incomplete ones become findings."""
        wanted: dict[Hashable, Submission] = {}
        for item in items:
            wrong = _wrong_fields(item)
            if wrong:
                self._refuse(item, wrong)
                continue
            submission = _read_submission(item, self._feed, self._listing_url, self._intake.secrets)
            if _has_landed(submission, self._ledger):
                self._intake.unchanged += 1
            else:
                # A listing that grows while it is paged through shows some submissions twice.
                wanted[submission.id, submission.sha256, submission.etag, submission.size] = submission
        return sorted(wanted.values(), key=lambda submission: (submission.moment, submission.id))

    def _refuse(self, item: Any, wrong: list[str]) -> None:
        name = str(item.get("id") or "") if isinstance(item, dict) else ""
        name = self._intake.secrets.redact(name) or "a submission without id"
        fields = ", ".join(wrong)
        self._intake.find("submission_incomplete", name, detail=fields)
        self._intake.fail(f"{name}: the listing lacks or misstates {fields}; the portal's operator has to mend it")
        is_dated = isinstance(item, dict) and "submitted_at" not in wrong
        self._put_off(datetime.fromisoformat(item["submitted_at"]) if is_dated else self._since or _BEGINNING)

    # ---- the files -------------------------------------------------------------------------------------------------

    def _land(self, submission: Submission, is_last: bool, listing_etag: str | None) -> None:
        try:
            content = self._download(submission)
        except FileTooLargeError:
            self._intake.skip_too_large(submission.name, submission.size)
            self._put_off(submission.moment)
        except LandingError as error:
            self._intake.fail_payload(submission.name, error)
            self._put_off(submission.moment)
            self._outages = self._outages + 1 if _is_outage(error) else 0
        else:
            self._outages = 0
            metadata = self._describe(submission, is_last, listing_etag)
            self._intake.take(self._to_payload(submission, content, metadata), self._ledger, self._writer)

    def _download(self, submission: Submission) -> bytes:
        """The bytes of a file, checked against what the listing says of them."""
        limit = int(self._feed.max_file_mb * 1e6)
        if submission.size is not None and submission.size > limit:
            raise FileTooLargeError(f"{submission.size} bytes")
        response = self._client.get(
            submission.file_url, max_bytes=limit, is_expected=lambda media_type: not _is_page(media_type, submission)
        )
        content = response.content
        if not response.media_type and content.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
            raise ResponseWrongTypeError("a web page came instead of the file (a login page?)", "text/html")
        if submission.size is not None and submission.size != len(content):
            raise ContentMismatchError(f"{len(content)} bytes came, {submission.size} were listed")
        if submission.sha256 is not None and submission.sha256.lower() != sha256(content).hexdigest():
            raise ContentMismatchError("the sha256 is not the listed one; the portal's operator has to look into it")
        return content

    def _describe(self, submission: Submission, is_last: bool, listing_etag: str | None) -> dict[str, Any]:
        """The metadata of a payload: what the listing says of it, and where the next listing has to start."""
        # Unless it is the last one, the submissions after it may yet fail, or this run end before they are asked for.
        retry_from = self._retry_from or (None if is_last else submission.moment)
        metadata: dict[str, Any] = {
            "kind": self._feed.kind,
            "channel": submission.channel,
            "submission_id": submission.id,
            "tax_code": submission.tax_code,
            "form": submission.form,
            "period": submission.period,
            "submitted_at": submission.submitted_at,
            "retry_from": retry_from.isoformat() if retry_from else None,
        }
        if listing_etag is not None and retry_from is None:
            redact = self._intake.secrets.redact
            metadata["listing"] = {"url": redact(self._listing_url), "etag": redact(listing_etag)}
        return metadata

    def _to_payload(self, submission: Submission, content: bytes, metadata: dict[str, Any]) -> Payload:
        return receive(
            self._feed.id,
            submission.name,
            self._intake.secrets.redact(public_url(submission.file_url)),
            content,
            modified_at=submission.submitted_at,
            etag=submission.etag,
            metadata=metadata,
        )

    def _put_off(self, moment: datetime) -> None:
        """Remember that the next listing has to reach back to a moment."""
        self._retry_from = min(moment, self._retry_from or moment)


# ---- where a listing starts ------------------------------------------------------------------------------------------


def _start_of_listing(ledger: Ledger, now: datetime) -> datetime | None:
    """From which moment on to list: the look-back before the newest landed, or earlier if something could not be taken.

    None (from the beginning) as long as nothing landed. A stamp in the future counts as now. The first of the month is
    taken, so that the address of the listing, and with it its etag, holds for a month.
    """
    moments = [datetime.fromisoformat(receipt.metadata["submitted_at"]) for receipt in ledger.receipts]
    if not moments:
        return None
    retry_from = ledger.receipts[-1].metadata.get("retry_from")
    earliest = min(max(moments), now, datetime.fromisoformat(retry_from) if retry_from else now)
    if earliest <= _BEGINNING:
        return None
    return (earliest.astimezone(UTC) - LOOK_BACK).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _query(since: datetime | None, page_size: int) -> dict[str, str]:
    start = {"since": f"{since:%Y-%m-%dT%H:%M:%SZ}"} if since else {}
    return {**start, "page_size": str(page_size)}


# ---- items -----------------------------------------------------------------------------------------------------------


def _parse_page(content: bytes) -> dict[str, Any]:
    """A page of the listing: an object with a list `items`; raises PortalContractError for anything else."""
    try:
        page = json.loads(content)
    except ValueError as error:
        raise PortalContractError(f"a page is not JSON: {error}") from None
    if not isinstance(page, dict) or not isinstance(page.get("items"), list):
        raise PortalContractError("a page has no list `items`")
    return page


def _wrong_fields(item: Any) -> list[str]:
    """The fields of an item that are missing or not what the contract says."""
    if not isinstance(item, dict):
        return ["the item itself"]
    wrong = [name for name in _TEXT_FIELDS if not isinstance(item.get(name), str) or not item[name].strip()]
    if "submitted_at" not in wrong and not _is_moment(item["submitted_at"]):
        wrong.append("submitted_at")
    if item.get("channel") not in (None, *get_args(Channel)):
        wrong.append("channel")
    wrong += [name for name in ("sha256", "etag") if not isinstance(item.get(name), str | None)]
    if not isinstance(item.get("size"), int | None) or isinstance(item.get("size"), bool):
        wrong.append("size")
    return wrong


def _is_moment(text: str) -> bool:
    """Whether a text is a time with its zone; without one it is off by seven hours, nobody knows in which direction."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _read_submission(item: dict[str, Any], feed: PortalFeed, base_url: str, secrets: Secrets) -> Submission:
    """A submission without any secret in what is kept of it, should the portal repeat one."""
    texts = {name: secrets.redact(item[name]) for name in _TEXT_FIELDS}
    etag = item.get("etag")
    return Submission(
        **{**texts, "file_url": join_url(base_url, item["file_url"])},
        channel=item.get("channel") or feed.channel,
        sha256=item.get("sha256"),
        size=item.get("size"),
        etag=None if etag is None else secrets.redact(etag),
    )


def _has_landed(submission: Submission, ledger: Ledger) -> bool:
    """Whether this very version has landed: by sha256, else etag, else size, whichever both sides know."""
    landed = ledger.named(submission.name)
    if landed is None:
        return False
    if submission.sha256 is not None:
        return submission.sha256.lower() == landed.sha256
    if submission.etag is not None and landed.etag is not None:
        return submission.etag == landed.etag
    return submission.size is None or submission.size == landed.size


def _subject_of(receipt: Receipt) -> Hashable:
    """What newer submissions replace: the report of an enterprise on a form for a period."""
    return tuple(receipt.metadata.get(name) for name in ("tax_code", "form", "period"))


# ---- faults and types ------------------------------------------------------------------------------------------------


def _is_outage(error: LandingError) -> bool:
    """Whether it is the server that fails, not the one file; then the next files would most likely fail too."""
    return isinstance(error, HttpTimeoutError) or (isinstance(error, HttpError) and error.is_passing)


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")


def _is_page(media_type: str, submission: Submission) -> bool:
    """Whether a web page came for a file that is none; portals answer so when a session has run out."""
    is_web_file = submission.file_name.lower().endswith((".htm", ".html", ".xhtml"))
    return media_type in ("text/html", "application/xhtml+xml") and not is_web_file
