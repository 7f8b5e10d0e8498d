"""Canonical measures of enterprises: from the accepted cells of forms to one figure per enterprise, period and measure.

It must not compute an indicator. The surprising fact: a resubmitted report replaces the earlier one whole; a cell it
leaves empty is empty, even where the earlier report held a figure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.engine import Engine
from kcn_pipeline.findings import tabulate_findings
from kcn_pipeline.indicators.catalog import factor_columns, factor_names, order_derived
from kcn_pipeline.indicators.contradictions import find_contradictions
from kcn_pipeline.indicators.registers import BOARD, situate
from kcn_pipeline.indicators.slices import STAGE, newest_periods, part_of
from kcn_pipeline.indicators.touched import Touched
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.periods import Period, order_codes, read_period
from kcn_pipeline.schemas import schema_of

TABLE = "enterprise_measures"
FINDINGS = "findings"

#: One row is one enterprise × period × measure that has a figure. A figure added up from quarters names their reports,
#: joined by `+`, and no cell.
SCHEMA = pa.schema(
    [
        ("enterprise_id", pa.string()),
        ("park_code", pa.string()),
        ("freq", pa.string()),
        ("period_code", pa.string()),
        ("measure", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("is_estimated", pa.bool_()),
        ("form_code", pa.string()),
        ("report_id", pa.string()),
        ("_payload", pa.string()),
        ("_file", pa.string()),
        ("_sheet", pa.string()),
        ("_cell", pa.string()),
    ]
)


@dataclass(frozen=True)
class MeasureResult:
    """What a night wrote: figures, how many of them are estimated, and findings."""

    rows: int
    estimated: int
    findings: int
    periods: tuple[str, ...]


def compute_measures(lake: Lake, contracts: Contracts, night: str, touched: Touched) -> MeasureResult:
    """Write `indicators/enterprise_measures` of the touched periods, and what reports contradict in `findings`."""
    periods = [read_period(code) for code in touched.reported_periods]
    reported = [read_period(code) for code in touched.reasons.get("reports", ())]
    with Engine(threads=1) as engine:
        situate(engine, lake, contracts, periods)
        register_current_reports(engine, lake, contracts, _periods_to_read(periods, reported))
        _register_candidates(engine, contracts)
        findings = tabulate_findings(contracts, find_contradictions(engine, contracts, reported))
        _register_measures(engine, periods)
        parts = {
            part_of(code): engine.query(f"{_ALL_MEASURES} WHERE period_code = '{code}' ORDER BY {_ORDER}").cast(SCHEMA)
            for code in touched.reported_periods
        }
    lake.replace(STAGE, TABLE, night, parts, is_state=True)
    lake.replace(STAGE, FINDINGS, night, {WHOLE: findings})
    estimated = sum(sum(filter(None, rows.column("is_estimated").to_pylist())) for rows in parts.values())
    return MeasureResult(
        sum(r.num_rows for r in parts.values()), estimated, findings.num_rows, touched.reported_periods
    )


#: The largest figure there is; quarters whose sum overflows it make no year.
_LARGEST = "1.7976931348623157e308"

_ORDER = "enterprise_id, measure"
_ALL_MEASURES = f"SELECT {', '.join(SCHEMA.names)} FROM measures"


def register_current_reports(engine: Engine, lake: Lake, contracts: Contracts, codes: Iterable[str]) -> None:
    """Register `current_reports`, the newest accepted report per enterprise × form × period, and its `current_cells`.

    `as_certified` is the figure in the currency of the certificate, before any rate: only this adds up over quarters.
    The cells are read from the lake wherever they are asked for; 240,000 of a busy night take 100 MB.
    """
    parts = [part_of(code) for code in codes]
    for name in ("enterprise_reports", "enterprise_report_values"):
        schema = schema_of(contracts.tables[name])
        engine.register_slices(name, lake.slices("validation", name, parts=parts), schema)
    newest_first = "r.submitted_on DESC, r._night DESC, r._file DESC, r.report_id DESC"
    engine.materialize(
        "current_reports",
        f"""
        SELECT c.* FROM (
            SELECT r.*, ROW_NUMBER() OVER (
                PARTITION BY r.enterprise_id, r.form_code, r.period_code ORDER BY {newest_first}) AS place
            FROM enterprise_reports AS r
            WHERE r.enterprise_id IS NOT NULL AND r.enterprise_id <> '{BOARD}'
        ) AS c
        WHERE c.place = 1
        """,
    )
    engine.define(
        "current_cells",
        """
        SELECT c.enterprise_id, c.park_code, c.freq, c.period_code, c.form_id, c.form_code, c.report_id,
            v.field_code, v.column_code, COALESCE(v.record, '') AS record, v.window, v.measure, v.value,
            CASE WHEN v.vnd_per_usd IS NULL THEN v.value
                WHEN v.unit = 'USD' THEN v.value * v.vnd_per_usd
                ELSE v.value / v.vnd_per_usd END AS as_certified,
            v._cell, v._line
        FROM current_reports AS c
        JOIN enterprise_report_values AS v ON v.report_id = c.report_id AND v._night = c._night
        WHERE v.value IS NOT NULL
        """,
    )


def _periods_to_read(periods: Sequence[Period], reported: Sequence[Period]) -> tuple[str, ...]:
    """The touched periods, the quarters they are made of, and the quarters beside those with new reports."""
    codes = {p.code for p in periods} | {quarter.code for p in periods for quarter in p.quarters}
    years = {year for p in reported for year in (p, *p.enclosing) if year.freq == "A"}
    around = {quarter.code for year in years for quarter in year.quarters}
    return order_codes(codes | around)


def _register_candidates(engine: Engine, contracts: Contracts) -> None:
    """`candidates`: the figures of a measure that an enterprise's forms hold for a period, the best form's first."""
    engine.register("measure_forms", _measure_forms(contracts))
    engine.materialize(
        "candidates",
        """
        SELECT c.enterprise_id, c.park_code, c.freq, c.period_code, c.form_id, c.form_code, c.report_id, c.field_code,
            c.measure, c.value, c._cell, c._line, f.unit, f.kind, ROW_NUMBER() OVER (
                PARTITION BY c.enterprise_id, c.period_code, c.measure
                ORDER BY f.place, c.form_code, c.field_code, c.column_code, c.record) AS place
        FROM current_cells AS c JOIN measure_forms AS f ON f.measure = c.measure AND f.form_code = c.form_code
        ORDER BY c.period_code, c.enterprise_id, c.measure, place
        """,
    )


def _register_measures(engine: Engine, periods: Sequence[Period]) -> None:
    """`measures`: the first candidates, and years and half-years that are made of quarters."""
    engine.register("quarters_of", _quarters_of(periods))
    reports = [f"MAX(CASE WHEN q.position = {number} THEN d.report_id END)" for number in (1, 2, 3, 4)]
    engine.materialize(
        "measures",
        f"""
        WITH direct AS (
            SELECT * FROM candidates WHERE place = 1
        ), added AS (
            SELECT d.enterprise_id, q.freq, q.period_code, d.measure, d.unit, q.freq = 'A' AS is_estimated,
                CASE WHEN d.kind = 'flow' THEN SUM(d.value)
                    ELSE MAX(CASE WHEN q.position = q.quarters THEN d.value END) END AS value,
                MAX(CASE WHEN q.position = q.quarters THEN d.form_code END) AS form_code,
                MAX(CASE WHEN q.position = q.quarters THEN d.park_code END) AS park_code,
                {reports[0]} || '+' || {reports[1]}
                    || CASE WHEN q.quarters = 4 THEN '+' || {reports[2]} || '+' || {reports[3]} ELSE '' END AS report_id
            FROM direct AS d JOIN quarters_of AS q ON q.quarter_code = d.period_code
            GROUP BY d.enterprise_id, q.freq, q.period_code, q.quarters, d.measure, d.unit, d.kind
            HAVING COUNT(*) = q.quarters
        ), united AS (
            SELECT enterprise_id, park_code, freq, period_code, measure, value, unit, FALSE AS is_estimated,
                form_code, report_id, _cell
            FROM direct
            UNION ALL
            SELECT a.enterprise_id, a.park_code, a.freq, a.period_code, a.measure, a.value, a.unit, a.is_estimated,
                a.form_code, a.report_id, NULL
            FROM added AS a
            WHERE ABS(a.value) <= {_LARGEST} AND NOT EXISTS (
                SELECT 1 FROM direct AS d WHERE d.enterprise_id = a.enterprise_id
                    AND d.period_code = a.period_code AND d.measure = a.measure)
        )
        SELECT u.enterprise_id, COALESCE(e.park_code, u.park_code) AS park_code, u.freq, u.period_code, u.measure,
            u.value, u.unit, u.is_estimated, u.form_code, u.report_id, r._payload, r._file, r._sheet, u._cell
        FROM united AS u
        JOIN periods AS p ON p.period_code = u.period_code
        LEFT JOIN current_reports AS r ON r.report_id = u.report_id
        LEFT JOIN enterprises_at AS e ON e.enterprise_id = u.enterprise_id AND e.period_code = u.period_code
        """,
    )


def _measure_forms(contracts: Contracts) -> pa.Table:
    """Measure × form code: in which order forms are asked, and the measure's unit and kind."""
    codes = sorted({form.code for form in contracts.forms.values()})
    rows = [
        {
            "measure": measure.name,
            "form_code": code,
            "place": measure.forms.index(code) if code in measure.forms else len(measure.forms),
            "unit": measure.unit,
            "kind": measure.kind,
        }
        for measure in contracts.measures.values()
        for code in codes
        if not measure.derive
    ]
    kinds = {"place": pa.int64()}
    names = ("measure", "form_code", "place", "unit", "kind")
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.string())) for name in names]))


