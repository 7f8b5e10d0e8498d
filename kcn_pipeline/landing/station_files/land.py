"""Lands what is new in a feed of station files: what to fetch, in which order, and what is kept of it.

It must not know where the files lie. The surprising fact: files land in order of the time they were last written, so
that of two readings for the same minute the one with the higher row number is the later word of the logger.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from kcn_pipeline.contracts.sources import StationFilesFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.errors import ConnectionLostError, LandingError
from kcn_pipeline.landing.intake import FeedResult, Intake
from kcn_pipeline.landing.secrets import Secrets
from kcn_pipeline.landing.station_files.address import Address, read_address
from kcn_pipeline.landing.station_files.days import Chunk
from kcn_pipeline.landing.station_files.folder import LocalFolder
from kcn_pipeline.landing.station_files.ftp import FtpServer
from kcn_pipeline.landing.station_files.ledger import NO_END, Landed, read_ledger
from kcn_pipeline.landing.station_files.server import Server, StationFile
from kcn_pipeline.landing.station_files.sftp import SftpServer
from kcn_pipeline.landing.station_files.walk import find_files
from kcn_pipeline.landing.store import PACK_BYTES, PayloadBatch, write_batch

#: Files fetched and written together; a crash loses at most these.
BATCH_FILES = 32_768

#: So many files or folders that cannot be read are named one by one; a server that refuses all would fill the log.
_NAMED = 20

_LOCAL_TIME = timedelta(hours=7)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def land_station_files(
    lake: Lake, feed: StationFilesFeed, night: str, base: Path, days: tuple[date, date] | None = None
) -> FeedResult:
    """Land the new and changed files of a feed, oldest first; a relative folder starts at `base`.

    With `days` (the first and the last) exactly the files of those days, however long ago they were written.

    A file that cannot be read fails the feed while all others land; when the connection is lost, what came whole lands.
    Never raises for the source's fault.
    """
    secrets = Secrets()
    intake = Intake(feed, secrets)
    try:
        address = read_address(feed, base, secrets)
    except LandingError as error:
        intake.fail(str(error))
        return intake.result()
    try:
        with closing(_open(address, feed, base, secrets)) as server:
            chunk = Chunk(*days) if days else None
            _Landing(lake, feed, night, intake, address.shown, chunk).run(server, address.path)
    except LandingError as error:
        intake.fail(f"{address.shown} {error}")
    return intake.result()


def _open(address: Address, feed: StationFilesFeed, base: Path, secrets: Secrets) -> Server:
    """The feed's place, opened; raises ServerError when there is no way in."""
    if address.scheme == "file":
        return LocalFolder(address.path)
    if address.scheme == "sftp":
        return SftpServer(address, feed, base, secrets)
    return FtpServer(address, feed)


