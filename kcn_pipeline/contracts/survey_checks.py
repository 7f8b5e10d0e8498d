"""What surveys and ratings say of the other contracts and of one another must fit: scales, criteria, indicators, names.

It must not judge an answer. The surprising fact: two questions that share a header are an error even when only one of
them is ever asked, because chance would decide whose answer a column holds.
"""

import string
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from kcn_pipeline.contracts.indicators import Indicator
from kcn_pipeline.contracts.loaded import Contracts
from kcn_pipeline.contracts.ratings import (
    REASON_FIELDS,
    VERDICTS,
    Complaint,
    Criterion,
    Ratings,
    Scale,
    Thresholds,
    Verdict,
)
from kcn_pipeline.contracts.surveys import Question, Survey, header_key

#: Where in an entry, and what is wrong there.
Fault = tuple[Sequence[str | int], str]
#: The table whose columns measures fill.
_MEASURED = "survey_response"
_FLAGS = ("straight_lining", "impossible_duration", "outside_round_park", "unreadable_park", "not_invited")


def check_ratings(
    ratings: Ratings, indicators: Mapping[str, Indicator]
) -> Iterator[tuple[str, str, Sequence[str | int], str]]:
    """Every contradiction among scales, criteria, thresholds and verdicts: kind, key, place, reason."""
    checks: dict[str, Iterator[Complaint]] = {
        "rating_scales": _scales(ratings.scales),
        "rating_criteria": _criteria(ratings.criteria),
        "rating_verdicts": _verdicts(ratings.verdicts),
        "rating_thresholds": _thresholds(ratings, indicators),
    }
    for kind, complaints in checks.items():
        for key, place, reason in complaints:
            yield kind, key, place, reason


def _scales(scales: Mapping[str, Scale]) -> Iterator[Complaint]:
    for key, scale in scales.items():
        owners = {header_key(str(point.value)): point.value for point in scale.points}
        for index, point in enumerate(scale.points):
            for place, word in _words(point.label.vi, point.label.en, point.synonyms):
                owner = owners.setdefault(header_key(word), point.value)
                if owner != point.value:
                    yield key, ["points", index, *place], f"{word!r} is an answer of point {owner}, too"


def _words(vi: str, en: str, synonyms: Sequence[str]) -> Iterator[tuple[list[str | int], str]]:
    yield ["label", "vi"], vi
    yield ["label", "en"], en
    for index, word in enumerate(synonyms):
        yield ["synonyms", index], word


def _criteria(criteria: Mapping[str, Criterion]) -> Iterator[Complaint]:
    owners: dict[str, str] = {}
    for key, criterion in criteria.items():
        words: list[tuple[list[str | int], str]] = [(["name"], criterion.name)]
        words += _words(criterion.label.vi, criterion.label.en, criterion.synonyms)
        words += [(["name_parts", index], part) for index, part in enumerate(criterion.name_parts)]
        for place, word in words:
            owner = owners.setdefault(header_key(word), key)
            if owner != key:
                yield key, place, f"{word!r} means {owner}, too"


def _verdicts(verdicts: Mapping[str, Verdict]) -> Iterator[Complaint]:
    known = {*REASON_FIELDS, *Thresholds.model_fields}
    for name, rules in VERDICTS.items():
        stated = [reason.rule for reason in verdicts[name].reasons] if name in verdicts else []
        for rule in rules:
            if stated.count(rule) != 1:
                yield name, ["reasons"], f"must have one text for the rule {rule!r}"
    for key, verdict in verdicts.items():
        if key not in VERDICTS:
            yield key, ["name"], f"is no verdict; they are {', '.join(VERDICTS)}"
        for index, reason in enumerate(verdict.reasons):
            for language in ("vi", "en"):
                for fault in _placeholders(getattr(reason, language), known):
                    yield key, ["reasons", index, language], fault


def _placeholders(template: str, known: set[str]) -> Iterator[str]:
    try:
        fields = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        yield f"is no text with placeholders: {error}"
        return
    for name in fields:
        if name not in known:
            yield f"there is no {{{name}}}; there are {', '.join(sorted(known))}"


def _thresholds(ratings: Ratings, indicators: Mapping[str, Indicator]) -> Iterator[Complaint]:
    for _, thresholds in ratings.eras:
        for code in thresholds.legal_indicators:
            if code not in indicators:
                yield "legal_indicators", ["value"], f"no indicator {code!r} in the catalog"
        for flag in thresholds.excluded_flags:
            if flag not in _FLAGS:
                yield "excluded_flags", ["value"], f"no flag {flag!r}; there are {', '.join(_FLAGS)}"


# ---- surveys ---------------------------------------------------------------------------------------------------------


def check_surveys(
    written: Mapping[str, Survey], contracts: Contracts
) -> Iterator[tuple[str, str, Sequence[str | int], str]]:
    """Every name of a survey that points nowhere and every two things in it that contradict each other.

    `written` are the surveys as their files say, `contracts` holds them with the questions that are made.
    """
    owners: dict[str, str] = {}
    for key, survey in written.items():
        built = contracts.surveys[key]
        faults = chain(
            _rounds(survey),
            _forms(survey, owners),
            _questions(survey, contracts),
            _block(survey, contracts.ratings),
            _respondents(survey),
            _names(survey, built),
        )
        for place, reason in faults:
            yield "surveys", key, place, reason


