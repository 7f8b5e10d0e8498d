"""The forms that no single tenant fills in: eco-park forms A.4, A.5, B.5 and the board forms 2101, 2103, 2104.

It must not be used for a form that feeds a measure; those are filled in by hand in `reports.py`. The surprising fact:
figures are drawn by unit, and totals and percentages then follow from the parts that the contract names.
"""

from datetime import date
from random import Random

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.forms import Field_, Form
from kcn_pipeline_tests.simulate.periods import Period
from kcn_pipeline_tests.simulate.province import Park, Province
from kcn_pipeline_tests.simulate.reports import Cells, Report, Written

_LARGEST = {
    "HA": 400,
    "PT": 100,
    "NUM": 20,
    "KWH": 900_000,
    "T": 900,
    "M3": 50_000,
    "VND_MILLION": 4_000,
    "PERSON": 9_000,
}


def eco_park_reports(contracts: Contracts, province: Province, park: Park, year: Period, signed: date) -> list[Report]:
    """A.4, A.5 and B.5 of an eco-park for a year, and B.4 of one of its enterprises."""
    developer = province.developer(park)
    reports = []
    for form_id in ("a_4", "a_5", "b_5"):
        form = contracts.forms[form_id]
        cells = _fill(form, province, (form_id, park.code), year, park.total_ha)
        reports.append(Report(form_id, form.code, year, developer, park, signed, cells))
    return reports


def board_reports(contracts: Contracts, province: Province, period: Period, signed: date) -> list[Report]:
    """2101, 2103 and 2104 for a quarter or a year; 2103 has a row for each park."""
    reports = []
    for form_id in ("board_2101", "board_2103", "board_2104"):
        form = contracts.forms[form_id]
        report = Report(form_id, form.code, period, None, None, signed, {})
        if form.layout == "records":
            report.records = {park.code: _fill_2103(province, park) for park in province.parks}
        else:
            report.cells = _fill(form, province, (form_id,), period, 100.0)
        reports.append(report)
    return reports


def _fill(form: Form, province: Province, about: tuple[str, ...], period: Period, hectares: float) -> Cells:
    """Every figure of a form, near the same from period to period, then the totals and percentages."""
    usual, now = province.stream(*about), province.stream(*about, period.code)
    cells: Cells = {}
    for one in form.fields:
        for column in one.columns or ("",):
            cells[one.code, column] = _draw_value(one, column, usual, now, hectares)
    for one in form.fields:
        for column in one.columns or ("",):
            if one.ratio_of:
                above, below = (_figure(cells, code, column) for code in one.ratio_of)
                cells[one.code, column] = round(100 * above / below, 2)
            elif one.sum_of:
                cells[one.code, column] = round(sum(_figure(cells, code, column) for code in one.sum_of), 1)
    return cells


def _figure(cells: Cells, code: str, column: str) -> float:
    value = cells[code, column]
    assert isinstance(value, int | float)
    return value


def _draw_value(one: Field_, column: str, usual: Random, now: Random, hectares: float) -> Written:
    """A figure of the size its unit suggests; `usual` is the same in every period, `now` moves it by a fifth."""
    share, change = usual.uniform(0.1, 0.8), now.uniform(0.8, 1.2)
    if one.type == "boolean":
        return "Có" if share > 0.3 else "Không"
    if one.type in ("text", "code"):
        return "2 dự án; 1,5 triệu USD" if one.code == "thu_hoi" else "Đang thực hiện theo kế hoạch"
    if one.code == "2.5.1":
        return hectares
    unit = one.unit_by_column.get(column, one.unit)
    if unit == "HA":
        return round(hectares * 0.15 * share * change, 2)
    largest = _LARGEST.get(unit or "", 500)
    if unit in ("PERSON", "NUM", "KWH", "M3"):
        return round(largest * share * change)
    return round(largest * share * change, 1)


def _fill_2103(province: Province, park: Park) -> Cells:
    """One park's row of form 2103; the fill rate is leased over industrial and service land."""
    draw = province.stream("2103", park.code)
    industrial = round(park.total_ha * 0.7, 2)
    leased = round(industrial * draw.uniform(0.5, 0.95), 2)
    row: dict[str, Written] = {
        "1": f"KCN {park.name}",
        "2": "Bắc Ninh",
        "3": f"Hạ tầng KCN {park.name}",
        "4": "Quyết định mẫu",
        "5": "GCN mẫu",
        "6": "Bắc Ninh",
        "7": province.developer(park).name,
        "8": "Việt Nam",
        "9.1": 0,
        "9.2": round(draw.uniform(900, 4000), 1),
        "10": park.total_ha,
        "11": industrial,
        "12": leased,
        "13": round(100 * leased / industrial, 2),
        "14": round(draw.uniform(60, 100), 1),
        "15": "Đã đi vào hoạt động",
        "16": round(leased * 1.02, 2),
        "17.1": 0,
        "17.2": round(draw.uniform(500, 3000), 1),
    }
    return {(code, ""): value for code, value in row.items()}
