"""The commands that run nights: refresh, backfill, replay.

It must not know Dagster (that is `runner.py`). The surprising fact: a refresh first catches up nights that landed and
never published, oldest first, as the schedule does.
"""

import argparse
import sys
from datetime import date

from kcn_pipeline.backfill import ChunkResult, plan_chunks
from kcn_pipeline.cli.runner import NOTHING_PUBLISHED, PUBLISHED, PUBLISHED_WITH_FAILURES, Runner
from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.settings import Settings, tonight


def refresh(options: argparse.Namespace, settings: Settings) -> int:
    """Land what is new and publish the night, after nights that landed and never published."""
    from kcn_pipeline.contracts.sources import load_sources
    from kcn_pipeline.summary import write_summary

    known = {feed.id for feed in load_sources(settings.sources)}
    if unknown := set(options.source or ()) - known:
        print(f"no source {sorted(unknown)} in {settings.sources}; there are {sorted(known)}", file=sys.stderr)
        return NOTHING_PUBLISHED
    night = options.night or tonight()
    tags = {"kcn/sources": ",".join(options.source)} if options.source else {}
    runner = Runner(settings)
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


def backfill(options: argparse.Namespace, settings: Settings) -> int:
    """Land and publish days of the past, a run for every chunk."""
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
    runner = Runner(settings)
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


def replay(options: argparse.Namespace, settings: Settings) -> int:
    """Run everything after landing again, for some nights or from nothing for all."""
    from kcn_pipeline.summary import write_summary

    runner = Runner(settings)
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
