"""The packaged monitoring contracts against symbols, units and figures written here by hand.

It must not test overlays (test_monitoring_overlay.py). The surprising fact: the limits are typed again here, because a
figure that was copied wrongly would agree with anything read from the same file.
"""

import re
from collections import Counter
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

import kcn_pipeline
from kcn_pipeline.contracts import Contracts, load_contracts
from kcn_pipeline.contracts.base import Sourced
from kcn_pipeline.contracts.monitoring import Monitoring, Resolved
from kcn_pipeline.schemas import BATCHES, READINGS, UNREAD, schema_of

FOLDER = Path(kcn_pipeline.__file__).parent / "contracts" / "monitoring"
DAY = date(2026, 11, 18)

#: As a line writes it: symbol, unit, value → parameter, value in the canonical unit.
LINES = [
    ("Flow", "m3/h", 128.4, "flow", 128.4),
    ("FLOW", "m3/L", 128.4, "flow", 128.4),
    ("FlowOut", "m³/h", 5, "flow", 5),
    ("Flow_IN", "m3/h", 5, "flow_in", 5),
    ("Flow", "L/s", 10, "flow", 36),
    ("Flow", "m3/ngày đêm", 2400, "flow", 100),
    ("Flow", "", 7, "flow", 7),
    ("Temp", "oC", 27.6, "temp", 27.6),
    ("Temp", "°C", 27.6, "temp", 27.6),
    ("Temp", "C", 27.6, "temp", 27.6),
    ("Temp", "℃", 27.6, "temp", 27.6),
    ("temp", "K", 300.15, "temp", 27),
    ("Temp", "°F", 212, "temp", 100),
    ("pH", "-", 7.12, "ph", 7.12),
    ("pH", "", 7.12, "ph", 7.12),
    ("PH", "pH", 7.12, "ph", 7.12),
    ("COLOR", "Pt-Co", 38, "color", 38),
    ("Color", "Pt - Co", 38, "color", 38),
    ("COD", "mg/l", 41.3, "cod", 41.3),
    ("COD", " mg/L ", 41.3, "cod", 41.3),
    ("TSS", "", 18.75, "tss", 18.75),
    ("NH4", "mg/L", 3.2, "nh4", 3.2),
    ("NH₄⁺", "mg/L", 3.2, "nh4", 3.2),
    ("Amoni", "mg/L", 3.2, "nh4", 3.2),
    ("NH4", "mg NH4/L", 18.039, "nh4", 14.007),
    ("Clo", "mg/L", 0.5, "cl2_res", 0.5),
    ("Cl", "mg/L", 400, "cl", 400),
    ("Xyanua", "mg/L", 0.05, "cyanide", 0.05),
    ("Oil", "mg/L", 2, "oil", 2),
    ("P", "kPa", 101.1, "pressure", 101.1),
    ("P", "hPa", 1011, "pressure", 101.1),
    ("O2", "%V", 8.4, "o2", 8.4),
    ("RH", "%", 75, "rh", 75),
    ("PM", "mg/Nm3", 62.5, "pm", 62500),
    ("Dust", "mg/Nm3", 62.5, "pm", 62500),
    ("SO2", "µg/m3", 20, "so2", 20),
    ("SO2", "μg/m³", 20, "so2", 20),
    ("SO2", "ug/Nm3", 20, "so2", 20),
    ("CO", "mg/m3", 1.5, "co", 1500),
    ("NO2", "ppb", 10, "no2", 18.80482),
    ("VHg", "mg/Nm3", 0.01, "hg", 10),
    ("PM2,5", "µg/m3", 31, "pm25", 31),
    ("PM2.5", "ug/m3", 31, "pm25", 31),
    ("pm25", "µg/m³", 31, "pm25", 31),
    ("TSP", "ug/m3", 31, "tsp", 31),
    ("EC", "µS/cm", 1200, "ec", 1.2),
]
UNREADABLE = [
    ("Flux", "m3/h", "unknown_symbol"),
    ("", "mg/L", "unknown_symbol"),
    ("COD", "mg/Nm3", "unknown_unit"),
    ("COD", "-", "unknown_unit"),
    ("CO", "", "unknown_unit"),
    ("PM", "", "unknown_unit"),
    ("P", "mg/L", "unknown_unit"),
    ("PM10", "ppm", "unknown_unit"),
    ("Flow", "Nm3/h", "unknown_unit"),
    ("Temp", "%", "unknown_unit"),
]
#: Thông tư 10/2021/TT-BTNMT Annex 15 Table 34, then what station files were seen to hold.
SYMBOLS = (
    "Flow Temp Color pH TSS COD NH4 TP TN TOC Cl RH P NO NO2 CO SO2 O2 H2S NH3 VHg PM O3 PM10 PM2,5 "
    "Flow_IN FlowOut FLOW Amoni Clo Dust TSP COLOR PM2.5 Xyanua Oil"
)
SEEN_UNITS = "m3/h m3/L mg/l mg/L oC °C C Pt-Co mg/Nm3 µg/m3 ug/m3 µg/m³ mS/cm %V kPa -"

