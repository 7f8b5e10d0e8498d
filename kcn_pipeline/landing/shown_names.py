"""What a feed's payloads are called where results are told: by name, or by a number where the name may be a person's.

It must not decide what is told. The surprising fact: a file that cannot be read has no bytes to be called by, so its
place in the sorted listing of its feed is all that can be said of it outside landing.
"""

import errno
import os
import re
from collections.abc import Iterable, Sequence

from kcn_pipeline.contracts.sources import Feed
from kcn_pipeline.secrecy import hide_name, shown_suffix

#: What file systems mean by an exception that carries no number of its own.
_NUMBERS: tuple[tuple[type[Exception], int], ...] = (
    (FileNotFoundError, errno.ENOENT),
    (PermissionError, errno.EACCES),
    (IsADirectoryError, errno.EISDIR),
    (NotADirectoryError, errno.ENOTDIR),
    (TimeoutError, errno.ETIMEDOUT),
    (EOFError, errno.ECONNRESET),
    (ConnectionError, errno.ECONNRESET),
)
#: The code that an answer of an FTP or web server begins with.
_REPLY = re.compile(r"^([1-5]\d\d)\b")


class ShownNames:
    """The names of one feed's files and folders as its results tell them; numbered once they are listed."""

    def __init__(self, feed: Feed) -> None:
        # The payloads of the other ways are called by what the server calls a form or a submission.
        self.are_hidden = feed.holds_personal_data and feed.way == "files"
        self._shown: dict[str, str] = {}
        self._places: dict[str, str] = {}

    def number(self, files: Sequence[str], folders: Iterable[str] = ()) -> None:
        """Number the files in the order they have, and folders by name, as `№3/7.csv` and `№2/4/`."""
        if not self.are_hidden:
            return
        below = sorted(folders)
        for number, name in enumerate(below, start=1):
            self._shown[name] = f"№{number}/{len(below)}/"
            self._places[name] = _say_place(number, len(below), "folders")
        for number, name in enumerate(files, start=1):
            self._shown[name] = f"№{number}/{len(files)}{shown_suffix(name)}"
            self._places[name] = _say_place(number, len(files), "files that the feed takes")

    def show(self, name: str) -> str:
        """What a file or folder is called; a hidden one without a number only by its kind."""
        return self._shown.get(name, f"№?{shown_suffix(name)}") if self.are_hidden else name

    def show_landed(self, sha256: str, name: str) -> str:
        """What a payload whose bytes are known is called; `kcn show` finds it by that."""
        return hide_name(sha256, name) if self.are_hidden else name

    def say_where(self, name: str) -> str:
        """How an engineer finds a hidden file or folder, as the end of a sentence; empty where the name is told."""
        place = self._places.get(name)
        return f"; {place}" if place else ""

    def say_cause(self, error: Exception) -> str:
        """What an exception says, on one line; of a hidden file without the text, which mostly quotes its path."""
        return _say_kind(error) if self.are_hidden else describe_error(error)


def describe_error(error: Exception) -> str:
    """What an exception is called and says, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300]


def _say_place(number: int, count: int, what: str) -> str:
    return f"to find it: number {number} of the {count} {what}, sorted by path (LC_ALL=C sort) below the feed's folder"


def _say_kind(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if not isinstance(number, int) or number not in errno.errorcode:
        number = next((each for kind, each in _NUMBERS if isinstance(error, kind)), None)
    reply = _REPLY.match(str(error))
    status = getattr(error, "status", None) or (reply and reply.group(1))
    said = os.strerror(number) if number is not None else f"the server answers {status}" if status else ""
    return ": ".join(filter(None, (type(error).__name__, said)))
