"""Slots of the active deployment: fired once, missed visibly, overlap as declared (SPEC 3)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from house import TOKEN, Life, a_house, a_life, by_job, finished, job, job_id, start_run, until
from memory import Behave, Behaviour, Daemon

from skafos_tui.engine.scheduler import _schedule, fire
from skafos_tui.engine.timetable import Timetable
from skafos_tui.model.run import Run, RunState, TaskState, TriggerKind
from skafos_tui.store import projects, runs, schedules

MINUTE = 60.0
EVERY_MINUTE = "* * * * *"


class Clock:
    """The real clock, some seconds ahead."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def to_next_minute(self) -> None:
        """Just behind the next whole minute."""
        self.ahead += MINUTE - self() % MINUTE + 0.01


@asynccontextmanager
async def deployed(
    jobs: list[dict[str, Any]], behave: Behave | None = None, **project: Any
) -> AsyncIterator[tuple[Life, Clock]]:
    """A deployed project, its clock in the test's hand."""
    async with a_life(jobs, behave, **project) as life:
        clock = Clock()
        life.set_clock(clock)
        await life.deploying.deploy(life.house.directory, "d1", run=False, runner=None)
        await until(lambda: active(life), "it is active")
        yield life, clock


async def active(life: Life) -> int | None:
    row = await life.engine.read(lambda c: projects.get_project(c, TOKEN))
    return None if row is None else row.active


async def slot_runs(life: Life) -> list[Run]:
    """The runs that schedules made, oldest first, missed ones too."""
    found = await life.engine.read(lambda c: runs.list_runs(c, TOKEN))
    return [run for run in reversed(found) if run.trigger is TriggerKind.SCHEDULE]


async def fired(life: Life, clock: Clock, count: int) -> list[Run]:
    """The slot runs once there are so many, after the next minute has begun."""
    clock.to_next_minute()
    life.engine.scheduler.refresh(TOKEN)

    async def enough() -> list[Run]:
        found = await slot_runs(life)
        return found if len(found) >= count else []

    found: list[Run] = await until(enough, f"{count} slots fire")
    return found


async def test_a_slot_runs_its_job_and_what_follows_and_says_its_time() -> None:
    jobs = [job(0, schedule=EVERY_MINUTE), job(1, after=(0,)), job(2), job(3, after=(0,), schedule="0 0 1 1 *")]
    async with deployed(jobs) as (life, clock):
        (run,) = await fired(life, clock, 1)
        run, tasks, attempts = await finished(life, run.id)
        assert run.state is RunState.SUCCEEDED
        assert sorted(tasks) == ["j0", "j1"]
        assert run.scheduled_at == clock() // 60 * 60
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(run.scheduled_at))
        environments = [life.house.daemon.records[each.name].spec.environment for each in attempts]
        assert {each["SKAFOS_SCHEDULED_AT"] for each in environments} == {moment}


async def test_two_unrelated_jobs_in_one_minute_are_two_runs_and_two_roots_of_one_pipeline_are_one() -> None:
    jobs = [
        job(0, schedule=EVERY_MINUTE),
        job(1, schedule=EVERY_MINUTE),
        job(2, after=(0, 1)),
        job(3, schedule=EVERY_MINUTE),
    ]
    async with deployed(jobs) as (life, clock):
        made = await fired(life, clock, 2)
        tasks = [set((await finished(life, run.id))[1]) for run in made]
        assert sorted(map(sorted, tasks)) == [["j0", "j1", "j2"], ["j3"]]


async def test_a_scheduled_job_with_dependencies_waits_for_them_and_is_not_started_by_them() -> None:
    jobs = [job(0), job(1, after=(0,), schedule=EVERY_MINUTE)]
    async with deployed(jobs) as (life, clock):
        (run,) = await fired(life, clock, 1)
        run, tasks, _ = await finished(life, run.id)
        assert (run.state, tasks["j1"].reason) == (RunState.SKIPPED, "j0 has never run")


