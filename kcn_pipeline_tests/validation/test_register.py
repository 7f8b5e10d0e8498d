"""The register over several nights: references, quarantine, versions, refused batches, running a night twice."""

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.validation.register import in_reference_order
from kcn_pipeline_tests.validation.frames import NEXT, NIGHT, check, findings_of, rows_of, run, stage, staged_rows

JUNE = date(2026, 6, 30)


def _versions(lake: Lake, table: str, night: str, *names: str) -> list[tuple[Any, ...]]:
    names = (*names, "valid_from", "valid_to")
    return [tuple(row[name] for name in names) for row in rows_of(lake, "validation", table, night)]


def _rules(lake: Lake, night: str = NIGHT) -> list[tuple[str, str | None]]:
    return [(finding["rule"], finding["value"]) for finding in findings_of(lake, "register", night)]


def test_tables_are_judged_after_those_they_look_up(contracts: Contracts) -> None:
    order = [table.table for table in in_reference_order(contracts.topic_tables("register"))]
    assert len(order) == len(contracts.topic_tables("register"))
    assert order.index("register_parks") < order.index("register_enterprises") < order.index("register_stations")
    assert order.index("register_stations") < order.index("register_permit_limits")


def test_a_first_register_is_accepted_as_it_has_always_been(registered: Lake) -> None:
    assert _versions(registered, "register_enterprises", NIGHT, "enterprise_id", "park_code") == [
        ("E0001", "QUE_VO", date(1900, 1, 1), None),
        ("E0002", "VSIP_BN", date(1900, 1, 1), None),
    ]
    assert findings_of(registered, "register") == []


def test_references_are_looked_up_in_tonights_and_earlier_rows(registered: Lake, contracts: Contracts) -> None:
    """Enterprises refer to a park known before and one that comes tonight; one refers to a park refused tonight."""
    stage(
        registered, contracts, "register_parks", {}, {"park_code": "VSIP_BN"}, {"park_code": "TIEN_SON"},
        {"park_code": "BROKEN", "status": "no such status"}, night=NEXT,
    )  # fmt: skip
    stage(
        registered, contracts, "register_enterprises", {}, {"enterprise_id": "E0002", "tax_code": "2300000002"},
        {"enterprise_id": "E0003", "tax_code": "2300000003", "park_code": "TIEN_SON"},
        {"enterprise_id": "E0004", "tax_code": "2300000004", "park_code": "BROKEN"}, night=NEXT,
    )  # fmt: skip
    result = run(registered, contracts, "register", NEXT).tables["register_enterprises"]
    assert (result.staged, result.accepted, result.quarantined) == (4, 3, 1)
    assert _rules(registered, NEXT) == [("not_in_codes", "no such status"), ("unknown_park", "BROKEN")]
    (refused,) = rows_of(registered, "quarantine", "register_enterprises", NEXT)
    assert (refused["enterprise_id"], refused["_rules"]) == ("E0004", "unknown_park")


def test_a_developer_whom_the_register_does_not_have_is_told(lake: Lake, contracts: Contracts) -> None:
    """Not by a rule of the contract: enterprises are judged after parks. The park itself is accepted."""
    stage(
        lake, contracts, "register_parks", {"developer_id": "E0001"},
        {"park_code": "VSIP_BN", "developer_id": "E0009"}, {"park_code": "TIEN_SON", "developer_id": None},
    )  # fmt: skip
    stage(lake, contracts, "register_enterprises", {})
    result = run(lake, contracts, "register").tables["register_parks"]
    assert (result.accepted, result.findings) == (3, 1)
    assert _rules(lake) == [("unknown_developer", "E0009")]
    stage(lake, contracts, "register_land", {}, night=NEXT)
    run(lake, contracts, "register", NEXT)
    assert _rules(lake, NEXT) == [], "it is told on the night of the register"


def test_a_newer_register_changes_closes_and_adds(registered: Lake, contracts: Contracts) -> None:
    newer = {"as_of": JUNE}
    stage(
        registered, contracts, "register_enterprises", {**newer, "ownership": "DDI"},
        {**newer, "enterprise_id": "E0003", "tax_code": "2300000003"}, night=NEXT,
    )  # fmt: skip
    run(registered, contracts, "register", NEXT)
    may = date(2026, 5, 9)
    assert _versions(registered, "register_enterprises", NEXT, "enterprise_id", "ownership") == [
        ("E0001", "FDI", date(1900, 1, 1), date(2026, 5, 10)),
        ("E0001", "DDI", date(2026, 5, 11), None),
        ("E0002", "FDI", date(1900, 1, 1), date(2026, 5, 10)),
        ("E0003", "FDI", date(1900, 1, 1), None),
    ], f"a register cannot speak of days after the night, so {JUNE} is read as {NEXT} (and not {may})"
    assert _rules(registered, NEXT) == [("date_in_future", "2026-06-30"), ("row_vanished", "E0002")]


