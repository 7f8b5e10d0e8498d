"""Which rows of a repeated key are taken: the first of equal rows, none of contradicting ones.

It must not find the repetitions (that is an expectation). The surprising fact: two rows of one key that differ are both
refused, because taking the first would be a guess and the last accepted state is still there.
"""

from collections import defaultdict
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.validation.outcomes import Rows
from kcn_pipeline.validation.suites import format_value


def rows_to_refuse(rows: pa.Table, table: Table, repeated: Rows) -> dict[int, str]:
    """Of the rows whose key repeats, those to refuse, each with its key as text.

    A row without a readable key is left to the rule that a value is missing.
    """
    key = ["_source", "_payload", *table.key]
    content = [column.name for column in table.columns if not column.name.startswith("_") and column.name not in key]
    needed = {column.name for column in table.columns if column.required and column.name in table.key}
    chosen = rows.select([name for name in rows.column_names if name in {*key, *content}])
    groups: dict[tuple[Any, ...], list[tuple[int, tuple[Any, ...]]]] = defaultdict(list)
    for row, cells in zip(repeated.tolist(), chosen.take(pa.array(repeated)).to_pylist(), strict=True):
        if all(cells[name] is not None for name in needed):
            values = tuple(cells.get(name) for name in content)
            groups[tuple(cells[name] for name in key)].append((row, values))
    refused = {row: _text(key, values) for values, group in groups.items() for row in _refused(group)}
    return dict(sorted(refused.items()))


def _text(key: list[str], values: tuple[Any, ...]) -> str:
    named = zip(key, values, strict=True)
    return ", ".join(f"{name}={format_value(value)}" for name, value in named if not name.startswith("_"))


def _refused(group: list[tuple[int, tuple[Any, ...]]]) -> list[int]:
    is_one_statement = all(values == group[0][1] for _, values in group)
    return [row for row, _ in (group[1:] if is_one_statement else group)]
