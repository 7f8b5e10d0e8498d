"""Hours and days of small stations, with means, verdicts, loads and volumes worked out by hand."""

from datetime import date, timedelta

import pytest

from kcn_pipeline.contracts.monitoring import DischargePoint
from kcn_pipeline_tests.indicators.monitoring.stations import (
    DAY,
    FIVE,
    NIGHT,
    Stations,
    at,
    change_monitoring,
    permit,
    station,
)


def test_means_are_over_valid_readings(stations: Stations) -> None:
    stations.register(NIGHT, station("NT01"))
    # Hour 8: 10 readings of 40, one calibrating at 900, one failed sensor written as 0 with status 02.
    stations.read(NIGHT, "NT01", "cod", at(DAY, 8), [40.0] * 10)
    stations.read(NIGHT, "NT01", "cod", at(DAY, 8, 50), [900.0], status="01")
    stations.read(NIGHT, "NT01", "cod", at(DAY, 8, 55), [0.0], status="02")
    # Hour 9: 12 readings, 9 of them 60 and 3 of 100: (540 + 300) / 12 = 70.
    stations.read(NIGHT, "NT01", "cod", at(DAY, 9), [60.0] * 9 + [100.0] * 3)
    stations.compute()
    eight, nine = (stations.hours_of("NT01", "cod")[hour] for hour in (8, 9))
    assert (eight["mean"], eight["n_valid"], eight["n_received"], eight["n_expected"]) == (40.0, 10, 12, 12)
    assert (nine["mean"], nine["n_valid"], nine["unit"]) == (70.0, 12, "MG_PER_L")
    day = stations.day_of("NT01", "cod")
    # Over readings: (10 x 40 + 840) / 22; the mean of the two hours would be 55.
    assert day["mean"] == pytest.approx(1240 / 22)
    assert (day["min"], day["max"]) == (40.0, 100.0)
    assert (day["n_received"], day["n_valid"], day["n_expected"], day["hours_valid"]) == (24, 22, 288, 2)


def test_insufficient_is_never_compliant(stations: Stations) -> None:
    stations.register(NIGHT, station("NT01"), station("NT02"))
    # 216 of 288 readings are three quarters; 215 are not. Hour 18 of NT02 holds 11 of 12.
    stations.read(NIGHT, "NT01", "cod", at(DAY, 0), [10.0] * 216)
    stations.read(NIGHT, "NT02", "cod", at(DAY, 0), [10.0] * 215)
    stations.compute()
    enough, too_few = stations.day_of("NT01", "cod"), stations.day_of("NT02", "cod")
    assert (enough["is_sufficient"], enough["is_compliant"]) == (True, True)
    assert (too_few["is_sufficient"], too_few["is_compliant"], too_few["mean"]) == (False, None, 10.0)


def test_insufficient_hour_has_no_verdict(stations: Stations) -> None:
    stations.register(NIGHT, station("KT01", "emission"))
    stations.hours(NIGHT, "KT01", "so2", DAY, {1: 600_000.0}, n=9)
    stations.hours(NIGHT, "KT01", "so2", DAY, {2: 600_000.0}, n=8)
    stations.compute()
    hours = stations.hours_of("KT01", "so2")
    # Nine of twelve are three quarters, eight are not; 600 mg/Nm3 is over 500 (QCVN 19:2009 B).
    assert (hours[1]["is_sufficient"], hours[1]["is_over"]) == (True, True)
    assert (hours[2]["is_sufficient"], hours[2]["is_over"], hours[2]["mean"]) == (False, None, 600.0)
    day = stations.day_of("KT01", "so2")
    # Over in an hour is over, although the day has too few readings; without that hour it would be unknown.
    assert (day["hours_valid"], day["hours_over"], day["is_sufficient"], day["is_compliant"]) == (1, 1, False, False)


def test_ph_has_two_sides(stations: Stations) -> None:
    stations.register(NIGHT, *(station(f"NT0{number}") for number in range(1, 5)))
    for number, value in enumerate((5.9, 6.0, 9.0, 9.1), start=1):
        stations.day(NIGHT, f"NT0{number}", "ph", DAY, value)
    stations.compute()
    days = [stations.day_of(f"NT0{number}", "ph") for number in range(1, 5)]
    assert [day["is_compliant"] for day in days] == [False, True, True, False]
    assert {(day["limit_min"], day["limit_max"], day["averaging"]) for day in days} == {(6.0, 9.0, "day")}
    low, high = stations.episodes()
    assert (low["station_id"], low["peak"], low["ratio"]) == ("NT01", 5.9, pytest.approx(6 / 5.9))
    assert (high["station_id"], high["peak"], high["ratio"]) == ("NT04", 9.1, pytest.approx(9.1 / 9))


