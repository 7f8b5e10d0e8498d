"""Units as headers write them → the unit meant, and the factor to the canonical unit.

It must not read cells. The surprising fact: `MONEY` is no unit but a question, answered per sheet: the certificate's
currency decides whether a form is in USD or in triệu VNĐ, and the two are joined by a dated rate only.
"""

from dataclasses import dataclass
from functools import cached_property

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.forms import Field_
from kcn_pipeline.contracts.reference import Unit
from kcn_pipeline.staging.vietnamese import fold

MONEY = "MONEY"


def squeeze(text: str) -> str:
    """The comparison key of a unit: folded and without blanks, so that `m3 / ngày` equals `M3/ngày`."""
    return fold(text).replace(" ", "") if text.strip() != "%" else "%"


@dataclass(frozen=True, eq=False)
class Units:
    """The units of the contracts, found by spelling."""

    contracts: Contracts

    @cached_property
    def _by_spelling(self) -> dict[str, Unit]:
        return {
            squeeze(spelling): unit
            for unit in self.contracts.units.values()
            for spelling in (unit.code, unit.label.vi, unit.label.en, *unit.spellings)
            if squeeze(spelling)
        } | {squeeze(s): unit for unit in self.contracts.units.values() for s in unit.spellings}

    @cached_property
    def _canonical(self) -> dict[str, Unit]:
        return {unit.quantity: unit for unit in self.contracts.units.values() if unit.canonical}

    def find(self, text: str) -> Unit | None:
        """The unit a text means, or None; brackets around it do not matter."""
        return self._by_spelling.get(squeeze(text))

    def target_of(self, field: Field_, column: str, written: Unit | None) -> Unit | None:
        """The canonical unit a field is stored in: its measure's, else that of its quantity; money in USD.

        All columns of a field share it, so that a quarter can be compared with the year to date.
        """
        if measure := field.measures.get(column) or next(iter(field.measures.values()), None):
            return self.contracts.units[self.contracts.measures[measure].unit]
        if field.unit == MONEY:
            return self.contracts.units["USD"]
        return self._canonical.get(written.quantity) if written else None


def conversion(written: Unit, target: Unit, vnd_per_usd: float | None) -> float | None:
    """What a figure in `written` is multiplied by to be in `target`; None when the two cannot be converted.

    Between currencies the rate is used, in VND for one USD; None as well when there is no rate.
    """
    if written.currency and target.currency and written.currency != target.currency:
        if vnd_per_usd is None:
            return None
        rate = vnd_per_usd if written.currency == "USD" else 1 / vnd_per_usd
        return written.factor * rate / target.factor
    if written.quantity != target.quantity:
        return None
    return written.factor / target.factor
