"""What of a round may be shown, and when, so that nobody learns what one or two respondents said.

It must not know what is shown. The surprising fact: hiding the small parks is not enough, since the province less the
shown parks is what was hidden; parks are hidden, smallest first, until that rest is large enough, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.surveys import Round

#: SDMX CONF_STATUS (CL_CONF_STATUS 1.3): free for publication, confidential.
FREE, CONFIDENTIAL = "F", "C"


def is_published(contracts: Contracts, held: Round, today: date) -> bool:
    """Whether what respondents of a round say is shown on a day: once it has closed.

    Of an open round two nights would give n × mean before and after, and so the form of whoever answered between them.
    """
    return today > held.closes_on or contracts.ratings.thresholds_on(held.closes_on).publish_open_rounds


@dataclass(frozen=True)
class Crowd:
    """The respondents of one type in a whole round: how many of each park, and in all with those of no park."""

    parks: Mapping[str, int]
    total: int

    def find_hidden(self, answers: Mapping[str, int], total: int, least: int) -> set[str]:
        """The parks that are hidden in one cell: too few answered in it, or others could be worked out from them.

        `answers` are those of the cell by park, `total` those of the province. Which parks protect others goes by the
        respondents of the round and not by the answers of the cell: a choice that changed with a late answer would show
        tonight what it hid yesterday, and the difference is the answer.
        """
        always = self._hide(self.parks, self.total, {park for park, n in self.parks.items() if n < least}, least)
        return self._hide(answers, total, (always & {*answers}) | {p for p, n in answers.items() if n < least}, least)

    def _hide(self, counts: Mapping[str, int], total: int, hidden: set[str], least: int) -> set[str]:
        """`hidden` and, smallest of the round first, as many others as it takes that the rest is nobody or enough."""
        shown = sorted(counts.keys() - hidden, key=lambda park: (self.parks.get(park, 0), park))
        rest = total - sum(counts[park] for park in shown)
        while shown and 0 < rest < least:
            park = shown.pop(0)
            hidden = hidden | {park}
            rest += counts[park]
        return hidden
