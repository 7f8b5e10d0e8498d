"""Which rounds of surveys a night must compute, and why.

It must not compute a figure. The surprising fact: the round after a touched one is touched too, because every verdict
tells what the round before had said.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.ratings import fingerprint_of
from kcn_pipeline.contracts.surveys import Round as RoundContract
from kcn_pipeline.contracts.surveys import Survey
from kcn_pipeline.indicators.slices import STAGE, periods_of
from kcn_pipeline.indicators.surveys.answers import ANSWERS_TABLE, INVITATIONS_TABLE, REFUSED_TABLE, RESPONSES_TABLE
from kcn_pipeline.indicators.surveys.assessments import list_asked
from kcn_pipeline.indicators.surveys.disclosure import is_published
from kcn_pipeline.indicators.surveys.tables import RATES, RESPONSES, Round, read_part
from kcn_pipeline.lake import WHOLE, Lake

DEFINITIONS = "survey_definitions"
#: One row is one round that was computed: the period it speaks of, and what its figures rest on by contract.
_DEFINITION_SCHEMA = pa.schema([(name, pa.string()) for name in ("survey_id", "round_code", "period_code", "print")])

Reason = Literal["answers", "definitions", "round_before", "earlier_attempt"]


@dataclass(frozen=True)
class TouchedRounds:
    """The rounds that night `night` computes, in the order of time, by reason, and the periods they speak of.

    A round that the contracts no longer name is computed as an empty one.
    """

    night: str
    reasons: Mapping[Reason, tuple[Round, ...]]
    rounds: tuple[Round, ...]
    periods: tuple[str, ...]


def find_touched_rounds(lake: Lake, contracts: Contracts, night: str, province: str, today: date) -> TouchedRounds:
    """What the night must compute, seen against the last night before it that recorded its definitions.

    `today` is the day as of which a round is open or closed: one that has closed since is touched without an answer.
    """
    last = max((one for one in lake.nights(STAGE, DEFINITIONS) if one < night), default=None)
    before = _recorded(lake, last)
    now = describe_rounds(contracts, province, today)
    # Responses outside all rounds lie in parts of rounds that no contract ever named.
    judged = {each for table in _INPUTS for each in _rounds_of(lake.parts(_STAGE, table))}
    known = judged & {*before, *now}
    answered = _answered(lake, last, night) & known
    changed = {each for each in known if before.get(each) != now.get(each)} if last else set()
    attempted = _rounds_of(lake.parts(STAGE, RATES, night))
    following = {after for each in answered | changed | attempted if (after := _round_after(contracts, each)) in known}
    reasons: dict[Reason, set[Round]] = {
        "answers": answered,
        "definitions": changed,
        "round_before": following,
        "earlier_attempt": attempted - answered - changed,
    }
    touched = {each for found in reasons.values() for each in found}
    periods = {one[0] for each in touched for one in (before.get(each), now.get(each)) if one}
    periods |= periods_of(lake.parts(STAGE, RESPONSES, night))
    return TouchedRounds(
        night=night,
        reasons={reason: _in_order(contracts, found) for reason, found in reasons.items()},
        rounds=_in_order(contracts, touched),
        periods=tuple(sorted(periods)),
    )


_STAGE = "validation"
_INPUTS = (RESPONSES_TABLE, ANSWERS_TABLE, INVITATIONS_TABLE, REFUSED_TABLE)


def _answered(lake: Lake, last: str | None, night: str) -> set[Round]:
    """Rounds of which responses, answers or invitations were judged after night `last`."""
    found: set[Round] = set()
    for table in _INPUTS:
        nights = [one for one in lake.nights(_STAGE, table) if (last is None or last < one) and one <= night]
        for one in nights:
            found |= _rounds_of(lake.parts(_STAGE, table, one))
    return found


def _rounds_of(parts: Iterable[str]) -> set[Round]:
    """The rounds of parts such as `round=indicator_set.2026-1`."""
    return {read_part(part) for part in parts if part.startswith("round=")}


def _round_after(contracts: Contracts, held: Round) -> Round | None:
    """The next round of the survey."""
    survey = contracts.surveys.get(held[0])
    codes = [one.round for one in by_time(survey)] if survey else []
    follows = codes[codes.index(held[1]) + 1 :] if held[1] in codes else []
    return (held[0], follows[0]) if follows else None


def _in_order(contracts: Contracts, rounds: Iterable[Round]) -> tuple[Round, ...]:
    """The rounds by survey and time; those that no contract names come first."""
    places = {
        (survey.survey, one.round): place
        for survey in contracts.surveys.values()
        for place, one in enumerate(by_time(survey))
    }
    return tuple(sorted(rounds, key=lambda held: (held[0], places.get(held, -1), held[1])))


def by_time(survey: Survey) -> list[RoundContract]:
    """The rounds of a survey, first one first."""
    return sorted(survey.rounds, key=lambda one: one.opens_on)


# ---- the contracts ---------------------------------------------------------------------------------------------------


def describe_rounds(contracts: Contracts, province: str, today: date) -> dict[Round, tuple[str, str]]:
    """The period of every round, and a hash of what its figures rest on and of whether they are published today.

    The status of an indicator and the version of the catalog are not in it: a round keeps those it was judged with.
    """
    ratings = contracts.ratings
    found = {}
    for survey in contracts.surveys.values():
        for held in survey.rounds:
            models = [*ratings.scales.values(), *ratings.criteria.values(), *ratings.verdicts.values()]
            models.append(ratings.thresholds_on(held.closes_on))
            models += [survey.ratings] if survey.ratings else []
            legal = [code for code, one in contracts.indicators.items() if ratings.is_legal(one, held.closes_on)]
            is_shown = is_published(contracts, held, today)
            said = fingerprint_of(models, [list_asked(survey), sorted(legal), province, is_shown])
            found[survey.survey, held.round] = (held.period, said)
    return found


def record_definitions(lake: Lake, contracts: Contracts, night: str, province: str, today: date) -> None:
    """Write `indicators/survey_definitions` of the night, which marks its rounds as computed; call it last."""
    rows = [
        dict(zip(_DEFINITION_SCHEMA.names, (*held, *said), strict=True))
        for held, said in sorted(describe_rounds(contracts, province, today).items())
    ]
    lake.replace(STAGE, DEFINITIONS, night, {WHOLE: pa.Table.from_pylist(rows, schema=_DEFINITION_SCHEMA)})


def _recorded(lake: Lake, night: str | None) -> dict[Round, tuple[str, str]]:
    stored = lake.read(STAGE, DEFINITIONS, night) if night else None
    rows = [] if stored is None else stored.to_pylist()
    return {(row["survey_id"], row["round_code"]): (row["period_code"], row["print"]) for row in rows}
