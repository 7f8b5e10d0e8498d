"""Who had to report by when, and what came of it."""

from datetime import date

import pytest

from kcn_pipeline.contracts.reference import Deadline
from kcn_pipeline.indicators import compute_submissions, find_touched, record_definitions
from kcn_pipeline.indicators.duties import due_on
from kcn_pipeline.periods import read_period
from kcn_pipeline_tests.indicators.lakes import QUANG_CHAU, QUE_VO, Row, SmallProvince, enterprise, park, submissions_of

#: The night after which the reports on the first quarter (A.III.1, BN.01) are due on 10 April.
DUE_NIGHT, AFTER = "2026-04-10", "2026-04-11"


def compute(province: SmallProvince, night: str) -> None:
    touched = find_touched(province.lake, province.contracts, night)
    compute_submissions(province.lake, province.contracts, night, touched)
    record_definitions(province.lake, province.contracts, night)


def rows_of(province: SmallProvince, period: str, form: str = "A.III.1", sender: str | None = None) -> list[Row]:
    rows = [row for row in submissions_of(province.lake, period) if row["form_code"] == form]
    return [row for row in rows if sender in (None, row["enterprise_id"])]


def test_nobody_is_late_before_the_deadline_has_passed(province: SmallProvince) -> None:
    province.enterprises("2026-01-05", {"E0001": QUE_VO, "E0002": QUE_VO})
    province.report("2026-04-08", "E0001", "a_iii_1_2023", "2026-Q1")
    compute(province, DUE_NIGHT)
    (early,) = rows_of(province, "2026-Q1")
    assert (early["enterprise_id"], early["status"], early["due_on"]) == ("E0001", "on_time", date(2026, 4, 10))
    compute(province, AFTER)
    (missing,) = rows_of(province, "2026-Q1", sender="E0002")
    assert (missing["status"], missing["revision"], missing["is_current"], missing["is_expected"]) == (
        "missing", 0, True, True,
    )  # fmt: skip
    assert missing["park_code"] == QUE_VO


@pytest.mark.parametrize(("submitted_on", "status"), [("2026-04-10", "on_time"), ("2026-04-11", "late")])
def test_the_day_of_the_deadline_is_in_time(province: SmallProvince, submitted_on: str, status: str) -> None:
    province.enterprises("2026-01-05", {"E0001": QUE_VO})
    province.report("2026-04-12", "E0001", "a_iii_1_2023", "2026-Q1", submitted_on=submitted_on)
    compute(province, "2026-04-12")
    assert [row["status"] for row in rows_of(province, "2026-Q1")] == [status]


def test_revisions_are_numbered_by_submission_and_the_newest_is_current(province: SmallProvince) -> None:
    province.enterprises("2026-01-05", {"E0001": QUE_VO})
    first = province.report("2026-04-05", "E0001", "a_iii_1_2023", "2026-Q1", submitted_on="2026-04-04")
    compute(province, "2026-04-05")
    third = province.report("2026-05-01", "E0001", "a_iii_1_2021", "2026-Q1", submitted_on="2026-04-30")
    second = province.report("2026-05-01", "E0001", "a_iii_1_2023", "2026-Q1", submitted_on="2026-04-09")
    compute(province, "2026-05-01")
    rows = rows_of(province, "2026-Q1")
    assert [(r["revision"], r["report_id"], r["status"], r["is_current"]) for r in rows] == [
        (1, first, "on_time", False),
        (2, second, "on_time", False),
        (3, third, "late", True),
    ], "two versions of the form are one duty"


def test_same_report_of_two_nights_is_one_submission(province: SmallProvince) -> None:
    province.enterprises("2026-01-05", {"E0001": QUE_VO})
    for night in ("2026-04-05", "2026-04-06"):
        province.report(night, "E0001", "a_iii_1_2023", "2026-Q1", report_id="same", submitted_on="2026-04-04")
    compute(province, "2026-04-06")
    assert [row["revision"] for row in rows_of(province, "2026-Q1")] == [1]


def test_rejected_only_while_nothing_was_accepted(province: SmallProvince) -> None:
    province.enterprises("2026-01-05", {"E0001": QUE_VO, "E0002": QUE_VO})
    for sender in ("E0001", "E0002"):
        province.report("2026-04-05", sender, "a_iii_1_2023", "2026-Q1", refused=True)
    compute(province, "2026-04-05")
    assert [(r["status"], r["is_current"]) for r in rows_of(province, "2026-Q1")] == [("rejected", True)] * 2
    province.report("2026-04-07", "E0001", "a_iii_1_2023", "2026-Q1")
    compute(province, "2026-04-07")
    compute(province, AFTER)
    rows = {row["enterprise_id"]: row for row in rows_of(province, "2026-Q1")}
    assert (rows["E0001"]["status"], rows["E0001"]["revision"]) == ("on_time", 1)
    assert rows["E0002"]["status"] == "rejected", "what was refused is not missing"


