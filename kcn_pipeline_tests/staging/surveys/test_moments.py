"""Times as tools, people and spreadsheets write them, in local time; what has two meanings has none."""

from datetime import date, datetime

import pytest

from kcn_pipeline.staging.surveys.moments import Order, decide_order, read_moment
from kcn_pipeline.staging.workbooks import Cell


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
