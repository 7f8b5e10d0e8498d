"""Asks an SFTP server for folders and files, many at a time over one connection.

It must not decide what is asked for, nor keep an answer. The surprising fact: a file costs three round trips (open,
read, close) whatever its size, but they need not wait for those of other files, so one connection is as fast as sixty.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from kcn_pipeline.contracts.sources import StationFilesFeed
from kcn_pipeline.landing.errors import ConnectionLostError, FolderError, LandingError, ServerError
from kcn_pipeline.landing.secrets import Secrets
from kcn_pipeline.landing.station_files.address import Address
from kcn_pipeline.landing.station_files.server import Entry, StationFile, most_to_read, to_bytes, to_text

if TYPE_CHECKING:
    import asyncssh

#: Requests under way for each of the `connections` of a feed, which SFTP does not need: 64 by default.
_REQUESTS_PER_CONNECTION = 8
#: What every server gives in one answer.
_BLOCK = 32_768
#: A file or a folder may take so many timeouts as a whole.
_PATIENCE = 4
#: How often in a row a connection may break before anything has come over it: with all, an eighth, then one under way.
_ATTEMPTS = 6

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class SftpServer:
    """The SFTP server of a feed; raises ServerError when it cannot be reached, trusted or logged in to."""

    def __init__(self, address: Address, feed: StationFilesFeed, base: Path, secrets: Secrets) -> None:
        self._address = address
        self._timeout_s = feed.timeout_s
        self._under_way = feed.connections * _REQUESTS_PER_CONNECTION
        self._options = _read_options(address, feed, base, secrets)
        self._sftp: asyncssh.SFTPClient
        self._connection: asyncssh.SSHClientConnection | None = None
        #: Folder → where it really lies, for those that links lead to.
        self._real_places: dict[str, str] = {}
        self._runner = asyncio.Runner()
        try:
            self._runner.run(self._connect())
        except BaseException:
            self._runner.close()
            raise
        self.root_identity: Hashable = address.path

    def list_folders(self, folders: Sequence[str]) -> list[list[Entry] | LandingError]:
        """What each folder holds."""
        return self._runner.run(self._ask_all(self._list_folder, folders))

    def fetch(self, files: Sequence[StationFile], limit: int) -> list[bytes | LandingError]:
        """The bytes of each file."""
        return self._runner.run(self._ask_all(lambda file: self._read(file, limit), files))

    def close(self) -> None:
        """Let go of the connection, without waiting for the server to agree."""
        self._runner.run(self._disconnect())
        self._runner.close()

    # ---- one question ----------------------------------------------------------------------------------------------

    async def _list_folder(self, folder: str) -> list[Entry]:
        names = await self._sftp.readdir(to_bytes(folder))
        return [await self._describe(folder, name) for name in names if name.filename not in (b".", b"..")]

    async def _describe(self, folder: str, found: "asyncssh.SFTPName") -> Entry:
        import asyncssh

        assert isinstance(found.filename, bytes)
        name, attributes = to_text(found.filename), found.attrs
        path, place = f"{folder}/{name}", f"{self._real_places.get(folder, folder)}/{name}"
        is_link = attributes.type == asyncssh.FILEXFER_TYPE_SYMLINK
        if is_link:
            try:
                attributes = await self._sftp.stat(to_bytes(path))
                place = to_text(await self._sftp.realpath(to_bytes(path)))
            except asyncssh.SFTPError:
                # A link that leads nowhere is listed as a file, so that reading it says so.
                return Entry(name, "file")
        if attributes.type == asyncssh.FILEXFER_TYPE_REGULAR:
            return Entry(name, "file", attributes.size, None if attributes.mtime is None else attributes.mtime * 10**6)
        if attributes.type == asyncssh.FILEXFER_TYPE_DIRECTORY:
            self._real_places[path] = place
            return Entry(name, "folder", identity=place, is_link=is_link)
        return Entry(name, "other")

    async def _read(self, file: StationFile, limit: int) -> bytes:
        """The bytes of a file. In blocks of our own, since those of the library cost one more round trip per file."""
        import asyncssh

        handle = await self._sftp.open(to_bytes(file.path), "rb", block_size=0)
        try:
            content = await _read_blocks(handle, file.size, most_to_read(file, limit))
        except asyncssh.SFTPError:
            await handle.close()
            raise
        # Not closed when it took too long: then the connection is let go of, and asking more would take as long.
        await handle.close()
        return content

    # ---- many questions --------------------------------------------------------------------------------------------

    async def _ask_all(
        self, ask: Callable[[Item], Awaitable[Answer]], items: Sequence[Item]
    ) -> list[Answer | LandingError]:
        """Every item's answer, or why there is none; a connection that breaks is made anew as long as that helps."""
        answers: list[Any] = [None] * len(items)
        todo = deque(range(len(items)))
        fault: LandingError | None = None
        breaks = 0
        while todo and breaks < _ATTEMPTS:
            left = len(todo)
            try:
                await self._connect()
            except ServerError as error:
                fault = error
                break
            # Fewer at a time after a break that lost them all, so that one file cannot keep the others from coming.
            fault = await self._work(ask, items, answers, todo, max(1, self._under_way >> 3 * breaks))
            breaks = breaks + 1 if len(todo) == left else 0
        for number in todo:
            answers[number] = fault
        return answers

    async def _work(
        self,
        ask: Callable[[Item], Awaitable[Answer]],
        items: Sequence[Item],
        answers: list[Any],
        todo: deque[int],
        under_way: int,
    ) -> ConnectionLostError | None:
        """Work on what is to do as long as the connection holds; returns how it was lost, if it was."""
        import asyncssh

        lost: list[ConnectionLostError] = []

        async def work() -> None:
            while todo and not lost:
                number = todo.popleft()
                try:
                    async with asyncio.timeout(_PATIENCE * self._timeout_s):
                        answers[number] = await ask(items[number])
                except (asyncssh.Error, OSError) as error:
                    fault = _to_fault(error)
                    if isinstance(fault, ConnectionLostError):
                        lost.append(fault)
                        todo.append(number)
                    else:
                        answers[number] = fault

        await asyncio.gather(*(work() for _ in range(min(under_way, len(todo)))))
        if lost:
            await self._disconnect()
        return lost[0] if lost else None

    # ---- the connection --------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        """Open the connection unless it is; raises ServerError, and ConnectionLostError when nobody answers."""
        import asyncssh

        if self._connection is not None:
            return
        try:
            await self._open()
        except asyncssh.HostKeyNotVerifiable:
            raise ServerError(_STRANGER) from None
        except asyncssh.PermissionDenied as error:
            variables = f" ({self._address.variables})" if self._address.variables else ""
            reason = f"refuses the login: {error.reason}; check username{variables}, password and private_key"
            raise ServerError(reason) from None
        except (asyncssh.ChannelOpenError, asyncssh.SFTPError) as error:
            raise ServerError(f"offers no SFTP: {error}; ask its owner to switch SFTP on") from None
        except (asyncssh.Error, OSError) as error:
            reason = f"cannot be reached: {_say(error)}; check host and port in sources.yaml and the firewall"
            raise ConnectionLostError(reason) from None

    async def _open(self) -> None:
        import asyncssh

        connection = await asyncssh.connect(self._address.host, self._address.port, **self._options)
        try:
            self._sftp = await connection.start_sftp_client()
        except BaseException:
            connection.abort()
            raise
        self._connection = connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
            await connection.wait_closed()


