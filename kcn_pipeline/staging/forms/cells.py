"""One cell of a field → a value, a text, a qualifier or a named problem.

It must not convert units. The surprising fact: an empty cell and a dash are the same to a firm and to us, nothing
reported; neither is ever zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.staging.forms.layout import Slot
from kcn_pipeline.staging.vietnamese import Convention, clean, fold, is_missing, read_date, read_number
from kcn_pipeline.staging.workbooks import Cell


@dataclass(frozen=True, slots=True)
class Reading:
    """What a cell says. `unit_text` is a unit written in the cell itself (`966,358 triệu USD`)."""

    value: float | None = None
    text: str | None = None
    qualifier: str | None = None
    unit_text: str | None = None
    problem: str | None = None
    detail: str | None = None


NOTHING = Reading()


def read_cell(raw: Cell, slot: Slot, convention: Convention | None, yes_no: Mapping[str, bool]) -> Reading:
    """Read one cell that is not a plain number in a number field."""
    if slot.problem:
        return Reading(problem=slot.problem, detail=slot.detail)
    if raw == "":
        return NOTHING
    if slot.field.type == "number":
        return _read_number(raw, convention)
    if slot.field.type == "boolean":
        return _read_boolean(raw, yes_no)
    if slot.field.type == "date":
        return _read_date(raw)
    return Reading(text=clean(raw) if isinstance(raw, str) else write_raw(raw))


def write_raw(raw: Cell) -> str:
    """A cell as text, as exactly as its type allows: 12.0 → 12, dates in ISO."""
    if isinstance(raw, float):
        return f"{raw:.15g}"
    if isinstance(raw, (date, datetime, time)):
        return raw.isoformat()
    return str(raw)


def write_all_raw(numbers: np.ndarray, raw: Sequence[Cell]) -> pa.Array:
    """`write_raw` of every cell, None for an empty one; `numbers` are the cells that hold a number, NaN elsewhere.

    Arrow writes numbers five times as fast. It writes the shortest text that reads back the same, which is the one with
    15 digits unless it is longer; very large and very small numbers it writes in a way of its own.
    """
    written = pa.array(numbers, mask=np.isnan(numbers)).cast(pa.string())
    size = np.abs(numbers)
    is_usual = ((size >= 1e-4) & (size < 1e10)) | (size == 0)
    is_short = pc.fill_null(pc.less_equal(pc.utf8_length(written), 16), False)  # 15 digits and a point
    as_arrow = is_usual & is_short.to_numpy(zero_copy_only=False)
    own: list[str | None] = [None] * len(raw)
    for at in np.flatnonzero(~as_arrow).tolist():
        if raw[at] != "":
            own[at] = write_raw(raw[at])
    return pc.if_else(pa.array(as_arrow), written, pa.array(own, pa.string()))


def yes_no_of(contracts: Contracts) -> dict[str, bool]:
    """Folded spellings of yes and no → True and False."""
    return {
        fold(spelling) or spelling: code.code == "true"
        for code in contracts.code_lists["yes_no"].codes
        for spelling in (code.code, code.label.vi, code.label.en, *code.spellings)
    }


def _read_number(raw: Cell, convention: Convention | None) -> Reading:
    if isinstance(raw, bool) or not isinstance(raw, (str, float, int)):
        return Reading(problem="unreadable_number", detail=f"{write_raw(raw)} ({type(raw).__name__})")
    if not isinstance(raw, str):
        return Reading(value=float(raw))
    if is_missing(raw):
        return NOTHING
    number = read_number(raw, convention)
    detail = None
    if number.problem:
        detail = f"{raw} → {number.suggestion}" if number.suggestion else raw
    return Reading(number.value, None, number.qualifier, number.unit_text, number.problem, detail)


def _read_boolean(raw: Cell, yes_no: Mapping[str, bool]) -> Reading:
    if isinstance(raw, str):
        if is_missing(raw) and fold(raw) not in yes_no:
            return NOTHING
        said = yes_no.get(fold(raw) or raw.strip())
    else:
        said = bool(raw) if isinstance(raw, (bool, int, float)) and raw in (0, 1) else None
    if said is None:
        return Reading(problem="unknown_code", detail=write_raw(raw))
    return Reading(value=float(said), text="true" if said else "false")


def _read_date(raw: Cell) -> Reading:
    if isinstance(raw, (datetime, date)):
        return Reading(text=raw.isoformat()[:10])
    read = read_date(str(raw))
    if read.problem:
        return Reading(problem=read.problem, detail=str(raw))
    return Reading(text=read.value.isoformat() if read.value else None)
