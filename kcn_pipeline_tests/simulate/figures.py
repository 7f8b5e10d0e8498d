"""What an enterprise did in each quarter and year, in the units it writes: smooth, and different from firm to firm.

It must not know a form's codes or layout (`reports.py`). The surprising fact: figures are rounded here, as a firm
rounds them, and everything later, the truth included, starts from the rounded figure.
"""

from collections.abc import Sequence
from functools import lru_cache
from random import Random

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate.periods import Period
from kcn_pipeline_tests.simulate.province import Enterprise, Province

#: By name: money in the certificate's currency (whole USD, or million VND with one decimal), BN.01 money in million
#: VND, energy in kWh, tonnes, litres and m3, solid waste in tonnes and in kg where the form says so.
Figures = dict[str, float]

#: Capital by line: flows of the period; `<line>_total` is what came in since the certificate.
CAPITAL_LINES = ("cash", "machinery", "other_assets", "loan_domestic", "loan_parent", "loan_foreign", "reinvested")
_SEASON = {1: 0.95, 2: 1.0, 3: 1.02, 4: 1.04}
#: Stocks: the year has what its last quarter has.
STOCKS = frozenset(
    {"registered", "vietnamese", "foreign", "female", "local", "housing_demand", "housed", "land"}
    | {f"{line}_total" for line in CAPITAL_LINES}
)


def rate_on(contracts: Contracts, period: Period) -> float | None:
    """VND for one USD on the last day of a period, None when the contracts hold no rate for it."""
    rate = contracts.rate_on(period.end)
    return rate.vnd_per_usd if rate else None


@lru_cache(maxsize=4096)
def quarter_figures(province: Province, enterprise: Enterprise) -> dict[str, Figures]:
    """The figures of every quarter of the province's time, by period code."""
    draw = province.stream("figures", enterprise.enterprise_id)
    habits = _Habits(draw, enterprise)
    found: dict[str, Figures] = {}
    totals: Figures = {}
    period, step = province.first_quarter, 0
    while period <= province.last_quarter:
        figures = _quarter(habits, enterprise, period, step, draw)
        for line in CAPITAL_LINES:
            opening = habits.registered * 0.7 * habits.capital_shares[line]
            totals[line] = round(totals.get(line, _money(enterprise, opening)) + figures[line], 1)
            figures[f"{line}_total"] = totals[line]
        found[period.code] = figures
        period, step = period.next(), step + 1
    return found


def year_figures(province: Province, enterprise: Enterprise, year: Period) -> Figures:
    """The figures of a whole year: its quarters added up and then audited, and what only annual forms ask."""
    quarters = [quarter_figures(province, enterprise)[quarter.code] for quarter in year.quarters]
    draw = province.stream("year", enterprise.enterprise_id, year.code)
    audited = {"revenue", "export", "budget", "electricity", "output", "value_added", "wastewater", "payroll"}
    figures: Figures = {}
    for name, last in quarters[-1].items():
        if name in STOCKS:
            figures[name] = last
            continue
        total = sum(quarter[name] for quarter in quarters)
        exact = isinstance(last, int)
        figures[name] = _like(total * (1 + draw.uniform(-0.008, 0.012)) if name in audited else total, exact)
    return figures | _annual_only(enterprise, figures, draw)


class _Habits:
    """What stays the same for one enterprise over time."""

    def __init__(self, draw: Random, enterprise: Enterprise) -> None:
        self.growth = draw.uniform(0.0, 0.025)
        self.efficiency = draw.uniform(0.8, 1.25)
        self.export_share = draw.uniform(0.7, 0.95) if enterprise.ownership == "FDI" else draw.uniform(0, 0.3)
        self.import_share = draw.uniform(0.3, 0.6) if enterprise.ownership == "FDI" else draw.uniform(0, 0.15)
        self.foreign_share = draw.uniform(0.01, 0.05) if enterprise.ownership == "FDI" else 0.0
        self.female_share = draw.uniform(0.35, 0.75)
        self.local_share = draw.uniform(0.2, 0.75)
        self.direct_share = draw.uniform(0.7, 0.88)
        self.income = draw.uniform(7.5, 12.5)
        self.local_buying = draw.choice((draw.uniform(0.82, 0.97), draw.uniform(0.1, 0.75)))
        self.reuse_share = draw.choice((0.0, draw.uniform(0.05, 0.6)))
        self.renewable_share = draw.choice((0.0, 0.0, draw.uniform(0.03, 0.25)))
        self.housing_share = draw.uniform(0.1, 0.4)
        self.housed_share = draw.uniform(0.3, 1.0)
        self.land = int(enterprise.workers * draw.uniform(30, 90))
        self.registered = enterprise.workers * draw.uniform(35_000, 90_000)
        weights = {line: draw.uniform(0.05, 1) for line in CAPITAL_LINES}
        self.capital_shares = {line: weight / sum(weights.values()) for line, weight in weights.items()}


def _quarter(habits: _Habits, enterprise: Enterprise, period: Period, step: int, draw: Random) -> Figures:
    level = (1 + habits.growth) ** step
    workers = max(10, round(enterprise.workers * level * draw.uniform(0.985, 1.015)))
    activity = workers * habits.efficiency * _SEASON[period.part] * draw.uniform(0.97, 1.03)
    return (
        _labour(habits, workers, draw)
        | _business(habits, enterprise, workers, activity, draw)
        | _capital(habits, enterprise, period, draw)
        | _environment(habits, enterprise, workers, activity)
    )


