"""What a night refused, told as rows: of every rule the first ones, and how many more there were.

It must not judge a row. The surprising fact: without this bound one logger with a wrong clock, or one survey answered
in the wrong scale, would bring more rows in a night than the board's reports in ten years.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kcn_pipeline.findings import Finding, Place
from kcn_pipeline.lake import Lake

Row = dict[str, Any]

_ROWS_AT_A_TIME = 1_000


@dataclass(frozen=True)
class Refused:
    """Refused rows by table, as far as they are listed, and how many more each table and rule has."""

    rows: Mapping[str, list[Row]]
    left_out: Mapping[tuple[str, str], int]
    most: int

    @property
    def findings(self) -> list[Finding]:
        """One finding for each table and rule that is not listed whole."""
        return [
            Finding(
                "quarantine_shortened",
                "batch",
                table,
                Place(),
                field="_rules",
                value=rule,
                said={"expected": self.most, "found": count},
            )
            for (table, rule), count in sorted(self.left_out.items())
        ]


def list_refused(lake: Lake, tables: Iterable[str], night: str, most: int) -> Refused:
    """What some tables refused in the night, of each rule the first `most` rows."""
    rows: dict[str, list[Row]] = {}
    left_out: dict[tuple[str, str], int] = {}
    for table in tables:
        others: Counter[str] = Counter()
        rows[table] = list(_first_of_each_rule(lake, table, night, most, others))
        left_out |= {(table, rule): count for rule, count in others.items()}
    return Refused(rows, left_out, most)


def _first_of_each_rule(lake: Lake, table: str, night: str, most: int, left_out: Counter[str]) -> Iterator[Row]:
    """The first rows of every rule; the others are only counted, without becoming Python objects."""
    counted: Counter[str] = Counter()
    found = lake.read("quarantine", table, night)
    for batch in () if found is None else found.to_batches(max_chunksize=_ROWS_AT_A_TIME):
        rules = {each["values"]: each["counts"] for each in batch.column("_rules").value_counts().to_pylist()}
        if all(counted[rule] >= most for rule in rules):
            left_out.update(rules)
            continue
        for row in batch.to_pylist():
            counted[row["_rules"]] += 1
            if counted[row["_rules"]] <= most:
                yield row
            else:
                left_out[row["_rules"]] += 1
