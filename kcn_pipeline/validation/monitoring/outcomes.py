"""The six checks of the tables of monitoring.

It must not judge. The surprising fact: no check of readings is ever an ERROR; a bad logger is no reason to keep the
other stations from being published, and a source that cannot be asked is red at landing.
"""

from datetime import datetime

import pyarrow as pa

from kcn_pipeline.schemas import READINGS
from kcn_pipeline.validation.checks import nothing_tonight, samples_of
from kcn_pipeline.validation.monitoring.rows import DayCount
from kcn_pipeline.validation.outcomes import CheckName, CheckOutcome
from kcn_pipeline.validation.suites import format_value

#: Rules that each check shows samples of; the quarantine's own are those of "values".
_FLAGS = {"flat_line", "spike", "gap", "long_calibration", "low_share"}
_UNUSUAL = {"clock_drift", "volume_unusual", "station_silent"}
_CORRECTED = {"reading_corrected"}


def outcomes_of_readings(
    counts: DayCount, findings: pa.Table, unusual: pa.Table, newest: datetime | None
) -> tuple[CheckOutcome, ...]:
    """The checks of the night's readings; `unusual` are the findings of their batches."""
    if not counts.staged and not unusual.num_rows:
        return nothing_tonight()
    rows = {"rows": counts.staged}
    told = set(findings.column("rule").to_pylist())
    flags = findings.num_rows - len(told - _FLAGS)
    return (
        _outcome(
            "columns", True, {"columns": len(READINGS.names)}, findings, set(),
            "đủ {columns} cột", "all {columns} columns",
        ),
        _outcome(
            "values", not counts.quarantined, {**rows, "quarantined": counts.quarantined, "flagged_series": flags},
            findings, told - _CORRECTED,
            "{quarantined} trên {rows} dòng bị cách ly, {flagged_series} chuỗi cần xem",
            "{quarantined} of {rows} rows quarantined, {flagged_series} series to look at",
        ),
        _outcome(
            "keys", True, {**rows, "superseded": counts.superseded, "corrected": counts.corrected},
            findings, _CORRECTED,
            "{superseded} dòng gửi lại trong đêm, {corrected} dòng có trị khác",
            "{superseded} rows sent again within the night, {corrected} of them with another value",
        ),
        _outcome(
            "volume", not unusual.num_rows, {**rows, "unusual": unusual.num_rows}, unusual, _UNUSUAL,
            "{unusual} trạm bất thường", "{unusual} stations are unusual",
        ),
        _outcome(
            "recency", True, rows, findings, set(),
            f"mới nhất {format_value(newest)}", f"newest {format_value(newest)}",
        ),
        _outcome(
            "conservation", True,
            {**rows, "accepted": counts.accepted, "superseded": counts.superseded, "quarantined": counts.quarantined},
            findings, set(),
            "{rows} dòng = {accepted} nhận + {superseded} gửi lại + {quarantined} cách ly",
            "{rows} rows = {accepted} accepted + {superseded} sent again + {quarantined} quarantined",
        ),
    )  # fmt: skip


def outcomes_of_unread(count: int, findings: pa.Table) -> tuple[CheckOutcome, ...]:
    """The checks of the lines that staging could not read: all of them are quarantined."""
    if not count:
        return nothing_tonight()
    texts = ("{rows} dòng không đọc được", "{rows} lines cannot be read")
    rules = set(findings.column("rule").to_pylist())
    names: tuple[CheckName, ...] = ("columns", "values", "keys", "volume", "recency", "conservation")
    return tuple(
        _outcome(
            name,
            name != "values",
            {"rows": count, "quarantined": count},
            findings,
            rules if name == "values" else set(),
            *texts,
        )
        for name in names
    )


def _outcome(
    name: CheckName, passed: bool, counts: dict[str, int], findings: pa.Table, rules: set[str], vi: str, en: str
) -> CheckOutcome:
    samples = samples_of(findings, rules)
    return CheckOutcome(name, passed, "WARN", counts, samples, vi.format_map(counts), en.format_map(counts))
