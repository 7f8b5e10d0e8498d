"""Who answered, as a keyed hash: equal for the same respondent, telling nothing to who lacks the key.

It must not hold nor write a name. The surprising fact: a plain hash would hide nobody, because all tax codes of a
province can be hashed in a second; so the key is a secret of the installation, and never part of the lake.
"""

import hmac
import os
import secrets
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from kcn_pipeline.settings import SURVEY_KEY, read_survey_key

#: Holds the key in the data folder, where the environment gives none.
KEY_FILE = "survey.key"
_LEAST_LENGTH = 16
_KEY_LENGTH = 32


class SecretError(RuntimeError):
    """The key cannot be used; the message says what to do."""


def respondent_key(secret: bytes, respondent_type: str, identity: str) -> str:
    """HMAC-SHA256 of a respondent's normalised identity, as 32 hexadecimal digits (RFC 2104)."""
    message = f"{respondent_type}|{identity}".encode()
    return hmac.new(secret, message, sha256).hexdigest()[:_KEY_LENGTH]


def load_secret(data_dir: Path) -> bytes:
    """The installation's key: from the environment, else from the data folder, where it is made on first use.

    Raises SecretError when the key is too short to be one. Whoever loses it can no longer tell that a respondent of
    later nights is one of earlier nights, until all nights are replayed.
    """
    given = read_survey_key()
    path = data_dir / KEY_FILE
    if not given and not path.exists():
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
