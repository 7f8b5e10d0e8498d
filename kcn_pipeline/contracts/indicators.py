"""The indicator catalog and the canonical measures it is computed from, as models.

It must not parse SQL (that is `indicators/catalog.py`) nor hold a figure. The surprising fact: an indicator is always
scale × numerator / denominator, two aggregates kept apart, because a roll-up of ratios is a ratio of sums.
"""

from typing import Literal

from pydantic import Field

from kcn_pipeline.contracts.base import Bilingual, Confidence, Contract, Dated, Frequency, Level

Status = Literal["proposed", "pilot", "adopted", "retired"]
Dimension = Literal["management", "economic", "environmental", "social", "infrastructure_digital"]


class Operand(Contract):
    """One aggregate over one validated table: `SELECT expression FROM from WHERE where`, per area and period.

    `area: province` evaluates it for the province that holds the area (a provincial denominator).
    """

    from_: str = Field(alias="from")
    expression: str
    where: str | None = None
    area: Literal["own", "province"] = "own"


class Alternative(Contract):
    """A second way to meet a target, judged on an operand (Decree 35/2022 Art. 9(4): 3 % of the land or 5 ha)."""

    of: Literal["numerator", "denominator"]
    op: Literal[">=", "<=", "==", "<", ">"]
    value: float


class Target(Dated):
    """What the value should reach. `op` none means that no target exists; the basis then names a comparator."""

    op: Literal[">=", "<=", "==", "<", ">", "none"]
    value: float | None = None
    basis: str
    alternative: Alternative | None = None


class Reference(Contract):
    """Where a framework or document asks for the indicator."""

    framework: str
    confidence: Confidence


class Indicator(Contract):
    """One indicator of the catalog. Grain of its values: area × period, at each of `levels` and `frequencies`."""

    code: str = Field(pattern=r"^[A-Z]{2,4}[0-9]{2,3}[A-Za-z]?$")
    name: Bilingual
    description: Bilingual | None = None
    dimension: Dimension
    levels: tuple[Level, ...] = Field(min_length=1)
    unit: str
    frequencies: tuple[Frequency | Literal["D"], ...] = Field(min_length=1)
    direction: Literal["higher", "lower", "target", "none"]
    scale: float = 1.0
    numerator: Operand
    denominator: Operand | None = None
    targets: tuple[Target, ...] = ()
    status: Status
    references: tuple[Reference, ...] = ()
    documents: tuple[str, ...] = ()
    confidence: Confidence
    source: str
    note: str | None = None


class Measure(Contract):
    """A canonical quantity of the table `enterprise_report`.

    `flow` adds up over quarters, `stock` and `flag` take the last. `forms` orders the forms that feed it, best first.
    `derive` computes it from other measures and dated factors instead.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: Bilingual
    unit: str
    kind: Literal["flow", "stock", "flag"]
    forms: tuple[str, ...] = ()
    derive: str | None = None
    source: str | None = None
    note: str | None = None
