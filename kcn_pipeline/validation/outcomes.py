"""The words validation speaks in: failures of rows, refusals of batches, outcomes of checks, results of a night.

It must not hold a rule nor a text. The surprising fact: a failure names rows by their position in tonight's staged
table, the only identity that even a row without a readable key has.

    AssertionError
    └── ConservationError      rows staged are not rows accepted plus rows quarantined: a mistake of ours, never of data
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kcn_pipeline.contracts.base import Bilingual, Severity

CheckName = Literal["columns", "values", "keys", "volume", "recency", "conservation"]
Rows = npt.NDArray[np.int64]

#: Every table of validation has these checks, in this order, whatever its contract says.
CHECK_NAMES: tuple[CheckName, ...] = ("columns", "values", "keys", "volume", "recency", "conservation")


class ConservationError(AssertionError):
    """Rows were lost or doubled between staging and validation."""

    def __init__(self, table: str, staged: int, accepted: int, quarantined: int) -> None:
        self.table, self.staged, self.accepted, self.quarantined = table, staged, accepted, quarantined
        super().__init__(f"{table}: {staged} rows staged, but {accepted} accepted + {quarantined} quarantined")


@dataclass(frozen=True)
class Failure:
    """The rows of a table that break one rule. `critical` rows go to quarantine, others are only found.

    `column` is the one to name in a finding, `against` the column it was compared with (its value is what was
    expected); `details` say what concerns one row only. A consequence of another finding (the values of a refused
    report) is quarantined without a finding of its own; rows that staging could not read break no other rule of values.
    """

    rule: str
    severity: Severity
    check: CheckName
    rows: Rows
    column: str | None = None
    against: str | None = None
    expected: Bilingual | None = None
    details: Mapping[int, str] = field(default_factory=dict)
    is_consequence: bool = False
    is_unreadable: bool = False


@dataclass(frozen=True)
class Refusal:
    """A batch (the rows of one source in one table tonight) that is not taken, and the rule that says so."""

    source: str
    rule: str
    check: CheckName
    expected: Bilingual
    found: str


@dataclass(frozen=True)
class CheckOutcome:
    """One of the six checks of a table. ERROR is kept for refused batches; quarantined rows are WARN."""

    name: CheckName
    passed: bool
    severity: Literal["ERROR", "WARN"]
    counts: Mapping[str, int]
    samples: tuple[Mapping[str, Any], ...]
    message_vi: str
    message_en: str


@dataclass(frozen=True)
class Judged:
    """Tonight's rows of one table after judgement; findings in the columns of `FINDING_SCHEMA`."""

    accepted: pa.Table
    quarantine: pa.Table
    findings: pa.Table
    checks: tuple[CheckOutcome, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class TableResult:
    """What one night did to one table; `stored` counts the rows written (for a register all its versions)."""

    table: str
    staged: int
    accepted: int
    quarantined: int
    stored: int
    findings: int
    checks: tuple[CheckOutcome, ...]
    refused_sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class TopicResult:
    """What one night did to the tables of a topic."""

    topic: str
    night: str
    tables: Mapping[str, TableResult]

    @property
    def findings(self) -> int:
        """How many findings the night wrote for the topic."""
        return sum(result.findings for result in self.tables.values())

    @property
    def refused_batches(self) -> tuple[tuple[str, str], ...]:
        """The refused batches as (table, source)."""
        return tuple((name, source) for name, result in self.tables.items() for source in result.refused_sources)
