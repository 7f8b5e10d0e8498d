"""What the rows of one table must be: columns, keys, rules, and how indicators may read them.

It must not hold a rule's implementation (that is `validation/`) nor a storage path (`lake.py`). The surprising fact:
a register sheet has no reader of its own; its table contract names the sheet and header spellings and that is all.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from kcn_pipeline.contracts.base import Bilingual, Contract, Name, Severity

ColumnType = Literal["string", "integer", "number", "boolean", "date", "timestamp"]


class Column(Contract):
    """One column. `labels` are header spellings in source files, `codes` the code list its values come from."""

    name: str = Field(pattern=r"^_?[a-z][a-z0-9_]*$")
    type: ColumnType
    description: str
    label: Bilingual | None = None
    labels: tuple[str, ...] = ()
    unit: str | None = None
    required: bool = False
    codes: str | None = None
    pattern: str | None = None
    min: float | None = None
    max: float | None = None
    severity: Severity = "critical"


class Reference(Contract):
    """Values of `column` must exist in `table`.`to`."""

    kind: Literal["reference"]
    rule: Name
    column: str
    table: str
    to: str
    severity: Severity = "critical"


class NotEmpty(Contract):
    """`column` must hold a value where `when` (a boolean column) is true."""

    kind: Literal["not_empty_when"]
    rule: Name
    column: str
    when: str
    severity: Severity = "critical"


class NotProblem(Contract):
    """`column` must be empty: staging writes there the code of what it could not read in the row."""

    kind: Literal["no_problem"]
    rule: Name
    column: str
    severity: Severity = "critical"


class Ordered(Contract):
    """`low` must not be above `high` where both hold a value; both are columns."""

    kind: Literal["ordered"]
    rule: Name
    low: str
    high: str
    severity: Severity = "critical"


class NotFuture(Contract):
    """A date column must not lie after the night."""

    kind: Literal["not_future"]
    rule: Name
    column: str
    severity: Severity = "critical"


class Sum(Contract):
    """`total` must equal the sum of `parts` within `tolerance` (a share of the total)."""

    kind: Literal["sum"]
    rule: Name
    total: str
    parts: tuple[str, ...]
    tolerance: float = 0.005
    severity: Severity = "warning"


class Plausible(Contract):
    """`column` must lie within `max_ratio` times up or down of the same key's value one period earlier."""

    kind: Literal["plausible"]
    rule: Name
    column: str
    by: tuple[str, ...]
    max_ratio: float = Field(gt=1)
    severity: Severity = "warning"


Rule = Reference | NotEmpty | NotProblem | Ordered | NotFuture | Sum | Plausible


class Volume(Contract):
    """When a night's batch is refused whole: too few or many rows, too many bad ones, or a sudden drop."""

    min_rows: int = 0
    max_rows: int = 1_000_000
    max_bad_share: float = Field(default=0.5, gt=0, le=1)
    min_share_of_previous: float | None = Field(default=None, gt=0, le=1)


class Recency(Contract):
    """The newest value of `column` must be at most `max_age_days` before the night."""

    column: str
    max_age_days: int
    severity: Severity = "warning"


class Sheet(Contract):
    """How a register sheet is recognised (its names, folded) and where its dates of validity stand."""

    names: tuple[str, ...] = Field(min_length=1)


class Usage(Contract):
    """How an indicator operand reads the table: the area column of each level, and which rows belong to a period.

    `period` is `code` (the row carries `period_code`), `event` (the date `column` lies in the period) or `stock`
    (the version valid on the period's last day).
    """

    area: dict[Literal["enterprise", "park", "province", "station"], str]
    period: Literal["code", "event", "stock"]
    column: str | None = None
    contributor: str
    complete: bool = False


class Table(Contract):
    """One table from staging to validation. `versions` names the columns that identify a thing whose history is kept.

    A table that `is_staged` also has the bookkeeping columns of `bookkeeping.yaml`, which the loader adds; one that
    `has_own_bookkeeping` names them itself, because a reading among millions cannot carry the name of its file.
    """

    table: Name
    topic: Name
    is_staged: bool = True
    has_own_bookkeeping: bool = False
    status: Literal["active", "planned"] = "active"
    description: Bilingual
    grain: str
    owner: str
    key: tuple[str, ...] = Field(min_length=1)
    part: str | None = None
    versions: tuple[str, ...] = ()
    sheet: Sheet | None = None
    columns: tuple[Column, ...] = Field(min_length=1)
    rules: tuple[Rule, ...] = ()
    volume: Volume = Volume()
    recency: Recency | None = None
    usage: Usage | None = None

    @model_validator(mode="after")
    def _names_exist(self) -> "Table":
        known = {column.name for column in self.columns}
        named: list[Any] = [*self.key, *self.versions, *([self.part] if self.part else [])]
        named += [self.recency.column] if self.recency else []
        named += [*self.usage.area.values(), self.usage.contributor] if self.usage else []
        unknown = sorted({str(name) for name in named} - known)
        if unknown:
            raise ValueError(f"columns {unknown} are named but not defined; defined are {sorted(known)}")
        return self

    def column(self, name: str) -> Column:
        """The column of that name; raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.table} has no column {name!r}")
