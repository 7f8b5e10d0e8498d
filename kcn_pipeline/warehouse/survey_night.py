"""What one night publishes of surveys, collected from the lake: whole rounds, and refused rows without who or what.

It must not compute a figure nor write. The surprising fact: a refused row is told by round, kind of respondent,
question, channel and day alone; with its park, its minute or how long it took, a reader could say whose it is.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import Lake
from kcn_pipeline.warehouse.disclosure import SURVEY_TABLE, Disclosure, Province, Withheld, is_of_survey
from kcn_pipeline.warehouse.incoming import ArrowTable, Rows, iterate_rows
from kcn_pipeline.warehouse.refused import Refused, list_refused
from kcn_pipeline.warehouse.schema import (
    fct_indicator_assessment,
    fct_indicator_comment,
    fct_indicator_rating,
    fct_survey_response,
    fct_survey_statistic,
)
from kcn_pipeline.warehouse.surveys import ROUND_TABLES, Round, RoundSlice, SurveyBatch

Row = dict[str, Any]

TOPIC = "survey"
_RATES = "survey_rates"
#: Where the stage indicators keeps what is published of a round.
_FILLED_BY = {
    fct_indicator_rating.name: "survey_ratings",
    fct_survey_statistic.name: "survey_statistics",
    fct_indicator_assessment.name: "survey_assessments",
    fct_indicator_comment.name: "survey_comments",
    fct_survey_response.name: _RATES,
}
#: Staged by the million, one for each question of a response: a payload is told by its responses.
ANSWERS = "survey_answers"
#: All that is told of a refused row, beside its file and line and the day it was submitted on.
_TOLD = ("survey_id", "round_code", "respondent_type", "question", "channel")


def collect_surveys(lake: Lake, night: str) -> SurveyBatch:
    """The rounds that the night rated anew."""
    return SurveyBatch({name: _read(lake, name, night) for name in ROUND_TABLES})


def _read(lake: Lake, name: str, night: str) -> RoundSlice:
    columns = [column.name for column in ROUND_TABLES[name].columns]
    found = lake.read("indicators", _FILLED_BY[name], night, columns=columns)
    parts = lake.parts("indicators", _FILLED_BY[name], night)
    return RoundSlice(() if found is None else found, [_round_of(part) for part in parts])


def _round_of(part: str) -> Round:
    survey_id, _, round_code = part.removeprefix("round=").partition(".")
    return survey_id, round_code


def list_surveys(contracts: Contracts) -> list[Row]:
    """The rows of dim_survey."""
    return [
        {
            "survey_id": survey.survey,
            "round_code": one.round,
            "title_vi": survey.title.vi,
            "title_en": survey.title.en,
            "kind": survey.kind,
            "opens_on": one.opens_on,
            "closes_on": one.closes_on,
            "period_code": one.period,
        }
        for survey in contracts.surveys.values()
        for one in survey.rounds
    ]


# ---- values ----------------------------------------------------------------------------------------------------------


def withhold_values(lake: Lake, values: ArrowTable | None, contracts: Contracts, areas: Rows, periods: Rows) -> Rows:
    """The values of a night without those of too few respondents; as they came where none is of a survey."""
    if values is None:
        return ()
    sources = values.column("source").unique().to_pylist()
    if not any(is_of_survey(source) for source in sources):
        return values
    thresholds = contracts.ratings.thresholds
    disclosure = Disclosure(
        thresholds.min_respondents,
        thresholds.min_respondents_province,
        _locate(areas, periods),
        lambda indicator, period: _count_respondents(lake, contracts, indicator, period),
    )
    return Withheld(values, disclosure)


def _count_respondents(
    lake: Lake, contracts: Contracts, indicator_code: str, period_code: str
) -> dict[str, int | None]:
    """How many of each park answered the rounds that speak of the period and ask for the indicator; None: not shown."""
    found: dict[str, int | None] = {}
    for survey_id, respondent_types in _asked_of(contracts, indicator_code).items():
        rounds = [one.round for one in contracts.surveys[survey_id].rounds if one.period == period_code]
        newest = [lake.slices("indicators", _RATES, parts=[f"round={survey_id}.{code}"])[-1:] for code in rounds]
        for path in (path for paths in newest for path in paths):
            for row in lake.read_slice(path, ["respondent_type", "level", "area_code", "n_current"]).to_pylist():
                if row["level"] == "park" and row["respondent_type"] in respondent_types:
                    known, more = found.get(row["area_code"], 0), row["n_current"]
                    found[row["area_code"]] = None if known is None or more is None else known + more
    return found


def _asked_of(contracts: Contracts, indicator_code: str) -> Mapping[str, set[str]]:
    """The surveys whose answers an indicator reads, and which respondent types they ask for them."""
    indicator = contracts.indicators.get(indicator_code)
    operands = [one for one in (indicator.numerator, indicator.denominator) if one] if indicator else []
    texts = [f"{one.expression} {one.where or ''}" for one in operands if one.from_ == SURVEY_TABLE]
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    found: dict[str, set[str]] = defaultdict(set)
    for survey in contracts.surveys.values():
        for question in survey.questions:
            if question.role == "measure" and question.measure in words:
                found[survey.survey].update(question.respondent_types)
    return found


def _locate(areas: Rows, periods: Rows) -> Province:
    """Finds what holds an area (rows of dim_area) on the last day of a period (rows of dim_period)."""
    ends = {row["period_code"]: row["end_date"] for row in iterate_rows(periods)}
    versions: dict[str, list[Row]] = {}
    for row in iterate_rows(areas):
        versions.setdefault(row["area_code"], []).append(row)

    def province_of(area_code: str, period_code: str) -> str | None:
        end = ends.get(period_code, date.max)
        held = [row for row in versions.get(area_code, ()) if row["valid_from"] <= end]
        return max(held, key=lambda row: row["valid_from"])["parent_code"] if held else None

    return province_of


# ---- what was refused ------------------------------------------------------------------------------------------------


def list_refused_answers(lake: Lake, contracts: Contracts, night: str) -> Refused:
    """What was refused of surveys in the night, of each rule the first rows, without who and what."""
    tables = [table.table for table in contracts.topic_tables(TOPIC)]
    refused = list_refused(lake, tables, night, contracts.monitoring.settings.quarantine_rows_per_rule)
    rows = {table: [_without_who_and_what(row) for row in held] for table, held in refused.rows.items()}
    return Refused(rows, refused.left_out, refused.most)


def _without_who_and_what(row: Row) -> Row:
    ours = {name: value for name, value in row.items() if name.startswith("_")}
    submitted_at = row.get("submitted_at")
    return {
        **ours,
        **{name: row[name] for name in _TOLD if name in row},
        "submitted_on": submitted_at.date() if submitted_at else None,
    }
