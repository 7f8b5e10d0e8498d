"""A night that brings nothing: no Great Expectations, no slices, every check passes; and the words of the outcome."""

import subprocess
import sys
from pathlib import Path

import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import Lake
from kcn_pipeline.validation.outcomes import CHECK_NAMES
from kcn_pipeline.validation.topics import TOPICS
from kcn_pipeline_tests.validation.frames import NEXT, NIGHT, findings_of, rows_of, run, stage

PROGRAM = """
import sys
from pathlib import Path
from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.lake import Lake
from kcn_pipeline.validation import validate_topic
from kcn_pipeline.validation.topics import TOPICS
results = [validate_topic(Lake(Path(sys.argv[1])), load_contracts(None), topic, "2026-05-10") for topic in TOPICS]
assert all(check.passed for result in results for table in result.tables.values() for check in table.checks)
print("great_expectations" in sys.modules, sum(len(result.tables) for result in results))
"""


def test_a_quiet_night_never_imports_great_expectations(tmp_path: Path, contracts: Contracts) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True)
    tables = sum(len(contracts.topic_tables(topic)) for topic in TOPICS)
    assert done.stdout.split() == ["False", str(tables)]


@pytest.mark.parametrize("topic", TOPICS)
def test_a_quiet_night_passes_and_writes_nothing(lake: Lake, contracts: Contracts, topic: str) -> None:
    result = run(lake, contracts, topic)
    assert (result.topic, result.night, result.findings, result.refused_batches) == (topic, NIGHT, 0, ())
    assert set(result.tables) == {table.table for table in contracts.topic_tables(topic)}
    for table in result.tables.values():
        assert [check.name for check in table.checks] == list(CHECK_NAMES)
        assert all(check.passed and check.counts == {"rows": 0} for check in table.checks)
        assert lake.slices("validation", table.table) == lake.slices("quarantine", table.table) == []


def test_running_again_without_rows_leaves_nothing_of_the_first_run(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, "register_parks", {"status": "no such status"}, {"park_code": "VSIP_BN"})
    run(lake, contracts, "register")
    assert (len(findings_of(lake, "register")), len(rows_of(lake, "quarantine", "register_parks"))) == (1, 1)
    stage(lake, contracts, "register_parks")
    run(lake, contracts, "register")
    assert findings_of(lake, "register") == rows_of(lake, "quarantine", "register_parks") == []
    assert rows_of(lake, "validation", "register_parks") == []


def test_the_state_before_is_kept_on_a_quiet_night(registered: Lake, contracts: Contracts) -> None:
    result = run(registered, contracts, "register", NEXT)
    assert (result.tables["register_parks"].staged, result.tables["register_parks"].stored) == (0, 2)
    assert registered.nights("validation", "register_parks") == [NIGHT]


def test_an_unknown_topic_is_named(lake: Lake, contracts: Contracts) -> None:
    with pytest.raises(KeyError, match="weather"):
        run(lake, contracts, "weather")
