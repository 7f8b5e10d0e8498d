"""`kcn`: refresh a night by hand, replay, show original bytes, fingerprint, list the catalog.

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
from pathlib import Path
from typing import Any
from uuid import uuid4

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
    except Exception as error:
        if not type(error).__module__.startswith("kcn_pipeline."):
            traceback.print_exc()
        publishes = options.run in (_refresh, _replay)
        print(f"Nothing was published: {error}" if publishes else error, file=sys.stderr)
        return NOTHING_PUBLISHED if publishes else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kcn", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    refresh = commands.add_parser("refresh", help="land what is new and publish the night")
    refresh.add_argument("--night", type=_night, help="YYYY-MM-DD, default: tonight in Vietnam")
    refresh.add_argument("--source", action="append", metavar="ID", help="ask only this source; may be given again")
    refresh.set_defaults(run=_refresh)

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


# ---- refresh and replay ------------------------------------------------------------------------------------------


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


def _replay(options: argparse.Namespace, settings: Settings) -> int:
    from kcn_pipeline.summary import write_summary

    runner = _Runner(settings)
    nights = [night for night in runner.landed_nights() if (options.first or "") <= night <= (options.last or "9999")]
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

    def landed_nights(self) -> list[str]:
        """Every night that landed."""
        return self.installation.lake.landed_nights()

    def forget_everything_but_landing(self) -> None:
        """Drop lake and warehouse tables, so that a full replay starts from the payloads alone."""
        from kcn_pipeline.warehouse import drop_warehouse

        with self.installation.lake.lock():
            self.installation.lake.drop_tables()
            drop_warehouse(self.settings.warehouse_url)

    def run(self, job: str, night: str, tags: dict[str, str]) -> int:
        """Run one job for a night; the exit code of `kcn refresh`."""
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
        options.out.write_bytes(content)
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
