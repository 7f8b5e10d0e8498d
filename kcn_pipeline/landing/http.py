"""Asks a web server for things: retries, waiting, limits and redirects, the only place in the project that retries.

It must not know what is asked for, nor keep an answer. The surprising fact: the time a request may take is bounded as a
whole, since a server that sends one byte a second passes every read timeout. What it raises is a branch of the tree in
`errors.py`, and FileTooLargeError for more bytes than asked for:

    HttpError
    ├── HttpUnreachableError     no connection, or it broke or fell silent (asked again)
    ├── HttpTimeoutError         the whole answer took longer than the deadline
    ├── HttpStatusError          a status that is neither success nor a redirect (408, 429 and 5xx are asked again)
    │   └── HttpDeniedError      401 or 403
    ├── RateLimitedError         the server wants a longer wait than a night has
    ├── RedirectRefusedError     a redirect off the web, from https to http, or in circles
    ├── ResponseTruncatedError   fewer bytes than announced (asked again)
    └── ResponseWrongTypeError   another kind of content, such as a login page
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import requests

# The base of what urllib3 raises while a body is read past requests; requests passes it on without announcing it.
from requests.exceptions import BaseHTTPError  # type: ignore[attr-defined]

from kcn_pipeline.landing.errors import (
    FileTooLargeError,
    HttpDeniedError,
    HttpError,
    HttpStatusError,
    HttpTimeoutError,
    HttpUnreachableError,
    RedirectRefusedError,
    ResponseTruncatedError,
    ResponseWrongTypeError,
    SecretError,
)
from kcn_pipeline.landing.pace import Pace
from kcn_pipeline.landing.secrets import Secrets, name_variables, public_url

# At level DEBUG urllib3 logs whole addresses, and with them the signatures and tokens in their queries.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

_CHUNK_BYTES = 65_536
_MAX_REDIRECTS = 5
_EXCERPT_CHARACTERS = 200
_ERROR_PAGE_BYTES = 1_000_000


@dataclass(frozen=True)
class Patience:
    """How often and how long one request is tried; waits double from `backoff_s` and vary by half to spread load."""

    attempts: int = 4
    backoff_s: float = 1.0
    backoff_cap_s: float = 30.0
    #: A server may ask for more than this; then it is asked again earlier than it likes, rather than not at all.
    retry_after_cap_s: float = 120.0
    #: For one attempt from the first byte sent to the last byte received.
    deadline_s: float = 300.0


@dataclass(frozen=True)
class HttpResponse:
    """A whole answer: the status (200–299 or 304), headers with any case of names, and the body decoded but unread."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """The type of the body without parameters, in lower case; empty when the server gives none."""
        return _media_type(self.headers)


class HttpClient:
    """Asks one server, and others it refers to; the token goes to the origin of `base_url` and nowhere else."""

    def __init__(
        self,
        base_url: str,
        secrets: Secrets,
        *,
        token: str,
        token_header: str = "Authorization",
        token_scheme: str = "Bearer",
        pace: Pace | None = None,
        timeout_s: float = 30.0,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`token` is a value of sources.yaml such as `${KCN_PORTAL_TOKEN}`; raises SecretError when it is not set.

        An empty one sends none. Into `Authorization` it goes after its scheme, as it is into any other `token_header`.
        """
        self._origin = origin_of(base_url)
        self._secrets = secrets
        self._variables = name_variables(token)
        self._token_header = token_header
        scheme = token_scheme if token_header == "Authorization" else ""
        self._credential = _to_credential(secrets.resolve(token), self._variables, scheme)
        self._pace = pace
        self._timeout_s = timeout_s
        self._patience = patience or Patience()
        self._sleep = sleep
        self._clock = clock
        self._session = requests.Session()
        # The bytes of a report are wanted as they are, and a compressed body would hide its true size.
        self._session.headers.update({"User-Agent": "kcn_pipeline", "Accept-Encoding": "identity"})

    def __enter__(self) -> "HttpClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(
        self,
        url: str,
        *,
        max_bytes: int,
        is_expected: Callable[[str], bool] = lambda media_type: True,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """The answer to one GET; `is_expected` judges its media type (empty when the server names none).

        408, 429, 5xx, broken connections and cut bodies are tried again within the client's patience. Raises HttpError
        when no usable answer came; its text holds the address without query and no secret.
        """
        attempt = 1
        while True:
            if self._pace is not None:
                self._pace.wait()
            try:
                return self._follow(url, max_bytes, is_expected, dict(headers or {}))
            except HttpError as error:
                if not error.is_passing or attempt >= self._patience.attempts:
                    raise
                self._sleep(self._wait_s(attempt, error.retry_after_s))
            attempt += 1

    def is_same_origin(self, url: str) -> bool:
        """Whether a URL has the scheme, host and port of the server that the token is for."""
        return origin_of(url) == self._origin

    # ---- one attempt -----------------------------------------------------------------------------------------------

    def _follow(
        self, url: str, max_bytes: int, is_expected: Callable[[str], bool], headers: dict[str, str]
    ) -> HttpResponse:
        """One attempt: the answer at the end of at most a few redirects."""
        ends_at = self._clock() + self._patience.deadline_s
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._open(url, headers, ends_at)
            if self._pace is not None:
                retry_after_s = _retry_after_s(response.headers.get("Retry-After"))
                self._pace.note(response.status_code, response.headers, retry_after_s)
            try:
                if not response.is_redirect:
                    return self._read(response, max_bytes, is_expected, ends_at)
                url = self._redirected(url, response.headers["Location"])
            finally:
                response.close()
        raise RedirectRefusedError(self._say(url, f"redirects more than {_MAX_REDIRECTS} times"))

    def _open(self, url: str, headers: dict[str, str], ends_at: float) -> requests.Response:
        """Send the request and read the head of the answer.

        In a thread, because neither the look-up of a host name nor a head that drips in is bounded by any timeout.
        """
        answer: Future[requests.Response] = Future()

        def ask() -> None:
            try:
                answer.set_result(
                    self._session.get(
                        url,
                        headers=headers,
                        timeout=self._timeout_s,
                        stream=True,
                        allow_redirects=False,
                        # A callable for every host, since requests would else send what it finds in ~/.netrc.
                        auth=self._authorize if self.is_same_origin(url) else lambda request: request,
                    )
                )
            except BaseException as error:
                answer.set_exception(error)

        threading.Thread(target=ask, daemon=True, name="kcn-http").start()
        try:
            return answer.result(timeout=max(0.0, ends_at - self._clock()))
        except TimeoutError:
            raise self._late(url) from None
        except requests.exceptions.SSLError as error:
            raise HttpUnreachableError(self._say(url, f"has no certificate we can trust: {error}")) from None
        except (requests.ConnectionError, requests.Timeout) as error:
            raise HttpUnreachableError(
                self._say(url, f"cannot be reached: {_say_why(error)}"), is_passing=True
            ) from None
        except (requests.RequestException, ValueError) as error:
            # ValueError: an address that is none, ours or that of a redirect, which requests parses on its own.
            raise HttpUnreachableError(self._say(url, f"cannot be asked: {error}")) from None

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._credential:
            request.headers[self._token_header] = self._credential
        return request

    def _redirected(self, url: str, location: str) -> str:
        target = join_url(url, location)
        scheme, before = origin_of(target)[0], origin_of(url)[0]
        if scheme not in ("http", "https") or (scheme == "http" and before == "https"):
            reason = f"redirects to {public_url(target)}, where a report is not fetched from"
            raise RedirectRefusedError(self._say(url, reason))
        return target

    def _read(
        self, response: requests.Response, max_bytes: int, is_expected: Callable[[str], bool], ends_at: float
    ) -> HttpResponse:
        self._check_status(response, ends_at)
        if response.status_code == 304:
            return HttpResponse(304, response.headers, b"")
        media_type = _media_type(response.headers)
        if not is_expected(media_type):
            found = media_type or "no type"
            reason = f"answers with {found}, not with what was asked for (a login page?)"
            raise ResponseWrongTypeError(self._say(response.url, reason), found)
        return HttpResponse(response.status_code, response.headers, self._read_body(response, max_bytes, ends_at))

    def _read_body(self, response: requests.Response, max_bytes: int, ends_at: float) -> bytes:
        announced = _content_length(response.headers)
        chunks: list[bytes] = []
        size = 0
        while size <= max_bytes and (announced or 0) <= max_bytes:
            try:
                # read1 gives back what one packet brought, so the clock is looked at even while a body drips in.
                chunk = response.raw.read1(_CHUNK_BYTES, decode_content=True)
            except (BaseHTTPError, OSError) as error:
                raise ResponseTruncatedError(self._say(response.url, f"broke off: {error}"), is_passing=True) from None
            if not chunk:
                self._check_length(response, announced)
                return b"".join(chunks)
            chunks.append(chunk)
            size += len(chunk)
            if self._clock() > ends_at:
                raise self._late(response.url)
        raise FileTooLargeError(self._say(response.url, f"sends more than {max_bytes / 1e6:g} MB"))

    def _check_length(self, response: requests.Response, announced: int | None) -> None:
        received = response.raw.tell()
        if announced is not None and received != announced:
            reason = f"sent {received} of the {announced} bytes it announced"
            raise ResponseTruncatedError(self._say(response.url, reason), is_passing=True)

    def _check_status(self, response: requests.Response, ends_at: float) -> None:
        """Raise the error that a status stands for; 2xx and 304 pass."""
        status = response.status_code
        if 200 <= status < 300 or status == 304:
            return
        if status in (401, 403):
            raise HttpDeniedError(self._say(response.url, f"denies access ({status}); {self._how_to_get_in(response)}"))
        raise HttpStatusError(
            self._say(response.url, f"answers {status}: {self._excerpt(response, ends_at)}"),
            is_passing=status in (408, 429) or status >= 500,
            retry_after_s=_retry_after_s(response.headers.get("Retry-After")),
        )

    def _how_to_get_in(self, response: requests.Response) -> str:
        if not self._credential:
            return "it wants a token: give the feed one in sources.yaml"
        if self._token_header in response.request.headers:
            return f"the token may have expired: check the environment variable {self._variables}"
        return "the token was not sent, because it is meant for another host: check `url` in sources.yaml"

    def _excerpt(self, response: requests.Response, ends_at: float) -> str:
        """The beginning of what a server says about its error, on one line; the reason phrase when it says nothing."""
        try:
            text = self._read_body(response, _ERROR_PAGE_BYTES, ends_at).decode("utf-8", "replace")
        except (HttpError, FileTooLargeError):
            text = ""
        # Cleared of secrets before it is cut, since half a secret would be harder to find.
        return self._secrets.redact(" ".join((text or response.reason).split()))[:_EXCERPT_CHARACTERS]

    # ---- words and waits -------------------------------------------------------------------------------------------

    def _late(self, url: str) -> HttpTimeoutError:
        return HttpTimeoutError(self._say(url, f"did not answer in full within {self._patience.deadline_s:g} s"))

    def _say(self, url: str, what: str) -> str:
        return self._secrets.redact(f"{public_url(url)} {what}")

    def _wait_s(self, attempt: int, retry_after_s: float | None) -> float:
        if retry_after_s is not None:
            return min(retry_after_s, self._patience.retry_after_cap_s)
        return min(self._patience.backoff_cap_s, self._patience.backoff_s * 2 ** (attempt - 1)) * random.uniform(0.5, 1)


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL, the port filled in where the scheme implies it; empty for what is no URL."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", "", None


def join_url(base: str, url: str) -> str:
    """A URL that may be relative, made absolute; returned as it is when it is no URL at all."""
    try:
        return urljoin(base, url)
    except ValueError:
        return url


def _to_credential(token: str, variables: str, scheme: str) -> str:
    if not (token.isascii() and token.isprintable()):
        raise SecretError(f"environment variable {variables} holds characters that no token has; set it again")
    return f"{scheme} {token}" if token and scheme else token


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _content_length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("Content-Length", "").strip()
    is_used = "chunked" not in headers.get("Transfer-Encoding", "").lower()
    return int(text) if is_used and text.isascii() and text.isdigit() else None


def _retry_after_s(text: str | None) -> float | None:
    """Seconds to wait by a Retry-After header, which gives seconds or an HTTP date; None when it gives neither."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _say_why(error: BaseException) -> str:
    """What the system said of a connection that failed; urllib3 wraps it in three layers of its own words."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror and not isinstance(inner, requests.RequestException):
            return f"{type(inner).__name__}: {inner.strerror}"
        inner = inner.__cause__ or inner.__context__
    return str(error)
