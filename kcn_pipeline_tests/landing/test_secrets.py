"""Secrets: put in where they are used, taken out of whatever is shown."""

from urllib.parse import quote, quote_plus

import pytest

from kcn_pipeline.landing.errors import SecretError
from kcn_pipeline.landing.secrets import Secrets, name_variables, public_url

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJrY24ifQ.c2lnbmF0dXJl"


def test_variables_are_put_in_anywhere_in_a_value() -> None:
    secrets = Secrets({"A": "one", "B_2": " two\n"})
    value = {"plain": 1, "whole": "${A}", "list": ["x${A}y${B_2}", None], "map": {"deep": "${B_2}"}, "literal": "$A"}
    assert secrets.resolve(value) == {
        "plain": 1,
        "whole": "one",
        "list": ["xoneytwo", None],
        "map": {"deep": "two"},
        "literal": "$A",
    }
    assert repr(secrets) == "Secrets(['A', 'B_2'])"


@pytest.mark.parametrize("environment", [{}, {"A": ""}, {"A": " \n"}])
def test_a_variable_that_is_not_set_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(SecretError, match="environment variable A is not set; set it where the refresh runs"):
        Secrets(environment).resolve("Bearer ${A}")


@pytest.mark.parametrize("secret", [TOKEN, "p@ss w/rd%#?&+é", "a'b\\c\td", "short"])
def test_a_secret_is_hidden_in_every_form_it_may_come_back_in(secret: str) -> None:
    secrets = Secrets({"KCN_SECRET": secret})
    secrets.resolve("${KCN_SECRET}")
    for form in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret), repr(secret), f"<{secret}>"):
        shown = secrets.redact(f"before {form} after")
        assert "${KCN_SECRET}" in shown
        assert secret not in shown
        assert shown.startswith("before ")
        assert shown.endswith(" after")


def test_a_secret_that_a_server_cuts_is_hidden() -> None:
    secrets = Secrets({"KCN_TOKEN": TOKEN})
    secrets.resolve("${KCN_TOKEN}")
    assert secrets.redact(f"bad token {TOKEN[:30]}... was sent") == "bad token ${KCN_TOKEN} was sent"


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    secrets = Secrets({"USER": "kcn", "PASSWORD": "kcn-2026"})
    secrets.resolve("${USER} ${PASSWORD}")
    assert secrets.redact("kcn-2026 of kcn") == "${PASSWORD} of ${USER}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at ftp://kcn:abc@host/in failed", "at ftp://***@host/in failed"),
        ("abfs://container@account/x stays", "abfs://container@account/x stays"),
        ("url: /x?since=2026&access_token=abc&page=1 (", "url: /x?since=2026&access_token=***&page=1 ("),
        ("/f?X-Amz-Signature=abc'", "/f?X-Amz-Signature=***'"),
    ],
)
def test_secrets_inside_addresses_are_hidden_whoever_wrote_them(text: str, shown: str) -> None:
    assert Secrets({}).redact(text) == shown


def test_names_and_public_addresses() -> None:
    assert name_variables("Token ${A}:${B}") == "A, B"
    assert public_url("https://u:p@host:8443/a%20b/c?sig=1#x") == "https://host:8443/a%20b/c"
    assert public_url("http://[broken") == "an address that is no URL"
