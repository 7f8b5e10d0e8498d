"""Enterprise reports and their figures: whose report it is, which park it belongs to, and what follows for its figures.

It must not parse a form. The surprising fact: the register decides the park, not the form, because enterprises keep
writing the park's former name or the address of their head office.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.base import Bilingual
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.lake import Lake
from kcn_pipeline.periods import read_period
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.validation.context import Context
from kcn_pipeline.validation.corrections import apply_corrections
from kcn_pipeline.validation.enterprises import EnterpriseIndex
from kcn_pipeline.validation.history import previous_values
from kcn_pipeline.validation.judge import is_well_formed, judge
from kcn_pipeline.validation.outcomes import CheckName, Failure, Judged, TableResult
from kcn_pipeline.validation.results import nothing_new, result_of, write_quarantine
from kcn_pipeline.validation.staged import plain_column, read_staged, set_column
from kcn_pipeline.validation.stored import read_as_of
from kcn_pipeline.validation.texts import as_table

#: The board itself, which reports on its own forms and is no enterprise of the register.
BOARD = "BOARD"
_REGISTERED = Bilingual(vi="một doanh nghiệp trong danh bạ", en="one enterprise of the register")
_PARK = Bilingual(vi="KCN mà chủ đầu tư báo cáo", en="the park that the developer reports on")


@dataclass
class _Resolved:
    """What the register says of tonight's reports, row by row, and the rows it says something special of."""

    enterprise_id: list[str | None] = field(default_factory=list)
    park_code: list[str | None] = field(default_factory=list)
    unknown: dict[int, str] = field(default_factory=dict)
    other_version: dict[int, str] = field(default_factory=dict)
    park_conflict: dict[int, str] = field(default_factory=dict)
    without_park: dict[int, str] = field(default_factory=dict)


def validate_reports(lake: Lake, contracts: Contracts, night: str) -> tuple[dict[str, TableResult], list[pa.Table]]:
    """Judge tonight's reports, then their figures by the reports that were accepted; each stored per period."""
    reports, values = contracts.tables["enterprise_reports"], contracts.tables["enterprise_report_values"]
    results: dict[str, TableResult] = {}
    results[reports.table], findings, accepted = _validate_reports(lake, contracts, reports, night)
    results[values.table], found = _validate_values(lake, contracts, values, accepted, night)
    return results, [findings, found]


def _validate_reports(
    lake: Lake, contracts: Contracts, table: Table, night: str
) -> tuple[TableResult, pa.Table, pa.Table]:
    staged = read_staged(lake, table, night)
    if staged is None:
        return _nothing(lake, table, night), as_table([]), schema_of(table).empty_table()
    parks = read_as_of(lake, "register_parks", night)
    index = EnterpriseIndex(read_as_of(lake, "register_enterprises", night), parks)
    staged, corrected = apply_corrections(staged, table, contracts, is_whole=False)
    context, failures = Context(contracts, night), list[Failure]()
    if is_well_formed(staged, table):
        staged, failures = resolve(staged, index)
        known = {("register_enterprises", "tax_code"): _leading_codes(staged, index)}
        if parks is not None:
            known["register_parks", "park_code"] = parks.column("park_code")
        context = replace(context, known=known)
    judged = judge(staged, table, context, failures)
    findings = pa.concat_tables([as_table(corrected), judged.findings])
    result = _store(lake, table, night, staged.num_rows, judged, findings.num_rows)
    return result, findings, judged.accepted if judged.accepted.num_rows else schema_of(table).empty_table()


def _validate_values(
    lake: Lake, contracts: Contracts, table: Table, reports: pa.Table, night: str
) -> tuple[TableResult, pa.Table]:
    staged = read_staged(lake, table, night)
    if staged is None:
        return _nothing(lake, table, night), as_table([])
    staged, corrected = apply_corrections(staged, table, contracts, is_whole=False)
    context, failures = Context(contracts, night), []
    if is_well_formed(staged, table):
        staged = inherit(staged, reports, contracts)
        known = {("enterprise_reports", "report_id"): plain_column(reports.column("report_id"))}
        context = replace(context, known=known, previous_values=previous_values(lake, table, staged, night))
        failures = unknown_records(staged, read_as_of(lake, "register_parks", night), contracts)
    judged = judge(staged, table, context, failures)
    findings, count = pa.concat_tables([as_table(corrected), judged.findings]), staged.num_rows
    del staged  # 100 MB on a busy night, while the accepted rows are written
    return _store(lake, table, night, count, judged, findings.num_rows), findings


def _nothing(lake: Lake, table: Table, night: str) -> TableResult:
    lake.replace("validation", table.table, night, {})
    return nothing_new(lake, table, night, stored=0)


def _store(lake: Lake, table: Table, night: str, staged: int, judged: Judged, findings: int) -> TableResult:
    """Write the accepted rows, one slice per period, and the quarantine."""
    lake.replace("validation", table.table, night, _by_period(judged.accepted))
    write_quarantine(lake, table, night, judged.quarantine)
    return result_of(table, staged, judged, judged.accepted.num_rows, findings)


