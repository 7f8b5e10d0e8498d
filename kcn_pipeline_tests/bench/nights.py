"""What whole nights cost: one with nothing new, a large one, and one more on top of a short and of a long history.

It must not look into a stage. The surprising fact: history is landed in one earlier night, because what a night has to
look through does not depend on the nights it came in.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline_tests.bench import processes
from kcn_pipeline_tests.bench.figures import Figure, alternate, compare, time_call
from kcn_pipeline_tests.bench.processes import BenchmarkError
from kcn_pipeline_tests.bench.sizes import Sizes
from kcn_pipeline_tests.end_to_end.installation import Installation, make_installation
from kcn_pipeline_tests.simulate import Truth, make_truth
from kcn_pipeline_tests.simulate.periods import Period

BARE_IMPORT = "import dagster, pandas, great_expectations"
#: No period ends and no deadline passes in the nights after this one.
BEFORE_IDLE_NIGHTS = "2026-08-16"


def measure_idle_night(folder: Path, sizes: Sizes) -> Iterator[Figure]:
    """`kcn refresh` when no file has come, as a process, against importing the libraries it stands on."""
    installation = make_installation(folder)
    make_truth(enterprises=sizes.idle_enterprises, quarters=sizes.idle_quarters).write(folder)
    processes.run_night(installation, BEFORE_IDLE_NIGHTS)
    nights = (_days_after(BEFORE_IDLE_NIGHTS, number) for number in range(1, 100))

    def idle() -> float:
        run = processes.run_night(installation, next(nights))
        if "nothing new" not in run.said or "0 values new or changed" not in run.said:
            raise BenchmarkError(f"the night was not idle: {run.said}")
        return run.seconds

    def bare() -> float:
        return time_call(lambda: processes.run_python(BARE_IMPORT))

    alternate(1, idle, bare)  # warms the caches of the disk
    pairs = alternate(sizes.idle_repetitions, idle, bare)
    yield from compare("idle_night_vs_bare_import", 3, pairs, ("idle_night", "bare_import"))


def measure_memory(folder: Path, sizes: Sizes) -> Iterator[Figure]:
    """The most memory of the process in a night that lands the register and a quarter's reports of many enterprises."""
    installation = make_installation(folder)
    truth = _only_reporters(make_truth(20, 20 + sizes.night_enterprises * 31 // 30, 1), sizes.night_enterprises)
    truth.write(folder)
    run = processes.run_night(installation, truth.last_night)
    if run.peak_mb is None:
        raise BenchmarkError("only Linux tells the most memory a process held")
    yield Figure("night_3000_enterprises_memory", run.peak_mb, "MB", 700)
    yield Figure("night_3000_enterprises_memory.seconds", run.seconds, "s")


def _only_reporters(truth: Truth, count: int) -> Truth:
    """The same province, in which that many reporters (the board is one more) hand in a quarter's forms."""
    reporters = list(dict.fromkeys(filing.reports[0].reporter_id for filing in truth.filings))
    enterprises = [one for one in reporters if one != "BOARD"]
    if len(enterprises) < count:
        raise BenchmarkError(f"{count} reporters are wanted, {len(enterprises)} of the simulated enterprises report")
    kept = {*enterprises[:count], "BOARD"}
    return replace(truth, filings=[f for f in truth.filings if f.reports[0].reporter_id in kept])


# ---- growth ----------------------------------------------------------------------------------------------------------

NEW_QUARTER = Period.of("2026-Q2")
#: Before the first report of the new quarter, and after the last.
HISTORY_NIGHT, NEW_NIGHT = "2026-07-01", "2026-08-16"

_CALENDAR = """
calendar:
  first_day: {first_day}
  breaks:
    - {{level: province, day: 2025-07-01, label: {{vi: Hợp nhất hai tỉnh, en: Two provinces merged}}}}
"""
_RATES = """
exchange_rates:
  - {valid_from: 2015-01-01, valid_to: 2023-12-31, vnd_per_usd: 23500, confidence: low, source: for benchmarks only}
"""


@dataclass(frozen=True)
class _History:
    """An installation before the new night: where it works, and a copy of its data to begin again from."""

    installation: Installation
    saved: Path

    def run_new_night(self) -> float:
        """The seconds of the new night, always from the same state."""
        shutil.rmtree(self.installation.data, ignore_errors=True)
        shutil.copytree(self.saved, self.installation.data)
        run = processes.run_night(self.installation, NEW_NIGHT)
        if "nothing new" in run.said:
            raise BenchmarkError(f"no report came in the new night: {run.said}")
        return run.seconds


def measure_growth(folder: Path, sizes: Sizes) -> Iterator[Figure]:
    """The same new quarter on top of a long history against on top of one quarter, whole processes."""
    quarters = [NEW_QUARTER]
    while len(quarters) <= sizes.growth_quarters:
        quarters.insert(0, quarters[0].previous())
    overlay = _write_overlay(folder / "long_contracts", quarters[0].start)
    truth = make_truth(
        enterprises=sizes.growth_enterprises,
        quarters=len(quarters),
        first_quarter=quarters[0].code,
        contracts=load_contracts(overlay),
    )
    long = _prepare(folder / "long", truth, overlay)
    first_day = NEW_QUARTER.previous().start
    short = _prepare(folder / "short", _since(truth, first_day), _write_overlay(folder / "short_contracts", first_day))
    pairs = alternate(sizes.growth_repetitions, long.run_new_night, short.run_new_night)
    yield from compare("growth_1_vs_20_quarters", 1.5, pairs, ("after_20_quarters", "after_1_quarter"))


def _prepare(home: Path, truth: Truth, overlay: Path) -> _History:
    """Land and publish all but the new quarter in one night, then lay out the files of the new one."""
    made = make_installation(home)
    installation = Installation(home, {"KCN_CONTRACTS": str(overlay)})
    truth.write(home, last_night=HISTORY_NIGHT)
    processes.run_night(installation, HISTORY_NIGHT)
    saved = made.data.rename(home / "saved")
    truth.write(home, first_night=_days_after(HISTORY_NIGHT, 1), last_night=NEW_NIGHT)
    return _History(installation, saved)


def _since(truth: Truth, first_day: date) -> Truth:
    """The same province, of which only files on the time from a day on are there."""
    filings = [filing for filing in truth.filings if filing.reports[0].period.start >= first_day]
    as_of = [day for day in truth.register.as_of if day >= first_day - timedelta(days=1)]
    return replace(truth, filings=filings, register=replace(truth.register, as_of=as_of))


def _write_overlay(folder: Path, first_day: date) -> Path:
    """Contracts whose calendar begins on a day, with an exchange rate for the years the packaged ones leave out."""
    folder.mkdir(parents=True)
    (folder / "calendar.yaml").write_text(_CALENDAR.format(first_day=first_day), "utf-8")
    (folder / "exchange_rates.yaml").write_text(_RATES, "utf-8")
    return folder


def _days_after(night: str, days: int) -> str:
    return (date.fromisoformat(night) + timedelta(days=days)).isoformat()
