"""The board's register workbook → one table per sheet, as the table contracts describe their sheets.

It must not compare with earlier registers (that is `validation/versions.py`). The surprising fact: no sheet has code
of its own; a new register sheet is a new file in `contracts/tables/`.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.tables import Column, Table
from kcn_pipeline.findings import Finding, Place
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.staging.enterprise_reports import StagedPayload, StageResult, internal_error, place_of, write_stage
from kcn_pipeline.staging.forms.cells import write_raw, yes_no_of
from kcn_pipeline.staging.parks import ParkNames
from kcn_pipeline.staging.register_day import TITLE_ROWS, date_workbook, is_blank, read_day
from kcn_pipeline.staging.units import Units, conversion
from kcn_pipeline.staging.vietnamese import (
    Convention,
    canonical,
    clean,
    decide_convention,
    fold,
    is_missing,
    read_number,
    read_tax_code,
)
from kcn_pipeline.staging.workbooks import Cell, PayloadRejectedError, Rows, Sheet, cell_address, read_sheets

TOPIC = "register"
#: The letters as they are: `tổng công ty` is a kind of firm.
_TOTALS = frozenset({"tổng", "tổng cộng", "tổng số", "cộng"})
_LONGEST_KEY = 20
_LONGEST_QUOTE = 200
_UNIT_IN_HEADER = re.compile(r"\(([^()]+)\)\s*$")


@dataclass(frozen=True)
class _Heading:
    """Where a contract column stands on a sheet, and what its figures are multiplied by."""

    column: Column
    at: int
    factor: float
    convention: Convention | None


@dataclass(frozen=True)
class _Page:
    """A sheet of the workbook with the table it holds, its header row and the columns found there."""

    table: Table
    sheet: Sheet
    place: Place
    head: int
    headings: list[_Heading]

    def is_error(self, row: int, column: int) -> bool:
        """Whether a cell is empty only because its formula has no value; it says nothing, not even "no value"."""
        if self.sheet.rows[row][column] != "" or not self.sheet.error_cells:
            return False
        return cell_address(row, column) in self.sheet.error_cells


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
        """Rows by table, and findings; no rows when the payload is refused. What is not read is named in a finding."""
        try:
            sheets = read_sheets(place.file, content)
        except PayloadRejectedError as refusal:
            return {}, [Finding(refusal.rule, "payload", TOPIC, place, said={"detail": refusal.detail})]
        pages = [self._open(table, sheet, place) for sheet in sheets if (table := self._table_of(sheet))]
        findings = self._compare_sheets(sheets, pages, place)
        if not pages:
            return {}, findings
        known = {page.sheet.name for page in pages}
        others = [sheet for sheet in sheets if sheet.name not in known]
        as_of, doubt = date_workbook([(page.sheet, page.head) for page in pages], others, place, modified_at)
        findings += [doubt] if doubt else []
        if doubt and doubt.rule != "as_of_missing":
            return {}, findings
        rows: dict[str, list[dict[str, Any]]] = {page.table.table: [] for page in pages}
        for page in pages:
            rows[page.table.table] += self._read_page(page, as_of, findings)
        if not any(rows.values()):
            said = {"found": "; ".join(page.sheet.name for page in pages)}
            return {}, [*findings, Finding("register_empty", "payload", TOPIC, place, said=said)]
        return rows, findings

    def _table_of(self, sheet: Sheet) -> Table | None:
        name = fold(sheet.name)
        for table in self.tables:
            if table.sheet and any(fold(known) == name for known in table.sheet.names):
                return table
        return None

    def _open(self, table: Table, sheet: Sheet, place: Place) -> _Page:
        return _Page(table, sheet, replace(place, sheet=sheet.name), *self._find_headings(table, sheet.rows))

    def _compare_sheets(self, sheets: Sequence[Sheet], pages: Sequence[_Page], place: Place) -> list[Finding]:
        """The sheets that no contract knows, that stand twice for one table, and that are not there."""
        known = {page.sheet.name for page in pages}
        findings = [
            Finding("sheet_ignored", "payload", TOPIC, replace(place, sheet=sheet.name))
            for sheet in sheets
            if sheet.name not in known
        ]
        for table in self.tables:
            names = [page.sheet.name for page in pages if page.table is table]
            if len(names) > 1:
                said = {"found": "; ".join(names)}
                findings.append(Finding("sheet_twice", "payload", table.table, place, said=said))
        read = {page.table.table for page in pages}
        absent = [table.sheet.names[0] for table in self.tables if table.sheet and table.table not in read]
        is_one_by_nature = any(sheet.has_lines for sheet in sheets)
        if absent and not (pages and is_one_by_nature):
            said = {"expected": "; ".join(absent), "found": "; ".join(sheet.name for sheet in sheets)}
            rule = "sheets_absent" if pages else "sheet_missing"
            findings.append(Finding(rule, "payload", TOPIC, place, said=said))
        return findings

    def _read_page(self, page: _Page, as_of: date | None, findings: list[Finding]) -> Iterator[dict[str, Any]]:
        table, rows = page.table, page.sheet.rows
        named = {heading.column.name for heading in page.headings}
        for column in (c for c in table.columns if c.required and c.labels and c.name not in named):
            found = "; ".join(str(cell) for cell in rows[page.head] if cell) if rows else ""
            said = {"expected": "; ".join(column.labels), "found": found}
            here = replace(page.place, line=page.head + 1)
            findings.append(Finding("header_missing", "batch", table.table, here, column.name, said=said))
        for number in range(page.head + 1, len(rows)):
            kind = self._classify(page, number)
            if kind == "row":
                yield self._read_row(page, number, as_of)
            elif kind == "note":
                findings.append(_ignored(page, number))

    def _classify(self, page: _Page, number: int) -> Literal["row", "note", "nothing"]:
        """Whether a line is a row of the table, a note beside it, or nothing: blank, a total, a running number."""
        row = page.sheet.rows[number]
        filled = [heading for heading in page.headings if not is_blank(row[heading.at])]
        if _is_total(page, row):
            return "nothing"
        if any(page.is_error(number, heading.at) for heading in page.headings):
            return "row"
        if not filled:
            return "note" if _says_something(row) else "nothing"
        is_row = len(filled) > 1 or len(page.headings) <= 3 or self._may_be_key(page.table, filled[0], row)
        return "row" if is_row else "note"

    def _may_be_key(self, table: Table, heading: _Heading, row: Sequence[Cell]) -> bool:
        """Whether the only cell of a row looks like a key, so that the row lost its values and is no remark."""
        cell = row[heading.at]
        if heading.column.name not in table.key or not isinstance(cell, str):
            return heading.column.name in table.key
        text = clean(cell)
        if heading.column.name == "park_code" and self.parks.find(text):
            return True
        is_code = " " not in text or (len(text) <= _LONGEST_KEY and any(map(str.isdigit, text)))
        return is_code and not text.endswith(":")

    def _find_headings(self, table: Table, rows: Rows) -> tuple[int, list[_Heading]]:
        """The header row (the one with most known labels) and the columns it names."""
        labels = {fold(label): column for column in table.columns for label in column.labels}
        bare = {fold(_UNIT_IN_HEADER.sub("", label)): column for label, column in
                ((label, column) for column in table.columns for label in column.labels)}  # fmt: skip
        best, head = {}, 0  # type: dict[str, tuple[int, str]], int
        for number, row in enumerate(rows[:TITLE_ROWS]):
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

    def _read_row(self, page: _Page, number: int, as_of: date | None) -> dict[str, Any]:
        row, place, line = page.sheet.rows[number], page.place, number + 1
        values: dict[str, Any] = {"as_of": as_of}
        problem: tuple[str, str] | None = None
        for heading in page.headings:
            cell = row[heading.at]
            value, trouble = self._read_cell(heading, cell)
            written = write_raw(cell)
            if page.is_error(number, heading.at):
                trouble, written = "formula_error", "=…"
            values[heading.column.name] = value
            if trouble:
                at = cell_address(number, heading.at)
                label = heading.column.label.vi if heading.column.label else heading.column.name
                problem = problem or (trouble, f"{label} [{at}]: {written}")
        if "period_code" in {column.name for column in page.table.columns} and values.get("year"):
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
        if _says_nothing(column, cell):
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
            return read_day(cell)
        text = canonical(clean(cell)) if isinstance(cell, str) else write_raw(cell)
        if column.codes:
            code = self.codes[column.codes].get(fold(text) or text)
            return code or text, None if code else "unknown_code"
        return text, None

    def _read_number(self, heading: _Heading, cell: Cell) -> tuple[float | int | None, str | None]:
        if isinstance(cell, str):
            number = read_number(cell, heading.convention)
            if number.problem or number.value is None:
                return None, number.problem or "unreadable_number"
            figure = number.value
        elif isinstance(cell, (int, float)) and not isinstance(cell, bool):
            figure = float(cell)
        else:
            return None, "unreadable_number"
        if math.isnan(heading.factor):
            return None, "unknown_unit"
        figure *= heading.factor
        if not math.isfinite(figure):
            return None, "unreadable_number"
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


# ---- cells and lines -------------------------------------------------------------------------------------------


def _as_boolean(cell: Cell) -> bool | None:
    return bool(cell) if isinstance(cell, (bool, int, float)) and cell in (0, 1) else None


def _decide(rows: Rows, head: int, at: int) -> Convention | None:
    texts = [cell for row in rows[head + 1 :] if isinstance(cell := row[at], str) and any(map(str.isdigit, cell))]
    decision = decide_convention(texts) if texts else None
    return None if decision == "conflict" else decision


def _says_nothing(column: Column, cell: Cell) -> bool:
    """Whether a cell is empty or says "no value"; in a column of figures `NaN` is a failed calculation instead."""
    if not isinstance(cell, str) or column.type == "boolean":
        return cell == ""
    is_failed = column.type in ("number", "integer") and fold(cell) == "nan"
    return is_missing(cell) and not is_failed


def _is_total(page: _Page, row: Sequence[Cell]) -> bool:
    """Whether a line sums up the table: it says so in its first filled cell and names no thing by its key."""
    at, first = next(((at, cell) for at, cell in enumerate(row) if not is_blank(cell)), (0, ""))
    if not isinstance(first, str) or canonical(clean(first)).lower().rstrip(" :") not in _TOTALS:
        return False
    keys = (heading.at for heading in page.headings if heading.column.name in page.table.key)
    return all(key == at or is_blank(row[key]) for key in keys)


def _says_something(row: Sequence[Cell]) -> bool:
    """Whether a line without a known value holds more than a running number."""
    filled = [cell for cell in row if not is_blank(cell)]
    return len(filled) > 1 or any(isinstance(cell, str) and any(map(str.isalpha, cell)) for cell in filled)


def _ignored(page: _Page, number: int) -> Finding:
    filled = [(at, cell) for at, cell in enumerate(page.sheet.rows[number]) if not is_blank(cell)]
    text = " | ".join(clean(write_raw(cell)) for _, cell in filled)[:_LONGEST_QUOTE]
    here = replace(page.place, cell=cell_address(number, filled[0][0]), line=number + 1)
    return Finding("row_ignored", "row", page.table.table, here, None, text)
