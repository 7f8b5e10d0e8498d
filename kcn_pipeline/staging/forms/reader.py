"""One payload → its submissions as drafts: layout, raw cells, what the title block says.

It must not build tables (that is `assemble.py`). The surprising fact: a sheet that is no form is no fault as long as
another sheet of the workbook is one; firms keep their own calculations beside the form.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.forms import Form
from kcn_pipeline.findings import Finding, Place
from kcn_pipeline.staging.forms.cells import Reading, read_cell, yes_no_of
from kcn_pipeline.staging.forms.headings import HeadingLabels, Headings, read_headings
from kcn_pipeline.staging.forms.identity import Identity, read_identity
from kcn_pipeline.staging.forms.items import ItemIndex
from kcn_pipeline.staging.forms.layout import Layout, Layouts, Slot
from kcn_pipeline.staging.forms.locate import SheetRejectedError, locate_items, locate_records
from kcn_pipeline.staging.forms.recognise import Recogniser, Signs, quote
from kcn_pipeline.staging.parks import ParkNames
from kcn_pipeline.staging.units import Units
from kcn_pipeline.staging.vietnamese import Convention, decide_convention, decode_sheet
from kcn_pipeline.staging.workbooks import Cell, PayloadRejectedError, Rows, Sheet, cell_address, read_sheets

TABLE = "enterprise_reports"

#: How text numbers of a sheet are read: one convention for all, one per value column, or none needed.
Conventions = Convention | Mapping[str, Convention] | None


@dataclass(frozen=True)
class Draft:
    """One submission before its cells are converted. `readings` holds the slots that are not plain numbers."""

    layout: Layout
    identity: Identity
    place: Place
    raw: list[Cell]
    readings: Mapping[int, Reading]
    title_cells: Mapping[int, str]
    convention: Conventions
    encoding: str
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class FormReader:
    """Reads payloads of reports; keeps the layouts it has met, so one reader serves a whole night."""

    contracts: Contracts
    layouts: Layouts = field(default_factory=Layouts)

    @cached_property
    def units(self) -> Units:
        """The units of the contracts."""
        return Units(self.contracts)

    @cached_property
    def parks(self) -> ParkNames:
        """The park names of the contracts."""
        return ParkNames(self.contracts)

    @cached_property
    def _recogniser(self) -> Recogniser:
        return Recogniser(self.contracts)

    @cached_property
    def _indexes(self) -> dict[str, ItemIndex]:
        return {form.id: ItemIndex(form) for form in self.contracts.forms.values()}

    @cached_property
    def _labels(self) -> dict[str, HeadingLabels]:
        return {form.id: HeadingLabels.of(form) for form in self.contracts.forms.values()}

    @cached_property
    def _yes_no(self) -> dict[str, bool]:
        return yes_no_of(self.contracts)

    def read_payload(
        self, place: Place, content: bytes, metadata: Mapping[str, Any], modified_at: str | None
    ) -> tuple[list[Draft], list[Finding]]:
        """The submissions of a payload, and the findings that concern the payload or its other sheets."""
        try:
            sheets = read_sheets(place.file, content)
        except PayloadRejectedError as refusal:
            return [], [_refuse(place, refusal.rule, detail=refusal.detail)]
        drafts: list[Draft] = []
        findings: list[Finding] = []
        for sheet in sheets:
            try:
                at = Place(place.source, place.payload, place.file, sheet.name)
                draft = self._read_sheet(at, sheet, metadata, modified_at)
            except SheetRejectedError as refusal:
                findings.append(_refuse(at, refusal.rule, **refusal.said))
                continue
            drafts += [draft] if draft else []
            if draft and sheet.is_hidden:
                findings.append(Finding("hidden_sheet", "report", TABLE, draft.place))
        _refuse_twins(drafts)
        recognised = {draft.place.sheet for draft in drafts} | {finding.place.sheet for finding in findings}
        findings += self._report_strangers(place, sheets, recognised)
        return drafts, findings

    def _read_sheet(
        self, place: Place, sheet: Sheet, metadata: Mapping[str, Any], modified_at: str | None
    ) -> Draft | None:
        if not any(cell != "" for row in sheet.rows for cell in row):
            return None
        found = self._find_layout(sheet.rows)
        if found is None:
            return None
        rows, layout, encoding = found
        headings = read_headings(self._labels[layout.form.id], rows, layout.head, layout.last)
        headings, encoding = _decode_headings(headings, encoding)
        identity = read_identity(self.parks, self.units, layout.form, headings, metadata, modified_at)
        raw, title_cells = _gather(layout, rows, headings)
        untold = _list_untold(layout, raw)
        convention, conflict = _decide(layout.slots, raw, untold)
        readings = self._read_texts(sheet, layout.slots, raw, untold, convention)
        draft = Draft(layout, identity, place, raw, readings, title_cells, convention, encoding)
        draft.findings.extend(_remarks(layout, place, encoding, conflict, identity))
        return draft

    def _find_layout(self, rows: Rows) -> tuple[Rows, Layout, str] | None:
        """The layout of a sheet, known or new; legacy text is decoded when it is no form otherwise. None if no form."""
        if layout := self.layouts.find(rows):
            return rows, layout, "unicode"
        encoding = "unicode"
        signs = Signs.of(rows)
        form = self._recogniser.find(signs)
        if form is None:
            rows, legacy = _decode_rows(rows)
            if legacy is None:
                return None
            encoding = legacy
            if layout := self.layouts.find(rows):
                return rows, layout, encoding
            form = self._recogniser.find(Signs.of(rows))
            if form is None:
                return None
        locate = locate_records if form.layout == "records" else locate_items
        layout = locate(self._indexes[form.id], rows, self.units)
        self.layouts.keep(rows, layout)
        return rows, layout, encoding

    def _read_texts(
        self, sheet: Sheet, slots: tuple[Slot, ...], raw: list[Cell], untold: list[int], conventions: Conventions
    ) -> dict[int, Reading]:
        """The readings of every slot that is not simply a number in a number field."""
        readings: dict[int, Reading] = {}
        for index in untold:
            slot, cell = slots[index], raw[index]
            if cell == "" and not slot.problem:
                if slot.row >= 0 and sheet.error_cells and slot.cell in sheet.error_cells:
                    readings[index] = Reading(problem="formula_error", detail=slot.cell)
            else:
                convention = conventions.get(slot.column_code) if isinstance(conventions, Mapping) else conventions
                readings[index] = read_cell(cell, slot, convention, self._yes_no)
        return readings

    def _report_strangers(self, place: Place, sheets: Iterable[Sheet], known: set[str | None]) -> Iterator[Finding]:
        strangers = [s for s in sheets if s.name not in known and any(cell != "" for row in s.rows for cell in row)]
        if known:
            for sheet in strangers:
                yield Finding("sheet_ignored", "payload", TABLE, replace(place, sheet=sheet.name))
            return
        titles = quote([form.recognise.titles[0] for form in self.contracts.forms.values()], 12)
        if not strangers:
            yield _refuse(place, "empty_file", detail="no sheet holds a cell")
            return
        signs = Signs.of(strangers[0].rows)
        found = signs.title.strip(" |")[:160]
        yield _refuse(place, "unknown_form", expected=titles, found=f"{found} (≈ {self._recogniser.nearest(signs)})")


def _refuse_twins(drafts: list[Draft]) -> None:
    """Two sheets of one workbook that claim the same form and period cannot be told apart."""
    claims = [_claim(draft) for draft in drafts]
    if len(set(claims)) == len(claims):
        return
    for draft, claim in zip(drafts, claims, strict=True):
        if claims.count(claim) > 1 and draft.identity.period_code:
            draft.identity.refuse("form_twice", " ".join(filter(None, claim)))


def _claim(draft: Draft) -> tuple[str | None, ...]:
    """What a sheet reports; a developer files park forms for each of its parks."""
    form, identity = draft.layout.form, draft.identity
    return form.code, identity.period_code, identity.park_code if form.reporter == "park" else None


def _refuse(place: Place, rule: str, **said: str) -> Finding:
    return Finding(rule, "payload" if place.sheet is None else "report", TABLE, place, said=said)


def _decode_rows(rows: Rows) -> tuple[Rows, str | None]:
    texts = [cell for row in rows for cell in row if isinstance(cell, str)]
    decoded, encoding = decode_sheet(texts)
    if encoding is None:
        return rows, None
    new = iter(decoded)
    return [[next(new) if isinstance(cell, str) else cell for cell in row] for row in rows], encoding


def _decode_headings(headings: Headings, encoding: str) -> tuple[Headings, str]:
    """Names typed in a legacy font above a Unicode form are decoded on their own."""
    texts = [h.value for h in headings.values.values() if isinstance(h.value, str)]
    if encoding != "unicode" or all(text.isascii() for text in texts):
        return headings, encoding
    decoded, legacy = decode_sheet(texts)
    if legacy is None:
        return headings, encoding
    new = dict(zip(texts, decoded, strict=True))
    for name, heading in headings.values.items():
        if isinstance(heading.value, str):
            headings.values[name] = heading._replace(value=new[heading.value])
    return headings, legacy


def _gather(layout: Layout, rows: Rows, headings: Headings) -> tuple[list[Cell], dict[int, str]]:
    """The raw cells of all slots, and where those of the title block were found on this sheet."""
    raw: list[Cell] = [rows[place[0]][place[1]] if place else "" for place in layout.places]
    title_cells = {}
    for index, code in layout.titled:
        if heading := headings.get(code):
            raw[index] = heading.value
            title_cells[index] = cell_address(heading.row, heading.at)
    return raw, title_cells


def _list_untold(layout: Layout, raw: list[Cell]) -> list[int]:
    """The slots whose cells do not say by themselves what they mean, as a number in a number field does."""
    return [
        index
        for index, (takes_number, cell) in enumerate(zip(layout.takes_numbers, raw, strict=True))
        if not takes_number or type(cell) is not float
    ]


def _decide(slots: tuple[Slot, ...], raw: list[Cell], untold: list[int]) -> tuple[Conventions, tuple[str, ...]]:
    """How text numbers are to be read: decided per column from clear cells, else for the sheet; conflicts are named."""
    texts: dict[str, list[str]] = {}
    for index in untold:
        slot, cell = slots[index], raw[index]
        if cell and isinstance(cell, str) and slot.field.type == "number":
            texts.setdefault(slot.column_code, []).append(cell)
    if not texts:
        return None, ()
    decided = {column: decide_convention(cells) for column, cells in texts.items()}
    conflicts = tuple(column for column, decision in decided.items() if decision == "conflict")
    clear: dict[str, Convention] = {c: d for c, d in decided.items() if d is not None and d != "conflict"}
    whole = set(clear.values())
    return (whole.pop() if len(whole) == 1 and not conflicts else clear), conflicts


def _remarks(
    layout: Layout, place: Place, encoding: str, conflicts: tuple[str, ...], identity: Identity
) -> Iterator[Finding]:
    for remark in layout.remarks:
        cell = cell_address(remark.row, remark.at) if remark.row is not None and remark.at is not None else None
        line = remark.row + 1 if remark.row is not None else None
        yield Finding(
            remark.rule, "report", TABLE, replace(place, cell=cell, line=line), remark.field, said=remark.said
        )
    if encoding != "unicode":
        yield Finding("legacy_text_decoded", "report", TABLE, place, said={"found": encoding})
    for column in conflicts:
        yield Finding("convention_conflict", "report", TABLE, place, column or None)
    for rule, name, value in identity.remarks:
        yield Finding(rule, "report", TABLE, place, name, value, said={"found": value})


def frequency_fits(slot: Slot, form: Form, freq: str | None) -> bool:
    """Whether the form asks for the field at this frequency."""
    return not slot.field.frequencies or freq is None or freq in slot.field.frequencies
