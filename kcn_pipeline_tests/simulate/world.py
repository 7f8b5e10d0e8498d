"""What is true on a night: measures of each enterprise and period, reporting duties, and the register as known then.

It must not use code of the pipeline, only dated facts of the contracts (rates, factors, deadlines, required fields).
The surprising fact: it starts from what is written in the cells, so a figure rounded by a firm is the true figure.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate.filing import Filing, due_on
from kcn_pipeline_tests.simulate.measures import SOURCES, Source, derive, read_measure, with_derived
from kcn_pipeline_tests.simulate.periods import Period, ended_periods
from kcn_pipeline_tests.simulate.province import Park, Province
from kcn_pipeline_tests.simulate.register import Register
from kcn_pipeline_tests.simulate.reports import Cells, Report
from kcn_pipeline_tests.simulate.stations.daily import park_rows, station_rows
from kcn_pipeline_tests.simulate.stations.history import History, StationTruth
from kcn_pipeline_tests.simulate.surveys import Surveys

Row = dict[str, Any]

#: What reports say of a measure, by (measure, form code).
_Written = dict[tuple[str, str], float]
#: Reporter, form code, period code.
_Duty = tuple[str, str, str]


class World:
    """The true state on a night, from the files and registers that had landed by then."""

    def __init__(
        self,
        contracts: Contracts,
        province: Province,
        register: Register,
        filings: Sequence[Filing],
        history: History,
        surveys: Surveys,
        night: str,
    ) -> None:
        self.contracts, self.province, self.register, self.history = contracts, province, register, history
        self.night, self.today = night, date.fromisoformat(night)
        self.surveys = surveys.state(night)
        self.landed = [filing for filing in filings if filing.night <= night]
        landed_registers = [day for day in register.as_of if register_night(day) <= night]
        self.known_on: date | None = max(landed_registers, default=None)
        self.first_day = contracts.calendar.first_day

    def periods(self, freq: str) -> list[Period]:
        """The periods of a frequency that ended before the night; only those days on which a station was there."""
        if freq == "D":
            return [Period.of_day(day) for day in sorted({row["day"] for row in self.station_days})]
        return ended_periods(freq, self.first_day, self.today)

    # ---- the register ------------------------------------------------------------------------------------------

    def stock(self, table: str, day: date) -> list[Row]:
        """The versions of a register table that hold on a day, with the province that holds their park then."""
        if self.known_on is None:
            return []
        return [self._located(row, day) for row in self.register.valid_on(table, day, self.known_on)]

    def events(self, table: str, column: str, period: Period) -> list[Row]:
        """The events of a register table whose date lies in a period."""
        if self.known_on is None:
            return []
        rows = self.register.state(table, self.known_on)
        return [self._located(row, period.end) for row in rows if period.start <= row[column] <= period.end]

    def statistics(self, province_code: str, year: int) -> Row | None:
        """The provincial totals of a year."""
        rows = self.register.state("register_province_statistics", self.known_on) if self.known_on else []
        return next((r for r in rows if r["province_code"] == province_code and r["year"] == year), None)

    def operating(self, day: date) -> list[Row]:
        """The enterprises in operation on a day, as the register says."""
        return [row for row in self.stock("register_enterprises", day) if row["is_operating"]]

    def _located(self, row: Row, day: date) -> Row:
        if "province_code" in row or "park_code" not in row:
            return row
        return {**row, "province_code": self.province.park(row["park_code"]).province_on(day)}

    # ---- reports -----------------------------------------------------------------------------------------------

    @cached_property
    def submissions(self) -> list[Row]:
        """Every report handed in and every duty not met: grain reporter × form × period × revision."""
        groups: dict[_Duty, list[tuple[Report, Filing]]] = defaultdict(list)
        for filing in self.landed:
            if filing.refused or filing.repeats:
                continue
            for report in filing.reports:
                if report.refused not in UNKNOWN_REPORTER_OR_PERIOD:
                    groups[report.reporter_id, report.form_code, report.period.code].append((report, filing))
        rows = [row for _, group in sorted(groups.items()) for row in self._revisions(group)]
        for reporter_id, form_code, period, park in self._duties():
            due = due_on(self.contracts, form_code, period)
            if due and due < self.today and (reporter_id, form_code, period.code) not in groups:
                rows.append(self._submission(reporter_id, form_code, period, park, None, 0, True))
        return rows

    @cached_property
    def _duty_keys(self) -> set[_Duty]:
        return {(reporter_id, form_code, period.code) for reporter_id, form_code, period, _ in self._duties()}

    def _duties(self) -> Iterator[tuple[str, str, Period, Park | None]]:
        """Every report that a deadline asks for, for the periods that have ended."""
        expected = {form.code: form.expected_from for form in self.contracts.forms.values()}
        for form_code, freq in sorted({(d.form, d.frequency) for d in self.contracts.deadlines.values()}):
            for period in self.periods(freq):
                if due_on(self.contracts, form_code, period) is None:
                    continue
                for reporter_id, park in self._reporters(expected[form_code], period):
                    yield reporter_id, form_code, period, park

    def _reporters(self, expected_from: str, period: Period) -> Iterator[tuple[str, Park | None]]:
        if expected_from == "enterprises":
            for row in self.operating(period.end):
                if row["operating_from"] <= period.start:
                    yield row["enterprise_id"], self.province.park(row["park_code"])
        elif expected_from == "eco_parks":
            for row in self.stock("register_parks", period.end):
                if row["is_eco_park"]:
                    yield row["developer_id"], self.province.park(row["park_code"])
        elif expected_from == "board":
            yield "BOARD", None

    def _revisions(self, group: list[tuple[Report, Filing]]) -> Iterator[Row]:
        """The reports of one duty in their order, the newest being current; refused ones count if none was accepted."""
        ordered = sorted(group, key=lambda one: (one[0].submitted_on, one[1].night, one[1].path))
        counted = [one for one in ordered if not one[0].refused] or ordered
        for number, (report, filing) in enumerate(counted, 1):
            is_current = number == len(counted)
            row = self._submission(
                report.reporter_id, report.form_code, report.period, report.park, report, number, is_current
            )
            yield {**row, "channel": "paper" if filing.path.startswith("paper") else "electronic"}

    def _submission(
        self,
        reporter_id: str,
        form_code: str,
        period: Period,
        park: Park | None,
        report: Report | None,
        revision: int,
        is_current: bool,
    ) -> Row:
        is_expected = (reporter_id, form_code, period.code) in self._duty_keys
        due = due_on(self.contracts, form_code, period)
        row: Row = {
            "enterprise_id": reporter_id,
            "park_code": park.code if park else None,
            "province_code": park.province_on(period.end) if park else None,
            "form_code": form_code,
            "period": period,
            "revision": revision,
            "is_current": is_current,
            "is_expected": is_expected,
            "due_on": due,
            "status": _status(report, due),
            "submitted_on": report.submitted_on if report else None,
            "channel": None,
            "required_total": None,
            "required_filled": None,
        }
        if report and not report.refused:
            required = self._required(report)
            sheets = list(report.records.values()) or [report.cells]
            row["required_total"] = len(required) * len(sheets)
            row["required_filled"] = sum(_holds(report, cells, place) for cells in sheets for place in required)
        return row

    def _required(self, report: Report) -> list[tuple[str, str]]:
        """The figures the form requires for this frequency."""
        form = self.contracts.forms[report.form_id]
        return [
            (one.code, column)
            for one in form.fields
            if one.required and (not one.frequencies or report.period.freq in one.frequencies)
            for column in one.columns or ("",)
        ]

    @cached_property
    def current_reports(self) -> dict[tuple[str, str, str], Report]:
        """The newest accepted report by reporter, form and period."""
        found: dict[tuple[str, str, str], tuple[Any, Report]] = {}
        for filing in self.landed:
            if filing.refused or filing.repeats:
                continue
            for report in filing.reports:
                key = report.reporter_id, report.form_code, report.period.code
                rank = report.submitted_on, filing.night, filing.path
                if not report.refused and (key not in found or rank > found[key][0]):
                    found[key] = rank, report
        return {key: report for key, (_, report) in found.items()}

    # ---- stations ----------------------------------------------------------------------------------------------

    @cached_property
    def _stations(self) -> list[StationTruth]:
        return [self.history.truth_of(station, self.night) for station in self.history.stations]

    @cached_property
    def station_days(self) -> list[Row]:
        """What indicators count of each station and day."""
        return [row for truth in self._stations for row in station_rows(self.contracts, truth)]

    @cached_property
    def park_days(self) -> list[Row]:
        """What indicators count of each park with stations and day."""
        return list(park_rows(self.contracts, self._stations))

    def in_period(self, days: Sequence[Row], period: Period) -> list[Row]:
        """The rows of a period's days, with the province that holds their park on its last day."""
        return [self._located(row, period.end) for row in days if period.start <= row["day"] <= period.end]

    # ---- surveys -----------------------------------------------------------------------------------------------

    def answers(self, measure: str, period: Period) -> list[Row]:
        """Who scored a measure of a survey for a period, with the province that holds their park on its last day."""
        return [self._located(row, period.end) for row in self.surveys.measured(measure, period.code)]

    # ---- measures ----------------------------------------------------------------------------------------------

    @cached_property
    def _measures(self) -> dict[tuple[str, str], _Written]:
        """What the current reports say by (enterprise, period), before quarters are added up: measure by form."""
        found: dict[tuple[str, str], _Written] = defaultdict(dict)
        for (enterprise_id, form_code, period_code), report in self.current_reports.items():
            for measure, source in SOURCES.items():
                for form, code, column in source.places:
                    if form == form_code:
                        value = read_measure(self.contracts, report, (code, column), source.conversion)
                        if value is not None:
                            found[enterprise_id, period_code][measure, form_code] = value
        return found

    def enterprise_rows(self, period: Period) -> list[Row]:
        """The measures of every enterprise that has one for the period, derived ones included."""
        if period.code not in self._enterprise_rows:
            self._enterprise_rows[period.code] = list(self._make_enterprise_rows(period))
        return self._enterprise_rows[period.code]

    @cached_property
    def _enterprise_rows(self) -> dict[str, list[Row]]:
        return {}

    def _make_enterprise_rows(self, period: Period) -> Iterator[Row]:
        places = {row["enterprise_id"]: row for row in self.stock("register_enterprises", period.end)}
        for firm in self.province.enterprises:
            values, estimated = self._add_up(firm.enterprise_id, period)
            if not values:
                continue
            row: Row = {measure: values.get(measure) for measure in SOURCES}
            row |= derive(self.contracts, row, period)
            row["enterprise_id"], row["estimated"] = firm.enterprise_id, with_derived(estimated)
            row["park_code"] = places[firm.enterprise_id]["park_code"]
            row["province_code"] = places[firm.enterprise_id]["province_code"]
            yield row

    def _add_up(self, enterprise_id: str, period: Period) -> tuple[dict[str, float], set[str]]:
        """The measures of a period, from its own forms or else all its quarters, and which of a year were added up."""
        values: dict[str, float] = {}
        estimated: set[str] = set()
        own: _Written = self._measures.get((enterprise_id, period.code), {})
        for measure, source in SOURCES.items():
            written = [own[measure, form] for form, _, _ in source.places if (measure, form) in own]
            if written:
                values[measure] = written[0]
            elif period.freq in ("A", "S"):
                added = self._from_quarters(enterprise_id, measure, source, period)
                if added is not None:
                    values[measure] = added
                    estimated |= {measure} if period.freq == "A" else set()
        return values, estimated

    def _from_quarters(self, enterprise_id: str, measure: str, source: Source, period: Period) -> float | None:
        found = []
        for quarter in period.quarters:
            own: _Written = self._measures.get((enterprise_id, quarter.code), {})
            written = [own[measure, form] for form, _, _ in source.places if (measure, form) in own]
            if not written:
                return None
            found.append(written[0])
        return sum(found) if source.kind == "flow" else found[-1]


#: Rules that refuse a report of which nobody can tell who owes it or for when.
UNKNOWN_REPORTER_OR_PERIOD = frozenset({"unknown_tax_code", "two_digit_year", "period_in_future", "no_period"})


def register_night(day: date) -> str:
    """The night that lands the register of a date: it arrives the day after."""
    return (day + timedelta(days=2)).isoformat()


def _holds(report: Report, cells: Cells, place: tuple[str, str]) -> bool:
    """Whether a cell holds something, be it readable or not; a cell that shows an error holds nothing."""
    return place in cells and report.dropped.get(place) != "formula_error"


def _status(report: Report | None, due: date | None) -> str:
    if report is None:
        return "missing"
    if report.refused:
        return "rejected"
    return "late" if due and report.submitted_on > due else "on_time"
