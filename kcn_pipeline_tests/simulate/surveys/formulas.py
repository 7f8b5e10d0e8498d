"""The statistics of ratings once more, in plain Python from the formulas' sources.

It must not import a library of statistics nor anything of the pipeline. The surprising fact: everything works on lists
of single scores, never on counts per score, so that it shares no shortcut with what it judges.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import comb, exp, fsum, lgamma, log, sqrt

Scores = Sequence[int]
#: One rater's scores by item; an item the rater did not score is not in it.
Rater = Mapping[str, int]

#: The quantile 0.975 of the normal distribution: an interval of 95 %.
Z_95 = 1.959963984540054
#: Triangular fuzzy numbers of five points (Habibi et al. 2015, one round).
FUZZY = {1: (0.0, 0.0, 0.25), 2: (0.0, 0.25, 0.5), 3: (0.25, 0.5, 0.75), 4: (0.5, 0.75, 1.0), 5: (0.75, 1.0, 1.0)}


# ---- one question ----------------------------------------------------------------------------------------------------


def mean_of(scores: Scores) -> float:
    """The arithmetic mean."""
    return float(Fraction(sum(scores), len(scores)))


def deviation_of(scores: Scores) -> float | None:
    """The standard deviation of a sample, divided by n - 1; None of fewer than two."""
    if len(scores) < 2:
        return None
    mean = Fraction(sum(scores), len(scores))
    return sqrt(sum((score - mean) ** 2 for score in scores) / (len(scores) - 1))


def quantile_of(scores: Scores, share: Fraction) -> float:
    """The quantile between neighbours in a straight line (type 7 of Hyndman and Fan 1996)."""
    ordered = sorted(scores)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


def wilson_of(agreeing: int, count: int, z: float = Z_95) -> tuple[float, float]:
    """Both ends of Wilson's score interval of 95 % (Wilson 1927)."""
    share, square = agreeing / count, z * z
    middle = share + square / (2 * count)
    width = z * sqrt(share * (1 - share) / count + square / (4 * count * count))
    bottom = 1 + square / count
    return max(0.0, (middle - width) / bottom), min(1.0, (middle + width) / bottom)


# ---- one question put to experts -------------------------------------------------------------------------------------


def validity_ratio(relevant: int, count: int) -> float:
    """CVR = (ne - N/2) / (N/2) (Lawshe 1975)."""
    return float((Fraction(relevant) - Fraction(count, 2)) / Fraction(count, 2))


def critical_count(count: int) -> int | None:
    """The least ne with P(Bin(N, 1/2) >= ne) <= 0.05 (Ayre and Scally 2014); None where no number is enough."""
    for relevant in range(count + 1):
        if Fraction(sum(comb(count, k) for k in range(relevant, count + 1)), 2**count) <= Fraction(5, 100):
            return relevant
    return None


def modified_kappa(relevant: int, count: int) -> float:
    """(I-CVI - pc) / (1 - pc), pc = C(N, A) / 2^N (Polit, Beck and Owen 2007)."""
    chance = Fraction(comb(count, relevant), 2**count)
    return float((Fraction(relevant, count) - chance) / (1 - chance))


def fuzzy_mean(scores: Scores) -> tuple[float, float, float]:
    """The arithmetic mean of the scores' fuzzy numbers."""
    low, mid, high = (fsum(FUZZY[score][corner] for score in scores) / len(scores) for corner in range(3))
    return low, mid, high


def fuzzy_consensus(scores: Scores, within: float) -> float:
    """The share of scores whose fuzzy number lies within a distance of the mean one (Chen 2000)."""
    mean = fuzzy_mean(scores)
    near = 0
    for score in scores:
        squares = fsum((own - other) ** 2 for own, other in zip(FUZZY[score], mean, strict=True))
        near += sqrt(squares / 3) <= within + 1e-12
    return near / len(scores)


# ---- many questions --------------------------------------------------------------------------------------------------


