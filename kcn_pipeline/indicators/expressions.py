"""Reads the SQL that contracts hold, one aggregate or condition at a time, and says what is wrong with it.

It must not know an indicator nor run anything. The surprising fact: functions are allowed by name and the rest is
refused, because one harmless-looking call (`coalesce`, `avg`, `greatest`) turns a missing figure into a wrong one.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType

DIALECT = "duckdb"
#: Names of the period that an operand may use beside the columns of its table.
PERIOD_NAMES = ("period_code", "period_start", "period_end", "period_year")
#: The functions of an operand; the first four are aggregates.
FUNCTIONS = ("sum", "count", "min", "max", "abs")

_AGGREGATES = (exp.Sum, exp.Count, exp.Min, exp.Max)
_VALUES = (exp.Column, exp.Identifier, exp.Literal, exp.Paren, exp.Neg, exp.Add, exp.Sub, exp.Mul, exp.Div)
_CONDITIONS = (exp.Boolean, exp.Case, exp.If, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT,
               exp.LTE, exp.Between, exp.In, exp.Is, exp.Null)  # fmt: skip
_OPERAND = (*_VALUES, *_CONDITIONS, *_AGGREGATES, exp.Abs, exp.Distinct, exp.Star, exp.Cast, exp.DataType)

_INVENTS = "turns a missing figure into a value; leave it missing, the indicator then says so (obs_status O)"
#: What refused parts of SQL do wrong, told to the author; others are refused with the list of what is allowed.
_REFUSALS: dict[type[exp.Expr], str] = {
    exp.Coalesce: f"coalesce {_INVENTS}",
    exp.Greatest: f"greatest ignores nulls and so {_INVENTS}",
    exp.Least: f"least ignores nulls and so {_INVENTS}",
    exp.Avg: "avg gives a workshop the weight of a factory; divide sum(x) by a sum or count, in two operands",
    exp.Query: "a statement or subquery is not allowed; write one expression over the columns of the table",
    exp.Window: "a window is not allowed; the rows are already those of one area and period",
    exp.Filter: "FILTER is not understood by every engine; write CASE WHEN inside the aggregate",
    exp.Alias: "a name (AS …) is not allowed; write the expression alone",
}


class ExpressionError(ValueError):
    """The text cannot be used; carries every reason found."""

    def __init__(self, reasons: list[str]) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))


@dataclass(frozen=True)
class Expression:
    """A checked text: its SQL in plain form, the columns inside its aggregates, and which aggregates it uses.

    In `sql` every division by zero gives null, so a figure is missing where the text alone would make it infinite.
    """

    sql: str
    columns: tuple[str, ...]
    aggregates: tuple[str, ...] = ()


def read_aggregate(text: str, known: Collection[str]) -> Expression:
    """An operand's expression: aggregates over the `known` columns; raises ExpressionError."""
    node = _parse(text)
    reasons = [*_forbidden(node, _OPERAND), *_unknown(node, known), *_misplaced_nulls(node)]
    found = list(node.find_all(*_AGGREGATES))
    if not found and not reasons:
        reasons.append(f"holds no aggregate; write for example sum(x), with one of {', '.join(FUNCTIONS[:4])}")
    reasons += [f"an aggregate inside an aggregate: {a.sql(DIALECT)}" for a in found if a.find_ancestor(*_AGGREGATES)]
    outside = {c.name for c in node.find_all(exp.Column) if not c.find_ancestor(*_AGGREGATES)} - {*PERIOD_NAMES}
    if found and not reasons:
        reasons += [f"column {name!r} stands outside an aggregate; write sum({name})" for name in sorted(outside)]
    inside = {c.name for a in found for c in a.find_all(exp.Column)} - {*PERIOD_NAMES}
    return _finish(node, reasons, inside, {a.key for a in found})


def read_condition(text: str, known: Collection[str]) -> Expression:
    """An operand's `where`: a condition on single rows of the `known` columns; raises ExpressionError."""
    node = _parse(text)
    reasons = [*_forbidden(node, _OPERAND), *_unknown(node, known)]
    found = node.find_all(*_AGGREGATES)
    reasons += [f"an aggregate in a condition: {a.sql(DIALECT)}; it judges single rows" for a in found]
    return _finish(node, reasons, set(), set())


