"""The answers of one round as SQL tables: the responses, those that count, numbered, and what these answered.

It must not compute a statistic. The surprising fact: the tables of a round are views of its newest slices, read anew by
every query; what is asked of each of millions of scores is asked in scores.py, as numbers.
"""

from pathlib import Path

import pyarrow as pa

from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.surveys.tables import Round, round_part
from kcn_pipeline.lake import Lake

RESPONSES_TABLE, ANSWERS_TABLE, INVITATIONS_TABLE = "survey_responses", "survey_answers", "survey_invitations"
#: Submissions of which no version counts.
REFUSED_TABLE = "survey_refused"
#: Accepted responses that count; others are superseded or deleted.
CURRENT = "current"

_TEXT = pa.string()
_RESPONSES = pa.schema(
    [
        ("response_id", _TEXT),
        ("version_key", _TEXT),
        ("respondent_type", _TEXT),
        ("respondent_key", _TEXT),
        ("park_code", _TEXT),
        ("enterprise_park_code", _TEXT),
        ("channel", _TEXT),
        ("form_version", _TEXT),
        ("submitted_at", pa.timestamp("us")),
        ("standing", _TEXT),
        ("flags", _TEXT),
    ]
)
_ANSWERS = pa.schema(
    [
        ("response_id", _TEXT),
        ("version_key", _TEXT),
        ("indicator_code", _TEXT),
        ("criterion", _TEXT),
        ("measure", _TEXT),
        ("score", pa.float64()),
        ("comment", _TEXT),
        ("problem", _TEXT),
    ]
)


def open_round(engine: Engine, lake: Lake, held: Round) -> None:
    """Make a round readable: `responses` (all standings), `rated` (those that count, numbered), `answers` of those.

    The park is that of the register for an enterprise, else the stated one.
    """
    part = round_part(*held)
    engine.register_slices("all_responses", newest_slice(lake, RESPONSES_TABLE, part), _RESPONSES)
    engine.register_slices("all_answers", newest_slice(lake, ANSWERS_TABLE, part), _ANSWERS)
    engine.materialize(
        "responses",
        """
        SELECT response_id, version_key, respondent_type, respondent_key, channel, form_version, submitted_at,
            standing, flags, COALESCE(enterprise_park_code, park_code) AS park_code
        FROM all_responses""",
    )
    engine.materialize(
        "rated",
        f"""
        SELECT ROW_NUMBER() OVER (ORDER BY response_id, version_key) AS respondent, r.*
        FROM responses AS r WHERE r.standing = '{CURRENT}'""",
    )
    engine.define(
        "answers",
        """
        SELECT r.respondent, r.respondent_type, r.respondent_key, r.park_code, r.channel, r.form_version,
            r.submitted_at, a.indicator_code, a.criterion, a.measure, a.score, a.comment
        FROM all_answers AS a
        JOIN rated AS r ON r.response_id = a.response_id AND r.version_key = a.version_key
        WHERE a.problem IS NULL""",
    )


def newest_slice(lake: Lake, table: str, part: str) -> list[Path]:
    """The slice that holds all accepted rows of a round; none where it was never judged."""
    return lake.slices("validation", table, parts=[part])[-1:]
