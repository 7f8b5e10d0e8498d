"""From accepted cells to measures: which report, which form and which quarters a figure comes from."""

import pytest

from kcn_pipeline.indicators import compute_measures, find_touched, record_definitions
from kcn_pipeline.indicators.measures import FINDINGS
from kcn_pipeline_tests.indicators.lakes import QUE_VO, SmallProvince, measures_of, packaged

NIGHT = "2026-11-21"
QUARTERS = ("2026-Q1", "2026-Q2", "2026-Q3")


def compute(province: SmallProvince, night: str = NIGHT) -> None:
    touched = find_touched(province.lake, province.contracts, night)
    compute_measures(province.lake, province.contracts, night, touched)
    record_definitions(province.lake, province.contracts, night)


def findings(province: SmallProvince) -> list[dict]:
    rows = province.lake.read("indicators", FINDINGS)
    assert rows is not None
    return rows.to_pylist()


def file_quarters(province: SmallProvince, year: int, figures: list[dict[str, float]]) -> None:
    for number, cells in enumerate(figures, start=1):
        province.report(NIGHT, "E0001", "a_iii_1_2023", f"{year}-Q{number}", cells)


def test_quarter_comes_from_its_report(province: SmallProvince) -> None:
    report_id = province.report(NIGHT, "E0001", "a_iii_1_2023", "2026-Q1", {"export_usd": 12.5}, park_code=QUE_VO)
    compute(province)
    row = measures_of(province.lake, "2026-Q1")["E0001", "export_usd"]
    assert row["value"] == 12.5
    assert (row["unit"], row["freq"], row["is_estimated"]) == ("USD", "Q", False)
    assert (row["form_code"], row["report_id"], row["_cell"]) == ("A.III.1", report_id, "AIII")
    assert row["park_code"] == QUE_VO


def test_park_is_that_of_the_register_at_the_end_of_the_period(province: SmallProvince) -> None:
    province.enterprises(NIGHT, {"E0001": "YEN_PHONG"})
    province.report(NIGHT, "E0001", "a_iii_1_2023", "2026-Q1", {"export_usd": 1}, park_code=QUE_VO)
    compute(province)
    assert measures_of(province.lake, "2026-Q1")["E0001", "export_usd"]["park_code"] == "YEN_PHONG"


def test_year_comes_from_the_annual_form_although_quarters_exist(province: SmallProvince) -> None:
    file_quarters(province, 2025, [{"export_usd": n} for n in (1, 2, 3, 4)])
    province.report(NIGHT, "E0001", "a_iii_2", "2025", {"export_usd": 11})
    compute(province)
    row = measures_of(province.lake, "2025")["E0001", "export_usd"]
    assert (row["value"], row["is_estimated"], row["form_code"]) == (11, False, "A.III.2")


def test_year_is_estimated_from_four_quarters(province: SmallProvince) -> None:
    file_quarters(province, 2025, [{"export_usd": n, "employees_total": 100 + n} for n in (1, 2, 3, 4)])
    compute(province)
    year = measures_of(province.lake, "2025")
    assert year["E0001", "export_usd"]["value"] == 10, "a flow adds up"
    assert year["E0001", "employees_total"]["value"] == 104, "a stock is that of the last quarter"
    assert all(row["is_estimated"] for row in year.values())
    assert year["E0001", "export_usd"]["report_id"].count("+") == 3, "all four reports are named"
    assert year["E0001", "export_usd"]["_cell"] is None


def test_quarters_whose_sum_is_too_large_make_no_year(province: SmallProvince) -> None:
    file_quarters(province, 2025, [{"export_usd": 1e308, "employees_total": 5}] * 4)
    compute(province)
    assert {measure for _, measure in measures_of(province.lake, "2025")} == {"employees_total"}


