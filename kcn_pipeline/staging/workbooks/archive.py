"""The guard before an .xlsx: no damage, no bomb, a workbook in it, no cell far away.

It must not read a cell's value. The surprising fact: calamine gets the parts that were looked at, already unpacked, in
place of the archive that came in; that saves unpacking them twice, and what is read is what was checked.
"""

from kcn_pipeline.staging.workbooks.entries import Entry, list_entries, store, unpack
from kcn_pipeline.staging.workbooks.sheets import MAX_CELLS, PayloadRejectedError, refuse_extent
from kcn_pipeline.staging.workbooks.tabs import name_part
from kcn_pipeline.staging.workbooks.worksheet import find_extent, is_plain

#: A workbook of forms unpacks to well under a megabyte; 200 MB is a bomb or not a form.
MAX_UNPACKED_BYTES = 200_000_000
MAX_UNPACK_RATIO = 200
#: A workbook of forms is held in memory unpacked; a larger one is read from its archive.
_HELD_BYTES = 2_000_000


def check_archive(content: bytes) -> tuple[bytes, bool]:
    """The archive to read the workbook from, and whether every sheet is plain (see `worksheet.is_plain`).

    Raises PayloadRejectedError for a damaged archive and for one that holds no workbook or more than a form can be.
    """
    entries, is_regular = list_entries(content)
    unpacked = _check_entries(content, entries)
    is_held = is_regular and unpacked <= _HELD_BYTES
    held = []
    all_plain, cells = True, 0
    for entry in entries:
        part = unpack(content, entry)
        if is_held:
            held.append((entry, part))
        if b"sheetData" in part and not is_plain(part):
            all_plain = False
            row, column = find_extent(part)
            cells += (row + 1) * (column + 1)
            if cells > MAX_CELLS:
                raise refuse_extent(name_part(content, entry.name), row, column)
    return store(held) if is_held else content, all_plain


def _check_entries(content: bytes, entries: list[Entry]) -> int:
    """Refuse what the directory alone shows to be a bomb or no workbook; returns the bytes that it unpacks to."""
    unpacked = sum(entry.size for entry in entries)
    if unpacked > MAX_UNPACKED_BYTES or unpacked > MAX_UNPACK_RATIO * max(len(content), 50_000):
        raise PayloadRejectedError("zip_bomb", f"{len(content):,} bytes would unpack to {unpacked:,}")
    names = {entry.name.lower() for entry in entries}
    if "xl/workbook.xml" not in names or not names.isdisjoint({"xl/workbook.bin", "content.xml"}):
        raise PayloadRejectedError("not_a_workbook", "a ZIP file without an Excel workbook (.xlsx) in it")
    return unpacked
