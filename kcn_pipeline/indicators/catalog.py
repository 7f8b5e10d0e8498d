"""The catalog judged and made ready to run: every operand parsed, every name resolved, every type tried.

It must not compute a value. The surprising fact: each operand is also planned by the engine over empty tables, because
`sum(name_vi)` is good SQL and still a missing figure at two in the morning.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import ContractError, Contracts, Problem
from kcn_pipeline.contracts.indicators import Indicator, Operand
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.engine import Engine, EngineError
from kcn_pipeline.indicators.expressions import (
    PERIOD_NAMES,
    Expression,
    ExpressionError,
    read_aggregate,
    read_arithmetic,
    read_condition,
)
from kcn_pipeline.schemas import schema_of

_Reader = Callable[[str, set[str]], Expression]

#: Tables that this stage computes; an active table is one of them or a register.
COMPUTED = ("enterprise_report", "report_submission", "monitoring_station", "monitoring_park", "survey_response")

#: Columns that choose the version of a row; an operand that read them would bypass the period rule of its table.
_VERSION_COLUMNS = {"valid_from", "valid_to"}


@dataclass(frozen=True)
class CheckedOperand:
    """An operand that can run; `columns` are those inside its aggregates, `area` is `own` or `province`."""

    table: str
    expression: str
    where: str | None
    columns: tuple[str, ...]
    area: str


@dataclass(frozen=True)
class CheckedIndicator:
    """An indicator that can run. `complete_columns` must all hold a value for a row to take part; often none."""

    code: str
    numerator: CheckedOperand
    denominator: CheckedOperand | None
    complete_columns: tuple[str, ...] = ()

    @property
    def operands(self) -> tuple[CheckedOperand, ...]:
        """The one or two operands."""
        return (self.numerator, self.denominator) if self.denominator else (self.numerator,)


@dataclass
class _Report:
    """Collects the problems of one kind of contract."""

    contracts: Contracts
    kind: str
    problems: list[Problem] = field(default_factory=list)

    def add(self, key: str, inner: list[str | int], reasons: Iterable[str]) -> None:
        self.problems += [self.contracts.problem(self.kind, key, inner, reason) for reason in reasons]

    def read(self, key: str, inner: list[str | int], reader: _Reader, text: str, known: set[str]) -> Expression | None:
        try:
            return reader(text, known)
        except ExpressionError as error:
            self.add(key, inner, error.reasons)
            return None


def check_catalog(contracts: Contracts) -> None:
    """Check every operand and derived measure; raises ContractError with file, line and reason of every mistake."""
    problems = [*_check_measures(contracts), *_check_feeds(contracts)]
    report = _Report(contracts, "indicators")
    checked = [_check_indicator(report, indicator) for indicator in contracts.indicators.values()]
    if not report.problems:
        _plan(report, [indicator for indicator in checked if indicator])
    if problems or report.problems:
        raise ContractError([*problems, *report.problems])


def read_indicator(contracts: Contracts, indicator: Indicator) -> CheckedIndicator:
    """One indicator made ready to run; raises ContractError."""
    report = _Report(contracts, "indicators")
    checked = _check_indicator(report, indicator)
    if checked is None or report.problems:
        raise ContractError(report.problems)
    return checked


def describe_operand(operand: Operand) -> str:
    """An operand as the SQL a reader of the catalog sees, grouped by area and period when it runs."""
    condition = f" WHERE {operand.where}" if operand.where else ""
    of_province = " /* of the province that holds the area */" if operand.area == "province" else ""
    return f"SELECT {operand.expression} FROM {operand.from_}{condition}{of_province}"


def is_collected(contracts: Contracts, indicator: Indicator) -> bool:
    """Whether every table of the indicator has a source; values of the others are obs_status L."""
    operands = [operand for operand in (indicator.numerator, indicator.denominator) if operand]
    return all(contracts.tables[operand.from_].status != "planned" for operand in operands)


# ---- indicators ------------------------------------------------------------------------------------------------------


def _check_indicator(report: _Report, indicator: Indicator) -> CheckedIndicator | None:
    numerator = _check_operand(report, indicator, "numerator", indicator.numerator)
    denominator = None
    if indicator.denominator is not None:
        denominator = _check_operand(report, indicator, "denominator", indicator.denominator)
        if denominator is None:
            return None
    if numerator is None:
        return None
    operands = [operand for operand in (numerator, denominator) if operand]
    undated = [one.table for one in operands if not _has_days(report.contracts.tables[one.table])]
    if "D" in indicator.frequencies and undated:
        reason = f"D: {' and '.join(dict.fromkeys(undated))} says nothing of single days; use M, Q, S or A"
        report.add(indicator.code, ["frequencies"], [reason])
    shared = denominator is not None and denominator.table == numerator.table
    columns = {*numerator.columns, *denominator.columns} if denominator and shared else set()
    return CheckedIndicator(indicator.code, numerator, denominator, tuple(sorted(columns)))


def _has_days(table: Table) -> bool:
    return table.topic == "monitoring"


def _check_operand(report: _Report, indicator: Indicator, name: str, operand: Operand) -> CheckedOperand | None:
    table = report.contracts.tables.get(operand.from_)
    if table is None or table.usage is None:
        report.add(indicator.code, [name, "from"], [f"no table {operand.from_!r} to compute from"])
        return None
    if table.status == "active" and table.topic != "register" and table.table not in COMPUTED:
        reason = f"nothing fills {table.table} yet; as long as its status is planned the indicator shows L"
        report.add(indicator.code, [name, "from"], [reason])
    known = usable_columns(table)
    place: list[str | int] = [name, "expression"]
    expression = report.read(indicator.code, place, read_aggregate, operand.expression, known)
    condition = None
    if operand.where:
        condition = report.read(indicator.code, [name, "where"], read_condition, operand.where, known)
    _check_area(report, indicator, name, operand, table)
    if expression is None or (operand.where and condition is None):
        return None
    others = sorted({*expression.aggregates} - {"sum", "count"})
    if table.usage.complete and others:
        reason = f"no row in {table.table} means zero, which {', '.join(others)} cannot say; use sum or count"
        report.add(indicator.code, place, [reason])
    where = condition.sql if condition else None
    return CheckedOperand(table.table, expression.sql, where, expression.columns, operand.area)


def usable_columns(table: Table) -> set[str]:
    """What an operand over the table may name: its columns except our own and those of versions, and the period."""
    names = {column.name for column in table.columns if not column.name.startswith("_")}
    return (names - _VERSION_COLUMNS) | {*PERIOD_NAMES}


def _check_area(report: _Report, indicator: Indicator, name: str, operand: Operand, table: Table) -> None:
    assert table.usage is not None
    levels = ("province",) if operand.area == "province" else indicator.levels
    missing = [level for level in levels if level not in table.usage.area]
    if missing:
        reason = f"{table.table} has no figures at level {', '.join(missing)}; it has {', '.join(table.usage.area)}"
        report.add(indicator.code, [name, "from"], [reason])


def _plan(report: _Report, indicators: list[CheckedIndicator]) -> None:
    """Let the engine plan every operand over empty tables: wrong types and clashes of names show here."""
    with Engine() as engine:
        for table in report.contracts.tables.values():
            if table.usage:
                engine.register(table.table, _with_period(table).empty_table())
        for indicator in indicators:
            for name, operand in zip(("numerator", "denominator"), indicator.operands, strict=False):
                report.add(indicator.code, [name, "expression"], _plan_operand(engine, operand))


def _plan_operand(engine: Engine, operand: CheckedOperand) -> Iterator[str]:
    condition = f" WHERE {operand.where}" if operand.where else ""
    sql = f"SELECT {operand.expression} AS value FROM {operand.table}{condition} GROUP BY {', '.join(PERIOD_NAMES)}"
    try:
        kind = engine.query(sql).schema.field("value").type
    except EngineError as error:
        yield str(error)
        return
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        yield f"gives {kind}, not a number; count(…) or sum(…) of numbers do"


def _with_period(table: Table) -> pa.Schema:
    types = (pa.string(), pa.date32(), pa.date32(), pa.int64())
    period = [pa.field(name, kind) for name, kind in zip(PERIOD_NAMES, types, strict=True)]
    own = schema_of(table)
    return pa.schema([*own, *(field for field in period if field.name not in own.names)])


# ---- measures --------------------------------------------------------------------------------------------------------


def order_derived(contracts: Contracts) -> list[tuple[str, Expression]]:
    """The derived measures with what they are computed from, each after those it needs; raises ContractError."""
    report = _Report(contracts, "measures")
    derived = _read_derived(report)
    ordered = _sort(report, derived)
    if report.problems:
        raise ContractError(report.problems)
    return [(name, derived[name]) for name in ordered]


def factor_names(contracts: Contracts) -> list[str]:
    """The names of the dated factors, each once."""
    return sorted({factor.name for factor in contracts.factors.values()})


def _check_measures(contracts: Contracts) -> list[Problem]:
    report = _Report(contracts, "measures")
    both = {*factor_names(contracts)} & {*contracts.measures}
    for name in sorted(both):
        report.add(name, ["name"], ["is also the name of a factor; a derived measure could not tell them apart"])
    _sort(report, _read_derived(report))
    return report.problems


def _read_derived(report: _Report) -> dict[str, Expression]:
    known = {*factor_names(report.contracts), *report.contracts.measures}
    derived = {}
    for name, measure in report.contracts.measures.items():
        if measure.derive:
            expression = report.read(name, ["derive"], read_arithmetic, measure.derive, known)
            if expression:
                derived[name] = expression
    return derived


def _sort(report: _Report, derived: Mapping[str, Expression]) -> list[str]:
    """Derived measures in an order of computation; a circle is a problem."""
    ordered: list[str] = []
    waiting = dict(derived)
    while waiting:
        ready = [name for name, e in waiting.items() if not {*e.columns} & {*waiting}]
        if not ready:
            for name in waiting:
                report.add(name, ["derive"], [f"is computed from itself, through {', '.join(sorted(waiting))}"])
            break
        ordered += ready
        waiting = {name: e for name, e in waiting.items() if name not in ready}
    return ordered


def _check_feeds(contracts: Contracts) -> Iterator[Problem]:
    """A form that feeds one measure from two cells would let chance decide which of them counts."""
    for form_id, form in contracts.forms.items():
        seen: dict[str, str] = {}
        for index, one in enumerate(form.fields):
            for column, measure in one.measures.items():
                if measure in seen:
                    reason = f"measure {measure!r} is already fed by {seen[measure]}; a form feeds a measure once"
                    yield contracts.problem("forms", form_id, ["fields", index, "measures"], reason)
                seen.setdefault(measure, f"field {one.code} column {column!r}")


def factor_columns(contracts: Contracts, ends: Mapping[str, date]) -> pa.Table:
    """Dated factors by period: `period_code` and one column per factor, null where none holds on the last day.

    `ends` are the last days by period code. Of two that hold, the one that began later counts.
    """
    by_start = sorted(contracts.factors.values(), key=lambda factor: factor.valid_from or date.min)
    rows: list[dict[str, Any]] = [
        {"period_code": code, **{factor.name: factor.value for factor in by_start if factor.holds_on(end)}}
        for code, end in ends.items()
    ]
    names = factor_names(contracts)
    schema = pa.schema([("period_code", pa.string()), *[(name, pa.float64()) for name in names]])
    return pa.Table.from_pylist(rows, schema=schema)
