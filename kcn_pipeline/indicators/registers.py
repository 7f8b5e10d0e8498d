"""Which rows of a table belong to a period, and where parks and enterprises stood on its last day.

It must not aggregate. The surprising fact: a park's province is looked up anew for every period, so the merger of
1 July 2025 moves every figure of a park to the new province without any row of the register being changed.
"""

from collections.abc import Iterable, Sequence
from datetime import date

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.slices import newest_register
from kcn_pipeline.lake import Lake
from kcn_pipeline.periods import Period
from kcn_pipeline.schemas import schema_of

#: The management board as a reporter; it stands in no park and so in no total.
BOARD = "BOARD"

_PERIOD_COLUMNS = ("period_code", "period_freq", "period_start", "period_end", "period_year")


def open_registers(engine: Engine, lake: Lake, contracts: Contracts, names: Iterable[str]) -> None:
    """Make the newest state of register tables readable under their names; one never received is empty."""
    for name in names:
        engine.register_slices(name, newest_register(lake, name), schema_of(contracts.tables[name]))


def situate(engine: Engine, lake: Lake, contracts: Contracts, periods: Sequence[Period]) -> None:
    """Register `periods`, `parks_at` and `enterprises_at`.

    `periods`: one row per period. `parks_at`: one park × period, with the province on the last day; a park that only
    parks.yaml knows has is_registered false, and a developer that is no enterprise of the register owes and sends
    nothing. `enterprises_at`: one enterprise of the register × period.
    """
    engine.register("periods", tabulate_periods(periods))
    engine.register("provinces_at", _provinces_at(contracts, periods))
    engine.register("named_parks", _named_parks(contracts))
    open_registers(engine, lake, contracts, ["register_parks", "register_enterprises"])
    parks = _rows_of_period(contracts.tables["register_parks"])
    engine.materialize("registered_parks_at", parks)
    engine.materialize(
        "parks_at",
        """
        SELECT r.period_code, r.park_code, m.province_code, r.is_eco_park, d.enterprise_id AS developer_id,
            TRUE AS is_registered
        FROM registered_parks_at AS r
        LEFT JOIN (SELECT DISTINCT enterprise_id FROM register_enterprises) AS d ON d.enterprise_id = r.developer_id
        LEFT JOIN provinces_at AS m ON m.former_code = r.former_province_code AND m.period_code = r.period_code
        UNION ALL
        SELECT m.period_code, n.park_code, m.province_code, FALSE, NULL, FALSE
        FROM named_parks AS n JOIN provinces_at AS m ON m.former_code = n.former_province
        WHERE NOT EXISTS (
            SELECT 1 FROM registered_parks_at AS r WHERE r.park_code = n.park_code AND r.period_code = m.period_code
        )
        """,
    )
    enterprises = _rows_of_period(contracts.tables["register_enterprises"])
    engine.materialize(
        "enterprises_at",
        f"""
        SELECT e.period_code, e.enterprise_id, e.park_code, a.province_code,
            e.is_operating AND (e.operating_from IS NULL OR e.operating_from <= e.period_end)
                AND (e.operating_to IS NULL OR e.operating_to >= e.period_end) AS operates_at_end,
            e.is_operating AND (e.operating_from IS NULL OR e.operating_from <= e.period_start)
                AND (e.operating_to IS NULL OR e.operating_to >= e.period_end) AS operated_throughout
        FROM ({enterprises}) AS e
        LEFT JOIN parks_at AS a ON a.park_code = e.park_code AND a.period_code = e.period_code
        """,
    )


def rows_with_province(table: Table, extra: Sequence[str] = ()) -> str:
    """The rows of a table × the periods they belong to, `province_code` being that of the period's last day, by key.

    `extra` names columns beyond the contract. The fixed order makes sums of floats equal from run to run.
    """
    rows = _rows_of_period(table, extra)
    order = ", ".join(f'r."{name}"' for name in dict.fromkeys(["period_code", *table.key]))
    names = [column.name for column in table.columns]
    if "park_code" not in names:
        return f"SELECT r.* FROM ({rows}) AS r ORDER BY {order}"
    columns = [*(n for n in names if n != "province_code"), *(n for n in _PERIOD_COLUMNS if n not in names), *extra]
    listed = ", ".join(f'r."{name}"' for name in columns)
    return f"""
        SELECT {listed}, a.province_code AS province_code
        FROM ({rows}) AS r
        LEFT JOIN parks_at AS a ON a.park_code = r.park_code AND a.period_code = r.period_code
        ORDER BY {order}
        """


def province_on(contracts: Contracts, code: str, day: date) -> str | None:
    """The area code of the province that a province's territory belongs to on a day, through its successors."""
    for _ in contracts.areas:
        versions = [area for area in contracts.areas.values() if area.area_code == code]
        if any(area.holds_on(day) for area in versions):
            return code
        ended = [area.successor for area in versions if area.successor and area.valid_to and area.valid_to < day]
        if not ended:
            return None
        code = ended[-1]
    return None


def tabulate_periods(periods: Iterable[Period]) -> pa.Table:
    """One period per row, as operands see it."""
    rows = [(p.code, p.freq, p.start, p.end, p.year) for p in periods]
    types = (pa.string(), pa.string(), pa.date32(), pa.date32(), pa.int64())
    columns = [pa.array([row[i] for row in rows], type) for i, type in enumerate(types)]
    return pa.table(columns, names=list(_PERIOD_COLUMNS))


def _rows_of_period(table: Table, extra: Sequence[str] = ()) -> str:
    """The contract columns of a table and those of each period a row belongs to, by the table's period rule."""
    assert table.usage is not None
    names = [*(column.name for column in table.columns), *extra]
    own = ", ".join(f't."{name}"' for name in names)
    period = ", ".join(f"p.{name}" for name in _PERIOD_COLUMNS if name not in names)
    if table.usage.period == "code":
        return f"SELECT {own}, {period} FROM {table.table} AS t JOIN periods AS p ON t.period_code = p.period_code"
    if table.usage.period == "event":
        between = f't."{table.usage.column}" BETWEEN p.period_start AND p.period_end'
        return f"SELECT {own}, {period} FROM {table.table} AS t JOIN periods AS p ON {between}"
    thing = table.versions or tuple(name for name in table.key if name != "valid_from")
    same = ", ".join(["p.period_code", *(f't."{name}"' for name in thing)])
    columns = ", ".join(f'v."{name}"' for name in (*names, *_PERIOD_COLUMNS))
    return f"""
        SELECT {columns} FROM (
            SELECT {own}, {period},
                ROW_NUMBER() OVER (PARTITION BY {same} ORDER BY t.valid_from DESC NULLS LAST) AS place
            FROM {table.table} AS t
            JOIN periods AS p ON (t.valid_from IS NULL OR t.valid_from <= p.period_end)
                AND (t.valid_to IS NULL OR t.valid_to >= p.period_end)
        ) AS v WHERE v.place = 1"""


def _provinces_at(contracts: Contracts, periods: Iterable[Period]) -> pa.Table:
    codes = sorted({area.area_code for area in contracts.areas.values()})
    rows = [
        {"former_code": code, "period_code": period.code, "province_code": province_on(contracts, code, period.end)}
        for period in periods
        for code in codes
    ]
    names = ("former_code", "period_code", "province_code")
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in names]))


def _named_parks(contracts: Contracts) -> pa.Table:
    rows = [{"park_code": p.park_code, "former_province": p.former_province} for p in contracts.parks.values()]
    return pa.Table.from_pylist(rows, schema=pa.schema([("park_code", pa.string()), ("former_province", pa.string())]))
