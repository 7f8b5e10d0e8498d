"""The sample's rounds against the simulator's truth, which adds up single answers by the formulas' sources.

It starts from what validation should accept, so a mistake found here is one of this stage. The surprising fact: the
simulator and the package share no arithmetic, and still agree in every digit that a test can ask for.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.indicators.lakes import packaged
from kcn_pipeline_tests.indicators.surveys.rounds import Round, Rounds, Row
from kcn_pipeline_tests.simulate import make_truth
from kcn_pipeline_tests.simulate.__main__ import SAMPLE_NIGHT, SAMPLE_SEED
from kcn_pipeline_tests.simulate.surveys.history import SurveyState
from kcn_pipeline_tests.simulate.surveys.outcome import QUARANTINED, UNKNOWN, Outcome

ROUND, AREA = ("survey_id", "round_code"), ("level", "area_code")
KEYS = {
    "ratings": (*ROUND, "indicator_code", "criterion", "respondent_type", *AREA),
    "statistics": (*ROUND, "respondent_type", "criterion"),
    "assessments": (*ROUND, "indicator_code"),
    "rates": (*ROUND, "respondent_type", *AREA),
}


@lru_cache
def truth() -> SurveyState:
    return make_truth(seed=SAMPLE_SEED, every_case=True).surveys.state()


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Rounds:
    rounds = Rounds(Lake(Path(tmp_path_factory.mktemp("lake"))), packaged())
    refused: dict[Round, list[Row]] = defaultdict(list)
    for held, outcomes in truth().rounds.items():
        for one in outcomes:
            if one.standing == QUARANTINED:
                refused[held].append(_refused(one))
            else:
                _accept(rounds, held, one)
        invited = [
            {"respondent_type": one.respondent_type, "who": f"{one.key}", "park_code": one.park_code}
            for one in truth().invited(*held)
        ]
        rounds.invite(SAMPLE_NIGHT, held, invited)
    rounds.write(SAMPLE_NIGHT)
    rounds.refuse(SAMPLE_NIGHT, refused)
    rounds.compute(SAMPLE_NIGHT)
    return rounds


def _accept(rounds: Rounds, held: Round, one: Outcome) -> None:
    reply = one.reply
    rounds.answer(
        held,
        one.respondent_type,
        f"{reply.respondent.key}",
        reply.scores,
        reply.comments,
        one.park_code,
        standing=one.standing,
        flags=",".join(sorted(reply.flags)) or None,
        # Who was asked something else has another form.
        form_version=sha256(",".join(sorted(reply.asked)).encode()).hexdigest(),
        submitted_at=reply.submitted_at,
    )


def _refused(one: Outcome) -> Row:
    kind = None if one.respondent_type == UNKNOWN else one.respondent_type
    return {"response_id": one.reply.root_uuid, "respondent_type": kind, "park_code": one.park_code}


def by_key(rows: Iterable[Mapping[str, Any]], key: tuple[str, ...]) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    return {tuple(row[name] for name in key): row for row in rows}


@pytest.mark.parametrize("table", KEYS)
def test_tables_are_those_of_the_simulator(rated: Rounds, table: str) -> None:
    expected = by_key(getattr(truth(), table)(), KEYS[table])
    found = by_key((row for held in truth().rounds for row in rated.state(f"survey_{table}", held)), KEYS[table])
    assert sorted(found) == sorted(expected)
    assert len(found) > 20
    wrong = {}
    for key, row in expected.items():
        told = {name: found[key].get(name) for name in row}
        figures = {
            name: pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value
            for name, value in row.items()
        }
        if told != figures:
            wrong[key] = [(name, told[name], row[name]) for name in row if told[name] != figures[name]]
    assert wrong == {}


def test_comments_are_those_of_the_simulator(rated: Rounds) -> None:
    expected = sorted((row["survey_id"], row["round_code"], row["indicator_code"]) for row in truth().comments())
    rows = [row for held in truth().rounds for row in rated.state("survey_comments", held)]
    assert sorted((row["survey_id"], row["round_code"], row["indicator_code"]) for row in rows) == expected
    assert {row["respondent_type"] for row in rows} >= {"all", "enterprise"}


@pytest.mark.parametrize("measure", ["service_satisfaction_1_5", "social_infrastructure_satisfaction_1_5"])
@pytest.mark.parametrize("period", ["2025", "2026"])
def test_measures_are_those_of_the_simulator(rated: Rounds, measure: str, period: str) -> None:
    expected = sorted((row["park_code"] or "", row["score"]) for row in truth().measured(measure, period))
    slices = rated.lake.slices("indicators", "survey_response", SAMPLE_NIGHT, [f"period={period}"])
    rows = rated.lake.read_slice(slices[0], ["park_code", "period_code", measure]).to_pylist() if slices else []
    assert sorted((row["park_code"] or "", row[measure]) for row in rows if row[measure] is not None) == expected
    assert {row["period_code"] for row in rows} <= {period}
