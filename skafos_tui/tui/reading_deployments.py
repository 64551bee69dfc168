"""The deployments of a project for their screen: which ones there are, and a page of them with what one sees."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from skafos_tui.model.run import ActivationState, DeploymentState, RunState
from skafos_tui.store.activations import list_activations
from skafos_tui.store.deployment_list import DeploymentRow, deployment_rows, what_changed
from skafos_tui.store.projects import ProjectRow, get_project
from skafos_tui.text.durations import local_time
from skafos_tui.text.sgr import plain


@dataclass(frozen=True, slots=True)
class Listing:
    """The numbers of all deployments, newest first; which is active; whether all schedules are paused.

    `notes` is what one has to know before reading the list.
    """

    numbers: array[int] = field(default_factory=lambda: array("q"))
    active: int | None = None
    paused: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeploymentLine:
    """A deployment in words that are safe to show; times are Unix seconds.

    `remark` is the step of an image that is made, or why it could not be. `runs` counts its runs, `run` is the newest
    one.
    """

    number: int
    state: DeploymentState
    active: bool
    waiting: bool
    given_up: bool
    created_at: float
    made_by: str
    changed: str
    remark: str = ""
    runs: int = 0
    run: int | None = None
    run_state: RunState | None = None


def read_listing(connection: sqlite3.Connection, token: str) -> Listing:
    """All deployments of a project; no config is read."""
    row = get_project(connection, token)
    if row is None:
        return Listing()
    cursor = connection.cursor()
    cursor.row_factory = None
    numbers = array(
        "q",
        (
            found[0]
            for found in cursor.execute(
                "SELECT number FROM deployments WHERE project = ? ORDER BY number DESC", (token,)
            )
        ),
    )
    active = connection.execute("SELECT number FROM deployments WHERE id = ?", (row.active,)).fetchone()
    number = None if active is None else int(active["number"])
    return Listing(numbers, number, row.paused_at is not None, tuple(_notes(connection, row, number)))


def _notes(connection: sqlite3.Connection, row: ProjectRow, active: int | None) -> list[str]:
    notes = ["nothing is active, no schedule fires" if active is None else f"{active} is active"]
    if row.problem:
        notes.append(plain(row.problem))
    if row.paused_at is not None:
        notes.append("all schedules are paused")
    last = next(iter(list_activations(connection, row.token, 1)), None)
    if last is not None and last.state is ActivationState.INVALID:
        notes.append(f"the config saved {local_time(last.requested_at)} is invalid")
    elif last is not None and last.state is ActivationState.FAILED:
        notes.append(f"the last {last.kind.value} failed: {plain(last.error)}")
    return notes


def read_lines(
    connection: sqlite3.Connection, token: str, below: int, limit: int, now: float
) -> tuple[DeploymentLine, ...]:
    """The newest deployments with numbers below `below`, newest first; blocking, some configs are compared."""
    row = get_project(connection, token)
    if row is None:
        return ()
    rows = deployment_rows(connection, row, limit, older_than=below)
    runs = _runs(connection, token, [each.deployment.id for each in rows])
    return tuple(_line(each, runs.get(each.deployment.id, _NONE), now) for each in rows)


_Runs = tuple[int, int | None, RunState | None]
_NONE: _Runs = (0, None, None)


def _runs(connection: sqlite3.Connection, token: str, ids: Sequence[int]) -> dict[int, _Runs]:
    """How many runs each deployment has, and the newest of them."""
    marks = ", ".join("?" * len(ids))
    # The state is that of the row with the greatest id: so SQLite defines it for a lone MAX.
    query = (
        "SELECT deployment, COUNT(*) AS count, MAX(id) AS newest, state FROM runs"
        f" WHERE project = ? AND deployment IN ({marks}) GROUP BY deployment"
    )
    found = connection.execute(query, (token, *ids))
    return {row["deployment"]: (row["count"], row["newest"], RunState(row["state"])) for row in found}


def _line(row: DeploymentRow, runs: _Runs, now: float) -> DeploymentLine:
    each = row.deployment
    remark = {DeploymentState.BUILDING: each.step, DeploymentState.FAILED: each.error}.get(each.state, "")
    return DeploymentLine(
        each.number,
        each.state,
        row.active,
        row.waiting,
        each.collected_at is not None,
        each.created_at,
        plain(row.made_by),
        plain(what_changed(row.before, each, now)),
        plain(remark),
        *runs,
    )
