"""Runs every folder of `cases/survey`: one file in, the responses, answers, invitations and findings that come out."""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.findings import Place
from kcn_pipeline.secrecy import respondent_key
from kcn_pipeline.staging.surveys.collect import Collector
from kcn_pipeline.staging.surveys.kobo_json import read_kobo_json
from kcn_pipeline.staging.surveys.respondents import normalise_identity
from kcn_pipeline.staging.surveys.tables import tabulate
from kcn_pipeline_tests.staging.surveys.reading import (
    NIGHT,
    SECRET,
    Staged,
    contracts,
    open_case,
    recogniser,
    say,
    stage,
    stage_all,
)

CASES = Path(__file__).parents[2] / "cases" / "survey"
Row = Mapping[str, Any]


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_case(case: str) -> None:
    staged = stage(*open_case(CASES / case))
    checked = [
        _check(CASES / case / "expected.csv", [_show(row) for row in staged.responses]),
        _check(CASES / case / "expected_answers.csv", _show_answers(staged)),
        _check(CASES / case / "expected_invitations.csv", [_show(row) for row in staged.invitations], in_order=False),
    ]
    assert any(checked)
    _check_findings(CASES / case / "expected_findings.csv", staged)


def _check(path: Path, found: Sequence[Mapping[str, str]], in_order: bool = True) -> bool:
    """Whether there is such a file; then its rows and no others came out, as far as its columns tell."""
    if not path.exists():
        assert not found, f"{path.name} is missing"
        return False
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        expected, names = list(reader), reader.fieldnames or []
    shown = [{name: row[name] for name in names} for row in found]
    assert (shown if in_order else sorted(shown, key=str)) == (expected if in_order else sorted(expected, key=str))
    return True


def _show(row: Row) -> dict[str, str]:
    """A staged row as text, in columns without the leading `_`, and the `respondent` whose key it has."""
    shown = {name.removeprefix("_"): _text(value) for name, value in row.items()}
    return shown | {"respondent": _respondent(row)}


def _show_answers(staged: Staged) -> list[dict[str, str]]:
    """One row for each question of each line that was answered: what it says, or the rule after `!`."""
    ordered = sorted(staged.answers, key=lambda row: (row["_sheet"], row["_line"]))
    return [
        {
            "sheet": row["_sheet"], "line": str(row["_line"]), "question": row["question"],
            "says": _text(say(row)), "raw_text": row["raw_text"] or "",
        }
        for row in ordered
    ]  # fmt: skip


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


#: Everybody who answers in the cases, by the identity that is hashed.
_IDENTITIES = {
    "enterprise": [
        "2300000011",
        "2300000029",
        "2300000036",
        "2300000043",
        "0100000010",
        "0100000028",
        "2300000011-001",
        "2300000012",
    ],
    "expert": ["cg-01", "cg-02", "cg-03"],
    "manager": ["ql-01"],
    "worker": ["nld-001", "nld-002"],
}


def _respondent(row: Row) -> str:
    """The identity behind a key; found by hashing everybody, as only the holder of the secret can."""
    keys = {
        respondent_key(SECRET, kind, normalise_identity(kind, identity) or ""): identity
        for kind, identities in _IDENTITIES.items()
        for identity in identities
    }
    key = row.get("respondent_key")
    return keys[key] if key else ""


def _check_findings(path: Path, staged: Staged) -> None:
    expected = []
    if path.exists():
        with path.open(encoding="utf-8", newline="") as handle:
            expected = list(csv.DictReader(handle))
    told = [
        {
            "rule": f.rule, "sheet": f.place.sheet or "", "cell": f.place.cell or "", "line": str(f.place.line or ""),
            "field": f.field or "", "value": f.value or "", "found": str(f.said.get("found", "")),
            "detail": str(f.said.get("detail", "")),
        }
        for f in staged.findings
    ]  # fmt: skip
    assert sorted(f.rule for f in staged.findings) == sorted(row["rule"] for row in expected), told
    assert [want for want in expected if not any(want.items() <= one.items() for one in told)] == [], told


# ---- which response is which ----------------------------------------------------------------------------------------


def _ids(staged: Staged) -> list[str]:
    return [row["response_id"] for row in staged.responses]


def _versions(staged: Staged) -> list[str]:
    return [row["version_key"] for row in staged.responses]


_CODES = "id,submitdate,lastpage,respondenttype,taxcode,mg01[SQ001]"


