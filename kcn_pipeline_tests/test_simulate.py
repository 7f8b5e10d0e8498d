"""The synthetic province: same bytes from the same seed, readable files, a truth that agrees with what is written."""

import csv
import io
import subprocess
import sys
import zipfile
from collections import defaultdict
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.contracts.sources import load_sources
from kcn_pipeline_tests.simulate import Truth, make_truth, simulate, write_truth
from kcn_pipeline_tests.simulate.__main__ import SAMPLE_NIGHT, write_sample
from kcn_pipeline_tests.simulate.dirt import SPOILS
from kcn_pipeline_tests.simulate.dirt.texts import to_old_tone
from kcn_pipeline_tests.simulate.filing import due_on
from kcn_pipeline_tests.simulate.indicators import FORMULAS
from kcn_pipeline_tests.simulate.legacy_fonts import to_tcvn3, to_vni
from kcn_pipeline_tests.simulate.measures import SOURCES, derive
from kcn_pipeline_tests.simulate.periods import Period, ended_periods, quarters_from
from kcn_pipeline_tests.simulate.province import make_tax_code
from kcn_pipeline_tests.simulate.register_files import register_path
from kcn_pipeline_tests.simulate.reports import BN_01_ANNUAL, BN_01_QUARTERLY, Report
from kcn_pipeline_tests.simulate.values import IndicatorValue
from kcn_pipeline_tests.simulate.workbooks import (
    CellError,
    CsvFormat,
    Formula,
    Sheet,
    Value,
    write_csv,
    write_xls,
    write_xlsx,
)

ROOT = Path(__file__).parents[1]
NIGHT = "2026-08-15"


@pytest.fixture(scope="module")
def clean() -> Truth:
    """A province without errors."""
    return make_truth(seed=3)


@pytest.fixture(scope="module")
def ugly() -> Truth:
    """The province of the tracked sample: every case once."""
    return make_truth(seed=2026, every_case=True)


def _digest(truth: Truth) -> str:
    lines = [f"{path} {night} {sha256(content).hexdigest()}" for path, night, content in truth.files()]
    return sha256("\n".join(lines).encode()).hexdigest()


# ---- the same again --------------------------------------------------------------------------------------------------


def test_same_seed_same_bytes_and_other_seed_other_bytes() -> None:
    one, again = (make_truth(parks=3, enterprises=21, quarters=4, seed=5, dirty=0.5) for _ in range(2))
    assert _digest(one) == _digest(again)
    assert one.cases == again.cases
    assert _digest(one) != _digest(make_truth(parks=3, enterprises=21, quarters=4, seed=6, dirty=0.5))


def test_one_more_enterprise_changes_nothing_for_the_others() -> None:
    small = {path: content for path, _, content in make_truth(parks=3, enterprises=12, quarters=2, seed=5).files()}
    large = {path: content for path, _, content in make_truth(parks=3, enterprises=13, quarters=2, seed=5).files()}
    of_firms = {path for path in small if "/E0" in path}
    assert of_firms
    assert all(small[path] == large[path] for path in of_firms)


@pytest.mark.slow
def test_tracked_sample_is_what_the_command_writes(tmp_path: Path) -> None:
    write_sample(tmp_path)
    for folder in (
        "data/inputs/reports",
        "data/inputs/paper_reports",
        "data/inputs/register",
        "data/inputs/stations",
        "data/inputs/surveys",
        "kcn_pipeline_tests/truth",
    ):
        fresh, tracked = _contents(tmp_path / folder), _contents(ROOT / folder)
        assert fresh.keys() == tracked.keys()
        assert [path for path in fresh if fresh[path] != tracked[path]] == []


def test_tracked_sample_is_small_and_its_sources_are_read() -> None:
    inputs = ROOT / "data" / "inputs"
    assert sum(path.stat().st_size for path in inputs.rglob("*") if path.is_file()) < 6_000_000
    feeds = load_sources(ROOT / "data" / "sources.yaml")
    assert [feed.channel for feed in feeds if feed.topic == "enterprise_reports"] == ["electronic", "paper"]
    assert all((ROOT / "data" / feed.url).is_dir() for feed in feeds)


