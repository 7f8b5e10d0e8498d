"""A page of KoboToolbox as bytes → its submissions, the id of its form, and what of it could not be read.

It must not know a question. The surprising fact: JSON lets an object have a key twice and Python takes the last one in
silence; the keys of a page are counted in its bytes, which costs next to nothing, and only where there are more of them
than were read is the page parsed again with an eye on each.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kcn_pipeline.findings import Place

#: How pages are called that landed from a server, or were saved like that.
_NAME = re.compile(r"(?:.*/)?(?P<form>[^/]+)/(?P<part>data|listing)-[0-9]+\.json")
#: Half a character beyond the basic plane (an emoji), as an escape; and what goes before it that is none.
_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")
_HALF = re.compile(
    r"(?P<before>(?:[^\\]++|\\[^u]|\\u(?![dD][89a-fA-F])|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*+)"
    r"(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})?",
    re.DOTALL,
)
#: Strings, brackets and marks of JSON; all else does not tell where a value ends.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},:]', re.DOTALL)
#: What the server adds to a submission that has keys of its own.
_WITH_KEYS = ("_validation_status", "_attachments")
_CONTAINERS = frozenset([dict, list])
_QUOTE, _COLON = b'":'


class NotFinite(str):
    """NaN or Infinity, which JSON does not know: no text and no number."""


class Repeated(dict[str, Any]):
    """An object with keys that stand in it twice; `said` has all their values."""

    said: list[tuple[str, Any]]


class _Unreadable:
    """Stands for a submission that cannot be parsed: nested too deep, a number of thousands of digits."""


class PageError(ValueError):
    """What came is no page; `rule` says what is wrong with it, `detail` where or what is missing. It quotes nothing."""

    def __init__(self, rule: str, detail: str, line: int | None = None) -> None:
        self.rule, self.detail, self.line = rule, detail, line
        super().__init__(f"{rule}: {detail}")


@dataclass(frozen=True)
class Page:
    """A page: its submissions by their number from 1, the id of its form where it is known, whether it is a listing.

    The other numbers are those of entries that are no objects, that cannot be parsed, and that hold NaN or Infinity.
    """

    rows: list[tuple[int, dict[str, Any]]]
    form_uid: str | None
    is_listing: bool
    no_objects: list[int]
    unreadable: list[int]
    not_finite: list[int]


def open_page(place: Place, content: bytes, metadata: Mapping[str, Any]) -> Page:
    """The page that a payload is; raises PageError when it is none."""
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PageError("unreadable_survey", f"{error.encoding}: byte {error.start}", line) from None
    if _ESCAPED.search(text):
        # Half of a pair of escapes is no character, and cannot be stored.
        text = _without_halves(text)
    entries, constants = _parse(text, content)
    read = list(enumerate(entries, start=1))
    rows = [(number, row) for number, row in read if isinstance(row, dict)]
    named = _NAME.fullmatch(place.file)
    form = metadata.get("form") or (named["form"] if named else None) or _form_in(rows)
    part = metadata.get("part") or (named["part"] if named else None)
    return Page(
        rows,
        form,
        part == "listing",
        no_objects=[number for number, row in read if not isinstance(row, (dict, _Unreadable))],
        unreadable=[number for number, row in read if isinstance(row, _Unreadable)],
        not_finite=[number for number, row in rows if _holds_constant(row)] if constants else [],
    )


def _form_in(rows: list[tuple[int, dict[str, Any]]]) -> str | None:
    """The id of the form that submissions themselves tell."""
    form = rows[0][1].get("_xform_id_string") if rows else None
    return form if type(form) is str and form else None


def _without_halves(text: str) -> str:
    pieces: list[str] = []
    at = 0
    while at < len(text):
        match = _HALF.match(text, at)
        if match is None or match.end() == at:
            # An escape that was cut; the parser tells it.
            return "".join([*pieces, text[at:]])
        pieces += [match["before"], "?" if match["half"] else ""]
        at = match.end()
    return "".join(pieces)


# ---- parsing ---------------------------------------------------------------------------------------------------------


def _parse(text: str, content: bytes) -> tuple[list[Any], bool]:
    """The entries of a page, and whether NaN or Infinity occurs; raises PageError."""
    constants: list[str] = []

    def keep(name: str) -> NotFinite:
        constants.append(name)
        return NotFinite(f"#{name}")

    # Control characters inside a text are blanks in the end, and no reason to refuse a page.
    decoder = json.JSONDecoder(strict=False, parse_constant=keep)
    careful = json.JSONDecoder(strict=False, parse_constant=keep, object_pairs_hook=_note_repeated)
    try:
        parsed = decoder.decode(text)
        if _has_repeated_keys(content, parsed):
            parsed = careful.decode(text)
        return _entries_of(parsed), bool(constants)
    except json.JSONDecodeError as error:
        said = f"{error.msg.partition(':')[0]}, line {error.lineno}, column {error.colno}"
        raise PageError("unreadable_survey", said, error.lineno) from None
    except (RecursionError, ValueError) as error:
        if isinstance(error, PageError):
            raise
    return [_parse_alone(careful, entry) for entry in _split_entries(text)], bool(constants)


def _entries_of(parsed: Any) -> list[Any]:
    entries = parsed.get("results") if isinstance(parsed, dict) else parsed
    if not isinstance(entries, list):
        raise PageError("not_kobo_json", "results")
    return entries


def _parse_alone(decoder: json.JSONDecoder, text: str) -> Any:
    try:
        return decoder.decode(text)
    except (RecursionError, ValueError):
        return _Unreadable()


def _split_entries(text: str) -> Iterator[str]:
    """The entries of a page that is too much for the parser, each as text: of `results`, or of a bare list."""
    tokens = _TOKEN.finditer(text)
    start = _find_list(tokens)
    if start is None:
        raise PageError("not_kobo_json", "results")
    depth = 1
    for token in tokens:
        sign = token[0]
        if sign in "[{":
            depth += 1
        elif sign in "]}":
            depth -= 1
        if depth == 0 or (depth == 1 and sign == ","):
            if entry := text[start : token.start()].strip():
                yield entry
            start = token.end()
        if depth == 0:
            return
    raise PageError("unreadable_survey", "the list of submissions does not end")


def _find_list(tokens: Iterator[re.Match[str]]) -> int | None:
    """Where the list of entries begins; the tokens are taken up to there."""
    depth, before = 0, ["", ""]
    for token in tokens:
        sign = token[0]
        if sign == "[" and (depth == 0 or (depth == 1 and before == ['"results"', ":"])):
            return token.end()
        depth += (sign in "[{") - (sign in "]}")
        before = [before[1], sign]
    return None


# ---- keys that stand in an object twice ------------------------------------------------------------------------------


def _has_repeated_keys(content: bytes, parsed: Any) -> bool:
    """Whether more keys are written in a page than were read, or whether that cannot be told."""
    written = _count_written(content)
    entries = parsed.get("results") if isinstance(parsed, dict) else parsed
    rows = [row for row in entries if isinstance(row, dict)] if isinstance(entries, list) else []
    read = sum(map(len, rows)) + (len(parsed) if isinstance(parsed, dict) else 0)
    read += sum(_count_keys(row.get(name) for row in rows) for name in _WITH_KEYS)
    return written != read and written != _count_keys([parsed])


def _count_written(content: bytes) -> int:
    """How often a quotation mark is followed by a colon: at the end of every key, and seldom inside a text."""
    signs = np.frombuffer(content, np.uint8)
    return int(np.count_nonzero((signs[:-1] == _QUOTE) & (signs[1:] == _COLON)))


def _count_keys(values: Iterable[Any]) -> int:
    """The keys of all objects in values."""
    count, rest = 0, [value for value in values if value]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            count += len(value)
            value = value.values()
        rest += [each for each in value if type(each) in _CONTAINERS and each] if not isinstance(value, str) else []
    return count


def _note_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a Repeated one where a key stands in it twice with different values."""
    read = dict(pairs)
    if len(read) == len(pairs):
        return read
    differing = {key for key, value in pairs if read[key] != value}
    if not differing:
        return read
    repeated = Repeated(read)
    repeated.said = [(key, value) for key, value in pairs if key in differing]
    return repeated


def _holds_constant(row: dict[str, Any]) -> bool:
    """Whether NaN or Infinity stands anywhere in a submission."""
    rest: list[Any] = [row]
    while rest:
        value = rest.pop()
        if isinstance(value, NotFinite):
            return True
        rest += value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return False
