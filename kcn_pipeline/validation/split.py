"""Moves rows: accepted on one side, quarantined with their reasons on the other, and writes down the findings.

It must not judge. The surprising fact: it counts what it wrote, not what it meant to write, so a row lost by any later
mistake in this file stops the night instead of vanishing.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.validation.batches import sources_of
from kcn_pipeline.validation.outcomes import ConservationError, Failure, Refusal
from kcn_pipeline.validation.run import Verdict
from kcn_pipeline.validation.suites import format_value
from kcn_pipeline.validation.texts import (
    LANGUAGES,
    Finding,
    Language,
    as_table,
    make_finding,
    reasons_of,
    refusal_reason,
    rule_text,
)

#: A refused batch says what is wrong with it; more single rows than this would only bury that.
_MOST_FINDINGS_IN_A_REFUSED_BATCH = 100


#: Why a row is in quarantine: the rule and its text in both languages.
_Why = tuple[str, str, str]


@dataclass(frozen=True)
class Split:
    """Both sides of the split, and every finding as a table."""

    accepted: pa.Table
    quarantine: pa.Table
    findings: pa.Table


def split_rows(
    staged: pa.Table, table: Table, contracts: Contracts, failures: Sequence[Failure],
    refusals: Sequence[Refusal], recency: Sequence[Verdict],
) -> Split:  # fmt: skip
    """Split tonight's rows of one table. A row is quarantined by a critical failure or with its whole batch.

    Quarantine has the staged columns and `_rules`, `_reason_vi`, `_reason_en` (joined by "; "). Raises
    ConservationError when rows staged are not rows accepted plus rows quarantined.
    """
    why: dict[int, list[_Why]] = defaultdict(list)
    of_rows = as_table(_write_down_rows(staged, table, contracts, failures, refusals, why))
    of_batches = as_table(_write_down_batches(staged, table, contracts, refusals, recency, why))
    is_bad = np.zeros(staged.num_rows, dtype=bool)
    is_bad[list(why)] = True
    accepted = staged.filter(pa.array(~is_bad))
    quarantine = _with_reasons(staged.filter(pa.array(is_bad)), [why[row] for row in sorted(why)])
    _assert_conserved(table.table, staged, accepted, quarantine)
    return Split(accepted, quarantine, pa.concat_tables([of_rows, of_batches]))


def _write_down_rows(
    staged: pa.Table, table: Table, contracts: Contracts, failures: Sequence[Failure],
    refusals: Sequence[Refusal], why: dict[int, list[_Why]],
) -> Iterator[Finding]:  # fmt: skip
    """The findings of all failures; critical rows are noted in `why` on the way."""
    refused = np.isin(sources_of(staged), [refusal.source for refusal in refusals])
    for failure in failures:
        buried = 0
        for reason in reasons_of(staged, table, failure, contracts):
            if failure.severity == "critical":
                why[reason.row].append((reason.rule, reason.vi, reason.en))
            buried += bool(refused[reason.row])
            if not failure.is_consequence and buried <= _MOST_FINDINGS_IN_A_REFUSED_BATCH:
                yield reason.finding


def _write_down_batches(
    staged: pa.Table, table: Table, contracts: Contracts, refusals: Sequence[Refusal],
    recency: Sequence[Verdict], why: dict[int, list[_Why]],
) -> Iterator[Finding]:  # fmt: skip
    """The findings of refused batches and old data; every row of a refused batch is noted in `why`."""
    for refusal in refusals:
        reason = refusal_reason(table, refusal, contracts)
        for row in np.flatnonzero(sources_of(staged) == refusal.source).tolist():
            why[row].append((reason.rule, reason.vi, reason.en))
        yield reason.finding
    yield from (_stale(table, contracts, verdict) for verdict in recency if not verdict.passed)


def _with_reasons(rows: pa.Table, why: Sequence[Sequence[_Why]]) -> pa.Table:
    """The rows with why each is there; a rule that a row breaks in two columns is named once and explained twice."""
    for place, name in enumerate(("_rules", "_reason_vi", "_reason_en")):
        texts = ["; ".join(dict.fromkeys(reason[place] for reason in reasons)) for reasons in why]
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
