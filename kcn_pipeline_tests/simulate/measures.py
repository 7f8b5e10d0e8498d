"""Measures by hand: in which cell each is written, how it is converted, and what follows from it by physics.

It must not read measures.yaml, only the dated factors and rates. The surprising fact: it repeats what the contracts say
in another form, so that a measure fed from the wrong cell shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate.figures import rate_on
from kcn_pipeline_tests.simulate.periods import Period
from kcn_pipeline_tests.simulate.reports import Report

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


def read_measure(contracts: Contracts, report: Report, place: tuple[str, str], conversion: str) -> float | None:
    """What a cell of a report says in the measure's unit; None when it is empty, refused or cannot be converted."""
    written = report.cells.get(place)
    if written is None or place in report.dropped:
        return None
    if conversion == "flag":
        return float(written == "Có")
    assert isinstance(written, int | float)
    assert report.enterprise is not None
    factor = {"one": 1.0, "kg": 0.001, "million": 1e6}.get(conversion)
    if factor is not None:
        return written * factor
    in_usd = report.enterprise.currency == "USD"
    if in_usd == (conversion == "usd"):
        return float(written) if in_usd else written * 1e6
    rate = rate_on(contracts, report.period)
    if rate is None:
        return None
    return written * rate if in_usd else written * 1e6 / rate


#: What derived measures are made of.
_FUELS = frozenset({"electricity_kwh", "coal_t", "oil_l", "lng_m3"})
_BASES = {
    "energy_total_toe": _FUELS,
    "energy_renewable_toe": frozenset({"renewable_electricity_kwh"}),
    "ghg_scope1_tco2e": _FUELS - {"electricity_kwh"},
    "ghg_scope2_tco2e": frozenset({"electricity_kwh"}),
}


def with_derived(estimated: set[str]) -> set[str]:
    """The estimated measures, and the derived ones that are made of one of them."""
    return estimated | {name for name, bases in _BASES.items() if bases & estimated}


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
