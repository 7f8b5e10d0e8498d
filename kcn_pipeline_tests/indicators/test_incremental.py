"""A night computes only what it touched, and the result is that of computing everything."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kcn_pipeline.indicators import find_touched
from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.indicators.lakes import (
    EMPTY_PARK,
    QUANG_CHAU,
    QUE_VO,
    Row,
    SmallProvince,
    catalog_of,
    enterprise,
    park,
    run_night,
    values_of,
)

#: One indicator of every way to read a table: by code, event and stock, ratio, provincial, zero when nothing is listed.
CODES = ("SO04", "EC08", "EC04", "EC05", "EC07", "EN09", "EN21", "SO07", "MG03", "MG07", "MG11", "EN02")
NIGHTS = ("2026-03-20", "2026-04-05", "2026-04-12", "2026-07-02", "2026-08-01")
PERIODS = ("2025-Q3", "2025-Q4", "2026-Q1", "2026-Q2")
SENDERS = ("E0001", "E0002", "E0003")
FIGURES = {"employees_total": 300, "employees_foreign": 3, "export_usd": 5}
FUELS = {"electricity_kwh": 10, "coal_t": 1, "oil_l": 0, "lng_m3": 2}

_one_report = st.tuples(
    st.sampled_from(SENDERS),
    st.sampled_from(("a_iii_1_2023", "bn_01", "a_iii_2")),
    st.sampled_from(PERIODS),
    st.integers(1, 9),
    st.booleans(),
)
_changes = ("move", "close", "project", "correct_land", "incident", "petition", "statistics", "green")
_one_change = st.sampled_from(_changes)
_one_night = st.tuples(st.lists(_one_report, max_size=3), st.lists(_one_change, max_size=2, unique=True))
_histories = st.lists(_one_night, min_size=len(NIGHTS), max_size=len(NIGHTS))


class Registers:
    """The registers of the test, changed step by step; each table is written whole when it changed."""

    def __init__(self) -> None:
        land = {"land_total_ha": 90, "land_industrial_planned_ha": 60, "land_leased_ha": 30}
        old = {"valid_from": date(1900, 1, 1)}
        self.tables: dict[str, list[Row]] = {
            "register_parks": [park(QUE_VO), park(QUANG_CHAU), park(EMPTY_PARK)],
            "register_enterprises": [enterprise(code, QUE_VO) for code in SENDERS],
            "register_land": [{"park_code": code, **land, **old} for code in (QUE_VO, QUANG_CHAU)],
            "register_projects": [],
            "register_incidents": [],
            "register_petitions": [],
            "register_province_statistics": [],
        }

    def change(self, kind: str, number: int, day: date) -> list[str]:
        """Apply a change on a day; returns the tables it concerns."""
        tables = self.tables
        last = tables["register_enterprises"][-1]
        match kind:
            case "move":
                moved = {**last, "park_code": QUANG_CHAU, "valid_from": date(2026, 2, 2), "valid_to": None}
                last["valid_to"] = date(2026, 2, 1)
                rows = [*tables["register_enterprises"], moved]
                tables["register_enterprises"] = _distinct(rows, "enterprise_id", "valid_from")
                return ["register_enterprises"]
            case "close":
                tables["register_enterprises"][0] |= {"operating_to": date(2026, 1, 31)}
                return ["register_enterprises"]
            case "project":
                row: Row = {"project_id": f"P{number}", "enterprise_id": "E0001", "park_code": QUE_VO}
                row |= {"status": "active", "capital_type": "FDI", "registered_capital_usd": number}
                row |= {"licensed_on": date(2025, 11, number)}
                tables["register_projects"].append({**row, "valid_from": date(1900, 1, 1)})
                return ["register_projects"]
            case "correct_land":
                tables["register_land"][0] |= {"land_leased_ha": 30 + number}
                return ["register_land"]
            case "incident":
                row = {"incident_id": f"I{number}", "park_code": QUE_VO, "kind": "environmental"}
                tables["register_incidents"].append({**row, "occurred_on": date(2026, 1, number)})
                return ["register_incidents"]
            case "petition":
                row = {"petition_id": f"K{number}", "enterprise_id": "E0001", "park_code": QUE_VO}
                row |= {"received_on": date(2025, 12, 1), "due_on": date(2026, 1, number), "resolved_on": None}
                tables["register_petitions"].append(row)
                return ["register_petitions"]
            case "statistics":
                row = {"province_code": "BN", "year": 2026, "period_code": "2026", "gross_output_vnd": number}
                tables["register_province_statistics"] = [row]
                return ["register_province_statistics"]
            case _:
                tables["register_parks"][number % 3] |= {"green_park_recognised_year": 2026}
                return ["register_parks"]


def _distinct(rows: list[Row], *key: str) -> list[Row]:
    return list({tuple(row[name] for name in key): row for row in rows}.values())


def live(province: SmallProvince, history: list[Any], contracts: Any) -> None:
    """Write and compute night after night."""
    registers = Registers()
    for number, (night, (reports, changes)) in enumerate(zip(NIGHTS, history, strict=True), start=1):
        changed = [*registers.tables] if number == 1 else []
        for change in changes:
            changed += registers.change(change, number, date.fromisoformat(night))
        for table in dict.fromkeys(changed):
            province.register(night, table, registers.tables[table])
        for sender, form, period, factor, refused in reports:
            code = period if form != "a_iii_2" else "2025"
            figures = {"accidents": factor, "gross_output_vnd": 10.0 * factor}
            if form != "bn_01":
                figures = {name: value * factor for name, value in {**FIGURES, **FUELS}.items()}
            province.report(night, sender, form, code, figures, refused=refused)
        run_night(province.lake, contracts, night)


def compute_all(lake: Lake, folder: Path, contracts: Any, night: str) -> Lake:
    """The same accepted rows computed in one go."""
    fresh = Lake(folder)
    for stage in ("validation", "quarantine"):
        if (lake.tables_dir / stage).exists():
            shutil.copytree(lake.tables_dir / stage, fresh.tables_dir / stage)
    run_night(fresh, contracts, night)
    return fresh


def state(lake: Lake, table: str) -> dict[str, list[Row]]:
    """The newest slice of every period."""
    parts = lake.parts("indicators", table)
    newest = {part: max(lake.slices("indicators", table, parts=[part])).stem[-10:] for part in parts}
    rows = {part: lake.read("indicators", table, night, [part]) for part, night in newest.items()}
    return {part: [] if found is None else found.to_pylist() for part, found in rows.items()}


def check_history(history: list[Any], lived: Path, computed: Path) -> None:
    """Live through the nights, compute all at the end, compare every table."""
    contracts = catalog_of(*CODES)
    province = SmallProvince(Lake(lived), contracts)
    live(province, history, contracts)
    fresh = compute_all(province.lake, computed, contracts, NIGHTS[-1])
    assert values_of(province.lake) == values_of(fresh)
    for table in ("report_submissions", "enterprise_measures"):
        assert state(province.lake, table) == state(fresh, table)


#: The register is written on the first night only: what follows is touched by time and reports alone.
REPORTS_AND_TIME = [
    ([("E0001", "a_iii_1_2023", "2025-Q3", 2, False)], ["project", "statistics"]),
    ([], []),
    ([("E0002", "a_iii_1_2023", "2025-Q4", 3, True)], []),
    ([("E0001", "a_iii_2", "2025", 6, False), ("E0003", "bn_01", "2026-Q1", 5, False)], []),
    ([("E0001", "a_iii_1_2023", "2025-Q3", 8, False), ("E0002", "a_iii_1_2023", "2025-Q4", 7, False)], []),
]
#: Every kind of change of the register, each with the reports it moves.
REGISTER = [
    ([("E0003", "a_iii_1_2023", "2026-Q1", 2, False), ("E0001", "a_iii_1_2023", "2026-Q1", 4, False)], []),
    ([], ["move", "petition"]),
    ([], ["incident", "green"]),
    ([], ["statistics", "close"]),
    ([], ["correct_land", "project"]),
]


@pytest.mark.parametrize(
    "history",
    [pytest.param(REPORTS_AND_TIME, marks=pytest.mark.slow), REGISTER],
    ids=["reports and time", "register"],
)
def test_incremental_equals_full(history: list[Any], tmp_path: Path) -> None:
    check_history(history, tmp_path / "lived", tmp_path / "computed")


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=_histories)
def test_incremental_equals_full_whatever_happens(history: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    check_history(history, tmp_path_factory.mktemp("lived"), tmp_path_factory.mktemp("computed"))


def test_night_without_news_computes_nothing(province: SmallProvince) -> None:
    contracts = catalog_of("EC08")
    province.parks("2026-08-01", QUE_VO)
    run_night(province.lake, contracts, "2026-08-01")
    touched, result = run_night(province.lake, contracts, "2026-08-02")
    assert (touched.periods, touched.indicators, result.rows, result.scope) == ((), (), 0, ())
    assert touched.describe() == "0 of 29 ended periods"


def test_night_run_twice_writes_the_same(province: SmallProvince) -> None:
    contracts = catalog_of("EC08", "MG03")
    province.parks("2026-08-01", QUE_VO)
    province.enterprises("2026-08-01", {"E0001": QUE_VO})
    province.report("2026-08-01", "E0001", "a_iii_1_2023", "2026-Q2", {"export_usd": 5})
    run_night(province.lake, contracts, "2026-08-01")
    province.report("2026-08-02", "E0001", "a_iii_1_2023", "2026-Q1", {"export_usd": 5})
    first = run_night(province.lake, contracts, "2026-08-02")[1]
    before = values_of(province.lake)
    second = run_night(province.lake, contracts, "2026-08-02")[1]
    assert (first, before) == (second, values_of(province.lake))


def test_second_attempt_covers_the_periods_of_the_first(province: SmallProvince) -> None:
    contracts = catalog_of("EC08", "MG03")
    province.parks("2026-08-01", QUE_VO)
    run_night(province.lake, contracts, "2026-08-01")
    night = "2026-08-02"
    province.report(night, "E0001", "a_iii_1_2023", "2026-Q1", {"export_usd": 5}, park_code=QUE_VO)
    run_night(province.lake, contracts, night)
    assert values_of(province.lake)["EC08", QUE_VO, "2026-Q1"]["value"] == 5
    for table in ("enterprise_reports", "enterprise_report_values"):
        shutil.rmtree(province.lake.tables_dir / "validation" / table)
    touched = find_touched(province.lake, contracts, night)
    assert "2026-Q1" in touched.reasons["earlier_attempt"]
    run_night(province.lake, contracts, night)
    assert values_of(province.lake)["EC08", QUE_VO, "2026-Q1"]["value"] is None


def test_second_attempt_covers_the_indicators_of_the_first(province: SmallProvince) -> None:
    """The first attempt had an overlay that changed one indicator and added another; the second has none."""
    province.parks("2026-08-01", QUE_VO)
    run_night(province.lake, catalog_of("EC08"), "2026-08-01")
    contracts = catalog_of("EC08", "EC09")
    changed = contracts.indicators["EC08"].model_copy(update={"scale": 1000})
    contracts.indicators["EC08"] = changed  # type: ignore[index]
    first = run_night(province.lake, contracts, "2026-08-02")[1]
    assert {code for code, _ in first.scope} == {"EC08", "EC09"}
    touched, second = run_night(province.lake, catalog_of("EC08"), "2026-08-02")
    assert touched.indicators == ("EC08",)
    assert set(second.scope) == set(first.scope), "what is gone is in scope too, without rows"
    assert {code for code, _, _ in values_of(province.lake, "2026-08-02")} == {"EC08"}


def test_older_night_run_again_knows_what_came_later(province: SmallProvince) -> None:
    contracts = catalog_of("EC08")
    province.parks("2026-08-01", QUE_VO)
    run_night(province.lake, contracts, "2026-08-01")
    for night, usd in (("2026-08-02", 5), ("2026-08-03", 8)):
        province.report(night, "E0001", "a_iii_1_2023", "2026-Q1", {"export_usd": usd}, park_code=QUE_VO)
        run_night(province.lake, contracts, night)
    touched, _ = run_night(province.lake, contracts, "2026-08-02")
    assert touched.known_until == "2026-08-03"
    assert values_of(province.lake, "2026-08-02")["EC08", QUE_VO, "2026-Q1"]["value"] == 8


def test_what_lands_under_an_older_night_is_not_hidden_by_newer_ones(province: SmallProvince) -> None:
    """A later night that touches another quarter reads the older night's figures, not those that stood before."""
    contracts = catalog_of("EC08", "MG03")
    province.parks("2026-08-01", QUE_VO)
    run_night(province.lake, contracts, "2026-08-01")
    exported = (
        ("2026-08-03", "E0001", "2026-Q1", 5),
        ("2026-08-02", "E0002", "2026-Q1", 8),
        ("2026-08-04", "E0001", "2026-Q2", 1),
    )
    for night, sender, quarter, usd in exported:
        province.report(night, sender, "a_iii_1_2023", quarter, {"export_usd": usd}, park_code=QUE_VO)
        run_night(province.lake, contracts, night)
    path = province.lake.slices("indicators", "enterprise_measures", parts=["period=2026-Q1"])[-1]
    found = province.lake.read_slice(path, ["enterprise_id", "value"]).to_pylist()
    assert {(row["enterprise_id"], row["value"]) for row in found} == {("E0001", 5), ("E0002", 8)}
    path = province.lake.slices("indicators", "report_submissions", parts=["period=2026-Q1"])[-1]
    assert {row["enterprise_id"] for row in province.lake.read_slice(path, ["enterprise_id"]).to_pylist()} >= {
        "E0001",
        "E0002",
    }
