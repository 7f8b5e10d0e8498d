"""The next version of the catalog as a change of its file: new statuses, each with the reason, for people to review.

It must not decide anything nor write a file. The surprising fact: the YAML is edited as text, character by character,
because a file that is read and written again would lose every comment and half of its layout.
"""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import yaml

from kcn_pipeline.contracts.errors import ContractError, Problem

FILE = "indicators.yaml"
_WIDTH = 118


@dataclass(frozen=True)
class Decision:
    """What a survey round proposes for one indicator; nothing is proposed where both statuses are equal."""

    indicator_code: str
    verdict: str
    status_now: str
    status_next: str
    reason_vi: str
    reason_en: str
    survey_id: str
    round_code: str


@dataclass(frozen=True)
class Proposal:
    """The text of the next version, its unified diff, and what was left as it is because somebody changed it since.

    Without anything to change the text and the version are those that were given, and the diff is empty.
    """

    text: str
    diff: str
    version: str
    changed: tuple[str, ...]
    left: tuple[str, ...]


def propose_catalog(text: str, decisions: Sequence[Decision], version: str | None = None) -> Proposal:
    """The catalog's next version: `version`, and `status` and `note` of the indicators whose status would change.

    `text` is an indicators.yaml, packaged or laid over; `version` the one in force where the text names none. An
    indicator that the text lacks is added with the keys that change, as an overlay does. Raises ContractError when the
    text is no catalog or cannot be edited.

    A note that cites the round says that its votes have been followed: nobody is promoted twice by them, also when a
    replay judges the round with the catalog that came of it.
    """
    catalog = _Catalog(text)
    wanted = {
        one.indicator_code: one
        for one in decisions
        if one.status_next != one.status_now and _cite(one) not in catalog.note_of(one.indicator_code)
    }
    now = {code: catalog.status_of(code, one.status_now) for code, one in wanted.items()}
    open_ = [one for code, one in wanted.items() if now[code] == one.status_now]
    left = tuple(
        f"{code}: is {now[code]} in the catalog and was {one.status_now} when it was judged; decide it by hand"
        for code, one in wanted.items()
        if now[code] not in (one.status_now, one.status_next)
    )
    before = catalog.version or version or "1"
    if not open_:
        return Proposal(text, "", before, (), left)
    after = next_version(before)
    changes = [{"code": one.indicator_code, "status": one.status_next, "note": _explain(one, after)} for one in open_]
    edited = catalog.edit(after, changes)
    _check(text, edited, after, changes)
    return Proposal(edited, _compare(text, edited), after, tuple(one.indicator_code for one in open_), left)


def next_version(version: str) -> str:
    """The version after this one: its last number plus one (2026.1 → 2026.2)."""
    counted = re.fullmatch(r"(.*?)(\d+)", version, re.DOTALL)
    return f"{counted[1]}{int(counted[2]) + 1}" if counted else f"{version}.2"


def _explain(decision: Decision, version: str) -> str:
    why = f"{decision.reason_vi} / {decision.reason_en}"
    return _one_line(f"Version {version}, {_cite(decision)} {why}")


def _cite(decision: Decision) -> str:
    return f"survey {decision.survey_id} {decision.round_code}:"


def _one_line(text: str) -> str:
    return " ".join(yaml.reader.Reader.NON_PRINTABLE.sub(" ", text).split())


def _compare(before: str, after: str) -> str:
    """A unified diff; not difflib's own, which takes lines that often recur (`status: pilot`) for noise."""
    old, new = before.split("\n"), after.split("\n")
    lines = [f"--- a/{FILE}", f"+++ b/{FILE}"]
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(3):
        (_, i1, _, j1, _), (_, _, i2, _, j2) = group[0], group[-1]
        lines.append(f"@@ -{i1 + 1},{i2 - i1} +{j1 + 1},{j2 - j1} @@")
        for kind, old_from, old_to, new_from, new_to in group:
            if kind == "equal":
                lines += [f" {line}" for line in old[old_from:old_to]]
            else:
                lines += [f"-{line}" for line in old[old_from:old_to]]
                lines += [f"+{line}" for line in new[new_from:new_to]]
    return "".join(f"{line}\n" for line in lines)


