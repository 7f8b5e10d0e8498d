"""What officers read: the reason of every failure in Vietnamese and English, and the findings with their place.

It must not decide anything. The surprising fact: the texts stand in `rules.yaml`; this module only fills their
placeholders ({file}, {sheet}, {cell}, {line}, {field}, {value}, {expected}, {found}, {detail}).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.base import Bilingual
from kcn_pipeline.contracts.reference import RuleText
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.validation.outcomes import Failure, Refusal
from kcn_pipeline.validation.suites import format_value, label_of

Language = Literal["vi", "en"]
Finding = dict[str, Any]

FINDING_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("rule", "severity", "scope", "table", "source", "payload", "file", "sheet", "cell")]
    + [("line", pa.int64())]
    + [(name, pa.string()) for name in ("field", "value", "reason_vi", "reason_en", "action_vi", "action_en")]
)
_PLACE = ("_source", "_payload", "_file", "_sheet", "_cell", "_line")
#: What a row of a table is to an officer; a row of any other table is a "row".
_SCOPES = {"enterprise_reports": "report", "enterprise_report_values": "cell"}
_NOTHING = Bilingual(vi="–", en="–")
_LIMIT_SIGNS = {"min_value": "≥ ", "max_value": "≤ "}


@dataclass(frozen=True)
class Reason:
    """Why one row broke one rule, in both languages, with the finding that says so."""

    row: int
    rule: str
    vi: str
    en: str
    finding: Finding


def reasons_of(rows: pa.Table, table: Table, failure: Failure, contracts: Contracts) -> Iterator[Reason]:
    """The reason of every row of a failure, in row order."""
    text = rule_text(contracts, failure.rule)
    wanted = {*_PLACE, "raw_text", "field_code", "column_code", "record", failure.column, failure.against}
    chosen = rows.select([name for name in rows.column_names if name in wanted])
    for row, cells in zip(failure.rows.tolist(), chosen.take(pa.array(failure.rows)).to_pylist(), strict=True):
        yield _reason(row, cells, table, failure, text)


def refusal_reason(table: Table, refusal: Refusal, contracts: Contracts) -> Reason:
    """Why a whole batch was refused; its finding has no file, since all files of the batch share it."""
    cause = rule_text(contracts, refusal.rule)
    why = {
        language: fill(getattr(cause.reason, language), {
            "expected": getattr(refusal.expected, language), "found": refusal.found, "file": refusal.source,
            "detail": refusal.found, "value": refusal.found, "field": table.table,
        })
        for language in ("vi", "en")
    }  # fmt: skip
    text = rule_text(contracts, "batch_refused")
    finding = make_finding(
        text, "batch", table.table, {"_source": refusal.source}, refusal.rule, refusal.found,
        {language: {"detail": why[language], "expected": getattr(refusal.expected, language), "found": refusal.found}
         for language in ("vi", "en")},
        severity="critical",
    )  # fmt: skip
    return Reason(-1, "batch_refused", finding["reason_vi"], finding["reason_en"], finding)


def make_finding(
    text: RuleText, scope: str, table: str, place: Mapping[str, Any], field: str | None, value: str | None,
    filling: Mapping[Language, Mapping[str, str]], severity: str | None = None,
) -> Finding:  # fmt: skip
    """A finding in the columns of `FINDING_SCHEMA`; `filling` holds the placeholders beyond the place, per language."""
    where = {name.lstrip("_"): place.get(name) for name in _PLACE}
    reasons = {language: fill(getattr(text.reason, language), {**where, **filling[language]}) for language in filling}
    actions = {language: fill(getattr(text.action, language), {**where, **filling[language]}) for language in filling}
    return {
        "rule": text.rule, "severity": severity or text.severity, "scope": scope, "table": table, **where,
        "field": field, "value": value, "reason_vi": reasons["vi"], "reason_en": reasons["en"],
        "action_vi": actions["vi"], "action_en": actions["en"],
    }  # fmt: skip


def rule_text(contracts: Contracts, rule: str) -> RuleText:
    """The texts of a rule; raises KeyError for a rule that `rules.yaml` does not have."""
    return contracts.rules[rule]


def fill(template: str, values: Mapping[str, Any]) -> str:
    """The template with its placeholders filled; one without a value becomes a dash, never an error at night."""
    return template.format_map(_Filling(values))


class _Filling(dict[str, Any]):
    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__({name: format_value(value) for name, value in values.items()})

    def __missing__(self, name: str) -> str:
        return "–"


def _reason(row: int, cells: Mapping[str, Any], table: Table, failure: Failure, text: RuleText) -> Reason:
    found = cells.get(failure.column) if failure.column else None
    value = cells.get("raw_text") if table.table == "enterprise_report_values" else found
    filling = {
        language: {
            "field": _field_label(cells, table, failure.column, language),
            "value": format_value(value),
            "found": format_value(found),
            "expected": _expected(cells, failure, language),
            "detail": failure.details.get(row, "–"),
        }
        for language in ("vi", "en")
    }
    scope = _SCOPES.get(table.table, "row")
    field = _form_field(cells) or failure.column
    shown = None if value is None else format_value(value)
    finding = make_finding(text, scope, table.table, cells, field, shown, filling, failure.severity)
    return Reason(row, failure.rule, finding["reason_vi"], finding["reason_en"], finding)


def _expected(cells: Mapping[str, Any], failure: Failure, language: Language) -> str:
    if failure.against:
        return _LIMIT_SIGNS.get(failure.against, "") + format_value(cells.get(failure.against))
    return str(getattr(failure.expected or _NOTHING, language))


def _field_label(cells: Mapping[str, Any], table: Table, column: str | None, language: Language) -> str:
    form_field = _form_field(cells)
    if form_field or column is None:
        return form_field or "–"
    known = {name.name: name for name in table.columns}
    return str(getattr(label_of(known[column]), language)) if column in known else column


def _form_field(cells: Mapping[str, Any]) -> str | None:
    """The item of a form as its sheet numbers it, with the value column and the record when there are any."""
    parts = [cells.get(name) for name in ("field_code", "column_code", "record")]
    return "/".join(part for part in parts if part) or None
