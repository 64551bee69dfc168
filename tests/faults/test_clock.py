"""The wall clock is set, or the machine sleeps: slots fire once, and timeouts last as long as they say."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import pytest
from house import TOKEN, House, Life, a_house, a_life, by_job, finished, job, start_run, tasks_of, until
from memory import NEVER_S, Behaviour

from skafos_tui.engine import engine, scheduler, supervisor
from skafos_tui.engine.planner import retry_at
from skafos_tui.engine.scheduler import Scheduler
from skafos_tui.model.project import RetryPolicy
from skafos_tui.model.run import Attempt, AttemptState, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind

HOUR, DAY = 3600.0, 86400.0
STEPS = (HOUR, -HOUR, DAY, -DAY)


class Clock:
    """A wall clock that a test sets."""

    def __init__(self) -> None:
        self.now = math.floor(time.time() / 60) * 60 + 60.5

    def __call__(self) -> float:
        return self.now


class Followed(Scheduler):
    """The scheduler, its rounds counted."""

    rounds = 0

    async def round(self) -> None:
        await super().round()
        self.rounds += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that slots go by, in every life of the engine."""
    made = Clock()
    monkeypatch.setattr(engine, "Scheduler", partial(Followed, clock=made))
    return made


async def deploy(life: Life, catchup: str = "none") -> None:
    """Deploy a job for every minute, and wait until its slots count."""
    life.house.write_config([job(0, schedule="* * * * *", overlap="parallel", catchup=catchup)])
    await life.deploying.deploy(life.house.directory, "d", run=False, runner=None)
    await until(lambda: life.engine.scheduler._timetable.next_at(), "it is scheduled")
    await look(life)


def slots(house: House, *, fired: bool) -> list[int]:
    """The slots in the store, a row for several as often as it counts."""

    def look(connection: sqlite3.Connection) -> list[int]:
        rows = connection.execute("SELECT slot, count FROM slots WHERE fired = ? ORDER BY slot", (fired,))
        return [row["slot"] for row in rows for _ in range(row["count"])]

    return house.query(look)


async def minutes(life: Life, clock: Clock, count: int) -> list[int]:
    """Let minutes pass; the slots that fired in them."""
    before = slots(life.house, fired=True)
    for _ in range(count):
        clock.now += 60
        await look(life)
    return sorted(set(slots(life.house, fired=True)) - set(before))


async def look(life: Life) -> None:
    """Wait until the scheduler has gone through a whole round that began after this."""
    followed = life.engine.scheduler
    assert isinstance(followed, Followed)
    for _ in range(2):
        begun = followed.rounds
        followed.refresh(TOKEN)
        await until(lambda begun=begun: followed.rounds > begun, "a round ends")


def runs_by_slot(house: House) -> dict[float, int]:
    """How many runs were made for each slot that fired."""

    def look(connection: sqlite3.Connection) -> dict[float, int]:
        rows = connection.execute(
            "SELECT scheduled_at, COUNT(*) AS number FROM runs WHERE state != 'missed' GROUP BY scheduled_at"
        )
        return {row["scheduled_at"]: row["number"] for row in rows}

    return house.query(look)


