"""The tracked sample, refreshed as `make refresh` does it, equals what the simulator knows to be true."""

import csv
import math
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from kcn_pipeline_tests.end_to_end import stations, surveys
from kcn_pipeline_tests.end_to_end.installation import ROOT, Installation

TRUTH = ROOT / "kcn_pipeline_tests" / "truth" / "sample"
NIGHT, NEXT_NIGHT = "2026-08-15", "2026-08-16"


def read_truth(name: str) -> list[dict[str, str]]:
    with (TRUTH / name).open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_every_indicator_value_is_true(sample: Installation) -> None:
    truth = {(r["indicator_code"], r["area_code"], r["period_code"]): r for r in read_truth("indicator_values.csv")}
    rows = sample.query("SELECT * FROM fct_indicator_value")
    found = {(row["indicator_code"], row["area_code"], row["period_code"]): row for row in rows}
    assert len(truth) > 4000
    assert found.keys() == truth.keys()
    wrong = [
        f"{key}: {want} / {got}"
        for key, want in truth.items()
        for got in [found[key]]
        if not _same_number(want["value"], got["value"])
        or want["obs_status"] != got["obs_status"]
        or want["n_reporting"] != _text(got["n_reporting"])
        or want["n_expected"] != _text(got["n_expected"])
    ]
    assert wrong == []


def _same_number(text: str, value: float | None) -> bool:
    if text == "" or value is None:
        return text == "" and value is None
    return math.isclose(float(text), value, rel_tol=1e-9, abs_tol=1e-9)


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def test_every_obs_status_occurs(sample: Installation) -> None:
    rows = sample.query("SELECT DISTINCT obs_status FROM fct_indicator_value")
    assert {row["obs_status"] for row in rows} == set("ABEMOPQ")


def test_every_expected_reject_is_refused_for_the_right_reason(sample: Installation) -> None:
    expected = read_truth("rejects.csv")
    refused_files = {
        row["name"]: row["reason_en"] for row in sample.query("SELECT * FROM audit_payload WHERE rows = 0")
    }
    findings = sample.query("SELECT DISTINCT file, sheet, cell, rule FROM audit_finding WHERE severity = 'critical'")
    rules = {(row["file"], row["rule"]) for row in findings}
    quarantined = sample.query("SELECT file, sheet, cell, rules FROM audit_quarantine")
    missing = []
    for want in expected:
        name = Path(*Path(want["file"]).parts[1:]).as_posix()
        if not want["sheet"]:
            found = name in refused_files and (name, want["rule"]) in rules
        else:
            found = any(
                row["file"] == name
                and row["sheet"] == want["sheet"]
                and (not want["cell"] or row["cell"] == want["cell"])
                and want["rule"] in row["rules"].split("; ")
                for row in quarantined
            )
        if not found:
            missing.append(want)
    assert len(expected) > 50
    assert missing == []


def test_nothing_else_is_refused(sample: Installation) -> None:
    """Files without an ugly case lose nothing: no row of theirs is in quarantine."""
    touched = {Path(*Path(row["file"]).parts[1:]).as_posix() for row in read_truth("rejects.csv")}
    touched |= {row["file"] for row in read_truth("monitoring_bad_lines.csv")}
    touched |= {_hidden(row["file"]) for row in read_truth("survey_cases.csv")}
    rows = sample.query("SELECT DISTINCT file FROM audit_quarantine WHERE table_name <> 'published_figures'")
    assert {row["file"] for row in rows} <= touched


def test_submissions_are_on_time_late_missing_or_rejected_as_they_should(sample: Installation) -> None:
    truth = {
        (row["enterprise_id"], row["form_code"], row["period_code"], row["revision"]): (row["status"], row["due_on"])
        for row in read_truth("submissions.csv")
    }
    found = {
        (row["enterprise_id"], row["form_code"], row["period_code"], str(row["revision"])): (
            row["status"],
            row["due_on"] or "",
        )
        for row in sample.query("SELECT * FROM fct_report_submission")
    }
    assert found == truth
    assert {status for status, _ in truth.values()} == {"on_time", "late", "missing", "rejected"}


def test_rows_are_conserved_on_every_table(sample: Installation) -> None:
    checks = sample.query("SELECT * FROM audit_check WHERE check_name = 'conservation'")
    assert len(checks) == 24
    assert all(row["passed"] for row in checks)
    names = sample.query("SELECT DISTINCT check_name FROM audit_check")
    assert {row["check_name"] for row in names} == {"columns", "values", "keys", "volume", "recency", "conservation"}


def test_every_fact_leads_back_to_the_original_bytes(sample: Installation, tmp_path: Path) -> None:
    row = sample.query("SELECT * FROM audit_quarantine WHERE rules = 'malformed_number' AND cell IS NOT NULL")[0]
    out = tmp_path / "original.xlsx"
    assert sample.kcn("show", row["payload"], "--out", str(out)).returncode == 0
    original = ROOT / "data" / "inputs" / "reports" / row["file"]
    assert out.read_bytes() == original.read_bytes()


