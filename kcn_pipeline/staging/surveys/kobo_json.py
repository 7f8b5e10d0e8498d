"""Pages of KoboToolbox's API v2, as they land from the server or lie in a folder as files: answers, or a listing.

It must not follow a page to the next one, nor judge. The surprising fact: a page may hold submissions that have not
changed, since a server that cannot be asked for some is asked for all; they are then the same version once more.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kcn_pipeline.contracts.surveys import Question, Survey
from kcn_pipeline.findings import Place
from kcn_pipeline.settings import VIETNAM
from kcn_pipeline.staging.surveys.collect import LISTINGS, Collector, ResponseMeta
from kcn_pipeline.staging.surveys.recognise import PERSONAL_COLUMNS, Recogniser, is_own_column
from kcn_pipeline.staging.vietnamese import Convention

#: How pages are called that landed from a server, or were saved like that.
_NAME = re.compile(r"(?:.*/)?(?P<form>[^/]+)/(?P<part>data|listing)-[0-9]+\.json")
_FORM = re.compile(r"[A-Za-z0-9_-]{1,40}")
#: Half a character beyond the basic plane (an emoji), as an escape.
_ESCAPED = re.compile(rb"\\u[dD][89a-fA-F]")
#: So many submissions of a page are looked at to recognise its survey.
_LOOKED_AT = 50
#: A decimal point, whatever the language of the form.
_CONVENTION: Convention = "en"
#: Answers that are read as they are.
_TEXTS = frozenset([str, type(None)])

Row = dict[str, Any]


class _Page(NamedTuple):
    """A page: what stands for submissions in it, the id of its form where it is known, and whether it is a listing."""

    rows: list[Any]
    form_uid: str | None
    is_listing: bool


def read_kobo_json(
    collector: Collector, recogniser: Recogniser, place: Place, content: bytes, metadata: Mapping[str, Any]
) -> bool:
    """Give the submissions of a page to the collector; whether it was a page, and that of a known survey."""
    page = _open(collector, place, content, metadata)
    if page is None or not page.rows:
        return page is not None
    survey = recogniser.by_form(page.form_uid) or recogniser.by_headers(_keys_of(page.rows))
    if survey is None:
        unknown = {key for key in _keys_of(page.rows) if not is_own_column(key)}
        said = _feed_form(metadata) or f"JSON: {len(unknown)}"
        collector.note("unknown_survey", "payload", place, found=len(page.rows), detail=said)
    if page.is_listing:
        _read_listing(collector, place, survey, page)
    else:
        channel = "kobo_export" if metadata.get("kind") == "survey/files" else "kobo_api"
        _PageReader(collector, recogniser, place, survey, channel).read(page.rows)
    return survey is not None


def _feed_form(metadata: Mapping[str, Any]) -> str | None:
    """The id of the form that the feed's configuration asks the server for; of a file nothing is told."""
    form = metadata.get("form")
    return form if metadata.get("kind") == "survey/kobo" and _FORM.fullmatch(f"{form}") else None


# ---- the page --------------------------------------------------------------------------------------------------------


