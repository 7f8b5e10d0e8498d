"""One transaction per night: equal on both databases, idempotent, all or nothing."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Table, create_engine, text

from kcn_pipeline.warehouse import schema
from kcn_pipeline.warehouse.database import open_engine
from kcn_pipeline.warehouse.digest import compute_digest
from kcn_pipeline.warehouse.errors import PublishAuditError, SchemaMismatchError, WarehouseError
from kcn_pipeline.warehouse.publish import NightBatch, publish_night
from kcn_pipeline_tests.warehouse.batches import (
    FIRST,
    SECOND,
    as_arrow,
    batch,
    dimensions,
    figure,
    first_values,
    indicator,
    payload,
    quarter,
    submission,
    value,
)
from kcn_pipeline_tests.warehouse.published import read, refuse


def read_key(url: str, table: Table, **key: Any) -> dict[str, Any] | None:
    found = [row for row in read(url, table) if key.items() <= row.items()]
    assert len(found) <= 1
    return found[0] if found else None


def second_night() -> NightBatch:
    values = [*first_values(), value("MG01", "QUE_VO", 61.0, "2026-Q2")]
    values[1] = value("MG01", "QUE_VO", 71.3)
    scope = [("MG01", "2026-Q1"), ("SO01", "2026-Q1"), ("MG01", "2026-Q2")]
    return batch(SECOND, values, value_scope=scope)


def test_two_nights_have_the_same_digest_on_both_databases(sqlite_url: str, postgres_url: str) -> None:
    digests = []
    for url in (sqlite_url, postgres_url):
        publish_night(url, batch())
        after_first = compute_digest(url)
        publish_night(url, second_night())
        digests.append(compute_digest(url))
        assert digests[-1] != after_first
    assert digests[0] == digests[1]
    for table in schema.published_tables():
        assert read(sqlite_url, table) == read(postgres_url, table)


def test_published_rows_hold_what_the_batch_said(warehouse_url: str) -> None:
    published = publish_night(warehouse_url, batch())
    park = read_key(warehouse_url, schema.fct_indicator_value, indicator_code="MG01", area_code="QUE_VO")
    assert park is not None
    assert (park["value"], park["conf_status"], park["obs_status"]) == (70.1, "N", "A")
    assert (park["first_published_night"], park["refreshed_night"]) == (FIRST, FIRST)
    missing = read_key(warehouse_url, schema.fct_indicator_value, indicator_code="MG01", area_code="VSIP_BN")
    assert missing is not None
    assert (missing["value"], missing["obs_status"], missing["first_published_night"]) == (None, "O", None)
    one_firm = read_key(warehouse_url, schema.fct_indicator_value, area_code="E0001")
    assert one_firm is not None
    assert one_firm["conf_status"] == "C"
    report = read_key(warehouse_url, schema.fct_report_submission, enterprise_id="E0001")
    assert report is not None
    assert (report["days_late"], report["submitted_on"]) == (4, datetime(2026, 4, 14, 9, 30))
    [refresh] = read(warehouse_url, schema.audit_refresh)
    assert (refresh["published_values"], refresh["catalog_version"]) == (4, "1")
    [finding] = read(warehouse_url, schema.audit_finding)
    assert (finding["number"], finding["table_name"]) == (1, "register_land")
    assert read(warehouse_url, schema.audit_payload)[0]["fetched_at"] == datetime(2026, 4, 10, 1, 30)
    assert published.revisions == 0
    assert published.changes["fct_indicator_value"].written == 5


def test_text_that_looks_like_a_formula_stays_text(warehouse_url: str) -> None:
    figures = [figure(f"F{n}", value_raw=raw) for n, raw in enumerate(("=1+1", "+84 222", "-5", "@x", "a\x00b"))]
    publish_night(warehouse_url, batch(tables={**dimensions(), "fct_published_figure": figures}))
    raws = [row["value_raw"] for row in read(warehouse_url, schema.fct_published_figure)]
    assert raws == ["=1+1", "+84 222", "-5", "@x", "a␀b"]


def test_arrow_tables_and_dicts_publish_the_same(sqlite_url: str, tmp_path: Any) -> None:
    publish_night(sqlite_url, batch())
    other_url = f"sqlite:///{tmp_path / 'other.db'}"
    plain = batch()
    arrow = replace(
        plain,
        tables={name: as_arrow(rows) for name, rows in dimensions().items()},
        values=as_arrow(first_values()),
        submissions=as_arrow(plain.submissions),  # type: ignore[arg-type]
    )
    publish_night(other_url, arrow)
    assert compute_digest(other_url) == compute_digest(sqlite_url)


def test_publishing_again_changes_nothing(warehouse_url: str) -> None:
    publish_night(warehouse_url, batch())
    publish_night(warehouse_url, second_night())
    before = {name: read(warehouse_url, table) for name, table in schema.metadata.tables.items()}
    digest = compute_digest(warehouse_url)
    again = publish_night(warehouse_url, second_night())
    assert compute_digest(warehouse_url) == digest
    times = {"audit_refresh"}
    for name, table in schema.metadata.tables.items():
        if name not in times:
            assert read(warehouse_url, table) == before[name], name
    written = {name: change.written for name, change in again.changes.items() if change.written}
    assert written == {"fct_indicator_value": 2, "audit_refresh": 1}  # taken back and made again: the two that changed


def test_a_night_without_news_writes_no_fact(warehouse_url: str) -> None:
    publish_night(warehouse_url, batch())
    digest = compute_digest(warehouse_url)
    quiet = publish_night(warehouse_url, batch(SECOND))
    facts = [change for name, change in quiet.changes.items() if name.startswith(("dim_", "fct_"))]
    assert all(change.written == change.deleted == 0 for change in facts)
    assert compute_digest(warehouse_url) == digest


def test_whole_tables_are_made_equal(sqlite_url: str) -> None:
    publish_night(sqlite_url, batch())
    tables = dimensions()
    tables["dim_park"] = [tables["dim_park"][0] | {"name_vi": "KCN Quế Võ I"}]
    tables["fct_published_figure"] = []
    del tables["dim_station"]
    published = publish_night(sqlite_url, batch(SECOND, tables=tables))
    [park] = read(sqlite_url, schema.dim_park)
    assert park["name_vi"] == "KCN Quế Võ I"
    assert (published.changes["dim_park"].written, published.changes["dim_park"].deleted) == (1, 1)
    assert read(sqlite_url, schema.fct_published_figure) == []
    assert len(read(sqlite_url, schema.dim_station)) == 1, "a table that is not given stays as it is"


def test_older_catalog_versions_stay_and_are_not_current(sqlite_url: str) -> None:
    publish_night(sqlite_url, batch())
    catalog = [indicator("MG01", "2", target_value=65.0), indicator("SO02", "2")]
    tables = {**dimensions(), "dim_indicator": catalog}
    publish_night(sqlite_url, batch(SECOND, catalog_version="2", tables=tables))
    rows = read(sqlite_url, schema.dim_indicator)
    current = {(row["indicator_code"], row["catalog_version"]): row["is_current"] for row in rows}
    assert current == {("MG01", "1"): False, ("SO01", "1"): False, ("MG01", "2"): True, ("SO02", "2"): True}


def test_submissions_are_replaced_within_their_periods_only(sqlite_url: str) -> None:
    both = [submission("E0001", "late"), submission("E0001", "on_time", "2026-Q2"), submission("E0002", "missing")]
    publish_night(sqlite_url, batch(submissions=both, submission_scope=["2026-Q1", "2026-Q2"]))
    publish_night(sqlite_url, batch(SECOND, submissions=[submission("E0002", "on_time")], submission_scope=["2026-Q1"]))
    rows = read(sqlite_url, schema.fct_report_submission)
    assert [(row["enterprise_id"], row["period_code"], row["status"]) for row in rows] == [
        ("E0001", "2026-Q2", "on_time"),
        ("E0002", "2026-Q1", "on_time"),
    ]


def test_audit_rows_are_replaced_per_night(sqlite_url: str) -> None:
    publish_night(sqlite_url, batch())
    publish_night(sqlite_url, batch(SECOND, audit={"audit_payload": [payload("c.xlsx")]}))
    publish_night(sqlite_url, batch(FIRST, audit={}))
    assert [row["name"] for row in read(sqlite_url, schema.audit_payload)] == ["c.xlsx"]
    assert read(sqlite_url, schema.audit_finding) == []
    assert [row["night"] for row in read(sqlite_url, schema.audit_refresh)] == [FIRST, SECOND]


# ---- all or nothing -------------------------------------------------------------------------------------------------


def _with_value(**cells: Any) -> dict[str, Any]:
    return {"values": [*first_values(), value("SO01", "VSIP_BN", 5.0) | cells]}


BROKEN = {
    "unknown area": (_with_value(area_code="NOWHERE"), "fct_indicator_value.area_code.*NOWHERE"),
    "unknown indicator": (
        _with_value(indicator_code="XX99")
        | {"value_scope": [("MG01", "2026-Q1"), ("SO01", "2026-Q1"), ("XX99", "2026-Q1")]},
        "fct_indicator_value.indicator_code.*XX99",
    ),
    "unknown period": (
        _with_value(period_code="1999") | {"value_scope": [("MG01", "2026-Q1"), ("SO01", "2026-Q1"), ("SO01", "1999")]},
        "fct_indicator_value.period_code.*1999",
    ),
    "unknown enterprise": (
        {"submissions": [submission("E9999", "late")]},
        "fct_report_submission.enterprise_id.*E9999",
    ),
    "outside the scope": (_with_value(period_code="2026-Q2"), "1 rows of the batch lie outside the scope"),
    "a key twice": ({"values": [*first_values(), first_values()[0]]}, "the key .*MG01.* occurs more than once"),
    "no obs_status": (_with_value(obs_status=None), "obs_status is empty in the row .*VSIP_BN"),
    "not a number": (_with_value(value=float("nan")), "fct_indicator_value.value is not finite.*VSIP_BN"),
    "infinite": (_with_value(numerator=float("inf")), "fct_indicator_value.numerator is not finite"),
    "text for a number": (_with_value(value="5,0"), "value is not a number: '5,0'"),
    "a misspelt column": (_with_value(numerato=1.0), r"has unknown columns \['numerato'\]"),
    "a converted time": (
        {"submissions": [submission("E0001", "late", submitted_on=datetime(2026, 4, 14, tzinfo=UTC))]},
        "submitted_on is not a local date with time",
    ),
    "a misspelt audit column": (
        {"audit": {"audit_quarantine": [{"table": "register_land"}]}},
        "audit_quarantine: the batch lacks the columns .*unknown columns .*'table'",
    ),
    "a date for a text": (
        {"tables": {"dim_period": [quarter("2026-Q1") | {"name_vi": date(2026, 1, 1)}]}},
        "dim_period.name_vi is not text",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_batch_leaves_the_old_night(first_night_url: str, case: str) -> None:
    fields, message = BROKEN[case]
    refuse(first_night_url, batch(SECOND, **fields), f"(?s)night {SECOND} was not published.*{message}")


def test_postgres_rolls_back_too(postgres_url: str) -> None:
    publish_night(postgres_url, batch())
    for case in ("unknown area", "a key twice", "not a number"):
        fields, message = BROKEN[case]
        refuse(postgres_url, batch(SECOND, **fields), message)


def test_a_failed_first_night_leaves_no_tables(sqlite_url: str) -> None:
    with pytest.raises(PublishAuditError):
        publish_night(sqlite_url, batch(submissions=[submission("E9999", "late")]))
    with pytest.raises(SchemaMismatchError):
        compute_digest(sqlite_url)
    publish_night(sqlite_url, batch())


def test_readers_see_whole_nights_only(warehouse_url: str) -> None:
    """A reader polls parks and values while a slow publish renames the parks first and brings the values later."""
    publish_night(warehouse_url, batch())
    seen: set[tuple[str, float]] = set()
    polls = 0
    is_done = threading.Event()
    query = text(
        "SELECT park_name_vi, value FROM mart_park_indicator "
        "WHERE park_code = 'QUE_VO' AND indicator_code = 'MG01' AND period_code = '2026-Q1'"
    )

    def poll() -> None:
        nonlocal polls
        engine = create_engine(warehouse_url)
        while not is_done.is_set():
            with engine.connect() as connection:
                seen.update((name, number) for name, number in connection.execute(query))
            polls += 1
            time.sleep(0.005)
        engine.dispose()

    def trickle() -> Iterator[Any]:
        for row in second_night().values:  # type: ignore[union-attr]
            time.sleep(0.05)
            yield row

    tables = dimensions()
    tables["dim_park"][0]["name_vi"] = "KCN Quế Võ I"
    reader = threading.Thread(target=poll)
    reader.start()
    try:
        publish_night(warehouse_url, replace(second_night(), tables=tables, values=trickle()))
        time.sleep(0.05)
    finally:
        is_done.set()
        reader.join()
    assert polls > 10
    assert seen == {("KCN Quế Võ", 70.1), ("KCN Quế Võ I", 71.3)}


def test_two_writers_wait_for_each_other(warehouse_url: str) -> None:
    publish_night(warehouse_url, batch())
    failures: list[Exception] = []

    def publish(night: str) -> None:
        try:
            publish_night(warehouse_url, batch(night))
        except Exception as error:
            failures.append(error)

    writers = [threading.Thread(target=publish, args=(f"2026-05-0{n}",)) for n in range(1, 5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    assert len(read(warehouse_url, schema.audit_refresh)) == 5


def test_the_write_ahead_log_is_emptied(sqlite_url: str, tmp_path: Any) -> None:
    publish_night(sqlite_url, batch())
    keeps_the_log = create_engine(sqlite_url).connect()  # the last connection that closes would delete it
    with keeps_the_log.begin():
        assert keeps_the_log.scalar(text("SELECT COUNT(*) FROM audit_refresh")) == 1
    publish_night(sqlite_url, second_night())
    assert (tmp_path / "warehouse.db-wal").stat().st_size == 0
    keeps_the_log.close()


# ---- the database itself --------------------------------------------------------------------------------------------


def test_a_database_of_other_tables_is_refused(warehouse_url: str) -> None:
    publish_night(warehouse_url, batch())
    with open_engine(warehouse_url).begin() as connection:
        connection.execute(text("ALTER TABLE dim_station ADD COLUMN height REAL"))
        connection.execute(text("UPDATE schema_version SET tables = 'older'"))
    with pytest.raises(SchemaMismatchError, match=r"dim_station has the column height too many.*kcn replay"):
        publish_night(warehouse_url, batch(SECOND))
    with pytest.raises(SchemaMismatchError):
        compute_digest(warehouse_url)


def test_the_mismatch_message_hides_the_password() -> None:
    error = SchemaMismatchError("postgresql://board:***@db/warehouse", ["table dim_area is missing"])
    assert "table dim_area is missing" in str(error)
    with pytest.raises(
        WarehouseError, match=r"^mysql://board:\*\*\*@db/warehouse: the warehouse runs on sqlite or postgresql"
    ):
        open_engine("mysql://board:secret@db/warehouse")


def test_reading_a_warehouse_that_is_not_there(tmp_path: Any) -> None:
    with pytest.raises(WarehouseError, match="publish a night first"):
        compute_digest(f"sqlite:///{tmp_path / 'none.db'}")
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(WarehouseError, match="is a file"):
        open_engine("sqlite://")


def test_a_batch_names_its_tables_correctly() -> None:
    with pytest.raises(ValueError, match=r"no tables \['dim_parks'\]"):
        batch(tables={"dim_parks": []})
    with pytest.raises(ValueError, match="night"):
        batch("21/11/2026")


def test_unchanged_marts_are_left_alone(warehouse_url: str) -> None:
    """A view of an analyst may stand on a mart; a night without news in the marts must not drop it."""
    publish_night(warehouse_url, batch())
    with open_engine(warehouse_url).begin() as connection:
        connection.execute(text("CREATE VIEW own_view AS SELECT park_code FROM mart_park_indicator"))
    publish_night(warehouse_url, batch(SECOND))
    with open_engine(warehouse_url).begin() as connection:
        assert connection.scalar(text("SELECT COUNT(*) FROM own_view")) == 3
        connection.execute(text("DROP VIEW own_view"))
        connection.execute(text("DROP VIEW mart_park_indicator"))
        connection.execute(text("CREATE VIEW mart_of_yesterday AS SELECT 1 AS one"))
    publish_night(warehouse_url, batch(SECOND))
    with open_engine(warehouse_url).begin() as connection:
        assert connection.scalar(text("SELECT COUNT(*) FROM mart_park_indicator")) == 3
        with pytest.raises(Exception, match="mart_of_yesterday"):
            connection.execute(text("SELECT * FROM mart_of_yesterday"))
