"""Reports written as sheets: title block, two-row header, items, notes, signature, with labels from the contracts.

It must not decide what is reported (`reports.py`) nor spoil anything (`dirt.py`). The surprising fact: every firm has
its own way of filling in the same form, so a `Style` is drawn once per enterprise and kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.forms import Field_, Form
from kcn_pipeline_tests.simulate.periods import Period
from kcn_pipeline_tests.simulate.province import Province
from kcn_pipeline_tests.simulate.reports import Place, Report, Written
from kcn_pipeline_tests.simulate.workbooks import Sheet, Value, cell_name

_ROMAN = ("", "I", "II", "III", "IV")
_PERIODS = ("Quý {roman} năm {year}", "Quý {number}/{year}", "Quý {roman}/{year}", "Quý {number} năm {year}")


@dataclass(frozen=True)
class Style:
    """How one enterprise fills in forms.

    columns         order of the columns: code, label, unit, values (all value columns), note
    colon           headings as `label: value` in one cell instead of two cells
    period          which spelling of a quarter
    park            how the park is written; None: `KCN <name>`
    tax_as_number   the tax code typed as a number, so that its leading zero is lost
    units           other units by item code: (unit as written, what one of it is in the usual unit)
    labels          other labels by item code
    swapped         value columns in reverse order
    money           another text in the unit column of money items, and no currency in the title block
    """

    columns: tuple[str, ...] = ("code", "label", "unit", "values")
    colon: bool = False
    period: int = 0
    park: str | None = None
    tax_as_number: bool = False
    tax_code: str | None = None
    period_text: str | None = None
    title: str | None = None
    units: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    swapped: bool = False
    money: str | None = None


@dataclass
class FormSheet:
    """A written form: the sheet, and where each figure and heading stands (row and column counted from 0)."""

    report: Report
    sheet: Sheet
    places: dict[Place, tuple[int, int]]
    headings: dict[str, tuple[int, int]]
    labels: dict[str, tuple[int, int]]
    table: tuple[int, int]

    def write(self, place: Place, value: Value) -> None:
        """Put something else into the cell of a figure."""
        row, column = self.places[place]
        self.sheet.rows[row][column] = value

    def cell(self, place: Place) -> str:
        """The name of the cell of a figure, such as `D14`."""
        return cell_name(*self.places[place])

    def repeat_item(self, code: str) -> list[str]:
        """Write the row of an item a second time below itself; returns the names of the new figures' cells."""
        at = self.labels[code][0]
        self.sheet.rows.insert(at + 1, list(self.sheet.rows[at]))
        figures = [column for (one, _), (_, column) in self.places.items() if one == code]
        self.places = {place: (row + (row > at), column) for place, (row, column) in self.places.items()}
        self.labels = {one: (row + (row > at), column) for one, (row, column) in self.labels.items()}
        return [cell_name(at + 1, column) for column in figures]


def draw_style(province: Province, number: int) -> Style:
    """The style of an enterprise: most use the printed form, some move or add a column (all of it readable)."""
    draw = province.stream("style", number)
    return Style(colon=draw.random() < 0.4, period=draw.randrange(len(_PERIODS)))


def write_form(contracts: Contracts, report: Report, style: Style, sheet_name: str | None = None) -> FormSheet:
    """One report as a sheet, laid out as its form in the contracts."""
    form = contracts.forms[report.form_id]
    name = sheet_name or form.code.replace("/", "-")
    written = FormSheet(report, Sheet(name), {}, {}, {}, (0, 0))
    _write_title(form, written, style)
    _write_headings(form, written, style)
    if form.layout == "records":
        _write_records(contracts, form, written)
    else:
        _write_items(contracts, form, written, style)
    _write_signature(written)
    return written


# ---- above and below the table -----------------------------------------------------------------------------------


