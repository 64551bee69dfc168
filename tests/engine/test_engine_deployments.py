"""Which deployment schedules use: deploy, rollback, undeploy, hot reload (SPEC 3)."""

from __future__ import annotations

import asyncio
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from house import TOKEN, Life, a_house, a_life, by_job, finished, job, job_id, start_run, until
from memory import Behaviour, Daemon

from skafos_tui.engine import deployments
from skafos_tui.engine.triggers import Refusal
from skafos_tui.engine.watch import Sighting, SightingKind
from skafos_tui.model.run import Activation, ActivationKind, ActivationState, RunState, TriggerKind
from skafos_tui.store import activations, projects, runs, schedules

DAILY = "0 9 * * *"


async def deploy(life: Life, request: str, *, run: bool = False) -> int:
    """Deploy and wait until it is decided; the deployment's number."""
    deployed = await life.deploying.deploy(life.house.directory, request, run=run, runner=None)
    await until(lambda: decided(life, deployed.activation), f"{request} is decided")
    assert deployed.deployment is not None
    return deployed.deployment


async def decided(life: Life, activation: int) -> Activation | None:
    found = await life.engine.read(lambda c: activations.get_activation(c, activation))
    return found if found is not None and found.state is not ActivationState.WAITING else None


async def active(life: Life) -> int | None:
    """The number of the active deployment."""
    row = await life.engine.read(lambda c: projects.get_project(c, TOKEN))
    if row is None or row.active is None:
        return None
    found = await life.engine.read(lambda c, row=row: projects.get_deployment(c, row.active or 0))  # type: ignore[misc]
    return found.number if found is not None else None


async def newest(life: Life) -> Activation:
    """What was last asked for."""
    return (await life.engine.read(lambda c: activations.list_activations(c, TOKEN, 1)))[0]


async def is_active(life: Life, number: int) -> bool:
    return await active(life) == number


async def test_a_deploy_becomes_active_and_starts_what_has_neither_schedule_nor_dependencies() -> None:
    jobs = [job(0), job(1, after=(0,)), job(2, schedule=DAILY), job(3, after=(2,)), job(4, enabled=False)]
    async with a_life(jobs) as life:
        deployed = await life.deploying.deploy(life.house.directory, "d1", run=True, runner=None)
        assert deployed.run is not None
        run, tasks, _ = await finished(life, deployed.run)
        assert (run.trigger, run.state) == (TriggerKind.DEPLOY, RunState.SUCCEEDED)
        assert sorted(tasks) == ["j0", "j1"]
        assert await active(life) == 1
        again = await life.deploying.deploy(life.house.directory, "d1", run=True, runner=None)
        assert (again.activation, again.run) == (deployed.activation, deployed.run)


async def test_a_deploy_without_run_starts_nothing_and_a_run_activates_nothing() -> None:
    async with a_life([job(0)]) as life:
        await finished(life, await start_run(life))
        assert await active(life) is None
        await deploy(life, "d1")
        assert [run.trigger for run in await life.engine.read(lambda c: runs.list_runs(c, TOKEN))] == [
            TriggerKind.MANUAL
        ]


async def test_while_the_new_image_is_made_and_if_it_cannot_be_the_old_one_stays_active() -> None:
    async with a_life([job(0, schedule=DAILY)]) as life:
        assert await deploy(life, "d1") == 1
        life.house.daemon.build_s = 0.3
        life.house.daemon.build_error = "no matching distribution"
        life.house.write_config([job(0, schedule="0 10 * * *")])
        deployed = await life.deploying.deploy(life.house.directory, "d2", run=False, runner=None)
        assert (deployed.deployment, deployed.state) == (2, "waiting")
        assert await active(life) == 1
        found = await until(lambda: decided(life, deployed.activation), "the second is decided")
        assert found.state is ActivationState.FAILED
        assert "no matching distribution" in found.error
        assert await active(life) == 1
        rows = await life.engine.read(lambda c: schedules.list_schedules(c, TOKEN))
        assert [row.expression for row in rows] == [DAILY]


async def test_a_rollback_survives_a_restart_although_the_file_says_otherwise() -> None:
    async with a_house(Daemon()) as house:
        house.write_config([job(0, schedule=DAILY)])
        life = Life(house)
        await life.begin()
        await deploy(life, "d1")
        house.write_config([job(0, schedule="0 10 * * *")])
        assert await deploy(life, "d2") == 2
        back = await life.deploying.rollback(TOKEN, 1, "b1")
        assert (back.deployment, back.state) == (1, "active")
        await life.close()
        life = Life(house)
        await life.begin()
        try:
            await asyncio.sleep(0.5)
            assert await active(life) == 1
            rows = await life.engine.read(lambda c: schedules.list_schedules(c, TOKEN))
            assert [row.expression for row in rows] == [DAILY]
            # The next save of the file acts like a deploy again.
            house.write_config([job(0, schedule="0 11 * * *")])
            await until(lambda: is_active(life, 3), "the reload is active")
        finally:
            await life.close()


