"""TCVN3 (ABC, `.VnTime`) and VNI (`VNI-Times`) text, which fonts once made look Vietnamese, turned into Unicode.

It judges whole sheets by the words that come out and must not read bytes (see `encodings`). The surprising fact: in
TCVN3 `B¾c` can only be legacy, but `Công` is also how TCVN3 spells `Cụng`, so letters alone never settle a cell.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

from kcn_pipeline.staging.vietnamese.syllables import FREQUENT, IMPOSSIBLE, resembles_syllable, weigh_word
from kcn_pipeline.staging.vietnamese.text import SOFT_HYPHEN

LegacyEncoding = Literal["tcvn3", "vni"]

# ---- the tables ----------------------------------------------------------------------------------------------------

#: TCVN 5712:1993 VN3. All bytes lie above 0xA0, where cp1252 and Latin-1 agree, so mojibake maps like the bytes.
#: Written in the order of the code table; 0xAD (`ư`) is the soft hyphen.
_TCVN3_RUNS = {
    0xA1: "ĂÂÊÔƠƯĐăâêôơưđ",
    0xB5: "àảãáạ",
    0xBB: "ằẳẵắ",
    0xC6: "ặầẩẫấậè",
    0xCE: "ẻẽéẹềểễếệìỉ",
    0xDC: "ĩíịò",
    0xE1: "ỏõóọồổỗốộờởỡớợù",
    0xF1: "ủũúụừửữứựỳỷỹýỵ",
}
TCVN3 = {chr(start + step): letter for start, run in _TCVN3_RUNS.items() for step, letter in enumerate(run)}

#: VNI for Windows writes most letters as a base letter and a mark; `ô` and `ö` are the bases ơ and ư.
_VNI_TONES = {"ù": "\u0301", "ø": "\u0300", "û": "\u0309", "õ": "\u0303", "ï": "\u0323"}
_VNI_CIRCUMFLEX = {"â": "", "á": "\u0301", "à": "\u0300", "å": "\u0309", "ã": "\u0303", "ä": "\u0323"}
_VNI_BREVE = {"ê": "", "é": "\u0301", "è": "\u0300", "ú": "\u0309", "ü": "\u0303", "ë": "\u0323"}
_VNI_SINGLE = {"ô": "ơ", "ö": "ư", "ñ": "đ", "í": "í", "ì": "ì", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ"}
_VNI_BASES = {"a": "a", "e": "e", "o": "o", "u": "u", "y": "y", "ô": "ơ", "ö": "ư"}


def _list_vni_letters() -> dict[str, str]:
    """The 67 lower-case letters and their capitals; a capital base is also found with a lower-case mark (`Aù`)."""
    letters = dict(_VNI_SINGLE)
    letters |= {base + mark: letter + tone for base, letter in _VNI_BASES.items() for mark, tone in _VNI_TONES.items()}
    letters |= {base + mark: f"{base}\u0302{tone}" for base in "aeo" for mark, tone in _VNI_CIRCUMFLEX.items()}
    letters |= {f"a{mark}": f"a\u0306{tone}" for mark, tone in _VNI_BREVE.items()}
    del letters["yï"]  # written `î`
    letters = {code: unicodedata.normalize("NFC", letter) for code, letter in letters.items()}
    half = {code[0].upper() + code[1:]: letter.upper() for code, letter in letters.items()}
    return letters | half | {code.upper(): letter.upper() for code, letter in letters.items()}


VNI = _list_vni_letters()

# ---- converting without judging ------------------------------------------------------------------------------------

_TCVN3_TABLE = str.maketrans(TCVN3)
_VNI_LETTER = re.compile("|".join(sorted(VNI, key=len, reverse=True)))
_WORD = re.compile(r"[^\W\d_]+")
_LOWER = re.compile("[a-z]")
_TWO_CAPITALS = re.compile("[A-Z].*[A-Z]", re.DOTALL)


def convert_legacy(text: str, encoding: LegacyEncoding, *, capitals: bool = False) -> str:
    """Apply the letter table to the whole text without judging it; `capitals` for the fonts `.VnTimeH`, `.VnArialH`.

    Those fonts draw capitals for lower-case codes. Where the plain letters of a word show that it was typed with Caps
    Lock for such a font (`B¾C NINH`), the word comes out upper-case without being told.
    """
    if capitals:
        return convert_legacy(text, encoding).upper()
    if encoding == "vni":
        return _VNI_LETTER.sub(lambda match: VNI[match[0]], text)
    letters = text.translate(_TCVN3_TABLE)
    shouted = {word.start() for word in _WORD.finditer(letters) if _is_shouted(text[word.start() : word.end()])}
    if shouted and not _LOWER.search(text):
        return letters.upper()
    return _WORD.sub(lambda word: word[0].upper() if word.start() in shouted else word[0], letters)


def _is_shouted(code: str) -> bool:
    return not code.isascii() and _LOWER.search(code) is None and _TWO_CAPITALS.search(code) is not None


# ---- judging -------------------------------------------------------------------------------------------------------

#: Runs of letters, and of the signs that are letters in TCVN3 (`¾`, `®`, the soft hyphen).
_SIGNS = "".join(code for code in TCVN3 if not code.isalpha() or code in "ªµ")
_TOKEN = re.compile(f"[A-Za-zÀ-ÖØ-öø-ÿ{re.escape(_SIGNS)}]+")
_SIGN = re.compile(f"[{re.escape(_SIGNS)}]")
#: A letter that neither encoding can hold: the cell is Unicode, or Korean, or anything else, but not legacy.
_BEYOND_LEGACY = re.compile("[\u0100-\u02af\u0300-\u1fff\u2c00-\ud7ff\uf900-\ufdff\ufe20-\uffef\U00010000-\U0010ffff]")
_UNICODE_VIETNAMESE = re.compile("[ĂăĐđĨĩŨũƠơƯư\u0300\u0301\u0303\u0309\u0323\u1ea0-\u1ef9]")
_MICRO_UNITS = frozenset(["µ", "µg", "µm", "µl", "µL", "µS", "µs", "µM", "µV", "µA", "µW", "µmol", "µSv"])
#: Where no Vietnamese word has these letters, so that `Samsung®` and `ABC»` keep their signs.
_MISPLACED = re.compile("[^\\W\\d_]đ|[ăằắẳẵặâầấẩẫậ]$", re.IGNORECASE)
_ABBREVIATION = re.compile("[B-DF-HJ-NP-TV-XZĐ]{2,12}")
#: One everyday word proves a sheet legacy; of words that are merely possible it takes this many.
_PROOF = 5


def detect_legacy(texts: Iterable[str]) -> LegacyEncoding | None:
    """The legacy encoding that some cells of a sheet are written in, or None; judged on all cells together.

    Words that are Vietnamese only when decoded speak for an encoding (`B¾c`, `Nguyeãn`); words that never are, such as
    `Müller`, speak against it. Unicode cells beside legacy cells do no harm. Cells are given as `clean` returns them.
    """
    return _judge(frozenset(token for text in texts for token in _list_telling_words(text)))


@lru_cache(maxsize=2_000)
def _judge(tokens: frozenset[str]) -> LegacyEncoding | None:
    """The encoding for which the words speak; title blocks hold few such words, and often the same."""
    scores: dict[LegacyEncoding, int] = {"tcvn3": _score(tokens, "tcvn3"), "vni": _score(tokens, "vni")}
    best = max(scores, key=lambda encoding: scores[encoding])
    return best if scores[best] > 0 else None


def decode_legacy(text: str, encoding: LegacyEncoding, *, pure: bool = False) -> str:
    """Decode one cell of a sheet that was found to be legacy, unless the cell itself is not.

    ASCII, Unicode Vietnamese, other scripts and foreign names come back unchanged. A cell that is good Vietnamese both
    ways (`Tân`, also TCVN3 for `Tõn`) is kept, or decoded when the sheet is known to be `pure` legacy and frequency
    does not decide.
    """
    if not _may_be_legacy(text):
        return text
    weights = [_weigh_token(token, encoding) for token in _TOKEN.findall(text)]
    as_is, decoded = sum(weight[0] for weight in weights), sum(weight[1] for weight in weights)
    if decoded < as_is or (decoded == as_is > 0 and not pure):
        return text
    trust = pure or decoded > 0
    result = _TOKEN.sub(lambda token: _decode_token(token[0], encoding, trust), text)
    if result != text and encoding == "tcvn3" and convert_legacy(text, encoding).isupper():
        result = result.upper()
    return result


def decode_sheet(texts: Sequence[str]) -> tuple[list[str], LegacyEncoding | None]:
    """The cells of one sheet, the legacy ones decoded, and the encoding found; with None all cells are as they were."""
    encoding = detect_legacy(texts)
    if encoding is None:
        return list(texts), None
    pure = not any(_speaks_unicode(text, encoding) for text in texts)
    return [decode_legacy(text, encoding, pure=pure) for text in texts], encoding


@lru_cache(maxsize=20_000)
def _list_telling_words(text: str) -> tuple[str, ...]:
    """The words of a cell that may be legacy; a word in ASCII is the same in every encoding and tells nothing."""
    return tuple(token for token in _TOKEN.findall(text) if not token.isascii()) if _may_be_legacy(text) else ()


def _may_be_legacy(text: str) -> bool:
    return not text.isascii() and _BEYOND_LEGACY.search(text) is None


def _speaks_unicode(text: str, encoding: LegacyEncoding) -> bool:
    if _UNICODE_VIETNAMESE.search(text):
        return True
    weights = [_weigh_token(token, encoding) for token in _TOKEN.findall(text)] if _may_be_legacy(text) else []
    return sum(weight[0] for weight in weights) > sum(weight[1] for weight in weights)


def _score(tokens: frozenset[str], encoding: LegacyEncoding) -> int:
    """The weight of the words won by decoding, or 0 if they prove nothing: foreign words void the merely possible."""
    weights = {token: _weigh_token(token, encoding) for token in tokens if _is_changed(token, encoding)}
    won = {token: decoded for token, (as_is, decoded) in weights.items() if as_is == IMPOSSIBLE and decoded}
    # Two letters prove nothing: `mü` and `hå` are words elsewhere.
    proven = any(decoded == FREQUENT and (len(token) > 2 or _SIGN.search(token)) for token, decoded in won.items())
    foreign = sum(weight == (IMPOSSIBLE, IMPOSSIBLE) for weight in weights.values())
    return sum(won.values()) if proven or len(won) >= _PROOF + foreign else 0


@lru_cache(maxsize=20_000)
def _is_changed(token: str, encoding: LegacyEncoding) -> bool:
    return convert_legacy(token, encoding) != token


@lru_cache(maxsize=20_000)
def _weigh_token(token: str, encoding: LegacyEncoding) -> tuple[int, int]:
    """How Vietnamese a word is as it stands and decoded; (0, 0) for plain ASCII, which decides nothing."""
    if token.isascii() or token in _MICRO_UNITS or _SIGN.fullmatch(token):
        return IMPOSSIBLE, IMPOSSIBLE  # a lone `«`, `×` or `½` is a sign, not the word `ô`, `ì` or `ẵ`
    as_is = IMPOSSIBLE if _SIGN.search(token) else weigh_word(token)
    return as_is, weigh_word(convert_legacy(token, encoding))


@lru_cache(maxsize=20_000)
def _decode_token(token: str, encoding: LegacyEncoding, trust: bool) -> str:
    """One word of a cell; a foreign word stays. `trust` when other words or the sheet show that the cell is legacy."""
    converted = convert_legacy(token, encoding)
    if token.isascii() or token in _MICRO_UNITS:
        return token
    if len(token) == 1 and not (trust and weigh_word(converted) == FREQUENT):
        return token
    if weigh_word(converted) or _ABBREVIATION.fullmatch(converted):
        return converted
    if not trust:
        return token
    if resembles_syllable(converted) or converted[0] in "đĐ":  # `thưc`, `đioxit`
        return converted
    is_legacy_only = _SIGN.search(token.replace(SOFT_HYPHEN, "")) and not _MISPLACED.search(converted)
    return converted if is_legacy_only else token