def test_a_quarantined_row_keeps_its_last_version(registered: Lake, contracts: Contracts) -> None:
    stage(
        registered, contracts, "register_enterprises", {"as_of": date(2026, 4, 30)},
        {"enterprise_id": "E0002", "tax_code": "not a code", "as_of": date(2026, 4, 30)}, night=NEXT,
    )  # fmt: skip
    run(registered, contracts, "register", NEXT)
    assert _versions(registered, "register_enterprises", NEXT, "enterprise_id", "tax_code") == [
        ("E0001", "2300000001", date(1900, 1, 1), None),
        ("E0002", "2300000002", date(1900, 1, 1), None),
    ]
    assert [rule for rule, _ in _rules(registered, NEXT)] == ["pattern_mismatch"]


def test_no_thing_vanishes_while_a_row_cannot_say_which_thing_it_is(registered: Lake, contracts: Contracts) -> None:
    april = date(2026, 4, 30)
    rows: list[dict[str, Any]] = [{"as_of": april}, {"as_of": april, "enterprise_id": None}]
    stage(registered, contracts, "register_enterprises", *rows, night=NEXT)
    run(registered, contracts, "register", NEXT)
    assert [rule for rule, _ in _rules(registered, NEXT)] == ["missing_value"]
    assert len(rows_of(registered, "validation", "register_enterprises", NEXT)) == 2


def test_an_older_register_changes_nothing_and_is_told(registered: Lake, contracts: Contracts) -> None:
    stage(
        registered, contracts, "register_enterprises", {"ownership": "DDI", "as_of": date(2025, 12, 31)},
        {"enterprise_id": "E0002", "tax_code": "2300000002", "as_of": date(2025, 12, 31)}, night=NEXT,
    )  # fmt: skip
    result = run(registered, contracts, "register", NEXT).tables["register_enterprises"]
    assert (result.accepted, result.stored) == (2, 2)
    assert _versions(registered, "register_enterprises", NEXT, "enterprise_id", "ownership") == [
        ("E0001", "FDI", date(1900, 1, 1), None),
        ("E0002", "FDI", date(1900, 1, 1), None),
    ]
    assert _rules(registered, NEXT) == [("older_register", "2026-03-31")]


def test_a_second_part_of_the_same_state_adds_and_takes_nothing_away(registered: Lake, contracts: Contracts) -> None:
    """A register may arrive in two workbooks of one date, on two nights."""
    stage(registered, contracts, "register_parks", {"park_code": "TIEN_SON", "name_vi": "Tiên Sơn"}, night=NEXT)
    table = contracts.tables["register_parks"]
    assert table.volume.min_share_of_previous is not None
    result = run(registered, contracts, "register", NEXT).tables["register_parks"]
    assert result.refused_sources == ("files",), "one row after two is a sudden drop"
    rows = [{"park_code": code, "name_vi": code} for code in ("TIEN_SON", "YEN_PHONG")]
    stage(registered, contracts, "register_parks", *rows, night=NEXT)
    assert run(registered, contracts, "register", NEXT).tables["register_parks"].stored == 4
    assert _rules(registered, NEXT) == []


def test_two_registers_of_one_night_are_applied_in_the_order_of_their_dates(lake: Lake, contracts: Contracts) -> None:
    """The newer file comes first in the night; a first night may bring years of registers."""
    stage(
        lake, contracts, "register_parks",
        {"status": "operating", "as_of": date(2026, 3, 31), "_payload": "new", "_file": "a.xlsx"},
        {"status": "building", "as_of": date(2025, 12, 31), "_payload": "old", "_file": "b.xlsx"},
    )  # fmt: skip
    run(lake, contracts, "register")
    assert _versions(lake, "register_parks", NIGHT, "status") == [
        ("building", date(1900, 1, 1), date(2026, 3, 30)),
        ("operating", date(2026, 3, 31), None),
    ]


def test_a_register_of_a_day_to_come_is_named_and_not_its_neighbour(lake: Lake, contracts: Contracts) -> None:
    stage(
        lake, contracts, "register_parks", {"_payload": "good", "_file": "a.xlsx"},
        {"park_code": "VSIP_BN", "as_of": date(2062, 3, 31), "_payload": "late", "_file": "b.xlsx"},
        {"park_code": "TIEN_SON", "as_of": JUNE, "_payload": "later", "_file": "c.xlsx"},
    )  # fmt: skip
    run(lake, contracts, "register")
    late = [found for found in findings_of(lake, "register") if found["rule"] == "date_in_future"]
    assert [(found["file"], found["value"]) for found in late] == [("b.xlsx", "2062-03-31"), ("c.xlsx", "2026-06-30")]


def test_a_register_without_a_date_speaks_of_the_night(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, "register_parks", {"as_of": None})
    run(lake, contracts, "register")
    assert rows_of(lake, "validation", "register_parks")[0]["as_of"] == date.fromisoformat(NIGHT)


