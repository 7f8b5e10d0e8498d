"""Any payload → its sheets: a workbook by way of calamine, anything else as text.

It must not look into a file format itself. The surprising fact: a Rust panic inside calamine is no `Exception`, hence
the one place in the pipeline that catches more.
"""

import io
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePosixPath

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

from kcn_pipeline.staging.workbooks.archive import check_archive
from kcn_pipeline.staging.workbooks.compound import check_compound_file
from kcn_pipeline.staging.workbooks.sheets import MAX_CELLS, Cell, PayloadRejectedError, Sheet, refuse_extent
from kcn_pipeline.staging.workbooks.tabs import find_error_cells
from kcn_pipeline.staging.workbooks.text import read_text

_ZIP, _CFB = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_TEXT_SUFFIXES = {".csv", ".txt", ".tsv"}


def read_sheets(name: str, content: bytes) -> list[Sheet]:
    """All sheets of a payload; raises PayloadRejectedError with the rule and what was found."""
    if not content:
        raise PayloadRejectedError("empty_file", "0 bytes")
    if content.startswith(_ZIP):
        checked, is_plain = check_archive(content)
        return _read_workbook(checked, is_plain, None if is_plain else partial(find_error_cells, content))
    if content.startswith(_CFB):
        check_compound_file(content)
        return _read_workbook(content, False, None)
    if PurePosixPath(name.lower()).suffix in _TEXT_SUFFIXES:
        return [read_text(name, content)]
    raise PayloadRejectedError("not_a_workbook", f"begins with {content[:8]!r}")


def _read_workbook(content: bytes, is_plain: bool, find_errors: Callable[[str], frozenset[str]] | None) -> list[Sheet]:
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        return list(_read_cells(workbook, is_plain, find_errors))
    except PasswordError:
        raise PayloadRejectedError("encrypted_file", "the workbook asks for a password") from None
    except CalamineError as error:
        raise PayloadRejectedError("truncated_file", str(error)) from None
    except BaseException as error:  # a Rust panic inside calamine is not an Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit, PayloadRejectedError, MemoryError)):
            raise
        raise PayloadRejectedError("not_a_workbook", f"{type(error).__name__}: {error}"[:200]) from None


def _read_cells(
    workbook: CalamineWorkbook, is_plain: bool, find_errors: Callable[[str], frozenset[str]] | None
) -> Iterator[Sheet]:
    cells = 0
    for number, metadata in enumerate(workbook.sheets_metadata):
        sheet = workbook.get_sheet_by_index(number)
        cells += sheet.total_height * sheet.total_width
        if cells > MAX_CELLS:
            raise refuse_extent(f"sheet {metadata.name}", sheet.total_height - 1, sheet.total_width - 1)
        rows = sheet.to_python(skip_empty_area=False)
        if not is_plain:
            rows = [_spell_not_finite(row) for row in rows]
        merged = tuple(sheet.merged_cell_ranges or ())
        yield Sheet(
            metadata.name, rows, metadata.visible != SheetVisibleEnum.Visible, False, find_errors, merged=merged
        )


def _spell_not_finite(row: list[Cell]) -> list[Cell]:
    """NaN and infinity as text that a reader of figures refuses; the plain text `NaN` says "no value"."""
    return [_spell(cell) if type(cell) is float and not math.isfinite(cell) else cell for cell in row]


def _spell(number: float) -> str:
    return "#NaN" if math.isnan(number) else str(number)
