"""The scores of one round that count, as numbers: who gave which to which item; from them counts and matrices.

It must not compute a statistic nor keep a text for each answer. The surprising fact: a question left blank has no row,
so that it was asked at all is known only because somebody with the same form answered it; what a form did not ask
nobody has refused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.surveys.answers import ANSWERS_TABLE, newest_slice
from kcn_pipeline.indicators.surveys.tables import Round, round_part
from kcn_pipeline.lake import Lake

Numbers = npt.NDArray[Any]
#: indicator_code, criterion
Item = tuple[str, str]
#: respondent_type, park_code
Place = tuple[str, str | None]
#: respondent_type, park_code, channel, form_version
_Group = tuple[str, str | None, str, str]

#: What belongs to nobody or to no item.
_NONE = -1
_COLUMNS = ("response_id", "version_key", "indicator_code", "criterion", "score", "problem")
_RATED = """
    SELECT response_id, version_key, respondent_type, park_code, COALESCE(channel, '') AS channel,
        COALESCE(form_version, '') AS form_version
    FROM rated ORDER BY respondent"""


@dataclass(frozen=True)
class Scores:
    """The scores of a round, of each the number of its respondent, of its item and of its value.

    `groups` are the kinds of respondents there are and `group_of` the number of each respondent's.
    """

    items: Sequence[Item]
    values: Sequence[float]
    groups: Sequence[_Group]
    group_of: Numbers
    respondent: Numbers
    item: Numbers
    value: Numbers

    def counts(self) -> Numbers:
        """How often each score was given: item × group × value."""
        shape = (len(self.items), len(self.groups), len(self.values))
        places = (self.item.astype(np.int64) * shape[1] + self.group_of[self.respondent]) * shape[2] + self.value
        return np.bincount(places, minlength=shape[0] * shape[1] * shape[2]).reshape(shape)


def read_scores(engine: Engine, lake: Lake, held: Round, criteria: Iterable[str]) -> Scores:
    """The scores of the open round that were understood. Criteria that the survey no longer asks for are left out."""
    rated = engine.query(_RATED)
    slices = newest_slice(lake, ANSWERS_TABLE, round_part(*held))
    groups, group_of = _group(rated)
    answers = lake.read_narrow(slices[0], _COLUMNS) if slices else None
    if answers is None or not answers.num_rows:
        none = np.empty(0, np.int32)
        return Scores([], [], groups, group_of, none, none, none)
    respondent = _number_respondents(answers, rated)
    pair, names = _number_pairs(answers, set(criteria))
    counts = (respondent != _NONE) & (pair != _NONE) & answers.column("score").is_valid().to_numpy()
    if answers.column("problem").null_count < answers.num_rows:
        counts &= answers.column("problem").is_null().to_numpy()
    item, items = _ordered(pair[counts], names)
    encoded = answers.column("score").combine_chunks().filter(pa.array(counts)).dictionary_encode()
    value, values = _ordered(encoded.indices.to_numpy(), encoded.dictionary.to_pylist())
    return Scores(items, values, groups, group_of, respondent[counts], item, value)


def _group(rated: pa.Table) -> tuple[list[_Group], Numbers]:
    """The groups of respondents in order, and the number of each respondent's."""
    names = ("respondent_type", "park_code", "channel", "form_version")
    found = list(zip(*(rated.column(name).to_pylist() for name in names), strict=True))
    groups = sorted(set(found), key=lambda group: tuple(part or "" for part in group))
    number_of = {group: number for number, group in enumerate(groups)}
    return groups, np.array([number_of[group] for group in found], np.int32)


def _number_respondents(answers: pa.Table, rated: pa.Table) -> Numbers:
    """Of each answer the number of the respondent whose response and version it is of."""
    (ids, known_ids), (versions, known_versions) = (_codes(answers, name) for name in ("response_id", "version_key"))
    # The answers of a response stand together, so that one look for each run of them is enough.
    starts = np.flatnonzero(np.r_[True, (ids[1:] != ids[:-1]) | (versions[1:] != versions[:-1])])
    number_of = {
        pair: number
        for number, pair in enumerate(
            zip(
                pc.index_in(rated.column("response_id"), value_set=known_ids).to_pylist(),
                pc.index_in(rated.column("version_key"), value_set=known_versions).to_pylist(),
                strict=True,
            )
        )
    }
    found = [number_of.get(pair, _NONE) for pair in zip(ids[starts].tolist(), versions[starts].tolist(), strict=True)]
    return np.repeat(np.array(found, np.int32), np.diff(starts, append=len(ids)))


