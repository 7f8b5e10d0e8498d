"""Nights of stations: late, resent, corrected and spoiled files over five nights, and a server that is dead."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline_tests.end_to_end import stations as compare
from kcn_pipeline_tests.end_to_end.installation import Installation, make_installation
from kcn_pipeline_tests.simulate import Truth, make_fleet, make_truth
from kcn_pipeline_tests.simulate.province import FIRST_PARKS
from kcn_pipeline_tests.simulate.stations import tabulate
from kcn_pipeline_tests.simulate.stations.events import shuffle

#: The days are the last two of a year and the first of the next.
LAST_DAY = date(2026, 1, 1)
NIGHTS = [(LAST_DAY + timedelta(days=number)).isoformat() for number in (1, 2, 3, 4, 5)]
FEEDS: tuple[Mapping[str, Any], ...] = ({"id": "register", "kind": "register/files", "url": "register"}, *compare.FEEDS)
DEAD = {"id": "dead_server", "kind": "monitoring/station_files", "url": "ftp://127.0.0.1:9/stations"}
SEED = 24
#: What stations tell, and the register of parks.
INDICATORS = {"EN02", "EN14", "EN15", "ID02", "ID03", "ID06"}
#: Facts about stations, and the values that follow; revisions tell of nights and differ.
QUERIES = (
    "SELECT * FROM fct_monitoring_daily ORDER BY station_id, parameter_code, day",
    "SELECT * FROM fct_exceedance ORDER BY station_id, parameter_code, averaging, started_at",
    "SELECT * FROM fct_monitoring_flag ORDER BY station_id, parameter_code, flag, started_at",
    "SELECT * FROM fct_ambient_aqi ORDER BY station_id, day, parameter_code",
    """SELECT indicator_code, area_code, period_code, value, obs_status, n_reporting, n_expected
       FROM fct_indicator_value ORDER BY 1, 2, 3""",
)


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Stations of every kind whose files come in any order, and no enterprise that reports."""
    fleet = make_fleet(10, 3, LAST_DAY, seed=SEED, dirty=0.1, parks=FIRST_PARKS[:2])
    chosen = [fleet.stations[number] for number in (0, 1, 2, 5, 9)]
    plan = {one.station_id: [*fleet.plan[one.station_id], shuffle(NIGHTS)] for one in chosen}
    truth = make_truth(2, 4, 5, seed=SEED, fleet=replace(fleet, stations=chosen, plan=plan))
    return replace(truth, filings=[])


@pytest.fixture(scope="module")
def at_once(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """All files in one night, the last; another server is dead."""
    installation = make_installation(tmp_path_factory.mktemp("once"), (*FEEDS, DEAD), forgets_events=True)
    truth.write(installation.home, last_night=NIGHTS[-1])
    said = installation.refresh(NIGHTS[-1], expect=1)
    assert DEAD["id"] in said
    return installation


def _as_texts(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[Mapping[str, str]]:
    return [dict(zip(header, ("" if cell is None else str(cell) for cell in row), strict=True)) for row in rows]


@pytest.mark.slow
def test_all_at_once_is_true(at_once: Installation, truth: Truth) -> None:
    known = {name: _as_texts(*table) for name, table in tabulate(truth.history, NIGHTS[-1]).items()}
    assert len(known["days"]) > 100
    assert len(known["episodes"]) > 2
    assert len({row["rule"] for row in known["bad_lines"]}) > 5
    assert len({row["flag"] for row in known["flags"]}) > 2
    assert compare.wrong_refusals(at_once, known["bad_lines"]) == []
    assert compare.wrong_hours(at_once, known["hours"]) == []
    assert compare.wrong_days(at_once, known["days"]) == []
    assert compare.wrong_episodes(at_once, known["episodes"]) == []
    assert compare.wrong_flags(at_once, known["flags"]) == []


@pytest.mark.slow
def test_years_that_have_ended_have_their_values(at_once: Installation, truth: Truth) -> None:
    values = [value for value in truth.indicator_values(NIGHTS[-1]) if value.indicator_code in INDICATORS]
    texts = _as_texts(tuple(vars(values[0])), [tuple(vars(value).values()) for value in values])
    assert compare.wrong_values(at_once, texts, INDICATORS) == []
    figures = {(value.indicator_code, value.period_code) for value in values if value.value is not None}
    years = {code for code, period in figures if period == "2025"}
    assert INDICATORS - {"EN02"} <= years


@pytest.mark.slow
def test_five_nights_out_of_order_give_what_one_night_gives(
    at_once: Installation, truth: Truth, tmp_path: Path
) -> None:
    spread = make_installation(tmp_path / "spread", FEEDS, forgets_events=True)
    for first, night in zip(["", *NIGHTS[1:]], NIGHTS, strict=True):
        truth.write(spread.home, first, night)
        spread.refresh(night)
    for query in QUERIES:
        assert spread.query(query) == at_once.query(query)
    before = spread.digest()
    spread.replay()
    assert spread.digest() == before


@pytest.mark.slow
def test_a_dead_server_is_named_and_the_other_feeds_publish(at_once: Installation) -> None:
    assert at_once.query("SELECT count(*) AS n FROM fct_monitoring_daily WHERE n_valid > 0")[0]["n"] > 0
    (row,) = at_once.query("SELECT failures FROM audit_refresh")
    assert DEAD["id"] in row["failures"]