#: Columns A and B of QCVN 40:2011 before Kq and Kf; None: no factors.
WASTEWATER = {
    "bod5": (30, 50), "cod": (75, 150), "tss": (50, 100), "nh4": (5, 10), "tn": (20, 40), "tp": (4, 6),
    "cl": (500, 1000), "cl2_res": (1, 2), "cyanide": (0.07, 0.1), "oil": (5, 10),
}  # fmt: skip
WITHOUT_FACTORS = {"temp": (40, 40), "color": (50, 150), "ph": (9, 9)}
#: Column B of QCVN 19:2009, mg/Nm3.
EMISSION = {"pm": 200, "nh3": 50, "co": 1000, "h2s": 7.5, "so2": 500, "nox": 850, "hcl": 50, "hf": 20}
#: QCVN 05:2023 on DAY, µg/m3.
AMBIENT = {
    ("so2", "1h"): 350, ("so2", "24h"): 125, ("so2", "year"): 50, ("co", "1h"): 30000, ("co", "8h"): 10000,
    ("no2", "1h"): 200, ("no2", "24h"): 100, ("no2", "year"): 40, ("o3", "1h"): 200, ("o3", "8h"): 120,
    ("tsp", "1h"): 300, ("tsp", "24h"): 200, ("tsp", "year"): 100, ("pm10", "24h"): 100, ("pm10", "year"): 50,
    ("pm25", "24h"): 45, ("pm25", "year"): 25,
}  # fmt: skip
#: QCVN 19:2024 boilers, zones A, B, C, mg/Nm3.
BOILERS = {
    ("under_20", "pm"): (40, 50, 60), ("from_20", "pm"): (30, 40, 50),
    **{(size, "so2"): (130, 200, 250) for size in ("under_20", "from_20")},
    **{(size, "nox"): (150, 250, 350) for size in ("under_20", "from_20")},
    **{(size, "co"): (200, 300, 350) for size in ("under_20", "from_20")},
}  # fmt: skip
#: Concentrations at the index values 0, 50, 100, 150, 200, 300, 400, 500.
AQI = {
    ("o3", "1h"): (0, 160, 200, 300, 400, 800, 1000, 1200),
    ("o3", "8h"): (0, 100, 120, 170, 210, 400),
    ("co", "1h"): (0, 10000, 30000, 45000, 60000, 90000, 120000, 150000),
    ("so2", "1h"): (0, 125, 350, 550, 800, 1600, 2100, 2630),
    ("no2", "1h"): (0, 100, 200, 700, 1200, 2350, 3100, 3850),
    ("pm10", "24h"): (0, 50, 150, 250, 350, 420, 500, 600),
    ("pm25", "24h"): (0, 25, 50, 80, 150, 250, 350, 500),
}
RULES = """
    file_still_written empty_payload unreadable_line unknown_symbol unknown_unit unknown_status unreadable_value
    unreadable_time unreadable_file_name unknown_stream value_out_of_range time_outside_file time_in_future
    unknown_station inactive_station reading_repeated reading_corrected flat_line spike gap long_calibration low_share
    station_silent volume_unusual clock_drift quarantine_shortened permit_limit_unreadable
"""
PHONE = re.compile(r"(?<![\d.,/-])(?:\+84|0)(?:[ .]?\d){8,10}(?![\d,.-])")


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts(None)


