"""What the tests of surveys share: the packaged contracts, other thresholds, and a lake with a small register."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.validation.survey.nights import register


@pytest.fixture
def lake(tmp_path: Path, contracts: Contracts) -> Lake:
    lake = Lake(tmp_path)
    register(lake, contracts)
    return lake


@pytest.fixture
def with_thresholds(contracts: Contracts) -> Callable[..., Contracts]:
    """The contracts with some thresholds changed."""

    def change(**values: Any) -> Contracts:
        eras = tuple((day, one.model_copy(update=values)) for day, one in contracts.ratings.eras)
        return replace(contracts, ratings=replace(contracts.ratings, eras=eras))

    return change
