"""Register workbooks: what the history of the register looks like on a date, a sheet for each table.

It must not make history (`register.py`). The surprising fact: of a thing that changed without a date a later register
states the present only, so its past is known from the earlier registers alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.tables import Column, Table
from kcn_pipeline_tests.simulate.register import BadRow, Register, Row
from kcn_pipeline_tests.simulate.workbooks import Sheet, Value, write_xlsx

#: Rows above the first row of data on a register sheet.
_HEADER_ROWS = 5


def write_register(contracts: Contracts, register: Register, day: date) -> bytes:
    """The register workbook of one day: a sheet for each table, as its contract names it."""
    sheets = []
    for name, table in sorted(contracts.tables.items()):
        if table.topic == "register" and table.sheet and name in register.rows:
            rows = list(_stated(register, name, day))
            rows += [bad.row for bad in register.bad_rows.get(day, []) if bad.table == name]
            rows = [
                _with_number(row) if (day, row.get("enterprise_id")) in register.tax_codes_as_numbers else row
                for row in rows
            ]
            sheets.append(_write_sheet(contracts, table, rows, day))
    return write_xlsx(sheets)


def register_path(day: date) -> str:
    """Where the register workbook of a date lies."""
    return f"register/register_{day.isoformat()}.xlsx"


def place_of_bad_rows(register: Register, day: date) -> Iterator[tuple[BadRow, int]]:
    """The refused rows of a register with the line of each; they stand below the good rows of their sheet."""
    seen: dict[str, int] = {}
    for bad in register.bad_rows.get(day, []):
        seen[bad.table] = seen.get(bad.table, 0) + 1
        yield bad, _HEADER_ROWS + len(list(_stated(register, bad.table, day))) + seen[bad.table]


def _with_number(row: Row) -> Row:
    """The tax code as Excel makes of it: a number, so that its leading zero is lost."""
    return {**row, "tax_code": int(row["tax_code"])} if "tax_code" in row else row


def _stated(register: Register, table: str, day: date) -> Iterator[Row]:
    """The rows as stated: of a thing that changed without a date only its present, without validity."""
    rows = register.state(table, day)
    undated = {_thing(row) for row in rows if row.get("_undated")}
    for row in rows:
        if _thing(row) not in undated:
            yield row
        elif row.get("_undated"):
            yield {**row, "valid_from": None, "valid_to": None}


def _thing(row: Row) -> str:
    return str(row.get("project_id") or row.get("enterprise_id") or row.get("park_code"))


def _write_sheet(contracts: Contracts, table: Table, rows: Sequence[Row], day: date) -> Sheet:
    columns = [column for column in table.columns if column.labels]
    assert table.sheet is not None
    sheet = Sheet(table.sheet.names[0])
    sheet.rows += [
        ["BAN QUẢN LÝ CÁC KHU CÔNG NGHIỆP TỈNH BẮC NINH (SỐ LIỆU MÔ PHỎNG)"],
        [table.description.vi.upper()],
        [f"Tính đến ngày {day:%d/%m/%Y}"],
        [],
        ["STT", *(column.labels[0] for column in columns)],
    ]
    for number, row in enumerate(rows, 1):
        sheet.rows.append([number, *(_cell(contracts, column, row) for column in columns)])
    return sheet


def _cell(contracts: Contracts, column: Column, row: Mapping[str, Any]) -> Value:
    """A value as the register writes it: codes by their Vietnamese names, yes and no as Có and Không."""
    value = row.get(column.name)
    if value is None:
        return None
    if isinstance(value, bool):
        return "Có" if value else "Không"
    if column.codes and column.name not in ("province_code",):
        names = {code.code: code.label.vi for code in contracts.code_lists[column.codes].codes}
        return names.get(value, value)
    if "(tỷ đồng)" in column.labels[0]:
        return value / 1e9
    if "(triệu USD)" in column.labels[0]:
        return value / 1e6
    return value


def spoil_register(register: Register) -> None:
    """Put rows that must be refused into the last register, and a tax code typed as a number."""
    day = register.as_of[-1]
    park = register.rows["register_parks"][0]["park_code"]
    received = day - timedelta(days=9)
    register.bad_rows[day] = [
        BadRow(
            "register_incidents",
            {
                "incident_id": "SC-99001",
                "park_code": "KCN Không Có Thật",
                "kind": "flooding",
                "occurred_on": received,
                "hours": 3.5,
            },
            "unknown_park_name",
        ),
        BadRow(
            "register_petitions",
            {
                "petition_id": "KN-99001",
                "enterprise_id": "E0001",
                "park_code": park,
                "received_on": received,
                "due_on": day,
                "resolved_on": received - timedelta(days=30),
            },
            "dates_reversed",
        ),
        BadRow(
            "register_inspections",
            {
                "inspection_id": "QD-99001",
                "enterprise_id": "E0001",
                "park_code": park,
                "inspected_on": date(2062, 7, 1),
                "has_violation": True,
            },
            "date_in_future",
        ),
        BadRow(
            "register_projects",
            {
                "project_id": "9999999999",
                "enterprise_id": "E9999",
                "park_code": park,
                "capital_type": "FDI",
                "registered_capital_usd": 1_000_000,
                "licensed_on": received,
                "status": "active",
                "valid_from": received,
            },
            "unknown_enterprise",
        ),
    ]
    register.tax_codes_as_numbers.add((day, "E0002"))
