"""What an SDMX period code says of time: its last day and the period before it.

It must not know a deadline nor a break. The surprising fact: a half-year sorts after a quarter as text, so periods are
never compared as strings.
"""

import calendar
import re
from datetime import date

_CODE = re.compile(r"(\d{4})(?:-(?:S([12])|Q([1-4])|(0[1-9]|1[0-2])))?", re.ASCII)
_MONTHS_OF_PART = {2: 6, 3: 3, 4: 1}
_FORMS = {2: "{year:04d}-S{part}", 3: "{year:04d}-Q{part}", 4: "{year:04d}-{part:02d}"}


def last_day(period_code: str) -> date:
    """The last day of a period such as `2026`, `2026-S1`, `2026-Q1` or `2026-03`; raises ValueError."""
    year, kind, part = _read(period_code)
    month = 12 if kind is None else part * _MONTHS_OF_PART[kind]
    return date(year, month, calendar.monthrange(year, month)[1])


def previous(period_code: str) -> str:
    """The code of the period of the same length just before; raises ValueError."""
    year, kind, part = _read(period_code)
    if kind is None:
        return f"{year - 1:04d}"
    if part == 1:
        return _FORMS[kind].format(year=year - 1, part=12 // _MONTHS_OF_PART[kind])
    return _FORMS[kind].format(year=year, part=part - 1)


def _read(period_code: str) -> tuple[int, int | None, int]:
    match = _CODE.fullmatch(period_code)
    if match is None or int(match[1]) < 2:
        raise ValueError(f"{period_code!r} is no period; expected such as 2026, 2026-S1, 2026-Q1 or 2026-03")
    kind = next((group for group in (2, 3, 4) if match[group]), None)
    return int(match[1]), kind, int(match[kind]) if kind else 1
