"""Every packaged contract as a suite: it builds, runs on a real frame, and every rule it can name has its texts."""

from collections import Counter

import pyarrow as pa
import pytest

from kcn_pipeline.contracts import Contracts, load_contracts
from kcn_pipeline.contracts.tables import Table
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.validation.context import Context, frame_for
from kcn_pipeline.validation.run import run_suite
from kcn_pipeline.validation.suites import batch_suite, build_suite, format_value
from kcn_pipeline_tests.validation.frames import NIGHT, staged_rows

STAGED = sorted(
    name for name, table in load_contracts(None).tables.items() if table.is_staged and not table.has_own_bookkeeping
)
#: Rules that validation finds outside the suites.
OWN_RULES = {
    "batch_refused", "share_bad", "older_register", "row_vanished", "versions_overlap", "dates_reversed",
    "date_in_future", "park_conflict", "old_tax_code", "unknown_tax_code", "unknown_park", "missing_value",
    "published_sum_mismatch", "correction_applied", "correction_not_found",
}  # fmt: skip


@pytest.mark.parametrize("name", STAGED)
def test_every_rule_of_a_contract_builds_and_runs_on_one_row(contracts: Contracts, name: str) -> None:
    table = contracts.tables[name]
    suite = build_suite(table, contracts.code_lists, NIGHT)
    rows = staged_rows(contracts, name, {})
    verdicts = run_suite(name, frame_for(rows, suite, Context(contracts, NIGHT)), suite)
    assert [verdict.criterion for verdict in verdicts] == list(suite)
    assert [verdict.error for verdict in verdicts if verdict.criterion.check != "recency"] == [None] * sum(
        criterion.check != "recency" for criterion in suite
    )
    assert all(verdict.passed for verdict in verdicts if verdict.criterion.check in ("columns", "keys"))
    assert {rule.rule for rule in table.rules} <= {criterion.rule for criterion in suite}


@pytest.mark.parametrize("name", STAGED)
def test_every_property_of_a_column_is_judged(contracts: Contracts, name: str) -> None:
    table = contracts.tables[name]
    judged = {(criterion.column, criterion.rule) for criterion in build_suite(table, contracts.code_lists, NIGHT)}
    for column in table.columns:
        assert (column.name, "wrong_type") in judged
        assert not column.required or (column.name, "missing_value") in judged
        assert column.codes is None or (column.name, "not_in_codes") in judged
        assert column.pattern is None or (column.name, "pattern_mismatch") in judged
        assert (column.min, column.max) == (None, None) or (column.name, "out_of_range") in judged


def test_every_rule_that_validation_names_has_texts(contracts: Contracts) -> None:
    tables = [contracts.tables[name] for name in STAGED]
    named = {c.rule for t in tables for c in (*build_suite(t, contracts.code_lists, NIGHT), *batch_suite(t, 10))}
    assert sorted((named | OWN_RULES) - set(contracts.rules)) == []


@pytest.mark.parametrize(("rows", "passed"), [(0, False), (2, False), (3, True), (5, True), (6, False)])
def test_an_empty_frame_is_judged_by_its_number_of_rows(contracts: Contracts, rows: int, passed: bool) -> None:
    table = contracts.tables["register_parks"]
    table = table.model_copy(update={"volume": table.volume.model_copy(update={"min_rows": 3, "max_rows": 5})})
    frame = pa.table({"_source": pa.array(["files"] * rows, pa.string())}).to_pandas()
    assert all(v.passed for v in run_suite("batch", frame, batch_suite(table, usual_rows=None))) is passed


def test_a_missing_column_is_a_verdict_and_no_crash(contracts: Contracts) -> None:
    table = contracts.tables["register_parks"]
    suite = build_suite(table, contracts.code_lists, NIGHT)
    empty = schema_of(table).empty_table().drop_columns(["status"])
    verdicts = run_suite("parks", frame_for(empty, suite, Context(contracts, NIGHT)), suite)
    missing = next(verdict for verdict in verdicts if verdict.criterion.rule == "columns_missing")
    assert (missing.passed, missing.observed) == (False, ["status"])


def test_unexpected_rows_beyond_two_hundred_are_all_known(contracts: Contracts) -> None:
    """The library cuts the list of unexpected values at 200; positions must not be cut."""
    table: Table = contracts.tables["register_parks"]
    suite = [
        c for c in build_suite(table, contracts.code_lists, NIGHT) if c.column == "name_vi" and c.check == "values"
    ]
    rows = staged_rows(contracts, "register_parks", *({"name_vi": None} for _ in range(500)))
    (verdict,) = run_suite("parks", frame_for(rows, suite, Context(contracts, NIGHT), start=1000), suite)
    assert verdict.rows.tolist() == list(range(1000, 1500))


def test_an_expectation_makes_its_configuration_once(contracts: Contracts, monkeypatch: pytest.MonkeyPatch) -> None:
    """As shipped the library makes it dozens of times, which was a third of the time of a suite."""
    from great_expectations.expectations.expectation import Expectation

    made: list[int] = []
    shipped = vars(Expectation)["configuration"]
    counting = property(lambda expectation: (made.append(id(expectation)), shipped.fget(expectation))[1])
    monkeypatch.setattr(Expectation, "configuration", counting)
    rows = staged_rows(contracts, "register_parks", {"name_vi": None})
    suite = [c for c in build_suite(contracts.tables["register_parks"], contracts.code_lists, NIGHT) if c.column]
    verdicts = run_suite("parks", frame_for(rows, suite, Context(contracts, NIGHT)), suite)
    assert not all(verdict.passed for verdict in verdicts)
    assert max(Counter(made).values()) <= 2, "once for the suite, once in the run"
    assert vars(Expectation)["configuration"] is counting, "the library is left as it was"


def test_values_are_written_as_people_write_them() -> None:
    assert [format_value(value) for value in (None, "", 3.0, 0.5, "QUE_VO")] == ["—", "—", "3", "0.5", "QUE_VO"]
