"""What modules of whole nights share: the tracked sample, refreshed once for all of them.

It must not hold an installation that a test changes: such a test works on a copy. The surprising fact: workers are
processes of their own, so the first that needs the sample makes it and the others wait at its lock.
"""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from kcn_pipeline_tests.end_to_end.installation import ROOT, Installation
from kcn_pipeline_tests.simulate.__main__ import SAMPLE_NIGHT


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The tracked sample as `make refresh` makes it; Dagster keeps its events as it always does. Only to be read."""
    own = tmp_path_factory.getbasetemp()
    home = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "sample"
    with (home.parent / "sample.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "refreshed").exists():
            _refresh(home)
    return Installation(home)


def _refresh(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    shutil.copy(ROOT / "data" / "sources.yaml", home)
    (home / "inputs").symlink_to(ROOT / "data" / "inputs")
    said = Installation(home).refresh(SAMPLE_NIGHT)
    assert "published" in said
    (home / "refreshed").write_text(said, encoding="utf-8")