def _rounds(survey: Survey) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, one in enumerate(survey.rounds):
        if seen.setdefault(one.round, index) != index:
            yield ["rounds", index, "round"], f"{one.round!r} is a round already"
        for other in survey.rounds[:index]:
            if one.opens_on <= other.closes_on and other.opens_on <= one.closes_on:
                days = f"{other.opens_on} to {other.closes_on}"
                yield ["rounds", index, "opens_on"], f"overlaps round {other.round} ({days}); a response has one round"


def _forms(survey: Survey, owners: dict[str, str]) -> Iterator[Fault]:
    for index, form in enumerate(survey.forms):
        owner = owners.setdefault(form, survey.survey)
        if owner != survey.survey:
            yield ["forms", index], f"{form} is a form of {owner}, too"


def _questions(survey: Survey, contracts: Contracts) -> Iterator[Fault]:
    for index, question in enumerate(survey.questions):
        for place, reason in (*_links(question, contracts), *_answerers(question, survey)):
            yield ["questions", index, *place], reason
    known = {question.name for question in contracts.surveys[survey.survey].questions}
    for name in survey.synonyms:
        if name not in known:
            yield ["synonyms", name], f"no question {name!r}"


def _links(question: Question, contracts: Contracts) -> Iterator[Fault]:
    ratings, columns = contracts.ratings, {column.name for column in contracts.tables[_MEASURED].columns}
    if question.scale and question.scale not in ratings.scales:
        yield ["scale"], _no_scale(question.scale)
    if question.criterion and question.criterion not in ratings.criteria:
        yield ["criterion"], f"no criterion {question.criterion!r} in ratings/criteria.yaml"
    if question.indicator_code and question.indicator_code not in contracts.indicators:
        yield ["indicator_code"], f"no indicator {question.indicator_code!r} in the catalog"
    if question.measure and question.measure not in columns:
        yield ["measure"], f"the table {_MEASURED} has no column {question.measure!r}"
    if question.role == "park":
        codes = [choice.code for choice in question.choices if choice.code not in contracts.parks]
        for code in codes:
            yield ["choices"], f"no park {code!r} in parks.yaml"


def _answerers(question: Question, survey: Survey) -> Iterator[Fault]:
    for name in ("respondent_types", "key_of"):
        for each in getattr(question, name):
            if each not in survey.respondent_types:
                yield [name], _no_respondent(each, survey)
    if question.role == "respondent_type":
        for index, choice in enumerate(question.choices):
            if choice.code not in survey.respondent_types:
                yield ["choices", index, "code"], _no_respondent(choice.code, survey)


def _block(survey: Survey, ratings: Ratings) -> Iterator[Fault]:
    block = survey.ratings
    if block is None:
        return
    for index, name in enumerate(block.criteria):
        if name not in ratings.criteria:
            yield ["ratings", "criteria", index], f"no criterion {name!r} in ratings/criteria.yaml"
    if block.scale not in ratings.scales:
        yield ["ratings", "scale"], _no_scale(block.scale)
    for name, scale in block.scales.items():
        if name not in block.criteria:
            yield ["ratings", "scales", name], f"{name!r} is no criterion of the survey"
        if scale not in ratings.scales:
            yield ["ratings", "scales", name], _no_scale(scale)
    for index, each in enumerate(block.respondent_types):
        if each not in survey.respondent_types:
            yield ["ratings", "respondent_types", index], _no_respondent(each, survey)


def _respondents(survey: Survey) -> Iterator[Fault]:
    """Every respondent type must be told by its form and have one question that identifies it."""
    kinds = [question for question in survey.questions if question.role == "respondent_type"]
    if len(kinds) > 1 or (not kinds and len(survey.respondent_types) > 1):
        yield ["questions"], f"{len(kinds)} questions have the role respondent_type; one is needed"
    told = {choice.code for question in kinds for choice in question.choices}
    for each in survey.respondent_types:
        if kinds and each not in told:
            yield ["respondent_types"], f"no choice of {kinds[0].name} is {each}"
        keys = [question.name for question in survey.questions if each in question.key_of]
        if len(keys) != 1:
            found = " and ".join(keys) or "no question"
            yield ["questions"], f"{each} is identified by {found}; one question must have key_of {each}"


def _names(survey: Survey, built: Survey) -> Iterator[Fault]:
    """Headers of two questions, made ones included: chance would decide whose answer a column holds."""
    owners: dict[str, Question] = {}
    for index, question in enumerate(built.questions):
        place: list[str | int] = ["questions", index] if index < len(survey.questions) else ["ratings"]
        for header in question.headers:
            owner = owners.setdefault(header_key(header), question)
            if owner is not question:
                yield place, f"{question.name} and {owner.name} are both headed {header!r}"


def _no_scale(name: str) -> str:
    return f"no scale {name!r} in ratings/scales.yaml"


def _no_respondent(name: str, survey: Survey) -> str:
    return f"{name!r} is no respondent of the survey; they are {', '.join(survey.respondent_types)}"
