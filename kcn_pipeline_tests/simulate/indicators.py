"""The 70 indicators once more, by hand in plain Python: code → function of an area and a period.

It must not read an expression of the catalog nor touch its SQL; that is the point of it. The surprising fact: each
function answers with the rows that took part, because who reported matters as much as the figure.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from kcn_pipeline_tests.simulate.periods import Period
from kcn_pipeline_tests.simulate.world import World

Row = dict[str, Any]
#: Indicators whose source is not connected yet: they have rows without a value.
PLANNED = frozenset({"MG08", "EN02", "EN14", "EN15", "SO11", "ID03", "ID06"})
_KEYS = {"province": "province_code", "park": "park_code", "enterprise": "enterprise_id"}


@dataclass(frozen=True)
class Answer:
    """An indicator's operands before scaling, and the rows of the numerator that took part.

    `bottom` is None when the indicator has no denominator, and holds None when the denominator is unknown.
    `contributor` names the column that tells contributors apart; `measures` are the measures of reports it is made of.
    """

    top: float | None
    bottom: tuple[float | None] | None
    rows: Sequence[Row]
    contributor: str
    measures: frozenset[str] | None = None


class Area:
    """One area in one period: the rows of each table that belong to it."""

    def __init__(self, world: World, level: str, code: str, period: Period) -> None:
        self.world, self.level, self.code, self.period = world, level, code, period

    def _mine(self, rows: Iterable[Row], key: str | None = None) -> list[Row]:
        column = key or _KEYS[self.level]
        return [row for row in rows if row.get(column) == self.code]

    @cached_property
    def reports(self) -> list[Row]:
        """Measures of the area's enterprises."""
        return self._mine(self.world.enterprise_rows(self.period))

    @cached_property
    def submissions(self) -> list[Row]:
        """Reports and duties of the area's enterprises."""
        return self._mine(row for row in self.world.submissions if row["period"] == self.period)

    @property
    def received(self) -> list[Row]:
        """The current accepted reports."""
        return [row for row in self.submissions if row["is_current"] and row["status"] in ("on_time", "late")]

    def stock(self, table: str) -> list[Row]:
        """The versions of a register table on the period's last day."""
        return self._mine(self.world.stock(table, self.period.end))

    @property
    def operating(self) -> list[Row]:
        """The enterprises in operation on the period's last day."""
        return self._mine(self.world.operating(self.period.end))

    @property
    def projects(self) -> list[Row]:
        """The projects in force on the period's last day."""
        day = self.period.end
        rows = self.stock("register_projects")
        return [r for r in rows if r["licensed_on"] <= day and (r["ended_on"] is None or r["ended_on"] > day)]

    def events(self, table: str, column: str) -> list[Row]:
        """The events of the period."""
        return self._mine(self.world.events(table, column, self.period))

    @property
    def is_complete(self) -> bool:
        """Whether the register has been brought up to date past the period's end, so that nothing means zero."""
        return self.world.known_on is not None and self.world.known_on >= self.period.end

    @property
    def province_code(self) -> str | None:
        """The province that holds the area on the period's last day."""
        if self.level == "province":
            return self.code
        return self.world.province.park(self.code).province_on(self.period.end)


# ---- ways to add up --------------------------------------------------------------------------------------------------


def _complete(rows: Iterable[Row], *columns: str) -> list[Row]:
    return [row for row in rows if all(row[column] is not None for column in columns)]


def _sum(rows: Sequence[Row], *columns: str) -> float | None:
    return float(sum(row[column] for row in rows for column in columns)) if rows else None


def _count(rows: Sequence[Row], condition: Callable[[Row], object]) -> float | None:
    return float(sum(bool(condition(row)) for row in rows)) if rows else None


def _reported(area: Area, *columns: str) -> Answer:
    """Sum over the enterprises that reported the columns."""
    rows = _complete(area.reports, *columns)
    return Answer(_sum(rows, *columns), None, rows, "enterprise_id", frozenset(columns))


def _share_reported(area: Area, top: str | tuple[str, ...], bottom: str) -> Answer:
    """Sum over sum, over the enterprises that reported both."""
    tops = (top,) if isinstance(top, str) else top
    rows = _complete(area.reports, *tops, bottom)
    return Answer(_sum(rows, *tops), (_sum(rows, bottom),), rows, "enterprise_id", frozenset({*tops, bottom}))


