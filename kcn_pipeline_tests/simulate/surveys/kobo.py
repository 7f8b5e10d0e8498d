"""What KoboToolbox makes of replies: submissions of its API, pages of them, and its CSV and XLSX exports.

It must not decide what a reply means. The surprising fact: an export writes nothing where a question was not in that
version of the form, and nothing either where somebody skipped it.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kcn_pipeline_tests.simulate.surveys.questionnaire import Field, Questionnaire
from kcn_pipeline_tests.simulate.surveys.replies import LOCAL, Reply, written_answers
from kcn_pipeline_tests.simulate.workbooks import Sheet, Value, write_xlsx

APPROVAL = {
    "approved": ("validation_status_approved", "Approved"),
    "not_approved": ("validation_status_not_approved", "Not Approved"),
    "on_hold": ("validation_status_on_hold", "On Hold"),
}
#: The shapes of select_multiple in an export.
JOINED, SEPARATE, BOTH = "joined", "separate", "both"
#: Column of the export → what a reply has for it.
_META: Mapping[str, Callable[[Reply, bool], str]] = {
    "_id": lambda reply, _: str(reply_number(reply)),
    "_uuid": lambda reply, _: reply.uuid,
    "_submission_time": lambda reply, _: (reply.submitted_at - LOCAL).strftime("%Y-%m-%dT%H:%M:%S"),
    "_validation_status": lambda reply, is_labelled: APPROVAL[reply.approval][is_labelled] if reply.approval else "",
    "_notes": lambda reply, _: "",
    "_status": lambda reply, _: "submitted_via_web",
    "_submitted_by": lambda reply, _: reply.respondent.person.device.rsplit(":", 1)[-1],
    "__version__": lambda reply, _: reply.version,
    "_tags": lambda reply, _: "",
    "meta/rootUuid": lambda reply, _: reply.root_uuid,
}


def reply_number(reply: Reply) -> int:
    """The `_id` of a reply on the server."""
    return 410_000 + reply.serial


# ---- the API ---------------------------------------------------------------------------------------------------------


def to_submission(questionnaire: Questionnaire, uid: str, reply: Reply, rename: "Rename") -> dict[str, Any]:
    """One row of `data.json`; answers are codes under `group/question`."""
    person = reply.respondent.person
    answers = {
        rename(one, reply.version, True): text for one, text in written_answers(questionnaire, reply, language=None)
    }
    row: dict[str, Any] = {
        "_id": reply_number(reply),
        "formhub/uuid": "5eed5eed5eed5eed",
        "start": f"{reply.started_at.isoformat(timespec='milliseconds')}+07:00",
        "end": f"{reply.ended_at.isoformat(timespec='milliseconds')}+07:00",
        "deviceid": person.device,
        "username": person.device.rsplit(":", 1)[-1],
        **answers,
        "__version__": reply.version,
        "meta/instanceID": f"uuid:{reply.uuid}",
        "meta/rootUuid": reply.root_uuid,
        "_xform_id_string": uid,
        "_uuid": reply.uuid,
        "_attachments": [
            {
                "filename": f"ban_qly/attachments/{reply.uuid}/chu_ky_{number}.png",
                "question_xpath": "signature",
                "mimetype": "image/png",
            }
            for number in range(reply.attachments)
        ],
        "_status": "submitted_via_web",
        "_geolocation": [float(part) for part in person.place.split()[:2]],
        "_submission_time": (reply.submitted_at - LOCAL).strftime("%Y-%m-%dT%H:%M:%S"),
        "_tags": [],
        "_notes": [],
        "_validation_status": _status(reply.approval),
        "_submitted_by": person.device.rsplit(":", 1)[-1],
    }
    if reply.deprecated_uuid:
        row["meta/deprecatedID"] = f"uuid:{reply.deprecated_uuid}"
    return row


def _status(approval: str | None) -> dict[str, Any]:
    if approval is None:
        return {}
    uid, label = APPROVAL[approval]
    return {"timestamp": 1_790_000_000, "uid": uid, "by_whom": "ban_qly", "color": "#4ac4b2", "label": label}


def write_page(rows: Sequence[Mapping[str, Any]], count: int, more: str | None = None) -> bytes:
    """One answer of the API as it is saved."""
    page = {"count": count, "next": more, "previous": None, "results": list(rows)}
    return json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode()


# ---- what a version of the form calls its questions ------------------------------------------------------------------


@dataclass(frozen=True)
class Rename:
    """What each version of a form calls a question: other names by version and question."""

    by_version: Mapping[str, Mapping[str, str]]

    def __call__(self, one: Field, version: str, with_group: bool = False) -> str:
        name = self.by_version.get(version, {}).get(one.name, one.name)
        return f"{one.group}/{name}" if with_group and one.group else name


# ---- exports ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Export:
    """How an export is made: `language` None for names and codes, else labels of that language."""

    questionnaire: Questionnaire
    rename: Rename
    language: str | None = None
    delimiter: str = ";"
    shape: str = JOINED
    with_groups: bool = False

    def write_csv(self, replies: Sequence[Reply]) -> bytes:
        """Every field quoted, in UTF-8 with a byte order mark."""
        return self.dump(*self.tabulate(replies))

    def dump(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
        """The bytes of a table."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        return text.getvalue().encode("utf-8-sig")

    def write_xlsx(self, replies: Sequence[Reply], repeats: Sequence[Sheet] = ()) -> bytes:
        """A workbook; `repeats` are the sheets of its repeat groups."""
        header, rows = self.tabulate(replies)
        name = self.questionnaire.title["vi"][:31]
        cells: list[list[Value]] = [[*header, "_index"]]
        cells += [[*(cell or None for cell in row), number] for number, row in enumerate(rows, 1)]
        return write_xlsx([Sheet(name, cells), *repeats])

    def tabulate(self, replies: Sequence[Reply]) -> tuple[list[str], list[list[str]]]:
        """The header and a row for each reply."""
        columns = self._columns(replies)
        header = ["start", "end", *(name for name, _ in columns), *_META]
        return header, [self._row(reply, columns) for reply in replies]

    def _columns(self, replies: Sequence[Reply]) -> list[tuple[str, Callable[[Mapping[str, str], Reply], str]]]:
        """A column for each question and each name it had in these replies' versions, and one for each option."""
        found: list[tuple[str, Callable[[Mapping[str, str], Reply], str]]] = []
        versions = sorted({reply.version for reply in replies}, reverse=True)
        for one in self.questionnaire.fields:
            for name in dict.fromkeys(self._name(one, version) for version in versions):
                if one.kind == "select_multiple" and self.shape != JOINED:
                    found += self._option_columns(one, name)
                if one.kind != "select_multiple" or self.shape != SEPARATE:
                    found.append((name, _answer_under(one, name, self._name)))
        return found

    def _name(self, one: Field, version: str) -> str:
        return one.label[self.language] if self.language else self.rename(one, version, self.with_groups)

    def _option_columns(self, one: Field, name: str) -> list[tuple[str, Callable[[Mapping[str, str], Reply], str]]]:
        """A column of 0 and 1 for each option; blank where the question was not answered."""

        def column(code: str) -> Callable[[Mapping[str, str], Reply], str]:
            def read(answers: Mapping[str, str], reply: Reply) -> str:
                chosen = reply.others.get(one.name)
                return "" if chosen is None else str(int(code in chosen.split()))

            return read

        return [
            (f"{name}/{label[self.language] if self.language else code}", column(code))
            for code, label in one.options.items()
        ]

    def _row(self, reply: Reply, columns: Iterable[tuple[str, Callable[[Mapping[str, str], Reply], str]]]) -> list[str]:
        answers = {one.name: text for one, text in written_answers(self.questionnaire, reply, self.language)}
        times = [f"{at.isoformat(timespec='milliseconds')}+07:00" for at in (reply.started_at, reply.ended_at)]
        meta = [read(reply, self.language is not None) for read in _META.values()]
        return [*times, *(read(answers, reply) for _, read in columns), *meta]


def _answer_under(
    one: Field, name: str, name_in: Callable[[Field, str], str]
) -> Callable[[Mapping[str, str], Reply], str]:
    """The answer to a question, in the column of the name that the reply's version of the form gave it."""
    return lambda answers, reply: answers.get(one.name, "") if name_in(one, reply.version) == name else ""
