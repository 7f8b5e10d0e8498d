"""Indicator values over small lakes whose figures can be added up by hand."""

from dataclasses import replace
from datetime import date
from math import isfinite
from typing import Any

import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.indicators import Operand
from kcn_pipeline.indicators import check_catalog
from kcn_pipeline_tests.indicators.lakes import (
    EMPTY_PARK,
    QUANG_CHAU,
    QUE_VO,
    Row,
    SmallProvince,
    catalog_of,
    enterprise,
    packaged,
    park,
    run_night,
    values_of,
)

NIGHT = "2026-11-21"
Q1 = "2026-Q1"
Key = tuple[str, str, str]


def compute(province: SmallProvince, *codes: str, night: str = NIGHT) -> dict[Key, Row]:
    run_night(province.lake, catalog_of(*codes), night)
    return values_of(province.lake)


def settle(province: SmallProvince) -> None:
    """Three enterprises in Quế Võ, one in Quang Châu, and a park without any."""
    province.parks("2026-01-05", QUE_VO, QUANG_CHAU, EMPTY_PARK)
    province.enterprises("2026-01-05", {"E0001": QUE_VO, "E0002": QUE_VO, "E0003": QUE_VO, "E0004": QUANG_CHAU})


def figures(row: Row) -> tuple:
    return row["value"], row["numerator"], row["denominator"], row["obs_status"], row["n_reporting"], row["n_expected"]


# ---- ratios ----------------------------------------------------------------------------------------------------------


def test_ratio_of_sums_is_not_the_mean_of_ratios(province: SmallProvince) -> None:
    settle(province)
    for sender, foreign, total in (("E0001", 10, 1000), ("E0002", 9, 10), ("E0003", 0, 90), ("E0004", 5, 400)):
        province.report(NIGHT, sender, "a_iii_1_2023", Q1, {"employees_foreign": foreign, "employees_total": total})
    values = compute(province, "SO04")
    assert figures(values["SO04", QUE_VO, Q1]) == (100 * 19 / 1100, 19, 1100, "A", 3, 3), "the mean would be 30.3"
    assert figures(values["SO04", "BN", Q1]) == (100 * 24 / 1500, 24, 1500, "A", 4, 4)


def test_only_enterprises_with_both_figures_take_part(province: SmallProvince) -> None:
    settle(province)
    province.report(NIGHT, "E0001", "a_iii_1_2023", Q1, {"employees_foreign": 10, "employees_total": 100})
    province.report(NIGHT, "E0002", "a_iii_1_2023", Q1, {"employees_foreign": 50})
    province.report(NIGHT, "E0003", "a_iii_1_2023", Q1, {"employees_total": 700})
    values = compute(province, "SO04", "SO01")
    assert figures(values["SO04", QUE_VO, Q1]) == (10, 10, 100, "P", 1, 3)
    assert figures(values["SO01", QUE_VO, Q1]) == (800, 800, None, "P", 2, 3)


def test_enterprise_has_its_own_rows(province: SmallProvince) -> None:
    settle(province)
    province.report(NIGHT, "E0001", "a_iii_1_2023", Q1, {"employees_total": 200})
    province.report(NIGHT, "E0001", "bn_01", Q1, {"employees_female": 150})
    province.report(NIGHT, "E0002", "bn_01", Q1, {"employees_female": 30})
    values = compute(province, "SO02")
    assert figures(values["SO02", "E0001", Q1]) == (75, 150, 200, "A", 1, 1)
    assert figures(values["SO02", "E0002", Q1]) == (None, None, None, "O", 0, 1), "it reported, but not all"
    assert ("SO02", "E0003", Q1) not in values, "it has no row in the table at all"
    assert values["SO02", "E0002", Q1]["comment"].startswith("Thiếu")


def test_missing_operand_is_said_and_never_zero(province: SmallProvince) -> None:
    settle(province)
    province.report(NIGHT, "E0001", "a_iii_1_2023", Q1, {"export_usd": 0})
    values = compute(province, "EC08", "EC09")
    assert figures(values["EC08", QUE_VO, Q1]) == (0, 0, None, "P", 1, 3), "a reported zero is zero"
    assert figures(values["EC09", QUE_VO, Q1]) == (None, None, None, "O", 0, 3)
    assert figures(values["EC08", EMPTY_PARK, Q1]) == (None, None, None, "O", 0, 0)
    assert values["EC09", QUE_VO, Q1]["comment"] == "Thiếu số liệu / Figure missing"


