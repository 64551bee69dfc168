"""Follows one run from outside, in the store alone: its image step, its states, its log lines, to the end."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from skafos_tui.cli.image_step import ImageStep
from skafos_tui.cli.lines import LineHead
from skafos_tui.cli.output import Output, clean, remark
from skafos_tui.cli.views import FAILURES
from skafos_tui.model.run import Attempt, AttemptState, Deployment, DeploymentState, Run, RunState, Task, TaskState
from skafos_tui.store.home import Home
from skafos_tui.text.durations import clock

POLL_S = 0.1
LIVENESS_S = 2.0
"""How often the engine is asked whether it is there, while nothing happens."""
RESTART_S = 5.0
"""Between two attempts to start an engine that went away."""
COLLECT_S = 10.0
"""How long the last lines of a log may take to arrive after the end of its attempt."""
IDLE_S = 2.0
"""How long nothing may run before it is said what the tasks wait for."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the store says of a run at one moment."""

    run: Run
    tasks: tuple[Task, ...]
    attempts: tuple[Attempt, ...]
    deployment: Deployment | None

    def collecting(self, job_id: str | None = None) -> bool:
        """Whether the log of an attempt (of this job) may still grow."""
        return any(a.state is not AttemptState.COLLECTED for a in self.attempts if job_id in (None, a.job_id))


def read_snapshot(store: sqlite3.Connection, run_id: int) -> Snapshot:
    """The run with its tasks, attempts and deployment, in one transaction. KeyError where the run is gone."""
    from skafos_tui.store.projects import get_deployment
    from skafos_tui.store.runs import attempts_of, get_run, tasks_of

    store.execute("BEGIN")
    try:
        run = get_run(store, run_id)
        if run is None:
            raise KeyError(run_id)
        tasks, attempts = tasks_of(store, run_id), attempts_of(store, run_id)
        return Snapshot(run, tuple(tasks), tuple(attempts), get_deployment(store, run.deployment))
    finally:
        store.execute("ROLLBACK")


@dataclass(slots=True)
class _Told:
    """What was printed of a task so far."""

    state: TaskState = TaskState.WAITING
    reason: str = ""
    ended: bool = False
    ended_seen_at: float = 0.0


@dataclass(slots=True)
class StateTeller:
    """Turns successive snapshots into lines: what started, what waits and why, what ended and how."""

    out: Output
    _told: dict[str, _Told] = field(default_factory=dict)
    _idle_since: float | None = None

    def tell_starts(self, snapshot: Snapshot, now: float) -> None:
        """Print what came before the log lines of this moment."""
        for task in snapshot.tasks:
            told = self._told.setdefault(task.job_id, _Told())
            if task.state is TaskState.RUNNING and told.state is not TaskState.RUNNING:
                self._say(task, "started")
            elif task.state is TaskState.QUEUED and task.reason and task.reason != told.reason:
                self._say(task, f"queued: {clean(task.reason)}")
            if not task.state.finished:
                told.state = task.state
            if task.state is not TaskState.WAITING:
                told.reason = task.reason
        self._tell_idleness(snapshot, now)

    def tell_ends(self, snapshot: Snapshot, now: float) -> None:
        """Print what ended, once the lines of its log are there."""
        for task in snapshot.tasks:
            told = self._told.setdefault(task.job_id, _Told())
            if not task.state.finished or told.ended:
                continue
            told.ended_seen_at = told.ended_seen_at or now
            if snapshot.collecting(task.job_id) and now - told.ended_seen_at < COLLECT_S:
                continue
            told.ended = True
            self._say(task, describe_end(task))

    def _tell_idleness(self, snapshot: Snapshot, now: float) -> None:
        """When nothing runs and nothing says why, print what the tasks wait for."""
        building = snapshot.deployment is not None and snapshot.deployment.state is DeploymentState.BUILDING
        if snapshot.run.state.finished or building or any(task.state.active for task in snapshot.tasks):
            self._idle_since = None
            return
        self._idle_since = self._idle_since or now
        if now - self._idle_since < IDLE_S:
            return
        for task in snapshot.tasks:
            told = self._told[task.job_id]
            if task.state is TaskState.WAITING and task.reason and task.reason != told.reason:
                self._say(task, f"waiting: {clean(task.reason)}")
                told.reason = task.reason

    def _say(self, task: Task, what: str) -> None:
        style = "31" if task.state in FAILURES else "2"
        self.out.line(self.out.paint(f"{clean(task.name)} {what}", style))


