"""Bytes of a workbook or CSV file → sheets of cells, with a named refusal for what cannot or must not be opened.

It must not know what a sheet means. The surprising fact: calamine fills the whole rectangle up to the last cell, so one
stray cell in XFD1048576 asks for 512 GB and kills the process; how far a sheet reaches is found before it is opened.
"""

import csv
import io
import math
import posixpath
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from html import unescape
from pathlib import PurePosixPath

import olefile
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

from kcn_pipeline.staging.vietnamese import UnreadableTextError, decode_bytes

Cell = str | float | int | bool | date | datetime | time | timedelta
Rows = Sequence[Sequence[Cell]]

#: A workbook of forms unpacks to well under a megabyte; 200 MB is a bomb or not a form.
MAX_UNPACKED_BYTES = 200_000_000
MAX_UNPACK_RATIO = 200
#: Of all sheets of a workbook, from A1 to the last cell. Forms have under 200 rows and registers under 20,000.
MAX_CELLS = 5_000_000

_ZIP, _CFB = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_TEXT_SUFFIXES = {".csv", ".txt", ".tsv"}
_ENCRYPTED_STREAM = "EncryptedPackage"
_WORKBOOK_STREAMS = ("Workbook", "Book")
_TAG_END = rb"""(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+>"""
_FORMULA = rb"(?:<f(?: [^<>/]*+)?(?:>[^<]*+</f>|/>))?"
_FINITE = _FORMULA + rb"<v>-?[0-9]{1,30}+(?:\.[0-9]{0,40}+)?(?:[eE][-+]?[0-9]{1,2})?</v></c>"
_SPACE = rb'(?: xml:space="preserve")?'
_TYPED = (
    rb'inlineStr"(?:><is><t' + _SPACE + rb"(?:>[^<]*+</t>|/>)</is></c>| ?/>)"
    rb'|(?:s|b|str)"(?:>' + _FORMULA + rb"<v" + _SPACE + rb">[^<]*+</v></c>| ?/>)"
    rb'|n"(?:>' + _FINITE + rb"| ?/>)"
)
_CELL_BODY = rb'(?: s="[0-9]*+")?+(?: t="(?:' + _TYPED + rb")|>(?:" + _FINITE + rb"|</c>)| ?/>)\s*+"
_ROW_HEAD = rb'(?: (?:s|[\w:]{2,}+)="[^"<]*+")*+ ?'
_HEAD = rb"(?:\xef\xbb\xbf)?(?:<\?xml[^<>]*\?>)?(?:\s*+<(?!!|[\w:]*sheetData\b)" + _TAG_END + rb")*+\s*+<sheetData>\s*+"


def _plain_sheet(columns: bytes, rows: bytes) -> re.Pattern[bytes]:
    """A worksheet as programs write it, in one pass: every number finite, every formula computed, no error, no comment.

    `columns` and `rows` are patterns that bound its extent. What does not match is no fault; it is looked at closely.
    """
    cell = rb'<c r="' + columns + rows + rb'"' + _CELL_BODY
    row = rb'<row r="' + rows + rb'"' + _ROW_HEAD + rb"(?:/>|>\s*+(?:" + cell + rb")*+</row>)\s*+"
    return re.compile(_HEAD + rb"(?:" + row + rb")*+</sheetData>")


