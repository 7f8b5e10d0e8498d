"""FTP and SFTP servers on this machine that serve a folder, and misbehave as told.

It must not know what asks them. The surprising fact: names of files that stand in a set of `Faults` have that fault as
often as the set is not changed, so a test takes a fault away to let the next night succeed.
"""

import asyncio
import datetime
import ipaddress
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

USER, PASSWORD = "kcn", "p@ss/w#rd%1 mật"

#: By which the SFTP server is known; made anew each time this is imported.
HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")

# With a handler of our own, since pyftpdlib would else add one that prints.
logging.getLogger("pyftpdlib").addHandler(logging.NullHandler())
logging.getLogger("pyftpdlib").propagate = False
logging.getLogger("asyncssh").setLevel(logging.CRITICAL)


@dataclass
class Faults:
    """What a server does wrong, by the last part of a file's name; and what it was asked for."""

    #: Given 100 bytes of, then hung up on; so many times.
    cut: dict[str, int] = field(default_factory=dict)
    #: Listed, but not given.
    refused: set[str] = field(default_factory=set)
    #: 50 bytes are appended just before it is given.
    growing: set[str] = field(default_factory=set)
    #: Not answered at all.
    silent: set[str] = field(default_factory=set)
    #: So many connections at a time, where the server limits them.
    most_connections: int = 0
    fetched: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    logins: int = 0

    def is_cut(self, name: str) -> bool:
        """Whether to hang up on this file now; counts down."""
        left = self.cut.get(name, 0)
        if left:
            self.cut[name] = left - 1
        return left > 0


@dataclass(frozen=True)
class FileServer:
    """A running server: the URL of its root without a user, and its faults."""

    url: str
    port: int
    faults: Faults


# ---- FTP -------------------------------------------------------------------------------------------------------------


@contextmanager
def serve_ftp(root: Path, certificate: Path | None = None, port: int = 0, **settings: Any) -> Iterator[FileServer]:
    """An FTP server, with TLS and nothing else when there is a certificate; `settings` are those of its handler."""
    faults = Faults()
    handler = _make_handler(root, faults, certificate, settings)
    loop = IOLoop()
    server = FTPServer(("127.0.0.1", port), handler, ioloop=loop)
    server.max_cons_per_ip = 0
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            server.max_cons = faults.most_connections or 512
            loop.loop(timeout=0.02, blocking=False)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    found = server.address[1]
    try:
        yield FileServer(f"{'ftps' if certificate else 'ftp'}://127.0.0.1:{found}", found, faults)
    finally:
        stopping.set()
        thread.join(timeout=5)
        server.close_all()


def _make_handler(root: Path, faults: Faults, certificate: Path | None, settings: dict[str, Any]) -> type:
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(root), perm="elr")
    base = TLS_FTPHandler if certificate else FTPHandler

    class Handler(base):  # type: ignore[misc, valid-type]
        def on_login(self, username: str) -> None:
            faults.logins += 1

        def ftp_MLSD(self, path: str) -> Any:
            faults.listed.append(os.path.relpath(path, root))
            return super().ftp_MLSD(path)

        def ftp_RETR(self, file: str) -> Any:
            name = os.path.basename(file)
            faults.fetched.append(name)
            if name in faults.refused:
                self.respond("550 Permission denied.")
            elif name in faults.silent:
                pass
            elif faults.is_cut(name):
                self.push_dtp_data(_Cut(self, Path(file).read_bytes()[:100]), isproducer=True, cmd="RETR")
            else:
                if name in faults.growing:
                    _grow(file)
                return super().ftp_RETR(file)
            return None

    Handler.authorizer = authorizer
    Handler.auth_failed_timeout = 0
    Handler.unicode_errors = "surrogateescape"
    for name, value in settings.items():
        setattr(Handler, name, value)
    if certificate:
        Handler.certfile = str(certificate)
        Handler.tls_control_required = Handler.tls_data_required = True
    return Handler


class _Cut:
    """Gives what it has and then hangs up on everything."""

    def __init__(self, handler: Any, content: bytes) -> None:
        self._handler = handler
        self._content = content

    def more(self) -> bytes:
        content, self._content = self._content, b""
        if not content:
            self._handler.close()
        return content


def _grow(path: str | os.PathLike[str]) -> None:
    with open(path, "ab") as handle:
        handle.write(b"x" * 50)


def make_certificate(folder: Path) -> Path:
    """A file with a key and a certificate for 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "station files")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem),
    )
    return path


# ---- SFTP ------------------------------------------------------------------------------------------------------------


@contextmanager
def serve_sftp(
    root: Path, host_key: asyncssh.SSHKey, authorized_key: asyncssh.SSHKey | None = None, port: int = 0
) -> Iterator[FileServer]:
    """An SFTP server that lets the user in with the password, or with the key where one is given."""
    faults = Faults()
    started: threading.Event = threading.Event()
    box: dict[str, Any] = {}

    async def run() -> None:
        box["stop"] = asyncio.Event()
        box["loop"] = asyncio.get_running_loop()
        acceptor = await asyncssh.listen(
            "127.0.0.1",
            port,
            server_factory=lambda: _Login(faults, authorized_key),
            server_host_keys=[host_key],
            sftp_factory=lambda channel: _Sftp(channel, root, faults),
            line_editor=False,
        )
        box["port"] = acceptor.get_port()
        started.set()
        await box["stop"].wait()
        acceptor.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert started.wait(10), "the SFTP server did not start"
    try:
        yield FileServer(f"sftp://127.0.0.1:{box['port']}", box["port"], faults)
    finally:
        box["loop"].call_soon_threadsafe(box["stop"].set)
        thread.join(timeout=5)


class _Login(asyncssh.SSHServer):
    def __init__(self, faults: Faults, authorized_key: asyncssh.SSHKey | None) -> None:
        self._faults = faults
        self._key = authorized_key

    def password_auth_supported(self) -> bool:
        return self._key is None

    def validate_password(self, username: str, password: str) -> bool:
        self._faults.logins += 1
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return self._key is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        assert self._key is not None
        return username == USER and key.public_data == self._key.public_data


class _Sftp(asyncssh.SFTPServer):
    def __init__(self, channel: Any, root: Path, faults: Faults) -> None:
        super().__init__(channel, chroot=os.fsencode(root))
        self._faults = faults
        self._cut: set[int] = set()
        self._silent: set[int] = set()

    def scandir(self, path: bytes) -> Any:
        self._faults.listed.append(os.fsdecode(path).strip("/"))
        return super().scandir(path)

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        name = os.path.basename(os.fsdecode(path))
        self._faults.fetched.append(name)
        if name in self._faults.refused:
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        if name in self._faults.growing:
            _grow(os.fsdecode(self.map_path(path)))
        handle = super().open(path, pflags, attrs)
        if self._faults.is_cut(name):
            self._cut.add(id(handle))
        if name in self._faults.silent:
            self._silent.add(id(handle))
        return handle

    async def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        if id(file_obj) in self._silent:
            await asyncio.sleep(60)
        if id(file_obj) in self._cut:
            if offset:
                self.channel.get_connection().abort()
            size = 100
        content = super().read(file_obj, offset, size)
        assert isinstance(content, bytes)
        return content
