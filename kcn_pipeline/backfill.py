"""The chunks of a backfill: which days, under which night, what became of each, and what is said at the end.

It must not run anything. The surprising fact: a chunk belongs to the night after its last day, as if it had come in
time; so whatever newer nights brought of the same readings keeps counting, and runs of old nights stay small.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from kcn_pipeline.settings import FIRST_NIGHT

#: The tag of a run that lands some days: `2025-01-01..2025-01-07`.
DAYS_TAG = "kcn/days"

_DAY = timedelta(days=1)


class BackfillError(ValueError):
    """Days that cannot be backfilled; the message says which can."""


@dataclass(frozen=True)
class Chunk:
    """Days that one run lands, the first and the last included."""

    first: date
    last: date

    @property
    def night(self) -> str:
        """The night that the run belongs to."""
        return (self.last + _DAY).isoformat()

    @property
    def tag(self) -> str:
        """The days as the tag of the run states them."""
        return f"{self.first}..{self.last}"

    @property
    def count(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def days(self) -> list[date]:
        """Its days in order."""
        return [self.first + number * _DAY for number in range(self.count)]


def read_days(tag: str) -> tuple[date, date]:
    """The first and the last day of a tag; raises BackfillError when it is none."""
    try:
        first, last = map(date.fromisoformat, tag.split(".."))
    except ValueError:
        raise BackfillError(f"{tag!r} are no days; write the tag {DAYS_TAG} as 2025-01-01..2025-01-07") from None
    return first, last


def plan_chunks(first: date, last: date, size: int, calendar_begins: date, tonight: date) -> list[Chunk]:
    """The days from `first` to `last` in chunks of `size`, oldest first; raises BackfillError when some cannot be.

    A day must not lie before the calendar, nor before the first night there is, and must have ended.
    """
    if first > last:
        raise BackfillError(f"--from {first} is later than --to {last}; exchange them")
    earliest = max(calendar_begins, date.fromisoformat(FIRST_NIGHT))
    if first < earliest:
        raise BackfillError(
            f"--from {first} is too early; the first day is {earliest}: the calendar begins on {calendar_begins}"
            f" (first_day in contracts/calendar.yaml) and there is no night before {FIRST_NIGHT}"
        )
    if last >= tonight:
        raise BackfillError(
            f"--to {last} has not ended; the last day is {tonight - _DAY}: days are landed under the night after them,"
            f" and the newest night is {tonight}"
        )
    return [Chunk(start, min(start + (size - 1) * _DAY, last)) for start in _starts(first, last, size)]


def _starts(first: date, last: date, size: int) -> Iterator[date]:
    while first <= last:
        yield first
        first += size * _DAY


# ---- what is said ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChunkResult:
    """What became of a chunk: its exit code, and what the run brought. Without a run, `done_by` is the run before."""

    chunk: Chunk
    code: int
    done_by: str | None = None
    files: int = 0
    known: int = 0
    readings: int = 0
    days: int = 0


_OUTCOMES = {
    0: "published",
    1: "published, but something broke (see FAILED above)",
    2: "NOT published (see FAILED above)",
}


def write_summary(chunks: Sequence[Chunk], results: Sequence[ChunkResult]) -> str:
    """What became of the chunks of a backfill, for the terminal; those after the last result were not begun."""
    ran = [result for result in results if not result.done_by]
    failed = [result for result in ran if result.code]
    counts = {
        "published": len(ran) - len(failed),
        "already done": len(results) - len(ran),
        "failed": len(failed),
        "not begun": len(chunks) - len(results),
    }
    lines = [
        "",
        f"Backfill {chunks[0].first}..{chunks[-1].last}",
        *(f"  {result.chunk.tag}  night {result.chunk.night}  {_tell(result)}" for result in results),
        f"  chunks          {len(chunks):,}: " + ", ".join(f"{n:,} {word}" for word, n in counts.items() if n),
        f"  files           {sum(r.files for r in ran):,} new, {sum(r.known for r in ran):,} known",
        f"  readings        {sum(r.readings for r in ran):,} accepted",
        f"  days            {sum(r.days for r in ran):,} with readings of {sum(r.chunk.count for r in ran):,}",
    ]
    if refused := [result for result in ran if result.files and not result.readings]:
        days = ", ".join(result.chunk.tag for result in refused)
        lines.append(f"  WARNING         no reading of {days} was accepted: are the stations in the register?")
        lines.append("                  see audit_quarantine; then run the same command with --again")
    if failed or counts["not begun"]:
        lines.append("  next            run the same command again: what is done is skipped, what failed is taken up")
    return "\n".join(lines)


def _tell(result: ChunkResult) -> str:
    if result.done_by:
        return f"already done by run {result.done_by[:8]}; --again runs it all the same"
    return f"{_OUTCOMES[result.code]}; {result.files:,} files, {result.readings:,} readings, {result.days} days"
