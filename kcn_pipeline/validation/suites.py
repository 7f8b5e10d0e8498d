"""The contract of a table as a suite: every property of a column and every rule becomes one expectation.

It must not run anything nor import Great Expectations: a criterion names the class of the expectation and its
arguments. The surprising fact: the batch rules of the contract are expectations too, on a frame with the batch's rows.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from kcn_pipeline.contracts.base import Bilingual, Severity
from kcn_pipeline.contracts.reference import CodeList
from kcn_pipeline.contracts.tables import (
    Column,
    ColumnType,
    NotEmpty,
    NotFuture,
    NotProblem,
    Ordered,
    Plausible,
    Reference,
    Rule,
    Sum,
    Table,
)
from kcn_pipeline.validation.outcomes import CheckName

#: What Great Expectations calls the type of a pandas column that holds the contract's type.
_PANDAS_TYPES: dict[ColumnType, str] = {
    "string": "str",
    "integer": "int64",
    "number": "float64",
    "boolean": "bool",
    "date": "datetime64",
    "timestamp": "datetime64",
}
_TYPE_WORDS: dict[ColumnType, Bilingual] = {
    "string": Bilingual(vi="chữ", en="text"),
    "integer": Bilingual(vi="số nguyên", en="a whole number"),
    "number": Bilingual(vi="số", en="a number"),
    "boolean": Bilingual(vi="có/không", en="yes or no"),
    "date": Bilingual(vi="ngày", en="a date"),
    "timestamp": Bilingual(vi="ngày giờ", en="a date and time"),
}
#: The columns in which a row brings its own limits; a finding names the other column of the comparison.
_LIMIT_COLUMNS = ("min_value", "max_value")
_PRESENT = Bilingual(vi="phải có giá trị", en="a value")


@dataclass(frozen=True)
class Criterion:
    """One rule of a table as one expectation: its class name and arguments, and what a finding will say.

    `column` is the one a finding names and `against` the one it is compared with. `prepares` is a rule whose answer
    `context.py` writes into the column that `arguments` names. With `names_rule` the column's value is itself the code
    of the rule that was broken.
    """

    rule: str
    severity: Severity
    check: CheckName
    expectation: str
    arguments: Mapping[str, Any]
    column: str | None = None
    against: str | None = None
    expected: Bilingual | None = None
    prepares: Reference | Sum | Plausible | None = None
    names_rule: bool = False


def build_suite(table: Table, code_lists: Mapping[str, CodeList], night: str) -> tuple[Criterion, ...]:
    """Every criterion of a table, in the order of the contract; a batch's number of rows is judged by `batch_suite`."""
    criteria = list(structure_suite(table.columns))
    for column in table.columns:
        criteria += _column_criteria(column, code_lists)
    criteria.append(_unique_key(table))
    criteria += (_rule_criterion(rule, index, night) for index, rule in enumerate(table.rules))
    if table.recency:
        criteria.append(_recency(table, night))
    return tuple(criteria)


def structure_suite(columns: tuple[Column, ...]) -> tuple[Criterion, ...]:
    """The criteria of the columns themselves: that each exists, with its type."""
    return _columns_exist(columns), *(_type(column) for column in columns)


def batch_suite(table: Table, usual_rows: int | None) -> tuple[Criterion, ...]:
    """The criteria of one batch's number of rows; `usual_rows` is what the source's newest state held before."""
    volume = table.volume
    criteria = [
        _row_count("volume_low", at_least=volume.min_rows),
        _row_count("volume_high", at_most=volume.max_rows),
    ]
    if volume.min_share_of_previous and usual_rows:
        least = math.ceil(volume.min_share_of_previous * usual_rows)
        criteria.append(_row_count("drop_from_previous", at_least=least))
    return tuple(criteria)


def format_value(value: Any) -> str:
    """A value as people write it: no `.0` after a whole number, ISO dates, a dash for nothing."""
    if value is None or value == "":
        return "—"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return str(value)


def label_of(column: Column) -> Bilingual:
    """What people call a column: its label, or its name when it has none."""
    return column.label or Bilingual(vi=column.name, en=column.name)


def day_of(night: str) -> datetime:
    """The night as the midnight that begins its day, comparable with date columns."""
    return datetime.fromisoformat(night)


# ---- properties of columns -------------------------------------------------------------------------------------


def _columns_exist(columns: tuple[Column, ...]) -> Criterion:
    names = [column.name for column in columns]
    arguments = {"column_set": names, "exact_match": False}
    return Criterion("columns_missing", "critical", "columns", "ExpectTableColumnsToMatchSet", arguments)


def _type(column: Column) -> Criterion:
    return Criterion(
        "wrong_type", "critical", "columns", "ExpectColumnValuesToBeOfType",
        {"column": column.name, "type_": _PANDAS_TYPES[column.type]}, column.name, expected=_TYPE_WORDS[column.type],
    )  # fmt: skip


def _column_criteria(column: Column, code_lists: Mapping[str, CodeList]) -> Iterator[Criterion]:
    if column.required:
        yield _value(column, "missing_value", "ExpectColumnValuesToNotBeNull", {}, _PRESENT)
    if column.min is not None or column.max is not None:
        limits = {"min_value": column.min, "max_value": column.max}
        yield _value(column, "out_of_range", "ExpectColumnValuesToBeBetween", limits, _range(column.min, column.max))
    if column.codes is not None:
        codes = [code.code for code in code_lists[column.codes].codes]
        yield _value(column, "not_in_codes", "ExpectColumnValuesToBeInSet", {"value_set": codes}, _one_of(codes))
    if column.pattern is not None:
        arguments = {"regex": column.pattern}
        yield _value(column, "pattern_mismatch", "ExpectColumnValuesToMatchRegex", arguments, _same(column.pattern))