def _count_reported(area: Area, columns: tuple[str, ...], top: Callable[[Row], object], bottom: Any) -> Answer:
    rows = _complete(area.reports, *columns)
    return Answer(_count(rows, top), (_count(rows, bottom),), rows, "enterprise_id", frozenset(columns))


def _share(rows: Sequence[Row], top: str, bottom: str, contributor: str) -> Answer:
    rows = _complete(rows, top, bottom)
    return Answer(_sum(rows, top), (_sum(rows, bottom),), rows, contributor)


def _share_of_rows(rows: Sequence[Row], top: Callable[[Row], object], contributor: str, *columns: str) -> Answer:
    """How many of the rows that say it meet a condition."""
    rows = _complete(rows, *columns)
    return Answer(_count(rows, top), (_count(rows, lambda row: True),), rows, contributor)


def _land(area: Area, top: str, bottom: str) -> Answer:
    return _share(area.stock("register_land"), top, bottom, "park_code")


def _listed(area: Area, rows: Sequence[Row], value: float | None, contributor: str) -> Answer:
    """A count or sum over a register that lists everything: nothing listed is zero once it is up to date."""
    if not rows:
        value = 0.0 if area.is_complete else None
    return Answer(value, None, rows, contributor)


# ---- management ------------------------------------------------------------------------------------------------------


def _mg03(area: Area) -> Answer:
    rows = area.submissions
    top = _count(rows, lambda r: r["is_expected"] and r["revision"] == 1 and r["status"] == "on_time")
    return Answer(top, (_count(rows, lambda r: r["is_expected"] and r["is_current"]),), rows, "enterprise_id")


def _mg05(area: Area) -> Answer:
    active = [row for row in area.projects if row["status"] == "active"]
    return _share_of_rows(
        active,
        lambda r: r["actual_progress_pct"] < r["planned_progress_pct"],
        "project_id",
        "actual_progress_pct",
        "planned_progress_pct",
    )


def _mg06(area: Area) -> Answer:
    rows = area.stock("register_projects")
    ended = [r for r in _complete(rows, "ended_on") if r["status"] in ("revoked", "terminated")]
    count = sum(area.period.start <= r["ended_on"] <= area.period.end for r in ended)
    return Answer(float(count) if rows else None, None, _complete(rows, "ended_on", "status"), "project_id")


def _mg07(area: Area) -> Answer:
    due = area.events("register_petitions", "due_on")
    on_time = [row for row in due if row["resolved_on"] and row["resolved_on"] <= row["due_on"]]
    known = bool(due) or area.is_complete
    top = float(len(on_time)) if on_time or area.is_complete else None
    return Answer(top, (float(len(due)) if known else None,), on_time, "petition_id")


def _mg09(area: Area) -> Answer:
    rows = [r for r in area.submissions if r["form_code"] == "A.4" and r["is_expected"] and r["is_current"]]
    return _share_of_rows(rows, lambda r: r["status"] in ("on_time", "late"), "enterprise_id")


def _mg11(area: Area) -> Answer:
    rows = area.stock("register_parks")
    value = _count(rows, lambda r: r["green_park_recognised_year"] == area.period.year)
    return Answer(value, None, _complete(rows, "green_park_recognised_year"), "park_code")


def _mg12(area: Area) -> Answer:
    rows = area.events("register_inspections", "inspected_on")
    zero = 0.0 if area.is_complete else None
    top = _count(rows, lambda r: r["has_violation"]) if rows else zero
    return Answer(top, (float(len(rows)) if rows else zero,), rows, "inspection_id")


# ---- economy ---------------------------------------------------------------------------------------------------------


def _capital(area: Area) -> Answer:
    rows = area.projects
    return Answer(_sum(rows, "registered_capital_usd"), None, rows, "project_id")


def _ec02(area: Area) -> Answer:
    rows = area.projects
    foreign = float(sum(r["registered_capital_usd"] for r in rows if r["capital_type"] == "FDI")) if rows else None
    return Answer(foreign, (_sum(rows, "registered_capital_usd"),), rows, "project_id")


