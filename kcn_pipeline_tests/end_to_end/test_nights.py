"""Nights that do not go smoothly: sources that fail, corrections, late files, overlays, errors in the contracts."""

import os
import shutil
from pathlib import Path
from unittest import mock

import openpyxl
import pytest

from kcn_pipeline.contracts.sources import load_sources
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import FeedResult, land_feed, record_results
from kcn_pipeline.warehouse import NightBatch, PublishedNight
from kcn_pipeline_tests.end_to_end.installation import FOLDERS, Installation, make_installation
from kcn_pipeline_tests.simulate import Truth, make_truth

SIZE = {"parks": 2, "enterprises": 6, "quarters": 2, "seed": 11}


@pytest.fixture(scope="module")
def truth() -> Truth:
    return make_truth(**SIZE)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return make_installation(tmp_path / "home", forgets_events=True)


def leave_unpublished(installation: Installation) -> None:
    """Land the night 2026-11-19, which is not published, since the disk is full."""
    with mock.patch("kcn_pipeline.warehouse.publish_night", side_effect=OSError("disk full")):
        said = installation.refresh("2026-11-19", expect=2)
    assert "disk full" in said


def land(installation: Installation, night: str) -> None:
    """Land a night and do no more, as if the machine had gone down then."""
    lake = Lake(installation.data)
    topics: dict[str, list[FeedResult]] = {}
    for feed in load_sources(installation.home / "sources.yaml"):
        topics.setdefault(feed.topic, []).append(land_feed(lake, feed, night, installation.home))
    for topic, results in topics.items():
        record_results(lake, topic, night, results)


def keep_parks_and_land(register: Path) -> None:
    """Leave of the register's workbooks the newest, and of that the two sheets that a share of land needs."""
    *older, newest = sorted(register.glob("*.xlsx"))
    for path in older:
        path.unlink()
    workbook = openpyxl.load_workbook(newest)
    for name in set(workbook.sheetnames) - {"KCN", "Đất đai"}:
        del workbook[name]
    workbook.save(newest)


@pytest.mark.slow
def test_one_broken_source_is_red_and_the_others_publish(tmp_path: Path, truth: Truth) -> None:
    installation = make_installation(tmp_path / "home")
    truth.write(installation.home)
    feeds = [
        *FOLDERS,
        {"id": "gone", "kind": "enterprise_reports/files", "url": "no_such_folder"},
        {
            "id": "portal",
            "kind": "enterprise_reports/portal",
            "url": "http://127.0.0.1:9",
            "token": "${KCN_TEST_TOKEN}",
        },
    ]
    installation.write_sources(feeds)
    done = installation.kcn("refresh", "--night", truth.last_night, KCN_TEST_TOKEN="s3cret-token")
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "source gone" in said
    assert "source portal" in said
    assert "s3cret-token" not in said
    assert installation.query("SELECT count(*) AS n FROM fct_indicator_value WHERE value IS NOT NULL")[0]["n"] > 0
    (row,) = installation.query("SELECT failures FROM audit_refresh")
    assert "gone" in row["failures"]
    assert "portal" in row["failures"]
    leaks = [path for path in installation.data.rglob("*") if path.is_file() and b"s3cret-token" in path.read_bytes()]
    assert leaks == []


def test_a_mistake_in_the_contracts_stops_everything(installation: Installation, tmp_path: Path) -> None:
    overlay = tmp_path / "contracts"
    overlay.mkdir()
    (overlay / "indicators.yaml").write_text(
        "indicators:\n  - code: SO02\n    numerator: {from: enterprise_report, expression: sum(employees_femal)}\n"
    )
    done = installation.kcn("refresh", KCN_CONTRACTS=str(overlay))
    assert done.returncode == 2
    assert "indicators.yaml:3" in done.stderr
    assert "SO02" in done.stderr
    assert "employees_femal" in done.stderr
    assert not installation.database.exists()
    assert not (installation.data / "landing").exists()


def test_unknown_source_and_bad_sources_file_stop_everything(installation: Installation) -> None:
    assert installation.kcn("refresh", "--source", "nobody").returncode == 2
    (installation.home / "sources.yaml").write_text("- {id: x, kind: carrier_pigeon, url: roof}")
    done = installation.kcn("refresh")
    assert done.returncode == 2
    assert "carrier_pigeon" in done.stderr


