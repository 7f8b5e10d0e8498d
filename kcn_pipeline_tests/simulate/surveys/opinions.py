"""What people think of each indicator: scores drawn so that every verdict occurs.

It must not know a threshold. The surprising fact: an indicator's fate is drawn from its code alone, so that it is the
same in every round and with every number of respondents; only people differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from kcn_pipeline_tests.simulate.province import stream

#: Mean opinion by criterion, and how likely such an indicator is. Cost is high where reporting is dear.
_Opinion = Mapping[str, float]
_LIKED: _Opinion = {"necessity": 4.75, "clarity": 4.4, "availability": 4.1, "cost": 2.2}
_NEEDED: _Opinion = {"necessity": 4.7, "clarity": 4.1, "availability": 2.1, "cost": 4.0}
_DOUBTED: _Opinion = {"necessity": 3.7, "clarity": 3.4, "availability": 3.4, "cost": 3.0}
_DISLIKED: _Opinion = {"necessity": 2.2, "clarity": 3.0, "availability": 2.8, "cost": 3.6}
FATES = {"liked": _LIKED, "needed": _NEEDED, "doubted": _DOUBTED, "disliked": _DISLIKED}
_SHARES = {"liked": 0.55, "needed": 0.15, "doubted": 0.18, "disliked": 0.12}

COMMENTS = (
    "Nên nêu rõ đơn vị tính và kỳ báo cáo.",
    "Số liệu này doanh nghiệp đã báo cáo cho cơ quan thuế, đề nghị không hỏi lại.",
    "Cần hướng dẫn cách tính cụ thể hơn.",
    "Chỉ tiêu khó thu thập; chỉ nên hỏi một năm một lần.",
    "Đồng ý với chỉ tiêu.",
    "Trùng với báo cáo giám sát đầu tư.",
    "The definition should say whether dispatched workers count.",
)


@dataclass(frozen=True)
class Opinions:
    """The fate of every indicator: what people tend to score it by criterion."""

    seed: int
    fates: Mapping[str, str]

    def draw_score(self, draw: Random, indicator_code: str, criterion: str, bias: float = 0.0) -> int:
        """The score that somebody with a bias gives, 1 to 5."""
        middle = FATES[self.fates[indicator_code]][criterion]
        return min(5, max(1, round(draw.gauss(middle + bias, 0.65))))


def make_opinions(seed: int, indicators: Sequence[str], fixed: Mapping[str, str] | None = None) -> Opinions:
    """The fates of the indicators; `fixed` names those that must not be left to chance."""
    drawn = {code: stream(seed, "fate", code).choices(list(_SHARES), list(_SHARES.values()))[0] for code in indicators}
    return Opinions(seed, drawn | dict(fixed or {}))
