"""Vietnamese text as the fonts of the 1990s stored it: TCVN3 (.VnTime) and VNI, seen as Latin-1 characters.

It must not decode anything; the pipeline does that with tables of its own. The surprising fact: TCVN3 has no
accented capitals, so `CỘNG` is stored with the letters of `cộng` and only a second font made them look tall.
"""

import unicodedata

_TCVN3_LOWER = {
    "à": 0xB5, "ả": 0xB6, "ã": 0xB7, "á": 0xB8, "ạ": 0xB9, "ă": 0xA8, "ằ": 0xBB, "ẳ": 0xBC, "ẵ": 0xBD, "ắ": 0xBE,
    "ặ": 0xC6, "â": 0xA9, "ầ": 0xC7, "ẩ": 0xC8, "ẫ": 0xC9, "ấ": 0xCA, "ậ": 0xCB, "đ": 0xAE, "è": 0xCC, "ẻ": 0xCE,
    "ẽ": 0xCF, "é": 0xD0, "ẹ": 0xD1, "ê": 0xAA, "ề": 0xD2, "ể": 0xD3, "ễ": 0xD4, "ế": 0xD5, "ệ": 0xD6, "ì": 0xD7,
    "ỉ": 0xD8, "ĩ": 0xDC, "í": 0xDD, "ị": 0xDE, "ò": 0xDF, "ỏ": 0xE1, "õ": 0xE2, "ó": 0xE3, "ọ": 0xE4, "ô": 0xAB,
    "ồ": 0xE5, "ổ": 0xE6, "ỗ": 0xE7, "ố": 0xE8, "ộ": 0xE9, "ơ": 0xAC, "ờ": 0xEA, "ở": 0xEB, "ỡ": 0xEC, "ớ": 0xED,
    "ợ": 0xEE, "ù": 0xEF, "ủ": 0xF1, "ũ": 0xF2, "ú": 0xF3, "ụ": 0xF4, "ư": 0xAD, "ừ": 0xF5, "ử": 0xF6, "ữ": 0xF7,
    "ứ": 0xF8, "ự": 0xF9, "ỳ": 0xFA, "ỷ": 0xFB, "ỹ": 0xFC, "ý": 0xFD, "ỵ": 0xFE,
}  # fmt: skip
_TCVN3_UPPER = {"Ă": 0xA1, "Â": 0xA2, "Ê": 0xA3, "Ô": 0xA4, "Ơ": 0xA5, "Ư": 0xA6, "Đ": 0xA7}

#: VNI writes the base letter and then a letter for its marks: circumflex or breve together with the tone.
_GRAVE, _ACUTE, _HOOK, _TILDE, _DOT = "\u0300", "\u0301", "\u0309", "\u0303", "\u0323"
_VNI_TONE = {"": "", _GRAVE: "ø", _ACUTE: "ù", _HOOK: "û", _TILDE: "õ", _DOT: "ï"}
_VNI_CIRCUMFLEX = {"": "â", _GRAVE: "à", _ACUTE: "á", _HOOK: "å", _TILDE: "ã", _DOT: "ä"}
_VNI_BREVE = {"": "ê", _GRAVE: "è", _ACUTE: "é", _HOOK: "ú", _TILDE: "ü", _DOT: "ë"}
_VNI_WHOLE = {"đ": "ñ", "ì": "ì", "í": "í", "ỉ": "æ", "ĩ": "ó", "ị": "ò", "ỵ": "î"}


def to_tcvn3(text: str) -> str:
    """The text as TCVN3 bytes read as Latin-1: `Bắc Ninh` becomes `B¾c Ninh`."""
    letters = []
    for letter in unicodedata.normalize("NFC", text):
        code = _TCVN3_UPPER.get(letter) or _TCVN3_LOWER.get(letter.lower())
        letters.append(chr(code) if code else letter)
    return "".join(letters)


def to_vni(text: str) -> str:
    """The text as VNI-Windows bytes read as Latin-1: `Bắc Ninh` becomes `Baéc Ninh`."""
    return "".join(_to_vni_letter(letter) for letter in unicodedata.normalize("NFC", text))


def _to_vni_letter(letter: str) -> str:
    lower = letter.lower()
    if lower in _VNI_WHOLE:
        written = _VNI_WHOLE[lower]
    elif lower.isascii():
        return letter
    else:
        base, *marks = list(unicodedata.normalize("NFD", lower))
        tone = next((mark for mark in marks if mark in _VNI_TONE), "")
        if "\u0302" in marks:
            written = base + _VNI_CIRCUMFLEX[tone]
        elif "\u0306" in marks:
            written = base + _VNI_BREVE[tone]
        elif "\u031b" in marks:
            written = {"o": "ô", "u": "ö"}[base] + _VNI_TONE[tone]
        else:
            written = base + _VNI_TONE[tone]
    return written.upper() if letter != lower else written
