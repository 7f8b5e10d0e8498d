"""The event log's files stay open while they should, and hold the same events as without."""

from pathlib import Path

import dagster as dg

from kcn_pipeline.defs.event_log import keep_event_log_open

RUN_ID = "6f2b2d3c-9d0f-4f3e-8b57-0d1f6a3c9e11"


@dg.op
def look_for_logs(context: dg.OpExecutionContext) -> list[str]:
    folder = Path(context.instance.event_log_storage.path_for_shard("index")).parent  # type: ignore[attr-defined]
    return sorted(path.name for path in folder.glob("*-wal"))


@dg.job(executor_def=dg.in_process_executor)
def job() -> None:
    look_for_logs()


def test_files_stay_open_during_a_run_and_are_folded_after_it(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        with keep_event_log_open(instance, RUN_ID):
            result = job.execute_in_process(instance=instance, run_id=RUN_ID)
        assert result.output_for_node("look_for_logs") == [f"{RUN_ID}.db-wal", "index.db-wal"]
        assert list(tmp_path.rglob("*.db-wal")) == []
        assert len(instance.all_logs(RUN_ID)) == len(result.all_events) > 0


@dg.op
def do_nothing() -> None: ...


@dg.job(executor_def=dg.in_process_executor)
def quiet_job() -> None:
    do_nothing()


def test_an_instance_without_files_runs_as_well() -> None:
    with dg.DagsterInstance.ephemeral() as instance, keep_event_log_open(instance, RUN_ID):
        assert quiet_job.execute_in_process(instance=instance, run_id=RUN_ID).success