def _write_title(form: Form, written: FormSheet, style: Style) -> None:
    rows = written.sheet.rows
    rows.append([None, None, None, "Mẫu " + form.code if form.reporter != "board" else "Biểu " + form.code])
    rows.append([(style.title or form.recognise.titles[0]).upper()])
    rows.append([f"({spell_period(written.report.period, style)})"])
    rows.append([])
    written.sheet.merges += [(1, 0, 1, 4), (2, 0, 2, 4)]


def _write_headings(form: Form, written: FormSheet, style: Style) -> None:
    for heading in form.headings:
        value = _heading_value(written.report, style, heading.name)
        if heading.name == "signed_on" or (value is None and heading.name not in ("phone", "address")):
            continue
        if heading.name == "currency" and style.money:
            continue
        rows = written.sheet.rows
        if style.colon and not isinstance(value, date | float | int):
            written.headings[heading.name] = (len(rows), 0)
            rows.append([f"{heading.labels[0]}: {value or ''}".strip()])
        else:
            written.headings[heading.name] = (len(rows), 2)
            rows.append([heading.labels[0], None, value])
    written.sheet.rows.append([])


def _heading_value(report: Report, style: Style, name: str) -> Value:
    """What stands beside a heading; nothing where a person would be named."""
    if name == "period":
        return spell_period(report.period, style)
    if name == "park":
        return style.park or (f"KCN {report.park.name}" if report.park else None)
    firm = report.enterprise
    if firm is None:
        return None
    tax_code = style.tax_code or firm.tax_code_on(report.period.end)
    values: dict[str, Value] = {
        "project_name": f"Nhà máy {firm.sector.name_vi} Mẫu {firm.number:02d}",
        "certificate_number": certificate_number(firm.number, 1),
        "certificate_date": max(firm.operating_from.replace(day=1), date(2004, 1, 1)),
        "certificate_authority": "Ban Quản lý các KCN",
        "enterprise_name": firm.name,
        "tax_code": int(tax_code.replace("-", "")) if style.tax_as_number else tax_code,
        "registration_authority": "Phòng Đăng ký kinh doanh",
        "address": f"Lô CN-{firm.number:02d}",
        "currency": "USD" if firm.currency == "USD" else "triệu VNĐ",
    }
    return values.get(name)


def certificate_number(enterprise_number: int, project: int) -> str:
    """The number of an investment certificate, ten digits of an artificial range."""
    return f"99{enterprise_number:05d}{project:03d}"


def spell_period(period: Period, style: Style) -> str:
    """The period as the firm writes it."""
    if style.period_text:
        return style.period_text
    if period.freq == "A":
        return f"Năm {period.year}"
    spelled = _PERIODS[style.period]
    return spelled.format(roman=_ROMAN[period.part], number=period.part, year=period.year)


def _write_signature(written: FormSheet) -> None:
    signed = written.report.submitted_on
    rows = written.sheet.rows
    rows.append([])
    rows.append(["Ghi chú: số liệu mô phỏng, không phải của doanh nghiệp có thật."])
    rows.append([None, None, f"Bắc Ninh, ngày {signed.day:02d} tháng {signed.month:02d} năm {signed.year}"])
    rows.append([None, None, "NGƯỜI ĐẠI DIỆN THEO PHÁP LUẬT"])
    rows.append([None, None, "(Ký, ghi rõ họ tên, đóng dấu)"])


# ---- the table ---------------------------------------------------------------------------------------------------


def _write_items(contracts: Contracts, form: Form, written: FormSheet, style: Style) -> None:
    columns = [column.code for column in form.columns]
    if style.swapped:
        columns.reverse()
    at = _column_places(style, len(columns))
    value_at = {code: at["values"] + index for index, code in enumerate(columns)}
    head = len(written.sheet.rows)
    _write_header(form, written, at, value_at)
    for code, one in _items_in_order(form, written.report):
        row: list[Value] = [None] * (max([*at.values(), *value_at.values()]) + 1)
        number = len(written.sheet.rows)
        row[at["code"]] = code
        row[at["label"]] = style.labels.get(code, one.label)
        unit, factor = style.units.get(code, (_unit_text(contracts, one, written.report, style), 1.0))
        row[at["unit"]] = unit or None
        written.labels[code] = (number, at["label"])
        for column in one.columns or ("",):
            value = written.report.cells.get((code, column))
            place = (number, value_at[column] if column else at["values"])
            if value is not None:
                row[place[1]] = _scaled(value, factor)
                written.places[code, column] = place
        written.sheet.rows.append(row)
    written.table = (head, len(written.sheet.rows) - 1)


