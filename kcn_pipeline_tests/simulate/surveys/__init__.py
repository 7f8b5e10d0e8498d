"""Surveys of a province: replies by every tool with every mishap, and the true ratings, verdicts and response rates.

It must not import code of the pipeline; contracts are read as plain YAML. The surprising fact: a reply knows what it
means before it is written, so the truth is added up from meanings and never from files.
"""

from kcn_pipeline_tests.simulate.surveys.history import Surveys, SurveyState
from kcn_pipeline_tests.simulate.surveys.sample import make_sample
from kcn_pipeline_tests.simulate.surveys.tables import tabulate

__all__ = ["SurveyState", "Surveys", "make_sample", "tabulate"]
