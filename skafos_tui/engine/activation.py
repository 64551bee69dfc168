"""What schedules use: activations recorded, decided, and what follows from them; inside a transaction (SPEC 3).

`config` everywhere gives the project of a deployment's id.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime

from skafos_tui.config.plan import Plan, plan_of
from skafos_tui.model.project import Job, Project
from skafos_tui.model.run import (
    Activation,
    ActivationKind,
    ActivationState,
    DeploymentState,
    RunState,
    TaskState,
    TriggerKind,
)
from skafos_tui.store import activations, projects, runs, schedules
from skafos_tui.store.schedules import ScheduleRow

Config = Callable[[sqlite3.Connection, int], Project]
RUNNING_TOLD = 5
"""How many of the runs that go on as they are a plan names."""


def plan_for(
    connection: sqlite3.Connection, config: Config, token: str, new: Project, now: float, own_run: int | None = None
) -> str:
    """The plan from what is active to `new`, and what keeps running as it is (less `own_run`), as JSON text."""
    row = projects.get_project(connection, token)
    old = config(connection, row.active) if row is not None and row.active is not None else None
    plan: Plan = plan_of(old, new, datetime.fromtimestamp(now, UTC))
    content = json.loads(plan.to_json())
    content["keeps_running"] = _keeps_running(connection, token, own_run)
    return json.dumps(content)


def _keeps_running(connection: sqlite3.Connection, token: str, own_run: int | None) -> list[str]:
    """The runs in flight, with the deployment each one stays on."""
    told = []
    unfinished = [run for run in runs.unfinished_runs(connection) if run.project == token and run.id != own_run]
    for run in unfinished[:RUNNING_TOLD]:
        deployment = projects.get_deployment(connection, run.deployment)
        assert deployment is not None
        active = [task.name for task in runs.tasks_of(connection, run.id) if task.state.active]
        doing = ", ".join(active) or run.state.value
        told.append(f"run {run.id} ({doing}) stays on deployment {deployment.number}")
    if len(unfinished) > RUNNING_TOLD:
        told.append(f"{len(unfinished) - RUNNING_TOLD} more runs stay on theirs")
    return told


def ask(
    connection: sqlite3.Connection,
    config: Config,
    *,
    project: Project,
    deployment: int,
    kind: ActivationKind,
    request_id: str,
    now: float,
    run_id: int | None = None,
) -> int:
    """Record that a deployment shall be active, and make it so if its image is there; the activation's id."""
    row = projects.get_project(connection, project.token)
    assert row is not None
    activation_id = activations.insert_activation(
        connection,
        project=project.token,
        kind=kind,
        state=ActivationState.WAITING,
        deployment=deployment,
        previous=row.active,
        request_id=request_id,
        now=now,
        plan=plan_for(connection, config, project.token, project, now, run_id),
        run_id=run_id,
    )
    activate_if_ready(connection, config, activation_id, now)
    return activation_id


def activate_if_ready(connection: sqlite3.Connection, config: Config, activation_id: int, now: float) -> None:
    """Make a waiting activation's deployment the active one if its image is there."""
    activation = activations.get_activation(connection, activation_id)
    assert activation is not None
    if activation.state is not ActivationState.WAITING or activation.deployment is None:
        return
    deployment = projects.get_deployment(connection, activation.deployment)
    if deployment is not None and deployment.state is DeploymentState.READY:
        _activate(connection, config, activation, now)


def image_ready(connection: sqlite3.Connection, config: Config, deployment: int, now: float) -> None:
    """The image of a deployment is there: what waited for it becomes active."""
    for activation in activations.waiting_activations(connection):
        if activation.deployment == deployment:
            activate_if_ready(connection, config, activation.id, now)


def image_failed(connection: sqlite3.Connection, deployment: int, error: str, now: float) -> None:
    """The image of a deployment can't be made: the old one stays active."""
    for activation in activations.waiting_activations(connection):
        if activation.deployment == deployment:
            activations.decide_activation(connection, activation.id, ActivationState.FAILED, now, error)


def _activate(connection: sqlite3.Connection, config: Config, activation: Activation, now: float) -> None:
    assert activation.deployment is not None
    project = config(connection, activation.deployment)
    supersede(connection, activation.project, now, before=activation.id)
    activations.decide_activation(connection, activation.id, ActivationState.ACTIVE, now)
    projects.set_active(connection, activation.project, activation.deployment)
    _put_schedules(connection, project, now)
    deployment = projects.get_deployment(connection, activation.deployment)
    assert deployment is not None
    drop_slots(
        connection, project.token, {job.id for job in project.jobs}, f"deployment {deployment.number}, without it"
    )


def supersede(connection: sqlite3.Connection, token: str, now: float, *, before: int) -> None:
    """What was asked for before activation `before` and still waits is not wanted any more."""
    for waiting in activations.waiting_activations(connection, token):
        if waiting.id < before:
            error = f"activation {before} came first"
            activations.decide_activation(connection, waiting.id, ActivationState.SUPERSEDED, now, error)


def deactivate(connection: sqlite3.Connection, token: str, request_id: str, now: float) -> int:
    """Turn all schedules of a project off; the activation's id."""
    row = projects.get_project(connection, token)
    assert row is not None
    activation_id = activations.insert_activation(
        connection,
        project=token,
        kind=ActivationKind.UNDEPLOY,
        state=ActivationState.ACTIVE,
        deployment=None,
        previous=row.active,
        request_id=request_id,
        now=now,
    )
    supersede(connection, token, now, before=activation_id)
    projects.set_active(connection, token, None)
    schedules.put_schedules(connection, token, ())
    return activation_id


def _put_schedules(connection: sqlite3.Connection, project: Project, now: float) -> None:
    """The schedules of a project from now on; one that stays as it is goes on where it was."""
    before = {row.job_id: row for row in schedules.list_schedules(connection, project.token)}
    rows = []
    for job in project.jobs:
        if job.schedule and job.enabled:
            rows.append(_schedule(project.token, job, before.get(job.id), now))
    schedules.put_schedules(connection, project.token, rows)


def _schedule(token: str, job: Job, before: ScheduleRow | None, now: float) -> ScheduleRow:
    assert job.schedule is not None
    row = ScheduleRow(token, job.id, job.schedule, job.timezone, job.catchup, now)
    if before is not None and (before.expression, before.timezone) == (row.expression, row.timezone):
        return replace(row, since=before.since)
    return row


def drop_slots(connection: sqlite3.Connection, token: str, kept: Collection[str], by: str) -> None:
    """Cancel what was only queued for slots of jobs that are gone; what has begun goes on (SPEC 3, Hot reload)."""
    for run in runs.unfinished_runs(connection):
        if run.project != token or run.trigger is not TriggerKind.SCHEDULE or run.state is not RunState.QUEUED:
            continue
        due = schedules.jobs_of_slot(connection, run.id)
        gone = [job_id for job_id in due if job_id not in kept]
        if gone and len(gone) == len(due):
            runs.update_run(connection, replace(run, cancelled_by=run.cancelled_by or by))
            continue
        for task in runs.tasks_of(connection, run.id):
            if task.job_id in gone and task.state in (TaskState.WAITING, TaskState.QUEUED):
                runs.update_task(connection, replace(task, cancelled_by=task.cancelled_by or by))
