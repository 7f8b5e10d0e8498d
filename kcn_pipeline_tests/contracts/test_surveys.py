"""The packaged surveys, scales, thresholds and verdicts against figures written here by hand, and every broken link.

It must not test how answers are read or rated. The surprising fact: each mistake is laid over the packaged contracts as
the board would make it, and must be told with the file, the key and the line.
"""

import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

import kcn_pipeline
from kcn_pipeline.contracts import ContractError, Contracts, load_contracts
from kcn_pipeline.contracts.ratings import REASON_FIELDS, VERDICTS, Thresholds
from kcn_pipeline.contracts.surveys import Survey, header_key
from kcn_pipeline.schemas import schema_of

FOLDER = Path(kcn_pipeline.__file__).parent / "contracts"
CRITERIA = ["necessity", "clarity", "availability", "cost"]
RULES = """
    unknown_survey unreadable_survey unknown_question unknown_label score_out_of_scale
    answer_contradicts double_entry_differs no_round unknown_respondent_type no_respondent_key unknown_enterprise
    unknown_park test_response empty_response not_finished not_approved straight_lining impossible_duration
    outside_round_park second_entry_alone double_entry_key_differs form_repeated answers_same_moment response_left_out
    response_repeated file_older_than_known row_cut
    not_asked_of_type no_usable_answer mixed_dates park_not_stated
    refused_by_list list_shrunk list_parks_differ list_park_not_registers list_enterprise_unknown
    list_tax_code_doubtful entry_unclear
"""
#: Named by the domain notes with author and year: Lynn 1986 and Polit & Beck 2006, from 3 to 40 experts.
CVI = {3: 1.0, 5: 1.0, 6: 0.83, 8: 0.83, 9: 0.78, 40: 0.78}
#: Required by a law, decree, circular or national regulation in force that their references name.
LEGAL = """
    MG03 MG05 MG09 MG10 EC03 EC15 EN01 EN02 EN03 EN06 EN09 EN11 EN13 EN14 EN16 EN17 EN19 EN20 EN21 SO07 SO09 SO10
    ID02 ID03
"""
KEPT = "source: the board, confidence: high"


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts(None)


@pytest.fixture(scope="module")
def survey(contracts: Contracts) -> Survey:
    return contracts.surveys["indicator_set"]


