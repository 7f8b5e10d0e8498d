"""Automatic stations: their files with every ugly case, and the truth of their hours, days and episodes.

It must not import code of the pipeline that computes anything. The surprising fact: a line knows what it means before
it is written, so the truth is added up from meanings and never from files.
"""

from kcn_pipeline_tests.simulate.stations.days import DayCounts, write_station_day
from kcn_pipeline_tests.simulate.stations.fleet import Station, make_stations
from kcn_pipeline_tests.simulate.stations.history import History
from kcn_pipeline_tests.simulate.stations.plans import Fleet
from kcn_pipeline_tests.simulate.stations.tables import tabulate

__all__ = ["DayCounts", "Fleet", "History", "Station", "make_stations", "tabulate", "write_station_day"]
