"""Judges tonight's rows of one table: structure first, then rows, then batches, then the split.

It must not know a topic; what a topic knows beyond the contract comes in as failures it already found. The surprising
fact: when a column is missing or of the wrong kind no row is judged at all, because every batch is refused anyway.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pyarrow as pa

from kcn_pipeline.contracts.tables import Column, Plausible, Table
from kcn_pipeline.validation.batches import refuse_batches
from kcn_pipeline.validation.checks import outcomes_of
from kcn_pipeline.validation.context import Context, frame_for, frame_of
from kcn_pipeline.validation.keys import rows_to_refuse
from kcn_pipeline.validation.outcomes import Failure, Judged
from kcn_pipeline.validation.run import Verdict, run_suite
from kcn_pipeline.validation.split import split_rows
from kcn_pipeline.validation.suites import Criterion, build_suite, structure_suite

#: Rows judged at a time. Great Expectations copies the frame for each expectation, so this bounds memory: the 20
#: columns judged of 60,000 figures are 21 MB, twice while an expectation runs. A suite costs 0.2 s however short.
CHUNK_ROWS = 60_000
#: Rules whose failures only repeat what was found elsewhere.
CONSEQUENCES = frozenset({"report_refused"})


def judge(staged: pa.Table, table: Table, context: Context, found_before: Sequence[Failure] = ()) -> Judged:
    """Split tonight's rows of one table into accepted and quarantined, with findings and the six checks.

    `found_before` are failures of rows that a topic found outside the suite, of well-formed rows only. Raises
    ConservationError.
    """
    suite = build_suite(table, context.contracts.code_lists, context.night)
    structure = _judge_structure(staged.schema, table.columns, table.table)
    failures: list[Failure] = []
    recency: list[Verdict] = []
    if not structure:
        failures += _without_echoes([*found_before, *_judge_rows(staged, table, suite, context)])
        failures += _judge_keys(staged, table, suite, context)
        recency = _judge_recency(staged, table, suite, context)
    refusals = refuse_batches(staged, table, context, structure, failures)
    split = split_rows(staged, table, context.contracts, failures, refusals, recency)
    checks = outcomes_of(staged.num_rows, table, split, failures, refusals, structure, recency)
    return Judged(split.accepted, split.quarantine, split.findings, checks, refusals)


def is_well_formed(staged: pa.Table, table: Table) -> bool:
    """Whether every column is there with its type; of a table that is not, nothing beyond that may be asked."""
    return not _judge_structure(staged.schema, table.columns, table.table)


@lru_cache(maxsize=256)
def _judge_structure(schema: pa.Schema, columns: tuple[Column, ...], name: str) -> tuple[Verdict, ...]:
    """What is wrong with the columns themselves, asked of a frame without rows; a missing column has no wrong type.

    The answer depends on the schema alone, so a replay of a hundred nights asks once. Columns of objects (lists, bytes)
    are shown as categories: an object column is judged by its values, and without rows it would pass as anything.
    """
    criteria = [c for c in structure_suite(columns) if c.column is None or c.column in schema.names]
    frame = frame_of(schema.empty_table(), schema.names)
    frame = frame.astype({column: "category" for column in frame.columns if frame[column].dtype == object})
    broken = [verdict for verdict in run_suite(name, frame, criteria) if not verdict.passed]
    return tuple(v if v.criterion.column is None else replace(v, observed=_type_of(schema, v)) for v in broken)


def _type_of(schema: pa.Schema, verdict: Verdict) -> str:
    return str(schema.field(str(verdict.criterion.column)).type)


def _judge_rows(staged: pa.Table, table: Table, suite: Sequence[Criterion], context: Context) -> list[Failure]:
    criteria = [criterion for criterion in suite if criterion.check == "values"]
    found: list[list[Verdict]] = []
    for start in range(0, staged.num_rows, CHUNK_ROWS):
        rows = staged.slice(start, CHUNK_ROWS)
        found.append(run_suite(table.table, frame_for(rows, criteria, context, start), criteria))
    failures: list[Failure] = []
    for verdicts in zip(*found, strict=True):
        failures += _failures(_joined(verdicts), staged, context)
    return failures


def _judge_keys(staged: pa.Table, table: Table, suite: Sequence[Criterion], context: Context) -> list[Failure]:
    criteria = [criterion for criterion in suite if criterion.check == "keys"]
    failures = []
    for verdict in run_suite(table.table, frame_for(staged, criteria, context), criteria):
        _raise_error(verdict)
        refused = rows_to_refuse(staged, table, verdict.rows)
        if refused:
            rows = np.asarray(list(refused), dtype=np.int64)
            failures.append(replace(_failure(verdict), rows=rows, details=refused))
    return failures


def _judge_recency(staged: pa.Table, table: Table, suite: Sequence[Criterion], context: Context) -> list[Verdict]:
    """Whether the newest row is new enough; a column without any value says nothing of age and is not judged."""
    criteria = [criterion for criterion in suite if criterion.check == "recency"]
    criteria = [c for c in criteria if staged.column(str(c.column)).null_count < staged.num_rows]
    verdicts = run_suite(table.table, frame_for(staged, criteria, context), criteria)
    for verdict in verdicts:
        _raise_error(verdict)
    return verdicts


def _joined(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict over all chunks."""
    for verdict in verdicts:
        _raise_error(verdict)
    return replace(verdicts[0], rows=np.concatenate([verdict.rows for verdict in verdicts]))


