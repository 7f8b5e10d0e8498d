"""How ratings are read and judged: scales, criteria, thresholds with their dates, verdicts and what they say.

It must not hold a figure (ratings/*.yaml states every one) nor compute a statistic. The surprising fact: a threshold is
dated, so that a round that closed before the board moved a bar keeps its verdicts when it is computed again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from kcn_pipeline.contracts.base import Bilingual, Contract, Dated, Name
from kcn_pipeline.contracts.indicators import Indicator, Status

#: The key of the entry, where in it, and what is wrong.
Complaint = tuple[str, Sequence[str | int], str]
_DAY = timedelta(days=1)


class Point(Contract):
    """One point of a scale: its number, its words, and the fuzzy number (low, mid, high) that it stands for."""

    value: int
    label: Bilingual
    #: Other words and codes of it in forms and exports; the number itself need not be written here.
    synonyms: tuple[str, ...] = ()
    fuzzy: tuple[float, float, float] | None = None

    @model_validator(mode="after")
    def _is_ordered(self) -> "Point":
        if self.fuzzy and not 0 <= self.fuzzy[0] <= self.fuzzy[1] <= self.fuzzy[2] <= 1:
            raise ValueError("fuzzy must rise from 0 to 1")
        return self


class Scale(Contract):
    """The points an answer may have, from lowest to highest, one apart."""

    name: Name
    title: Bilingual
    points: tuple[Point, ...] = Field(min_length=2)
    #: Who answers so or higher agrees.
    agree_from: int
    #: Who answers so or higher calls it relevant (I-CVI); None: the threshold relevant_from.
    relevant_from: int | None = None
    source: str = Field(min_length=1)
    note: str | None = None

    @model_validator(mode="after")
    def _rises(self) -> "Scale":
        values = [point.value for point in self.points]
        if values != list(range(values[0], values[0] + len(values))):
            raise ValueError(f"points must rise by one, they are {values}")
        for name in ("agree_from", "relevant_from"):
            bound = getattr(self, name)
            if bound is not None and bound not in values:
                raise ValueError(f"{name} {bound} is no point of the scale")
        return self

    @property
    def min(self) -> int:
        """The lowest point."""
        return self.points[0].value

    @property
    def max(self) -> int:
        """The highest point."""
        return self.points[-1].value

    def point(self, value: float) -> Point | None:
        """The point with that number; None off the scale and between two points."""
        return next((point for point in self.points if point.value == value), None)


class Criterion(Contract):
    """One thing that an indicator is rated for. `is_reversed`: a high answer speaks against the indicator."""

    name: Name
    label: Bilingual
    hint: Bilingual | None = None
    is_reversed: bool = False
    #: Other words for the label in forms and exports.
    synonyms: tuple[str, ...] = ()
    #: Other endings of the name of a question, such as `mg01_can_thiet` for `mg01_necessity`.
    name_parts: tuple[str, ...] = ()


class CviStep(Contract):
    """The least I-CVI of an item where at least `n_from` experts rated it."""

    n_from: int = Field(ge=1)
    least: float = Field(gt=0, le=1)


class Thresholds(Contract):
    """Every number by which answers are accepted and ratings judged; what each means stands at its name."""

    # ---- enterprises
    #: Keep: mean need at least, coefficient of variation at most, Wilson lower bound of the share agreeing at least.
    keep_mean: float
    keep_cv: float = Field(gt=0)
    keep_wilson_low: float = Field(ge=0, le=1)
    #: Drop: mean need below.
    drop_mean: float
    #: Quantile of the normal distribution of the Wilson interval (1.96: 95 %, two-sided).
    wilson_z: float = Field(gt=0)
    #: Keep with a data plan: mean availability of data below.
    availability_low: float
    #: No verdict with fewer ratings of necessity.
    min_enterprise_answers: int = Field(ge=1)

    # ---- experts
    #: On a five-point scale, from this answer on an expert calls the item relevant.
    relevant_from: int
    #: The least I-CVI by number of experts, n_from rising from 1.
    cvi: tuple[CviStep, ...] = Field(min_length=1)
    drop_i_cvi: float = Field(ge=0, le=1)
    #: One-tailed level of the exact critical count of CVR.
    cvr_level: float = Field(gt=0, lt=1)
    #: Fuzzy Delphi: score below which to drop, and distance within which an expert agrees with the others.
    fuzzy_drop: float = Field(ge=0, le=1)
    fuzzy_distance: float = Field(ge=0, le=1)
    min_expert_answers: int = Field(ge=1)

    # ---- a whole survey
    #: From which Kendall's W on agreement is called so.
    kendall_strong: float
    kendall_moderate: float
    kendall_weak: float

    # ---- responses
    #: Only responses that the board approved count.
    approved_only: bool
    #: Equal answers to so many rating questions or more, and to all of them, are straight-lining.
    straight_line_min_answers: int = Field(ge=2)
    #: Less time for each answered question than this, or more in all, is no possible duration.
    min_seconds_per_question: float = Field(ge=0)
    max_duration_days: float = Field(gt=0)
    #: Flags whose responses are quarantined instead of kept.
    excluded_flags: tuple[Name, ...]

    # ---- disclosure
    #: No figure of fewer respondents is shown, below province level and of the province.
    min_respondents: int = Field(ge=1)
    min_respondents_province: int = Field(ge=1)
    #: Below province level deviation and quartiles of fewer respondents are not shown.
    min_respondents_spread: int = Field(ge=1)
    #: Show what respondents of a round say before it has closed; how many they are is always shown.
    publish_open_rounds: bool

    # ---- law
    #: An indicator of which a reference begins with one of these is required by law.
    legal_frameworks: tuple[str, ...]
    #: Codes of indicators that law requires and whose references do not say so.
    legal_indicators: tuple[str, ...]

    @model_validator(mode="after")
    def _steps_rise(self) -> "Thresholds":
        counts = [step.n_from for step in self.cvi]
        if counts[0] != 1 or counts != sorted(set(counts)):
            raise ValueError("cvi must begin at n_from 1 and rise")
        if self.drop_mean > self.keep_mean:
            raise ValueError("the bar to drop must not be above the bar to keep")
        # Else a park of a province that is not shown could be shown, and a verdict could quote what is not.
        if self.min_respondents_province > self.min_respondents:
            raise ValueError("min_respondents_province must not be above min_respondents")
        if self.min_respondents_province > min(self.min_enterprise_answers, self.min_expert_answers):
            raise ValueError("no verdict may rest on fewer answers than min_respondents_province")
        return self

    def cvi_threshold(self, n_experts: int) -> float:
        """The least I-CVI of an item that so many experts rated (Lynn 1986, Polit & Beck 2006)."""
        return [step.least for step in self.cvi if step.n_from <= max(n_experts, 1)][-1]

    def kendall_strength(self, w: float) -> str:
        """How strong an agreement of W is: strong, moderate, weak or none (Schmidt 1997)."""
        strengths = {"strong": self.kendall_strong, "moderate": self.kendall_moderate, "weak": self.kendall_weak}
        return next((strength for strength, least in strengths.items() if w >= least), "none")

    def relevant_on(self, scale: Scale) -> int:
        """From which answer on the scale an expert calls an item relevant."""
        return self.relevant_from if scale.relevant_from is None else scale.relevant_from


class Threshold(Dated):
    """One named value of `Thresholds` while it holds, with its source."""

    name: Name
    value: Any
    note: str | None = None


class Reason(Contract):
    """What one rule of a verdict says; `{placeholders}` are those of REASON_FIELDS and the names of thresholds."""

    rule: Name
    vi: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Verdict(Contract):
    """What to do with an indicator. `next_status`: status in the catalog → status that the verdict proposes."""

    name: Name
    label: Bilingual
    next_status: Mapping[Status, Status] = {}
    reasons: tuple[Reason, ...] = Field(min_length=1)

    def reason(self, rule: str) -> Reason:
        """The texts of a rule; raises KeyError."""
        for reason in self.reasons:
            if reason.rule == rule:
                return reason
        raise KeyError(f"verdict {self.name} has no reason {rule!r}")


#: The verdicts there are, and the rules that can decide each of them.
VERDICTS: Mapping[str, tuple[str, ...]] = {
    "keep": ("all_met",),
    "keep_with_data_plan": ("availability_low",),
    "revise": ("conditions_not_met", "legal_never_dropped"),
    "drop": ("mean_low", "i_cvi_low", "fuzzy_low"),
    "not_enough_answers": ("too_few_enterprises", "too_few_experts", "too_few_answers"),
}
#: Numbers of an assessment that a reason may quote, beside every threshold by its name.
REASON_FIELDS = (
    "indicator_code", "n_enterprises", "n_experts", "necessity_mean", "necessity_cv", "necessity_wilson_low", "i_cvi",
    "i_cvi_threshold", "fuzzy_score", "clarity_mean", "availability_mean", "cost_mean", "previous_verdict", "failed",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Ratings:
    """Every contract about ratings. `eras` are the thresholds by the first day on which they hold."""

    scales: Mapping[str, Scale]
    criteria: Mapping[str, Criterion]
    verdicts: Mapping[str, Verdict]
    eras: tuple[tuple[date, Thresholds], ...] = field(repr=False)

    @property
    def thresholds(self) -> Thresholds:
        """The newest thresholds; a round is judged by `thresholds_on` its last day."""
        return self.eras[-1][1]

    def thresholds_on(self, day: date) -> Thresholds:
        """The thresholds that hold on a day."""
        return [thresholds for begins, thresholds in self.eras if begins <= day][-1]

    def is_legal(self, indicator: Indicator, day: date | None = None) -> bool:
        """Whether law requires the indicator: a reference begins with a legal framework, or its code is listed."""
        thresholds = self.thresholds if day is None else self.thresholds_on(day)
        frameworks = [reference.framework for reference in indicator.references]
        named = any(_begins(framework, legal) for framework in frameworks for legal in thresholds.legal_frameworks)
        return named or indicator.code in thresholds.legal_indicators

    @cached_property
    def fingerprint(self) -> str:
        """Changes when anything does that ratings, verdicts or their reasons depend on."""
        models = [*self.scales.values(), *self.criteria.values(), *self.verdicts.values()]
        return fingerprint_of([*models, *(thresholds for _, thresholds in self.eras)], [day for day, _ in self.eras])


def _begins(framework: str, legal: str) -> bool:
    """Whole words: `Nghị định 35/2022/NĐ-CP` begins `… Điều 37(2)`, but `Luật A` does not begin `Luật An toàn`."""
    return framework == legal or framework.startswith((f"{legal} ", f"{legal},"))


def fingerprint_of(models: Sequence[BaseModel], more: Sequence[Any] = ()) -> str:
    """A short hash of what models say, equal for equal content."""
    said = [model.model_dump(mode="json") for model in models]
    return sha256(json.dumps([said, list(more)], sort_keys=True, default=str).encode()).hexdigest()[:16]


def build_eras(rows: Mapping[str, Threshold]) -> tuple[tuple[tuple[date, Thresholds], ...], list[Complaint]]:
    """The thresholds from each day on which one of them changes, and what keeps them from being complete.

    Of two rows of one name that hold on a day the one that began last wins.
    """
    days = {date.min, *(row.valid_from for row in rows.values() if row.valid_from)}
    days |= {row.valid_to + _DAY for row in rows.values() if row.valid_to and row.valid_to < date.max}
    eras: list[tuple[date, Thresholds]] = []
    complaints: list[Complaint] = []
    for day in sorted(days):
        holding = _holding(rows, day)
        try:
            named = {row.name: row.value for _, row in holding.values()}
            eras.append((day, Thresholds.model_validate_json(json.dumps(named))))
        except ValidationError as error:
            complaints += [each for each in _faults(error, holding, day) if each not in complaints]
    return tuple(eras), complaints


def _holding(rows: Mapping[str, Threshold], day: date) -> dict[str, tuple[str, Threshold]]:
    holding = [(key, row) for key, row in rows.items() if row.holds_on(day)]
    return {row.name: (key, row) for key, row in sorted(holding, key=lambda one: one[1].valid_from or date.min)}


def _faults(error: ValidationError, holding: Mapping[str, tuple[str, Threshold]], day: date) -> Iterator[Complaint]:
    for detail in error.errors(include_url=False):
        name, *inner = detail["loc"] or ("keep_mean",)
        key = holding[str(name)][0] if name in holding else str(name)
        if detail["type"] == "missing" and not inner:
            since = "" if day == date.min else f" on {day}"
            yield key, [], f"has no row{since}; every threshold needs one"
        elif detail["type"] == "extra_forbidden" and not inner:
            yield key, [], f"is no threshold; they are {', '.join(Thresholds.model_fields)}"
        else:
            yield key, ["value", *inner], detail["msg"]
