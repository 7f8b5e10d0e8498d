"""`python -m kcn_pipeline_tests.simulate`: write a synthetic province, or the tracked sample again.

It must not hold what a province is. The surprising fact: `--tracked` takes no size, because the sample is one fixed
province in which every ugly case occurs.
"""

import argparse
import shutil
from datetime import date
from pathlib import Path

from kcn_pipeline_tests.simulate import make_truth, write_truth

#: The tracked sample: its seed, and the night its truth speaks of.
SAMPLE_SEED, SAMPLE_NIGHT = 2026, "2026-08-15"
#: The root of the repository.
ROOT = Path(__file__).parents[2]
_FOLDERS = ("reports", "paper_reports", "register")


def main() -> None:
    """Read the command line and write."""
    arguments = _parse()
    if arguments.tracked:
        write_sample(ROOT)
        return
    truth = make_truth(
        arguments.parks,
        arguments.enterprises,
        arguments.quarters,
        arguments.seed,
        arguments.dirty,
        arguments.first_quarter,
    )
    count = truth.write(arguments.out)
    night = arguments.night or truth.last_night
    write_truth(truth, arguments.out / "truth", night)
    print(f"{count} files below {arguments.out}; truth as of night {night}")


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
    parser.add_argument("--dirty", type=float, default=0.0, help="share of quarterly workbooks that get an error")
    parser.add_argument("--first-quarter", default="2025-Q1")
    parser.add_argument("--night", type=lambda text: date.fromisoformat(text).isoformat(), help="night of the truth")
    return parser.parse_args()


if __name__ == "__main__":
    main()
