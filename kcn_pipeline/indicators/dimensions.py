"""The dimensions of the warehouse as Arrow tables: areas, parks, enterprises, stations, indicators, periods.

It must not hold a figure of a period. The surprising fact: a park is two areas of one code, before and after the merger
of its province, while its own row of the register never changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.indicators import Indicator, Target
from kcn_pipeline.indicators.catalog import describe_operand, is_collected
from kcn_pipeline.indicators.definitions import known_until
from kcn_pipeline.indicators.registers import BOARD, province_on
from kcn_pipeline.indicators.slices import STAGE, days_of
from kcn_pipeline.indicators.touched import STATION_DAYS
from kcn_pipeline.lake import Lake
from kcn_pipeline.periods import list_periods, period_of
from kcn_pipeline.schemas import conform

Row = dict[str, Any]

_BOARD_NAMES = {"name_vi": "Ban Quản lý các khu công nghiệp", "name_en": "Management board of the industrial parks"}
_DAY = timedelta(days=1)
_NOT_TEXT = {
    **dict.fromkeys(("valid_from", "valid_to", "start_date", "end_date"), pa.date32()),
    **dict.fromkeys(("operating_from", "operating_to"), pa.date32()),
    **dict.fromkeys(("is_pilot", "is_eco_park", "is_operating", "is_connected", "is_collected"), pa.bool_()),
    **dict.fromkeys(("land_total_ha", "land_industrial_planned_ha", "land_leased_ha"), pa.float64()),
    **dict.fromkeys(("scale", "target_value", "alternative_value"), pa.float64()),
}
#: The columns of every dimension, in the order of the warehouse.
COLUMNS = {
    "dim_area": "area_code valid_from valid_to level parent_code name_vi name_en numeric_code",
    "dim_park": "park_code name_vi name_en province_code former_province_code status developer_id is_pilot is_eco_park "
    "land_total_ha land_industrial_planned_ha land_leased_ha",
    "dim_enterprise": "enterprise_id tax_code name_vi name_en park_code role ownership country_code vsic_code "
    "is_operating operating_from operating_to",
    "dim_station": "station_id name_vi kind park_code enterprise_id permit_number is_connected",
    "dim_indicator": "indicator_code catalog_version name_vi name_en dimension unit unit_label_vi unit_label_en "
    "frequency frequencies levels direction scale numerator_sql denominator_sql target_op target_value target_basis "
    "alternative_of alternative_op alternative_value status source_tables is_collected confidence "
    "framework_references note",
    "dim_period": "period_code freq start_date end_date name_vi name_en parent_code",
}


def build_dimensions(lake: Lake, contracts: Contracts, night: str) -> dict[str, pa.Table]:
    """Every dimension whole, by name of its table, as known on the newest night; grains as in the design.

    What is not in the register but in parks.yaml is a park too, without status.
    """
    day = date.fromisoformat(known_until(lake, night))
    names = ("register_parks", "register_land", "register_enterprises", "register_stations")
    registers = {name: _read_register(lake, contracts, name) for name in names}
    rows: dict[str, Iterable[Row]] = {
        "dim_area": _areas(contracts, registers),
        "dim_park": _parks(contracts, registers, day),
        "dim_enterprise": _enterprises(registers, day),
        "dim_station": _on_day(registers["register_stations"], "station_id", day),
        "dim_indicator": [_indicator_row(contracts, indicator, day) for indicator in contracts.indicators.values()],
        "dim_period": _periods(lake, contracts, day),
    }
    return {name: _tabulate(COLUMNS[name].split(), rows[name]) for name in rows}


def _read_register(lake: Lake, contracts: Contracts, name: str) -> list[Row]:
    """All versions of a register table, by thing and time."""
    table = contracts.tables[name]
    nights = lake.nights("validation", name)
    stored = lake.read("validation", name, nights[-1]) if nights else None
    rows: list[Row] = [] if stored is None else conform(stored, table).to_pylist()
    return sorted(rows, key=lambda row: (*(row[key] for key in table.versions), row["valid_from"] or date.min))


def _tabulate(names: Sequence[str], rows: Iterable[Row]) -> pa.Table:
    schema = pa.schema([(name, _NOT_TEXT.get(name, pa.string())) for name in names])
    return pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], schema=schema)


def _on_day(rows: Iterable[Row], key: str, day: date) -> list[Row]:
    """One row per thing: the version that holds on the day, else the one that began last."""
    chosen: dict[str, Row] = {}
    for row in rows:
        held = chosen.get(row[key])
        if held is None or not _holds(held, day):
            chosen[row[key]] = row
    return [chosen[thing] for thing in sorted(chosen)]


def _holds(row: Mapping[str, Any], day: date) -> bool:
    return (row["valid_from"] or date.min) <= day and (row["valid_to"] is None or row["valid_to"] >= day)


# ---- areas -----------------------------------------------------------------------------------------------------------


def _areas(contracts: Contracts, registers: Mapping[str, list[Row]]) -> list[Row]:
    """One area version per row; a version without a known beginning begins with the calendar."""
    first_day = contracts.calendar.first_day
    versions = [*_province_areas(contracts), *_park_areas(contracts, registers["register_parks"])]
    for name, key, level in (("enterprises", "enterprise_id", "enterprise"), ("stations", "station_id", "station")):
        versions += [
            {**row, "area_code": row[key], "level": level, "parent_code": row["park_code"]}
            for row in registers[f"register_{name}"]
        ]
    versions.append({"area_code": BOARD, "level": "enterprise", **_BOARD_NAMES})
    dated = [{**row, "valid_from": row.get("valid_from") or first_day} for row in versions]
    dated.sort(key=lambda row: (row["area_code"], row["valid_from"]))
    return [{**row, "name_vi": row["name_vi"] or row["area_code"]} for row in _join_equal(dated)]


def _province_areas(contracts: Contracts) -> Iterator[Row]:
    for area in contracts.areas.values():
        names = {"name_vi": area.name.vi, "name_en": area.name.en, "numeric_code": area.numeric_code}
        dates = {"valid_from": area.valid_from, "valid_to": area.valid_to}
        yield {"area_code": area.area_code, "level": area.level, **dates, **names}


def _park_areas(contracts: Contracts, registered: Sequence[Row]) -> Iterator[Row]:
    """Versions of parks, cut where the province that holds the park changes."""
    cuts = sorted({area.valid_from for area in contracts.areas.values() if area.valid_from})
    known = {row["park_code"] for row in registered}
    for park in [*registered, *(row for row in _named_parks(contracts) if row["park_code"] not in known)]:
        begin: date | None = park["valid_from"]
        end: date | None = park["valid_to"]
        inside = [cut for cut in cuts if (begin is None or begin < cut) and (end is None or cut <= end)]
        for start, stop in zip([begin, *inside], [*(cut - _DAY for cut in inside), end], strict=True):
            day = start or stop or date.max
            parent = province_on(contracts, park["former_province_code"], day)
            dates = {"valid_from": start, "valid_to": stop}
            yield {**park, **dates, "area_code": park["park_code"], "level": "park", "parent_code": parent}


def _named_parks(contracts: Contracts) -> list[Row]:
    return [
        {
            "park_code": park.park_code,
            "name_vi": park.name_vi,
            "former_province_code": park.former_province,
            "valid_from": None,
            "valid_to": None,
        }
        for park in contracts.parks.values()
    ]


def _join_equal(versions: Iterable[Row]) -> list[Row]:
    """Versions that follow each other and say the same of the area become one."""
    said = ("area_code", "level", "parent_code", "name_vi", "name_en", "numeric_code")
    joined: list[Row] = []
    for row in versions:
        last = joined[-1] if joined else None
        follows = last is not None and last["valid_to"] is not None and last["valid_to"] + _DAY == row["valid_from"]
        if last is not None and follows and all(last.get(name) == row.get(name) for name in said):
            joined[-1] = {**last, "valid_to": row.get("valid_to")}
        else:
            joined.append({"valid_to": None, **row})
    return joined


# ---- parks, enterprises, periods -------------------------------------------------------------------------------------


def _parks(contracts: Contracts, registers: Mapping[str, list[Row]], day: date) -> list[Row]:
    """One park as it is on the day, with its newest land figures."""
    land = {row["park_code"]: row for row in _on_day(registers["register_land"], "park_code", day)}
    parks = {row["park_code"]: row for row in [*_named_parks(contracts), *registers["register_parks"]]}
    parks |= {row["park_code"]: row for row in _on_day(registers["register_parks"], "park_code", day)}
    figures = ("land_total_ha", "land_industrial_planned_ha", "land_leased_ha")
    return [
        {
            **parks[code],
            "province_code": province_on(contracts, parks[code]["former_province_code"], day),
            **{name: land[code][name] for name in figures if code in land},
        }
        for code in sorted(parks)
    ]


def _enterprises(registers: Mapping[str, list[Row]], day: date) -> list[Row]:
    board = {"enterprise_id": BOARD, **_BOARD_NAMES, "is_operating": True}
    return [board, *_on_day(registers["register_enterprises"], "enterprise_id", day)]


def _periods(lake: Lake, contracts: Contracts, day: date) -> list[Row]:
    """Every period of the calendar, and the days that stations measured."""
    measured = [period_of("D", day) for day in sorted(days_of(lake.parts(STAGE, STATION_DAYS)))]
    return [
        {
            "period_code": period.code,
            "freq": period.freq,
            "start_date": period.start,
            "end_date": period.end,
            "name_vi": period.name_vi,
            "name_en": period.name_en,
            "parent_code": period.parent.code if period.parent else None,
        }
        for period in (*list_periods(contracts.calendar.first_day, day), *measured)
    ]


# ---- indicators ------------------------------------------------------------------------------------------------------


def _indicator_row(contracts: Contracts, indicator: Indicator, day: date) -> Row:
    operands = [operand for operand in (indicator.numerator, indicator.denominator) if operand]
    unit = contracts.units[indicator.unit]
    asked_by = [f"{reference.framework} ({reference.confidence})" for reference in indicator.references]
    return {
        "indicator_code": indicator.code,
        "catalog_version": contracts.catalog_version,
        "name_vi": indicator.name.vi,
        "name_en": indicator.name.en,
        "dimension": indicator.dimension,
        "unit": indicator.unit,
        "unit_label_vi": unit.label.vi,
        "unit_label_en": unit.label.en,
        "frequency": indicator.frequencies[0],
        "frequencies": ",".join(indicator.frequencies),
        "levels": ",".join(indicator.levels),
        "direction": indicator.direction,
        "scale": indicator.scale,
        "numerator_sql": describe_operand(indicator.numerator),
        "denominator_sql": describe_operand(indicator.denominator) if indicator.denominator else None,
        **_target_columns(_target_on(indicator, day)),
        "status": indicator.status,
        "source_tables": "+".join(dict.fromkeys(operand.from_ for operand in operands)),
        "is_collected": is_collected(contracts, indicator),
        "confidence": indicator.confidence,
        "framework_references": "; ".join([*asked_by, *indicator.documents]) or None,
        "note": indicator.note,
    }


def _target_on(indicator: Indicator, day: date) -> Target | None:
    """The target that holds on the day; of several the one that began last."""
    holding = [target for target in indicator.targets if target.holds_on(day)]
    return max(holding, key=lambda target: target.valid_from or date.min, default=None)


def _target_columns(target: Target | None) -> Row:
    if target is None:
        return {}
    alternative = target.alternative
    return {
        "target_op": target.op,
        "target_value": target.value,
        "target_basis": f"{target.basis} ({target.source}, {target.confidence})",
        "alternative_of": alternative.of if alternative else None,
        "alternative_op": alternative.op if alternative else None,
        "alternative_value": alternative.value if alternative else None,
    }