def kendall_w(raters: Sequence[Rater], items: Sequence[str]) -> tuple[float, float, int, float] | None:
    """W with the correction for ties, chi2 = m(n-1)W, its n-1 degrees and P, of raters who scored all items.

    W = 12 S / (m^2 (n^3 - n) - m sum(T)), T = sum(t^3 - t) per rater (Kendall and Gibbons 1990). None where nobody
    tells two items apart, or with fewer than two raters or items.
    """
    complete = [rater for rater in raters if all(item in rater for item in items)]
    m, n = len(complete), len(items)
    if m < 2 or n < 2:
        return None
    sums, ties = dict.fromkeys(items, Fraction(0)), 0
    for rater in complete:
        scores = [rater[item] for item in items]
        for item in items:
            below = sum(score < rater[item] for score in scores)
            equal = sum(score == rater[item] for score in scores)
            sums[item] += below + Fraction(equal + 1, 2)
        ties += sum(scores.count(score) ** 3 - scores.count(score) for score in set(scores))
    mean = Fraction(sum(sums.values()), n)
    spread = sum((rank - mean) ** 2 for rank in sums.values())
    bottom = m * m * (n**3 - n) - m * ties
    if not bottom:
        return None
    w = 12 * spread / bottom
    chi2 = float(m * (n - 1) * w)
    return float(w), chi2, n - 1, chi2_tail(chi2, n - 1)


def chi2_tail(chi2: float, degrees: int) -> float:
    """P(X >= chi2): the upper incomplete gamma function, by its series or its continued fraction."""
    a, x = degrees / 2, chi2 / 2
    if x <= 0:
        return 1.0
    front = exp(a * log(x) - x - lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        step = a
        while abs(term) > abs(total) * 1e-16:
            step += 1
            term *= x / step
            total += term
        return 1 - front * total
    # The fraction of Legendre, from the back: so many terms that more change nothing.
    rest = 0.0
    for number in range(2000, 0, -1):
        rest = number * (number - a) / (x + 2 * number + 1 - a - rest)
    return front / (x + 1 - a - rest)


def cronbach_alpha(raters: Sequence[Rater], items: Sequence[str]) -> float | None:
    """k/(k-1) (1 - sum of variances / variance of the total), variances over those who scored both of two items.

    The variance of a total is the sum of all covariances (Cronbach 1951); None with fewer than two items, with a pair
    of items that fewer than two raters scored, or without variance.
    """
    k = len(items)
    if k < 2:
        return None
    own, others = Fraction(0), Fraction(0)
    for place, first in enumerate(items):
        for second in items[place:]:
            pairs = [(rater[first], rater[second]) for rater in raters if first in rater and second in rater]
            if len(pairs) < 2:
                return None
            if first == second:
                own += _covariance(pairs)
            else:
                others += 2 * _covariance(pairs)
    if own + others <= 0:
        return None
    return float(Fraction(k, k - 1) * (1 - own / (own + others)))


def _covariance(pairs: Sequence[tuple[int, int]]) -> Fraction:
    n = len(pairs)
    sum_x, sum_y = sum(x for x, _ in pairs), sum(y for _, y in pairs)
    return Fraction(n * sum(x * y for x, y in pairs) - sum_x * sum_y, n * (n - 1))


def krippendorff_alpha(raters: Sequence[Rater], items: Sequence[str]) -> float | None:
    """1 - Do/De with the ordinal metric (Krippendorff 2011, computing alpha); None where nothing disagrees or can.

    Do is the mean distance of two scores of one item, De that of any two scores that are paired at all.
    """
    units = [[rater[item] for rater in raters if item in rater] for item in items]
    units = [unit for unit in units if len(unit) > 1]
    pooled = [score for unit in units for score in unit]
    counts = {score: pooled.count(score) for score in sorted(set(pooled))}
    n = len(pooled)
    if len(counts) < 2:
        return None

    def distance(one: int, other: int) -> Fraction:
        low, high = min(one, other), max(one, other)
        between = sum(count for score, count in counts.items() if low <= score <= high)
        return Fraction(0) if low == high else (between - Fraction(counts[low] + counts[high], 2)) ** 2

    known = {(one, other): distance(one, other) for one in counts for other in counts}
    observed = sum(Fraction(sum(known[one, other] for one in unit for other in unit), len(unit) - 1) for unit in units)
    expected = sum(counts[one] * counts[other] * known[one, other] for one in counts for other in counts)
    return float(1 - observed * (n - 1) / expected)
