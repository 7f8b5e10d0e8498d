"""One round judged: which submissions count, as what, with which flags, and what becomes of their answers.

It must not write nor word a finding. The surprising fact: a refused response replaces nobody, so an enterprise that
sends an unusable second form keeps its first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.ratings import Thresholds
from kcn_pipeline.contracts.surveys import Round, Survey
from kcn_pipeline.engine import Engine
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.validation.staged import set_column
from kcn_pipeline.validation.survey import answers, invitations, rules, standings, versions
from kcn_pipeline.validation.survey.respondents import Register

#: Submissions of a round of which no version counts; one row is one of them, with the rule that it breaks.
REFUSED_TABLE = "survey_refused"
REFUSED = pa.schema(
    [(name, pa.string()) for name in ("response_id", "version_key", "survey_id", "round_code")]
    + [(name, pa.string()) for name in ("respondent_type", "park_code", "rule")]
)


@dataclass(frozen=True)
class Held:
    """A round as the lake has it: its part, which rows of `p` are its own, and what the contracts say.

    `round` is None for all that is in no round, which may lie in several parts. `invited` are the keys of those on the
    lists of the round, by type of respondent; of a type without a list there is nothing.
    """

    parts: tuple[str, ...]
    where: str
    survey: Survey | None = None
    round: Round | None = None
    invited: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def thresholds(self, contracts: Contracts) -> Thresholds:
        """Those that hold on the round's last day."""
        ratings = contracts.ratings
        return ratings.thresholds_on(self.round.closes_on) if self.round else ratings.thresholds


@dataclass(frozen=True)
class JudgedRound:
    """The rows that speak, by submission, with what was found out; `rules` says of each why it does not count.

    `responses` has the columns of the contract (standing, flags and the register's park filled in where it counts) and
    `n_given`, `n_counted`, `n_usable`, `n_scored`. `differs` are the questions in which the second typing of a paper
    form differs, by row; `tied` by row that counts those of the same respondent and moment that answer otherwise.
    """

    responses: pa.Table
    rules: list[str | None]
    thresholds: Thresholds
    slices: list[answers.Slice]
    bad_questions: dict[str, str]
    differs: dict[int, list[str]]
    tied: dict[int, list[int]]

    def accepted(self, schema: pa.Schema) -> pa.Table:
        """The responses that count, are superseded or deleted, with the one key of their respondents."""
        mask = pa.array(np.array([rule is None for rule in self.rules], dtype=bool))
        rows = set_column(self.responses, "respondent_key", self.responses.column("who"))
        return rows.filter(mask).select(schema.names).cast(schema)

    def refused(self) -> pa.Table:
        """The submissions that do not count, with the register's park where it is known.

        Without those that their file left out since: whoever corrects a file does not want them counted as refused.
        """
        parks = pc.coalesce(self.responses.column("enterprise_park_code"), self.responses.column("park_code"))
        rows = set_column(self.responses, "park_code", parks)
        rows = rows.append_column("rule", pa.array(self.rules, pa.string()))
        is_refused = pc.and_not(rows.column("rule").is_valid(), rows.column("left_night").is_valid())
        return rows.filter(is_refused).select(REFUSED.names).cast(REFUSED)


def judge_round(
    engine: Engine, lake: Lake, contracts: Contracts, register: Register, held: Held, night: str
) -> JudgedRound:
    """Judge all submissions of a round; needs `open_versions`."""
    thresholds = held.thresholds(contracts)
    rows = versions.read_speaking(engine, held.where)
    slices = [one for part in held.parts for one in answers.read_slices(lake, part, rows)]
    answers.open_answers(engine, "answers", slices)
    rows = _with_sums(engine, rows)
    rows = rules.settle_parks(invitations.with_invited(_with_register(rows, register), held.invited))
    flags = rules.find_flags(rows, thresholds)
    for name, has_flag in flags.items():
        rows = rows.append_column(name, pa.array(has_flag))
    frame = rules.Frame(held.survey, held.round.round if held.round else None, thresholds)
    broken = rules.find_broken(contracts, frame, rows, night)
    if held.round is None:
        broken = [rule or "no_round" for rule in broken]
    broken = _without_second_entries(rows, broken)
    bad = answers.find_bad_questions(engine, contracts, held.survey) if held.survey and slices else {}
    differs = _compare_entries(engine, lake, held, rows, night)
    rows = set_column(rows, "flags", _listed(flags, rows.num_rows))
    found = standings.find_standings(engine, rows, broken)
    tied = standings.find_differing(engine, found, night)
    answers.close_answers(engine)
    return JudgedRound(found.rows, broken, thresholds, slices, bad, differs, tied)


