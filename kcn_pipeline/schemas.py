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
