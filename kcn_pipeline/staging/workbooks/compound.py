"""The guard before an .xls: no password, no damage, no cell far away.

It must not read a cell's value. The surprising fact: calamine follows a chain of sectors that bites its tail for ever,
and opens all sheets at once.
"""

import io
import struct
from collections.abc import Iterator

import olefile

from kcn_pipeline.staging.workbooks.sheets import MAX_CELLS, PayloadRejectedError, refuse_extent

_ENCRYPTED_STREAM = "EncryptedPackage"
_WORKBOOK_STREAMS = ("Workbook", "Book")
#: BIFF records of a cell that calamine keeps; each begins with row and column. MULRK ends with its last column.
_CELL_RECORDS = {0x0006, 0x0203, 0x0204, 0x0205, 0x027E, 0x00BD, 0x00D6, 0x00FD}
_BOUND_SHEET, _END, _MULTIPLE, _DIMENSIONS = 0x0085, 0x000A, 0x00BD, 0x0200
_XLS_ROWS, _XLS_COLUMNS = 65_536, 256


def check_compound_file(content: bytes) -> None:
    """Refuse a password, a damaged .xls (calamine follows a sector chain that bites its tail for ever), a far cell."""
    try:
        with olefile.OleFileIO(io.BytesIO(content), raise_defects=olefile.DEFECT_POTENTIAL) as compound:
            if compound.exists(_ENCRYPTED_STREAM):
                raise PayloadRejectedError("encrypted_file", "the workbook asks for a password")
            for stream in compound.listdir():
                compound.openstream(stream).read()
            for name in _WORKBOOK_STREAMS:
                if compound.exists(name):
                    _check_sheet_streams(compound.openstream(name).read())
    except PayloadRejectedError:
        raise
    except Exception as error:  # olefile raises what a damaged structure leads it to: OSError, IndexError, struct.error
        raise PayloadRejectedError("truncated_file", f"{type(error).__name__}: {error}"[:200]) from None


def _check_sheet_streams(stream: bytes) -> None:
    """Follow the records of every sheet as calamine does; it opens all sheets at once, so their extents add up."""
    cells = 0
    starts = [int.from_bytes(data[:4], "little") for kind, data in _iterate_records(stream, 0) if kind == _BOUND_SHEET]
    for number, start in enumerate(starts, 1):
        last_row = last_column = -1
        for kind, data in _iterate_records(stream, start):
            if kind in _CELL_RECORDS:
                row, column = struct.unpack_from("<HH", data)
                if kind == _MULTIPLE:
                    column = max(column, int.from_bytes(data[-2:], "little"))
                last_row, last_column = max(last_row, row), max(last_column, column)
            elif kind == _DIMENSIONS:
                _check_dimensions(number, data)
        cells += (last_row + 1) * (last_column + 1)
        if cells > MAX_CELLS:
            raise refuse_extent(f"sheet number {number}", last_row, last_column)


def _check_dimensions(number: int, data: bytes) -> None:
    """calamine sets memory aside for the rectangle that the record claims; no .xls is larger than its grid."""
    _, rows, _, columns = struct.unpack_from("<IIHH" if len(data) >= 14 else "<HHHH", data)
    if rows > _XLS_ROWS or columns > _XLS_COLUMNS:
        raise refuse_extent(f"sheet number {number}", rows - 1, columns - 1)


def _iterate_records(stream: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The BIFF records from a position to the end of that part of the stream."""
    while start + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, start)
        yield kind, stream[start + 4 : start + 4 + length]
        if kind == _END:
            return
        start += 4 + length
