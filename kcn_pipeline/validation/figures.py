"""Published figures: judged like any table, then stored as the whole list, with the sums that documents state checked.

It must not read a document. The surprising fact: a figure is replaced only by a newer row of the same number, so a list
that arrives in two files, or one figure that is misprinted in the newest list, loses nothing.
"""

from collections.abc import Mapping

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.reference import PublishedSum
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.validation.batches import usual_rows
from kcn_pipeline.validation.context import Context
from kcn_pipeline.validation.corrections import apply_corrections
from kcn_pipeline.validation.judge import judge
from kcn_pipeline.validation.outcomes import TableResult
from kcn_pipeline.validation.results import nothing_new, result_of, write_quarantine
from kcn_pipeline.validation.staged import in_file_order, read_staged
from kcn_pipeline.validation.stored import read_before, write_whole
from kcn_pipeline.validation.suites import format_value
from kcn_pipeline.validation.texts import Finding, Language, as_table, make_finding, rule_text

#: Sums of printed decimals differ from the printed total in the last binary digits.
_BINARY_SLACK = 1e-9


def validate_figures(lake: Lake, contracts: Contracts, night: str) -> tuple[dict[str, TableResult], list[pa.Table]]:
    """Judge the figures that the night staged, merge them into the list and check its sums."""
    results: dict[str, TableResult] = {}
    findings: list[pa.Table] = []
    for table in contracts.topic_tables("published_figures"):
        staged = read_staged(lake, table, night)
        if staged is None:
            results[table.table] = nothing_new(lake, table, night, write_whole(lake, table, night, None))
            continue
        results[table.table], found = _validate_table(lake, contracts, table, night, staged)
        findings.append(found)
    return results, findings


def _validate_table(
    lake: Lake, contracts: Contracts, table: Table, night: str, staged: pa.Table
) -> tuple[TableResult, pa.Table]:
    before = read_before(lake, table.table, night)
    corrected, notes = apply_corrections(staged, table, contracts)
    judged = judge(corrected, table, Context(contracts, night, usual_rows=usual_rows(before)))
    merged = _merge(before, judged.accepted, table) if judged.accepted.num_rows else None
    stored = write_whole(lake, table, night, merged)
    write_quarantine(lake, table, night, judged.quarantine)
    if merged is not None:
        notes += check_sums(merged, table, contracts)
    findings = pa.concat_tables([as_table(notes), judged.findings])
    return result_of(table, staged.num_rows, judged, stored, findings.num_rows), findings


def _merge(before: pa.Table | None, accepted: pa.Table, table: Table) -> pa.Table:
    """The list after tonight: what was known and tonight's rows, which replace those of the same key."""
    rows = {} if before is None else {tuple(row[name] for name in table.key): row for row in before.to_pylist()}
    rows |= {tuple(row[name] for name in table.key): row for row in in_file_order(accepted)}
    return pa.Table.from_pylist([rows[key] for key in sorted(rows)], schema=schema_of(table))


# ---- sums ------------------------------------------------------------------------------------------------------


def check_sums(figures: pa.Table, table: Table, contracts: Contracts) -> list[Finding]:
    """A finding per stated total that its stated parts do not add up to; one with a figure missing is not judged.

    Figures are compared in plain units (value × 10^unit_mult); the tolerance is in the unit of the total.
    """
    rows = {row["figure_id"]: row for row in figures.to_pylist() if row["value"] is not None}
    findings = []
    for rule in contracts.published_sums.values():
        if {rule.total, *rule.parts} <= set(rows):
            findings += _check_sum(rule, rows, table, contracts)
    return findings


def _check_sum(
    rule: PublishedSum, rows: Mapping[str, Mapping[str, object]], table: Table, contracts: Contracts
) -> list[Finding]:
    total = rows[rule.total]
    unit = 10.0 ** int(str(total["unit_mult"] or 0))
    added = sum(_plain(rows[part]) for part in rule.parts) / unit
    stated = _plain(total) / unit
    if abs(stated - added) <= rule.tolerance + _BINARY_SLACK * max(1.0, abs(stated)):
        return []
    parts = " + ".join(rule.parts)
    filling = {"field": rule.total, "value": format_value(stated), "found": format_value(stated),
               "expected": f"{parts} = {format_value(round(added, 9))}", "detail": rule.source}  # fmt: skip
    texts: Mapping[Language, Mapping[str, str]] = {"vi": filling, "en": filling}
    text = rule_text(contracts, "published_sum_mismatch")
    return [make_finding(text, "row", table.table, total, rule.total, str(total["value_raw"]), texts, "warning")]


def _plain(row: Mapping[str, object]) -> float:
    return float(str(row["value"])) * 10.0 ** int(str(row["unit_mult"] or 0))
