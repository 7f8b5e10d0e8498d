"""What a ZIP archive holds: its entries, their bytes unpacked, and an archive in which nothing is packed.

It must not know a workbook. The surprising fact: nearly every archive has a directory so regular that reading it here
takes a third of the time of `zipfile`, which is left to read all others.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from kcn_pipeline.staging.workbooks.sheets import PayloadRejectedError

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
#: Levels of packing, sizes that follow the data, names in UTF-8: nothing to mind for who goes by the directory.
_USUAL_FLAGS = 0x0002 | 0x0004 | 0x0008 | 0x0800
_USUAL_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: The last version of the format that zipfile reads; the version and the day (1 January 1980) that are written.
_LAST_VERSION, _VERSION, _DAY = 63, 20, 0x21
#: A part of up to so many bytes, packed and unpacked, may be remembered.
_SMALL_PACKED, _SMALL = 4_000, 40_000


class Entry(NamedTuple):
    """An entry as the directory describes it; `start` is the position of its header, sizes are in bytes."""

    name: str
    method: int
    crc: int
    packed_size: int
    size: int
    start: int


def list_entries(content: bytes) -> tuple[list[Entry], bool]:
    """The entries of an archive, and whether it is a regular one; raises PayloadRejectedError for a damaged one."""
    entries = _list_regular(content)
    if entries is not None:
        return entries, True
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [_describe(info) for info in archive.infolist()], False
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise PayloadRejectedError("truncated_file", str(error)) from None


def _describe(info: zipfile.ZipInfo) -> Entry:
    return Entry(info.filename, info.compress_type, info.CRC, info.compress_size, info.file_size, info.header_offset)


def _list_regular(content: bytes) -> list[Entry] | None:
    """The entries of one volume without comment and ZIP64, its directory right before its end; None for any other."""
    end = len(content) - _END.size
    if end < 0:
        return None
    mark, disk, first_disk, here, total, size, at, comment = _END.unpack_from(content, end)
    if (mark, disk, first_disk, comment) != (_END_MARK, 0, 0, 0) or here != total or at + size != end:
        return None
    entries = []
    for _ in range(total):
        entry = _read_regular(content, at, end)
        if entry is None:
            return None
        entries.append(entry)
        at += _CENTRAL.size + len(entry.name)
    return entries if at == end else None


def _read_regular(content: bytes, at: int, end: int) -> Entry | None:
    """The entry that a directory holds at a position, None when there is anything unusual about it."""
    if at + _CENTRAL.size > end:
        return None
    mark, _, version, flags, method, _, _, crc, packed_size, size, length, extra, comment, disk, _, _, start = (
        _CENTRAL.unpack_from(content, at)
    )
    at += _CENTRAL.size
    name = content[at : at + length]
    is_usual = (mark, extra, comment, disk) == (_CENTRAL_MARK, 0, 0, 0) and version <= _LAST_VERSION
    if not is_usual or flags & ~_USUAL_FLAGS or method not in _USUAL_METHODS or not name.isascii() or 0 in name:
        return None
    return Entry(name.decode("ascii"), method, crc, packed_size, size, start)


def unpack(content: bytes, entry: Entry) -> bytes:
    """The bytes of an entry; raises PayloadRejectedError when they are not what the directory says.

    By hand because `ZipFile.read` takes three times as long. The checksum is compared here because calamine does not
    read a worksheet to the end: a digit that changed on the way would become a figure.
    """
    if content[entry.start : entry.start + 4] != _LOCAL_MARK:
        raise PayloadRejectedError("truncated_file", f"{entry.name} is not where it should be")
    lengths = content[entry.start + 26 : entry.start + 30]
    start = entry.start + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    packed = content[start : start + entry.packed_size]
    try:
        part = packed if entry.method == zipfile.ZIP_STORED else _inflate(packed, entry.size)
    except zlib.error as error:
        raise PayloadRejectedError("truncated_file", f"{entry.name}: {error}") from None
    if part is None or len(part) != entry.size:
        raise PayloadRejectedError("truncated_file", f"{entry.name} is not of the size it says")
    if zlib.crc32(part) != entry.crc:
        raise PayloadRejectedError("truncated_file", f"{entry.name} is not what was packed (checksum)")
    return part


def _inflate(packed: bytes, size: int) -> bytes | None:
    """The unpacked bytes, None when there are more or fewer of them than said; raises zlib.error."""
    is_small = len(packed) <= _SMALL_PACKED and size <= _SMALL
    return _inflate_small(packed, size) if is_small else _inflate_any(packed, size)


def _inflate_any(packed: bytes, size: int) -> bytes | None:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    part = inflate.decompress(packed, size + 1)
    return part if inflate.eof else None


#: Theme, styles, relationships: most parts of a workbook are, byte by byte, those of the one before.
_inflate_small = lru_cache(maxsize=100)(_inflate_any)


def store(parts: Iterable[tuple[Entry, bytes]]) -> bytes:
    """A regular archive of these entries in which nothing is packed."""
    pieces: list[bytes] = []
    directory: list[bytes] = []
    at = 0
    for entry, part in parts:
        name, size = entry.name.encode("ascii"), len(part)
        pieces += _LOCAL.pack(_LOCAL_MARK, _VERSION, 0, 0, 0, _DAY, entry.crc, size, size, len(name), 0), name, part
        directory += _CENTRAL.pack(
            _CENTRAL_MARK, _VERSION, _VERSION, 0, 0, 0, _DAY, entry.crc, size, size, len(name), 0, 0, 0, 0, 0, at
        ), name  # fmt: skip
        at += _LOCAL.size + len(name) + size
    listed = b"".join(directory)
    end = _END.pack(_END_MARK, 0, 0, len(directory) // 2, len(directory) // 2, len(listed), at, 0)
    return b"".join([*pieces, listed, end])