#: Within ZZ9999 for a form, within AZ99999 for a register; neither takes more than 230 MB whatever cells it has.
_PLAIN_FORM = _plain_sheet(rb"[A-Z]{1,2}+", rb"[0-9]{1,4}+")
_PLAIN_REGISTER = _plain_sheet(rb"A?[A-Z]", rb"[0-9]{1,5}+")
#: Every alternative may end at the end of the text, so that none is tried again from each position after it.
_TAG = re.compile(
    rb"<!--(?:.*?-->|.*)|<!\[CDATA\[(?:.*?\]\]>|.*)|<\?(?:.*?\?>|.*)|"
    rb"<(?P<close>/?)(?:[\w.-]{1,40}:)?(?P<kind>row|c)(?![\w:.-])"
    rb"""(?P<attributes>(?:[^>"'/]++|/(?!>)|"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))*+)"""
    rb"(?P<empty>/?)(?:>|\Z)(?P<blank></(?:[\w.-]{1,40}:)?c\s{0,9}>)?",
    re.DOTALL,
)
_PLACE = re.compile(rb"""(?:^|[\s"'])r\s{0,9}=\s{0,9}["']([A-Za-z]*+)([0-9]++)["']""")
_OPEN_CELL = rb"<(?:\w{1,40}:)?c\b"
_ITS_PLACE = rb"""[^<>]{0,300}?\sr=["']([A-Z]+[0-9]+)["'][^<>]{0,300}"""
_ERROR_CELL = re.compile(_OPEN_CELL + rb"""(?=[^<>]{0,300}?\st=["']e["'])""" + _ITS_PLACE + rb">")
_SOME_FORMULA = rb"<(?:\w{1,40}:)?f\b(?:[^<>]{0,300}/>|[^<>]{0,300}>[^<]{0,9000}</(?:\w{1,40}:)?f>)\s{0,99}"
_IS_TEXT = rb"""[^<>]{0,300}?\st=["']str["'][^<>]{0,300}>\s{0,99}""" + _SOME_FORMULA + rb"<(?:\w{1,40}:)?v\b"
#: A formula whose value is missing; an empty text is a value.
_UNCACHED_CELL = re.compile(
    _OPEN_CELL
    + rb"(?!"
    + _IS_TEXT
    + rb")"
    + _ITS_PLACE
    + rb"(?<!/)>\s{0,99}"
    + _SOME_FORMULA
    + rb"(?:<(?:\w{1,40}:)?v\s?/>|<(?:\w{1,40}:)?v>\s{0,99}</(?:\w{1,40}:)?v>)?\s{0,99}</(?:\w{1,40}:)?c>"
)
_SHEET_TAG = re.compile(r"<(?:\w+:)?sheet\s" + r"""(?:[^>"']|"[^"]*"|'[^']*')*>""")
_RELATION_TAG = re.compile(r"<(?:\w+:)?Relationship\s" + r"""(?:[^>"']|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


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

    @cached_property
    def error_cells(self) -> frozenset[str]:
        """Addresses of cells that calamine shows as empty: a formula error, a formula never computed (xlsx only)."""
        if not self._content:
            return frozenset()
        with zipfile.ZipFile(io.BytesIO(self._content)) as archive:
            part = _find_sheet_parts(archive).get(self.name)
            xml = archive.read(part) if part else b""
        return frozenset(cell.decode() for find in (_ERROR_CELL, _UNCACHED_CELL) for cell in find.findall(xml))


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
    is_plain = _check_archive(content) if content.startswith(_ZIP) else _check_compound_file(content)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        return list(_read_cells(workbook, b"" if is_plain or not content.startswith(_ZIP) else content, is_plain))
    except PasswordError:
        raise PayloadRejectedError("encrypted_file", "the workbook asks for a password") from None
    except CalamineError as error:
        raise PayloadRejectedError("truncated_file", str(error)) from None
    except BaseException as error:  # a Rust panic inside calamine is not an Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit, PayloadRejectedError, MemoryError)):
            raise
        raise PayloadRejectedError("not_a_workbook", f"{type(error).__name__}: {error}"[:200]) from None


def _read_cells(workbook: CalamineWorkbook, content: bytes, is_plain: bool) -> Iterator[Sheet]:
    cells = 0
    for number, metadata in enumerate(workbook.sheets_metadata):
        sheet = workbook.get_sheet_by_index(number)
        cells += sheet.total_height * sheet.total_width
        if cells > MAX_CELLS:
            raise _too_far(f"sheet {metadata.name}", sheet.total_height - 1, sheet.total_width - 1)
        rows = sheet.to_python(skip_empty_area=False)
        if not is_plain:
            rows = [_spell_not_finite(row) for row in rows]
        yield Sheet(metadata.name, rows, metadata.visible != SheetVisibleEnum.Visible, False, content)


def _too_far(where: str, row: int, column: int) -> PayloadRejectedError:
    return PayloadRejectedError(
        "zip_bomb", f"{where} reaches to cell {cell_address(row, column)}; delete what is there"
    )


def _spell_not_finite(row: list[Cell]) -> list[Cell]:
    """NaN and infinity as text that a reader of figures refuses; the plain text `NaN` says "no value"."""
    return [_spell(cell) if type(cell) is float and not math.isfinite(cell) else cell for cell in row]


def _spell(number: float) -> str:
    return "#NaN" if math.isnan(number) else str(number)


# ---- xls -------------------------------------------------------------------------------------------------------------

#: BIFF records of a cell that calamine keeps; each begins with row and column. MULRK ends with its last column.
_CELL_RECORDS = {0x0006, 0x0203, 0x0204, 0x0205, 0x027E, 0x00BD, 0x00D6, 0x00FD}
_BOUND_SHEET, _END, _MULTIPLE, _DIMENSIONS = 0x0085, 0x000A, 0x00BD, 0x0200
_XLS_ROWS, _XLS_COLUMNS = 65_536, 256


def _check_compound_file(content: bytes) -> bool:
    """Refuse a password, a damaged .xls (calamine follows a sector chain that bites its tail for ever), a far cell.

    Returns False: an .xls is never known to hold only finite numbers.
    """
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
    return False


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
            raise _too_far(f"sheet number {number}", last_row, last_column)


def _check_dimensions(number: int, data: bytes) -> None:
    """calamine sets memory aside for the rectangle that the record claims; no .xls is larger than its grid."""
    _, rows, _, columns = struct.unpack_from("<IIHH" if len(data) >= 14 else "<HHHH", data)
    if rows > _XLS_ROWS or columns > _XLS_COLUMNS:
        raise _too_far(f"sheet number {number}", rows - 1, columns - 1)


def _iterate_records(stream: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The BIFF records from a position to the end of that part of the stream."""
    while start + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, start)
        yield kind, stream[start + 4 : start + 4 + length]
        if kind == _END:
            return
        start += 4 + length


