"""What a night publishes of surveys is what its rounds in the lake say; who answered what never leaves the lake."""

import json
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import select

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.indicators.surveys import tables
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.settings import Settings
from kcn_pipeline.summary import write_summary
from kcn_pipeline.warehouse import schema
from kcn_pipeline.warehouse.database import open_engine
from kcn_pipeline.warehouse.publish import NightBatch, publish_night
from kcn_pipeline.warehouse.surveys import ROUND_TABLES
from kcn_pipeline_tests.warehouse.batches import (
    answered,
    area,
    assessment,
    dimensions,
    indicator,
    rating,
    remark,
    statistic,
    value,
)
from kcn_pipeline_tests.warehouse.lakes import NOTHING, audit_of, collect, land, write, write_findings

NIGHT, NEXT = "2026-05-10", "2026-05-11"
FEED = {"source": "kobo", "topic": "survey"}
ROUND = ("indicator_set", "2026-1")
PART = "round=indicator_set.2026-1"
#: The key of a respondent, as staged tables hold it.
RESPONDENT = "5eca7e0f" * 4


def collect_surveys(lake: Lake, manifest: pa.Table = NOTHING, night: str = NIGHT) -> NightBatch:
    catalog = [indicator(code, "2026.1") for code in ("MG01", "SO01")]
    known = {**dimensions(), "dim_indicator": catalog}
    return collect(lake, night, FEED, manifest, dimensions=known, scope=[("MG01", "2026-Q1")])


def refused(number: int, rule: str, **cells: Any) -> dict[str, Any]:
    """A quarantined answer as validation leaves it."""
    own = {
        "response_id": f"{number:032x}",
        "respondent_key": RESPONDENT,
        "question": "mg01_necessity",
        "score": 1.0,
        "choice": "1",
        "comment": "chúng tôi không bao giờ báo cáo",
        "raw_text": "Rât cao",
    }
    ours = {
        "_payload": "sha of f/data-1.json",
        "_file": "f/data-1.json",
        "_sheet": None,
        "_cell": None,
        "_line": number,
        "_rules": rule,
        "_reason_vi": f"vì {rule}",
        "_reason_en": f"because of {rule}",
    }
    return own | ours | cells


# ---- facts -----------------------------------------------------------------------------------------------------------


def write_round(lake: Lake, night: str = NIGHT) -> None:
    rows = {
        "survey_ratings": [rating("MG01"), rating("MG01", "QUE_VO", None)],
        "survey_statistics": [statistic()],
        "survey_assessments": [assessment("MG01")],
        "survey_comments": [remark(1)],
        "survey_rates": [answered(), answered("QUE_VO")],
    }
    for table, held in rows.items():
        # The lake may hold more than is published.
        write(lake, night, "indicators", table, {PART: [row | {"fingerprint": "f"} for row in held]})


def test_facts_are_those_of_the_rounds_of_the_night(lake: Lake, warehouse_url: str) -> None:
    write_round(lake)
    batch = collect_surveys(lake)
    assert [(name, held.rounds) for name, held in batch.surveys.rounds.items()] == [
        (name, [ROUND]) for name in ROUND_TABLES
    ]
    published = publish_night(warehouse_url, collect_surveys(lake))
    assert [published.changes[name].written for name in ROUND_TABLES] == [2, 1, 1, 1, 2]
    with open_engine(warehouse_url).connect() as connection:
        rounds = connection.execute(select(schema.dim_survey)).mappings().all()
    assert {(row["survey_id"], row["round_code"]) for row in rounds} == {
        (survey.survey, one.round) for survey in load_contracts().surveys.values() for one in survey.rounds
    }
    first = next(row for row in rounds if (row["survey_id"], row["round_code"]) == ROUND)
    assert (first["kind"], first["opens_on"], first["period_code"]) == ("rating", date(2026, 3, 2), "2026-S1")


def test_whatever_the_stage_before_keeps_of_a_round_is_published() -> None:
    schemas = {
        "fct_indicator_rating": tables.RATINGS_SCHEMA,
        "fct_survey_statistic": tables.STATISTICS_SCHEMA,
        "fct_indicator_assessment": tables.ASSESSMENTS_SCHEMA,
        "fct_indicator_comment": tables.COMMENTS_SCHEMA,
        "fct_survey_response": tables.RATES_SCHEMA,
    }
    for name, table in ROUND_TABLES.items():
        assert {column.name for column in table.columns} == {*schemas[name].names}, name


def test_a_night_without_surveys_brings_no_round(lake: Lake, sqlite_url: str) -> None:
    write_round(lake)
    batch = collect_surveys(lake, night=NEXT)
    assert all(not held.rounds for held in batch.surveys.rounds.values())
    assert publish_night(sqlite_url, batch).changes["fct_indicator_rating"].rows == 0


