"""Moves rows: accepted on one side, quarantined with their reasons on the other, and writes down the findings.

It must not judge. The surprising fact: it counts what it wrote, not what it meant to write, so a row lost by any later
mistake in this file stops the night instead of vanishing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.validation.batches import sources_of
from kcn_pipeline.validation.outcomes import ConservationError, Failure, Refusal, Rows
from kcn_pipeline.validation.run import Verdict
from kcn_pipeline.validation.suites import format_value
from kcn_pipeline.validation.texts import (
    LANGUAGES,
    Finding,
    Language,
    Reason,
    make_finding,
    reasons_of,
    refusal_reason,
    rule_text,
)

#: A refused batch says what is wrong with it; more single rows than this would only bury that.
_MOST_FINDINGS_IN_A_REFUSED_BATCH = 100


@dataclass(frozen=True)
class Split:
    """Both sides of the split, the positions of the accepted rows, and every finding."""

    accepted: pa.Table
    quarantine: pa.Table
    accepted_rows: Rows
    findings: tuple[Finding, ...]


def split_rows(
    staged: pa.Table, table: Table, contracts: Contracts, failures: Sequence[Failure],
    refusals: Sequence[Refusal], recency: Sequence[Verdict],
) -> Split:  # fmt: skip
    """Split tonight's rows of one table. A row is quarantined by a critical failure or with its whole batch.

    Quarantine has the staged columns and `_rules`, `_reason_vi`, `_reason_en` (joined by "; "). Raises
    ConservationError when rows staged are not rows accepted plus rows quarantined.
    """
    refused = _refused_rows(staged, refusals)
    reasons: dict[int, list[Reason]] = defaultdict(list)
    findings: list[Finding] = []
    for failure in failures:
        findings += _write_down(staged, table, contracts, failure, refused, reasons)
    for refusal in refusals:
        reason = refusal_reason(table, refusal, contracts)
        findings.append(reason.finding)
        for row in np.flatnonzero(sources_of(staged) == refusal.source).tolist():
            reasons[row].append(reason)
    findings += [_stale(table, contracts, verdict) for verdict in recency if not verdict.passed]
    is_bad = np.zeros(staged.num_rows, dtype=bool)
    is_bad[list(reasons)] = True
    accepted = staged.filter(pa.array(~is_bad))
    quarantine = _with_reasons(staged.filter(pa.array(is_bad)), [reasons[row] for row in sorted(reasons)])
    _assert_conserved(table.table, staged, accepted, quarantine)
    return Split(accepted, quarantine, np.flatnonzero(~is_bad), tuple(findings))


def _refused_rows(staged: pa.Table, refusals: Sequence[Refusal]) -> set[int]:
    sources = sources_of(staged)
    return {row for refusal in refusals for row in np.flatnonzero(sources == refusal.source).tolist()}


def _write_down(
    staged: pa.Table, table: Table, contracts: Contracts, failure: Failure,
    refused: set[int], reasons: dict[int, list[Reason]],
) -> list[Finding]:  # fmt: skip
    """The findings of one failure; its critical rows are added to `reasons`."""
    findings: list[Finding] = []
    in_refused = 0
    for reason in reasons_of(staged, table, failure, contracts):
        if failure.severity == "critical":
            reasons[reason.row].append(reason)
        in_refused += reason.row in refused
        is_buried = reason.row in refused and in_refused > _MOST_FINDINGS_IN_A_REFUSED_BATCH
        if not failure.is_consequence and not is_buried:
            findings.append(reason.finding)
    return findings


def _with_reasons(rows: pa.Table, reasons: Sequence[Sequence[Reason]]) -> pa.Table:
    """The rows with why each is there; a rule that a row breaks in two columns is named once and explained twice."""
    columns = {
        "_rules": ["; ".join(dict.fromkeys(reason.rule for reason in row)) for row in reasons],
        "_reason_vi": ["; ".join(dict.fromkeys(reason.vi for reason in row)) for row in reasons],
        "_reason_en": ["; ".join(dict.fromkeys(reason.en for reason in row)) for row in reasons],
    }
    for name, texts in columns.items():
        rows = rows.append_column(name, pa.array(texts, pa.string()))
    return rows


def _stale(table: Table, contracts: Contracts, verdict: Verdict) -> Finding:
    criterion = verdict.criterion
    newest = format_value(verdict.observed)
    filling: dict[Language, Mapping[str, str]] = {}
    for language in LANGUAGES:
        expected = str(getattr(criterion.expected, language))
        filling[language] = {"field": str(criterion.column), "value": newest, "found": newest, "expected": expected}
    text = rule_text(contracts, criterion.rule)
    return make_finding(text, "batch", table.table, {}, criterion.column, newest, filling, criterion.severity)


def _assert_conserved(table: str, staged: pa.Table, accepted: pa.Table, quarantine: pa.Table) -> None:
    if staged.num_rows != accepted.num_rows + quarantine.num_rows:
        raise ConservationError(table, staged.num_rows, accepted.num_rows, quarantine.num_rows)
