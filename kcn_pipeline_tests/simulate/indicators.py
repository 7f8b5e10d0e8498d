"""The 70 indicators once more, by hand in plain Python: code → function of an area and a period.

It must not read an expression of the catalog nor touch its SQL; that is the point of it. The surprising fact: what
needs no condition of its own is one line of the table at the end.
"""

from collections.abc import Callable

from kcn_pipeline_tests.simulate.areas import (
    DAY,
    Answer,
    Area,
    Row,
    add,
    complete,
    count,
    count_reported,
    land,
    listed,
    reported,
    share,
    share_of_rows,
    share_reported,
)

#: Indicators of wastewater stations: others have none, not an unknown one.
OF_EFFLUENT = frozenset({"EN14", "EN15"})
#: Indicators that respondents of surveys tell, and the measure they score: what too few tell is not shown.
OF_SURVEYS = {"MG08": "service_satisfaction_1_5", "SO11": "social_infrastructure_satisfaction_1_5"}


# ---- management ------------------------------------------------------------------------------------------------------


def _mg03(area: Area) -> Answer:
    rows = area.submissions
    top = count(rows, lambda r: r["is_expected"] and r["revision"] == 1 and r["status"] == "on_time")
    return Answer(top, (count(rows, lambda r: r["is_expected"] and r["is_current"]),), rows, "enterprise_id")


def _mg05(area: Area) -> Answer:
    active = [row for row in area.projects if row["status"] == "active"]
    return share_of_rows(
        active,
        lambda r: r["actual_progress_pct"] < r["planned_progress_pct"],
        "project_id",
        "actual_progress_pct",
        "planned_progress_pct",
    )


def _mg06(area: Area) -> Answer:
    rows = area.stock("register_projects")
    ended = [r for r in complete(rows, "ended_on") if r["status"] in ("revoked", "terminated")]
    count = sum(area.period.start <= r["ended_on"] <= area.period.end for r in ended)
    return Answer(float(count) if rows else None, None, complete(rows, "ended_on", "status"), "project_id")


def _mg07(area: Area) -> Answer:
    due = area.events("register_petitions", "due_on")
    on_time = [row for row in due if row["resolved_on"] and row["resolved_on"] <= row["due_on"]]
    known = bool(due) or area.is_complete
    top = float(len(on_time)) if on_time or area.is_complete else None
    return Answer(top, (float(len(due)) if known else None,), on_time, "petition_id")


def _satisfied(area: Area, measure: str) -> Answer:
    """The share of those who scored 4 or 5."""
    return share_of_rows(area.answers(measure), lambda r: r["score"] >= 4, "respondent_key")


def _mg09(area: Area) -> Answer:
    rows = [r for r in area.submissions if r["form_code"] == "A.4" and r["is_expected"] and r["is_current"]]
    return share_of_rows(rows, lambda r: r["status"] in ("on_time", "late"), "enterprise_id")


def _mg11(area: Area) -> Answer:
    rows = area.stock("register_parks")
    value = count(rows, lambda r: r["green_park_recognised_year"] == area.period.year)
    return Answer(value, None, complete(rows, "green_park_recognised_year"), "park_code")


def _mg12(area: Area) -> Answer:
    rows = area.events("register_inspections", "inspected_on")
    zero = 0.0 if area.is_complete else None
    top = count(rows, lambda r: r["has_violation"]) if rows else zero
    return Answer(top, (float(len(rows)) if rows else zero,), rows, "inspection_id")


# ---- economy ---------------------------------------------------------------------------------------------------------


def _capital(area: Area) -> Answer:
    rows = area.projects
    return Answer(add(rows, "registered_capital_usd"), None, rows, "project_id")


def _ec02(area: Area) -> Answer:
    rows = area.projects
    foreign = float(sum(r["registered_capital_usd"] for r in rows if r["capital_type"] == "FDI")) if rows else None
    return Answer(foreign, (add(rows, "registered_capital_usd"),), rows, "project_id")


def _over(answer: Answer, bottom: float | None) -> Answer:
    """The answer divided by an operand of another table."""
    return Answer(answer.top, (bottom,), answer.rows, answer.contributor, answer.measures)


def _leased(area: Area) -> float | None:
    return add(complete(area.stock("register_land"), "land_leased_ha"), "land_leased_ha")


def _ec05(area: Area) -> Answer:
    rows = area.stock("register_projects")
    value = count(rows, lambda r: area.period.start <= r["licensed_on"] <= area.period.end)
    return Answer(value, None, rows, "project_id")


def _ec07(area: Area) -> Answer:
    province = area.province_code
    totals = area.world.statistics(province, area.period.year) if province else None
    return _over(reported(area, "gross_output_vnd"), totals["gross_output_vnd"] if totals else None)


