"""A night's hours, days, episodes and measures of stations, a bounded number of readings at a time.

It must not know how a mean or a verdict is found. The surprising fact: the state of a day depends on its readings (and
those of the evening before, for means of 8 hours), on the register's newest state and on the contracts, and on nothing
else: not on the night that computes it, nor on the order in which readings came.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.engine import Engine
from kcn_pipeline.findings import FINDING_SCHEMA, Finding, Place, tabulate_findings
from kcn_pipeline.indicators.monitoring import merge, tables
from kcn_pipeline.indicators.monitoring.days import compute_days
from kcn_pipeline.indicators.monitoring.episodes import (
    Linked,
    Row,
    link_stretches,
    list_scope,
    series_of,
    tabulate_episodes,
    tabulate_overruns,
)
from kcn_pipeline.indicators.monitoring.hours import SHOWN_HOURS, compute_hours, open_derived
from kcn_pipeline.indicators.monitoring.limits import PERMITS, find_limits, open_kinds, open_permits, open_regulations
from kcn_pipeline.indicators.monitoring.measures import compute_measures
from kcn_pipeline.indicators.monitoring.merge import DaySlices, part_of
from kcn_pipeline.indicators.monitoring.overruns import find_stretches
from kcn_pipeline.indicators.monitoring.touched import (
    STATIONS,
    Reason,
    TouchedDays,
    find_touched_days,
    record_definitions,
)
from kcn_pipeline.indicators.registers import open_registers
from kcn_pipeline.indicators.slices import STAGE, days_of, newest_days
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.schemas import schema_of

FINDINGS = "monitoring_findings"
#: With two threads' buffers, Arrow tables and Python beside it, a backfill stays below 2 GiB.
MEMORY = "1GB"


@dataclass(frozen=True)
class MonitoringResult:
    """What a night computed: `days` and why, and `episode_days`, the start days whose episodes were found anew.

    `unplaced` readings are of stations that the register does not know on their day, or of unknown parameters;
    `outside` are days with readings before the calendar, which are not computed.
    """

    days: tuple[date, ...]
    reasons: Mapping[Reason, tuple[date, ...]]
    readings: int
    unplaced: int
    hours: int
    day_rows: int
    episode_days: tuple[date, ...]
    episodes: int
    findings: int
    outside: tuple[date, ...] = ()


@dataclass
class _Computed:
    """What the chunks gave, but for the hours, which are written as they come."""

    readings: int = 0
    unplaced: int = 0
    hours: int = 0
    days: dict[str, pa.Table] = field(default_factory=dict)
    stations: dict[str, pa.Table] = field(default_factory=dict)
    parks: dict[str, pa.Table] = field(default_factory=dict)
    stretches: dict[date, list[Row]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def compute_monitoring(lake: Lake, contracts: Contracts, night: str) -> MonitoringResult:
    """Write the tables of `monitoring/tables.py` for every day the night touches; `monitoring_definitions` comes last.

    Needs `validation/monitoring_readings`, `validation/monitoring_flags` and the register of the night.
    """
    touched = find_touched_days(lake, contracts, night)
    computed = _Computed()
    hours = _compute_hours(lake, contracts, touched, computed)
    lake.replace(STAGE, tables.HOURS, night, hours, tables.HOURS_ENCODINGS, is_state=True)
    lake.replace(STAGE, tables.DAYS, night, computed.days, is_state=True)
    lake.replace(STAGE, tables.STATION_DAYS, night, computed.stations, is_state=True)
    lake.replace(STAGE, tables.PARK_DAYS, night, computed.parks, is_state=True)
    linked = _link(lake, night, computed.stretches)
    _write_episodes(lake, night, linked)
    computed.findings += [_tell_isolated(day) for day in touched.isolated]
    findings = tabulate_findings(contracts, computed.findings) if computed.findings else FINDING_SCHEMA.empty_table()
    lake.replace(STAGE, FINDINGS, night, {WHOLE: findings})
    record_definitions(lake, contracts.monitoring, night)
    return MonitoringResult(
        days=touched.days,
        reasons=touched.reasons,
        readings=computed.readings,
        unplaced=computed.unplaced,
        hours=computed.hours,
        day_rows=sum(rows.num_rows for rows in computed.days.values()),
        episode_days=tuple(sorted(linked.episodes)),
        episodes=sum(len(rows) for rows in linked.episodes.values()),
        findings=findings.num_rows,
        outside=touched.outside,
    )


def _tell_isolated(day: date) -> Finding:
    return Finding("day_isolated", "batch", merge.READINGS_TABLE, Place(), "day", day.isoformat(), {"found": day})


# ---- chunks ----------------------------------------------------------------------------------------------------------


def _compute_hours(
    lake: Lake, contracts: Contracts, touched: TouchedDays, computed: _Computed
) -> Iterator[tuple[str, pa.Table]]:
    """The slices of hours, one day after the other; everything else of the days is left in `computed`."""
    if not touched.days:
        return
    with Engine(memory=MEMORY) as engine:
        computed.findings += open_rules(engine, lake, contracts, touched.days)
        for chunk in merge.group_days(lake, touched.days):
            days = [held.day for held in chunk]
            compute_chunk(engine, lake, contracts, chunk)
            _keep(engine, contracts, days, computed)
            for part, rows in _split(engine, "shown_hours", tables.HOURS_SCHEMA, days, "series_day, hour_at").items():
                computed.hours += rows.num_rows
                yield part, rows


def open_rules(engine: Engine, lake: Lake, contracts: Contracts, days: Sequence[date]) -> list[Finding]:
    """Make readable what days are judged by: the register, permits, regulations, units; what is unreadable in them."""
    open_registers(engine, lake, contracts, [STATIONS, PERMITS])
    open_regulations(engine, contracts.monitoring, days)
    open_kinds(engine, contracts.monitoring)
    open_derived(engine, contracts.monitoring)
    return open_permits(engine, contracts.monitoring)


def compute_chunk(engine: Engine, lake: Lake, contracts: Contracts, chunk: Sequence[DaySlices]) -> None:
    """Materialize everything of some days: `hours`, `day_rows`, `station_measures`, `park_measures`, `stretches`."""
    days = [held.day for held in chunk]
    engine.register("days", pa.table({"day": pa.array(days, pa.date32())}))
    find_limits(engine)
    merge.open_readings(engine, chunk)
    merge.open_flags(engine, lake, days)
    before = {day - timedelta(days=1) for day in days} - {*days}
    engine.register_slices("earlier_hours", newest_days(lake, tables.HOURS, before), tables.HOURS_SCHEMA)
    compute_hours(engine, contracts.monitoring)
    engine.define("shown_hours", SHOWN_HOURS)
    compute_days(engine, contracts.monitoring)
    compute_measures(engine, contracts.monitoring)
    find_stretches(engine)


_SERIES_ORDER = "station_id, parameter_code"


def _keep(engine: Engine, contracts: Contracts, days: Sequence[date], computed: _Computed) -> None:
    """Keep all but the hours of a chunk."""
    (counted,) = engine.query(_COUNTED).to_pylist()
    computed.readings += counted["readings"]
    computed.unplaced += counted["readings"] - counted["placed"]
    computed.days |= _split(engine, "day_rows", tables.DAYS_SCHEMA, days, _SERIES_ORDER)
    stations, parks = (schema_of(contracts.tables[name]) for name in (tables.STATION_DAYS, tables.PARK_DAYS))
    computed.stations |= _split(engine, "station_measures", stations, days, "station_id")
    computed.parks |= _split(engine, "park_measures", parks, days, "park_code")
    stretches = engine.query(f"SELECT {', '.join(tables.STRETCH_SCHEMA.names)} FROM stretches")
    computed.stretches |= {day: [] for day in days}
    for row in stretches.cast(tables.STRETCH_SCHEMA).to_pylist():
        computed.stretches[row["day"]].append(row)


_COUNTED = """
    SELECT s.readings, p.placed
    FROM (SELECT CAST(COALESCE(SUM(n_received), 0) AS BIGINT) AS readings FROM sent_hours) AS s,
        (SELECT CAST(COALESCE(SUM(n_received), 0) AS BIGINT) AS placed
            FROM hours AS h JOIN series_days AS d ON d.series_day = h.series_day WHERE NOT d.is_derived) AS p"""


def _split(engine: Engine, name: str, schema: pa.Schema, days: Sequence[date], order: str) -> dict[str, pa.Table]:
    """The rows of a table by day, in order; a day without rows has an empty table."""
    listed = ", ".join(f'"{column}"' for column in schema.names if column != "day")
    rows = engine.query(f"SELECT day, {listed} FROM {name} ORDER BY day, {order}")
    parts = {part_of(day): schema.empty_table() for day in days}
    start = 0
    for counted in rows.column("day").value_counts().to_pylist():
        parts[part_of(counted["values"])] = rows.slice(start, counted["counts"]).select(schema.names).cast(schema)
        start += counted["counts"]
    return parts


# ---- episodes --------------------------------------------------------------------------------------------------------


def _link(lake: Lake, night: str, stretches: Mapping[date, list[Row]]) -> Linked:
    """Join stretches across midnights with what other nights found; days of an earlier attempt are written again."""
    overruns = _StateBefore(lake, tables.OVERRUNS, tables.OVERRUNS_SCHEMA, night)
    episodes = _StateBefore(lake, tables.EPISODES, tables.EPISODES_SCHEMA, night)
    rewritten = {day for state in (overruns, episodes) for day in days_of(lake.parts(STAGE, state.table, night))}
    linked = link_stretches(stretches, overruns.rows_of, episodes.rows_of, rewritten)
    for day in linked.episodes:
        # What an earlier attempt published must be in the scope, too.
        linked.series.setdefault(day, set()).update(series_of(row) for row in episodes.own_rows(day))
    return linked


@dataclass
class _StateBefore:
    """The newest slice of each day of a table that another night than this one wrote, read once."""

    lake: Lake
    table: str
    schema: pa.Schema
    night: str
    _read: dict[date, list[Row]] = field(default_factory=dict)

    def rows_of(self, day: date) -> list[Row]:
        """The rows of the day; none where no other night wrote it."""
        if day not in self._read:
            slices = self.lake.slices(STAGE, self.table, parts=[part_of(day)])
            others = [path for path in slices if path.stem != f"night={self.night}"]
            self._read[day] = self._rows(others[-1]) if others else []
        return self._read[day]

    def own_rows(self, day: date) -> list[Row]:
        """The rows of the day that an earlier attempt of this night wrote."""
        slices = self.lake.slices(STAGE, self.table, self.night, [part_of(day)])
        return [row for path in slices for row in self._rows(path)]

    def _rows(self, path: Path) -> list[Row]:
        return list(self.lake.read_slice(path, self.schema.names).to_pylist())


def _write_episodes(lake: Lake, night: str, linked: Linked) -> None:
    """Write overruns, episodes, and the scope: every series whose episodes of a start day were found anew."""
    overruns = ((part_of(day), tabulate_overruns(rows)) for day, rows in sorted(linked.overruns.items()))
    episodes = ((part_of(day), tabulate_episodes(rows)) for day, rows in sorted(linked.episodes.items()))
    scope = pa.Table.from_pylist(list(list_scope(linked.series)), schema=tables.SCOPE_SCHEMA)
    lake.replace(STAGE, tables.OVERRUNS, night, overruns, is_state=True)
    lake.replace(STAGE, tables.EPISODES, night, episodes, is_state=True)
    lake.replace(STAGE, tables.EPISODE_SCOPE, night, {WHOLE: scope})
