"""Indicator values of the touched periods: operands, value, status and coverage per area and period.

It must not know an indicator by name. The surprising fact: a value is far more often empty for a reason than by
mistake, so every park and province gets a row and every empty row says why.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.base import Level
from kcn_pipeline.contracts.indicators import Indicator
from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators import submissions
from kcn_pipeline.indicators.catalog import is_collected, read_indicator
from kcn_pipeline.indicators.duties import register_duties
from kcn_pipeline.indicators.measures import register_enterprise_report
from kcn_pipeline.indicators.registers import open_registers, rows_with_province, situate
from kcn_pipeline.indicators.scope import read_scope
from kcn_pipeline.indicators.slices import STAGE, days_of, newest_days, newest_periods, part_of
from kcn_pipeline.indicators.statements import RESULT_SCHEMA, Facts, write_statement, write_uncollected
from kcn_pipeline.indicators.touched import Touched
from kcn_pipeline.lake import Lake
from kcn_pipeline.periods import Period, read_period
from kcn_pipeline.schemas import schema_of

TABLE = "indicator_values"

#: One row is one indicator × area × period; value = scale × numerator / denominator.
SCHEMA = pa.schema(
    [
        ("indicator_code", pa.string()),
        ("level", pa.string()),
        ("area_code", pa.string()),
        ("freq", pa.string()),
        ("period_code", pa.string()),
        ("value", pa.float64()),
        ("numerator", pa.float64()),
        ("denominator", pa.float64()),
        ("unit", pa.string()),
        ("obs_status", pa.string()),
        ("n_reporting", pa.int64()),
        ("n_expected", pa.int64()),
        ("source", pa.string()),
        ("comment", pa.string()),
    ]
)

_LEVELS: tuple[Level, ...] = ("enterprise", "station", "park", "province")
#: Days computed at a time; each of them knows every park and every enterprise.
_DAYS_AT_A_TIME = 31


@dataclass(frozen=True)
class ValueResult:
    """What a night wrote: rows by obs_status, and the pairs (indicator, period) whose values it replaces."""

    rows: int
    by_status: Mapping[str, int]
    scope: tuple[tuple[str, str], ...]


def compute_values(lake: Lake, contracts: Contracts, night: str, touched: Touched) -> ValueResult:
    """Write `indicators/indicator_values` of the touched periods, and of every period for changed definitions.

    Reads `indicators/enterprise_measures` and `indicators/report_submissions`, which must be up to date.
    """
    in_use = [indicator for indicator in contracts.indicators.values() if indicator.status != "retired"]
    changed = [indicator for indicator in in_use if indicator.code in touched.indicators]
    others = [code for code in touched.every if code not in set(touched.periods)]
    parts: dict[str, pa.Table] = {}
    scope: list[tuple[str, str]] = []
    for indicators, codes in ((in_use, touched.periods), (changed, others)):
        for periods in _batches([read_period(code) for code in codes] if indicators else []):
            asked = [one for one in indicators if {*one.frequencies} & {period.freq for period in periods}]
            parts |= _compute(lake, contracts, asked, periods, touched.known_until) if asked else {}
        scope += _scope(indicators, codes)
    lake.replace(STAGE, TABLE, night, parts)
    # An indicator that is gone since an earlier attempt of the night takes its rows with it.
    scope += [pair for pair in read_scope(lake, night) if pair[0] not in contracts.indicators]
    by_status: dict[str, int] = {}
    for rows in parts.values():
        for counted in rows.column("obs_status").value_counts().to_pylist():
            by_status[counted["values"]] = by_status.get(counted["values"], 0) + counted["counts"]
    return ValueResult(sum(by_status.values()), dict(sorted(by_status.items())), tuple(scope))


def _batches(periods: Sequence[Period]) -> Iterator[Sequence[Period]]:
    """The reported periods together, then the days a month's worth at a time."""
    reported = [period for period in periods if period.freq != "D"]
    days = [period for period in periods if period.freq == "D"]
    yield from filter(None, [reported])
    for start in range(0, len(days), _DAYS_AT_A_TIME):
        yield days[start : start + _DAYS_AT_A_TIME]


