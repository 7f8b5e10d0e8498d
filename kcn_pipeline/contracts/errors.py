"""The one exception of the contracts: every problem of a file at once, each with its place and what to do.

It must not know what any contract means; the loaders find the problems. The surprising fact: a contract is never loaded
in part, so the first run after an edit shows the whole list instead of one problem per run.

    ValueError
    └── ContractError      one or more `Problem`s in files that people edit (sources.yaml, tables, forms, indicators, …)
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a contract: the file, the key in it (empty for the file itself), and why, with the remedy."""

    file: str
    key: str
    reason: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.key, self.reason) if part)


class ContractError(ValueError):
    """A contract cannot be used; `problems` holds what is wrong, `str()` lists it one problem per line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)
