"""What a reviewer planted to find people in staged tables: in names of files, headers, numbers, lists, shifted rows."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import openpyxl
import pytest

from kcn_pipeline.findings import Place, tabulate_findings
from kcn_pipeline.secrecy import hide_name
from kcn_pipeline.staging.surveys.collect import Collector
from kcn_pipeline.staging.surveys.kobo_json import read_kobo_json
from kcn_pipeline.staging.surveys.masking import MASK
from kcn_pipeline.staging.surveys.tables import tabulate
from kcn_pipeline_tests.staging.surveys.reading import (
    NIGHT,
    SECRET,
    Staged,
    contracts,
    recogniser,
    save,
    stage,
    stage_all,
)

UUID = "00000000-0000-4000-8000-00000000000"
PERSON = "Nguyễn Văn Khuê"
SHA = "f" * 64


def _kobo(header: str, *rows: str, name: str = "kobo.csv") -> Staged:
    head = f"respondent_type;tax_code;{header};_uuid;_submission_time\n"
    lines = [f"enterprise;2300000011;{row};{UUID}{number};2026-03-02T02:00:00" for number, row in enumerate(rows)]
    return stage(name, (head + "\n".join(lines)).encode())


def _json(*rows: Mapping[str, Any], name: str = "x/data-1.json", **metadata: str) -> tuple[Collector, str]:
    """The collector of one page, and everything it would store as one text."""
    collector = Collector(contracts(), SECRET)
    read_kobo_json(
        collector, recogniser(), Place("surveys", SHA, name), json.dumps({"results": rows}).encode(), metadata
    )
    tables = tabulate(collector, NIGHT)
    shown = [table.to_pylist() for parts in tables.values() for table in parts.values()]
    return collector, repr([shown, tabulate_findings(contracts(), collector.findings).to_pylist()])


# ---- lists and ids ---------------------------------------------------------------------------------------------------


def test_a_list_in_the_order_of_the_register_gives_no_order_away() -> None:
    codes = ["2300000011", "2300000029", "2300000036", "2300000043", "0100000010", "0100000028"]
    head = "Khảo sát,Đợt,Đối tượng,Mã số thuế\n"
    lists = [
        (head + "".join(f"indicator_set,2026-1,enterprise,{code}\n" for code in order)).encode()
        for order in (sorted(codes), sorted(codes, reverse=True))
    ]
    staged = [stage("i.csv", content).invitations for content in lists]
    assert staged[0] == staged[1]
    keys = [row["respondent_key"] for row in staged[0]]
    assert keys == sorted(keys)
    assert {(row["_sheet"], row["_cell"], row["_line"]) for row in staged[0]} == {(None, None, None)}
    assert len({row["list_key"] for row in staged[0]}) == 1


def test_a_list_with_doubles_and_lost_parks_gives_lines_beside_no_key() -> None:
    """Whoever is named twice is staged once, so that the lines in the finding lead to nobody."""
    head = "Khảo sát,Đợt,Đối tượng,Mã số thuế hoặc mã phiếu mời,KCN\n"
    rows = ["enterprise,2300000011,", "expert,CG-01,", "enterprise,MST 2300000011,Quế Võ", "expert,cg 01,", "expert,-,"]
    rows += ["enterprise,2300000029,Hòn Ngọc", "manager,QL-1,Hòn Ngọc"]
    staged = stage("i.csv", (head + "".join(f"indicator_set,2026-1,{row}\n" for row in rows)).encode())
    keys = [row["respondent_key"] for row in staged.invitations if row["respondent_key"]]
    assert len(keys) == len(set(keys)) == 3
    assert all((row["respondent_key"] is None) == (row["_line"] is not None) for row in staged.invitations)
    assert [row["park_code"] for row in staged.invitations].count("QUE_VO") == 1
    told = {finding.rule: finding for finding in staged.findings}
    assert told.keys() == {"invited_twice", "list_park_unreadable"}
    assert told["invited_twice"].said["detail"] == "2, 3, 4, 5"
    assert told["list_park_unreadable"].said["detail"] == "7"
    assert not [key for key in keys if key in str(staged.findings)]


def test_a_list_keeps_its_key_when_it_is_sent_again_and_another_has_another() -> None:
    row = "Khảo sát,Đợt,Đối tượng,Mã số thuế\nindicator_set,2026-1,enterprise,2300000011\n"
    sent = [
        stage(name, text.encode()).invitations[0]
        for name, text in [("i.csv", row), ("i.csv", f"{row}\n"), ("j.csv", row)]
    ]
    assert sent[0]["list_key"] == sent[1]["list_key"] != sent[2]["list_key"]


def test_the_number_of_a_paper_form_cannot_be_guessed_from_its_id() -> None:
    head = "Số phiếu,Ngày nhận phiếu,Ông/Bà trả lời với tư cách,Mã số thuế,mg01_necessity\n"
    (row,) = stage("p.csv", f"{head}1,10/03/2026,DN,2300000011,4\n".encode()).responses
    guesses = ["1", "2026-1|enterprise|1", "surveys|number|2026-1|enterprise|1", "surveys|number|2026-1||1"]
    hashes = {sha256(text.encode()).hexdigest()[:32] for each in guesses for text in (each, f"indicator_set|{each}")}
    assert row["response_id"] not in hashes
    assert row["version_key"] != sha256(row["response_id"].encode()).hexdigest()[:32]


# ---- numbers, raw texts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["912345678", "0912345678", "+84 91", "84912345678", "001099012345", "2300000011", "0912", "0 912", "1e10",
             "21.1861234"]
)  # fmt: skip
def test_a_telephone_number_is_no_number(text: str) -> None:
    (row,) = _kobo("report_hours", text).answers
    assert (row["problem"], row["choice"], row["raw_text"]) == ("unreadable_number", None, MASK)


@pytest.mark.parametrize(("text", "choice"), [("12", "12"), ("0.5", "0.5"), ("0", "0"), ("1250000", "1250000")])
def test_a_number_is_one(text: str, choice: str) -> None:
    (row,) = _kobo("report_hours", text).answers
    assert (row["problem"], row["choice"]) == (None, choice)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("7", "7"),
        ("4 hoặc 5", MASK),
        ("4/5", "4/5"),
        ("rất rất cao", "rất rất cao"),
        ("Cao, Thấp", "Cao, Thấp"),
        ("A4", "A4"),
        ("?", "?"),
        ("1985", MASK),
        ("Khuê", MASK),
        ("Bình", MASK),
        ("Cao Bình", MASK),
        ("phòng môi trường", MASK),
        ("cao " * 9, MASK),
        (f"hỏi {PERSON}", MASK),
    ],
)
def test_an_answer_that_was_not_understood_is_shown_only_in_words_of_its_scale(text: str, shown: str) -> None:
    (row,) = _kobo("mg01_necessity", text).answers
    assert row["problem"] in ("unknown_label", "score_out_of_scale")
    assert row["raw_text"] == shown


_FIVE = ["mg01_necessity", "mg01_clarity", "mg01_availability", "mg01_cost", "mg02_necessity"]


def test_of_a_shifted_row_no_word_is_shown() -> None:
    head = ";".join([*_FIVE, "mg02_clarity", "mg01_comment"])
    staged = _kobo(head, "Cao, Thấp;4/5;Cao, Thấp;4/5;4/5;9;Khuê", "Cao, Thấp;4;4;4;4;9;Khuê biết")
    shifted, other = ([row for row in staged.answers if row["_line"] == line] for line in (2, 3))
    assert {row["raw_text"] for row in shifted} == {MASK, None}
    assert [row["comment"] for row in shifted if row["question"] == "mg01_comment"] == [MASK]
    assert {row["raw_text"] for row in other} == {"Cao, Thấp", "9", None}
    assert [row["comment"] for row in other if row["question"] == "mg01_comment"] == ["Khuê biết"]


# ---- names of files, sheets, forms, headers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("Khuê/phiếu của Khuê.xlsx", ".xlsx"),
        ("Phiếu.CSV", ".csv"),
        ("phiếu.Nguyễn Văn Khuê", ""),
        ("phiếu.khue", ""),
        ("khue", ""),
    ],
)
def test_a_file_is_called_by_its_content(name: str, hidden: str) -> None:
    assert hide_name("3f2a90b1c4d5" + "0" * 52, name) == f"3f2a90b1c4d5{hidden}"


def test_no_name_of_a_file_sheet_or_header_is_stored() -> None:
    workbook = openpyxl.Workbook()
    workbook.active.title = "Ghi chú của Khuê"
    workbook.active.append(["Phiếu của Khuê"])
    sheet = workbook.create_sheet("Phiếu Khuê")
    sheet.append(["Số phiếu", "Ngày nhận phiếu", "Ông/Bà trả lời với tư cách", "Mã số thuế", "mg01_necessity",
                  "Khuê gọi lại", "mg01_comment"])  # fmt: skip
    sheet.append([1, "x Khuê", "DN", "2300000011", 4, "Khuê", "đã rõ"])
    sheet.append([2, "10/03/2026", "DN", "2300000029", 4, "khuê", "đã rõ"])
    files = [
        ("Phiếu của Khuê.xlsx", save(workbook)),
        ("Khuê/Khuê.csv", b"T\xc3\xaan;Khu\xc3\xaa\nKhu\xc3\xaa;1\n"),
        ("Khuê.docx", "Khuê gửi".encode()),
        ("Khuê 2.csv", "<Khuê>".encode()),
        ("Khuê 3.csv", "Khuê\xff".encode("latin-1", "replace") + b"\xff\xfe\x00Khu"),
    ]
    staged = stage_all(files)
    assert [row["_sheet"] for row in staged.responses] == ["sheet 2"] * 2
    assert {row["_file"] for row in staged.responses} == {"f" * 12 + ".xlsx"}
    assert {"sheet_ignored", "unknown_question", "unreadable_date", "unknown_survey", "not_a_workbook"} <= set(
        staged.rules
    )
    assert [said for said in ("Khu", "khu", "gọi lại", "Ghi chú") if said in _without_texts(staged.shown)] == []


def _without_texts(shown: str) -> str:
    """What was stored, without a word of the rules that begins alike."""
    return shown.replace("khung", "").replace("Khu công nghiệp", "").replace("khu công nghiệp", "")


def test_an_unknown_form_is_told_by_its_number_of_keys() -> None:
    row = {"_uuid": "u1", f"ho_ten_{PERSON}": "x", "khue": 1}
    collector, shown = _json(row, name="Khuê/data-1.json", kind="survey/files")
    (finding,) = collector.findings
    assert (finding.rule, finding.said["detail"]) == ("unknown_survey", "JSON: 2")
    assert "khu" not in shown.lower().replace("khung", "").replace("khu ", "")
    asked, _ = _json(row, kind="survey/kobo", form="aUnknown")
    assert asked.findings[0].said["detail"] == "aUnknown", "who runs the feed wrote this id"


def test_the_folder_of_a_listing_is_no_form() -> None:
    row = {"_uuid": "u1", "mg01_necessity": "4", "mg02_necessity": "4"}
    collector, shown = _json(row, name="Khue Mau/listing-1.json", kind="survey/files")
    assert len(collector.listings) == 1
    assert "Khue" not in shown


@pytest.mark.parametrize(
    ("version", "kept"),
    [("v1", "v1"), ("vA.2_3-x", "vA.2_3-x"), (PERSON, None), ("0912 345 678", None), ("v" * 41, None)],
)
def test_a_version_is_a_code(version: str, kept: str | None) -> None:
    (row,) = _json({"_uuid": "u1", "mg01_necessity": "4", "__version__": version}, kind="survey/kobo")[0].responses
    assert row["form_version"] is None or row["survey_id"] is not None
    assert row["form_version"] == kept


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.docx", "a.json"])
def test_a_file_that_cannot_be_read_is_not_quoted(name: str) -> None:
    for content in (PERSON.encode(), b"<" + PERSON.encode(), PERSON.encode("utf-16-le"), b'a;"' + PERSON.encode()):
        collector = Collector(contracts(), SECRET)
        if name.endswith(".json"):
            read_kobo_json(collector, recogniser(), Place("surveys", SHA, name), content, {})
            shown = repr(tabulate_findings(contracts(), collector.findings).to_pylist())
        else:
            shown = stage(name, content).shown
        assert "Nguy" not in shown
        assert "Kh\\" not in shown
        assert "begins with" not in shown


# ---- who answered, told where nobody asks ----------------------------------------------------------------------------


def test_what_stands_in_unknown_columns_is_masked_in_comments() -> None:
    rows = [
        "Khuê;Mộc Mẫu;cao;2026;Khuê và mộc mẫu nói cao hơn 2026;;;",
        "Trần Mộc;0987654321;Rất cao;12;gỗ mộc, trần mộc, rất cao;;;",
    ]
    head = "cột lạ;cột lạ hơn;cột ba;cột bốn;mg01_comment;mg01_cost;mg01_clarity;mg02_cost"
    staged = _kobo(head, *rows)
    assert staged.rules == ["unknown_question"]
    comments = [row["comment"] for row in staged.answers]
    assert comments == [f"{MASK} và {MASK} nói cao hơn 2026", f"gỗ mộc, {MASK}, rất cao"]
    page = {"_uuid": "u1", "mg01_necessity": "4", "mg01_comment": "hỏi khuê mẫu", "cột lạ": "Khuê Mẫu"}
    assert "khuê" not in _json(page, kind="survey/kobo")[1]


def test_the_typist_of_a_paper_form_is_masked_in_its_comments() -> None:
    head = "Số phiếu,Ngày nhận phiếu,Người nhập,Ông/Bà trả lời với tư cách,Mã số thuế,mg01_comment\n"
    staged = stage("p.csv", f"{head}1,10/03/2026,Mộc Mẫu,DN,2300000011,mộc mẫu nhập\n".encode())
    assert [row["comment"] for row in staged.answers] == [f"{MASK} nhập"]
