"""Who answered, read from the answers themselves: type, key, park, whether it is a test.

It must not look a respondent up (that is `validation/`) nor let an identity out. The surprising fact: a tax code that
fails its check digit still makes a key, because only the register knows whether it exists; and `CG-01`, `cg 01` and
`CG01` are one code, because people copy codes from paper.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.surveys import Question, Survey
from kcn_pipeline.secrecy import respondent_key
from kcn_pipeline.staging.parks import ParkNames
from kcn_pipeline.staging.surveys.headers import find_choice, squeeze
from kcn_pipeline.staging.surveys.scales import says_nothing
from kcn_pipeline.staging.vietnamese import clean, is_missing, read_tax_code

ENTERPRISE = "enterprise"
#: Answers to "is this a test?" that say no; anything else that is filled in says yes, or at least not no.
_NO = frozenset(["0", "no", "n", "false", "khong", "ko", "k"])
#: Whatever has one of these says that there is a code, as nearly all codes have.
_FIGURE = re.compile("[1-9]")
#: What people without a code write into its field, squeezed, beside what stands for a missing value anywhere.
_NO_CODE = frozenset([
    "no", "khongbiet", "khongnho", "khongro", "chuaro", "khongcoma", "chuacoma", "khongma", "khongcomst", "chuacomst",
    "khongmst", "khongcomasothue", "chuacomasothue", "khongcomaphieu", "chuacomaphieu",
])  # fmt: skip
#: What parts a code and is typed otherwise, or left out, by whoever copies it: Unicode's categories of dashes, of lines
#: such as `_` and of blanks; and dots, slashes, minus signs, the soft hyphen, bullets, as Unicode has several of each.
_PARTING_KINDS = frozenset(["Pd", "Pc", "Zs"])
_PARTING = frozenset("./\\\u2024\uff0e\u2044\u2215\uff0f\uff3c\u2212\u02d7\u00ad\u2043\u00b7\u2022")


class Respondent(NamedTuple):
    """Who answered: what is None could not be told, and `problem` is the first reason why."""

    respondent_type: str | None
    key: str | None
    park_code: str | None
    is_test: bool
    problem: str | None


def normalise_identity(respondent_type: str, text: str) -> str | None:
    """An identity as it is hashed: an enterprise's tax code as the register writes it, else the code folded.

    Lists of invitations and answers are folded alike: `fold_code`. None where there is nothing that can be an identity.
    """
    if names_nobody(text):
        return None
    return read_tax_code(text).value if respondent_type == ENTERPRISE else fold_code(text) or None


def names_nobody(text: str) -> bool:
    """Whether the field of a code says that there is none: blank, `không có`, `n/a`, `x`, or nothing but zeros."""
    if _FIGURE.search(text):
        return False
    return says_nothing(text) or is_missing(text) or not fold_code(text).strip("0") or squeeze(text) in _NO_CODE


def fold_code(text: str) -> str:
    """An invitation code without what people change when they copy it: case, blanks, dashes, dots, lines, slashes.

    Letters and digits stay (NFKC, Unicode's casefold): `ＣＧ-01` is `CG-01`, and `CG-O1` is another code.
    """
    text = clean(clean(unicodedata.normalize("NFKC", text)).casefold())
    return "".join(one for one in text if one not in _PARTING and unicodedata.category(one) not in _PARTING_KINDS)


@dataclass(frozen=True, eq=False)
class Respondents:
    """Reads respondents with the key of the installation."""

    contracts: Contracts
    secret: bytes
    parks: ParkNames

    def key_of(self, respondent_type: str, identity: str) -> str | None:
        """The key of an identity as somebody wrote it; None when it cannot be one."""
        normalised = normalise_identity(respondent_type, identity)
        return respondent_key(self.secret, respondent_type, normalised) if normalised else None

    def park_of(self, text: str, question: Question | None = None) -> str | None:
        """The code of a park given by code, choice of the question, or name; None when there is none of that name."""
        choice = find_choice(question, text) if question else None
        written = choice.code if choice else clean(text)
        if written in self.contracts.parks:
            return written
        return self.parks.find(clean(text)) or (self.parks.find(choice.label.vi) if choice else None)

    def read(self, survey: Survey, said: Mapping[str, Sequence[tuple[Question, str]]]) -> Respondent:
        """The respondent of a response from its answers by role (`respondent_type`, `key`, `park`, `test`)."""
        respondent_type = self._read_type(survey, said)
        keys = self._keys(respondent_type, said.get("key", ())) if respondent_type else set()
        parks = {self.park_of(text, question) for question, text in _filled(said.get("park", ()))}
        checks = [
            (respondent_type is None, "unknown_respondent_type"),
            (len(keys) != 1, "no_respondent_key"),
            (len(parks) > 1 or None in parks, "unknown_park"),
        ]
        return Respondent(
            respondent_type,
            keys.pop() if len(keys) == 1 else None,
            parks.pop() if len(parks) == 1 else None,
            any(squeeze(text) not in _NO for _, text in _filled(said.get("test", ()))),
            next((rule for is_wrong, rule in checks if is_wrong), None),
        )

    def _read_type(self, survey: Survey, said: Mapping[str, Sequence[tuple[Question, str]]]) -> str | None:
        """The type that the response states; of a survey that does not ask, the one whose key alone is given."""
        asked = any(question.role == "respondent_type" for question in survey.questions)
        if not asked:
            given = _filled(said.get("key", ()))
            types = {each for question, text in given if not names_nobody(text) for each in question.key_of}
            return types.pop() if len(types) == 1 else None
        choices = [find_choice(question, text) for question, text in _filled(said.get("respondent_type", ()))]
        codes = {choice.code if choice else None for choice in choices}
        return codes.pop() if len(codes) == 1 else None

    def _keys(self, respondent_type: str, given: Iterable[tuple[Question, str]]) -> set[str]:
        """The keys given for a type; an unreadable one leaves none."""
        own = [text for question, text in given if respondent_type in question.key_of]
        texts = [text for text in own if not names_nobody(text)]
        keys = {self.key_of(respondent_type, text) for text in texts}
        return {key for key in keys if key} if None not in keys else set()


def _filled(given: Iterable[tuple[Question, str]]) -> list[tuple[Question, str]]:
    return [(question, text) for question, text in given if not says_nothing(text)]