def test_command_line_writes_files_and_truth(tmp_path: Path) -> None:
    arguments = ["--out", str(tmp_path), "--parks", "2", "--enterprises", "8", "--quarters", "2", "--dirty", "0.4"]
    arguments += ["--stations", "3", "--days", "2", "--seed", "9"]
    command = [sys.executable, "-m", "kcn_pipeline_tests.simulate", *arguments]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    with (tmp_path / "truth" / "indicator_values.csv").open(encoding="utf-8") as handle:
        codes = {row["indicator_code"] for row in csv.DictReader(handle)}
    assert {"MG01", "EC08", "SO01"} <= codes
    assert len(list(tmp_path.rglob("*.xlsx"))) > 10
    assert len(list((tmp_path / "stations" / "live").rglob("*.txt"))) > 1000
    assert (tmp_path / "truth" / "monitoring_days.csv").stat().st_size > 1000


def _contents(folder: Path) -> dict[str, object]:
    """What is in each file; workbooks by their parts, because another zlib packs the same parts into other bytes."""
    found: dict[str, object] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        name = str(path.relative_to(folder))
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                found[name] = [(part.filename, part.file_size, part.CRC) for part in archive.infolist()]
        except zipfile.BadZipFile:
            found[name] = "cut off" if content.startswith(b"PK") else content
    return found


# ---- files -----------------------------------------------------------------------------------------------------------


def test_workbooks_hold_what_they_were_given() -> None:
    rows: list[list[Value]] = [
        ["Tiêu đề\nhai dòng", None, None],
        [1, 2.5, True],
        [date(2026, 4, 9), Formula("A2+B2", 3.5), CellError("#REF!")],
    ]
    sheet = Sheet("Biểu <1> & 2", rows, merges=[(0, 0, 0, 2)], hidden_rows={1})
    content = write_xlsx([sheet])
    book = openpyxl.load_workbook(io.BytesIO(content))["Biểu <1> & 2"]
    assert [book["A1"].value, book["A2"].value, book["C2"].value] == ["Tiêu đề\nhai dòng", 1, True]
    assert book["A3"].value.date() == date(2026, 4, 9)
    assert book["B3"].value == "=A2+B2"
    assert book["C3"].value == "#REF!"
    assert book.row_dimensions[2].hidden
    assert str(book.merged_cells.ranges.pop()) == "A1:C1"
    cached = openpyxl.load_workbook(io.BytesIO(content), data_only=True).active
    assert cached["B3"].value == 3.5
    assert CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()[2][1] == 3.5
    old = CalamineWorkbook.from_filelike(io.BytesIO(write_xls([sheet]))).get_sheet_by_index(0).to_python()
    assert old[1][:2] == [1, 2.5]
    assert old[2][1] == 3.5


@pytest.mark.parametrize(
    ("style", "mark"),
    [
        (CsvFormat(";", "utf-8-sig", ","), b"\xef\xbb\xbf"),
        (CsvFormat("\t", "utf-16", ","), b"\xff\xfe"),
        (CsvFormat(",", "utf-8", "."), b""),
        (CsvFormat(";", "cp1258", ","), b""),
    ],
)
def test_csv_files_decode_to_what_they_were_given(style: CsvFormat, mark: bytes) -> None:
    content = write_csv(Sheet("x", [["Số lao động; hiện có", 2677.6, 12], ["Quý"]]), style)
    assert content.startswith(mark)
    text = content.decode(style.encoding)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=style.delimiter))
    assert rows[0][1:] == [f"2677{style.decimal}6", "12"]
    assert rows[1][1:] == ["", ""]
    if style.encoding != "cp1258":  # there the tones are characters of their own
        assert rows[0][0] == "Số lao động; hiện có"


def test_legacy_fonts_store_letters_as_they_did() -> None:
    assert to_tcvn3("Bắc Ninh, người nước ngoài") == "B¾c Ninh, ng\xadêi n\xadíc ngoµi"
    assert to_vni("Bắc Ninh, người nước ngoài") == "Baéc Ninh, ngöôøi nöôùc ngoaøi"
    assert to_old_tone("Lũy kế, hóa chất, khỏe, Quý, hoàn") == "Luỹ kế, hoá chất, khoẻ, Quý, hoàn"


