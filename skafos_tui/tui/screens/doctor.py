"""What is missing on this machine, and how to get it: the lines of `skafos doctor`, looked at in a thread."""

from __future__ import annotations

from collections.abc import Iterable

from skafos_tui.machine import Check, look_at_machine
from skafos_tui.store.home import Home
from skafos_tui.text.sgr import plain
from skafos_tui.tui.screens.text import TextScreen
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.document import BLANK, Row, Words, says

_ROLES = {"ok": Role.OK, "missing": Role.BAD, "remark": Role.WARN}


class DoctorScreen(TextScreen):
    """The checks of a home; what is missing stands first."""

    def __init__(self, home: Home, *, may_start: bool) -> None:
        """`may_start`: the engine, where there is none."""
        super().__init__("this machine")
        self._home = home
        self._may_start = may_start
        self.document.show([says("looking …", Role.IDLE)])

    def _read(self) -> None:
        checks = look_at_machine(self._home, may_start=self._may_start)
        lacking = sum(check.needed and not check.good for check in checks)
        self.post_message(self.Read(f"this machine: {lacking or 'nothing'} missing", rows_of(checks)))


def rows_of(checks: Iterable[Check]) -> list[Row]:
    """The checks as rows: what is wrong first, each with what helps."""
    rows: list[Row] = []
    for check in sorted(checks, key=lambda check: (check.good, not check.needed)):
        role = _ROLES[check.mark]
        words = Words(f"{check.mark:<8}", role, not check.good)
        rows.append((Words(" "), words, Words(f"{plain(check.name)}: {plain(check.detail)}")))
        if not check.good and check.remedy:
            rows += [says(f"       {plain(check.remedy)}", Role.IDLE), BLANK]
    return rows
