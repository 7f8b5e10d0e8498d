"""The code location of the pipeline: the stages in order.

It must not hold anything else. The surprising fact: broken contracts stop here, before any run can start.
"""

import dagster as dg

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.defs import indicators, landing, marts, staging, validation, warehouse
from kcn_pipeline.defs.nightly import nightly_refresh, nightly_refresh_schedule, replay_night
from kcn_pipeline.defs.resources import Installation, log_file
from kcn_pipeline.settings import Settings

STAGES = (landing, staging, validation, indicators, warehouse, marts)


def build_defs() -> dg.Definitions:
    """All assets, checks, jobs and the schedule; raises ContractError when the contracts have an error."""
    settings = Settings.from_env()
    contracts = load_contracts(settings.contracts)
    if settings.contracts:  # the packaged formulas are checked by the tests; half a second saved at every load
        from kcn_pipeline.indicators import check_catalog

        check_catalog(contracts)
    return dg.Definitions(
        assets=[asset for stage in STAGES for asset in stage.build_assets(contracts)],
        jobs=[nightly_refresh, replay_night],
        schedules=[nightly_refresh_schedule],
        resources={"installation": Installation.from_settings(settings)},
        loggers={"log_file": log_file},
        executor=dg.in_process_executor,
    )


defs = build_defs()
