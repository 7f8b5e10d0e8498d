"""MG08 and SO11: answers to surveys become values of the catalog, in the period of the round and when it has ended."""

from dataclasses import replace
from datetime import date

import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.indicators import find_touched, record_definitions
from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.indicators.lakes import QUANG_CHAU, QUE_VO, SmallProvince, catalog_of, run_night, values_of
from kcn_pipeline_tests.indicators.surveys.rounds import NEXT, NIGHT, SATISFIED, THIRD, Rounds

BEFORE = "2026-05-09"
LATER: tuple[str, str] = ("satisfaction", "2026")


@pytest.fixture
def contracts() -> Contracts:
    return catalog_of("MG08", "SO11")


@pytest.fixture
def surveyed(lake: Lake, contracts: Contracts) -> Rounds:
    """Two parks in the register, and nobody asked so far."""
    SmallProvince(lake, contracts).parks(BEFORE, QUE_VO, QUANG_CHAU)
    run_night(lake, contracts, BEFORE)
    return Rounds(lake, contracts)


def please(rounds: Rounds, *scores: int, park: str = QUE_VO, held: tuple[str, str] = SATISFIED, first: int = 0) -> None:
    for number, score in enumerate(scores, first):
        rounds.answer(held, "enterprise", f"{park}{number}", {"service_satisfaction": score}, park=park)


def run(rounds: Rounds, night: str) -> None:
    rounds.write(night)
    rounds.compute(night)
    run_night(rounds.lake, rounds.contracts, night)


def test_share_satisfied_of_the_parks_and_the_province(surveyed: Rounds) -> None:
    please(surveyed, 5, 4, 3, 2)
    please(surveyed, 4, 4, park=QUANG_CHAU)
    run(surveyed, NIGHT)
    values = values_of(surveyed.lake)
    row = values["MG08", QUE_VO, "2025"]
    assert (row["value"], row["numerator"], row["denominator"], row["n_reporting"]) == (50, 2, 4, 4)
    assert (row["obs_status"], row["source"]) == ("A", "survey_response")
    assert values["MG08", QUANG_CHAU, "2025"]["value"] == 100
    # 2025 spans the merger of the provinces.
    assert values["MG08", "BN", "2025"]["obs_status"] == "M"


def test_without_a_survey_nothing_is_collected(surveyed: Rounds) -> None:
    row = values_of(surveyed.lake)["MG08", QUE_VO, "2025"]
    assert (row["value"], row["obs_status"], row["n_reporting"]) == (None, "L", None)
    assert row["comment"] == "Không có khảo sát trong kỳ / No survey in the period: survey_response"


def test_park_that_nobody_answered_for_is_missing_once_a_survey_was_held(surveyed: Rounds) -> None:
    please(surveyed, 5, 4, 3)
    run(surveyed, NIGHT)
    values = values_of(surveyed.lake)
    assert values["MG08", QUANG_CHAU, "2025"]["obs_status"] == "O"
    assert values["SO11", QUE_VO, "2025"]["obs_status"] == "L", "no worker was asked"


def test_late_answers_touch_their_period(surveyed: Rounds) -> None:
    please(surveyed, 5, 2)
    run(surveyed, NIGHT)
    please(surveyed, 5, 5, first=2)
    surveyed.write(NEXT)
    surveyed.compute(NEXT)
    touched = find_touched(surveyed.lake, surveyed.contracts, NEXT)
    assert {reason: codes for reason, codes in touched.reasons.items() if codes} == {"surveys": ("2025",)}
    assert "answers to surveys arrived: 2025" in touched.describe()
    run(surveyed, NEXT)
    assert values_of(surveyed.lake)["MG08", QUE_VO, "2025"]["value"] == 75
    assert find_touched(surveyed.lake, surveyed.contracts, THIRD).periods == ()


def test_answers_that_are_taken_back_leave_no_value(surveyed: Rounds) -> None:
    please(surveyed, 5, 2)
    run(surveyed, NIGHT)
    surveyed.forget(SATISFIED)
    run(surveyed, NEXT)
    assert values_of(surveyed.lake)["MG08", QUE_VO, "2025"]["obs_status"] == "L"


def test_what_an_open_round_says_is_no_value_until_the_night_after_it(surveyed: Rounds) -> None:
    """No answer comes on the night that publishes it."""
    survey = surveyed.contracts.surveys["satisfaction"]
    rounds = {"closes_on": date(2026, 5, 10)}
    held = [one.model_copy(update=rounds if one.round == "2025" else {}) for one in survey.rounds]
    changed = {"satisfaction": survey.model_copy(update={"rounds": tuple(held)})}
    surveyed.contracts = replace(surveyed.contracts, surveys={**surveyed.contracts.surveys, **changed})
    please(surveyed, 5, 4, 3)
    run(surveyed, NIGHT)
    assert values_of(surveyed.lake)["MG08", QUE_VO, "2025"]["obs_status"] == "L"
    surveyed.compute(NEXT)
    assert find_touched(surveyed.lake, surveyed.contracts, NEXT).reasons["surveys"] == ("2025",)
    run_night(surveyed.lake, surveyed.contracts, NEXT)
    assert values_of(surveyed.lake)["MG08", QUE_VO, "2025"]["n_reporting"] == 3


def test_period_that_has_not_ended_waits(surveyed: Rounds) -> None:
    please(surveyed, 5, 4, 3, held=LATER)
    surveyed.write(NIGHT)
    surveyed.compute(NIGHT)
    touched = find_touched(surveyed.lake, surveyed.contracts, NIGHT)
    assert touched.periods == ()
    run(surveyed, NIGHT)
    # The round closes in July.
    surveyed.compute("2026-08-01")
    record_definitions(surveyed.lake, surveyed.contracts, "2026-12-31")
    run_night(surveyed.lake, surveyed.contracts, "2027-01-05")
    row = values_of(surveyed.lake)["MG08", "BN", "2026"]
    assert (row["numerator"], row["denominator"]) == (2, 3)
