"""`kcn`: refresh a night by hand, backfill, replay, show original bytes, fingerprint, list the catalog.

It must not hold a stage's logic. The surprising fact: `kcn refresh` runs the same Dagster job as the schedule, in this
process and into the same instance, so the UI lists it among the job's runs.
"""

import argparse
import logging
import os
import shutil
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from kcn_pipeline.backfill import DAYS_TAG, Chunk, ChunkResult, plan_chunks
from kcn_pipeline.contracts import ContractError, load_contracts
from kcn_pipeline.settings import Settings, parse_night, tonight

PUBLISHED, PUBLISHED_WITH_FAILURES, NOTHING_PUBLISHED = 0, 1, 2

#: Makes the UI list a run started here under its job, like those of the schedule.
RUN_TAGS = {".dagster/repository": "__repository__@kcn_pipeline.definitions"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (see `kcn COMMAND --help`)."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options, Settings.from_env())
    except ContractError as error:
        print(f"The contracts or the sources file have errors; nothing was run.\n{error}", file=sys.stderr)
        return NOTHING_PUBLISHED
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        print("Interrupted; run the same command again.", file=sys.stderr)
        return NOTHING_PUBLISHED
    except Exception as error:
        if not type(error).__module__.startswith("kcn_pipeline."):
            traceback.print_exc()
        publishes = options.run in (_refresh, _backfill, _replay)
        print(f"Nothing was published: {error}" if publishes else error, file=sys.stderr)
        return NOTHING_PUBLISHED if publishes else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kcn", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    refresh = commands.add_parser("refresh", help="land what is new and publish the night")
    refresh.add_argument("--night", type=_night, help="YYYY-MM-DD, default: tonight in Vietnam")
    refresh.add_argument("--source", action="append", metavar="ID", help="ask only this source; may be given again")
    refresh.set_defaults(run=_refresh)

    backfill = commands.add_parser(
        "backfill",
        help="land and publish days of the past from the feeds of stations",
        description="Land and publish days of the past, a run for every chunk of days. Run it again after a fault: what"
        " is done is skipped. Exit code: 0 all published, 1 something broke, 2 some chunk was not published.",
    )
    backfill.add_argument("--from", dest="first", type=_day, required=True, metavar="DAY", help="the first, YYYY-MM-DD")
    backfill.add_argument(
        "--to", dest="last", type=_day, required=True, metavar="DAY", help="the last, at most yesterday"
    )
    backfill.add_argument("--days", type=_count, default=7, metavar="N", help="so many days a run (default: 7)")
    backfill.add_argument("--source", action="append", metavar="ID", help="ask only this feed; may be given again")
    backfill.add_argument("--again", action="store_true", help="also days that are done: their new and changed files")
    backfill.set_defaults(run=_backfill)

    replay = commands.add_parser("replay", help="rebuild lake and warehouse from the landed payloads")
    replay.add_argument("--from", dest="first", type=_night, metavar="NIGHT", help="only nights from this one on")
    replay.add_argument("--to", dest="last", type=_night, metavar="NIGHT", help="only nights up to this one")
    replay.set_defaults(run=_replay)

    show = commands.add_parser("show", help="the original bytes of a payload")
    show.add_argument("payload", metavar="SHA256_OR_NAME", help="a sha256 (or its beginning) or the payload's name")
    show.add_argument("--out", type=Path, metavar="FILE", help="write here instead of standard output")
    show.set_defaults(run=_show)

    digest = commands.add_parser("digest", help="one sha256 over every dim_ and fct_ table")
    digest.set_defaults(run=_digest)

    catalog = commands.add_parser("catalog", help="the indicators, as they are configured")
    catalog.add_argument("--markdown", action="store_true", help="as a Markdown table")
    catalog.set_defaults(run=_catalog)
    return parser


def _night(text: str) -> str:
    try:
        return parse_night(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write it as YYYY-MM-DD") from None


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days, such as 7")
    return int(text)


# ---- refresh, backfill and replay --------------------------------------------------------------------------------


def _refresh(options: argparse.Namespace, settings: Settings) -> int:
    from kcn_pipeline.contracts.sources import load_sources
    from kcn_pipeline.summary import write_summary

    known = {feed.id for feed in load_sources(settings.sources)}
    if unknown := set(options.source or ()) - known:
        print(f"no source {sorted(unknown)} in {settings.sources}; there are {sorted(known)}", file=sys.stderr)
        return NOTHING_PUBLISHED
    night = options.night or tonight()
    tags = {"kcn/sources": ",".join(options.source)} if options.source else {}
    runner = _Runner(settings)
    caught_up = PUBLISHED
    for missed in runner.unpublished_nights(before=night):
        print(f"Night {missed} landed but was not published; catching up.", file=sys.stderr)
        caught_up = max(caught_up, runner.run("replay_night", missed, {}))
    code = runner.run("nightly_refresh", night, tags)
    if code == PUBLISHED and caught_up != PUBLISHED:
        # Tonight computed what the missed night landed, but that night has no audit and will be tried again.
        code = PUBLISHED_WITH_FAILURES
    print(write_summary(settings, night, code))
    return code


def _backfill(options: argparse.Namespace, settings: Settings) -> int:
    from kcn_pipeline.backfill import write_summary
    from kcn_pipeline.contracts.sources import load_sources
    from kcn_pipeline.landing import can_land_days

    known = sorted(feed.id for feed in load_sources(settings.sources) if can_land_days(feed))
    sources = sorted(set(options.source or known))
    if not sources or set(sources) - set(known):
        unknown = f"no feed of stations {sorted(set(sources) - set(known)) or ''}".rstrip()
        print(f"{unknown} in {settings.sources}; there are {known}", file=sys.stderr)
        return NOTHING_PUBLISHED
    begins = load_contracts(settings.contracts).calendar.first_day
    chunks = plan_chunks(options.first, options.last, options.days, begins, date.fromisoformat(tonight()))
    runner = _Runner(settings)
    results = []
    for number, chunk in enumerate(chunks, start=1):
        print(f"[{number}/{len(chunks)}] days {chunk.tag}, night {chunk.night}", file=sys.stderr)
        try:
            results.append(runner.backfill(chunk, sources, options.again))
        except KeyboardInterrupt:
            results.append(ChunkResult(chunk, NOTHING_PUBLISHED))
            break
    print(write_summary(chunks, results))
    return max(result.code for result in results)


def _replay(options: argparse.Namespace, settings: Settings) -> int:
    from kcn_pipeline.summary import write_summary

    runner = _Runner(settings)
    nights = [
        night for night in runner.nights_to_replay() if (options.first or "") <= night <= (options.last or "9999")
    ]
    if not nights:
        print(f"no landed night to replay under {settings.data_dir / 'landing'}", file=sys.stderr)
        return NOTHING_PUBLISHED
    if options.first is None and options.last is None:
        runner.forget_everything_but_landing()
    worst = PUBLISHED
    for number, night in enumerate(nights, start=1):
        print(f"[{number}/{len(nights)}] night {night}", file=sys.stderr)
        worst = max(worst, runner.run("replay_night", night, {}))
    print(write_summary(settings, nights[-1], worst))
    return worst


class _Runner:
    """Runs jobs of the code location in this process, with progress on standard error."""

    def __init__(self, settings: Settings) -> None:
        os.environ["DAGSTER_HOME"] = str(prepare_dagster_home(settings))
        _follow_progress()
        from kcn_pipeline.definitions import build_defs
        from kcn_pipeline.defs.resources import Installation

        self.settings = settings
        self.installation = Installation.from_settings(settings)
        self.defs = build_defs()

    def unpublished_nights(self, before: str) -> list[str]:
        """Nights that landed and never published, oldest first."""
        from kcn_pipeline.defs.nightly import unpublished_nights

        return unpublished_nights(self.installation, before)

    def nights_to_replay(self) -> list[str]:
        """Every night in the order in which they landed: a backfilled one must find the register that came before it.

        A night without a payload follows the one before it.
        """
        lake = self.installation.lake
        began: dict[str, datetime] = {}
        for pack in lake.packs():
            _, first, _ = lake.span(pack, "fetched_at")
            night = pack.parent.name.removeprefix("night=")
            began[night] = min(first, began.get(night, first))
        nights, latest = [], datetime.min.replace(tzinfo=UTC)
        for night in lake.landed_nights():
            latest = began.get(night, latest)
            nights.append((latest, night))
        return [night for _, night in sorted(nights)]

    def forget_everything_but_landing(self) -> None:
        """Drop lake and warehouse tables, so that a full replay starts from the payloads alone."""
        from kcn_pipeline.warehouse import drop_warehouse

        with self.installation.lake.lock():
            self.installation.lake.drop_tables()
            drop_warehouse(self.settings.warehouse_url)

    def backfill(self, chunk: Chunk, sources: Sequence[str], again: bool) -> ChunkResult:
        """Land and publish some days, unless a run with the same days and sources has done it."""
        from kcn_pipeline.defs.resources import ONLY_SOURCES
        from kcn_pipeline.landing import read_results

        tags = {DAYS_TAG: chunk.tag, ONLY_SOURCES: ",".join(sources)}
        if not again and (done_by := self._find_success("nightly_refresh", tags)):
            return ChunkResult(chunk, PUBLISHED, done_by)
        code = self.run("nightly_refresh", chunk.night, tags)
        lake = self.installation.lake
        feeds = [feed for feed in read_results(lake, "monitoring", chunk.night) if feed["source"] in sources]
        counted = [
            lake.span(path, "measured_at")[0]
            for day in chunk.days
            for path in lake.slices("validation", "monitoring_readings", chunk.night, [f"day={day}"])
        ]
        return ChunkResult(
            chunk,
            code,
            files=sum(feed["landed"] for feed in feeds),
            known=sum(feed["unchanged"] for feed in feeds),
            readings=sum(counted),
            days=sum(count > 0 for count in counted),
        )

    def _find_success(self, job: str, tags: dict[str, str]) -> str | None:
        """The newest run of a job with these tags that did all it should; None when there is none."""
        import dagster as dg

        wanted = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS], tags=tags)
        with dg.DagsterInstance.get() as instance:
            return next((run.run_id for run in instance.get_runs(wanted, limit=1)), None)

    def run(self, job: str, night: str, tags: dict[str, str]) -> int:
        """Run one job for a night; the exit code of `kcn refresh`. Raises KeyboardInterrupt when it was interrupted."""
        import dagster as dg

        from kcn_pipeline.defs.event_log import keep_event_log_open

        run_id = str(uuid4())
        with dg.DagsterInstance.get() as instance, keep_event_log_open(instance, run_id):
            result = self.defs.resolve_job_def(job).execute_in_process(
                partition_key=night, instance=instance, raise_on_error=False, tags=tags | RUN_TAGS, run_id=run_id
            )
        if result.success:
            return PUBLISHED
        failed = [event for event in result.all_events if event.is_step_failure]
        if any(_is_interrupt(event) for event in failed):
            # Dagster makes a failed step of it, and whoever pressed Ctrl-C does not want the next night to start.
            raise KeyboardInterrupt
        _print_failures(failed or [event for event in result.all_events if event.is_run_failure])
        published = any(event.is_step_success and event.step_key == "publish" for event in result.all_events)
        return PUBLISHED_WITH_FAILURES if published else NOTHING_PUBLISHED