def test_events_are_replaced_by_the_newest_register(registered: Lake, contracts: Contracts) -> None:
    events = [{"incident_id": f"I{n}"} for n in range(4)]
    stage(registered, contracts, "register_incidents", *events)
    run(registered, contracts, "register")
    april = {"as_of": date(2026, 4, 30)}
    stage(
        registered, contracts, "register_incidents", {**april, "incident_id": "I0", "hours": 5.0},
        {**april, "incident_id": "I1", "kind": "no such kind"}, {**april, "incident_id": "I2"},
        {**april, "incident_id": "I9"}, night=NEXT,
    )  # fmt: skip
    run(registered, contracts, "register", NEXT)
    kept = {row["incident_id"]: row["hours"] for row in rows_of(registered, "validation", "register_incidents", NEXT)}
    assert kept == {"I0": 5.0, "I1": None, "I2": None, "I9": None}, "I1 was refused and keeps its earlier row"
    assert _rules(registered, NEXT) == [("row_vanished", "I3"), ("not_in_codes", "no such kind")]


def test_a_refused_batch_keeps_the_register_of_before(registered: Lake, contracts: Contracts) -> None:
    rows = [{"enterprise_id": f"E{n}", "tax_code": f"x{n}", "as_of": date(2026, 4, 30)} for n in range(12)]
    stage(registered, contracts, "register_enterprises", *rows, night=NEXT)
    result = run(registered, contracts, "register", NEXT).tables["register_enterprises"]
    assert (result.refused_sources, result.accepted, result.quarantined, result.stored) == (("files",), 0, 12, 2)
    assert check(result, "volume").severity == "ERROR"
    assert registered.nights("validation", "register_enterprises") == [NIGHT]


def test_running_a_night_twice_changes_nothing(registered: Lake, contracts: Contracts) -> None:
    before = rows_of(registered, "validation", "register_enterprises")
    run(registered, contracts, "register")
    assert rows_of(registered, "validation", "register_enterprises") == before
    assert findings_of(registered, "register") == []


def test_a_night_that_no_longer_brings_rows_falls_back_to_the_state_before(
    registered: Lake, contracts: Contracts
) -> None:
    stage(registered, contracts, "register_parks", {"status": "building"}, {"park_code": "VSIP_BN"}, night=NEXT)
    run(registered, contracts, "register", NEXT)
    stage(registered, contracts, "register_parks", night=NEXT)
    result = run(registered, contracts, "register", NEXT).tables["register_parks"]
    assert (result.staged, result.stored) == (0, 2)
    assert _versions(registered, "register_parks", NEXT, "park_code", "status") == _versions(
        registered, "register_parks", NIGHT, "park_code", "status"
    )


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ({}, {}, ["E0002"]),
        ({"valid_to": date(2025, 6, 30)}, {"valid_from": date(2025, 7, 1)}, []),
        ({"valid_to": date(2025, 7, 1)}, {"valid_from": date(2025, 7, 1)}, ["E0002"]),
        ({}, {"tax_code": "2300000002"}, []),
        ({"valid_to": date(2025, 6, 30)}, {"enterprise_id": "E0001", "valid_from": date(2025, 7, 1)}, []),
    ],
)
def test_one_tax_code_has_one_enterprise_at_a_time(
    lake: Lake, contracts: Contracts, first: dict[str, Any], second: dict[str, Any], refused: list[str]
) -> None:
    stage(lake, contracts, "register_parks", {})
    stage(lake, contracts, "register_enterprises", first, {"enterprise_id": "E0002", **second})
    result = run(lake, contracts, "register").tables["register_enterprises"]
    quarantine = rows_of(lake, "quarantine", "register_enterprises")
    assert [row["enterprise_id"] for row in quarantine] == refused
    assert all(row["_rules"] == "duplicate_key" and "E0001" in row["_reason_vi"] for row in quarantine)
    assert check(result, "keys").passed is not bool(refused)


def test_overlapping_rows_of_one_thing_are_cut_and_told(lake: Lake, contracts: Contracts) -> None:
    stage(
        lake, contracts, "register_parks", {"valid_from": date(2024, 1, 1), "valid_to": date(2025, 12, 31)},
        {"valid_from": date(2025, 7, 1), "status": "building"},
    )  # fmt: skip
    run(lake, contracts, "register")
    assert _versions(lake, "register_parks", NIGHT, "status") == [
        ("operating", date(2024, 1, 1), date(2025, 6, 30)),
        ("building", date(2025, 7, 1), None),
    ]
    (finding,) = findings_of(lake, "register")
    assert (finding["rule"], finding["severity"], finding["value"], finding["file"], finding["line"]) == (
        "versions_overlap", "warning", "QUE_VO", "tệp.xlsx", None,
    )  # fmt: skip


@pytest.mark.parametrize("column", ["tax_code", "valid_from"])
def test_a_register_without_a_column_is_refused_whole(registered: Lake, contracts: Contracts, column: str) -> None:
    rows = staged_rows(contracts, "register_enterprises", {}, {})
    wrong = pa.array(["x", "y"]) if column in ("valid_from", "as_of") else pa.array([1.5, 2.5])
    for broken in (rows.drop_columns([column]), rows.set_column(rows.schema.get_field_index(column), column, wrong)):
        registered.replace("staging", "register_enterprises", NEXT, {WHOLE: broken})
        result = run(registered, contracts, "register", NEXT).tables["register_enterprises"]
        assert (result.refused_sources, result.stored) == (("files",), 2)
