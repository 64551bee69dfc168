"""Runs from trigger to end: outcomes, retries, timeouts, what a job finds around it."""

from __future__ import annotations

from house import TOKEN, a_life, by_job, finished, job, job_id, start_run, tasks_of, until
from memory import Behaviour, Line

from skafos_tui.model.run import RunState, TaskState
from skafos_tui.model.verdict import VerdictKind
from skafos_tui.runners.base import LABEL_INSTANCE, AttemptSpec
from skafos_tui.store.projects import Variable

LONG = Behaviour(duration_s=5.0)
STUBBORN = Behaviour(duration_s=5.0, term_code=None)


async def test_a_chain_runs_to_success_and_leaves_nothing_behind() -> None:
    async with a_life([job(0), job(1, after=(0,)), job(2, after=(1,))]) as life:
        run, tasks, attempts = await finished(life, await start_run(life))
        assert run.state is RunState.SUCCEEDED
        assert {task.state for task in tasks.values()} == {TaskState.SUCCEEDED}
        assert [attempt.number for attempt in attempts] == [1, 1, 1]
        assert not life.house.daemon.containers


async def test_a_failure_stops_what_depends_on_it_and_nothing_else() -> None:
    jobs = [job(0), job(1, after=(0,)), job(2, after=(1,)), job(3), job(4, after=(3,))]
    async with a_life(jobs, by_job(j0=Behaviour(exit_code=3))) as life:
        run, tasks, _ = await finished(life, await start_run(life))
        assert run.state is RunState.FAILED
        assert run.reason == "j0: exit 3"
        states = {name: task.state for name, task in tasks.items()}
        assert states == {
            "j0": TaskState.FAILED,
            "j1": TaskState.UPSTREAM_FAILED,
            "j2": TaskState.UPSTREAM_FAILED,
            "j3": TaskState.SUCCEEDED,
            "j4": TaskState.SUCCEEDED,
        }
        assert tasks["j1"].reason == "j0: failed"


async def test_one_instance_that_fails_twice_under_two_retries_ends_in_success() -> None:
    def behave(spec: AttemptSpec) -> Behaviour:
        fails = spec.labels[LABEL_INSTANCE] == "1" and spec.environment["SKAFOS_ATTEMPT"] != "3"
        return Behaviour(exit_code=1 if fails else 0)

    jobs = [job(0, parallelism=3, retries={"limit": 2, "delay": "0s"})]
    async with a_life(jobs, behave) as life:
        run, tasks, attempts = await finished(life, await start_run(life))
        assert run.state is RunState.SUCCEEDED
        assert tasks["j0"].state is TaskState.SUCCEEDED
        numbers = {i: [a.number for a in attempts if a.instance == i] for i in range(3)}
        assert numbers == {0: [1], 1: [1, 2, 3], 2: [1]}


async def test_without_a_policy_nothing_is_retried() -> None:
    async with a_life([job(0)], by_job(j0=Behaviour(exit_code=1))) as life:
        _, _, attempts = await finished(life, await start_run(life))
        assert len(attempts) == 1


async def test_a_timeout_sends_sigterm_and_says_its_limit() -> None:
    async with a_life([job(0, timeout="0.02s")], by_job(j0=LONG)) as life:
        run, tasks, attempts = await finished(life, await start_run(life))
        assert run.state is RunState.FAILED
        assert tasks["j0"].state is TaskState.TIMED_OUT
        verdict = attempts[0].verdict
        assert verdict is not None
        assert verdict.kind is VerdictKind.TIMEOUT
        assert verdict.evidence == "limit 0.02s, ended with exit 143 (SIGTERM)"
        assert life.house.daemon.records[attempts[0].name].signals == ["SIGTERM"]


async def test_what_ignores_sigterm_is_killed_after_the_grace_period() -> None:
    async with a_life([job(0, timeout="0.02s")], by_job(j0=STUBBORN)) as life:
        _, tasks, attempts = await finished(life, await start_run(life))
        assert tasks["j0"].state is TaskState.TIMED_OUT
        assert life.house.daemon.records[attempts[0].name].signals == ["SIGTERM", "SIGKILL"]


async def test_a_timeout_is_retried_where_the_policy_says_so() -> None:
    jobs = [job(0, timeout="0.02s", retries=1)]
    behaviour = by_job(j0=[LONG, Behaviour()])
    jobs[0]["retries"] = {"limit": 1, "delay": "0s"}
    async with a_life(jobs, behaviour) as life:
        run, _, attempts = await finished(life, await start_run(life))
        assert run.state is RunState.SUCCEEDED
        assert len(attempts) == 2


async def test_out_of_memory_is_said_with_its_limit() -> None:
    jobs = [job(0, resources={"limits": {"cpu": 1, "memory": "256Mi"}})]
    async with a_life(jobs, by_job(j0=Behaviour(exit_code=137, out_of_memory=True))) as life:
        _, tasks, _ = await finished(life, await start_run(life))
        verdict = tasks["j0"].verdict
        assert verdict is not None
        assert verdict.kind is VerdictKind.OUT_OF_MEMORY
        assert "limit 256Mi" in verdict.evidence


