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
from kcn_pipeline.warehouse.disclosure import FIGURES, WITHHELD
from kcn_pipeline.warehouse.publish import NightBatch, publish_night
from kcn_pipeline_tests.warehouse.batches import FIRST, SECOND, THIRD, bare, value
from kcn_pipeline_tests.warehouse.databases import BOTH_THOUGH_ONE_SLOWLY

Q1 = [("MG01", "2026-Q1")]


def night(name: str, *rows: dict[str, Any], scope: Iterable[tuple[str, str]] = Q1) -> NightBatch:
    return bare(name, rows, value_scope=list(scope))


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


@BOTH_THOUGH_ONE_SLOWLY
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


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
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


@BOTH_THOUGH_ONE_SLOWLY
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


# ---- what is withheld -----------------------------------------------------------------------------------------------


def withheld(area_code: str = "QUE_VO") -> dict[str, Any]:
    return value("MG01", area_code, None, comment="Fewer than 3 respondents") | WITHHELD


def earlier_figures(url: str, area_code: str = "QUE_VO") -> list[Any]:
    """Whatever revisions and the rows before the night tell in numbers of an area, and in comments."""
    r, b = schema.fct_indicator_revision.c, schema.audit_value_before.c
    told = [select(r.old_value, r.new_value).where(r.area_code == area_code)]
    told.append(select(*[b[name] for name in FIGURES], b.comment).where(b.area_code == area_code))
    with open_engine(url).connect() as connection:
        cells = [cell for query in told for row in connection.execute(query) for cell in row]
    return [cell for cell in cells if cell is not None]


def test_no_earlier_figure_of_what_is_withheld_stays(warehouse_url: str) -> None:
    """Of QUE_VO, with revisions of two nights and of the night itself; what is shown of the province keeps its own."""
    publish_night(warehouse_url, night(FIRST, value("MG01", "QUE_VO", 70.0), value("MG01", "BN", 60.0)))
    publish_night(
        warehouse_url, night(SECOND, value("MG01", "QUE_VO", 71.0, comment="3 of 9"), value("MG01", "BN", 61.0))
    )
    publish_night(warehouse_url, night(THIRD, value("MG01", "QUE_VO", 72.0), value("MG01", "BN", 62.0)))
    assert {70.0, 71.0, 72.0, "3 of 9"} <= {*earlier_figures(warehouse_url)}
    publish_night(warehouse_url, night(THIRD, withheld(), value("MG01", "BN", 62.0)))
    assert earlier_figures(warehouse_url) == []
    assert revisions(warehouse_url) == [
        ("BN", "2026-Q1", SECOND, 60.0, 61.0, "A", "A", "operands"),
        ("BN", "2026-Q1", THIRD, 61.0, 62.0, "A", "A", "operands"),
        ("QUE_VO", "2026-Q1", SECOND, None, None, "A", "A", "operands"),
        ("QUE_VO", "2026-Q1", THIRD, None, None, "A", "Q", "withdrawn"),
    ]
    assert {61.0, 3} <= {*earlier_figures(warehouse_url, "BN")}


def test_an_enterprise_is_confidential_and_not_withheld(sqlite_url: str) -> None:
    publish_night(sqlite_url, night(FIRST, value("MG01", "E0001", 70.0)))
    publish_night(sqlite_url, night(SECOND, value("MG01", "E0001", None)))
    assert revisions(sqlite_url) == [("E0001", "2026-Q1", SECOND, 70.0, None, "A", "O", "withdrawn")]
    assert 70.0 in earlier_figures(sqlite_url, "E0001")


@BOTH_THOUGH_ONE_SLOWLY
def test_attempts_that_withhold_again_change_nothing(warehouse_url: str) -> None:
    publish_night(warehouse_url, night(FIRST, value("MG01", "QUE_VO", 70.0)))
    digests = set()
    for _ in range(3):
        publish_night(warehouse_url, night(SECOND, withheld()))
        assert earlier_figures(warehouse_url) == []
        digests.add(compute_digest(warehouse_url))
    publish_night(warehouse_url, night(FIRST, withheld()))
    assert digests == {compute_digest(warehouse_url)}
    assert revisions(warehouse_url) == [("QUE_VO", "2026-Q1", SECOND, None, None, "A", "Q", "withdrawn")]


