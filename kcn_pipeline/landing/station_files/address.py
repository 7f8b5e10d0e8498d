"""Where the files of a feed lie and who asks for them, taken apart from its URL.

It must not open a connection. The surprising fact: the URL is split before `${NAME}` is put in, so a password with `/`,
`@` or `%` in it needs no encoding.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from kcn_pipeline.contracts.sources import StationFilesFeed
from kcn_pipeline.landing.errors import ServerError
from kcn_pipeline.landing.secrets import Secrets

_URL = re.compile(r"(?P<scheme>\w+)://(?:(?P<user>[^/@:]*)(?::(?P<password>[^/@]*))?@)?(?P<host>[^/]*)(?P<path>.*)")
_HOST = re.compile(r"(?:\[(?P<ipv6>[^\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>\d{1,5}))?")
_PORTS = {"ftp": 21, "ftps": 21, "sftp": 22}


@dataclass(frozen=True)
class Address:
    """A folder on a server, or on this machine where `scheme` is `file`; `shown` is fit for messages and manifests."""

    scheme: str
    path: str
    shown: str
    host: str = ""
    port: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    #: The environment variables that login and password come from, for messages.
    variables: str = ""


def read_address(feed: StationFilesFeed, base: Path, secrets: Secrets) -> Address:
    """The address of a feed; a relative folder starts at `base`. Raises LandingError when it is none."""
    found = _URL.fullmatch(feed.url)
    if found is None:
        return Address("file", str(base / secrets.resolve(feed.url)), secrets.redact(feed.url.rstrip("/")))
    scheme, path = found["scheme"].lower(), secrets.resolve(found["path"])
    shown = secrets.redact(f"{scheme}://{found['host']}{found['path']}".rstrip("/"))
    if scheme == "file":
        return Address("file", path, shown)
    host = _HOST.fullmatch(secrets.resolve(found["host"]))
    if scheme not in _PORTS or host is None:
        raise ServerError(f"{shown} is no place for station files; write a folder, ftp://, ftps:// or sftp://host/path")
    username, password = feed.username or found["user"] or "", feed.password or found["password"] or ""
    return Address(
        scheme,
        path.rstrip("/") or "/",
        shown,
        host["ipv6"] or host["name"],
        int(host["port"] or _PORTS[scheme]),
        secrets.resolve(username),
        secrets.resolve(password),
        ", ".join(re.findall(r"\$\{(\w+)\}", username + password)),
    )
