"""Each kind of rule with a row that keeps it and rows that break it, judged together in one frame."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.base import Bilingual
from kcn_pipeline.contracts.reference import RuleText
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.validation import judge as judge_module
from kcn_pipeline.validation.context import Context
from kcn_pipeline.validation.judge import judge
from kcn_pipeline.validation.outcomes import Judged
from kcn_pipeline_tests.validation.frames import NIGHT

#: A table that has every property of a column and every kind of rule once.
THINGS: dict[str, Any] = {
    "table": "things", "topic": "register", "grain": "one thing", "owner": "team:test", "key": ["thing", "part"],
    "description": {"vi": "Vật", "en": "Things"},
    "columns": [
        {"name": "thing", "type": "string", "required": True, "description": "key"},
        {"name": "part", "type": "string", "description": "key, may be empty"},
        {"name": "size", "type": "number", "min": 0, "max": 10, "description": "range",
         "label": {"vi": "Cỡ", "en": "Size"}},
        {"name": "count", "type": "integer", "min": 1, "description": "range of whole numbers"},
        {"name": "freq", "type": "string", "codes": "freq", "description": "codes"},
        {"name": "code", "type": "string", "pattern": "^[A-Z]{2}(-[0-9])?$", "description": "pattern"},
        {"name": "advised", "type": "string", "required": True, "severity": "warning", "description": "only noted"},
        {"name": "park", "type": "string", "description": "reference"},
        {"name": "is_asked", "type": "boolean", "description": "whether answer must be filled"},
        {"name": "answer", "type": "string", "description": "not empty when asked"},
        {"name": "first", "type": "date", "description": "ordered, not in the future"},
        {"name": "last", "type": "date", "description": "ordered"},
        {"name": "min_value", "type": "number", "description": "the row's own limit"},
        {"name": "value", "type": "number", "description": "ordered, plausible"},
        {"name": "total", "type": "number", "description": "sum"},
        {"name": "left", "type": "number", "description": "part of the sum"},
        {"name": "right", "type": "number", "description": "part of the sum"},
        {"name": "seen_at", "type": "timestamp", "description": "recency"},
    ],
    "rules": [
        {"kind": "no_problem", "rule": "unreadable_row", "column": "_problem"},
        {"kind": "reference", "rule": "unknown_park", "column": "park", "table": "register_parks", "to": "park_code"},
        {"kind": "not_empty_when", "rule": "required_missing", "column": "answer", "when": "is_asked"},
        {"kind": "ordered", "rule": "dates_reversed", "low": "first", "high": "last"},
        {"kind": "ordered", "rule": "below_minimum", "low": "min_value", "high": "value"},
        {"kind": "not_future", "rule": "date_in_future", "column": "first"},
        {"kind": "sum", "rule": "sum_mismatch", "total": "total", "parts": ["left", "right"], "severity": "critical"},
        {"kind": "plausible", "rule": "far_from_previous", "column": "value", "by": ["thing"], "max_ratio": 20},
    ],
    "volume": {"max_bad_share": 1.0},
    "recency": {"column": "seen_at", "max_age_days": 30},
}  # fmt: skip

GOOD: dict[str, Any] = {
    "part": "a", "size": 5.0, "count": 2, "freq": "Q", "code": "AB-1", "advised": "yes", "park": "QUE_VO",
    "is_asked": True, "answer": "so", "first": date(2026, 1, 1), "last": date(2026, 2, 1), "min_value": 0.0,
    "value": 10.0, "total": 17.43, "left": 15.4, "right": 2.03, "seen_at": datetime(2026, 5, 1, 8),
}  # fmt: skip

#: What is wrong with a row, the value its key had one period earlier, and the rules it breaks.
CASES: dict[str, tuple[dict[str, Any], float | None, list[str]]] = {
    "good": ({}, 10.0, []),
    "nulls are skipped": ({name: None for name in GOOD if name not in ("advised", "is_asked", "answer")}, None, []),
    "on both limits": ({"size": 0.0, "count": 1, "first": date(2026, 5, 10), "last": date(2026, 5, 10)}, None, []),
    "key empty": ({"thing": None}, None, ["missing_value"]),
    "key blank": ({"thing": ""}, None, ["missing_value"]),
    "below range": ({"size": -0.1}, None, ["out_of_range"]),
    "above range": ({"size": 10.5}, None, ["out_of_range"]),
    "whole number below range": ({"count": 0}, None, ["out_of_range"]),
    "unknown code": ({"freq": "W"}, None, ["not_in_codes"]),
    "wrong pattern": ({"code": "ab"}, None, ["pattern_mismatch"]),
    "only noted": ({"advised": None}, None, ["missing_value (warning)"]),
    "unknown reference": ({"park": "NOWHERE"}, None, ["unknown_park"]),
    "asked and empty": ({"answer": None}, None, ["required_missing"]),
    "asked and blank": ({"answer": ""}, None, ["required_missing"]),
    "not asked": ({"is_asked": False, "answer": None}, None, []),
    "not known whether asked": ({"is_asked": None, "answer": None}, None, []),
    "reversed dates": ({"last": date(2025, 12, 31)}, None, ["dates_reversed"]),
    "below own limit": ({"min_value": 0.0, "value": -1.0}, None, ["below_minimum"]),
    "future": ({"first": date(2026, 5, 11), "last": None}, None, ["date_in_future"]),
    "sum off": ({"right": 2.2}, None, ["sum_mismatch"]),
    "sum with a part missing": ({"right": None, "total": 99.0}, None, []),
    "sum of nothing": ({"total": 0.0, "left": 0.0, "right": 0.0}, None, []),
    "twenty times": ({"value": 200.0}, 10.0, []),
    "more than twenty times": ({"value": 201.0}, 10.0, ["far_from_previous (warning)"]),
    "less than a twentieth": ({"value": 0.4}, 10.0, ["far_from_previous (warning)"]),
    "from zero": ({"value": 500.0}, 0.0, []),
    "from below zero": ({"value": 500.0}, -1.0, []),
    "known problem": (
        {"_problem": "unreadable_number", "_problem_detail": "Cỡ [D4]: ba phẩy"}, None, ["unreadable_number"],
    ),
    "unknown problem": ({"_problem": "never_heard_of"}, None, ["unreadable_row"]),
    "unreadable and therefore missing": (
        {"thing": None, "park": "?", "_problem": "unreadable_number"},
        None,
        ["unreadable_number"],
    ),
    "two faults": ({"size": 99.0, "freq": "W"}, None, ["out_of_range", "not_in_codes"]),
    "same key, same content": ({"thing": "twin"}, None, []),
    "same key, same content again": ({"thing": "twin"}, None, ["duplicate_key"]),
    "same key, one content": ({"thing": "rival", "size": 1.0}, None, ["duplicate_key"]),
    "same key, other content": ({"thing": "rival", "size": 2.0}, None, ["duplicate_key"]),
    "same key in another file": ({"thing": "twin", "_payload": "other"}, None, []),
}  # fmt: skip


def _contract(contracts: Contracts, **changes: Any) -> tuple[Contracts, Table]:
    bookkeeping = [c for c in contracts.tables["register_parks"].columns if c.name.startswith("_")]
    table = Table.model_validate_json(json.dumps({**THINGS, **changes}))
    table = table.model_copy(update={"columns": (*table.columns, *bookkeeping)})
    words = RuleText(
        rule="unreadable_number", severity="critical", action=Bilingual(vi="Sửa.", en="Correct it."),
        reason=Bilingual(vi="ô {cell}, {field}: {value}", en="at {cell}, {field}: {value} ({file}, {sheet})"),
    )  # fmt: skip
    rules = {**contracts.rules, words.rule: words}
    return replace(contracts, tables={**contracts.tables, "things": table}, rules=rules), table


def _staged(table: Table, rows: list[dict[str, Any]]) -> pa.Table:
    book = {"_night": NIGHT, "_source": "files", "_payload": "sha", "_file": "tệp.xlsx", "_sheet": "Vật"}
    full = [{"thing": f"t{line}", **GOOD, **book, "_line": line, **row} for line, row in enumerate(rows)]
    return pa.Table.from_pylist(full, schema=schema_of(table))


def _judge(contracts: Contracts, rows: list[dict[str, Any]], previous: list[float | None], **changes: Any) -> Judged:
    contracts, table = _contract(contracts, **changes)
    known = {("register_parks", "park_code"): pa.chunked_array([["QUE_VO", "VSIP_BN"]])}
    context = Context(contracts, NIGHT, known, pa.array(previous, pa.float64()))
    return judge(_staged(table, rows), table, context)


@pytest.fixture(scope="module", params=[100_000, 7])
def judged(contracts: Contracts, request: pytest.FixtureRequest) -> Iterator[Judged]:
    """All cases judged in one frame, at once and a few rows at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge_module, "CHUNK_ROWS", request.param)
        yield _judge(contracts, [row for row, _, _ in CASES.values()], [previous for _, previous, _ in CASES.values()])


