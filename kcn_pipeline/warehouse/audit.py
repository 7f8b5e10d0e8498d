"""What must hold in the tables before a night is committed, checked with SQL inside its transaction.

It must not repair anything. The surprising fact: keys, required cells and finite numbers are not here; they are
checked cell by cell as the rows come in (`incoming.py`), where the offending row can still be named.
"""

from collections.abc import Iterable

from sqlalchemy import Column, Connection, Table, func, not_, select

from kcn_pipeline.warehouse.errors import PublishAuditError
from kcn_pipeline.warehouse.incoming import Incoming
from kcn_pipeline.warehouse.merge import Within, same_key
from kcn_pipeline.warehouse.schema import (
    BOARD,
    dim_area,
    dim_enterprise,
    dim_indicator,
    dim_period,
    dim_survey,
    fct_indicator_assessment,
    fct_indicator_comment,
    fct_indicator_rating,
    fct_indicator_value,
    fct_report_submission,
    fct_survey_response,
)
from kcn_pipeline.warehouse.surveys import ROUND_TABLES

_SHOWN = 10

#: Column, the column its values must exist in, and values that are allowed besides.
_REFERENCES: tuple[tuple[Column, Column, frozenset[str]], ...] = (
    (fct_indicator_value.c.indicator_code, dim_indicator.c.indicator_code, frozenset()),
    (fct_indicator_value.c.area_code, dim_area.c.area_code, frozenset()),
    (fct_indicator_value.c.period_code, dim_period.c.period_code, frozenset()),
    (fct_report_submission.c.enterprise_id, dim_enterprise.c.enterprise_id, frozenset({BOARD})),
    (fct_report_submission.c.period_code, dim_period.c.period_code, frozenset()),
    (fct_indicator_rating.c.indicator_code, dim_indicator.c.indicator_code, frozenset()),
    (fct_indicator_rating.c.area_code, dim_area.c.area_code, frozenset()),
    (fct_indicator_assessment.c.indicator_code, dim_indicator.c.indicator_code, frozenset()),
    (fct_indicator_comment.c.indicator_code, dim_indicator.c.indicator_code, frozenset()),
    (fct_survey_response.c.area_code, dim_area.c.area_code, frozenset()),
)


def check_published(connection: Connection, night: str, published: Iterable[tuple[Incoming, Within | None]]) -> None:
    """Raise PublishAuditError, naming everything that failed, unless the tables hold what the batch said."""
    failures = []
    for incoming, within in published:
        failures += _check_count(connection, incoming, within)
    for column, target, allowed in _REFERENCES:
        failures += _check_reference(connection, column, target, allowed)
    for table in ROUND_TABLES.values():
        failures += _check_rounds(connection, table)
    if failures:
        raise PublishAuditError(night, failures)


def _check_count(connection: Connection, incoming: Incoming, within: Within | None) -> list[str]:
    """The batch's rows lie in the part it speaks of, and that part holds exactly so many rows."""
    counted = select(func.count()).select_from(incoming.target)
    if within:
        outside = select(func.count()).select_from(incoming.table).where(not_(within(incoming.table)))
        strangers = connection.scalar(outside)
        if strangers:
            return [f"{incoming.target.name}: {strangers} rows of the batch lie outside the scope that it states"]
        counted = counted.where(within(incoming.target))
    found = connection.scalar(counted)
    if found != incoming.count:
        return [f"{incoming.target.name}: the batch brought {incoming.count} rows, the table holds {found}"]
    return []


def _check_reference(connection: Connection, column: Column, target: Column, allowed: frozenset[str]) -> list[str]:
    known = select(target)
    missing = select(column).distinct().where(column.not_in(known), column.not_in(allowed))
    codes = [str(code) for code in connection.scalars(missing.order_by(column).limit(_SHOWN))]
    if not codes:
        return []
    return [f"{column.table}.{column.name}: not in {target.table}.{target.name}: {', '.join(codes)}"]


def _check_rounds(connection: Connection, table: Table) -> list[str]:
    """Told here in words; the foreign key would only refuse the commit."""
    rounds = select(table.c.survey_id, table.c.round_code).distinct().subquery()
    known = select(dim_survey).where(same_key(dim_survey, rounds)).exists()
    missing = select(rounds).where(~known).order_by(rounds.c.survey_id, rounds.c.round_code).limit(_SHOWN)
    found = [f"{survey} {code}" for survey, code in connection.execute(missing)]
    return [f"{table}: rounds that are not in dim_survey: {', '.join(found)}"] if found else []
