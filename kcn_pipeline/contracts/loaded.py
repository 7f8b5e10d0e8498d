"""The loaded set of contracts, and where each entry was written.

It must not read files of its own accord except to find the line of a mistake. The surprising fact: line numbers are
looked up only when something is wrong, so that a correct load pays nothing for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from kcn_pipeline.contracts.documents import DocumentError, read_document
from kcn_pipeline.contracts.errors import Problem
from kcn_pipeline.contracts.forms import Form
from kcn_pipeline.contracts.indicators import Indicator, Measure
from kcn_pipeline.contracts.monitoring import Monitoring
from kcn_pipeline.contracts.ratings import Ratings
from kcn_pipeline.contracts.reference import (
    Area,
    Calendar,
    CodeList,
    Correction,
    Deadline,
    ExchangeRate,
    Factor,
    ParkName,
    PublishedSum,
    RuleText,
    Unit,
)
from kcn_pipeline.contracts.surveys import Survey
from kcn_pipeline.contracts.tables import Table


@dataclass(frozen=True)
class Origin:
    """The file an entry came from and the path to it inside the file."""

    path: Path
    prefix: tuple[str | int, ...]

    def problem(self, key: str, inner: Sequence[str | int], reason: str) -> Problem:
        """A problem at `inner` of the entry `key`, with its line."""
        name = ".".join([key, *(str(part) for part in inner)])
        return Problem(self.path.name, name, reason, _line_of(self.path, (*self.prefix, *inner)))

    def problems(self, key: str, error: ValidationError, entry: Mapping[str, Any]) -> list[Problem]:
        """Every complaint of a model about the entry."""
        found = []
        for detail in error.errors(include_url=False):
            inner = _real_path(entry, detail["loc"])
            found.append(self.problem(key, inner, f"{detail['msg']} (got {detail['input']!r:.80})"))
        return found


@dataclass(frozen=True, eq=False)
class Contracts:
    """Every contract by its key. `catalog_version` names the state of the indicator catalog."""

    tables: Mapping[str, Table]
    forms: Mapping[str, Form]
    code_lists: Mapping[str, CodeList]
    indicators: Mapping[str, Indicator]
    measures: Mapping[str, Measure]
    units: Mapping[str, Unit]
    deadlines: Mapping[str, Deadline]
    exchange_rates: Mapping[str, ExchangeRate]
    factors: Mapping[str, Factor]
    areas: Mapping[str, Area]
    parks: Mapping[str, ParkName]
    rules: Mapping[str, RuleText]
    corrections: Mapping[str, Correction]
    published_sums: Mapping[str, PublishedSum]
    surveys: Mapping[str, Survey]
    ratings: Ratings
    monitoring: Monitoring
    calendar: Calendar
    catalog_version: str
    origins: Mapping[tuple[str, str], Origin] = field(repr=False, default_factory=dict)

    def problem(self, kind: str, key: str, inner: Sequence[str | int], reason: str) -> Problem:
        """A problem found later in an entry (an expression that does not parse), with file and line."""
        origin = self.origins.get((kind, key))
        return origin.problem(key, inner, reason) if origin else Problem(kind, key, reason)

    def topic_tables(self, topic: str) -> list[Table]:
        """The staged tables of a topic, in name order."""
        return [t for _, t in sorted(self.tables.items()) if t.topic == topic and t.is_staged and t.status == "active"]

    def rate_on(self, day: date) -> ExchangeRate | None:
        """The exchange rate that holds on a day; the newest one that began wins."""
        holding = [rate for rate in self.exchange_rates.values() if rate.holds_on(day)]
        return max(holding, key=lambda rate: rate.valid_from or date.min, default=None)

    @cached_property
    def measure_fingerprint(self) -> str:
        """Changes when a measure or factor does: every value computed from reports is then recomputed."""
        return fingerprint(*self.measures.values(), *self.factors.values())


def fingerprint(*models: BaseModel) -> str:
    """A short hash of what contracts say, equal for equal content."""
    return sha256("\n".join(model.model_dump_json(by_alias=True) for model in models).encode()).hexdigest()[:16]


def _real_path(entry: Any, location: Sequence[str | int]) -> tuple[str | int, ...]:
    """Drop the parts of a model's location that name a union member instead of a key of the file."""
    real: list[str | int] = []
    for part in location:
        is_key = isinstance(entry, Mapping) and part in entry
        is_index = isinstance(entry, list) and isinstance(part, int) and part < len(entry)
        if is_key or is_index:
            entry = entry[part]
            real.append(part)
        elif part == location[-1]:
            real.append(part)
    return tuple(real)


def _line_of(path: Path, keys: Sequence[str | int]) -> int | None:
    """The line of the file on which the value at `keys` stands, or of its nearest existing parent.

    None when the file can no longer be read: it was changed or removed since, and the problem told is another.
    """
    try:
        node = _nodes(path, path.stat().st_mtime_ns)
    except (DocumentError, OSError):
        return None
    line = node.start_mark.line + 1 if node else None
    for key in keys:
        child = _child(node, key)
        if child is None:
            return line
        node, line = child, child.start_mark.line + 1
    return line


@lru_cache(maxsize=4)
def _nodes(path: Path, changed_at: int) -> yaml.Node | None:
    """The nodes of a file as it was changed last: a file with many mistakes is parsed once for all of them."""
    return read_document(path).root


def _child(node: yaml.Node | None, key: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == str(key)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key]
    return None
