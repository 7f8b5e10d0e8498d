"""The files of a station: their lines, what each line means, and the bytes.

It must not decide what goes wrong (`traps.py`). The surprising fact: a line carries its meaning beside its text, so the
truth is known without reading a file.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from kcn_pipeline_tests.simulate.stations.loggers import Logger
from kcn_pipeline_tests.simulate.stations.signals import Sensor

VIETNAM = timezone(timedelta(hours=7))
#: A file lies on the server so long after the time in its name.
_SENDING = timedelta(seconds=20)
#: Folders of the two feeds: what comes every five minutes, and what is handed in later on request.
LIVE, RESENT = "live", "resent"


@dataclass(slots=True)
class Line:
    """One line: what the sensor shows at a time, and how that is written down.

    `figure` is in the unit the line states. `texts` replaces columns by other texts, `text` or `raw` the whole line.
    `rule` says why the line or its reading is refused; a blank line has no sensor and no rule.
    """

    sensor: Sensor | None
    at: datetime
    figure: float | None
    status: int = 0
    rule: str = ""
    texts: dict[str, str] | None = None
    text: str | None = None
    raw: bytes | None = None

    @property
    def value(self) -> float | None:
        """The figure in the canonical unit of its parameter."""
        return self.figure * self.sensor.factor if self.sensor and self.figure is not None else None

    def write(self, logger: Logger) -> str:
        """The text of the line, without its end."""
        if self.text is not None or self.sensor is None:
            return self.text or ""
        sensor = self.sensor
        columns = {
            "symbol": logger.symbols.get(sensor.code, sensor.symbol),
            "value": "" if self.figure is None else f"{self.figure:.{sensor.decimals}f}",
            "unit": logger.units.get(sensor.unit, sensor.unit),
            "time": logger.time_of(self.at),
            "status": logger.statuses[self.status],
        }
        if logger.decimal != ".":
            columns["value"] = columns["value"].replace(".", logger.decimal)
        if self.texts:
            columns |= self.texts
        return "\t".join([columns[name] for name in logger.columns])


@dataclass(slots=True)
class StationFile:
    """One file: `moment` is the time in its name; `content` replaces what its lines would make of it.

    `rule` says why the whole file is refused; `source` is the feed that brings it.
    """

    station_id: str
    logger: Logger
    moment: datetime
    lines: list[Line]
    path: str = ""
    modified_at: datetime | None = None
    content: bytes | None = None
    rule: str = ""
    source: str = LIVE

    def __post_init__(self) -> None:
        self.path = self.path or self.logger.path(self.station_id, self.moment)
        self.modified_at = self.modified_at or self.moment + _SENDING

    @property
    def night(self) -> str:
        """The night that lands it: the one after it was written."""
        assert self.modified_at is not None
        return (self.modified_at.date() + timedelta(days=1)).isoformat()

    def to_bytes(self) -> bytes:
        """The file as the logger sends it."""
        if self.content is not None:
            return self.content
        logger = self.logger
        ending = logger.ending.encode()
        content = ending.join([line.raw or line.write(logger).encode() for line in self.lines])
        if logger.has_last_ending:
            content += ending
        return b"\xef\xbb\xbf" + content if logger.has_mark else content


def write_files(folder: Path, files: Iterable[StationFile], by_source: bool = False) -> int:
    """Write files below a folder (or its folder of their feed), each as old as it says; returns how many."""
    made: set[str] = set()
    count = 0
    for file in files:
        target = os.path.join(folder, file.source if by_source else "", file.path)
        if (parent := os.path.dirname(target)) not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        with open(target, "wb") as handle:
            handle.write(file.to_bytes())
        assert file.modified_at is not None
        modified = file.modified_at.replace(tzinfo=VIETNAM).timestamp()
        os.utime(target, (modified, modified))
        count += 1
    return count
