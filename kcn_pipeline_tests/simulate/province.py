"""Who there is in the synthetic province: parks, enterprises, how each of them reports, and random streams.

It must not hold a figure of a report (`figures.py`) nor a cell. The surprising fact: only the names of the parks are
real; every firm is called `Mẫu` (sample) and its tax code lies in 0999…, a range that no office has given out.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate.periods import Period

#: The pilots first, then parks of both former provinces; a larger province takes further parks of the contracts.
FIRST_PARKS = ("QUE_VO", "VSIP_BN", "YEN_PHONG", "TIEN_SON", "QUANG_CHAU")
PILOTS = ("QUE_VO", "VSIP_BN")
#: The park that is registered as eco-park; its developer reports the eco-park forms.
ECO_PARK = "VSIP_BN"
MERGER = date(2025, 7, 1)


@dataclass(frozen=True)
class Sector:
    """An industry with what one worker makes and uses in a quarter (invented, of the right order of magnitude).

    output in million VND; coal and solid waste in tonnes, oil in litres, gas and water in m3, hazardous waste in kg.
    """

    name_vi: str
    name_en: str
    vsic: str
    output: float
    value_added: float
    kwh: float
    coal: float
    oil: float
    gas: float
    water: float
    solid: float
    hazardous: float


SECTORS = (
    Sector("Điện tử", "Electronics", "2610", 420, 0.22, 900, 0, 0.6, 0, 9, 0.05, 4),
    Sector("Nhựa", "Plastics", "2220", 260, 0.26, 1500, 0, 2, 0, 7, 0.12, 3),
    Sector("Cơ khí", "Machinery", "2592", 300, 0.28, 1100, 0, 4, 6, 8, 0.20, 9),
    Sector("Bao bì", "Packaging", "1702", 280, 0.24, 1300, 0.5, 1, 0, 22, 0.30, 2),
    Sector("Thực phẩm", "Food", "1075", 310, 0.20, 700, 0.15, 1, 3, 30, 0.15, 0.5),
    Sector("Hóa chất", "Chemicals", "2029", 450, 0.30, 1200, 0.1, 3, 9, 25, 0.25, 20),
    Sector("Linh kiện", "Components", "2630", 350, 0.25, 1000, 0, 0.8, 0, 10, 0.08, 5),
)
DEVELOPER = Sector("hạ tầng KCN", "Infrastructure", "6810", 500, 0.45, 2500, 0, 5, 0, 40, 0.05, 1)
COUNTRIES = ("KR", "JP", "CN", "TW", "SG", "DE")


@dataclass(frozen=True, eq=False)
class Park:
    """One park. `former` is the area code of the province that held it before the merger."""

    code: str
    name: str
    former: str
    developer_id: str
    is_pilot: bool
    is_eco: bool
    total_ha: float

    def province_on(self, day: date) -> str:
        """The area code of the province that holds the park on a day."""
        return "BN" if day >= MERGER else self.former


@dataclass(frozen=True, eq=False)
class Enterprise:
    """One enterprise and its reporting habits. `tax_codes` are (first day, code), oldest first."""

    enterprise_id: str
    number: int
    name: str
    name_en: str
    park: Park
    role: str
    ownership: str
    country: str
    sector: Sector
    tax_codes: tuple[tuple[date, str], ...]
    operating_from: date
    operating_to: date | None
    workers: int
    channel: str
    file_kind: str
    old_form_until: date
    skips_annual: bool
    skips_05a: bool

    @property
    def currency(self) -> str:
        """The currency of the investment certificate, in which the forms are written."""
        return "USD" if self.ownership == "FDI" else "VND"

    def tax_code_on(self, day: date) -> str:
        """The tax code that holds on a day."""
        return [code for first, code in self.tax_codes if first <= day or first == self.tax_codes[0][0]][-1]

    def operates_on(self, day: date) -> bool:
        """Whether it is in operation on a day."""
        return self.operating_from <= day and (self.operating_to is None or day <= self.operating_to)

    def reports_for(self, period: Period) -> bool:
        """Whether it owes reports for a period: it operates on the last day."""
        return self.operates_on(period.end)


@dataclass(frozen=True, eq=False)
class Province:
    """The parks and enterprises, and the seed everything random is drawn from."""

    seed: int
    parks: tuple[Park, ...]
    enterprises: tuple[Enterprise, ...]
    first_quarter: Period
    last_quarter: Period

    def stream(self, *parts: object) -> random.Random:
        """A random stream of its own for a purpose, so that one more enterprise changes nothing for the others."""
        return stream(self.seed, *parts)

    def park(self, code: str) -> Park:
        """The park of that code; raises KeyError."""
        found: Mapping[str, Park] = {park.code: park for park in self.parks}
        return found[code]

    def developer(self, park: Park) -> Enterprise:
        """The infrastructure developer of a park."""
        return next(e for e in self.enterprises if e.enterprise_id == park.developer_id)


def stream(seed: int, *parts: object) -> random.Random:
    """A random stream that depends on the seed and the parts only."""
    return random.Random("/".join(str(part) for part in (seed, *parts)))


def make_province(
    contracts: Contracts, parks: int, enterprises: int, quarters: Sequence[Period], seed: int
) -> Province:
    """A province of that many parks and enterprises (each park's developer is one of them)."""
    if not 1 <= parks <= len(contracts.parks):
        raise ValueError(f"{parks} parks: the contracts know 1 to {len(contracts.parks)}")
    if enterprises < parks:
        raise ValueError(f"{enterprises} enterprises: every one of the {parks} parks needs a developer")
    codes = [*FIRST_PARKS, *sorted(code for code in contracts.parks if code not in FIRST_PARKS)][:parks]
    made = tuple(_make_park(contracts, code, number, seed) for number, code in enumerate(codes, 1))
    firms = [
        _make_enterprise(number, made[(number - 1) % parks], number <= parks, quarters, seed)
        for number in range(1, enterprises + 1)
    ]
    return Province(seed, made, tuple(firms), quarters[0], quarters[-1])


def make_tax_code(serial: int, branch: int | None = None) -> str:
    """The tax code of the artificial range 0999 with that serial (0 to 9,999), with a valid check digit.

    Serials whose check digit would be 10 do not exist, so the range is walked ten at a time.
    """
    weights = (31, 29, 23, 19, 17, 13, 7, 5, 3)
    for offset in range(10):
        digits = f"0999{serial * 10 + offset:05d}"
        check = 10 - sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11
        if check != 10:
            return f"{digits}{check}" + (f"-{branch:03d}" if branch is not None else "")
    raise ValueError(f"no tax code for serial {serial}")


def _make_park(contracts: Contracts, code: str, number: int, seed: int) -> Park:
    named = contracts.parks[code]
    total = round(stream(seed, "park", code).uniform(180, 520), 2)
    developer = f"E{number:04d}"
    return Park(code, named.name_vi, named.former_province, developer, code in PILOTS, code == ECO_PARK, total)


def _make_enterprise(number: int, park: Park, is_developer: bool, quarters: Sequence[Period], seed: int) -> Enterprise:
    draw = stream(seed, "enterprise", number)
    is_foreign = draw.random() < (0.2 if is_developer else 0.62)
    sector = DEVELOPER if is_developer else draw.choice(SECTORS)
    workers = int(draw.uniform(35, 90) if is_developer else min(4000, max(25, draw.lognormvariate(5.4, 0.9))))
    kind = "Cổ phần Phát triển" if is_developer else draw.choice(("TNHH", "TNHH", "Cổ phần"))
    since = date(draw.randint(2004, 2023), draw.randint(1, 12), draw.randint(1, 28))
    return Enterprise(
        enterprise_id=f"E{number:04d}",
        number=number,
        name=f"Công ty {kind} {sector.name_vi} Mẫu {number:02d}",
        name_en=f"Sample {number:02d} {sector.name_en} {'JSC' if 'Cổ' in kind else 'Co., Ltd.'}",
        park=park,
        role="developer" if is_developer else "tenant",
        ownership="FDI" if is_foreign else "DDI",
        country=draw.choice(COUNTRIES) if is_foreign else "VN",
        sector=sector,
        tax_codes=_tax_codes(number, quarters),
        operating_from=_starts(number, since, quarters),
        operating_to=_stops(number, quarters),
        workers=workers,
        channel="paper" if number % 9 == 2 else "electronic",
        file_kind=_file_kind(number),
        old_form_until=_old_form_until(number, quarters),
        skips_annual=number % 20 == 7,
        skips_05a=number % 10 == 4,
    )


def _tax_codes(number: int, quarters: Sequence[Period]) -> tuple[tuple[date, str], ...]:
    """Enterprise 8 of every 40 gets a new code when the fourth quarter begins; number 9 of 40 is a branch (10-3)."""
    code = make_tax_code(number, branch=1 if number % 40 == 9 else None)
    first = date(1990, 1, 1)
    if number % 40 == 8 and len(quarters) > 3:
        return (first, code), (quarters[3].start, make_tax_code(5000 + number))
    return ((first, code),)


def _starts(number: int, since: date, quarters: Sequence[Period]) -> date:
    """Enterprise 12 of every 40 begins in the middle of the third quarter, so it owes that quarter's reports."""
    return quarters[2].start.replace(day=15) if number % 40 == 12 and len(quarters) > 2 else since


def _stops(number: int, quarters: Sequence[Period]) -> date | None:
    """Enterprise 16 of every 40 stops in the last month of the fourth quarter, so it no longer owes that report."""
    return quarters[3].end.replace(day=10) if number % 40 == 16 and len(quarters) > 3 else None


def _file_kind(number: int) -> str:
    if number % 11 == 6:
        return "xls"
    return "csv" if number % 14 == 10 else "xlsx"


def _old_form_until(number: int, quarters: Sequence[Period]) -> date:
    """Until when it fills in the version of A.III.1 without energy rows; most never do, one in thirteen always."""
    if number % 13 == 5:
        return date.max
    return quarters[1].end if number % 7 == 3 and len(quarters) > 1 else date.min
