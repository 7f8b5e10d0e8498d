"""The exceptions of landing: a source's faults, each saying what happened and what to do.

A fault of our own (a full disk, a bug) is none of them and is not caught. The surprising fact: `rule` is the code under
which the fault becomes a finding when it concerns one payload, so that a fault and its finding never tell two stories.

    LandingError                     a source did not give what it should; texts never hold a secret
    ├── SecretError                  an environment variable named in sources.yaml is not set or cannot be used
    ├── FolderError                  a folder is missing, or it or a file in it cannot be read
    ├── FileTooLargeError            a payload has more bytes than the feed takes
    ├── PortalContractError          the portal answers, but not as portal.openapi.yaml says
    ├── PageContractError            a service of pages answers, but not as its API says
    ├── ContentMismatchError         a payload is not the one its listing describes
    ├── ServerError                  a file server has no usable address, is not trusted or does not let us in
    │   └── ConnectionLostError      no connection to it, or the connection broke or fell silent
    └── HttpError                    a request brought no usable answer; `is_passing` when asking again may help
        ├── HttpUnreachableError     no connection, or it broke or fell silent
        ├── HttpTimeoutError         the whole answer took longer than the deadline
        ├── HttpStatusError          a status that is neither success nor a redirect
        │   └── HttpDeniedError      401 or 403
        ├── RateLimitedError         the server wants a longer wait than a night has
        ├── RedirectRefusedError     a redirect off the web, from https to http, or in circles
        ├── ResponseTruncatedError   fewer bytes than announced
        └── ResponseWrongTypeError   another kind of content, such as a login page
"""

from typing import Literal

#: The codes of findings on single payloads of a feed.
Rule = Literal[
    "file_too_large",
    "too_many_files",
    "duplicate_payload",
    "file_unreadable",
    "file_still_written",
    "nothing_matches",
    "response_truncated",
    "response_wrong_type",
    "submission_incomplete",
]


class LandingError(Exception):
    """A source did not give what it should."""

    rule: Rule = "file_unreadable"


class SecretError(LandingError):
    """An environment variable named in sources.yaml is not set, or holds what cannot be used."""


class FolderError(LandingError):
    """A folder is missing, or it or a file in it cannot be read."""


class FileTooLargeError(LandingError):
    """A payload has more bytes than the feed takes."""

    rule = "file_too_large"


class PortalContractError(LandingError):
    """The portal answers, but not as its contract says."""


class PageContractError(LandingError):
    """A service that answers in pages answers, but not as its API says."""


class ContentMismatchError(LandingError):
    """A payload is not the one its listing describes (size or sha256 differ)."""

    rule = "response_truncated"


class ServerError(LandingError):
    """A file server has no usable address, shows no key or certificate we trust, or does not let us in."""


class ConnectionLostError(ServerError):
    """No connection to a file server, or it broke or fell silent."""


class HttpError(LandingError):
    """A request brought no usable answer."""

    def __init__(self, message: str, *, is_passing: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.is_passing = is_passing
        self.retry_after_s = retry_after_s


class HttpUnreachableError(HttpError):
    """No connection, or it broke or fell silent."""


class HttpTimeoutError(HttpError):
    """The whole answer took longer than the deadline."""


class HttpStatusError(HttpError):
    """A status that is neither success nor a redirect."""


class HttpDeniedError(HttpStatusError):
    """401 or 403."""


class RateLimitedError(HttpError):
    """The server wants a longer wait than a night has."""


class RedirectRefusedError(HttpError):
    """A redirect off the web, from https to http, or in circles."""


class ResponseTruncatedError(HttpError):
    """Fewer bytes than announced."""

    rule = "response_truncated"


class ResponseWrongTypeError(HttpError):
    """Another kind of content than asked for, such as a login page; `found` says which."""

    rule = "response_wrong_type"

    def __init__(self, message: str, found: str) -> None:
        super().__init__(message)
        self.found = found
