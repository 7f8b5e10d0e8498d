"""The synthetic stations: same bytes from the same seed, every ugly case, means that can be checked by hand."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline_tests.simulate import make_fleet
from kcn_pipeline_tests.simulate.stations import Fleet, History, Station, make_stations, tabulate, write_station_day
from kcn_pipeline_tests.simulate.stations import events as on
from kcn_pipeline_tests.simulate.stations.judging import Judged, Limit, find_episodes
from kcn_pipeline_tests.simulate.stations.sample import sample_fleet
from kcn_pipeline_tests.simulate.stations.signals import SENSORS, SLOTS, draw_figures
from kcn_pipeline_tests.simulate.stations.traps import TRAPS

DAY = date(2026, 6, 30)
MIDNIGHT = datetime(2026, 6, 30)
PARKS = ("QUE_VO", "VSIP_BN")


@pytest.fixture(scope="module")
def sample() -> History:
    return History(load_contracts(), sample_fleet(), 2026)


def _history(station: Station, *events: on.Event) -> History:
    return History(load_contracts(), Fleet([station], [DAY], {station.station_id: events}), 5)


def _station(kind: str) -> Station:
    return next(one for one in make_stations(10, PARKS) if one.kind == kind)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---- files -----------------------------------------------------------------------------------------------------------


def test_a_clean_day_has_a_file_every_five_minutes_and_nothing_bad(tmp_path: Path) -> None:
    stations = make_stations(10, PARKS)
    assert Counter(one.kind for one in stations) == {"wastewater": 4, "emission": 3, "ambient": 2, "water_supply": 1}
    counts = write_station_day(tmp_path / "one", stations, DAY, seed=3)
    assert counts.files == len(_contents(tmp_path / "one")) == 10 * SLOTS
    assert counts.lines == SLOTS * sum(len(one.sensors) for one in stations)
    assert counts.bad == ()
    write_station_day(tmp_path / "again", stations, DAY, seed=3)
    assert _contents(tmp_path / "one") == _contents(tmp_path / "again")
    oldest = min((tmp_path / "one").rglob("*.txt"), key=lambda path: path.stat().st_mtime)
    assert datetime.fromtimestamp(oldest.stat().st_mtime).year == 2026


def test_a_dirty_day_names_its_bad_lines(tmp_path: Path) -> None:
    counts = write_station_day(tmp_path, make_stations(4, PARKS), DAY, dirty=0.3)
    assert len({rule for _, _, rule in counts.bad}) > 6
    contents = _contents(tmp_path)
    for path, line, rule in counts.bad:
        assert (contents[path] == b"") == (rule == "empty_payload")
        assert line is None or len(contents[path].splitlines()) >= line


def test_figures_of_a_day_depend_on_no_other_day_and_stay_in_range() -> None:
    parameters = load_contracts().monitoring.parameters
    for kind, sensors in SENSORS.items():
        for sensor in sensors:
            figures = draw_figures(1, "A", sensor, DAY)
            limits = parameters[sensor.code].ranges.get(kind) or parameters[sensor.code]  # type: ignore[call-overload]
            assert limits.low <= min(figures) * sensor.factor < max(figures) * sensor.factor <= limits.high
            assert figures == draw_figures(1, "A", sensor, DAY)
            assert figures != draw_figures(1, "A", sensor, DAY + timedelta(days=1))


# ---- the sample ------------------------------------------------------------------------------------------------------


def test_sample_is_small_and_holds_every_kind_trap_and_rule(sample: History) -> None:
    files = list(sample.files())
    assert len(files) <= 7000
    assert sum(len(file.to_bytes()) for file in files) < 3_000_000
    senders = [one for one in sample.stations if one.sends and one.is_connected and one.is_registered]
    assert len(senders) == 8
    assert {one.kind for one in senders} == {"wastewater", "emission", "ambient", "water_supply"}
    cases = [case for station in sample.stations for case in sample.tape(station).cases]
    assert {trap.__name__ for trap in TRAPS} <= {case.case for case in cases}
    rules = {case.rule for case in cases if case.rule}
    known = {*load_contracts().rules, "repeated", "corrected"}
    assert rules - known == set()
    assert {"unknown_station", "inactive_station", "time_in_future", "time_outside_file", "clock_drift"} <= rules


def test_no_truth_of_the_sample_depends_on_times_of_files(sample: History) -> None:
    """Two readings of one parameter, time and feed are the same, or stand in one file."""
    for station in sample.stations:
        seen: dict[tuple[str, str, datetime], tuple[str, object]] = {}
        for file in sample.tape(station).files:
            for line in file.lines:
                if line.sensor and not line.rule:
                    key, said = (file.source, line.sensor.code, line.at), (line.value, line.status)
                    path, before = seen.setdefault(key, (file.path, said))
                    assert path == file.path or before == said
                    seen[key] = file.path, said


def test_tables_have_their_columns(sample: History) -> None:
    for header, rows in tabulate(sample, "2026-07-03").values():
        assert all(len(row) == len(header) for row in rows)


# ---- means, verdicts, episodes ---------------------------------------------------------------------------------------


def test_means_by_hand() -> None:
    """An hour with four failed readings has a mean of eight and is insufficient; the day weighs readings, not hours."""
    station = _station("wastewater")
    history = _history(station, on.fail("cod", MIDNIGHT, MIDNIGHT + timedelta(minutes=20), "0"))
    truth = history.truth_of(station, "2026-07-01")
    row = next(row for row in truth.rows[DAY] if row.means.code == "cod")
    figures = draw_figures(5, station.station_id, station.sensor("cod"), DAY)
    assert row.means.hours[0].n_valid == 8
    assert row.means.hours[0].mean == pytest.approx(sum(figures[4:12]) / 8)
    assert (row.means.whole.n_valid, row.hours_valid) == (284, 23)
    assert row.means.whole.mean == pytest.approx(sum(figures[4:]) / 284)
    flows = draw_figures(5, station.station_id, station.sensor("flow"), DAY)
    hours = [sum(figures[12 * h : 12 * h + 12]) / 12 * sum(flows[12 * h : 12 * h + 12]) / 12 for h in range(1, 24)]
    assert row.load_kg == pytest.approx(24 * sum(hours) / 23 / 1000)


def test_nox_counts_as_no2_in_the_unit_of_stacks() -> None:
    station = _station("emission")
    truth = _history(station).truth_of(station, "2026-07-01")
    means = {row.means.code: row.means.whole.mean for row in truth.rows[DAY]}
    assert means["nox"] == pytest.approx((means["no"] or 0) * 46.006 / 30.006 + (means["no2"] or 0))
    assert 100 < (means["nox"] or 0) < 700


def test_later_reading_of_a_time_counts() -> None:
    station = _station("water_supply")
    noon = MIDNIGHT + timedelta(hours=12)
    again = on.correct(noon, "flow", 2.0, "_1", timedelta(days=1))
    plain = _history(station).truth_of(station, "2026-07-02").readings
    corrected = _history(station, again).truth_of(station, "2026-07-02").readings
    assert corrected.corrected == 1
    value = plain.by_code["flow"][noon][0]
    assert corrected.by_code["flow"][noon][0] == pytest.approx((value or 0) * 2)
    assert _history(station, again).truth_of(station, "2026-07-01").readings.corrected == 0


def test_an_hour_without_a_mean_ends_an_episode() -> None:
    limit = Limit("so2", "1h", None, 100.0, True)
    means: Sequence[float | None] = (99.0, 100.0000001, 120.0, 150.0, None, 130.0, 90.0)
    units = [Judged(MIDNIGHT + timedelta(hours=hour), mean, limit) for hour, mean in enumerate(means)]
    first, second = find_episodes("A", units, 6)
    assert (first.started_at.hour, first.ended_at.hour, first.hours, first.peak, first.ratio) == (2, 4, 2, 150.0, 1.5)
    assert (second.started_at.hour, second.hours) == (5, 1)


def test_a_random_fleet_is_the_same_again_and_gets_worse_with_dirt() -> None:
    contracts = load_contracts()
    clean = make_fleet(3, 2, DAY, seed=4)
    assert clean.plan == {}
    one, other = (History(contracts, make_fleet(3, 2, DAY, seed=4, dirty=0.1), 4) for _ in range(2))
    assert [file.to_bytes() for file in one.files()] == [file.to_bytes() for file in other.files()]
    refused = [bad for station in one.stations for bad in one.truth_of(station, "2026-07-05").readings.bad]
    assert len(refused) > 50
