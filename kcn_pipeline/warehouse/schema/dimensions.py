"""Dimensions: areas, parks, enterprises, stations, parameters, indicators, periods, rounds of surveys.

It must not hold a figure of a period. The surprising fact: of most things the warehouse keeps what holds now, but of
areas every version and of indicators every catalog, because old figures are read beside them.
"""

from sqlalchemy import Boolean, Date, Float, Index, Table

from kcn_pipeline.warehouse.schema.columns import key, metadata, optional, required

dim_area = Table(
    "dim_area",
    metadata,
    *key("area_code"),
    *key("valid_from", Date),
    *optional("valid_to", Date),
    *required("level name_vi"),
    *optional("parent_code name_en numeric_code"),
    comment="one area version; level is province, park, enterprise or station",
)

dim_park = Table(
    "dim_park",
    metadata,
    *key("park_code"),
    *required("name_vi"),
    *optional("name_en province_code former_province_code status developer_id"),
    *optional("is_pilot is_eco_park", Boolean),
    *optional("land_total_ha land_industrial_planned_ha land_leased_ha", Float),
    comment="one park as it is now; developer_id is an enterprise_id",
)

dim_enterprise = Table(
    "dim_enterprise",
    metadata,
    *key("enterprise_id"),
    *required("name_vi"),
    *optional("tax_code name_en park_code role ownership country_code vsic_code"),
    *optional("is_operating", Boolean),
    *optional("operating_from operating_to", Date),
    Index("ix_dim_enterprise_park", "park_code"),
    Index("ix_dim_enterprise_tax_code", "tax_code"),
    comment="one enterprise as it is now; country_code is ISO 3166 alpha-2",
)

dim_station = Table(
    "dim_station",
    metadata,
    *key("station_id"),
    *optional("name_vi kind park_code enterprise_id permit_number"),
    *optional("is_connected", Boolean),
    comment="one automatic monitoring station as it is now",
)

dim_parameter = Table(
    "dim_parameter",
    metadata,
    *key("parameter_code"),
    *required("name_vi"),
    *optional("name_en unit"),
    comment="one parameter that stations measure; unit is the one readings are kept in",
)

dim_indicator = Table(
    "dim_indicator",
    metadata,
    *key("indicator_code catalog_version"),
    *required("name_vi name_en"),
    *optional("dimension unit unit_label_vi unit_label_en frequency frequencies levels direction"),
    *optional("scale", Float),
    *optional("numerator_sql denominator_sql target_op"),
    *optional("target_value", Float),
    *optional("target_basis alternative_of alternative_op"),
    *optional("alternative_value", Float),
    *optional("status source_tables"),
    *optional("is_collected", Boolean),
    *optional("confidence framework_references note"),
    *required("is_current", Boolean),
    comment="one indicator × catalog version; a target is also met when operand `alternative_of` meets the alternative",
)

dim_period = Table(
    "dim_period",
    metadata,
    *key("period_code"),
    *required("freq"),
    *required("start_date end_date", Date),
    *optional("name_vi name_en parent_code"),
    comment="one SDMX period: 2026, 2026-S1, 2026-Q1, 2026-03; freq is A, S, Q or M",
)

dim_survey = Table(
    "dim_survey",
    metadata,
    *key("survey_id round_code"),
    *required("title_vi title_en kind"),
    *required("opens_on closes_on", Date),
    *required("period_code"),
    comment="one round of a survey; kind is rating or satisfaction; its period may not have ended yet",
)
