"""The night's monitoring payloads → `staging/monitoring_readings`, `_unread_lines` and `_batches`.

It must not judge a reading; validation does. The surprising fact: a night's readings lie by the day they were measured,
so what a logger resends after an outage fills as many parts as it was out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.monitoring import Monitoring
from kcn_pipeline.findings import FINDING_SCHEMA
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.schemas import READING_ENCODINGS
from kcn_pipeline.staging.monitoring_tables import tabulate_batches, tabulate_readings, tabulate_unread
from kcn_pipeline.staging.openaq import read_page as read_openaq
from kcn_pipeline.staging.page_readings import PageReadings
from kcn_pipeline.staging.readings import (
    NO_STATION,
    NO_TIME,
    STATUSES,
    Collected,
    Counts,
    Payloads,
    ReadingColumns,
    Unread,
    describe_error,
    show_text,
)
from kcn_pipeline.staging.sensorthings import read_page as read_sensorthings
from kcn_pipeline.staging.station_files import FileBatch, StationFileReader

TOPIC = "monitoring"
READINGS_TABLE, UNREAD_TABLE, BATCHES_TABLE = "monitoring_readings", "monitoring_unread_lines", "monitoring_batches"

STATION_FILES = "monitoring/station_files"
#: What reads a page, by the kind of its feed.
_PAGES: Mapping[str, Callable[[bytes, Mapping[str, Any], str, Monitoring], PageReadings]] = {
    "monitoring/sensorthings": read_sensorthings,
    "monitoring/openaq": read_openaq,
}


@dataclass(frozen=True)
class MonitoringStageResult:
    """What one night's staging of monitoring did: payloads, those without a reading, rows by table, unread, days.

    `findings` counts what could not be read; validation tells it, station by station.
    """

    payloads: int
    rejected: int
    rows: Mapping[str, int]
    findings: int
    days: tuple[str, ...]


def stage_monitoring(
    lake: Lake, contracts: Contracts, night: str, batches: Iterable[FileBatch]
) -> MonitoringStageResult:
    """Read the night's payloads and replace its staging slices; never raises for what a payload holds.

    Readings lie in parts `day=2026-11-18`, sorted by station, parameter, time and arrival.
    """
    collected = read_batches(contracts.monitoring, batches)
    summary, unread = tabulate_batches(collected, night), tabulate_unread(collected, night)
    rows = {READINGS_TABLE: 0, UNREAD_TABLE: unread.num_rows, BATCHES_TABLE: summary.num_rows}
    days: list[str] = []

    def count_rows() -> Iterator[tuple[str, pa.Table]]:
        for part, readings in tabulate_readings(collected, night):
            days.append(part.removeprefix("day="))
            rows[READINGS_TABLE] += readings.num_rows
            yield part, readings

    lake.replace("staging", READINGS_TABLE, night, count_rows(), READING_ENCODINGS)
    lake.replace("staging", UNREAD_TABLE, night, {WHOLE: unread})
    lake.replace("staging", BATCHES_TABLE, night, {WHOLE: summary})
    lake.replace("staging", f"{TOPIC}_findings", night, {WHOLE: FINDING_SCHEMA.empty_table()})
    counts = [count for payloads in collected.payloads for count in payloads.readings]
    return MonitoringStageResult(len(counts), counts.count(0), rows, unread.num_rows, tuple(days))


def read_batches(monitoring: Monitoring, batches: Iterable[FileBatch]) -> Collected:
    """Everything in the batches. A kind of payload that nothing reads is a mistake in the pipeline: ValueError."""
    collected = Collected()
    files, pages = StationFileReader(monitoring, collected), _PageReader(monitoring, collected)
    for batch in batches:
        kind = batch.metadata[0]["kind"] if batch.names else STATION_FILES
        if kind == STATION_FILES:
            files.read(batch)
        elif kind in _PAGES:
            pages.read(batch, _PAGES[kind])
        else:
            raise ValueError(f"payloads of {batch.source} are of kind {kind!r}, which staging does not read")
    files.finish()
    return collected


class _PageReader:
    """Puts pages of services into `collected`."""

    def __init__(self, monitoring: Monitoring, collected: Collected) -> None:
        self._monitoring = monitoring
        self._collected = collected
        self._payloads = Payloads()
        collected.payloads.append(self._payloads)

    def read(self, batch: FileBatch, read_page: Callable[..., PageReadings]) -> None:
        """Read the pages of a batch, in order."""
        source = self._collected.sources.number(batch.source)
        for index, (name, content) in enumerate(zip(batch.names, batch.contents, strict=True)):
            origin = (batch.source, batch.sha256[index], show_text(name))
            row = batch.first_row + index
            try:
                page = read_page(content, batch.metadata[index], name, self._monitoring)
            except Exception as error:
                # A fault of our own costs this page and not the night.
                unread = [Unread("internal_error", show_text(describe_error(error)), NO_STATION, *origin, None)]
                self._count(source, row, NO_STATION, np.empty(0, np.int32), unread)
                continue
            unread = [Unread(each.rule, each.text, each.station_id or "", *origin, each.line) for each in page.unread]
            stations = self._keep(page, source, row)
            self._count(source, row, page.station_id or NO_STATION, stations, unread)

    def _keep(self, page: PageReadings, source: int, row: int) -> NDArray[np.int32]:
        """Keep the readings of a page; the numbers of their stations."""
        names, count = self._collected, len(page)
        columns = ReadingColumns(
            station=np.array([names.stations.number(station) for station in page.station_ids], np.int32),
            parameter=np.array([names.parameters.number(code) for code in page.parameter_codes], np.int32),
            at=page.measured_at.view(np.int64),
            value=page.values,
            status=np.array([STATUSES.index(status) for status in page.statuses], np.int8),
            ahead=np.full(count, NO_TIME, np.int64),
            source=np.full(count, source, np.int32),
            row=np.full(count, row, np.int32),
            line=page.lines,
        )
        self._collected.columns.append(columns)
        return columns.station

    def _count(
        self, source: int, row: int, page_station: str, stations: NDArray[np.int32], unread: Sequence[Unread]
    ) -> None:
        """Count the page once for every station that it tells of; an observation is a line."""
        self._collected.unread += unread
        number = self._collected.stations.number
        failed = [number(each.station_id) for each in unread if each.line is not None]
        for station in sorted({number(page_station), *stations.tolist(), *failed}):
            readings, lines = int((stations == station).sum()), failed.count(station)
            self._payloads.add(source, station, row, NO_TIME, Counts(readings + lines, readings, lines, 0))
