"""Runs every folder of `cases/survey_pages`: pages of KoboToolbox in, responses, answers and listings out."""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.findings import Place, tabulate_findings
from kcn_pipeline.secrecy import respondent_key
from kcn_pipeline.staging.surveys.collect import Collector
from kcn_pipeline.staging.surveys.kobo_json import read_kobo_json
from kcn_pipeline.staging.surveys.respondents import normalise_identity
from kcn_pipeline.staging.surveys.tables import tabulate
from kcn_pipeline_tests.staging.surveys.reading import SECRET, contracts, recogniser, say

CASES = Path(__file__).parents[2] / "cases" / "survey_pages"
NIGHT = "2026-03-08"
UID = "aQk7Zr2mWc9Tn4Xb6Hs3Ld"
FILES: Mapping[str, Any] = {"kind": "survey/files"}
#: Planted in the case `identities`; nothing of them may come out.
PLANTED = ["Mẫu", "Mau", "Hoa", "654", "321", "@", "36", "Đơn", "21.18", "106.07", "Zq81", "may_cua", "0987111222"]


class Read:
    """What came of the pages of one night."""

    def __init__(self, pages: Sequence[tuple[str, bytes]], metadata: Mapping[str, Any] = FILES) -> None:
        self.collector = Collector(contracts(), SECRET)
        self.was_read = [
            read_kobo_json(self.collector, recogniser(), Place("kobo", "e" * 64, name), content, metadata)
            for name, content in pages
        ]
        self.tables = tabulate(self.collector, NIGHT)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table, all parts."""
        return [row for part in self.tables[table].values() for row in part.to_pylist()]

    @property
    def findings(self) -> list[dict[str, Any]]:
        """The findings as rows, each with how many it found."""
        rows = tabulate_findings(contracts(), self.collector.findings).to_pylist()
        founds = [each.said.get("found") for each in self.collector.findings]
        return [{**row, "found": found} for row, found in zip(rows, founds, strict=True)]


def _open(case: str) -> Read:
    folder = CASES / case / "input"
    return Read([(str(path.relative_to(folder)), path.read_bytes()) for path in sorted(folder.rglob("*.json"))])


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_case(case: str) -> None:
    read = _open(case)
    answers = [{**row, "says": say(row)} for row in read.rows("survey_answers")]
    order = {
        question.name: at for survey in contracts().surveys.values() for at, question in enumerate(survey.questions)
    }
    found = {
        "expected.csv": read.rows("survey_responses"),
        "expected_answers.csv": answers,
        "expected_listings.csv": read.rows("survey_listings"),
        "expected_findings.csv": read.findings,
    }
    assert any((CASES / case / name).exists() for name in found)
    for name, rows in found.items():
        expected, columns = _read_expected(CASES / case / name)
        shown = [{column: _show(row, column) for column in columns} for row in rows]
        if name == "expected_answers.csv":
            shown, expected = _sorted(shown, order), _sorted(expected, order)
        assert shown == expected if columns else rows == [], name


def _sorted(rows: Sequence[Mapping[str, str]], order: Mapping[str, int]) -> list[Mapping[str, str]]:
    return sorted(rows, key=lambda row: (int(row["line"]), order[row["question"]]))


def _read_expected(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    if not path.exists():
        return [], []
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        return list(reader), list(reader.fieldnames or [])


def _show(row: Mapping[str, Any], column: str) -> str:
    """A value as text; bookkeeping columns without their `_`, and who is behind a respondent's key."""
    if column == "respondent":
        return _respondent(row["respondent_key"])
    value = row[column] if column in row else row[f"_{column}"]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)


def _respondent(key: str | None) -> str:
    """The identity behind a key; found by hashing everybody, as only the holder of the secret can."""
    everybody = {
        "enterprise": ["2300000011", "2300000036", "0100000010"], "expert": ["cg-01", "cg-02"], "manager": ["ql-01"]
    }  # fmt: skip
    keys = {
        respondent_key(SECRET, kind, normalise_identity(kind, each) or ""): each
        for kind, listed in everybody.items()
        for each in listed
    }
    return keys[key] if key else ""


# ---- nothing personal ------------------------------------------------------------------------------------------------


def test_no_identity_comes_out_of_a_page() -> None:
    read = _open("identities")
    texts = [
        {k: v for k, v in row.items() if k not in ("_payload",)} for name in read.tables for row in read.rows(name)
    ]
    keys = {
        "response_id",
        "version_key",
        "respondent_key",
        "file_key",
        "reason_vi",
        "action_vi",
        "action_en",
        "reason_en",
        "payload",
    }
    shown = [f"{value}" for row in [*texts, *read.findings] for key, value in row.items() if key not in keys]
    told = [f"{row[name]}" for row in read.findings for name in ("reason_vi", "reason_en")]
    assert [(each, text) for each in PLANTED for text in [*shown, *told] if each in text] == []


def test_a_message_never_quotes_what_cannot_be_read() -> None:
    read = _open("unreadable")
    assert read.was_read == [False, False]
    assert [text for row in read.findings for text in row.values() if "Mẫu" in f"{text}" or "0987" in f"{text}"] == []


