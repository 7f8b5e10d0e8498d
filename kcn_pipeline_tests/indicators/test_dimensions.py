"""What BI tools join the facts with."""

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest

from kcn_pipeline.indicators import build_dimensions
from kcn_pipeline.warehouse.schema import metadata
from kcn_pipeline_tests.indicators.lakes import QUANG_CHAU, QUE_VO, Row, SmallProvince, enterprise, packaged, park

NIGHT = "2026-08-01"


def rows_of(dimensions: dict[str, pa.Table], name: str, key: str, value: str) -> list[Row]:
    return [row for row in dimensions[name].to_pylist() if row[key] == value]


@pytest.mark.parametrize(
    "name", ["dim_area", "dim_park", "dim_enterprise", "dim_station", "dim_indicator", "dim_period"]
)
def test_columns_are_those_of_the_warehouse(province: SmallProvince, name: str) -> None:
    table = metadata.tables[name]
    found = build_dimensions(province.lake, province.contracts, NIGHT)[name]
    assert set(found.column_names) == {column.name for column in table.columns} - {"is_current"}
    required = [c.name for c in table.columns if not c.nullable and c.name != "is_current"]
    for column in required:
        assert found.column(column).null_count == 0
    keys = found.select([column.name for column in table.primary_key.columns]).to_pylist()
    assert len({tuple(key.values()) for key in keys}) == len(keys)


def test_park_is_two_areas_before_and_after_the_merger(province: SmallProvince) -> None:
    province.register(NIGHT, "register_parks", [park(QUANG_CHAU, name_en="Quang Chau")])
    found = rows_of(build_dimensions(province.lake, province.contracts, NIGHT), "dim_area", "area_code", QUANG_CHAU)
    assert [(r["valid_from"], r["valid_to"], r["parent_code"], r["level"]) for r in found] == [
        (date(2010, 1, 1), date(2025, 6, 30), "BG_OLD", "park"),
        (date(2025, 7, 1), None, "BN", "park"),
    ]
    assert {row["name_en"] for row in found} == {"Quang Chau"}


def test_park_of_parks_yaml_is_known_without_a_register(province: SmallProvince) -> None:
    dimensions = build_dimensions(province.lake, province.contracts, NIGHT)
    assert [row["parent_code"] for row in rows_of(dimensions, "dim_area", "area_code", QUE_VO)] == ["BN_OLD", "BN"]
    (row,) = rows_of(dimensions, "dim_park", "park_code", QUE_VO)
    assert (row["province_code"], row["former_province_code"], row["status"]) == ("BN", "BN_OLD", None)
    assert dimensions["dim_park"].num_rows == len(packaged().parks)


def test_versions_that_change_something_else_are_one_area(province: SmallProvince) -> None:
    rows = [
        park(QUE_VO, valid_from=date(2025, 8, 1), valid_to=date(2025, 12, 31)),
        park(QUE_VO, valid_from=date(2026, 1, 1), valid_to=date(2026, 3, 31), is_pilot=True),
        park(QUE_VO, valid_from=date(2026, 4, 1), is_pilot=True, name_vi="KCN Quế Võ mới"),
    ]
    province.register(NIGHT, "register_parks", rows)
    dimensions = build_dimensions(province.lake, province.contracts, NIGHT)
    found = rows_of(dimensions, "dim_area", "area_code", QUE_VO)
    assert [(row["valid_from"], row["valid_to"], row["name_vi"]) for row in found] == [
        (date(2025, 8, 1), date(2026, 3, 31), "KCN QUE_VO"),
        (date(2026, 4, 1), None, "KCN Quế Võ mới"),
    ]
    (row,) = rows_of(dimensions, "dim_park", "park_code", QUE_VO)
    assert (row["is_pilot"], row["name_vi"]) == (True, "KCN Quế Võ mới")


def test_enterprise_moves_and_takes_another_tax_code(province: SmallProvince) -> None:
    rows = [
        enterprise("E0001", QUE_VO, valid_to=date(2026, 4, 30), tax_code="2300000001"),
        enterprise("E0001", QUANG_CHAU, valid_from=date(2026, 5, 1), tax_code="2300000099"),
        enterprise("E0002", QUE_VO, valid_to=date(2026, 4, 30)),
    ]
    province.register(NIGHT, "register_enterprises", rows)
    dimensions = build_dimensions(province.lake, province.contracts, NIGHT)
    found = rows_of(dimensions, "dim_area", "area_code", "E0001")
    assert [(row["parent_code"], row["valid_to"]) for row in found] == [
        (QUE_VO, date(2026, 4, 30)), (QUANG_CHAU, None),
    ]  # fmt: skip
    (now,) = rows_of(dimensions, "dim_enterprise", "enterprise_id", "E0001")
    assert (now["tax_code"], now["park_code"]) == ("2300000099", QUANG_CHAU)
    assert len(rows_of(dimensions, "dim_enterprise", "enterprise_id", "E0002")) == 1, "closed, but it has figures"


