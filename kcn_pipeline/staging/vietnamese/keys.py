"""Keys that join one source to another: the tax code of an enterprise and the comparison key of a park's name.

It repairs only what can be proven and must not look anything up: the register and its aliases decide elsewhere. The
surprising fact: the tenth digit of a tax code checks the first nine, which proves that Excel dropped a leading zero.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

from kcn_pipeline.staging.vietnamese.numbers import is_missing
from kcn_pipeline.staging.vietnamese.text import SOFT_HYPHEN, clean, fold


@dataclass(frozen=True, slots=True)
class TaxCode:
    """A tax code as `0123456789` or, for a branch, `0123456789-001`; None where the cell is empty or unreadable.

    problem   tax_code_check_digit (the code is still given), tax_code_length, unreadable_tax_code
    repaired  a leading zero was put back, proven by the check digit
    """

    value: str | None
    problem: str | None = None
    repaired: bool = False


#: Weights of the first nine digits; the tenth is 10 - (weighted sum mod 11). Published widely by tax software and
#: accountants and true for known codes, but no legal text was read that states it (confidence: medium).
_WEIGHTS = (31, 29, 23, 19, 17, 13, 7, 5, 3)
_LABEL = re.compile(r"(?:mã số thuế|mst|tax code|tax id)\s*:?\s*", re.IGNORECASE)
_FLOAT = re.compile(r"([0-9]{9,13})\.0+")
_SEPARATED = re.compile(r"[0-9][0-9 .-]*")
_FULL_WIDTH = str.maketrans("０１２３４５６７８９－．−‒–—", "0123456789-.----", SOFT_HYPHEN)


def read_tax_code(value: str | float | None) -> TaxCode:
    """Read a tax code (mã số thuế, 10 digits, or 13 for a branch) from text or from the number Excel made of it.

    A code one digit short gets its leading zero back if the check digit proves it. A wrong check digit is a problem,
    but the code is returned: the register knows whether it exists.
    """
    if value is None or value != value:  # None or NaN: an empty cell
        return TaxCode(None)
    if isinstance(value, float):
        if not value.is_integer():
            return TaxCode(None, "unreadable_tax_code")
        value = int(value)
    return _read_tax_code(str(value))


@lru_cache(maxsize=20_000)
def _read_tax_code(text: str) -> TaxCode:
    if text.isascii() and text.isdigit():
        return _check(text)
    text = clean(text).translate(_FULL_WIDTH).removeprefix("'").strip()
    if is_missing(text):
        return TaxCode(None)
    text = _LABEL.sub("", text, count=1)
    if match := _FLOAT.fullmatch(text):
        text = match[1]
    if not _SEPARATED.fullmatch(text):
        return TaxCode(None, "unreadable_tax_code")
    return _check(re.sub("[^0-9]", "", text))


def _check(digits: str) -> TaxCode:
    """The code that these digits are, if they are one."""
    if len(digits) in (10, 13):
        return TaxCode(_join(digits), None if _is_valid(digits) else "tax_code_check_digit")
    # One zero at most: no province code is 00. Twelve digits that begin with 0 are a personal number, not a code.
    restored = f"0{digits}"
    if len(restored) in (10, 13) and not digits.startswith("0") and _is_valid(restored):
        return TaxCode(_join(restored), repaired=True)
    return TaxCode(None, "tax_code_length")


def _join(digits: str) -> str:
    return digits if len(digits) == 10 else f"{digits[:10]}-{digits[10:]}"


def _is_valid(digits: str) -> bool:
    return int(digits[9]) == 10 - sum(map(mul, _WEIGHTS, map(int, digits))) % 11


# ---- park names ----------------------------------------------------------------------------------------------------

#: What only says "industrial park". A cụm công nghiệp (cluster) is another kind of area and keeps its words.
_KIND = re.compile(r"\b(?:khu cong nghiep|khu cn|k ?c ?n|industrial (?:park|zone))\b")
_WORD = re.compile(r"[^\W_]+")
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9"}


@lru_cache(maxsize=20_000)
def park_name_key(text: str) -> str:
    """The comparison key of a park's name: `Khu công nghiệp Quế Võ I`, `Quế Võ 1` and `QUẾ VÕ (I)` are `que vo 1`.

    `MR` is `mở rộng`. Nothing that may tell two parks apart is dropped: `Quế Võ`, `Quế Võ I`, `Quế Võ II` and
    `Quế Võ mở rộng` keep four keys, and only the aliases of the register say which of them are one park.
    """
    first, *others = _WORD.findall(clean(text, drop_soft_hyphens=True)) or [""]
    words = [fold(first), *(_fold_part(word) for word in others)]
    return " ".join(_KIND.sub(" ", " ".join(words)).split())


def _fold_part(word: str) -> str:
    """A word after the first: numerals as plain digits (never `Vị`, which folds like VI), MR spelled out."""
    word = word.lower()
    if word.isascii() and word.isdigit():
        return word.lstrip("0") or "0"
    return _ROMAN.get(word) or ("mo rong" if word == "mr" else fold(word))
