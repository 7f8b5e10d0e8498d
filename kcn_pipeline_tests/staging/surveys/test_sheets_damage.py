"""Files as they arrive when something went wrong on the way: cut, in another encoding, empty, huge, with errors."""

import csv
import io
import random
from pathlib import Path

import openpyxl
import pytest
import xlwt
from hypothesis import given, settings
from hypothesis import strategies as st

from kcn_pipeline.staging.surveys.texts import RefusedTextError, _split
from kcn_pipeline_tests.staging.surveys.reading import Staged, open_case, save, stage, stage_all, write_workbook

CASES = Path(__file__).parents[2] / "cases" / "survey"
FILES = ["kobo_names_semicolons", "google_forms", "limesurvey_codes", "limesurvey_full_texts"]
KOBO = "respondent_type;tax_code;mg01_necessity;mg01_comment;_uuid;_submission_time\n"
UUID = "00000000-0000-4000-8000-00000000000"


def _kobo(*lines: str) -> Staged:
    return stage("kobo.csv", (KOBO + "\n".join(lines)).encode())


def _by_id(staged: Staged) -> dict[str, tuple[object, ...]]:
    """What every response says that would count: finished, dated, of somebody known."""
    return {
        row["response_id"]: (row["respondent_key"], sorted(staged.answered(row["_line"]).items()))
        for row in staged.responses
        if row["is_finished"] and row["round_code"] and row["respondent_key"]
    }


@pytest.mark.parametrize("case", FILES)
def test_of_a_cut_file_nothing_counts_that_is_not_whole(case: str) -> None:
    name, content = open_case(CASES / case)
    whole = _by_id(stage(name, content))
    assert whole
    seen: set[int] = set()
    for length in range(len(content) - 1, 0, -max(1, len(content) // 120)):
        cut = stage(name, content[:length])
        counted = _by_id(cut)
        assert counted.items() <= whole.items(), f"cut after {length} bytes"
        assert len(counted) == len(whole) or cut.findings or not cut.responses or _ends_with_a_row(content, length)
        seen.add(len(counted))
    assert len(seen) > 1


def _ends_with_a_row(content: bytes, length: int) -> bool:
    """Whether nothing tells that a file was cut, because the cut lies between two rows."""
    return content[length - 1 : length] in (b"\r", b"\n") or content[length : length + 1] in (b"\r", b"\n")


def test_a_row_that_ends_early_is_told_and_not_finished() -> None:
    text = (CASES / "google_forms" / "input.csv").read_text("utf-8")
    lines = text.splitlines()
    staged = stage(
        "google.csv", "\n".join([*lines[:2], "02/09/2026 9:05:07,,Doanh nghiệp,2300000029,VSIP,,Rất cao"]).encode()
    )
    assert [row["is_finished"] for row in staged.responses] == [True, False]
    assert [f.place.line for f in staged.findings if f.rule == "row_cut"] == [3]
    assert [row["problem"] for row in staged.responses] == [None, "row_cut"]


def test_a_row_without_its_empty_last_cells_is_whole_unless_it_is_the_last() -> None:
    head = "_uuid;_submission_time;respondent_type;tax_code;mg01_necessity;mg01_comment\n"
    first, last = "2026-03-02T02:00:00;enterprise;2300000011;4", "2026-03-02T02:00:00;enterprise;2300000029;4;x"
    staged = stage("kobo.csv", f"{head}u1;{first}\nu2;{last}\n".encode())
    assert [row["is_finished"] for row in staged.responses] == [True, True]
    assert staged.rules == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("case", FILES)
def test_reads_every_encoding_alike(case: str, encoding: str) -> None:
    name, content = open_case(CASES / case)
    text = content.decode("utf-8-sig")
    again = stage(name, text.encode(encoding))
    assert again.answers == stage(name, text.encode()).answers
    assert again.answers


def test_refuses_utf8_that_was_damaged() -> None:
    name, content = open_case(CASES / "google_forms")
    staged = stage(name, content.replace("Dữ liệu".encode(), b"D\xe1 li\xc3u"))
    assert staged.was_read == [False]
    assert staged.rules == ["unreadable_text"]


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("a.csv", b"", "empty_file"),
        ("a.csv", b" \n \n", "empty_file"),
        ("a.xlsx", b"PK\x03\x04 and nothing more", "truncated_file"),
        ("a.csv", b"%PDF-1.7 ...", "unreadable_text"),
        ("a.csv", b"<html><body>login</body></html>", "not_a_workbook"),
        ("a.docx", b"hello", "not_a_workbook"),
        ("a.csv", b"\x00\x01\x02\x03" * 50, "unreadable_text"),
        ("a.csv", b"name,age\nx,3\n", "unknown_survey"),
        ("a.csv", b"respondent_type,mg01_necessity\nenterprise,4\n", "survey_columns_missing"),
    ],
)
def test_refuses_what_holds_no_responses(name: str, content: bytes, rule: str) -> None:
    staged = stage(name, content)
    assert staged.was_read == [False]
    assert rule in staged.rules
    assert staged.responses == []


