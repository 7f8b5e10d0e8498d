"""Bytes of text files: every encoding gives the same text, and what is no text is refused with a reason."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcn_pipeline.staging.vietnamese import UnreadableTextError, decode_bytes
from kcn_pipeline_tests.staging.legacy_letters import to_cp1258, to_tcvn3, to_vni

CSV = (
    "Tên doanh nghiệp;Khu công nghiệp;Vốn đầu tư (triệu đồng)\r\n"
    "Công ty TNHH điện tử ánh Sao;Quế Võ;1.234,5\r\n"
    "Công ty cổ phần thép Tân Phú;Yên Phong;\r\n"
)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (CSV.encode(), "utf-8"),
        (CSV.encode("utf-8-sig"), "utf-8-sig"),
        (b"\xff\xfe" + CSV.encode("utf-16-le"), "utf-16-le"),
        (b"\xfe\xff" + CSV.encode("utf-16-be"), "utf-16-be"),
        (CSV.encode("utf-16-le"), "utf-16-le"),
        (CSV.encode("utf-16-be"), "utf-16-be"),
        (to_cp1258(CSV), "cp1258"),
        (to_tcvn3(CSV).encode("latin-1"), "tcvn3"),
        (to_vni(CSV).encode("cp1252"), "vni"),
    ],
)
def test_one_text_in_every_encoding(content: bytes, encoding: str) -> None:
    assert decode_bytes(content) == (CSV, encoding)
    assert decode_bytes(content) == decode_bytes(content)


@pytest.mark.parametrize(
    ("content", "text", "encoding"),
    [
        (b"", "", "utf-8"),
        (b"a;b\n1;2\n", "a;b\n1;2\n", "utf-8"),
        ("Société;Müller;5 µg/m³\n".encode("cp1252"), "Société;Müller;5 µg/m³\n", "cp1252"),
        ("삼성;1\n".encode(), "삼성;1\n", "utf-8"),
        ("회사;이름;a;b;1;2\n".encode("utf-16-le"), "회사;이름;a;b;1;2\n", "utf-16-le"),
        (to_tcvn3("Vốn đầu tư;").encode("latin-1") + b"5 \xb5g/m3", "Vốn đầu tư;5 µg/m3", "tcvn3"),
        (b"a line\x0bbroken in Word;1\n", "a line broken in Word;1\n", "utf-8"),
        (b"old end-of-file mark\r\n\x1a", "old end-of-file mark\r\n\x1a", "utf-8"),
    ],
)
def test_other_texts(content: bytes, text: str, encoding: str) -> None:
    assert decode_bytes(content) == (text, encoding)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x00\x01\x02\x03", "zero byte"),
        (b"a;b\x07c\n", "control character 0x07 at 3"),
        (CSV.encode().replace(b"Sao", b"S\xffo"), "damaged at byte"),
        (b"\xff\xfe" + CSV.encode("utf-16-le")[:-1], "truncated"),
        (b"\x8d\x90\x81 \x9d", "fit none"),
    ],
)
def test_what_is_no_text_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableTextError, match=reason):
        decode_bytes(content)


def test_random_bytes_are_never_taken_for_text() -> None:
    source = random.Random(2026)
    for _ in range(200):
        with pytest.raises(UnreadableTextError):
            decode_bytes(source.randbytes(500))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60))
@settings(max_examples=150, deadline=None)
def test_utf_8_comes_back_as_it_was(text: str) -> None:
    assert decode_bytes(("x" + text).encode())[0] == "x" + text
