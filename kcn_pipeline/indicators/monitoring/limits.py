"""Which limit holds for a station's parameter on a day: the permit's value first, the regulation's where it is silent.

It must not compare anything. The surprising fact: a permit value whose unit is not known leaves the parameter without
a limit and a finding behind; the regulation may be laxer than the permit and must not stand in for it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, get_args

import pyarrow as pa

from kcn_pipeline.contracts.monitoring import EVERY_STATION, DischargePoint, Monitoring, StationKind
from kcn_pipeline.engine import Engine
from kcn_pipeline.findings import Finding, Place

PERMITS = "register_permit_limits"

_SIDES = [("limit_min", pa.float64()), ("limit_max", pa.float64())]
_HOLDS = [("valid_from", pa.date32()), ("valid_to", pa.date32())]
_PERMIT_SCHEMA = pa.schema(
    [
        ("station_id", pa.string()),
        ("parameter_code", pa.string()),
        *_SIDES,
        ("basis", pa.string()),
        ("is_readable", pa.bool_()),
        *_HOLDS,
    ]
)
_REGULATION_SCHEMA = pa.schema(
    [
        ("point", pa.string()),
        ("kind", pa.string()),
        ("parameter_code", pa.string()),
        ("averaging", pa.string()),
        *_SIDES,
        ("basis", pa.string()),
        *_HOLDS,
    ]
)
_POINT_SCHEMA = pa.schema([("point", pa.string()), ("kind", pa.string()), ("o2_reference_pct", pa.float64()), *_HOLDS])

#: Averaging times that are no part of a single day's judgement.
_LONGER_THAN_A_DAY = {"year"}
#: The averaging time of a permit value at a kind of station for which no setting names one.
_PERMIT_AVERAGING = "24h"


# ---- permits ---------------------------------------------------------------------------------------------------------


def open_permits(engine: Engine, monitoring: Monitoring) -> list[Finding]:
    """Register `permit_limits`, the versions of the register in canonical units; what cannot be read is a finding."""
    columns = "station_id, parameter_code, limit_min, limit_max, unit, regulation, valid_from, valid_to"
    order = "station_id, parameter_code, valid_from NULLS FIRST"
    rows, findings = [], []
    for row in engine.query(f"SELECT {columns} FROM {PERMITS} ORDER BY {order}").to_pylist():
        read = _read_permit(monitoring, row)
        if not read or not read["is_readable"]:
            findings.append(_unreadable(row))
        rows += [read] if read else []
    engine.register("permit_limits", pa.Table.from_pylist(rows, schema=_PERMIT_SCHEMA))
    return findings


def _read_permit(monitoring: Monitoring, row: dict[str, Any]) -> dict[str, Any] | None:
    """The row with the parameter's code and canonical limits; None when the parameter is not known."""
    parameter = monitoring.parameter_of(row["parameter_code"])
    if parameter is None:
        return None
    resolved = monitoring.resolve(row["parameter_code"], row["unit"] or "")
    read = {name: row[name] for name in ("station_id", "valid_from", "valid_to")}
    read |= {"parameter_code": parameter.code, "basis": row["regulation"], "is_readable": not isinstance(resolved, str)}
    if isinstance(resolved, str):
        return {**read, "limit_min": None, "limit_max": None}
    sides = {side: row[side] for side in ("limit_min", "limit_max")}
    return read | {
        side: None if value is None else value * resolved.factor + resolved.offset for side, value in sides.items()
    }


def _unreadable(row: dict[str, Any]) -> Finding:
    said = {"detail": row["station_id"]}
    return Finding("permit_limit_unreadable", "row", PERMITS, Place(), row["parameter_code"], row["unit"], said)


# ---- regulations -----------------------------------------------------------------------------------------------------


def open_regulations(engine: Engine, monitoring: Monitoring, days: Sequence[date]) -> None:
    """Register `regulation_limits` and `points` for the days, and `own_points`, the stations that have rows.

    A `point` is a station with rows of its own among the discharge points, or `*` for all others of a kind.
    """
    own = sorted({one.station for one in monitoring.discharge_points} - {EVERY_STATION})
    engine.register("own_points", pa.table({"station_id": pa.array(own, pa.string())}))
    limits: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    kinds = sorted({one.kind for one in monitoring.discharge_points})
    for first, last in _steady_spans(monitoring, min(days), max(days)):
        for point in (EVERY_STATION, *own):
            for kind in kinds:
                holds = {"point": point, "kind": kind, "valid_from": first, "valid_to": last}
                found = monitoring.point_on(point, kind, first)
                points += [{**holds, "o2_reference_pct": found.o2_reference_pct}] if found else []
                limits += [{**holds, **limit} for limit in _limits_on(monitoring, found, point, kind, first)]
    engine.register("regulation_limits", pa.Table.from_pylist(limits, schema=_REGULATION_SCHEMA))
    engine.register("points", pa.Table.from_pylist(points, schema=_POINT_SCHEMA))


