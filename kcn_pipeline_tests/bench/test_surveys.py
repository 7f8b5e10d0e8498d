"""The benchmark of surveys, measured on a handful of responses."""

from dataclasses import replace
from pathlib import Path

import pytest

from kcn_pipeline_tests.bench import surveys
from kcn_pipeline_tests.bench.processes import BenchmarkError
from kcn_pipeline_tests.bench.sizes import Sizes

TINY = replace(Sizes(), survey_responses=150, survey_repetitions=1)


@pytest.mark.slow
def test_surveys_are_measured(tmp_path: Path) -> None:
    figures = {figure.name: figure for figure in surveys.measure_surveys(tmp_path, TINY)}
    targets = {name: figure.target for name, figure in figures.items() if figure.target}
    assert targets == {"surveys_10000_vs_json_loads": 12, "surveys_10000_memory": 1024}
    assert all(figure.value > 0 for figure in figures.values())


@pytest.mark.slow
def test_lost_responses_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = surveys.write_pages
    monkeypatch.setattr(surveys, "write_pages", lambda folder, responses: write(folder, responses - 1))
    with pytest.raises(BenchmarkError, match="150 responses were written"):
        list(surveys.measure_surveys(tmp_path, TINY))
