"""Runs, tasks and attempts as JSON: field names are the words of SPEC 9, times RFC 3339 in UTC, durations seconds."""

from __future__ import annotations

import sqlite3
from typing import Any

from skafos_tui.model.run import Attempt, AttemptState, Run, Task, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store.home import Home
from skafos_tui.text.durations import rfc3339

FAILURES = (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.LOST)
"""The states of a task that make its run `failed`."""

_STATE_OF_VERDICT = {
    VerdictKind.TIMEOUT: TaskState.TIMED_OUT,
    VerdictKind.CANCELLED: TaskState.CANCELLED,
    VerdictKind.LOST: TaskState.LOST,
}


def duration_of(started_at: float | None, ended_at: float | None, now: float) -> float | None:
    """Seconds from start to end, or up to now; None for what has not started."""
    if started_at is None:
        return None
    return round(max(0.0, (now if ended_at is None else ended_at) - started_at), 3)


def attempt_state(attempt: Attempt) -> TaskState:
    """The state of an attempt in the words for tasks."""
    if attempt.verdict is not None:
        if attempt.verdict.succeeded:
            return TaskState.SUCCEEDED
        return _STATE_OF_VERDICT.get(attempt.verdict.kind, TaskState.FAILED)
    return TaskState.RUNNING if attempt.state is AttemptState.RUNNING else TaskState.STARTING


def deployment_number(store: sqlite3.Connection, deployment_id: int) -> int | None:
    """The number of a deployment within its project."""
    row = store.execute("SELECT number FROM deployments WHERE id = ?", (deployment_id,)).fetchone()
    return None if row is None else int(row["number"])


def failed_jobs(tasks: list[Task]) -> list[str]:
    """The names of the jobs that made the run fail."""
    return [task.name for task in tasks if task.state in FAILURES]


def run_view(store: sqlite3.Connection, run: Run, tasks: list[Task], now: float) -> dict[str, Any]:
    """A run without its tasks."""
    return {
        "id": run.id,
        "project": run.project,
        "state": run.state.value,
        "trigger": run.trigger.value,
        "deployment": deployment_number(store, run.deployment),
        "reason": run.reason,
        "retry_of": run.retry_of,
        "cancelled_by": run.cancelled_by,
        "scheduled_at": rfc3339(run.scheduled_at),
        "created_at": rfc3339(run.created_at),
        "started_at": rfc3339(run.started_at),
        "ended_at": rfc3339(run.ended_at),
        "duration": duration_of(run.started_at, run.ended_at, now),
        "parameters": dict(run.parameters),
        "failed_jobs": failed_jobs(tasks),
    }


def _verdict_view(verdict: Verdict | None) -> dict[str, Any]:
    return {
        "verdict": verdict.text if verdict else None,
        "exit_code": verdict.exit_code if verdict else None,
        "evidence": verdict.evidence if verdict else "",
    }


def task_view(task: Task, now: float, usual: float | None = None) -> dict[str, Any]:
    """A task without its attempts; `usual` is the median duration of the job's last successes, in seconds."""
    return {
        "job_id": task.job_id,
        "name": task.name,
        "state": task.state.value,
        "reason": task.reason,
        **_verdict_view(task.verdict),
        "warning": task.warning,
        "cancelled_by": task.cancelled_by,
        "instances": task.instances,
        "queued_at": rfc3339(task.queued_at),
        "started_at": rfc3339(task.started_at),
        "ended_at": rfc3339(task.ended_at),
        "duration": duration_of(task.started_at, task.ended_at, now),
        "usual_duration": None if usual is None else round(usual, 3),
    }


def attempt_view(attempt: Attempt, log: str, now: float) -> dict[str, Any]:
    """An attempt; `log` is the path of its log file."""
    return {
        "instance": attempt.instance,
        "attempt": attempt.number,
        "container": attempt.name,
        "state": attempt_state(attempt).value,
        **_verdict_view(attempt.verdict),
        "warning": attempt.verdict.warning if attempt.verdict else None,
        "started_at": rfc3339(attempt.started_at),
        "ended_at": rfc3339(attempt.ended_at),
        "duration": duration_of(attempt.started_at, attempt.ended_at, now),
        "log": log,
    }


def attempts_by_job(attempts: list[Attempt]) -> dict[str, list[Attempt]]:
    """Attempts under their job's id, by instance, then attempt."""
    grouped: dict[str, list[Attempt]] = {}
    for attempt in sorted(attempts, key=lambda item: (item.instance, item.number)):
        grouped.setdefault(attempt.job_id, []).append(attempt)
    return grouped


def log_path(home: Home, run: Run, attempt: Attempt) -> str:
    """Where an attempt's log is."""
    return str(home.attempt_log(run.project, run.id, attempt.name))


def outcome(task: Task) -> str:
    """Why a task is in its state, in one line: verdict and evidence, else its reason, and its warning."""
    parts = []
    if task.verdict is not None:
        parts.append(task.verdict.line)
    if task.reason and task.reason not in parts:
        parts.append(task.reason)
    if task.warning:
        parts.append(f"warning: {task.warning}")
    return "; ".join(parts)
