"""The benchmark of staging station files, on two stations."""

from pathlib import Path

import pytest

from kcn_pipeline_tests.bench import station_files
from kcn_pipeline_tests.bench.processes import BenchmarkError
from kcn_pipeline_tests.bench.sizes import Sizes


def test_staging_of_station_files_is_measured(tmp_path: Path) -> None:
    measured = station_files.measure_station_files(tmp_path, Sizes(), stations=2, repetitions=1)
    figures = {figure.name: figure for figure in measured}
    name = "station_files_staged_vs_bare_read"
    assert list(figures) == [name, f"{name}.staging", f"{name}.bare_read", "staged_reading_bytes"]
    assert figures[name].target == 2.2
    assert all(figure.value > 0 for figure in figures.values())
    assert len(list(tmp_path.rglob("*.txt"))) == 2 * 288


def test_a_lost_file_is_no_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = station_files.pack_files
    monkeypatch.setattr(station_files, "pack_files", lambda lake, files: pack(lake, files[1:]))
    with pytest.raises(BenchmarkError, match="576 files"):
        list(station_files.measure_station_files(tmp_path, Sizes(), stations=2, repetitions=1))
