"""What tables are written with: their common metadata, columns by the words of their names, links to dimensions.

It must not hold a table. The surprising fact: links are checked at the end of the transaction only, so that dimensions
and facts may be written in any order.
"""

from sqlalchemy import Column, ForeignKeyConstraint, MetaData, String
from sqlalchemy.types import TypeEngine

metadata = MetaData()


def key(names: str, kind: type[TypeEngine] = String) -> list[Column]:
    """Columns that make a row unique."""
    return [Column(name, kind, primary_key=True, nullable=False) for name in names.split()]


def required(names: str, kind: type[TypeEngine] = String) -> list[Column]:
    """Columns that are never empty."""
    return [Column(name, kind, nullable=False) for name in names.split()]


def optional(names: str, kind: type[TypeEngine] = String) -> list[Column]:
    """Columns that may be empty."""
    return [Column(name, kind) for name in names.split()]


def in_dim_period() -> ForeignKeyConstraint:
    """Lets BI tools find the join."""
    return ForeignKeyConstraint(["period_code"], ["dim_period.period_code"], deferrable=True, initially="DEFERRED")


def in_dim_survey() -> ForeignKeyConstraint:
    """A round that the contracts no longer name takes with it what was published of it."""
    names = ("survey_id", "round_code")
    there = [f"dim_survey.{name}" for name in names]
    return ForeignKeyConstraint(names, there, ondelete="CASCADE", deferrable=True, initially="DEFERRED")
