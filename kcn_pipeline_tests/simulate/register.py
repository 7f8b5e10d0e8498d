"""The board's register: parks, land, enterprises, projects and events over time.

It must not know an indicator nor a sheet. The surprising fact: the whole history is made first, and what a register can
know on its date is then cut out of it; a few things change without anybody saying since when.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from kcn_pipeline_tests.simulate.figures import is_ghg_obliged
from kcn_pipeline_tests.simulate.forms import certificate_number
from kcn_pipeline_tests.simulate.periods import Period
from kcn_pipeline_tests.simulate.province import MERGER, Enterprise, Park, Province
from kcn_pipeline_tests.simulate.register_events import Events
from kcn_pipeline_tests.simulate.stations.fleet import Station

Row = dict[str, Any]
_DAY = timedelta(days=1)

#: The column that says when an event became known, by event table; the others hold versions.
EVENTS = {
    "register_incidents": "occurred_on",
    "register_inspections": "inspected_on",
    "register_petitions": "received_on",
    "register_signal_tests": "tested_on",
    "register_province_statistics": "_known_on",
}


@dataclass(frozen=True)
class BadRow:
    """A row that must be refused: in the register of that date, by that rule."""

    table: str
    row: Row
    rule: str


@dataclass
class Register:
    """The full history: rows by table. Versions hold valid_from and valid_to, `_undated` marks a change without date.

    `as_of` are the dates of the register workbooks, `bad_rows` what must be refused in them.
    """

    rows: dict[str, list[Row]]
    as_of: list[date]
    bad_rows: dict[date, list[BadRow]] = field(default_factory=dict)
    tax_codes_as_numbers: set[tuple[date, str]] = field(default_factory=set)

    def state(self, table: str, day: date) -> list[Row]:
        """The rows of a table as a register of that day can know them."""
        known = EVENTS.get(table)
        if known:
            return [_hide_future(row, day) for row in self.rows[table] if row[known] <= day]
        begun = [row for row in self.rows[table] if row["valid_from"] <= day]
        return [
            {**row, "valid_to": row["valid_to"] if row["valid_to"] and row["valid_to"] < day else None} for row in begun
        ]

    def valid_on(self, table: str, day: date, known_on: date) -> list[Row]:
        """The versions that hold on a day, as known by the register of `known_on`."""
        return [
            row
            for row in self.state(table, known_on)
            if row["valid_from"] <= day and (row["valid_to"] is None or day <= row["valid_to"])
        ]


def make_register(province: Province, quarters: Sequence[Period], stations: Sequence[Station]) -> Register:
    """The history of everything the register tells, for the time of the quarters and the month after the last."""
    end = Period(quarters[-1].next().year, quarters[-1].next().start.month, "M").end
    middle = quarters[-1].start + timedelta(days=44)
    book = _Book(province, quarters, middle)
    events = Events(province, quarters, end)
    rows: dict[str, list[Row]] = {
        "register_parks": list(book.parks()),
        "register_land": list(book.land()),
        "register_enterprises": list(book.enterprises()),
        "register_projects": list(book.projects()),
        "register_lots": list(book.lots()),
        "register_stations": list(_stations(province, stations)),
        "register_permit_limits": list(_permit_limits(stations)),
        "register_procedures": list(book.procedures()),
        "register_symbiosis": list(book.symbiosis()),
        "register_incidents": list(events.incidents()),
        "register_inspections": list(events.inspections()),
        "register_petitions": list(events.petitions()),
        "register_signal_tests": list(events.signal_tests()),
        "register_province_statistics": list(events.province_statistics()),
    }
    dates = [quarters[0].start - _DAY, *(quarter.end for quarter in quarters), middle, end]
    return Register(rows, sorted(dates))


def _hide_future(row: Row, day: date) -> Row:
    """An event without what happened to it later: a petition that was still open."""
    if row.get("resolved_on") and row["resolved_on"] > day:
        return {**row, "resolved_on": None}
    return row


def _versions(
    base: Row, since: date, changes: Sequence[tuple[date, Row]], undated: date | None = None
) -> Iterator[Row]:
    """The versions of a thing: the base, then each change laid over it from its date on."""
    changes = sorted(changes, key=lambda change: change[0])
    starts = [since, *(day for day, _ in changes)]
    current = dict(base)
    for number, start in enumerate(starts):
        if number:
            current = {**current, **changes[number - 1][1]}
        end = starts[number + 1] - _DAY if number + 1 < len(starts) else None
        yield {**current, "valid_from": start, "valid_to": end, "_undated": start == undated}


def _stations(province: Province, stations: Sequence[Station]) -> Iterator[Row]:
    """Automatic stations; each belongs to the developer of its park."""
    for number, station in enumerate((one for one in stations if one.is_registered), 1):
        yield {
            "station_id": station.station_id,
            "park_code": station.park_code,
            "enterprise_id": province.park(station.park_code).developer_id,
            "name_vi": f"Trạm mẫu {number:02d}",
            "kind": station.kind,
            "is_connected": station.is_connected,
            "permit_number": f"GPMT-MAU-{number:03d}",
            "valid_from": station.valid_from,
            "valid_to": station.valid_to,
        }


def _permit_limits(stations: Sequence[Station]) -> Iterator[Row]:
    """What the permits of the stations limit."""
    for station in stations:
        for limit in station.limits if station.is_registered else ():
            yield {
                "station_id": station.station_id,
                "parameter_code": limit.symbol,
                "limit_min": limit.low,
                "limit_max": limit.high,
                "unit": limit.unit,
                "regulation": limit.regulation,
                "valid_from": station.valid_from,
                "valid_to": station.valid_to,
            }


class _Book:
    """Makes the versions of things. `undated` is the register date at which some things change without saying so."""

    def __init__(self, province: Province, quarters: Sequence[Period], undated: date) -> None:
        self.province, self.quarters, self.undated = province, quarters, undated

    def _draw(self, *parts: object) -> Random:
        return self.province.stream("register", *parts)

    def _quarter(self, number: int) -> Period:
        return self.quarters[min(number, len(self.quarters) - 1)]

    def parks(self) -> Iterator[Row]:
        """Parks; the third is renamed, the fifth connects its station, the fourth's plant passes later."""
        for number, park in enumerate(self.province.parks, 1):
            base = self._park(number, park)
            changes: list[tuple[date, Row]] = []
            if number == 3:
                changes.append(
                    (self._quarter(3).start, {"name_vi": park.name.replace("(I)", "I").strip() + " (tên mới)"})
                )
            if number == 4:
                changes.append((self._quarter(4).start, {"wwtp_is_compliant": True}))
            if number == 5:
                changes.append((self._quarter(2).start, {"cems_is_connected": True}))
            yield from _versions(base, date(2004 + number % 12, 3, 1), changes)

    def _park(self, number: int, park: Park) -> Row:
        assessed = park.is_eco or park.is_pilot
        return {
            "park_code": park.code,
            "name_vi": park.name,
            "name_en": None,
            "former_province_code": park.former,
            "is_pilot": park.is_pilot,
            "is_eco_park": park.is_eco,
            "status": "building" if number == 9 else "operating",
            "developer_id": park.developer_id,
            "wwtp_is_operating": number != 8,
            "wwtp_is_compliant": number not in (4, 8),
            "cems_is_connected": number not in (5, 8),
            "water_supply_capacity_m3_d": 4000 + 500 * number,
            "eip_criteria_met": (7 if park.is_eco else 4) if assessed else None,
            "eip_criteria_total": 9 if assessed else None,
            "green_park_recognised_year": self.quarters[0].year if number == 2 else None,
        }

    def land(self) -> Iterator[Row]:
        """Land; the first park leases more at a stated date, the fourth without one."""
        for number, park in enumerate(self.province.parks, 1):
            draw = self._draw("land", park.code)
            planned = round(park.total_ha * 0.68, 2)
            recovered = round(planned * draw.uniform(0.85, 0.98), 2)
            leased = round(recovered * draw.uniform(0.45, 0.85), 2)
            base = {
                "park_code": park.code,
                "land_total_ha": park.total_ha,
                "land_industrial_planned_ha": planned,
                "land_recovered_ha": recovered,
                "land_leased_ha": leased,
                "land_green_ha": round(park.total_ha * draw.uniform(0.08, 0.14), 2),
                "land_shared_infrastructure_ha": round(park.total_ha * draw.uniform(0.22, 0.3), 2),
                "land_sme_reserved_ha": round(planned * draw.uniform(0.01, 0.06), 2),
                "land_service_logistics_ha": round(park.total_ha * draw.uniform(0.01, 0.05), 2),
            }
            more = {"land_leased_ha": round(leased + 6.25, 2)}
            changes = {1: [(self._quarter(4).start, more)], 4: [(self.undated, more)]}.get(number, [])
            yield from _versions(base, date(2010, 1, 1), changes, self.undated)

    def enterprises(self) -> Iterator[Row]:
        """Enterprises; a new tax code, a stop, a sewer connection that the register shows without a date."""
        for firm in self.province.enterprises:
            changes: list[tuple[date, Row]] = []
            if len(firm.tax_codes) > 1:
                changes.append((firm.tax_codes[1][0], {"tax_code": firm.tax_codes[1][1]}))
            since = firm.operating_from - timedelta(days=800)  # known from its first certificate on
            base = self._enterprise(firm)
            if firm.operating_from > self.quarters[0].start:
                base["is_operating"] = False
                changes.append((firm.operating_from, {"is_operating": True}))
            if firm.operating_to:
                changes.append((firm.operating_to + _DAY, {"is_operating": False, "operating_to": firm.operating_to}))
            if firm.number == 10:
                changes.append((self.undated, {"is_sewer_connected": True}))
            yield from _versions(base, since, changes, self.undated)

    def _enterprise(self, firm: Enterprise) -> Row:
        draw = self._draw("enterprise", firm.number)
        eligible = firm.workers > 50
        return {
            "enterprise_id": firm.enterprise_id,
            "tax_code": firm.tax_codes[0][1],
            "name_vi": firm.name,
            "name_en": firm.name_en,
            "park_code": firm.park.code,
            "role": firm.role,
            "ownership": firm.ownership,
            "country_code": firm.country,
            "vsic_code": firm.sector.vsic,
            "is_operating": True,
            "operating_from": firm.operating_from,
            "operating_to": None,
            "is_sewer_connected": False if firm.number == 10 else draw.choice((True, True, True, False, None)),
            "is_union_eligible": eligible,
            "has_union": eligible and draw.random() < 0.85,
            "is_fire_safe": draw.choice((True, True, True, True, False, None)),
            "is_ghg_obliged": is_ghg_obliged(firm),
        }

    def projects(self) -> Iterator[Row]:
        """Projects: one or two for each firm; some grow, some end, a few are licensed in the quarters."""
        for firm in self.province.enterprises:
            draw = self._draw("projects", firm.number)
            count = 2 if firm.number % 3 == 0 else 1
            for number in range(1, count + 1):
                yield from self._project(firm, number, draw)

    def _project(self, firm: Enterprise, number: int, draw: Random) -> Iterator[Row]:
        licensed = firm.operating_from - timedelta(days=draw.randint(200, 700))
        if number == 2:
            quarter = self.quarters[firm.number // 3 % len(self.quarters)]
            licensed = quarter.start + timedelta(days=draw.randint(3, 80))
        planned = draw.choice((100, 80, 60, 40))
        capital = round(firm.workers * draw.uniform(20_000, 90_000), -3)
        base = {
            "project_id": certificate_number(firm.number, number),
            "enterprise_id": firm.enterprise_id,
            "park_code": firm.park.code,
            "name_vi": f"Nhà máy {firm.sector.name_vi} Mẫu {firm.number:02d} (dự án {number})",
            "capital_type": firm.ownership,
            "registered_capital_usd": capital,
            "licensed_on": licensed,
            "status": "active",
            "ended_on": None,
            "planned_progress_pct": None if firm.number % 17 == 1 else planned,
            "actual_progress_pct": planned - draw.choice((0, 0, 0, 5, 15)),
        }
        more = {"registered_capital_usd": round(capital * 1.25, -3)}
        changes: list[tuple[date, Row]] = []
        if firm.number % 8 == 3 and number == 1:
            changes.append((self._quarter(firm.number % 5).start + timedelta(days=20), more))
        if firm.number == 14 and number == 1:
            changes.append((self.undated, more))
        if firm.number % 15 == 13 and number == 1:
            ended = self._quarter(firm.number % 4).start + timedelta(days=40)
            changes.append((ended, {"status": draw.choice(("revoked", "terminated")), "ended_on": ended}))
        yield from _versions(base, licensed, changes, self.undated)

    def lots(self) -> Iterator[Row]:
        """Land lots, most of them in the GIS database, one in ten entered while we watch."""
        for park in self.province.parks:
            for number in range(1, 9):
                draw = self._draw("lot", park.code, number)
                base = {"lot_id": f"{park.code}-L{number:02d}", "park_code": park.code, "has_gis": draw.random() < 0.6}
                changes = [(self._quarter(2).start, {"has_gis": True})] if number == 5 and not base["has_gis"] else []
                yield from _versions(base, date(2015, 1, 1), changes)

    def procedures(self) -> Iterator[Row]:
        """Procedures of the two former boards until the merger, of the merged board after it."""
        if self.quarters[0].start < MERGER:
            for province, count in (("BN_OLD", 6), ("BG_OLD", 5)):
                for number in range(1, count + 1):
                    row = self._procedure(f"TTHC-{province}-{number:02d}", province, number)
                    yield {**row, "valid_from": date(2022, 6, 1), "valid_to": MERGER - _DAY, "_undated": False}
        since = MERGER if self.quarters[0].start < MERGER else date(2025, 7, 1)
        for number in range(1, 9):
            row = self._procedure(f"TTHC-BN-{number:02d}", "BN", number)
            changes = [(self._quarter(4).start, {"online_level": "full"})] if number == 3 else []
            changes = [change for change in changes if change[0] > since]
            yield from _versions(row, since, changes)

    def _procedure(self, code: str, province: str, number: int) -> Row:
        level = "none" if number == 5 else "partial" if number % 3 == 0 else "full"
        return {
            "procedure_id": code,
            "name_vi": f"Thủ tục mẫu {number:02d}",
            "province_code": province,
            "online_level": level,
        }

    def symbiosis(self) -> Iterator[Row]:
        """Symbiosis links of the pilots: one in operation, one that starts, one that is only planned."""
        for number, park in enumerate(park for park in self.province.parks if park.is_pilot):
            for link, (status, kind) in enumerate((("operating", "exchange"), ("planned", "shared_use")), 1):
                base = {
                    "symbiosis_id": f"CS-{park.code}-{link}",
                    "park_code": park.code,
                    "kind": kind,
                    "status": status,
                }
                starts = link == 2 and number == 0
                changes = [(self._quarter(3).start, {"status": "operating"})] if starts else []
                yield from _versions(base, date(2024, 1, 15), changes)
