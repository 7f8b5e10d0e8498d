"""How much dearer staging is than merely reading the cells: packs → Parquet against python-calamine alone.

It must not read a form itself. The surprising fact: staging is measured with empty caches, as a night finds them; the
texts of the same files remembered from the repetition before would make it a quarter faster than it is.
"""

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from python_calamine import CalamineWorkbook

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.contracts.sources import load_sources
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import iterate_payloads, land_feed
from kcn_pipeline.staging.enterprise_reports import StageResult, stage_reports
from kcn_pipeline_tests.bench.figures import Figure, alternate, compare, time_call
from kcn_pipeline_tests.bench.processes import BenchmarkError
from kcn_pipeline_tests.bench.sizes import Sizes
from kcn_pipeline_tests.simulate import Truth, make_truth

NIGHT, QUARTER, PARKS = "2026-05-10", "2026-Q1", 20


def measure_staging(folder: Path, sizes: Sizes) -> Iterator[Figure]:
    """Staging of the landed workbooks (two forms each) against opening them and reading every sheet."""
    count = _write_workbooks(folder, sizes.workbooks)
    files = sorted(folder.rglob("*.xlsx"))
    (folder / "sources.yaml").write_text("- {id: reports, kind: enterprise_reports/files, url: reports}\n")
    (feed,) = load_sources(folder / "sources.yaml")
    lake, contracts = Lake(folder / "data"), load_contracts()
    land_feed(lake, feed, NIGHT, folder)

    def stage() -> StageResult:
        return stage_reports(lake, contracts, NIGHT, iterate_payloads(lake, [feed.id], NIGHT))

    result = stage()
    if result.rejected or result.rows["enterprise_reports"] != count or read_cells(files) != count:
        raise BenchmarkError(f"{count} forms were written, staging made {result}")
    pairs = alternate(
        sizes.staging_repetitions, lambda: time_afresh(stage), lambda: time_afresh(lambda: read_cells(files))
    )
    yield from compare("staging_3000_forms_vs_bare_read", 3, pairs, ("staging", "bare_read"))


def time_afresh(call: Callable[[], object]) -> float:
    """The seconds of a call that finds the caches empty; to empty them is not part of it."""
    forget()
    return time_call(call)


def read_cells(files: Sequence[Path]) -> int:
    """Open every workbook and read every cell of every sheet; returns how many sheets there were."""
    count = 0
    for file in files:
        workbook = CalamineWorkbook.from_path(file)
        for name in workbook.sheet_names:
            workbook.get_sheet_by_name(name).to_python()
            count += 1
    return count


def forget() -> None:
    """Empty the caches of staging, and collect what earlier repetitions left behind."""
    for name, module in list(sys.modules.items()):
        if name.startswith("kcn_pipeline.staging"):
            for one in vars(module).values():
                if hasattr(one, "cache_clear"):
                    one.cache_clear()
    gc.collect()


def _write_workbooks(folder: Path, workbooks: int) -> int:
    """Write the workbooks of one quarter with A.III.1 and BN.01; returns the number of forms in them."""
    truth = make_truth(PARKS, PARKS + workbooks * 4 // 3, quarters=1, first_quarter=QUARTER)
    double = [replace(f, path=f"reports/{n}.xlsx") for n, f in enumerate(_with_two_forms(truth)[:workbooks])]
    if len(double) < workbooks:
        raise BenchmarkError(f"{workbooks} workbooks are wanted, the simulated province sends {len(double)}")
    replace(truth, filings=double, register=replace(truth.register, as_of=[])).write(folder)
    return 2 * workbooks


def _with_two_forms(truth: Truth) -> list:
    return [filing for filing in truth.filings if filing.kind == "xlsx" and len(filing.reports) == 2]