def lay(folder: Path, **files: str) -> Contracts:
    """The contracts with these files laid over the packaged ones; `ratings__scales` is ratings/scales.yaml."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    load_contracts.cache_clear()
    return load_contracts(folder)


def problems_of(folder: Path, **files: str) -> list[str]:
    with pytest.raises(ContractError) as caught:
        lay(folder, **files)
    return [str(problem) for problem in caught.value.problems]


def survey_with(contracts_folder: Path, old: str, new: str, name: str = "indicator_set") -> str:
    """The packaged file of a survey with two rounds of its own and one text replaced."""
    text = (contracts_folder / "surveys" / f"{name}.yaml").read_text("utf-8")
    text = re.sub(r"^rounds:\n(  - .*\n)+", _TWO_ROUNDS, text, flags=re.MULTILINE)
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}.yaml"
    return text.replace(old, new)


# ---- questions -------------------------------------------------------------------------------------------------------


def test_every_indicator_is_rated_by_four_criteria_and_commented(contracts: Contracts, survey: Survey) -> None:
    ratings = [question for question in survey.questions if question.role == "rating"]
    assert len(ratings) == 280
    assert Counter(one.criterion for one in ratings) == dict.fromkeys(CRITERIA, 70)
    assert {one.indicator_code for one in ratings} == set(contracts.indicators)
    comments = [one.name for one in survey.questions if one.role == "comment" and one.indicator_code]
    assert comments == [f"{code.lower()}_comment" for code in contracts.indicators]
    assert {one.respondent_types for one in ratings} == {("enterprise", "expert", "manager")}
    assert all(one.is_asked for one in ratings)


def test_rating_question_is_made_of_indicator_and_criterion(survey: Survey) -> None:
    question = survey.question("mg08_availability")
    assert question is not None
    assert (question.indicator_code, question.criterion, question.kind) == ("MG08", "availability", "select_one")
    assert question.label.vi == (
        "[MG08] Mức độ hài lòng của doanh nghiệp với dịch vụ và hạ tầng KCN – Mức độ sẵn có của dữ liệu"
    )
    assert (
        question.label.en == "[MG08] Enterprise satisfaction with park services and infrastructure – Data availability"
    )
    assert [(choice.code, choice.label.vi) for choice in question.choices] == [
        ("1", "Rất thấp"), ("2", "Thấp"), ("3", "Trung bình"), ("4", "Cao"), ("5", "Rất cao"),
    ]  # fmt: skip
    assert survey.question("mg99_availability") is None


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("MG01[SQ001]", "mg01_necessity"),
        ("MG01_SQ004", "mg01_cost"),
        ("mg01_muc_do_can_thiet", "mg01_necessity"),
        ("EN05_chi_phi", "en05_cost"),
        ("[EN05] Cường độ sử dụng nước – Mức độ rõ ràng", "en05_clarity"),
        ("[EN05] Cường độ sử dụng nước [Mức độ rõ ràng]", "en05_clarity"),
        ("Mức độ rõ ràng [[EN05] Cường độ sử dụng nước]", "en05_clarity"),
        ("[EN05] CƯỜNG ĐỘ SỬ DỤNG NƯỚC – CHI PHÍ", "en05_cost"),
        ("MST", "tax_code"),
        ("Số điện thoại", "phone"),
        ("Địa chỉ email", "email"),
        ("deviceid", "device"),
        ("ipaddr", "network_address"),
        ("_geolocation", "location"),
        ("Ký, ghi rõ họ tên", "signature"),
    ],
)
def test_headers_of_tools_name_one_question(survey: Survey, header: str, name: str) -> None:
    headed = [one.name for one in survey.questions if header_key(header) in map(header_key, one.headers)]
    assert headed == [name]


def test_identity_is_told_apart_from_answers(contracts: Contracts) -> None:
    for survey in contracts.surveys.values():
        roles = {question.name: question.role for question in survey.questions}
        personal = "respondent_name phone email signature device network_address location tool_user".split()
        assert {name for name in roles if roles[name] == "identity"} >= set(personal)
        assert roles["tax_code"] == "key"
        for respondent_type in survey.respondent_types:
            keys = [one.name for one in survey.questions if respondent_type in one.key_of]
            assert len(keys) == 1, (survey.survey, respondent_type)


def test_satisfaction_measures_feed_the_two_indicators(contracts: Contracts) -> None:
    survey = contracts.surveys["satisfaction"]
    measured = {one.measure: (one.respondent_types, one.scale) for one in survey.questions if one.role == "measure"}
    assert measured == {
        "service_satisfaction_1_5": (("enterprise",), "satisfaction_5"),
        "social_infrastructure_satisfaction_1_5": (("worker",), "satisfaction_5"),
    }
    assert survey.ratings is None
    for code, measure in {"MG08": "service", "SO11": "social_infrastructure"}.items():
        denominator = contracts.indicators[code].denominator
        assert denominator is not None
        assert denominator.expression == f"count({measure}_satisfaction_1_5)"


def test_park_is_chosen_from_the_list_of_parks(contracts: Contracts, survey: Survey) -> None:
    park = survey.question("park")
    assert park is not None
    assert [choice.code for choice in park.choices] == list(contracts.parks)
    assert "expert" not in park.respondent_types


def test_new_and_retired_indicators_of_the_board(tmp_path: Path) -> None:
    """Of a retired indicator old answers are understood, and nobody is asked any more."""
    new = """
indicators:
  - {code: MG01, status: retired}
  - code: ZZ01
    name: {vi: Chỉ tiêu riêng, en: Own indicator}
    dimension: social
    levels: [park]
    unit: PT
    frequencies: [A]
    direction: higher
    numerator: {from: register_land, expression: sum(land_leased_ha)}
    status: proposed
    confidence: low
    source: test
