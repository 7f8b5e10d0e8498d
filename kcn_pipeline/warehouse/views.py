"""The marts as views of the database, made again when their SQL changed.

It must not hold a mart's SQL. The surprising fact: an unchanged view is left alone, because dropping one waits for
every reader that has it open and takes away the rights granted on it.
"""

from hashlib import sha256

from sqlalchemy import Connection, inspect, select, update

from kcn_pipeline.marts import list_marts, read_mart
from kcn_pipeline.warehouse.schema import schema_version


def publish_marts(connection: Connection) -> bool:
    """Make the `mart_` views of the database those of the package; returns whether anything had to be made again."""
    wanted = {name: read_mart(name) for name in list_marts()}
    version = sha256("\n".join(wanted.values()).encode()).hexdigest()[:16]
    existing = {name for name in inspect(connection).get_view_names() if name.startswith("mart_")}
    if existing == set(wanted) and connection.scalar(select(schema_version.c.marts)) == version:
        return False
    verbatim = connection.execution_options(no_parameters=True)  # a % in a comment is no placeholder
    for name in sorted(existing | set(wanted)):
        verbatim.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
    for sql in wanted.values():
        verbatim.exec_driver_sql(sql)
    connection.execute(update(schema_version).values(marts=version))
    return True