def test_a_cut_workbook_is_refused() -> None:
    name, content = open_case(CASES / "paper_double_entry")
    for length in range(len(content) - 1, 0, -len(content) // 20):
        staged = stage(name, content[:length])
        assert (staged.responses, len(staged.rules)) == ([], 1), length


def test_headers_only_is_an_export_before_the_first_answer() -> None:
    staged = stage("kobo.csv", KOBO.encode())
    assert staged.was_read == [True]
    assert staged.rules == ["survey_empty"]


@pytest.mark.parametrize("length", [119_998, 131_072, 400_000])
def test_a_huge_cell_is_read_and_so_is_the_rest_of_the_file(length: int) -> None:
    staged = _kobo(
        f'enterprise;2300000011;4;"{"a " * (length // 2)}";{UUID}1;2026-03-02T02:00:00',
        f'enterprise;2300000029;5;"a ""b""; c\nd";{UUID}2;2026-03-02T02:00:00',
    )
    assert staged.rules == []
    assert staged.answered(2)["mg01_necessity"] == 4
    assert len(staged.answered(2)["mg01_comment"]) == length - 1
    assert staged.answered(3) == {"mg01_necessity": 5, "mg01_comment": 'a "b"; c d'}


def test_a_cell_beyond_reading_is_named_with_its_length() -> None:
    staged = _kobo(
        f"enterprise;2300000011;4;x;{UUID}1;2026-03-02T02:00:00", f'enterprise;2300000029;4;"{"a" * 1_100_000}";x'
    )
    (told,) = staged.findings
    assert (told.rule, told.place.line) == ("cell_too_long", 3)
    assert (told.said["found"], told.said["expected"]) == (1_100_003, 1_000_000)
    assert staged.was_read == [False]


def test_the_limit_of_the_csv_module_stays_as_it_was() -> None:
    before = csv.field_size_limit()
    _kobo(f'enterprise;2300000011;4;"{"a" * 200_000}";{UUID}1;2026-03-02T02:00:00')
    assert csv.field_size_limit() == before


@pytest.mark.parametrize("sign", ["\0", "\1", "\x07", "\x1f", "\x7f"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_control_characters_cost_no_cell_but_their_own(sign: str, encoding: str) -> None:
    lines = [
        f"enterprise;2300000011;4{sign};Chưa{sign}rõ{sign};{UUID}1;2026-03-02T02:00:00",
        f"enterprise;2300000029;1{sign}2;Rõ;{UUID}2;2026-03-02T02:00:00",
    ]
    staged = stage("kobo.csv", (KOBO + "\n".join(lines)).encode(encoding))
    assert staged.was_read == [True]
    assert staged.answered(2) == {"mg01_necessity": 4, "mg01_comment": "Chưa rõ"}
    assert staged.answered(3) == {"mg01_necessity": "!unknown_label", "mg01_comment": "Rõ"}, "12 would be a guess"
    (told,) = staged.findings
    assert (told.rule, told.place.cell, told.said["found"], told.said["detail"]) == (
        "control_characters", "C2", 3, "C2, D2, C3",
    )  # fmt: skip


def test_damaged_text_names_the_line_and_quotes_nothing() -> None:
    name, content = open_case(CASES / "google_forms")
    (told,) = stage(name, content.replace("Dữ liệu".encode(), b"D\xe1 li\xc3u")).findings
    line = content[: content.index("Dữ liệu".encode())].count(b"\n") + 1
    assert (told.rule, told.place.line) == ("unreadable_text", line)
    assert "UTF-8" in told.said["detail"]


def test_an_open_quote_is_named_and_its_text_is_not() -> None:
    staged = _kobo(
        f"enterprise;2300000011;4;x;{UUID}1;2026-03-02T02:00:00", 'enterprise;2300000029;4;"Nguyễn Mẫu A 0912345678;x;y'
    )
    assert [(told.rule, told.place.line) for told in staged.findings] == [("open_quote", 3)]
    assert "0912345678" not in staged.shown


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(["a", '"', '""', ",", "\n", "\r\n", "\r", " ", '"x"', ',"y"']), max_size=12))
def test_damaged_text_is_split_like_any_other(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        expected = [row or [""] for row in csv.reader(io.StringIO(text, newline=""), strict=True)]
    except csv.Error:
        with pytest.raises(RefusedTextError):
            list(_split(text, ","))
        return
    assert list(_split(text, ",")) == expected


# ---- columns of the tool that are missing ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "missing"),
    [
        ("respondent_type,mg01_necessity,_id,_submission_time", "KoboToolbox: _uuid"),
        ("respondent_type,mg01_necessity,_uuid", "KoboToolbox: _submission_time"),
        ("respondent_type,mg01_necessity,_geolocation", "KoboToolbox: _uuid, _submission_time"),
        ("respondent_type,mg01_necessity,startlanguage", "LimeSurvey: id, submitdate"),
        ("id,respondent_type,mg01_necessity,startdate", "LimeSurvey: submitdate"),
        ("respondent_type,Timestamp,mg01_necessity", "Google Forms: Dấu thời gian (Timestamp) ở cột đầu tiên"),
        ("respondent_type,mg01_necessity", "phiếu giấy / paper: Số phiếu, Ngày nhận phiếu"),
    ],
)
def test_an_export_without_the_columns_of_its_tool_says_which_are_missing(head: str, missing: str) -> None:
    staged = stage("x.csv", f"{head}\n{','.join(['4'] * (head.count(',') + 1))}\n".encode())
    assert (staged.was_read, staged.responses) == ([False], [])
    (told,) = [each for each in staged.findings if each.rule == "survey_columns_missing"]
    assert missing in told.said["detail"]
    assert missing in staged.shown


@pytest.mark.parametrize(
    ("head", "row", "column"),
    [
        ("_uuid,_id,respondent_type,tax_code,mg01_necessity", "u1,1,enterprise,2300000011,4", "_submission_time"),
        ("id,lastpage,startlanguage,respondent_type,taxcode,mg01_necessity", "1,6,vi,enterprise,2300000011,4",
         "submitdate"),
        ("Số phiếu,Ông/Bà trả lời với tư cách,Mã số thuế,mg01_necessity", "1,DN,2300000011,4", "Ngày nhận phiếu"),
    ],
)  # fmt: skip
def test_responses_without_a_time_of_submission_name_its_column(head: str, row: str, column: str) -> None:
    staged = stage("x.csv", f"{head}\n{row}\n".encode())
    assert [each["round_code"] for each in staged.responses] == [None]
    (told,) = [each for each in staged.findings if each.rule == "submission_time_missing"]
    assert (told.field, told.said["found"]) == (column, 1)


def test_cells_of_no_header_are_told() -> None:
    staged = stage("kobo.csv", (KOBO + f"enterprise;2300000011;4;;{UUID}1;2026-03-02T02:00:00;thừa").encode())
    assert staged.answered(2) == {"mg01_necessity": 4}
    assert [f.value for f in staged.findings] == ["G"]


# ---- workbooks -------------------------------------------------------------------------------------------------------

HEAD = ["Số phiếu", "Lần nhập", "Ngày nhận phiếu", "Ông/Bà trả lời với tư cách", "Mã số thuế", "MG01_necessity",
        "MG01_clarity", "MG01_comment", "report_hours"]  # fmt: skip


def test_a_formula_in_error_is_no_answer_and_no_blank() -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(HEAD)
    sheet.append([1, 1, "10/03/2026", "DN", "2300000011", "=1/0", 4, "=NA()", "=A1*2"])
    sheet.append([2, 1, "10/03/2026", "DN", "=B9", 4, 4, "rõ", 3])
    staged = stage("paper.xlsx", save(workbook))
    assert staged.answered(2) == {
        "mg01_necessity": "!unknown_label", "mg01_clarity": 4, "report_hours": "!unreadable_number",
    }  # fmt: skip
    assert staged.responses[1]["problem"] == "no_respondent_key"
    (told,) = [f for f in staged.findings if f.rule == "formula_error"]
    assert told.said["detail"] == "F2, H2, I2, E3"


def test_a_hidden_sheet_is_read_and_told() -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(["Ghi chú"])
    sheet = workbook.create_sheet("Nhập liệu")
    sheet.sheet_state = "hidden"
    sheet.append(HEAD)
    sheet.append([1, 1, "10/03/2026", "DN", "2300000011", 5, 4, "", 3])
    staged = stage("paper.xlsx", save(workbook))
    assert staged.answered(2)["mg01_necessity"] == 5
    assert sorted(staged.rules) == ["hidden_sheet", "sheet_ignored"]


def test_never_fails_on_random_damage() -> None:
    dice = random.Random(20260302)
    files = [open_case(folder) for folder in sorted(CASES.iterdir())]
    read = 0
    for _ in range(150):
        name, content = dice.choice(files)
        damaged = bytearray(content)
        for _ in range(dice.choice([1, 2, 5, 30])):
            at = dice.randrange(len(damaged))
            damaged[at : at + dice.choice([0, 1, 1, 4])] = dice.choice(_ODD)
        staged = stage(name, bytes(damaged))
        read += staged.was_read[0]
        assert staged.was_read[0] or staged.findings
    assert read > 20


_ODD = [
    b"",
    b"\x00",
    b"\xff",
    b'"',
    b'""',
    b";",
    b",",
    b"\n",
    b"\r\n",
    b"/",
    b"[",
    b"]",
    b"#",
    b"9",
    b"e99",
    "Đ".encode(),
]


def test_shuffled_columns_and_rows_say_the_same() -> None:
    name, content = open_case(CASES / "kobo_names_semicolons")
    dice = random.Random(4)
    rows = [line.split(";") for line in content.decode("utf-8-sig").splitlines()]
    order = list(range(len(rows[0])))
    dice.shuffle(order)
    head, *rest = [[row[at] for at in order] for row in rows]
    dice.shuffle(rest)
    again = stage(name, "\n".join(";".join(row) for row in [head, *rest]).encode())
    assert _by_id(again) == _by_id(stage(name, content))


def test_a_workbook_says_the_same_as_the_text_it_was_made_from() -> None:
    name, content = open_case(CASES / "kobo_names_semicolons")
    buffer = io.StringIO(content.decode("utf-8-sig"))
    cells = "\n".join(",".join(line.rstrip("\r\n").split(";")) for line in buffer)
    workbook = write_workbook(f"## Phiếu\n{cells}\n")
    files = stage_all([(name, content), ("kobo.xlsx", workbook)])
    assert files.was_read == [True, True]
    ids = [row["response_id"] for row in files.responses]
    assert ids[: len(ids) // 2] == ids[len(ids) // 2 :]
    of_text, of_workbook = stage(name, content), stage("kobo.xlsx", workbook)
    assert _by_id(of_text) == _by_id(of_workbook)


# ---- merged cells ----------------------------------------------------------------------------------------------------


def _paper_with_merged(*ranges: str) -> Staged:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["Khảo sát"])
    sheet.append(HEAD)
    sheet.append([1, 1, "10/03/2026", "DN", "2300000011", 5, 4, "rõ", 3])
    sheet.append([2, 1, "10/03/2026", "DN", "2300000029", 2, 3, "chưa rõ", 4])
    for each in ranges:
        sheet.merge_cells(each)
    return stage("paper.xlsx", save(workbook))


def test_a_score_under_a_merged_cell_is_no_blank_and_not_guessed() -> None:
    staged = _paper_with_merged("F3:H4", "A1:I1")
    assert staged.answered(3) == {"mg01_necessity": 5, "mg01_clarity": "!unknown_label", "report_hours": "3"}
    assert staged.answered(4) == {
        "mg01_necessity": "!unknown_label", "mg01_clarity": "!unknown_label", "report_hours": "4",
    }  # fmt: skip
    assert [row["n_answered"] for row in staged.responses] == [2, 2]
    (told,) = staged.findings
    assert (told.rule, told.place.cell, told.said["found"]) == ("merged_cells", "F3", 1)
    assert told.said["detail"] == "F3:H4"


def test_a_merged_cell_tells_nobody_who_answered() -> None:
    staged = _paper_with_merged("E3:E4")
    assert [row["problem"] for row in staged.responses] == [None, "no_respondent_key"]
    assert staged.rules == ["merged_cells"]


def test_merged_cells_of_titles_and_beyond_the_columns_are_nobodys_business() -> None:
    assert _paper_with_merged("A1:C1", "K3:M4").rules == []


def test_merged_cells_of_an_old_workbook_are_known_too() -> None:
    workbook = xlwt.Workbook()
    sheet = workbook.add_sheet("a")
    for at, title in enumerate(HEAD):
        sheet.write(0, at, title)
    for at, cell in enumerate([1, 1, "10/03/2026", "DN", "2300000011"]):
        sheet.write(1, at, cell)
    sheet.write_merge(1, 1, 5, 6, 4)
    buffer = io.BytesIO()
    workbook.save(buffer)
    staged = stage("paper.xls", buffer.getvalue())
    assert staged.answered(2) == {"mg01_necessity": 4, "mg01_clarity": "!unknown_label"}
    assert staged.rules == ["merged_cells"]
