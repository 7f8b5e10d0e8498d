"""Puts environment variables into `${NAME}` at the moment of use, and takes their values out of every text again.

It must not keep a value longer than one feed's run, nor show one. The surprising fact: what was put in is replaced by
`${NAME}` when it turns up in a message, also when a server sends it back in its own error text.
"""

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

from kcn_pipeline.landing.errors import SecretError

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
#: `user:password@` of a URL, and a query value whose name sounds secret; both are hidden whoever wrote them.
_USER = re.compile(r"(?<=//)[^/@\s:]*:[^/@\s]+@")
_QUERY_SECRET = re.compile(r"(?i)([?&][^=&\s]*(?:token|secret|passw|key|sig|auth|cred)[^=&\s]*=)[^&\s'\")]+")

#: A value of this many characters is recognised by its first half of them, for servers that echo `eyJhbGciOi…`.
_LONG = 16


class Secrets:
    """The secrets of one feed: resolves `${NAME}` and remembers the values, only to hide them."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._names_by_value: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Secrets({sorted(self._names_by_value.values())})"

    def resolve(self, value: Any) -> Any:
        """The value with every `${NAME}` in it replaced, also inside mappings and lists; SecretError when not set."""
        if isinstance(value, str):
            return _REFERENCE.sub(lambda found: self._value_of(found[1]), value)
        if isinstance(value, Mapping):
            return {key: self.resolve(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.resolve(inner) for inner in value]
        return value

    def redact(self, text: str) -> str:
        """The text without any value that was resolved, plain, URL-encoded or cut, and without passwords in URLs."""
        hidden = {form: name for value, name in self._names_by_value.items() for form in _forms(value)}
        for form in sorted(hidden, key=len, reverse=True):
            text = text.replace(form, f"${{{hidden[form]}}}")
        for value, name in self._names_by_value.items():
            if len(value) >= _LONG:
                text = re.sub(re.escape(value[: _LONG // 2]) + r"\S*", f"${{{name}}}", text)
        return _QUERY_SECRET.sub(r"\1***", _USER.sub("***@", text))

    def _value_of(self, name: str) -> str:
        # Stripped because a file or an editor easily leaves a line end behind a token, and no secret ends in a blank.
        value = self._environment.get(name, "").strip()
        if not value:
            raise SecretError(f"environment variable {name} is not set; set it where the refresh runs")
        self._names_by_value[value] = name
        return value


def name_variables(template: str) -> str:
    """The environment variables that a value of sources.yaml names, for messages: `KCN_PORTAL_TOKEN`."""
    return ", ".join(_REFERENCE.findall(template))


def public_url(url: str) -> str:
    """A URL without user, password, query and fragment: fit to be stored and shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that is no URL"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _forms(value: str) -> set[str]:
    """How a value can look inside a text: plain, URL-encoded, or with the escapes of a quoted string."""
    return {value, quote(value), quote(value, safe=""), quote_plus(value), repr(value)[1:-1]}
