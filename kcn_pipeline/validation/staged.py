"""Tonight's staged rows of a table, and the Arrow types a contract means.

It must not judge: a column of another kind than the contract's is left as it is and the suite refuses it. The
surprising fact: only columns that a later step sets may be absent; any other absent column is a broken source.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts.tables import ColumnType, Table
from kcn_pipeline.lake import Lake

_ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
#: Arrow types that say the same as the contract's in another width.
_SAME_KIND: dict[ColumnType, Callable[[pa.DataType], bool]] = {
    "string": lambda found: pa.types.is_large_string(found) or pa.types.is_dictionary(found),
    "integer": pa.types.is_integer,
    "number": lambda found: pa.types.is_floating(found) or pa.types.is_integer(found),
    "boolean": pa.types.is_boolean,
    "date": pa.types.is_date,
    "timestamp": pa.types.is_timestamp,
}
#: Columns of contracts that validation or a later stage fills.
_SET_LATER = ("province_code", "enterprise_id")


def schema_of(table: Table) -> pa.Schema:
    """The Arrow schema of a table's contract, columns in its order."""
    return pa.schema([(column.name, _ARROW_TYPES[column.type]) for column in table.columns])


def read_staged(lake: Lake, table: Table, night: str) -> pa.Table | None:
    """What the night staged for a table, in the contract's types where they are of its kind; None when nothing did."""
    rows = lake.read("staging", table.table, night)
    if rows is None or rows.num_rows == 0:
        return None
    for column in table.columns:
        wanted = _ARROW_TYPES[column.type]
        if column.name in rows.column_names:
            rows = _cast(rows, column.name, column.type, wanted)
        elif column.name in _SET_LATER and not column.required:
            rows = rows.append_column(column.name, pa.nulls(rows.num_rows, wanted))
    return rows


def set_column(rows: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The table with a column replaced in its place, or added at the end."""
    index = rows.schema.get_field_index(name)
    return rows.append_column(name, values) if index < 0 else rows.set_column(index, name, values)


def in_file_order(rows: pa.Table) -> list[dict[str, Any]]:
    """The rows by source, file, payload and line, so that the order of arrival decides nothing."""
    found: list[dict[str, Any]] = rows.to_pylist()
    return sorted(found, key=lambda row: (row["_source"], row["_file"], row["_payload"], row["_line"] or 0))


def _cast(rows: pa.Table, name: str, kind: ColumnType, wanted: pa.DataType) -> pa.Table:
    column = rows.column(name)
    if column.type == wanted or not (pa.types.is_null(column.type) or _SAME_KIND[kind](column.type)):
        return rows
    return set_column(rows, name, column.cast(wanted))
