"""Who was invited, answered, answered again, was deleted or refused: per kind of respondent and area of one round.

It must not count an answer. The surprising fact: the rate is of the invited alone; an enterprise that answers without
having been asked is welcome and counted, but cannot make up for one that was asked and did not.
"""

from collections import defaultdict
from collections.abc import Iterator

import pyarrow as pa

from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.surveys.answers import CURRENT, INVITATIONS_TABLE, REFUSED_TABLE, newest_slice
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
    """Make `refused` (submissions of the open round of which no version counts) and `invited` readable."""
    part = round_part(*held)
    engine.register_slices("refused", newest_slice(lake, REFUSED_TABLE, part), _REFUSED)
    engine.register_slices("all_invited", newest_slice(lake, INVITATIONS_TABLE, part), _INVITED)
    engine.materialize(
        "invited",
        f"""
        SELECT i.respondent_type, i.respondent_key, COALESCE(MAX(i.park_code), MAX(r.park_code)) AS park_code,
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


def rate_responses(engine: Engine, held: Round, province: str) -> Iterator[Row]:
    """The rows of `survey_rates` of the open round."""
    counts: dict[tuple[str, str | None], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in engine.query(_RECEIVED).to_pylist():
        counts[row["respondent_type"], row["park_code"]][row["what"]] += row["n"]
    for row in engine.query(_INVITATIONS).to_pylist():
        told = counts[row["respondent_type"], row["park_code"]]
        told["n_invited"], told["n_answered"] = row["n"], row["n_answered"]
    for respondent_type in sorted({kind for kind, _ in counts}):
        parks = {park: told for (kind, park), told in counts.items() if kind == respondent_type}
        is_invited = any("n_invited" in told for told in parks.values())
        names = {name for told in parks.values() for name in told}
        everybody = {name: sum(told.get(name, 0) for told in parks.values()) for name in names}
        areas = [("province", province, everybody)]
        areas += [("park", park, parks[park]) for park in sorted(filter(None, parks))]
        for level, area_code, told in areas:
            key = {"survey_id": held[0], "round_code": held[1], "respondent_type": respondent_type}
            yield {**key, "level": level, "area_code": area_code, **_tell(told, is_invited)}


def _tell(told: dict[str, int], is_invited: bool) -> Row:
    row: Row = {name: told.get(name, 0) for name in _COUNTS}
    row["n_received"] = sum(row[name] for name in _COUNTS if name != "n_flagged")
    invited = told.get("n_invited", 0)
    row["n_invited"] = invited if is_invited else None
    row["response_rate_pct"] = 100 * told.get("n_answered", 0) / invited if invited else None
    return row
