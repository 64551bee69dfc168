"""A YAML text as a tree of nodes with exact places; bounded in depth and in what aliases may repeat.

Scalars are the text that stands there: nothing is turned into a number, a boolean or a date here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

try:
    from yaml._yaml import CParser as _Parser
except ImportError:  # PyYAML built without libyaml: slower by ten, the same events
    from yaml.parser import Parser as _YamlParser
    from yaml.reader import Reader as _YamlReader
    from yaml.scanner import Scanner as _YamlScanner

    class _Parser(_YamlReader, _YamlScanner, _YamlParser):  # type: ignore[no-redef]
        def __init__(self, stream: str) -> None:
            _YamlReader.__init__(self, stream)
            _YamlScanner.__init__(self)
            _YamlParser.__init__(self)


SCALAR, LIST, MAP = 0, 1, 2
MAX_DEPTH = 50
MAX_ALIASES = 1000
MAX_REPEATED = 50_000
"""Nodes that aliases may repeat in all: a thousand jobs may share their defaults, a bomb can't grow."""

QUOTED = ('"', "'")
NULLS = frozenset(["", "~", "null", "Null", "NULL"])
"""Plain texts that stand for nothing."""


class Node:
    """One node. `start` and `end` are offsets of code points in the text that was composed.

    `text` is set for a scalar; `items` for a list, `pairs` (key, value) for a map. `style` of a scalar: empty for
    a plain one, else `'`, `"`, `|`, `>`; of a list or map `flow` or `block`; of anything repeated by an alias
    `alias`, with the place of the alias.
    """

    __slots__ = ("end", "start", "style", "text")
    kind = SCALAR
    items: Sequence[Node] = ()
    pairs: Sequence[tuple[Node, Node]] = ()

    def __init__(self, text: str, start: int, end: int, style: str) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.style = style

    @property
    def is_null(self) -> bool:
        """Whether nothing was given: an empty value, `~` or `null`."""
        return self.text in NULLS and self.kind == SCALAR and self.style in ("", "alias")

    def get(self, key: str) -> Node | None:
        """The value of the first pair with this key, also a null one."""
        for name, value in self.pairs:
            if name.kind == SCALAR and name.text == key:
                return value
        return None


class ListNode(Node):
    """A list; its `items` are in the order of the file."""

    __slots__ = ("items",)
    kind = LIST

    def __init__(self, start: int, end: int, style: str) -> None:
        self.text, self.start, self.end, self.style = "", start, end, style  # thousands: quicker than super()
        self.items: list[Node] = []


class MapNode(Node):
    """A map; its `pairs` are in the order of the file.

    `by_key` has them by the texts of their keys; None where keys repeat or one is no text.
    """

    __slots__ = ("by_key", "pairs")
    kind = MAP

    def __init__(self, start: int, end: int, style: str) -> None:
        self.text, self.start, self.end, self.style = "", start, end, style
        self.pairs: list[tuple[Node, Node]] = []
        self.by_key: dict[str, tuple[Node, Node]] | None = None


class Document(NamedTuple):
    """The root of a text (None: nothing but comments) and every key that repeats an earlier one, with that one."""

    root: Node | None
    repeated_keys: Sequence[tuple[Node, Node]] = ()


class NodeError(Exception):
    """The text can't become nodes: `code` of the finding, what is wrong, and the offsets it concerns."""

    def __init__(self, code: str, message: str, start: int, end: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.start = start
        self.end = start + 1 if end is None else end


def compose(text: str) -> Document:
    """The nodes of one YAML document.

    `text` without a byte-order mark. Raises NodeError with the code `yaml-syntax`, `too-deep` or
    `too-many-aliases`. Depth and aliases are counted while events come in, before anything is built on them.
    """
    try:
        return _Composer(text).document()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, len(text)) from error
    except yaml.YAMLError as error:
        raise NodeError("yaml-syntax", _first_line(f"this is not YAML: {error}"), 0) from error


def _syntax_error(error: yaml.MarkedYAMLError, length: int) -> NodeError:
    problem = error.problem or "the text is not YAML"
    mark = error.problem_mark or error.context_mark
    context = error.context or ""
    # An unclosed quote is noticed at the end of the file; its place is where it was opened.
    unclosed = "quoted scalar" in context and "escape" not in problem
    # What has no `:` is noticed on the line behind it.
    if (unclosed or "simple key" in context) and error.context_mark is not None:
        mark = error.context_mark
    offset = min(mark.index, length) if mark is not None else 0
    words = f"{problem} ({context})" if context else problem
    if unclosed and "end of stream" in problem:
        words = "the quote opened here is not closed; close it, or remove it"
    return NodeError("yaml-syntax", _first_line(f"this is not YAML: {words}"), offset)


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.index, event.end_mark.index


