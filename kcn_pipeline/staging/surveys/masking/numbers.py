"""Numbers that tell a person: telephones, ids, tax codes, plates, places on the map, network addresses, birthdays.

It must not take figures of a report for them. The surprising fact: what is no telephone number is recognised, and not
what is one, because people put anything between the figures of a number.
"""

import re
from itertools import pairwise

from kcn_pipeline.staging.surveys.masking.letters import MASK, Words, words_of

_DIGIT = re.compile(r"\d")
#: Telephone numbers have 8 figures (without area code) or more, tax codes 10 or 13, id cards 9 or 12.
_FEWEST = 8

# ---- runs of figures -------------------------------------------------------------------------------------------------

#: Figures and up to four signs that are no letters between two of them.
_RUN = re.compile(r"\+?\(?\d(?:[\W_]{0,4}\d)*")
_YEAR = r"(?:19|20)\d{2}"
#: A year, a day, a month; `40:2011` and `35/2022` of a standard or decree; a time of day; amounts that are shorter than
#: a telephone number or are round: `12.500.000`, `1.250`, `5,5`. Each is taken as it stands and never looked at again.
_ITEM = (
    rf"(?>(?:{_YEAR}-\d{{1,2}}-\d{{1,2}}|(?:\d{{1,2}}[/.-]){{0,2}}{_YEAR}|\d{{1,5}}[:/]{_YEAR}|\d{{1,2}}[:h]\d{{2}}(?::\d{{2}})?"
    r"|[1-9]\d{0,2}(?:\.\d{3}(?:\.000|,\d\d?)|,\d{3}(?:,000|\.\d\d?))|[1-9][.,]\d{3}[.,]\d{3}"
    r"|(?:0|[1-9]\d{0,2})[.,]\d{1,4})(?![.,]?\d))"
)
#: A year may be followed by a plain number, as in `2025: 150, 2026: 200`, and by another year.
_GROUP = rf"{_ITEM}(?:\s{_ITEM}|(?<=(?:19|20)\d\d)[:=]\s?[1-9]\d{{0,5}}(?!\d))*"
_BETWEEN = r"(?:\s?%?\s?[-–&/(+=]\s?|%?[;,.:)]{1,2}\s(?:[-–(]\s?)?)"
_HARMLESS = re.compile(rf"\(?{_GROUP}(?:{_BETWEEN}{_GROUP})*")
_LIST = re.compile(r"\d{1,3}(?:[,;] \d{1,3}){3,}")
_DAY = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])[0-3]\d|[0-3]\d(?:0[1-9]|1[0-2])(?:19|20)\d{2}")
#: An amount, grouped or in one piece, and what stands before it.
_AMOUNT = re.compile(
    rf"(?P<before>(?:.*?{_BETWEEN})??)\(?[1-9](?:\d{{0,2}}(?:[., ]\d{{3}})+|\d*)(?:[.,]\d{{1,3}})?", re.DOTALL
)
#: A longer run of figures is no list that somebody would read.
_LONGEST = 120
_UNIT = re.compile(
    r"\s?(?:(?:triệu|tỷ|tỉ|nghìn|ngàn)?\s?(?:đồng(?! chí)|vnđ|vnd|usd|euro|eur|krw|won)|triệu|tỷ|tỉ|kwh|mwh|gwh|kw|mw"
    r"|toe|tấn|kg|mg|mj|gj|tj|kj|kcal|m3|m³|m2|m²|ha|lít|km|tco2\w*|co2\w*)(?![^\W\d_])|\s?[$€%‰]",
    re.IGNORECASE,
)
_CURRENCY = re.compile(r"(?:\b(?:vnđ|vnd|usd|eur)|[$€])\s?$", re.IGNORECASE)


def _hide_run(match: re.Match[str]) -> str:
    written, text = match[0], match.string
    if sum(map(str.isdigit, written)) < _FEWEST:
        return written
    if len(written) > _LONGEST:
        return MASK
    has_unit = _UNIT.match(text, match.end()) or _CURRENCY.search(text, max(0, match.start() - 5), match.start())
    amount = _AMOUNT.fullmatch(written) if has_unit else None
    return written if _is_harmless(written if amount is None else amount["before"].rstrip(" -–&/(;,.:")) else MASK


def _is_harmless(written: str) -> bool:
    """Whether a run of figures is made of years, days and amounts, or counts upwards."""
    if sum(map(str.isdigit, written)) < _FEWEST or _HARMLESS.fullmatch(written) or _DAY.fullmatch(written):
        return True
    if not _LIST.fullmatch(written):
        return False
    counted = [int(each) for each in re.findall(r"\d+", written)]
    return all(one < other for one, other in pairwise(counted))


# ---- numbers with a shape of their own -------------------------------------------------------------------------------

