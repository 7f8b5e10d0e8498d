"""The night's report payloads → `staging/enterprise_reports`, `staging/enterprise_report_values` and their findings.

It must not know where payloads come from. The surprising fact: a bug met in one payload becomes a finding on that
payload, because one strange file must not cost the other 2,999 firms their night.
"""

import json
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.findings import Finding, Place, tabulate_findings
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.staging.forms import FormReader, tabulate_reports
from kcn_pipeline.staging.forms.assemble import VALUES
from kcn_pipeline.staging.forms.reader import TABLE, Draft

TOPIC = "enterprise_reports"


class StagedPayload(Protocol):
    """What staging needs of a payload."""

    @property
    def source(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def modified_at(self) -> str | None: ...
    @property
    def metadata(self) -> Mapping[str, Any]: ...
    @property
    def content(self) -> bytes: ...


@dataclass(frozen=True)
class StageResult:
    """What one night's staging of a topic did: payloads read and refused, rows by table, findings."""

    payloads: int
    rejected: int
    rows: Mapping[str, int]
    findings: int


def stage_reports(lake: Lake, contracts: Contracts, night: str, payloads: Iterable[StagedPayload]) -> StageResult:
    """Read the payloads and replace the night's staging slices; never raises for what a payload holds."""
    reader = FormReader(contracts)
    drafts: list[Draft] = []
    findings: list[Finding] = []
    count = refused = 0
    for payload in payloads:
        count += 1
        place = place_of(payload)
        try:
            own, found = reader.read_payload(place, payload.content, payload.metadata, payload.modified_at)
        except Exception as error:
            own, found = [], [internal_error(TABLE, place, error)]
        refused += not own
        drafts += own
        findings += found
    reports, values, more = tabulate_reports(contracts, reader.units, reader.parks, drafts, night)
    tables = {TABLE: reports, VALUES: values}
    return write_stage(lake, contracts, TOPIC, night, tables, [*findings, *more], count, refused)


def write_stage(
    lake: Lake, contracts: Contracts, topic: str, night: str, tables: Mapping[str, pa.Table],
    findings: Iterable[Finding], payloads: int, rejected: int,
) -> StageResult:  # fmt: skip
    """Replace the night's slices of a topic's tables and findings."""
    for name, rows in tables.items():
        lake.replace("staging", name, night, {WHOLE: rows})
    found = tabulate_findings(contracts, findings)
    lake.replace("staging", f"{topic}_findings", night, {WHOLE: found})
    return StageResult(payloads, rejected, {name: rows.num_rows for name, rows in tables.items()}, found.num_rows)


def place_of(payload: StagedPayload) -> Place:
    """The place that findings on a payload name."""
    return Place(payload.source, payload.sha256, payload.name)


def internal_error(table: str, place: Place, error: Exception) -> Finding:
    """An unexpected exception as a finding that says where in the code it came from."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    detail = f"{type(error).__name__}: {error} ({last.name}, line {last.lineno})"
    return Finding("internal_error", "payload", table, place, said={"detail": json.dumps(detail, ensure_ascii=False)})
