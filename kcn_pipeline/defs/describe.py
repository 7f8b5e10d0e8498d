"""What assets show of themselves: specs from contracts, previews, counts, charts.

It must not compute a figure. The surprising fact: charts are SVG written here and carried inside Markdown, so the UI
shows them without a file server or a plotting library.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import dagster as dg

from kcn_pipeline.contracts.tables import Table

if TYPE_CHECKING:
    import pyarrow as pa

_PREVIEW_ROWS, _PREVIEW_COLUMNS = 5, 14


def spec_of(stage: str, table: Table, deps: Iterable[Sequence[str]], kinds: set[str]) -> dg.AssetSpec:
    """The asset of a contract table in a stage: key, description, grain, owner and tags from the contract."""
    return dg.AssetSpec(
        key=[stage, table.table],
        deps=[dg.AssetKey(list(dep)) for dep in deps],
        group_name=stage,
        description=f"{table.description.en} ({table.description.vi}). One row: {table.grain}.",
        owners=[table.owner],
        kinds=kinds,
        tags={"kcn/source": table.topic},
    )


def preview(rows: "pa.Table | None") -> dg.MarkdownMetadataValue:
    """The first rows of a table as Markdown; columns that are empty in them are left out."""
    if rows is None or rows.num_rows == 0:
        return dg.MetadataValue.md("no rows this night")
    head = rows.slice(0, _PREVIEW_ROWS).to_pylist()
    names = [name for name in rows.column_names if any(row[name] is not None for row in head)][:_PREVIEW_COLUMNS]
    return table_of(names, [[row[name] for name in names] for row in head])


def table_of(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> dg.MarkdownMetadataValue:
    """A small Markdown table; text is escaped so that a cell of a form cannot become markup."""
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: Any) -> str:
    text = "" if value is None else f"{value:,.6g}" if isinstance(value, float) else str(value)
    return escape(text[:60]).replace("|", "\\|").replace("\n", " ")


def count_rules(findings: "pa.Table | None") -> dg.MarkdownMetadataValue:
    """Findings by rule and severity, most first, with one example of each."""
    if findings is None or findings.num_rows == 0:
        return dg.MetadataValue.md("none")
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in findings.to_pylist():
        grouped.setdefault((row["rule"], row["severity"]), []).append(row)
    ordered = sorted(grouped.items(), key=lambda item: -len(item[1]))
    return table_of(
        ["rule", "severity", "count", "example", "where"],
        [
            [rule, severity, len(rows), rows[0]["reason_vi"], " ".join(filter(None, _place(rows[0])))]
            for (rule, severity), rows in ordered
        ],
    )


def _place(row: Mapping[str, Any]) -> list[str]:
    return [row["file"] or "", row["sheet"] or "", row["cell"] or (f"dòng {row['line']}" if row["line"] else "")]


def bar_chart(title: str, bars: Sequence[tuple[str, float, str]], unit: str) -> dg.MarkdownMetadataValue:
    """Horizontal bars (label, value, colour) as an inline picture; longest bar first as given."""
    if not bars:
        return dg.MetadataValue.md("nothing to draw")
    longest = max(abs(value) for _, value, _ in bars) or 1.0
    height = 30 + 24 * len(bars)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="640" height="{height}" fill="white"/>',
        f'<text x="8" y="18" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (label, value, colour) in enumerate(bars):
        y = 30 + 24 * number
        width = 330 * abs(value) / longest
        parts.append(f'<text x="8" y="{y + 14}">{escape(label[:26])}</text>')
        parts.append(f'<rect x="180" y="{y + 2}" width="{width:.1f}" height="16" fill="{colour}"/>')
        parts.append(f'<text x="{186 + width:.1f}" y="{y + 14}">{value:,.4g} {escape(unit)}</text>')
    picture = base64.b64encode("".join([*parts, "</svg>"]).encode()).decode()
    return dg.MetadataValue.md(f"![{escape(title)}](data:image/svg+xml;base64,{picture})")
