"""Slices of the lake: what is read of them."""

from pathlib import Path

import pyarrow as pa

from kcn_pipeline.lake import WHOLE, Lake

NIGHT = "2026-07-01"
ROWS = pa.table({"number": list(range(100))})


def test_head_reads_the_first_rows_of_the_first_slice_that_has_any(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.replace("staging", "figures", NIGHT, {"period=2026-Q1": ROWS.slice(0, 0), "period=2026-Q2": ROWS.slice(7)})
    head = lake.head("staging", "figures", NIGHT, rows=3)
    assert head is not None
    assert head.to_pydict() == {"number": [7, 8, 9]}


def test_head_of_nothing_is_none(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert lake.head("staging", "figures", NIGHT) is None
    lake.replace("staging", "figures", NIGHT, {WHOLE: ROWS.slice(0, 0)})
    assert lake.head("staging", "figures", NIGHT) is None


def test_a_slice_taken_over_is_the_same_file_until_one_is_replaced(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.replace("staging", "figures", NIGHT, {WHOLE: ROWS})
    (staged,) = lake.slices("staging", "figures")
    lake.replace("validation", "figures", NIGHT, [(WHOLE, staged)])
    (accepted,) = lake.slices("validation", "figures")
    assert accepted.samefile(staged)
    lake.replace("staging", "figures", NIGHT, {WHOLE: ROWS.slice(99)})
    again = lake.read("validation", "figures")
    assert again is not None
    assert again.num_rows == 100


def test_a_night_that_is_run_again_holds_the_state_of_its_parts(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.replace("indicators", "days", "2026-08-05", {"day=1": ROWS, "day=2": ROWS}, is_state=True)
    lake.replace("indicators", "days", "2026-08-03", {"day=1": ROWS}, is_state=True)
    found = [(path.parent.name, path.stem) for path in lake.slices("indicators", "days")]
    assert found == [("day=1", "night=2026-08-03"), ("day=2", "night=2026-08-05")]
