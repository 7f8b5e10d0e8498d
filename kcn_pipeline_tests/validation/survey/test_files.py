"""Files that are sent again under their name: what they leave out is gone; and answers of one respondent and moment."""

from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.validation.survey.nights import (
    ANSWERS,
    FIRST,
    MORNING,
    PART,
    RESPONSES,
    SCORES,
    SECOND,
    THIRD,
    Row,
    digest,
    everything,
    expert,
    findings,
    quarantine,
    register,
    response,
    run,
    stage,
    standings,
    state,
)

FILE, ANOTHER = digest("a file"), digest("another file")
LATER = "round=indicator_set.2026-2"


def of_file(name: str, key: str = FILE, payload: str = "v1", **more: Any) -> Row:
    """A response of an expert of its own that a file holds."""
    channel = {"channel": "google_forms", "_source": "files", "_file": f"{payload}.csv"}
    return expert(name, **{"who": name, "file_key": key, "_payload": digest(payload), **channel, **more})


def told(lake: Lake, night: str, rule: str) -> list[Row]:
    found = lake.read("validation", "survey_findings", night)
    return [] if found is None else [row for row in found.to_pylist() if row["rule"] == rule]


def check_counts(result: Any, lake: Lake, night: str) -> None:
    counts = result[RESPONSES].checks[-1].counts
    assert counts["rows"] == counts["accepted"] + counts["replaced"] + counts["quarantined"]
    assert counts["accepted"] == len([row for row in state(lake) if row["_night"] == night])
    assert counts["quarantined"] == len(quarantine(lake, night))


# ---- what a file leaves out ------------------------------------------------------------------------------------------


def test_what_a_file_that_is_sent_again_leaves_out_is_deleted_and_told(lake: Lake, contracts: Contracts) -> None:
    a, b, c = (of_file(name) for name in "abc")
    stage(lake, contracts, FIRST, a, b, c, of_file("d", ANOTHER, "other"))
    run(lake, contracts, FIRST)
    stage(lake, contracts, SECOND, of_file("a", payload="v2"), of_file("e", payload="v2"))
    results = run(lake, contracts, SECOND)
    kept = {"a": "current", "d": "current", "e": "current"}
    assert standings(lake, *"abcde") == kept | {"b": "deleted", "c": "deleted"}
    check_counts(results, lake, SECOND)
    (found,) = told(lake, SECOND, "response_left_out")
    assert (found["value"], found["payload"], found["file"]) == ("2026-1", digest("v2"), "v2.csv")
    assert " 2 " in found["reason_vi"]
    assert " 2 responses" in found["reason_en"]
    assert "2 respondents no longer count; 0 still" in found["reason_en"]
    assert not [check.name for check in results[RESPONSES].checks if not check.passed and check.name != "keys"]
    check_counts(run(lake, contracts, FIRST), lake, FIRST)
    assert not told(lake, FIRST, "response_left_out")
    assert standings(lake, *"abcde") == kept | {"b": "deleted", "c": "deleted"}


def test_a_file_retires_nothing_of_a_round_that_it_no_longer_holds(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIRST, of_file("a"), of_file("b"))
    run(lake, contracts, FIRST)
    later = "2026-10-02"
    moved = {"payload": "v2", "round_code": "2026-2", "submitted_at": MORNING.replace(month=9)}
    stage(lake, contracts, later, of_file("c", **moved))
    run(lake, contracts, later)
    assert standings(lake, "a", "b") == {"a": "current", "b": "current"}
    assert standings(lake, "c", part=LATER) == {"c": "current"}
    assert findings(lake, later) == {}


@pytest.mark.parametrize("listed", [False, True])
def test_a_submission_that_the_server_or_another_file_holds_stays(
    lake: Lake, contracts: Contracts, listed: bool
) -> None:
    api = expert("b", who="b") if listed else of_file("b", ANOTHER, "other")
    stage(lake, contracts, FIRST, of_file("a"), of_file("b"), api, listed=[api] if listed else None)
    run(lake, contracts, FIRST)
    stage(lake, contracts, SECOND, of_file("a", payload="v2"))
    run(lake, contracts, SECOND)
    assert standings(lake, "a", "b") == {"a": "current", "b": "current"}
    assert len(state(lake, ANSWERS)) == 2 * len(SCORES)
    assert findings(lake, SECOND) == {}


