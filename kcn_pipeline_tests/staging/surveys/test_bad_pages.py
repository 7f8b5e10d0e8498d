"""Pages of KoboToolbox as a program or a hand spoiled them: what is wrong is told by number, the rest is read."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from kcn_pipeline.staging.surveys import kobo_pages
from kcn_pipeline_tests.staging.surveys.reading import say
from kcn_pipeline_tests.staging.surveys.test_kobo_json import UID, Read

GOOD = {
    "_id": 1, "_uuid": "u1", "_submission_time": "2026-03-05T01:20:07", "respondent_type": "expert",
    "expert_code": "cg-01", "mg01_necessity": "4",
}  # fmt: skip
NAME = f"{UID}/data-1.json"


def _row(number: int, **more: Any) -> dict[str, Any]:
    return {**GOOD, "_id": number, "_uuid": f"u{number}", **more}


def _read(*rows: object) -> Read:
    return _read_text(json.dumps({"count": len(rows), "next": None, "results": rows}))


def _read_text(text: str | bytes, name: str = NAME) -> Read:
    return Read([(name, text.encode() if isinstance(text, str) else text)])


def _text(row: Mapping[str, Any]) -> str:
    return json.dumps(row)


def _told(read: Read) -> list[tuple[str, str]]:
    """Rule of each finding and which submissions it names."""
    return [(each.rule, str(each.said.get("detail"))) for each in read.collector.findings]


def _lines(read: Read) -> list[int]:
    return [row["_line"] for row in read.rows("survey_responses")]


# ---- submissions that are none ---------------------------------------------------------------------------------------


def test_submissions_without_an_id_are_told_by_number_and_the_rest_is_read() -> None:
    rows = [_row(1), {**_row(2), "_uuid": None}, _row(3), {**_row(4), "_uuid": ""}, {**_row(5), "_uuid": 7}]
    read = _read(*rows)
    assert _told(read) == [("submission_without_id", "2, 4, 5")]
    assert _lines(read) == [1, 3]
    (finding,) = read.findings
    assert (finding["line"], finding["found"]) == (2, 3)
    assert finding["reason_en"].endswith("have no _uuid and were not taken (number 2, 4, 5); the others were read.")


def test_entries_that_are_no_objects_are_told_by_number_and_the_rest_is_read() -> None:
    read = _read("x", _row(2), None, [_row(4)], 5)
    assert _told(read) == [("submission_no_object", "1, 3, 4, 5")]
    assert _lines(read) == [2]
    assert read.was_read == [True]


def test_a_listing_tells_submissions_without_an_id_once() -> None:
    text = json.dumps({"results": [{"_uuid": "u1"}, {"_id": 2}, {"_id": 3}]})
    read = _read_text(text, f"{UID}/listing-1.json")
    assert len(read.rows("survey_listings")) == 1
    assert _told(read) == [("submission_without_id", "2, 3")]
    assert read.findings[0]["table"] == "survey_listings"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("null", "results"), ("5", "results"), ('"x"', "results"), ("{}", "results"), ('{"results": {}}', "results"),
        ('{"results": null}', "results"), ('{"type": "FeatureCollection", "features": []}', "results"),
        ('[{"id": 1, "value": 3.5}]', "_uuid"), ('{"results": [{"id": 1}, {"id": 2}]}', "_uuid"),
    ],
)  # fmt: skip
def test_json_that_is_not_kobos_says_what_it_lacks(text: str, missing: str) -> None:
    read = _read_text(text, "pm25.json")
    assert read.was_read == [False]
    assert _told(read) == [("not_kobo_json", missing)]
    assert read.rows("survey_responses") == []


@pytest.mark.parametrize(
    ("text", "detail", "line"),
    [
        ('{"results": [\n{"_uuid": "u1",\n', "Expecting property name enclosed in double quotes, line 3, column 1", 3),
        ('{"results": [{"a": "Nguyễn Mẫu}]}', "Unterminated string starting at, line 1, column 20", 1),
        ("", "Expecting value, line 1, column 1", 1),
        (b'{"results":\n[{"_uuid": "\xff"}]}', "utf-8: byte 24", 2),
    ],
)
def test_json_that_cannot_be_parsed_says_where(text: str | bytes, detail: str, line: int) -> None:
    read = _read_text(text)
    assert _told(read) == [("unreadable_survey", detail)]
    assert read.findings[0]["line"] == line
    assert read.was_read == [False]


# ---- too much for the parser -----------------------------------------------------------------------------------------

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("page", ['{{"count": 3, "next": null, "results": [{}, {}, {}], "x": "]"}}', "[{}, {}, {}]"])
@pytest.mark.parametrize("value", [DEEP, "9" * 5_000])
def test_what_is_too_much_for_the_parser_costs_its_submission_only(page: str, value: str) -> None:
    bad = _text(_row(2, mg01_comment='a "quoted" [{,]} \\')).rstrip("}") + f', "x": {value}}}'
    read = _read_text(page.format(_text(_row(1)), bad, _text(_row(3, mg01_comment='b "c" ]}'))))
    assert _told(read) == [("submission_unreadable", "2")]
    assert _lines(read) == [1, 3]
    assert [say(row) for row in read.rows("survey_answers")] == [4, 4, 'b "c" ]}']


def test_deep_json_of_nobody_knows_what_is_no_page() -> None:
    assert _told(_read_text(DEEP)) == [("submission_unreadable", "1")]
    assert _told(_read_text(f'{{"data": {DEEP}}}')) == [("not_kobo_json", "results")]
    assert [rule for rule, _ in _told(_read_text("[" * 100_000))] == ["unreadable_survey"]


def test_repeat_groups_nested_like_no_form_cost_their_submission_only() -> None:
    inner: dict[str, Any] = {"suggested_indicator": "x"}
    for _ in range(40):
        inner = {"suggestions": [inner]}
    read = _read(_row(1), _row(2, **inner), _row(3, suggestions=[{"suggested_indicator": "y"}]))
    assert ("submission_unreadable", "2") in _told(read)
    assert _lines(read) == [1, 3]
    assert [say(row) for row in read.rows("survey_answers")] == [4, 4, "y"]


# ---- keys twice ------------------------------------------------------------------------------------------------------


def _twice(number: int, key: str, value: str, **more: Any) -> str:
    """A submission with a key that stands in it a second time."""
    return _text(_row(number, **more)).rstrip("}") + f', "{key}": {value}}}'


def test_a_question_answered_twice_in_one_submission_contradicts_itself() -> None:
    read = _read_text(f"[{_text(_row(1))}, {_twice(2, 'mg01_necessity', chr(34) + '2' + chr(34))}]")
    assert _told(read) == [("repeated_key", "2")]
    assert [(row["_line"], say(row)) for row in read.rows("survey_answers")] == [(1, 4), (2, "!answer_contradicts")]


def test_a_key_that_says_the_same_twice_is_nobodys_business() -> None:
    read = _read_text(f"[{_twice(1, 'mg01_necessity', chr(34) + '4' + chr(34))}]")
    assert _told(read) == []
    assert [say(row) for row in read.rows("survey_answers")] == [4]


@pytest.mark.parametrize("key", ["_uuid", "_submission_time", "meta/rootUuid"])
def test_a_submission_that_says_twice_what_it_is_is_not_taken(key: str) -> None:
    bad = _twice(2, key, '"2026-09-01T00:00:00"', **{"meta/rootUuid": "r2"})
    read = _read_text(f"[{_text(_row(1))}, {bad}]")
    assert _told(read) == [("repeated_key", "2")]
    assert _lines(read) == [1]


def test_a_tax_code_given_twice_is_no_key_and_both_are_masked() -> None:
    row = _text({**_row(1), "expert_code": "cg-01", "mg01_comment": "hỏi cg-01 hoặc cg-02"})
    read = _read_text("[" + row.rstrip("}") + ', "expert_code": "cg-02"}]')
    (response,) = read.rows("survey_responses")
    assert (response["respondent_key"], response["problem"]) == (None, "no_respondent_key")
    assert [say(each) for each in read.rows("survey_answers")][-1] == "hỏi [***] hoặc [***]"


@pytest.mark.parametrize("comment", ['he said "x": y', 'a\\": b', '":":":', "plain"])
def test_a_text_that_looks_like_a_key_is_a_text(comment: str) -> None:
    read = _read(
        _row(1, mg01_comment=comment, _validation_status={"uid": "x", "by": {"a": 1}}, _attachments=[{"b": 1}])
    )
    assert _told(read) == [("attachments_ignored", "None")]
    assert [say(row) for row in read.rows("survey_answers")] == [4, comment]


def test_a_page_without_repeated_keys_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsing with an eye on every key takes twice as long."""
    seen: list[object] = []
    monkeypatch.setattr(kobo_pages, "_note_repeated", lambda pairs: seen.append(pairs) or dict(pairs))
    _read(*[_row(number, _validation_status={"uid": "x"}, _attachments=[{"a": 1}]) for number in range(5)])
    _read(*[_row(number, suggestions=[{"suggested_indicator": "x"}, {"why": {"b": 1}}]) for number in range(5)])
    assert seen == []
    _read_text(f"[{_twice(1, 'x', '1')}]")
    assert seen == [], "no key of it stands in it twice"
    _read_text(f"[{_twice(1, '_id', '9')}]")
    assert seen != []


