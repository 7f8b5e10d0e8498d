"""What respondents said of themselves, found again in their words however it is spelled.

It must not judge what looks personal. The surprising fact: a given name is hidden only where it has a capital and its
own diacritics, because `Bình` and `Hoa` are in half of all comments as `trung bình` and `hóa chất`.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from kcn_pipeline.staging.surveys.masking.companies import is_syllable, may_be_company, telling_parts
from kcn_pipeline.staging.surveys.masking.letters import LOWER, MASK, UPPER, words_of
from kcn_pipeline.staging.surveys.masking.people import SURNAMES
from kcn_pipeline.staging.vietnamese import canonical, clean, fold, is_missing

#: More words has no name of a person.
_NAME_WORDS = 5
#: A shorter identity (`An`, `Lan`) is masked only as a word with a capital: it is an everyday word, too.
_SHORT = 4
#: What accounts and mail servers are called that tell nobody; masked, comments would lose what they speak of.
_NOBODY = words_of(
    "kcn bacninh vietnam khucongnghiep congty company gmail yahoo outlook hotmail icloud naver daum mail email example"
    " moitruong admin info office contact sales doanhnghiep nhamay"
)
_NAME = re.compile(rf"[{UPPER}][^\W\d_]*")
_INITIALS = re.compile(rf"(?:(?<![^\W_])(?:[{UPPER}]{LOWER}?\.\s?|[{UPPER}]{{1,3}}\s))+$")
_DOTTED = re.compile(rf"(?<![^\W_])(?:[{UPPER}]\.\s?){{1,4}}[{UPPER}](?![^\W\d_])\.?")
_SEVERAL = re.compile(r"\w+(?:\W+\w+)+")


class _Identity(NamedTuple):
    """Comparison keys; words that are hidden only as they are spelled, in lower case; initials."""

    keys: frozenset[str]
    names: frozenset[str]
    initials: frozenset[str]


class Hidden(NamedTuple):
    """What of one respondent is to be hidden, the longest keys first."""

    keys: tuple[str, ...]
    names: frozenset[str]
    initials: frozenset[str]


def hidden_of(text: str, identities: Iterable[str]) -> Hidden:
    """What is to be hidden in a text of who gave these identities; of those that cannot be in it, nothing."""
    squeezed = text.translate(_FOLDED).replace(" ", "")
    return _join(tuple(identity for identity in identities if _may_stand_in(identity, squeezed)))


def _may_stand_in(identity: str, squeezed: str) -> bool:
    """Whether a word of an identity is in a text; of a person's name the given one, without which no part is hidden."""
    if identity.isdigit():
        return identity in squeezed
    folded = fold(identity)
    words = folded.split()
    if 1 < len(words) <= _NAME_WORDS and words[0] in _FOLDED_SURNAMES and not may_be_company(folded):
        return words[-1] in squeezed or "".join(word[0] for word in words) in squeezed
    return any(word in squeezed for word in words)


@lru_cache(maxsize=4_096)
def _join(identities: tuple[str, ...]) -> Hidden:
    """What is to be hidden of identities together."""
    found = [_take_apart(identity) for identity in identities]
    keys = frozenset().union(*(each.keys for each in found)) - _NOBODY
    return Hidden(
        tuple(sorted((key for key in keys if len(key) > 1), key=lambda key: (-len(key), key))),
        frozenset().union(*(each.names for each in found)) - _NOBODY,
        frozenset().union(*(each.initials for each in found)),
    )


@lru_cache(maxsize=16_384)
def _take_apart(identity: str) -> _Identity:
    """An identity and its telling parts: mail box and server, given name, what is left of a company's name."""
    identity = clean(identity, drop_soft_hyphens=True)
    if is_missing(identity):
        return _Identity(frozenset(), frozenset(), frozenset())
    keys, names = {_squeeze(identity)}, set(_given_names(identity))
    if "@" in identity:
        box, _, server = identity.partition("@")
        host = server.partition(".")[0]
        keys |= {_squeeze(box)} | ({_squeeze(host)} if len(host) >= _SHORT else set())
    words = identity.split()
    if names and len(words) > 2:
        keys |= {_squeeze(" ".join(words[-2:])), _squeeze(f"{words[-1]} {words[0]}")}
    if _SEVERAL.search(identity) and (not names or may_be_company(fold(identity))):
        parts = list(telling_parts(identity))
        lonely = {part for part in parts if is_syllable(part)}
        keys |= {_squeeze(part) for part in parts if part not in lonely}
        names |= {word.lower() for word in canonical(identity).split() if fold(word) in lonely and len(word) > 1}
    return _Identity(frozenset(keys), frozenset(names), frozenset(_initials(identity) if names else ()))


