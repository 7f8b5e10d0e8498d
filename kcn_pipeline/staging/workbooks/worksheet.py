"""The XML of one worksheet: whether it is plain, how far it reaches, and which of its cells show an error.

It must not unpack anything. The surprising fact: nearly every worksheet is told harmless by a single pattern, which
describes the whole of it as programs write it; only what does not match is looked at tag by tag.
"""

import re

_TAG_END = rb"""(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+>"""
#: `(?:x|)` is `(?:x)?` to `re`, only faster.
_FORMULA = rb"(?:<f(?: [^<>/]*+|)(?:>[^<]*+</f>|/>)|)"
_FINITE = _FORMULA + rb"<v>-?[0-9]{1,30}+(?:\.[0-9]{0,40}+|)(?:[eE][-+]?[0-9]{1,2}|)</v></c>"
_SPACE = rb'(?: xml:space="preserve"|)'
_TYPED = (
    rb'inlineStr"(?:><is><t' + _SPACE + rb"(?:>[^<]*+</t>|/>)</is></c>| ?/>)"
    rb'|(?:s|b|str)"(?:>' + _FORMULA + rb"<v" + _SPACE + rb">[^<]*+</v></c>| ?/>)"
    rb'|n"(?:>' + _FINITE + rb"| ?/>)"
)
_CELL_BODY = rb'(?: s="[0-9]*+"|)(?: t="(?:' + _TYPED + rb")|>(?:" + _FINITE + rb"|</c>)| ?/>)\s*+"
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


def is_plain(xml: bytes) -> bool:
    """Whether a worksheet holds no error, no formula without a value, no NaN, and reaches nowhere near its end."""
    return (_PLAIN_FORM.match(xml) or _PLAIN_REGISTER.match(xml)) is not None


def find_errors(xml: bytes) -> frozenset[str]:
    """Addresses of the cells that show an error, and of formulas that were never computed."""
    return frozenset(cell.decode() for find in (_ERROR_CELL, _UNCACHED_CELL) for cell in find.findall(xml))


def find_extent(xml: bytes) -> tuple[int, int]:
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