def prepare_dagster_home(settings: Settings) -> Path:
    """The Dagster instance's folder beside the data, with its dagster.yaml in place."""
    home = settings.data_dir / "dagster_home"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shutil.copy(Path(__file__).parent / "defs" / "dagster.yaml", home / "dagster.yaml")
    return home


def _follow_progress() -> None:
    logger = logging.getLogger("kcn_pipeline.progress")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
        logger.addHandler(handler)


def _is_interrupt(event: Any) -> bool:
    error = getattr(event.event_specific_data, "error", None)
    return error is not None and error.cls_name in ("KeyboardInterrupt", "DagsterExecutionInterruptedError")


def _print_failures(failed: Sequence[Any]) -> None:
    """What broke, in its own words; where in the code it happened is for the log."""
    for event in failed:
        data = event.event_specific_data
        user, error = getattr(data, "user_failure_data", None), getattr(data, "error", None)
        while error is not None and error.cause is not None:
            error = error.cause
        if user and user.description:
            said = user.description
        else:
            said = f"{error.message.strip()}\n(the whole story: logs/dagster.log)" if error else event.message
        print(f"\nFAILED {event.step_key or 'run'}:\n{said}", file=sys.stderr)


# ---- looking things up -------------------------------------------------------------------------------------------


def _show(options: argparse.Namespace, settings: Settings) -> int:
    from kcn_pipeline.lake import Lake
    from kcn_pipeline.landing import find_payloads, read_content

    found = find_payloads(Lake(settings.data_dir), options.payload)
    if not found:
        print(f"no landed payload has the sha256 or name {options.payload!r}", file=sys.stderr)
        return 1
    if len({one.receipt.sha256 for one in found}) > 1:
        print(f"{len(found)} payloads match; say which by sha256:", file=sys.stderr)
        for one in found:
            print(
                f"  {one.receipt.sha256[:16]}  {one.night}  {one.receipt.source}  {one.receipt.name}", file=sys.stderr
            )
        return 1
    content = read_content(found[-1])
    if options.out:
        try:
            options.out.write_bytes(content)
        except OSError as error:
            print(f"cannot write {options.out}: {error.strerror or error}; name another file", file=sys.stderr)
            return 1
    else:
        sys.stdout.buffer.write(content)
    return 0


def _digest(options: argparse.Namespace, settings: Settings) -> int:
    from kcn_pipeline.warehouse import compute_digest

    print(compute_digest(settings.warehouse_url))
    return 0


def _catalog(options: argparse.Namespace, settings: Settings) -> int:
    contracts = load_contracts(settings.contracts)
    rows = [
        (i.code, i.name.vi, i.name.en, i.dimension, i.unit, "/".join(i.frequencies), "/".join(i.levels), i.status)
        for i in contracts.indicators.values()
    ]
    head = ("code", "tên", "name", "dimension", "unit", "frequency", "levels", "status")
    if options.markdown:
        print("\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows)))
        return 0
    widths = [min(40, max(len(row[at]) for row in (head, *rows))) for at in range(len(head))]
    for row in (head, *rows):
        print("  ".join(cell[:width].ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
