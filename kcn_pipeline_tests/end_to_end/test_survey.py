"""Surveys from files and from a server to ratings: every answer as it was meant, and nobody's name outside landing."""

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.lake import Lake
from kcn_pipeline.secrecy import KEY_FILE
from kcn_pipeline_tests.end_to_end import surveys as compare
from kcn_pipeline_tests.end_to_end.installation import ROOT, Installation, make_installation
from kcn_pipeline_tests.simulate import Truth, make_truth
from kcn_pipeline_tests.simulate.__main__ import SAMPLE_NIGHT, SAMPLE_SEED
from kcn_pipeline_tests.simulate.surveys import SurveyState
from kcn_pipeline_tests.simulate.surveys.outcome import Outcome
from kcn_pipeline_tests.simulate.surveys.questionnaire import Questionnaire, read_questionnaire
from kcn_pipeline_tests.simulate.surveys.replies import Reply

INPUTS = ROOT / "data" / "inputs"
FEEDS: tuple[Mapping[str, Any], ...] = (
    {
        "id": "register",
        "kind": "register/files",
        "url": str(INPUTS / "register"),
        "include": ["register_2026-07-31.xlsx"],
    },
    {"id": "surveys", "kind": "survey/files", "url": str(INPUTS / "surveys")},
)
#: A comment that tells who wrote it is in this file.
TELLING = "kobo_2026-1/aQk7Zr2mWc9Tn4Xb6Hs3Ld/data-1.json"


@pytest.fixture(scope="module")
def truth() -> Truth:
    return make_truth(seed=SAMPLE_SEED, every_case=True)


