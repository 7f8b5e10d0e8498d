"""A night of survey payloads in the lake: pages and files together, run twice, and with a fault of our own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.store import Payload, receive
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.staging.surveys import kobo_json, stage_survey
from kcn_pipeline_tests.staging.surveys.reading import SECRET, contracts

NIGHT = "2026-03-08"
UID = "aQk7Zr2mWc9Tn4Xb6Hs3Ld"
TABLES = ("survey_responses", "survey_answers", "survey_listings", "survey_invitations")
_ROW = {
    "_id": 1, "_uuid": "u1", "meta/rootUuid": "u1", "_submission_time": "2026-03-05T01:20:07", "__version__": "v1",
    "_validation_status": {}, "respondent_type": "expert", "expert_code": "cg-01", "mg01_necessity": "4",
    "mg01_comment": "Chưa rõ 😀",
}  # fmt: skip
_CSV = "respondent_type;expert_code;mg01_necessity;_uuid;_submission_time\nexpert;cg-02;5;u2;2026-09-01T02:00:00\n"


def _payload(name: str, content: bytes, **metadata: str) -> Payload:
    return receive("surveys", name, f"origin/{name}", content, metadata=metadata)


def _page(part: str, number: int, *rows: Mapping[str, Any]) -> Payload:
    content = json.dumps({"count": len(rows), "next": None, "previous": None, "results": rows}).encode()
    return _payload(f"{UID}/{part}-{number}.json", content, kind="survey/kobo", part=part, form=UID)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def _read(lake: Lake, table: str) -> list[dict[str, Any]]:
    rows = lake.read("staging", table)
    assert rows is not None
    return rows.to_pylist()


def test_a_night(lake: Lake) -> None:
    payloads = [
        _page("data", 1, _ROW),
        _page("listing", 1, _ROW),
        _payload("a/kobo.csv", _CSV.encode(), kind="survey/files"),
    ]
    result = stage_survey(lake, contracts(), NIGHT, payloads, SECRET)
    assert (result.payloads, result.rejected, result.findings) == (3, 0, 0)
    assert dict(result.rows) == dict(zip(TABLES, [2, 3, 1, 0], strict=True))
    rounds = ["round=indicator_set.2026-1", "round=indicator_set.2026-2"]
    assert lake.parts("staging", "survey_responses", NIGHT) == lake.parts("staging", "survey_answers", NIGHT) == rounds
    assert {row["channel"] for row in _read(lake, "survey_responses")} == {"kobo_api", "kobo_export"}
    (listed,) = _read(lake, "survey_listings")
    assert listed["response_id"] in {row["response_id"] for row in _read(lake, "survey_responses")}
    assert {row["comment"] for row in _read(lake, "survey_answers")} == {None, "Chưa rõ 😀"}


def test_stored_tables_have_the_types_of_the_contracts(lake: Lake) -> None:
    stage_survey(lake, contracts(), NIGHT, [_page("data", 1, _ROW), _page("listing", 1, _ROW)], SECRET)
    for table in TABLES[:3]:
        stored = lake.read("staging", table)
        assert stored is not None
        assert stored.schema.remove_metadata() == schema_of(contracts().tables[table])


def test_a_second_run_replaces_the_first(lake: Lake) -> None:
    stage_survey(lake, contracts(), NIGHT, [_page("data", 1, _ROW), _payload("k.csv", _CSV.encode())], SECRET)
    first = {table: _read(lake, table) for table in TABLES[:3]}
    stage_survey(lake, contracts(), NIGHT, [_page("data", 1, _ROW), _payload("k.csv", _CSV.encode())], SECRET)
    assert {table: _read(lake, table) for table in TABLES[:3]} == first
    stage_survey(lake, contracts(), NIGHT, [], SECRET)
    assert [_read(lake, table) for table in TABLES[:3]] == [[], [], []]


def test_the_key_decides_who_is_who(lake: Lake) -> None:
    keys = set()
    for secret in (SECRET, b"another secret of the tests"):
        stage_survey(lake, contracts(), NIGHT, [_page("data", 1, _ROW)], secret)
        (row,) = _read(lake, "survey_responses")
        keys.add(row["respondent_key"])
    assert len(keys) == 2


def test_a_fault_of_our_own_costs_one_payload_and_quotes_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    read_row = kobo_json._PageReader._read_row

    def fail(self: Any, here: Any, row: dict[str, Any]) -> None:
        if row["_id"] == 2:
            raise ValueError(f"cannot read {row}")
        read_row(self, here, row)

    monkeypatch.setattr(kobo_json._PageReader, "_read_row", fail)
    bad = {**_ROW, "_id": 2, "_uuid": "u2", "meta/rootUuid": "u2", "respondent_name": "Nguyễn Thị Mẫu Hoa"}
    result = stage_survey(lake, contracts(), NIGHT, [_page("data", 1, bad), _page("data", 2, _ROW)], SECRET)
    assert (result.payloads, result.rejected, result.rows["survey_responses"]) == (2, 1, 1)
    (finding,) = _read(lake, "survey_findings")
    assert finding["rule"] == "internal_error"
    assert "ValueError" in finding["reason_en"]
    assert [text for text in finding.values() if "Mẫu" in f"{text}" or "cannot read" in f"{text}"] == []
