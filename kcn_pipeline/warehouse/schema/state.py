"""Whether a database has the tables of this version, and which of them are published.

It must not write a row but the mark of the version. The surprising fact: there are no migrations; the warehouse can
always be rebuilt from landing, so a database of other tables is refused.
"""

from hashlib import sha256

from sqlalchemy import Connection, Table, insert, inspect, select

from kcn_pipeline.warehouse.errors import SchemaMismatchError
from kcn_pipeline.warehouse.schema.audit_tables import schema_version
from kcn_pipeline.warehouse.schema.columns import metadata

#: Columns of published tables that tell how a row came about and not what it says, as far as nights may differ in it:
#: a replay computes with today's catalog what was computed with the one of its time.
BOOKKEEPING = {("fct_indicator_value", "catalog_version")}


def published_tables() -> list[Table]:
    """The `dim_` and `fct_` tables in name order: what the digest covers, but for BOOKKEEPING."""
    return [table for name, table in sorted(metadata.tables.items()) if name.startswith(("dim_", "fct_"))]


def key_columns(table: Table) -> list[str]:
    """The names of the columns that make a row unique, in order."""
    return [column.name for column in table.primary_key.columns]


def fingerprint_tables() -> str:
    """Changes when a table, column, type, key or required column does."""
    lines = [
        f"{table.name}.{column.name} {column.type!r} {column.primary_key} {column.nullable}"
        for table in metadata.sorted_tables
        for column in table.columns
    ]
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def prepare_schema(connection: Connection) -> None:
    """Create the tables in an empty database; raises SchemaMismatchError when it holds those of another version."""
    existing = set(inspect(connection).get_table_names())
    if not existing & set(metadata.tables):
        metadata.create_all(connection)
        connection.execute(insert(schema_version).values(tables=fingerprint_tables()))
        return
    check_schema(connection)


def check_schema(connection: Connection) -> None:
    """Raise SchemaMismatchError unless the database has exactly the tables of this version."""
    existing = set(inspect(connection).get_table_names())
    stored = connection.scalar(select(schema_version.c.tables)) if schema_version.name in existing else None
    if stored != fingerprint_tables():
        address = connection.engine.url.render_as_string(hide_password=True)
        raise SchemaMismatchError(address, _differences(connection, existing) or [f"they are marked {stored!r}"])


def _differences(connection: Connection, existing: set[str]) -> list[str]:
    """The tables and columns that are there but not ours, or ours but not there."""
    found = []
    for table in metadata.sorted_tables:
        if table.name not in existing:
            found.append(f"table {table.name} is missing")
            continue
        there = {column["name"] for column in inspect(connection).get_columns(table.name)}
        ours = {column.name for column in table.columns}
        found += [f"{table.name} lacks the column {name}" for name in sorted(ours - there)]
        found += [f"{table.name} has the column {name} too many" for name in sorted(there - ours)]
    return found
