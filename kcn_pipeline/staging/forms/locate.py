"""Finds the item table of a form on a sheet: header rows, columns by their headings, items by code and label.

It must not read figures. The surprising fact: columns are never taken by position, so a sheet with a column inserted
or swapped reads as well as the printed form, and one whose headings say something else is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kcn_pipeline.contracts.forms import Field_, Form, ValueColumn
from kcn_pipeline.contracts.reference import Unit
from kcn_pipeline.staging.forms.items import Item, ItemIndex, find_items, label_key
from kcn_pipeline.staging.forms.layout import IN_TITLE, MISSING, Layout, Remark, Slot, guard
from kcn_pipeline.staging.forms.recognise import quote, read_code
from kcn_pipeline.staging.units import MONEY, Units
from kcn_pipeline.staging.vietnamese import fold
from kcn_pipeline.staging.workbooks import Cell, Rows

#: The item table begins within the first rows; a header further down belongs to an annex.
_HEADER_ROWS = 80
#: A header has at most this many rows (title row, sub-headings, numbering row).
_HEADER_DEPTH = 4
_TOTALS = {"tong", "tong cong", "tong so", "cong"}


class SheetRejectedError(ValueError):
    """A sheet of a known form that cannot be read; `rule` and `said` tell what was looked for and what was found."""

    def __init__(self, rule: str, **said: str) -> None:
        self.rule, self.said = rule, said
        super().__init__(f"{rule}: {said}")


@dataclass(frozen=True)
class _Table:
    """The header of the item table: its first row, the first row of items, and the columns (-1 when there is none)."""

    head: int
    body: int
    code: int
    label: int
    unit: int
    values: dict[str, int]


def locate_items(index: ItemIndex, rows: Rows, units: Units) -> Layout:
    """The layout of an item form; raises SheetRejectedError when its table or all its value columns are missing."""
    form = index.form
    table = _find_table(index, rows)
    remarks = [
        Remark("column_not_found", code, table.head, None, {"expected": quote(_column(form, code).labels, 3)})
        for code in (column.code for column in form.columns)
        if code not in table.values
    ]
    items = list(find_items(index, rows, table.body, table.code, table.label))
    slots: list[Slot] = []
    seen: dict[tuple[str, str], int] = {}
    for item in items:
        times = seen[item.field.code, item.record] = seen.get((item.field.code, item.record), 0) + 1
        slots += _slots_of(form, item, rows, table, units, times)
    slots = _refuse_duplicates(slots, {key for key, times in seen.items() if times > 1})
    slots += _missing_slots(form, {item.field.code for item in items})
    last = max((item.row for item in items), default=table.body)
    remarks += _unknown_items(rows, table, {item.row for item in items}, last)
    columns = (table.code, table.label, table.unit)
    return guard(form, rows, table.head, table.body, last, columns, tuple(slots), tuple(remarks))


def _find_table(index: ItemIndex, rows: Rows) -> _Table:
    form = index.form
    labels, codes, unit_words = (_folded(words) for words in (form.header.label, form.header.code, form.header.unit))
    for number, row in enumerate(rows[:_HEADER_ROWS]):
        label_at = _column_of(row, labels)
        if label_at < 0 or not (
            _column_of(row, codes) >= 0 or _column_of(row, unit_words) >= 0 or _names_value(form, row)
        ):
            continue
        code_at, unit_at = _column_of(row, codes), _column_of(row, unit_words)
        body = _find_body(index, rows, number + 1, code_at, label_at)
        if body is None:
            continue
        values = _find_values(form, rows, number, body, {code_at, label_at, unit_at})
        if not values:
            expected = quote([_first(column) for column in form.columns])
            found = quote([cell for line in rows[number:body] for cell in line if isinstance(cell, str)], 12)
            raise SheetRejectedError("column_not_found", expected=expected, found=found)
        return _Table(number, body, code_at, label_at, unit_at, values)
    found = quote([str(cell) for row in rows[:_HEADER_ROWS] for cell in row if cell != ""], 12)
    raise SheetRejectedError(
        "table_not_found", expected=quote([*form.header.code[:2], *form.header.label[:2]]), found=found
    )


def _find_body(index: ItemIndex, rows: Rows, first: int, code_at: int, label_at: int) -> int | None:
    """The first row of the table that is an item, also one whose label changed; a numbering row has no words."""
    items = list(find_items(index, rows[: first + _HEADER_DEPTH + 8], first, code_at, label_at))
    if all(item.conflict is not None for item in items):
        return None
    return next(item.row for item in items if item.conflict is None or any(map(str.isalpha, item.conflict)))


def _find_values(form: Form, rows: Rows, head: int, body: int, taken: set[int]) -> dict[str, int]:
    """Where each value column stands: the best heading wins, every sheet column is used once."""
    headings = {
        at: [fold(row[at]) for row in rows[head:body] if isinstance(row[at], str) and row[at]]
        for at in range(len(rows[head]))
        if at not in taken
    }
    scored = sorted(
        (
            (-_fit(column, texts), order, at, column.code)
            for order, column in enumerate(form.columns)
            for at, texts in headings.items()
            if _fit(column, texts)
        ),
    )
    found: dict[str, int] = {}
    for _, _, at, code in scored:
        if code not in found and at not in found.values():
            found[code] = at
    return found


def _fit(column: ValueColumn, texts: list[str]) -> int:
    """How well headings name a value column: the length of the longest spelling, doubled when it is the whole text."""
    best = 0
    for label in map(fold, column.labels):
        for text in texts:
            if text == label:
                best = max(best, 2 * len(label) + 1)
            elif len(label) > 3 and f" {label} " in f" {text} ":
                best = max(best, len(label))
    return best


def _slots_of(form: Form, item: Item, rows: Rows, table: _Table, units: Units, times: int) -> list[Slot]:
    record = f"{item.record}#{times}" if times > 1 else item.record
    slots = []
    for code in item.field.columns or (("",) if table.values else ()):
        if code and code not in table.values:
            continue
        column = _column(form, code) if code else None
        at = table.values[code] if code else _first_filled(rows[item.row], sorted(table.values.values()))
        raw, unit, problem, detail = _unit_of(item.field, code, rows[item.row], table.unit, units)
        if item.conflict:
            problem, detail = "label_changed", f"{item.field.code}: {item.conflict}"
        slots.append(Slot(item.field, column, item.row, at, record, raw, unit, problem, detail))
    return slots


def _unit_of(
    field: Field_, column: str, row: Sequence[Cell], unit_at: int, units: Units
) -> tuple[str | None, Unit | None, str | None, str | None]:
    """The unit as written, the unit it means, and the problem if it means none."""
    fixed = field.unit_by_column.get(column, field.unit)
    meant = units.contracts.units[fixed] if fixed else None
    cell = row[unit_at] if unit_at >= 0 else ""
    raw = cell.strip() if isinstance(cell, str) and cell.strip() else None
    if raw is None or field.type != "number" or column in field.unit_by_column:
        return raw, meant, None, None
    written = units.find(raw)
    if written is None:
        return raw, None, "unknown_unit", raw
    if meant and meant.quantity == MONEY.lower():
        return raw, written, None, None
    if meant and written.quantity != meant.quantity:
        return raw, None, "unknown_unit", raw
    return raw, written, None, None


def _refuse_duplicates(slots: list[Slot], twice: set[tuple[str, str]]) -> list[Slot]:
    """An item that stands twice cannot be told apart: every one of its cells is refused."""
    return [
        Slot(s.field, s.column, s.row, s.at, s.record, s.raw_unit, s.unit, "duplicate_item", s.field.code)
        if (s.field.code, s.record.split("#")[0]) in twice
        else s
        for s in slots
    ]


def _missing_slots(form: Form, found: set[str]) -> list[Slot]:
    """Slots for fields the table lacks: those of the title block, and required ones that are simply absent."""
    slots = []
    for field in form.fields:
        if field.code in found or field.repeats:
            continue
        if not field.columns:
            slots.append(Slot(field, None, IN_TITLE, 0))
        elif field.required:
            slots += [Slot(field, _column(form, code), MISSING, 0) for code in field.columns]
    return slots


def _unknown_items(rows: Rows, table: _Table, known: set[int], last: int) -> list[Remark]:
    """Rows inside the table that hold a code and a figure but are no item of the form."""
    remarks = []
    for number in range(table.body, last + 1):
        row = rows[number]
        code = read_code(row[table.code]) if table.code >= 0 else ""
        has_figure = any(isinstance(row[at], float) for at in table.values.values())
        if number not in known and code and has_figure:
            said = {"found": f"{code} {row[table.label]}"[:120]}
            remarks.append(Remark("unknown_item", code, number, table.label, said))
    return remarks


def locate_records(index: ItemIndex, rows: Rows, units: Units) -> Layout:
    """The layout of a record form (one row per park); raises SheetRejectedError when its header is missing."""
    form = index.form
    best: dict[str, int] = {}
    head = 0
    for number, row in enumerate(rows[:_HEADER_ROWS]):
        found = {
            fields[0].code: at
            for at, cell in enumerate(row)
            if isinstance(cell, str) and len(fields := index.by_label.get(label_key(cell), [])) == 1
        }
        if len(found) > len(best):
            best, head = found, number
    key = form.fields[0].code
    if key not in best or len(best) < len(form.fields) / 2:
        expected = quote([field.label for field in form.fields])
        raise SheetRejectedError("table_not_found", expected=expected, found=quote([str(c) for c in rows[head]]))
    remarks = [
        Remark("column_not_found", field.code, head, None, {"expected": field.label})
        for field in form.fields
        if field.code not in best and field.required
    ]
    slots = []
    last = head
    for number in range(head + 1, len(rows)):
        name = rows[number][best[key]]
        if not isinstance(name, str) or not _is_record(name, rows[number], list(best.values())):
            continue
        last = number
        for code, at in best.items():
            field = form.field(code)
            unit = units.contracts.units[field.unit] if field.unit else None
            slots.append(Slot(field, None, number, at, name.strip(), field.unit, unit))
    return Layout(
        form, head, last, tuple(slots), tuple(remarks), (), tuple(tuple(row) for row in rows[head : last + 1])
    )


def _is_record(name: str, row: Sequence[Cell], columns: list[int]) -> bool:
    """Whether a row names a park and says something of it: no numbering row, no total, no note below the table."""
    is_named = bool(name.strip()) and not read_code(name) and label_key(name) not in _TOTALS
    return is_named and sum(row[at] != "" for at in columns) > 1


def _column(form: Form, code: str) -> ValueColumn:
    return next(column for column in form.columns if column.code == code)


def _first(column: ValueColumn) -> str:
    return column.labels[0]


def _first_filled(row: Sequence[Cell], columns: list[int]) -> int:
    return next((at for at in columns if row[at] != ""), columns[0])


def _folded(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(fold(word) for word in words)


def _column_of(row: Sequence[Cell], words: tuple[str, ...]) -> int:
    """The first column whose heading is one of the words, or begins with one of more than one word; -1 if none."""
    texts = [fold(cell) if isinstance(cell, str) else "" for cell in row]
    for at, text in enumerate(texts):
        if text in words and text:
            return at
    for at, text in enumerate(texts):
        if any(" " in word and text.startswith(f"{word} ") for word in words):
            return at
    return -1


def _names_value(form: Form, row: Sequence[Cell]) -> bool:
    texts = [fold(cell) for cell in row if isinstance(cell, str) and cell]
    return any(_fit(column, texts) for column in form.columns)