@pytest.mark.parametrize(
    ("overlap", "second", "reason"),
    [
        ("skip", TaskState.SKIPPED, "overlap skip: j0 of run"),
        ("queue", TaskState.QUEUED, "goes first"),
        ("parallel", TaskState.RUNNING, ""),
        ("replace", TaskState.RUNNING, ""),
    ],
)
async def test_a_slot_that_comes_while_the_last_one_runs_does_what_overlap_says(
    overlap: str, second: TaskState, reason: str
) -> None:
    jobs = [job(0, schedule=EVERY_MINUTE, overlap=overlap)]
    async with deployed(jobs, by_job(j0=Behaviour(duration_s=20.0))) as (life, clock):
        (first,) = await fired(life, clock, 1)
        await until(lambda: in_state(life, first.id, TaskState.RUNNING), "the first one runs")
        later = (await fired(life, clock, 2))[-1]
        await until(lambda: in_state(life, later.id, second), f"the second is {second}")
        task = (await life.engine.read(lambda c: runs.tasks_of(c, later.id)))[0]
        assert reason in task.reason
        state = TaskState.CANCELLED if overlap == "replace" else TaskState.RUNNING
        await until(lambda: in_state(life, first.id, state), f"the first is {state}")
        for run in await life.engine.read(runs.unfinished_runs):
            await life.requests.cancel(run.id, [], "the test")
            await finished(life, run.id)


async def in_state(life: Life, run_id: int, state: TaskState) -> bool:
    found = await life.engine.read(lambda c: runs.tasks_of(c, run_id))
    return all(task.state is state for task in found)


async def test_overlap_queue_holds_one() -> None:
    jobs = [job(0, schedule=EVERY_MINUTE, overlap="queue")]
    async with deployed(jobs, by_job(j0=Behaviour(duration_s=20.0))) as (life, clock):
        (first,) = await fired(life, clock, 1)
        await until(lambda: in_state(life, first.id, TaskState.RUNNING), "the first one runs")
        second = (await fired(life, clock, 2))[-1]
        await until(lambda: in_state(life, second.id, TaskState.QUEUED), "the second waits")
        third = (await fired(life, clock, 3))[-1]
        await until(lambda: in_state(life, third.id, TaskState.SKIPPED), "the third has no place")
        await life.requests.cancel(first.id, [], "the test")
        await until(lambda: in_state(life, second.id, TaskState.RUNNING), "the second has its turn")
        await life.requests.cancel(second.id, [], "the test")
        await finished(life, second.id)


async def test_a_manual_run_always_waits_its_turn() -> None:
    jobs = [job(0, schedule=EVERY_MINUTE, overlap="skip")]
    async with deployed(jobs, by_job(j0=Behaviour(duration_s=20.0))) as (life, clock):
        (first,) = await fired(life, clock, 1)
        await until(lambda: in_state(life, first.id, TaskState.RUNNING), "the slot's runs")

        second = await start_run(life)
        await until(lambda: in_state(life, second, TaskState.QUEUED), "the manual one waits")
        await life.requests.cancel(first.id, [], "the test")
        await until(lambda: in_state(life, second, TaskState.RUNNING), "it has its turn")
        await life.requests.cancel(second, [], "the test")
        await finished(life, second)


@pytest.mark.parametrize(("catchup", "fires"), [("none", 0), ("latest", 1), ("all", 5)])
async def test_slots_missed_while_no_engine_was_there_are_decided_by_catchup_and_stay_in_the_history(
    catchup: str, fires: int
) -> None:
    async with a_house(Daemon()) as house:
        house.write_config([job(0, schedule=EVERY_MINUTE, catchup=catchup)])
        life = Life(house)
        await life.begin()
        await life.deploying.deploy(house.directory, "d1", run=False, runner=None)
        await until(lambda: active(life), "it is active")
        await life.close()
        minutes = 5

        def set_back(connection: sqlite3.Connection) -> None:
            since = time.time() // 60 * 60 - minutes * MINUTE - 90
            schedules.undecided_from(connection, [(since, TOKEN, job_id(0))])

        house.query(set_back)
        life = Life(house)
        await life.begin()
        try:

            async def decided() -> list[Run]:
                rows = await life.engine.read(lambda c: schedules.list_schedules(c, TOKEN))
                return await slot_runs(life) if rows[0].since > time.time() - 30 else []

            made: list[Run] = await until(decided, "the slots are decided")
            late = [run for run in made if run.created_at - (run.scheduled_at or 0) >= 60]
            on_time = [run for run in made if run not in late]
            missed = [run for run in late if run.state is RunState.MISSED]
            expected = fires if catchup != "latest" or not on_time else 0
            assert len(late) - len(missed) == (expected if catchup != "all" else len(late))
            if catchup == "none":
                assert all(run.reason == "j0 (catchup none)" for run in missed)
            # Every minute of the time away is a row of the history.
            slots = [int(run.scheduled_at or 0) for run in made]
            assert len(set(slots)) == len(slots)
            assert sorted(slots) == list(range(min(slots), max(slots) + 60, 60))
            assert len(slots) >= minutes
            for run in made:
                if run.state is not RunState.MISSED:
                    ended = (await finished(life, run.id))[0]
                    # The slot of this very minute meets the late ones: overlap decides.
                    assert ended.state is RunState.SUCCEEDED or (run in on_time and len(late) > len(missed))
        finally:
            await life.close()