def test_binary_tail_of_a_mean_is_not_over(stations: Stations) -> None:
    stations.register(NIGHT, station("NT01"), permits=[permit("NT01", "cod", 0.3)])
    # Three times 0.1 is 0.30000000000000004 as a sum of doubles.
    stations.read(NIGHT, "NT01", "cod", at(DAY, 0), [0.1, 0.2, 0.6] * 96)
    stations.compute()
    day = stations.day_of("NT01", "cod")
    assert day["mean"] == pytest.approx(0.3)
    assert day["is_compliant"] is True


def test_nox_is_built_of_no_and_no2(stations: Stations) -> None:
    stations.register(NIGHT, station("KT01", "emission"))
    stations.read(NIGHT, "KT01", "no", at(DAY, 0), [300_060.0] * 12)
    # NO2 fails in the last three readings, so NOx has nine.
    stations.read(NIGHT, "KT01", "no2", at(DAY, 0), [40_000.0] * 9 + [None] * 3)
    stations.compute()
    (hour,) = stations.hours_of("KT01", "nox").values()
    # 300.06 x 46.006 / 30.006 = 460.06 as NO2, and 40 more.
    assert hour["mean"] == pytest.approx(500.06)
    assert (hour["n_valid"], hour["is_sufficient"], hour["unit"]) == (9, True, "MG_PER_NM3")
    assert stations.day_of("KT01", "nox")["is_derived"] is True
    # What is derived is no reading: 12 NO and 9 NO2 are valid of 2 x 288.
    measures = stations.station("KT01")
    assert (measures["readings_valid"], measures["readings_expected"]) == (21, 576)


def test_nox_that_is_sent_is_believed(stations: Stations) -> None:
    stations.register(NIGHT, station("KT01", "emission"))
    for parameter, value in (("no", 300_060.0), ("no2", 40_000.0), ("nox", 777_000.0)):
        stations.hours(NIGHT, "KT01", parameter, DAY, {0: value})
    stations.compute()
    assert stations.hours_of("KT01", "nox")[0]["mean"] == 777.0
    assert stations.day_of("KT01", "nox")["is_derived"] is False


def test_o2_correction(stations: Stations) -> None:
    point = DischargePoint(
        station="KT01",
        kind="emission",
        regulation="QCVN 19:2009/BTNMT",
        column="B",
        coefficients={"kp": 1.0, "kv": 1.0},
        o2_reference_pct=7.0,
        source="test",
        confidence="low",
    )
    change_monitoring(stations, points=[point])
    stations.register(NIGHT, station("KT01", "emission"), station("KT02", "emission"))
    for name in ("KT01", "KT02"):
        stations.hours(NIGHT, name, "so2", DAY, {0: 300_000.0, 1: 300_000.0, 2: 300_000.0, 3: 300_000.0})
        stations.hours(NIGHT, name, "o2", DAY, {0: 14.0, 1: 7.0, 2: 20.5})
    stations.compute()
    hours = stations.hours_of("KT01", "so2")
    # (21 - 7) / (21 - 14) = 2: 600 is over 500. At the reference itself nothing changes.
    assert (hours[0]["mean"], hours[0]["corrected_mean"], hours[0]["is_over"]) == (300.0, 600.0, True)
    assert (hours[1]["corrected_mean"], hours[1]["is_over"]) == (300.0, False)
    # Too near to air, and no O2 at all: neither corrected nor judged.
    for hour in (2, 3):
        assert (hours[hour]["is_sufficient"], hours[hour]["corrected_mean"], hours[hour]["is_over"]) == (
            True,
            None,
            None,
        )
    assert stations.day_of("KT01", "so2")["corrected_mean"] == 450.0
    assert stations.hours_of("KT01", "o2")[0]["corrected_mean"] is None
    assert stations.hours_of("KT02", "so2")[0]["is_over"] is False
    (episode,) = stations.episodes()
    assert (episode["station_id"], episode["peak"], episode["ratio"]) == ("KT01", 600.0, 1.2)


