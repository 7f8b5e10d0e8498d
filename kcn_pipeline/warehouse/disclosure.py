"""Values of surveys that few answered for: withheld, so that nobody learns who said what.

It must not judge a value. The surprising fact: hiding the small parks is not enough, since the province less the shown
parks is what was hidden; parks are hidden, smallest first, until that rest is large enough, too.

The rules, of values with an operand from SURVEY_TABLE (`survey_ratings` in the lake follows the same ones):
* A park, or anything else below a province, that fewer than the least number of respondents answered for is withheld,
  and so is a province with fewer than its own least number. A park of which response rates do not show who answered is
  withheld whoever answered, and even if nobody did.
* Which parks protect others goes by the respondents of the whole round and not by the answers to one question: a choice
  that changed with a late answer would show tonight what it hid yesterday, and the difference is the answer.
* What is withheld has neither value, numerator and denominator nor n_reporting and n_expected; its obs_status is Q
  (suppressed) and its conf_status C (confidential). Of a park the comment does not say whether few answered or others
  are protected: of two parks that are withheld together it would tell which is the small one.
* Any other area that nobody answered for is missing and not withheld.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kcn_pipeline.warehouse.incoming import Rows, iterate_rows

Row = dict[str, Any]

#: The table that answers of surveys come into the catalog by.
SURVEY_TABLE = "survey_response"
#: What a value tells, and how one is published that is withheld.
FIGURES = ("value", "numerator", "denominator", "n_reporting", "n_expected")
WITHHELD: Row = {**dict.fromkeys(FIGURES), "obs_status": "Q", "conf_status": "C"}
_TOO_FEW = "Ít hơn {least} người trả lời / Fewer than {least} respondents"
_OR_PROTECTS = (
    "Ít hơn {least} người trả lời, hoặc ẩn để không suy ra được KCN khác"
    " / Fewer than {least} respondents, or withheld so that another park cannot be worked out"
)

#: The province that holds an area in a period; None when it is not known.
Province = Callable[[str, str], str | None]
#: How many of each park answered the rounds that an indicator (first) reads in a period (second); None: not shown.
Respondents = Callable[[str, str], Mapping[str, int | None]]


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
            least = disclosure.least_of_province
            yield row | WITHHELD | {"comment": _TOO_FEW.format(least=least)} if 0 < total < least else row
        else:
            held_by = disclosure.province_of(area, period)
            by_province.setdefault((indicator, period, row["level"], held_by), []).append(row)
    for (indicator, period, _, province), held in by_province.items():
        respondents = disclosure.respondents_of(indicator, period)
        yield from _withhold(held, totals.get((indicator, period, province), 0), disclosure.least, respondents)


def _withhold(rows: Sequence[Row], total: int, least: int, respondents: Mapping[str, int | None]) -> Iterator[Row]:
    """The areas of one level in one province, for one indicator and period; `total` answered in the province."""
    # Without a number of respondents nothing was counted: the period has no survey, or is divided.
    answers = {row["area_code"]: row["n_reporting"] for row in rows if row["n_reporting"] is not None}
    hidden = _find_hidden(answers, total, least, respondents)
    for row in rows:
        is_hidden = row["area_code"] in hidden
        yield row | WITHHELD | {"comment": _OR_PROTECTS.format(least=least)} if is_hidden else row


def _find_hidden(answers: Mapping[str, int], total: int, least: int, respondents: Mapping[str, int | None]) -> set[str]:
    """The areas that few answered for, and those by which the province less the shown ones would tell of them."""
    unshown = {area for area in answers if respondents.get(area, 0) is None}
    hidden = unshown | {area for area, n in answers.items() if 0 < n < least}
    shown = sorted(answers.keys() - hidden, key=lambda area: (respondents.get(area) or 0, area))
    rest = max(total, sum(answers.values())) - sum(answers[area] for area in shown)
    while shown and 0 < rest < least:
        area = shown.pop(0)
        hidden.add(area)
        rest += answers[area]
    return hidden
