"""Finds the files of a feed below its folder: the folders of the days looked back on, or the whole tree.

It must not read a file. The surprising fact: also the fixed parts of a pattern such as `{station}/%Y/%m/%d` are looked
up in their parents' listings, because many servers do not tell a folder that is missing from one that is forbidden.
"""

import re
import unicodedata
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fnmatch import translate

from fsspec.utils import glob_translate

from kcn_pipeline.contracts.sources import StationFilesFeed
from kcn_pipeline.landing.errors import FolderError, LandingError
from kcn_pipeline.landing.files import LEFT_BEHIND
from kcn_pipeline.landing.station_files.server import Entry, Server, StationFile

#: Deeper than any layout seen; a server that does not tell which folders are the same may have a link in a circle.
_MAX_DEPTH = 20

_PLACEHOLDER = re.compile(r"\{[^{}/]*\}")
_IS_LEFT_BEHIND = re.compile("|".join(translate(pattern) for pattern in LEFT_BEHIND), re.IGNORECASE)


@dataclass(frozen=True)
class Level:
    """One part of the pattern on some days: which names it matches, and the parts below (none: all is wanted)."""

    pattern: re.Pattern[str]
    below: tuple["Level", ...]


@dataclass
class Found:
    """What a walk brought: the files, how many were left aside, and the folders that could not be listed with why.

    `strangers` holds one name that did not match by the key of the feed (`folders`, `include`) that it should match.
    """

    files: list[StationFile] = field(default_factory=list)
    left_behind: int = 0
    strangers: dict[str, str] = field(default_factory=dict)
    refused: list[tuple[str, LandingError]] = field(default_factory=list)


@dataclass(frozen=True)
class _Folder:
    path: str
    name: str
    #: What is wanted of its folders; nothing when it is a folder of a day, of which everything is wanted.
    levels: tuple[Level, ...]
    identity: Hashable
    is_link: bool = False
    depth: int = 0


def find_files(server: Server, root: str, feed: StationFilesFeed, night: str, look_back_days: int) -> Found:
    """The feed's files in no particular order; temporary, hidden and not included ones are counted as left behind.

    Raises LandingError when the root cannot be listed.
    """
    levels = plan_levels(feed.folders, night, look_back_days)
    walk = _Walk(feed.include)
    folders = walk.enter([_Folder(root.rstrip("/"), "", levels, server.root_identity)])
    while folders:
        below: list[_Folder] = []
        answers = server.list_folders([folder.path or "/" for folder in folders])
        for folder, answer in zip(folders, answers, strict=True):
            if not isinstance(answer, LandingError):
                below += walk.take(folder, answer)
            elif folder.depth == 0:
                raise answer
            else:
                walk.found.refused.append((show_name(folder.name), answer))
        folders = walk.enter(below)
    return walk.found


def plan_levels(pattern: str, night: str, look_back_days: int) -> tuple[Level, ...]:
    """The pattern of a feed's folders for a night and the days before it; nothing when there is no pattern."""
    parts = [part for part in pattern.split("/") if part]
    days = [date.fromisoformat(night) - timedelta(days=back) for back in range(look_back_days + 1)]
    return _group({tuple(_to_regex(part, day) for part in parts) for day in days})


def folder_of_day(pattern: str, day: date) -> re.Pattern[str]:
    """What the folders of a day begin with by the pattern of a feed."""
    parts = [part for part in pattern.split("/") if part]
    return re.compile("/".join(_to_regex(part, day) for part in parts) + "/", re.IGNORECASE)


def show_name(name: str) -> str:
    """A name as text: bytes that are not UTF-8 are written as `\\xNN`, since Arrow takes no others."""
    return name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _group(rows: Iterable[tuple[str, ...]]) -> tuple[Level, ...]:
    below: dict[str, set[tuple[str, ...]]] = {}
    for row in rows:
        if row:
            below.setdefault(row[0], set()).add(row[1:])
    return tuple(Level(re.compile(text, re.IGNORECASE), _group(below[text])) for text in sorted(below))


def _to_regex(part: str, day: date) -> str:
    """A part of the pattern as a regular expression: `{…}` is any text, the rest the day as strftime writes it."""
    return "[^/]+".join(re.escape(day.strftime(one_form(text))) for text in _PLACEHOLDER.split(part))


class _Walk:
    """What has been found so far, and which folders are still to be listed."""

    def __init__(self, include: Iterable[str]) -> None:
        self.found = Found()
        globs = "|".join(f"(?:{glob_translate(one_form(glob))})" for glob in include)
        self._is_included = re.compile(globs, re.IGNORECASE).match
        self._entered: set[Hashable] = set()
        self._linked: list[_Folder] = []

    def enter(self, folders: Sequence[_Folder]) -> list[_Folder]:
        """Of the folders just found, those to list next: each only once, however many names it has.

        What links lead to comes last, so that a file is called by its real place where it has one below the root.
        """
        self._linked += [folder for folder in folders if folder.is_link]
        chosen = [folder for folder in folders if not folder.is_link and self._is_new(folder)]
        while self._linked and not chosen:
            chosen = [folder for folder in [self._linked.pop(0)] if self._is_new(folder)]
        return chosen

    def take(self, folder: _Folder, entries: list[Entry]) -> list[_Folder]:
        """Keep the wanted files of a folder; returns the wanted folders in it, in order of name."""
        prefix = f"{folder.name}/" if folder.name else ""
        if not folder.levels:
            self._take_files(f"{folder.path}/", prefix, entries)
        below = []
        for entry in sorted((entry for entry in entries if entry.kind == "folder"), key=lambda entry: entry.name):
            levels = _levels_below(folder.levels, one_form(entry.name))
            if levels is None:
                self.found.strangers.setdefault("folders", show_name(prefix + entry.name))
            elif not _IS_LEFT_BEHIND.match(entry.name):
                path, name = f"{folder.path}/{entry.name}", f"{prefix}{entry.name}"
                below.append(_Folder(path, name, levels, entry.identity, entry.is_link, folder.depth + 1))
        return self._not_too_deep(below)

    def _take_files(self, path: str, prefix: str, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.kind == "folder":
                continue
            name = f"{prefix}{entry.name}"
            if entry.kind == "other" or _IS_LEFT_BEHIND.match(entry.name):
                self.found.left_behind += 1
            elif self._is_included(one_form(name)):
                self.found.files.append(StationFile(path + entry.name, show_name(name), entry.size, entry.modified_us))
            else:
                self.found.left_behind += 1
                self.found.strangers.setdefault("include", show_name(name))

    def _not_too_deep(self, folders: list[_Folder]) -> list[_Folder]:
        if not folders or folders[0].depth <= _MAX_DEPTH:
            return folders
        error = FolderError(f"lies more than {_MAX_DEPTH} folders deep and is not listed; is there a link in a circle?")
        self.found.refused.append((show_name(folders[0].name), error))
        return []

    def _is_new(self, folder: _Folder) -> bool:
        is_new = folder.identity is None or folder.identity not in self._entered
        self._entered.add(folder.identity)
        return is_new


def _levels_below(levels: tuple[Level, ...], name: str) -> tuple[Level, ...] | None:
    """What is wanted below a folder of that name; None when it is not wanted itself."""
    if not levels:
        return ()
    matching = [level for level in levels if level.pattern.fullmatch(name)]
    return tuple(below for level in matching for below in level.below) if matching else None


def one_form(text: str) -> str:
    """One Unicode form for comparing: a pattern typed on one system has to match a name written on another."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
