"""What tests of the warehouse share: empty warehouses, and one that holds a night."""

from pathlib import Path

import pytest

from kcn_pipeline.lake import Lake
from kcn_pipeline.warehouse.publish import publish_night
from kcn_pipeline_tests.warehouse.batches import batch
from kcn_pipeline_tests.warehouse.databases import postgres_url, sqlite_url, warehouse_url

__all__ = ["postgres_url", "sqlite_url", "warehouse_url"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "data")


@pytest.fixture(scope="package")
def first_night_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A warehouse that holds the first night; shared, because every batch it is given must be refused."""
    url = f"sqlite:///{tmp_path_factory.mktemp('refusing') / 'warehouse.db'}"
    publish_night(url, batch())
    return url