def test_each_case_breaks_its_rules_and_no_other(judged: Judged) -> None:
    found: dict[int, list[str]] = {}
    for finding in judged.findings.to_pylist():
        mark = "" if finding["severity"] == "critical" else f" ({finding['severity']})"
        found.setdefault(finding["line"], []).append(finding["rule"] + mark)
    said = {case: sorted(found.get(line, [])) for line, case in enumerate(CASES)}
    assert said == {case: sorted(rules) for case, (_, _, rules) in CASES.items()}


def test_critical_rows_are_quarantined_and_noted_rows_are_not(judged: Judged) -> None:
    bad = {line for line, (_, _, rules) in enumerate(CASES.values()) if any("(" not in rule for rule in rules)}
    assert {row["_line"] for row in judged.quarantine.to_pylist()} == bad
    assert set(judged.accepted.column("_line").to_pylist()) == set(range(len(CASES))) - bad


def test_quarantine_says_why_in_both_languages(judged: Judged) -> None:
    rows = {list(CASES)[row["_line"]]: row for row in judged.quarantine.to_pylist()}
    two = rows["two faults"]
    assert two["_rules"] == "out_of_range; not_in_codes"
    assert "Cỡ" in two["_reason_vi"]
    assert "Size" in two["_reason_en"]
    assert "99" in two["_reason_en"]
    assert two["size"] == 99.0
    assert rows["known problem"]["_reason_en"] == "at D4, Cỡ: ba phẩy (tệp.xlsx, Vật)"
    assert "never_heard_of" in rows["unknown problem"]["_reason_en"]
    assert not [row for row in rows.values() if re.search(r"\{[a-z]+\}", row["_reason_vi"] + row["_reason_en"])]