# ---- the same response, another version ------------------------------------------------------------------------------

_ROW = {
    "_id": 1, "_uuid": "u1", "meta/rootUuid": "u1", "_submission_time": "2026-03-05T01:20:07", "__version__": "v1",
    "_validation_status": {}, "respondent_type": "expert", "expert_code": "cg-01", "mg01_necessity": "4",
}  # fmt: skip


def _page(*rows: Mapping[str, Any]) -> bytes:
    return json.dumps({"count": len(rows), "next": None, "previous": None, "results": rows}).encode()


def _of_server(part: str, *rows: Mapping[str, Any]) -> Read:
    metadata = {"kind": "survey/kobo", "part": part, "form": UID, "topic": "survey"}
    return Read([(f"{UID}/{part}-1.json", _page(*rows))], metadata)


def test_an_edit_is_another_version_of_the_same_response() -> None:
    read = _of_server("data", _ROW, {**_ROW, "_uuid": "u2", "mg01_necessity": "5"}, {**_ROW, "_uuid": "u1"})
    first, edited, again = read.rows("survey_responses")
    assert first["response_id"] == edited["response_id"] == again["response_id"]
    assert first["version_key"] == again["version_key"] != edited["version_key"]
    assert {row["channel"] for row in read.rows("survey_responses")} == {"kobo_api"}


def test_a_listing_names_the_responses_and_versions_of_the_pages() -> None:
    """With and without the prefix `uuid:`, in capitals, and where the server does not tell the root."""
    edited = {**_ROW, "_uuid": "U2", "meta/rootUuid": "uuid:U1"}
    rootless = {key: value for key, value in _ROW.items() if key != "meta/rootUuid"} | {"_uuid": "u3"}
    responses = _of_server("data", edited, rootless).rows("survey_responses")
    listed = _of_server("listing", {**edited, "_uuid": "u2"}, rootless).rows("survey_listings")
    names = ("response_id", "version_key")
    assert [[row[name] for name in names] for row in listed] == [[row[name] for name in names] for row in responses]


def test_a_listing_lists_what_it_was_asked_for_or_everything() -> None:
    """A server that does not heed `fields` sends the answers too: still a listing, and nothing of them is staged."""
    read = _of_server("listing", _ROW)
    assert len(read.rows("survey_listings")) == 1
    assert read.rows("survey_responses") == read.rows("survey_answers") == []


def test_an_empty_page_is_read() -> None:
    read = _of_server("data")
    assert read.was_read == [True]
    assert read.rows("survey_responses") == read.findings == []


@pytest.mark.parametrize("value", [None, "", " ", [], {}, "-"])
def test_blanks_of_every_kind_are_no_answer(value: object) -> None:
    read = _of_server("data", {**_ROW, "mg01_necessity": value, "mg02_necessity": "3"})
    assert [row["question"] for row in read.rows("survey_answers")] == ["mg02_necessity"]


@pytest.mark.parametrize("value", [4, 4.0, "4", "4.0", [4]])
def test_a_number_is_read_as_its_text(value: object) -> None:
    (answer,) = _of_server("data", {**_ROW, "mg01_necessity": value}).rows("survey_answers")
    assert answer["score"] == 4


@pytest.mark.parametrize("value", [True, {"a": 1}, [1, 2], 10**400, "4" * 5000, "\ud800"])
def test_what_is_no_answer_never_becomes_a_score(value: object) -> None:
    for answer in _of_server("data", {**_ROW, "mg01_necessity": value}).rows("survey_answers"):
        assert answer["score"] is None
        assert answer["problem"] in ("unknown_label", "score_out_of_scale")


def test_half_a_character_and_control_characters_can_be_stored() -> None:
    page = (
        b'{"results": [{"_uuid": "u\\ud83d", "_submission_time": "2026-03-05T01:20:07", "respondent_type": "expert", '
    )
    page += b'"expert_code": "\\ude00", "mg01_necessity": "4", '
    page += b'"general_comment": "\\ud83d a\\u0000b\\u0007 \\ud83d\\ude00"}]}'
    read = Read([(f"{UID}/data-1.json", page)])
    assert [say(row) for row in read.rows("survey_answers")] == [4, "? a b \U0001f600"]
    assert read.rows("survey_responses")[0]["problem"] is None


@pytest.mark.parametrize("time", ["", None, 5, "yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59"])
def test_a_time_that_cannot_be_read_leaves_no_round(time: object) -> None:
    (row,) = _of_server("data", {**_ROW, "_submission_time": time, "start": time}).rows("survey_responses")
    assert (row["submitted_at"], row["round_code"]) == (None, None)


def test_parts() -> None:
    outside = {**_ROW, "_uuid": "u9", "meta/rootUuid": "u9", "_submission_time": "2020-01-01T00:00:00"}
    tables = _of_server("data", _ROW, outside).tables
    parts = ["round=indicator_set.2026-1", "round=indicator_set.none"]
    assert list(tables["survey_responses"]) == list(tables["survey_answers"]) == parts
    assert [len(tables["survey_answers"][part]) for part in parts] == [1, 1]
    assert list(tables["survey_listings"]) == [""]
