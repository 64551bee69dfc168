"""Commands about what needs a person."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

_HELP = "Take notice of this alert (again: take that back), or of the failure that is shown."
ALERTS: tuple[Command, ...] = (
    Command("ack", ("a",), "ack", _HELP, (Where.DASHBOARD,), (Fact.TO_ACK,), 28, changes=True),
)