"""
    survey = lay(tmp_path, indicators=new).surveys["indicator_set"]
    asked = {one.name for one in survey.questions if one.is_asked}
    assert {f"zz01_{criterion}" for criterion in [*CRITERIA, "comment"]} <= asked
    assert not {name for name in asked if name.startswith("mg01_")}
    retired = survey.question("mg01_necessity")
    assert retired is not None
    assert retired.indicator_code == "MG01"


def test_a_copy_with_other_questions_finds_them(survey: Survey) -> None:
    assert survey.question("tax_code") is not None
    copied = survey.model_copy(update={"questions": survey.questions[:1]})
    assert copied.question("tax_code") is None
    assert copied.fingerprint != survey.fingerprint


# ---- rounds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (date(2026, 3, 1), None),
        (date(2026, 3, 2), "2026-1"),
        (date(2026, 4, 30), "2026-1"),
        (date(2026, 5, 1), None),
        (date(2026, 8, 29), "2026-2"),
        (date(2026, 10, 16), None),
    ],
)
def test_a_day_has_one_round_or_none(survey: Survey, day: date, code: str | None) -> None:
    found = survey.round_on(day)
    assert (found and found.round) == code


def test_round_by_code(survey: Survey) -> None:
    found = survey.round("2026-2")
    assert found is not None
    assert (found.period, found.opens_on) == ("2026-S2", date(2026, 8, 17))
    assert survey.round("2027-1") is None


def test_the_board_lays_its_own_rounds_over(tmp_path: Path) -> None:
    rounds = "rounds: [{round: 2027-1, opens_on: 2027-02-01, closes_on: 2027-02-28, period: 2027-Q1}]\n"
    surveys = lay(tmp_path, surveys__mine=f"survey: indicator_set\n{rounds}").surveys
    survey = surveys["indicator_set"]
    assert [one.round for one in survey.rounds] == ["2027-1"]
    assert survey.question("mg01_necessity") is not None
    assert len(surveys) == 2


# ---- ratings ---------------------------------------------------------------------------------------------------------


def test_scales_are_those_agreed(contracts: Contracts) -> None:
    scales = contracts.ratings.scales
    ends = {name: (scale.min, scale.max, scale.agree_from) for name, scale in scales.items()}
    five = (1, 5, 4)
    assert ends == {"level_5": five, "agreement_5": five, "satisfaction_5": five, "relevance_4": (1, 4, 3)}
    fuzzy = [(0, 0, 0.25), (0, 0.25, 0.5), (0.25, 0.5, 0.75), (0.5, 0.75, 1), (0.75, 1, 1)]
    for name in ("level_5", "agreement_5", "satisfaction_5"):
        assert [point.fuzzy for point in scales[name].points] == fuzzy, name
    point = scales["agreement_5"].point(5)
    assert point is not None
    assert "Hoàn toàn đồng ý" in point.synonyms
    assert scales["agreement_5"].point(6) is scales["agreement_5"].point(4.5) is None


def test_an_expert_calls_relevant_what_the_scale_says(contracts: Contracts) -> None:
    ratings = contracts.ratings
    found = {name: ratings.thresholds.relevant_on(scale) for name, scale in ratings.scales.items()}
    assert found == {"level_5": 4, "agreement_5": 4, "satisfaction_5": 4, "relevance_4": 3}


def test_only_cost_is_reversed(contracts: Contracts) -> None:
    assert list(contracts.ratings.criteria) == CRITERIA
    assert [name for name, one in contracts.ratings.criteria.items() if one.is_reversed] == ["cost"]


def test_thresholds_are_those_of_the_literature(contracts: Contracts) -> None:
    now = contracts.ratings.thresholds
    assert (now.keep_mean, now.drop_mean, now.keep_cv, now.keep_wilson_low) == (4.0, 3.0, 0.5, 0.6)
    assert (now.drop_i_cvi, now.fuzzy_drop, now.fuzzy_distance) == (0.7, 0.5, 0.2)
    assert (now.relevant_from, now.availability_low) == (4, 3.0)
    assert (now.min_respondents, now.min_respondents_province, now.min_respondents_spread) == (3, 3, 5)
    assert now.publish_open_rounds is False
    assert {n: now.cvi_threshold(n) for n in CVI} == CVI
    assert [now.kendall_strength(w) for w in (0.7, 0.69, 0.5, 0.3, 0.29)] == [
        "strong", "moderate", "moderate", "weak", "none",
    ]  # fmt: skip
    assert now.approved_only is False
    assert now.excluded_flags == ()


def test_a_bar_that_moved_leaves_earlier_rounds_alone(tmp_path: Path) -> None:
    rows = f"""
thresholds:
  - {{name: keep_mean, value: 3.5, valid_from: 2026-07-01, valid_to: 2026-12-31, {KEPT}}}
  - {{name: min_respondents, value: 5, {KEPT}}}
