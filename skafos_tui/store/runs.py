"""Runs, tasks and attempts in the state database: functions over a connection, whoever's thread it is on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from skafos_tui.model.run import Attempt, AttemptState, Run, RunState, Task, TaskState, TriggerKind
from skafos_tui.model.verdict import Stop, StopKind, Verdict, VerdictKind
from skafos_tui.store.database import note_change

UNFINISHED_RUNS = "state IN ('queued', 'running')"
OPEN_ATTEMPTS = "state IN ('planned', 'starting', 'running')"


def _verdict(row: sqlite3.Row) -> Verdict | None:
    if row["verdict"] is None:
        return None
    return Verdict(VerdictKind(row["verdict"]), row["exit_code"], row["evidence"], row["warning"])


def run_from(row: sqlite3.Row) -> Run:
    """The run in a row of `runs`."""
    return Run(
        id=row["id"],
        project=row["project"],
        deployment=row["deployment"],
        trigger=TriggerKind(row["trigger"]),
        state=RunState(row["state"]),
        created_at=row["created_at"],
        reason=row["reason"],
        retry_of=row["retry_of"],
        scheduled_at=row["scheduled_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        parameters=json.loads(row["parameters"]),
        cancelled_by=row["cancelled_by"],
    )


def task_from(row: sqlite3.Row) -> Task:
    """The task in a row of `tasks`."""
    return Task(
        run_id=row["run_id"],
        job_id=row["job_id"],
        name=row["name"],
        state=TaskState(row["state"]),
        instances=row["instances"],
        reason=row["reason"],
        queued_at=row["queued_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        verdict=_verdict(row),
        position=row["position"],
        cancelled_by=row["cancelled_by"],
        warning=row["warning"],
    )


def attempt_from(row: sqlite3.Row) -> Attempt:
    """The attempt in a row of `attempts`."""
    return Attempt(
        id=row["id"],
        run_id=row["run_id"],
        job_id=row["job_id"],
        instance=row["instance"],
        number=row["number"],
        name=row["name"],
        state=AttemptState(row["state"]),
        cpu=row["cpu"],
        memory=row["memory"],
        planned_at=row["planned_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        stop=None if row["stop"] is None else Stop(StopKind(row["stop"]), row["stop_detail"]),
        verdict=_verdict(row),
    )


def get_run(connection: sqlite3.Connection, run_id: int) -> Run | None:
    """The run with this id."""
    row = connection.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
    return None if row is None else run_from(row)


def run_of_request(connection: sqlite3.Connection, request_id: str) -> Run | None:
    """The run that a trigger with this id of its sender has made."""
    row = connection.execute("SELECT * FROM runs WHERE request_id = ?", (request_id,)).fetchone()
    return None if row is None else run_from(row)


def latest_run(connection: sqlite3.Connection, project: str, job_id: str | None = None) -> Run | None:
    """The newest run of a project, or the newest that has a task of this job."""
    found = list_runs(connection, project, job_id=job_id, limit=1)
    return found[0] if found else None


def list_runs(
    connection: sqlite3.Connection,
    project: str,
    *,
    job_id: str | None = None,
    states: Sequence[RunState] = (),
    limit: int = -1,
) -> list[Run]:
    """Runs of a project, newest first; with `job_id` only those that have a task of it, or missed a slot of it."""
    query, values = "SELECT * FROM runs WHERE project = ?", [project]
    if job_id is not None:
        query += (
            " AND (EXISTS (SELECT 1 FROM tasks WHERE run_id = runs.id AND job_id = ?)"
            " OR EXISTS (SELECT 1 FROM slots WHERE run_id = runs.id AND job_id = ?))"
        )
        values.extend((job_id, job_id))
    if states:
        query += f" AND state IN ({', '.join('?' for _ in states)})"
        values.extend(states)
    rows = connection.execute(f"{query} ORDER BY id DESC LIMIT ?", (*values, limit))
    return [run_from(row) for row in rows]


def unfinished_runs(connection: sqlite3.Connection) -> list[Run]:
    """All runs of all projects that have not ended, oldest first."""
    return [run_from(row) for row in connection.execute(f"SELECT * FROM runs WHERE {UNFINISHED_RUNS} ORDER BY id")]


def runs_beside(connection: sqlite3.Connection, project: str, run_id: int) -> bool:
    """Whether a project has an unfinished run other than this one."""
    query = f"SELECT 1 FROM runs WHERE project = ? AND id != ? AND {UNFINISHED_RUNS} LIMIT 1"
    return connection.execute(query, (project, run_id)).fetchone() is not None


def tasks_of(connection: sqlite3.Connection, run_id: int) -> list[Task]:
    """The tasks of a run, in the order of the config."""
    rows = connection.execute("SELECT * FROM tasks WHERE run_id = ? ORDER BY position", (run_id,))
    return [task_from(row) for row in rows]


def attempts_of(connection: sqlite3.Connection, run_id: int) -> list[Attempt]:
    """The attempts of a run, in the order they were planned."""
    return [
        attempt_from(row)
        for row in connection.execute("SELECT * FROM attempts WHERE run_id = ? ORDER BY id", (run_id,))
    ]


def get_attempt(connection: sqlite3.Connection, name: str) -> Attempt | None:
    """The attempt with this container name."""
    row = connection.execute("SELECT * FROM attempts WHERE name = ?", (name,)).fetchone()
    return None if row is None else attempt_from(row)


def uncollected_attempts(connection: sqlite3.Connection) -> list[Attempt]:
    """All attempts whose log is not known to be complete, oldest first."""
    rows = connection.execute("SELECT * FROM attempts WHERE state != 'collected' ORDER BY id")
    return [attempt_from(row) for row in rows]


def latest_finished(connection: sqlite3.Connection, project: str, job_id: str) -> Task | None:
    """The job's latest finished task in the project, whatever the deployment (SPEC 3)."""
    row = connection.execute(
        "SELECT * FROM tasks WHERE project = ? AND job_id = ? AND ended_at IS NOT NULL"
        " ORDER BY ended_at DESC, run_id DESC LIMIT 1",
        (project, job_id),
    ).fetchone()
    return None if row is None else task_from(row)


