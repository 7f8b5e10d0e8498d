"""The strict frozen model that every contract is, and the kinds of words several contracts share.

It must not hold a fact of any contract. The surprising fact: an unknown key is an error everywhere, because a
misspelt key that is silently ignored is a limit that silently does not apply.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Confidence = Literal["high", "medium", "low"]
Frequency = Literal["A", "S", "Q", "M"]
Level = Literal["province", "park", "enterprise", "station"]
Severity = Literal["info", "warning", "critical"]
StationKind = Literal["wastewater", "emission", "ambient", "water_supply"]
#: The time over which a mean is taken that is held against a limit.
Averaging = Literal["1h", "8h", "24h", "day", "year"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Contract(BaseModel):
    """A frozen record that refuses unknown keys and silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Sourced(Contract):
    """A fact with where it was read and how sure we are (`low` is a default that the board must confirm)."""

    source: str = Field(min_length=1)
    confidence: Confidence


class Dated(Sourced):
    """A sourced fact that holds from `valid_from` to `valid_to`, both included; None means open."""

    valid_from: date | None = None
    valid_to: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether the fact holds on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


class Bilingual(Contract):
    """A text for users in Vietnamese and English."""

    vi: str = Field(min_length=1)
    en: str = Field(min_length=1)
