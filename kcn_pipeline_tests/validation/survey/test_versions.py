"""Which of several rows speaks for a submission, what servers deleted, and that the order of nights does not matter."""

from datetime import date
from pathlib import Path

import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.validation.survey.nights import (
    ANSWERS,
    FIRST,
    INVITATIONS,
    MORNING,
    NEW_CODE,
    ORDERS,
    PART,
    RESPONSES,
    SCORES,
    SECOND,
    THIRD,
    digest,
    everything,
    expert,
    findings,
    give_new_code,
    invitation,
    key_of,
    quarantine,
    register,
    response,
    run,
    stage,
    standings,
    state,
)


def necessity(lake: Lake, name: str) -> list[float]:
    """The accepted scores of a submission for one question."""
    rows = state(lake, ANSWERS)
    return [r["score"] for r in rows if r["response_id"] == digest(name) and r["question"] == "mg01_necessity"]


def test_an_edit_replaces_the_version_before(lake: Lake, contracts: Contracts) -> None:
    old, new = response("a"), response("a", 2, answers=SCORES | {"mg01_necessity": 1.0})
    stage(lake, contracts, FIRST, old, listed=[old])
    run(lake, contracts, FIRST)
    assert necessity(lake, "a") == [3.0]
    stage(lake, contracts, SECOND, new, listed=[new])
    run(lake, contracts, SECOND)
    (row,) = state(lake)
    assert (row["version_key"], row["standing"], row["_night"]) == (digest("a#2"), "current", SECOND)
    assert necessity(lake, "a") == [1.0]
    assert {row["version_key"] for row in state(lake, ANSWERS)} == {digest("a#2")}


def test_an_edit_that_comes_with_the_version_before_replaces_it_that_night(lake: Lake, contracts: Contracts) -> None:
    old, new = response("a", is_test=True), response("a", 2)
    stage(lake, contracts, FIRST, new, old, listed=[new])
    results = run(lake, contracts, FIRST)
    assert standings(lake, "a") == {"a": "current"}
    counts = results[RESPONSES].checks[-1].counts
    assert (counts["rows"], counts["accepted"], counts["replaced"], counts["quarantined"]) == (2, 1, 1, 0)
    assert results[ANSWERS].checks[-1].counts["replaced"] == len(SCORES)
    assert not quarantine(lake, FIRST)


def test_an_old_export_does_not_undo_what_the_server_holds(lake: Lake, contracts: Contracts) -> None:
    old, new = response("a", answers=SCORES | {"mg01_necessity": 1.0}), response("a", 2)
    stage(lake, contracts, FIRST, new, listed=[new])
    run(lake, contracts, FIRST)
    stage(lake, contracts, SECOND, old | {"channel": "kobo_export", "_source": "files", "_file": "export.csv"})
    run(lake, contracts, SECOND)
    assert necessity(lake, "a") == [3.0]


def test_the_same_version_by_api_and_by_two_exports_is_one_response(lake: Lake, contracts: Contracts) -> None:
    row = response("a")
    export = row | {"channel": "kobo_export", "_source": "files", "_file": "export.csv", "_payload": "another"}
    stage(lake, contracts, FIRST, row, export, export | {"_line": 9})
    results = run(lake, contracts, FIRST)
    assert len(state(lake)) == 1
    assert len(state(lake, ANSWERS)) == len(SCORES)
    assert results[ANSWERS].checks[-1].counts["replaced"] == 2 * len(SCORES)


@pytest.mark.parametrize("other", [{"_source": "another feed"}, {"_sheet": "sheet 2"}])
def test_one_file_in_two_feeds_and_one_line_on_two_sheets_hold_its_answers_once(
    lake: Lake, contracts: Contracts, other: dict[str, str]
) -> None:
    row = response("a", channel="kobo_export")
    stage(lake, contracts, FIRST, row, row | other)
    results = run(lake, contracts, FIRST)
    assert len(state(lake, ANSWERS)) == len(SCORES)
    assert results[ANSWERS].checks[-1].counts["replaced"] == len(SCORES)


