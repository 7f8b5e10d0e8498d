"""What was collected of a night's monitoring payloads as Arrow tables: readings by day, unread lines, batches.

It must not read a payload. The surprising fact: the sums are held against each other here, so a reader that loses a
line stops the night instead of losing it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kcn_pipeline.schemas import BATCHES, READINGS, UNREAD
from kcn_pipeline.staging.readings import NO_READINGS, NO_TIME, STATUSES, Collected, ReadingColumns, Unread

_DAY = 86_400_000_000
_INT32 = np.iinfo(np.int32)


class LinesLostError(RuntimeError):
    """Lines are not the sum of readings, unread and blank lines: a fault of the pipeline, not of a file."""


# ---- readings --------------------------------------------------------------------------------------------------------


def tabulate_readings(collected: Collected, night: str) -> Iterator[tuple[str, pa.Table]]:
    """`day=2026-11-18` and the readings measured on that day, by station, parameter, time and arrival."""
    columns = _concatenate(collected)
    if not len(columns.at):
        return
    order, days = _sort(collected, columns)
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    for start, end in zip(starts, [*starts[1:], len(days)], strict=True):
        day = date(1970, 1, 1) + timedelta(days=int(days[start]))
        chosen = order[start:end]
        yield f"day={day}", _tabulate(collected, ReadingColumns(*(column[chosen] for column in columns)), night)


def _concatenate(collected: Collected) -> ReadingColumns:
    return ReadingColumns(*map(np.concatenate, zip(NO_READINGS, *collected.columns, strict=True)))


def _sort(collected: Collected, columns: ReadingColumns) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The order of the readings, and their days (since 1970) in that order.

    Within a source readings are in order of arrival already, and the sort is stable.
    """
    parameters = collected.parameters.ranks()
    series = collected.stations.ranks()[columns.station].astype(np.int64) * len(parameters)
    series += parameters[columns.parameter]
    days = columns.at // _DAY
    order = np.lexsort((collected.sources.ranks()[columns.source], columns.at, series, days))
    return order, days[order]


def _tabulate(collected: Collected, columns: ReadingColumns, night: str) -> pa.Table:
    count = len(columns.at)
    has_no_ahead = columns.ahead == NO_TIME
    ahead = np.clip(columns.ahead, _INT32.min, _INT32.max).astype(np.int32)
    return pa.table(
        {
            "station_id": _texts(collected.stations.texts, columns.station),
            "parameter_code": _texts(collected.parameters.texts, columns.parameter),
            "measured_at": pa.array(columns.at, pa.timestamp("us")),
            "value": pa.array(columns.value, mask=np.isnan(columns.value)),
            "status": _texts(STATUSES, columns.status),
            "ahead_s": pa.array(ahead, mask=has_no_ahead),
            "_source": _texts(collected.sources.texts, columns.source),
            "_night": _texts([night], np.zeros(count, np.int8)),
            "_row": pa.array(columns.row),
            "_line": pa.array(columns.line),
        }
    ).cast(_dictionaries(READINGS))


def _texts(texts: Sequence[str], numbers: NDArray[np.integer]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32)), pa.array(texts, pa.string()))


def _dictionaries(schema: pa.Schema) -> pa.Schema:
    """The schema with its texts as dictionaries, which the lake writes as text."""
    text = pa.dictionary(pa.int32(), pa.string())
    return pa.schema([field.with_type(text) if field.type == pa.string() else field for field in schema])


# ---- unread lines ----------------------------------------------------------------------------------------------------


def tabulate_unread(collected: Collected, night: str) -> pa.Table:
    """One row per line, or per payload without any, that could not be read."""
    columns = list(zip(*collected.unread, strict=True)) or [()] * len(Unread._fields)
    rules, texts, stations, sources, payloads, files, lines = columns
    return pa.table(
        {
            "rule": list(rules),
            "text": list(texts),
            "station_id": [station or None for station in stations],
            "_source": list(sources),
            "_night": [night] * len(rules),
            "_payload": list(payloads),
            "_file": list(files),
            "_line": list(lines),
        },
        UNREAD,
    )


# ---- batches ---------------------------------------------------------------------------------------------------------


