"""Refused readings and unread lines as quarantine rows with reasons, and as findings that count them per station.

It must not refuse anything. The surprising fact: a finding stands for all rows of one rule and station and names the
first file and line, because a logger that writes a wrong unit writes it 288 times a day.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.findings import Finding, Place, render
from kcn_pipeline.lake import Lake
from kcn_pipeline.validation.suites import format_value

Row = dict[str, Any]

_REASONS = ("_rules", "_reason_vi", "_reason_en")
#: Rules that are not about what a row says but about who sent it.
_OF_STATIONS = {"unknown_station", "inactive_station"}


def with_files(lake: Lake, refused: pa.Table) -> pa.Table:
    """Refused readings with `_payload` and `_file`, which the number of the payload in its night leads to."""
    files, payloads = [], []
    names: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for row in refused.select(["_source", "_night", "_row"]).to_pylist():
        key = (row["_source"], row["_night"])
        if key not in names:
            found = lake.payload_names(*key)
            names[key] = (found.column("name").to_pylist(), found.column("sha256").to_pylist())
        files.append(names[key][0][row["_row"]])
        payloads.append(names[key][1][row["_row"]])
    refused = refused.append_column("_payload", pa.array(payloads, pa.string()))
    return refused.append_column("_file", pa.array(files, pa.string()))


def with_reasons(contracts: Contracts, rows: pa.Table) -> pa.Table:
    """Rows that have a `rule` with `_rules`, `_reason_vi`, `_reason_en` instead of it."""
    texts = [_reason(contracts, row) for row in rows.to_pylist()]
    rules = rows.column("rule")
    rows = rows.drop_columns(["rule"]).append_column("_rules", rules)
    for name in _REASONS[1:]:
        rows = rows.append_column(name, pa.array([text[name.removeprefix("_")] for text in texts], pa.string()))
    empty = pa.nulls(rows.num_rows, pa.string())
    return rows.append_column("_sheet", empty).append_column("_cell", empty)


def count_per_station(rows: pa.Table, table: str) -> Iterator[Finding]:
    """One finding per rule and station: how many rows, and where the first of them stands."""
    counted: dict[tuple[str, str], list[Any]] = {}
    for row in rows.to_pylist():
        group = counted.setdefault((row["_rules"], row["station_id"] or ""), [0, row])
        group[0] += 1
    for (rule, _), (count, first) in sorted(counted.items()):
        place = Place(first["_source"], first["_payload"], first["_file"], line=first["_line"])
        said = _said(rule, first)
        said["detail"] = f"{count} ×; {said['detail']}"
        yield Finding(rule, "row", table, place, said["field"], said["value"], said)


def _reason(contracts: Contracts, row: Row) -> Mapping[str, str]:
    place = {"file": row["_file"], "line": row["_line"]}
    return render(contracts.rules[row["rule"]], **place, **_said(row["rule"], row))


def _said(rule: str, row: Row) -> Row:
    """What the texts of rules name: the parameter, what was found (of a station's fault: the station), and when."""
    found = row["station_id"] if rule in _OF_STATIONS else row["value"] if "value" in row else row["text"]
    when = row.get("measured_at")
    return {
        "field": row.get("parameter_code") or row["station_id"],
        "value": format_value(found),
        "detail": f"{row['station_id']}, {when:%Y-%m-%d %H:%M}" if when else format_value(row.get("text")),
    }
