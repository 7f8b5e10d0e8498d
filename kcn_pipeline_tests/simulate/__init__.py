"""A synthetic province: reports, registers and the truth about them, made from a seed.

It is for tests, benchmarks and the tracked sample, and no part of the pipeline may import it. The surprising fact: the
truth is computed from what is written in the cells by plain Python that shares no formula with the pipeline.
"""

from kcn_pipeline_tests.simulate.simulation import Case, Truth, make_fleet, make_truth, simulate
from kcn_pipeline_tests.simulate.truth import write_truth
from kcn_pipeline_tests.simulate.world import World

__all__ = ["Case", "Truth", "World", "make_fleet", "make_truth", "simulate", "write_truth"]