def _quarters_of(periods: Sequence[Period]) -> pa.Table:
    """Year or half-year × quarter: which quarters it is made of and in which position each stands."""
    rows = [
        {
            "period_code": period.code,
            "freq": period.freq,
            "quarter_code": quarter.code,
            "position": position,
            "quarters": len(period.quarters),
        }
        for period in periods
        if period.freq in ("A", "S")
        for position, quarter in enumerate(period.quarters, start=1)
    ]
    kinds = {"position": pa.int64(), "quarters": pa.int64()}
    names = ("period_code", "freq", "quarter_code", "position", "quarters")
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.string())) for name in names]))


# ---- the wide table --------------------------------------------------------------------------------------------------


def register_enterprise_report(
    engine: Engine, lake: Lake, contracts: Contracts, periods: Sequence[Period]
) -> dict[str, str]:
    """Register `enterprise_report`: enterprise × period, a column per measure, derived ones included.

    Returns measure → the column that says (1 or 0) whether the row's figure is estimated.
    """
    slices = newest_periods(lake, TABLE, [period.code for period in periods])
    engine.register_slices("enterprise_measures", slices, SCHEMA)
    engine.register("factors_at", factor_columns(contracts, {period.code: period.end for period in periods}))
    plain = [name for name, measure in contracts.measures.items() if not measure.derive]
    pivot = ", ".join(
        f"MAX(CASE WHEN m.measure = '{name}' THEN m.value END) AS {name}, "
        f"MAX(CASE WHEN m.measure = '{name}' AND m.is_estimated THEN 1 ELSE 0 END) AS {_estimated(name)}"
        for name in plain
    )
    sql = f"""
        SELECT m.enterprise_id, MAX(m.park_code) AS park_code, CAST(NULL AS VARCHAR) AS province_code, m.freq,
            m.period_code,
            MAX(CASE WHEN m.is_estimated THEN 1 ELSE 0 END) = 1 AS is_estimated, {pivot}
        FROM enterprise_measures AS m GROUP BY m.enterprise_id, m.freq, m.period_code"""
    factors = ", ".join(f"f.{name}" for name in factor_names(contracts))
    sql = f"SELECT w.*, {factors} FROM ({sql}) AS w LEFT JOIN factors_at AS f ON f.period_code = w.period_code"
    for name, expression in order_derived(contracts):
        bases = [_estimated(base) for base in expression.columns if base in contracts.measures]
        estimated = " OR ".join(f"d.{base} = 1" for base in bases) or "FALSE"
        sql = f"""
            SELECT d.*, {expression.sql} AS {name}, CASE WHEN {estimated} THEN 1 ELSE 0 END AS {_estimated(name)}
            FROM ({sql}) AS d"""
    engine.materialize("enterprise_report", sql)
    return {name: _estimated(name) for name in contracts.measures}


def _estimated(measure: str) -> str:
    return f"estimated_{measure}"
