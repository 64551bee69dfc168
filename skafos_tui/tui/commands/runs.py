"""Commands about runs: what changed in one, what it is made of, and doing one again."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

_RUN = (Where.DASHBOARD,)
RUNS: tuple[Command, ...] = (
    Command("diff", ("D",), "diff", "What changed since the last good run.", _RUN, (Fact.RUN,), 25),
)
