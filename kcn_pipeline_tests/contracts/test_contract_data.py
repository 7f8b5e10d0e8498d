"""The packaged contract data against numbers and names written here by hand: forms, units, codes, dates, parks, rules.

It must not test the loader or the models (their tests do), only what the YAML files say. The surprising fact: the
counts are literal, because a form that silently lost a row would agree with any count taken from itself.
"""

import ast
import csv
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

import kcn_pipeline
from kcn_pipeline.contracts import Contracts, load_contracts
from kcn_pipeline.contracts.forms import Field_, Form
from kcn_pipeline.staging.forms.recognise import Recogniser, Signs
from kcn_pipeline.staging.parks import ParkNames
from kcn_pipeline.staging.units import Units, squeeze
from kcn_pipeline.staging.vietnamese import fold, park_name_key, read_number

PACKAGE = Path(kcn_pipeline.__file__).parent
FIGURES = PACKAGE.parent / "data" / "inputs" / "published" / "figures.csv"

#: Rows of the printed form or its specification: those that are fields, and those that stand in the title block.
FORM_ROWS = {
    "a_iii_1_2021": (25, 12),
    "a_iii_1_2023": (30, 12),
    "a_iii_2": (35, 12),
    "f_05_a": (30, 2),
    "a_4": (65, 0),
    "a_5": (18, 0),
    "b_4": (3, 0),
    "b_5": (5, 0),
    "board_2101": (10, 0),
    "board_2103": (19, 0),
    "board_2104": (18, 0),
    "bn_01": (22, 0),
}
#: A-001 … A-013 without A-006, which is a figure.
IDENTIFICATION = (
    "project_name certificate_number certificate_date certificate_authority park enterprise_name tax_code "
    "registration_date registration_authority address phone email"
)
INVESTMENT_FORMS = ("a_iii_1_2021", "a_iii_1_2023", "a_iii_2")
INVESTMENT_CODES = (
    "A-006 I 1 1.1 1.1.x.4 1.1.x.5 1.1.x.6 1.2 1.2.x.4 1.2.x.5 1.2.x.6 2 2.a 2.b 2.c 3 II III IV V V.1 V.2"
)
#: Which cell feeds which measure: item code / value column.
FED = {
    "a_iii_1_2023": """A-006/ capital_registered_usd | I/A capital_disbursed_usd | I/C capital_disbursed_cumulative_usd
        | II/A revenue_usd | III/A export_usd | IV/A import_usd | V/A employees_total | V.1/A employees_vietnamese
        | V.2/A employees_foreign | VI.1/A electricity_kwh | VI.2/A coal_t | VI.3/A oil_l | VI.4/A lng_m3
        | VII/A budget_paid_vnd | VIII/A land_used_m2""",
    "a_iii_2": """A-006/ capital_registered_usd | I/A capital_disbursed_usd | I/B capital_disbursed_cumulative_usd
        | II/A revenue_usd | III/A export_usd | IV/A import_usd | V/A employees_total | V.1/A employees_vietnamese
        | V.2/A employees_foreign | VI/A mean_monthly_income_vnd | VII.1/A electricity_kwh | VII.2/A coal_t
        | VII.3/A oil_l | VII.4/A lng_m3 | VIII/A budget_paid_vnd | IX/A land_used_m2 | X/A profit_after_tax_usd
        | XI/A rnd_cost_usd | XII/A environment_cost_usd""",
    "f_05_a": """0.10/N electricity_kwh | 0.11/N water_withdrawn_m3 | 1.1.sh/N wastewater_domestic_m3
        | 1.1.cn/N wastewater_industrial_m3 | 3.2/N waste_solid_generated_t | 4.3/N waste_hazardous_generated_t""",
    "bn_01": """1.1/A employees_female | 1.2/A employees_local | 1.3/A payroll_direct_vnd | 1.4/A direct_worker_months
        | 1.5/A accidents | 1.6/A workers_housing_demand | 1.7/A workers_housed | 2.1/A gross_output_vnd
        | 2.2/A value_added_vnd | 2.3/A procurement_total_vnd | 2.4/A procurement_local_vnd
        | 2.5/A capital_machinery_technology_usd | 3.1/A wastewater_generated_m3 | 3.2/A wastewater_reused_m3
        | 3.3/A waste_solid_recovered_t | 3.4/A waste_hazardous_treated_t | 4.1/A renewable_electricity_kwh
        | 4.2/A energy_metered_toe | 5.1/A ems_certified_flag | 5.2/A ohs_system_flag | 5.3/A recp_applied_flag
        | 5.4/A ghg_inventory_filed_flag""",
}
#: form code, frequency → months after the period's last month, day, confidence.
DUE = {
    ("A.III.1", "Q"): (1, 10, "medium"),
    ("A.III.2", "A"): (3, 31, "medium"),
    ("05.A", "A"): (1, 15, "medium"),
    ("BN.01", "Q"): (1, 10, "low"),
    ("BN.01", "A"): (3, 31, "low"),
    **{(f"{number}.H.QLKKT", "Q"): (1, 15, "low") for number in (2101, 2103, 2104)},
    **{(f"{number}.H.QLKKT", "A"): (1, 31, "low") for number in (2101, 2103, 2104)},
    **{(code, "A"): (3, 31, "low") for code in ("A.4", "A.5", "B.5")},
}
#: As headers and unit columns write them.
UNITS_WRITTEN = {
    "USD": "USD", "nghìn USD": "USD_THOUSAND", "Triệu USD": "USD_MILLION", "tỷ USD": "USD_BILLION",
    "đồng": "VND", "nghìn đồng": "VND_THOUSAND", "triệu VNĐ": "VND_MILLION", "TRIỆU ĐỒNG": "VND_MILLION",
    "tr.đ": "VND_MILLION", "tỷ đồng": "VND_BILLION", "tỷ VNĐ": "VND_BILLION", "tỉ đồng": "VND_BILLION",
    "dự án": "NUM", "DN": "NUM", "giải pháp": "NUM", "mạng lưới": "NUM", "giá trị": "NUM", "ngày": "DAY",
    "người": "PERSON", "%": "PT", "kWh": "KWH", "MWh": "MWH", "tấn": "T", "tấn/năm": "T", "kg/năm": "KG",
    "m3": "M3", "m³": "M3", "m3/năm": "M3", "m3/ngày đêm": "M3_PER_D", "m3 / ngày": "M3_PER_D", "lít": "L",
    "1.000 lít": "KL", "ha": "HA", "m2": "M2", "TOE": "TOE", "tCO2tđ": "T_CO2E", "giờ": "HOUR", "mg/l": "MG_PER_L",
    "triệu đồng/người/tháng": "VND_MILLION_PER_PERSON_MONTH", "USD | triệu VNĐ": "MONEY",
}  # fmt: skip
PARKS_WRITTEN = {
    "KCN Quế Võ": "QUE_VO",
    "Quế Võ I": "QUE_VO",
    "KCN Quế Võ mở rộng": "QUE_VO",
    "Quế Võ (I) và mở rộng": "QUE_VO",
    "Khu công nghiệp Quế Võ 2": "QUE_VO_2_GD1",
    "Quế Võ 3": "QUE_VO_3",
    "Quế Võ III - phân khu 2": "QUE_VO_3_PK2",
    "VSIP": "VSIP_BN",
    "VSIP Bắc Ninh 2": "VSIP_BN_2",
    "KCN Yên Phong": "YEN_PHONG",
    "Yên Phong MR": "YEN_PHONG_MR",
    "Yên Phong II-C": "YEN_PHONG_2C",
    "KCN YÊN PHONG 2C": "YEN_PHONG_2C",
    "Tiên Sơn": "TIEN_SON",
    "Tiên Sơn - Ninh Sơn": "TIEN_SON_NINH_SON",
    "Hoà Phú": "HOA_PHU",
    "Quang Châu mở rộng": "QUANG_CHAU",
    "Quang Châu II": "QUANG_CHAU_2",
}
RULES_OF_READING = """
    empty_file truncated_file encrypted_file not_a_workbook zip_bomb file_too_large unreadable_text unknown_form
    table_not_found column_not_found label_changed duplicate_item no_period two_digit_year
    impossible_date unreadable_date unreadable_number undecidable_number malformed_number convention_conflict
    range_not_number unknown_unit no_exchange_rate unreadable_tax_code tax_code_check_digit
    tax_code_repaired unknown_park_name unknown_code sum_mismatch ratio_mismatch formula_error hidden_sheet
    qualifier_kept legacy_text_decoded unreadable_row sheet_missing header_missing older_register row_vanished
    batch_refused duplicate_key year_to_date_mismatch forms_disagree published_sum_mismatch correction_not_found
    correction_applied file_unreadable too_many_files duplicate_payload response_truncated response_wrong_type
    submission_incomplete internal_error
"""
WARNINGS = "sum_mismatch ratio_mismatch older_register row_vanished forms_disagree"
INFOS = "tax_code_repaired hidden_sheet qualifier_kept legacy_text_decoded correction_applied duplicate_payload"
#: Calls whose first argument is the name of a rule.
RULE_CALLS = "Finding Remark SheetRejectedError PayloadRejectedError rule_text refuse Criterion Failure note"
PLACEHOLDERS = "file sheet cell line field value expected found detail"
FIGURE_COLUMNS = (
    "fig_id what_vi what_en value value_raw value_qualifier unit unit_mult as_of ref_area document indicator_code note"
)
PHONE = re.compile(r"(?<![\d.,/-])(?:\+84|0)(?:[ .]?\d){8,10}(?![\d,.-])")
OWN_FILES = "units deadlines exchange_rates areas parks published_sums corrections rules"


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts(None)


