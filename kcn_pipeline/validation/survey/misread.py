"""Answers that were not understood, as few groups as tell an officer what to do.

It must not word a finding. The surprising fact: one wrong label in a form is wrong in two hundred and eighty columns,
and one shifted column has a thousand wrong labels; so answers are grouped by question, and questions by their labels.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.findings import Place

#: So many labels and lines are shown of a group, the most frequent and the first ones.
_LABELS, _LINES = 3, 5
#: Staging keeps no longer text of an answer that it did not understand.
_LONGEST = 20
_FILE = ("_source", "_payload", "_file", "_sheet")


@dataclass
class Group:
    """The answers of one file that break one rule alike: in which questions, with which masked texts, on what lines."""

    rule: str
    place: Place
    questions: list[str] = field(default_factory=list)
    texts: Counter[str | None] = field(default_factory=Counter)
    lines: set[int] = field(default_factory=set)

    @property
    def first_text(self) -> str | None:
        """The most frequent of the texts."""
        return self._ordered[0]

    @property
    def said(self) -> str:
        """Some of the texts, how many answers there are, and the first of their lines."""
        shown = [(text or "—")[:_LONGEST] for text in self._ordered[:_LABELS]]
        lines = sorted(self.lines)
        at = [f"dòng/line {_some([str(line) for line in lines[:_LINES]], len(lines))}"] if lines else []
        count = "; ".join([f"{self.texts.total()} ×", *at])
        return f"{_some(shown, len(self.texts))} ({count})"

    @property
    def _ordered(self) -> list[str | None]:
        return sorted(self.texts, key=lambda text: (-self.texts[text], text or ""))


def group_answers(refused: pa.Table) -> list[Group]:
    """The answers that are refused for what they say, at most one group for every file, rule and question.

    Questions of a file with the same texts, none of which was understood, are one group. Answers of refused responses
    are left out.
    """
    rows = refused.select(["rule", *_FILE, "question", "raw_text", "_line"])
    rows = rows.filter(pc.not_equal(rows.column("rule"), "response_refused"))
    by_question: dict[tuple[Any, ...], Group] = {}
    for row in _count(rows):
        key = (row["rule"], *(row[name] for name in _FILE), row["question"])
        group = by_question.setdefault(
            key, Group(row["rule"], Place(*(row[name] for name in _FILE)), [row["question"]])
        )
        group.texts[row["raw_text"]] += row["count"]
        group.lines.update(line for line in row["lines"] if line is not None)
    return _join(group for _, group in sorted(by_question.items(), key=lambda item: str(item[0])))


def _count(rows: pa.Table) -> list[dict[str, Any]]:
    """By file, question and text how many answers there are, with the first of their lines."""
    keys = ["rule", *_FILE, "question", "raw_text"]
    wanted = [("_line", "count", pc.CountOptions(mode="all")), ("_line", "list")]
    found = rows.combine_chunks().group_by(keys, use_threads=False).aggregate(wanted)
    # One more than is shown tells that there are more.
    lines = pc.list_slice(found.column("_line_list"), 0, _LINES + 1)
    return (
        found.select(keys).append_column("count", found.column("_line_count")).append_column("lines", lines).to_pylist()
    )


def _join(groups: Iterable[Group]) -> list[Group]:
    """The groups of questions with the same texts as one."""
    joined: dict[tuple[Any, ...], Group] = {}
    for group in groups:
        first = joined.setdefault((group.rule, group.place, frozenset(group.texts)), group)
        if first is not group:
            first.questions += group.questions
            first.texts.update(group.texts)
            first.lines |= group.lines
    return list(joined.values())


def _some(texts: list[str], count: int) -> str:
    return ", ".join([*texts, *["…"] * (count > len(texts))])
