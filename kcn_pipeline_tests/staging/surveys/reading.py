"""Reads survey files as a night does and gives the staged rows; builds workbooks from cells kept as text.

It must not judge what comes out. The surprising fact: a workbook of several sheets is one CSV here, in which a line
`## name` begins a sheet, so that a case can be read in any editor.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl

from kcn_pipeline.contracts import Contracts, load_contracts
from kcn_pipeline.findings import Finding, Place, tabulate_findings
from kcn_pipeline.staging.surveys.collect import Collector
from kcn_pipeline.staging.surveys.recognise import Recogniser
from kcn_pipeline.staging.surveys.spreadsheets import read_spreadsheet
from kcn_pipeline.staging.surveys.tables import tabulate

SECRET = b"a secret of the tests only"
NIGHT = "2026-05-02"


@cache
def contracts() -> Contracts:
    """The packaged contracts, loaded once."""
    return load_contracts()


@cache
def recogniser() -> Recogniser:
    """What headers mean is looked up once for all tests."""
    return Recogniser(contracts())


@dataclass(frozen=True)
class Staged:
    """What came of one or more files."""

    was_read: list[bool]
    responses: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    invitations: list[dict[str, Any]]
    findings: list[Finding]

    @property
    def rules(self) -> list[str]:
        """The rules of the findings."""
        return [finding.rule for finding in self.findings]

    def answered(self, line: int, sheet: str | None = None) -> dict[str, Any]:
        """What the response on a line answered: score, choice or comment by question, problems as `!rule`."""
        rows = [row for row in self.answers if row["_line"] == line and sheet in (None, row["_sheet"])]
        return {row["question"]: say(row) for row in rows}

    @property
    def shown(self) -> str:
        """Everything that was staged and found, as one text."""
        table = tabulate_findings(contracts(), self.findings).to_pylist()
        return repr([self.responses, self.answers, self.invitations, table])


def say(row: dict[str, Any]) -> Any:
    """What an answer says."""
    if row["problem"]:
        return f"!{row['problem']}"
    return next((row[name] for name in ("score", "choice", "comment") if row[name] is not None), None)


def stage(name: str, content: bytes) -> Staged:
    """Stage one file."""
    return stage_all([(name, content)])


def stage_all(files: Iterable[tuple[str, bytes]]) -> Staged:
    """Stage the files of one night."""
    collector = Collector(contracts(), SECRET)
    was_read = [
        read_spreadsheet(collector, recogniser(), Place("surveys", "f" * 64, name), content, {})
        for name, content in files
    ]
    tables = tabulate(collector, NIGHT)
    rows = {name: [row for part in parts.values() for row in part.to_pylist()] for name, parts in tables.items()}
    assert tabulate_findings(contracts(), collector.findings).num_rows == len(collector.findings)
    return Staged(
        was_read, rows["survey_responses"], rows["survey_answers"], rows["survey_invitations"], collector.findings
    )


def open_case(folder: Path) -> tuple[str, bytes]:
    """The file of a case: `input.csv` as it is, or `input.xlsx.csv` made a workbook."""
    if (folder / "input.csv").exists():
        return f"{folder.name}.csv", (folder / "input.csv").read_bytes()
    return f"{folder.name}.xlsx", write_workbook((folder / "input.xlsx.csv").read_text("utf-8"))


def write_workbook(text: str) -> bytes:
    """A workbook from CSV: a line `## name` begins a sheet; figures and times become such cells, `'12` the text 12."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    sheet, number = None, 0
    for row in csv.reader(io.StringIO(text, newline="")):
        if row and row[0].startswith("## "):
            sheet, number = workbook.create_sheet(row[0].removeprefix("## ")), 0
            continue
        number += 1
        for at, cell in enumerate(row, start=1):
            if cell and sheet is not None:
                sheet.cell(number, at).value = _typed(cell)
    return save(workbook)


def save(workbook: openpyxl.Workbook) -> bytes:
    """The bytes of a workbook."""
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def _typed(cell: str) -> str | float | datetime:
    if cell.startswith("'"):
        return cell[1:]
    try:
        return float(cell)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        return cell
    # A workbook knows no zones; a time that names one is text.
    return cell if moment.tzinfo else moment
