"""Accepted answers of surveys become ratings, statistics, a verdict on each indicator, and measures of the catalog.

It must not read what validation refused, but to count it, nor write to the warehouse. The surprising fact: nothing here
changes an indicator; a verdict is a proposal that people turn into the next version of the catalog.

A night calls compute_surveys before it computes the catalog.
"""

from kcn_pipeline.indicators.surveys.compute import SurveyResult, compute_surveys

__all__ = ["SurveyResult", "compute_surveys"]
