"""Who was invited to each round: the newest word of every list, by respondent, with the key and park of the register.

It must not compute a rate nor refuse a response. The surprising fact: a list that is sent again under its name replaces
what it said before of the same round, so that an enterprise invited by mistake can be taken off it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.surveys import Round
from kcn_pipeline.engine import Engine
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.validation.context import frame_of
from kcn_pipeline.validation.run import run_suite
from kcn_pipeline.validation.staged import set_column
from kcn_pipeline.validation.suites import Criterion, build_suite
from kcn_pipeline.validation.survey.respondents import Known, Register
from kcn_pipeline.validation.survey.rules import list_failures

TABLE = "survey_invitations"

#: One row is one staged row, `who` is the one key of its respondent, `is_newest` where its list still says it; `place`
#: is 1 for the one of its respondent. `register_park` is the register's, `is_lost` an enterprise that it lacks.
_PLACED = """
    SELECT i.*, r.who, r.register_park, r.is_lost, CASE WHEN i._night = n.newest THEN 1 ELSE 0 END AS is_newest,
        ROW_NUMBER() OVER (
            PARTITION BY CASE WHEN i._night = n.newest THEN 1 ELSE 0 END, i.survey_id, i.round_code,
                COALESCE(r.who,
                    i._payload || COALESCE(i._sheet, '') || CAST(COALESCE(i._line, 0) AS VARCHAR))
            ORDER BY CASE WHEN i.problem IS NULL THEN 0 ELSE 1 END, i._night DESC, i._source DESC, i._file DESC,
                i._payload DESC, COALESCE(i._sheet, ''), COALESCE(i._line, 0)) AS place
    FROM invitations AS i
    JOIN (
        SELECT list_key, survey_id, round_code, MAX(_night) AS newest FROM invitations
        GROUP BY list_key, survey_id, round_code
    ) AS n ON COALESCE(n.list_key, '') = COALESCE(i.list_key, '')
        AND COALESCE(n.survey_id, '') = COALESCE(i.survey_id, '')
        AND COALESCE(n.round_code, '') = COALESCE(i.round_code, '')
    LEFT JOIN invited_keys AS r ON r.respondent_key = i.respondent_key
        AND COALESCE(r.respondent_type, '') = COALESCE(i.respondent_type, '')
        AND COALESCE(r.survey_id, '') = COALESCE(i.survey_id, '')
        AND COALESCE(r.round_code, '') = COALESCE(i.round_code, '')"""
_KEYS = """
    SELECT DISTINCT survey_id, round_code, respondent_type, respondent_key FROM invitations
    WHERE respondent_key IS NOT NULL"""
_ORDER = "ORDER BY survey_id, round_code, who, _source, _file, _sheet, _line"


def open_invitations(engine: Engine, lake: Lake, contracts: Contracts, register: Register) -> None:
    """Make all nights' invitations readable as `placed_invitations`."""
    engine.register_slices("invitations", lake.slices("staging", TABLE), schema_of(contracts.tables[TABLE]))
    keys = engine.query(_KEYS)
    known = _look_up(contracts, keys, register)
    who = [one.key if one else key for one, key in zip(known, keys["respondent_key"].to_pylist(), strict=True)]
    keys = keys.append_column("who", pa.array(who, pa.string()))
    parks = pa.array([one.park_code if one else None for one in known], pa.string())
    is_lost = pa.array([one is not None and not one.is_known for one in known], pa.bool_())
    engine.register("invited_keys", keys.append_column("register_park", parks).append_column("is_lost", is_lost))
    engine.materialize("placed_invitations", _PLACED)


def read_speaking(engine: Engine) -> pa.Table:
    """The rows that speak for their respondents, of all rounds."""
    found = engine.query(f"SELECT p.* FROM placed_invitations AS p WHERE p.is_newest = 1 AND p.place = 1 {_ORDER}")
    return found.drop_columns(["register_park", "is_lost", "is_newest", "place"])


def count_replaced(engine: Engine, night: str) -> int:
    """How many of the night's rows do not speak: a newer list, or another row of the respondent, does."""
    found = engine.query(f"""
        SELECT COUNT(*) AS n FROM placed_invitations AS p
        WHERE p._night = '{night}' AND NOT (p.is_newest = 1 AND p.place = 1)""")
    return int(found.column("n")[0].as_py())


