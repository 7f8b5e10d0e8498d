"""The formulas of the ratings, each with its source and a worked example; pure functions of counts and of matrices.

It must not know an indicator, a threshold nor the lake. The surprising fact: nearly everything comes from how often
each score was given, ten thousand answers or ten; only Kendall's W and Cronbach's alpha ask who gave which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, comb, erfc, exp, floor, fsum, lgamma, log, sqrt
from typing import Any

#: How many gave each score; scores that nobody gave may be left out.
Counts = Mapping[float, int]
#: Respondents (rows) × items (columns) of numpy floats, NaN where there is no answer.
Matrix = Any

#: A triangular fuzzy number: low, mid, high.
Fuzzy = tuple[float, float, float]

#: Distances of fuzzy numbers are compared with a bound that has two digits; a float must not fall short of it.
_CLOSE = 1e-9


# ---- one question ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Description:
    """The usual figures of one question; None where too few answered (`sd` needs two)."""

    n: int
    mean: float | None = None
    sd: float | None = None
    cv: float | None = None
    median: float | None = None
    q1: float | None = None
    q3: float | None = None

    @property
    def iqr(self) -> float | None:
        """The distance of the quartiles."""
        return None if self.q1 is None or self.q3 is None else self.q3 - self.q1


def describe(counts: Counts) -> Description:
    """Mean, deviation of a sample (n - 1), CV = sd / mean, and quartiles.

    Example: 2, 4, 4, 4, 5, 5, 7, 9 have mean 5, sd √(32/7) = 2.138, CV 0.428, quartiles 4, 4.5 and 5.5.
    """
    held = {score: counts[score] for score in sorted(counts) if counts[score]}
    n = sum(held.values())
    if not n:
        return Description(0)
    mean = fsum(score * count for score, count in held.items()) / n
    sd = sqrt(fsum(count * (score - mean) ** 2 for score, count in held.items()) / (n - 1)) if n > 1 else None
    cv = sd / mean if sd is not None and mean > 0 else None
    q1, median, q3 = (quantile(held, quarter / 4) for quarter in (1, 2, 3))
    return Description(n, mean, sd, cv, median, q1, q3)


def quantile(counts: Counts, share: float) -> float:
    """The quantile in a straight line between neighbours: type 7 of Hyndman and Fan 1996, The American Statistician 50.

    It is that of Excel's QUARTILE.INC; example of its manual: the first quartile of 1, 2, 4, 7, 8, 9, 10, 12 is 3.5.
    Needs an answer.
    """
    place = share * (sum(counts.values()) - 1)
    low, high = _score_at(counts, floor(place)), _score_at(counts, ceil(place))
    return low + (place - floor(place)) * (high - low)


def _score_at(counts: Counts, place: int) -> float:
    """The score at a place of the ordered answers, counted from 0."""
    passed = 0
    for score in sorted(counts):
        passed += counts[score]
        if place < passed:
            return score
    raise ValueError(f"place {place} of {passed} answers")


def count_from(counts: Counts, least: float) -> int:
    """How many gave `least` or more."""
    return sum(count for score, count in counts.items() if score >= least)


def wilson_interval(agreeing: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Both ends of the score interval of a share (Wilson 1927, JASA 22), without correction for continuity.

    `z` is the quantile of the normal distribution, 1.96 for 95 %. Example (Newcombe 1998, Statistics in Medicine 17,
    method 3): 81 of 263 lie in 0.2553 to 0.3662. Needs n > 0.
    """
    share, square = agreeing / n, z * z
    middle, bottom = share + square / (2 * n), 1 + square / n
    width = z * sqrt(share * (1 - share) / n + square / (4 * n * n))
    # What none or all say ends at 0 or 1, which a float would miss.
    return (middle - width) / bottom if agreeing else 0.0, (middle + width) / bottom if agreeing < n else 1.0


# ---- one question put to a panel of experts --------------------------------------------------------------------------


def validity_ratio(relevant: int, n: int) -> float:
    """CVR = (ne - N/2) / (N/2), from -1 to 1 (Lawshe 1975, Personnel Psychology 28).

    Example: 9 of 10 who say essential give 0.8, half of them 0. Needs n > 0.
    """
    return (2 * relevant - n) / n


