"""The tables of the warehouse, the same on SQLite and PostgreSQL: dimensions, facts and the audit trail.

It must not hold what a row means beyond its grain and codes, nor a statement that writes rows. The surprising fact:
there are no migrations; the warehouse can always be rebuilt from landing, so a database of other tables is refused.
"""

from hashlib import sha256

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    select,
)
from sqlalchemy.types import TypeEngine

from kcn_pipeline.warehouse.errors import SchemaMismatchError

#: The enterprise id of the management board, which reports but is no enterprise of the register.
BOARD = "BOARD"

metadata = MetaData()


def _key(names: str, kind: type[TypeEngine] = String) -> list[Column]:
    return [Column(name, kind, primary_key=True, nullable=False) for name in names.split()]


def _required(names: str, kind: type[TypeEngine] = String) -> list[Column]:
    return [Column(name, kind, nullable=False) for name in names.split()]


def _optional(names: str, kind: type[TypeEngine] = String) -> list[Column]:
    return [Column(name, kind) for name in names.split()]


def _in_dim_period() -> ForeignKeyConstraint:
    """Lets BI tools find the join; deferred, so that dimensions and facts may be written in any order."""
    return ForeignKeyConstraint(["period_code"], ["dim_period.period_code"], deferrable=True, initially="DEFERRED")


# ---- dimensions -----------------------------------------------------------------------------------------------------

dim_area = Table(
    "dim_area",
    metadata,
    *_key("area_code"),
    *_key("valid_from", Date),
    *_optional("valid_to", Date),
    *_required("level name_vi"),
    *_optional("parent_code name_en numeric_code"),
    comment="one area version; level is province, park, enterprise or station",
)

dim_park = Table(
    "dim_park",
    metadata,
    *_key("park_code"),
    *_required("name_vi"),
    *_optional("name_en province_code former_province_code status developer_id"),
    *_optional("is_pilot is_eco_park", Boolean),
    *_optional("land_total_ha land_industrial_planned_ha land_leased_ha", Float),
    comment="one park as it is now; developer_id is an enterprise_id",
)

dim_enterprise = Table(
    "dim_enterprise",
    metadata,
    *_key("enterprise_id"),
    *_required("name_vi"),
    *_optional("tax_code name_en park_code role ownership country_code vsic_code"),
    *_optional("is_operating", Boolean),
    *_optional("operating_from operating_to", Date),
    Index("ix_dim_enterprise_park", "park_code"),
    Index("ix_dim_enterprise_tax_code", "tax_code"),
    comment="one enterprise as it is now; country_code is ISO 3166 alpha-2",
)

dim_station = Table(
    "dim_station",
    metadata,
    *_key("station_id"),
    *_optional("name_vi kind park_code enterprise_id permit_number"),
    *_optional("is_connected", Boolean),
    comment="one automatic monitoring station as it is now",
)

dim_parameter = Table(
    "dim_parameter",
    metadata,
    *_key("parameter_code"),
    *_required("name_vi"),
    *_optional("name_en unit"),
    comment="one parameter that stations measure; unit is the one readings are kept in",
)

dim_indicator = Table(
    "dim_indicator",
    metadata,
    *_key("indicator_code catalog_version"),
    *_required("name_vi name_en"),
    *_optional("dimension unit unit_label_vi unit_label_en frequency frequencies levels direction"),
    *_optional("scale", Float),
    *_optional("numerator_sql denominator_sql target_op"),
    *_optional("target_value", Float),
    *_optional("target_basis alternative_of alternative_op"),
    *_optional("alternative_value", Float),
    *_optional("status source_tables"),
    *_optional("is_collected", Boolean),
    *_optional("confidence framework_references note"),
    *_required("is_current", Boolean),
    comment="one indicator × catalog version; a target is also met when operand `alternative_of` meets the alternative",
)

dim_period = Table(
    "dim_period",
    metadata,
    *_key("period_code"),
    *_required("freq"),
    *_required("start_date end_date", Date),
    *_optional("name_vi name_en parent_code"),
    comment="one SDMX period: 2026, 2026-S1, 2026-Q1, 2026-03; freq is A, S, Q or M",
)

# ---- facts ----------------------------------------------------------------------------------------------------------

fct_indicator_value = Table(
    "fct_indicator_value",
    metadata,
    *_key("indicator_code area_code period_code"),
    *_required("level freq"),
    *_optional("value numerator denominator", Float),
    *_optional("unit"),
    *_required("obs_status conf_status"),
    *_optional("n_reporting n_expected", Integer),
    *_optional("source comment first_published_night"),
    *_required("refreshed_night"),
    _in_dim_period(),
    Index("ix_fct_indicator_value_period", "period_code", "indicator_code"),
    Index("ix_fct_indicator_value_area", "area_code", "period_code"),
    Index("ix_fct_indicator_value_level", "level", "freq"),
    comment="one indicator × area × period, the current value; value = scale × numerator / denominator",
)