#: Passports and other codes of letters and figures; then plates: `99A-123.45`, `30E1 2345`, `99a-123.45`.
_CODE = re.compile(
    r"\b[A-Za-z]{1,2}[ .-]?\d{7,9}\b"
    r"|\b\d{2}\s?-?(?:[A-ZĐ]{1,2}\d?[ .-]{0,3}|[a-zđ]{1,2}\d?\s?-\s?)\d{3}(?:[. ]?\d{2}|\d)\b"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_NETWORK = re.compile(
    rf"(?<![\d.])(?=[\d.]*\d\d)(?:{_OCTET}\.){{3}}{_OCTET}(?!\.?\d)"
    r"|(?<![\w:])(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}\b|(?<![\w:])(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}\b"
    r"|\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b",
    re.IGNORECASE,
)
_MINUTES = r"\s?[°º]\s?\d{1,2}(?:[.,]\d+)?\s?(?:['′’]\s?(?:\d{1,2}(?:[.,]\d+)?\s?(?:[\"″”]|'')?)?)?"
_SIDE = r"(?:\s?[NSEWBĐĐT]\b)?"
#: Degrees and minutes; degrees with a side; pairs of decimals, long ones or such as Việt Nam has.
_PLACE = re.compile(
    rf"\d{{1,3}}{_MINUTES}{_SIDE}|\d{{1,3}}[.,]\d+\s?[°º]\s?(?:[NSEWBĐT]\b|vĩ|kinh)"
    rf"|-?\b\d{{1,3}}[.,]\d{{4,}}[°º]?{_SIDE}\s?[,;/ ]\s?-?\d{{1,3}}[.,]\d{{4,}}[°º]?{_SIDE}"
    r"|\b(?:[89]|1\d|2[0-3])[.,]\d{2,}\s?[,;/ ]\s?10[2-9][.,]\d{2,}"
    r"|\b10[2-9][.,]\d{2,}\s?[,;/ ]\s?(?:[89]|1\d|2[0-3])[.,]\d{2,}"
)
_DECIMAL = re.compile(r"\d[.,]\d\d")
_LOCATED = re.compile(
    r"(?P<said>\b(?:vĩ độ|kinh độ|tọa độ|toạ độ|latitude|longitude|lat|long|lng|gps)\b\W{0,4})-?\d[\d.,;°º'\"′″ -]*\d",
    re.IGNORECASE,
)
_COORDINATES = words_of("vĩ kinh tọa toạ latitude longitude lat long lng gps")
_BORN = re.compile(
    r"(?P<said>(?<!vệ )(?<!phát )(?<!tái )(?<!học )(?<!ký )(?<!nảy )(?<!vi )\b"
    r"(?:(?:(?:ngày|năm)\s)?sinh|sn|dob|born|birth(?:day|date)?|date of birth)\b\W{0,3}"
    r"(?:(?:ngày|năm|vào|on|in|là)\W{1,2}){0,2})"
    r"(?:\d{1,2}(?:\s?(?:[/.,-]|tháng)\s?\d{1,2}(?:\s?(?:[/.,-]|năm)\s?\d{2,4})?)|(?:19|20)\d{2})\b",
    re.IGNORECASE,
)
_BIRTH = words_of("sinh sn dob born birth birthday birthdate")

_NUMERALS = words_of("không một mốt hai ba bốn tư năm lăm sáu bảy bẩy tám chín")
_SPOKEN = re.compile(rf"\b(?:(?:{'|'.join(sorted(_NUMERALS))})\b[ ,.-]*){{{_FEWEST},}}", re.IGNORECASE)


def hide_numbers(text: str, words: Words) -> str:
    """The text without telling numbers."""
    has_figures = _DIGIT.search(text) is not None
    if has_figures:
        text = _hide_places(text, words)
    # Addresses of devices may be all letters.
    if text.count(".") > 2 or text.count(":") > 1 or text.count(":") + text.count("-") > 4:
        text = _NETWORK.sub(MASK, text)
    if has_figures:
        text = _RUN.sub(_hide_run, _CODE.sub(MASK, text))
    if len(_NUMERALS & words.known) > 2:
        text = _SPOKEN.sub(MASK, text)
    return text


def _hide_places(text: str, words: Words) -> str:
    """The text without birthdays and places on the map."""
    if not _BIRTH.isdisjoint(words.known):
        text = _BORN.sub(lambda match: match["said"] + MASK, text)
    if not _COORDINATES.isdisjoint(words.known):
        text = _LOCATED.sub(lambda match: match["said"] + MASK, text)
    if "°" in text or "º" in text or len(_DECIMAL.findall(text)) > 1:
        text = _PLACE.sub(MASK, text)
    return text