@lru_cache(maxsize=4096)
def critical_count(n: int, level: float = 0.05) -> int | None:
    """The least ne of N with P(Bin(N, 1/2) >= ne) <= level (Ayre and Scally 2014, MECD 47, table 2).

    Example: 12 of 15. None below five experts at 0.05, where not even all of them are enough.
    """
    # Whole numbers to the end: a panel of thousands has no float for its smallest chance.
    bound = Fraction(level) * 2**n
    least, ways, chosen = None, 0, 1
    for relevant in range(n, -1, -1):
        ways += chosen
        if ways > bound:
            break
        least, chosen = relevant, chosen * relevant // (n - relevant + 1)
    return least


def modified_kappa(relevant: int, n: int) -> float:
    """k = (I-CVI - pc) / (1 - pc) with pc = C(N, A) / 2^N (Polit, Beck and Owen 2007, Research in Nursing & Health 30).

    Example: 8 of 10 have I-CVI 0.80, pc 0.044 and k 0.79. Needs n > 0.
    """
    chance = comb(n, relevant) / 2**n
    return (relevant / n - chance) / (1 - chance)


@dataclass(frozen=True)
class FuzzyOpinion:
    """What a panel thinks: the mean fuzzy number, its middle, and the share of experts near it."""

    low: float
    mid: float
    high: float
    score: float
    consensus_share: float


def fuzzy_opinion(counts: Counts, numbers: Mapping[float, Fuzzy], within: float) -> FuzzyOpinion:
    """Fuzzy Delphi of one round: arithmetic means of the corners, S = (l + m + u) / 3, and who is `within` of them.

    `numbers` are the fuzzy numbers of the scores (Habibi, Jahantigh and Sarafrazi 2015, one round); geometric means
    would fail at corners of 0. The distance of two numbers is √(((l1-l2)² + (m1-m2)² + (u1-u2)²) / 3) (Chen 2000, Fuzzy
    Sets and Systems 114). Example: 4, 4 and 5 of five points give (0.583, 0.833, 1), S 0.806; a 4 lies 0.068 off and a
    5 lies 0.136 off, all within 0.2. Needs an answer.
    """
    held = [(count, numbers[score]) for score, count in sorted(counts.items()) if count]
    n = sum(count for count, _ in held)
    low, mid, high = (fsum(count * number[corner] for count, number in held) / n for corner in range(3))
    mean = (low, mid, high)
    near = sum(count for count, number in held if _distance(number, mean) <= within + _CLOSE)
    return FuzzyOpinion(low, mid, high, fsum(mean) / 3, near / n)


def _distance(one: Fuzzy, other: Fuzzy) -> float:
    return sqrt(fsum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / 3)


# ---- many questions --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Concordance:
    """Kendall's W of `raters` who ranked every item, with its test."""

    raters: int
    w: float
    chi2: float
    df: int
    p: float


def kendall_w(scores: Matrix) -> Concordance | None:
    """W = 12 S / (m² (n³ - n) - m ΣT), T = Σ(t³ - t) per rater (Kendall and Gibbons 1990, chapter 6), of the raters who
    scored every item; chi2 = m (n - 1) W on n - 1 degrees of freedom.

    Example 6.2 there: three rankings of ten objects with ties have W 0.828. None with fewer than two raters or items,
    and where nobody tells two items apart.
    """
    import numpy as np

    complete = scores[~np.isnan(scores).any(axis=1)]
    m, n = complete.shape
    if m < 2 or n < 2:
        return None
    sums, ties = np.zeros(n), 0
    # Half ranks, so that sums and their squares stay whole numbers: a mean rank ends in .5 at most.
    below = np.zeros((m, 1))
    for score in np.unique(complete):
        same = complete == score
        count = same.sum(axis=1, keepdims=True)
        sums += (same * (2 * below + count + 1)).sum(axis=0)
        ties += int((count.astype(np.int64) ** 3 - count).sum())
        below = below + count
    doubled = [int(total) for total in sums]
    spread = 12 * (n * sum(total * total for total in doubled) - sum(doubled) ** 2)
    bottom = 4 * n * (m * m * (n**3 - n) - m * ties)
    if not bottom:
        return None
    w = spread / bottom
    chi2 = m * (n - 1) * w
    return Concordance(m, w, chi2, n - 1, chi2_tail(chi2, n - 1))


