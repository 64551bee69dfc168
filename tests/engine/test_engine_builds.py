"""The image step: shared, cancelled, failed, made again."""

from __future__ import annotations

import asyncio

from house import TOKEN, Life, a_life, by_job, finished, job, start_run, tasks_of, until
from memory import Behaviour, MemoryRunner

from skafos_tui.model.run import DeploymentState, RunState, TaskState
from skafos_tui.model.verdict import VerdictKind
from skafos_tui.runners.base import BuiltImage, ImageRequest, Progress
from skafos_tui.store import projects


async def waits_for_image(life: Life, run_id: int) -> None:
    async def there() -> bool:
        task = (await tasks_of(life, run_id))["j0"]
        return task.state is TaskState.WAITING and task.reason.startswith("for the image: ")

    await until(there, "the task waits for its image")


async def test_a_build_that_fails_fails_the_first_tasks_with_its_words() -> None:
    async with a_life([job(0), job(1, after=(0,)), job(2)]) as life:
        life.house.daemon.build_error = "pip install failed: no matching distribution found for numpyy"
        run, tasks, attempts = await finished(life, await start_run(life))
        assert run.state is RunState.FAILED
        for name in ("j0", "j2"):
            verdict = tasks[name].verdict
            assert verdict is not None
            assert verdict.kind is VerdictKind.COULD_NOT_START
            assert verdict.evidence == "pip install failed: no matching distribution found for numpyy"
        assert tasks["j1"].state is TaskState.UPSTREAM_FAILED
        assert not attempts
        log = life.house.home.build_log(TOKEN, 1).read_text()
        assert "installing" in log
        assert "no matching distribution found for numpyy" in log


async def test_a_run_whose_build_failed_can_be_retried_once_the_world_is_better() -> None:
    async with a_life([job(0)]) as life:
        life.house.daemon.build_error = "no network"
        first = await start_run(life)
        await finished(life, first)
        life.house.daemon.build_error = ""
        again = (await life.requests.retry(first, "again", None, False)).run
        run, _, _ = await finished(life, again)
        assert run.state is RunState.SUCCEEDED


async def test_two_runs_of_the_same_files_share_one_build() -> None:
    async with a_life([job(0)]) as life:
        life.house.daemon.build_s = 0.03
        first = await start_run(life, "a")
        second = await start_run(life, "b")
        for run_id in (first, second):
            run, _, _ = await finished(life, run_id)
            assert run.state is RunState.SUCCEEDED
        assert len(life.house.daemon.builds) == 1


async def test_cancelling_a_run_does_not_cancel_a_build_that_another_waits_for() -> None:
    async with a_life([job(0)]) as life:
        life.house.daemon.build_s = 0.05
        first = await start_run(life, "a")
        second = await start_run(life, "b")
        await waits_for_image(life, first)
        await life.requests.cancel(first, [], "ann")
        run, _, _ = await finished(life, first)
        assert run.state is RunState.CANCELLED
        run, _, _ = await finished(life, second)
        assert run.state is RunState.SUCCEEDED
        assert len(life.house.daemon.builds) == 1


async def test_cancelling_the_only_run_ends_its_build_and_the_next_run_builds_anew() -> None:
    async with a_life([job(0)]) as life:
        life.house.daemon.build_s = 5.0
        first = await start_run(life, "a")
        await waits_for_image(life, first)
        await life.requests.cancel(first, [], "ann")
        run, _, _ = await finished(life, first)
        assert run.state is RunState.CANCELLED
        deployment = await life.engine.read(lambda c: projects.get_deployment(c, 1))
        assert deployment is not None
        assert deployment.state is DeploymentState.FAILED
        life.house.daemon.build_s = 0.0
        run, _, _ = await finished(life, await start_run(life, "b"))
        assert run.state is RunState.SUCCEEDED


async def test_a_run_that_comes_while_the_build_is_being_cancelled_still_gets_its_image() -> None:
    async with a_life([job(0)]) as life:
        life.house.daemon.build_s = 0.05
        first = await start_run(life, "a")
        await waits_for_image(life, first)
        asking = asyncio.create_task(start_run(life, "b"))
        await life.requests.cancel(first, [], "ann")
        run, _, _ = await finished(life, await asking)
        assert run.state is RunState.SUCCEEDED


async def test_a_pruned_image_is_made_again_from_the_archive() -> None:
    async with a_life([job(0), job(1, after=(0,))], by_job(j0=Behaviour(duration_s=0.03))) as life:
        run_id = await start_run(life)
        await until(lambda: life.house.daemon.running(), "the first job runs")
        life.house.daemon.images.clear()
        life.house.write_config([job(0)])
        run, _, attempts = await finished(life, run_id)
        assert run.state is RunState.SUCCEEDED
        assert len(attempts) == 2
        assert len(life.house.daemon.builds) == 2
        assert len({request.code_digest for request in life.house.daemon.builds}) == 1


async def test_an_archive_that_is_gone_ends_the_run_instead_of_leaving_it_waiting() -> None:
    async with a_life([job(0)]) as life:
        life.house.daemon.build_error = "no network"
        first = await start_run(life)
        await finished(life, first)
        for archive in (life.house.home.project(TOKEN) / "code").iterdir():
            archive.unlink()
        again = (await life.requests.retry(first, "again", None, False)).run
        run, tasks, _ = await finished(life, again)
        assert run.state is RunState.FAILED
        verdict = tasks["j0"].verdict
        assert verdict is not None
        assert verdict.evidence.startswith("the image step failed: ")


async def test_jobs_with_images_of_their_own_get_an_image_for_each_base() -> None:
    async with a_life([job(0, image="python:3.11"), job(1), job(2)], image="python:3.13") as life:
        run, _, _ = await finished(life, await start_run(life))
        assert run.state is RunState.SUCCEEDED
        assert [request.base for request in life.house.daemon.builds] == ["python:3.11", "python:3.13"]


async def test_an_engine_closes_while_a_build_runs_and_the_next_one_builds_again() -> None:
    async with a_life([job(0)]) as life:
        house = life.house
        house.daemon.build_s = 5.0
        run_id = await start_run(life)
        await waits_for_image(life, run_id)
        await life.close()
        house.daemon.build_s = 0.0
        following = Life(house)
        await following.begin()
        run, _, _ = await finished(following, run_id)
        assert run.state is RunState.SUCCEEDED
        await following.close()


async def test_a_build_that_still_speaks_after_it_was_cancelled_writes_nowhere() -> None:
    said: list[Progress] = []

    class Chatty(MemoryRunner):
        async def build(self, request: ImageRequest, progress: Progress) -> BuiltImage:
            said.append(progress)
            return await super().build(request, progress)

    async with a_life([job(0)]) as life:
        life.engine.link("docker").runner = Chatty(life.house.daemon)
        life.house.daemon.build_s = 5.0
        run_id = await start_run(life)
        await waits_for_image(life, run_id)
        await until(lambda: said, "the image is being made")
        await life.requests.cancel(run_id, [], "ann")
        await finished(life, run_id)
        path = life.house.home.build_log(TOKEN, 1)
        before = path.read_bytes()
        said[0]("late words")
        assert path.read_bytes() == before
