"""What a night left behind, in numbers a person asks for at its end.

It must not format. The surprising fact: everything is read back from the warehouse, so the summary cannot say more
than what was published.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, func, select

from kcn_pipeline.warehouse.database import open_engine, read_snapshot
from kcn_pipeline.warehouse.schema import (
    audit_check,
    audit_payload,
    audit_quarantine,
    audit_refresh,
    fct_indicator_revision,
    fct_indicator_value,
    fct_report_submission,
)


@dataclass(frozen=True)
class NightSummary:
    """Counts of a night (payloads by status, listed quarantined rows by table and rule) and of all values and reports.

    `readings` says what became of those of stations, whose files are not told one by one; `quarantined_rows` counts
    all of the night, also those of a rule that has too many to be listed.
    """

    payloads: dict[str, int]
    quarantined: list[tuple[str, str, int]]
    values_by_status: dict[str, int]
    changed_values: int
    revisions: int
    reports: dict[str, int]
    missing: list[tuple[str, str, int]]
    readings: dict[str, int]
    quarantined_rows: int


def read_summary(url: str, night: str) -> NightSummary:
    """The summary of a published night; raises WarehouseError when there is no warehouse."""
    value, report, refresh = fct_indicator_value.c, fct_report_submission.c, audit_refresh.c
    with read_snapshot(open_engine(url, must_exist=True)) as connection:
        return NightSummary(
            payloads=_count(connection, audit_payload.c.status, audit_payload.c.night == night),
            quarantined=_quarantined(connection, night),
            values_by_status=_count(connection, value.obs_status),
            changed_values=_number(connection, fct_indicator_value, value.refreshed_night == night),
            revisions=_number(connection, fct_indicator_revision, fct_indicator_revision.c.night == night),
            reports=_count(connection, report.status, report.is_current),
            missing=_missing(connection),
            readings=_readings(connection, night),
            quarantined_rows=connection.scalar(select(refresh.quarantined_rows).where(refresh.night == night)) or 0,
        )


def _count(connection: Connection, column: Column[Any], *conditions: ColumnElement[bool]) -> dict[str, int]:
    query = select(column, func.count()).where(*conditions).group_by(column).order_by(column)
    return dict(connection.execute(query).tuples().all())


def _number(connection: Connection, table: Table, *conditions: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


def _quarantined(connection: Connection, night: str) -> list[tuple[str, str, int]]:
    q = audit_quarantine.c
    query = (
        select(q.table_name, q.rules, func.count())
        .where(q.night == night)
        .group_by(q.table_name, q.rules)
        .order_by(func.count().desc(), q.table_name, q.rules)
    )
    return [(table, rules, count) for table, rules, count in connection.execute(query)]


def _readings(connection: Connection, night: str) -> dict[str, int]:
    """The counts of the check that readings add up; none on a night without readings."""
    c = audit_check.c
    is_ours = (c.night == night, c.table_name == "monitoring_readings", c.check_name == "conservation")
    counts = connection.scalar(select(c.counts).where(*is_ours))
    return dict(json.loads(counts)) if counts else {}


def _missing(connection: Connection) -> list[tuple[str, str, int]]:
    """Missing reports by period and form, newest period first."""
    r = fct_report_submission.c
    query = (
        select(r.period_code, r.form_code, func.count())
        .where(r.status == "missing")
        .group_by(r.period_code, r.form_code)
        .order_by(r.period_code.desc(), r.form_code)
    )
    return [(period, form, count) for period, form, count in connection.execute(query)]
