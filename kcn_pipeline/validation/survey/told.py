"""What is said of refused and odd responses and answers: findings and the reasons in quarantine.

It must not quote who answered, nor an answer but for the text that nobody understood, whose identities staging masked.
The surprising fact: a text that was not understood is told once for all questions, for one wrong label in a form is
wrong in two hundred and eighty columns.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.ratings import Thresholds
from kcn_pipeline.contracts.surveys import Survey
from kcn_pipeline.findings import Finding, Place, render
from kcn_pipeline.validation.suites import format_value
from kcn_pipeline.validation.survey.answers import scale_of
from kcn_pipeline.validation.survey.invitations import TABLE as INVITATIONS
from kcn_pipeline.validation.survey.judged import JudgedRound
from kcn_pipeline.validation.survey.misread import group_answers
from kcn_pipeline.validation.survey.rules import FLAGS
from kcn_pipeline.validation.survey.versions import ANSWERS, LISTINGS, RESPONSES
from kcn_pipeline.validation.texts import rule_text

Row = Mapping[str, Any]

#: Shown in place of a tax code and of its key.
HIDDEN = "***"
_REASONS = ("_rules", "_reason_vi", "_reason_en")
_FIELDS = {
    "ambiguous_survey": "survey_id", "no_submission_date": "submitted_at",
    "unknown_survey": "survey_id", "no_round": "submitted_at", "unknown_respondent_type": "respondent_type",
    "no_respondent_key": "respondent_key", "unknown_enterprise": "respondent_key", "unknown_park": "park_code",
    "not_finished": "is_finished", "test_response": "is_test", "not_approved": "approval",
    "impossible_duration": "duration_s", "outside_round_park": "park_code", "empty_response": "n_answered",
    "unknown_round": "round_code", "unreadable_park": "park_code", "not_invited": "respondent_key",
    "list_key_unreadable": "respondent_key", "second_entry_alone": "entry",
}  # fmt: skip
_PLACE = ("_source", "_payload", "_file", "_sheet", "_cell", "_line")
#: Columns of a judged round that tell a respondent.
_WHO = ("respondent_type", "who")
#: By channel the column that says when a response was submitted.
_TIMES = {
    "kobo_api": "_submission_time", "kobo_export": "_submission_time", "odk": "__system/submissionDate",
    "google_forms": "Dấu thời gian (Timestamp)", "limesurvey": "submitdate", "paper": "Ngày nhận phiếu",
}  # fmt: skip
#: So many names of questions are listed.
_LISTED = 8


# ---- responses -------------------------------------------------------------------------------------------------------


def tell_responses(judged: JudgedRound, night: str) -> Iterator[Finding]:
    """One finding for every response of the night that does not count, and for every flag of one that does."""
    rows = judged.responses.append_column("rule", pa.array(judged.rules, pa.string()))
    is_told = pc.or_(rows.column("rule").is_valid(), rows.column("flags").is_valid())
    for row in rows.filter(pc.and_(pc.equal(rows.column("_night"), night), is_told)).to_pylist():
        rule = row["rule"]
        for told in [rule] if rule else [flag for flag in FLAGS if flag in (row["flags"] or "").split(",")]:
            said = say_response(told, row, judged.thresholds)
            yield Finding(told, "row", RESPONSES, place_of(row), _FIELDS.get(told), said.get("value"), said)


def tell_refused_before(judged: JudgedRound, round_code: str, night: str) -> Iterator[Finding]:
    """One finding on a round whose list came or changed in the night, if it refuses responses of earlier nights."""
    nights = judged.responses.column("_night").to_pylist()
    count = sum(rule == "not_invited" and brought < night for rule, brought in zip(judged.rules, nights, strict=True))
    if count:
        said = {"found": count, "value": round_code}
        yield Finding("refused_by_list", "batch", RESPONSES, Place(), "respondent_key", round_code, said)


def tell_entries(judged: JudgedRound) -> Iterator[Finding]:
    """One finding for every paper form whose two typings differ; it names the questions and no answer."""
    rows = judged.responses.take(pa.array(list(judged.differs), pa.int64())).to_pylist()
    for row, questions in zip(rows, judged.differs.values(), strict=True):
        said = {"found": len(questions), "value": _list(questions)}
        yield Finding("double_entry_differs", "row", ANSWERS, place_of(row), questions[0], _list(questions), said)


def tell_ties(judged: JudgedRound) -> Iterator[Finding]:
    """One finding for every respondent with several answers of one moment that differ; it tells where they stand."""
    if not judged.tied:
        return
    rows = judged.responses.select(["submitted_at", *_PLACE]).to_pylist()
    for number, others in judged.tied.items():
        row, at = rows[number], rows[number]["submitted_at"]
        places = sorted((rows[other]["_file"], rows[other]["_line"] or 0) for other in others)
        shown = _list([f"{file} {line}" for file, line in places])
        said = {"found": len(others) + 1, "value": f"{at}", "detail": shown}
        yield Finding("answers_same_moment", "row", RESPONSES, place_of(row), "submitted_at", f"{at}", said)


def tell_left_out(judged: JudgedRound, files: Mapping[str, Place], night: str) -> Iterator[Finding]:
    """One finding for every file that the night brought anew without responses of the round that it held before.

    `files` are those of the night by key. What did not count anyway is not missed.
    """
    rows = judged.responses.append_column("rule", pa.array(judged.rules, pa.string()))
    is_left = pc.and_(pc.equal(rows.column("left_night"), night), rows.column("rule").is_null())
    left = rows.filter(is_left).select(["file_key", "round_code", *_WHO]).to_pylist()
    if not left:
        return
    stays = rows.filter(pc.and_(pc.equal(rows.column("_night"), night), rows.column("left_night").is_null()))
    staying = {tuple(row.values()) for row in stays.select(["file_key", *_WHO]).to_pylist()}
    by_file: dict[str, list[Row]] = defaultdict(list)
    for row in left:
        by_file[row["file_key"]].append(row)
    for file_key, some in sorted(by_file.items()):
        answered_again = sum((file_key, *(row[name] for name in _WHO)) in staying for row in some)
        said = {"found": len(some), "value": some[0]["round_code"], "detail": f"{answered_again}"}
        yield Finding("response_left_out", "payload", RESPONSES, files[file_key], None, said["value"], said)


def say_response(rule: str, row: Row, thresholds: Thresholds) -> dict[str, Any]:
    """What the texts of a response's rule name; never the respondent."""
    match rule:
        case "no_round":
            at = row["submitted_at"]
            return {"value": at.date().isoformat() if at else "—", "detail": row["survey_id"]}
        case "unknown_survey" | "unknown_respondent_type":
            return {"detail": row["survey_id"] or "—"}
        case "empty_response":
            return {"found": row["n_counted"] or 0, "expected": row["n_shown"]}
        case "not_approved":
            return {"found": row["approval"]}
        case "straight_lining":
            return {"found": format_value(row["n_scored"]), "expected": thresholds.straight_line_min_answers}
        case "impossible_duration":
            return {"found": _minutes(row["duration_s"]), "expected": _plausible(row["n_counted"], thresholds)}
    return _say_who(rule, row)


