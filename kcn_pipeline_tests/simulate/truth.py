"""The truth as small CSV files, for tests to compare with what the pipeline made.

It must not compute anything. The surprising fact: the pipeline never reads these files; they lie beside its inputs and
no feed names their folder.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from kcn_pipeline_tests.simulate.simulation import Truth
from kcn_pipeline_tests.simulate.stations.tables import tabulate
from kcn_pipeline_tests.simulate.surveys import tabulate as tabulate_surveys


def write_truth(truth: Truth, folder: Path, night: str) -> None:
    """Write what is true on a night: values, submissions, rejects and cases, `monitoring_*.csv` and `survey_*.csv`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(
        folder / "indicator_values.csv",
        ("indicator_code", "area_code", "period_code", "value", "obs_status", "n_reporting", "n_expected"),
        (
            (v.indicator_code, v.area_code, v.period_code, _number(v.value), v.obs_status, v.n_reporting, v.n_expected)
            for v in truth.indicator_values(night)
        ),
    )
    _write(
        folder / "submissions.csv",
        ("enterprise_id", "form_code", "period_code", "revision", "status", "due_on"),
        sorted(
            (r["enterprise_id"], r["form_code"], r["period"].code, r["revision"], r["status"], r["due_on"] or "")
            for r in truth.world(night).submissions
        ),
    )
    _write(
        folder / "rejects.csv",
        ("file", "sheet", "line", "cell", "field", "rule"),
        sorted(
            (c.file, c.mark.sheet, str(c.mark.line or ""), c.mark.cell, c.mark.field, c.mark.rule)
            for c in truth.rejects(night)
        ),
    )
    _write(
        folder / "cases.csv",
        ("case", "file", "sheet", "line", "cell", "field", "what", "expected", "rule"),
        (
            (c.case, c.file, c.mark.sheet, c.mark.line, c.mark.cell, c.mark.field, c.what, c.mark.expected, c.mark.rule)
            for c in truth.cases
            if c.night <= night
        ),
    )
    for name, (header, rows) in tabulate(truth.history, night).items():
        _write(folder / f"monitoring_{name}.csv", header, rows)
    tables = tabulate_surveys(truth.surveys, night) if truth.surveys.written.files else {}
    for name, table in tables.items():
        _write(folder / f"survey_{name}.csv", *table)


def _number(value: float | None) -> str:
    """Twelve significant digits: more than the data hold, fewer than differ from one machine to the next."""
    return "" if value is None else f"{value:.12g}"


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
