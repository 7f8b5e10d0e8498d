"""Who was invited, answered, answered again, was deleted or refused: per kind of respondent and area of one round.

It must not count an answer. The surprising fact: the rate is of the invited alone; an enterprise that answers without
having been asked is welcome and counted, but cannot make up for one that was asked and did not.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.surveys.answers import CURRENT, INVITATIONS_TABLE, REFUSED_TABLE, newest_slice
from kcn_pipeline.indicators.surveys.disclosure import CONFIDENTIAL, FREE, Crowd, Guests
from kcn_pipeline.indicators.surveys.ratings import Row
from kcn_pipeline.indicators.surveys.tables import Round, round_part
from kcn_pipeline.lake import Lake

#: The respondent type of refused responses that do not tell one.
UNKNOWN = "unknown"

_TEXT = pa.string()
_REFUSED = pa.schema([(name, _TEXT) for name in ("response_id", "respondent_type", "park_code")])
_INVITED = pa.schema([(name, _TEXT) for name in ("respondent_type", "respondent_key", "park_code")])
_COUNTS = ("n_current", "n_superseded", "n_deleted", "n_quarantined", "n_flagged")


def open_rates(engine: Engine, lake: Lake, held: Round) -> None:
    """Make `refused` (submissions of the open round of which no version counts) and `invited` readable.

    The park of an invited one is that of the list or the register: that of the answer would tell who answered.
    """
    part = round_part(*held)
    engine.register_slices("refused", newest_slice(lake, REFUSED_TABLE, part), _REFUSED)
    engine.register_slices("all_invited", newest_slice(lake, INVITATIONS_TABLE, part), _INVITED)
    engine.materialize(
        "invited",
        f"""
        SELECT i.respondent_type, i.respondent_key, MAX(i.park_code) AS park_code,
            COUNT(DISTINCT r.respondent_key) AS has_answered
        FROM all_invited AS i
        LEFT JOIN responses AS r ON r.respondent_type = i.respondent_type
            AND r.respondent_key = i.respondent_key AND r.standing = '{CURRENT}'
        GROUP BY i.respondent_type, i.respondent_key""",
    )


#: A submission counts once, by the best standing of its versions.
_RECEIVED = f"""
    SELECT respondent_type, park_code, what, COUNT(*) AS n FROM (
        SELECT v.respondent_type, v.park_code, 'n_' || v.standing AS what FROM (
            SELECT r.*, ROW_NUMBER() OVER (
                PARTITION BY response_id ORDER BY standing, submitted_at DESC NULLS LAST, version_key) AS place
            FROM responses AS r
        ) AS v WHERE v.place = 1
        UNION ALL
        SELECT COALESCE(respondent_type, '{UNKNOWN}'), park_code, 'n_quarantined' FROM refused
        UNION ALL
        SELECT respondent_type, park_code, 'n_flagged' FROM responses
        WHERE standing = '{CURRENT}' AND flags IS NOT NULL AND flags <> ''
    ) AS c
    GROUP BY respondent_type, park_code, what"""

_INVITATIONS = """
    SELECT respondent_type, park_code, COUNT(*) AS n, CAST(SUM(has_answered) AS BIGINT) AS n_answered
    FROM invited GROUP BY respondent_type, park_code"""


@dataclass(frozen=True)
class Turnout:
    """How many of one respondent type were invited and came: in each park, and `everybody` with those of no park."""

    parks: Mapping[str, Counter[str]]
    everybody: Counter[str]

    @property
    def is_listed(self) -> bool:
        """Whether there is a list of invited ones."""
        return "n_invited" in self.everybody

    @property
    def crowd(self) -> Crowd:
        """Those who count, and the invited where there is a list."""
        totals = self.everybody["n_invited"], self.everybody["n_answered"]
        guests = Guests(self._in_parks("n_invited"), self._in_parks("n_answered"), *totals)
        return Crowd(self._in_parks("n_current"), self.everybody["n_current"], guests if self.is_listed else None)

    def _in_parks(self, name: str) -> dict[str, int]:
        return {park: told[name] for park, told in self.parks.items()}


def count_turnouts(engine: Engine) -> dict[str, Turnout]:
    """Who was invited to the open round and who came, by respondent type."""
    counts: dict[str, dict[str | None, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for row in engine.query(_RECEIVED).to_pylist():
        counts[row["respondent_type"]][row["park_code"]][row["what"]] += row["n"]
    for row in engine.query(_INVITATIONS).to_pylist():
        counts[row["respondent_type"]][row["park_code"]].update(n_invited=row["n"], n_answered=row["n_answered"])
    found = {}
    for respondent_type, areas in sorted(counts.items()):
        everybody: Counter[str] = Counter()
        for told in areas.values():
            everybody.update(told)
        found[respondent_type] = Turnout({park: areas[park] for park in sorted(filter(None, areas))}, everybody)
    return found


def rate_responses(turnouts: Mapping[str, Turnout], held: Round, province: str, least: int) -> Iterator[Row]:
    """The rows of `survey_rates` of a round; of a park that fewer than `least` answered for, only the invited."""
    for respondent_type, turnout in turnouts.items():
        key = {"survey_id": held[0], "round_code": held[1], "respondent_type": respondent_type}
        everybody = _tell(turnout.everybody, turnout.is_listed)
        yield {**key, "level": "province", "area_code": province, **everybody, "conf_status": FREE}
        hidden = turnout.crowd.find_unshown(least)
        for park, counts in turnout.parks.items():
            told = _tell(counts, turnout.is_listed) | {"conf_status": FREE}
            if park in hidden:
                told = {"n_invited": told["n_invited"], "conf_status": CONFIDENTIAL}
            yield {**key, "level": "park", "area_code": park, **told}


def _tell(counts: Counter[str], is_listed: bool) -> Row:
    row: Row = {name: counts[name] for name in _COUNTS}
    row["n_received"] = sum(row[name] for name in _COUNTS if name != "n_flagged")
    invited = counts["n_invited"]
    row["n_invited"] = invited if is_listed else None
    row["response_rate_pct"] = 100 * counts["n_answered"] / invited if invited else None
    return row
