"""What a survey tool writes above a column, or before an answer, → the question of the survey.

It must not look at an answer. The surprising fact: a label may hold the sign that parts a path (`Có/Không`), so of a
path every tail is tried, the longest first.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TypeVar

from kcn_pipeline.contracts.surveys import Choice, Question, Survey
from kcn_pipeline.staging.vietnamese import canonical, clean, fold

#: `Q[SQ001]`, as LimeSurvey writes a part of a question.
_PART = re.compile(r"(?P<head>.+)\[(?P<tail>[^\[\]]+)\]")
#: What tools add to a header: the mark of a required question, the number of a question, a sign at its end.
_NUMBERED = re.compile(r"^(?:câu(?: hỏi)?|question|q)?\s*[0-9]{1,3}\s*[.:)]\s*(?=\D)", re.IGNORECASE)

_Meant = TypeVar("_Meant")


class Headers:
    """Finds the questions of one survey by header: name, path that ends in the name, label in either language, synonym.

    Headers are compared without regard to case, diacritics, blanks and punctuation; a header that then means two
    questions means none, unless it is spelled exactly as one of them.
    """

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self._found: dict[str, Question | None] = {}

    def find(self, header: str) -> Question | None:
        """The question of a header such as `mg01_necessity`, `group/mg01_necessity`, `Q[SQ001]` or a label; or None."""
        if header not in self._found:
            self._found[header] = self._search(header)
        return self._found[header]

    def find_option(self, header: str) -> tuple[Question, Choice] | None:
        """Question and choice of a 0/1 column of a select_multiple: `group/question/choice`, `question[choice]`."""
        for head, tail in _splits(clean(header)):
            question = self.find(head)
            if question is not None and question.kind == "select_multiple":
                choice = find_choice(question, tail)
                if choice is not None:
                    return question, choice
        return None

    def known_share(self, headers: Iterable[str]) -> float:
        """The share of headers that mean a question or an option of one; 0 without headers."""
        named = list(headers)
        known = sum(self.find_option(each) is not None or self.find(each) is not None for each in named)
        return known / len(named) if named else 0.0

    def _search(self, header: str) -> Question | None:
        for text in _tails(clean(header)):
            if text in self._by_name:
                return self._by_name[text]
            for index, key in ((self._by_text, spelled(text)), (self._by_key, fold(text))):
                if key and (meant := index.get(key)) is not None:
                    return meant
        return None

    @cached_property
    def _by_name(self) -> dict[str, Question]:
        return {question.name: question for question in self.survey.questions}

    @cached_property
    def _by_text(self) -> dict[str, Question]:
        """By label or synonym as it is spelled, in one placement of tones."""
        return only_ones((spelled(text), each) for each in self.survey.questions for text in _texts(each))

    @cached_property
    def _by_key(self) -> dict[str, Question]:
        """By folded name, label or synonym; names first, so that a label cannot make a name ambiguous."""
        names = only_ones((fold(question.name), question) for question in self.survey.questions)
        return only_ones((fold(text), each) for each in self.survey.questions for text in _texts(each)) | names


class Choices:
    """Finds the choices of one question."""

    def __init__(self, question: Question) -> None:
        spellings = [(each, choice) for choice in question.choices for each in _spellings(choice)]
        self._by_code = {choice.code: choice for choice in question.choices}
        self._by_text = only_ones((spelled(text), choice) for text, choice in spellings)
        self._by_key = only_ones((squeeze(text), choice) for text, choice in spellings)

    def find(self, text: str) -> Choice | None:
        """The choice that a text means: its code, or its label or synonym when no other choice is folded alike."""
        return self._by_code.get(clean(text)) or self._by_text.get(spelled(text)) or self._by_key.get(squeeze(text))


#: By the identity of the question, which hashes slowly and is kept here so that no other takes its place.
_CHOICES: dict[int, tuple[Question, Choices]] = {}


def find_choice(question: Question, text: str) -> Choice | None:
    """The choice of a question that a text means, or None."""
    known = _CHOICES.get(id(question))
    if known is None:
        known = _CHOICES[id(question)] = (question, Choices(question))
    return known[1].find(text)


def spelled(text: str) -> str:
    """The spelling of a text, diacritics and all: in lower case, with single blanks and one placement of tones."""
    return canonical(clean(text)).lower()


def squeeze(text: str) -> str:
    """The comparison key of an answer: folded, and without the blanks that are typed too many or forgotten."""
    return fold(text).replace(" ", "")


def _texts(question: Question) -> tuple[str, ...]:
    return (question.label.vi, question.label.en, *question.synonyms)


def _spellings(choice: Choice) -> tuple[str, ...]:
    return (choice.code, choice.label.vi, choice.label.en, *choice.synonyms)


def only_ones(pairs: Iterable[tuple[str, _Meant]]) -> dict[str, _Meant]:
    """What each key means, without the keys that mean several things."""
    meanings: dict[str, _Meant | None] = {}
    for key, meant in pairs:
        if key:
            meanings[key] = meant if meanings.get(key, meant) is meant else None
    return {key: meant for key, meant in meanings.items() if meant is not None}


def _tails(header: str) -> Iterator[str]:
    """The header, the header without its number, then what follows each `/` of it."""
    yield header
    if plain := _NUMBERED.sub("", header.rstrip(" *:"), count=1):
        yield plain
    for at, sign in enumerate(header):
        if sign == "/" and header[at + 1 :].strip():
            yield header[at + 1 :].strip()


def _splits(header: str) -> Iterator[tuple[str, str]]:
    """The ways to part a header into a question and a choice, the longest choice last."""
    if match := _PART.fullmatch(header):
        yield match["head"].strip(), match["tail"].strip()
    for at in reversed([at for at, sign in enumerate(header) if sign == "/"]):
        yield header[:at].strip(), header[at + 1 :].strip()