def _scaled(value: Written, factor: float) -> Value:
    return value / factor if factor != 1.0 and isinstance(value, int | float) else value


def _column_places(style: Style, values: int) -> dict[str, int]:
    """The first sheet column of each part of the table."""
    at: dict[str, int] = {}
    free = 0
    for part in style.columns:
        at[part] = free
        free += values if part == "values" else 1
    return at


def _write_header(form: Form, written: FormSheet, at: Mapping[str, int], value_at: Mapping[str, int]) -> None:
    """Two header rows; the first spans the value columns, the others are merged downwards."""
    top: list[Value] = [None] * (max([*at.values(), *value_at.values()]) + 1)
    names = {"code": form.header.code[0], "label": form.header.label[0], "unit": form.header.unit[0], "note": "Ghi chú"}
    for part, column in at.items():
        if part != "values":
            top[column] = names[part]
    first, last = min(value_at.values()), max(value_at.values())
    below: list[Value] = [None] * len(top)
    labels = {column.code: column.labels[0] for column in form.columns}
    number = len(written.sheet.rows)
    if first == last:
        top[first] = labels[next(iter(value_at))]
        written.sheet.rows.append(top)
        return
    top[first] = "Thực hiện"
    for code, column in value_at.items():
        below[column] = labels[code]
    written.sheet.rows += [top, below]
    written.sheet.merges.append((number, first, number, last))
    written.sheet.merges += [(number, at[part], number + 1, at[part]) for part in at if part != "values"]


def _items_in_order(form: Form, report: Report) -> list[tuple[str, Field_]]:
    """Every field of the form for this frequency; an investor block once for each investor the report has."""
    items: list[tuple[str, Field_]] = []
    written = {code for code, _ in report.cells}
    for one in form.fields:
        if one.frequencies and report.period.freq not in one.frequencies:
            continue
        if not one.repeats:
            items.append((one.code, one))
            continue
        before, _, after = one.code.partition(".x.")
        items += [(code, one) for n in range(1, 9) if (code := f"{before}.{n}.{after}") in written]
    return _blocks_together(items)


def _blocks_together(items: list[tuple[str, Field_]]) -> list[tuple[str, Field_]]:
    """Investor by investor (1.1.1.4, 1.1.1.5, 1.1.1.6, 1.1.2.4, …) instead of row by row."""
    ordered: list[tuple[str, Field_]] = []
    block: list[tuple[str, Field_]] = []
    for code, one in items:
        if one.repeats and (not block or block[0][0][:3] == code[:3]):
            block.append((code, one))
            continue
        ordered += sorted(block)
        block = [(code, one)] if one.repeats else []
        ordered += [] if one.repeats else [(code, one)]
    return ordered + sorted(block)


def _unit_text(contracts: Contracts, one: Field_, report: Report, style: Style) -> str:
    """The unit column of an item: as the contract spells it, the certificate's currency for money."""
    if one.unit is None:
        return ""
    if one.unit == "MONEY":
        if style.money:
            return style.money
        return "USD" if report.enterprise is None or report.enterprise.currency == "USD" else "triệu VNĐ"
    unit = contracts.units[one.unit]
    return unit.label.vi


def _write_records(contracts: Contracts, form: Form, written: FormSheet) -> None:
    """One row per park, one column per field, the field codes as a numbering row below the header."""
    rows = written.sheet.rows
    head = len(rows)
    rows.append([one.aliases[0] if one.unit else one.label for one in form.fields])
    rows.append([one.code for one in form.fields])
    for cells in written.report.records.values():
        rows.append([cells.get((one.code, "")) for one in form.fields])
    written.table = (head, len(rows) - 1)
