"""What cannot be opened is refused with the right reason; what can is opened whole."""

import io
import struct
import zipfile
import zlib
from datetime import date

import openpyxl
import pytest
import xlwt

from kcn_pipeline.staging.workbooks import PayloadRejectedError, cell_address, read_sheets


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
