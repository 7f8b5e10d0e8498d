"""What reports contradict: a year to date that the quarters do not add up to, two forms with different figures.

It must not correct anything; both figures stay as filed. The surprising fact: the cell that is named may be right, the
mistake being in the earlier quarter or in the other form, so the finding asks instead of telling.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.engine import Engine
from kcn_pipeline.findings import Finding, Place
from kcn_pipeline.periods import Period

#: Figures that differ by a larger share than this contradict each other; rounding in a form stays below it. It is a
#: share of the year to date: of a small quarter, a figure rounded to a million dong would be off by more.
YEAR_TO_DATE_TOLERANCE = 0.005
FORMS_TOLERANCE = 0.01

_TABLE = "enterprise_report_values"
_PLACE = "r._source, r._payload, r._file, r._sheet, {cell}._cell, {cell}._line"


def find_contradictions(engine: Engine, contracts: Contracts, reported: Sequence[Period]) -> list[Finding]:
    """Contradictions in the periods with new reports; needs `current_cells` and `candidates`."""
    engine.register("reported", pa.table({"period_code": pa.array([p.code for p in reported], pa.string())}))
    return [*_years_to_date(engine, contracts, reported), *_forms(engine, contracts, reported), *_projects(engine)]


def _years_to_date(engine: Engine, contracts: Contracts, reported: Sequence[Period]) -> Iterator[Finding]:
    """Quarterly reports whose year to date is not that of the quarter before plus this quarter."""
    engine.register("steps", _steps(reported))
    same = "{a}.enterprise_id = {b}.enterprise_id AND {a}.form_code = {b}.form_code AND {a}.field_code = {b}.field_code"
    same += " AND {a}.record = {b}.record"
    before = "COALESCE(e.as_certified, 0)"
    rows = engine.query(f"""
        SELECT y.form_id, y.field_code, y.value, y.as_certified, {before} + q.as_certified AS expected,
            {_PLACE.format(cell="y")}
        FROM current_cells AS y
        JOIN current_reports AS r ON r.report_id = y.report_id
        JOIN steps AS s ON s.period_code = y.period_code
        JOIN current_cells AS q ON {same.format(a="q", b="y")} AND q.period_code = y.period_code AND q.window = 'period'
        LEFT JOIN current_cells AS e
            ON {same.format(a="e", b="y")} AND e.period_code = s.before_code AND e.window = 'year_to_date'
        WHERE y.window = 'year_to_date' AND (s.before_code IS NULL OR e.value IS NOT NULL)
            AND {_differ("y.as_certified", f"({before} + q.as_certified)", YEAR_TO_DATE_TOLERANCE)}
        ORDER BY y.period_code, y.enterprise_id, y.form_code, y.field_code, y.record
        """)
    for row in rows.to_pylist():
        said = {"found": _write(row["as_certified"]), "expected": _write(row["expected"])}
        yield _at_cell("year_to_date_mismatch", row, {"field": _name_field(contracts, row)} | said)


def _steps(reported: Sequence[Period]) -> pa.Table:
    """Quarters to check and the quarter before each in its year: those with new reports, and those that follow them."""
    quarters = {p for p in reported if p.freq == "Q"}
    quarters |= {Period(p.year, "Q", p.number + 1) for p in quarters if p.number < 4}
    steps = sorted((p.code, p.previous.code if p.number > 1 else None) for p in quarters)
    arrays = [pa.array([step[at] for step in steps], pa.string()) for at in (0, 1)]
    return pa.table(arrays, names=["period_code", "before_code"])


def _forms(engine: Engine, contracts: Contracts, reported: Sequence[Period]) -> Iterator[Finding]:
    """Two forms of one enterprise and period that feed one measure with different figures."""
    rows = engine.query(f"""
        SELECT o.measure, o.period_code, o.form_code, o.field_code, o.value, b.value AS best_value,
            b.form_code AS best_form, {_PLACE.format(cell="o")}
        FROM candidates AS o
        JOIN current_reports AS r ON r.report_id = o.report_id
        JOIN reported AS p ON p.period_code = o.period_code
        JOIN candidates AS b ON b.enterprise_id = o.enterprise_id AND b.period_code = o.period_code
            AND b.measure = o.measure AND b.place = 1
        WHERE o.place > 1 AND {_differ("o.value", "b.value", FORMS_TOLERANCE)}
        ORDER BY o.period_code, o.enterprise_id, o.measure, o.place
        """)
    for row in rows.to_pylist():
        measure = contracts.measures[row["measure"]]
        said = {
            "field": f"{measure.label.vi} ({measure.name})",
            "found": f"{row['form_code']}: {_write(row['value'])}",
            "expected": f"{row['best_form']}: {_write(row['best_value'])}",
            "detail": row["period_code"],
        }
        yield _at_cell("forms_disagree", row, said)


def _projects(engine: Engine) -> Iterator[Finding]:
    """Reports of one enterprise, form and period that name several certificates: only the newest of them counts."""
    rows = engine.query("""
        SELECT r.enterprise_id, r.form_code, r.period_code, r.certificate_number,
            r._source, r._payload, r._file, r._sheet, r._cell, r._line
        FROM enterprise_reports AS r
        JOIN reported AS p ON p.period_code = r.period_code
        JOIN (
            SELECT enterprise_id, form_code, period_code FROM enterprise_reports
            WHERE certificate_number IS NOT NULL AND enterprise_id IS NOT NULL
            GROUP BY enterprise_id, form_code, period_code HAVING COUNT(DISTINCT certificate_number) > 1
        ) AS t ON t.enterprise_id = r.enterprise_id AND t.form_code = r.form_code AND t.period_code = r.period_code
        ORDER BY r.enterprise_id, r.form_code, r.period_code, r.submitted_on, r._night, r._file, r.report_id
        """)
    for (_, form, period), group in groupby(
        rows.to_pylist(), lambda r: (r["enterprise_id"], r["form_code"], r["period_code"])
    ):
        reports = list(group)
        place = _place(reports[-1])
        certificates = ", ".join(sorted({row["certificate_number"] for row in reports if row["certificate_number"]}))
        said = {"found": certificates, "detail": f"{form} {period}"}
        yield Finding(
            "another_project", "report", "enterprise_reports", place, "certificate_number", certificates, said
        )


def _place(row: dict[str, Any]) -> Place:
    return Place(row["_source"], row["_payload"], row["_file"], row["_sheet"], row["_cell"], row["_line"])


def _at_cell(rule: str, row: dict[str, Any], said: dict[str, str]) -> Finding:
    return Finding(rule, "cell", _TABLE, _place(row), row["field_code"], _write(row["value"]), said)


def _differ(one: str, other: str, tolerance: float) -> str:
    """SQL: two figures are further apart than a share of the larger."""
    return f"ABS({one} - {other}) > {tolerance} * GREATEST(ABS({one}), ABS({other}))"


def _name_field(contracts: Contracts, row: dict[str, Any]) -> str:
    form = contracts.forms.get(row["form_id"])
    labels = {field.code: field.label for field in form.fields} if form else {}
    return " ".join(filter(None, (row["field_code"], labels.get(row["field_code"]))))


def _write(value: float) -> str:
    return f"{value:.15g}"
