"""Which survey a payload belongs to: by the id of its form, else by its headers.

It must not read an answer. The surprising fact: the columns that a tool adds of its own count neither for nor against a
survey, because an export has twenty of them and a satisfaction survey has eight questions.
"""

import re
from collections.abc import Iterable

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.surveys import Survey
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

    def by_headers(self, headers: Iterable[str]) -> Survey | None:
        """The survey that knows the largest share of the headers, at least its `min_known_share` of them.

        None as well where two surveys know the same share.
        """
        named = [header for header in headers if header.strip() and not is_own_column(header)]
        shares = [(found.known_share(named), found.survey) for found in self._headers.values()]
        known = sorted((share for share, survey in shares if share >= survey.min_known_share), reverse=True)
        if not known or known[1:2] == known[:1]:
            return None
        return next(survey for share, survey in shares if share == known[0])
