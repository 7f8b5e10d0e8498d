"""The answers of all responses as columns of numbers: which response, which question, what it means.

It must not know who answered. The surprising fact: an answer is looked up before it is read, because three million
answers are a few hundred different ones; only what has to be masked is read each time, since masking depends on the
respondent.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from kcn_pipeline.contracts.ratings import Scale
from kcn_pipeline.contracts.surveys import Question
from kcn_pipeline.staging.surveys.masking import MASK, mask
from kcn_pipeline.staging.surveys.raw_texts import Vocabulary, vocabulary_of
from kcn_pipeline.staging.surveys.scales import BLANK, Reader, reader_of
from kcn_pipeline.staging.vietnamese import Convention

#: The outcome of a text that says nothing.
NO_ANSWER = -1
_NO_TEXT: Mapping[str | None, int] = {None: NO_ANSWER, "": NO_ANSWER}
#: Answers that tell who answered; they are never kept.
PERSONAL_ROLES = frozenset(["respondent_type", "key", "identity", "park", "test"])
#: Stands between texts that were joined.
_BETWEEN = " | "
#: So many answers that are on no scale may be typing errors; more are columns that are shifted.
_SHIFTED = 5
#: So many lists of questions are remembered; exports have one, paper forms a few.
_LISTS = 256


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer is stored as: `comment` and `raw_text` are masked."""

    score: float | None = None
    choice: str | None = None
    comment: str | None = None
    raw_text: str | None = None
    problem: str | None = None

    def show(self) -> str:
        """The outcome as text; nothing in it is personal."""
        score = None if self.score is None else f"{self.score:.15g}"
        return next((each for each in (score, self.choice, self.comment, self.raw_text) if each is not None), "")


@dataclass(eq=False)
class _Column:
    """One question: its number, what reads its answers, and the outcome of each text met so far."""

    number: int
    question: Question
    read: Reader
    vocabulary: Vocabulary
    known: dict[str | None, int]


class Asked:
    """A list of questions as the answers to them come in, again and again in the same order."""

    def __init__(self, columns: Sequence[_Column]) -> None:
        self.columns = columns
        self.known = [column.known for column in columns]
        self.numbers = array("i", [column.number for column in columns])
        self.is_scaled = [column.question.scale is not None for column in columns]
        self.is_repeated = len(set(self.numbers)) < len(columns)


