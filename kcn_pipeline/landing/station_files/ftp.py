"""Asks an FTP server, with or without TLS, for folders and files over several connections at a time.

It must not decide what is asked for, nor keep an answer. The surprising fact: a file costs three round trips whatever
its size (PASV, the connection, RETR), and a connection bears one file at a time; only more connections make it faster.
"""

import ssl
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from ftplib import FTP, FTP_TLS, Error, error_perm, error_temp
from threading import Thread
from typing import Any, TypeVar

from kcn_pipeline.contracts.sources import StationFilesFeed
from kcn_pipeline.landing.errors import ConnectionLostError, FolderError, LandingError, ServerError
from kcn_pipeline.landing.station_files.address import Address
from kcn_pipeline.landing.station_files.ftp_listing import read_facts, read_long_lines, read_time
from kcn_pipeline.landing.station_files.server import Entry, StationFile, most_to_read, to_bytes

#: A file or a listing may take so many timeouts as a whole; a byte sent now and then passes each of them.
_PATIENCE = 4
#: How often one file or folder is tried when the connection breaks, and how often in a row a connection may break.
_ATTEMPTS = 3

#: Replies by which the server says that it hangs up, or that the connection for the data failed.
_BROKEN = ("421", "425", "426")
_UNKNOWN_COMMAND = ("500", "502")