@pytest.mark.slow
def test_an_overlay_adds_an_indicator_for_all_periods_without_code(
    installation: Installation, truth: Truth, tmp_path: Path
) -> None:
    truth.write(installation.home)
    installation.refresh(truth.last_night)
    overlay = tmp_path / "contracts"
    overlay.mkdir()
    (overlay / "indicators.yaml").write_text(
        """
version: "2026.2"
indicators:
  - code: EC90
    name: {vi: Doanh thu trên một lao động, en: Revenue per worker}
    dimension: economic
    levels: [enterprise, park, province]
    unit: USD
    frequencies: [Q]
    direction: higher
    numerator: {from: enterprise_report, expression: sum(revenue_usd)}
    denominator: {from: enterprise_report, expression: sum(employees_total)}
    status: proposed
    source: board working group
    confidence: medium
""",
        "utf-8",
    )
    with_overlay = Installation(installation.home, {"KCN_CONTRACTS": str(overlay)})
    with_overlay.refresh("2026-11-20")
    rows = with_overlay.query("SELECT * FROM fct_indicator_value WHERE indicator_code = 'EC90' AND value IS NOT NULL")
    assert {row["period_code"] for row in rows} == {"2025-Q1", "2025-Q2"}
    assert {row["level"] for row in rows} == {"enterprise", "park", "province"}
    assert all(row["value"] == pytest.approx(row["numerator"] / row["denominator"]) for row in rows)
    assert "EC90" in with_overlay.kcn("catalog").stdout


@pytest.mark.slow
@pytest.mark.parametrize("parts", [3, 4])
def test_arrival_order_does_not_matter(parts: int, tmp_path: Path) -> None:
    """Late, resent and corrected files over many nights end in the values that one night with everything gives."""
    dirty = make_truth(**SIZE, dirty=0.4)
    at_once = make_installation(tmp_path / "once", forgets_events=True)
    dirty.write(at_once.home)
    at_once.refresh("2026-11-20")
    spread = make_installation(tmp_path / "spread", forgets_events=True)
    nights = list(dirty.arrivals)
    ends = [*nights[len(nights) // parts :: len(nights) // parts], "2026-11-20"]
    for first, last in zip(["", *ends], ends, strict=False):
        dirty.write(spread.home, first, last)
        spread.refresh(last)
    query = (
        "SELECT indicator_code, area_code, period_code, value, obs_status, n_reporting, n_expected "
        "FROM fct_indicator_value ORDER BY 1, 2, 3"
    )
    assert spread.query(query) == at_once.query(query)
    before = spread.digest()
    assert spread.query("SELECT * FROM fct_indicator_revision")
    spread.replay()
    assert spread.digest() == before


def test_a_second_refresh_at_the_same_time_is_refused(installation: Installation, truth: Truth) -> None:
    truth.write(installation.home)
    with Lake(installation.data).lock():
        done = installation.kcn("refresh", "--night", truth.last_night)
    assert done.returncode == 2
    assert "another refresh is running" in done.stderr
    assert not installation.database.exists()


@pytest.mark.slow
def test_a_night_that_never_published_is_caught_up(installation: Installation, truth: Truth) -> None:
    """A crash after landing: the next night first finishes the one before."""
    truth.write(installation.home)
    keep_parks_and_land(installation.home / "register")
    for folder in ("reports", "paper_reports"):
        shutil.rmtree(installation.home / folder)
        (installation.home / folder).mkdir()
    land(installation, "2026-11-19")
    said = installation.refresh("2026-11-20")
    assert "Night 2026-11-19 landed but was not published" in said
    nights = installation.query("SELECT night FROM audit_refresh ORDER BY night")
    assert [row["night"] for row in nights] == ["2026-11-19", "2026-11-20"]
    first = "SELECT DISTINCT first_published_night FROM fct_indicator_value WHERE indicator_code = 'MG01' AND value > 0"
    assert installation.query(first) == [{"first_published_night": "2026-11-19"}]
    told = "SELECT DISTINCT table_name FROM audit_finding WHERE rule = 'unknown_developer'"
    assert installation.query(told) == [{"table_name": "register_parks"}], "it is told, and stops nothing"


@pytest.mark.slow
def test_a_night_that_cannot_be_caught_up_loses_nothing(installation: Installation, truth: Truth) -> None:
    """What a night landed is computed by the next one that publishes, and the failure stays visible."""
    from kcn_pipeline.warehouse import publish_night

    def publish_all_but_the_first(url: str, batch: NightBatch) -> PublishedNight:
        if batch.night == "2026-11-19":
            raise OSError("disk full")
        return publish_night(url, batch)

    truth.write(installation.home)
    leave_unpublished(installation)
    with mock.patch("kcn_pipeline.warehouse.publish_night", side_effect=publish_all_but_the_first):
        said = installation.refresh("2026-11-20", expect=1)
    assert "Night 2026-11-19 landed but was not published" in said
    assert installation.query("SELECT count(*) AS n FROM fct_indicator_value WHERE value IS NOT NULL")[0]["n"] > 100
    submissions = installation.query("SELECT count(*) AS n FROM fct_report_submission WHERE status = 'on_time'")
    assert submissions[0]["n"] > 10


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_nobody_may_read_is_red_and_the_rest_goes_on(installation: Installation, truth: Truth) -> None:
    truth.write(installation.home)
    locked = next((installation.home / "reports").rglob("*.xlsx"))
    locked.chmod(0)
    said = installation.refresh(truth.last_night, expect=1)
    assert locked.name in said
