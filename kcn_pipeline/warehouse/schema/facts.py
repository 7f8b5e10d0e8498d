"""Facts of indicators and reports: values, revisions, submissions, printed figures.

It must not hold what stations or surveys gave. The surprising fact: one value has numerator and denominator beside it,
because a roll-up is a ratio of sums and never a mean of ratios.
"""

from sqlalchemy import Boolean, Date, DateTime, Float, Index, Integer, Table

from kcn_pipeline.warehouse.schema.columns import in_dim_period, key, metadata, optional, required

fct_indicator_value = Table(
    "fct_indicator_value",
    metadata,
    *key("indicator_code area_code period_code"),
    *required("level freq"),
    *optional("value numerator denominator", Float),
    *optional("unit"),
    *required("obs_status conf_status"),
    *optional("n_reporting n_expected", Integer),
    *optional("source comment first_published_night"),
    *required("refreshed_night catalog_version"),
    in_dim_period(),
    Index("ix_fct_indicator_value_period", "period_code", "indicator_code"),
    Index("ix_fct_indicator_value_area", "area_code", "period_code"),
    Index("ix_fct_indicator_value_level", "level", "freq"),
    comment="one indicator × area × period, the current value; value = scale × numerator / denominator; "
    "catalog_version is the one that the row was computed with when it last changed",
)

fct_indicator_revision = Table(
    "fct_indicator_revision",
    metadata,
    *key("indicator_code area_code period_code night"),
    *optional("old_value new_value", Float),
    *optional("old_obs_status new_obs_status"),
    *required("reason"),
    Index("ix_fct_indicator_revision_night", "night"),
    comment="one published value × night that changed it; reasons are explained in warehouse/values.py",
)

fct_report_submission = Table(
    "fct_report_submission",
    metadata,
    *key("enterprise_id form_code period_code park_code"),
    *key("revision", Integer),
    *optional("province_code"),
    *required("freq"),
    *required("is_current is_expected", Boolean),
    *required("status"),
    *optional("due_on", Date),
    *optional("submitted_on", DateTime),
    *optional("days_late", Integer),
    *optional("channel"),
    *optional("required_total required_filled", Integer),
    *optional("report_id payload"),
    in_dim_period(),
    Index("ix_fct_report_submission_period", "period_code", "status"),
    Index("ix_fct_report_submission_park", "park_code", "period_code"),
    comment="enterprise × form × period × park ('' for the board) × revision (0: missing); submitted_on is local",
)

fct_published_figure = Table(
    "fct_published_figure",
    metadata,
    *key("figure_id"),
    *optional("what_vi what_en"),
    *optional("value", Float),
    *optional("value_raw qualifier unit"),
    *optional("unit_mult", Integer),
    *optional("as_of area_code document indicator_code note"),
    *required("is_quarantined", Boolean),
    comment="one figure printed in a document; a malformed one is kept as printed, with an empty value",
)
