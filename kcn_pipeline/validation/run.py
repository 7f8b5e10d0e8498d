"""Runs criteria as a Great Expectations suite on one frame and says which rows broke which.

It must not know contracts, sources or severities. The surprising fact: with COMPLETE results the list of unexpected
values stops at 200 while the list of their positions is whole, so rows are known by position alone.
"""

import gc
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from kcn_pipeline.validation.outcomes import Rows
from kcn_pipeline.validation.suites import Criterion

_LARGE_FRAME = 50_000
_RESULT_FORMAT = {"result_format": "COMPLETE", "return_unexpected_index_query": False}


@dataclass(frozen=True)
class Verdict:
    """What an expectation found: the rows that broke it by index, what was observed, or why it could not be asked."""

    criterion: Criterion
    passed: bool
    rows: Rows
    observed: Any = None
    error: str | None = None


def run_suite(name: str, frame: pd.DataFrame, criteria: Sequence[Criterion]) -> list[Verdict]:
    """Judge one frame by all criteria, in their order; the frame's index tells the rows. No criteria, no import."""
    if not criteria:
        return []
    import great_expectations as gx

    expectations = [_expectation(number, criterion) for number, criterion in enumerate(criteria)]
    suite = gx.ExpectationSuite(name=name, expectations=expectations)
    batch = _whole_frame().get_batch(batch_parameters={"dataframe": frame})
    with warnings.catch_warnings(), _configurations_kept():
        # A pattern with a group is meant as a group, not as something to extract.
        warnings.filterwarnings("ignore", message=".*match groups", category=UserWarning)
        results = batch.validate(suite, result_format=_RESULT_FORMAT).results
        del batch
    _release(frame)
    by_number = {result.expectation_config.meta["number"]: result for result in results}
    return [_verdict(criterion, by_number[number]) for number, criterion in enumerate(criteria)]


@cache
def _whole_frame() -> Any:
    """The one batch definition of this process: a whole pandas frame, in a context that lives in memory only."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read by the library when its context starts
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("staging").add_dataframe_asset("table")
    return asset.add_batch_definition_whole_dataframe("night")


@contextmanager
def _configurations_kept() -> Iterator[None]:
    """Within it an expectation makes its configuration once.

    The library makes it anew for each look at an argument, dozens of times: a third of what a small suite costs.
    """
    from great_expectations.expectations.expectation import Expectation

    library: Any = Expectation
    as_shipped = vars(library).get("configuration")
    if not isinstance(as_shipped, property):  # a version that makes it otherwise judges the same
        yield
        return
    make: Any = as_shipped.fget
    made: dict[int, tuple[Any, Any]] = {}

    def configuration(expectation: Any) -> Any:
        if id(expectation) not in made:
            # With the expectation itself, so that no other one gets its id meanwhile.
            made[id(expectation)] = expectation, make(expectation)
        return made[id(expectation)][1]

    library.configuration = property(configuration)
    try:
        yield
    finally:
        library.configuration = as_shipped


def _release(frame: pd.DataFrame) -> None:
    """Let go of a large frame: batches refer to themselves, so only the collector frees them (0.2 s)."""
    if len(frame) > _LARGE_FRAME:
        _whole_frame().get_batch(batch_parameters={"dataframe": frame.iloc[:0].copy()})
        gc.collect()


def _expectation(number: int, criterion: Criterion) -> Any:
    import great_expectations as gx

    make = getattr(gx.expectations, criterion.expectation)
    return make(**criterion.arguments, severity=criterion.severity, meta={"number": number, "rule": criterion.rule})


def _verdict(criterion: Criterion, result: Any) -> Verdict:
    error = None if result.success else _error(result.exception_info)
    found = result.result or {}
    rows = np.asarray(found.get("unexpected_index_list") or [], dtype=np.int64)
    observed = found.get("observed_value")
    if criterion.expectation == "ExpectTableColumnsToMatchSet":
        observed = sorted(found.get("details", {}).get("mismatched", {}).get("missing", []))
    return Verdict(criterion, bool(result.success), rows, observed, error)


def _error(info: Any) -> str | None:
    """The message of an exception; the library nests it one level deeper when a metric raised it."""
    if not isinstance(info, dict):
        return None
    found = [entry for entry in (info, *info.values()) if isinstance(entry, dict) and entry.get("exception_message")]
    return str(found[0]["exception_message"]) if found else None