def test_zero_denominator_cannot_have_a_value(province: SmallProvince) -> None:
    settle(province)
    province.report(NIGHT, "E0001", "a_iii_2", "2025", {"employees_total": 200})
    province.report(NIGHT, "E0001", "bn_01", "2025", {"ems_certified_flag": 1})
    values = compute(province, "EN18")
    row = values["EN18", QUE_VO, "2025"]
    assert figures(row) == (None, 0, 0, "M", 1, 3), "no enterprise has more than 250 employees"
    assert row["comment"].endswith("The denominator is zero")


def test_scale_turns_operands_into_the_unit(province: SmallProvince) -> None:
    settle(province)
    province.report(NIGHT, "E0001", "f_05_a", "2025", {"water_withdrawn_m3": 4000})
    province.report(NIGHT, "E0001", "bn_01", "2025", {"value_added_vnd": 8e9})
    row = compute(province, "EN05")["EN05", "E0001", "2025"]
    assert (row["value"], row["unit"]) == (500, "M3_PER_BVND")


def test_only_large_enterprises_that_answered_count(province: SmallProvince) -> None:
    settle(province)
    for sender, employees, flag in (("E0001", 300, 1), ("E0002", 251, 0), ("E0003", 250, 1), ("E0004", 900, None)):
        province.report(NIGHT, sender, "a_iii_2", "2025", {"employees_total": employees})
        if flag is not None:
            province.report(NIGHT, sender, "bn_01", "2025", {"ems_certified_flag": flag})
    values = compute(province, "EN18")
    assert figures(values["EN18", QUE_VO, "2025"]) == (50, 1, 2, "A", 3, 3)
    assert figures(values["EN18", QUANG_CHAU, "2025"]) == (None, None, None, "O", 0, 1)


def test_energy_and_emissions_use_the_factors_of_the_period(province: SmallProvince) -> None:
    settle(province)
    fuels = {"electricity_kwh": 1_000_000, "coal_t": 10, "oil_l": 2000, "lng_m3": 500}
    province.report(NIGHT, "E0001", "a_iii_2", "2025", fuels)
    province.report(NIGHT, "E0002", "a_iii_2", "2025", {**fuels, "coal_t": 0, "oil_l": 0, "lng_m3": 0})
    province.report(NIGHT, "E0003", "a_iii_2", "2025", {"electricity_kwh": 5})
    values = compute(province, "EN06", "EN09")
    energy = values["EN06", QUE_VO, "2025"]
    assert energy["value"] == pytest.approx(2 * 154.3 + 10 * 0.6 + 2 * 0.88 + 0.5 * 0.9)
    assert (energy["n_reporting"], energy["obs_status"]) == (2, "P"), "one did not say what fuels it burnt"
    coal = 10 * 26.7 / 1000 * (98_300 + 1 * 28 + 1.5 * 265) / 1000
    oil = 2 * 0.88 / 1.02 * 43.0 / 1000 * (74_100 + 3 * 28 + 0.6 * 265) / 1000
    gas = 0.5 * 0.9 * 41.868 / 1000 * (56_100 + 1 * 28 + 0.1 * 265) / 1000
    expected = coal + oil + gas + 2 * 1000 * 0.6592
    assert values["EN09", QUE_VO, "2025"]["value"] == pytest.approx(expected)


# ---- periods, breaks, estimates --------------------------------------------------------------------------------------


def test_no_provincial_figure_spans_the_merger(province: SmallProvince) -> None:
    settle(province)
    for sender, usd in (("E0001", 100), ("E0004", 7)):
        for number in (1, 2, 3, 4):
            province.report(NIGHT, sender, "a_iii_1_2023", f"2025-Q{number}", {"export_usd": usd})
    values = compute(province, "EC08")
    assert figures(values["EC08", "BN_OLD", "2025-Q2"])[:2] == (100, 100)
    assert figures(values["EC08", "BG_OLD", "2025-Q2"])[:2] == (7, 7)
    assert ("EC08", "BN", "2025-Q2") not in values
    assert ("EC08", "BN_OLD", "2025-Q3") not in values
    assert (values["EC08", "BN", "2025-Q3"]["value"], values["EC08", "BN", "2025-Q3"]["obs_status"]) == (107, "B")
    assert (values["EC08", "BN", "2025-Q4"]["value"], values["EC08", "BN", "2025-Q4"]["obs_status"]) == (107, "P")
    for area in ("BN", "BN_OLD", "BG_OLD"):
        year = values["EC08", area, "2025"]
        assert figures(year) == (None, None, None, "M", None, None)
        assert "2025-07-01" in year["comment"]
    assert figures(values["EC08", QUE_VO, "2025"])[:4] == (400, 400, None, "E"), "a park has not changed"


