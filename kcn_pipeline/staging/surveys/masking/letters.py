"""What the patterns of masking are made of: capitals, capitalised words, words that name an office and no person.

It must not mask. The surprising fact: `re` knows no class of capitals, so that those of Vietnamese are listed.
"""

import re
from typing import NamedTuple

#: Stands for what was masked; it holds no letter and no figure, so that masking twice changes nothing.
MASK = "[***]"

UPPER = "A-ZÀ-ÖØ-ÝĂĐĨŨƠƯẠẢẤẦẨẪẬẮẰẲẴẶẸẺẼẾỀỂỄỆỈỊỌỎỐỒỔỖỘỚỜỞỠỢỤỦỨỪỬỮỰỲỴỶỸ"
#: A letter that is no capital.
LOWER = rf"[^\W\d_{UPPER}]"
#: A word that begins with a capital, or an initial.
CAPITALISED = rf"[{UPPER}][^\W\d_]*\.?"
#: Where a word begins; `_` may stand before it.
START = r"(?<![^\W_])"

#: What follows a title or `liên hệ` and is an office, a country, a stage (`GĐ II`), an abbreviation or a program.
NOBODY = (
    r"(?:Sở|Công ty|Cty|Phòng|Ban|Bộ|Cục|Chi cục|Chi nhánh|Nhà máy|Nhà nước|Trung tâm|Môi trường|Tài nguyên|Tài chính"
    r"|Kỹ thuật|Hành chính|Nhân sự|Kế toán|Kế hoạch|Sản xuất|An toàn|Khu|Việt Nam|Điều hành|Kinh doanh|Mua hàng"
    r"|Chất lượng|Vận hành|Bảo trì|Cơ quan|Doanh nghiệp|Chính phủ|Excel|Word|Office|Teams|Access|Project|SQL"
    r"|KCN|KCX|UBND|HĐQT|BQL|HSE|EHS|QLDA|QLNN|CNTT|TNMT|BVMT|IT|HR|QA|QC|[IVX]+)\b"
)


_WORD = re.compile(r"[^\W_]+")


class Words(NamedTuple):
    """The words of a text in their order: as they are spelled, in lower case, and in lower case each once."""

    spelled: list[str]
    lower: list[str]
    known: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "Words":
        """The words of a text; `_` parts them as well."""
        spelled = _WORD.findall(text)
        lower = list(map(str.lower, spelled))
        return cls(spelled, lower, frozenset(lower))

    def has_pair(self, first: frozenset[str], second: frozenset[str]) -> bool:
        """Whether a word of the first set stands right before one of the second."""
        if self.known.isdisjoint(first) or self.known.isdisjoint(second):
            return False
        return any(one in first and other in second for one, other in zip(self.lower, self.lower[1:], strict=False))

    def introduces(self, first: frozenset[str], second: frozenset[str]) -> bool:
        """Whether a word of the first set stands right before a word with a capital, or one of the second."""
        if self.known.isdisjoint(first):
            return False
        for one, other in zip(self.lower, self.spelled[1:], strict=False):
            if one in first and (other[0].isupper() or other.lower() in second):
                return True
        return False

    def has_inner_capital(self) -> bool:
        """Whether a word has a capital after its first letter, and not only capitals or figures there."""
        # A word with a capital is none of those in lower case.
        return any(not word[1:].islower() and not word.isupper() for word in set(self.spelled) - self.known)


def words_of(spelled: str) -> frozenset[str]:
    """The words of a list written as one text."""
    return frozenset(spelled.split())