@pytest.fixture(scope="module")
def monitoring(contracts: Contracts) -> Monitoring:
    return contracts.monitoring


# ---- what loggers write ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("symbol", "unit", "value", "code", "canonical"), LINES)
def test_line_is_read_in_the_canonical_unit(
    monitoring: Monitoring, symbol: str, unit: str, value: float, code: str, canonical: float
) -> None:
    resolved = monitoring.resolve(symbol, unit)
    assert isinstance(resolved, Resolved)
    assert resolved.parameter_code == code
    assert value * resolved.factor + resolved.offset == pytest.approx(canonical, rel=1e-6)


@pytest.mark.parametrize(("symbol", "unit", "rule"), UNREADABLE)
def test_what_is_not_known_is_not_guessed(monitoring: Monitoring, symbol: str, unit: str, rule: str) -> None:
    assert monitoring.resolve(symbol, unit) == rule


def test_units_that_most_lines_have_leave_the_value_as_it_is(monitoring: Monitoring) -> None:
    for symbol, unit in (("COD", "mg/L"), ("Flow", "m3/h"), ("pH", ""), ("SO2", "µg/m3"), ("Temp", "oC")):
        resolved = monitoring.resolve(symbol, unit)
        assert isinstance(resolved, Resolved)
        assert (resolved.factor, resolved.offset) == (1.0, 0.0)


def test_every_symbol_and_unit_that_was_seen_is_known(monitoring: Monitoring) -> None:
    assert {symbol for symbol in SYMBOLS.split() if monitoring.parameter_of(symbol) is None} == set()
    codes = sorted(monitoring.parameters)
    for unit in SEEN_UNITS.split():
        assert any(isinstance(monitoring.resolve(code, unit), Resolved) for code in codes), unit


def test_wrong_unit_of_flow_is_accepted_as_unsure() -> None:
    text = (FOLDER / "spellings.yaml").read_text("utf-8")
    assert re.search(r"written: m3/L, factor: 1, [^}]*confidence: low", text)


def test_statuses_and_sentinels(monitoring: Monitoring) -> None:
    written = {"": "00", "0": "00", "00": "00", "1": "01", "01": "01", "2": "02", "02": "02"}
    assert {text: monitoring.status(text) for text in written} == written
    assert monitoring.status(" 01 ") == "01"
    assert [monitoring.status(text) for text in ("03", "OK", "-1", "000")] == [None] * 4
    assert -9999 in monitoring.sentinels
    assert 0 not in monitoring.sentinels, "a failed sensor written as 0 is told by its status alone"


def test_parameters_without_one_sure_unit_need_one(monitoring: Monitoring) -> None:
    """A stack sends mg/Nm3 and the air µg/m3: a thousand times apart."""
    sure = {code for code, parameter in monitoring.parameters.items() if parameter.missing_unit}
    gases = {code for code, parameter in monitoring.parameters.items() if parameter.unit == "UG_PER_M3"}
    assert {"ph", "temp", "cod", "o2", "rh"} <= sure
    assert {"so2", "no", "no2", "co", "pm", "pm10", "pm25", "o3", "h2s", "nh3", "hg"} <= gases
    assert not sure & (gases | {"pressure", "ec"})


