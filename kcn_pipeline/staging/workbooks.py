"""Bytes of a workbook or CSV file → sheets of cells, with a named refusal for what cannot or must not be opened.

It must not know what a sheet means. The surprising fact: calamine returns an error cell (`#REF!`) as empty text, so
the cells of an error are looked up in the sheet's XML, and only when a sheet has an empty cell where a figure belongs.
"""

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import PurePosixPath

import olefile
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

from kcn_pipeline.staging.vietnamese import UnreadableTextError, decode_bytes

Cell = str | float | int | bool | date | datetime | time | timedelta
Rows = Sequence[Sequence[Cell]]

#: A workbook of forms unpacks to well under a megabyte; 200 MB is a bomb or not a form.
MAX_UNPACKED_BYTES = 200_000_000
MAX_UNPACK_RATIO = 200
#: Deflate packs at most 1,032 : 1, so a smaller file cannot unpack to more than 50 MB and is opened without a look.
SMALL_FILE_BYTES = 48_000
#: Forms have under 200 rows and registers under 20,000; a stray cell in row 1,048,576 must not fill the memory.
MAX_CELLS = 5_000_000

_ZIP, _CFB = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_TEXT_SUFFIXES = {".csv", ".txt", ".tsv"}
_ENCRYPTED_STREAM = "EncryptedPackage"
_ERROR_CELL = re.compile(rb'<c\b(?=[^>]*\bt="e")[^>]*\br="([A-Z]+[0-9]+)"')
_WORKSHEET = re.compile(r"xl/worksheets/sheet(\d+)\.xml$")


class PayloadRejectedError(ValueError):
    """A payload that cannot be read at all. `rule` names the reason in rules.yaml, `detail` what was found."""

    def __init__(self, rule: str, detail: str = "") -> None:
        self.rule, self.detail = rule, detail
        super().__init__(f"{rule}: {detail}")


@dataclass(frozen=True)
class Sheet:
    """One sheet: its cells from A1 on, rows of equal length, empty cells as ''."""

    name: str
    rows: Rows
    is_hidden: bool = False
    has_lines: bool = False
    _content: bytes = field(default=b"", repr=False)
    _number: int = 0

    @cached_property
    def error_cells(self) -> frozenset[str]:
        """Addresses of cells that hold a formula error, which calamine shows as empty (xlsx only)."""
        if not self._content.startswith(_ZIP):
            return frozenset()
        with zipfile.ZipFile(io.BytesIO(self._content)) as archive:
            names = sorted((int(match[1]), name) for name in archive.namelist() if (match := _WORKSHEET.match(name)))
            if self._number >= len(names):
                return frozenset()
            return frozenset(cell.decode() for cell in _ERROR_CELL.findall(archive.read(names[self._number][1])))


def read_sheets(name: str, content: bytes) -> list[Sheet]:
    """All sheets of a payload; raises PayloadRejectedError with the rule and what was found."""
    if not content:
        raise PayloadRejectedError("empty_file", "0 bytes")
    if content.startswith(_ZIP) or content.startswith(_CFB):
        return _read_workbook(content)
    if PurePosixPath(name.lower()).suffix in _TEXT_SUFFIXES:
        return [_read_text(name, content)]
    raise PayloadRejectedError("not_a_workbook", f"begins with {content[:8]!r}")


def column_letters(index: int) -> str:
    """0 → A, 25 → Z, 26 → AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def cell_address(row: int, column: int) -> str:
    """The address of a cell from indexes counted from 0: (13, 3) → D14."""
    return f"{column_letters(column)}{row + 1}"


def _read_workbook(content: bytes) -> list[Sheet]:
    if content.startswith(_ZIP):
        if len(content) > SMALL_FILE_BYTES:
            _check_archive(content)
    else:
        _check_compound_file(content)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = []
        for number, metadata in enumerate(workbook.sheets_metadata):
            sheet = workbook.get_sheet_by_index(number)
            if sheet.total_height * sheet.total_width > MAX_CELLS:
                raise PayloadRejectedError("zip_bomb", f"sheet {metadata.name} spans {sheet.total_height} rows")
            rows = sheet.to_python(skip_empty_area=False)
            hidden = metadata.visible != SheetVisibleEnum.Visible
            sheets.append(Sheet(metadata.name, rows, hidden, False, content, number))
        return sheets
    except PasswordError:
        raise PayloadRejectedError("encrypted_file", "the workbook asks for a password") from None
    except CalamineError as error:
        if content.startswith(_ZIP):
            _check_archive(content)
        raise PayloadRejectedError("truncated_file", str(error)) from None
    except BaseException as error:  # a Rust panic inside calamine is not an Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit, PayloadRejectedError, MemoryError)):
            raise
        raise PayloadRejectedError("not_a_workbook", f"{type(error).__name__}: {error}"[:200]) from None


def _check_compound_file(content: bytes) -> None:
    """Refuse a password and a damaged .xls: calamine follows a sector chain that bites its tail for ever."""
    try:
        with olefile.OleFileIO(io.BytesIO(content), raise_defects=olefile.DEFECT_POTENTIAL) as compound:
            if compound.exists(_ENCRYPTED_STREAM):
                raise PayloadRejectedError("encrypted_file", "the workbook asks for a password")
            for stream in compound.listdir():
                compound.openstream(stream).read()
    except PayloadRejectedError:
        raise
    except Exception as error:  # olefile raises what a damaged structure leads it to: OSError, IndexError, struct.error
        raise PayloadRejectedError("truncated_file", f"{type(error).__name__}: {error}"[:200]) from None


def _check_archive(content: bytes) -> None:
    """Refuse a damaged archive and one that would unpack to far more than a form can be."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError) as error:
        raise PayloadRejectedError("truncated_file", str(error)) from None
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED_BYTES or unpacked > MAX_UNPACK_RATIO * max(len(content), 50_000):
        raise PayloadRejectedError("zip_bomb", f"{len(content):,} bytes would unpack to {unpacked:,}")
    names = {entry.filename for entry in entries}
    if "xl/workbook.xml" not in names and not any(name.endswith(("workbook.bin", "content.xml")) for name in names):
        raise PayloadRejectedError("not_a_workbook", "a ZIP file without a workbook in it")


def _read_text(name: str, content: bytes) -> Sheet:
    """A CSV file with whatever of `,` `;` or tab splits its lines most evenly."""
    try:
        text, _ = decode_bytes(content)
    except UnreadableTextError as error:
        raise PayloadRejectedError("unreadable_text", str(error)) from None
    if text.lstrip()[:1] == "<":
        raise PayloadRejectedError("not_a_workbook", f"begins with {text.lstrip()[:20]!r}")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_find_delimiter(text)))
    width = max((len(row) for row in rows), default=0)
    return Sheet(PurePosixPath(name).stem, [row + [""] * (width - len(row)) for row in rows], has_lines=True)


def _find_delimiter(text: str) -> str:
    """The delimiter that splits most lines into the same number of fields; decimal commas split them unevenly."""
    lines = [line for line in text.splitlines() if line.strip()][:200]

    def evenness(mark: str) -> int:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=mark))
        return max(((width - 1) * count for width, count in widths.items()), default=0)

    return max("\t;,", key=evenness)
