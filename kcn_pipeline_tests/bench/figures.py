"""A measured figure, how it is printed, and how noise is kept out of it.

It must not know what is measured. The surprising fact: a figure without a target is always ok; it only explains
another one.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

#: Seconds of what is measured and of what it is compared with, taken one right after the other.
Pair = tuple[float, float]


@dataclass(frozen=True)
class Figure:
    """One line of the benchmarks; `target` is the most that is ok, None when the figure only explains another."""

    name: str
    value: float
    unit: str
    target: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the value, as it is printed, meets the target."""
        return self.target is None or self.shown <= self.target

    @property
    def shown(self) -> float:
        """The value to three decimals."""
        return round(self.value, 3)

    def to_json(self) -> str:
        """The line."""
        line = {"name": self.name, "value": self.shown, "unit": self.unit, "target": self.target, "ok": self.ok}
        return json.dumps(line)


def time_call(call: Callable[[], object]) -> float:
    """The seconds a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def alternate(times: int, measured: Callable[[], float], yardstick: Callable[[], float]) -> list[Pair]:
    """The seconds of both in turn, that many times, so that a slow minute of the machine slows both."""
    return [(measured(), yardstick()) for _ in range(times)]


def compare(name: str, target: float, pairs: Sequence[Pair], sides: tuple[str, str]) -> Iterator[Figure]:
    """The median of the pairs' ratios with its target, then the median seconds of each side."""
    yield Figure(name, median(one / other for one, other in pairs), "ratio", target)
    for side, times in zip(sides, zip(*pairs, strict=True), strict=True):
        yield Figure(f"{name}.{side}", median(times), "s")
