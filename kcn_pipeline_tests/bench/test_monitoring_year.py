"""The year of stations, measured on a handful of days."""

from dataclasses import replace
from pathlib import Path

import pytest

from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.bench import monitoring_year
from kcn_pipeline_tests.bench.processes import BenchmarkError
from kcn_pipeline_tests.bench.sizes import Sizes

TINY = replace(Sizes(), year_stations=10, year_days=8)


@pytest.mark.slow
@pytest.mark.slow
def test_year_is_measured(tmp_path: Path) -> None:
    figures = {figure.name: figure for figure in monitoring_year.measure_monitoring_year(tmp_path, TINY)}
    assert {name for name, figure in figures.items() if figure.target} == {
        "monitoring_year_engine",
        "monitoring_year_memory",
        "monitoring_five_late_days",
    }
    assert all(figure.value > 0 for figure in figures.values())


@pytest.mark.slow
def test_late_days_are_spread_over_the_year(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    night = monitoring_year.FIRST_DAY
    late = monitoring_year.write_late_days(lake, night, stations=10, days=60)
    assert [(day - night).days for day in late] == [10, 20, 30, 40, 50]
    assert len(lake.parts("validation", "monitoring_readings")) == 5


@pytest.mark.slow
def test_lost_readings_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = monitoring_year.write_year
    monkeypatch.setattr(monitoring_year, "write_year", lambda *arguments: write(*arguments) + 1)
    with pytest.raises(BenchmarkError, match="were written"):
        list(monitoring_year.measure_monitoring_year(tmp_path, TINY))
