"""Real files from staging to standing: forms of several days, files that are cut off, exports without their columns.

It must not make staged rows by hand. The surprising fact: the enterprises of these files all stand in the register,
so that whatever does not count is refused for what the file is.
"""

from itertools import permutations
from pathlib import Path

import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.store import receive
from kcn_pipeline.staging.surveys import stage_survey
from kcn_pipeline_tests.validation.survey.nights import (
    ANSWERS,
    FIRST,
    PART,
    RESPONSES,
    SECOND,
    SECRET,
    THIRD,
    findings,
    quarantine,
    register,
    run,
    state,
)

FIRMS = {"E1": "2300000011", "E2": "2300000029", "E3": "2300000036"}
ONE, TWO, THREE = FIRMS.values()
PAPER = "Số phiếu,Lần nhập,Ngày nhận phiếu,Ông/Bà trả lời với tư cách,Mã số thuế,mg01_necessity\n"
GOOGLE = "Dấu thời gian,Ông/Bà trả lời với tư cách,Mã số thuế,[MG01] Mức độ cần thiết\n"
LIME = "id,submitdate,lastpage,startlanguage,respondenttype,taxcode,mg01[SQ001]\n"


def send(lake: Lake, contracts: Contracts, night: str, **files: str) -> None:
    """Stage and validate a night that brought these files, and check that its rows add up."""
    stage_files(lake, contracts, night, **files)
    counts = run(lake, contracts, night)[RESPONSES].checks[-1].counts
    assert counts["rows"] == counts["accepted"] + counts["replaced"] + counts["quarantined"]


def stage_files(lake: Lake, contracts: Contracts, night: str, **files: str) -> None:
    payloads = [
        receive("surveys", f"{name}.csv", f"origin/{name}.csv", text.encode(), metadata={"kind": "survey/files"})
        for name, text in files.items()
    ]
    stage_survey(lake, contracts, night, payloads, SECRET)


@pytest.fixture
def sent(lake: Lake, contracts: Contracts) -> Lake:
    """A lake whose register has the enterprises of the files."""
    register(lake, contracts, more=FIRMS)
    return lake


def counted(lake: Lake, part: str = PART) -> list[float]:
    """The scores of the responses that are current."""
    current = {row["response_id"] for row in state(lake, part=part) if row["standing"] == "current"}
    return sorted(row["score"] for row in state(lake, ANSWERS, part) if row["response_id"] in current)


def refused(lake: Lake, night: str) -> list[tuple[str, int]]:
    return [(row["_rules"], row["_line"]) for row in quarantine(lake, night)]


# ---- forms of one number on several days -----------------------------------------------------------------------------


def test_of_a_form_in_two_workbooks_the_newest_day_counts_whatever_came_last(
    tmp_path: Path, contracts: Contracts
) -> None:
    row = f"1,1,{{}}/03/2026,DN,{ONE},{{}}\n"
    books = {"a": PAPER + row.format(10, 5), "b": PAPER + row.format("05", 2)}
    for number, order in enumerate(permutations(books)):
        lake = Lake(tmp_path / str(number))
        register(lake, contracts, more=FIRMS)
        for night, name in zip((FIRST, SECOND), order, strict=True):
            send(lake, contracts, night, **{name: books[name]})
        assert sorted(row["standing"] for row in state(lake)) == ["current", "superseded"]
        assert counted(lake) == [5.0]


# ---- files that are cut off ------------------------------------------------------------------------------------------