def test_first_year_after_the_merger_is_marked(province: SmallProvince) -> None:
    settle(province)
    province.report("2027-04-20", "E0001", "a_iii_2", "2026", {"export_usd": 1})
    province.report("2027-04-20", "E0001", "a_iii_1_2023", "2026-Q4", {"export_usd": 1})
    values = compute(province, "EC08", night="2027-04-20")
    assert values["EC08", "BN", "2026"]["obs_status"] == "B"
    assert values["EC08", "BN", "2026-Q4"]["obs_status"] == "P"


def test_estimated_only_where_the_figure_itself_is(province: SmallProvince) -> None:
    settle(province)
    for number in (1, 2, 3, 4):
        cells = {"export_usd": 5, "import_usd": 1}
        province.report(NIGHT, "E0004", "a_iii_1_2023", f"2025-Q{number}", cells)
    province.report(NIGHT, "E0004", "a_iii_2", "2025", {"import_usd": 4})
    values = compute(province, "EC08", "EC09")
    assert figures(values["EC08", QUANG_CHAU, "2025"])[::3] == (20, "E")
    assert figures(values["EC09", QUANG_CHAU, "2025"])[::3] == (4, "A")


def test_derived_measure_is_estimated_when_what_it_needs_is(province: SmallProvince) -> None:
    settle(province)
    for number in (1, 2, 3, 4):
        cells = {"electricity_kwh": 1000, "coal_t": 0, "oil_l": 0, "lng_m3": 0}
        province.report(NIGHT, "E0004", "a_iii_1_2023", f"2025-Q{number}", cells)
    row = compute(province, "EN06")["EN06", QUANG_CHAU, "2025"]
    assert (row["value"], row["obs_status"]) == (pytest.approx(4000 * 0.0001543), "E")


def test_estimated_denominator_makes_an_estimate(province: SmallProvince) -> None:
    settle(province)
    province.report(NIGHT, "E0004", "f_05_a", "2025", {"water_withdrawn_m3": 100})
    for number in (1, 2, 3, 4):
        province.report(NIGHT, "E0004", "bn_01", f"2025-Q{number}", {"value_added_vnd": 1e9})
    row = compute(province, "EN05")["EN05", QUANG_CHAU, "2025"]
    assert figures(row)[::3] == (25, "E")


def test_half_year_is_made_of_its_quarters(province: SmallProvince) -> None:
    settle(province)
    for number, accidents in ((1, 2), (2, 1), (3, 5)):
        province.report(NIGHT, "E0004", "bn_01", f"2026-Q{number}", {"accidents": accidents})
        province.report(NIGHT, "E0004", "a_iii_1_2023", f"2026-Q{number}", {"employees_total": 1000 * number})
    values = compute(province, "SO07")
    assert figures(values["SO07", "E0004", "2026-S1"]) == (1.5, 3, 2000, "A", 1, 1)
    assert ("SO07", "E0004", "2026-S2") not in values


def test_period_that_has_not_ended_is_not_computed(province: SmallProvince) -> None:
    settle(province)
    values = compute(province, "EC01", night="2026-03-31")
    assert ("EC01", QUE_VO, "2025-Q4") in values
    assert ("EC01", QUE_VO, Q1) not in values, "its last day is not over"


# ---- registers -------------------------------------------------------------------------------------------------------


def project(code: str, park_code: str, usd: float, **values: object) -> Row:
    row: Row = {"project_id": code, "enterprise_id": "E0001", "park_code": park_code, "capital_type": "FDI"}
    row |= {"registered_capital_usd": usd, "licensed_on": date(2020, 1, 1), "status": "active"}
    return {**row, "valid_from": date(1900, 1, 1), **values}


