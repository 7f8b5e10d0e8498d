"""Days of the past landed by `kcn backfill` are as if they had come night by night, also after it was cut off."""

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import pytest

from kcn_pipeline.defs.nightly import unpublished_nights
from kcn_pipeline.defs.resources import Installation as Settled
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import read_manifest
from kcn_pipeline_tests.end_to_end.installation import Installation, make_installation
from kcn_pipeline_tests.simulate import Truth, make_truth
from kcn_pipeline_tests.simulate.province import FIRST_PARKS
from kcn_pipeline_tests.simulate.stations.files import write_files
from kcn_pipeline_tests.simulate.stations.fleet import make_station
from kcn_pipeline_tests.simulate.stations.loggers import LOGGERS
from kcn_pipeline_tests.simulate.stations.plans import Fleet

DAYS = [date(2025, 8, 3) + timedelta(days=number) for number in range(4)]
REGISTERED, NIGHTS, LATER = "2025-08-02", ("2025-08-05", "2025-08-07"), "2025-08-09"
CHUNKS = ("2025-08-03..2025-08-04", "2025-08-05..2025-08-06")
FEEDS = (
    {"id": "register", "kind": "register/files", "url": "register"},
    {"id": "stations", "kind": "monitoring/station_files", "url": "stations/live"},
)
RANGE = ("--from", "2025-08-03", "--to", "2025-08-06", "--days", "2")
Facts = list[list[dict[str, Any]]]
#: Everything but on which night a figure was first seen.
FACTS = (
    "SELECT * FROM fct_monitoring_daily ORDER BY station_id, parameter_code, day",
    "SELECT * FROM fct_exceedance ORDER BY station_id, parameter_code, averaging, started_at",
    "SELECT indicator_code, area_code, period_code, value, numerator, denominator, obs_status FROM fct_indicator_value"
    " ORDER BY indicator_code, area_code, period_code",
)


@pytest.fixture(scope="module")
def truth() -> Truth:
    """A wastewater plant whose logger sorts by day, and a stack whose logger does not; every third file of theirs."""
    stations = [
        make_station(FIRST_PARKS[0], "wastewater", 1, LOGGERS[1]),
        make_station(FIRST_PARKS[1], "emission", 1, LOGGERS[0]),
    ]
    return make_truth(parks=2, enterprises=3, quarters=2, seed=3, fleet=Fleet(stations, DAYS))


