"""Numbers as people type them into Vietnamese forms: `3.946`, `2.677,6`, `966,358 triệu USD`, `trên 600`, `4,133,000`.

It reads one cell and decides which convention a column follows, and must not know a field, a unit's meaning or a
factor: `%` and `triệu` are handed back as unit text. The surprising fact: `3.946` is two numbers a thousandfold apart,
so a value is returned only where every convention that accepts the text agrees, or where the column has decided.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from kcn_pipeline.staging.vietnamese.text import SOFT_HYPHEN, canonical, clean, fold

#: vi: point for thousands, comma for decimals (`2.677,6`); en: the other way round (`2,677.6`).
Convention = Literal["vi", "en"]
#: `conflict`: cells that can only be vi stand beside cells that can only be en.
Decision = Literal["vi", "en", "conflict"]
#: What a qualifier is stored as: `khoảng 20`, `trên 600`, `dưới 5`, `từ 5`, `không quá 10`.
Qualifier = Literal["about", "greater_than", "less_than", "at_least", "at_most"]


@dataclass(frozen=True, slots=True)
class Number:
    """One cell read as a number; `value` is None where the cell is empty (no problem) or unreadable (a problem).

    problem     undecidable_number, convention_conflict, malformed_number, range_not_number, unreadable_number
    suggestion  what the cell may have meant, for the person who corrects it; never a value to compute with
    """

    value: float | None
    qualifier: Qualifier | None = None
    unit_text: str | None = None
    problem: str | None = None
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class _Parts:
    """A cell taken apart, its digits not yet read: `body` holds digits and separators only."""

    body: str
    sign: str = ""
    exponent: str = ""
    qualifier: Qualifier | None = None
    unit_text: str | None = None


_MISSING = Number(None)
_UNREADABLE = Number(None, problem="unreadable_number")
_RANGE_NOT_NUMBER = Number(None, problem="range_not_number")
#: More digits than any amount in a form: a typing accident, or an account number in the wrong cell.
_MOST_DIGITS = 30

#: Full-width forms, and every dash and apostrophe, as one character each; a soft hyphen inside digits means nothing.
_TO_ASCII = str.maketrans("０１２３４５６７８９，．－＋％（）’ʼ＇−‒–—﹣", "0123456789,.-+%()'''-----", SOFT_HYPHEN)
_BARE = re.compile(r"[0-9]+(?:[.,][0-9]+)+")
_CELL = re.compile(
    r"(?P<before>[^0-9]*?)(?P<body>[.,]?[0-9]+(?:[.,' ][0-9]+)*)(?P<exponent>[eE][+-]?[0-9]{1,2}(?![0-9A-Za-z]))?"
    r"(?P<after>.*)"
)
_RANGE_TAIL = re.compile(
    r"[^0-9]{0,25}?(?:[-÷~…]|\.{2,}|\b(?:đến|tới|và|den|toi|to|and)\b)\s*[-+]?[.,]?[0-9][0-9.,' ]*(?:[^0-9-].*)?"
)
#: Digits belong to a unit only as in m3, km2, CO2, BOD5, NH4; anything else after the number is a second number.
#: `/ngày` is a unit, the `/TTg-KTN` of a decree is not.
_UNIT = re.compile(r"(?=[^\W\d_]|[%‰°$€£¥₩₫(]|/ ?[^\W\d_A-ZĐ])(?:[^0-9]|(?<=[mMoODHN])[2-5](?![0-9.,]))*")
_OPEN_END = re.compile(r"(?P<unit>.*?)\s*\b(?P<end>trở lên|trở xuống|tro len|tro xuong)", re.IGNORECASE)
_CURRENCIES = frozenset(["usd", "us$", "$", "vnd", "vnđ", "đ", "₫", "eur", "€", "jpy", "¥", "krw", "₩", "cny", "twd"])


def _spellings(*alternatives: str) -> frozenset[str]:
    """Every alternative (split at `|`) as it is spelled and, for people who type without diacritics, folded."""
    words = [word for text in alternatives for word in text.split("|")]
    return frozenset([*(canonical(word) for word in words), *(fold(word) for word in words if fold(word))])


_MISSING_WORDS = _spellings(
    "n/a|na|n.a|n.a.|null|none|nan|nil|x|không|không có|không có số liệu|không có thông tin|không áp dụng",
    "không phát sinh|kps|k có|ko có|ko|chưa có|chưa có số liệu|chưa phát sinh",
)
_PLACEHOLDER = re.compile(r"[-._/\\… ]*")
_QUALIFIER_WORDS: dict[Qualifier, frozenset[str]] = {
    "about": _spellings("khoảng|khoảng chừng|gần|ước|ước tính|xấp xỉ|about|approximately|approx|approx.|circa|~|≈"),
    "greater_than": _spellings("trên|hơn|lớn hơn|nhiều hơn|cao hơn|over|above|more than|greater than|>"),
    "less_than": _spellings("dưới|nhỏ hơn|ít hơn|thấp hơn|chưa đến|chưa tới|under|below|less than|<"),
    "at_least": _spellings("từ|tối thiểu|ít nhất|không dưới|không ít hơn|at least|from|minimum|min|≥|>=|=>"),
    "at_most": _spellings("tối đa|không quá|không vượt quá|nhiều nhất|at most|up to|not more than|maximum|max|≤|<=|=<"),
}
_QUALIFIERS = {word: code for code, words in _QUALIFIER_WORDS.items() for word in words}


# ---- one cell ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=65_536)
def read_number(text: str, convention: Convention | None) -> Number:
    """Read one cell under the convention of its column, or under none when the column has not decided.

    With None a text is read only when it can mean one number: `2.677,6`, `12,5`, `1.234.567`, `0.125`, never `3.946`.
    A text that only the other convention accepts is a convention_conflict. `1.2E+05` is read under every convention.
    """
    parts = _take_apart(text)
    if isinstance(parts, Number):
        return parts
    number = _read_exponent(parts) if parts.exponent else _read_body(parts, convention)
    if parts.qualifier or parts.unit_text:
        number = replace(number, qualifier=parts.qualifier, unit_text=parts.unit_text)
    return number


def is_missing(text: str) -> bool:
    """Whether a cell says "no value": empty, dashes or dots, `N/A`, `không có`, `x`. A missing value is never zero."""
    return _is_missing(_normalize(text))


def _normalize(text: str) -> str:
    text = clean(text).translate(_TO_ASCII)
    return text.removeprefix("'").strip()  # Excel's marker for "this is text"


def _is_missing(text: str) -> bool:
    return _PLACEHOLDER.fullmatch(text) is not None or canonical(text).lower() in _MISSING_WORDS


def _take_apart(text: str) -> _Parts | Number:
    """Sign, digits, qualifier and unit of a cell, or the result when there is nothing (more) to read."""
    if (text.isascii() and text.isdigit()) or _BARE.fullmatch(text):
        return _Parts(text)
    text = _normalize(text)
    if _is_missing(text):
        return _MISSING
    match = _CELL.fullmatch(text)
    if match is None:
        return _UNREADABLE
    body, after = match["body"], match["after"]
    if _RANGE_TAIL.fullmatch(after):
        return _RANGE_NOT_NUMBER
    if match["before"] == "- " or after in (".", ","):
        return _malformed(f"{match['before'].strip()}{body}?")
    before = _read_before(match["before"], after)
    if before is None:
        return _UNREADABLE
    sign, qualifier, currency, after = before
    return _read_after(_Parts(body, sign, match["exponent"] or "", qualifier), currency, after)


def _read_before(before: str, after: str) -> tuple[str, Qualifier | None, str, str] | None:
    """Sign, qualifier and currency in front of the digits, and what stands behind them without the closing bracket."""
    sign = before[-1:] if before.endswith(("-", "+")) else ""
    words = before.removesuffix(sign)
    if words == "(" and not sign:
        inside, closed, after = after.partition(")")
        return ("-", None, "", inside + after) if closed and inside in ("", "%") else None
    if words[-1:].isalnum() and sign:
        return None
    known = _read_words(canonical(words).lower().strip())
    return None if known is None else (sign, *known, after)


def _read_words(words: str) -> tuple[Qualifier | None, str] | None:
    """`khoảng`, `usd` or `khoảng usd` as qualifier and currency; None for anything else."""
    if not words or words in _QUALIFIERS:
        return _QUALIFIERS.get(words), ""
    qualifier, _, currency = words.rpartition(" ")
    if currency not in _CURRENCIES or (qualifier and qualifier not in _QUALIFIERS):
        return None
    return _QUALIFIERS.get(qualifier), currency.upper()


def _read_after(parts: _Parts, currency: str, after: str) -> _Parts | Number:
    """The parts with the unit, and with the qualifier that Vietnamese puts last: `600 người trở lên`."""
    after = after.strip()
    qualifier = parts.qualifier
    open_end = _OPEN_END.fullmatch(after)
    if open_end:
        after = open_end["unit"]
        last: Qualifier = "at_least" if fold(open_end["end"]) == "tro len" else "at_most"
        if qualifier not in (None, last):
            return _UNREADABLE
        qualifier = last
    if after and not _UNIT.fullmatch(after):
        return _UNREADABLE
    return replace(parts, qualifier=qualifier, unit_text=f"{after} {currency}".strip() or None)


# ---- the digits ----------------------------------------------------------------------------------------------------


def _grouped(point: str, thousands: str) -> re.Pattern[str]:
    """Plain digits or groups of three (also by blanks or apostrophes), then a decimal part. `0.125` has no group."""
    groups = "|".join(f"(?:{mark}[0-9]{{3}})+" for mark in (thousands, " ", "'"))
    whole = f"[1-9][0-9]{{0,2}}(?:{groups})|0|[1-9][0-9]*"
    return re.compile(f"(?P<whole>{whole}|(?={point}))(?:{point}(?P<decimals>[0-9]+))?")


_GROUPED: dict[Convention, re.Pattern[str]] = {"vi": _grouped(",", r"\."), "en": _grouped(r"\.", ",")}
_MANTISSA = re.compile(r"[0-9](?:[.,][0-9]+)?")
_NOT_DIGIT = re.compile(r"[^0-9]")


def _read_as(body: str, convention: Convention) -> str | None:
    """The digits as a plain decimal (`2677.6`) if the convention accepts them."""
    match = _GROUPED[convention].fullmatch(body)
    if match is None:
        return None
    whole = _NOT_DIGIT.sub("", match["whole"]) or "0"
    return f"{whole}.{match['decimals']}" if match["decimals"] else whole


def _read_body(parts: _Parts, convention: Convention | None) -> Number:
    body, sign = parts.body, parts.sign
    if len(body) > _MOST_DIGITS:
        return _UNREADABLE
    if body.isdigit():
        return Number(_to_float(sign + body))
    readings = {name: f"{sign}{plain}" for name in _GROUPED if (plain := _read_as(body, name)) is not None}
    if not readings:
        return _malformed(_suggest(sign, body))
    if convention is not None and convention not in readings:
        return Number(None, problem="convention_conflict", suggestion=f"{_only(readings)}?")
    if convention is None and len(set(readings.values())) > 1:
        suggestion = f"{readings['vi']} (vi) / {readings['en']} (en)"
        return Number(None, problem="undecidable_number", suggestion=suggestion)
    return Number(_to_float(readings[convention] if convention else _only(readings)))


def _only(readings: dict[Convention, str]) -> str:
    return next(iter(readings.values()))


def _read_exponent(parts: _Parts) -> Number:
    """`1.2E+05`, as Excel shows a wide number in a narrow column: the mantissa has one digit and so no thousands."""
    if not _MANTISSA.fullmatch(parts.body):
        return _UNREADABLE
    return Number(_to_float(f"{parts.sign}{parts.body.replace(',', '.')}{parts.exponent}"))


def _to_float(plain: str) -> float:
    return float(Decimal(plain))


def _malformed(suggestion: str | None) -> Number:
    return Number(None, problem="malformed_number", suggestion=suggestion)


def _suggest(sign: str, body: str) -> str | None:
    """The text with its last separator changed, if that makes it a number: `2.811.08` → `2.811,08?`."""
    at = max(body.rfind("."), body.rfind(","))
    changed = f"{body[:at]}{'.' if body[at] == ',' else ','}{body[at + 1 :]}" if at > 0 else body
    return f"{sign}{changed}?" if any(_read_as(changed, name) for name in _GROUPED) else None


# ---- a column ------------------------------------------------------------------------------------------------------


def decide_convention(texts: Iterable[str]) -> Decision | None:
    """The convention that the unambiguous cells of a column or file prove; None when no cell proves one."""
    proven = {proof for text in texts if (proof := _prove_convention(text)) is not None}
    return "conflict" if len(proven) > 1 else next(iter(proven), None)


@lru_cache(maxsize=65_536)
def _prove_convention(text: str) -> Convention | None:
    """The only convention under which the cell is a number, or None when both or neither accept it."""
    parts = _take_apart(text)
    if isinstance(parts, Number) or parts.exponent or parts.body.isdigit():
        return None
    accepted: list[Convention] = [name for name in _GROUPED if _read_as(parts.body, name) is not None]
    return accepted[0] if len(accepted) == 1 else None


def format_number(value: float | Decimal, convention: Convention, decimals: int) -> str:
    """The number with grouped thousands and a fixed count of decimals; `read_number` reads it back."""
    text = f"{value:,.{decimals}f}"
    return text.translate(str.maketrans(",.", ".,")) if convention == "vi" else text