def test_what_the_newest_listing_lacks_is_deleted(lake: Lake, contracts: Contracts) -> None:
    kept, gone = response("kept", who="E0002"), response("gone")
    stage(lake, contracts, FIRST, kept, gone, listed=[kept, gone])
    run(lake, contracts, FIRST)
    assert standings(lake, "kept", "gone") == {"kept": "current", "gone": "current"}
    stage(lake, contracts, SECOND, listed=[kept])
    results = run(lake, contracts, SECOND)
    assert standings(lake, "kept", "gone") == {"kept": "current", "gone": "deleted"}
    assert (results[RESPONSES].staged, results["survey_listings"].accepted) == (0, 1)
    stage(lake, contracts, THIRD, listed=[kept, gone])
    run(lake, contracts, THIRD)
    assert standings(lake, "kept", "gone") == {"kept": "current", "gone": "current"}


def test_a_response_of_an_export_is_never_deleted_by_a_listing(lake: Lake, contracts: Contracts) -> None:
    served, exported = response("served", who="E0002"), response("exported", channel="kobo_export", _source="files")
    stage(lake, contracts, FIRST, served, exported, listed=[served])
    run(lake, contracts, FIRST)
    assert standings(lake, "served", "exported") == {"served": "current", "exported": "current"}


def test_a_deleted_response_lets_the_one_before_count_again(lake: Lake, contracts: Contracts) -> None:
    older, newer = response("older"), response("newer", submitted_at=MORNING.replace(hour=9))
    stage(lake, contracts, FIRST, older, newer, listed=[older, newer])
    run(lake, contracts, FIRST)
    assert standings(lake, "older", "newer") == {"older": "superseded", "newer": "current"}
    stage(lake, contracts, SECOND, listed=[older])
    run(lake, contracts, SECOND)
    assert standings(lake, "older", "newer") == {"older": "current", "newer": "deleted"}


def test_an_approval_comes_with_the_listing_alone(lake: Lake, with_thresholds) -> None:
    contracts = with_thresholds(approved_only=True)
    row, paper = response("a"), response("p", who="E0002", channel="paper")
    stage(lake, contracts, FIRST, row, paper, listed=[row])
    run(lake, contracts, FIRST)
    assert standings(lake, "a", "p") == {"a": "not_approved", "p": "current"}
    stage(lake, contracts, SECOND, listed=[row | {"approval": "approved"}])
    run(lake, contracts, SECOND)
    assert standings(lake, "a", "p") == {"a": "current", "p": "current"}
    assert [row["approval"] for row in state(lake) if row["channel"] == "kobo_api"] == ["approved"]
    assert len(state(lake, ANSWERS)) == 2 * len(SCORES)


def test_a_listed_submission_that_never_came_is_told(lake: Lake, contracts: Contracts) -> None:
    came, lost = response("came"), response("lost")
    stage(lake, contracts, FIRST, came, listed=[came, lost])
    results = run(lake, contracts, FIRST)
    assert findings(lake, FIRST) == {"listed_not_landed": 1}
    (volume,) = [check for check in results["survey_listings"].checks if check.name == "volume"]
    assert not volume.passed


def test_of_one_respondent_the_newest_counts(lake: Lake, contracts: Contracts) -> None:
    at = {name: MORNING.replace(hour=hour) for name, hour in (("a", 7), ("b", 9), ("c", 8))}
    firms = {name: response(name, submitted_at=at[name]) for name in at}
    experts = {name: expert(f"expert {name}", submitted_at=at[name]) for name in at}
    for night, names in ((FIRST, "ab"), (SECOND, "c")):
        stage(lake, contracts, night, *(rows[name] for rows in (firms, experts) for name in names))
        run(lake, contracts, night)
    found = standings(lake, *at, *(f"expert {name}" for name in at))
    expected = {"a": "superseded", "b": "current", "c": "superseded"}
    assert found == expected | {f"expert {name}": standing for name, standing in expected.items()}


