"""Whether the register knows who answered: its tax codes as keys, and the enterprise and park behind a key on a day.

It must not let a tax code or an enterprise's id out of this stage. The surprising fact: nothing here can find the tax
code of a key; the register's codes are hashed anew every night and compared. An enterprise with several tax codes has
one key all the same, that of its first.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.lake import Lake
from kcn_pipeline.secrecy import respondent_key
from kcn_pipeline.validation.enterprises import EnterpriseIndex

ENTERPRISE = "enterprise"
_ENTERPRISES, _PARKS = "register_enterprises", "register_parks"


class Known(NamedTuple):
    """What the register says of a respondent; `key` is equal for all tax codes of one enterprise."""

    is_known: bool
    park_code: str | None
    key: str


class Register:
    """The newest register of the lake by keys: what a night does not know yet, a night that is run later does."""

    def __init__(self, lake: Lake, secret: bytes) -> None:
        enterprises, parks = _newest(lake, _ENTERPRISES), _newest(lake, _PARKS)
        self._secret = secret
        self._index = EnterpriseIndex(enterprises, parks)
        self._first_codes = _first_codes(enterprises) if enterprises is not None else {}
        codes = set(enterprises.column("tax_code").to_pylist()) if enterprises is not None else set()
        self._codes = {respondent_key(secret, ENTERPRISE, code): code for code in codes}
        self._found: dict[tuple[str, date], Known] = {}

    def find(self, respondent_type: str | None, key: str | None, day: date | None) -> Known | None:
        """What the register says of an enterprise on a day; None for respondents that no register holds."""
        if respondent_type != ENTERPRISE or not key:
            return None
        asked = (key, day or date.max)
        if asked not in self._found:
            self._found[asked] = self._look_up(*asked)
        return self._found[asked]

    def find_all(
        self, types: Sequence[str | None], keys: Sequence[str | None], days: Sequence[date | None]
    ) -> list[Known | None]:
        """`find` for many."""
        return [self.find(*asked) for asked in zip(types, keys, days, strict=True)]

    def _look_up(self, key: str, day: date) -> Known:
        code = self._codes.get(key)
        if code is None:
            return Known(False, None, key)
        match = self._index.find(code, day)
        if match is None:
            return Known(True, None, key)
        # The first code stays the first when an enterprise gets another, and with it the key.
        first = self._first_codes.get(match.enterprise_id, match.enterprise_id)
        return Known(True, match.park_code, key if first == code else respondent_key(self._secret, ENTERPRISE, first))


def _first_codes(enterprises: pa.Table) -> dict[str, str]:
    """The first tax code of every enterprise, by its id, that no other enterprise had or has.

    A shared one would make one respondent of two. Who has no other is not there.
    """
    rows = enterprises.select(["valid_from", "tax_code", "enterprise_id"])
    order = [("valid_from", "ascending", "at_start"), ("tax_code", "ascending", "at_start")]
    rows = rows.take(pc.sort_indices(rows, order))
    codes, ids = (rows.column(name).to_pylist() for name in ("tax_code", "enterprise_id"))
    holders = Counter(code for code, _ in set(zip(codes, ids, strict=True)))
    found: dict[str, str] = {}
    for code, enterprise_id in zip(codes, ids, strict=True):
        if holders[code] == 1:
            found.setdefault(enterprise_id, code)
    return found


def _newest(lake: Lake, table: str) -> pa.Table | None:
    nights = lake.nights("validation", table)
    return lake.read("validation", table, nights[-1]) if nights else None
