"""The board's register workbook → one table per sheet, as the table contracts describe their sheets.

It must not compare with earlier registers (that is `validation/versions.py`). The surprising fact: no sheet has code
of its own; a new register sheet is a new file in `contracts/tables/`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.tables import Column, Table
from kcn_pipeline.findings import Finding, Place
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.staging.enterprise_reports import StagedPayload, StageResult, internal_error, place_of, write_stage
from kcn_pipeline.staging.forms.cells import write_raw, yes_no_of
from kcn_pipeline.staging.parks import ParkNames
from kcn_pipeline.staging.units import Units, conversion
from kcn_pipeline.staging.vietnamese import (
    Convention,
    canonical,
    clean,
    decide_convention,
    fold,
    is_missing,
    read_date,
    read_excel_date,
    read_number,
    read_tax_code,
)
from kcn_pipeline.staging.workbooks import Cell, PayloadRejectedError, Rows, Sheet, cell_address, read_sheets

TOPIC = "register"
_AS_OF = re.compile(r"(?:tính đến|đến ngày|as of)[^0-9]{0,20}(\d{1,2}[/.-]\d{1,2}[/.-]\d{4})", re.IGNORECASE)
_HEADER_ROWS = 20
_UNIT_IN_HEADER = re.compile(r"\(([^()]+)\)\s*$")


@dataclass(frozen=True)
class _Heading:
    """Where a contract column stands on a sheet, and what its figures are multiplied by."""

    column: Column
    at: int
    factor: float
    convention: Convention | None


class RegisterReader:
    """Reads register workbooks by the table contracts of the topic `register`."""

    def __init__(self, contracts: Contracts) -> None:
        self.contracts = contracts
        self.tables = [table for table in contracts.topic_tables(TOPIC) if table.sheet]
        self.units, self.parks = Units(contracts), ParkNames(contracts)
        self.yes_no = yes_no_of(contracts)
        self.codes = {
            name: {
                fold(spelling) or spelling: code.code
                for code in codes.codes
                for spelling in (code.code, code.label.vi, code.label.en, *code.spellings)
            }
            for name, codes in contracts.code_lists.items()
        }

    def read_payload(
        self, place: Place, content: bytes, modified_at: str | None
    ) -> tuple[dict[str, list[dict[str, Any]]], list[Finding]]:
        """Rows by table, and findings; sheets that no contract knows are ignored visibly."""
        try:
            sheets = read_sheets(place.file, content)
        except PayloadRejectedError as refusal:
            return {}, [Finding(refusal.rule, "payload", TOPIC, place, said={"detail": refusal.detail})]
        as_of = _find_as_of(sheets) or (date.fromisoformat(modified_at[:10]) if modified_at else None)
        rows: dict[str, list[dict[str, Any]]] = {}
        findings: list[Finding] = []
        for sheet in sheets:
            table = self._table_of(sheet)
            here = replace(place, sheet=sheet.name)
            if table is None:
                findings.append(Finding("sheet_ignored", "payload", TOPIC, here))
                continue
            rows[table.table] = list(self._read_sheet(table, sheet, here, as_of, findings))
        if not rows:
            expected = "; ".join(table.sheet.names[0] for table in self.tables if table.sheet)
            found = "; ".join(sheet.name for sheet in sheets)
            findings.append(
                Finding("sheet_missing", "payload", TOPIC, place, said={"expected": expected, "found": found})
            )
        return rows, findings

    def _table_of(self, sheet: Sheet) -> Table | None:
        name = fold(sheet.name)
        for table in self.tables:
            if table.sheet and any(fold(known) == name for known in table.sheet.names):
                return table
        return None

    def _read_sheet(
        self, table: Table, sheet: Sheet, place: Place, as_of: date | None, findings: list[Finding]
    ) -> Iterator[dict[str, Any]]:
        head, headings = self._find_headings(table, sheet.rows)
        missing = [
            c for c in table.columns if c.required and c.labels and c.name not in {h.column.name for h in headings}
        ]
        for column in missing:
            said = {
                "expected": "; ".join(column.labels),
                "found": "; ".join(str(cell) for cell in sheet.rows[head] if cell),
            }
            findings.append(
                Finding("header_missing", "batch", table.table, replace(place, line=head + 1), column.name, said=said)
            )
        for number in range(head + 1, len(sheet.rows)):
            row = sheet.rows[number]
            filled = sum(row[heading.at] != "" for heading in headings)
            if filled == 0 or (filled == 1 and len(headings) > 3) or _is_total(row):
                continue
            yield self._read_row(table, headings, row, replace(place, line=number + 1), as_of, findings)

    def _find_headings(self, table: Table, rows: Rows) -> tuple[int, list[_Heading]]:
        """The header row (the one with most known labels) and the columns it names."""
        labels = {fold(label): column for column in table.columns for label in column.labels}
        bare = {fold(_UNIT_IN_HEADER.sub("", label)): column for label, column in
                ((label, column) for column in table.columns for label in column.labels)}  # fmt: skip
        best, head = {}, 0  # type: dict[str, tuple[int, str]], int
        for number, row in enumerate(rows[:_HEADER_ROWS]):
            found: dict[str, tuple[int, str]] = {}
            for at, cell in enumerate(row):
                text = clean(cell) if isinstance(cell, str) else ""
                column = labels.get(fold(text)) or bare.get(fold(_UNIT_IN_HEADER.sub("", text)))
                if text and column and column.name not in found:
                    found[column.name] = at, text
            if len(found) > len(best):
                best, head = found, number
        return head, [
            _Heading(table.column(name), at, self._factor_of(table.column(name), text), _decide(rows, head, at))
            for name, (at, text) in best.items()
        ]

    def _factor_of(self, column: Column, header: str) -> float:
        """What the header's unit makes of a figure; NaN when the unit does not fit, so that no figure comes out."""
        match = _UNIT_IN_HEADER.search(header)
        if column.unit is None or match is None:
            return 1.0
        written = self.units.find(match[1])
        factor = conversion(written, self.contracts.units[column.unit], None) if written else None
        return float("nan") if factor is None else factor

    def _read_row(
        self,
        table: Table,
        headings: list[_Heading],
        row: Any,
        place: Place,
        as_of: date | None,
        findings: list[Finding],
    ) -> dict[str, Any]:
        line = place.line or 0
        values: dict[str, Any] = {"as_of": as_of}
        problem: tuple[str, str] | None = None
        for heading in headings:
            cell = row[heading.at]
            value, trouble = self._read_cell(heading, cell)
            values[heading.column.name] = value
            if trouble:
                at = cell_address(line - 1, heading.at)
                label = heading.column.label.vi if heading.column.label else heading.column.name
                problem = problem or (trouble, f"{label} [{at}]: {write_raw(cell)}")
        if "period_code" in {column.name for column in table.columns} and values.get("year"):
            values["period_code"] = str(values["year"])
        return values | {
            "_source": place.source,
            "_payload": place.payload,
            "_file": place.file,
            "_sheet": place.sheet,
            "_cell": f"A{line}",
            "_line": line,
            "_problem": problem[0] if problem else None,
            "_problem_detail": problem[1] if problem else None,
        }

    def _read_cell(self, heading: _Heading, cell: Cell) -> tuple[Any, str | None]:
        """The typed value of a cell and the rule it breaks, if any."""
        column = heading.column
        if cell == "" or (isinstance(cell, str) and is_missing(cell) and column.type != "boolean"):
            return None, None
        if column.name == "tax_code":
            read = read_tax_code(cell if isinstance(cell, (str, float)) else str(cell))
            return read.value, None if read.value else "unreadable_tax_code"
        if column.name == "park_code":
            code = self.parks.find(str(cell))
            return code or str(cell).strip(), None if code else "unknown_park_name"
        if column.type in ("number", "integer"):
            return self._read_number(heading, cell)
        if column.type == "boolean":
            said = self.yes_no.get(fold(str(cell)) or str(cell).strip()) if isinstance(cell, str) else _as_boolean(cell)
            return said, None if said is not None else "unknown_code"
        if column.type == "date":
            return _read_day(cell)
        text = canonical(clean(cell)) if isinstance(cell, str) else write_raw(cell)
        if column.codes:
            code = self.codes[column.codes].get(fold(text) or text)
            return code or text, None if code else "unknown_code"
        return text, None

    def _read_number(self, heading: _Heading, cell: Cell) -> tuple[float | int | None, str | None]:
        if isinstance(cell, (bool, date, datetime)):
            return None, "unreadable_number"
        if isinstance(cell, str):
            number = read_number(cell, heading.convention)
            if number.problem or number.value is None:
                return None, number.problem
            figure = number.value
        else:
            figure = float(cell)  # type: ignore[arg-type]
        if heading.factor != heading.factor:
            return None, "unknown_unit"
        figure *= heading.factor
        if heading.column.type == "integer":
            return (int(figure), None) if figure == int(figure) else (None, "unreadable_number")
        return figure, None


