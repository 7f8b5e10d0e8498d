"""How large the benchmarks are: one set of sizes for `make bench`, smaller ones for the test of the benchmarks.

It must not hold a target. The surprising fact: names of figures do not follow the sizes, so only the default sizes
give figures that mean what their names say.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """The sizes; a repetition measures both sides once."""

    workbooks: int = 1_500
    staging_repetitions: int = 7
    definitions_repetitions: int = 7
    idle_enterprises: int = 60
    idle_quarters: int = 6
    idle_repetitions: int = 5
    night_enterprises: int = 3_000
    growth_enterprises: int = 150
    growth_quarters: int = 20
    growth_repetitions: int = 3
    transfer_files: int = 2_880
    year_stations: int = 100
    year_days: int = 365
    day_stations: int = 100
    day_repetitions: int = 5
    path_repetitions: int = 3
    pandas_files: int = 2_880
    survey_responses: int = 10_000
    survey_repetitions: int = 7
