"""Contract column types as Arrow types: the one place that says how a table is stored.

It must not read or write files. The surprising fact: timestamps have no zone here; they are the local time of the
board (UTC+7), as the forms say it, and only bookkeeping times are UTC.
"""

import pyarrow as pa

from kcn_pipeline.contracts.tables import Table

_TYPES = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


def schema_of(table: Table) -> pa.Schema:
    """The Arrow schema of a table: its contract columns in order."""
    return pa.schema([(column.name, _TYPES[column.type]) for column in table.columns])


def conform(rows: pa.Table, table: Table) -> pa.Table:
    """`rows` with exactly the columns and types of the contract; a column it lacks becomes null."""
    schema = schema_of(table)
    columns = [
        rows.column(field.name).cast(field.type)
        if field.name in rows.column_names
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


#: One reading of a station: grain (night, source, row, line). `_row` is the payload's number in its source and night,
#: counted from 0; `ahead_s` the seconds by which `measured_at` lies after the time in the file's name.
READINGS = pa.schema(
    [
        ("station_id", pa.string()),
        ("parameter_code", pa.string()),
        ("measured_at", pa.timestamp("us")),
        ("value", pa.float64()),
        ("status", pa.string()),
        ("ahead_s", pa.int32()),
        ("_source", pa.string()),
        ("_night", pa.string()),
        ("_row", pa.int32()),
        ("_line", pa.int32()),
    ]
)
#: How the columns of readings are stored that are not stored as dictionaries.
READING_ENCODINGS = {"measured_at": "DELTA_BINARY_PACKED", "_row": "BYTE_STREAM_SPLIT"}

#: One line that could not be read, or one empty file (`_line` is null); `text` is the start of the line.
UNREAD = pa.schema(
    [
        ("rule", pa.string()),
        ("text", pa.string()),
        ("station_id", pa.string()),
        ("_source", pa.string()),
        ("_night", pa.string()),
        ("_payload", pa.string()),
        ("_file", pa.string()),
        ("_line", pa.int64()),
    ]
)

#: What one source brought of one station in one night: lines = readings + unread + blank. Payloads whose station could
#: not be told stand under no station.
BATCHES = pa.schema(
    [
        ("station_id", pa.string()),
        ("files", pa.int64()),
        ("lines", pa.int64()),
        ("readings", pa.int64()),
        ("unread", pa.int64()),
        ("blank", pa.int64()),
        ("first_at", pa.timestamp("us")),
        ("last_at", pa.timestamp("us")),
        ("first_file_at", pa.timestamp("us")),
        ("last_file_at", pa.timestamp("us")),
        ("median_ahead_s", pa.float64()),
        ("max_ahead_s", pa.int64()),
        ("_source", pa.string()),
        ("_night", pa.string()),
    ]
)
