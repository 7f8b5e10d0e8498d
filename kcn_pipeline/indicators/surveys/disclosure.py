"""What of a round may be shown, and when, so that nobody learns what one or two respondents said.

It must not know what is shown. The surprising fact: hiding the small parks is not enough, since the province less the
shown parks is what was hidden; parks are hidden, smallest first, until that rest is large enough, too, and until some
of those invited there kept silent, or it would tell that each of them answered.

What it does not do: it leaves open how many of a hidden park answered, given what is shown and how many were invited
there, but not that each number is as likely, nor what somebody concludes who knows this code or one of the answers. A
province of which all who were invited answered tells that of every park; then the parks stay as few as they were.
"""

from collections.abc import Collection, Iterable, Mapping
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
class Guests:
    """The invited of one type: how many of each park were, and how many of these answered, and both in all.

    All includes those of no park.
    """

    invited: Mapping[str, int]
    answered: Mapping[str, int]
    total_invited: int
    total_answered: int

    def is_anybody_of(self, hidden: Collection[str]) -> bool:
        """Whether somebody was invited of the hidden parks or of no park."""
        return self.total_invited > sum(n for park, n in self.invited.items() if park not in hidden)

    def find_room(self, least: int) -> set[str | None]:
        """The parks (None: no park) of which at least `least` were invited and not all of them answered."""
        room: set[str | None] = {p for p, n in self.invited.items() if n >= least and n > self.answered[p]}
        of_no_park = self.total_invited - sum(self.invited.values())
        if of_no_park >= least and of_no_park > self.total_answered - sum(self.answered.values()):
            room.add(None)
        return room


@dataclass(frozen=True)
class Crowd:
    """The respondents of one type in a whole round: how many of each park, and in all with those of no park.

    A park of which somebody was invited, or of which anything came, is there even if nobody counts. `guests` are of the
    same parks; None where nobody was invited.
    """

    parks: Mapping[str, int]
    total: int
    guests: Guests | None = None

    def find_unshown(self, least: int) -> set[str]:
        """The parks of which nothing is shown in the whole round, not even whether anybody answered.

        That nobody did is hidden, too: of a park with one enterprise it tells who kept silent, and if only such parks
        were shown, every hidden one would tell who answered.
        """
        few = {park for park, n in self.parks.items() if n < least}
        hidden = self._hide(self.parks, self.total, few, least, hides_none=bool(few))
        return self._hide_guests(self.guests, hidden, least) if self.guests else hidden

    def _hide_guests(self, guests: Guests, hidden: set[str], least: int) -> set[str]:
        """`hidden` and the parks of which too few of the invited answered, or others could be worked out from them.

        How many were invited is shown, so what is hidden must leave room: some of its invited answered, and some did
        not. A park of which fewer than `least` were invited counts as no room, or what is hidden beside it would tell
        whether it is silent.
        """
        hidden = hidden | {park for park, n in guests.answered.items() if n < least}
        hidden = self._hide(guests.answered, guests.total_answered, hidden, least, guests.is_anybody_of(hidden))
        room = guests.find_room(least)
        if not hidden or not guests.is_anybody_of(hidden) or room & {*hidden, None}:
            return hidden
        shown = self._order(guests.invited.keys() - hidden)
        first = next((place for place, park in enumerate(shown, start=1) if park in room), 0)
        return hidden | {*shown[:first]}

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
        shown = self._order(counts.keys() - hidden)
        rest = total - sum(counts[park] for park in shown)
        while shown and rest < least and (rest or hides_none):
            park = shown.pop(0)
            hidden = hidden | {park}
            rest += counts[park]
        return hidden

    def _order(self, parks: Iterable[str]) -> list[str]:
        """The parks, smallest of the round first."""
        return sorted(parks, key=lambda park: (self.parks.get(park, 0), park))
