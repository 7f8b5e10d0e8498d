"""Reports and their figures: whose they are, where they belong, what follows from a refusal, and comparing periods."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.validation import history
from kcn_pipeline_tests.validation.frames import NEXT, NIGHT, check, findings_of, rows_of, run, stage, staged_rows

REPORTS, VALUES, TOPIC = "enterprise_reports", "enterprise_report_values", "enterprise_reports"


def _file(lake: Lake, contracts: Contracts, *reports: dict[str, Any], night: str = NIGHT, **value: Any) -> Any:
    """Stage reports with one figure each and validate the night."""
    same = ("report_id", "period_code", "submitted_on", "form_id", "form_code", "freq", "tax_code")
    values = [
        {name: report[name] for name in same if name in report} | value | report.pop("value", {}) for report in reports
    ]
    stage(lake, contracts, REPORTS, *reports, night=night)
    stage(lake, contracts, VALUES, *values, night=night)
    return run(lake, contracts, TOPIC, night)


def _report(lake: Lake, contracts: Contracts, *reports: dict[str, Any]) -> None:
    """Stage reports without any figure and validate the night."""
    stage(lake, contracts, REPORTS, *reports)
    run(lake, contracts, TOPIC)


def _rules(lake: Lake, night: str = NIGHT) -> list[tuple[str, str]]:
    return [(finding["rule"], finding["severity"]) for finding in findings_of(lake, TOPIC, night)]


def _change_tax_code(lake: Lake, contracts: Contracts) -> None:
    """E0001 has had the tax code 2300000009 since July 2025."""
    stage(
        lake, contracts, "register_enterprises",
        {"valid_from": date(2020, 1, 1), "valid_to": date(2025, 6, 30)},
        {"valid_from": date(2025, 7, 1), "tax_code": "2300000009", "park_code": "VSIP_BN"},
        {"enterprise_id": "E0002", "tax_code": "2300000002", "park_code": "VSIP_BN"},
    )  # fmt: skip
    run(lake, contracts, "register")


# ---- whose report ------------------------------------------------------------------------------------------------


def test_a_report_gets_its_enterprise_and_park(registered: Lake, contracts: Contracts) -> None:
    result = _file(registered, contracts, {})
    for table in (REPORTS, VALUES):
        (row,) = rows_of(registered, "validation", table)
        assert (row["enterprise_id"], row["park_code"]) == ("E0001", "QUE_VO")
        assert registered.parts("validation", table) == ["period=2026-Q1"]
        assert (result.tables[table].staged, result.tables[table].accepted) == (1, 1)
        assert all(outcome.passed for outcome in result.tables[table].checks)
    assert findings_of(registered, TOPIC) == []


#: Tax code, period → enterprise, park and the rules broken, where E0001 changed its code and moved in July 2025.
LEADS: dict[tuple[str | None, str], tuple[str | None, str | None, list[str]]] = {
    ("2300000001", "2025-Q2"): ("E0001", "QUE_VO", []),
    ("2300000009", "2025-Q3"): ("E0001", "VSIP_BN", []),
    ("2300000009", "2025"): ("E0001", "VSIP_BN", []),
    ("2300000009-001", "2025-Q4"): ("E0001", "VSIP_BN", []),
    ("2300000001", "2025-Q3"): ("E0001", "VSIP_BN", ["old_tax_code"]),
    ("2300000009", "2025-Q1"): ("E0001", "QUE_VO", ["old_tax_code"]),
    ("2300000008", "2025-Q4"): (None, None, ["unknown_tax_code"]),
    ("2300000008-001", "2025-Q4"): (None, None, ["unknown_tax_code"]),
    (None, "2025-Q4"): (None, None, ["unknown_tax_code"]),
}


def test_a_tax_code_leads_to_an_enterprise_by_the_period(registered: Lake, contracts: Contracts) -> None:
    _change_tax_code(registered, contracts)
    _report(registered, contracts, *(
        {"report_id": f"{tax_code} {period}", "tax_code": tax_code, "period_code": period, "period_start": None}
        for tax_code, period in LEADS
    ))  # fmt: skip
    accepted = {row["report_id"]: row for row in rows_of(registered, "validation", REPORTS)}
    found: dict[int, list[str]] = {}
    for finding in findings_of(registered, TOPIC):
        found.setdefault(finding["line"], []).append(finding["rule"])
    said = {}
    for line, (tax_code, period) in enumerate(LEADS, start=2):
        row = accepted.get(f"{tax_code} {period}", {})
        said[tax_code, period] = (row.get("enterprise_id"), row.get("park_code"), found.get(line, []))
    assert said == LEADS


def test_a_tax_code_of_two_enterprises_on_other_days_is_not_guessed(registered: Lake, contracts: Contracts) -> None:
    """E0001 had the code until 2023, E0002 has it from 2025; a report for 2024 could be either's."""
    stage(
        registered, contracts, "register_enterprises",
        {"valid_from": date(2020, 1, 1), "valid_to": date(2023, 12, 31)},
        {"valid_from": date(2024, 1, 1), "tax_code": "2300000009"},
        {"enterprise_id": "E0002", "valid_from": date(2025, 1, 1)},
    )  # fmt: skip
    run(registered, contracts, "register")
    _report(registered, contracts, {"period_code": "2024"}, {"report_id": "r2:A", "period_code": "2023"})
    assert [row["enterprise_id"] for row in rows_of(registered, "validation", REPORTS)] == ["E0001"]
    (refused,) = rows_of(registered, "quarantine", REPORTS)
    assert refused["_rules"] == "unknown_tax_code"
    assert "E0001, E0002" in refused["_reason_vi"]


