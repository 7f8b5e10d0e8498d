"""Which survey a payload belongs to: by the id of its form, else by its headers.

It must not read an answer. The surprising fact: the columns that a tool adds of its own count neither for nor against a
survey, because an export has twenty of them and a satisfaction survey has eight questions.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.surveys import Survey
from kcn_pipeline.findings import Place
from kcn_pipeline.staging.surveys.collect import Collector
from kcn_pipeline.staging.surveys.headers import Headers

#: Columns of KoboToolbox, ODK and their exports that are no questions: `_id`, `meta/rootUuid`, `start`, `__version__`.
_OWN = re.compile(
    r"_.*|(?:.*/)?meta/.*|meta|formhub/.*|start|end|today|audit|username|deviceid|phonenumber|subscriberid|simserial|email"
)
#: Of those, what says who or where somebody is.
PERSONAL_COLUMNS = frozenset(
    ["_submitted_by", "_geolocation", "username", "deviceid", "phonenumber", "subscriberid", "simserial", "email"]
)


def is_own_column(header: str) -> bool:
    """Whether KoboToolbox or ODK adds the column to every form."""
    return _OWN.fullmatch(header) is not None


class Recogniser:
    """Finds surveys among those of the contracts, and remembers what their headers mean."""

    def __init__(self, contracts: Contracts) -> None:
        self.surveys = contracts.surveys
        self._headers = {survey.survey: Headers(survey) for survey in contracts.surveys.values()}
        self._by_form = {uid: survey for survey in contracts.surveys.values() for uid in survey.forms}

    def headers(self, survey: Survey) -> Headers:
        """What finds the questions of a survey."""
        return self._headers[survey.survey]

    def by_form(self, uid: str | None) -> Survey | None:
        """The survey that has the form."""
        return self._by_form.get(uid or "")

    def by_path(self, file: str) -> Survey | None:
        """The survey of whose form a folder in the path of a file bears the id."""
        found = (self._by_form[folder] for folder in PurePosixPath(file).parts[:-1] if folder in self._by_form)
        return next(found, None)

    def fitting(self, headers: Iterable[str]) -> tuple[Survey, ...]:
        """The surveys that know the largest share of the headers, at least their `min_known_share` of them.

        Of several it cannot be told which the headers belong to; there are several only where one of them rates.
        """
        named = [header for header in headers if header.strip() and not is_own_column(header)]
        best = best_of((found.survey, found.known_share(named)) for found in self._headers.values())
        return best if len(best) == 1 or self.rates(named) else ()

    def rates(self, headers: Iterable[str]) -> bool:
        """Whether any survey asks for a point of a scale under any of these headers; all surveys ask for a name."""
        found = (known.find(header) for header in headers for known in self._headers.values())
        return any(question is not None and question.is_scored for question in found)


def note_ambiguous(collector: Collector, place: Place, surveys: Sequence[Survey]) -> None:
    """Note that a payload may as well be of one survey as of another; the names of surveys are the contracts'."""
    collector.note("ambiguous_survey", "payload", place, detail=", ".join(sorted(each.survey for each in surveys)))


def mark_ambiguous(responses: Iterable[dict[str, Any]]) -> None:
    """Say of responses to a form of no survey that they may be of several."""
    for row in responses:
        if row["problem"] == "unknown_survey":
            row["problem"] = "ambiguous_survey"


def best_of(shares: Iterable[tuple[Survey, float]]) -> tuple[Survey, ...]:
    """The surveys with the largest share of known headers, of those that know as many as they ask for."""
    known = [(survey, share) for survey, share in shares if share >= survey.min_known_share]
    largest = max((share for _, share in known), default=0.0)
    return tuple(survey for survey, share in known if share == largest)