def _scope(indicators: Sequence[Indicator], codes: Sequence[str]) -> list[tuple[str, str]]:
    return [(one.code, code) for code in codes for one in indicators if read_period(code).freq in one.frequencies]


def _compute(
    lake: Lake, contracts: Contracts, indicators: Sequence[Indicator], periods: Sequence[Period], known_until: str
) -> dict[str, pa.Table]:
    """The values of all the indicators in all the periods, by part. One thread: equal sums need equal order."""
    with Engine(threads=1) as engine:
        situate(engine, lake, contracts, periods)
        facts = _open_operands(engine, lake, contracts, indicators, periods, known_until)
        engine.register("level_areas", _level_areas(engine, contracts, periods))
        engine.register("indicators", _tabulate(contracts, indicators))
        engine.materialize("not_surveyed", _not_surveyed(contracts, indicators))
        engine.materialize("expected", _EXPECTED)
        # One statement each: planning a single union of all of them takes longer than running them.
        statements = [statement for one in indicators for statement in _statements(contracts, facts, one)]
        engine.register("results", pa.concat_tables([engine.query(sql).cast(RESULT_SCHEMA) for sql in statements]))
        engine.materialize("valued", _VALUED)
        names = ", ".join(SCHEMA.names)
        order = "indicator_code, level, area_code"
        return {
            part_of(period.code): engine.query(
                f"SELECT {names} FROM valued WHERE period_code = '{period.code}' ORDER BY {order}"
            ).cast(SCHEMA)
            for period in periods
        }


def _statements(contracts: Contracts, facts: Facts, indicator: Indicator) -> Iterator[str]:
    """One query per level; what is not collected has rows for parks and provinces only, and none for days."""
    levels = [level for level in _LEVELS if level in indicator.levels]
    if is_collected(contracts, indicator):
        checked = read_indicator(contracts, indicator)
        yield from (write_statement(facts, indicator, checked, level) for level in levels)
    else:
        yield from (write_uncollected(indicator, level) for level in levels if level in ("park", "province"))


# ---- what is read ----------------------------------------------------------------------------------------------------


def _open_operands(
    engine: Engine,
    lake: Lake,
    contracts: Contracts,
    indicators: Sequence[Indicator],
    periods: Sequence[Period],
    known_until: str,
) -> Facts:
    """Materialize `at_<table>` for every table an indicator reads: its rows × the periods they belong to."""
    collected = [indicator for indicator in indicators if is_collected(contracts, indicator)]
    operands = [operand for one in collected for operand in (one.numerator, one.denominator) if operand]
    names = sorted({operand.from_ for operand in operands})
    estimated: dict[str, str] = {}
    pending: set[str] = set()
    registers = [name for name in names if contracts.tables[name].topic == "register"]
    open_registers(engine, lake, contracts, registers)
    for name in names:
        if contracts.tables[name].topic == "monitoring":
            engine.register_slices(
                name, newest_days(lake, name, _days_in(lake, name, periods)), schema_of(contracts.tables[name])
            )
        if contracts.tables[name].topic == "survey":
            codes = [period.code for period in periods]
            engine.register_slices(name, newest_periods(lake, name, codes), schema_of(contracts.tables[name]))
    if "enterprise_report" in names:
        estimated = register_enterprise_report(engine, lake, contracts, periods)
    if submissions.CONTRACT in names:
        _open_submissions(engine, lake, contracts, periods, known_until)
        pending.add(submissions.CONTRACT)
    for name in names:
        extra = [*estimated.values()] if name == "enterprise_report" else []
        engine.materialize(f"at_{name}", rows_with_province(contracts.tables[name], extra))
    as_of = {name: _as_of(engine, name) for name in registers}
    return Facts(contracts.tables, as_of, estimated, frozenset(pending))