def test_the_register_decides_the_park_and_says_so(registered: Lake, contracts: Contracts) -> None:
    _file(registered, contracts, {"park_code": "VSIP_BN", "park_name": "KCN VSIP"})
    (finding,) = findings_of(registered, TOPIC)
    assert (finding["rule"], finding["severity"], finding["value"], finding["scope"]) == (
        "park_conflict", "warning", "KCN VSIP", "report",
    )  # fmt: skip
    assert "VSIP_BN" in finding["reason_vi"]
    assert [row["park_code"] for row in rows_of(registered, "validation", VALUES)] == ["QUE_VO"]


def test_the_board_needs_no_tax_code(registered: Lake, contracts: Contracts) -> None:
    _report(
        registered, contracts, {"reporter": "board", "tax_code": None}, {"report_id": "r2:A", "reporter": "board"}
    )  # fmt: skip
    assert [row["enterprise_id"] for row in rows_of(registered, "validation", REPORTS)] == ["BOARD", "BOARD"]
    assert findings_of(registered, TOPIC) == []


def test_a_developer_reports_on_a_park(registered: Lake, contracts: Contracts) -> None:
    """E0002 is the developer of QUE_VO; VSIP_BN has none in the register."""
    cases = {
        ("2300000002", "QUE_VO"): [],
        (None, "QUE_VO"): [],
        (None, "VSIP_BN"): ["unknown_tax_code"],
        ("2300000002", None): ["missing_value"],
        ("2300000002", "NOWHERE"): ["unknown_park"],
    }
    _report(registered, contracts, *(
        {"report_id": f"r{number}:A", "reporter": "park", "tax_code": tax_code, "park_code": park_code}
        for number, (tax_code, park_code) in enumerate(cases)
    ))  # fmt: skip
    found = {finding["line"]: finding["rule"] for finding in findings_of(registered, TOPIC)}
    assert [[found[line]] if line in found else [] for line in range(2, 7)] == list(cases.values())
    accepted = [(row["enterprise_id"], row["park_code"]) for row in rows_of(registered, "validation", REPORTS)]
    assert accepted == [("E0002", "QUE_VO"), ("E0002", "QUE_VO")]