def _limits_on(
    monitoring: Monitoring, found: DischargePoint | None, point: str, kind: str, day: date
) -> Iterator[dict[str, Any]]:
    for limit in monitoring.limits_on(point, kind, day) if found else ():
        if limit.averaging not in _LONGER_THAN_A_DAY:
            yield {
                "parameter_code": limit.parameter,
                "averaging": limit.averaging,
                "limit_min": limit.limit_min,
                "limit_max": limit.limit_max,
                "basis": limit.regulation,
            }


def _steady_spans(monitoring: Monitoring, first: date, last: date) -> Iterator[tuple[date, date]]:
    """The stretches of the days within which no limit and no discharge point begins or ends."""
    dated = [*monitoring.limits, *monitoring.discharge_points]
    begins = {one.valid_from for one in dated if one.valid_from}
    begins |= {one.valid_to + timedelta(days=1) for one in dated if one.valid_to and one.valid_to < date.max}
    starts = [first, *sorted(day for day in begins if first < day <= last)]
    for number, start in enumerate(starts):
        following = starts[number + 1] - timedelta(days=1) if number + 1 < len(starts) else last
        yield start, following


# ---- stations, and what limits them ----------------------------------------------------------------------------------


def open_kinds(engine: Engine, monitoring: Monitoring) -> None:
    """Register `shown`: per kind of station and parameter the unit, its factor and how often readings come."""
    rows = [
        {
            "kind": kind,
            "parameter_code": code,
            "unit": parameter.shown(kind).unit,
            "factor": parameter.shown(kind).factor,
            "is_concentration": parameter.unit == "UG_PER_M3",
            "averaging": monitoring.settings.judged_averaging.get(kind, _PERMIT_AVERAGING),
        }
        for kind in get_args(StationKind)
        for code, parameter in monitoring.parameters.items()
    ]
    fields = {"factor": pa.float64(), "is_concentration": pa.bool_()}
    schema = pa.schema([(name, fields.get(name, pa.string())) for name in rows[0]])
    engine.register("shown", pa.Table.from_pylist(rows, schema=schema))
    engine.register("cadences", _cadences(monitoring))


def _cadences(monitoring: Monitoring) -> pa.Table:
    """Stations and parameters of streams that come at another pace than station files: readings in an hour.

    What is derived comes as often as the rarest of its parts.
    """
    paces = {
        (one.station_id, one.parameter): 60 // one.cadence_minutes for one in monitoring.streams if one.cadence_minutes
    }
    for code, parameter in monitoring.parameters.items():
        for station in {station for station, _ in paces} if parameter.derived else ():
            parts = [paces[station, part.parameter] for part in parameter.derived if (station, part.parameter) in paces]
            if parts and (station, code) not in paces:
                paces[station, code] = min(parts)
    return pa.table(
        {
            "station_id": pa.array([station for station, _ in paces], pa.string()),
            "parameter_code": pa.array([code for _, code in paces], pa.string()),
            "per_hour": pa.array(list(paces.values()), pa.int64()),
        }
    )


def find_limits(engine: Engine) -> None:
    """Materialize `station_days`, `expected_series` and `series_limits` of the table `days`.

    `station_days`: station × day of the register. `expected_series`: what a permit names, and so a connected station
    should send. `series_limits`: station × day × parameter with the limits that hours, 8 hours and days are held
    against, in the shown unit.
    """
    engine.materialize("station_days", _STATION_DAYS)
    engine.materialize("permits_at", _PERMITS_AT)
    engine.materialize("limits_at", _LIMITS_AT)
    engine.materialize("series_limits", _SERIES_LIMITS)
    engine.materialize("expected_series", _EXPECTED_SERIES)


_STATION_DAYS = """
    SELECT v.day, v.station_id, v.park_code, v.kind, v.is_connected, v.point, p.o2_reference_pct
    FROM (
        SELECT d.day, s.station_id, s.park_code, s.kind, s.is_connected,
            CASE WHEN o.station_id IS NULL THEN '*' ELSE s.station_id END AS point,
            ROW_NUMBER() OVER (
                PARTITION BY d.day, s.station_id ORDER BY s.valid_from DESC NULLS LAST) AS place
        FROM register_stations AS s
        JOIN days AS d ON (s.valid_from IS NULL OR s.valid_from <= d.day)
            AND (s.valid_to IS NULL OR s.valid_to >= d.day)
        LEFT JOIN own_points AS o ON o.station_id = s.station_id
    ) AS v
    LEFT JOIN points AS p ON p.point = v.point AND p.kind = v.kind AND v.day BETWEEN p.valid_from AND p.valid_to
    WHERE v.place = 1"""