def test_every_accepted_workbook_opens_and_holds_the_reported_figures(clean: Truth) -> None:
    """What a spreadsheet program shows in the cell of each figure is the figure the truth starts from."""
    checked = 0
    for filing in clean.filings[::7]:
        filing.lay_out(clean.contracts)
        if filing.kind != "xlsx":
            continue
        book = openpyxl.load_workbook(io.BytesIO(filing.to_bytes(clean.contracts)), data_only=True)
        for written in filing.sheets:
            sheet = book[written.sheet.name]
            for place in written.places:
                assert sheet[written.cell(place)].value == written.report.cells[place]
                checked += 1
    assert checked > 2000


def test_clean_province_refuses_nothing(clean: Truth) -> None:
    assert clean.cases == []
    assert clean.rejects() == []
    assert not any(row["status"] == "rejected" for row in clean.world().submissions)


def test_totals_add_up(clean: Truth) -> None:
    """Capital is the sum of its lines in every report, and labour of its nationalities."""
    reports = [r for filing in clean.filings for r in filing.reports if r.form_code in ("A.III.1", "A.III.2")]
    assert len(reports) > 300
    for report in reports:
        cells = {place: value for place, value in report.cells.items() if isinstance(value, int | float)}
        for column in ("A", "B"):
            assert cells["I", column] == pytest.approx(sum(cells[code, column] for code in ("1", "2", "3")), abs=0.1)
            assert cells["2", column] == pytest.approx(
                sum(cells[code, column] for code in ("2.a", "2.b", "2.c")), abs=0.1
            )
        assert cells["V", "A"] == cells["V.1", "A"] + cells["V.2", "A"]


# ---- who files what --------------------------------------------------------------------------------------------------


def test_tax_codes_are_valid_and_unique(clean: Truth) -> None:
    codes = [code for firm in clean.province.enterprises for _, code in firm.tax_codes]
    assert len(set(codes)) == len(codes)
    weights = (31, 29, 23, 19, 17, 13, 7, 5, 3)
    for code in [*codes, *(make_tax_code(serial) for serial in range(0, 9999, 37))]:
        assert code.startswith("0999")
        assert int(code[9]) == 10 - sum(int(d) * w for d, w in zip(code[:9], weights, strict=True)) % 11


def test_deadlines_lie_in_the_month_the_contract_says() -> None:
    contracts = load_contracts()
    assert due_on(contracts, "A.III.1", Period.of("2025-Q4")) == date(2026, 1, 10)
    assert due_on(contracts, "A.III.2", Period.of("2025")) == date(2026, 3, 31)
    assert due_on(contracts, "A.III.1", Period.of("2025")) is None


def test_tax_code_of_a_report_is_that_of_the_periods_end(clean: Truth) -> None:
    firm = next(firm for firm in clean.province.enterprises if len(firm.tax_codes) > 1)
    (_, before), (changed, after) = firm.tax_codes
    assert changed == date(2025, 10, 1)
    assert [firm.tax_code_on(Period.of(code).end) for code in ("2025-Q3", "2025-Q4", "2025")] == [before, after, after]


