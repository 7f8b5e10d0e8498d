"""Sheets as grids of cells, written as xlsx, xls or CSV, byte for byte the same each time.

It must not know a form or a register. The surprising fact: the xlsx is put together here from strings, because the
usual libraries cannot write what real files hold: a formula with its cached value, or a cell that is `#REF!`.
"""

import io
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from xml.sax.saxutils import escape

import xlwt

_EPOCH = date(1899, 12, 30)
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Formula:
    """A formula and the value that the program which saved the file had computed for it."""

    text: str
    cached: float | str


@dataclass(frozen=True)
class CellError:
    """A cell that shows an error such as `#REF!`."""

    code: str


Value = None | str | int | float | bool | date | Formula | CellError


@dataclass
class Sheet:
    """A grid: `rows[r][c]` is a cell, counted from 0. `merges` are (first row, first column, last row, last column)."""

    name: str
    rows: list[list[Value]] = field(default_factory=list)
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)

    def insert_column(self, at: int, values: Sequence[Value]) -> None:
        """Put a column before column `at`; merged cells stay where they were and the title block is not shifted."""
        for row, value in zip(self.rows, values, strict=True):
            row.extend([None] * (at - len(row)))
            row.insert(at, value)


@dataclass(frozen=True)
class CsvFormat:
    """How a CSV is written: delimiter, encoding (with its byte order mark, if any) and the decimal sign."""

    delimiter: str
    encoding: str
    decimal: str = "."


def column_name(index: int) -> str:
    """The letters of a column counted from 0: 0 is A, 26 is AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def cell_name(row: int, column: int) -> str:
    """The name of a cell, such as `D14`, from its row and column counted from 0."""
    return f"{column_name(column)}{row + 1}"


def zip_parts(parts: Sequence[tuple[str, bytes]]) -> bytes:
    """A zip whose times and attributes never change."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts:
            info = zipfile.ZipInfo(name, _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 0
            archive.writestr(info, content)
    return buffer.getvalue()


# ---- xlsx ------------------------------------------------------------------------------------------------------------

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
#: Style 0 is plain, style 1 a date dd/mm/yyyy, style 2 text with line breaks.
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/></numFmts>'
    '<fonts count="1"><font><sz val="11"/><name val="Times New Roman"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" applyAlignment="1"><alignment wrapText="1"/></xf>'
    "</cellXfs>"
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def write_xlsx(sheets: Sequence[Sheet]) -> bytes:
    """An Excel workbook."""
    numbers = range(1, len(sheets) + 1)
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_SPREADSHEET}.worksheet+xml"/>'
        for n in numbers
    )
    listed = "".join(
        f'<sheet name="{escape(sheet.name[:31], {chr(34): "&quot;"})}" sheetId="{n}" r:id="rId{n}"/>'
        for n, sheet in zip(numbers, sheets, strict=True)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    parts = [
        (
            "[Content_Types].xml",
            f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_SPREADSHEET}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_SPREADSHEET}.styles+xml"/>{types}</Types>',
        ),
        (
            "_rels/.rels",
            f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
            f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        ),
        (
            "xl/workbook.xml",
            f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{listed}</sheets></workbook>',
        ),
        (
            "xl/_rels/workbook.xml.rels",
            f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{links}<Relationship Id="rId{len(sheets) + 1}" '
            f'Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>',
        ),
        ("xl/styles.xml", _STYLES),
        *((f"xl/worksheets/sheet{n}.xml", _sheet_xml(sheet)) for n, sheet in zip(numbers, sheets, strict=True)),
    ]
    return zip_parts([(name, text.encode()) for name, text in parts])


def _sheet_xml(sheet: Sheet) -> str:
    rows = []
    for number, row in enumerate(sheet.rows):
        cells = "".join(_cell_xml(cell_name(number, column), value) for column, value in enumerate(row))
        hidden = ' hidden="1"' if number in sheet.hidden_rows else ""
        if cells or hidden:
            rows.append(f'<row r="{number + 1}"{hidden}>{cells}</row>')
    merges = "".join(
        f'<mergeCell ref="{cell_name(top, left)}:{cell_name(bottom, right)}"/>'
        for top, left, bottom, right in sheet.merges
    )
    merged = f'<mergeCells count="{len(sheet.merges)}">{merges}</mergeCells>' if merges else ""
    return f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>{"".join(rows)}</sheetData>{merged}</worksheet>'