def find_broken(
    contracts: Contracts, rows: pa.Table, night: str, register: Register
) -> tuple[list[str | None], pa.Table]:
    """Of every invitation the first rule it breaks, and the invitations with the register's park where there is one.

    A park that nobody can read is no problem there.
    """
    known = _look_up(contracts, rows, register)
    parks = pa.array([one.park_code if one else None for one in known], pa.string())
    is_settled = pc.and_(pc.fill_null(pc.equal(rows.column("problem"), "unknown_park"), False), parks.is_valid())
    rows = set_column(rows, "problem", pc.if_else(is_settled, pa.scalar(None, pa.string()), rows.column("problem")))
    judged = rows.append_column("is_known", pa.array([one.is_known if one else None for one in known], pa.bool_()))
    judged = judged.append_column("is_round", pa.array([one is not None for one in _rounds_of(contracts, rows)]))
    broken: list[str | None] = [None] * rows.num_rows
    for rule, row in _failures(contracts, judged, night):
        broken[row] = broken[row] or rule
    return broken, set_column(rows, "park_code", pc.coalesce(parks, rows.column("park_code")))


def _look_up(contracts: Contracts, rows: pa.Table, register: Register) -> list[Known | None]:
    """What the register says of those invited, on the last day of their round."""
    days: list[date | None] = [one.closes_on if one else None for one in _rounds_of(contracts, rows)]
    return register.find_all(rows["respondent_type"].to_pylist(), rows["respondent_key"].to_pylist(), days)


def _rounds_of(contracts: Contracts, rows: pa.Table) -> list[Round | None]:
    """The round of every row; None where the contracts have none."""
    named = zip(rows["survey_id"].to_pylist(), rows["round_code"].to_pylist(), strict=True)
    surveys = [(contracts.surveys.get(survey_id or ""), round_code or "") for survey_id, round_code in named]
    return [survey.round(round_code) if survey else None for survey, round_code in surveys]


def _failures(contracts: Contracts, rows: pa.Table, night: str) -> Iterator[tuple[str, int]]:
    suite = build_suite(contracts.tables[TABLE], contracts.code_lists, night)
    criteria = [
        Criterion("unknown_round", "critical", "values", "ExpectColumnValuesToBeInSet",
                  {"column": "is_round", "value_set": [True]}, "round_code"),
        Criterion("list_enterprise_unknown", "critical", "values", "ExpectColumnValuesToBeInSet",
                  {"column": "is_known", "value_set": [True]}, "respondent_key"),
        *(one for one in suite if one.names_rule),
        *(one for one in suite if one.check == "values" and not one.names_rule),
    ]  # fmt: skip
    frame = frame_of(rows, [str(one.arguments["column"]) for one in criteria])
    return list_failures(contracts, rows, run_suite(TABLE, frame, criteria) if rows.num_rows else [])


def keep_accepted(rows: pa.Table, broken: list[str | None], schema: pa.Schema) -> pa.Table:
    """The invitations that break no rule, with the one key of their respondents."""
    mask = pa.array(np.array([rule is None for rule in broken], dtype=bool))
    rows = set_column(rows, "respondent_key", rows.column("who"))
    return rows.filter(mask).select(schema.names).cast(schema)


# ---- who may answer --------------------------------------------------------------------------------------------------

#: Survey and round → type of respondent → the keys of those invited; of a type without a list there is nothing.
Invited = Mapping[tuple[str, str], Mapping[str, frozenset[str]]]
_NAMED = ("survey_id", "round_code", "respondent_type", "respondent_key")


def list_invited(accepted: pa.Table) -> Invited:
    """Whom the accepted invitations name, by their one key."""
    found: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for survey_id, round_code, kind, key in zip(*(accepted.column(n).to_pylist() for n in _NAMED), strict=True):
        found[survey_id, round_code][kind].add(key)
    return {held: {kind: frozenset(keys) for kind, keys in kinds.items()} for held, kinds in found.items()}


def with_invited(responses: pa.Table, invited: Mapping[str, frozenset[str]]) -> pa.Table:
    """The responses with `is_invited`: whether `who` is on the lists of the round; null where none is of their type."""
    said = zip(responses.column("respondent_type").to_pylist(), responses.column("who").to_pylist(), strict=True)
    is_invited = [who in invited[kind] if who and kind in invited else None for kind, who in said]
    return responses.append_column("is_invited", pa.array(is_invited, pa.bool_()))


# ---- what is odd about the night's lists -----------------------------------------------------------------------------


