"""The park register: judges its tables in the order of their references and merges them into dated versions.

It must not resolve reports. The surprising fact: a row that is quarantined has not vanished; the thing it names keeps
its last accepted version, and so does every thing when a row cannot even say which thing it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.base import Bilingual
from kcn_pipeline.contracts.tables import Reference, Table
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.validation.batches import usual_rows
from kcn_pipeline.validation.context import Context
from kcn_pipeline.validation.corrections import apply_corrections
from kcn_pipeline.validation.judge import is_well_formed, judge
from kcn_pipeline.validation.outcomes import Failure, Judged, TableResult
from kcn_pipeline.validation.results import nothing_new, result_of, write_quarantine
from kcn_pipeline.validation.staged import in_file_order, read_staged
from kcn_pipeline.validation.stored import read_as_of, read_before, write_whole
from kcn_pipeline.validation.texts import Finding, Language, as_table, make_finding, rule_text
from kcn_pipeline.validation.versions import Row, Shape, Snapshot, Thing, merge_snapshot

ENTERPRISES, PARKS = "register_enterprises", "register_parks"
_DATES = ("valid_from", "valid_to", "as_of")


@dataclass(frozen=True)
class Merged:
    """A register table after tonight: all its versions, and what the merge found."""

    rows: list[Row]
    findings: list[Finding]


def validate_register(lake: Lake, contracts: Contracts, night: str) -> tuple[dict[str, TableResult], list[pa.Table]]:
    """Judge and merge every register table that the night staged; the others keep what they hold."""
    current = _Current(lake, night)
    results: dict[str, TableResult] = {}
    findings: list[pa.Table] = []
    for table in in_reference_order(contracts.topic_tables("register")):
        staged = read_staged(lake, table, night)
        if staged is None:
            results[table.table] = nothing_new(lake, table, night, write_whole(lake, table, night, None))
            continue
        result, found = _validate_table(lake, contracts, table, night, staged, current)
        results[table.table] = result
        findings.append(found)
    strangers = _unknown_developers(contracts, current, night)
    results[PARKS] = replace(results[PARKS], findings=results[PARKS].findings + len(strangers))
    return results, [*findings, as_table(strangers)]


def in_reference_order(tables: Sequence[Table]) -> list[Table]:
    """The tables, each after the tables of the same topic that its rules look things up in."""
    ordered: list[Table] = []
    waiting = list(tables)
    while waiting:
        names = {table.table for table in waiting}
        ready = [table for table in waiting if not (_looked_up(table) - {table.table}) & names]
        ordered += ready or waiting  # tables that look each other up are judged by what was accepted before
        waiting = [table for table in waiting if table not in ordered]
    return ordered


def _looked_up(table: Table) -> set[str]:
    return {rule.table for rule in table.rules if isinstance(rule, Reference)}


class _Current:
    """The register as it stands while the night is judged: tonight's tables as soon as they are merged."""

    def __init__(self, lake: Lake, night: str) -> None:
        self._lake, self._night = lake, night
        self._tables: dict[str, pa.Table | None] = {}

    def put(self, table: str, rows: pa.Table) -> None:
        self._tables[table] = rows

    def known(self, table: Table) -> dict[tuple[str, str], pa.ChunkedArray]:
        """The values that a table's rules look up."""
        rules = [rule for rule in table.rules if isinstance(rule, Reference)]
        found = {(rule.table, rule.to): self.table(rule.table) for rule in rules}
        return {(name, to): rows.column(to) for (name, to), rows in found.items() if rows is not None}

    def table(self, name: str) -> pa.Table | None:
        """All versions that a table holds now; None while it has none."""
        if name not in self._tables:
            self._tables[name] = read_as_of(self._lake, name, self._night)
        return self._tables[name]


def _unknown_developers(contracts: Contracts, current: _Current, night: str) -> list[Finding]:
    """A finding per park of tonight's register whose developer is no enterprise of the register.

    No rule of the contract can say it: enterprises name parks, so parks are judged before any enterprise is known.
    """
    parks, enterprises = current.table(PARKS), current.table(ENTERPRISES)
    known = set(enterprises.column("enterprise_id").to_pylist()) if enterprises is not None else set()
    rows = [row for row in parks.to_pylist() if row["_night"] == night] if parks is not None else []
    said = {"field": "developer_id"}
    return [
        _note("unknown_developer", contracts.tables[PARKS], contracts, row, row["developer_id"], said)
        for row in rows
        if row["developer_id"] and row["developer_id"] not in known
    ]


