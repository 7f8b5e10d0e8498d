"""Lands the files of a folder: a local one, FTP, SFTP, a share, an object store, whatever fsspec opens.

It must not open, judge or unpack a file: a 0-byte file lands too, so that staging can reject it with a message. The
surprising fact: whether a file is new is read from the manifests alone, so a file that was only touched is read again
every night, found to hold the bytes that landed, and counted as unchanged.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.utils import glob_translate

from kcn_pipeline.contracts.sources import FilesFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.errors import FileTooLargeError, FolderError, LandingError
from kcn_pipeline.landing.intake import FeedResult, Intake, mark_personal_data
from kcn_pipeline.landing.secrets import Secrets
from kcn_pipeline.landing.shown_names import ShownNames, describe_error
from kcn_pipeline.landing.store import Ledger, PackWriter, receive

#: Left by office programs, file managers and uploads in progress; never a report.
LEFT_BEHIND = ("~$*", ".*", "*.tmp", "*.part", "*.filepart", "thumbs.db", "desktop.ini")

#: Where file systems say when a file was last changed, most telling first (memory:// has no other than `created`).
_TIME_KEYS = ("mtime", "LastModified", "last_modified", "modify", "modified", "updated", "created")
_ETAG_KEYS = ("ETag", "etag", "md5Hash")

#: Only where the part before `@` is a user; in `abfs://container@account` it is not.
_URL_WITH_USER = re.compile(r"^((?:ftp|sftp|ssh|smb)://)([^/@:]*)(?::([^/@]*))?@(.*)$", re.DOTALL)


@dataclass(frozen=True)
class ListedFile:
    """A file as its folder lists it; `path` is what the file system wants, `name` the path below the feed's folder."""

    path: str
    name: str
    size: int | None
    modified_at: str | None
    etag: str | None


def land_files(lake: Lake, feed: FilesFeed, night: str, base: Path) -> FeedResult:
    """Land the new and changed files of a folder, in order of name; `base` is what a relative URL starts from.

    A file that cannot be read fails the feed with a finding while all others land. Never raises for the folder's fault.
    """
    secrets = Secrets()
    intake = Intake(feed, secrets)
    try:
        folder = _Folder(feed, base, secrets, intake.names)
        listed = folder.list_files(intake)
    except LandingError as error:
        intake.fail(str(error))
        return intake.result()
    ledger = Ledger.read(lake, feed.id)
    fresh = [f for f in listed if not ledger.has_seen(f.name, f.size, f.modified_at, f.etag)]
    intake.unchanged = len(listed) - len(fresh)
    with PackWriter(lake, feed.id, night) as writer:
        for number, file in enumerate(fresh):
            if intake.landed >= feed.max_files:
                left = len(fresh) - number
                intake.skipped += left
                first = intake.names.show(file.name)
                intake.find("too_many_files", feed.id, found=left, expected=feed.max_files, detail=first)
                break
            _land_file(folder, file, intake, ledger, writer)
    return intake.result()


def _land_file(folder: "_Folder", file: ListedFile, intake: Intake, ledger: Ledger, writer: PackWriter) -> None:
    try:
        content = folder.read(file)
    except FileTooLargeError:
        intake.skip_too_large(file.name, file.size)
        return
    except LandingError as error:
        intake.fail_payload(file.name, error)
        return
    payload = receive(
        folder.feed.id,
        file.name,
        folder.origin_of(file),
        content,
        modified_at=file.modified_at,
        etag=file.etag,
        metadata={"kind": folder.feed.kind, "channel": folder.feed.channel} | mark_personal_data(folder.feed),
    )
    intake.take(payload, ledger, writer)


