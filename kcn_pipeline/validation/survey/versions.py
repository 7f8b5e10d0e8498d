"""Of every submission the one version that speaks: what its server holds, else the newest; and what was deleted there.

It must not judge a response. The surprising fact: it looks at all staged nights and never at an earlier result, so the
order in which nights are run decides nothing.
"""

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.surveys import Round, Survey
from kcn_pipeline.engine import Engine
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import schema_of

RESPONSES, ANSWERS, LISTINGS = "survey_responses", "survey_answers", "survey_listings"

#: What stands of a submission on the servers by the newest listing of each form; one row is one submission.
_HELD = """
    SELECT response_id, version_key, approval FROM (
        SELECT l.response_id, l.version_key, l.approval, ROW_NUMBER() OVER (
            PARTITION BY l.response_id
            ORDER BY l._night DESC, l._source, l._file DESC, COALESCE(l._line, 0) DESC) AS place
        FROM listings AS l
        JOIN (SELECT form_uid, MAX(_night) AS newest FROM listings GROUP BY form_uid) AS n
            ON n.form_uid = l.form_uid AND n.newest = l._night
    ) AS h WHERE h.place = 1"""

#: Submissions that a server once listed and that no form's newest listing has.
_DELETED = """
    SELECT DISTINCT l.response_id
    FROM listings AS l LEFT JOIN held AS h ON h.response_id = l.response_id
    WHERE h.response_id IS NULL"""

#: On which night a version was met first, as a row or in a listing.
_MET = """
    SELECT response_id, version_key, MIN(_night) AS first_night FROM (
        SELECT response_id, version_key, _night FROM staged_responses
        UNION ALL SELECT response_id, version_key, _night FROM listings
    ) AS m GROUP BY response_id, version_key"""

#: Among copies and versions of one submission: the server's word before any export's, which may be old; then the
#: newest night; then what was not known before that night; then the order of time and of files.
_BETTER_FIRST = """
    CASE WHEN h.version_key = s.version_key THEN 0 ELSE 1 END, s._night DESC, m.first_night DESC,
    COALESCE(s.ended_at, s.submitted_at, TIMESTAMP '1900-01-01 00:00:00') DESC,
    s._source DESC, s._file DESC, s._payload DESC, COALESCE(s._sheet, '') DESC, COALESCE(s._line, 0) DESC"""


def part_of(survey: Survey, held: Round) -> str:
    """The part of lake tables that holds a round, `round=indicator_set.2026-1`."""
    return f"round={survey.survey}.{held.round}"


def open_versions(engine: Engine, lake: Lake, contracts: Contracts) -> None:
    """Make all nights' responses readable as `placed`: one row is one staged row.

    `place` is 1 for the row that speaks for its submission, `entry_place` 1 for the one that speaks for its first or
    second typing. The approval is that of the newest listing where a server lists the submission.
    """
    responses, listings = contracts.tables[RESPONSES], contracts.tables[LISTINGS]
    engine.register_slices("staged_responses", lake.slices("staging", RESPONSES), schema_of(responses))
    engine.register_slices("listings", lake.slices("staging", LISTINGS), schema_of(listings))
    engine.materialize("held", _HELD)
    engine.materialize("deleted", _DELETED)
    engine.materialize("met", _MET)
    engine.materialize("placed", _placed(responses.key, [column.name for column in responses.columns]))


def _placed(key: tuple[str, ...], names: list[str]) -> str:
    own = ", ".join(f's."{name}"' for name in names if name != "approval")
    return f"""
        SELECT {own}, CASE WHEN h.response_id IS NULL THEN s.approval ELSE h.approval END AS approval,
            d.response_id IS NOT NULL AS is_deleted,
            ROW_NUMBER() OVER (PARTITION BY s.response_id
                ORDER BY CASE WHEN s.entry = 'second' THEN 1 ELSE 0 END, {_BETTER_FIRST}) AS place,
            ROW_NUMBER() OVER (PARTITION BY s.response_id, CASE WHEN s.entry = 'second' THEN 1 ELSE 0 END
                ORDER BY {_BETTER_FIRST}) AS entry_place
        FROM staged_responses AS s
        LEFT JOIN held AS h ON h.response_id = s.response_id
        LEFT JOIN deleted AS d ON d.response_id = s.response_id
        LEFT JOIN met AS m ON m.response_id = s.response_id AND m.version_key = s.version_key"""


def read_speaking(engine: Engine, where: str) -> pa.Table:
    """The rows that speak for their submissions, by submission; `where` chooses among the columns of `p`."""
    return engine.query(f"SELECT p.* FROM placed AS p WHERE p.place = 1 AND {where} ORDER BY p.response_id")


def read_second_entries(engine: Engine, where: str) -> pa.Table:
    """Of paper forms that were typed twice the rows of the second typing, where the first speaks."""
    return engine.query(f"""
        SELECT p.* FROM placed AS p
        WHERE p.entry = 'second' AND p.entry_place = 1 AND p.place > 1 AND {where} ORDER BY p.response_id""")


def find_rounds_met(engine: Engine, night: str) -> set[tuple[str, str]]:
    """Rounds with a submission that the night brought again, or that is of a form which the night listed."""
    found = engine.query(f"""
        SELECT DISTINCT p.survey_id, p.round_code
        FROM placed AS p
        JOIN (
            SELECT response_id FROM staged_responses WHERE _night = '{night}'
            UNION SELECT l.response_id FROM listings AS l
            JOIN (SELECT DISTINCT form_uid FROM listings WHERE _night = '{night}') AS f ON f.form_uid = l.form_uid
        ) AS t ON t.response_id = p.response_id
        WHERE p.survey_id IS NOT NULL AND p.round_code IS NOT NULL""")
    return set(zip(found.column("survey_id").to_pylist(), found.column("round_code").to_pylist(), strict=True))


def count_missing(engine: Engine, night: str) -> pa.Table:
    """Submissions that the night listed and of which the listed version never came, counted by form."""
    return engine.query(f"""
        SELECT l._source, l.form_uid, MIN(l._payload) AS _payload, MIN(l._file) AS _file, COUNT(*) AS n
        FROM listings AS l
        LEFT JOIN (SELECT DISTINCT response_id, version_key FROM staged_responses) AS s
            ON s.response_id = l.response_id AND s.version_key = l.version_key
        WHERE l._night = '{night}' AND s.response_id IS NULL
        GROUP BY l._source, l.form_uid ORDER BY l._source, l.form_uid""")


def count_replaced(engine: Engine, night: str) -> int:
    """How many of the night's rows do not speak for their submission."""
    found = engine.query(f"SELECT COUNT(*) AS n FROM placed AS p WHERE p._night = '{night}' AND p.place > 1")
    return int(found.column("n")[0].as_py())
