"""Slices of the lake: what is read of them; and who may read landing."""

import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kcn_pipeline.lake import TEXT_ROW_GROUP, WHOLE, Lake

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


def test_a_slice_read_narrow_says_the_same(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    rows = pa.table(
        {
            "few": ["a", None, "b"] * 20_000,
            "many": [f"text {number}" for number in range(60_000)],
            "none": pa.nulls(60_000, pa.string()),
            "number": [1.5, None, 2.5] * 20_000,
        }
    )
    lake.replace("staging", "figures", NIGHT, {"period=2026-Q1": rows, "period=2026-Q2": rows.slice(0, 0)})
    full, empty = (lake.read_narrow(path) for path in lake.slices("staging", "figures"))
    assert full.cast(rows.schema) == rows
    assert empty.cast(rows.schema) == rows.slice(0, 0)
    widths = {name: full.schema.field(name).type.index_type for name in ("few", "many", "none")}
    assert widths == {"few": pa.int16(), "many": pa.int32(), "none": pa.int16()}
    assert lake.read_narrow(lake.slices("staging", "figures")[0], ["number", "few"]).column_names == ["number", "few"]
    lake.replace("validation", "figures", NIGHT, {WHOLE: full})
    assert lake.read("validation", "figures") == rows


def test_dictionaries_are_read_back_as_text(tmp_path: Path) -> None:
    """Also chunks with different dictionaries, a dictionary with an entry twice or with null, and no rows at all."""
    texts = [["a", "b", "a", None], ["c"], ["a", "a", None, "b"], []]
    chunks = [
        pa.array(texts[0]).dictionary_encode(),
        pa.array(texts[1]).dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), pa.array(["a", "a", None, "b"])),
        pa.array(texts[3], pa.string()).dictionary_encode(),
    ]
    lake = Lake(tmp_path)
    for number, chosen in enumerate([chunks, chunks[:2], chunks[3:]]):
        expected = [text for chunk in chosen for text in chunk.to_pylist()]
        times = pa.array(range(len(expected)), pa.timestamp("us"))
        rows = pa.table({"text": pa.chunked_array(chosen, chunks[0].type), "at": times})
        lake.replace("staging", f"table_{number}", NIGHT, {WHOLE: rows})
        stored = lake.read("staging", f"table_{number}")
        assert stored is not None
        assert stored.schema == pa.schema([("text", pa.string()), ("at", pa.timestamp("us"))])
        assert stored.column("text").to_pylist() == expected


def test_a_row_group_is_stored_with_the_texts_of_its_rows_alone(tmp_path: Path) -> None:
    """Of a long dictionary; nulls, chunks with different dictionaries and rows out of order come back as they were."""
    many = [f"text {number // 30:032}" for number in range(3 * TEXT_ROW_GROUP)]
    texts, few = [*many[:5], None, *many[6:]], many[:2000][::-1]
    chunks = [pa.array(texts).dictionary_encode(), pa.array(few).dictionary_encode()]
    lake = Lake(tmp_path)
    lake.replace("staging", "figures", NIGHT, {WHOLE: pa.table({"text": pa.chunked_array(chunks)})})
    stored = lake.read("staging", "figures")
    assert stored is not None
    assert stored.column("text").to_pylist() == [*texts, *few]
    with pq.ParquetFile(lake.slices("staging", "figures")[0], read_dictionary=["text"]) as file:
        groups = [file.read_row_group(number).column("text").chunk(0) for number in range(file.num_row_groups)]
    assert [len(group.dictionary) for group in groups] == [len(set(group.to_pylist()) - {None}) for group in groups]


def test_landing_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Packs hold personal data. A folder that is there already stays as somebody made it."""
    payloads = pa.table({"source": ["surveys"], "name": ["a.csv"], "content": [b"name"]})
    for data, first in ((tmp_path / "packs", True), (tmp_path / "logs", False)):
        lake = Lake(data)
        if first:
            lake.write_pack("surveys", NIGHT, payloads)
        else:
            lake.write_feed_log("survey", NIGHT, payloads)
        assert stat.S_IMODE(lake.landing_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE(data.stat().st_mode) & 0o055, "other folders are as the umask says"
    shared = Lake(tmp_path / "shared")
    shared.landing_dir.mkdir(parents=True)
    shared.landing_dir.chmod(0o750)
    shared.write_pack("surveys", NIGHT, payloads)
    assert stat.S_IMODE(shared.landing_dir.stat().st_mode) == 0o750
