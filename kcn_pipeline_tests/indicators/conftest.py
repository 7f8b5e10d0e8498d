"""One empty lake per test."""

from pathlib import Path

import pytest

from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.indicators.lakes import SmallProvince, packaged


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake without any table."""
    return Lake(tmp_path)


@pytest.fixture
def province(lake: Lake) -> SmallProvince:
    """A writer of the lake."""
    return SmallProvince(lake, packaged())
