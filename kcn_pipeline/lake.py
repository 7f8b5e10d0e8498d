"""Where packs and Parquet tables lie and how they are written; nothing else in the project touches those paths.

It knows folders, nights and atomic writes, and must not know what a table means. The surprising fact: a slice that a
re-run of a night no longer fills is kept as an empty file, because its period is still one that the night touched.

    <data>/landing/<source>/night=2026-11-21/pack-000.parquet           payloads exactly as received, write-once
    <data>/landing/_feeds/<topic>/night=2026-11-21.parquet              what the feeds said that night, also when empty
    <data>/lake/<stage>/<table>/[<part>/]night=2026-11-21.parquet       one slice: what that night brought for that part
"""

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

# Arrow's own allocator keeps what was freed; the system's gives it back, and a busy night peaks 100 MB lower.
pa.set_memory_pool(pa.system_memory_pool())

#: So many rows are compressed at a time; fewer of tables that are mostly text, whose pages lie in memory meanwhile.
ROW_GROUP, TEXT_ROW_GROUP = 1_048_576, 131_072
#: Of zstd: a sixth smaller than the default of 1 and as fast to within the noise.
LEVEL = 6
#: Packs of small files are no smaller at 6, and take three times as long to write.
PACK_LEVEL = 1
#: Dictionaries of fewer texts have numbers of 16 bits in memory.
_SHORT = 2**15
#: Of so many rows at a time the texts that occur are looked up for the footer; of the 1,024 that are usual it takes as
#: long as all the rest of writing.
_BATCH = 16_384
#: Dictionaries of more texts are cut to those that a row group uses.
_LONG = 1_000
#: The part of a table that is not split by period.
WHOLE = ""


class LakeBusyError(RuntimeError):
    """Another refresh holds the lake; two refreshes at a time would mix their slices."""


