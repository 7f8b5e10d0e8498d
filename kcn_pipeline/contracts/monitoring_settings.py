"""The numbers with which monitoring is read, checked and judged, each by its name.

It must not hold a value: monitoring/settings.yaml states every one, with source and confidence. The surprising fact:
none has a default, so that a figure nobody confirmed cannot hide in the code.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from kcn_pipeline.contracts.base import Averaging, Contract, Name, Sourced, StationKind


class Setting(Sourced):
    """One named number of `Settings` with its source."""

    name: Name
    value: Any
    note: str | None = None


class Settings(Contract):
    """Every number with which monitoring is read, checked and judged."""

    #: Minutes between two readings of a station.
    cadence_minutes: int = Field(gt=0, le=60)
    #: A mean over fewer of the expected readings is marked insufficient.
    sufficient_share: float = Field(gt=0, le=1)
    #: Share of status-00 readings that a station must reach in a day.
    required_share_valid: float = Field(gt=0, le=1)
    #: By which mean each kind of station is judged where the regulation names none; ambient air: by the table.
    judged_averaging: Mapping[StationKind, Averaging]
    #: Parameters whose load (kg a day) is computed, and the flow that weights it.
    load_parameters: tuple[Name, ...]
    flow_parameter: Name
    #: Means are compared with limits after rounding to so many decimals.
    compare_decimals: int = Field(ge=0, le=12)
    #: O2 of air and the highest measured O2 at which a mean is still converted to the reference, per cent.
    o2_of_air_pct: float = Field(gt=20, lt=22)
    o2_correction_max_pct: float = Field(gt=0, lt=20.5)
    #: A line's time may differ so much from its file's.
    window_minutes: float = Field(gt=0)
    #: A time may lie so much after the moment the file was fetched.
    max_future_minutes: float = Field(ge=0)
    #: The median of a station's line times minus file times beyond which its clock is said to drift.
    clock_drift_minutes: float = Field(gt=0)
    #: A connected station without any reading for so long is silent.
    silent_hours: float = Field(gt=0)
    #: No reading of a parameter for so long is a gap.
    gap_minutes: float = Field(gt=0)
    #: Status 01 without interruption for longer is too long a calibration.
    calibration_max_hours: float = Field(gt=0)
    #: Readings before and after a reading whose median it is compared with; fewer than min_neighbours: not judged.
    spike_neighbours: int = Field(gt=0)
    spike_min_neighbours: int = Field(gt=0)
    #: A night's readings of a station against the median of so many days before it.
    usual_days: int = Field(gt=0)
    usual_min_days: int = Field(gt=0)
    volume_low_ratio: float = Field(gt=0, lt=1)
    volume_high_ratio: float = Field(gt=1)
    #: Quarantined rows of one rule and night that the warehouse lists; the others are counted.
    quarantine_rows_per_rule: int = Field(gt=0)
    #: VN_AQI: NowCast of dust over so many hours, of which the newest `recent` hold at least `min_recent` means.
    aqi_nowcast_hours: int = Field(gt=0)
    aqi_nowcast_recent_hours: int = Field(gt=0)
    aqi_nowcast_min_recent: int = Field(gt=0)
    aqi_nowcast_min_weight: float = Field(gt=0, le=1)
    #: No index without one of these.
    aqi_needs_one_of: tuple[Name, ...]
    #: An 8-hour mean of O3 above it is not used, µg/m3.
    aqi_o3_8h_max: float = Field(gt=0)

    @property
    def readings_per_hour(self) -> int:
        """Readings that a whole hour holds."""
        return 60 // self.cadence_minutes

    @property
    def readings_per_day(self) -> int:
        """Readings that a whole day holds."""
        return 24 * self.readings_per_hour

    @model_validator(mode="after")
    def _divides_the_hour(self) -> "Settings":
        if 60 % self.cadence_minutes:
            raise ValueError("cadence_minutes must divide 60")
        return self
