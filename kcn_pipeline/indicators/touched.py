"""Which periods a night must recompute, and why.

It must not compute a value. The surprising fact: an older night that is run again is judged by everything landed so
far, because the warehouse must never go back to knowing less.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.definitions import TABLE as DEFINITIONS
from kcn_pipeline.indicators.definitions import changed_definitions, known_until
from kcn_pipeline.indicators.duties import deadline_rows
from kcn_pipeline.indicators.registers import tabulate_periods
from kcn_pipeline.indicators.scope import read_scope
from kcn_pipeline.indicators.slices import STAGE, days_of, newest_register, periods_of, register_without
from kcn_pipeline.lake import Lake
from kcn_pipeline.periods import Period, list_periods, order_codes, period_of, read_period
from kcn_pipeline.schemas import schema_of

#: What stations measured on a day; its slices say which days were judged.
STATION_DAYS = "monitoring_station"
#: What respondents of surveys said of a period.
SURVEY_ANSWERS = "survey_response"

Reason = Literal["reports", "monitoring", "surveys", "register", "ended", "deadlines", "definitions", "earlier_attempt"]

_TEXTS: dict[Reason, str] = {
    "reports": "reports arrived",
    "monitoring": "stations were judged",
    "surveys": "answers to surveys arrived",
    "register": "the register changed",
    "ended": "ended since the last night",
    "deadlines": "a deadline passed",
    "definitions": "measures, deadlines or areas changed",
    "earlier_attempt": "computed by an earlier attempt of the night",
}


@dataclass(frozen=True)
class Touched:
    """What night `night` recomputes: all indicators of `periods`, and `indicators` (changed definitions) of `every`.

    Only ended periods since the calendar's first day are in it, days only where stations measured. `outside` are
    periods with new reports that the calendar does not cover. `known_until` is the newest night of the lake: what was
    due before it is overdue.
    """

    night: str
    known_until: str
    every: tuple[str, ...]
    reasons: Mapping[Reason, tuple[str, ...]] = field(default_factory=dict)
    indicators: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()

    @property
    def periods(self) -> tuple[str, ...]:
        """The touched periods in the order of time."""
        return order_codes(code for codes in self.reasons.values() for code in codes)

    @property
    def reported_periods(self) -> tuple[str, ...]:
        """The touched periods without the days, of which no enterprise reports."""
        return tuple(code for code in self.periods if read_period(code).freq != "D")

    def describe(self) -> str:
        """What is recomputed and why, for a person."""
        lines = [f"{len(self.periods)} of {len(self.every)} ended periods"]
        for reason, codes in self.reasons.items():
            if codes:
                lines.append(f"{_TEXTS[reason]}: {'all of them' if codes == self.every else _shorten(codes)}")
        if self.indicators:
            lines.append(f"new definition, every period: {_shorten(self.indicators)}")
        if self.outside:
            lines.append(f"reports on periods outside the calendar, not computed: {_shorten(self.outside)}")
        return "; ".join(lines)


def find_touched(lake: Lake, contracts: Contracts, night: str) -> Touched:
    """What the night must recompute, seen against the last night before it whose definitions were recorded."""
    last = max((one for one in lake.nights(STAGE, DEFINITIONS) if one < night), default=None)
    newest = known_until(lake, night)
    today = date.fromisoformat(newest)
    measured = {period_of("D", day) for day in days_of(lake.parts(STAGE, STATION_DAYS))}
    periods = [*list_periods(contracts.calendar.first_day, today), *measured]
    every = [p for p in periods if contracts.calendar.first_day <= p.start and p.end < today]
    reported_every = [p for p in every if p.freq != "D"]
    changed = changed_definitions(lake, contracts, night)
    # Newer nights have counted what ended and was due before them.
    counted = max((one for one in lake.nights(STAGE, DEFINITIONS) if one > night), default=last)
    since = date.fromisoformat(counted) if counted else date.min
    reported = _reported(lake, last, night)
    codes = {period.code for period in every}
    found: dict[Reason, set[str]] = {
        "reports": reported,
        "monitoring": _judged(lake, last, night),
        "surveys": _surveyed(lake, last, night),
        "register": _changed_in_registers(lake, contracts, last, night, reported_every),
        "ended": {period.code for period in reported_every if period.end >= since},
        "deadlines": {
            r["period_code"] for r in deadline_rows(contracts, reported_every) if since <= r["due_on"] < today
        },
        "definitions": codes if changed.everything else set(),
    }
    touched = {code for some in found.values() for code in some}
    # Publishing a night again must cover what an earlier attempt of it wrote, and nothing says that attempt's reasons.
    found["earlier_attempt"] = periods_of(lake.parts(STAGE, "report_submissions", night)) - touched
    earlier = {code for code, period in read_scope(lake, night) if period not in touched | found["earlier_attempt"]}
    in_use = [code for code, indicator in contracts.indicators.items() if indicator.status != "retired"]
    return Touched(
        night=night,
        known_until=newest,
        every=order_codes(codes),
        reasons={reason: order_codes(found[reason] & codes) for reason in found},
        indicators=tuple(code for code in in_use if code in {*changed.indicators, *earlier}),
        outside=order_codes(code for code in reported if read_period(code).start < contracts.calendar.first_day),
    )


def _reported(lake: Lake, last: str | None, night: str) -> set[str]:
    """Periods of which reports or figures were accepted or refused after night `last`, and the longer ones around."""
    codes: set[str] = set()
    for table in ("enterprise_reports", "enterprise_report_values"):
        for one in _nights_between(lake, "validation", table, last, night):
            codes |= periods_of(lake.parts("validation", table, one))
    for one in _nights_between(lake, "quarantine", "enterprise_reports", last, night):
        refused = lake.read("quarantine", "enterprise_reports", one)
        if refused is not None and "period_code" in refused.column_names:
            codes |= {code for code in refused.column("period_code").unique().to_pylist() if _is_period(code)}
    around = {longer.code for code in codes for longer in read_period(code).enclosing}
    return codes | around


def _judged(lake: Lake, last: str | None, night: str) -> set[str]:
    """Days whose stations were judged anew after night `last`, and the longer periods around."""
    nights = _nights_between(lake, STAGE, STATION_DAYS, last, night)
    days = {period_of("D", day) for one in nights for day in days_of(lake.parts(STAGE, STATION_DAYS, one))}
    return {period.code for day in days for period in (day, *day.enclosing)}


def _surveyed(lake: Lake, last: str | None, night: str) -> set[str]:
    """Periods of which the answers to surveys were computed after night `last`; the longer ones around have their own.

    A round speaks of one period, which may end only after it; its answers then wait for that.
    """
    nights = _nights_between(lake, STAGE, SURVEY_ANSWERS, last, night)
    return {code for one in nights for code in periods_of(lake.parts(STAGE, SURVEY_ANSWERS, one))}


def _nights_between(lake: Lake, stage: str, table: str, last: str | None, night: str) -> list[str]:
    return [one for one in lake.nights(stage, table) if (last is None or last < one) and one <= night]


def _shorten(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _is_period(code: str | None) -> bool:
    """Whether a refused report says its period; it may be refused because it does not."""
    try:
        return code is not None and bool(read_period(code))
    except ValueError:
        return False


# ---- the register ----------------------------------------------------------------------------------------------------


def _changed_in_registers(
    lake: Lake, contracts: Contracts, last: str | None, night: str, every: Sequence[Period]
) -> set[str]:
    """Periods for which some register table says something else than on night `last`.

    What nights newer than `night` changed they have computed.
    """
    if last is None:
        return {period.code for period in every}
    changed: set[str] = set()
    with Engine() as engine:
        engine.register("periods", tabulate_periods(every))
        for table in contracts.tables.values():
            if table.topic == "register" and table.usage:
                new, old = newest_register(lake, table.table), register_without(lake, table.table, last, night)
                if new != old:
                    engine.register_slices("new_rows", new, schema_of(table))
                    engine.register_slices("old_rows", old, schema_of(table))
                    changed |= _changed_in_register(engine, table)
    return changed


def _changed_in_register(engine: Engine, table: Table) -> set[str]:
    """Periods of which the two states of one register table say something else, or up to which one of them speaks."""
    content = ", ".join(f't."{name}"' for name in sorted(_content(table) - {"period_code"}))
    listed = ", ".join(f'"{c.name}"' for c in table.columns if c.name in _content(table) | _when(table))
    for one, other in (("new_rows", "old_rows"), ("old_rows", "new_rows")):
        engine.materialize(f"only_{one}", f"SELECT {listed} FROM {one} EXCEPT SELECT {listed} FROM {other}")
        in_periods = f"SELECT p.period_code, {content} FROM only_{one} AS t JOIN periods AS p ON {_belongs(table)}"
        engine.materialize(f"content_{one}", in_periods)
    rows = engine.query("""
        SELECT period_code FROM (SELECT * FROM content_new_rows EXCEPT SELECT * FROM content_old_rows) AS a
        UNION SELECT period_code FROM (SELECT * FROM content_old_rows EXCEPT SELECT * FROM content_new_rows) AS b
        UNION SELECT p.period_code FROM periods AS p, (SELECT MAX(as_of) AS as_of FROM new_rows) AS n,
            (SELECT MAX(as_of) AS as_of FROM old_rows) AS o
        WHERE (n.as_of >= p.period_end AND (o.as_of IS NULL OR o.as_of < p.period_end))
            OR (o.as_of >= p.period_end AND (n.as_of IS NULL OR n.as_of < p.period_end))
        """)
    return set(rows.column("period_code").to_pylist())


def _content(table: Table) -> set[str]:
    """The columns that say something of a thing, without when it holds and what is our own."""
    names = {column.name for column in table.columns if not column.name.startswith("_")}
    set_by_us = {"province_code"} if "park_code" in names else set()
    return names - {"valid_from", "valid_to", "as_of"} - set_by_us


def _when(table: Table) -> set[str]:
    return {column.name for column in table.columns} & {"valid_from", "valid_to"}


def _belongs(table: Table) -> str:
    """The condition that puts a row `t` of the table into a period `p`."""
    assert table.usage is not None
    if table.usage.period == "code":
        return "t.period_code = p.period_code"
    if table.usage.period == "event":
        return f't."{table.usage.column}" BETWEEN p.period_start AND p.period_end'
    begins = "(t.valid_from IS NULL OR t.valid_from <= p.period_end)"
    return f"{begins} AND (t.valid_to IS NULL OR t.valid_to >= p.period_end)"
