"""Rounds of surveys: replaced whole where a night speaks of them, untouched elsewhere, gone with their contract."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kcn_pipeline.warehouse import read_decisions, schema
from kcn_pipeline.warehouse.digest import compute_digest
from kcn_pipeline.warehouse.errors import WarehouseError
from kcn_pipeline.warehouse.publish import NightBatch, publish_night
from kcn_pipeline.warehouse.surveys import ROUND_TABLES, RoundSlice, SurveyBatch
from kcn_pipeline_tests.warehouse.batches import (
    FIRST,
    SECOND,
    THIRD,
    answered,
    as_arrow,
    assessment,
    bare,
    batch,
    dimensions,
    rating,
    remark,
    statistic,
    survey_round,
    surveys,
)
from kcn_pipeline_tests.warehouse.databases import BOTH_THOUGH_ONE_SLOWLY
from kcn_pipeline_tests.warehouse.published import plan, read, refuse

ONE, TWO = ("indicator_set", "2026-1"), ("indicator_set", "2026-2")
SECOND_ROUND: dict[str, Any] = {"round_code": "2026-2"}


def night(name: str, held: SurveyBatch, **fields: Any) -> NightBatch:
    return bare(name, surveys=held, **fields)


def ratings(*rows: dict[str, Any], rounds: Any = (ONE,)) -> SurveyBatch:
    return SurveyBatch({"fct_indicator_rating": RoundSlice(rows, rounds)})


# ---- rounds ----------------------------------------------------------------------------------------------------------


def test_a_round_is_replaced_whole(warehouse_url: str) -> None:
    """What the newer night no longer has of a round goes; other rounds stay."""
    first = [rating("MG01"), rating("SO01"), rating("MG01", **SECOND_ROUND)]
    publish_night(warehouse_url, night(FIRST, ratings(*first, rounds=[ONE, TWO])))
    second = [rating("MG01", mean=3.9), rating("MG01", "QUE_VO", None)]
    change = publish_night(warehouse_url, night(SECOND, ratings(*second))).changes["fct_indicator_rating"]
    rows = read(warehouse_url, schema.fct_indicator_rating)
    assert [(r["round_code"], r["indicator_code"], r["area_code"], r["mean"], r["conf_status"]) for r in rows] == [
        ("2026-1", "MG01", "BN", 3.9, "F"),
        ("2026-1", "MG01", "QUE_VO", None, "C"),
        ("2026-2", "MG01", "BN", 4.2, "F"),
    ]
    assert (change.rows, change.written, change.deleted) == (2, 2, 1)


def test_a_round_that_became_empty_is_emptied(warehouse_url: str) -> None:
    publish_night(warehouse_url, night(FIRST, surveys()))
    empty = SurveyBatch({name: RoundSlice((), [ONE]) for name in ROUND_TABLES})
    publish_night(warehouse_url, night(SECOND, empty))
    assert [read(warehouse_url, table) for table in ROUND_TABLES.values()] == [[]] * 5


def test_a_night_without_surveys_leaves_them(sqlite_url: str) -> None:
    publish_night(sqlite_url, batch())
    digest = compute_digest(sqlite_url)
    published = publish_night(sqlite_url, batch(SECOND, surveys=SurveyBatch()))
    assert compute_digest(sqlite_url) == digest
    assert not {*ROUND_TABLES} & {*published.changes}


def test_a_round_that_contracts_no_longer_name_takes_its_facts_with_it(warehouse_url: str) -> None:
    publish_night(warehouse_url, night(FIRST, surveys()))
    publish_night(warehouse_url, night(SECOND, surveys("2026-2")))
    only = {"dim_survey": [survey_round("2026-2")]}
    publish_night(warehouse_url, night(THIRD, SurveyBatch(), tables=only))
    for table in ROUND_TABLES.values():
        assert {row["round_code"] for row in read(warehouse_url, table)} == {"2026-2"}, table.name


def test_a_comment_keeps_its_words(warehouse_url: str) -> None:
    texts = ["=HYPERLINK(1)", "Khó thu thập; gọi [số điện thoại]", "dòng 1\ndòng 2"]
    remarks = [remark(number, text) for number, text in enumerate(texts, start=1)]
    publish_night(warehouse_url, night(FIRST, SurveyBatch({"fct_indicator_comment": RoundSlice(remarks, [ONE])})))
    assert [row["comment"] for row in read(warehouse_url, schema.fct_indicator_comment)] == texts


# ---- any number of attempts ------------------------------------------------------------------------------------------


@BOTH_THOUGH_ONE_SLOWLY
def test_random_attempts_end_as_the_last_of_each_round(warehouse_url: str, tmp_path: Path) -> None:
    """Nights come in any order and again; every round ends as the last batch that spoke of it said."""
    dice = random.Random(11)
    said: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for name in [FIRST, *dice.choices([FIRST, SECOND, THIRD], k=8)]:
        rounds = dice.sample([ONE, TWO], dice.randint(1, 2))
        for one in rounds:
            codes = [code for code in ("MG01", "SO01") if dice.random() < 0.7]
            said[one] = [rating(code, mean=dice.uniform(1, 5), round_code=one[1]) for code in codes]
        rows = [row for one in rounds for row in said[one]]
        publish_night(warehouse_url, night(name, ratings(*rows, rounds=rounds)))
    at_once = f"sqlite:///{tmp_path / 'at_once.db'}"
    every = [row for rows in said.values() for row in rows]
    publish_night(at_once, night(FIRST, ratings(*every, rounds=[*said])))
    assert read(warehouse_url, schema.fct_indicator_rating) == read(at_once, schema.fct_indicator_rating)
    assert compute_digest(warehouse_url) == compute_digest(at_once)


def test_both_databases_and_both_kinds_of_rows_hold_the_same(sqlite_url: str, postgres_url: str) -> None:
    publish_night(sqlite_url, batch())
    arrow = {name: RoundSlice(as_arrow(held.rows), held.rounds) for name, held in surveys().rounds.items()}  # type: ignore[arg-type]
    publish_night(postgres_url, batch(surveys=SurveyBatch(arrow)))
    assert compute_digest(sqlite_url) == compute_digest(postgres_url)
    for table in (schema.dim_survey, *ROUND_TABLES.values()):
        assert read(sqlite_url, table) == read(postgres_url, table) != []


# ---- what is refused -------------------------------------------------------------------------------------------------

BROKEN: dict[str, tuple[Callable[[], SurveyBatch], str]] = {
    "a round that is not spoken of": (
        lambda: ratings(rating("MG01", **SECOND_ROUND)),
        "fct_indicator_rating: 1 rows of the batch lie outside the scope",
    ),
    "a round that is not in the contracts": (
        lambda: ratings(rating("MG01", round_code="1999-1"), rounds=[("indicator_set", "1999-1")]),
        "fct_indicator_rating: rounds that are not in dim_survey: indicator_set 1999-1",
    ),
    "an indicator that is not in the catalog": (
        lambda: SurveyBatch({"fct_indicator_assessment": RoundSlice([assessment("XX99")], [ONE])}),
        "fct_indicator_assessment.indicator_code.*XX99",
    ),
    "an area that nobody knows": (
        lambda: SurveyBatch({"fct_survey_response": RoundSlice([answered("NOWHERE")], [ONE])}),
        "fct_survey_response.area_code.*NOWHERE",
    ),
    "a key of a respondent": (
        lambda: ratings(rating("MG01") | {"respondent_key": "0" * 32}),
        r"fct_indicator_rating: .* has unknown columns \['respondent_key'\]",
    ),
    "an assessment twice": (
        lambda: SurveyBatch({"fct_indicator_assessment": RoundSlice([assessment("MG01")] * 2, [ONE])}),
        "the key .*MG01.* occurs more than once",
    ),
    "a statistic that is not a number": (
        lambda: SurveyBatch({"fct_survey_statistic": RoundSlice([statistic(kendall_w=float("nan"))], [ONE])}),
        "fct_survey_statistic.kendall_w is not finite",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_batch_is_refused(first_night_url: str, case: str) -> None:
    held, message = BROKEN[case]
    refuse(first_night_url, night(SECOND, held()), message)


def test_a_batch_names_its_round_tables_correctly() -> None:
    with pytest.raises(ValueError, match=r"no rounds of \['fct_indicator_value'\]"):
        SurveyBatch({"fct_indicator_value": RoundSlice([], [])})


def test_no_table_has_room_for_a_respondent() -> None:
    names = {column.name for table in schema.metadata.tables.values() for column in table.columns}
    assert not {name for name in names if name in ("respondent_key", "response_id", "version_key")}


# ---- cost ------------------------------------------------------------------------------------------------------------


def test_replacing_a_round_reads_no_other_round(sqlite_url: str) -> None:
    """Deleting, merging and counting find a round by the key; years of rounds cost nothing."""
    publish_night(sqlite_url, batch())
    steps = plan(sqlite_url, batch(SECOND), ROUND_TABLES, ("DELETE", "INSERT"))
    assert len(steps) >= len(ROUND_TABLES)
    assert [step for step in steps if step.startswith("SCAN")] == []


# ---- decisions -------------------------------------------------------------------------------------------------------


def test_decisions_are_those_of_the_newest_assessed_round(warehouse_url: str) -> None:
    publish_night(warehouse_url, night("2026-02-14", surveys(), tables=dimensions()))
    found = read_decisions(warehouse_url)
    assert (found.survey_id, found.round_code, found.is_closed) == ("indicator_set", "2026-1", True)
    assert [(one.indicator_code, one.verdict, one.status_now, one.status_next) for one in found.decisions] == [
        ("MG01", "keep", "pilot", "adopted"),
        ("SO01", "drop", "pilot", "retired"),
    ]
    publish_night(warehouse_url, night("2026-02-15", surveys("2026-2"), tables=dimensions()))
    assert (read_decisions(warehouse_url).round_code, read_decisions(warehouse_url).is_closed) == ("2026-2", False)
    assert read_decisions(warehouse_url, round_code="2026-1").round_code == "2026-1"


def test_decisions_need_an_assessed_round(sqlite_url: str) -> None:
    publish_night(sqlite_url, night(FIRST, SurveyBatch()))
    with pytest.raises(WarehouseError, match="no assessed survey round; land the answers"):
        read_decisions(sqlite_url)
    with pytest.raises(WarehouseError, match="no assessed round satisfaction 2026"):
        read_decisions(sqlite_url, "satisfaction", "2026")
