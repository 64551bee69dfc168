"""Where a `g` leads, for who has waited: any key goes on with the sequence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from skafos_tui.text.tables import pad
from skafos_tui.tui.command import TYPED, Command, key_name
from skafos_tui.tui.screens.popup import PopupScreen

PREFIX = "g "


class GoMenu(PopupScreen["str | None"]):
    """Gives the key that was typed, or None where the sequence was given up."""

    # Every key is the sequence's, `q` too.
    BINDINGS: ClassVar = []

    def __init__(self, working: Iterable[Command]) -> None:
        super().__init__()
        self._working = tuple(working)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static("\n".join(menu_lines(self._working)), markup=False)

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self.dismiss(None if TYPED.get(event.key, event.key) in ("escape", "q", "ctrl+c") else event.key)


def menu_lines(working: Iterable[Command]) -> list[str]:
    """One line a place: the key that goes on, and where it leads."""
    found = [
        (key.removeprefix(PREFIX), command) for command in working for key in command.keys if key.startswith(PREFIX)
    ]
    return [f"{pad(key_name(key), 4)} {command.title}" for key, command in found]
