"""Cancelling: before, while and between."""

from __future__ import annotations

import pytest
from house import Life, a_life, by_job, finished, job, job_id, start_run, tasks_of, until
from memory import Behaviour

from skafos_tui.engine.triggers import Refusal
from skafos_tui.model.run import RunState, TaskState
from skafos_tui.model.verdict import VerdictKind

LONG = Behaviour(duration_s=5.0)


async def in_state(life: Life, run_id: int, name: str, state: TaskState) -> None:
    async def there() -> bool:
        return (await tasks_of(life, run_id))[name].state is state

    await until(there, f"{name} is {state}")


async def test_cancelling_a_run_ends_what_runs_and_what_waits() -> None:
    async with a_life([job(0), job(1, after=(0,))], by_job(j0=LONG)) as life:
        run_id = await start_run(life)
        await in_state(life, run_id, "j0", TaskState.RUNNING)
        assert await life.requests.cancel(run_id, [], "ann") == [job_id(0), job_id(1)]
        run, tasks, attempts = await finished(life, run_id)
        assert (run.state, run.reason) == (RunState.CANCELLED, "by ann")
        assert {task.state for task in tasks.values()} == {TaskState.CANCELLED}
        assert tasks["j1"].reason == "by ann"
        verdict = attempts[0].verdict
        assert verdict is not None
        assert (verdict.kind, verdict.evidence) == (
            VerdictKind.CANCELLED,
            "by ann, ended with exit 143 (SIGTERM)",
        )


async def test_what_ignores_sigterm_does_not_outlive_a_cancel() -> None:
    async with a_life([job(0)], by_job(j0=Behaviour(duration_s=5.0, term_code=None))) as life:
        run_id = await start_run(life)
        await in_state(life, run_id, "j0", TaskState.RUNNING)
        await life.requests.cancel(run_id, [], "ann")
        run, _, _ = await finished(life, run_id)
        assert run.state is RunState.CANCELLED


async def test_cancelling_one_task_leaves_the_others_alone() -> None:
    jobs = [job(0), job(1, after=(0,)), job(2)]
    async with a_life(jobs, by_job(j0=LONG, j2=Behaviour(duration_s=0.1))) as life:
        run_id = await start_run(life)
        await in_state(life, run_id, "j0", TaskState.RUNNING)
        assert await life.requests.cancel(run_id, ["j0"], "ann") == [job_id(0)]
        run, tasks, _ = await finished(life, run_id)
        assert tasks["j0"].state is TaskState.CANCELLED
        assert tasks["j1"].state is TaskState.UPSTREAM_FAILED
        assert tasks["j2"].state is TaskState.SUCCEEDED
        assert run.state is RunState.CANCELLED


async def test_a_task_cancelled_in_the_queue_never_starts() -> None:
    jobs = [job(n, resources={"requests": {"cpu": 2}}) for n in range(2)]
    async with a_life(jobs, by_job(j0=Behaviour(duration_s=0.1))) as life:
        run_id = await start_run(life)
        await in_state(life, run_id, "j1", TaskState.QUEUED)
        await in_state(life, run_id, "j0", TaskState.RUNNING)
        await life.requests.cancel(run_id, ["j1"], "ann")
        run, tasks, attempts = await finished(life, run_id)
        assert tasks["j0"].state is TaskState.SUCCEEDED
        assert (tasks["j1"].state, tasks["j1"].reason) == (TaskState.CANCELLED, "by ann")
        assert [attempt.job_id for attempt in attempts] == [job_id(0)]
        assert run.state is RunState.CANCELLED


async def test_a_task_cancelled_while_it_waits_for_its_retry_is_cancelled_at_once() -> None:
    jobs = [job(0, retries={"limit": 3, "delay": "1h"})]
    async with a_life(jobs, by_job(j0=Behaviour(exit_code=1))) as life:
        run_id = await start_run(life)

        async def backing_off() -> bool:
            return (await tasks_of(life, run_id))["j0"].reason.startswith("retry 1 of 3")

        await until(backing_off, "the task waits for its retry")
        await life.requests.cancel(run_id, [], "ann")
        run, tasks, attempts = await finished(life, run_id)
        assert (run.state, tasks["j0"].state) == (RunState.CANCELLED, TaskState.CANCELLED)
        assert len(attempts) == 1


async def test_what_succeeded_before_a_cancel_stays_succeeded() -> None:
    async with a_life([job(0), job(1, after=(0,))], by_job(j1=LONG)) as life:
        run_id = await start_run(life)
        await in_state(life, run_id, "j1", TaskState.RUNNING)
        await life.requests.cancel(run_id, [], "ann")
        _, tasks, _ = await finished(life, run_id)
        assert (tasks["j0"].state, tasks["j1"].state) == (TaskState.SUCCEEDED, TaskState.CANCELLED)


async def test_an_ended_run_cannot_be_cancelled() -> None:
    async with a_life([job(0)]) as life:
        run_id = await start_run(life)
        await finished(life, run_id)
        with pytest.raises(Refusal) as refusal:
            await life.requests.cancel(run_id, [], "ann")
        assert refusal.value.code == "finished"


async def test_cancelling_an_unknown_job_says_so() -> None:
    async with a_life([job(0)], by_job(j0=LONG)) as life:
        run_id = await start_run(life)
        with pytest.raises(Refusal) as refusal:
            await life.requests.cancel(run_id, ["nobody"], "ann")
        assert (refusal.value.code, refusal.value.exit_code) == ("unknown-job", 2)
        await life.requests.cancel(run_id, [], "ann")
        await finished(life, run_id)
