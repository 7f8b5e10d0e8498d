"""What each station brought tonight as a batch: clock, volume, words, silence; judged by Great Expectations.

It must not look at single readings. The surprising fact: a suspicious batch is told and never refused, because a
station that sends twice the usual has most often come back from an outage.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from statistics import median

import pandas as pd
import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.base import Bilingual
from kcn_pipeline.findings import Finding, Place
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.validation.run import Verdict, run_suite
from kcn_pipeline.validation.suites import Criterion

TABLE = "monitoring_batches"


def judge_batches(lake: Lake, contracts: Contracts, night: str, batches: pa.Table) -> list[Finding]:
    """What is unusual in the batches (source × station) of the night: clock_drift, volume_unusual."""
    frame = batches.to_pandas().reset_index(drop=True)
    frame["drift_minutes"] = frame["median_ahead_s"].astype("float64") / 60
    frame["volume_ratio"] = _ratios(lake, contracts, night, frame)
    settings = contracts.monitoring.settings
    drift = settings.clock_drift_minutes
    criteria = [
        _between("clock_drift", "drift_minutes", -drift, drift),
        _between("volume_unusual", "volume_ratio", settings.volume_low_ratio, settings.volume_high_ratio),
    ]
    return [found for verdict in run_suite(TABLE, frame, criteria) for found in _findings(frame, verdict)]


def judge_words(contracts: Contracts, words: pa.Table) -> list[Verdict]:
    """Whether every parameter and status of the night's readings (`words`: one row per pair) is one we know."""
    parameters, statuses = sorted(contracts.monitoring.parameters), ["00", "01", "02"]
    criteria = [_one_of("parameter_code", parameters), _one_of("status", statuses)]
    return run_suite("monitoring_words", words.to_pandas(), criteria)


def find_silent(contracts: Contracts, night: str, stations: pa.Table, last_seen: dict[str, datetime]) -> list[Finding]:
    """Connected stations without a reading in the last hours before the night begins its day."""
    hours = contracts.monitoring.settings.silent_hours
    begins = datetime.fromisoformat(night)
    found = []
    for row in _active_on(stations, begins.date() - timedelta(days=1)):
        seen = last_seen.get(row["station_id"])
        if seen is None or seen < begins - timedelta(hours=hours):
            said = {"station": row["station_id"], "found": seen or "—", "expected": f"{hours:g} h", "detail": "—"}
            found.append(Finding("station_silent", "batch", TABLE, Place(), "station_id", row["station_id"], said))
    return found


def _active_on(stations: pa.Table, day: date) -> list[dict]:
    rows = {
        row["station_id"]: row
        for row in stations.to_pylist()
        if row["is_connected"]
        and (row["valid_from"] or date.min) <= day
        and (row["valid_to"] is None or row["valid_to"] >= day)
    }
    return [rows[station] for station in sorted(rows)]


def _ratios(lake: Lake, contracts: Contracts, night: str, frame: pd.DataFrame) -> list[float | None]:
    """Tonight's readings of each batch as a multiple of the median of the nights before; None with too few nights."""
    settings = contracts.monitoring.settings
    nights = [one for one in lake.nights("staging", TABLE) if one < night][-settings.usual_days :]
    usual: dict[tuple[str, str], list[int]] = {}
    for one in nights:
        earlier = lake.read("staging", TABLE, one, [WHOLE])
        for row in earlier.to_pylist() if earlier is not None else ():
            usual.setdefault((row["_source"], row["station_id"]), []).append(row["readings"])
    counts = [usual.get(key, []) for key in zip(frame["_source"], frame["station_id"], strict=True)]
    enough = [median(one) if len(one) >= settings.usual_min_days else 0 for one in counts]
    return [found / one if one else None for found, one in zip(frame["readings"], enough, strict=True)]


def _between(rule: str, column: str, low: float, high: float) -> Criterion:
    arguments = {"column": column, "min_value": low, "max_value": high}
    expected = Bilingual(vi=f"{low:g} … {high:g}", en=f"{low:g} … {high:g}")
    return Criterion(rule, "warning", "volume", "ExpectColumnValuesToBeBetween", arguments, column, expected=expected)


def _one_of(column: str, words: Sequence[str]) -> Criterion:
    arguments = {"column": column, "value_set": list(words)}
    return Criterion("not_in_codes", "critical", "values", "ExpectColumnValuesToBeInSet", arguments, column)


def _findings(frame: pd.DataFrame, verdict: Verdict) -> Iterator[Finding]:
    criterion = verdict.criterion
    for row in verdict.rows.tolist():
        batch = frame.loc[row]
        value = f"{batch[str(criterion.column)]:.3g}"
        expected = criterion.expected.en if criterion.expected else "—"
        said = {"station": batch["station_id"], "found": value, "expected": expected, "detail": batch["_source"]}
        place = Place(source=batch["_source"])
        yield Finding(criterion.rule, "batch", TABLE, place, "station_id", batch["station_id"], said)
