"""What cannot be opened is refused with the right reason; what can is opened whole."""

import io
import math
import struct
import subprocess
import sys
import zipfile
import zlib
from datetime import date
from pathlib import Path
from time import process_time
from typing import Any

import openpyxl
import pytest
import xlwt

from kcn_pipeline.staging.vietnamese import read_number
from kcn_pipeline.staging.workbooks import PayloadRejectedError, cell_address, read_sheets
from kcn_pipeline_tests.simulate.workbooks import Formula, Sheet, write_xlsx


def _workbook() -> bytes:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "A.III.1"
    sheet["B2"], sheet["C3"], sheet["D4"] = "Quế Võ", 1.5, date(2026, 4, 1)
    workbook.create_sheet("ẩn").sheet_state = "hidden"
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _compound_file(stream: str) -> bytes:
    """A small OLE compound file with one stream in its directory, as Office writes for a password."""
    sector = 512
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<I", 0) + b"\xff" * (4 * 108)
    fat = struct.pack("<II", 0xFFFFFFFD, 0xFFFFFFFE) + b"\xff" * (sector - 8)

    def entry(name: str, kind: int, child: int) -> bytes:
        text = name.encode("utf-16-le")
        links = struct.pack("<III", 0xFFFFFFFF, 0xFFFFFFFF, child)
        return (
            text.ljust(64, b"\0")
            + struct.pack("<HBB", len(text) + 2, kind, 1)
            + links
            + bytes(36)
            + struct.pack("<IQ", 0xFFFFFFFE, 0)
        )

    directory = entry("Root Entry", 5, 1) + entry(stream, 2, 0xFFFFFFFF)
    return header + fat + directory.ljust(sector, b"\0")


def _rule_of(name: str, content: bytes) -> str | None:
    """The rule a payload is refused by, None when it is read."""
    try:
        read_sheets(name, content)
    except PayloadRejectedError as refusal:
        return refusal.rule
    return None


BOMB = _archive({"xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": bytes(300_000_000)})

