"""Which row is which response where no tool gives a uuid: equal numbers, forms typed twice, equal moments, files."""

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.store import Payload, receive
from kcn_pipeline.staging.surveys import stage_survey
from kcn_pipeline_tests.staging.surveys.reading import SECRET, Staged, contracts, save, stage, stage_all

NIGHT = "2026-05-02"
HEAD = "Số phiếu,Lần nhập,Ngày nhận phiếu,Ông/Bà trả lời với tư cách,Mã số thuế,Mã phiếu mời,mg01_necessity\n"
FIRM, OTHER, THIRD = "2300000011", "2300000029", "2300000036"
GOOGLE = "Dấu thời gian,Ông/Bà trả lời với tư cách,Mã số thuế,[MG01] Mức độ cần thiết\n"
LIME = "id,submitdate,lastpage,respondenttype,taxcode,mg01[SQ001]\n"


def _typed(number: object, entry: object, code: str, score: int = 4, day: str = "10/03/2026") -> str:
    return f"{number},{entry},{day},DN,{code},,{score}\n"


def _paper(*rows: str, name: str = "p.csv") -> Staged:
    return stage(name, (HEAD + "".join(rows)).encode())


def _ids(staged: Staged) -> list[str]:
    return [row["response_id"] for row in staged.responses]


def _told(staged: Staged) -> list[tuple[str, int | None, Any, Any]]:
    return [(f.rule, f.place.line, f.said.get("found"), f.said.get("detail")) for f in staged.findings]


# ---- numbers ---------------------------------------------------------------------------------------------------------


def test_two_workbooks_that_count_from_one_hold_different_forms() -> None:
    one = (HEAD + _typed(1, "", FIRM) + _typed(2, "", OTHER)).encode()
    other = (HEAD + _typed(1, "", THIRD) + _typed(2, "", "0100000010")).encode()
    assert len(set(_ids(stage_all([("a.csv", one), ("b.csv", other)])))) == 4
    again = (HEAD + _typed(2, "", OTHER, 5) + _typed(1, "", FIRM)).encode()
    assert _ids(stage("c.csv", again)) == _ids(stage("a.csv", one))[::-1], "a correction is the same form"


def test_two_limesurveys_that_count_from_one_hold_different_responses() -> None:
    files = [(f"{code}.csv", f"{LIME}1,2026-03-05 10:00:00,6,enterprise,{code},4\n".encode()) for code in (FIRM, OTHER)]
    assert len(set(_ids(stage_all(files)))) == 2
    nobody = [(f"{score}.csv", f"{LIME}1,2026-03-05 10:00:00,6,enterprise,,{score}\n".encode()) for score in (4, 5)]
    assert len(set(_ids(stage_all(nobody)))) == 2, "without a key the content tells them apart"


def test_a_number_of_one_respondent_on_two_days_is_two_responses() -> None:
    days = ("25/01/2026", "10/01/2026", "25/01/2026")
    one, other, again = (_ids(_paper(_typed(1, 1, FIRM, day=day), name=f"{day[:2]}.csv"))[0] for day in days)
    assert one == again != other
    both = _paper(_typed(1, 1, FIRM, day="25/01/2026"), _typed(1, 1, FIRM, 5, day="10/01/2026"))
    assert _ids(both) == [one, other]
    assert _told(both) == [("form_repeated", 3, 2, "2, 3")]


# ---- forms typed twice -----------------------------------------------------------------------------------------------


def test_a_second_entry_belongs_to_the_first_with_its_number_and_code() -> None:
    staged = _paper(_typed(1, 1, FIRM), _typed(1, 2, FIRM, 5), _typed(2, 1, OTHER))
    first, second, other = _ids(staged)
    assert first == second != other
    assert staged.findings == []


def test_a_second_entry_takes_the_day_of_its_first() -> None:
    """Some workbooks have the day of typing only."""
    rows = _typed(1, 1, FIRM, day="12/03/2026"), _typed(1, 2, FIRM, 5, day="13/03/2026"), _typed(1, 1, OTHER)
    first, second, other = _ids(staged := _paper(*rows))
    assert first == second != other
    assert staged.findings == []
    assert _ids(_paper(rows[1], name="second.csv")) != [first], "alone it has the day that it was typed with"


