"""Settings as a Dagster resource: the data folder, the sources, the contracts, the warehouse.

It must not hold a stage's logic. The surprising fact: the resource holds the lake's lock for as long as a run lives,
because with the in-process executor a resource lives exactly as long as its run.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

import dagster as dg

from kcn_pipeline.contracts import Contracts, load_contracts
from kcn_pipeline.defs.event_log import keep_event_log_open
from kcn_pipeline.lake import Lake
from kcn_pipeline.settings import Settings

#: What a person follows while a refresh runs; `kcn` prints it, Dagster keeps it in the run's log.
progress = logging.getLogger("kcn_pipeline.progress")

#: The tag of a run that asks only some sources (`kcn refresh --source`).
ONLY_SOURCES = "kcn/sources"


class Installation(dg.ConfigurableResource):
    """One installation of the pipeline; see the table "Settings" of the README."""

    data_dir: str
    sources: str
    contracts_dir: str | None
    warehouse_url: str

    @classmethod
    def from_settings(cls, settings: Settings) -> "Installation":
        """The installation that the environment describes."""
        return cls(
            data_dir=str(settings.data_dir),
            sources=str(settings.sources),
            contracts_dir=str(settings.contracts) if settings.contracts else None,
            warehouse_url=settings.warehouse_url,
        )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Installation"]:
        """Hold the lake for the run; raises LakeBusyError when another refresh has it."""
        with self.lake.lock(), ExitStack() as stack:
            if context.instance and context.run_id:
                stack.enter_context(keep_event_log_open(context.instance, context.run_id))
            yield self

    @property
    def lake(self) -> Lake:
        """The lake of the data folder."""
        return Lake(Path(self.data_dir))

    @cached_property
    def contracts(self) -> Contracts:
        """The contracts with the board's own laid over them."""
        return load_contracts(Path(self.contracts_dir) if self.contracts_dir else None)


@dg.logger({}, "Dagster's own log, kept in a file beside the data instead of on the terminal.")
def log_file(context: dg.InitLoggerContext) -> logging.Logger:
    """The logger of every run: `<data>/logs/dagster.log`."""
    path = Settings.from_env().data_dir / "logs" / "dagster.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("kcn_pipeline.dagster")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.FileHandler(path, encoding="utf-8"))
    return logger