def test_an_older_word_of_another_file_speaks_again(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIRST, of_file("b", ANOTHER, "other"))
    run(lake, contracts, FIRST)
    changed = SCORES | {"mg01_necessity": 1.0}
    stage(lake, contracts, SECOND, of_file("a"), of_file("b", version=2, answers=changed))
    run(lake, contracts, SECOND)
    assert {row["version_key"] for row in state(lake)} == {digest("a#1"), digest("b#2")}
    stage(lake, contracts, THIRD, of_file("a", payload="v2"))
    run(lake, contracts, THIRD)
    assert {row["version_key"] for row in state(lake)} == {digest("a#1"), digest("b#1")}
    assert [row["score"] for row in state(lake, ANSWERS) if row["question"] == "mg01_necessity"] == [3.0, 3.0]


def test_a_response_that_is_put_back_counts_again(lake: Lake, contracts: Contracts) -> None:
    for night, names in ((FIRST, "ab"), (SECOND, "a"), (THIRD, "ab")):
        stage(lake, contracts, night, *(of_file(name, payload=night) for name in names))
        run(lake, contracts, night)
    assert standings(lake, *"ab") == {"a": "current", "b": "current"}
    assert findings(lake, SECOND) == {"response_left_out": 1}
    assert findings(lake, THIRD) == {}


def test_a_corrected_row_is_told_as_that_and_counts_once(lake: Lake, contracts: Contracts) -> None:
    """Without a uuid the content is the name: the row before is gone, its respondent is not."""
    stage(lake, contracts, FIRST, of_file("a"), of_file("b"))
    run(lake, contracts, FIRST)
    corrected = of_file("b corrected", payload="v2", who="b", answers=SCORES | {"mg01_necessity": 1.0})
    stage(lake, contracts, SECOND, of_file("a", payload="v2"), corrected)
    run(lake, contracts, SECOND)
    assert standings(lake, "a", "b", "b corrected") == {"a": "current", "b": "deleted", "b corrected": "current"}
    (found,) = told(lake, SECOND, "response_left_out")
    assert "0 respondents no longer count; 1 still" in found["reason_en"]


def test_who_still_counts_by_another_file_is_told_as_that(lake: Lake, contracts: Contracts) -> None:
    first, again = of_file("a"), of_file("a too", ANOTHER, "other", who="a", submitted_at=MORNING.replace(day=9))
    older = of_file("b older", who="b", submitted_at=MORNING.replace(day=8))
    stage(lake, contracts, FIRST, first, again, of_file("b"), older, of_file("c"))
    run(lake, contracts, FIRST)
    assert standings(lake, "a too")["a too"] == "superseded"
    stage(lake, contracts, SECOND, of_file("c", payload="v2"))
    run(lake, contracts, SECOND)
    assert standings(lake, "a", "a too")["a too"] == "current"
    (found,) = told(lake, SECOND, "response_left_out")
    assert " 3 responses" in found["reason_en"]
    assert "1 respondents no longer count; 1 still" in found["reason_en"]
    assert "1 người trả lời không còn được tính; 1 người" in found["reason_vi"]


def test_a_file_that_lands_under_a_night_before_a_newer_version_is_told_there(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, SECOND, of_file("a", payload="new"))
    run(lake, contracts, SECOND)
    assert findings(lake, SECOND) == {}
    stage(lake, contracts, FIRST, of_file("a", payload="old"), of_file("b", payload="old"))
    results = run(lake, contracts, FIRST)
    assert standings(lake, "a", "b") == {"a": "current", "b": "deleted"}
    check_counts(results, lake, FIRST)
    assert findings(lake, FIRST) == {"file_older_than_known": 1}
    (found,) = told(lake, FIRST, "file_older_than_known")
    assert (found["payload"], found["value"]) == (digest("old"), "2026-1")
    assert f"night {SECOND}, which lacks 1 responses" in found["reason_en"]


def test_a_refused_row_that_a_file_leaves_out_is_no_longer_counted(lake: Lake, contracts: Contracts) -> None:
    wrong = of_file("wrong", respondent_type="enterprise", who="2399999999")
    stage(lake, contracts, FIRST, of_file("a"), wrong)
    run(lake, contracts, FIRST)
    assert standings(lake, "a", "wrong") == {"a": "current", "wrong": "unknown_enterprise"}
    right = of_file("right", payload="v2", respondent_type="enterprise", who="E0001")
    stage(lake, contracts, SECOND, of_file("a", payload="v2"), right)
    run(lake, contracts, SECOND)
    assert standings(lake, "a", "wrong", "right") == {"a": "current", "right": "current"}
    assert findings(lake, SECOND) == {}
    check_counts(run(lake, contracts, FIRST), lake, FIRST)


