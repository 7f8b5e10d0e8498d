"""What a response must be to count, as expectations of Great Expectations, and the flags of those that look odd.

It must not read an answer: what it needs of them comes in as columns. The surprising fact: a response breaks one rule
only, the first in the order below, because a trial response with an invented tax code is a trial and nothing else; and
`not_invited` is a rule for people and a flag for enterprises.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.ratings import Thresholds
from kcn_pipeline.contracts.surveys import Survey
from kcn_pipeline.validation.context import frame_of
from kcn_pipeline.validation.judge import CHUNK_ROWS
from kcn_pipeline.validation.run import Verdict, run_suite
from kcn_pipeline.validation.staged import set_column
from kcn_pipeline.validation.suites import Criterion, build_suite
from kcn_pipeline.validation.survey.respondents import ENTERPRISE
from kcn_pipeline.validation.survey.versions import RESPONSES

#: Why a response does not count, the first reason first; rules that are not named here come after these.
ORDER = (
    "row_cut", "test_response", "not_finished", "ambiguous_survey", "unknown_survey", "submitted_in_future",
    "no_submission_date", "no_round", "unknown_respondent_type", "no_respondent_key", "unknown_enterprise",
    "not_invited", "unknown_park", "empty_response", "no_usable_answer", "not_approved",
)  # fmt: skip
FLAGS = ("straight_lining", "impossible_duration", "outside_round_park", "unreadable_park", "not_invited")
#: Channels in which somebody can approve a response; what the board typed itself needs no approval.
_REVIEWED = ("kobo_api", "kobo_export", "odk")
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Frame:
    """The rules of one round: its survey, its round and the thresholds of its last day; None outside all rounds."""

    survey: Survey | None
    round_code: str | None
    thresholds: Thresholds


def find_broken(contracts: Contracts, frame: Frame, responses: pa.Table, night: str) -> list[str | None]:
    """Of every response the first rule it breaks.

    Beside the columns of the contract it reads `n_given`, `n_usable`, `is_known` (of enterprises), `is_invited` and a
    boolean for each flag.
    """
    broken: list[str | None] = [None] * responses.num_rows
    rows = _with_admission(_with_clock(_with_review(responses)))
    criteria = list(_criteria(contracts, frame, night))
    for start in range(0, rows.num_rows, CHUNK_ROWS):
        chunk = rows.slice(start, CHUNK_ROWS)
        names = [str(criterion.arguments["column"]) for criterion in criteria]
        values = frame_of(chunk, names, start)
        verdicts = run_suite(RESPONSES, values, [one for one in criteria if _may_break(one, values)])
        for rule, row in list_failures(contracts, rows, verdicts):
            if broken[row] is None or _place(rule) < _place(str(broken[row])):
                broken[row] = rule
    return broken


def _may_break(criterion: Criterion, values: pd.DataFrame) -> bool:
    """Whether any row can break it: a column without gaps lacks nothing, and gaps break nothing else.

    An expectation costs 6 ms however few rows it judges, and of most columns every row or none has a value.
    """
    is_missing = values[str(criterion.arguments["column"])].isna()
    if criterion.expectation == "ExpectColumnValuesToNotBeNull":
        return bool(is_missing.any())
    return not is_missing.all()


def settle_parks(responses: pa.Table) -> pa.Table:
    """The responses with `has_lost_park`: their park cannot be read, the register's is known; so it is no problem."""
    is_park_lost = pc.fill_null(pc.equal(responses.column("problem"), "unknown_park"), False)
    is_settled = pc.and_(is_park_lost, responses.column("enterprise_park_code").is_valid())
    problem = pc.if_else(is_settled, pa.scalar(None, pa.string()), responses.column("problem"))
    return set_column(responses, "problem", problem).append_column("has_lost_park", is_settled)


def find_flags(responses: pa.Table, thresholds: Thresholds) -> dict[str, npt.NDArray[np.bool_]]:
    """By flag which responses have it; a response that does not say how long it took cannot have taken too long.

    Reads `has_lost_park` and `is_invited` too. An enterprise is checked against the register and may answer uninvited.
    """
    n_scored, lowest, highest = (_numbers(responses, name) for name in ("n_scored", "lowest", "highest"))
    seconds, answered = _numbers(responses, "duration_s"), _numbers(responses, "n_counted")
    too_fast = seconds < thresholds.min_seconds_per_question * answered
    too_long = seconds > thresholds.max_duration_days * _SECONDS_A_DAY
    stated, registered = responses.column("park_code"), responses.column("enterprise_park_code")
    is_uninvited = pc.and_(_is_enterprise(responses), pc.equal(responses.column("is_invited"), False))
    return {
        "straight_lining": (n_scored >= thresholds.straight_line_min_answers) & (lowest == highest),
        "impossible_duration": too_fast | too_long,
        "outside_round_park": pc.fill_null(pc.not_equal(stated, registered), False).to_numpy(),
        "unreadable_park": responses.column("has_lost_park").to_numpy(),
        "not_invited": pc.fill_null(is_uninvited, False).to_numpy(),
    }


