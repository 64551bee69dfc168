"""The rows of a log pane: what of the logs stands on the screen, drawn; without keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.message import Message
from textual.strip import Strip

from skafos_tui.store.logs.finder import Finder
from skafos_tui.store.logs.view import Place
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.log.drawing import Drawing, Drawn, draw, gutter
from skafos_tui.tui.widgets.log.prompt import Prompt
from skafos_tui.tui.widgets.log.reading import Reading
from skafos_tui.tui.widgets.log.viewport import Viewport
from skafos_tui.tui.widgets.pane import FOCUS, Pane, Piece

REVERSE = Style(reverse=True)


class LogRows(Pane):
    """A window on logs; `cursor` is the current line, None while the newest one is followed."""

    class Status(Message, namespace="log_pane"):
        """One sentence on what a key has done or why it did nothing."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Found(Message, namespace="log_pane"):
        """A search has found something."""

        def __init__(self, finder: Finder, batch: bytes) -> None:
            super().__init__()
            self.finder = finder
            self.batch = batch

    def __init__(self, number: int, name: str, *, id: str) -> None:
        super().__init__(number, name, id=id)
        self.reading = Reading(self._tell_found)
        self.viewport = Viewport(self.reading.view, lambda place: len(self._drawn(place).rows))
        self.cursor: Place | None = None
        self.marks: set[tuple[Path | None, int]] = set()
        self.prompt: Prompt | None = None
        self._how = Drawing(80)
        self._base_of_rows: Style | None = None
        self._strips: LRUCache[tuple[int, int], Drawn] = LRUCache(512)
        self._rows: list[tuple[Place, int]] | None = None

    @property
    def following(self) -> bool:
        """Whether the newest line is kept on the screen."""
        return self.viewport.following

    @property
    def how(self) -> Drawing:
        """How lines are drawn now."""
        return self._how

    @property
    def rich_style(self) -> Style:
        """The pane's own style; kept, for Textual puts it together anew for each line."""
        if self._base_of_rows is None:
            self._base_of_rows = super().rich_style
        return self._base_of_rows

    def notify_style_update(self) -> None:
        """Another theme: all is drawn anew."""
        self._base_of_rows = None
        self._strips.clear()
        super().notify_style_update()

    def on_resize(self, event: events.Resize) -> None:
        """Another width draws all lines anew; the one at the top stays."""
        self._draw_as(width=event.size.width)

    def render_line(self, y: int) -> Strip:
        """The title, a row, or the line that is typed."""
        if y == 0:
            return self.title_strip()
        if self.prompt is not None and y == self.size.height - 1:
            return self.strip(self._prompt_row(self.prompt))
        return self.strip(self.row(y - 1))

    def row(self, number: int) -> list[Piece]:
        """The pieces of a row."""
        rows = self._window()
        if number >= len(rows):
            return []
        place, part = rows[number]
        drawn = self._drawn(place)
        if self._how.bare:
            return drawn.rows[part]
        chosen = self.cursor is not None and self.cursor.key == place.key and not self.following
        marked = self.reading.key_of(place) in self.marks
        mark = "*" if marked else FOCUS if chosen else " "
        before = gutter(drawn, part, mark, self.skafos.roles)
        if marked and chosen:
            before = [(text, style + REVERSE) for text, style in before]
        return [*before, *drawn.rows[part]]

    def say(self, text: str) -> None:
        """Tell one sentence; callable from any thread."""
        self.post_message(self.Status(text))

    def current(self) -> Place | None:
        """The current line: where the cursor is, else the last one on the screen."""
        rows = self._window()
        if self.cursor is not None and not self.following:
            return self.cursor
        return rows[-1][0] if rows else None

    def _tell_found(self, finder: Finder, batch: bytes) -> None:
        self.post_message(self.Found(finder, batch))

    def _window(self) -> list[tuple[Place, int]]:
        if self._rows is None:
            self._rows = [(row.place, row.part) for row in self.viewport.rows()]
        return self._rows

    def _drawn(self, place: Place) -> Drawn:
        drawn = self._strips.get(place.key)
        if drawn is None:
            event = self.reading.is_event(place.source)
            label = self.reading.labels[place.source]
            line = self.reading.view.line(place)
            drawn = draw(line, label, self._how, event=event, roles=self.skafos.roles)
            self._strips[place.key] = drawn
        return drawn

    def _redraw(self) -> None:
        self._rows = None
        self.refresh()

    def _draw_as(self, **changes: object) -> None:
        self._how = replace(self._how, **changes)  # type: ignore[arg-type]
        self._strips.clear()
        self.viewport.height = max(1, self.size.height - 1 - (self.prompt is not None))
        self.viewport.change(self.reading.view)
        self._redraw()

    def _prompt_row(self, prompt: Prompt) -> list[Piece]:
        text = prompt.text + " "
        room = max(1, self.size.width - len(prompt.asked.value) - 1)
        start = max(0, prompt.cursor - room + 1)
        at = prompt.cursor
        pieces = [(text[start:at], Style()), (text[at], REVERSE), (text[at + 1 :], Style())]
        return [(prompt.asked.value, self.role(Role.RUN)), *pieces]
