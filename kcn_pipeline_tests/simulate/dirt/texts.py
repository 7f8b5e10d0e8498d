"""Texts in old encodings, other spellings, with line breaks, or that a spreadsheet would run.

It must not change what a text says. The surprising fact: to a reader that folds texts before comparing, none of these
is an error.
"""

import re
import unicodedata
from collections.abc import Callable

from kcn_pipeline_tests.simulate.dirt.bench import ACCEPTED, NOTED, Bench, Mark

_NEW_TONE = re.compile(
    r"([oO])([\u0300\u0301\u0303\u0309\u0323])([aAeE])(?!\w)|([uU])([\u0300\u0301\u0303\u0309\u0323])([yY])(?!\w)"
)


def to_old_tone(text: str) -> str:
    """The tone on the last vowel of open oa, oe, uy: `lũy` becomes `luỹ`, `hóa` becomes `hoá`."""
    moved = _NEW_TONE.sub(
        lambda m: "".join((m[1] or m[4], m[3] or m[6], m[2] or m[5])), unicodedata.normalize("NFD", text)
    )
    return unicodedata.normalize("NFC", moved)


def rewritten(change: Callable[[str], str], rule: str = "") -> Callable[[Bench], list[Mark]]:
    """A case that rewrites every text of the file without changing what it says."""

    def apply(bench: Bench) -> list[Mark]:
        bench.translate(change)
        return [Mark(NOTED if rule else ACCEPTED, rule, written.sheet.name) for written in bench.filing.sheets]

    return apply


def break_lines(text: str) -> str:
    """A hard line break after the second word of a longer text, as cells that were made to fit have."""
    words = text.split(" ")
    return " ".join(words[:2]) + "\n" + " ".join(words[2:]) if len(words) > 4 and ":" not in text else text


def formula_text(bench: Bench) -> list[Mark]:
    """A text that a spreadsheet would run if it were written out again without care."""
    written = bench.project
    texts = ('=HYPERLINK("http://example.invalid";"mở")', "+84 (mẫu)", "-1+1 (mẫu)", "@SUM(A1) (mẫu)")
    text = bench.draw.choice(texts)
    written.report.cells["C", ""] = text
    written.write(("C", ""), text)
    return [Mark(ACCEPTED, sheet=written.sheet.name, cell=written.cell(("C", "")), field="C")]