def test_of_two_payloads_of_a_name_in_one_night_the_last_that_landed_is_the_file(
    lake: Lake, contracts: Contracts
) -> None:
    old = [of_file(name, payload="z", file_version=1) for name in "ab"]
    new = [of_file(name, payload="b", file_version=2) for name in "ac"]
    stage(lake, contracts, FIRST, *old, *new)
    results = run(lake, contracts, FIRST)
    assert standings(lake, *"abc") == {"a": "current", "b": "deleted", "c": "current"}
    assert [row["_payload"] for row in state(lake) if row["response_id"] == digest("a")] == [digest("b")]
    check_counts(results, lake, FIRST)
    (found,) = told(lake, FIRST, "response_left_out")
    assert found["payload"] == digest("b")


def test_a_second_entry_speaks_for_nobody_when_its_first_is_left_out(lake: Lake, contracts: Contracts) -> None:
    form = {"channel": "paper", "submitted_at": MORNING.replace(hour=0)}
    first, second = (of_file("p", version=number, entry=entry, _line=number, **form)
                     for number, entry in enumerate(("first", "second"), 1))  # fmt: skip
    stage(lake, contracts, FIRST, first, second | {"file_key": ANOTHER, "_payload": digest("other")}, of_file("a"))
    run(lake, contracts, FIRST)
    stage(lake, contracts, SECOND, of_file("a", payload="v2"))
    results = run(lake, contracts, SECOND)
    assert standings(lake, "p", "a") == {"p": "second_entry_alone", "a": "current"}
    check_counts(results, lake, SECOND)
    assert findings(lake, SECOND) == {"second_entry_alone": 1}


# ---- the order of nights ---------------------------------------------------------------------------------------------

NIGHTS = (FIRST, SECOND, THIRD)


def stage_a_history(lake: Lake, contracts: Contracts, nights: tuple[str, ...] = NIGHTS) -> None:
    """A file that is sent every night, less and more each time; another holds one of its responses, too."""
    moved = {"round_code": "2025-2", "submitted_at": MORNING.replace(year=2025, month=10)}
    sent = {FIRST: "abcd", SECOND: "ace", THIRD: "ae"}
    for night in nights:
        rows = [of_file(name, payload=night) for name in sent[night]]
        if night == SECOND:
            rows += [of_file("d", ANOTHER, "other"), of_file("m", ANOTHER, "other")]
            # Of another round since the night before.
            rows.append(of_file("b", version=2, payload=night, **moved))
        if night == THIRD:
            rows.append(of_file("x", payload=night, **moved))
        stage(lake, contracts, night, *rows)


@pytest.mark.slow
def test_nights_of_files_in_any_order_give_the_same_state(tmp_path: Path, contracts: Contracts) -> None:
    states = []
    for number, order in enumerate([*permutations(NIGHTS), (FIRST, FIRST, SECOND, SECOND, THIRD, SECOND)]):
        lake = Lake(tmp_path / str(number))
        register(lake, contracts, "2026-03-01")
        stage_a_history(lake, contracts)
        for night in order:
            run(lake, contracts, night)
        states.append(everything(lake))
    as_they_came = Lake(tmp_path / "as they came")
    register(as_they_came, contracts, "2026-03-01")
    for night in NIGHTS:
        stage_a_history(as_they_came, contracts, (night,))
        run(as_they_came, contracts, night)
    states.append(everything(as_they_came))
    assert all(one == states[0] for one in states)
    found = {row["response_id"]: row["standing"] for row in states[0][f"{RESPONSES}/{PART}"]}
    wanted = {"a": "current", "c": "deleted", "d": "current", "e": "current", "m": "current"}
    assert {name: found.get(digest(name)) for name in wanted} == wanted
    earlier = {row["response_id"]: row["standing"] for row in states[0][f"{RESPONSES}/round=indicator_set.2025-2"]}
    assert earlier == {digest("x"): "current", digest("b"): "deleted"}


def test_a_night_that_lost_its_file_gives_back_what_that_left_out(lake: Lake, contracts: Contracts) -> None:
    stage_a_history(lake, contracts)
    for night in NIGHTS:
        run(lake, contracts, night)
    assert standings(lake, *"abcdem")["c"] == "deleted"
    stage(lake, contracts, THIRD)
    run(lake, contracts, THIRD)
    found = standings(lake, *"abcdem")
    assert (found["c"], found["e"]) == ("current", "current")


