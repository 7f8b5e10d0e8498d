"""Applies the known errors of sources before rows are judged, and complains when one is no longer there.

It must not invent a value: a correction without `set` only says that the row is known and stays as it is. The
surprising fact: a correction that no longer matches is a finding, because it hides that a source changed under us.
"""

from collections.abc import Mapping
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.base import Severity
from kcn_pipeline.contracts.reference import Correction
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.validation.staged import plain_column, set_column
from kcn_pipeline.validation.suites import format_value
from kcn_pipeline.validation.texts import Finding, Language, make_finding, rule_text


def apply_corrections(
    rows: pa.Table, table: Table, contracts: Contracts, is_whole: bool = True
) -> tuple[pa.Table, list[Finding]]:
    """The rows with every correction of the table applied, and a finding per correction applied or missed.

    Of a table that arrives in pieces (`is_whole` false), "not found tonight" says nothing.
    """
    findings = []
    for correction in contracts.corrections.values():
        if correction.table != table.table or not {*correction.match, *correction.set} <= set(rows.column_names):
            continue
        matched = _matching(rows, correction)
        if pc.any(matched).as_py():
            findings.append(_applied(rows.filter(matched).slice(0, 1).to_pylist()[0], correction, table, contracts))
            rows = _set(rows, matched, correction)
        elif is_whole and correction.expect == "found":
            findings.append(_note("correction_not_found", "warning", {}, correction, table, contracts))
    return rows, findings


def _matching(rows: pa.Table, correction: Correction) -> pa.ChunkedArray:
    tests = [
        pc.equal(pc.cast(plain_column(rows.column(name)), pa.string()), value)
        for name, value in correction.match.items()
    ]
    return pc.fill_null(reduce(pc.and_, tests), False)


def _set(rows: pa.Table, matched: pa.ChunkedArray, correction: Correction) -> pa.Table:
    for name, value in correction.set.items():
        column = plain_column(rows.column(name))
        rows = set_column(rows, name, pc.if_else(matched, pa.scalar(value).cast(column.type), column))
    return rows


def _applied(row: Mapping[str, Any], correction: Correction, table: Table, contracts: Contracts) -> Finding:
    """A row that the source was said to have mended is back: worth more than a remark."""
    severity: Severity = "info" if correction.expect == "found" else "warning"
    return _note("correction_applied", severity, row, correction, table, contracts)


def _note(
    rule: str, severity: Severity, row: Mapping[str, Any], correction: Correction, table: Table, contracts: Contracts
) -> Finding:
    match = ", ".join(f"{name}={value}" for name, value in correction.match.items())
    change = ", ".join(f"{name}={format_value(value)}" for name, value in correction.set.items())
    filling = {"field": correction.id, "value": change or "—", "found": match, "detail": correction.id}
    texts: Mapping[Language, Mapping[str, str]] = {"vi": filling, "en": filling}
    scope = "row" if row else "batch"
    return make_finding(rule_text(contracts, rule), scope, table.table, row, correction.id, match, texts, severity)
