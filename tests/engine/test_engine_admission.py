"""Who starts when: the machine's room, other runs, dependencies outside the run."""

from __future__ import annotations

import pytest
from house import a_life, by_job, finished, job, job_id, start_run, tasks_of, until
from memory import Behaviour

from skafos_tui.engine.triggers import Refusal
from skafos_tui.model.run import RunState, TaskState
from skafos_tui.runners.base import LABEL_RUN, AttemptSpec


def overlapping(spans: list[tuple[int, int]]) -> int:
    """How many of the spans hold at once at most."""
    moments = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    most = now = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most


async def test_ten_jobs_of_one_core_on_two_run_two_at_a_time_and_say_why() -> None:
    jobs = [job(n, resources={"requests": {"cpu": 1}}) for n in range(10)]
    quick = {f"j{n}": Behaviour(duration_s=0.03) for n in range(10)}
    async with a_life(jobs, by_job(**quick)) as life:
        run_id = await start_run(life)

        async def told() -> bool:
            last = (await tasks_of(life, run_id))["j9"]
            return (last.state, last.reason) == (TaskState.QUEUED, "needs 1 cpu (0 free), j0, j1 have it")

        await until(told, "the reason is shown")
        run, _, _ = await finished(life, run_id)
        assert run.state is RunState.SUCCEEDED
        records = life.house.daemon.records.values()
        spans = [(r.started_ns, r.end_ns) for r in records if r.started_ns is not None and r.end_ns is not None]
        assert len(spans) == 10
        assert overlapping(spans) == 2


async def test_three_cores_on_two_are_clamped_with_a_warning() -> None:
    jobs = [job(0, resources={"limits": {"cpu": 3, "memory": "8Gi"}})]
    async with a_life(jobs) as life:
        run, tasks, attempts = await finished(life, await start_run(life))
        assert run.state is RunState.SUCCEEDED
        assert tasks["j0"].warning == ("asks for 3 cpu, runs with 2; asks for 8.0Gi memory, runs with 4.0Gi")
        assert attempts[0].cpu == 2
        spec = next(iter(life.house.daemon.records.values())).spec
        assert (spec.cpu, spec.memory) == (2, 4 << 30)


async def test_two_manual_runs_of_one_job_take_turns() -> None:
    async with a_life([job(0)], by_job(j0=Behaviour(duration_s=0.08))) as life:
        first = await start_run(life, "a")
        second = await start_run(life, "b")

        async def told() -> bool:
            return (await tasks_of(life, second))["j0"].reason == f"j0 of run {first} goes first"

        await until(told, "the second waits")
        await finished(life, first)
        run, _, _ = await finished(life, second)
        assert run.state is RunState.SUCCEEDED
        records = sorted(life.house.daemon.records.values(), key=lambda r: r.run_id)
        assert records[0].end_ns is not None
        assert records[1].started_ns is not None
        assert records[0].end_ns <= records[1].started_ns


async def test_a_retried_attempt_lets_an_older_run_of_its_job_go_first() -> None:
    jobs = [job(0), job(1, after=(0,), retries={"limit": 1, "delay": "0s", "exit_codes": [7]})]

    def behave(spec: AttemptSpec) -> Behaviour:
        which = (spec.labels[LABEL_RUN], spec.environment["SKAFOS_JOB_NAME"], spec.environment["SKAFOS_ATTEMPT"])
        known = {
            ("1", "j1", "1"): Behaviour(exit_code=1),
            ("2", "j0", "1"): Behaviour(duration_s=0.1),
            ("3", "j1", "1"): Behaviour(duration_s=0.2, exit_code=7),
        }
        return known.get(which, Behaviour(duration_s=0.05))

    async with a_life(jobs, behave) as life:
        first = await start_run(life, "a")
        await finished(life, first)
        second = await start_run(life, "b")
        third = (await life.requests.retry(first, "c", None, False)).run
        for run_id in (second, third):
            run, _, _ = await finished(life, run_id)
            assert run.state is RunState.SUCCEEDED
        records = [r for r in life.house.daemon.records.values() if r.job_id == job_id(1)]
        spans = [(r.started_ns, r.end_ns) for r in records if r.started_ns is not None and r.end_ns is not None]
        assert len(spans) == 4
        assert overlapping(spans) == 1


async def test_a_request_that_is_sent_again_gives_the_same_run() -> None:
    async with a_life([job(0)]) as life:
        first = await start_run(life, "same")
        assert await start_run(life, "same") == first
        await finished(life, first)
        assert await start_run(life, "same") == first
        assert len(life.house.daemon.records) == 1


async def test_a_dependency_outside_the_run_must_have_succeeded_last_time() -> None:
    behaviour = by_job(j0=Behaviour())
    async with a_life([job(0), job(1, after=(0,))], behaviour) as life:
        with pytest.raises(Refusal) as refusal:
            await start_run(life, "early", ("j1",))
        assert refusal.value.code == "unmet-dependency"
        assert refusal.value.message == "j1 needs j0, but j0 has never run: run it with --with-upstream"
        await finished(life, await start_run(life, "up", ("j0",), only=True))
        run, tasks, _ = await finished(life, await start_run(life, "down", ("j1",)))
        assert list(tasks) == ["j1"]
        assert run.state is RunState.SUCCEEDED


