"""Park names as people write them → the park's code.

It must not know a park (names are in `contracts/parks.yaml`). The surprising fact: forms give the park inside an
address, so the longest known name after the words `KCN` wins; a ward of the same name does not count.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.staging.vietnamese import canonical, clean, park_name_key

_MENTION = re.compile(r"\b(kcn|khu công nghiệp)\b")


@dataclass(frozen=True, eq=False)
class ParkNames:
    """The names of all parks, by comparison key."""

    contracts: Contracts

    @cached_property
    def _by_key(self) -> dict[str, str]:
        return {
            park_name_key(name): park.park_code
            for park in self.contracts.parks.values()
            for name in (park.name_vi, park.park_code.replace("_", " "), *park.spellings)
        }

    @cached_property
    def _longest_first(self) -> list[tuple[str, str]]:
        return sorted(self._by_key.items(), key=lambda item: -len(item[0]))

    def find(self, text: str) -> str | None:
        """The park a name or an address means, or None."""
        text = canonical(clean(text))
        key = park_name_key(text)
        if key in self._by_key:
            return self._by_key[key]
        mention = _MENTION.search(text.lower())
        if mention is None:
            return None
        named = f" {park_name_key(re.split('[,;]', text[mention.start() :])[0])} "
        return next((code for name, code in self._longest_first if f" {name} " in named), None)

    def mentions(self, text: str) -> bool:
        """Whether a text speaks of a park at all; an address of a street does not."""
        return bool(_MENTION.search(canonical(clean(text)).lower()))
