"""What every figure is computed from by contract, remembered per night, so that a changed contract recomputes it.

It must not hold a definition. The surprising fact: names, notes and targets are left out of the fingerprints, since a
better word for an indicator changes none of its values.
"""

from dataclasses import dataclass
from hashlib import sha256

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.indicators import Indicator
from kcn_pipeline.indicators.slices import STAGE
from kcn_pipeline.lake import WHOLE, Lake

TABLE = "definitions"
_SCHEMA = pa.schema([("name", pa.string()), ("fingerprint", pa.string())])

#: What of an indicator its values depend on.
_OF_VALUES = {"code", "levels", "unit", "frequencies", "scale", "numerator", "denominator", "status"}


@dataclass(frozen=True)
class ChangedDefinitions:
    """Indicators to recompute for every period, and whether everything must be."""

    indicators: tuple[str, ...]
    everything: bool


def record_definitions(lake: Lake, contracts: Contracts, night: str) -> None:
    """Write `indicators/definitions` of the night, which also marks the night as computed; call it last."""
    rows = [{"name": name, "fingerprint": print_} for name, print_ in _fingerprints(contracts).items()]
    lake.replace(STAGE, TABLE, night, {WHOLE: pa.Table.from_pylist(rows, schema=_SCHEMA)})


def known_until(lake: Lake, night: str) -> str:
    """The newest night of which the lake knows, the given one included."""
    return max([night, *lake.nights(STAGE, TABLE)])


def changed_definitions(lake: Lake, contracts: Contracts, night: str) -> ChangedDefinitions:
    """What changed against the newest night before this one; without such a night, everything."""
    earlier = [one for one in lake.nights(STAGE, TABLE) if one < night]
    before = lake.read(STAGE, TABLE, max(earlier)) if earlier else None
    known = {} if before is None else dict(zip(*before.to_pydict().values(), strict=True))
    changed = {name for name, print_ in _fingerprints(contracts).items() if known.get(name) != print_}
    everything = any(name not in contracts.indicators for name in changed)
    indicators = [code for code, one in contracts.indicators.items() if code in changed and one.status != "retired"]
    return ChangedDefinitions(tuple(indicators), everything)


def _fingerprints(contracts: Contracts) -> dict[str, str]:
    """The fingerprint of every indicator, and those of what all of them stand on."""
    prints = {code: _hash(_of_values(contracts, indicator)) for code, indicator in contracts.indicators.items()}
    prints["measures"] = contracts.measure_fingerprint
    prints["submissions"] = _hash(
        *(deadline.model_dump_json() for deadline in contracts.deadlines.values()),
        *(f"{f.code} {f.reporter} {f.expected_from} {f.valid_from} {f.valid_to}" for f in contracts.forms.values()),
    )
    prints["areas"] = _hash(
        contracts.calendar.model_dump_json(),
        *(area.model_dump_json() for area in contracts.areas.values()),
        *(f"{park.park_code} {park.former_province}" for park in contracts.parks.values()),
    )
    return prints


def _of_values(contracts: Contracts, indicator: Indicator) -> str:
    operands = [operand for operand in (indicator.numerator, indicator.denominator) if operand]
    tables = [contracts.tables[operand.from_] for operand in operands]
    uses = [f"{table.table} {table.status} {table.usage}" for table in tables]
    is_retired = indicator.status == "retired"
    said = indicator.model_dump_json(by_alias=True, include=_OF_VALUES - {"status"})
    return "\n".join([said, *uses, str(is_retired)])


def _hash(*texts: str) -> str:
    return sha256("\n".join(texts).encode()).hexdigest()[:16]
