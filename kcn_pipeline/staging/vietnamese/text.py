"""Unicode Vietnamese made comparable: `clean` for what is stored, `canonical` for one spelling, `fold` for comparing.

It must not guess an encoding (see `legacy`) and must not know a form, a park or a column. The surprising fact: `clean`
keeps the soft hyphen U+00AD, because in TCVN3 text read as Latin-1 that character is the letter `ư`.
"""

import re
import unicodedata
from functools import lru_cache

from kcn_pipeline.staging.vietnamese.syllables import weigh_word

SOFT_HYPHEN = "\u00ad"
#: Zero-width and direction characters and the byte order mark: invisible, and fatal for comparing.
_INVISIBLE = dict.fromkeys(
    [0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), *range(0x2066, 0x206A), 0xFEFF]
)
_MARKS = re.compile("[\u0300-\u036f]+")
_NOT_WORD = re.compile(r"[\W_]+")
_ETHS = str.maketrans("ÐƉðɖ", "ĐĐđđ")
_ETH_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_]*[ÐƉðɖ][^\W\d_]*")
_ETH = re.compile("[ÐƉðɖ]")
#: A word that ends in oa, oe or uy with the tone on its last letter: `hoá`, `khoẻ`, `thuý`; after q the u is no vowel.
_LATE_TONE = re.compile(r"(?<![^\W\d_])[^\W\d_]*(?:o[àáảãạèéẻẽẹ]|(?<!q)u[ỳýỷỹỵ])(?![^\W\d_])", re.IGNORECASE)
_MAY_BE_LATE = re.compile("[ou][àáảãạèéẻẽẹỳýỷỹỵ]", re.IGNORECASE)


def clean(text: str, *, drop_soft_hyphens: bool = False) -> str:
    """The text in NFC with every run of blanks and line breaks made one blank, and nothing invisible left in it.

    Soft hyphens stay unless the caller says that the sheet was found not to be TCVN3 (`detect_legacy`).
    """
    if not text.isascii():
        # No invisible character is printable, and nearly every text is: looking is much cheaper than translating.
        text = unicodedata.normalize("NFC", text if text.isprintable() else text.translate(_INVISIBLE))
        if drop_soft_hyphens:
            text = text.replace(SOFT_HYPHEN, "")
    return " ".join(text.split())


@lru_cache(maxsize=50_000)
def fold(text: str) -> str:
    """The comparison key: lower case, no diacritics, `đ` as `d`, punctuation as one blank. `HOÁ-CHẤT` → `hoa chat`.

    Only for comparing: different words share a key (`đồng`, `đông`, `dòng`), so a key must never be shown or stored.
    """
    text = text.lower()
    if not text.isascii():
        if not text.isprintable():
            text = text.translate(_INVISIBLE).replace(SOFT_HYPHEN, "")
        text = text.replace("đ", "d").replace("ð", "d").replace("ɖ", "d")
        text = unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", text)))
    return _NOT_WORD.sub(" ", text).strip()


@lru_cache(maxsize=50_000)
def canonical(text: str) -> str:
    """One spelling of the same Vietnamese text: NFC, the letter Đ instead of the look-alike Ð, one tone placement.

    The tone of an open oa, oe, uy stands on the first vowel (`hóa`, `khỏe`, `thúy`, as in the official names Thanh Hóa,
    Khánh Hòa); `hoá` becomes `hóa`, while `quý`, `giá`, `hoàn`, `khuya` and `thuở` have only one placement and stay.
    A word that cannot be Vietnamese (`Zoé`, `Guðmundur`) stays as well.
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    # Both patterns try every word; looking for the letters first spares them nearly every text.
    if _ETH.search(text):
        text = _ETH_WORD.sub(_replace_eth, text)
    if _MAY_BE_LATE.search(text):
        # A second accent on the letter that the tone leaves joins it only now.
        text = unicodedata.normalize("NFC", _LATE_TONE.sub(_move_tone, text))
    return text


def _replace_eth(match: re.Match[str]) -> str:
    """Icelandic has no word that begins with ð; Vietnamese has Đ only there, or in abbreviations such as NĐ-CP."""
    word = match[0]
    if word.isupper():
        return word.translate(_ETHS)
    return word[0].translate(_ETHS) + word[1:]


def _move_tone(match: re.Match[str]) -> str:
    word = match[0]
    if not weigh_word(word):
        return word
    last = unicodedata.normalize("NFD", word[-1])  # the plain letter and its tone
    return word[:-2] + unicodedata.normalize("NFC", word[-2] + last[1]) + last[0]
