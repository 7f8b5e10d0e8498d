"""What earlier nights accepted: the newest state of a table that holds its whole content in every slice.

It must not take a slice of the night being validated for an earlier one, or running a night twice would differ from
running it once. The surprising fact: a register's slice of a night holds all versions ever accepted: one file is read.
"""

import pyarrow as pa

from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.schemas import schema_of

STAGE = "validation"


def read_before(lake: Lake, table: str, night: str) -> pa.Table | None:
    """The content of a table before the night, or None when no earlier night accepted anything."""
    return _newest(lake, table, [stored for stored in lake.nights(STAGE, table) if stored < night])


def read_as_of(lake: Lake, table: str, night: str) -> pa.Table | None:
    """The content of a table after the night, or None when nothing was ever accepted."""
    return _newest(lake, table, [stored for stored in lake.nights(STAGE, table) if stored <= night])


def read_as_of_or_first(lake: Lake, table: str, night: str) -> pa.Table | None:
    """The content of a table after the night, for nights before the first content that one; None when there is none."""
    stored = lake.nights(STAGE, table)
    return _newest(lake, table, [one for one in stored if one <= night] or stored[:1])


def write_whole(lake: Lake, table: Table, night: str, rows: pa.Table | None) -> int:
    """Store the whole content of a table for the night; None keeps what was there. Returns the rows it holds now.

    A night that is run again and now brings nothing must not leave its first content behind, nor an empty slice, which
    would read as "everything is gone".
    """
    if rows is None:
        rows = read_before(lake, table.table, night)
        if night not in lake.nights(STAGE, table.table):
            return rows.num_rows if rows else 0
    content = rows if rows is not None else schema_of(table).empty_table()
    lake.replace(STAGE, table.table, night, {WHOLE: content})
    return content.num_rows


def _newest(lake: Lake, table: str, nights: list[str]) -> pa.Table | None:
    return lake.read(STAGE, table, nights[-1]) if nights else None
