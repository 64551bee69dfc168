"""Commands that lead to the history."""

from __future__ import annotations

from skafos_tui.tui.command import Command

HISTORY: tuple[Command, ...] = (
    Command("go.dashboard", ("g d",), "dashboard", "To the dashboard."),
    Command("go.history", ("g h",), "history", "To the history: all runs, with a search."),
)
