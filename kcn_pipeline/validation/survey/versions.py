"""Of every submission the one version that speaks: what its server holds, else the newest; and which of them are gone.

It must not judge a response. The surprising fact: it looks at all staged nights and never at an earlier result, so the
order in which nights are run decides nothing; neither does it undo what a file that was sent again left out.
"""

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.surveys import Round, Survey
from kcn_pipeline.engine import Engine
from kcn_pipeline.findings import Place
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

#: Versions of files by what they hold: one row is a payload's word on a round, with the night of the next such word.
#: Of several payloads of one name in one night the one that landed last is the newest. One that was cut off leaves
#: nothing out: what follows did not arrive.
_FILES = """
    SELECT f.file_key, f.survey_id, f.round_code, f._night, f.file_version,
        MIN(CASE WHEN f.is_cut = 0 THEN f._night END) OVER (
            PARTITION BY f.file_key, f.survey_id, f.round_code ORDER BY f._night, f.file_version
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS left_night
    FROM (
        SELECT DISTINCT v.file_key, v.survey_id, v.round_code, v._night, v.file_version, v.is_cut
        FROM (
            SELECT file_key, survey_id, round_code, _night, COALESCE(file_version, 1) AS file_version,
                MAX(CASE WHEN problem = 'row_cut' THEN 1 ELSE 0 END) OVER (
                    PARTITION BY file_key, _night, COALESCE(file_version, 1)) AS is_cut
            FROM staged_responses WHERE file_key IS NOT NULL
        ) AS v
        WHERE v.survey_id IS NOT NULL AND v.round_code IS NOT NULL
    ) AS f"""

#: Where and when a row came, the newest first; the later line before those above it.
NEWEST_FIRST = """{0}._night DESC, {1}
    {0}._source DESC, {0}._file DESC, {0}._payload DESC,
    LENGTH(COALESCE({0}._sheet, '')) DESC, COALESCE({0}._sheet, '') DESC, COALESCE({0}._line, 0) DESC"""

#: Staged rows with what decides among them. `left_night` is the night on which a newer version of its file replaced the
#: row; what a server holds no file can leave out. The times of all entries of a form in one workbook are the newest of
#: them, so that their lines decide.
_WEIGHED = """
    SELECT s.*, h.response_id IS NOT NULL AS is_held, h.approval AS held_approval, d.response_id IS NOT NULL AS is_gone,
        CASE WHEN h.version_key = s.version_key THEN 0 ELSE 1 END AS is_not_held,
        CASE WHEN s.entry = 'second' THEN 1 ELSE 0 END AS is_second,
        CASE WHEN s.problem = 'row_cut' THEN 1 ELSE 0 END AS is_cut,
        CASE WHEN h.response_id IS NULL THEN f.left_night END AS left_night,
        CASE WHEN h.response_id IS NULL AND f.left_night IS NOT NULL THEN 1 ELSE 0 END AS is_left,
        CASE WHEN s.entry IS NULL THEN m.first_night ELSE MAX(m.first_night) OVER entries END AS first_night,
        CASE WHEN s.entry IS NULL THEN s.moment ELSE MAX(s.moment) OVER entries END AS came_at
    FROM (
        SELECT r.*, COALESCE(r.ended_at, r.submitted_at, TIMESTAMP '1900-01-01 00:00:00') AS moment
        FROM staged_responses AS r
    ) AS s
    LEFT JOIN held AS h ON h.response_id = s.response_id
    LEFT JOIN deleted AS d ON d.response_id = s.response_id
    LEFT JOIN met AS m ON m.response_id = s.response_id AND m.version_key = s.version_key
    LEFT JOIN files AS f ON f.file_key = s.file_key AND f.survey_id = s.survey_id AND f.round_code = s.round_code
        AND f._night = s._night AND f.file_version = COALESCE(s.file_version, 1)
    WINDOW entries AS (PARTITION BY s.response_id, s.entry, s._night, s._source, s._payload)"""

#: Among copies and versions of one submission: what its file still holds; what is whole; the server's word before any
#: export's, which may be old; then the newest night; then what was not known before that night; then the order of time
#: and of files.
_BETTER_FIRST = "w.is_left, w.is_cut, w.is_not_held, " + NEWEST_FIRST.format("w", "w.first_night DESC, w.came_at DESC,")


