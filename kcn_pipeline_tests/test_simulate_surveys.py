"""The synthetic surveys: formulas against published values, every mishap, files that hold what the replies mean."""

import csv
import io
import json
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline_tests.simulate import make_truth
from kcn_pipeline_tests.simulate.__main__ import SAMPLE_NIGHT, SAMPLE_SEED
from kcn_pipeline_tests.simulate.surveys import Surveys, SurveyState, formulas
from kcn_pipeline_tests.simulate.surveys.mishaps import LOST, MASKED, REFUSED
from kcn_pipeline_tests.simulate.surveys.questionnaire import read_questionnaire
from kcn_pipeline_tests.simulate.surveys.ratings import hide_parks, unshown_parks


@pytest.fixture(scope="module")
def sample() -> Surveys:
    return make_truth(seed=SAMPLE_SEED, every_case=True).surveys


@pytest.fixture(scope="module")
def state(sample: Surveys) -> SurveyState:
    return sample.state(SAMPLE_NIGHT)


# ---- formulas against what was published -----------------------------------------------------------------------------


def test_critical_counts_are_those_of_ayre_and_scally() -> None:
    published = {5: 5, 6: 6, 7: 7, 8: 7, 9: 8, 10: 9, 11: 9, 12: 10, 13: 10, 14: 11, 15: 12, 20: 15, 30: 20, 40: 26}
    assert {count: formulas.critical_count(count) for count in published} == published
    assert formulas.critical_count(4) is None


def test_modified_kappa_is_that_of_polit() -> None:
    assert formulas.modified_kappa(8, 10) == pytest.approx(0.79, abs=0.005)
    assert formulas.modified_kappa(3, 3) == 1


