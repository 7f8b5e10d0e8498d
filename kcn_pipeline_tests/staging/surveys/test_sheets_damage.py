"""Files as they arrive when something went wrong on the way: cut, in another encoding, empty, huge, with errors."""

import io
import random
from pathlib import Path

import openpyxl
import pytest

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
        ("a.csv", b"respondent_type,mg01_necessity\nenterprise,4\n", "unreadable_survey"),
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


def test_a_huge_cell_is_kept_and_one_beyond_reading_is_named() -> None:
    staged = _kobo(f'enterprise;2300000011;4;"{"a " * 60_000}";{UUID}1;2026-03-02T02:00:00')
    assert staged.answered(2)["mg01_necessity"] == 4
    assert len(staged.answered(2)["mg01_comment"]) == 119_999
    staged = _kobo(f'enterprise;2300000011;4;"{"a " * 70_000}";{UUID}1;2026-03-02T02:00:00')
    assert staged.rules == ["unreadable_text"]
    assert "line 2" in staged.findings[0].said["detail"]


def test_an_open_quote_is_named_and_its_text_is_not() -> None:
    staged = _kobo('enterprise;2300000011;4;"Nguyễn Mẫu A 0912345678;x;y')
    assert staged.rules == ["unreadable_text"]
    assert "0912345678" not in staged.shown


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
