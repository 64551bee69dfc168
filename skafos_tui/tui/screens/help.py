"""What the keys do here, from the table of commands."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from skafos_tui.text.tables import pad
from skafos_tui.tui.command import Command, key_name
from skafos_tui.tui.screens.popup import PopupScreen

_KEYS_WIDTH = 14


class HelpScreen(PopupScreen[None]):
    """The commands that work now, with their keys and a sentence each."""

    def __init__(self, working: Iterable[Command]) -> None:
        super().__init__()
        self._working = tuple(working)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box"):
            yield Static("\n".join(help_lines(self._working)), markup=False)


def help_lines(commands: Iterable[Command]) -> list[str]:
    """One line a command: its keys, and what it does."""
    lines = []
    for command in commands:
        keys = " ".join(key_name(key) for key in command.keys)
        lines.append(f"{pad(keys, _KEYS_WIDTH)} {command.help}")
    return lines