@pytest.mark.parametrize(
    "second",
    [
        _typed(1, 2, THIRD),
        _typed(1, 2, ""),
        _typed("001", "lần 2", THIRD, day="20/08/2026"),
        _typed(1, 2, THIRD, day=""),
        "1,2,10/03/2026,Chuyên gia,,CG-01,4\n",
        _typed(1, 3, THIRD),
    ],
)
def test_a_second_entry_with_another_code_belongs_to_the_only_first_with_its_number(second: str) -> None:
    staged = _paper(second, _typed(1, 1, FIRM, 5), _typed(2, 1, OTHER))
    joined, first, other = staged.responses
    assert joined["response_id"] == first["response_id"] != other["response_id"]
    assert (joined["round_code"], joined["entry"]) == ("2026-1", "second")
    assert {row["response_id"] for row in staged.answers if row["_line"] == 2} == {first["response_id"]}
    assert {row["round_code"] for row in staged.answers} == {"2026-1"}
    assert ("double_entry_key_differs", 2, "3", None) in _told(staged)
    shown = staged.shown
    assert not [code for code in (FIRM, OTHER, THIRD, "CG-01") if code in shown]


def test_a_number_of_the_same_round_and_type_comes_before_a_bare_number() -> None:
    staged = _paper(_typed(1, 1, FIRM), "1,1,10/03/2026,Chuyên gia,,CG-01,4\n", _typed(1, 2, OTHER))
    of_firm, of_expert, second = _ids(staged)
    assert second == of_firm != of_expert


@pytest.mark.parametrize(
    "rows",
    [
        [_typed(1, 1, FIRM), _typed(1, 1, OTHER), _typed(1, 2, THIRD)],
        [_typed(1, 1, FIRM), _typed(2, 1, OTHER), _typed(3, 2, THIRD)],
        [_typed(1, 1, FIRM), _typed(2, 1, OTHER), _typed("", 2, OTHER, 5)],
        [_typed(1, 1, FIRM), "1,1,10/03/2026,Chuyên gia,,CG-01,4\n", _typed(1, 2, OTHER, day="20/08/2026")],
    ],
)
def test_a_second_entry_that_may_belong_to_several_or_none_stays_alone(rows: list[str]) -> None:
    staged = _paper(*rows)
    assert len(set(_ids(staged))) == 3
    assert staged.findings == [], "validation refuses it, unless its first entry stands in another workbook"


def test_a_second_entry_in_another_workbook_belongs_to_the_same_number_and_code_only() -> None:
    first = _paper(_typed(1, 1, FIRM))
    assert _ids(_paper(_typed(1, 2, FIRM, 5), name="second.csv")) == _ids(first)
    assert _ids(_paper(_typed(1, 2, OTHER, 5), name="second.csv")) != _ids(first)


def test_the_entries_of_a_form_may_stand_on_two_sheets() -> None:
    workbook = openpyxl.Workbook()
    for sheet, rows in ((workbook.active, [_typed(1, 1, FIRM)]), (workbook.create_sheet("2"), [_typed(1, 2, OTHER)])):
        for row in (HEAD, *rows):
            sheet.append(row.strip().split(","))
    staged = stage("p.xlsx", save(workbook))
    assert len(set(_ids(staged))) == 1
    assert _told(staged) == [("double_entry_key_differs", 2, "2 (sheet 1)", None)]


def test_a_first_entry_that_is_repeated_is_told() -> None:
    staged = _paper(_typed(1, 1, FIRM), _typed(2, 1, OTHER), _typed("01", "", FIRM, 5), _typed(1, 2, FIRM))
    assert len(set(_ids(staged))) == 2
    assert _told(staged) == [("form_repeated", 4, 2, "2, 4")]


# ---- neither uuid nor number -----------------------------------------------------------------------------------------


def _google(*rows: str, name: str = "g.csv") -> Staged:
    return stage(name, (GOOGLE + "".join(rows)).encode())


def test_answers_of_one_moment_that_differ_are_two_responses() -> None:
    row = "05/03/2026 09:00:00,Doanh nghiệp,{},{}\n"
    staged = _google(row.format(FIRM, "Cao"), row.format(FIRM, "Thấp"), row.format(OTHER, "Cao"))
    assert len(set(_ids(staged))) == 3


