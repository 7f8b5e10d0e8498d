"""A night's ratings, statistics, verdicts, comments and response rates of the rounds it touches.

It must not know how a figure is found. The surprising fact: a round is written whole or not at all, and its state
depends on its accepted answers, the contracts and whether it has closed, not on the order in which answers came.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.surveys import Round as RoundContract
from kcn_pipeline.contracts.surveys import Survey
from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.registers import province_on
from kcn_pipeline.indicators.slices import STAGE, part_of
from kcn_pipeline.indicators.surveys import tables
from kcn_pipeline.indicators.surveys.agreement import agree
from kcn_pipeline.indicators.surveys.answers import open_round
from kcn_pipeline.indicators.surveys.assessments import Standing, assess_round
from kcn_pipeline.indicators.surveys.comments import collect_comments
from kcn_pipeline.indicators.surveys.disclosure import is_published
from kcn_pipeline.indicators.surveys.measures import measure_period, rounds_of_period
from kcn_pipeline.indicators.surveys.rates import count_turnouts, open_rates, rate_responses
from kcn_pipeline.indicators.surveys.ratings import Row, Yardstick, rate_province, rate_round, tally
from kcn_pipeline.indicators.surveys.scores import read_scores
from kcn_pipeline.indicators.surveys.tables import Round, round_part
from kcn_pipeline.indicators.surveys.touched import (
    DEFINITIONS,
    Reason,
    by_time,
    find_touched_rounds,
    record_definitions,
)
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import schema_of

_SCHEMAS = {
    tables.RATINGS: tables.RATINGS_SCHEMA,
    tables.STATISTICS: tables.STATISTICS_SCHEMA,
    tables.ASSESSMENTS: tables.ASSESSMENTS_SCHEMA,
    tables.COMMENTS: tables.COMMENTS_SCHEMA,
    tables.RATES: tables.RATES_SCHEMA,
}
MEMORY = "1GB"


@dataclass(frozen=True)
class SurveyResult:
    """What a night computed: rounds as `survey.round` and why, rows by table, verdicts, and periods of measures."""

    rounds: tuple[str, ...]
    reasons: Mapping[Reason, tuple[Round, ...]] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    verdicts: Mapping[str, int] = field(default_factory=dict)
    periods: tuple[str, ...] = ()


def compute_surveys(lake: Lake, contracts: Contracts, night: str) -> SurveyResult:
    """Write the tables of `surveys/tables.py` for every round the night touches; `survey_definitions` comes last.

    Needs `validation/survey_responses`, `survey_answers` and `survey_invitations` of the night. A round that is open on
    the newest night of all has response rates and nothing else.
    """
    today = date.fromisoformat(max([night, *lake.nights(STAGE, DEFINITIONS)]))
    province = board_province(contracts, today)
    touched = find_touched_rounds(lake, contracts, night, province, today)
    parts: dict[str, dict[str, pa.Table]] = {name: {} for name in _SCHEMAS}
    verdicts: dict[Round, dict[str, str]] = {}
    for held in touched.rounds:
        found = _compute_round(lake, contracts, held, province, night, today, verdicts)
        verdicts[held] = {row["indicator_code"]: row["verdict"] for row in found[tables.ASSESSMENTS]}
        for name, rows in found.items():
            parts[name][round_part(*held)] = pa.Table.from_pylist(rows, schema=_SCHEMAS[name])
    for name, by_round in parts.items():
        lake.replace(STAGE, name, night, by_round, is_state=True)
    periods = _write_measures(lake, contracts, night, touched.periods, today)
    record_definitions(lake, contracts, night, province, today)
    return SurveyResult(
        rounds=tuple(f"{survey_id}.{round_code}" for survey_id, round_code in touched.rounds),
        reasons=touched.reasons,
        rows={name: sum(rows.num_rows for rows in by_round.values()) for name, by_round in parts.items()},
        verdicts=dict(sorted(Counter(each for one in verdicts.values() for each in one.values()).items())),
        periods=periods,
    )


def board_province(contracts: Contracts, day: date) -> str:
    """The province of the board on the map of a day: the one that most parks of parks.yaml lie in.

    Respondents who stand for no park answer for it.
    """
    found = Counter(province_on(contracts, park.former_province, day) for park in contracts.parks.values())
    found.update(code for code in sorted(area.area_code for area in contracts.areas.values() if area.holds_on(day)))
    return next(code for code, _ in found.most_common() if code)


# ---- one round -------------------------------------------------------------------------------------------------------


def _compute_round(
    lake: Lake,
    contracts: Contracts,
    held: Round,
    province: str,
    night: str,
    today: date,
    verdicts: Mapping[Round, Mapping[str, str]],
) -> dict[str, list[Row]]:
    """The rows of a round by table; none of a round that no contract names, and rates only of one that is open."""
    found: dict[str, list[Row]] = defaultdict(list, {name: [] for name in _SCHEMAS})
    survey = contracts.surveys.get(held[0])
    contract = survey.round(held[1]) if survey else None
    if survey is None or contract is None:
        return found
    thresholds = contracts.ratings.thresholds_on(contract.closes_on)
    # One thread: equal sums need equal order.
    with Engine(threads=1, memory=MEMORY) as engine:
        open_round(engine, lake, held)
        open_rates(engine, lake, held)
        turnouts = count_turnouts(engine)
        found[tables.RATES] = list(rate_responses(turnouts, held, province, thresholds.min_respondents))
        if not is_published(contracts, contract, today):
            return found
        found[tables.COMMENTS] = list(collect_comments(engine, held, thresholds.min_respondents))
        if survey.ratings is None:
            return found
        block = survey.ratings
        scales = {name: contracts.ratings.scales[block.scales.get(name, block.scale)] for name in block.criteria}
        yardstick = Yardstick(scales, thresholds)
        scores = read_scores(engine, lake, held, block.criteria)
        tallies = tally(scores)
        figures = rate_province(tallies, yardstick)
        crowds = {name: turnout.crowd for name, turnout in turnouts.items()}
        found[tables.RATINGS] = list(rate_round(tallies, figures, crowds, held, province, yardstick))
        found[tables.STATISTICS] = list(agree(scores, tallies, held, yardstick, contracts.ratings.criteria))
    previous = _verdicts_before(lake, survey, contract, verdicts)
    before = _judged_before(lake, held, night)
    found[tables.ASSESSMENTS] = list(assess_round(contracts, survey, contract, figures, previous, before))
    return found


def _verdicts_before(
    lake: Lake, survey: Survey, contract: RoundContract, verdicts: Mapping[Round, Mapping[str, str]]
) -> Mapping[str, str]:
    """The verdicts of the round before, by indicator; computed this night or by an earlier one."""
    earlier = [one for one in by_time(survey) if one.opens_on < contract.opens_on][-1:]
    for one in earlier:
        held = (survey.survey, one.round)
        return verdicts[held] if held in verdicts else _read_verdicts(lake, held)
    return {}


def _read_verdicts(lake: Lake, held: Round) -> dict[str, str]:
    return {row["indicator_code"]: row["verdict"] for row in _newest_assessments(lake, held)}


def _judged_before(lake: Lake, held: Round, night: str) -> dict[str, Standing]:
    """What catalog the round was judged with by another night, and the status of each indicator then."""
    return {
        row["indicator_code"]: Standing(row["catalog_version"], row["status_now"])
        for row in _newest_assessments(lake, held, night)
    }


def _newest_assessments(lake: Lake, held: Round, but: str | None = None) -> list[Row]:
    slices = lake.slices(STAGE, tables.ASSESSMENTS, parts=[round_part(*held)])
    others = [path for path in slices if path.stem != f"night={but}"]
    names = ["indicator_code", "verdict", "catalog_version", "status_now"]
    return list(lake.read_slice(others[-1], names).to_pylist()) if others else []


def _write_measures(
    lake: Lake, contracts: Contracts, night: str, periods: Iterable[str], today: date
) -> tuple[str, ...]:
    """Write the periods of `survey_response` that some survey measures, or that an earlier night wrote."""
    written = {part.removeprefix("period=") for part in lake.parts(STAGE, tables.RESPONSES)}
    codes = [code for code in periods if code in written or rounds_of_period(contracts, code, today)]
    schema = schema_of(contracts.tables[tables.RESPONSES])
    parts = {part_of(code): measure_period(lake, contracts, code, today).cast(schema) for code in codes}
    lake.replace(STAGE, tables.RESPONSES, night, parts, is_state=True)
    return tuple(codes)
