"""Which files a backfill takes: those of its days, by the time in the name, else by the dated folder around it.

It must not say which station a name means; staging does. The surprising fact: the folders of one more day on either
side are listed, because receivers sort by the time a file came in, or by UTC, while the name is the station's own word.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from kcn_pipeline.landing.station_files.server import StationFile
from kcn_pipeline.landing.station_files.walk import folder_of_day, one_form

_DAY = timedelta(days=1)
_LOCAL_TIME = timedelta(hours=7)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: `<station>_<time>` and what receivers put behind it; of two times the last one counts, as it does for staging.
_IN_NAME = re.compile(r".*_([0-9]{8})(?:[0-9]{4}|[0-9]{6})(?:[^0-9A-Za-z].*)?", re.DOTALL)
#: `2025/01/07`, `20250107`, `Nam 2025/thang 01/ngay 07`.
_IN_FOLDERS = re.compile(r".*(?<![0-9])(20[0-9]{2})[^0-9]*([0-9]{2})[^0-9]*([0-9]{2})(?![0-9])", re.DOTALL)


@dataclass(frozen=True)
class Chunk:
    """The days of a backfill, the first and the last included."""

    first: date
    last: date

    @property
    def count(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    def nights_to_list(self) -> tuple[str, int]:
        """The night and look-back whose folders hold the files of the days."""
        return (self.last + _DAY).isoformat(), self.count + 1

    def nights_of_ledger(self, night: str, look_back_days: int) -> tuple[str, str]:
        """The first and last night on which files of the days have landed before, but for some that came very late.

        Those land again and change nothing: the newer night wins.
        """
        last = self.last + (look_back_days + 2) * _DAY
        return min(self.first.isoformat(), night), max(last.isoformat(), night)

    def choose(self, files: Iterable[StationFile], pattern: str) -> list[StationFile]:
        """The files of the days; `pattern` says where the folders of a day lie, if the feed knows."""
        around = [self.first + step * _DAY for step in range(-1, self.count + 1)] if pattern else []
        folders = [(folder_of_day(pattern, day), day) for day in around]
        return [file for file in files if self.first <= _day_of(file, folders) <= self.last]


def _day_of(file: StationFile, folders: Iterable[tuple[re.Pattern[str], date]]) -> date:
    """The local day of a file: by its name, else by its folder, else by when it was last written."""
    folder, _, base = file.name.rpartition("/")
    if (named := _IN_NAME.fullmatch(base)) and (day := _read_day(named[1])):
        return day
    for pattern, day in folders:
        if pattern.match(f"{one_form(folder)}/"):
            return day
    if (dated := _IN_FOLDERS.match(folder)) and (day := _read_day("".join(dated.groups()))):
        return day
    if file.modified_us is None:
        return date.min
    return (_EPOCH + timedelta(microseconds=file.modified_us) + _LOCAL_TIME).date()


@lru_cache(maxsize=10_000)
def _read_day(digits: str) -> date | None:
    try:
        return datetime.strptime(digits, "%Y%m%d").date()
    except ValueError:
        return None