@dataclass
class _Landing:
    """One run of one feed."""

    lake: Lake
    feed: StationFilesFeed
    night: str
    intake: Intake
    shown: str
    chunk: Chunk | None = None
    waiting: list[str] = field(default_factory=list)
    refused: list[tuple[str, LandingError]] = field(default_factory=list)

    def run(self, server: Server, root: str) -> None:
        """Find, choose, fetch, write, and say what could not be had."""
        look_back_days = self.feed.look_back_days
        listed = self.chunk.nights_to_list() if self.chunk else (self.night, look_back_days)
        found = find_files(server, root, self.feed, *listed)
        self.intake.skipped += found.left_behind
        self.refused += found.refused
        if not found.files and not found.refused:
            self._tell_strangers(found.strangers)
        if self.chunk:
            found.files = self.chunk.choose(found.files, self.feed.folders)
            nights = self.chunk.nights_of_ledger(self.night, look_back_days)
        else:
            nights = _days_before(self.night, look_back_days + 1), NO_END
        ledger = read_ledger(self.lake, self.feed.id, *nights)
        files = self._choose(found.files, ledger)
        for number, batch in enumerate(_in_batches(files)):
            if number and self._is_lost():
                self.refused += [(file.name, self.refused[-1][1]) for file in batch]
            else:
                self._land(batch, server.fetch(batch, self._limit), ledger)
        self._report()

    @property
    def _limit(self) -> int:
        return int(self.feed.max_file_mb * 1e6)

    # ---- before fetching -------------------------------------------------------------------------------------------

    def _choose(self, files: Sequence[StationFile], ledger: dict[str, Landed]) -> list[StationFile]:
        """The files to fetch, in order of time and name."""
        now_us = (datetime.now(UTC) - _EPOCH) // _MICROSECOND
        oldest_us = None
        if not self.feed.folders and not self.chunk:
            oldest_us = _start_of_look_back(self.night, self.feed.look_back_days, now_us)
        chosen = []
        for file in files:
            landed = ledger.get(file.name)
            if landed is not None and _is_same(landed, file):
                self.intake.unchanged += 1
            elif oldest_us is not None and file.modified_us is not None and file.modified_us < oldest_us:
                self.intake.skipped += 1
            elif file.size is not None and file.size > self._limit:
                self.intake.skip_too_large(file.name, file.size)
            elif self._is_young(file, now_us):
                self.waiting.append(file.name)
            else:
                chosen.append(file)
        return self._leave_too_many(sorted(chosen, key=lambda file: (file.modified_us or 0, file.name)))

    def _is_young(self, file: StationFile, now_us: int) -> bool:
        """Whether a file may still be being written. One from the future tells only that its server's clock is wrong;

        it is taken, and fetched again when it changes.
        """
        return file.modified_us is not None and abs(now_us - file.modified_us) < self.feed.settle_s * 1e6

    def _leave_too_many(self, files: list[StationFile]) -> list[StationFile]:
        most = self.feed.max_files * (self.chunk.count if self.chunk else 1)
        left = files[most:]
        if left:
            self.intake.skipped += len(left)
            self.intake.find("too_many_files", self.feed.id, found=len(left), expected=most, detail=left[0].name)
            self._fail_chunk(f"more than {most} files; left: {len(left)}, the first is {left[0].name}")
        return files[:most]

    def _tell_strangers(self, strangers: Mapping[str, str]) -> None:
        """Say which pattern of the feed matched nothing: a misspelt one would be silent for ever."""
        expected = {"folders": self.feed.folders, "include": ", ".join(self.feed.include)}
        for key, name in strangers.items():
            self.intake.find("nothing_matches", self.feed.id, field=key, expected=expected[key], detail=name)

    def _fail_chunk(self, cause: str) -> None:
        """Fail a backfill for what an ordinary night leaves to the next one: for these days there is no next one."""
        if self.chunk:
            self.intake.fail(f"{self.shown}: {cause}; run the backfill of these days again")

    # ---- after fetching --------------------------------------------------------------------------------------------

    def _land(
        self, files: Sequence[StationFile], answers: Sequence[bytes | LandingError], ledger: dict[str, Landed]
    ) -> None:
        """Write what came whole and is new as one pack."""
        batch = PayloadBatch(self.feed.id, [], [], [], [], [])
        metadata = {"kind": self.feed.kind, "channel": self.feed.channel}
        for file, answer in zip(files, answers, strict=True):
            if isinstance(answer, LandingError):
                self.refused.append((file.name, answer))
            elif file.size is not None and len(answer) != file.size:
                self.waiting.append(file.name)
            elif len(answer) > self._limit:
                self.intake.skip_too_large(file.name, None)
            else:
                digest = sha256(answer).hexdigest()
                landed = ledger.get(file.name)
                if landed is not None and landed.sha256 == digest:
                    self.intake.unchanged += 1
                    continue
                batch.names.append(file.name)
                batch.contents.append(answer)
                batch.modified_at.append(_to_text(file.modified_us))
                batch.sha256.append(digest)
                batch.metadata.append(metadata)
        write_batch(self.lake, self.night, batch, self.shown)
        self.intake.landed += len(batch)
        self.intake.bytes += sum(map(len, batch.contents))

    def _is_lost(self) -> bool:
        return bool(self.refused) and isinstance(self.refused[-1][1], ConnectionLostError)

    def _report(self) -> None:
        """Tell what waits and what could not be had: the first by name, the rest as a number."""
        if self.waiting:
            self.intake.skipped += len(self.waiting)
            self.intake.find("file_still_written", self.feed.id, found=len(self.waiting), detail=min(self.waiting))
            self._fail_chunk(f"{len(self.waiting)} files are still being written, such as {min(self.waiting)}")
        lost = [each for each in self.refused if isinstance(each[1], ConnectionLostError)]
        refused = [each for each in self.refused if not isinstance(each[1], ConnectionLostError)]
        if lost:
            self.intake.skipped += len(lost)
            name, error = lost[0]
            when = "next run of the backfill" if self.chunk else "next night"
            self.intake.fail(f"{self.shown} {error}; left for the {when}: {len(lost)}, the first is {name}")
        for name, error in refused[:_NAMED]:
            self.intake.fail_payload(name, error)
        if more := refused[_NAMED:]:
            name, error = more[0]
            detail = f"neither could {len(more) - 1} others be; {error}"
            self.intake.find("file_unreadable", name, detail=detail)
            self.intake.fail(f"{name}: {detail}")


def _is_same(landed: Landed, file: StationFile) -> bool:
    """Whether a file looks just as when it landed. Without a time that says nothing, and it is fetched again."""
    is_known = file.modified_us is not None and landed.size == file.size
    return is_known and landed.modified_at == _to_text(file.modified_us)


def _start_of_look_back(night: str, look_back_days: int, now_us: int) -> int:
    """The time (µs) before which files are left alone: from the end of the night, or from now if that is earlier."""
    night_ends = datetime.fromisoformat(night).replace(tzinfo=UTC) + timedelta(days=1) - _LOCAL_TIME
    return min(now_us, (night_ends - _EPOCH) // _MICROSECOND) - timedelta(days=look_back_days) // _MICROSECOND


def _days_before(night: str, days: int) -> str:
    return (date.fromisoformat(night) - timedelta(days=days)).isoformat()


def _in_batches(files: Sequence[StationFile]) -> Iterator[list[StationFile]]:
    """The files in their order, so many at a time as may be in memory."""
    batch: list[StationFile] = []
    size = 0
    for file in files:
        if batch and (len(batch) == BATCH_FILES or size + (file.size or 0) > PACK_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size or 0
    if batch:
        yield batch


def _to_text(modified_us: int | None) -> str | None:
    """A time as ISO 8601 in UTC, as `datetime.isoformat` writes it."""
    if modified_us is None:
        return None
    seconds, fraction = divmod(modified_us, 1_000_000)
    return f"{_second(seconds)}.{fraction:06d}+00:00" if fraction else f"{_second(seconds)}+00:00"


@lru_cache(maxsize=200_000)
def _second(seconds: int) -> str:
    """The second, remembered: the stations of a province write theirs in the same ones."""
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