class _Composer:
    """Turns the parser's events into nodes, without recursion."""

    def __init__(self, text: str) -> None:
        self._next: Any = _Parser(text).get_event
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._repeated: list[tuple[Node, Node]] = []
        self._aliases = 0
        self._repeated_nodes = 0

    def document(self) -> Document:
        self._next()
        event = self._next()
        if type(event) is StreamEndEvent:
            return Document(None)
        root = self._root()
        self._next()
        event = self._next()
        if type(event) is DocumentStartEvent:
            place = _place(event)[0]
            message = "a second document begins here; a config is one document: remove this line or what follows"
            raise NodeError("yaml-syntax", message, place, place + 3)
        return Document(root, self._repeated)

    def _root(self) -> Node:
        top: list[Node] = []
        # Each open collection, the nodes in it so far, the anchor it carries, and the number of nodes before it.
        stack: list[tuple[ListNode | MapNode, list[Node], str | None, int]] = []
        current = top
        count = 0
        next_event = self._next
        while True:
            event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                node = Node(event.value, event.start_mark.index, event.end_mark.index, event.style or "")
                if event.anchor is not None:
                    self._anchors[event.anchor] = (node, 1)
                count += 1
                current.append(node)
                if current is top:
                    return node
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                opened = MapNode if kind is MappingStartEvent else ListNode
                style = "flow" if event.flow_style else "block"
                collection = opened(event.start_mark.index, event.end_mark.index, style)
                if len(stack) >= MAX_DEPTH:
                    message = f"nested deeper than {MAX_DEPTH} levels; a config needs about 6"
                    raise NodeError("too-deep", message, collection.start)
                current.append(collection)
                current = []
                stack.append((collection, current, event.anchor, count))
                count += 1
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                collection, inside, anchor, before = stack.pop()
                if collection.style == "flow":
                    collection.end = event.end_mark.index
                elif inside:
                    # A block ends where its last child does, not at the next token behind comments.
                    collection.end = inside[-1].end
                if type(collection) is MapNode:
                    self._pair(collection, inside)
                else:
                    collection.items = inside
                if anchor is not None:
                    self._anchors[anchor] = (collection, count - before)
                if not stack:
                    return collection
                current = stack[-1][1]
            elif kind is AliasEvent:
                node, size = self._alias(event)
                count += size
                current.append(node)
            else:
                raise NodeError("yaml-syntax", "the text ends in the middle of a value", 0)

    def _pair(self, node: MapNode, inside: list[Node]) -> None:
        node.pairs = pairs = list(zip(inside[0::2], inside[1::2], strict=True))
        by_key = {pair[0].text: pair for pair in pairs}
        if len(by_key) == len(pairs) and "" not in by_key:
            node.by_key = by_key
            return
        first: dict[str, Node] = {}
        for key, _ in pairs:
            if key.kind == SCALAR and first.setdefault(key.text, key) is not key:
                self._repeated.append((key, first[key.text]))

    def _alias(self, event: AliasEvent) -> tuple[Node, int]:
        start, end = _place(event)
        if event.anchor not in self._anchors:
            message = f"`*{event.anchor}` repeats an anchor that is not there; if this is text, put it in quotes"
            raise NodeError("yaml-syntax", message, start, end)
        target, size = self._anchors[event.anchor]
        self._aliases += 1
        self._repeated_nodes += size
        if self._aliases > MAX_ALIASES or self._repeated_nodes > MAX_REPEATED:
            message = f"more than {MAX_ALIASES} aliases, or {MAX_REPEATED} nodes repeated by them; write them out"
            raise NodeError("too-many-aliases", message, start, end)
        if isinstance(target, MapNode):
            again = MapNode(start, end, "alias")
            again.pairs, again.by_key = target.pairs, target.by_key
            return again, size
        if isinstance(target, ListNode):
            repeated = ListNode(start, end, "alias")
            repeated.items = target.items
            return repeated, size
        return Node(target.text, start, end, "alias"), size