# ---- xlsx ------------------------------------------------------------------------------------------------------------


def _check_archive(content: bytes) -> bool:
    """Refuse a damaged archive and one that holds no workbook or more than a form can be.

    Returns whether every sheet is plain: no error, no formula without a value, no NaN (`_plain_sheet`).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise PayloadRejectedError("truncated_file", str(error)) from None
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED_BYTES or unpacked > MAX_UNPACK_RATIO * max(len(content), 50_000):
        raise PayloadRejectedError("zip_bomb", f"{len(content):,} bytes would unpack to {unpacked:,}")
    names = {entry.filename.lower() for entry in entries}
    if "xl/workbook.xml" not in names or not names.isdisjoint({"xl/workbook.bin", "content.xml"}):
        raise PayloadRejectedError("not_a_workbook", "a ZIP file without an Excel workbook (.xlsx) in it")
    is_plain, cells = True, 0
    for entry in entries:
        part = _unpack(content, entry)
        if b"sheetData" in part and not (_PLAIN_FORM.match(part) or _PLAIN_REGISTER.match(part)):
            is_plain = False
            row, column = _find_extent(part)
            cells += (row + 1) * (column + 1)
            if cells > MAX_CELLS:
                raise _too_far(_name_part(content, entry.filename), row, column)
    return is_plain


def _unpack(content: bytes, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of an entry; an entry that unpacks to more or less than it says is damaged.

    By hand because `ZipFile.read` takes three times as long; calamine compares the checksums.
    """
    lengths = content[entry.header_offset + 26 : entry.header_offset + 30]
    start = entry.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    packed = content[start : start + entry.compress_size]
    if entry.compress_type == zipfile.ZIP_STORED:
        return packed
    try:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        part = inflate.decompress(packed, entry.file_size + 1)
    except zlib.error as error:
        raise PayloadRejectedError("truncated_file", f"{entry.filename}: {error}") from None
    if len(part) != entry.file_size or not inflate.eof:
        raise PayloadRejectedError("truncated_file", f"{entry.filename} is not of the size it says")
    return part


