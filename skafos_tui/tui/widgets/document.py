"""A text to read, in sections: only what is visible is laid out; long rows go on in the next line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.style import Style
from textual import events
from textual.strip import Strip

from skafos_tui.text.tables import cell_width, character_width
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.pane import BOLD, PLAIN, Lines, Piece

WHEEL = 3


class Words(NamedTuple):
    """A part of a row: safe text, the role of its colour (None: the text's own), and its weight."""

    text: str
    role: Role | None = None
    bold: bool = False


Row = tuple[Words, ...]
BLANK: Row = ()


def heading(text: str, remark: str = "") -> Row:
    """The row that a section begins with."""
    return (Words(text, None, True), Words(f"  {remark}" if remark else "", Role.IDLE))


def says(text: str, role: Role | None = None) -> Row:
    """A row of one colour, set in a little."""
    return (Words("  "), Words(text, role))


def sections(*parts: Sequence[Row]) -> list[Row]:
    """Sections with a blank row between them; empty ones are left out."""
    rows: list[Row] = []
    for part in filter(None, parts):
        rows += [BLANK, *part] if rows else part
    return rows


class Document(Lines, can_focus=True):
    """Rows that scroll; moved by the commands of lists."""

    DEFAULT_CSS = "Document { height: 1fr; }"

    def __init__(self, rows: Iterable[Row] = (), *, id: str = "document") -> None:
        super().__init__(id=id)
        self._rows = list(rows)
        self._lines: list[Row] = []
        self._laid_for = -1
        self._top = 0

    @property
    def rows(self) -> Sequence[Row]:
        """All of it."""
        return self._rows

    def show(self, rows: Iterable[Row]) -> None:
        """Show other rows from where the reader is."""
        self._rows = list(rows)
        self._laid_for = -1
        self._show_from(self._top)
        self.refresh()

    def do_down(self) -> None:
        self._show_from(self._top + 1)

    def do_up(self) -> None:
        self._show_from(self._top - 1)

    def do_page_down(self) -> None:
        self._show_from(self._top + max(1, self.size.height // 2))

    def do_page_up(self) -> None:
        self._show_from(self._top - max(1, self.size.height // 2))

    def do_top(self) -> None:
        self._show_from(0)

    def do_bottom(self) -> None:
        self._show_from(len(self._laid()))

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self._show_from(self._top + WHEEL)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self._show_from(self._top - WHEEL)

    def on_resize(self, _event: events.Resize) -> None:
        self._show_from(self._top)

    def render_line(self, y: int) -> Strip:
        lines = self._laid()
        at = self._top + y
        return self.strip([(" ", PLAIN), *self._pieces(lines[at])] if at < len(lines) else [])

    def _pieces(self, row: Row) -> list[Piece]:
        return [(part.text, self._style(part)) for part in row]

    def _style(self, part: Words) -> Style:
        if part.role is None:
            return BOLD if part.bold else PLAIN
        return self.role(part.role, bold=part.bold)

    def _laid(self) -> list[Row]:
        """The rows as lines of the widget's width."""
        width = max(8, self.size.width - 1)
        if self._laid_for != width:
            self._lines = [line for row in self._rows for line in folded(row, width)]
            self._laid_for = width
        return self._lines

    def _show_from(self, top: int) -> None:
        top = max(0, min(top, len(self._laid()) - max(1, self.size.height)))
        if top != self._top:
            self._top = top
            self.refresh()


def folded(row: Row, width: int) -> Iterator[Row]:
    """A row as lines of at most `width` cells; what goes on is set in by four."""
    if sum(cell_width(part.text) for part in row) <= width:
        yield row
        return
    line: list[Words] = []
    room = width
    for part in row:
        text = part.text
        while text:
            taken = _fitting(text, room)
            if taken:
                line.append(part._replace(text=text[:taken]))
                room -= cell_width(text[:taken])
                text = text[taken:]
            if text:
                yield tuple(line)
                line, room = [Words("    ")], width - 4
    yield tuple(line)


def _fitting(text: str, room: int) -> int:
    """How many characters of a text fit into so many cells."""
    if text.isascii():
        return min(len(text), room)
    used = 0
    for number, character in enumerate(text):
        used += character_width(character)
        if used > room:
            return number
    return len(text)
