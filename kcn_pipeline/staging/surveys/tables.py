"""What was collected of a night's surveys as Arrow tables by round: responses, answers, listings, invitations.

It must not read a payload. The surprising fact: answers are made of numbers that point into short lists of texts; three
million of them as texts would not fit into a night's memory.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.lake import WHOLE
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.staging.surveys.answers import NO_ANSWER, NOT_ASKED
from kcn_pipeline.staging.surveys.collect import ANSWERS, INVITATIONS, LISTINGS, NO_ROUND, RESPONSES, Collector

Row = dict[str, Any]
Parts = dict[str, pa.Table]


def tabulate(collector: Collector, night: str) -> dict[str, Parts]:
    """The staged tables of a night, each by part: `round=indicator_set.2026-1`, or whole.

    What was submitted outside all rounds lies in `round=indicator_set.none`, what belongs to no survey in `round=none`.
    """
    contracts, columns = collector.contracts, _columns_of(collector)
    asked = _asked_among(collector, columns)
    counted = zip(collector.responses, _count_shown(collector, asked), _count_answered(collector, asked), strict=True)
    responses = [
        {
            **row,
            "_night": night,
            "n_shown": shown,
            "n_answered": answered,
            "file_version": collector.number_version(row),
        }
        for row, shown, answered in counted
    ]
    # In an order that tells nothing; that of a list is the register's.
    invited = sorted(collector.invitations, key=lambda row: (row["respondent_key"] or "", row["_line"] or 0))
    invitations = [{**row, "_night": night} for row in invited]
    listings = [{**row, "_night": night} for row in collector.listings]
    return {
        RESPONSES: _by_round(contracts.tables[RESPONSES], responses),
        ANSWERS: _tabulate_answers(contracts.tables[ANSWERS], collector, columns, night),
        LISTINGS: {WHOLE: _to_table(contracts.tables[LISTINGS], listings)},
        INVITATIONS: _by_round(contracts.tables[INVITATIONS], invitations),
    }


def part_of(row: Mapping[str, Any]) -> str:
    """The part in which a row of a response or invitation lies."""
    survey_id, round_code = row.get("survey_id"), row.get("round_code") or NO_ROUND
    return f"round={survey_id}.{round_code}" if survey_id else f"round={NO_ROUND}"


def _by_round(table: Table, rows: Iterable[Row]) -> Parts:
    parts: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        parts[part_of(row)].append(row)
    return {part: _to_table(table, chosen) for part, chosen in parts.items()}


def _to_table(table: Table, rows: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema_of(table))


# ---- answers ---------------------------------------------------------------------------------------------------------


class _Columns(NamedTuple):
    """Response, question and outcome of every answer that says something."""

    response: NDArray[np.int32]
    question: NDArray[np.int32]
    outcome: NDArray[np.int32]


def _columns_of(collector: Collector) -> _Columns:
    answers = collector.answers
    columns = [np.frombuffer(column, np.int32) for column in (answers.response, answers.question, answers.outcome)]
    says = columns[2] != NO_ANSWER
    return _Columns(*(columns if says.all() else (column[says] for column in columns)))


def _asked_among(collector: Collector, columns: _Columns) -> _Columns:
    """The answers to questions that are asked of such respondents."""
    is_asked = np.array([each.problem != NOT_ASKED for each in collector.answers.outcomes], bool)
    chosen = is_asked[columns.outcome]
    return columns if is_asked.all() else _Columns(*(column[chosen] for column in columns))


def _count_answered(collector: Collector, columns: _Columns) -> list[int]:
    """By response: how many rating and measure questions were answered, understood or not."""
    is_scored = np.array([each.is_scored for each in collector.answers.questions], bool)[columns.question]
    return np.bincount(columns.response[is_scored], minlength=len(collector.responses)).tolist()


def _count_shown(collector: Collector, columns: _Columns) -> list[int | None]:
    """By response: how many rating and measure questions its form has, as far as anybody answered them tonight.

    Forms are told apart by survey, channel, version and who is asked.
    """
    named = [
        (row.get("survey_id"), row["channel"], row["form_version"], row.get("respondent_type"))
        for row in collector.responses
    ]
    groups = {group: number for number, group in enumerate(dict.fromkeys(named))}
    group_of = np.array([groups[group] for group in named], np.int64)
    is_met = np.zeros((len(groups), len(collector.answers.questions)), bool)
    is_met[group_of[columns.response], columns.question] = True
    counts = is_met[:, [each.is_scored for each in collector.answers.questions]].sum(axis=1)
    of_survey = zip(group_of, collector.responses, strict=True)
    return [int(counts[group]) if row.get("survey_id") else None for group, row in of_survey]


def _tabulate_answers(table: Table, collector: Collector, columns: _Columns, night: str) -> Parts:
    """The answers by part, in the order in which they came."""
    named = [part_of(row) for row in collector.responses]
    # A round without a single answer has its part too: it was touched.
    parts = {part: number for number, part in enumerate(dict.fromkeys(named))}
    build = _AnswerTable(table, collector, night)
    if len(parts) == 1:
        return {part: build.of(columns) for part in parts}
    number_of = np.array([parts[part] for part in named], np.int32)[columns.response]
    chosen = {part: np.flatnonzero(number_of == number) for part, number in parts.items()}
    return {part: build.of(_Columns(*(column[at] for column in columns))) for part, at in chosen.items()}


class _AnswerTable:
    """Turns answers into rows: texts by response, by question and by outcome are each listed once."""

    def __init__(self, table: Table, collector: Collector, night: str) -> None:
        self._schema = schema_of(table)
        self._responses = collector.responses
        self._questions = collector.answers.questions
        self._outcomes = collector.answers.outcomes
        self._night = night

    def of(self, answers: _Columns) -> pa.Table:
        """The rows of some answers."""
        response, question, outcome = map(pa.array, answers)
        columns = {
            "score": pa.array([each.score for each in self._outcomes], pa.float64()).take(outcome),
            "question": _pick([each.name for each in self._questions], question),
            "_night": _pick([self._night], pa.array(np.zeros(len(response), np.int8))),
            "_line": pa.array([row.get("_line") for row in self._responses], pa.int64()).take(response),
        }
        for name in ("response_id", "version_key", "survey_id", "round_code", *_BOOKKEEPING):
            columns[name] = _pick([row.get(name) for row in self._responses], response)
        for name in ("indicator_code", "criterion", "measure"):
            columns[name] = _pick([getattr(each, name) for each in self._questions], question)
        for name in ("choice", "comment", "raw_text", "problem"):
            columns[name] = _pick([getattr(each, name) for each in self._outcomes], outcome)
        return pa.table({name: columns[name] for name in self._schema.names})


#: What an answer has from its response; the line is a number.
_BOOKKEEPING = ("_source", "_payload", "_file", "_sheet", "_cell")


def _pick(texts: Sequence[str | None], numbers: pa.Array) -> pa.Array:
    """A column of the texts that the numbers point to, each text kept once."""
    places = {text: place for place, text in enumerate(dict.fromkeys(text for text in texts if text is not None))}
    if not places:
        return pa.nulls(len(numbers), pa.string())
    width = pa.int8() if len(places) < 2**7 else pa.int16() if len(places) < 2**15 else pa.int32()
    index = pa.array([None if text is None else places[text] for text in texts], width)
    return pa.DictionaryArray.from_arrays(index.take(numbers), pa.array(places.keys(), pa.string()))
