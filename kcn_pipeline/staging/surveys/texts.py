"""A CSV file of answers that `workbooks` refuses, read all the same: control characters in cells, very long cells.

It must not know a question. The surprising fact: Python's csv module has one limit to the length of a cell for the
whole process, so that such a file is split here; quotes mean exactly what they mean there.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from kcn_pipeline.staging.vietnamese import UnreadableTextError, decode_bytes
from kcn_pipeline.staging.vietnamese.encodings import CONTROL
from kcn_pipeline.staging.workbooks import Sheet, cell_address

#: Thirty times what a cell of Excel holds; masking takes seconds for such a text.
MAX_CELL_CHARACTERS = 1_000_000
#: More than one control character in so many characters is no text.
_CONTROLS_APART = 10
#: So many rows tell the delimiter.
_LOOKED_AT = 200
#: Where in a file its decoder stopped.
_POSITION = re.compile(r"at (?:byte )?(\d+)")


class RefusedTextError(ValueError):
    """A text file that cannot be read. `line` is where, counted from 1; `said` fills the text of the rule."""

    def __init__(self, rule: str, line: int | None = None, **said: Any) -> None:
        self.rule, self.line, self.said = rule, line, said
        super().__init__(f"{rule}: line {line}")


@dataclass(frozen=True)
class ReadText:
    """The sheet of a text file, and the addresses of the cells whose control characters became blanks."""

    sheet: Sheet
    controls: list[str]


def read_damaged_text(content: bytes) -> ReadText:
    """A text file with control characters as blanks and cells of up to MAX_CELL_CHARACTERS.

    Raises RefusedTextError: `unreadable_text` (no text, or damaged), `open_quote` (it is not clear where a cell ends),
    `cell_too_long`. No message of it quotes the file.
    """
    text = _decode(content)
    rows = list(_split(text, _find_delimiter(text)))
    controls = []
    for number, row in enumerate(rows):
        for at, cell in enumerate(row):
            if CONTROL.search(cell):
                row[at] = CONTROL.sub(" ", cell)
                controls.append(cell_address(number, at))
    width = max((len(row) for row in rows), default=0)
    short = frozenset(number for number, row in enumerate(rows) if len(row) < len(rows[0]))
    filled = [row + [""] * (width - len(row)) for row in rows]
    return ReadText(Sheet("", filled, has_lines=True, short_rows=short), controls)


def _decode(content: bytes) -> str:
    """The text, control characters and all; a byte 0 counts as one of them unless the file is UTF-16."""
    try:
        try:
            text, _ = decode_bytes(content, keep_controls=True)
        except UnreadableTextError:
            if b"\0" not in content:
                raise
            text, _ = decode_bytes(content.replace(b"\0", b"\1"), keep_controls=True)
    except UnreadableTextError as error:
        found = _POSITION.search(str(error))
        line = content.count(b"\n", 0, int(found[1])) + 1 if found else None
        raise RefusedTextError("unreadable_text", line, detail=str(error)) from None
    controls = len(CONTROL.findall(text))
    if controls * _CONTROLS_APART > len(text):
        raise RefusedTextError("unreadable_text", detail=f"{controls:,} of {len(text):,} are control characters")
    return text


# ---- rows and cells --------------------------------------------------------------------------------------------------


@lru_cache
def _cell_of(delimiter: str) -> re.Pattern[str]:
    """One cell and what ends it: quoted, with quotes in it doubled, or plain."""
    return re.compile(
        rf'(?:"(?P<quoted>(?:[^"]++|"")*+)"|(?P<plain>(?!")[^{delimiter}\r\n]*+))(?P<end>{delimiter}|\r\n?|\n|\Z)'
    )


def _split(text: str, delimiter: str) -> Iterator[list[str]]:
    """The rows of a text; raises RefusedTextError where a quote is not closed before the next cell, or a cell is too
    long."""
    cell = _cell_of(delimiter)
    row: list[str] = []
    at = start = 0
    while at < len(text):
        match = cell.match(text, at)
        if match is None:
            raise RefusedTextError("open_quote", _line_of(text, start))
        if match.end() - at > MAX_CELL_CHARACTERS:
            line = _line_of(text, start)
            raise RefusedTextError("cell_too_long", line, found=match.end() - at, expected=MAX_CELL_CHARACTERS)
        quoted = match["quoted"]
        row.append(match["plain"] if quoted is None else quoted.replace('""', '"'))
        at = match.end()
        if match["end"] != delimiter:
            yield row
            row, start = [], at
    if row:
        yield [*row, ""]


def _line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _find_delimiter(text: str) -> str:
    """The delimiter that splits most rows into the same number of cells; decimal commas split them unevenly."""

    def evenness(delimiter: str) -> int:
        widths: Counter[int] = Counter()
        # Rows before a damaged one have their vote; which one that is, is told when the rows are read.
        with suppress(RefusedTextError):
            widths.update(len(row) for row in islice(_split(text, delimiter), _LOOKED_AT))
        return max(((width - 1) * count for width, count in widths.items()), default=0)

    return max("\t;,", key=evenness)
