"""Finds the enterprise behind a tax code on a day, in the register's versions.

It must not judge a report. The surprising fact: a tax code that the enterprise no longer has, or not yet, still leads
to it, since reports are typed from old templates; the caller is told that the code was another version's.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

_PARENT_LENGTH = 10


@dataclass(frozen=True)
class Match:
    """An enterprise, its park on the day asked for, and whether the code is that of another version of it."""

    enterprise_id: str
    park_code: str | None
    is_other_version: bool = False


class EnterpriseIndex:
    """The register's enterprises by tax code and by id."""

    def __init__(self, enterprises: pa.Table | None, parks: pa.Table | None) -> None:
        self._by_code: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        self._by_id: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        self._developers: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        names = ["enterprise_id", "tax_code", "park_code", "valid_from", "valid_to"]
        for row in _rows(enterprises, names):
            self._by_code[row["tax_code"]].append(row)
            self._by_id[row["enterprise_id"]].append(row)
        for row in _rows(parks, ["park_code", "developer_id", "valid_from", "valid_to"]):
            self._developers[row["park_code"]].append(row)

    def find(self, tax_code: str, day: date) -> Match | None:
        """The one enterprise of a tax code on a day; None when there is none or more than one.

        A branch code (13 digits) that the register does not hold is its parent's when the register holds the parent's.
        """
        versions = self._versions_of(tax_code)
        on_day = {row["enterprise_id"] for row in versions if _holds(row, day)}
        found = on_day or {row["enterprise_id"] for row in versions}
        if len(found) != 1:
            return None
        enterprise_id = next(iter(found))
        return Match(enterprise_id, self.park_of(enterprise_id, day), is_other_version=not on_day)

    def holders(self, tax_code: str) -> list[str]:
        """The ids of all enterprises that a tax code ever led to."""
        return sorted({row["enterprise_id"] for row in self._versions_of(tax_code)})

    def park_of(self, enterprise_id: str, day: date) -> str | None:
        """The park of an enterprise on a day, of its nearest version when none holds that day."""
        version = _nearest(self._by_id.get(enterprise_id, []), day)
        return version["park_code"] if version else None

    def developer_of(self, park_code: str, day: date) -> str | None:
        """The enterprise id of a park's infrastructure developer on a day; None when the register has no such one."""
        version = _nearest(self._developers.get(park_code, []), day)
        return version["developer_id"] if version and version["developer_id"] in self._by_id else None

    def _versions_of(self, tax_code: str) -> list[Mapping[str, Any]]:
        return self._by_code.get(tax_code) or self._by_code.get(tax_code[:_PARENT_LENGTH]) or []


def _rows(table: pa.Table | None, names: list[str]) -> Iterable[Mapping[str, Any]]:
    return table.select(names).to_pylist() if table is not None else []


def _holds(row: Mapping[str, Any], day: date) -> bool:
    return (row["valid_from"] or date.min) <= day <= (row["valid_to"] or date.max)


def _nearest(versions: list[Mapping[str, Any]], day: date) -> Mapping[str, Any] | None:
    """The version that holds on a day, else the last that began before it, else the first."""
    ordered = sorted(versions, key=lambda row: row["valid_from"] or date.min)
    begun = [row for row in ordered if (row["valid_from"] or date.min) <= day]
    return begun[-1] if begun else next(iter(ordered), None)
