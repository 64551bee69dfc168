"""What the log pane shows of a run: whose logs there are, and what the engine did, as lines among theirs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from skafos_tui.model.run import Attempt, AttemptState, Deployment, DeploymentState, Run, Task, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store.home import Home
from skafos_tui.store.logs.format import NANOSECONDS
from skafos_tui.store.logs.merge import Source
from skafos_tui.store.logs.sources import IMAGE, build_source
from skafos_tui.text.durations import clock
from skafos_tui.tui.widgets.log.shown import LogAttempt, LogEvent, Shown

_WORDS = {VerdictKind.CANCELLED: "cancelled", VerdictKind.LOST: "lost", VerdictKind.TIMEOUT: "timed out"}
_NEVER_RAN = (TaskState.UPSTREAM_FAILED, TaskState.SKIPPED)
_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class _Told:
    """What follows from one attempt; `of` is all of it that can change."""

    of: tuple[AttemptState, float | None, float | None, Verdict | None]
    log: LogAttempt
    events: tuple[LogEvent, ...]


class LogsReader:
    """Makes what is shown of a run from its tasks and attempts; the same object where nothing is different.

    Used by one thread at a time.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._told: dict[int, _Told] = {}
        self._build: tuple[object, LogAttempt | None] = ((), None)
        self._last = Shown()

    def read(
        self,
        connection: sqlite3.Connection,
        project: str,
        run: Run | None,
        deployment: Deployment | None,
        tasks: Sequence[Task],
        attempts: Sequence[Attempt],
    ) -> Shown:
        """The logs of a run, the image step's first; without a run those of an image that is being made."""
        if run is None:
            shown = self._image_alone(connection, project)
        else:
            told = self._told_of(run, tasks, attempts)
            image = self._image_of(run, deployment, begun=bool(attempts))
            shown = Shown(
                (*([image] if image else []), *(one.log for one in told)),
                (*(event for one in told for event in one.events), *_events_of_tasks(tasks, attempts)),
                _nanoseconds(run.created_at if run.started_at is None else run.started_at),
                run=run.id,
            )
        if shown != self._last:
            self._last = shown
        return self._last

    def _told_of(self, run: Run, tasks: Sequence[Task], attempts: Sequence[Attempt]) -> list[_Told]:
        of_job: dict[str, Task] = {task.job_id: task for task in tasks}
        if len(self._told) > _KEPT:
            self._told.clear()
        found = []
        for attempt in attempts:
            facts = (attempt.state, attempt.started_at, attempt.ended_at, attempt.verdict)
            known = self._told.get(attempt.id)
            if known is None or known.of != facts:
                task = of_job[attempt.job_id]
                path = self._home.attempt_log(run.project, run.id, attempt.name)
                log = log_of(run, task, attempt, path)
                known = _Told(facts, log, tuple(events_of(task, attempt)))
                self._told[attempt.id] = known
            found.append(known)
        return found

    def _image_of(self, run: Run, deployment: Deployment | None, *, begun: bool) -> LogAttempt | None:
        """The image step's log; looked for as long as it may still come."""
        key = (run.id, run.ended_at, deployment and deployment.state, begun)
        building = deployment is not None and deployment.state is DeploymentState.BUILDING
        if self._build[0] != key or (building and self._build[1] is None):
            found = build_source(self._home, run)
            failed = deployment is not None and deployment.state is DeploymentState.FAILED
            self._build = (key, found and LogAttempt(*found, live=building, failed=failed))
        return self._build[1]

    def _image_alone(self, connection: sqlite3.Connection, project: str) -> Shown:
        row = connection.execute(
            "SELECT id, created_at FROM deployments WHERE project = ? AND state = ? ORDER BY id DESC LIMIT 1",
            (project, DeploymentState.BUILDING),
        ).fetchone()
        if row is None:
            return Shown()
        log = LogAttempt(Source(0, "", IMAGE, 0, 0), self._home.build_log(project, row["id"]), live=True)
        return Shown((log,), started_ns=_nanoseconds(row["created_at"]))


def log_of(run: Run, task: Task, attempt: Attempt, path: Path) -> LogAttempt:
    """An attempt as the log pane has it; one that was cancelled went with others, it has not failed."""
    verdict = attempt.verdict
    return LogAttempt(
        Source(run.id, task.job_id, task.name, attempt.instance, attempt.number),
        path,
        live=attempt.state is not AttemptState.COLLECTED,
        ended_ns=None if attempt.ended_at is None else _nanoseconds(attempt.ended_at),
        failed=verdict is not None and not verdict.succeeded and verdict.kind is not VerdictKind.CANCELLED,
    )


def events_of(task: Task, attempt: Attempt) -> list[LogEvent]:
    """That an attempt started, and how it ended: `Train forest #2 finished, exit 0, 3:58`."""
    who = f"{task.name} #{attempt.instance}" if task.instances > 1 else task.name
    which = f", attempt {attempt.number}" if attempt.number > 1 else ""
    found = []
    if attempt.started_at is not None:
        found.append((attempt.started_at, f"{who} started{which}"))
    if attempt.verdict is not None and attempt.ended_at is not None:
        ran = None if attempt.started_at is None else attempt.ended_at - attempt.started_at
        found.append((attempt.ended_at, f"{who} {ending(attempt.verdict, ran)}"))
    return [LogEvent(_nanoseconds(at), text, task.job_id, attempt.instance) for at, text in found]


def ending(verdict: Verdict, ran_s: float | None) -> str:
    """How an attempt ended, in words: `finished, exit 0, 3:58`, `failed, out of memory: limit 2.0Gi, …, 1:35`."""
    if verdict.succeeded:
        words = ["finished", verdict.text]
    elif verdict.kind in _WORDS:
        evidence = verdict.line.removeprefix(verdict.text).removeprefix(": ")
        words = [f"{_WORDS[verdict.kind]}: {evidence}" if evidence else _WORDS[verdict.kind]]
    else:
        words = ["failed", verdict.line]
    if ran_s is not None:
        words.append(clock(ran_s))
    if verdict.warning:
        words.append(f"warning: {verdict.warning}")
    return ", ".join(words)


def _events_of_tasks(tasks: Iterable[Task], attempts: Iterable[Attempt]) -> list[LogEvent]:
    """Why tasks never ran, and when one is tried again."""
    ended: dict[str, float] = {}
    tried = set()
    for attempt in attempts:
        tried.add(attempt.job_id)
        if attempt.ended_at is not None:
            ended[attempt.job_id] = max(attempt.ended_at, ended.get(attempt.job_id, 0.0))
    found = []
    for task in tasks:
        if task.state is TaskState.QUEUED and task.reason.startswith("retry ") and task.job_id in ended:
            found.append(LogEvent(_nanoseconds(ended[task.job_id]) + 1, f"{task.name}: {task.reason}", task.job_id))
        elif task.state.finished and task.job_id not in tried and task.ended_at is not None:
            text = _never_ran(task)
            if text:
                found.append(LogEvent(_nanoseconds(task.ended_at), text, task.job_id))
    return found


def _never_ran(task: Task) -> str:
    if task.state in _NEVER_RAN:
        return f"{task.name} did not run: {task.reason}" if task.reason else f"{task.name} did not run"
    if task.state is TaskState.CANCELLED:
        return f"{task.name} cancelled" + (f" by {task.cancelled_by}" if task.cancelled_by else "")
    if task.verdict is not None:
        return f"{task.name} {ending(task.verdict, None)}"
    return ""


def _nanoseconds(seconds: float) -> int:
    return round(seconds * NANOSECONDS)