def test_values_of_too_few_respondents_are_withheld(lake: Lake) -> None:
    few: dict[str, Any] = {"source": "survey_response", "n_reporting": 2}
    rows = [value("MG01", "QUE_VO", 50.0, **few), value("SO01", "QUE_VO", 7.0, n_reporting=1)]
    write(lake, NIGHT, "indicators", "indicator_values", {"period=2026-Q1": rows})
    found = {row["indicator_code"]: (row["value"], row.get("conf_status")) for row in collect_surveys(lake).values}  # type: ignore[union-attr]
    assert found == {"MG01": (None, "C"), "SO01": (7.0, None)}


def test_a_park_is_protected_by_those_of_its_province_in_the_period(lake: Lake) -> None:
    """VSIP_BN belongs to another province until the period ends."""
    few: dict[str, Any] = {"source": "survey_response"}
    rows = [
        value("MG01", "QUE_VO", 50.0, n_reporting=1, **few),
        value("MG01", "VSIP_BN", 60.0, n_reporting=9, **few),
        value("MG01", "BN", 55.0, n_reporting=10, **few),
    ]
    write(lake, NIGHT, "indicators", "indicator_values", {"period=2026-Q1": rows})
    here = [row for row in dimensions()["dim_area"] if row["area_code"] != "VSIP_BN"]

    def hidden(since: date) -> set[str]:
        there = [area("VSIP_BN", "park", "KCN", "BG"), area("VSIP_BN", "park", "KCN", "BN") | {"valid_from": since}]
        batch = collect_in(lake, [*here, *there])
        return {row["area_code"] for row in batch.values if row["value"] is None}  # type: ignore[union-attr]

    assert hidden(date(2026, 4, 1)) == {"QUE_VO"}, "nine of no park hide it among themselves"
    assert hidden(date(2026, 3, 31)) == {"QUE_VO", "VSIP_BN"}


def test_parks_protect_others_in_the_order_of_the_respondents_of_the_round(lake: Lake) -> None:
    """MG08 asks enterprises: of VSIP_BN fewer answered the round, though more of them this question."""
    few: dict[str, Any] = {"source": "survey_response", "period_code": "2025", "level": "park"}
    counts = {"QUE_VO": 1, "VSIP_BN": 6, "YEN_PHONG": 5}
    rows = [value("MG08", park, 50.0, n_reporting=n, **few) for park, n in counts.items()]
    rows.append(value("MG08", "BN", 50.0, n_reporting=12, **few | {"level": "province"}))
    write(lake, NIGHT, "indicators", "indicator_values", {"period=2025": rows})
    parks = [area(park, "park", "KCN", "BN") for park in counts]
    others = [row for row in dimensions()["dim_area"] if row["area_code"] not in counts]

    def hidden(**respondents: int | None) -> set[str]:
        held = {"survey_id": "satisfaction", "round_code": "2025"}
        rates = [answered(park, n_current=n, **held) for park, n in respondents.items()]
        workers = {park: 20 - (n or 0) for park, n in respondents.items()}
        rates += [answered(park, n_current=n, respondent_type="worker", **held) for park, n in workers.items()]
        write(lake, NIGHT, "indicators", "survey_rates", {"round=satisfaction.2025": rates})
        batch = collect_in(lake, [*others, *parks])
        return {row["area_code"] for row in batch.values if row["value"] is None}  # type: ignore[union-attr]

    assert hidden(QUE_VO=None, VSIP_BN=7, YEN_PHONG=9) == {"QUE_VO", "VSIP_BN"}
    assert hidden(QUE_VO=None, VSIP_BN=9, YEN_PHONG=None) == {"QUE_VO", "YEN_PHONG"}, "as response rates withhold them"
    assert hidden(QUE_VO=1, VSIP_BN=9, YEN_PHONG=7) == {"QUE_VO", "YEN_PHONG"}


def collect_in(lake: Lake, areas: list[dict[str, Any]]) -> NightBatch:
    return collect(lake, NIGHT, FEED, dimensions={**dimensions(), "dim_area": areas})


# ---- what was refused ------------------------------------------------------------------------------------------------


