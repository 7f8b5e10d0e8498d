"""Values of surveys that few answered for are withheld, and as many others as the province would give them away by."""

import random
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from kcn_pipeline.warehouse import schema
from kcn_pipeline.warehouse.database import open_engine
from kcn_pipeline.warehouse.disclosure import Disclosure, Withheld, is_of_survey, withhold_few
from kcn_pipeline.warehouse.publish import publish_night
from kcn_pipeline_tests.warehouse.batches import as_arrow, batch, value

PARKS = {"A1": "A", "A2": "A", "A3": "A", "B1": "B", "B2": "B"}


def province_of(area_code: str, period_code: str) -> str | None:
    return PARKS.get(area_code)


def answers(area_code: str, n: int | None, **cells: Any) -> dict[str, Any]:
    """So many answered, one of them satisfied."""
    number = 100.0 / n if n else None
    level = "park" if len(area_code) > 1 else "province"
    row = {"level": level, "source": "survey_response", "n_reporting": n, "n_expected": n}
    return value("MG08", area_code, number, "2026") | row | cells


def of_crowd(**respondents: int | None) -> Disclosure:
    """Three must have answered; so many of each park answered the round, None where that is not shown."""
    return Disclosure(3, 3, province_of, lambda indicator, period: respondents)


def withheld(*rows: dict[str, Any], **respondents: int | None) -> set[str]:
    """The areas that are withheld; respondents of the round are those who answered, unless told."""
    crowd = {row["area_code"]: row["n_reporting"] or 0 for row in rows} | respondents
    found = list(withhold_few(rows, of_crowd(**crowd)))
    assert len(found) == len(rows)
    hidden = {row["area_code"]: row for row in found if row.get("conf_status") == "C"}
    shown = [row for row in found if row["area_code"] not in hidden]
    assert all(row in rows for row in shown), "what is shown stays as it was"
    for row in hidden.values():
        told = {row[name] for name in ("value", "numerator", "denominator", "n_reporting", "n_expected")}
        assert (told, row["obs_status"]) == ({None}, "Q")
        assert "Fewer than 3" in row["comment"]
    comments = {row["comment"] for row in hidden.values() if row["level"] == "park"}
    assert len(comments) <= 1, "a comment that differs would tell which park is the small one"
    return {*hidden}


def test_a_park_that_few_answered_for_is_withheld() -> None:
    """Seven of no park hide it among themselves."""
    assert withheld(answers("A", 14), answers("A1", 2), answers("A2", 5)) == {"A1"}


def test_a_province_that_few_answered_for_is_withheld() -> None:
    assert withheld(answers("B", 2), answers("B1", 1), answers("B2", 1)) == {"B", "B1", "B2"}
    assert withheld(answers("B", 3), answers("B1", 1), answers("B2", 2)) == {"B1", "B2"}
    assert withheld(answers("B", 0), answers("A", None)) == set()


def test_three_are_enough() -> None:
    assert withheld(answers("A", 8), answers("A1", 3), answers("A2", 5)) == set()


def test_the_smallest_other_park_protects_the_only_one() -> None:
    rows = [answers("A", 12), answers("A1", 1), answers("A2", 6), answers("A3", 5)]
    assert withheld(*rows) == {"A1", "A3"}


def test_which_park_protects_goes_by_the_respondents_of_the_round() -> None:
    """Else a park would be shown until another had fewer answers, and what was hidden in its place before."""
    for answered in (4, 6):
        rows = [answers("A", 6 + answered), answers("A1", 1), answers("A2", 5), answers("A3", answered)]
        assert withheld(*rows, A2=7, A3=9) == {"A1", "A2"}


def test_two_that_one_answered_for_each_need_a_third() -> None:
    rows = [answers("A", 8), answers("A1", 1), answers("A2", 1), answers("A3", 6)]
    assert withheld(*rows) == {"A1", "A2", "A3"}


def test_provinces_do_not_protect_each_other() -> None:
    rows = [answers("A", 7), answers("A1", 1), answers("A2", 6), answers("B", 10), answers("B1", 4), answers("B2", 6)]
    assert withheld(*rows) == {"A1", "A2"}


@pytest.mark.parametrize("n", [0, None])
def test_what_nobody_answered_for_is_missing_and_not_withheld(n: int | None) -> None:
    assert withheld(answers("A", 6), answers("A1", n), answers("A2", 6)) == set()


def test_a_park_whose_response_rate_is_not_shown_is_withheld_whoever_answered() -> None:
    """Missing in place of withheld would tell that nobody did; where nothing is counted there is nothing to tell."""
    for n in (0, 2, 7):
        rows = [answers("A", 12 + n), answers("A1", n), answers("A2", 12)]
        assert withheld(*rows, A1=None) == ({"A1", "A2"} if n == 2 else {"A1"})
    assert withheld(answers("A", None), answers("A1", None), A1=None) == set()


def test_whatever_is_shown_the_rest_of_a_province_is_of_enough_people() -> None:
    dice = random.Random(3)
    for _ in range(300):
        counts = {park: dice.choice([0, 1, 1, 2, 3, 4, 7]) for park in PARKS}
        of_no_park = dice.choice([0, 0, 1, 5])
        rows = [answers(park, n) for park, n in counts.items()]
        totals = {p: of_no_park + sum(n for park, n in counts.items() if PARKS[park] == p) for p in "AB"}
        hidden = withheld(*rows, *(answers(province, n) for province, n in totals.items()))
        for province, total in totals.items():
            shown = [n for park, n in counts.items() if PARKS[park] == province and park not in hidden]
            rest = total - sum(shown)
            assert (province in hidden) == (0 < total < 3)
            assert all(n >= 3 for n in shown if n)
            assert rest == 0 or rest >= 3 or not any(shown)


def test_only_values_of_surveys_are_withheld() -> None:
    other = value("MG01", "A1", 70.0, source="register_land", n_reporting=1)
    rows = [other, answers("A1", 1)]
    found = Withheld(rows, of_crowd())
    assert [row["value"] for row in found] == [70.0, None]
    assert [row["value"] for row in found] == [70.0, None], "it can be read again"
    assert is_of_survey("register_enterprises+survey_response")
    assert not is_of_survey("survey_response_times")
    assert not is_of_survey(None)


def test_what_is_withheld_is_published_as_confidential(warehouse_url: str) -> None:
    """In the period of the batches, of an indicator that it knows."""
    cells = {"indicator_code": "MG01", "period_code": "2026-Q1", "level": "park"}
    rows = as_arrow([answers("BN", 9, **cells | {"level": "province"}), answers("QUE_VO", 2, **cells)])
    held = Withheld(rows, Disclosure(3, 3, lambda area, period: "BN", lambda indicator, period: {}))
    publish_night(warehouse_url, replace(batch(), values=held))
    v = schema.fct_indicator_value.c
    names = select(v.area_code, v.numerator, v.obs_status, v.conf_status, v.n_reporting).order_by(v.area_code)
    with open_engine(warehouse_url).connect() as connection:
        found = [tuple(row) for row in connection.execute(names)]
    assert found == [("BN", pytest.approx(100 / 9), "A", "N", 9), ("QUE_VO", None, "Q", "C", None)]
