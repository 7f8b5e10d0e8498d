"""Runs jobs of the code location in this process, into the installation's own Dagster instance.

It must not read options. The surprising fact: Dagster is imported only when the first job runs, so that `kcn show` and
`kcn digest` answer at once.
"""

import logging
import os
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from kcn_pipeline.backfill import DAYS_TAG, Chunk, ChunkResult
from kcn_pipeline.settings import Settings

PUBLISHED, PUBLISHED_WITH_FAILURES, NOTHING_PUBLISHED = 0, 1, 2

#: Makes the UI list a run started here under its job, like those of the schedule.
RUN_TAGS = {".dagster/repository": "__repository__@kcn_pipeline.definitions"}


class Runner:
    """Runs jobs of the code location in this process, with progress on standard error."""

    def __init__(self, settings: Settings) -> None:
        os.environ["DAGSTER_HOME"] = str(prepare_dagster_home(settings))
        _follow_progress()
        from kcn_pipeline.definitions import build_defs
        from kcn_pipeline.defs.resources import Installation

        self.settings = settings
        self.installation = Installation.from_settings(settings)
        self.defs = build_defs()

    def unpublished_nights(self, before: str) -> list[str]:
        """Nights that landed and never published, oldest first."""
        from kcn_pipeline.defs.nightly import unpublished_nights

        return unpublished_nights(self.installation, before)

    def nights_to_replay(self) -> list[str]:
        """Every night in the order in which they landed: a backfilled one must find the register that came before it.

        A night without a payload follows the one before it.
        """
        lake = self.installation.lake
        began: dict[str, datetime] = {}
        for pack in lake.packs():
            _, first, _ = lake.span(pack, "fetched_at")
            night = pack.parent.name.removeprefix("night=")
            began[night] = min(first, began.get(night, first))
        nights, latest = [], datetime.min.replace(tzinfo=UTC)
        for night in lake.landed_nights():
            latest = began.get(night, latest)
            nights.append((latest, night))
        return [night for _, night in sorted(nights)]

    def forget_everything_but_landing(self) -> None:
        """Drop lake and warehouse tables, so that a full replay starts from the payloads alone."""
        from kcn_pipeline.warehouse import drop_warehouse

        with self.installation.lake.lock():
            self.installation.lake.drop_tables()
            drop_warehouse(self.settings.warehouse_url)

    def backfill(self, chunk: Chunk, sources: Sequence[str], again: bool) -> ChunkResult:
        """Land and publish some days, unless a run with the same days and sources has done it."""
        from kcn_pipeline.defs.resources import ONLY_SOURCES
        from kcn_pipeline.landing import read_results

        tags = {DAYS_TAG: chunk.tag, ONLY_SOURCES: ",".join(sources)}
        if not again and (done_by := self._find_success("nightly_refresh", tags)):
            return ChunkResult(chunk, PUBLISHED, done_by)
        code = self.run("nightly_refresh", chunk.night, tags)
        lake = self.installation.lake
        feeds = [feed for feed in read_results(lake, "monitoring", chunk.night) if feed["source"] in sources]
        counted = [
            lake.span(path, "measured_at")[0]
            for day in chunk.days
            for path in lake.slices("validation", "monitoring_readings", chunk.night, [f"day={day}"])
        ]
        return ChunkResult(
            chunk,
            code,
            files=sum(feed["landed"] for feed in feeds),
            known=sum(feed["unchanged"] for feed in feeds),
            readings=sum(counted),
            days=sum(count > 0 for count in counted),
        )

    def _find_success(self, job: str, tags: dict[str, str]) -> str | None:
        """The newest run of a job with these tags that did all it should; None when there is none."""
        import dagster as dg

        wanted = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS], tags=tags)
        with dg.DagsterInstance.get() as instance:
            return next((run.run_id for run in instance.get_runs(wanted, limit=1)), None)

    def run(self, job: str, night: str, tags: dict[str, str]) -> int:
        """Run one job for a night; the exit code of `kcn refresh`. Raises KeyboardInterrupt when it was interrupted."""
        import dagster as dg

        from kcn_pipeline.defs.event_log import keep_event_log_open

        run_id = str(uuid4())
        with dg.DagsterInstance.get() as instance, keep_event_log_open(instance, run_id):
            result = self.defs.resolve_job_def(job).execute_in_process(
                partition_key=night, instance=instance, raise_on_error=False, tags=tags | RUN_TAGS, run_id=run_id
            )
        if result.success:
            return PUBLISHED
        failed = [event for event in result.all_events if event.is_step_failure]
        if any(_is_interrupt(event) for event in failed):
            # Dagster makes a failed step of it, and whoever pressed Ctrl-C does not want the next night to start.
            raise KeyboardInterrupt
        _print_failures(failed or [event for event in result.all_events if event.is_run_failure])
        published = any(event.is_step_success and event.step_key == "publish" for event in result.all_events)
        return PUBLISHED_WITH_FAILURES if published else NOTHING_PUBLISHED


def prepare_dagster_home(settings: Settings) -> Path:
    """The Dagster instance's folder beside the data, with its dagster.yaml in place."""
    home = settings.data_dir / "dagster_home"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shutil.copy(Path(__file__).parent.parent / "defs" / "dagster.yaml", home / "dagster.yaml")
    return home


def _follow_progress() -> None:
    logger = logging.getLogger("kcn_pipeline.progress")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
        logger.addHandler(handler)


def _is_interrupt(event: Any) -> bool:
    error = getattr(event.event_specific_data, "error", None)
    return error is not None and error.cls_name in ("KeyboardInterrupt", "DagsterExecutionInterruptedError")


def _print_failures(failed: Sequence[Any]) -> None:
    """What broke, in its own words; where in the code it happened is for the log."""
    for event in failed:
        data = event.event_specific_data
        user, error = getattr(data, "user_failure_data", None), getattr(data, "error", None)
        while error is not None and error.cause is not None:
            error = error.cause
        if user and user.description:
            said = user.description
        else:
            said = f"{error.message.strip()}\n(the whole story: logs/dagster.log)" if error else event.message
        print(f"\nFAILED {event.step_key or 'run'}:\n{said}", file=sys.stderr)
