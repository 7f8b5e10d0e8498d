"""Compares what an installation made of surveys with the truth, and searches it for what must not be there."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kcn_pipeline_tests.end_to_end.differences import Row, find_differences
from kcn_pipeline_tests.end_to_end.installation import Installation
from kcn_pipeline_tests.simulate.surveys import tables

_KEYS = ("survey_id", "round_code", "indicator_code", "criterion", "respondent_type", "level", "area_code")
_WORDS = ("kendall_strength", "verdict", "rule", "previous_verdict", "catalog_version", "status_now", "status_next")
_EXACT = (*_WORDS, "conf_status", "is_legal", "is_cvr_met")


def wrong_ratings(installation: Installation, truth: Iterable[Row]) -> list[str]:
    """Ratings that are missing or other than the truth; of parks the truth holds necessity only."""
    rows = installation.query("SELECT * FROM fct_indicator_rating WHERE level = 'province' OR criterion = 'necessity'")
    return _compare(truth, rows, tables.RATINGS)


def wrong_statistics(installation: Installation, truth: Iterable[Row]) -> list[str]:
    """Statistics that are missing, too many, or other than the truth."""
    return _compare(truth, installation.query("SELECT * FROM fct_survey_statistic"), tables.STATISTICS)


def wrong_assessments(installation: Installation, truth: Iterable[Row]) -> list[str]:
    """Verdicts that are missing, too many, or other than the truth."""
    return _compare(truth, installation.query("SELECT * FROM fct_indicator_assessment"), tables.ASSESSMENTS)


def wrong_rates(installation: Installation, truth: Iterable[Row]) -> list[str]:
    """Response rates that are missing, too many, or other than the truth."""
    return _compare(truth, installation.query("SELECT * FROM fct_survey_response"), tables.RATES)


def wrong_comments(installation: Installation, truth: Iterable[Row]) -> list[str]:
    """Comments that are missing or too many; those that had to be masked are compared by their number only."""
    rows = installation.query("SELECT * FROM fct_indicator_comment")
    key = ("survey_id", "round_code", "indicator_code")
    found = Counter((*(row[name] for name in key), _shown(row["comment"])) for row in rows)
    wanted = Counter((*(row[name] for name in key), row["comment"]) for row in truth)
    return [f"missing: {one}" for one in wanted - found] + [f"too many: {one}" for one in found - wanted]


def _shown(comment: str) -> str:
    return "" if "***" in comment else comment


def _compare(truth: Iterable[Row], rows: Iterable[dict[str, Any]], header: Sequence[str]) -> list[str]:
    keys = tuple(name for name in header if name in _KEYS)
    exact = tuple(name for name in header if name in _EXACT)
    numbers = tuple(name for name in header if name not in (*keys, *exact))
    return find_differences(truth, rows, keys, numbers, exact)


# ---- what must be found nowhere --------------------------------------------------------------------------------------


#: Of longer patterns the engine forgets what it has learned, and takes a hundred times as long.
_AT_A_TIME = 200


def find_planted(installation: Installation, planted: Collection[str], said: Iterable[str] = ()) -> list[str]:
    """Where one of these texts stands outside the packs of landing: file and text. `said` is what commands printed."""
    wanted = [(one, *_spellings(one)) for one in planted]
    texts = list(_texts(installation, said))
    lines = {line for _, text in texts for line in text.split("\n")}
    if not _stands_in(lines, {way for ways in wanted for way in ways}):
        return []
    return [f"{place}: {ways[0]}" for place, text in texts for ways in wanted if any(way in text for way in ways)]


def _stands_in(lines: Collection[str], ways: Collection[str]) -> bool:
    """Whether any of thousands of ways to spell something is in a line; many at once, as one by one takes long."""
    assert not any("\n" in way for way in ways)
    held, ordered = pa.array(lines, pa.string()), sorted(ways)
    starts = range(0, len(ordered), _AT_A_TIME)
    patterns = ["|".join(map(re.escape, ordered[start : start + _AT_A_TIME])) for start in starts]
    return any(pc.any(pc.match_substring_regex(held, pattern)).as_py() for pattern in patterns)


def _spellings(text: str) -> tuple[str, ...]:
    """The text as it may stand in a file: composed, decomposed, and escaped in JSON, once and twice."""
    escaped = json.dumps(text)[1:-1]
    ways = {text, unicodedata.normalize("NFD", text), escaped, json.dumps(escaped)[1:-1]}
    if text.isdigit() and len(text) == 10:
        # Telephone numbers as people part them.
        ways |= {f"{text[:4]}{sign}{text[4:7]}{sign}{text[7:]}" for sign in " .-"}
        ways |= {f"+84{text[1:]}", f"84{text[1:]}"}
    return tuple(ways)


def _texts(installation: Installation, said: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Everything that was produced: what commands said, tables of the lake by their columns, other files by bytes."""
    for number, text in enumerate(said):
        yield f"said {number}", text
    for path in sorted(installation.data.rglob("*")):
        if path.is_file() and not _is_pack(path):
            place = str(path.relative_to(installation.data))
            yield (
                place,
                _column_texts(path) if path.suffix == ".parquet" else path.read_bytes().decode("utf-8", "ignore"),
            )


def _is_pack(path: Path) -> bool:
    return path.name.startswith("pack-") and "landing" in path.parts


def _column_texts(path: Path) -> str:
    """The distinct values of every column of a Parquet file, and its metadata."""
    table = pq.read_table(path, partitioning=None)
    texts = [str(table.schema), str(table.schema.metadata)]
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_nested(column.type):
            texts += map(str, column.to_pylist())
        else:
            texts += map(str, pc.unique(column).to_pylist())
    return "\n".join(texts)
