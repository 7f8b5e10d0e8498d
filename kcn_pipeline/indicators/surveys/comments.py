"""What respondents wrote on each indicator, by kind of respondent, without a trace of who wrote it or when.

It must not unmask nor change a text: names were masked in staging. The surprising fact: one group too small to be told
apart is not enough to make the group `all`; else a reader who sees the other groups would know which one it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.surveys.ratings import Row
from kcn_pipeline.indicators.surveys.tables import ALL, Round

_COMMENTS = """
    SELECT indicator_code, respondent_type, respondent, comment FROM answers
    WHERE comment IS NOT NULL AND indicator_code IS NOT NULL"""

#: (respondent, text)
_Comment = tuple[int, str]


def collect_comments(engine: Engine, held: Round, least: int) -> Iterator[Row]:
    """The rows of `survey_comments` of the open round; comments on the survey as a whole are of no indicator."""
    found: dict[str, dict[str, list[_Comment]]] = defaultdict(lambda: defaultdict(list))
    for row in engine.query(_COMMENTS).to_pylist():
        found[row["indicator_code"]][row["respondent_type"]].append((row["respondent"], row["comment"]))
    for code, by_type in sorted(found.items()):
        for respondent_type, comments in sorted(merge_small(by_type, least).items()):
            texts = sorted((text for _, text in comments), key=lambda text: _scatter(*held, code, text))
            for number, text in enumerate(texts, start=1):
                key = {"survey_id": held[0], "round_code": held[1], "indicator_code": code}
                yield {**key, "respondent_type": respondent_type, "number": number, "comment": text}


def merge_small(by_type: Mapping[str, list[_Comment]], least: int) -> dict[str, list[_Comment]]:
    """The comments by kind of respondent, kinds with fewer than `least` who wrote together as `all`.

    Where `all` would still be fewer the smallest other kind joins it. Of too few at all everything is `all`.
    """
    writers = {name: len({respondent for respondent, _ in comments}) for name, comments in by_type.items()}
    small = [name for name in by_type if writers[name] < least]
    others = sorted((name for name in by_type if name not in small), key=lambda name: (writers[name], name))
    while small and others and sum(writers[name] for name in small) < least:
        small.append(others.pop(0))
    merged = {name: by_type[name] for name in others}
    return merged | {ALL: _join(by_type[name] for name in small)} if small else merged


def _join(groups: Iterable[list[_Comment]]) -> list[_Comment]:
    return [comment for group in groups for comment in group]


def _scatter(*said: str) -> str:
    """A key of order that follows from the text alone."""
    return sha256("|".join(said).encode()).hexdigest()
