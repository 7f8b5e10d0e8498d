"""The night's survey payloads → `staging/survey_responses`, `_answers`, `_listings`, `_invitations` and findings.

It must not know how a tool writes. The surprising fact: nothing that a payload quotes gets into a message of ours, not
even when our own code fails on it, because the answer that it fails on may be a name.
"""

import traceback
from collections.abc import Iterable
from pathlib import PurePosixPath

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.findings import Place, tabulate_findings
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.staging.enterprise_reports import StagedPayload, StageResult, place_of
from kcn_pipeline.staging.surveys.collect import Collector
from kcn_pipeline.staging.surveys.kobo_json import read_kobo_json
from kcn_pipeline.staging.surveys.recognise import Recogniser
from kcn_pipeline.staging.surveys.repeated import note_repeated
from kcn_pipeline.staging.surveys.spreadsheets import read_spreadsheet
from kcn_pipeline.staging.surveys.tables import tabulate

TOPIC = "survey"


def stage_survey(
    lake: Lake, contracts: Contracts, night: str, payloads: Iterable[StagedPayload], secret: bytes
) -> StageResult:
    """Read the night's payloads and replace its staging slices; never raises for what a payload holds.

    Responses, answers and invitations lie in parts `round=indicator_set.2026-1`, listings are whole. `secret` keys the
    hashes that stand for respondents.
    """
    collector, recogniser = Collector(contracts, secret), Recogniser(contracts)
    count = refused = 0
    was_read: dict[Place, bool] = {}
    for payload in payloads:
        place = place_of(payload)
        collector.open_payload(place)
        # A night that is run again may land a file as it was before; its rows are there already.
        if place not in was_read:
            was_read[place] = _read(collector, recogniser, payload)
        count += 1
        refused += not was_read[place]
    tables = tabulate(collector, night)
    rows = {}
    for name, parts in tables.items():
        lake.replace("staging", name, night, parts)
        rows[name] = sum(part.num_rows for part in parts.values())
    found = tabulate_findings(contracts, collector.findings)
    lake.replace("staging", f"{TOPIC}_findings", night, {WHOLE: found})
    return StageResult(count, refused, rows, found.num_rows)


def _read(collector: Collector, recogniser: Recogniser, payload: StagedPayload) -> bool:
    """Give what a payload holds to the collector; whether it could be read. A fault of our own is a finding."""
    place, start = place_of(payload), len(collector.responses)
    read = read_kobo_json if _is_json(payload) else read_spreadsheet
    try:
        was_read = read(collector, recogniser, place, payload.content, payload.metadata)
        note_repeated(collector, place, start)
        return was_read
    except Exception as error:
        note_fault(collector, place, error)
        return False


def _is_json(payload: StagedPayload) -> bool:
    suffix = PurePosixPath(payload.name.lower()).suffix
    return suffix == ".json" or payload.metadata.get("kind") == "survey/kobo"


def note_fault(collector: Collector, place: Place, error: Exception) -> None:
    """Note an exception of our own code by its kind and place; its message may quote an answer."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    detail = f"{type(error).__name__} ({PurePosixPath(last.filename).name}, {last.name}, line {last.lineno})"
    collector.note("internal_error", "payload", place, detail=detail)
