"""Where the readers of surveys put responses: answers understood, identities turned into keys, comments masked.

It must not open a payload. The surprising fact: it is given the identities too and forgets them with the response,
since they have to be found again inside the respondent's own comments.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.reference import CodeList
from kcn_pipeline.contracts.surveys import Question, Survey
from kcn_pipeline.findings import Finding, Place, Scope
from kcn_pipeline.secrecy import hide_name, keyed_id
from kcn_pipeline.staging.parks import ParkNames
from kcn_pipeline.staging.surveys.answers import PERSONAL_ROLES, Answers, Asked
from kcn_pipeline.staging.surveys.respondents import ENTERPRISE, Respondent, Respondents
from kcn_pipeline.staging.surveys.strays import Strays
from kcn_pipeline.staging.vietnamese import Convention

RESPONSES, ANSWERS = "survey_responses", "survey_answers"
LISTINGS, INVITATIONS = "survey_listings", "survey_invitations"
#: In the name of the part of responses that were submitted outside all rounds.
NO_ROUND = "none"


@dataclass(frozen=True, slots=True)
class ResponseMeta:
    """What a tool says about a response beside its answers; times are local, without zone.

    root        uuid that stays when the response is edited; instance: uuid that changes (version of the response)
    number      else the number it has in its source (LimeSurvey id, number of the paper form); two lists of one source
                may both begin with 1, so that a number names a response only together with its respondent
    entry       first or second, for a paper form that is typed twice: two versions of one response
    identities  what the tool itself noted of the person (account, device, e-mail address): used for masking only
    convention  how decimal numbers are written, where the tool decides it
    """

    channel: str
    root: str | None = None
    instance: str | None = None
    number: str | None = None
    form_version: str | None = None
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_s: float | None = None
    approval: str | None = None
    is_finished: bool = True
    entry: str | None = None
    attachments: int = 0
    identities: tuple[str, ...] = ()
    convention: Convention | None = None


def identify_response(secret: bytes, survey_id: str, root: str) -> str:
    """The id of a response that has a uuid: the same over the API and in exports, before and after an edit."""
    return keyed_id(secret, "response", survey_id, _uuid(root))


def identify_version(secret: bytes, instance: str) -> str:
    """The key of one version of a response that has an instance uuid."""
    return keyed_id(secret, "version", _uuid(instance))


def _uuid(text: str) -> str:
    return text.strip().removeprefix("uuid:").lower()


#: How what no file brought is called: pages of servers, whose deletions are told by listings.
_OF_SERVERS = frozenset(["kobo_api", "odk"])
#: What may be a form's version or id; anything else may be a person's name.
_VERSION, _FORM = re.compile(r"[A-Za-z0-9._-]{1,40}"), re.compile(r"a[A-Za-z0-9]{21}")


class Collector:
    """Takes the responses of a night, whatever they come from, and gives the staged tables.

    `findings` are what the readers found; `add` itself finds nothing, it writes a `problem` on the response or answer.
    """

    def __init__(self, contracts: Contracts, secret: bytes) -> None:
        self.contracts = contracts
        self._secret = secret
        self._strays = Strays(contracts)
        self.findings: list[Finding] = []
        self.respondents = Respondents(contracts, secret, ParkNames(contracts))
        #: What servers call the state of a review → its code.
        self.approvals = _spellings(contracts.code_lists["survey_approval"])
        self.responses: list[dict[str, Any]] = []
        self.listings: list[dict[str, Any]] = []
        self.invitations: list[dict[str, Any]] = []
        self.answers = Answers(contracts.ratings.scales)
        #: By source and name of a file, its key; by key, its payloads as they came.
        self._file_keys: dict[tuple[str, str], str] = {}
        self._payloads: dict[str, list[str]] = {}
        #: How often a payload holds a row that nothing tells from others, by entry.
        self._alike: Counter[tuple[str, str, str | None, str]] = Counter()

    # ---- what readers call -------------------------------------------------------------------------------------------

    def open_payload(self, place: Place) -> None:
        """Note that a payload landed next; of several of one name in one night the last is the file as it stands."""
        landed = self._payloads.setdefault(self._key_of_file(place), [])
        if place.payload in landed:
            landed.remove(place.payload)
        landed.append(place.payload)

    def add(
        self,
        place: Place,
        survey: Survey,
        answers: Sequence[tuple[Question, str | None]],
        meta: ResponseMeta,
        strays: Iterable[str] = (),
    ) -> None:
        """Take one response: the answers to questions of every role, blanks as None or '', in any order.

        A question may come several times, for one logical answer in several columns: one may be filled, or all alike.
        `strays` is what stands in columns that nobody knows; the respondent may be named there, so it is masked.
        """
        questions, values = zip(*answers, strict=True) if answers else ((), ())
        self.add_values(place, survey, self.answers.ask(questions, meta.convention), values, meta, strays)

    def add_values(
        self,
        place: Place,
        survey: Survey,
        asked: Asked,
        values: Sequence[str | None],
        meta: ResponseMeta,
        strays: Iterable[str] = (),
    ) -> None:
        """Take one response as `add` does, where the questions are the same again and again."""
        outcomes, rest = self.answers.look_up(asked, values)
        said = _by_role(asked, rest)
        identities = [*_identities(said, meta), *self._strays.choose(survey, strays)]
        for at, text in rest:
            if asked.columns[at].question.role not in PERSONAL_ROLES:
                outcomes[at] = self.answers.read(asked, at, text, identities)
        self.answers.hide_shifted(asked, outcomes, [at for at, _ in rest])
        respondent = self.respondents.read(survey, said)
        self.answers.refuse_not_asked(asked, outcomes, respondent.respondent_type)
        start = len(self.answers.response)
        self.answers.keep(len(self.responses), asked, outcomes)
        self._keep(place, survey, meta, respondent, start)

    def list_submission(
        self, place: Place, survey: Survey, form_uid: str, root: str, instance: str | None, approval: str | None
    ) -> None:
        """Take one submission that a server listed tonight."""
        self.listings.append(
            {
                "form_uid": self._name_form(survey, form_uid),
                "response_id": identify_response(self._secret, survey.survey, root),
                "version_key": identify_version(self._secret, instance or root),
                "approval": approval,
                **_bookkeeping(place),
            }
        )

    def add_unknown(self, place: Place, meta: ResponseMeta) -> None:
        """Take a response to a form that no survey of the contracts has: that it came, and nothing that it says."""
        root = meta.root or meta.instance or f"{place.payload}|{place.line}"
        self.responses.append(
            {
                "response_id": identify_response(self._secret, "", root),
                "version_key": identify_version(self._secret, meta.instance or root),
                "problem": "unknown_survey",
                "is_test": False,
                **self._of_file(place, meta),
                **_of_meta(meta),
                **_bookkeeping(place),
            }
        )

    def join(self, second: dict[str, Any], first: Mapping[str, Any]) -> None:
        """Make a row of `responses` another entry of the paper form that `first` is, in the round of that."""
        second |= {name: first[name] for name in ("response_id", "round_code")}

    def number_version(self, row: Mapping[str, Any]) -> int | None:
        """Which of the night's payloads of its name, from 1 as they landed, a row of `responses` is from."""
        if row["file_key"] is None:
            return None
        landed = self._payloads.get(row["file_key"], [])
        return landed.index(row["_payload"]) + 1 if row["_payload"] in landed else 1

    def invite(
        self, place: Place, survey: Survey, round_code: str, respondent_type: str, identity: str, park: str | None
    ) -> None:
        """Take one respondent of an invitation list; `identity` is the tax code or the expert's code as written.

        Lists are in the order of the register, so that who has a key must not have a line as well. Whose park nobody
        can tell is refused and has the line only; an enterprise keeps its key, because the register may know its park.
        """
        key = self.respondents.key_of(respondent_type, identity)
        park_code = self.respondents.park_of(park) if park else None
        is_park_lost = bool(park) and park_code is None
        problem = "list_key_unreadable" if key is None else "unknown_park" if is_park_lost else None
        if is_park_lost and respondent_type != ENTERPRISE:
            key = None
        self.invitations.append(
            {
                "survey_id": survey.survey,
                "round_code": round_code,
                "respondent_type": respondent_type,
                "respondent_key": key,
                "park_code": park_code,
                "list_key": keyed_id(self._secret, "list", place.source, place.file),
                "problem": problem,
                **_bookkeeping(place if key is None else replace(place, sheet=None, cell=None, line=None)),
            }
        )

    def note(self, rule: str, scope: Scope, place: Place, table: str = RESPONSES, **said: Any) -> None:
        """Note a finding. Whatever it quotes must not be an answer, unless masked, nor an identity."""
        where = replace(place, file=_hide(place.payload, place.file))
        self.findings.append(Finding(rule, scope, table, where, said.get("field"), said.get("value"), said))

    def note_unknown(self, place: Place, survey: Survey, found: int, where: str | None = None) -> None:
        """Note, in one finding, the columns of a file that mean no question of its survey and are not read.

        `where` says which columns these are; their headers may be anything, so they are not quoted.
        """
        if found:
            self.note("unknown_question", "payload", place, value=where, found=found, detail=survey.survey)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _keep(self, place: Place, survey: Survey, meta: ResponseMeta, respondent: Respondent, start: int) -> None:
        """Keep a response; its answers are those from `start` on."""
        content = json.dumps(self.answers.content(start), ensure_ascii=False) if meta.instance is None else ""
        root = meta.root or meta.instance or self._name(place, survey, meta, respondent, content)
        response_id = identify_response(self._secret, survey.survey, root)
        version = meta.instance or f"{response_id}|{meta.entry}|{respondent}|{content}"
        current = survey.round_on(meta.submitted_at.date()) if meta.submitted_at else None
        self.responses.append(
            {
                "response_id": response_id,
                "version_key": identify_version(self._secret, version),
                "survey_id": survey.survey,
                "round_code": current.round if current else None,
                "respondent_type": respondent.respondent_type,
                "respondent_key": respondent.key,
                "park_code": respondent.park_code,
                "is_test": respondent.is_test,
                "problem": respondent.problem,
                **self._of_file(place, meta),
                **_of_meta(meta),
                **_bookkeeping(place),
            }
        )

    def _name(self, place: Place, survey: Survey, meta: ResponseMeta, respondent: Respondent, content: str) -> str:
        """What tells a response without a uuid from all others of its source.

        A number with who answered, or with the content where that is not known; else who answered when and what. Rows
        of a payload that are alike even so are numbered, and have the same numbers in a longer export.
        """
        if meta.number:
            return f"{place.source}|number|{meta.number}|{respondent.key or content}"
        when = meta.submitted_at.isoformat() if meta.submitted_at else ""
        said = keyed_id(self._secret, "answered", survey.survey, when, respondent.key or "", content)
        alike = (place.payload, place.file, meta.entry, said)
        self._alike[alike] += 1
        return f"{place.source}|answered|{said}|{self._alike[alike]}"

    def _of_file(self, place: Place, meta: ResponseMeta) -> dict[str, Any]:
        """Which file brought a response, by a keyed hash of its name; none where a server did."""
        return {"file_key": None if meta.channel in _OF_SERVERS else self._key_of_file(place)}

    def _key_of_file(self, place: Place) -> str:
        named = (place.source, place.file)
        if named not in self._file_keys:
            self._file_keys[named] = keyed_id(self._secret, "file", *named)
        return self._file_keys[named]

    def _name_form(self, survey: Survey, uid: str) -> str:
        """The id of a form; keyed where it may be a folder's name and no id at all."""
        return uid if uid in survey.forms or _FORM.fullmatch(uid) else keyed_id(self._secret, "form", uid)


