"""Who answered, as a keyed hash: equal for the same respondent, telling nothing to who lacks the key.

It must not hold nor write a name. The surprising fact: a plain hash would hide nobody, because all tax codes of a
province can be hashed in a second; so the key is a secret of the installation, and never part of the lake.
"""

import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path, PurePath

from kcn_pipeline.settings import SURVEY_KEY, read_survey_key

#: Holds the key in the data folder, where the environment gives none.
KEY_FILE = "survey.key"
_LEAST_LENGTH = 16
_KEY_LENGTH = 32
#: So many figures of a sha256 name a payload; `kcn show` finds it by them.
_SHOWN_DIGITS = 12
#: What may follow them; `phieu.Nguyen Van A` has a suffix as well.
_SUFFIXES = frozenset(".csv .tsv .txt .json .xml .html .htm .xlsx .xlsm .xlsb .xls .ods .docx .pdf .zip".split())


class SecretError(RuntimeError):
    """The key cannot be used; the message says what to do."""


def respondent_key(secret: bytes, respondent_type: str, identity: str) -> str:
    """HMAC-SHA256 of a respondent's normalised identity, as 32 hexadecimal digits (RFC 2104)."""
    message = f"{respondent_type}|{identity}".encode()
    return hmac.digest(secret, message, "sha256").hex()[:_KEY_LENGTH]


def keyed_id(secret: bytes, *parts: str) -> str:
    """A name for what these parts name, as 32 hexadecimal digits: a form's number alone would be guessed in no time."""
    message = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hmac.digest(secret, message, "sha256").hex()[:_KEY_LENGTH]


def hide_name(sha256: str, name: str) -> str:
    """What a payload that holds personal data is called outside of landing: the first 12 figures of its sha256.

    A suffix that says what kind of file it is stays (`3f2a90b1c4d5.xlsx`); folders, names and unknown suffixes go.
    """
    return sha256[:_SHOWN_DIGITS] + shown_suffix(name)


def shown_suffix(name: str) -> str:
    """The suffix of a name if it says what kind of file it is, in lower case; else nothing."""
    suffix = PurePath(name.lower()).suffix
    return suffix if suffix in _SUFFIXES else ""


def load_secret(data_dir: Path, *, may_make: bool = True) -> bytes:
    """The installation's key: from the environment, else from the data folder, where it is made on first use.

    Raises SecretError when the key is too short to be one, and, unless it `may_make` one, when there is none: with
    another key a respondent of tonight would no longer be the one of earlier nights.
    """
    given = read_survey_key()
    path = data_dir / KEY_FILE
    if not given and not path.exists():
        if not may_make:
            raise SecretError(
                f"{path} is missing, and respondents in the lake were hashed with it; put it back from your backup,"
                " or run kcn replay, which hashes all of them anew"
            )
        _make(path)
    secret = (given or path.read_text("ascii")).strip().encode()
    if len(secret) < _LEAST_LENGTH:
        where = SURVEY_KEY if given else str(path)
        raise SecretError(f"{where} is shorter than {_LEAST_LENGTH} characters; set a longer one, then run kcn replay")
    return secret


def _make(path: Path) -> None:
    """Write a new key that only its owner can read; of two that come at once the first one's stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(temporary, path)
    temporary.unlink()
