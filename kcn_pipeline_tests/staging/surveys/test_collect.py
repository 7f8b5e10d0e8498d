"""The collector: who answered, which response it is, one answer per question, and nothing of anybody in the tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcn_pipeline.contracts.surveys import Question, Survey
from kcn_pipeline.findings import Place, tabulate_findings
from kcn_pipeline.secrecy import respondent_key
from kcn_pipeline.staging.surveys.collect import Collector, ResponseMeta, identify_response
from kcn_pipeline.staging.surveys.respondents import normalise_identity
from kcn_pipeline.staging.surveys.tables import tabulate
from kcn_pipeline.staging.vietnamese import fold
from kcn_pipeline_tests.staging.surveys.reading import SECRET, contracts, say

NIGHT = "2026-03-08"
PLACE = Place("surveys", "a" * 64, "x.csv", line=2)
META = ResponseMeta("paper", number="1", submitted_at=datetime(2026, 3, 5, 9), form_version="v1")
EXPERT = [("respondent_type", "expert"), ("expert_code", "CG-01")]
ENTERPRISE = [("respondent_type", "enterprise"), ("tax_code", "2300000011")]


def _survey(name: str = "indicator_set") -> Survey:
    return contracts().surveys[name]


def _question(name: str, survey: str = "indicator_set") -> Question:
    question = _survey(survey).question(name)
    assert question is not None
    return question


def _collect(
    *answers: tuple[str, str | None], meta: ResponseMeta = META, survey: str = "indicator_set", place: Place = PLACE
) -> Collector:
    collector = Collector(contracts(), SECRET)
    _add(collector, answers, meta, survey, place)
    return collector


def _add(
    collector: Collector, answers: Sequence[tuple[str, str | None]], meta: ResponseMeta = META,
    survey: str = "indicator_set", place: Place = PLACE,
) -> None:  # fmt: skip
    collector.add(place, _survey(survey), [(_question(name, survey), text) for name, text in answers], meta)


def _rows(collector: Collector, table: str) -> list[dict[str, Any]]:
    return [row for part in tabulate(collector, NIGHT)[table].values() for row in part.to_pylist()]


def _response(collector: Collector) -> dict[str, Any]:
    (row,) = _rows(collector, "survey_responses")
    return row


def _answers(collector: Collector) -> dict[str, Any]:
    return {row["question"]: say(row) for row in _rows(collector, "survey_answers")}


# ---- one answer per question -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["4", None], 4),
        ([None, "", "4"], 4),
        (["4", "Cao", "4 - Cao"], 4),
        (["4", "5"], "!answer_contradicts"),
        (["4", "x"], "!answer_contradicts"),
        (["x", "x"], "!unknown_label"),
        ([None, ""], None),
        (["-", "4"], 4),
        ([], None),
    ],
)
def test_one_answer_in_several_columns(texts: list[str | None], said: object) -> None:
    collector = _collect(*EXPERT, *(("mg01_necessity", text) for text in texts))
    assert _answers(collector).get("mg01_necessity") == said


def test_a_contradiction_quotes_neither_answer() -> None:
    twice = [("mg01_comment", "một ý"), ("mg01_comment", "ý khác"), ("mg01_cost", "3"), ("mg01_cost", "4")]
    collector = _collect(*EXPERT, *twice)
    assert set(_answers(collector)) == {"mg01_comment", "mg01_cost"}
    for row in _rows(collector, "survey_answers"):
        assert (row["problem"], row["raw_text"], row["comment"]) == ("answer_contradicts", None, None)


def test_answers_of_two_responses_stay_apart() -> None:
    collector = Collector(contracts(), SECRET)
    _add(collector, [*EXPERT, ("mg01_necessity", "4"), ("mg01_comment", "x")], place=Place("s", "p", "f", line=2))
    _add(collector, [*EXPERT, ("mg01_necessity", None)], place=Place("s", "p", "f", line=3))
    _add(collector, [("mg02_cost", "1"), *EXPERT], place=Place("s", "p", "f", line=4))
    assert [(row["_line"], row["question"], say(row)) for row in _rows(collector, "survey_answers")] == [
        (2, "mg01_necessity", 4), (2, "mg01_comment", "x"), (4, "mg02_cost", 1)
    ]  # fmt: skip


def test_shown_is_what_somebody_with_the_same_form_answered() -> None:
    collector = Collector(contracts(), SECRET)
    _add(collector, [*EXPERT, ("mg01_necessity", "4"), ("mg01_clarity", "9"), ("general_comment", "x")])
    _add(collector, [*EXPERT, ("mg01_necessity", "4"), ("mg02_cost", "-")])
    _add(collector, [("respondent_type", "manager"), ("mg01_necessity", "4")])
    counts = [(row["n_shown"], row["n_answered"]) for row in _rows(collector, "survey_responses")]
    assert counts == [(2, 2), (2, 1), (1, 1)]


def test_conventions_do_not_mix() -> None:
    """3.946 is a decimal where the tool writes points, and undecided where a person typed it."""
    collector = Collector(contracts(), SECRET)
    for convention in ("en", None, "vi"):
        meta = ResponseMeta("paper", number=str(convention), convention=convention)  # type: ignore[arg-type]
        _add(collector, [*ENTERPRISE, ("report_hours", "3.946")], meta)
    assert [say(row) for row in _rows(collector, "survey_answers")] == ["3.946", "!undecidable_number", "3946"]


def test_columns_of_an_answer() -> None:
    collector = _collect(*ENTERPRISE, ("mg01_cost", "2"), ("report_hours", "7,5"))
    rated, other = _rows(collector, "survey_answers")
    assert [rated[name] for name in ("indicator_code", "criterion", "measure", "score", "choice")] == [
        "MG01", "cost", None, 2, None
    ]  # fmt: skip
    assert [other[name] for name in ("indicator_code", "criterion", "score", "choice")] == [None, None, None, "7.5"]
    (measured,) = _rows(
        _collect(
            ("respondent_type", "worker"), ("social_infrastructure_satisfaction", "Hài lòng"), survey="satisfaction"
        ),
        "survey_answers",
    )  # fmt: skip
    assert (measured["measure"], measured["score"]) == ("social_infrastructure_satisfaction_1_5", 4)


# ---- who answered ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("respondent_type", "written", "normalised"),
    [
        ("enterprise", "2300000011", "2300000011"),
        ("enterprise", "100000010", "0100000010"),
        ("enterprise", "MST: 0100000010-001", "0100000010-001"),
        ("enterprise", "2300000012", "2300000012"),
        ("enterprise", "Công ty Mẫu", None),
        ("expert", "  CG-01 ", "cg01"),
        ("expert", "CG\u00a0 01", "cg01"),
        ("expert", "CG01", "cg01"),
        ("expert", "cg\u201301", "cg01"),
        ("expert", "CG\u2212\u201101", "cg01"),
        ("manager", "QL_0.1/a", "ql01a"),
        ("worker", "NLĐ\u200b-1", "nlđ1"),
        ("expert", "Ho\u0300a", "hòa"),
        ("expert", "-", None),
        ("expert", " ._/ ", None),
        ("worker", "", None),
    ],
)
def test_identities_are_hashed_normalised(respondent_type: str, written: str, normalised: str | None) -> None:
    assert normalise_identity(respondent_type, written) == normalised
    key = Collector(contracts(), SECRET).respondents.key_of(respondent_type, written)
    assert key == (respondent_key(SECRET, respondent_type, normalised) if normalised else None)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([("respondent_type", "Doanh nghiệp"), ("tax_code", "2300000011"), ("park", "Quế Võ")], (True, "QUE_VO", None)),
        ([("respondent_type", "enterprise"), ("expert_code", "CG-01")], (False, None, "no_respondent_key")),
        ([("respondent_type", "enterprise"), ("tax_code", "x")], (False, None, "no_respondent_key")),
        (
            [("respondent_type", "expert"), ("expert_code", "a"), ("expert_code", "b")],
            (False, None, "no_respondent_key"),
        ),
        ([("respondent_type", "expert"), ("expert_code", "a"), ("expert_code", " A")], (True, None, None)),
        ([("tax_code", "2300000011")], (False, None, "unknown_respondent_type")),
        ([("respondent_type", "khách"), ("tax_code", "2300000011")], (False, None, "unknown_respondent_type")),
        ([*EXPERT, ("respondent_type", "manager")], (False, None, "unknown_respondent_type")),
        ([*EXPERT, ("park", "QUE_VO")], (True, "QUE_VO", None)),
        ([*EXPERT, ("park", "KCN Quế Võ, Bắc Ninh")], (True, "QUE_VO", None)),
        ([*EXPERT, ("park", "Hòn Ngọc")], (True, None, "unknown_park")),
        ([*EXPERT, ("park", "Quế Võ"), ("park", "VSIP")], (True, None, "unknown_park")),
    ],
)
def test_respondents(answers: list[tuple[str, str]], expected: tuple[bool, str | None, str | None]) -> None:
    row = _response(_collect(*answers))
    assert (row["respondent_key"] is not None, row["park_code"], row["problem"]) == expected


@pytest.mark.parametrize(
    ("text", "is_test"), [("yes", True), ("x", True), ("no", False), ("Không", False), ("", False)]
)
def test_trials(text: str, is_test: bool) -> None:
    assert _response(_collect(*EXPERT, ("is_test", text)))["is_test"] is is_test


def test_the_type_follows_from_the_key_only_in_a_survey_that_does_not_ask() -> None:
    asked = _survey("satisfaction")
    silent = asked.model_copy(
        update={"questions": tuple(each for each in asked.questions if each.role != "respondent_type")}
    )
    for keys, expected in [
        (["tax_code"], "enterprise"), (["worker_code"], "worker"), (["tax_code", "worker_code"], None), ([], None)
    ]:  # fmt: skip
        collector = Collector(contracts(), SECRET)
        texts = {"tax_code": "2300000011", "worker_code": "NLD-1"}
        questions = {each.name: each for each in silent.questions}
        collector.add(PLACE, silent, [(questions[name], texts[name]) for name in keys], META)
        assert _response(collector)["respondent_type"] == expected


NO_CODES = """
    không có|không|khong|KHÔNG CÓ|0|00|0-0|n/a|NA|none|x|-|--|chưa có|chưa có mã|Không biết|không có mã số thuế|.
