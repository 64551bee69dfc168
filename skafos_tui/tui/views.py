"""What the dashboard shows of one run: frozen facts, without a clock, so that equal views need no new frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from skafos_tui.model.alert import AlertKind, AlertSeverity
from skafos_tui.model.run import Run, RunState, Task, TaskState
from skafos_tui.tui.widgets.log.shown import Shown

FAILURES = (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.LOST)
"""The states of a task that make its run `failed`."""
NO_LOGS = Shown()


class EngineState(Enum):
    """What is known of the engine."""

    UNKNOWN = "unknown"
    OK = "ok"
    STARTING = "starting"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """The engine as it was last seen; `as_of` (Unix seconds) is how old the stored states are while it is away.

    `cpu` (cores) and `memory` (bytes) are what it may hand out, None where unknown; `problem` is one line.
    `runners` says of kinds of runners what is wrong with them.
    """

    state: EngineState = EngineState.UNKNOWN
    as_of: float | None = None
    cpu: float | None = None
    memory: int | None = None
    problem: str = ""
    runners: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when an attempt ran (Unix seconds); None: it runs."""

    started_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job in the shown run; `task` is None where the run has none of it.

    `counts` are its instances by state, where there are several. `usual_s` is the median of its last 20 successes,
    `last` the states of its last 8 finished tasks, newest last. `next_at` is its next slot (Unix seconds).
    """

    job_id: str
    name: str
    task: Task | None = None
    enabled: bool = True
    counts: tuple[tuple[TaskState, int], ...] = ()
    usual_s: float | None = None
    last: tuple[TaskState, ...] = ()
    next_at: float | None = None
    paused: bool = False
    spans: tuple[Span, ...] = ()

    @property
    def ticks(self) -> bool:
        """Whether its time grows."""
        return self.task is not None and self.task.state is TaskState.RUNNING

    @property
    def is_open(self) -> bool:
        """Whether it has a task that has not ended."""
        return self.task is not None and not self.task.state.finished


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """The image step that a run or deployment waits for, or that failed: `error` is one line then."""

    deployment: int
    step: str
    since: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert that is not resolved, in words that are safe to show; `firing`: nobody has acknowledged it.

    `rule` names the user's rule, empty for what comes by itself. `job_id` is the job it is about, if any. `last_at`
    is in Unix seconds.
    """

    id: int
    kind: AlertKind
    rule: str
    firing: bool
    severity: AlertSeverity
    job_id: str | None
    name: str
    what: str
    evidence: str
    stops: tuple[str, ...]
    run_id: int | None
    count: int
    last_at: float


@dataclass(frozen=True, slots=True)
class Failure:
    """How a job has failed in the shown run, in words that are safe to show.

    `instance` is the one that failed, None where there is only one. `usual` is what its successes take of what ran
    out, empty where unknown. `next_at` (Unix seconds) is when it next runs by itself; `paused`: it would.
    """

    job_id: str
    name: str
    instance: int | None
    verdict: str
    evidence: str
    usual: str
    stops: tuple[str, ...] = ()
    retries: int = 0
    retry_limit: int = 0
    next_at: float | None = None
    paused: bool = False


@dataclass(frozen=True)
class Dashboard:
    """One run of one project; times are Unix seconds.

    `rows` stand in the order of the file. `deployment` is the number of the run's, `active` that of the one that
    schedules use. `live` says that no run was chosen: the newest that matters is shown. `cpu` (cores) and `memory`
    (bytes) are what running attempts of all projects hold. `firing` counts alerts that nobody has acknowledged.
    `alerts` are all that are not resolved, those first. `failures` are the failed jobs of a failed run until somebody
    has acknowledged it.
    `changed` says in a line what is different in a failed run since the last good one; empty: nothing to compare.
    `logs` are whose logs there are; no job is selected in it.
    `active_code` is the digest of the files of the active deployment, `run_code` that of the files of a failed run,
    `tree` that of the files as they are now; empty: not known. `note` says why there are no jobs,
    where the config is to blame.
    """

    token: str
    name: str
    run: Run | None = None
    deployment: int | None = None
    active: int | None = None
    active_code: str = ""
    run_code: str = ""
    tree: str = ""
    paused: bool = False
    problem: str = ""
    runner: str = ""
    rows: tuple[JobRow, ...] = ()
    graph: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    image: ImageFacts | None = None
    cpu: float = 0.0
    memory: int = 0
    firing: int = 0
    alerts: tuple[AlertRow, ...] = ()
    failures: tuple[Failure, ...] = ()
    changed: str = ""
    logs: Shown = NO_LOGS
    live: bool = True
    engine: EngineFacts = EngineFacts()
    note: str = ""

    @cached_property
    def row_of(self) -> Mapping[str, JobRow]:
        """The rows by job id."""
        return {row.job_id: row for row in self.rows}

    @property
    def differs(self) -> bool:
        """Whether the files are others than those of the active deployment."""
        return bool(self.tree and self.active_code) and self.tree != self.active_code

    @property
    def is_mended(self) -> bool:
        """Whether the files are others than those that a failed run had."""
        return bool(self.tree and self.run_code) and self.tree != self.run_code

    @property
    def ticks(self) -> bool:
        """Whether a time on the screen grows."""
        building = self.image is not None and not self.image.error
        return building or (self.run is not None and self.run.state is RunState.RUNNING)


def shown_run(chosen: int | None, runs: Sequence[tuple[int, RunState]], unacknowledged: Iterable[int]) -> int | None:
    """The run to show: the chosen one, else the newest running, else the newest failed and unacknowledged.

    Else the last. `runs` are `(id, state)`, newest first; one that was only missed or skipped is shown where there is
    nothing else.
    """
    if chosen is not None and any(run == chosen for run, _ in runs):
        return chosen
    going = [run for run, state in runs if not state.finished]
    if going:
        return going[0]
    waiting = set(unacknowledged)
    failed = [run for run, state in runs if state is RunState.FAILED and run in waiting]
    if failed:
        return failed[0]
    ran = [run for run, state in runs if state not in (RunState.MISSED, RunState.SKIPPED)]
    return next(iter(ran or [run for run, _ in runs]), None)


def first_selected(rows: Iterable[JobRow]) -> str | None:
    """The job to begin with: the first failed one, else the one that runs longest, else the first."""
    listed = list(rows)
    for row in listed:
        if row.task is not None and row.task.state in FAILURES:
            return row.job_id
    running = [row for row in listed if row.ticks and row.task is not None and row.task.started_at is not None]
    if running:
        return min(running, key=lambda row: (row.task.started_at or 0.0) if row.task else 0.0).job_id
    return listed[0].job_id if listed else None


def elapsed(task: Task | None, now: float) -> float | None:
    """Seconds a task ran, or has been running; None where it has not begun."""
    if task is None or task.started_at is None:
        return None
    return max(0.0, (now if task.ended_at is None else task.ended_at) - task.started_at)