@pytest.fixture(scope="module")
def figures() -> list[dict[str, str]]:
    with FIGURES.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def fields_of(contracts: Contracts) -> Iterator[tuple[Form, Field_]]:
    return ((form, field) for form in contracts.forms.values() for field in form.fields)


# ---- forms ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form_id", FORM_ROWS)
def test_form_has_every_row_of_the_print_once(contracts: Contracts, form_id: str) -> None:
    form = contracts.forms[form_id]
    of_fields, of_title = FORM_ROWS[form_id]
    assert len({field.code for field in form.fields}) == len(form.fields) == of_fields
    if form_id in INVESTMENT_FORMS:
        assert [h.name for h in form.headings if h.reads not in ("period", "currency")][:-1] == IDENTIFICATION.split()
        assert len(IDENTIFICATION.split()) == of_title
        assert [field.code for field in form.fields][:22] == INVESTMENT_CODES.split()


def test_there_are_these_forms_and_no_others(contracts: Contracts) -> None:
    assert set(contracts.forms) == set(FORM_ROWS)
    statutory = {form_id for form_id, form in contracts.forms.items() if form.status == "statutory"}
    assert set(FORM_ROWS) - statutory == {"bn_01"}


def test_the_two_versions_of_a_iii_1_differ_by_the_energy_rows(contracts: Contracts) -> None:
    old, new = (contracts.forms[f"a_iii_1_{year}"] for year in (2021, 2023))
    codes = {field.code for field in new.fields} - {field.code for field in old.fields}
    assert codes == {"VI.1", "VI.2", "VI.3", "VI.4", "VI.5"}


