"""Which days of stations a night must compute, and why.

It must not compute a day. The surprising fact: a day is computed only when it has ended, so a night leaves its own day
to the next one, and a day of which nobody sent anything is computed too, since silence is a figure.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, Literal

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.base import Contract
from kcn_pipeline.contracts.monitoring import Monitoring
from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.monitoring.days import EIGHT
from kcn_pipeline.indicators.monitoring.limits import PERMITS
from kcn_pipeline.indicators.monitoring.merge import FLAGS_TABLE, READ_SCHEMA, READINGS_TABLE, part_of
from kcn_pipeline.indicators.monitoring.tables import DAYS
from kcn_pipeline.indicators.slices import STAGE, days_of, newest_register, register_without
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.schemas import schema_of

DEFINITIONS = "monitoring_definitions"
STATIONS = "register_stations"

#: Loggers keep the last 60 days (Thông tư 10/2021/TT-BTNMT, read in secondary texts); later a gap is for good.
KEPT_DAYS = 60

Reason = Literal["readings", "ended", "register", "definitions", "day_before", "earlier_attempt"]

#: What of a station and of a permit value the days depend on.
_CONTENT = {
    STATIONS: ("station_id", "park_code", "kind", "is_connected"),
    PERMITS: ("station_id", "parameter_code", "limit_min", "limit_max", "unit", "regulation"),
}
_DEFINITION_SCHEMA = pa.schema([("fingerprint", pa.string()), ("valid_from", pa.date32()), ("valid_to", pa.date32())])
#: What may change without any mean or verdict changing.
_OF_NO_EFFECT = {"label", "source", "confidence", "note", "low", "high", "ranges", "flat_hours", "spike_ratio"}
_SETTINGS = {
    "cadence_minutes",
    "sufficient_share",
    "judged_averaging",
    "load_parameters",
    "flow_parameter",
    "compare_decimals",
    "o2_of_air_pct",
    "o2_correction_max_pct",
}

#: A definition: what it says, and the first and last day it holds.
Definition = tuple[str, date | None, date | None]


@dataclass(frozen=True)
class TouchedDays:
    """The ended days that night `night` computes, by reason; `outside` have readings but lie before the calendar.

    `isolated` are days that have new readings and are not computed, because they hold next to nothing.
    """

    night: str
    reasons: Mapping[Reason, tuple[date, ...]]
    outside: tuple[date, ...] = ()
    isolated: tuple[date, ...] = ()

    @property
    def days(self) -> tuple[date, ...]:
        """The days in order."""
        return tuple(sorted({day for days in self.reasons.values() for day in days}))

    def describe(self) -> str:
        """How many days are computed and why, for a person."""
        texts = [f"{reason}: {len(days)}" for reason, days in self.reasons.items() if days]
        texts += [f"before the calendar, not computed: {len(self.outside)}"] if self.outside else []
        return "; ".join([f"{len(self.days)} days", *texts])


def find_touched_days(lake: Lake, contracts: Contracts, night: str) -> TouchedDays:
    """The days to compute, seen against the last night before it whose definitions were recorded."""
    last = max((one for one in lake.nights(STAGE, DEFINITIONS) if one < night), default=None)
    today = date.fromisoformat(max([night, *lake.nights(STAGE, DEFINITIONS)]))
    measured = days_of(lake.parts("validation", READINGS_TABLE))
    isolated = _find_isolated(lake, contracts, measured)
    covered = _covered(measured - isolated, contracts.calendar.first_day, today)
    changed: dict[Reason, set[date]] = {
        "readings": _arrived(lake, last, night),
        "register": _changed_in_registers(lake, contracts, last, night, covered),
        "definitions": _changed_definitions(lake, contracts.monitoring, last, covered),
    }
    known = days_of(lake.parts(STAGE, DAYS))
    late = changed["readings"] & known
    judged_anew = changed["register"] | changed["definitions"] | (covered - known)
    found: dict[Reason, set[date]] = {
        **changed,
        "ended": covered - known,
        "day_before": _days_after(lake, contracts, judged_anew, late, last),
        "earlier_attempt": days_of(lake.parts(STAGE, DAYS, night)),
    }
    reasons = {reason: tuple(sorted(days & covered)) for reason, days in found.items()}
    outside = {day for day in measured if day < contracts.calendar.first_day}
    fresh = _arrived(lake, last, night) & isolated - covered
    return TouchedDays(night, reasons, tuple(sorted(outside)), tuple(sorted(fresh)))


def _find_isolated(lake: Lake, contracts: Contracts, measured: Collection[date]) -> set[date]:
    """Days with less than an hour of readings and none on the days beside them: a clock that ran wrong for a moment.

    Taken for a day of measuring it would show every other station as silent on it and on the days after.
    """
    beside = (timedelta(days=-1), timedelta(days=1))
    alone = [day for day in measured if not any(day + step in measured for step in beside)]
    least = contracts.monitoring.settings.readings_per_hour
    return {day for day in alone if lake.count("validation", READINGS_TABLE, parts=[part_of(day)]) < least}


def _covered(measured: Collection[date], first_day: date, today: date) -> set[date]:
    """Ended days with readings, and the days after each of them on which nobody sent anything, for as long as loggers
    keep what they could not send: a single reading with a clock of years ago must not make years of silence.
    """
    days = (day for day in measured if first_day <= day < today)
    after = {day + timedelta(days=step) for day in days for step in range(KEPT_DAYS + 1)}
    return {day for day in after if day < today}


def _arrived(lake: Lake, last: str | None, night: str) -> set[date]:
    """Days of which readings or flags were written after night `last`, whether or not some of them were accepted."""
    days: set[date] = set()
    for table in (READINGS_TABLE, FLAGS_TABLE):
        for one in lake.nights("validation", table):
            if (last is None or last < one) and one <= night:
                days |= days_of(lake.parts("validation", table, one))
    return days


def _days_after(
    lake: Lake, contracts: Contracts, days: Collection[date], late: Collection[date], last: str | None
) -> set[date]:
    """The days whose means of 8 hours reach back into one of `days`, or into a `late` evening that changed.

    None where no station has such a limit.
    """
    limits = [row for row in contracts.monitoring.limits if row.averaging == "8h"]
    kinds = {row.kind for row in limits}
    register = [lake.read_slice(path, ["station_id", "kind"]) for path in newest_register(lake, STATIONS)]
    stations = {row["station_id"] for rows in register for row in rows.to_pylist() if row["kind"] in kinds}
    if not stations:
        return set()
    evenings = _late_evenings(lake, late, last, stations, {row.parameter for row in limits})
    return {day + timedelta(days=1) for day in {*days, *evenings}}


def _late_evenings(
    lake: Lake, days: Iterable[date], last: str | None, stations: Collection[str], parameters: Collection[str]
) -> set[date]:
    """Those of the days of which a night after `last` brought some reading of the parameters after 17:00."""
    slices = lake.slices("validation", READINGS_TABLE, parts=[part_of(day) for day in days])
    new = [path for path in slices if last is None or path.stem > f"night={last}"]
    with Engine() as engine:
        engine.register("near_midnight", _pairs(stations, parameters))
        engine.register_slices("arrived", new, READ_SCHEMA)
        found = engine.query(f"""
            SELECT DISTINCT CAST(a.measured_at AS DATE) AS day
            FROM arrived AS a
            JOIN near_midnight AS n ON n.station_id = a.station_id AND n.parameter_code = a.parameter_code
            WHERE EXTRACT(hour FROM a.measured_at) > {24 - EIGHT}""")
    return set(found.column("day").to_pylist())


def _pairs(stations: Collection[str], parameters: Collection[str]) -> pa.Table:
    pairs = [(name, code) for name in sorted(stations) for code in sorted(parameters)]
    names = ("station_id", "parameter_code")
    return pa.table({name: pa.array([pair[i] for pair in pairs], pa.string()) for i, name in enumerate(names)})


# ---- the register ----------------------------------------------------------------------------------------------------


def _changed_in_registers(
    lake: Lake, contracts: Contracts, last: str | None, night: str, days: Iterable[date]
) -> set[date]:
    """Days on which a station or its permit is another one than on night `last`; none without such a night.

    What nights newer than `night` changed they have computed.
    """
    changed: set[date] = set()
    if last is None:
        return changed
    with Engine() as engine:
        engine.register("days", pa.table({"day": pa.array(sorted(days), pa.date32())}))
        for name, content in _CONTENT.items():
            new, old = newest_register(lake, name), register_without(lake, name, last, night)
            if new != old:
                schema = schema_of(contracts.tables[name])
                engine.register_slices("new_rows", new, schema)
                engine.register_slices("old_rows", old, schema)
                changed |= _differing_days(engine, ", ".join(content))
    return changed


def _differing_days(engine: Engine, content: str) -> set[date]:
    """Days on which `new_rows` and `old_rows` say something else."""
    columns = f"{content}, valid_from, valid_to"
    for one, other in (("new_rows", "old_rows"), ("old_rows", "new_rows")):
        engine.materialize(f"only_{one}", f"SELECT {columns} FROM {one} EXCEPT SELECT {columns} FROM {other}")
        engine.materialize(
            f"daily_{one}",
            f"""
            SELECT d.day, {content} FROM only_{one} AS t
            JOIN days AS d ON (t.valid_from IS NULL OR t.valid_from <= d.day)
                AND (t.valid_to IS NULL OR t.valid_to >= d.day)""",
        )
    found = engine.query("""
        SELECT day FROM (SELECT * FROM daily_new_rows EXCEPT SELECT * FROM daily_old_rows) AS a
        UNION SELECT day FROM (SELECT * FROM daily_old_rows EXCEPT SELECT * FROM daily_new_rows) AS b""")
    return set(found.column("day").to_pylist())


# ---- the contracts ---------------------------------------------------------------------------------------------------


def record_definitions(lake: Lake, monitoring: Monitoring, night: str) -> None:
    """Write `indicators/monitoring_definitions` of the night, which marks its days as computed; call it last."""
    rows = [dict(zip(_DEFINITION_SCHEMA.names, one, strict=True)) for one in sorted(_definitions(monitoring), key=repr)]
    lake.replace(STAGE, DEFINITIONS, night, {WHOLE: pa.Table.from_pylist(rows, schema=_DEFINITION_SCHEMA)})


def _changed_definitions(lake: Lake, monitoring: Monitoring, last: str | None, days: Iterable[date]) -> set[date]:
    """Days that some definition holds for which is not as it was on night `last`; none without such a night."""
    recorded = lake.read(STAGE, DEFINITIONS, last) if last else None
    if recorded is None:
        return set()
    before = {tuple(row.values()) for row in recorded.to_pylist()}
    changed = before ^ _definitions(monitoring)
    return {
        day
        for day in days
        if any((first is None or first <= day) and (end is None or day <= end) for _, first, end in changed)
    }


def _definitions(monitoring: Monitoring) -> set[Definition]:
    """Limits and discharge points with their days, and all else as one definition that always holds."""
    dated = {(_print(one), one.valid_from, one.valid_to) for one in (*monitoring.limits, *monitoring.discharge_points)}
    settings = {name: value for name, value in monitoring.settings.model_dump(mode="json").items() if _matters(name)}
    paces = sorted(f"{one.station_id} {one.parameter} {one.cadence_minutes}" for one in monitoring.streams)
    others = [*monitoring.parameters.values(), *monitoring.aqi.breakpoints, *monitoring.aqi.bands]
    always = json.dumps([settings, paces, [_print(one) for one in others]], sort_keys=True)
    return dated | {(sha256(always.encode()).hexdigest()[:16], None, None)}


def _matters(setting: str) -> bool:
    return setting in _SETTINGS or setting.startswith("aqi_")


def _print(model: Contract) -> str:
    said: dict[str, Any] = model.model_dump(mode="json", exclude=_OF_NO_EFFECT)
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
