"""Names of companies: after what says that one follows, and what is left of a name without its legal form.

It must not know a company. The surprising fact: of `Công ty TNHH Điện tử Hoa Mẫu Việt Nam` only `Hoa Mẫu` tells who it
is, and people write just that.
"""

import re
from collections.abc import Iterator, Sequence

from kcn_pipeline.staging.surveys.masking.letters import MASK, UPPER, Words, words_of

_LEGAL = (
    r"(?:(?i:tnhh|ctcp|cp|cổ phần|mtv|một thành viên|hai thành viên|trách nhiệm hữu hạn|sx|tm|dv|xnk|liên doanh)\b"
    r"(?:\s?[&,-]\s?|\s))"
)
_BRAND = rf"[{UPPER}][\w&.-]*"
#: What a company is called after `công ty`; words in lower case only after its legal form.
_COMPANY = re.compile(
    rf"\b(?P<kind>(?i:công ty|c\.ty|cty|nhà máy|tập đoàn|xí nghiệp|htx|company)\s)(?!CHÚNG|TÔI|ĐÃ|KHÔNG|CÓ|CHƯA|CẦN)"
    rf"(?:(?P<legal>{_LEGAL}{{1,5}})(?:[^\W\d_]+\s){{0,4}}?"
    rf"|(?!(?:Xử|XLNT|Hạ tầng|Nước|Kinh doanh|Chúng|Tôi|Mẹ|KCN|FDI)\b)){_BRAND}(?:\s(?:&\s)?{_BRAND}){{0,5}}"
    rf"|(?<![\w.]){_BRAND}(?:\s{_BRAND}){{0,4}},?\s(?:Co\.?,?\s?Ltd|JSC|Corp(?:oration)?|Inc|Limited|Company)\b\.?"
)
_SIGNS = words_of("ty cty máy tập xí htx company ltd jsc corp corporation inc limited")


def hide_companies(text: str, words: Words) -> str:
    """The text without names of companies."""
    return text if _SIGNS.isdisjoint(words.known) else _COMPANY.sub(_hide, text)


def _hide(match: re.Match[str]) -> str:
    return (match["kind"] or "") + (match["legal"] or "") + MASK


# ---- what is left of a name ------------------------------------------------------------------------------------------

#: Folded words of names that many companies have.
_COMMON = re.compile(
    r"\b(?:cong ty|c ty|trach nhiem huu han|co phan|(?:mot|hai) thanh vien|viet nam|bac (?:ninh|giang)|ha noi|hai phong"
    r"|tap doan|nha may|chi nhanh|xi nghiep|hop tac xa|doanh nghiep|khu cong nghiep|xuat nhap khau|dien tu|cong nghe"
    r"|cong nghiep|thuong mai|dich vu|san xuat|dau tu|xay dung|phat trien|ky thuat|co khi|det may|may mac|bao bi"
    r"|thuc pham|hoa chat|vat lieu|nang luong|che bien|linh kien|quoc te|toan cau|van tai|duoc pham|ha tang|moi truong"
    r"|va|tnhh|mtv|ctcp|cp|cty|ct|cn|sx|tm|dv|xnk|kcn|kcx|htx|co|ltd|limited|company|corp|corporation|inc|jsc|llc|group"
    r"|holdings?|vietnam|vina|vn|electronics?|technolog(?:y|ies)|tech|industr(?:y|ies)|industrial|international|global"
    r"|precision|manufacturing|systems?|trading|services?|park)\b"
)
#: A folded word that a Vietnamese syllable can be.
_SYLLABLE = re.compile(r"(?:ngh|ng|nh|ph|th|tr|kh|gh|gi|ch|qu|[bcdghklmnpqrstvx])?[aeiouy]{1,3}(?:ch|ng|nh|[cmnpt])?")


#: With these words names of companies end.
_LAST = words_of("co ltd limited company corp corporation inc jsc llc group vietnam vina vn tnhh cp nam ninh giang noi")


def may_be_company(folded: Sequence[str]) -> bool:
    """Whether a name of folded words ends as names of companies do; `Nguyễn Việt Nam` does as well."""
    return bool(folded) and folded[-1] in _LAST


def is_syllable(folded: str) -> bool:
    """Whether a folded word may be an everyday one, as one syllable is."""
    return _SYLLABLE.fullmatch(folded) is not None


def telling_parts(folded: Sequence[str]) -> Iterator[str]:
    """The parts of a name in folded words that tell a company: what common words leave, words that are no syllable."""
    for part in _COMMON.sub("|", " ".join(folded)).split("|"):
        words = part.split()
        if words:
            yield " ".join(words)
        if len(words) > 1:
            yield from (word for word in words if len(word) > 3 and not is_syllable(word))
