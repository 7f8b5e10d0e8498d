"""One night of surveys validated: the rounds it touches are judged anew from all nights and written whole.

It must not hold a rule. The surprising fact: a night that brings no response may still change rounds: a listing without
a submission deletes it, a register with a new enterprise lets its response in, and so does a new list of invitations.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.engine import Engine
from kcn_pipeline.findings import Finding, Place, tabulate_findings
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.validation.judge import is_well_formed
from kcn_pipeline.validation.outcomes import ConservationError, TableResult
from kcn_pipeline.validation.results import nothing_new
from kcn_pipeline.validation.survey import answers, invitations, judged, told, versions
from kcn_pipeline.validation.survey.outcomes import Tally, outcomes_of
from kcn_pipeline.validation.survey.respondents import Register
from kcn_pipeline.validation.survey.versions import part_of

RESPONSES, ANSWERS, LISTINGS, INVITATIONS = versions.RESPONSES, versions.ANSWERS, versions.LISTINGS, invitations.TABLE
REFUSED_TABLE = judged.REFUSED_TABLE
_REGISTER = "register_enterprises"


@dataclass
class _Night:
    """What a night adds up to, by table; `files` are those that it brought, by key."""

    tallies: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in (RESPONSES, ANSWERS)})
    found: dict[str, list[Finding]] = field(default_factory=lambda: {RESPONSES: [], ANSWERS: [], LISTINGS: []})
    quarantine: dict[str, list[pa.Table]] = field(default_factory=lambda: {RESPONSES: [], ANSWERS: []})
    states: dict[str, dict[str, pa.Table]] = field(default_factory=lambda: {RESPONSES: {}, REFUSED_TABLE: {}})
    files: dict[str, Place] = field(default_factory=dict)


@dataclass(frozen=True)
class _Listed:
    """Who is on the lists of every round, and the parts of the rounds whose lists the night may have changed."""

    invited: invitations.Invited
    changed: frozenset[str]


def validate_survey(
    lake: Lake, contracts: Contracts, night: str, secret: bytes
) -> tuple[dict[str, TableResult], list[pa.Table]]:
    """Judge the rounds that the night touches; write their state, the night's quarantine; return counts and findings.

    `validation/survey_responses`, `survey_answers`, `survey_invitations` and `survey_refused` hold a round's whole
    state in the newest slice of its part. `secret` is what staging hashed respondents with. Raises ConservationError.
    """
    if not _has_anything(lake, night):
        tables = contracts.topic_tables("survey")
        return {table.table: nothing_new(lake, table, night, stored=0) for table in tables}, []
    register = Register(lake, secret)
    with Engine() as engine:
        # The lists first: of a round that has one they decide whose answers count.
        listed, lists, told_of_lists = _validate_invitations(engine, lake, contracts, night, register)
        results, found = _validate_responses(engine, lake, contracts, night, register, listed)
    return {**results, INVITATIONS: lists}, [*found, told_of_lists]


def _has_anything(lake: Lake, night: str) -> bool:
    """Whether the night, or an earlier run of it, has anything that can change a round."""
    staged = any(lake.slices("staging", table, night) for table in (RESPONSES, ANSWERS, LISTINGS, INVITATIONS))
    before = any(lake.slices("validation", table, night) for table in (RESPONSES, INVITATIONS))
    surveyed = bool(lake.slices("staging", RESPONSES) or lake.slices("staging", INVITATIONS))
    return staged or before or (surveyed and bool(lake.slices("validation", _REGISTER, night)))


# ---- responses and answers -------------------------------------------------------------------------------------------


def _validate_responses(
    engine: Engine, lake: Lake, contracts: Contracts, night: str, register: Register, listed: _Listed
) -> tuple[dict[str, TableResult], list[pa.Table]]:
    versions.open_versions(engine, lake, contracts)
    done = _Night(files=versions.find_files(engine, night))
    done.tallies[RESPONSES].replaced = versions.count_replaced(engine, night)
    done.found[LISTINGS] += told.tell_missing(versions.count_missing(engine, night))
    rounds = _judge_rounds(engine, lake, contracts, night, register, listed, done)
    lake.replace("validation", ANSWERS, night, rounds, is_state=True)
    for table, parts in done.states.items():
        lake.replace("validation", table, night, parts, is_state=True)
    for table, refused in done.quarantine.items():
        rows = {WHOLE: pa.concat_tables(refused, promote_options="default")} if refused else {}
        lake.replace("quarantine", table, night, rows)
    findings = {name: tabulate_findings(contracts, some) for name, some in done.found.items()}
    done.tallies[LISTINGS] = Tally(accepted=lake.count("staging", LISTINGS, night))
    results = {name: _conclude(lake, contracts, night, name, done.tallies[name], findings[name]) for name in findings}
    return results, list(findings.values())


def _judge_rounds(
    engine: Engine, lake: Lake, contracts: Contracts, night: str, register: Register, listed: _Listed, done: _Night
) -> Iterator[tuple[str, pa.Table | Path]]:
    """The answers of every round that the night changes; all else is noted in `done`."""
    for held, is_touched in _held_rounds(engine, lake, contracts, night, listed):
        found = judged.judge_round(engine, lake, contracts, register, held, night)
        part = held.parts[0] if held.round else None
        if not is_touched and part and judged.is_as_stored(lake, contracts, part, found):
            continue
        split = _split(lake, contracts, held, found, night)
        _note(contracts, held, found, split, night, done)
        if held.round and part in listed.changed:
            done.found[RESPONSES] += told.tell_refused_before(found, held.round.round, night)
        if part:
            done.states[RESPONSES][part] = found.accepted(schema_of(contracts.tables[RESPONSES]))
            done.states[REFUSED_TABLE][part] = found.refused()
            yield part, split.accepted


def _held_rounds(
    engine: Engine, lake: Lake, contracts: Contracts, night: str, listed: _Listed
) -> list[tuple[judged.Held, bool]]:
    """What is looked at, and whether the night touches it for sure: rounds, and then all that it staged in no round."""
    staged = {part for table in (RESPONSES, ANSWERS) for part in lake.parts("staging", table, night)}
    before = {part for table in (RESPONSES, ANSWERS) for part in lake.parts("validation", table, night)}
    every = bool(lake.slices("validation", _REGISTER, night))
    met = versions.find_rounds_met(engine, night)
    rounds: list[tuple[judged.Held, bool]] = []
    for survey in contracts.surveys.values():
        for one in survey.rounds:
            part = part_of(survey, one)
            is_touched = part in staged | before
            if is_touched or every or part in listed.changed or (survey.survey, one.round) in met:
                where = f"p.survey_id = '{survey.survey}' AND p.round_code = '{one.round}'"
                invited = listed.invited.get((survey.survey, one.round), {})
                rounds.append((judged.Held((part,), where, survey, one, invited), is_touched))
    return [*rounds, *_held_outside(contracts, staged, night)]


def _held_outside(contracts: Contracts, staged: set[str], night: str) -> Iterator[tuple[judged.Held, bool]]:
    """What the night staged in no round that the contracts know."""
    known = {part_of(survey, one) for survey in contracts.surveys.values() for one in survey.rounds}
    if others := tuple(sorted(staged - known)):
        listed = ", ".join(f"'{part}'" for part in sorted({"", *known}))
        part = "COALESCE('round=' || p.survey_id || '.' || p.round_code, 'none')"
        yield judged.Held(others, f"p._night = '{night}' AND {part} NOT IN ({listed})"), True


def _split(lake: Lake, contracts: Contracts, held: judged.Held, found: judged.JudgedRound, night: str) -> answers.Split:
    ends = {}
    for name in found.bad_questions:
        if held.survey and (scale := answers.scale_of(contracts, held.survey, name)):
            ends[name] = (float(scale.min), float(scale.max))
    schema = schema_of(contracts.tables[ANSWERS])
    return answers.split_answers(lake, found.slices, found.rules, found.bad_questions, ends, night, schema)


def _note(
    contracts: Contracts, held: judged.Held, found: judged.JudgedRound, split: answers.Split, night: str, done: _Night
) -> None:
    """Note what the night brought to the round: quarantine, findings, counts."""
    _note_responses(contracts, found, night, done)
    done.found[RESPONSES] += told.tell_parkless(found, held.survey, night)
    done.found[ANSWERS] += told.tell_entries(found)
    tally = done.tallies[ANSWERS]
    tally.accepted += split.of_night
    tally.replaced += split.replaced
    for refused in split.refused:
        done.found[ANSWERS] += told.tell_answers(contracts, held.survey, refused)
        if refused.num_rows:
            written = told.with_answer_reasons(contracts, held.survey, refused)
            tally.quarantined += written.num_rows
            done.quarantine[ANSWERS].append(written)


def _note_responses(contracts: Contracts, found: judged.JudgedRound, night: str, done: _Night) -> None:
    done.found[RESPONSES] += [*told.tell_responses(found, night), *told.tell_ties(found)]
    done.found[RESPONSES] += told.tell_left_out(found, done.files, night)
    names = [column.name for column in contracts.tables[RESPONSES].columns]
    rows = found.responses.append_column("rule", pa.array(found.rules, pa.string()))
    tonight = rows.filter(pc.equal(rows.column("_night"), night))
    refused = tonight.filter(tonight.column("rule").is_valid())
    tally = done.tallies[RESPONSES]
    tally.accepted += tonight.num_rows - refused.num_rows
    newest = pc.max(tonight.column("submitted_at")).as_py()
    tally.newest = max(tally.newest, newest) if tally.newest and newest else tally.newest or newest
    for standing in ("superseded", "deleted"):
        tally.count(standing, pc.sum(pc.equal(rows.column("standing"), standing)).as_py() or 0)
    if refused.num_rows:
        said = [(row["rule"], told.say_response(row["rule"], row, found.thresholds)) for row in refused.to_pylist()]
        written = told.with_reasons(contracts, refused.select(names), said)
        tally.quarantined += written.num_rows
        tally.refusing |= {rule for rule, _ in said}
        done.quarantine[RESPONSES].append(written)


def _conclude(
    lake: Lake, contracts: Contracts, night: str, table: str, tally: Tally, findings: pa.Table
) -> TableResult:
    """The result of a table of the night; raises ConservationError when what was staged is not what was judged."""
    tally.staged = lake.count("staging", table, night)
    if tally.staged != tally.accepted + tally.replaced + tally.quarantined:
        raise ConservationError(table, tally.staged, tally.accepted + tally.replaced, tally.quarantined)
    contract = contracts.tables[table]
    head = lake.head("staging", table, night, rows=1)
    is_whole = head is None or is_well_formed(head, contract)
    checks = outcomes_of(tally, len(contract.columns), is_whole, findings)
    return TableResult(
        table, tally.staged, tally.accepted, tally.quarantined, tally.accepted, findings.num_rows, checks
    )


# ---- invitations -----------------------------------------------------------------------------------------------------


def _validate_invitations(
    engine: Engine, lake: Lake, contracts: Contracts, night: str, register: Register
) -> tuple[_Listed, TableResult, pa.Table]:
    """Judge all invitations; write the rounds whose list is another than before, and the night's quarantine."""
    invitations.open_invitations(engine, lake, contracts, register)
    rows = invitations.read_speaking(engine)
    broken, rows = invitations.find_broken(contracts, rows, night, register)
    schema = schema_of(contracts.tables[INVITATIONS])
    accepted = invitations.keep_accepted(rows, broken, schema)
    touched = {*lake.parts("staging", INVITATIONS, night), *lake.parts("validation", INVITATIONS, night)}
    states = {part: some for part, some in _by_round(contracts, accepted) if _is_to_write(lake, part, some, touched)}
    lake.replace("validation", INVITATIONS, night, states, is_state=True)
    refused = [
        (rule, row) for rule, row in zip(broken, rows.to_pylist(), strict=True) if rule and row["_night"] == night
    ]
    table = pa.Table.from_pylist([row for _, row in refused], schema=schema)
    said = [(rule, told.say_invitation(rule, row)) for rule, row in refused]
    kept = {WHOLE: told.with_reasons(contracts, table, said)} if refused else {}
    lake.replace("quarantine", INVITATIONS, night, kept)
    odd = told.tell_odd_lists(invitations.find_odd_lists(engine, night))
    findings = tabulate_findings(contracts, [*told.tell_invitations(refused), *odd])
    tally = Tally(quarantined=len(refused), replaced=invitations.count_replaced(engine, night))
    tally.accepted = pc.sum(pc.equal(accepted.column("_night"), night)).as_py() or 0
    listed = _Listed(invitations.list_invited(accepted), frozenset(states))
    return listed, _conclude(lake, contracts, night, INVITATIONS, tally, findings), findings


def _by_round(contracts: Contracts, accepted: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    for survey in contracts.surveys.values():
        for one in survey.rounds:
            is_survey = pc.equal(accepted.column("survey_id"), survey.survey)
            is_round = pc.equal(accepted.column("round_code"), one.round)
            yield part_of(survey, one), accepted.filter(pc.and_(is_survey, is_round))


def _is_to_write(lake: Lake, part: str, rows: pa.Table, touched: set[str]) -> bool:
    return part in touched or not judged.is_newest(lake, INVITATIONS, part, rows)
