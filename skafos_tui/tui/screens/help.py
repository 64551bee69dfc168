"""What the keys do here, by place, from the table of commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from skafos_tui.text.tables import pad
from skafos_tui.tui.command import TYPED, Command, Where, key_name
from skafos_tui.tui.keymap import OWN
from skafos_tui.tui.screens.popup import PopupScreen

_KEYS_WIDTH = 14
_TEXT_WIDTH = 54
_WIDE = {Where.DASHBOARD: "On the dashboard", Where.ANYWHERE: "Everywhere"}
YOURS = "Your own"


class HelpScreen(PopupScreen[None]):
    """The commands that work now, with their keys and a sentence each; the nearest place first."""

    CSS = "HelpScreen > .box { width: 78; }"
    MOVES: ClassVar = {"j": "scroll_down", "k": "scroll_up", "ctrl+d": "scroll_page_down", "ctrl+u": "scroll_page_up"}
    MOVES |= {"space": "scroll_page_down", "G": "scroll_end", "g": "scroll_home"}

    def __init__(self, working: Iterable[Command]) -> None:
        super().__init__()
        self._working = tuple(working)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box"):
            yield Static("\n".join(help_lines(self._working)), markup=False)

    def on_key(self, event: events.Key) -> None:
        """Moves as everywhere; the key that has opened it closes it."""
        if TYPED.get(event.key, event.key) in ("?", "f1"):
            self.dismiss(None)
        elif event.key in self.MOVES:
            getattr(self.query_one(VerticalScroll), self.MOVES[event.key])(animate=False)


def help_lines(commands: Iterable[Command]) -> list[str]:
    """A heading for each place and one line a command: its keys, and what it does."""
    lines: list[str] = []
    for heading, found in by_place(tuple(commands)):
        lines += ["", heading] if lines else [heading]
        for command in found:
            keys = " ".join(key_name(key) for key in command.keys)
            # Sentences are cut at blanks into a column of their own.
            first, *more = wrap(command.help, _TEXT_WIDTH)
            lines.append(f"  {pad(keys, _KEYS_WIDTH)} {first}")
            lines += [" " * (_KEYS_WIDTH + 3) + part for part in more]
    return lines


def by_place(commands: Sequence[Command]) -> list[tuple[str, list[Command]]]:
    """The commands under the place that each belongs to: panes first, the user's own last."""
    groups: dict[str, list[Command]] = {}
    for command in commands:
        groups.setdefault(_heading(command), []).append(command)
    last = [*_WIDE.values(), YOURS]
    order = sorted(groups, key=lambda heading: last.index(heading) if heading in last else -1)
    return [(heading, groups[heading]) for heading in order]


def _heading(command: Command) -> str:
    if command.id.startswith(OWN):
        return YOURS
    wide = next((where for where in _WIDE if where in command.where), None)
    return "Here" if wide is None else _WIDE[wide]
