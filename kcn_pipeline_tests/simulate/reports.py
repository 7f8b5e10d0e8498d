"""What stands in each report: the item codes of the forms with the figures an enterprise writes beside them.

It must not hold a label, a unit or a layout (`forms.py` takes those from the contracts). The surprising fact: the
codes are written out by hand here, so that a code the contracts lose or rename is noticed instead of followed.
"""

from dataclasses import dataclass, field
from datetime import date

from kcn_pipeline_tests.simulate.figures import CAPITAL_LINES, Figures, figures_of, quarter_figures, year_to_date
from kcn_pipeline_tests.simulate.periods import Period
from kcn_pipeline_tests.simulate.province import Enterprise, Park, Province

Written = str | int | float | bool | date
Place = tuple[str, str]
#: What is written beside an item code under a value column; the column is empty for items without columns.
Cells = dict[Place, Written]


@dataclass
class Report:
    """One form of one reporter for one period, as handed in.

    `refused` is the rule that refuses it whole, `dropped` the rules that refuse single figures. `enterprise` is None
    for the board. `order` tells two reports of one day apart: the later one wins.
    """

    form_id: str
    form_code: str
    period: Period
    enterprise: Enterprise | None
    park: Park | None
    submitted_on: date
    cells: Cells
    records: dict[str, Cells] = field(default_factory=dict)
    refused: str | None = None
    dropped: dict[Place, str] = field(default_factory=dict)
    order: int = 0

    @property
    def reporter_id(self) -> str:
        """The enterprise's id in the register, or BOARD."""
        return self.enterprise.enterprise_id if self.enterprise else "BOARD"


def fill_a_iii_1(province: Province, enterprise: Enterprise, period: Period, with_energy: bool) -> Cells:
    """The quarterly project report (A.III.1), in the version with or without the energy rows."""
    now = quarter_figures(province, enterprise)[period.code]

    def to_date(name: str) -> float:
        return year_to_date(province, enterprise, period, name)

    cells: Cells = {("A-006", ""): now["registered"]}
    cells |= _capital_rows(enterprise, "A", {line: now[line] for line in CAPITAL_LINES})
    cells |= _capital_rows(enterprise, "B", {line: to_date(line) for line in CAPITAL_LINES})
    cells |= _capital_rows(enterprise, "C", {line: now[f"{line}_total"] for line in CAPITAL_LINES})
    for code, name in {"II": "revenue", "III": "export", "IV": "import", "VII": "budget"}.items():
        cells[code, "A"], cells[code, "B"] = now[name], to_date(name)
    cells |= _labour_rows(now)
    if with_energy:
        cells |= _energy_rows("VI", now)
    cells["VIII", "A"] = now["land"]
    cells["C", ""] = "Không có"
    return cells


def fill_a_iii_2(province: Province, enterprise: Enterprise, period: Period) -> Cells:
    """The annual project report (A.III.2)."""
    now = figures_of(province, enterprise, period)
    cells: Cells = {("A-006", ""): now["registered"]}
    cells |= _capital_rows(enterprise, "A", {line: now[line] for line in CAPITAL_LINES})
    cells |= _capital_rows(enterprise, "B", {line: now[f"{line}_total"] for line in CAPITAL_LINES})
    names = {"II": "revenue", "III": "export", "IV": "import", "VI": "income", "VIII": "budget", "IX": "land"}
    names |= {"X": "profit", "XI": "rnd", "XII": "environment_cost"}
    for code, name in names.items():
        cells[code, "A"] = now[name]
    cells["XI", "B"], cells["XII", "B"] = now["rnd"] * 5, now["environment_cost"] * 6
    cells |= _labour_rows(now) | _energy_rows("VII", now)
    cells["XIII", ""] = "Công nghệ nhập khẩu, đã sử dụng ổn định"
    cells["C", ""] = "Không có"
    return cells