async def test_a_dependency_that_failed_last_time_is_unmet() -> None:
    async with a_life([job(0), job(1, after=(0,))], by_job(j0=Behaviour(exit_code=1))) as life:
        run, _, _ = await finished(life, await start_run(life, "up"))
        assert run.state is RunState.FAILED
        with pytest.raises(Refusal) as refusal:
            await start_run(life, "down", ("j1",))
        assert "j0 ended as failed in run 1" in refusal.value.message


async def test_a_dependency_still_running_in_an_older_run_is_waited_for() -> None:
    async with a_life([job(0), job(1, after=(0,))], by_job(j0=Behaviour(duration_s=0.08))) as life:
        first = await start_run(life, "up", ("j0",), only=True)
        second = await start_run(life, "down", ("j1",))

        async def told() -> bool:
            return (await tasks_of(life, second))["j1"].reason == f"for j0 in run {first}"

        await until(told, "the second waits")
        run, _, _ = await finished(life, second)
        assert run.state is RunState.SUCCEEDED


async def test_what_waits_for_a_dependency_outside_that_fails_is_skipped() -> None:
    jobs = [job(0), job(1, after=(0,)), job(2, after=(1,))]
    async with a_life(jobs, by_job(j0=Behaviour(duration_s=0.05, exit_code=1))) as life:
        await start_run(life, "up", ("j0",), only=True)
        run, tasks, attempts = await finished(life, await start_run(life, "down", ("j1",)))
        assert run.state is RunState.SKIPPED
        assert {task.state for task in tasks.values()} == {TaskState.SKIPPED}
        assert tasks["j2"].reason == "j1 was skipped"
        assert not attempts


async def test_with_upstream_runs_what_is_needed_too() -> None:
    jobs = [job(0), job(1, after=(0,)), job(2, after=(1,)), job(3)]
    async with a_life(jobs) as life:
        _, tasks, _ = await finished(life, await start_run(life, "r", ("j1",), with_upstream=True))
        assert list(tasks) == ["j0", "j1", "j2"]


async def test_a_retry_runs_what_failed_and_takes_the_rest_from_the_run_it_retries() -> None:
    jobs = [job(0), job(1, after=(0,)), job(2, after=(1,))]
    flaky = {"broken": True}

    def behave(spec: object) -> Behaviour:
        name = spec.environment["SKAFOS_JOB_NAME"]  # type: ignore[attr-defined]
        return Behaviour(exit_code=1 if name == "j1" and flaky["broken"] else 0)

    async with a_life(jobs, behave) as life:
        first = await start_run(life)
        await finished(life, first)
        flaky["broken"] = False
        again = (await life.requests.retry(first, "again", None, False)).run
        assert (await life.requests.retry(first, "again", None, False)).run == again
        run, tasks, _ = await finished(life, again)
        assert (run.state, run.retry_of) == (RunState.SUCCEEDED, first)
        assert list(tasks) == ["j1", "j2"]
        part = (await life.requests.retry(again, "part", "j2", False)).run
        _, tasks, _ = await finished(life, part)
        assert list(tasks) == ["j2"]
        with pytest.raises(Refusal) as refusal:
            await life.requests.retry(again, "nothing", None, False)
        assert refusal.value.code == "nothing-to-retry"


async def test_a_run_keeps_the_deployment_it_started_with() -> None:
    async with a_life([job(0), job(1, after=(0,))], by_job(j0=Behaviour(duration_s=0.05))) as life:
        first = await start_run(life, "a")
        life.house.write_config([job(0), job(1, after=(0,)), job(2)])
        second = await start_run(life, "b")
        _, old, _ = await finished(life, first)
        _, new, _ = await finished(life, second)
        assert (list(old), list(new)) == (["j0", "j1"], ["j0", "j1", "j2"])
        deployments = {r.spec.environment["SKAFOS_DEPLOYMENT_ID"] for r in life.house.daemon.records.values()}
        assert deployments == {"1", "2"}


async def test_the_same_token_in_a_second_directory_is_refused_with_two_ways_out() -> None:
    async with a_life([job(0)]) as life:
        await finished(life, await start_run(life))
        copy = life.house.directory.parent / "copy"
        copy.mkdir()
        (copy / "metis.config.yml").write_bytes((life.house.directory / "metis.config.yml").read_bytes())
        life.house.directory = copy
        with pytest.raises(Refusal) as refusal:
            await start_run(life, "copy")
        assert refusal.value.code == "other-directory"
        assert "--new-token" in refusal.value.message
        await life.requests.adopt(copy)
        run, _, _ = await finished(life, await start_run(life, "adopted"))
        assert run.state is RunState.SUCCEEDED
        assert job_id(0) in {r.job_id for r in life.house.daemon.records.values()}
