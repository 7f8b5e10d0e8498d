"""What all tests share: the order in which modules start, the packaged contracts read once, and the PostgreSQL server.

It must not hold what only one folder needs. The surprising fact: workers take whole modules, so a long module that
starts last is waited for; the longest start first.
"""

import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unittest import mock

import pytest

from kcn_pipeline.contracts import loader
from kcn_pipeline.contracts.documents import Document, read_document
from kcn_pipeline_tests.warehouse.databases import postgres_server

__all__ = ["postgres_server"]

#: Modules that take many seconds, the longest first; `test_survey` after `test_sample`, whose night it waits for.
LONGEST = (
    "end_to_end/test_sample.py",
    "end_to_end/test_nights.py",
    "end_to_end/test_backfill.py",
    "end_to_end/test_kobo.py",
    "end_to_end/test_monitoring.py",
    "indicators/test_compute.py",
    "end_to_end/test_survey.py",
    "warehouse/test_publish.py",
    "warehouse/test_values.py",
    "validation/survey/test_versions.py",
    "indicators/test_incremental.py",
    "validation/survey/test_files.py",
    "validation/survey/test_invited.py",
    "validation/test_reports.py",
    "indicators/monitoring/test_nights.py",
    "end_to_end/test_contradictions.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Keep the order below: pytest-xdist would start the modules with many tests first, and those are quick.

    And let the collector of garbage rest.
    """
    config.option.loadscopereorder = False
    # What a test leaves is little, what is imported is much: looking through it all the time takes a tenth of the run.
    gc.set_threshold(50_000, 20, 100)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest modules first."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session", autouse=True)
def packaged_contracts_read_once() -> Iterator[None]:
    """Parse each packaged file once per process; the files of an overlay are parsed whenever one loads contracts."""
    read_packaged = cache(read_document)

    def read(path: Path) -> Document:
        return read_packaged(path) if path.is_relative_to(loader.PACKAGED) else read_document(path)

    with mock.patch.object(loader, "read_document", read):
        yield
