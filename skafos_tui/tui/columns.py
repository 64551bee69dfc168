"""The columns of the jobs pane by its width; what goes first when it is narrow (SCREENS 1)."""

from __future__ import annotations

from dataclasses import dataclass

BAR = 1
TIME = 7
USUAL = 7
LAST = 8
NEXT = 9
STATE_LEAST, STATE_MOST = 9, 19
NAME_LEAST, NAME_MOST = 26, 44
"""Rails, name and instances together."""
TIMELINE_LEAST = 20


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of each column without the gaps before it; 0: it isn't shown."""

    name: int
    state: int
    usual: int
    last: int
    next: int
    timeline: int

    @property
    def timeline_at(self) -> int:
        """The cell where the timeline begins."""
        return _taken(self) + 2

    def head(self, axis: str) -> str:
        """The heads of the columns behind the title, which takes the place of the first one."""
        text = f"{'STATE':<{self.state}} {'TIME':>{TIME}}"
        if self.usual:
            text += f"{'USUAL':>{USUAL}}"
        if self.last:
            text += f"  {'LAST 8':<{LAST}}"
        if self.next:
            text += f"  {'NEXT':<{NEXT}}"
        return f"{text}  {axis}" if self.timeline else text


def _taken(columns: Columns) -> int:
    taken = BAR + columns.name + columns.state + 1 + TIME + columns.usual
    taken += columns.last + 2 if columns.last else 0
    return taken + (columns.next + 2 if columns.next else 0)


def columns_for(width: int, name_wants: int, state_wants: int) -> Columns:
    """The columns of a pane so many cells wide; the two wants are the widest texts there are.

    NEXT goes first, then LAST 8, then USUAL. A timeline comes with 100 cells.
    """
    columns = Columns(
        NAME_LEAST,
        STATE_LEAST,
        USUAL if width >= 52 else 0,
        LAST if width >= 62 else 0,
        NEXT if width >= 73 else 0,
        TIMELINE_LEAST if width >= 100 else 0,
    )
    spare = width - _taken(columns) - (2 + TIMELINE_LEAST if columns.timeline else 0)
    name = NAME_LEAST + min(max(0, spare), max(0, min(name_wants, NAME_MOST) - NAME_LEAST))
    if spare < 0:
        name = max(8, NAME_LEAST + spare)
    spare -= max(0, name - NAME_LEAST)
    state = STATE_LEAST + min(max(0, spare), max(0, min(state_wants, STATE_MOST) - STATE_LEAST))
    fitted = Columns(name, state, columns.usual, columns.last, columns.next, 0)
    rest = width - _taken(fitted) - 2
    return Columns(name, state, columns.usual, columns.last, columns.next, rest if columns.timeline else 0)
