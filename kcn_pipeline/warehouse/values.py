"""How a night's indicator values replace the published ones, and what the revision table remembers of it.

It must not judge a value. The surprising fact: publishing a night again first takes back what the earlier attempt of
that night did, so any number of attempts end as if only the last had been made; but what was forgotten stays so.

The rules:
* A batch speaks of pairs (indicator, period); a published row of such a pair that it lacks is deleted.
* A revision is a published value (not null) that a night changed, withdrew or gave another obs_status. The first
  publication of a value is none. `old_value` is the value before the night, however often the night was published;
  a value that returns to it has no revision.
* `refreshed_night` is the night that last changed any column of the row, `first_published_night` the one that first
  gave the row a value.
* The rows that the newest night changed are kept in `audit_value_before` as they were, until the next night.
* Of a cell (indicator, area, period) that is withheld now (disclosure.py) no earlier figure stays: the small number
  could be worked out from them. Its revisions keep night, reason and statuses and lose both values, its row in
  `audit_value_before` loses every figure. If a later attempt of the night shows the cell again, the row counts as
  changed by the night, with a revision whose `old_value` is empty, because nobody knows any more what it was.
* `catalog_version` is the one the row was computed with when it last changed; another version alone changes nothing.
* conf_status is C (confidential) for one enterprise and for what was withheld (disclosure.py), else N (internal use
  only). It is never F (free), because nothing yet checks whether a park's figure discloses a dominant enterprise.

Reasons of a revision, the first that applies:
removed (the area or indicator is no longer computed) · withdrawn (no value any more) · restored (a value again) ·
status (same value, other obs_status) · coverage (other n_reporting) · operands (other numerator or denominator) ·
definition (same operands, other value).
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    String,
    Table,
    and_,
    case,
    delete,
    false,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    tuple_,
    update,
)

from kcn_pipeline.warehouse.disclosure import FIGURES, WITHHELD
from kcn_pipeline.warehouse.incoming import Incoming, Rows, iterate_rows, load_incoming
from kcn_pipeline.warehouse.merge import Change, Within, differs, is_gone, same_key, upsert
from kcn_pipeline.warehouse.schema import (
    audit_value_before,
    fct_indicator_revision,
    fct_indicator_value,
    key_columns,
)

_OWN = {"first_published_night", "refreshed_night", "catalog_version"}
_CONTENT = [column.name for column in fct_indicator_value.columns if not column.primary_key and column.name not in _OWN]

_scope = Table(
    "scope_indicator_value",
    MetaData(),
    Column("indicator_code", String, primary_key=True),
    Column("period_code", String, primary_key=True),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)


def publish_values(
    connection: Connection, night: str, catalog_version: str, rows: Rows, scope: Collection[tuple[str, str]]
) -> tuple[Incoming, Within, Change]:
    """Make the values of the pairs (indicator_code, period_code) in `scope` equal to `rows`, keeping revisions.

    The rows were computed with the catalog of `catalog_version`. Returns the loaded rows, what the scope selects and
    the change.
    """
    _load_scope(connection, scope)
    completed = (_complete(row, night, catalog_version) for row in iterate_rows(rows))
    incoming = load_incoming(connection, night, fct_indicator_value, completed)
    _take_back(connection, night)
    _remember(connection, night, incoming)
    _revise(connection, night, incoming)
    deleted = connection.execute(delete(fct_indicator_value).where(is_gone(incoming, _is_in_scope))).rowcount
    kept = ["first_published_night"]
    written = upsert(connection, fct_indicator_value, select(incoming.table), compared=_CONTENT, kept=kept)
    _forget(connection)
    return incoming, _is_in_scope, Change(incoming.count, written, deleted)


def _complete(row: dict[str, Any], night: str, catalog_version: str) -> dict[str, Any]:
    of_level = {"conf_status": "C" if row.get("level") == "enterprise" else "N"}
    ours = {
        "first_published_night": None if row.get("value") is None else night,
        "refreshed_night": night,
        "catalog_version": catalog_version,
    }
    return of_level | row | ours


def _is_in_scope(rows: Table) -> ColumnElement[bool]:
    pair = tuple_(rows.c.indicator_code, rows.c.period_code)
    return pair.in_(select(_scope.c.indicator_code, _scope.c.period_code))


def _load_scope(connection: Connection, scope: Collection[tuple[str, str]]) -> None:
    _scope.create(connection, checkfirst=False)
    if scope:
        pairs = [{"indicator_code": indicator, "period_code": period} for indicator, period in sorted(set(scope))]
        connection.execute(insert(_scope), pairs)


def _take_back(connection: Connection, night: str) -> None:
    """Undo what an earlier attempt of the night did in scope; forget what older nights changed.

    A row whose figures are forgotten stays remembered: without it nobody would know that there were any.
    """
    values, before, revisions = fct_indicator_value, audit_value_before, fct_indicator_revision
    connection.execute(delete(before).where(before.c.changed_night < night))
    was_there = and_(_is_in_scope(before), before.c.has_existed)
    was_not_there = and_(_is_in_scope(before), ~before.c.has_existed)
    upsert(connection, values, select(*[before.c[column.name] for column in values.columns]).where(was_there))
    added = select(before).where(was_not_there, same_key(values, before)).exists()
    connection.execute(delete(values).where(added))
    connection.execute(delete(before).where(_is_in_scope(before), ~before.c.is_forgotten))
    connection.execute(delete(revisions).where(revisions.c.night == night, _is_in_scope(revisions)))


def _remember(connection: Connection, night: str, incoming: Incoming) -> None:
    """Keep every row that is about to change, vanish or appear as it is now, for the next attempt of the night.

    One whose figures are forgotten is remembered already.
    """
    values, new, before = fct_indicator_value, incoming.table, audit_value_before
    rest = [column.name for column in values.columns if not column.primary_key]
    names = [*key_columns(values), "changed_night", "has_existed", "is_forgotten", *rest]
    how = [literal(night), true(), false()]
    old = select(*[values.c[name] for name in key_columns(values)], *how, *[values.c[name] for name in rest])
    old = old.where(~_is_forgotten(values))
    changed = old.join(new, same_key(values, new)).where(_has_changed(values, new, _CONTENT))
    connection.execute(insert(before).from_select(names, changed))
    connection.execute(insert(before).from_select(names, old.where(is_gone(incoming, _is_in_scope))))
    fresh = ~select(values).where(same_key(values, new)).exists()
    key = [new.c[name] for name in key_columns(values)]
    connection.execute(
        insert(before).from_select(names[: len(key) + 3], select(*key, literal(night), false(), false()).where(fresh))
    )


def _is_forgotten(rows: Table) -> ColumnElement[bool]:
    """Whether a row had a value before the night that an earlier attempt of the night forgot."""
    before = audit_value_before
    same = [before.c[name] == rows.c[name] for name in key_columns(before)]
    return select(before.c.is_forgotten).where(*same, before.c.is_forgotten).exists()


def _forget(connection: Connection) -> None:
    """Take the earlier figures of every cell in scope that is withheld now out of all that remembers them."""
    values, before, revisions = fct_indicator_value, audit_value_before, fct_indicator_revision
    is_withheld = and_(values.c.conf_status == WITHHELD["conf_status"], values.c.obs_status == WITHHELD["obs_status"])

    def was_shown(rows: Table) -> ColumnElement[bool]:
        return and_(_is_in_scope(rows), select(values).where(same_key(values, rows), is_withheld).exists())

    connection.execute(update(revisions).where(was_shown(revisions)).values(old_value=None, new_value=None))
    had_value = or_(before.c.is_forgotten, before.c.value.is_not(None))
    nothing = dict.fromkeys((*FIGURES, "comment"))
    connection.execute(update(before).where(was_shown(before)).values(is_forgotten=had_value, **nothing))


def _revise(connection: Connection, night: str, incoming: Incoming) -> None:
    """Write the revisions of the night; runs before the values themselves change."""
    values, new, revisions = fct_indicator_value, incoming.table, fct_indicator_revision
    key = key_columns(values)
    names = [*key, "night", "old_value", "old_obs_status", "new_value", "new_obs_status", "reason"]
    old_cells = [values.c.value, values.c.obs_status]

    removed = select(*[values.c[name] for name in key], literal(night), *old_cells, null(), null(), literal("removed"))
    had_value = or_(values.c.value.is_not(None), _is_forgotten(values))
    removed = removed.where(is_gone(incoming, _is_in_scope), had_value)
    connection.execute(insert(revisions).from_select(names, removed))

    was_revised = select(revisions).where(*[revisions.c[name] == new.c[name] for name in key]).exists()
    is_changed = and_(had_value, _has_changed(values, new, ["value", "obs_status"]))
    is_restored = and_(values.c.value.is_(None), new.c.value.is_not(None), was_revised)
    cells = [*old_cells, new.c.value, new.c.obs_status, _reason(values, new)]
    revised = select(*[new.c[name] for name in key], literal(night), *cells)
    revised = revised.select_from(new.outerjoin(values, same_key(values, new))).where(or_(is_changed, is_restored))
    connection.execute(insert(revisions).from_select(names, revised))


def _has_changed(old: Table, new: Table, names: list[str]) -> ColumnElement[bool]:
    return or_(*[differs(old.c[name], new.c[name]) for name in names])


def _reason(old: Table, new: Table) -> ColumnElement[str]:
    return case(
        (new.c.value.is_(None), "withdrawn"),
        (old.c.value.is_(None), "restored"),
        (~differs(old.c.value, new.c.value), "status"),
        (differs(old.c.n_reporting, new.c.n_reporting), "coverage"),
        (_has_changed(old, new, ["numerator", "denominator"]), "operands"),
        else_="definition",
    )
