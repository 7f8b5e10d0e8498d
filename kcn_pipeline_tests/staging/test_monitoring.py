"""A night's monitoring payloads in the lake: parts by day, order, sums, and what a fault of our own costs."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from kcn_pipeline.contracts import Contracts, load_contracts
from kcn_pipeline.contracts.monitoring import Monitoring, Stream
from kcn_pipeline.engine import Engine
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import iterate_batches
from kcn_pipeline.landing.store import PackWriter, PayloadBatch, receive, write_batch
from kcn_pipeline.schemas import BATCHES, READINGS, UNREAD
from kcn_pipeline.staging import monitoring
from kcn_pipeline.staging.monitoring import MonitoringStageResult, stage_monitoring
from kcn_pipeline.staging.monitoring_tables import LinesLostError
from kcn_pipeline.staging.station_files import LineReader, StationFileReader
from kcn_pipeline_tests.staging.test_station_files import Batch

NIGHT = "2026-11-19"


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    """The packaged contracts with one stream."""
    packaged = load_contracts()
    stream = Stream(source="frost", stream="7", station_id="KCN_KK01", parameter="pm25", unit="µg/m3")
    return replace(packaged, monitoring=replace(packaged.monitoring, streams=(stream,)))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path)


def _files(station: str, day: datetime, slots: int = 288) -> Iterator[tuple[str, bytes]]:
    dice = random.Random(f"{station} {day}")
    for slot in range(slots):
        at = f"{day + timedelta(minutes=5 * slot):%Y%m%d%H%M%S}"
        rows = [f"{symbol}\t{dice.uniform(1, 99):.2f}\t{unit}\t{at}\t00\n" for symbol, unit in _SENSORS]
        yield f"{station}_{at}.txt", "".join(rows).encode()


_SENSORS = [("TSS", "mg/L"), ("COD", "mg/L"), ("Flow", "m3/h")]
DAY = datetime(2026, 11, 18)


def _stage(lake: Lake, contracts: Contracts, *batches: Batch, night: str = NIGHT) -> MonitoringStageResult:
    return stage_monitoring(lake, contracts, night, batches)


def _rows(lake: Lake, table: str, night: str | None = None) -> list[dict]:
    found = lake.read("staging", f"monitoring_{table}", night)
    assert found is not None
    return found.to_pylist()


def test_readings_lie_by_day_in_order(lake: Lake, contracts: Contracts) -> None:
    files = [*_files("B_NT01", DAY), *_files("A_NT01", DAY + timedelta(hours=23), slots=24)]
    random.Random(1).shuffle(files)
    result = _stage(lake, contracts, Batch(dict(files[:100])), Batch(dict(files[100:]), first_row=100))
    assert result.rows == {"monitoring_readings": 936, "monitoring_unread_lines": 0, "monitoring_batches": 2}
    assert (result.payloads, result.rejected, result.days) == (312, 0, ("2026-11-18", "2026-11-19"))
    assert lake.parts("staging", "monitoring_readings") == ["day=2026-11-18", "day=2026-11-19"]
    for part in ("day=2026-11-18", "day=2026-11-19"):
        rows = lake.read("staging", "monitoring_readings", NIGHT, [part]).to_pylist()
        keys = [(row["station_id"], row["parameter_code"], row["measured_at"]) for row in rows]
        assert keys == sorted(keys)
        assert {f"day={row['measured_at'].date()}" for row in rows} == {part}
        for row in rows:
            name, content = files[row["_row"]]
            line = content.decode().splitlines()[row["_line"] - 1].split("\t")
            assert float(line[1]) == row["value"]
            assert name == f"{row['station_id']}_{row['measured_at']:%Y%m%d%H%M%S}.txt"


def test_slices_have_the_schemas_and_encodings(lake: Lake, contracts: Contracts) -> None:
    _stage(lake, contracts, Batch({**dict(_files("A_NT01", DAY)), "A_NT01_20261118000001.txt": b"x\n"}))
    schemas = {"readings": READINGS, "unread_lines": UNREAD, "batches": BATCHES}
    for table, schema in schemas.items():
        (path,) = lake.slices("staging", f"monitoring_{table}", NIGHT)
        assert pq.read_schema(path) == schema
    (path,) = lake.slices("staging", "monitoring_readings", NIGHT)
    group = pq.ParquetFile(path).metadata.row_group(0)
    encodings = {group.column(n).path_in_schema: group.column(n).encodings for n in range(group.num_columns)}
    assert "DELTA_BINARY_PACKED" in encodings["measured_at"]
    assert "BYTE_STREAM_SPLIT" in encodings["_row"]
    with Engine() as engine:
        engine.register_slices("readings", [path], READINGS)
        counted = engine.query("SELECT count(*) AS n, max(_row) AS last FROM readings").to_pylist()
    assert counted == [{"n": 864, "last": 287}]


def test_of_equal_keys_the_later_written_stands_last(lake: Lake, contracts: Contracts) -> None:
    line = "COD\t{}\tmg/L\t20261118000000\t00\n"
    files = {f"{n}/A_NT01_20261118000000.txt": (line.format(n) + line.format(n + 0.5)).encode() for n in range(3)}
    _stage(lake, contracts, Batch(files, source="b"), Batch(files, source="a"))
    rows = _rows(lake, "readings")
    assert [(row["_source"], row["value"]) for row in rows] == [
        (source, value) for source in "ab" for value in (0, 0.5, 1, 1.5, 2, 2.5)
    ]


def test_batches_say_what_each_station_brought(lake: Lake, contracts: Contracts) -> None:
    line = "COD\t1\tmg/L\t{}\t00\n"
    files = {
        "A_20261118000000.txt": (line.format("20261117235950") + "\nXYZ\n").encode(),
        "A_20261118001000.txt": line.format("20261118002000").encode(),
        "A_20261118002000.txt": b"",
        "A.txt": line.format("20261116000000").encode(),
        "_20261118002000.txt": b"XYZ\n\n",
        "B_20261318002000.txt": b"XYZ\n",
    }
    result = _stage(lake, contracts, Batch(files))
    assert (result.payloads, result.rejected, result.findings) == (6, 3, 4)
    found = {row["station_id"]: row for row in _rows(lake, "batches")}
    assert set(found) == {None, "A", "B"}
    assert found["A"] == {
        "station_id": "A", "files": 4, "lines": 5, "readings": 3, "unread": 1, "blank": 1,
        "first_at": datetime(2026, 11, 16), "last_at": datetime(2026, 11, 18, 0, 20),
        "first_file_at": datetime(2026, 11, 18), "last_file_at": datetime(2026, 11, 18, 0, 20),
        "median_ahead_s": 295.0, "max_ahead_s": 600, "_source": "stations", "_night": NIGHT,
    }  # fmt: skip
    assert [found[None][name] for name in ("files", "lines", "unread", "blank", "first_at")] == [1, 2, 1, 1, None]
    assert [found["B"][name] for name in ("files", "lines", "unread", "median_ahead_s")] == [1, 1, 1, None]
    unread = {(row["_file"], row["_line"]): (row["rule"], row["station_id"]) for row in _rows(lake, "unread_lines")}
    assert unread == {
        ("A_20261118000000.txt", 3): ("unreadable_line", "A"),
        ("A_20261118002000.txt", None): ("empty_payload", "A"),
        ("_20261118002000.txt", 1): ("unreadable_file_name", None),
        ("B_20261318002000.txt", 1): ("unreadable_file_name", "B"),
    }


def test_a_night_is_replaced(lake: Lake, contracts: Contracts) -> None:
    old = Batch({**dict(_files("A_NT01", DAY)), **dict(_files("A_NT01", DAY - timedelta(days=9), 12)), "B.txt": b"x"})
    _stage(lake, contracts, old)
    _stage(lake, contracts, Batch(dict(_files("A_NT01", DAY, 12))), night="2026-11-20")
    first = [_rows(lake, table) for table in ("readings", "unread_lines", "batches")]
    _stage(lake, contracts, old)
    assert [_rows(lake, table) for table in ("readings", "unread_lines", "batches")] == first
    _stage(lake, contracts)
    assert [len(_rows(lake, table, NIGHT)) for table in ("readings", "unread_lines", "batches")] == [0, 0, 0]
    assert len(_rows(lake, "readings", "2026-11-20")) == 36
    assert lake.parts("staging", "monitoring_readings", NIGHT) == ["day=2026-11-09", "day=2026-11-18"]


def test_packs_of_files_and_pages_are_staged_together(lake: Lake, contracts: Contracts) -> None:
    files = dict(_files("KCN_NT01", DAY, 600))
    kind = {"kind": "monitoring/station_files"}
    for start in (0, 300):
        part = Batch(dict([*files.items()][start : start + 300]))
        write_batch(
            lake,
            NIGHT,
            PayloadBatch("stations", part.names, part.contents, [None] * 300, part.sha256, [kind] * 300, start),
            "ftp://stations",
        )
    values = [(12.5, "2026-11-18T00:00:00Z"), ("13,5", "2026-11-18T17:05:00Z"), ("1.2.3", "2026-11-18T17:10:00Z")]
    page = json.dumps({"value": [{"result": value, "phenomenonTime": time} for value, time in values]}).encode()
    with PackWriter(lake, "frost", NIGHT) as writer:
        for name, content in (("page1", page), ("page2", b"{"), ("page3", b"")):
            metadata = {"kind": "monitoring/sensorthings", "source": "frost", "datastream": "7"}
            writer.add(receive("frost", name, "http://frost", content, metadata=metadata))
    result = stage_monitoring(lake, contracts, NIGHT, iterate_batches(lake, ["stations", "frost"], NIGHT))
    assert result.rows == {"monitoring_readings": 1802, "monitoring_unread_lines": 3, "monitoring_batches": 2}
    assert result.days == ("2026-11-18", "2026-11-19", "2026-11-20")
    pages = [row for row in _rows(lake, "readings") if row["_source"] == "frost"]
    assert [(row["measured_at"], row["value"], row["ahead_s"], row["_row"], row["_line"]) for row in pages] == [
        (datetime(2026, 11, 18, 7), 12.5, None, 0, 1),
        (datetime(2026, 11, 19, 0, 5), 13.5, None, 0, 2),
    ]
    rows = lake.read("staging", "monitoring_readings", NIGHT)
    assert pc.max(rows.filter(pc.equal(rows["_source"], "stations"))["_row"]).as_py() == 599
    batch = next(row for row in _rows(lake, "batches") if row["_source"] == "frost")
    assert [batch[name] for name in ("station_id", "files", "lines", "readings", "unread")] == ["KCN_KK01", 3, 3, 2, 1]


def test_a_fault_of_our_own_costs_one_file(lake: Lake, contracts: Contracts, monkeypatch: pytest.MonkeyPatch) -> None:
    read = LineReader.read

    def fail(self: LineReader, line: bytes, **said: bool) -> object:
        if b"TSS" in line:
            raise ZeroDivisionError("what nobody thought of")
        return read(self, line, **said)

    monkeypatch.setattr(LineReader, "read", fail)
    monkeypatch.setitem(monitoring._PAGES, "monitoring/openaq", fail)
    good, bad = b"COD\t1\tmg/L\t\t00\n", b"COD\t2\tmg/L\t\t00\nX\nTSS\t2\tmg/L\t\t00\n"
    batch = Batch({"A_20261118000000.txt": good, "A_20261118000500.txt": bad, "A_20261118001000.txt": good})
    page = PayloadBatch("openaq", ["page"], [b"{}"], [None], ["0" * 64], [{"kind": "monitoring/openaq"}])
    result = _stage(lake, contracts, batch, page)
    assert result.rejected == 2
    assert [row["_row"] for row in _rows(lake, "readings")] == [0, 2]
    unread = _rows(lake, "unread_lines")
    assert [(row["rule"], row["_file"], row["_line"]) for row in unread] == [
        ("internal_error", "A_20261118000500.txt", None),
        ("internal_error", "page", None),
    ]
    assert unread[0]["text"].startswith("ZeroDivisionError: what nobody thought of (fail, line ")


def test_a_lost_line_stops_the_night(lake: Lake, contracts: Contracts, monkeypatch: pytest.MonkeyPatch) -> None:
    _stage(lake, contracts, Batch(dict(_files("A_NT01", DAY, 3))))
    staged = _rows(lake, "readings")
    monkeypatch.setattr(StationFileReader, "_note", lambda *said: None)
    with pytest.raises(LinesLostError, match=r"stations, station 'A_NT01'.*3 readings and 0 unread lines"):
        _stage(lake, contracts, Batch({"A_NT01_20261118000001.txt": b"x\n", **dict(_files("A_NT01", DAY, 1))}))
    assert _rows(lake, "readings") == staged


def test_many_frames_are_forgotten_in_between(
    lake: Lake, contracts: Contracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kcn_pipeline.staging.station_files.reader._MOST_FRAMES", 50)
    files = [*_files("A_NT01", DAY), *_files("B_NT01", DAY)]
    batches = [Batch(dict(files[start : start + 64]), first_row=start) for start in range(0, len(files), 64)]
    _stage(lake, contracts, *batches)
    few = _rows(lake, "readings")
    monkeypatch.undo()
    _stage(lake, contracts, *batches)
    assert _rows(lake, "readings") == few
    assert len(few) == 576 * 3


def test_an_unknown_kind_is_a_mistake_of_ours(lake: Lake, contracts: Contracts) -> None:
    page = PayloadBatch("new", ["page"], [b"{}"], [None], ["0" * 64], [{"kind": "monitoring/new"}])
    with pytest.raises(ValueError, match="new are of kind 'monitoring/new', which staging does not read"):
        _stage(lake, contracts, page)


def test_the_contracts_decide(lake: Lake, contracts: Contracts) -> None:
    given = contracts.monitoring
    changed: Monitoring = replace(given, sentinels=(7.0,), statuses={**given.statuses, "m": "00"})
    content = b"COD\t7\tmg/L\t\t00\nTSS\t-9999\tmg/L\t\tM\n"
    _stage(lake, replace(contracts, monitoring=changed), Batch({"A_20261118000000.txt": content}))
    assert [(row["value"], row["status"]) for row in _rows(lake, "readings")] == [(None, "02"), (-9999.0, "00")]
