"""What the rest of the pipeline asks of a warehouse: which nights are published, what a mart shows; and starting over.

It must not publish. The surprising fact: a warehouse that does not exist yet is simply one without nights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Result, and_, func, inspect, literal_column, make_url, select, table

from kcn_pipeline.contracts.proposal import Decision
from kcn_pipeline.warehouse.database import open_engine, read_snapshot, write_transaction
from kcn_pipeline.warehouse.errors import WarehouseError
from kcn_pipeline.warehouse.schema import (
    audit_refresh,
    check_schema,
    dim_survey,
    fct_indicator_assessment,
    metadata,
)

_PREVIEW_ROWS = 20


@dataclass(frozen=True)
class MartPreview:
    """The number of rows of a mart and the first of them."""

    row_count: int
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class AssessedRound:
    """What a survey round proposes for each indicator; `is_closed`: the newest published night lies after its end."""

    survey_id: str
    round_code: str
    closes_on: date
    is_closed: bool
    decisions: tuple[Decision, ...]


def read_published_nights(url: str) -> set[str]:
    """The nights that the warehouse holds; empty when there is no warehouse yet."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
        return set()
    with read_snapshot(open_engine(url)) as connection:
        if not inspect(connection).has_table(audit_refresh.name):
            return set()
        return set(connection.scalars(select(audit_refresh.c.night)))


def preview_mart(url: str, name: str) -> MartPreview:
    """The first rows of a mart, as a BI tool would see them."""
    view = table(name)
    with read_snapshot(open_engine(url, must_exist=True)) as connection:
        count = connection.scalar(select(func.count()).select_from(view)) or 0
        result: Result[Any] = connection.execute(select(literal_column("*")).select_from(view).limit(_PREVIEW_ROWS))
        return MartPreview(count, list(result.keys()), [tuple(row) for row in result])


def read_decisions(url: str, survey_id: str | None = None, round_code: str | None = None) -> AssessedRound:
    """The decisions of the newest assessed round, of a survey and with a code if given, in the order of indicators.

    The newest round is the one that closes last. Raises WarehouseError when there is none.
    """
    with read_snapshot(open_engine(url, must_exist=True)) as connection:
        check_schema(connection)
        survey, round_, closes_on = _find_round(connection, survey_id, round_code)
        night = connection.scalar(select(func.max(audit_refresh.c.night)))
        a = fct_indicator_assessment.c
        columns = [a[name] for name in Decision.__dataclass_fields__]
        query = select(*columns).where(a.survey_id == survey, a.round_code == round_).order_by(a.indicator_code)
        decisions = tuple(Decision(**row) for row in connection.execute(query).mappings())
        is_closed = night is not None and closes_on.isoformat() < night
        return AssessedRound(survey, round_, closes_on, is_closed, decisions)


def _find_round(connection: Connection, survey_id: str | None, round_code: str | None) -> tuple[str, str, date]:
    d, a = dim_survey.c, fct_indicator_assessment.c
    is_assessed = select(a.verdict).where(and_(a.survey_id == d.survey_id, a.round_code == d.round_code)).exists()
    asked = {d.survey_id: survey_id, d.round_code: round_code}
    conditions = [is_assessed, *(column == value for column, value in asked.items() if value is not None)]
    newest = (d.closes_on.desc(), d.opens_on.desc(), d.survey_id, d.round_code.desc())
    found = connection.execute(select(d.survey_id, d.round_code, d.closes_on).where(*conditions).order_by(*newest))
    first = found.first()
    if first is None:
        wanted = " ".join(value for value in (survey_id, round_code) if value)
        said = f"no assessed round {wanted}" if wanted else "no assessed survey round"
        raise WarehouseError(f"the warehouse has {said}; land the answers and run `kcn refresh` first")
    return first.tuple()


def show_address(url: str) -> str:
    """The address of the warehouse without its password."""
    return make_url(url).render_as_string(hide_password=True)


def drop_warehouse(url: str) -> None:
    """Drop every table and mart of the warehouse, so that a replay starts from nothing; grants on them are lost."""
    with write_transaction(open_engine(url)) as connection:
        for name in inspect(connection).get_view_names():
            if name.startswith("mart_"):
                connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
        metadata.drop_all(connection)