def _check(before: str, after: str, version: str, changes: Sequence[dict[str, str]]) -> None:
    """Raise unless the edited text says what the old one said, and the changes."""
    expected = yaml.load(before, Loader=yaml.BaseLoader)
    expected["version"] = version
    entries = {entry["code"]: entry for entry in expected["indicators"]}
    for change in changes:
        entry = entries.get(change["code"])
        if entry is None:
            expected["indicators"].append(dict(change))
        else:
            entry |= {"status": change["status"], "note": f"{entry.get('note') or ''} {change['note']}"}
    try:
        found = yaml.load(after, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        found = None
    if _in_one_line(found) != _in_one_line(expected):
        raise _refuse("is written in a way that cannot be edited safely (anchors or several documents?)")


def _in_one_line(catalog: Any) -> Any:
    """The catalog with its notes as one line each: they are wrapped anew."""
    if catalog is None:
        return None
    notes = [{"note": _one_line(entry["note"])} if entry.get("note") else {} for entry in catalog["indicators"]]
    entries = [entry | note for entry, note in zip(catalog["indicators"], notes, strict=True)]
    return catalog | {"indicators": entries}


def _refuse(reason: str, key: str = "", line: int | None = None) -> ContractError:
    return ContractError([Problem(FILE, key, reason, line)])


# ---- the text --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Edit:
    """Puts `new` in the place of the characters from `start` to `end`."""

    start: int
    end: int
    new: str


class _Catalog:
    """The text of a catalog and where its version and its indicators stand."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        root = _compose(text)
        self.version_node = _value(root, "version")
        self.version = self.version_node.value if isinstance(self.version_node, yaml.ScalarNode) else None
        self.root = root
        entries = _value(root, "indicators")
        if not isinstance(entries, yaml.SequenceNode) or not all(
            isinstance(entry, yaml.MappingNode) for entry in entries.value
        ):
            raise _refuse("must hold a list of mappings under the key 'indicators'", "indicators")
        self.list = entries
        self.entries = {_text_of(_value(entry, "code")): entry for entry in entries.value}

    def status_of(self, code: str, default: str) -> str:
        """The status that the text gives an indicator; `default` where it gives none."""
        entry = self.entries.get(code)
        return _text_of(_value(entry, "status")) or default if entry else default

    def note_of(self, code: str) -> str:
        """The note of an indicator as one line; nothing where it has none."""
        entry = self.entries.get(code)
        return _one_line(_text_of(_value(entry, "note"))) if entry else ""

    def edit(self, version: str, changes: Sequence[dict[str, str]]) -> str:
        """The text with another version and the changes."""
        edits = [self._edit_version(version)]
        added = []
        for change in changes:
            entry = self.entries.get(change["code"])
            if entry is None:
                added.append(change)
            else:
                edits += self._edit_entry(entry, change)
        edits += self._add_entries(added) if added else []
        parts, at = [], 0
        for one in sorted(edits, key=lambda edit: edit.start):  # of those at one place, in the order they were made
            parts += [self.text[at : one.start], one.new]
            at = one.end
        return "".join([*parts, self.text[at:]])

    def _edit_version(self, version: str) -> _Edit:
        """Always in quotes: YAML reads 2026.10 as the number 2026.1."""
        if self.version_node is not None:
            return _replace(self.version_node, f'"{version}"')
        first = self.root.value[0][0].start_mark.index
        return _Edit(first, first, f'version: "{version}"{self.newline}')

    def _edit_entry(self, entry: yaml.MappingNode, change: dict[str, str]) -> Iterator[_Edit]:
        status, note = _value(entry, "status"), _value(entry, "note")
        missing: dict[str, str] = {}
        if status is None:
            missing["status"] = change["status"]
        else:
            yield _replace(status, _quote_like(status, change["status"]))
        if note is None:
            missing["note"] = change["note"]
        else:
            yield from self._extend_note(entry, note, change["note"])
        if missing:
            yield self._add_keys(entry, missing)

    def _extend_note(self, entry: yaml.MappingNode, note: yaml.Node, addition: str) -> Iterator[_Edit]:
        """The words that were there come first; a block keeps its lines, anything else becomes one."""
        whole = _one_line(f"{_text_of(note)} {addition}")
        if entry.flow_style:
            yield _replace(note, json.dumps(whole, ensure_ascii=False))
        elif isinstance(note, yaml.ScalarNode) and note.style in (">", "|") and note.value.strip():
            end = self._end_of(note)
            yield _Edit(end, end, self._wrap(addition, self._indent_of(note)))
        else:
            yield _replace(note, ">-")
            end = self._end_of_line(note.end_mark.index)
            yield _Edit(end, end, self._wrap(whole, _column(entry) + 2))

    def _add_keys(self, entry: yaml.MappingNode, keys: dict[str, str]) -> _Edit:
        if entry.flow_style:
            end = entry.value[-1][1].end_mark.index
            listed = (f", {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in keys.items())
            return _Edit(end, end, "".join(listed))
        end = self._end_of_line(self._end_of(entry))
        return _Edit(end, end, "".join(self._write(name, value, _column(entry)) for name, value in keys.items()))

    def _add_entries(self, changes: Iterable[dict[str, str]]) -> list[_Edit]:
        """Entries for indicators that the text lacks, at the end of the list."""
        if self.list.value and self.list.flow_style:
            raise _refuse("is a list in brackets; write one indicator per '- ' line", "indicators")
        column = self.list.start_mark.column if self.list.value else 2
        written = "".join(self._write_entry(change, column) for change in changes)
        if not self.list.value:
            return [_replace(self.list, written)]
        end = self._end_of_line(self._end_of(self.list))
        return [_Edit(end, end, written)]

    def _write_entry(self, change: dict[str, str], column: int) -> str:
        first = f"{self.newline}{' ' * column}- code: {change['code']}"
        return first + "".join(self._write(name, change[name], column + 2) for name in ("status", "note"))

    def _write(self, name: str, value: str, column: int) -> str:
        """A key on a line of its own, which begins with the line break before it."""
        first = f"{self.newline}{' ' * column}{name}: "
        return first + (">-" + self._wrap(value, column + 2) if name == "note" else value)

    def _wrap(self, words: str, column: int) -> str:
        """Lines of a folded block, which begin with the line break before them."""
        lines = textwrap.wrap(words, max(_WIDTH - column, 40), break_long_words=False, break_on_hyphens=False)
        return "".join(f"{self.newline}{' ' * column}{line}" for line in lines)

    def _end_of(self, node: yaml.Node) -> int:
        """Where the last character of the node's content stands, plus one."""
        while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            node = last[1] if isinstance(last, tuple) else last
        return len(self.text[: node.end_mark.index].rstrip())

    def _end_of_line(self, index: int) -> int:
        """Where the line of a character ends, behind a comment that may stand there."""
        found = re.compile(r"\r?\n|\Z").search(self.text, index)
        assert found is not None
        return found.start()

    def _indent_of(self, block: yaml.Node) -> int:
        """How far the first line of a block scalar is indented."""
        lines = self.text[block.start_mark.index : block.end_mark.index].split("\n")[1:]
        first = next(line for line in lines if line.strip())
        return len(first) - len(first.lstrip(" "))


def _compose(text: str) -> yaml.MappingNode:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        raise _refuse(f"is not YAML: {getattr(error, 'problem', error)}", line=line) from None
    if not isinstance(root, yaml.MappingNode):
        raise _refuse("must hold a mapping with the keys 'version' and 'indicators'")
    return root


def _value(mapping: yaml.MappingNode, key: str) -> yaml.Node | None:
    return next((value for name, value in mapping.value if name.value == key), None)


def _text_of(node: yaml.Node | None) -> str:
    return node.value if isinstance(node, yaml.ScalarNode) else ""


def _replace(node: yaml.Node, new: str) -> _Edit:
    return _Edit(node.start_mark.index, node.end_mark.index, new)


def _quote_like(node: yaml.Node, value: str) -> str:
    style = getattr(node, "style", None)
    return f"{style}{value}{style}" if style in ("'", '"') else value


def _column(entry: yaml.MappingNode) -> int:
    return int(entry.value[0][0].start_mark.column)
