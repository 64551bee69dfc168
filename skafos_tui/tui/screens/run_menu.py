"""What can be run, for who has waited after `r`: each key with the command that does the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from skafos_tui.text.tables import cell_width, clip, pad
from skafos_tui.tui.command import Command, key_name
from skafos_tui.tui.screens.go_menu import GoMenu

PREFIX = "r "
_COMMAND_WIDTH = 40


class RunMenu(GoMenu):
    """Gives the key that was typed, or None; `equal` are the `skafos` commands by command id, `of` whom it is about."""

    def __init__(self, working: Iterable[Command], equal: Mapping[str, str], of: str) -> None:
        super().__init__(working)
        self._equal = equal
        self._of = of

    def compose(self) -> ComposeResult:
        with Vertical(classes="box wide"):
            yield Static("\n".join([f"run {self._of}", "", *run_lines(self._working, self._equal)]), markup=False)


def run_lines(working: Iterable[Command], equal: Mapping[str, str]) -> list[str]:
    """One line a command: the key that goes on, what it does, and the command that does the same."""
    rows = [(key.removeprefix(PREFIX), each) for each in working for key in each.keys if key.startswith(PREFIX)]
    width = max((cell_width(each.title) for _, each in rows), default=0)
    return [
        f"{pad(key_name(key), 3)} {pad(each.title, width)}   {clip(equal.get(each.id, ''), _COMMAND_WIDTH)}".rstrip()
        for key, each in rows
    ]
