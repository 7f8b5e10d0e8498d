"""What one feed brings in during one run: every payload passes here, is landed once or not, and is counted.

It must not know how the bytes came. The surprising fact: the same bytes under another name are not landed but reported
as a duplicate, except empty ones, because two empty files are two enterprises that sent nothing readable.
"""

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from kcn_pipeline.contracts.sources import Feed
from kcn_pipeline.landing.errors import LandingError, ResponseWrongTypeError, Rule
from kcn_pipeline.landing.secrets import Secrets
from kcn_pipeline.landing.shown_names import ShownNames
from kcn_pipeline.landing.store import PERSONAL_DATA, Ledger, PackWriter, Payload


@dataclass(frozen=True)
class FeedFinding:
    """One thing to know about one payload or one feed: the rule, the payload's name (or the feed's id), the details.

    `params` fills the placeholders of the rule's text in rules.yaml: `found`, `expected`, `detail`. A file that may be
    called after a person is told as `ShownNames` calls it, also in the details.
    """

    rule: Rule
    name: str
    params: dict[str, Any]


@dataclass(frozen=True)
class FeedResult:
    """One feed and night: how many payloads landed, had landed before, were duplicates or were left aside.

    `failed` means that something the feed offers could not be taken and `error` says what happened and what to do; what
    could be taken has landed all the same. `bytes` counts landed content. Texts and params never hold a secret.
    """

    source: str
    topic: str
    status: Literal["ok", "failed"]
    landed: int = 0
    unchanged: int = 0
    duplicates: int = 0
    skipped: int = 0
    bytes: int = 0
    error: str | None = None
    findings: tuple[FeedFinding, ...] = ()


def mark_personal_data(feed: Feed) -> dict[str, bool]:
    """What the metadata of a feed's payloads say about personal data: nothing where there is none."""
    return {PERSONAL_DATA: True} if feed.holds_personal_data else {}


@dataclass
class Intake:
    """The counters of one run of one feed."""

    feed: Feed
    secrets: Secrets
    landed: int = 0
    unchanged: int = 0
    duplicates: int = 0
    skipped: int = 0
    bytes: int = 0
    causes: list[str] = field(default_factory=list)
    findings: list[FeedFinding] = field(default_factory=list)
    names: ShownNames = field(init=False)

    def __post_init__(self) -> None:
        self.names = ShownNames(self.feed)

    def take(self, payload: Payload, ledger: Ledger, writer: PackWriter) -> None:
        """Land a payload, unless its name holds these bytes already or another name does."""
        landed = ledger.named(payload.name)
        twin = ledger.twin(payload.sha256)
        if landed is not None and landed.sha256 == payload.sha256:
            self.unchanged += 1
        elif twin is not None and payload.size > 0:
            self.duplicates += 1
            shown, other = (self.names.show_landed(each.sha256, each.name) for each in (payload, twin))
            self.find("duplicate_payload", shown, detail=other, sha256=payload.sha256)
        else:
            writer.add(payload)
            ledger.note(payload)
            self.landed += 1
            self.bytes += payload.size

    def skip_too_large(self, name: str, size: int | None) -> None:
        """Leave a payload aside that has more bytes than the feed takes; the feed does not fail for it."""
        expected = f"{self.feed.max_file_mb:g} MB"
        found = f"{size / 1e6:.1f} MB" if size else f"> {expected}"
        self.skipped += 1
        self.find("file_too_large", self.names.show(name), found=found, expected=expected)

    def fail(self, cause: str) -> None:
        """Note why the feed fails; the run goes on with what can be had."""
        self.causes.append(self.secrets.redact(cause))

    def fail_payload(self, name: str, error: LandingError) -> None:
        """Note that one payload could not be taken: a finding, and a reason why the feed fails."""
        shown, said = self.names.show(name), f"{error}{self.names.say_where(name)}"
        params = {"detail": said}
        if isinstance(error, ResponseWrongTypeError):
            params |= {"found": error.found, "expected": PurePosixPath(name).suffix or "file"}
        self.find(error.rule, shown, **params)
        self.fail(f"{shown}: {said}")

    def find(self, rule: Rule, name: str, **params: Any) -> None:
        """Add a finding; the texts among `params` are cleared of secrets."""
        clean = {key: self.secrets.redact(value) if isinstance(value, str) else value for key, value in params.items()}
        self.findings.append(FeedFinding(rule, name, clean))

    def result(self) -> FeedResult:
        """What the run of the feed came to."""
        more = f" (and {len(self.causes) - 1} more, see the findings)" if len(self.causes) > 1 else ""
        return FeedResult(
            source=self.feed.id,
            topic=self.feed.topic,
            status="failed" if self.causes else "ok",
            landed=self.landed,
            unchanged=self.unchanged,
            duplicates=self.duplicates,
            skipped=self.skipped,
            bytes=self.bytes,
            error=self.causes[0] + more if self.causes else None,
            findings=tuple(self.findings),
        )
