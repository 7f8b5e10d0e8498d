"""What one night publishes of stations, collected from the lake: days, flags, indices, episodes, refused readings.

It must not compute a figure nor write. The surprising fact: of tens of thousands of payloads only those with a line
that could not be read are told; the manifest in the lake holds them all.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import Any

from sqlalchemy import Table

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import Lake
from kcn_pipeline.warehouse.incoming import Rows, iterate_rows
from kcn_pipeline.warehouse.refused import Refused, list_refused
from kcn_pipeline.warehouse.schema import fct_ambient_aqi, fct_exceedance, fct_monitoring_daily, fct_monitoring_flag
from kcn_pipeline.warehouse.stations import DaySlice, StationBatch, Stretch

Row = dict[str, Any]

TOPIC = "monitoring"
_READINGS, _UNREAD = "monitoring_readings", "monitoring_unread_lines"
#: Of the index of a day, what the contracts say of its band.
_OF_BANDS = {"band_vi", "band_en", "rgb"}


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


def list_refused_readings(lake: Lake, contracts: Contracts, night: str) -> Refused:
    """The readings and the unread lines that were refused in the night, of each rule the first rows."""
    return list_refused(lake, (_READINGS, _UNREAD), night, contracts.monitoring.settings.quarantine_rows_per_rule)


def find_unread_payloads(refused: Refused) -> dict[tuple[str, str], Row]:
    """Payloads (source, name) with an unread line that is listed, and the first such line."""
    return {(row["_source"], row["_file"]): row for row in reversed(refused.rows[_UNREAD])}


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
