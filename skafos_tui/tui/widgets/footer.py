"""The line at the bottom: what works now, from the table of commands; or a sequence that has begun, or a remark."""

from __future__ import annotations

from textual.strip import Strip

from skafos_tui.text.tables import cell_width
from skafos_tui.tui.command import Command, key_name
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.pane import BOLD, PLAIN, Lines, Piece

ALWAYS = frozenset({"help", "palette"})
BEGINS = {"r r": "r"}
"""A sequence that stands for all that begin like it."""


class Footer(Lines):
    """The footer of a screen; never focused."""

    def __init__(self, *, id: str = "footer") -> None:
        super().__init__(id=id)
        self.commands: tuple[Command, ...] = ()
        self.remark = ""

    def show(self, commands: tuple[Command, ...], remark: str = "") -> None:
        """Name these commands, the most important first; a remark takes their place."""
        if (commands, remark) != (self.commands, self.remark):
            self.commands, self.remark = commands, remark
            self.refresh()

    def render_line(self, y: int) -> Strip:
        if self.remark:
            return self.strip([(f" {self.remark}", self.role(Role.WARN))])
        pieces: list[Piece] = []
        for command in fitting(self.commands, self.size.width - 1):
            pieces += [("  " if pieces else " ", PLAIN), (shown_key(command), BOLD)]
            pieces.append((f" {command.title}", self.role(Role.IDLE)))
        return self.strip(pieces)


def fitting(commands: tuple[Command, ...], width: int) -> list[Command]:
    """As many as fit, in their order; the way to all others is always among them."""
    room = width - sum(_width(command) for command in commands if command.id in ALWAYS)
    found = []
    for command in commands:
        if command.id not in ALWAYS:
            room -= _width(command)
            if room < 0:
                continue
        found.append(command)
    return found


def shown_key(command: Command) -> str:
    """The key that the footer names: of `r r` the first one, which lists the others."""
    return BEGINS.get(command.keys[0]) or key_name(command.keys[0])


def _width(command: Command) -> int:
    return cell_width(shown_key(command)) + 1 + cell_width(command.title) + 2
