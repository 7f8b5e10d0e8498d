"""Who had to report what by when, and what came: one row per expected or received report.

It must not judge what a report says. The surprising fact: a duty that is not due yet has no row at all, so that nobody
is called late before the deadline; a report that came early has one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.duties import register_duties
from kcn_pipeline.indicators.registers import BOARD, situate
from kcn_pipeline.indicators.slices import STAGE, part_of, slices_since
from kcn_pipeline.indicators.touched import Touched
from kcn_pipeline.lake import Lake
from kcn_pipeline.periods import Period, read_period
from kcn_pipeline.schemas import conform, schema_of

TABLE = "report_submissions"
CONTRACT = "report_submission"


@dataclass(frozen=True)
class SubmissionResult:
    """What a night wrote: rows by status, and the periods whose rows were replaced."""

    rows: int
    by_status: dict[str, int]
    periods: tuple[str, ...]


def compute_submissions(lake: Lake, contracts: Contracts, night: str, touched: Touched) -> SubmissionResult:
    """Write `indicators/report_submissions` of the touched periods: enterprise × form × period × revision."""
    periods = [read_period(code) for code in touched.reported_periods]
    with Engine() as engine:
        situate(engine, lake, contracts, periods)
        register_duties(engine, contracts, periods)
        _register_received(engine, lake, contracts, periods)
        engine.materialize("submissions", _submissions_sql(date.fromisoformat(touched.known_until)))
        parts = {}
        for period in periods:
            rows = engine.query(f"SELECT * FROM submissions WHERE period_code = '{period.code}' ORDER BY {_ORDER}")
            parts[part_of(period.code)] = conform(rows, contracts.tables[CONTRACT])
        counts = engine.query("SELECT status, COUNT(*) AS n FROM submissions GROUP BY status ORDER BY status")
    lake.replace(STAGE, TABLE, night, parts, is_state=True)
    by_status = dict(zip(counts.column("status").to_pylist(), counts.column("n").to_pylist(), strict=True))
    return SubmissionResult(sum(by_status.values()), by_status, touched.reported_periods)


_ORDER = "enterprise_id, form_code, park_code, revision"


def _register_received(engine: Engine, lake: Lake, contracts: Contracts, periods: Sequence[Period]) -> None:
    """`received`: accepted submissions, and rejected ones whose sender, form and period are known.

    A report on a park may leave out the developer's tax code; the park's developer is then its sender.
    """
    schema = schema_of(contracts.tables["enterprise_reports"])
    parts = [part_of(period.code) for period in periods]
    engine.register_slices("accepted", lake.slices("validation", "enterprise_reports", parts=parts), schema)
    # A report on a period cannot arrive before the period begins, so older nights need not be read.
    since = min((period.start for period in periods), default=date.max)
    engine.register_slices("refused", slices_since(lake, "quarantine", "enterprise_reports", since), schema)
    reporters = {form.code: form.reporter for form in contracts.forms.values()}
    engine.register("reporters", pa.table({"form_code": [*reporters], "reporter": [*reporters.values()]}))
    sent = """
        SELECT r.report_id, COALESCE(r.enterprise_id, k.developer_id) AS enterprise_id, r.form_code, r.freq,
            r.period_code, r.park_code, r.submitted_on, r.channel, r.required_total, r.required_filled,
            r._payload, r._night, r._file,
            CASE WHEN f.reporter = 'park' THEN r.park_code ELSE '' END AS duty_park, {accepted} AS is_accepted
        FROM {table} AS r
        JOIN periods AS p ON p.period_code = r.period_code
        JOIN reporters AS f ON f.form_code = r.form_code
        LEFT JOIN parks_at AS k
            ON f.reporter = 'park' AND k.park_code = r.park_code AND k.period_code = r.period_code"""
    engine.materialize(
        "received",
        f"""
        SELECT * FROM (
            SELECT s.*, ROW_NUMBER() OVER (PARTITION BY s.is_accepted, s.report_id ORDER BY s._night DESC) AS place
            FROM ({sent.format(table="accepted", accepted="TRUE")} UNION ALL
                  {sent.format(table="refused", accepted="FALSE")}) AS s
            WHERE s.enterprise_id IS NOT NULL AND s.duty_park IS NOT NULL
        ) AS d WHERE d.place = 1
        """,
    )


def _submissions_sql(known_until: date) -> str:
    """Received reports numbered by time, joined with the duties; what is overdue without any is missing."""
    of_duty = "enterprise_id, duty_park, form_code, period_code"
    by_time = "submitted_on, _night, _file, report_id"
    return f"""
        WITH counted AS (
            SELECT r.*, MAX(CASE WHEN r.is_accepted THEN 1 ELSE 0 END) OVER (PARTITION BY {of_duty}) AS has_accepted
            FROM received AS r
        ), numbered AS (
            SELECT c.*, ROW_NUMBER() OVER (PARTITION BY {of_duty} ORDER BY {by_time}) AS revision,
                COUNT(*) OVER (PARTITION BY {of_duty}) AS revisions
            FROM counted AS c WHERE c.is_accepted OR c.has_accepted = 0
        ), matched AS (
            SELECT COALESCE(n.enterprise_id, d.enterprise_id) AS enterprise_id,
                COALESCE(n.form_code, d.form_code) AS form_code, COALESCE(n.freq, d.freq) AS freq,
                COALESCE(n.period_code, d.period_code) AS period_code,
                NULLIF(COALESCE(n.duty_park, d.duty_park), '') AS duty_park, n.park_code AS written_park,
                COALESCE(n.revision, 0) AS revision, n.revision IS NULL OR n.revision = n.revisions AS is_current,
                d.enterprise_id IS NOT NULL AS is_expected, n.is_accepted, n.submitted_on, n.channel,
                n.required_total, n.required_filled, n.report_id, n._payload
            FROM numbered AS n FULL OUTER JOIN duties AS d
                ON n.enterprise_id = d.enterprise_id AND n.duty_park = d.duty_park
                AND n.form_code = d.form_code AND n.period_code = d.period_code
        ), placed AS (
            SELECT m.*, w.due_on, CASE WHEN m.enterprise_id = '{BOARD}' THEN NULL
                ELSE COALESCE(m.duty_park, e.park_code, m.written_park) END AS park_code
            FROM matched AS m
            LEFT JOIN deadlines AS w ON w.form_code = m.form_code AND w.period_code = m.period_code
            LEFT JOIN enterprises_at AS e ON e.enterprise_id = m.enterprise_id AND e.period_code = m.period_code
        )
        SELECT b.*, a.province_code,
            CASE WHEN b.report_id IS NULL THEN 'missing' WHEN NOT b.is_accepted THEN 'rejected'
                WHEN b.due_on IS NULL OR CAST(b.submitted_on AS DATE) <= b.due_on THEN 'on_time'
                ELSE 'late' END AS status
        FROM placed AS b
        LEFT JOIN parks_at AS a ON a.park_code = b.park_code AND a.period_code = b.period_code
        WHERE b.report_id IS NOT NULL OR b.due_on < DATE '{known_until}'
        """
