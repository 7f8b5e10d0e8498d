"""How often a server is asked: our own limit, what its headers say, and how long it can make us wait."""

from datetime import UTC, datetime, timedelta

import pytest

from kcn_pipeline.landing.errors import RateLimitedError
from kcn_pipeline.landing.pace import Pace, read_reset_s

NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)


class Clock:
    """A clock that moves only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds - 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_pace(clock: Clock, requests_per_minute: int = 60, budget_s: float = 3600) -> Pace:
    return Pace(requests_per_minute, budget_s=budget_s, sleep=clock.sleep, clock=lambda: clock.seconds, now=clock.now)


def test_no_minute_holds_more_requests_than_allowed(clock: Clock) -> None:
    pace = make_pace(clock, requests_per_minute=3)
    asked = []
    for _ in range(20):
        pace.wait()
        asked.append(clock.seconds)
        clock.seconds += 7
    assert clock.waits, "seven seconds apart are nine a minute"
    assert all(later - first >= 60 for first, later in zip(asked, asked[3:], strict=False))
    assert asked[2] - asked[0] == 14, "the first three do not wait"


@pytest.mark.parametrize(
    ("status", "headers", "retry_after_s", "waits"),
    [
        (200, {}, None, []),
        (200, {"x-ratelimit-remaining": "12", "x-ratelimit-reset": "44"}, None, []),
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "44"}, None, [44]),
        (200, {"x-ratelimit-remaining": "0"}, None, []),
        (429, {}, None, [60]),
        (429, {"x-ratelimit-reset": "soon"}, None, [60]),
        (429, {"x-ratelimit-reset": "20"}, None, [20]),
        (429, {"x-ratelimit-reset": f"{NOW.timestamp() + 25:.0f}"}, None, [25]),
        (429, {"x-ratelimit-reset": "20"}, 90.0, [90]),
        (429, {}, 0.0, []),
    ],
)
def test_what_a_server_says_is_heeded(
    clock: Clock, status: int, headers: dict[str, str], retry_after_s: float | None, waits: list[float]
) -> None:
    pace = make_pace(clock)
    pace.wait()
    pace.note(status, headers, retry_after_s)
    pace.wait()
    assert clock.waits == waits


def test_a_server_cannot_make_us_wait_for_ever(clock: Clock) -> None:
    pace = make_pace(clock, budget_s=100)
    for _ in range(2):
        pace.note(429, {"x-ratelimit-reset": "45"}, None)
        pace.wait()
    pace.note(429, {"x-ratelimit-reset": "45"}, None)
    with pytest.raises(RateLimitedError, match=r"spent for the next 45 s; what is left is asked for the next night"):
        pace.wait()
    assert clock.waits == [45, 45]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60", 60.0),
        (" 0 ", 0.0),
        ("59.5", 59.5),
        (f"{NOW.timestamp() + 30:.0f}", 30.0),
        (f"{(NOW.timestamp() + 30) * 1000:.0f}", 30.0),
        (f"{NOW.timestamp() - 30:.0f}", 0.0),
        ("2026-11-21T01:31:00Z", 60.0),
        ("2026-11-21T01:31:00", 60.0),
        ("2026-11-21T08:30:10+07:00", 10.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_a_reset_is_seconds_or_a_moment(text: str, seconds: float | None) -> None:
    assert read_reset_s(text, NOW) == seconds