def _over(answer: Answer, bottom: float | None) -> Answer:
    """The answer divided by an operand of another table."""
    return Answer(answer.top, (bottom,), answer.rows, answer.contributor, answer.measures)


def _leased(area: Area) -> float | None:
    return _sum(_complete(area.stock("register_land"), "land_leased_ha"), "land_leased_ha")


def _ec05(area: Area) -> Answer:
    rows = area.stock("register_projects")
    value = _count(rows, lambda r: area.period.start <= r["licensed_on"] <= area.period.end)
    return Answer(value, None, rows, "project_id")


def _ec07(area: Area) -> Answer:
    province = area.province_code
    totals = area.world.statistics(province, area.period.year) if province else None
    return _over(_reported(area, "gross_output_vnd"), totals["gross_output_vnd"] if totals else None)


def _ec14(area: Area) -> Answer:
    columns = ("procurement_total_vnd", "procurement_local_vnd")

    def buys(row: Row) -> bool:
        return bool(row["procurement_total_vnd"] > 0)

    def buys_here(row: Row) -> bool:
        return buys(row) and bool(row["procurement_local_vnd"] >= 0.8 * row["procurement_total_vnd"])

    return _count_reported(area, columns, buys_here, buys)


# ---- environment -----------------------------------------------------------------------------------------------------


def _en01(area: Area) -> Answer:
    parks = [row for row in area.stock("register_parks") if row["status"] == "operating"]
    return _share_of_rows(
        parks,
        lambda r: r["wwtp_is_operating"] and r["wwtp_is_compliant"],
        "park_code",
        "wwtp_is_operating",
        "wwtp_is_compliant",
    )


def _en11(area: Area) -> Answer:
    return _over(_reported(area, "ghg_inventory_filed_flag"), _count(area.operating, lambda r: r["is_ghg_obliged"]))


def _en17(area: Area) -> Answer:
    rows = [row for row in area.stock("register_symbiosis") if row["status"] == "operating"]
    return _listed(area, rows, float(len(rows)), "symbiosis_id")


def _large(area: Area, flag: str) -> Answer:
    """The share of enterprises with more than 250 employees that have a system."""
    return _count_reported(
        area,
        ("employees_total", flag),
        lambda r: r["employees_total"] > 250 and r[flag] == 1,
        lambda r: r["employees_total"] > 250,
    )


def _incidents(area: Area, kind: str, column: str | None) -> Answer:
    rows = [row for row in area.events("register_incidents", "occurred_on") if row["kind"] == kind]
    value = float(len(rows)) if column is None else _sum(rows, column)
    return _listed(area, rows, value, "incident_id")


# ---- society, infrastructure -----------------------------------------------------------------------------------------


def _so06(area: Area) -> Answer:
    rows = _complete(area.operating, "is_union_eligible", "has_union")
    top = _count(rows, lambda r: r["is_union_eligible"] and r["has_union"])
    return Answer(top, (_count(rows, lambda r: r["is_union_eligible"]),), rows, "enterprise_id")


def _id02(area: Area) -> Answer:
    rows = _complete(area.stock("register_parks"), "wwtp_is_operating", "cems_is_connected")
    top = _count(rows, lambda r: r["wwtp_is_operating"] and r["cems_is_connected"])
    return Answer(top, (_count(rows, lambda r: r["wwtp_is_operating"]),), rows, "park_code")


def _id07(area: Area) -> Answer:
    hours = _incidents(area, "power_outage", "customer_hours")
    return _over(hours, float(len(area.operating)) if area.operating else None)