_BLOCK = 65_536

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class FtpServer:
    """The FTP server of a feed; raises ServerError when its first connection cannot be had."""

    root_identity: Hashable = None

    def __init__(self, address: Address, feed: StationFilesFeed) -> None:
        self._address = address
        self._timeout_s = feed.timeout_s
        self._most = feed.connections
        self._has_mlsd = True
        self._idle = [_connect(address, feed.timeout_s)]

    def list_folders(self, folders: Sequence[str]) -> list[list[Entry] | LandingError]:
        """What each folder holds."""
        answers = self._ask_all(self._list_folder, folders)
        return answers if self._has_mlsd else self._add_times(folders, answers)

    def fetch(self, files: Sequence[StationFile], limit: int) -> list[bytes | LandingError]:
        """The bytes of each file."""
        return self._ask_all(lambda ftp, file: self._read(ftp, file, limit), files)

    def close(self) -> None:
        """Let go of every connection, without waiting for the server to agree."""
        for ftp in self._idle:
            ftp.close()

    # ---- one question ----------------------------------------------------------------------------------------------

    def _list_folder(self, ftp: FTP, folder: str) -> list[Entry]:
        if self._has_mlsd:
            try:
                return read_facts(self._transfer(ftp, f"MLSD {_on_the_wire(folder)}", None))
            except error_perm as error:
                if str(error)[:3] not in _UNKNOWN_COMMAND:
                    raise
                self._has_mlsd = False
        # Gone into, since LIST takes a folder that is missing for an empty one.
        ftp.cwd(_on_the_wire(folder))
        return read_long_lines(self._transfer(ftp, "LIST", None))

    def _add_times(
        self, folders: Sequence[str], answers: Sequence[list[Entry] | LandingError]
    ) -> list[list[Entry] | LandingError]:
        """The answers with the times that LIST does not tell: one more round trip per file."""
        listed = [(f, answer) for f, answer in zip(folders, answers, strict=True) if isinstance(answer, list)]
        paths = [f"{folder}/{entry.name}" for folder, entries in listed for entry in entries if entry.kind == "file"]
        times = iter(self._ask_all(_ask_time, paths))
        return [
            [entry._replace(modified_us=_known(next(times))) if entry.kind == "file" else entry for entry in answer]
            if isinstance(answer, list)
            else answer
            for answer in answers
        ]

    def _read(self, ftp: FTP, file: StationFile, limit: int) -> bytes:
        return self._transfer(ftp, f"RETR {_on_the_wire(file.path)}", most_to_read(file, limit))

    def _transfer(self, ftp: FTP, command: str, most: int | None) -> bytes:
        """What a command brings on its own connection, whole or, when there is more than wanted, cut."""
        ends_at = time.monotonic() + _PATIENCE * self._timeout_s
        content = bytearray()
        with ftp.transfercmd(command) as connection:
            while (most is None or len(content) < most) and (block := connection.recv(_BLOCK)):
                content += block
                if time.monotonic() > ends_at:
                    raise TimeoutError(f"not done within {_PATIENCE * self._timeout_s:g} s")
            is_cut = most is not None and len(content) >= most
            if isinstance(connection, ssl.SSLSocket) and not is_cut:
                # Some servers just hang up; the reply below says whether all was sent.
                with suppress(OSError):
                    connection.unwrap()
        # Cutting makes the server complain, which is all right.
        with suppress(*([error_temp, error_perm] if is_cut else [])):
            ftp.voidresp()
        return bytes(content[:most])

    # ---- many questions --------------------------------------------------------------------------------------------

    def _ask_all(self, ask: Callable[[FTP, Item], Answer], items: Sequence[Item]) -> list[Answer | LandingError]:
        """Every item's answer, or why there is none; as many connections are opened as help and the server allows."""
        round_ = _Round(ask, items, self._idle, lambda: _connect(self._address, self._timeout_s))
        threads = [Thread(target=round_.work, daemon=True, name="kcn-ftp") for _ in items[: self._most]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if round_.bug is not None:
            raise round_.bug
        lost = round_.fault or ConnectionLostError("lost every connection; the next night tries again")
        return [lost if answer is None else answer for answer in round_.answers]


class _Round:
    """The answers to one kind of question, brought together by several threads with a connection each."""

    def __init__(
        self, ask: Callable[[FTP, Item], Answer], items: Sequence[Item], idle: list[FTP], connect: Callable[[], FTP]
    ) -> None:
        self.answers: list[Any] = [None] * len(items)
        #: Why connections could not be had or kept, as last seen.
        self.fault: ServerError | None = None
        #: What no server is to blame for.
        self.bug: BaseException | None = None
        self._ask = ask
        self._items = items
        self._idle = idle
        self._connect = connect
        self._todo = deque(range(len(items)))
        self._attempts: Counter[int] = Counter()

    def work(self) -> None:
        """What one thread does: take the next item until none is left or connections do not hold."""
        try:
            breaks = 0
            while self._todo and breaks < _ATTEMPTS and (ftp := self._take_connection()):
                breaks = 0 if self._work_on(ftp) else breaks + 1
        except BaseException as error:
            self.bug = error

    def _work_on(self, ftp: FTP) -> bool:
        """Take items as long as the connection holds; returns whether it brought any answer."""
        has_answered = False
        while True:
            try:
                number = self._todo.popleft()
            except IndexError:
                self._idle.append(ftp)
                return has_answered
            try:
                self.answers[number] = self._ask(ftp, self._items[number])
            except (OSError, EOFError, Error) as error:
                fault = _to_fault(error)
                if isinstance(fault, ConnectionLostError):
                    self._drop(ftp, number, fault)
                    return has_answered
                self.answers[number] = fault
            has_answered = True

    def _take_connection(self) -> FTP | None:
        with suppress(IndexError):
            return self._idle.pop()
        try:
            return self._connect()
        except ServerError as error:
            self.fault = error
            return None

    def _drop(self, ftp: FTP, number: int, fault: LandingError) -> None:
        """Let a broken connection go; its item is tried again after all others, but not for ever."""
        ftp.close()
        self._attempts[number] += 1
        if self._attempts[number] < _ATTEMPTS:
            self._todo.append(number)
        else:
            self.answers[number] = fault


# ---- the connection --------------------------------------------------------------------------------------------------


class _Tls(FTP_TLS):
    """FTP over TLS whose data connections go on with the session of the first, as many servers demand."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[Any, int | None]:
        """The data connection of a command, made safe."""
        connection, size = FTP.ntransfercmd(self, cmd, rest)
        session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
        return self.context.wrap_socket(connection, server_hostname=self.host, session=session), size


def _connect(address: Address, timeout_s: float) -> FTP:
    """A connection, logged in; raises ServerError, and ConnectionLostError when it may help to try again."""
    # Names are bytes; Latin-1 carries each of them as it is, and logins are turned into it the same way.
    is_safe = address.scheme == "ftps"
    ftp = _Tls(context=ssl.create_default_context(), encoding="latin-1") if is_safe else FTP(encoding="latin-1")
    try:
        ftp.connect(address.host, address.port, timeout_s)
        if isinstance(ftp, FTP_TLS):
            _make_safe(ftp)
        _log_in(ftp, address)
    except ServerError:
        ftp.close()
        raise
    except ssl.SSLCertVerificationError as error:
        ftp.close()
        reason = "have it renewed, or name the file of the authority that signed it in SSL_CERT_FILE"
        raise ServerError(f"has no certificate we can trust: {error.verify_message}; {reason}") from None
    except (OSError, EOFError, Error) as error:
        ftp.close()
        reason = f"cannot be reached: {_say(error)}; check host and port in sources.yaml and the firewall"
        raise ConnectionLostError(reason) from None
    return ftp


def _make_safe(ftp: FTP_TLS) -> None:
    try:
        ftp.auth()
    except error_perm as error:
        reason = "ask its owner to switch TLS on; ftp:// sends the password for all to read"
        raise ServerError(f"offers no TLS: {error}; {reason}") from None


def _log_in(ftp: FTP, address: Address) -> None:
    try:
        ftp.login(_on_the_wire(address.username), _on_the_wire(address.password))
    except error_perm as error:
        variables = f" ({address.variables})" if address.variables else ""
        raise ServerError(f"refuses the login: {error}; check username and password{variables}") from None
    if isinstance(ftp, FTP_TLS):
        ftp.prot_p()
    # Some servers send names in UTF-8 only when told to; others do not know the command.
    with suppress(error_perm):
        ftp.sendcmd("OPTS UTF8 ON")
    # Once is enough, where ftplib would ask again for every file.
    ftp.voidcmd("TYPE I")


def _ask_time(ftp: FTP, path: str) -> int | None:
    """When a file was last written, in µs since 1970; None when the server says no time."""
    reply = ftp.sendcmd(f"MDTM {_on_the_wire(path)}")
    return read_time(reply.partition(" ")[2].encode())


def _known(answer: int | LandingError | None) -> int | None:
    return None if isinstance(answer, LandingError) else answer


# ---- words -----------------------------------------------------------------------------------------------------------


def _on_the_wire(text: str) -> str:
    """A text as ftplib has to be given it, so that the bytes sent are UTF-8 or those the server listed."""
    return to_bytes(text).decode("latin-1")


def _to_fault(error: Exception) -> LandingError:
    """What a failed question means: a refusal of this one item, or the loss of the connection."""
    is_refusal = isinstance(error, error_perm | error_temp) and str(error)[:3] not in _BROKEN
    if is_refusal:
        return FolderError(f"is refused: {error}; check that it exists and that the account may read it")
    return ConnectionLostError(f"broke the connection: {_say(error)}")


def _say(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
