"""The items of a form, found again among the rows of a sheet by code and by label.

It must not look at figures. The surprising fact: neither the code nor the label alone decides; a code whose label says
something else is a changed form, and reading it would put a figure under the wrong name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from kcn_pipeline.contracts.forms import Field_, Form
from kcn_pipeline.staging.forms.layout import code_pattern
from kcn_pipeline.staging.forms.recognise import read_code
from kcn_pipeline.staging.vietnamese import fold
from kcn_pipeline.staging.workbooks import Cell, Rows

#: Two labels are the same item when this share of all their words agrees. Exports and imports share 4 of 6 words.
_SAME_WORDS = 0.75
#: What a label may carry beside its words: a number before it, a unit in brackets, `trong đó` after it.
_BESIDE = re.compile(r"^\s*(?:\d+(?:\.\d+)*[.)]|[-+•])\s*|\([^)]*\)\s*$|[,:]?\s*trong đó\s*:?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Item:
    """A row of the sheet that holds a field. `conflict` says what its label is when it is not the field's."""

    field: Field_
    row: int
    record: str = ""
    conflict: str | None = None


@dataclass(frozen=True, eq=False)
class ItemIndex:
    """The fields of a form by code, by pattern of repeated code and by label."""

    form: Form
    by_code: dict[str, Field_] = field(default_factory=dict)
    by_label: dict[str, list[Field_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.form.fields:
            self.by_code[one.code] = one
            for text in {label_key(label) for label in (one.label, *one.aliases)}:
                self.by_label.setdefault(text, []).append(one)

    def find_by_code(self, code: str) -> tuple[Field_, str] | None:
        """The field of a code and the number of its repetition, if any."""
        if code in self.by_code:
            return self.by_code[code], ""
        for one in self.form.fields:
            if one.repeats and (match := code_pattern(one.code).fullmatch(code)):
                return one, match[1]
        return None


def find_items(index: ItemIndex, rows: Rows, first: int, code_at: int, label_at: int) -> Iterator[Item]:
    """The rows from `first` on that hold an item of the form, in sheet order."""
    parent = ""
    for number in range(first, len(rows)):
        row = rows[number]
        code = read_code(row[code_at]) if code_at >= 0 else ""
        label = label_key(row[label_at]) if label_at >= 0 else ""
        if not code and not label:
            continue
        item = _match(index, number, code, label, parent)
        if item is None:
            continue
        yield item
        if item.field.code == code:
            parent = code


def _match(index: ItemIndex, number: int, code: str, label: str, parent: str) -> Item | None:
    found = index.find_by_code(code) or index.find_by_code(f"{parent}.{code}") if code else None
    labelled = index.by_label.get(label, [])
    if found and (found[0] in labelled or same_label(found[0], label)):
        return Item(found[0], number, found[1])
    if len(labelled) == 1:
        return Item(labelled[0], number, _repetition(labelled[0], code))
    if found and label:
        return Item(found[0], number, found[1], conflict=label)
    return Item(found[0], number, found[1]) if found and not label else None


def _repetition(one: Field_, code: str) -> str:
    return code if one.repeats else ""


def same_label(one: Field_, label: str) -> bool:
    """Whether a folded label means the field: its words, but for one or two added or left out of several.

    Short labels must agree exactly: folded, `điện` (electricity) is also the beginning of `diện tích` (area).
    """
    words = set(label.split())
    for text in (one.label, *one.aliases):
        own = set(label_key(text).split())
        if own == words or (len(own) >= 3 and len(own & words) / len(own | words) >= _SAME_WORDS):
            return True
    return False


def label_key(cell: Cell) -> str:
    """The comparison key of a label, without what may stand beside its words; '' for a cell that is no text."""
    return fold(_BESIDE.sub("", cell)) if isinstance(cell, str) else ""
