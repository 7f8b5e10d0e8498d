"""Which batches are refused whole: a batch is the rows that one source brought tonight for one table.

It must not move a row (that is `split.py`). The surprising fact: a share of bad rows is judged only from ten rows on,
because off season a night brings a single report and one wrong tax code must not turn the night red.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts.base import Bilingual
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.validation.context import Context, frame_of
from kcn_pipeline.validation.outcomes import CheckName, Failure, Refusal
from kcn_pipeline.validation.run import Verdict, run_suite
from kcn_pipeline.validation.staged import plain_column
from kcn_pipeline.validation.suites import batch_suite, format_value

#: The fewest rows of which a share says anything.
LEAST_ROWS_OF_A_SHARE = 10


def refuse_batches(
    staged: pa.Table, table: Table, context: Context, structure: Sequence[Verdict], failures: Sequence[Failure]
) -> tuple[Refusal, ...]:
    """The refused batches of tonight's rows, each with the first rule that refuses it: columns, rows, share of bad."""
    sources = sources_of(staged)
    refusals = []
    for source in sorted(set(sources.tolist())):
        rows = np.flatnonzero(sources == source)
        reasons = _reasons(source, staged, rows, table, context, structure, failures)
        refusals += [reason for reason in [next(reasons, None)] if reason]
    return tuple(refusals)


def sources_of(staged: pa.Table) -> npt.NDArray[np.object_]:
    """The source of every row; empty text where it is not known."""
    if "_source" not in staged.column_names:
        return np.full(staged.num_rows, "", dtype=object)
    return np.asarray(pc.fill_null(plain_column(staged.column("_source")), "").to_pylist(), dtype=object)


def newest_state(rows: pa.Table) -> pa.Table:
    """The rows of the newest date the source states (`as_of`); all rows where a table has no such date."""
    if "as_of" not in rows.column_names or not pa.types.is_date(rows.column("as_of").type):
        return rows
    newest = pc.max(rows.column("as_of"))
    return rows.filter(pc.equal(rows.column("as_of"), newest)) if newest.is_valid else rows


def usual_rows(accepted: pa.Table | None) -> dict[str, int]:
    """How many rows the newest state of each source held, from a table as it was accepted before tonight."""
    if accepted is None or accepted.num_rows == 0:
        return {}
    sources = sources_of(accepted)
    return {
        source: newest_state(accepted.filter(pa.array(sources == source))).num_rows for source in set(sources.tolist())
    }


def _reasons(
    source: str, staged: pa.Table, rows: npt.NDArray[np.int64], table: Table, context: Context,
    structure: Sequence[Verdict], failures: Sequence[Failure],
) -> Iterator[Refusal]:  # fmt: skip
    yield from (_structure_refusal(source, verdict) for verdict in structure)
    if structure:
        return
    names = [name for name in ("_source", "as_of") if name in staged.column_names]
    state = newest_state(staged.select(names).take(pa.array(rows)))
    criteria = batch_suite(table, context.usual_rows.get(source))
    for verdict in run_suite(table.table, frame_of(state, ["_source"]), criteria):
        if not verdict.passed:
            expected = verdict.criterion.expected
            assert expected is not None
            yield Refusal(source, verdict.criterion.rule, "volume", expected, format_value(verdict.observed))
    yield from _bad_share(source, rows, table, failures)


def _structure_refusal(source: str, verdict: Verdict) -> Refusal:
    criterion = verdict.criterion
    if criterion.column is None:
        missing = ", ".join(verdict.observed or [])
        return Refusal(source, criterion.rule, "columns", Bilingual(vi=missing or "—", en=missing or "—"), missing)
    assert criterion.expected is not None
    found = f"{criterion.column} ({verdict.observed})"
    return Refusal(source, criterion.rule, "columns", criterion.expected, found)


def _bad_share(
    source: str, rows: npt.NDArray[np.int64], table: Table, failures: Sequence[Failure]
) -> Iterator[Refusal]:
    """Refuses a batch with too many bad rows; rows that only follow a refused report are neither good nor bad."""
    critical = [failure for failure in failures if failure.severity == "critical"]
    consequences = _among(rows, [failure for failure in critical if failure.is_consequence])
    judged = np.setdiff1d(rows, consequences)
    if len(judged) < LEAST_ROWS_OF_A_SHARE:
        return
    most = table.volume.max_bad_share
    bad = _among(judged, critical)
    if len(bad) / len(judged) > most:
        repeated = _among(judged, [failure for failure in critical if failure.check == "keys"])
        check: CheckName = "keys" if len(repeated) / len(judged) > most else "volume"
        found = f"{len(bad) / len(judged):.0%} ({len(bad)}/{len(judged)})"
        yield Refusal(source, "share_bad", check, Bilingual(vi=f"{most:.0%}", en=f"{most:.0%}"), found)


def _among(rows: npt.NDArray[np.int64], failures: Sequence[Failure]) -> npt.NDArray[np.int64]:
    return np.intersect1d(rows, np.concatenate([failure.rows for failure in failures] or [np.empty(0, np.int64)]))
