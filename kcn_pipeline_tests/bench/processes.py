"""Runs `kcn` and bare Python as processes of their own, and measures them whole.

It must not know what is benchmarked. The surprising fact: a process tells its own peak of memory at its end (VmHWM),
because the kernel's account of an ended child starts with what the parent held when it was forked.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass

from kcn_pipeline_tests.bench.figures import time_call
from kcn_pipeline_tests.end_to_end.installation import ROOT, Installation

_KCN = """
import sys
from kcn_pipeline.cli import main
code = main(sys.argv[1:])
print(open("/proc/self/status").read(), file=sys.stderr)
sys.exit(code)
"""
_PEAK = re.compile(r"^VmHWM:\s*(\d+) kB", re.MULTILINE)

#: What a person's shell may say and a measurement must not depend on.
_FOREIGN = ("PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME", "DAGSTER_HOME", "KCN_CONTRACTS", "KCN_WAREHOUSE_URL")


class BenchmarkError(RuntimeError):
    """What was run did not do what it was meant to do, so its time says nothing."""


@dataclass(frozen=True)
class Run:
    """A finished process: wall time from start to end, the most memory it held, what it printed."""

    seconds: float
    peak_mb: float
    said: str


def run_night(installation: Installation, night: str) -> Run:
    """`kcn refresh --night …` as a process; raises BenchmarkError when the night is not published."""
    command = [sys.executable, "-c", _KCN, "refresh", "--night", night]
    env = {name: text for name, text in installation.env().items() if name not in _FOREIGN or name in _own(installation)}
    done: list[subprocess.CompletedProcess[str]] = []
    seconds = time_call(
        lambda: done.append(subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, check=False))
    )
    if done[0].returncode:
        raise BenchmarkError(f"kcn refresh --night {night} ended with {done[0].returncode}:\n{done[0].stderr[-3000:]}")
    peak = _PEAK.search(done[0].stderr)
    return Run(seconds, int(peak[1]) / 1000 if peak else float("nan"), done[0].stdout)


def run_python(code: str) -> str:
    """Run Python code as a process from the root of the repository; returns what it printed."""
    env = {name: text for name, text in os.environ.items() if name not in _FOREIGN}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=ROOT, check=True
    ).stdout


def _own(installation: Installation) -> set[str]:
    return set(installation.environment)
