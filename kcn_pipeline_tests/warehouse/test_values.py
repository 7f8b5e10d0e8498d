"""What the revision table remembers, and that any number of attempts at a night end as the last one alone would."""

import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from kcn_pipeline.warehouse import schema
from kcn_pipeline.warehouse.database import open_engine
from kcn_pipeline.warehouse.digest import compute_digest
from kcn_pipeline.warehouse.publish import NightBatch, publish_night
from kcn_pipeline_tests.warehouse.batches import FIRST, SECOND, THIRD, batch, value

Q1 = [("MG01", "2026-Q1")]


def night(name: str, *rows: dict[str, Any], scope: Iterable[tuple[str, str]] = Q1) -> NightBatch:
    tables = batch().tables if name == FIRST else {}
    return batch(name, rows, value_scope=list(scope), submissions=[], submission_scope=[], audit={}, tables=tables)


def revisions(url: str) -> list[tuple]:
    table = schema.fct_indicator_revision
    cells = [column for column in table.columns if column.name != "indicator_code"]
    with open_engine(url).connect() as connection:
        rows = connection.execute(select(*cells).order_by(*table.primary_key.columns))
        return [tuple(row) for row in rows]


def values(url: str) -> dict[str, tuple]:
    """Area → value, first published night, refreshed night."""
    table = schema.fct_indicator_value
    query = select(table.c.area_code, table.c.value, table.c.first_published_night, table.c.refreshed_night)
    with open_engine(url).connect() as connection:
        return {area: tuple(rest) for area, *rest in connection.execute(query)}


def test_a_changed_value_is_a_revision(warehouse_url: str) -> None:
    publish_night(warehouse_url, night(FIRST, value("MG01", "QUE_VO", 70.0), value("MG01", "BN", 60.0)))
    assert revisions(warehouse_url) == [], "a first publication is none"
    published = publish_night(warehouse_url, night(SECOND, value("MG01", "QUE_VO", 71.5), value("MG01", "BN", 60.0)))
    assert published.revisions == 1
    assert revisions(warehouse_url) == [("QUE_VO", "2026-Q1", SECOND, 70.0, 71.5, "A", "A", "operands")]
    assert values(warehouse_url) == {"QUE_VO": (71.5, FIRST, SECOND), "BN": (60.0, FIRST, FIRST)}


