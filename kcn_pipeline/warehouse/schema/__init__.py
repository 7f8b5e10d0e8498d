"""The tables of the warehouse, the same on SQLite and PostgreSQL: dimensions, facts and the audit trail.

It must not hold what a row means beyond its grain and codes, nor a statement that writes rows. The surprising fact:
there are no migrations; the warehouse can always be rebuilt from landing, so a database of other tables is refused.
"""

from kcn_pipeline.warehouse.schema.audit_tables import (
    audit_check,
    audit_finding,
    audit_payload,
    audit_quarantine,
    audit_refresh,
    audit_value_before,
    schema_version,
)
from kcn_pipeline.warehouse.schema.columns import metadata
from kcn_pipeline.warehouse.schema.dimensions import (
    dim_area,
    dim_enterprise,
    dim_indicator,
    dim_parameter,
    dim_park,
    dim_period,
    dim_station,
    dim_survey,
)
from kcn_pipeline.warehouse.schema.facts import (
    fct_indicator_revision,
    fct_indicator_value,
    fct_published_figure,
    fct_report_submission,
)
from kcn_pipeline.warehouse.schema.state import (
    BOOKKEEPING,
    check_schema,
    fingerprint_tables,
    key_columns,
    prepare_schema,
    published_tables,
)
from kcn_pipeline.warehouse.schema.station_facts import (
    fct_ambient_aqi,
    fct_exceedance,
    fct_monitoring_daily,
    fct_monitoring_flag,
)
from kcn_pipeline.warehouse.schema.survey_facts import (
    fct_indicator_assessment,
    fct_indicator_comment,
    fct_indicator_rating,
    fct_survey_response,
    fct_survey_statistic,
)

#: The enterprise id of the management board, which reports but is no enterprise of the register.
BOARD = "BOARD"

__all__ = [
    "BOARD",
    "BOOKKEEPING",
    "audit_check",
    "audit_finding",
    "audit_payload",
    "audit_quarantine",
    "audit_refresh",
    "audit_value_before",
    "check_schema",
    "dim_area",
    "dim_enterprise",
    "dim_indicator",
    "dim_parameter",
    "dim_park",
    "dim_period",
    "dim_station",
    "dim_survey",
    "fct_ambient_aqi",
    "fct_exceedance",
    "fct_indicator_assessment",
    "fct_indicator_comment",
    "fct_indicator_rating",
    "fct_indicator_revision",
    "fct_indicator_value",
    "fct_monitoring_daily",
    "fct_monitoring_flag",
    "fct_published_figure",
    "fct_report_submission",
    "fct_survey_response",
    "fct_survey_statistic",
    "fingerprint_tables",
    "key_columns",
    "metadata",
    "prepare_schema",
    "published_tables",
    "schema_version",
]
