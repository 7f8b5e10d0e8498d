"""Values of surveys that few answered for: withheld, so that nobody learns who said what.

It must not judge a value. The surprising fact: hiding the small parks is not enough, since the province less the shown
parks is what was hidden; parks are hidden, smallest first, until that rest is large enough, too.

The rules, of values with an operand from SURVEY_TABLE (`survey_ratings` in the lake follows the same ones):
* A park, or anything else below a province, that fewer than the least number of respondents answered for is withheld,
  and so is a province with fewer than its own least number.
* Which parks protect others goes by the respondents of the whole round and not by the answers to one question: a choice
  that changed with a late answer would show tonight what it hid yesterday, and the difference is the answer.
* What is withheld has no value, numerator and denominator, obs_status Q (suppressed) and conf_status C (confidential).
  An area that nobody answered for is missing and not withheld: there is nothing to hide.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kcn_pipeline.warehouse.incoming import Rows, iterate_rows

Row = dict[str, Any]

#: The table that answers of surveys come into the catalog by.
SURVEY_TABLE = "survey_response"
_HIDDEN: Row = {"value": None, "numerator": None, "denominator": None, "obs_status": "Q", "conf_status": "C"}
_TOO_FEW = "Ít hơn {least} người trả lời / Fewer than {least} respondents"
_PROTECTS = "Ẩn để không suy ra được KCN khác / Withheld so that another park cannot be worked out"

#: The province that holds an area in a period; None when it is not known.
Province = Callable[[str, str], str | None]
#: How many of each park answered the rounds that an indicator (first) reads in a period (second).
Respondents = Callable[[str, str], Mapping[str, int]]


@dataclass(frozen=True)
class Disclosure:
    """How many must have answered for a value to be shown, and what is known of who they are."""

    least: int
    least_of_province: int
    province_of: Province
    respondents_of: Respondents


@dataclass(frozen=True)
class Withheld:
    """Values (rows of fct_indicator_value) as they may be published; those of other sources pass as they come."""

    rows: Rows
    disclosure: Disclosure

    def __iter__(self) -> Iterator[Row]:
        of_surveys: list[Row] = []
        for row in iterate_rows(self.rows):
            if is_of_survey(row["source"]):
                of_surveys.append(row)
            else:
                yield row
        yield from withhold_few(of_surveys, self.disclosure)


def is_of_survey(source: str | None) -> bool:
    """Whether an operand of a value with this `source` comes from a survey."""
    return SURVEY_TABLE in (source or "").split("+")


def withhold_few(rows: Iterable[Row], disclosure: Disclosure) -> Iterator[Row]:
    """Values of surveys without those that too few answered for."""
    by_province: dict[tuple[str, str, str, str | None], list[Row]] = {}
    totals: dict[tuple[str, str, str | None], int] = {}
    for row in rows:
        indicator, period, area = row["indicator_code"], row["period_code"], row["area_code"]
        if row["level"] == "province":
            total = totals[indicator, period, area] = row["n_reporting"] or 0
            yield _hide_few(row, disclosure.least_of_province) if 0 < total < disclosure.least_of_province else row
        else:
            held_by = disclosure.province_of(area, period)
            by_province.setdefault((indicator, period, row["level"], held_by), []).append(row)
    for (indicator, period, _, province), held in by_province.items():
        respondents = disclosure.respondents_of(indicator, period)
        yield from _withhold(held, totals.get((indicator, period, province), 0), disclosure.least, respondents)


def _withhold(rows: Sequence[Row], total: int, least: int, respondents: Mapping[str, int]) -> Iterator[Row]:
    """The areas of one level in one province, for one indicator and period; `total` answered in the province."""
    answers = {row["area_code"]: row["n_reporting"] for row in rows if row["n_reporting"]}
    few = {area for area, n in answers.items() if n < least}
    protecting = _find_protecting(answers, few, total, least, respondents)
    for row in rows:
        if row["area_code"] in few:
            yield _hide_few(row, least)
        elif row["area_code"] in protecting:
            yield row | _HIDDEN | {"comment": _PROTECTS}
        else:
            yield row


def _hide_few(row: Row, least: int) -> Row:
    return row | _HIDDEN | {"comment": _TOO_FEW.format(least=least)}


def _find_protecting(
    answers: Mapping[str, int], few: Collection[str], total: int, least: int, respondents: Mapping[str, int]
) -> set[str]:
    """The areas that are withheld only because the province less the shown ones would tell those of `few`."""
    shown = sorted(answers.keys() - few, key=lambda area: (respondents.get(area, 0), area))
    rest = max(total, sum(answers.values())) - sum(answers[area] for area in shown)
    hidden: set[str] = set()
    while shown and 0 < rest < least:
        area = shown.pop(0)
        hidden.add(area)
        rest += answers[area]
    return hidden
