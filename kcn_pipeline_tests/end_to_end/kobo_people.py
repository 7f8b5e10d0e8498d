"""People who answer a form on a KoboToolbox server, change their minds, and delete what they sent.

It must not compare anything. The surprising fact: what is true follows from the replies that people sent, never from
what the server holds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from kcn_pipeline_tests.landing.kobo_server import KoboServer
from kcn_pipeline_tests.simulate.surveys.filling import Filler
from kcn_pipeline_tests.simulate.surveys.history import SurveyState
from kcn_pipeline_tests.simulate.surveys.kobo import APPROVAL, Rename, reply_number, to_submission
from kcn_pipeline_tests.simulate.surveys.opinions import Opinions
from kcn_pipeline_tests.simulate.surveys.people import Respondent
from kcn_pipeline_tests.simulate.surveys.questionnaire import read_questionnaire
from kcn_pipeline_tests.simulate.surveys.replies import Reply

OLD, NEW = "vOld1", "vNew2"
#: The new version calls two questions otherwise.
RENAMED = Rename(
    {
        NEW: {
            "service_satisfaction": "hai_long_dich_vu",
            "social_infrastructure_satisfaction": "hai_long_ha_tang_xa_hoi",
        }
    }
)


@dataclass
class People:
    """Everybody who ever sent something to the form of a survey, by serial number, and what was deleted."""

    server: KoboServer
    seed: int
    survey_id: str = "satisfaction"
    round_code: str = "2025"
    version: str = OLD
    replies: dict[int, Reply] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.form = read_questionnaire(self.survey_id)
        self._filler = Filler(self.form, Opinions(self.seed, {}), {}, self.seed)

    @property
    def uid(self) -> str:
        """The form on the server."""
        return self.form.forms[0]

    def send(self, who: Iterable[Respondent]) -> None:
        """Everybody sends the form once more, on a day of the round that follows from the serial number."""
        days = self.form.rounds[self.round_code]
        length = (days.closes_on - days.opens_on).days
        for one in who:
            serial = len(self.replies) + 1
            day: date = days.opens_on + timedelta(days=serial * length // 5000)
            self._put(self._filler.fill(one, serial, day, self.version))

    def edit(self, serials: Iterable[int]) -> None:
        """Change the scores of what was sent; an edit is of the form's newest version."""
        for serial in serials:
            reply = self.replies[serial]
            scores = {name: 6 - score if score != 3 else 1 for name, score in reply.scores.items()}
            self._put(reply.edited(scores=scores, version=self.version))

    def delete(self, serials: Iterable[int]) -> None:
        """Take back what was sent."""
        for serial in serials:
            reply = self.replies[serial]
            self.deleted.add(reply.root_uuid)
            del self.server.forms[self.uid][reply_number(reply)]

    def review(self, serials: Iterable[int], approval: str) -> None:
        """The board approves or refuses what was sent."""
        for serial in serials:
            self.replies[serial] = replace(self.replies[serial], approval=approval)
            uid, label = APPROVAL[approval]
            row = self.server.forms[self.uid][reply_number(self.replies[serial])]
            row["_validation_status"] = {"uid": uid, "label": label}

    def state(self) -> SurveyState:
        """What is true now."""
        questionnaires = {self.survey_id: self.form}
        return SurveyState(questionnaires, list(self.replies.values()), deleted=self.deleted)

    def sent(self) -> Sequence[int]:
        """The serial numbers of what is on the server."""
        return [serial for serial, reply in self.replies.items() if reply.root_uuid not in self.deleted]

    def _put(self, reply: Reply) -> None:
        self.replies[reply.serial] = reply
        rows = self.server.forms.setdefault(self.uid, {})
        rows[reply_number(reply)] = to_submission(self.form, self.uid, reply, RENAMED)
