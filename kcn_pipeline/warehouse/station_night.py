"""What one night publishes of stations, collected from the lake: days, flags, indices, episodes, refused readings.

It must not compute a figure nor write. The surprising fact: of refused readings only the first of each rule are listed,
because one logger with a wrong clock would otherwise bring more rows in a night than the board's reports in ten years.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Table

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.findings import Finding, Place
from kcn_pipeline.lake import Lake
from kcn_pipeline.warehouse.incoming import Rows, iterate_rows
from kcn_pipeline.warehouse.schema import fct_ambient_aqi, fct_exceedance, fct_monitoring_daily, fct_monitoring_flag
from kcn_pipeline.warehouse.stations import DaySlice, StationBatch, Stretch

Row = dict[str, Any]

TOPIC = "monitoring"
_READINGS, _UNREAD = "monitoring_readings", "monitoring_unread_lines"
#: Of the index of a day, what the contracts say of its band.
_OF_BANDS = {"band_vi", "band_en", "rgb"}
_ROWS_AT_A_TIME = 1_000


def collect_stations(lake: Lake, contracts: Contracts, night: str) -> StationBatch:
    """The days and the episodes that the night judged anew."""
    days = _parts(lake, "indicators", "monitoring_days", night)
    daily = _read(lake, "indicators", "monitoring_days", night, _columns(fct_monitoring_daily))
    scope = _read(lake, "indicators", "monitoring_episode_scope", night)
    return StationBatch(
        days={
            fct_monitoring_daily.name: DaySlice(daily, days),
            fct_monitoring_flag.name: DaySlice(_flags(lake, days), days),
            fct_ambient_aqi.name: _indices(lake, contracts, night),
        },
        episodes=_read(lake, "indicators", "monitoring_episodes", night, _columns(fct_exceedance)),
        stretches=[Stretch(**row) for row in iterate_rows(scope)],
    )


def list_parameters(contracts: Contracts) -> list[Row]:
    """The rows of dim_parameter."""
    return [
        {"parameter_code": code, "name_vi": one.label.vi, "name_en": one.label.en, "unit": one.unit}
        for code, one in contracts.monitoring.parameters.items()
    ]


def _columns(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def _parts(lake: Lake, stage: str, table: str, night: str) -> list[date]:
    return [date.fromisoformat(part.removeprefix("day=")) for part in lake.parts(stage, table, night)]


def _read(lake: Lake, stage: str, table: str, night: str, columns: list[str] | None = None) -> Rows:
    """As Arrow and not as dictionaries: a month of 100 stations has 30,000 days."""
    found = lake.read(stage, table, night, columns=columns)
    return () if found is None else found


def _flags(lake: Lake, days: Iterable[date]) -> Iterator[Row]:
    """The newest flags of the days; those of the day that is still running wait until it has ended, as its means do."""
    for day in days:
        for path in lake.slices("validation", "monitoring_flags", parts=[f"day={day}"])[-1:]:
            yield from iterate_rows(lake.read_slice(path, _columns(fct_monitoring_flag)))


def _indices(lake: Lake, contracts: Contracts, night: str) -> DaySlice:
    """The indices of whole days; those of hours stay in the lake."""
    columns = [name for name in _columns(fct_ambient_aqi) if name not in _OF_BANDS]
    bands = {band.code: band for band in contracts.monitoring.aqi.bands}

    def rows() -> Iterator[Row]:
        for row in iterate_rows(_read(lake, "indicators", "monitoring_aqi", night, [*columns, "hour_at"])):
            if row.pop("hour_at") is None:
                band = bands.get(row["band"])
                yield row | {
                    "band_vi": band and band.label.vi,
                    "band_en": band and band.label.en,
                    "rgb": band and ",".join(map(str, band.rgb)),
                }

    return DaySlice(rows(), _parts(lake, "indicators", "monitoring_aqi", night))


# ---- what was refused ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refused:
    """Refused readings and unread lines by table, as far as they are listed, and how many more each rule has."""

    rows: Mapping[str, list[Row]]
    left_out: Mapping[tuple[str, str], int]
    most: int

    @property
    def findings(self) -> list[Finding]:
        """One finding for each table and rule that is not listed whole."""
        return [
            Finding(
                "quarantine_shortened",
                "batch",
                table,
                Place(),
                field="_rules",
                value=rule,
                said={"expected": self.most, "found": count},
            )
            for (table, rule), count in sorted(self.left_out.items())
        ]

    @property
    def unread_payloads(self) -> dict[tuple[str, str], Row]:
        """Payloads (source, name) with an unread line that is listed, and the first such line."""
        return {(row["_source"], row["_file"]): row for row in reversed(self.rows[_UNREAD])}


def list_refused(lake: Lake, contracts: Contracts, night: str) -> Refused:
    """What was refused in the night, of each rule the first rows."""
    most = contracts.monitoring.settings.quarantine_rows_per_rule
    rows: dict[str, list[Row]] = {}
    left_out: dict[tuple[str, str], int] = {}
    for table in (_READINGS, _UNREAD):
        others: Counter[str] = Counter()
        rows[table] = list(_first_of_each_rule(lake, table, night, most, others))
        left_out |= {(table, rule): count for rule, count in others.items()}
    return Refused(rows, left_out, most)


def _first_of_each_rule(lake: Lake, table: str, night: str, most: int, left_out: Counter[str]) -> Iterator[Row]:
    """The first rows of every rule; the others are only counted, without becoming Python objects."""
    counted: Counter[str] = Counter()
    found = lake.read("quarantine", table, night)
    for batch in () if found is None else found.to_batches(max_chunksize=_ROWS_AT_A_TIME):
        rules = {each["values"]: each["counts"] for each in batch.column("_rules").value_counts().to_pylist()}
        if all(counted[rule] >= most for rule in rules):
            left_out.update(rules)
            continue
        for row in batch.to_pylist():
            counted[row["_rules"]] += 1
            if counted[row["_rules"]] <= most:
                yield row
            else:
                left_out[row["_rules"]] += 1


# ---- payloads --------------------------------------------------------------------------------------------------------


def count_readings(lake: Lake, night: str, payloads: Collection[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """How many readings each of some payloads (source, name) gave in the night."""
    numbers = {
        (source, number): (source, name)
        for source in {source for source, _ in payloads}
        for number, name in enumerate(lake.payload_names(source, night).column("name").to_pylist())
        if (source, name) in payloads
    }
    counts: Counter[tuple[str, str]] = Counter()
    for part in lake.parts("staging", _READINGS, night) if numbers else ():
        staged = lake.read("staging", _READINGS, night, [part], columns=["_source", "_row"])
        assert staged is not None
        for row in staged.group_by(["_source", "_row"]).aggregate([([], "count_all")]).to_pylist():
            payload = numbers.get((row["_source"], row["_row"]))
            if payload:
                counts[payload] += row["count_all"]
    return counts
