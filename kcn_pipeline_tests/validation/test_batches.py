"""Whole batches: what refuses one, that the others are untouched, and that no row is ever lost."""

from typing import Any

import pyarrow as pa
import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.validation import ConservationError
from kcn_pipeline.validation import split as split_module
from kcn_pipeline.validation.batches import LEAST_ROWS_OF_A_SHARE, usual_rows
from kcn_pipeline.validation.context import Context
from kcn_pipeline.validation.judge import judge
from kcn_pipeline.validation.outcomes import Judged
from kcn_pipeline_tests.validation.frames import NIGHT, check, findings_of, rows_of, run, stage, staged_rows

FIGURES = "published_figures"


def _rows(count: int, bad: int = 0, **more: Any) -> list[dict[str, Any]]:
    """`count` figures of which the first `bad` lack their text."""
    return [{"figure_id": f"F{n}", **({"value_raw": None} if n < bad else {}), **more} for n in range(count)]


def _judge(contracts: Contracts, *sources: pa.Table, usual: dict[str, int] | None = None, **volume: Any) -> Judged:
    table = contracts.tables[FIGURES]
    table = table.model_copy(update={"volume": table.volume.model_copy(update=volume)})
    return judge(pa.concat_tables(sources), table, Context(contracts, NIGHT, usual_rows=usual or {}))


def _check(judged: Judged, name: str) -> Any:
    return next(outcome for outcome in judged.checks if outcome.name == name)


@pytest.mark.parametrize(
    ("rows", "bad", "volume", "usual", "rule"),
    [
        (4, 0, {"min_rows": 5}, {}, "volume_low"),
        (5, 0, {"min_rows": 5}, {}, None),
        (6, 0, {"max_rows": 5}, {}, "volume_high"),
        (6, 0, {"min_share_of_previous": 0.7}, {"files": 10}, "drop_from_previous"),
        (7, 0, {"min_share_of_previous": 0.7}, {"files": 10}, None),
        (7, 0, {"min_share_of_previous": 0.7}, {"other": 1000}, None),
        (20, 11, {}, {}, "share_bad"),
        (20, 10, {}, {}, None),
        (LEAST_ROWS_OF_A_SHARE - 1, LEAST_ROWS_OF_A_SHARE - 1, {}, {}, None),
    ],
)
def test_a_batch_is_refused_by_its_rule(
    contracts: Contracts, rows: int, bad: int, volume: dict[str, Any], usual: dict[str, int], rule: str | None
) -> None:
    judged = _judge(contracts, staged_rows(contracts, FIGURES, *_rows(rows, bad)), usual=usual, **volume)
    assert [refusal.rule for refusal in judged.refusals] == ([rule] if rule else [])
    assert judged.quarantine.num_rows == (rows if rule else bad)
    assert judged.accepted.num_rows + judged.quarantine.num_rows == rows
    volume_check = _check(judged, "volume")
    assert (volume_check.passed, volume_check.severity) == ((False, "ERROR") if rule else (True, "WARN"))


def test_a_refused_batch_leaves_the_other_source_alone(contracts: Contracts) -> None:
    broken = staged_rows(contracts, FIGURES, *_rows(20, bad=15), source="broken")
    sound = staged_rows(contracts, FIGURES, *_rows(3), source="sound")
    judged = _judge(contracts, broken, sound)
    assert [refusal.source for refusal in judged.refusals] == ["broken"]
    assert set(judged.accepted.column("_source").to_pylist()) == {"sound"}
    reasons = [row["_rules"] for row in judged.quarantine.to_pylist()]
    assert reasons[0] == "missing_value; batch_refused"
    assert reasons[-1] == "batch_refused"
    assert "75%" in judged.quarantine.to_pylist()[-1]["_reason_en"]
    (batch,) = (finding for finding in judged.findings.to_pylist() if finding["scope"] == "batch")
    assert (batch["rule"], batch["source"], batch["field"]) == ("batch_refused", "broken", "share_bad")


def test_repeated_keys_of_a_whole_batch_are_an_error_of_keys(contracts: Contracts) -> None:
    rows = [{"figure_id": "F1", "value": float(n)} for n in range(12)]
    judged = _judge(contracts, staged_rows(contracts, FIGURES, *rows))
    keys = _check(judged, "keys")
    assert (keys.passed, keys.severity, keys.counts["duplicates"]) == (False, "ERROR", 12)
    assert _check(judged, "volume").passed