def _number_pairs(answers: pa.Table, criteria: set[str]) -> tuple[Numbers, list[Item]]:
    """Of each answer the number of its indicator and criterion among all pairs of them, and what the pairs are."""
    (codes, indicators), (kinds, known) = (_codes(answers, name) for name in ("indicator_code", "criterion"))
    names = [(code, criterion) for code in indicators.to_pylist() for criterion in known.to_pylist()]
    is_asked = np.array([criterion in criteria for criterion in known.to_pylist()] + [False])
    pair = codes.astype(np.int32) * len(known) + kinds
    return np.where((codes < len(indicators)) & is_asked[kinds], pair, _NONE).astype(np.int32), names


def _codes(answers: pa.Table, name: str) -> tuple[Numbers, pa.Array]:
    """A text column as numbers of its distinct texts, and these; a missing one has the number beyond them."""
    array = answers.column(name).combine_chunks()
    missing = len(array.dictionary)
    return (pc.fill_null(array.indices, missing) if array.null_count else array.indices).to_numpy(), array.dictionary


def _ordered(numbers: Numbers, names: Sequence[Any]) -> tuple[Numbers, list[Any]]:
    """Numbers of names as those of the names that occur, in their order; and these."""
    used = np.flatnonzero(np.bincount(numbers, minlength=len(names))).tolist()
    order = sorted(used, key=lambda number: names[number])
    place_of = np.zeros(len(names), np.int32)
    place_of[order] = np.arange(len(order))
    return place_of[numbers], [names[number] for number in order]


# ---- what the scores come to -----------------------------------------------------------------------------------------


def count_scores(scores: Scores) -> Iterator[tuple[Item, Place, Mapping[float, int], int]]:
    """By item, respondent type and park how often each score was given, and to how many the question was put.

    A question was put to all whose form, told apart by channel and version, somebody of their type answered it in.
    """
    counts = scores.counts()
    sizes = np.bincount(scores.group_of, minlength=len(scores.groups))
    asked = sizes * _was_in_form(scores.groups, counts.sum(axis=2) > 0)
    places = sorted({group[:2] for group in scores.groups}, key=lambda place: (place[0], place[1] or ""))
    for place in places:
        chosen = [number for number, group in enumerate(scores.groups) if group[:2] == place]
        given, put = counts[:, chosen].sum(axis=1).tolist(), asked[:, chosen].sum(axis=1).tolist()
        for number, item in enumerate(scores.items):
            if put[number]:
                told = {score: n for score, n in zip(scores.values, given[number], strict=True) if n}
                yield item, place, told, put[number]


def _was_in_form(groups: Sequence[_Group], is_answered: Numbers) -> Numbers:
    """Item × group: whether anybody with the group's form answered the item, in whatever park."""
    forms = [(kind, channel, version) for kind, _, channel, version in groups]
    found = np.zeros_like(is_answered)
    for form in set(forms):
        chosen = [number for number, one in enumerate(forms) if one == form]
        found[:, chosen] = is_answered[:, chosen].any(axis=1, keepdims=True)
    return found


def matrix_of(scores: Scores, respondent_type: str) -> tuple[Numbers, list[Item]]:
    """The scores of a respondent type, respondents × items, NaN where there is none, and what the items are.

    Those who scored nothing, and what nobody scored, are left out.
    """
    is_kind = np.array([group[0] == respondent_type for group in scores.groups])
    chosen = np.flatnonzero(is_kind[scores.group_of])
    row_of = np.full(len(scores.group_of), _NONE)
    row_of[chosen] = np.arange(len(chosen))
    rows = row_of[scores.respondent]
    matrix = np.full((len(chosen), len(scores.items)), np.nan)
    is_own = rows != _NONE
    matrix[rows[is_own], scores.item[is_own]] = np.array(scores.values)[scores.value[is_own]]
    known = ~np.isnan(matrix)
    columns = np.flatnonzero(known.any(axis=0))
    return matrix[known.any(axis=1)][:, columns], [scores.items[number] for number in columns.tolist()]