def _validate_table(
    lake: Lake, contracts: Contracts, table: Table, night: str, staged: pa.Table, current: _Current
) -> tuple[TableResult, pa.Table]:
    before = read_before(lake, table.table, night)
    context = Context(contracts, night, current.known(table), usual_rows=usual_rows(before))
    staged, corrected = apply_corrections(staged, table, contracts)
    shared = _shared_tax_codes(staged) if table.table == ENTERPRISES and is_well_formed(staged, table) else []
    judged = judge(staged, table, context, shared)
    merged = _merge(before, judged, staged, table, contracts, night)
    rows = None if merged is None else pa.Table.from_pylist(merged.rows, schema=schema_of(table))
    stored = write_whole(lake, table, night, rows)
    if rows is not None:
        current.put(table.table, rows)
    write_quarantine(lake, table, night, judged.quarantine)
    findings = pa.concat_tables([as_table([*corrected, *(merged.findings if merged else [])]), judged.findings])
    return result_of(table, staged.num_rows, judged, stored, findings.num_rows), findings


# ---- merging ---------------------------------------------------------------------------------------------------


def _merge(
    before: pa.Table | None, judged: Judged, staged: pa.Table, table: Table, contracts: Contracts, night: str
) -> Merged | None:
    """The table after tonight's accepted rows; None when none of its batches was accepted."""
    if judged.accepted.num_rows == 0:
        return None
    rows = before.to_pylist() if before is not None else []
    newest = max((row["as_of"] for row in rows if row.get("as_of")), default=date.min)
    findings = _dated_after(judged.accepted, table, contracts, night)
    for snapshot, place in _snapshots(judged.accepted, staged, table, night):
        if snapshot.as_of < newest:
            stated = {"detail": snapshot.as_of.isoformat()}
            findings.append(_note("older_register", table, contracts, place, newest.isoformat(), stated))
            continue
        snapshot = replace(snapshot, is_complete=snapshot.is_complete and snapshot.as_of > newest)
        rows, found = _apply(rows, snapshot, table)
        as_of = {"detail": snapshot.as_of.isoformat()}
        findings += (_note(kind, table, contracts, place, text, as_of) for kind, text in found)
        newest = snapshot.as_of
    return Merged(rows, findings)


def _apply(rows: list[Row], snapshot: Snapshot, table: Table) -> tuple[list[Row], list[tuple[str, str]]]:
    """The rows after a snapshot, and what the merge found as (rule, thing)."""
    if table.versions:
        shape = _shape(table)
        merged, events = merge_snapshot(rows, snapshot, shape)
        return merged, [(event.kind, _name(shape.thing_of(event.row))) for event in events]
    shape = Shape(table.key, ())
    stated = {shape.thing_of(row) for row in snapshot.rows}
    others = {shape.thing_of(row): row for row in rows if shape.thing_of(row) not in stated}
    gone = [thing for thing in others if snapshot.is_complete and thing not in snapshot.things]
    kept = [row for thing, row in others.items() if thing not in set(gone)]
    return [*kept, *snapshot.rows], [("row_vanished", _name(thing)) for thing in gone]


def _shape(table: Table) -> Shape:
    names = [column.name for column in table.columns if not column.name.startswith("_")]
    not_attributes = {*table.versions, *_DATES, "province_code"}
    return Shape(table.versions, tuple(name for name in names if name not in not_attributes))


def _snapshots(
    accepted: pa.Table, staged: pa.Table, table: Table, night: str
) -> list[tuple[Snapshot, Mapping[str, Any]]]:
    """Tonight's states, oldest first, each with a place to name in findings.

    A register that does not state its date speaks of the night, and none can speak of a day after it: a mistyped year
    would make every later register "older".
    """
    shape = Shape(table.versions or table.key, ())
    things: dict[date, set[Thing]] = defaultdict(set)
    for row in staged.select([name for name in (*shape.thing, "as_of") if name in staged.column_names]).to_pylist():
        things[_as_of(row, night)].add(shape.thing_of(row))
    rows: dict[date, list[Row]] = defaultdict(list)
    for row in in_file_order(accepted):
        rows[_as_of(row, night)].append({**row, "as_of": _as_of(row, night)})
    found: list[tuple[Snapshot, Mapping[str, Any]]] = []
    for as_of in sorted(rows):
        last = _last_statement(rows[as_of], shape)
        is_complete = not any(None in thing for thing in things[as_of])
        found.append((Snapshot(as_of, last, frozenset(things[as_of]), is_complete), rows[as_of][-1]))
    return found


