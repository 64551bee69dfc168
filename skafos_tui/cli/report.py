"""How a run stands, as tables: its head, its tasks, and of every failed one the end of its log."""

from __future__ import annotations

import sqlite3
import time

from skafos_tui.cli.lines import last_lines, latest_attempts, shown
from skafos_tui.cli.output import BOLD, FAINT, Output, clean
from skafos_tui.cli.views import (
    FAILURES,
    attempt_state,
    attempts_by_job,
    deployment_number,
    duration_of,
    outcome,
)
from skafos_tui.model.run import Attempt, Run, RunState, Task, TriggerKind
from skafos_tui.store.home import Home
from skafos_tui.text.durations import clock, local_time

LAST_LINES = 10
"""Of the log of a failed task; the verdict often stands in them."""


def summary(run: Run) -> str:
    """A run in one line: `run 12 failed in 0:41`."""
    words = f"run {run.id} {run.state.value}"
    duration = duration_of(run.started_at, run.ended_at, time.time())
    if duration is not None:
        words += f" {'in' if run.state.finished else 'for'} {clock(duration)}"
    return f"{words}: {clean(run.reason)}" if run.reason else words


def run_head(store: sqlite3.Connection, run: Run, tasks: list[Task]) -> str:
    """The first line on a run: `run 12 (deployment 3): 7 jobs`; and what started it, where nobody typed it."""
    count = f"{len(tasks)} job{'' if len(tasks) == 1 else 's'}"
    by = "" if run.trigger is TriggerKind.MANUAL else f", {triggered(run)}"
    return f"run {run.id} (deployment {deployment_number(store, run.deployment)}{by}): {count}"


def triggered(run: Run) -> str:
    """What started a run: `manual`, `retry of run 3`, `schedule 2026-11-24 09:00`."""
    if run.retry_of is not None:
        return f"{run.trigger.value} of run {run.retry_of}"
    return f"{run.trigger.value} {slot_time(run.scheduled_at)}".rstrip()


def slot_time(slot: float | None) -> str:
    """A slot (Unix seconds) on this machine's clock, which has no seconds; empty where there is none."""
    return local_time(slot)[:-3]


def print_tasks(out: Output, tasks: list[Task], now: float) -> None:
    """The table of tasks."""
    rows = [
        (
            clean(task.name),
            task.state.value,
            clock(duration_of(task.started_at, task.ended_at, now)),
            clean(outcome(task)),
        )
        for task in tasks
    ]
    out.table(("job", "state", "took", "why"), rows, right={2}, state=1)


def print_failures(
    out: Output, home: Home, run: Run, tasks: list[Task], attempts: list[Attempt], count: int = LAST_LINES
) -> None:
    """Of every failed task the verdict, its evidence and the last lines of the instances that failed."""
    by_job = attempts_by_job(attempts)
    for task in tasks:
        if task.state not in FAILURES:
            continue
        out.line()
        out.line(out.paint(f"{clean(task.name)} {task.state.value}: {clean(outcome(task))}", BOLD))
        for attempt in latest_attempts(by_job.get(task.job_id, [])):
            if attempt_state(attempt) not in FAILURES:
                continue
            if task.instances > 1:
                out.line(f"  instance {attempt.instance}: {clean(attempt_outcome(attempt))}")
            out.lines([f"  {shown(out, text)}" for text in last_lines(home, run, attempt, count)])
            path = home.attempt_log(run.project, run.id, attempt.name)
            out.line(out.paint(f"  all of it: {clean(str(path))}", FAINT))


def attempt_outcome(attempt: Attempt) -> str:
    """Why an attempt ended, in one line; its state while it has not."""
    if attempt.verdict is None:
        return attempt_state(attempt).value
    return attempt.verdict.line


def print_end(out: Output, store: sqlite3.Connection, home: Home, run: Run) -> None:
    """What stands below a run that was followed to its end."""
    from skafos_tui.store.runs import attempts_of, tasks_of

    tasks = tasks_of(store, run.id)
    out.line()
    print_tasks(out, tasks, time.time())
    print_failures(out, home, run, tasks, attempts_of(store, run.id))
    out.line()
    style = {RunState.SUCCEEDED: "32", RunState.FAILED: "31"}.get(run.state)
    out.line(out.paint(summary(run), style))