def _say_who(rule: str, row: Row) -> dict[str, Any]:
    return {
        "no_submission_date": {"detail": _TIMES.get(row["channel"], "—")},
        # The finding on its file names the surveys.
        "ambiguous_survey": {"detail": "…"},
        "unknown_enterprise": {"value": HIDDEN},
        "unknown_park": {"value": row["park_code"] or HIDDEN},
        "unreadable_park": {"expected": row["enterprise_park_code"]},
        "not_invited": {"value": row["respondent_type"], "detail": row["round_code"]},
    }.get(rule, {})


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:,.1f} min"


def _plausible(answered: float, thresholds: Thresholds) -> str:
    least = thresholds.min_seconds_per_question * answered
    return f"{_minutes(least)} – {thresholds.max_duration_days:g} d"


def place_of(row: Row) -> Place:
    """Where a staged row stands."""
    return Place(row["_source"], row["_payload"], row["_file"], row.get("_sheet"), row.get("_cell"), row.get("_line"))


def with_reasons(contracts: Contracts, rows: pa.Table, said: Sequence[tuple[str, Row]]) -> pa.Table:
    """Rows with `_rules`, `_reason_vi`, `_reason_en`; `said` names of each the rule and what its text quotes."""
    places = rows.select(["_file", "_sheet", "_cell", "_line"]).to_pylist()
    texts = [
        {"_rules": rule, **_reason(contracts, rule, {**_plain(place), **words})}
        for place, (rule, words) in zip(places, said, strict=True)
    ]
    for name in _REASONS:
        rows = rows.append_column(name, pa.array([text[name] for text in texts], pa.string()))
    return rows