class Answers:
    """Takes the answers of one response after the other; the columns hold NO_ANSWER where nothing was said."""

    def __init__(self, scales: Mapping[str, Scale]) -> None:
        self.response = array("i")
        self.question = array("i")
        self.outcome = array("i")
        #: By number.
        self.questions: list[Question] = []
        self.outcomes: list[Outcome] = []
        self._scales = scales
        self._numbers: dict[Outcome, int] = {}
        #: By the identity of questions, which hash slowly; the contracts keep them alive.
        self._question_numbers: dict[int, int] = {}
        self._columns: dict[tuple[int, Convention | None], _Column] = {}
        self._lists: dict[tuple[Convention | None, tuple[int, ...]], Asked] = {}

    def ask(self, questions: Sequence[Question], convention: Convention | None) -> Asked:
        """The questions as columns; `convention` is that of the decimal numbers in the answers."""
        key = (convention, tuple(map(id, questions)))
        asked = self._lists.get(key)
        if asked is None:
            if len(self._lists) >= _LISTS:
                self._lists.clear()
            asked = self._lists[key] = Asked([self._column(question, convention) for question in questions])
        return asked

    def look_up(self, asked: Asked, values: Sequence[str | None]) -> tuple[list[int], list[tuple[int, str]]]:
        """The outcome of each answer as far as it is known, and the place and text of the answers still to be read."""
        found: list[int | None] = list(map(dict.get, asked.known, values))
        rest: list[tuple[int, str]] = []
        for _ in range(found.count(None)):
            at = found.index(None, rest[-1][0] if rest else 0)
            rest.append((at, values[at] or ""))
            found[at] = NO_ANSWER
        return cast(list[int], found), rest

    def read(self, asked: Asked, at: int, text: str, identities: Sequence[str]) -> int:
        """The outcome of a text met for the first time, or of one in which the respondent's identities are masked."""
        column = asked.columns[at]
        score, choice, comment, problem = understood = column.read(text)
        if understood == BLANK:
            column.known[text] = NO_ANSWER
            return NO_ANSWER
        if problem is not None:
            return self._number(Outcome(raw_text=column.vocabulary.show(text, identities), problem=problem))
        if comment is not None:
            return self._number(Outcome(comment=mask(comment, identities)))
        if score is not None and not column.question.is_scored:
            score, choice = None, f"{score:.15g}"
        number = column.known[text] = self._number(Outcome(score, choice))
        return number

    def hide_shifted(self, asked: Asked, outcomes: list[int], read: Sequence[int]) -> None:
        """Hide what a response says in words where its columns are probably shifted: names stand anywhere then.

        They are when at least 5 answers and half of those to scaled questions are on no scale. `read` are the places of
        the answers that were read for this response.
        """
        met = [(at, self.outcomes[outcomes[at]]) for at in read if outcomes[at] != NO_ANSWER]
        strange = sum(said.problem == "unknown_label" and asked.is_scaled[at] for at, said in met)
        if strange < _SHIFTED:
            return
        answered = sum(scaled and said != NO_ANSWER for scaled, said in zip(asked.is_scaled, outcomes, strict=True))
        if 2 * strange >= answered:
            for at, said in met:
                hidden = replace(said, raw_text=said.raw_text and MASK, comment=said.comment and MASK)
                outcomes[at] = self._number(hidden)

    def keep(self, response: int, asked: Asked, outcomes: list[int]) -> None:
        """Keep the answers of a response; of several answers to one question one."""
        numbers = asked.numbers
        if asked.is_repeated:
            numbers, outcomes = self._settle(numbers, outcomes)
        self.response.extend(array("i", [response]) * len(numbers))
        self.question.extend(numbers)
        # `fromlist` takes a list four times as fast as `extend`, which takes anything.
        self.outcome.fromlist(outcomes)

    def content(self, start: int) -> list[tuple[str, str]]:
        """What was answered from a place of the columns on, by question: equal for equal answers."""
        kept = zip(self.question[start:], self.outcome[start:], strict=True)
        return sorted((self.questions[each].name, self.outcomes[said].show()) for each, said in kept if said >= 0)

    def _settle(self, numbers: Iterable[int], outcomes: Iterable[int]) -> tuple["array[int]", list[int]]:
        """One outcome per question that was answered."""
        given: dict[int, dict[int, None]] = {}
        for number, outcome in zip(numbers, outcomes, strict=True):
            if outcome != NO_ANSWER:
                given.setdefault(number, {})[outcome] = None
        return array("i", given), [self._join(number, list(each)) for number, each in given.items()]

    def _join(self, number: int, outcomes: Sequence[int]) -> int:
        """Outcomes of one question as one: alike they count once, the texts of a repeat group follow one another."""
        if len(outcomes) == 1:
            return outcomes[0]
        met = [self.outcomes[outcome] for outcome in outcomes]
        if self.questions[number].repeat and all(each.comment is not None for each in met):
            return self._number(Outcome(comment=_BETWEEN.join(each.show() for each in met)))
        return self._number(Outcome(problem="answer_contradicts"))

    def _column(self, question: Question, convention: Convention | None) -> _Column:
        key = (id(question), convention)
        if key not in self._columns:
            number = self._question_numbers.setdefault(id(question), len(self.questions))
            if number == len(self.questions):
                self.questions.append(question)
            read = reader_of(question, self._scales, convention)
            vocabulary = vocabulary_of(question, self._scales)
            self._columns[key] = _Column(number, question, read, vocabulary, dict(_NO_TEXT))
        return self._columns[key]

    def _number(self, outcome: Outcome) -> int:
        """The number of an outcome, a new one where it was not met before."""
        number = self._numbers.setdefault(outcome, len(self.outcomes))
        if number == len(self.outcomes):
            self.outcomes.append(outcome)
        return number