#: Scale and function by code.
FORMULAS: dict[str, tuple[float, Callable[[Area], Answer]]] = {
    "MG01": (100, lambda a: _land(a, "land_leased_ha", "land_industrial_planned_ha")),
    "MG02": (100, lambda a: _land(a, "land_leased_ha", "land_recovered_ha")),
    "MG03": (100, _mg03),
    "MG04": (100, lambda a: _share(a.received, "required_filled", "required_total", "enterprise_id")),
    "MG05": (100, _mg05),
    "MG06": (1, _mg06),
    "MG07": (100, _mg07),
    "MG09": (1, _mg09),
    "MG10": (100, lambda a: _share(a.stock("register_parks"), "eip_criteria_met", "eip_criteria_total", "park_code")),
    "MG11": (1, _mg11),
    "MG12": (100, _mg12),
    "EC01": (1, _capital),
    "EC02": (100, _ec02),
    "EC03": (100, lambda a: _share_reported(a, "capital_disbursed_cumulative_usd", "capital_registered_usd")),
    "EC04": (1, lambda a: _over(_capital(a), _leased(a))),
    "EC05": (1, _ec05),
    "EC06": (1, lambda a: _reported(a, "gross_output_vnd")),
    "EC07": (100, _ec07),
    "EC08": (1, lambda a: _reported(a, "export_usd")),
    "EC09": (1, lambda a: _reported(a, "import_usd")),
    "EC10": (1, lambda a: _reported(a, "budget_paid_vnd")),
    "EC11": (1, lambda a: _share_reported(a, "value_added_vnd", "employees_total")),
    "EC12": (1, lambda a: _over(_reported(a, "value_added_vnd"), _leased(a))),
    "EC13": (100, lambda a: _share_reported(a, "capital_machinery_technology_usd", "capital_registered_usd")),
    "EC14": (100, _ec14),
    "EC15": (100, lambda a: _land(a, "land_sme_reserved_ha", "land_industrial_planned_ha")),
    "EN01": (1, _en01),
    "EN03": (
        100,
        lambda a: _share_of_rows(
            a.operating, lambda r: r["is_sewer_connected"], "enterprise_id", "is_sewer_connected"
        ),
    ),
    "EN04": (100, lambda a: _share_reported(a, "wastewater_reused_m3", "wastewater_generated_m3")),
    "EN05": (1e9, lambda a: _share_reported(a, "water_withdrawn_m3", "value_added_vnd")),
    "EN06": (1, lambda a: _reported(a, "energy_total_toe")),
    "EN07": (1e9, lambda a: _share_reported(a, "energy_total_toe", "value_added_vnd")),
    "EN08": (100, lambda a: _share_reported(a, "energy_renewable_toe", "energy_total_toe")),
    "EN09": (1, lambda a: _reported(a, "ghg_scope1_tco2e", "ghg_scope2_tco2e")),
    "EN10": (1e9, lambda a: _share_reported(a, ("ghg_scope1_tco2e", "ghg_scope2_tco2e"), "value_added_vnd")),
    "EN11": (100, _en11),
    "EN12": (100, lambda a: _share_reported(a, "waste_solid_recovered_t", "waste_solid_generated_t")),
    "EN13": (100, lambda a: _share_reported(a, "waste_hazardous_treated_t", "waste_hazardous_generated_t")),
    "EN16": (
        100,
        lambda a: _count_reported(a, ("recp_applied_flag",), lambda r: r["recp_applied_flag"] == 1, lambda r: True),
    ),
    "EN17": (1, _en17),
    "EN18": (100, lambda a: _large(a, "ems_certified_flag")),
    "EN19": (100, lambda a: _land(a, "land_green_ha", "land_total_ha")),
    "EN20": (100, lambda a: _land(a, "land_shared_infrastructure_ha", "land_total_ha")),
    "EN21": (1, lambda a: _incidents(a, "environmental", None)),
    "SO01": (1, lambda a: _reported(a, "employees_total")),
    "SO02": (100, lambda a: _share_reported(a, "employees_female", "employees_total")),
    "SO03": (100, lambda a: _share_reported(a, "employees_local", "employees_total")),
    "SO04": (100, lambda a: _share_reported(a, "employees_foreign", "employees_total")),
    "SO05": (1, lambda a: _share_reported(a, "payroll_direct_vnd", "direct_worker_months")),
    "SO06": (100, _so06),
    "SO07": (1000, lambda a: _share_reported(a, "accidents", "employees_total")),
    "SO08": (100, lambda a: _large(a, "ohs_system_flag")),
    "SO09": (100, lambda a: _share_reported(a, "workers_housed", "workers_housing_demand")),
    "SO10": (
        100,
        lambda a: _share_of_rows(a.operating, lambda r: r["is_fire_safe"], "enterprise_id", "is_fire_safe"),
    ),
    "ID01": (
        100,
        lambda a: _share_of_rows(
            a.events("register_signal_tests", "tested_on"), lambda r: r["is_passed"], "test_id", "is_passed"
        ),
    ),
    "ID02": (100, _id02),
    "ID04": (
        100,
        lambda a: _share_of_rows(a.received, lambda r: r["channel"] == "electronic", "enterprise_id", "channel"),
    ),
    "ID05": (
        100,
        lambda a: _share_of_rows(
            a.stock("register_procedures"), lambda r: r["online_level"] == "full", "procedure_id", "online_level"
        ),
    ),
    "ID07": (1, _id07),
    "ID08": (1, lambda a: _incidents(a, "flooding", "hours")),
    "ID09": (100, lambda a: _land(a, "land_service_logistics_ha", "land_total_ha")),
    "ID10": (
        100,
        lambda a: _share_of_rows(a.stock("register_lots"), lambda r: r["has_gis"], "lot_id", "has_gis"),
    ),
    "ID11": (100, lambda a: _share_reported(a, "energy_metered_toe", "energy_total_toe")),
}


