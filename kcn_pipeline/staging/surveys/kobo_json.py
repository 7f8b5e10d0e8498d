"""Pages of KoboToolbox's API v2, as they land from the server or lie in a folder as files: answers, or a listing.

It must not follow a page to the next one, nor judge. The surprising fact: a page may hold submissions that have not
changed, since a server that cannot be asked for some is asked for all; they are then the same version once more.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kcn_pipeline.contracts.surveys import Question, Survey
from kcn_pipeline.findings import Place
from kcn_pipeline.settings import VIETNAM
from kcn_pipeline.staging.surveys.collect import LISTINGS, RESPONSES, Collector, ResponseMeta
from kcn_pipeline.staging.surveys.grids import list_some
from kcn_pipeline.staging.surveys.kobo_pages import NotFinite, Page, PageError, Repeated, open_page
from kcn_pipeline.staging.surveys.recognise import (
    PERSONAL_COLUMNS,
    Recogniser,
    is_own_column,
    mark_ambiguous,
    note_ambiguous,
)
from kcn_pipeline.staging.vietnamese import Convention

_FORM = re.compile(r"[A-Za-z0-9_-]{1,40}")
#: So many submissions of a page are looked at to recognise its survey.
_LOOKED_AT = 50
#: A decimal point, whatever the language of the form.
_CONVENTION: Convention = "en"
#: Of repeat groups inside one another no form has more.
_DEEPEST = 10
#: What tells a submission and its night.
_DECIDING = frozenset(["_uuid", "meta/instanceID", "meta/rootUuid", "_submission_time", "_validation_status"])
#: What an object answers to a question on a scale: something, and nothing that is on the scale.
_NESTED = "{…}"
#: Kinds whose answers are words of the respondent.
_FREE = frozenset(["text", "note"])
#: Answers that are read as they are.
_TEXTS = frozenset([str, type(None)])

Row = dict[str, Any]


def read_kobo_json(
    collector: Collector, recogniser: Recogniser, place: Place, content: bytes, metadata: Mapping[str, Any]
) -> bool:
    """Give the submissions of a page to the collector; whether it was a page, and that of a known survey."""
    try:
        page = open_page(place, content, metadata)
    except PageError as error:
        collector.note(error.rule, "payload", replace(place, line=error.line), detail=error.detail)
        return False
    table = LISTINGS if page.is_listing else RESPONSES
    _note_submissions(collector, "submission_no_object", place, page.no_objects, table)
    _note_submissions(collector, "submission_unreadable", place, page.unreadable, table)
    _note_submissions(collector, "number_not_finite", place, page.not_finite, table)
    if not page.rows:
        return not (page.no_objects or page.unreadable)
    surveys = _surveys_of(recogniser, place, page)
    if not surveys and not any(_instance_of(row) for _, row in page.rows):
        collector.note("not_kobo_json", "payload", place, found=len(page.rows), detail="_uuid")
        return False
    survey = surveys[0] if len(surveys) == 1 else None
    if len(surveys) > 1:
        note_ambiguous(collector, place, surveys)
    elif survey is None:
        unknown = {key for key in _keys_of(page) if not is_own_column(key)}
        said = _feed_form(metadata) or f"JSON: {len(unknown)}"
        collector.note("unknown_survey", "payload", place, found=len(page.rows), detail=said)
    if page.is_listing:
        _read_listing(collector, place, survey, page)
    else:
        channel = "kobo_export" if metadata.get("kind") == "survey/files" else "kobo_api"
        start = len(collector.responses)
        _PageReader(collector, recogniser, place, survey, channel).read(page.rows)
        if len(surveys) > 1:
            mark_ambiguous(collector.responses[start:])
    return survey is not None


def _surveys_of(recogniser: Recogniser, place: Place, page: Page) -> tuple[Survey, ...]:
    """The survey of the form, else those that know the keys best."""
    of_form = recogniser.by_form(page.form_uid) or recogniser.by_path(place.file)
    return (of_form,) if of_form else recogniser.fitting(_keys_of(page))


def _note_submissions(
    collector: Collector, rule: str, place: Place, numbers: Sequence[int], table: str = RESPONSES
) -> None:
    """Note, in one finding, the submissions of a page that something is the matter with, by their number."""
    if numbers:
        here, said = replace(place, line=numbers[0]), list_some([str(number) for number in numbers])
        collector.note(rule, "payload", here, table, found=len(numbers), detail=said)


def _feed_form(metadata: Mapping[str, Any]) -> str | None:
    """The id of the form that the feed's configuration asks the server for; of a file nothing is told."""
    form = metadata.get("form")
    return form if metadata.get("kind") == "survey/kobo" and _FORM.fullmatch(f"{form}") else None


