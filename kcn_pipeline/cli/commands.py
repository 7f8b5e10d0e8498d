"""The commands of `kcn`, their options, and how errors end them.

It must not hold what a command does. The surprising fact: an error of our own tree is told in one sentence, any other
with its traceback, because only the latter needs an engineer.
"""

import argparse
import sys
import traceback
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TypeAlias

from kcn_pipeline.cli.look_up import catalog, digest, export_xlsform, propose, show
from kcn_pipeline.cli.nights import backfill, refresh, replay
from kcn_pipeline.cli.runner import NOTHING_PUBLISHED
from kcn_pipeline.contracts import ContractError
from kcn_pipeline.settings import Settings, parse_night

#: What `add_subparsers` gives; argparse has no public name for it.
_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


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
        publishes = options.run in (refresh, backfill, replay)
        print(f"Nothing was published: {error}" if publishes else error, file=sys.stderr)
        return NOTHING_PUBLISHED if publishes else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kcn", description="The pipeline of the indicators of industrial parks.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_refresh(commands)
    _add_backfill(commands)
    _add_replay(commands)
    _add_show(commands)
    commands.add_parser("digest", help="one sha256 over every dim_ and fct_ table").set_defaults(run=digest)
    _add_catalog(commands)
    _add_export(commands)
    return parser


def _add_refresh(commands: _Commands) -> None:
    command = commands.add_parser("refresh", help="land what is new and publish the night")
    command.add_argument("--night", type=_night, help="YYYY-MM-DD, default: tonight in Vietnam")
    command.add_argument("--source", action="append", metavar="ID", help="ask only this source; may be given again")
    command.set_defaults(run=refresh)


def _add_backfill(commands: _Commands) -> None:
    command = commands.add_parser(
        "backfill",
        help="land and publish days of the past from the feeds of stations",
        description="Land and publish days of the past, a run for every chunk of days. Run it again after a fault: what"
        " is done is skipped. Exit code: 0 all published, 1 something broke, 2 some chunk was not published.",
    )
    command.add_argument("--from", dest="first", type=_day, required=True, metavar="DAY", help="the first, YYYY-MM-DD")
    command.add_argument(
        "--to", dest="last", type=_day, required=True, metavar="DAY", help="the last, at most yesterday"
    )
    command.add_argument("--days", type=_count, default=7, metavar="N", help="so many days a run (default: 7)")
    command.add_argument("--source", action="append", metavar="ID", help="ask only this feed; may be given again")
    command.add_argument("--again", action="store_true", help="also days that are done: their new and changed files")
    command.set_defaults(run=backfill)


def _add_replay(commands: _Commands) -> None:
    command = commands.add_parser("replay", help="rebuild lake and warehouse from the landed payloads")
    command.add_argument("--from", dest="first", type=_night, metavar="NIGHT", help="only nights from this one on")
    command.add_argument("--to", dest="last", type=_night, metavar="NIGHT", help="only nights up to this one")
    command.set_defaults(run=replay)


def _add_show(commands: _Commands) -> None:
    command = commands.add_parser("show", help="the original bytes of a payload")
    wanted = "a sha256 (or its beginning), the payload's name, or what messages call it"
    command.add_argument("payload", metavar="SHA256_OR_NAME", help=wanted)
    command.add_argument("--out", type=Path, metavar="FILE", help="write here instead of standard output")
    command.set_defaults(run=show)


def _add_catalog(commands: _Commands) -> None:
    command = commands.add_parser("catalog", help="the indicators, as they are configured")
    command.add_argument("--markdown", action="store_true", help="as a Markdown table")
    command.set_defaults(run=catalog)
    asked = command.add_subparsers(metavar="propose")
    proposal = asked.add_parser(
        "propose",
        help="the next version of the catalog, from what the surveys say",
        description="Print, as a diff with reasons, the catalog that follows from the newest round of ratings. It"
        " changes nothing: put the file written with --out into KCN_CONTRACTS when the board has agreed.",
    )
    proposal.add_argument("--out", type=Path, metavar="FILE", help="write the whole next indicators.yaml here")
    proposal.set_defaults(run=propose)


def _add_export(commands: _Commands) -> None:
    kinds = commands.add_parser("export", help="files for other systems").add_subparsers(required=True, metavar="KIND")
    command = kinds.add_parser("xlsform", help="a survey as the form that KoboToolbox and ODK take")
    command.add_argument("--survey", default="indicator_set", metavar="ID", help="default: indicator_set")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .xlsx to write")
    command.set_defaults(run=export_xlsform)


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
