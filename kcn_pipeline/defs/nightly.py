"""The night: partition, job, schedule.

It must not know the assets by name. The surprising fact: the schedule also asks for nights whose refresh never
published, oldest first, so a machine that was down for two nights catches up by itself.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from kcn_pipeline.defs.resources import Installation
from kcn_pipeline.settings import FIRST_NIGHT, Settings, tonight

#: The only partition: the local date on which the refresh starts (`end_offset=1`: today exists).
nights = dg.DailyPartitionsDefinition(start_date=FIRST_NIGHT, timezone="Asia/Ho_Chi_Minh", end_offset=1)

_RUN_CONFIG: dict[str, Any] = {"loggers": {"log_file": {}}}

nightly_refresh = dg.define_asset_job(
    "nightly_refresh",
    selection=dg.AssetSelection.all(),
    config=_RUN_CONFIG,
    executor_def=dg.in_process_executor,
    description="Land what is new, stage, validate, compute the indicators and publish the warehouse.",
)

replay_night = dg.define_asset_job(
    "replay_night",
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups("landing"),
    config=_RUN_CONFIG,
    executor_def=dg.in_process_executor,
    description="Everything after landing, from the packs of one night: for nights not published, and for replay.",
)


@dg.schedule(
    name="nightly_refresh_schedule",
    job=nightly_refresh,
    cron_schedule="30 1 * * *",
    execution_timezone="Asia/Ho_Chi_Minh",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="01:30 Asia/Ho_Chi_Minh: nights that did not publish, oldest first, then tonight.",
)
def nightly_refresh_schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
    """One run per night that is still to be done."""
    # Not the resource: that would take the lock of the lake, and the tick would fail while a refresh runs.
    installation = Installation.from_settings(Settings.from_env())
    night = tonight(context.scheduled_execution_time)
    for missed in unpublished_nights(installation, before=night):
        yield dg.RunRequest(run_key=f"{missed}-caught-up-{night}", partition_key=missed, tags={"kcn/catch_up": night})
    yield dg.RunRequest(run_key=night, partition_key=night)


def unpublished_nights(installation: Installation, before: str) -> list[str]:
    """Nights on which something landed and nothing was published (a crash, a full disk), oldest first."""
    from kcn_pipeline.warehouse import read_published_nights

    published = read_published_nights(installation.warehouse_url)
    return [night for night in installation.lake.landed_nights() if night < before and night not in published]
