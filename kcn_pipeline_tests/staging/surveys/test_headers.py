"""Headers → questions: every header of the contracts is found, also misspelt, and nothing is found that means two."""

import unicodedata
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcn_pipeline.contracts.base import Bilingual
from kcn_pipeline.contracts.surveys import Choice, Question, Survey
from kcn_pipeline.staging.surveys.headers import Headers, find_choice
from kcn_pipeline.staging.surveys.recognise import Recogniser, is_own_column
from kcn_pipeline_tests.staging.surveys.reading import contracts


def _survey(name: str = "indicator_set") -> Survey:
    return contracts().surveys[name]


@cache
def _headers(name: str = "indicator_set") -> Headers:
    return Headers(_survey(name))


def _name(question: Question | None) -> str | None:
    return question.name if question else None


@pytest.mark.parametrize("survey", ["indicator_set", "satisfaction"])
def test_every_name_label_and_synonym_is_found(survey: str) -> None:
    wrong = [
        (header, question.name, _name(_headers(survey).find(header)))
        for question in _survey(survey).questions
        for header in question.headers
        if _name(_headers(survey).find(header)) != question.name
    ]
    assert wrong == []


_QUESTIONS = st.sampled_from([each for each in _survey().questions if each.role in ("rating", "comment")])
_SPELLINGS = [
    str.upper,
    str.lower,
    lambda text: unicodedata.normalize("NFD", text),
    lambda text: f"  {text.replace(' ', '  ')}\n",
    lambda text: f"nhom_1/nhom_2/{text}",
    lambda text: f"12. {text} *",
    lambda text: f"\ufeff{text}",
    lambda text: text.replace("–", "-"),
]


@given(_QUESTIONS, st.booleans(), st.lists(st.sampled_from(_SPELLINGS), min_size=1, max_size=3, unique=True))
@settings(max_examples=300, deadline=None)
def test_a_label_spelled_otherwise_is_the_same_question(question: Question, in_english: bool, spellings: list) -> None:
    header = question.label.en if in_english else question.label.vi
    for spell in sorted(spellings, key=_SPELLINGS.index):
        header = spell(header)
    assert _name(_headers().find(header)) == question.name


@given(st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_known_header_or_none(text: str) -> None:
    question = _headers().find(text)
    assert question is None or question in _survey().questions


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("mg01_necessity", "mg01_necessity"),
        ("MG01_Necessity", "mg01_necessity"),
        ("quan_ly/mg01_necessity", "mg01_necessity"),
        ("Q1/mg01_muc_do_can_thiet", "mg01_necessity"),
        ("mg01[necessity]", "mg01_necessity"),
        ("ma so thue", "tax_code"),
        ("Mã số thuế:", "tax_code"),
        ("_geolocation", "location"),
        ("_submitted_by", "tool_user"),
        ("necessity", None),
        ("mg99_necessity", None),
        ("", None),
        ("/", None),
    ],
)
def test_headers(header: str, name: str | None) -> None:
    assert _name(_headers().find(header)) == name


def test_option_columns() -> None:
    def found(header: str) -> tuple[str, str] | None:
        pair = _headers().find_option(header)
        return (pair[0].name, pair[1].code) if pair else None

    assert found("data_kept_in/meters") == ("data_kept_in", "meters")
    assert found("nhom/data_kept_in/meters") == ("data_kept_in", "meters")
    assert found("data_kept_in[meters]") == ("data_kept_in", "meters")
    assert found("Dữ liệu báo cáo hiện được lưu ở đâu/Đồng hồ đo tự động") == ("data_kept_in", "meters")
    assert found("data_kept_in/elsewhere") is None
    assert found("mg01_necessity/4") is None, "only a select_multiple has columns for its choices"


def _question(name: str, label: str, **more: object) -> Question:
    return Question(name=name, role="other", kind="text", label=Bilingual(vi=label, en=name), **more)


def _of(*questions: Question) -> Headers:
    return Headers(_survey().model_copy(update={"questions": questions}))


def test_a_header_that_means_two_questions_when_folded_means_none() -> None:
    headers = _of(_question("one", "Đồng"), _question("two", "Đông"))
    assert [_name(headers.find(header)) for header in ("Đồng", "ĐỒNG ", "đông")] == ["one", "one", "two"]
    assert headers.find("dong") is None


def test_a_label_may_hold_a_slash() -> None:
    headers = _of(_question("one", "Có/Không"), _question("two", "Không"))
    assert _name(headers.find("Có/Không")) == "one"
    assert _name(headers.find("Nhóm/Có/Không")) == "one"
    assert _name(headers.find("Nhóm/Không")) == "two"


def test_choices_are_found_by_code_label_and_synonym() -> None:
    question = next(each for each in _survey().questions if each.name == "respondent_type")
    found = {
        text: find_choice(question, text) for text in ["expert", "Chuyên gia", "chuyen gia", "CHUYÊNGIA", "cg", "x", ""]
    }
    assert {text: choice.code if choice else None for text, choice in found.items()} == {
        "expert": "expert", "Chuyên gia": "expert", "chuyen gia": "expert", "CHUYÊNGIA": "expert", "cg": "expert",
        "x": None, "": None,
    }  # fmt: skip


def test_choices_that_fold_alike_are_told_apart_by_their_spelling_only() -> None:
    choices = tuple(Choice(code=code, label=Bilingual(vi=vi, en=code)) for code, vi in [("a", "Đồng"), ("b", "Đông")])
    question = Question(name="q", role="other", kind="select_one", label=Bilingual(vi="q", en="q"), choices=choices)
    found = [find_choice(question, text) for text in ("Đồng", "Đông", "dong")]
    assert [choice.code if choice else None for choice in found] == ["a", "b", None]


# ---- which survey ----------------------------------------------------------------------------------------------------


def test_the_survey_of_a_form_and_of_headers() -> None:
    recogniser = Recogniser(contracts())
    by_form = recogniser.by_form(_survey().forms[0])
    assert by_form is not None
    assert by_form.survey == "indicator_set"
    assert recogniser.by_form("elsewhere") is None
    assert recogniser.by_form(None) is None

    def survey_of(*headers: str) -> str | None:
        found = recogniser.fitting(["_id", "_uuid", "start", "meta/rootUuid", *headers])
        return found[0].survey if len(found) == 1 else None

    assert survey_of("g/mg01_necessity", "g/mg02_necessity", "tax_code", "unknown") == "indicator_set"
    assert survey_of("service_satisfaction", "tax_code") == "satisfaction"
    assert survey_of("tax_code", "respondent_type") is None, "both surveys know these"
    assert survey_of("mg01_necessity", "a", "b", "c") is None, "too few are known"
    assert survey_of() is None
    assert recogniser.fitting(["tax_code", "respondent_type"]) == (), "no question that is rated"
    assert recogniser.by_path(f"a/{_survey().forms[0]}/export.csv") is by_form
    assert recogniser.by_path(f"{_survey().forms[0]}.csv") is None


@pytest.mark.parametrize(
    "header", ["_id", "__version__", "meta/rootUuid", "group/meta/instanceID", "start", "formhub/uuid"]
)
def test_own_columns_of_tools(header: str) -> None:
    assert is_own_column(header)


@pytest.mark.parametrize("header", ["started", "mg01_necessity", "group/start", "metadata", "x_id"])
def test_columns_that_are_no_tools_own(header: str) -> None:
    assert not is_own_column(header)
