"""Published figures: the list keeps what it knew, stated sums are checked, known errors are handled and watched."""

from dataclasses import replace

import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.reference import Correction, PublishedSum
from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.validation.frames import NEXT, NIGHT, findings_of, rows_of, run, stage

FIGURES = "published_figures"
SUM = PublishedSum(total="F1", parts=("F2", "F3"), tolerance=0.005, source="a report", confidence="high")


@pytest.fixture
def contracts(contracts: Contracts) -> Contracts:
    """The packaged contracts with one sum and no known errors."""
    return replace(contracts, corrections={}, published_sums={"F1": SUM})


def _correct(contracts: Contracts, **changes: object) -> Contracts:
    entry = {
        "id": "two_dots", "table": FIGURES, "match": {"figure_id": "F9", "value_raw": "2.811.08"}, "set": {},
        "reason": "printed with two dots", "status": "open", "expect": "found", **changes,
    }  # fmt: skip
    return replace(contracts, corrections={"two_dots": Correction.model_validate(entry)})


def _rules(lake: Lake, night: str = NIGHT) -> list[tuple[str, str, str | None]]:
    return [(f["rule"], f["severity"], f["field"]) for f in findings_of(lake, FIGURES, night)]


def _values(lake: Lake, night: str) -> dict[str, float | None]:
    return {row["figure_id"]: row["value"] for row in rows_of(lake, "validation", FIGURES, night)}


@pytest.mark.parametrize(
    ("total", "parts", "rules"),
    [
        (17.43, (15.4, 2.03), []),
        (17.434, (15.4, 2.03), []),
        (17.436, (15.4, 2.03), [("published_sum_mismatch", "warning", "F1")]),
        (17.43, (15.4, None), []),
        (None, (15.4, 2.03), []),
    ],
)
def test_a_stated_total_is_the_sum_of_its_parts(
    lake: Lake, contracts: Contracts, total: float | None, parts: tuple[float | None, ...], rules: list[object]
) -> None:
    rows = [{"figure_id": f"F{n}", "value": value} for n, value in enumerate((total, *parts), start=1)]
    stage(lake, contracts, FIGURES, *rows)
    run(lake, contracts, FIGURES)
    assert _rules(lake) == rules
    assert len(_values(lake, NIGHT)) == 3, "a wrong sum is told, nothing is taken away"


def test_a_sum_is_judged_across_units(lake: Lake, contracts: Contracts) -> None:
    """1.5 billion is 1,450 million and 50 million; the tolerance is in the unit of the total."""
    rows = [("F1", 1.5, 9), ("F2", 1450.0, 6), ("F3", 50.0, 6)]
    stage(lake, contracts, FIGURES, *({"figure_id": i, "value": v, "unit_mult": m} for i, v, m in rows))
    run(lake, contracts, FIGURES)
    assert _rules(lake) == []


def test_a_newer_list_replaces_figures_and_keeps_the_others(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIGURES, {"figure_id": "F5"}, {"figure_id": "F6"}, {"figure_id": "F7"})
    run(lake, contracts, FIGURES)
    stage(lake, contracts, FIGURES, {"figure_id": "F5", "value": 99.0}, {"figure_id": "F6", "unit": None}, night=NEXT)
    result = run(lake, contracts, FIGURES, NEXT).tables[FIGURES]
    assert _values(lake, NEXT) == {"F5": 99.0, "F6": 12.0, "F7": 12.0}
    assert (result.accepted, result.quarantined, result.stored) == (1, 1, 3)
    assert run(lake, contracts, FIGURES, NEXT).tables[FIGURES].stored == 3


def test_a_known_error_is_noted_and_stays_in_quarantine(lake: Lake, contracts: Contracts) -> None:
    contracts = _correct(contracts)
    row = {"figure_id": "F9", "value": None, "value_raw": "2.811.08", "_problem": "malformed_number"}
    stage(lake, contracts, FIGURES, row)
    run(lake, contracts, FIGURES)
    assert [rule for rule, *_ in _rules(lake)] == ["correction_applied", "malformed_number"]
    assert [row["_rules"] for row in rows_of(lake, "quarantine", FIGURES)] == ["malformed_number"]


def test_a_correction_sets_what_it_says(lake: Lake, contracts: Contracts) -> None:
    contracts = _correct(contracts, set={"value": 2811.05, "_problem": None})
    row = {"figure_id": "F9", "value": None, "value_raw": "2.811.08", "_problem": "malformed_number"}
    stage(lake, contracts, FIGURES, row, {"figure_id": "F8"})
    run(lake, contracts, FIGURES)
    assert _values(lake, NIGHT) == {"F8": 12.0, "F9": 2811.05}
    (finding,) = findings_of(lake, FIGURES)
    assert (finding["rule"], finding["severity"], finding["line"]) == ("correction_applied", "info", 2)


@pytest.mark.parametrize(
    ("expect", "raw", "rules"),
    [
        ("found", "2.811,08", [("correction_not_found", "warning", "two_dots")]),
        ("absent", "2.811,08", []),
        ("absent", "2.811.08", [("correction_applied", "warning", "two_dots")]),
    ],
)
def test_a_correction_that_meets_something_else_says_so(
    lake: Lake, contracts: Contracts, expect: str, raw: str, rules: list[object]
) -> None:
    contracts = _correct(contracts, expect=expect)
    stage(lake, contracts, FIGURES, {"figure_id": "F9", "value_raw": raw})
    run(lake, contracts, FIGURES)
    assert _rules(lake) == rules


def test_the_packaged_corrections_and_sums_name_columns_that_exist() -> None:
    from kcn_pipeline.contracts import load_contracts

    packaged = load_contracts(None)
    for correction in packaged.corrections.values():
        columns = {column.name for column in packaged.tables[correction.table].columns}
        assert set(correction.match) | set(correction.set) <= columns
    assert packaged.published_sums