def test_without_a_register_no_report_is_accepted(lake: Lake, contracts: Contracts) -> None:
    _report(lake, contracts, {})
    assert rows_of(lake, "validation", REPORTS) == []
    assert [rule for rule, _ in _rules(lake)] == ["unknown_tax_code"]


def test_a_period_after_the_night_is_refused(registered: Lake, contracts: Contracts) -> None:
    _report(registered, contracts, {"period_code": "2026-Q3", "period_start": date(2026, 7, 1)})
    assert [rule for rule, _ in _rules(registered)] == ["period_in_future", "signed_before_period"]


def test_what_staging_could_not_read_keeps_its_own_name(registered: Lake, contracts: Contracts) -> None:
    problem = {"_problem": "no_period", "_problem_detail": "Quý V", "period_code": None, "freq": None}
    _report(registered, contracts, problem)
    (row,) = rows_of(registered, "quarantine", REPORTS)
    assert row["_rules"] == "no_period"
    assert "Quý V" in row["_reason_en"]


@pytest.mark.parametrize("column", ["period_code", "tax_code", "_source"])
def test_reports_without_a_column_are_refused_whole(registered: Lake, contracts: Contracts, column: str) -> None:
    stage(registered, contracts, VALUES, {})
    rows = staged_rows(contracts, REPORTS, {}).drop_columns([column])
    registered.replace("staging", REPORTS, NIGHT, {WHOLE: rows})
    result = run(registered, contracts, TOPIC)
    assert (result.tables[REPORTS].accepted, result.tables[REPORTS].quarantined) == (0, 1)
    assert check(result.tables[REPORTS], "columns").severity == "ERROR"
    assert [row["_rules"] for row in rows_of(registered, "quarantine", VALUES)] == ["report_refused"]


@pytest.mark.parametrize("column", ["report_id", "period_code", "value"])
def test_figures_without_a_column_are_refused_whole(registered: Lake, contracts: Contracts, column: str) -> None:
    stage(registered, contracts, REPORTS, {})
    rows = staged_rows(contracts, VALUES, {})
    wrong = pa.array([[1]], pa.list_(pa.int64()))
    for broken in (rows.drop_columns([column]), rows.set_column(rows.schema.get_field_index(column), column, wrong)):
        registered.replace("staging", VALUES, NIGHT, {WHOLE: broken})
        result = run(registered, contracts, TOPIC)
        assert result.refused_batches == ((VALUES, "files"),)
        assert (result.tables[VALUES].accepted, result.tables[VALUES].quarantined) == (0, 1)
        assert result.tables[REPORTS].accepted == 1


# ---- what follows for figures ------------------------------------------------------------------------------------


def test_figures_of_a_refused_report_are_refused_without_a_finding_each(registered: Lake, contracts: Contracts) -> None:
    figures = [{"report_id": "bad:A", "field_code": f"{n}"} for n in range(30)]
    stage(registered, contracts, REPORTS, {"report_id": "bad:A", "tax_code": "9999999999"}, {"report_id": "good:A"})
    stage(registered, contracts, VALUES, *figures, {"report_id": "good:A"})
    result = run(registered, contracts, TOPIC)
    values = result.tables[VALUES]
    assert (values.staged, values.accepted, values.quarantined) == (31, 1, 30)
    assert values.refused_sources == (), "a refused report is no bad batch of figures"
    assert [rule for rule, _ in _rules(registered)] == ["unknown_tax_code"]
    assert {row["_rules"] for row in rows_of(registered, "quarantine", VALUES)} == {"report_refused"}
    assert (check(values, "values").passed, check(values, "values").severity) == (False, "WARN")