def test_arrivals_divide_the_files_among_the_nights(tmp_path: Path) -> None:
    truth = simulate(tmp_path / "all", parks=2, enterprises=9, quarters=3, seed=4)
    nights = list(truth.arrivals)
    middle = nights[len(nights) // 2]
    first = truth.write(tmp_path / "parts", last_night=middle)
    rest = truth.write(tmp_path / "parts", first_night=nights[nights.index(middle) + 1])
    assert first + rest == sum(len(paths) for paths in truth.arrivals.values())
    assert _contents(tmp_path / "parts") == _contents(tmp_path / "all")
    early, late = truth.world(middle).current_reports, truth.world().current_reports
    assert set(early) < set(late)


def test_period_codes_and_ends() -> None:
    assert [period.code for period in quarters_from("2025-Q3", 3)] == ["2025-Q3", "2025-Q4", "2026-Q1"]
    assert [Period.of(code).end for code in ("2025", "2025-S1", "2026-02")] == [
        date(2025, 12, 31),
        date(2025, 6, 30),
        date(2026, 2, 28),
    ]
    assert [p.code for p in ended_periods("S", date(2025, 1, 1), date(2026, 7, 1))] == ["2025-S1", "2025-S2", "2026-S1"]


# ---- the register ----------------------------------------------------------------------------------------------------


def test_register_tells_a_change_without_a_date_only_by_its_present(clean: Truth) -> None:
    register = clean.register
    before, after = register.as_of[-4], register.as_of[-3]
    park = clean.province.parks[3].code
    rows = {day: _sheet_rows(clean, day, "Đất đai") for day in (before, after)}
    column = rows[before][0].index("Đất đã cho thuê (ha)"), rows[before][0].index("Hiệu lực từ")
    old, new = ([row for row in rows[day][1:] if row[1] == park] for day in (before, after))
    assert len(old) == len(new) == 1
    assert new[0][column[0]] == pytest.approx(old[0][column[0]] + 6.25)
    assert old[0][column[1]] is not None
    assert new[0][column[1]] is None
    held = [
        r["land_leased_ha"]
        for r in register.valid_on("register_land", date(2026, 5, 14), after)
        if r["park_code"] == park
    ]
    assert held == [pytest.approx(old[0][column[0]])]


def test_register_knows_nothing_of_its_future(clean: Truth) -> None:
    day = clean.register.as_of[1]
    versions = clean.register.state("register_enterprises", day)
    assert all(row["valid_from"] <= day and (row["valid_to"] is None or row["valid_to"] < day) for row in versions)
    petitions = clean.register.state("register_petitions", clean.register.as_of[-1])
    early = clean.register.state("register_petitions", day)
    assert len(early) < len(petitions)
    assert all(row["resolved_on"] is None or row["resolved_on"] <= day for row in early)


def _sheet_rows(truth: Truth, day: date, sheet: str) -> list[tuple[Any, ...]]:
    content = next(content for path, _, content in truth.files() if path == register_path(day))
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book[sheet]["A3"].value == f"Tính đến ngày {day:%d/%m/%Y}"
    return list(book[sheet].iter_rows(min_row=5, values_only=True))


# ---- the truth -------------------------------------------------------------------------------------------------------


def test_every_measure_is_written_where_a_form_of_the_contracts_has_it() -> None:
    """The hand-written places agree with the contracts; a difference is a mistake on one of the two sides."""
    contracts = load_contracts()
    fed = defaultdict(set)
    for form in contracts.forms.values():
        for field in form.fields:
            for column, measure in field.measures.items():
                fed[measure].add((form.code, field.code, column))
    assert {measure: set(source.places) for measure, source in SOURCES.items()} == dict(fed)
    plain = {name: measure.kind for name, measure in contracts.measures.items() if not measure.derive}
    assert {name: source.kind for name, source in SOURCES.items()} == plain


def test_every_indicator_has_a_formula() -> None:
    assert set(FORMULAS) == set(load_contracts().indicators)


def test_bn_01_items_are_those_of_the_contract() -> None:
    form = load_contracts().forms["bn_01"]
    assert {one.code for one in form.fields} == set(BN_01_QUARTERLY) | set(BN_01_ANNUAL)
    assert {one.code for one in form.fields if one.frequencies == ("A",)} == set(BN_01_ANNUAL)


def test_derived_measures_by_hand() -> None:
    """A million kWh are 154.3 TOE; 100 t of coal are 60 TOE and 2.67 TJ, burnt with methane and nitrous oxide."""
    fuels = {"electricity_kwh": 1e6, "coal_t": 100.0, "oil_l": 0.0, "lng_m3": 0.0, "renewable_electricity_kwh": 1e5}
    derived = derive(load_contracts(), fuels, Period.of("2025"))
    assert derived["energy_total_toe"] == pytest.approx(154.3 + 60)
    assert derived["energy_renewable_toe"] == pytest.approx(15.43)
    assert derived["ghg_scope1_tco2e"] == pytest.approx(2.67 * (98300 + 28 * 1 + 265 * 1.5) / 1000)
    assert derived["ghg_scope2_tco2e"] == pytest.approx(659.2)
    assert derive(load_contracts(), fuels | {"coal_t": None}, Period.of("2025"))["energy_total_toe"] is None


def test_exports_of_a_park_are_what_its_files_say(clean: Truth) -> None:
    """EC08 added up from the cells of the reports with the rate of the quarter, 26,000 VND."""
    total, firms = 0.0, set()
    for filing in clean.filings:
        report = filing.reports[0]
        firm, key = report.enterprise, (report.form_code, report.period.code)
        if firm is None or key != ("A.III.1", "2026-Q1") or firm.park.code != "QUE_VO":
            continue
        written = _figure(report, "III")
        total += written if firm.ownership == "FDI" else written * 1e6 / 26000
        firms.add(firm.enterprise_id)
    value = _values(clean)["EC08", "QUE_VO", "2026-Q1"]
    assert value.value == pytest.approx(total, rel=1e-12)
    assert value.n_reporting == len(firms)
    assert (value.obs_status == "P") == (len(firms) < (value.n_expected or 0))


def test_year_prefers_the_annual_form_and_says_when_it_was_added_up(clean: Truth) -> None:
    world = clean.world(NIGHT)
    rows = {row["enterprise_id"]: row for row in world.enterprise_rows(Period.of("2025"))}
    annual = {firm for firm, form, period in world.current_reports if (form, period) == ("A.III.2", "2025")}
    added = set(rows) - annual
    assert annual
    assert added
    for firm in annual:
        assert rows[firm]["employees_total"] == _figure(world.current_reports[firm, "A.III.2", "2025"], "V")
        assert "employees_total" not in rows[firm]["estimated"]
    for firm in added & {f.enterprise_id for f in clean.province.enterprises if f.skips_annual}:
        quarters = [(firm, "A.III.1", f"2025-Q{number}") for number in (1, 2, 3, 4)]
        if all(quarter in world.current_reports for quarter in quarters):
            assert rows[firm]["employees_total"] == _figure(world.current_reports[quarters[3]], "V")
            assert "employees_total" in rows[firm]["estimated"]


def test_status_of_values_at_the_merger(clean: Truth) -> None:
    values = _values(clean)
    assert {values["EC01", area, "2025"].obs_status for area in ("BN", "BN_OLD", "BG_OLD")} == {"M"}
    assert values["EC01", "BN", "2025-Q3"].obs_status == "B"
    assert values["EC01", "BN", "2025-Q4"].obs_status == "A"
    assert ("EC01", "BN", "2025-Q2") not in values
    assert ("EC01", "BG_OLD", "2025-Q3") not in values
    assert values["EC01", "BG_OLD", "2025-Q2"].value == values["EC01", "QUANG_CHAU", "2025-Q2"].value
    assert values["MG08", "QUE_VO", "2025"].obs_status == "O"
    assert values["MG09", "TIEN_SON", "2025"].obs_status == "O"


def _values(truth: Truth) -> dict[tuple[str, str, str], IndicatorValue]:
    return {(v.indicator_code, v.area_code, v.period_code): v for v in truth.indicator_values(NIGHT)}


def _figure(report: Report, code: str) -> float:
    value = report.cells[code, "A"]
    assert isinstance(value, int | float)
    return value


# ---- what goes wrong -------------------------------------------------------------------------------------------------


def test_every_case_occurs_and_names_a_rule_of_the_contracts(ugly: Truth) -> None:
    names = {case.case for case in ugly.cases}
    assert {spoil.name for spoil in SPOILS} <= names
    assert {
        "duplicate_file",
        "resubmission",
        "late_report",
        "missing_report",
        "register_row",
        "register_undated",
    } <= names
    rules = set(ugly.contracts.rules)
    assert {case.mark.rule for case in ugly.cases if case.mark.rule} - rules == set()
    paths = {path for path, _, _ in ugly.files()}
    assert {case.file for case in ugly.cases if case.file} <= paths
    spoiled = [case.file for case in ugly.cases if case.case in {spoil.name for spoil in SPOILS}]
    assert len(set(spoiled)) == len(SPOILS)


def test_refused_values_are_missing_and_not_zero(ugly: Truth) -> None:
    world = ugly.world(NIGHT)
    case = next(case for case in ugly.cases if case.case == "malformed_number")
    filing = next(filing for filing in ugly.filings if filing.path == case.file)
    report = filing.reports[0]
    row = next(r for r in world.enterprise_rows(report.period) if r["enterprise_id"] == report.reporter_id)
    assert row["export_usd"] is None
    assert row["import_usd"] is not None
    sheet = openpyxl.load_workbook(io.BytesIO(filing.to_bytes(ugly.contracts)))[case.mark.sheet]
    assert sheet[case.mark.cell].value == "2.811.08"


def test_other_units_write_other_figures_and_mean_the_same(ugly: Truth) -> None:
    case = next(case for case in ugly.cases if case.case == "kilograms")
    filing = next(filing for filing in ugly.filings if filing.path == case.file)
    sheet = openpyxl.load_workbook(io.BytesIO(filing.to_bytes(ugly.contracts)))[case.mark.sheet]
    coal = _figure(filing.reports[0], "VI.2")
    assert sheet[case.mark.cell].value == pytest.approx(coal * 1000)
    assert coal > 0


def test_newer_report_counts_even_when_the_older_file_arrives_later(ugly: Truth) -> None:
    first, second = (case for case in ugly.cases if case.case == "resubmission")
    again, older = (next(f for f in ugly.filings if f.path == case.file) for case in (first, second))
    assert older.reports[0].submitted_on < again.reports[0].submitted_on
    assert older.night > again.night
    key = again.reports[0].reporter_id, "A.III.1", again.reports[0].period.code
    assert ugly.world().current_reports[key] is again.reports[0]
    rows = [
        row for row in ugly.world().submissions if (row["enterprise_id"], row["form_code"], row["period"].code) == key
    ]
    assert [(row["revision"], row["is_current"]) for row in rows] == [(1, False), (2, True)]


def test_refused_files_are_what_they_claim_to_be(ugly: Truth) -> None:
    content = {case.case: _bytes_of(ugly, case.file) for case in ugly.cases}
    assert content["empty_file"] == b""
    assert content["pdf_as_xlsx"].startswith(b"%PDF")
    assert content["html_as_xlsx"].startswith(b"<html")
    assert content["encrypted_file"].startswith(b"\xd0\xcf\x11\xe0")
    assert "EncryptedPackage".encode("utf-16-le") in content["encrypted_file"]
    assert content["truncated_file"].startswith(b"PK")
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(content["truncated_file"]))
    with zipfile.ZipFile(io.BytesIO(content["zip_bomb"])) as bomb:
        assert sum(part.file_size for part in bomb.infolist()) > 200_000_000
    assert len(content["zip_bomb"]) < 400_000
    original, copy = next((f.repeats, f) for f in ugly.filings if f.repeats)
    assert copy.to_bytes(ugly.contracts) == original.to_bytes(ugly.contracts)


