"""Reads what FTP servers say about a folder: the facts of MLSD, or the long lines of LIST where there is no MLSD.

It must not ask anything. The surprising fact: the times in long lines are not read, since they have neither seconds nor
a year nor a zone; a server without MLSD is asked for the time of each file.
"""

import re
from datetime import UTC, datetime, timedelta

from kcn_pipeline.landing.errors import FolderError
from kcn_pipeline.landing.station_files.server import Entry, to_text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

#: `-rw-r--r--   1 ftp      ftp           261 Nov 18 00:05 BN_A1_20261118000500.txt`, the group may be missing.
_UNIX = re.compile(rb"([-dlbcps])\S{9,10}\s+\d+\s+\S+\s+(?:\S+\s+)?(\d+)\s+\w{3}\s+\d{1,2}\s+(?:\d\d:\d\d|\d{4})\s(.+)")
#: `11-18-26  12:05AM                  261 BN_A1_20261118000500.txt`, or `<DIR>` in the place of the size.
_DOS = re.compile(rb"\d\d-\d\d-\d\d(?:\d\d)?\s+\d\d:\d\d(?:[AP]M)?\s+(?:<DIR>\s+|(\d+)\s)(.+)", re.IGNORECASE)


def read_facts(content: bytes) -> list[Entry]:
    """The entries of a listing by MLSD (RFC 3659), without the folder itself and the one above it."""
    return [entry for line in content.splitlines() if (entry := _read_facts(line)) is not None]


def read_long_lines(content: bytes) -> list[Entry]:
    """The entries of a listing by LIST, without times; raises FolderError for a form that is not known."""
    lines = [line for line in content.splitlines() if line.strip() and not line.startswith(b"total ")]
    return [entry for line in lines if (entry := _read_long_line(line)).name not in (".", "..")]


def read_time(text: bytes) -> int | None:
    """A time as RFC 3659 writes it, `20261118000512` or with a fraction, in µs since 1970; None when it is none."""
    seconds, _, fraction = text.strip().partition(b".")
    try:
        moment = datetime.strptime(seconds.decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return (moment - _EPOCH) // _MICROSECOND + int(fraction[:6].ljust(6, b"0"))
    except ValueError:
        return None


def _read_facts(line: bytes) -> Entry | None:
    text, _, name = line.partition(b" ")
    facts = {key.lower(): value for key, _, value in (fact.partition(b"=") for fact in text.split(b";"))}
    kind = facts.get(b"type", b"").lower()
    if kind in (b"cdir", b"pdir") or not name:
        return None
    if kind == b"dir":
        return Entry(to_text(name), "folder", identity=facts.get(b"unique"))
    if kind == b"file":
        size = facts.get(b"size", b"")
        return Entry(to_text(name), "file", int(size) if size.isdigit() else None, read_time(facts.get(b"modify", b"")))
    return Entry(to_text(name), "other")


def _read_long_line(line: bytes) -> Entry:
    if found := _UNIX.fullmatch(line):
        kind, size, name = found.groups()
        if kind == b"d":
            return Entry(to_text(name), "folder")
        return Entry(to_text(name), "file", int(size)) if kind == b"-" else Entry(to_text(name), "other")
    if found := _DOS.fullmatch(line):
        size, name = found.groups()
        return Entry(to_text(name), "file", int(size)) if size else Entry(to_text(name), "folder")
    shown = line[:100].decode("utf-8", "backslashreplace")
    raise FolderError(f"is listed in a form that is not known: {shown!r}; ask for a server that offers MLSD")
