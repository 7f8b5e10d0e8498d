"""What a figure was one period earlier, read from that period's part of the lake only.

It must not judge the change. The surprising fact: an earlier report may arrive on the same night (a backlog), so
tonight's own rows take part in the search like those of earlier nights.
"""

from collections.abc import Iterable, Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kcn_pipeline.contracts.tables import Plausible, Table
from kcn_pipeline.lake import Lake
from kcn_pipeline.validation.periods import previous

#: What decides which of several submissions of a period is the current one, and what identifies a submission.
_NEWEST = ("submitted_on", "_night", "_file", "report_id")
_SUBMISSION = ("enterprise_id", "form_code", "period_code")


def previous_values(lake: Lake, table: Table, staged: pa.Table, night: str) -> pa.Array | None:
    """For every staged row the same key's value one period earlier, aligned with the rows; null where there is none.

    The value is that of the newest submission; a newer one that leaves the figure empty hides an older one's figure.
    """
    rule = next((rule for rule in table.rules if isinstance(rule, Plausible)), None)
    if rule is None:
        return None
    columns = list(dict.fromkeys([*rule.by, rule.column, "period_code", *_NEWEST, *_SUBMISSION]))
    earlier = _earlier_periods(staged)
    if not set(columns) <= set(staged.column_names) or not earlier:
        return None
    candidates = [*_stored(lake, table.table, staged, set(earlier.values()), night, columns), staged.select(columns)]
    keys = [*rule.by, "period_code"]
    found = _current(pa.concat_tables(candidates, promote_options="default"), set(earlier.values()), keys, rule.column)
    asked = staged.select(keys).to_pandas()
    asked["period_code"] = asked["period_code"].map(earlier)
    answers = asked.merge(found, on=keys, how="left", validate="many_to_one")[rule.column]
    return pa.array(answers, pa.float64(), from_pandas=True)


def _earlier_periods(staged: pa.Table) -> dict[str, str]:
    """The period before each of tonight's; a code that cannot be read has none and its own rule."""
    found = {}
    for period in pc.unique(staged.column("period_code")).to_pylist():
        try:
            found[period] = previous(period or "")
        except ValueError:
            continue
    return found


def _stored(
    lake: Lake, table: str, staged: pa.Table, periods: Iterable[str], night: str, columns: list[str]
) -> Iterator[pa.Table]:
    """What earlier nights accepted of those periods, of tonight's enterprises only."""
    parts = [f"period={period}" for period in periods]
    enterprises = [name for name in pc.unique(staged.column("enterprise_id")).to_pylist() if name]
    for stored in lake.nights("validation", table):
        if stored < night:
            for path in lake.slices("validation", table, stored, parts):
                yield pq.read_table(path, columns=columns, partitioning=None,
                                    filters=[("enterprise_id", "in", enterprises)])  # fmt: skip


def _current(rows: pa.Table, periods: set[str], keys: list[str], column: str) -> pd.DataFrame:
    """One row per key: its value in the newest submission of its period, where that has one."""
    rows = rows.filter(pc.is_in(rows.column("period_code"), value_set=pa.array(sorted(periods))))
    frame = rows.filter(pc.is_valid(rows.column("enterprise_id"))).to_pandas()
    submissions = frame[[*dict.fromkeys((*_SUBMISSION, *_NEWEST))]].drop_duplicates().sort_values(list(_NEWEST))
    newest = submissions.drop_duplicates(list(_SUBMISSION), keep="last")["report_id"]
    frame = frame[frame["report_id"].isin(newest)]
    return frame[[*keys, column]].dropna(subset=[column]).drop_duplicates(keys, keep=False)
