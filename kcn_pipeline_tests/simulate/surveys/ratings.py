"""The true ratings, statistics and verdicts of a round, from its replies by the formulas of `formulas.py`.

It must not read a threshold from code: the contracts' YAML is the only place. The surprising fact: what few said about
a park is true all the same, and is only not told; the truth marks it and keeps the figures out.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from kcn_pipeline_tests.simulate.surveys import formulas
from kcn_pipeline_tests.simulate.surveys.outcome import CURRENT, Outcome
from kcn_pipeline_tests.simulate.surveys.people import Respondent
from kcn_pipeline_tests.simulate.surveys.questionnaire import (
    CONTRACTS,
    Questionnaire,
    read_indicators,
    read_thresholds,
    read_yaml,
)

Row = dict[str, Any]
PROVINCE = "BN"
EXPERT, ENTERPRISE = "expert", "enterprise"
#: Criteria whose high score speaks against an indicator.
REVERSED = frozenset({"cost"})


class RoundTruth:
    """One round: who counts, and what they scored."""

    def __init__(
        self,
        questionnaire: Questionnaire,
        round_code: str,
        outcomes: Sequence[Outcome],
        invited: Sequence[Respondent] = (),
    ) -> None:
        self.questionnaire, self.round_code = questionnaire, round_code
        self.counted = [one for one in outcomes if one.standing == CURRENT]
        self.thresholds = read_thresholds()
        self.fields = questionnaire.of_role("rating")
        self.types = sorted({one.respondent_type for one in self.counted})
        self.crowds = {name: count_parks(outcomes, invited, name) for name in self.types}
        least = self.thresholds["min_respondents"]
        self.unshown = {name: unshown_of_type(outcomes, invited, name, least) for name in self.types}

    def _rows_of(self, name: str, respondent_type: str) -> list[Outcome]:
        """Who was asked a question."""
        return [one for one in self.counted if one.respondent_type == respondent_type and name in one.reply.asked]

    # ---- ratings -----------------------------------------------------------------------------------------------------

    def ratings(self) -> Iterator[Row]:
        """Every indicator × criterion × respondent type × area."""
        for one in self.fields:
            for respondent_type in self.types:
                asked = self._rows_of(one.name, respondent_type)
                if asked:
                    key = {"indicator_code": one.indicator_code, "criterion": one.criterion}
                    for row in self._areas(one.name, respondent_type, asked):
                        yield {**key, "respondent_type": respondent_type, **row}

    def _areas(self, name: str, respondent_type: str, asked: Sequence[Outcome]) -> Iterator[Row]:
        whole = self._rate(name, respondent_type, asked)
        is_told = whole["n"] >= self.thresholds["min_respondents_province"]
        status = {"conf_status": "F", **whole} if is_told else {"conf_status": "C"}
        yield {"level": "province", "area_code": PROVINCE, **status}
        if respondent_type == EXPERT:
            return
        parks: dict[str, list[Outcome]] = defaultdict(list)
        for one in asked:
            if one.park_code:
                parks[one.park_code].append(one)
        counts = {park: sum(name in one.reply.scores for one in rows) for park, rows in parks.items()}
        total, least = sum(name in one.reply.scores for one in asked), self.thresholds["min_respondents"]
        crowd = self.crowds[respondent_type]
        everywhere = self.unshown[respondent_type]
        hidden = everywhere | hide_parks(counts, total, least, crowd, everywhere)
        for park in sorted(hidden | set(parks)):
            if park in hidden:
                yield {"level": "park", "area_code": park, "conf_status": "C"}
            else:
                figures = self._rate(name, respondent_type, parks[park])
                if figures["n"] < self.thresholds["min_respondents_spread"]:
                    figures |= dict.fromkeys(("sd", "cv", "median", "q1", "q3", "iqr"))
                yield {"level": "park", "area_code": park, "conf_status": "F", **figures}

    def _rate(self, name: str, respondent_type: str, asked: Sequence[Outcome]) -> Row:
        scores = [one.reply.scores[name] for one in asked if name in one.reply.scores]
        n = len(scores)
        row: Row = {"n": n, "n_asked": len(asked), "n_missing": len(asked) - n}
        if not n:
            return row
        mean, sd = formulas.mean_of(scores), formulas.deviation_of(scores)
        q1, q3 = (formulas.quantile_of(scores, Fraction(part, 4)) for part in (1, 3))
        agreeing = sum(score >= 4 for score in scores)
        low, high = formulas.wilson_of(agreeing, n, self.thresholds["wilson_z"])
        row |= {
            "mean": mean,
            "sd": sd,
            "cv": None if sd is None else sd / mean,
            "median": formulas.quantile_of(scores, Fraction(1, 2)),
            "q1": q1,
            "q3": q3,
            "iqr": q3 - q1,
            "agree_n": agreeing,
            "agree_share": agreeing / n,
            "wilson_low": low,
            "wilson_high": high,
        }
        return row | self._rate_by_panel(scores) if respondent_type == EXPERT else row

    def _rate_by_panel(self, scores: Sequence[int]) -> Row:
        n, relevant = len(scores), sum(score >= self.thresholds["relevant_from"] for score in scores)
        critical, (low, mid, high) = formulas.critical_count(n), formulas.fuzzy_mean(scores)
        return {
            "cvr": formulas.validity_ratio(relevant, n),
            "cvr_critical_n": critical,
            "is_cvr_met": None if critical is None else relevant >= critical,
            "i_cvi": relevant / n,
            "kappa": formulas.modified_kappa(relevant, n),
            "fuzzy_low": low,
            "fuzzy_mid": mid,
            "fuzzy_high": high,
            "fuzzy_score": (low + mid + high) / 3,
            "fuzzy_consensus_share": formulas.fuzzy_consensus(scores, self.thresholds["fuzzy_distance"]),
        }

    # ---- statistics --------------------------------------------------------------------------------------------------

    def statistics(self) -> Iterator[Row]:
        """Every respondent type × criterion, and one for all criteria."""
        criteria = list(dict.fromkeys(one.criterion or "" for one in self.fields))
        for respondent_type in self.types:
            for criterion in sorted(criteria):
                names = [one.name for one in self.fields if one.criterion == criterion]
                if row := self._agree(respondent_type, names):
                    yield {"respondent_type": respondent_type, "criterion": criterion, **self._told(row)}
            names = [one.name for one in self.fields]
            raters, items = self._matrix(respondent_type, names)
            reversed_ = {one.name for one in self.fields if one.criterion in REVERSED}
            turned = [
                {name: 6 - score if name in reversed_ else score for name, score in rater.items()} for rater in raters
            ]
            row = {**_count(raters, items), "cronbach_alpha": formulas.cronbach_alpha(turned, items)}
            yield {"respondent_type": respondent_type, "criterion": "all", **self._told(row)}

    def _told(self, row: Row) -> Row:
        """Of too few nothing is told but how many they are."""
        is_told = row["n_respondents"] >= self.thresholds["min_respondents_province"]
        return row if is_told else {"n_respondents": row["n_respondents"]}

    def _matrix(self, respondent_type: str, names: Sequence[str]) -> tuple[list[dict[str, int]], list[str]]:
        """The scores of those who scored one of the questions, and the questions that somebody scored."""
        raters = [
            {name: one.reply.scores[name] for name in names if name in one.reply.scores}
            for one in self.counted
            if one.respondent_type == respondent_type
        ]
        raters = [rater for rater in raters if rater]
        return raters, [name for name in names if any(name in rater for rater in raters)]

    def _agree(self, respondent_type: str, names: Sequence[str]) -> Row:
        raters, items = self._matrix(respondent_type, names)
        row: Row = _count(raters, items)
        least = self.thresholds["min_respondents_province"]
        told = [item for item in items if sum(item in rater for rater in raters) >= least]
        row |= {
            "cronbach_alpha": formulas.cronbach_alpha(raters, items),
            "krippendorff_alpha": formulas.krippendorff_alpha(raters, told),
        }
        found = formulas.kendall_w(raters, items)
        if found and row["n_complete"] >= least:
            row |= dict(zip(("kendall_w", "kendall_chi2", "kendall_df", "kendall_p"), found, strict=True))
            row["kendall_strength"] = self._strength(found[0])
        if respondent_type == EXPERT and told:
            shares = []
            for item in told:
                scores = [rater[item] for rater in raters if item in rater]
                shares.append(Fraction(sum(s >= self.thresholds["relevant_from"] for s in scores), len(scores)))
            row["s_cvi_ave"] = float(sum(shares, Fraction(0)) / len(shares))
            row["s_cvi_ua"] = float(Fraction(sum(share == 1 for share in shares), len(shares)))
        return row

    def _strength(self, w: float) -> str:
        for name in ("strong", "moderate", "weak"):
            if w >= self.thresholds[f"kendall_{name}"]:
                return name
        return "none"

    # ---- verdicts ----------------------------------------------------------------------------------------------------

    def assessments(self, previous: Mapping[str, str]) -> Iterator[Row]:
        """Every indicator with its verdict; `previous` are those of the round before."""
        whole = {
            (one.indicator_code or "", one.criterion or "", respondent_type): self._rate(
                one.name, respondent_type, asked
            )
            for one in self.fields
            for respondent_type in self.types
            if (asked := self._rows_of(one.name, respondent_type))
        }
        catalog = read_yaml(CONTRACTS / "indicators.yaml")["version"]
        for indicator in read_indicators():
            row = self._assess(indicator, whole)
            row |= {"previous_verdict": previous.get(indicator["code"]), "catalog_version": str(catalog)}
            row |= {"status_now": indicator["status"], "status_next": _next_status(row["verdict"], indicator["status"])}
            yield row

    def _assess(self, indicator: Mapping[str, Any], whole: Mapping[tuple[str, str, str], Row]) -> Row:
        code, limits = indicator["code"], self.thresholds
        n_firms, n_experts = (whole.get((code, "necessity", kind), {}).get("n", 0) for kind in (ENTERPRISE, EXPERT))
        told = {key: row for key, row in whole.items() if row["n"] >= limits["min_respondents_province"]}
        firms, panel = told.get((code, "necessity", ENTERPRISE), {}), told.get((code, "necessity", EXPERT), {})
        least = [step["least"] for step in limits["cvi"] if step["n_from"] <= max(n_experts, 1)][-1]
        is_legal = any(
            reference["framework"].startswith(law)
            for reference in indicator.get("references", ())
            for law in limits["legal_frameworks"]
        )
        row: Row = {
            "indicator_code": code,
            "is_legal": is_legal,
            "n_enterprises": n_firms,
            "n_experts": n_experts,
            "necessity_mean": firms.get("mean"),
            "necessity_cv": firms.get("cv"),
            "necessity_wilson_low": firms.get("wilson_low"),
            "i_cvi": panel.get("i_cvi"),
            "i_cvi_threshold": least if n_experts else None,
            "fuzzy_score": panel.get("fuzzy_score"),
        }
        for criterion in ("clarity", "availability", "cost"):
            row[f"{criterion}_mean"] = told.get((code, criterion, ENTERPRISE), {}).get("mean")
        verdict, rule = self._decide(row)
        return row | {"verdict": verdict, "rule": rule}

    def _decide(self, row: Row) -> tuple[str, str]:
        limits = self.thresholds
        few_firms = row["n_enterprises"] < limits["min_enterprise_answers"]
        few_experts = row["n_experts"] < limits["min_expert_answers"]
        if few_firms or few_experts:
            who = "answers" if few_firms and few_experts else "enterprises" if few_firms else "experts"
            return "not_enough_answers", f"too_few_{who}"
        i_cvi = round(row["i_cvi"], 2)
        lows = {
            "mean_low": row["necessity_mean"] < limits["drop_mean"],
            "i_cvi_low": i_cvi < limits["drop_i_cvi"],
            "fuzzy_low": row["fuzzy_score"] < limits["fuzzy_drop"],
        }
        if any(lows.values()):
            first = next(rule for rule, is_low in lows.items() if is_low)
            return ("revise", "legal_never_dropped") if row["is_legal"] else ("drop", first)
        is_kept = (
            row["necessity_mean"] >= limits["keep_mean"]
            and row["necessity_cv"] <= limits["keep_cv"]
            and row["necessity_wilson_low"] >= limits["keep_wilson_low"]
            and i_cvi >= row["i_cvi_threshold"]
        )
        if not is_kept:
            return "revise", "conditions_not_met"
        if row["availability_mean"] is not None and row["availability_mean"] < limits["availability_low"]:
            return "keep_with_data_plan", "availability_low"
        return "keep", "all_met"


def count_parks(outcomes: Iterable[Outcome], invited: Iterable[Respondent], respondent_type: str) -> Mapping[str, int]:
    """How many of a type count in each park that sent anything or that somebody was invited in; none in some."""
    mine = [one for one in outcomes if one.respondent_type == respondent_type]
    asked = [one for one in invited if one.respondent_type == respondent_type]
    parks = {one.park_code for one in mine} | {one.park_code for one in asked}
    return {
        park: sum(one.park_code == park and one.standing == CURRENT for one in mine) for park in filter(None, parks)
    }


def unshown_of_type(
    outcomes: Iterable[Outcome], invited: Iterable[Respondent], respondent_type: str, least: int
) -> set[str]:
    """The parks of which is not told who of a type answered a round: neither how many count nor who of the invited.

    Too few did, others would be told of by them, or all that is hidden is all who were invited.
    """
    crowd = count_parks(outcomes, invited, respondent_type)
    counted = [one for one in outcomes if one.standing == CURRENT and one.respondent_type == respondent_type]
    hidden = unshown_parks(crowd, len(counted), least)
    asked = [one for one in invited if one.respondent_type == respondent_type]
    if not asked:
        return hidden
    keys = {one.reply.key for one in counted}
    guests: dict[str | None, list[bool]] = {park: [] for park in [*crowd, None]}
    for one in asked:
        guests[one.park_code].append(one.key in keys)
    return hide_guests(crowd, guests, hidden, least)


def hide_guests(
    crowd: Mapping[str, int], guests: Mapping[str | None, Sequence[bool]], unshown: Collection[str], least: int
) -> set[str]:
    """The parks of which is not told who of the invited answered; `guests`: whether each of a park (None: none) did.

    What is not told of must be `least` answers or more, and somebody silent of where that many were invited.
    """
    kept = {park: sum(guests[park]) for park in crowd}
    unshown = {*unshown} | {park for park in crowd if kept[park] < least}
    keeps = any(guests[park] for park in [*unshown, None])
    hidden = hide_parks(kept, sum(sum(there) for there in guests.values()), least, crowd, unshown, hides_none=keeps)
    if not hidden or not any(guests[park] for park in [*hidden, None]):
        return hidden
    leaves_room = {park for park, there in guests.items() if len(there) >= least and not all(there)}
    shown = sorted(set(crowd) - hidden, key=lambda park: (crowd[park], park))
    for more in range(len(shown) + 1):
        if leaves_room & {*hidden, *shown[:more], None}:
            return hidden | set(shown[:more])
    return hidden


def unshown_parks(crowd: Mapping[str, int], total: int, least: int) -> set[str]:
    """The parks of which nothing is told in a round, not even that nobody answered.

    Those with fewer than `least`, and the smallest others until those not told of, with those of no park, are enough.
    """
    hidden = {park for park, n in crowd.items() if n < least}
    of_no_park = total - sum(crowd.values())
    if hidden or of_no_park:
        for park in sorted(set(crowd) - hidden, key=lambda park: (crowd[park], park)):
            if of_no_park + sum(crowd[one] for one in hidden) < least:
                hidden.add(park)
    return hidden


def hide_parks(
    counts: Mapping[str, int],
    total: int,
    least: int,
    crowd: Mapping[str, int] | None = None,
    everywhere: Collection[str] = (),
    hides_none: bool = False,
) -> set[str]:
    """The parks of which too few answered, and more of them while the rest of the province would tell of those.

    Those that `crowd` has the fewest respondents of go first; without one those with the fewest answers. Parks that are
    hidden `everywhere` in a round are in any case. That the rest is nobody is enough unless it `hides_none`.
    """
    sizes = counts if crowd is None else crowd
    hidden = {park for park, n in counts.items() if n < least or park in everywhere}
    while True:
        shown = [park for park in counts if park not in hidden]
        rest = total - sum(counts[park] for park in shown)
        if not shown or rest >= least or not (rest or hides_none):
            return hidden
        hidden.add(min(shown, key=lambda park: (sizes.get(park, 0), park)))


def _count(raters: Sequence[Mapping[str, int]], items: Sequence[str]) -> Row:
    complete = sum(all(item in rater for item in items) for rater in raters)
    return {"n_respondents": len(raters), "n_items": len(items), "n_complete": complete}


def _next_status(verdict: str, status: str) -> str:
    verdicts = read_yaml(CONTRACTS / "ratings" / "verdicts.yaml")["verdicts"]
    (found,) = [one for one in verdicts if one["name"] == verdict]
    return str((found.get("next_status") or {}).get(status, status))
