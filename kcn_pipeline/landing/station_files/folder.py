"""Station files in a folder of this machine, or of a share that is mounted on it.

It must not follow links in circles; the walk sees to that by the identities given here. The surprising fact: files are
read with bare system calls, since `open` makes four more per file and costs twice as much.
"""

import os
import stat
from collections.abc import Hashable, Sequence

from kcn_pipeline.landing.errors import FolderError, LandingError
from kcn_pipeline.landing.station_files.server import Entry, StationFile, most_to_read


class LocalFolder:
    """The folder of a feed on this machine."""

    def __init__(self, path: str) -> None:
        try:
            status = os.stat(path)
        except OSError:
            # Listing says why.
            self.root_identity: Hashable = None
        else:
            self.root_identity = (status.st_dev, status.st_ino)

    def list_folders(self, folders: Sequence[str]) -> list[list[Entry] | LandingError]:
        """What each folder holds, links replaced by what they lead to."""
        return [_list_folder(folder) for folder in folders]

    def fetch(self, files: Sequence[StationFile], limit: int) -> list[bytes | LandingError]:
        """The bytes of each file."""
        return [_read(file, limit) for file in files]

    def close(self) -> None:
        """Nothing is kept open."""


def _list_folder(folder: str) -> list[Entry] | LandingError:
    try:
        with os.scandir(folder) as entries:
            return [_describe(entry) for entry in entries]
    except FileNotFoundError:
        return FolderError("does not exist; create it, or correct `url` in sources.yaml (a relative one starts there)")
    except NotADirectoryError:
        return FolderError("is a file; write the folder that holds it as `url` and its name under `include`")
    except OSError as error:
        return FolderError(f"cannot be listed: {_say(error)}; make it readable, the next night takes its files")


def _describe(entry: os.DirEntry[str]) -> Entry:
    try:
        status = entry.stat()
    except OSError:
        # A link that leads nowhere is listed as a file, so that reading it says so.
        return Entry(entry.name, "file")
    if stat.S_ISREG(status.st_mode):
        return Entry(entry.name, "file", status.st_size, status.st_mtime_ns // 1000)
    if stat.S_ISDIR(status.st_mode):
        return Entry(entry.name, "folder", identity=(status.st_dev, status.st_ino), is_link=entry.is_symlink())
    return Entry(entry.name, "other")


def _read(file: StationFile, limit: int) -> bytes | LandingError:
    wanted = most_to_read(file, limit)
    try:
        handle = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            content = os.read(handle, wanted)
            while len(content) < wanted - 1 and (more := os.read(handle, wanted - len(content))):
                content += more
            return content
        finally:
            os.close(handle)
    except OSError as error:
        return FolderError(f"cannot be read: {_say(error)}; make it readable, the next night takes it")


def _say(error: OSError) -> str:
    return f"{type(error).__name__}: {error.strerror or error}"