def _without_second_entries(rows: pa.Table, broken: Sequence[str | None]) -> list[str | None]:
    """The rules broken, where a second entry that speaks breaks one: no first entry of its form ever came."""
    entries = rows.column("entry").to_pylist()
    return [rule or ("second_entry_alone" if entry == "second" else None)
            for rule, entry in zip(broken, entries, strict=True)]  # fmt: skip


def _with_sums(engine: Engine, rows: pa.Table) -> pa.Table:
    sums = answers.sum_by_response(engine, rows.num_rows)
    for name in sums.column_names:
        rows = rows.append_column(name, sums.column(name))
    return rows


def _with_register(rows: pa.Table, register: Register) -> pa.Table:
    """The rows with `is_known` (null for those whom no register holds), `who` answered and the register's park.

    `who` is the key to which all keys of one respondent come.
    """
    days = [at.date() if at else None for at in rows.column("submitted_at").to_pylist()]
    keys = rows.column("respondent_key").to_pylist()
    known = register.find_all(rows.column("respondent_type").to_pylist(), keys, days)
    parks = pa.array([one.park_code if one else None for one in known], pa.string())
    who = pa.array([one.key if one else key for one, key in zip(known, keys, strict=True)], pa.string())
    rows = rows.append_column("is_known", pa.array([one.is_known if one else None for one in known], pa.bool_()))
    return set_column(rows, "enterprise_park_code", parks).append_column("who", who)


def _listed(flags: dict[str, np.ndarray], count: int) -> pa.Array:
    """The flags of each row, by commas; null for none."""
    names = [",".join(name for name in flags if flags[name][row]) for row in range(count)]
    return pa.array([name or None for name in names], pa.string())


def _compare_entries(engine: Engine, lake: Lake, held: Held, rows: pa.Table, night: str) -> dict[int, list[str]]:
    """By row the questions that the second typing of its paper form answers otherwise; rows that the night brought.

    Either typing may be the one that came tonight.
    """
    seconds = versions.read_second_entries(engine, held.where)
    if not seconds.num_rows or held.round is None:
        return {}
    places = {response_id: number for number, response_id in enumerate(rows.column("response_id").to_pylist())}
    nights = rows.column("_night").to_pylist()
    pairs = [
        (places[row["response_id"]], number)
        for number, row in enumerate(seconds.select(["response_id", "_night"]).to_pylist())
        if row["response_id"] in places and night in (row["_night"], nights[places[row["response_id"]]])
    ]
    twice = pa.table({"response": [first for first, _ in pairs], "second": [second for _, second in pairs]})
    engine.register("twice", twice.cast(pa.schema([("response", pa.int32()), ("second", pa.int32())])))
    second_slices = [one for part in held.parts for one in answers.read_slices(lake, part, seconds)]
    answers.open_answers(engine, "second_answers", second_slices)
    found: dict[int, list[str]] = {}
    for row in engine.query(answers.COMPARED).to_pylist():
        found.setdefault(row["response"], []).append(row["question"])
    return found


def is_as_stored(lake: Lake, contracts: Contracts, part: str, judged: JudgedRound) -> bool:
    """Whether the lake's newest word on the round is what was found now."""
    schema = schema_of(contracts.tables[versions.RESPONSES])
    pairs = [(versions.RESPONSES, judged.accepted(schema)), (REFUSED_TABLE, judged.refused())]
    return all(is_newest(lake, table, part, rows) for table, rows in pairs)


def is_newest(lake: Lake, table: str, part: str, rows: pa.Table) -> bool:
    """Whether the newest slice of a part holds exactly these rows."""
    stored = lake.slices("validation", table, parts=[part])[-1:]
    if not stored:
        return rows.num_rows == 0
    found = lake.read_slice(stored[0], rows.schema.names)
    return found.schema.names == rows.schema.names and bool(found.cast(rows.schema).equals(rows))