def test_a_finding_names_its_place_and_value(judged: Judged) -> None:
    found = {list(CASES)[finding["line"]]: finding for finding in judged.findings.to_pylist()}
    unknown = found["unknown reference"]
    assert {key: unknown[key] for key in ("rule", "scope", "table", "source", "file", "sheet", "field", "value")} == {
        "rule": "unknown_park", "scope": "row", "table": "things", "source": "files", "file": "tệp.xlsx",
        "sheet": "Vật", "field": "park", "value": "NOWHERE",
    }  # fmt: skip
    assert "10 → 201" in found["more than twenty times"]["reason_en"]
    problem = found["known problem"]
    assert (problem["cell"], problem["field"], problem["value"]) == ("D4", "Cỡ", "ba phẩy")


def test_checks_count_what_they_found(judged: Judged) -> None:
    checks = {check.name: check for check in judged.checks}
    assert list(checks) == ["columns", "values", "keys", "volume", "recency", "conservation"]
    assert (checks["values"].passed, checks["values"].severity) == (False, "WARN")
    assert (checks["keys"].passed, checks["keys"].counts["duplicates"]) == (False, 3)
    assert checks["columns"].passed
    assert checks["volume"].passed
    assert checks["recency"].passed
    counts = checks["conservation"].counts
    assert counts["staged"] == counts["accepted"] + counts["quarantined"] == len(CASES)
    assert 0 < len(checks["values"].samples) <= 5
    assert checks["values"].samples[0]["line"] == list(CASES).index("key empty")


def test_old_data_is_noted(contracts: Contracts) -> None:
    judged = _judge(contracts, [{"seen_at": datetime(2026, 4, 9)}, {"seen_at": None}], [None, None])
    assert [(f["rule"], f["scope"], f["severity"]) for f in judged.findings.to_pylist()] == [
        ("not_recent", "batch", "warning")
    ]
    assert {check.name: check.passed for check in judged.checks}["recency"] is False
    assert judged.quarantine.num_rows == 0


def test_a_column_without_any_date_says_nothing_of_age(contracts: Contracts) -> None:
    judged = _judge(contracts, [{"seen_at": None}], [None])
    assert judged.findings.num_rows == 0


def test_good_rows_pass_every_check(contracts: Contracts) -> None:
    judged = _judge(contracts, [{}, {}], [None, None])
    assert [check.passed for check in judged.checks] == [True] * 6
    assert (judged.accepted.num_rows, judged.quarantine.num_rows, judged.findings.num_rows) == (2, 0, 0)
