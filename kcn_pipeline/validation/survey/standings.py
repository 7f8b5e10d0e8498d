"""Whose answer counts: of one respondent the newest that is still there; and what a respondent said at one moment.

It must not judge a response: what comes in here is usable. The surprising fact: two answers of one respondent may bear
the same second, and two paper forms the same day; then the one counts that came last, and that is told if they differ.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from kcn_pipeline.engine import Engine
from kcn_pipeline.validation.staged import set_column
from kcn_pipeline.validation.survey.versions import NEWEST_FIRST

_NAMES = (
    "response_id", "respondent_type", "who", "submitted_at", "is_deleted", "_night", "_source", "_file", "_payload",
    "_sheet", "_line",
)  # fmt: skip
#: Beside each row the newest of its respondent: by time, then as elsewhere by the order in which rows come.
_RANKED = f"""
    SELECT c.number, c.is_deleted, c.submitted_at, FIRST_VALUE(c.number) OVER newest AS newest,
        FIRST_VALUE(c.submitted_at) OVER newest AS newest_at
    FROM counting AS c
    WINDOW newest AS (PARTITION BY c.is_deleted, c.respondent_type, c.who
        ORDER BY c.submitted_at DESC, {NEWEST_FIRST.format("c", "")}, c.response_id DESC)
    ORDER BY c.number"""

#: Pairs of responses that answer any question otherwise; as with paper forms typed twice, free text is not compared.
_DIFFERING = """
    SELECT DISTINCT q.response, q.other FROM (
        SELECT t.response, t.other, a.question, COUNT(*) AS n, MIN(a.said) AS lowest, MAX(a.said) AS highest
        FROM (
            SELECT response, other, response AS one FROM tied UNION ALL SELECT response, other, other AS one FROM tied
        ) AS t
        JOIN (
            SELECT response, CAST(question AS VARCHAR) AS question,
                COALESCE(CAST(score AS VARCHAR), CAST(choice AS VARCHAR), CAST(problem AS VARCHAR)) AS said
            FROM answers
        ) AS a ON a.response = t.one AND a.said IS NOT NULL
        GROUP BY t.response, t.other, a.question
    ) AS q
    WHERE q.n = 1 OR q.lowest <> q.highest ORDER BY q.response, q.other"""


class Standings(NamedTuple):
    """The rows with their standing, and by row that counts those of the same respondent and moment that do not."""

    rows: pa.Table
    tied: Mapping[int, Sequence[int]]


def find_standings(engine: Engine, rows: pa.Table, broken: Sequence[str | None]) -> Standings:
    """The standing of every row that breaks no rule; none for the others."""
    numbers = pa.array([number for number, rule in enumerate(broken) if rule is None], pa.int64())
    engine.register("counting", rows.select(_NAMES).take(numbers).append_column("number", numbers))
    standing: list[str | None] = [None] * rows.num_rows
    tied: dict[int, list[int]] = defaultdict(list)
    for row in engine.query(_RANKED).to_pylist():
        number, newest = row["number"], row["newest"]
        standing[number] = "deleted" if row["is_deleted"] else "current" if number == newest else "superseded"
        if standing[number] == "superseded" and row["submitted_at"] == row["newest_at"]:
            tied[newest].append(number)
    return Standings(set_column(rows, "standing", pa.array(standing, pa.string())), tied)


def find_differing(engine: Engine, found: Standings, night: str) -> dict[int, list[int]]:
    """Of the rows of one respondent and moment those that answer otherwise, where the night brought one of the two.

    Needs the round's answers readable as `answers`.
    """
    nights = found.rows.column("_night").to_pylist()
    pairs = [(one, other) for one, others in found.tied.items() for other in others]
    pairs = [pair for pair in pairs if night in (nights[pair[0]], nights[pair[1]])]
    if not pairs:
        return {}
    columns = np.array(pairs, np.int32).T
    engine.register("tied", pa.table({"response": columns[0], "other": columns[1]}))
    differing: dict[int, list[int]] = defaultdict(list)
    for row in engine.query(_DIFFERING).to_pylist():
        differing[row["response"]].append(row["other"])
    return differing
