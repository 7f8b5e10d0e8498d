"""Text: what `clean` removes and keeps, one spelling per word in `canonical`, one key per name in `fold`."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kcn_pipeline.staging.vietnamese import canonical, clean, fold

vietnamese = st.text(
    "abcdeghiklmnopqrstuvxyàảãáạăắặâấậđèéẹêếệìíịòóọôốộơớợùúụưứựỳỷỹýỵABCĐÔƯ .,-/()\u00a0\n\u200b\u0301\u0323",
    max_size=30,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Công  ty\nTNHH\u00a0A ", "Công ty TNHH A"),
        ("Vốn\r\nđầu\ttư", "Vốn đầu tư"),
        (unicodedata.normalize("NFD", "Quế Võ"), "Quế Võ"),
        ("\ufeffMã số\u200b thuế\u2060", "Mã số thuế"),
        ("Th«ng t\u00ad", "Th«ng t\u00ad"),
        ("", ""),
        ("한국 기업", "한국 기업"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_soft_hyphens_go_only_on_request() -> None:
    assert clean("nghi\u00adệp", drop_soft_hyphens=True) == "nghiệp"


@pytest.mark.parametrize(
    ("one", "other", "spelling"),
    [
        ("hoá", "hóa", "hóa"),
        ("Thanh Hoá", "Thanh Hóa", "Thanh Hóa"),
        ("thuý", "thúy", "thúy"),
        ("khoẻ", "khỏe", "khỏe"),
        ("hoà bình", "hòa bình", "hòa bình"),
        ("uỷ ban", "ủy ban", "ủy ban"),
        ("HOÁ CHẤT", "HÓA CHẤT", "HÓA CHẤT"),
        ("tuỳ, luỹ kế", "tùy, lũy kế", "tùy, lũy kế"),
        ("Ðồng Nguyên", "Đồng Nguyên", "Đồng Nguyên"),
        ("ðiện", "điện", "điện"),
        ("NÐ-CP, QÐ", "NĐ-CP, QĐ", "NĐ-CP, QĐ"),
        (unicodedata.normalize("NFD", "Thuỷ điện"), "Thủy điện", "Thủy điện"),
    ],
)
def test_two_spellings_become_one(one: str, other: str, spelling: str) -> None:
    assert canonical(one) == canonical(other) == spelling
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    "word",
    [
        *(
            "quý",
            "quỹ",
            "Quỳnh",
            "giá",
            "già",
            "khuya",
            "thuở",
            "hoàn",
            "ngoài",
            "khuỷu",
            "huỳnh",
            "toán",
            "loại",
            "mía",
        ),
        *("Zoé", "Chloé", "Guðmundur", "Société Générale", "Müller", "삼성", "ABC", "người", "xoong"),
    ],
)
def test_words_with_one_spelling_stay(word: str) -> None:
    assert canonical(word) == word


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("HOÁ-CHẤT", "hoa chat"),
        ("  Đường   số 5 (KCN Quế Võ) ", "duong so 5 kcn que vo"),
        ("Ðình Bảng", "dinh bang"),
        ("Tổng_vốn: đầu/tư", "tong von dau tu"),
        ("m3/ngày đêm", "m3 ngay dem"),
        ("nghi\u00adệp\u200b", "nghiep"),
        ("삼성 전자", "삼성 전자"),
        ("…", ""),
    ],
)
def test_fold(text: str, key: str) -> None:
    assert fold(text) == key


@given(vietnamese)
@example("o\u00e0\u0301")
@settings(max_examples=300, deadline=None)
def test_all_three_may_be_applied_twice_and_to_either_normal_form(text: str) -> None:
    for function in (clean, canonical, fold):
        once = function(text)
        assert function(once) == once
        assert function(unicodedata.normalize("NFD", text)) == once
    assert fold(canonical(text)) == fold(text)
