"""What the catalog reads of surveys: the table `survey_response`, one respondent × period, a column per measure.

It must not hold an indicator. The surprising fact: a period takes the answers of every round and survey that speak of
it, so it is written whole whenever one of them changes.
"""

from collections.abc import Iterable
from datetime import date

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.surveys.answers import open_round
from kcn_pipeline.indicators.surveys.disclosure import is_published
from kcn_pipeline.indicators.surveys.tables import RESPONSES, Round
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import schema_of

_ANSWERS = pa.schema(
    [
        ("respondent_key", pa.string()),
        ("park_code", pa.string()),
        ("submitted_at", pa.timestamp("us")),
        ("measure", pa.string()),
        ("score", pa.float64()),
    ]
)
_MEASURED = f"SELECT {', '.join(_ANSWERS.names)} FROM answers WHERE measure IS NOT NULL AND score IS NOT NULL"


def rounds_of_period(contracts: Contracts, period_code: str, today: date) -> list[Round]:
    """The rounds that speak of a period and are published today, of surveys that measure something."""
    return [
        (survey.survey, held.round)
        for survey in contracts.surveys.values()
        if any(question.role == "measure" for question in survey.questions)
        for held in survey.rounds
        if held.period == period_code and is_published(contracts, held, today)
    ]


def measure_period(lake: Lake, contracts: Contracts, period_code: str, today: date) -> pa.Table:
    """The rows of `survey_response` of a period. Of two answers to one measure the one submitted last counts.

    Park and time are those of the respondent's last answer.
    """
    schema = schema_of(contracts.tables[RESPONSES])
    measures = [field.name for field in schema if pa.types.is_floating(field.type)]
    with Engine(threads=1) as engine:
        engine.register("measured", _answers_of(engine, lake, rounds_of_period(contracts, period_code, today)))
        columns = [
            f"MAX(CASE WHEN a.measure = '{name}' AND a.place = 1 THEN a.score END) AS {name}" for name in measures
        ]
        place = "ORDER BY submitted_at DESC NULLS LAST, park_code, score"
        rows = engine.query(f"""
            SELECT a.respondent_key, MAX(CASE WHEN a.latest = 1 THEN a.park_code END) AS park_code,
                CAST(NULL AS VARCHAR) AS province_code, '{period_code}' AS period_code, {", ".join(columns)}
            FROM (
                SELECT m.*, ROW_NUMBER() OVER (PARTITION BY respondent_key, measure {place}) AS place,
                    ROW_NUMBER() OVER (PARTITION BY respondent_key {place}) AS latest
                FROM measured AS m
            ) AS a
            GROUP BY a.respondent_key
            ORDER BY a.respondent_key""")
        return rows.select(schema.names).cast(schema)


def _answers_of(engine: Engine, lake: Lake, rounds: Iterable[Round]) -> pa.Table:
    found = [_ANSWERS.empty_table()]
    for held in rounds:
        open_round(engine, lake, held)
        found.append(engine.query(_MEASURED).cast(_ANSWERS))
    return pa.concat_tables(found)
