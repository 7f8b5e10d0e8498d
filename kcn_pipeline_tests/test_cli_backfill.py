"""`kcn backfill`: which days it takes, in which chunks, what it says and how it ends; without running a night."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from unittest import mock

import pytest

from kcn_pipeline.backfill import BackfillError, Chunk, ChunkResult, plan_chunks, read_days, write_summary
from kcn_pipeline.settings import FIRST_NIGHT, Settings, tonight
from kcn_pipeline_tests.end_to_end.installation import Installation, make_installation

FEEDS = (
    {"id": "register", "kind": "register/files", "url": "register"},
    {"id": "stations", "kind": "monitoring/station_files", "url": "stations"},
    {"id": "archive", "kind": "monitoring/station_files", "url": "archive"},
)
TONIGHT, BEGIN = date(2025, 3, 1), date(2025, 1, 1)
YESTERDAY = (date.fromisoformat(tonight()) - timedelta(days=1)).isoformat()


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return make_installation(tmp_path / "home", FEEDS)


# ---- chunks ----------------------------------------------------------------------------------------------------------


def test_days_are_cut_into_chunks_of_the_night_after_them() -> None:
    chunks = plan_chunks(date(2025, 1, 30), date(2025, 2, 13), 7, BEGIN, TONIGHT)
    assert [(chunk.tag, chunk.night, chunk.count) for chunk in chunks] == [
        ("2025-01-30..2025-02-05", "2025-02-06", 7),
        ("2025-02-06..2025-02-12", "2025-02-13", 7),
        ("2025-02-13..2025-02-13", "2025-02-14", 1),
    ]
    assert chunks[1].days[0] == date(2025, 2, 6)
    assert [read_days(chunk.tag) for chunk in chunks] == [(chunk.first, chunk.last) for chunk in chunks]


def test_the_first_and_the_last_day_that_can_be() -> None:
    assert plan_chunks(BEGIN, BEGIN, 1, BEGIN, TONIGHT) == [Chunk(BEGIN, BEGIN)]
    (chunk,) = plan_chunks(date(2025, 2, 28), date(2025, 2, 28), 7, BEGIN, TONIGHT)
    assert chunk.night == TONIGHT.isoformat()


@pytest.mark.parametrize(
    ("first", "last", "calendar", "said"),
    [
        ("2025-02-02", "2025-02-01", "2025-01-01", "--from 2025-02-02 is later than --to 2025-02-01"),
        ("2025-02-01", "2025-03-01", "2025-01-01", "the last day is 2025-02-28"),
        ("2025-02-01", "2030-01-01", "2025-01-01", "the newest night is 2025-03-01"),
        ("2024-12-31", "2025-02-01", "2024-01-01", f"no night before {FIRST_NIGHT}"),
        ("2025-01-31", "2025-02-01", "2025-02-01", "the calendar begins on 2025-02-01 (first_day in contracts"),
    ],
)
def test_days_that_cannot_be_are_refused_with_those_that_can(first: str, last: str, calendar: str, said: str) -> None:
    days = date.fromisoformat(first), date.fromisoformat(last)
    with pytest.raises(BackfillError) as raised:
        plan_chunks(*days, 7, date.fromisoformat(calendar), TONIGHT)
    assert said in str(raised.value)


@pytest.mark.parametrize("tag", ["", "2025-01-01", "2025-01-01..", "2025-01-01..2025-01-32", "a..b..c"])
def test_a_tag_that_is_none_is_refused(tag: str) -> None:
    with pytest.raises(BackfillError, match="kcn/days"):
        read_days(tag)


# ---- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "2025-02-02", "--to", "2025-02-01"], "Nothing was published: --from 2025-02-02 is later than"),
        (["--from", "2025-02-02", "--to", "2999-01-01"], "2999-01-01 has not ended; the last day is"),
        (["--from", "2024-12-31", "--to", "2025-02-01"], "--from 2024-12-31 is too early; the first day is 2025-01-01"),
        (["--from", "2025-02-01", "--to", "2025-02-01", "--source", "register"], "no feed of stations ['register']"),
        (["--from", "2025-02-01", "--to", "2025-02-01", "--source", "nobody"], "there are ['archive', 'stations']"),
    ],
)
def test_what_cannot_be_stops_before_anything_is_done(
    installation: Installation, arguments: list[str], said: str
) -> None:
    code, answer = installation.run_here("backfill", *arguments)
    assert (code, said in answer) == (2, True), answer
    assert "Traceback" not in answer
    assert not installation.data.exists()


def test_the_board_s_own_calendar_bounds_the_days(installation: Installation, tmp_path: Path) -> None:
    overlay = tmp_path / "contracts"
    overlay.mkdir()
    (overlay / "calendar.yaml").write_text("calendar: {first_day: 2025-06-01}\n")
    with_overlay = Installation(installation.home, {"KCN_CONTRACTS": str(overlay)})
    code, said = with_overlay.run_here("backfill", "--from", "2025-05-31", "--to", "2025-06-02")
    assert code == 2
    assert "the first day is 2025-06-01: the calendar begins on 2025-06-01" in said


def test_without_a_feed_of_stations_there_is_nothing_to_backfill(tmp_path: Path) -> None:
    installation = make_installation(tmp_path / "home", FEEDS[:1])
    code, said = installation.run_here("backfill", "--from", "2025-02-01", "--to", "2025-02-01")
    assert (code, "no feed of stations in" in said) == (2, True), said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--to", "2025-02-01"],
        ["--from", "1/2/2025", "--to", "2025-02-01"],
        ["--from", "2025-02-01", "--to", "2025-02-01", "--days", "0"],
        ["--from", "2025-02-01", "--to", "2025-02-01", "--days", "-3"],
        ["--from", "2025-02-01", "--to", "2025-02-01", "--days", "week"],
    ],
)
def test_arguments_that_are_none(installation: Installation, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        installation.run_here("backfill", *arguments)
    assert ended.value.code == 2


class Runner:
    """Runs nothing; remembers what was asked and gives exit codes in turn."""

    codes: Sequence[int] = ()

    def __init__(self, settings: Settings) -> None:
        self.asked: list[tuple[str, tuple[str, ...], bool]] = []
        Runner.last = self

    def backfill(self, chunk: Chunk, sources: Sequence[str], again: bool) -> ChunkResult:
        self.asked.append((chunk.tag, tuple(sources), again))
        return ChunkResult(chunk, self.codes[len(self.asked) - 1], files=5, known=1, readings=1000, days=chunk.count)

    last: "Runner"


@pytest.mark.parametrize(
    ("codes", "worst"), [((0, 0, 0), 0), ((0, 1, 0), 1), ((2, 0, 1), 2), ((2, 2, 2), 2), ((1, 2, 0), 2)]
)
def test_the_worst_chunk_is_the_exit_code_and_every_chunk_is_tried(
    installation: Installation, codes: tuple[int, ...], worst: int
) -> None:
    with mock.patch("kcn_pipeline.cli.nights.Runner", Runner), mock.patch.object(Runner, "codes", codes):
        code, said = installation.run_here("backfill", "--from", "2025-02-01", "--to", "2025-02-05", "--days", "2")
    assert code == worst
    assert Runner.last.asked == [
        ("2025-02-01..2025-02-02", ("archive", "stations"), False),
        ("2025-02-03..2025-02-04", ("archive", "stations"), False),
        ("2025-02-05..2025-02-05", ("archive", "stations"), False),
    ]
    failed = sum(one > 0 for one in codes)
    counts = [f"{n} {word}" for n, word in ((3 - failed, "published"), (failed, "failed")) if n]
    assert f"chunks          3: {', '.join(counts)}\n" in said
    assert "15 new, 3 known" in said
    assert "3,000 accepted" in said
    assert "5 with readings of 5" in said
    assert ("run the same command again" in said) == bool(failed)


def test_sources_and_again_are_passed_on(installation: Installation) -> None:
    arguments = ["--source", "stations", "--source", "stations", "--again"]
    with mock.patch("kcn_pipeline.cli.nights.Runner", Runner), mock.patch.object(Runner, "codes", (0,)):
        code, _ = installation.run_here("backfill", "--from", YESTERDAY, "--to", YESTERDAY, *arguments)
    assert code == 0
    assert Runner.last.asked == [(f"{YESTERDAY}..{YESTERDAY}", ("stations",), True)]


def test_the_summary_tells_every_chunk() -> None:
    first, second, third = chunks = plan_chunks(date(2025, 2, 1), date(2025, 2, 5), 2, BEGIN, TONIGHT)
    done = ChunkResult(first, 0, done_by="0123456789abcdef")
    failed = ChunkResult(second, 2, files=7)
    said = write_summary(chunks, [done, failed])
    assert "Backfill 2025-02-01..2025-02-05\n" in said
    assert "chunks          3: 1 already done, 1 failed, 1 not begun\n" in said
    assert third.tag not in said
    assert "2025-02-01..2025-02-02  night 2025-02-03  already done by run 01234567" in said
    assert "2025-02-03..2025-02-04  night 2025-02-05  NOT published" in said
    assert "7 new, 0 known" in said
    assert "0 with readings of 2" in said
