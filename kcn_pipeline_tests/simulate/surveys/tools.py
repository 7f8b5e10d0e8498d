"""What other tools make of replies: Google Forms and LimeSurvey CSV, the board's workbook of paper forms.

It must not decide what a reply means. The surprising fact: none of them knows a uuid, so only its number, or the time
and the respondent, tell one response from another.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kcn_pipeline_tests.simulate.surveys.questionnaire import Field, Questionnaire
from kcn_pipeline_tests.simulate.surveys.replies import Reply, written_answers
from kcn_pipeline_tests.simulate.workbooks import Sheet, Value, write_xlsx

#: What the tools do not ask, because they note it themselves or paper holds it.
_NOT_ON_SCREEN = frozenset({"signature", "device", "network_address", "location", "tool_user"})
CODE, SHORT, FULL = "code", "short", "full"


def _answers(questionnaire: Questionnaire, reply: Reply, language: str | None) -> dict[str, str]:
    return {one.name: text for one, text in written_answers(questionnaire, reply, language)}


def _csv(rows: Iterable[Sequence[str]], encoding: str, is_quoted: bool = False) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL if is_quoted else csv.QUOTE_MINIMAL, lineterminator="\n").writerows(rows)
    return text.getvalue().encode(encoding)


def asked_on_screen(questionnaire: Questionnaire) -> list[Field]:
    """The questions of a form made by hand in another tool; only forms with trials have a question for that."""
    return [one for one in questionnaire.fields if one.name not in _NOT_ON_SCREEN and one.role != "test"]


# ---- Google Forms ----------------------------------------------------------------------------------------------------


def write_google(questionnaire: Questionnaire, replies: Sequence[Reply], omitted: Iterable[str] = ()) -> bytes:
    """One line per reply: the time in Vietnamese order, then labels under labels, a blank after some headers."""
    left_out = set(omitted)
    fields = [one for one in asked_on_screen(questionnaire) if one.name not in left_out]
    header = ["Dấu thời gian"]
    header += [one.label["vi"] + (" " if number % 7 == 3 else "") for number, one in enumerate(fields)]
    rows = [header]
    for reply in replies:
        answers = _answers(questionnaire, reply, "vi")
        rows.append([google_time(reply), *(answers.get(one.name, "") for one in fields)])
    return _csv(rows, "utf-8")


def google_time(reply: Reply) -> str:
    """The time of a reply as Google Forms writes it for Vietnam."""
    return reply.submitted_at.strftime("%d/%m/%Y %H:%M:%S")


# ---- LimeSurvey ------------------------------------------------------------------------------------------------------

_LIME: Mapping[str, Mapping[str, str]] = {
    CODE: {
        "id": "id",
        "submitdate": "submitdate",
        "lastpage": "lastpage",
        "startlanguage": "startlanguage",
        "startdate": "startdate",
        "datestamp": "datestamp",
        "ipaddr": "ipaddr",
    },
    FULL: {
        "id": "Response ID",
        "submitdate": "Date submitted",
        "lastpage": "Last page",
        "startlanguage": "Start language",
        "startdate": "Date started",
        "datestamp": "Date last action",
        "ipaddr": "IP address",
    },
}
_LIME_META: Mapping[str, Callable[[Reply], str]] = {
    "id": lambda reply: str(reply.serial),
    "submitdate": lambda reply: f"{reply.submitted_at:%Y-%m-%d %H:%M:%S}" if reply.is_finished else "",
    "lastpage": lambda reply: "6" if reply.is_finished else "2",
    "startlanguage": lambda reply: "vi",
    "startdate": lambda reply: f"{reply.started_at:%Y-%m-%d %H:%M:%S}",
    "datestamp": lambda reply: f"{reply.submitted_at:%Y-%m-%d %H:%M:%S}",
    "ipaddr": lambda reply: reply.respondent.person.address,
}


@dataclass(frozen=True)
class LimeSurvey:
    """How an export is made: headings by code, short or full; answers as codes or, with a language, as texts."""

    questionnaire: Questionnaire
    headings: str
    language: str | None = None
    #: What the form calls its questions: `mg01[SQ001]` for a row of a matrix.
    is_matrix: bool = False
    omitted: frozenset[str] = frozenset()

    def write(self, replies: Sequence[Reply]) -> bytes:
        """Every field quoted, commas between."""
        fields = [one for one in asked_on_screen(self.questionnaire) if one.name not in self.omitted]
        names = _LIME[FULL if self.headings == FULL else CODE]
        rows = [[*names.values(), *(self._heading(one) for one in fields)]]
        for reply in replies:
            answers = _answers(self.questionnaire, reply, self.language)
            meta = [_LIME_META[name](reply) for name in names]
            rows.append([*meta, *(answers.get(one.name, "") for one in fields)])
        return _csv(rows, "utf-8-sig", is_quoted=True)

    def _heading(self, one: Field) -> str:
        if self.headings == FULL:
            return one.label["vi"]
        if self.headings == SHORT and one.role in ("rating", "comment") and one.indicator_code:
            word = one.label["vi"].rsplit(" – ", 1)[1]
            return f"[{one.indicator_code}] {word}"
        if self.headings == CODE and self.is_matrix and one.criterion:
            part = {"necessity": "SQ001", "clarity": "SQ002", "availability": "SQ003", "cost": "SQ004"}[one.criterion]
            return f"{(one.indicator_code or '').lower()}[{part}]"
        return one.name if self.headings == CODE else one.label["vi"]


# ---- paper -----------------------------------------------------------------------------------------------------------

NUMBER, ENTRY, DATE = "Số phiếu", "Lần nhập", "Ngày điền phiếu"


def write_paper(questionnaire: Questionnaire, replies: Sequence[Reply]) -> bytes:
    """The board's workbook: a title, then a row for each form and time it was typed; scores as numbers."""
    fields = [one for one in questionnaire.fields if one.name not in ("device", "network_address", "location")]
    fields = [one for one in fields if one.name != "tool_user" and one.role != "test"]
    rows: list[list[Value]] = [["PHIẾU LẤY Ý KIẾN BẰNG GIẤY — DỮ LIỆU NHẬP"], []]
    rows.append([NUMBER, ENTRY, DATE, *(one.label["vi"] for one in fields)])
    for reply in replies:
        answers = _answers(questionnaire, reply, None)
        shown = _answers(questionnaire, reply, "vi")
        cells = [_cell(one, answers.get(one.name), shown.get(one.name)) for one in fields]
        rows.append([f"P{reply.serial:04d}", reply.entry, reply.submitted_at.date(), *cells])
    return write_xlsx([Sheet("Phiếu giấy", rows)])


def _cell(one: Field, code: str | None, label: str | None) -> Value:
    """A score as a number, a tax code as Excel keeps it when it is typed: without its leading zero."""
    if code is None:
        return None
    if (one.is_counted or one.name == "tax_code") and code.isdigit():
        return int(code)
    return label


# ---- who was invited -------------------------------------------------------------------------------------------------


def write_invitations(rows: Iterable[Sequence[str]]) -> bytes:
    """Survey, round, type, code and park of everybody invited."""
    header = ("Khảo sát", "Đợt", "Đối tượng", "Mã số thuế hoặc mã phiếu mời", "KCN")
    return _csv([header, *rows], "utf-8-sig")