def _open(collector: Collector, place: Place, content: bytes, metadata: Mapping[str, Any]) -> _Page | None:
    """The page, or None with a finding when it is none."""
    try:
        parsed = json.loads(content)
        if _ESCAPED.search(content):
            # Half of a pair of escapes is no character, and cannot be stored.
            parsed = json.loads(json.dumps(parsed, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        # The message of the decoder tells a position and never quotes the text.
        detail = str(error) if isinstance(error, json.JSONDecodeError) else type(error).__name__
        collector.note("unreadable_survey", "payload", place, detail=detail)
        return None
    rows = parsed.get("results") if isinstance(parsed, dict) else parsed
    if not isinstance(rows, list):
        collector.note("unreadable_survey", "payload", place, detail="results?")
        return None
    named = _NAME.fullmatch(place.file)
    form = metadata.get("form") or (named["form"] if named else None) or _form_in(rows)
    part = metadata.get("part") or (named["part"] if named else None)
    return _Page(rows, form, part == "listing")


def _form_in(rows: list[Any]) -> str | None:
    """The id of the form that submissions themselves tell."""
    first = rows[0] if rows and isinstance(rows[0], dict) else {}
    return _text(first.get("_xform_id_string"))


def _keys_of(rows: list[Any]) -> set[str]:
    return {key for row in rows[:_LOOKED_AT] if isinstance(row, dict) for key in row}


def _read_listing(collector: Collector, place: Place, survey: Survey | None, page: _Page) -> None:
    """A listing of a form that no survey has tells of no response that is staged."""
    approvals = collector.approvals
    for line, row in enumerate(page.rows, start=1):
        here = replace(place, line=line)
        instance = _text(row.get("_uuid")) if isinstance(row, dict) else None
        if instance is None:
            collector.note("unreadable_row", "row", here, LISTINGS, detail="_uuid")
        elif survey is not None:
            root = _text(row.get("meta/rootUuid")) or instance
            collector.list_submission(here, survey, page.form_uid or "", root, instance, approvals.get(_status(row)))


# ---- submissions -----------------------------------------------------------------------------------------------------


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

    def read(self, rows: list[Any]) -> None:
        """Take every row of the page, and note the keys that mean nothing to the survey."""
        for line, row in enumerate(rows, start=1):
            here = Place(self._place.source, self._place.payload, self._place.file, line=line)
            if not isinstance(row, dict) or not (_text(row.get("_uuid")) or _text(row.get("meta/instanceID"))):
                self._collector.note("unreadable_row", "row", here, detail="_uuid")
                continue
            self._read_row(here, row)
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
        if not row.keys() <= self._met:
            self._learn(row)
        if self._groups and not self._groups.isdisjoint(row):
            self._collector.add(here, self._survey, self._flatten(row), meta, self._strays(row))
            return
        # Key by key in one order for all rows of a page: what a row leaves out is None.
        values = list(map(row.get, self._questions))
        for at in self._odd:
            values[at] = _show(values[at])
        if not _TEXTS.issuperset(map(type, values)):
            self._odd |= {at for at, value in enumerate(values) if type(value) not in _TEXTS}
            values = list(map(_show, values))
        self._collector.add_values(here, self._survey, self._asked, values, meta, self._strays(row))

    def _flatten(self, row: Row) -> list[tuple[Question, str | None]]:
        """The answers of a row; those of its repeat groups, which are lists of rows, follow."""
        if not row.keys() <= self._met:
            self._learn(row)
        answers = [(self._questions[key], _show(value)) for key, value in row.items() if key in self._questions]
        for key in self._groups & row.keys():
            inner = row[key] if isinstance(row[key], list) else []
            answers += [answer for each in inner if isinstance(each, dict) for answer in self._flatten(each)]
        return answers

    def _strays(self, row: Row) -> list[str]:
        """What a row and its repeat groups say under keys that mean nothing to the survey."""
        if not self._unknown:
            return []
        strays = [text for key in self._unknown & row.keys() if (text := _show(row[key]))]
        for key in self._groups & row.keys():
            inner = row[key] if isinstance(row[key], list) else []
            strays += [text for each in inner if isinstance(each, dict) for text in self._strays(each)]
        return strays

    def _learn(self, row: Row) -> None:
        """Find out what the keys mean that were not met before."""
        for key in [key for key in row if key not in self._met]:
            self._met.add(key)
            question = self._headers.find(key) if self._headers else None
            if question is not None:
                self._questions[key] = question
            elif not is_own_column(key):
                is_group = isinstance(row[key], list) and all(isinstance(each, dict) for each in row[key])
                (self._groups if is_group else self._unknown).add(key)
        self._asked = self._collector.answers.ask(list(self._questions.values()), _CONVENTION)

    def _meta(self, row: Row) -> ResponseMeta:
        attachments = row.get("_attachments")
        instance = _text(row.get("_uuid")) or _text(row.get("meta/instanceID"))
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
    return value if isinstance(value, str) and value else None


def _show(value: Any) -> str | None:
    """A value that is no text as one; a place is a list of numbers."""
    if isinstance(value, list):
        return " ".join(f"{each}" for each in value if isinstance(each, str | int | float)) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value) if isinstance(value, str | int) else None
