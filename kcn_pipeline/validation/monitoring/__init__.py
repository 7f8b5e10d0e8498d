"""Readings of stations judged: rows, series, batches.

It must not average a reading. The surprising fact: rows and series are judged by SQL and only what is bounded by the
number of stations by Great Expectations, which would take a minute and 2 GB for a day of 230,400 readings.
"""

from kcn_pipeline.validation.monitoring.validate import validate_monitoring

__all__ = ["validate_monitoring"]