def test_each_kind_of_station_is_shown_in_its_unit(contracts: Contracts) -> None:
    parameters = contracts.monitoring.parameters
    stack, air = parameters["so2"].shown("emission"), parameters["so2"].shown("ambient")
    assert ((stack.unit, stack.factor), (air.unit, air.factor)) == (("MG_PER_NM3", 0.001), ("UG_PER_M3", 1))
    assert (parameters["cod"].shown("wastewater").unit, parameters["flow"].shown("emission").unit) == (
        "MG_PER_L",
        "M3_PER_H",
    )
    for parameter in parameters.values():
        assert {parameter.unit, *(shown.unit for shown in parameter.shown_units.values())} <= set(contracts.units)


def test_nox_is_built_of_no_and_no2_as_no2(monitoring: Monitoring) -> None:
    derived = {code: parameter.derived for code, parameter in monitoring.parameters.items() if parameter.derived}
    assert list(derived) == ["nox"]
    assert {part.parameter: part.factor for part in derived["nox"]} == pytest.approx({"no": 46.006 / 30.006, "no2": 1})


def test_ranges_of_a_kind_are_narrower_than_the_general_one(monitoring: Monitoring) -> None:
    for parameter in monitoring.parameters.values():
        for kind in parameter.ranges:
            own = parameter.range_of(kind)
            assert parameter.low <= own.low < own.high <= parameter.high, f"{parameter.code} {kind}"
    assert monitoring.parameters["temp"].range_of("ambient").high == 60
    assert monitoring.parameters["temp"].range_of("emission").high == 1000
    assert monitoring.parameters["ph"].range_of("wastewater").high == 14


def test_limits_lie_within_what_can_be_true(monitoring: Monitoring) -> None:
    for row in monitoring.limits:
        parameter = monitoring.parameters[row.parameter]
        plausible, factor = parameter.range_of(row.kind), parameter.shown(row.kind).factor
        for side in (row.limit_min, row.limit_max):
            assert side is None or plausible.low <= side / factor <= plausible.high, row


def test_saturated_and_undetected_values_are_no_flat_line(monitoring: Monitoring) -> None:
    judged = {code for code, parameter in monitoring.parameters.items() if parameter.flat_hours}
    assert not judged & {"o2", "rh", "hg", "hf"}
    assert {"cod", "ph", "so2", "pm25", "flow"} <= judged


# ---- limits ----------------------------------------------------------------------------------------------------------


def rows_of(monitoring: Monitoring, regulation: str, column: str) -> dict[str, tuple[float | None, float | None]]:
    chosen = [row for row in monitoring.limits if (row.regulation, row.column) == (regulation, column)]
    assert len({row.parameter for row in chosen}) == len(chosen)
    return {row.parameter: (row.limit_min, row.limit_max) for row in chosen}


@pytest.mark.parametrize(("column", "place", "ph_min"), [("A", 0, 6), ("B", 1, 5.5)])
def test_qcvn_40(monitoring: Monitoring, column: str, place: int, ph_min: float) -> None:
    expected = {code: (None, sides[place]) for code, sides in (WASTEWATER | WITHOUT_FACTORS).items()}
    expected["ph"] = (ph_min, 9)
    assert rows_of(monitoring, "QCVN 40:2011/BTNMT", column) == expected
    for row in monitoring.limits:
        if row.regulation == "QCVN 40:2011/BTNMT":
            assert row.coefficients == (() if row.parameter in WITHOUT_FACTORS else ("kq", "kf"))
            assert (row.averaging, row.valid_from, row.valid_to) == ("day", date(2012, 2, 15), date(2031, 12, 31))


def test_qcvn_19(monitoring: Monitoring) -> None:
    assert {code: high for code, (_, high) in rows_of(monitoring, "QCVN 19:2009/BTNMT", "B").items()} == EMISSION
    rows = [row for row in monitoring.limits if row.regulation == "QCVN 19:2009/BTNMT"]
    assert {(row.averaging, row.unit, row.coefficients) for row in rows} == {("1h", "MG_PER_NM3", ("kp", "kv"))}
    sure = {(row.parameter, row.column) for row in rows if row.confidence != "low"}
    assert sure == {("pm", "B"), ("co", "B"), ("so2", "B"), ("nox", "B")}, "what two implementations have"