def test_cumulative_capital_counts_what_is_licensed_and_not_ended(province: SmallProvince) -> None:
    settle(province)
    rows = [
        project("P1", QUE_VO, 100),
        project("P2", QUE_VO, 40, licensed_on=date(2026, 3, 31), capital_type="DDI"),
        project("P3", QUE_VO, 7, licensed_on=date(2026, 4, 1)),
        project("P4", QUE_VO, 900, status="revoked", ended_on=date(2026, 3, 31)),
        project("P5", QUE_VO, 5, status="terminated", ended_on=date(2026, 4, 1)),
    ]
    province.register("2026-08-01", "register_projects", rows)
    values = compute(province, "EC01", "EC02", "EC05")
    assert figures(values["EC01", QUE_VO, Q1])[:4] == (145, 145, None, "A")
    assert figures(values["EC02", QUE_VO, Q1])[:4] == (100 * 105 / 145, 105, 145, "A")
    assert values["EC05", QUE_VO, Q1]["value"] == 1
    assert values["EC05", QUE_VO, "2025-Q4"]["value"] == 0, "the register lists projects, none of them new"
    assert figures(values["EC05", QUANG_CHAU, Q1])[::3] == (None, "O"), "it lists none at all"


def test_versions_of_the_last_day_count(province: SmallProvince) -> None:
    settle(province)
    land = {"park_code": QUE_VO, "land_total_ha": 300, "land_industrial_planned_ha": 200}
    rows = [
        {**land, "land_leased_ha": 100, "valid_from": date(1900, 1, 1), "valid_to": date(2026, 2, 28)},
        {**land, "land_leased_ha": 130, "valid_from": date(2026, 3, 1), "valid_to": date(2026, 5, 31)},
        {**land, "land_leased_ha": 150, "valid_from": date(2026, 6, 1)},
    ]
    province.register("2026-08-01", "register_land", rows)
    values = compute(province, "MG01")
    shares = [values["MG01", QUE_VO, code]["value"] for code in ("2025-Q4", "2026-Q1", "2026-Q2")]
    assert shares == [50, 65, 75]


def test_no_event_is_zero_once_the_register_speaks_of_the_period(province: SmallProvince) -> None:
    settle(province)
    incident = {"incident_id": "I1", "park_code": QUE_VO, "kind": "environmental", "occurred_on": date(2026, 2, 2)}
    province.register("2026-05-02", "register_incidents", [incident], as_of=date(2026, 4, 30))
    values = compute(province, "EN21")
    assert figures(values["EN21", QUE_VO, Q1])[:4] == (1, 1, None, "A")
    assert figures(values["EN21", QUANG_CHAU, Q1])[:4] == (0, 0, None, "A")
    assert figures(values["EN21", QUE_VO, "2025-Q4"])[:4] == (0, 0, None, "A")
    assert figures(values["EN21", QUANG_CHAU, "2026-Q2"])[:4] == (None, None, None, "O"), "April alone is no quarter"


def test_event_without_its_hours_is_unknown_not_zero(province: SmallProvince) -> None:
    settle(province)
    flood = {"kind": "flooding", "occurred_on": date(2026, 2, 2)}
    rows = [{"incident_id": "I1", "park_code": QUE_VO, **flood}]
    rows += [{"incident_id": "I2", "park_code": QUANG_CHAU, "hours": 4.5, **flood}]
    province.register("2026-05-02", "register_incidents", rows)
    values = compute(province, "ID08")
    assert figures(values["ID08", QUE_VO, Q1])[::3] == (None, "O")
    assert figures(values["ID08", QUANG_CHAU, "2026-02"])[::3] == (4.5, "A")
    assert figures(values["ID08", EMPTY_PARK, "2026-02"])[::3] == (0, "A")


def test_open_petition_is_not_in_time(province: SmallProvince) -> None:
    settle(province)
    due = {"enterprise_id": "E0001", "park_code": QUE_VO, "received_on": date(2026, 1, 2), "due_on": date(2026, 2, 1)}
    rows = [
        {**due, "petition_id": "1", "resolved_on": date(2026, 2, 1)},
        {**due, "petition_id": "2", "resolved_on": date(2026, 2, 2)},
        {**due, "petition_id": "3"},
        {**due, "petition_id": "4", "resolved_on": date(2026, 1, 9)},
    ]
    province.register("2026-05-02", "register_petitions", rows)
    values = compute(province, "MG07")
    assert figures(values["MG07", QUE_VO, "2026-02"])[:4] == (50, 2, 4, "A")
    assert figures(values["MG07", QUANG_CHAU, "2026-02"])[:4] == (None, 0, 0, "M"), "no petition was due"


