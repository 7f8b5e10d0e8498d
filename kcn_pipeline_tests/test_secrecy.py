"""The key by which respondents are hashed: made once, secret, and never a plain hash."""

import re
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from kcn_pipeline.secrecy import KEY_FILE, SecretError, keyed_id, load_secret, respondent_key
from kcn_pipeline.settings import SURVEY_KEY

SECRET = b"0123456789abcdef0123456789abcdef"
TAX_CODE = "2300000001"


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SURVEY_KEY, raising=False)


def test_same_respondent_same_key_and_nothing_else() -> None:
    key = respondent_key(SECRET, "enterprise", TAX_CODE)
    assert re.fullmatch("[0-9a-f]{32}", key)
    assert key == respondent_key(SECRET, "enterprise", TAX_CODE)
    others = {
        respondent_key(SECRET, "enterprise", "2300000002"),
        respondent_key(SECRET, "expert", TAX_CODE),
        respondent_key(SECRET + b"0", "enterprise", TAX_CODE),
        sha256(f"enterprise|{TAX_CODE}".encode()).hexdigest()[:32],
    }
    assert len(others) == 4
    assert key not in others


def test_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    secret = load_secret(tmp_path / "data")
    assert len(secret) == 64
    assert load_secret(tmp_path / "data") == secret
    path = tmp_path / "data" / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == [KEY_FILE]
    assert load_secret(tmp_path / "other") != secret


def test_environment_comes_first_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SURVEY_KEY, "một khóa đủ dài để dùng")
    assert load_secret(tmp_path) == "một khóa đủ dài để dùng".encode()
    assert not list(tmp_path.iterdir())


def test_a_short_key_is_refused_without_telling_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SURVEY_KEY, "bimat")
    with pytest.raises(SecretError, match=SURVEY_KEY) as error:
        load_secret(tmp_path)
    assert "bimat" not in str(error.value)
    monkeypatch.delenv(SURVEY_KEY)
    (tmp_path / KEY_FILE).write_text("\n")
    with pytest.raises(SecretError, match=KEY_FILE):
        load_secret(tmp_path)


def test_a_lost_key_is_told_and_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="kcn replay"):
        load_secret(tmp_path, may_make=False)
    assert not list(tmp_path.iterdir())
    made = load_secret(tmp_path)
    assert load_secret(tmp_path, may_make=False) == made


def test_an_id_needs_the_key_and_keeps_its_parts_apart() -> None:
    assert re.fullmatch("[0-9a-f]{32}", keyed_id(SECRET, "paper", "12"))
    ids = {keyed_id(SECRET, "paper", "12"), keyed_id(SECRET, "paper1", "2"), keyed_id(SECRET + b"0", "paper", "12")}
    assert len(ids) == 3
