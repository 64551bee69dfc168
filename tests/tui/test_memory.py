"""Run, order, zoom and selection survive the end of the screen; a broken file costs only that."""

from __future__ import annotations

from pathlib import Path

import pytest
from screens import text_of
from textual.pilot import Pilot
from wines import NOW, TOKEN, Store, job_id

from skafos_tui.model.run import RunState, TaskState
from skafos_tui.store.home import Home
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.memory import FILE, MOST_PROJECTS, Remembered, recall, remember
from skafos_tui.tui.opened import Opened
from skafos_tui.tui.opening import screen_of

SIZE = (80, 24)
LEFT = Remembered(run=7, state="failed", newest=9, chosen=True, selected="x", at="log", face="graph", zoomed=True)


def opened_on(store: Store, *, read_only: bool = False) -> SkafosApp:
    """The app as `skafos` opens it; nobody is asked for an engine."""
    home = Home(store.path.parent)
    app = screen_of(Opened(home, TOKEN, "wine", store.path.parent), None, read_only=read_only)
    app.engine_watch = None
    app.read_only = read_only
    app.now = lambda: NOW
    return app


async def _left(app: SkafosApp, pilot: Pilot[None]) -> None:
    await pilot.pause()
    app.leave()
    await pilot.pause()


async def test_it_opens_as_it_was_left(store: Store) -> None:
    store.good_run(NOW - 9000)
    store.running_run()
    first = opened_on(store)
    async with first.run_test(size=SIZE) as pilot:
        await pilot.press("o", "j", "3", "z")
        assert first.dashboard is not None
        chosen = first.dashboard.jobs.selected
        await _left(first, pilot)
    second = opened_on(store)
    async with second.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert second.dashboard is not None
        dashboard = second.dashboard
        assert (dashboard.jobs.selected, dashboard.jobs.by_time) == (chosen, True)
        assert (dashboard.at, dashboard.zoomed) == ("log", True)


async def test_a_run_that_was_looked_at_comes_again_until_a_newer_one_is_there(store: Store) -> None:
    store.good_run(NOW - 9000)
    store.good_run(NOW - 5000)
    first = opened_on(store)
    async with first.run_test(size=SIZE) as pilot:
        await pilot.press("left_square_bracket")
        while first.view.live:
            await pilot.pause(0.02)
        await _left(first, pilot)
    second = opened_on(store)
    async with second.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert "HISTORY run 1" in text_of(second)
    store.failed_run()
    third = opened_on(store)
    async with third.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert "HISTORY" not in text_of(third)
        assert third.view.run is not None and third.view.run.id == 3


async def test_a_run_that_has_failed_since_begins_on_what_failed(store: Store) -> None:
    store.running_run()
    first = opened_on(store)
    async with first.run_test(size=SIZE) as pilot:
        await pilot.press("g", "g")
        await _left(first, pilot)
    store.set_task(1, "Train forest", TaskState.FAILED, NOW - 100, NOW)
    store.set_run(1, RunState.FAILED, NOW - 300, NOW)
    second = opened_on(store)
    async with second.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert second.dashboard is not None and second.dashboard.jobs.selected == job_id("Train forest")


async def test_read_only_writes_nothing(store: Store) -> None:
    app = opened_on(store, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await _left(app, pilot)
    assert not (store.path.parent / FILE).exists()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    home = Home(tmp_path)
    remember(home, "a", LEFT)
    assert recall(home, "a") == LEFT
    assert recall(home, "b") == Remembered()
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"a": 3}', '{"a": {"run": "x", "zoomed": 1}}', "\xff" * 10, "1" * 10_000]
)
def test_a_broken_file_is_the_first_day(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="latin-1")
    assert recall(Home(tmp_path), "a") == Remembered()
    remember(Home(tmp_path), "a", LEFT)
    assert recall(Home(tmp_path), "a") == LEFT


def test_of_many_projects_those_left_last_are_known(tmp_path: Path) -> None:
    for number in range(MOST_PROJECTS + 5):
        remember(Home(tmp_path), str(number), LEFT)
    assert recall(Home(tmp_path), "4") == Remembered()
    assert recall(Home(tmp_path), "5") == LEFT
