"""Small staged tables for the tests of validation: rows with only what a test is about, the rest filled in.

It must not judge or expect anything. The surprising fact: rows are staged through the same contract schema that staging
writes, so a test breaks when a contract's column changes its type.
"""

from datetime import date, datetime
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.validation import validate_topic
from kcn_pipeline.validation.outcomes import TableResult, TopicResult

NIGHT = "2026-05-10"
NEXT = "2026-05-11"

#: What a row of a table is when a test does not say: valid in every respect.
DEFAULTS: dict[str, dict[str, Any]] = {
    "register_parks": {
        "park_code": "QUE_VO", "name_vi": "Quế Võ", "former_province_code": "BN_OLD", "is_pilot": True,
        "is_eco_park": False, "status": "operating", "as_of": date(2026, 3, 31),
    },
    "register_enterprises": {
        "enterprise_id": "E0001", "tax_code": "2300000001", "name_vi": "Công ty thử nghiệm", "park_code": "QUE_VO",
        "role": "tenant", "ownership": "FDI", "is_operating": True, "as_of": date(2026, 3, 31),
    },
    "register_incidents": {
        "incident_id": "I1", "park_code": "QUE_VO", "kind": "flooding", "occurred_on": date(2026, 1, 5),
        "as_of": date(2026, 3, 31),
    },
    "register_land": {
        "park_code": "QUE_VO", "land_total_ha": 600.0, "land_industrial_planned_ha": 400.0, "as_of": date(2026, 3, 31),
    },
    "enterprise_reports": {
        "report_id": "r1:A", "form_id": "a_iii_1_2023", "form_code": "A.III.1", "reporter": "enterprise",
        "tax_code": "2300000001", "freq": "Q", "period_code": "2026-Q1", "period_start": date(2026, 1, 1),
        "submitted_on": datetime(2026, 4, 8, 9, 30),
    },
    "enterprise_report_values": {
        "report_id": "r1:A", "form_id": "a_iii_1_2023", "form_code": "A.III.1", "tax_code": "2300000001", "freq": "Q",
        "period_code": "2026-Q1", "submitted_on": datetime(2026, 4, 8, 9, 30), "field_code": "II", "column_code": "A",
        "record": "", "value": 100.0, "raw_text": "100", "unit": "USD", "min_value": 0.0, "is_required": True,
    },
    "published_figures": {
        "figure_id": "F001", "what_vi": "Số dự án", "what_en": "Projects", "value": 12.0, "value_raw": "12",
        "unit": "NUM", "unit_mult": 0, "area_code": "BN_OLD", "document": "a document",
    },
}  # fmt: skip


def staged_rows(contracts: Contracts, table: str, *rows: dict[str, Any], source: str = "files") -> pa.Table:
    """A staged table: the rows over their defaults, each with a line of its own in one file of one payload."""
    full = [
        {"_night": NIGHT, "_source": source, "_payload": "sha", "_file": "tệp.xlsx", "_sheet": "Trang 1", "_line": line,
         **DEFAULTS.get(table, {}), **row}
        for line, row in enumerate(rows, start=2)
    ]  # fmt: skip
    return pa.Table.from_pylist(full, schema=schema_of(contracts.tables[table]))


def stage(lake: Lake, contracts: Contracts, table: str, *rows: dict[str, Any], night: str = NIGHT) -> None:
    """Make the night's staged rows of a table exactly these."""
    lake.replace("staging", table, night, {WHOLE: staged_rows(contracts, table, *rows)})


def run(lake: Lake, contracts: Contracts, topic: str, night: str = NIGHT) -> TopicResult:
    """Validate one topic of one night."""
    return validate_topic(lake, contracts, topic, night)


def rows_of(lake: Lake, stage_name: str, table: str, night: str = NIGHT) -> list[dict[str, Any]]:
    """The rows of a night's slices; none when there is no slice."""
    found = lake.read(stage_name, table, night)
    return found.to_pylist() if found is not None else []


def findings_of(lake: Lake, topic: str, night: str = NIGHT) -> list[dict[str, Any]]:
    """The findings that validation wrote for a topic."""
    return rows_of(lake, "validation", f"{topic}_findings", night)


def check(result: TableResult, name: str) -> Any:
    """One of the six checks of a table."""
    return next(outcome for outcome in result.checks if outcome.name == name)