def _labour(habits: _Habits, workers: int, draw: Random) -> Figures:
    foreign = round(workers * habits.foreign_share)
    demand = round(workers * habits.housing_share)
    direct = round(workers * habits.direct_share)
    return {
        "vietnamese": workers - foreign,
        "foreign": foreign,
        "female": round(workers * habits.female_share),
        "local": round(workers * habits.local_share),
        "payroll": round(direct * 3 * habits.income * draw.uniform(0.98, 1.02), 1),
        "worker_months": direct * 3,
        "accidents": sum(draw.random() < 0.0008 for _ in range(workers)),
        "housing_demand": demand,
        "housed": round(demand * habits.housed_share),
    }


def _business(habits: _Habits, enterprise: Enterprise, workers: int, activity: float, draw: Random) -> Figures:
    """`output` and its like in million VND; `revenue` and its like in the certificate's currency."""
    output = round(activity * enterprise.sector.output, 1)
    usd = output * 40.0  # about 25,000 VND to the dollar; the stored rate converts what is written, not this
    procurement = round(output * 0.55, 1)
    return {
        "registered": _money(enterprise, habits.registered),
        "revenue": _money(enterprise, usd * draw.uniform(0.96, 1.02)),
        "export": _money(enterprise, usd * habits.export_share),
        "import": _money(enterprise, usd * habits.import_share),
        "budget": _money(enterprise, usd * 0.021 * draw.uniform(0.9, 1.1)),
        "output": output,
        "value_added": round(output * enterprise.sector.value_added, 1),
        "procurement": procurement,
        "procurement_local": round(procurement * habits.local_buying, 1),
        "land": habits.land,
    }


def _capital(habits: _Habits, enterprise: Enterprise, period: Period, draw: Random) -> Figures:
    """Loans are net of repayments: in most second quarters a firm pays back more than it borrows."""
    flows = {}
    repays = period.part == 2 and draw.random() < 0.7
    for line in CAPITAL_LINES:
        amount = habits.registered * 0.012 * habits.capital_shares[line] * draw.uniform(0.5, 1.5)
        if line.startswith("loan") and repays:
            amount = -0.15 * amount
        flows[line] = _money(enterprise, amount)
    return flows


def _environment(habits: _Habits, enterprise: Enterprise, workers: int, activity: float) -> Figures:
    sector = enterprise.sector
    water = round(activity * sector.water)
    wastewater = round(water * 0.8)
    domestic = min(wastewater, round(workers * 3.6))
    electricity = round(activity * sector.kwh)
    return {
        "electricity": electricity,
        "coal": round(activity * sector.coal, 2),
        "oil": round(activity * sector.oil),
        "gas": round(activity * sector.gas),
        "renewable": round(electricity * habits.renewable_share),
        "water": water,
        "wastewater": wastewater,
        "wastewater_domestic": domestic,
        "wastewater_industrial": wastewater - domestic,
        "reused": round(wastewater * habits.reuse_share),
        "solid_kg": round(activity * sector.solid * 1000),
        "hazardous_kg": round(activity * sector.hazardous),
    }


def _annual_only(enterprise: Enterprise, year: Figures, draw: Random) -> Figures:
    is_large = year["vietnamese"] + year["foreign"] > 250
    toe = year["electricity"] * 0.00015
    return {
        "income": round(draw.uniform(8, 14), 1),
        "profit": _like(year["revenue"] * draw.uniform(-0.02, 0.09), isinstance(year["revenue"], int)),
        "rnd": _like(year["revenue"] * draw.uniform(0, 0.02), isinstance(year["revenue"], int)),
        "environment_cost": _like(year["revenue"] * draw.uniform(0.001, 0.006), isinstance(year["revenue"], int)),
        "machinery_technology": _like(year["registered"] * draw.uniform(0.4, 0.8), isinstance(year["registered"], int)),
        "solid_recovered": round(year["solid_kg"] / 1000 * draw.uniform(0.1, 0.9), 2),
        "hazardous_treated": round(year["hazardous_kg"] / 1000 * draw.choice((1.0, 1.0, 0.92)), 2),
        "metered_toe": round(toe * draw.uniform(0.5, 0.98), 2),
        "has_ems": draw.random() < (0.55 if is_large else 0.2),
        "has_ohs": draw.random() < (0.8 if is_large else 0.4),
        "applies_recp": draw.random() < 0.3,
        "filed_ghg": is_ghg_obliged(enterprise) and draw.random() < 0.75,
    }


def is_ghg_obliged(enterprise: Enterprise) -> bool:
    """Whether the register lists the enterprise for the greenhouse gas inventory: tenants that use much power."""
    return enterprise.workers * enterprise.sector.kwh > 350_000 and enterprise.role == "tenant"


def _money(enterprise: Enterprise, usd: float) -> float:
    """An amount as the firm writes it: whole dollars, or million VND with one decimal."""
    return round(usd) if enterprise.currency == "USD" else round(usd * 0.025, 1)


def _like(value: float, whole: bool) -> float:
    return round(value) if whole else round(value, 2 if abs(value) < 100 else 1)


def figures_of(province: Province, enterprise: Enterprise, period: Period) -> Figures:
    """The figures of a quarter or a year."""
    if period.freq == "Q":
        return quarter_figures(province, enterprise)[period.code]
    return year_figures(province, enterprise, period)


def year_to_date(province: Province, enterprise: Enterprise, quarter: Period, name: str) -> float:
    """A flow added up from the year's first quarter to this one, rounded like its parts."""
    quarters: Sequence[Figures] = [
        quarter_figures(province, enterprise)[Period(quarter.year, part, "Q").code]
        for part in range(1, quarter.part + 1)
        if Period(quarter.year, part, "Q") >= province.first_quarter
    ]
    return round(sum(figures[name] for figures in quarters), 2)
