"""One empty lake per test, and a writer of rounds."""

import pytest

from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.indicators.surveys.rounds import Rounds, of_indicators


@pytest.fixture
def rounds(lake: Lake) -> Rounds:
    """A writer of rounds that ask two indicators."""
    return Rounds(lake, of_indicators("MG01", "EN02"))
