"""The board's own monitoring contracts over the packaged ones: a permit's column, a new table, another spelling.

It must not test the packaged figures. The surprising fact: every mistake is told with the line of the board's file,
also one that lies between two files.
"""

from datetime import date
from pathlib import Path

import pytest

from kcn_pipeline.contracts import ContractError, load_contracts
from kcn_pipeline.contracts.monitoring import Monitoring, Resolved

DAY = date(2026, 11, 18)
OWN = "source: the board, confidence: high"


def lay(folder: Path, **files: str) -> Monitoring:
    """The monitoring contracts with these files (name → text below its list's key) laid over the packaged ones."""
    (folder / "monitoring").mkdir(exist_ok=True)
    for name, rows in files.items():
        key = {"aqi_breakpoints": "breakpoints", "aqi_bands": "bands"}.get(name, name)
        text = f"{key}:\n" + "".join(f"  - {{{row.strip()}}}\n" for row in rows.strip().splitlines())
        (folder / "monitoring" / f"{name}.yaml").write_text(text, "utf-8")
    load_contracts.cache_clear()
    return load_contracts(folder).monitoring


def problems_of(folder: Path, **files: str) -> list[str]:
    with pytest.raises(ContractError) as caught:
        lay(folder, **files)
    return [str(problem) for problem in caught.value.problems]


# ---- what the board may say ------------------------------------------------------------------------------------------


def test_permit_column_of_one_outlet_from_a_day_on(tmp_path: Path) -> None:
    row = f"""station: NT01, kind: wastewater, regulation: "QCVN 40:2011/BTNMT", column: B,
        coefficients: {{kq: 1.1, kf: 0.9}}, valid_from: 2026-07-01, {OWN}"""
    monitoring = lay(tmp_path, discharge_points=" ".join(row.split()))
    for station, day, cod in (
        ("NT01", date(2026, 6, 30), 67.5), ("NT01", date(2026, 7, 1), 148.5), ("NT02", date(2026, 7, 1), 67.5),
    ):  # fmt: skip
        limits = {limit.parameter: limit for limit in monitoring.limits_on(station, "wastewater", day)}
        assert limits["cod"].limit_max == cod, (station, day)
    assert limits["cod"].confidence == "low"
    own = next(one for one in monitoring.limits_on("NT01", "wastewater", DAY) if one.parameter == "cod")
    assert (own.regulation, own.confidence) == ("QCVN 40:2011/BTNMT, B, kq=1.1, kf=0.9", "high")


def test_boiler_is_judged_at_its_reference_of_oxygen(tmp_path: Path) -> None:
    row = f"""station: KT01, kind: emission, regulation: "QCVN 19:2024/BTNMT", column: boiler_under_20_t_h_B,
        o2_reference_pct: 7, valid_from: 2025-07-01, {OWN}"""
    monitoring = lay(tmp_path, discharge_points=" ".join(row.split()))
    limits = {limit.parameter: limit for limit in monitoring.limits_on("KT01", "emission", DAY)}
    assert {code: limit.limit_max for code, limit in limits.items()} == {"pm": 50, "so2": 200, "nox": 250, "co": 300}
    assert {limit.o2_reference_pct for limit in limits.values()} == {7}
    before = monitoring.limits_on("KT01", "emission", date(2025, 6, 30))
    assert {limit.o2_reference_pct for limit in before} == {None}


def test_new_regulation_enters_by_its_day(tmp_path: Path) -> None:
    cod = f'regulation: "QCVN 40:2025/BTNMT", kind: wastewater, parameter: cod, column: A1, unit: MG_PER_L, {OWN}'
    limits = f"""
        {cod}, limit_max: 60, valid_from: 2025-09-01
        {cod}, limit_max: 50, valid_from: 2027-01-01
    """
    point = (
        f'station: "*", kind: wastewater, regulation: "QCVN 40:2025/BTNMT", column: A1, valid_from: 2026-09-01, {OWN}'
    )
    monitoring = lay(tmp_path, limits=limits, discharge_points=point)
    found = {
        day: [limit.limit_max for limit in monitoring.limits_on("NT01", "wastewater", day) if limit.parameter == "cod"]
        for day in (date(2026, 8, 31), date(2026, 9, 1), date(2027, 1, 1))
    }
    assert list(found.values()) == [[67.5], [60], [50]], "of two open rows the one that began last"


def test_changed_key_of_a_packaged_row_leaves_the_others(tmp_path: Path) -> None:
    monitoring = lay(tmp_path, discharge_points="station: '*', kind: wastewater, column: B")
    cod = next(one for one in monitoring.limits_on("NT01", "wastewater", DAY) if one.parameter == "cod")
    assert (cod.limit_max, cod.regulation) == (135, "QCVN 40:2011/BTNMT, B, kq=0.9, kf=1")
    load_contracts.cache_clear()
    packaged = load_contracts(None).monitoring
    assert [one.column for one in packaged.discharge_points if one.kind == "wastewater"] == ["A"]


