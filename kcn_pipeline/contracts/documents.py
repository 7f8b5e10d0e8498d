"""Reads one YAML file that people edit, and says in words and with its line why one cannot be read.

It must not know what any contract means. The surprising fact: YAML can hold itself, hold a key twice or unfold a few
lines into millions; all of it is well-formed, and all of it is refused here, before anything walks over the content.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: Contracts need fewer than ten levels and ten thousand values.
_MOST_LEVELS = 50
_MOST_VALUES = 100_000
#: What the readers of single values (dates, numbers) raise instead of a YAML error.
_UNREADABLE = (ValueError, LookupError, AttributeError, TypeError, OverflowError)

#: Where a value stands in the file: `("indicators", 3, "numerator")`.
Place = tuple[int | str, ...]


class DocumentError(ValueError):
    """The file is no document that can be used; `line` is where, when that can be said."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True)
class Document:
    """The content of a file, its nodes (which know their lines), and the keys that stand twice in a mapping."""

    content: Any
    root: yaml.Node | None
    repeated: tuple[tuple[Place, int], ...] = ()


def read_document(path: Path) -> Document:
    """The document in a YAML file, which has no content when the file is empty; raises DocumentError, OSError."""
    text = _read_text(path)
    try:
        _refuse_depth(text)
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            walk = _Walk()
            if root is not None:
                walk.visit(root, (), ())
            return Document(_construct(loader, root), root, tuple(walk.repeated))
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = f"is not YAML: {getattr(error, 'problem', None) or error}"
        # The mark of a file that ends too early lies behind its last line.
        raise DocumentError(reason, min(mark.line, text.rstrip().count("\n")) + 1 if mark else None) from None


def _read_text(path: Path) -> str:
    payload = path.read_bytes()
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"cannot be read, it is not UTF-8 (byte 0x{payload[error.start]:02x}); save it with the encoding UTF-8"
        raise DocumentError(reason, payload.count(b"\n", 0, error.start) + 1) from None
    strange = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if strange:
        reason = f"holds the control character U+{ord(strange.group()):04X}; remove it"
        raise DocumentError(reason, text.count("\n", 0, strange.start()) + 1)
    return text


def _refuse_depth(text: str) -> None:
    """Judge the nesting from the stream of events: only what builds nodes would run out of stack."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MOST_LEVELS:
            raise _too_deep(event.start_mark)


def _too_deep(mark: Any) -> DocumentError:
    reason = f"is nested more than {_MOST_LEVELS} levels deep; check the brackets and the indentation"
    return DocumentError(reason, mark.line + 1)


@dataclass
class _Walk:
    """Goes over nodes as content does, aliases unfolded, and refuses what would never end."""

    repeated: list[tuple[Place, int]] = field(default_factory=list)
    _visited: int = 0

    def visit(self, node: yaml.Node, place: Place, around: tuple[yaml.Node, ...]) -> None:
        line = node.start_mark.line + 1
        self._visited += 1
        if any(node is one for one in around):
            raise DocumentError("holds an alias (*name) that stands inside its own anchor (&name); write it out", line)
        if len(around) > _MOST_LEVELS:
            raise _too_deep(node.start_mark)
        if self._visited > _MOST_VALUES:
            raise DocumentError(f"unfolds its aliases into more than {_MOST_VALUES} values; write them out", line)
        for part, child in self._children(node, place):
            self.visit(child, (*place, part), (*around, node))

    def _children(self, node: yaml.Node, place: Place) -> Iterator[tuple[int | str, yaml.Node]]:
        if isinstance(node, yaml.SequenceNode):
            yield from enumerate(node.value)
        elif isinstance(node, yaml.MappingNode):
            seen = set()
            for key, child in node.value:
                name = _name_of(key)
                if name in seen:
                    self.repeated.append(((*place, name), key.start_mark.line + 1))
                seen.add(name)
                yield name, child


def _name_of(key: yaml.Node) -> str:
    if not isinstance(key, yaml.ScalarNode):
        raise DocumentError("has a key that is no single word", key.start_mark.line + 1)
    if key.tag.endswith((":timestamp", ":binary")):
        raise DocumentError(f"has the key {key.value!r}; put it in quotes", key.start_mark.line + 1)
    return str(key.value)


def _construct(loader: Any, root: yaml.Node | None) -> Any:
    if root is None:
        return None
    try:
        return loader.construct_document(root)
    except _UNREADABLE as error:
        scalar = _find_unreadable(root)
        if scalar is None:
            raise DocumentError(f"holds a value that cannot be read: {error}") from None
        reason = f"holds the value {scalar.value!r:.80}, which cannot be read: {error}"
        raise DocumentError(reason, scalar.start_mark.line + 1) from None


def _find_unreadable(node: yaml.Node) -> yaml.ScalarNode | None:
    """The first value that no reader understands, such as 2026-02-30."""
    if isinstance(node, yaml.ScalarNode):
        try:
            yaml.constructor.SafeConstructor().construct_object(node)
        except _UNREADABLE:
            return node
        return None
    children = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
    return next((found for child in children if (found := _find_unreadable(child))), None)
