"""Who may answer: lists of invitations against responses, in any order of nights, and parks that nobody can read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.indicators.surveys import compute_surveys
from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.validation.survey.nights import (
    ANSWERS,
    CODES,
    FIRST,
    INVITATIONS,
    NEW_CODE,
    ORDERS,
    PART,
    RESPONSES,
    SCORES,
    SECOND,
    THIRD,
    Row,
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


def invited_expert(who: str, line: int = 2, **more: object) -> Row:
    return invitation(who, line, respondent_type="expert", **more)


def told_on(lake: Lake, night: str) -> list[Row]:
    found = lake.read("validation", "survey_findings", night)
    return [] if found is None else found.to_pylist()


def flags(lake: Lake) -> dict[str, str | None]:
    """File → flags of the responses that count."""
    return {row["_file"].removesuffix(".json"): row["flags"] for row in state(lake)}


# ---- one night -------------------------------------------------------------------------------------------------------


def test_who_is_not_on_the_list_of_their_type_is_refused_and_an_enterprise_flagged(
    lake: Lake, contracts: Contracts
) -> None:
    people = [expert("asked", who="cg01"), expert("stranger", who="cg99")]
    managers = [response("manager", respondent_type="manager", who="ql01")]
    firms = [response("invited"), response("guest", who="E0002")]
    lists = [invited_expert("cg01"), invitation("E0001", 3)]
    stage(lake, contracts, FIRST, *people, *managers, *firms, invited=lists)
    results = run(lake, contracts, FIRST)
    expected = dict.fromkeys(("asked", "manager", "invited", "guest"), "current") | {"stranger": "not_invited"}
    assert standings(lake, *expected) == expected
    assert flags(lake) == {"asked": None, "manager": None, "invited": None, "guest": "not_invited"}
    (refused,) = quarantine(lake, FIRST)
    assert refused["_rules"] == "not_invited"
    assert "expert" in refused["_reason_en"]
    assert "cg99" not in str(refused)
    assert {row["_rules"] for row in quarantine(lake, FIRST, ANSWERS)} == {"response_refused"}
    assert len(quarantine(lake, FIRST, ANSWERS)) == len(SCORES)
    told = [row for row in told_on(lake, FIRST) if row["rule"] == "not_invited"]
    assert {row["file"] for row in told} == {"stranger.json", "guest.json"}
    assert all("from that night on" in row["action_en"] for row in told)
    (values,) = [check for check in results[RESPONSES].checks if check.name == "values"]
    assert not values.passed, "a flag alone would pass, a refusal does not"


def test_without_a_list_of_the_round_nothing_changes(lake: Lake, contracts: Contracts) -> None:
    rows = [expert("stranger", who="cg99"), response("guest")]
    stage(lake, contracts, FIRST, *rows, invited=[invited_expert("cg01", round_code="2025-2")])
    results = run(lake, contracts, FIRST)
    assert standings(lake, "stranger", "guest") == {"stranger": "current", "guest": "current"}
    assert set(flags(lake).values()) == {None}
    assert all(check.passed for check in results[RESPONSES].checks)


def test_a_list_of_which_no_row_is_accepted_is_none(lake: Lake, contracts: Contracts) -> None:
    lost = invited_expert("cg01", respondent_key=None, problem="unknown_park")
    stage(lake, contracts, FIRST, expert("a"), response("b"), invited=[lost, invitation("2399999999", 3)])
    run(lake, contracts, FIRST)
    assert standings(lake, "a", "b") == {"a": "current", "b": "current"}
    assert flags(lake) == {"a": None, "b": None}


def test_an_enterprise_invited_by_another_tax_code_is_invited(lake: Lake, contracts: Contracts) -> None:
    give_new_code(lake, contracts)
    stage(lake, contracts, FIRST, response("old"), invited=[invitation(NEW_CODE)])
    stage(lake, contracts, SECOND, response("new", who=NEW_CODE), invited=[invitation("E0001")])
    for night in (FIRST, SECOND):
        run(lake, contracts, night)
    assert flags(lake) == {"old": None, "new": None}


def test_a_trial_of_a_stranger_is_a_trial_and_a_stranger_of_no_park_a_stranger(
    lake: Lake, contracts: Contracts
) -> None:
    rows = [expert("trial", who="x", is_test=True), expert("lost", who="y", problem="unknown_park")]
    stage(lake, contracts, FIRST, *rows, invited=[invited_expert("cg01")])
    run(lake, contracts, FIRST)
    assert standings(lake, "trial", "lost") == {"trial": "test_response", "lost": "not_invited"}


@pytest.mark.parametrize("flag", ["not_invited", "unreadable_park"])
def test_a_flag_that_is_excluded_refuses(flag: str, lake: Lake, with_thresholds: Callable[..., Contracts]) -> None:
    contracts = with_thresholds(excluded_flags=(flag,))
    odd = response("odd", who="E0002", problem="unknown_park")
    stage(lake, contracts, FIRST, odd, response("good"), invited=[invitation("E0001")])
    results = run(lake, contracts, FIRST)
    assert standings(lake, "odd", "good") == {"odd": flag, "good": "current"}
    assert [check.name for check in results[RESPONSES].checks if not check.passed] == ["values"]


def test_rates_are_of_the_invited_and_count_whom_the_list_refuses(lake: Lake, contracts: Contracts) -> None:
    register(lake, contracts, more={f"E001{number}": f"230000001{number}" for number in range(5)})
    firms = [response(name, who=name) for name in CODES]
    firms += [response(f"firm {number}", who=f"230000001{number}") for number in range(5)]
    people = [expert(name, who=name) for name in ("cg01", "cg02", "cg98", "cg99")]
    lists = [invitation("E0001"), invited_expert("cg01"), invited_expert("cg02"), invited_expert("cg03")]
    stage(lake, contracts, FIRST, *firms, *people, invited=lists)
    run(lake, contracts, FIRST)
    compute_surveys(lake, contracts, FIRST)
    rates = lake.read("indicators", "survey_rates", FIRST, parts=[PART])
    assert rates is not None
    found = {row["respondent_type"]: row for row in rates.to_pylist() if row["level"] == "province"}
    names = ("n_invited", "n_received", "n_current", "n_quarantined", "n_flagged", "response_rate_pct")
    assert [found["enterprise"][name] for name in names] == [1, 8, 8, 0, 7, 100]
    assert [found["expert"][name] for name in names] == [3, 4, 2, 2, 0, pytest.approx(200 / 3)]


# ---- nights ----------------------------------------------------------------------------------------------------------


def test_a_list_that_comes_later_judges_its_round_anew_and_no_other(lake: Lake, contracts: Contracts) -> None:
    rows = [expert("asked", who="cg01"), expert("stranger", who="cg99"), response("guest")]
    earlier = expert("earlier", who="cg99", round_code="2025-2", submitted_at=rows[0]["submitted_at"].replace(2025, 10))
    stage(lake, contracts, FIRST, *rows, earlier)
    run(lake, contracts, FIRST)
    assert set(standings(lake, "asked", "stranger", "guest").values()) == {"current"}
    stage(lake, contracts, SECOND, invited=[invited_expert("cg01"), invitation("E0002", 3)])
    run(lake, contracts, SECOND)
    assert standings(lake, "asked", "stranger", "guest") == {
        "asked": "current", "stranger": "not_invited", "guest": "current"
    }  # fmt: skip
    assert flags(lake) == {"asked": None, "guest": "not_invited"}
    assert len(state(lake, ANSWERS)) == 2 * len(SCORES)
    assert lake.parts("validation", RESPONSES, SECOND) == [PART]
    assert findings(lake, SECOND) == {"refused_by_list": 1}
    (told,) = told_on(lake, SECOND)
    assert "1 responses" in told["reason_en"]
    assert "2026-1" in told["reason_en"]


def test_responses_that_a_later_list_refuses_are_told_by_sheet_with_their_lines(
    lake: Lake, contracts: Contracts
) -> None:
    at: Row = {"_payload": "p" * 64, "_file": "pppppppppppp.xlsx", "file_key": "1" * 32}
    rows = [expert(f"row {line}", who=f"cg9{line}", _sheet="sheet 1", _line=line, **at) for line in (5, 3, 2)]
    rows += [expert("second sheet", who="cg98", _sheet="sheet 2", _line=9, **at), expert("page", who="cg99", _line=7)]
    rows += [expert("asked", who="cg01", _sheet="sheet 1", _line=4, **at)]
    stage(lake, contracts, FIRST, *rows)
    run(lake, contracts, FIRST)
    stage(lake, contracts, SECOND, expert("tonight", who="cg97"), invited=[invited_expert("cg01")])
    results = run(lake, contracts, SECOND)
    told = [row for row in told_on(lake, SECOND) if row["rule"] == "refused_by_list"]
    places = {(row["file"], row["sheet"], row["line"]): row["reason_en"] for row in told}
    assert places.keys() == {
        ("pppppppppppp.xlsx", "sheet 1", 2), ("pppppppppppp.xlsx", "sheet 2", 9), ("page.json", None, 7)
    }  # fmt: skip
    first = places["pppppppppppp.xlsx", "sheet 1", 2]
    assert "3 responses" in first
    assert "(sheet sheet 1, lines 2, 3, 5)" in first
    assert not [row for row in rows if row["respondent_key"] in str(told)]
    assert (results[RESPONSES].staged, results[RESPONSES].quarantined) == (1, 1), "earlier nights stay in theirs"


def test_what_its_file_left_out_before_the_list_came_is_not_told_as_refused(lake: Lake, contracts: Contracts) -> None:
    at: Row = {"channel": "paper", "_file": "phieu.xlsx", "file_key": "1" * 32}
    stage(lake, contracts, FIRST, expert("mistyped", who="cg10", **at))
    stage(lake, contracts, SECOND, expert("corrected", who="cg01", **at))
    stage(lake, contracts, THIRD, invited=[invited_expert("cg01")])
    for night in (FIRST, SECOND, THIRD):
        run(lake, contracts, night)
    assert findings(lake, THIRD) == {}


def test_a_list_sent_again_lets_somebody_in_and_takes_somebody_off(lake: Lake, contracts: Contracts) -> None:
    rows = [expert("a", who="cg01"), expert("b", who="cg02")]
    stage(lake, contracts, FIRST, *rows, invited=[invited_expert("cg01")])
    run(lake, contracts, FIRST)
    assert standings(lake, "a", "b") == {"a": "current", "b": "not_invited"}
    stage(lake, contracts, SECOND, invited=[invited_expert("cg02")])
    run(lake, contracts, SECOND)
    assert standings(lake, "a", "b") == {"a": "not_invited", "b": "current"}
    assert {row["respondent_key"] for row in state(lake)} == {key_of("cg02", "expert")}
    # The night that took the list off is run again without it.
    stage(lake, contracts, SECOND)
    run(lake, contracts, SECOND)
    assert standings(lake, "a", "b") == {"a": "current", "b": "not_invited"}


def test_a_list_that_a_new_register_fills_judges_anew(lake: Lake, contracts: Contracts) -> None:
    """The only enterprise of the list is not known at first, so that there is no list."""
    stage(lake, contracts, FIRST, response("guest"), invited=[invitation("2300000077")])
    run(lake, contracts, FIRST)
    assert flags(lake) == {"guest": None}
    register(lake, contracts, SECOND, {"E0077": "2300000077"})
    run(lake, contracts, SECOND)
    assert flags(lake) == {"guest": "not_invited"}


def stage_lists(lake: Lake, contracts: Contracts) -> None:
    """Three nights of responses and of a list that is sent three times, the last time without two and with one."""
    lists = (["cg01", "cg02"], ["cg01", "cg02", "cg03"], ["cg03"])
    for night, names in zip((FIRST, SECOND, THIRD), lists, strict=True):
        rows = [expert(f"{who} {night}", who=who) for who in ("cg01", "cg03")]
        rows += [response(f"firm {night}", who="E0002", problem="unknown_park")]
        firms = [invitation("E0001", 9, problem="unknown_park")]
        stage(lake, contracts, night, *rows, invited=[*map(invited_expert, names), *firms])


@pytest.mark.slow
def test_lists_and_answers_of_nights_in_any_order_give_the_same_state(tmp_path: Path, contracts: Contracts) -> None:
    states = []
    for number, order in enumerate(ORDERS):
        lake = Lake(tmp_path / str(number))
        register(lake, contracts)
        stage_lists(lake, contracts)
        for night in order:
            run(lake, contracts, night)
        states.append(everything(lake))
    lake = Lake(tmp_path / "one by one")
    register(lake, contracts)
    whole = Lake(tmp_path / "all")
    stage_lists(whole, contracts)
    for night in (FIRST, SECOND, THIRD):
        for table in (RESPONSES, ANSWERS, INVITATIONS):
            rows = whole.read("staging", table, night)
            lake.replace("staging", table, night, {PART: rows} if rows is not None else {})
        run(lake, contracts, night)
    states.append(everything(lake))
    assert all(one == states[0] for one in states)
    standing = {row["_file"]: row["standing"] for row in states[0][f"{RESPONSES}/{PART}"]}
    assert {name for name in standing if name.startswith("cg")} == {f"cg03 {n}.json" for n in (FIRST, SECOND, THIRD)}
    assert len(states[0][f"survey_refused/{PART}"]) == 3


# ---- odd lists -------------------------------------------------------------------------------------------------------


def odd_lists(lake: Lake, night: str) -> dict[str, Row]:
    """The findings on lists; none has a line, a cell or a key."""
    told = {row["rule"]: row for row in told_on(lake, night) if row["rule"].startswith("list_")}
    assert {(row["scope"], row["sheet"], row["cell"], row["line"]) for row in told.values()} <= {
        ("payload", None, None, None)
    }
    assert not [name for name in (*CODES, "cg01", "cg02", "cg03") if key_of(name) in str(told)]
    return told


def test_a_list_sent_again_without_somebody_is_told(lake: Lake, contracts: Contracts) -> None:
    gone = [invited_expert("cg01"), invited_expert("cg02"), invitation("E0001"), invitation("2399999999")]
    stays = [invited_expert("cg03"), invited_expert("cg04")]
    stage(lake, contracts, FIRST, invited=[*gone, *stays])
    results = run(lake, contracts, FIRST)
    assert "list_shrunk" not in findings(lake, FIRST)
    again = [invited_expert("cg03", _file="new.xlsx"), invited_expert("cg04", list_key="2" * 32, _file="other.xlsx")]
    stage(lake, contracts, SECOND, invited=again)
    results = run(lake, contracts, SECOND)
    told = odd_lists(lake, SECOND)
    assert told.keys() == {"list_shrunk"}
    assert (told["list_shrunk"]["file"], told["list_shrunk"]["value"]) == ("new.xlsx", "2026-1")
    assert "without 3 respondents" in told["list_shrunk"]["reason_en"]
    assert "(enterprise: 1, expert: 2)" in told["list_shrunk"]["reason_en"]
    assert [check.name for check in results[INVITATIONS].checks if not check.passed] == ["volume"]


def test_a_list_that_lost_a_code_and_one_that_gained_are_told_apart(lake: Lake, contracts: Contracts) -> None:
    """A register that gives an enterprise another tax code, or a list with more names, takes nobody off."""
    give_new_code(lake, contracts)
    stage(lake, contracts, FIRST, invited=[invitation("E0001"), invited_expert("cg01")])
    stage(lake, contracts, SECOND, invited=[invitation(NEW_CODE), invited_expert("cg01"), invited_expert("cg02")])
    stage(lake, contracts, THIRD, invited=[invited_expert("cg01", respondent_key=None, problem="unknown_park")])
    for night in (FIRST, SECOND, THIRD):
        run(lake, contracts, night)
    assert odd_lists(lake, SECOND) == {}
    shrunk = [row for row in told_on(lake, THIRD) if row["rule"] == "list_shrunk"]
    assert ["without 3 respondents" in row["reason_en"] for row in shrunk] == [True]
    # An earlier night that is run again does not look at what came later.
    run(lake, contracts, FIRST)
    assert odd_lists(lake, FIRST) == {}


def test_lists_that_give_one_respondent_two_parks_are_told(lake: Lake, contracts: Contracts) -> None:
    other: Row = {"list_key": "2" * 32, "_payload": "another list", "_file": "other.xlsx", "park_code": "VSIP_BN"}
    rows = [invited_expert(who, park_code="QUE_VO") for who in ("cg01", "cg02")]
    stage(lake, contracts, FIRST, invited=[*rows, invitation("E0001", park_code="QUE_VO")])
    run(lake, contracts, FIRST)
    assert odd_lists(lake, FIRST) == {}
    stage(lake, contracts, SECOND, invited=[invited_expert("cg01", **other), invited_expert("cg03", **other)])
    run(lake, contracts, SECOND)
    told = odd_lists(lake, SECOND)
    assert told.keys() == {"list_parks_differ"}
    assert told["list_parks_differ"]["file"] == "other.xlsx"
    assert "1 respondents" in told["list_parks_differ"]["reason_en"]
    assert "moi.xlsx" in told["list_parks_differ"]["reason_en"]
    assert "came last" in told["list_parks_differ"]["action_en"]
    parks = {row["respondent_key"]: row["park_code"] for row in state(lake, INVITATIONS)}
    assert parks[key_of("cg01", "expert")] == "VSIP_BN"


def test_parks_of_a_list_that_are_not_the_registers_are_told(lake: Lake, contracts: Contracts) -> None:
    parks = {"E0001": "QUE_VO", "E0002": "QUE_VO", "E0003": "VSIP_BN", "2399999999": "VSIP_BN"}
    stage(lake, contracts, FIRST, invited=[invitation(who, park_code=park) for who, park in parks.items()])
    run(lake, contracts, FIRST)
    told = odd_lists(lake, FIRST)
    assert told.keys() == {"list_park_not_registers", "list_enterprise_unknown"}
    assert told["list_park_not_registers"]["reason_en"].startswith("2 enterprises of the invitation list moi.xlsx")
    kept = {row["respondent_key"]: row["park_code"] for row in state(lake, INVITATIONS)}
    assert kept == {key_of("E0001"): "QUE_VO", key_of("E0002"): "VSIP_BN", key_of("E0003"): "QUE_VO"}


def test_tax_codes_that_the_register_lacks_are_told_once_for_every_list(lake: Lake, contracts: Contracts) -> None:
    other: Row = {"list_key": "2" * 32, "_payload": "another list", "_file": "other.xlsx", "_line": None}
    lists = [invitation("E0001"), *(invitation(f"239999999{number}", _line=None) for number in range(3))]
    stage(lake, contracts, FIRST, invited=[*lists, invitation("2388888888", **other)])
    result = run(lake, contracts, FIRST)[INVITATIONS]
    told = [row for row in told_on(lake, FIRST) if row["rule"] == "list_enterprise_unknown"]
    assert [row["reason_en"].split(" are not")[0] for row in told] == [
        "3 tax codes of the invitation list moi.xlsx", "1 tax codes of the invitation list other.xlsx"
    ]  # fmt: skip
    assert "add the enterprise to the register" in told[0]["action_en"]
    refused = quarantine(lake, FIRST, INVITATIONS)
    assert {(row["_rules"], row["_line"]) for row in refused} == {("list_enterprise_unknown", None)}
    assert (len(refused), result.quarantined) == (4, 4)


# ---- parks -----------------------------------------------------------------------------------------------------------


def test_an_unreadable_park_of_an_enterprise_is_the_registers(lake: Lake, contracts: Contracts) -> None:
    rows = [response("firm", problem="unknown_park", _line=7), expert("person", problem="unknown_park", _line=8)]
    stage(lake, contracts, FIRST, *rows)
    run(lake, contracts, FIRST)
    assert standings(lake, "firm", "person") == {"firm": "current", "person": "unknown_park"}
    (row,) = state(lake)
    assert (row["flags"], row["problem"], row["park_code"]) == ("unreadable_park", None, None)
    assert row["enterprise_park_code"] == "QUE_VO"
    (refused,) = quarantine(lake, FIRST)
    assert (refused["_line"], "***" in refused["_reason_en"]) == (8, True)
    told = {row["rule"]: row for row in told_on(lake, FIRST)}
    assert told.keys() == {"unreadable_park", "unknown_park"}
    assert "QUE_VO" in told["unreadable_park"]["reason_en"]
    assert told["unreadable_park"]["line"] == 7


def test_an_unreadable_park_of_no_enterprise_that_is_known(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIRST, response("firm", who="2399999999", problem="unknown_park"))
    run(lake, contracts, FIRST)
    assert standings(lake, "firm") == {"firm": "unknown_enterprise"}


def test_an_invitation_with_an_unreadable_park_has_the_registers(lake: Lake, contracts: Contracts) -> None:
    lists = [
        invitation("E0003", 2, problem="unknown_park", _line=None),
        invitation("2399999999", 3, problem="unknown_park", _line=None),
        invited_expert("cg01", 4, respondent_key=None, problem="unknown_park"),
    ]
    stage(lake, contracts, FIRST, invited=lists)
    result = run(lake, contracts, FIRST)[INVITATIONS]
    (row,) = state(lake, INVITATIONS)
    assert (row["respondent_key"], row["park_code"], row["problem"]) == (key_of("E0003"), "QUE_VO", None)
    assert (result.staged, result.accepted, result.quarantined) == (3, 1, 2)
    refused = {row["_rules"]: row for row in quarantine(lake, FIRST, INVITATIONS)}
    assert {rule: row["_line"] for rule, row in refused.items()} == {"list_enterprise_unknown": None, "unknown_park": 4}
    assert "***" in refused["unknown_park"]["_reason_en"]


def test_an_invitation_whose_park_neither_list_nor_register_tells_is_refused(lake: Lake, contracts: Contracts) -> None:
    """A tax code of two enterprises of one day is in no park; nobody knows which of them is invited."""
    register(lake, contracts, more={"E0009": CODES["E0001"]})
    stage(lake, contracts, FIRST, invited=[invitation("E0001", problem="unknown_park", _line=None)])
    run(lake, contracts, FIRST)
    (refused,) = quarantine(lake, FIRST, INVITATIONS)
    assert (refused["_rules"], refused["_line"]) == ("unknown_park", None)
    assert "Park code ***" in refused["_reason_en"]


def test_a_respondent_named_twice_by_two_tax_codes_is_told_without_a_line(lake: Lake, contracts: Contracts) -> None:
    give_new_code(lake, contracts)
    lists = [invitation(NEW_CODE, _line=None), invitation("E0001", _line=None), invitation("E0002", _line=None)]
    stage(lake, contracts, FIRST, invited=lists)
    run(lake, contracts, FIRST)
    (told,) = told_on(lake, FIRST)
    assert (told["rule"], told["line"], told["value"]) == ("invited_twice", None, None)
    assert told["reason_en"].startswith("1 rows")
