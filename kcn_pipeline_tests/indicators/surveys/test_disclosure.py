"""Which parks are not shown, that nothing shown gives them away, and from which day on a round is shown at all."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcn_pipeline.indicators.surveys.disclosure import Crowd, Guests, is_published
from kcn_pipeline_tests.indicators.lakes import packaged
from kcn_pipeline_tests.indicators.surveys.rounds import with_thresholds


@pytest.mark.parametrize(
    ("parks", "total", "hidden"),
    [
        ({"A": 5, "B": 4, "C": 3}, 12, set()),
        ({"A": 5, "B": 4, "C": 2}, 11, {"C", "B"}),
        ({"A": 5, "B": 1, "C": 2}, 8, {"C", "B"}),
        ({"A": 5, "B": 1, "C": 1}, 7, {"A", "B", "C"}),
        ({"A": 5, "B": 4, "C": 2}, 12, {"C"}),
        ({"A": 4, "B": 4, "C": 2}, 10, {"C", "A"}),
        ({"A": 2}, 2, {"A"}),
        ({"A": 4, "B": 3, "C": 0}, 7, {"B", "C"}),
        ({"A": 3}, 5, {"A"}),
        ({}, 2, set()),
    ],
    ids=[
        "all are enough", "one is too few and the next goes with it", "two are too few and together enough",
        "two are too few even together", "one of no park stands beside it", "equals go by their code", "one park only",
        "that nobody answered is hidden, too", "two of no park would be told", "no park",
    ],
)  # fmt: skip
def test_hidden_parks(parks: dict[str, int], total: int, hidden: set[str]) -> None:
    assert Crowd(parks, total).find_hidden(parks, total, 3) == hidden


def test_a_question_that_nobody_of_the_hidden_answered_hides_no_more() -> None:
    assert Crowd({"A": 1, "B": 4, "C": 5}, 10).find_hidden({"A": 0, "B": 0, "C": 5}, 5, 3) == {"A", "B"}


def test_whether_the_only_enterprise_of_a_park_answered_changes_nothing_that_is_hidden() -> None:
    for others in ({"B": 3, "C": 5}, {"B": 0, "C": 5}, {"B": 4, "C": 4, "D": 9}):
        hidden = [Crowd({"A": n, **others}, n + sum(others.values())).find_unshown(3) for n in (0, 1)]
        assert hidden[0] == hidden[1]
        assert len(hidden[0]) > 1


def test_who_protects_does_not_depend_on_the_cell() -> None:
    """B has the fewest respondents of the round that are enough, so it goes with A, also where C has fewer answers."""
    crowd = Crowd({"A": 2, "B": 5, "C": 6, "D": 9}, 22)
    cells = [{"A": 2, "B": 5, "C": 6, "D": 9}, {"A": 2, "B": 5, "C": 3, "D": 9}, {"A": 0, "B": 4, "C": 3, "D": 9}]
    assert [crowd.find_hidden(cell, sum(cell.values()), 3) for cell in cells] == [{"A", "B"}] * 3
    # Who leaves a question out is hidden there with the same order of others.
    cell = {"A": 1, "B": 1, "C": 6, "D": 4}
    assert crowd.find_hidden(cell, 12, 3) == {"A", "B", "C"}


_COUNTS = st.dictionaries(st.sampled_from("ABCDEFGH"), st.tuples(st.integers(0, 9), st.integers(0, 3)))


@given(_COUNTS, st.integers(0, 4), st.integers(1, 6))
def test_the_rest_is_nobody_or_enough_or_everything(told: dict[str, tuple[int, int]], others: int, least: int) -> None:
    """Of each park some answered and some left the question out."""
    parks = {park: n for park, (n, _) in told.items()}
    total = sum(parks.values()) + others
    crowd = {park: sum(numbers) for park, numbers in told.items()}
    hidden = Crowd(crowd, sum(crowd.values()) + others).find_hidden(parks, total, least)
    shown = {park: n for park, n in parks.items() if park not in hidden}
    assert all(n >= least for n in shown.values())
    rest = total - sum(shown.values())
    assert rest == 0 or rest >= least or not shown
    if others == 0 and all(n >= least for n in parks.values()):
        assert hidden == set(), "nothing is hidden without need"


@given(_COUNTS, st.integers(0, 4), st.integers(1, 6))
def test_who_answered_cannot_be_worked_out(told: dict[str, tuple[int, int]], others: int, least: int) -> None:
    parks = {park: n for park, (n, _) in told.items()}
    crowd = Crowd(parks, sum(parks.values()) + others)
    hidden = crowd.find_unshown(least)
    shown = [n for park, n in parks.items() if park not in hidden]
    assert all(n >= least for n in shown)
    rest = crowd.total - sum(shown)
    assert rest >= least or not shown or (rest == 0 and not hidden)
    assert crowd.find_hidden(parks, crowd.total, least) == hidden


# ---- those who were invited -----------------------------------------------------------------------------------------


def invited(total: tuple[int, int] = (0, 0), **parks: tuple[int, int]) -> Crowd:
    """Of each park so many answered of so many invited; `total` are those of no park. Nobody came uninvited."""
    answered, asked = ({park: told[place] for park, told in parks.items()} for place in (0, 1))
    guests = Guests(asked, answered, sum(asked.values()) + total[1], sum(answered.values()) + total[0])
    return Crowd(answered, guests.total_answered, guests)


@pytest.mark.parametrize(
    ("parks", "hidden"),
    [
        ({"QUE": (5, 8), "QC": (4, 6), "TIEN": (3, 3), "VSIP": (2, 2)}, {"VSIP", "TIEN", "QC"}),
        ({"QUE": (5, 8), "QC": (4, 6), "TIEN": (3, 3), "VSIP": (1, 2)}, {"VSIP", "TIEN", "QC"}),
        ({"QUE": (5, 8), "QC": (4, 6), "TIEN": (3, 4), "VSIP": (2, 2)}, {"VSIP", "TIEN"}),
        ({"QUE": (5, 8), "QC": (4, 4), "TIEN": (3, 3), "VSIP": (2, 2)}, {"VSIP", "TIEN", "QC", "QUE"}),
        ({"QUE": (8, 8), "QC": (4, 4), "TIEN": (3, 3), "VSIP": (1, 2)}, {"VSIP", "TIEN"}),
        ({"QUE": (8, 8), "QC": (4, 4), "TIEN": (3, 3), "VSIP": (2, 2)}, {"VSIP", "TIEN"}),
        ({"QUE": (5, 8), "QC": (4, 6), "TIEN": (3, 3)}, set()),
        ({"QUE": (5, 8), "QC": (4, 6), "TIEN": (2, 3)}, {"TIEN", "QC"}),
        ({"QUE": (5, 8), "QC": (0, 0)}, {"QC", "QUE"}),
    ],
    ids=[
        "all of the hidden answered", "as many are hidden where one is silent", "one silent in the park that protects",
        "two that protect have none", "only the small park has a silent one", "all of the province answered",
        "nothing to protect", "a large park that few answered for", "nobody was invited",
    ],
)  # fmt: skip
def test_what_is_hidden_leaves_room_among_its_invited(parks: dict[str, tuple[int, int]], hidden: set[str]) -> None:
    assert invited(**parks).find_unshown(3) == hidden


def test_whoever_of_no_park_was_invited_is_protected_like_a_small_park() -> None:
    parks = {"QUE": (5, 8), "TIEN": (3, 3)}
    assert [invited((n, 1), **parks).find_unshown(3) for n in (0, 1)] == [{"QUE", "TIEN"}] * 2
    assert invited((4, 5), VSIP=(2, 2), **parks).find_unshown(3) == {"VSIP"}, "six, one of them silent"


def test_a_cell_of_a_question_hides_what_is_hidden_for_the_invited() -> None:
    parks = {"QUE": (5, 8), "QC": (4, 6), "TIEN": (3, 3), "VSIP": (2, 2)}
    assert invited(**parks).find_hidden({"QUE": 5, "QC": 4, "TIEN": 3, "VSIP": 0}, 12, 3) == {"VSIP", "TIEN", "QC"}


_GUESTS = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(lambda pair: (min(pair), max(pair)))


@given(st.dictionaries(st.sampled_from("ABCDEF"), _GUESTS), _GUESTS, st.integers(1, 4))
def test_of_no_hidden_park_is_certain_how_many_of_its_invited_answered(
    parks: dict[str, tuple[int, int]], of_no_park: tuple[int, int], least: int
) -> None:
    """Given all that is shown: the totals, the parks that are not hidden, and how many were invited of each."""
    crowd = invited(of_no_park, **parks)
    hidden = crowd.find_unshown(least)
    shown = [park for park in parks if park not in hidden]
    guests = crowd.guests
    assert guests is not None
    if not shown or guests.total_answered in (0, guests.total_invited):
        return  # the province alone tells
    rest = guests.total_answered - sum(parks[park][0] for park in shown)
    places = [*(parks[park][1] for park in hidden), of_no_park[1]]
    for park in hidden:
        others = sum(places) - parks[park][1]
        fewest, most = max(0, rest - others), min(parks[park][1], rest)
        assert fewest < most or parks[park][1] == 0


def test_a_round_is_shown_from_the_day_after_its_last() -> None:
    held = packaged().surveys["indicator_set"].round("2026-1")
    assert held is not None
    assert held.closes_on == date(2026, 4, 30)
    days = (date(2026, 3, 2), date(2026, 4, 30), date(2026, 5, 1))
    assert [is_published(packaged(), held, day) for day in days] == [False, False, True]
    assert is_published(with_thresholds(packaged(), publish_open_rounds=True), held, days[0])
