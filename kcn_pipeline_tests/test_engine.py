"""The one door to SQL."""

from pathlib import Path

import pyarrow as pa
import pytest

from kcn_pipeline.engine import Engine, EngineError
from kcn_pipeline.lake import WHOLE, Lake

SCHEMA = pa.schema(
    [("id", pa.string()), ("n", pa.int64()), ("x", pa.float64()), ("ok", pa.bool_()), ("at", pa.timestamp("us"))]
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def test_slices_have_the_columns_and_types_asked_for(lake: Lake) -> None:
    """Nights may hold other columns: one lacks `x`, one has an unknown column and an untyped one."""
    lake.replace("s", "t", "2026-01-01", {"period=2026": pa.table({"id": ["a"], "n": pa.array([1], pa.int32())})})
    other = pa.table({"n": [2], "id": ["b"], "x": pa.nulls(1), "extra": ["?"]})
    lake.replace("s", "t", "2026-01-02", {"period=2026": other})
    with Engine() as engine:
        engine.register_slices("t", lake.slices("s", "t"), SCHEMA)
        found = engine.query("SELECT * FROM t ORDER BY id")
    assert found.schema.equals(SCHEMA)
    assert found.to_pylist() == [
        {"id": "a", "n": 1, "x": None, "ok": None, "at": None},
        {"id": "b", "n": 2, "x": None, "ok": None, "at": None},
    ]


def test_chosen_parts_only(lake: Lake) -> None:
    for code in ("2025", "2026"):
        lake.replace("s", "t", f"{code}-02-01", {f"period={code}": pa.table({"id": [code]})})
    with Engine() as engine:
        engine.register_slices("t", lake.slices("s", "t", parts=["period=2026"]), SCHEMA)
        assert engine.query("SELECT id FROM t").column("id").to_pylist() == ["2026"]


def test_no_slice_is_an_empty_typed_table(lake: Lake) -> None:
    with Engine() as engine:
        engine.register_slices("t", lake.slices("s", "t"), SCHEMA)
        assert engine.query("SELECT * FROM t").schema.equals(SCHEMA)
        assert engine.query("SELECT SUM(x) AS s, COUNT(*) AS n FROM t").to_pylist() == [{"s": None, "n": 0}]


def test_names_can_be_used_again(lake: Lake) -> None:
    lake.replace("s", "t", "2026-01-01", {WHOLE: pa.table({"id": ["slice"]})})
    with Engine() as engine:
        engine.register("t", pa.table({"id": ["arrow"]}))
        engine.register_slices("t", lake.slices("s", "t"), SCHEMA)
        assert engine.query("SELECT id FROM t").column("id").to_pylist() == ["slice"]
        engine.register_slices("t", [], SCHEMA)
        assert engine.query("SELECT id FROM t").num_rows == 0
        engine.register("t", pa.table({"id": ["again"]}))
        assert engine.query("SELECT id FROM t").column("id").to_pylist() == ["again"]


def test_materialized_rows_keep_their_order() -> None:
    with Engine(threads=1) as engine:
        engine.register("t", pa.table({"n": list(range(1000))}))
        engine.materialize("sorted", "SELECT n FROM t ORDER BY n DESC")
        assert engine.query("SELECT n FROM sorted").column("n").to_pylist() == list(range(999, -1, -1))


def test_path_with_a_quote_is_read(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "bảng 'kê'")
    lake.replace("s", "t", "2026-01-01", {WHOLE: pa.table({"id": ["a"]})})
    with Engine() as engine:
        engine.register_slices("t", lake.slices("s", "t"), SCHEMA)
        assert engine.query("SELECT id FROM t").num_rows == 1


@pytest.mark.parametrize("sql", ["SELECT nothing FROM nowhere", "SELECT", "SELECT SUM('a')"])
def test_what_cannot_run_is_told_in_one_line(sql: str) -> None:
    with Engine() as engine, pytest.raises(EngineError) as caught:
        engine.query(sql)
    assert "\n" not in str(caught.value)


def test_nothing_is_fetched_from_outside() -> None:
    with Engine() as engine:
        rows = engine.query("SELECT name, value FROM duckdb_settings() WHERE name LIKE 'auto%known_extensions'")
    assert {row["value"] for row in rows.to_pylist()} == {"false"}
    assert rows.num_rows == 2
