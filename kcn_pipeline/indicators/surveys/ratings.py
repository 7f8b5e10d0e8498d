"""How one round rates every indicator: figures per criterion, respondent type and area, those of few withheld.

It must not judge what the figures mean. The surprising fact: a figure of a park is made of the same counts of scores as
that of the province, so the province is their sum and never a mean of means.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kcn_pipeline.contracts.ratings import Scale, Thresholds
from kcn_pipeline.indicators.surveys import statistics
from kcn_pipeline.indicators.surveys.disclosure import CONFIDENTIAL, FREE, Crowd
from kcn_pipeline.indicators.surveys.scores import Scores, count_scores
from kcn_pipeline.indicators.surveys.statistics import Counts
from kcn_pipeline.indicators.surveys.tables import RATINGS_KEY, Round

Row = dict[str, Any]
#: indicator_code, criterion, respondent_type
Question = tuple[str, str, str]

EXPERT, ENTERPRISE = "expert", "enterprise"


@dataclass(frozen=True)
class Yardstick:
    """What the answers of a round are measured by: the scale of each criterion, and the thresholds of the round."""

    scales: Mapping[str, Scale]
    thresholds: Thresholds

    def relevant_from(self, criterion: str) -> int:
        """From which answer on an expert calls an item relevant."""
        return self.thresholds.relevant_on(self.scales[criterion])


@dataclass
class Cell:
    """The answers to one question in one area."""

    counts: dict[float, int] = field(default_factory=dict)
    asked: int = 0

    @property
    def n(self) -> int:
        """How many answered."""
        return sum(self.counts.values())

    def add(self, other: "Cell") -> None:
        """Take in the answers of another area."""
        self.asked += other.asked
        for score, count in other.counts.items():
            self.counts[score] = self.counts.get(score, 0) + count


@dataclass(frozen=True)
class Tally:
    """The answers to one question: of everybody, and by park (of experts nothing, they stand for no park)."""

    everybody: Cell
    parks: Mapping[str, Cell]


def tally(scores: Scores) -> dict[Question, Tally]:
    """The answers to every question of a round."""
    cells: dict[Question, dict[str | None, Cell]] = defaultdict(dict)
    for item, (respondent_type, park_code), counts, asked in count_scores(scores):
        cells[*item, respondent_type][park_code] = Cell(dict(counts), asked)
    found = {}
    for question, by_park in sorted(cells.items()):
        everybody = Cell()
        for cell in by_park.values():
            everybody.add(cell)
        parks = {park: by_park[park] for park in sorted(filter(None, by_park))} if question[2] != EXPERT else {}
        found[question] = Tally(everybody, parks)
    return found


def rate_province(tallies: Mapping[Question, Tally], yardstick: Yardstick) -> dict[Question, Row]:
    """The figures of every question in the whole province, those of few, which nobody may see, included."""
    return {question: rate(found.everybody, question, yardstick) for question, found in tallies.items()}


def rate_round(
    tallies: Mapping[Question, Tally],
    whole: Mapping[Question, Row],
    crowds: Mapping[str, Crowd],
    held: Round,
    province: str,
    yardstick: Yardstick,
) -> Iterator[Row]:
    """The rows of `survey_ratings` of a round; `whole` are the figures of the province.

    A park of which nothing is shown has a row for every question, or a row would tell that somebody answered.
    """
    thresholds = yardstick.thresholds
    least = thresholds.min_respondents
    unshown = {name: crowd.find_unshown(least) if name != EXPERT else set() for name, crowd in crowds.items()}
    for question, found in tallies.items():
        is_shown = found.everybody.n >= thresholds.min_respondents_province
        yield _row((*question, *held, "province", province), whole[question] if is_shown else None)
        answers = {park: cell.n for park, cell in found.parks.items()}
        hidden = crowds[question[2]].find_hidden(answers, found.everybody.n, least) | unshown[question[2]]
        for park in sorted(found.parks.keys() | hidden):
            figures = None if park in hidden else _rate_park(found.parks[park], question, yardstick)
            yield _row((*question, *held, "park", park), figures)


def _row(key: tuple[str, ...], figures: Row | None) -> Row:
    """A row of `survey_ratings`; without figures they are not shown."""
    status = CONFIDENTIAL if figures is None else FREE
    return {**dict(zip(RATINGS_KEY, key, strict=True)), **(figures or {}), "conf_status": status}


def _rate_park(cell: Cell, question: Question, yardstick: Yardstick) -> Row:
    """The figures of a park; how far its answers spread is not told of so few that it would tell the answers."""
    figures = rate(cell, question, yardstick)
    if cell.n < yardstick.thresholds.min_respondents_spread:
        return {name: value for name, value in figures.items() if name not in _SPREAD}
    return figures


_SPREAD = ("sd", "cv", "median", "q1", "q3", "iqr")


def rate(cell: Cell, question: Question, yardstick: Yardstick) -> Row:
    """The figures of one question in one area; without an answer nothing but how many were asked."""
    _, criterion, respondent_type = question
    told = statistics.describe(cell.counts)
    figures: Row = {"n": told.n, "n_asked": cell.asked, "n_missing": cell.asked - told.n}
    if not told.n:
        return figures
    agreeing = statistics.count_from(cell.counts, yardstick.scales[criterion].agree_from)
    low, high = statistics.wilson_interval(agreeing, told.n, yardstick.thresholds.wilson_z)
    figures |= {name: getattr(told, name) for name in ("mean", "sd", "cv", "median", "q1", "q3", "iqr")}
    figures |= {"agree_n": agreeing, "agree_share": agreeing / told.n, "wilson_low": low, "wilson_high": high}
    return figures | _rate_by_experts(cell.counts, criterion, yardstick) if respondent_type == EXPERT else figures


def _rate_by_experts(counts: Counts, criterion: str, yardstick: Yardstick) -> Row:
    n, relevant = sum(counts.values()), statistics.count_from(counts, yardstick.relevant_from(criterion))
    critical = statistics.critical_count(n, yardstick.thresholds.cvr_level)
    validity: Row = {
        "cvr": statistics.validity_ratio(relevant, n),
        "cvr_critical_n": critical,
        "is_cvr_met": None if critical is None else relevant >= critical,
        "i_cvi": relevant / n,
        "kappa": statistics.modified_kappa(relevant, n),
    }
    numbers = {float(point.value): point.fuzzy for point in yardstick.scales[criterion].points if point.fuzzy}
    if {*counts} - {*numbers}:
        return validity
    opinion = statistics.fuzzy_opinion(counts, numbers, yardstick.thresholds.fuzzy_distance)
    return validity | {
        "fuzzy_low": opinion.low,
        "fuzzy_mid": opinion.mid,
        "fuzzy_high": opinion.high,
        "fuzzy_score": opinion.score,
        "fuzzy_consensus_share": opinion.consensus_share,
    }
