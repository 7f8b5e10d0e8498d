"""Runs `kcn` and bare Python as processes of their own, and measures them whole.

It must not know what is benchmarked. The surprising fact: a process tells its own peak of memory at its end (VmHWM),
because the kernel's account of an ended child starts with what its parent held when it was forked.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from kcn_pipeline_tests.bench.figures import time_call
from kcn_pipeline_tests.end_to_end.installation import ROOT, Installation

_KCN = """
import os, sys
from kcn_pipeline.cli import main
code = main(sys.argv[1:])
if os.path.exists("/proc/self/status"):
    print(open("/proc/self/status").read(), file=sys.stderr)
sys.exit(code)
"""
_PEAK = re.compile(r"^VmHWM:\s*(\d+) kB", re.MULTILINE)

#: What a shell may have set and no measurement may depend on; an installation may set its own.
_FOREIGN = ("PYTHONDONTWRITEBYTECODE", "DAGSTER_HOME", "KCN_CONTRACTS", "KCN_WAREHOUSE_URL")


class BenchmarkError(RuntimeError):
    """What was run did not do what it was meant to do, so its figures say nothing."""


@dataclass(frozen=True)
class Run:
    """A finished process: seconds from start to end, the most memory it held (None if unknown), what it printed."""

    seconds: float
    peak_mb: float | None
    said: str


def run_night(installation: Installation, night: str) -> Run:
    """`kcn refresh --night …` as a process; raises BenchmarkError when the night is not published."""
    command = [sys.executable, "-c", _KCN, "refresh", "--night", night]
    env = {**clean_environment(installation.env()), **installation.environment}
    done: list[subprocess.CompletedProcess[str]] = []
    seconds = time_call(lambda: done.append(subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)))
    (process,) = done
    if process.returncode:
        raise BenchmarkError(f"kcn refresh --night {night} ended with {process.returncode}: {process.stderr[-3000:]}")
    peak = _PEAK.search(process.stderr)
    return Run(seconds, int(peak[1]) / 1000 if peak else None, process.stdout)


def run_python(code: str) -> str:
    """Python code as a process, from the root of the repository; returns what it printed."""
    env = clean_environment(os.environ)
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def clean_environment(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without what a measurement must not depend on; above all, compiled files are written and used."""
    return {name: text for name, text in env.items() if name not in _FOREIGN}