def test_a_refused_row_is_told_without_who_and_what(lake: Lake) -> None:
    cells = {"survey_id": "indicator_set", "round_code": "2026-1"}
    write(lake, NIGHT, "quarantine", "survey_answers", {PART: [refused(7, "unknown_label", **cells)]})
    times = {
        "respondent_type": "manager", "channel": "paper", "park_code": "QUE_VO", "duration_s": 61.0, "n_answered": 7,
        "submitted_at": datetime(2026, 4, 2, 9, 41), "started_at": datetime(2026, 4, 2, 9, 40), "flags": "x",
    }  # fmt: skip
    write(lake, NIGHT, "quarantine", "survey_responses", {PART: [refused(8, "test_response", **cells, **times)]})
    [response, row] = sorted(collect_surveys(lake).audit["audit_quarantine"], key=lambda one: -one["line"])  # type: ignore[arg-type]
    assert (row["table_name"], row["rules"], row["file"], row["line"]) == (
        "survey_answers",
        "unknown_label",
        "f/data-1.json",
        7,
    )
    assert json.loads(row["row_json"]) == cells | {"question": "mg01_necessity"}
    told = {"question": "mg01_necessity", "respondent_type": "manager", "channel": "paper"}
    assert json.loads(response["row_json"]) == cells | told | {"submitted_on": "2026-04-02"}


def test_no_table_of_the_warehouse_holds_a_key_of_a_respondent(lake: Lake, warehouse_url: str) -> None:
    """Whichever table of surveys was refused, and although all of them hold the key."""
    write_round(lake)
    for name in ("survey_answers", "survey_responses", "survey_invitations", "survey_listings"):
        write(lake, NIGHT, "quarantine", name, {WHOLE: [refused(1, "unknown_enterprise")]})
    publish_night(warehouse_url, collect_surveys(lake))
    with open_engine(warehouse_url).connect() as connection:
        for table in schema.metadata.tables.values():
            texts = [str(cell) for row in connection.execute(select(table)) for cell in row]
            assert not [text for text in texts if RESPONDENT in text or "không bao giờ" in text], table.name
        refusals = connection.execute(select(schema.audit_quarantine.c.table_name)).scalars().all()
    assert len(refusals) == 4


def test_of_each_rule_the_first_rows_are_listed_and_the_rest_is_counted(lake: Lake, sqlite_url: str) -> None:
    most = load_contracts().monitoring.settings.quarantine_rows_per_rule
    rows = [refused(n, "score_out_of_scale") for n in range(most + 5)] + [refused(1, "unknown_label")]
    write(lake, NIGHT, "quarantine", "survey_answers", {PART: rows})
    batch = collect_surveys(lake)
    listed = [row["rules"] for row in batch.audit["audit_quarantine"]]  # type: ignore[union-attr]
    assert (listed.count("score_out_of_scale"), listed.count("unknown_label")) == (most, 1)
    assert batch.refresh["quarantined_rows"] == most + 6
    [told] = [row for row in batch.audit["audit_finding"] if row["rule"] == "quarantine_shortened"]  # type: ignore[union-attr]
    assert (told["table"], told["value"]) == ("survey_answers", "score_out_of_scale")
    publish_night(sqlite_url, batch)
    said = write_summary(replace(Settings.from_env(), warehouse_url=sqlite_url), NIGHT, 0)
    assert f"quarantined     {most + 6:,} rows this night, of which {most + 1:,} are listed\n" in said
    assert "those left out: rule quarantine_shortened" in said


# ---- payloads, findings, checks --------------------------------------------------------------------------------------


def test_a_payload_is_told_by_its_responses(lake: Lake) -> None:
    """Not by its answers, of which there are hundreds for each; a form without any response is no broken one."""
    manifest = land(lake, NIGHT, "kobo", "f/data-1.json", "f/listing-1.json", "f/data-2.json", "g/listing-1.json")
    for table, count in {"survey_responses": 2, "survey_answers": 560}.items():
        write(lake, NIGHT, "staging", table, {PART: [{"_payload": "sha of f/data-1.json"}] * count})
    write(lake, NIGHT, "staging", "survey_listings", {WHOLE: [{"_payload": "sha of f/listing-1.json"}] * 3})
    broken = {"rule": "unreadable", "severity": "critical", "scope": "payload", "payload": "sha of f/data-2.json"}
    texts = {"reason_vi": "hỏng", "reason_en": "broken", "table": "survey_responses"}
    write(lake, NIGHT, "staging", "survey_findings", {WHOLE: [broken | texts]})
    payloads = collect_surveys(lake, manifest).audit["audit_payload"]
    assert [(row["name"], row["status"], row["rows"], row["reason_en"]) for row in payloads] == [  # type: ignore[union-attr]
        ("f/data-1.json", "landed", 2, None),
        ("f/listing-1.json", "landed", 3, None),
        ("f/data-2.json", "rejected", 0, "broken"),
        ("g/listing-1.json", "landed", 0, None),
    ]


def test_findings_and_checks_of_surveys_are_told(lake: Lake) -> None:
    finding = {"rule": "straight_lining", "table": "survey_responses", "severity": "warning", "payload": ""}
    write_findings(lake, NIGHT, "survey", finding, "survey_answers")
    assert audit_of(collect_surveys(lake)) == (["staging", "validation", "indicators"], ["values"])
