"""What the tests of validation share: the packaged contracts, an empty lake, and one with a small register."""

import shutil
from pathlib import Path

import pytest

from kcn_pipeline.contracts import Contracts, load_contracts
from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.validation.frames import NIGHT, run, stage


@pytest.fixture(scope="session")
def contracts() -> Contracts:
    return load_contracts(None)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


@pytest.fixture(scope="session")
def register_folder(tmp_path_factory: pytest.TempPathFactory, contracts: Contracts) -> Path:
    """The data folder of `registered`, validated once."""
    lake = Lake(tmp_path_factory.mktemp("register"))
    stage(lake, contracts, "register_parks", {"developer_id": "E0002"}, {"park_code": "VSIP_BN", "name_vi": "VSIP"})
    stage(
        lake, contracts, "register_enterprises", {},
        {"enterprise_id": "E0002", "tax_code": "2300000002", "park_code": "VSIP_BN", "role": "developer"},
    )  # fmt: skip
    run(lake, contracts, "register", NIGHT)
    return lake.data_dir


@pytest.fixture
def registered(lake: Lake, register_folder: Path) -> Lake:
    """A lake whose register holds the parks QUE_VO and VSIP_BN and the enterprises E0001 (Quế Võ) and E0002 (VSIP)."""
    shutil.copytree(register_folder, lake.data_dir, dirs_exist_ok=True)
    return lake