@pytest.mark.parametrize("form_id", FED)
def test_cells_feed_the_measures_agreed(contracts: Contracts, form_id: str) -> None:
    agreed = dict(pair.split() for pair in " ".join(FED[form_id].split()).split(" | "))
    fields = contracts.forms[form_id].fields
    assert {f"{field.code}/{column}": name for field in fields for column, name in field.measures.items()} == agreed


def test_the_old_a_iii_1_feeds_what_the_new_one_feeds_but_energy(contracts: Contracts) -> None:
    old, new = (
        {name for field in contracts.forms[form_id].fields for name in field.measures.values()}
        for form_id in ("a_iii_1_2021", "a_iii_1_2023")
    )
    assert new - old == {"electricity_kwh", "coal_t", "oil_l", "lng_m3"}


def test_only_the_forms_listed_feed_measures(contracts: Contracts) -> None:
    assert {form.id for form, field in fields_of(contracts) if field.measures} == {*FED, "a_iii_1_2021"}


def test_figures_can_be_converted_into_their_measure(contracts: Contracts) -> None:
    for form, field in fields_of(contracts):
        for column, name in field.measures.items():
            target = contracts.units[contracts.measures[name].unit]
            place = f"{form.id} {field.code}/{column} → {name}"
            if field.type == "boolean":
                assert target.code == "FLAG", place
            elif field.unit == "MONEY":
                assert target.currency in ("USD", "VND"), place
            else:
                assert contracts.units[field.unit or ""].quantity == target.quantity, place


