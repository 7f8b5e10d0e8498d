"""From the figures of one round to a verdict on each indicator, with the numbers that led to it, in two languages.

It must not hold a threshold nor change the catalog. The surprising fact: I-CVI is compared in two decimals, as its
sources print it; seven experts of nine are 0.7778 and pass the bar of 0.78 that was made for them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.ratings import REASON_FIELDS, Thresholds
from kcn_pipeline.contracts.surveys import Round, Survey
from kcn_pipeline.indicators.surveys.ratings import ENTERPRISE, EXPERT, Question, Row

_NECESSITY = "necessity"
#: What is shown in place of a number that is not known.
_DASH = "–"


@dataclass(frozen=True)
class Standing:
    """What a round that was judged before said of an indicator: the catalog it was judged with and its status then."""

    catalog_version: str
    status_now: str


@dataclass(frozen=True)
class Condition:
    """One bar that a figure met or not. `words` say it in Vietnamese and English, with `{value}` and `{bar}`."""

    rule: str
    value: float | None
    bar: float
    is_met: bool
    words: tuple[str, str]

    def tell(self, language: int) -> str:
        """The condition in a language: 0 Vietnamese, 1 English."""
        return self.words[language].format(value=show(self.value, language), bar=show(self.bar, language))


@dataclass(frozen=True)
class Decision:
    """A verdict, the rule that decided, and the conditions behind it that speak against the indicator."""

    verdict: str
    rule: str
    failed: tuple[Condition, ...] = ()


def assess_round(
    contracts: Contracts,
    survey: Survey,
    held: Round,
    figures: Mapping[Question, Row],
    previous: Mapping[str, str],
    before: Mapping[str, Standing],
) -> Iterator[Row]:
    """The rows of `survey_assessments` of a round, one per indicator that the survey asks for or that somebody rated.

    `figures` are the ratings of the province; those of few lead to no verdict and are not told. `previous` are the
    verdicts of the round before; `before` is what an earlier night said of this round: an indicator whose status was
    changed since keeps the one it was judged in.
    """
    thresholds = contracts.ratings.thresholds_on(held.closes_on)
    rated = {code for code, _, _ in figures}
    for code in sorted({*list_asked(survey), *rated} & {*contracts.indicators}):
        indicator = contracts.indicators[code]
        numbers = _gather(code, figures, thresholds)
        is_legal = contracts.ratings.is_legal(indicator, held.closes_on)
        decision = decide(numbers, thresholds, is_legal)
        numbers["previous_verdict"] = previous.get(code)
        standing = before.get(code, Standing(contracts.catalog_version, indicator.status))
        yield {
            "survey_id": survey.survey,
            "round_code": held.round,
            **numbers,
            "verdict": decision.verdict,
            "rule": decision.rule,
            "is_legal": is_legal,
            **explain(contracts, decision, numbers, thresholds),
            "catalog_version": standing.catalog_version,
            "status_now": standing.status_now,
            "status_next": _next_status(contracts, decision.verdict, standing.status_now),
        }


def list_asked(survey: Survey) -> list[str]:
    """The indicators that the survey asks to rate today."""
    asked = {one.indicator_code or "" for one in survey.questions if one.role == "rating" and one.is_asked}
    return sorted(asked)


def _gather(code: str, figures: Mapping[Question, Row], thresholds: Thresholds) -> Row:
    """The numbers of one indicator that a verdict rests on; None where nobody answered, or too few to show what."""

    def count(criterion: str, respondent_type: str) -> int:
        return int(figures.get((code, criterion, respondent_type), {}).get("n", 0))

    def figure(criterion: str, respondent_type: str, name: str) -> Any:
        is_shown = count(criterion, respondent_type) >= thresholds.min_respondents_province
        return figures[code, criterion, respondent_type].get(name) if is_shown else None

    n_experts = count(_NECESSITY, EXPERT)
    return {
        "indicator_code": code,
        "n_enterprises": count(_NECESSITY, ENTERPRISE),
        "n_experts": n_experts,
        "necessity_mean": figure(_NECESSITY, ENTERPRISE, "mean"),
        "necessity_cv": figure(_NECESSITY, ENTERPRISE, "cv"),
        "necessity_wilson_low": figure(_NECESSITY, ENTERPRISE, "wilson_low"),
        "i_cvi": figure(_NECESSITY, EXPERT, "i_cvi"),
        "i_cvi_threshold": thresholds.cvi_threshold(n_experts) if n_experts else None,
        "fuzzy_score": figure(_NECESSITY, EXPERT, "fuzzy_score"),
        "clarity_mean": figure("clarity", ENTERPRISE, "mean"),
        "availability_mean": figure("availability", ENTERPRISE, "mean"),
        "cost_mean": figure("cost", ENTERPRISE, "mean"),
    }


# ---- the verdict -----------------------------------------------------------------------------------------------------


def decide(numbers: Row, thresholds: Thresholds, is_legal: bool) -> Decision:
    """The verdict on one indicator.

    Too few answers of either kind: none. A bar to drop is missed: drop, or revise where law requires the indicator. All
    bars to keep are met: keep, with a data plan where the data is not at hand. Otherwise revise.
    """
    lacking = _lacking(numbers, thresholds)
    if lacking:
        return Decision("not_enough_answers", lacking)
    against = tuple(one for one in _bars_to_drop(numbers, thresholds) if not one.is_met)
    if against:
        if is_legal:
            return Decision("revise", "legal_never_dropped", against)
        return Decision("drop", against[0].rule, against)
    failed = tuple(one for one in _bars_to_keep(numbers, thresholds) if not one.is_met)
    if failed:
        return Decision("revise", "conditions_not_met", failed)
    availability = numbers["availability_mean"]
    if availability is not None and availability < thresholds.availability_low:
        return Decision("keep_with_data_plan", "availability_low")
    return Decision("keep", "all_met")


def _lacking(numbers: Row, thresholds: Thresholds) -> str | None:
    """The rule that says who was too few, None where all are enough."""
    few_enterprises = numbers["n_enterprises"] < thresholds.min_enterprise_answers
    few_experts = numbers["n_experts"] < thresholds.min_expert_answers
    if few_enterprises and few_experts:
        return "too_few_answers"
    if few_enterprises:
        return "too_few_enterprises"
    return "too_few_experts" if few_experts else None


def _bars_to_drop(numbers: Row, thresholds: Thresholds) -> Iterator[Condition]:
    mean, i_cvi, fuzzy = numbers["necessity_mean"], numbers["i_cvi"], numbers["fuzzy_score"]
    words = ("mức độ cần thiết trung bình {value} (dưới {bar})", "mean necessity {value} (below {bar})")
    yield Condition("mean_low", mean, thresholds.drop_mean, mean >= thresholds.drop_mean, words)
    words = ("I-CVI của chuyên gia {value} (dưới {bar})", "I-CVI of the experts {value} (below {bar})")
    yield Condition("i_cvi_low", i_cvi, thresholds.drop_i_cvi, _printed(i_cvi) >= thresholds.drop_i_cvi, words)
    if fuzzy is not None:
        words = ("điểm Fuzzy Delphi {value} (dưới {bar})", "Fuzzy Delphi score {value} (below {bar})")
        yield Condition("fuzzy_low", fuzzy, thresholds.fuzzy_drop, fuzzy >= thresholds.fuzzy_drop, words)


def _bars_to_keep(numbers: Row, thresholds: Thresholds) -> Iterator[Condition]:
    mean, cv, low = (numbers[name] for name in ("necessity_mean", "necessity_cv", "necessity_wilson_low"))
    words = ("mức độ cần thiết trung bình {value} (cần từ {bar})", "mean necessity {value} (at least {bar} needed)")
    yield Condition("mean", mean, thresholds.keep_mean, mean >= thresholds.keep_mean, words)
    words = ("hệ số biến thiên {value} (tối đa {bar})", "coefficient of variation {value} (at most {bar})")
    yield Condition("cv", cv, thresholds.keep_cv, cv is not None and cv <= thresholds.keep_cv, words)
    words = (
        "cận dưới tỷ lệ đồng ý {value} (cần từ {bar})",
        "lower bound of the share agreeing {value} (at least {bar} needed)",
    )
    yield Condition("wilson_low", low, thresholds.keep_wilson_low, low >= thresholds.keep_wilson_low, words)
    i_cvi, bar = numbers["i_cvi"], numbers["i_cvi_threshold"]
    words = ("I-CVI của chuyên gia {value} (cần từ {bar})", "I-CVI of the experts {value} (at least {bar} needed)")
    yield Condition("i_cvi", i_cvi, bar, _printed(i_cvi) >= bar, words)


def _printed(share: float) -> float:
    """A share as Lynn 1986 and Polit and Beck 2006 print it."""
    return round(share, 2)


def _next_status(contracts: Contracts, verdict: str, status: str) -> str:
    """The status that the verdict proposes; without one the indicator stays as it is."""
    return next(
        (after for now, after in contracts.ratings.verdicts[verdict].next_status.items() if now == status), status
    )


# ---- its words -------------------------------------------------------------------------------------------------------


def explain(contracts: Contracts, decision: Decision, numbers: Row, thresholds: Thresholds) -> dict[str, str]:
    """`reason_vi` and `reason_en`: the words of the rule with its numbers."""
    reason = contracts.ratings.verdicts[decision.verdict].reason(decision.rule)
    return {
        "reason_vi": reason.vi.format_map(_told(contracts, decision, numbers, thresholds, 0)),
        "reason_en": reason.en.format_map(_told(contracts, decision, numbers, thresholds, 1)),
    }


def _told(
    contracts: Contracts, decision: Decision, numbers: Row, thresholds: Thresholds, language: int
) -> dict[str, str]:
    """Everything a reason may quote, as text."""
    quoted: dict[str, Any] = {**thresholds.model_dump(), **{name: numbers.get(name) for name in REASON_FIELDS}}
    told = {name: show(value, language) for name, value in quoted.items()}
    verdict = contracts.ratings.verdicts.get(numbers["previous_verdict"] or "")
    if verdict:
        told["previous_verdict"] = (verdict.label.vi, verdict.label.en)[language]
    told["failed"] = _list(one.tell(language) for one in decision.failed)
    return told


def _list(texts: Iterable[str]) -> str:
    return "; ".join(texts)


def show(value: Any, language: int) -> str:
    """A number with up to three decimals, with a comma in Vietnamese; a dash for what is not known."""
    if value is None:
        return _DASH
    if not isinstance(value, float):
        return str(value)
    shown = f"{value:.3f}".rstrip("0").rstrip(".")
    return shown if language else shown.replace(".", ",")
