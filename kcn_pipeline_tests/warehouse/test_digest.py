"""The fingerprint sees every published cell and nothing of a run."""

from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql

from kcn_pipeline.warehouse import digest as module
from kcn_pipeline.warehouse.database import open_engine
from kcn_pipeline.warehouse.digest import canonical, compute_digest
from kcn_pipeline.warehouse.publish import publish_night
from kcn_pipeline.warehouse.schema import fct_indicator_value, published_tables
from kcn_pipeline_tests.warehouse.batches import batch


def test_every_published_table_counts_and_the_audit_trail_does_not(sqlite_url: str) -> None:
    publish_night(sqlite_url, batch())
    seen = {compute_digest(sqlite_url)}
    filled = [table for table in published_tables() if table.name != "fct_indicator_revision"]
    for number, table in enumerate(filled, start=2):
        column = next(column for column in table.columns if not column.primary_key and str(column.type) == "VARCHAR")
        with open_engine(sqlite_url).begin() as connection:
            connection.execute(table.update().values({column.name: "changed"}))
        seen.add(compute_digest(sqlite_url))
        assert len(seen) == number, table.name
    with open_engine(sqlite_url).begin() as connection:
        connection.execute(text("UPDATE audit_refresh SET run_id = 'another', started_at = NULL"))
        connection.execute(text("DELETE FROM audit_finding"))
    assert compute_digest(sqlite_url) in seen


def test_runs_at_other_times_have_the_same_digest(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("one", "two")]
    for url in urls:
        publish_night(url, batch())
    assert compute_digest(urls[0]) == compute_digest(urls[1])


def test_the_catalog_that_a_value_was_computed_with_is_left_out(sqlite_url: str) -> None:
    """A replay computes everything with the catalog of today."""
    publish_night(sqlite_url, batch())
    digest = compute_digest(sqlite_url)
    with open_engine(sqlite_url).begin() as connection:
        connection.execute(fct_indicator_value.update().values(catalog_version="2"))
    assert compute_digest(sqlite_url) == digest


def test_floats_are_compared_by_twelve_digits() -> None:
    assert canonical(0.1 + 0.2) == canonical(0.3) == 0.3
    assert str(canonical(-0.0)) == "0.0"
    assert canonical(1.00000000001) != canonical(1.0)


def test_postgres_orders_keys_by_bytes() -> None:
    """The databases of the tests do so anyway; a production database sorts by language."""

    class Connection:
        dialect = postgresql.dialect()

    order = module._by_bytes(Connection(), fct_indicator_value)  # type: ignore[arg-type]
    sql = str(select(fct_indicator_value.c.value).order_by(*order).compile(dialect=Connection.dialect))
    assert sql.count('COLLATE "C"') == 3