def test_measures_list_the_forms_that_feed_them(contracts: Contracts) -> None:
    feeding: dict[str, set[str]] = {}
    for form, field in fields_of(contracts):
        for name in field.measures.values():
            feeding.setdefault(name, set()).add(form.code)
    listed = {name: set(measure.forms) for name, measure in contracts.measures.items() if not measure.derive}
    assert listed == feeding


def test_limits_hold_in_any_unit(contracts: Contracts) -> None:
    """Limits are compared with converted figures, so only zero, and 100 for percentages, may be one."""
    for form, field in fields_of(contracts):
        assert field.min in (None, 0), f"{form.id} {field.code}"
        assert field.max == (100 if field.unit == "PT" else None), f"{form.id} {field.code}"


def test_negative_figures_are_allowed_where_the_form_allows_them_and_in_their_sums(contracts: Contracts) -> None:
    negative = {"I", "2", "2.a", "2.b", "2.c", "3"}
    for form_id in INVESTMENT_FORMS:
        fields = contracts.forms[form_id].fields
        profit = {"X"} if form_id == "a_iii_2" else set()
        assert {field.code for field in fields if field.min is None} == negative | profit
    others = {f"{form.id} {field.code}" for form, field in fields_of(contracts) if field.min is None}
    assert {name for name in others if not name.startswith("a_iii")} == {"bn_01 2.2", "board_2101 dt_cho_thue"}


def test_sums_and_ratios_stay_within_columns_and_units(contracts: Contracts) -> None:
    for form, field in fields_of(contracts):
        parts = [form.field(code) for code in field.sum_of]
        assert all(part.unit == field.unit and set(field.columns) <= set(part.columns) for part in parts)
        if field.ratio_of:
            above, below = (form.field(code) for code in field.ratio_of)
            assert (field.unit, above.unit) == ("PT", below.unit), f"{form.id} {field.code}"


def test_the_sums_of_a_4_are_those_of_the_form(contracts: Contracts) -> None:
    form = contracts.forms["a_4"]
    assert form.field("1.3.16").sum_of == ("1.2.6", "1.3.3", "1.3.5", "1.3.9", "1.3.11", "1.3.13", "1.3.15")
    assert form.field("3.25").sum_of == ("3.5", "3.10", "3.12", "3.14", "3.16", "3.18", "3.20", "3.24")
    assert [field.code for field in form.fields if field.ratio_of] == ["2.5.3", "2.5.5", "2.5.7", "2.5.9"]


def test_no_label_means_two_items_of_a_form(contracts: Contracts) -> None:
    for form in contracts.forms.values():
        labels = [label for field in form.fields for label in {fold(text) for text in (field.label, *field.aliases)}]
        assert [label for label, times in Counter(labels).items() if times > 1] == [], form.id


def test_no_header_means_two_value_columns_of_a_form(contracts: Contracts) -> None:
    for form in contracts.forms.values():
        labels = [fold(label) for column in form.columns for label in column.labels]
        assert len(labels) == len(set(labels)), form.id


def test_headings_are_on_every_form_that_needs_them(contracts: Contracts) -> None:
    for form in contracts.forms.values():
        reads = {heading.reads for heading in form.headings}
        assert {"period", "date"} <= reads, form.id
        assert "signed_on" in {heading.name for heading in form.headings}, form.id
        assert ("currency" in reads) == any(field.unit == "MONEY" for field in form.fields), form.id
        assert ("tax_code" in reads) == (form.reporter != "board"), form.id
        assert ("park" in reads) == (form.id != "board_2103"), "in 2103 the park is item 1 of each row"


def test_what_names_a_person_is_personal(contracts: Contracts) -> None:
    personal = {h.name for form in contracts.forms.values() for h in form.headings if h.personal}
    assert personal == {"phone", "email", "representative"}
    labels = " | ".join(field.label for _, field in fields_of(contracts))
    assert not re.search(r"người đại diện|điện thoại|email", labels, re.IGNORECASE)


def test_board_forms_fix_the_unit_of_each_column(contracts: Contracts) -> None:
    by_column = {f.code: f.unit_by_column for f in contracts.forms["board_2101"].fields if f.unit_by_column}
    assert list(by_column) == ["cap_moi.von", "tang_von", "giam_von"]
    assert all(units == {"FDI": "USD_MILLION", "DDI": "VND_BILLION"} for units in by_column.values())
    units = {f.code: f.unit for f in contracts.forms["board_2104"].fields}
    assert (units["ddi.xk"], units["fdi.nop_ns"], units["ddi.von_dk"]) == ("USD_MILLION", "VND_BILLION", "VND_BILLION")
    assert contracts.forms["a_iii_2"].field("VI").unit == "VND_MILLION"


