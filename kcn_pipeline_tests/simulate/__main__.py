"""`python -m kcn_pipeline_tests.simulate`: write a synthetic province, or the tracked sample again.

It must not hold what a province is. The surprising fact: `--tracked` takes no size, because the sample is one fixed
province in which every ugly case occurs.
"""

import argparse
import shutil
from datetime import date, timedelta
from pathlib import Path

from kcn_pipeline_tests.simulate import Truth, make_fleet, make_truth, write_truth
from kcn_pipeline_tests.simulate.periods import quarters_from
from kcn_pipeline_tests.simulate.province import FIRST_PARKS

#: The tracked sample: its seed, and the night its truth speaks of.
SAMPLE_SEED, SAMPLE_NIGHT = 2026, "2026-08-15"
#: The root of the repository.
ROOT = Path(__file__).parents[2]
_FOLDERS = ("reports", "paper_reports", "register", "stations", "surveys")


def main() -> None:
    """Read the command line and write."""
    arguments = _parse()
    if arguments.tracked:
        write_sample(ROOT)
        return
    truth = _make_truth(arguments)
    count = truth.write(arguments.out)
    night = arguments.night or truth.last_night
    write_truth(truth, arguments.out / "truth", night)
    print(f"{count} files below {arguments.out}; truth as of night {night}")


def _make_truth(arguments: argparse.Namespace) -> Truth:
    quarters = quarters_from(arguments.first_quarter, arguments.quarters)
    # The day before the night that lands the last register.
    last_day = arguments.last_day or quarters[-1].next().start + timedelta(days=31)
    parks = FIRST_PARKS[: arguments.parks]
    fleet = None
    if arguments.stations:
        fleet = make_fleet(arguments.stations, arguments.days, last_day, arguments.seed, arguments.dirty, parks)
    return make_truth(
        arguments.parks,
        arguments.enterprises,
        arguments.quarters,
        arguments.seed,
        arguments.dirty,
        arguments.first_quarter,
        fleet=fleet,
    )


def write_sample(root: Path) -> None:
    """Write `data/inputs/` and its truth below the root of the repository, replacing what was there."""
    inputs = root / "data" / "inputs"
    for name in _FOLDERS:
        shutil.rmtree(inputs / name, ignore_errors=True)
    truth = make_truth(seed=SAMPLE_SEED, every_case=True)
    count = truth.write(inputs)
    folder = root / "kcn_pipeline_tests" / "truth" / "sample"
    write_truth(truth, folder, SAMPLE_NIGHT)
    print(f"{count} files below {inputs}; truth as of night {SAMPLE_NIGHT} in {folder}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m kcn_pipeline_tests.simulate", description=main.__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, help="folder to write to; the truth goes to its subfolder truth")
    where.add_argument("--tracked", action="store_true", help="write the tracked sample of the repository anew")
    parser.add_argument("--parks", type=int, default=5)
    parser.add_argument("--enterprises", type=int, default=60)
    parser.add_argument("--quarters", type=int, default=6)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--dirty", type=float, default=0.0, help="share of workbooks and station files with an error")
    parser.add_argument("--stations", type=int, default=0, help="automatic stations, in at most the first five parks")
    parser.add_argument("--days", type=int, default=1, help="days of which the stations send files")
    parser.add_argument("--last-day", type=date.fromisoformat, help="the last of them")
    parser.add_argument("--first-quarter", default="2025-Q1")
    parser.add_argument("--night", type=lambda text: date.fromisoformat(text).isoformat(), help="night of the truth")
    return parser.parse_args()


if __name__ == "__main__":
    main()
