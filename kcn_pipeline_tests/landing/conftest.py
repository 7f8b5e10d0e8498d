"""What the tests of landing share: a lake in a temporary folder and a portal on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kcn_pipeline.contracts.sources import PortalFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.landing.portal_server import PortalServer, serve

NIGHT = "2026-11-21"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "data")


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[PortalServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with serve() as server:
        monkeypatch.setenv("KCN_PORTAL_TOKEN", server.token)
        yield server


@pytest.fixture
def portal_feed(portal: PortalServer) -> PortalFeed:
    return PortalFeed(
        id="board_portal",
        kind="enterprise_reports/portal",
        url=portal.url,
        token="${KCN_PORTAL_TOKEN}",
        timeout_s=5.0,
        max_file_mb=0.1,
    )
