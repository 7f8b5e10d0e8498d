"""What is said of refused and odd responses and answers: findings and the reasons in quarantine.

It must not quote who answered, nor an answer but for the text that nobody understood, whose identities staging masked.
The surprising fact: a text that was not understood is told once for all questions, for one wrong label in a form is
wrong in two hundred and eighty columns.
"""

from collections import Counter, defaultdict
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
from kcn_pipeline.validation.survey.invitations import OddLists
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
    "no_usable_answer": "n_answered",
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
#: What staging finds of a whole file, or of its last line.
_TOLD_OF_FILES = frozenset(["ambiguous_survey", "row_cut", "unknown_survey"])
#: So many names of questions are listed.
_LISTED = 8


# ---- responses -------------------------------------------------------------------------------------------------------


def tell_responses(judged: JudgedRound, night: str) -> Iterator[Finding]:
    """One finding for every response of the night that does not count, and for every flag of one that does.

    None where staging has told the same of the file that they are in.
    """
    rows = judged.responses.append_column("rule", pa.array(judged.rules, pa.string()))
    is_told = pc.or_(rows.column("rule").is_valid(), rows.column("flags").is_valid())
    # A second entry may have come long before the night that took its first away.
    is_tonight = pc.or_(
        pc.equal(rows.column("_night"), night),
        pc.and_(
            pc.fill_null(pc.equal(rows.column("first_left_night"), night), False),
            pc.fill_null(pc.equal(rows.column("rule"), "second_entry_alone"), False),
        ),
    )
    for row in rows.filter(pc.and_(is_tonight, is_told)).to_pylist():
        rule = row["rule"]
        if rule in _TOLD_OF_FILES and row["problem"] == rule:
            continue
        for told in [rule] if rule else [flag for flag in FLAGS if flag in (row["flags"] or "").split(",")]:
            said = say_response(told, row, judged.thresholds)
            yield Finding(told, "row", RESPONSES, place_of(row), _FIELDS.get(told), said.get("value"), said)


def tell_refused_before(judged: JudgedRound, round_code: str, night: str) -> Iterator[Finding]:
    """One finding for every sheet of earlier nights with responses that the lists of the round, changed now, refuse.

    It tells the first lines, so that mistyped codes can be found in the original. What its file left out since is no
    longer missed.
    """
    rows = judged.responses.append_column("rule", pa.array(judged.rules, pa.string()))
    is_refused = pc.and_(pc.equal(rows.column("rule"), "not_invited"), pc.less(rows.column("_night"), night))
    by_sheet: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows.filter(pc.and_(is_refused, rows.column("left_night").is_null())).select(_PLACE).to_pylist():
        by_sheet[row["_source"], row["_payload"], row["_file"], row["_sheet"] or ""].append(row)
    for _, some in sorted(by_sheet.items()):
        lines = sorted(row["_line"] for row in some if row["_line"] is not None)
        place = replace(place_of(some[0]), cell=None, line=min(lines, default=None))
        said = {"found": len(some), "value": round_code, "detail": _list([str(line) for line in lines]) or None}
        yield Finding("refused_by_list", "payload", RESPONSES, place, "respondent_key", round_code, said)


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
    """One finding for every file of the night that lacks responses of the round which a version before it held, and for
    every one that is itself older than a version which lacks some of its own.

    `files` are those of the night by key. What did not count anyway is not missed.
    """
    rows = judged.responses.append_column("rule", pa.array(judged.rules, pa.string()))
    is_counted = rows.column("rule").is_null()
    current = rows.filter(pc.and_(is_counted, pc.equal(rows.column("standing"), "current")))
    counting = {tuple(row.values()) for row in current.select(_WHO).to_pylist()}
    left = rows.filter(pc.and_(is_counted, rows.column("left_night").is_valid()))
    by_file: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in left.select(["file_key", "round_code", "left_night", "_night", *_WHO]).to_pylist():
        if row["left_night"] == night:
            by_file[row["file_key"], "response_left_out", night].append(row)
        elif row["_night"] == night:
            by_file[row["file_key"], "file_older_than_known", row["left_night"]].append(row)
    for (file_key, rule, since), some in sorted(by_file.items()):
        lost = {tuple(row[name] for name in _WHO) for row in some}
        said: dict[str, Any] = {"found": len(some), "value": some[0]["round_code"], "expected": len(lost - counting)}
        said["detail"] = f"{len(lost & counting)}" if since == night else since
        yield Finding(rule, "payload", RESPONSES, files[file_key], None, said["value"], said)


