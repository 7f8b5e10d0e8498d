"""Compares what an installation made of station files with the truth: lists of differences, empty when all is true."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from kcn_pipeline.lake import Lake
from kcn_pipeline_tests.end_to_end.differences import Row, find_differences, text_of
from kcn_pipeline_tests.end_to_end.installation import Installation

_SERIES = ("station_id", "parameter_code")
#: Names of the feeds by the folder of the simulator they read.
FEED_IDS = {"live": "stations", "resent": "stations_resent"}
FEEDS = tuple(
    {"id": feed, "kind": "monitoring/station_files", "url": f"stations/{folder}", "settle_s": 0, "look_back_days": 4000}
    for folder, feed in FEED_IDS.items()
)


def wrong_days(installation: Installation, truth: Iterable[Row]) -> list[str]:
    """Days of stations that are missing, too many, or other than the truth."""
    numbers = ("mean", "min", "max", "limit_min", "limit_max", "load_kg", "volume_m3")
    counts = ("n_valid", "hours_valid", "hours_over", "load_hours", "is_sufficient", "is_compliant")
    found = installation.query("SELECT * FROM fct_monitoring_daily")
    return find_differences(truth, found, (*_SERIES, "day"), numbers, (*counts, "averaging"))


def wrong_episodes(installation: Installation, truth: Iterable[Row]) -> list[str]:
    """Episodes that are missing, too many, or other than the truth."""
    found = installation.query("SELECT * FROM fct_exceedance")
    return find_differences(
        truth, found, (*_SERIES, "averaging", "started_at"), ("peak", "ratio"), ("hours", "ended_at")
    )


def wrong_flags(installation: Installation, truth: Iterable[Row]) -> list[str]:
    """Flags that are missing, too many, or of another time than in the truth."""
    found = installation.query("SELECT * FROM fct_monitoring_flag")
    return find_differences(truth, found, (*_SERIES, "day", "flag", "started_at"), (), ("ended_at",))


def wrong_hours(installation: Installation, truth: Iterable[Row]) -> list[str]:
    """Hours in the lake that are missing, too many, or other than the truth."""
    lake = Lake(installation.data)
    newest: dict[str, list[dict[str, Any]]] = {}
    for path in lake.slices("indicators", "monitoring_hours"):
        part, night = path.parent.name, path.stem.removeprefix("night=")
        rows = lake.read("indicators", "monitoring_hours", night, [part])
        newest[part] = [] if rows is None else rows.to_pylist()
    found = [row for rows in newest.values() for row in rows]
    return find_differences(truth, found, (*_SERIES, "hour_at"), ("mean",), ("n_valid", "is_sufficient"))


def wrong_refusals(installation: Installation, truth: Iterable[Row]) -> list[str]:
    """Lines and files that were refused and should not be, or the other way round, or by another rule."""
    rows = installation.query("SELECT * FROM audit_quarantine WHERE table_name LIKE 'monitoring_%'")
    found = Counter((row["file"], text_of(row["line"]), row["rules"]) for row in rows)
    wanted = Counter((row["file"], row["line"], row["rule"]) for row in truth)
    missing = [f"not refused: {place}" for place in wanted - found]
    return missing + [f"refused: {place}" for place in found - wanted]


def wrong_values(installation: Installation, truth: Iterable[Row], indicators: Collection[str]) -> list[str]:
    """Values of some indicators that are missing, too many, or other than the truth."""
    rows = installation.query("SELECT * FROM fct_indicator_value")
    found = [row for row in rows if row["indicator_code"] in indicators]
    keys = ("indicator_code", "area_code", "period_code")
    return find_differences(truth, found, keys, ("value",), ("obs_status", "n_reporting", "n_expected"))
