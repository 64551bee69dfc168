"""The line between two panes side by side."""

from __future__ import annotations

from textual.strip import Strip

from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.pane import Lines


class Rule(Lines):
    """A vertical line, one cell wide."""

    def render_line(self, y: int) -> Strip:
        return self.strip([("│", self.role(Role.IDLE))])