"""


@pytest.mark.parametrize("text", NO_CODES.strip().split("|"))
def test_what_stands_for_no_code_names_nobody(text: str) -> None:
    """Hundreds of people would else be one respondent."""
    assert _response(_collect(("respondent_type", "expert"), ("expert_code", text)))["problem"] == "no_respondent_key"
    for kind in ("enterprise", "expert", "worker"):
        assert normalise_identity(kind, text) is None
        collector = Collector(contracts(), SECRET)
        collector.invite(PLACE, _survey(), "2026-1", kind, text, None)
        (row,) = collector.invitations
        assert (row["respondent_key"], row["problem"]) == (None, "list_key_unreadable")


def test_no_code_in_one_column_beside_the_code_in_another() -> None:
    row = _response(_collect(*EXPERT, ("expert_code", "không có")))
    assert row["respondent_key"] == _response(_collect(*EXPERT))["respondent_key"]


@pytest.mark.parametrize("text", ["X1", "0-1", "NO-1", "không 1", "001"])
def test_what_only_looks_like_no_code_is_one(text: str) -> None:
    assert normalise_identity("expert", text) is not None


# ---- questions that are not everybody's ------------------------------------------------------------------------------


WORKER = [("respondent_type", "worker"), ("worker_code", "NLD-1")]


def test_an_answer_to_a_question_for_others_is_refused_and_not_counted() -> None:
    both = [("service_satisfaction", "Hài lòng"), ("social_infrastructure_satisfaction", "2")]
    collector = Collector(contracts(), SECRET)
    _add(collector, [*WORKER, *both, ("general_comment", "đủ")], survey="satisfaction")
    _add(collector, [*ENTERPRISE, *both], ResponseMeta("paper", number="2"), "satisfaction")
    said = [(row["question"], say(row), row["raw_text"]) for row in _rows(collector, "survey_answers")]
    assert said == [
        ("service_satisfaction", "!not_asked_of_type", "4"),
        ("social_infrastructure_satisfaction", 2, None),
        ("general_comment", "đủ", None),
        ("service_satisfaction", 4, None),
        ("social_infrastructure_satisfaction", "!not_asked_of_type", "2"),
    ]
    counts = [(row["n_shown"], row["n_answered"]) for row in _rows(collector, "survey_responses")]
    assert counts == [(1, 1), (1, 1)]


def test_several_columns_of_a_question_for_others_are_no_contradiction() -> None:
    twice = [("service_satisfaction", "4"), ("service_satisfaction", "5")]
    assert _answers(_collect(*WORKER, *twice, survey="satisfaction")) == {"service_satisfaction": "!not_asked_of_type"}


def test_of_a_respondent_of_no_known_kind_nothing_is_decided() -> None:
    answers = _answers(_collect(("respondent_type", "?"), ("service_satisfaction", "4"), survey="satisfaction"))
    assert answers == {"service_satisfaction": 4}


# ---- which response it is --------------------------------------------------------------------------------------------


def _id(answers: Sequence[tuple[str, str]], source: str = "surveys", **meta: Any) -> tuple[str, str]:
    row = _response(_collect(*answers, meta=ResponseMeta("paper", **meta), place=Place(source, "a" * 64, "x.csv")))
    return row["response_id"], row["version_key"]


def test_ids_of_responses() -> None:
    nine, ten = datetime(2026, 3, 5, 9), datetime(2026, 3, 5, 10)
    answered, otherwise = [*EXPERT, ("mg01_necessity", "4")], [*EXPERT, ("mg01_necessity", "5")]
    assert _id(answered, root="A", instance="1")[0] == _id(otherwise, "api", root="uuid:a", instance="2")[0]
    assert _id(answered, root="a")[0] == identify_response(SECRET, "indicator_set", "a")
    assert _id(answered, number="7")[0] == _id(otherwise, number="7")[0] != _id(answered, number="8")[0]
    assert _id(answered, number="7")[0] != _id(answered, "elsewhere", number="7")[0]
    somebody_else = [("respondent_type", "expert"), ("expert_code", "CG-02"), ("mg01_necessity", "4")]
    assert _id(answered, number="7")[0] != _id(somebody_else, number="7")[0]
    assert _id([("mg01_necessity", "4")], number="7")[0] != _id([("mg01_necessity", "5")], number="7")[0]
    assert _id(answered, submitted_at=nine)[0] != _id(otherwise, submitted_at=nine)[0]
    assert _id(answered, submitted_at=nine)[0] != _id(somebody_else, submitted_at=nine)[0]
    assert _id(answered, submitted_at=nine)[0] == _id(answered[::-1], submitted_at=nine)[0]
    assert _id(answered, submitted_at=nine)[0] != _id(answered, submitted_at=ten)[0]
    assert _id([("mg01_necessity", "4")])[0] != _id([("mg01_necessity", "5")])[0]


def test_versions_of_responses() -> None:
    answered, otherwise = [*EXPERT, ("mg01_necessity", "4")], [*EXPERT, ("mg01_necessity", "5")]
    assert _id(answered, root="a", instance="1")[1] != _id(answered, root="a", instance="2")[1]
    assert _id(answered, root="a", instance="1")[1] == _id(otherwise, root="a", instance="1")[1]
    assert _id(answered, number="7") == _id(answered[::-1], number="7")
    assert _id(answered, number="7")[1] != _id(otherwise, number="7")[1]
    assert _id(answered, number="7", entry="first")[1] != _id(answered, number="7", entry="second")[1]


def test_times_and_rounds() -> None:
    started, ended = datetime(2026, 3, 2, 0, 0), datetime(2026, 3, 2, 0, 30)
    first = _response(
        _collect(*EXPERT, meta=ResponseMeta("odk", submitted_at=started, started_at=started, ended_at=ended))
    )
    assert (first["round_code"], first["duration_s"]) == ("2026-1", 1800)
    backwards = _response(_collect(*EXPERT, meta=ResponseMeta("odk", started_at=ended, ended_at=started)))
    assert (backwards["round_code"], backwards["duration_s"]) == (None, -1800), "validation judges it"
    told = _response(_collect(*EXPERT, meta=ResponseMeta("odk", started_at=ended, ended_at=started, duration_s=60)))
    assert told["duration_s"] == 60


# ---- invitations, findings -------------------------------------------------------------------------------------------


def test_invitations() -> None:
    collector = Collector(contracts(), SECRET)
    collector.invite(PLACE, _survey(), "2026-1", "enterprise", "100000010", "KCN Quế Võ")
    collector.invite(PLACE, _survey(), "2026-1", "expert", "CG-01", None)
    collector.invite(PLACE, _survey(), "2026-1", "expert", "-", "Hòn Ngọc")
    collector.invite(PLACE, _survey(), "2026-1", "enterprise", "2300000011", "Hòn Ngọc")
    collector.invite(PLACE, _survey(), "2026-1", "expert", "CG-02", "Hòn Ngọc")
    who = [("enterprise", "0100000010"), ("expert", "cg01"), ("enterprise", "2300000011")]
    keys = [respondent_key(SECRET, *each) for each in who]
    rows = _rows(collector, "survey_invitations")
    assert {(row["respondent_key"], row["park_code"], row["problem"], row["_line"]) for row in rows} == {
        (keys[0], "QUE_VO", None, None), (keys[1], None, None, None), (None, None, "list_key_unreadable", 2),
        (keys[2], None, "unknown_park", None), (None, None, "unknown_park", 2),
    }  # fmt: skip
    assert list(tabulate(collector, NIGHT)["survey_invitations"]) == ["round=indicator_set.2026-1"]


def test_unknown_columns_are_one_finding_with_their_number() -> None:
    collector = Collector(contracts(), SECRET)
    collector.note_unknown(PLACE, _survey(), 0, "")
    collector.note_unknown(PLACE, _survey(), 21, "C, D")
    (finding,) = tabulate_findings(contracts(), collector.findings).to_pylist()
    assert (finding["rule"], finding["value"]) == ("unknown_question", "C, D")
    assert "21" in finding["reason_en"]


# ---- nothing of anybody ----------------------------------------------------------------------------------------------

_LETTERS = st.sampled_from("qwzxjvạộữẫỡđ")
_SECRETS = st.builds("{} {}".format, *[st.text(_LETTERS, min_size=4, max_size=8)] * 2)
_COMMENTS = st.lists(st.sampled_from(["cần", "số", "kỳ", "{}", "({})", "“{}”", "{},"]), min_size=1, max_size=6)


@given(
    st.lists(_SECRETS, min_size=6, max_size=6, unique=True),
    _COMMENTS,
    st.sampled_from([str, str.upper, str.title, fold]),
)
@settings(max_examples=120, deadline=None)
def test_no_identity_is_in_any_table_or_finding(secrets: list[str], pieces: list[str], spell: Any) -> None:
    """Whatever is said of a person in any column is in no table afterwards, not even where the answer should be."""
    name, phone, code, park, account, kind = secrets
    said = " ".join(pieces)
    comment = " ".join(said.replace("{}", spell(each)) for each in (name, phone, code, account))
    collector = _collect(
        ("respondent_type", kind), ("respondent_name", name), ("phone", phone), ("expert_code", code), ("park", park),
        ("mg01_necessity", comment), ("mg01_comment", comment), ("general_comment", comment), ("data_kept_in", name),
        ("report_hours", phone), ("is_test", code),
        meta=ResponseMeta("odk", identities=(account,)),
    )  # fmt: skip
    tables = tabulate(collector, NIGHT)
    shown = repr([table.to_pylist() for parts in tables.values() for table in parts.values()])
    shown += repr(tabulate_findings(contracts(), collector.findings).to_pylist())
    key = fold(shown).replace(" ", "")
    assert [each for each in secrets if fold(each).replace(" ", "") in key] == []
