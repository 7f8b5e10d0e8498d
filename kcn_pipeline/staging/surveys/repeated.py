"""Submissions that stand several times in one payload and answer differently, though a tool writes each of them once.

It must not decide which of them counts; validation does. The surprising fact: neither an edit, which is another version
with a uuid of its own, nor a paper form, which may be typed twice, is such a submission.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import replace

from kcn_pipeline.findings import Place
from kcn_pipeline.staging.surveys.answers import NO_ANSWER
from kcn_pipeline.staging.surveys.collect import Collector
from kcn_pipeline.staging.surveys.grids import list_some

#: A number that two rows have; of all other tools a version is told by its own uuid.
_NUMBERED = "limesurvey"
_TYPED = "paper"
#: So many submissions are told with their lines.
_SHOWN = 10
_SAID = ("respondent_type", "respondent_key", "park_code", "round_code", "is_finished", "is_test", "problem")


def note_repeated(collector: Collector, place: Place, start: int) -> None:
    """Note, in one finding, the submissions of a payload that stand in it several times and differ.

    `start` is the number of the first response that the payload gave.
    """
    by_name: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for number, row in enumerate(collector.responses[start:], start):
        if row["channel"] != _TYPED:
            by_name[row["response_id"], None if row["channel"] == _NUMBERED else row["version_key"]].append(number)
    differing = [same for same in by_name.values() if len(same) > 1 and len({_say(collector, one) for one in same}) > 1]
    if not differing:
        return
    rows = [[collector.responses[one] for one in same] for same in differing]
    here = replace(place, sheet=rows[0][-1]["_sheet"], line=rows[0][-1]["_line"])
    said = " · ".join(list_some([f"{row['_line']}" for row in same]) for same in rows[:_SHOWN])
    detail = said + " · …" * (len(rows) > _SHOWN)
    collector.note("response_repeated", "payload", here, found=len(rows), detail=detail)


def _say(collector: Collector, number: int) -> Hashable:
    """What a response says, equal for equal ones."""
    answers, row = collector.answers, collector.responses[number]
    start, end = bisect_left(answers.response, number), bisect_left(answers.response, number + 1)
    given = zip(answers.question[start:end], answers.outcome[start:end], strict=True)
    return tuple(row.get(name) for name in _SAID), frozenset(pair for pair in given if pair[1] != NO_ANSWER)