def test_annual_form_without_the_figure_leaves_the_year_to_the_quarters(province: SmallProvince) -> None:
    file_quarters(province, 2025, [{"export_usd": n} for n in (1, 2, 3, 4)])
    province.report(NIGHT, "E0001", "a_iii_2", "2025", {"import_usd": 5})
    compute(province)
    year = measures_of(province.lake, "2025")
    assert (year["E0001", "export_usd"]["value"], year["E0001", "export_usd"]["is_estimated"]) == (10, True)
    assert (year["E0001", "import_usd"]["value"], year["E0001", "import_usd"]["is_estimated"]) == (5, False)


def test_three_quarters_make_no_year_and_one_no_half_year(province: SmallProvince) -> None:
    file_quarters(province, 2025, [{"export_usd": 1}, {"export_usd": 2}, {"export_usd": 3}])
    compute(province)
    assert measures_of(province.lake, "2025") == {}
    assert measures_of(province.lake, "2025-S1")["E0001", "export_usd"]["value"] == 3
    assert measures_of(province.lake, "2025-S1")["E0001", "export_usd"]["is_estimated"] is False
    assert measures_of(province.lake, "2025-S2") == {}


def test_zero_is_a_figure_and_an_empty_cell_is_none(province: SmallProvince) -> None:
    file_quarters(province, 2025, [{"export_usd": 0}, {"export_usd": 2}, {"import_usd": 3}, {"export_usd": 4}])
    compute(province)
    assert measures_of(province.lake, "2025-Q1")["E0001", "export_usd"]["value"] == 0
    assert ("E0001", "export_usd") not in measures_of(province.lake, "2025-Q3")
    assert ("E0001", "export_usd") not in measures_of(province.lake, "2025")


def test_resubmission_replaces_the_report_whole(province: SmallProvince) -> None:
    province.report("2026-04-05", "E0001", "a_iii_1_2023", "2026-Q1", {"export_usd": 10, "import_usd": 7})
    province.report("2026-04-20", "E0001", "a_iii_1_2023", "2026-Q1", {"export_usd": 12})
    compute(province)
    quarter = measures_of(province.lake, "2026-Q1")
    assert quarter["E0001", "export_usd"]["value"] == 12
    assert ("E0001", "import_usd") not in quarter, "what the new report leaves empty is empty"


def test_older_report_that_arrives_later_changes_nothing(province: SmallProvince) -> None:
    province.report("2026-04-05", "E0001", "a_iii_1_2023", "2026-Q1", {"export_usd": 12}, submitted_on="2026-04-04")
    compute(province, "2026-04-05")
    province.report("2026-04-20", "E0001", "a_iii_1_2023", "2026-Q1", {"export_usd": 10}, submitted_on="2026-04-01")
    compute(province, "2026-04-20")
    assert measures_of(province.lake, "2026-Q1")["E0001", "export_usd"]["value"] == 12


def test_versions_of_a_form_replace_each_other(province: SmallProvince) -> None:
    province.report("2026-04-05", "E0001", "a_iii_1_2021", "2026-Q1", {"export_usd": 10})
    province.report("2026-04-06", "E0001", "a_iii_1_2023", "2026-Q1", {"export_usd": 11})
    compute(province)
    assert measures_of(province.lake, "2026-Q1")["E0001", "export_usd"]["value"] == 11


def test_first_form_of_the_measure_that_has_a_figure_wins(province: SmallProvince) -> None:
    province.report(NIGHT, "E0001", "f_05_a", "2025", {"electricity_kwh": 500})
    province.report(NIGHT, "E0002", "f_05_a", "2025", {"electricity_kwh": 500})
    province.report(NIGHT, "E0002", "a_iii_2", "2025", {"electricity_kwh": 502})
    compute(province)
    year = measures_of(province.lake, "2025")
    first, second = year["E0001", "electricity_kwh"], year["E0002", "electricity_kwh"]
    assert (first["value"], first["form_code"]) == (500, "05.A")
    assert (second["value"], second["form_code"]) == (502, "A.III.2")
    assert findings(province) == [], "0.4 % is rounding"