@pytest.mark.parametrize(
    ("name", "compare", "at_least"),
    [
        ("bad_lines", stations.wrong_refusals, 60),
        ("hours", stations.wrong_hours, 2500),
        ("days", stations.wrong_days, 1000),
        ("episodes", stations.wrong_episodes, 8),
        ("flags", stations.wrong_flags, 10),
    ],
)
def test_what_stations_sent_is_true(
    sample: Installation, name: str, compare: Callable[[Installation, list[dict[str, str]]], list[str]], at_least: int
) -> None:
    truth = read_truth(f"monitoring_{name}.csv")
    assert len(truth) >= at_least
    assert compare(sample, truth) == []


@pytest.mark.parametrize(
    ("name", "compare", "at_least"),
    [
        ("ratings", surveys.wrong_ratings, 2000),
        ("statistics", surveys.wrong_statistics, 20),
        ("assessments", surveys.wrong_assessments, 140),
        ("rates", surveys.wrong_rates, 30),
        ("comments", surveys.wrong_comments, 100),
    ],
)
def test_what_surveys_say_is_true(
    sample: Installation, name: str, compare: Callable[[Installation, list[dict[str, str]]], list[str]], at_least: int
) -> None:
    truth = read_truth(f"survey_{name}.csv")
    assert len(truth) >= at_least
    assert compare(sample, truth) == []


def test_answers_and_forms_that_do_not_count_are_told(sample: Installation) -> None:
    """Each mishap is told by its rule; what stays in landing alone is not quoted."""
    cases = [row for row in read_truth("survey_cases.csv") if row["rule"]]
    found = sample.query("SELECT DISTINCT file, rule FROM audit_finding WHERE table_name LIKE 'survey_%'")
    told = {(row["file"], row["rule"]) for row in found}
    wanted = {(_hidden(row["file"]), row["rule"]) for row in cases}
    assert len(wanted) > 15
    assert wanted - told == set()


def _hidden(file: str) -> str:
    """What a file of answers is called outside of landing."""
    path = ROOT / "data" / "inputs" / file
    return sha256(path.read_bytes()).hexdigest()[:12] + path.suffix


def test_suspicious_stations_are_named(sample: Installation) -> None:
    rows = sample.query("SELECT rule, value FROM audit_finding WHERE table_name LIKE 'monitoring_%'")
    named = {(row["rule"], row["value"]) for row in rows}
    assert ("clock_drift", "TIEN_SON_CN01") in named
    assert ("station_silent", "TIEN_SON_NT01") in named
    assert {value for rule, value in named if rule == "reading_corrected"} == {"QUE_VO_NT01", "VSIP_BN_NT01"}
    assert ("station_silent", "QUANG_CHAU_NT01") not in named


def test_published_figures_keep_what_was_printed(sample: Installation) -> None:
    rows = {row["figure_id"]: row for row in sample.query("SELECT * FROM fct_published_figure")}
    assert len(rows) == 157
    assert (rows["F069"]["value"], rows["F069"]["is_quarantined"]) == (None, 1)
    assert rows["F069"]["value_raw"] == "2.811.08 triệu USD"
    assert rows["F087"]["value"] == rows["F089"]["value"] + rows["F091"]["value"] == 1278
    assert (rows["F025"]["value"], rows["F025"]["qualifier"]) == (68, "greater_than")


def test_marts_answer_their_audience(sample: Installation) -> None:
    pilots = sample.query("SELECT DISTINCT park_code FROM mart_park_indicator WHERE is_pilot")
    assert {row["park_code"] for row in pilots} == {"QUE_VO", "VSIP_BN"}
    review = sample.query("SELECT * FROM mart_occupancy_review")
    assert review
    assert all(row["occupancy_pct"] < 60 for row in review)
    late = sample.query("SELECT count(*) AS n FROM mart_reporting_compliance WHERE status = 'missing'")
    assert late[0]["n"] > 0
    assert len(sample.query("SELECT * FROM mart_indicator_catalog")) == 70
    assert sample.query("SELECT * FROM mart_data_quality")
    assert sample.query("SELECT * FROM mart_published_vs_computed")
    assert sample.query("SELECT * FROM mart_province_indicator WHERE value IS NOT NULL")


@pytest.fixture
def copy(sample: Installation, tmp_path: Path) -> Installation:
    """The sample, to be changed."""
    return Installation(Path(shutil.copytree(sample.home, tmp_path / "copy", symlinks=True)))


def test_a_night_without_news_changes_no_row(copy: Installation) -> None:
    # The day that ends with the night has values of its own, since silence is a figure; all others stay as they were.
    others = "SELECT * FROM fct_indicator_value WHERE period_code <> ? ORDER BY indicator_code, area_code, period_code"
    values = copy.query(others, NIGHT)
    said = copy.refresh(NEXT_NIGHT)
    assert "0 revisions" in said
    assert copy.query(others, NIGHT) == values
    ended = copy.query("SELECT DISTINCT indicator_code FROM fct_indicator_value WHERE period_code = ?", NIGHT)
    assert {row["indicator_code"] for row in ended} == {"EN14", "EN15", "ID03"}


@pytest.mark.slow
def test_run_twice_changes_no_row(copy: Installation) -> None:
    before = copy.digest()
    assert len(before) == 64
    copy.refresh(NIGHT)
    assert copy.digest() == before


@pytest.mark.slow
def test_replay_rebuilds_every_row(copy: Installation) -> None:
    before = copy.digest()
    assert len(before) == 64
    copy.replay()
    assert copy.digest() == before
