"""What stands in columns that nobody knows and may name the respondent, to be masked in the respondent's comments.

It must not be stored. The surprising fact: scores of another survey stand in unknown columns as well, and their `Đồng
ý` must not be masked in what people write; so what a scale or a choice says is left out.
"""

from collections.abc import Iterable, Iterator

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.surveys import Survey
from kcn_pipeline.staging.surveys.headers import squeeze
from kcn_pipeline.staging.vietnamese import is_missing

#: A longer text is a comment and no name.
_LONGEST = 60
#: Fewer figures are a score, a year or a number of people.
_FEWEST_FIGURES = 6


class Strays:
    """Chooses among such texts those that may be somebody's name, number or address."""

    def __init__(self, contracts: Contracts) -> None:
        scales = contracts.ratings.scales.values()
        self._points = {squeeze(text) for scale in scales for point in scale.points for text in _texts(point)}
        self._labels: dict[str, set[str]] = {}

    def choose(self, survey: Survey, texts: Iterable[str]) -> Iterator[str]:
        """The texts that may tell who answered."""
        for text in texts:
            if _may_tell(text.strip()) and squeeze(text) not in self._known(survey):
                yield text.strip()

    def _known(self, survey: Survey) -> set[str]:
        if survey.survey not in self._labels:
            choices = (choice for question in survey.questions for choice in question.choices)
            labels = {squeeze(text) for choice in choices for text in (choice.code, *_texts(choice))}
            self._labels[survey.survey] = self._points | labels
        return self._labels[survey.survey]


def _texts(said: object) -> tuple[str, ...]:
    """The labels and synonyms of a point or choice."""
    label = said.label  # type: ignore[attr-defined]
    return (label.vi, label.en, *said.synonyms)  # type: ignore[attr-defined]


def _may_tell(text: str) -> bool:
    if not text or len(text) > _LONGEST or is_missing(text):
        return False
    if text.isalpha():
        # One word in lower case is a word and no name.
        return text[0].isupper()
    return any(map(str.isalpha, text)) or sum(map(str.isdigit, text)) >= _FEWEST_FIGURES
