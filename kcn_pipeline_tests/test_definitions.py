"""The code location loads as the code server loads it; keys, groups, checks, jobs and schedule are frozen.

A renamed asset loses its history in the UI, so a change here is a decision: update `definitions_snapshot.txt` with
`python -m kcn_pipeline_tests.test_definitions`.
"""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.definitions import defs
from kcn_pipeline.defs.nightly import nightly_refresh_schedule
from kcn_pipeline.defs.warehouse import TABLES, find_sources
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import FeedResult, record_results

ROOT = Path(__file__).parent.parent
SNAPSHOT = Path(__file__).parent / "definitions_snapshot.txt"


def describe_definitions() -> str:
    """Every asset with its group and checks, every job and schedule, a line each."""
    graph = defs.resolve_asset_graph()
    lines = []
    for key in sorted(graph.get_all_asset_keys(), key=lambda key: key.path):
        node = graph.get(key)
        checks = sorted(check.name for check in graph.asset_check_keys if check.asset_key == key)
        lines.append(f"asset {'/'.join(key.path)} group={node.group_name} checks={','.join(checks) or '-'}")
    repository = defs.get_repository_def()
    lines += [f"job {job.name}" for job in sorted(repository.get_all_jobs(), key=lambda job: job.name)]
    for schedule in repository.schedule_defs:
        lines.append(
            f"schedule {schedule.name} {schedule.cron_schedule} {schedule.execution_timezone} {schedule.job_name}"
        )
    return "\n".join(lines) + "\n"


def test_definitions_are_as_frozen() -> None:
    assert describe_definitions() == SNAPSHOT.read_text("utf-8")


def test_definitions_can_run() -> None:
    dg.Definitions.validate_loadable(defs)


def test_workspace_names_the_code_location() -> None:
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())
    assert workspace == {"load_from": [{"python_module": "kcn_pipeline.definitions"}]}


def test_loading_does_not_import_heavy_packages() -> None:
    """As the code server loads it: a fresh interpreter that imports the module of workspace.yaml."""
    program = (
        "import sys, kcn_pipeline.definitions as d; assert d.defs; "
        "print(*[m for m in ('great_expectations', 'pandas', 'duckdb', 'sqlglot', 'openpyxl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("key", ["staging", "validation"])
def test_assets_tell_their_contract(key: str) -> None:
    node = defs.resolve_asset_graph().get(dg.AssetKey([key, "enterprise_report_values"]))
    assert "one field × value column" in node.description
    assert node.owners == ["team:kcn-data"]
    assert node.tags["kcn/source"] == "enterprise_reports"
    assert node.partitions_def is not None
    columns = {column.name: column for column in node.metadata["dagster/column_schema"].columns}
    assert (columns["submitted_on"].type, columns["field_code"].description) == ("timestamp", "item code of the form")


def test_lineage_names_what_fills_a_table() -> None:
    graph = defs.resolve_asset_graph()

    def parents(*key: str) -> set[str]:
        return {"/".join(parent.path) for parent in graph.get(dg.AssetKey(key)).parent_keys}

    assert set(find_sources(load_contracts())) == set(TABLES)
    assert parents("warehouse", "fct_published_figure") == {"validation/published_figures"}
    assert parents("warehouse", "fct_indicator_value") == {"indicators/indicator_values"}
    assert "warehouse/fct_report_submission" in parents("marts", "mart_reporting_compliance")
    assert "warehouse/audit_finding" not in parents("marts", "mart_reporting_compliance")
    assert not [key for key in graph.get_all_asset_keys() if key.path[0] != "landing" and not parents(*key.path)]


def test_schedule_asks_for_nights_while_a_refresh_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KCN_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("KCN_WAREHOUSE_URL", raising=False)
    lake = Lake(tmp_path)
    for night in ("2025-03-20", "2025-03-19"):
        record_results(lake, "register", night, [FeedResult("register", "register", "ok")])
    at = datetime(2025, 3, 20, 18, 30, tzinfo=UTC)  # 01:30 of the 21st
    repository = defs.get_repository_def()
    with lake.lock(), dg.build_schedule_context(scheduled_execution_time=at, repository_def=repository) as context:
        ticked = nightly_refresh_schedule.evaluate_tick(context)
    assert ticked.run_requests is not None
    assert [request.partition_key for request in ticked.run_requests] == ["2025-03-19", "2025-03-20", "2025-03-21"]


def test_dagster_instance_is_configured_for_one_machine() -> None:
    config = yaml.safe_load((ROOT / "kcn_pipeline" / "defs" / "dagster.yaml").read_text())
    assert config["telemetry"] == {"enabled": False}
    assert config["concurrency"]["runs"]["max_concurrent_runs"] == 1
    assert config["python_logs"] == {"managed_python_loggers": ["kcn_pipeline.progress"], "python_log_level": "INFO"}
    assert config["nux"] == {"enabled": False}
    assert config["retention"]["schedule"]["purge_after_days"]


if __name__ == "__main__":
    SNAPSHOT.write_text(describe_definitions(), "utf-8")
