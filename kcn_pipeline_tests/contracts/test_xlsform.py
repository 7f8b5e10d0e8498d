"""The form that is sent out: converted by pyxform as KoboToolbox does, it must ask what the contract understands.

It must not test how answers come back. The surprising fact: a form may convert and still be wrong, so names, choices
and conditions are read from the XForm that pyxform makes, not from the workbook.
"""

import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from openpyxl import load_workbook
from pyxform.xls2xform import convert

from kcn_pipeline.contracts import Contracts, load_contracts
from kcn_pipeline.contracts.surveys import Question, Survey
from kcn_pipeline.xlsform import write_xlsform

XFORMS = "{http://www.w3.org/2002/xforms}"
SURVEYS = ["indicator_set", "satisfaction"]
#: What asks a device who and where it is.
NOSY = "deviceid phonenumber username email geopoint start-geopoint image audio background-audio audit".split()


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts(None)


@pytest.fixture(scope="module")
def forms(contracts: Contracts, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("forms")
    for survey_id in SURVEYS:
        write_xlsform(contracts, survey_id, folder / f"{survey_id}.xlsx")
    return {survey_id: folder / f"{survey_id}.xlsx" for survey_id in SURVEYS}


@pytest.fixture(scope="module")
def xforms(forms: dict[str, Path]) -> dict[str, ET.Element]:
    return {survey_id: ET.fromstring(convert(str(path)).xform) for survey_id, path in forms.items()}


def asked(survey: Survey) -> dict[str, Question]:
    return {question.name: question for question in survey.questions if question.is_asked}


def paths_of(xform: ET.Element) -> list[str]:
    """Where answers lie in a submission, without the groups; times and ids of the tool left out."""
    bound = [bind.attrib["nodeset"].split("/", 2)[2] for bind in xform.iter(f"{XFORMS}bind")]
    return [path for path in bound if path not in ("start", "end") and not path.startswith("meta/")]


@pytest.mark.parametrize("survey_id", SURVEYS)
def test_form_converts_without_a_warning(forms: dict[str, Path], survey_id: str) -> None:
    warnings: list[str] = []
    result = convert(str(forms[survey_id]), warnings=warnings, validate=shutil.which("java") is not None)
    assert warnings == []
    assert result.itemsets is None


@pytest.mark.parametrize("survey_id", SURVEYS)
def test_names_come_back_equal(contracts: Contracts, xforms: dict[str, ET.Element], survey_id: str) -> None:
    survey = contracts.surveys[survey_id]
    names = [path.rsplit("/", 1)[-1] for path in paths_of(xforms[survey_id])]
    assert len(set(names)) == len(names)
    assert set(names) == set(asked(survey))
    assert all(survey.question(name) for name in names)


@pytest.mark.parametrize("survey_id", SURVEYS)
def test_labels_are_those_of_the_contract_in_both_languages(
    contracts: Contracts, xforms: dict[str, ET.Element], survey_id: str
) -> None:
    languages = {
        each.attrib["lang"]: {text.attrib["id"]: "".join(text[0].itertext()) for text in each}
        for each in xforms[survey_id].iter(f"{XFORMS}translation")
    }
    assert list(languages) == ["Tiếng Việt (vi)", "English (en)"]
    vietnamese, english = languages.values()
    paths = {path.rsplit("/", 1)[-1]: path for path in paths_of(xforms[survey_id])}
    for name, question in asked(contracts.surveys[survey_id]).items():
        key = f"/data/{paths[name]}:label"
        assert (vietnamese[key], english[key]) == (question.label.vi, question.label.en)


@pytest.mark.parametrize("survey_id", SURVEYS)
def test_choices_are_those_of_the_contract(forms: dict[str, Path], contracts: Contracts, survey_id: str) -> None:
    book = load_workbook(forms[survey_id], read_only=True)
    assert book.sheetnames == ["survey", "choices", "settings"]
    lists: dict[str, list[str]] = {}
    for name, code, *labels in list(book["choices"].iter_rows(values_only=True))[1:]:
        assert isinstance(code, str), f"{name} {code!r} would come back as a number"
        assert all(labels)
        lists.setdefault(str(name), []).append(code)
    rows = {str(row[1]): str(row[0]) for row in book["survey"].iter_rows(values_only=True)}
    for name, question in asked(contracts.surveys[survey_id]).items():
        if question.choices:
            kind, listed = rows[name].split()
            assert (kind, lists[listed]) == (question.kind, [choice.code for choice in question.choices])


def test_indicators_stand_in_the_group_of_their_dimension(contracts: Contracts, xforms: dict[str, ET.Element]) -> None:
    groups = {path.rsplit("/", 1)[-1]: path.rsplit("/", 1)[0] for path in paths_of(xforms["indicator_set"])}
    for code, indicator in contracts.indicators.items():
        assert groups[f"{code.lower()}_necessity"] == indicator.dimension
    assert (groups["tax_code"], groups["general_comment"]) == ("opening", "closing")
    assert groups["suggested_indicator"] == "closing/suggestions"
    repeats = [each.attrib["nodeset"] for each in xforms["indicator_set"].iter(f"{XFORMS}repeat")]
    assert repeats == ["/data/closing/suggestions"]


def test_each_respondent_is_asked_its_own(xforms: dict[str, ET.Element]) -> None:
    shown = {
        survey_id: {
            bind.attrib["nodeset"].rsplit("/", 1)[-1]: bind.attrib.get("relevant")
            for bind in xform.iter(f"{XFORMS}bind")
        }
        for survey_id, xform in xforms.items()
    }
    opening = " /data/opening/respondent_type "
    assert shown["indicator_set"]["tax_code"] == f"{opening} = 'enterprise'"
    assert shown["indicator_set"]["expert_code"] == f"{opening} = 'expert' or {opening} = 'manager'"
    assert shown["indicator_set"]["mg01_necessity"] is None
    assert shown["satisfaction"]["service_satisfaction"] == " /data/opening/respondent_type  = 'enterprise'"


@pytest.mark.parametrize("survey_id", SURVEYS)
def test_no_device_is_asked_who_and_where_it_is(forms: dict[str, Path], survey_id: str) -> None:
    rows = load_workbook(forms[survey_id], read_only=True)["survey"].iter_rows(values_only=True)
    assert not {str(row[0]) for row in rows} & set(NOSY)


def test_settings_name_form_and_version(contracts: Contracts, forms: dict[str, Path]) -> None:
    names, values = load_workbook(forms["indicator_set"], read_only=True)["settings"].iter_rows(values_only=True)
    settings = dict(zip(names, values, strict=True))
    survey = contracts.surveys["indicator_set"]
    assert settings["form_id"] == "indicator_set"
    assert settings["form_title"] == survey.title.vi
    assert settings["version"] == f"{contracts.catalog_version}-{survey.fingerprint[:8]}"
    assert settings["default_language"] == "Tiếng Việt (vi)"


def test_a_survey_that_there_is_not(contracts: Contracts, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no survey 'mood'; there are indicator_set, satisfaction"):
        write_xlsform(contracts, "mood", tmp_path / "mood.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_written_twice_leaves_one_file(contracts: Contracts, tmp_path: Path) -> None:
    for _ in range(2):
        write_xlsform(contracts, "satisfaction", tmp_path / "form.xlsx")
    assert [path.name for path in tmp_path.iterdir()] == ["form.xlsx"]
