"""How long the code location takes to load: every process of Dagster pays it before it does anything.

It must not run a night. The surprising fact: the library's own import is most of it, hence the ratio.
"""

from collections.abc import Iterator
from pathlib import Path

from kcn_pipeline_tests.bench.figures import Figure, alternate, compare
from kcn_pipeline_tests.bench.processes import run_python
from kcn_pipeline_tests.bench.sizes import Sizes


def measure_definitions(folder: Path, sizes: Sizes) -> Iterator[Figure]:
    """`import kcn_pipeline.definitions` against `import dagster`, each in a fresh process."""
    time_import("kcn_pipeline.definitions")  # compiles what is not compiled yet
    pairs = alternate(
        sizes.definitions_repetitions,
        lambda: time_import("kcn_pipeline.definitions"),
        lambda: time_import("dagster"),
    )
    yield from compare("definitions_load", 2, pairs, ("definitions", "dagster"))


def time_import(module: str) -> float:
    """The seconds of an import in a fresh process, without the start of Python."""
    return float(run_python(f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"))