def unfinished_tasks(connection: sqlite3.Connection, project: str, job_id: str) -> list[Task]:
    """The job's tasks that have not ended, oldest run first."""
    rows = connection.execute(
        "SELECT * FROM tasks WHERE project = ? AND job_id = ? AND ended_at IS NULL ORDER BY run_id",
        (project, job_id),
    )
    return [task_from(row) for row in rows]


def usual_duration(connection: sqlite3.Connection, project: str, job_id: str) -> float | None:
    """The median duration in seconds of the job's last 20 successes; None where there is none."""
    rows = connection.execute(
        "SELECT ended_at - started_at AS duration FROM tasks WHERE project = ? AND job_id = ? AND state = 'succeeded'"
        " AND started_at IS NOT NULL ORDER BY ended_at DESC LIMIT 20",
        (project, job_id),
    ).fetchall()
    durations = sorted(row["duration"] for row in rows)
    return durations[len(durations) // 2] if durations else None


def insert_run(
    connection: sqlite3.Connection,
    *,
    project: str,
    deployment: int,
    trigger: TriggerKind,
    request_id: str,
    now: float,
    tasks: Iterable[tuple[str, str, int]],
    parameters: Mapping[str, str],
    retry_of: int | None = None,
    scheduled_at: float | None = None,
) -> int:
    """Write a run with its tasks, `(job id, name, instances)` in the order of the config; the new run's id.

    Raises sqlite3.IntegrityError where the request made a run before.
    """
    cursor = connection.execute(
        "INSERT INTO runs"
        " (project, deployment, trigger, request_id, state, created_at, parameters, retry_of, scheduled_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            project,
            deployment,
            trigger,
            request_id,
            RunState.QUEUED,
            now,
            json.dumps(dict(parameters)),
            retry_of,
            scheduled_at,
        ),
    )
    run_id = cursor.lastrowid
    assert run_id is not None
    connection.executemany(
        "INSERT INTO tasks (run_id, job_id, project, name, position, state, instances) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (run_id, job_id, project, name, position, TaskState.WAITING, instances)
            for position, (job_id, name, instances) in enumerate(tasks)
        ],
    )
    note_change(connection, "run", run_id)
    return run_id


def insert_missed(
    connection: sqlite3.Connection,
    *,
    project: str,
    deployment: int,
    request_id: str,
    slot: int,
    now: float,
    reason: str,
) -> int:
    """Write a row of the history for slots that did not fire; its id. It has no tasks and never will."""
    cursor = connection.execute(
        "INSERT INTO runs"
        " (project, deployment, trigger, request_id, state, created_at, ended_at, scheduled_at, reason)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (project, deployment, TriggerKind.SCHEDULE, request_id, RunState.MISSED, now, now, slot, reason),
    )
    assert cursor.lastrowid is not None
    note_change(connection, "run", cursor.lastrowid)
    return cursor.lastrowid


