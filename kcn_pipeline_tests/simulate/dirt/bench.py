"""The workbench: a filing, its sheets, and how to take something out of the file and of the truth at once.

It must not hold a case. The surprising fact: what a case spoils is taken out of the true figures right here, so the
truth never has to look at a file.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate.filing import Filing
from kcn_pipeline_tests.simulate.forms import FormSheet
from kcn_pipeline_tests.simulate.reports import Place

#: What must come of a case.
ACCEPTED, NOTED, IGNORED = "accepted", "accepted with a finding", "ignored"
VALUE, REPORT, FILE, ROW = "value refused", "report refused", "file refused", "row refused"


@dataclass(frozen=True)
class Mark:
    """One consequence of a case: what must come of which place, by which rule of rules.yaml (empty when none)."""

    expected: str
    rule: str = ""
    sheet: str = ""
    cell: str = ""
    field: str = ""
    row: int | None = None

    @property
    def line(self) -> int | None:
        """The row of the sheet, counted from 1: that of the cell, or the whole row it is about."""
        digits = "".join(filter(str.isdigit, self.cell))
        return int(digits) if digits else self.row


def is_quarterly(filing: Filing) -> bool:
    """Whether the file is a workbook with A.III.1 and BN.01 of a quarter."""
    return filing.kind == "xlsx" and len(filing.reports) == 2 and filing.reports[0].form_code == "A.III.1"


@dataclass(frozen=True)
class Spoil:
    """A case: its name, what is wrong, what spoils a filing, and which filings it suits."""

    name: str
    what: str
    apply: Callable[["Bench"], list[Mark]]
    suits: Callable[[Filing], bool] = is_quarterly


@dataclass
class Bench:
    """A filing on the workbench, with the contracts to write it anew and a random stream."""

    contracts: Contracts
    filing: Filing
    draw: Random

    @property
    def project(self) -> FormSheet:
        """The sheet of A.III.1."""
        return next(s for s in self.filing.sheets if s.report.form_code == "A.III.1")

    @property
    def extra(self) -> FormSheet:
        """The sheet of BN.01."""
        return next(s for s in self.filing.sheets if s.report.form_code == "BN.01")

    def restyle(self, **changes: object) -> None:
        """Write the filing anew in another style."""
        self.filing.style = replace(self.filing.style, **changes)  # type: ignore[arg-type]
        self.filing.lay_out(self.contracts)

    def refuse_value(self, written: FormSheet, place: Place, rule: str) -> Mark:
        """Take a figure out of the truth."""
        written.report.dropped[place] = rule
        return Mark(VALUE, rule, written.sheet.name, written.cell(place), place[0])

    def refuse_reports(self, rule: str) -> list[Mark]:
        """Take every report of the filing out of the truth."""
        for report in self.filing.reports:
            report.refused = rule
        return [Mark(REPORT, rule, written.sheet.name) for written in self.filing.sheets]

    def refuse_file(self, content: bytes, rule: str) -> list[Mark]:
        """Replace the file by something that cannot be read."""
        self.filing.content, self.filing.refused = content, rule
        return [Mark(FILE, rule)]

    def translate(self, change: Callable[[str], str]) -> None:
        """Change every text of every form sheet."""
        for written in self.filing.sheets:
            for row in written.sheet.rows:
                row[:] = [change(cell) if isinstance(cell, str) else cell for cell in row]