def test_dirty_share_spoils_about_that_share(tmp_path: Path) -> None:
    truth = make_truth(parks=3, enterprises=40, quarters=4, seed=8, dirty=0.3)
    quarterly = [
        f for f in truth.filings if f.kind == "xlsx" and len(f.reports) == 2 and f.reports[0].period.freq == "Q"
    ]
    spoiled = {case.file for case in truth.cases if case.file.startswith(("reports", "paper"))}
    assert 0.2 < len(spoiled) / len(quarterly) < 0.4
    write_truth(truth, tmp_path, truth.last_night)
    with (tmp_path / "rejects.csv").open(encoding="utf-8") as handle:
        rejects = list(csv.DictReader(handle))
    assert {row["rule"] for row in rejects} <= set(truth.contracts.rules)
    assert any(row["file"] in spoiled for row in rejects)


def test_sample_truth_is_of_its_night(ugly: Truth) -> None:
    with (ROOT / "kcn_pipeline_tests/truth/sample/submissions.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert SAMPLE_NIGHT == NIGHT
    assert len(rows) == len(ugly.world(NIGHT).submissions)
    assert {row["status"] for row in rows} == {"on_time", "late", "missing", "rejected"}
    assert all(row["due_on"] < NIGHT for row in rows if row["status"] == "missing")


def _bytes_of(truth: Truth, path: str) -> bytes:
    filing = next((filing for filing in truth.filings if filing.path == path), None)
    return filing.to_bytes(truth.contracts) if filing else b"-"
