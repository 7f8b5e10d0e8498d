"""What goes wrong in replies: every mishap with what must come of it.

It must not choose whom it happens to (`sample.py`). The surprising fact: a mishap takes the meaning of an answer away
together with its text, so nothing has to be read again to know what is true.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from kcn_pipeline_tests.simulate.province import make_tax_code
from kcn_pipeline_tests.simulate.surveys.people import Person
from kcn_pipeline_tests.simulate.surveys.replies import Reply

#: What must come of a mishap.
COUNTED, LOST, REFUSED, SUPERSEDED, FLAGGED, MASKED = "counted", "lost", "refused", "superseded", "flagged", "masked"


@dataclass(frozen=True)
class Mishap:
    """One case: in which reply, question (if in one), what it is, what must come of it, by which rule."""

    case: str
    survey_id: str
    serial: int
    question: str
    what: str
    expected: str
    rule: str = ""


def _case(reply: Reply, case: str, what: str, expected: str, rule: str = "", question: str = "") -> Mishap:
    return Mishap(case, reply.survey_id, reply.serial, question, what, expected, rule)


# ---- the whole reply -------------------------------------------------------------------------------------------------


def unknown_enterprise(reply: Reply) -> Mishap:
    """A valid tax code that nobody in the register has."""
    _retell(reply, make_tax_code(9000 + reply.serial % 900))
    reply.refused = "unknown_enterprise"
    return _case(reply, "unknown_enterprise", "a tax code of no enterprise of the register", REFUSED, reply.refused)


def wrong_check_digit(reply: Reply) -> Mishap:
    """Two digits swapped by whoever typed it: the check digit no longer fits, and nobody has such a code."""
    code = reply.typed_key
    spoilt = f"{code[:4]}{'7' if code[4] != '7' else '3'}{code[5:]}"
    _retell(reply, spoilt)
    reply.refused = "unknown_enterprise"
    return _case(reply, "mistyped_tax_code", "a tax code with a wrong digit", REFUSED, reply.refused)


def no_key(reply: Reply) -> Mishap:
    """Nobody said who answers."""
    _retell(reply, "")
    reply.refused = "no_respondent_key"
    return _case(reply, "no_tax_code", "no tax code", REFUSED, reply.refused)


def _retell(reply: Reply, typed: str) -> None:
    reply.typed_key = typed
    reply.respondent = replace(reply.respondent, identity=typed, who="")


def spaced_key(reply: Reply) -> Mishap:
    """Blanks and a word around the tax code: it is still the same."""
    code = reply.typed_key
    reply.typed_key = f"MST: {code[:4]} {code[4:7]} {code[7:]}"
    return _case(reply, "spaced_tax_code", "a tax code with blanks and a word before it", COUNTED)


def outside_all_rounds(reply: Reply, at: datetime) -> Mishap:
    """Sent after the round has closed."""
    reply.submitted_at, reply.refused = at, "no_round"
    return _case(reply, "too_late", "sent when no round is open", REFUSED, reply.refused)


def unknown_type(reply: Reply) -> Mishap:
    """Somebody whom the survey does not ask."""
    reply.written["respondent_type"] = "Khách tham quan"
    reply.refused = "unknown_respondent_type"
    return _case(reply, "unknown_type", "a kind of respondent that is not asked", REFUSED, reply.refused)


def unknown_park(reply: Reply) -> Mishap:
    """A park that does not exist, of an enterprise: that of the register counts."""
    reply.typed_park = "KCN Không Có Thật"
    reply.flags |= {"unreadable_park"}
    return _case(reply, "unknown_park", "a park that does not exist", FLAGGED, "unreadable_park")


def trial(reply: Reply) -> Mishap:
    """A trial of the form."""
    reply.is_test, reply.refused = True, "test_response"
    return _case(reply, "trial", "a trial submission", REFUSED, reply.refused)


def empty(reply: Reply) -> Mishap:
    """Nothing rated."""
    reply.scores, reply.comments, reply.refused = {}, {}, "empty_response"
    return _case(reply, "empty", "no question is answered", REFUSED, reply.refused)


def unfinished(reply: Reply) -> Mishap:
    """Never sent off."""
    reply.is_finished, reply.refused = False, "not_finished"
    return _case(reply, "unfinished", "not submitted", REFUSED, reply.refused)


def straight_line(reply: Reply, score: int = 4) -> Mishap:
    """The same answer to everything."""
    reply.scores = dict.fromkeys(reply.scores, score)
    reply.flags |= {"straight_lining"}
    return _case(reply, "straight_lining", "one answer to everything", FLAGGED, "straight_lining")


def too_fast(reply: Reply) -> Mishap:
    """280 questions in a minute and a half."""
    reply.minutes = 1.5
    reply.flags |= {"impossible_duration"}
    return _case(reply, "too_fast", "filled in faster than anybody reads", FLAGGED, "impossible_duration")


def other_park(reply: Reply, park_code: str) -> Mishap:
    """A park other than that of the register, which counts."""
    reply.typed_park = park_code
    reply.flags |= {"outside_round_park"}
    return _case(reply, "other_park", "a park that is not the register's", FLAGGED, "outside_round_park")


def uninvited(reply: Reply) -> Mishap:
    """An enterprise that is not on the list of its round; it is in the register, so it counts."""
    reply.flags |= {"not_invited"}
    return _case(reply, "uninvited", "an enterprise that is not on the list", FLAGGED, "not_invited")


def edited(reply: Reply, question: str, score: int) -> tuple[Reply, Mishap]:
    """The reply after an edit of one answer; the version before never reached anybody."""
    again = reply.edited(scores={**reply.scores, question: score})
    return again, _case(again, "edited", "edited on the server; only the newest version is there", COUNTED)


def answered_again(reply: Reply, serial: int, later: timedelta) -> tuple[Reply, Mishap]:
    """A second reply of the same respondent, sent later, with other scores."""
    scores = {name: max(1, score - 1) for name, score in reply.scores.items()}
    again = replace(
        reply, serial=serial, submitted_at=reply.submitted_at + later, scores=scores, others=dict(reply.others),
        written={}, lost={}, comments={},
    )  # fmt: skip
    return again, _case(reply, "answered_twice", "the respondent answered again later", SUPERSEDED)


def other_tax_code(reply: Reply, tax_code: str) -> Mishap:
    """The tax code that the enterprise had before: it is the same enterprise."""
    reply.respondent = replace(reply.respondent, identity=tax_code)
    reply.typed_key = tax_code
    return _case(reply, "former_tax_code", "the tax code that the enterprise had before", COUNTED)


# ---- one answer ------------------------------------------------------------------------------------------------------


def odd_labels(reply: Reply, draw: Random, labels: Sequence[tuple[str, str]]) -> Mishap:
    """Labels in capitals, with other coding, blanks too many, a number before: each still means its point.

    `labels` are pairs of question and label.
    """
    for (question, label), write in zip(labels, _ODD * (len(labels) // len(_ODD) + 1), strict=False):
        reply.written[question] = write(label, reply.scores[question])
    return _case(reply, "odd_labels", "labels in other case, coding and blanks", COUNTED)


_ODD = (
    lambda label, score: label.upper(),
    lambda label, score: unicodedata.normalize("NFD", label),
    lambda label, score: f"  {label.replace(' ', '  ')} ",
    lambda label, score: label.lower(),
    lambda label, score: f"{score} - {label}",
)


def wrong_label(reply: Reply, question: str) -> Mishap:
    """A label that is on no scale."""
    return _lose(reply, question, "Cần xem lại", "unknown_label", "a label that the scale does not have")


def off_scale(reply: Reply, question: str, text: str) -> Mishap:
    """A score outside the scale."""
    return _lose(reply, question, text, "score_out_of_scale", f"a score of {text}")


def nothing_usable(reply: Reply, question: str, text: str) -> Mishap:
    """A score outside the scale where nothing else is asked: nothing of the reply can count."""
    case = off_scale(reply, question, text)
    reply.refused = "no_usable_answer"
    return replace(case, expected=REFUSED, rule=reply.refused)


def _lose(reply: Reply, question: str, text: str, rule: str, what: str) -> Mishap:
    del reply.scores[question]
    reply.written[question], reply.lost[question] = text, rule
    return _case(reply, rule, what, LOST, rule, question)


def telling_comment(reply: Reply, question: str, other: Person) -> Mishap:
    """A comment that tells who wrote it and whom to call."""
    own = reply.respondent.person
    phone = other.phone
    reply.comments[question] = (
        f"Nên làm rõ công thức. Liên hệ anh {other.name}, điện thoại {phone[:4]}.{phone[4:7]}.{phone[7:]}, "
        f"email {other.email} hoặc tôi, {own.name}, {own.phone}, {own.email}."
    )
    return _case(reply, "telling_comment", "names, phones and addresses in a comment", MASKED, "", question)
