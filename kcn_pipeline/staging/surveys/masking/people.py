"""Names of people: after a title, after `liên hệ` and its like, after a surname.

It must not know who answered. The surprising fact: most surnames are everyday words (hồ, lý, cao, mai), so that what
follows decides: Văn or Thị, two capitals, or after the few that are no words one.
"""

import re

from kcn_pipeline.staging.surveys.masking.letters import CAPITALISED, LOWER, MASK, NOBODY, START, UPPER, Words, words_of

# ---- surnames --------------------------------------------------------------------------------------------------------

#: Surnames that are no everyday words, not even where a whole comment is in capitals.
_SURE = (
    "Nguyễn Trần Lê Phạm Huỳnh Hoàng Phan Vũ Võ Đặng Bùi Đỗ Ngô Dương Đinh Trịnh Nguyen Tran Pham Huynh Hoang Vu Dang"
    " Bui Ngo Duong Dinh Trinh"
)
_WORDS = (
    "Tạ Trương Hồ Lý Đào Cao Mai Lương Phùng Hà Đoàn Chu Tô Lâm Thái Vương Quách Kiều Triệu Lưu Tống Từ Thân Tăng"
    " Nghiêm Doãn Đàm Giáp Hứa Khổng Khúc Lã Lại Mạc Nông Ngụy Phí Sầm Thẩm Tôn Kim Bạch Cù Diệp Khuất Ma Thạch Ứng"
    " Chử Lục Lỗ Nhữ Tào Đậu Lee Choi"
)
_BARE = "Le Do Vo Phan Ta Truong Ho Ly Dao Cao Mai Luong Phung Ha Doan Chu To Lam Thai Vuong Quach Kieu Trieu Luu Tong"
#: Without their diacritics these are other words before `thi`, `van`: đường thi công, đang thi công.
_BARE_LOWER = "nguyen tran pham huynh hoang bui trinh ngo le"
#: Towns and districts that begin like people.
_TOWNS = (
    r"(?:Hà (?:Nội|Nam|Giang|Tĩnh|Đông|Tây|Tiên)|Cao (?:Bằng|Lãnh|Lộc)|Thái (?:Nguyên|Bình|Lan)|Lâm (?:Đồng|Thao)"
    r"|Hồ (?:Chí Minh|Gươm|Tây)|Lương (?:Tài|Sơn)|Mai (?:Châu|Sơn)|Chu Lai|Kim (?:Sơn|Bảng|Thành)|Lý Sơn|Tô Lịch)\b"
)
SURNAMES = words_of(f"{_SURE} {_WORDS} {_BARE}".lower())


def _any_of(spelled: str) -> str:
    return "|".join(spelled.split())


#: Between the words of a name.
_JOIN = r"(?:[ _-]{1,2}|\.)"
#: A word with a capital or an initial; or, without anything between, a capital and what follows (`VanBinh`).
_NEXT = rf"(?:{_JOIN}[{UPPER}](?:{LOWER}{{0,2}}\.|{LOWER}+|(?![^\W\d_]))|[{UPPER}]{LOWER}+)"
_MIDDLE = r"(?:Văn|Thị|Van|Thi)"
#: A sure surname and a word in capitals (`Quế Võ` is a place), and the whole name in capitals; an everyday word and two
#: words in capitals, or Văn or Thị and one.
_NAMED = re.compile(
    rf"{START}(?<!Quế )(?<!QUẾ )(?:(?:{_any_of(_SURE)})(?!{LOWER})(?:{_NEXT}){{1,4}}"
    rf"|(?:{_any_of(_SURE.upper())})(?:{_JOIN}[{UPPER}]+(?![^\W\d_])){{2,4}}"
    rf"|(?!{_TOWNS})(?:{_any_of(_WORDS)})(?!{LOWER})(?:{_NEXT}){{2,4}}"
    rf"|(?:{_any_of(_BARE)}){_JOIN}?{_MIDDLE}(?:{_NEXT}){{1,3}}"
    rf"|(?:{_any_of(_WORDS.upper())}){_JOIN}(?:VĂN|THỊ|VAN|THI)(?:{_JOIN}[{UPPER}]+(?![^\W\d_])){{1,2}})"
)
_STARTS = words_of(f"{_SURE} {_WORDS} {_BARE} {_SURE.upper()} {_WORDS.upper()}")

#: What goes on after a name in lower case.
_GOES_ON = (
    r"(?!(?:là|phụ|ở|bên|đã|và|có|cho|thì|sẽ|nói|đang|ký|làm|của|tại|phòng|gọi|bảo|được|không|cũng|với|để|hay|hoặc|về"
    r"|trả|phải|ban|công|biết|nhé|ạ)\b)"
)
_NO_NAME = (
    r"(?!(?:phòng|bản|hóa|hoá|thư|kiện|trường|trấn|xã|phần|công|hành|đề|cong|truong|hanh|de|phong|ban|tran|xa)\b)"
)
_LOWER_NAME = re.compile(
    rf"{START}(?:(?:{_any_of((_SURE + ' ' + _WORDS).lower())}){_JOIN}(?:văn|thị)"
    rf"|(?:{_any_of(_BARE_LOWER)}){_JOIN}(?:van|thi))"
    rf"{_JOIN}{_NO_NAME}[^\W\d_]+(?:{_JOIN}{_GOES_ON}[^\W\d_]+)?",
    re.IGNORECASE,
)
_MIDDLES = words_of("văn thị van thi")

# ---- titles and contacts ---------------------------------------------------------------------------------------------

