"""Runs every folder of `cases/station_files`: files as they arrive, and what must be read and not read of them."""

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.schemas import UNREAD
from kcn_pipeline.staging.monitoring import STATION_FILES, read_batches
from kcn_pipeline.staging.monitoring_tables import tabulate_batches, tabulate_readings, tabulate_unread

CASES = Path(__file__).parent.parent / "cases" / "station_files"
NIGHT = "2026-11-22"
#: What `input.txt` is called where a case is about its lines only.
NAME = "BacNinh_KCNYENPHONG_NT01_20261121083000.txt"


@dataclass(frozen=True)
class Batch:
    """Files of one feed, as landing hands them over."""

    files: dict[str, bytes]
    source: str = "stations"
    first_row: int = 0

    @cached_property
    def names(self) -> list[str]:
        return list(self.files)

    @cached_property
    def contents(self) -> list[bytes]:
        return list(self.files.values())

    @cached_property
    def sha256(self) -> list[str]:
        return [sha256(content).hexdigest() for content in self.files.values()]

    @cached_property
    def metadata(self) -> list[dict[str, str]]:
        return [{"kind": STATION_FILES}] * len(self.files)


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_case(case: str) -> None:
    files = _read_files(CASES / case)
    collected = read_batches(load_contracts().monitoring, [Batch(files)])
    readings = [row for _, day in tabulate_readings(collected, NIGHT) for row in day.to_pylist()]
    unread = tabulate_unread(collected, NIGHT)
    _compare(CASES / case / "expected.csv", readings)
    if (CASES / case / "expected_unread.csv").exists():
        _compare(CASES / case / "expected_unread.csv", unread.to_pylist())
    else:
        assert unread.num_rows == 0, unread.to_pylist()
    _check_sums(files, len(readings), unread, tabulate_batches(collected, NIGHT))


def _read_files(case: Path) -> dict[str, bytes]:
    if (case / "input.txt").exists():
        return {NAME: (case / "input.txt").read_bytes()}
    paths = sorted(path for path in (case / "input").rglob("*") if path.is_file())
    contents = {path: _to_workbook(path) if path.name.endswith(".xlsx.csv") else path.read_bytes() for path in paths}
    return {str(path.relative_to(case / "input")).removesuffix(".csv"): content for path, content in contents.items()}


def _to_workbook(path: Path) -> bytes:
    """A workbook with the cells of a CSV file on its second sheet; the first one is empty."""
    workbook = openpyxl.Workbook()
    sheet = workbook.create_sheet("Dữ liệu")
    with path.open(newline="", encoding="utf-8") as handle:
        for number, row in enumerate(csv.reader(handle), start=1):
            for at, cell in enumerate(row, start=1):
                if cell:
                    sheet.cell(number, at).value = _typed(cell)
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def _typed(cell: str) -> str | float | datetime:
    """A number, a time such as 2026-11-21T08:30:00, or text; after an apostrophe always text."""
    for read in (float, datetime.fromisoformat):
        try:
            return read(cell)
        except ValueError:
            continue
    return cell.removeprefix("'")


def _compare(path: Path, found: list[dict]) -> None:
    """Every row expected must be there and no other; only the columns that the file names are compared."""
    with path.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        expected = [tuple(row.values()) for row in reader]
    shown = [tuple(_show(row[name]) for name in reader.fieldnames or ()) for row in found]
    assert sorted(shown) == sorted(tuple(map(_plain, row)) for row in expected)


def _show(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return _plain(repr(value))
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _plain(text: str) -> str:
    """Numbers in one form, so that `38` and `38.0` are the same; statuses and texts as they are."""
    is_number = text.removeprefix("-").replace(".", "", 1).isdigit() and text not in ("00", "01", "02")
    return repr(float(text)) if is_number else text


def _check_sums(files: dict[str, bytes], readings: int, unread: pa.Table, batches: pa.Table) -> None:
    """Lines counted by this test are the readings, the unread lines and the blank lines."""
    if any(content.startswith(b"PK") for content in files.values()):
        return
    marked = [content.removeprefix(b"\xef\xbb\xbf") for content in files.values()]
    lines = sum(content.count(b"\n") + (content[-1:] not in (b"", b"\n")) for content in marked)
    blank = sum(not line.strip() for content in marked for line in content.removesuffix(b"\n").split(b"\n") if content)
    sums = {name: sum(batches[name].to_pylist()) for name in ("files", "lines", "readings", "unread", "blank")}
    bad = unread["_line"].drop_null()
    assert sums == {
        "files": len(files),
        "lines": lines,
        "readings": readings,
        "unread": len(bad),
        "blank": blank,
    }
    assert lines == readings + len(bad) + blank
    assert unread.schema == UNREAD
