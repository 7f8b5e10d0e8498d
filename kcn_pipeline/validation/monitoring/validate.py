"""One night of monitoring validated: rows day by day, then the series of the touched days, then the batches.

It must not hold a rule. The surprising fact: unread lines are staged rows too; they are quarantined here with the
reason that staging gave, so that lines read = readings + lines in quarantine + blank ones.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.engine import Engine
from kcn_pipeline.findings import Finding, Place, tabulate_findings
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.schemas import READING_ENCODINGS, schema_of
from kcn_pipeline.validation.monitoring import batches, refused, rows, series
from kcn_pipeline.validation.monitoring.outcomes import outcomes_of_readings, outcomes_of_unread
from kcn_pipeline.validation.outcomes import TableResult
from kcn_pipeline.validation.results import nothing_new
from kcn_pipeline.validation.stored import read_as_of_or_first

READINGS_TABLE, UNREAD_TABLE, BATCHES_TABLE = "monitoring_readings", "monitoring_unread_lines", "monitoring_batches"
_UTC_TO_LOCAL = timedelta(hours=7)


@dataclass
class _Tally:
    """What the days of a night add up to."""

    counts: rows.DayCount = field(default_factory=rows.DayCount)
    refused: list[pa.Table] = field(default_factory=list)
    corrections: Counter[str] = field(default_factory=Counter)
    flags: list[pa.Table] = field(default_factory=list)
    last_seen: dict[str, datetime] = field(default_factory=dict)


def validate_monitoring(lake: Lake, contracts: Contracts, night: str) -> tuple[dict[str, TableResult], list[pa.Table]]:
    """Judge the readings that the night staged; write the accepted ones by day, flags, quarantine; return findings."""
    stations = _stations(lake, contracts, night)
    tally = _Tally()
    with Engine() as engine:
        rows.open_rules(engine, contracts, stations)
        newest = _newest_time(lake, night)
        accepted = _accept(engine, lake, contracts, night, newest, tally)
        lake.replace("validation", READINGS_TABLE, night, accepted, READING_ENCODINGS)
        series.open_limits(engine, contracts)
        flags = _flag(engine, lake, contracts, night, tally)
        lake.replace("validation", series.TABLE, night, flags, is_state=True)
    return _conclude(lake, contracts, night, stations, tally)


def _accept(
    engine: Engine, lake: Lake, contracts: Contracts, night: str, newest: datetime, tally: _Tally
) -> Iterator[tuple[str, pa.Table | Path]]:
    """The accepted readings day by day; the rest is noted in the tally. A day without any accepted has no part."""
    for judged in rows.judge_days(engine, lake, contracts, night, newest):
        tally.counts.add(judged.counts)
        tally.corrections.update(judged.corrections)
        if judged.refused.num_rows:
            tally.refused.append(judged.refused)
        if judged.counts.accepted:
            yield f"day={judged.day}", judged.accepted


def _flag(
    engine: Engine, lake: Lake, contracts: Contracts, night: str, tally: _Tally
) -> Iterator[tuple[str, pa.Table]]:
    for flagged in series.flag_days(engine, lake, contracts, night):
        tally.corrections.update(flagged.corrections)
        tally.flags.append(flagged.flags)
        yield f"day={flagged.day}", flagged.flags


def _conclude(
    lake: Lake, contracts: Contracts, night: str, stations: pa.Table, tally: _Tally
) -> tuple[dict[str, TableResult], list[pa.Table]]:
    tables = {table.table: table for table in contracts.topic_tables("monitoring")}
    found: dict[str, list[Finding]] = {name: [] for name in tables}
    found[BATCHES_TABLE] += _judge_batches(lake, contracts, night, stations)
    bad = _quarantine_readings(lake, contracts, night, tally)
    found[READINGS_TABLE] += refused.count_per_station(bad, READINGS_TABLE)
    found[READINGS_TABLE] += [*_tell_corrections(tally), *_tell_flags(tally)]
    unread = _quarantine_unread(lake, contracts, night)
    found[UNREAD_TABLE] += refused.count_per_station(unread, UNREAD_TABLE)
    findings = {name: tabulate_findings(contracts, some) for name, some in found.items()}
    batch_count = lake.count("staging", BATCHES_TABLE, night)
    results = {
        READINGS_TABLE: TableResult(
            READINGS_TABLE, tally.counts.staged, tally.counts.accepted, tally.counts.quarantined,
            tally.counts.accepted, findings[READINGS_TABLE].num_rows,
            outcomes_of_readings(
                tally.counts, findings[READINGS_TABLE], findings[BATCHES_TABLE], _newest_reading(lake, night)
            ),
        ),
        UNREAD_TABLE: TableResult(
            UNREAD_TABLE, unread.num_rows, 0, unread.num_rows, 0, findings[UNREAD_TABLE].num_rows,
            outcomes_of_unread(unread.num_rows, findings[UNREAD_TABLE]),
        ),
        BATCHES_TABLE: nothing_new(lake, tables[BATCHES_TABLE], night, stored=batch_count),
    }  # fmt: skip
    return results, [*findings.values()]


# ---- quarantine ------------------------------------------------------------------------------------------------------


def _quarantine_readings(lake: Lake, contracts: Contracts, night: str, tally: _Tally) -> pa.Table:
    """Write the refused readings with their reasons; returns them."""
    if not tally.refused:
        lake.replace("quarantine", READINGS_TABLE, night, {})
        return _NO_ROWS
    bad = refused.with_files(lake, pa.concat_tables(tally.refused))
    bad = refused.with_reasons(contracts, bad)
    lake.replace("quarantine", READINGS_TABLE, night, {WHOLE: bad})
    return bad


def _quarantine_unread(lake: Lake, contracts: Contracts, night: str) -> pa.Table:
    """Write the lines that staging could not read with their reasons; returns them."""
    unread = lake.read("staging", UNREAD_TABLE, night)
    if unread is None or not unread.num_rows:
        lake.replace("quarantine", UNREAD_TABLE, night, {})
        return _NO_ROWS
    unread = refused.with_reasons(contracts, unread)
    lake.replace("quarantine", UNREAD_TABLE, night, {WHOLE: unread})
    return unread


_NO_ROWS = pa.schema([("_rules", pa.string())]).empty_table()


# ---- what is told ----------------------------------------------------------------------------------------------------


def _judge_batches(lake: Lake, contracts: Contracts, night: str, stations: pa.Table) -> list[Finding]:
    """What is unusual in the night's batches, and who is silent; nothing when no feed of stations was asked."""
    asked = lake.read_feed_log("monitoring", night)
    if asked is None or not asked.num_rows:
        return []
    staged = lake.read("staging", BATCHES_TABLE, night)
    found = batches.judge_batches(lake, contracts, night, staged) if staged is not None and staged.num_rows else []
    return found + batches.find_silent(contracts, night, stations, _last_seen(lake, contracts, night))