fct_indicator_revision = Table(
    "fct_indicator_revision",
    metadata,
    *_key("indicator_code area_code period_code night"),
    *_optional("old_value new_value", Float),
    *_optional("old_obs_status new_obs_status"),
    *_required("reason"),
    Index("ix_fct_indicator_revision_night", "night"),
    comment="one published value × night that changed it; reasons are explained in warehouse/values.py",
)

fct_report_submission = Table(
    "fct_report_submission",
    metadata,
    *_key("enterprise_id form_code period_code park_code"),
    *_key("revision", Integer),
    *_optional("province_code"),
    *_required("freq"),
    *_required("is_current is_expected", Boolean),
    *_required("status"),
    *_optional("due_on", Date),
    *_optional("submitted_on", DateTime),
    *_optional("days_late", Integer),
    *_optional("channel"),
    *_optional("required_total required_filled", Integer),
    *_optional("report_id payload"),
    _in_dim_period(),
    Index("ix_fct_report_submission_period", "period_code", "status"),
    Index("ix_fct_report_submission_park", "park_code", "period_code"),
    comment="enterprise × form × period × park ('' for the board) × revision (0: missing); submitted_on is local",
)

fct_published_figure = Table(
    "fct_published_figure",
    metadata,
    *_key("figure_id"),
    *_optional("what_vi what_en"),
    *_optional("value", Float),
    *_optional("value_raw qualifier unit"),
    *_optional("unit_mult", Integer),
    *_optional("as_of area_code document indicator_code note"),
    *_required("is_quarantined", Boolean),
    comment="one figure printed in a document; a malformed one is kept as printed, with an empty value",
)

# ---- facts of stations: days, not readings, which stay in the lake; every time is local (UTC+7) ---------------------

fct_monitoring_daily = Table(
    "fct_monitoring_daily",
    metadata,
    *_key("station_id parameter_code"),
    *_key("day", Date),
    *_optional("park_code"),
    *_required("kind unit"),
    *_optional("mean corrected_mean min max", Float),
    *_required("n_received n_valid n_flagged n_expected hours_valid", Integer),
    *_optional("hours_over", Integer),
    *_optional("limit_min limit_max", Float),
    *_optional("averaging regulation"),
    *_required("is_sufficient", Boolean),
    *_optional("is_compliant", Boolean),
    *_required("is_derived", Boolean),
    *_optional("load_kg volume_m3", Float),
    *_optional("load_hours", Integer),
    # A night replaces days and people ask for days; the key alone would make both read every station.
    Index("ix_fct_monitoring_daily_day", "day", "station_id"),
    comment="station × parameter × day; mean of valid readings; is_compliant is empty without a limit or enough data",
)

fct_monitoring_flag = Table(
    "fct_monitoring_flag",
    metadata,
    *_key("station_id parameter_code flag"),
    *_key("started_at", DateTime),
    *_required("day", Date),
    *_optional("ended_at", DateTime),
    *_optional("n_readings", Integer),
    *_optional("detail"),
    Index("ix_fct_monitoring_flag_day", "day"),
    comment="one suspicious stretch of a series inside one day: flat_line, spike, gap, long_calibration, low_share",
)

fct_exceedance = Table(
    "fct_exceedance",
    metadata,
    *_key("station_id parameter_code averaging"),
    *_key("started_at", DateTime),
    *_required("ended_at", DateTime),
    *_required("hours", Integer),
    *_required("peak", Float),
    *_optional("limit_min limit_max ratio", Float),
    *_required("unit"),
    *_optional("basis"),
    Index("ix_fct_exceedance_started", "started_at"),
    comment="one episode of consecutive hours or days over a limit; ended_at is the end of the last one",
)

fct_ambient_aqi = Table(
    "fct_ambient_aqi",
    metadata,
    *_key("station_id"),
    *_key("day", Date),
    *_key("parameter_code"),
    *_optional("averaging"),
    *_optional("concentration", Float),
    *_optional("aqi", Integer),
    *_optional("band band_vi band_en rgb main_parameter"),
    *_required("is_sufficient", Boolean),
    *_required("hours_valid", Integer),
    *_optional("worst_hour_aqi", Integer),
    *_optional("worst_hour_at", DateTime),
    Index("ix_fct_ambient_aqi_day", "day"),
    comment="VN_AQI of an ambient station × day × parameter ('' is the station's); worst_hour is of the hourly index",
)

