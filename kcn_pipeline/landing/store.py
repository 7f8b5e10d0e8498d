"""Packs of payloads: how original bytes are kept, listed and given back, and what has landed already.

It must not know where payloads come from, nor what is in them. The surprising fact: one Parquet file is both pack and
manifest, because Parquet reads the few manifest columns without touching the content beside them; so there is no second
state that could disagree, and the ledger of what landed is just the manifests of all packs.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kcn_pipeline.lake import Lake
from kcn_pipeline.secrecy import hide_name

#: A pack is written when it holds this much; a crash loses at most the pack in hand.
PACK_BYTES = 64_000_000
PACK_PAYLOADS = 2_000
#: The key in a payload's metadata that marks names, telephone numbers and the like among its bytes.
PERSONAL_DATA = "holds_personal_data"
#: So many small payloads are compressed, and read back, at a time.
BATCH_ROW_GROUP = 4_096
#: What a payload may be asked for by: the beginning of its sha256, with or without the suffix of its name.
_DIGITS_AND_SUFFIX = re.compile(r"([0-9a-f]{6,64})((?:\.[a-z]+)?)")

MANIFEST_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("modified_at", pa.string()),
        pa.field("etag", pa.string()),
        pa.field("fetched_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("metadata", pa.string(), nullable=False),
    ]
)
PACK_SCHEMA = MANIFEST_SCHEMA.append(pa.field("content", pa.large_binary(), nullable=False))


class PackDamagedError(RuntimeError):
    """The bytes in a pack are not the bytes that landed; restore the pack from a backup."""


@dataclass(frozen=True)
class Receipt:
    """One row of a manifest: which payload landed, from where and when; sizes in bytes, no secret in any field."""

    source: str
    name: str
    origin: str
    sha256: str
    size: int
    modified_at: str | None
    etag: str | None
    fetched_at: datetime
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Payload(Receipt):
    """A receipt with the bytes it stands for."""

    content: bytes = field(repr=False)


@dataclass(frozen=True)
class PayloadBatch:
    """Many small payloads of one source side by side: entry n of every list belongs to the same payload.

    The first of them is number `first_row` of its source and night, counted from 0 over all packs as they landed.
    """

    source: str
    names: list[str]
    contents: list[bytes] = field(repr=False)
    modified_at: list[str | None] = field(repr=False)
    sha256: list[str] = field(repr=False)
    metadata: list[Mapping[str, Any]] = field(repr=False)
    first_row: int = 0

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class FoundPayload:
    """A receipt and where its bytes lie: the night, the pack and the row in it."""

    receipt: Receipt
    night: str
    pack: Path
    row: int

    @property
    def holds_personal_data(self) -> bool:
        """Whether who sees the bytes learns who said what, as with every payload of a survey."""
        return bool(self.receipt.metadata.get(PERSONAL_DATA))


def receive(
    source: str,
    name: str,
    origin: str,
    content: bytes,
    *,
    modified_at: str | None = None,
    etag: str | None = None,
    metadata: Mapping[str, Any],
) -> Payload:
    """The payload of bytes that have just come in: takes their sha256, their size and the time (UTC)."""
    return Payload(
        source=source,
        name=name,
        origin=origin,
        sha256=sha256(content).hexdigest(),
        size=len(content),
        modified_at=modified_at,
        etag=etag,
        fetched_at=datetime.now(UTC),
        metadata=metadata,
        content=content,
    )


class PackWriter:
    """Collects the payloads of one source and night and writes them in packs; each pack is written whole or not at all.

    Use it in a `with` statement: leaving it writes the last pack, leaving it by an exception does not.
    """

    def __init__(self, lake: Lake, source: str, night: str) -> None:
        self._lake = lake
        self._source = source
        self._night = night
        self._payloads: list[Payload] = []
        self._bytes = 0

    def __enter__(self) -> "PackWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._write()

    def add(self, payload: Payload) -> None:
        """Take one payload; writes a pack when enough has come together."""
        self._payloads.append(payload)
        self._bytes += payload.size
        if len(self._payloads) >= PACK_PAYLOADS or self._bytes >= PACK_BYTES:
            self._write()

    def _write(self) -> None:
        if self._payloads:
            self._lake.write_pack(self._source, self._night, _to_table(self._payloads))
            self._payloads = []
            self._bytes = 0


def write_together(lake: Lake, source: str, night: str, payloads: list[Payload]) -> None:
    """Write some payloads as one pack, whole or not at all, where none is of use without the others.

    However much they hold; row groups stay small, so that reading them back takes no more memory than other packs.
    """
    largest = max(payload.size for payload in payloads)
    lake.write_pack(source, night, _to_table(payloads), max(1, min(256, PACK_BYTES // max(1, largest))))


def write_batch(lake: Lake, night: str, batch: PayloadBatch, origin: str) -> None:
    """Write many small payloads as one pack, whole or not at all; `origin` is the address their names are below.

    Column by column, because an object per payload would cost more than reading the file it came from. An empty batch
    writes no pack.
    """
    if not batch.names:
        return
    texts = {
        id(each): json.dumps(each, ensure_ascii=False, sort_keys=True)
        for each in {id(m): m for m in batch.metadata}.values()
    }
    count = len(batch)
    columns = {
        "source": pa.repeat(batch.source, count),
        "name": pa.array(batch.names, pa.string()),
        "origin": pa.array([f"{origin}/{name}" for name in batch.names], pa.string()),
        "sha256": pa.array(batch.sha256, pa.string()),
        "size": pa.array(map(len, batch.contents), pa.int64()),
        "modified_at": pa.array(batch.modified_at, pa.string()),
        "etag": pa.nulls(count, pa.string()),
        "fetched_at": pa.repeat(pa.scalar(datetime.now(UTC), pa.timestamp("us", tz="UTC")), count),
        "metadata": pa.array([texts[id(each)] for each in batch.metadata], pa.string()),
        "content": pa.array(batch.contents, pa.large_binary()),
    }
    lake.write_pack(batch.source, night, pa.table(columns, PACK_SCHEMA), BATCH_ROW_GROUP)


# ---- reading ---------------------------------------------------------------------------------------------------------


def read_manifest(lake: Lake, source: str | None = None, night: str | None = None) -> pa.Table:
    """One row per payload of a source (or all) and a night (or all): `night` and the columns of MANIFEST_SCHEMA.

    The content is not read. Rows stand in the order of the packs: oldest night first, then as they landed.
    """
    tables = [
        _read_receipts(pack).add_column(0, "night", pa.repeat(_night_of(pack), pq.read_metadata(pack).num_rows))
        for pack in lake.packs(source, night)
    ]
    empty = pa.schema([pa.field("night", pa.string()), *MANIFEST_SCHEMA]).empty_table()
    return pa.concat_tables([empty, *tables], promote_options="default")


def iterate_payloads(lake: Lake, sources: Iterable[str], night: str) -> Iterator[Payload]:
    """The payloads of a night, source by source in the order given, each as it landed.

    One row group is in memory at a time. Raises PackDamagedError when bytes are not what their sha256 says.
    """
    for source in sources:
        for pack in lake.packs(source, night):
            with pq.ParquetFile(pack) as file:
                for group in range(file.num_row_groups):
                    yield from _to_payloads(pack, file.read_row_group(group))


def iterate_batches(lake: Lake, sources: Iterable[str], night: str) -> Iterator[PayloadBatch]:
    """The payloads of a night as `iterate_payloads` gives them, but one row group side by side at a time.

    Raises PackDamagedError when bytes are not what their sha256 says.
    """
    for source in sources:
        first_row = 0
        for pack in lake.packs(source, night):
            with pq.ParquetFile(pack) as file:
                for group in range(file.num_row_groups):
                    batch = _to_batch(source, pack, file.read_row_group(group, columns=_BATCH_COLUMNS), first_row)
                    first_row += len(batch)
                    yield batch


def find_payloads(lake: Lake, sha256_prefix_or_name: str) -> list[FoundPayload]:
    """Every landed payload with that sha256 (from 6 digits on), that name or that last part of the name, oldest first.

    Also by what messages call a payload of a survey: the beginning of its sha256 and its suffix (`3f2a90b1c4d5.xlsx`).
    Names are compared in one Unicode form, since a name typed here may look like one from a Mac and differ in bytes.
    """
    wanted = unicodedata.normalize("NFC", sha256_prefix_or_name)
    return [found for pack in lake.packs() for found in _find_in(pack, wanted)]


def read_content(found: FoundPayload) -> bytes:
    """The original bytes of a payload; raises PackDamagedError when they are not what their sha256 says."""
    row = found.row
    with pq.ParquetFile(found.pack) as file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if row < rows:
                (payload,) = _to_payloads(found.pack, file.read_row_group(group).slice(row, 1))
                return payload.content
            row -= rows
    raise PackDamagedError(f"{found.pack} has no row {found.row}; restore it from a backup")


def _find_in(pack: Path, wanted: str) -> Iterator[FoundPayload]:
    """The payloads of a pack that are called so: judged by columns, since years of station files are in the packs."""
    columns = pq.read_table(pack, columns=["name", "sha256"], partitioning=None)
    names = pc.utf8_normalize(columns["name"], "NFC")
    is_called = pc.or_(pc.equal(names, wanted), pc.ends_with(names, f"/{wanted}"))
    digits = _DIGITS_AND_SUFFIX.fullmatch(wanted.lower())
    if digits:
        beginning, suffix = digits.groups()
        has_suffix = pc.ends_with(pc.utf8_lower(names), suffix)
        is_called = pc.or_(is_called, pc.and_(pc.starts_with(columns["sha256"], beginning), has_suffix))
    rows = pc.indices_nonzero(is_called)
    if len(rows):
        receipts = _to_receipts(_read_receipts(pack).take(rows))
        for row, receipt in zip(rows.to_pylist(), receipts, strict=True):
            yield FoundPayload(receipt, _night_of(pack), pack, row)


# ---- what has landed already -----------------------------------------------------------------------------------------


class Ledger:
    """What has landed from one source, over all nights, with what lands during this run noted as it comes.

    A subject is what newer payloads replace: for files the name, for the portal the enterprise, form and period. Only
    the newest payload of a subject counts as present, so a file that is changed and changed back lands three times.
    """

    def __init__(self, subject: Callable[[Receipt], Hashable] = lambda receipt: receipt.name) -> None:
        self.receipts: list[Receipt] = []
        self._subject = subject
        self._newest: dict[Hashable, Receipt] = {}
        self._by_name: dict[str, Receipt] = {}
        self._by_sha256: dict[str, list[Receipt]] = {}

    @classmethod
    def read(
        cls, lake: Lake, source: str, subject: Callable[[Receipt], Hashable] = lambda receipt: receipt.name
    ) -> "Ledger":
        """The ledger of a source, from its manifests alone, in the order the payloads came in."""
        ledger = cls(subject)
        receipts = (receipt for pack in lake.packs(source) for receipt in _to_receipts(_read_receipts(pack)))
        for receipt in sorted(receipts, key=lambda receipt: receipt.fetched_at):
            ledger.note(receipt)
        return ledger

    def note(self, receipt: Receipt) -> None:
        """Count a payload as landed."""
        if isinstance(receipt, Payload):
            # The ledger outlives the pack: it must not keep the bytes of everything that landed tonight.
            receipt = Receipt(**{each.name: getattr(receipt, each.name) for each in fields(Receipt)})
        self.receipts.append(receipt)
        self._newest[self._subject(receipt)] = receipt
        self._by_name[receipt.name] = receipt
        self._by_sha256.setdefault(receipt.sha256, []).append(receipt)

    def named(self, name: str) -> Receipt | None:
        """The newest payload landed under a name."""
        return self._by_name.get(name)

    def has_seen(self, name: str, size: int | None, modified_at: str | None, etag: str | None) -> bool:
        """Whether the newest payload of that name has the same size, time and etag, so that it need not be read."""
        landed = self._by_name.get(name)
        if landed is None or (modified_at is None and etag is None):
            return False
        return (landed.size, landed.modified_at, landed.etag) == (size, modified_at, etag)

    def twin(self, digest: str) -> Receipt | None:
        """A payload with the same bytes that is still the newest of its subject."""
        same = self._by_sha256.get(digest, [])
        return next((each for each in reversed(same) if self._newest[self._subject(each)] is each), None)


# ---- rows ------------------------------------------------------------------------------------------------------------


def _to_table(payloads: list[Payload]) -> pa.Table:
    columns = {name: [getattr(payload, name) for payload in payloads] for name in PACK_SCHEMA.names}
    columns["metadata"] = [json.dumps(m, ensure_ascii=False, sort_keys=True) for m in columns["metadata"]]
    return pa.table({name: pa.array(columns[name], PACK_SCHEMA.field(name).type) for name in columns}, PACK_SCHEMA)


def _read_receipts(pack: Path) -> pa.Table:
    return pq.read_table(pack, columns=MANIFEST_SCHEMA.names, partitioning=None)


def _to_receipts(rows: pa.Table) -> Iterator[Receipt]:
    for row in rows.to_pylist():
        yield Receipt(**{**row, "metadata": json.loads(row["metadata"])})


def _to_payloads(pack: Path, rows: pa.Table) -> Iterator[Payload]:
    """The payloads of some rows of a pack, the bytes turned into Python objects one at a time."""
    contents = rows["content"]
    for number, row in enumerate(rows.drop_columns(["content"]).to_pylist()):
        content = contents[number].as_py()
        if sha256(content).hexdigest() != row["sha256"]:
            raise _damage(pack, row["name"], row["sha256"], row["metadata"])
        yield Payload(**{**row, "metadata": json.loads(row["metadata"])}, content=content)


#: What a batch is made of; the rest of a receipt is for people.
_BATCH_COLUMNS = ["name", "content", "modified_at", "sha256", "metadata"]


def _to_batch(source: str, pack: Path, rows: pa.Table, first_row: int) -> PayloadBatch:
    contents, digests = rows["content"].to_pylist(), rows["sha256"].to_pylist()
    names = rows["name"].to_pylist()
    texts = rows["metadata"].to_pylist()
    for name, content, digest, text in zip(names, contents, digests, texts, strict=True):
        if sha256(content).hexdigest() != digest:
            raise _damage(pack, name, digest, text)
    read = {text: json.loads(text) for text in set(texts)}
    metadata = [read[text] for text in texts]
    return PayloadBatch(source, names, contents, rows["modified_at"].to_pylist(), digests, metadata, first_row)


def _damage(pack: Path, name: str, digest: str, metadata: str) -> PackDamagedError:
    """The error of a payload whose bytes changed; what holds personal data may be called after a person."""
    shown = hide_name(digest, name) if json.loads(metadata).get(PERSONAL_DATA) else name
    return PackDamagedError(f"{pack}: the bytes of {shown!r} changed; restore the pack from a backup")


def _night_of(pack: Path) -> str:
    return pack.parent.name.removeprefix("night=")