def test_share_of_the_province_has_a_provincial_denominator(province: SmallProvince) -> None:
    settle(province)
    night = "2027-04-20"
    for sender, output in (("E0001", 30), ("E0004", 10)):
        province.report(night, sender, "bn_01", "2026", {"gross_output_vnd": output})
    totals = [{"province_code": "BN", "year": 2026, "period_code": "2026", "gross_output_vnd": 80}]
    province.register("2027-04-01", "register_province_statistics", totals)
    values = compute(province, "EC07", night=night)
    assert figures(values["EC07", QUE_VO, "2026"])[:3] == (37.5, 30, 80)
    assert figures(values["EC07", QUANG_CHAU, "2026"])[:3] == (12.5, 10, 80)
    assert figures(values["EC07", "BN", "2026"])[:3] == (50, 40, 80)


def test_park_exists_only_while_the_register_says_so(province: SmallProvince) -> None:
    rows = [park(QUE_VO), park(QUANG_CHAU, valid_from=date(2026, 2, 1)), park(EMPTY_PARK, valid_to=date(2026, 2, 1))]
    province.register("2026-05-02", "register_parks", rows)
    areas = {(area, period) for _, area, period in compute(province, "EC08")}
    assert {(QUANG_CHAU, Q1), (EMPTY_PARK, "2025-Q4"), (QUE_VO, "2025-Q4")} <= areas
    assert not {(QUANG_CHAU, "2025-Q4"), (EMPTY_PARK, Q1)} & areas


# ---- reports in time -------------------------------------------------------------------------------------------------


def test_reporting_in_time(province: SmallProvince) -> None:
    settle(province)
    province.report("2026-04-05", "E0001", "a_iii_1_2023", Q1, required_total=10, required_filled=9)
    province.report("2026-04-05", "E0001", "bn_01", Q1, required_total=5, required_filled=5, channel="paper")
    province.report("2026-04-12", "E0001", "a_iii_1_2023", Q1, required_total=10, required_filled=10)
    province.report("2026-04-12", "E0002", "a_iii_1_2023", Q1, required_total=10, required_filled=2)
    values = compute(province, "MG03", "MG04", "ID04")
    assert figures(values["MG03", QUE_VO, Q1]) == (100 * 2 / 6, 2, 6, "A", 3, 3), "a late correction was not late"
    assert figures(values["MG04", QUE_VO, Q1])[:4] == (100 * 17 / 25, 17, 25, "A")
    assert figures(values["MG04", "E0001", Q1])[:3] == (100, 15, 15)
    assert figures(values["ID04", QUE_VO, Q1])[:3] == (100 * 2 / 3, 2, 3)
    assert ("MG04", "BOARD", Q1) not in values


def test_before_the_deadline_the_reporting_rate_is_partial(province: SmallProvince) -> None:
    settle(province)
    province.report("2026-04-05", "E0001", "a_iii_1_2023", Q1)
    values = compute(province, "MG03", night="2026-04-05")
    assert figures(values["MG03", QUE_VO, Q1]) == (100, 1, 1, "P", 1, 3)
    values = compute(province, "MG03", night="2026-04-11")
    assert figures(values["MG03", QUE_VO, Q1]) == (100 / 6, 1, 6, "A", 3, 3), "three enterprises, two forms"


def test_eco_park_report(province: SmallProvince) -> None:
    eco = {"is_eco_park": True, "developer_id": "E0009"}
    rows = [park(QUE_VO, **eco), park(EMPTY_PARK, **eco), park(QUANG_CHAU)]
    province.register("2026-01-05", "register_parks", rows)
    province.enterprises("2026-01-05", {"E0009": QUANG_CHAU})
    province.report("2026-03-01", "E0009", "a_4", "2025", park_code=QUE_VO)
    values = compute(province, "MG09")
    found = {area: figures(values["MG09", area, "2025"])[::3] for area in (QUE_VO, EMPTY_PARK, QUANG_CHAU)}
    assert found == {QUE_VO: (1, "A"), EMPTY_PARK: (0, "A"), QUANG_CHAU: (None, "O")}


# ---- the whole catalog -----------------------------------------------------------------------------------------------


