"""The SQL that computes one indicator at one level, for all its periods at once.

It must not run anything. The surprising fact: numerator and denominator are never divided here; both are kept, since a
later roll-up, a disclosure check and a reader who doubts a ratio all need the two sums.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from kcn_pipeline.contracts.base import Level
from kcn_pipeline.contracts.indicators import Indicator
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.indicators.catalog import CheckedIndicator, CheckedOperand
from kcn_pipeline.indicators.registers import BOARD

#: What every statement gives: one row per area and period.
RESULT_SCHEMA = pa.schema(
    [
        ("indicator_code", pa.string()),
        ("level", pa.string()),
        ("area_code", pa.string()),
        ("period_code", pa.string()),
        ("numerator", pa.float64()),
        ("denominator", pa.float64()),
        ("n_reporting", pa.int64()),
        ("n_pending", pa.int64()),
        ("is_estimated", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Facts:
    """What the statements need to know of tables.

    `as_of`: the day up to which a register speaks. `estimated`: enterprise_report column → its flag. `pending`: tables
    with rows that are still to come, under `pending_<table>`.
    """

    tables: Mapping[str, Table]
    as_of: Mapping[str, date | None]
    estimated: Mapping[str, str]
    pending: frozenset[str] = frozenset()


def write_statement(facts: Facts, indicator: Indicator, checked: CheckedIndicator, level: Level) -> str:
    """A query of RESULT_SCHEMA for every area of the level and every period of the indicator's frequencies."""
    freqs = ", ".join(f"'{freq}'" for freq in indicator.frequencies)
    parts = [f"areas AS ({_areas(facts, checked, level, freqs)})"]
    parts.append(f"numerator AS ({_operand(facts, checked, checked.numerator, level, freqs)})")
    denominator = "CAST(NULL AS DOUBLE)"
    estimated = "n.is_estimated = 1"
    joins = f"LEFT JOIN numerator AS n ON {_same_area('n', checked.numerator)}"
    if checked.denominator:
        parts.append(f"denominator AS ({_operand(facts, checked, checked.denominator, level, freqs)})")
        joins += f" LEFT JOIN denominator AS d ON {_same_area('d', checked.denominator)}"
        denominator = _zero_if_known(facts, checked.denominator, "d")
        estimated += " OR d.is_estimated = 1"
    pending = "0"
    if checked.numerator.table in facts.pending:
        parts.append(f"pending AS ({_pending(facts, checked.numerator, level)})")
        joins += f" LEFT JOIN pending AS w ON {_same_area('w', checked.numerator)}"
        pending = "COALESCE(w.n_pending, 0)"
    return f"""
        WITH {", ".join(parts)}
        SELECT '{indicator.code}' AS indicator_code, '{level}' AS level, a.area_code, a.period_code,
            {_zero_if_known(facts, checked.numerator, "n")} AS numerator, {denominator} AS denominator,
            COALESCE(n.n_reporting, 0) AS n_reporting, {pending} AS n_pending,
            CASE WHEN {estimated} THEN 1 ELSE 0 END AS is_estimated
        FROM areas AS a JOIN periods AS p ON p.period_code = a.period_code {joins}"""


def write_uncollected(indicator: Indicator, level: Level) -> str:
    """The same columns for an indicator whose source is not connected: every area, no figure."""
    freqs = ", ".join(f"'{freq}'" for freq in indicator.frequencies)
    return f"""
        SELECT '{indicator.code}' AS indicator_code, '{level}' AS level, a.area_code, a.period_code,
            CAST(NULL AS DOUBLE) AS numerator, CAST(NULL AS DOUBLE) AS denominator,
            0 AS n_reporting, 0 AS n_pending, 0 AS is_estimated
        FROM level_areas AS a WHERE a.level = '{level}' AND a.period_freq IN ({freqs}) AND a.period_freq <> 'D'"""


