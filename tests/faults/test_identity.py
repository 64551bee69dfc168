"""A project is its token, bound to one directory: copies, moves, shared job ids, and projects that are forgotten."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from house import TOKEN, Life, a_life, by_job, finished, job, job_id, start_run, until
from memory import Behaviour

from skafos_tui.engine.triggers import ManualTrigger, Refusal
from skafos_tui.model.run import ActivationState, Run, RunState, TaskState, TriggerKind
from skafos_tui.runners.base import LABEL_PROJECT
from skafos_tui.store import activations, projects, runs, schedules
from skafos_tui.store.projects import ProjectRow

T = TypeVar("T")
OTHER = "f" * 24
EVERY_MINUTE = "* * * * *"
JOBS = [job(0, schedule=EVERY_MINUTE), job(1)]


def write(directory: Path, token: str, jobs: list[dict[str, Any]] = JOBS, name: str = "house") -> Path:
    """A project's directory."""
    directory.mkdir(exist_ok=True)
    config = {"project_token": token, "name": name, "jobs": jobs}
    (directory / "metis.config.yml").write_text(json.dumps(config))
    return directory


async def deploy(life: Life, directory: Path, request: str, *, run: bool = False) -> int | None:
    """Deploy a directory and wait until that is decided; the run it started."""
    deployed = await life.deploying.deploy(directory, request, run=run, runner=None)

    def decided(connection: sqlite3.Connection) -> bool:
        found = activations.get_activation(connection, deployed.activation)
        return found is not None and found.state is ActivationState.ACTIVE

    await until(lambda: life.engine.read(decided), f"{request} is active")
    return deployed.run


async def project(life: Life, token: str = TOKEN) -> ProjectRow:
    """The project as it is recorded."""
    row = await life.engine.read(lambda c: projects.get_project(c, token))
    assert row is not None
    return row


async def running(life: Life, token: str = TOKEN) -> list[str]:
    """The jobs whose schedules fire."""
    return [row.job_id for row in await life.engine.read(lambda c: schedules.running_schedules(c, token))]


async def states(life: Life, token: str = TOKEN) -> list[ActivationState]:
    """The states of the activations, newest first."""
    return [each.state for each in await life.engine.read(lambda c: activations.list_activations(c, token))]


async def slots(life: Life, token: str = TOKEN) -> list[Run]:
    """The runs of slots."""
    made = await life.engine.read(lambda c: runs.list_runs(c, token))
    return [run for run in made if run.trigger is TriggerKind.SCHEDULE]


class Clock:
    """The real clock, set forward."""

    def __init__(self, life: Life) -> None:
        self._life, self._ahead = life, 0.0

    def minute(self) -> None:
        """Just behind the next whole minute."""
        self._ahead += 60 - (time.time() + self._ahead) % 60 + 0.01
        ahead = self._ahead
        self._life.set_clock(lambda: time.time() + ahead)
        for token in (TOKEN, OTHER):
            self._life.engine.scheduler.refresh(token)


async def true(condition: Callable[[], Any], what: str) -> None:
    """Wait as long as a watch with its real times may take."""
    await until(condition, what, 10.0)


@pytest.mark.parametrize("verb", ["run", "deploy"])
async def test_a_copy_is_refused_with_two_ways_out_and_changes_nothing(verb: str) -> None:
    async with a_life(JOBS) as life:
        await deploy(life, life.house.directory, "d1")
        copy = write(life.house.directory.with_name("copy"), TOKEN, [job(0)])
        before = await project(life)
        with pytest.raises(Refusal) as refused:
            if verb == "run":
                await life.requests.start_run(copy, ManualTrigger("r1"), None)
            else:
                await life.deploying.deploy(copy, "d2", run=True, runner=None)
        assert refused.value.code == "other-directory"
        assert "adopt" in refused.value.message
        assert "--new-token" in refused.value.message
        assert await project(life) == before
        assert await states(life) == [ActivationState.ACTIVE]
        assert not await life.engine.read(lambda c: runs.list_runs(c, TOKEN))
        assert await running(life) == [job_id(0)]