def test_regulation_times_coefficients(stations: Stations) -> None:
    stations.register(NIGHT, station("NT01"))
    stations.day(NIGHT, "NT01", "cod", DAY, 67.6)
    stations.day(NIGHT, "NT01", "color", DAY, 49.0)
    stations.compute()
    # QCVN 40:2011, column A: 75 x 0.9 x 1.0; colour has no coefficients.
    cod, color = stations.day_of("NT01", "cod"), stations.day_of("NT01", "color")
    assert (cod["limit_max"], cod["is_compliant"], cod["averaging"]) == (67.5, False, "day")
    assert cod["regulation"] == "QCVN 40:2011/BTNMT, A, kq=0.9, kf=1"
    assert (color["limit_max"], color["is_compliant"]) == (50.0, True)


def test_permit_comes_before_the_regulation(stations: Stations) -> None:
    permits = [permit("NT01", "COD", 100.0), permit("KT01", "SO2", 300.0, unit="mg/Nm3")]
    stations.register(NIGHT, station("NT01"), station("KT01", "emission"), permits=permits)
    stations.day(NIGHT, "NT01", "cod", DAY, 90.0)
    stations.hours(NIGHT, "KT01", "so2", DAY, dict.fromkeys(range(24), 400000.0))
    stations.compute()
    cod, so2 = stations.day_of("NT01", "cod"), stations.day_of("KT01", "so2")
    assert (cod["limit_max"], cod["is_compliant"], cod["regulation"]) == (100.0, True, "Permit 12/GPMT")
    # 400 mg/Nm3 is within QCVN 19:2009 B (500), not within the permit.
    assert (so2["limit_max"], so2["averaging"], so2["hours_over"], so2["is_compliant"]) == (300.0, "1h", 24, False)


def test_permit_in_an_unknown_unit_judges_nothing(stations: Stations) -> None:
    permits = [permit("NT01", "cod", 100.0, unit="mg/khối"), permit("NT01", "Radon", 5.0)]
    stations.register(NIGHT, station("NT01"), permits=permits)
    stations.day(NIGHT, "NT01", "cod", DAY, 5000.0)
    result = stations.compute()
    day = stations.day_of("NT01", "cod")
    assert (day["limit_max"], day["averaging"], day["is_compliant"]) == (None, None, None)
    assert result.findings == 2
    findings = stations.lake.read("indicators", "monitoring_findings", NIGHT)
    assert findings is not None
    assert findings.column("rule").to_pylist() == ["permit_limit_unreadable"] * 2
    assert findings.column("field").to_pylist() == ["Radon", "cod"]


def test_limit_changes_by_date(stations: Stations) -> None:
    versions = [
        permit("NT01", "cod", 60.0, valid_to=DAY),
        permit("NT01", "cod", 40.0, valid_from=DAY + timedelta(days=1)),
    ]
    stations.register(NIGHT, station("NT01"), permits=versions)
    for step in range(2):
        stations.day(NIGHT, "NT01", "cod", DAY + timedelta(days=step), 50.0)
    stations.compute()
    before, after = (stations.day_of("NT01", "cod", DAY + timedelta(days=step)) for step in range(2))
    assert (before["limit_max"], before["is_compliant"]) == (60.0, True)
    assert (after["limit_max"], after["is_compliant"]) == (40.0, False)


def test_contract_limit_changes_by_date(stations: Stations) -> None:
    # PM2.5 of QCVN 05:2023: 50 until 2025-12-31, 45 from 2026-01-01.
    stations.register("2026-01-02", station("KK01", "ambient"))
    last, first = date(2025, 12, 31), date(2026, 1, 1)
    for day in (last, first):
        stations.day("2026-01-02", "KK01", "pm25", day, 47.0)
    stations.compute("2026-01-02")
    found = [stations.day_of("KK01", "pm25", day) for day in (last, first)]
    assert [(day["limit_max"], day["is_compliant"]) for day in found] == [(50.0, True), (45.0, False)]
    assert {day["averaging"] for day in found} == {"24h"}
    assert {day["hours_over"] for day in found} == {None}


