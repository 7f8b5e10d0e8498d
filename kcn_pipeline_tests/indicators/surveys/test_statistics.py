"""Every formula against values that were published, and against what must hold of any answers."""

import math
from collections import Counter
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcn_pipeline.indicators.surveys import statistics
from kcn_pipeline_tests.indicators.lakes import packaged

near = pytest.approx
#: The first example of a test pays for the import of scipy.
patient = settings(deadline=None, max_examples=60)


def counted(scores: Sequence[float]) -> Counter[float]:
    return Counter(scores)


def matrix(*rows: Sequence[float | None]) -> np.ndarray:
    return np.array([[np.nan if score is None else score for score in row] for row in rows], float)


# ---- one question ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "mean", "sd"),
    [
        ({10000001: 1, 10000002: 1, 10000003: 1}, 10000002, 1.0),
        ({1.2: 1, 1.1: 500, 1.3: 500}, 1.2, 0.1),
        ({1000000.2: 1, 1000000.1: 500, 1000000.3: 500}, 1000000.2, 0.1),
    ],
    ids=["NumAcc1", "NumAcc2", "NumAcc3"],
)
def test_mean_and_deviation_of_nist(counts: dict[float, int], mean: float, sd: float) -> None:
    """NIST Statistical Reference Datasets, univariate summary statistics: certified values."""
    told = statistics.describe(counts)
    assert (told.mean, told.sd) == (near(mean, rel=1e-14), near(sd, rel=1e-8))
    assert told.cv == near(sd / mean, rel=1e-8)


def test_quartiles_of_excel() -> None:
    """The example of Excel's manual of QUARTILE.INC: 1, 2, 4, 7, 8, 9, 10, 12 have the first quartile 3.5."""
    told = statistics.describe(counted([1, 2, 4, 7, 8, 9, 10, 12]))
    assert (told.q1, told.median, told.q3, told.iqr) == (3.5, 7.5, 9.25, 5.75)


def test_too_few_answers_have_no_figures() -> None:
    assert statistics.describe({}) == statistics.Description(0)
    assert statistics.describe({3: 0}) == statistics.Description(0)
    one = statistics.describe({4: 1})
    assert (one.n, one.mean, one.sd, one.cv, one.median, one.iqr) == (1, 4, None, None, 4, 0)