def test_an_expert_and_an_enterprise_of_one_key_are_two(lake: Lake, contracts: Contracts) -> None:
    one = response("a")
    stage(lake, contracts, FIRST, one, expert("b", respondent_key=one["respondent_key"]))
    run(lake, contracts, FIRST)
    assert standings(lake, "a", "b") == {"a": "current", "b": "current"}


def test_a_refused_response_replaces_nobody(lake: Lake, contracts: Contracts) -> None:
    good = response("good")
    late = response("bad", is_test=True, submitted_at=MORNING.replace(hour=11))
    stage(lake, contracts, FIRST, good, late)
    run(lake, contracts, FIRST)
    assert standings(lake, "good", "bad") == {"good": "current", "bad": "test_response"}


def test_an_edit_that_moves_to_another_round_leaves_the_first(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIRST, response("a", channel="paper"))
    run(lake, contracts, FIRST)
    moved = response("a", 2, channel="paper", round_code="2026-2")
    later = "2026-10-02"
    stage(lake, contracts, later, moved | {"submitted_at": MORNING.replace(month=9)})
    run(lake, contracts, later)
    assert state(lake) == state(lake, ANSWERS) == []
    assert standings(lake, "a", part="round=indicator_set.2026-2") == {"a": "current"}


def test_two_tax_codes_of_one_enterprise_are_one_respondent(lake: Lake, contracts: Contracts) -> None:
    give_new_code(lake, contracts)
    later = response("b", who=NEW_CODE, submitted_at=MORNING.replace(hour=10))
    stage(lake, contracts, FIRST, response("a"), later)
    run(lake, contracts, FIRST)
    assert standings(lake, "a", "b") == {"a": "superseded", "b": "current"}
    assert {row["respondent_key"] for row in state(lake)} == {key_of("E0001")}


def test_an_enterprise_invited_by_one_tax_code_answers_by_another(lake: Lake, contracts: Contracts) -> None:
    give_new_code(lake, contracts)
    stage(lake, contracts, FIRST, response("a"), invited=[invitation(NEW_CODE), invitation("E0002", 3)])
    run(lake, contracts, FIRST)
    (answered,) = state(lake)
    invited = {row["respondent_key"] for row in state(lake, INVITATIONS)}
    assert answered["respondent_key"] in invited
    assert invited == {key_of("E0001"), key_of("E0002")}


def test_an_enterprise_invited_by_both_its_tax_codes_is_invited_once(lake: Lake, contracts: Contracts) -> None:
    give_new_code(lake, contracts)
    twice = [invitation(NEW_CODE), invitation("E0001", 3)]
    stage(lake, contracts, FIRST, invited=[*twice, invitation("2399999999", 4)])
    result = run(lake, contracts, FIRST)[INVITATIONS]
    assert [row["respondent_key"] for row in state(lake, INVITATIONS)] == [key_of("E0001")]
    assert (result.staged, result.accepted, result.quarantined) == (3, 1, 1)
    assert [row["respondent_key"] for row in quarantine(lake, FIRST, INVITATIONS)] == [key_of("2399999999")]


def test_a_tax_code_of_two_enterprises_makes_no_respondent_of_two(lake: Lake, contracts: Contracts) -> None:
    heir = {"enterprise_id": "E0009", "tax_code": "2300000001", "valid_from": date(2026, 1, 1), "valid_to": None}
    give_new_code(lake, contracts, heir)
    by_new_code = response("b", who=NEW_CODE, submitted_at=MORNING.replace(hour=7))
    stage(lake, contracts, FIRST, response("heir"), by_new_code)
    run(lake, contracts, FIRST)
    assert standings(lake, "heir", "b") == {"heir": "current", "b": "current"}
    keys = {row["response_id"]: row["respondent_key"] for row in state(lake)}
    assert keys[digest("b")] == key_of(NEW_CODE)
    assert keys[digest("heir")] not in {key_of(NEW_CODE), key_of("E0001")}


