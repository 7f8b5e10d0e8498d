"""Facts of stations: days, suspicious stretches, episodes over a limit, air quality; every time is local (UTC+7).

It must not hold a reading; those stay in the lake. The surprising fact: each table has an index on the day besides its
key, because a night replaces days and people ask for days.
"""

from sqlalchemy import Boolean, Date, DateTime, Float, Index, Integer, Table

from kcn_pipeline.warehouse.schema.columns import key, metadata, optional, required

fct_monitoring_daily = Table(
    "fct_monitoring_daily",
    metadata,
    *key("station_id parameter_code"),
    *key("day", Date),
    *optional("park_code"),
    *required("kind unit"),
    *optional("mean corrected_mean min max", Float),
    *required("n_received n_valid n_flagged n_expected hours_valid", Integer),
    *optional("hours_over", Integer),
    *optional("limit_min limit_max", Float),
    *optional("averaging regulation"),
    *required("is_sufficient", Boolean),
    *optional("is_compliant", Boolean),
    *required("is_derived", Boolean),
    *optional("load_kg volume_m3", Float),
    *optional("load_hours", Integer),
    # A night replaces days and people ask for days; the key alone would make both read every station.
    Index("ix_fct_monitoring_daily_day", "day", "station_id"),
    comment="station × parameter × day; mean of valid readings; is_compliant is empty without a limit or enough data",
)

fct_monitoring_flag = Table(
    "fct_monitoring_flag",
    metadata,
    *key("station_id parameter_code flag"),
    *key("started_at", DateTime),
    *required("day", Date),
    *optional("ended_at", DateTime),
    *optional("n_readings", Integer),
    *optional("detail"),
    Index("ix_fct_monitoring_flag_day", "day"),
    comment="one suspicious stretch of a series inside one day: flat_line, spike, gap, long_calibration, low_share",
)

fct_exceedance = Table(
    "fct_exceedance",
    metadata,
    *key("station_id parameter_code averaging"),
    *key("started_at", DateTime),
    *required("ended_at", DateTime),
    *required("hours", Integer),
    *required("peak", Float),
    *optional("limit_min limit_max ratio", Float),
    *required("unit"),
    *optional("basis"),
    Index("ix_fct_exceedance_started", "started_at"),
    comment="one episode of consecutive hours or days over a limit; ended_at is the end of the last one",
)

fct_ambient_aqi = Table(
    "fct_ambient_aqi",
    metadata,
    *key("station_id"),
    *key("day", Date),
    *key("parameter_code"),
    *optional("averaging"),
    *optional("concentration", Float),
    *optional("aqi", Integer),
    *optional("band band_vi band_en rgb main_parameter"),
    *required("is_sufficient", Boolean),
    *required("hours_valid", Integer),
    *optional("worst_hour_aqi", Integer),
    *optional("worst_hour_at", DateTime),
    Index("ix_fct_ambient_aqi_day", "day"),
    comment="VN_AQI of an ambient station × day × parameter ('' is the station's); worst_hour is of the hourly index",
)
