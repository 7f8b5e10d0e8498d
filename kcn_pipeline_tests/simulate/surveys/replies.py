"""One filled form: who filled it in and when, what the answers mean, and how they were written.

It must not know a file. The surprising fact: an answer that must not count has no score here at all, only its text and
the rule, so nothing has to be taken out of the truth later.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from kcn_pipeline_tests.simulate.surveys.people import Respondent
from kcn_pipeline_tests.simulate.surveys.questionnaire import Field, Questionnaire

#: Local time is seven hours ahead of UTC.
LOCAL = timedelta(hours=7)


@dataclass
class Reply:
    """One filled form. Times are local without zone.

    scores      what counted answers mean, by question; those that must not count are in `lost` instead
    written     how an answer is written where it is not the plain code or label, by question
    lost        the rule by which an answer is not rated, by question
    others      answers to the other questions: codes (blanks between several), text
    asked       the questions that stand in this version of the form
    refused     the rule that puts the whole response into quarantine
    """

    survey_id: str
    respondent: Respondent
    serial: int
    submitted_at: datetime
    minutes: float = 25.0
    version: str = "v3"
    scores: dict[str, int] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    written: dict[str, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    typed_key: str = ""
    typed_park: str | None = None
    is_test: bool = False
    is_finished: bool = True
    approval: str | None = None
    refused: str = ""
    flags: frozenset[str] = frozenset()
    #: How often it has been edited, and when first sent.
    edits: int = 0
    #: Of a paper form typed twice.
    entry: int = 1
    attachments: int = 0

    @property
    def started_at(self) -> datetime:
        """When the form was opened."""
        return self.ended_at - timedelta(minutes=self.minutes)

    @property
    def ended_at(self) -> datetime:
        """When the form was closed: a minute before it was sent."""
        return self.submitted_at - timedelta(minutes=1)

    @property
    def root_uuid(self) -> str:
        """The uuid that stays."""
        return _uuid(self.survey_id, self.serial, 0)

    @property
    def uuid(self) -> str:
        """The uuid of this version."""
        return _uuid(self.survey_id, self.serial, self.edits)

    @property
    def deprecated_uuid(self) -> str | None:
        """The uuid of the version before."""
        return _uuid(self.survey_id, self.serial, self.edits - 1) if self.edits else None

    @property
    def key(self) -> tuple[str, str]:
        """Who answered, as far as can be told."""
        return self.respondent.key

    def edited(self, **changes: Any) -> "Reply":
        """The same reply after an edit."""
        return replace(self, edits=self.edits + 1, **changes)


def _uuid(survey_id: str, serial: int, edits: int) -> str:
    number = sum(ord(letter) << (3 * place) for place, letter in enumerate(survey_id)) % 0xFFFFFFFF
    return f"{number:08x}-0000-4000-8000-{edits:02x}{serial:010x}"


def written_answers(questionnaire: Questionnaire, reply: Reply, language: str | None) -> Iterator[tuple[Field, str]]:
    """What stands in the form, in its order: codes, or labels of a language. Blanks are left out."""
    for one in questionnaire.asked(reply.respondent.respondent_type):
        text = _written(one, reply, language)
        if text:
            yield one, text


def _written(one: Field, reply: Reply, language: str | None) -> str:
    if one.name in reply.written:
        return reply.written[one.name]
    if one.is_counted:
        return _shown(one, str(reply.scores[one.name]), language) if one.name in reply.scores else ""
    if one.role == "comment":
        return reply.comments.get(one.name, "")
    if one.role == "respondent_type":
        return _shown(one, reply.respondent.respondent_type, language)
    if one.role == "key":
        return reply.typed_key if reply.respondent.respondent_type in one.key_of else ""
    if one.role == "park":
        park = reply.typed_park if reply.typed_park is not None else reply.respondent.park_code or ""
        return _shown(one, park, language)
    if one.role == "test":
        return _shown(one, "yes", language) if reply.is_test else ""
    if one.kind == "select_multiple" and one.name in reply.others:
        return _between(language).join(_shown(one, code, language) for code in reply.others[one.name].split())
    return _shown(one, reply.others.get(one.name, ""), language)


def _between(language: str | None) -> str:
    return " " if language is None else ", "


def _shown(one: Field, code: str, language: str | None) -> str:
    label = one.options.get(code)
    return label[language] if label and language else code
