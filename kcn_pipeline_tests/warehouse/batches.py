"""Small synthetic batches: two parks, three enterprises, two indicators. Every figure is invented."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import Table

from kcn_pipeline.warehouse import schema
from kcn_pipeline.warehouse.publish import NightBatch
from kcn_pipeline.warehouse.stations import DaySlice, StationBatch, Stretch
from kcn_pipeline.warehouse.surveys import RoundSlice, SurveyBatch

FIRST, SECOND, THIRD = "2026-04-10", "2026-04-11", "2026-04-12"
PERIODS = ("2026-Q1", "2026-Q2")


def blank(table: Table, *maintained: str) -> dict[str, Any]:
    """A row of nulls with the columns that a batch brings: all but those that publishing maintains."""
    return {column.name: None for column in table.columns if column.name not in maintained}


def area(code: str, level: str, name: str, parent: str | None = None) -> dict[str, Any]:
    return {
        "area_code": code,
        "valid_from": date(2025, 7, 1),
        "valid_to": None,
        "level": level,
        "parent_code": parent,
        "name_vi": name,
        "name_en": None,
        "numeric_code": "24" if level == "province" else None,
    }


def park(code: str, name: str, **cells: Any) -> dict[str, Any]:
    empty = blank(schema.dim_park)
    return {**empty, "park_code": code, "name_vi": name, **cells}


def enterprise(number: str, name: str, **cells: Any) -> dict[str, Any]:
    empty = blank(schema.dim_enterprise)
    return {**empty, "enterprise_id": number, "name_vi": name, **cells}


def indicator(code: str, version: str = "1", **cells: Any) -> dict[str, Any]:
    empty = blank(schema.dim_indicator, "is_current")
    names = {
        "indicator_code": code,
        "catalog_version": version,
        "name_vi": f"Chỉ tiêu {code}",
        "name_en": f"Indicator {code}",
    }
    return {**empty, **names, **cells}


def quarter(code: str) -> dict[str, Any]:
    first_month = 3 * int(code[-1]) - 2
    return {
        "period_code": code,
        "freq": "Q",
        "start_date": date(int(code[:4]), first_month, 1),
        "end_date": date(int(code[:4]), first_month + 2, 30 if first_month in (4, 7) else 31),
        "name_vi": f"Quý {code[-1]} năm {code[:4]}",
        "name_en": f"{code[-1]}. quarter {code[:4]}",
        "parent_code": None,
    }


def value(
    indicator_code: str, area_code: str, number: float | None, period: str = "2026-Q1", **cells: Any
) -> dict[str, Any]:
    row = {
        "indicator_code": indicator_code,
        "level": "province" if area_code == "BN" else "enterprise" if area_code.startswith("E0") else "park",
        "area_code": area_code,
        "freq": "Q",
        "period_code": period,
        "value": number,
        "numerator": number,
        "denominator": None if number is None else 100.0,
        "unit": "PT",
        "obs_status": "O" if number is None else "A",
        "n_reporting": 3,
        "n_expected": 3,
        "source": "register_land",
        "comment": "operand missing" if number is None else None,
    }
    return row | cells


def submission(enterprise_id: str, status: str, period: str = "2026-Q1", **cells: Any) -> dict[str, Any]:
    is_there = status != "missing"
    row = {
        "enterprise_id": enterprise_id,
        "form_code": "A.III.1",
        "period_code": period,
        "revision": 1 if is_there else 0,
        "park_code": "QUE_VO",
        "province_code": "BN",
        "freq": "Q",
        "is_current": True,
        "is_expected": True,
        "status": status,
        "due_on": date(2026, 4, 10),
        "submitted_on": datetime(2026, 4, 14, 9, 30) if is_there else None,
        "channel": "portal" if is_there else None,
        "required_total": 10,
        "required_filled": 9 if is_there else None,
        "report_id": f"{enterprise_id}:{period}" if is_there else None,
        "payload": "ab" * 32 if is_there else None,
    }
    return row | cells


def figure(number: str, **cells: Any) -> dict[str, Any]:
    empty = blank(schema.fct_published_figure)
    names = {"figure_id": number, "what_vi": "Tỷ lệ lấp đầy", "what_en": "Occupancy", "value_raw": "=63,61%"}
    return {**empty, **names, "is_quarantined": False, **cells}


def finding(rule: str, **cells: Any) -> dict[str, Any]:
    """A finding has a column `table` until it is published."""
    empty = blank(schema.audit_finding, "night", "number", "table_name") | {"table": None}
    return {**empty, "rule": rule, **cells}


def refused(table_name: str, **cells: Any) -> dict[str, Any]:
    empty = blank(schema.audit_quarantine, "night", "row_number")
    return {**empty, "table_name": table_name, **cells}


def payload(name: str, status: str = "landed", **cells: Any) -> dict[str, Any]:
    row = {
        "source": "reports",
        "name": name,
        "sha256": f"{name}-sha",
        "size": 1_000,
        "fetched_at": datetime(2026, 4, 10, 1, 30, tzinfo=UTC),
        "status": status,
        "rows": 5,
        "reason_vi": None,
        "reason_en": None,
    }
    return row | cells


def check(name: str, passed: bool = True) -> dict[str, Any]:
    return {
        "table_name": "enterprise_reports",
        "check_name": name,
        "passed": passed,
        "severity": "critical",
        "counts": "{}",
        "sample": None,
    }


def station_day(day: date, parameter_code: str = "cod", mean: float | None = 50.0, **cells: Any) -> dict[str, Any]:
    """A day of ST_1 against a limit of 75; without a mean it sent nothing."""
    row = {
        "station_id": "ST_1",
        "parameter_code": parameter_code,
        "day": day,
        "park_code": "QUE_VO",
        "kind": "wastewater",
        "unit": "MG_PER_L",
        "mean": mean,
        "min": mean,
        "max": mean,
        "n_received": 0 if mean is None else 288,
        "n_valid": 0 if mean is None else 288,
        "n_flagged": 0,
        "n_expected": 288,
        "hours_valid": 0 if mean is None else 24,
        "limit_max": 75.0,
        "averaging": "day",
        "regulation": "QCVN 40:2011/BTNMT, A",
        "is_sufficient": mean is not None,
        "is_compliant": None if mean is None else mean <= 75,
        "is_derived": False,
    }
    return {**blank(schema.fct_monitoring_daily), **row, **cells}


def flag(started_at: datetime, name: str = "spike", **cells: Any) -> dict[str, Any]:
    row = {
        "station_id": "ST_1",
        "parameter_code": "cod",
        "flag": name,
        "started_at": started_at,
        "day": started_at.date(),
        "ended_at": started_at,
        "n_readings": 1,
        "detail": "912.5",
    }
    return row | cells


def aqi_day(day: date, aqi: int | None = 80, parameter_code: str = "", **cells: Any) -> dict[str, Any]:
    row = {
        "station_id": "ST_1",
        "day": day,
        "parameter_code": parameter_code,
        "aqi": aqi,
        "band": None if aqi is None else "moderate",
        "band_vi": None if aqi is None else "Trung bình",
        "band_en": None if aqi is None else "Moderate",
        "rgb": None if aqi is None else "255,255,0",
        "main_parameter": None if aqi is None else "pm25",
        "is_sufficient": aqi is not None,
        "hours_valid": 24,
        "worst_hour_aqi": 120,
        "worst_hour_at": datetime(day.year, day.month, day.day, 8),
    }
    return {**blank(schema.fct_ambient_aqi), **row, **cells}


def episode(started_at: datetime, hours: int = 24, **cells: Any) -> dict[str, Any]:
    row = {
        "station_id": "ST_1",
        "parameter_code": "cod",
        "averaging": "day",
        "started_at": started_at,
        "ended_at": started_at + timedelta(hours=hours),
        "hours": hours,
        "peak": 90.0,
        "limit_min": None,
        "limit_max": 75.0,
        "ratio": 1.2,
        "unit": "MG_PER_L",
        "basis": "QCVN 40:2011/BTNMT, A",
    }
    return row | cells


def stretch(day: date, days: int = 1, **cells: Any) -> Stretch:
    """The whole days from a day on in which episodes of ST_1 were looked for anew."""
    begin = datetime(day.year, day.month, day.day)
    names = {"station_id": "ST_1", "parameter_code": "cod", "averaging": "day"}
    return Stretch(**{**names, "from_at": begin, "to_at": begin + timedelta(days=days), **cells})


def stations() -> StationBatch:
    """One day of one station: over the limit, with a spike."""
    day = date(2026, 4, 9)
    rows = {
        "fct_monitoring_daily": station_day(day, mean=90.0),
        "fct_monitoring_flag": flag(datetime(2026, 4, 9, 10, 5)),
        "fct_ambient_aqi": aqi_day(day),
    }
    days = {name: DaySlice([row], [day]) for name, row in rows.items()}
    return StationBatch(days, [episode(datetime(2026, 4, 9))], [stretch(day)])


def survey_round(code: str = "2026-1", **cells: Any) -> dict[str, Any]:
    """A round of the survey on the indicator set; 2026-2 opens when 2026-1 has closed."""
    half = int(code[-1])
    row = {
        "survey_id": "indicator_set",
        "round_code": code,
        "title_vi": "Lấy ý kiến về bộ chỉ tiêu",
        "title_en": "Survey on the indicator set",
        "kind": "rating",
        "opens_on": date(2026, half, 1),
        "closes_on": date(2026, half, 28),
        "period_code": f"2026-S{half}",
    }
    return row | cells


def rating(indicator_code: str, area_code: str = "BN", mean: float | None = 4.2, **cells: Any) -> dict[str, Any]:
    """How twelve enterprises rate its necessity; without a mean they are too few to be shown."""
    row = {
        "survey_id": "indicator_set",
        "round_code": "2026-1",
        "indicator_code": indicator_code,
        "criterion": "necessity",
        "respondent_type": "enterprise",
        "level": "province" if area_code == "BN" else "park",
        "area_code": area_code,
        "n": None if mean is None else 12,
        "mean": mean,
        "conf_status": "C" if mean is None else "F",
    }
    return {**blank(schema.fct_indicator_rating), **row, **cells}


def statistic(**cells: Any) -> dict[str, Any]:
    row = {
        "survey_id": "indicator_set",
        "round_code": "2026-1",
        "respondent_type": "expert",
        "criterion": "necessity",
        "n_respondents": 9,
        "n_items": 70,
        "kendall_w": 0.62,
        "kendall_strength": "moderate",
    }
    return {**blank(schema.fct_survey_statistic), **row, **cells}


def assessment(indicator_code: str, verdict: str = "keep", **cells: Any) -> dict[str, Any]:
    row = {
        "survey_id": "indicator_set",
        "round_code": "2026-1",
        "indicator_code": indicator_code,
        "verdict": verdict,
        "rule": "all_met",
        "is_legal": False,
        "n_enterprises": 12,
        "necessity_mean": 4.2,
        "reason_vi": "Cần thiết: trung bình 4,2.",
        "reason_en": "Needed: mean 4.2.",
        "catalog_version": "1",
        "status_now": "pilot",
        "status_next": {"keep": "adopted", "drop": "retired"}.get(verdict, "pilot"),
    }
    return {**blank(schema.fct_indicator_assessment), **row, **cells}


def remark(number: int, text: str = "Khó thu thập số liệu.", **cells: Any) -> dict[str, Any]:
    row = {
        "survey_id": "indicator_set",
        "round_code": "2026-1",
        "indicator_code": "MG01",
        "respondent_type": "all",
        "number": number,
        "comment": text,
    }
    return row | cells


def answered(area_code: str = "BN", **cells: Any) -> dict[str, Any]:
    row = {
        "survey_id": "indicator_set",
        "round_code": "2026-1",
        "respondent_type": "enterprise",
        "level": "province" if area_code == "BN" else "park",
        "area_code": area_code,
        "n_invited": 20,
        "n_received": 14,
        "n_current": 12,
        "n_superseded": 1,
        "n_deleted": 0,
        "n_quarantined": 1,
        "n_flagged": 2,
        "response_rate_pct": 60.0,
        "conf_status": "F",
    }
    return row | cells


def surveys(code: str = "2026-1") -> SurveyBatch:
    """One round with a row or two of everything."""
    rows = {
        "fct_indicator_rating": [rating("MG01"), rating("MG01", "QUE_VO", None)],
        "fct_survey_statistic": [statistic()],
        "fct_indicator_assessment": [assessment("MG01"), assessment("SO01", "drop", rule="mean_low")],
        "fct_indicator_comment": [remark(1)],
        "fct_survey_response": [answered()],
    }
    held = {name: [row | {"round_code": code} for row in some] for name, some in rows.items()}
    return SurveyBatch({name: RoundSlice(some, [("indicator_set", code)]) for name, some in held.items()})


def dimensions() -> dict[str, list[dict[str, Any]]]:
    return {
        "dim_area": [
            area("BN", "province", "Bắc Ninh"),
            area("QUE_VO", "park", "KCN Quế Võ", "BN"),
            area("VSIP_BN", "park", "KCN VSIP Bắc Ninh", "BN"),
            *[area(f"E000{n}", "enterprise", f"Công ty {n}", "QUE_VO") for n in (1, 2, 3)],
        ],
        "dim_park": [
            park("QUE_VO", "KCN Quế Võ", is_pilot=True, land_leased_ha=100.25),
            park("VSIP_BN", "KCN VSIP Bắc Ninh", is_pilot=False, land_leased_ha=50.0),
        ],
        "dim_enterprise": [
            enterprise(
                f"E000{n}", f"Công ty {n}", park_code="QUE_VO", operating_from=date(2020, 1, n), is_operating=True
            )
            for n in (1, 2, 3)
        ],
        "dim_station": [
            {
                "station_id": "ST_1",
                "name_vi": "Trạm 1",
                "kind": "wastewater",
                "park_code": "QUE_VO",
                "enterprise_id": None,
                "permit_number": "+84",
                "is_connected": True,
            }
        ],
        "dim_parameter": [{"parameter_code": "cod", "name_vi": "COD", "name_en": "COD", "unit": "MG_PER_L"}],
        "dim_indicator": [indicator("MG01", scale=100.0, target_op=">=", target_value=60.0), indicator("SO01")],
        "dim_period": [quarter(code) for code in PERIODS],
        "dim_survey": [survey_round("2026-1"), survey_round("2026-2")],
        "fct_published_figure": [figure("F001", value=63.61), figure("F002", is_quarantined=True)],
    }


def first_values() -> list[dict[str, Any]]:
    return [
        value("MG01", "BN", 66.5),
        value("MG01", "QUE_VO", 70.1),
        value("MG01", "VSIP_BN", None),
        value("SO01", "QUE_VO", 1200.0),
        value("SO01", "E0001", 1200.0),
    ]


def batch(night: str = FIRST, values: Iterable[dict[str, Any]] | None = None, **fields: Any) -> NightBatch:
    """A whole night; `values` and any field of NightBatch can be replaced."""
    rows = first_values() if values is None else list(values)
    whole = NightBatch(
        night=night,
        catalog_version="1",
        refresh={
            "started_at": datetime.now(UTC),
            "run_id": f"run of {night} {datetime.now(UTC)}",
            "code_version": "0.1.0",
            "status": "published",
            "touched_periods": "2026-Q1",
            "quarantined_rows": 1,
            "failures": None,
        },
        tables=dimensions(),
        values=rows,
        value_scope=[("MG01", "2026-Q1"), ("SO01", "2026-Q1")],
        submissions=[submission("E0001", "late"), submission("E0002", "missing"), submission("BOARD", "on_time")],
        submission_scope=["2026-Q1"],
        stations=stations(),
        surveys=surveys(),
        audit={
            "audit_payload": [payload("a.xlsx"), payload("b.pdf", "rejected", rows=None)],
            "audit_check": [check("columns"), check("keys", passed=False)],
            "audit_quarantine": [refused("register_land", rules="unknown_park", line=7, row_json='{"a": 1}')],
            "audit_finding": [finding("unknown_park", table="register_land", line=7)],
        },
    )
    return replace(whole, **fields)


def bare(night: str, values: Iterable[dict[str, Any]] = (), **fields: Any) -> NightBatch:
    """A night of the fields given; beside them the first night has its dimensions, and the others nothing."""
    nothing: dict[str, Any] = {
        "value_scope": [],
        "submissions": [],
        "submission_scope": [],
        "stations": StationBatch(),
        "surveys": SurveyBatch(),
        "audit": {},
    }
    tables = dimensions() if night == FIRST else {}
    return batch(night, values, **{**nothing, "tables": tables, **fields})


def as_arrow(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """The rows as the lake would hand them over."""
    return pa.Table.from_pylist(list(rows))