def test_all_seventy_run_on_an_empty_lake(province: SmallProvince) -> None:
    _, result = run_night(province.lake, province.contracts, NIGHT)
    assert set(result.by_status) == {"L", "M", "O"}
    values = values_of(province.lake)
    assert {code for code, _, _ in values} == set(province.contracts.indicators)
    assert all(row["value"] is None and row["comment"] for row in values.values())
    assert set(result.scope) >= {(code, period) for code, _, period in values}


def test_uncollected_indicator_says_what_is_missing(province: SmallProvince) -> None:
    settle(province)
    values = compute(province, "MG08", "SO11")
    rows = [row for (code, area, _), row in values.items() if (code, area) == ("MG08", QUE_VO)]
    assert rows
    assert all((row["value"], row["obs_status"]) == (None, "L") for row in rows)
    assert rows[0]["comment"].endswith("survey_response")
    assert rows[0]["source"] == "survey_response"
    assert {row["level"] for row in values.values()} == {"park", "province"}


def test_retired_indicator_is_left_alone(province: SmallProvince) -> None:
    settle(province)
    contracts = catalog_of("EC08", "EC09")
    retired = contracts.indicators["EC09"].model_copy(update={"status": "retired"})
    contracts = catalog_of("EC08")
    contracts.indicators["EC09"] = retired  # type: ignore[index]
    _, result = run_night(province.lake, contracts, NIGHT)
    assert {code for code, _ in result.scope} == {"EC08"}


def test_enterprise_of_the_register_only_is_expected(province: SmallProvince) -> None:
    rows = [
        enterprise("E0001", QUE_VO),
        enterprise("E0002", QUE_VO, role="developer"),
        enterprise("E0003", QUE_VO, is_operating=False),
        enterprise("E0004", QUE_VO, operating_to=date(2026, 3, 30)),
        enterprise("E0005", QUE_VO, operating_from=date(2026, 3, 31)),
    ]
    province.parks("2026-01-05", QUE_VO)
    province.register("2026-04-01", "register_enterprises", rows)
    province.report(NIGHT, "E0001", "a_iii_1_2023", Q1, {"export_usd": 3})
    row = compute(province, "EC08")["EC08", QUE_VO, Q1]
    assert (row["n_reporting"], row["n_expected"], row["obs_status"]) == (1, 3, "P")


# ---- figures that are no numbers -------------------------------------------------------------------------------------

TOO_LARGE = "Kết quả quá lớn, không thể là một con số / The result is too large to be a number"
AT_EVERY_LEVEL = ("E0001", QUE_VO, "BN")


def own_indicator(numerator: str, denominator: str | None = None, scale: float = 1.0, **changes: Any) -> Contracts:
    """The catalog with one indicator of the board, over enterprise reports at every level."""
    model = packaged().indicators["SO04"]
    operands = {
        name: Operand.model_validate({"from": "enterprise_report", "expression": text}) if text else None
        for name, text in (("numerator", numerator), ("denominator", denominator))
    }
    own = model.model_copy(
        update={"code": "XX01", "levels": ("enterprise", "park", "province"), "scale": scale, "targets": (), **operands}
    )
    contracts = replace(packaged(), indicators={"XX01": own}, **changes)
    check_catalog(contracts)
    return contracts


def compute_own(province: SmallProvince, contracts: Contracts) -> dict[Key, Row]:
    """Its values: all of them numbers or missing, which is what the warehouse asks for."""
    run_night(province.lake, contracts, NIGHT)
    values = values_of(province.lake)
    cells = [row[name] for row in values.values() for name in ("value", "numerator", "denominator")]
    assert all(cell is None or isfinite(cell) for cell in cells)
    return values


@pytest.mark.parametrize(
    "text",
    [
        "sum(export_usd / (employees_total - employees_total))",
        pytest.param("sum(export_usd) / (sum(employees_total) - sum(employees_total))", marks=pytest.mark.slow),
        pytest.param("sum((export_usd - export_usd) / (employees_total - employees_total))", marks=pytest.mark.slow),
    ],
)
def test_division_by_zero_is_a_missing_operand(province: SmallProvince, text: str) -> None:
    settle(province)
    province.report(NIGHT, "E0001", "a_iii_1_2023", Q1, {"export_usd": 10, "employees_total": 5})
    as_numerator = compute_own(province, own_indicator(text))
    for area in AT_EVERY_LEVEL:
        assert figures(as_numerator["XX01", area, Q1])[:4] == (None, None, None, "O")
        assert as_numerator["XX01", area, Q1]["comment"] == "Thiếu số liệu / Figure missing"
    as_denominator = compute_own(province, own_indicator("sum(export_usd)", text))
    for area in AT_EVERY_LEVEL:
        assert figures(as_denominator["XX01", area, Q1])[:4] == (None, 10, None, "O")