def stage_register(lake: Lake, contracts: Contracts, night: str, payloads: Iterable[StagedPayload]) -> StageResult:
    """Read the register workbooks and replace the night's staging slices; never raises for what a payload holds."""
    reader = RegisterReader(contracts)
    rows: dict[str, list[dict[str, Any]]] = {table.table: [] for table in reader.tables}
    findings: list[Finding] = []
    count = refused = 0
    for payload in payloads:
        count += 1
        place = place_of(payload)
        try:
            own, found = reader.read_payload(place, payload.content, payload.modified_at)
        except Exception as error:
            own, found = {}, [internal_error(TOPIC, place, error)]
        refused += not own
        findings += found
        for name, read in own.items():
            rows[name] += [row | {"_night": night} for row in read]
    tables = {table.table: pa.Table.from_pylist(rows[table.table], schema=schema_of(table)) for table in reader.tables}
    return write_stage(lake, contracts, TOPIC, night, tables, findings, count, refused)


def _find_as_of(sheets: Iterable[Sheet]) -> date | None:
    for sheet in sheets:
        for row in sheet.rows[:_HEADER_ROWS]:
            for cell in row:
                if isinstance(cell, str) and (match := _AS_OF.search(clean(cell))):
                    return read_date(match[1]).value
    return None


def _read_day(cell: Cell) -> tuple[date | None, str | None]:
    if isinstance(cell, datetime):
        return cell.date(), None
    if isinstance(cell, date):
        return cell, None
    read = read_excel_date(cell) if isinstance(cell, (int, float)) else read_date(str(cell))
    return read.value, read.problem


def _as_boolean(cell: Cell) -> bool | None:
    return bool(cell) if isinstance(cell, (bool, int, float)) and cell in (0, 1) else None


def _decide(rows: Rows, head: int, at: int) -> Convention | None:
    texts = [cell for row in rows[head + 1 :] if isinstance(cell := row[at], str) and any(map(str.isdigit, cell))]
    decision = decide_convention(texts) if texts else None
    return None if decision == "conflict" else decision


def _is_total(row: Any) -> bool:
    first = next((cell for cell in row if cell != ""), "")
    return isinstance(first, str) and fold(first).startswith("tong cong")
