"""The sources file: what it may say, and that every mistake in it is named with its place and without its secret."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from kcn_pipeline.contracts.errors import ContractError, Problem
from kcn_pipeline.contracts.sources import FilesFeed, KoboFeed, PortalFeed, load_sources

GOOD = """
- id: board_inbox
  kind: enterprise_reports/files
  url: inputs/reports
- id: paper_reports
  kind: enterprise_reports/files
  url: sftp://kcn:${KCN_SFTP_PASSWORD}@files.example.vn/paper
  channel: paper
  include: ["**/*.xlsx", "*.csv"]
  max_file_mb: 12.5
  max_files: 10
  storage_options: {port: 2222, client: {secret: "${KCN_SECRET}"}}
- id: board_portal
  kind: enterprise_reports/portal
  url: https://portal.example.vn/api/
  token: ${KCN_PORTAL_TOKEN}
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return tmp_path / "sources.yaml"


def problems_of(path: Path, text: str) -> list[Problem]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        load_sources(path)
    assert [str(p) for p in caught.value.problems] == str(caught.value).splitlines()
    assert all(p.file == str(path) for p in caught.value.problems)
    return list(caught.value.problems)


def with_line(line: str, kind: str = "enterprise_reports/files") -> str:
    """One otherwise good feed with one more line, which is line 4 of the file."""
    token = "\n  token: ${TOKEN}" if kind.endswith("portal") and not line.startswith("token") else ""
    url = "" if line.startswith("url") else f"\n  url: {'https://host' if token or 'token' in line else 'inbox'}"
    return f"- id: board_inbox\n  kind: {kind}\n  # what is wrong:\n  {line}{url}{token}\n"


def test_feeds_are_read_in_order_with_defaults(sources: Path) -> None:
    sources.write_text(GOOD, encoding="utf-8")
    inbox, paper, portal = load_sources(sources)
    assert isinstance(inbox, FilesFeed)
    assert (inbox.topic, inbox.way) == ("enterprise_reports", "files")
    assert (inbox.include, inbox.max_file_mb, inbox.max_files, inbox.channel) == (("**/*",), 50, 20_000, "electronic")
    assert isinstance(paper, FilesFeed)
    assert paper.include == ("**/*.xlsx", "*.csv")
    assert paper.storage_options == {"port": 2222, "client": {"secret": "${KCN_SECRET}"}}
    assert isinstance(portal, PortalFeed)
    assert (portal.url, portal.token) == ("https://portal.example.vn/api", "${KCN_PORTAL_TOKEN}")
    with pytest.raises(ValidationError):
        inbox.url = "elsewhere"