@pytest.mark.parametrize(
    ("agreeing", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_of_newcombe(agreeing: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3."""
    assert statistics.wilson_interval(agreeing, n) == (near(low, abs=5e-5), near(high, abs=5e-5))


# ---- a panel of experts ----------------------------------------------------------------------------------------------

#: Ayre and Scally 2014, Measurement and Evaluation in Counseling and Development 47:79-86, table 2 (one-tailed 0.05).
AYRE_SCALLY = {
    5: (5, 1.000), 6: (6, 1.000), 7: (7, 1.000), 8: (7, 0.750), 9: (8, 0.778), 10: (9, 0.800), 11: (9, 0.636),
    12: (10, 0.667), 13: (10, 0.538), 14: (11, 0.571), 15: (12, 0.600), 16: (12, 0.500), 17: (13, 0.529),
    18: (13, 0.444), 19: (14, 0.474), 20: (15, 0.500), 25: (18, 0.440), 30: (20, 0.333), 35: (23, 0.314),
    40: (26, 0.300),
}  # fmt: skip


@pytest.mark.parametrize("n", AYRE_SCALLY)
def test_critical_counts_of_ayre_and_scally(n: int) -> None:
    count, ratio = AYRE_SCALLY[n]
    assert statistics.critical_count(n) == count
    assert statistics.validity_ratio(count, n) == near(ratio, abs=5e-4)


def test_no_count_of_four_experts_is_enough() -> None:
    assert [statistics.critical_count(n) for n in range(1, 5)] == [None] * 4
    assert statistics.critical_count(3, level=0.125) == 3, "a chance equal to the level is enough"


def test_critical_count_of_a_large_panel_is_that_of_the_normal_distribution() -> None:
    """Wilson, Pan and Schumsky 2012: 1.645 / √N; their example with 13 experts is 0.456, hence 10 of them."""
    assert statistics.critical_count(13) == math.ceil((1 + 1.645 / math.sqrt(13)) * 13 / 2)
    count = statistics.critical_count(10_000)
    assert count == near((1 + 1.645 / math.sqrt(10_000)) * 5_000, abs=2)


@pytest.mark.parametrize(("essential", "n", "ratio"), [(9, 10, 0.8), (5, 10, 0), (0, 8, -1), (8, 8, 1), (7, 8, 0.75)])
def test_validity_ratio_of_lawshe(essential: int, n: int, ratio: float) -> None:
    """Lawshe 1975, Personnel Psychology 28:563-575: none -1, half 0, all 1."""
    assert statistics.validity_ratio(essential, n) == near(ratio)


#: Polit, Beck and Owen 2007, Research in Nursing & Health 30:459-467, table 4: experts, agreeing, I-CVI, pc, k*.
POLIT = [
    (3, 3, 1.00, 0.125, 1.00), (3, 2, 0.67, 0.375, 0.47), (4, 4, 1.00, 0.063, 1.00), (4, 3, 0.75, 0.25, 0.67),
    (5, 4, 0.80, 0.156, 0.76), (6, 6, 1.00, 0.016, 1.00), (6, 5, 0.83, 0.094, 0.81), (6, 4, 0.67, 0.234, 0.57),
    (7, 6, 0.86, 0.055, 0.85), (7, 5, 0.71, 0.164, 0.65), (8, 7, 0.88, 0.031, 0.88), (8, 6, 0.75, 0.109, 0.72),
    (9, 8, 0.89, 0.018, 0.89), (9, 7, 0.78, 0.070, 0.76),
]  # fmt: skip
#: BMC Health Services Research 17 (2017), PMC5557472, table 10, with the same formula.
PMC5557472 = [
    (10, 10, 1.00, 0.001, 1.00), (10, 9, 0.90, 0.010, 0.90), (10, 8, 0.80, 0.044, 0.79), (10, 7, 0.70, 0.117, 0.66),
]  # fmt: skip


@pytest.mark.parametrize(("n", "relevant", "i_cvi", "chance", "kappa"), [*POLIT, *PMC5557472])
def test_modified_kappa_of_polit(n: int, relevant: int, i_cvi: float, chance: float, kappa: float) -> None:
    """The tables compute k* from their own rounded columns, which moves the second decimal by one."""
    assert relevant / n == near(i_cvi, abs=0.0051)
    assert math.comb(n, relevant) / 2**n == near(chance, abs=0.00051)
    assert (i_cvi - chance) / (1 - chance) == near(kappa, abs=0.0051)
    assert statistics.modified_kappa(relevant, n) == near(kappa, abs=0.0101)


#: Habibi, Jahantigh and Sarafrazi 2015, Asian Journal of Research in Business Economics and Management 5(2).
FIVE = {1: (0, 0, 0.25), 2: (0, 0.25, 0.5), 3: (0.25, 0.5, 0.75), 4: (0.5, 0.75, 1), 5: (0.75, 1, 1)}


def test_fuzzy_opinion_by_hand() -> None:
    told = statistics.fuzzy_opinion({4: 2, 5: 1}, FIVE, 0.2)
    assert (told.low, told.mid, told.high) == (near(1.75 / 3), near(2.5 / 3), 1)
    assert told.score == near((1.75 / 3 + 2.5 / 3 + 1) / 3)
    assert told.consensus_share == 1
    split = statistics.fuzzy_opinion({5: 3, 1: 1}, FIVE, 0.2)
    assert (split.low, split.mid, split.high) == (0.5625, 0.75, 0.8125)
    distance = math.sqrt((0.1875**2 + 0.25**2 + 0.1875**2) / 3)
    assert split.consensus_share == 0, f"even a 5 lies {distance:.3f} off"
    assert statistics.fuzzy_opinion({5: 3, 1: 1}, FIVE, distance).consensus_share == 0.75


def test_fuzzy_numbers_of_the_packaged_scale_are_those_of_habibi() -> None:
    points = packaged().ratings.scales["level_5"].points
    assert {point.value: point.fuzzy for point in points} == FIVE


# ---- many questions --------------------------------------------------------------------------------------------------

#: Kendall and Gibbons 1990, Rank Correlation Methods, example 6.2: three rankings of ten objects with ties, W 0.828.
KENDALL = matrix(
    [1, 4.5, 2, 4.5, 3, 7.5, 6, 9, 7.5, 10],
    [2.5, 1, 2.5, 4.5, 4.5, 8, 9, 6.5, 10, 6.5],
    [2, 1, 4.5, 4.5, 4.5, 4.5, 8, 8, 8, 10],
)


def test_concordance_of_kendall() -> None:
    found = statistics.kendall_w(KENDALL)
    assert found is not None
    assert (found.raters, found.df) == (3, 9)
    assert found.w == near(0.828, abs=5e-4)
    assert found.chi2 == near(3 * 9 * found.w)


def test_concordance_is_of_raters_who_scored_everything() -> None:
    gap = [None, *range(2, 11)]
    assert statistics.kendall_w(np.vstack([KENDALL, matrix(gap)])) == statistics.kendall_w(KENDALL)
    assert statistics.kendall_w(matrix([1, 2, 3])) is None, "one rater agrees with nobody"
    assert statistics.kendall_w(matrix([3, 3, 3], [4, 4, 4])) is None, "nobody tells two items apart"
    assert statistics.kendall_w(matrix([3], [4])) is None
    same = statistics.kendall_w(matrix([1, 2, 3], [1, 2, 3], [2, 4, 5]))
    assert same is not None
    assert same.w == 1


@pytest.mark.parametrize(
    ("chi2", "df", "p"),
    [(3.841, 1, 0.05), (6.635, 1, 0.01), (5.991, 2, 0.05), (18.307, 10, 0.05), (16.919, 9, 0.05), (90.531, 70, 0.05)],
)
def test_chi_square_of_the_tables(chi2: float, df: int, p: float) -> None:
    """Abramowitz and Stegun 1964, table 26.8: percentage points."""
    assert statistics.chi2_tail(chi2, df) == near(p, rel=2e-3)


#: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, example C: four observers, twelve units, gaps.
KRIPPENDORFF = matrix(
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
)


def units_of(scores: np.ndarray) -> list[Counter[float]]:
    return [counted([score for score in column if not np.isnan(score)]) for column in scores.T]


def test_ordinal_alpha_of_krippendorff() -> None:
    assert statistics.krippendorff_alpha(units_of(KRIPPENDORFF)) == near(0.815, abs=5e-4)


def test_krippendorff_has_no_alpha_without_difference() -> None:
    assert statistics.krippendorff_alpha([]) is None
    assert statistics.krippendorff_alpha([{4: 3}, {4: 2}]) is None
    assert statistics.krippendorff_alpha([{4: 1}, {5: 1}]) is None, "single answers pair with nothing"
    assert statistics.krippendorff_alpha([{4: 2}, {5: 2}]) == 1


#: Chatterjee and Price 1977, attitudes of clerical employees (R's data set `attitude`); alpha of its seven items is
#: 0.84 (Revelle, manual of the R package psych, example of alpha).
ATTITUDE = matrix(
    [43, 51, 30, 39, 61, 92, 45], [63, 64, 51, 54, 63, 73, 47], [71, 70, 68, 69, 76, 86, 48],
    [61, 63, 45, 47, 54, 84, 35], [81, 78, 56, 66, 71, 83, 47], [43, 55, 49, 44, 54, 49, 34],
    [58, 67, 42, 56, 66, 68, 35], [71, 75, 50, 55, 70, 66, 41], [72, 82, 72, 67, 71, 83, 31],
    [67, 61, 45, 47, 62, 80, 41], [64, 53, 53, 58, 58, 67, 34], [67, 60, 47, 39, 59, 74, 41],
    [69, 62, 57, 42, 55, 63, 25], [68, 83, 83, 45, 59, 77, 35], [77, 77, 54, 72, 79, 77, 46],
    [81, 90, 50, 72, 60, 54, 36], [74, 85, 64, 69, 79, 79, 63], [65, 60, 65, 75, 55, 80, 60],
    [65, 70, 46, 57, 75, 85, 46], [50, 58, 68, 54, 64, 78, 52], [50, 40, 33, 34, 43, 64, 33],
    [64, 61, 52, 62, 66, 80, 41], [53, 66, 52, 50, 63, 80, 37], [40, 37, 42, 58, 50, 57, 49],
    [63, 54, 42, 48, 66, 75, 33], [66, 77, 66, 63, 88, 76, 72], [78, 75, 58, 74, 80, 78, 49],
    [48, 57, 44, 45, 51, 83, 38], [85, 85, 71, 71, 77, 74, 55], [82, 82, 39, 59, 64, 78, 39],
)  # fmt: skip


def test_alpha_of_the_attitude_data() -> None:
    assert statistics.cronbach_alpha(ATTITUDE) == near(0.84, abs=5e-3)


def test_alpha_with_gaps_is_that_of_pairwise_covariances() -> None:
    """As psych and SPSS do it with pairwise deletion: covariances over those who answered both items."""
    import pandas as pd

    gaps = ATTITUDE.copy()
    gaps[2, 1] = gaps[5, 3] = gaps[5, 4] = gaps[20, 0] = np.nan
    covariances = pd.DataFrame(gaps).cov().to_numpy()
    expected = 7 / 6 * (1 - np.trace(covariances) / covariances.sum())
    assert statistics.cronbach_alpha(gaps) == near(expected, rel=1e-12)


def test_alpha_without_gaps_is_that_of_covariances() -> None:
    """By the variance of totals and by the covariances of all pairs it is one figure."""
    known = np.ones(ATTITUDE.shape, dtype=bool)
    own, total = statistics._covariances(ATTITUDE, known)
    assert statistics.cronbach_alpha(ATTITUDE) == near(7 / 6 * (1 - own / total), rel=1e-12)


def test_alpha_is_not_told_of_too_little() -> None:
    assert statistics.cronbach_alpha(matrix([1], [2])) is None
    assert statistics.cronbach_alpha(matrix([1, 2], [2, None])) is None, "one pair has no covariance"
    assert statistics.cronbach_alpha(matrix([1, None], [2, None])) is None
    assert statistics.cronbach_alpha(matrix([4, 4], [4, 4])) is None
    assert statistics.cronbach_alpha(matrix([1, 5], [5, 1], [3, 3])) is None, "totals are all 6"
    assert statistics.cronbach_alpha(matrix([1, 2], [2, 3], [5, 6])) == near(1)


# ---- what must hold of any answers -----------------------------------------------------------------------------------

scores = st.integers(1, 5).map(float)
answers = st.lists(scores, min_size=1, max_size=60)
shares = st.tuples(st.integers(0, 80), st.integers(1, 80)).map(lambda two: (min(two), max(two)))


@st.composite
def tables(draw: st.DrawFn, gaps: bool = False) -> np.ndarray:
    columns = draw(st.integers(2, 6))
    cell: st.SearchStrategy[float | None] = st.none() | scores if gaps else scores
    rows = draw(st.lists(st.lists(cell, min_size=columns, max_size=columns), min_size=2, max_size=12))
    return matrix(*rows)


@patient
@given(answers)
def test_description_agrees_with_numpy(given_scores: list[float]) -> None:
    told = statistics.describe(counted(given_scores))
    assert told.mean == near(float(np.mean(given_scores)))
    assert [told.q1, told.median, told.q3] == near(list(np.quantile(given_scores, [0.25, 0.5, 0.75])))
    if len(given_scores) > 1:
        assert told.sd == near(float(np.std(given_scores, ddof=1)))


@patient
@given(shares)
def test_wilson_interval_holds_the_share_and_scipy_agrees(two: tuple[int, int]) -> None:
    from scipy.stats import binomtest

    agreeing, n = two
    low, high = statistics.wilson_interval(agreeing, n, 1.959963984540054)
    assert 0 <= low <= agreeing / n <= high <= 1
    expected = binomtest(agreeing, n).proportion_ci(method="wilson")
    assert (low, high) == (near(expected.low, abs=1e-9), near(expected.high, abs=1e-9))
    if agreeing < n:
        assert statistics.wilson_interval(agreeing + 1, n)[0] > statistics.wilson_interval(agreeing, n)[0]


@patient
@given(shares)
def test_expert_figures_are_bounded(two: tuple[int, int]) -> None:
    relevant, n = two
    assert -1 <= statistics.validity_ratio(relevant, n) <= 1
    assert statistics.validity_ratio(n - relevant, n) == -statistics.validity_ratio(relevant, n)
    kappa = statistics.modified_kappa(relevant, n)
    assert kappa <= relevant / n + 1e-12, "chance takes away, and gives nothing"
    assert kappa == 1 or relevant < n


@patient
@given(st.integers(5, 300))
def test_critical_count_is_the_least_that_chance_hardly_reaches(n: int) -> None:
    from scipy.stats import binom

    count = statistics.critical_count(n)
    assert count is not None
    assert binom.sf(count - 1, n, 0.5) <= 0.05 < binom.sf(count - 2, n, 0.5)


@patient
@given(answers, st.floats(0, 1))
def test_fuzzy_opinion_is_ordered_and_bounded(given_scores: list[float], within: float) -> None:
    told = statistics.fuzzy_opinion(counted(given_scores), FIVE, within)
    assert 0 <= told.low <= told.mid <= told.high <= 1
    assert told.low <= told.score <= told.high
    assert 0 <= told.consensus_share <= 1
    alike = statistics.fuzzy_opinion({given_scores[0]: 7}, FIVE, 0)
    assert alike.consensus_share == 1


@patient
@given(tables(), st.randoms())
def test_concordance_depends_on_order_alone(scored: np.ndarray, random: "np.random.RandomState") -> None:
    from scipy.stats import friedmanchisquare

    found = statistics.kendall_w(scored)
    if found is None:
        assert all(len(set(row)) == 1 for row in scored)
        return
    assert 0 <= found.w <= 1
    assert 0 <= found.p <= 1
    rows, columns = list(range(scored.shape[0])), list(range(scored.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    # Another order of raters and items, and scores that are stretched but ordered alike.
    assert statistics.kendall_w(np.exp(scored[rows][:, columns])) == found
    if scored.shape[1] > 2:
        chi2, p = friedmanchisquare(*scored.T)
        assert (found.chi2, found.p) == (near(chi2), near(p, rel=1e-9))


@patient
@given(st.floats(0, 400), st.integers(1, 120))
def test_chi_square_agrees_with_scipy(chi2: float, df: int) -> None:
    from scipy.stats import chi2 as distribution

    assert statistics.chi2_tail(chi2, df) == near(distribution.sf(chi2, df), rel=1e-9, abs=1e-300)


@patient
@given(tables(gaps=True), st.randoms(use_true_random=False))
def test_the_order_of_respondents_changes_not_even_the_last_digit(scored: np.ndarray, random: Random) -> None:
    numbers = list(range(len(scored)))
    random.shuffle(numbers)
    assert statistics.cronbach_alpha(scored[numbers]) == statistics.cronbach_alpha(scored)
    assert statistics.kendall_w(scored[numbers]) == statistics.kendall_w(scored)


@patient
@given(tables(gaps=True), st.integers(-3, 3))
def test_alpha_does_not_see_shifts_nor_order(scored: np.ndarray, shift: int) -> None:
    found = statistics.cronbach_alpha(scored)
    moved = scored[::-1, ::-1].copy()
    moved[:, 0] += shift
    again = statistics.cronbach_alpha(moved)
    assert (found is None) == (again is None)
    if found is not None:
        assert again == near(found, rel=1e-9, abs=1e-9)
        if not np.isnan(scored).any():
            assert found <= 1 + 1e-12


@patient
@given(tables(gaps=True))
def test_ordinal_alpha_depends_on_order_alone(scored: np.ndarray) -> None:
    found = statistics.krippendorff_alpha(units_of(scored))
    assert found is None or found <= 1
    again = statistics.krippendorff_alpha(units_of(np.exp(scored)[::-1, ::-1]))
    assert again == (None if found is None else near(found))
    # Every unit twice changes how often chance pairs two scores, but not whether units agree.
    if found == 1:
        assert statistics.krippendorff_alpha(units_of(np.hstack([scored, scored]))) == 1


@patient
@given(st.lists(st.lists(scores, min_size=2, max_size=6), min_size=2, max_size=8))
def test_ordinal_alpha_is_the_mean_of_all_pairs(units: list[list[float]]) -> None:
    """1 - Do/De written out over pairs of answers, as the definition has it."""
    pooled = [score for unit in units for score in unit]
    totals = Counter(pooled)
    if len(totals) < 2:
        assert statistics.krippendorff_alpha([counted(unit) for unit in units]) is None
        return

    def distance(one: float, other: float) -> float:
        low, high = min(one, other), max(one, other)
        between = sum(count for score, count in totals.items() if low <= score <= high)
        return float((between - (totals[low] + totals[high]) / 2) ** 2) if low < high else 0.0

    n = len(pooled)
    observed = sum(sum(distance(a, b) for a in unit for b in unit) / (len(unit) - 1) for unit in units) / n
    expected = sum(distance(a, b) for a in pooled for b in pooled) / (n * (n - 1))
    assert statistics.krippendorff_alpha([counted(unit) for unit in units]) == near(1 - observed / expected)