def _failures(verdict: Verdict, staged: pa.Table, context: Context) -> Iterator[Failure]:
    if not len(verdict.rows):
        return
    if verdict.criterion.names_rule:
        yield from _named_failures(verdict, staged, context)
    elif isinstance(verdict.criterion.prepares, Plausible) and context.previous_values is not None:
        yield replace(_failure(verdict), details=_changes(verdict, staged, context.previous_values))
    else:
        yield _failure(verdict)


def _failure(verdict: Verdict) -> Failure:
    criterion = verdict.criterion
    return Failure(
        criterion.rule, criterion.severity, criterion.check, verdict.rows, criterion.column, criterion.against,
        criterion.expected, is_consequence=criterion.rule in CONSEQUENCES,
    )  # fmt: skip


def _named_failures(verdict: Verdict, staged: pa.Table, context: Context) -> Iterator[Failure]:
    """A failure per code that staging wrote; a code without texts falls back to the rule and shows in the detail."""
    rows = pa.array(verdict.rows)
    codes = staged.column(str(verdict.criterion.column)).take(rows).to_pylist()
    details = staged.column("_problem_detail").take(rows).to_pylist()
    known = context.contracts.rules
    for code in dict.fromkeys(codes):
        chosen = [place for place, found in enumerate(codes) if found == code]
        rule = code if code in known else verdict.criterion.rule
        texts = {int(verdict.rows[place]): details[place] or code for place in chosen}
        named = replace(_failure(verdict), rule=rule, column=None, is_unreadable=True)
        yield replace(named, rows=verdict.rows[chosen], details=texts)


def _changes(verdict: Verdict, staged: pa.Table, previous: pa.Array) -> dict[int, str]:
    """Of each row the value before and now, both in the canonical unit; what was written may be in another."""
    rows = pa.array(verdict.rows)
    now = staged.column(str(verdict.criterion.column)).take(rows).to_pylist()
    changes = zip(verdict.rows.tolist(), previous.take(rows).to_pylist(), now, strict=True)
    return {row: f"{before:,.6g} → {after:,.6g}" for row, before, after in changes}


def _without_echoes(failures: Sequence[Failure]) -> Iterator[Failure]:
    """The failures, of unreadable rows only that: an unreadable park is no unknown park and no missing value too."""
    unreadable = [failure.rows for failure in failures if failure.is_unreadable]
    every = np.concatenate(unreadable) if unreadable else np.empty(0, np.int64)
    for failure in failures:
        if failure.is_unreadable or failure.is_consequence:
            yield failure
        elif len(rows := np.setdiff1d(failure.rows, every)):
            yield replace(failure, rows=rows)


def _raise_error(verdict: Verdict) -> None:
    """An expectation that could not be asked of columns of the right kind is a mistake in a contract: say which."""
    if verdict.error:
        criterion = verdict.criterion
        raise ValueError(f"rule {criterion.rule!r} on {criterion.column!r} cannot be judged: {verdict.error}")
