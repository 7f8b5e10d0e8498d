"""The name of a station file: which station sent it, and the time it is about.

It must not look at the folders above: they are sorted in many ways and are a hint, the name is the truth. The
surprising fact: the station's code is all of the name before the time, province and facility included.
"""

import re
import unicodedata
from typing import NamedTuple

from kcn_pipeline.staging.station_files.lines import read_time

#: `<station>_<time>` and what receivers put behind it: `.txt`, ` (1).txt`, `_2.txt`. Of two times the last one counts.
_WITH_TIME = re.compile(r"(?P<station>.*)_(?P<time>[0-9]{14}|[0-9]{12})(?:[^0-9A-Za-z].*)?", re.DOTALL)
#: A date that is written in some other way, or a time that lost digits; no part of a code.
_SOME_TIME = re.compile(r"[0-9]{8}|20[0-9]{2}[-_. ][0-9]{2}[-_. ][0-9]{2}")


class FileName(NamedTuple):
    """What a name says: the station, empty where it does not say it, and the time in microseconds since 1970, local.

    A file whose name `is_readable` and has no time gives each of its lines a time of its own.
    """

    station_id: str
    at: int | None
    is_readable: bool


_UNREADABLE = FileName("", None, False)


def read_file_name(name: str) -> FileName:
    """The station and time of a file named so, with or without folders.

    `BacNinh_KCNYENPHONG_NT01_20261121083000.txt` is station `BacNinh_KCNYENPHONG_NT01`. A name without a time is all
    station; one with a time that is no time is not readable, because nothing could then tell a wrong clock.
    """
    base = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    match = _WITH_TIME.fullmatch(base)
    station = (match["station"] if match else base.rpartition(".")[0] or base).strip()
    if not station.isprintable() or not any(letter.isalnum() for letter in station):
        return _UNREADABLE
    if match is None:
        return _UNREADABLE if _SOME_TIME.search(station) else FileName(station, None, True)
    at = read_time(match["time"])
    return FileName(station, at, at is not None)
