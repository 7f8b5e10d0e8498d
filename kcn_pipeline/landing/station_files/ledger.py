"""Which station files have landed on the nights that matter, read from the manifests column by column.

It must not read other nights: a year of station files is ten million names. The surprising fact: nights after the
one that lands are read too, because nights may be refreshed in any order.
"""

from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from kcn_pipeline.lake import Lake

_COLUMNS = ["name", "size", "modified_at", "sha256", "fetched_at"]

#: After every night.
NO_END = "9999"


class Landed(NamedTuple):
    """The newest payload of a name."""

    size: int
    modified_at: str | None
    sha256: str


def read_ledger(lake: Lake, source: str, first: str, last: str = NO_END) -> dict[str, Landed]:
    """Name → what landed last under it, from the manifests of some nights, the first and the last included."""
    packs = [pack for pack in lake.packs(source) if f"night={first}" <= pack.parent.name <= f"night={last}"]
    if not packs:
        return {}
    rows = pa.concat_tables(pq.read_table(pack, columns=_COLUMNS, partitioning=None) for pack in packs)
    # Sorting is stable: of what came at the same time, the last in the pack stays last.
    rows = rows.sort_by("fetched_at")
    names, *facts = (rows[column].to_pylist() for column in _COLUMNS[:-1])
    return dict(zip(names, map(Landed, *facts), strict=True))
