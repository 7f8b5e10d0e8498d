"""The columns of a spreadsheet of responses → questions, and a row of it → answers.

It must not know a tool. The surprising fact: a question may have no column of its own and still be answered, in 0/1
columns of its choices; there a blank says that it was not asked, and 0 that it was.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from kcn_pipeline.contracts.surveys import Choice, Question, Survey
from kcn_pipeline.staging.surveys.grids import COVERED, FORMULA_ERROR, MERGED_CELL, Grid, list_some, write_text
from kcn_pipeline.staging.surveys.headers import Headers, find_choice, squeeze
from kcn_pipeline.staging.surveys.scales import says_nothing
from kcn_pipeline.staging.vietnamese import fold
from kcn_pipeline.staging.workbooks import Cell, column_letters

_TICKED = frozenset(["1", "true", "yes", "y", "x", "co", "checked", "selected", "dung"])
_NOT_TICKED = frozenset(["0", "false", "no", "n", "khong", "unchecked", "not selected", "sai"])
#: A column of a choice: `question/choice`, `question[choice]`.
_OF_CHOICE = re.compile(r"(?P<head>.+)(?:/(?P<tail>[^/]+)|\[(?P<part>[^\[\]]+)\])")
#: Kinds whose answers are words of the respondent.
_FREE = frozenset(["text", "note"])

#: What a header means that means nothing as it stands: a question, or a choice of one.
Spell = Callable[[str, Headers], "Question | tuple[Question, Choice] | None"]


# ---- columns ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Option:
    """A 0/1 column: the code of its choice, or the header's words where the contract has no such choice."""

    at: int
    code: str
    label: str


@dataclass(frozen=True)
class Columns:
    """What the columns of a sheet are: of questions, of questions with several choices, and of nothing known."""

    single: tuple[tuple[int, Question], ...]
    several: tuple[tuple[Question, tuple[int, ...], tuple[Option, ...]], ...]
    #: The places of the columns of nothing known.
    unknown: tuple[int, ...]
    #: How many columns are known, without those that the tool adds of its own.
    known: int

    def answers(self, row: Sequence[Cell]) -> list[tuple[Question, str | None]]:
        """The answers in a row: what stands in a cell, or the codes that are ticked; None where nothing was said."""
        said: list[tuple[Question, str | None]] = []
        for at, question in self.single:
            text = cell if type(cell := row[at]) is str else _write(cell, question)
            said.append((question, None if text == FORMULA_ERROR and question.kind in _FREE else text))
        for question, joined, options in self.several:
            texts = [write_text(row[at]) for at in joined]
            said += [(question, text) for text in _answer_several(question, texts, options, row)]
        return said

    def strays(self, row: Sequence[Cell]) -> list[str]:
        """What stands in the columns of nothing known."""
        return [text for at in self.unknown if (text := write_text(row[at]).strip())]

    @property
    def unknown_letters(self) -> str:
        """The letters of the columns of nothing known; their headers may hold anything."""
        return list_some([column_letters(at) for at in self.unknown])


def _write(cell: Cell, question: Question) -> str:
    """A cell that is no plain text as one; a covered cell leaves a question on a scale neither answered nor blank."""
    if cell is COVERED:
        return MERGED_CELL if question.is_scored else ""
    return write_text(cell)


def map_columns(grid: Grid, headers: Headers, own: Collection[int], spell: Spell | None = None) -> Columns:
    """The columns of a sheet; `own` are those of the tool, which are nothing unknown, but may be questions as well.

    `spell` finds further questions for a header that means none as it stands.
    """
    single: list[tuple[int, Question]] = []
    joined: dict[str, list[int]] = {}
    options: dict[str, list[Option]] = {}
    unknown: list[int] = []
    known = 0
    for at, title in enumerate(grid.titles):
        found = _find(title, headers, spell) if title else None
        if isinstance(found, tuple):
            question, code, label = found
            options.setdefault(question.name, []).append(Option(at, code or label, label))
        elif found is not None and found.kind == "select_multiple":
            joined.setdefault(found.name, []).append(at)
        elif found is not None:
            single.append((at, found))
        if at in own:
            continue
        if found is not None and not (isinstance(found, tuple) and found[1] is None):
            known += 1
        elif title or grid.is_filled(at):
            unknown.append(at)
    several = [
        (asked, tuple(joined.get(name, ())), tuple(options.get(name, ())))
        for name in dict.fromkeys((*joined, *options))
        if (asked := headers.survey.question(name)) is not None
    ]
    return Columns(tuple(single), tuple(several), tuple(unknown), known)