# ---- the order of nights ---------------------------------------------------------------------------------------------


def stage_a_history(lake: Lake, contracts: Contracts) -> None:
    """Three nights with an edit, a deletion, a second answer, a late enterprise, a typed form and invitations."""
    a, b, late = response("a"), response("b", who="E0002"), response("late", who="2300000077")
    paper = response("p", who="E0003", channel="paper", entry="first", _source="files", _file="paper.xlsx")
    edited = response("a", 2, answers=SCORES | {"mg01_necessity": 2.0, "mg02_clarity": {"problem": "unknown_label"}})
    again = response("c", submitted_at=MORNING.replace(hour=12), channel="google_forms", _source="files")
    stage(
        lake, contracts, FIRST, a, b, late, listed=[a, b, late], invited=[invitation("E0001"), invitation("E0002", 3)]
    )
    stage(lake, contracts, SECOND, edited, paper, listed=[edited, late])
    stage(lake, contracts, THIRD, again, invited=[invitation("E0001"), invitation("E0003", 3)])


#: Forth, back, and the newest night in the middle.


def test_nights_in_any_order_give_the_same_state(tmp_path: Path, contracts: Contracts) -> None:
    states = []
    for number, order in enumerate(ORDERS):
        lake = Lake(tmp_path / str(number))
        register(lake, contracts, "2026-03-01")
        register(lake, contracts, THIRD, {"E0077": "2300000077"})
        stage_a_history(lake, contracts)
        for night in order:
            run(lake, contracts, night)
        states.append(everything(lake))
    assert {len(one[f"{RESPONSES}/{PART}"]) for one in states} == {5}
    assert all(one == states[0] for one in states)
    found = {row["response_id"]: row["standing"] for row in states[0][f"{RESPONSES}/{PART}"]}
    wanted = {"a": "superseded", "b": "deleted", "c": "current", "late": "current", "p": "current"}
    assert found == {digest(name): standing for name, standing in wanted.items()}


def test_a_night_run_twice_writes_the_same_and_one_that_lost_its_rows_takes_them_back(
    lake: Lake, contracts: Contracts
) -> None:
    stage_a_history(lake, contracts)
    for night in (FIRST, SECOND, THIRD):
        run(lake, contracts, night)
    before = everything(lake)
    run(lake, contracts, SECOND)
    assert everything(lake) == before
    stage(lake, contracts, THIRD)
    run(lake, contracts, THIRD)
    assert digest("c") not in {row["response_id"] for row in state(lake)}
    assert {row["standing"] for row in state(lake) if row["response_id"] == digest("a")} == {"current"}


def test_a_new_register_lets_a_response_in_and_leaves_other_rounds_alone(lake: Lake, contracts: Contracts) -> None:
    other = "round=indicator_set.2025-2"
    old = response("old", round_code="2025-2", submitted_at=MORNING.replace(year=2025, month=10))
    stage(lake, contracts, FIRST, response("late", who="2300000077"), old)
    run(lake, contracts, FIRST)
    assert standings(lake, "late") == {"late": "unknown_enterprise"}
    register(lake, contracts, SECOND, {"E0077": "2300000077"})
    run(lake, contracts, SECOND)
    assert standings(lake, "late") == {"late": "current"}
    assert len(state(lake, ANSWERS)) == len(SCORES)
    assert lake.parts("validation", RESPONSES, SECOND) == [PART]
    assert standings(lake, "old", part=other) == {"old": "current"}


def test_a_quiet_night_writes_nothing(lake: Lake, contracts: Contracts) -> None:
    results = run(lake, contracts, FIRST)
    assert {result.staged for result in results.values()} == {0}
    assert all(check.passed for result in results.values() for check in result.checks)
    assert not lake.slices("validation", RESPONSES)