class _Folder:
    """The folder of a feed, opened. Whatever a file system raises leaves here as a LandingError without secrets."""

    def __init__(self, feed: FilesFeed, base: Path, secrets: Secrets, names: ShownNames) -> None:
        self.feed = feed
        self._names = names
        #: Every folder below the root, and those of them that cannot be listed.
        self._folders: list[str] = []
        self._unlisted: list[tuple[str, FolderError]] = []
        self._secrets = secrets
        url, user = _part_user(feed.url)
        self._shown_url = secrets.redact(url.rstrip("/"))
        options = secrets.resolve({**user, **feed.storage_options})
        url = secrets.resolve(url)
        if "://" not in url:
            url = str(base / url)
        try:
            # Without the instance cache, because a cached instance keeps old listings and the secrets it was made with.
            self._fs, root = fsspec.url_to_fs(url, **options, skip_instance_cache=True)
        except Exception as error:
            # Each file system has its own exceptions, and none in common.
            raise self._fault("cannot be opened", describe_error(error)) from None
        self._root = root.rstrip("/")

    def origin_of(self, file: ListedFile) -> str:
        """Where a file came from: the feed's URL as sources.yaml has it, without the user, and the name below it."""
        return f"{self._shown_url}/{file.name}"

    def list_files(self, intake: Intake) -> list[ListedFile]:
        """The feed's files at any depth in order of name, without temporary and hidden ones (counted as skipped).

        Raises FolderError when the folder itself cannot be listed; a folder below it that cannot is a finding.
        """
        self._check_root()
        wanted = [re.compile(glob_translate(_one_form(glob)), re.IGNORECASE) for glob in self.feed.include]
        files = (self._describe(entry) for entry in self._walk(intake))
        included = (file for file in files if any(pattern.match(_one_form(file.name)) for pattern in wanted))
        listed = sorted(included, key=lambda file: file.name)
        self._names.number([file.name for file in listed], self._folders)
        for name, error in self._unlisted:
            intake.fail_payload(name, error)
        return listed

    def read(self, file: ListedFile) -> bytes:
        """The bytes of a file; FileTooLargeError beyond the feed's limit, FolderError when it cannot be read."""
        limit = int(self.feed.max_file_mb * 1e6)
        if file.size is not None and file.size > limit:
            raise FileTooLargeError(f"{file.size} bytes")
        try:
            with self._fs.open(file.path, "rb") as handle:
                # One byte more than allowed: the listed size may be unknown, or old for a file that is being written.
                content: bytes = handle.read(limit + 1)
        except Exception as error:
            reason = f"cannot be read: {self._names.say_cause(error)}; make it readable, the next night takes it"
            raise FolderError(self._secrets.redact(reason)) from None
        if len(content) > limit:
            raise FileTooLargeError(f"more than {limit} bytes")
        return content

    def _check_root(self) -> None:
        try:
            is_folder = self._fs.info(self._root or self._fs.root_marker)["type"] == "directory"
        except FileNotFoundError:
            reason = "does not exist; create it, or correct `url` in sources.yaml (a relative one starts at its folder)"
            raise FolderError(f"{self._shown_url} {reason}") from None
        except Exception as error:
            raise self._fault("cannot be listed", self._names.say_cause(error)) from None
        if not is_folder:
            reason = "is a file; write the folder that holds it as `url` and its name under `include`"
            raise FolderError(f"{self._shown_url} {reason}")

    def _walk(self, intake: Intake) -> Iterator[dict[str, Any]]:
        """Every file at or below the root. Links to folders are followed, but no folder is entered twice.

        Linked folders come last, so that a file is called by its real place where it has one below the root.
        """
        visited: set[str] = set()
        folders, linked = [self._root], list[str]()
        while folders or linked:
            folder = folders.pop() if folders else linked.pop(0)
            place = self._real_place(folder)
            if place in visited:
                continue
            visited.add(place)
            self._folders += [self._name_below_root(folder)] if folder != self._root else []
            for entry in self._list_folder(folder):
                if entry["type"] == "directory" and not _is_left_behind(entry["name"]):
                    (linked if entry.get("islink") else folders).append(entry["name"])
                elif entry["type"] == "file" and not _is_left_behind(entry["name"]):
                    yield entry
                else:
                    intake.skipped += entry["type"] != "directory"

    def _list_folder(self, folder: str) -> list[dict[str, Any]]:
        """The entries of a folder in order of name, links replaced by what they lead to."""
        try:
            entries = self._fs.ls(folder or self._fs.root_marker, detail=True)
        except Exception as error:
            if folder == self._root:
                raise self._fault("cannot be listed", self._names.say_cause(error)) from None
            cause = self._names.say_cause(error)
            reason = f"cannot be listed: {cause}; make it readable, the next night takes its files"
            self._unlisted.append((self._name_below_root(folder), FolderError(self._secrets.redact(reason))))
            return []
        entries = [self._follow(entry) for entry in entries if entry["name"].rstrip("/") != folder]
        return sorted(entries, key=lambda entry: str(entry["name"]))

    def _follow(self, entry: dict[str, Any]) -> dict[str, Any]:
        if not entry.get("islink"):
            return entry
        try:
            return dict(self._fs.info(entry["name"]), name=entry["name"])
        except OSError:
            # A link that leads nowhere stays in the list as a file, so that reading it says so.
            return {**entry, "type": "file", "size": None}

    def _real_place(self, folder: str) -> str:
        return os.path.realpath(folder) if isinstance(self._fs, LocalFileSystem) else folder

    def _describe(self, entry: dict[str, Any]) -> ListedFile:
        size = entry.get("size")
        return ListedFile(
            path=entry["name"],
            name=self._name_below_root(entry["name"]),
            size=None if size is None else int(size),
            modified_at=next((_to_time(entry[key]) for key in _TIME_KEYS if entry.get(key) is not None), None),
            etag=next((str(entry[key]) for key in _ETAG_KEYS if entry.get(key)), None),
        )

    def _name_below_root(self, path: str) -> str:
        """The path below the root; bytes that are not UTF-8 are written as `\\xNN`, since Arrow takes no others."""
        name = path[len(self._root) :].strip("/")
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

    def _fault(self, what: str, cause: str) -> FolderError:
        return FolderError(self._secrets.redact(f"{self._shown_url} {what}: {cause}"))


def _part_user(url: str) -> tuple[str, dict[str, str]]:
    """A URL without its user part, and the user part as storage options.

    fsspec would take a password out of the URL as it stands there, so one with `/`, `#` or `%` in it could not be used.
    """
    found = _URL_WITH_USER.match(url)
    if found is None:
        return url, {}
    scheme, user, password, rest = found.groups()
    return scheme + rest, {"username": user} | ({"password": password} if password else {})


def _is_left_behind(path: str) -> bool:
    """Whether a file or folder is hidden, or temporary: of an office program, or of an upload still under way."""
    name = path.rstrip("/").rpartition("/")[2].lower()
    return any(fnmatch(name, pattern) for pattern in LEFT_BEHIND)


def _to_time(value: Any) -> str:
    """A file system's time as ISO 8601 in UTC; what is neither a number nor a time is kept as it is written."""
    if isinstance(value, int | float):
        value = datetime.fromtimestamp(value, UTC)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return str(value)


def _one_form(text: str) -> str:
    """One Unicode form for comparing: a pattern typed on one system has to match a name written on another."""
    return unicodedata.normalize("NFC", text)