def test_a_figure_outside_its_limits_is_refused_alone(registered: Lake, contracts: Contracts) -> None:
    stage(registered, contracts, REPORTS, {})
    stage(
        registered, contracts, VALUES, {}, {"field_code": "III", "value": -5.0, "raw_text": "-5", "_cell": "D9"},
        {"field_code": "IV", "value": 120.0, "max_value": 100.0, "raw_text": "120 %"},
        {"field_code": "V", "value": None, "raw_text": None},
        {"field_code": "VI", "value": None, "raw_text": None, "is_required": False},
    )  # fmt: skip
    run(registered, contracts, TOPIC)
    assert [row["field_code"] for row in rows_of(registered, "validation", VALUES)] == ["II", "V", "VI"]
    found = {finding["field"]: finding for finding in findings_of(registered, TOPIC)}
    assert {field: finding["rule"] for field, finding in found.items()} == {
        "III/A": "below_minimum", "IV/A": "above_maximum", "V/A": "required_missing",
    }  # fmt: skip
    assert (found["III/A"]["value"], found["III/A"]["cell"], found["III/A"]["scope"]) == ("-5", "D9", "cell")
    assert "≥ 0" in found["III/A"]["reason_vi"]
    assert "≤ 100" in found["IV/A"]["reason_en"]
    assert found["V/A"]["severity"] == "warning"


def test_a_row_of_a_record_form_is_a_park_of_its_own(registered: Lake, contracts: Contracts) -> None:
    form = next(form for form in contracts.forms.values() if form.layout == "records")
    is_board = {"reporter": "board", "tax_code": None, "form_id": form.id, "form_code": form.code}
    stage(registered, contracts, REPORTS, is_board)
    figures = [{"form_id": form.id, "form_code": form.code, "record": record} for record in ("QUE_VO", "VSIP_BN", "?")]
    stage(registered, contracts, VALUES, *figures)
    run(registered, contracts, TOPIC)
    accepted = [(row["enterprise_id"], row["park_code"]) for row in rows_of(registered, "validation", VALUES)]
    assert accepted == [("BOARD", "QUE_VO"), ("BOARD", "VSIP_BN")]
    assert [(f["rule"], f["table"]) for f in findings_of(registered, TOPIC)] == [("unknown_park", VALUES)]


def test_figures_without_any_report_are_refused(registered: Lake, contracts: Contracts) -> None:
    stage(registered, contracts, VALUES, {})
    result = run(registered, contracts, TOPIC)
    assert (result.tables[REPORTS].staged, result.tables[VALUES].quarantined) == (0, 1)


def test_each_period_has_its_slice_and_a_night_run_again_replaces_them(registered: Lake, contracts: Contracts) -> None:
    _file(registered, contracts, {}, {"report_id": "r2:A", "period_code": "2025-Q4", "period_start": None})
    assert registered.parts("validation", VALUES) == ["period=2025-Q4", "period=2026-Q1"]
    _file(registered, contracts, {})
    assert [row["period_code"] for row in rows_of(registered, "validation", VALUES)] == ["2026-Q1"]
    assert registered.parts("validation", VALUES) == ["period=2025-Q4", "period=2026-Q1"], "the emptied part stays"
    stage(registered, contracts, REPORTS)
    stage(registered, contracts, VALUES)
    run(registered, contracts, TOPIC)
    assert rows_of(registered, "validation", VALUES) == rows_of(registered, "validation", REPORTS) == []


def test_stored_text_is_plain(registered: Lake, contracts: Contracts) -> None:
    """Dictionaries are for memory only; a slice has the types of the contract."""
    from kcn_pipeline.schemas import schema_of

    _file(registered, contracts, {}, {"report_id": "r2:A", "tax_code": "9999999999"})
    for table in (REPORTS, VALUES):
        stored = registered.read("validation", table)
        assert stored is not None
        assert stored.schema.remove_metadata() == schema_of(contracts.tables[table])
        refused = registered.read("quarantine", table)
        assert refused is not None
        assert refused.schema.names == [*schema_of(contracts.tables[table]).names, "_rules", "_reason_vi", "_reason_en"]
        assert refused.schema.types[:-3] == schema_of(contracts.tables[table]).types


# ---- the period before -------------------------------------------------------------------------------------------

