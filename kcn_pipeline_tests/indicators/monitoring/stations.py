"""Small lakes of stations written by hand: accepted readings, flags and the register as validation leaves them.

It must not compute what the pipeline computes. The surprising fact: a reading stands for itself; a test that wants an
hour of twelve says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.monitoring import DischargePoint, LimitRow, Stream
from kcn_pipeline.indicators.monitoring import MonitoringResult, compute_monitoring
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.schemas import READING_ENCODINGS, READINGS, schema_of

Row = dict[str, Any]

DAY = date(2026, 11, 18)
NEXT_DAY = date(2026, 11, 19)
#: The night after both.
NIGHT = "2026-11-20"
FIVE = timedelta(minutes=5)
NO_PERMITS: tuple[Row, ...] = ()


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A local moment."""
    return datetime(day.year, day.month, day.day, hour, minute)


@dataclass
class Stations:
    """Writes a lake night by night; readings given for a night are all of that night's readings."""

    lake: Lake
    contracts: Contracts
    _readings: dict[str, dict[date, list[Row]]] = field(default_factory=dict)

    def register(self, night: str, *stations: Row, permits: Iterable[Row] = NO_PERMITS) -> None:
        """The state of the register from a night on."""
        for table, rows in (("register_stations", stations), ("register_permit_limits", permits)):
            schema = schema_of(self.contracts.tables[table])
            self.lake.replace("validation", table, night, {WHOLE: pa.Table.from_pylist(list(rows), schema=schema)})

    def read(
        self,
        night: str,
        station_id: str,
        parameter: str,
        start: datetime,
        values: Iterable[float | None],
        status: str = "00",
        step: timedelta = FIVE,
    ) -> None:
        """Readings of a station in canonical units, one every step; None is an empty value with status 02."""
        for number, value in enumerate(values):
            self.add(night, station_id, parameter, start + number * step, value, status)
        self.write(night)

    def add(
        self, night: str, station_id: str, parameter: str, moment: datetime, value: float | None, status: str = "00"
    ) -> None:
        """One reading, to be written with the night's others."""
        row = {
            "station_id": station_id,
            "parameter_code": parameter,
            "measured_at": moment,
            "value": value,
            "status": "02" if value is None else status,
            "_source": "stations",
            "_night": night,
            "_row": 0,
            "_line": 1,
        }
        self._readings.setdefault(night, {}).setdefault(moment.date(), []).append(row)

    def hours(
        self, night: str, station_id: str, parameter: str, day: date, means: Mapping[int, float], n: int = 12
    ) -> None:
        """So many equal readings in each of the given hours."""
        for hour, mean in means.items():
            self.read(night, station_id, parameter, at(day, hour), [mean] * n)

    def day(self, night: str, station_id: str, parameter: str, day: date, value: float) -> None:
        """A whole day of one value."""
        self.read(night, station_id, parameter, at(day, 0), [value] * 288)

    def write(self, night: str) -> None:
        """Write the accepted slices of the night."""
        order = ("station_id", "parameter_code", "measured_at")
        parts = {
            f"day={day}": pa.Table.from_pylist(sorted(rows, key=lambda r: tuple(r[n] for n in order)), schema=READINGS)
            for day, rows in self._readings.get(night, {}).items()
        }
        self.lake.replace("validation", "monitoring_readings", night, parts, READING_ENCODINGS)

    def flag(self, night: str, *rows: Row) -> None:
        """The flags of a night, which hold their days whole."""
        types = {"day": pa.date32(), "started_at": pa.timestamp("us"), "ended_at": pa.timestamp("us")}
        names = ("station_id", "parameter_code", "day", "flag", "started_at", "ended_at")
        schema = pa.schema([(name, types.get(name, pa.string())) for name in names])
        parts: dict[str, list[Row]] = {}
        for row in rows:
            parts.setdefault(f"day={row['started_at'].date()}", []).append({"day": row["started_at"].date(), **row})
        tables = {part: pa.Table.from_pylist(held, schema=schema) for part, held in parts.items()}
        self.lake.replace("validation", "monitoring_flags", night, tables)

    def compute(self, night: str = NIGHT) -> MonitoringResult:
        """What the night does in this stage."""
        return compute_monitoring(self.lake, self.contracts, night)

    # ---- what came out -----------------------------------------------------------------------------------------

    def hours_of(self, station_id: str, parameter: str, day: date = DAY) -> dict[int, Row]:
        """Hours of a series by hour of the day, newest night."""
        rows = self.state("monitoring_hours", day)
        mine = [row for row in rows if (row["station_id"], row["parameter_code"]) == (station_id, parameter)]
        return {row["hour_at"].hour: row for row in mine}

    def day_of(self, station_id: str, parameter: str, day: date = DAY) -> Row:
        """The day of a series, newest night."""
        rows = self.state("monitoring_days", day)
        (row,) = [row for row in rows if (row["station_id"], row["parameter_code"]) == (station_id, parameter)]
        return row

    def station(self, station_id: str, day: date = DAY) -> Row:
        """The measures of a station's day, newest night."""
        (row,) = [row for row in self.state("monitoring_station", day) if row["station_id"] == station_id]
        return row

    def park(self, park_code: str, day: date = DAY) -> Row:
        """The measures of a park's day, newest night."""
        (row,) = [row for row in self.state("monitoring_park", day) if row["park_code"] == park_code]
        return row

    def episodes(self) -> list[Row]:
        """All episodes, newest night of each start day, by station, parameter, averaging and start."""
        parts = self.lake.parts("indicators", "monitoring_episodes")
        found = [row for part in parts for row in self._newest("monitoring_episodes", part)]
        names = ("station_id", "parameter_code", "averaging", "started_at")
        return sorted(found, key=lambda row: tuple(row[name] for name in names))

    def state(self, table: str, day: date) -> list[Row]:
        """The rows of a day, newest night."""
        return self._newest(table, f"day={day}")

    def _newest(self, table: str, part: str) -> list[Row]:
        paths = self.lake.slices("indicators", table, parts=[part])
        if not paths:
            return []
        night = paths[-1].stem.removeprefix("night=")
        rows = self.lake.read("indicators", table, night, [part])
        return [] if rows is None else rows.to_pylist()