def _keys_of(page: Page) -> set[str]:
    return {key for _, row in page.rows[:_LOOKED_AT] for key in row}


def _read_listing(collector: Collector, place: Place, survey: Survey | None, page: Page) -> None:
    """A listing of a form that no survey has tells of no response that is staged."""
    approvals = collector.approvals
    nameless = []
    for number, row in page.rows:
        instance = _text(row.get("_uuid"))
        if instance is None or _differs(row):
            nameless.append(number)
        elif survey is not None:
            root = _text(row.get("meta/rootUuid")) or instance
            here = replace(place, line=number)
            collector.list_submission(here, survey, page.form_uid or "", root, instance, approvals.get(_status(row)))
    _note_submissions(collector, "submission_without_id", place, nameless, LISTINGS)


# ---- submissions -----------------------------------------------------------------------------------------------------


class _TooDeepError(ValueError):
    """Repeat groups are nested deeper than any form has them."""


class _PageReader:
    """Reads the submissions of one page of one form."""

    def __init__(
        self, collector: Collector, recogniser: Recogniser, place: Place, survey: Survey | None, channel: str
    ) -> None:
        self._collector = collector
        self._headers = recogniser.headers(survey) if survey else None
        self._place = place
        self._survey = survey
        self._channel = channel
        #: The keys met so far; of these the questions, in the order of `_asked`, the repeat groups and the unknown.
        self._met: set[str] = set()
        self._questions: dict[str, Question] = {}
        self._asked = collector.answers.ask([], _CONVENTION)
        #: Places of questions whose answers are not always texts: numbers, lists.
        self._odd: set[int] = set()
        self._groups: set[str] = set()
        self._unknown: set[str] = set()
        self._attachments = 0
        #: The numbers of submissions with something the matter, by rule; one may be named several times.
        self._told: dict[str, dict[int, None]] = {}

    def read(self, rows: Sequence[tuple[int, Row]]) -> None:
        """Take every submission of the page, and note in one finding each what is the matter with some."""
        self._learn(row for _, row in rows if _instance_of(row) and not _differs(row))
        for line, row in rows:
            here = Place(self._place.source, self._place.payload, self._place.file, line=line)
            if isinstance(row, Repeated):
                self._tell("repeated_key", here)
                if _differs(row):
                    continue
            if not _instance_of(row):
                self._tell("submission_without_id", here)
                continue
            try:
                self._read_row(here, row)
            except _TooDeepError:
                self._tell("submission_unreadable", here)
        for rule, numbers in self._told.items():
            _note_submissions(self._collector, rule, self._place, list(numbers))
        if self._survey is not None:
            self._collector.note_unknown(self._place, self._survey, len(self._unknown), "JSON")
        if self._attachments:
            self._collector.note("attachments_ignored", "payload", self._place, found=self._attachments)

    def _read_row(self, here: Place, row: Row) -> None:
        meta = self._meta(row)
        self._attachments += meta.attachments
        if self._survey is None:
            self._collector.add_unknown(here, meta)
            return
        if type(row) is Repeated or (self._groups and not self._groups.isdisjoint(row)):
            answers = self._flatten(here, row)
            self._collector.add(here, self._survey, answers, meta, self._strays(row))
            return
        # Key by key in one order for all rows of a page: what a row leaves out is None.
        values = list(map(row.get, self._questions))
        if self._odd:
            self._say_odd(here, values, self._odd)
        if not _TEXTS.issuperset(map(type, values)):
            odd = {at for at, value in enumerate(values) if type(value) not in _TEXTS}
            self._say_odd(here, values, odd)
            self._odd |= odd
        self._collector.add_values(here, self._survey, self._asked, values, meta, self._strays(row))

    def _say_odd(self, here: Place, values: list[Any], odd: Iterable[int]) -> None:
        """Put texts in the places of answers that need not be texts."""
        questions = list(self._questions.values())
        for at in odd:
            values[at] = self._say(here, questions[at], values[at])

    def _say(self, here: Place, question: Question, value: Any) -> str | None:
        """An answer as text; what can be none leaves a question neither answered nor blank, or a text blank."""
        if type(value) in _TEXTS or not _is_no_answer(value):
            return _show(value)
        if not isinstance(value, NotFinite):
            self._tell("nested_answer", here)
        return None if question.kind in _FREE else _NESTED

    def _flatten(self, here: Place, row: Row, depth: int = 0) -> list[tuple[Question, str | None]]:
        """The answers of a row; those of its repeat groups, which are lists of rows, follow. Raises _TooDeepError."""
        if depth > _DEEPEST:
            raise _TooDeepError
        if depth:
            self._learn([row])
        said = list(row.items())
        if isinstance(row, Repeated):
            self._tell("repeated_key", here)
            said += row.said
        answers = [(self._questions[key], value) for key, value in said if key in self._questions]
        spoken = [(question, self._say(here, question, value)) for question, value in answers]
        for key in self._groups & row.keys():
            inner = row[key] if isinstance(row[key], list) else [row[key]]
            if any(each and not isinstance(each, dict) for each in inner):
                self._tell("nested_answer", here)
            for each in inner:
                spoken += self._flatten(here, each, depth + 1) if isinstance(each, dict) else []
        return spoken

    def _tell(self, rule: str, here: Place) -> None:
        self._told.setdefault(rule, {})[here.line or 0] = None

    def _strays(self, row: Row) -> list[str]:
        """What a row and its repeat groups say under keys that mean nothing to the survey."""
        if not self._unknown:
            return []
        said = row.said if isinstance(row, Repeated) else ()
        strays = [text for key in self._unknown & row.keys() if (text := _show(row[key]))]
        strays += [text for key, value in said if key in self._unknown and (text := _show(value))]
        for key in self._groups & row.keys():
            inner = row[key] if isinstance(row[key], list) else [row[key]]
            strays += [text for each in inner if isinstance(each, dict) for text in self._strays(each)]
        return strays

    def _learn(self, rows: Iterable[Row]) -> None:
        """Find out what the keys of submissions mean; of all at once, since every new question makes a new list."""
        count = len(self._met)
        for row in rows:
            if not row.keys() <= self._met:
                self._learn_keys(row)
        if len(self._met) > count:
            self._asked = self._collector.answers.ask(list(self._questions.values()), _CONVENTION)

    def _learn_keys(self, row: Row) -> None:
        for key in [key for key in row if key not in self._met]:
            self._met.add(key)
            question = self._headers.find(key) if self._headers else None
            if question is not None:
                self._questions[key] = question
            elif not is_own_column(key):
                is_group = isinstance(row[key], list) and all(isinstance(each, dict) for each in row[key])
                (self._groups if is_group else self._unknown).add(key)

    def _meta(self, row: Row) -> ResponseMeta:
        attachments = row.get("_attachments")
        instance = _instance_of(row)
        return ResponseMeta(
            channel=self._channel,
            # As in listings. Where a server does not tell the root, an edit is a new response and the old one is gone.
            root=_text(row.get("meta/rootUuid")) or instance,
            instance=instance,
            form_version=_text(row.get("__version__")) or _text(row.get("_version_")),
            submitted_at=_moment(row.get("_submission_time")),
            started_at=_moment(row.get("start")),
            ended_at=_moment(row.get("end")),
            approval=self._collector.approvals.get(_status(row)),
            attachments=len(attachments) if isinstance(attachments, list) else 0,
            identities=tuple(text for key in PERSONAL_COLUMNS & row.keys() if (text := _show(row[key]))),
            convention=_CONVENTION,
        )


