"""Who reports what period, and when: the title block turned into the columns of `enterprise_reports`.

It must not look anything up in the register (that is `validation/`). The surprising fact: the time of submission is
the portal's if it says one, else the date line of the signature block, and the file's own time only as a last resort,
because copying a folder changes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from kcn_pipeline.contracts.forms import Form
from kcn_pipeline.periods import read_period as period_of_code
from kcn_pipeline.settings import VIETNAM
from kcn_pipeline.staging.forms.headings import Heading, Headings
from kcn_pipeline.staging.parks import ParkNames
from kcn_pipeline.staging.units import Units
from kcn_pipeline.staging.vietnamese import (
    canonical,
    clean,
    read_date,
    read_excel_date,
    read_period,
    read_tax_code,
)


@dataclass
class Identity:
    """The report-level facts of a submission; `problem` is the first that makes the whole report unusable."""

    tax_code: str | None = None
    enterprise_name: str | None = None
    certificate_number: str | None = None
    park_code: str | None = None
    park_name: str | None = None
    freq: str | None = None
    period_code: str | None = None
    period_start: date | None = None
    period_end: date | None = None
    submitted_on: datetime | None = None
    submitted_source: str | None = None
    channel: str | None = None
    currency: str | None = None
    money_unit: str | None = None
    problem: str | None = None
    detail: str | None = None
    remarks: list[tuple[str, str, str]] = field(default_factory=list)

    def refuse(self, rule: str, detail: str) -> None:
        """Note what makes the report unusable; the first one counts, the others are remarks."""
        if self.problem is None:
            self.problem, self.detail = rule, detail
        else:
            self.remarks.append((rule, "", detail))


def read_identity(
    parks: ParkNames, units: Units, form: Form, headings: Headings, metadata: Mapping[str, Any], modified_at: str | None
) -> Identity:
    """The identity of a submission from its title block, and from the portal's listing where the block is silent."""
    identity = Identity(channel=metadata.get("channel"))
    _read_reporter(identity, parks, form, headings, metadata)
    _read_period(identity, form, headings)
    _read_submission(identity, headings, metadata, modified_at)
    _read_currency(identity, units, form, headings)
    return identity


def _read_reporter(
    identity: Identity, parks: ParkNames, form: Form, headings: Headings, metadata: Mapping[str, Any]
) -> None:
    by_kind = {heading.reads: heading.name for heading in form.headings if heading.reads in ("tax_code", "park")}
    if name := headings.get("enterprise_name"):
        identity.enterprise_name = canonical(clean(str(name.value)))
    if certificate := headings.get("certificate_number"):
        identity.certificate_number = clean(str(certificate.value))
    if park := headings.get(by_kind.get("park", "park")):
        identity.park_name, identity.park_code, is_park = _find_park(parks, str(park.value))
        if identity.park_code is None and (form.reporter == "park" or is_park):
            identity.refuse("unknown_park_name", identity.park_name)
    if form.reporter == "board":
        return
    heading = headings.get(by_kind.get("tax_code", "tax_code"))
    written = heading.value if heading else metadata.get("tax_code", "")
    read = read_tax_code(written if isinstance(written, (str, float)) else str(written))
    identity.tax_code = read.value
    if read.value is None:
        identity.refuse("unreadable_tax_code", str(written))
    elif read.problem or read.repaired:
        identity.remarks.append((read.problem or "tax_code_repaired", "tax_code", f"{written} → {read.value}"))


@lru_cache(maxsize=2_000)
def _find_park(parks: ParkNames, text: str) -> tuple[str, str | None, bool]:
    """The park's name as written, its code, and whether a park is meant at all; hundreds of firms write the same."""
    name = canonical(clean(text))
    return name, parks.find(name), parks.mentions(name)


def _read_period(identity: Identity, form: Form, headings: Headings) -> None:
    """The one period that heading and title say; two different ones are a contradiction and no choice of ours."""
    stated = [str(h.value) for name in ("period", "year") if (h := headings.get(name))]
    found: dict[str, str] = {}
    problem, seen = "no_period", ""
    said = chain(((text, read_period(text)) for text in stated), ((line.text, line.period) for line in headings.lines))
    for text, period in said:
        if period is None:
            continue
        if period.problem:
            problem, seen = (period.problem, text) if problem == "no_period" else (problem, seen)
        elif period.code and period.freq in form.frequencies:
            found[period.code] = period.freq or ""
        else:
            seen = seen or text
    if len(found) == 1:
        ((identity.period_code, identity.freq),) = found.items()
        identity.period_start, identity.period_end = _bounds_of(identity.period_code)
    elif found:
        identity.refuse("several_periods", "; ".join(sorted(found)))
    else:
        identity.refuse(problem, seen)


@lru_cache(maxsize=1_000)
def _bounds_of(code: str) -> tuple[date, date]:
    """The first and the last day of a period."""
    period = period_of_code(code)
    return period.start, period.end


def _read_submission(
    identity: Identity, headings: Headings, metadata: Mapping[str, Any], modified_at: str | None
) -> None:
    if stated := metadata.get("submitted_at"):
        identity.submitted_on, identity.submitted_source = _to_local(str(stated)), "portal"
        return
    heading = headings.get("signed_on") or headings.date_line
    if heading is not None:
        day, problem = _read_day(heading)
        if day:
            identity.submitted_on, identity.submitted_source = datetime(day.year, day.month, day.day), "form"
            return
        identity.remarks.append((problem or "unreadable_date", "signed_on", str(heading.value)))
    if modified_at:
        identity.submitted_on, identity.submitted_source = _to_local(modified_at), "file"
    else:
        identity.refuse("unreadable_date", "")


def _read_day(heading: Heading) -> tuple[date | None, str | None]:
    if isinstance(heading.value, datetime):
        return heading.value.date(), None
    if isinstance(heading.value, date):
        return heading.value, None
    read = read_excel_date(heading.value) if isinstance(heading.value, float) else read_date(str(heading.value))
    return read.value, read.problem


def _to_local(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(VIETNAM).replace(tzinfo=None) if moment.tzinfo else moment


def _read_currency(identity: Identity, units: Units, form: Form, headings: Headings) -> None:
    stated = [
        str(h.value) for heading in form.headings if heading.reads == "currency" and (h := headings.get(heading.name))
    ]
    lines = (line.text for line in headings.lines if line.names_currency)
    for text in chain(stated, lines):
        unit = units.find(text.rpartition(":")[2])
        if unit and unit.currency:
            identity.currency, identity.money_unit = unit.currency, unit.code
            return