def _lime(number: int, submitted_at: str, score: int, head: str = _CODES) -> bytes:
    return f"{head}\n{number},{submitted_at},6,enterprise,2300000011,{score}\n".encode()


def test_the_two_entries_of_a_paper_form_are_one_response_in_two_versions() -> None:
    staged = stage(*open_case(CASES / "paper_double_entry"))
    first, second, of_an_expert, *_ = staged.responses
    assert first["response_id"] == second["response_id"] != of_an_expert["response_id"]
    assert first["version_key"] != second["version_key"]


def test_paper_forms_of_two_rounds_are_two_responses() -> None:
    head = "Số phiếu,Ngày nhận phiếu,Ông/Bà trả lời với tư cách,Mã số thuế,mg01_necessity\n"
    staged = stage("p.csv", f"{head}1,10/03/2026,DN,2300000011,4\n1,20/08/2026,DN,2300000011,4\n".encode())
    assert [row["round_code"] for row in staged.responses] == ["2026-1", "2026-2"]
    assert len(set(_ids(staged))) == 2


def test_two_exports_of_one_limesurvey_are_one_response_and_two_surveys_two() -> None:
    codes = stage("results-survey111.csv", _lime(1, "2026-03-05 10:00:00", 4))
    texts = stage(
        "again.csv",
        _lime(
            1, "2026-03-05 10:00:00", 4,
            "Response ID,Date submitted,Last page,Ông/Bà trả lời với tư cách,Mã số thuế,[MG01] Mức độ cần thiết",
        ),
    )  # fmt: skip
    other = stage("results-survey222.csv", _lime(1, "2026-03-05 10:00:01", 4))
    assert _ids(codes) == _ids(texts) != _ids(other)
    assert _versions(codes) == _versions(texts)


def test_the_same_google_answers_are_one_response_and_other_answers_another() -> None:
    head = "Dấu thời gian,Ông/Bà trả lời với tư cách,Mã số thuế,[MG01] Mức độ cần thiết\n"
    first = stage("g.csv", f"{head}29/08/2026 09:40,Doanh nghiệp,2300000011,Cao\n".encode())
    again = stage("h.csv", f"{head}29/08/2026 9:40:00,DN,2300000011,4\n".encode())
    changed = stage("i.csv", f"{head}29/08/2026 9:40:00,DN,2300000011,5\n".encode())
    assert _ids(first) == _ids(again) != _ids(changed)
    assert _versions(first) == _versions(again) != _versions(changed)


def test_a_submission_is_one_response_over_the_api_and_in_an_export() -> None:
    uuid, root = "00000000-0000-4000-8000-0000000000b2", "00000000-0000-4000-8000-0000000000b1"
    head = "respondent_type;tax_code;mg01_necessity;_uuid;_submission_time;meta/rootUuid;start;end\n"
    times = "2026-03-02T09:00:00.000+07:00;2026-03-02T09:20:00.000+07:00"
    line = f"enterprise;2300000011;4;{uuid};2026-03-02T02:26:00;{root};{times}\n"
    export = stage("kobo.csv", (head + line).encode())
    page = {
        "results": [
            {
                "g/respondent_type": "enterprise", "g/tax_code": "2300000011", "g/mg01_necessity": "4", "_uuid": uuid,
                "_submission_time": "2026-03-02T02:26:00", "meta/rootUuid": f"uuid:{root}",
                "start": "2026-03-02T09:00:00.000+07:00", "end": "2026-03-02T09:20:00.000+07:00",
            }
        ]
    }  # fmt: skip
    collector = Collector(contracts(), SECRET)
    place = Place("surveys", "f" * 64, "page.json")
    assert read_kobo_json(collector, recogniser(), place, json.dumps(page).encode(), {"kind": "survey/files"})
    (table,) = tabulate(collector, NIGHT)["survey_responses"].values()
    (of_api,), (of_export,) = table.to_pylist(), export.responses
    same = [name for name in of_api if not name.startswith("_") and name != "file_key"]
    assert {name: of_api[name] for name in same} == {name: of_export[name] for name in same}


