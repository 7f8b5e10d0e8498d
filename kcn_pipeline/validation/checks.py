"""The six checks of a table, the same names on every table, with counts, samples and one sentence in both languages.

It must not judge again what was judged. The surprising fact: ERROR means that a batch was refused, never that rows
were: quarantined rows are everyday business and only warn.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.validation.outcomes import CHECK_NAMES, CheckName, CheckOutcome, Failure, Refusal
from kcn_pipeline.validation.run import Verdict
from kcn_pipeline.validation.split import Split
from kcn_pipeline.validation.suites import format_value

MOST_SAMPLES = 5
_SAMPLE_KEYS = ("rule", "source", "file", "sheet", "cell", "line", "field", "value", "reason_vi", "reason_en")
#: What each check says when all is well; placeholders are its counts.
_GOOD: dict[CheckName, tuple[str, str]] = {
    "columns": ("đủ {columns} cột, đúng kiểu", "all {columns} columns are there with their types"),
    "values": ("{rows} dòng đạt, {noted} dòng có lưu ý", "{rows} rows pass, {noted} with a remark"),
    "keys": ("không có khóa lặp trong {rows} dòng", "no key repeats in {rows} rows"),
    "volume": ("{rows} dòng trong {batches} đợt", "{rows} rows in {batches} batches"),
    "recency": (
        "mới nhất {newest}, được phép cũ tối đa {allowed_days} ngày",
        "newest {newest}, at most {allowed_days} days old allowed",
    ),
    "conservation": (
        "{staged} dòng = {accepted} nhận + {quarantined} cách ly",
        "{staged} rows = {accepted} accepted + {quarantined} quarantined",
    ),
}
_BAD: dict[CheckName, tuple[str, str]] = {
    "columns": (
        "thiếu {missing} cột, {wrong_type} cột sai kiểu",
        "{missing} columns missing, {wrong_type} of wrong type",
    ),
    "values": ("{quarantined} trên {rows} dòng bị cách ly", "{quarantined} of {rows} rows quarantined"),
    "keys": ("{duplicates} dòng có khóa lặp", "{duplicates} rows repeat a key"),
    "volume": ("từ chối {refused} trên {batches} đợt", "{refused} of {batches} batches refused"),
    "recency": (
        "dữ liệu đã cũ: mới nhất {newest}, được phép cũ tối đa {allowed_days} ngày",
        "the data is old: newest {newest}, at most {allowed_days} days old allowed",
    ),
    "conservation": ("không khớp", "does not add up"),
}
_NOT_JUDGED = (
    "không xét độ mới: hợp đồng dữ liệu không đặt hạn hoặc không có ngày nào",
    "age is not judged: no limit or no date",
)
_NOTHING = ("đêm nay không có dữ liệu mới", "nothing new tonight")


def outcomes_of(
    staged: int, table: Table, split: Split, failures: Sequence[Failure], refusals: Sequence[Refusal],
    structure: Sequence[Verdict], recency: Sequence[Verdict],
) -> tuple[CheckOutcome, ...]:  # fmt: skip
    """The outcome of every check for the rows of one night, in the order of `CHECK_NAMES`."""
    missing = sum(len(verdict.observed or []) for verdict in structure if verdict.criterion.column is None)
    wrong = sum(verdict.criterion.column is not None for verdict in structure)
    bad_values, duplicates = _rows(failures, "values", "critical"), _rows(failures, "keys", "critical")
    refused = {check: sum(refusal.check == check for refusal in refusals) for check in CHECK_NAMES}
    batches = len(set(split.accepted.column("_source").to_pylist() if "_source" in split.accepted.column_names else ()))
    counts: dict[CheckName, dict[str, int]] = {
        "columns": {"columns": len(table.columns), "missing": missing, "wrong_type": wrong},
        "values": {"rows": staged, "quarantined": bad_values, "noted": _rows(failures, "values", None)},
        "keys": {"rows": staged, "duplicates": duplicates},
        "volume": {"rows": staged, "batches": batches + len(refusals), "refused": refused["volume"]},
        "recency": {"rows": staged} | ({"allowed_days": table.recency.max_age_days} if table.recency else {}),
        "conservation": {
            "staged": staged,
            "accepted": split.accepted.num_rows,
            "quarantined": split.quarantine.num_rows,
        },
    }
    passed: dict[CheckName, bool] = {
        "columns": not structure,
        "values": bad_values == 0,
        "keys": duplicates == 0,
        "volume": refused["volume"] == 0,
        "recency": all(verdict.passed or verdict.criterion.severity == "info" for verdict in recency),
        "conservation": True,
    }
    rules = _rules_by_check(failures, structure, recency)
    newest = next((format_value(verdict.observed) for verdict in recency), None)
    return tuple(
        _outcome(name, passed[name], refused[name] > 0, counts[name], samples_of(split.findings, rules[name]), newest)
        for name in CHECK_NAMES
    )


def nothing_tonight() -> tuple[CheckOutcome, ...]:
    """The outcomes of a table that nothing arrived for: all pass, because a quiet night is no fault."""
    return tuple(CheckOutcome(name, True, "WARN", {"rows": 0}, (), *_NOTHING) for name in CHECK_NAMES)


def _outcome(
    name: CheckName, passed: bool, is_refused: bool, counts: Mapping[str, int], samples: tuple[Mapping[str, Any], ...],
    newest: str | None,
) -> CheckOutcome:  # fmt: skip
    texts = _NOT_JUDGED if name == "recency" and newest is None else (_GOOD if passed else _BAD)[name]
    message_vi, message_en = (text.format_map({**counts, "newest": newest}) for text in texts)
    return CheckOutcome(name, passed, "ERROR" if is_refused else "WARN", counts, samples, message_vi, message_en)


def _rows(failures: Sequence[Failure], check: CheckName, severity: str | None) -> int:
    """How many rows break a critical rule of the check, or (None) only rules that do not refuse them."""
    chosen = [f.rows for f in failures if f.check == check and (f.severity == "critical") == (severity is not None)]
    return len(np.unique(np.concatenate(chosen))) if chosen else 0


def _rules_by_check(
    failures: Sequence[Failure], structure: Sequence[Verdict], recency: Sequence[Verdict]
) -> dict[CheckName, set[str]]:
    rules: dict[CheckName, set[str]] = {name: set() for name in CHECK_NAMES}
    for failure in failures:
        rules[failure.check].add(failure.rule)
    for verdict in (*structure, *recency):
        rules[verdict.criterion.check].add(verdict.criterion.rule)
    rules["columns" if structure else "volume"].add("batch_refused")
    return rules


def samples_of(findings: pa.Table, rules: set[str]) -> tuple[Mapping[str, Any], ...]:
    """The first findings of some rules, as a check shows them."""
    is_of_check = pc.is_in(findings.column("rule"), value_set=pa.array(sorted(rules), pa.string()))
    chosen = findings.filter(is_of_check).slice(0, MOST_SAMPLES).to_pylist()
    return tuple({key: finding[key] for key in _SAMPLE_KEYS if finding[key] is not None} for finding in chosen)
