"""Where in a config the cursor stands: in which mapping, at a key or a value, also while the YAML is broken.

The words before the cursor are told apart by tree-sitter, in the part of the text that the cursor belongs to; what
encloses it follows from their columns and brackets, so that nothing has to be whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

_MOST_LINES = 400
"""A job longer than this is looked at from its nearest lines only."""
_QUOTES = ("'", '"')
_SCALARS = frozenset(["plain_scalar", "double_quote_scalar", "single_quote_scalar", "alias"])
_WHOLE = _SCALARS | {"block_scalar", "comment", "anchor", "tag"}
_KEY_LINE = re.compile(r"(?P<lead> *(?:- +)*)(?P<quote>[\"']?)(?P<key>[\w.-]+)(?P=quote) *:(?: |$)")
_FLOW_KEY = re.compile(r"[{,]?\s*[\"']?([\w-]+)[\"']?\s*:")
_INDENTED = ("", " ", "#", "-", "\t", "\r")
_INSIDE_FLOW = 1 << 20
"""The column of what stands in brackets: farther right than any line's."""


class Spot(Enum):
    """What can be written at the cursor."""

    KEY = "key"
    VALUE = "value"
    ITEM = "item"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Place:
    """What stands at the cursor. `path` are the keys that lead there; a value's own key is the last of them.

    `typed` is the word begun, in the columns `start` to `end` of its line, opening quote included; `quote` is that
    quote. `given` are the keys of the mapping or the items of the list that are there already, `like` the quote of the
    last of these items (None: there is none yet). `in_flow`: in brackets.
    """

    spot: Spot
    path: tuple[str, ...] = ()
    typed: str = ""
    start: int = 0
    end: int = 0
    quote: str = ""
    given: frozenset[str] = frozenset()
    in_flow: bool = False
    like: str | None = None


NOWHERE = Place(Spot.NOTHING)


@dataclass(slots=True)
class _Word:
    """A token; columns count characters."""

    kind: str
    row: int
    column: int
    end_row: int
    end: int
    text: str
    of_pair: bool = False


@dataclass(slots=True)
class _Frame:
    """An open collection: `map`, `seq`, `{` or `[`; `valued`: its last key has a value that is no collection."""

    kind: str
    column: int
    key: str | None = None
    given: set[str] = field(default_factory=set)
    valued: bool = False
    like: str | None = None


def place_at(lines: Sequence[str], row: int, column: int) -> Place:
    """The place of the cursor, line and column from 0."""
    before = lines[row][:column]
    if "\t" in before[: len(before) - len(before.lstrip())]:
        return NOWHERE
    first, top = _window(lines, row)
    part = [*([lines[top]] if top < first else []), *lines[first:row], before]
    words = list(_words(part))
    here = len(part) - 1
    word = _word_at(words, here, len(before))
    if word is not None:
        if word.kind in ("comment", "block_scalar", "anchor", "tag", "alias"):
            return NOWHERE
        words = [each for each in words if (each.row, each.column) < (word.row, word.column)]
    start = word.column if word is not None else column
    place = _enclosing(_replayed(words), words, here, start, before)
    if place.spot is Spot.NOTHING:
        return place
    typed = before[start:]
    quote = typed[:1] if typed[:1] in _QUOTES else ""
    rest = lines[row][column:]
    end = column + (1 if quote and rest.startswith(quote) else len(rest) - len(rest.lstrip(_WORD)) if not quote else 0)
    given = place.given | frozenset(_later_keys(lines, row, start, rest, place))
    word_typed = typed[len(quote) :]
    return Place(place.spot, place.path, word_typed, start, end, quote, given, place.in_flow, place.like)


_WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"