def test_record_form_has_a_column_per_field(contracts: Contracts) -> None:
    form = contracts.forms["board_2103"]
    assert (form.layout, form.columns, form.fields[0].label) == ("records", (), "Tên KCN")
    assert form.field("13").ratio_of == ("12", "11")
    assert all(field.aliases for field in form.fields if field.unit), "a header with the unit in it"


@pytest.mark.parametrize("form_id", FORM_ROWS)
def test_form_is_recognised_by_each_of_its_titles(contracts: Contracts, form_id: str) -> None:
    form = contracts.forms[form_id]
    for title in form.recognise.titles:
        rows = [[title.upper(), ""], *([field.code, field.label] for field in form.fields)]
        found = Recogniser(contracts).find(Signs.of(rows))
        assert found is not None
        assert found.id == form_id, title


# ---- units and codes -----------------------------------------------------------------------------------------------


def test_units_are_found_by_what_headers_write(contracts: Contracts) -> None:
    units = Units(contracts)
    found = {text: unit.code for text in UNITS_WRITTEN if (unit := units.find(text))}
    assert found == UNITS_WRITTEN


def test_no_spelling_belongs_to_two_units(contracts: Contracts) -> None:
    owners: dict[str, set[str]] = {}
    for unit in contracts.units.values():
        for text in (unit.code, unit.label.vi, unit.label.en, *unit.spellings):
            owners.setdefault(squeeze(text), set()).add(unit.code)
    assert {text: codes for text, codes in owners.items() if len(codes) > 1 or not text} == {}


def test_every_quantity_has_one_canonical_unit_of_factor_one(contracts: Contracts) -> None:
    canonical = Counter(unit.quantity for unit in contracts.units.values() if unit.canonical)
    assert set(canonical.values()) == {1}
    assert set(canonical) == {unit.quantity for unit in contracts.units.values()}
    assert all(unit.factor == 1 for unit in contracts.units.values() if unit.canonical)


def test_only_money_has_a_currency(contracts: Contracts) -> None:
    quantities = {unit.currency: set() for unit in contracts.units.values()}  # type: dict[str | None, set[str]]
    for unit in contracts.units.values():
        quantities[unit.currency].add(unit.quantity)
    assert (quantities["USD"], quantities["VND"]) == ({"money_usd"}, {"money_vnd"})
    assert not {"money_usd", "money_vnd"} & quantities[None]


def test_no_spelling_belongs_to_two_codes_of_a_list(contracts: Contracts) -> None:
    for name, codes in contracts.code_lists.items():
        owners: dict[str, set[str]] = {}
        for code in codes.codes:
            for text in (code.code, code.label.vi, code.label.en, *code.spellings):
                owners.setdefault(fold(text) or text, set()).add(code.code)
        assert {text: found for text, found in owners.items() if len(found) > 1} == {}, name


def test_code_lists_hold_the_codes_agreed(contracts: Contracts) -> None:
    codes = {name: " ".join(code.code for code in codes.codes) for name, codes in contracts.code_lists.items()}
    assert codes["freq"] == "A S Q M D"
    assert codes["form_currency"] == "USD VND"
    assert codes["window"] == "period year_to_date since_certificate previous_year"
    assert codes["ownership"] == codes["ownership_split"] == "FDI DDI"
    assert codes["submission_status"] == "on_time late missing rejected"
    assert codes["online_level"] == "full partial none level_2 level_3 level_4"
    assert codes["mobile_generation"] == "4G 5G"
    assert codes["area"] == "BN_OLD BG_OLD BN"
    assert codes["yes_no"] == "true false"
    assert len(codes["obs_status"].split()) == 20
    assert len(codes["conf_status"].split()) == 11


def test_a_bare_province_name_or_number_is_no_area(contracts: Contracts) -> None:
    spelled = {fold(text) for code in contracts.code_lists["area"].codes for text in (code.code, *code.spellings)}
    assert not {"bac ninh", "24", "27"} & spelled


# ---- dates, rates, areas, parks ------------------------------------------------------------------------------------


