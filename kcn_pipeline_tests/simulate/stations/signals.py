"""What the sensors of a station measure, and the figures they show on a day.

It must not know how a figure is written. The surprising fact: a figure is drawn from the seed, the station, the sensor
and the day alone, so one day can be made without the days before it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from kcn_pipeline_tests.simulate.province import stream

#: Readings a day, one every five minutes.
SLOTS = 288


@dataclass(frozen=True)
class Sensor:
    """One sensor: `code` of the parameter, and its figures in the `unit` in which it is usually written.

    `swing` is the daily cycle and `noise` the wandering, both as shares of `level`; `factor` leads from the written
    unit to the canonical one of the parameter (gases and stack dust: micrograms), `spread` is how far stations differ.
    """

    code: str
    symbol: str
    unit: str
    level: float
    swing: float
    noise: float
    decimals: int
    peak_hour: int = 14
    factor: float = 1.0
    spread: float = 0.15


_WASTEWATER = (
    Sensor("flow", "Flow", "m3/h", 128, 0.25, 0.08, 1, 10),
    Sensor("ph", "pH", "-", 7.1, 0.015, 0.02, 2, spread=0.03),
    Sensor("temp", "Temp", "oC", 27.5, 0.06, 0.02, 1, spread=0.05),
    Sensor("color", "Color", "Pt-Co", 28, 0.1, 0.1, 1),
    Sensor("cod", "COD", "mg/L", 38, 0.15, 0.08, 3, 16),
    Sensor("tss", "TSS", "mg/L", 19, 0.12, 0.1, 2, 11),
    Sensor("nh4", "NH4", "mg/L", 2.1, 0.2, 0.1, 4, 17),
)
#: The inlet of a plant, which few stations measure.
INLET = Sensor("flow_in", "Flow_IN", "m3/h", 131, 0.25, 0.08, 1, 10)
_EMISSION = (
    Sensor("flow", "Flow", "m3/h", 18250, 0.08, 0.04, 1),
    Sensor("temp", "Temp", "oC", 142, 0.03, 0.03, 1),
    Sensor("pressure", "P", "kPa", 101.1, 0.001, 0.004, 2, spread=0.005),
    Sensor("o2", "O2", "%V", 8.4, 0.03, 0.04, 2, spread=0.05),
    Sensor("pm", "PM", "mg/Nm3", 62, 0.1, 0.08, 3, factor=1000),
    Sensor("so2", "SO2", "mg/Nm3", 184, 0.08, 0.06, 2, factor=1000),
    Sensor("no", "NO", "mg/Nm3", 190, 0.08, 0.06, 2, factor=1000),
    Sensor("no2", "NO2", "mg/Nm3", 12.6, 0.08, 0.08, 3, factor=1000),
    Sensor("co", "CO", "mg/Nm3", 150, 0.1, 0.1, 1, factor=1000),
)
_AMBIENT = (
    Sensor("pm10", "PM10", "µg/m3", 48, 0.3, 0.08, 1, 7),
    Sensor("pm25", "PM2,5", "µg/m3", 24, 0.3, 0.08, 2, 7),
    Sensor("no2", "NO2", "µg/m3", 31, 0.3, 0.1, 2, 8),
    Sensor("so2", "SO2", "µg/m3", 14, 0.2, 0.1, 2, 9),
    Sensor("co", "CO", "µg/m3", 820, 0.25, 0.08, 1, 8),
    Sensor("o3", "O3", "µg/m3", 58, 0.45, 0.08, 2, 14),
    Sensor("temp", "Temp", "oC", 28, 0.12, 0.02, 1),
    Sensor("rh", "RH", "%", 68, 0.15, 0.03, 1, 4, spread=0.05),
)
#: A meter in the main of the park's waterworks.
_WATER_SUPPLY = (Sensor("flow", "Flow", "m3/h", 160, 0.3, 0.08, 1, 9),)

#: The sensors of a station by its kind.
SENSORS: Mapping[str, tuple[Sensor, ...]] = {
    "wastewater": _WASTEWATER,
    "emission": _EMISSION,
    "ambient": _AMBIENT,
    "water_supply": _WATER_SUPPLY,
}

_CYCLE = tuple(math.cos(2 * math.pi * slot / SLOTS) for slot in range(SLOTS))


def draw_figures(seed: int, station_id: str, sensor: Sensor, day: date) -> list[float]:
    """The 288 figures of a sensor on a day, in its written unit and rounded as it shows them; each above zero."""
    scale = sensor.level * stream(seed, station_id, sensor.code).uniform(1 - sensor.spread, 1 + sensor.spread)
    random = stream(seed, station_id, sensor.code, day).random
    first, wandering, found = sensor.peak_hour * 12, 0.0, []
    floor = 10.0**-sensor.decimals
    for slot in range(SLOTS):
        wandering = 0.9 * wandering + sensor.noise * (random() - 0.5)
        figure = scale * (1 + sensor.swing * _CYCLE[slot - first] + wandering)
        found.append(round(max(figure, floor), sensor.decimals))
    return found
