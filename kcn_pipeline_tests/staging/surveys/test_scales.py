"""Answers → scores and choices: what is on the scale is read however typed, and nothing else ever gets a score."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kcn_pipeline.contracts.base import Bilingual
from kcn_pipeline.contracts.ratings import Scale
from kcn_pipeline.contracts.surveys import Question
from kcn_pipeline.staging.surveys.scales import BLANK, ScaleReader, Understood, reader_of
from kcn_pipeline.staging.vietnamese import fold
from kcn_pipeline_tests.staging.surveys.reading import contracts

SCALES = contracts().ratings.scales
_POINTS = [(scale, point) for scale in SCALES.values() for point in scale.points]


def _texts(scale: Scale, value: int) -> list[str]:
    point = scale.point(value)
    assert point is not None
    return [point.label.vi, point.label.en, *point.synonyms]


@pytest.mark.parametrize("name", sorted(SCALES))
def test_every_label_synonym_and_number_is_its_point(name: str) -> None:
    scale = SCALES[name]
    reader = ScaleReader(scale)
    for point in scale.points:
        written = [
            *_texts(scale, point.value),
            str(point.value),
            f"{point.value}.0",
            f"{point.value},0",
            f" {point.value} ",
        ]
        written += [
            f"{point.value} - {point.label.vi}",
            f"{point.value}. {point.label.en}",
            f"({point.value}) {point.label.vi}",
        ]
        written += [f"{point.label.vi} ({point.value})", f"{point.label.en}: {point.value}"]
        assert {text: reader.read(text) for text in written} == dict.fromkeys(written, Understood(score=point.value))


_TYPOS = [
    str.upper,
    str.lower,
    lambda text: unicodedata.normalize("NFD", text),
    lambda text: text.replace(" ", ""),
    lambda text: f"\t{text.replace(' ', '   ')}\u200b ",
    lambda text: "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)),
    lambda text: f"{text}.",
]


@given(
    st.sampled_from(_POINTS), st.integers(0, 5), st.lists(st.sampled_from(_TYPOS), min_size=1, max_size=3, unique=True)
)
@settings(max_examples=400, deadline=None)
def test_typos_of_case_tone_and_blanks_are_the_point_or_unknown(pair: tuple, at: int, typos: list) -> None:
    """Never another point: a label that loses its tones and then fits two points is unknown."""
    scale, point = pair
    texts = _texts(scale, point.value)
    text = texts[at % len(texts)]
    for typo in typos:
        text = typo(text)
    assert ScaleReader(scale).read(text) in (Understood(score=point.value), Understood(problem="unknown_label"))
    alike = {p.value for p in scale.points for each in _texts(scale, p.value) if _key(each) == _key(text)}
    if alike == {point.value}:
        assert ScaleReader(scale).read(text) == Understood(score=point.value)


def _key(text: str) -> str:
    return fold(text).replace(" ", "")


@given(
    st.sampled_from(sorted(SCALES)), st.text(max_size=25) | st.from_regex(r"[0-9 .,/()a-zà-ỹ-]{1,15}", fullmatch=True)
)
@settings(max_examples=800, deadline=None)
@example("level_5", "4 5")
@example("level_5", "4-5")
@example("level_5", "4 - Rất cao")
@example("level_5", "Cao hoặc rất cao")
@example("level_5", "4.000")
@example("level_5", "3,5")
@example("level_5", "không cao")
@example("level_5", "²")
@example("level_5", "४")
def test_no_score_is_ever_guessed(name: str, text: str) -> None:
    """A score is given only to a point's number, to one of its labels, or to both together."""
    scale = SCALES[name]
    read = ScaleReader(scale).read(text)
    if read.score is None:
        assert read == BLANK or read.problem in ("unknown_label", "score_out_of_scale")
        return
    assert read == Understood(score=read.score)
    point = scale.point(read.score)
    assert point is not None
    number, labels = str(point.value), [_key(each) for each in _texts(scale, point.value)]
    numbers = [number, f"{number}0", f"{number}00"]
    allowed = {*numbers, *labels, *(f"{number}{label}" for label in labels), *(f"{label}{number}" for label in labels)}
    assert _key(text).lstrip("0") in allowed


@pytest.mark.parametrize("text", ["0", "6", "-1", "3.5", "4,5", "99", "1000000"])
def test_a_number_off_the_scale(text: str) -> None:
    assert ScaleReader(SCALES["level_5"]).read(text) == Understood(problem="score_out_of_scale")