def _plain(place: Row) -> dict[str, Any]:
    return {name.removeprefix("_"): value for name, value in place.items()}


def _reason(contracts: Contracts, rule: str, said: Row) -> dict[str, str]:
    text = render(rule_text(contracts, rule), **said)
    return {"_reason_vi": text["reason_vi"], "_reason_en": text["reason_en"]}


# ---- answers ---------------------------------------------------------------------------------------------------------


def tell_answers(contracts: Contracts, survey: Survey | None, refused: pa.Table) -> Iterator[Finding]:
    """One finding for all answers of a file that break a rule alike: to which questions, how often, some of the texts.

    Answers of refused responses are told with their response.
    """
    for group in group_answers(refused):
        said = say_answer(contracts, survey, group.rule, group.questions[0], group.first_text)
        said |= {"field": _list(group.questions), "value": group.said}
        if group.rule == "unknown_question":
            said |= {"found": len(group.questions), "value": said["field"], "detail": survey.survey if survey else "—"}
        place = replace(group.place, line=min(group.lines, default=None))
        yield Finding(group.rule, "cell", ANSWERS, place, group.questions[0], said["value"], said)


def say_answer(
    contracts: Contracts, survey: Survey | None, rule: str, question: str, raw_text: str | None
) -> dict[str, Any]:
    """What the texts of an answer's rule name: the question, the masked text that was not understood, its scale."""
    scale = scale_of(contracts, survey, question) if survey else None
    said = {"field": question, "value": raw_text or "—", "detail": raw_text or "—"}
    return said | ({"expected": f"{scale.min}–{scale.max}"} if scale else {})


def with_answer_reasons(contracts: Contracts, survey: Survey | None, refused: pa.Table) -> pa.Table:
    """Refused answers as quarantine keeps them; reasons are worded once for every text and question."""
    known: dict[tuple[str, str, str | None], dict[str, str]] = {}
    columns: dict[str, list[str]] = {name: [] for name in _REASONS}
    asked = (refused.column(name).cast(pa.string()).to_pylist() for name in ("rule", "question", "raw_text"))
    for key in zip(*asked, strict=True):
        key = ("response_refused", "", None) if key[0] == "response_refused" else key
        if key not in known:
            rule, question, raw_text = key
            said = say_answer(contracts, survey, rule, question, raw_text)
            known[key] = {"_rules": rule, **_reason(contracts, rule, said)}
        for name, values in columns.items():
            values.append(known[key][name])
    rows = refused.drop_columns(["rule"])
    for name, values in columns.items():
        rows = rows.append_column(name, pa.array(values, pa.string()).dictionary_encode())
    return rows


def _list(names: Sequence[str]) -> str:
    more = f" … ({len(names)})" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


# ---- listings and invitations ----------------------------------------------------------------------------------------


def tell_missing(missing: pa.Table) -> Iterator[Finding]:
    """One finding for every form of which the server listed submissions that never came."""
    for row in missing.to_pylist():
        said = {"found": row["n"], "value": row["form_uid"]}
        place = Place(row["_source"], row["_payload"], row["_file"])
        yield Finding("listed_not_landed", "batch", LISTINGS, place, "form_uid", row["form_uid"], said)


def say_invitation(rule: str, row: Row) -> dict[str, Any]:
    """What the texts of an invitation's rule name; never the respondent."""
    return {
        "unknown_round": {"value": row["round_code"], "detail": row["survey_id"]},
        "unknown_enterprise": {"value": HIDDEN},
        # Beside a park that nobody can read stands the register's, if any; neither is what was written.
        "unknown_park": {"value": HIDDEN},
        "unknown_respondent_type": {"detail": row["survey_id"]},
    }.get(rule, {})


def tell_repeated(repeated: pa.Table) -> Iterator[Finding]:
    """One finding for every list of the night that names a respondent on two sheets or by two tax codes."""
    for row in repeated.to_pylist():
        place = Place(row["_source"], row["_payload"], row["_file"])
        yield Finding("invited_twice", "payload", INVITATIONS, place, "respondent_key", None, {"found": row["n"]})


def tell_invitations(refused: Sequence[tuple[str, Row]]) -> Iterator[Finding]:
    """One finding for every invitation that cannot be used, given with the rule it breaks."""
    for rule, row in refused:
        said = say_invitation(rule, row)
        yield Finding(rule, "row", INVITATIONS, place_of(row), _FIELDS.get(rule), said.get("value"), said)