_HONORIFICS = (
    "ông|bà|anh|chị|em|cô|chú|bác|cháu|thầy|đồng chí|miss|tôi là|em là|tên là|tên tôi là|họ tên|họ và tên"
    "|người liên hệ|name is|i am|madam|madame|mister|sir|sếp"
)
_JOBS = (
    "tổng giám đốc|phó giám đốc|giám đốc|trưởng phòng|phó phòng|trưởng ban|kế toán trưởng|kế toán"
    "|bác sĩ|bác sỹ|kỹ sư|kĩ sư|chủ tịch|quản đốc|trưởng ca|tổ trưởng|nhân viên|chuyên viên|cán bộ|thư ký|director"
    "|manager"
)
#: A dot may follow these.
_SHORTENED = "đ/c|mr|mrs|ms|dr|prof|pgs|gs|ts|ths|ks|tgđ|pgđ|gđ|ktt|bs"
#: The last words of titles; a surname may follow in lower case.
_TITLES = frozenset(re.findall(r"(\w+)(?:$|\|)", f"{_HONORIFICS}|{_JOBS}|{_SHORTENED}")) | {"a", "c"}
_SURE_LOWER = words_of(_SURE.lower())
_WHO = (
    rf"(?!{NOBODY})(?:{CAPITALISED}(?:\s{CAPITALISED}){{0,4}}"
    rf"|(?i:{_any_of(_SURE)})\b(?:\s[^\W\d_]+){{1,2}})"
)
#: The title in any case, the name in capitals; `Bà Rịa` and `Cô Tô` are places. A surname may be in lower case.
_TITLED = re.compile(
    rf"\b(?!(?i:anh) Quốc\b|(?i:bà) (?:Rịa|Nà)\b|(?i:cô) Tô\b(?! [{UPPER}]))"
    rf"(?P<title>(?:(?i:{_HONORIFICS}|{_JOBS})\b|(?i:{_SHORTENED})\b\.?)\s*:?\s*"
    rf"|(?:(?<=[^\W\d_] )[ac]|^[AaCc]|(?<=[,;.:(] )[AaCc])\.? ){_WHO}"
)
_MARK = "lh|liên hệ|ký tên|người gửi|người viết|người điền(?: phiếu)?|người trả lời|người khai|người lập(?: phiếu)?"
_SIGNS_OFF = "họ(?: và)? tên|tên|contact|signed(?: by)?|best regards|regards|trân trọng|thân ái"
_WRITTEN = r"[^\W\d_][^\s,;.!?()\[\]:]*"
#: What stands after a colon, in any case; then a capitalised name without one.
_CONTACT = re.compile(
    rf"(?P<said>\b(?:(?i:{_MARK}|{_SIGNS_OFF})\s?[:：]|(?i:lh|ký tên|người gửi)\s?[-–.]"
    rf"|(?i:regards|trân trọng|thân ái)\s?[,.!])\s?){_WRITTEN}(?:\s{_WRITTEN}){{0,3}}"
    rf"|(?P<asks>\b(?<!câu )(?i:{_MARK}|gặp|hỏi|gọi|nhờ|contact|call|ask)(?i: với| cho)?\s)"
    rf"(?!{NOBODY}|[{UPPER}]{{2,6}}\b){CAPITALISED}(?:\s{CAPITALISED}){{0,3}}"
)
#: Words in lower case between such a word and a number or address that was masked.
_CALLED = re.compile(
    r"(?P<asks>\b(?:lh|liên hệ|gặp|gọi|hỏi|call|contact)\b)(?P<who>(?:\s[^\W\d_]+){1,4})(?=\s?[-:,(]?\s?\[\*\*\*\])",
    re.IGNORECASE,
)
#: The last words of these; those that a colon follows.
_ASKING = words_of("lh hệ tên gửi viết điền phiếu lời khai lập gặp hỏi gọi nhờ contact call ask với cho")
_SIGNING = words_of("lh hệ tên gửi viết điền phiếu lời khai lập contact signed by regards trọng ái")
_NOTHING: frozenset[str] = frozenset()
#: Of such words those that are no name.
_PLAIN = words_of(
    "số sđt đt điện thoại theo qua zalo lại tới đến cho tel phone hotline email mail máy bàn di động anh chị em"
    " ông bà cô chú bác tôi mình với trực tiếp ngay nếu cần khi để về ở tại địa chỉ bên bộ phận phòng môi trường"
    " ban giám đốc hệ liên thêm thông tin và hoặc hay trước sau là của công ty nhà dùm giúp giùm nhé vào at to me"
    " us the number mst mã"
)


#: Without one of these words there is no name.
_ANY = _TITLES | _ASKING | _SIGNING | _MIDDLES | {start.lower() for start in _STARTS}


def hide_people(text: str, words: Words) -> str:
    """The text without names of people."""
    is_glued = words.has_inner_capital()
    if words.known.isdisjoint(_ANY) and not is_glued:
        return text
    if words.introduces(_TITLES, _SURE_LOWER):
        text = _TITLED.sub(lambda match: match["title"] + MASK, text)
    is_signed = not _SIGNING.isdisjoint(words.known) and any(sign in text for sign in ":：-–.,!")
    if is_signed or words.introduces(_ASKING, _NOTHING):
        text = _CONTACT.sub(lambda match: (match["said"] or match["asks"]) + MASK, text)
    if MASK in text and not _ASKING.isdisjoint(words.known):
        text = _CALLED.sub(_hide_called, text)
    if is_glued or not _STARTS.isdisjoint(words.spelled):
        text = _NAMED.sub(MASK, text)
    return _LOWER_NAME.sub(MASK, text) if words.has_pair(SURNAMES, _MIDDLES) else text


def _hide_called(match: re.Match[str]) -> str:
    called = match["who"].split()
    shown = [word if word.lower() in _PLAIN else MASK for word in called]
    return " ".join([match["asks"], *shown])