#: The version of each permit value on each day, in the unit of the station's kind.
_PERMITS_AT = """
    SELECT v.station_id, v.day, v.kind, v.parameter_code, k.averaging, v.basis, v.is_readable,
        ROUND(v.limit_min * k.factor, 9) AS limit_min, ROUND(v.limit_max * k.factor, 9) AS limit_max
    FROM (
        SELECT d.station_id, d.day, d.kind, l.parameter_code, l.limit_min, l.limit_max, l.basis, l.is_readable,
            ROW_NUMBER() OVER (
                PARTITION BY d.station_id, d.day, l.parameter_code ORDER BY l.valid_from DESC NULLS LAST) AS place
        FROM station_days AS d
        JOIN permit_limits AS l ON l.station_id = d.station_id
            AND (l.valid_from IS NULL OR l.valid_from <= d.day) AND (l.valid_to IS NULL OR l.valid_to >= d.day)
        WHERE l.limit_min IS NOT NULL OR l.limit_max IS NOT NULL OR NOT l.is_readable
    ) AS v
    JOIN shown AS k ON k.kind = v.kind AND k.parameter_code = v.parameter_code
    WHERE v.place = 1"""

_LIMITS_AT = """
    SELECT station_id, day, kind, parameter_code, averaging, limit_min, limit_max, basis
    FROM permits_at WHERE is_readable
    UNION ALL
    SELECT d.station_id, d.day, d.kind, r.parameter_code, r.averaging, r.limit_min, r.limit_max, r.basis
    FROM station_days AS d
    JOIN regulation_limits AS r ON r.point = d.point AND r.kind = d.kind AND d.day BETWEEN r.valid_from AND r.valid_to
    WHERE NOT EXISTS (
        SELECT 1 FROM permits_at AS p
        WHERE p.station_id = d.station_id AND p.day = d.day AND p.parameter_code = r.parameter_code)"""

#: Hours of wastewater are held against the limit of its days, which judges nothing but tells how long it was over.
_IS_HOUR = "(averaging = '1h' OR (kind = 'wastewater' AND averaging IN ('day', '24h')))"
_IS_DAY = "averaging IN ('day', '24h')"

_SERIES_LIMITS = f"""
    SELECT v.*, CASE WHEN v.has_day THEN v.day_averaging WHEN v.judges_hours THEN '1h' ELSE '8h' END AS averaging,
        CASE WHEN v.has_day THEN v.day_min WHEN v.judges_hours THEN v.hour_min ELSE v.eight_min END AS limit_min,
        CASE WHEN v.has_day THEN v.day_max WHEN v.judges_hours THEN v.hour_max ELSE v.eight_max END AS limit_max,
        CASE WHEN v.has_day THEN v.day_basis WHEN v.judges_hours THEN v.hour_basis ELSE v.eight_basis END AS basis
    FROM (
        SELECT station_id, day, parameter_code,
            MAX(CASE WHEN averaging = '1h' THEN 1 ELSE 0 END) = 1 AS judges_hours,
            MAX(CASE WHEN averaging = '8h' THEN 1 ELSE 0 END) = 1 AS has_eight,
            MAX(CASE WHEN {_IS_DAY} THEN 1 ELSE 0 END) = 1 AS has_day,
            MAX(CASE WHEN {_IS_HOUR} THEN 1 ELSE 0 END) = 1 AS has_hour,
            MAX(CASE WHEN {_IS_HOUR} THEN limit_min END) AS hour_min,
            MIN(CASE WHEN {_IS_HOUR} THEN limit_max END) AS hour_max,
            MIN(CASE WHEN {_IS_HOUR} THEN basis END) AS hour_basis,
            MAX(CASE WHEN averaging = '8h' THEN limit_min END) AS eight_min,
            MIN(CASE WHEN averaging = '8h' THEN limit_max END) AS eight_max,
            MIN(CASE WHEN averaging = '8h' THEN basis END) AS eight_basis,
            MAX(CASE WHEN {_IS_DAY} THEN limit_min END) AS day_min,
            MIN(CASE WHEN {_IS_DAY} THEN limit_max END) AS day_max,
            MIN(CASE WHEN {_IS_DAY} THEN basis END) AS day_basis,
            MIN(CASE WHEN {_IS_DAY} THEN averaging END) AS day_averaging
        FROM limits_at
        GROUP BY station_id, day, parameter_code
    ) AS v"""

#: A permit that names NOx expects NO and NO2, which is what loggers send.
_EXPECTED_SERIES = """
    SELECT DISTINCT s.station_id, s.day, s.kind, s.park_code, e.parameter_code, e.is_derived, e.needed_for
    FROM station_days AS s
    JOIN (
        SELECT p.station_id, p.day, p.parameter_code, COALESCE(d.is_derived, FALSE) AS is_derived,
            CAST(NULL AS VARCHAR) AS needed_for
        FROM permits_at AS p
        LEFT JOIN (SELECT DISTINCT parameter_code, TRUE AS is_derived FROM derived_parts) AS d
            ON d.parameter_code = p.parameter_code
        UNION
        SELECT p.station_id, p.day, d.part_code, FALSE, p.parameter_code
        FROM permits_at AS p JOIN derived_parts AS d ON d.parameter_code = p.parameter_code
    ) AS e ON e.station_id = s.station_id AND e.day = s.day
    WHERE s.is_connected"""
