"""The code location loads as the code server loads it; keys, groups, checks, jobs and schedule are frozen.

A renamed asset loses its history in the UI, so a change here is a decision: update `definitions_snapshot.txt` with
`python -m kcn_pipeline_tests.test_definitions`.
"""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from kcn_pipeline.definitions import defs

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


def test_dagster_instance_is_configured_for_one_machine() -> None:
    config = yaml.safe_load((ROOT / "kcn_pipeline" / "defs" / "dagster.yaml").read_text())
    assert config["telemetry"] == {"enabled": False}
    assert config["concurrency"]["runs"]["max_concurrent_runs"] == 1
    assert config["retention"]["schedule"]["purge_after_days"]


if __name__ == "__main__":
    SNAPSHOT.write_text(describe_definitions(), "utf-8")
