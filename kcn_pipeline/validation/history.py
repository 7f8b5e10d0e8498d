"""What a figure was one period earlier, read from that period's part of the lake only.

It must not judge the change. The surprising fact: an earlier report may arrive on the same night (a backlog), so
tonight's own rows take part in the search like those of earlier nights.
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kcn_pipeline.contracts.tables import Plausible, Table
from kcn_pipeline.lake import Lake
from kcn_pipeline.periods import read_period
from kcn_pipeline.validation.staged import plain_column

#: What decides which of several submissions of a period is the current one.
_NEWEST = ("submitted_on", "_night", "_file", "report_id")
#: What several submissions may be of.
_DUTY = ("enterprise_id", "form_code", "period_code")
#: Joins the parts of a key into one text; no source writes this control character.
_BETWEEN = "\x1f"


def previous_values(lake: Lake, table: Table, staged: pa.Table, night: str) -> pa.Array | None:
    """For every staged row the same key's value one period earlier, aligned with the rows; null where there is none.

    The value is that of the newest submission; a newer one that leaves the figure empty hides an older one's figure.
    """
    rule = next((rule for rule in table.rules if isinstance(rule, Plausible)), None)
    if rule is None:
        return None
    columns = list(dict.fromkeys([*rule.by, rule.column, *_NEWEST, *_DUTY]))
    earlier = _earlier_periods(staged)
    if not earlier:
        return None
    wanted = pa.array(sorted(set(earlier.values())))
    tonight = staged.select(columns).filter(pc.is_in(plain_column(staged.column("period_code")), value_set=wanted))
    pieces = [*_stored(lake, table.table, staged, set(earlier.values()), night, columns), tonight]
    chosen = _newest_reports(pieces)
    known = _by_key([_keys_and_values(piece, rule, chosen) for piece in pieces])
    places = pc.index_in(_joined(staged, rule.by, _translated(staged, earlier)), value_set=known.column("key"))
    return known.column("value").take(places).combine_chunks()


def _earlier_periods(staged: pa.Table) -> dict[str, str]:
    """The period before each of tonight's; a code that cannot be read has none and its own rule."""
    found = {}
    for period in pc.unique(staged.column("period_code")).to_pylist():
        try:
            found[period] = read_period(period or "").previous.code
        except ValueError:
            continue
    return found


def _stored(
    lake: Lake, table: str, staged: pa.Table, periods: Iterable[str], night: str, columns: list[str]
) -> Iterator[pa.Table]:
    """What earlier nights accepted of those periods, of tonight's enterprises only."""
    parts = [f"period={period}" for period in periods]
    enterprises = pc.unique(staged.column("enterprise_id")).drop_null()
    texts = [name for name in columns if pa.types.is_dictionary(staged.column(name).type)]
    for stored in lake.nights("validation", table):
        if stored < night:
            for path in lake.slices("validation", table, stored, parts):
                rows = pq.read_table(path, columns=columns, partitioning=None, read_dictionary=texts)
                yield rows.filter(pc.is_in(rows.column("enterprise_id"), value_set=enterprises))


def _newest_reports(pieces: Iterable[pa.Table]) -> pa.Array:
    """The ids of the newest submission of each duty; submissions are few, so Python compares them."""
    newest: dict[tuple[str, ...], tuple[str, ...]] = {}
    names = [*dict.fromkeys((*_DUTY, *_NEWEST))]
    for piece in pieces:
        rows = pa.table({name: plain_column(piece.column(name)) for name in names})
        rows = rows.filter(pc.is_valid(rows.column("enterprise_id")))
        for row in rows.group_by(names).aggregate([]).to_pylist():
            duty, age = tuple(row[name] for name in _DUTY), tuple(str(row[name] or "") for name in _NEWEST)
            newest[duty] = max(newest.get(duty, age), age)
    return pa.array([age[-1] for age in newest.values()], pa.string())


def _keys_and_values(rows: pa.Table, rule: Plausible, reports: pa.Array) -> pa.Table:
    rows = rows.filter(pc.is_in(plain_column(rows.column("report_id")), value_set=reports))
    return pa.table({"key": _joined(rows, rule.by, rows.column("period_code")), "value": rows.column(rule.column)})


def _by_key(pieces: list[pa.Table]) -> pa.Table:
    """One row per key that has exactly one value; a repeated key is a fault of its own and compares with nothing."""
    grouped = pa.concat_tables(pieces).group_by("key").aggregate([("value", "max"), ("value", "count")])
    single = grouped.filter(pc.equal(grouped.column("value_count"), 1))
    return pa.table({"key": single.column("key"), "value": single.column("value_max")})


def _joined(rows: pa.Table, key: Iterable[str], period: pa.ChunkedArray) -> pa.ChunkedArray:
    parts = [plain_column(column) for column in (*(rows.column(name) for name in key), period)]
    return pc.binary_join_element_wise(*parts, _BETWEEN, null_handling="replace", null_replacement="")


def _translated(staged: pa.Table, earlier: dict[str, str]) -> pa.ChunkedArray:
    """The period before each row's own, null where it cannot be read."""
    periods = plain_column(staged.column("period_code"))
    places = pc.index_in(periods, value_set=pa.array(list(earlier), pa.string()))
    return pa.chunked_array([pa.array(list(earlier.values()), pa.string())]).take(places)