def _by_period(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each period, cut out when they are written, so a night's figures lie in memory once, not twice."""
    for period in sorted(pc.unique(rows.column("period_code")).to_pylist()) if rows.num_rows else ():
        yield f"period={period}", rows.filter(pc.equal(rows.column("period_code"), period))


# ---- whose report ----------------------------------------------------------------------------------------------


def resolve(reports: pa.Table, index: EnterpriseIndex) -> tuple[pa.Table, list[Failure]]:
    """The reports with `enterprise_id` and `park_code` from the register, and the rows it has an objection to.

    An enterprise is found by its tax code on the period's last day. The board needs none; an infrastructure developer
    is found by its tax code or by the park it reports on.
    """
    found = _Resolved()
    for number, row in enumerate(reports.select(["reporter", "tax_code", "park_code", "period_code"]).to_pylist()):
        _resolve_row(number, {name: value or None for name, value in row.items()}, index, found)
    reports = set_column(reports, "enterprise_id", pa.array(found.enterprise_id, pa.string()))
    reports = set_column(reports, "park_code", pa.array(found.park_code, pa.string()))
    failures = [
        _failure("unknown_tax_code", found.unknown, "tax_code", _REGISTERED),
        _failure("missing_value", found.without_park, "park_code", _PARK),
        _failure("old_tax_code", found.other_version, "tax_code", _REGISTERED, severity="warning"),
        _failure("park_conflict", found.park_conflict, "park_name", None, severity="warning"),
    ]
    return reports, [failure for failure in failures if len(failure.rows)]


def _resolve_row(number: int, row: Mapping[str, str | None], index: EnterpriseIndex, found: _Resolved) -> None:
    enterprise_id: str | None
    match row.get("reporter"):
        case "board":
            enterprise_id, park_code = BOARD, row.get("park_code")
        case "park":
            enterprise_id, park_code = _resolve_developer(number, row, index, found)
        case _:
            enterprise_id, park_code = _resolve_enterprise(number, row, index, found)
    found.enterprise_id.append(enterprise_id)
    found.park_code.append(park_code)


def _resolve_enterprise(
    number: int, row: Mapping[str, str | None], index: EnterpriseIndex, found: _Resolved
) -> tuple[str | None, str | None]:
    written = row.get("park_code")
    enterprise_id = _find(number, row, index, found)
    if enterprise_id is None:
        return None, written
    registered = index.park_of(enterprise_id, _period_end(row))
    if written and registered and written != registered:
        found.park_conflict[number] = f"{written} ≠ {registered}"
    return enterprise_id, registered or written


def _resolve_developer(
    number: int, row: Mapping[str, str | None], index: EnterpriseIndex, found: _Resolved
) -> tuple[str | None, str | None]:
    park_code = row.get("park_code")
    if park_code is None:
        found.without_park[number] = "—"
    if row.get("tax_code") or park_code is None:
        return _find(number, row, index, found), park_code
    developer = index.developer_of(park_code, _period_end(row))
    if developer is None:
        found.unknown[number] = park_code
    return developer, park_code


def _find(number: int, row: Mapping[str, str | None], index: EnterpriseIndex, found: _Resolved) -> str | None:
    tax_code = row.get("tax_code")
    match = index.find(tax_code, _period_end(row)) if tax_code else None
    if match is None:
        holders = index.holders(tax_code) if tax_code else []
        if holders or not tax_code:  # a code that leads nowhere is found by the contract's own rule
            found.unknown[number] = ", ".join(holders)
        return None
    if match.is_other_version:
        found.other_version[number] = match.enterprise_id
    return match.enterprise_id


def _period_end(row: Mapping[str, str | None]) -> date:
    """The period's last day; a period that cannot be read has its own rule, any day will do here."""
    try:
        return read_period(row.get("period_code") or "").end
    except ValueError:
        return date.max


def _failure(
    rule: str, rows: Mapping[int, str], column: str, expected: Bilingual | None, severity: Any = "critical"
) -> Failure:
    details = {row: text or "—" for row, text in rows.items()}
    check: CheckName = "values"
    numbers = np.asarray(sorted(rows), dtype=np.int64)
    return Failure(rule, severity, check, numbers, column, expected=expected, details=details)


def _leading_codes(reports: pa.Table, index: EnterpriseIndex) -> pa.ChunkedArray:
    """Tonight's tax codes that lead into the register (also an old one or a branch's), and the board's own."""
    rows = reports.select(["tax_code", "enterprise_id"]).to_pylist()
    codes = {row["tax_code"] for row in rows if row["tax_code"]}
    board = {row["tax_code"] for row in rows if row["enterprise_id"] == BOARD}
    return pa.chunked_array([sorted(code for code in codes if code in board or index.holders(code))], pa.string())


# ---- what a figure takes from its report -------------------------------------------------------------------------


def inherit(values: pa.Table, reports: pa.Table, contracts: Contracts) -> pa.Table:
    """The figures with `enterprise_id` and `park_code` of their accepted report; in a record form a row is a park."""
    place = pc.index_in(plain_column(values.column("report_id")), value_set=plain_column(reports.column("report_id")))
    values = set_column(values, "enterprise_id", reports.column("enterprise_id").take(place))
    inherited = pc.coalesce(reports.column("park_code").take(place), plain_column(values.column("park_code")))
    park_code = pc.if_else(_is_record(values, contracts), plain_column(values.column("record")), inherited)
    return set_column(values, "park_code", park_code)


def unknown_records(values: pa.Table, parks: pa.Table | None, contracts: Contracts) -> list[Failure]:
    """The figures of record forms whose row names no park of the register."""
    known = parks.column("park_code") if parks is not None else pa.chunked_array([[]], pa.string())
    is_known = pc.is_in(plain_column(values.column("park_code")), value_set=known)
    rows = np.flatnonzero(pc.and_not(_is_record(values, contracts), is_known).to_numpy())
    return [Failure("unknown_park", "critical", "values", rows, "record", expected=_PARK)] if len(rows) else []


def _is_record(values: pa.Table, contracts: Contracts) -> pa.ChunkedArray:
    forms = [form.id for form in contracts.forms.values() if form.layout == "records"]
    return pc.is_in(plain_column(values.column("form_id")), value_set=pa.array(forms, pa.string()))