@dataclass(frozen=True)
class IndicatorValue:
    """One true value, as `indicator_values.csv` holds it; `value` None with the status that says why."""

    indicator_code: str
    area_code: str
    period_code: str
    value: float | None
    obs_status: str
    n_reporting: int | None
    n_expected: int | None


def list_values(world: World) -> list[IndicatorValue]:
    """Every value that should exist on the night: indicator × area × period, in the catalog's order."""
    found: list[IndicatorValue] = []
    for code, indicator in world.contracts.indicators.items():
        for freq in indicator.frequencies:
            if freq == "D" or indicator.status == "retired":
                continue
            for period in world.periods(freq):
                for level in indicator.levels:
                    for area_code in _areas(world, level, period, code):
                        found.append(_value(world, code, Area(world, level, area_code, period)))
    return found


def _areas(world: World, level: str, period: Period, code: str) -> list[str]:
    """The areas that get a row: every park and province of the period, the enterprises that have something to say."""
    if level == "province":
        areas = world.contracts.areas.values()
        return [
            a.area_code
            for a in areas
            if (a.valid_from or date.min) <= period.end and (a.valid_to or date.max) >= period.start
        ]
    if level == "park":
        return [park.code for park in world.province.parks] if world.known_on else []
    if level == "enterprise" and code not in PLANNED:
        rows = world.enterprise_rows(period)
        if code == "MG04":
            rows = [r for r in world.submissions if r["period"] == period and r["enterprise_id"] != "BOARD"]
        return sorted({row["enterprise_id"] for row in rows})
    return []


def _value(world: World, code: str, area: Area) -> IndicatorValue:
    """One value with its status: L, M or O without a value, else B, E, P or A."""
    key = code, area.code, area.period.code
    if code in PLANNED:
        return IndicatorValue(*key, None, "L", None, None)
    breaks = [b.day for b in world.contracts.calendar.breaks if b.level == area.level]
    if any(area.period.spans(day) for day in breaks):
        return IndicatorValue(*key, None, "M", None, None)
    scale, formula = FORMULAS[code]
    answer = formula(area)
    n_reporting = len({row[answer.contributor] for row in answer.rows})
    n_expected = len(area.operating) if answer.measures else n_reporting
    value, status = _divide(scale, answer)
    if value is not None:
        status = _status(area, answer, breaks, n_reporting < n_expected)
    return IndicatorValue(*key, value, status, n_reporting, n_expected)


def _divide(scale: float, answer: Answer) -> tuple[float | None, str]:
    if answer.top is None or (answer.bottom and answer.bottom[0] is None):
        return None, "O"
    if answer.bottom is None:
        return scale * answer.top, "A"
    bottom = answer.bottom[0]
    return (scale * answer.top / bottom, "A") if bottom else (None, "M")


def _status(area: Area, answer: Answer, breaks: Sequence[date], is_partial: bool) -> str:
    if any(area.period.previous().start < day <= area.period.start for day in breaks):
        return "B"
    if answer.measures and any(row["estimated"] & answer.measures for row in answer.rows):
        return "E"
    return "P" if is_partial else "A"
