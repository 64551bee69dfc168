"""What the runner, the disk and other people do to an engine at work."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from house import TOKEN, Killed, Life, a_house, a_life, by_job, finished, job, start_run, tasks_of, until
from memory import Behaviour, Daemon, Line, MemoryRunner

from skafos_tui.engine.triggers import Refusal
from skafos_tui.model.run import RunState, TaskState
from skafos_tui.model.verdict import VerdictKind
from skafos_tui.runners.base import LogDamaged, LogSink, RunnerUnreachable
from skafos_tui.store import runs
from skafos_tui.store.failpoints import on_failpoint
from skafos_tui.store.logs.writer import LogWriteError, LogWriter
from skafos_tui.store.projects import Variable

LONG = Behaviour(duration_s=5.0)


async def running(life: Life, run_id: int, name: str = "j0") -> str:
    """Wait until a task runs; the name of its container."""

    async def there() -> bool:
        return (await tasks_of(life, run_id))[name].state is TaskState.RUNNING

    await until(there, f"{name} runs")
    return life.house.daemon.running()[0].name


async def test_while_the_daemon_is_away_tasks_say_so_and_then_go_on() -> None:
    jobs = [job(0), job(1, after=(0,))]
    async with a_life(jobs, by_job(j0=Behaviour(duration_s=0.03))) as life:
        run_id = await start_run(life)
        await running(life, run_id)
        life.house.daemon.set_down(True)

        async def told() -> bool:
            return (await tasks_of(life, run_id))["j0"].reason == "the Docker daemon does not answer"

        await until(told, "the reason is shown")
        with pytest.raises(Refusal) as refusal:
            await start_run(life, "meanwhile")
        assert (refusal.value.code, refusal.value.exit_code) == ("runner-unreachable", 3)
        await asyncio.sleep(0.05)
        life.house.daemon.set_down(False)
        run, _, attempts = await finished(life, run_id)
        assert run.state is RunState.SUCCEEDED
        assert len(attempts) == 2
        assert not life.engine.link("docker").problem


async def test_one_call_that_fails_while_events_go_on_does_not_stop_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failures = iter([True, True, False])
    create = MemoryRunner.create

    async def flaky(self: MemoryRunner, spec: object) -> None:
        if next(failures, False):
            raise RunnerUnreachable("timed out")
        await create(self, spec)  # type: ignore[arg-type]

    monkeypatch.setattr(MemoryRunner, "create", flaky)
    async with a_life([job(0)]) as life:
        run, _, _ = await finished(life, await start_run(life))
        assert run.state is RunState.SUCCEEDED


async def test_an_engine_that_starts_without_a_daemon_waits_for_it() -> None:
    async with a_house() as house:
        house.write_config([job(0)])
        house.daemon.set_down(True)
        life = Life(house)
        await life.begin()
        assert life.engine.link("docker").problem
        house.daemon.set_down(False)
        await until(lambda: not life.engine.link("docker").problem, "the daemon is found")
        run, _, _ = await finished(life, await start_run(life))
        assert run.state is RunState.SUCCEEDED
        await life.close()


async def test_a_container_removed_behind_our_back_is_lost_and_its_log_says_what_is_missing() -> None:
    behaviour = Behaviour(duration_s=5.0, lines=(Line(0.0, "begun"), Line(4.0, "never")))
    async with a_life([job(0), job(1, after=(0,))], by_job(j0=behaviour)) as life:
        run_id = await start_run(life)
        name = await running(life, run_id)
        await until(lambda: len(life.house.log(_attempt(life, name))) == 1, "the first line is stored")
        life.house.daemon.remove_behind(name)
        run, tasks, attempts = await finished(life, run_id)
        assert run.state is RunState.FAILED
        assert (tasks["j0"].state, tasks["j1"].state) == (TaskState.LOST, TaskState.UPSTREAM_FAILED)
        log = life.house.log(attempts[0])
        assert log[0].endswith(b"begun\n")
        assert b"[skafos gap] the container was removed" in log[1]


def _attempt(life: Life, name: str) -> object:
    from skafos_tui.store import runs

    return life.house.query(lambda c: runs.get_attempt(c, name))


async def test_a_daemon_that_restarts_under_a_job_makes_it_lost_not_failed() -> None:
    async with a_life([job(0)], by_job(j0=LONG)) as life:
        run_id = await start_run(life)
        await running(life, run_id)
        life.house.daemon.restart()
        _, tasks, _ = await finished(life, run_id)
        assert tasks["j0"].state is TaskState.LOST


async def test_lost_attempts_are_retried_only_where_the_policy_says_so() -> None:
    policy = {"limit": 1, "delay": "0s"}
    jobs = [job(0, retries={**policy, "lost": True}), job(1, retries=policy)]
    async with a_life(jobs, by_job(j0=[LONG, Behaviour()], j1=LONG)) as life:
        run_id = await start_run(life)
        await until(lambda: len(life.house.daemon.running()) == 2, "both run")
        life.house.daemon.restart()
        _, tasks, attempts = await finished(life, run_id)
        assert (tasks["j0"].state, tasks["j1"].state) == (TaskState.SUCCEEDED, TaskState.LOST)
        assert len(attempts) == 3


async def test_a_job_killed_by_somebody_else_is_killed_from_outside() -> None:
    async with a_life([job(0)], by_job(j0=LONG)) as life:
        run_id = await start_run(life)
        life.house.daemon.kill_behind(await running(life, run_id), 137)
        _, tasks, _ = await finished(life, run_id)
        verdict = tasks["j0"].verdict
        assert verdict is not None
        assert verdict.kind is VerdictKind.KILLED


async def test_ends_are_noticed_although_every_event_is_lost() -> None:
    async with a_life([job(0), job(1, after=(0,))]) as life:
        life.house.daemon.event_loss = 1.0
        run, _, _ = await finished(life, await start_run(life))
        assert run.state is RunState.SUCCEEDED


async def test_a_log_that_can_be_read_only_in_part_ends_with_a_gap_and_not_in_a_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = MemoryRunner.read_logs

    def damaged(
        self: MemoryRunner, name: str, *, since: str | None, follow: bool, sink: LogSink, stop: threading.Event
    ) -> None:
        read(self, name, since=since, follow=follow, sink=sink, stop=stop)
        raise LogDamaged("Docker says: bad record")

    monkeypatch.setattr(MemoryRunner, "read_logs", damaged)
    async with a_life([job(0)], by_job(j0=Behaviour(lines=(Line(0.0, "kept"),)))) as life:
        run, _, attempts = await finished(life, await start_run(life))
        assert run.state is RunState.SUCCEEDED
        log = life.house.log(attempts[0])
        assert len(log) == 2
        assert log[0].endswith(b" kept\n")
        assert b"[skafos gap] not all of this log could be read: Docker says: bad record" in log[1]


async def test_a_full_disk_under_the_store_delays_everything_and_loses_nothing() -> None:
    jobs = [job(0, retries={"limit": 1, "delay": "0.01s"}), job(1, after=(0,))]
    lines = tuple(Line(n / 5000, f"line {n}") for n in range(20))
    flaky = [Behaviour(exit_code=1, duration_s=0.01, lines=lines), Behaviour(duration_s=0.01, lines=lines)]
    async with a_life(jobs, by_job(j0=flaky)) as life:
        run_id = await start_run(life)
        full = {"until": 0}

        def action(name: str) -> None:
            if name.endswith(".before") and name.startswith("commit.") and full["until"] > 0:
                full["until"] -= 1
                raise sqlite3.OperationalError("database or disk is full")

        on_failpoint(action)
        for _ in range(6):
            full["until"] = 3
            await asyncio.sleep(0.02)
        full["until"] = 0
        run, _, attempts = await finished(life, run_id)
        assert run.state is RunState.SUCCEEDED
        assert len(attempts) == 3
        for attempt in attempts:
            assert life.house.log(attempt) == life.house.daemon.records[attempt.name].log(10**30)


async def test_a_full_disk_under_the_logs_delays_the_end_and_doubles_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    write = LogWriter._write_all
    left = {"failures": 12}

    def full(self: LogWriter, batch: bytes) -> None:
        if left["failures"] > 0 and self.path.name.startswith("skafos"):
            left["failures"] -= 1
            # Half a batch is on the disk when there is no more room.
            write(self, batch[: len(batch) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, batch)

    monkeypatch.setattr(LogWriter, "_write_all", full)
    lines = tuple(Line(n / 5000, f"line {n}") for n in range(60))
    async with a_life([job(0)], by_job(j0=Behaviour(duration_s=0.02, lines=lines))) as life:
        run, _, attempts = await finished(life, await start_run(life))
        assert run.state is RunState.SUCCEEDED
        assert life.house.log(attempts[0]) == life.house.daemon.records[attempts[0].name].log(10**30)
    assert left["failures"] == 0
    assert LogWriteError is not None


async def test_secrets_of_a_killed_engine_do_not_stay_on_disk() -> None:
    async with a_house(Daemon(by_job(j0=Behaviour(duration_s=0.01)))) as house:
        house.write_config([job(0)])
        life = Life(house, lambda name: name == "docker.remove.after")
        await life.begin()
        await life.requests.register(house.directory, None)
        await life.requests.set_variable(TOKEN, Variable("PASSWORD", "correct-horse", True))
        with suppress(Killed):
            await start_run(life)
        await asyncio.wait_for(life.death.wait(), 3)
        await life.bury()
        left: list[Path] = list((house.home.path / "attempts").iterdir())
        assert left, "the engine died before it tidied up"
        life = Life(house)
        await life.begin()
        assert not list((house.home.path / "attempts").iterdir())
        await life.close()


async def test_a_killed_engine_is_followed_by_one_that_takes_every_container_up() -> None:
    lines = tuple(Line(n / 500, f"line {n}") for n in range(100))
    behaviour = by_job(**{f"j{n}": Behaviour(duration_s=2.0, lines=lines) for n in range(4)})
    async with a_house(Daemon(behaviour)) as house:
        house.write_config([job(n) for n in range(4)])
        life = Life(house)
        await life.begin()
        run_id = await start_run(life)
        await until(lambda: len(house.daemon.running()) == 4, "all run")
        for _ in range(3):
            await life.bury()
            assert len(house.daemon.running()) == 4, "a kill touches no container"
            life = Life(house)
            await life.begin()
            assert len(life.engine._supervisors) == 4
            await asyncio.sleep(0.02)
        run, _, attempts = await finished(life, run_id)
        assert run.state is RunState.SUCCEEDED
        for attempt in attempts:
            assert house.log(attempt) == house.daemon.records[attempt.name].log(10**30)
        await life.close()
        assert not house.daemon.violations


async def test_a_container_removed_between_its_end_and_its_log_leaves_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    read = MemoryRunner.read_logs

    def late(
        self: MemoryRunner, name: str, *, since: str | None, follow: bool, sink: LogSink, stop: threading.Event
    ) -> None:
        if not follow and name in self.daemon.containers:
            self.daemon.remove_behind(name)
        if not follow:
            read(self, name, since=since, follow=follow, sink=sink, stop=stop)

    monkeypatch.setattr(MemoryRunner, "read_logs", late)
    async with a_life([job(0)], by_job(j0=Behaviour(lines=(Line(0.0, "unread"),)))) as life:
        run, _, attempts = await finished(life, await start_run(life))
        assert run.state is RunState.SUCCEEDED
        [gap] = life.house.log(attempts[0])
        assert b"[skafos gap] the container was removed" in gap


async def test_a_cancellation_is_never_lost_however_soon_after_a_wake_up_it_comes() -> None:
    async with a_life([job(n, timeout="1h") for n in range(4)], by_job(**{f"j{n}": LONG for n in range(4)})) as life:
        await start_run(life)
        await until(lambda: len(life.house.daemon.running()) == 4, "all run")
        await asyncio.sleep(0.02)
        tasks = {task.get_name(): task for task in life.engine._tasks}
        for turns, supervisor in enumerate(list(life.engine._supervisors.values())):
            task = tasks[f"attempt {supervisor.name}"]
            supervisor.nudge()
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=1)
            supervisor.abandon()
            assert done, f"cancelled {turns} turns after a wake-up, and goes on"


async def test_a_stored_config_that_is_not_valid_any_more_stands_still_and_the_engine_starts_all_the_same() -> None:
    async with a_house(Daemon(by_job(j0=Behaviour(duration_s=5.0)))) as house:
        house.write_config([job(0)])
        life = Life(house)
        await life.begin()
        run_id = await start_run(life)
        await until(lambda: house.daemon.running(), "it runs")
        await life.close()

        def spoil(connection: sqlite3.Connection) -> str:
            config = str(connection.execute("SELECT config FROM deployments").fetchone()[0])
            connection.execute("UPDATE deployments SET config = 'jobs: {'")
            return config

        config = house.query(spoil)
        life = Life(house)
        await life.begin()
        assert [run.id for run in await life.engine.read(runs.unfinished_runs)] == [run_id]
        await life.close()
        house.query(lambda c: c.execute("UPDATE deployments SET config = ?", (config,)))
        life = Life(house)
        await life.begin()
        await life.requests.cancel(run_id, [], "ann")
        assert (await finished(life, run_id))[0].state is RunState.CANCELLED
        await life.close()