"""
    ratings = lay(tmp_path, ratings__thresholds=rows).ratings
    bars = {
        day: ratings.thresholds_on(day).keep_mean for day in (date(2026, 4, 30), date(2026, 7, 1), date(2027, 1, 1))
    }
    assert list(bars.values()) == [4.0, 3.5, 4.0]
    assert {thresholds.min_respondents for _, thresholds in ratings.eras} == {5}
    load_contracts.cache_clear()
    assert load_contracts(None).ratings.fingerprint != ratings.fingerprint


def test_legal_indicators_are_those_whose_references_name_a_law_in_force(contracts: Contracts) -> None:
    legal = [code for code, one in contracts.indicators.items() if contracts.ratings.is_legal(one)]
    assert legal == LEGAL.split()
    named = contracts.indicators["EN10"].references
    assert [reference.framework for reference in named] == ["Quyết định 1658/QĐ-TTg"], "a strategy binds no park"


def test_the_board_may_list_legal_indicators(tmp_path: Path) -> None:
    row = f"{{name: legal_indicators, value: [SO01], valid_from: 2026-07-01, {KEPT}}}"
    contracts = lay(tmp_path, ratings__thresholds=f"thresholds: [{row}]\n")
    indicator = contracts.indicators["SO01"]
    assert contracts.ratings.is_legal(indicator)
    assert not contracts.ratings.is_legal(indicator, date(2026, 6, 30))


def test_verdicts_say_what_is_next_and_why(contracts: Contracts) -> None:
    verdicts = contracts.ratings.verdicts
    assert list(verdicts) == list(VERDICTS)
    assert verdicts["keep"].next_status == {"proposed": "pilot", "pilot": "adopted", "adopted": "adopted"}
    assert set(verdicts["drop"].next_status.values()) == {"retired"}
    assert verdicts["not_enough_answers"].next_status == {}
    said = dict.fromkeys([*REASON_FIELDS, *Thresholds.model_fields], "✓")
    for name, rules in VERDICTS.items():
        for rule in rules:
            reason = verdicts[name].reason(rule)
            for text in (reason.vi.format(**said), reason.en.format(**said)):
                assert "✓" in text or rule == "conditions_not_met", rule
                assert text == text.strip()
            assert not reason.vi.isascii()
    with pytest.raises(KeyError, match="mean_high"):
        verdicts["drop"].reason("mean_high")


# ---- tables, rules ---------------------------------------------------------------------------------------------------


def test_tables_of_the_topic(contracts: Contracts) -> None:
    tables = {table.table: table for table in contracts.topic_tables("survey")}
    assert set(tables) == {"survey_responses", "survey_answers", "survey_listings", "survey_invitations"}
    assert tables["survey_responses"].key == ("response_id", "version_key")
    assert tables["survey_answers"].key == ("response_id", "version_key", "question")
    assert tables["survey_listings"].part is None
    for table in tables.values():
        assert {"_source", "_night", "_payload", "_file", "_sheet", "_cell", "_line"} <= set(schema_of(table).names)


def test_no_column_holds_an_identity(contracts: Contracts) -> None:
    personal = re.compile(r"name|phone|mail|signature|device|gps|location|tax|address|user")
    for table in contracts.topic_tables("survey"):
        named = [column.name for column in table.columns if personal.search(column.name)]
        assert named == [], table.table


def test_codes_agree_with_the_models(contracts: Contracts) -> None:
    codes = {name: [code.code for code in contracts.code_lists[name].codes] for name in contracts.code_lists}
    assert codes["respondent_type"] == ["enterprise", "expert", "manager", "worker"]
    assert codes["survey_channel"] == "kobo_api kobo_export google_forms limesurvey paper odk".split()
    assert codes["survey_standing"] == ["current", "superseded", "deleted"]
    assert set(codes["dimension"]) == {one.dimension for one in contracts.indicators.values()}


def test_rules_of_surveys_have_texts(contracts: Contracts) -> None:
    assert set(RULES.split()) <= set(contracts.rules)


@pytest.mark.parametrize(
    "path", sorted([*FOLDER.glob("surveys/*.yaml"), *FOLDER.glob("ratings/*.yaml")]), ids=lambda path: path.name
)
def test_file_holds_no_person_and_no_vague_source(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"[\w.]+@[\w.]+", text), "an e-mail address"
    assert not re.search(r"(?<![\d.])0(?:[ .]?\d){9}(?!\d)", text), "a phone number"
    assert "\r" not in text
    assert text.endswith("\n")
    for source, confidence in re.findall(r'source: "?(proposal|background)[^}]*?confidence: (\w+)', text):
        assert confidence == "low", f"{path.name}: {source}"


# ---- broken links ----------------------------------------------------------------------------------------------------

_TWO_ROUNDS = """rounds:
  - {round: one, opens_on: 2026-03-02, closes_on: 2026-04-30, period: 2026-S1}
  - {round: two, opens_on: 2026-08-17, closes_on: 2026-10-15, period: 2026-S2}
