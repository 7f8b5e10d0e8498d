"""What contracts may and may not write as SQL."""

import pytest

from kcn_pipeline.indicators.expressions import (
    ExpressionError,
    read_aggregate,
    read_arithmetic,
    read_condition,
)

KNOWN = {"export_usd", "import_usd", "status", "is_passed", "period_end", "period_start"}


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("sum(export_usd)", ("export_usd",)),
        ("SUM(export_usd + import_usd) / 1e3", ("export_usd", "import_usd")),
        ("count(*)", ()),
        ("count(distinct status)", ("status",)),
        ("count(CASE WHEN is_passed AND NOT status IN ('a', 'b') THEN 1 END)", ("is_passed", "status")),
        ("sum(abs(-export_usd)) + min(import_usd)", ("export_usd", "import_usd")),
        ("count(CASE WHEN status BETWEEN period_start AND period_end THEN 1 END)", ("status",)),
    ],
)
def test_allowed_aggregates(text: str, columns: tuple[str, ...]) -> None:
    assert read_aggregate(text, KNOWN).columns == columns


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sum(export_us)", "no column 'export_us'; near it are export_usd"),
        ("sum(zzzzzz)", "there are export_usd, import_usd"),
        ("sum(EXPORT_USD)", "near it are export_usd"),
        ("coalesce(sum(export_usd), 0)", "coalesce turns a missing figure into a value"),
        ("ifnull(sum(export_usd), 0)", "coalesce turns a missing figure into a value"),
        ("sum(greatest(export_usd, 0))", "greatest ignores nulls"),
        ("sum(least(export_usd, 0))", "least ignores nulls"),
        ("sum(CASE WHEN export_usd IS NULL THEN 0 ELSE export_usd END)", "IS NULL in an expression turns a missing"),
        ("avg(export_usd)", "avg gives a workshop the weight of a factory"),
        ("median(export_usd)", "function 'median' is not allowed; allowed are sum, count, min, max, abs"),
        ("read_csv('/etc/passwd')", "function 'read_csv' is not allowed"),
        ("nullif(sum(export_usd), 0)", "function 'nullif' is not allowed"),
        ("sum(export_usd); drop table x", "holds a semicolon"),
        ("sum(export_usd) -- all of it", "holds a comment"),
        ("sum(export_usd) /* all */", "holds a comment"),
        ("", "is empty"),
        ("sum(export_usd", "is not an SQL expression"),
        ("select sum(export_usd) from t", "a statement or subquery is not allowed"),
        ("sum(export_usd) + (select 1)", "a statement or subquery is not allowed"),
        ("sum(export_usd) union select 1", "a statement or subquery is not allowed"),
        ("drop table t", "'DROP TABLE t' is not allowed here"),
        ("sum(export_usd) over ()", "a window is not allowed"),
        ("sum(export_usd) filter (where is_passed)", "FILTER is not understood by every engine"),
        ("sum(export_usd) as total", "a name (AS …) is not allowed"),
        ("sum(t.export_usd)", "'t.export_usd' names a table"),
        ("sum(if(is_passed, 1, 0))", "if() is not plain SQL"),
        ("sum(export_usd)::int", "only date literals"),
        ("export_usd", "holds no aggregate"),
        ("sum(export_usd) + import_usd", "column 'import_usd' stands outside an aggregate"),
        ("sum(sum(export_usd))", "an aggregate inside an aggregate"),
        ("*", "* stands for all columns only in count(*)"),
    ],
)
def test_refused_aggregates(text: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        read_aggregate(text, KNOWN)
    assert any(reason in found for found in caught.value.reasons), caught.value.reasons


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(ExpressionError) as caught:
        read_aggregate("avg(export_us) + coalesce(sum(importt_usd), 0)", KNOWN)
    assert len(caught.value.reasons) == 4


def test_conditions() -> None:
    assert read_condition("status = 'x' AND export_usd IS NOT NULL AND period_end > DATE '2026-01-01'", KNOWN).sql
    with pytest.raises(ExpressionError, match="an aggregate in a condition"):
        read_condition("sum(export_usd) > 3", KNOWN)
    with pytest.raises(ExpressionError, match="subquery"):
        read_condition("status IN (SELECT 1)", KNOWN)


def test_arithmetic() -> None:
    read = read_arithmetic("export_usd * 2 / (import_usd - 1e3)", KNOWN)
    assert read.columns == ("export_usd", "import_usd")
    refused = {"sum(export_usd)": "'sum'", "export_usd > 1": "not allowed", "export_usd * 'a'": "is not a number"}
    for text, reason in refused.items():
        with pytest.raises(ExpressionError, match=reason):
            read_arithmetic(text, KNOWN)


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("sum(export_usd / (import_usd - import_usd))", "SUM(export_usd / NULLIF(import_usd - import_usd, 0))"),
        ("sum(export_usd) / sum(import_usd) / 2", "SUM(export_usd) / NULLIF(SUM(import_usd), 0) / NULLIF(2, 0)"),
        ("sum(1 / (2 / export_usd))", "SUM(1 / NULLIF(2 / NULLIF(export_usd, 0), 0))"),
        ("sum(export_usd * import_usd)", "SUM(export_usd * import_usd)"),
    ],
)
def test_every_division_by_zero_is_null(text: str, sql: str) -> None:
    assert read_aggregate(text, KNOWN).sql == sql


def test_conditions_and_derived_measures_are_guarded_too() -> None:
    assert read_condition("export_usd / import_usd > 1", KNOWN).sql == "export_usd / NULLIF(import_usd, 0) > 1"
    assert read_arithmetic("export_usd / import_usd", KNOWN).sql == "export_usd / NULLIF(import_usd, 0)"