def _instance_of(row: Row) -> str | None:
    """The uuid of the version of a response that a row is."""
    return _text(row.get("_uuid")) or _text(row.get("meta/instanceID"))


def _differs(row: Row) -> bool:
    """Whether a row says twice, and differently, which submission it is or when it came."""
    return isinstance(row, Repeated) and any(key in _DECIDING for key, _ in row.said)


def _status(row: Row) -> str:
    """What a reviewer said of a submission, as the server calls it; empty where nobody has looked at it."""
    status = row.get("_validation_status")
    return (_text(status.get("uid")) or "") if isinstance(status, dict) else _text(status) or ""


def _moment(value: Any) -> datetime | None:
    """A time of the server, which is in UTC where it names no zone, as local time; None where there is none."""
    try:
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(VIETNAM).replace(tzinfo=None, microsecond=0)
    except (TypeError, ValueError, OverflowError):  # no text, no time, the year 1
        return None


def _text(value: Any) -> str | None:
    return value if type(value) is str and value else None


def _is_no_answer(value: Any) -> bool:
    """Whether a value can be no answer: an object, a list of more than plain values, NaN. An empty one is a blank."""
    if isinstance(value, list):
        return not all(isinstance(each, str | int | float) and not isinstance(each, NotFinite) for each in value)
    return isinstance(value, NotFinite) or (isinstance(value, dict) and bool(value))


def _show(value: Any) -> str | None:
    """A value that is no text as one; a place is a list of numbers."""
    if isinstance(value, list):
        return " ".join(f"{each}" for each in value if isinstance(each, str | int | float)) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value) if isinstance(value, str | int) else None
