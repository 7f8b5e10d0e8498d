"""Drafts → the tables `enterprise_reports` and `enterprise_report_values`, converted to canonical units.

It must not read cells. The surprising fact: figures are converted a layout at a time, as one matrix of reports ×
slots, because what is the same for every report of a layout (codes, units, limits) need not be repeated per report.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.findings import Finding
from kcn_pipeline.schemas import conform, schema_of
from kcn_pipeline.staging.forms.cells import NOTHING, write_raw
from kcn_pipeline.staging.forms.layout import Slot
from kcn_pipeline.staging.forms.reader import TABLE, Draft, frequency_fits
from kcn_pipeline.staging.forms.totals import check_totals
from kcn_pipeline.staging.parks import ParkNames
from kcn_pipeline.staging.units import MONEY, Units, conversion

VALUES = "enterprise_report_values"


@dataclass(frozen=True)
class _Factor:
    """How the figures of a slot become canonical: the factor, the unit, and the problem if they cannot."""

    factor: float | None
    unit: str | None
    uses_rate: bool = False
    problem: str | None = None
    detail: str | None = None


def tabulate_reports(
    contracts: Contracts, units: Units, parks: ParkNames, drafts: Sequence[Draft], night: str
) -> tuple[pa.Table, pa.Table, list[Finding]]:
    """The two tables of a night's drafts (grain: submission; submission × field × column) and what was found."""
    groups: dict[tuple[Any, ...], list[Draft]] = defaultdict(list)
    for draft in drafts:
        rate = contracts.rate_on(draft.identity.period_end) if draft.identity.period_end else None
        rate_value = rate.vnd_per_usd if rate else None
        groups[id(draft.layout), draft.identity.freq, draft.identity.money_unit, rate_value].append(draft)
    reports: list[pa.Table] = []
    values: list[pa.Table] = []
    findings: list[Finding] = []
    for (_, freq, money_unit, rate_value), members in groups.items():
        batch = _Batch(contracts, units, parks, members, freq, money_unit, rate_value, night)
        reports.append(batch.report_rows())
        values.append(batch.value_rows())
        findings += batch.findings()
    empty = pa.table({})
    tables = contracts.tables
    return (
        pa.concat_tables([conform(empty, tables[TABLE]), *reports]),
        pa.concat_tables([conform(empty, tables[VALUES]), *values]),
        findings,
    )