class Lake:
    """The packs and tables under one data folder. A night is a date string `YYYY-MM-DD`, a part `period=2026-Q1`."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.landing_dir = data_dir / "landing"
        self.tables_dir = data_dir / "lake"

    # ---- packs -------------------------------------------------------------------------------------------------

    def write_pack(self, source: str, night: str, payloads: pa.Table, row_group_size: int = 256) -> Path:
        """Write one pack (one row per payload) under the next free number of the night; never overwrites one."""
        folder = self.landing_dir / source / f"night={night}"
        path = folder / f"pack-{len(list(folder.glob('pack-*.parquet'))):03d}.parquet"
        self._keep_landing_private()
        _write(path, payloads, row_group_size, level=PACK_LEVEL)
        return path

    def packs(self, source: str | None = None, night: str | None = None) -> list[Path]:
        """The packs of one source (or all) and one night (or all), oldest night first."""
        found = self.landing_dir.glob(f"{source or '*'}/night={night or '*'}/pack-*.parquet")
        return sorted(found, key=lambda path: (path.parent.name, str(path)))

    def payload_names(self, source: str, night: str) -> pa.Table:
        """`name`, `sha256` and `fetched_at` of the payloads of a source's night; the row is the payload's number."""
        kinds = {"name": pa.string(), "sha256": pa.string(), "fetched_at": pa.timestamp("us", tz="UTC")}
        packs = [pq.read_table(path, columns=[*kinds], partitioning=None) for path in self.packs(source, night)]
        return pa.concat_tables([pa.schema(kinds).empty_table(), *packs], promote_options="default")

    def write_feed_log(self, topic: str, night: str, rows: pa.Table) -> None:
        """Keep how the feeds of a topic fared that night (replaces the night's earlier log)."""
        self._keep_landing_private()
        _write(self.landing_dir / "_feeds" / topic / f"night={night}.parquet", rows)

    def read_feed_log(self, topic: str, night: str) -> pa.Table | None:
        """The feed log of a topic and night, or None when its feeds were not asked that night."""
        path = self.landing_dir / "_feeds" / topic / f"night={night}.parquet"
        return pq.read_table(path, partitioning=None) if path.exists() else None

    def landed_nights(self) -> list[str]:
        """Every night on which feeds were asked, whether or not something landed, oldest first."""
        logs = self.landing_dir.glob("_feeds/*/night=*.parquet")
        return sorted({path.stem.removeprefix("night=") for path in logs})

    def _keep_landing_private(self) -> None:
        """Make the folder of landing for its owner alone, as payloads hold personal data; one that exists stays."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.landing_dir.mkdir(mode=0o700, exist_ok=True)

    # ---- tables ------------------------------------------------------------------------------------------------

    def replace(
        self,
        stage: str,
        table: str,
        night: str,
        parts: Mapping[str, pa.Table] | Iterable[tuple[str, pa.Table | Path]],
        encodings: Mapping[str, str] | None = None,
        is_state: bool = False,
    ) -> None:
        """Make a night's slices exactly `parts` (keys as `period=2026-Q1`, or WHOLE); its other slices become empty.

        Parts that come as pairs are written one by one as they come, so that only one needs to be in memory. A path in
        place of rows is a slice to take over as it is; both then are one file on disk.
        `encodings` names Parquet encodings of columns that are stored by another than the dictionary. Of a table whose
        newest slice alone `is_state` of a part, slices of newer nights go: a night that is run after them knows more.
        """
        written = set()
        for part, rows in parts.items() if isinstance(parts, Mapping) else parts:
            path = self.slice_path(stage, table, night, part)
            if isinstance(rows, Path):
                _take_over(path, rows)
            else:
                _write(path, rows, encodings=encodings)
            written.add(part)
            for newer in self.slices(stage, table, parts=[part]) if is_state else ():
                if newer.stem > f"night={night}":
                    newer.unlink()
        for path in self.slices(stage, table, night):
            if self._part_of(stage, table, path) not in written:
                _write(path, pq.read_schema(path).empty_table())

    def slice_path(self, stage: str, table: str, night: str, part: str = WHOLE) -> Path:
        """Where a slice lies, whether or not it exists."""
        return self.tables_dir / stage / table / part / f"night={night}.parquet"

    def slices(
        self, stage: str, table: str, night: str | None = None, parts: Iterable[str] | None = None
    ) -> list[Path]:
        """The existing slices of a table, of one night and of some parts if given, ordered by part then night."""
        folder = self.tables_dir / stage / table
        name = f"night={night or '*'}.parquet"
        if parts is None:
            return sorted([*folder.glob(name), *folder.glob(f"*/{name}")])
        return sorted(path for part in set(parts) for path in (folder / part).glob(name))

    def parts(self, stage: str, table: str, night: str | None = None) -> list[str]:
        """The parts (`period=2026-Q1`, or WHOLE) of which a table has slices, of one night if given."""
        return sorted({self._part_of(stage, table, path) for path in self.slices(stage, table, night)})

    def nights(self, stage: str, table: str) -> list[str]:
        """The nights of which a table has slices, oldest first."""
        return sorted({path.stem.removeprefix("night=") for path in self.slices(stage, table)})

    def read(
        self,
        stage: str,
        table: str,
        night: str | None = None,
        parts: Iterable[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table | None:
        """All rows of the chosen slices (of all columns if none is named), or None when there is no slice."""
        slices, wanted = self.slices(stage, table, night, parts), None if columns is None else list(columns)
        tables = [pq.read_table(path, partitioning=None, columns=wanted) for path in slices]
        return pa.concat_tables(tables, promote_options="default") if tables else None

    def count(self, stage: str, table: str, night: str | None = None, parts: Iterable[str] | None = None) -> int:
        """How many rows the chosen slices hold; reads their footers only."""
        return sum(pq.read_metadata(path).num_rows for path in self.slices(stage, table, night, parts))

    def read_slice(self, path: Path, columns: Sequence[str]) -> pa.Table:
        """Some columns of one slice."""
        return pq.read_table(path, partitioning=None, columns=list(columns))

    def read_narrow(self, path: Path, columns: Sequence[str] | None = None) -> pa.Table:
        """Some columns of one slice (all if none is named), text as dictionaries with the shortest numbers that fit.

        Millions of rows of text take a tenth of the memory, and their numbers can be compared in place of the text.
        """
        texts = [field.name for field in pq.read_schema(path) if pa.types.is_string(field.type)]
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            names = file.schema_arrow.names if columns is None else columns
            # One by one, so that what reading takes beside the rows is never more than one column.
            return pa.table({name: _read_narrow(file, name) for name in names})

    def head(self, stage: str, table: str, night: str, rows: int = 5) -> pa.Table | None:
        """The first rows of the night's first slice that has any, read without the others; None when none has."""
        for path in self.slices(stage, table, night):
            with pq.ParquetFile(path) as file:
                if batch := next(file.iter_batches(batch_size=rows), None):
                    return pa.Table.from_batches([batch])
        return None

    def span(self, path: Path, column: str) -> tuple[int, Any, Any]:
        """A slice's rows, and the least and greatest value of a column, as its footer says; None where it does not."""
        footer = pq.read_metadata(path)
        index = footer.schema.names.index(column)
        groups = [footer.row_group(number).column(index).statistics for number in range(footer.num_row_groups)]
        if not footer.num_rows or any(found is None or not found.has_min_max for found in groups):
            return footer.num_rows, None, None
        return footer.num_rows, min(found.min for found in groups), max(found.max for found in groups)

    def drop_tables(self) -> None:
        """Delete every table of the lake, never a pack: `kcn replay` rebuilds them from landing."""
        shutil.rmtree(self.tables_dir, ignore_errors=True)

    def _part_of(self, stage: str, table: str, path: Path) -> str:
        part = path.parent.relative_to(self.tables_dir / stage / table)
        return WHOLE if part == Path() else str(part)

    # ---- one refresh at a time ---------------------------------------------------------------------------------

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lake for one refresh; the operating system drops the lock when the process dies."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir / ".lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LakeBusyError(f"another refresh is running on {self.data_dir}; wait for it to end") from None
            yield


def _write(
    path: Path,
    rows: pa.Table,
    row_group_size: int | None = None,
    encodings: Mapping[str, str] | None = None,
    level: int = LEVEL,
) -> None:
    """Write a Parquet file so that a reader or a crash sees the old file or the new one, never a part of it.

    What the rows hold as dictionaries is read back as text: those are a matter of memory, and faster to write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    rows = _without_null_entries(rows)
    has_dictionaries = any(map(pa.types.is_dictionary, rows.schema.types))
    size = row_group_size or (TEXT_ROW_GROUP if has_dictionaries and not encodings else ROW_GROUP)
    repeated = [name for name in rows.schema.names if name not in (encodings or {})]
    chosen = {"column_encoding": dict(encodings), "use_dictionary": repeated} if encodings else {}
    # A file that does not tell what types it was written from is read with those that it stores.
    writer_of = partial(
        pq.ParquetWriter,
        compression="zstd",
        compression_level=level,
        store_schema=not has_dictionaries,
        write_batch_size=_BATCH,
    )
    with temporary.open("wb") as handle:
        with writer_of(handle, rows.schema, **chosen) as writer:
            for start in range(0, max(rows.num_rows, 1), size):
                writer.write_table(_shorten_dictionaries(rows.slice(start, size)), size)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)


def _take_over(path: Path, slice_: Path) -> None:
    """Give a slice a second name. Slices are replaced and never changed, so the two can only part, not disturb."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(slice_, temporary)
    except OSError:  # a file system without links
        shutil.copyfile(slice_, temporary)
    temporary.replace(path)


def _read_narrow(file: pq.ParquetFile, name: str) -> pa.Array:
    if _is_empty(file.metadata, name) and pa.types.is_dictionary(file.schema_arrow.field(name).type):
        return pa.nulls(file.metadata.num_rows, pa.dictionary(pa.int16(), pa.string()))
    column = file.read([name], use_threads=False).column(0)
    if not pa.types.is_dictionary(column.type):
        return column.combine_chunks()
    array = column.unify_dictionaries().combine_chunks()
    if len(array.dictionary) >= _SHORT:
        return array
    return pa.DictionaryArray.from_arrays(array.indices.cast(pa.int16()), array.dictionary)


def _is_empty(footer: pq.FileMetaData, name: str) -> bool:
    """Whether a column has no value, as the footer says."""
    index = footer.schema.names.index(name)
    groups = [footer.row_group(number).column(index) for number in range(footer.num_row_groups)]
    return all(group.statistics is not None and group.statistics.null_count == group.num_values for group in groups)


def _shorten_dictionaries(rows: pa.Table) -> pa.Table:
    """The rows with long dictionaries cut to the texts that they use, as every row group is stored with its own."""
    for at, field in enumerate(rows.schema):
        chunks = rows.column(at).chunks if pa.types.is_dictionary(field.type) else []
        if any(len(chunk.dictionary) > _LONG for chunk in chunks):
            rows = rows.set_column(at, field, pa.chunked_array(map(_shorten, chunks), field.type))
    return rows


def _shorten(texts: pa.DictionaryArray) -> pa.DictionaryArray:
    used = texts.indices.dictionary_encode()
    numbers = used.indices.cast(texts.type.index_type)
    return pa.DictionaryArray.from_arrays(numbers, texts.dictionary.take(used.dictionary))


def _without_null_entries(rows: pa.Table) -> pa.Table:
    """The rows with those dictionaries as text that list null as an entry, which Parquet cannot hold."""
    for at, field in enumerate(rows.schema):
        chunks = rows.column(at).chunks if pa.types.is_dictionary(field.type) else []
        if any(chunk.dictionary.null_count for chunk in chunks):
            rows = rows.set_column(at, field.name, rows.column(at).cast(field.type.value_type))
    return rows