@pytest.fixture(scope="module")
def registered(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation that knows the register and has no file of a station yet."""
    installation = make_installation(tmp_path_factory.mktemp("registered"), FEEDS, forgets_events=True)
    truth.write(installation.home, last_night=REGISTERED)
    installation.refresh(REGISTERED)
    return installation


def copy(installation: Installation, home: Path) -> Installation:
    shutil.copytree(installation.home, home)
    return Installation(home)


def put_files(installation: Installation, truth: Truth, last_night: str = "9999") -> None:
    files = (file for file in truth.history.files(last_night=last_night) if file.moment.minute % 15 == 0)
    write_files(installation.home / "stations", files, by_source=True)


@pytest.fixture(scope="module")
def ordinary(registered: Installation, truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The same files landed by the nights that follow them."""
    installation = copy(registered, tmp_path_factory.mktemp("ordinary") / "home")
    for night in NIGHTS:
        put_files(installation, truth, night)
        installation.refresh(night)
    return installation


@pytest.fixture(scope="module")
def later(ordinary: Installation, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """The facts of the ordinary nights and one some days after them."""
    installation = copy(ordinary, tmp_path_factory.mktemp("later") / "home")
    installation.refresh(LATER)
    return facts(installation)


@pytest.fixture
def late(registered: Installation, truth: Truth, tmp_path: Path) -> Installation:
    """An installation in which all files of the days lie and none has landed."""
    installation = copy(registered, tmp_path / "home")
    put_files(installation, truth)
    return installation


def backfill(installation: Installation, *arguments: str, expect: int = 0) -> str:
    code, said = installation.run_here("backfill", *RANGE, *arguments)
    assert code == expect, said[-4000:]
    return said


def facts(installation: Installation) -> Facts:
    return [installation.query(query) for query in FACTS]


def landed(installation: Installation) -> dict[str, int]:
    """Files of stations by night."""
    nights = read_manifest(Lake(installation.data), "stations")["night"].value_counts().to_pylist()
    return {row["values"]: row["counts"] for row in nights}


def runs(installation: Installation) -> list[tuple[str, str, str]]:
    """Days, night and state of the runs of backfills, oldest first."""
    home = {"DAGSTER_HOME": str(installation.data / "dagster_home")}
    with mock.patch.dict("os.environ", home), dg.DagsterInstance.get() as instance:
        found = instance.get_runs(dg.RunsFilter(job_name="nightly_refresh"))
    tagged = [run for run in reversed(found) if "kcn/days" in run.tags]
    return [(run.tags["kcn/days"], run.tags["dagster/partition"], run.status.value) for run in tagged]


def unpublished(installation: Installation) -> list[str]:
    settled = Settled(
        data_dir=str(installation.data),
        sources=str(installation.home / "sources.yaml"),
        contracts_dir=None,
        warehouse_url=f"sqlite:///{installation.database}",
    )
    return unpublished_nights(settled, before=LATER)


@contextmanager
def broken_on(night: str, break_: Callable[[], None]) -> Iterator[None]:
    """Something breaks on a night as staging begins, after its files have landed."""
    from kcn_pipeline.staging.monitoring import stage_monitoring

    def stage(lake: Lake, contracts: Any, staged: str, batches: Any) -> Any:
        if staged == night:
            break_()
        return stage_monitoring(lake, contracts, staged, batches)

    with mock.patch("kcn_pipeline.staging.monitoring.stage_monitoring", side_effect=stage):
        yield


def press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def fill_the_disk() -> None:
    raise OSError("disk full")


@pytest.mark.slow
def test_backfilled_days_are_as_if_landed_night_by_night(ordinary: Installation, late: Installation) -> None:
    said = backfill(late)
    assert "2: 2 published\n" in said
    assert "768 new, 0 known" in said
    assert "4 with readings of 4" in said
    assert landed(late) == dict.fromkeys(NIGHTS, 384) == landed(ordinary)
    assert runs(late) == [(CHUNKS[0], NIGHTS[0], "SUCCESS"), (CHUNKS[1], NIGHTS[1], "SUCCESS")]
    means = late.query("SELECT count(*) AS n FROM fct_monitoring_daily WHERE mean IS NOT NULL")
    assert means[0]["n"] >= 4 * 10
    assert late.digest() == ordinary.digest()
    assert unpublished(late) == []

    said = backfill(late)
    assert "2: 2 already done\n" in said
    assert len(runs(late)) == 2
    said = backfill(late, "--from", "2025-08-05", "--again")
    assert "0 new, 384 known" in said
    assert runs(late)[2:] == [(CHUNKS[1], NIGHTS[1], "SUCCESS")]
    assert late.digest() == ordinary.digest()
    late.replay()
    assert late.digest() == ordinary.digest()


@pytest.mark.slow
def test_cut_off_and_started_again(ordinary: Installation, late: Installation) -> None:
    """Ctrl-C ends the command and not only its chunk; what has landed of the chunk is not fetched again."""
    with broken_on(NIGHTS[0], press_ctrl_c):
        said = backfill(late, expect=2)
    assert "2: 1 failed, 1 not begun\n" in said
    assert unpublished(late) == [NIGHTS[0]]
    assert landed(late) == {NIGHTS[0]: 384}
    said = backfill(late)
    assert "2: 2 published\n" in said
    assert "384 new, 384 known" in said
    assert unpublished(late) == []
    assert late.digest() == ordinary.digest()


@pytest.mark.slow
def test_a_failed_chunk_does_not_stop_the_next_and_is_taken_up(late: Installation, later: Facts) -> None:
    with broken_on(NIGHTS[0], fill_the_disk):
        said = backfill(late, expect=2)
    assert "disk full" in said
    assert "2: 1 published, 1 failed\n" in said
    assert f"{CHUNKS[0]}  night {NIGHTS[0]}  NOT published" in said
    # A refresh publishes what was left, as it does for any night; the backfill still takes its days up.
    said = late.refresh(LATER)
    assert f"Night {NIGHTS[0]} landed but was not published; catching up" in said
    assert said.count("catching up") == 1
    said = backfill(late)
    assert "2: 1 published, 1 already done\n" in said
    assert landed(late) == dict.fromkeys(NIGHTS, 384)
    assert facts(late) == later


@pytest.mark.slow
def test_days_that_a_newer_night_has_called_silent(
    later: Facts, registered: Installation, truth: Truth, tmp_path: Path
) -> None:
    """After an outage that was longer than the look-back: what the newer night computed of the days does not stay."""
    installation = copy(registered, tmp_path / "home")
    put_files(installation, truth, "2025-08-04")
    installation.refresh("2025-08-04")
    installation.refresh(LATER)
    put_files(installation, truth)
    backfill(installation)
    assert facts(installation) == later


@pytest.mark.slow
def test_days_before_the_first_register(later: Facts, truth: Truth, tmp_path: Path) -> None:
    """A new installation fetches its history: the register of its first night tells of the stations of old days."""
    installation = make_installation(tmp_path / "home", FEEDS, forgets_events=True)
    truth.write(installation.home, last_night=REGISTERED)
    shutil.rmtree(installation.home / "stations")
    (installation.home / "stations" / "live").mkdir(parents=True)
    installation.refresh(LATER)
    put_files(installation, truth)
    said = backfill(installation)
    # The second chunk computes its own days and not those of the first, which no register has changed since.
    assert "indicators  2 days of stations" in said.partition("[2/2]")[2]
    assert facts(installation) == later
    before = installation.digest()
    installation.replay()
    assert installation.digest() == before
