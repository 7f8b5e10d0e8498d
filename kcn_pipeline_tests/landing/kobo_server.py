"""A KoboToolbox server on this machine: forms whose submissions are handed in, edited, approved and deleted.

It must not share code with the package. The surprising fact: it gives at most 1,000 submissions a page whatever `limit`
says, as the real one does, and can be told to ignore `fields`, `query` or `sort` or to change between two pages.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit
from uuid import UUID

from kcn_pipeline_tests.landing.portal_server import Answer, serve

JSON = "application/json"
Row = dict[str, Any]


class KoboServer:
    """The state of the server, and what was asked of it."""

    def __init__(self) -> None:
        self.url = ""
        self.token = "5c0be1f2a3d4958677f1e2d3c4b5a69788"
        #: Form uid → `_id` → row.
        self.forms: dict[str, dict[int, Row]] = {}
        self.versions: dict[str, str] = {}
        self.page_limit = 1000
        #: Which of `fields`, `query` and `sort` it does not heed.
        self.ignores: set[str] = set()
        #: What it does not send of a submission when `fields` is given, though it was asked for.
        self.withholds: set[str] = set()
        #: Part of an address → answers in turn, the last one stays; None is the proper one.
        self.script: dict[str, list[Answer | None]] = {}
        #: Called before each answer with how many requests there have been.
        self.before: Callable[[int], None] = lambda number: None
        self.asked: list[str] = []
        self._count = 0

    # ---- what people do --------------------------------------------------------------------------------------------

    def submit(self, uid: str, **answers: str) -> Row:
        """Hand in a submission; answers are by question, `group__question` for one in a group."""
        form = self.forms.setdefault(uid, {})
        self._count += 1
        number, uuid = 40_000 + self._count, self._new_uuid()
        form[number] = {
            "_id": number,
            "formhub/uuid": "9a1c",
            "start": "2026-11-20T09:00:00.000+07:00",
            "end": "2026-11-20T09:20:00.000+07:00",
            **{question.replace("__", "/"): answer for question, answer in answers.items()},
            "__version__": self.versions.setdefault(uid, "vAaa1"),
            "meta/instanceID": f"uuid:{uuid}",
            "meta/rootUuid": uuid,
            "_xform_id_string": uid,
            "_uuid": uuid,
            "_attachments": [],
            "_status": "submitted_via_web",
            "_geolocation": [None, None],
            "_submission_time": "2026-11-20T02:20:10",
            "_tags": [],
            "_notes": [],
            "_validation_status": {},
            "_submitted_by": None,
        }
        return form[number]

    def edit(self, uid: str, number: int, **answers: str) -> Row:
        """Change answers of a submission: it gets a new `_uuid` and keeps `_id` and root."""
        row = self.forms[uid][number]
        row["meta/deprecatedID"] = f"uuid:{row['_uuid']}"
        row["_uuid"] = self._new_uuid()
        row["meta/instanceID"] = f"uuid:{row['_uuid']}"
        row["__version__"] = self.versions[uid]
        row.update({question.replace("__", "/"): answer for question, answer in answers.items()})
        return row

    def delete(self, uid: str, number: int) -> None:
        del self.forms[uid][number]

    def approve(self, uid: str, number: int, status: str = "validation_status_approved") -> None:
        label = status.removeprefix("validation_status_").capitalize()
        self.forms[uid][number]["_validation_status"] = {"uid": status, "label": label, "by_whom": "kiem_tra"}

    def attach(self, uid: str, number: int, name: str) -> None:
        address = f"{self.url}/api/v2/assets/{uid}/data/{number}/attachments/{name}/"
        self.forms[uid][number]["_attachments"].append({"download_url": address, "filename": name})

    def redeploy(self, uid: str, version: str) -> None:
        """From now on submissions are of another version of the form."""
        self.versions[uid] = version

    def _new_uuid(self) -> str:
        self._count += 1
        return str(UUID(int=0x5EED << 96 | self._count))

    # ---- what it answers -------------------------------------------------------------------------------------------

    def answer(self, target: str, headers: dict[str, str]) -> Answer:
        self.asked.append(unquote(target))
        self.before(len(self.asked))
        scripted = self._scripted(unquote(target))
        if scripted is not None:
            return scripted
        if headers.get("Authorization") != f"Token {self.token}":
            return Answer(401, b'{"detail": "Invalid token."}', JSON)
        parts = urlsplit(target)
        uid = parts.path.removeprefix("/api/v2/assets/").removesuffix("/data.json")
        if uid not in self.forms:
            return Answer(404, b'{"detail": "Not found."}', JSON)
        return self._page(uid, target, {name: values[0] for name, values in parse_qs(parts.query).items()})

    def _scripted(self, target: str) -> Answer | None:
        for part, answers in self.script.items():
            if part in target:
                return answers.pop(0) if len(answers) > 1 else answers[0]
        return None

    def _page(self, uid: str, target: str, query: dict[str, str]) -> Answer:
        for name in self.ignores:
            query.pop(name, None)
        rows = [row for row in self.forms[uid].values() if _matches(row, json.loads(query.get("query", "{}")))]
        is_ascending = json.loads(query.get("sort", '{"_id": -1}'))["_id"] == 1
        rows.sort(key=lambda row: row["_id"], reverse=not is_ascending)
        limit, start = min(self.page_limit, int(query.get("limit", 100))), int(query.get("start", 0))
        chosen = rows[start : start + limit]
        if "fields" in query:
            fields = set(json.loads(query["fields"])) - self.withholds
            chosen = [{name: value for name, value in row.items() if name in fields} for row in chosen]
        asked = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        more = f"{self.url}{urlsplit(target).path}?{urlencode(asked | {'start': start + limit})}"
        page = {"count": len(rows), "next": more if start + limit < len(rows) else None, "previous": None}
        return Answer(body=json.dumps(page | {"results": chosen}, ensure_ascii=False).encode(), content_type=JSON)


def _matches(row: Row, query: dict[str, Any]) -> bool:
    condition = query.get("_id", {})
    return row["_id"] in condition.get("$in", [row["_id"]]) and row["_id"] <= condition.get("$lte", row["_id"])


@contextmanager
def serve_kobo() -> Iterator[KoboServer]:
    """A KoboToolbox server on a free port of this machine for as long as the `with` statement lasts."""
    kobo = KoboServer()
    with serve() as server:
        kobo.url = server.url
        server.answer = kobo.answer  # type: ignore[method-assign]
        yield kobo
