"""Tonight's staged rows of a table, in the Arrow types that its contract means.

It must not judge: a column of another kind than the contract's is left as it is and the suite refuses it. The
surprising fact: text is held as dictionaries until it is written, because a night of 240,000 figures repeats its
payloads, files and codes 80 times (41 MB instead of 91).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kcn_pipeline.contracts.tables import ColumnType, Table
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import schema_of

#: Arrow types that say the same as the contract's in another width.
_SAME_KIND: dict[ColumnType, Callable[[pa.DataType], bool]] = {
    "string": pa.types.is_large_string,
    "integer": pa.types.is_integer,
    "number": lambda found: pa.types.is_floating(found) or pa.types.is_integer(found),
    "boolean": pa.types.is_boolean,
    "date": pa.types.is_date,
    "timestamp": pa.types.is_timestamp,
}
#: Columns of contracts that validation or a later stage fills.
_SET_LATER = ("province_code", "enterprise_id")


def read_staged(lake: Lake, table: Table, night: str) -> pa.Table | None:
    """What the night staged for a table, in the contract's types where they are of its kind; None when nothing did.

    Text columns are dictionaries; the lake writes them as text. Of the contract's columns only those that a later step
    sets may be absent here; any other absent column is left absent for the suite to find.
    """
    slices = [_read(path) for path in lake.slices("staging", table.table, night)]
    slices = [rows for rows in slices if rows.num_rows]
    if not slices:
        return None
    rows = pa.concat_tables(slices, promote_options="default").unify_dictionaries()
    schema = schema_of(table)
    for column in table.columns:
        wanted = schema.field(column.name).type
        if column.name in rows.column_names:
            rows = _cast(rows, column.name, column.type, wanted)
        elif column.name in _SET_LATER and not column.required:
            rows = rows.append_column(column.name, pa.nulls(rows.num_rows, wanted))
    return rows


def plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column with its text as text."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def set_column(rows: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The table with a column replaced in its place, or added at the end."""
    index = rows.schema.get_field_index(name)
    return rows.append_column(name, values) if index < 0 else rows.set_column(index, name, values)


def in_file_order(rows: pa.Table) -> list[dict[str, Any]]:
    """The rows by source, file, payload and line, so that the order of arrival decides nothing."""
    found: list[dict[str, Any]] = rows.to_pylist()
    return sorted(found, key=lambda row: (row["_source"], row["_file"], row["_payload"], row["_line"] or 0))


def _read(path: Path) -> pa.Table:
    texts = [field.name for field in pq.read_schema(path) if pa.types.is_string(field.type)]
    return pq.read_table(path, partitioning=None, read_dictionary=texts)


def _cast(rows: pa.Table, name: str, kind: ColumnType, wanted: pa.DataType) -> pa.Table:
    column = rows.column(name)
    if column.type == wanted or not (pa.types.is_null(column.type) or _SAME_KIND[kind](column.type)):
        return rows
    return set_column(rows, name, column.cast(wanted))
