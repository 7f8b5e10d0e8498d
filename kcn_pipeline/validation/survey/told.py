"""What is said of refused and odd responses and answers: findings and the reasons in quarantine.

It must not quote who answered, nor an answer but for the text that nobody understood, whose identities staging masked.
The surprising fact: a text that was not understood is told once for all questions, for one wrong label in a form is
wrong in two hundred and eighty columns.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
from kcn_pipeline.validation.survey.rules import FLAGS
from kcn_pipeline.validation.survey.versions import ANSWERS, LISTINGS, RESPONSES
from kcn_pipeline.validation.texts import rule_text

Row = Mapping[str, Any]

#: Shown in place of a tax code and of its key.
HIDDEN = "***"
_REASONS = ("_rules", "_reason_vi", "_reason_en")
_FIELDS = {
    "unknown_survey": "survey_id", "no_round": "submitted_at", "unknown_respondent_type": "respondent_type",
    "no_respondent_key": "respondent_key", "unknown_enterprise": "respondent_key", "unknown_park": "park_code",
    "not_finished": "is_finished", "test_response": "is_test", "not_approved": "approval",
    "impossible_duration": "duration_s", "outside_round_park": "park_code", "empty_response": "n_answered",
    "unknown_round": "round_code",
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


def tell_entries(judged: JudgedRound) -> Iterator[Finding]:
    """One finding for every paper form whose two typings differ; it names the questions and no answer."""
    rows = judged.responses.take(pa.array(list(judged.differs), pa.int64())).to_pylist()
    for row, questions in zip(rows, judged.differs.values(), strict=True):
        said = {"found": len(questions), "value": _list(questions)}
        yield Finding("double_entry_differs", "row", ANSWERS, place_of(row), questions[0], _list(questions), said)


def say_response(rule: str, row: Row, thresholds: Thresholds) -> dict[str, Any]:
    """What the texts of a response's rule name; never the respondent."""
    match rule:
        case "no_round":
            at = row["submitted_at"]
            return {"value": at.date().isoformat() if at else "—", "detail": row["survey_id"]}
        case "unknown_survey" | "unknown_respondent_type":
            return {"detail": row["survey_id"] or "—"}
        case "unknown_enterprise":
            return {"value": HIDDEN}
        case "unknown_park":
            return {"value": row["park_code"]}
        case "empty_response":
            return {"found": row["n_counted"] or 0, "expected": row["n_shown"]}
        case "not_approved":
            return {"found": row["approval"]}
        case "straight_lining":
            return {"found": format_value(row["n_scored"]), "expected": thresholds.straight_line_min_answers}
        case "impossible_duration":
            return {"found": _minutes(row["duration_s"]), "expected": _plausible(row["n_counted"], thresholds)}
        case "outside_round_park":
            return {"found": row["park_code"], "expected": row["enterprise_park_code"]}
    return {}


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
    """One finding for every text of a source that was not understood: to which questions and how often.

    Answers of refused responses are told with their response.
    """
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for row in _not_understood(refused):
        group = groups.setdefault((row["rule"], row["_source"], row["raw_text"] or ""), [0, row, defaultdict(int)])
        group[0] += 1
        group[2][row["question"]] += 1
    for (rule, _, _), (count, first, questions) in sorted(groups.items()):
        said = say_answer(contracts, survey, rule, first["question"], first["raw_text"])
        said |= {"field": _list(list(questions)), "value": f"{said['value']} ({count} ×)"}
        if rule == "unknown_question":
            said |= {"found": len(questions), "value": said["field"], "detail": survey.survey if survey else "—"}
        place = Place(first["_source"], first["_payload"], first["_file"], first["_sheet"])
        yield Finding(rule, "cell", ANSWERS, place, first["question"], said["value"], said)


def _not_understood(refused: pa.Table) -> list[dict[str, Any]]:
    names = ["rule", "question", "raw_text", "_source", "_payload", "_file", "_sheet"]
    rows = refused.select(names)
    return rows.filter(pc.not_equal(rows.column("rule"), "response_refused")).to_pylist()


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
        "unknown_park": {"value": row["park_code"]},
        "unknown_respondent_type": {"detail": row["survey_id"]},
    }.get(rule, {})


def tell_invitations(refused: Sequence[tuple[str, Row]]) -> Iterator[Finding]:
    """One finding for every invitation that cannot be used, given with the rule it breaks."""
    for rule, row in refused:
        said = say_invitation(rule, row)
        yield Finding(rule, "row", INVITATIONS, place_of(row), _FIELDS.get(rule), said.get("value"), said)