async def test_a_token_edited_to_another_projects_is_told_and_neither_changes() -> None:
    async with a_life(JOBS) as life:
        await deploy(life, life.house.directory, "d1")
        other = write(life.house.directory.with_name("other"), OTHER, name="other")
        await deploy(life, other, "d2")
        before = await project(life, OTHER)
        good = (life.house.directory / "metis.config.yml").read_text()
        write(life.house.directory, OTHER, [job(0, schedule="0 9 * * *")])

        async def told() -> bool:
            return (await states(life))[0] is ActivationState.INVALID

        await true(told, "it is told")
        with pytest.raises(Refusal, match=f"token {OTHER} belongs to {other}"):
            await life.deploying.deploy(life.house.directory, "d3", run=False, runner=None)
        assert await project(life, OTHER) == before
        assert await states(life, OTHER) == [ActivationState.ACTIVE]
        assert (await project(life)).active is not None
        Clock(life).minute()
        for token in (TOKEN, OTHER):

            async def fires(token: str = token) -> bool:
                return bool(await slots(life, token))

            await until(fires, "both go on")
        (life.house.directory / "metis.config.yml").write_text(good)

        async def mended() -> bool:
            return (await states(life))[0] is ActivationState.ACTIVE

        await true(mended, "the token is back")
        for token in (TOKEN, OTHER):
            for run in await slots(life, token):
                assert (await finished(life, run.id))[0].state is RunState.SUCCEEDED


async def test_a_directory_deployed_as_another_project_leaves_the_first_one_without_schedules_that_fire() -> None:
    async with a_life(JOBS) as life:
        await deploy(life, life.house.directory, "d1")
        write(life.house.directory, OTHER, name="other")
        await deploy(life, life.house.directory, "d2")
        first = await project(life)
        assert first.directory == ""
        assert OTHER in first.problem
        assert not await running(life), "its jobs are another project's now"
        assert await running(life, OTHER) == [job_id(0)]
        count = len(await states(life))
        write(life.house.directory, OTHER, [job(0)], name="other")

        async def reloaded() -> bool:
            return len(await states(life, OTHER)) == 2 and not await running(life, OTHER)

        await true(reloaded, "the second one's edit is in force")
        assert len(await states(life)) == count, "nobody watches there for the first one"
        # It comes back elsewhere.
        elsewhere = write(life.house.directory.with_name("elsewhere"), TOKEN)
        await life.requests.adopt(elsewhere)

        async def runs_again() -> bool:
            return not (await project(life)).problem and await running(life) == [job_id(0)]

        await true(runs_again, "it has a directory again")


async def test_a_project_that_moved_and_was_adopted_fires_on_and_is_watched_where_it_is() -> None:
    async with a_life(JOBS) as life:
        clock = Clock(life)
        await deploy(life, life.house.directory, "d1")
        old, new = life.house.directory, life.house.directory.with_name("moved")
        old.rename(new)

        async def paused() -> bool:
            return "is gone" in (await project(life)).problem

        await true(paused, "the old place is gone")
        assert not await running(life)
        clock.minute()
        row, before = await life.requests.adopt(new)
        assert (row.directory, before) == (str(new), str(old))

        async def runs_again() -> bool:
            return not (await project(life)).problem and await running(life) == [job_id(0)]

        await true(runs_again, "it is adopted")
        clock.minute()

        async def fires() -> bool:
            return bool(await slots(life))

        await until(fires, "slots fire")
        write(old, TOKEN, [job(0, schedule="every day")])
        write(new, TOKEN, [job(0, schedule="0 9 * * *")])

        async def moved() -> bool:
            found = await life.engine.read(lambda c: schedules.list_schedules(c, TOKEN))
            return [row.expression for row in found] == ["0 9 * * *"]

        await true(moved, "an edit there is in force")
        assert ActivationState.INVALID not in await states(life), "nobody looks at the old place"
        for run in await slots(life):
            if run.state is not RunState.MISSED:
                await finished(life, run.id)


async def test_slots_of_the_time_a_directory_was_away_are_nobodys() -> None:
    async with a_life(JOBS) as life:
        await deploy(life, life.house.directory, "d1")
        aside = life.house.directory.with_name("aside")
        life.house.directory.rename(aside)

        async def paused() -> bool:
            return bool((await project(life)).problem)

        await true(paused, "it is gone")
        left = time.time()

        def long_ago(connection: sqlite3.Connection) -> None:
            schedules.undecided_from(connection, [(left - 600, TOKEN, job_id(0))])

        await life.engine.commit("clock", long_ago, ())
        aside.rename(life.house.directory)

        async def mended() -> bool:
            return not await life.engine.read(lambda c: projects.get_project(c, TOKEN).problem)  # type: ignore[union-attr]

        await true(mended, "it is back")
        (row,) = await life.engine.read(lambda c: schedules.list_schedules(c, TOKEN))
        assert row.since >= left
        assert all((run.scheduled_at or 0) > left for run in await slots(life))


