"""The stations of the tracked sample: who they are, how each writes, and what happens to them.

It must not know how a thing happens (`events.py`). The surprising fact: git keeps no times of files, so nothing here
may depend on which of two files of one feed is newer; corrected figures come by the feed of what is handed in later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from kcn_pipeline_tests.simulate.stations import events as on
from kcn_pipeline_tests.simulate.stations import traps
from kcn_pipeline_tests.simulate.stations.files import RESENT
from kcn_pipeline_tests.simulate.stations.fleet import PERMITS, Station
from kcn_pipeline_tests.simulate.stations.loggers import BY_DATE, FLAT, LOGGERS, Logger
from kcn_pipeline_tests.simulate.stations.plans import Fleet
from kcn_pipeline_tests.simulate.stations.signals import INLET, SENSORS, Sensor
from kcn_pipeline_tests.simulate.stations.tape import READ, REFUSED

#: The last days of a month and quarter, and the first of the next.
DAYS = (date(2026, 6, 29), date(2026, 6, 30), date(2026, 7, 1))

_EMPTY_TIME, _BY_DATE, _TIME_FIRST, _MARKED = LOGGERS
_NO_STATUS = Logger(
    "no_status", ("symbol", "value", "unit", "time"), FLAT, decimal=",", ending="\r\n", symbols={"pm": "Dust"}
)
_NO_UNIT = Logger("no_unit", ("symbol", "value", "time", "status"), BY_DATE, symbols={"flow": "FlowOut"})
_SHORT = Logger("short", ("symbol", "value", "time"), FLAT, file_time="%Y%m%d%H%M")


def sample_fleet() -> Fleet:
    """The stations of the sample, their three days, and what happens to them."""
    return Fleet(sample_stations(), DAYS, sample_plan())


def sample_stations() -> list[Station]:
    """Eight stations that send, one that is silent, one that is not connected, and one that nobody knows."""
    water = _sensors("wastewater", "flow", "ph", "cod", "tss", "nh4")
    stack = _sensors("emission", "flow", "o2", "pm", "so2", "no", "no2", "co")
    air = _sensors("ambient", "pm10", "pm25", "no2", "so2", "co", "o3")
    meter = SENSORS["water_supply"]
    return [
        _station("QUE_VO", "NT01", "wastewater", _EMPTY_TIME, (*water, *_sensors("wastewater", "temp"))),
        _station("VSIP_BN", "NT01", "wastewater", _BY_DATE, (INLET, *water)),
        _station("YEN_PHONG", "NT01", "wastewater", _TIME_FIRST, (*water, *_sensors("wastewater", "color"))),
        _station("QUE_VO", "KT01", "emission", _MARKED, stack),
        _station("YEN_PHONG", "KT01", "emission", _NO_STATUS, stack),
        _station("VSIP_BN", "KK01", "ambient", _BY_DATE, air),
        _station("QUE_VO", "CN01", "water_supply", _NO_UNIT, meter),
        replace(_station("TIEN_SON", "CN01", "water_supply", _SHORT, meter), valid_from=DAYS[1]),
        replace(_station("TIEN_SON", "NT01", "wastewater", _EMPTY_TIME, water), sends=False),
        replace(_station("QUANG_CHAU", "NT01", "wastewater", _EMPTY_TIME, water), is_connected=False),
        replace(_station("KHONG_RO", "NT09", "wastewater", _EMPTY_TIME, water), is_registered=False),
    ]


def _station(park: str, name: str, kind: str, logger: Logger, sensors: Sequence[Sensor]) -> Station:
    return Station(f"{park}_{name}", kind, park, logger, tuple(sensors), PERMITS.get(kind, ()))


def _sensors(kind: str, *codes: str) -> tuple[Sensor, ...]:
    return tuple(sensor for code in codes for sensor in SENSORS[kind] if sensor.code == code)


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of the first, second or third day; hour 24 is midnight."""
    return datetime.combine(DAYS[day - 1], datetime.min.time()) + timedelta(hours=hour, minutes=minute)


def sample_plan() -> Mapping[str, Sequence[on.Event]]:
    """What happens to each station, in the order in which it is done to the files."""
    return {
        "QUE_VO_NT01": [*_spoiled_files(), *_wastewater_over()],
        "VSIP_BN_NT01": _outages(),
        "YEN_PHONG_NT01": _suspicious(),
        "QUE_VO_KT01": _emission_over(),
        "YEN_PHONG_KT01": _without_status(),
        "VSIP_BN_KK01": _air_over(),
        "QUE_VO_CN01": [*_shapes(), *_names()],
        "TIEN_SON_CN01": [on.drift(_at(2, 0), _at(3, 24), 12)],
        "QUANG_CHAU_NT01": [
            on.keep_only(_at(1, 0), _at(1, 0, 20), "inactive_station", "a station that is not connected")
        ],
        "KHONG_RO_NT09": [on.keep_only(_at(1, 0), _at(1, 0, 15), "unknown_station", "a station nobody knows")],
    }


def _spoiled_files() -> list[on.Event]:
    """Every trap of a single file, from three o'clock on the first day."""
    refused = (
        traps.garbage,
        traps.cut_line,
        traps.unknown_symbol,
        traps.unknown_unit,
        traps.unknown_status,
        traps.two_separators,
        traps.word_for_value,
        traps.broken_bytes,
        traps.out_of_range,
        traps.below_zero,
        traps.empty_file,
    )
    read = (traps.sentinel, traps.decimal_comma, traps.blank_line, traps.empty_value, traps.failed_zero)
    found = [on.trap(_at(1, 3, 5 * number), one, REFUSED) for number, one in enumerate(refused)]
    return found + [on.trap(_at(1, 4, 5 * number), one, READ) for number, one in enumerate(read)]


