"""Drafts → the tables `enterprise_reports` and `enterprise_report_values`, converted to canonical units.

It must not read cells. The surprising fact: figures are converted a layout at a time, as one matrix of reports ×
slots, because what is the same for every report of a layout (codes, units, limits) need not be repeated per report.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.findings import Finding
from kcn_pipeline.schemas import conform, schema_of
from kcn_pipeline.staging.forms.cells import NOTHING, Reading, write_all_raw, write_raw
from kcn_pipeline.staging.forms.layout import Slot
from kcn_pipeline.staging.forms.reader import TABLE, Draft, frequency_fits
from kcn_pipeline.staging.forms.totals import check_totals
from kcn_pipeline.staging.parks import ParkNames
from kcn_pipeline.staging.units import MONEY, Units, conversion
from kcn_pipeline.staging.workbooks import Cell

VALUES = "enterprise_report_values"
#: Columns that are the identity's as they are: those of both tables, and those of the reports only.
_OF_BOTH = ("tax_code", "park_code", "freq", "period_code", "submitted_on")
_OF_REPORT = (
    "enterprise_name",
    "certificate_number",
    "park_name",
    "period_start",
    "submitted_source",
    "channel",
    "currency",
)
_TEXT = pa.string()


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
        self.place = {i: k for k, i in enumerate(self.kept)}
        self.readings = [self._keep_readings(draft) for draft in drafts]
        self.raw = [self._keep_raw(draft) for draft in drafts]
        self.numbers = self._list_numbers()
        self.problems = self._find_problems()
        self.figures = self._convert()
        self.report_ids = [f"{draft.place.payload[:16]}:{draft.place.sheet or ''}" for draft in drafts]

    def _keep_readings(self, draft: Draft) -> dict[int, Reading]:
        return {self.place[i]: reading for i, reading in draft.readings.items() if i in self.place}

    def _keep_raw(self, draft: Draft) -> list[Cell]:
        return draft.raw if len(self.kept) == len(draft.raw) else [draft.raw[i] for i in self.kept]

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

    def _list_numbers(self) -> np.ndarray:
        """Reports × slots as the cells hold them; NaN where a cell holds no number."""
        numbers = [[cell if type(cell) is float else np.nan for cell in raw] for raw in self.raw]
        return np.array(numbers, dtype=float).reshape(len(self.raw), len(self.slots))

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
        factors = np.array([factor.factor if factor.factor is not None else np.nan for factor in self.factors])
        with np.errstate(over="ignore"):
            matrix = self.numbers * factors
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
        conventions = [draft.convention for draft in self.drafts]
        columns = self._draft_columns() | self._identity_columns(_OF_REPORT) | {
            "reporter": self._repeat(self.form.reporter),
            "vnd_per_usd": self._repeat(self.rate if self.uses_rate else None),
            "number_convention": [one if isinstance(one, str) else None for one in conventions],
            "text_encoding": [draft.encoding for draft in self.drafts],
            "required_total": self._repeat(len(required)),
            "required_filled": self._count_filled(required),
            "_line": [draft.layout.head + 1 for draft in self.drafts],
            "_problem": [draft.identity.problem for draft in self.drafts],
            "_problem_detail": [draft.identity.detail for draft in self.drafts],
        }  # fmt: skip
        table = self.contracts.tables[TABLE]
        return conform(_to_table(columns, table), table)

    def _count_filled(self, required: list[int]) -> list[int]:
        """Per report, how many of these slots say something: a number as such, anything else by its reading."""
        wanted = set(required)
        filled = (~np.isnan(self.numbers[:, required])).sum(axis=1).tolist()
        for row, (raw, readings) in enumerate(zip(self.raw, self.readings, strict=True)):
            for k, reading in readings.items():
                if k in wanted and raw[k] != "" and type(raw[k]) is not float and reading is not NOTHING:
                    filled[row] += 1
        return filled

    def _repeat(self, value: Any) -> list[Any]:
        return [value] * len(self.drafts)

    def _identity_columns(self, names: Iterable[str]) -> dict[str, list[Any]]:
        return {name: [getattr(draft.identity, name) for draft in self.drafts] for name in names}

    def value_rows(self) -> pa.Table:
        """One row per draft and slot: what the layout fixes is repeated, what differs is filled in."""
        count, width = len(self.drafts), len(self.slots)
        table = self.contracts.tables[VALUES]
        drafts = _to_table(self._draft_columns(), table)
        fixed = self._slot_columns().take(pa.array(np.tile(np.arange(width), count)))
        own = drafts.take(pa.array(np.repeat(np.arange(count), width)))
        columns = {name: fixed[name] for name in fixed.column_names} | {name: own[name] for name in own.column_names}
        return conform(pa.table(columns | self._cell_columns()), table)

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

    def _draft_columns(self) -> dict[str, list[Any]]:
        """What both tables say of a draft."""
        places = [draft.place for draft in self.drafts]
        return self._identity_columns(_OF_BOTH) | {
            "report_id": self.report_ids,
            "form_id": self._repeat(self.form.id),
            "form_code": self._repeat(self.form.code),
            "_night": self._repeat(self.night),
            "_source": [place.source for place in places],
            "_payload": [place.payload for place in places],
            "_file": [place.file for place in places],
            "_sheet": [place.sheet for place in places],
        }

    def _cell_columns(self) -> dict[str, pa.Array]:
        """What differs from cell to cell, report by report."""
        width = len(self.slots)
        text: dict[int, str | None] = {}
        qualifier: dict[int, str | None] = {}
        problem: dict[int, str | None] = {}
        detail: dict[int, str | None] = {}
        cells: dict[int, str | None] = {}
        for row, (readings, problems) in enumerate(zip(self.readings, self.problems, strict=True)):
            for k, reading in readings.items():
                text[row * width + k], qualifier[row * width + k] = reading.text, reading.qualifier
            for k, (rule, said) in problems.items():
                problem[row * width + k], detail[row * width + k] = rule, said
            for index, cell in self.drafts[row].title_cells.items():
                if index in self.place:
                    cells[row * width + self.place[index]] = cell
        figures = self.figures.ravel()
        nothing = [None] * width
        return self._unit_columns() | {
            "value": pa.array(figures, mask=np.isnan(figures)),
            "text_value": self._spread(nothing, text),
            "raw_text": write_all_raw(self.numbers.ravel(), [cell for raw in self.raw for cell in raw]),
            "qualifier": self._spread(nothing, qualifier),
            "_cell": self._spread([slot.cell for slot in self.slots], cells),
            "_problem": self._spread(nothing, problem),
            "_problem_detail": self._spread(nothing, detail),
        }

    def _unit_columns(self) -> dict[str, pa.Array]:
        """The unit as written and how it was converted; a unit written in the cell itself outweighs the slot's."""
        width = len(self.slots)
        factors = [
            factor if slot.field.type == "number" else _Factor(None, None)
            for slot, factor in zip(self.slots, self.factors, strict=True)
        ]
        written: dict[int, str | None] = {}
        own: dict[int, _Factor] = {}
        for row, readings in enumerate(self.readings):
            for k, reading in readings.items():
                if reading.unit_text:
                    written[row * width + k] = reading.unit_text
                    own[row * width + k] = self._factor_of(self.slots[k], reading.unit_text)
        rates = {at: self.rate if factor.uses_rate else None for at, factor in own.items()}
        return {
            "unit": self._spread([factor.unit for factor in factors], {at: one.unit for at, one in own.items()}),
            "raw_unit": self._spread([slot.raw_unit for slot in self.slots], written),
            "factor": self._spread(
                [factor.factor for factor in factors], {at: one.factor for at, one in own.items()}, pa.float64()
            ),
            "vnd_per_usd": self._spread(
                [self.rate if factor.uses_rate else None for factor in factors], rates, pa.float64()
            ),
        }

    def _spread(self, of_slots: Sequence[Any], own: Mapping[int, Any], kind: pa.DataType = _TEXT) -> pa.Array:
        """What is said of the slots, repeated for every report, but for the cells (by number) that have their own."""
        if not own:
            return pa.array(of_slots, kind).take(pa.array(np.tile(np.arange(len(of_slots)), len(self.drafts))))
        spread = list(of_slots) * len(self.drafts)
        for at, value in own.items():
            spread[at] = value
        return pa.array(spread, kind)

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


def _to_table(columns: Mapping[str, Sequence[Any]], table: Table) -> pa.Table:
    """Some columns of a contract as an Arrow table of the contract's types."""
    schema = schema_of(table)
    return pa.table(dict(columns), schema=pa.schema([schema.field(name) for name in columns]))


def _from_rows(rows: list[dict[str, Any]], table: Table) -> pa.Table:
    """Rows with some columns of a contract as an Arrow table of the contract's types."""
    schema = schema_of(table)
    names = rows[0].keys() if rows else ()
    return pa.Table.from_pylist(rows, schema=pa.schema([schema.field(name) for name in names]))