def test_derived_measure_over_zero_is_missing(province: SmallProvince) -> None:
    settle(province)
    province.report(NIGHT, "E0001", "a_iii_1_2023", Q1, {"export_usd": 10, "employees_total": 0})
    province.report(NIGHT, "E0004", "a_iii_1_2023", Q1, {"export_usd": 10, "employees_total": 5})
    model = packaged().measures["export_usd"]
    derived = model.model_copy(
        update={"name": "export_per_head", "forms": (), "derive": "export_usd / employees_total"}
    )
    table = packaged().tables["enterprise_report"]
    column = next(c for c in table.columns if c.name == "export_usd").model_copy(update={"name": "export_per_head"})
    tables = {
        **packaged().tables,
        "enterprise_report": table.model_copy(update={"columns": (*table.columns, column)}),
    }
    measures = {**packaged().measures, "export_per_head": derived}
    values = compute_own(province, own_indicator("sum(export_per_head)", measures=measures, tables=tables))
    assert figures(values["XX01", "E0001", Q1]) == (None, None, None, "O", 0, 1)
    assert figures(values["XX01", QUE_VO, Q1]) == (None, None, None, "O", 0, 3)
    assert figures(values["XX01", "BN", Q1]) == (2, 2, None, "P", 1, 4)


def test_sum_that_overflows_has_no_value(province: SmallProvince) -> None:
    settle(province)
    for sender in ("E0001", "E0002"):
        province.report(NIGHT, sender, "a_iii_1_2023", Q1, {"export_usd": 1e308, "employees_total": 5})
    province.report(NIGHT, "E0004", "a_iii_1_2023", Q1, {"export_usd": 7, "employees_total": 5})
    values = compute_own(province, own_indicator("sum(export_usd)", "sum(employees_total)"))
    assert values["XX01", "E0001", Q1]["value"] == 2e307, "one alone is a number, however absurd"
    assert values["XX01", QUANG_CHAU, Q1]["value"] == 1.4, "the other park keeps its value"
    for area in (QUE_VO, "BN"):
        row = values["XX01", area, Q1]
        assert (row["value"], row["numerator"], row["obs_status"], row["comment"]) == (None, None, "M", TOO_LARGE)
        assert row["denominator"] == (10 if area == QUE_VO else 15), "what is a number stays"
    values = compute_own(province, own_indicator("sum(employees_total)", "sum(export_usd)"))
    row = values["XX01", QUE_VO, Q1]
    assert (row["value"], row["numerator"], row["denominator"]) == (None, 10, None), "10 / infinity is not 0"
    assert (row["obs_status"], row["comment"]) == ("M", TOO_LARGE)


@pytest.mark.parametrize(
    ("numerator", "denominator"),
    [("sum(export_usd)", None), ("sum(export_usd)", "sum(employees_total)"), ("sum(-export_usd)", None)],
)
def test_value_that_overflows_by_its_scale_is_missing(
    province: SmallProvince, numerator: str, denominator: str | None
) -> None:
    settle(province)
    province.report(NIGHT, "E0001", "a_iii_1_2023", Q1, {"export_usd": 1e308, "employees_total": 5})
    values = compute_own(province, own_indicator(numerator, denominator, scale=1000))
    for area in AT_EVERY_LEVEL:
        row = values["XX01", area, Q1]
        assert (row["value"], abs(row["numerator"]), row["obs_status"]) == (None, 1e308, "M")
        assert row["comment"] == TOO_LARGE


def test_infinity_minus_infinity_is_missing(province: SmallProvince) -> None:
    settle(province)
    province.report(NIGHT, "E0001", "a_iii_1_2023", Q1, {"export_usd": 1e308})
    values = compute_own(province, own_indicator("sum(export_usd * 10) - sum(export_usd * 10)"))
    for area in AT_EVERY_LEVEL:
        assert figures(values["XX01", area, Q1])[:4] == (None, None, None, "M")
        assert values["XX01", area, Q1]["comment"] == TOO_LARGE
