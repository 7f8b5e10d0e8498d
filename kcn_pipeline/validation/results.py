"""What every topic does with a judged table: write the quarantine and report the counts.

It must not decide what is stored as accepted; each topic does. The surprising fact: a night that quarantines nothing
writes no file, yet empties the one that an earlier run of the same night left.
"""

from collections.abc import Sequence

import pyarrow as pa

from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.findings import FINDING_SCHEMA
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.validation.checks import nothing_tonight
from kcn_pipeline.validation.outcomes import Judged, TableResult


def write_quarantine(lake: Lake, table: Table, night: str, rows: pa.Table) -> None:
    """Make the quarantine of a table's night exactly these rows."""
    lake.replace("quarantine", table.table, night, {WHOLE: rows} if rows.num_rows else {})


def write_findings(lake: Lake, topic: str, night: str, findings: Sequence[pa.Table]) -> None:
    """Make the findings of a topic's night exactly these."""
    rows = pa.concat_tables([FINDING_SCHEMA.empty_table(), *findings])
    lake.replace("validation", f"{topic}_findings", night, {WHOLE: rows} if rows.num_rows else {})


def result_of(table: Table, staged: int, judged: Judged, stored: int, findings: int) -> TableResult:
    """The counts of a judged table; `stored` are the rows written as accepted."""
    return TableResult(
        table=table.table, staged=staged, accepted=judged.accepted.num_rows,
        quarantined=judged.quarantine.num_rows, stored=stored, findings=findings, checks=judged.checks,
        refused_sources=tuple(refusal.source for refusal in judged.refusals),
    )  # fmt: skip


def nothing_new(lake: Lake, table: Table, night: str, stored: int) -> TableResult:
    """The result of a table that nothing arrived for tonight; empties what an earlier run of the night quarantined."""
    lake.replace("quarantine", table.table, night, {})
    return TableResult(table.table, 0, 0, 0, stored, 0, nothing_tonight())