async def test_a_run_in_flight_outlives_its_directory() -> None:
    async with a_life(JOBS, by_job(j1=Behaviour(duration_s=1.0))) as life:
        flying = await deploy(life, life.house.directory, "d1", run=True)
        assert flying is not None
        await until(lambda: life.house.daemon.running(), "it runs")
        shutil.rmtree(life.house.directory)

        async def paused() -> bool:
            return "is gone" in (await project(life)).problem

        await true(paused, "it is told")
        assert (await finished(life, flying))[0].state is RunState.SUCCEEDED
        assert not await running(life)
        with pytest.raises(Refusal, match=r"has no metis\.config\.yml"):
            await life.deploying.deploy(life.house.directory, "d2", run=False, runner=None)
        retried = await life.requests.retry(flying, "again", "j1", False)
        assert (await finished(life, retried.run))[0].state is RunState.SUCCEEDED, "its deployment needs no directory"


async def test_projects_with_the_same_job_ids_do_not_meet() -> None:
    async with a_life(JOBS, by_job(j0=Behaviour(duration_s=0.5))) as life:
        clock = Clock(life)
        await deploy(life, life.house.directory, "d1")
        jobs = [job(0, schedule=EVERY_MINUTE), job(1, after=(0,))]
        other = write(life.house.directory.with_name("other"), OTHER, jobs, name="other")
        await deploy(life, other, "d2")
        clock.minute()

        async def both_run() -> bool:
            return {each.spec.labels[LABEL_PROJECT] for each in life.house.daemon.running()} == {TOKEN, OTHER}

        await until(both_run, "the same job of both runs at once")
        (first,), (second,) = await slots(life), await slots(life, OTHER)
        assert sorted((await finished(life, first.id))[1]) == ["j0"]
        assert sorted((await finished(life, second.id))[1]) == ["j0", "j1"]
        await life.deploying.pause(TOKEN, "j0")
        assert not await running(life)
        assert await running(life, OTHER) == [job_id(0)]
        await life.requests.forget(TOKEN)
        assert await running(life, OTHER) == [job_id(0)]
        assert len(await slots(life, OTHER)) == 1
        clock.minute()

        async def fires() -> bool:
            return len(await slots(life, OTHER)) == 2

        await until(fires, "the other one goes on")
        again = (await slots(life, OTHER))[0]
        _, tasks, _ = await finished(life, again.id)
        assert {task.state for task in tasks.values()} == {TaskState.SUCCEEDED}


@pytest.mark.parametrize("build_s", [0.0, 0.4], ids=["at rest", "while a reload's image is made"])
async def test_a_forgotten_project_leaves_nothing_and_begins_afresh(build_s: float) -> None:
    async with a_life(JOBS) as life:
        directory, token_home = life.house.directory, life.house.home.project(TOKEN)
        await deploy(life, directory, "d1")
        life.house.daemon.build_s = build_s
        write(directory, TOKEN, [job(0, schedule="0 9 * * *")])

        async def taken() -> bool:
            return len(await states(life)) == 2

        await true(taken, "the edit is taken up")
        if not build_s:
            await true(lambda: nothing_waits(life), "the edit is in force")
        await life.requests.forget(TOKEN)
        await until(lambda: not life.engine.deployments._builds, "no image is being made")
        assert await life.engine.read(rows_of_all_tables) == {}
        assert TOKEN not in life.engine.reload._watch._projects
        assert not list(token_home.glob("code/*")), "its files are gone"
        write(directory, TOKEN, [job(0)])
        Clock(life).minute()
        life.house.daemon.build_s = 0.0
        run, tasks, _ = await finished(life, await start_run(life, "afresh"))
        assert (run.state, sorted(tasks)) == (RunState.SUCCEEDED, ["j0"])
        (only,) = await life.engine.read(lambda c: projects.list_deployments(c, TOKEN))
        assert only.number == 1
        assert not await states(life)
        assert (await project(life)).active is None
        assert TOKEN in life.engine.reload._watch._projects


async def nothing_waits(life: Life) -> bool:
    return not await life.engine.read(lambda c: activations.waiting_activations(c, TOKEN))


def rows_of_all_tables(connection: sqlite3.Connection) -> dict[str, int]:
    """How many rows the tables of projects have, those left out that have none."""
    names = ("projects", "deployments", "activations", "schedules", "paused_jobs", "slots", "runs", "tasks", "attempts")
    counts = {name: connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in names}
    return {name: count for name, count in counts.items() if count}
