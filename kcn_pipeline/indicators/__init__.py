"""Accepted rows become indicator values: the stage `indicators`, one function per table it writes.

It must not import dagster nor write to the warehouse. The surprising fact: nothing here is stored but figures and why
they are missing; a night finds out by itself which periods it must compute again.

A night calls, in this order: check_catalog, find_touched, compute_measures, compute_submissions, compute_values,
write_scope, build_dimensions, and last record_definitions, which marks the night as done.
"""

from kcn_pipeline.indicators.catalog import check_catalog
from kcn_pipeline.indicators.compute import ValueResult, compute_values
from kcn_pipeline.indicators.definitions import record_definitions
from kcn_pipeline.indicators.dimensions import build_dimensions
from kcn_pipeline.indicators.measures import MeasureResult, compute_measures
from kcn_pipeline.indicators.scope import read_scope, write_scope
from kcn_pipeline.indicators.submissions import SubmissionResult, compute_submissions
from kcn_pipeline.indicators.touched import Touched, find_touched

__all__ = [
    "MeasureResult",
    "SubmissionResult",
    "Touched",
    "ValueResult",
    "build_dimensions",
    "check_catalog",
    "compute_measures",
    "compute_submissions",
    "compute_values",
    "find_touched",
    "read_scope",
    "record_definitions",
    "write_scope",
]