"""
#: What is written instead of what, the text on whose line the mistake stands, and what is told of it.
BROKEN = [
    ("  scale: level_5", "  scale: level_7", "scale: level_7", "ratings.scale: no scale 'level_7'"),
    ("[necessity, clarity,", "[necessity, beauty,", "criteria: [", "ratings.criteria.1: no criterion 'beauty'"),
    (
        "comment: true",
        "comment: true\n  scales: {beauty: level_5}",
        "{beauty",
        "ratings.scales.beauty: 'beauty' is no criterion of the survey",
    ),
    (
        "  respondent_types: [enterprise, expert, manager]\n  scale",
        "  respondent_types: [worker]\n  scale",
        "[worker]",
        "ratings.respondent_types.0: 'worker' is no respondent of the survey; they are enterprise, expert, manager",
    ),
    (
        "opens_on: 2026-08-17",
        "opens_on: 2026-04-30",
        "opens_on: 2026-04-30",
        "rounds.1.opens_on: overlaps round one (2026-03-02 to 2026-04-30); a response has one round",
    ),
    ("{round: two,", "{round: one,", "2026-08-17", "rounds.1.round: 'one' is a round already"),
    ("opens_on: 2026-03-02", "opens_on: 2026-05-02", "2026-05-02", "rounds.0: Value error, opens_on lies after"),
    ("period: 2026-S2", "period: 2026-H2", "2026-H2", "rounds.1.period: String should match"),
    ("{round: two,", "{round: a/b,", "{round: a/b,", "rounds.1.round: String should match"),
    ("mg01_necessity: [", "mg99_necessity: [", "[mg01_m", "synonyms.mg99_necessity: no question 'mg99_necessity'"),
    ("[MST,", "[SĐT, MST,", "- name: phone", "questions.7: phone and tax_code are both headed 'SĐT'"),
    (
        "- name: general_comment",
        "- name: mg01_clarity",
        "  criteria: [",
        "ratings: mg01_clarity and mg01_clarity are both headed 'mg01_clarity'",
    ),
    (
        "[expert, manager]\n    resp",
        "[expert]\n    resp",
        "- name: resp",
        "questions: manager is identified by no question",
    ),
    (
        "{code: expert, label: {vi: Chuyên gia",
        "{code: guru, label: {vi: Chuyên gia",
        "guru",
        "questions.0.choices.1.code: 'guru' is no respondent of the survey",
    ),
    (
        "{code: expert, label",
        "{code: manager, label",
        "- name: resp",
        "questions.0: Value error, choices repeat a code",
    ),
    ("role: respondent_type", "role: other", "- name: resp", "questions: 0 questions have the role respondent_type"),
    (
        "kind: select_multiple",
        "kind: select_one\n    scale: level_5",
        "- name: data_kept_in",
        "questions.15: Value error, choices of a scale are those of the scale",
    ),
    ("    key_of: [enterprise]\n", "", "- name: tax_code", "questions.1: Value error, a key needs key_of"),
    ("role: test", "role: idol", "idol", "questions.14.role: Input should be"),
    ("kind: select_multiple", "kind: text", "- name: data_kept", "questions.15: Value error, only select questions"),
]


@pytest.mark.parametrize(("old", "new", "marker", "expected"), BROKEN, ids=[one[3][:60] for one in BROKEN])
def test_mistake_in_a_survey_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, marker: str, expected: str
) -> None:
    text = survey_with(FOLDER, old, new)
    line = text[: text.index(marker)].count("\n") + 1
    found = problems_of(tmp_path, surveys__indicator_set=text)
    assert any(problem.startswith(f"indicator_set.yaml:{line}: indicator_set.{expected}") for problem in found), found


def test_form_of_two_surveys(tmp_path: Path, survey: Survey) -> None:
    (form,) = survey.forms
    text = f"survey: satisfaction\nforms: [{form}]\n"
    found = problems_of(tmp_path, surveys__satisfaction=text)
    assert found == [f"satisfaction.yaml:2: satisfaction.forms.0: {form} is a form of indicator_set, too"]


_MEASURE = "role: measure\n    kind: select_one\n    scale: satisfaction_5\n    measure: service_satisfaction_1_5"
_RATING = "role: rating\n    kind: select_one\n    scale: satisfaction_5\n    indicator_code: XX01\n    criterion:"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("measure: service_satisfaction_1_5", "measure: mood", "the table survey_response has no column 'mood'"),
        ("scale: satisfaction_5\n    measure: service", "measure: service", "needs a scale or choices"),
        (_MEASURE, f"{_RATING} charm", "no criterion 'charm' in ratings/criteria.yaml"),
        (_MEASURE, f"{_RATING} cost", "no indicator 'XX01' in the catalog"),
    ],
)
def test_question_that_points_nowhere(tmp_path: Path, old: str, new: str, expected: str) -> None:
    text = survey_with(FOLDER, old, new, "satisfaction")
    (problem,) = [one for one in problems_of(tmp_path, surveys__satisfaction=text) if expected in one]
    assert re.match(r"satisfaction\.yaml:\d+: satisfaction\.questions\.", problem)


@pytest.mark.parametrize(
    ("name", "entry", "expected"),
    [
        ("thresholds", f"name: keep_meen, value: 4, {KEPT}", "thresholds.yaml:2: keep_meen: is no threshold"),
        ("thresholds", "name: keep_mean, value: much", "thresholds.yaml:2: keep_mean.value: Input should be"),
        ("thresholds", "name: drop_mean, value: 4.5", "must not be above the bar to keep"),
        ("thresholds", "name: wilson_z, valid_from: 2026-07-01", "thresholds.yaml:2: wilson_z/2026-07-01"),
        ("thresholds", "name: wilson_z, valid_to: 2026-06-30", "wilson_z: has no row on 2026-07-01"),
        ("thresholds", "name: min_respondents_province, value: 4", "must not be above min_respondents"),
        ("thresholds", "name: min_expert_answers, value: 2", "fewer answers than min_respondents_province"),
        ("thresholds", "name: legal_indicators, value: [XX01]", "no indicator 'XX01' in the catalog"),
        ("thresholds", "name: excluded_flags, value: [lazy]", "no flag 'lazy'; there are straight_lining"),
        ("thresholds", "name: cvi, value: [{n_from: 3, least: 1}]", "cvi must begin at n_from 1"),
        ("scales", "name: level_5, agree_from: 6", "scales.yaml:2: level_5: Value error, agree_from 6"),
        ("criteria", "name: cost, synonyms: [Rõ ràng]", "criteria.yaml:2: cost.synonyms.0: 'Rõ ràng' means clarity"),
        (
            "verdicts",
            "name: keep, reasons: [{rule: all_met, vi: Tốt, en: 'Good {mean}'}]",
            "verdicts.yaml:2: keep.reasons.0.en: there is no {mean}",
        ),
        ("verdicts", "name: keep, reasons: [{rule: all_met, vi: '{', en: Good}]", "is no text with placeholders"),
        ("verdicts", "name: drop, reasons: [{rule: mean_low, vi: Ít, en: Low}]", "one text for the rule 'i_cvi_low'"),
        (
            "verdicts",
            "name: love, label: {vi: Yêu, en: Love}, reasons: [{rule: all_met, vi: Tốt, en: Good}]",
            "verdicts.yaml:2: love.name: is no verdict",
        ),
    ],
)
def test_mistake_in_ratings_is_told(tmp_path: Path, name: str, entry: str, expected: str) -> None:
    found = problems_of(tmp_path, **{f"ratings__{name}": f"{name}:\n  - {{{entry}}}\n"})
    assert any(expected in problem for problem in found), found


def test_answer_of_two_points_is_refused(tmp_path: Path) -> None:
    scale = """
scales:
  - name: own
    title: {vi: Thang riêng, en: Own scale}
    agree_from: 2
    source: test
    points:
      - {value: 1, label: {vi: Ít, en: Little}}
      - {value: 2, label: {vi: Nhiều, en: Much}, synonyms: [ÍT]}
"""
    found = problems_of(tmp_path, ratings__scales=scale)
    assert found == ["scales.yaml:9: own.points.1.synonyms.0: 'ÍT' is an answer of point 1, too"]