def _last_seen(lake: Lake, contracts: Contracts, night: str) -> dict[str, datetime]:
    """Station → its newest reading, over the last days of which the silent hours speak."""
    days = int(contracts.monitoring.settings.silent_hours // 24) + 2
    begins = datetime.fromisoformat(night)
    parts = [f"day={(begins - timedelta(days=back)).date()}" for back in range(days + 1)]
    seen: dict[str, datetime] = {}
    for path in lake.slices("validation", READINGS_TABLE, parts=parts):
        newest = (
            lake.read_slice(path, ["station_id", "measured_at"])
            .group_by("station_id")
            .aggregate([("measured_at", "max")])
        )
        for row in newest.to_pylist():
            seen[row["station_id"]] = max(row["measured_at_max"], seen.get(row["station_id"], datetime.min))
    return seen


def _tell_corrections(tally: _Tally) -> Iterator[Finding]:
    for station, count in sorted(tally.corrections.items()):
        said = {"station": station, "count": count, "found": count, "detail": f"{count} ×", "expected": "—"}
        yield Finding("reading_corrected", "batch", READINGS_TABLE, Place(), "station_id", station, said)


def _tell_flags(tally: _Tally) -> Iterator[Finding]:
    """One finding per station, parameter and flag: how often, and when first."""
    counted: dict[tuple[str, str, str], list[datetime]] = {}
    for flags in tally.flags:
        for row in flags.to_pylist():
            counted.setdefault((row["flag"], row["station_id"], row["parameter_code"]), []).append(row["started_at"])
    for (flag, station, parameter), starts in sorted(counted.items()):
        detail = f"{len(starts)} ×, {min(starts):%Y-%m-%d %H:%M}"
        said = {"station": station, "count": len(starts), "found": parameter, "detail": detail, "expected": "—"}
        yield Finding(flag, "batch", READINGS_TABLE, Place(), parameter, station, said)


# ---- what is read ----------------------------------------------------------------------------------------------------


def _stations(lake: Lake, contracts: Contracts, night: str) -> pa.Table:
    """All versions of the stations in the register, as known on the night or, before the first register, from it on.

    Days are backfilled under nights on which nothing was known yet.
    """
    names = ["station_id", "kind", "is_connected", "valid_from", "valid_to"]
    stored = read_as_of_or_first(lake, "register_stations", night)
    schema = schema_of(contracts.tables["register_stations"])
    return (schema.empty_table() if stored is None else stored).select(names)


def _newest_time(lake: Lake, night: str) -> datetime:
    """The latest time a reading can be of: when the night's last payload came in, or the end of the night's day."""
    ends = datetime.fromisoformat(night) + timedelta(days=1)
    log = lake.read_feed_log("monitoring", night)
    sources = sorted(set(log.column("source").to_pylist())) if log is not None else []
    fetched = [pc.max(lake.payload_names(source, night).column("fetched_at")).as_py() for source in sources]
    times = [one.astimezone(UTC).replace(tzinfo=None) + _UTC_TO_LOCAL for one in fetched if one]
    return min(ends, max(times, default=ends))


def _newest_reading(lake: Lake, night: str) -> datetime | None:
    """The newest accepted reading of the night."""
    parts = lake.parts("validation", READINGS_TABLE, night)
    newest = [
        pc.max(lake.read_slice(path, ["measured_at"]).column("measured_at")).as_py()
        for path in lake.slices("validation", READINGS_TABLE, night, parts[-1:])
    ]
    return max((one for one in newest if one), default=None)
