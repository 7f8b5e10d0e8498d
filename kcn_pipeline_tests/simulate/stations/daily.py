"""What indicators count of a station and of a park on a day.

It must not know an indicator. The surprising fact: shares of hours speak of wastewater alone, so any other station has
no hours at all, and that is not the same as zero hours.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import fsum
from typing import Any

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate.stations.flags import Flag
from kcn_pipeline_tests.simulate.stations.fleet import Station
from kcn_pipeline_tests.simulate.stations.history import StationTruth
from kcn_pipeline_tests.simulate.stations.judging import judges_hours
from kcn_pipeline_tests.simulate.stations.means import DAY
from kcn_pipeline_tests.simulate.stations.readings import Readings
from kcn_pipeline_tests.simulate.stations.verdicts import DayRow

Row = dict[str, Any]


def station_rows(contracts: Contracts, truth: StationTruth) -> Iterator[Row]:
    """One row per day on which the station was connected: hours of wastewater, valid readings, COD load in kg."""
    station = truth.readings.station
    for day, rows in truth.rows.items():
        if rows or station.is_connected:
            hours = _wastewater_hours(contracts, station, rows)
            sent = [row for row in rows if row.means.code != "nox"]
            doubtful = _doubtful(truth.readings, [flag for flag in truth.flags if flag.day == day])
            load = next((row.load_kg for row in rows if row.means.code == "cod"), None)
            yield {
                "station_id": station.station_id,
                "park_code": station.park_code,
                "kind": station.kind,
                "day": day,
                "hours_valid": hours[0] if hours else None,
                "hours_over": hours[1] if hours else None,
                "readings_valid": sum(row.means.whole.n_valid for row in sent) - doubtful if sent else None,
                "readings_expected": DAY * len(sent) if sent else None,
                "cod_load_kg": load,
                "days": None if load is None else 1,
            }


def _wastewater_hours(contracts: Contracts, station: Station, rows: Sequence[DayRow]) -> tuple[int, int] | None:
    """Hours in which some limited parameter has a sufficient mean, and those in which one passes its limit.

    None without any such hour: no share of hours, not one of 0 %.
    """
    limited = [(row, limit) for row in rows for limit in row.limits if judges_hours(station, limit)]
    if station.kind != "wastewater" or not limited:
        return None
    settings = contracts.monitoring.settings
    valid, over = set(), set()
    for row, limit in limited:
        for hour, mean in row.means.good_hours(settings.sufficient_share).items():
            valid.add(hour)
            if limit.is_passed(mean, settings.compare_decimals):
                over.add(hour)
    return (len(valid), len(over)) if valid else None


def _doubtful(readings: Readings, flags: Sequence[Flag]) -> int:
    """How many valid readings lie in a flat line or a spike."""
    return len(
        {
            (flag.code, at)
            for flag in flags
            if flag.flag in ("flat_line", "spike")
            for at, (value, status) in readings.by_code[flag.code].items()
            if flag.started_at <= at <= flag.ended_at and status == 0 and value is not None
        }
    )


def park_rows(contracts: Contracts, truths: Sequence[StationTruth]) -> Iterator[Row]:
    """One row per park and day with a station of wastewater or clean water: compliant volume and water supplied in m3.

    A park of whose meters one does not know its day has no supply, because the missing one is not zero.
    """
    share = contracts.monitoring.settings.sufficient_share
    volumes: Mapping[tuple[str, date], list[float | None]] = defaultdict(list)
    supplies: Mapping[tuple[str, date], list[float | None]] = defaultdict(list)
    for truth in truths:
        station = truth.readings.station
        found = {"wastewater": volumes, "water_supply": supplies}.get(station.kind)
        for day, rows in truth.rows.items():
            if found is volumes and (rows or station.is_connected):
                volumes[station.park_code, day].append(_compliant_volume(rows))
            elif found is supplies and station.is_connected:
                supplies[station.park_code, day].append(_supplied(rows, share))
    for key in sorted({*volumes, *supplies}):
        known = [volume for volume in volumes.get(key, ()) if volume is not None]
        meters = supplies.get(key, [None])
        yield {
            "park_code": key[0],
            "day": key[1],
            "wastewater_treated_compliant_m3": fsum(known) if known else None,
            "water_supplied_m3_d": None if None in meters else fsum(meter for meter in meters if meter is not None),
        }


def _compliant_volume(rows: Sequence[DayRow]) -> float | None:
    """The day's volume if every limited parameter complied, 0 if one did not; None without a flow or a limit."""
    limited = [row for row in rows if row.shown_limit]
    volume = next((row.volume_m3 for row in rows if row.means.code == "flow"), None)
    if volume is None or not limited:
        return None
    return volume if all(row.is_compliant for row in limited) else 0.0


def _supplied(rows: Sequence[DayRow], share: float) -> float | None:
    """24 times the mean hour of a meter; None below the sufficient share of hours."""
    flow = next((row for row in rows if row.means.code == "flow"), None)
    if flow is None or flow.volume_m3 is None or flow.hours_valid < share * 24:
        return None
    return flow.volume_m3 / flow.hours_valid * 24