def test_other_averaging_time_for_all_emissions(tmp_path: Path) -> None:
    monitoring = lay(
        tmp_path, settings="name: judged_averaging, value: {wastewater: day, emission: day, water_supply: day}"
    )
    assert {limit.averaging for limit in monitoring.limits_on("KT01", "emission", DAY)} == {"day"}
    assert {limit.averaging for limit in monitoring.limits_on("KK01", "ambient", DAY)} == {"1h", "8h", "24h", "year"}


def test_own_symbols_spellings_statuses_and_sentinels(tmp_path: Path) -> None:
    monitoring = lay(
        tmp_path,
        parameters=f"""
            code: voc, label: {{vi: VOC, en: VOC}}, symbols: [TVOC], unit: UG_PER_M3, low: 0, high: 1.0e+6, {OWN}
            code: cl2_res, symbols: [Clo, Cl2]
        """,
        spellings=f"""
            unit: M3_PER_H, written: m3/L, factor: 60, {OWN}
            unit: MG_PER_L, written: mg/L, factor: 0.7764843949221132, parameter: nh4, {OWN}
        """,
        statuses=f"written: OK, status: '00', {OWN}",
        sentinels=f"value: -1234, {OWN}",
    )
    assert monitoring.resolve("TVOC", "mg/m3") == Resolved("voc", 1000.0, 0.0)
    assert monitoring.resolve("Cl2", "mg/L") == Resolved("cl2_res", 1.0, 0.0)
    assert monitoring.resolve("Clo dư", "mg/L") == "unknown_symbol", "a list is replaced whole"
    assert monitoring.resolve("Flow", "m3/L") == Resolved("flow", 60.0, 0.0)
    assert monitoring.resolve("NH4", "mg/L") == Resolved("nh4", 0.7764843949221132, 0.0)
    assert monitoring.resolve("COD", "mg/L") == Resolved("cod", 1.0, 0.0)
    assert monitoring.status("ok") == "00"
    assert {-9999, -1234} <= set(monitoring.sentinels)


def test_streams_of_a_feed(tmp_path: Path) -> None:
    monitoring = lay(
        tmp_path,
        streams="""
            source: air_network, stream: "7", station_id: KK01, parameter: pm25
            source: air_network, stream: "8", station_id: KK01, parameter: co, unit: mg/m3, cadence_minutes: 60
        """,
    )
    stream = monitoring.stream("air_network", "8")
    assert stream is not None
    assert (stream.station_id, stream.parameter, stream.unit, stream.cadence_minutes) == ("KK01", "co", "mg/m3", 60)
    assert monitoring.resolve(stream.parameter, stream.unit or "") == Resolved("co", 1000.0, 0.0)
    assert monitoring.stream("other", "7") is None


def test_fingerprint_follows_what_is_judged_and_not_how_it_is_worded(tmp_path: Path) -> None:
    packaged = load_contracts(None).monitoring.fingerprint
    worded = lay(tmp_path, settings="name: sufficient_share, source: the board, confidence: high, note: confirmed")
    assert worded.fingerprint == packaged
    changed = lay(tmp_path, settings="name: sufficient_share, value: 0.8")
    assert (changed.settings.sufficient_share, changed.fingerprint == packaged) == (0.8, False)
    limit = 'regulation: "QCVN 05:2023/BTNMT", kind: ambient, parameter: o3, averaging: 1h, valid_from: 2023-09-12'
    lower = lay(tmp_path, settings="name: sufficient_share", limits=f"{limit}, limit_max: 180")
    assert lower.fingerprint not in (packaged, changed.fingerprint)


# ---- mistakes --------------------------------------------------------------------------------------------------------

