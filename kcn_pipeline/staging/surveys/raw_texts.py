"""How an answer that was not understood is shown: only where it is made of figures and words of its own question.

It must not understand it. The surprising fact: `Bình` and `Trung` are words of nearly every scale and names as well, so
that one word alone is never shown.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kcn_pipeline.contracts.ratings import Scale
from kcn_pipeline.contracts.surveys import Question
from kcn_pipeline.staging.surveys.masking import MASK, mask
from kcn_pipeline.staging.vietnamese import fold

_LONGEST = 20
#: The beginning of a telephone number.
_DIALLED = re.compile(r"(?<!\d)(?<!\d[.,])0[^\w.,]*\d|\+")
_PIECE = re.compile(r"[^\W\d_]+|\d+")
#: Figures of a score, and of a number; four are a year of birth or the end of a telephone number.
_SCORE_FIGURES, _NUMBER_FIGURES = 3, 5
#: `A4` is how a tool may code a point.
_CODES = frozenset("abcdefghijklmnopqrstuvwxyz")
#: What people write around a number, folded.
_AROUND = frozenset("khoang tam chung hon gan duoi tren about approx gio h hour hours ngay day days phut thang".split())


@dataclass(frozen=True)
class Vocabulary:
    """The folded words that an answer to one question may be made of, and how many figures it may have."""

    words: frozenset[str]
    most_figures: int

    def show(self, text: str, identities: Sequence[str]) -> str:
        """The text, where it is short and made of these words and of figures; else `[***]`."""
        text = mask(text, identities)
        pieces = _PIECE.findall(text)
        figures = [piece for piece in pieces if piece.isdecimal()]
        words = [piece for piece in pieces if not piece.isdecimal()]
        is_short = len(text) <= _LONGEST and sum(map(len, figures)) <= self.most_figures
        is_dialled = _DIALLED.search(text) is not None
        return text if is_short and not is_dialled and MASK not in text and self._has(words, pieces, text) else MASK

    def _has(self, words: Sequence[str], pieces: Sequence[str], text: str) -> bool:
        """Whether words are of the vocabulary and no name: neither one alone nor several with a capital each."""
        if not all(fold(word) in self.words for word in words):
            return False
        is_name = len(pieces) == 1 or (" ".join(words) == text and all(word[0].isupper() for word in words))
        return not (words and is_name)


def vocabulary_of(question: Question, scales: Mapping[str, Scale]) -> Vocabulary:
    """The vocabulary of a question: the labels of its scale or choices, or what may stand beside a number."""
    if question.scale is not None:
        points = scales[question.scale].points
        texts = (text for each in points for text in (each.label.vi, each.label.en, *each.synonyms))
        return Vocabulary(_words(texts), _SCORE_FIGURES)
    if question.choices:
        choices = question.choices
        texts = (text for each in choices for text in (each.code, each.label.vi, each.label.en, *each.synonyms))
        return Vocabulary(_words(texts), _SCORE_FIGURES)
    return Vocabulary(_AROUND, _NUMBER_FIGURES)


def _words(texts: Iterable[str]) -> frozenset[str]:
    return _CODES | {word for text in texts for word in fold(text).split()}
