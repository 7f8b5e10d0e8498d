"""Addresses of the net: links, e-mail addresses however their signs are spelled, accounts of messengers.

It must not follow one. The surprising fact: every part of a pattern is bounded, since a text of a hundred thousand
signs would else take the square of its length.
"""

import re

from kcn_pipeline.staging.surveys.masking.letters import CAPITALISED, MASK, Words, words_of

_TOP = (
    "com|net|org|vn|info|biz|edu|gov|kr|jp|cn|tw|hk|sg|asia|site|online|shop|xyz|app|gle|gl|ly|page|link|dev|cloud|tech"
    "|group|example"
)
#: Written links; a host with a path, as short links have; a host alone, under a domain that is no word.
_LINK = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{0,15}://|\bwww\.)\S+"
    r"|(?<![\w.@-])(?:[\w-]{1,63}\.){1,4}[a-z]{2,12}(?::\d{1,5})?/\S+"
    rf"|(?<![\w.@-])(?:[a-z0-9-]{{1,63}}\.){{1,4}}(?:{_TOP})\b(?!\.\w)",
    re.IGNORECASE,
)
#: Without one of these there is no link.
_HOST = re.compile(r"\.[^\W\d_]|://|www\.", re.IGNORECASE)
_SPELLED_DOT = r"(?:\s?\.\s?|\s?[(\[{<]\s?(?:\.|dot|chấm)\s?[)\]}>]\s?|[\s_-](?:dot|chấm)[\s_-])"
#: No part is longer than 64 signs (RFC 5321).
_BOX, _SERVER = r"[\w.+-]{1,64}", r"\w[\w-]{0,62}"
#: What surely stands for @; then what does where a dot follows.
_EMAIL = re.compile(
    rf"{_BOX}\s?(?:[@＠]|[(\[{{<]\s?at\s?[)\]}}>]|\ba còng\b)\s?{_SERVER}(?:{_SPELLED_DOT}{_SERVER}){{0,5}}"
    rf"|{_BOX}(?:\s?[(\[{{<]\s?a\s?[)\]}}>]\s?|[\s_-]at[\s_-]){_SERVER}(?:{_SPELLED_DOT}{_SERVER}){{1,5}}",
    re.IGNORECASE,
)
#: Words that stand for @.
_AT = words_of("at còng a")
_HANDLE = re.compile(r"[@＠]\s?[\w.-]{2,}")

_TOOLS = (
    "zalo|facebook|fb|viber|kakaotalk|kakao|wechat|weixin|skype|telegram|whatsapp|instagram|insta|tiktok|linkedin"
    "|messenger"
)
_NAMED = r"(?:\s?(?:[:=–-]|\b(?:id|nick|tên|name|acc|account|tài khoản|tk|là|is|của)\b)){1,3}\s?"
_SIGNS = r"[^\W\d_]*[\d._@][\w.@-]*\w|[^\W\d_]{8,}"
#: After the name of a tool: what is said to be a name there; a word with figures or dots, or longer than a syllable can
#: be; words with capitals. `line` is a word of factories, so that of it only the first counts.
_ACCOUNT = re.compile(
    rf"(?P<tool>\b(?i:{_TOOLS}|line)\b(?i:{_NAMED}))(?!\d{{1,2}}\b)[\w.@-]{{2,64}}(?:\s{CAPITALISED}){{0,3}}"
    rf"|(?P<app>\b(?i:{_TOOLS})\b\s)(?:live:)?(?:{CAPITALISED}(?:\s{CAPITALISED}){{0,3}}|{_SIGNS})"
    r"|(?P<line>\b(?i:line)\b\s)(?:[^\W\d_]{2,}[\d._][\w.]*\w)"
)
_APPS = words_of(_TOOLS.replace("|", " ")) | {"line"}


def hide_addresses(text: str, words: Words) -> str:
    """The text without addresses."""
    if "@" in text or "＠" in text or not _AT.isdisjoint(words.known):
        text = _HANDLE.sub(MASK, _EMAIL.sub(MASK, text))
    if ("." in text[:-1] or ":" in text) and _HOST.search(text):
        text = _LINK.sub(MASK, text)
    if not _APPS.isdisjoint(words.known):
        text = _ACCOUNT.sub(lambda match: (match["tool"] or match["app"] or match["line"]) + MASK, text)
    return text
