"""Staged nights of surveys made by hand: responses with answers, listings and invitations, in the columns of contracts.

It must not judge or expect anything. The surprising fact: a response stands in a payload of its own unless a test says
otherwise, for what matters is which night, payload and line a row came with.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.secrecy import respondent_key
from kcn_pipeline.validation.outcomes import TableResult
from kcn_pipeline.validation.results import write_findings
from kcn_pipeline.validation.survey import validate_survey

SECRET = b"the key of these tests, no other"
FIRST, SECOND, THIRD = "2026-03-11", "2026-03-12", "2026-03-13"
#: Orders in which these nights may be run.
ORDERS = ((FIRST, SECOND, THIRD), (THIRD, SECOND, FIRST), (SECOND, THIRD, FIRST))
SURVEY, ROUND = "indicator_set", "2026-1"
PART = f"round={SURVEY}.{ROUND}"
RESPONSES, ANSWERS = "survey_responses", "survey_answers"
LISTINGS, INVITATIONS = "survey_listings", "survey_invitations"
#: In the register of these tests: E0001 in QUE_VO, E0002 in VSIP_BN, E0003 in QUE_VO.
CODES = {"E0001": "2300000001", "E0002": "2300000002", "E0003": "0100000003"}
#: The tax code that `give_new_code` gives E0001.
NEW_CODE = "2300000009"
MORNING = datetime(2026, 3, 10, 8)
#: Enough answers for straight-lining, and not all alike.
SCORES = {f"{code}_{name}": 3.0 + number for code in ("mg01", "mg02", "mg03", "mg04", "mg05", "mg06")
          for number, name in enumerate(("necessity", "clarity", "availability"))}  # fmt: skip

Row = dict[str, Any]


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


def key_of(enterprise: str, kind: str = "enterprise") -> str:
    """The key of an enterprise of the register, or of any other text as it stands."""
    return respondent_key(SECRET, kind, CODES.get(enterprise, enterprise))


def response(name: str, version: int = 1, **more: Any) -> Row:
    """A response as staging writes it, valid in every respect: `answers` are scores, or what else a row says."""
    who = more.pop("who", "E0001")
    kind = more.get("respondent_type", "enterprise")
    row = {
        "response_id": digest(name), "version_key": digest(f"{name}#{version}"), "survey_id": SURVEY,
        "round_code": ROUND, "form_version": "v1", "channel": "kobo_api", "respondent_type": "enterprise",
        "respondent_key": key_of(who, kind) if who else None, "park_code": None, "submitted_at": MORNING,
        "started_at": MORNING - timedelta(minutes=20), "ended_at": MORNING, "duration_s": 1200.0, "approval": None,
        "is_finished": True, "is_test": False, "entry": None, "n_shown": len(SCORES), "n_answered": len(SCORES),
        "n_attachments": 0, "problem": None, "answers": dict(SCORES),
        "_source": "kobo", "_payload": sha256(f"{name}{version}".encode()).hexdigest(), "_file": f"{name}.json",
        "_line": 1,
    }  # fmt: skip
    return row | more


def expert(name: str, version: int = 1, **more: Any) -> Row:
    return response(name, version, **{"respondent_type": "expert", "who": "cg-07", **more})


def stage(
    lake: Lake, contracts: Contracts, night: str, *responses: Row, listed: list[Row] | None = None,
    invited: list[Row] | None = None,
) -> None:  # fmt: skip
    """Make the night's staged survey tables exactly these; `listed` is what the server of form f1 holds."""
    rows: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for one in responses:
        part = f"round={one['survey_id'] or 'none'}" + (f".{one['round_code'] or 'none'}" if one["survey_id"] else "")
        one = {**one, "_night": night}
        rows[RESPONSES][part].append(one)
        rows[ANSWERS][part] += [_answer(contracts, one, *item) for item in one["answers"].items()]
    for one in invited or []:
        rows[INVITATIONS][f"round={one['survey_id']}.{one['round_code']}"].append({**one, "_night": night})
    for one in listed or []:
        rows[LISTINGS][WHOLE].append(_listed(one, night))
    for name in (RESPONSES, ANSWERS, LISTINGS, INVITATIONS):
        schema = schema_of(contracts.tables[name])
        parts = {part: pa.Table.from_pylist(some, schema=schema) for part, some in rows[name].items()}
        lake.replace("staging", name, night, parts)


