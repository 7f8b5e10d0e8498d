"""Dated facts that rows are converted and judged with: units, code lists, deadlines, rates, factors, areas, rules.

It must not hold a conversion (that is the stage that converts). The surprising fact: a validation rule's texts are
data too, so that the reason an officer reads can be reworded without a release.
"""

from datetime import date
from typing import Literal

from pydantic import Field

from kcn_pipeline.contracts.base import Bilingual, Contract, Dated, Frequency, Name, Severity, Sourced


class Unit(Contract):
    """A unit. `factor` converts one of it into the canonical unit of its quantity; `spellings` are those of headers."""

    code: str
    label: Bilingual
    quantity: Name
    factor: float = Field(gt=0, default=1.0)
    canonical: bool = False
    spellings: tuple[str, ...] = ()
    currency: Literal["USD", "VND"] | None = None


class Code(Contract):
    """One value of a code list; `spellings` are what files write for it."""

    code: str
    label: Bilingual
    spellings: tuple[str, ...] = ()
    note: str | None = None


class CodeList(Contract):
    """A closed list of codes."""

    name: Name
    source: str
    codes: tuple[Code, ...] = Field(min_length=1)


class Deadline(Dated):
    """When a form is due: `day` of the month that lies `months_after` the month in which the period ends."""

    form: str
    frequency: Frequency
    months_after: int = Field(ge=0, le=24)
    day: int = Field(ge=1, le=31)
    note: str | None = None


class ExchangeRate(Dated):
    """VND for one USD while it holds."""

    vnd_per_usd: float = Field(gt=0)


class Factor(Dated):
    """A conversion factor, named as derived measures name it (`toe_electricity_kwh`)."""

    name: Name
    label: Bilingual
    value: float
    unit: str
    note: str | None = None


class Area(Dated):
    """One version of an area above the park. `numeric_code` 24 means two areas depending on the date."""

    area_code: str
    level: Literal["province"]
    numeric_code: str
    name: Bilingual
    successor: str | None = None


class ParkName(Sourced):
    """The code of a park and the ways its name is written; `former_province` decides its parent before 2025-07-01."""

    park_code: str
    name_vi: str
    spellings: tuple[str, ...] = ()
    former_province: str
    planned_area_ha: float | None = None
    note: str | None = None


class RuleText(Contract):
    """The reason a finding gives, with `{placeholders}`, and what to do about it, for the officer who reads it."""

    rule: Name
    severity: Severity
    reason: Bilingual
    action: Bilingual


class Correction(Contract):
    """A known error of a source: which value (`match`), what it should be, why, and whether it must still be found."""

    id: Name
    table: str
    match: dict[str, str]
    set: dict[str, str | float | None]
    reason: str
    status: Literal["open", "reported", "fixed_at_source"]
    expect: Literal["found", "absent"] = "found"


class Break(Contract):
    """A day on which areas of a level changed so much that no period may span it."""

    level: Literal["province"]
    day: date
    label: Bilingual


class Calendar(Contract):
    """The time the warehouse covers, from `first_day` to the night."""

    first_day: date
    breaks: tuple[Break, ...] = ()


class PublishedSum(Sourced):
    """A total that a document states together with its parts."""

    total: str
    parts: tuple[str, ...] = Field(min_length=2)
    tolerance: float = 0.0