def _dated_after(accepted: pa.Table, table: Table, contracts: Contracts, night: str) -> list[Finding]:
    """A finding per register that states a day after the night, which is then read as the night."""
    if "as_of" not in accepted.column_names:
        return []
    late = accepted.filter(pc.greater(accepted.column("as_of"), pa.scalar(date.fromisoformat(night))))
    places = {(row["_payload"], row["_file"]): row for row in reversed(in_file_order(late))}
    more = {"field": "as_of", "expected": night}
    return [
        _note("date_in_future", table, contracts, places[file], places[file]["as_of"].isoformat(), more)
        for file in sorted(places, key=lambda file: (file[1] or "", file[0] or ""))
    ]


def _last_statement(rows: Iterable[Row], shape: Shape) -> tuple[Row, ...]:
    """Of a thing that two payloads of one state name, the rows of the last payload."""
    payload_of: dict[Thing, str] = {}
    kept: dict[Thing, list[Row]] = {}
    for row in rows:
        thing = shape.thing_of(row)
        if payload_of.get(thing) != row["_payload"]:
            payload_of[thing], kept[thing] = row["_payload"], []
        kept[thing].append(row)
    return tuple(row for group in kept.values() for row in group)


def _as_of(row: Mapping[str, Any], night: str) -> date:
    latest = date.fromisoformat(night)
    stated = row.get("as_of")
    return min(stated, latest) if stated else latest


def _name(thing: Thing) -> str:
    return " / ".join(str(part) for part in thing)


def _note(
    rule: str, table: Table, contracts: Contracts, place: Mapping[str, Any], value: str, more: Mapping[str, str]
) -> Finding:
    """A finding of the merge, a warning: about a thing or a register as a whole, so it names the sheet and no line."""
    filling = {"field": " + ".join(table.versions or table.key), "value": value, "found": value, **more}
    where = {**place, "_line": None, "_cell": None}
    scope = "batch" if rule in ("older_register", "date_in_future") else "row"
    texts: Mapping[Language, Mapping[str, str]] = {"vi": filling, "en": filling}
    text = rule_text(contracts, rule)
    return make_finding(text, scope, table.table, where, filling["field"], value, texts, severity="warning")


# ---- tax codes -------------------------------------------------------------------------------------------------


def _shared_tax_codes(staged: pa.Table) -> list[Failure]:
    """Of two enterprises that state one tax code for the same days, the later row."""
    wanted = ["enterprise_id", "tax_code", "valid_from", "valid_to", "_payload"]
    holders: dict[tuple[str, str], list[Row]] = defaultdict(list)
    details: dict[int, str] = {}
    for number, row in enumerate(staged.select(wanted).to_pylist()):
        if not row["tax_code"] or not row["enterprise_id"]:
            continue
        earlier = holders[row["_payload"], row["tax_code"]]
        rivals = [other["enterprise_id"] for other in earlier if _clash(row, other)]
        if rivals:
            details[number] = f"{row['tax_code']}: {rivals[0]}, {row['enterprise_id']}"
        else:
            earlier.append(row)
    if not details:
        return []
    expected = Bilingual(vi="mỗi mã số thuế một doanh nghiệp", en="one enterprise per tax code")
    rows = np.asarray(sorted(details), dtype=np.int64)
    return [Failure("duplicate_key", "critical", "keys", rows, "tax_code", expected=expected, details=details)]


def _clash(row: Row, other: Row) -> bool:
    if row["enterprise_id"] == other["enterprise_id"]:
        return False
    begin, end = row["valid_from"] or date.min, row["valid_to"] or date.max
    return bool(begin <= (other["valid_to"] or date.max) and (other["valid_from"] or date.min) <= end)