POINT = f'station: NT01, kind: wastewater, regulation: "QCVN 40:2011/BTNMT", {OWN}'
LIMIT = f"regulation: Permit, kind: emission, parameter: so2, column: X, {OWN}"
MISTAKES = [
    ("settings", "name: sufficent_share, value: 1, " + OWN, "settings.yaml:2: sufficent_share: is no setting"),
    ("settings", "name: sufficient_share, value: 75", "sufficient_share.value: Input should be less than"),
    ("settings", "name: sufficient_share, value: '0.7'", "sufficient_share.value: Input should be a valid number"),
    ("settings", "name: cadence_minutes, value: 7", "settings.yaml:2: cadence_minutes.value"),
    ("settings", "name: flow_parameter, value: flux", "flow_parameter.value: no parameter 'flux'"),
    ("settings", "name: load_parameters, value: [cod, kod]", "load_parameters.value: no parameter 'kod'"),
    (
        "settings",
        "name: judged_averaging, value: {wastewater: day}",
        "averaging: the row names no averaging time and the setting judged_averaging has none for emission",
    ),
    ("parameters", "code: cod, symbols: [COD, TSS]", "cod.symbols.1: 'TSS' is a symbol of tss, too"),
    ("parameters", "code: cod, unit: MG_PER_LITRE", "cod.unit: no unit 'MG_PER_LITRE' in units.yaml"),
    ("parameters", "code: cod, low: 5, high: 1", "cod: Value error, low 5 is above high 1"),
    ("parameters", "code: cod, units: {mg: [1, 0]}", "cod.units: Value error, spellings of units belong in"),
    (
        "parameters",
        "code: so2, shown_units: {emission: {unit: MG_PER_NM3, factor: 1000}}",
        "so2.shown_units.emission.factor: must be 0.001",
    ),
    (
        "parameters",
        "code: so2, shown_units: {emission: {unit: MG_PER_L, factor: 0.001}}",
        "so2.shown_units.emission.unit: MG_PER_L measures concentration_water, UG_PER_M3 concentration_gas",
    ),
    ("parameters", "code: so2, shown_units: {chimney: {unit: PT, factor: 1}}", "so2.shown_units.chimney"),
    ("parameters", "code: nox, derived: [{parameter: n2o, factor: 1}]", "nox.derived.0.parameter: no parameter 'n2o'"),
    ("parameters", "code: nox, derived: [{parameter: cod, factor: 1}]", "cod is in MG_PER_L, not in UG_PER_M3"),
    ("parameters", "code: so2, derived: [{parameter: nox, factor: 1}]", "0.parameter: nox is derived itself"),
    ("spellings", f"unit: MG, written: mg, factor: 1, {OWN}", "no parameter has the canonical unit 'MG'"),
    ("spellings", f"unit: MG_PER_L, written: MG/L, factor: 2, {OWN}", "'mg/L' is the same spelling and"),
    ("spellings", f"unit: MG_PER_L, written: x, factor: 1, parameter: so2, {OWN}", "unit of so2 is UG_PER_M3"),
    ("spellings", f"unit: MG_PER_L, written: x, factor: 0, {OWN}", "factor: Input should be greater than 0"),
    ("statuses", f"written: '00 ', status: '01', {OWN}", "'00' is the same spelling of 00"),
    ("statuses", f"written: X, status: '03', {OWN}", "status: Input should be '00', '01' or '02'"),
    ("limits", f"{LIMIT}, averaging: 1h, limit_max: 5, unit: UG_PER_M3", "emission stations show so2 in MG_PER_NM3"),
    ("limits", f"{LIMIT}, averaging: 1h, unit: MG_PER_NM3", "needs limit_min, limit_max or both"),
    ("limits", f"{LIMIT}, limit_min: 6, limit_max: 5, unit: MG_PER_NM3", "limit_min is above limit_max"),
    ("limits", f"{LIMIT}, averaging: 2h, limit_max: 5, unit: MG_PER_NM3", "averaging: Input should be '1h'"),
    (
        "limits",
        f"regulation: P, kind: ambient, parameter: so2, limit_max: 5, unit: UG_PER_M3, {OWN}",
        "the setting judged_averaging has none for ambient",
    ),
    (
        "discharge_points",
        f"{POINT}, column: C, coefficients: {{kq: 1, kf: 1}}",
        "discharge_points.yaml:2: NT01/wastewater/.column: limits.yaml has ['A', 'B'] of QCVN 40:2011/BTNMT",
    ),
    ("discharge_points", f"{POINT}, column: A, coefficients: {{kq: 1}}", "coefficients: must be ['kf', 'kq']"),
    ("discharge_points", f"{POINT}, column: A, coefficients: {{kq: 0, kf: 1}}", "coefficient kq must be above 0"),
    ("aqi_breakpoints", "parameter: o3, averaging: 1h, step: 2, bp_low: 150", "must begin where step 1 ends, at 160"),
    ("aqi_breakpoints", "parameter: o3, averaging: 1h, step: 7, bp_high: 900", "the step must rise"),
    ("aqi_bands", "code: poor, low: 102", "aqi_bands.yaml:2: poor.low: must be 101"),
    ("streams", "source: a, stream: '1', station_id: S, parameter: dust", "a/1.parameter: no parameter 'dust'"),
    ("streams", "source: a, stream: 1, station_id: S, parameter: pm", "a/1.stream: Input should be a valid string"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "row", "told"), MISTAKES, ids=[f"{number}-{m[0]}" for number, m in enumerate(MISTAKES)]
)
def test_mistake_is_told_with_its_line(tmp_path: Path, name: str, row: str, told: str) -> None:
    found = problems_of(tmp_path, **{name: row})
    assert any(told in problem for problem in found), found
    assert all(problem.split(":")[1].isdigit() for problem in found), found


def test_misspelt_file_is_refused(tmp_path: Path) -> None:
    found = problems_of(tmp_path, limit="")
    assert found == ["monitoring/limit.yaml: is no contract file; the README lists the names"]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        spellings=f"unit: MG, written: mg, factor: 1, {OWN}",
        streams="source: a, stream: '1', station_id: S, parameter: dust",
    )
    assert [problem.split(":")[0] for problem in found] == ["spellings.yaml", "streams.yaml"]
