"""`kcn refresh`: which nights it runs, in which order, and how it ends; without running one."""

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from kcn_pipeline.cli.runner import Runner
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import FeedResult, record_results
from kcn_pipeline_tests.end_to_end.installation import Installation, make_installation

MISSED, TONIGHT = ("2026-11-17", "2026-11-19"), "2026-11-20"


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Three nights landed of which the middle one was published; so did one that is newer than tonight."""
    made = make_installation(tmp_path / "home")
    for night in (MISSED[1], "2026-11-21", "2026-11-18", MISSED[0]):
        record_results(Lake(made.data), "register", night, [FeedResult("register", "register", "ok", landed=1)])
    with (
        mock.patch("kcn_pipeline.warehouse.read_published_nights", return_value={"2026-11-18"}),
        mock.patch("kcn_pipeline.summary.write_summary", return_value=""),
    ):
        yield made


@pytest.mark.parametrize(
    ("of_missed", "of_tonight", "expected"),
    [((0, 0), 0, 0), ((0, 1), 0, 1), ((2, 0), 0, 1), ((0, 0), 1, 1), ((2, 2), 2, 2)],
)
def test_nights_that_never_published_come_first(
    installation: Installation, of_missed: tuple[int, int], of_tonight: int, expected: int
) -> None:
    """A night that could not be caught up is seen in the exit code, and does not keep tonight from being published."""
    codes = dict(zip(MISSED, of_missed, strict=True)) | {TONIGHT: of_tonight}
    ran: list[tuple[str, str]] = []

    def run(_: Runner, job: str, night: str, tags: dict[str, str]) -> int:
        ran.append((job, night))
        return codes[night]

    with mock.patch.object(Runner, "run", run):
        code, said = installation.run_here("refresh", "--night", TONIGHT)
    assert ran == [("replay_night", MISSED[0]), ("replay_night", MISSED[1]), ("nightly_refresh", TONIGHT)]
    assert code == expected
    for night in MISSED:
        assert f"Night {night} landed but was not published" in said