async def test_an_edit_made_before_a_rollback_does_not_undo_it() -> None:
    async with a_house(Daemon()) as house:
        house.write_config([job(0, schedule=DAILY)])
        life = Life(house)
        await life.begin()
        await deploy(life, "d1")
        await life.close()
        house.write_config([job(0, schedule="0 10 * * *")])
        life = Life(house)
        await life.begin()
        try:
            await life.deploying.rollback(TOKEN, 1, "b1")
            await asyncio.sleep(0.5)
            assert await active(life) == 1
        finally:
            await life.close()


async def test_a_rollback_to_what_is_not_there_is_refused() -> None:
    async with a_life([job(0, schedule=DAILY)]) as life:
        await deploy(life, "d1")
        with pytest.raises(Refusal, match="there is no deployment 7; there are 1"):
            await life.deploying.rollback(TOKEN, 7, "b1")


async def test_undeploy_turns_schedules_off_and_leaves_runs_alone() -> None:
    async with a_life([job(0), job(1, schedule=DAILY)], by_job(j0=Behaviour(duration_s=0.2))) as life:
        deployed = await life.deploying.deploy(life.house.directory, "d1", run=True, runner=None)
        await until(lambda: decided(life, deployed.activation), "it is active")
        await life.deploying.undeploy(TOKEN, "u1")
        assert await active(life) is None
        assert not await life.engine.read(lambda c: schedules.list_schedules(c, TOKEN))
        assert deployed.run is not None
        assert (await finished(life, deployed.run))[0].state is RunState.SUCCEEDED
        with pytest.raises(Refusal, match="nothing is deployed"):
            await life.deploying.undeploy(TOKEN, "u2")


async def test_a_saved_config_is_recorded_with_its_plan_and_becomes_active() -> None:
    async with a_life([job(0, schedule=DAILY)], by_job(j1=Behaviour(duration_s=5.0))) as life:
        await deploy(life, "d1")
        life.house.write_config([job(0, schedule="0 10 * * *"), job(1)])
        await until(lambda: is_active(life, 2), "the reload is active")
        found = await newest(life)
        assert (found.kind, found.state) == (ActivationKind.RELOAD, ActivationState.ACTIVE)
        plan = json.loads(found.plan)
        assert plan["keeps_running"] == []
        assert not await life.engine.read(lambda c: runs.list_runs(c, TOKEN)), "a reload starts nothing"


async def test_what_runs_keeps_its_deployment_and_the_plan_says_so() -> None:
    async with a_life([job(0), job(1, after=(0,))], by_job(j0=Behaviour(duration_s=0.6))) as life:
        await deploy(life, "d1")
        run_id = await start_run(life)
        await until(lambda: life.house.daemon.running(), "it runs")
        life.house.write_config([job(0)])
        await until(lambda: is_active(life, 2), "the reload is active")
        assert json.loads((await newest(life)).plan)["keeps_running"] == [f"run {run_id} (j0) stays on deployment 1"]
        run, tasks, attempts = await finished(life, run_id)
        assert (run.state, sorted(tasks)) == (RunState.SUCCEEDED, ["j0", "j1"])
        specs = [life.house.daemon.records[each.name].spec for each in attempts]
        assert {spec.environment["SKAFOS_DEPLOYMENT_ID"] for spec in specs} == {"1"}


async def test_an_invalid_config_is_told_and_the_last_good_one_stays() -> None:
    async with a_life([job(0, schedule=DAILY)]) as life:
        await deploy(life, "d1")
        life.house.write_config([job(0, schedule="every day")])

        async def told() -> bool:
            return (await newest(life)).state is ActivationState.INVALID

        await until(told, "the findings are there")
        found = await newest(life)
        assert any("bad-cron" in line for line in found.findings)
        assert await active(life) == 1
        life.house.write_config([job(0, schedule=DAILY)])
        await until(lambda: is_latest(life, ActivationState.ACTIVE), "the mended one is active")


async def is_latest(life: Life, state: ActivationState) -> bool:
    return (await newest(life)).state is state