#: A payload's name is hidden for each of its rows.
_hide = lru_cache(maxsize=1_024)(hide_name)


def _spellings(codes: CodeList) -> dict[str, str]:
    return {text: code.code for code in codes.codes for text in (code.code, *code.spellings)}


def _by_role(asked: Asked, rest: Iterable[tuple[int, str]]) -> dict[str, list[tuple[Question, str]]]:
    """What was answered to the questions of the personal roles."""
    said: dict[str, list[tuple[Question, str]]] = {}
    for at, text in rest:
        question = asked.columns[at].question
        if question.role in PERSONAL_ROLES:
            said.setdefault(question.role, []).append((question, text))
    return said


def _identities(said: Mapping[str, Sequence[tuple[Question, str]]], meta: ResponseMeta) -> list[str]:
    """Everything the respondent and the tool said about who the respondent is."""
    return [*meta.identities, *(text for role in ("identity", "key") for _, text in said.get(role, ()))]


def _of_meta(meta: ResponseMeta) -> dict[str, Any]:
    """The columns that the tool fills."""
    both = meta.ended_at is not None and meta.started_at is not None
    lasted = (meta.ended_at - meta.started_at).total_seconds() if both else None  # type: ignore[operator]
    return {
        "form_version": meta.form_version if _VERSION.fullmatch(meta.form_version or "") else None,
        "channel": meta.channel,
        "submitted_at": meta.submitted_at,
        "started_at": meta.started_at,
        "ended_at": meta.ended_at,
        "duration_s": lasted if meta.duration_s is None else meta.duration_s,
        "approval": meta.approval,
        "is_finished": meta.is_finished,
        "entry": meta.entry,
        "n_attachments": meta.attachments,
    }


def _bookkeeping(place: Place) -> dict[str, Any]:
    return {
        "_source": place.source,
        "_payload": place.payload,
        "_file": _hide(place.payload, place.file),
        "_sheet": place.sheet,
        "_cell": place.cell,
        "_line": place.line,
    }
