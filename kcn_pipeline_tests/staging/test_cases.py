"""Runs every folder of `cases/enterprise_report_values`: one sheet in, the figures that must come out."""

import csv
import io
from pathlib import Path

import openpyxl
import pytest

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.findings import Finding, Place
from kcn_pipeline.staging.forms import FormReader, tabulate_reports

CASES = Path(__file__).parent.parent / "cases" / "enterprise_report_values"
MODIFIED_AT = "2026-04-12T08:00:00+07:00"


def _payload(case: Path) -> tuple[str, bytes]:
    if (case / "input.csv").exists():
        return "report.csv", (case / "input.csv").read_bytes()
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    with (case / "input.xlsx.csv").open(newline="") as handle:
        for number, row in enumerate(csv.reader(handle), start=1):
            for at, cell in enumerate(row, start=1):
                if cell:
                    sheet.cell(number, at).value = _typed(cell)
    buffer = io.BytesIO()
    workbook.save(buffer)
    return "report.xlsx", buffer.getvalue()


def _typed(cell: str) -> str | float:
    if cell.startswith("'"):
        return cell[1:]
    try:
        return float(cell)
    except ValueError:
        return cell


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def _same(expected: str, found: object) -> bool:
    if isinstance(found, float):
        return expected != "" and found == pytest.approx(float(expected), rel=1e-12)
    return expected == ("" if found is None else str(found))


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_case(case: str) -> None:
    contracts = load_contracts()
    reader = FormReader(contracts)
    name, content = _payload(CASES / case)
    drafts, findings = reader.read_payload(Place("cases", "0" * 64, name), content, {}, MODIFIED_AT)
    assert drafts, findings
    _, values, more = tabulate_reports(contracts, reader.units, reader.parks, drafts, "2026-04-12")
    rows = {(row["field_code"], row["column_code"], row["record"]): row for row in values.to_pylist()}

    expected = _rows(CASES / case / "expected.csv")
    assert expected
    wrong = [
        f"{key}: {column} is {rows[key][column]!r}, expected {text!r}"
        for want in expected
        for key in [(want["field_code"], want["column_code"], want["record"])]
        for column, text in want.items()
        if not _same(text, rows[key][column])
    ]
    assert wrong == []
    _check_findings(CASES / case / "expected_findings.csv", [*findings, *more])


def _check_findings(path: Path, found: list[Finding]) -> None:
    if not path.exists():
        return
    told = [{"rule": f.rule, "field": f.field or "", "cell": f.place.cell or "", "value": f.value or ""} for f in found]
    missing = [want for want in _rows(path) if not any(want.items() <= one.items() for one in told)]
    assert missing == [], told