@pytest.fixture(scope="module")
def state(truth: Truth) -> SurveyState:
    return truth.surveys.state(SAMPLE_NIGHT)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The tracked surveys and the register they need, in one night."""
    installation = make_installation(tmp_path_factory.mktemp("surveys"), FEEDS, forgets_events=True)
    installation.refresh(SAMPLE_NIGHT)
    return installation


# ---- every answer ----------------------------------------------------------------------------------------------------


def test_every_answer_of_every_file_is_staged_as_it_was_meant(sample: Installation, truth: Truth) -> None:
    lake = Lake(sample.data)
    responses, answers = (_rows(lake, "staging", name) for name in ("survey_responses", "survey_answers"))
    given: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row in answers:
        given[row["_payload"], row["_line"]].append(row)
    by_payload: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(responses, key=lambda row: row["_line"]):
        by_payload[row["_payload"]].append(row)
    count, wrong = 0, []
    for file in truth.surveys.written.files:
        payload = sha256((INPUTS / file.path).read_bytes()).hexdigest()
        assert len(by_payload[payload]) == len(file.replies), file.path
        for row, reply in zip(by_payload[payload], file.replies, strict=True):
            count += len(reply.scores)
            wrong += _misread(row, given[payload, row["_line"]], reply)
    assert wrong == []
    assert count > 30_000


def _misread(row: Mapping[str, Any], answers: list[dict[str, Any]], reply: Reply) -> list[str]:
    """What staging made of a reply and was not meant."""
    scores = {one["question"]: one["score"] for one in answers if one["criterion"] or one["measure"]}
    lost = {one["question"]: one["problem"] for one in answers if one["problem"]}
    commented = {one["question"] for one in answers if one["comment"] and one["indicator_code"]}
    checks = {
        "scores": ({name: score for name, score in scores.items() if score is not None}, reply.scores),
        "lost": (lost, reply.lost),
        "comments": (commented, {name for name in reply.comments if name != "general_comment"}),
        "submitted_at": (row["submitted_at"], reply.submitted_at),
        "version": (row["form_version"] or "", reply.version),
    }
    place = f"{row['_file']} {row['_line']}"
    return [f"{place} {name}: {found} / {meant}" for name, (found, meant) in checks.items() if found != meant]


def _rows(lake: Lake, stage: str, table: str) -> list[dict[str, Any]]:
    found = lake.read(stage, table)
    return [] if found is None else found.to_pylist()


def test_every_reply_is_refused_superseded_or_flagged_as_it_should(sample: Installation, state: SurveyState) -> None:
    lake = Lake(sample.data)
    rules = Counter(rule for row in _rows(lake, "quarantine", "survey_responses") for rule in row["_rules"].split("; "))
    assert rules == Counter(state.refused())
    accepted = _rows(lake, "validation", "survey_responses")
    standings = Counter((row["survey_id"], row["round_code"], row["standing"]) for row in accepted)
    wanted = Counter(
        (one.reply.survey_id, one.round_code, one.standing) for one in state.outcomes if not one.reply.refused
    )
    # A submission that came by two ways, or a paper form typed twice, is staged twice and counts once.
    assert {key: n for key, n in standings.items() if key[2] == "current"} == {
        key: n for key, n in wanted.items() if key[2] == "current"
    }
    flags = Counter(
        flag for row in accepted if row["standing"] == "current" for flag in (row["flags"] or "").split(",")
    )
    assert flags - Counter({"": flags[""]}) == Counter(flag for one in _current(state) for flag in one.reply.flags)


def _current(state: SurveyState) -> list[Outcome]:
    return [one for one in state.outcomes if one.standing == "current"]


def test_nobody_counts_twice(sample: Installation) -> None:
    rows = [row for row in _rows(Lake(sample.data), "validation", "survey_responses") if row["standing"] == "current"]
    keys = Counter((row["survey_id"], row["round_code"], row["respondent_type"], row["respondent_key"]) for row in rows)
    assert max(keys.values()) == 1
    assert len(keys) > 200


def test_every_figure_of_a_park_is_true(sample: Installation, state: SurveyState) -> None:
    """All ratings; the files of the truth hold those of parks for necessity only."""
    names = ("n", "n_asked", "mean", "sd", "wilson_low", "conf_status")
    key = ("survey_id", "round_code", "indicator_code", "criterion", "respondent_type", "area_code")
    rows = sample.query("SELECT * FROM fct_indicator_rating WHERE level = 'park'")
    found = {tuple(row[name] for name in key): row for row in rows}
    wanted = {tuple(row[name] for name in key): row for row in state.ratings() if row["level"] == "park"}
    assert found.keys() == wanted.keys()
    wrong = [(k, name) for k, row in wanted.items() for name in names if not _same(row.get(name), found[k][name])]
    assert wrong == []
    assert len(wanted) > 3500


def _same(one: Any, other: Any) -> bool:
    return one == (pytest.approx(other, rel=1e-9) if isinstance(other, float) else other)


def test_verdicts_give_their_reasons(sample: Installation) -> None:
    rows = sample.query("SELECT * FROM mart_indicator_assessment")
    assert len(rows) >= 70
    for row in sample.query("SELECT * FROM fct_indicator_assessment"):
        for text in (row["reason_vi"], row["reason_en"]):
            assert text
            assert "{" not in text
        if row["verdict"] == "keep":
            shown = f"{row['necessity_mean']:.3f}".rstrip("0").rstrip(".")
            assert f"mean {shown} " in row["reason_en"]
            assert f"trung bình {shown.replace('.', ',')} " in row["reason_vi"]


# ---- nobody's name ---------------------------------------------------------------------------------------------------


def test_planted_identities_are_nowhere_but_in_landing(sample: Installation, truth: Truth) -> None:
    planted = truth.surveys.planted
    assert len(planted) > 500
    said = [(sample.home / "refreshed").read_text("utf-8")]
    for command in (["catalog"], ["digest"]):
        code, text = sample.run_here(*command)
        assert code == 0, text
        said.append(text)
    assert compare.find_planted(sample, planted, said) == []


def test_the_search_finds_what_is_there(sample: Installation, truth: Truth) -> None:
    """The search itself: it finds a name in a table and a telephone number in a log."""
    lake, person = Lake(sample.data), truth.surveys.written.files[0].replies[0].respondent.person
    leak = sample.data / "leak.log"
    leak.write_text(f"call {person.phone[:4]} {person.phone[4:7]} {person.phone[7:]} {json.dumps(person.name)}")
    try:
        found = compare.find_planted(sample, [person.phone, person.name, person.email])
    finally:
        leak.unlink()
    assert found == [f"leak.log: {person.phone}", f"leak.log: {person.name}"]
    assert any(person.name.encode() in content for content in _payloads(lake))


def _payloads(lake: Lake) -> list[bytes]:
    import pyarrow.parquet as pq

    packs = [pq.read_table(path, partitioning=None) for path in lake.packs("surveys")]
    return [content for pack in packs for content in pack.column("content").to_pylist()]


def test_showing_a_payload_warns_of_personal_data(sample: Installation) -> None:
    shown = sample.kcn("show", TELLING)
    assert shown.returncode == 0
    assert "personal data" in shown.stderr.lower() or "dữ liệu cá nhân" in shown.stderr.lower()


def test_comments_are_masked_and_kept(sample: Installation) -> None:
    rows = sample.query("SELECT comment FROM fct_indicator_comment WHERE indicator_code = 'MG03'")
    masked = [row["comment"] for row in rows if "Liên hệ" in row["comment"]]
    assert len(masked) == 2
    for comment in masked:
        assert comment.startswith("Nên làm rõ công thức.")
        assert "@" not in comment
        assert not any(sign.isdigit() for sign in comment)


@pytest.mark.slow
def test_respondent_keys_depend_on_the_installation(alone: Installation, tmp_path: Path) -> None:
    """The same files give other keys with another secret, and the same figures."""
    other = make_installation(tmp_path / "other", FEEDS, forgets_events=True)
    other.refresh(SAMPLE_NIGHT)
    keys = [
        {row["respondent_key"] for row in _rows(Lake(one.data), "validation", "survey_responses")}
        for one in (alone, other)
    ]
    assert keys[0]
    assert not keys[0] & keys[1]
    assert other.digest() == alone.digest()


# ---- nights ----------------------------------------------------------------------------------------------------------

#: What surveys say, without what tells of nights.
QUERIES = (
    "SELECT * FROM fct_indicator_rating ORDER BY 1, 2, 3, 4, 5, 6",
    "SELECT * FROM fct_survey_statistic ORDER BY 1, 2, 3, 4",
    "SELECT * FROM fct_indicator_assessment ORDER BY 1, 2, 3",
    "SELECT * FROM fct_indicator_comment ORDER BY 1, 2, 3, 4, 5",
    "SELECT * FROM fct_survey_response ORDER BY 1, 2, 3, 4",
    "SELECT area_code, value, obs_status FROM fct_indicator_value WHERE indicator_code = 'MG08' ORDER BY 1",
)
NIGHTS = ("2025-12-15", "2026-03-20", "2026-05-10", SAMPLE_NIGHT)


@pytest.mark.slow
def test_files_of_many_nights_give_what_one_night_gives(alone: Installation, truth: Truth, tmp_path: Path) -> None:
    """The register comes last: enterprises that nobody knew are let in then."""
    feeds = ({**FEEDS[0], "url": "register"}, {**FEEDS[1], "url": "surveys"})
    spread = make_installation(tmp_path / "spread", feeds, forgets_events=True)
    # Sums of floats depend on their order in the last digit, and the order of respondents on the key.
    shutil.copy(alone.data / KEY_FILE, spread.data)
    for first, night in zip(("", *NIGHTS[:-1]), NIGHTS, strict=True):
        for path, arrives, content in truth.files():
            if path.startswith("surveys/") and first < arrives <= night:
                (spread.home / path).parent.mkdir(parents=True, exist_ok=True)
                (spread.home / path).write_bytes(content)
        if night == SAMPLE_NIGHT:
            shutil.copy(INPUTS / "register" / FEEDS[0]["include"][0], spread.home / "register")
        spread.refresh(night)
    for query in QUERIES:
        assert spread.query(query) == alone.query(query)
    before = spread.digest()
    spread.replay()
    assert spread.digest() == before


@pytest.mark.slow
def test_run_twice_changes_no_row(alone: Installation) -> None:
    before = alone.digest()
    alone.refresh(SAMPLE_NIGHT)
    assert alone.digest() == before


# ---- the questionnaires of the tests ---------------------------------------------------------------------------------


def test_sample_of_the_simulator_is_the_tracked_one(truth: Truth) -> None:
    for file in truth.surveys.written.files:
        assert (INPUTS / file.path).read_bytes() == file.content, file.path
    form: Questionnaire = read_questionnaire("indicator_set")
    assert sum(one.role == "rating" for one in form.fields) == 280