def test_a_file_that_is_cut_off_leaves_nothing_out_and_says_what_to_do(sent: Lake, contracts: Contracts) -> None:
    row = "05/03/2026 09:00:00,Doanh nghiệp,{},Cao\n"
    rows = [row.format(code) for code in (ONE, TWO, THREE)]
    send(sent, contracts, FIRST, g=GOOGLE + "".join(rows))
    send(sent, contracts, SECOND, g=GOOGLE + rows[0] + f"05/03/2026 09:00:00,Doanh nghiệp,{TWO}\n")
    assert {row["standing"] for row in state(sent)} == {"current"}
    assert len(counted(sent)) == 3
    assert refused(sent, SECOND) == [("row_cut", 3)]
    (cut,) = quarantine(sent, SECOND)
    assert "g.csv" not in cut["_reason_vi"] + cut["_reason_en"]
    assert findings(sent, SECOND) == {}, "staging has told it of the file"
    send(sent, contracts, THIRD, g=GOOGLE + rows[0] + rows[1])
    assert sorted(row["standing"] for row in state(sent)) == ["current", "current", "deleted"]
    assert state(sent, "survey_refused") == [], "what was cut is nobody's refused response once the file is whole"
    assert findings(sent, THIRD) == {"response_left_out": 1}


def test_a_cut_row_does_not_speak_for_the_response_whose_id_it_has(sent: Lake, contracts: Contracts) -> None:
    row = "{0},2026-03-0{0} 10:00:00,6,vi,enterprise,{1},4\n"
    send(sent, contracts, FIRST, r=LIME + row.format(5, ONE) + row.format(6, TWO))
    send(sent, contracts, SECOND, r=LIME + row.format(5, ONE) + row.format(6, TWO)[:-3] + "\n")
    assert [row["standing"] for row in state(sent)] == ["current", "current"]
    assert refused(sent, SECOND) == []


# ---- exports without their columns, submissions that stand twice -----------------------------------------------------


def test_an_export_without_the_time_of_submission_lacks_that_and_is_not_unfinished(
    sent: Lake, contracts: Contracts
) -> None:
    head = "id,lastpage,startlanguage,startdate,datestamp,respondenttype,taxcode,mg01[SQ001]\n"
    send(sent, contracts, FIRST, r=f"{head}1,6,vi,2026-03-05 10:00:00,2026-03-05 10:09:00,enterprise,{ONE},4\n")
    assert refused(sent, FIRST) == [("no_submission_date", 2)]
    staged = sent.read("staging", "survey_findings", FIRST)
    assert staged is not None
    assert staged.column("rule").to_pylist() == ["submission_time_missing"]


def test_a_number_that_stands_twice_and_differs_is_told_and_counts_once(sent: Lake, contracts: Contracts) -> None:
    row = f"1,2026-03-05 10:00:00,6,vi,enterprise,{ONE},{{}}\n"
    equal = f"2,2026-03-05 11:00:00,6,vi,enterprise,{TWO},4\n"
    send(sent, contracts, FIRST, r=LIME + row.format(5) + equal + row.format(2) + equal)
    assert counted(sent) == [2.0, 4.0]
    staged = sent.read("staging", "survey_findings", FIRST)
    assert staged is not None
    (told,) = staged.to_pylist()
    assert (told["rule"], told["line"]) == ("response_repeated", 4)
    assert "(dòng 2, 4)" in told["reason_vi"]
    assert "1 submissions" in told["reason_en"]


# ---- second entries --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own_workbook", [False, True])
def test_a_second_entry_whose_first_is_left_out_is_refused_and_told(
    sent: Lake, contracts: Contracts, own_workbook: bool
) -> None:
    rows = [f"1,{entry},05/03/2026,DN,{ONE},4\n" for entry in (1, 2)]
    other = f"2,1,05/03/2026,DN,{TWO},4\n"
    if own_workbook:
        send(sent, contracts, FIRST, a=PAPER + rows[0] + other, b=PAPER + rows[1])
        send(sent, contracts, SECOND, a=PAPER + other)
    else:
        send(sent, contracts, FIRST, a=PAPER + rows[0] + rows[1] + other)
        send(sent, contracts, SECOND, a=PAPER + rows[1] + other)
    assert [row["rule"] for row in state(sent, "survey_refused")] == ["second_entry_alone"]
    assert len(counted(sent)) == 1
    assert findings(sent, SECOND)["second_entry_alone"] == 1
    send(sent, contracts, THIRD, a=PAPER + rows[0] + rows[1] + other)
    assert len(counted(sent)) == 2
    assert state(sent, "survey_refused") == []
    assert findings(sent, THIRD) == {}