async def test_without_an_active_deployment_a_save_activates_nothing_but_its_defects_are_told() -> None:
    async with a_life([job(0, schedule=DAILY)]) as life:
        await finished(life, await start_run(life))
        life.house.write_config([job(0, schedule="0 10 * * *")])
        await asyncio.sleep(0.5)
        assert not await life.engine.read(lambda c: activations.list_activations(c, TOKEN))
        life.house.write_config([job(0, schedule="every day")])

        async def told() -> bool:
            found = await life.engine.read(lambda c: activations.list_activations(c, TOKEN))
            return [each.state for each in found] == [ActivationState.INVALID]

        await until(told, "the findings are there")


async def test_of_a_storm_of_edits_the_last_one_is_active_and_no_deployment_mixes_two() -> None:
    async with a_life([job(0, schedule=DAILY)]) as life:
        await deploy(life, "d1")
        life.house.daemon.build_s = 0.05
        for number in range(60):
            life.house.write_config([job(0, entrypoint=f"echo version-{number}", schedule=DAILY)])
            await asyncio.sleep(0.02)

        async def last_is_active() -> bool:
            row = await life.engine.read(lambda c: projects.get_project(c, TOKEN))
            assert row is not None and row.active is not None
            project = await life.engine.read(lambda c: life.engine.config(c, row.active or 0))
            return project.jobs[0].entrypoint == "echo version-59"

        await until(last_is_active, "the last edit is active", 10.0)
        await until(lambda: nothing_waits(life), "nothing waits any more", 10.0)
        found = await life.engine.read(lambda c: activations.list_activations(c, TOKEN))
        assert {each.state for each in found} <= {ActivationState.ACTIVE, ActivationState.SUPERSEDED}


async def test_a_config_that_comes_back_to_what_was_seen_becomes_active() -> None:
    async with a_life([job(0, schedule=DAILY)]) as life:
        await deploy(life, "d1")
        path, aside = life.house.directory / "metis.config.yml", life.house.directory.with_name("aside")
        candidate = life.engine.reload._candidate

        async def away_for_a_moment(*arguments: Any) -> Any:
            life.engine.reload._candidate = candidate  # type: ignore[method-assign]
            path.rename(aside)
            found = await candidate(*arguments)
            aside.rename(path)
            return found

        life.engine.reload._candidate = away_for_a_moment  # type: ignore[method-assign]
        life.house.write_config([job(0, schedule="0 10 * * *")])
        await until(lambda: is_active(life, 2), "the edit is active")
        found = await life.engine.read(lambda c: activations.list_activations(c, TOKEN))
        assert [each.state for each in found] == [
            ActivationState.ACTIVE,
            ActivationState.SUPERSEDED,
            ActivationState.ACTIVE,
        ]


async def test_no_deployment_has_another_config_than_lies_among_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_life([job(0, schedule=DAILY)]) as life:
        path = life.house.directory / "metis.config.yml"
        wanted = path.read_bytes()
        look, looks = deployments.take_snapshot, 0

        def while_it_is_another_one(directory: Path) -> Any:
            nonlocal looks
            looks += 1
            if looks == 1:
                life.house.write_config([job(0), job(1)])
            found = look(directory)
            path.write_bytes(wanted)
            return found

        monkeypatch.setattr(deployments, "take_snapshot", while_it_is_another_one)
        await deploy(life, "d1")
        (found,) = await life.engine.read(lambda c: projects.list_deployments(c, TOKEN))
        with tarfile.open(life.house.home.code(TOKEN, found.code_digest), "r:gz") as files:
            archived = files.extractfile("metis.config.yml")
            assert archived is not None
            assert archived.read() == found.config.encode() == wanted
        assert looks == 2


async def test_what_was_sighted_before_a_rollback_does_not_undo_it_after() -> None:
    async with a_life([job(0, schedule=DAILY)]) as life:
        await deploy(life, "d1")
        row = await life.engine.read(lambda c: projects.get_project(c, TOKEN))
        assert row is not None
        sighting = Sighting(TOKEN, life.house.directory, SightingKind.CHANGED, b"of a moment ago", "0" * 64)
        life.house.write_config([job(0, schedule="0 10 * * *")])
        await until(lambda: is_active(life, 2), "the edit is active")
        await life.deploying.rollback(TOKEN, 1, "b1")
        await life.engine.reload._changed(row, sighting)
        await asyncio.sleep(0.3)
        assert await active(life) == 1
        assert (await newest(life)).kind is ActivationKind.ROLLBACK


async def nothing_waits(life: Life) -> bool:
    return not await life.engine.read(lambda c: activations.waiting_activations(c, TOKEN))


