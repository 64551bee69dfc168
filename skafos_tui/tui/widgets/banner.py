"""The line below the header that says what is missing, and which key says more."""

from __future__ import annotations

from textual.strip import Strip

from skafos_tui.text.tables import cell_width, clip
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.pane import BOLD, PLAIN, Lines

KEY, SAYS = "!", " doctor"


class Banner(Lines):
    """One line; never focused."""

    def __init__(self, *, id: str = "banner") -> None:
        super().__init__(id=id)
        self.text = ""

    def show(self, text: str) -> None:
        """Say this."""
        if text != self.text:
            self.text = text
            self.refresh()

    def render_line(self, y: int) -> Strip:
        room = self.size.width - 4 - cell_width(KEY + SAYS)
        style = self.role(Role.WARN, bold=True)
        told = (clip(self.text, max(0, room)), style)
        return self.strip([(" ", PLAIN), told, ("  ", PLAIN), (KEY, BOLD), (SAYS, self.role(Role.IDLE))])
