"""The syntax tree of a YAML text by tree-sitter, and which stretches of its lines are what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from tree_sitter import Language, Parser, Query, QueryCursor

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

SAFE_COLUMN = 118
"""The grammar keeps up to 253 open levels and then writes past its memory. Each needs a column of its own, a list
below a key none, so shorter lines can't open as many."""
_MOST_LEVELS = 240
_OPENER = re.compile(r"[-?:](?=[ \t]|$)")
KINDS = ("string", "number", "constant", "mark", "reference", "comment", "key")
"""What a stretch can be, a later kind before an earlier one."""
_QUERY = """
[(double_quote_scalar) (single_quote_scalar) (block_scalar) (string_scalar)] @string
[(integer_scalar) (float_scalar)] @number
[(boolean_scalar) (null_scalar)] @constant
["," "-" ":" ">" "?" "|" "[" "]" "{" "}" "---" "..."] @mark
[(anchor) (alias) (tag)] @reference
(comment) @comment
(block_mapping_pair key: (flow_node) @key)
(flow_mapping (flow_pair key: (flow_node) @key))
"""
Stretch = tuple[int, int | None, str]
"""From a byte of a line to another (None: its end), and of which kind it is."""


def parse(text: str, lines: Sequence[str], old: Tree | None = None) -> Tree | None:
    """The tree of a text; `old` is that of the text before, edited to fit. None where it can't be parsed in safety."""
    if max(map(len, lines)) > SAFE_COLUMN and any(_too_deep(line) for line in lines):
        return None
    data = text.encode("utf-8", "surrogatepass")
    return _parser().parse(data) if old is None else _parser().parse(data, old)


def stretches(tree: Tree, first: int, last: int) -> dict[int, list[Stretch]]:
    """What stands in the lines `first` to `last`, those of later kinds behind those of earlier ones."""
    cursor = QueryCursor(_query())
    cursor.set_point_range((first, 0), (last + 1, 0))
    captures = cursor.captures(tree.root_node)
    found: dict[int, list[Stretch]] = {}
    for kind in KINDS:
        for node in captures.get(kind, ()):
            _spread(found, node, kind, first, last)
    return found


def _spread(found: dict[int, list[Stretch]], node: Node, kind: str, first: int, last: int) -> None:
    (top, left), (bottom, right) = node.start_point, node.end_point
    for row in range(max(top, first), min(bottom, last) + 1):
        stretch = (left if row == top else 0, right if row == bottom else None, kind)
        found.setdefault(row, []).append(stretch)


def _too_deep(line: str) -> bool:
    if len(line) <= SAFE_COLUMN:
        return False
    indent = len(line) - len(line.lstrip(" \t"))
    return 2 * (indent + 1) + 2 * len(_OPENER.findall(line)) > _MOST_LEVELS


@cache
def language() -> Language:
    """YAML's grammar."""
    import tree_sitter_yaml

    return Language(tree_sitter_yaml.language())


@cache
def _parser() -> Parser:
    return Parser(language())


@cache
def _query() -> Query:
    return Query(language(), _QUERY)