async def test_slots_that_were_only_queued_for_a_removed_job_are_dropped_visibly() -> None:
    jobs = [job(0, schedule="* * * * *"), job(1, schedule=DAILY)]
    async with a_life(jobs) as life:
        await deploy(life, "d1")
        life.house.daemon.set_down(True)
        import time

        ahead = 60 - time.time() % 60 + 0.01
        life.set_clock(lambda: time.time() + ahead)

        async def queued() -> bool:
            return bool(await life.engine.read(runs.unfinished_runs))

        await until(queued, "the slot is queued")
        life.set_clock(time.time)
        life.house.daemon.set_down(False)
        life.house.daemon.build_s = 0.0
        life.engine.link("docker").problem = "held by the test"
        life.house.write_config([job(1, schedule=DAILY)])
        await until(lambda: is_active(life, 2), "the reload is active")
        life.engine.link("docker").problem = ""
        found = await life.engine.read(lambda c: runs.list_runs(c, TOKEN))
        dropped = [run for run in found if run.state is RunState.CANCELLED]
        if dropped:  # unless it had begun already: then it goes on
            assert dropped[0].reason == "by deployment 2, without it"
        for run in found:
            await finished(life, run.id)


async def test_an_unrelated_edit_does_not_reset_what_a_later_slot_depends_on() -> None:
    jobs = [job(0), job(1, after=(0,), schedule="* * * * *")]
    async with a_life(jobs) as life:
        deployed = await life.deploying.deploy(life.house.directory, "d1", run=True, runner=None)
        assert deployed.run is not None
        await finished(life, deployed.run)
        life.house.write_config(jobs, alerts=[{"when": "failure"}])
        await until(lambda: is_active(life, 2), "the reload is active")
        import time

        ahead = 60 - time.time() % 60 + 0.01
        life.set_clock(lambda: time.time() + ahead)

        async def fired() -> list[int]:
            found = await life.engine.read(lambda c: runs.list_runs(c, TOKEN))
            return [run.id for run in found if run.trigger is TriggerKind.SCHEDULE]

        made = await until(fired, "the slot fires")
        assert (await finished(life, made[0]))[0].state is RunState.SUCCEEDED


async def test_old_deployments_lose_their_files_and_images_but_not_their_history() -> None:
    async with a_life([job(0, schedule=DAILY)]) as life:
        count = projects.KEPT_DEPLOYMENTS + 3
        for number in range(count):
            (life.house.directory / "code.py").write_text(f"print({number})\n")
            assert await deploy(life, f"d{number}") == number + 1
        assert (await life.deploying.rollback(TOKEN, 4, "b1")).state == "active"
        life.engine._giving_up.look()

        async def given_up() -> list[int]:
            found = await life.engine.read(lambda c: projects.list_deployments(c, TOKEN))
            return sorted(each.number for each in found if each.collected_at is not None)

        await until(given_up, "old ones are given up", 10.0)
        assert await given_up() == [1, 2, 3]
        archives = list(life.house.home.code(TOKEN, "x").parent.glob("*.tar.gz"))
        await until(lambda: len(list(archives[0].parent.glob("*.tar.gz"))) == count - 3, "their files go", 10.0)
        with pytest.raises(Refusal, match="were given up"):
            await life.deploying.rollback(TOKEN, 2, "b2")


async def test_a_directory_that_is_gone_pauses_its_schedules_and_one_that_is_back_resumes_them() -> None:
    async with a_life([job(0, schedule=DAILY)]) as life:
        await deploy(life, "d1")
        aside = life.house.directory.with_name("aside")
        life.house.directory.rename(aside)

        async def problem() -> str:
            row = await life.engine.read(lambda c: projects.get_project(c, TOKEN))
            assert row is not None
            return row.problem

        assert "is gone" in await until(problem, "it is told", 10.0)
        assert not await life.engine.read(lambda c: schedules.running_schedules(c, TOKEN))
        aside.rename(life.house.directory)

        async def mended() -> bool:
            return not await problem()

        await until(mended, "it is back", 10.0)
        assert await life.engine.read(lambda c: schedules.running_schedules(c, TOKEN))


async def test_removing_the_token_or_changing_it_is_no_reload() -> None:
    async with a_life([job(0, schedule=DAILY)]) as life:
        await deploy(life, "d1")
        path = life.house.directory / "metis.config.yml"
        path.write_text(path.read_text().replace(TOKEN, "f" * 24))
        await until(lambda: is_latest(life, ActivationState.INVALID), "it is told")
        assert "the token is now" in (await newest(life)).findings[0]
        assert await active(life) == 1
        assert job_id(0) in path.read_text()