def test_deadlines_are_those_agreed(contracts: Contracts) -> None:
    found = {(d.form, d.frequency): (d.months_after, d.day, d.confidence) for d in contracts.deadlines.values()}
    assert found == DUE
    assert all(deadline.valid_from for deadline in contracts.deadlines.values())


def test_every_form_that_is_expected_has_a_deadline(contracts: Contracts) -> None:
    for form in contracts.forms.values():
        asked = {(form.code, frequency) for frequency in form.frequencies}
        assert asked <= set(DUE) or form.expected_from == "nobody", form.id
    assert contracts.forms["b_4"].expected_from == "nobody"


def test_exchange_rates_are_placeholders_without_gap(contracts: Contracts) -> None:
    rates = sorted(contracts.exchange_rates.values(), key=lambda rate: rate.valid_from or date.min)
    assert [rate.vnd_per_usd for rate in rates] == [24000, 24500, 25000, 25500, 26000, 26500]
    assert (rates[0].valid_from, rates[-1].valid_to) == (date(2024, 1, 1), date(2026, 12, 31))
    for earlier, later in pairwise(rates):
        assert earlier.valid_to is not None
        assert later.valid_from == earlier.valid_to + timedelta(days=1)
    assert all(rate.confidence == "low" and "placeholder" in rate.source for rate in rates)


def test_number_24_means_two_areas_depending_on_the_date(contracts: Contracts) -> None:
    areas = {area.area_code: area for area in contracts.areas.values()}
    assert set(areas) == {"BN_OLD", "BG_OLD", "BN"}
    assert {code: area.numeric_code for code, area in areas.items()} == {"BN_OLD": "27", "BG_OLD": "24", "BN": "24"}
    for day, holding in ((date(2025, 6, 30), {"BN_OLD", "BG_OLD"}), (date(2025, 7, 1), {"BN"})):
        assert {code for code, area in areas.items() if area.holds_on(day)} == holding
    assert areas["BN_OLD"].successor == areas["BG_OLD"].successor == "BN"


def test_there_are_48_parks_of_two_former_provinces(contracts: Contracts) -> None:
    parks = contracts.parks
    assert Counter(park.former_province for park in parks.values()) == {"BN_OLD": 23, "BG_OLD": 25}
    assert sum(park.planned_area_ha is None for park in parks.values()) == 12
    assert round(sum(park.planned_area_ha or 0 for park in parks.values()), 3) == 9988.589
    assert parks["QUE_VO"].planned_area_ha == 610.85
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*", code) for code in parks)


def test_no_name_belongs_to_two_parks(contracts: Contracts) -> None:
    owners: dict[str, set[str]] = {}
    for park in contracts.parks.values():
        for name in (park.name_vi, park.park_code.replace("_", " "), *park.spellings):
            owners.setdefault(park_name_key(name), set()).add(park.park_code)
    assert {name: codes for name, codes in owners.items() if len(codes) > 1} == {}


@pytest.mark.parametrize(("name", "code"), PARKS_WRITTEN.items())
def test_park_is_found_by_its_names(contracts: Contracts, name: str, code: str) -> None:
    assert ParkNames(contracts).find(name) == code


# ---- published figures ---------------------------------------------------------------------------------------------


def test_figures_list_is_complete(contracts: Contracts, figures: list[dict[str, str]]) -> None:
    assert list(figures[0]) == FIGURE_COLUMNS.split()
    assert len({row["fig_id"] for row in figures}) == len(figures) == 157
    assert Counter(row["ref_area"] for row in figures) == {"BN_OLD": 122, "BG_OLD": 21, "BN": 14}
    assert {row["unit"] for row in figures} <= set(contracts.units)
    qualifiers = {code.code for code in contracts.code_lists["figure_qualifier"].codes}
    assert {row["value_qualifier"] for row in figures} <= qualifiers
    codes = {code for row in figures for code in row["indicator_code"].split(";") if code}
    assert codes <= set(contracts.indicators)
    assert Counter(row["unit_mult"] for row in figures) == {"0": 130, "6": 14, "9": 13}
    assert len({row["document"] for row in figures}) == 4
    assert not any(re.search(r"\.txt|_", row["document"]) for row in figures), "titles, not file names"


