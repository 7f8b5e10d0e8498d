"""What a night makes of the rounds it touches: figures, comments, rates, verdicts; and which rounds those are."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from itertools import permutations
from random import Random
from typing import Any

import pytest

from kcn_pipeline.contracts.surveys import Round as RoundContract
from kcn_pipeline_tests.indicators.surveys.rounds import (
    FIRST,
    NEXT,
    NIGHT,
    SATISFIED,
    SECOND,
    THIRD,
    Round,
    Rounds,
    Row,
    with_thresholds,
)

A, B, C, D, E = "QUE_VO", "TIEN_SON", "QUANG_CHAU", "VSIP_BN", "YEN_PHONG"


def fill(rounds: Rounds, held: Round, score: int = 5, experts: int = 6) -> None:
    """Twelve enterprises of three parks and some experts say the same of MG01."""
    for number in range(12):
        scores = {"mg01_necessity": score, "mg01_availability": 4, "mg01_cost": 2}
        rounds.answer(held, "enterprise", f"e{number}", scores, park=(A, B, C)[number % 3])
    for number in range(experts):
        rounds.answer(held, "expert", f"x{number}", {"mg01_necessity": score})


def rating(rounds: Rounds, area: str, held: Round = FIRST, **key: str) -> Row:
    wanted = {"indicator_code": "MG01", "criterion": "necessity", "respondent_type": "enterprise", **key}
    found = [
        row
        for row in rounds.state("survey_ratings", held)
        if row["area_code"] == area and all(row[name] == value for name, value in wanted.items())
    ]
    assert len(found) == 1, found
    return found[0]


def verdicts(rounds: Rounds, held: Round = FIRST) -> dict[str, Row]:
    return {row["indicator_code"]: row for row in rounds.state("survey_assessments", held)}


# ---- ratings ---------------------------------------------------------------------------------------------------------


def test_only_current_answers_count(rounds: Rounds) -> None:
    fill(rounds, FIRST, 4)
    rounds.answer(FIRST, "enterprise", "e0", {"mg01_necessity": 1}, park=A, standing="superseded")
    rounds.answer(FIRST, "enterprise", "e20", {"mg01_necessity": 1}, park=A, standing="deleted")
    rounds.write(NIGHT)
    rounds.compute()
    assert (rating(rounds, "BN")["n"], rating(rounds, "BN")["mean"]) == (12, 4)
    assert (rating(rounds, A)["n"], rating(rounds, A)["level"]) == (4, "park")


def test_the_park_of_the_register_counts(rounds: Rounds) -> None:
    for number in range(3):
        rounds.answer(FIRST, "enterprise", f"e{number}", {"mg01_necessity": 5}, park=A, enterprise_park_code=B)
    rounds.write(NIGHT)
    rounds.compute()
    assert {row["area_code"] for row in rounds.state("survey_ratings", FIRST)} == {"BN", B}


def test_experts_stand_for_no_park(rounds: Rounds) -> None:
    for number in range(5):
        rounds.answer(FIRST, "expert", f"x{number}", {"mg01_necessity": 5}, park=A)
    rounds.write(NIGHT)
    rounds.compute()
    (row,) = rounds.state("survey_ratings", FIRST)
    assert (row["level"], row["area_code"], row["cvr"], row["cvr_critical_n"], row["is_cvr_met"]) == (
        "province",
        "BN",
        1,
        5,
        True,
    )


def test_enterprises_have_no_figures_of_a_panel(rounds: Rounds) -> None:
    fill(rounds, FIRST)
    rounds.write(NIGHT)
    rounds.compute()
    names = ("cvr", "cvr_critical_n", "is_cvr_met", "i_cvi", "kappa", "fuzzy_score", "fuzzy_consensus_share")
    assert {rating(rounds, "BN")[name] for name in names} == {None}
    assert rating(rounds, "BN", respondent_type="expert")["i_cvi"] == 1


def test_what_few_said_of_a_park_is_not_told(rounds: Rounds) -> None:
    for number, park in enumerate([A] * 5 + [B] * 4 + [C] * 2):
        rounds.answer(FIRST, "enterprise", f"e{number}", {"mg01_necessity": 4}, park=park)
    rounds.write(NIGHT)
    rounds.compute()
    told = {park: rating(rounds, park)["conf_status"] for park in ("BN", A, B, C)}
    assert told == {"BN": "F", A: "F", B: "C", C: "C"}, "B goes with C, or the province would tell"
    hidden = rating(rounds, C)
    assert {name for name, value in hidden.items() if value is not None} == {
        "indicator_code", "criterion", "respondent_type", "survey_id", "round_code", "level", "area_code",
        "conf_status",
    }  # fmt: skip


def test_what_few_said_in_the_whole_province_is_not_told(rounds: Rounds) -> None:
    """Two managers: neither their ratings, nor how far they agree, nor the items that only two experts rated."""
    for who, number in (("manager", 2), ("expert", 3)):
        for each in range(number):
            scores = {"mg01_necessity": 5 - each, "mg01_clarity": 4} | ({"en02_necessity": 4} if each < 2 else {})
            rounds.answer(FIRST, who, f"{who}{each}", scores)
    rounds.write(NIGHT)
    rounds.compute()
    told = {
        (row["respondent_type"], row["indicator_code"], row["criterion"]): row["conf_status"]
        for row in rounds.state("survey_ratings", FIRST)
    }
    assert told == {
        ("manager", "MG01", "necessity"): "C",
        ("manager", "MG01", "clarity"): "C",
        ("manager", "EN02", "necessity"): "C",
        ("expert", "MG01", "necessity"): "F",
        ("expert", "MG01", "clarity"): "F",
        ("expert", "EN02", "necessity"): "C",
    }
    assert rating(rounds, "BN", respondent_type="manager")["n"] is None
    for row in rounds.state("survey_statistics", FIRST):
        filled = {name for name, value in row.items() if value is not None}
        if row["respondent_type"] == "manager":
            assert filled == {"survey_id", "round_code", "respondent_type", "criterion", "n_respondents"}
            assert row["n_respondents"] == 2
    found = {row["criterion"]: row for row in rounds.state("survey_statistics", FIRST) if row["n_respondents"] == 3}
    # MG01 alone: 5, 4 and 3 of which two are relevant. EN02 would make it 5/6.
    assert found["necessity"]["s_cvi_ave"] == pytest.approx(2 / 3)
    assert (found["necessity"]["n_items"], found["necessity"]["n_complete"], found["necessity"]["kendall_w"]) == (
        2,
        2,
        None,
    )


def test_how_far_a_few_answers_spread_is_not_told_of_a_park(rounds: Rounds) -> None:
    """Mean, deviation and quartiles of three answers are the answers."""
    for number, park in enumerate([A] * 5 + [B] * 4):
        rounds.answer(FIRST, "enterprise", f"e{number}", {"mg01_necessity": 1 + number % 3}, park=park)
    rounds.write(NIGHT)
    rounds.compute()
    spread = ("sd", "cv", "median", "q1", "q3", "iqr")
    assert {rating(rounds, B)[name] for name in spread} == {None}
    assert (rating(rounds, B)["n"], rating(rounds, B)["mean"], rating(rounds, B)["conf_status"]) == (4, 2.25, "F")
    assert None not in {rating(rounds, area)[name] for name in spread for area in (A, "BN")}


def test_who_was_not_asked_has_not_kept_silent(rounds: Rounds) -> None:
    for number in range(4):
        rounds.answer(FIRST, "enterprise", f"old{number}", {"mg01_necessity": 4}, park=A, form_version="v1")
    for number in range(3):
        scores = {"mg01_necessity": 4, "en02_necessity": 3}
        rounds.answer(FIRST, "enterprise", f"new{number}", scores, park=A, form_version="v2")
    rounds.answer(FIRST, "enterprise", "silent", {"mg01_necessity": 4}, park=A, form_version="v2")
    rounds.write(NIGHT)
    rounds.compute()
    row = rating(rounds, A, indicator_code="EN02")
    assert (row["n"], row["n_asked"], row["n_missing"]) == (3, 4, 1)
    assert rating(rounds, A)["n_asked"] == 8


def test_reversed_criteria_are_turned_round_only_for_alpha(rounds: Rounds) -> None:
    for number, score in enumerate((1, 2, 3, 4, 5)):
        scores = {"mg01_necessity": score, "mg01_availability": score, "mg01_cost": 6 - score}
        rounds.answer(FIRST, "enterprise", f"e{number}", scores, park=A)
    rounds.write(NIGHT)
    rounds.compute()
    assert rating(rounds, A, criterion="cost")["mean"] == 3
    found = {row["criterion"]: row for row in rounds.state("survey_statistics", FIRST)}
    assert found["all"]["cronbach_alpha"] == pytest.approx(1)
    assert (found["all"]["n_items"], found["all"]["kendall_w"]) == (3, None)
    assert (found["cost"]["n_items"], found["cost"]["cronbach_alpha"]) == (1, None)


# ---- comments --------------------------------------------------------------------------------------------------------


def comment(rounds: Rounds, kind: str, *texts: str) -> None:
    for number, text in enumerate(texts):
        rounds.answer(FIRST, kind, f"{kind}{number}", comments={"mg01_comment": text}, park=A)


def comments(rounds: Rounds) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    rows = rounds.state("survey_comments", FIRST)
    for row in sorted(rows, key=lambda row: (row["respondent_type"], row["number"])):
        found.setdefault(row["respondent_type"], []).append(row["comment"])
    numbers = Counter(row["respondent_type"] for row in rows)
    assert {(kind, n) for kind, count in numbers.items() for n in range(1, count + 1)} == {
        (row["respondent_type"], row["number"]) for row in rows
    }
    return found


def test_comments_of_few_are_told_without_who(rounds: Rounds) -> None:
    comment(rounds, "enterprise", *(f"dn {number}" for number in range(4)))
    comment(rounds, "expert", "cg 0", "cg 1")
    comment(rounds, "manager", "cb 0", "cb 1")
    rounds.write(NIGHT)
    rounds.compute()
    assert {kind: sorted(texts) for kind, texts in comments(rounds).items()} == {
        "all": ["cb 0", "cb 1", "cg 0", "cg 1"],
        "enterprise": ["dn 0", "dn 1", "dn 2", "dn 3"],
    }


def test_a_single_small_group_takes_another_with_it(rounds: Rounds) -> None:
    comment(rounds, "enterprise", *(f"dn {number}" for number in range(4)))
    comment(rounds, "expert", "cg 0")
    rounds.write(NIGHT)
    rounds.compute()
    assert {kind: len(texts) for kind, texts in comments(rounds).items()} == {"all": 5}


def test_order_of_comments_does_not_follow_from_who_or_when(rounds: Rounds) -> None:
    texts = [f"ý kiến số {number}" for number in range(12)]
    comment(rounds, "enterprise", *texts)
    rounds.write(NIGHT)
    rounds.compute()
    first = comments(rounds)["enterprise"]
    rounds.forget(FIRST)
    comment(rounds, "enterprise", *reversed(texts))
    rounds.write(NEXT)
    rounds.compute(NEXT)
    assert comments(rounds)["enterprise"] == first
    assert first not in (texts, sorted(texts), texts[::-1])


def test_general_comments_are_of_no_indicator(rounds: Rounds) -> None:
    rounds.answer(SATISFIED, "worker", "w", comments={"general_comment": "tốt"}, park=A)
    rounds.write(NIGHT)
    rounds.compute()
    assert rounds.state("survey_comments", SATISFIED) == []


# ---- rates -----------------------------------------------------------------------------------------------------------


def rates(rounds: Rounds) -> dict[tuple[str, str], Row]:
    return {(row["respondent_type"], row["area_code"]): row for row in rounds.state("survey_rates", FIRST)}


def test_rates_are_of_the_invited(rounds: Rounds) -> None:
    for number in range(4):
        flags = "straight_lining" if number == 0 else None
        rounds.answer(FIRST, "enterprise", f"e{number}", {"mg01_necessity": 4}, park=A, flags=flags)
    rounds.answer(FIRST, "enterprise", "e0", {"mg01_necessity": 1}, park=A, standing="superseded")
    rounds.answer(FIRST, "enterprise", "e9", {"mg01_necessity": 1}, park=B, standing="deleted")
    rounds.answer(FIRST, "expert", "x0", {"mg01_necessity": 5})
    invited = [{"respondent_type": "enterprise", "who": f"e{number}", "park_code": A} for number in (0, 1, 2)]
    invited += [{"respondent_type": "enterprise", "who": who, "park_code": B} for who in ("e8", "e9")]
    for number in range(4):
        rounds.answer(FIRST, "enterprise", f"c{number}", {"mg01_necessity": 4}, park=C)
        invited.append({"respondent_type": "enterprise", "who": f"c{number}", "park_code": C})
    rounds.write(NIGHT)
    rounds.invite(NIGHT, FIRST, invited)
    rounds.refuse(NIGHT, {FIRST: [{"response_id": "r1", "park_code": A}, {"response_id": "r2"}]})
    rounds.compute()
    found = rates(rounds)
    names = ("n_invited", "n_received", "n_current", "n_superseded", "n_deleted", "n_quarantined", "n_flagged")
    told = {key: tuple(row[name] for name in (*names, "response_rate_pct")) for key, row in found.items()}
    assert told == {
        ("enterprise", "BN"): (9, 10, 8, 1, 1, 0, 1, 100 * 7 / 9),
        ("enterprise", A): (3, 5, 4, 1, 0, 0, 1, 100.0),
        ("enterprise", B): (2, *NOTHING),
        ("enterprise", C): (4, *NOTHING),
        ("expert", "BN"): (None, 1, 1, 0, 0, 0, 0, None),
        ("unknown", "BN"): (None, 2, 0, 0, 0, 2, 0, None),
        ("unknown", A): (None, *NOTHING),
    }
    hidden = {key for key, row in found.items() if row["conf_status"] == "C"}
    assert hidden == {("enterprise", B), ("enterprise", C), ("unknown", A)}, "C goes with B, or the province would tell"


#: What is told of a park that few answered for, beside how many were invited.
NOTHING = (None,) * 7


def invite(rounds: Rounds, **parks: int) -> None:
    """So many enterprises of each park, `e0` and on in each."""
    rows = [
        {"respondent_type": "enterprise", "who": f"{park}{number}", "park_code": park}
        for park, n in parks.items()
        for number in range(n)
    ]
    rounds.invite(NIGHT, FIRST, rows)


def come(rounds: Rounds, park: str, n: int, **values: Any) -> None:
    """The first of the invited of a park."""
    for number in range(n):
        rounds.answer(FIRST, "enterprise", f"{park}{number}", {"mg01_necessity": 4}, park=park, **values)


@pytest.mark.parametrize("others", [{B: 3, C: 6}, {B: 0, C: 5}], ids=["all come", "one is silent"])
def test_of_a_park_with_one_enterprise_nothing_tells_whether_it_answered(
    rounds: Rounds, others: dict[str, int]
) -> None:
    """Neither the rows of parks nor which of them are withheld, in rates and in ratings; only sums of parks differ."""
    invite(rounds, **{A: 1, B: 6, C: 6})
    told = []
    for night, answers in ((NIGHT, 0), (NEXT, 1)):
        rounds.forget(FIRST)
        for park, n in others.items():
            come(rounds, park, n)
        come(rounds, A, answers)
        rounds.write(night)
        rounds.compute(night)
        rows = [rounds.state(f"survey_{name}", FIRST) for name in ("rates", "ratings")]
        told.append([[row for row in table if row["level"] == "park"] for table in rows])
    assert told[0] == told[1]
    (alone,) = [row for row in told[0][0] if row["area_code"] == A]
    assert {name: value for name, value in alone.items() if value is not None} == {
        "survey_id": FIRST[0], "round_code": FIRST[1], "respondent_type": "enterprise", "level": "park",
        "area_code": A, "n_invited": 1, "conf_status": "C",
    }  # fmt: skip
    asked = {(row["indicator_code"], row["criterion"]) for row in rounds.state("survey_ratings", FIRST)}
    withheld = {(row["indicator_code"], row["criterion"]) for row in told[0][1] if row["area_code"] == A}
    assert withheld == asked != set()


@pytest.mark.parametrize("answers", [1, 2])
def test_all_that_is_hidden_is_never_all_who_were_invited(rounds: Rounds, answers: int) -> None:
    """Beside 3 of 3 and with C shown, the province would tell that both of D answered; ratings hide the same parks."""
    asked = {E: 8, C: 6, A: 3, D: 2}
    invite(rounds, **asked)
    for park, n in {E: 5, C: 4, A: 3, D: answers}.items():
        come(rounds, park, n)
    rounds.write(NIGHT)
    rounds.compute()
    for table in ("rates", "ratings"):
        rows = [row for row in rounds.state(f"survey_{table}", FIRST) if row["level"] == "park"]
        assert {row["area_code"] for row in rows if row["conf_status"] == "C"} == {A, C, D}
        assert {row["area_code"] for row in rows if row["conf_status"] == "F"} == {E}
    assert {park: rates(rounds)["enterprise", park]["n_invited"] for park in asked} == asked


def test_refused_and_deleted_answers_of_few_are_not_told_either(rounds: Rounds) -> None:
    invite(rounds, **{A: 5, B: 5, C: 1})
    come(rounds, A, 5)
    come(rounds, B, 4)
    come(rounds, C, 1, standing="deleted", flags="straight_lining")
    rounds.write(NIGHT)
    rounds.refuse(NIGHT, {FIRST: [{"response_id": "r1", "respondent_type": "enterprise", "park_code": C}]})
    rounds.compute()
    row = rates(rounds)["enterprise", C]
    assert [row[name] for name in ("n_received", "n_deleted", "n_quarantined", "n_flagged")] == [None] * 4


def test_the_bar_of_rates_is_that_of_the_thresholds(rounds: Rounds) -> None:
    come(rounds, A, 5)
    come(rounds, B, 6)
    come(rounds, C, 4)
    rounds.write(NIGHT)
    for night, least, hidden in ((NIGHT, 4, set()), (NEXT, 5, {A, C}), (THIRD, 1, set())):
        bars = {"min_respondents": least, "min_respondents_province": 1, "min_respondents_spread": least}
        rounds.contracts = with_thresholds(rounds.contracts, **bars)
        rounds.compute(night)
        for table in ("rates", "ratings"):
            rows = rounds.state(f"survey_{table}", FIRST)
            assert {row["area_code"] for row in rows if row["conf_status"] == "C"} == hidden


def test_the_share_of_the_invited_hides_where_few_of_them_answered(rounds: Rounds) -> None:
    """Four of B count and one of them was invited; A stands beside it."""
    invite(rounds, **{A: 6, B: 1, C: 6})
    for park, n in ((A, 5), (B, 4), (C, 6)):
        come(rounds, park, n)
    rounds.write(NIGHT)
    rounds.compute()
    assert {key[1]: row["conf_status"] for key, row in rates(rounds).items()} == {"BN": "F", A: "C", B: "C", C: "F"}


def test_the_park_of_an_answer_is_not_that_of_an_invitation(rounds: Rounds) -> None:
    """A list without parks: else the number of the invited of a park would be that of the answers."""
    rounds.invite(
        NIGHT, FIRST, [{"respondent_type": "enterprise", "who": f"{A}{n}", "park_code": None} for n in range(9)]
    )
    come(rounds, A, 4)
    rounds.write(NIGHT)
    rounds.compute()
    told = {key[1]: (row["n_invited"], row["n_current"]) for key, row in rates(rounds).items()}
    assert told == {"BN": (9, 4), A: (0, None)}


def test_invited_who_have_not_answered_yet(rounds: Rounds) -> None:
    rounds.invite(NIGHT, FIRST, [{"respondent_type": "expert", "who": "x1", "park_code": None}])
    assert rounds.compute().rounds == ("indicator_set.2025-2",)
    assert rates(rounds)["expert", "BN"]["response_rate_pct"] == 0


# ---- verdicts --------------------------------------------------------------------------------------------------------


def test_verdict_with_its_numbers(rounds: Rounds) -> None:
    fill(rounds, FIRST)
    rounds.write(NIGHT)
    result = rounds.compute()
    found = verdicts(rounds)
    row = found["MG01"]
    assert (row["verdict"], row["rule"], row["n_enterprises"], row["n_experts"]) == ("keep", "all_met", 12, 6)
    assert (row["necessity_mean"], row["i_cvi"], row["i_cvi_threshold"], row["cost_mean"]) == (5, 1, 0.83, 2)
    assert (row["status_now"], row["status_next"], row["catalog_version"]) == ("pilot", "adopted", "2026.1")
    assert row["previous_verdict"] is None
    assert (found["EN02"]["verdict"], found["EN02"]["rule"]) == ("not_enough_answers", "too_few_answers")
    assert found["EN02"]["status_next"] == found["EN02"]["status_now"]
    assert result.verdicts == {"keep": 1, "not_enough_answers": 1}


def test_figures_of_few_are_not_told_with_a_verdict(rounds: Rounds) -> None:
    for number in range(10):
        scores = {"mg01_necessity": 5, "mg01_clarity": 4} if number < 2 else {"mg01_necessity": 5}
        rounds.answer(FIRST, "enterprise", f"e{number}", scores, park=A)
    for number in range(2):
        rounds.answer(FIRST, "expert", f"x{number}", {"mg01_necessity": 5})
    rounds.write(NIGHT)
    rounds.compute()
    row = verdicts(rounds)["MG01"]
    assert (row["verdict"], row["rule"]) == ("not_enough_answers", "too_few_experts")
    assert (row["n_enterprises"], row["n_experts"], row["necessity_mean"]) == (10, 2, 5)
    assert {row[name] for name in ("i_cvi", "fuzzy_score", "clarity_mean", "availability_mean")} == {None}
    assert "Only 2 experts" in row["reason_en"]


def test_verdict_remembers_the_round_before(rounds: Rounds) -> None:
    fill(rounds, SECOND, 5)
    rounds.write(NIGHT)
    rounds.compute()
    assert verdicts(rounds, SECOND)["MG01"]["previous_verdict"] is None
    # The first round comes later, and changes what the second says of it.
    fill(rounds, FIRST, 2)
    rounds.write(NEXT, FIRST)
    result = rounds.compute(NEXT)
    assert result.reasons["answers"] == (FIRST,)
    assert result.reasons["round_before"] == (SECOND,)
    assert verdicts(rounds, FIRST)["MG01"]["verdict"] == "drop"
    assert verdicts(rounds, SECOND)["MG01"]["previous_verdict"] == "drop"
    rounds.write(THIRD, SECOND)
    rounds.compute(THIRD)
    assert verdicts(rounds, SECOND)["MG01"]["previous_verdict"] == "drop", "told by an earlier night"


def test_round_keeps_the_status_it_was_judged_in(rounds: Rounds) -> None:
    """Else a round that was acted on would ask for the next step by itself as soon as a late answer came."""
    fill(rounds, FIRST)
    rounds.write(NIGHT)
    rounds.compute()
    adopted = rounds.contracts.indicators["MG01"].model_copy(update={"status": "adopted"})
    indicators = {**rounds.contracts.indicators, "MG01": adopted}
    rounds.contracts = replace(rounds.contracts, indicators=indicators, catalog_version="2026.2")
    assert rounds.compute(NEXT).rounds == (), "a new version of the catalog judges nothing again"
    rounds.answer(FIRST, "enterprise", "late", {"mg01_necessity": 5}, park=A)
    rounds.write(THIRD)
    rounds.compute(THIRD)
    row = verdicts(rounds)["MG01"]
    assert (row["n_enterprises"], row["catalog_version"]) == (13, "2026.1")
    assert (row["status_now"], row["status_next"]) == ("pilot", "adopted")


def test_retired_indicator_that_was_rated_is_still_told(rounds: Rounds) -> None:
    fill(rounds, FIRST, 2)
    rounds.write(NIGHT)
    retired = rounds.contracts.indicators["MG01"].model_copy(update={"status": "retired"})
    rounds.contracts = replace(rounds.contracts, indicators={**rounds.contracts.indicators, "MG01": retired})
    rounds.compute()
    assert (verdicts(rounds)["MG01"]["status_now"], verdicts(rounds)["MG01"]["status_next"]) == ("retired", "retired")


# ---- nights ----------------------------------------------------------------------------------------------------------


def tables(rounds: Rounds, held: Round = FIRST) -> dict[str, list[Row]]:
    names = ("ratings", "statistics", "assessments", "comments", "rates")
    return {name: rounds.state(f"survey_{name}", held) for name in names}


def test_quiet_night_writes_nothing(rounds: Rounds) -> None:
    assert rounds.compute().rounds == ()
    fill(rounds, FIRST)
    rounds.write(NIGHT)
    first = rounds.compute()
    assert (first.rounds, rounds.compute(NEXT).rounds) == (("indicator_set.2025-2",), ())
    assert rounds.lake.nights("indicators", "survey_ratings") == [NIGHT]
    # A night that is run again computes the same.
    before = tables(rounds)
    assert rounds.compute(NIGHT).rounds == first.rounds
    assert tables(rounds) == before


def test_late_answers_give_what_one_night_would_have_given(rounds: Rounds) -> None:
    fill(rounds, FIRST, 4)
    rounds.write(NIGHT)
    rounds.compute()
    fill(rounds, SECOND)
    rounds.answer(FIRST, "enterprise", "late", {"mg01_necessity": 1}, {"mg01_comment": "muộn"}, park=C)
    rounds.write(NEXT)
    rounds.compute(NEXT)
    found = tables(rounds)
    rounds.lake.drop_tables()
    rounds.write(THIRD)
    rounds.compute(THIRD)
    assert tables(rounds) == found
    assert rating(rounds, "BN")["n"] == 13


def test_another_secret_changes_not_even_the_last_digit(rounds: Rounds) -> None:
    """The secret of the installation decides in which order responses come, and nothing else."""
    found = []
    asked = [f"{code}_{criterion}" for code in ("mg01", "en02") for criterion in ("necessity", "cost", "clarity")]
    for night, secret in ((NIGHT, "one"), (NEXT, "another")):
        rounds.forget(FIRST)
        draw = Random(7)
        for number in range(40):
            scores = {name: draw.randint(1, 5) for name in asked if draw.random() < 0.9}
            kind, park = ("expert", None) if number < 10 else ("enterprise", (A, B, C)[number % 3])
            response_id = sha256(f"{secret}{number}".encode()).hexdigest()[:32]
            rounds.answer(FIRST, kind, f"{number}", scores, park=park, response_id=response_id)
        rounds.write(night)
        rounds.compute(night)
        found.append([rounds.state(f"survey_{table}", FIRST) for table in ("ratings", "statistics", "assessments")])
    assert found[0] == found[1]
    assert all(row["cronbach_alpha"] is not None for row in found[0][1])


def test_round_that_lost_all_its_answers_is_empty(rounds: Rounds) -> None:
    fill(rounds, FIRST)
    rounds.write(NIGHT)
    rounds.compute()
    rounds.forget(FIRST)
    rounds.write(NEXT, FIRST)
    rounds.compute(NEXT)
    found = tables(rounds)
    assert [found[name] for name in ("ratings", "statistics", "comments", "rates")] == [[], [], [], []]
    assert {row["verdict"] for row in found["assessments"]} == {"not_enough_answers"}


def test_changed_threshold_judges_again(rounds: Rounds) -> None:
    fill(rounds, FIRST, 4)
    rounds.write(NIGHT)
    rounds.compute()
    assert verdicts(rounds)["MG01"]["verdict"] == "keep"
    rounds.contracts = with_thresholds(rounds.contracts, keep_mean=4.5)
    result = rounds.compute(NEXT)
    assert result.reasons["definitions"] == (FIRST,)
    assert verdicts(rounds)["MG01"]["verdict"] == "revise"
    assert rounds.compute(THIRD).rounds == ()


OPEN_NIGHT, LAST_NIGHT, FIRST_CLOSED = "2025-11-20", "2025-11-30", "2025-12-01"


def closing(rounds: Rounds, day: date) -> None:
    """The contract moves the closing date of the first round."""
    survey = rounds.contracts.surveys["indicator_set"]
    moved = [one.model_copy(update={"closes_on": day} if one.round == FIRST[1] else {}) for one in survey.rounds]
    update = {"indicator_set": survey.model_copy(update={"rounds": tuple(moved)})}
    rounds.contracts = replace(rounds.contracts, surveys={**rounds.contracts.surveys, **update})


def told_of(rounds: Rounds) -> set[str]:
    """The tables that say something of the first round."""
    return {name for name, rows in tables(rounds).items() if rows}


EVERYTHING = {"ratings", "statistics", "assessments", "comments", "rates"}


def fill_and_comment(rounds: Rounds) -> None:
    fill(rounds, FIRST, 4)
    rounds.answer(FIRST, "enterprise", "talks", {"mg01_necessity": 4}, {"mg01_comment": "tốt"}, park=A)


def test_open_round_tells_who_answered_and_not_what(rounds: Rounds) -> None:
    """Also on its last day; n × mean of two nights would differ by one form."""
    fill_and_comment(rounds)
    for night in (OPEN_NIGHT, LAST_NIGHT):
        rounds.write(night)
        assert rounds.compute(night).rounds == ("indicator_set.2025-2",)
        assert told_of(rounds) == {"rates"}
    assert rates(rounds)["enterprise", "BN"]["n_current"] == 13


def test_round_is_told_the_night_after_it_closed_without_a_new_answer(rounds: Rounds) -> None:
    fill_and_comment(rounds)
    rounds.write(LAST_NIGHT)
    rounds.compute(LAST_NIGHT)
    result = rounds.compute(FIRST_CLOSED)
    assert result.reasons["definitions"] == (FIRST,)
    assert told_of(rounds) == EVERYTHING
    assert rounds.compute("2025-12-02").rounds == ()


def test_round_whose_closing_date_moves_is_withdrawn(rounds: Rounds) -> None:
    fill_and_comment(rounds)
    rounds.write(FIRST_CLOSED)
    rounds.compute(FIRST_CLOSED)
    assert told_of(rounds) == EVERYTHING
    closing(rounds, date(2025, 12, 10))
    assert rounds.compute("2025-12-02").reasons["definitions"] == (FIRST,)
    assert told_of(rounds) == {"rates"}
    rounds.compute("2025-12-11")
    assert told_of(rounds) == EVERYTHING


def test_measures_of_an_open_round_wait_and_are_withdrawn_with_it(rounds: Rounds) -> None:
    for number in range(3):
        rounds.answer(SATISFIED, "enterprise", f"e{number}", {"service_satisfaction": 4}, park=A)
    rounds.write("2026-02-28")
    assert rounds.compute("2026-02-28").periods == ()
    assert rounds.compute("2026-03-01").periods == ("2025",)
    assert measured(rounds) == {(A, 4, None): 3}
    survey = rounds.contracts.surveys["satisfaction"]
    moved = [one.model_copy(update={"closes_on": date(2026, 3, 31)}) for one in survey.rounds[:1]]
    update = {"satisfaction": survey.model_copy(update={"rounds": (*moved, *survey.rounds[1:])})}
    rounds.contracts = replace(rounds.contracts, surveys={**rounds.contracts.surveys, **update})
    assert rounds.compute("2026-03-02").periods == ("2025",)
    assert measured(rounds) == {}


@pytest.mark.slow
def test_nights_in_any_order_end_as_those_in_order(rounds: Rounds) -> None:
    """An older night that is run again after the round has closed does not withdraw it."""
    fill_and_comment(rounds)
    nights = (OPEN_NIGHT, LAST_NIGHT, FIRST_CLOSED, "2025-12-05")
    rounds.write(OPEN_NIGHT)
    for night in nights:
        rounds.compute(night)
    wanted = tables(rounds)
    assert told_of(rounds) == EVERYTHING
    for order in permutations(nights):
        rounds.lake.drop_tables()
        rounds.write(OPEN_NIGHT)
        for night in order:
            rounds.compute(night)
        assert tables(rounds) == wanted, order
        for night in reversed(order):
            rounds.compute(night)
        assert tables(rounds) == wanted, order


def test_open_rounds_are_told_where_the_board_says_so(rounds: Rounds) -> None:
    fill_and_comment(rounds)
    rounds.write(OPEN_NIGHT)
    rounds.contracts = with_thresholds(rounds.contracts, publish_open_rounds=True)
    rounds.compute(OPEN_NIGHT)
    assert told_of(rounds) == EVERYTHING


def test_round_that_no_contract_names_any_more_is_emptied(rounds: Rounds) -> None:
    fill(rounds, FIRST)
    rounds.write(NIGHT)
    rounds.compute()
    survey = rounds.contracts.surveys["indicator_set"]
    others = survey.model_copy(update={"rounds": survey.rounds[1:]})
    rounds.contracts = replace(rounds.contracts, surveys={**rounds.contracts.surveys, "indicator_set": others})
    assert rounds.compute(NEXT).rounds == ("indicator_set.2025-2",)
    assert set(map(str, tables(rounds).values())) == {"[]"}


def test_responses_outside_all_rounds_are_no_round(rounds: Rounds) -> None:
    fill(rounds, ("indicator_set", "none"))
    rounds.write(NIGHT)
    assert rounds.compute().rounds == ()


def test_older_night_after_a_newer_one_is_the_newer_word(rounds: Rounds) -> None:
    fill(rounds, FIRST, 4)
    rounds.write(NEXT)
    rounds.compute(NEXT)
    rounds.forget(FIRST)
    fill(rounds, FIRST, 3)
    rounds.write(NIGHT)
    rounds.compute(NIGHT)
    assert rating(rounds, "BN")["mean"] == 3
    assert rounds.lake.nights("indicators", "survey_ratings") == [NIGHT]


# ---- what the catalog reads ------------------------------------------------------------------------------------------


def measured(rounds: Rounds, period: str = "2025") -> dict[tuple[Any, ...], int]:
    slices = rounds.lake.slices("indicators", "survey_response", parts=[f"period={period}"])
    names = ["park_code", "service_satisfaction_1_5", "social_infrastructure_satisfaction_1_5"]
    return Counter(tuple(row.values()) for row in rounds.lake.read_slice(slices[-1], names).to_pylist())


def test_measures_of_a_period(rounds: Rounds) -> None:
    rounds.answer(SATISFIED, "enterprise", "e1", {"service_satisfaction": 4}, park=A, enterprise_park_code=B)
    rounds.answer(SATISFIED, "worker", "w1", {"social_infrastructure_satisfaction": 2}, park=A)
    rounds.answer(SATISFIED, "worker", "w2", {}, park=A)
    rounds.answer(SATISFIED, "worker", "w3", {"social_infrastructure_satisfaction": 5}, park=A, standing="superseded")
    rounds.write(NIGHT)
    assert rounds.compute().periods == ("2025",)
    assert measured(rounds) == {(B, 4, None): 1, (A, None, 2): 1}


def test_newest_answer_of_two_rounds_of_a_period_counts(rounds: Rounds) -> None:
    survey = rounds.contracts.surveys["satisfaction"]
    again = RoundContract(round="2025b", opens_on=date(2026, 3, 1), closes_on=date(2026, 3, 31), period="2025")
    both = survey.model_copy(update={"rounds": (*survey.rounds, again)})
    rounds.contracts = replace(rounds.contracts, surveys={**rounds.contracts.surveys, "satisfaction": both})
    later = ("satisfaction", "2025b")
    for who, first, second in (("e1", 2, 5), ("e2", 3, None)):
        at = {"submitted_at": datetime(2026, 1, 10)}
        rounds.answer(SATISFIED, "enterprise", who, {"service_satisfaction": first}, park=A, **at)
        if second:
            at = {"submitted_at": datetime(2026, 3, 10)}
            rounds.answer(later, "enterprise", who, {"service_satisfaction": second}, park=B, **at)
    rounds.write(NIGHT)
    rounds.compute()
    assert measured(rounds) == {(B, 5, None): 1, (A, 3, None): 1}


def test_round_that_moves_to_another_period_leaves_the_old_one(rounds: Rounds) -> None:
    rounds.answer(SATISFIED, "enterprise", "e1", {"service_satisfaction": 4}, park=A)
    rounds.write(NIGHT)
    rounds.compute()
    survey = rounds.contracts.surveys["satisfaction"]
    moved = [one.model_copy(update={"period": "2026"}) for one in survey.rounds]
    update = {"satisfaction": survey.model_copy(update={"rounds": tuple(moved)})}
    rounds.contracts = replace(rounds.contracts, surveys={**rounds.contracts.surveys, **update})
    assert rounds.compute(NEXT).periods == ("2025", "2026")
    assert (measured(rounds, "2025"), measured(rounds, "2026")) == ({}, {(A, 4, None): 1})


def test_rounds_that_measure_nothing_touch_no_period(rounds: Rounds) -> None:
    fill(rounds, FIRST)
    rounds.write(NIGHT)
    assert rounds.compute().periods == ()
    assert rounds.lake.slices("indicators", "survey_response") == []