def test_a_missing_column_refuses_every_batch(contracts: Contracts) -> None:
    rows = staged_rows(contracts, FIGURES, *_rows(3)).drop_columns(["value"])
    judged = _judge(contracts, rows)
    assert [(refusal.rule, refusal.found) for refusal in judged.refusals] == [("columns_missing", "value")]
    assert (judged.accepted.num_rows, judged.quarantine.num_rows) == (0, 3)
    columns = _check(judged, "columns")
    assert (columns.passed, columns.severity, columns.counts["missing"]) == (False, "ERROR", 1)
    assert columns.samples[0]["rule"] == "batch_refused"


def test_a_column_of_the_wrong_kind_refuses_every_batch(contracts: Contracts) -> None:
    rows = staged_rows(contracts, FIGURES, *_rows(3))
    texts = pa.array(["12", "13", "mười bốn"])
    rows = rows.set_column(rows.schema.get_field_index("value"), "value", texts)
    judged = _judge(contracts, rows)
    assert [refusal.rule for refusal in judged.refusals] == ["wrong_type"]
    assert judged.refusals[0].found == "value (string)"
    assert judged.accepted.num_rows == 0


def test_a_refused_batch_does_not_bury_its_cause_in_findings(contracts: Contracts) -> None:
    judged = _judge(contracts, staged_rows(contracts, FIGURES, *_rows(500, bad=400)))
    rules = [finding["rule"] for finding in judged.findings.to_pylist()]
    assert (rules.count("missing_value"), rules.count("batch_refused")) == (100, 1)
    assert all(row["_rules"] for row in judged.quarantine.to_pylist())


def test_the_usual_number_of_rows_is_that_of_the_newest_state(contracts: Contracts) -> None:
    from datetime import date

    old = staged_rows(contracts, "register_incidents", *({"as_of": date(2025, 12, 31)} for _ in range(9)))
    new = staged_rows(contracts, "register_incidents", {}, {})
    other = staged_rows(contracts, "register_incidents", {"as_of": date(2025, 6, 30)}, source="other")
    assert usual_rows(pa.concat_tables([old, new, other])) == {"files": 2, "other": 1}
    assert usual_rows(None) == {}


def test_refused_figures_keep_the_list_of_before(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIGURES, *_rows(12), night="2026-05-09")
    run(lake, contracts, FIGURES, "2026-05-09")
    stage(lake, contracts, FIGURES, *_rows(12, bad=12))
    result = run(lake, contracts, FIGURES)
    assert result.refused_batches == ((FIGURES, "files"),)
    assert result.tables[FIGURES].stored == 12
    assert check(result.tables[FIGURES], "volume").severity == "ERROR"
    assert rows_of(lake, "validation", FIGURES, NIGHT) == []
    assert len(rows_of(lake, "validation", FIGURES, "2026-05-09")) == 12
    assert len(rows_of(lake, "quarantine", FIGURES)) == 12
    assert "batch_refused" in {finding["rule"] for finding in findings_of(lake, FIGURES)}


def test_a_lost_row_stops_the_night(lake: Lake, contracts: Contracts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever loses a row on the way into quarantine is noticed, because what was written is what is counted."""
    monkeypatch.setattr(split_module, "_with_reasons", lambda rows, why: rows.slice(1))
    stage(lake, contracts, FIGURES, *_rows(3, bad=2))
    with pytest.raises(ConservationError, match=r"3 rows staged, but 1 accepted \+ 1 quarantined") as caught:
        run(lake, contracts, FIGURES)
    assert (caught.value.staged, caught.value.accepted, caught.value.quarantined) == (3, 1, 1)
    assert lake.slices("validation", FIGURES) == lake.slices("quarantine", FIGURES) == []


def test_a_damaged_column_of_sources_is_one_batch_of_its_own(contracts: Contracts) -> None:
    rows = staged_rows(contracts, FIGURES, *_rows(2))
    rows = rows.set_column(rows.schema.get_field_index("_source"), "_source", pa.array([None, "files"], pa.string()))
    judged = _judge(contracts, rows)
    assert judged.accepted.column("_source").to_pylist() == ["files"]
    assert judged.quarantine.to_pylist()[0]["_rules"] == "missing_value"


def test_whole_slice_is_where_registers_lie(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIGURES, *_rows(1))
    run(lake, contracts, FIGURES)
    assert lake.parts("validation", FIGURES) == [WHOLE]