@pytest.mark.parametrize("step", STEPS)
async def test_after_a_step_of_the_clock_every_minute_fires_once_again(step: float, clock: Clock) -> None:
    async with a_house() as house:
        life = Life(house)
        await life.begin()
        await deploy(life)
        assert len(await minutes(life, clock, 3)) == 3
        clock.now += step
        await look(life)
        assert len(await minutes(life, clock, 3)) == 3
        # And back to the right time: what fired before does not fire again.
        clock.now -= step
        await look(life)
        assert len(await minutes(life, clock, 2)) >= 1
        await life.close()
        assert set(runs_by_slot(house).values()) == {1}
        assert not set(slots(house, fired=True)) & set(slots(house, fired=False))


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_while_the_engine_is_off_is_taken_up_when_it_starts(step: float, clock: Clock) -> None:
    async with a_house() as house:
        life = Life(house)
        await life.begin()
        await deploy(life, "latest")
        assert len(await minutes(life, clock, 3)) == 3
        await life.close()
        before = slots(house, fired=True)
        clock.now += step
        life = Life(house)
        await life.begin()
        await look(life)
        caught_up = sorted(set(slots(house, fired=True)) - set(before))
        if step > 0:
            assert caught_up == [int(clock.now) // 60 * 60], "the latest slot, no other"
            missed = slots(house, fired=False)
            assert len(missed) == step // 60 - 1, "and every other one is in the history"
        assert len(await minutes(life, clock, 3)) == 3
        await life.close()
        assert set(runs_by_slot(house).values()) == {1}


async def test_a_machine_that_slept_notices_within_half_a_minute(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    assert scheduler.NAP_S <= 30
    assert supervisor.NAP_S <= 30
    monkeypatch.setattr(scheduler, "NAP_S", 0.05)
    async with a_house() as house:
        life = Life(house)
        await life.begin()
        await deploy(life)
        # While it sleeps the wall clock goes on and timers don't; nobody tells the engine.
        clock.now += 8 * HOUR
        begun = time.monotonic()
        await until(lambda: slots(house, fired=True), "the slot of this minute fires")
        assert time.monotonic() - begun < 1.0
        await until(lambda: len(slots(house, fired=False)) >= 478, "the others are missed, visibly")
        await life.close()


def step_of_supervisors(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the wall clock that supervisors read."""
    offset = {"s": 0.0}
    stepped = SimpleNamespace(time=lambda: time.time() + offset["s"], monotonic=time.monotonic)
    monkeypatch.setattr(supervisor, "time", stepped)
    return lambda seconds: offset.update(s=seconds)


@pytest.mark.parametrize("step", STEPS)
async def test_a_timeout_is_neither_early_nor_late_when_the_clock_is_set(
    step: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_by = step_of_supervisors(monkeypatch)
    jobs = [job(0, timeout="2s"), job(1, timeout="0.4s")]
    stubborn = Behaviour(duration_s=NEVER_S, term_code=None)
    async with a_life(jobs, by_job(j0=Behaviour(duration_s=0.5), j1=stubborn)) as life:
        begun = time.monotonic()
        run_id = await start_run(life)
        await until(lambda: len(life.house.daemon.running()) == 2, "both run")
        set_by(step)
        for supervised in life.engine._supervisors.values():
            supervised.nudge()
        _, tasks, attempts = await finished(life, run_id)
        assert time.monotonic() - begun < 1.5
        assert tasks["j0"].state is TaskState.SUCCEEDED
        assert tasks["j1"].state is TaskState.TIMED_OUT
        records = life.house.daemon.records
        [late] = [records[a.name] for a in attempts if a.job_id == tasks["j1"].job_id]
        assert late.signals == ["SIGTERM", "SIGKILL"]
        assert late.end_ns is not None
        assert late.started_ns is not None
        assert late.end_ns - late.started_ns >= 0.38e9


async def test_what_another_engine_started_is_as_old_as_its_start_says(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_life([job(0, timeout="0.6s")], by_job(j0=Behaviour(duration_s=NEVER_S))) as life:
        run_id = await start_run(life)
        await until(life.house.daemon.running, "it runs")
        await asyncio.sleep(0.4)
        await life.bury()
        second = Life(life.house)
        await second.begin()
        life._engine = second.engine
        begun = time.monotonic()
        _, tasks, _ = await finished(second, run_id)
        assert tasks["j0"].state is TaskState.TIMED_OUT
        assert time.monotonic() - begun < 0.5
        assert (await tasks_of(second, run_id))["j0"].verdict is not None


def test_a_retry_is_not_put_off_by_a_clock_that_was_set_back() -> None:
    policy = RetryPolicy(limit=1, delay_s=30.0, factor=1.0)
    lost = Verdict(VerdictKind.EXITED, 1)
    attempt = Attempt(1, 1, "j", 0, 1, "n", AttemptState.COLLECTED, 1.0, 1, 0.0, 0.0, 1000.0, None, lost)
    assert retry_at(policy, attempt, 1005.0) == 1030.0
    assert retry_at(policy, attempt, 990.0) == 1030.0, "a second here or there is no step"
    assert retry_at(policy, attempt, 1000.0 - DAY) == 1000.0 - DAY