def tabulate_batches(collected: Collected, night: str) -> pa.Table:
    """One row per source and station; raises LinesLostError where lines are not readings + unread + blank."""
    payloads = {name: _gather(collected, name) for name in ("source", "station", "at", *_COUNTS)}
    groups = _Groups(collected, payloads["source"], payloads["station"])
    of_payload = groups.of(payloads["source"], payloads["station"])
    counts = {name: np.bincount(of_payload, payloads[name], len(groups)).astype(np.int64) for name in _COUNTS}
    columns = _concatenate(collected)
    of_reading = groups.of(columns.source, columns.station)
    _check_sums(collected, groups, counts, of_reading)
    named, ahead = payloads["at"] != NO_TIME, columns.ahead != NO_TIME
    median, farthest = _summarize(columns.ahead[ahead], of_reading[ahead], len(groups))
    arrays = {
        "station_id": pa.array([station or None for station in groups.stations], pa.string()),
        "files": pa.array(np.bincount(of_payload, minlength=len(groups))),
        **{name: pa.array(count) for name, count in counts.items()},
        "first_at": _pick(np.minimum, columns.at, of_reading, len(groups)),
        "last_at": _pick(np.maximum, columns.at, of_reading, len(groups)),
        "first_file_at": _pick(np.minimum, payloads["at"][named], of_payload[named], len(groups)),
        "last_file_at": _pick(np.maximum, payloads["at"][named], of_payload[named], len(groups)),
        "median_ahead_s": median,
        "max_ahead_s": farthest,
        "_source": pa.array(groups.sources, pa.string()),
        "_night": pa.repeat(night, len(groups)),
    }
    return pa.table(arrays).cast(BATCHES)


_COUNTS = ("lines", "readings", "unread", "blank")


class _Groups:
    """The pairs of source and station of which there are payloads, as numbers from 0."""

    def __init__(self, collected: Collected, source: NDArray[np.int64], station: NDArray[np.int64]) -> None:
        self._width = max(len(collected.stations.texts), 1)
        self._keys = np.unique(self._key(source, station))
        self.sources = [collected.sources.texts[key // self._width] for key in self._keys]
        self.stations = [collected.stations.texts[key % self._width] for key in self._keys]

    def __len__(self) -> int:
        return len(self._keys)

    def of(self, source: NDArray[np.integer], station: NDArray[np.integer]) -> NDArray[np.int64]:
        """The group of each pair."""
        return np.searchsorted(self._keys, self._key(source, station))

    def _key(self, source: NDArray[np.integer], station: NDArray[np.integer]) -> NDArray[np.int64]:
        return source.astype(np.int64) * self._width + station


def _gather(collected: Collected, name: str) -> NDArray[np.int64]:
    """One column of all payloads."""
    return np.concatenate([np.empty(0, np.int64), *(np.array(getattr(each, name)) for each in collected.payloads)])


def _check_sums(
    collected: Collected, groups: _Groups, counts: dict[str, NDArray[np.int64]], of_reading: NDArray[np.int64]
) -> None:
    """Whether every line counted is a reading, an unread line or blank, station by station."""
    numbers = {text: number for number, text in enumerate(collected.stations.texts)}
    sources = {text: number for number, text in enumerate(collected.sources.texts)}
    lines = [each for each in collected.unread if each.line is not None]
    of_unread = groups.of(
        np.array([sources[each.source] for each in lines], np.int64),
        np.array([numbers[each.station_id] for each in lines], np.int64),
    )
    readings = np.bincount(of_reading, minlength=len(groups))
    unread = np.bincount(of_unread, minlength=len(groups))
    lost = (
        (readings != counts["readings"])
        | (unread != counts["unread"])
        | (readings + unread + counts["blank"] != counts["lines"])
    )
    if lost.any():
        first = int(np.flatnonzero(lost)[0])
        said = {name: int(count[first]) for name, count in counts.items()}
        raise LinesLostError(
            f"{groups.sources[first]}, station {groups.stations[first]!r}: counted {said}, but there are"
            f" {readings[first]} readings and {unread[first]} unread lines; nothing of this night is staged"
        )


def _pick(best: np.ufunc, times: NDArray[np.int64], group: NDArray[np.int64], count: int) -> pa.Array:
    """The earliest or latest time of each group, null where it has none."""
    found = np.full(count, np.iinfo(np.int64).max if best is np.minimum else np.iinfo(np.int64).min)
    best.at(found, group, times)
    return pa.array(found, pa.timestamp("us"), mask=np.bincount(group, minlength=count) == 0)


def _summarize(ahead: NDArray[np.int64], group: NDArray[np.int64], count: int) -> tuple[pa.Array, pa.Array]:
    """The median of each group and its farthest from 0 either way, null where it has none."""
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group, minlength=count))
    parts = np.split(ahead[order], ends[:-1]) if count else []
    is_none = np.array([not len(part) for part in parts], bool)
    median = np.array([np.median(part) if len(part) else 0.0 for part in parts], np.float64)
    farthest = np.array([np.abs(part).max() if len(part) else 0 for part in parts], np.int64)
    return pa.array(median, mask=is_none), pa.array(farthest, mask=is_none)
