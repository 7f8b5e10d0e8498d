"""The HTTP client against a server that misbehaves in every way servers do."""

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from kcn_pipeline.landing.errors import (
    FileTooLargeError,
    HttpDeniedError,
    HttpError,
    HttpStatusError,
    HttpTimeoutError,
    HttpUnreachableError,
    LandingError,
    RedirectRefusedError,
    ResponseTruncatedError,
    ResponseWrongTypeError,
    SecretError,
)
from kcn_pipeline.landing.http import HttpClient, Patience
from kcn_pipeline.landing.secrets import Secrets
from kcn_pipeline_tests.landing.portal_server import Answer, PortalServer, serve

BODY = bytes(range(256)) * 40


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def make_client(portal: PortalServer, waits: list[float]) -> Callable[..., HttpClient]:
    def make(**options: Any) -> HttpClient:
        options = {"token": "${KCN_PORTAL_TOKEN}", "timeout_s": 5, **options}
        return HttpClient(portal.url, Secrets(), sleep=waits.append, **options)

    return make


def get(client: HttpClient, portal: PortalServer, *answers: Answer, **options: Any) -> bytes:
    """Ask for a path that is answered as scripted."""
    portal.script["/x"] = list(answers)
    with client:
        return client.get(f"{portal.url}/x?since=1", **{"max_bytes": 100_000, **options}).content


def fail(client: HttpClient, portal: PortalServer, kind: type[LandingError], *answers: Answer, **options: Any) -> str:
    """Ask for a path that is answered as scripted and cannot succeed; returns what the error says."""
    with pytest.raises(kind) as caught:
        get(client, portal, *answers, **options)
    assert caught.type is kind
    assert portal.token not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None, "the cause may hold a secret"
    return str(caught.value)


def test_a_body_comes_back_byte_for_byte(make_client: Callable[..., HttpClient], portal: PortalServer) -> None:
    assert get(make_client(), portal, Answer(body=BODY)) == BODY
    assert get(make_client(), portal, Answer(body=BODY, announced=None)) == BODY
    assert get(make_client(), portal, Answer(body=b"")) == b""
    assert portal.requests[0][1]["Authorization"] == f"Bearer {portal.token}"
    assert portal.requests[0][1]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_passing_fault_is_asked_again(
    make_client: Callable[..., HttpClient], portal: PortalServer, waits: list[float], status: int
) -> None:
    assert get(make_client(), portal, Answer(status), Answer(status), Answer(body=b"at last")) == b"at last"
    assert len(portal.requests) == 3
    assert 0.5 <= waits[0] <= 1.0 <= waits[1] <= 2.0


@pytest.mark.parametrize("status", [400, 404, 409, 410, 416])
def test_a_lasting_fault_is_asked_once(
    make_client: Callable[..., HttpClient], portal: PortalServer, waits: list[float], status: int
) -> None:
    text = fail(make_client(), portal, HttpStatusError, Answer(status, "không có\n tệp".encode(), "text/plain"))
    assert text == f"{portal.url}/x answers {status}: không có tệp"
    assert (len(portal.requests), waits) == (1, [])


def test_500_for_ever_ends(make_client: Callable[..., HttpClient], portal: PortalServer, waits: list[float]) -> None:
    patience = Patience(attempts=6, backoff_s=1, backoff_cap_s=4)
    text = fail(make_client(patience=patience), portal, HttpStatusError, Answer(500))
    assert text.endswith("answers 500: Scripted")
    assert len(portal.requests) == 6
    assert [low <= wait <= 2 * low for wait, low in zip(waits, (0.5, 1, 2, 2, 2), strict=True)] == [True] * 5


@pytest.mark.parametrize(
    ("retry_after", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("86400", 120, 120),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 120, 120),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("soon", 0.5, 1),
        ("-5", 0.5, 1),
    ],
)
def test_retry_after_is_honoured_within_limits(
    make_client: Callable[..., HttpClient],
    portal: PortalServer,
    waits: list[float],
    retry_after: str,
    low: float,
    high: float,
) -> None:
    get(make_client(), portal, Answer(429, headers={"Retry-After": retry_after}), Answer(body=b"ok"))
    assert low <= waits[0] <= high


