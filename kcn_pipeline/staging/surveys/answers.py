"""The answers of all responses as columns of numbers: which response, which question, what it means.

It must not know who answered. The surprising fact: an answer is looked up before it is read, because three million
answers are a few hundred different ones; only what has to be masked is read each time, since masking depends on the
respondent.
"""

from array import array
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import NamedTuple

from kcn_pipeline.contracts.ratings import Scale
from kcn_pipeline.contracts.surveys import Question
from kcn_pipeline.staging.surveys.masking import MASK, mask
from kcn_pipeline.staging.surveys.raw_texts import Vocabulary, vocabulary_of
from kcn_pipeline.staging.surveys.scales import BLANK, Reader, reader_of
from kcn_pipeline.staging.vietnamese import Convention

#: The outcome of a text that says nothing.
NO_ANSWER = -1
#: Stands for the outcome of a text that was not met before.
_UNREAD = -2
_NO_TEXT: Mapping[str | None, int] = {None: NO_ANSWER, "": NO_ANSWER}
#: Answers that tell who answered; they are never kept.
PERSONAL_ROLES = frozenset(["respondent_type", "key", "identity", "park", "test"])
#: Stands between texts that were joined.
_BETWEEN = " | "
#: The problem of an answer to a question that such respondents are not asked.
NOT_ASKED = "not_asked_of_type"
#: So many answers that are on no scale may be typing errors; more are columns that are shifted.
_SHIFTED = 5
#: So many lists of questions are remembered; exports have one, paper forms a few.
_LISTS = 256


class Outcome(NamedTuple):
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


class _Meaning(NamedTuple):
    """What answers mean: what reads them, the words they may be made of, and the outcome of each text met so far."""

    read: Reader
    vocabulary: Vocabulary
    known: dict[str | None, int]


class _Column(NamedTuple):
    """One question, its number, and what its answers mean."""

    number: int
    question: Question
    meaning: _Meaning


class Asked:
    """A list of questions as the answers to them come in, again and again in the same order."""

    def __init__(self, columns: Sequence[_Column]) -> None:
        self.columns = columns
        self.known = [column.meaning.known for column in columns]
        self.numbers = array("i", [column.number for column in columns])
        self.is_scaled = [column.question.scale is not None for column in columns]
        self.is_repeated = len(set(self.numbers)) < len(columns)
        self._not_asked: dict[str, list[int]] = {}

    def not_asked_of(self, respondent_type: str) -> list[int]:
        """The places of the questions that respondents of a type are not asked; those of a rating survey hardly are."""
        found = self._not_asked.get(respondent_type)
        if found is None:
            asked_of = [(at, column.question.respondent_types) for at, column in enumerate(self.columns)]
            found = [at for at, types in asked_of if types and respondent_type not in types]
            self._not_asked[respondent_type] = found
        return found


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
        self._meanings: dict[Hashable, _Meaning] = {}
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
        found = list(map(dict.get, asked.known, values, repeat(_UNREAD)))
        rest: list[tuple[int, str]] = []
        for _ in range(found.count(_UNREAD)):
            at = found.index(_UNREAD, rest[-1][0] if rest else 0)
            rest.append((at, values[at] or ""))
            found[at] = NO_ANSWER
        return found, rest

    def read(self, asked: Asked, at: int, text: str, identities: Sequence[str]) -> int:
        """The outcome of a text met for the first time, or of one in which the respondent's identities are masked."""
        _, question, (read, vocabulary, known) = asked.columns[at]
        score, choice, comment, problem = understood = read(text)
        if understood == BLANK:
            known[text] = NO_ANSWER
            return NO_ANSWER
        if problem is not None:
            return self._number(Outcome(raw_text=vocabulary.show(text, identities), problem=problem))
        if comment is not None:
            return self._number(Outcome(comment=mask(comment, identities)))
        if score is not None and not question.is_scored:
            score, choice = None, f"{score:.15g}"
        number = known[text] = self._number(Outcome(score, choice))
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
                hidden = said._replace(raw_text=said.raw_text and MASK, comment=said.comment and MASK)
                outcomes[at] = self._number(hidden)

    def refuse_not_asked(self, asked: Asked, outcomes: list[int], respondent_type: str | None) -> None:
        """Refuse answers to questions that the respondent's type is not asked; of no type nothing can be said."""
        if respondent_type is None:
            return
        for at in asked.not_asked_of(respondent_type):
            if outcomes[at] != NO_ANSWER:
                said = self.outcomes[outcomes[at]]
                raw_text = None if said.comment else said.show() or None
                outcomes[at] = self._number(Outcome(comment=said.comment, raw_text=raw_text, problem=NOT_ASKED))

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
        if any(each.problem == NOT_ASKED for each in met):
            return outcomes[0]
        if self.questions[number].repeat and all(each.comment is not None for each in met):
            return self._number(Outcome(comment=_BETWEEN.join(each.show() for each in met)))
        return self._number(Outcome(problem="answer_contradicts"))

    def _column(self, question: Question, convention: Convention | None) -> _Column:
        key = (id(question), convention)
        if key not in self._columns:
            number = self._question_numbers.setdefault(id(question), len(self.questions))
            if number == len(self.questions):
                self.questions.append(question)
            self._columns[key] = _Column(number, question, self._mean(question, convention))
        return self._columns[key]

    def _mean(self, question: Question, convention: Convention | None) -> _Meaning:
        """What the answers to a question mean; hundreds of questions on one scale share it, and so do texts."""
        is_text = question.kind in ("text", "note")
        key = question.scale or is_text or id(question), question.is_scored, convention
        if key not in self._meanings:
            read, vocabulary = reader_of(question, self._scales, convention), vocabulary_of(question, self._scales)
            self._meanings[key] = _Meaning(read, vocabulary, dict(_NO_TEXT))
        return self._meanings[key]

    def _number(self, outcome: Outcome) -> int:
        """The number of an outcome, a new one where it was not met before."""
        number = self._numbers.setdefault(outcome, len(self.outcomes))
        if number == len(self.outcomes):
            self.outcomes.append(outcome)
        return number