def _find(title: str, headers: Headers, spell: Spell | None) -> Question | tuple[Question, str | None, str] | None:
    """The question of a header; or question, code and label of one of its choices, the code None where it has none."""
    found = headers.find_option(title) or headers.find(title) or (spell(title, headers) if spell else None)
    if isinstance(found, tuple):
        return found[0], found[1].code, _tail_of(title)
    if found is None and (match := _OF_CHOICE.fullmatch(title)):
        question = headers.find(match["head"].strip())
        return (question, None, _tail_of(title)) if question and question.kind == "select_multiple" else None
    return found


def _tail_of(title: str) -> str:
    match = _OF_CHOICE.fullmatch(title)
    return (match["tail"] or match["part"]).strip() if match else title


# ---- several choices -------------------------------------------------------------------------------------------------


def _answer_several(
    question: Question, texts: Sequence[str], options: Sequence[Option], row: Sequence[Cell]
) -> Iterator[str | None]:
    """The answers to one question with several choices: of its joined columns, and of its 0/1 columns together."""
    marks = [(option, write_text(row[option.at])) for option in options]
    ticked = [(option, word) for option, mark in marks if (word := _read_tick(option, mark)) is not None]
    labels = _words(" ".join(option.label for option, _ in ticked))
    for text in texts:
        # A joined column of labels has only blanks between them; what says the same as the ticks adds nothing.
        if not ticked or _words(text) != labels:
            yield spell_choices(question, text)
    if any(mark.strip() for _, mark in marks):
        yield " ".join(word for _, word in ticked)


def _words(text: str) -> list[str]:
    return sorted(filter(None, map(squeeze, text.split())))


def _read_tick(option: Option, mark: str) -> str | None:
    """The word that a 0/1 cell adds to the answer: the choice's code when ticked, the cell when it says neither."""
    key = fold(mark)
    if key in _TICKED:
        return option.code
    return None if key in _NOT_TICKED or says_nothing(mark) else mark


def spell_choices(question: Question, text: str) -> str:
    """Labels of choices with only blanks between them, as codes; any other text, and one of two readings, as it is."""
    words = text.split()
    if len(words) < 2 or find_choice(question, text) is not None or all(find_choice(question, each) for each in words):
        return text
    readings = list(_read_words(question, words, 2))
    return " ".join(readings[0]) if len(readings) == 1 else text


def _read_words(question: Question, words: Sequence[str], most: int) -> Iterator[list[str]]:
    """The ways to part words into labels of choices, at most so many."""
    if not words:
        yield []
        return
    for end in range(1, len(words) + 1):
        choice = find_choice(question, " ".join(words[:end]))
        if choice is None:
            continue
        for rest in _read_words(question, words[end:], most):
            yield [choice.code, *rest]
            most -= 1
            if most <= 0:
                return


# ---- headers that were cut -------------------------------------------------------------------------------------------

_CUT = ".."
#: `[MG01] Tỷ lệ lấp đầy [Mức độ cần thiết]`, or the other way round `Mức độ cần thiết [[MG01] Tỷ lệ lấp đầy]`.
_MATRIX = re.compile(r"(?P<head>[^\[\]]+?) ?\[(?P<part>.+)\]|(?P<code>.+?) ?\[(?P<row>[^\[\]]+)\]")


def find_cut(title: str, survey: Survey) -> Question | tuple[Question, Choice] | None:
    """What a header means of which `..` replaced the end: the only question, or choice of one, that begins like it.

    A part in brackets, as of a matrix, may be cut on its own: `[MG01] Tỷ lệ lấ.. [Mức độ cần thi.. ]`.
    """
    if _CUT not in title:
        return None
    match = _MATRIX.fullmatch(title)
    head, part = (match["head"] or match["code"], match["part"] or match["row"]) if match else (title, "")
    found: list[Question | tuple[Question, Choice]] = []
    for question in survey.questions:
        if any(_is_cut_of(head, part, whole) for whole in question.headers):
            found.append(question)
        elif part and question.kind == "select_multiple" and any(_begins(head, whole) for whole in question.headers):
            found += [(question, choice) for choice in question.choices if _begins(part, choice.label.vi)]
    return found[0] if len(found) == 1 else None


def _is_cut_of(head: str, part: str, whole: str) -> bool:
    if not part:
        return _begins(head, whole)
    return any(_begins(head, first) and _begins(part, last) for first, last in _parts(whole))


def _parts(whole: str) -> Iterator[tuple[str, str]]:
    """A header as the two parts of a matrix: `A – B`, `B [A]`."""
    head, sign, part = whole.rpartition(" – ")
    if sign:
        yield head, part
    if match := re.fullmatch(r"(?P<head>[^\[\]]+) \[(?P<part>.+)\]", whole):
        yield match["head"], match["part"]


def _begins(cut: str, whole: str) -> bool:
    """Whether a text is the beginning of another; all of it, where it does not end with the sign of a cut."""
    stem = cut.strip().rstrip(".")
    if cut.strip().endswith(_CUT):
        return bool(fold(stem)) and fold(whole).startswith(fold(stem))
    return fold(cut) == fold(whole)
