"""The stations: of which kind, in which park, with which sensors, permit limits and make of logger.

It must not know what happens to a station (`plans.py`). The surprising fact: the code of a station is what stands in
the name of its files before the time, underscores included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from kcn_pipeline_tests.simulate.stations.loggers import LOGGERS, Logger
from kcn_pipeline_tests.simulate.stations.signals import SENSORS, Sensor

LETTERS = {"wastewater": "NT", "emission": "KT", "ambient": "KK", "water_supply": "CN"}
#: Of every ten stations; every tenth is a water meter.
_KINDS = ("wastewater", "emission", "ambient", "wastewater", "emission") * 2
SINCE = date(2022, 1, 1)


@dataclass(frozen=True)
class PermitLimit:
    """A limit of a permit: `symbol` and `unit` as the register writes them, `code` the parameter it is about."""

    code: str
    symbol: str
    low: float | None
    high: float | None
    unit: str
    regulation: str


_COLUMN_A = "QCVN 40:2011/BTNMT cột A"
_COLUMN_B = "QCVN 19:2009/BTNMT cột B"
#: What the permit of a station limits, by kind; the air and the clean water have none.
PERMITS: Mapping[str, tuple[PermitLimit, ...]] = {
    "wastewater": (
        PermitLimit("ph", "pH", 5.5, 9, "pH", _COLUMN_A),
        PermitLimit("cod", "COD", None, 75, "mg/l", _COLUMN_A),
        PermitLimit("tss", "TSS", None, 50, "mg/l", _COLUMN_A),
        PermitLimit("nh4", "NH4", None, 5, "mg/l", _COLUMN_A),
    ),
    "emission": (
        PermitLimit("pm", "PM", None, 160, "mg/Nm3", _COLUMN_B),
        PermitLimit("so2", "SO2", None, 400, "mg/Nm3", _COLUMN_B),
        PermitLimit("nox", "NOx", None, 680, "mg/Nm3", _COLUMN_B),
        PermitLimit("co", "CO", None, 800, "mg/Nm3", _COLUMN_B),
    ),
}


@dataclass(frozen=True, eq=False)
class Station:
    """One station. `valid_from` and `valid_to` bound its registration (both days included).

    `is_registered` is False for one the register does not know, `sends` for one that is silent.
    """

    station_id: str
    kind: str
    park_code: str
    logger: Logger
    sensors: tuple[Sensor, ...]
    limits: tuple[PermitLimit, ...] = ()
    is_connected: bool = True
    valid_from: date = SINCE
    valid_to: date | None = None
    is_registered: bool = True
    sends: bool = True

    def sensor(self, code: str) -> Sensor:
        """The sensor of a parameter; raises StopIteration."""
        return next(sensor for sensor in self.sensors if sensor.code == code)

    def holds_on(self, day: date) -> bool:
        """Whether it is registered on a day."""
        return self.is_registered and self.valid_from <= day <= (self.valid_to or date.max)


def make_station(park_code: str, kind: str, serial: int, logger: Logger) -> Station:
    """A station with every sensor and permit limit of its kind."""
    name = f"{park_code}_{LETTERS[kind]}{serial:02d}"
    return Station(name, kind, park_code, logger, SENSORS[kind], PERMITS.get(kind, ()))


def make_stations(count: int, parks: Sequence[str]) -> list[Station]:
    """That many stations, spread over the parks, the kinds and the makes of loggers; every tenth is a water meter."""
    found: list[Station] = []
    for number in range(count):
        kind = "water_supply" if number % 10 == 9 else _KINDS[number % 10]
        park = parks[number % len(parks)]
        serial = 1 + sum(station.park_code == park and station.kind == kind for station in found)
        found.append(make_station(park, kind, serial, LOGGERS[number // 2 % len(LOGGERS)]))
    return found


def usual_stations(parks: Sequence[str]) -> list[Station]:
    """The wastewater plant of each park and a stack in every second; none sends, the fifth park's are not connected."""
    found = []
    for number, park in enumerate(parks, 1):
        for kind in ("wastewater", "emission") if number % 2 else ("wastewater",):
            limits = PERMITS[kind] if kind == "wastewater" else ()
            name = f"{park}_{LETTERS[kind]}01"
            found.append(
                Station(name, kind, park, LOGGERS[0], SENSORS[kind], limits, is_connected=number != 5, sends=False)
            )
    return found
