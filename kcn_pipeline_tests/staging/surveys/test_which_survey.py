"""Files that match two surveys alike: told with both names, decided by the id of a form in the path."""

import json
from dataclasses import replace
from functools import cache

import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.findings import Place, tabulate_findings
from kcn_pipeline.staging.surveys.collect import Collector
from kcn_pipeline.staging.surveys.kobo_json import read_kobo_json
from kcn_pipeline.staging.surveys.recognise import Recogniser
from kcn_pipeline.staging.surveys.spreadsheets import read_spreadsheet
from kcn_pipeline_tests.staging.surveys.reading import SECRET, contracts, write_workbook

FORM = "aTw1nTw1nTw1nTw1nTw1nT"
_KOBO = (
    "respondent_type,tax_code,mg01_necessity,_uuid,_submission_time\nenterprise,2300000011,4,u1,2026-03-05T01:20:07\n"
)
_PAGE = json.dumps([{"respondent_type": "expert", "expert_code": "cg-01", "mg01_necessity": "4", "_uuid": "u1"}])
FILES = {
    "kobo.csv": _KOBO,
    "google.csv": "Dấu thời gian,Mã số thuế,[MG01] Mức độ cần thiết\n29/08/2026 09:40:00,2300000011,Cao\n",
    "lime.csv": "id,submitdate,lastpage,taxcode,mg01[SQ001],mg01_necessity\n1,2026-03-05 10:00:00,6,2300000011,4,4\n",
    "paper.csv": "Số phiếu,Ngày nhận phiếu,Mã số thuế,mg01_necessity\n1,10/03/2026,2300000011,4\n",
    "page.json": _PAGE,
}


@cache
def twins() -> Contracts:
    """The contracts with a second survey that asks the same."""
    survey = contracts().surveys["indicator_set"]
    twin = survey.model_copy(update={"survey": "twin", "forms": (FORM,)})
    return replace(contracts(), surveys={**contracts().surveys, "twin": twin})


@cache
def _recogniser() -> Recogniser:
    return Recogniser(twins())


def _read(name: str, content: bytes) -> tuple[bool, Collector]:
    collector = Collector(twins(), SECRET)
    read = read_kobo_json if name.endswith(".json") else read_spreadsheet
    was_read = read(collector, _recogniser(), Place("surveys", "f" * 64, name), content, {"kind": "survey/files"})
    tabulate_findings(twins(), collector.findings)
    return was_read, collector


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_matches_two_surveys_names_both(name: str) -> None:
    _, collector = _read(name, FILES[name].encode())
    (told,) = [each for each in collector.findings if each.rule in ("ambiguous_survey", "unknown_survey")]
    assert (told.rule, told.said["detail"]) == ("ambiguous_survey", "indicator_set, twin")
    assert [row["problem"] for row in collector.responses] == ["ambiguous_survey"]
    (row,) = tabulate_findings(twins(), [told]).to_pylist()
    assert "indicator_set, twin" in row["reason_vi"]
    assert "forms" in row["action_vi"]


@pytest.mark.parametrize("name", FILES)
def test_a_folder_with_the_id_of_a_form_decides(name: str) -> None:
    was_read, collector = _read(f"x/{FORM}/{name}", FILES[name].encode())
    assert was_read
    assert [row["survey_id"] for row in collector.responses] == ["twin"]
    assert [each.rule for each in collector.findings if "survey" in each.rule] == []


def test_only_the_sheets_that_match_two_surveys_are_ambiguous() -> None:
    text = (
        "## A\n"
        + FILES["paper.csv"]
        + "## B\nSố phiếu,Ngày nhận phiếu,Mã số thuế,x,y,z\n1,10/03/2026,2300000011,4,4,4\n"
    )
    _, collector = _read("paper.xlsx", write_workbook(text))
    assert [row["problem"] for row in collector.responses] == ["ambiguous_survey", "unknown_survey"]


def test_a_file_with_only_what_all_surveys_ask_is_of_none() -> None:
    text = "Số phiếu,Ngày nhận phiếu,Mã số thuế\n1,10/03/2026,2300000011\n"
    _, collector = _read("paper.csv", text.encode())
    assert [each.rule for each in collector.findings] == ["unknown_survey"]