def test_forms_that_disagree_are_found(province: SmallProvince) -> None:
    province.report(NIGHT, "E0002", "a_iii_2", "2025", {"electricity_kwh": 1000})
    province.report(NIGHT, "E0002", "f_05_a", "2025", {"electricity_kwh": 1020})
    compute(province)
    (found,) = findings(province)
    assert (found["rule"], found["file"], found["sheet"]) == ("forms_disagree", "E0002-001.xlsx", "05.A")
    assert "05.A: 1020" in found["reason_vi"]
    assert "A.III.2: 1000" in found["reason_en"]


def test_year_to_date_must_add_up(province: SmallProvince) -> None:
    province.report(NIGHT, "E0001", "a_iii_1_2023", "2026-Q1", {"export_usd": 100}, to_date={"export_usd": 100})
    province.report(NIGHT, "E0001", "a_iii_1_2023", "2026-Q2", {"export_usd": 50}, to_date={"export_usd": 150.2})
    province.report(NIGHT, "E0001", "a_iii_1_2023", "2026-Q3", {"export_usd": 60}, to_date={"export_usd": 240})
    province.report(NIGHT, "E0002", "a_iii_1_2023", "2026-Q1", {"export_usd": 100}, to_date={"export_usd": 90})
    compute(province)
    q1, q3 = sorted(findings(province), key=lambda row: row["value"], reverse=True)
    assert {q1["rule"], q3["rule"]} == {"year_to_date_mismatch"}
    assert (q1["file"], q1["value"], q1["cell"]) == ("E0002-003.xlsx", "90", "BIII")
    assert (q3["file"], q3["value"]) == ("E0001-002.xlsx", "240")
    assert "210.2" in q3["reason_en"], "150.2 to the second quarter and 60 in the third"


def test_year_to_date_is_checked_again_when_the_quarter_before_is_resubmitted(province: SmallProvince) -> None:
    night = "2026-08-01"
    province.report(night, "E0001", "a_iii_1_2023", "2026-Q1", {"export_usd": 100}, to_date={"export_usd": 100})
    province.report(night, "E0001", "a_iii_1_2023", "2026-Q2", {"export_usd": 50}, to_date={"export_usd": 150})
    compute(province, night)
    assert findings(province) == []
    later = "2026-08-02"
    province.report(later, "E0001", "a_iii_1_2023", "2026-Q1", {"export_usd": 80}, to_date={"export_usd": 80})
    compute(province, later)
    (found,) = findings(province)
    assert (found["file"], found["value"]) == ("E0001-001.xlsx", "150")


def test_year_to_date_adds_up_in_the_currency_of_the_certificate(province: SmallProvince) -> None:
    """250 and 260 billion dong: as dollars at the rates of their periods, the year to date would not add up."""
    for number, (billions, to_date, rate) in enumerate(((250, 250, 25_000), (260, 510, 26_000)), start=1):
        in_usd = {"export_usd": billions * 1e9 / rate}
        whole_year = {"export_usd": to_date * 1e9 / rate}
        code = f"2026-Q{number}"
        province.report(NIGHT, "E0001", "a_iii_1_2023", code, in_usd, to_date=whole_year, vnd_per_usd=rate)
    compute(province)
    assert findings(province) == []


def test_missing_quarter_before_is_no_contradiction(province: SmallProvince) -> None:
    province.report(NIGHT, "E0001", "a_iii_1_2023", "2026-Q2", {"export_usd": 50}, to_date={"export_usd": 150})
    compute(province)
    assert findings(province) == []


def test_every_measure_is_either_fed_or_derived() -> None:
    fed = {m for form in packaged().forms.values() for one in form.fields for m in one.measures.values()}
    for measure in packaged().measures.values():
        assert (measure.name in fed) != bool(measure.derive), measure.name
        assert set(measure.forms) <= {form.code for form in packaged().forms.values()}


@pytest.mark.parametrize("code", ["2025-Q1", "2025-Q2"])
def test_period_without_reports_has_an_empty_slice(province: SmallProvince, code: str) -> None:
    compute(province)
    assert measures_of(province.lake, code) == {}
    assert f"period={code}" in province.lake.parts("indicators", "enterprise_measures", NIGHT)
