"""How the ratings, statistics, verdicts, comments and response rates of survey rounds replace the published ones.

It must not judge an indicator nor hold an answer. The surprising fact: a round is replaced whole or not at all, because
a newer answer of one respondent changes figures of every indicator, area and statistic of its round.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, and_, false, or_

from kcn_pipeline.warehouse.incoming import Rows, iterate_rows
from kcn_pipeline.warehouse.merge import Within
from kcn_pipeline.warehouse.schema import (
    fct_indicator_assessment,
    fct_indicator_comment,
    fct_indicator_rating,
    fct_survey_response,
    fct_survey_statistic,
)

#: Tables of which a batch holds whole rounds.
ROUND_TABLES = {
    table.name: table
    for table in (
        fct_indicator_rating,
        fct_survey_statistic,
        fct_indicator_assessment,
        fct_indicator_comment,
        fct_survey_response,
    )
}

#: A round of a survey: survey_id and round_code.
Round = tuple[str, str]
#: Makes the part of a table that is `within` equal to rows.
Write = Callable[[Table, Iterable[dict[str, Any]], Within], None]


@dataclass(frozen=True)
class RoundSlice:
    """The rows that one of ROUND_TABLES has of some rounds; a round without rows becomes empty."""

    rows: Rows
    rounds: Collection[Round]


@dataclass(frozen=True)
class SurveyBatch:
    """What a night publishes of surveys: rounds whole, by table."""

    rounds: Mapping[str, RoundSlice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted({*self.rounds} - {*ROUND_TABLES})
        if unknown:
            raise ValueError(f"a batch has no rounds of {unknown}; it may have those of {(*ROUND_TABLES,)}")


def publish_surveys(write: Write, batch: SurveyBatch) -> None:
    """Make the rounds that the batch speaks of exactly those it holds."""
    for name, held in batch.rounds.items():
        write(ROUND_TABLES[name], iterate_rows(held.rows), _of_rounds(held.rounds))


def _of_rounds(rounds: Collection[Round]) -> Within:
    ordered = sorted(set(rounds))
    return lambda rows: or_(
        false(), *(and_(rows.c.survey_id == survey, rows.c.round_code == code) for survey, code in ordered)
    )
