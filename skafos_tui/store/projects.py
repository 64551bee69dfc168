"""Projects, their deployments and their variables in the state database."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from skafos_tui.model.run import Deployment, DeploymentState
from skafos_tui.store.database import note_change

KEPT_DEPLOYMENTS = 10
"""The newest so many ready deployments of a project keep their files and images; so does the active one, whatever
waits to become active, and what unfinished runs are on. Older ones can't run any more."""


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project as the engine knows it: its token bound to one directory and one runner.

    `directory` is empty once another token stands in the config there. `active` is the id of the deployment that
    schedules use; `seen` the digest of the config's content last seen by hot reload; `paused_at` when all schedules
    were paused; `problem` why they stand still although they are not.
    """

    token: str
    name: str
    directory: str
    runner: str
    created_at: float
    active: int | None = None
    seen: str = ""
    paused_at: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of `skafos env`; a secret's value is never shown."""

    key: str
    value: str
    secret: bool


def _project_from(row: sqlite3.Row) -> ProjectRow:
    return ProjectRow(
        token=row["token"],
        name=row["name"],
        directory=row["directory"],
        runner=row["runner"],
        created_at=row["created_at"],
        active=row["active"],
        seen=row["seen"],
        paused_at=row["paused_at"],
        problem=row["problem"],
    )


def list_projects(connection: sqlite3.Connection) -> list[ProjectRow]:
    """All projects, newest first."""
    return [_project_from(row) for row in connection.execute("SELECT * FROM projects ORDER BY created_at DESC, token")]


def get_project(connection: sqlite3.Connection, token: str) -> ProjectRow | None:
    """The project with this token."""
    row = connection.execute("SELECT * FROM projects WHERE token = ?", (token,)).fetchone()
    return None if row is None else _project_from(row)


def project_at(connection: sqlite3.Connection, directory: str) -> ProjectRow | None:
    """The project bound to this directory (a resolved absolute path)."""
    row = connection.execute("SELECT * FROM projects WHERE directory = ?", (directory,)).fetchone()
    return None if row is None else _project_from(row)


def save_project(connection: sqlite3.Connection, project: ProjectRow) -> None:
    """Write name, directory and runner of a project, new or known; what else is known of it stays.

    Raises sqlite3.IntegrityError where another one has its directory.
    """
    connection.execute(
        "INSERT INTO projects (token, name, directory, runner, created_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (token) DO UPDATE"
        " SET name = excluded.name, directory = excluded.directory, runner = excluded.runner",
        (project.token, project.name, project.directory, project.runner, project.created_at),
    )
    note_change(connection, "project", project.token)


def set_active(connection: sqlite3.Connection, token: str, deployment: int | None) -> None:
    """The deployment that schedules use from now on; None: none."""
    connection.execute("UPDATE projects SET active = ? WHERE token = ?", (deployment, token))
    note_change(connection, "project", token)


def set_seen(connection: sqlite3.Connection, token: str, digest: str) -> None:
    """The digest of the config's content last seen."""
    connection.execute("UPDATE projects SET seen = ? WHERE token = ?", (digest, token))
    note_change(connection, "project", token)


def set_problem(connection: sqlite3.Connection, token: str, problem: str) -> None:
    """Why the project's schedules stand still; empty: they don't."""
    connection.execute("UPDATE projects SET problem = ? WHERE token = ?", (problem, token))
    note_change(connection, "project", token)


def delete_project(connection: sqlite3.Connection, token: str) -> None:
    """Forget a project with all its history."""
    runs = "(SELECT id FROM runs WHERE project = ?)"
    connection.execute("UPDATE runs SET retry_of = NULL WHERE project = ?", (token,))
    connection.execute("UPDATE projects SET active = NULL WHERE token = ?", (token,))
    for table in ("slots", "schedules", "paused_jobs", "activations", "alerts"):
        connection.execute(f"DELETE FROM {table} WHERE project = ?", (token,))
    connection.execute(f"DELETE FROM attempts WHERE run_id IN {runs}", (token,))
    connection.execute(f"DELETE FROM tasks WHERE run_id IN {runs}", (token,))
    for table in ("runs", "deployments", "variables"):
        connection.execute(f"DELETE FROM {table} WHERE project = ?", (token,))
    connection.execute("DELETE FROM projects WHERE token = ?", (token,))
    note_change(connection, "project", token)


def deployment_from(row: sqlite3.Row) -> Deployment:
    """The deployment in a row of `deployments`."""
    return Deployment(
        id=row["id"],
        project=row["project"],
        number=row["number"],
        state=DeploymentState(row["state"]),
        config=row["config"],
        config_digest=row["config_digest"],
        code_digest=row["code_digest"],
        created_at=row["created_at"],
        ready_at=row["ready_at"],
        error=row["error"],
        step=row["step"],
        images=json.loads(row["images"]),
        missing=json.loads(row["missing"]),
        packages=row["packages"],
        collected_at=row["collected_at"],
    )


def get_deployment(connection: sqlite3.Connection, deployment_id: int) -> Deployment | None:
    """The deployment with this id."""
    row = connection.execute("SELECT * FROM deployments WHERE id = ?", (deployment_id,)).fetchone()
    return None if row is None else deployment_from(row)


def list_deployments(
    connection: sqlite3.Connection, project: str, limit: int = -1, *, older_than: int | None = None
) -> list[Deployment]:
    """The deployments of a project, newest first; `older_than`: only those with numbers below it."""
    query = "SELECT * FROM deployments WHERE project = ? AND number < ? ORDER BY number DESC LIMIT ?"
    rows = connection.execute(query, (project, sys.maxsize if older_than is None else older_than, limit))
    return [deployment_from(row) for row in rows]


