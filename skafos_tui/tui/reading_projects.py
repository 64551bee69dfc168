"""All projects of a home as the store knows them: their last run, what comes next, what needs a person."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from skafos_tui.model.run import Run
from skafos_tui.store.alerts import list_alerts
from skafos_tui.store.projects import list_projects
from skafos_tui.store.runs import latest_run
from skafos_tui.store.schedules import running_schedules
from skafos_tui.text.sgr import plain


@dataclass(frozen=True, slots=True)
class ProjectLine:
    """One project. `deployment` is the number of the active one, `next_at` its next slot (Unix seconds).

    `firing` counts alerts that nobody has acknowledged; `gone` says that the directory isn't there any more.
    """

    token: str
    name: str
    directory: str
    gone: bool = False
    run: Run | None = None
    deployment: int | None = None
    paused: bool = False
    next_at: float | None = None
    firing: int = 0


def read_projects(connection: sqlite3.Connection, now: float) -> tuple[ProjectLine, ...]:
    """The projects, that with the newest run first, then by name."""
    lines = []
    for row in list_projects(connection):
        alerts = list_alerts(connection, row.token)
        lines.append(
            ProjectLine(
                token=row.token,
                name=plain(row.name),
                directory=row.directory,
                gone=not Path(row.directory).is_dir(),
                run=latest_run(connection, row.token),
                deployment=_number(connection, row.active),
                paused=row.paused_at is not None,
                next_at=_next_fire(connection, row.token, now) if row.active is not None else None,
                firing=sum(alert.state == "firing" for alert in alerts),
            )
        )
    return tuple(sorted(lines, key=lambda line: (-(line.run.created_at if line.run else 0.0), line.name)))


def _number(connection: sqlite3.Connection, deployment_id: int | None) -> int | None:
    row = connection.execute("SELECT number FROM deployments WHERE id = ?", (deployment_id,)).fetchone()
    return None if row is None else int(row["number"])


def _next_fire(connection: sqlite3.Connection, token: str, now: float) -> float | None:
    from skafos_tui.tui.reading import next_fire

    fires = [next_fire(row.expression, row.timezone, now) for row in running_schedules(connection, token)]
    return min((at for at in fires if at is not None), default=None)
