"""Publishing a night: everything it brought, written to the warehouse in one transaction or not at all.

It must not compute or judge a figure; it is given rows and makes tables equal to them. The surprising fact: a night can
be published any number of times, also with other data, and ends as if only the last attempt had been made.

Re-running a night that is older than the newest published one is allowed: its audit trail is replaced under its own
name, but whatever it changes in the facts counts as changed by the newest night, since that is when readers see it.
Every batch must therefore hold what all landed nights say, not only those up to its own.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select, update

from kcn_pipeline.settings import parse_night
from kcn_pipeline.warehouse.audit import check_published
from kcn_pipeline.warehouse.database import open_engine, write_transaction
from kcn_pipeline.warehouse.incoming import Incoming, Row, Rows, iterate_rows, load_incoming
from kcn_pipeline.warehouse.merge import Change, Within, make_equal
from kcn_pipeline.warehouse.schema import (
    audit_refresh,
    dim_indicator,
    fct_indicator_revision,
    fct_report_submission,
    metadata,
    prepare_schema,
)
from kcn_pipeline.warehouse.stations import StationBatch, publish_stations
from kcn_pipeline.warehouse.surveys import SurveyBatch, publish_surveys
from kcn_pipeline.warehouse.values import publish_values
from kcn_pipeline.warehouse.views import publish_marts

#: Tables of which a batch holds the whole content.
WHOLE_TABLES = (
    "dim_area",
    "dim_park",
    "dim_enterprise",
    "dim_station",
    "dim_parameter",
    "dim_indicator",
    "dim_period",
    "dim_survey",
    "fct_published_figure",
)
#: Tables of which a batch holds what its own night brought.
AUDIT_TABLES = ("audit_payload", "audit_check", "audit_quarantine", "audit_finding")


@dataclass(frozen=True)
class NightBatch:
    """What one night publishes. Rows are Arrow tables or iterables of mappings with the columns of the target table.

    Columns that publishing maintains itself need not be given: is_current of dim_indicator; first_published_night,
    refreshed_night and catalog_version of fct_indicator_value, and its conf_status where nothing was withheld;
    days_late of fct_report_submission; night of every audit table; number of audit_finding and row_number of
    audit_quarantine (their order); finished_at and published_values of audit_refresh.

    * `tables`: a table of WHOLE_TABLES → its whole content; one that is not given stays as it is. dim_indicator holds
      the rows of `catalog_version`; those of older versions stay.
    * `values`: fct_indicator_value of the pairs (indicator_code, period_code) in `value_scope`. When a night is
      published again its scope must include that of the earlier attempt.
    * `submissions`: fct_report_submission of the period codes in `submission_scope`.
    * `stations`: what stations measured on some days (see StationBatch); other days stay as they are.
    * `surveys`: what some rounds of surveys gave (see SurveyBatch); other rounds stay as they are.
    * `audit`: a table of AUDIT_TABLES → its rows of the night; one that is not given becomes empty for the night.
    * `refresh`: the row of audit_refresh.
    """

    night: str
    catalog_version: str
    refresh: Row
    tables: Mapping[str, Rows] = field(default_factory=dict)
    values: Rows = ()
    value_scope: Collection[tuple[str, str]] = ()
    submissions: Rows = ()
    submission_scope: Collection[str] = ()
    stations: StationBatch = field(default_factory=StationBatch)
    surveys: SurveyBatch = field(default_factory=SurveyBatch)
    audit: Mapping[str, Rows] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parse_night(self.night)
        unknown = sorted({*self.tables} - {*WHOLE_TABLES} | {*self.audit} - {*AUDIT_TABLES})
        if unknown:
            raise ValueError(f"a batch has no tables {unknown}; whole: {WHOLE_TABLES}, audit: {AUDIT_TABLES}")


@dataclass(frozen=True)
class PublishedNight:
    """What publishing did: the change per table and the number of revisions that the night holds."""

    night: str
    changes: Mapping[str, Change]
    revisions: int


def publish_night(url: str, batch: NightBatch) -> PublishedNight:
    """Publish the batch; readers see the old night until all of it is there.

    Raises PublishAuditError when the batch or its result breaks a rule, SchemaMismatchError when the database was made
    for other tables; in both cases nothing has changed.
    """
    engine = open_engine(url)
    with write_transaction(engine) as connection:
        prepare_schema(connection)
        newest = connection.scalar(select(func.max(audit_refresh.c.night)))
        seen_on = max(batch.night, newest or batch.night)
        writer = _Writer(connection, batch.night)
        _publish_whole_tables(writer, batch)
        values, within, change = _publish_values(connection, seen_on, batch)
        writer.note(values, within, change)
        _publish_submissions(writer, batch)
        publish_stations(connection, writer.write, batch.stations)
        publish_surveys(writer.write, batch.surveys)
        _publish_audit(writer, batch, published_values=_count_values(connection, values))
        publish_marts(connection)
        check_published(connection, batch.night, writer.published)
        revisions = select(func.count()).where(fct_indicator_revision.c.night == seen_on)
        return PublishedNight(batch.night, writer.changes, connection.scalar(revisions) or 0)


class _Writer:
    """Loads and merges tables, and remembers what was written so that it can be audited."""

    def __init__(self, connection: Connection, night: str) -> None:
        self.connection = connection
        self.night = night
        self.published: list[tuple[Incoming, Within | None]] = []
        self.changes: dict[str, Change] = {}

    def write(self, target: Table, rows: Iterable[dict[str, Any]], within: Within | None = None) -> None:
        """Make the target, or the part of it that is `within`, equal to the rows."""
        incoming = load_incoming(self.connection, self.night, target, rows)
        self.note(incoming, within, make_equal(self.connection, incoming, within))

    def note(self, incoming: Incoming, within: Within | None, change: Change) -> None:
        """Remember what was written to a table."""
        self.published.append((incoming, within))
        self.changes[incoming.target.name] = change


def _publish_whole_tables(writer: _Writer, batch: NightBatch) -> None:
    for name in WHOLE_TABLES:
        if name in batch.tables and name != "dim_indicator":
            writer.write(metadata.tables[name], iterate_rows(batch.tables[name]))
    if "dim_indicator" in batch.tables:
        _publish_catalog(writer, batch)


def _publish_catalog(writer: _Writer, batch: NightBatch) -> None:
    """The indicators of this catalog version become current; those of older versions stay, no longer current."""

    def is_this_version(rows: Table) -> ColumnElement[bool]:
        return rows.c.catalog_version == batch.catalog_version

    rows = (row | {"is_current": True} for row in iterate_rows(batch.tables["dim_indicator"]))
    writer.write(dim_indicator, rows, is_this_version)
    outdated = update(dim_indicator).where(dim_indicator.c.is_current, ~is_this_version(dim_indicator))
    writer.connection.execute(outdated.values(is_current=False))


def _publish_values(connection: Connection, night: str, batch: NightBatch) -> tuple[Incoming, Within, Change]:
    return publish_values(connection, night, batch.catalog_version, batch.values, batch.value_scope)


def _publish_submissions(writer: _Writer, batch: NightBatch) -> None:
    periods = sorted(set(batch.submission_scope))

    def within(rows: Table) -> ColumnElement[bool]:
        return rows.c.period_code.in_(periods)

    rows = (row | {"days_late": _count_days_late(row)} for row in iterate_rows(batch.submissions))
    writer.write(fct_report_submission, rows, within)


def _count_days_late(row: Row) -> int | None:
    """Whole days after the deadline, 0 when in time; counted here because no date arithmetic is portable SQL."""
    due, submitted = row.get("due_on"), row.get("submitted_on")
    if type(due) is not date or not isinstance(submitted, datetime):
        return None
    return max((submitted.date() - due).days, 0)


def _publish_audit(writer: _Writer, batch: NightBatch, published_values: int) -> None:
    def within(rows: Table) -> ColumnElement[bool]:
        return rows.c.night == batch.night

    rows = {name: iterate_rows(batch.audit.get(name, ())) for name in AUDIT_TABLES}
    rows["audit_quarantine"] = _number_quarantine(rows["audit_quarantine"])
    rows["audit_finding"] = _number_findings(rows["audit_finding"])
    rows["audit_refresh"] = iter([_complete_refresh(batch, published_values)])
    for name, slice_rows in rows.items():
        writer.write(metadata.tables[name], (row | {"night": batch.night} for row in slice_rows), within)


def _number_quarantine(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    counted: Counter[str] = Counter()
    for row in rows:
        table_name = row.get("table_name", "")
        counted[table_name] += 1
        yield row | {"row_number": counted[table_name]}


def _number_findings(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Findings say `table`, a reserved word of SQL, so the column is `table_name` here."""
    for number, row in enumerate(rows, start=1):
        yield {"table_name" if name == "table" else name: value for name, value in row.items()} | {"number": number}


def _complete_refresh(batch: NightBatch, published_values: int) -> dict[str, Any]:
    ours = {"catalog_version": batch.catalog_version, "published_values": published_values}
    return {**batch.refresh, **ours, "finished_at": datetime.now(UTC)}


def _count_values(connection: Connection, incoming: Incoming) -> int:
    return connection.scalar(select(func.count(incoming.table.c.value))) or 0