def test_printed_figures_agree_with_their_reading(contracts: Contracts, figures: list[dict[str, str]]) -> None:
    """Where the printed text is one number it is the value of the list; `2.811.08` alone is malformed."""
    malformed = []
    for row in figures:
        read = read_number(row["value_raw"], "vi")
        is_label = contracts.units[row["unit"]].quantity == "label"
        if read.problem == "malformed_number":
            malformed.append(row["fig_id"])
        elif read.value is not None and not is_label:
            assert read.value == float(row["value"]), row["fig_id"]
    assert malformed == ["F069"]


def test_stated_sums_hold_where_they_can_be_read(contracts: Contracts, figures: list[dict[str, str]]) -> None:
    values = {row["fig_id"]: read_number(row["value_raw"], "vi").value for row in figures}
    sums = contracts.published_sums
    assert {total: one.parts for total, one in sums.items()} == {
        "F087": ("F089", "F091"),
        "F088": ("F090", "F092"),
        "F069": ("F070", "F071"),
        "F052": ("F053", "F054", "F055", "F056"),
    }
    added = {total: sum(values[part] or 0 for part in one.parts) for total, one in sums.items()}
    assert added == pytest.approx({"F087": 1278, "F088": 17.43, "F069": 2811.05, "F052": 73})
    for total in ("F087", "F088", "F052"):
        assert abs((values[total] or 0) - added[total]) <= sums[total].tolerance + 1e-9
    assert values["F069"] is None


def test_the_malformed_figure_is_known_and_left_as_it_is(contracts: Contracts, figures: list[dict[str, str]]) -> None:
    (correction,) = contracts.corrections.values()
    renamed = [{**row, "figure_id": row["fig_id"]} for row in figures]
    matching = [row for row in renamed if all(row[name] == value for name, value in correction.match.items())]
    assert [row["fig_id"] for row in matching] == ["F069"]
    assert (correction.set, correction.status, correction.expect) == ({}, "open", "found")


# ---- rules ---------------------------------------------------------------------------------------------------------


def test_rules_have_texts_for_everything_that_can_be_wrong(contracts: Contracts) -> None:
    assert set(RULES_OF_READING.split()) <= set(contracts.rules)
    assert {contracts.rules[rule].severity for rule in WARNINGS.split()} == {"warning"}
    assert {contracts.rules[rule].severity for rule in INFOS.split()} == {"info"}
    assert contracts.rules["malformed_number"].severity == contracts.rules["label_changed"].severity == "critical"


def test_every_rule_that_the_code_names_has_texts(contracts: Contracts) -> None:
    named = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if called in RULE_CALLS.split() and isinstance(first, ast.Constant) and isinstance(first.value, str):
                named[first.value] = f"{path.name}:{node.lineno}"
    assert {rule: place for rule, place in named.items() if rule not in contracts.rules} == {}


def test_rule_texts_fill_with_the_placeholders_that_exist(contracts: Contracts) -> None:
    for rule, text in contracts.rules.items():
        for template in (text.reason.vi, text.reason.en, text.action.vi, text.action.en):
            assert "{" not in template.format(**dict.fromkeys(PLACEHOLDERS.split(), "✓")), rule
            assert template.strip() == template
            assert len(template) > 15, rule
        assert not text.reason.vi.isascii(), f"{rule}: Vietnamese without diacritics"
        assert text.action.vi != text.action.en


# ---- all files -----------------------------------------------------------------------------------------------------


def own_files() -> list[Path]:
    folder = PACKAGE / "contracts"
    single = [folder / f"{name}.yaml" for name in OWN_FILES.split()]
    return [*sorted(folder.glob("forms/*.yaml")), *sorted(folder.glob("codes/*.yaml")), *single, FIGURES]


@pytest.mark.parametrize("path", own_files(), ids=lambda path: path.name)
def test_file_holds_no_person_and_no_vague_source(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"[\w.]+@[\w.]+", text), "an e-mail address"
    assert not PHONE.search(text), "a phone number"
    assert not re.search(r"public text|shared/|/work", text)
    assert "\r" not in text
    assert not text.startswith("\ufeff")
    assert text.endswith("\n")


def test_what_was_not_read_is_marked_low(contracts: Contracts) -> None:
    for form, field in fields_of(contracts):
        assert field.source, f"{form.id} {field.code}"
        if field.source.startswith(("background knowledge", "proposal")):
            assert field.confidence == "low", f"{form.id} {field.code}"
    low = sum(field.confidence == "low" for field in contracts.forms["f_05_a"].fields)
    assert low == 17
    assert {field.confidence for field in contracts.forms["bn_01"].fields} == {"low"}
