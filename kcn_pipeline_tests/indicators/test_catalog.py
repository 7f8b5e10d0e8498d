"""The packaged catalog is sound, and a wrong one is told with file, line and reason."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot.errors import ErrorLevel

from kcn_pipeline.contracts import ContractError, Contracts, load_contracts
from kcn_pipeline.indicators import check_catalog
from kcn_pipeline.indicators.catalog import describe_operand, order_derived, read_indicator
from kcn_pipeline.indicators.statements import Facts, write_statement, write_uncollected
from kcn_pipeline_tests.indicators.lakes import packaged

INDICATOR = """
indicators:
  - code: ZZ01
    name: {{vi: Thử, en: Test}}
    dimension: economic
    levels: [{levels}]
    unit: USD
    frequencies: [{freqs}]
    direction: none
    numerator:
      from: {table}
      expression: "{expression}"
    status: proposed
    confidence: low
    source: test
"""


def problems_of(contracts: Contracts) -> list[str]:
    with pytest.raises(ContractError) as caught:
        check_catalog(contracts)
    return [str(problem) for problem in caught.value.problems]


def overlaid(folder: Path, **changes: str) -> Contracts:
    said = {"table": "enterprise_report", "expression": "sum(export_usd)", "levels": "park", "freqs": "Q", **changes}
    (folder / "indicators.yaml").write_text(INDICATOR.format(**said), "utf-8")
    return load_contracts(folder)


def test_packaged_catalog_is_sound() -> None:
    check_catalog(packaged())
    assert len(packaged().indicators) == 70


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"expression": "sum(export_us)"}, "indicators.yaml:12: ZZ01.numerator.expression: no column 'export_us'"),
        ({"expression": "coalesce(sum(export_usd), 0)"}, "indicators.yaml:12: ZZ01.numerator.expression: coalesce"),
        ({"expression": "sum(name_vi)", "table": "register_parks"}, "No function matches the given name"),
        ({"expression": "max(park_code)"}, "gives string, not a number"),
        ({"expression": "max(is_passed)", "table": "register_signal_tests"}, "gives bool, not a number"),
        ({"expression": "sum(_line)", "table": "register_parks"}, "no column '_line'"),
        ({"expression": "max(valid_from)", "table": "register_parks"}, "no column 'valid_from'"),
        ({"expression": "max(hours)", "table": "register_incidents"}, "which max cannot say; use sum or count"),
        ({"table": "register_land", "expression": "sum(land_total_ha)", "levels": "enterprise"},
         "indicators.yaml:11: ZZ01.numerator.from: register_land has no figures at level enterprise; it has park"),
        ({"freqs": "D"}, "ZZ01.frequencies: D: enterprise_report says nothing of single days"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_file_and_line(tmp_path: Path, changes: dict[str, str], reason: str) -> None:
    found = problems_of(overlaid(tmp_path, **changes))
    assert any(reason in problem for problem in found), found


def test_active_table_needs_someone_who_fills_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contracts = overlaid(tmp_path, table="survey_response", expression="count(respondent_key)")
    check_catalog(contracts)
    monkeypatch.setattr("kcn_pipeline.indicators.catalog.COMPUTED", ())
    found = problems_of(contracts)
    assert any("ZZ01.numerator.from: nothing fills survey_response yet" in problem for problem in found)


def derived(**formulas: str) -> Contracts:
    measures = dict(packaged().measures)
    for name, formula in formulas.items():
        update = {"name": name, "derive": formula}
        measures[name] = measures["energy_total_toe"].model_copy(update=update)
    return replace(packaged(), measures=measures)


@pytest.mark.parametrize(
    ("formulas", "reason"),
    [
        ({"energy_total_toe": "electricity_kwh * toe_electricity_kw"}, "near it are toe_electricity_kwh"),
        ({"energy_total_toe": "max(coal_t)"}, "function 'max' is not allowed"),
        ({"energy_total_toe": "energy_total_toe + coal_t"}, "is computed from itself, through energy_total_toe"),
        ({"one": "other * 2", "other": "one / 2"}, "is computed from itself, through one, other"),
        ({"toe_coal_t": "coal_t"}, "is also the name of a factor"),
    ],
)
def test_mistakes_in_derived_measures(formulas: dict[str, str], reason: str) -> None:
    found = problems_of(derived(**formulas))
    assert any(problem.startswith("measures") and reason in problem for problem in found), found


def test_derived_measures_come_after_what_they_need() -> None:
    ordered = [name for name, _ in order_derived(derived(one="other * 2", other="energy_total_toe / 2"))]
    assert ordered.index("energy_total_toe") < ordered.index("other") < ordered.index("one")


def test_form_feeds_a_measure_once() -> None:
    form = packaged().forms["a_iii_2"]
    twice = [f.model_copy(update={"measures": {"A": "export_usd"}}) if f.code == "II" else f for f in form.fields]
    forms = {**packaged().forms, "a_iii_2": form.model_copy(update={"fields": tuple(twice)})}
    found = problems_of(replace(packaged(), forms=forms))
    assert any("a_iii_2" in problem and "'export_usd' is already fed by field II" in problem for problem in found)


def test_complete_cases_only_within_one_table() -> None:
    indicators = packaged().indicators
    assert read_indicator(packaged(), indicators["SO04"]).complete_columns == ("employees_foreign", "employees_total")
    assert read_indicator(packaged(), indicators["EC04"]).complete_columns == ()
    assert read_indicator(packaged(), indicators["EC08"]).complete_columns == ()


def test_operand_as_text() -> None:
    indicators = packaged().indicators
    assert describe_operand(indicators["EC08"].numerator) == "SELECT sum(export_usd) FROM enterprise_report"
    assert "WHERE kind = 'environmental'" in describe_operand(indicators["EN21"].numerator)
    assert "province" in describe_operand(indicators["EC07"].denominator)  # type: ignore[arg-type]


@pytest.mark.parametrize("dialect", ["spark", "postgres"])
def test_statements_are_plain_enough_for_other_engines(dialect: str) -> None:
    contracts = packaged()
    facts = Facts(contracts.tables, {}, {})
    for indicator in contracts.indicators.values():
        checked = read_indicator(contracts, indicator)
        for level in set(indicator.levels) - {"station"}:
            for sql in (write_statement(facts, indicator, checked, level), write_uncollected(indicator, level)):
                written: Any = sqlglot.transpile(sql, read="duckdb", write=dialect, unsupported_level=ErrorLevel.RAISE)
                assert len(written) == 1


# ---- the data of the catalog -----------------------------------------------------------------------------------------


def test_pilot_indicators_need_only_statutory_forms_and_the_register() -> None:
    contracts = packaged()
    statutory = {form.code for form in contracts.forms.values() if form.status == "statutory"}
    derived = dict(order_derived(contracts))

    def is_statutory(measure: str) -> bool:
        if measure in derived:
            return all(is_statutory(base) for base in derived[measure].columns if base in contracts.measures)
        return bool(statutory & {*contracts.measures[measure].forms})

    pilots = [indicator for indicator in contracts.indicators.values() if indicator.status == "pilot"]
    assert len(pilots) > 30
    for indicator in pilots:
        for operand in read_indicator(contracts, indicator).operands:
            assert contracts.tables[operand.table].status == "active", indicator.code
            assert all(is_statutory(name) for name in operand.columns if operand.table == "enterprise_report")


def test_targets_are_sourced_and_historic_ones_have_ended() -> None:
    for indicator in packaged().indicators.values():
        assert indicator.targets, indicator.code
        for target in indicator.targets:
            assert (target.value is None) == (target.op == "none"), indicator.code
            if "2018" in target.basis and target.op != "none" and indicator.code.startswith("EC"):
                assert target.valid_to is not None, indicator.code


def test_percentages_are_scaled() -> None:
    for indicator in packaged().indicators.values():
        if indicator.unit == "PT":
            assert (indicator.scale, indicator.denominator is not None) == (100, True), indicator.code


def test_grid_factor_of_every_year_and_a_fallback() -> None:
    years = {f.valid_from.year: f for f in packaged().factors.values() if f.name == "ef_grid_tco2_mwh" and f.valid_from}
    assert sorted(years) == list(range(2014, 2024))
    assert years[2023].valid_to is None
    assert "fallback" in (years[2023].note or "")
    assert all(factor.source and factor.confidence for factor in packaged().factors.values())
