"""Runs, tasks, attempts: their states, and the facts the store keeps of them (SPEC 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from skafos_tui.model.project import NO_TEXT
from skafos_tui.model.verdict import Stop, Verdict


class TriggerKind(StrEnum):
    """What started a run."""

    MANUAL = "manual"
    SCHEDULE = "schedule"
    DEPLOY = "deploy"
    RETRY = "retry"


class DeploymentState(StrEnum):
    """A snapshot is built once; then it is ready or has failed for good."""

    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"


class ActivationKind(StrEnum):
    """What asked for another active deployment."""

    DEPLOY = "deploy"
    RELOAD = "reload"
    ROLLBACK = "rollback"
    UNDEPLOY = "undeploy"


class ActivationState(StrEnum):
    """`waiting` for its image; `active` once schedules use it (an older one was, then); `failed`: its image could not
    be made; `superseded` by a newer one before its image was there; `invalid`: the config had errors.
    """

    WAITING = "waiting"
    ACTIVE = "active"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    INVALID = "invalid"


class RunState(StrEnum):
    """The states of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    MISSED = "missed"

    @property
    def finished(self) -> bool:
        """Whether the run has ended."""
        return self not in (RunState.QUEUED, RunState.RUNNING)


class TaskState(StrEnum):
    """The states of a task."""

    WAITING = "waiting"
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    UPSTREAM_FAILED = "upstream_failed"
    SKIPPED = "skipped"

    @property
    def finished(self) -> bool:
        """Whether the task has ended."""
        return self not in _UNFINISHED

    @property
    def active(self) -> bool:
        """Whether attempts of the task run or want to."""
        return self in (TaskState.QUEUED, TaskState.STARTING, TaskState.RUNNING)


_UNFINISHED = (TaskState.WAITING, TaskState.QUEUED, TaskState.STARTING, TaskState.RUNNING)
_RUNS_ON = frozenset({TaskState.QUEUED, TaskState.STARTING, TaskState.RUNNING})
_ENDS = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.TIMED_OUT, TaskState.CANCELLED, TaskState.LOST})

TASK_TRANSITIONS: Mapping[TaskState, frozenset[TaskState]] = {
    TaskState.WAITING: frozenset(
        {
            TaskState.QUEUED,
            TaskState.UPSTREAM_FAILED,
            TaskState.SKIPPED,
            TaskState.CANCELLED,
            TaskState.FAILED,
        }
    ),
    # Back to queued: another instance or a retry waits for its turn while no other instance runs.
    **{state: (_RUNS_ON - {state}) | _ENDS for state in _RUNS_ON},
}
"""Which state may follow which; a state that is no key is final."""

RUN_TRANSITIONS: Mapping[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset(set(RunState) - {RunState.QUEUED}),
    RunState.RUNNING: frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED}),
}
"""Which state of a run may follow which; a state that is no key is final."""


class AttemptState(StrEnum):
    """The durable commits of an attempt (DESIGN 4), and `running` as the runner last showed it.

    `starting` is written before the container is asked to start: a container that is gone after that has run, or may
    have, and is never started again; before that it has not.
    """

    PLANNED = "planned"
    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"
    COLLECTED = "collected"

    @property
    def open(self) -> bool:
        """Whether the attempt has no verdict yet: it holds its share of the machine."""
        return self in (AttemptState.PLANNED, AttemptState.STARTING, AttemptState.RUNNING)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One container of one instance of a task. Times are Unix seconds, UTC."""

    id: int
    run_id: int
    job_id: str
    instance: int
    number: int
    name: str
    state: AttemptState
    cpu: float
    memory: int
    planned_at: float
    started_at: float | None = None
    ended_at: float | None = None
    stop: Stop | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One job in one run. `reason` says why it is in its state, or what it waits for; times are Unix seconds."""

    run_id: int
    job_id: str
    name: str
    state: TaskState
    instances: int = 1
    reason: str = ""
    queued_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    verdict: Verdict | None = None
    position: int = 0
    cancelled_by: str | None = None
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a set of jobs, pinned to one deployment. Times are Unix seconds, UTC.

    `id` is unique over all projects; it is what people type.
    """

    id: int
    project: str
    deployment: int
    trigger: TriggerKind
    state: RunState
    created_at: float
    reason: str = ""
    retry_of: int | None = None
    scheduled_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    parameters: Mapping[str, str] = field(default_factory=lambda: NO_TEXT)
    cancelled_by: str | None = None


@dataclass(frozen=True, slots=True)
class Activation:
    """One change of what schedules use, or the attempt at it. Times are Unix seconds, UTC.

    `deployment` is None for `undeploy`, an invalid config, and a reload whose files are not snapshot yet; `previous`
    is what was active when it was asked for. `plan` is a `config.plan.Plan` as JSON text, `findings` the lines of
    what is wrong with an invalid config.
    """

    id: int
    project: str
    kind: ActivationKind
    state: ActivationState
    deployment: int | None
    previous: int | None
    requested_at: float
    decided_at: float | None = None
    config_digest: str = ""
    plan: str = "{}"
    findings: tuple[str, ...] = ()
    error: str = ""
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """An immutable snapshot of config, code and image.

    `number` counts within the project from 1. `images` maps the job ids to image references once it is ready.
    `missing` maps job ids to the entrypoint file that the snapshot lacks. `collected_at` is when its code archive and
    images were given up because it is old: it can't run any more.
    """

    id: int
    project: str
    number: int
    state: DeploymentState
    config: str
    config_digest: str
    code_digest: str
    created_at: float
    ready_at: float | None = None
    error: str = ""
    step: str = ""
    images: Mapping[str, str] = field(default_factory=lambda: NO_TEXT)
    missing: Mapping[str, str] = field(default_factory=lambda: NO_TEXT)
    packages: str = ""
    collected_at: float | None = None
