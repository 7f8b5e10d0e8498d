"""Everything personal in a text, in turn: addresses, numbers, what the respondent said of himself, companies, people.

It must not keep a text. The surprising fact: where a mask stands right beside a letter the text is masked again, since
people who hide from a program write `10.0.0.12www.ten.vn` in one.
"""

import re
from collections.abc import Iterable

from kcn_pipeline.staging.surveys.masking.addresses import hide_addresses
from kcn_pipeline.staging.surveys.masking.companies import hide_companies
from kcn_pipeline.staging.surveys.masking.letters import MASK, Words
from kcn_pipeline.staging.surveys.masking.numbers import hide_numbers
from kcn_pipeline.staging.surveys.masking.own import Hidden, hidden_of, hide_own
from kcn_pipeline.staging.surveys.masking.people import hide_people
from kcn_pipeline.staging.vietnamese import clean

#: Not every database can store them.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
#: What is shorter is no name.
_SHORTEST = 2
#: A mask without a blank beside it.
_GLUED = re.compile(r"[^\W_]\[\*\*\*\]|\[\*\*\*\][^\W_]")
#: So many times a text is masked at most; nothing was ever found the fourth time.
_ROUNDS = 4


def mask(text: str, identities: Iterable[str] = ()) -> str:
    """The text, cleaned, with what may tell a person or a company replaced by `[***]`.

    That is: telephone, id and tax numbers, plates, places, birthdays, e-mail, web and network addresses, accounts,
    titles and contacts with names, full names, names of companies, and every value of `identities` (what the respondent
    said of himself) however it is spelled: case, diacritics, blanks, punctuation.
    """
    text = clean(text if text.isprintable() else _CONTROL.sub(" ", text), drop_soft_hyphens=True)
    words = Words.of(text)
    own = hidden_of(words.spelled, identities)
    for _ in range(_ROUNDS):
        masked = _hide(text, words, own) if MASK not in text else _hide_pieces(text.split(MASK), own)
        if masked == text or _GLUED.search(masked) is None:
            return masked
        text = masked
    return text


def _hide_pieces(pieces: Iterable[str], own: Hidden) -> str:
    """What stands between masks, masked."""
    return MASK.join(_hide(piece, Words.of(piece), own) for piece in pieces)


def _hide(text: str, words: Words, own: Hidden) -> str:
    """A text of these words, without the mask in it, masked."""
    if len(text) < _SHORTEST:
        return text
    # Addresses and numbers first: a part of one that is hidden as the respondent's own would leave the rest of it.
    text = hide_own(hide_numbers(hide_addresses(text, words), words), own)
    return hide_people(hide_companies(text, words), words)
