"""Which values a night replaces: the pairs (indicator, period) it computed, kept for the step that publishes them.

It must not decide the scope. The surprising fact: the scope is wider than the values; a pair without a row tells the
warehouse to delete what it holds.
"""

from collections.abc import Iterable

import pyarrow as pa

from kcn_pipeline.indicators.slices import STAGE
from kcn_pipeline.lake import WHOLE, Lake

TABLE = "value_scope"
_SCHEMA = pa.schema([("indicator_code", pa.string()), ("period_code", pa.string())])


def write_scope(lake: Lake, night: str, scope: Iterable[tuple[str, str]]) -> None:
    """Keep the pairs (indicator, period) that a night computed."""
    rows = [{"indicator_code": indicator, "period_code": period} for indicator, period in scope]
    lake.replace(STAGE, TABLE, night, {WHOLE: pa.Table.from_pylist(rows, schema=_SCHEMA)})


def read_scope(lake: Lake, night: str) -> list[tuple[str, str]]:
    """The pairs (indicator, period) that a night computed; none when it computed nothing."""
    rows = lake.read(STAGE, TABLE, night)
    return [] if rows is None else [(row["indicator_code"], row["period_code"]) for row in rows.to_pylist()]