def _not_surveyed(contracts: Contracts, indicators: Sequence[Indicator]) -> str:
    """A query of the indicators × periods of which nobody was asked: no respondent anywhere gave the answer.

    A survey is held when the board holds one; in a period without any an answer is not missing but not collected.
    """
    none = "SELECT CAST(NULL AS VARCHAR) AS indicator_code, CAST(NULL AS VARCHAR) AS period_code, NULL AS table_name"
    pairs = [f"{none} WHERE FALSE"]
    for one in indicators:
        tables = dict.fromkeys([one.numerator.from_, *([one.denominator.from_] if one.denominator else [])])
        for name in [name for name in tables if contracts.tables[name].topic == "survey"]:
            if is_collected(contracts, one):
                operands = [each for each in read_indicator(contracts, one).operands if each.table == name]
                columns = sorted({column for operand in operands for column in operand.columns})
                given = " AND ".join(f"t.{column} IS NOT NULL" for column in columns) or "TRUE"
                pairs.append(f"""
                    SELECT '{one.code}', p.period_code, '{name}' FROM periods AS p WHERE NOT EXISTS (
                        SELECT 1 FROM at_{name} AS t WHERE t.period_code = p.period_code AND {given})""")
    asked = " UNION ALL ".join(pairs)
    return f"""
        SELECT indicator_code, period_code, MAX(table_name) AS table_name FROM ({asked}) AS a
        GROUP BY indicator_code, period_code"""


def _days_in(lake: Lake, table: str, periods: Sequence[Period]) -> list[date]:
    """The days of a table of stations that lie in some of the periods."""
    days = days_of(lake.parts(STAGE, table))
    return sorted(day for day in days if any(period.start <= day <= period.end for period in periods))


def _as_of(engine: Engine, name: str) -> date | None:
    """The day up to which a register speaks: the newest `Tính đến ngày` of its rows."""
    newest: date | None = engine.query(f"SELECT MAX(as_of) AS as_of FROM {name}").column("as_of")[0].as_py()
    return newest


def _open_submissions(
    engine: Engine, lake: Lake, contracts: Contracts, periods: Sequence[Period], known_until: str
) -> None:
    """`report_submission`, and `pending_report_submission`: duties that are not due yet and not met."""
    table = contracts.tables[submissions.CONTRACT]
    slices = newest_periods(lake, submissions.TABLE, [period.code for period in periods])
    engine.register_slices(table.table, slices, schema_of(table))
    register_duties(engine, contracts, periods)
    engine.materialize(
        f"pending_{table.table}",
        f"""
        SELECT d.enterprise_id, d.park_code, a.province_code, d.form_code, d.freq, d.period_code, 0 AS revision,
            TRUE AS is_current, TRUE AS is_expected, CAST(NULL AS VARCHAR) AS status, d.due_on,
            CAST(NULL AS TIMESTAMP) AS submitted_on, CAST(NULL AS VARCHAR) AS channel,
            CAST(NULL AS BIGINT) AS required_total, CAST(NULL AS BIGINT) AS required_filled,
            CAST(NULL AS VARCHAR) AS report_id, p.period_start, p.period_end, p.period_year
        FROM duties AS d
        JOIN periods AS p ON p.period_code = d.period_code
        LEFT JOIN parks_at AS a ON a.park_code = d.park_code AND a.period_code = d.period_code
        WHERE d.due_on >= DATE '{known_until}' AND NOT EXISTS (
            SELECT 1 FROM {table.table} AS s WHERE s.enterprise_id = d.enterprise_id AND s.period_code = d.period_code)
        """,
    )