def test_boilers_of_qcvn_19_of_2024(monitoring: Monitoring) -> None:
    rows = [row for row in monitoring.limits if row.regulation == "QCVN 19:2024/BTNMT"]
    found = {(row.column, row.parameter): row.limit_max for row in rows}
    expected = {
        (f"boiler_{size}_t_h_{zone}", code): limit
        for (size, code), limits in BOILERS.items()
        for zone, limit in zip("ABC", limits, strict=True)
    }
    assert found == expected
    assert {(row.valid_from, row.coefficients, row.confidence) for row in rows} == {(date(2025, 7, 1), (), "medium")}


def test_qcvn_05(monitoring: Monitoring) -> None:
    found = {(limit.parameter, limit.averaging): limit.limit_max for limit in monitoring.limits_on("X", "ambient", DAY)}
    assert found == AMBIENT
    assert monitoring.limits_on("X", "ambient", date(2023, 9, 11)) == ()


def test_pm25_is_tightened_on_new_years_day(monitoring: Monitoring) -> None:
    for day, limit in ((date(2025, 12, 31), 50), (date(2026, 1, 1), 45)):
        found = [one for one in monitoring.limits_on("X", "ambient", day) if one.parameter == "pm25"]
        assert {one.averaging: one.limit_max for one in found} == {"24h": limit, "year": 25}


def test_default_discharge_points_apply_their_coefficients(monitoring: Monitoring) -> None:
    limits = {limit.parameter: limit for limit in monitoring.limits_on("NT01", "wastewater", DAY)}
    assert (limits["cod"].limit_max, limits["nh4"].limit_max, limits["cyanide"].limit_max) == (67.5, 4.5, 0.063)
    assert limits["cod"].regulation == "QCVN 40:2011/BTNMT, A, kq=0.9, kf=1"
    assert (limits["ph"].limit_min, limits["ph"].limit_max, limits["temp"].limit_max) == (6, 9, 40)
    assert limits["ph"].regulation == "QCVN 40:2011/BTNMT, A"
    assert {limit.confidence for limit in limits.values()} == {"low"}, "the column is a guess until the board confirms"
    stack = {limit.parameter: limit for limit in monitoring.limits_on("KT01", "emission", DAY)}
    assert (stack["so2"].limit_max, stack["so2"].averaging, stack["so2"].o2_reference_pct) == (500, "1h", None)
    assert monitoring.limits_on("NC01", "water_supply", DAY) == ()
    assert monitoring.limits_on("NT01", "wastewater", date(2032, 1, 1)) == ()


def test_guessed_discharge_points_are_unsure(monitoring: Monitoring) -> None:
    by_kind = {point.kind: point.confidence for point in monitoring.discharge_points}
    assert by_kind == {"wastewater": "low", "emission": "low", "ambient": "high"}


# ---- VN_AQI, settings ------------------------------------------------------------------------------------------------


def test_aqi_breakpoints(monitoring: Monitoring) -> None:
    steps: dict[tuple[str, str], list[float]] = {}
    indexes: dict[tuple[str, str], list[float]] = {}
    for row in monitoring.aqi.breakpoints:
        steps.setdefault((row.parameter, row.averaging), [row.bp_low]).append(row.bp_high)
        indexes.setdefault((row.parameter, row.averaging), [row.i_low]).append(row.i_high)
    assert {key: tuple(found) for key, found in steps.items()} == AQI
    whole = [0, 50, 100, 150, 200, 300, 400, 500]
    assert all(found == whole[: len(found)] for found in indexes.values())


@pytest.mark.parametrize(
    ("index", "code"),
    [(0, "good"), (50, "good"), (51, "moderate"), (100, "moderate"), (101, "poor"), (151, "bad"), (201, "very_bad"),
     (300, "very_bad"), (301, "hazardous"), (500, "hazardous")],
)  # fmt: skip
def test_aqi_bands(monitoring: Monitoring, index: int, code: str) -> None:
    band = monitoring.aqi.band_of(index)
    assert band is not None
    assert band.code == code


