"""What happens in the parks and the register lists: incidents, inspections, petitions, signal tests, provincial totals.

It must not hold a thing that has versions (`register.py`). The surprising fact: a quiet park has no row at all, and
that nothing happened there is true only as far as the register has been brought up to date.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

from kcn_pipeline_tests.simulate.periods import Period
from kcn_pipeline_tests.simulate.province import MERGER, Province

Row = dict[str, Any]


class Events:
    """Makes the events from the first quarter to the day `end`."""

    def __init__(self, province: Province, quarters: Sequence[Period], end: date) -> None:
        self.province, self.quarters, self.end = province, quarters, end
        self.months = self._list_months()

    def _list_months(self) -> list[Period]:
        month, found = Period(self.quarters[0].year, self.quarters[0].start.month, "M"), []
        while month.end <= self.end:
            found.append(month)
            month = month.next()
        return found

    def _draw(self, *parts: object) -> Random:
        return self.province.stream("register", *parts)

    def incidents(self) -> Iterator[Row]:
        """Environmental incidents, floods and outages; the hours are always known."""
        serial = 0
        for month in self.months:
            for park in self.province.parks:
                draw = self._draw("incidents", park.code, month.code)
                for kind, chance in (("environmental", 0.07), ("flooding", 0.12), ("power_outage", 0.3)):
                    if draw.random() >= chance:
                        continue
                    serial += 1
                    hours = round(draw.uniform(0.5, 9), 1)
                    customers = draw.randint(1, 12)
                    yield {
                        "incident_id": f"SC-{serial:05d}",
                        "park_code": park.code,
                        "enterprise_id": None,
                        "kind": kind,
                        "occurred_on": month.start + timedelta(days=draw.randrange(28)),
                        "hours": hours if kind != "environmental" else None,
                        "customer_hours": round(hours * customers, 1) if kind == "power_outage" else None,
                    }

    def inspections(self) -> Iterator[Row]:
        """About one enterprise in ten is inspected in a quarter."""
        for quarter in self.quarters:
            for firm in self.province.enterprises:
                draw = self._draw("inspection", firm.number, quarter.code)
                if draw.random() < 0.1:
                    yield {
                        "inspection_id": f"QD-{quarter.code}-{firm.number:04d}",
                        "enterprise_id": firm.enterprise_id,
                        "park_code": firm.park.code,
                        "inspected_on": quarter.start + timedelta(days=draw.randrange(90)),
                        "has_violation": draw.random() < 0.3,
                    }

    def petitions(self) -> Iterator[Row]:
        """Petitions, due after 30 days; some are answered late, some are open."""
        for month in self.months:
            for firm in self.province.enterprises:
                draw = self._draw("petition", firm.number, month.code)
                if draw.random() >= 0.03:
                    continue
                received = month.start + timedelta(days=draw.randrange(28))
                answered = received + timedelta(days=draw.randint(3, 45))
                yield {
                    "petition_id": f"KN-{month.code}-{firm.number:04d}",
                    "enterprise_id": firm.enterprise_id,
                    "park_code": firm.park.code,
                    "received_on": received,
                    "due_on": received + timedelta(days=30),
                    "resolved_on": None if draw.random() < 0.1 else answered,
                }

    def signal_tests(self) -> Iterator[Row]:
        """Five test points for each park and half-year."""
        for quarter in self.quarters:
            if quarter.part % 2 == 0:
                for park in self.province.parks:
                    for point in range(1, 6):
                        draw = self._draw("signal", park.code, quarter.code, point)
                        yield {
                            "test_id": f"DK-{park.code}-{quarter.code}-{point}",
                            "park_code": park.code,
                            "tested_on": quarter.start + timedelta(days=20 + point),
                            "generation": "5G" if point > 3 else "4G",
                            "is_passed": draw.random() < 0.8,
                        }

    def province_statistics(self) -> Iterator[Row]:
        """Provincial totals of every year that the quarters end, in VND and USD."""
        years = sorted({self.quarters[0].year - 1, *(quarter.year for quarter in self.quarters if quarter.part == 4)})
        for year in years:
            areas = ("BN",) if date(year, 12, 31) >= MERGER else ("BN_OLD", "BG_OLD")
            for area in areas:
                firms = len(self.province.enterprises)
                yield {
                    "province_code": area,
                    "year": year,
                    "gross_output_vnd": (firms * 480 + year % 7 * 10) * 1e9,
                    "export_usd": (firms * 21 + year % 5) * 1e6,
                    "_known_on": date(year, 12, 31),
                }
