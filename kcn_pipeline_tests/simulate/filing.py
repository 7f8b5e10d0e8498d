"""Who hands in what and when: reports gathered into files, on time, late or not at all.

It must not spoil a file (`dirt.py`). The surprising fact: a file knows two days, the day in its signature block and the
day it arrives; the first decides which of two reports is the newer, the second which night sees it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate.forms import FormSheet, Style, draw_style, write_form
from kcn_pipeline_tests.simulate.parkforms import board_reports, eco_park_reports
from kcn_pipeline_tests.simulate.periods import Period
from kcn_pipeline_tests.simulate.province import Enterprise, Province
from kcn_pipeline_tests.simulate.reports import (
    Report,
    fill_05_a,
    fill_a_iii_1,
    fill_a_iii_2,
    fill_bn_01,
)
from kcn_pipeline_tests.simulate.workbooks import CsvFormat, Sheet, write_csv, write_xls, write_xlsx

CSV_FORMATS = (
    CsvFormat(";", "utf-8-sig", ","),
    CsvFormat("\t", "utf-16", ","),
    CsvFormat(",", "utf-8", "."),
    CsvFormat(";", "cp1258", ","),
)


@dataclass
class Filing:
    """One file handed in. `extras` are sheets that are no form; `content` replaces everything when set.

    `sheets` are its written forms while somebody works on them; an untouched file is laid out only when it is written.
    `refused` is the rule that refuses the file, `repeats` the filing whose bytes it has.
    """

    path: str
    kind: str
    reports: list[Report]
    style: Style
    arrives_on: date
    csv: CsvFormat | None = None
    sheets: list[FormSheet] = field(default_factory=list)
    extras: list[Sheet] = field(default_factory=list)
    content: bytes | None = None
    refused: str | None = None
    repeats: "Filing | None" = None

    @property
    def night(self) -> str:
        """The night that lands the file: the one after the day it arrives."""
        return (self.arrives_on + timedelta(days=1)).isoformat()

    def lay_out(self, contracts: Contracts) -> None:
        """Write the forms onto sheets, in the style of the reporter."""
        self.sheets = [write_form(contracts, report, self.style) for report in self.reports]

    def to_bytes(self, contracts: Contracts) -> bytes:
        """The file as bytes."""
        if self.content is not None:
            return self.content
        if self.sheets or self.extras:
            sheets = [written.sheet for written in self.sheets] + self.extras
        else:
            sheets = [write_form(contracts, report, self.style).sheet for report in self.reports]
        if self.kind == "csv":
            return write_csv(sheets[0], self.csv or CSV_FORMATS[0])
        return write_xls(sheets) if self.kind == "xls" else write_xlsx(sheets)


def due_on(contracts: Contracts, form_code: str, period: Period) -> date | None:
    """The deadline of a form for a period, None when nothing is due."""
    for deadline in contracts.deadlines.values():
        if deadline.form == form_code and deadline.frequency == period.freq and deadline.holds_on(period.end):
            month = period.end.month + deadline.months_after
            return date(period.end.year + (month - 1) // 12, (month - 1) % 12 + 1, deadline.day)
    return None


def plan_filings(contracts: Contracts, province: Province, quarters: Sequence[Period]) -> list[Filing]:
    """Every file of the quarters and of the years that end in them, in the order of their arrival."""
    filings: list[Filing] = []
    years = [
        Period(q.year, 1, "A") for q in quarters if q.part == 4 and province.first_quarter <= Period(q.year, 1, "Q")
    ]
    for enterprise in province.enterprises:
        for quarter in quarters:
            if enterprise.reports_for(quarter):
                filings += _quarterly(contracts, province, enterprise, quarter)
        for year in years:
            if enterprise.reports_for(year) and enterprise.operates_on(year.start):
                filings += _annual(contracts, province, enterprise, year)
    filings += _of_parks(contracts, province, years)
    filings += _of_board(contracts, province, [*quarters, *years])
    return sorted(filings, key=lambda filing: (filing.arrives_on, filing.path))


def _quarterly(contracts: Contracts, province: Province, firm: Enterprise, quarter: Period) -> Iterator[Filing]:
    """A.III.1 and BN.01 of a quarter in one workbook (two files when the firm sends CSV)."""
    signed = _signing_day(contracts, province, firm, "A.III.1", quarter)
    if signed is None:
        return
    old = quarter.end <= firm.old_form_until
    form_id = "a_iii_1_2021" if old else "a_iii_1_2023"
    project = Report(
        form_id, "A.III.1", quarter, firm, firm.park, signed, fill_a_iii_1(province, firm, quarter, not old)
    )
    extra = Report("bn_01", "BN.01", quarter, firm, firm.park, signed, fill_bn_01(province, firm, quarter))
    reports = [project]
    if province.stream("bn_01", firm.enterprise_id, quarter.code).random() > 0.03:
        reports.append(extra)
    yield from _files(province, firm, quarter, reports)


def _annual(contracts: Contracts, province: Province, firm: Enterprise, year: Period) -> Iterator[Filing]:
    """A.III.2, 05.A and BN.01 of a year; every second firm sends 05.A, which is due earlier, in a file of its own."""
    project_day = _signing_day(contracts, province, firm, "A.III.2", year)
    environment_day = _signing_day(contracts, province, firm, "05.A", year)
    main: list[Report] = []
    if not firm.skips_annual and project_day:
        cells = fill_a_iii_2(province, firm, year)
        main.append(Report("a_iii_2", "A.III.2", year, firm, firm.park, project_day, cells))
        main.append(Report("bn_01", "BN.01", year, firm, firm.park, project_day, fill_bn_01(province, firm, year)))
    if not firm.skips_05a and environment_day:
        cells = fill_05_a(province, firm, year)
        environment = Report("f_05_a", "05.A", year, firm, firm.park, environment_day, cells)
        if firm.number % 2 and main:
            yield from _files(province, firm, year, [environment], "_05A")
        else:
            main.insert(1 if main else 0, environment)
    if main:
        yield from _files(province, firm, year, main)


def _files(
    province: Province, firm: Enterprise, period: Period, reports: list[Report], suffix: str = ""
) -> Iterator[Filing]:
    """The reports as one workbook, or as one CSV file each."""
    style = draw_style(province, firm.number)
    folder = "paper_reports" if firm.channel == "paper" else "reports"
    base = f"{folder}/{period.code}/{firm.park.code}/{firm.enterprise_id}_{period.code}{suffix}"
    if firm.file_kind != "csv":
        arrives = max(report.submitted_on for report in reports)
        yield Filing(f"{base}.{firm.file_kind}", firm.file_kind, reports, style, arrives)
        return
    csv = CSV_FORMATS[firm.number // 14 % len(CSV_FORMATS)]
    for report in reports:
        path = f"{base}_{report.form_code.replace('.', '')}.csv"
        yield Filing(path, "csv", [report], style, report.submitted_on, csv)


def _signing_day(
    contracts: Contracts, province: Province, firm: Enterprise, form_code: str, period: Period
) -> date | None:
    """The day in the signature block: mostly before the deadline; one in fifteen is late, one in thirty never comes."""
    due = due_on(contracts, form_code, period)
    if due is None:
        return None
    draw = province.stream("filing", firm.enterprise_id, form_code, period.code)
    luck = draw.random()
    if luck < 0.03:
        return None
    if luck < 0.10:
        return due + timedelta(days=draw.randint(1, 24))
    return max(period.end + timedelta(days=1), due - timedelta(days=draw.randint(0, 8)))


def _of_parks(contracts: Contracts, province: Province, years: Sequence[Period]) -> Iterator[Filing]:
    """The eco-park forms A.4, A.5 and B.5 of the developer, and B.4 of one enterprise, for each year."""
    for year in years:
        due = due_on(contracts, "A.4", year)
        for park in province.parks:
            if park.is_eco and due:
                developer = province.developer(park)
                reports = eco_park_reports(contracts, province, park, year, due - timedelta(days=6))
                path = f"reports/{year.code}/{park.code}/{developer.enterprise_id}_{year.code}_KCN_sinh_thai.xlsx"
                yield Filing(path, "xlsx", reports, Style(), due - timedelta(days=6))


def _of_board(contracts: Contracts, province: Province, periods: Sequence[Period]) -> Iterator[Filing]:
    """The board's own forms 2101, 2103 and 2104: one workbook a period, none for every third quarter."""
    for number, period in enumerate(periods):
        due = due_on(contracts, "2101.H.QLKKT", period)
        if due is None or number % 3 == 2:
            continue
        signed = due - timedelta(days=2) if number % 4 else due + timedelta(days=3)
        reports = board_reports(contracts, province, period, signed)
        yield Filing(f"reports/{period.code}/BQL/BQL_{period.code}.xlsx", "xlsx", reports, Style(), signed)


def resubmit(filing: Filing, days: int) -> Filing:
    """A second report for the same period, signed later, with higher exports and output."""
    reports = []
    for report in filing.reports:
        cells = dict(report.cells)
        for code in ("III", "2.1"):
            value, to_date = cells.get((code, "A")), cells.get((code, "B"))
            if isinstance(value, int | float) and isinstance(to_date, int | float):
                raised = round(value * 1.1, 1) if isinstance(value, float) else round(value * 1.1)
                cells[code, "B"] = round(to_date + raised - value, 1)
                cells[code, "A"] = raised
        signed = report.submitted_on + timedelta(days=days)
        reports.append(replace(report, submitted_on=signed, cells=cells, dropped={}))
    path = filing.path.replace(".xlsx", "_nop_lai.xlsx")
    return Filing(path, filing.kind, reports, filing.style, filing.arrives_on + timedelta(days=days))