def test_ambient_hours_and_eight_hours(stations: Stations) -> None:
    stations.register(NIGHT, station("KK01", "ambient"))
    yesterday = DAY - timedelta(days=1)
    # Ozone of 20 to midnight at 100, then 150: after n hours of the new day the 8 hours mean 100 + 50 x n / 8.
    stations.hours(NIGHT, "KK01", "o3", yesterday, dict.fromkeys(range(16, 24), 100.0))
    stations.hours(NIGHT, "KK01", "o3", DAY, dict.fromkeys(range(24), 150.0))
    stations.compute()
    day = stations.day_of("KK01", "o3")
    # No hour is over 200; 8 hours are over 120 from the fourth hour on: 125.
    assert (day["hours_over"], day["is_compliant"], day["averaging"], day["limit_max"]) == (0, False, "1h", 200.0)
    (episode,) = stations.episodes()
    assert (episode["averaging"], episode["started_at"], episode["hours"]) == ("8h", at(DAY, 3), 21)
    assert (episode["peak"], episode["limit_max"], episode["ratio"]) == (150.0, 120.0, 1.25)


def test_loads_weigh_by_flow(stations: Stations) -> None:
    stations.register(NIGHT, station("NT01"))
    # 18 hours: half at 100 m3/h with 20 mg/L (2 kg/h), half at 300 m3/h with 40 mg/L (12 kg/h).
    stations.hours(NIGHT, "NT01", "flow", DAY, {hour: 100.0 if hour < 9 else 300.0 for hour in range(20)})
    stations.hours(NIGHT, "NT01", "cod", DAY, {hour: 20.0 if hour < 9 else 40.0 for hour in range(18)})
    # Ammonium is known in 17 hours, which is less than three quarters of the day.
    stations.hours(NIGHT, "NT01", "nh4", DAY, dict.fromkeys(range(17), 1.0))
    stations.compute()
    cod, nh4, flow = (stations.day_of("NT01", code) for code in ("cod", "nh4", "flow"))
    assert (cod["load_kg"], cod["load_hours"]) == (24 * 7.0, 18)
    assert (nh4["load_kg"], nh4["load_hours"]) == (None, 17)
    assert (flow["volume_m3"], flow["load_kg"]) == (9 * 100.0 + 11 * 300.0, None)
    measures = stations.station("NT01")
    assert (measures["cod_load_kg"], measures["days"]) == (168.0, 1)


def test_flagged_readings_are_kept_and_not_counted_as_valid(stations: Stations) -> None:
    stations.register(NIGHT, station("NT01"))
    stations.day(NIGHT, "NT01", "cod", DAY, 40.0)
    series = {"station_id": "NT01", "parameter_code": "cod"}
    flags = [
        {**series, "flag": "flat_line", "started_at": at(DAY, 1), "ended_at": at(DAY, 2)},
        {**series, "flag": "spike", "started_at": at(DAY, 2), "ended_at": at(DAY, 2)},
        {**series, "flag": "gap", "started_at": at(DAY, 3), "ended_at": at(DAY, 4)},
    ]
    stations.flag(NIGHT, *flags)
    stations.compute()
    day, measures = stations.day_of("NT01", "cod"), stations.station("NT01")
    # From 01:00 to 02:00, both included, are 13 readings; a gap is none.
    assert (day["n_valid"], day["n_flagged"]) == (288, 13)
    assert (measures["readings_valid"], measures["readings_expected"]) == (275, 288)


def test_silent_station_has_rows_for_its_permit(stations: Stations) -> None:
    permits = [permit("NT02", "cod", 60.0), permit("KT01", "nox", 500.0, unit="mg/Nm3")]
    away = station("NT03", is_connected=False)
    register = [station("NT01"), station("NT02"), away, station("KT01", "emission")]
    stations.register(NIGHT, *register, permits=[*permits, permit("NT03", "cod", 60.0)])
    stations.day(NIGHT, "NT01", "cod", DAY, 10.0)
    stations.compute()
    silent = stations.day_of("NT02", "cod")
    assert (silent["n_valid"], silent["n_received"], silent["n_expected"], silent["mean"]) == (0, 0, 288, None)
    assert (silent["is_sufficient"], silent["is_compliant"], silent["limit_max"]) == (False, None, 60.0)
    assert stations.station("NT02")["readings_expected"] == 288
    # No valid hour: the share of hours over the limit is unknown, not zero.
    assert (stations.station("NT02")["hours_valid"], stations.station("NT02")["hours_over"]) == (None, None)
    # A permit on NOx expects NO and NO2, which is what loggers send.
    rows = {row["parameter_code"]: row for row in stations.state("monitoring_days", DAY) if row["station_id"] == "KT01"}
    assert sorted(rows) == ["no", "no2", "nox"]
    assert stations.station("KT01")["readings_expected"] == 576
    assert "NT03" not in {row["station_id"] for row in stations.state("monitoring_station", DAY)}


