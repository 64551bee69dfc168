"""Commands about the deployments of the project."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

_HERE = (Where.DEPLOYMENTS,)
_BACK = "Make this one active again; what changes is shown first."
_OFF = "Make none active: all schedules are off, runs go on."
DEPLOYMENTS: tuple[Command, ...] = (
    Command("go.deployments", ("g p",), "deployments", "To the deployments: what was deployed, what is active."),
    Command("rollback", ("R",), "roll back", _BACK, _HERE, (Fact.ROWS,), 6, True),
    Command("undeploy", (), "undeploy", _OFF, _HERE, (Fact.JOBS,), 0, True),
)