REFUSED = {
    "empty": ("a.xlsx", b"", "empty_file"),
    "truncated": ("a.xlsx", _workbook()[:2500], "truncated_file"),
    "cut late": ("a.xlsx", _workbook()[:-30], "truncated_file"),
    "pdf": ("a.xlsx", b"%PDF-1.7 not a workbook", "not_a_workbook"),
    "html": ("a.xls", b"<html><table><tr><td>1</td></tr></table></html>", "not_a_workbook"),
    "html as csv": ("a.csv", b"<html><body>login</body></html>", "not_a_workbook"),
    "word document": ("a.xlsx", _archive({"word/document.xml": b"<w/>"}), "not_a_workbook"),
    "password": ("a.xlsx", _compound_file("EncryptedPackage"), "encrypted_file"),
    "no workbook in it": ("a.xls", _compound_file("Nothing"), "truncated_file"),
    "endless sector chain": ("a.xls", _compound_file("Workbook")[:512] + bytes(2048), "truncated_file"),
    "zip bomb": ("a.xlsx", BOMB, "zip_bomb"),
    "ods": ("a.ods", _archive({"content.xml": b"<office:document-content/>"}), "not_a_workbook"),
    "xlsb": ("a.xlsb", _archive({"xl/workbook.bin": b"\x83\x01"}), "not_a_workbook"),
    "blank csv": ("a.csv", b"\xef\xbb\xbf \r\n\t\r\n", "empty_file"),
    "long field": ("a.csv", b"a,b\n1," + b"x" * 200_000, "unreadable_text"),
    "binary as csv": ("a.csv", bytes(range(256)) * 20, "unreadable_text"),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_refuses(case: str) -> None:
    name, content, rule = REFUSED[case]
    with pytest.raises(PayloadRejectedError) as refusal:
        read_sheets(name, content)
    assert refusal.value.rule == rule
    assert refusal.value.detail


def test_zip_bomb_is_small_and_never_unpacked() -> None:
    assert len(BOMB) < 400_000


def test_every_cut_of_a_workbook_is_refused_or_read() -> None:
    """Whatever byte a transfer stops at, the answer is a named refusal, never another exception."""
    content = _workbook()
    for end in range(1, len(content), 97):
        assert _rule_of("a.xlsx", content[:end]) in {"truncated_file", "not_a_workbook"}


def test_every_damaged_byte_is_refused_or_read() -> None:
    content = bytearray(_workbook())
    for position in range(0, len(content), 61):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        assert _rule_of("a.xlsx", bytes(damaged)) in {None, "truncated_file", "not_a_workbook", "zip_bomb"}


def test_reads_xlsx_with_addresses_and_hidden_sheets() -> None:
    shown, hidden = read_sheets("a.xlsx", _workbook())
    assert (shown.name, shown.is_hidden, hidden.is_hidden) == ("A.III.1", False, True)
    assert shown.rows[1][1] == "Quế Võ"
    assert shown.rows[2][2] == 1.5
    assert shown.rows[3][3] == date(2026, 4, 1)


def test_reads_xls() -> None:
    book = xlwt.Workbook()
    book.add_sheet("KCN").write(4, 2, 12.25)
    buffer = io.BytesIO()
    book.save(buffer)
    (sheet,) = read_sheets("a.xls", buffer.getvalue())
    assert sheet.rows[4][2] == 12.25


def test_finds_formula_errors_that_calamine_shows_as_empty() -> None:
    workbook = openpyxl.Workbook()
    workbook.active["B3"] = "#REF!"
    workbook.active["B3"].data_type = "e"
    workbook.active["C3"] = 1
    buffer = io.BytesIO()
    workbook.save(buffer)
    (sheet,) = read_sheets("a.xlsx", buffer.getvalue())
    assert sheet.rows[2][1] == ""
    assert sheet.error_cells == {"B3"}


@pytest.mark.parametrize(("row", "column", "address"), [(0, 0, "A1"), (13, 3, "D14"), (0, 25, "Z1"), (9, 26, "AA10")])
def test_cell_address(row: int, column: int, address: str) -> None:
    assert cell_address(row, column) == address


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_delimiter_is_found(delimiter: str) -> None:
    lines = [delimiter.join(['"a, b"', "c; d" if delimiter == "," else "c", "1"])] * 3
    (sheet,) = read_sheets("a.csv", "\r\n".join(lines).encode())
    assert [len(row) for row in sheet.rows] == [3, 3, 3]


def test_declared_sizes_do_not_hide_a_bomb() -> None:
    """An entry that lies about its size is damaged: reading stops at the lie."""
    lying = bytearray(_archive({"xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": bytes(5_000_000)}))
    packed = len(zlib.compress(bytes(5_000_000)))
    assert packed < len(lying)
    with pytest.raises(PayloadRejectedError):
        read_sheets("a.xlsx", bytes(lying))


# ---- how far a sheet reaches -----------------------------------------------------------------------------------------

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TABLE = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>' for n in range(1, 4))


def _worksheet(rows: str, root: str = f'<worksheet xmlns="{_MAIN}">') -> str:
    return f'{root}<dimension ref="A1"/><sheetData>{rows}</sheetData></worksheet>'


def _replace_parts(workbook: bytes, parts: dict[str, str | bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for name, text in parts.items():
        files[name] = text if isinstance(text, bytes) else text.encode()
    return _archive(files)


def _with_rows(rows: str) -> bytes:
    """A workbook of one sheet with these rows in its XML."""
    return _replace_parts(write_xlsx([Sheet("Biểu 1", [[1.0]])]), {"xl/worksheets/sheet1.xml": _worksheet(rows)})


FAR_SHEETS = {
    "last cell of all": _TABLE + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
    "row 15,000": _TABLE + '<row r="15000"><c r="XFD15000"><v>1</v></c></row>',
    "row of the cell only": _TABLE + '<row><c s="0" r="XFD1048576"><v>1</v></c></row>',
    "last of two references": _TABLE + '<row r="4"><c r="A4" r="XFD1048576"><v>1</v></c></row>',
    "row of the row only": _TABLE + '<row r="1048576"><c><v>1</v></c></row><row r="1"><c r="XFD1"><v>1</v></c></row>',
    "small letters, other quotes": _TABLE + "<row r='1048576'><c r = 'xfd1048576'><v>1</v></c></row>",
    "behind a comment": '<!-- <c x=" -->' + _TABLE + '<row r="9"><c r="XFD1048576"><v>1</v></c></row><!-- " -->',
    "prefixed": _TABLE + '<x:row xmlns:x="m"><x:c r="XFD1048576"><x:v>1</x:v></x:c></x:row>',
    "rows without numbers": "<row/>" * 300_000 + "<row><c><v>1</v></c></row>" + '<row><c r="ZZ2"><v>1</v></c></row>',
}


def _far_xls(row: int, column: int, sheets: int = 1) -> bytes:
    book = xlwt.Workbook()
    for number in range(sheets):
        sheet = book.add_sheet(f"S{number}")
        sheet.write(0, 0, 1)
        sheet.write(row, column, 2)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


_READ_IN_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from time import process_time
from typing import Any
from kcn_pipeline.staging.workbooks import PayloadRejectedError, read_sheets
limit = 2_000_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for file in sorted(Path(sys.argv[1]).iterdir()):
    try:
        read_sheets(file.name, file.read_bytes())
        print(file.name, "read", sep="|")
    except PayloadRejectedError as refusal:
        print(file.name, refusal.rule, refusal.detail, sep="|")
# Not ru_maxrss: it also counts what the process that started this one held.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print("peak", int(status["VmHWM"].split()[0]) // 1024, sep="|")
"""


def _read_in_little_memory(folder: Path) -> dict[str, list[str]]:
    """What becomes of each file when the process may have no more than 2 GB of addresses."""
    done = subprocess.run([sys.executable, "-c", _READ_IN_LITTLE_MEMORY, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
    return {name: said for name, *said in (line.split("|") for line in done.stdout.splitlines())}


def test_stray_cells_far_away_are_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    for name, rows in FAR_SHEETS.items():
        (tmp_path / f"{name}.xlsx").write_bytes(_with_rows(rows))
    (tmp_path / "far.xls").write_bytes(_far_xls(65535, 255))
    (tmp_path / "many.xls").write_bytes(_far_xls(9999, 199, sheets=3))
    said_size, huge_size = (struct.pack("<HHIIHHH", 0x0200, 14, 0, n, 0, m, 0) for n, m in ((2, 2), (2**32 - 1, 65535)))
    assert said_size in _far_xls(1, 1)
    lying = _far_xls(1, 1).replace(said_size, huge_size)
    (tmp_path / "lying.xls").write_bytes(lying)
    said = _read_in_little_memory(tmp_path)
    peak = int(said.pop("peak")[0])
    assert len(said) == len(FAR_SHEETS) + 3
    assert {name: rule for name, (rule, *_) in said.items() if rule != "zip_bomb"} == {}
    assert said["last cell of all.xlsx"][1].startswith("sheet Biểu 1 reaches to cell XFD1048576")
    assert said["far.xls"][1].startswith("sheet number 1 reaches to cell IV65536")
    assert peak < 400


def test_formats_far_away_hold_no_value_and_are_no_reason_to_refuse() -> None:
    content = _with_rows(_TABLE + '<row r="1048576" s="1"><c r="XFD1048576" s="1"/><c r="A1048576" s="1"></c></row>')
    (sheet,) = read_sheets("a.xlsx", content)
    assert [list(row) for row in sheet.rows] == [[1.0], [2.0], [3.0]]


def test_a_long_register_is_read() -> None:
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="T{n}"><v>1</v></c></row>' for n in range(1, 20_001))
    (sheet,) = read_sheets("a.xlsx", _with_rows(rows))
    assert (len(sheet.rows), sheet.rows[-1][0], len(sheet.rows[0])) == (20_000, 20_000.0, 20)


def test_an_entry_that_unpacks_to_more_than_it_says_is_refused() -> None:
    content = _with_rows(_TABLE)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    lying = content.replace(struct.pack("<I", size), struct.pack("<I", size - 1))
    assert lying != content
    assert _rule_of("a.xlsx", lying) == "truncated_file"


def _pack(parts: dict[str, bytes], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = options.pop("comment", b"")
        for name, part in parts.items():
            with archive.open(name, "w", **options) as entry:
                entry.write(part)
    return buffer.getvalue()


def _pipe(parts: dict[str, bytes]) -> bytes:
    """An archive written to something that cannot go back, so that sizes stand behind the data."""

    class Pipe(io.RawIOBase):
        written = b""

        def write(self, data: Any) -> int:
            self.written += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[type-var]
        for name, part in parts.items():
            archive.writestr(name, part)
    return pipe.written


def test_every_way_of_writing_an_archive_gives_the_same_sheets() -> None:
    """Regular archives are read by our own hand, all others by zipfile."""
    content = _with_rows(_TABLE)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    ways = {
        "with a comment": _pack(parts, comment=b"from the portal"),
        "with long sizes": _pack(parts, force_zip64=True),
        "with sizes behind the data": _pipe(parts),
        "with accents in a name": _pack(parts | {"docProps/ảnh.xml": b"<x/>"}),
        "behind something else": b"PK\x03\x04" + content,
    }
    (expected,) = read_sheets("a.xlsx", content)
    for way, archive_bytes in ways.items():
        (sheet,) = read_sheets("a.xlsx", archive_bytes)
        assert list(map(list, sheet.rows)) == list(map(list, expected.rows)) == [[1.0], [2.0], [3.0]], way


def test_a_digit_that_changed_on_the_way_is_refused() -> None:
    """calamine does not read a worksheet to its end and so never compares its checksum."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_with_rows(_TABLE))) as archive, zipfile.ZipFile(buffer, "w") as stored:
        for name in archive.namelist():
            stored.writestr(name, archive.read(name))
    content = buffer.getvalue()
    damaged = content.replace(b"<v>3</v>", b"<v>8</v>")
    assert (_rule_of("a.xlsx", content), damaged != content) == (None, True)
    assert _rule_of("a.xlsx", damaged) == "truncated_file"


# ---- errors, formulas, numbers that are none -------------------------------------------------------------------------


def test_error_cells_follow_the_tabs_not_the_numbers_of_the_parts() -> None:
    content = _replace_parts(
        write_xlsx([Sheet("A", [[1.0]]), Sheet("B & C", [[1.0]])]),
        {
            "xl/worksheets/sheet1.xml": _worksheet('<row r="2"><c r="B2" t="e"><v>#REF!</v></c></row>'),
            "xl/worksheets/sheet2.xml": _worksheet('<row r="3"><c t="e" r="C3"><v>#N/A</v></c></row>'),
        },
    )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        links = archive.read("xl/_rels/workbook.xml.rels").decode()
    swapped = links.replace("worksheets/sheet1.xml", "?").replace("worksheets/sheet2.xml", "/xl/worksheets/sheet1.xml")
    swapped = swapped.replace("?", "worksheets/sheet2.xml")
    straight = {sheet.name: sheet.error_cells for sheet in read_sheets("a.xlsx", content)}
    crossed = read_sheets("a.xlsx", _replace_parts(content, {"xl/_rels/workbook.xml.rels": swapped}))
    assert straight == {"A": {"B2"}, "B & C": {"C3"}}
    assert {sheet.name: sheet.error_cells for sheet in crossed} == {"A": {"C3"}, "B & C": {"B2"}}


@pytest.mark.parametrize(
    ("cell", "is_uncached"),
    [
        ('<c r="B4"><f>A1+1</f></c>', True),
        ('<c r="B4" s="1"><f>A1+1</f><v/></c>', True),
        ('<c s="1" r="B4"><f>A1+1</f><v></v></c>', True),
        ('<c r="B4"><f t="shared" si="0"/></c>', True),
        ('<c r="B4"><f>A1+1</f><v>2</v></c>', False),
        ('<c r="B4" t="str"><f>IF(A1=1,"","x")</f><v></v></c>', False),
        ('<c r="B4"/>', False),
        ('<c r="A4"/><c r="B4"><v>1</v></c>', False),
    ],
)
def test_formulas_never_computed_are_error_cells(cell: str, is_uncached: bool) -> None:
    after = '<row r="5"><c r="A5"><f>A1</f><v>1</v></c><c r="B5" t="e"><v>#N/A</v></c></row>'
    (sheet,) = read_sheets("a.xlsx", _with_rows(f'{_TABLE}<row r="4">{cell}</row>{after}'))
    assert sheet.error_cells == ({"B4", "B5"} if is_uncached else {"B5"})


def test_openpyxl_writes_formulas_without_values() -> None:
    workbook = openpyxl.Workbook()
    workbook.active["A1"], workbook.active["A2"] = 1, "=A1*2"
    buffer = io.BytesIO()
    workbook.save(buffer)
    (sheet,) = read_sheets("a.xlsx", buffer.getvalue())
    assert sheet.error_cells == {"A2"}


def test_a_computed_formula_is_no_error() -> None:
    (sheet,) = read_sheets("a.xlsx", write_xlsx([Sheet("A", [[1.0, Formula("A1*2", 2.0), None, "x"]])]))
    assert (list(sheet.rows[0]), sheet.error_cells) == ([1.0, 2.0, "", "x"], frozenset())


def test_a_number_that_is_none_becomes_text() -> None:
    values = ["NaN", "inf", "1e999", "-1e999", "9" * 400, "1.5"]
    cells = "".join(f'<c r="{letter}4"><v>{value}</v></c>' for letter, value in zip("ABCDEF", values, strict=True))
    (sheet,) = read_sheets("a.xlsx", _with_rows(f'{_TABLE}<row r="4">{cells}</row>'))
    assert list(sheet.rows[3]) == ["#NaN", "inf", "inf", "-inf", "inf", 1.5]
    assert [read_number(str(cell), None).problem for cell in sheet.rows[3]] == ["unreadable_number"] * 5 + [None]


def test_a_number_that_is_none_becomes_text_in_xls() -> None:
    book = xlwt.Workbook()
    book.add_sheet("KCN").write(0, 0, math.pi)
    buffer = io.BytesIO()
    book.save(buffer)
    content = buffer.getvalue().replace(struct.pack("<d", math.pi), struct.pack("<d", math.inf))
    (sheet,) = read_sheets("a.xls", content)
    assert sheet.rows[0][0] == "inf"


# ---- quotes in CSV ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        'a,b\n1,"x"\n2,"open\n3,4\n5,6\n',
        'a,b\n1,"x"\n2,"open\n3,"y"\n5,6\n',
    ],
)
def test_a_quote_left_open_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(PayloadRejectedError) as refusal:
        read_sheets("a.csv", text.encode())
    assert refusal.value.rule == "unreadable_text"
    assert refusal.value.detail.startswith("line 3:")


def test_a_quoted_line_break_is_no_open_quote() -> None:
    (sheet,) = read_sheets("a.csv", b'a,b\n"1\n2","say ""x"""\n')
    assert list(sheet.rows[1]) == ["1\n2", 'say "x"']


@pytest.mark.parametrize("piece", ["<c ", '<c t="e" ', "<!--", "<![CDATA[", "<c a='", '<c r="A1"><f>'])
def test_a_worksheet_that_never_closes_its_tags_is_refused_at_once(piece: str) -> None:
    """Looking for the end of each tag anew would take minutes for 400 KB."""
    start = process_time()
    assert _rule_of("a.xlsx", _with_rows("".join([piece] * 50_000))) in {None, "truncated_file", "zip_bomb"}
    assert process_time() - start < 5