_STRANGER = (
    "shows a host key that known_hosts does not hold for it; compare its fingerprint with the one its owner names, and"
    " add the key with `ssh-keyscan` if they are equal: if they are not, somebody else is answering"
)


async def _read_blocks(handle: "asyncssh.SFTPClientFile", size: int | None, wanted: int) -> bytes:
    content = b""
    while len(content) != size and len(content) < wanted:
        block = await handle.read(min(wanted - len(content), _BLOCK))
        if not block:
            break
        content += cast(bytes, block)
    return content


def _read_options(address: Address, feed: StationFilesFeed, base: Path, secrets: Secrets) -> dict[str, Any]:
    """How to connect: only what sources.yaml says, nothing from the configuration or the agent of whoever runs this."""
    import asyncssh

    known_hosts = base / Path(secrets.resolve(feed.known_hosts) or "~/.ssh/known_hosts").expanduser()
    try:
        hosts = asyncssh.read_known_hosts(str(known_hosts))
    except (OSError, ValueError) as error:
        reason = (
            f"known_hosts {known_hosts} cannot be read: {_say(error)}; write the server's key into it (ssh-keyscan)"
        )
        raise ServerError(reason) from None
    options: dict[str, Any] = {
        "known_hosts": hosts,
        "config": None,
        "agent_path": None,
        "gss_host": None,
        # First choice, not the only one: the library's own first choice takes three times the work per packet.
        "encryption_algs": "^aes128-gcm@openssh.com,aes256-gcm@openssh.com",
        "client_keys": None,
        "connect_timeout": feed.timeout_s,
        "login_timeout": feed.timeout_s,
        "keepalive_interval": feed.timeout_s,
    }
    if address.username:
        options["username"] = address.username
    if feed.private_key:
        options["client_keys"] = [_read_key(feed.private_key, address.password, base, secrets)]
    elif address.password:
        options["password"] = address.password
    return options


def _read_key(template: str, password: str, base: Path, secrets: Secrets) -> "asyncssh.SSHKey":
    """The private key itself, or that of the file named; the feed's password opens it if it is locked."""
    import asyncssh

    text = secrets.resolve(template)
    try:
        if text.startswith("-----BEGIN"):
            return asyncssh.import_private_key(text + "\n", password or None)
        return asyncssh.read_private_key(base / Path(text).expanduser(), password or None)
    except (OSError, ValueError) as error:
        reason = (
            f"cannot be used: {_say(error)}; name the file of an OpenSSH or PEM key, and `password` if it is locked"
        )
        raise ServerError(f"private_key {template} {reason}") from None


def _to_fault(error: Exception) -> LandingError:
    import asyncssh

    if isinstance(error, asyncssh.SFTPError) and not isinstance(
        error, asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection | asyncssh.SFTPBadMessage
    ):
        return FolderError(f"is refused: {_say(error)}; check that it exists and that the account may read it")
    return ConnectionLostError(f"broke the connection: {_say(error)}")


def _say(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
