"""The small list of what can be written at the cursor."""

from __future__ import annotations

from textual import events
from textual.geometry import Offset, Size
from textual.message import Message
from textual.strip import Strip

from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import cell_width, clip, pad
from skafos_tui.tui.editor.complete import Suggestion
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.pane import BOLD, PLAIN, Lines

ROWS = 7
WIDEST = 72
_LABELS = 36


class CompletionList(Lines):
    """A few suggestions, one of them chosen; it has no focus, the keys stay the editor's."""

    DEFAULT_CSS = """
    CompletionList {
        overlay: screen;
        background: $panel;
        display: none;
    }
    """

    class Taken(Message):
        """A suggestion was clicked."""

        def __init__(self, suggestion: Suggestion) -> None:
            super().__init__()
            self.suggestion = suggestion

    def __init__(self, *, id: str = "completion") -> None:
        super().__init__(id=id)
        self.suggestions: tuple[Suggestion, ...] = ()
        self.chosen = 0

    @property
    def is_open(self) -> bool:
        """Whether there is something to take."""
        return bool(self.suggestions)

    @property
    def current(self) -> Suggestion | None:
        """The chosen one."""
        return self.suggestions[self.chosen] if self.suggestions else None

    def offer(self, suggestions: tuple[Suggestion, ...], cursor: Offset, screen: Size) -> None:
        """Show these at the cursor, the first one chosen; nothing closes the list."""
        self.chosen = 0
        self.suggestions = suggestions
        self.display = bool(suggestions)
        if not suggestions:
            return
        labels = max(min(_LABELS, cell_width(plain(each.label))) for each in suggestions)
        helps = max(cell_width(plain(each.help)) for each in suggestions)
        width = min(labels + helps + 4, WIDEST, screen.width)
        height = min(len(suggestions), ROWS)
        below = cursor.y + 1
        y = below if below + height < screen.height else max(0, cursor.y - height)
        self.styles.width, self.styles.height = width, height
        self.absolute_offset = Offset(max(0, min(cursor.x - 1, screen.width - width)), y)
        self.refresh(layout=True)

    def choose_next(self) -> None:
        """The next one."""
        self.chosen = (self.chosen + 1) % max(1, len(self.suggestions))
        self.refresh()

    def close(self) -> None:
        """Show nothing any more."""
        self.suggestions = ()
        self.display = False

    def on_click(self, event: events.Click) -> None:
        event.stop()
        at = self._first() + event.y
        if at < len(self.suggestions):
            self.post_message(self.Taken(self.suggestions[at]))

    def render_line(self, y: int) -> Strip:
        at = self._first() + y
        if at >= len(self.suggestions):
            return self.strip([])
        each = self.suggestions[at]
        labels = max(min(_LABELS, cell_width(plain(other.label))) for other in self.suggestions)
        style = self.skafos.reverse if at == self.chosen else PLAIN
        faint = style if at == self.chosen else self.role(Role.IDLE)
        room = max(0, self.size.width - labels - 4)
        return self.strip(
            [
                (f" {pad(clip(plain(each.label), labels), labels)} ", style + BOLD),
                (f" {pad(clip(plain(each.help), room), room)} ", faint),
            ]
        )

    def _first(self) -> int:
        """The suggestion in the first row."""
        return max(0, self.chosen - ROWS + 1)
