"""The command `kcn`: refresh a night by hand, backfill, replay; look things up; export.

It must not hold a stage's logic. The surprising fact: `kcn refresh` runs the same Dagster job as the schedule, in this
process and into the same instance, so the UI lists it among the job's runs.
"""

from kcn_pipeline.cli.commands import main

__all__ = ["main"]
