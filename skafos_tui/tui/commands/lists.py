"""Moving in whatever has rows: one key, one meaning in all of them."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

_HERE = (Where.TEXT, Where.HISTORY, Where.DEPLOYMENTS, Where.PROJECTS, Where.JOBS, Where.LOG, Where.GRAPH, Where.ALERTS)
_WITH = (Fact.ROWS,)
LISTS: tuple[Command, ...] = (
    Command("down", ("j", "down"), "down", "One row down.", _HERE, _WITH),
    Command("up", ("k", "up"), "up", "One row up.", _HERE, _WITH),
    Command("page.down", ("ctrl+d", "pagedown"), "half a page down", "Half a page down.", _HERE, _WITH),
    Command("page.up", ("ctrl+u", "pageup"), "half a page up", "Half a page up.", _HERE, _WITH),
    Command("top", ("g g", "home"), "top", "To the first row.", _HERE, _WITH),
    Command("bottom", ("G", "end"), "bottom", "To the last row.", _HERE, _WITH),
)