def _wastewater_over() -> list[on.Event]:
    return [
        on.calibrate("cod", _at(1, 9), _at(1, 9, 30)),
        on.scale("cod", _at(2, 0), _at(2, 24), 2.6, "day_over", "COD of a day above the permit"),
        on.freeze("tss", _at(3, 2), _at(3, 15)),
        on.resend(_at(1, 10), "_1", timedelta(minutes=7)),
        on.repeat_line(_at(1, 11), "nh4", 1.25),
    ]


def _outages() -> list[on.Event]:
    return [
        on.scale("ph", _at(1, 0), _at(2, 24), 0.7, "days_under", "pH of two days below the lower limit"),
        on.fail("nh4", _at(2, 8), _at(2, 11), "0.00"),
        on.fail("nh4", _at(3, 8), _at(3, 9), ""),
        on.send_sentinels("tss", _at(2, 16), _at(2, 17), "-9999"),
        on.scale("cod", _at(3, 0), _at(3, 24), 3.0, "over_insufficient", "COD above the permit, too few values"),
        on.fail("cod", _at(3, 9), _at(3, 20), "0"),
        on.lose(_at(2, 13), _at(2, 15, 30)),
        on.send_late(_at(3, 5), _at(3, 7), _at(3, 20, 2)),
        on.correct(_at(3, 10), "tss", 1.5, "_sua", timedelta(days=3), RESENT),
        on.correct(_at(3, 10, 5), "tss", 1.5, "_sua", timedelta(days=3), RESENT),
    ]


def _suspicious() -> list[on.Event]:
    return [
        on.leap("cod", _at(1, 14), 6.0),
        on.calibrate("nh4", _at(2, 6), _at(2, 11), is_long=True),
        on.trap(_at(2, 12), traps.impossible_time, REFUSED),
    ]


def _emission_over() -> list[on.Event]:
    return [
        on.scale("so2", _at(1, 10), _at(1, 13), 3.2, "hours_over", "SO2 above the permit for three hours"),
        on.fail("so2", _at(1, 11), _at(1, 11, 30), ""),
        on.scale("so2", _at(2, 22), _at(2, 26), 3.2, "over_midnight", "SO2 above the permit from 22:00 to 02:00"),
        on.trap(_at(1, 3), traps.unknown_unit, REFUSED),
        on.trap(_at(1, 3, 5), traps.impossible_time, REFUSED),
        on.misdate(_at(2, 5), -10, "time_outside_file"),
        on.rename_time(_at(2, 5, 5), datetime(2091, 1, 1), "time_in_future", "a file of the year 2091"),
    ]


def _without_status() -> list[on.Event]:
    return [
        on.scale("no", _at(2, 15), _at(2, 16), 3.2, "hour_over", "NOx above the permit for an hour"),
        on.trap(_at(1, 3), traps.word_for_value, READ),
        on.trap(_at(1, 3, 5), traps.empty_value, READ),
        on.trap(_at(1, 3, 10), traps.two_separators, REFUSED),
    ]


def _air_over() -> list[on.Event]:
    return [
        on.scale("pm25", _at(2, 0), _at(2, 24), 2.6, "air_day_over", "PM2.5 of a day above the limit"),
        on.scale("no2", _at(3, 8), _at(3, 10), 8.5, "air_hours_over", "NO2 above the limit for two hours"),
    ]


def _shapes() -> list[on.Event]:
    """A file in each order of columns, then other times, units and symbols."""
    usual = LOGGERS[1]
    orders = ("PVUTS", "TPVUS", "PVUST", "PVUT", "TPVU", "PVST", "TPVS", "PVT", "TPV")
    names = {"P": "symbol", "V": "value", "U": "unit", "T": "time", "S": "status"}
    loggers = [(order, replace(usual, columns=tuple(names[letter] for letter in order))) for order in orders]
    loggers += [
        ("no_time", replace(usual, line_time="")),
        ("minutes_only", replace(usual, line_time="%Y%m%d%H%M", file_time="%Y%m%d%H%M")),
        ("wrong_unit", replace(usual, units={"m3/h": "m3/L"})),
        ("upper_case", replace(usual, symbols={"flow": "FLOW"}, units={"m3/h": "M3/H"})),
        ("one_digit_status", replace(usual, statuses=("0", "1", "2"))),
        ("mark_and_crlf", replace(usual, has_mark=True, ending="\r\n")),
    ]
    return [
        on.write_otherwise(_at(1, 1, 5 * number), "shape", f"a line written as {name}", logger)
        for number, (name, logger) in enumerate(loggers)
    ]


def _names() -> list[on.Event]:
    return [
        on.rename(_at(1, 3), "QUE_VO_CN01.txt", "name_without_time", "a file whose name has no time"),
        on.rename(_at(1, 3, 5), "QUE_VO_CN01_20260629030500 (1).txt", "name_longer", "a longer name"),
        on.rename(_at(1, 3, 10), "khac/thu muc/QUE_VO_CN01_20260629031000.txt", "folder", "a folder that says nothing"),
        on.rename(
            _at(1, 3, 15), "QUE_VO_CN01_20261332000000.txt", "name_impossible", "a name with an impossible time",
            "unreadable_file_name",
        ),
    ]  # fmt: skip