def station(station_id: str, kind: str = "wastewater", park_code: str = "QUE_VO", **values: Any) -> Row:
    """A register row of a connected station."""
    row = {"station_id": station_id, "park_code": park_code, "kind": kind, "is_connected": True}
    return {**row, "name_vi": f"Trạm {station_id}", "valid_from": None, "valid_to": None, **values}


def permit(
    station_id: str, parameter: str, limit_max: float | None, limit_min: float | None = None, **values: Any
) -> Row:
    """A register row of a permit limit, in mg/L."""
    row = {"station_id": station_id, "parameter_code": parameter, "limit_max": limit_max, "limit_min": limit_min}
    return {**row, "unit": "mg/L", "regulation": "Permit 12/GPMT", "valid_from": None, "valid_to": None, **values}


def change_monitoring(
    stations: Stations,
    points: Iterable[DischargePoint] = (),
    streams: Iterable[tuple[str, str, int]] = (),
    limits: Iterable[LimitRow] = (),
) -> None:
    """Add discharge points, limits and streams (station, parameter, minutes between observations) to the contracts."""
    monitoring = stations.contracts.monitoring
    added = [
        Stream(source="air", stream=code, station_id=name, parameter=code, cadence_minutes=minutes)
        for name, code, minutes in streams
    ]
    changed = replace(
        monitoring,
        discharge_points=(*monitoring.discharge_points, *points),
        streams=(*monitoring.streams, *added),
        limits=(*monitoring.limits, *limits),
    )
    stations.contracts = replace(stations.contracts, monitoring=changed)