def _given_names(identity: str) -> Iterator[str]:
    """The given name of a full name, in lower case: with its diacritics in one placement, and without them."""
    words = identity.split()
    if not (2 <= len(words) <= _NAME_WORDS and all(map(str.isalpha, words)) and fold(words[0]) in _FOLDED_SURNAMES):
        return
    given = canonical(words[-1]).lower()
    if len(given) > 1:
        yield given
        yield fold(given)


def _initials(identity: str) -> Iterator[str]:
    first = "".join(word[0].upper() for word in identity.split())
    if len(first) > 2 and first.lower() not in _NOBODY:
        yield first


_FOLDED_SURNAMES = frozenset(map(fold, SURNAMES))


def _squeeze(text: str) -> str:
    return fold(text).replace(" ", "")


# ---- in a text -------------------------------------------------------------------------------------------------------


class _Folded(dict[int, str]):
    """Letter → its comparison key of the same length, so that places in a folded text are those in the text."""

    def __missing__(self, code: int) -> str:
        letter = fold(chr(code))
        self[code] = letter if len(letter) == 1 else " "
        return self[code]


_FOLDED = _Folded()


def hide_own(text: str, own: Hidden) -> str:
    """The text without the identities of one respondent."""
    if own.keys:
        text = _hide_keys(text, own.keys)
    return _hide_names(text, own) if own.names else text


def _hide_names(text: str, own: Hidden) -> str:
    """The text without the given name and the initials before it, where it is spelled as a name."""
    pieces, end = [], 0
    for match in _NAME.finditer(text):
        word, start = match[0], match.start()
        if start < end or (start and text[start - 1].isalnum()):
            continue
        if canonical(word).lower() in own.names or word in own.initials:
            before = _INITIALS.search(text, max(end, start - 12), start)
            pieces += [text[end : before.start() if before else start], MASK]
            end = match.end()
    text = "".join([*pieces, text[end:]])
    if "." not in text:
        return text
    return _DOTTED.sub(lambda match: MASK if _letters(match[0]) in own.initials else match[0], text)


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text))


def _hide_keys(text: str, keys: tuple[str, ...]) -> str:
    """The text without the identities of which these are the keys."""
    folded = text.translate(_FOLDED)
    squeezed = folded.replace(" ", "")
    if not any(key in squeezed for key in keys):
        return text
    places = [at for at, sign in enumerate(folded) if sign != " "]
    hidden = [False] * len(text)
    for key in keys:
        for start, end in _occurrences(key, squeezed, places):
            if _stands_alone(text, folded, key, start, end):
                hidden[start:end] = [True] * (end - start)
    return _cover(text, hidden)


def _occurrences(key: str, squeezed: str, places: list[int]) -> Iterator[tuple[int, int]]:
    """Where in the text a key begins and ends, whatever stands between its letters."""
    at = squeezed.find(key)
    while at >= 0:
        yield places[at], places[at + len(key) - 1] + 1
        at = squeezed.find(key, at + 1)


def _stands_alone(text: str, folded: str, key: str, start: int, end: int) -> bool:
    """Whether what was found is a word or words, and not a part of one; figures are found inside of others as well."""
    if key.isdigit():
        return len(key) >= _SHORT
    if folded[start - 1 : start].strip() or folded[end : end + 1].strip():
        return False
    return len(key) >= _SHORT or (end - start == len(key) and text[start].isupper())


def _cover(text: str, hidden: list[bool]) -> str:
    """The text with each hidden stretch replaced."""
    stretches = groupby(zip(text, hidden, strict=True), key=lambda sign: sign[1])
    return "".join(MASK if hides else "".join(sign for sign, _ in signs) for hides, signs in stretches)