# ---- the suite -------------------------------------------------------------------------------------------------------


def _criteria(contracts: Contracts, frame: Frame, night: str) -> Iterator[Criterion]:
    surveys = [frame.survey] if frame.survey else list(contracts.surveys.values())
    types = sorted({one for survey in surveys for one in survey.respondent_types})
    yield _among("test_response", "is_test", [False])
    yield _among("not_finished", "is_finished", [True])
    yield _present("unknown_survey", "survey_id")
    yield _among("unknown_survey", "survey_id", sorted(contracts.surveys))
    yield _among("submitted_in_future", "is_future", [False])
    yield _present("no_submission_date", "submitted_at")
    yield _present("no_round", "round_code")
    yield _among("no_round", "round_code", sorted({one.round for survey in surveys for one in survey.rounds}))
    yield Criterion(
        "unreadable_row", "critical", "values", "ExpectColumnValuesToBeNull", {"column": "problem"}, "problem",
        names_rule=True,
    )  # fmt: skip
    yield _present("unknown_respondent_type", "respondent_type")
    yield _among("unknown_respondent_type", "respondent_type", types)
    yield _present("no_respondent_key", "respondent_key")
    yield _among("unknown_enterprise", "is_known", [True])
    yield _among("not_invited", "is_admitted", [True])
    yield _among("unknown_park", "park_code", sorted(contracts.parks))
    yield _criterion("empty_response", "n_given", "ExpectColumnValuesToBeBetween", min_value=1)
    yield _criterion("no_usable_answer", "n_usable", "ExpectColumnValuesToBeBetween", min_value=1)
    if frame.thresholds.approved_only:
        yield _among("not_approved", "reviewed", ["approved"])
    for flag in frame.thresholds.excluded_flags:
        yield _among(flag, flag, [False])
    suite = build_suite(contracts.tables[RESPONSES], contracts.code_lists, night)
    yield from (one for one in suite if one.check == "values" and one.column not in ("n_shown", "n_answered"))


def _present(rule: str, column: str) -> Criterion:
    return _criterion(rule, column, "ExpectColumnValuesToNotBeNull")


def _among(rule: str, column: str, values: Sequence[Any]) -> Criterion:
    """The column's value, where it has one, is one of these."""
    return _criterion(rule, column, "ExpectColumnValuesToBeInSet", value_set=list(values))


def _criterion(rule: str, column: str, expectation: str, **arguments: Any) -> Criterion:
    return Criterion(rule, "critical", "values", expectation, {"column": column, **arguments}, column)


def _with_review(responses: pa.Table) -> pa.Table:
    """The responses with `reviewed`: the approval where there can be one, "none" where nobody gave it yet."""
    is_reviewed = pc.is_in(responses.column("channel"), value_set=pa.array(_REVIEWED))
    approval = pc.fill_null(responses.column("approval"), "none")
    reviewed = pc.if_else(is_reviewed, approval, pa.scalar(None, pa.string()))
    return responses.append_column("reviewed", reviewed)


def _with_clock(responses: pa.Table) -> pa.Table:
    """The responses with `is_future`: submitted after the night that brought them, whatever night judges them."""
    submitted = pc.strftime(responses.column("submitted_at"), format="%Y-%m-%d")
    return responses.append_column("is_future", pc.greater(submitted, responses.column("_night")))


def _with_admission(responses: pa.Table) -> pa.Table:
    """The responses with `is_admitted`: whether somebody whom no register holds was invited; null where nobody says."""
    is_invited = responses.column("is_invited")
    nobody_says = pa.scalar(None, pa.bool_())
    return responses.append_column("is_admitted", pc.if_else(_is_enterprise(responses), nobody_says, is_invited))


def _is_enterprise(responses: pa.Table) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(responses.column("respondent_type"), ENTERPRISE), False)


def list_failures(contracts: Contracts, rows: pa.Table, verdicts: Iterable[Verdict]) -> Iterator[tuple[str, int]]:
    """Rule and row of everything broken; a row that staging could not use names the rule itself.

    Raises ValueError for an expectation that could not be asked, which is a mistake in a contract.
    """
    for verdict in verdicts:
        if verdict.error:
            raise ValueError(f"rule {verdict.criterion.rule!r} on {verdict.criterion.column!r}: {verdict.error}")
        for row in verdict.rows.tolist():
            named = str(rows.column("problem")[row].as_py()) if verdict.criterion.names_rule else ""
            yield named if named in contracts.rules else verdict.criterion.rule, row


def _place(rule: str) -> int:
    return ORDER.index(rule) if rule in ORDER else len(ORDER)


def _numbers(responses: pa.Table, name: str) -> npt.NDArray[np.float64]:
    """A column as numbers; what is missing is nan, which compares with nothing."""
    column = responses.column(name).cast(pa.float64())
    return pc.fill_null(column, float("nan")).to_numpy()