def chi2_tail(chi2: float, df: int) -> float:
    """P(X >= chi2) for whole degrees of freedom (Abramowitz and Stegun 1964, 26.4.4 and 26.4.5).

    Example: 3.841 on 1 degree and 18.307 on 10 degrees have 0.05.
    """
    half = chi2 / 2
    if half <= 0:
        return 1.0
    # Terms half^k e^-half / Γ(k+1) for k = 0, 1, … or 1/2, 3/2, …, by logarithms: half^k alone overflows.
    first = 0.5 if df % 2 else 0.0
    steps = [first + step for step in range(df // 2)]
    terms = [exp(k * log(half) - half - lgamma(k + 1)) for k in steps]
    return min(1.0, fsum([*terms, erfc(sqrt(half))] if df % 2 else terms))


def cronbach_alpha(scores: Matrix) -> float | None:
    """alpha = k/(k-1) (1 - Σ var_i / Σ cov_ij) (Cronbach 1951, Psychometrika 16), each covariance over those who
    answered both items.

    Example: the seven items of Chatterjee and Price's attitude data have 0.84. None with fewer than two items, with a
    pair of items that fewer than two answered, or where totals do not vary. Turn reversed items before. Scores are
    whole numbers, so that sums of their products are exact and equal in whatever order the respondents come.
    """
    import numpy as np

    n, k = scores.shape
    if n < 2 or k < 2:
        return None
    known = ~np.isnan(scores)
    if known.all():
        # The covariances of all pairs add up to the variance of the totals.
        own, total = fsum(_variances(scores)), _variances(scores.sum(axis=1, keepdims=True))[0]
    else:
        own, total = _covariances(scores, known)
    # What is left of equal totals is a matter of rounding.
    return k / (k - 1) * (1 - own / total) if total > _CLOSE * max(own, 1.0) else None


def _variances(scores: Matrix) -> list[float]:
    n = len(scores)
    return ((n * (scores * scores).sum(axis=0) - scores.sum(axis=0) ** 2) / (n * (n - 1))).tolist()


def _covariances(scores: Matrix, known: Matrix) -> tuple[float, float]:
    """The sum of the items' variances and that of all pairs' covariances; 0 where fewer than two answered a pair."""
    import numpy as np

    filled, flags = np.where(known, scores, 0.0), known.astype(float)
    pairs, sums, products = flags.T @ flags, filled.T @ flags, filled.T @ filled
    if pairs.min() < 2:
        return 0.0, 0.0
    covariances = (pairs * products - sums * sums.T) / (pairs * (pairs - 1))
    return fsum(np.diag(covariances).tolist()), fsum(covariances.ravel().tolist())


def krippendorff_alpha(units: Sequence[Counts]) -> float | None:
    """1 - Do/De with the ordinal metric (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability), of the counts
    of every item.

    Example C there: four observers and twelve units, with gaps, have 0.815. Items with one answer pair with nothing
    and are left out; None where only one score was ever given.
    """
    paired = [unit for unit in units if sum(unit.values()) > 1]
    totals: dict[float, int] = {}
    for unit in paired:
        for score, count in unit.items():
            totals[score] = totals.get(score, 0) + count
    scores = sorted(score for score, count in totals.items() if count)
    if len(scores) < 2:
        return None
    n = sum(totals.values())
    observed = expected = 0.0
    for position, low in enumerate(scores):
        for end in range(position + 1, len(scores)):
            high = scores[end]
            between = sum(totals[score] for score in scores[position : end + 1])
            distance = (between - (totals[low] + totals[high]) / 2) ** 2
            met = fsum(u.get(low, 0) * u.get(high, 0) / (sum(u.values()) - 1) for u in paired)
            observed += met * distance
            expected += totals[low] * totals[high] * distance
    return 1 - (n - 1) * observed / expected