def tell_parkless(judged: JudgedRound, survey: Survey | None, night: str) -> Iterator[Finding]:
    """One finding for every file of the night with responses that count for a measure of parks and state no park."""
    kinds = _asked(survey, "measure") & _asked(survey, "park") if survey else set()
    rows = judged.responses.append_column("rule", pa.array(judged.rules, pa.string()))
    stays = pc.and_(pc.equal(rows.column("standing"), "current"), pc.equal(rows.column("_night"), night))
    stated = pc.coalesce(rows.column("enterprise_park_code"), rows.column("park_code"))
    asked = pc.is_in(rows.column("respondent_type"), value_set=pa.array(sorted(kinds), pa.string()))
    counts = pc.and_(pc.and_(stays, rows.column("rule").is_null()), pc.and_(asked, stated.is_null()))
    by_file: dict[Place, list[int]] = defaultdict(list)
    for row in rows.filter(pc.fill_null(counts, False)).select(_PLACE).to_pylist():
        by_file[replace(place_of(row), cell=None, line=None)].append(row["_line"] or 0)
    for place, lines in by_file.items():
        said = {"found": len(lines), "detail": _list([str(line) for line in sorted(lines)])}
        yield Finding("park_not_stated", "payload", RESPONSES, replace(place, line=min(lines)), "park_code", None, said)


def _asked(survey: Survey, role: str) -> set[str]:
    """The kinds of respondents who are asked questions of a role."""
    questions = (one for one in survey.questions if one.role == role and one.is_asked)
    return {kind for one in questions for kind in one.respondent_types}


def say_response(rule: str, row: Row, thresholds: Thresholds) -> dict[str, Any]:
    """What the texts of a response's rule name; never the respondent."""
    match rule:
        case "no_round":
            at = row["submitted_at"]
            return {"value": at.date().isoformat() if at else "—", "detail": row["survey_id"]}
        case "unknown_survey" | "unknown_respondent_type":
            return {"detail": row["survey_id"] or "—"}
        case "empty_response":
            return {"found": row["n_given"] or 0, "expected": row["n_shown"]}
        case "no_usable_answer":
            return {"found": format_value(row["n_given"])}
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
    asked = survey.question(question) if survey and rule == "not_asked_of_type" else None
    if asked:
        said["detail"] = ", ".join(asked.respondent_types)
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
        "list_enterprise_unknown": {"found": 1},
        # Beside a park that nobody can read stands the register's, if any; neither is what was written.
        "unknown_park": {"value": HIDDEN},
        "unknown_respondent_type": {"detail": row["survey_id"]},
    }.get(rule, {})


def tell_invitations(refused: Sequence[tuple[str, Row]]) -> Iterator[Finding]:
    """One finding for every invitation that cannot be used, given with the rule it breaks.

    One for each list of all tax codes that the register lacks: a row of them has a key and so no line.
    """
    unknown: Counter[tuple[str, str, str]] = Counter()
    for rule, row in refused:
        if rule == "list_enterprise_unknown":
            unknown[row["_source"], row["_payload"], row["_file"]] += 1
            continue
        said = say_invitation(rule, row)
        yield Finding(rule, "row", INVITATIONS, place_of(row), _FIELDS.get(rule), said.get("value"), said)
    for place, count in sorted(unknown.items()):
        yield _of_list("list_enterprise_unknown", Place(*place), "respondent_key", found=count)


def tell_odd_lists(odd: OddLists) -> Iterator[Finding]:
    """One finding for every list of the night and oddity; none has a line, for lists are in the register's order."""
    for row in odd.repeated.to_pylist():
        yield _of_list("invited_twice", _place_of_list(row), "respondent_key", found=row["n"])
    shrunk: dict[tuple[Place, str, str], dict[str, int]] = defaultdict(dict)
    for row in odd.shrunk.to_pylist():
        shrunk[_place_of_list(row), row["survey_id"], row["round_code"]][row["respondent_type"]] = row["n"]
    for (place, _, round_code), counts in shrunk.items():
        shown = ", ".join(f"{kind}: {count}" for kind, count in counts.items())
        yield _of_list("list_shrunk", place, None, found=sum(counts.values()), value=round_code, detail=shown)
    for row in odd.differing.to_pylist():
        files = _list(row["files"])
        yield _of_list("list_parks_differ", _place_of_list(row), "park_code", found=row["n"], detail=files)
    for row in odd.not_register.to_pylist():
        yield _of_list("list_park_not_registers", _place_of_list(row), "park_code", found=row["n"])


def _place_of_list(row: Row) -> Place:
    """A list as a whole."""
    return Place(row["_source"], row["_payload"], row["_file"])


def _of_list(rule: str, place: Place, field: str | None, **said: Any) -> Finding:
    return Finding(rule, "payload", INVITATIONS, place, field, said.get("value"), said)
