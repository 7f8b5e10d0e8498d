"""What landing asks of a place that holds station files, whatever it speaks.

It must not know any protocol. The surprising fact: every question is about many folders or many files at once, so that
each protocol can keep as many of them under way as it bears; a fault of one is an answer, not an exception.
"""

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple, Protocol

from kcn_pipeline.landing.errors import LandingError


class Entry(NamedTuple):
    """What a folder holds; bytes of a name that are not UTF-8 are surrogates. Size in bytes, time in µs since 1970."""

    name: str
    kind: Literal["file", "folder", "other"]
    size: int | None = None
    modified_us: int | None = None
    #: What two names of one folder have in common, where the place tells.
    identity: Hashable = None
    is_link: bool = False


class StationFile(NamedTuple):
    """A file as it was listed: `path` is what its server wants, `name` the path below the feed's folder."""

    path: str
    name: str
    size: int | None
    modified_us: int | None


class Server(Protocol):
    """An opened place. Whatever goes wrong comes back as a LandingError in the place of the answer."""

    #: The identity of the feed's folder, as `Entry.identity`.
    root_identity: Hashable

    def list_folders(self, folders: Sequence[str]) -> list[list[Entry] | LandingError]:
        """What each folder holds."""

    def fetch(self, files: Sequence[StationFile], limit: int) -> list[bytes | LandingError]:
        """The bytes of each file, at most one more than its size or, where that is unknown, than the limit."""

    def close(self) -> None:
        """Let go of every connection."""


def most_to_read(file: StationFile, limit: int) -> int:
    """How many bytes of a file to ask for: one more than expected, which tells that it has grown."""
    return (limit if file.size is None else file.size) + 1


def to_text(name: bytes) -> str:
    """A name as its server sends it, as text; bytes that are not UTF-8 become surrogates."""
    return name.decode("utf-8", "surrogateescape")


def to_bytes(path: str) -> bytes:
    """A path as its server wants it: the bytes it was made of."""
    return path.encode("utf-8", "surrogateescape")
