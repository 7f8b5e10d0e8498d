"""The six checks of the tables of surveys.

It must not judge. The surprising fact: no check of a survey is ever an ERROR and no batch is refused; forty trial
responses before a survey opens are a good sign, and every row that is wrong stands in quarantine by itself.
"""

from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from kcn_pipeline.validation.checks import nothing_tonight, samples_of
from kcn_pipeline.validation.outcomes import CheckName, CheckOutcome
from kcn_pipeline.validation.suites import format_value
from kcn_pipeline.validation.survey.rules import FLAGS

_TOLD_BY_KEYS = {"double_entry_differs", "answers_same_moment", "response_left_out", "file_older_than_known"}
_TOLD_BY_VOLUME = {"listed_not_landed", "list_shrunk"}


@dataclass
class Tally:
    """What became of the rows that a night brought for one table: staged = accepted + replaced + quarantined.

    `others` are further counts for the keys' check: superseded, deleted, flagged responses of the rounds judged.
    `refusing` are the rules by which rows were quarantined; a flag may be one.
    """

    staged: int = 0
    accepted: int = 0
    replaced: int = 0
    quarantined: int = 0
    newest: datetime | None = None
    others: dict[str, int] = field(default_factory=dict)
    refusing: set[str] = field(default_factory=set)

    def count(self, name: str, more: int) -> None:
        """Add to one of the further counts."""
        self.others[name] = self.others.get(name, 0) + more


def outcomes_of(tally: Tally, columns: int, is_well_formed: bool, findings: pa.Table) -> tuple[CheckOutcome, ...]:
    """The checks of a table of the night."""
    if not tally.staged:
        return nothing_tonight()
    told = set(findings.column("rule").to_pylist())
    counts = {"rows": tally.staged, "accepted": tally.accepted, "replaced": tally.replaced}
    counts |= {"quarantined": tally.quarantined, "columns": columns, **tally.others}
    newest = format_value(tally.newest)
    in_keys, in_volume = told & _TOLD_BY_KEYS, told & _TOLD_BY_VOLUME
    values = told - in_keys - in_volume
    others = "".join(f"; {count} {name}" for name, count in sorted(tally.others.items()))
    return (
        _outcome(
            "columns", is_well_formed, counts, findings, set(),
            ("đủ {columns} cột", "all {columns} columns") if is_well_formed
            else ("thiếu cột hoặc sai kiểu", "columns are missing or of another type"),
        ),
        _outcome(
            "values", not values - (set(FLAGS) - tally.refusing), counts, findings, values,
            ("{quarantined} trên {rows} dòng bị cách ly", "{quarantined} of {rows} rows quarantined"),
        ),
        _outcome(
            "keys", not in_keys, counts, findings, in_keys,
            ("{replaced} dòng đã có bản khác thay" + others, "{replaced} rows replaced by another version" + others),
        ),
        _outcome("volume", not in_volume, counts, findings, in_volume, ("{rows} dòng", "{rows} rows")),
        _outcome(
            "recency", True, counts, findings, set(), (f"mới nhất {newest}", f"newest {newest}"),
        ),
        _outcome(
            "conservation", True, counts, findings, set(),
            ("{rows} dòng = {accepted} nhận + {replaced} đã thay + {quarantined} cách ly",
             "{rows} rows = {accepted} accepted + {replaced} replaced + {quarantined} quarantined"),
        ),
    )  # fmt: skip


def _outcome(
    name: CheckName, passed: bool, counts: dict[str, int], findings: pa.Table, rules: set[str], texts: tuple[str, str]
) -> CheckOutcome:
    vi, en = (text.format_map(counts) for text in texts)
    return CheckOutcome(name, passed, "WARN", counts, samples_of(findings, rules), vi, en)
