"""Vietnamese text written in the legacy encodings, for tests: the tables the other way round, typed independently.

It must not import the tables it is used to test. The surprising fact: Python can decode cp1258 but cannot encode
Vietnamese into it, because that code page wants the tone as a letter of its own.
"""

import unicodedata

LETTERS = "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵ"
TCVN3_CAPITALS = "ĂÂĐÊÔƠƯ"

_TCVN3_HEX = (
    "b5b6b7b8b9 a8bbbcbdbec6 a9c7c8c9cacb ae cccecfd0d1 aad2d3d4d5d6 d7d8dcddde dfe1e2e3e4 abe5e6e7e8e9 aceaebecedee"
    "eff1f2f3f4 adf5f6f7f8f9 fafbfcfdfe a1a2a7a3a4a5a6"
)
_VNI = (
    "aø aû aõ aù aï aê aè aú aü aé aë aâ aà aå aã aá aä ñ eø eû eõ eù eï eâ eà eå eã eá eä ì æ ó í ò oø oû oõ où oï "
    "oâ oà oå oã oá oä ô ôø ôû ôõ ôù ôï uø uû uõ uù uï ö öø öû öõ öù öï yø yû yõ yù î"
)
TCVN3 = dict(zip(LETTERS + TCVN3_CAPITALS, bytes.fromhex(_TCVN3_HEX).decode("latin-1"), strict=True))
VNI = dict(zip(LETTERS, _VNI.split(), strict=True))
VNI |= {letter.upper(): code.upper() for letter, code in VNI.items()}
_TONES = "\u0300\u0301\u0303\u0309\u0323"


def to_tcvn3(text: str) -> str:
    """TCVN3 bytes read as Latin-1. Accented capitals become lower-case codes, as for the font `.VnTimeH`."""
    return "".join(TCVN3.get(letter) or TCVN3.get(letter.lower(), letter) for letter in text)


def to_vni(text: str) -> str:
    """VNI text for Windows read as cp1252."""
    return "".join(VNI.get(letter, letter) for letter in text)


def to_cp1258(text: str) -> bytes:
    """Bytes of the Vietnamese code page: the letter with its hat, then the tone as a combining mark."""
    content = b""
    for letter in text:
        parts = unicodedata.normalize("NFD", letter)
        tone = "".join(part for part in parts if part in _TONES)
        base = unicodedata.normalize("NFC", "".join(part for part in parts if part not in _TONES))
        content += (base + tone).encode("cp1258")
    return content
