"""Who answers: firms, experts, managers and workers with invented names, phones and mail addresses.

It must not know an answer. The surprising fact: every name holds the word `Mẫu` and every address ends with `.example`,
so that a search for what was planted finds nothing else.
"""

from dataclasses import dataclass
from random import Random

from kcn_pipeline_tests.simulate.province import Enterprise, stream

FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Ngô")
MIDDLE = ("Văn", "Thị", "Đức", "Minh", "Thu", "Quốc")
GIVEN = ("Bình", "Cúc", "Dũng", "Hạnh", "Khoa", "Lan", "Nam", "Oanh", "Phúc", "Sơn", "Tâm", "Yến")
FOLDED = {"Bình": "binh", "Cúc": "cuc", "Dũng": "dung", "Hạnh": "hanh", "Khoa": "khoa", "Lan": "lan"} | {
    "Nam": "nam", "Oanh": "oanh", "Phúc": "phuc", "Sơn": "son", "Tâm": "tam", "Yến": "yen"
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Somebody who fills in a form, with everything that must never leave landing."""

    name: str
    phone: str
    email: str
    device: str
    address: str
    place: str

    @property
    def identities(self) -> tuple[str, ...]:
        """What must be found nowhere but in landing."""
        return self.name, self.phone, self.email, self.device, self.address, self.place


@dataclass(frozen=True)
class Respondent:
    """One respondent: `identity` is what it says it is (a tax code, else a code), `park_code` the true park.

    `who` tells an enterprise that has changed its tax code.
    """

    respondent_type: str
    identity: str
    park_code: str | None
    person: Person
    who: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Equal for one respondent."""
        return self.respondent_type, self.who or self.identity


def make_person(seed: int, *parts: object) -> Person:
    """A person drawn for a purpose."""
    draw = stream(seed, "person", *parts)
    given, serial = draw.choice(GIVEN), draw.randrange(10_000, 100_000)
    return Person(
        name=f"{draw.choice(FAMILY)} {draw.choice(MIDDLE)} Mẫu {given}",
        phone=f"09990{serial}",
        email=f"{FOLDED[given]}.mau{serial}@khaosat.example",
        device=f"ee.kobotoolbox.example:{_token(draw, 16)}",
        address=f"203.0.113.{draw.randrange(1, 255)}",
        place=f"21.{draw.randrange(100_000, 200_000)} 106.{draw.randrange(100_000, 200_000)} 0 0",
    )


def make_firm(seed: int, firm: Enterprise, tax_code: str) -> Respondent:
    """An enterprise, as the person who fills in its form."""
    return Respondent("enterprise", tax_code, firm.park.code, make_person(seed, firm.enterprise_id), firm.enterprise_id)


def make_experts(seed: int, count: int) -> list[Respondent]:
    """A panel of experts; each has a code that tells who it is."""
    return [
        Respondent("expert", f"CGM-{seed % 100:02d}{number:03d}", None, make_person(seed, "expert", number))
        for number in range(1, count + 1)
    ]


def make_manager(seed: int, number: int, park_code: str) -> Respondent:
    """An officer of the board who looks after a park."""
    return Respondent("manager", f"QLM-{seed % 100:02d}{number:03d}", park_code, make_person(seed, "manager", number))


def make_workers(seed: int, parks: dict[str, int]) -> list[Respondent]:
    """That many workers of each park; the form asks them for a code of their own."""
    return [
        Respondent("worker", f"NLD-{park}-{number:04d}", park, make_person(seed, "worker", park, number))
        for park, count in parks.items()
        for number in range(1, count + 1)
    ]


def _token(draw: Random, length: int) -> str:
    return "".join(draw.choice("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789") for _ in range(length))
