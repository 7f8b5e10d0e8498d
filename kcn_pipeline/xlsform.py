"""A survey as the workbook (XLSForm) that KoboToolbox and ODK take: what is asked, made of what is understood.

It must not hold a question; each comes from `Survey.questions`, so a form sent out and the answers that come back are
one definition. The surprising fact: the form asks no device for its id, its user or its place, though a server would
gladly keep them.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.base import Bilingual
from kcn_pipeline.contracts.indicators import Dimension
from kcn_pipeline.contracts.surveys import Question, Survey

Row = Mapping[str, str]

_LANGUAGES = {"vi": "Tiếng Việt (vi)", "en": "English (en)"}
_SURVEY_COLUMNS = (
    "type", "name", *(f"{part}::{language}" for part in ("label", "hint") for language in _LANGUAGES.values()),
    "required", "relevant", "appearance", "constraint",
    *(f"constraint_message::{language}" for language in _LANGUAGES.values()),
)  # fmt: skip
_CHOICE_COLUMNS = ("list_name", "name", *(f"label::{language}" for language in _LANGUAGES.values()))
_SETTINGS_COLUMNS = ("form_title", "form_id", "version", "default_language", "style")
_TYPES = {
    "integer": "integer", "decimal": "decimal", "text": "text", "note": "note", "date": "date", "datetime": "dateTime",
}  # fmt: skip
#: 10 digits, a branch has 3 more; validation finds the code in the register.
_TAX_CODE = "regex(., '^[0-9]{10}(-?[0-9]{3})?$')"
_TAX_CODE_SAYS = Bilingual(
    vi="Mã số thuế có 10 chữ số, chi nhánh thêm 3 chữ số.", en="A tax code has 10 digits, a branch has 3 more."
)
_OPENING = Bilingual(vi="Thông tin người trả lời", en="About the respondent")
_CLOSING = Bilingual(vi="Ý kiến chung", en="General comments")


def write_xlsform(contracts: Contracts, survey_id: str, path: Path) -> None:
    """Write the form of a survey as .xlsx with the sheets survey, choices and settings, in Vietnamese and English.

    Question names are those of the contract, in groups: the respondent, one group per dimension of the catalog, and
    what is asked of the whole. Raises ValueError for a survey that there is not, OSError.
    """
    survey = contracts.surveys.get(survey_id)
    if survey is None:
        raise ValueError(f"there is no survey {survey_id!r}; there are {', '.join(sorted(contracts.surveys))}")
    asked = [question for question in survey.questions if question.is_asked]
    book = Workbook()
    _fill(_sheet(book, "survey"), _SURVEY_COLUMNS, _survey_rows(contracts, survey, asked))
    _fill(_sheet(book, "choices"), _CHOICE_COLUMNS, _choice_rows(asked))
    _fill(_sheet(book, "settings"), _SETTINGS_COLUMNS, [_settings(contracts, survey)])
    book.remove(book.worksheets[0])
    temporary = path.with_name(f".{path.name}.tmp")
    book.save(temporary)
    os.replace(temporary, path)


def _sheet(book: Workbook, title: str) -> Worksheet:
    sheet: Worksheet = book.create_sheet(title)
    return sheet


def _fill(sheet: Worksheet, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    sheet.append(columns)
    for row in rows:
        sheet.append([row.get(column) for column in columns])
    sheet.freeze_panes = "A2"


# ---- survey ----------------------------------------------------------------------------------------------------------


def _survey_rows(contracts: Contracts, survey: Survey, asked: list[Question]) -> Iterator[Row]:
    # The times of beginning and end tell how long it took; they say nothing of who answered.
    yield {"type": "start", "name": "start"}
    yield {"type": "end", "name": "end"}
    opening = [question for question in asked if question.indicator_code is None and question.role != "comment"]
    closing = [question for question in asked if question.indicator_code is None and question.role == "comment"]
    yield from _group("opening", _OPENING, _questions(survey, opening))
    labels = {code.code: code.label for code in contracts.code_lists["dimension"].codes}
    for dimension, questions in _by_dimension(contracts, asked).items():
        yield from _group(dimension, labels[dimension], _questions(survey, questions))
    yield from _group("closing", _CLOSING, _questions(survey, closing))


def _by_dimension(contracts: Contracts, asked: list[Question]) -> dict[Dimension, list[Question]]:
    found: dict[Dimension, list[Question]] = {}
    for question in asked:
        if question.indicator_code:
            found.setdefault(contracts.indicators[question.indicator_code].dimension, []).append(question)
    return found


def _group(name: str, label: Bilingual, rows: Iterable[Row], kind: str = "group") -> Iterator[Row]:
    inside = list(rows)
    if inside:
        yield {"type": f"begin_{kind}", "name": name, **_said("label", label)}
        yield from inside
        yield {"type": f"end_{kind}", "name": name}


def _questions(survey: Survey, questions: list[Question]) -> Iterator[Row]:
    """The rows of questions; neighbours of one repeat group stand in it."""
    for repeat, together in groupby(questions, lambda question: question.repeat):
        inside = list(together)
        rows = [_question(survey, question) for question in inside]
        if repeat:
            yield from _group(repeat, inside[0].label, rows, kind="repeat")
        else:
            yield from rows


def _question(survey: Survey, question: Question) -> Row:
    row = {"type": _type(question), "name": question.name, **_said("label", question.label)}
    if question.hint:
        row |= _said("hint", question.hint)
    if question.required:
        row["required"] = "yes"
    if relevant := _relevant(survey, question):
        row["relevant"] = relevant
    if question.is_scored:
        row["appearance"] = "likert"
    if "enterprise" in question.key_of:
        row |= {"constraint": _TAX_CODE, **_said("constraint_message", _TAX_CODE_SAYS)}
    return row


def _type(question: Question) -> str:
    return f"{question.kind} {_list_of(question)}" if question.choices else _TYPES[question.kind]


def _relevant(survey: Survey, question: Question) -> str | None:
    """The condition under which a question of some respondents only is shown; None: it is shown to all."""
    kind = next((each.name for each in survey.questions if each.role == "respondent_type"), None)
    if kind is None or set(survey.respondent_types) <= set(question.respondent_types):
        return None
    return " or ".join(f"${{{kind}}} = '{each}'" for each in question.respondent_types)


def _said(part: str, text: Bilingual) -> dict[str, str]:
    return {f"{part}::{language}": getattr(text, code) for code, language in _LANGUAGES.items()}


# ---- choices, settings -----------------------------------------------------------------------------------------------


def _list_of(question: Question) -> str:
    return question.scale or question.name


def _choice_rows(asked: list[Question]) -> Iterator[Row]:
    lists = {_list_of(question): question.choices for question in asked if question.choices}
    for name, choices in lists.items():
        for choice in choices:
            yield {"list_name": name, "name": choice.code, **_said("label", choice.label)}


def _settings(contracts: Contracts, survey: Survey) -> Row:
    """The version names the catalog and the questions, so that an answer tells which form it was given on."""
    return {
        "form_title": survey.title.vi,
        "form_id": survey.survey,
        "version": f"{contracts.catalog_version}-{survey.fingerprint[:8]}",
        "default_language": _LANGUAGES["vi"],
        "style": "pages",
    }