def _value(column: Column, rule: str, expectation: str, arguments: dict[str, Any], expected: Bilingual) -> Criterion:
    arguments = {"column": column.name, **arguments}
    return Criterion(rule, column.severity, "values", expectation, arguments, column.name, expected=expected)


def _unique_key(table: Table) -> Criterion:
    """A key is unique within one payload: two registers that land on one night state the same things twice."""
    columns = [*dict.fromkeys(["_source", "_payload", *table.key])]
    key = " + ".join(table.key)
    return Criterion(
        "duplicate_key", "critical", "keys", "ExpectCompoundColumnsToBeUnique",
        {"column_list": columns, "ignore_row_if": "never"}, table.key[0],
        expected=Bilingual(vi=f"{key} chỉ một lần", en=f"{key} only once"),
    )  # fmt: skip


# ---- rules -----------------------------------------------------------------------------------------------------


def _rule_criterion(rule: Rule, index: int, night: str) -> Criterion:
    match rule:
        case NotProblem():
            criterion = _plain(rule, "ExpectColumnValuesToBeNull", {"column": rule.column}, rule.column)
            return replace(criterion, names_rule=True)
        case NotEmpty():
            arguments: dict[str, Any] = {"column": rule.column, "row_condition": f"{rule.when} == True"}
            arguments["condition_parser"] = "pandas"
            return _plain(rule, "ExpectColumnValuesToNotBeNull", arguments, rule.column, expected=_PRESENT)
        case NotFuture():
            # The whole day of the night counts: a report signed this afternoon is not from the future.
            next_day = day_of(night) + timedelta(days=1)
            arguments = {"column": rule.column, "max_value": next_day, "strict_max": True}
            return _plain(rule, "ExpectColumnValuesToBeBetween", arguments, rule.column, expected=_same(f"≤ {night}"))
        case Ordered():
            return _ordered(rule)
        case _:
            return _prepared(rule, f"_answer_{index}")


def _plain(
    rule: Rule, expectation: str, arguments: dict[str, Any], column: str,
    against: str | None = None, expected: Bilingual | None = None,
) -> Criterion:  # fmt: skip
    return Criterion(rule.rule, rule.severity, "values", expectation, arguments, column, against, expected)


def _ordered(rule: Ordered) -> Criterion:
    arguments = {
        "column_A": rule.high,
        "column_B": rule.low,
        "or_equal": True,
        "ignore_row_if": "either_value_is_missing",
    }
    column, against = (rule.high, rule.low) if rule.low in _LIMIT_COLUMNS else (rule.low, rule.high)
    return _plain(rule, "ExpectColumnPairValuesAToBeGreaterThanB", arguments, column, against)


def _prepared(rule: Reference | Sum | Plausible, name: str) -> Criterion:
    """A rule whose answer Arrow prepares, row by row, in the column `name`."""
    arguments: dict[str, Any] = {"column": name}
    expected: Bilingual | None = None
    match rule:
        case Reference():
            expectation, arguments["value_set"] = "ExpectColumnValuesToBeInSet", [True]
            column, expected = rule.column, _same(f"{rule.table}.{rule.to}")
        case Sum():
            expectation, arguments["max_value"] = "ExpectColumnValuesToBeBetween", rule.tolerance
            column, expected = rule.total, _same(" + ".join(rule.parts))
        case Plausible():
            expectation, arguments["max_value"] = "ExpectColumnValuesToBeBetween", rule.max_ratio
            arguments["min_value"] = 1 / rule.max_ratio
            column, times = rule.column, format_value(rule.max_ratio)
            expected = Bilingual(vi=f"không quá {times} lần", en=f"within {times} times")
    return Criterion(rule.rule, rule.severity, "values", expectation, arguments, column, None, expected, rule)


# ---- whole tables and batches ----------------------------------------------------------------------------------


def _recency(table: Table, night: str) -> Criterion:
    assert table.recency is not None
    oldest = day_of(night) - timedelta(days=table.recency.max_age_days)
    return Criterion(
        "not_recent", table.recency.severity, "recency", "ExpectColumnMaxToBeBetween",
        {"column": table.recency.column, "min_value": oldest}, table.recency.column,
        expected=_same(f"≥ {oldest.date().isoformat()}"),
    )  # fmt: skip


def _row_count(rule: str, at_least: int | None = None, at_most: int | None = None) -> Criterion:
    limits = {"min_value": at_least, "max_value": at_most}
    expected = _range(at_least, at_most)
    return Criterion(rule, "critical", "volume", "ExpectTableRowCountToBeBetween", limits, expected=expected)


def _range(least: float | None, most: float | None) -> Bilingual:
    ends = [f"≥ {format_value(least)}"] * (least is not None) + [f"≤ {format_value(most)}"] * (most is not None)
    return _same(", ".join(ends))


def _same(text: str) -> Bilingual:
    return Bilingual(vi=text, en=text)


def _one_of(codes: list[str]) -> Bilingual:
    shown = ", ".join(codes[:12]) + (" …" if len(codes) > 12 else "")
    return Bilingual(vi=f"một trong: {shown}", en=f"one of: {shown}")