def test_board_can_be_joined(province: SmallProvince) -> None:
    dimensions = build_dimensions(province.lake, province.contracts, NIGHT)
    assert rows_of(dimensions, "dim_enterprise", "enterprise_id", "BOARD")[0]["park_code"] is None
    assert rows_of(dimensions, "dim_area", "area_code", "BOARD")[0]["parent_code"] is None


def test_land_and_stations_are_those_of_today(province: SmallProvince) -> None:
    land = {"park_code": QUE_VO, "land_total_ha": 300.0, "land_industrial_planned_ha": 200.0, "land_leased_ha": 90.0}
    province.register(NIGHT, "register_land", [{**land, "valid_from": date(2020, 1, 1)}])
    station = {"station_id": "NT01", "park_code": QUE_VO, "kind": "wastewater", "is_connected": True}
    province.register(NIGHT, "register_stations", [{**station, "valid_from": date(2020, 1, 1)}])
    dimensions = build_dimensions(province.lake, province.contracts, NIGHT)
    assert rows_of(dimensions, "dim_park", "park_code", QUE_VO)[0]["land_leased_ha"] == 90
    assert rows_of(dimensions, "dim_station", "station_id", "NT01")[0]["is_connected"] is True
    (area,) = rows_of(dimensions, "dim_area", "area_code", "NT01")
    assert (area["level"], area["name_vi"], area["parent_code"]) == ("station", "NT01", QUE_VO)


def test_periods_reach_to_the_one_of_the_night(province: SmallProvince) -> None:
    dimensions = build_dimensions(province.lake, province.contracts, NIGHT)
    codes = dimensions["dim_period"].column("period_code").to_pylist()
    assert {"2025", "2026", "2026-S2", "2026-Q3", "2026-08", "2025-01"} <= {*codes}
    assert "2026-09" not in codes
    (quarter,) = rows_of(dimensions, "dim_period", "period_code", "2026-Q3")
    assert (quarter["parent_code"], quarter["name_vi"]) == ("2026-S2", "Quý III/2026")
    assert {row["parent_code"] for row in dimensions["dim_period"].to_pylist()} - {None} <= {*codes}


def test_indicator_shows_the_target_of_today(province: SmallProvince) -> None:
    later = {row["indicator_code"]: row for row in _indicators(province, NIGHT)}
    assert (later["MG11"]["target_op"], later["MG11"]["target_value"]) == (">=", 2)
    assert (later["EC15"]["alternative_of"], later["EC15"]["alternative_value"]) == ("numerator", 5)
    assert (later["EC07"]["target_op"], later["EC07"]["target_value"]) == (None, None), "a plan of 2018"
    assert (later["EC08"]["target_op"], later["EC08"]["target_value"]) == ("none", None)
    assert later["EN02"]["source_tables"] == "monitoring_park+enterprise_report"
    assert (later["EN02"]["is_collected"], later["MG08"]["is_collected"]) == (True, True)
    assert later["SO04"]["unit_label_vi"]
    assert later["SO04"]["frequency"] == "Q"
    assert later["SO04"]["frequencies"] == "Q,A"
    assert later["SO04"]["denominator_sql"] == "SELECT sum(employees_total) FROM enterprise_report"
    earlier = {row["indicator_code"]: row for row in _indicators(province, "2025-05-01")}
    assert (earlier["MG11"]["target_value"], earlier["EC07"]["target_value"], earlier["MG01"]["target_value"]) == (
        1, 75, None,
    )  # fmt: skip


def test_indicator_over_a_planned_table_is_not_collected(province: SmallProvince) -> None:
    planned = packaged().tables["survey_response"].model_copy(update={"status": "planned"})
    province.contracts = replace(packaged(), tables={**packaged().tables, "survey_response": planned})
    found = {row["indicator_code"]: row["is_collected"] for row in _indicators(province, NIGHT)}
    assert {code for code, is_collected in found.items() if not is_collected} == {"MG08", "SO11"}


def _indicators(province: SmallProvince, night: str) -> list[Row]:
    rows: list[Row] = build_dimensions(province.lake, province.contracts, night)["dim_indicator"].to_pylist()
    return rows
