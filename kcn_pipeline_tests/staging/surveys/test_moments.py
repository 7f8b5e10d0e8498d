"""Times as tools, people and spreadsheets write them, in local time; what has two meanings has none."""

from datetime import date, datetime

import pytest

from kcn_pipeline.staging.surveys.moments import Order, decide_order, read_moment
from kcn_pipeline.staging.workbooks import Cell
from kcn_pipeline_tests.staging.surveys.reading import stage


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2026-03-02T09:00:05.123+07:00", datetime(2026, 3, 2, 9, 0, 5)),
        ("2026-03-02T02:00:05Z", datetime(2026, 3, 2, 9, 0, 5)),
        ("2026-03-02T02:00:05+0000", datetime(2026, 3, 2, 9, 0, 5)),
        ("2026-03-01T20:30:00-05:30", datetime(2026, 3, 2, 9, 0)),
        ("2026-03-02 09:00", datetime(2026, 3, 2, 9, 0)),
        ("29/08/2026 09:40", datetime(2026, 8, 29, 9, 40)),
        (" 29/08/2026  9:40:07 ", datetime(2026, 8, 29, 9, 40, 7)),
        ("2026/08/29 2:05:07 CH GMT+7", datetime(2026, 8, 29, 14, 5, 7)),
        ("2026/08/29 12:05:07 SA GMT+7", datetime(2026, 8, 29, 0, 5, 7)),
        ("2026/08/29 12:05:07 PM GMT+9", datetime(2026, 8, 29, 10, 5, 7)),
        ("29/8/2026", datetime(2026, 8, 29)),
        (datetime(2026, 8, 29, 9, 40), datetime(2026, 8, 29, 9, 40)),
        (date(2026, 8, 29), datetime(2026, 8, 29)),
        (46263.40277777778, datetime(2026, 8, 29, 9, 40)),
        ("", None),
        ("hôm qua", None),
        ("31/02/2026 09:40", None),
        ("29/08/26 09:40", None),
        ("29/08/2026 25:40", None),
        ("29/08/2026 13:40 CH", None),
        ("29/08/2026 lúc 9 giờ", None),
        ("0001-01-01T00:00:00+14:00", None),
        (2026.0, None),
        (True, None),
    ],
)
def test_reads_a_time(cell: Cell, expected: datetime | None) -> None:
    assert read_moment(cell) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2026-03-02T17:30:00", datetime(2026, 3, 3, 0, 30)),
        (datetime(2026, 3, 2, 17, 30), datetime(2026, 3, 3, 0, 30)),
        ("2026-03-02T17:30:00+07:00", datetime(2026, 3, 2, 17, 30)),
    ],
)
def test_a_time_in_utc_becomes_local_unless_it_names_its_zone(cell: Cell, expected: datetime) -> None:
    assert read_moment(cell, is_utc=True) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [("day", datetime(2026, 9, 8, 9, 40)), ("month", datetime(2026, 8, 9, 9, 40)), (None, None)],
)
def test_the_order_of_day_and_month_decides(order: Order | None, expected: datetime | None) -> None:
    assert read_moment("8/9/2026 9:40", order) == expected


@pytest.mark.parametrize(
    ("cells", "usual", "expected"),
    [
        (["8/9/2026", "29/9/2026"], None, "day"),
        (["8/9/2026", "8/29/2026"], "day", "month"),
        (["8/9/2026", 46263.0, datetime(2026, 8, 29)], "day", "day"),
        (["8/9/2026"], None, None),
        (["29/8/2026", "8/29/2026"], "day", None),
    ],
)
def test_a_column_proves_its_order(cells: list[Cell], usual: Order | None, expected: Order | None) -> None:
    assert decide_order(cells, usual) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("29/8/2026 9:40", datetime(2026, 8, 29, 9, 40)),
        ("8/29/2026 9:40", datetime(2026, 8, 29, 9, 40)),
        ("08/8/2026", datetime(2026, 8, 8)),
        ("2026-09-08", datetime(2026, 9, 8)),
        ("9/8/2026", None),
        ("29/29/2026", None),
    ],
)
def test_without_an_order_a_time_is_what_it_can_only_be(cell: Cell, expected: datetime | None) -> None:
    assert read_moment(cell, None) == expected


def _google(*times: str, head: str = "Dấu thời gian") -> bytes:
    header = f"{head},You answer as,Invitation code,[MG01] Occupancy rate on planned industrial land [Necessity]"
    return "\n".join([header, *(f"{at},Expert,CG-0{n},High" for n, at in enumerate(times, 1))]).encode()


def test_one_time_in_another_order_loses_only_what_has_two_meanings() -> None:
    staged = stage("a.csv", _google("29/08/2026 09:40", "30/08/2026 10:00", "8/31/2026 9:40", "01/09/2026 8:00", "x"))
    days = [row["submitted_at"] and f"{row['submitted_at']:%d.%m.}" for row in staged.responses]
    assert days == ["29.08.", "30.08.", "31.08.", None, None]
    mixed, unread = staged.findings
    assert (mixed.rule, mixed.place.line, mixed.field) == ("mixed_dates", 5, "A")
    told = {name: mixed.said[name] for name in ("expected", "value", "found", "detail")}
    assert told == {"expected": "2, 3", "value": "4", "found": 1, "detail": "5"}
    assert (unread.rule, unread.said["found"], unread.place.cell) == ("unreadable_date", 1, "A6")


@pytest.mark.parametrize(
    ("times", "rules"),
    [
        (["29/08/2026 09:40", "01/09/2026 8:00"], []),
        (["8/29/2026 9:40", "9/1/2026 8:00"], []),
        (["9/1/2026 8:00"], ["unreadable_date"]),
    ],
)
def test_of_one_order_no_mixture_is_told(times: list[str], rules: list[str]) -> None:
    assert stage("a.csv", _google(*times, head="Timestamp")).rules == rules


def test_every_tool_tells_a_mixture() -> None:
    """The start of a LimeSurvey response is in the order of its submission."""
    question = "[MG01] Occupancy rate on planned industrial land [Necessity]"
    files = {
        "kobo.csv": "_uuid,_submission_time,respondent_type,expert_code,mg01_necessity\n{}",
        "lime.csv": f"id,submitdate,lastpage,startlanguage,respondent_type,expert_code,{question}\n{{}}",
        "paper.csv": f"Số phiếu,Ngày nhận phiếu,You answer as,Invitation code,{question}\n{{}}",
    }
    rest = {"kobo.csv": "{0},{1},expert,CG-0{0},4", "lime.csv": "{0},{1},1,vi,expert,CG-0{0},4",
            "paper.csv": "{0},{1},expert,CG-0{0},4"}  # fmt: skip
    for name, text in files.items():
        times = ("29/08/2026 09:40", "8/30/2026 9:40", "01/09/2026 8:00")
        rows = "\n".join(rest[name].format(number, at) for number, at in enumerate(times, 1))
        staged = stage(name, text.format(rows).encode())
        assert "mixed_dates" in staged.rules, (name, staged.findings)
        assert "unreadable_date" not in staged.rules
        assert [row["submitted_at"] is not None for row in staged.responses] == [True, True, False]
