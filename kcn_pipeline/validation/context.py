"""What the rules of a table need beside its rows: known references, earlier values, the night; and the frames to judge.

It must not judge. The surprising fact: empty text becomes null in a frame and stays empty text in the data, because
Great Expectations skips nulls and "required" would otherwise be met by "".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.tables import Plausible, Reference, Sum
from kcn_pipeline.validation.staged import plain_column
from kcn_pipeline.validation.suites import Criterion

#: The values that exist: (table, column) → values.
Known = Mapping[tuple[str, str], pa.ChunkedArray]

_Column: TypeAlias = pa.ChunkedArray | pa.Array
_PANDAS_DTYPES = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


@dataclass(frozen=True)
class Context:
    """Everything the judgement of one table may look at beside the table.

    `previous_values` is aligned with the staged rows. `usual_rows` is, per source, how many rows its newest state held
    before tonight.
    """

    contracts: Contracts
    night: str
    known: Known = field(default_factory=dict)
    previous_values: pa.Array | None = None
    usual_rows: Mapping[str, int] = field(default_factory=dict)


def frame_of(rows: pa.Table, columns: Iterable[str], start: int = 0) -> pd.DataFrame:
    """The chosen columns as pandas, indexed by their position in the staged table, empty text as null.

    text `str`, number `float64`, integer `Int64`, boolean `boolean`, date and timestamp `datetime64`.
    """
    chosen = [name for name in dict.fromkeys(columns) if name in rows.column_names]
    arrays = [_null_if_empty(rows.column(name)) for name in chosen]
    frame = pa.table(arrays, names=chosen).to_pandas(types_mapper=_PANDAS_DTYPES.get, date_as_object=False)
    frame.index = pd.RangeIndex(start, start + rows.num_rows)
    return frame


def frame_for(rows: pa.Table, criteria: Iterable[Criterion], context: Context, start: int = 0) -> pd.DataFrame:
    """The frame of all that the criteria read, with the columns they want prepared; `start` is the first position."""
    criteria = list(criteria)
    columns: list[str] = []
    for criterion in criteria:
        columns += [name for name in (criterion.column, criterion.against) if name]
        columns += criterion.arguments.get("column_list", [])
        columns += [criterion.arguments["row_condition"].split()[0]] if "row_condition" in criterion.arguments else []
    frame = frame_of(rows, columns, start)
    for criterion in criteria:
        if criterion.prepares is not None:
            answer = pa.table({"answer": _answer(criterion.prepares, rows, context, start)})
            frame[criterion.arguments["column"]] = answer.to_pandas(types_mapper=_PANDAS_DTYPES.get)["answer"].array
    return frame


def _answer(rule: Reference | Sum | Plausible, rows: pa.Table, context: Context, start: int) -> _Column:
    """What a rule asks, row by row: is it known, how far off is the sum, how many times the previous value is it."""
    if isinstance(rule, Reference):
        column = _null_if_empty(rows.column(rule.column))
        known = context.known.get((rule.table, rule.to), pa.chunked_array([[]], type=column.type))
        found = pc.is_in(column, value_set=known.cast(column.type))
        return pc.if_else(pc.is_null(column), pa.scalar(None, pa.bool_()), found)
    if isinstance(rule, Sum):
        return _gap(rows.column(rule.total), [rows.column(part) for part in rule.parts])
    if context.previous_values is None:
        return pa.nulls(rows.num_rows, pa.float64())
    return _ratio(rows.column(rule.column), context.previous_values.slice(start, rows.num_rows))


def _gap(total: pa.ChunkedArray, parts: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    """How far the parts' sum is from the total, as a share of the total; null where a total or part is."""
    added = parts[0]
    for part in parts[1:]:
        added = pc.add(added, part)
    gap, size = pc.abs(pc.subtract(total, added)), pc.abs(pc.cast(total, pa.float64()))
    share = pc.divide(gap, pc.if_else(pc.equal(size, 0), 1.0, size))
    return pc.subtract(share, 1e-9)  # 15.4 + 2.03 is not 17.43 in binary


def _ratio(values: pa.ChunkedArray, previous: pa.Array) -> pa.ChunkedArray:
    """This value as a multiple of the previous one; null where either is missing or zero or the sign changed."""
    comparable = pc.greater(pc.multiply(pc.sign(values), pc.sign(previous)), 0)
    return pc.if_else(comparable, pc.divide(values, pc.if_else(pc.equal(previous, 0), np.nan, previous)), None)


def _null_if_empty(column: pa.ChunkedArray) -> pa.ChunkedArray:
    column = plain_column(column)
    if not pa.types.is_string(column.type):
        return column
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
