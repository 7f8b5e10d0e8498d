"""The audit trail: nights, payloads, checks, refused rows, findings, and what the newest night changed.

It must not be part of what the digest covers. The surprising fact: `audit_value_before` is no history but the way back,
so that a night that is published again can be taken back first.
"""

from sqlalchemy import Boolean, Column, DateTime, Index, Integer, Table

from kcn_pipeline.warehouse.schema.columns import key, metadata, optional, required
from kcn_pipeline.warehouse.schema.facts import fct_indicator_value

audit_refresh = Table(
    "audit_refresh",
    metadata,
    *key("night"),
    *optional("started_at finished_at", DateTime),
    *optional("run_id code_version catalog_version"),
    *required("status"),
    *optional("touched_periods"),
    *optional("published_values quarantined_rows", Integer),
    *optional("failures"),
    comment="one published night; times are UTC",
)

audit_payload = Table(
    "audit_payload",
    metadata,
    *key("source name sha256"),
    *required("night"),
    *optional("size", Integer),
    *optional("fetched_at", DateTime),
    *required("status"),
    *optional("rows", Integer),
    *optional("reason_vi reason_en"),
    Index("ix_audit_payload_night", "night", "status"),
    comment="one payload as received; status is landed or rejected; fetched_at is UTC",
)

audit_check = Table(
    "audit_check",
    metadata,
    *key("night table_name check_name"),
    *required("passed", Boolean),
    *optional("severity counts sample"),
    comment="one check × night; counts and sample are JSON texts",
)

audit_quarantine = Table(
    "audit_quarantine",
    metadata,
    *key("night table_name"),
    *key("row_number", Integer),
    *optional("payload file sheet cell"),
    *optional("line", Integer),
    *optional("rules reason_vi reason_en row_json"),
    comment="one rejected row; rules are separated by '; '; row_json is the row as staged",
)

audit_finding = Table(
    "audit_finding",
    metadata,
    *key("night"),
    *key("number", Integer),
    *required("rule"),
    *optional("severity scope table_name source payload file sheet cell"),
    *optional("line", Integer),
    *optional("field value reason_vi reason_en action_vi action_en"),
    Index("ix_audit_finding_rule", "night", "table_name", "rule"),
    comment="one thing found wrong or worth knowing",
)

audit_value_before = Table(
    "audit_value_before",
    metadata,
    *key("indicator_code area_code period_code"),
    *required("changed_night"),
    *required("has_existed is_forgotten", Boolean),
    *[Column(column.name, column.type) for column in fct_indicator_value.columns if not column.primary_key],
    comment="one row of fct_indicator_value that the newest night changed, as it was before that night; "
    "is_forgotten: it had figures that are withheld now",
)

schema_version = Table(
    "schema_version",
    metadata,
    *key("tables"),
    *optional("marts"),
    comment="one row: fingerprints of the tables and of the views that this database was made for",
)
