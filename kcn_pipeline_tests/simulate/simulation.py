"""Puts a province together: files, registers, spoiled cases, and the folder they are written to.

It must not compute a true value (`world.py`, `indicators.py`). The surprising fact: everything is made in memory first
and written by night of arrival, so a test can give the pipeline one night after the other.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

from kcn_pipeline.contracts import Contracts, load_contracts
from kcn_pipeline_tests.simulate.dirt import SPOILS
from kcn_pipeline_tests.simulate.dirt.bench import (
    ACCEPTED,
    FILE,
    IGNORED,
    NOTED,
    REPORT,
    ROW,
    VALUE,
    Bench,
    Mark,
    Spoil,
)
from kcn_pipeline_tests.simulate.filing import Filing, plan_filings, resubmit
from kcn_pipeline_tests.simulate.periods import Period, quarters_from
from kcn_pipeline_tests.simulate.province import FIRST_PARKS, Province, make_province
from kcn_pipeline_tests.simulate.register import Register, make_register
from kcn_pipeline_tests.simulate.register_files import (
    place_of_bad_rows,
    register_path,
    spoil_register,
    write_register,
)
from kcn_pipeline_tests.simulate.stations.files import write_files
from kcn_pipeline_tests.simulate.stations.fleet import make_stations, usual_stations
from kcn_pipeline_tests.simulate.stations.history import History
from kcn_pipeline_tests.simulate.stations.plans import Fleet, draw_plan
from kcn_pipeline_tests.simulate.stations.sample import sample_fleet
from kcn_pipeline_tests.simulate.surveys import Surveys, make_sample
from kcn_pipeline_tests.simulate.surveys.files import WrittenSample
from kcn_pipeline_tests.simulate.values import IndicatorValue, list_values
from kcn_pipeline_tests.simulate.world import World, register_night

VIETNAM = timezone(timedelta(hours=7))
REFUSED = frozenset({VALUE, REPORT, FILE, ROW})
#: Where the files of stations lie, in a folder for each of their feeds.
STATIONS_FOLDER = "stations"


@dataclass(frozen=True)
class Case:
    """One consequence of something ugly: in which file and place, what it is, what must come of it, by which rule."""

    case: str
    file: str
    what: str
    mark: Mark
    night: str


@dataclass
class Truth:
    """A simulated province: what was written, when it arrives, and what must come of it."""

    contracts: Contracts
    province: Province
    quarters: list[Period]
    register: Register
    filings: list[Filing]
    cases: list[Case]
    history: History
    surveys: Surveys

    @property
    def last_night(self) -> str:
        """The night that lands the last file."""
        registers = [register_night(day) for day in self.register.as_of]
        nights = [filing.night for filing in self.filings] + [file.night for file in self.surveys.files()]
        return max(nights + registers)

    @property
    def arrivals(self) -> dict[str, list[str]]:
        """The paths that each night lands, oldest night first."""
        found: dict[str, list[str]] = defaultdict(list)
        for day in self.register.as_of:
            found[register_night(day)].append(register_path(day))
        for filing in self.filings:
            found[filing.night].append(filing.path)
        for file in self.surveys.files():
            found[file.night].append(file.path)
        return {night: sorted(found[night]) for night in sorted(found)}

    def files(self, first_night: str = "", last_night: str = "9999") -> Iterator[tuple[str, str, bytes]]:
        """Path, night and content of every file that arrives in these nights."""
        for day in self.register.as_of:
            if first_night <= (night := register_night(day)) <= last_night:
                yield register_path(day), night, write_register(self.contracts, self.register, day)
        for filing in self.filings:
            if first_night <= filing.night <= last_night:
                yield filing.path, filing.night, filing.to_bytes(self.contracts)
        for file in self.surveys.files(first_night, last_night):
            yield file.path, file.night, file.content

    def write(self, out: Path, first_night: str = "", last_night: str = "9999") -> int:
        """Write the files of these nights (both included) below `out`; returns how many. Times are those of arrival."""
        count = 0
        for path, night, content in self.files(first_night, last_night):
            target = out / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            arrived = datetime.fromisoformat(night).replace(tzinfo=VIETNAM) - timedelta(hours=8)
            os.utime(target, (arrived.timestamp(), arrived.timestamp()))
            count += 1
        stations = self.history.files(first_night, last_night)
        return count + write_files(out / STATIONS_FOLDER, stations, by_source=True)

    def world(self, night: str | None = None) -> World:
        """What is true on a night (the last one if not given)."""
        known = self.contracts, self.province, self.register, self.filings, self.history, self.surveys
        return World(*known, night or self.last_night)

    def indicator_values(self, night: str | None = None) -> list[IndicatorValue]:
        """Every indicator value that should exist on a night."""
        return list_values(self.world(night))

    def rejects(self, night: str | None = None) -> list[Case]:
        """Every file, report, value and register row that must have been refused by a night."""
        return [c for c in self.cases if c.mark.expected in REFUSED and c.night <= (night or self.last_night)]


def make_truth(
    parks: int = 5,
    enterprises: int = 60,
    quarters: int = 6,
    seed: int = 7,
    dirty: float = 0.0,
    first_quarter: str = "2025-Q1",
    contracts: Contracts | None = None,
    every_case: bool = False,
    fleet: Fleet | None = None,
) -> Truth:
    """A province in memory. `dirty` is the share of quarterly workbooks that get a case; `every_case` one of each.

    `fleet` are its stations; without one each park has stations that send nothing, or with `every_case` those of the
    tracked sample. Surveys are asked with `every_case` only.
    """
    known = contracts or load_contracts()
    times = quarters_from(first_quarter, quarters)
    province = make_province(known, parks, enterprises, times, seed)
    if fleet is None:
        fleet = sample_fleet() if every_case else Fleet(usual_stations([park.code for park in province.parks]))
    register = make_register(province, times, fleet.stations)
    filings = plan_filings(known, province, times)
    surveys = Surveys(make_sample(province) if every_case else WrittenSample())
    truth = Truth(known, province, times, register, filings, [], History(known, fleet, seed), surveys)
    if every_case:
        _spoil_once(truth)
    if dirty > 0:
        _spoil_share(truth, dirty)
    return truth


def make_fleet(
    stations: int, days: int, last_day: date, seed: int = 7, dirty: float = 0.0, parks: Sequence[str] = FIRST_PARKS
) -> Fleet:
    """That many stations in the parks, and the days that end with `last_day`; `dirty` is the share of spoiled files."""
    made = make_stations(stations, parks)
    spanned = [last_day - timedelta(days=number) for number in range(days - 1, -1, -1)]
    return Fleet(made, spanned, draw_plan(made, spanned, dirty, seed))


def simulate(
    out: Path,
    parks: int = 5,
    enterprises: int = 60,
    quarters: int = 6,
    seed: int = 7,
    dirty: float = 0.0,
    first_quarter: str = "2025-Q1",
    contracts: Contracts | None = None,
    last_night: str = "9999",
) -> Truth:
    """Make a province and write its files below `out`, up to a night if given; the rest can be written later."""
    truth = make_truth(parks, enterprises, quarters, seed, dirty, first_quarter, contracts)
    truth.write(out, last_night=last_night)
    return truth


# ---- what is spoiled -------------------------------------------------------------------------------------------------


def _spoil_once(truth: Truth) -> None:
    """Every case once, each in a file of its own, firms and quarters in an order drawn once."""
    draw = truth.province.stream("every case")
    order = draw.sample(truth.filings, len(truth.filings))
    taken: set[int] = set()
    for spoil in SPOILS:
        filing = next((f for f in order if id(f) not in taken and spoil.suits(f)), None)
        if filing is None:
            raise ValueError(f"no file suits the case {spoil.name!r}; simulate more enterprises")
        taken.add(id(filing))
        _apply(truth, spoil, filing, draw)
    _duplicate(truth, next(f for f in order if id(f) not in taken and f.kind == "xlsx"))
    _resubmit(truth, next(f for f in order if id(f) not in taken and _can_be_resubmitted(truth, f)))
    _note_everyday(truth)
    _spoil_register(truth)


def _spoil_share(truth: Truth, share: float) -> None:
    """A share of the quarterly workbooks gets a case each, drawn among those that suit the file."""
    touched = {case.file for case in truth.cases}
    for filing in list(truth.filings):
        draw = truth.province.stream("dirt", filing.path)
        suitable = [spoil for spoil in SPOILS if spoil.suits(filing)]
        if suitable and filing.path not in touched and draw.random() < share:
            _apply(truth, draw.choice(suitable), filing, draw)
    if not truth.register.bad_rows:
        _spoil_register(truth)


def _apply(truth: Truth, spoil: Spoil, filing: Filing, draw: Random) -> None:
    filing.lay_out(truth.contracts)
    for mark in spoil.apply(Bench(truth.contracts, filing, draw)):
        truth.cases.append(Case(spoil.name, filing.path, spoil.what, mark, filing.night))


def _duplicate(truth: Truth, filing: Filing) -> None:
    """The same bytes once more, under another name, two days later."""
    path = filing.path.replace(".xlsx", " (ban sao).xlsx")
    again = Filing(path, filing.kind, filing.reports, filing.style, filing.arrives_on + timedelta(days=2))
    again.content, again.repeats = filing.to_bytes(truth.contracts), filing
    truth.filings.append(again)
    mark = Mark(IGNORED, "duplicate_payload")
    truth.cases.append(Case("duplicate_file", path, "the same file under another name", mark, again.night))


def _can_be_resubmitted(truth: Truth, filing: Filing) -> bool:
    """A quarterly workbook of a last quarter of a year: no later column `since the year began` is then contradicted."""
    report = filing.reports[0]
    return filing.kind == "xlsx" and len(filing.reports) == 2 and report.period.freq == "Q" and report.period.part == 4


def _resubmit(truth: Truth, filing: Filing) -> None:
    """A correction signed twelve days later that arrives before the report it corrects."""
    again = resubmit(filing, 12)
    filing.arrives_on = again.arrives_on + timedelta(days=9)
    truth.filings.append(again)
    wins = "corrected report, signed later: it counts although the older file arrives after it"
    loses = "older report whose file arrives after its correction: accepted, but not current"
    truth.cases.append(Case("resubmission", again.path, wins, Mark(ACCEPTED), again.night))
    truth.cases.append(Case("resubmission", filing.path, loses, Mark(ACCEPTED), filing.night))


def _note_everyday(truth: Truth) -> None:
    """Name an example of what is no error of a file: formats, the older form, late and missing reports."""
    for name, what, suits in (
        ("xls", "Excel 97-2003", lambda f: f.kind == "xls"),
        ("csv_utf8_mark", "CSV with semicolons, UTF-8 with a mark", lambda f: f.csv and f.csv.encoding == "utf-8-sig"),
        ("csv_utf16", "CSV with tabs, UTF-16", lambda f: f.csv and f.csv.encoding == "utf-16"),
        ("csv_comma", "CSV with commas and decimal points", lambda f: f.csv and f.csv.delimiter == ","),
        ("csv_cp1258", "CSV in Windows-1258", lambda f: f.csv and f.csv.encoding == "cp1258"),
        ("old_form", "A.III.1 without energy rows", lambda f: f.reports[0].form_id == "a_iii_1_2021"),
        ("paper", "typed in by the board from paper", lambda f: f.path.startswith("paper")),
    ):
        filing = next(filing for filing in truth.filings if suits(filing))
        truth.cases.append(Case(name, filing.path, what, Mark(ACCEPTED), filing.night))
    rows = truth.world().submissions
    for status in ("late", "missing"):
        row = next(
            r for r in rows if r["status"] == status and r["form_code"] == "A.III.1" and not _was_sent(truth, r, status)
        )
        place = f"{row['enterprise_id']} {row['form_code']} {row['period'].code}"
        mark = Mark(NOTED if status == "late" else IGNORED, field=place)
        truth.cases.append(Case(f"{status}_report", "", f"a report that is {status}", mark, truth.last_night))


def _was_sent(truth: Truth, row: dict[str, Any], status: str) -> bool:
    """Whether a report that counts as missing was sent and refused."""
    filed = (report for filing in truth.filings for report in filing.reports)
    return status == "missing" and any(
        (one.reporter_id, one.form_code, one.period) == (row["enterprise_id"], row["form_code"], row["period"])
        for one in filed
    )


def _spoil_register(truth: Truth) -> None:
    """Rows of the last register that must be refused, and what it says oddly."""
    register = truth.register
    spoil_register(register)
    day = register.as_of[-1]
    path, night = register_path(day), register_night(day)
    for bad, line in place_of_bad_rows(register, day):
        sheet = truth.contracts.tables[bad.table].sheet
        mark = Mark(ROW, bad.rule, sheet.names[0] if sheet else "", row=line)
        truth.cases.append(Case("register_row", path, f"a row of {bad.table} that must be refused", mark, night))
    repaired = Mark(ACCEPTED, sheet="Doanh nghiệp", field="E0002")
    truth.cases.append(Case("register_tax_code", path, "a tax code typed as a number", repaired, night))
    middle = register.as_of[-3]
    undated = Mark(ACCEPTED, sheet="Đất đai")
    what = "rows that changed without saying since when: they hold from the date of the register"
    truth.cases.append(Case("register_undated", register_path(middle), what, undated, register_night(middle)))
