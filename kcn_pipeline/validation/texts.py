"""What officers read: the reason of every failure in Vietnamese and English, and the findings with their place.

It must not decide anything. The surprising fact: the texts stand in `rules.yaml`; this module only fills their
placeholders ({file}, {sheet}, {cell}, {line}, {field}, {value}, {expected}, {found}, {detail}).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.base import Bilingual
from kcn_pipeline.contracts.reference import RuleText
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.findings import FINDING_SCHEMA
from kcn_pipeline.validation.outcomes import Failure, Refusal
from kcn_pipeline.validation.suites import format_value, label_of

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = ("vi", "en")
Finding = dict[str, Any]

_PLACE = ("_source", "_payload", "_file", "_sheet", "_cell", "_line")
#: What a row of a table is to an officer; a row of any other table is a "row".
_SCOPES = {"enterprise_reports": "report", "enterprise_report_values": "cell"}
_NOTHING = Bilingual(vi="—", en="—")
_BARE = Bilingual(vi="{field}: {value} ({detail})", en="{field}: {value} ({detail})")
#: How staging names the cell of a register row that it could not read: `Số giờ [D14]: ba giờ`.
_STATED_CELL = re.compile(r"(.+?) \[([A-Z]{1,3}\d+)\]: (.*)", re.DOTALL)
_LIMIT_SIGNS = {"min_value": "≥ ", "max_value": "≤ "}


#: Rows turned into Python at a time: on a bad night all of 240,000 fail, and one takes 1.5 kB while it is worded.
_ROWS_AT_A_TIME = 5_000


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
    wanted = {*_PLACE, "raw_text", "value_raw", "field_code", "column_code", "record", failure.column, failure.against}
    chosen = rows.select([name for name in rows.column_names if name in wanted])
    for start in range(0, len(failure.rows), _ROWS_AT_A_TIME):
        numbers = failure.rows[start : start + _ROWS_AT_A_TIME]
        for row, cells in zip(numbers.tolist(), chosen.take(pa.array(numbers)).to_pylist(), strict=True):
            yield _reason(row, cells, table, failure, text)


def as_table(findings: Iterable[Finding]) -> pa.Table:
    """Findings as a table, taken from the iterable a few thousand at a time."""
    waiting, tables = iter(findings), [FINDING_SCHEMA.empty_table()]
    while chunk := list(islice(waiting, _ROWS_AT_A_TIME)):
        tables.append(pa.Table.from_pylist(chunk, schema=FINDING_SCHEMA))
    return pa.concat_tables(tables)


def refusal_reason(table: Table, refusal: Refusal, contracts: Contracts) -> Reason:
    """Why a whole batch was refused; its finding has no file, since all files of the batch share it."""
    cause, text = rule_text(contracts, refusal.rule), rule_text(contracts, "batch_refused")
    filling: dict[Language, Mapping[str, str]] = {}
    for language in LANGUAGES:
        expected = str(getattr(refusal.expected, language))
        known = {"expected": expected, "found": refusal.found, "value": refusal.found, "field": table.table}
        because = getattr(cause.reason, language).format_map(_Filling({**known, "detail": refusal.found})).rstrip(".")
        filling[language] = {**known, "detail": because}
    place = {"_source": refusal.source}
    finding = make_finding(text, "batch", table.table, place, refusal.rule, refusal.found, filling, "critical")
    return Reason(-1, text.rule, finding["reason_vi"], finding["reason_en"], finding)


def make_finding(
    text: RuleText, scope: str, table: str, place: Mapping[str, Any], field: str | None, value: str | None,
    filling: Mapping[Language, Mapping[str, str]], severity: str | None = None,
) -> Finding:  # fmt: skip
    """A finding in the columns of `FINDING_SCHEMA`; `filling` holds the placeholders beyond the place, per language."""
    where = {name.lstrip("_"): place.get(name) for name in _PLACE}
    finding = {"rule": text.rule, "severity": severity or text.severity, "scope": scope, "table": table, **where}
    finding |= {"field": field, "value": value}
    for language in LANGUAGES:
        known = _Filling({**where, **filling[language]})
        finding[f"reason_{language}"] = getattr(text.reason, language).format_map(known)
        finding[f"action_{language}"] = getattr(text.action, language).format_map(known)
    return finding


def rule_text(contracts: Contracts, rule: str) -> RuleText:
    """The texts of a rule; a rule without texts names itself, so that a night never dies for want of words."""
    return contracts.rules.get(rule) or RuleText(rule=rule, severity="critical", reason=_BARE, action=_NOTHING)


class _Filling(dict[str, Any]):
    """The placeholders of a text; one without a value becomes a dash, never an error at night."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__({name: format_value(value) for name, value in values.items()})

    def __missing__(self, name: str) -> str:
        return "—"


def _reason(row: int, cells: Mapping[str, Any], table: Table, failure: Failure, text: RuleText) -> Reason:
    found = cells.get(failure.column) if failure.column else None
    written = cells.get("raw_text") or found
    field = _form_field(cells) or failure.column
    detail = failure.details.get(row)
    if failure.column is None and detail:
        named, cell, written = _read_detail(detail, written or cells.get("value_raw"))
        field, cells = field or named, {**cells, "_cell": cell or cells.get("_cell")}
    filling: dict[Language, Mapping[str, str]] = {}
    for language in LANGUAGES:
        filling[language] = {
            "field": _label(table, field, language),
            "value": format_value(written),
            "found": format_value(found),
            "expected": _expected(cells, failure, language),
            "detail": detail or _comparison(cells, table, failure, language),
        }
    shown = None if written is None else format_value(written)
    scope = _SCOPES.get(table.table, "row")
    finding = make_finding(text, scope, table.table, cells, field, shown, filling, failure.severity)
    return Reason(row, failure.rule, finding["reason_vi"], finding["reason_en"], finding)


def _read_detail(detail: str, written: Any) -> tuple[str | None, str | None, Any]:
    """Which column and cell staging could not read and what stands there; a register row has one detail in all."""
    match = _STATED_CELL.fullmatch(detail)
    return (match[1], match[2], match[3]) if match else (None, None, written or detail)


def _expected(cells: Mapping[str, Any], failure: Failure, language: Language) -> str:
    if failure.against:
        return _LIMIT_SIGNS.get(failure.against, "") + format_value(cells.get(failure.against))
    return str(getattr(failure.expected or _NOTHING, language))


def _comparison(cells: Mapping[str, Any], table: Table, failure: Failure, language: Language) -> str:
    """Both sides of a comparison with their labels, such as "Hiệu lực từ 2026-01-01, Hiệu lực đến 2025-12-31"."""
    if failure.against is None or failure.column is None:
        return "—"
    sides = (failure.column, failure.against)
    return ", ".join(f"{_label(table, side, language)} {format_value(cells.get(side))}" for side in sides)


def _label(table: Table, column: str | None, language: Language) -> str:
    found = next((entry for entry in table.columns if entry.name == column), None)
    return str(getattr(label_of(found), language)) if found else column or "—"


def _form_field(cells: Mapping[str, Any]) -> str | None:
    """The item of a form as its sheet numbers it, with the value column and the record when there are any."""
    parts = [cells.get(name) for name in ("field_code", "column_code", "record")]
    return "/".join(part for part in parts if part) or None