def test_equal_lines_are_as_many_responses_and_the_same_ones_in_a_longer_export() -> None:
    row, later = f"05/03/2026 09:00:00,Doanh nghiệp,{FIRM},Cao\n", f"06/03/2026 09:00:00,Doanh nghiệp,{OTHER},Cao\n"
    once, twice = _google(row), _google(row, row)
    longer = _google(later, row, row, row, name="another.csv")
    assert len(set(_ids(twice))) == 2
    assert _ids(once) == _ids(twice)[:1]
    assert _ids(longer)[1:3] == _ids(twice)
    assert len(set(_ids(longer))) == 4
    both = stage_all([("a.csv", (GOOGLE + row).encode()), ("b.csv", (GOOGLE + row).encode())])
    assert len(set(_ids(both))) == 1, "two files that hold the same line hold the same response"


# ---- submissions that stand twice in a payload -----------------------------------------------------------------------


def _page(*scores: str, **more: str) -> str:
    rows = [
        {"_uuid": "u1", "_submission_time": "2026-03-05T01:00:00", "mg01_necessity": score} | more for score in scores
    ]
    rows.append(rows[0] | {"_uuid": "u2"})
    return json.dumps({"results": rows})


@pytest.mark.parametrize("kind", ["survey/files", "survey/kobo"])
def test_a_uuid_that_stands_twice_in_a_page_and_differs_is_told(tmp_path: Path, kind: str) -> None:
    lake = Lake(tmp_path)
    _stage(lake, _payload("x/data-1.json", _page("4", "2", "4"), kind=kind))
    (told,) = [row for row in _findings(lake) if row["rule"] == "response_repeated"]
    assert "(dòng 1, 2, 3)" in told["reason_vi"]
    _stage(lake, _payload("x/data-1.json", _page("4", "4"), kind=kind))
    assert "response_repeated" not in {row["rule"] for row in _findings(lake)}


def _findings(lake: Lake) -> list[dict[str, Any]]:
    rows = lake.read("staging", "survey_findings")
    return [] if rows is None else rows.to_pylist()


# ---- files -----------------------------------------------------------------------------------------------------------


def _payload(name: str, content: str, source: str = "surveys", kind: str = "survey/files") -> Payload:
    return receive(source, name, f"origin/{name}", content.encode(), metadata={"kind": kind})


def _stage(lake: Lake, *payloads: Payload) -> list[dict[str, Any]]:
    stage_survey(lake, contracts(), NIGHT, payloads, SECRET)
    rows = lake.read("staging", "survey_responses")
    assert rows is not None
    return rows.to_pylist()


def test_a_file_keeps_its_key_when_it_is_sent_again_and_another_has_another(tmp_path: Path) -> None:
    lake, row = Lake(tmp_path), f"05/03/2026 09:00:00,Doanh nghiệp,{FIRM},Cao\n"
    sent = [("g.csv", row, "a"), ("g.csv", row * 2, "a"), ("h.csv", row, "a"), ("g.csv", row, "b")]
    keys = [_stage(lake, _payload(name, GOOGLE + text, source))[0]["file_key"] for name, text, source in sent]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_page_has_the_key_of_a_file_only_where_a_file_brought_it(tmp_path: Path) -> None:
    page = '{"results": [{"_uuid": "u1", "_submission_time": "2026-03-05T01:00:00", "mg01_necessity": "4"}]}'
    lake = Lake(tmp_path)
    assert _stage(lake, _payload("x/data-1.json", page))[0]["file_key"] is not None
    assert _stage(lake, _payload("x/data-1.json", page, kind="survey/kobo"))[0]["file_key"] is None


def test_payloads_of_one_name_in_one_night_are_numbered_as_they_landed(tmp_path: Path) -> None:
    row = "05/03/2026 09:00:00,Doanh nghiệp,{},Cao\n"
    old, new = (_payload("g.csv", GOOGLE + row.format(code)) for code in (FIRM, OTHER))
    other = _payload("h.csv", GOOGLE + row.format(THIRD))
    for landed in ([old, other, new], [new, old, other, new]):
        rows = _stage(Lake(tmp_path), *landed)
        assert {row["_payload"]: row["file_version"] for row in rows} == {old.sha256: 1, new.sha256: 2, other.sha256: 1}
        assert len(rows) == 3, "what a night landed twice is staged once"