def _ec14(area: Area) -> Answer:
    columns = ("procurement_total_vnd", "procurement_local_vnd")

    def buys(row: Row) -> bool:
        return bool(row["procurement_total_vnd"] > 0)

    def buys_here(row: Row) -> bool:
        return buys(row) and bool(row["procurement_local_vnd"] >= 0.8 * row["procurement_total_vnd"])

    return count_reported(area, columns, buys_here, buys)


# ---- environment -----------------------------------------------------------------------------------------------------


def _en01(area: Area) -> Answer:
    parks = [row for row in area.stock("register_parks") if row["status"] == "operating"]
    return share_of_rows(
        parks,
        lambda r: r["wwtp_is_operating"] and r["wwtp_is_compliant"],
        "park_code",
        "wwtp_is_operating",
        "wwtp_is_compliant",
    )


def _en02(area: Area) -> Answer:
    rows = complete(area.park_days, "wastewater_treated_compliant_m3")
    generated = reported(area, "wastewater_generated_m3")
    is_estimated = any("wastewater_generated_m3" in row["estimated"] for row in generated.rows)
    treated = add(rows, "wastewater_treated_compliant_m3")
    return Answer(treated, (generated.top,), rows, DAY, is_estimated=is_estimated)


def _en11(area: Area) -> Answer:
    return _over(reported(area, "ghg_inventory_filed_flag"), count(area.operating, lambda r: r["is_ghg_obliged"]))


def _en17(area: Area) -> Answer:
    rows = [row for row in area.stock("register_symbiosis") if row["status"] == "operating"]
    return listed(area, rows, float(len(rows)), "symbiosis_id")


def _large(area: Area, flag: str) -> Answer:
    """The share of enterprises with more than 250 employees that have a system."""
    return count_reported(
        area,
        ("employees_total", flag),
        lambda r: r["employees_total"] > 250 and r[flag] == 1,
        lambda r: r["employees_total"] > 250,
    )


def _incidents(area: Area, kind: str, column: str | None) -> Answer:
    rows = [row for row in area.events("register_incidents", "occurred_on") if row["kind"] == kind]
    value = float(len(rows)) if column is None else add(rows, column)
    return listed(area, rows, value, "incident_id")


# ---- society, infrastructure -----------------------------------------------------------------------------------------


def _so06(area: Area) -> Answer:
    rows = complete(area.operating, "is_union_eligible", "has_union")
    top = count(rows, lambda r: r["is_union_eligible"] and r["has_union"])
    return Answer(top, (count(rows, lambda r: r["is_union_eligible"]),), rows, "enterprise_id")


def _id02(area: Area) -> Answer:
    rows = complete(area.stock("register_parks"), "wwtp_is_operating", "cems_is_connected")
    top = count(rows, lambda r: r["wwtp_is_operating"] and r["cems_is_connected"])
    return Answer(top, (count(rows, lambda r: r["wwtp_is_operating"]),), rows, "park_code")


def _id06(area: Area) -> Answer:
    rows = complete(area.park_days, "water_supplied_m3_d")
    supplied = add(rows, "water_supplied_m3_d")
    mean = None if supplied is None else supplied / len({row["day"] for row in rows})
    capacity = add(complete(area.stock("register_parks"), "water_supply_capacity_m3_d"), "water_supply_capacity_m3_d")
    return Answer(mean, (capacity,), rows, DAY)


def _id07(area: Area) -> Answer:
    hours = _incidents(area, "power_outage", "customer_hours")
    return _over(hours, float(len(area.operating)) if area.operating else None)