async def test_a_slot_that_has_fired_does_not_fire_again_when_the_clock_is_set_back() -> None:
    async with deployed([job(0, schedule=EVERY_MINUTE)]) as (life, clock):
        (first,) = await fired(life, clock, 1)
        await finished(life, first.id)
        clock.ahead -= 3600
        life.engine.scheduler.refresh(TOKEN)

        async def since() -> bool:
            rows = await life.engine.read(lambda c: schedules.list_schedules(c, TOKEN))
            return rows[0].since < first.created_at - 3000

        await until(since, "the schedule goes on from the new time")
        clock.ahead += 3600
        made = await fired(life, clock, 2)
        slots = [run.scheduled_at for run in made if run.state is not RunState.MISSED]
        assert len(set(slots)) == len(slots)
        for run in made:
            if run.state is not RunState.MISSED:
                await finished(life, run.id)


@pytest.mark.parametrize("change", ["UPDATE schedules SET catchup = 'none'", "UPDATE schedules SET since = since + 1"])
async def test_what_was_decided_of_a_schedule_that_is_another_one_by_now_is_void(change: str) -> None:
    async with deployed([job(0, schedule=EVERY_MINUTE)]) as (life, clock):
        book, now = Timetable(), clock() + MINUTE
        for row in await life.engine.read(schedules.running_schedules):
            book.put(_schedule(row))
        due = book.due(now)
        assert [len(each.fire) for each in due] == [1]

        def changed(connection: sqlite3.Connection) -> list[int]:
            connection.execute(change)
            return fire(connection, life.engine.config, life.engine.scheduler._shape, due, now)

        assert await life.engine.commit("slots", changed) == []


async def test_a_round_that_began_before_a_resume_does_not_take_it_back() -> None:
    async with deployed([job(0, schedule=EVERY_MINUTE)]) as (life, clock):
        begun = clock() - 10
        await life.deploying.pause(TOKEN, None)
        await life.deploying.resume(TOKEN, None)
        (row,) = await life.engine.read(lambda c: schedules.list_schedules(c, TOKEN))
        await life.engine.commit("slots", lambda c: schedules.decided_until(c, [(begun, TOKEN, job_id(0))]), ())
        assert await life.engine.read(lambda c: schedules.list_schedules(c, TOKEN)) == [row]


async def test_pause_and_resume_leave_the_slots_between_to_nobody() -> None:
    async with deployed([job(0, schedule=EVERY_MINUTE), job(1, schedule=EVERY_MINUTE)]) as (life, clock):
        assert (await life.deploying.pause(TOKEN, "j0"))["changed"]
        assert not (await life.deploying.pause(TOKEN, "j0"))["changed"]
        (first,) = await fired(life, clock, 1)
        assert sorted((await finished(life, first.id))[1]) == ["j1"]
        await life.deploying.pause(TOKEN, None)
        clock.to_next_minute()
        life.engine.scheduler.refresh(TOKEN)
        assert (await life.deploying.resume(TOKEN, None))["changed"]
        # Resumed by the real clock; the slots of the test's own future are still to come.
        made = await fired(life, clock, 3)
        assert all(run.state is not RunState.MISSED for run in made[:1])
        for run in made:
            if run.state is not RunState.MISSED:
                await finished(life, run.id)


async def test_a_daemon_that_is_away_when_a_slot_is_due_is_waited_for() -> None:
    async with deployed([job(0, schedule=EVERY_MINUTE)]) as (life, clock):
        life.house.daemon.set_down(True)
        (run,) = await fired(life, clock, 1)

        async def told() -> bool:
            task = (await life.engine.read(lambda c: runs.tasks_of(c, run.id)))[0]
            return task.state in (TaskState.QUEUED, TaskState.STARTING) and bool(task.reason)

        await until(told, "it says why it waits")
        life.house.daemon.set_down(False)
        assert (await finished(life, run.id))[0].state is RunState.SUCCEEDED


async def test_an_image_that_could_not_be_made_again_is_tried_again_by_every_slot() -> None:
    async with deployed([job(0, schedule=EVERY_MINUTE)]) as (life, clock):
        daemon = life.house.daemon
        daemon.images.clear()
        daemon.build_error = "no network"
        (first,) = await fired(life, clock, 1)
        assert (await finished(life, first.id))[0].state is RunState.FAILED
        daemon.build_error = ""
        second = (await fired(life, clock, 2))[-1]
        assert (await finished(life, second.id))[0].state is RunState.SUCCEEDED