def test_no_identity_is_staged_or_found() -> None:
    """Planted in identity columns, in columns nobody knows, in comments, and where an answer is not understood."""
    planted = ["Nguyễn Thị Mẫu Hoa", "0987654321", "mau.hoa@congty.example", "203.0.113.99", "2300000036", "CG-77"]
    name, phone, email, address, tax_code, code = planted
    kobo = (
        "respondent_type;tax_code;respondent_name;phone;email;Liên hệ khác;mg01_necessity;mg01_comment;park;_uuid;"
        "_submission_time;_submitted_by;deviceid\n"
        f"enterprise;{tax_code};{name};{phone};{email};{name} {phone};gọi {phone};Gặp {name}, {email}, MST {tax_code};"
        f"{name};u1;{phone};{email};{address}\n"
    )
    google = (
        "Dấu thời gian,Địa chỉ email,Ông/Bà trả lời với tư cách,Mã phiếu mời,Họ và tên người trả lời,"
        "[MG01] Mức độ cần thiết,[MG01] Ý kiến\n"
        f"{name},{email},Chuyên gia,{code},{name},{name},{email} {code} {phone}\n"
    )
    lime = (
        "id,submitdate,lastpage,ipaddr,token,firstname,respondent_type,expert_code,mg01_necessity,mg01_comment\n"
        f"1,{name},6,{address},{code},{name},expert,{code},{address},{name} {address} {code}\n"
    )
    paper = (
        "Số phiếu,Lần nhập,Ngày nhận phiếu,Người nhập,Ông/Bà trả lời với tư cách,Mã số thuế,Chữ ký,mg01_necessity,"
        f"mg01_comment\n{phone},{name},{name},{name},{name},{tax_code},{name},{name},{name} {phone}\n"
    )
    invited = f"Khảo sát,Đợt,Đối tượng,Mã số thuế hoặc mã phiếu mời,KCN\n{name},{phone},{email},{tax_code},{name}\n"
    files = {"k.csv": kobo, "g.csv": google, "l.csv": lime, "p.csv": paper, "i.csv": invited}
    staged = stage_all([(file, text.encode()) for file, text in files.items()])
    assert staged.was_read == [True] * 5
    assert len(staged.responses) == 4
    shown = staged.shown
    assert [each for each in planted if each in shown or each.lower() in shown.lower()] == []


# ---- lists of invitations --------------------------------------------------------------------------------------------

HEAD = "Khảo sát,Đợt,Đối tượng,Mã số thuế hoặc mã phiếu mời,Ghi chú,KCN\n"


def invite(*rows: str) -> Staged:
    return stage("i.csv", (HEAD + "".join(f"indicator_set,2026-1,{row}\n" for row in rows)).encode())


def test_a_park_that_cannot_be_read_is_told_in_its_own_cell() -> None:
    staged = invite("expert,CG-02,,Hòn Ngọc", "expert,-,,Hòn Ngọc")
    assert {(row["problem"], row["_cell"]) for row in staged.invitations} == {
        ("unknown_park", "F2"), ("list_key_unreadable", "D3")
    }  # fmt: skip


def test_full_width_codes_are_the_codes_that_were_printed() -> None:
    staged = invite("expert,CG-04,,", "expert,ＣＧ－０４,,", "expert,ＣＧ-04,,")
    assert len(staged.invitations) == 1
    assert [finding.said["found"] for finding in staged.findings if finding.rule == "invited_twice"] == [2]


def test_doubtful_tax_codes_of_a_list_are_told_by_line_and_stay_as_keys() -> None:
    """The register may have such a code; a branch's is checked too, that of an expert is no tax code."""
    staged = invite(
        "enterprise,2300000012,,", "enterprise,2300000011,,", "expert,2300000012,,", "enterprise,2300000012-001,,"
    )
    (told,) = staged.findings
    assert (told.rule, told.place.line, told.said["detail"]) == ("list_tax_code_doubtful", 2, "2, 5")
    assert "2300000012" not in str(told)
    assert [row["_line"] for row in staged.invitations if row["respondent_key"]] == [None] * 4


def test_rows_of_a_list_that_give_one_respondent_two_parks_are_told() -> None:
    staged = invite(
        "expert,CG-01,,Quế Võ", "expert,CG-02,,QUE_VO", "expert,cg 01,,VSIP Bắc Ninh", "expert,CG-02,,Quế Võ",
        "expert,CG-01,,", "expert,CG-02,,Hòn Ngọc",
    )  # fmt: skip
    told = {finding.rule: finding for finding in staged.findings}
    assert told.keys() == {"list_parks_differ", "invited_twice"}
    assert (told["list_parks_differ"].said["found"], told["list_parks_differ"].said["detail"]) == (1, "2, 4, 6")
    assert {row["park_code"] for row in staged.invitations} == {"QUE_VO"}, "the first that states one counts"