def test_retry_after_takes_a_date(
    make_client: Callable[..., HttpClient], portal: PortalServer, waits: list[float]
) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=60)
    get(make_client(), portal, Answer(503, headers={"Retry-After": format_datetime(moment)}), Answer(body=b"ok"))
    assert 55 <= waits[0] <= 60


def test_broken_connections_are_asked_again(
    make_client: Callable[..., HttpClient], portal: PortalServer, waits: list[float]
) -> None:
    assert get(make_client(), portal, Answer(is_hung_up=True), Answer(body=b"ok")) == b"ok"
    text = fail(make_client(), portal, HttpUnreachableError, Answer(is_hung_up=True))
    assert "cannot be reached" in text
    assert len(waits) == 1 + 3


def test_a_silent_server_ends_with_the_read_timeout(
    make_client: Callable[..., HttpClient], portal: PortalServer
) -> None:
    client = make_client(timeout_s=0.05, patience=Patience(attempts=2))
    text = fail(client, portal, HttpUnreachableError, Answer(is_silent=True))
    assert "Read timed out" in text
    assert len(portal.requests) == 2


def test_a_closed_port_is_unreachable(make_client: Callable[..., HttpClient]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        with make_client() as client, pytest.raises(HttpUnreachableError, match="cannot be reached"):
            client.get(url, max_bytes=1)


@pytest.mark.parametrize("answer", [Answer(body=BODY, drip_s=0.02), Answer(body=BODY, drip_head_s=0.02)])
def test_a_slow_drip_ends_at_the_deadline(
    make_client: Callable[..., HttpClient], portal: PortalServer, answer: Answer
) -> None:
    started = time.monotonic()
    text = fail(make_client(patience=Patience(deadline_s=0.2)), portal, HttpTimeoutError, answer)
    assert "did not answer in full within 0.2 s" in text
    assert time.monotonic() - started < 2
    assert len(portal.requests) == 1, "what dripped for so long is not asked again"


@pytest.mark.parametrize(
    "cut", [Answer(body=BODY, announced=len(BODY) + 1), Answer(body=BODY, is_cut_chunked=True)], ids=["length", "chunk"]
)
def test_a_cut_body_is_asked_again_and_never_taken(
    make_client: Callable[..., HttpClient], portal: PortalServer, cut: Answer
) -> None:
    assert get(make_client(), portal, cut, Answer(body=BODY)) == BODY
    text = fail(make_client(), portal, ResponseTruncatedError, cut)
    assert "broke off" in text or "bytes it announced" in text
    assert len(portal.requests) == 2 + 4


@pytest.mark.parametrize("announced", [-1, None])
def test_a_huge_body_is_left_alone(
    make_client: Callable[..., HttpClient], portal: PortalServer, announced: int | None
) -> None:
    answer = Answer(body=b"x" * 3_000_000, announced=announced)
    assert fail(make_client(), portal, FileTooLargeError, answer).endswith("/x sends more than 0.1 MB")
    assert len(portal.requests) == 1
    assert get(make_client(), portal, answer, max_bytes=3_000_000) == answer.body


def test_another_type_than_expected_is_refused(make_client: Callable[..., HttpClient], portal: PortalServer) -> None:
    page = Answer(body=b"<html>login</html>", content_type="Text/HTML; charset=utf-8")
    seen: list[str] = []

    def refuse(media_type: str) -> bool:
        seen.append(media_type)
        return False

    options = {"is_expected": refuse}
    text = fail(make_client(), portal, ResponseWrongTypeError, page, **options)
    assert "answers with text/html, not with what was asked for (a login page?)" in text
    assert "no type" in fail(make_client(), portal, ResponseWrongTypeError, Answer(content_type=None), **options)
    assert seen == ["text/html", ""]


@pytest.mark.parametrize("status", [401, 403])
def test_denied_access_names_the_variable_to_check(
    make_client: Callable[..., HttpClient], portal: PortalServer, status: int
) -> None:
    text = fail(make_client(), portal, HttpDeniedError, Answer(status, portal.token.encode(), "text/plain"))
    assert f"denies access ({status}); the token may have expired: check the environment variable KCN_PORTAL" in text
    assert len(portal.requests) == 1


def test_what_a_server_says_is_shown_without_the_secrets_in_it(
    make_client: Callable[..., HttpClient], portal: PortalServer
) -> None:
    page = f"bad header 'Bearer {portal.token}' or '{portal.token[:14]}...' at http://kcn:pass@host/" + "x" * 5000
    text = fail(make_client(), portal, HttpStatusError, Answer(400, page.encode(), "text/plain"))
    shown = "answers 400: bad header 'Bearer ${KCN_PORTAL_TOKEN}' or '${KCN_PORTAL_TOKEN} at http://***@host/xxx"
    assert shown in text
    assert len(text) < 300
    text = fail(make_client(), portal, HttpStatusError, Answer(400, headers={"X-A": "b"}, body=b""))
    assert text.endswith("answers 400: Scripted")


def test_redirects_are_followed_and_the_token_stays_at_home(
    make_client: Callable[..., HttpClient], portal: PortalServer
) -> None:
    with serve() as other:
        other.script["/file"] = [Answer(body=b"elsewhere")]
        away = Answer(302, headers={"Location": f"{other.url}/file?sig=1"})
        portal.script["/y"] = [away]
        near = Answer(307, headers={"Location": "/y"})
        assert get(make_client(), portal, near) == b"elsewhere"
        assert all("Authorization" in headers for _, headers in portal.requests)
        assert [path for path, _ in other.requests] == ["/file?sig=1"]
        assert "Authorization" not in other.requests[0][1]
        other.script["/file"] = [Answer(403)]
        text = fail(make_client(), portal, HttpDeniedError, away)
        assert "the token was not sent, because it is meant for another host" in text


def test_the_password_file_of_the_account_is_not_used(
    make_client: Callable[..., HttpClient], portal: PortalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serve() as other:
        other.script["/file"] = [Answer(body=b"elsewhere")]
        get(make_client(), portal, Answer(302, headers={"Location": f"{other.url}/file"}))
        assert portal.requests[0][1]["Authorization"] == f"Bearer {portal.token}"
        assert "Authorization" not in other.requests[0][1]


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://host/x", "gopher:x"])
def test_redirects_off_the_web_are_refused(
    make_client: Callable[..., HttpClient], portal: PortalServer, location: str
) -> None:
    answer = Answer(302, headers={"Location": location})
    assert "where a report is not fetched from" in fail(make_client(), portal, RedirectRefusedError, answer)


def test_a_redirect_to_no_address_is_refused(make_client: Callable[..., HttpClient], portal: PortalServer) -> None:
    answer = Answer(302, headers={"Location": "http://[broken"})
    assert "cannot be asked" in fail(make_client(), portal, HttpUnreachableError, answer)


def test_redirects_in_circles_end(make_client: Callable[..., HttpClient], portal: PortalServer) -> None:
    text = fail(make_client(), portal, RedirectRefusedError, Answer(302, headers={"Location": "/x"}))
    assert "redirects more than 5 times" in text
    assert len(portal.requests) == 6


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://[broken", "http://", "no address", "http://a b/"])
def test_what_is_no_web_address_is_refused(make_client: Callable[..., HttpClient], url: str) -> None:
    with make_client(patience=Patience(attempts=1)) as client, pytest.raises(HttpUnreachableError, match="cannot be "):
        client.get(url, max_bytes=10)


def test_a_token_that_no_header_can_carry_is_named_not_shown(
    make_client: Callable[..., HttpClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KCN_PORTAL_TOKEN", "ab\ncd")
    with pytest.raises(SecretError, match="KCN_PORTAL_TOKEN holds characters that no token has") as caught:
        make_client()
    assert "cd" not in str(caught.value).replace("characters that no token has; set it again", "")
    monkeypatch.delenv("KCN_PORTAL_TOKEN")
    with pytest.raises(SecretError, match="KCN_PORTAL_TOKEN is not set"):
        make_client()


def test_not_modified_is_an_answer(make_client: Callable[..., HttpClient], portal: PortalServer) -> None:
    portal.script["/x"] = [Answer(304, content_type=None, headers={"ETag": '"a"'})]
    with make_client() as client:
        response = client.get(f"{portal.url}/x", max_bytes=1, headers={"If-None-Match": '"a"'})
    assert (response.status, response.content, response.headers["etag"]) == (304, b"", '"a"')
    assert portal.requests[0][1]["If-None-Match"] == '"a"'


def test_the_tree_of_errors_has_one_root() -> None:
    assert issubclass(HttpError, LandingError)
    assert issubclass(HttpDeniedError, HttpStatusError)
