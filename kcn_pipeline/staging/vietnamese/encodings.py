"""Bytes of text files (CSV exports, pasted tables) → text, with the name of the encoding that was found.

It must not look at columns, dates or numbers, and it never guesses silently: what fits no encoding raises. The
surprising fact: a file of single bytes fits several encodings, so the one whose words are Vietnamese is taken.
"""

import re
import unicodedata

from kcn_pipeline.staging.vietnamese.legacy import LegacyEncoding, decode_legacy
from kcn_pipeline.staging.vietnamese.syllables import IMPOSSIBLE, weigh_word


class UnreadableTextError(ValueError):
    """The bytes are not text: a workbook, a PDF, a picture, or text damaged on the way."""


#: Four-byte marks of what people upload with the ending .csv, for a message that says what it is.
_FILE_MARKS = {
    b"PK\x03\x04": "an Excel workbook or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff\xe0": "a picture",
    b"\x1f\x8b\x08": "a gzip archive",
}
_UTF16_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
#: Control characters that no text has; tab, line ends, form feed and the old end-of-file mark 0x1A may occur.
CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x19\x1b-\x1f\x7f]")
_WORD = re.compile(r"[^\W\d_]+")
_LEGACY: tuple[LegacyEncoding, ...] = ("tcvn3", "vni")
_FIELD = re.compile(r'[^\t\r\n;,"]+')


def decode_bytes(content: bytes, *, keep_controls: bool = False) -> tuple[str, str]:
    """Text (without byte order mark) and encoding of a text file; the same bytes always give the same answer.

    Encodings: utf-8, utf-8-sig, utf-16-le, utf-16-be (with or without mark), cp1258 (in NFC), tcvn3, vni, cp1252.
    Raises UnreadableTextError for binary content and for UTF-8 that was damaged at a few places. A control character
    raises it too, unless the caller takes care of them (`keep_controls`).
    """
    for mark, what in _FILE_MARKS.items():
        if content.startswith(mark):
            raise UnreadableTextError(f"this is {what}, not a text file; upload it under its own ending")
    text, encoding = _decode_unicode(content) or _decode_single_bytes(content)
    # Word's line break within a paragraph, which comes along when people paste an answer.
    text = text.replace("\x0b", " ")
    control = None if keep_controls else CONTROL.search(text)
    if control:
        raise UnreadableTextError(f"not a text file: control character 0x{ord(control[0]):02x} at {control.start()}")
    return text, encoding


def _decode_unicode(content: bytes) -> tuple[str, str] | None:
    """UTF-8 or UTF-16, or None when the bytes must be one of the single-byte encodings."""
    mark = content[:2]
    if mark in _UTF16_MARKS:
        return _decode_utf16(content[2:], _UTF16_MARKS[mark])
    if b"\0" in content:
        return _decode_unmarked_utf16(content)
    try:
        encoding = "utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "utf-8"
        return content.decode(encoding), encoding
    except UnicodeDecodeError as error:
        _refuse_damaged_utf8(content, error.start)
        return None


def _decode_utf16(content: bytes, encoding: str) -> tuple[str, str]:
    try:
        return content.decode(encoding), encoding
    except UnicodeDecodeError as error:
        raise UnreadableTextError(f"neither text nor {encoding}: {error.reason} at byte {error.start}") from None


def _decode_unmarked_utf16(content: bytes) -> tuple[str, str]:
    """The byte order in which more plain letters, digits and separators come out: every eighth character at least."""
    plain = {name: _count_plain(content, name) for name in ("utf-16-le", "utf-16-be")}
    best = max(plain, key=lambda name: plain[name])
    if plain[best] * 16 < len(content) or plain[best] * 2 < content.count(0):
        raise UnreadableTextError(f"not a text file: zero byte at {content.index(0)}")
    return _decode_utf16(content, best)


def _count_plain(content: bytes, encoding: str) -> int:
    return sum(" " <= letter <= "~" or letter in "\t\r\n" for letter in content.decode(encoding, errors="replace"))


def _refuse_damaged_utf8(content: bytes, start: int) -> None:
    """Raise when nearly all non-ASCII letters are good UTF-8: reading it as cp1252 would be silent rubbish."""
    text = content.decode("utf-8", errors="replace")
    damaged = text.count("\ufffd")
    if sum(letter > "\x7f" for letter in text) > 5 * damaged:
        raise UnreadableTextError(f"the file is UTF-8 but damaged at byte {start}; save it as UTF-8 and send it again")


def _decode_single_bytes(content: bytes) -> tuple[str, str]:
    """The reading with the most Vietnamese and the fewest impossible words; cp1252 where no reading is better."""
    candidates: dict[str, str] = {}
    for encoding in ("cp1252", "cp1258"):
        try:
            candidates[encoding] = unicodedata.normalize("NFC", content.decode(encoding))
        except UnicodeDecodeError:
            continue  # a byte that this code page does not define
    if "cp1252" in candidates:
        candidates |= {legacy: _decode_fields(candidates["cp1252"], legacy) for legacy in _LEGACY}
    if not candidates:
        raise UnreadableTextError("not a text file: its bytes fit none of UTF-8, UTF-16, cp1258, TCVN3, VNI, cp1252")
    best = max(candidates, key=lambda encoding: _weigh(candidates[encoding]))
    return candidates[best], best


def _decode_fields(text: str, encoding: LegacyEncoding) -> str:
    return _FIELD.sub(lambda field: decode_legacy(field[0], encoding, pure=True), text)


def _weigh(text: str) -> int:
    """Everyday words count 3, possible words 1, impossible words -1; plain ASCII words decide nothing."""
    weights = [weigh_word(word) for word in set(_WORD.findall(text)) if not word.isascii()]
    return sum(weights) - weights.count(IMPOSSIBLE)
