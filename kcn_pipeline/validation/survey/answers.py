"""The answers of one round: those of the rows that speak, what they come to by response and question, and the split.

It must not judge a response nor hold an answer in Python. The surprising fact: which of three million answers stay is
decided by ten thousand responses, so texts are compared once for each response and then only their numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.ratings import Scale
from kcn_pipeline.contracts.surveys import Survey
from kcn_pipeline.engine import Engine
from kcn_pipeline.lake import Lake
from kcn_pipeline.validation.context import frame_of
from kcn_pipeline.validation.run import run_suite
from kcn_pipeline.validation.suites import Criterion
from kcn_pipeline.validation.survey.versions import ANSWERS

Numbers = npt.NDArray[np.int32]
#: Of answers that belong to no response asked for.
NOBODY = -1


@dataclass(frozen=True)
class Slice:
    """What one night staged for a round: the columns that answers are judged by, text as dictionaries, and of each
    answer the number of its response."""

    night: str
    path: Path
    rows: pa.Table
    response: Numbers


#: What says which row a response was staged with, and what questions and responses are judged by.
_PLACE = ("response_id", "version_key", "_source", "_payload", "_sheet", "_line")
_JUDGED = ("question", "criterion", "measure", "score", "choice", "problem")


def read_slices(lake: Lake, part: str, responses: pa.Table) -> list[Slice]:
    """The staged answers of a round by night; responses are numbered as they stand in `responses`."""
    found = []
    for path in lake.slices("staging", ANSWERS, parts=[part]):
        night, places = path.stem.removeprefix("night="), lake.read_narrow(path, _PLACE)
        if places.num_rows:
            numbers = number_responses(places, responses, night)
            found.append(Slice(night, path, lake.read_narrow(path, _JUDGED), numbers))
        # What reading took beside the rows is as much again and would stay with the process.
        pa.default_memory_pool().release_unused()
    return found


def number_responses(places: pa.Table, responses: pa.Table, night: str) -> Numbers:
    """Of each answer of a night's slice the number of the response it was staged with, NOBODY where it is not there.

    The same version may have come by two ways, so the feed, payload, sheet and line must be the response's too.
    """
    answers = [_codes(places.column(name)) for name in _PLACE]
    # The answers of a response stand together, so that one look for each run of them is enough.
    starts = _starts_of_runs([codes for codes, _ in answers])
    codes, ids = answers[0]
    of_night = pc.equal(responses.column("_night"), night).to_numpy()
    chosen = responses.filter(pa.array(of_night))
    number_of = np.full(len(ids) + 1, NOBODY, np.int32)
    number_of[_codes_among(ids, chosen.column("response_id"))] = np.flatnonzero(of_night)
    number_of[-1] = NOBODY  # of a missing id, and where that of a response without answers was written
    found = number_of[codes[starts]]
    for name, (codes, texts) in zip(_PLACE[1:], answers[1:], strict=True):
        expected = np.append(_codes_among(texts, responses.column(name)), NOBODY)
        found = np.where(expected[found] == codes[starts], found, NOBODY)
    return np.repeat(found, np.diff(starts, append=places.num_rows)).astype(np.int32)


def _starts_of_runs(columns: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.int64]:
    """Where in columns of one length a row differs from the one before; the first row does."""
    differs = np.ones(len(columns[0]), dtype=bool)
    differs[1:] = columns[0][1:] != columns[0][:-1]
    for column in columns[1:]:
        differs[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(differs)


def _codes(column: pa.ChunkedArray) -> tuple[npt.NDArray[Any], Any]:
    """A column as numbers, and its distinct texts; a missing text has a number beyond them. Numbers are as they are."""
    array = column.combine_chunks()
    if not pa.types.is_dictionary(array.type):
        return _filled(array, NOBODY), None
    return _filled(array.indices, len(array.dictionary)), array.dictionary


def _filled(numbers: pa.Array, missing: int) -> npt.NDArray[Any]:
    return (pc.fill_null(numbers, missing) if numbers.null_count else numbers).to_numpy()


def _codes_among(texts: Any, wanted: pa.ChunkedArray) -> npt.NDArray[Any]:
    """A column in the numbers that `_codes` gave another; NOBODY for what the other does not have."""
    if texts is None:
        return pc.fill_null(wanted, NOBODY).to_numpy()
    found = pc.fill_null(pc.index_in(wanted, value_set=texts), NOBODY)
    return pc.if_else(wanted.is_valid(), found, pa.scalar(len(texts), found.type)).to_numpy()


# ---- what answers come to --------------------------------------------------------------------------------------------


def open_answers(engine: Engine, name: str, slices: Sequence[Slice]) -> None:
    """Make the answers of numbered responses readable under `name`, with `response`."""
    tables = []
    for one in slices:
        rows = one.rows.append_column("response", pa.array(one.response))
        rows = rows.filter(pa.array(one.response != NOBODY)) if (one.response == NOBODY).any() else rows
        tables.append(rows.select(["response", *_JUDGED]))
    none = pa.table({"response": pa.array([], pa.int32()), **{one: pa.array([], _TYPES[one]) for one in _JUDGED}})
    is_one = len(tables) == 1
    engine.register(name, tables[0] if is_one else pa.concat_tables([_alike(table) for table in [none, *tables]]))


def close_answers(engine: Engine) -> None:
    """Let go of what `open_answers` made readable."""
    for name in ("answers", "second_answers"):
        open_answers(engine, name, [])


_TYPES = {name: pa.float64() if name == "score" else pa.string() for name in _JUDGED}


def _alike(rows: pa.Table) -> pa.Table:
    """Text as dictionaries of one width, so that slices can stand in one table."""
    wanted = pa.dictionary(pa.int32(), pa.string())
    is_text = [pa.types.is_dictionary(field.type) or pa.types.is_string(field.type) for field in rows.schema]
    fields = [field.with_type(wanted) if text else field for field, text in zip(rows.schema, is_text, strict=True)]
    return rows.cast(pa.schema(fields))


_RATED = "(criterion IS NOT NULL OR measure IS NOT NULL)"
#: The problem of answers to questions that such respondents are not asked.
_NOT_ASKED = "not_asked_of_type"


def sum_by_response(engine: Engine, count: int) -> pa.Table:
    """By number of the response how many rating and measure questions: `n_given` answered by whoever is asked them,
    `n_counted` answered that such respondents are asked, understood or not, `n_usable` of these understood; and of the
    ratings alone `n_scored` understood with their `lowest` and `highest` score."""
    found = engine.query(f"""
        SELECT response,
            COUNT(CASE WHEN {_RATED} THEN 1 END) AS n_given,
            COUNT(CASE WHEN {_RATED} AND COALESCE(problem, '') <> '{_NOT_ASKED}' THEN 1 END) AS n_counted,
            COUNT(CASE WHEN {_RATED} AND problem IS NULL THEN 1 END) AS n_usable,
            COUNT(CASE WHEN criterion IS NOT NULL THEN score END) AS n_scored,
            MIN(CASE WHEN criterion IS NOT NULL THEN score END) AS lowest,
            MAX(CASE WHEN criterion IS NOT NULL THEN score END) AS highest
        FROM answers GROUP BY response""")
    places = found.column("response").to_numpy()
    columns = {}
    for name in found.column_names[1:]:
        values = np.full(count, 0.0 if name.startswith("n_") else np.nan)
        values[places] = pc.fill_null(found.column(name).cast(pa.float64()), float("nan")).to_numpy()
        columns[name] = pa.array(values, from_pandas=True)
    return pa.table(columns)


def find_bad_questions(engine: Engine, contracts: Contracts, survey: Survey) -> dict[str, str]:
    """By name the questions with answers that cannot be, and the rule; Great Expectations judges one row a question.

    Staging gives no such answers; a scale or question that the contracts have changed since does.
    """
    summary = engine.query("""
        SELECT question, COUNT(*) AS n, MIN(score) AS lowest, MAX(score) AS highest
        FROM answers GROUP BY question ORDER BY question""")
    names = summary.column("question").to_pylist()
    scales = [scale_of(contracts, survey, name) for name in names]
    known = {question.name for question in survey.questions}
    summary = summary.append_column("is_question", pa.array([name in known for name in names], pa.bool_()))
    for end in ("min", "max"):
        limits = [getattr(scale, end) if scale else None for scale in scales]
        summary = summary.append_column(f"scale_{end}", pa.array(limits, pa.float64()))
    frame = frame_of(summary, summary.column_names)
    verdicts = run_suite(ANSWERS, frame, _QUESTION_CRITERIA)
    return {names[row]: verdict.criterion.rule for verdict in verdicts for row in verdict.rows.tolist()}


def scale_of(contracts: Contracts, survey: Survey, name: str) -> Scale | None:
    """The scale of a question; None for one that has none."""
    question = survey.question(name)
    return contracts.ratings.scales.get(question.scale or "") if question else None


def _not_below(column: str, against: str, high: str, low: str) -> Criterion:
    arguments = {"column_A": high, "column_B": low, "or_equal": True, "ignore_row_if": "either_value_is_missing"}
    expectation = "ExpectColumnPairValuesAToBeGreaterThanB"
    return Criterion("score_out_of_scale", "critical", "values", expectation, arguments, column, against)


_QUESTION_CRITERIA = (
    _not_below("highest", "scale_max", "scale_max", "highest"),
    _not_below("lowest", "scale_min", "lowest", "scale_min"),
    Criterion(
        "unknown_question", "critical", "values", "ExpectColumnValuesToBeInSet",
        {"column": "is_question", "value_set": [True]}, "question",
    ),
)  # fmt: skip

#: Where two typings of a paper form differ; one row is one question. Free text is nobody's rating and is not compared.
COMPARED = """
    SELECT COALESCE(a.response, b.response) AS response, COALESCE(a.question, b.question) AS question
    FROM (SELECT * FROM answers WHERE response IN (SELECT response FROM twice)) AS a
    FULL OUTER JOIN (SELECT t.response, s.question, s.score, s.choice, s.problem
        FROM second_answers AS s JOIN twice AS t ON t.second = s.response) AS b
        ON b.response = a.response AND b.question = a.question
    WHERE COALESCE(a.score, b.score) IS NOT NULL AND (a.score IS NULL OR b.score IS NULL OR a.score <> b.score)
        OR COALESCE(a.choice, b.choice) IS NOT NULL AND (a.choice IS NULL OR b.choice IS NULL OR a.choice <> b.choice)
        OR COALESCE(a.problem, '') <> COALESCE(b.problem, '')
    ORDER BY 1, 2"""


# ---- the split -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """The round's answers that count as a table or as the one slice that holds them all, and what of a night does not.

    `of_night` counts the accepted answers that the night itself brought, `replaced` those it brought with rows that do
    not speak. `refused` (none, or a table for each part) has a column `rule`.
    """

    accepted: pa.Table | Path
    of_night: int
    refused: list[pa.Table]
    replaced: int


def split_answers(
    lake: Lake, slices: list[Slice], rules: Sequence[str | None], bad_questions: dict[str, str],
    scale_ends: dict[str, tuple[float, float]], night: str, schema: pa.Schema,
) -> Split:  # fmt: skip
    """Split answers by the rule that their response breaks (`rules`, by its number) and by what they say themselves.

    Takes the slices out of the list one by one, so that only one of them is in memory twice. A slice that is alone and
    stays whole is not read again.
    """
    is_refused = np.array([rule is not None for rule in rules] + [False])
    # Why none of a response's answers can be used is said by them.
    is_told_whole = is_refused & np.array([rule != "no_usable_answer" for rule in rules] + [False])
    kept: list[pa.Table] = []
    refused: list[pa.Table] = []
    replaced = of_night = 0
    is_one = len(slices) == 1
    while slices:
        one = slices.pop(0)
        speaks = one.response != NOBODY
        problems = _problems(one.rows, bad_questions, scale_ends)
        is_bad = is_refused[one.response]
        if problems is not None:
            is_bad |= ~pc.is_null(problems).to_numpy(zero_copy_only=False)
        stays = speaks & ~is_bad
        if is_one and stays.all():
            return Split(one.path, len(stays) if one.night == night else 0, [], 0)
        rows = lake.read_narrow(one.path)
        kept.append(rows if stays.all() else rows.filter(pa.array(stays)))
        if one.night == night:
            replaced += int((~speaks).sum())
            of_night += kept[-1].num_rows
            chosen = speaks & is_bad
            gone = rows.filter(pa.array(chosen))
            refused.append(_with_rule(gone, is_told_whole[one.response[chosen]], problems, chosen))
    return Split(_join(kept) if kept else schema.empty_table(), of_night, refused, replaced)


def _join(tables: list[pa.Table]) -> pa.Table:
    """The rows of all, as narrow as they are; dictionaries of two widths do not go together."""
    is_alike = all(table.schema.equals(tables[0].schema) for table in tables)
    return pa.concat_tables(tables if is_alike else map(_alike, tables), promote_options="default")


def _with_rule(
    rows: pa.Table, is_told_whole: npt.NDArray[np.bool_], problems: pa.Array | None, chosen: npt.NDArray[np.bool_]
) -> pa.Table:
    """Refused answers: with their response, or for what they say."""
    whole = pa.scalar("response_refused")
    own = pa.nulls(rows.num_rows, pa.string()) if problems is None else problems.filter(pa.array(chosen))
    return rows.append_column("rule", pc.if_else(pa.array(is_told_whole), whole, pc.coalesce(own, whole)))


def _problems(
    rows: pa.Table, bad_questions: dict[str, str], scale_ends: dict[str, tuple[float, float]]
) -> pa.Array | None:
    """What is wrong with each answer by itself; None where that is nothing for all."""
    problems = rows.column("problem").combine_chunks()
    if not bad_questions and problems.null_count == len(problems):
        return None
    problems = problems.cast(pa.string())
    for question, rule in bad_questions.items():
        is_bad = pc.equal(rows.column("question").cast(pa.string()), question)
        if rule == "score_out_of_scale":
            low, high = scale_ends[question]
            score = rows.column("score")
            is_off = pc.or_(pc.less(score, low), pc.greater(score, high))
            is_bad = pc.and_(is_bad, pc.fill_null(is_off, False))
        problems = pc.if_else(is_bad.combine_chunks(), pc.coalesce(problems, pa.scalar(rule)), problems)
    return problems
