"""What happens next in a run: a pure function of its recorded state, its surroundings and the time (DESIGN 1).

Level-triggered: `advance` looks at everything that is recorded and says what should be; calling it again changes
nothing. So an event is only "look again", and a crash is only a reload.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum

from skafos_tui.engine.timetable import CLOCK_SLACK_S, ON_TIME_S
from skafos_tui.model.graph import topological
from skafos_tui.model.project import Catchup, Job, Overlap, RetryPolicy
from skafos_tui.model.run import Attempt, DeploymentState, Run, RunState, Task, TaskState, TriggerKind
from skafos_tui.model.verdict import Verdict, VerdictKind

QUEUE_HOLDS = 1
"""How many tasks may wait behind the one that runs under `overlap: queue`."""


class Standing(StrEnum):
    """How a dependency outside the run stands."""

    MET = "met"
    UNFINISHED = "unfinished"
    UNMET = "unmet"


@dataclass(frozen=True, slots=True)
class Outside:
    """A dependency that is no task of the run; `reason` is shown where it isn't met."""

    standing: Standing
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ahead:
    """Tasks of the same job in other runs that go first: they run already, or were queued by an older run.

    `reason` names the first of them, `runs` are the ids of all their runs.
    """

    reason: str
    runs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RunView:
    """All that the future of a run depends on.

    `jobs` are those of its deployment; `missing` maps job ids to the entrypoint file the snapshot lacks; `outside` has
    every dependency that is no task of the run; `ahead` maps job ids to the other runs' tasks of that job that go first
    (overlap); `problem` says why the runner takes nothing at the moment, `shortage` why nothing new starts anywhere;
    `paused` are attempts that somebody has paused behind our back.
    """

    run: Run
    deployment: DeploymentState
    deployment_detail: str
    jobs: Mapping[str, Job]
    tasks: Sequence[Task]
    attempts: Sequence[Attempt]
    outside: Mapping[str, Outside] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    ahead: Mapping[str, Ahead] = field(default_factory=dict)
    problem: str = ""
    shortage: str = ""
    paused: Set[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Want:
    """An attempt that should be planned as soon as the machine has room, not before `ready_at` (Unix seconds)."""

    run_id: int
    job_id: str
    job_name: str
    position: int
    instance: int
    number: int
    ready_at: float


@dataclass(frozen=True, slots=True)
class Step:
    """The run and its tasks as they should be recorded, and what is wanted from the machine.

    `replaces` are the tasks of other runs, `(run id, job id)`, that must be cancelled for tasks of this one.
    """

    run: Run
    tasks: tuple[Task, ...]
    wants: tuple[Want, ...]
    replaces: tuple[tuple[int, str], ...] = ()


def advance(view: RunView, now: float) -> Step:
    """The next recorded state of a run. `now` in Unix seconds."""
    if view.run.state.finished:
        return Step(view.run, tuple(view.tasks), ())
    tasks = {task.job_id: task for task in view.tasks}
    attempts: dict[str, list[Attempt]] = {job_id: [] for job_id in tasks}
    for attempt in view.attempts:
        attempts[attempt.job_id].append(attempt)
    wants: list[Want] = []
    replaces: list[tuple[int, str]] = []
    graph = {job_id: [d for d in view.jobs[job_id].dependencies if d in tasks] for job_id in tasks}
    for job_id in topological(graph):
        task = tasks[job_id]
        if task.state is TaskState.WAITING:
            task = _leave_waiting(view, task, tasks, now)
            if task.state is TaskState.QUEUED:
                task = _judge_overlap(view, task, now, replaces)
        if task.state.active:
            task, wanted = _fold(view, task, attempts[job_id], now)
            wants.extend(wanted)
        tasks[job_id] = task
    planned = tuple(tasks[task.job_id] for task in view.tasks)
    return Step(_fold_run(view.run, planned, now), planned, tuple(wants), tuple(replaces))


def _cancelled_by(view: RunView, task: Task) -> str | None:
    return task.cancelled_by or view.run.cancelled_by


def _leave_waiting(view: RunView, task: Task, tasks: Mapping[str, Task], now: float) -> Task:
    """A waiting task becomes queued or ends, or says what it waits for."""
    canceller = _cancelled_by(view, task)
    if canceller is not None:
        return replace(task, state=TaskState.CANCELLED, reason=f"by {canceller}", ended_at=now)
    waits_for: list[str] = []
    for dependency in view.jobs[task.job_id].dependencies:
        upstream = tasks.get(dependency)
        if upstream is None:
            outside = view.outside.get(dependency, Outside(Standing.UNMET, f"{dependency} is no job of this config"))
            if outside.standing is Standing.UNMET:
                return replace(task, state=TaskState.SKIPPED, reason=outside.reason, ended_at=now)
            if outside.standing is Standing.UNFINISHED:
                waits_for.append(outside.reason)
        elif upstream.state is TaskState.SKIPPED:
            return replace(task, state=TaskState.SKIPPED, reason=f"{upstream.name} was skipped", ended_at=now)
        elif upstream.state.finished and upstream.state is not TaskState.SUCCEEDED:
            reason = f"{upstream.name}: {upstream.state.value.replace('_', ' ')}"
            return replace(task, state=TaskState.UPSTREAM_FAILED, reason=reason, ended_at=now)
        elif not upstream.state.finished:
            waits_for.append(upstream.name)
    if waits_for:
        return replace(task, reason=f"for {', '.join(waits_for)}")
    if view.deployment is DeploymentState.BUILDING:
        return replace(task, reason=f"for the image: {view.deployment_detail or 'being built'}")
    if view.deployment is DeploymentState.FAILED:
        return _could_not_start(task, view.deployment_detail, now)
    if task.job_id in view.missing:
        return _could_not_start(task, f"{view.missing[task.job_id]} is not in the project", now)
    return replace(task, state=TaskState.QUEUED, reason="", queued_at=now)


def _judge_overlap(view: RunView, task: Task, now: float, replaces: list[tuple[int, str]]) -> Task:
    """What a task does that would start while another run has one of the same job (SPEC 3, Overlap)."""
    ahead = view.ahead.get(task.job_id)
    if ahead is None:
        return task
    overlap = overlap_of(view.run, view.jobs[task.job_id])
    if overlap is Overlap.REPLACE:
        replaces.extend((run_id, task.job_id) for run_id in ahead.runs)
    elif overlap is Overlap.SKIP or (overlap is Overlap.QUEUE and len(ahead.runs) > QUEUE_HOLDS):
        reason = f"overlap {overlap.value}: {ahead.reason}"
        return replace(task, state=TaskState.SKIPPED, reason=reason, queued_at=None, ended_at=now)
    return task


def overlap_of(run: Run, job: Job) -> Overlap | None:
    """The policy that a task of this run follows; None: it waits for its turn, however many wait already.

    So do tasks that a person asked for, and slots of `catchup: all`, which would else skip each other.
    """
    if run.trigger is not TriggerKind.SCHEDULE or run.scheduled_at is None:
        return None
    if job.catchup is Catchup.ALL and run.created_at - run.scheduled_at >= ON_TIME_S:
        return None
    return job.overlap


def _blocking(view: RunView, task: Task) -> str:
    """Why a task waits for other runs' tasks of its job; empty where it doesn't."""
    ahead = view.ahead.get(task.job_id)
    if ahead is None or overlap_of(view.run, view.jobs[task.job_id]) is Overlap.PARALLEL:
        return ""
    return f"{ahead.reason} goes first"


def _could_not_start(task: Task, evidence: str, now: float) -> Task:
    verdict = Verdict(VerdictKind.COULD_NOT_START, None, evidence)
    return replace(task, state=TaskState.FAILED, reason="", ended_at=now, verdict=verdict)


def _fold(view: RunView, task: Task, attempts: Sequence[Attempt], now: float) -> tuple[Task, list[Want]]:
    """The state of an active task from the attempts of its instances, and the attempts it wants."""
    policy = view.jobs[task.job_id].retries
    cancelled = _cancelled_by(view, task) is not None
    last: dict[int, Attempt] = {}
    for known in attempts:
        if known.instance not in last or known.number > last[known.instance].number:
            last[known.instance] = known
    wants: list[Want] = []
    retries: list[str] = []
    for instance in range(task.instances):
        attempt = last.get(instance)
        if attempt is None:
            wants.append(_want(task, instance, 1, task.queued_at or now))
        elif attempt.verdict is not None and should_retry(policy, attempt):
            ready_at = retry_at(policy, attempt, now)
            wants.append(_want(task, instance, attempt.number + 1, ready_at))
            if ready_at > now:
                moment = time.strftime("%H:%M:%S", time.localtime(ready_at))
                retries.append(f"retry {attempt.number} of {policy.limit} at {moment}")
    if cancelled:
        wants = []
    started = [a.started_at for a in attempts if a.started_at is not None]
    task = replace(task, started_at=min(started) if started else None)
    still_open = [attempt for attempt in last.values() if attempt.verdict is None]
    if still_open or wants:
        if any(a.started_at is not None for a in still_open):
            state, reason = TaskState.RUNNING, view.problem or _paused(view, still_open)
        elif still_open:
            state, reason = TaskState.STARTING, view.problem
        else:
            # What is wanted but has no room is told by admission, which looks at all runs at once.
            state, reason = (
                TaskState.QUEUED,
                _blocking(view, task) or view.problem or view.shortage or ", ".join(retries),
            )
        if _blocking(view, task) and not still_open:
            wants = []
        return replace(task, state=state, reason=reason), wants
    return _end(view, task, last, now), []


def _paused(view: RunView, attempts: Sequence[Attempt]) -> str:
    """What is said of a task with containers that somebody has paused; empty where there is none."""
    names = [attempt.name for attempt in attempts if attempt.name in view.paused]
    return f"paused by somebody: {', '.join(names)}" if names else ""


def _want(task: Task, instance: int, number: int, ready_at: float) -> Want:
    return Want(task.run_id, task.job_id, task.name, task.position, instance, number, ready_at)


def should_retry(policy: RetryPolicy, attempt: Attempt) -> bool:
    """Whether the declared policy tries an ended attempt's instance again (SPEC 3)."""
    verdict = attempt.verdict
    if verdict is None or verdict.succeeded or attempt.number > policy.limit:
        return False
    if verdict.kind is VerdictKind.CANCELLED:
        return False
    if verdict.kind is VerdictKind.LOST:
        return policy.lost
    return not policy.exit_codes or verdict.exit_code in policy.exit_codes


def retry_at(policy: RetryPolicy, attempt: Attempt, now: float) -> float:
    """When an ended attempt's instance is tried again, Unix seconds.

    An end that lies in the future means that the clock was set back since: then at once, not after that time as well.
    """
    ended_at = attempt.ended_at or now
    return now if ended_at > now + CLOCK_SLACK_S else ended_at + retry_delay(policy, attempt.number)


def retry_delay(policy: RetryPolicy, attempt_number: int) -> float:
    """Seconds between the end of attempt `attempt_number` and the next one."""
    try:
        delay = policy.delay_s * policy.factor ** (attempt_number - 1)
    except OverflowError:
        return policy.max_delay_s
    return min(delay, policy.max_delay_s)


def _end(view: RunView, task: Task, last: Mapping[int, Attempt], now: float) -> Task:
    """The final state of a task none of whose instances runs or wants to."""
    ended_at = max((a.ended_at for a in last.values() if a.ended_at is not None), default=now)
    warnings = [task.warning, *(a.verdict.warning for a in last.values() if a.verdict is not None)]
    warning = "; ".join(dict.fromkeys(text for text in warnings if text)) or None
    task = replace(task, reason="", ended_at=ended_at, warning=warning)
    canceller = _cancelled_by(view, task)
    policy = view.jobs[task.job_id].retries
    worst: Attempt | None = None
    unfinished = False
    for instance in range(task.instances):
        attempt = last.get(instance)
        if attempt is None or attempt.verdict is None or should_retry(policy, attempt):
            assert canceller is not None, "an instance that is not done is wanted, unless it was cancelled"
            unfinished = True
            continue
        if not attempt.verdict.succeeded and (worst is None or _weight(attempt) > _weight(worst)):
            worst = attempt
    if worst is not None and worst.verdict is not None:
        verdict = worst.verdict
        if task.instances > 1:
            verdict = replace(verdict, evidence=f"#{worst.instance}: {verdict.evidence or verdict.text}")
        return replace(task, state=_ENDS[verdict.kind], verdict=verdict)
    if unfinished:
        return replace(task, state=TaskState.CANCELLED, reason=f"by {canceller}")
    deciding = last[task.instances - 1].verdict
    return replace(task, state=TaskState.SUCCEEDED, verdict=deciding)


_ENDS: Mapping[VerdictKind, TaskState] = {
    VerdictKind.EXITED: TaskState.FAILED,
    VerdictKind.OUT_OF_MEMORY: TaskState.FAILED,
    VerdictKind.KILLED: TaskState.FAILED,
    VerdictKind.COULD_NOT_START: TaskState.FAILED,
    VerdictKind.TIMEOUT: TaskState.TIMED_OUT,
    VerdictKind.LOST: TaskState.LOST,
    VerdictKind.CANCELLED: TaskState.CANCELLED,
}
_GRAVITY = (TaskState.CANCELLED, TaskState.LOST, TaskState.TIMED_OUT, TaskState.FAILED)


def _weight(attempt: Attempt) -> int:
    """Which of several failed instances decides the state of the task: the user's own failures first."""
    assert attempt.verdict is not None
    return _GRAVITY.index(_ENDS[attempt.verdict.kind])


def _fold_run(run: Run, tasks: Sequence[Task], now: float) -> Run:
    """The state of a run from its tasks."""
    states = {task.state for task in tasks}
    begun = any(task.started_at is not None or task.state in (TaskState.STARTING, TaskState.RUNNING) for task in tasks)
    if begun and run.started_at is None:
        run = replace(run, state=RunState.RUNNING, started_at=now)
    if any(not state.finished for state in states):
        return run
    failed = [t for t in tasks if t.state in (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.LOST)]
    if run.cancelled_by is not None and TaskState.CANCELLED in states:
        end, reason = RunState.CANCELLED, f"by {run.cancelled_by}"
    elif failed:
        end, reason = RunState.FAILED, ", ".join(f"{task.name}: {_why(task)}" for task in failed)
    elif TaskState.CANCELLED in states:
        names = ", ".join(task.name for task in tasks if task.state is TaskState.CANCELLED)
        end, reason = RunState.CANCELLED, f"{names} cancelled"
    elif states == {TaskState.SKIPPED}:
        end, reason = RunState.SKIPPED, tasks[0].reason
    else:
        end, reason = RunState.SUCCEEDED, ""
    return replace(run, state=end, reason=reason, ended_at=now)


def _why(task: Task) -> str:
    return task.verdict.text if task.verdict is not None else task.state.value