def _level_areas(engine: Engine, contracts: Contracts, periods: Sequence[Period]) -> pa.Table:
    """Park and province × period they exist in, with the break the period spans (`spanned`) or follows."""
    rows = []
    provinces = {area.area_code for area in contracts.areas.values()}
    parks = engine.query("SELECT period_code, park_code, province_code FROM parks_at WHERE is_registered").to_pylist()
    for period in periods:
        existing = [(code, code) for code in sorted(provinces) if _exists_in(contracts, code, period)]
        rows += [_area_row(contracts, "province", code, parent, period) for code, parent in existing]
    by_code = {period.code: period for period in periods}
    for park in parks:
        period = by_code[park["period_code"]]
        rows.append(_area_row(contracts, "park", park["park_code"], park["province_code"], period))
    names = ("level", "area_code", "province_code", "period_code", "period_freq", "spanned")
    schema = pa.schema([*((name, pa.string()) for name in names), ("follows_break", pa.bool_())])
    return pa.Table.from_pylist(rows, schema=schema)


def _exists_in(contracts: Contracts, code: str, period: Period) -> bool:
    """Whether some version of the province holds on some day of the period."""
    return any(
        (area.valid_from is None or area.valid_from <= period.end)
        and (area.valid_to is None or area.valid_to >= period.start)
        for area in contracts.areas.values()
        if area.area_code == code
    )


def _area_row(
    contracts: Contracts, level: Level, code: str, province: str | None, period: Period
) -> dict[str, str | bool | None]:
    breaks = [one for one in contracts.calendar.breaks if one.level == level]
    spanned = [f"{one.label.vi} / {one.label.en} ({one.day})" for one in breaks if period.spans(one.day)]
    return {
        "level": level,
        "area_code": code,
        "province_code": province,
        "period_code": period.code,
        "period_freq": period.freq,
        "spanned": "; ".join(spanned) or None,
        "follows_break": any(period.previous.start < one.day <= period.start for one in breaks),
    }


def _tabulate(contracts: Contracts, indicators: Sequence[Indicator]) -> pa.Table:
    """One indicator per row: what turns its operands into a value."""
    rows = []
    for one in indicators:
        tables = dict.fromkeys([one.numerator.from_, *([one.denominator.from_] if one.denominator else [])])
        missing = [name for name in tables if contracts.tables[name].status == "planned"]
        rows.append(
            {
                "indicator_code": one.code,
                "unit": one.unit,
                "scale": one.scale,
                "is_ratio": one.denominator is not None,
                "source": "+".join(tables),
                "numerator_table": one.numerator.from_,
                "counts_days": contracts.tables[one.numerator.from_].topic == "monitoring",
                "not_connected": ", ".join(missing) or None,
            }
        )
    kinds = {"scale": pa.float64(), "is_ratio": pa.bool_(), "counts_days": pa.bool_()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in rows[0]])
    return pa.Table.from_pylist(rows, schema=schema)


#: How many enterprises operate in an area on the last day of a period, hence whose reports are expected.
_EXPECTED = """
    SELECT 'enterprise' AS level, enterprise_id AS area_code, period_code, COUNT(*) AS n
    FROM enterprises_at WHERE operates_at_end GROUP BY enterprise_id, period_code
    UNION ALL
    SELECT 'park', park_code, period_code, COUNT(*)
    FROM enterprises_at WHERE operates_at_end GROUP BY park_code, period_code
    UNION ALL
    SELECT 'province', province_code, period_code, COUNT(*)
    FROM enterprises_at WHERE operates_at_end AND province_code IS NOT NULL GROUP BY province_code, period_code"""

#: The largest figure there is. What lies beyond it (infinity) or beside it (NaN, which sorts above) overflowed.
_LARGEST = "1.7976931348623157e308"

