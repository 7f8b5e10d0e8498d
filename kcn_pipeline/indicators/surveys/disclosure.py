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
    """The respondents of one type in a whole round: how many of each park, and in all with those of no park.

    A park of which somebody was invited, or of which anything came, is there even if nobody counts.
    """

    parks: Mapping[str, int]
    total: int

    def find_unshown(self, least: int) -> set[str]:
        """The parks of which nothing is shown in the whole round, not even whether anybody answered.

        That nobody did is hidden, too: of a park with one enterprise it tells who kept silent, and if only such parks
        were shown, every hidden one would tell who answered.
        """
        few = {park for park, n in self.parks.items() if n < least}
        return self._hide(self.parks, self.total, few, least, hides_none=bool(few))

    def find_hidden(self, answers: Mapping[str, int], total: int, least: int) -> set[str]:
        """The parks that are hidden in one cell: too few answered in it, or others could be worked out from them.

        `answers` are those of the cell by park, `total` those of the province. Which parks protect others goes by the
        respondents of the round and not by the answers of the cell: a choice that changed with a late answer would show
        tonight what it hid yesterday, and the difference is the answer.
        """
        few = {park for park, n in answers.items() if n < least}
        return self._hide(answers, total, (self.find_unshown(least) & {*answers}) | few, least)

    def _hide(
        self, counts: Mapping[str, int], total: int, hidden: set[str], least: int, hides_none: bool = False
    ) -> set[str]:
        """`hidden` and, smallest of the round first, as many others as it takes that the rest is enough.

        That the rest is nobody is enough, too, unless it `hides_none`.
        """
        shown = sorted(counts.keys() - hidden, key=lambda park: (self.parks.get(park, 0), park))
        rest = total - sum(counts[park] for park in shown)
        while shown and rest < least and (rest or hides_none):
            park = shown.pop(0)
            hidden = hidden | {park}
            rest += counts[park]
        return hidden
