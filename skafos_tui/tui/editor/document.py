"""The edited text, exact to the byte: every line keeps its own line break, and a syntax tree goes with it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from itertools import accumulate
from typing import TYPE_CHECKING

from textual._cells import cell_len
from textual.document._document import Document, EditResult, Location
from textual.geometry import Size

if TYPE_CHECKING:
    from tree_sitter import Tree

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
Moved = Callable[[Location, Location, Location], None]
"""Is told of a replacement: where it begins, where the old text ended, where the new one ends."""


def split_lines(text: str) -> tuple[list[str], list[str]]:
    """The lines of a text and the line break after each, empty after the last; there is always a last line."""
    lines, ends, at = [], [], 0
    for found in _LINE_BREAK.finditer(text):
        lines.append(text[at : found.start()])
        ends.append(found.group())
        at = found.end()
    return [*lines, text[at:]], [*ends, ""]


def usual_newline(ends: list[str]) -> str:
    """The line break that most lines have; of equals the first."""
    found = Counter(end for end in ends if end).most_common(1)
    return found[0][0] if found else "\n"


class ConfigDocument(Document):
    """A text of lines and columns whose line breaks are never made alike.

    `on_moved` is told of every replacement, undone ones too.
    """

    def __init__(self, text: str, on_moved: Moved | None = None) -> None:
        super().__init__("")
        self._lines, self._ends = split_lines(text)
        self._usual = usual_newline(self._ends)
        self._text: str | None = text
        self._starts = list(accumulate(map(_length, self._lines, self._ends), initial=0))[:-1]
        self._widths: list[int] | None = None
        self._tab_width = 0
        self._on_moved = on_moved
        self._tree: Tree | None = None
        self._tree_is_old = True

    @property
    def text(self) -> str:
        """The whole text, as it would be saved."""
        if self._text is None:
            self._text = "".join(map("".join, zip(self._lines, self._ends, strict=True)))
        return self._text

    @property
    def usual_newline(self) -> str:
        """The line break that new lines get."""
        return self._usual

    @property
    def tree(self) -> Tree | None:
        """The syntax tree of the text, of broken YAML too; None where the text is no text for the parser."""
        if self._tree_is_old:
            from skafos_tui.tui.editor.syntax import parse

            self._tree = parse(self.text, self._lines, self._tree)
            self._tree_is_old = False
        return self._tree

    def offset_of(self, location: Location) -> int:
        """The offset in the text of a place in it."""
        row, column = location
        return self._starts[row] + column

    def location_of(self, offset: int) -> Location:
        """The place of an offset; between the two characters of a line break it is the end of the line."""
        starts = self._starts
        row = bisect_right(starts, max(0, offset)) - 1
        return row, min(offset - starts[row], len(self._lines[row]))

    def get_size(self, tab_width: int) -> Size:
        """The cells of the longest line, and the number of lines."""
        if self._widths is None or tab_width != self._tab_width:
            self._tab_width = tab_width
            self._widths = self._widths_of(self._lines)
        return Size(max(self._widths), len(self._lines))

    def get_index_from_location(self, location: Location) -> int:
        return self.offset_of(location)

    def get_location_from_index(self, index: int) -> Location:
        return self.location_of(index)

    def get_text_range(self, start: Location, end: Location) -> str:
        """The text between two places, with the line breaks that stand there."""
        top, bottom = sorted((self._inside(start), self._inside(end)))
        return self.text[self.offset_of(top) : self.offset_of(bottom)]

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        """Replace a stretch by a text, whose line breaks are taken as they are."""
        top, bottom = sorted((self._inside(start), self._inside(end)))
        whole, first, last = self.text, self.offset_of(top), self.offset_of(bottom)
        replaced = whole[first:last]
        lines, ends = split_lines(text)
        new_end = (top[0] + len(lines) - 1, len(lines[-1]) + (top[1] if len(lines) == 1 else 0))
        self._edit_tree(whole, (first, last), text, (top, bottom, new_end))
        lines[0] = self._lines[top[0]][: top[1]] + lines[0]
        lines[-1] += self._lines[bottom[0]][bottom[1] :]
        ends[-1] = self._ends[bottom[0]]
        self._lines[top[0] : bottom[0] + 1] = lines
        self._ends[top[0] : bottom[0] + 1] = ends
        if self._widths is not None:
            self._widths[top[0] : bottom[0] + 1] = self._widths_of(lines)
        self._starts[top[0] :] = self._starts_after(top[0], len(lines), bottom[0], len(text) - (last - first))
        self._text = f"{whole[:first]}{text}{whole[last:]}"
        if self._on_moved is not None:
            self._on_moved(top, bottom, new_end)
        return EditResult(new_end, replaced)

    def _inside(self, location: Location) -> Location:
        row, column = location
        if row >= len(self._lines):
            return self.end
        return max(0, row), max(0, min(column, len(self._lines[row])))

    def _starts_after(self, row: int, new_rows: int, old_last: int, by: int) -> list[int]:
        """The offsets of the lines from one on, after lines in their place became others."""
        fresh = slice(row, row + new_rows)
        lengths = map(_length, self._lines[fresh], self._ends[fresh])
        starts = list(accumulate(lengths, initial=self._starts[row]))[:-1]
        return [*starts, *(start + by for start in self._starts[old_last + 1 :])]

    def _widths_of(self, lines: list[str]) -> list[int]:
        return [cell_len(line.expandtabs(self._tab_width)) for line in lines]

    def _edit_tree(
        self, whole: str, span: tuple[int, int], text: str, places: tuple[Location, Location, Location]
    ) -> None:
        """Tell the tree what moves, so that the next parse reads only what is new."""
        self._tree_is_old = True
        if self._tree is None:
            return
        first, last = span
        top, bottom, new_end = places
        start_byte = _bytes(whole, 0, first)
        top_column = _bytes(self._lines[top[0]], 0, top[1])
        last_line = text if new_end[0] == top[0] else split_lines(text)[0][-1]
        self._tree.edit(
            start_byte=start_byte,
            old_end_byte=start_byte + _bytes(whole, first, last),
            new_end_byte=start_byte + _bytes(text, 0, len(text)),
            start_point=(top[0], top_column),
            old_end_point=(bottom[0], _bytes(self._lines[bottom[0]], 0, bottom[1])),
            new_end_point=(
                new_end[0],
                _bytes(last_line, 0, len(last_line)) + (top_column if top[0] == new_end[0] else 0),
            ),
        )


def _length(line: str, end: str) -> int:
    return len(line) + len(end)


def _bytes(text: str, start: int, end: int) -> int:
    """How many bytes of UTF-8 a stretch has."""
    return end - start if text.isascii() else len(text[start:end].encode("utf-8", "surrogatepass"))