@pytest.mark.parametrize(
    "text", ["Khá cao", "4 - Rất cao", "Cao, Thấp", "4 hoặc 5", "4/5", "x", "4.000", "Cao Cao", "không"]
)
def test_what_fits_no_point_or_contradicts_itself(text: str) -> None:
    assert ScaleReader(SCALES["level_5"]).read(text) == Understood(problem="unknown_label")


@pytest.mark.parametrize("text", ["", "  ", "-", "—", "...", "N/A", "n/a", "#N/A", "\u200b"])
def test_what_says_nothing_is_no_answer_and_no_zero(text: str) -> None:
    assert ScaleReader(SCALES["level_5"]).read(text) == BLANK
    for question in contracts().surveys["indicator_set"].questions[:20]:
        if question.scale or question.choices:
            assert reader_of(question, SCALES)(text) == BLANK


def test_labels_that_fold_alike_need_their_tones() -> None:
    points = [
        {"value": 1, "label": {"vi": "Đông", "en": "East"}},
        {"value": 2, "label": {"vi": "Đồng", "en": "Copper"}},
    ]
    scale = Scale.model_validate(
        {"name": "s", "title": {"vi": "s", "en": "s"}, "agree_from": 2, "source": "test", "points": points},
        strict=False,
    )
    reader = ScaleReader(scale)
    assert [reader.read(text).score for text in ("Đông", "ĐỒNG", "đông")] == [1, 2, 1]
    assert reader.read("dong") == Understood(problem="unknown_label")


# ---- choices and numbers ---------------------------------------------------------------------------------------------


def _question(name: str) -> Question:
    question = contracts().surveys["indicator_set"].question(name)
    assert question is not None
    return question


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("meters accounting", "accounting meters"),
        ("Đồng hồ đo tự động, Phần mềm kế toán", "accounting meters"),
        ("so giay; EXCEL", "spreadsheets paper"),
        ("Accounting software|Paper", "accounting paper"),
        ("paper paper", "paper"),
        ("Sổ giấy", "paper"),
    ],
)
def test_several_choices(text: str, choice: str) -> None:
    assert reader_of(_question("data_kept_in"), SCALES)(text) == Understood(choice=choice)


@pytest.mark.parametrize("text", ["paper elsewhere", "Sổ giấy, Ở nhà", "papermeters"])
def test_several_choices_of_which_one_is_unknown(text: str) -> None:
    assert reader_of(_question("data_kept_in"), SCALES)(text) == Understood(problem="unknown_label")


def test_labels_with_commas_are_found_whole() -> None:
    choices = [
        {"code": c, "label": {"vi": vi, "en": c}} for c, vi in [("a", "Điện, nước"), ("b", "Nước"), ("c", "Khác")]
    ]
    given = {
        "name": "q",
        "role": "other",
        "kind": "select_multiple",
        "label": {"vi": "q", "en": "q"},
        "choices": choices,
    }
    read = reader_of(Question.model_validate(given, strict=False), SCALES)
    assert read("Điện, nước, Khác").choice == "a c"
    assert read("Khác, Nước").choice == "b c"
    assert read("Điện, Khác").problem == "unknown_label"


@pytest.mark.parametrize(
    ("text", "convention", "read"),
    [
        ("12.5", "en", Understood(score=12.5)),
        ("12,5", "vi", Understood(score=12.5)),
        ("12,5", None, Understood(score=12.5)),
        ("3.946", None, Understood(problem="undecidable_number")),
        ("3.946", "en", Understood(score=3.946)),
        ("khoảng 12", None, Understood(problem="unreadable_number")),
        ("12 giờ", None, Understood(problem="unreadable_number")),
        ("nhiều", None, Understood(problem="unreadable_number")),
        ("0", None, Understood(score=0)),
        ("-", None, BLANK),
    ],
)
def test_numbers(text: str, convention: str | None, read: Understood) -> None:
    assert reader_of(_question("report_hours"), SCALES, convention)(text) == read  # type: ignore[arg-type]


def test_whole_numbers_and_days() -> None:
    whole = Question(name="n", role="other", kind="integer", label=Bilingual(vi="n", en="n"))
    day = Question(name="d", role="other", kind="date", label=Bilingual(vi="d", en="d"))
    assert reader_of(whole, SCALES)("12").score == 12
    assert reader_of(whole, SCALES)("12,5").problem == "unreadable_number"
    assert reader_of(day, SCALES)("29/08/2026").choice == "2026-08-29"
    assert reader_of(day, SCALES)("2026-08-29T10:00:00.000+07:00").choice == "2026-08-29"
    assert reader_of(day, SCALES)("31/02/2026").problem == "impossible_date"