def _window(lines: Sequence[str], row: int) -> tuple[int, int]:
    """The first line of the list item that the cursor is in (else of its top key), and the line of the top key."""
    top = row
    if lines[row][:1] in _INDENTED:
        while top > 0 and (lines[top][:1] in _INDENTED or _KEY_LINE.match(lines[top]) is None):
            top -= 1
    dash = next((line for line in lines[top + 1 : row + 1] if line.lstrip(" ").startswith(("- ", "-")) and line), None)
    first = top
    if dash is not None:
        lead = dash[: len(dash) - len(dash.lstrip(" "))] + "-"
        first = row
        while first > top and not lines[first].startswith(lead):
            first -= 1
    return (max(first, row - _MOST_LINES) if first > top else max(top, row - _MOST_LINES)), top


def _words(lines: Sequence[str]) -> Iterator[_Word]:
    """The tokens of some lines, in order; scalars and comments whole."""
    from skafos_tui.tui.editor.syntax import parse

    tree = parse("\n".join(lines), lines)
    if tree is None:
        return
    todo: list[tuple[Node, bool]] = [(tree.root_node, False)]
    while todo:
        node, of_pair = todo.pop()
        if node.child_count and node.type not in _WHOLE:
            of_pair = node.type == "block_mapping_pair" or (of_pair and node.type == "flow_node")
            todo += [(child, of_pair) for child in reversed(node.children)]
            continue
        if node.start_byte == node.end_byte:
            continue
        (row, left), (end_row, right) = node.start_point, node.end_point
        text = (node.text or b"").decode("utf-8", "surrogatepass")
        column = _column(lines[row], left)
        end = _column(lines[end_row], right) if end_row < len(lines) else 0
        yield _Word(node.type, row, column, end_row, end, text, of_pair)


def _column(line: str, byte: int) -> int:
    """The column of a byte of a line."""
    return byte if line.isascii() else len(line.encode("utf-8", "surrogatepass")[:byte].decode("utf-8", "ignore"))


def _word_at(words: Sequence[_Word], row: int, column: int) -> _Word | None:
    """The word that the cursor is at the end of, or in; a quote without an end begins one."""
    for word in reversed(words):
        if word.row == row and word.kind in ("'", '"'):
            return word
    for word in reversed(words):
        if (word.end_row, word.end) < (row, column):
            break
        if word.kind in _WHOLE and (word.row, word.column) <= (row, column):
            return word
    return None


# What encloses the cursor


def _replayed(words: Sequence[_Word]) -> list[_Frame]:
    """The collections that are open after these words."""
    stack: list[_Frame] = [_Frame("map", -1)]
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else None
        is_key = following is not None and following.kind == ":" and following.row == word.end_row
        if word.kind == "-":
            _close(stack, word.column)
            if not (stack[-1].kind == "seq" and stack[-1].column == word.column):
                stack.append(_Frame("seq", word.column))
        elif word.kind in ("[", "{"):
            stack[-1].valued = stack[-1].column == _INSIDE_FLOW
            stack.append(_Frame(word.kind, _INSIDE_FLOW))
        elif word.kind in ("]", "}"):
            if stack[-1].column == _INSIDE_FLOW:
                stack.pop()
                stack[-1].valued = True
        elif word.kind == "," and stack[-1].column == _INSIDE_FLOW:
            stack[-1].key, stack[-1].valued = None, False
        elif word.kind in _SCALARS and is_key:
            _take_key(stack, word, words[index - 1] if index else None)
        elif word.kind in _SCALARS or word.kind == "block_scalar":
            stack[-1].valued = True
            if stack[-1].kind in ("seq", "["):
                stack[-1].given.add(word.text.strip("\"'"))
                stack[-1].like = word.text[:1] if word.text[:1] in _QUOTES else ""
    return stack


