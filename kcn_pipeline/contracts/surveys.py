"""What a survey asks, of whom and when: its rounds, its questions, and the rating questions made from the catalog.

It must not read an export nor judge an answer. The surprising fact: rating questions are written nowhere; they follow
from indicators × criteria, so a form sent out and the answers that come back cannot disagree on a name.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, model_validator

from kcn_pipeline.contracts.base import Bilingual, Contract, Name
from kcn_pipeline.contracts.indicators import Indicator
from kcn_pipeline.contracts.ratings import Criterion, Ratings, Scale, fingerprint_of
from kcn_pipeline.contracts.reference import ParkName

RespondentType = Literal["enterprise", "expert", "manager", "worker"]
Role = Literal[
    "respondent_type", "key", "identity", "park", "test", "comment", "rating", "measure", "other"
]  # fmt: skip
Kind = Literal["select_one", "select_multiple", "integer", "decimal", "text", "note", "date", "datetime"]
QuestionName = Field(pattern=r"^[a-z][a-z0-9_]*$")


def header_key(text: str) -> str:
    """Headers and names as they are compared here: letters and digits only, without case and ways of coding them."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())


class Choice(Contract):
    """One answer of a select question; `code` is what forms write, `synonyms` what else stands for it."""

    code: str = Field(min_length=1)
    label: Bilingual
    synonyms: tuple[str, ...] = ()


class Question(Contract):
    """One question. What it is for (`role`) decides whether its answer is staged, hashed, masked or left behind.

    respondent_type  which kind of respondent answers; the codes of its choices are respondent types
    key              identifies the respondents named by `key_of`; staged as a keyed hash only
    identity         name, phone, e-mail, signature, device, place: never leaves landing
    park, test       the park as stated; `yes` for a trial submission
    rating, measure  a point of a scale for an indicator's criterion, or for a column of `survey_response`
    comment          free text, masked; of an indicator or of the survey as a whole
    other            staged as a choice or number and not rated
    """

    name: str = QuestionName
    role: Role
    kind: Kind
    label: Bilingual
    hint: Bilingual | None = None
    scale: Name | None = None
    #: Filled in from the scale, and for a park from parks.yaml.
    choices: tuple[Choice, ...] = ()
    #: Other headers of the same question in other versions and tools.
    synonyms: tuple[str, ...] = ()
    indicator_code: str | None = None
    criterion: Name | None = None
    measure: Name | None = None
    #: Who is asked; the loader fills in all respondents of the survey.
    respondent_types: tuple[RespondentType, ...] = ()
    key_of: tuple[RespondentType, ...] = ()
    required: bool = False
    #: The repeat group it stands in.
    repeat: Name | None = None
    #: Whether a new form asks it; answers of older forms are understood either way.
    is_asked: bool = True

    @model_validator(mode="after")
    def _is_whole(self) -> "Question":
        for reason, is_wrong in self._faults():
            if is_wrong:
                raise ValueError(reason)
        return self

    def _faults(self) -> Iterator[tuple[str, bool]]:
        is_select = self.kind in ("select_one", "select_multiple")
        yield "choices of a scale are those of the scale; state one of the two", bool(self.scale and self.choices)
        yield "only a select_one has a scale", bool(self.scale) and self.kind != "select_one"
        yield "only select questions have choices", bool(self.choices) and not is_select
        listed = bool(self.scale or self.choices) or self.role == "park"
        yield "a select question needs a scale or choices", is_select and not listed
        yield "a key needs key_of", (self.role == "key") != bool(self.key_of)
        yield (
            "a rating needs indicator_code, criterion and scale",
            self.role == "rating" and not (self.indicator_code and self.criterion and self.scale),
        )
        yield "a measure needs measure and scale", self.role == "measure" and not (self.measure and self.scale)
        yield "only a rating has a criterion", bool(self.criterion) and self.role != "rating"
        yield "only a measure has measure", bool(self.measure) and self.role != "measure"
        codes = [choice.code for choice in self.choices]
        yield f"choices repeat a code: {codes}", len(set(codes)) < len(codes)

    @property
    def is_scored(self) -> bool:
        """Whether its answer is a point of a scale."""
        return self.role in ("rating", "measure")

    @property
    def headers(self) -> tuple[str, ...]:
        """Everything that may head its column, the name first."""
        return tuple(dict.fromkeys((self.name, self.label.vi, self.label.en, *self.synonyms)))


class Round(Contract):
    """The days (local, both included) on which a response belongs to the round; `period` is what it speaks of."""

    round: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    opens_on: date
    closes_on: date
    period: str = Field(pattern=r"^\d{4}(-(S[12]|Q[1-4]|(0[1-9]|1[0-2])))?$")
    note: str | None = None

    @model_validator(mode="after")
    def _is_ordered(self) -> "Round":
        if self.opens_on > self.closes_on:
            raise ValueError("opens_on lies after closes_on")
        return self


class RatingBlock(Contract):
    """Rating questions made for every indicator: one for each criterion, and one for a comment."""

    criteria: tuple[Name, ...] = Field(min_length=1)
    respondent_types: tuple[RespondentType, ...] = Field(min_length=1)
    scale: Name
    #: Criteria with a scale of their own.
    scales: Mapping[Name, Name] = {}
    comment: bool = True


