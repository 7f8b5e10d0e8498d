"""Which form a sheet is: by its title, then by how many of the form's items it holds.

It must not read figures. The surprising fact: the title alone does not decide, because the quarterly and the annual
project report and the two circulating versions of A.III.1 bear almost the same words.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.forms import Form
from kcn_pipeline.staging.vietnamese import fold
from kcn_pipeline.staging.workbooks import Rows

#: Titles stand in the first rows; below, a note may quote another form's name.
TITLE_ROWS = 25


@dataclass(frozen=True)
class Signs:
    """What a sheet shows: the folded text of its head, the folded texts of all cells, and its item codes."""

    title: str
    labels: frozenset[str]
    codes: frozenset[str]

    @classmethod
    def of(cls, rows: Rows) -> "Signs":
        """Collect the signs of a sheet."""
        texts = [cell for row in rows for cell in row if isinstance(cell, str) and cell]
        head = " | ".join(fold(cell) for row in rows[:TITLE_ROWS] for cell in row if isinstance(cell, str) and cell)
        codes = frozenset(code for row in rows for cell in row[:3] if (code := read_code(cell)))
        return cls(f" {head} ", frozenset(map(fold, texts)), codes)


@dataclass(frozen=True, eq=False)
class Recogniser:
    """Finds the form of a sheet among the forms of the contracts."""

    contracts: Contracts

    @cached_property
    def _titles(self) -> dict[str, tuple[str, ...]]:
        return {
            form.id: tuple(fold(title) for title in form.recognise.titles) for form in self.contracts.forms.values()
        }

    @cached_property
    def _labels(self) -> dict[str, frozenset[str]]:
        return {
            form.id: frozenset(fold(text) for field in form.fields for text in (field.label, *field.aliases))
            for form in self.contracts.forms.values()
        }

    def find(self, signs: Signs) -> Form | None:
        """The form whose title the sheet bears and whose items it holds most of; None when no title fits."""
        entitled = [form for form in self.contracts.forms.values() if self._bears_title(form, signs)]
        fitting = [form for form in entitled if _has_codes(form, signs)] or entitled
        return max(fitting, key=lambda form: self._fit(form, signs), default=None)

    def nearest(self, signs: Signs) -> str:
        """What the sheet comes nearest to, for the message when no title fits."""
        best = max(self.contracts.forms.values(), key=lambda form: self._fit(form, signs))
        shared, of_form = len(self._labels[best.id] & signs.labels), len(self._labels[best.id])
        return f"{best.code} ({shared}/{of_form})"

    def _bears_title(self, form: Form, signs: Signs) -> bool:
        return any(f" {title} " in signs.title for title in self._titles[form.id])

    def _fit(self, form: Form, signs: Signs) -> tuple[float, int, int]:
        """The share of the form's labels on the sheet, their number, and the length of the title it bears."""
        labels = self._labels[form.id]
        shared = len(labels & signs.labels)
        longest = max((len(t) for t in self._titles[form.id] if f" {t} " in signs.title), default=0)
        return shared / len(labels), shared, longest


def _has_codes(form: Form, signs: Signs) -> bool:
    return set(form.recognise.codes) <= signs.codes and not set(form.recognise.without) & signs.codes


def read_code(cell: object) -> str:
    """An item code as text: `1.0` → 1, `1,1` → 1.1, ` VI.2. ` → VI.2, `a)` → a); '' when the cell is no code."""
    if isinstance(cell, float):
        return f"{cell:.10g}" if abs(cell) < 1000 else ""
    if not isinstance(cell, str) or not 0 < len(cell) <= 24:
        return ""
    code = cell.strip().strip("()").rstrip(".:").strip().replace(",", ".")
    return code if code and " " not in code else ""


def quote(texts: Iterable[str], limit: int = 6) -> str:
    """A short list for a message."""
    listed = [text for text in texts if text]
    return "; ".join(listed[:limit]) + ("; …" if len(listed) > limit else "")
