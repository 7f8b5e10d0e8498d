"""A report portal on this machine that keeps its contract, or breaks it as a test asks.

It must not share code with the package. The surprising fact: it is a real server on a real socket, so cut bodies,
dripping heads and lost connections are what a client sees in the field.
"""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass
class Answer:
    """One answer, with the ways in which it can go wrong."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = XLSX
    headers: dict[str, str] = field(default_factory=dict)
    #: Announce this length instead of the true one; None announces none.
    announced: int | None = -1
    #: Send the body in one chunk and close before the closing chunk.
    is_cut_chunked: bool = False
    #: Wait until the server is closed, before the head or after half the body.
    is_silent: bool = False
    #: Send the body (or the head) byte by byte, this many seconds apart.
    drip_s: float = 0
    drip_head_s: float = 0
    #: Close the connection without an answer.
    is_hung_up: bool = False


class PortalServer:
    """The state of the portal: what was handed in, which answers are scripted, which requests came."""

    def __init__(self) -> None:
        self.token = "tok-8f3a91c2d4e5b6a7f809"
        self.submissions: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        #: Path → answers given instead of the proper one, in turn; the last one stays.
        self.script: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.offers_etag = False
        self.closed = threading.Event()
        self.url = ""

    def submit(self, number: int, content: bytes, **fields: Any) -> dict[str, Any]:
        """Hand in a file; returns the item, which the test may spoil."""
        name = f"s{number:03d}"
        item = {
            "id": name,
            "tax_code": f"23000{number:05d}",
            "form": "A.III.1",
            "period": "2026-Q3",
            "submitted_at": f"2026-10-{number % 28 + 1:02d}T09:30:00+07:00",
            "channel": "electronic",
            "file_name": f"báo cáo {number}.xlsx",
            "file_url": f"{self.url}/v1/submissions/{name}/file",
            "sha256": sha256(content).hexdigest(),
            "size": len(content),
            "etag": None,
        } | fields
        self.submissions.append(item)
        self.files[f"/v1/submissions/{name}/file"] = content
        return item

    def paths(self) -> list[str]:
        """The paths asked for so far, without queries."""
        return [urlsplit(path).path for path, _ in self.requests]

    def answer(self, target: str, headers: dict[str, str]) -> Answer:
        """The answer to a request: the scripted one, or the proper one."""
        path = urlsplit(target).path
        if path in self.script:
            answers = self.script[path]
            return answers.pop(0) if len(answers) > 1 else answers[0]
        if headers.get("Authorization") != f"Bearer {self.token}":
            return Answer(401, b'{"error": "token expired"}', "application/json")
        if path == "/v1/submissions":
            return self._list(target, headers)
        if path in self.files:
            return Answer(body=self.files[path])
        return Answer(404, b"no such thing", "text/plain")

    def _list(self, target: str, headers: dict[str, str]) -> Answer:
        query = {key: values[0] for key, values in parse_qs(urlsplit(target).query).items()}
        since = query.get("since")
        items = [i for i in self.submissions if since is None or _moment(i) >= datetime.fromisoformat(since)]
        items.sort(key=lambda item: (_moment(item), item["id"]))
        start, size = int(query.get("start", 0)), int(query["page_size"])
        more = f"{self.url}/v1/submissions?{urlencode({**query, 'start': start + size})}"
        following = more if start + size < len(items) else None
        body = json.dumps({"items": items[start : start + size], "next": following}).encode()
        etag = f'"{sha256(body).hexdigest()[:16]}"'
        if self.offers_etag and headers.get("If-None-Match") == etag:
            return Answer(304, b"", None, {"ETag": etag})
        return Answer(body=body, content_type="application/json", headers={"ETag": etag} if self.offers_etag else {})


def _moment(item: dict[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(item["submitted_at"])
    except (KeyError, TypeError, ValueError):
        return datetime.fromisoformat("2026-10-01T00:00:00Z")


@contextmanager
def serve() -> Iterator[PortalServer]:
    """A portal on a free port of this machine for as long as the `with` statement lasts."""
    portal = PortalServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are two writes; without this the second waits 40 ms for the client's acknowledgement.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            portal.requests.append((self.path, dict(self.headers)))
            try:
                _send(self, portal.answer(self.path, dict(self.headers)), portal.closed)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    portal.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield portal
    finally:
        portal.closed.set()
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that hangs up is what some tests are about; anything else is a fault of this file.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _send(handler: BaseHTTPRequestHandler, answer: Answer, closed: threading.Event) -> None:
    if answer.is_silent:
        closed.wait(10)
    if answer.is_hung_up or answer.is_silent:
        handler.close_connection = True
        return
    head = dict(answer.headers)
    if answer.content_type is not None:
        head["Content-Type"] = answer.content_type
    if answer.is_cut_chunked:
        head["Transfer-Encoding"] = "chunked"
    elif answer.announced is not None:
        head["Content-Length"] = str(len(answer.body) if answer.announced < 0 else answer.announced)
    lines = [f"HTTP/1.1 {answer.status} Scripted", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    _write(handler, "\r\n".join(lines).encode("latin-1"), answer.drip_head_s, closed)
    body = b"%x\r\n%s\r\n" % (len(answer.body), answer.body) if answer.is_cut_chunked else answer.body
    _write(handler, body, answer.drip_s, closed)
    if answer.is_cut_chunked or answer.announced is None or answer.announced > len(answer.body):
        handler.close_connection = True


def _write(handler: BaseHTTPRequestHandler, data: bytes, drip_s: float, closed: threading.Event) -> None:
    for part in [data[i : i + 1] for i in range(len(data))] if drip_s else [data]:
        handler.wfile.write(part)
        handler.wfile.flush()
        if drip_s and closed.wait(drip_s):
            return
