"""Runs, tasks and attempts made up for tests of the planner, and a small machine that carries out what it wants."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

from skafos_tui.engine.planner import Ahead, Outside, RunView, Step, Want, advance
from skafos_tui.model.project import Job, RetryPolicy
from skafos_tui.model.run import (
    Attempt,
    AttemptState,
    DeploymentState,
    Run,
    RunState,
    Task,
    TaskState,
    TriggerKind,
)
from skafos_tui.model.verdict import Verdict, VerdictKind

GOOD = Verdict(VerdictKind.EXITED, 0)


def a_job(name: str, *after: str, parallelism: int = 1, retries: RetryPolicy | None = None) -> Job:
    """A job whose id is its name."""
    return Job(
        id=name,
        name=name,
        entrypoint="true",
        segments=(),
        dependencies=after,
        parallelism=parallelism,
        retries=retries or RetryPolicy(),
    )


def exited(code: int) -> Verdict:
    """The verdict of an attempt that ended by itself."""
    return Verdict(VerdictKind.EXITED, code)


class Book:
    """One run, and what is recorded of it; `step` advances it and keeps the result."""

    def __init__(self, *jobs: Job, outside: Mapping[str, Outside] | None = None) -> None:
        self.jobs = {job.id: job for job in jobs}
        self.run = Run(1, "p", 1, TriggerKind.MANUAL, RunState.QUEUED, 0.0)
        self.tasks = tuple(
            Task(1, job.id, job.name, TaskState.WAITING, job.parallelism, position=position)
            for position, job in enumerate(jobs)
        )
        self.attempts: list[Attempt] = []
        self.deployment = DeploymentState.READY
        self.detail = ""
        self.outside = dict(outside or {})
        self.missing: dict[str, str] = {}
        self.ahead: dict[str, Ahead] = {}
        self.problem = ""
        self.now = 100.0
        self.wants: tuple[Want, ...] = ()

    def view(self) -> RunView:
        """What the planner sees."""
        return RunView(
            run=self.run,
            deployment=self.deployment,
            deployment_detail=self.detail,
            jobs=self.jobs,
            tasks=self.tasks,
            attempts=list(self.attempts),
            outside=self.outside,
            missing=self.missing,
            ahead=self.ahead,
            problem=self.problem,
        )

    def step(self) -> Step:
        """Advance, and record the result."""
        step = advance(self.view(), self.now)
        self.run, self.tasks, self.wants = step.run, step.tasks, step.wants
        return step

    def task(self, name: str) -> Task:
        """The recorded task."""
        return next(task for task in self.tasks if task.job_id == name)

    def states(self) -> dict[str, str]:
        """The recorded states by job."""
        return {task.job_id: task.state.value for task in self.tasks}

    def plan(self, want: Want) -> Attempt:
        """Admit a wanted attempt."""
        assert want.ready_at <= self.now
        attempt = Attempt(
            id=len(self.attempts) + 1,
            run_id=1,
            job_id=want.job_id,
            instance=want.instance,
            number=want.number,
            name=f"{want.job_id}-{want.instance}-{want.number}",
            state=AttemptState.PLANNED,
            cpu=1.0,
            memory=1,
            planned_at=self.now,
        )
        self.attempts.append(attempt)
        return attempt

    def begin(self, attempt: Attempt) -> Attempt:
        """Show an attempt running."""
        return self._put(replace(attempt, state=AttemptState.RUNNING, started_at=self.now))

    def end(self, attempt: Attempt, verdict: Verdict) -> Attempt:
        """Record the end of an attempt."""
        return self._put(replace(attempt, state=AttemptState.ENDED, ended_at=self.now, verdict=verdict))

    def _put(self, attempt: Attempt) -> Attempt:
        self.attempts[attempt.id - 1] = attempt
        return attempt

    def run_all(self, *verdicts: tuple[str, Verdict]) -> None:
        """Play everything that is wanted to its end; jobs not named succeed; each pair is used once, in order."""
        left = list(verdicts)
        for _ in range(100):
            self.step()
            if self.run.state.finished:
                return
            ready = [want for want in self.wants if want.ready_at <= self.now]
            if not ready:
                later = [want.ready_at for want in self.wants]
                assert later, f"stuck: {self.states()}"
                self.now = min(later)
                continue
            for want in ready:
                attempt = self.begin(self.plan(want))
                self.now += 1
                found = next((pair for pair in left if pair[0] == want.job_id), None)
                if found is not None:
                    left.remove(found)
                self.end(attempt, found[1] if found else GOOD)
        raise AssertionError(f"does not end: {self.states()}")


def random_verdict(dice: random.Random) -> Verdict:
    """Any end an attempt may have; succeeded half of the time."""
    if dice.random() < 0.5:
        return GOOD
    kind = dice.choice(list(VerdictKind))
    code = {VerdictKind.EXITED: dice.choice([1, 2, 75]), VerdictKind.TIMEOUT: 143}.get(kind)
    return Verdict(kind, code, "evidence")
