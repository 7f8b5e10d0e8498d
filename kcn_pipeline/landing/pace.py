"""How often a server may be asked: our own limit, and what it says in its headers about its limit.

It must not ask for anything, nor decide whether something is asked again. The surprising fact: `x-ratelimit-reset` is
in seconds on one server and a moment on another, and a 429 may come without any header; then a whole minute is waited.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from kcn_pipeline.landing.errors import RateLimitedError

_MINUTE_S = 60.0
#: Numbers from here on are moments since 1970, in seconds or in milliseconds; no service lets wait for 30 years.
_MOMENT_S = 1e9
_MOMENT_MS = 1e12


class Pace:
    """At most so many requests within any minute, and none before the moment at which a spent limit is reset.

    `budget_s` bounds what a server can make us wait in all; beyond it RateLimitedError says to leave the rest.
    """

    def __init__(
        self,
        requests_per_minute: int,
        *,
        budget_s: float = 3600.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent: deque[float] = deque(maxlen=requests_per_minute)
        self._budget_s = budget_s
        self._sleep = sleep
        self._clock = clock
        self._now = now
        self._not_before = clock()

    def wait(self) -> None:
        """Wait until the next request may go out; raises RateLimitedError when the server wants too long a wait."""
        imposed_s = max(0.0, self._not_before - self._clock())
        if imposed_s > self._budget_s:
            raise RateLimitedError(
                f"its rate limit is spent for the next {imposed_s:.0f} s; what is left is asked for the next night"
            )
        self._budget_s -= imposed_s
        is_full = len(self._recent) == self._recent.maxlen
        own_s = self._recent[0] + _MINUTE_S - self._clock() if is_full else 0.0
        if max(imposed_s, own_s) > 0:
            self._sleep(max(imposed_s, own_s))
        self._recent.append(self._clock())

    def note(self, status: int, headers: Mapping[str, str], retry_after_s: float | None) -> None:
        """Learn from an answer when the next request may go out; `retry_after_s` is what its Retry-After says."""
        reset_s = read_reset_s(headers.get("x-ratelimit-reset", ""), self._now())
        if status == 429:
            wait_s = next((wait for wait in (retry_after_s, reset_s) if wait is not None), _MINUTE_S)
        elif headers.get("x-ratelimit-remaining", "").strip() == "0":
            wait_s = reset_s or 0.0
        else:
            return
        self._not_before = max(self._not_before, self._clock() + wait_s)


def read_reset_s(text: str, now: datetime) -> float | None:
    """Seconds until a rate limit is reset, by a header of seconds, of a moment since 1970 or of an ISO 8601 moment.

    None when it is none of them; never below 0.
    """
    try:
        number = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    if not 0 <= number < float("inf"):
        return None
    if number >= _MOMENT_MS:
        number /= 1000
    return max(0.0, number - now.timestamp()) if number >= _MOMENT_S else number
