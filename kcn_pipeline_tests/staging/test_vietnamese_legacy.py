"""Legacy fonts: every letter of TCVN3 and VNI, sheets that are legacy, mixed or not at all, and text left in peace."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcn_pipeline.staging.vietnamese import (
    LegacyEncoding,
    convert_legacy,
    decode_legacy,
    decode_sheet,
    detect_legacy,
)
from kcn_pipeline_tests.staging.legacy_letters import LETTERS, TCVN3, VNI, to_tcvn3, to_vni

WRITERS: dict[LegacyEncoding, Callable[[str], str]] = {"tcvn3": to_tcvn3, "vni": to_vni}
encodings = pytest.mark.parametrize("encoding", ["tcvn3", "vni"])

SHEET = [
    "Công ty TNHH Điện tử Ánh Sao",
    "Địa chỉ: lô B2, KCN Quế Võ, phường Phương Liễu, tỉnh Bắc Ninh",
    "Người đại diện: Nguyễn Văn Tú",
    "Tổng vốn đầu tư đăng ký (triệu USD)",
    "Lượng nước thải (m3/ngày đêm)",
    "Thông tư",
    "Quý I năm 2026",
    "Nợ dài hạn: 1.234,5",
    "ĐT: 0222 000 000",
    "thưc hiện nghiã vụ",
    "Hoàng Thị Hồng",
    "Tân",
    "Bụi PM10 (µg/m3)",
    "Ngày cấp GCNĐKĐT",
    "Lưu huỳnh đioxit, tổng nitơ",
    "ABC Ltd.",
]


def _cells(text: str) -> list[str]:
    return [cell.strip() for line in text.strip().splitlines() for cell in line.split("|")]


FOREIGN = _cells("""
    Société Générale | Müller GmbH | Crédit Agricole | L'Oréal | Häagen-Dazs | Citroën | Škoda | Björn Borg | São Paulo
    Bücher & Söhne | Köln | Zürich | Malmö | Århus | Ørsted | Électricité de France | Muñoz | España | Ångström
    Günther | Größe | Möbel für alle | Türkiye | Gül | Noël | Zoë | crème brûlée | tête-à-tête | naïve | café
    10 µg/m3 | ½ | 5 × 3 | 10 ÷ 20 | «ABC» | « ABC » | Samsung® | © 2026 | § 5 | ±5 °C | m² | 50 %
    Böhm | Jäger | für | in\u00adfor\u00adma\u00adtion | Łódź | Dvořák | 현대 자동차 | 三星电子 | 東芝 | Тойота
""")
VIETNAMESE = _cells("""
    Công ty | Hà Nam | Tân Á | Võ | Vân Trung | không có | thôn | Hoà Bình | hóa | LÊ THÁI TÔNG | Phó phòng | Môi trường
    Bắc Ninh | Nguyễn Văn Tú | Đường số 5 | QUẾ VÕ | thuế | Ý kiến | nông thôn | xã | Tổng giám đốc
    dùng | vô | vùng | Thái Lan | môn | phân loại | GCNĐKĐT | VNĐ | Đ/c | Khoáng sản | chì | tô | sóng