def describe_end(task: Task) -> str:
    """How a task ended, as `finished: exit 0, 0:41` or `upstream_failed: Train failed`."""
    parts = []
    if task.verdict is not None:
        parts.append(task.verdict.text)
    elif task.reason:
        parts.append(clean(task.reason))
    if task.started_at is not None and task.ended_at is not None:
        parts.append(clock(task.ended_at - task.started_at))
    word = "finished" if task.state is TaskState.SUCCEEDED else task.state.value
    return f"{word}: {', '.join(parts)}" if parts else word


class EngineWatch:
    """Keeps an engine there while a run is followed; says once that it went away, or that it can't be started."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._asked_at = time.monotonic()
        self._started_at = -RESTART_S
        self._said: set[str] = set()

    def look(self, now: float) -> None:
        """Ask the engine, at most every LIVENESS_S; start one where there is none, at most every RESTART_S."""
        from skafos_tui.api.client import EngineUnreachable, ensure_engine, is_running

        if now - self._asked_at < LIVENESS_S:
            return
        self._asked_at = now
        if is_running(self._home) or now - self._started_at < RESTART_S:
            return
        self._started_at = now
        self._say_once("the engine was gone and is started again; the jobs went on meanwhile")
        try:
            ensure_engine(self._home, timeout_s=RESTART_S)
        except EngineUnreachable as error:
            self._say_once(f"{error}; the run is shown as it was stored last")
        self._asked_at = time.monotonic()

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            remark(text)


class RunView:
    """One run on the screen of a command, from its first line to its last."""

    def __init__(self, home: Home, store: sqlite3.Connection, run_id: int, out: Output, *, quiet: bool = False) -> None:
        """`quiet`: log lines are shown only where one replaces the other, on a terminal."""
        from skafos_tui.store.logs.follow import RunFollower

        first = read_snapshot(store, run_id)
        self._store = store
        self._run_id = run_id
        self._out = out
        self._quiet = quiet
        self._logs = RunFollower(home, first.run)
        self._states = StateTeller(out)
        self._head = LineHead(out, [(task.job_id, task.name, task.instances) for task in first.tasks])
        self._image = ImageStep(home, out)
        self._version: int | None = None
        self._snapshot: Snapshot | None = None

    def follow(self, watch: EngineWatch, clock_s: Callable[[], float] = time.monotonic) -> Snapshot:
        """Print what happens until the run has ended and all its lines are there; the last snapshot."""
        finished_at: float | None = None
        while True:
            snapshot = self.show(clock_s())
            if self._logs.behind:
                continue
            if snapshot.run.state.finished:
                finished_at = finished_at or clock_s()
                if not snapshot.collecting() or clock_s() - finished_at > COLLECT_S:
                    return self._last_look(clock_s())
            watch.look(clock_s())
            time.sleep(POLL_S)

    def _last_look(self, now: float) -> Snapshot:
        """Once more, for lines that came between the last poll and the end of their log."""
        snapshot = self.show(now)
        while self._logs.behind:
            snapshot = self.show(now)
        return snapshot

    def show(self, now: float) -> Snapshot:
        """Print what is new since the last call."""
        snapshot = self._read()
        self._image.show(snapshot.deployment, now)
        self._states.tell_starts(snapshot, now)
        self._show_lines()
        if not self._logs.behind:
            self._states.tell_ends(snapshot, now)
        self._out.flush()
        return snapshot

    def _show_lines(self) -> None:
        lines = self._logs.poll()
        if self._quiet:
            lines = lines[-1:] if self._out.terminal else []
        for source, line in lines:
            text = self._head.render(source.job_id, source.instance, line.text)
            if self._quiet:
                self._out.progress(clean(text))
            else:
                self._out.line(text)

    def _read(self) -> Snapshot:
        """The snapshot of now; read again only where another connection has written."""
        version = self._store.execute("PRAGMA data_version").fetchone()[0]
        if self._snapshot is None or version != self._version:
            self._version = version
            self._snapshot = read_snapshot(self._store, self._run_id)
        return self._snapshot


def run_exit_code(run: Run) -> int:
    """0 where the run succeeded."""
    return 0 if run.state is RunState.SUCCEEDED else 1
