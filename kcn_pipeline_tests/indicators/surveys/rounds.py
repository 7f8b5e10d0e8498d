"""Small rounds of surveys written by hand: accepted responses and answers as validation leaves them.

It must not compute what the pipeline computes. The surprising fact: a response is a dict of scores by question, such as
`{"mg01_necessity": 4}`; who gave it and where is told beside it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.ratings import Thresholds
from kcn_pipeline.indicators.surveys import SurveyResult, compute_surveys
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import schema_of
from kcn_pipeline_tests.indicators.lakes import packaged

Row = dict[str, Any]
Round = tuple[str, str]

FIRST: Round = ("indicator_set", "2025-2")
SECOND: Round = ("indicator_set", "2026-1")
SATISFIED: Round = ("satisfaction", "2025")
NIGHT, NEXT, THIRD = "2026-05-10", "2026-05-11", "2026-05-12"


@dataclass
class Rounds:
    """Writes rounds of a lake as the state of a night; what is told of a round for a night is all of it."""

    lake: Lake
    contracts: Contracts
    _responses: dict[Round, list[Row]] = field(default_factory=lambda: defaultdict(list))
    _answers: dict[Round, list[Row]] = field(default_factory=lambda: defaultdict(list))
    _invited: dict[Round, list[Row]] = field(default_factory=dict)

    def answer(
        self,
        held: Round,
        respondent_type: str,
        who: str,
        scores: Mapping[str, float] | None = None,
        comments: Mapping[str, str] | None = None,
        park: str | None = None,
        **values: Any,
    ) -> None:
        """One response: scores and comments by the name of their question."""
        key = sha256(f"{respondent_type}|{who}".encode()).hexdigest()[:32]
        response_id = sha256(
            f"{held}|{key}|{values.get('version_key')}|{len(self._responses[held])}".encode()
        ).hexdigest()
        row: Row = {
            "response_id": response_id[:32],
            "version_key": response_id[32:],
            "survey_id": held[0],
            "round_code": held[1],
            "respondent_type": respondent_type,
            "respondent_key": key,
            "park_code": park,
            "channel": "kobo_api",
            "form_version": "v1",
            "submitted_at": datetime(2025, 10, 5, 8),
            "standing": "current",
            **values,
        }
        self._responses[held].append(row)
        told = [("score", name, score) for name, score in (scores or {}).items()]
        told += [("comment", name, text) for name, text in (comments or {}).items()]
        self._answers[held] += [self._answer(held, row, *each) for each in told]

    def _answer(self, held: Round, response: Row, column: str, name: str, value: Any) -> Row:
        question = self.contracts.surveys[held[0]].question(name)
        assert question is not None, name
        kept = {key: response[key] for key in ("response_id", "version_key", "survey_id", "round_code")}
        about = {key: getattr(question, key) for key in ("indicator_code", "criterion", "measure")}
        return {**kept, **about, "question": name, column: value}

    def forget(self, held: Round) -> None:
        """Tell a round anew."""
        self._responses[held], self._answers[held] = [], []

    def write(self, night: str, *rounds: Round) -> None:
        """Write the rounds told (or those named) as what validation accepted on a night."""
        for table, told in (("survey_responses", self._responses), ("survey_answers", self._answers)):
            parts = {_part(held): self._table(table, told[held]) for held in rounds or list(self._responses)}
            self.lake.replace("validation", table, night, parts, is_state=True)

    def invite(self, night: str, held: Round, rows: Iterable[Row]) -> None:
        """Who was invited to a round; `who` in place of a key."""
        listed = []
        for row in rows:
            key = sha256(f"{row['respondent_type']}|{row['who']}".encode()).hexdigest()[:32]
            listed.append({**row, "respondent_key": key, "survey_id": held[0], "round_code": held[1]})
        self._invited[held] = listed
        parts = {_part(each): self._table("survey_invitations", told) for each, told in self._invited.items()}
        self.lake.replace("validation", "survey_invitations", night, parts, is_state=True)

    def refuse(self, night: str, refused: Mapping[Round, Iterable[Row]]) -> None:
        """The submissions of rounds of which no version counts, as validation tells them on a night."""
        schema = pa.schema([(name, pa.string()) for name in ("response_id", "respondent_type", "park_code", "rule")])
        parts = {_part(held): pa.Table.from_pylist([*rows], schema=schema) for held, rows in refused.items()}
        self.lake.replace("validation", "survey_refused", night, parts, is_state=True)

    def compute(self, night: str = NIGHT) -> SurveyResult:
        """What the stage does on a night."""
        return compute_surveys(self.lake, self.contracts, night)

    def state(self, table: str, held: Round) -> list[Row]:
        """The newest rows of a round."""
        slices = self.lake.slices("indicators", table, parts=[_part(held)])
        return [] if not slices else pq.read_table(slices[-1], partitioning=None).to_pylist()

    def _table(self, name: str, rows: list[Row]) -> pa.Table:
        return pa.Table.from_pylist(rows, schema=schema_of(self.contracts.tables[name]))


def with_thresholds(contracts: Contracts, **changes: Any) -> Contracts:
    """The contracts with other thresholds, for all times."""
    (day, thresholds), *_ = contracts.ratings.eras
    changed = Thresholds.model_validate({**thresholds.model_dump(), **changes})
    return replace(contracts, ratings=replace(contracts.ratings, eras=((day, changed),)))


def of_indicators(*codes: str) -> Contracts:
    """The packaged contracts, their survey asking these indicators only."""
    survey = packaged().surveys["indicator_set"]
    kept = [one for one in survey.questions if not one.indicator_code or one.indicator_code in codes]
    asking = survey.model_copy(update={"questions": tuple(kept)})
    return replace(packaged(), surveys={**packaged().surveys, "indicator_set": asking})


def _part(held: Round) -> str:
    return f"round={held[0]}.{held[1]}"