""")


def test_the_tables_have_all_letters() -> None:
    assert len(LETTERS) == len(set(LETTERS)) == 67
    assert len(TCVN3) == 74
    assert len(VNI) == 134
    assert TCVN3["ư"] == "\u00ad"


@pytest.mark.parametrize("letter", TCVN3)
def test_every_tcvn3_letter(letter: str) -> None:
    assert convert_legacy(TCVN3[letter], "tcvn3") == letter
    assert convert_legacy(TCVN3[letter], "tcvn3", capitals=True) == letter.upper()
    assert convert_legacy(f"t{TCVN3[letter]}n", "tcvn3") == f"t{letter}n"


@pytest.mark.parametrize("letter", VNI)
def test_every_vni_letter(letter: str) -> None:
    assert convert_legacy(VNI[letter], "vni") == letter
    assert convert_legacy(f"t{VNI[letter]}n", "vni") == f"t{letter}n"


def test_vni_capital_with_a_lower_case_mark() -> None:
    assert convert_legacy("Aùnh Ñoû", "vni") == "Ánh Đỏ"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B¾c Ninh", "Bắc Ninh"),
        ("B¾C NINH", "BẮC NINH"),
        ("Hµ NéI", "HÀ NỘI"),
        ("KCN B¾C Ninh", "KCN BẮC Ninh"),
        ("Hµ", "Hà"),
        ("§µo V¨n ¸", "Đào Văn á"),
    ],
)
def test_capitals_typed_for_a_capital_font(text: str, expected: str) -> None:
    assert convert_legacy(text, "tcvn3") == expected


@encodings
def test_a_legacy_sheet_is_decoded(encoding: LegacyEncoding) -> None:
    cells = [WRITERS[encoding](cell) for cell in SHEET]
    decoded, found = decode_sheet(cells)
    assert found == encoding
    # TCVN3 has no accented capitals: they come back as typed, in lower case.
    assert [cell.lower() for cell in decoded] == [cell.lower() for cell in SHEET]


@encodings
def test_one_legacy_cell_is_enough(encoding: LegacyEncoding) -> None:
    assert detect_legacy([*VIETNAMESE, *FOREIGN, WRITERS[encoding]("Bắc Ninh")]) == encoding


@encodings
def test_a_mixed_sheet_decodes_only_its_legacy_cells(encoding: LegacyEncoding) -> None:
    legacy = SHEET[:8]
    decoded, found = decode_sheet([*VIETNAMESE, *(WRITERS[encoding](cell) for cell in legacy), *FOREIGN])
    assert found == encoding
    assert decoded[: len(VIETNAMESE)] == VIETNAMESE
    assert [cell.lower() for cell in decoded[len(VIETNAMESE) : -len(FOREIGN)]] == [cell.lower() for cell in legacy]
    assert decoded[-len(FOREIGN) :] == FOREIGN


@pytest.mark.parametrize("cells", [FOREIGN, VIETNAMESE, FOREIGN + VIETNAMESE, [], ["", "ABC", "1.234,5"]])
def test_a_sheet_without_legacy_cells_is_not_touched(cells: list[str]) -> None:
    assert decode_sheet(cells) == (cells, None)


@pytest.mark.parametrize("cell", FOREIGN + VIETNAMESE)
def test_a_cell_that_is_not_legacy_stays_even_alone(cell: str) -> None:
    assert detect_legacy([cell]) is None
    for encoding in WRITERS:
        assert decode_legacy(cell, encoding) == cell


def test_words_of_two_letters_prove_nothing() -> None:
    assert detect_legacy(["mü", "hå", "tö", "Müller"]) is None  # TCVN3 for mỹ, hồ, tử, but words elsewhere


def test_doubt_is_decided_by_the_sheet() -> None:
    assert decode_legacy("Tãc", "tcvn3") == "Tóc"  # `Tãc` is no word, so there is no doubt
    assert decode_legacy("phó", "tcvn3") == "phó"  # TCVN3 for `phú`, but a good word itself
    assert decode_legacy("phó", "tcvn3", pure=True) == "phú"
    assert decode_legacy("Công ty", "tcvn3", pure=True) == "Công ty"  # TCVN3 for the rare `Cụng`


def test_signs_glued_to_letters_stay_where_nothing_else_is_legacy() -> None:
    for cell in ("©ABC", "Samsung®", "«ABC"):
        assert decode_legacy(cell, "tcvn3") == cell


def test_foreign_words_in_a_legacy_cell_stay() -> None:
    assert decode_legacy(to_tcvn3("Ngân hàng ") + "Société Générale", "tcvn3") == "Ngân hàng Société Générale"
    assert decode_legacy(to_vni("Công ty điện tử ") + "Müller", "vni") == "Công ty điện tử Müller"


words = st.sampled_from(sorted({word for cell in SHEET[:8] + VIETNAMESE for word in cell.split()}))


@given(st.lists(words, min_size=1, max_size=6).map(" ".join))
@settings(max_examples=100, deadline=None)
def test_unicode_vietnamese_is_never_found_legacy(text: str) -> None:
    assert decode_sheet([text]) == ([text], None)


@given(st.lists(st.text(st.characters(max_codepoint=0x17F), max_size=12), max_size=5))
@settings(max_examples=150, deadline=None)
def test_any_sheet_keeps_its_shape_and_its_ascii(cells: list[str]) -> None:
    decoded, encoding = decode_sheet(cells)
    assert len(decoded) == len(cells)
    assert all(after == before for before, after in zip(cells, decoded, strict=True) if before.isascii())
    assert encoding is not None or decoded == cells


def test_the_writer_used_here() -> None:
    assert to_tcvn3("Tư") == "T\u00ad"
    assert to_vni("Nguyễn") == "Nguyeãn"
