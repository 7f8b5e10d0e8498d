"""The one door to SQL: DuckDB in memory over the Parquet slices of the lake and over Arrow tables.

It must not know a table's meaning, and nothing else may import duckdb or use a trick of its dialect. The surprising
fact: the caller may ask for one thread, because sums of floats are equal from run to run only in equal order.
"""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import duckdb
import pyarrow as pa

_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
}


class EngineError(RuntimeError):
    """A statement cannot run; the message is the engine's first line."""


class Engine:
    """SQL over slices and Arrow tables; what is registered lives in memory until the engine is closed by `with`."""

    def __init__(self, threads: int = 2, memory: str = "2GB") -> None:
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "threads": threads,
                "memory_limit": memory,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )

    def __enter__(self) -> "Engine":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def register(self, name: str, rows: pa.Table) -> None:
        """Make an Arrow table readable under `name`."""
        self._connection.execute(f'DROP VIEW IF EXISTS "{name}"')
        self._connection.register(name, rows)

    def register_slices(self, name: str, slices: Iterable[Path], schema: pa.Schema) -> None:
        """Make slices of the lake readable under `name`, with exactly the columns and types of `schema`.

        A column that the slices lack is null; without slices the table is empty. Slices come from `Lake.slices`.
        """
        files = ", ".join(_quote(str(path)) for path in slices)
        if not files:
            self.register(name, schema.empty_table())
            return
        source = f"read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
        held = set(self._connection.sql(f"SELECT * FROM {source} LIMIT 0").columns)
        listed = ", ".join(
            f'CAST({_name(field.name) if field.name in held else "NULL"} AS {_SQL_TYPES[field.type]}) AS "{field.name}"'
            for field in schema
        )
        self._connection.execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS SELECT {listed} FROM {source}')

    def define(self, name: str, sql: str) -> None:
        """Make a query readable under `name`, run anew wherever it is read; raises EngineError."""
        self._create(f'VIEW "{name}"', sql)

    def materialize(self, name: str, sql: str) -> None:
        """Run a query once and keep its rows, in their order, readable under `name`; raises EngineError."""
        self._create(f'TABLE "{name}"', sql)

    def query(self, sql: str) -> pa.Table:
        """The rows of a query as Arrow; raises EngineError."""
        try:
            return self._connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise EngineError(str(error).splitlines()[0]) from error

    def _create(self, what: str, sql: str) -> None:
        try:
            self._connection.execute(f"CREATE OR REPLACE TEMP {what} AS {sql}")
        except duckdb.Error as error:
            raise EngineError(str(error).splitlines()[0]) from error


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(column: str) -> str:
    return f'"{column}"'
