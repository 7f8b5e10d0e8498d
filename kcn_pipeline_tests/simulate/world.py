"""What is true on a night: measures of each enterprise and period, reporting duties, and the register as known then.

It must not use code of the pipeline, only dated facts of the contracts (rates, factors, deadlines, required fields). The
surprising fact: it starts from what is written in the cells, so a figure rounded by a firm is the true figure.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate.figures import rate_on
from kcn_pipeline_tests.simulate.filing import Filing, due_on
from kcn_pipeline_tests.simulate.periods import Period, ended_periods
from kcn_pipeline_tests.simulate.province import Park, Province
from kcn_pipeline_tests.simulate.register import Register
from kcn_pipeline_tests.simulate.reports import Cells, Report

Row = dict[str, Any]

_QUARTERLY, _ANNUAL = "A.III.1", "A.III.2"


@dataclass(frozen=True)
class Source:
    """Where a measure is written: (form, item, column) in order of preference, the conversion, and how it adds up."""

    places: tuple[tuple[str, str, str], ...]
    conversion: str
    kind: str


def _project(quarterly: tuple[str, str], annual: tuple[str, str], conversion: str, kind: str) -> Source:
    return Source(((_QUARTERLY, *quarterly), (_ANNUAL, *annual)), conversion, kind)


def _extra(code: str, conversion: str, kind: str) -> Source:
    return Source((("BN.01", code, "A"),), conversion, kind)


#: By measure. Conversions: usd and vnd from the certificate's currency, million from million VND, kg to tonnes, flag.
SOURCES: dict[str, Source] = {
    "capital_registered_usd": _project(("A-006", ""), ("A-006", ""), "usd", "stock"),
    "capital_disbursed_usd": _project(("I", "A"), ("I", "A"), "usd", "flow"),
    "capital_disbursed_cumulative_usd": _project(("I", "C"), ("I", "B"), "usd", "stock"),
    "revenue_usd": _project(("II", "A"), ("II", "A"), "usd", "flow"),
    "export_usd": _project(("III", "A"), ("III", "A"), "usd", "flow"),
    "import_usd": _project(("IV", "A"), ("IV", "A"), "usd", "flow"),
    "employees_total": _project(("V", "A"), ("V", "A"), "one", "stock"),
    "employees_vietnamese": _project(("V.1", "A"), ("V.1", "A"), "one", "stock"),
    "employees_foreign": _project(("V.2", "A"), ("V.2", "A"), "one", "stock"),
    "electricity_kwh": Source(
        ((_QUARTERLY, "VI.1", "A"), (_ANNUAL, "VII.1", "A"), ("05.A", "0.10", "N")), "one", "flow"
    ),
    "coal_t": _project(("VI.2", "A"), ("VII.2", "A"), "one", "flow"),
    "oil_l": _project(("VI.3", "A"), ("VII.3", "A"), "one", "flow"),
    "lng_m3": _project(("VI.4", "A"), ("VII.4", "A"), "one", "flow"),
    "budget_paid_vnd": _project(("VII", "A"), ("VIII", "A"), "vnd", "flow"),
    "land_used_m2": _project(("VIII", "A"), ("IX", "A"), "one", "stock"),
    "mean_monthly_income_vnd": Source(((_ANNUAL, "VI", "A"),), "million", "stock"),
    "profit_after_tax_usd": Source(((_ANNUAL, "X", "A"),), "usd", "flow"),
    "rnd_cost_usd": Source(((_ANNUAL, "XI", "A"),), "usd", "flow"),
    "environment_cost_usd": Source(((_ANNUAL, "XII", "A"),), "usd", "flow"),
    "water_withdrawn_m3": Source((("05.A", "0.11", "N"),), "one", "flow"),
    "wastewater_domestic_m3": Source((("05.A", "1.1.sh", "N"),), "one", "flow"),
    "wastewater_industrial_m3": Source((("05.A", "1.1.cn", "N"),), "one", "flow"),
    "waste_solid_generated_t": Source((("05.A", "3.2", "N"),), "kg", "flow"),
    "waste_hazardous_generated_t": Source((("05.A", "4.3", "N"),), "kg", "flow"),
    "employees_female": _extra("1.1", "one", "stock"),
    "employees_local": _extra("1.2", "one", "stock"),
    "payroll_direct_vnd": _extra("1.3", "million", "flow"),
    "direct_worker_months": _extra("1.4", "one", "flow"),
    "accidents": _extra("1.5", "one", "flow"),
    "workers_housing_demand": _extra("1.6", "one", "stock"),
    "workers_housed": _extra("1.7", "one", "stock"),
    "gross_output_vnd": _extra("2.1", "million", "flow"),
    "value_added_vnd": _extra("2.2", "million", "flow"),
    "procurement_total_vnd": _extra("2.3", "million", "flow"),
    "procurement_local_vnd": _extra("2.4", "million", "flow"),
    "capital_machinery_technology_usd": _extra("2.5", "usd", "stock"),
    "wastewater_generated_m3": _extra("3.1", "one", "flow"),
    "wastewater_reused_m3": _extra("3.2", "one", "flow"),
    "waste_solid_recovered_t": _extra("3.3", "one", "flow"),
    "waste_hazardous_treated_t": _extra("3.4", "one", "flow"),
    "renewable_electricity_kwh": _extra("4.1", "one", "flow"),
    "energy_metered_toe": _extra("4.2", "one", "flow"),
    "ems_certified_flag": _extra("5.1", "flag", "flag"),
    "ohs_system_flag": _extra("5.2", "flag", "flag"),
    "recp_applied_flag": _extra("5.3", "flag", "flag"),
    "ghg_inventory_filed_flag": _extra("5.4", "flag", "flag"),
}


#: Reporter, form code, period code.
_Duty = tuple[str, str, str]


class World:
    """The true state on a night, from the files and registers that had landed by then."""

    def __init__(
        self, contracts: Contracts, province: Province, register: Register, filings: Sequence[Filing], night: str
    ) -> None:
        self.contracts, self.province, self.register = contracts, province, register
        self.night, self.today = night, date.fromisoformat(night)
        self.landed = [filing for filing in filings if filing.night <= night]
        landed_registers = [day for day in register.as_of if register_night(day) <= night]
        self.known_on: date | None = max(landed_registers, default=None)
        self.first_day = contracts.calendar.first_day

    def periods(self, freq: str) -> list[Period]:
        """The periods of a frequency that ended before the night."""
        return ended_periods(freq, self.first_day, self.today)

    # ---- the register ------------------------------------------------------------------------------------------

    def stock(self, table: str, day: date) -> list[Row]:
        """The versions of a register table that hold on a day, with the province that holds their park then."""
        if self.known_on is None:
            return []
        return [self._located(row, day) for row in self.register.valid_on(table, day, self.known_on)]

    def events(self, table: str, column: str, period: Period) -> list[Row]:
        """The events of a register table whose date lies in a period."""
        if self.known_on is None:
            return []
        rows = self.register.state(table, self.known_on)
        return [self._located(row, period.end) for row in rows if period.start <= row[column] <= period.end]

    def statistics(self, province_code: str, year: int) -> Row | None:
        """The provincial totals of a year."""
        rows = self.register.state("register_province_statistics", self.known_on) if self.known_on else []
        return next((r for r in rows if r["province_code"] == province_code and r["year"] == year), None)

    def operating(self, day: date) -> list[Row]:
        """The enterprises in operation on a day, as the register says."""
        return [row for row in self.stock("register_enterprises", day) if row["is_operating"]]

    def _located(self, row: Row, day: date) -> Row:
        if "province_code" in row or "park_code" not in row:
            return row
        return {**row, "province_code": self.province.park(row["park_code"]).province_on(day)}

    # ---- reports -----------------------------------------------------------------------------------------------

    @cached_property
    def submissions(self) -> list[Row]:
        """Every report handed in and every duty not met: grain reporter × form × period × revision."""
        groups: dict[_Duty, list[tuple[Report, Filing]]] = defaultdict(list)
        for filing in self.landed:
            if filing.refused or filing.repeats:
                continue
            for report in filing.reports:
                if report.refused not in UNKNOWN_REPORTER_OR_PERIOD:
                    groups[report.reporter_id, report.form_code, report.period.code].append((report, filing))
        rows = [row for _, group in sorted(groups.items()) for row in self._revisions(group)]
        for reporter_id, form_code, period, park in self._duties():
            due = due_on(self.contracts, form_code, period)
            if due and due < self.today and (reporter_id, form_code, period.code) not in groups:
                rows.append(self._submission(reporter_id, form_code, period, park, None, 0, True))
        return rows

    @cached_property
    def _duty_keys(self) -> set[_Duty]:
        return {(reporter_id, form_code, period.code) for reporter_id, form_code, period, _ in self._duties()}

    def _duties(self) -> Iterator[tuple[str, str, Period, Park | None]]:
        """Every report that a deadline asks for, for the periods that have ended."""
        expected = {form.code: form.expected_from for form in self.contracts.forms.values()}
        for form_code, freq in sorted({(d.form, d.frequency) for d in self.contracts.deadlines.values()}):
            for period in self.periods(freq):
                if due_on(self.contracts, form_code, period) is None:
                    continue
                for reporter_id, park in self._reporters(expected[form_code], period):
                    yield reporter_id, form_code, period, park

    def _reporters(self, expected_from: str, period: Period) -> Iterator[tuple[str, Park | None]]:
        if expected_from == "enterprises":
            for row in self.operating(period.end):
                if row["operating_from"] <= period.start:
                    yield row["enterprise_id"], self.province.park(row["park_code"])
        elif expected_from == "eco_parks":
            for row in self.stock("register_parks", period.end):
                if row["is_eco_park"]:
                    yield row["developer_id"], self.province.park(row["park_code"])
        elif expected_from == "board":
            yield "BOARD", None

    def _revisions(self, group: list[tuple[Report, Filing]]) -> Iterator[Row]:
        """The reports of one duty in their order, the newest being current; refused ones count if none was accepted."""
        ordered = sorted(group, key=lambda one: (one[0].submitted_on, one[1].night, one[1].path))
        counted = [one for one in ordered if not one[0].refused] or ordered
        for number, (report, filing) in enumerate(counted, 1):
            is_current = number == len(counted)
            row = self._submission(
                report.reporter_id, report.form_code, report.period, report.park, report, number, is_current
            )
            yield {**row, "channel": "paper" if filing.path.startswith("paper") else "electronic"}

    def _submission(
        self,
        reporter_id: str,
        form_code: str,
        period: Period,
        park: Park | None,
        report: Report | None,
        revision: int,
        is_current: bool,
    ) -> Row:
        is_expected = (reporter_id, form_code, period.code) in self._duty_keys
        due = due_on(self.contracts, form_code, period)
        row: Row = {
            "enterprise_id": reporter_id,
            "park_code": park.code if park else None,
            "province_code": park.province_on(period.end) if park else None,
            "form_code": form_code,
            "period": period,
            "revision": revision,
            "is_current": is_current,
            "is_expected": is_expected,
            "due_on": due,
            "status": _status(report, due),
            "submitted_on": report.submitted_on if report else None,
            "channel": None,
            "required_total": None,
            "required_filled": None,
        }
        if report and not report.refused:
            required = self._required(report)
            sheets = list(report.records.values()) or [report.cells]
            row["required_total"] = len(required) * len(sheets)
            row["required_filled"] = sum(_holds(report, cells, place) for cells in sheets for place in required)
        return row

    def _required(self, report: Report) -> list[tuple[str, str]]:
        """The figures the form requires for this frequency."""
        form = self.contracts.forms[report.form_id]
        return [
            (one.code, column)
            for one in form.fields
            if one.required and (not one.frequencies or report.period.freq in one.frequencies)
            for column in one.columns or ("",)
        ]

    @cached_property
    def current_reports(self) -> dict[tuple[str, str, str], Report]:
        """The newest accepted report by reporter, form and period."""
        found: dict[tuple[str, str, str], tuple[Any, Report]] = {}
        for filing in self.landed:
            if filing.refused or filing.repeats:
                continue
            for report in filing.reports:
                key = report.reporter_id, report.form_code, report.period.code
                rank = report.submitted_on, filing.night, filing.path
                if not report.refused and (key not in found or rank > found[key][0]):
                    found[key] = rank, report
        return {key: report for key, (_, report) in found.items()}

    # ---- measures ----------------------------------------------------------------------------------------------

    @cached_property
    def _measures(self) -> dict[tuple[str, str], Row]:
        """What the current reports say by (enterprise, period), before quarters are added up: measure by form."""
        found: dict[tuple[str, str], Row] = defaultdict(dict)
        for (enterprise_id, form_code, period_code), report in self.current_reports.items():
            for measure, source in SOURCES.items():
                for form, code, column in source.places:
                    if form == form_code:
                        value = self._read(report, (code, column), source.conversion)
                        if value is not None:
                            found[enterprise_id, period_code][measure, form_code] = value
        return found

    def _read(self, report: Report, place: tuple[str, str], conversion: str) -> float | None:
        written = report.cells.get(place)
        if written is None or place in report.dropped:
            return None
        if conversion == "flag":
            return float(written == "Có")
        assert isinstance(written, int | float) and report.enterprise is not None
        factor = {"one": 1.0, "kg": 0.001, "million": 1e6}.get(conversion)
        if factor is not None:
            return written * factor
        in_usd = report.enterprise.currency == "USD"
        if in_usd == (conversion == "usd"):
            return float(written) if in_usd else written * 1e6
        rate = rate_on(self.contracts, report.period)
        if rate is None:
            return None
        return written * rate if in_usd else written * 1e6 / rate

    def enterprise_rows(self, period: Period) -> list[Row]:
        """The measures of every enterprise that has one for the period, derived ones included."""
        if period.code not in self._enterprise_rows:
            self._enterprise_rows[period.code] = list(self._make_enterprise_rows(period))
        return self._enterprise_rows[period.code]

    @cached_property
    def _enterprise_rows(self) -> dict[str, list[Row]]:
        return {}

    def _make_enterprise_rows(self, period: Period) -> Iterator[Row]:
        places = {row["enterprise_id"]: row for row in self.stock("register_enterprises", period.end)}
        for firm in self.province.enterprises:
            values, estimated = self._add_up(firm.enterprise_id, period)
            if not values:
                continue
            row: Row = {measure: values.get(measure) for measure in SOURCES}
            row |= derive(self.contracts, row, period)
            row["enterprise_id"], row["estimated"] = firm.enterprise_id, _with_derived(estimated)
            row["park_code"] = places[firm.enterprise_id]["park_code"]
            row["province_code"] = places[firm.enterprise_id]["province_code"]
            yield row

    def _add_up(self, enterprise_id: str, period: Period) -> tuple[dict[str, float], set[str]]:
        """The measures of a period: from its own forms, else from all of its quarters; and those a year was added up of."""
        values: dict[str, float] = {}
        estimated: set[str] = set()
        own = self._measures.get((enterprise_id, period.code), {})
        for measure, source in SOURCES.items():
            written = [own[measure, form] for form, _, _ in source.places if (measure, form) in own]
            if written:
                values[measure] = written[0]
            elif period.freq in ("A", "S"):
                added = self._from_quarters(enterprise_id, measure, source, period)
                if added is not None:
                    values[measure] = added
                    estimated |= {measure} if period.freq == "A" else set()
        return values, estimated

    def _from_quarters(self, enterprise_id: str, measure: str, source: Source, period: Period) -> float | None:
        found = []
        for quarter in period.quarters:
            own = self._measures.get((enterprise_id, quarter.code), {})
            written = [own[measure, form] for form, _, _ in source.places if (measure, form) in own]
            if not written:
                return None
            found.append(written[0])
        return sum(found) if source.kind == "flow" else found[-1]


#: Rules that refuse a report of which nobody can tell who owes it or for when.
UNKNOWN_REPORTER_OR_PERIOD = frozenset({"unknown_tax_code", "two_digit_year", "period_in_future", "no_period"})


#: What derived measures are made of.
_FUELS = frozenset({"electricity_kwh", "coal_t", "oil_l", "lng_m3"})
_BASES = {
    "energy_total_toe": _FUELS,
    "energy_renewable_toe": frozenset({"renewable_electricity_kwh"}),
    "ghg_scope1_tco2e": _FUELS - {"electricity_kwh"},
    "ghg_scope2_tco2e": frozenset({"electricity_kwh"}),
}


def _with_derived(estimated: set[str]) -> set[str]:
    """The estimated measures, and the derived ones that are made of one of them."""
    return estimated | {name for name, bases in _BASES.items() if bases & estimated}


def register_night(day: date) -> str:
    """The night that lands the register of a date: it arrives the day after."""
    return (day + timedelta(days=2)).isoformat()


def _holds(report: Report, cells: Cells, place: tuple[str, str]) -> bool:
    """Whether a cell holds something, be it readable or not; a cell that shows an error holds nothing."""
    return place in cells and report.dropped.get(place) != "formula_error"


def _status(report: Report | None, due: date | None) -> str:
    if report is None:
        return "missing"
    if report.refused:
        return "rejected"
    return "late" if due and report.submitted_on > due else "on_time"


def derive(contracts: Contracts, row: Mapping[str, float | None], period: Period) -> dict[str, float | None]:
    """Energy in TOE and greenhouse gases in tonnes CO2e from the fuels; empty when a fuel they need is unknown."""
    f = _factors(contracts, period.end)
    power, coal, oil, gas = (row[name] for name in ("electricity_kwh", "coal_t", "oil_l", "lng_m3"))
    renewable = row["renewable_electricity_kwh"]
    energy = scope_1 = None
    if coal is not None and oil is not None and gas is not None:
        coal_tj = coal * f["ncv_anthracite_tj_gg"] / 1000
        oil_tj = oil / 1000 * (f["toe_diesel_1000l"] / f["toe_diesel_t"]) * f["ncv_diesel_tj_gg"] / 1000
        gas_tj = gas / 1000 * f["toe_natural_gas_1000m3"] * f["gj_per_toe"] / 1000
        fuels = (("anthracite", coal_tj), ("diesel", oil_tj), ("natural_gas", gas_tj))
        scope_1 = sum(terajoules * _kg_co2e(f, fuel) for fuel, terajoules in fuels) / 1000
        if power is not None:
            energy = power * f["toe_electricity_kwh"] + coal * f["toe_coal_t"]
            energy += oil / 1000 * f["toe_diesel_1000l"] + gas / 1000 * f["toe_natural_gas_1000m3"]
    return {
        "energy_total_toe": energy,
        "energy_renewable_toe": None if renewable is None else renewable * f["toe_electricity_kwh"],
        "ghg_scope1_tco2e": scope_1,
        "ghg_scope2_tco2e": None if power is None else power / 1000 * f["ef_grid_tco2_mwh"],
    }


def _kg_co2e(f: Mapping[str, float], fuel: str) -> float:
    """Kilograms of CO2 equivalent per terajoule of a fuel."""
    methane, nitrous_oxide = f[f"ef_{fuel}_ch4_kg_tj"] * f["gwp_ch4"], f[f"ef_{fuel}_n2o_kg_tj"] * f["gwp_n2o"]
    return f[f"ef_{fuel}_co2_kg_tj"] + methane + nitrous_oxide


def _factors(contracts: Contracts, day: date) -> dict[str, float]:
    """The factors that hold on a day; of two the one that began later."""
    chosen: dict[str, tuple[date, float]] = {}
    for factor in contracts.factors.values():
        begun = factor.valid_from or date.min
        if factor.holds_on(day) and (factor.name not in chosen or begun > chosen[factor.name][0]):
            chosen[factor.name] = begun, factor.value
    return {name: value for name, (_, value) in chosen.items()}
