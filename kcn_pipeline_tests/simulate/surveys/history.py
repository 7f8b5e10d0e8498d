"""The surveys of a province: their files by night, and what is true of them on a night.

It must not hold a formula. The surprising fact: every round is added up from meanings that were known before a file was
written, and a file is never read.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from kcn_pipeline_tests.simulate.surveys.files import Invitation, SurveyFile, WrittenSample
from kcn_pipeline_tests.simulate.surveys.mishaps import MASKED, Mishap
from kcn_pipeline_tests.simulate.surveys.outcome import CURRENT, DELETED, OLDER, QUARANTINED, Outcome, by_round, judge
from kcn_pipeline_tests.simulate.surveys.people import Respondent
from kcn_pipeline_tests.simulate.surveys.questionnaire import Questionnaire, read_questionnaire, read_thresholds
from kcn_pipeline_tests.simulate.surveys.ratings import PROVINCE, RoundTruth, count_parks, unshown_of_type
from kcn_pipeline_tests.simulate.surveys.replies import Reply

Row = dict[str, Any]
SURVEYS = ("indicator_set", "satisfaction")


class Surveys:
    """Files, invitations, and the truth as of a night."""

    def __init__(self, written: WrittenSample) -> None:
        self.written = written
        self.questionnaires: dict[str, Questionnaire] = {name: read_questionnaire(name) for name in SURVEYS}

    def files(self, first_night: str = "", last_night: str = "9999") -> list[SurveyFile]:
        """The files that arrive in these nights."""
        return [file for file in self.written.files if first_night <= file.night <= last_night]

    def state(self, night: str = "9999") -> "SurveyState":
        """What is true on a night."""
        replies = [reply for file in self.files(last_night=night) for reply in file.replies]
        return SurveyState(self.questionnaires, replies, self.written.invited, self.written.mishaps, night=night)

    @cached_property
    def planted(self) -> list[str]:
        """Everything that tells who somebody is and must be found nowhere but in landing.

        Names of firms and tax codes of the register are not among them: the register publishes both.
        """
        found: set[str] = set()
        for file in self.written.files:
            for reply in file.replies:
                found |= identities_of(reply)
        return sorted(found)


def identities_of(reply: Reply) -> set[str]:
    """What a reply tells of a person, and codes that the register does not know."""
    found = set(reply.respondent.person.identities)
    if reply.respondent.respondent_type != "enterprise" or reply.refused == "unknown_enterprise":
        found.add(reply.typed_key)
    for comment in reply.comments.values():
        if "@" in comment:
            words = comment.replace(",", " ").split()
            found |= {word.strip(".") for word in words if "@" in word or sum(letter.isdigit() for letter in word) > 8}
    return found - {""}


class SurveyState:
    """What is true when these replies are known, and the submissions `deleted` (root uuids) are gone again."""

    def __init__(
        self,
        questionnaires: Mapping[str, Questionnaire],
        replies: Sequence[Reply],
        invited: Sequence[Invitation] = (),
        mishaps: Sequence[Mishap] = (),
        deleted: Collection[str] = (),
        night: str = "9999",
    ) -> None:
        self.questionnaires, self.replies = questionnaires, replies
        self.outcomes = judge(questionnaires, replies, deleted)
        self.rounds = by_round(self.outcomes)
        self.thresholds = read_thresholds()
        self._invited, self._mishaps, self._night = invited, mishaps, night

    def is_told(self, survey_id: str, round_code: str) -> bool:
        """Whether what respondents say is told on the night: how they answered only of a round that has closed."""
        closes_on = self.questionnaires[survey_id].rounds[round_code].closes_on
        return self._night > closes_on.isoformat() or bool(self.thresholds["publish_open_rounds"])

    def invited(self, survey_id: str, round_code: str) -> list[Respondent]:
        """Who was invited to a round."""
        return [one for survey, code, one in self._invited if (survey, code) == (survey_id, round_code)]

    # ---- tables ------------------------------------------------------------------------------------------------------

    def ratings(self) -> Iterator[Row]:
        """The true rows of `fct_indicator_rating`."""
        for key, truth in self._rated.items():
            for row in truth.ratings():
                yield {**_named(key), **row}

    def statistics(self) -> Iterator[Row]:
        """The true rows of `fct_survey_statistic`."""
        for key, truth in self._rated.items():
            for row in truth.statistics():
                yield {**_named(key), **row}

    def assessments(self) -> Iterator[Row]:
        """The true rows of `fct_indicator_assessment`, without their texts."""
        previous: dict[str, str] = {}
        for key, truth in self._rated.items():
            rows = list(truth.assessments(previous))
            previous = {row["indicator_code"]: row["verdict"] for row in rows}
            yield from ({**_named(key), **row} for row in rows)

    @cached_property
    def _rated(self) -> dict[tuple[str, str], RoundTruth]:
        """The rounds that are told of surveys that rate, in the order of time."""
        return {
            key: RoundTruth(self.questionnaires[key[0]], key[1], outcomes, self.invited(*key))
            for key, outcomes in self.rounds.items()
            if self.questionnaires[key[0]].kind == "rating" and self.is_told(*key)
        }

    def rates(self) -> Iterator[Row]:
        """The true rows of `fct_survey_response`."""
        for (survey_id, round_code), outcomes in self.rounds.items():
            invited = self.invited(survey_id, round_code)
            types = {one.respondent_type for one in outcomes} | {one.respondent_type for one in invited}
            for respondent_type in sorted(types):
                mine = [one for one in outcomes if one.respondent_type == respondent_type]
                asked = [one for one in invited if one.respondent_type == respondent_type]
                key = {**_named((survey_id, round_code)), "respondent_type": respondent_type}
                whole = _rate(mine, asked, bool(asked))
                yield {**key, "level": "province", "area_code": PROVINCE, **whole, "conf_status": "F"}
                hidden = self._unshown(survey_id, round_code, respondent_type)
                parks = {one.park_code for one in mine} | {one.park_code for one in asked}
                for park in sorted(filter(None, parks)):
                    there = [one for one in mine if one.park_code == park], [o for o in asked if o.park_code == park]
                    row = {**_rate(*there, bool(asked)), "conf_status": "F"}
                    if park in hidden:
                        row = dict.fromkeys(row) | {"n_invited": row["n_invited"], "conf_status": "C"}
                    yield {**key, "level": "park", "area_code": park, **row}

    def _unshown(self, survey_id: str, round_code: str, respondent_type: str) -> set[str]:
        """The parks of which is not told who of a type answered a round."""
        outcomes, invited = self.rounds[survey_id, round_code], self.invited(survey_id, round_code)
        return unshown_of_type(outcomes, invited, respondent_type, self.thresholds["min_respondents"])

    def comments(self) -> Iterator[Row]:
        """What was written on indicators; text None where identities had to be masked."""
        telling = {(one.serial, one.question) for one in self._mishaps if one.expected == MASKED}
        for key, outcomes in self.rounds.items():
            fields = {one.name: one.indicator_code for one in self.questionnaires[key[0]].of_role("comment")}
            for one in outcomes:
                for name, text in one.reply.comments.items() if one.standing == CURRENT else ():
                    if fields[name] and self.is_told(*key):
                        shown = None if (one.reply.serial, name) in telling else text
                        yield {**_named(key), "indicator_code": fields[name], "comment": shown}

    def measured(self, measure: str, period_code: str) -> list[Row]:
        """Who scored a measure for a period: respondent, park and score."""
        rows = []
        for (survey_id, round_code), outcomes in self.rounds.items():
            form = self.questionnaires[survey_id]
            names = [one.name for one in form.of_role("measure") if one.measure == measure]
            if form.rounds[round_code].period == period_code and self.is_told(survey_id, round_code):
                for one in outcomes:
                    for name in names:
                        if one.standing == CURRENT and name in one.reply.scores:
                            who = {"respondent_key": one.reply.key, "park_code": one.park_code}
                            rows.append({**who, "score": one.reply.scores[name]})
        return rows

    def crowd(self, measure: str, period_code: str) -> tuple[Mapping[str, int], set[str]]:
        """How many of each park answered the rounds that measure something for a period, of those who are asked it.

        And the parks of which that is not told of one of the rounds.
        """
        found: Counter[str] = Counter()
        unshown: set[str] = set()
        for (survey_id, round_code), outcomes in self.rounds.items():
            form = self.questionnaires[survey_id]
            types = {kind for one in form.of_role("measure") if one.measure == measure for kind in one.respondent_types}
            if form.rounds[round_code].period == period_code:
                for kind in types:
                    found.update(count_parks(outcomes, self.invited(survey_id, round_code), kind))
                    unshown |= self._unshown(survey_id, round_code, kind)
        return found, unshown

    def refused(self) -> dict[str, int]:
        """How many replies every rule refuses."""
        return dict(sorted(Counter(one.reply.refused for one in self.outcomes if one.reply.refused).items()))

    def lost(self) -> dict[tuple[str, str], int]:
        """How many answers of accepted replies every rule takes out, by rule and question."""
        found: dict[tuple[str, str], int] = defaultdict(int)
        for one in self.outcomes:
            for question, rule in one.reply.lost.items() if not one.reply.refused else ():
                found[rule, question] += 1
        return dict(sorted(found.items()))


def _named(key: tuple[str, str]) -> Row:
    return {"survey_id": key[0], "round_code": key[1]}


def _rate(outcomes: Sequence[Outcome], invited: Sequence[Respondent], is_listed: bool) -> Row:
    """How many were invited and answered; a rate is of the invited, who came uninvited is not in it."""
    counts = Counter(one.standing for one in outcomes)
    answered = {one.reply.key for one in outcomes if one.standing == CURRENT}
    kept = sum(one.key in answered for one in invited)
    return {
        "n_invited": len(invited) if is_listed else None,
        "n_received": len(outcomes),
        "n_current": counts[CURRENT],
        "n_superseded": counts[OLDER],
        "n_deleted": counts[DELETED],
        "n_quarantined": counts[QUARANTINED],
        "n_flagged": sum(bool(one.reply.flags) for one in outcomes if one.standing == CURRENT),
        "response_rate_pct": 100 * kept / len(invited) if invited else None,
    }