# ---- audit ----------------------------------------------------------------------------------------------------------

audit_refresh = Table(
    "audit_refresh",
    metadata,
    *_key("night"),
    *_optional("started_at finished_at", DateTime),
    *_optional("run_id code_version catalog_version"),
    *_required("status"),
    *_optional("touched_periods"),
    *_optional("published_values quarantined_rows", Integer),
    *_optional("failures"),
    comment="one published night; times are UTC",
)

audit_payload = Table(
    "audit_payload",
    metadata,
    *_key("source name sha256"),
    *_required("night"),
    *_optional("size", Integer),
    *_optional("fetched_at", DateTime),
    *_required("status"),
    *_optional("rows", Integer),
    *_optional("reason_vi reason_en"),
    Index("ix_audit_payload_night", "night", "status"),
    comment="one payload as received; status is landed or rejected; fetched_at is UTC",
)

audit_check = Table(
    "audit_check",
    metadata,
    *_key("night table_name check_name"),
    *_required("passed", Boolean),
    *_optional("severity counts sample"),
    comment="one check × night; counts and sample are JSON texts",
)

audit_quarantine = Table(
    "audit_quarantine",
    metadata,
    *_key("night table_name"),
    *_key("row_number", Integer),
    *_optional("payload file sheet cell"),
    *_optional("line", Integer),
    *_optional("rules reason_vi reason_en row_json"),
    comment="one rejected row; rules are separated by '; '; row_json is the row as staged",
)

audit_finding = Table(
    "audit_finding",
    metadata,
    *_key("night"),
    *_key("number", Integer),
    *_required("rule"),
    *_optional("severity scope table_name source payload file sheet cell"),
    *_optional("line", Integer),
    *_optional("field value reason_vi reason_en action_vi action_en"),
    Index("ix_audit_finding_rule", "night", "table_name", "rule"),
    comment="one thing found wrong or worth knowing",
)

audit_value_before = Table(
    "audit_value_before",
    metadata,
    *_key("indicator_code area_code period_code"),
    *_required("changed_night"),
    *_required("has_existed", Boolean),
    *[Column(column.name, column.type) for column in fct_indicator_value.columns if not column.primary_key],
    comment="one row of fct_indicator_value that the newest night changed, as it was before that night",
)

schema_version = Table(
    "schema_version",
    metadata,
    *_key("tables"),
    *_optional("marts"),
    comment="one row: fingerprints of the tables and of the views that this database was made for",
)


def published_tables() -> list[Table]:
    """The `dim_` and `fct_` tables in name order: what the digest covers."""
    return [table for name, table in sorted(metadata.tables.items()) if name.startswith(("dim_", "fct_"))]


def key_columns(table: Table) -> list[str]:
    """The names of the columns that make a row unique, in order."""
    return [column.name for column in table.primary_key.columns]


def fingerprint_tables() -> str:
    """Changes when a table, column, type, key or required column does."""
    lines = [
        f"{table.name}.{column.name} {column.type!r} {column.primary_key} {column.nullable}"
        for table in metadata.sorted_tables
        for column in table.columns
    ]
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def prepare_schema(connection: Connection) -> None:
    """Create the tables in an empty database; raises SchemaMismatchError when it holds those of another version."""
    existing = set(inspect(connection).get_table_names())
    if not existing & set(metadata.tables):
        metadata.create_all(connection)
        connection.execute(insert(schema_version).values(tables=fingerprint_tables()))
        return
    check_schema(connection)


def check_schema(connection: Connection) -> None:
    """Raise SchemaMismatchError unless the database has exactly the tables of this version."""
    existing = set(inspect(connection).get_table_names())
    stored = connection.scalar(select(schema_version.c.tables)) if schema_version.name in existing else None
    if stored != fingerprint_tables():
        address = connection.engine.url.render_as_string(hide_password=True)
        raise SchemaMismatchError(address, _differences(connection, existing) or [f"they are marked {stored!r}"])


def _differences(connection: Connection, existing: set[str]) -> list[str]:
    """The tables and columns that are there but not ours, or ours but not there."""
    found = []
    for table in metadata.sorted_tables:
        if table.name not in existing:
            found.append(f"table {table.name} is missing")
            continue
        there = {column["name"] for column in inspect(connection).get_columns(table.name)}
        ours = {column.name for column in table.columns}
        found += [f"{table.name} lacks the column {name}" for name in sorted(ours - there)]
        found += [f"{table.name} has the column {name} too many" for name in sorted(there - ours)]
    return found