@pytest.mark.parametrize(
    ("line", "key", "reason"),
    [
        ("includes: ['*']", "board_inbox.includes", "is unknown; the keys are id, kind, url"),
        ("max_file_mb: 0", "board_inbox.max_file_mb", "greater than 0"),
        ("max_file_mb: .inf", "board_inbox.max_file_mb", ""),
        ("max_files: yes", "board_inbox.max_files", "valid integer"),
        ("max_files: '10'", "board_inbox.max_files", "valid integer"),
        ("channel: email", "board_inbox.channel", "'electronic' or 'paper'"),
        ("id: board_inbox", "board_inbox.id", "is written twice; keep one"),
        ("include: ['**.xlsx']", "board_inbox.include", "as in **/*.xlsx"),
        ("include: []", "board_inbox.include", "at least 1 item"),
        ("storage_options: {password: abc123}", "board_inbox.storage_options.password", "write ${NAME}"),
        ("storage_options: {a: [{api_key: 17}]}", "board_inbox.storage_options.a.0.api_key", "write ${NAME}"),
        ("storage_options: {secret: '${not-a-name}'}", "board_inbox.storage_options.secret", "write ${NAME}"),
        ("url: sftp://kcn:abc123@host/in", "board_inbox.url", "password in plain text; write ${NAME}"),
        ("url: https://host/in?token=abc123", "board_inbox.url", "password in plain text; write ${NAME}"),
        ("url: ''", "board_inbox.url", "at least 1 character"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(sources: Path, line: str, key: str, reason: str) -> None:
    (problem,) = problems_of(sources, with_line(line))
    assert (problem.key, problem.line) == (key, 4)
    assert reason in problem.reason
    assert "abc123" not in str(problem)
    assert str(problem).startswith(f"{sources}:4: {key}: ")


@pytest.mark.parametrize(
    ("line", "key", "reason"),
    [
        ("token: abc123", "board_inbox.token", "plain text; write ${NAME}"),
        ("url: ftp://host", "board_inbox.url", "write https://host/path"),
        ("url: https://${USER}@host/", "board_inbox.url", "leave only https://host/path"),
        ("page_size: 1001", "board_inbox.page_size", "less than or equal to 1000"),
        ("storage_options: {}", "board_inbox.storage_options", "is unknown"),
    ],
)
def test_a_mistake_of_a_portal_is_named(sources: Path, line: str, key: str, reason: str) -> None:
    (problem,) = problems_of(sources, with_line(line, "enterprise_reports/portal"))
    assert (problem.key, problem.line) == (key, 4)
    assert reason in problem.reason
    assert "abc123" not in str(problem)


def test_all_mistakes_are_listed_at_once(sources: Path) -> None:
    text = """\
- id: Board-Inbox
  kind: enterprise_reports/files
- kind: stations/files
  url: x
- id: twice
  kind: register/files
  url: x
- id: twice
  kind: register/files
  url: y
- just a text
- id: no_kind
  url: x
"""
    found = [(p.key, p.line) for p in problems_of(sources, text)]
    assert found == [
        ("Board-Inbox.id", 1),
        ("Board-Inbox.url", 1),
        ("feed 2.kind", 3),
        ("feed 5", 11),
        ("no_kind.kind", 12),
        ("twice.id", 8),
    ]


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("", "holds no list of feeds", None),
        ("[]", "holds no list of feeds", None),
        ("feeds: {}", "holds no list of feeds", None),
        ("- id: a\n  kind: [", "is not YAML", 2),
        ("- id: a\n  kind: register/files\n  url: 2026-13-45", "cannot be read", 3),
    ],
)
def test_a_file_that_is_no_list_of_feeds(sources: Path, text: str, reason: str, line: int | None) -> None:
    (problem,) = problems_of(sources, text)
    assert (problem.key, problem.line) == ("", line)
    assert reason in problem.reason


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"none\.yaml: does not exist; KCN_SOURCES says where it lies"):
        load_sources(tmp_path / "none.yaml")
    (tmp_path / "legacy.yaml").write_bytes(b"- id: B\xbec")
    with pytest.raises(ContractError, match=r"legacy\.yaml:1: cannot be read, it is not UTF-8 \(byte 0xbe\)"):
        load_sources(tmp_path / "legacy.yaml")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("folders", "{station/%Y/%m/%d", "cannot stand in it"),
        ("folders", "%Q/%d", "cannot stand in it"),
        ("folders", "../%Y/%m/%d", "cannot stand in it"),
        ("folders", "{station}/%Y", "names no day"),
        ("include", ["**.txt"], "is no glob"),
        ("url", "st\\0x", "String should match"),
        ("url", "ftp://[::1/x", None),
    ],
)
def test_a_feed_of_station_files_is_checked(tmp_path: Path, key: str, value: object, said: str | None) -> None:
    feed = {"id": "stations", "kind": "monitoring/station_files", "url": "stations", key: value}
    path = tmp_path / "sources.yaml"
    path.write_text(json.dumps([feed]).replace("\\\\0", "\\u0000"), "utf-8")
    if said is None:
        assert load_sources(path)[0].url == value
        return
    with pytest.raises(ContractError, match=said):
        load_sources(path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("forms", [], "names no form; list the uid of each"),
        ("forms", ["aGAcvh", "aXyz1", "aGAcvh"], "names a form twice; keep one"),
        ("forms", ["aGAcvh", "https://kf.example.org/#/forms/aXyz"], "is no uid of a form; it stands in the form's"),
        ("forms", ["abc123 xyz"], "is no uid of a form"),
        ("page_size", 1001, "less than or equal to 1000"),
        ("token", "abc123", "plain text; write ${NAME}"),
        ("url", "https://kf.example.org/?x=1", "leave only https://host/path"),
        ("approved_only", True, "is unknown; the keys are"),
    ],
)
def test_a_mistake_of_a_kobo_feed_is_named(sources: Path, key: str, value: object, said: str) -> None:
    feed = {"id": "forms", "kind": "survey/kobo", "url": "https://kf.example.org", "token": "${T}", "forms": ["aGAcvh"]}
    sources.write_text(json.dumps([feed]), "utf-8")
    (good,) = load_sources(sources)
    assert isinstance(good, KoboFeed)
    assert (good.forms, good.page_size, good.topic, good.way) == (("aGAcvh",), 1000, "survey", "kobo")
    (problem,) = problems_of(sources, json.dumps([feed | {key: value}]))
    assert problem.key.startswith(f"forms.{key}")
    assert said in problem.reason
    assert "abc123" not in str(problem)


def test_feeds_of_surveys_hold_personal_data(sources: Path) -> None:
    sources.write_text(GOOD + "- id: exports\n  kind: survey/files\n  url: inputs/surveys\n", "utf-8")
    assert [feed.id for feed in load_sources(sources) if feed.holds_personal_data] == ["exports"]


@pytest.mark.parametrize(
    "pattern", ["", "{station}/%Y/%m/%d", "{t\u1ec9nh x}/Nam %Y/thang %m/ngay %d", "%Y%m%d", "%Y/%j"]
)
def test_patterns_of_dated_folders(tmp_path: Path, pattern: str) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(
        json.dumps([{"id": "s", "kind": "monitoring/station_files", "url": "x", "folders": pattern}]), "utf-8"
    )
    assert load_sources(path)[0].folders == pattern  # type: ignore[union-attr]
