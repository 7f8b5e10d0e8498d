"""Fills in forms: a reply of a respondent on a day, with scores, comments and gaps drawn for it alone.

It must not spoil anything (`mishaps.py`). The surprising fact: whoever is `thorough` leaves no question out; some must
be, because that a question was put at all shows only where somebody answered it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from kcn_pipeline_tests.simulate.province import stream
from kcn_pipeline_tests.simulate.surveys.opinions import COMMENTS, Opinions
from kcn_pipeline_tests.simulate.surveys.people import Respondent
from kcn_pipeline_tests.simulate.surveys.questionnaire import Questionnaire
from kcn_pipeline_tests.simulate.surveys.replies import Reply

#: Share of questions that somebody who is not thorough leaves out.
_GAPS = 0.06
_COMMENTED = 0.02


@dataclass(frozen=True)
class Filler:
    """Fills in one survey. `absent` are questions that a version of the form does not ask."""

    questionnaire: Questionnaire
    opinions: Opinions
    absent: Mapping[str, Collection[str]]
    seed: int

    def fill(
        self,
        respondent: Respondent,
        serial: int,
        day: date,
        version: str,
        *,
        thorough: bool = False,
        omitted: Collection[str] = (),
    ) -> Reply:
        """A clean reply sent on a day; `omitted` are questions that this tool's form does not have."""
        draw = stream(self.seed, "reply", self.questionnaire.survey_id, serial)
        at = datetime.combine(day, time(7, 30)) + timedelta(minutes=draw.randrange(540), seconds=draw.randrange(60))
        missing = {*self.absent.get(version, ()), *omitted}
        asked = [one for one in self.questionnaire.asked(respondent.respondent_type) if one.name not in missing]
        bias = draw.gauss(0, 0.15)
        reply = Reply(
            self.questionnaire.survey_id, respondent, serial, at, draw.randrange(18, 75), version,
            typed_key=respondent.identity,
        )  # fmt: skip
        for one in asked:
            is_skipped = not thorough and draw.random() < _GAPS
            if one.role == "rating" and not is_skipped:
                reply.scores[one.name] = self.opinions.draw_score(
                    draw, one.indicator_code or "", one.criterion or "", bias
                )
            elif one.role == "measure":
                reply.scores[one.name] = draw.choice((5, 5, 4, 4, 4, 4, 3, 3, 2, 1))
            elif one.role == "comment" and one.indicator_code and draw.random() < _COMMENTED:
                reply.comments[one.name] = draw.choice(COMMENTS)
        reply.asked = frozenset(one.name for one in asked)
        person = respondent.person
        said = {
            "respondent_name": person.name,
            "phone": person.phone,
            "email": person.email,
            "position": draw.choice(("Kế toán trưởng", "Trưởng phòng hành chính", "Phó giám đốc")),
            "data_kept_in": " ".join(sorted(draw.sample(("accounting", "meters", "paper", "spreadsheets"), 2))),
            "report_hours": str(draw.randrange(4, 60)),
        }
        reply.others = {name: text for name, text in said.items() if name in reply.asked}
        return reply