def _take_key(stack: list[_Frame], word: _Word, last: _Word | None) -> None:
    in_flow = stack[-1].column == _INSIDE_FLOW
    if in_flow:
        owner = next(frame for frame in reversed(stack) if frame.column != _INSIDE_FLOW)
        begins_line = last is None or last.end_row < word.row
        in_flow = not word.of_pair and not (begins_line and word.column <= owner.column)
    if not in_flow:
        _close(stack, word.column)
        while stack[-1].kind == "seq" and stack[-1].column == word.column:
            stack.pop()
        if not (stack[-1].kind == "map" and stack[-1].column == word.column):
            stack.append(_Frame("map", word.column))
    top = stack[-1]
    top.key, top.valued = word.text.strip("\"'"), False
    if top.kind in ("map", "{"):
        top.given.add(top.key)


def _close(stack: list[_Frame], column: int) -> None:
    """Close what stands farther right; a list closes the mapping of the item before."""
    while stack[-1].column > column:
        stack.pop()


def _enclosing(stack: list[_Frame], words: Sequence[_Word], row: int, column: int, before: str) -> Place:
    """The place of a word that begins at a column, the words before it being done."""
    last = words[-1] if words else None
    begins_line = not before[:column].strip()
    if begins_line and stack[-1].column == _INSIDE_FLOW:
        owner = next(frame for frame in reversed(stack) if frame.column != _INSIDE_FLOW)
        if column <= owner.column:
            _close(stack, column)
    top = stack[-1]
    if top.column == _INSIDE_FLOW:
        return _in_flow(stack, last, before, column)
    if begins_line:
        return _at_line_start(stack, last, column)
    if last is None or last.row != row or before[column - 1 : column] != " ":
        return NOWHERE
    if last.kind == ":":
        return Place(Spot.VALUE, _path(stack))
    if last.kind == "-":
        return Place(Spot.ITEM, _path(stack), given=frozenset(top.given), like=top.like)
    return NOWHERE


def _in_flow(stack: list[_Frame], last: _Word | None, before: str, column: int) -> Place:
    top = stack[-1]
    after_colon = last is not None and last.kind == ":"
    if after_colon and before[column - 1 : column] not in (" ", ""):
        return NOWHERE
    if top.kind == "{":
        if after_colon:
            return Place(Spot.VALUE, _path(stack), in_flow=True)
        if top.key is None:
            return Place(Spot.KEY, _path(stack), given=frozenset(top.given), in_flow=True)
        return NOWHERE
    if top.valued:
        return NOWHERE
    return Place(Spot.ITEM, _path(stack), given=frozenset(top.given), in_flow=True, like=top.like)


def _at_line_start(stack: list[_Frame], last: _Word | None, column: int) -> Place:
    """A line that begins here: a key of the mapping at this column, or the first one deeper."""
    in_block = last is not None and last.kind == "block_scalar"
    _close(stack, column)
    while stack[-1].kind == "seq" and stack[-1].column == column:
        stack.pop()
    top = stack[-1]
    if top.kind == "map" and top.column == column:
        return Place(Spot.KEY, _path(stack[:-1]), given=frozenset(top.given))
    if in_block or top.valued:
        return NOWHERE
    if top.column < 0 and column:
        return NOWHERE
    return Place(Spot.KEY, _path(stack))


def _path(stack: Sequence[_Frame]) -> tuple[str, ...]:
    return tuple(frame.key for frame in stack if frame.key is not None)


# What stands behind the cursor


def _later_keys(lines: Sequence[str], row: int, column: int, rest: str, place: Place) -> Iterator[str]:
    """Keys of the same mapping behind the cursor."""
    if place.spot is not Spot.KEY:
        return
    if place.in_flow:
        closing = rest.find("}")
        yield from _FLOW_KEY.findall(rest if closing < 0 else rest[:closing])
        return
    for line in lines[row + 1 : row + 1 + _MOST_LINES] if column else lines:
        stripped = line.lstrip(" ")
        if not stripped.strip() or stripped.startswith("#"):
            continue
        found = _KEY_LINE.match(line)
        if found is not None and len(found["lead"]) == column and "-" not in found["lead"]:
            yield found["key"]
        elif column and len(line) - len(stripped) < column:
            return