REASONS = {
    "withdrawn": value("MG01", "QUE_VO", None, n_reporting=1),
    "status": value("MG01", "QUE_VO", 70.0, obs_status="E"),
    "coverage": value("MG01", "QUE_VO", 72.0, n_reporting=4),
    "operands": value("MG01", "QUE_VO", 72.0),
    "definition": value("MG01", "QUE_VO", 72.0, numerator=70.0),
    "removed": None,
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_revision_tells_its_reason(sqlite_url: str, reason: str) -> None:
    publish_night(sqlite_url, night(FIRST, value("MG01", "QUE_VO", 70.0)))
    row = REASONS[reason]
    publish_night(sqlite_url, night(SECOND, *([row] if row else [])))
    new = (row["value"], row["obs_status"]) if row else (None, None)
    assert revisions(sqlite_url) == [("QUE_VO", "2026-Q1", SECOND, 70.0, new[0], "A", new[1], reason)]
    assert ("QUE_VO" in values(sqlite_url)) == (row is not None)


def test_a_value_that_comes_late_is_no_revision(sqlite_url: str) -> None:
    publish_night(sqlite_url, night(FIRST, value("MG01", "QUE_VO", None)))
    publish_night(sqlite_url, night(SECOND, value("MG01", "QUE_VO", 70.0)))
    assert revisions(sqlite_url) == []
    assert values(sqlite_url) == {"QUE_VO": (70.0, SECOND, SECOND)}


@pytest.mark.parametrize("gone", [[], [value("MG01", "QUE_VO", None)]], ids=["removed", "withdrawn"])
def test_a_value_that_comes_back_is_a_revision(sqlite_url: str, gone: list[dict[str, Any]]) -> None:
    publish_night(sqlite_url, night(FIRST, value("MG01", "QUE_VO", 70.0)))
    publish_night(sqlite_url, night(SECOND, *gone))
    publish_night(sqlite_url, night(THIRD, value("MG01", "QUE_VO", 70.0)))
    last = revisions(sqlite_url)[-1]
    assert (last[2], last[3], last[4], last[-1]) == (THIRD, None, 70.0, "restored")


def test_other_columns_refresh_the_row_without_a_revision(sqlite_url: str) -> None:
    publish_night(sqlite_url, night(FIRST, value("MG01", "QUE_VO", 70.0)))
    publish_night(sqlite_url, night(SECOND, value("MG01", "QUE_VO", 70.0, n_expected=9)))
    assert revisions(sqlite_url) == []
    assert values(sqlite_url) == {"QUE_VO": (70.0, FIRST, SECOND)}


def test_the_noise_of_adding_up_in_another_order_is_no_change(warehouse_url: str) -> None:
    publish_night(warehouse_url, night(FIRST, value("MG01", "QUE_VO", 0.1 + 0.2)))
    publish_night(warehouse_url, night(SECOND, value("MG01", "QUE_VO", 0.3)))
    assert values(warehouse_url) == {"QUE_VO": (0.1 + 0.2, FIRST, FIRST)}
    publish_night(warehouse_url, night(SECOND, value("MG01", "QUE_VO", 0.3 + 1e-9)))
    assert len(revisions(warehouse_url)) == 1


def test_rows_outside_the_scope_stay(sqlite_url: str) -> None:
    both = [value("MG01", "QUE_VO", 70.0), value("MG01", "QUE_VO", 50.0, "2026-Q2"), value("SO01", "QUE_VO", 9.0)]
    scope = [*Q1, ("MG01", "2026-Q2"), ("SO01", "2026-Q1")]
    publish_night(sqlite_url, night(FIRST, *both, scope=scope))
    publish_night(sqlite_url, night(SECOND))
    assert [row[:2] for row in revisions(sqlite_url)] == [("QUE_VO", "2026-Q1")]
    with open_engine(sqlite_url).connect() as connection:
        kept = connection.execute(select(schema.fct_indicator_value.c.value)).scalars().all()
    assert sorted(kept) == [9.0, 50.0]


def test_a_value_tells_the_catalog_it_was_computed_with(warehouse_url: str) -> None:
    """Another version alone changes no row; a value that changes takes the version of its night."""
    versions = select(schema.fct_indicator_value.c.area_code, schema.fct_indicator_value.c.catalog_version)

    def read_versions() -> dict[str, str]:
        with open_engine(warehouse_url).connect() as connection:
            return dict(connection.execute(versions).tuples().all())

    rows = [value("MG01", "QUE_VO", 70.0), value("MG01", "BN", 60.0)]
    publish_night(warehouse_url, night(FIRST, *rows))
    again = publish_night(warehouse_url, replace(night(SECOND, *rows), catalog_version="2"))
    assert read_versions() == {"QUE_VO": "1", "BN": "1"}
    assert (again.changes["fct_indicator_value"].written, revisions(warehouse_url)) == (0, [])
    changed = [value("MG01", "QUE_VO", 71.0), rows[1]]
    publish_night(warehouse_url, replace(night(THIRD, *changed), catalog_version="3"))
    assert read_versions() == {"QUE_VO": "3", "BN": "1"}
    publish_night(warehouse_url, replace(night(THIRD, *rows), catalog_version="3"))
    assert read_versions() == {"QUE_VO": "1", "BN": "1"}, "the attempt was taken back"


# ---- attempts -------------------------------------------------------------------------------------------------------


def test_the_old_value_is_the_one_before_the_night(warehouse_url: str) -> None:
    publish_night(warehouse_url, night(FIRST, value("MG01", "QUE_VO", 70.0)))
    for number in (71.0, 72.0):
        publish_night(warehouse_url, night(SECOND, value("MG01", "QUE_VO", number)))
    assert revisions(warehouse_url) == [("QUE_VO", "2026-Q1", SECOND, 70.0, 72.0, "A", "A", "operands")]
    publish_night(warehouse_url, night(SECOND, value("MG01", "QUE_VO", 70.0)))
    assert revisions(warehouse_url) == [], "back to the old value: nothing was revised"
    assert values(warehouse_url) == {"QUE_VO": (70.0, FIRST, FIRST)}


def _random_rows(chance: random.Random) -> list[dict[str, Any]]:
    rows = []
    for indicator in ("MG01", "SO01"):
        for area in ("BN", "QUE_VO", "VSIP_BN", "E0001", "E0002", "E0003"):
            if chance.random() < 0.7:
                number = chance.choice([None, 1.0, 2.0])
                rows.append(value(indicator, area, number, n_reporting=chance.choice([3, 3, 4])))
    return rows


@pytest.mark.parametrize("seed", range(4))
def test_the_last_attempt_alone_decides(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    scope = [("MG01", "2026-Q1"), ("SO01", "2026-Q1")]
    history = [_random_rows(chance) for _ in range(3)]
    attempts = [_random_rows(chance) for _ in range(3)]
    after = _random_rows(chance)
    digests = []
    for name, tries in (("many", attempts), ("one", attempts[-1:])):
        url = f"sqlite:///{tmp_path / name}.db"
        for number, rows in enumerate(history):
            publish_night(url, night(FIRST if number == 0 else f"2026-04-1{number}", *rows, scope=scope))
        for rows in tries:
            publish_night(url, night("2026-05-01", *rows, scope=scope))
        here = [compute_digest(url)]
        publish_night(url, night("2026-05-02", *after, scope=scope))
        digests.append([*here, compute_digest(url)])
    assert digests[0] == digests[1]


def test_an_older_night_again_counts_as_the_newest(warehouse_url: str) -> None:
    """Readers see the change now, so it is a revision of the newest night against what stood before that night."""
    publish_night(warehouse_url, night(FIRST, value("MG01", "QUE_VO", 70.0)))
    publish_night(warehouse_url, night(SECOND, value("MG01", "QUE_VO", 71.0)))
    digest = compute_digest(warehouse_url)
    publish_night(warehouse_url, night(FIRST, value("MG01", "QUE_VO", 71.0)))
    assert compute_digest(warehouse_url) == digest
    publish_night(warehouse_url, night(FIRST, value("MG01", "QUE_VO", 69.0)))
    assert revisions(warehouse_url) == [("QUE_VO", "2026-Q1", SECOND, 70.0, 69.0, "A", "A", "operands")]


def test_replaying_old_nights_over_the_warehouse_ends_where_it_stood(sqlite_url: str) -> None:
    nights = [
        night(FIRST, value("MG01", "QUE_VO", 70.0), value("MG01", "BN", 60.0)),
        night(SECOND, value("MG01", "QUE_VO", 71.0)),
        night(THIRD, value("SO01", "QUE_VO", 5.0), scope=[("SO01", "2026-Q1")]),
    ]
    for one in nights:
        publish_night(sqlite_url, one)
    digest = compute_digest(sqlite_url)
    for one in nights:
        publish_night(sqlite_url, one)
    assert compute_digest(sqlite_url) == digest
