"""Reads many station files: a line whose frame was met before costs a split, a look-up and a number.

It must not know what a line means; `lines` does. The surprising fact: all of a line but its value is remembered as it
is written, so a whole night of 230,400 lines asks only some thousand times what symbol, unit, time and status mean.
"""

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from kcn_pipeline.contracts.monitoring import Monitoring
from kcn_pipeline.staging.readings import (
    NO_TIME,
    STATUSES,
    Collected,
    Counts,
    Payloads,
    ReadingColumns,
    Unread,
    convert,
    describe_error,
    show_line,
    show_text,
)
from kcn_pipeline.staging.station_files.exports import WORKBOOKS, read_export
from kcn_pipeline.staging.station_files.lines import Frame, LineReader, is_cut
from kcn_pipeline.staging.station_files.names import read_file_name

_MARK = b"\xef\xbb\xbf"
#: A number that needs no second look: these characters only, and shorter than a time.
_PLAIN = b"0123456789.-"
_LONGEST_PLAIN = 11
#: So many frames are kept; a night of old files has more, and starts anew.
_MOST_FRAMES = 200_000
_SECOND = 1_000_000
#: A status that is missing, among the numbers of STATUSES.
_NO_STATUS = len(STATUSES)


class FileBatch(Protocol):
    """What is read of a batch of payloads: lists side by side, and the number of the first payload in its night."""

    @property
    def source(self) -> str: ...
    @property
    def names(self) -> Sequence[str]: ...
    @property
    def contents(self) -> Sequence[bytes]: ...
    @property
    def sha256(self) -> Sequence[str]: ...
    @property
    def metadata(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def first_row(self) -> int: ...


class StationFileReader:
    """Reads batches of station files into `collected`; `finish` must be called after the last one."""

    def __init__(self, monitoring: Monitoring, collected: Collected) -> None:
        self._monitoring = monitoring
        self._lines = LineReader(monitoring)
        self._sentinels = np.array(monitoring.sentinels, np.float64)
        self._collected = collected
        self._stations: dict[str, int] = {}
        self._file_times: dict[str, int] = {}
        self._forget()

    def _forget(self) -> None:
        """Start with no frame, no reading and no file."""
        self._payloads = Payloads()
        self._frames: list[Frame] = []
        self._numbers: dict[Frame, int] = {}
        # By whether the file has a time and by where the value stands: all of a line but its value → its frame.
        self._known: dict[tuple[bool, int], dict[tuple[bytes, ...], int]] = {
            (has_time, at): {} for has_time in (True, False) for at in (1, 2)
        }
        self._values = array("d")
        self._frame_of = array("i")
        self._line_of = array("i")

    # ---- files -----------------------------------------------------------------------------------------------------

    def read(self, batch: FileBatch) -> None:
        """Read the files of a batch, in order."""
        source = self._collected.sources.number(batch.source)
        unread = self._collected.unread
        for index, (name, content) in enumerate(zip(batch.names, batch.contents, strict=True)):
            station, at, is_readable = self._read_name(name)
            read, failed = len(self._values), len(unread)
            try:
                if content.startswith(WORKBOOKS) and is_readable:
                    # Its rows lie hours before the time at which it was exported, which a name may hold.
                    counts, at = self._read_export(name, content), NO_TIME
                else:
                    counts = self._read_text(content, at != NO_TIME, is_readable)
            except Exception as error:
                # A fault of our own costs this file and not the other 28,799.
                counts = self._give_up(read, failed, error)
            self._payloads.add(source, station, batch.first_row + index, at, counts)
            if len(unread) > failed:
                self._place(failed, station, batch, index)
        if len(self._frames) > _MOST_FRAMES:
            self.finish()

    def _read_name(self, name: str) -> tuple[int, int, bool]:
        """The number of a file's station, the time in its name, and whether the name can be read."""
        head, _, tail = name.rpartition("_")
        station, at = self._stations.get(head), self._file_times.get(tail)
        if station is not None and at is not None:
            return station, at, True
        read = read_file_name(name)
        station = self._collected.stations.number(read.station_id)
        if read.at is None:
            return station, NO_TIME, read.is_readable
        if read_file_name(f"station_{tail}").at == read.at:
            self._stations[head], self._file_times[tail] = station, read.at
        return station, read.at, True

    def _read_text(self, content: bytes, has_time: bool, is_readable: bool) -> Counts:
        if content.startswith(_MARK):
            content = content[len(_MARK) :]
        if not content:
            self._note("empty_payload", b"", None)
            return Counts(0, 0, 0, 0)
        return self._read_lines(content, has_time) if is_readable else self._refuse_lines(content)

    def _give_up(self, read: int, failed: int, error: Exception) -> Counts:
        """Take back what was read of a file from these places on, and say why."""
        del self._values[read:], self._frame_of[read:], self._line_of[read:], self._collected.unread[failed:]
        self._note("internal_error", describe_error(error).encode(), None)
        return Counts(0, 0, 0, 0)

    # ---- lines -----------------------------------------------------------------------------------------------------

    def _read_lines(self, content: bytes, has_time: bool) -> Counts:
        """Read the lines of one file."""
        # Where the first line starts with a time the value is most likely the third column, otherwise the second.
        value_at = 2 if content[:12].isdigit() else 1
        known = self._known[has_time, value_at]
        lines, cut = _split_lines(content, value_at)
        values, frames, numbers = self._values, self._frame_of, self._line_of
        start, blank, number = len(values), 0, 0
        for line in lines:
            number += 1
            parts = line.split(b"\t", value_at + 1)
            try:
                text = parts.pop(value_at)
                value = float(text)
                frame = known[tuple(parts)]
            except (IndexError, ValueError, KeyError):
                blank += self._read_line(line, number, has_time, value_at)
                continue
            if len(text) > _LONGEST_PLAIN or text.translate(None, _PLAIN):
                blank += self._read_line(line, number, has_time, value_at)
                continue
            values.append(value)
            frames.append(frame)
            numbers.append(number)
        if cut:
            number += 1
            self._note("unreadable_line", cut, number)
        readings = len(values) - start
        return Counts(number, readings, number - readings - blank, blank)

    def _read_line(self, line: bytes, number: int, has_time: bool, value_at: int) -> bool:
        """Read one line with all the care it needs and remember its frame; whether it is blank."""
        if not line.strip():
            return True
        read = self._lines.read(line, file_has_time=has_time)
        if isinstance(read, str):
            self._note(read, line, number)
            return False
        frame = self._keep(read.frame, read.value, number)
        if read.value_at == value_at:
            parts = line.split(b"\t", value_at + 1)
            del parts[value_at]
            self._known[has_time, value_at][tuple(parts)] = frame
        return False

    def _keep(self, frame: Frame, value: float, line: int) -> int:
        """Keep one reading; the number of its frame."""
        number = self._numbers.get(frame)
        if number is None:
            number = self._numbers[frame] = len(self._frames)
            self._frames.append(frame)
        self._values.append(value)
        self._frame_of.append(number)
        self._line_of.append(line)
        return number

    def _read_export(self, name: str, content: bytes) -> Counts:
        """Read a workbook, in which every cell counts as a line."""
        export = read_export(self._monitoring, name, content)
        for cell in export.read:
            self._keep(*cell)
        for each in export.unread:
            self._note(each.rule, each.text.encode(), each.row)
        unread = sum(each.row is not None for each in export.unread)
        return Counts(len(export.read) + unread, len(export.read), unread, 0)

    def _refuse_lines(self, content: bytes) -> Counts:
        """Note every line of a file whose name cannot be read as unread."""
        lines = content.split(b"\n")
        if not lines[-1]:
            lines.pop()
        for number, line in enumerate(lines, 1):
            if line.strip():
                self._note("unreadable_file_name", line, number)
        blank = sum(not line.strip() for line in lines)
        return Counts(len(lines), 0, len(lines) - blank, blank)

    def _note(self, rule: str, line: bytes, number: int | None) -> None:
        self._collected.unread.append(Unread(rule, show_line(line), "", "", "", "", number))

    def _place(self, first: int, station: int, batch: FileBatch, index: int) -> None:
        """Say of the unread lines from `first` on in which file they stand."""
        unread = self._collected.unread
        place = (
            self._collected.stations.texts[station],
            batch.source,
            batch.sha256[index],
            show_text(batch.names[index]),
        )
        unread[first:] = [Unread(each.rule, each.text, *place, each.line) for each in unread[first:]]

    # ---- columns ---------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Hand over what was read since the last time."""
        if self._payloads:
            self._collected.payloads.append(self._payloads)
        if self._values:
            self._collected.columns.append(self._to_columns())
        self._forget()

    def _to_columns(self) -> ReadingColumns:
        frame = np.array(self._frame_of)
        of_file, of_frame = self._repeat_files(), self._frame_columns()
        at = of_frame["at"][frame]
        file_at = of_file["at"]
        at = np.where(at == NO_TIME, file_at, at)
        ahead = np.where(file_at == NO_TIME, NO_TIME, (at - file_at) // _SECOND)
        value, status = self._judge(np.array(self._values), of_frame["status"][frame])
        factor, offset = of_frame["factor"][frame], of_frame["offset"][frame]
        return ReadingColumns(
            of_file["station"], of_frame["parameter"][frame], at, convert(value, factor, offset), status, ahead,
            of_file["source"], of_file["row"], np.array(self._line_of),
        )  # fmt: skip

    def _repeat_files(self) -> dict[str, np.ndarray]:
        """Station, time, source and row of each reading's file."""
        payloads, count = self._payloads, np.array(self._payloads.readings)
        columns = {"station": payloads.station, "at": payloads.at, "source": payloads.source, "row": payloads.row}
        return {name: np.repeat(np.array(column), count) for name, column in columns.items()}

    def _frame_columns(self) -> dict[str, np.ndarray]:
        """What the frames say, by the number of the frame."""
        numbers = {status: number for number, status in enumerate(STATUSES)}
        parameters = self._collected.parameters
        return {
            "parameter": np.array([parameters.number(each.parameter_code) for each in self._frames], np.int32),
            "at": np.array([NO_TIME if each.at is None else each.at for each in self._frames], np.int64),
            "status": np.array([numbers.get(each.status or "", _NO_STATUS) for each in self._frames], np.int8),
            "factor": np.array([each.factor for each in self._frames]),
            "offset": np.array([each.offset for each in self._frames]),
        }

    def _judge(self, value: np.ndarray, status: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values with their statuses: a sentinel is a device error without a value, as is no value and no status."""
        is_none, is_sentinel = np.isnan(value), np.isin(value, self._sentinels)
        is_failed = is_sentinel | (is_none & (status == _NO_STATUS))
        status = np.where(status == _NO_STATUS, STATUSES.index("00"), status)
        status = np.where(is_failed, STATUSES.index("02"), status)
        return np.where(is_sentinel, np.nan, value), status.astype(np.int8)


def _split_lines(content: bytes, value_at: int) -> tuple[list[bytes], bytes]:
    """The lines of a file, and its last line where that broke off."""
    lines = content.split(b"\n")
    end = lines.pop()
    if end.strip() and is_cut(lines, end, value_at):
        return lines, end
    return ([*lines, end] if end else lines), b""
