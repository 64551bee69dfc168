"""A list of rows with a head, one of them selected; only what is visible is asked for, so it may have any length."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.message import Message
from textual.strip import Strip

from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.pane import BOLD, FOCUS, PLAIN, Lines, Piece

WHEEL = 3


class Table(Lines, can_focus=True):
    """`row(number, chosen)` gives the pieces of a row and `head()` those of the line above all rows."""

    DEFAULT_CSS = "Table { height: 1fr; }"

    class Selected(Message):
        """Another row is selected."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    class Opened(Message):
        """A row was clicked twice."""

    def __init__(
        self,
        head: Callable[[], Sequence[Piece]],
        row: Callable[[int, bool], Sequence[Piece]],
        *,
        id: str = "table",
    ) -> None:
        super().__init__(id=id)
        self._head = head
        self._row = row
        self.count = 0
        self.selected = 0
        self._top = 0

    def show(self, count: int, selected: int | None = None) -> None:
        """There are so many rows now, or they read otherwise."""
        self.count = count
        wanted = self.selected if selected is None else selected
        self.selected = max(0, min(wanted, count - 1))
        self._bring_into_sight()
        self.refresh()

    def select(self, number: int) -> None:
        """Select a row and bring it into sight."""
        number = max(0, min(number, self.count - 1))
        if number != self.selected and self.count:
            self.selected = number
            self._bring_into_sight()
            self.refresh()
            self.post_message(self.Selected(number))

    def do_down(self) -> None:
        self.select(self.selected + 1)

    def do_up(self) -> None:
        self.select(self.selected - 1)

    def do_page_down(self) -> None:
        self.select(self.selected + max(1, (self.size.height - 1) // 2))

    def do_page_up(self) -> None:
        self.select(self.selected - max(1, (self.size.height - 1) // 2))

    def do_top(self) -> None:
        self.select(0)

    def do_bottom(self) -> None:
        self.select(self.count - 1)

    def on_resize(self, _event: events.Resize) -> None:
        self._bring_into_sight()

    def on_click(self, event: events.Click) -> None:
        number = self._top + event.y - 1
        if event.y >= 1 and number < self.count:
            self.select(number)
            if event.chain == 2:
                self.post_message(self.Opened())

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self.select(self.selected + WHEEL)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self.select(self.selected - WHEEL)

    def render_line(self, y: int) -> Strip:
        if y == 0:
            return self.strip([(" ", PLAIN), *((text, self.role(Role.IDLE)) for text, _ in self._head())])
        number = self._top + y - 1
        if number >= self.count:
            return self.strip([])
        chosen = number == self.selected
        bar: Piece = (FOCUS if chosen else " ", self.role(Role.RUN, bold=True))
        pieces = self._row(number, chosen)
        return self.strip([bar, *((text, style + BOLD if chosen else style) for text, style in pieces)])

    def _bring_into_sight(self) -> None:
        height = max(1, self.size.height - 1)
        self._top = max(0, min(self._top, self.selected, self.count - height))
        self._top = max(self._top, self.selected - height + 1)
