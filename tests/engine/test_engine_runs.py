"""Runs from trigger to end."""

from __future__ import annotations

from house import Life, a_house, finished, job, start_run

from skafos_tui.model.run import RunState, TaskState


async def test_a_chain_runs_to_success_and_leaves_nothing_behind() -> None:
    async with a_house() as house:
        house.write_config([job(0), job(1, after=(0,)), job(2, after=(1,))])
        life = Life(house)
        await life.begin()
        run, tasks, attempts = await finished(life, await start_run(life))
        assert run.state is RunState.SUCCEEDED
        assert {task.state for task in tasks.values()} == {TaskState.SUCCEEDED}
        assert len(attempts) == 3
        assert not house.daemon.containers
        await life.close()
        assert not house.daemon.violations