# ---- one respondent, one moment --------------------------------------------------------------------------------------


def of_moment(name: str, night: str, line: int, necessity: float, **more: Any) -> Row:
    """An answer of E0001 at the same second as all its others."""
    answers = SCORES | {"mg01_necessity": necessity}
    return response(name, answers=answers, _line=line, _payload=digest("one file"), _file="a.csv", **more)


def test_of_answers_of_one_moment_the_one_that_came_last_counts_and_differences_are_told(
    lake: Lake, contracts: Contracts
) -> None:
    rows = [of_moment(name, FIRST, line, line) for name, line in (("a", 3), ("b", 12), ("c", 5))]
    stage(lake, contracts, FIRST, *rows, of_moment("early", FIRST, 99, 1.0, submitted_at=MORNING.replace(hour=7)))
    results = run(lake, contracts, FIRST)
    rest = {"a": "superseded", "c": "superseded", "early": "superseded"}
    assert standings(lake, "a", "b", "c", "early") == rest | {"b": "current"}
    (found,) = told(lake, FIRST, "answers_same_moment")
    assert (found["line"], found["value"]) == (12, "2026-03-10 08:00:00")
    assert "a.csv 3, a.csv 5" in found["reason_vi"]
    assert " 3 " in f" {found['reason_en']}"
    assert [check.name for check in results[RESPONSES].checks if not check.passed] == ["keys"]
    stage(lake, contracts, SECOND, of_moment("d", SECOND, 1, 2.0))
    run(lake, contracts, SECOND)
    assert standings(lake, "a", "b", "c", "d", "early") == rest | {"b": "superseded", "d": "current"}
    assert findings(lake, SECOND) == {"answers_same_moment": 1}
    run(lake, contracts, FIRST)
    assert standings(lake, "a", "b", "c", "d", "early") == rest | {"b": "superseded", "d": "current"}


def test_equal_answers_of_one_moment_are_not_told(lake: Lake, contracts: Contracts) -> None:
    rows = [of_moment(name, FIRST, line, 4.0) for name, line in (("a", 3), ("b", 4))]
    other = of_moment("other", FIRST, 5, 1.0, who="E0002")
    stage(lake, contracts, FIRST, *rows, other)
    run(lake, contracts, FIRST)
    assert standings(lake, "a", "b", "other") == {"a": "superseded", "b": "current", "other": "current"}
    assert findings(lake, FIRST) == {}


def test_an_answer_more_is_a_difference_and_one_that_decides_nothing_is_not_told(
    lake: Lake, contracts: Contracts
) -> None:
    more = of_moment("b", FIRST, 4, 3.0)
    more["answers"]["mg06_cost"] = 2.0
    stage(lake, contracts, FIRST, of_moment("a", FIRST, 3, 3.0), more)
    run(lake, contracts, FIRST)
    assert findings(lake, FIRST) == {"answers_same_moment": 1}
    stage(lake, contracts, SECOND, of_moment("later", SECOND, 1, 5.0, submitted_at=MORNING.replace(hour=9)))
    run(lake, contracts, SECOND)
    run(lake, contracts, FIRST)
    assert findings(lake, FIRST) == {}
    assert state(lake)[0]["submitted_at"].date() == date(2026, 3, 10)


# ---- a form that stands twice in its workbook ------------------------------------------------------------------------


@pytest.mark.parametrize("nights", [(FIRST,), (FIRST, SECOND)])
def test_of_a_form_typed_several_times_in_a_workbook_the_last_line_counts(
    lake: Lake, contracts: Contracts, nights: tuple[str, ...]
) -> None:
    """Whatever day was typed into it, and whichever of the lines was known the night before."""
    days = {2: MORNING.replace(day=9, hour=0), 11: MORNING.replace(day=5, hour=0), 3: MORNING.replace(day=8, hour=0)}
    rows = [
        of_file("p", version=line, channel="paper", entry="first", _line=line, submitted_at=day,
                _payload=digest("book"), ended_at=None)
        for line, day in days.items()
    ]  # fmt: skip
    stage(lake, contracts, nights[-1], *rows)
    if len(nights) > 1:
        stage(lake, contracts, nights[0], rows[1])
    for night in nights:
        run(lake, contracts, night)
    (row,) = state(lake)
    assert row["_line"] == 11
    assert {row["version_key"] for row in state(lake, ANSWERS)} == {digest("p#11")}
