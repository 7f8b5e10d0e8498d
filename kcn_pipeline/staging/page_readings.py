"""The readings of one page of a service of measurements, and what in it could not be read.

It must not know how a service writes its pages. The surprising fact: what concerns a page as a whole (a stream or a
unit that no contract knows) is one unread item without a line, however many observations it holds.
"""

import json
import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kcn_pipeline.contracts.monitoring import Monitoring, Resolved, Stream
from kcn_pipeline.staging.readings import show_text
from kcn_pipeline.staging.station_files.lines import read_value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL = timedelta(hours=7)
_LARGEST_NUMBER = 1e20


class UnreadItem(NamedTuple):
    """One observation (`line`, from 1) or a whole page (`line` None) that could not be read, and by which rule."""

    rule: str
    text: str
    station_id: str | None
    line: int | None


@dataclass(frozen=True)
class PageReadings:
    """One row per reading of a page, column by column; `station_id` is that of the page where a contract names one.

    `measured_at` is local (UTC+7) without a zone, in microseconds; `values` are in canonical units, NaN where there is
    none; `lines` are the numbers of the observations in the page, from 1.
    """

    station_id: str | None
    station_ids: list[str]
    parameter_codes: list[str]
    measured_at: npt.NDArray[np.datetime64]
    values: npt.NDArray[np.float64]
    statuses: list[str]
    lines: npt.NDArray[np.int32]
    unread: list[UnreadItem]

    def __len__(self) -> int:
        return len(self.station_ids)


class PageReader:
    """Collects the readings of one page; observations are numbered in the order in which they are handed over."""

    def __init__(self, monitoring: Monitoring, source: str) -> None:
        self.monitoring = monitoring
        self._source = source
        self._station_ids: list[str] = []
        self._parameter_codes: list[str] = []
        self._measured_at = array("q")
        self._values = array("d")
        self._statuses: list[str] = []
        self._lines = array("i")
        self._unread: list[UnreadItem] = []
        self._line = 0

    def parse(self, content: bytes) -> Any:
        """The JSON of a page; None, with an unread item, where there is none."""
        if not content:
            self._unread.append(UnreadItem("empty_payload", "", None, None))
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            self.refuse_page("unreadable_line", content[:1000].decode("utf-8", "backslashreplace"), None)
            return None

    def stream_of(self, stream: str, described: str) -> Stream | None:
        """The station and parameter of a stream; None, with an unread item, where no contract names it."""
        found = self.monitoring.stream(self._source, stream)
        if found is None:
            self.refuse_page("unknown_stream", f"{self._source}: stream {stream} ({described})", None)
        return found

    def read(
        self, stream: Stream, resolved: Resolved, observation: Any, time: Any, result: Any, status: str = "00"
    ) -> None:
        """Take one observation: a reading, or an unread item where its time or its result cannot be read.

        A result that plainly is no number (null, empty, words) and a sentinel are a device error without a value.
        """
        self._line += 1
        at = read_moment(time)
        if at is None:
            self._refuse("unreadable_time", observation, stream)
            return
        value = _read_result(result)
        if value is None:
            self._refuse("unreadable_value", observation, stream)
            return
        if math.isnan(value) or value in self.monitoring.sentinels:
            value, status = math.nan, "02"
        self._station_ids.append(stream.station_id)
        self._parameter_codes.append(resolved.parameter_code)
        self._measured_at.append(at)
        self._values.append(value * resolved.factor + resolved.offset)
        self._statuses.append(status)
        self._lines.append(self._line)

    def refuse(self, rule: str, observation: Any, stream: Stream | None) -> None:
        """Count one observation as unread."""
        self._line += 1
        self._refuse(rule, observation, stream)

    def refuse_page(self, rule: str, text: str, stream: Stream | None) -> None:
        """Count a page, or a part of it, as unread as a whole."""
        self._unread.append(UnreadItem(rule, show_text(text), stream.station_id if stream else None, None))

    def finish(self, station_id: str | None) -> PageReadings:
        """All that was taken."""
        return PageReadings(
            station_id=station_id,
            station_ids=self._station_ids,
            parameter_codes=self._parameter_codes,
            measured_at=np.array(self._measured_at, dtype=np.int64).view("datetime64[us]"),
            values=np.array(self._values, dtype=np.float64),
            statuses=self._statuses,
            lines=np.array(self._lines, dtype=np.int32),
            unread=self._unread,
        )

    def _refuse(self, rule: str, observation: Any, stream: Stream | None) -> None:
        text = json.dumps(observation, ensure_ascii=False)
        self._unread.append(UnreadItem(rule, show_text(text), stream.station_id if stream else None, self._line))


def read_moment(text: Any) -> int | None:
    """An ISO 8601 moment with its zone, or the beginning of an interval of two, in microseconds since 1970, local.

    The beginning, because a mean belongs to the hour and the day that it is a mean of. None for anything else, also
    for a time without zone, which may be off by seven hours, and outside 2000 to 2099.
    """
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.partition("/")[0].strip())
    except ValueError:
        return None
    if moment.tzinfo is None or not 2000 <= moment.year <= 2099:
        return None
    return (moment - _EPOCH + _LOCAL) // datetime.resolution


def text_of(said: Any, key: str) -> str:
    """The text under a key of what should be a mapping; empty where there is none."""
    value = said.get(key) if isinstance(said, Mapping) else None
    return value if isinstance(value, str) else ""


def _read_result(result: Any) -> float | None:
    """The number of a result, NaN where it plainly holds none, None where it cannot be told."""
    if result is None:
        return math.nan
    if isinstance(result, str):
        return read_value(result.strip())
    if isinstance(result, bool) or not isinstance(result, int | float):
        return None
    if isinstance(result, float) and not math.isfinite(result):
        # Some services write NaN and Infinity, which JSON does not have, where a device gave nothing.
        return math.nan
    return float(result) if abs(result) < _LARGEST_NUMBER else None
