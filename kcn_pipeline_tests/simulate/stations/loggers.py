"""How a logger writes: names of files, folders, the columns of a line, spellings of symbols, units and statuses.

It must not decide a figure. The surprising fact: no two makes agree, and nothing in a file says which make wrote it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

#: Folders below the feed, by the way a receiver sorts them.
FLAT, BY_DATE = "", "{station}/%Y/%m/%d"
BY_MONTH, BY_YEAR = "{station}/%Y/Thang%m/Ngay%d", "{station}/Nam %Y/thang %m/ngay %d"


@dataclass(frozen=True)
class Logger:
    """One make of logger.

    `columns` are those of a line in their order: symbol, value, unit, time, status. `line_time` is the format of the
    time in a line ("" leaves the column empty), `file_time` that in the name. `symbols` replaces the usual symbol of
    a parameter, `units` the usual spelling of a unit; `statuses` are what it writes for 00, 01 and 02.
    """

    name: str
    columns: tuple[str, ...] = ("symbol", "value", "unit", "time", "status")
    folders: str = FLAT
    file_time: str = "%Y%m%d%H%M%S"
    line_time: str = "%Y%m%d%H%M%S"
    ending: str = "\n"
    has_mark: bool = False
    has_last_ending: bool = True
    decimal: str = "."
    symbols: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    statuses: tuple[str, str, str] = ("00", "01", "02")

    @property
    def states_status(self) -> bool:
        """Whether its lines have a column for the status."""
        return "status" in self.columns

    def path(self, station_id: str, moment: datetime) -> str:
        """The path of a file below the feed's folder."""
        name = f"{station_id}_{moment.strftime(self.file_time)}.txt"
        return f"{moment.strftime(self.folders).format(station=station_id)}/{name}" if self.folders else name

    def time_of(self, moment: datetime) -> str:
        """The time as a line states it."""
        return moment.strftime(self.line_time) if self.line_time else ""


LOGGERS: tuple[Logger, ...] = (
    Logger("empty_time", line_time="", ending="\r\n"),
    Logger("by_date", folders=BY_DATE, units={"oC": "°C", "mg/L": "mg/l"}),
    Logger(
        "time_first",
        columns=("time", "symbol", "value", "unit", "status"),
        folders=BY_MONTH,
        file_time="%Y%m%d%H%M",
        line_time="%Y%m%d%H%M",
        symbols={"flow": "FLOW", "color": "COLOR", "pm": "Dust", "nh4": "Amoni"},
        statuses=("0", "1", "2"),
    ),
    Logger(
        "marked",
        columns=("symbol", "value", "unit", "status", "time"),
        folders=BY_YEAR,
        ending="\r\n",
        has_mark=True,
        has_last_ending=False,
        units={"-": "", "oC": "C", "µg/m3": "ug/m3"},
        symbols={"pm25": "PM2.5"},
    ),
)
