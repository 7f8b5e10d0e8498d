"""What a reporting form looks like and which canonical measure each of its fields feeds.

It must not hold how a sheet is parsed (that is `staging/forms.py`). The surprising fact: recognition needs no file
name; a sheet is the form whose title it bears and most of whose item codes it holds, so renamed files still work.
"""

from typing import Literal

from pydantic import Field, model_validator

from kcn_pipeline.contracts.base import Bilingual, Contract, Dated, Frequency

Window = Literal["period", "year_to_date", "since_certificate", "previous_year"]


class Heading(Contract):
    """A labelled cell of the title block, such as the tax code. `reads` says which reader turns it into a value."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    labels: tuple[str, ...] = Field(min_length=1)
    reads: Literal["text", "tax_code", "park", "date", "period", "currency", "number"]
    required: bool = False
    personal: bool = False


class ValueColumn(Contract):
    """A column of figures. `labels` are spellings of its header; `ownership` marks FDI and DDI columns."""

    code: str
    labels: tuple[str, ...] = Field(min_length=1)
    window: Window = "period"
    ownership: Literal["FDI", "DDI"] | None = None


class Field_(Contract):
    """One item of a form. `measures` maps a value column's code to the canonical measure it feeds."""

    code: str
    label: str
    aliases: tuple[str, ...] = ()
    type: Literal["number", "text", "boolean", "date", "code"] = "number"
    unit: str | None = None
    unit_by_column: dict[str, str] = {}
    columns: tuple[str, ...] = ()
    required: bool = False
    frequencies: tuple[Frequency, ...] = ()
    min: float | None = 0
    max: float | None = None
    sum_of: tuple[str, ...] = ()
    ratio_of: tuple[str, str] | None = None
    repeats: bool = False
    measures: dict[str, str] = {}
    note: str | None = None
    source: str
    confidence: Literal["high", "medium", "low"]


class Recognition(Contract):
    """A sheet is this form when a title phrase occurs (folded) and `codes` occur and `without` codes do not."""

    titles: tuple[str, ...] = Field(min_length=1)
    codes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


class TableHeader(Contract):
    """Header spellings of the code, label and unit columns of the item table."""

    code: tuple[str, ...] = ("STT", "TT", "Mã số", "Mã chỉ tiêu", "Số TT")
    label: tuple[str, ...] = ("Chỉ tiêu", "Nội dung", "Tên chỉ tiêu", "Thông tin")
    unit: tuple[str, ...] = ("Đơn vị tính", "Đơn vị", "ĐVT")


class Form(Dated):
    """One version of one form. A layout of `items` has a row per field, one of `records` a row per park."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    code: str
    version: str
    name: Bilingual
    status: Literal["statutory", "proposal"]
    basis: str
    frequencies: tuple[Frequency, ...] = Field(min_length=1)
    reporter: Literal["enterprise", "park", "board"]
    expected_from: Literal["enterprises", "eco_parks", "board", "nobody"]
    layout: Literal["items", "records"] = "items"
    recognise: Recognition
    header: TableHeader = TableHeader()
    headings: tuple[Heading, ...]
    columns: tuple[ValueColumn, ...] = ()
    fields: tuple[Field_, ...] = Field(min_length=1)
    note: str | None = None

    @model_validator(mode="after")
    def _codes_exist(self) -> "Form":
        codes = [field.code for field in self.fields]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f"field codes {twice} are defined twice")
        columns = {column.code for column in self.columns}
        for field in self.fields:
            wrong = (set(field.columns) | set(field.measures)) - columns - {""}
            if wrong and self.layout == "items":
                raise ValueError(
                    f"field {field.code!r} names value columns {sorted(wrong)}; the form has {sorted(columns)}"
                )
            missing = set(field.sum_of) - set(codes)
            if missing:
                raise ValueError(f"field {field.code!r} sums up {sorted(missing)}, which the form does not have")
        return self

    def field(self, code: str) -> Field_:
        """The field of that code; raises KeyError."""
        for field in self.fields:
            if field.code == code:
                return field
        raise KeyError(f"form {self.id} has no field {code!r}")