@pytest.mark.parametrize("number", [70.0, 71.0])
def test_an_attempt_that_shows_again_what_another_withheld_tells_no_old_value(
    warehouse_url: str, number: float
) -> None:
    """Nobody knows that 70 is what it was; a later attempt goes on from there, and the next night as from any value."""
    publish_night(warehouse_url, night(FIRST, value("MG01", "QUE_VO", 70.0)))
    publish_night(warehouse_url, night(SECOND, withheld()))
    for shown in (3.0, number):
        publish_night(warehouse_url, night(SECOND, value("MG01", "QUE_VO", shown)))
    assert revisions(warehouse_url) == [("QUE_VO", "2026-Q1", SECOND, None, number, "A", "A", "restored")]
    assert values(warehouse_url) == {"QUE_VO": (number, FIRST, SECOND)}
    publish_night(warehouse_url, night(THIRD, value("MG01", "QUE_VO", 72.0)))
    assert revisions(warehouse_url)[-1] == ("QUE_VO", "2026-Q1", THIRD, number, 72.0, "A", "A", "operands")


@BOTH_THOUGH_ONE_SLOWLY
def test_an_attempt_that_lacks_what_another_withheld_tells_that_it_is_gone(warehouse_url: str) -> None:
    publish_night(warehouse_url, night(FIRST, value("MG01", "QUE_VO", 70.0)))
    for rows in ([withheld()], [], [withheld()], []):
        publish_night(warehouse_url, night(SECOND, *rows))
    assert revisions(warehouse_url) == [("QUE_VO", "2026-Q1", SECOND, None, None, "A", None, "removed")]
    assert values(warehouse_url) == {}


def test_what_was_first_shown_and_then_withheld_in_one_night_leaves_nothing(warehouse_url: str) -> None:
    for rows in ([value("MG01", "QUE_VO", 70.0)], [withheld()]):
        publish_night(warehouse_url, night(FIRST, *rows))
    assert (revisions(warehouse_url), earlier_figures(warehouse_url)) == ([], [])
    assert values(warehouse_url) == {"QUE_VO": (None, None, FIRST)}


def told_by_revisions(url: str) -> dict[tuple, tuple]:
    """(indicator, area) and night of every revision → what it tells; nothing in numbers of what is withheld now."""
    v, r = schema.fct_indicator_value.c, schema.fct_indicator_revision.c
    hidden = select(v.indicator_code, v.area_code).where(v.obs_status == WITHHELD["obs_status"])
    cells = [r.night, r.old_value, r.new_value, r.old_obs_status, r.new_obs_status, r.reason]
    with open_engine(url).connect() as connection:
        withheld_now = {tuple(row) for row in connection.execute(hidden)}
        rows = [tuple(row) for row in connection.execute(select(r.indicator_code, r.area_code, *cells))]
    assert all(row[3:5] == (None, None) for row in rows if row[:2] in withheld_now)
    return {(row[:2], row[2]): row[3:] for row in rows}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def test_cells_that_each_attempt_withheld_or_none_are_as_the_last_leaves_them(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    scope = [("MG01", "2026-Q1"), ("SO01", "2026-Q1")]

    def draw() -> list[dict[str, Any]]:
        return [row | WITHHELD if chance.random() < 0.3 else row for row in _random_rows(chance)]

    history, attempts = [draw() for _ in range(3)], [draw() for _ in range(3)]
    told = []
    for name, tries in (("many", attempts), ("one", attempts[-1:])):
        url = f"sqlite:///{tmp_path / name}.db"
        for number, rows in enumerate([*history, *tries]):
            publish_night(url, night(f"2026-04-1{min(number, 3)}", *rows, scope=scope))
        told.append(told_by_revisions(url))
    withheld_by = [
        {(row["indicator_code"], row["area_code"]) for row in t if row["obs_status"] == "Q"} for t in attempts
    ]
    by_some = set().union(*withheld_by) - (withheld_by[0] & withheld_by[1] & withheld_by[2])
    many, one = ({key: cells for key, cells in rows.items() if key[0] not in by_some} for rows in told)
    assert many == one != {}