def fill_05_a(province: Province, enterprise: Enterprise, period: Period) -> Cells:
    """The annual environment report (05.A); the year before is written a little lower."""
    now = figures_of(province, enterprise, period)
    cells: Cells = {
        ("0.2", "N"): enterprise.sector.name_vi,
        ("0.4", "N"): "Liên tục",
        ("0.7", "N"): "Có" if now["has_ems"] else "Không",
        ("0.10", "N"): now["electricity"],
        ("0.10", "N-1"): round(now["electricity"] * 0.96),
        ("0.11", "N"): now["water"],
        ("0.11", "N-1"): round(now["water"] * 0.97),
        ("1.1.sh", "N"): now["wastewater_domestic"],
        ("1.1.cn", "N"): now["wastewater_industrial"],
        ("1.1.tn", "N"): "Đấu nối trạm xử lý nước thải tập trung của KCN",
        ("3.1", "N"): round(now["vietnamese"] * 70),
        ("3.2", "N"): now["solid_kg"],
        ("4.1", "N"): "Bùn thải, giẻ lau nhiễm thành phần nguy hại",
        ("4.2", "N"): "12 06 05",
        ("4.3", "N"): now["hazardous_kg"],
    }
    return cells


#: BN.01 by item code: the figure, and whether it adds up over the year (then column B holds the sum so far).
BN_01_QUARTERLY = {
    "1.1": ("female", False),
    "1.2": ("local", False),
    "1.3": ("payroll", True),
    "1.4": ("worker_months", True),
    "1.5": ("accidents", True),
    "1.6": ("housing_demand", False),
    "1.7": ("housed", False),
    "2.1": ("output", True),
    "2.2": ("value_added", True),
    "2.3": ("procurement", True),
    "2.4": ("procurement_local", True),
    "3.1": ("wastewater", True),
    "3.2": ("reused", True),
    "4.1": ("renewable", True),
}
BN_01_ANNUAL = {
    "2.5": "machinery_technology",
    "3.3": "solid_recovered",
    "3.4": "hazardous_treated",
    "4.2": "metered_toe",
    "5.1": "has_ems",
    "5.2": "has_ohs",
    "5.3": "applies_recp",
    "5.4": "filed_ghg",
}


def fill_bn_01(province: Province, enterprise: Enterprise, period: Period) -> Cells:
    """The board's supplementary form (BN.01) for a quarter or a year; yes and no are written as Có and Không."""
    now = figures_of(province, enterprise, period)
    cells: Cells = {}
    for code, (name, adds_up) in BN_01_QUARTERLY.items():
        cells[code, "A"] = now[name]
        if adds_up:
            is_year = period.freq == "A"
            cells[code, "B"] = now[name] if is_year else year_to_date(province, enterprise, period, name)
    if period.freq == "A":
        for code, name in BN_01_ANNUAL.items():
            value = now[name]
            cells[code, "A"] = ("Có" if value else "Không") if isinstance(value, bool) else value
    return cells


def _capital_rows(enterprise: Enterprise, column: str, lines: dict[str, float]) -> Cells:
    """Rows I to 3 of one column; the investors' blocks stand under their nationality, every twelfth firm has two."""
    own, other = ("1.2", "1.1") if enterprise.ownership == "FDI" else ("1.1", "1.2")
    contributed = _add(lines["cash"], lines["machinery"], lines["other_assets"])
    loans = _add(lines["loan_domestic"], lines["loan_parent"], lines["loan_foreign"])
    rows: dict[str, float] = {
        "I": _add(contributed, loans, lines["reinvested"]),
        "1": contributed,
        own: contributed,
        other: 0,
        "2": loans,
        "2.a": lines["loan_domestic"],
        "2.b": lines["loan_parent"],
        "2.c": lines["loan_foreign"],
        "3": lines["reinvested"],
    }
    for item, line in ((4, "cash"), (5, "machinery"), (6, "other_assets")):
        first = round(lines[line] * 0.6, 1) if enterprise.number % 12 == 3 else lines[line]
        rows[f"{own}.1.{item}"] = first
        if enterprise.number % 12 == 3:
            rows[f"{own}.2.{item}"] = round(lines[line] - first, 1)
    return {(code, column): value for code, value in rows.items()}


def _labour_rows(now: Figures) -> Cells:
    total = now["vietnamese"] + now["foreign"]
    return {("V", "A"): total, ("V.1", "A"): now["vietnamese"], ("V.2", "A"): now["foreign"]}


def _energy_rows(group: str, now: Figures) -> Cells:
    names = ("electricity", "coal", "oil", "gas")
    return {(f"{group}.{number}", "A"): now[name] for number, name in enumerate(names, 1)}


def _add(*parts: float) -> float:
    total = sum(parts)
    return total if isinstance(total, int) else round(total, 2)