def _areas(facts: Facts, checked: CheckedIndicator, level: Level, freqs: str) -> str:
    """Parks and provinces always have a row; others, and those of a day, only where an operand's table has one.

    A station or a day must also meet the operand's condition: a chimney has no effluent, not an unknown one.
    """
    found = _found_areas(facts, checked, level, freqs)
    if level not in ("park", "province"):
        return found
    return f"""
        SELECT area_code, period_code, province_code FROM level_areas
        WHERE level = '{level}' AND period_freq IN ({freqs}) AND period_freq <> 'D'
        UNION ALL
        SELECT area_code, period_code, province_code FROM ({found}) AS o WHERE o.period_freq = 'D'"""


def _found_areas(facts: Facts, checked: CheckedIndicator, level: Level, freqs: str) -> str:
    """The areas that operands' tables have rows of."""
    found = []
    for operand in checked.operands:
        usage = facts.tables[operand.table].usage
        if usage and level in usage.area:
            columns = f"{usage.area[level]} AS area_code, period_code, province_code, period_freq"
            is_bound = operand.where and level != "enterprise"
            found.append(f"SELECT {columns} FROM at_{operand.table}{f' WHERE {operand.where}' if is_bound else ''}")
    return f"""
        SELECT area_code, period_code, MAX(province_code) AS province_code, period_freq
        FROM ({" UNION ALL ".join(found)}) AS f
        WHERE area_code IS NOT NULL AND area_code <> '{BOARD}' AND period_freq IN ({freqs})
        GROUP BY area_code, period_code, period_freq"""


def _operand(facts: Facts, checked: CheckedIndicator, operand: CheckedOperand, level: Level, freqs: str) -> str:
    """One operand per area and period, with who took part and whether a figure was estimated."""
    usage = facts.tables[operand.table].usage
    assert usage is not None
    area = usage.area["province" if operand.area == "province" else level]
    complete = _all_hold(checked.complete_columns)
    flags = [facts.estimated[name] for name in operand.columns if name in facts.estimated]
    estimated = " OR ".join(f"{flag} = 1" for flag in flags) if operand.table == "enterprise_report" else ""
    conditions = [f"{area} IS NOT NULL", f"period_freq IN ({freqs})"]
    conditions += [f"({operand.where})"] if operand.where else []
    conditions += [complete] if checked.complete_columns else []
    return f"""
        SELECT {area} AS area_code, period_code, CAST({operand.expression} AS DOUBLE) AS value,
            COUNT(DISTINCT CASE WHEN {_all_hold(operand.columns)} THEN {usage.contributor} END) AS n_reporting,
            {f"MAX(CASE WHEN {estimated} THEN 1 ELSE 0 END)" if estimated else "0"} AS is_estimated
        FROM at_{operand.table} WHERE {" AND ".join(conditions)}
        GROUP BY {area}, period_code, period_start, period_end, period_year"""


def _pending(facts: Facts, operand: CheckedOperand, level: Level) -> str:
    """Contributors whose row is still to come and who have none yet."""
    usage = facts.tables[operand.table].usage
    assert usage is not None
    area = usage.area[level]
    condition = f" AND ({operand.where})" if operand.where else ""
    return f"""
        SELECT {area} AS area_code, period_code, COUNT(DISTINCT {usage.contributor}) AS n_pending
        FROM pending_{operand.table} WHERE {area} IS NOT NULL{condition} GROUP BY {area}, period_code"""


def _zero_if_known(facts: Facts, operand: CheckedOperand, alias: str) -> str:
    """The operand's value; 0 where a complete register has no row although it speaks up to the period's end."""
    usage = facts.tables[operand.table].usage
    as_of = facts.as_of.get(operand.table)
    if usage is None or not usage.complete or as_of is None:
        return f"{alias}.value"
    return f"CASE WHEN {alias}.area_code IS NULL AND p.period_end <= DATE '{as_of}' THEN 0 ELSE {alias}.value END"


def _same_area(alias: str, operand: CheckedOperand) -> str:
    of_area = "a.province_code" if operand.area == "province" else "a.area_code"
    return f"{alias}.area_code = {of_area} AND {alias}.period_code = a.period_code"


def _all_hold(columns: Iterable[str]) -> str:
    return " AND ".join(f"{name} IS NOT NULL" for name in columns) or "TRUE"