class Survey(Contract):
    """One survey. As loaded, `questions` holds those of the file and then those made from the catalog.

    A response belongs to the round in whose days it was submitted. `forms` are the ids of its forms on a server; a
    file without one belongs to the survey of which it has at least `min_known_share` of its headers.
    """

    survey: Name
    title: Bilingual
    kind: Literal["rating", "satisfaction"]
    respondent_types: tuple[RespondentType, ...] = Field(min_length=1)
    rounds: tuple[Round, ...] = Field(min_length=1)
    forms: tuple[str, ...] = ()
    min_known_share: float = Field(default=0.5, gt=0, le=1)
    questions: tuple[Question, ...] = Field(min_length=1)
    ratings: RatingBlock | None = None
    #: Question name → other headers of it, for questions that are made from the catalog.
    synonyms: Mapping[str, tuple[str, ...]] = {}
    source: str = Field(min_length=1)
    note: str | None = None

    def question(self, name: str) -> Question | None:
        """The question of that name."""
        return self._by_name.get(name)

    def round(self, code: str) -> Round | None:
        """The round of that code."""
        return next((one for one in self.rounds if one.round == code), None)

    def round_on(self, day: date) -> Round | None:
        """The round to which a response submitted on that local day belongs."""
        return next((one for one in self.rounds if one.opens_on <= day <= one.closes_on), None)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when anything does that staged answers or their rounds depend on."""
        return fingerprint_of([self])

    @cached_property
    def _by_name(self) -> dict[str, Question]:
        return {question.name: question for question in self.questions}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> "Survey":
        """A copy without what was looked up in this one: its questions may be others."""
        copied = super().model_copy(update=update, deep=deep)
        for name in ("fingerprint", "_by_name"):
            copied.__dict__.pop(name, None)
        return copied


def build_surveys(
    read: Mapping[str, Survey],
    ratings: Ratings,
    indicators: Mapping[str, Indicator],
    parks: Mapping[str, ParkName],
) -> dict[str, Survey]:
    """The surveys with the questions that are made, every choice filled in, and synonyms joined.

    A name that points nowhere is left as it is: `survey_checks.py` tells it with its line.
    """
    built = {}
    for key, survey in read.items():
        made = [] if survey.ratings is None else list(_rating_questions(survey.ratings, ratings, indicators.values()))
        questions = [_complete(survey, question, ratings.scales, parks) for question in (*survey.questions, *made)]
        built[key] = survey.model_copy(update={"questions": tuple(questions)})
    return built


def _rating_questions(block: RatingBlock, ratings: Ratings, indicators: Any) -> Iterator[Question]:
    """For every indicator a question for each criterion and one for a comment.

    Those of a retired indicator are no longer asked, but still understood: old rounds are computed again.
    """
    for indicator in indicators:
        criteria = [ratings.criteria[name] for name in block.criteria if name in ratings.criteria]
        for criterion in criteria:
            yield _rating_question(block, indicator, criterion)
        if block.comment:
            yield Question(
                name=f"{indicator.code.lower()}_comment",
                role="comment",
                kind="text",
                label=_label(indicator, _COMMENT),
                synonyms=_synonyms(indicator, _COMMENT, _COMMENT_WORDS, ("y_kien", "nhan_xet")),
                indicator_code=indicator.code,
                respondent_types=block.respondent_types,
                is_asked=indicator.status != "retired",
            )


def _rating_question(block: RatingBlock, indicator: Indicator, criterion: Criterion) -> Question:
    return Question(
        name=f"{indicator.code.lower()}_{criterion.name}",
        role="rating",
        kind="select_one",
        label=_label(indicator, criterion.label),
        hint=criterion.hint,
        scale=block.scales.get(criterion.name, block.scale),
        synonyms=_synonyms(indicator, criterion.label, criterion.synonyms, criterion.name_parts),
        indicator_code=indicator.code,
        criterion=criterion.name,
        respondent_types=block.respondent_types,
        is_asked=indicator.status != "retired",
    )


_COMMENT = Bilingual(vi="Ý kiến", en="Comment")
_COMMENT_WORDS = ("Ý kiến khác", "Góp ý", "Nhận xét", "Comments")


def _label(indicator: Indicator, of: Bilingual) -> Bilingual:
    code, name = indicator.code, indicator.name
    return Bilingual(vi=f"[{code}] {name.vi} – {of.vi}", en=f"[{code}] {name.en} – {of.en}")


def _synonyms(
    indicator: Indicator, label: Bilingual, words: tuple[str, ...], parts: tuple[str, ...]
) -> tuple[str, ...]:
    """Names with other endings, and the headers of a matrix: `criterion [indicator]`, `[indicator] criterion`."""
    code, name = indicator.code, indicator.name
    names = [f"{code.lower()}_{part}" for part in parts]
    rows = [f"{word} [[{code}] {text}]" for word, text in ((label.vi, name.vi), (label.en, name.en))]
    headings = [f"[{code}] {name.vi} – {word}" for word in words]
    short = [f"[{code}] {word}" for word in (label.vi, label.en, *words)]
    return tuple(dict.fromkeys([*names, *rows, *headings, *short]))


def _complete(
    survey: Survey, question: Question, scales: Mapping[str, Scale], parks: Mapping[str, ParkName]
) -> Question:
    update: dict[str, Any] = {"respondent_types": question.respondent_types or survey.respondent_types}
    scale = scales.get(question.scale or "")
    if scale:
        update["choices"] = _choices_of(scale)
    elif question.role == "park" and not question.choices:
        update["choices"] = tuple(_choice_of(park) for park in parks.values())
    more = survey.synonyms.get(question.name, ())
    return question.model_copy(update={**update, "synonyms": tuple(dict.fromkeys((*question.synonyms, *more)))})


def _choices_of(scale: Scale) -> tuple[Choice, ...]:
    return tuple(Choice(code=str(p.value), label=p.label, synonyms=p.synonyms) for p in scale.points)


def _choice_of(park: ParkName) -> Choice:
    return Choice(code=park.park_code, label=Bilingual(vi=park.name_vi, en=park.name_vi), synonyms=park.spellings)