def _answer(contracts: Contracts, one: Row, question: str, said: Any) -> Row:
    found = contracts.surveys[one["survey_id"]].question(question) if one["survey_id"] in contracts.surveys else None
    of_question = {name: getattr(found, name, None) for name in ("indicator_code", "criterion", "measure")}
    named = ("response_id", "version_key", "survey_id", "round_code")
    names = (*named, "_night", "_source", "_payload", "_file", "_sheet", "_line")
    more = said if isinstance(said, Mapping) else {"score": said}
    return {"question": question, **of_question, **{name: one.get(name) for name in names}, **more}


def _listed(one: Row, night: str) -> Row:
    names = ("response_id", "version_key", "approval", "_source")
    own = {"form_uid": "f1", "_night": night, "_payload": f"listing {night}", "_file": "listing-1.json", "_line": 1}
    return {**own, **{name: one[name] for name in names}}


def invitation(who: str, line: int = 2, **more: Any) -> Row:
    kind = more.get("respondent_type", "enterprise")
    row = {
        "survey_id": SURVEY, "round_code": ROUND, "respondent_type": "enterprise",
        "respondent_key": key_of(who, kind), "park_code": None, "problem": None, "_source": "lists",
        "_payload": "a list", "_file": "moi.xlsx", "_line": line, "list_key": "1" * 32,
    }  # fmt: skip
    return row | more


def register(lake: Lake, contracts: Contracts, night: str = "2026-03-01", more: dict[str, str] | None = None) -> None:
    """Accept a register of the enterprises of CODES (and `more`: id → tax code, all in QUE_VO)."""
    parks = {"E0002": "VSIP_BN"}
    rows = [
        {
            "enterprise_id": name,
            "tax_code": code,
            "park_code": parks.get(name, "QUE_VO"),
            "valid_from": date(2020, 1, 1),
        }
        for name, code in (CODES | (more or {})).items()
    ]
    schema = schema_of(contracts.tables["register_enterprises"])
    lake.replace("validation", "register_enterprises", night, {WHOLE: pa.Table.from_pylist(rows, schema=schema)})


def give_new_code(lake: Lake, contracts: Contracts, *more: dict[str, object]) -> None:
    """Give E0001 another tax code since 2026; `more` rows stand in the register as well."""
    register(lake, contracts)
    rows = lake.read("validation", "register_enterprises").to_pylist()
    now = rows[0] | {"tax_code": NEW_CODE, "valid_from": date(2026, 1, 1)}
    # The newer version first: its place among the rows must not matter.
    rows = [now, rows[0] | {"valid_to": date(2025, 12, 31)}, *rows[1:], *(rows[0] | one for one in more)]
    table = pa.Table.from_pylist(rows, schema=schema_of(contracts.tables["register_enterprises"]))
    lake.replace("validation", "register_enterprises", "2026-03-01", {WHOLE: table})


def run(lake: Lake, contracts: Contracts, night: str) -> dict[str, TableResult]:
    """Validate one night, findings and all."""
    results, findings = validate_survey(lake, contracts, night, SECRET)
    write_findings(lake, "survey", night, findings)
    return results


def state(lake: Lake, table: str = RESPONSES, part: str = PART) -> list[Row]:
    """What the lake says of a round: the newest slice of its part."""
    newest = lake.slices("validation", table, parts=[part])[-1:]
    return [row for path in newest for row in pq.read_table(path, partitioning=None).to_pylist()]


def standings(lake: Lake, *names: str, part: str = PART) -> dict[str, str]:
    """Submission → its standing, or the rule by which it does not count."""
    found = {row["response_id"]: row["standing"] for row in state(lake, part=part)}
    found |= {row["response_id"]: row["rule"] for row in state(lake, "survey_refused", part=part)}
    told = {digest(name): name for name in names}
    return {told.get(one, one): said for one, said in found.items()}


def quarantine(lake: Lake, night: str, table: str = RESPONSES) -> list[Row]:
    found = lake.read("quarantine", table, night)
    return [] if found is None else found.to_pylist()


def findings(lake: Lake, night: str) -> Counter[str]:
    found = lake.read("validation", "survey_findings", night)
    return Counter() if found is None else Counter(found.column("rule").to_pylist())


def everything(lake: Lake) -> dict[str, list[Row]]:
    """The newest word on every round, to compare lakes by."""
    tables = (RESPONSES, ANSWERS, INVITATIONS, "survey_refused")
    return {f"{table}/{part}": state(lake, table, part) for table in tables for part in lake.parts("validation", table)}
