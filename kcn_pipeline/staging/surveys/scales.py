"""An answer as a tool or a person wrote it → a score, a choice or a number; or the name of what is wrong with it.

It must not guess: an answer that fits no point, or fits two, has no score. The surprising fact: diacritics and blanks
may be wrong and still only one point is meant, because a scale has five labels and not five thousand words.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from kcn_pipeline.contracts.ratings import Scale
from kcn_pipeline.contracts.surveys import Question
from kcn_pipeline.staging.surveys.headers import Choices, only_ones, spelled, squeeze
from kcn_pipeline.staging.vietnamese import Convention, clean, read_date, read_number


class Understood(NamedTuple):
    """What an answer means: a score (also a number), a choice (several codes by blanks; a date), a comment, a problem.

    An answer that says nothing (blank, a dash, N/A) has none of them.
    """

    score: float | None = None
    choice: str | None = None
    comment: str | None = None
    problem: str | None = None


BLANK = Understood()
UNKNOWN_LABEL = Understood(problem="unknown_label")
OUT_OF_SCALE = Understood(problem="score_out_of_scale")

_NOTHING = re.compile(r"[-–—.…_/\s]*|#?n\s*/\s*a\.?", re.IGNORECASE)
#: `4`, `4.0`, `4,0`: three decimals could be thousands.
_SCORE = re.compile(r"([+-]?[0-9]+)(?:[.,]([0-9]{1,2}))?")
#: `4 - Đồng ý`, `4. Đồng ý`, `(4) Đồng ý`, `Đồng ý (4)`: the number and the label must say the same.
_NUMBER_FIRST = re.compile(r"[(\[]?([0-9]+)[)\]]?\s*[-–—.:=)]?\s*([^\W\d_].*)")
_NUMBER_LAST = re.compile(r"([^\W\d_].*?)\s*[(\[:=-]\s*([0-9]+)\s*[)\]]?")
#: Between the choices of one answer.
_BETWEEN = re.compile(r"\s*[;,|\n]\s*")

#: So many figures have telephone numbers without area code; tax codes and id cards have more.
_PERSONAL_FIGURES = 8
_DIALLED = re.compile(r"^\W*0[^\w.,]*[0-9]|\+\W*84|[eE][+]?[0-9]")

Reader = Callable[[str], Understood]


def reader_of(question: Question, scales: Mapping[str, Scale], convention: Convention | None = None) -> Reader:
    """What reads the answers to a question; `convention` is that of decimal numbers, None where it is not known."""
    if question.scale is not None:
        return ScaleReader(scales[question.scale]).read
    if question.kind in ("select_one", "select_multiple"):
        return ChoiceReader(question).read
    if question.kind in ("integer", "decimal"):
        return lambda text: _read_number(text, convention, is_whole=question.kind == "integer")
    if question.kind in ("date", "datetime"):
        return _read_day
    return lambda text: Understood(comment=text) if text.strip() else BLANK


def says_nothing(text: str) -> bool:
    """Whether an answer is blank, a dash or `N/A`, as LimeSurvey writes a question that was not shown."""
    return _NOTHING.fullmatch(text.strip()) is not None


# ---- a scale ---------------------------------------------------------------------------------------------------------


class ScaleReader:
    """Reads answers on one scale: a point's number, its label in either language, a synonym, or number and label."""

    def __init__(self, scale: Scale) -> None:
        self._points = {float(point.value) for point in scale.points}
        spellings = [
            (text, float(point.value))
            for point in scale.points
            for text in (point.label.vi, point.label.en, *point.synonyms)
        ]
        self._by_text = only_ones((spelled(text), value) for text, value in spellings)
        self._by_key = only_ones((squeeze(text), value) for text, value in spellings)

    def read(self, text: str) -> Understood:
        """The score that an answer means, or the problem `unknown_label` or `score_out_of_scale`."""
        text = clean(text)
        labelled = self._find(text)
        if labelled is not None:
            return Understood(score=labelled)
        if match := _SCORE.fullmatch(text):
            return self._point(float(f"{match[1]}.{match[2] or 0}"))
        if says_nothing(text):
            return BLANK
        return self._read_both(text)

    def _find(self, label: str) -> float | None:
        found = self._by_text.get(spelled(label))
        return found if found is not None else self._by_key.get(squeeze(label))

    def _point(self, value: float) -> Understood:
        return Understood(score=value) if value in self._points else OUT_OF_SCALE

    def _read_both(self, text: str) -> Understood:
        """A number with its label; each alone would do, so one that contradicts the other leaves no score."""
        first, last = _NUMBER_FIRST.fullmatch(text), _NUMBER_LAST.fullmatch(text)
        for number, label in [first.groups()] if first else [last.groups()[::-1]] if last else []:
            if self._find(label) == float(number):
                return Understood(score=float(number))
        return UNKNOWN_LABEL


# ---- choices ---------------------------------------------------------------------------------------------------------


class ChoiceReader:
    """Reads answers to a question with choices, several of them where the question allows it."""

    def __init__(self, question: Question) -> None:
        self._choices = Choices(question)
        self._is_multiple = question.kind == "select_multiple"
        self._order = {choice.code: number for number, choice in enumerate(question.choices)}

    def read(self, text: str) -> Understood:
        """The code that an answer means; several codes in the order of the contract, joined by blanks."""
        text = clean(text)
        if (code := self._find(text)) is not None:
            return self._chosen([code])
        if says_nothing(text):
            return BLANK
        if not self._is_multiple:
            return UNKNOWN_LABEL
        words = [self._find(word) for word in text.split()]
        codes = words if None not in words else self._find_all(_BETWEEN.split(text))
        return self._chosen(codes) if codes else UNKNOWN_LABEL

    def _find(self, text: str) -> str | None:
        choice = self._choices.find(text)
        return choice.code if choice else None

    def _find_all(self, pieces: list[str]) -> list[str]:
        """The codes of labels parted by commas, of which labels may hold some; empty when a piece is no label."""
        pieces = [piece for piece in pieces if piece]
        codes, start = [], 0
        while start < len(pieces):
            for end in range(len(pieces), start, -1):
                if (code := self._find(", ".join(pieces[start:end]))) is not None:
                    codes.append(code)
                    start = end
                    break
            else:
                return []
        return codes

    def _chosen(self, codes: Iterable[str | None]) -> Understood:
        chosen = sorted({code for code in codes if code is not None}, key=self._order.__getitem__)
        return Understood(choice=" ".join(chosen))


# ---- numbers and days ------------------------------------------------------------------------------------------------


def _read_number(text: str, convention: Convention | None, is_whole: bool) -> Understood:
    if says_nothing(text):
        return BLANK
    if _looks_like_a_telephone(text):
        return Understood(problem="unreadable_number")
    number = read_number(text, convention)
    if number.value is None or number.qualifier or number.unit_text:
        # `khoảng 4` is not an answer that may be summed with others.
        return Understood(problem=number.problem or "unreadable_number")
    if is_whole and not number.value.is_integer():
        return Understood(problem="unreadable_number")
    return Understood(score=number.value)


def _looks_like_a_telephone(text: str) -> bool:
    """Whether a number may tell a person: eight figures or more, a zero before other figures, the code of a country."""
    return sum(map(str.isdigit, text)) >= _PERSONAL_FIGURES or _DIALLED.search(text) is not None


def _read_day(text: str) -> Understood:
    if says_nothing(text):
        return BLANK
    day = read_date(text[:10] if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T", text) else text)
    if day.value is None:
        return Understood(problem=day.problem or "unreadable_date")
    return Understood(choice=day.value.isoformat())