def test_bands_have_the_colours_of_the_decision(monitoring: Monitoring) -> None:
    assert [band.rgb for band in monitoring.aqi.bands] == [
        (0, 228, 0), (255, 255, 0), (255, 126, 0), (255, 0, 0), (143, 63, 151), (126, 0, 35),
    ]  # fmt: skip
    assert [band.label.vi for band in monitoring.aqi.bands][-1] == "Nguy hại"
    assert monitoring.aqi.band_of(501) is None
    assert monitoring.aqi.band_of(-1) is None


def test_settings(monitoring: Monitoring) -> None:
    settings = monitoring.settings
    assert (settings.cadence_minutes, settings.readings_per_hour, settings.readings_per_day) == (5, 12, 288)
    assert (settings.sufficient_share, settings.required_share_valid) == (0.75, 0.8)
    assert dict(settings.judged_averaging) == {"wastewater": "day", "emission": "1h", "water_supply": "day"}
    assert settings.clock_drift_minutes < settings.window_minutes, "a drifting clock is told before its lines are lost"


# ---- whole files -----------------------------------------------------------------------------------------------------


def sourced(monitoring: Monitoring) -> list[Sourced]:
    aqi = monitoring.aqi
    limits, points = monitoring.limits, monitoring.discharge_points
    return [*monitoring.parameters.values(), *limits, *points, *aqi.breakpoints, *aqi.bands]


def test_what_was_not_read_is_marked_low(monitoring: Monitoring) -> None:
    for one in sourced(monitoring):
        if one.source.startswith(("background knowledge", "proposal")) or one.source.endswith(": proposal"):
            assert one.confidence == "low", one
    for path in FOLDER.glob("*.yaml"):
        for entry in re.findall(r"source: \"?(?:proposal|background)[^}]*?confidence: (\w+)", path.read_text("utf-8")):
            assert entry == "low", path.name


def test_confidence_of_limits_is_that_of_the_reference(monitoring: Monitoring) -> None:
    counted = Counter((row.regulation.split(":")[0], row.confidence) for row in monitoring.limits)
    assert counted == {
        ("QCVN 40", "high"): 24, ("QCVN 40", "low"): 2, ("QCVN 19", "medium"): 4 + 24, ("QCVN 19", "low"): 12,
        ("QCVN 05", "high"): 11, ("QCVN 05", "medium"): 6, ("QCVN 05", "low"): 1,
    }  # fmt: skip


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_file_holds_no_person_and_no_vague_source(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"[\w.]+@[\w.]+", text.replace("@iot.id", "")), "an e-mail address"
    assert not PHONE.search(text), "a phone number"
    assert "public text" not in text
    assert "\r" not in text
    assert text.endswith("\n")


def test_rules_of_monitoring_have_texts(contracts: Contracts) -> None:
    assert set(RULES.split()) <= set(contracts.rules)
    assert contracts.rules["reading_repeated"].severity == "info"
    for rule in "flat_line long_calibration low_share station_silent clock_drift".split():
        assert contracts.rules[rule].severity == "warning"


@pytest.mark.parametrize(
    ("table", "schema"),
    [("monitoring_readings", READINGS), ("monitoring_unread_lines", UNREAD), ("monitoring_batches", BATCHES)],
)
def test_tables_are_as_staging_stores_them(contracts: Contracts, table: str, schema: pa.Schema) -> None:
    contract = contracts.tables[table]
    assert (contract.topic, contract.is_staged, contract.has_own_bookkeeping) == ("monitoring", True, True)
    assert contract in contracts.topic_tables("monitoring")
    declared = schema_of(contract)
    assert declared.names == schema.names
    for field in schema:
        kind = pa.int64() if pa.types.is_integer(field.type) else field.type
        assert declared.field(field.name).type == kind, field.name


def test_water_supply_is_a_kind_of_station(contracts: Contracts) -> None:
    kinds = [code.code for code in contracts.code_lists["station_kind"].codes]
    assert kinds == ["wastewater", "emission", "ambient", "water_supply"]