def part_of(survey: Survey, held: Round) -> str:
    """The part of lake tables that holds a round, `round=indicator_set.2026-1`."""
    return f"round={survey.survey}.{held.round}"


def open_versions(engine: Engine, lake: Lake, contracts: Contracts) -> None:
    """Make all nights' responses readable as `placed`: one row is one staged row.

    `place` is 1 for the row that speaks for its submission, `entry_place` 1 for the one that speaks for its first or
    second typing. The approval is that of the newest listing where a server lists the submission. `is_deleted` where
    the server dropped the submission, or where files alone told it and leave it out since: `left_night`. A second entry
    speaks where files left out the first, in `first_left_night`.
    """
    responses, listings = contracts.tables[RESPONSES], contracts.tables[LISTINGS]
    engine.register_slices("staged_responses", lake.slices("staging", RESPONSES), schema_of(responses))
    engine.register_slices("listings", lake.slices("staging", LISTINGS), schema_of(listings))
    engine.materialize("held", _HELD)
    engine.materialize("deleted", _DELETED)
    engine.materialize("met", _MET)
    engine.materialize("files", _FILES)
    engine.materialize("placed", _placed([column.name for column in responses.columns]))


def _placed(names: list[str]) -> str:
    own = ", ".join(f'w."{name}"' for name in names if name != "approval")
    return f"""
        SELECT {own}, CASE WHEN w.is_held THEN w.held_approval ELSE w.approval END AS approval,
            w.is_gone OR w.is_left = 1 AS is_deleted, w.left_night,
            MAX(CASE WHEN w.entry = 'first' THEN w.left_night END) OVER (
                PARTITION BY w.response_id) AS first_left_night,
            ROW_NUMBER() OVER (PARTITION BY w.response_id ORDER BY w.is_left, w.is_second, {_BETTER_FIRST}) AS place,
            ROW_NUMBER() OVER (PARTITION BY w.response_id, w.is_second ORDER BY {_BETTER_FIRST}) AS entry_place
        FROM ({_WEIGHED}) AS w"""


def read_speaking(engine: Engine, where: str) -> pa.Table:
    """The rows that speak for their submissions, by submission; `where` chooses among the columns of `p`."""
    return engine.query(f"SELECT p.* FROM placed AS p WHERE p.place = 1 AND {where} ORDER BY p.response_id")


def read_second_entries(engine: Engine, where: str) -> pa.Table:
    """Of paper forms that were typed twice the rows of the second typing, where the first speaks."""
    return engine.query(f"""
        SELECT p.* FROM placed AS p
        WHERE p.entry = 'second' AND p.entry_place = 1 AND p.place > 1 AND p.left_night IS NULL AND {where}
        ORDER BY p.response_id""")


def find_rounds_met(engine: Engine, night: str) -> set[tuple[str, str]]:
    """Rounds with a submission that the night brought again, that is of a form which the night listed, or that a file
    told of before the night brought it anew."""
    found = engine.query(f"""
        SELECT DISTINCT p.survey_id, p.round_code
        FROM placed AS p
        JOIN (
            SELECT response_id FROM staged_responses WHERE _night = '{night}'
            UNION SELECT l.response_id FROM listings AS l
            JOIN (SELECT DISTINCT form_uid FROM listings WHERE _night = '{night}') AS f ON f.form_uid = l.form_uid
            UNION SELECT s.response_id FROM staged_responses AS s
            JOIN (SELECT * FROM files WHERE _night = '{night}') AS f
                ON f.file_key = s.file_key AND f.survey_id = s.survey_id AND f.round_code = s.round_code
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


def find_files(engine: Engine, night: str) -> dict[str, Place]:
    """The files that the night brought, by key; of several payloads of one name the one that landed last."""
    found = engine.query(f"""
        SELECT file_key, _source, _payload, _file FROM (
            SELECT s.*, ROW_NUMBER() OVER (
                PARTITION BY s.file_key ORDER BY COALESCE(s.file_version, 1) DESC, s._payload) AS place
            FROM staged_responses AS s WHERE s._night = '{night}' AND s.file_key IS NOT NULL
        ) AS f WHERE f.place = 1 ORDER BY file_key""")
    return {row["file_key"]: Place(row["_source"], row["_payload"], row["_file"]) for row in found.to_pylist()}