def read_arithmetic(text: str, known: Collection[str]) -> Expression:
    """A derived measure: + - * / over numbers and `known` names, which become `columns`; raises ExpressionError."""
    node = _parse(text)
    reasons = [*_forbidden(node, _VALUES), *_unknown(node, known)]
    reasons += [f"{n.sql(DIALECT)} is not a number" for n in node.find_all(exp.Literal) if n.is_string]
    return _finish(node, reasons, {c.name for c in node.find_all(exp.Column)}, set())


def _finish(node: exp.Expr, reasons: list[str], columns: set[str], aggregates: set[str]) -> Expression:
    if reasons:
        raise ExpressionError(list(dict.fromkeys(reasons)))
    return Expression(_guard_divisions(node).sql(DIALECT), tuple(sorted(columns)), tuple(sorted(aggregates)))


def _guard_divisions(node: exp.Expr) -> exp.Expr:
    """Every `a / b` as `a / NULLIF(b, 0)`: some engines give infinity for a zero divisor, others stop."""
    guarded = node.copy()
    for division in list(guarded.find_all(exp.Div)):
        divisor = exp.Nullif(this=division.expression.unnest(), expression=exp.Literal.number(0))
        division.set("expression", divisor)
    return guarded


def _parse(text: str) -> exp.Expr:
    try:
        tokens = sqlglot.tokenize(text, read=DIALECT)
        if any(token.token_type is TokenType.SEMICOLON for token in tokens):
            raise ExpressionError(["holds a semicolon; write one expression"])
        if any(token.comments for token in tokens) or not tokens:
            raise ExpressionError(["is empty or holds a comment; use `note` for remarks"])
        return sqlglot.parse_one(text, read=DIALECT)
    except SqlglotError as error:
        reason = getattr(error, "errors", None) or [{}]
        told = reason[0].get("description") or str(error).splitlines()[0]
        raise ExpressionError([f"is not an SQL expression: {told}"]) from None


def _forbidden(node: exp.Expr, allowed: tuple[type[exp.Expr], ...]) -> Iterator[str]:
    for part in node.walk():
        if part.find_ancestor(*_REFUSALS):
            continue
        if not isinstance(part, allowed):
            yield _refuse(part)
        elif (misuse := _misuse(part)) is not None:
            yield misuse


def _refuse(part: exp.Expr) -> str:
    for kind, reason in _REFUSALS.items():
        if isinstance(part, kind):
            return reason
    if isinstance(part, exp.Func):
        name = part.name if isinstance(part, exp.Anonymous) else part.sql_name().lower()
        return f"function {name!r} is not allowed; allowed are {', '.join(FUNCTIONS)}"
    return f"{part.sql(DIALECT)!r} is not allowed here; use columns, numbers, + - * /, comparisons, CASE WHEN"


def _misuse(part: exp.Expr) -> str | None:
    """Why an allowed part is wrong in its place."""
    if isinstance(part, exp.Column) and part.table:
        return f"{part.sql(DIALECT)!r} names a table; write the column alone"
    if isinstance(part, exp.If) and not isinstance(part.parent, exp.Case):
        return "if() is not plain SQL; write CASE WHEN … THEN … END"
    if isinstance(part, exp.Star) and not isinstance(part.parent, exp.Count):
        return "* stands for all columns only in count(*)"
    if isinstance(part, exp.Cast) and not (part.is_type("date") and isinstance(part.this, exp.Literal)):
        return f"{part.sql(DIALECT)!r}: only date literals such as DATE '2026-01-01' may be typed"
    return None


def _unknown(node: exp.Expr, known: Collection[str]) -> Iterator[str]:
    for name in sorted({column.name for column in node.find_all(exp.Column)} - {*known}):
        near = get_close_matches(name.lower(), known, n=3, cutoff=0.5)
        hint = f"near it are {', '.join(near)}" if near else f"there are {', '.join(sorted(known))}"
        yield f"no column {name!r}; {hint}"


def _misplaced_nulls(node: exp.Expr) -> Iterator[str]:
    if node.find(exp.Is) or any(isinstance(n.parent, (exp.If, exp.Case)) for n in node.find_all(exp.Null)):
        yield f"IS NULL in an expression {_INVENTS}; a condition on what is missing belongs into `where`"
