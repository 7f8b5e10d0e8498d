"""The board's own contracts over the packaged ones, in YAML only: a new indicator, another target, a new deadline."""

from datetime import date
from pathlib import Path

import pytest

from kcn_pipeline.contracts import ContractError, Contracts, load_contracts
from kcn_pipeline.indicators import build_dimensions, check_catalog, find_touched
from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.indicators.lakes import QUE_VO, SmallProvince, run_night, submissions_of, values_of

NIGHT = "2026-08-01"
INDICATORS = """
version: "BN-2026.2"
indicators:
  - code: XX01
    name: {vi: Lợi nhuận trên doanh thu, en: Profit on revenue}
    dimension: economic
    levels: [enterprise, park, province]
    unit: PT
    frequencies: [A]
    direction: higher
    scale: 100
    numerator: {from: enterprise_report, expression: sum(profit_after_tax_usd)}
    denominator: {from: enterprise_report, expression: sum(revenue_usd)}
    status: adopted
    confidence: high
    source: Decision of the board
  - code: MG01
    targets:
      - {op: ">=", value: 75, basis: Decision of the board, source: Decision of the board, confidence: high}
  - code: EC09
    status: retired
"""


@pytest.fixture
def contracts(tmp_path: Path) -> Contracts:
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "indicators.yaml").write_text(INDICATORS, "utf-8")
    found = load_contracts(folder)
    check_catalog(found)
    return found


def test_added_indicator_is_computed(contracts: Contracts, tmp_path: Path) -> None:
    province = SmallProvince(Lake(tmp_path / "data"), contracts)
    province.parks("2026-01-05", QUE_VO)
    province.enterprises("2026-01-05", {"E0001": QUE_VO, "E0002": QUE_VO})
    for sender, profit, revenue in (("E0001", 10, 100), ("E0002", -1, 200)):
        cells = {"profit_after_tax_usd": profit, "revenue_usd": revenue}
        province.report(NIGHT, sender, "a_iii_2", "2025", cells)
    _, result = run_night(province.lake, contracts, NIGHT)
    values = values_of(province.lake)
    assert values["XX01", QUE_VO, "2025"]["value"] == 3
    assert values["XX01", "E0002", "2025"]["value"] == -0.5
    assert ("XX01", "2025") in result.scope
    assert not any(code == "EC09" for code, _ in result.scope), "a retired indicator is left as it was"


def test_dimension_shows_the_boards_catalog(contracts: Contracts, tmp_path: Path) -> None:
    dimension = build_dimensions(Lake(tmp_path / "data"), contracts, NIGHT)["dim_indicator"]
    rows = {row["indicator_code"]: row for row in dimension.to_pylist()}
    assert {row["catalog_version"] for row in rows.values()} == {"BN-2026.2"}
    assert len(rows) == 71
    assert (rows["MG01"]["target_value"], rows["MG01"]["name_en"]) == (75, "Occupancy rate on planned industrial land")
    assert rows["EC09"]["status"] == "retired"
    assert load_contracts().indicators["MG01"].targets[0].value == 60, "the packaged catalog is as it was"


def test_only_what_is_new_is_computed_after_the_overlay_came(contracts: Contracts, tmp_path: Path) -> None:
    province = SmallProvince(Lake(tmp_path / "data"), contracts)
    province.parks("2026-01-05", QUE_VO)
    run_night(province.lake, load_contracts(), NIGHT)
    touched = find_touched(province.lake, contracts, "2026-08-02")
    assert (touched.periods, touched.indicators) == ((), ("XX01",))
    _, result = run_night(province.lake, contracts, "2026-08-02")
    assert {code for code, _ in result.scope} == {"XX01"}
    assert {code for code, _, _ in values_of(province.lake, "2026-08-02")} == {"XX01"}


def test_deadline_of_the_board(tmp_path: Path) -> None:
    folder = tmp_path / "contracts"
    folder.mkdir()
    text = """
deadlines:
  - {form: A.III.1, frequency: Q, months_after: 1, day: 20, valid_from: 2026-01-01, source: board, confidence: high}
"""
    (folder / "deadlines.yaml").write_text(text, "utf-8")
    province = SmallProvince(Lake(tmp_path / "data"), load_contracts(folder))
    province.enterprises("2025-01-05", {"E0001": QUE_VO})
    run_night(province.lake, province.contracts, NIGHT)
    due = {
        period: [row["due_on"] for row in submissions_of(province.lake, period) if row["form_code"] == "A.III.1"]
        for period in ("2025-Q4", "2026-Q1")
    }
    assert due == {"2025-Q4": [date(2026, 1, 10)], "2026-Q1": [date(2026, 4, 20)]}


def test_mistake_is_told_with_its_file_and_line(tmp_path: Path) -> None:
    text = INDICATORS.replace("sum(revenue_usd)", "avg(revenue_usd)").replace("economic", "economy")
    (tmp_path / "indicators.yaml").write_text(text, "utf-8")
    with pytest.raises(ContractError, match=r"indicators.yaml:6: XX01.dimension"):
        load_contracts(tmp_path)
    (tmp_path / "indicators.yaml").write_text(text.replace("economy", "economic"), "utf-8")
    load_contracts.cache_clear()
    with pytest.raises(ContractError, match=r"indicators.yaml:13: XX01.denominator.expression: avg gives a workshop"):
        check_catalog(load_contracts(tmp_path))
