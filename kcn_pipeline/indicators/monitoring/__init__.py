"""Readings of automatic stations become hours, days, verdicts, episodes, loads and VN_AQI.

It must not read what validation refused nor write to the warehouse. The surprising fact: every table lies in parts
`day=`, and a night writes a day whole or not at all, so that a late reading costs its own day and little more.

A night calls compute_monitoring, then compute_aqi for the days it names.
"""

from kcn_pipeline.indicators.monitoring.aqi import AqiResult, compute_aqi
from kcn_pipeline.indicators.monitoring.compute import MonitoringResult, compute_monitoring

__all__ = ["AqiResult", "MonitoringResult", "compute_aqi", "compute_monitoring"]
