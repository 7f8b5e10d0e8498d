"""What assets show of themselves: specs from contracts, previews, counts, charts.

It must not compute a figure. The surprising fact: the UI shows Markdown at once only below 1,000 characters, so charts
are short tables of block characters and lists of findings are table records, which it shows at any length.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from html import escape
from typing import TYPE_CHECKING, Any

import dagster as dg

from kcn_pipeline.contracts.tables import Column, Table

if TYPE_CHECKING:
    import pyarrow as pa

_PREVIEW_ROWS, _PREVIEW_COLUMNS = 5, 8
_CELL_CHARACTERS = 200
_BAR_BLOCKS = 20
#: Markdown of this length and more hides behind a button in the UI.
_SHOWN_AT_ONCE = 1_000


def spec_of(stage: str, table: Table, deps: Iterable[Sequence[str]], kinds: set[str]) -> dg.AssetSpec:
    """The asset of a contract table in a stage: key, description, grain, columns, owner and tags from the contract."""
    return dg.AssetSpec(
        key=[stage, table.table],
        deps=[dg.AssetKey(list(dep)) for dep in deps],
        group_name=stage,
        description=describe_table(table),
        owners=[table.owner],
        kinds=kinds,
        tags={"kcn/source": table.topic},
        metadata=column_schema(table),
    )


def describe_table(table: Table) -> str:
    """What a contract table holds, in both languages, and its grain."""
    return f"{table.description.en} ({table.description.vi}). One row: {table.grain}."


def column_schema(table: Table) -> dict[str, Any]:
    """The columns of a contract table as metadata that the UI shows as a schema."""
    columns = [dg.TableColumn(column.name, column.type, _describe_column(column)) for column in table.columns]
    return {"dagster/column_schema": dg.TableSchema(columns)}


def _describe_column(column: Column) -> str:
    label = f"{column.label.vi} / {column.label.en}" if column.label else ""
    unit = f"[{column.unit}]" if column.unit else ""
    return " · ".join(filter(None, (label, column.description, unit)))


def preview(rows: "pa.Table | None", first: Sequence[str] = ()) -> dg.MarkdownMetadataValue:
    """The first rows of a table as Markdown; see `preview_rows`. Rows of respondents are not shown to who runs jobs."""
    if rows is None or rows.num_rows == 0:
        return dg.MetadataValue.md("no rows this night")
    if "response_id" in rows.column_names or "respondent_key" in rows.column_names:
        return dg.MetadataValue.md(f"{rows.num_rows} or more rows; a row is one respondent's and is not shown")
    return preview_rows(rows.column_names, rows.slice(0, _PREVIEW_ROWS).to_pylist(), first)


def preview_rows(
    names: Sequence[str], rows: Sequence[Mapping[str, Any]], first: Sequence[str] = ()
) -> dg.MarkdownMetadataValue:
    """Rows as Markdown, the columns `first` in front; columns that are empty in all rows or do not fit are left out."""
    ordered = [name for name in first if name in names] + [name for name in names if name not in first]
    filled = [name for name in ordered if any(row[name] is not None for row in rows)][:_PREVIEW_COLUMNS]
    return table_of(filled, [[row[name] for name in filled] for row in rows])


def table_of(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> dg.MarkdownMetadataValue:
    """A small Markdown table; text is escaped so that a cell of a form cannot become markup."""
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_escape(_show(value)) for value in row) + " |" for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def records_of(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> dg.TableMetadataValue:
    """Rows as table records, which the UI shows as plain text at any length; numbers stay numbers."""
    shown = [[value if type(value) is int else _show(value) for value in row] for row in rows]
    kinds = {name: "int" if all(type(row[at]) is int for row in shown) else "string" for at, name in enumerate(names)}
    return dg.MetadataValue.table(
        [dg.TableRecord(dict(zip(names, row, strict=True))) for row in shown],
        dg.TableSchema([dg.TableColumn(name, kinds[name]) for name in names]),
    )


def _show(value: Any) -> str:
    """A value as a person reads it: no exponents in large numbers, no midnight behind a date, long text cut."""
    if value is None:
        return ""
    if isinstance(value, float):
        large = abs(value) >= 100_000  # six digits would round up to 1e+06
        return f"{value:,.2f}".removesuffix(".00") if large else f"{value:,.6g}"
    if isinstance(value, int) and abs(value) >= 1_000_000:
        return f"{value:,}"
    if isinstance(value, datetime) and value.time() == time.min:
        return value.date().isoformat()
    text = str(value)
    return text if len(text) <= _CELL_CHARACTERS else text[:_CELL_CHARACTERS] + "…"


def _escape(text: str) -> str:
    return re.sub(r"([\\|`*\[\]])", r"\\\1", escape(text, quote=False)).replace("\r", " ").replace("\n", " ")


def findings_of(findings: "pa.Table | None", table: str, others: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The findings of one table; those that name no table of `others` (whole files, batches of a topic) come along.

    Give `others` (all tables of the topic) to the topic's first table only, else such a finding is shown on each.
    """
    elsewhere = set(others) - {table}
    rows = [] if findings is None else findings.to_pylist()
    return [row for row in rows if row["table"] == table or (elsewhere and row["table"] not in elsewhere)]


def count_rules(findings: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Findings by rule and severity, most first, with one example of each."""
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in findings:
        grouped.setdefault((row["rule"], row["severity"]), []).append(row)
    ordered = sorted(grouped.items(), key=lambda item: -len(item[1]))
    return records_of(
        ["rule", "severity", "count", "example", "where"],
        [
            [rule, severity, len(rows), rows[0]["reason_vi"], " ".join(filter(None, _place(rows[0])))]
            for (rule, severity), rows in ordered
        ],
    )


def count_quarantined(quarantine: "pa.Table | None") -> dg.TableMetadataValue:
    """Quarantined rows by the rules that each breaks, most first; the counts add up to the rows."""
    rules: list[str] = [] if quarantine is None else quarantine.column("_rules").to_pylist()
    return records_of(["rules", "rows"], Counter(rules).most_common())


def _place(row: Mapping[str, Any]) -> list[str]:
    return [row["file"] or "", row["sheet"] or "", row["cell"] or (f"dòng {row['line']}" if row["line"] else "")]


def bar_chart(
    title: str, bars: Sequence[tuple[str, float]], unit: str, full: float | None = None
) -> dg.MarkdownMetadataValue:
    """Horizontal bars (label, value) in the given order; a whole bar is `full`, or else the largest value.

    Bars beyond what the UI shows at once are left out, and how many is said.
    """
    if not bars:
        return dg.MetadataValue.md("nothing to draw")
    whole = full or max(abs(value) for _, value in bars) or 1.0
    lines = [f"**{_escape(title)}**", "", f"| | | {_escape(unit)} |", "|---|---|---:|"]
    drawn = [_bar(label, value, whole) for label, value in bars]
    room = _SHOWN_AT_ONCE - len("\n".join(lines)) - 30
    while sum(len(line) + 1 for line in drawn) > room:
        drawn.pop()
    left_out = [f"| … {len(bars) - len(drawn)} more | | |"] if len(drawn) < len(bars) else []
    return dg.MetadataValue.md("\n".join([*lines, *drawn, *left_out]))


def _bar(label: str, value: float, whole: float) -> str:
    blocks = min(_BAR_BLOCKS, max(round(_BAR_BLOCKS * abs(value) / whole), 1 if value else 0))
    return f"| {_escape(label[:40])} | {'█' * blocks} | {_show(round(value, 1))} |"