def _find_extent(xml: bytes) -> tuple[int, int]:
    """The last row and column that hold a value, as calamine counts: cells without `r=` follow the one before.

    A cell that has a format and no value takes no memory. (-1, -1) when there is none.
    """
    row = column = 0
    last_row = last_column = -1
    for tag in _TAG.finditer(xml):
        if tag["kind"] == b"row":
            if not tag["close"] and (place := _PLACE.search(tag["attributes"])):
                row = int(place[2]) - 1
            if tag["close"] or tag["empty"]:
                row, column = row + 1, 0
        elif tag["kind"] == b"c" and not tag["close"]:
            at = row
            for place in _PLACE.finditer(tag["attributes"]):
                at, column = int(place[2]) - 1, max(_column_index(place[1]), 0)
            if not tag["empty"] and not tag["blank"]:
                last_row, last_column = max(last_row, at), max(last_column, column)
            column += 1
    return last_row, last_column


def _column_index(letters: bytes) -> int:
    """A → 0, AA → 26; no letters → -1."""
    index = 0
    for letter in letters.upper():
        index = index * 26 + letter - 64
    return index - 1


def _name_part(content: bytes, part: str) -> str:
    """How to name a part of the workbook to a person: by its sheet, else by the part."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name, found in _find_sheet_parts(archive).items() if found == part]
    return f"sheet {names[0]}" if names else part


def _find_sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet name → part that holds it: the tabs in xl/workbook.xml, then the relationship each names."""
    parts = {name.lower(): name for name in archive.namelist()}
    relations = parts.get("xl/_rels/workbook.xml.rels")
    if relations is None:
        return {}
    targets = {
        link["Id"]: link["Target"] for link in _read_tags(archive.read(relations), _RELATION_TAG) if "Id" in link
    }
    found = {}
    for sheet in _read_tags(archive.read(parts["xl/workbook.xml"]), _SHEET_TAG):
        link = next((value for name, value in sheet.items() if name.endswith(":id")), "")
        target = targets.get(link, "").lower()
        path = target if target.startswith("xl/") else posixpath.join("/xl", target)
        if part := parts.get(posixpath.normpath(path).lstrip("/")):
            found[sheet.get("name", "")] = part
    return found


def _read_tags(xml: bytes, tag: re.Pattern[str]) -> list[dict[str, str]]:
    return [
        {name: unescape(double or single) for name, double, single in _ATTRIBUTE.findall(found)}
        for found in tag.findall(xml.decode("utf-8", "replace"))
    ]


# ---- CSV -------------------------------------------------------------------------------------------------------------


def _read_text(name: str, content: bytes) -> Sheet:
    """A CSV file with whatever of `,` `;` or tab splits its lines most evenly."""
    try:
        text, _ = decode_bytes(content)
    except UnreadableTextError as error:
        raise PayloadRejectedError("unreadable_text", str(error)) from None
    if not text.strip():
        raise PayloadRejectedError("empty_file", "only blanks")
    if text.lstrip()[:1] == "<":
        raise PayloadRejectedError("not_a_workbook", f"begins with {text.lstrip()[:20]!r}")
    rows = _split_lines(text)
    width = max((len(row) for row in rows), default=0)
    return Sheet(PurePosixPath(name).stem, [row + [""] * (width - len(row)) for row in rows], has_lines=True)


def _split_lines(text: str) -> list[list[str]]:
    """The rows of a CSV. A quote left open would swallow the rest of the table, so the whole file is refused."""
    rows: list[list[str]] = []
    start = 1
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_find_delimiter(text), strict=True)
        for row in reader:
            rows.append(row)
            start = reader.line_num + 1
    except csv.Error as error:
        raise PayloadRejectedError(
            "unreadable_text", f"line {start}: a quote opened or a cell begun here: {error}"
        ) from None
    return rows


def _find_delimiter(text: str) -> str:
    """The delimiter that splits most lines into the same number of fields; decimal commas split them unevenly."""
    lines = [line for line in text.splitlines() if line.strip()][:200]

    def evenness(mark: str) -> int:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=mark))
        return max(((width - 1) * count for width, count in widths.items()), default=0)

    return max("\t;,", key=evenness)