def _cell_xml(name: str, value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{name}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{name}"><v>{value!r}</v></c>'
    if isinstance(value, date):
        return f'<c r="{name}" s="1"><v>{(value - _EPOCH).days}</v></c>'
    if isinstance(value, Formula):
        if isinstance(value.cached, str):
            return f'<c r="{name}" t="str"><f>{escape(value.text)}</f><v>{escape(value.cached)}</v></c>'
        return f'<c r="{name}"><f>{escape(value.text)}</f><v>{value.cached!r}</v></c>'
    if isinstance(value, CellError):
        return f'<c r="{name}" t="e"><v>{value.code}</v></c>'
    style = ' s="2"' if "\n" in value else ""
    space = ' xml:space="preserve"' if value != value.strip() or "\n" in value else ""
    return f'<c r="{name}"{style} t="inlineStr"><is><t{space}>{escape(value)}</t></is></c>'


# ---- xls -------------------------------------------------------------------------------------------------------------

_XLS_DATE = xlwt.easyxf(num_format_str="DD/MM/YYYY")
_XLS_PLAIN = xlwt.Style.default_style


def write_xls(sheets: Sequence[Sheet]) -> bytes:
    """An Excel 97-2003 workbook; it holds values only (a formula is written as its cached value)."""
    book = xlwt.Workbook(encoding="utf-8")
    for sheet in sheets:
        page = book.add_sheet(sheet.name[:31])
        covered = {(r, c): m for m in sheet.merges for r in range(m[0], m[2] + 1) for c in range(m[1], m[3] + 1)}
        for number, row in enumerate(sheet.rows):
            for column, value in enumerate(row):
                shown = value.cached if isinstance(value, Formula) else value
                if shown is None or isinstance(shown, CellError):
                    continue
                style = _XLS_DATE if isinstance(shown, date) else _XLS_PLAIN
                merge = covered.get((number, column))
                if merge and merge[:2] == (number, column):
                    page.write_merge(merge[0], merge[2], merge[1], merge[3], shown, style)
                elif not merge:
                    page.write(number, column, shown, style)
            if number in sheet.hidden_rows:
                page.row(number).hidden = True
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


# ---- CSV -------------------------------------------------------------------------------------------------------------


def write_csv(sheet: Sheet, style: CsvFormat) -> bytes:
    """The cells as text, one line per row; the encoding is that of Python, `utf-8-sig` and `utf-16` write a mark."""
    width = max((len(row) for row in sheet.rows), default=0)
    lines = []
    for row in sheet.rows:
        cells = [_quote(_csv_text(value, style), style.delimiter) for value in row]
        lines.append(style.delimiter.join(cells + [""] * (width - len(row))))
    text = "\r\n".join(lines) + "\r\n"
    if style.encoding == "cp1258":
        return _encode_cp1258(text)
    if style.encoding == "utf-16":
        return b"\xff\xfe" + text.encode("utf-16-le")
    return text.encode(style.encoding)


def _csv_text(value: Value, style: CsvFormat) -> str:
    if value is None:
        return ""
    if isinstance(value, Formula):
        value = value.cached
    if isinstance(value, CellError):
        return value.code
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y")
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".").replace(".", style.decimal)
    return str(value)


def _quote(text: str, delimiter: str) -> str:
    if any(mark in text for mark in (delimiter, '"', "\n", "\r")):
        return '"' + text.replace('"', '""') + '"'
    return text


#: Windows-1258 has base letters with a circumflex, breve or horn, and the five tones as characters of their own.
_TONES = "\u0300\u0301\u0303\u0309\u0323"


def _encode_cp1258(text: str) -> bytes:
    encoded = []
    for letter in unicodedata.normalize("NFC", text):
        try:
            encoded.append(letter.encode("cp1258"))
            continue
        except UnicodeEncodeError:
            parts = unicodedata.normalize("NFD", letter)
        tone = "".join(part for part in parts if part in _TONES)
        base = unicodedata.normalize("NFC", "".join(part for part in parts if part not in _TONES))
        encoded.append((base + tone).encode("cp1258"))
    return b"".join(encoded)