def update_run(connection: sqlite3.Connection, run: Run) -> None:
    """Write the state, reason, times and canceller of a run."""
    connection.execute(
        "UPDATE runs SET state = ?, reason = ?, started_at = ?, ended_at = ?, cancelled_by = ? WHERE id = ?",
        (run.state, run.reason, run.started_at, run.ended_at, run.cancelled_by, run.id),
    )
    note_change(connection, "run", run.id)


def update_task(connection: sqlite3.Connection, task: Task) -> None:
    """Write all that may change of a task."""
    verdict = task.verdict
    connection.execute(
        "UPDATE tasks SET state = ?, reason = ?, queued_at = ?, started_at = ?, ended_at = ?, verdict = ?,"
        " exit_code = ?, evidence = ?, warning = ?, cancelled_by = ? WHERE run_id = ? AND job_id = ?",
        (
            task.state,
            task.reason,
            task.queued_at,
            task.started_at,
            task.ended_at,
            verdict.kind if verdict else None,
            verdict.exit_code if verdict else None,
            verdict.evidence if verdict else "",
            task.warning,
            task.cancelled_by,
            task.run_id,
            task.job_id,
        ),
    )
    note_change(connection, "task", f"{task.run_id}/{task.job_id}")


def insert_attempt(
    connection: sqlite3.Connection,
    *,
    run_id: int,
    job_id: str,
    instance: int,
    number: int,
    name: str,
    cpu: float,
    memory: int,
    now: float,
) -> None:
    """The commit `planned`: from here on the attempt's container may exist."""
    connection.execute(
        "INSERT INTO attempts (run_id, job_id, instance, number, name, state, cpu, memory, planned_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (run_id, job_id, instance, number, name, AttemptState.PLANNED, cpu, memory, now),
    )
    note_change(connection, "attempt", name)


def attempt_starting(connection: sqlite3.Connection, name: str) -> bool:
    """The commit before the container is asked to start; False where the attempt was told to stop before."""
    cursor = connection.execute(
        "UPDATE attempts SET state = ? WHERE name = ? AND state = ? AND stop IS NULL",
        (AttemptState.STARTING, name, AttemptState.PLANNED),
    )
    return bool(cursor.rowcount)


def attempt_running(connection: sqlite3.Connection, name: str, started_at: float) -> None:
    """The runner has shown the attempt running."""
    connection.execute(
        "UPDATE attempts SET state = ?, started_at = ? WHERE name = ? AND state = ?",
        (AttemptState.RUNNING, started_at, name, AttemptState.STARTING),
    )
    note_change(connection, "attempt", name)


def attempt_stopping(connection: sqlite3.Connection, name: str, stop: Stop) -> bool:
    """Record why we are about to end an open attempt; the first reason stays. Whether it was recorded."""
    cursor = connection.execute(
        f"UPDATE attempts SET stop = ?, stop_detail = ? WHERE name = ? AND stop IS NULL AND {OPEN_ATTEMPTS}",
        (stop.kind, stop.detail, name),
    )
    if cursor.rowcount:
        note_change(connection, "attempt", name)
    return bool(cursor.rowcount)


def attempt_ended(
    connection: sqlite3.Connection, name: str, verdict: Verdict, *, started_at: float | None, ended_at: float
) -> bool:
    """The commit `ended`; whether the attempt was open before."""
    cursor = connection.execute(
        "UPDATE attempts SET state = ?, verdict = ?, exit_code = ?, evidence = ?, warning = ?, ended_at = ?,"
        f" started_at = COALESCE(?, started_at) WHERE name = ? AND {OPEN_ATTEMPTS}",
        (
            AttemptState.ENDED,
            verdict.kind,
            verdict.exit_code,
            verdict.evidence,
            verdict.warning,
            ended_at,
            started_at,
            name,
        ),
    )
    note_change(connection, "attempt", name)
    return bool(cursor.rowcount)


def attempt_collected(connection: sqlite3.Connection, name: str) -> None:
    """The commit `collected`: the log is complete and on disk, the container may go."""
    connection.execute(
        "UPDATE attempts SET state = ? WHERE name = ? AND state = ?",
        (AttemptState.COLLECTED, name, AttemptState.ENDED),
    )
    note_change(connection, "attempt", name)
