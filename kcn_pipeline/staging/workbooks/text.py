"""A CSV file → one sheet, whatever its encoding and delimiter.

It must not read numbers. The surprising fact: the delimiter is the one that splits most lines alike, because decimal
commas split them unevenly.
"""

import csv
import io
from collections import Counter
from pathlib import PurePosixPath

from kcn_pipeline.staging.vietnamese import UnreadableTextError, decode_bytes
from kcn_pipeline.staging.workbooks.sheets import PayloadRejectedError, Sheet


def read_text(name: str, content: bytes) -> Sheet:
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
    short = frozenset(number for number, row in enumerate(rows) if len(row) < len(rows[0]))
    filled = [row + [""] * (width - len(row)) for row in rows]
    return Sheet(PurePosixPath(name).stem, filled, has_lines=True, short_rows=short)


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
    # A line with a cell too long to be read has no vote here; it is named when the rows are read.
    lines = [line for line in text.splitlines() if line.strip() and len(line) < csv.field_size_limit()][:200]

    def evenness(mark: str) -> int:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=mark))
        return max(((width - 1) * count for width, count in widths.items()), default=0)

    return max("\t;,", key=evenness)
