"""The list of jobs: marks, the mouse, and the order of rows."""

from __future__ import annotations

import pytest
from screens import app_on, text_of
from textual import events
from wines import NOW, Store, job_id

from skafos_tui.model.run import RunState, TaskState
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.widgets.jobs import JobsPane

SIZE = (80, 24)


def jobs(app: SkafosApp) -> JobsPane:
    assert app.dashboard is not None
    return app.dashboard.jobs


async def test_space_marks_several_jobs_and_escape_takes_the_marks_away(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("g", "g", "space", "space")
        await pilot.pause()
        assert jobs(app).marked == {job_id("Ingest"), job_id("Check")}
        assert "*Ingest" in text_of(app) and "*Check" in text_of(app)
        await pilot.press("k", "space")
        assert jobs(app).marked == {job_id("Ingest")}
        await pilot.press("escape")
        await pilot.pause()
        assert not jobs(app).marked and "*" not in text_of(app)
        assert app.is_running


async def test_a_double_click_goes_into_the_log(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.click(JobsPane, offset=(20, 2), times=2)
        assert app.dashboard is not None
        assert (app.dashboard.jobs.selected, app.dashboard.at) == (job_id("Check"), "log")


@pytest.mark.parametrize(("height", "first"), [(40, "Ingest"), (16, "Score")])
async def test_the_wheel_scrolls_at_most_to_the_last_row(store: Store, height: int, first: str) -> None:
    store.good_run(1.0)
    app = app_on(store)
    async with app.run_test(size=(80, height)) as pilot:
        await pilot.pause()
        for _ in range(9):
            jobs(app).post_message(_wheel(jobs(app)))
        await pilot.pause()
        assert first in text_of(app).splitlines()[3]
        assert any("Report" in line for line in text_of(app).splitlines())


async def test_a_reason_with_a_nasty_name_in_it_controls_nothing(store: Store) -> None:
    run_id = store.running_run()
    store.set_task(run_id, "Score", TaskState.QUEUED, reason="needs 1 cpu, E\x1b]0;gotcha\x07vil has it")
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert "queued: needs 1 cpu, Evil has it" in text_of(app)
        assert "\x1b" not in text_of(app)


def _wheel(pane: JobsPane) -> events.MouseScrollDown:
    return events.MouseScrollDown(pane, 5, 3, 0, 1, 0, False, False, False)


async def test_the_selection_follows_what_runs_and_what_fails_until_a_person_selects(store: Store) -> None:
    run_id = store.run()
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.dashboard is not None
        jobs = app.dashboard.jobs

        async def selected(name: str) -> None:
            for _ in range(100):
                if jobs.selected == job_id(name):
                    return
                await pilot.pause(0.02)
            raise AssertionError(f"{name} is not selected")

        await selected("Ingest")
        store.set_run(run_id, RunState.RUNNING, NOW - 100)
        store.set_task(run_id, "Ingest", TaskState.SUCCEEDED, NOW - 100, NOW - 80)
        store.set_task(run_id, "Clean", TaskState.RUNNING, NOW - 80)
        await selected("Clean")
        store.set_task(run_id, "Check", TaskState.FAILED, NOW - 80, NOW - 70)
        await selected("Check")
        await pilot.press("j", "j")
        store.set_task(run_id, "Clean", TaskState.FAILED, NOW - 80, NOW - 60)
        while app.view.row_of[job_id("Clean")].ticks:
            await pilot.pause(0.02)
        await pilot.pause()
        assert jobs.selected not in (job_id("Check"), job_id("Clean"))
        store.set_run(run_id, RunState.FAILED, NOW - 100, NOW - 50)
        newer = store.run()
        store.set_run(newer, RunState.RUNNING, NOW - 40)
        store.set_task(newer, "Ingest", TaskState.RUNNING, NOW - 40)
        await selected("Ingest")