#: Scale and function by code.
FORMULAS: dict[str, tuple[float, Callable[[Area], Answer]]] = {
    "MG01": (100, lambda a: land(a, "land_leased_ha", "land_industrial_planned_ha")),
    "MG02": (100, lambda a: land(a, "land_leased_ha", "land_recovered_ha")),
    "MG03": (100, _mg03),
    "MG04": (100, lambda a: share(a.received, "required_filled", "required_total", "enterprise_id")),
    "MG05": (100, _mg05),
    "MG06": (1, _mg06),
    "MG07": (100, _mg07),
    "MG08": (100, lambda a: _satisfied(a, OF_SURVEYS["MG08"])),
    "MG09": (1, _mg09),
    "MG10": (100, lambda a: share(a.stock("register_parks"), "eip_criteria_met", "eip_criteria_total", "park_code")),
    "MG11": (1, _mg11),
    "MG12": (100, _mg12),
    "EC01": (1, _capital),
    "EC02": (100, _ec02),
    "EC03": (100, lambda a: share_reported(a, "capital_disbursed_cumulative_usd", "capital_registered_usd")),
    "EC04": (1, lambda a: _over(_capital(a), _leased(a))),
    "EC05": (1, _ec05),
    "EC06": (1, lambda a: reported(a, "gross_output_vnd")),
    "EC07": (100, _ec07),
    "EC08": (1, lambda a: reported(a, "export_usd")),
    "EC09": (1, lambda a: reported(a, "import_usd")),
    "EC10": (1, lambda a: reported(a, "budget_paid_vnd")),
    "EC11": (1, lambda a: share_reported(a, "value_added_vnd", "employees_total")),
    "EC12": (1, lambda a: _over(reported(a, "value_added_vnd"), _leased(a))),
    "EC13": (100, lambda a: share_reported(a, "capital_machinery_technology_usd", "capital_registered_usd")),
    "EC14": (100, _ec14),
    "EC15": (100, lambda a: land(a, "land_sme_reserved_ha", "land_industrial_planned_ha")),
    "EN01": (1, _en01),
    "EN02": (100, _en02),
    "EN03": (
        100,
        lambda a: share_of_rows(a.operating, lambda r: r["is_sewer_connected"], "enterprise_id", "is_sewer_connected"),
    ),
    "EN04": (100, lambda a: share_reported(a, "wastewater_reused_m3", "wastewater_generated_m3")),
    "EN05": (1e9, lambda a: share_reported(a, "water_withdrawn_m3", "value_added_vnd")),
    "EN06": (1, lambda a: reported(a, "energy_total_toe")),
    "EN07": (1e9, lambda a: share_reported(a, "energy_total_toe", "value_added_vnd")),
    "EN08": (100, lambda a: share_reported(a, "energy_renewable_toe", "energy_total_toe")),
    "EN09": (1, lambda a: reported(a, "ghg_scope1_tco2e", "ghg_scope2_tco2e")),
    "EN10": (1e9, lambda a: share_reported(a, ("ghg_scope1_tco2e", "ghg_scope2_tco2e"), "value_added_vnd")),
    "EN11": (100, _en11),
    "EN12": (100, lambda a: share_reported(a, "waste_solid_recovered_t", "waste_solid_generated_t")),
    "EN13": (100, lambda a: share_reported(a, "waste_hazardous_treated_t", "waste_hazardous_generated_t")),
    "EN14": (100, lambda a: share(a.effluent_days, "hours_over", "hours_valid", DAY)),
    "EN15": (1, lambda a: share(a.effluent_days, "cod_load_kg", "days", DAY)),
    "EN16": (
        100,
        lambda a: count_reported(a, ("recp_applied_flag",), lambda r: r["recp_applied_flag"] == 1, lambda r: True),
    ),
    "EN17": (1, _en17),
    "EN18": (100, lambda a: _large(a, "ems_certified_flag")),
    "EN19": (100, lambda a: land(a, "land_green_ha", "land_total_ha")),
    "EN20": (100, lambda a: land(a, "land_shared_infrastructure_ha", "land_total_ha")),
    "EN21": (1, lambda a: _incidents(a, "environmental", None)),
    "SO01": (1, lambda a: reported(a, "employees_total")),
    "SO02": (100, lambda a: share_reported(a, "employees_female", "employees_total")),
    "SO03": (100, lambda a: share_reported(a, "employees_local", "employees_total")),
    "SO04": (100, lambda a: share_reported(a, "employees_foreign", "employees_total")),
    "SO05": (1, lambda a: share_reported(a, "payroll_direct_vnd", "direct_worker_months")),
    "SO06": (100, _so06),
    "SO07": (1000, lambda a: share_reported(a, "accidents", "employees_total")),
    "SO08": (100, lambda a: _large(a, "ohs_system_flag")),
    "SO09": (100, lambda a: share_reported(a, "workers_housed", "workers_housing_demand")),
    "SO10": (
        100,
        lambda a: share_of_rows(a.operating, lambda r: r["is_fire_safe"], "enterprise_id", "is_fire_safe"),
    ),
    "SO11": (100, lambda a: _satisfied(a, OF_SURVEYS["SO11"])),
    "ID01": (
        100,
        lambda a: share_of_rows(
            a.events("register_signal_tests", "tested_on"), lambda r: r["is_passed"], "test_id", "is_passed"
        ),
    ),
    "ID02": (100, _id02),
    "ID03": (100, lambda a: share(a.station_days, "readings_valid", "readings_expected", DAY)),
    "ID04": (
        100,
        lambda a: share_of_rows(a.received, lambda r: r["channel"] == "electronic", "enterprise_id", "channel"),
    ),
    "ID05": (
        100,
        lambda a: share_of_rows(
            a.stock("register_procedures"), lambda r: r["online_level"] == "full", "procedure_id", "online_level"
        ),
    ),
    "ID06": (100, _id06),
    "ID07": (1, _id07),
    "ID08": (1, lambda a: _incidents(a, "flooding", "hours")),
    "ID09": (100, lambda a: land(a, "land_service_logistics_ha", "land_total_ha")),
    "ID10": (
        100,
        lambda a: share_of_rows(a.stock("register_lots"), lambda r: r["has_gis"], "lot_id", "has_gis"),
    ),
    "ID11": (100, lambda a: share_reported(a, "energy_metered_toe", "energy_total_toe")),
}
