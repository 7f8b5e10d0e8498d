"""Small lakes written by hand: accepted reports and registers as validation leaves them, with figures one can add up.

It must not compute what the pipeline computes. The surprising fact: a cell is found by the measure it feeds, so a test
speaks of `export_usd` and not of row III, column A.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import Contracts, load_contracts
from kcn_pipeline.indicators import (
    Touched,
    ValueResult,
    compute_measures,
    compute_submissions,
    compute_values,
    find_touched,
    record_definitions,
    write_scope,
)
from kcn_pipeline.indicators.submissions import CONTRACT as SUBMISSIONS
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.schemas import schema_of

Row = dict[str, Any]

#: The park of old Bắc Ninh, the one of old Bắc Giang and the one that has no enterprise.
QUE_VO, QUANG_CHAU, EMPTY_PARK = "QUE_VO", "QUANG_CHAU", "VSIP_BN"
LONG_AGO = date(2010, 1, 1)


@lru_cache
def packaged() -> Contracts:
    """The packaged contracts, read once."""
    return load_contracts()


def catalog_of(*codes: str, **changes: Any) -> Contracts:
    """The packaged contracts with these indicators only, and other fields of the contracts replaced."""
    contracts = packaged()
    return replace(contracts, indicators={code: contracts.indicators[code] for code in codes}, **changes)


@dataclass
class SmallProvince:
    """Writes a lake night by night. Reports given for a night are all of that night's reports."""

    lake: Lake
    contracts: Contracts
    _reports: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    _values: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    _refused: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    # ---- registers ---------------------------------------------------------------------------------------------

    def register(self, night: str, table: str, rows: Iterable[Row], as_of: date | None = None) -> None:
        """The state of one register table from a night on."""
        dated = [{"as_of": as_of or date.fromisoformat(night), **row} for row in rows]
        self.lake.replace("validation", table, night, {WHOLE: self._table(table, dated)})

    def parks(self, night: str, *codes: str, **values: Any) -> None:
        """Operating parks, of old Bắc Ninh unless they are QUANG_CHAU."""
        self.register(night, "register_parks", [park(code, **values) for code in codes])

    def enterprises(self, night: str, places: Mapping[str, str], **values: Any) -> None:
        """Operating enterprises by id, each in its park."""
        rows = [enterprise(code, place, **values) for code, place in places.items()]
        self.register(night, "register_enterprises", rows)

    # ---- reports -----------------------------------------------------------------------------------------------

    def report(
        self,
        night: str,
        enterprise_id: str | None,
        form_id: str,
        period_code: str | None,
        figures: Mapping[str, float] | None = None,
        *,
        submitted_on: str | None = None,
        to_date: Mapping[str, float] | None = None,
        refused: bool = False,
        **values: Any,
    ) -> str:
        """One submission with its figures by measure; `to_date` are year-to-date figures. Returns the report id."""
        form = self.contracts.forms[form_id]
        number = len(self._reports[night]) + len(self._refused[night])
        row = {
            "report_id": f"{night}-{number:03d}",
            "form_id": form_id,
            "form_code": form.code,
            "reporter": form.reporter,
            "enterprise_id": enterprise_id,
            "freq": _freq_of(period_code),
            "period_code": period_code,
            "submitted_on": datetime.fromisoformat(f"{submitted_on or night}T08:00:00"),
            "channel": "electronic",
            "_night": night,
            "_source": "test",
            "_payload": f"sha-{night}-{number:03d}",
            "_file": f"{enterprise_id}-{number:03d}.xlsx",
            "_sheet": form.code,
            **values,
        }
        if refused:
            self._refused[night].append({**row, "_rules": "x", "_reason_vi": "x", "_reason_en": "x"})
        else:
            self._reports[night].append(row)
            for window, given in (("period", figures or {}), ("year_to_date", to_date or {})):
                self._values[night] += [self._cell(row, measure, window, value) for measure, value in given.items()]
        self._write(night)
        return str(row["report_id"])

    def _cell(self, report: Row, measure: str, window: str, value: float) -> Row:
        form = self.contracts.forms[report["form_id"]]
        feeds = [(one.code, column) for one in form.fields for column, fed in one.measures.items() if fed == measure]
        (code, column), *_ = feeds
        if window == "year_to_date":
            column = next(c.code for c in form.columns if c.window == "year_to_date")
        feed = measure if window == "period" else None
        own = {"field_code": code, "column_code": column, "window": window, "measure": feed, "value": value}
        own["unit"] = self.contracts.measures[measure].unit
        inherited = {name: report[name] for name in report if name not in ("submitted_on", "channel", "reporter")}
        return {**inherited, **own, "record": "", "_cell": f"{column}{code}", "_line": 1}

    def _write(self, night: str) -> None:
        for table, rows in (("enterprise_reports", self._reports), ("enterprise_report_values", self._values)):
            parts = defaultdict(list)
            for row in rows[night]:
                parts[f"period={row['period_code']}"].append(row)
            tables = {part: self._table(table, held) for part, held in parts.items()}
            self.lake.replace("validation", table, night, tables)
        if self._refused[night]:
            refused = self._table("enterprise_reports", self._refused[night])
            self.lake.replace("quarantine", "enterprise_reports", night, {WHOLE: refused})

    def _table(self, name: str, rows: list[Row]) -> pa.Table:
        return pa.Table.from_pylist(rows, schema=schema_of(self.contracts.tables[name]))


