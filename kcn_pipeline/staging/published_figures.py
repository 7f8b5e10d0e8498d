"""The list of figures that documents published → `staging/published_figures`, read from their raw text.

It must not correct a figure. The surprising fact: the list's own reading of a figure is kept beside ours and never
used where the printed text is malformed, so `2.811.08` stays a question and does not become 2,811.08.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.findings import Finding, Place
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.staging.enterprise_reports import StagedPayload, StageResult, internal_error, place_of, write_stage
from kcn_pipeline.staging.vietnamese import UnreadableTextError, decode_bytes, read_number

TOPIC = "published_figures"


def stage_published(lake: Lake, contracts: Contracts, night: str, payloads: Iterable[StagedPayload]) -> StageResult:
    """Read the lists and replace the night's staging slice; grain: one published figure."""
    table = contracts.tables[TOPIC]
    rows: list[dict[str, Any]] = []
    findings: list[Finding] = []
    count = refused = 0
    for payload in payloads:
        count += 1
        place = place_of(payload)
        try:
            read = list(_read_list(contracts, table, place, payload.content))
        except UnreadableTextError as error:
            read = []
            findings.append(Finding("unreadable_text", "payload", TOPIC, place, said={"detail": str(error)}))
        except Exception as error:
            read = []
            findings.append(internal_error(TOPIC, place, error))
        refused += not read
        rows += [row | {"_night": night} for row in read]
    staged = pa.Table.from_pylist(rows, schema=schema_of(table))
    return write_stage(lake, contracts, TOPIC, night, {TOPIC: staged}, findings, count, refused)


def _read_list(contracts: Contracts, table: Table, place: Place, content: bytes) -> Iterator[dict[str, Any]]:
    text, _ = decode_bytes(content)
    names = {label: column.name for column in table.columns for label in column.labels}
    reader = csv.DictReader(io.StringIO(text, newline=""))
    for record in reader:
        row: dict[str, Any] = {names[key]: value or None for key, value in record.items() if key in names}
        here = replace(place, line=reader.line_num)
        yield row | _read_figure(contracts, row) | _bookkeeping(here)


def _read_figure(contracts: Contracts, row: dict[str, Any]) -> dict[str, Any]:
    """The value of a figure from its printed text; the list's reading where the text is words (`đứng đầu`, `7/10`)."""
    unit = contracts.units.get(row.get("unit") or "")
    mult = row.get("unit_mult") or "0"
    read: dict[str, Any] = {"unit_mult": int(mult) if mult.isdigit() else None, "value": None}
    if unit is None:
        return read | {"_problem": "unknown_unit", "_problem_detail": str(row.get("unit"))}
    if unit.quantity == "label":
        return read | {"value": _to_float(row.get("value_stated"))}
    number = read_number(row.get("value_raw") or "", "vi")
    if number.problem == "malformed_number":
        return read | {"_problem": "malformed_number", "_problem_detail": f"{row['value_raw']} → {number.suggestion}"}
    return read | {"value": number.value if number.value is not None else _to_float(row.get("value_stated"))}


def _to_float(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _bookkeeping(place: Place) -> dict[str, Any]:
    return {"_source": place.source, "_payload": place.payload, "_file": place.file, "_line": place.line}