_VALUED = f"""
    WITH joined AS (
        SELECT r.*, p.period_freq AS freq, i.unit, i.scale, i.is_ratio, i.source,
            COALESCE(i.not_connected, s.table_name) AS not_collected, s.table_name IS NOT NULL AS is_not_surveyed,
            a.spanned, COALESCE(a.follows_break, FALSE) AS follows_break,
            CASE WHEN i.numerator_table = 'enterprise_report' THEN COALESCE(e.n, 0)
                WHEN i.counts_days THEN p.period_end - p.period_start + 1
                ELSE r.n_reporting + r.n_pending END AS n_expected
        FROM results AS r
        JOIN periods AS p ON p.period_code = r.period_code
        JOIN indicators AS i ON i.indicator_code = r.indicator_code
        LEFT JOIN not_surveyed AS s ON s.indicator_code = r.indicator_code AND s.period_code = r.period_code
        LEFT JOIN level_areas AS a
            ON a.level = r.level AND a.area_code = r.area_code AND a.period_code = r.period_code
        LEFT JOIN expected AS e
            ON e.level = r.level AND e.area_code = r.area_code AND e.period_code = r.period_code
    ), divided AS (
        SELECT j.*, CASE WHEN j.is_ratio THEN j.scale * j.numerator / NULLIF(j.denominator, 0)
            ELSE j.scale * j.numerator END AS quotient
        FROM joined AS j
    ), measured AS (
        SELECT d.*, COALESCE(ABS(d.numerator) > {_LARGEST} OR ABS(d.denominator) > {_LARGEST}
            OR ABS(d.quotient) > {_LARGEST}, FALSE) AS is_too_large
        FROM divided AS d
    ), judged AS (
        SELECT j.*, j.spanned IS NULL AND j.not_collected IS NULL AS is_counted, CASE
            WHEN j.not_collected IS NOT NULL THEN 'L'
            WHEN j.spanned IS NOT NULL OR j.is_too_large OR (j.is_ratio AND j.denominator = 0) THEN 'M'
            WHEN j.numerator IS NULL OR (j.is_ratio AND j.denominator IS NULL) THEN 'O'
            WHEN j.follows_break THEN 'B'
            WHEN j.is_estimated = 1 THEN 'E'
            WHEN j.n_reporting < j.n_expected THEN 'P'
            ELSE 'A' END AS obs_status
        FROM measured AS j
    )
    SELECT k.indicator_code, k.level, k.area_code, k.freq, k.period_code, k.unit, k.obs_status, k.source,
        CASE WHEN k.is_counted THEN k.n_reporting END AS n_reporting,
        CASE WHEN k.is_counted THEN k.n_expected END AS n_expected,
        CASE WHEN k.is_counted AND ABS(k.numerator) <= {_LARGEST} THEN k.numerator END AS numerator,
        CASE WHEN k.is_counted AND ABS(k.denominator) <= {_LARGEST} THEN k.denominator END AS denominator,
        CASE WHEN k.obs_status NOT IN ('L', 'M', 'O') THEN k.quotient END AS value,
        CASE k.obs_status
            WHEN 'L' THEN CASE
                WHEN k.is_not_surveyed THEN 'Không có khảo sát trong kỳ / No survey in the period: '
                ELSE 'Nguồn chưa kết nối / Source not connected yet: ' END || k.not_collected
            WHEN 'M' THEN CASE
                WHEN k.spanned IS NOT NULL THEN 'Kỳ bị chia bởi / The period is divided by: ' || k.spanned
                WHEN k.is_too_large
                    THEN 'Kết quả quá lớn, không thể là một con số / The result is too large to be a number'
                ELSE 'Mẫu số bằng 0 / The denominator is zero' END
            WHEN 'O' THEN CASE
                WHEN k.numerator IS NULL AND k.is_ratio AND k.denominator IS NULL
                    THEN 'Thiếu tử số và mẫu số / Numerator and denominator missing'
                WHEN k.numerator IS NULL THEN 'Thiếu số liệu / Figure missing'
                ELSE 'Thiếu mẫu số / Denominator missing' END
        END AS comment
    FROM judged AS k"""
