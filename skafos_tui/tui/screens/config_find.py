"""Finding in the config's text: one line to type in, the place found is marked."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Input, Static

from skafos_tui.tui.editor.config_text import ConfigText


def places_of(text: str, wanted: str) -> list[int]:
    """The offsets at which a text has another in it, upper and lower case alike."""
    found, low, what = [], text.lower(), wanted.lower()
    if len(low) != len(text):
        # Few letters are longer in lower case; then the case counts, so that offsets stay true.
        low, what = text, wanted
    at = low.find(what) if what else -1
    while at >= 0:
        found.append(at)
        at = low.find(what, at + len(what))
    return found


class FindLine(Horizontal):
    """`find:` and what is typed; Enter goes on to the next place, Esc back into the text."""

    BINDINGS: ClassVar = [
        Binding("escape", "close", show=False),
        Binding("enter,ctrl+f,down", "next(1)", show=False, priority=True),
        Binding("up", "next(-1)", show=False, priority=True),
    ]

    def __init__(self, buffer: ConfigText) -> None:
        super().__init__(id="ask")
        self._buffer = buffer
        self._from = 0

    def compose(self) -> ComposeResult:
        yield Static(" find: ", markup=False)
        yield Input(select_on_focus=True)
        yield Static("", id="count", markup=False)

    def open(self) -> None:
        """Take the keys; what is marked in one line is looked for."""
        marked = self._buffer.selected_text
        self._from = self._buffer.config.offset_of(min(self._buffer.selection))
        box = self.query_one(Input)
        if marked and "\n" not in marked and "\r" not in marked:
            box.value = marked
        self.display = True
        box.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Mark the first place from where the finding began."""
        event.stop()
        self._mark(self._from, 1)

    def action_next(self, by: int) -> None:
        """The next place, or the one before; around the end it goes on at the other one."""
        start, end = sorted(self._buffer.selection)
        self._mark(self._buffer.config.offset_of(end if by > 0 else start), by)

    def action_close(self) -> None:
        """Back into the text; what was found stays marked."""
        self.display = False
        self._buffer.focus()

    def _mark(self, start: int, by: int) -> None:
        wanted = self.query_one(Input).value
        places = places_of(self._buffer.text, wanted)
        count = self.query_one("#count", Static)
        if not places:
            count.update("not found " if wanted else "")
            return
        if by > 0:
            index = next((index for index, place in enumerate(places) if place >= start), 0)
        else:
            index = max((index for index, place in enumerate(places) if place < start), default=len(places) - 1)
        self._buffer.mark(places[index], places[index] + len(wanted))
        count.update(f"{index + 1} of {len(places)} ")
