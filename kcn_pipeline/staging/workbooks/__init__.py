"""Bytes of a workbook or CSV file → sheets of cells, with a named refusal for what cannot or must not be opened.

It must not know what a sheet means. The surprising fact: calamine fills the whole rectangle up to the last cell, so one
stray cell in XFD1048576 asks for 512 GB and kills the process; how far a sheet reaches is found before it is opened.

    reading     any payload → its sheets              compound    the guard before an .xls
    sheets      a sheet, its cells, their addresses   text        CSV
    archive     the guard before an .xlsx             worksheet   the XML of a sheet: plain or not, its extent, errors
    entries     what a ZIP archive holds              tabs        which part of an .xlsx holds which sheet
"""

from kcn_pipeline.staging.workbooks.reading import read_sheets
from kcn_pipeline.staging.workbooks.sheets import (
    MAX_CELLS,
    Cell,
    PayloadRejectedError,
    Rows,
    Sheet,
    cell_address,
    column_letters,
)

__all__ = [
    "MAX_CELLS",
    "Cell",
    "PayloadRejectedError",
    "Rows",
    "Sheet",
    "cell_address",
    "column_letters",
    "read_sheets",
]