def park(code: str, **values: Any) -> Row:
    """A register row of an operating park."""
    former = "BG_OLD" if code == QUANG_CHAU else "BN_OLD"
    row = {"park_code": code, "name_vi": f"KCN {code}", "former_province_code": former, "status": "operating"}
    return {**row, "is_pilot": False, "is_eco_park": False, "valid_from": LONG_AGO, **values}


def enterprise(code: str, park_code: str, **values: Any) -> Row:
    """A register row of an operating tenant."""
    row: Row = {"enterprise_id": code, "tax_code": f"23{int(code[1:]):08d}", "name_vi": f"Công ty {code}"}
    row |= {"park_code": park_code, "role": "tenant", "ownership": "FDI", "is_operating": True}
    return {**row, "operating_from": LONG_AGO, "valid_from": LONG_AGO, **values}


def run_night(lake: Lake, contracts: Contracts, night: str) -> tuple[Touched, ValueResult]:
    """What a night does in this stage; submissions only where an indicator reads them, as that takes a third of it."""
    touched = find_touched(lake, contracts, night)
    compute_measures(lake, contracts, night, touched)
    operands = [operand for one in contracts.indicators.values() for operand in (one.numerator, one.denominator)]
    if any(operand.from_ == SUBMISSIONS for operand in operands if operand):
        compute_submissions(lake, contracts, night, touched)
    result = compute_values(lake, contracts, night, touched)
    write_scope(lake, night, result.scope)
    record_definitions(lake, contracts, night)
    return touched, result


def values_of(lake: Lake, night: str | None = None) -> dict[tuple[str, str, str], Row]:
    """Indicator values by (indicator, area, period); the newest night of an indicator and period counts."""
    found: dict[tuple[str, str, str], Row] = {}
    newest: dict[tuple[str, str], str] = {}
    for one in lake.nights("indicators", "indicator_values") if night is None else [night]:
        rows = lake.read("indicators", "indicator_values", one)
        for row in [] if rows is None else rows.to_pylist():
            pair = row["indicator_code"], row["period_code"]
            if newest.get(pair) != one:
                found = {key: held for key, held in found.items() if (key[0], key[2]) != pair}
                newest[pair] = one
            found[row["indicator_code"], row["area_code"], row["period_code"]] = row
    return found


def measures_of(lake: Lake, period_code: str) -> dict[tuple[str, str], Row]:
    """Enterprise measures of a period by (enterprise, measure), newest night."""
    night = lake.nights("indicators", "enterprise_measures")[-1]
    rows = lake.read("indicators", "enterprise_measures", night, [f"period={period_code}"])
    return {(r["enterprise_id"], r["measure"]): r for r in ([] if rows is None else rows.to_pylist())}


def submissions_of(lake: Lake, period_code: str) -> list[Row]:
    """Report submissions of a period, newest night."""
    parts = [f"period={period_code}"]
    for night in reversed(lake.nights("indicators", "report_submissions")):
        rows = lake.read("indicators", "report_submissions", night, parts)
        if rows is not None:
            return list(rows.to_pylist())
    return []


def _freq_of(period_code: str | None) -> str | None:
    """The frequency that the code shows, as staging would; none of what is no code."""
    if not period_code or not period_code[:4].isdigit():
        return None
    return "A" if len(period_code) == 4 else period_code[5] if period_code[5] in "SQ" else "M"