class OddLists(NamedTuple):
    """Lists of a night by what is odd about them; one row is one list (and round, where it shrank) with `n` of it.

    repeated     it names a respondent more than once, by tax codes or sheets; `n` rows are too many
    shrunk       it was sent again without somebody; one row is a type of respondent, of whom `n` are on no list now
    differing    another row or list has another park of `n` respondents, and no register decides; `files` hold the rows
    not_register it has another park of `n` enterprises than the register
    """

    repeated: pa.Table
    shrunk: pa.Table
    differing: pa.Table
    not_register: pa.Table


def find_odd_lists(engine: Engine, night: str) -> OddLists:
    """What is odd about the lists that the night brought, whatever came after it; needs `open_invitations`."""
    engine.materialize("lists_now", _lists_at(f"<= '{night}'"))
    engine.materialize("lists_before", _lists_at(f"< '{night}'"))
    asked = (_REPEATED, _SHRUNK, _DIFFERING, _NOT_REGISTER)
    return OddLists(*(engine.query(sql.format(night=night)) for sql in asked))


def _lists_at(when: str) -> str:
    """Rows of the newest version of every list among some nights, of those whom a register knows or none holds."""
    return f"""
        SELECT p.*, COALESCE(p.list_key, '') AS list FROM placed_invitations AS p
        JOIN (
            SELECT list_key, survey_id, round_code, MAX(_night) AS newest FROM placed_invitations
            WHERE _night {when} GROUP BY list_key, survey_id, round_code
        ) AS n ON COALESCE(n.list_key, '') = COALESCE(p.list_key, '')
            AND n.survey_id = p.survey_id AND n.round_code = p.round_code AND n.newest = p._night
        WHERE p.who IS NOT NULL AND NOT p.is_lost"""


_LIST = "t._source, t._payload, t._file"
_REPEATED = """
    SELECT s._source, s._payload, s._file, SUM(s.n) - COUNT(*) AS n FROM (
        SELECT p._source, p._payload, p._file, p.survey_id, p.round_code, p.respondent_type, p.who, COUNT(*) AS n
        FROM placed_invitations AS p
        WHERE p._night = '{night}' AND p.who IS NOT NULL
        GROUP BY p._source, p._payload, p._file, p.survey_id, p.round_code, p.respondent_type, p.who
    ) AS s
    WHERE s.n > 1
    GROUP BY s._source, s._payload, s._file ORDER BY s._source, s._payload, s._file"""
#: The list as the night brought it need not have a row that can be used.
_SHRUNK = """
    SELECT t._source, t._payload, t._file, g.survey_id, g.round_code, g.respondent_type, COUNT(DISTINCT g.who) AS n
    FROM lists_before AS g
    JOIN (
        SELECT COALESCE(list_key, '') AS list, survey_id, round_code, MIN(_source) AS _source,
            MIN(_payload) AS _payload, MIN(_file) AS _file
        FROM invitations WHERE _night = '{night}' GROUP BY COALESCE(list_key, ''), survey_id, round_code
    ) AS t ON t.list = g.list AND t.survey_id = g.survey_id AND t.round_code = g.round_code
    LEFT JOIN lists_now AS l ON l.survey_id = g.survey_id AND l.round_code = g.round_code
        AND l.respondent_type = g.respondent_type AND l.who = g.who
    WHERE l.who IS NULL
    GROUP BY t._source, t._payload, t._file, g.survey_id, g.round_code, g.respondent_type
    ORDER BY t._source, t._payload, t._file, g.survey_id, g.round_code, g.respondent_type"""
_DIFFERING = f"""
    SELECT {_LIST}, COUNT(DISTINCT t.who) AS n, LIST(DISTINCT o._file ORDER BY o._file) AS files
    FROM lists_now AS t
    JOIN lists_now AS o ON o.survey_id = t.survey_id AND o.round_code = t.round_code
        AND o.respondent_type = t.respondent_type AND o.who = t.who AND o.park_code <> t.park_code
    WHERE t._night = '{{night}}' AND t.register_park IS NULL
    GROUP BY {_LIST} ORDER BY {_LIST}"""
_NOT_REGISTER = f"""
    SELECT {_LIST}, COUNT(DISTINCT t.who) AS n FROM lists_now AS t
    WHERE t._night = '{{night}}' AND t.park_code <> t.register_park
    GROUP BY {_LIST} ORDER BY {_LIST}"""
