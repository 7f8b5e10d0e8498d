"""A form with 2,500 submissions on a KoboToolbox server, followed over nights of edits, deletions and new versions."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.end_to_end.differences import find_differences
from kcn_pipeline_tests.end_to_end.installation import ROOT, Installation, make_installation
from kcn_pipeline_tests.end_to_end.kobo_people import NEW, RENAMED, People
from kcn_pipeline_tests.end_to_end.surveys import find_planted
from kcn_pipeline_tests.landing.kobo_server import KoboServer, serve_kobo
from kcn_pipeline_tests.simulate.__main__ import SAMPLE_SEED
from kcn_pipeline_tests.simulate.periods import quarters_from
from kcn_pipeline_tests.simulate.province import FIRST_PARKS, make_province
from kcn_pipeline_tests.simulate.surveys import SurveyState
from kcn_pipeline_tests.simulate.surveys.history import identities_of
from kcn_pipeline_tests.simulate.surveys.kobo import Export
from kcn_pipeline_tests.simulate.surveys.people import make_firm, make_workers
from kcn_pipeline_tests.simulate.surveys.questionnaire import read_questionnaire
from kcn_pipeline_tests.simulate.surveys.tables import RATES, text_cells

#: Whole nights; what they prove is proved in small by the default tests.
pytestmark = pytest.mark.slow

SUBMISSIONS, FIRMS = 2_500, 60
PER_PARK = (SUBMISSIONS - FIRMS) // len(FIRST_PARKS)
NIGHTS = ["2026-08-11", "2026-08-12", "2026-08-13", "2026-08-14", "2026-08-15"]
REGISTER = {
    "id": "register",
    "kind": "register/files",
    "url": str(ROOT / "data" / "inputs" / "register"),
    "include": ["register_2026-07-31.xlsx"],
}
MEASURES = {"service_satisfaction_1_5": "MG08", "social_infrastructure_satisfaction_1_5": "SO11"}


@pytest.fixture(scope="module")
def server() -> Iterator[KoboServer]:
    with pytest.MonkeyPatch.context() as patch, serve_kobo() as server:
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        patch.setenv("KCN_KOBO_TOKEN", server.token)
        yield server


@pytest.fixture(scope="module")
def people(server: KoboServer) -> People:
    """Sixty firms of the register and 2,440 workers of five parks, all of whom have answered."""
    from kcn_pipeline.contracts import load_contracts

    province = make_province(load_contracts(), 5, FIRMS, quarters_from("2025-Q1", 6), SAMPLE_SEED)
    day = read_questionnaire("satisfaction").rounds["2025"].opens_on
    firms = [make_firm(SAMPLE_SEED, firm, firm.tax_code_on(day)) for firm in province.enterprises]
    people = People(server, seed=5)
    people.send(firms + make_workers(5, dict.fromkeys(FIRST_PARKS, PER_PARK)))
    assert len(people.replies) == SUBMISSIONS
    return people


@pytest.fixture(scope="module")
def installation(server: KoboServer, people: People, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    kobo = {"id": "kobo", "kind": "survey/kobo", "url": server.url, "token": "${KCN_KOBO_TOKEN}", "forms": [people.uid]}
    exports = {"id": "exports", "kind": "survey/files", "url": "exports"}
    return make_installation(tmp_path_factory.mktemp("kobo"), (REGISTER, kobo, exports), forgets_events=True)


def _check(installation: Installation, state: SurveyState) -> None:
    """Response rates, what indicators read, and their values are true."""
    rows = installation.query("SELECT * FROM fct_survey_response")
    truth = [dict(zip(RATES, text_cells(row, RATES), strict=True)) for row in state.rates()]
    keys = ("survey_id", "round_code", "respondent_type", "level", "area_code")
    assert find_differences(truth, rows, keys, tuple(RATES[5:-1]), RATES[-1:]) == []
    (part,) = Lake(installation.data).slices("indicators", "survey_response", parts=["period=2025"])[-1:]
    for measure, indicator in MEASURES.items():
        told = state.measured(measure, "2025")
        read = Lake(installation.data).read_slice(part, ["park_code", measure]).to_pylist()
        assert Counter((row["park_code"], row["score"]) for row in told) == Counter(
            (row["park_code"], row[measure]) for row in read if row[measure] is not None
        )
        assert _values(installation, indicator) == _shares(told)


def _values(installation: Installation, indicator: str) -> dict[str, Any]:
    sql = "SELECT * FROM fct_indicator_value WHERE indicator_code = ? AND period_code = '2025' AND value IS NOT NULL"
    return {row["area_code"]: pytest.approx(row["value"]) for row in installation.query(sql, indicator)}


def _shares(told: list[dict[str, Any]]) -> dict[str, float]:
    """The percentage who scored 4 or 5, by park."""
    counts = Counter(row["park_code"] for row in told)
    agreeing = Counter(row["park_code"] for row in told if row["score"] >= 4)
    return {park: 100 * agreeing[park] / n for park, n in counts.items()}


def test_first_night_brings_all_2500(installation: Installation, people: People, server: KoboServer) -> None:
    installation.refresh(NIGHTS[0])
    state = people.state()
    assert sum(one.standing == "current" for one in state.outcomes) == SUBMISSIONS
    _check(installation, state)
    assert max(Counter(_asked_for(address) for address in server.asked).values()) >= 3


def _asked_for(address: str) -> str:
    return "listing" if "fields" in address else "data"


def test_second_night_brings_edits_deletions_reviews_and_a_new_version(
    installation: Installation, people: People
) -> None:
    # An export of yesterday comes only now: what has been edited or deleted since stays as it is.
    old = Export(people.form, RENAMED).write_csv([people.replies[serial] for serial in range(90, 200)])
    (installation.home / "exports" / "export_of_yesterday.csv").write_bytes(old)
    people.version = NEW
    people.edit(range(10, 900, 13))
    people.delete(range(100, 1000, 45))
    people.review(range(1200, 1210), "approved")
    # Some who answered answer again, and somebody new comes.
    again = [people.replies[serial].respondent for serial in range(1500, 1900, 20)]
    people.send(again + make_workers(5, {"QUE_VO": PER_PARK + 3})[PER_PARK:])
    installation.refresh(NIGHTS[1])
    state = people.state()
    counts = Counter(one.standing for one in state.outcomes)
    assert counts["deleted"] == 20
    assert counts["superseded"] == 20
    assert Counter(one.reply.version for one in state.outcomes)[NEW] > 80
    _check(installation, state)


def test_a_night_without_news_lands_nothing(installation: Installation, people: People) -> None:
    before, packs = installation.digest(), Lake(installation.data).packs("kobo")
    installation.refresh(NIGHTS[2])
    assert Lake(installation.data).packs("kobo") == packs
    assert installation.digest() == before
    _check(installation, people.state())


def test_who_deletes_the_newer_answer_is_counted_by_the_older_one(installation: Installation, people: People) -> None:
    second_answers = [serial for serial in people.sent() if serial > SUBMISSIONS]
    people.delete(second_answers[:5])
    people.edit([*second_answers[5:8], 23, 36])
    installation.refresh(NIGHTS[3])
    counts = Counter(one.standing for one in people.state().outcomes)
    assert counts["superseded"] == 15
    _check(installation, people.state())


def test_a_form_that_was_emptied_is_not_taken_for_2500_deletions(
    installation: Installation, people: People, server: KoboServer
) -> None:
    before, held = installation.digest(), server.forms[people.uid]
    server.forms[people.uid] = {}
    said = installation.refresh(NIGHTS[4], expect=1)
    server.forms[people.uid] = held
    assert "kobo" in said
    assert installation.digest() == before


def test_nobody_is_named(installation: Installation, people: People) -> None:
    planted = {text for serial in range(50, 2500, 25) for text in identities_of(people.replies[serial])}
    assert len(planted) > 500
    assert find_planted(installation, planted) == []


@pytest.mark.slow
def test_replay_rebuilds_every_row(installation: Installation, tmp_path: Path) -> None:
    before = installation.digest()
    installation.run_here("replay")
    assert installation.digest() == before
