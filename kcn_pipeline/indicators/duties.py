"""Which reports are expected: forms × dated deadlines × those who must file them.

It must not know what was received. The surprising fact: two versions of a form with one code are one duty, since a firm
that files the old sheet has reported.
"""

import calendar
from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.reference import Deadline
from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.registers import BOARD
from kcn_pipeline.periods import Period

_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("form_code", "freq", "period_code", "expected_from")] + [("due_on", pa.date32())]
)


def deadline_rows(contracts: Contracts, periods: Sequence[Period]) -> list[dict[str, Any]]:
    """One form code × period that has a deadline: form_code, freq, period_code, expected_from, due_on."""
    return [
        {
            "form_code": code,
            "freq": period.freq,
            "period_code": period.code,
            "expected_from": _find_sender(contracts, code, period.end),
            "due_on": due_on(deadline, period),
        }
        for code in sorted({form.code for form in contracts.forms.values()})
        for period in periods
        if (deadline := _find_deadline(contracts, code, period)) is not None
    ]


def due_on(deadline: Deadline, period: Period) -> date:
    """The day by which a report on the period is due; the 31st of a shorter month is its last day."""
    month = period.end.month + deadline.months_after - 1
    year, month = period.end.year + month // 12, month % 12 + 1
    return date(year, month, min(deadline.day, calendar.monthrange(year, month)[1]))


def register_duties(engine: Engine, contracts: Contracts, periods: Sequence[Period]) -> None:
    """Register `deadlines` and `duties`; needs `enterprises_at` and `parks_at`.

    `duties`: one sender × form code × period. Enterprises report when they operated for the whole period, the developer
    for each of its eco-parks (`duty_park`, empty text for the others), the board for itself.
    """
    engine.register("deadlines", pa.Table.from_pylist(deadline_rows(contracts, periods), schema=_SCHEMA))
    engine.materialize(
        "duties",
        f"""
        SELECT e.enterprise_id, '' AS duty_park, d.form_code, d.freq, d.period_code, d.due_on, e.park_code
        FROM deadlines AS d JOIN enterprises_at AS e ON e.period_code = d.period_code
        WHERE d.expected_from = 'enterprises' AND e.operated_throughout
        UNION ALL
        SELECT k.developer_id, k.park_code, d.form_code, d.freq, d.period_code, d.due_on, k.park_code
        FROM deadlines AS d JOIN parks_at AS k ON k.period_code = d.period_code
        WHERE d.expected_from = 'eco_parks' AND k.is_eco_park AND k.developer_id IS NOT NULL
        UNION ALL
        SELECT '{BOARD}', '', d.form_code, d.freq, d.period_code, d.due_on, NULL
        FROM deadlines AS d WHERE d.expected_from = 'board'
        """,
    )


def _find_deadline(contracts: Contracts, code: str, period: Period) -> Deadline | None:
    """The newest deadline of a form that holds on the period's last day."""
    holding = [
        deadline
        for deadline in contracts.deadlines.values()
        if (deadline.form, deadline.frequency) == (code, period.freq) and deadline.holds_on(period.end)
    ]
    return max(holding, key=lambda deadline: deadline.valid_from or date.min, default=None)


def _find_sender(contracts: Contracts, code: str, day: date) -> str:
    """Who must file the form on a day, by the versions of it that are in force."""
    in_force = [form for form in contracts.forms.values() if form.code == code and form.holds_on(day)]
    return next((form.expected_from for form in in_force if form.expected_from != "nobody"), "nobody")
