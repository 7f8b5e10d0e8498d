"""Files that are not what their name says: cut off, locked with a password, a bomb, a PDF, a web page.

It must not know what the file was meant to report. The surprising fact: the bomb is a real one, a thousand times
smaller than what it unpacks to, because a reader may rightly open a small file that merely claims to be large.
"""

import io
import struct
import zipfile
from functools import lru_cache

from kcn_pipeline_tests.simulate.workbooks import Sheet, write_xlsx, zip_parts

_FREE, _END, _FAT_SECTOR = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def cut_off(content: bytes) -> bytes:
    """The first six tenths of a file, as after a broken transfer."""
    return content[: len(content) * 6 // 10]


@lru_cache(maxsize=1)
def bomb() -> bytes:
    """A workbook of a quarter of a megabyte whose only sheet unpacks to 250 MB of blanks."""
    parts = [(name, content) for name, content in _parts_of_a_workbook() if "sheet1" not in name]
    buffer = io.BytesIO(zip_parts(parts))
    with zipfile.ZipFile(buffer, "a") as archive:
        info = zipfile.ZipInfo("xl/worksheets/sheet1.xml", (1980, 1, 1, 0, 0, 0))
        info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 0
        with archive.open(info, "w") as sheet:
            for _ in range(250):
                sheet.write(b" " * 1_000_000)
    return buffer.getvalue()


def _parts_of_a_workbook() -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(write_xlsx([Sheet("A.III.1", [["Mẫu A.III.1"]])]))) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def fake_pdf() -> bytes:
    """A PDF without pages."""
    return b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def fake_html() -> bytes:
    """A web page with a table, as some report systems export `Excel`."""
    return "<html><body><table><tr><td>Mẫu A.III.1</td></tr></table></body></html>\n".encode()


def locked() -> bytes:
    """A compound file as Excel writes it for a workbook with a password: two streams, none readable (MS-OFFCRYPTO)."""
    streams = [("EncryptionInfo", b"\x04\x00\x04\x00\x40\x00\x00\x00"), ("EncryptedPackage", b"\x00" * 16)]
    sectors: list[bytes] = []
    fat = [_FAT_SECTOR]
    starts = []
    for _, data in streams:
        padded = data.ljust(4096, b"\x00")
        starts.append(1 + len(sectors))
        chain = range(starts[-1] + 1, starts[-1] + len(padded) // 512)
        fat += [*chain, _END]
        sectors += [padded[at : at + 512] for at in range(0, len(padded), 512)]
    directory = 1 + len(sectors)
    fat.append(_END)
    entries = [_entry("Root Entry", 5, 1, _END, 0)]
    entries.append(_entry(streams[0][0], 2, _FREE, starts[0], 4096, right=2))
    entries.append(_entry(streams[1][0], 2, _FREE, starts[1], 4096))
    entries.append(_entry("", 0, _FREE, 0, 0))
    table = struct.pack("<128I", *fat, *[_FREE] * (128 - len(fat)))
    return _header(directory) + table + b"".join(sectors) + b"".join(entries)


def _header(directory: int) -> bytes:
    """The header of a compound file of version 3 with one table sector, its number being 0."""
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 16
    head += struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + b"\x00" * 6
    head += struct.pack("<9I", 0, 1, directory, 0, 4096, _END, 0, _END, 0)
    return head + struct.pack("<109I", 0, *[_FREE] * 108)


def _entry(name: str, kind: int, child: int, start: int, size: int, right: int = _FREE) -> bytes:
    """A directory entry: name, kind (5 root, 2 stream, 0 unused), siblings, child, first sector and size."""
    encoded = name.encode("utf-16-le") + b"\x00\x00" if name else b""
    entry = encoded.ljust(64, b"\x00") + struct.pack("<HBB", len(encoded), kind, 1)
    entry += struct.pack("<3I", _FREE, right, child) + b"\x00" * 36
    return entry + struct.pack("<IQ", start, size)
