"""Activations in the state database: every change of what schedules use, and every attempt at it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from skafos_tui.model.run import Activation, ActivationKind, ActivationState
from skafos_tui.store.database import note_change

KEPT = 1000
"""How many activations of a project are kept: with an edit every minute those of a long day."""


def activation_from(row: sqlite3.Row) -> Activation:
    """The activation in a row of `activations`."""
    return Activation(
        id=row["id"],
        project=row["project"],
        kind=ActivationKind(row["kind"]),
        state=ActivationState(row["state"]),
        deployment=row["deployment"],
        previous=row["previous"],
        requested_at=row["requested_at"],
        decided_at=row["decided_at"],
        config_digest=row["config_digest"],
        plan=row["plan"],
        findings=tuple(json.loads(row["findings"])),
        error=row["error"],
        run_id=row["run_id"],
    )


def insert_activation(
    connection: sqlite3.Connection,
    *,
    project: str,
    kind: ActivationKind,
    state: ActivationState,
    deployment: int | None,
    previous: int | None,
    request_id: str,
    now: float,
    config_digest: str = "",
    plan: str = "{}",
    findings: Sequence[str] = (),
    error: str = "",
    run_id: int | None = None,
) -> int:
    """Write an activation; its id. Raises sqlite3.IntegrityError where the request made one before."""
    cursor = connection.execute(
        "INSERT INTO activations (project, kind, state, deployment, previous, request_id, requested_at, decided_at,"
        " config_digest, plan, findings, error, run_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            project,
            kind,
            state,
            deployment,
            previous,
            request_id,
            now,
            None if state is ActivationState.WAITING else now,
            config_digest,
            plan,
            json.dumps(list(findings)),
            error,
            run_id,
        ),
    )
    assert cursor.lastrowid is not None
    if cursor.lastrowid % 100 == 0:
        _drop_old(connection, project)
    note_change(connection, "activation", cursor.lastrowid)
    return cursor.lastrowid


def _drop_old(connection: sqlite3.Connection, project: str) -> None:
    connection.execute(
        "DELETE FROM activations WHERE project = ? AND state != 'waiting' AND id <="
        " (SELECT id FROM activations WHERE project = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (project, project, KEPT),
    )


def get_activation(connection: sqlite3.Connection, activation_id: int) -> Activation | None:
    """The activation with this id."""
    row = connection.execute("SELECT * FROM activations WHERE id = ?", (activation_id,)).fetchone()
    return None if row is None else activation_from(row)


def activation_of_request(connection: sqlite3.Connection, request_id: str) -> Activation | None:
    """The activation that a request with this id of its sender has made."""
    row = connection.execute("SELECT * FROM activations WHERE request_id = ?", (request_id,)).fetchone()
    return None if row is None else activation_from(row)


def list_activations(connection: sqlite3.Connection, project: str, limit: int = -1) -> list[Activation]:
    """The activations of a project, newest first."""
    rows = connection.execute("SELECT * FROM activations WHERE project = ? ORDER BY id DESC LIMIT ?", (project, limit))
    return [activation_from(row) for row in rows]


def waiting_activations(connection: sqlite3.Connection, project: str | None = None) -> list[Activation]:
    """The activations that are not decided yet, oldest first."""
    if project is None:
        rows = connection.execute("SELECT * FROM activations WHERE state = 'waiting' ORDER BY id")
    else:
        rows = connection.execute(
            "SELECT * FROM activations WHERE state = 'waiting' AND project = ? ORDER BY id", (project,)
        )
    return [activation_from(row) for row in rows]


def activation_snapshot(connection: sqlite3.Connection, activation_id: int, deployment: int) -> None:
    """The files of a reload are snapshot: this is its deployment."""
    connection.execute("UPDATE activations SET deployment = ? WHERE id = ?", (deployment, activation_id))
    note_change(connection, "activation", activation_id)


def decide_activation(
    connection: sqlite3.Connection, activation_id: int, state: ActivationState, now: float, error: str = ""
) -> None:
    """What became of a waiting activation."""
    cursor = connection.execute(
        "UPDATE activations SET state = ?, decided_at = ?, error = ? WHERE id = ? AND state = 'waiting'",
        (state, now, error, activation_id),
    )
    if cursor.rowcount:
        note_change(connection, "activation", activation_id)