class _Batch:
    """The drafts that share layout, frequency, unit of money and rate: one matrix of figures."""

    def __init__(
        self, contracts: Contracts, units: Units, parks: ParkNames, drafts: list[Draft],
        freq: str | None, money_unit: str | None, rate: float | None, night: str,
    ) -> None:  # fmt: skip
        self.contracts, self.units, self.parks = contracts, units, parks
        self.drafts, self.freq, self.money_unit, self.rate, self.night = drafts, freq, money_unit, rate, night
        layout = drafts[0].layout
        self.form = layout.form
        self.kept = [i for i, slot in enumerate(layout.slots) if frequency_fits(slot, layout.form, freq)]
        self.slots = [layout.slots[i] for i in self.kept]
        self.factors = [self._factor_of(slot) for slot in self.slots]
        self.uses_rate = any(factor.uses_rate for factor in self.factors)
        place = {i: k for k, i in enumerate(self.kept)}
        self.readings = [{place[i]: reading for i, reading in draft.readings.items() if i in place} for draft in drafts]
        self.raw = [[draft.raw[i] for i in self.kept] for draft in drafts]
        self.problems = self._find_problems()
        self.figures = self._convert()
        self.report_ids = [f"{draft.place.payload[:16]}:{draft.place.sheet or ''}" for draft in drafts]

    # ---- figures -----------------------------------------------------------------------------------------------

    def _factor_of(self, slot: Slot, unit_text: str | None = None) -> _Factor:
        """How a slot's figures are converted, with the unit written in the cell itself if there is one."""
        written = slot.unit or (self.contracts.units[slot.field.unit] if slot.field.unit else None)
        if unit_text is not None:
            written = self.units.find(unit_text)
            if written is None:
                return _Factor(None, None, problem="unknown_unit", detail=unit_text)
        if slot.problem:
            return _Factor(None, None)
        if slot.field.type != "number" or written is None:
            return _Factor(1.0, None)
        if written.code == MONEY:
            written = self.contracts.units[self.money_unit] if self.money_unit else None
        if slot.field.unit == MONEY and (written is None or (written.currency == "VND" and written.factor == 1)):
            # A bare "VNĐ" names the certificate's currency; the form's figures are in millions of it, or they are not.
            return _Factor(None, None, problem="unit_missing", detail="USD / triệu VNĐ / đồng?")
        assert written is not None
        target = self.units.target_of(slot.field, slot.column_code, written) or written
        factor = conversion(written, target, self.rate)
        crosses = bool(written.currency and target.currency and written.currency != target.currency)
        if factor is None and self.freq is None:
            return _Factor(None, target.code, crosses)  # no period, hence no rate; the report is refused for that
        if factor is None:
            problem = "no_exchange_rate" if crosses else "unknown_unit"
            return _Factor(None, target.code, crosses, problem, f"{written.code} → {target.code}")
        return _Factor(factor, target.code, crosses)

    def _find_problems(self) -> list[dict[int, tuple[str, str | None]]]:
        """Per report: slot → problem and detail, of its cell or of its unit."""
        found = []
        for raw, readings in zip(self.raw, self.readings, strict=True):
            own: dict[int, tuple[str, str | None]] = {}
            for k, factor in enumerate(self.factors):
                if factor.problem and raw[k] != "" and self.slots[k].field.type == "number":
                    own[k] = factor.problem, factor.detail
            for k, reading in readings.items():
                if reading.problem:
                    own[k] = reading.problem, reading.detail
                elif reading.unit_text:
                    factor = self._factor_of(self.slots[k], reading.unit_text)
                    own.pop(k, None)
                    if factor.problem:
                        own[k] = factor.problem, factor.detail
            found.append(own)
        return found

    def _convert(self) -> np.ndarray:
        """Reports × slots in canonical units; NaN where there is no figure."""
        matrix = np.array(
            [[cell if type(cell) is float else np.nan for cell in raw] for raw in self.raw], dtype=float
        ).reshape(len(self.raw), len(self.slots))
        with np.errstate(over="ignore"):
            matrix *= np.array([factor.factor if factor.factor is not None else np.nan for factor in self.factors])
        for row, (readings, problems) in enumerate(zip(self.readings, self.problems, strict=True)):
            for k, reading in readings.items():
                factor = self._factor_of(self.slots[k], reading.unit_text) if reading.unit_text else self.factors[k]
                usable = reading.value is not None and factor.factor is not None
                matrix[row, k] = reading.value * factor.factor if usable else np.nan  # type: ignore[operator]
            for k in problems:
                matrix[row, k] = np.nan
        for row, k in np.argwhere(np.isinf(matrix)).tolist():
            self.problems[row][k] = "unreadable_number", f"{write_raw(self.raw[row][k])} ({self.slots[k].cell})"
            matrix[row, k] = np.nan
        return matrix

    # ---- tables ------------------------------------------------------------------------------------------------

    def report_rows(self) -> pa.Table:
        """One row per draft."""
        required = [k for k, slot in enumerate(self.slots) if slot.field.required and "#" not in slot.record]
        rows = [self._report_row(row, draft, required) for row, draft in enumerate(self.drafts)]
        return conform(_from_rows(rows, self.contracts.tables[TABLE]), self.contracts.tables[TABLE])

    def _report_row(self, row: int, draft: Draft, required: list[int]) -> dict[str, Any]:
        identity = draft.identity
        raw, readings = self.raw[row], self.readings[row]
        filled = len([k for k in required if raw[k] != "" and readings.get(k) is not NOTHING])
        convention = draft.convention if isinstance(draft.convention, str) else None
        return {
            "report_id": self.report_ids[row],
            "form_id": self.form.id,
            "form_code": self.form.code,
            "reporter": self.form.reporter,
            "tax_code": identity.tax_code,
            "enterprise_name": identity.enterprise_name,
            "certificate_number": identity.certificate_number,
            "park_code": identity.park_code,
            "park_name": identity.park_name,
            "freq": identity.freq,
            "period_code": identity.period_code,
            "period_start": identity.period_start,
            "submitted_on": identity.submitted_on,
            "submitted_source": identity.submitted_source,
            "channel": identity.channel,
            "currency": identity.currency,
            "vnd_per_usd": self.rate if self.uses_rate else None,
            "number_convention": convention,
            "text_encoding": draft.encoding,
            "required_total": len(required),
            "required_filled": filled,
            "_night": self.night,
            "_source": draft.place.source,
            "_payload": draft.place.payload,
            "_file": draft.place.file,
            "_sheet": draft.place.sheet,
            "_line": draft.layout.head + 1,
            "_problem": identity.problem,
            "_problem_detail": identity.detail,
        }

    def value_rows(self) -> pa.Table:
        """One row per draft and slot: what the layout fixes is repeated, what differs is filled in."""
        count, width = len(self.drafts), len(self.slots)
        fixed = self._slot_columns().take(pa.array(np.tile(np.arange(width), count)))
        own = self._draft_columns().take(pa.array(np.repeat(np.arange(count), width)))
        columns = {name: fixed[name] for name in fixed.column_names} | {name: own[name] for name in own.column_names}
        columns |= self._cell_columns()
        return conform(pa.table(columns), self.contracts.tables[VALUES])

    def _slot_columns(self) -> pa.Table:
        rows = [
            {
                "field_code": slot.field.code,
                "column_code": slot.column_code,
                "record": self._record_of(slot),
                "window": slot.column.window if slot.column else "period",
                "measure": slot.measure,
                "ownership": slot.column.ownership if slot.column else None,
                "min_value": slot.field.min if slot.field.type == "number" else None,
                "max_value": slot.field.max if slot.field.type == "number" else None,
                "is_required": slot.field.required,
                "_line": slot.row + 1 if slot.row >= 0 else None,
            }
            for slot in self.slots
        ]
        return _from_rows(rows, self.contracts.tables[VALUES])

    def _record_of(self, slot: Slot) -> str:
        if self.form.layout == "records":
            return self.parks.find(slot.record) or slot.record
        return slot.record

    def _draft_columns(self) -> pa.Table:
        rows = [
            {
                "report_id": report_id,
                "form_id": self.form.id,
                "form_code": self.form.code,
                "tax_code": draft.identity.tax_code,
                "park_code": draft.identity.park_code,
                "freq": draft.identity.freq,
                "period_code": draft.identity.period_code,
                "submitted_on": draft.identity.submitted_on,
                "_night": self.night,
                "_source": draft.place.source,
                "_payload": draft.place.payload,
                "_file": draft.place.file,
                "_sheet": draft.place.sheet,
            }
            for draft, report_id in zip(self.drafts, self.report_ids, strict=True)
        ]
        return _from_rows(rows, self.contracts.tables[VALUES])

    def _cell_columns(self) -> dict[str, pa.Array]:
        """What differs from cell to cell, report by report."""
        flat = self.figures.ravel()
        size = len(flat)
        text: list[str | None] = [None] * size
        qualifier: list[str | None] = [None] * size
        problem: list[str | None] = [None] * size
        detail: list[str | None] = [None] * size
        cells = [slot.cell for slot in self.slots] * len(self.drafts)
        width = len(self.slots)
        for row, (readings, problems) in enumerate(zip(self.readings, self.problems, strict=True)):
            for k, reading in readings.items():
                text[row * width + k], qualifier[row * width + k] = reading.text, reading.qualifier
            for k, (rule, said) in problems.items():
                problem[row * width + k], detail[row * width + k] = rule, said
            for index, cell in self.drafts[row].title_cells.items():
                if index in self.kept:
                    cells[row * width + self.kept.index(index)] = cell
        raw = [write_raw(cell) if cell != "" else None for row in self.raw for cell in row]
        return self._unit_columns() | {
            "value": pa.array(flat, mask=np.isnan(flat)),
            "text_value": pa.array(text, pa.string()),
            "raw_text": pa.array(raw, pa.string()),
            "qualifier": pa.array(qualifier, pa.string()),
            "_cell": pa.array(cells, pa.string()),
            "_problem": pa.array(problem, pa.string()),
            "_problem_detail": pa.array(detail, pa.string()),
        }

    def _unit_columns(self) -> dict[str, pa.Array]:
        """The unit as written and how it was converted; a unit written in the cell itself outweighs the slot's."""
        numbers = [slot.field.type == "number" for slot in self.slots]
        factors = [
            factor if is_number else _Factor(None, None)
            for factor, is_number in zip(self.factors, numbers, strict=True)
        ] * len(self.drafts)
        written = [slot.raw_unit for slot in self.slots] * len(self.drafts)
        for row, readings in enumerate(self.readings):
            for k, reading in readings.items():
                if reading.unit_text:
                    at = row * len(self.slots) + k
                    factors[at], written[at] = self._factor_of(self.slots[k], reading.unit_text), reading.unit_text
        return {
            "unit": pa.array([factor.unit for factor in factors], pa.string()),
            "raw_unit": pa.array(written, pa.string()),
            "factor": pa.array([factor.factor for factor in factors], pa.float64()),
            "vnd_per_usd": pa.array([self.rate if factor.uses_rate else None for factor in factors], pa.float64()),
        }

    # ---- findings ----------------------------------------------------------------------------------------------

    def findings(self) -> Iterable[Finding]:
        """What the drafts carry, kept qualifiers, and totals that do not add up."""
        for row, draft in enumerate(self.drafts):
            yield from draft.findings
            for k, reading in self.readings[row].items():
                if reading.qualifier:
                    place = replace(draft.place, cell=self.slots[k].cell)
                    yield Finding(
                        "qualifier_kept", "cell", VALUES, place, self.slots[k].name, write_raw(self.raw[row][k])
                    )
        for row, total in check_totals(self.form, self.slots, self.figures):
            slot = self.slots[total.slot]
            place = replace(self.drafts[row].place, cell=slot.cell, line=slot.row + 1)
            said = {"expected": f"{total.expected:,.6g}", "found": f"{total.found:,.6g}"}
            yield Finding(total.rule, "cell", VALUES, place, slot.name, write_raw(self.raw[row][total.slot]), said)


def _from_rows(rows: list[dict[str, Any]], table: Table) -> pa.Table:
    """Rows with some columns of a contract as an Arrow table of the contract's types."""
    schema = schema_of(table)
    names = rows[0].keys() if rows else ()
    return pa.Table.from_pylist(rows, schema=pa.schema([schema.field(name) for name in names]))
