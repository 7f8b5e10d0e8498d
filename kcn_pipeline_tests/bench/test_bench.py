"""The machinery of the benchmarks: figures, medians, the command line, and staging measured on a handful of files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.staging.enterprise_reports import StageResult
from kcn_pipeline.staging.vietnamese import fold
from kcn_pipeline_tests import bench
from kcn_pipeline_tests.bench import __main__ as command
from kcn_pipeline_tests.bench import staging
from kcn_pipeline_tests.bench.figures import Figure, alternate, compare, time_call
from kcn_pipeline_tests.bench.processes import BenchmarkError
from kcn_pipeline_tests.bench.sizes import Sizes

TINY = Sizes(workbooks=6, staging_repetitions=2)


def test_a_figure_is_one_line_of_json() -> None:
    line = Figure("growth", 1.23456, "ratio", 1.5).to_json()
    assert "\n" not in line
    assert json.loads(line) == {"name": "growth", "value": 1.235, "unit": "ratio", "target": 1.5, "ok": True}


@pytest.mark.parametrize(
    ("value", "target", "ok"),
    [(2.9, 3, True), (3.0, 3, True), (3.0004, 3, True), (3.0006, 3, False), (4, 3, False), (99, None, True)],
)
def test_a_figure_is_ok_when_what_is_printed_meets_the_target(value: float, target: float | None, ok: bool) -> None:
    figure = Figure("x", value, "ratio", target)
    assert figure.ok is ok
    assert json.loads(figure.to_json())["ok"] is ok


def test_compare_takes_the_median_of_the_ratios_and_of_each_side() -> None:
    pairs = [(2.0, 1.0), (9.0, 3.0), (80.0, 10.0)]  # ratios 2, 3, 8: not the ratio of the medians, nor the mean
    ratio, one, other = compare("x", 3, pairs, ("staging", "bare"))
    assert ratio == Figure("x", 3.0, "ratio", 3)
    assert (one, other) == (Figure("x.staging", 9.0, "s"), Figure("x.bare", 3.0, "s"))


def test_alternate_measures_both_sides_in_turn() -> None:
    calls: list[str] = []

    def call(side: str) -> float:
        calls.append(side)
        return float(len(calls))

    assert alternate(2, lambda: call("one"), lambda: call("other")) == [(1.0, 2.0), (3.0, 4.0)]
    assert calls == ["one", "other"] * 2


def test_time_call_calls_once() -> None:
    calls: list[int] = []
    assert time_call(lambda: calls.append(1)) >= 0
    assert calls == [1]


def test_an_unknown_benchmark_is_refused_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured: list[Path] = []
    monkeypatch.setattr(command, "BENCHMARKS", {"known": lambda folder, sizes: iter(measured.append(folder) or ())})
    with pytest.raises(SystemExit) as end:
        command.main(["known", "unheard_of"])
    said = capsys.readouterr()
    assert end.value.code == 2
    assert "no benchmark unheard_of" in said.err
    assert "known" in said.err
    assert (said.out, measured) == ("", [])


def test_the_command_prints_a_line_for_every_figure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(folder: Path, sizes: Sizes) -> Iterator[Figure]:
        assert folder.is_dir()
        yield Figure("one", sizes.workbooks, "files", 5)
        yield Figure("one.seconds", 0.5, "s")

    monkeypatch.setattr(command, "BENCHMARKS", {"one": measure, "two": lambda folder, sizes: iter(())})
    command.main(["one"], TINY)
    said = capsys.readouterr()
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [(line["name"], line["ok"]) for line in lines] == [("one", False), ("one.seconds", True)]
    assert "two" not in said.err


def test_every_benchmark_is_explained() -> None:
    assert [name for name in command.BENCHMARKS if f"`{name}`" not in (bench.__doc__ or "")] == []


@pytest.mark.slow
def test_staging_is_measured(tmp_path: Path) -> None:
    figures = {figure.name: figure for figure in staging.measure_staging(tmp_path, TINY)}
    name = "staging_3000_forms_vs_bare_read"
    assert list(figures) == [name, f"{name}.staging", f"{name}.bare_read"]
    assert (figures[name].unit, figures[name].target) == ("ratio", 3)
    assert all(figure.value > 0 for figure in figures.values())
    assert len(list(tmp_path.rglob("*.xlsx"))) == TINY.workbooks


@pytest.mark.slow
def test_staging_finds_empty_caches_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before: list[int] = []
    after: list[int] = []
    stage = staging.stage_reports

    def spy(*arguments: Any) -> StageResult:
        before.append(fold.cache_info().currsize)
        result = stage(*arguments)
        after.append(fold.cache_info().currsize)
        return result

    monkeypatch.setattr(staging, "stage_reports", spy)
    list(staging.measure_staging(tmp_path, TINY))
    assert min(after) > 0
    assert before[1:] == [0] * TINY.staging_repetitions


def test_a_benchmark_that_did_not_do_its_work_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "read_cells", lambda files: 0)
    with pytest.raises(BenchmarkError, match="12 forms were written"):
        list(staging.measure_staging(tmp_path, TINY))