def test_wastewater_hours_count_any_parameter(stations: Stations) -> None:
    stations.register(NIGHT, station("NT01"), station("KT01", "emission"))
    # COD is known in hours 0 to 3 and over 67.5 in hours 1 and 2; pH is known in hours 2 to 5 and over in hour 2 and 3.
    stations.hours(NIGHT, "NT01", "cod", DAY, {0: 50.0, 1: 70.0, 2: 70.0, 3: 50.0})
    stations.hours(NIGHT, "NT01", "ph", DAY, {2: 9.5, 3: 9.5, 4: 7.0, 5: 7.0})
    # Temperature of hour 6 is insufficient and flow of hour 7 is not limited: neither makes an hour valid.
    stations.hours(NIGHT, "NT01", "temp", DAY, {6: 90.0}, n=8)
    stations.hours(NIGHT, "NT01", "flow", DAY, {7: 100.0})
    stations.hours(NIGHT, "KT01", "so2", DAY, {0: 900_000.0})
    stations.compute()
    wastewater, emission = stations.station("NT01"), stations.station("KT01")
    assert (wastewater["hours_valid"], wastewater["hours_over"]) == (6, 3)
    assert (emission["hours_valid"], emission["hours_over"]) == (None, None)


def test_parks_add_up_compliant_water_and_supply(stations: Stations) -> None:
    meters = [station("NS01", "water_supply"), station("NS02", "water_supply", park_code="QUANG_CHAU")]
    stations.register(NIGHT, station("NT01"), station("NT02"), station("NT03"), *meters)
    for name, cod in (("NT01", 50.0), ("NT02", 80.0), ("NT03", 50.0)):
        stations.day(NIGHT, name, "flow", DAY, 100.0)
        stations.day(NIGHT, name, "cod", DAY, cod)
    # NT03 has too few readings of TSS: its water never counts as compliant.
    stations.hours(NIGHT, "NT03", "tss", DAY, {0: 1.0})
    # 18 hours of 50 m3/h are a known day of 1,200 m3; 17 are not.
    stations.hours(NIGHT, "NS01", "flow", DAY, dict.fromkeys(range(18), 50.0))
    stations.hours(NIGHT, "NS02", "flow", DAY, dict.fromkeys(range(17), 50.0))
    stations.compute()
    park, other = stations.park("QUE_VO"), stations.park("QUANG_CHAU")
    assert (park["wastewater_treated_compliant_m3"], park["water_supplied_m3_d"]) == (2400.0, 1200.0)
    assert (other["wastewater_treated_compliant_m3"], other["water_supplied_m3_d"]) == (None, None)


def test_water_of_unknown_volume_is_unknown(stations: Stations) -> None:
    stations.register(NIGHT, station("NT01"), station("NT02", park_code="QUANG_CHAU"))
    stations.day(NIGHT, "NT01", "cod", DAY, 50.0)
    stations.day(NIGHT, "NT02", "flow", DAY, 100.0)
    stations.compute()
    # NT01 sends no flow; NT02 sends nothing that is limited.
    for park_code in ("QUE_VO", "QUANG_CHAU"):
        assert stations.park(park_code)["wastewater_treated_compliant_m3"] is None


def test_unregistered_readings_are_counted_and_left_out(stations: Stations) -> None:
    stations.register(NIGHT, station("NT01"), station("NT02", valid_from=DAY + timedelta(days=1)))
    stations.day(NIGHT, "NT01", "cod", DAY, 50.0)
    stations.day(NIGHT, "NT02", "cod", DAY, 50.0)
    result = stations.compute()
    assert (result.readings, result.unplaced) == (576, 288)
    assert {row["station_id"] for row in stations.state("monitoring_days", DAY)} == {"NT01"}


def test_hourly_stream_expects_one_reading_an_hour(stations: Stations) -> None:
    change_monitoring(stations, streams=[("KK01", "no2", 60)])
    stations.register(NIGHT, station("KK01", "ambient"))
    stations.read(NIGHT, "KK01", "no2", at(DAY, 0), [50.0] * 24, step=12 * FIVE)
    stations.compute()
    day, hour = stations.day_of("KK01", "no2"), stations.hours_of("KK01", "no2")[5]
    assert (hour["n_expected"], hour["is_sufficient"]) == (1, True)
    assert (day["n_expected"], day["is_sufficient"], day["is_compliant"]) == (24, True, True)