def building_deployments(connection: sqlite3.Connection) -> list[Deployment]:
    """All deployments of all projects whose images are not made yet, oldest first."""
    rows = connection.execute("SELECT * FROM deployments WHERE state = ? ORDER BY id", (DeploymentState.BUILDING,))
    return [deployment_from(row) for row in rows]


def same_deployment(
    connection: sqlite3.Connection, project: str, config_digest: str, code_digest: str
) -> Deployment | None:
    """The newest deployment, if it is of exactly this config and code and has not failed."""
    newest = connection.execute(
        "SELECT * FROM deployments WHERE project = ? ORDER BY id DESC LIMIT 1", (project,)
    ).fetchone()
    if newest is None:
        return None
    found = deployment_from(newest)
    same = (found.config_digest, found.code_digest) == (config_digest, code_digest)
    return found if same and found.state is not DeploymentState.FAILED else None


def insert_deployment(
    connection: sqlite3.Connection,
    *,
    project: str,
    config: str,
    config_digest: str,
    code_digest: str,
    missing: Mapping[str, str],
    now: float,
) -> int:
    """Write a deployment in state `building`; its id."""
    cursor = connection.execute(
        "INSERT INTO deployments (project, number, state, config, config_digest, code_digest, missing, created_at)"
        " SELECT ?, COALESCE(MAX(number), 0) + 1, ?, ?, ?, ?, ?, ? FROM deployments WHERE project = ?",
        (
            project,
            DeploymentState.BUILDING,
            config,
            config_digest,
            code_digest,
            json.dumps(dict(missing)),
            now,
            project,
        ),
    )
    assert cursor.lastrowid is not None
    note_change(connection, "deployment", cursor.lastrowid)
    return cursor.lastrowid


def deployment_step(connection: sqlite3.Connection, deployment_id: int, step: str) -> None:
    """What the image step does right now, in one line."""
    connection.execute("UPDATE deployments SET step = ? WHERE id = ?", (step, deployment_id))
    note_change(connection, "deployment", deployment_id)


def deployment_ready(
    connection: sqlite3.Connection, deployment_id: int, images: Mapping[str, str], packages: str, now: float
) -> None:
    """The images are made."""
    connection.execute(
        "UPDATE deployments SET state = ?, images = ?, packages = ?, ready_at = ?, error = '', step = '' WHERE id = ?",
        (DeploymentState.READY, json.dumps(dict(images)), packages, now, deployment_id),
    )
    note_change(connection, "deployment", deployment_id)


def deployment_failed(connection: sqlite3.Connection, deployment_id: int, error: str) -> None:
    """The images can't be made; `error` is one line."""
    connection.execute(
        "UPDATE deployments SET state = ?, error = ?, step = '' WHERE id = ?",
        (DeploymentState.FAILED, error, deployment_id),
    )
    note_change(connection, "deployment", deployment_id)


def give_up_deployments(connection: sqlite3.Connection, deployments: Iterable[int], now: float) -> None:
    """These have lost their files and images: they can't run any more."""
    for deployment in deployments:
        connection.execute("UPDATE deployments SET collected_at = ? WHERE id = ?", (now, deployment))
        note_change(connection, "deployment", deployment)


def forget_images(connection: sqlite3.Connection, deployments: Iterable[int]) -> None:
    """The images of given-up deployments are gone."""
    for deployment in deployments:
        query = "UPDATE deployments SET images = '{}' WHERE id = ? AND collected_at IS NOT NULL"
        connection.execute(query, (deployment,))
        note_change(connection, "deployment", deployment)


def try_failed_again(connection: sqlite3.Connection, deployment_id: int) -> None:
    """Let a deployment whose images could not be made be built once more."""
    cursor = connection.execute(
        "UPDATE deployments SET state = ?, error = '', step = '' WHERE id = ? AND state = ?",
        (DeploymentState.BUILDING, deployment_id, DeploymentState.FAILED),
    )
    if cursor.rowcount:
        note_change(connection, "deployment", deployment_id)


def deployment_rebuilding(connection: sqlite3.Connection, deployment_id: int) -> None:
    """The images of a deployment are gone (pruned) or could not be made: they are made again from the archive."""
    connection.execute(
        "UPDATE deployments SET state = ?, error = '', step = '' WHERE id = ?",
        (DeploymentState.BUILDING, deployment_id),
    )
    note_change(connection, "deployment", deployment_id)


def list_variables(connection: sqlite3.Connection, project: str) -> list[Variable]:
    """The variables of `skafos env`, by key."""
    rows = connection.execute("SELECT * FROM variables WHERE project = ? ORDER BY key", (project,))
    return [Variable(row["key"], row["value"], bool(row["secret"])) for row in rows]


def set_variable(connection: sqlite3.Connection, project: str, variable: Variable) -> None:
    """Keep a variable, new or known."""
    connection.execute(
        "INSERT INTO variables (project, key, value, secret) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (project, key) DO UPDATE SET value = excluded.value, secret = excluded.secret",
        (project, variable.key, variable.value, variable.secret),
    )
    note_change(connection, "variable", f"{project}/{variable.key}")


def delete_variable(connection: sqlite3.Connection, project: str, key: str) -> bool:
    """Drop a variable; whether there was one."""
    cursor = connection.execute("DELETE FROM variables WHERE project = ? AND key = ?", (project, key))
    note_change(connection, "variable", f"{project}/{key}")
    return bool(cursor.rowcount)
