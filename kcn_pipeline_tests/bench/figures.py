"""A measured figure, how it is printed, and how noise is kept out of it.

It must not measure. The surprising fact: a figure without a target is always ok; it explains another one.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One line of the benchmarks; `target` is the most that is ok, None when the figure only explains another."""

    name: str
    value: float
    unit: str
    target: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the target is met."""
        return self.target is None or self.value <= self.target

    def to_json(self) -> str:
        """The line; `ok` speaks of the value as it is printed."""
        shown = Figure(self.name, round(self.value, 3), self.unit, self.target)
        line = {"name": shown.name, "value": shown.value, "unit": shown.unit, "target": shown.target, "ok": shown.ok}
        return json.dumps(line)


def time_call(call: Callable[[], object]) -> float:
    """The seconds a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def alternate(
    times: int, measured: Callable[[], float], yardstick: Callable[[], float]
) -> list[tuple[float, float]]:
    """Both sides in turn, that many times, so that a slow minute of the machine slows both."""
    return [(measured(), yardstick()) for _ in range(times)]


def compare(
    name: str, pairs: Sequence[tuple[float, float]], target: float, sides: tuple[str, str]
) -> Iterator[Figure]:
    """The median of the pairs' ratios with its target, then the median seconds of each side."""
    yield Figure(name, median(one / other for one, other in pairs), "ratio", target)
    yield from _seconds(name, sides[0], (one for one, _ in pairs))
    yield from _seconds(name, sides[1], (other for _, other in pairs))


def _seconds(name: str, side: str, times: Iterable[float]) -> Iterator[Figure]:
    yield Figure(f"{name}.{side}", median(times), "s")
