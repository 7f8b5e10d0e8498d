"""What masking skips because a word or sign is missing: the detailed patterns would have found nothing there."""

from collections.abc import Iterable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kcn_pipeline.staging.surveys.masking import MASK, addresses, companies, numbers, own, people
from kcn_pipeline.staging.surveys.masking.hide import clean
from kcn_pipeline.staging.surveys.masking.letters import Words, words_of

#: Every word that opens the way to a pattern.
_OPENING = (
    *(people._ANY, people._TITLES, people._SURE_LOWER, people._ASKING, people._SIGNING, people._MIDDLES),
    *(people.SURNAMES, people._STARTS, companies._SIGNS, addresses._APPS, addresses._AT),
    *(numbers._BIRTH, numbers._COORDINATES, numbers._NUMERALS),
)
_EVERY_WORD = frozenset(word for words in _OPENING for word in words)


class _AllOpen(Words):
    """The words of a text that pretends to hold every word, so that no pattern is skipped."""

    def has_pair(self, first: frozenset[str], second: frozenset[str]) -> bool:
        return True

    def introduces(self, first: frozenset[str], second: frozenset[str]) -> bool:
        return True

    def has_inner_capital(self) -> bool:
        return True


def _open_all(text: str) -> Words:
    words = Words.of(text)
    return _AllOpen([*words.spelled, *_EVERY_WORD], [*words.lower, *_EVERY_WORD], words.known | _EVERY_WORD)


_NAMES = "Nguyễn Văn Khuê Bình Trần Thị Mẫu Hoa Lê Lee Hồ VănBình LêLy NguyễnVăn nguyen_van_khue N.V. NVK Quế Võ A a"
_PIECES = (
    f"{_NAMES} khuê mẫu . , ; : - _ / @ ＠ ( ) [ ] at dot a còng [a] (at) com vn www. :// bit.ly/x congty.vn .vn"
    " gmail.com 09 12 345 678 0912345678 1.000 2025 15/06 99A 123.45 21°11' 21.18 106.0763 8,12 10.0.0.12 ::1"
    " aa:bb:cc:dd:ee:ff aa-bb-cc fe80: đồng Công ty TNHH Co., Ltd nhà máy Samsung 中 Ж [***] GĐ II KCN nhóm"
).split()
_WORDS = st.sampled_from(_PIECES) | st.sampled_from(sorted(_EVERY_WORD)) | st.text("aA.@:-1 °", min_size=1, max_size=4)
_TWISTS = st.sampled_from([str, str, str.upper, str.title, str.lower])
_TEXTS = st.lists(
    st.builds(
        lambda word, twist, blank: twist(word) + blank, _WORDS, _TWISTS, st.sampled_from(["", " ", " ", ", ", "_"])
    ),
    max_size=10,
).map(lambda pieces: clean("".join(pieces)))


@given(_TEXTS)
@example("LêLy")
@settings(max_examples=400, deadline=None)
def test_what_is_skipped_for_want_of_a_word_would_have_changed_nothing(text: str) -> None:
    words, every = Words.of(text), _open_all(text)
    for hide in (addresses.hide_addresses, numbers.hide_numbers, companies.hide_companies, people.hide_people):
        assert hide(text, words) == hide(text, every)


@given(_TEXTS)
@example("mã aa:bb-cc-dd-ee-ff")
@example("mã aa:bb:cc:dd:ee:ff")
@example("www.,")
@settings(max_examples=300, deadline=None)
def test_what_is_skipped_for_want_of_a_sign_would_have_changed_nothing(text: str) -> None:
    words = Words.of(text)
    for pattern in (addresses._EMAIL, addresses._HANDLE, addresses._LINK):
        assert pattern.search(text) is None or MASK in addresses.hide_addresses(text, words)
    for pattern in (numbers._PLACE, numbers._NETWORK, numbers._CODE, numbers._SPOKEN):
        assert pattern.search(text) is None or MASK in numbers.hide_numbers(text, words)


_IDENTITIES = st.lists(
    st.lists(st.sampled_from(_PIECES) | st.sampled_from(sorted(words_of(_NAMES))), min_size=1, max_size=6).map(" ".join)
    | st.text(max_size=8),
    max_size=4,
)


@given(_TEXTS, _IDENTITIES, st.integers(0, 9), _TWISTS)
@example("", ["Nguyễn VănBình Nguyễn ."], 2, str)
@settings(max_examples=400, deadline=None)
def test_an_identity_that_is_skipped_stands_nowhere_in_the_text(
    text: str, identities: list[str], chosen: int, twist: type[str]
) -> None:
    said = [word for identity in identities for word in (identity, *identity.split())]
    text = clean(f"{text} {twist(said[chosen % len(said)])} {text}") if said else text
    assert own.hide_own(text, own.hidden_of(Words.of(text).spelled, identities)) == own.hide_own(text, _all(identities))


def _all(identities: Iterable[str]) -> own.Hidden:
    """What is to be hidden of identities, whether or not it can be in a text."""
    return own._join([own._take_apart(identity) for identity in identities])


@given(_TEXTS | st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_folded_words_are_the_letters_of_the_folded_text(text: str) -> None:
    words = Words.of(text).spelled
    assert "".join(map(own._fold_word, words)) == text.translate(own._FOLDED).replace(" ", "")