# ---- values that are no answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [{"a": "4"}, [{"a": "4"}], [["4"]], ["4", {"a": "5"}], ["4", None], [[]]])
def test_an_object_for_a_score_is_no_blank_and_no_score(value: object) -> None:
    read = _read(_row(1), _row(2, mg01_necessity=value, mg01_comment=value), _row(3, mg01_necessity=value))
    assert _told(read) == [("nested_answer", "2, 3")]
    answers = {row["_line"]: row for row in read.rows("survey_answers")}
    assert [say(answers[line]) for line in (1, 2, 3)] == [4, "!unknown_label", "!unknown_label"]
    assert answers[2]["raw_text"] == "{…}"
    assert [row["n_answered"] for row in read.rows("survey_responses")] == [1, 1, 1]


def test_an_object_where_a_repeat_group_belongs_is_told() -> None:
    group = {"suggested_indicator": "x"}
    read = _read(_row(1, suggestions=[group]), _row(2, suggestions="x"), _row(3, suggestions=[group, "y"]))
    assert _told(read) == [("nested_answer", "2, 3")]
    assert [say(row) for row in read.rows("survey_answers")] == [4, "x", 4, 4, "x"]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_nan_is_no_answer_and_no_id(value: str) -> None:
    rows = [
        _text(_row(1)),
        _text({**_row(2), "mg01_necessity": 0.5}).replace("0.5", value),
        _text({**_row(3), "mg01_comment": 0.5}).replace("0.5", value),
        _text({**_row(4), "_uuid": 0.5}).replace("0.5", value),
        _text({**_row(5), "_submission_time": 0.5}).replace("0.5", value),
    ]
    read = _read_text(f"[{', '.join(rows)}]")
    assert _told(read) == [("number_not_finite", "2, 3, 4, 5"), ("submission_without_id", "4")]
    assert [(row["_line"], say(row)) for row in read.rows("survey_answers")] == [
        (1, 4), (2, "!unknown_label"), (3, 4), (5, 4),
    ]  # fmt: skip
    assert [row["round_code"] for row in read.rows("survey_responses")] == ["2026-1", "2026-1", "2026-1", None]


def test_a_control_character_in_a_text_is_a_blank() -> None:
    read = _read_text(f"[{_text(_row(1, mg01_comment='a|b'))}]".replace("|", "\0"))
    assert [say(row) for row in read.rows("survey_answers")] == [4, "a b"]


@pytest.mark.parametrize(
    ("escaped", "read"),
    [(r"\ud83d\ude00 \ud83d", "😀 ?"), (r"\ude00\ud83d\ude00", "?😀"), (r"a\\ud83d", r"a\ud83d"), (r"\\\ud83d", "\\?")],
)
def test_half_an_emoji_becomes_a_question_mark(escaped: str, read: str) -> None:
    text = f"[{_text(_row(1, mg01_comment='@'))}]".replace("@", escaped)
    assert [say(row) for row in _read_text(text).rows("survey_answers")] == [4, read]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_page_in_another_encoding_is_read_alike(encoding: str) -> None:
    text = json.dumps([_row(1, mg01_comment="Chưa rõ")], ensure_ascii=False)
    assert [say(row) for row in _read_text(text.encode(encoding)).rows("survey_answers")] == [4, "Chưa rõ"]
