"""An empty lake of stations per test."""

import pytest

from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.indicators.lakes import packaged
from kcn_pipeline_tests.indicators.monitoring.stations import Stations


@pytest.fixture
def stations(lake: Lake) -> Stations:
    """A writer of the lake, with the packaged contracts."""
    return Stations(lake, packaged())