def test_wilson_interval_is_that_of_newcombe() -> None:
    assert formulas.wilson_of(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert formulas.wilson_of(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)


def test_kendall_w_with_ties_is_that_of_the_book() -> None:
    """Kendall and Gibbons 1990, example 6.2: three rankings of ten objects."""
    rankings = (
        (1, 4.5, 2, 4.5, 3, 7.5, 6, 9, 7.5, 10),
        (2.5, 1, 2.5, 4.5, 4.5, 8, 9, 6.5, 10, 6.5),
        (2, 1, 4.5, 4.5, 4.5, 4.5, 8, 8, 8, 10),
    )
    items = [f"i{number}" for number in range(10)]
    # Doubled, so that half ranks are whole scores; ranks of ranks are the ranks.
    raters = [{item: int(2 * rank) for item, rank in zip(items, ranking, strict=True)} for ranking in rankings]
    found = formulas.kendall_w(raters, items)
    assert found is not None
    assert found[0] == pytest.approx(0.828, abs=5e-4)
    assert found[1:3] == (pytest.approx(3 * 9 * found[0]), 9)


@pytest.mark.parametrize(("chi2", "degrees", "tail"), [(3.841459, 1, 0.05), (18.307038, 10, 0.05), (0, 4, 1.0)])
def test_tail_of_chi2_is_that_of_the_tables(chi2: float, degrees: int, tail: float) -> None:
    assert formulas.chi2_tail(chi2, degrees) == pytest.approx(tail, abs=1e-7)


def test_krippendorff_alpha_is_that_of_his_example() -> None:
    """Computing Krippendorff's alpha-reliability 2011, example C: four observers, twelve units, ordinal 0.815."""
    told = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    items = [f"u{number}" for number in range(12)]
    raters = [{item: int(mark) for item, mark in zip(items, line.split(), strict=True) if mark != "."} for line in told]
    assert formulas.krippendorff_alpha(raters, items) == pytest.approx(0.815, abs=5e-4)


def test_cronbach_alpha_by_hand() -> None:
    """Two items that differ by one each: variances 1 and 1, covariance 1/2, alpha = 2 (1 - 2/3)."""
    raters = [{"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": 3, "b": 3}]
    assert formulas.cronbach_alpha(raters, ["a", "b"]) == pytest.approx(2 / 3)
    assert formulas.cronbach_alpha(raters[:1], ["a", "b"]) is None


def test_quartiles_and_fuzzy_numbers_by_hand() -> None:
    assert formulas.quantile_of([1, 2, 4, 7, 8, 9, 10, 12], Fraction(1, 4)) == 3.5
    assert formulas.fuzzy_mean([4, 4, 5]) == pytest.approx((0.58333333, 0.83333333, 1))
    assert formulas.fuzzy_consensus([4, 4, 5], 0.1) == pytest.approx(2 / 3)
    assert formulas.fuzzy_consensus([1, 5], 0.2) == 0


def test_parks_are_hidden_until_nothing_follows() -> None:
    assert hide_parks({"A": 5, "B": 4, "C": 9}, 18, 3) == set()
    assert hide_parks({"A": 2, "B": 4, "C": 9}, 15, 3) == {"A", "B"}
    assert hide_parks({"A": 2, "B": 1, "C": 9}, 12, 3) == {"A", "B"}
    # One respondent of no park at all is hidden among others.
    assert hide_parks({"A": 5, "B": 4}, 10, 3) == {"B"}
    # Whether anybody answered at all is hidden with another park, what was answered is not.
    assert hide_parks({"A": 0, "B": 4, "C": 9}, 13, 3) == {"A"}
    assert (
        unshown_parks({"A": 0, "B": 4, "C": 9}, 13, 3) == unshown_parks({"A": 1, "B": 4, "C": 9}, 14, 3) == {"A", "B"}
    )
    assert unshown_parks({"B": 4, "C": 9}, 13, 3) == set()


def test_who_answered_in_parks_of_few_is_not_told(state: SurveyState) -> None:
    rows = [row for row in state.rates() if row["conf_status"] == "C"]
    assert len(rows) > 10
    assert {row["level"] for row in rows} == {"park"}
    assert not any(row["n_current"] or row["n_received"] or row["response_rate_pct"] is not None for row in rows)
    shown = [row for row in state.rates() if row["level"] == "park" and row["conf_status"] == "F"]
    assert min(row["n_current"] for row in shown) >= 3


# ---- the sample ------------------------------------------------------------------------------------------------------


def test_questions_are_those_of_the_contracts() -> None:
    for survey_id, survey in load_contracts().surveys.items():
        form = read_questionnaire(survey_id)
        made = [(one.name, one.label["vi"], one.label["en"], one.role, one.criterion) for one in form.fields]
        assert made == [(q.name, q.label.vi, q.label.en, q.role, q.criterion) for q in survey.questions]


def test_sample_is_small_and_holds_what_it_should(sample: Surveys, state: SurveyState) -> None:
    assert sum(len(file.content) for file in sample.written.files) < 1_000_000
    assert set(state.rounds) == {
        ("indicator_set", "2025-2"),
        ("indicator_set", "2026-1"),
        ("satisfaction", "2025"),
        ("satisfaction", "2026"),
    }
    for key, outcomes in state.rounds.items():
        counts = Counter(one.respondent_type for one in outcomes)
        if key[0] == "indicator_set":
            assert counts["enterprise"] > 50
            assert counts["expert"] >= 12
    assert len({reply.version for reply in state.replies if reply.version}) == 3
    assert {file.path.split("/")[1].split("_")[0] for file in sample.written.files} == {
        "kobo", "exports", "google", "limesurvey", "paper", "invitations"
    }  # fmt: skip


def test_every_verdict_and_rule_occurs(state: SurveyState) -> None:
    rows = list(state.assessments())
    assert {row["verdict"] for row in rows} == {"keep", "keep_with_data_plan", "revise", "drop", "not_enough_answers"}
    rules = {"all_met", "availability_low", "conditions_not_met", "legal_never_dropped", "mean_low", "i_cvi_low"}
    assert {row["rule"] for row in rows} >= rules | {"too_few_answers"}
    changed = [row for row in rows if row["previous_verdict"] not in (None, row["verdict"])]
    assert {row["indicator_code"] for row in changed} >= {"ID10", "EC15"}
    assert any(row["is_legal"] and row["necessity_mean"] < 3 and row["verdict"] == "revise" for row in rows)


def test_every_mishap_has_its_consequence(sample: Surveys, state: SurveyState) -> None:
    cases = sample.written.mishaps
    assert {one.rule for one in cases if one.expected == REFUSED} == set(state.refused())
    assert {(one.rule, one.question) for one in cases if one.expected == LOST} == set(state.lost())
    assert {one.rule for one in cases if one.rule} <= set(load_contracts().rules)
    assert sum(one.expected == MASKED for one in cases) == 4
    counts = Counter(one.standing for one in state.outcomes)
    assert counts["superseded"] == 2
    assert counts["quarantined"] == sum(state.refused().values()) > 7


def test_figures_of_few_are_not_told(state: SurveyState) -> None:
    rows = [row for row in state.ratings() if row["conf_status"] == "C"]
    assert {row["respondent_type"] for row in rows} == {"manager"}
    assert not any("mean" in row or "n" in row for row in rows)
    assert {row["level"] for row in state.ratings() if row["respondent_type"] == "expert"} == {"province"}


def test_planted_identities_stand_in_the_files(sample: Surveys) -> None:
    text = "\n".join(_text_of(file.path, file.content) for file in sample.written.files)
    missing = [one for one in sample.planted if one not in text and not _is_place_or_device(one)]
    # Not every tool asks everything; but most of it is there, or its absence elsewhere would prove nothing.
    assert len(sample.planted) > 500
    assert len(missing) < len(sample.planted) / 3
    assert all(any(one.phone in text for one in [reply.respondent.person]) for reply in sample.written.files[0].replies)


def _is_place_or_device(text: str) -> bool:
    return text.startswith(("21.", "ee.", "203."))


def _text_of(path: str, content: bytes) -> str:
    if not path.endswith(".xlsx"):
        return content.decode("utf-8-sig")
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return "\n".join(
        str(cell) for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row
    )


def test_files_hold_what_the_replies_mean(sample: Surveys) -> None:
    """Pages and an export read back naively: codes where nothing was spoilt."""
    for file in sample.written.files:
        if file.path.endswith(".json"):
            for row, reply in zip(json.loads(file.content)["results"], file.replies, strict=True):
                said = {key.rsplit("/", 1)[-1]: str(value) for key, value in row.items()}
                assert row["meta/rootUuid"] == reply.root_uuid
                for name, score in reply.scores.items():
                    old = {"mg01_necessity": "mg01_muc_do_can_thiet", "mg02_clarity": "mg02_ro_rang"}.get(name, name)
                    assert said.get(name, said.get(old)) == str(score)
    (file,) = [one for one in sample.written.files if one.path.endswith("2025-2_ten.csv")]
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")), delimiter=";"))
    assert [row["environmental/en05_cost"] for row in rows] == [
        str(reply.scores.get("en05_cost", "")) for reply in file.replies
    ]
    assert {row["management/mg01_muc_do_can_thiet"] == "" for row in rows if row["__version__"] != "vFirst1a"} == {True}


def test_excel_workbooks_open(sample: Surveys, tmp_path: Path) -> None:
    for file in sample.written.files:
        if file.path.endswith(".xlsx"):
            book = CalamineWorkbook.from_filelike(io.BytesIO(file.content))
            assert all(len(name) <= 31 for name in book.sheet_names)
            assert book.get_sheet_by_index(0).to_python()