def test_refused_report_of_an_unknown_sender_is_left_to_the_quarantine(province: SmallProvince) -> None:
    province.report("2026-04-05", None, "a_iii_1_2023", "2026-Q1", refused=True)
    compute(province, "2026-04-05")
    assert rows_of(province, "2026-Q1") == []


def test_only_who_operated_for_the_whole_period_must_report(province: SmallProvince) -> None:
    rows = [
        enterprise("E0001", QUE_VO),
        enterprise("E0002", QUE_VO, operating_from=date(2026, 1, 2)),
        enterprise("E0003", QUE_VO, operating_to=date(2026, 3, 30)),
        enterprise("E0004", QUE_VO, is_operating=False),
        enterprise("E0005", QUE_VO, role="developer", operating_from=None),
        enterprise("E0006", QUE_VO, valid_to=date(2026, 2, 1)),
    ]
    province.register("2026-04-01", "register_enterprises", rows)
    compute(province, AFTER)
    assert {row["enterprise_id"] for row in rows_of(province, "2026-Q1")} == {"E0001", "E0005"}


def test_report_nobody_asked_for_is_kept(province: SmallProvince) -> None:
    rows = [enterprise("E0001", QUE_VO, operating_from=date(2026, 2, 1))]
    province.register("2026-04-01", "register_enterprises", rows)
    province.report("2026-04-12", "E0001", "a_iii_1_2023", "2026-Q1")
    compute(province, "2026-04-12")
    (row,) = rows_of(province, "2026-Q1")
    assert (row["is_expected"], row["status"], row["due_on"]) == (False, "late", date(2026, 4, 10))


def test_developer_reports_for_each_of_its_eco_parks(province: SmallProvince) -> None:
    eco = {"is_eco_park": True, "developer_id": "E0009"}
    rows = [park(QUE_VO, **eco), park("VSIP_BN", **eco), park(QUANG_CHAU, developer_id="E0009")]
    province.register("2026-01-05", "register_parks", rows)
    province.report("2026-03-01", "E0009", "a_4", "2025", park_code=QUE_VO)
    compute(province, "2026-04-01")
    missing = [row for row in rows_of(province, "2025", "A.4") if row["status"] == "missing"]
    assert missing == [], "nobody knows who E0009 is"
    province.register("2026-04-02", "register_enterprises", [enterprise("E0009", "TIEN_SON", role="developer")])
    compute(province, "2026-04-02")
    rows = rows_of(province, "2025", "A.4")
    assert {(r["park_code"], r["enterprise_id"], r["status"]) for r in rows} == {
        (QUE_VO, "E0009", "on_time"),
        ("VSIP_BN", "E0009", "missing"),
    }
    assert {row["province_code"] for row in rows} == {"BN"}


def test_board_reports_for_itself_and_stands_in_no_park(province: SmallProvince) -> None:
    compute(province, "2026-04-20")
    rows = rows_of(province, "2026-Q1", "2103.H.QLKKT")
    assert [(r["enterprise_id"], r["park_code"], r["province_code"], r["status"]) for r in rows] == [
        ("BOARD", None, None, "missing")
    ]


def test_form_that_nobody_must_file_makes_no_duty(province: SmallProvince) -> None:
    province.enterprises("2026-01-05", {"E0001": QUE_VO})
    compute(province, "2026-11-21")
    codes = {row["form_code"] for row in submissions_of(province.lake, "2025")}
    assert {"A.III.2", "05.A", "BN.01"} <= codes
    assert "B.4" not in codes


@pytest.mark.parametrize(
    ("period", "months_after", "day", "expected"),
    [
        ("2026-Q1", 1, 10, date(2026, 4, 10)),
        ("2026-Q4", 1, 10, date(2027, 1, 10)),
        ("2025", 3, 31, date(2026, 3, 31)),
        ("2026-Q1", 1, 31, date(2026, 4, 30)),
        ("2025", 2, 30, date(2026, 2, 28)),
        ("2026-S1", 0, 20, date(2026, 6, 20)),
    ],
)
def test_deadlines_fall_on_days_that_exist(period: str, months_after: int, day: int, expected: date) -> None:
    deadline = Deadline(form="X", frequency="Q", months_after=months_after, day=day, source="test", confidence="low")
    assert due_on(deadline, read_period(period)) == expected
