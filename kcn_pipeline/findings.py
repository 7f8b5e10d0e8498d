"""What was found wrong or worth knowing while reading: rendered from rules.yaml, kept as rows of one table.

It must not decide what is wrong. The surprising fact: a finding never removes a row; rows leave only at validation,
which is told by the row's `_problem`.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.reference import RuleText

Scope = Literal["payload", "report", "row", "cell", "batch", "feed"]

#: One row is one finding; the same columns in every stage.
FINDING_SCHEMA = pa.schema(
    [
        (name, pa.int64() if name == "line" else pa.string())
        for name in [
            "rule",
            "severity",
            "scope",
            "table",
            "source",
            "payload",
            "file",
            "sheet",
            "cell",
            "line",
            "field",
            "value",
            "reason_vi",
            "reason_en",
            "action_vi",
            "action_en",
        ]
    ]
)


@dataclass(frozen=True)
class Place:
    """Where something was found: which payload, sheet and cell or line."""

    source: str = ""
    payload: str = ""
    file: str = ""
    sheet: str | None = None
    cell: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class Finding:
    """One thing found. `said` fills the placeholders of the rule's text."""

    rule: str
    scope: Scope
    table: str
    place: Place
    field: str | None = None
    value: str | None = None
    said: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "—"


def render(text: RuleText, **said: Any) -> dict[str, str]:
    """The reason and action of a rule in both languages with the placeholders filled, a dash for what is unknown."""
    known = _Blank({key: value for key, value in said.items() if value is not None})
    return {
        "reason_vi": text.reason.vi.format_map(known),
        "reason_en": text.reason.en.format_map(known),
        "action_vi": text.action.vi.format_map(known),
        "action_en": text.action.en.format_map(known),
    }


def tabulate_findings(contracts: Contracts, findings: Iterable[Finding]) -> pa.Table:
    """Findings as rows of FINDING_SCHEMA; raises KeyError for a rule that rules.yaml does not know."""
    rows = []
    for finding in findings:
        place, text = finding.place, contracts.rules[finding.rule]
        row: dict[str, Any] = {
            "rule": finding.rule,
            "severity": text.severity,
            "scope": finding.scope,
            "table": finding.table,
            "source": place.source,
            "payload": place.payload,
            "file": place.file,
            "sheet": place.sheet,
            "cell": place.cell,
            "line": place.line,
            "field": finding.field,
            "value": finding.value,
        }
        rows.append(row | render(text, **{**row, **finding.said}))
    return pa.Table.from_pylist(rows, schema=FINDING_SCHEMA)