Q4: dict[str, Any] = {"report_id": "old:A", "period_code": "2025-Q4", "period_start": date(2025, 10, 1)}


def test_a_figure_is_compared_with_the_period_before(registered: Lake, contracts: Contracts) -> None:
    """100 in Q4: up to 2,000 and down to 5 are taken as they come, beyond that is worth a question."""
    now = {"I": 2000.0, "II": 2001.0, "III": 5.0, "IV": 4.9, "V": None, "VI": 0.0}
    stage(registered, contracts, REPORTS, dict(Q4))
    before = {"report_id": "old:A", "period_code": "2025-Q4"}
    stage(registered, contracts, VALUES, *({**before, "field_code": code} for code in now))
    run(registered, contracts, TOPIC)
    stage(registered, contracts, REPORTS, {}, night=NEXT)
    figures = ({"field_code": code, "value": value} for code, value in now.items())
    stage(registered, contracts, VALUES, *figures, night=NEXT)
    run(registered, contracts, TOPIC, NEXT)
    found = findings_of(registered, TOPIC, NEXT)
    assert [(finding["field"], finding["severity"]) for finding in found] == [("II/A", "warning"), ("IV/A", "warning")]
    assert "100 → 2,001" in found[0]["reason_en"]
    assert len(rows_of(registered, "validation", VALUES, NEXT)) == len(now), "a question takes nothing away"


def test_the_newest_submission_of_the_period_before_counts(registered: Lake, contracts: Contracts) -> None:
    """Q4 was filed as 100, then again as 5,000: 6,000 in Q1 is near the second and far from the first."""
    second = {**Q4, "report_id": "corrected:A", "submitted_on": datetime(2026, 4, 9), "value": {"value": 5000.0}}
    result = _file(registered, contracts, dict(Q4), second)
    assert result.tables[REPORTS].accepted == 2, "both submissions are kept"
    _file(registered, contracts, {}, night=NEXT, value=6000.0)
    assert _rules(registered, NEXT) == []


def test_a_newest_submission_without_the_figure_hides_the_older_one(registered: Lake, contracts: Contracts) -> None:
    empty = {"value": None, "raw_text": None, "is_required": False}
    second = {**Q4, "report_id": "corrected:A", "submitted_on": datetime(2026, 4, 9), "value": empty}
    _file(registered, contracts, dict(Q4), second)
    _file(registered, contracts, {}, night=NEXT, value=900000.0)
    assert _rules(registered, NEXT) == []


def test_both_periods_may_arrive_on_one_night(registered: Lake, contracts: Contracts) -> None:
    _file(registered, contracts, {**Q4, "value": {"value": 1.0}}, {})
    assert _rules(registered) == [("far_from_previous", "warning")]


def test_another_enterprise_and_a_later_night_are_no_history(registered: Lake, contracts: Contracts) -> None:
    _file(registered, contracts, {**Q4, "tax_code": "2300000002"})
    _file(registered, contracts, {**Q4, "report_id": "late:A"}, night="2026-05-12")
    _file(registered, contracts, {}, night=NEXT, value=900000.0)
    assert _rules(registered, NEXT) == []


def test_only_the_part_of_the_period_before_is_read(
    registered: Lake, contracts: Contracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cost grows with tonight, not with history."""
    for number, period in enumerate(("2025-Q3", "2025-Q4")):
        report = {**Q4, "report_id": f"r{number}:A", "period_code": period}
        _file(registered, contracts, report, night=f"2026-05-1{number}")
    read: list[Path] = []

    def read_table(path: Path, **options: Any) -> Any:
        read.append(path)
        return real(path, **options)

    real = pq.read_table
    monkeypatch.setattr(history.pq, "read_table", read_table)
    _file(registered, contracts, {}, night="2026-05-20")
    history_read = [path.parent.name for path in read if "validation" in path.parts and VALUES in path.parts]
    assert history_read == ["period=2025-Q4"]
