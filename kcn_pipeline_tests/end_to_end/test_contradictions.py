"""Reports that contradict themselves or each other are refused or told, never silently chosen between."""

import re
import shutil
from pathlib import Path

import openpyxl
import pytest
from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from kcn_pipeline_tests.end_to_end.installation import Installation, make_installation
from kcn_pipeline_tests.simulate import Truth, make_truth

#: Whole nights; what they prove is proved in small by the default tests.
pytestmark = pytest.mark.slow

NIGHT = "2026-11-20"


@pytest.fixture(scope="module")
def truth() -> Truth:
    return make_truth(parks=2, enterprises=8, quarters=2, seed=3)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, truth: Truth) -> Installation:
    """One clean province in which four workbooks were damaged by hand."""
    made = make_installation(tmp_path_factory.mktemp("contradictions"), forgets_events=True)
    truth.write(made.home)
    books = sorted((made.home / "reports" / "2025-Q2").rglob("*.xlsx"))
    books = [book for book in books if "BQL" not in book.parts]
    _sign_in_2052(books[0])
    _add_other_period(books[1])
    _repeat_sheet(books[2])
    _second_project(books[3])
    made.refresh(NIGHT)
    (made.home / "damaged.txt").write_text("\n".join(book.name for book in books[:4]))
    return made


def _texts(sheet: Worksheet) -> list[Cell]:
    return [cell for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]


def _sign_in_2052(book: Path) -> None:
    workbook = openpyxl.load_workbook(book)
    (line,) = [cell for cell in _texts(workbook.worksheets[0]) if re.search(r"ngày \d+ tháng \d+ năm", cell.value)]
    line.value = "Bắc Ninh, ngày 02 tháng 07 năm 2052"
    workbook.save(book)


def _add_other_period(book: Path) -> None:
    workbook = openpyxl.load_workbook(book)
    workbook.worksheets[0]["A1"].value = "Quý I năm 2025"
    workbook.save(book)


def _repeat_sheet(book: Path) -> None:
    workbook = openpyxl.load_workbook(book)
    copy = workbook.copy_worksheet(workbook.worksheets[0])
    copy.title = "ban sao"
    workbook.save(book)


def _second_project(book: Path) -> None:
    other = book.with_name(f"du-an-2-{book.name}")
    shutil.copy(book, other)
    workbook = openpyxl.load_workbook(other)
    number = next(cell for cell in _texts(workbook.worksheets[0]) if re.search(r"\b99\d{8}\b", cell.value))
    number.value = re.sub(r"99\d{8}", "9900009999", number.value)
    workbook.save(other)


def _damaged(installation: Installation) -> list[str]:
    return (installation.home / "damaged.txt").read_text().split("\n")


def _reasons(installation: Installation, name: str) -> set[str]:
    rows = installation.query(
        "SELECT rules FROM audit_quarantine WHERE table_name = 'enterprise_reports' AND file LIKE ?", f"%{name}"
    )
    return {rule for row in rows for rule in row["rules"].split("; ")}


def test_a_signature_from_the_future_never_wins(installation: Installation) -> None:
    assert "signed_in_future" in _reasons(installation, _damaged(installation)[0])


def test_title_and_heading_that_say_two_periods_are_refused(installation: Installation) -> None:
    assert "several_periods" in _reasons(installation, _damaged(installation)[1])


def test_two_sheets_of_one_form_and_period_are_refused(installation: Installation) -> None:
    assert "form_twice" in _reasons(installation, _damaged(installation)[2])


def test_a_second_project_of_an_enterprise_is_told(installation: Installation) -> None:
    rows = installation.query("SELECT file, value FROM audit_finding WHERE rule = 'another_project'")
    assert any("9900009999" in row["value"] for row in rows)