async def test_a_child_killed_for_memory_in_a_job_that_succeeds_is_a_warning() -> None:
    async with a_life([job(0)], by_job(j0=Behaviour(out_of_memory=True))) as life:
        run, tasks, _ = await finished(life, await start_run(life))
        assert run.state is RunState.SUCCEEDED
        assert tasks["j0"].warning == "a child process was killed for memory"


async def test_a_container_that_cannot_start_says_why_in_dockers_words() -> None:
    async with a_life([job(0)], by_job(j0=Behaviour(start_error="exec: no such file"))) as life:
        _, tasks, attempts = await finished(life, await start_run(life))
        verdict = tasks["j0"].verdict
        assert verdict is not None
        assert (verdict.kind, verdict.evidence) == (VerdictKind.COULD_NOT_START, "exec: no such file")
        assert life.house.log(attempts[0]) == []


async def test_a_missing_entrypoint_file_fails_only_its_task() -> None:
    jobs = [job(0, entrypoint="nowhere.py"), job(1), job(2, after=(0,))]
    async with a_life(jobs) as life:
        run, tasks, attempts = await finished(life, await start_run(life))
        assert run.state is RunState.FAILED
        verdict = tasks["j0"].verdict
        assert verdict is not None
        assert (verdict.kind, verdict.evidence) == (VerdictKind.COULD_NOT_START, "nowhere.py is not in the project")
        assert tasks["j1"].state is TaskState.SUCCEEDED
        assert tasks["j2"].state is TaskState.UPSTREAM_FAILED
        assert len(attempts) == 1


async def test_every_line_is_stored_although_following_loses_some() -> None:
    lines = tuple(Line(n / 10_000, f"line {n}", "stderr" if n % 3 else "stdout") for n in range(50))
    async with a_life([job(0)], by_job(j0=Behaviour(duration_s=0.02, lines=lines))) as life:
        life.house.daemon.follow_loss = 1.0
        _, _, attempts = await finished(life, await start_run(life))
        assert life.house.log(attempts[0]) == life.house.daemon.records[attempts[0].name].log(10**30)


async def test_secrets_reach_the_job_and_are_masked_in_log_and_evidence() -> None:
    secret = "correct-horse-battery"
    said = Behaviour(lines=(Line(0.0, f"password is {secret}!"),))
    broken = Behaviour(start_error=f"can't exec {secret}")
    async with a_life([job(0), job(1)], by_job(j0=said, j1=broken)) as life:
        await life.requests.register(life.house.directory, None)
        await life.requests.set_variable(TOKEN, Variable("PASSWORD", secret, True))
        await life.requests.set_variable(TOKEN, Variable("COLOUR", "blue", False))
        _, tasks, attempts = await finished(life, await start_run(life))
        record = next(r for r in life.house.daemon.records.values() if r.job_id == job_id(0))
        assert record.spec.environment["PASSWORD"] == secret
        assert record.spec.environment["COLOUR"] == "blue"
        assert any(mount.target == "/run/secrets" and mount.read_only for mount in record.spec.mounts)
        log = b"".join(life.house.log(next(a for a in attempts if a.job_id == job_id(0))))
        assert log.endswith(b"password is ***!\n")
        verdict = tasks["j1"].verdict
        assert verdict is not None
        assert verdict.evidence == "can't exec ***"
        assert not list((life.house.home.path / "attempts").iterdir()), "secrets are left on disk"


async def test_a_job_finds_its_identity_in_its_environment() -> None:
    jobs = [job(0, parallelism=2, environment={"A": "job", "B": "job"}, parameters={"ROWS": "10"})]
    async with a_life(jobs, environment={"A": "project", "C": "project"}) as life:
        run_id = await start_run(life, parameters={"ROWS": "20"})
        await finished(life, run_id)
        found = {r.instance: r.spec.environment for r in life.house.daemon.records.values()}
        assert {env["SKAFOS_INSTANCE"] for env in found.values()} == {"0", "1"}
        environment = found[0]
        expected = {
            "A": "job",
            "B": "job",
            "C": "project",
            "ROWS": "20",
            "PROJECT_TOKEN": TOKEN,
            "SKAFOS_RUN_ID": str(run_id),
            "SKAFOS_JOB_NAME": "j0",
            "SKAFOS_INSTANCES": "2",
            "SKAFOS_ATTEMPT": "1",
            "PYTHONUNBUFFERED": "1",
        }
        assert expected.items() <= environment.items()


async def test_a_wait_for_a_retry_shows_which_and_when() -> None:
    jobs = [job(0, retries={"limit": 2, "delay": "5s"})]
    async with a_life(jobs, by_job(j0=Behaviour(exit_code=1))) as life:
        run_id = await start_run(life)

        async def waiting() -> bool:
            task = (await tasks_of(life, run_id))["j0"]
            return task.state is TaskState.QUEUED and task.reason.startswith("retry 1 of 2 at ")

        await until(waiting, "the retry is shown")
