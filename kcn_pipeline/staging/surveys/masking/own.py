"""What respondents said of themselves, found again in their words however it is spelled.

It must not judge what looks personal. The surprising fact: a given name is hidden only where it has a capital and its
own diacritics, because `Bình` and `Hoa` are in half of all comments as `trung bình` and `hóa chất`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
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


class Hidden(NamedTuple):
    """What is to be hidden of a respondent, or of one identity: comparison keys, the longest first; words that are
    hidden only as they are spelled, in lower case; initials."""

    keys: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    initials: frozenset[str] = frozenset()


_NONE = Hidden()


def hidden_of(words: Iterable[str], identities: Iterable[str]) -> Hidden:
    """What is to be hidden in a text of these words of who gave these identities; of those not in it, nothing."""
    squeezed = "".join(map(_fold_word, words))
    met = [_take_apart(identity) for identity in identities if _may_stand_in(identity, squeezed)]
    return _join(met) if len(met) > 1 else met[0] if met else _NONE


def _may_stand_in(identity: str, squeezed: str) -> bool:
    """Whether a part of an identity is in a text without which nothing of it is hidden."""
    if identity.isdigit():
        return identity in squeezed
    return any(part in squeezed for part in _telling_most(identity))


@lru_cache(maxsize=1_024)
def _telling_most(identity: str) -> tuple[str, ...]:
    """The words of an identity; of a person's name the given one and the initials, as no other part is hidden alone."""
    words = _fold_words(identity)
    may_be_name = bool(words) and words[0] in _FOLDED_SURNAMES and not may_be_company(words)
    if may_be_name and any(_given_names(clean(identity, drop_soft_hyphens=True).split())):
        return words[-1], "".join(word[0] for word in words)
    return tuple(words)


def _join(found: Sequence[Hidden]) -> Hidden:
    """What is to be hidden of several identities."""
    return Hidden(
        _longest_first(frozenset().union(*(each.keys for each in found))),
        frozenset().union(*(each.names for each in found)),
        frozenset().union(*(each.initials for each in found)),
    )


def _longest_first(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(keys, key=lambda key: (-len(key), key)))


@lru_cache(maxsize=1_024)
def _take_apart(identity: str) -> Hidden:
    """An identity and its telling parts: mail box and server, given name, what is left of a company's name."""
    identity = clean(identity, drop_soft_hyphens=True)
    if is_missing(identity):
        return _NONE
    folded, words = _fold_words(identity), identity.split()
    keys, names = {"".join(folded)}, set(_given_names(words))
    if "@" in identity:
        box, _, server = identity.partition("@")
        host = server.partition(".")[0]
        keys |= {_squeeze(box)} | ({_squeeze(host)} if len(host) >= _SHORT else set())
    if names and len(words) > 2:
        keys |= {_squeeze(" ".join(words[-2:])), _squeeze(f"{words[-1]} {words[0]}")}
    if _SEVERAL.search(identity) and (not names or may_be_company(folded)):
        parts = list(telling_parts(folded))
        lonely = {part for part in parts if is_syllable(part)}
        keys |= {part.replace(" ", "") for part in parts if part not in lonely}
        spelled = canonical(identity).split() if lonely else ()
        names |= {word.lower() for word in spelled if fold(word) in lonely and len(word) > 1}
    return Hidden(
        _longest_first(key for key in keys - _NOBODY if len(key) > 1),
        frozenset(names - _NOBODY),
        frozenset(_initials(words) if names else ()),
    )


def _given_names(words: Sequence[str]) -> Iterator[str]:
    """The given name of a full name, in lower case: with its diacritics in one placement, and without them."""
    if not (2 <= len(words) <= _NAME_WORDS and all(map(str.isalpha, words)) and fold(words[0]) in _FOLDED_SURNAMES):
        return
    given = canonical(words[-1]).lower()
    if len(given) > 1:
        yield given
        yield fold(given)


def _initials(words: Sequence[str]) -> Iterator[str]:
    first = "".join(word[0].upper() for word in words)
    if len(first) > 2 and first.lower() not in _NOBODY:
        yield first


_FOLDED_SURNAMES = frozenset(map(fold, SURNAMES))


def _fold_words(text: str) -> list[str]:
    """The words of a text, folded: one by one, since people share most words of their names."""
    return " ".join(map(fold, text.split())).split()


def _squeeze(text: str) -> str:
    return "".join(_fold_words(text))


# ---- in a text -------------------------------------------------------------------------------------------------------


class _Folded(dict[int, str]):
    """Letter → its comparison key of the same length, so that places in a folded text are those in the text."""

    def __missing__(self, code: int) -> str:
        letter = fold(chr(code))
        self[code] = letter if len(letter) == 1 else " "
        return self[code]


_FOLDED = _Folded()


@lru_cache(maxsize=20_000)
def _fold_word(word: str) -> str:
    """A word as it stands in a folded text; texts are long, and made of few different words."""
    return word.translate(_FOLDED)


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
