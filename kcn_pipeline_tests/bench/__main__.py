"""`python -m kcn_pipeline_tests.bench [NAME …]`: measure, and print one JSON line per figure.

It must not measure itself. The surprising fact: a missed target is said by `ok` and not by the exit code, which tells
only whether everything could be measured.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kcn_pipeline_tests.bench.definitions import measure_definitions
from kcn_pipeline_tests.bench.figures import Figure
from kcn_pipeline_tests.bench.monitoring_day import measure_monitoring_day
from kcn_pipeline_tests.bench.monitoring_year import measure_monitoring_year
from kcn_pipeline_tests.bench.nights import measure_growth, measure_idle_night, measure_memory
from kcn_pipeline_tests.bench.sizes import Sizes
from kcn_pipeline_tests.bench.staging import measure_staging
from kcn_pipeline_tests.bench.station_files import measure_station_files
from kcn_pipeline_tests.bench.surveys import measure_surveys
from kcn_pipeline_tests.bench.transfers import measure_ftp, measure_sftp

#: Name → what measures it, given an empty folder of its own and the sizes.
BENCHMARKS: dict[str, Callable[[Path, Sizes], Iterator[Figure]]] = {
    "staging_3000_forms_vs_bare_read": measure_staging,
    "definitions_load": measure_definitions,
    "idle_night_vs_bare_import": measure_idle_night,
    "night_3000_enterprises_memory": measure_memory,
    "growth_1_vs_20_quarters": measure_growth,
    "station_files_staged_vs_bare_read": measure_station_files,
    "monitoring_day": measure_monitoring_day,
    "monitoring_year": measure_monitoring_year,
    "surveys": measure_surveys,
    "sftp_file_at_20_ms": measure_sftp,
    "ftp_file_at_20_ms": measure_ftp,
}


def main(arguments: Sequence[str] | None = None, sizes: Sizes = Sizes()) -> None:
    """Measure the benchmarks named (all if none is) and print their figures; progress goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m kcn_pipeline_tests.bench", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names = parser.parse_args(arguments).names
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        print(f"{time.strftime('%H:%M:%S')}  {name} …", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="kcn_bench_") as folder:
            for figure in BENCHMARKS[name](Path(folder), sizes):
                print(figure.to_json(), flush=True)
    print(f"{time.strftime('%H:%M:%S')}  done", file=sys.stderr)


if __name__ == "__main__":
    main()
