"""What counts: which replies are accepted, superseded or refused, in which round, and for which park.

It must not compute a statistic. The surprising fact: a reply is found by who sent it and when, never by the file it
lies in, so a submission that came by the API and by an export is one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kcn_pipeline_tests.simulate.surveys.questionnaire import Questionnaire, Round
from kcn_pipeline_tests.simulate.surveys.replies import Reply

CURRENT, OLDER, DELETED, QUARANTINED = "current", "superseded", "deleted", "quarantined"
#: Of a reply whose respondent type cannot be told.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Outcome:
    """What became of one reply; `round_code` is None outside all rounds."""

    reply: Reply
    round_code: str | None
    standing: str

    @property
    def respondent_type(self) -> str:
        """The type, as far as the form tells."""
        return UNKNOWN if self.reply.refused == "unknown_respondent_type" else self.reply.respondent.respondent_type

    @property
    def park_code(self) -> str | None:
        """The park that it counts for: that of the register, even where the form states none that exists."""
        return self.reply.respondent.park_code


def judge(
    questionnaires: Mapping[str, Questionnaire], replies: Iterable[Reply], deleted: Iterable[str] = ()
) -> list[Outcome]:
    """The outcome of every reply; one given twice counts once, the second entry of paper never.

    `deleted` are the root uuids of submissions that are no longer on the server.
    """
    known: dict[str, Reply] = {}
    for reply in replies:
        if reply.entry == 1 and (reply.root_uuid not in known or known[reply.root_uuid].edits < reply.edits):
            known[reply.root_uuid] = reply
    gone = set(deleted)
    newest: dict[tuple[str, str | None, tuple[str, str]], Reply] = {}
    for reply in known.values():
        if not reply.refused and reply.root_uuid not in gone:
            key = reply.survey_id, round_of(questionnaires, reply), reply.key
            if key not in newest or newest[key].submitted_at < reply.submitted_at:
                newest[key] = reply
    winners = {reply.root_uuid for reply in newest.values()}
    return [
        Outcome(reply, round_of(questionnaires, reply), _standing(reply, gone, winners)) for reply in known.values()
    ]


def _standing(reply: Reply, gone: set[str], winners: set[str]) -> str:
    if reply.refused:
        return QUARANTINED
    if reply.root_uuid in gone:
        return DELETED
    return CURRENT if reply.root_uuid in winners else OLDER


def round_of(questionnaires: Mapping[str, Questionnaire], reply: Reply) -> str | None:
    """The round in whose days a reply was sent."""
    day = reply.submitted_at.date()
    found: list[Round] = [
        one for one in questionnaires[reply.survey_id].rounds.values() if one.opens_on <= day <= one.closes_on
    ]
    return found[0].code if found else None


def by_round(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], list[Outcome]]:
    """The outcomes of every round, rounds in their order."""
    found: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for one in outcomes:
        if one.round_code is not None:
            found[one.reply.survey_id, one.round_code].append(one)
    return {key: found[key] for key in sorted(found)}
