"""The dashboard under keys: what is selected, shown, zoomed and left; and what a person can't do by mistake."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest
from screens import app_on, text_of
from textual import events
from textual.pilot import Pilot
from wines import NOW, Store, job_id

from skafos_tui.model.run import RunState, TaskState
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.arrangement import Layout, arrange, layout_of
from skafos_tui.tui.command import TYPED
from skafos_tui.tui.control import Refused
from skafos_tui.tui.screens.cancel import CancelScreen
from skafos_tui.tui.screens.dashboard import DashboardScreen
from skafos_tui.tui.screens.help import HelpScreen
from skafos_tui.tui.screens.palette import PaletteScreen
from skafos_tui.tui.widgets.footer import Footer, fitting
from skafos_tui.tui.widgets.jobs import JobsPane

SIZE = (80, 24)


class Doors:
    """Takes what the screen asks the engine for."""

    def __init__(self, refusal: str = "") -> None:
        self.cancelled: list[tuple[int, str]] = []
        self._refusal = refusal

    def cancel(self, run_id: int, job: str) -> None:
        if self._refusal:
            raise Refused(self._refusal)
        self.cancelled.append((run_id, job))


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait for something that a thread brings."""
    for _ in range(100):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError(text_of(pilot.app))


def dashboard(app: SkafosApp) -> DashboardScreen:
    assert app.dashboard is not None
    return app.dashboard


def selected(app: SkafosApp) -> str:
    jobs = dashboard(app).jobs
    return jobs.view.row_of[jobs.selected or ""].name


async def test_it_begins_on_the_failed_job(store: Store) -> None:
    store.failed_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert selected(app) == "Train forest"
        assert "✗ failed 21:35, 38 min ago" in text_of(app)
        assert "out of memory" in text_of(app)


async def test_keys_move_the_selection_and_it_stays_on_its_job(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("g", "g")
        assert selected(app) == "Ingest"
        await pilot.press("j", "down", "k")
        assert selected(app) == "Check"
        await pilot.press("G")
        assert selected(app) == "Report"
        await pilot.press("j")
        assert selected(app) == "Report"
        store.set_task(1, "Ingest", TaskState.FAILED)
        await until(pilot, lambda: "✗" in text_of(app))
        assert selected(app) == "Report"


async def test_a_commit_reaches_the_screen(store: Store) -> None:
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert "no runs yet" in text_of(app)
        store.running_run()
        await until(pilot, lambda: "► 6:24" in text_of(app) and "1✓ 2►" in text_of(app))


async def test_a_zoomed_pane_leaves_the_jobs_dirty_until_they_are_shown(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3", "z")
        jobs = dashboard(app).jobs
        before = jobs.view
        store.set_task(1, "Report", TaskState.CANCELLED)
        await until(pilot, lambda: app.view.row_of[job_id("Report")].task is not None and app.view is not before)
        await pilot.pause()
        assert jobs.view is before
        await pilot.press("z")
        await pilot.pause()
        assert jobs.view is app.view
        assert "cancelled" in text_of(app)


async def test_q_and_escape_go_back_and_only_q_quits_at_the_top(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("enter", "z")
        assert dashboard(app).zoomed and dashboard(app).at == "log"
        await pilot.press("escape")
        assert not dashboard(app).zoomed
        await pilot.press("q")
        assert dashboard(app).at == "jobs"
        await pilot.press("escape", "h", "left")
        assert app.is_running and app.return_code is None
        await pilot.press("q")
        assert app._exit


async def test_the_number_again_zooms(store: Store) -> None:
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3")
        assert (dashboard(app).at, dashboard(app).zoomed) == ("log", False)
        await pilot.press("3")
        assert dashboard(app).zoomed
        await pilot.press("3")
        assert not dashboard(app).zoomed


async def test_a_pane_without_room_takes_the_whole_screen(store: Store) -> None:
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("2")
        assert (dashboard(app).at, dashboard(app).zoomed) == ("graph", True)
        assert "2 GRAPH" in text_of(app) and "1 JOBS" not in text_of(app)


async def test_tab_goes_round_the_panes(store: Store) -> None:
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        seen = []
        for _ in range(4):
            await pilot.press("tab")
            seen.append(dashboard(app).at)
        await pilot.press("shift+tab")
        assert (seen, dashboard(app).at) == (["log", "metrics", "alerts", "jobs"], "alerts")


async def test_ctrl_q_quits_from_anywhere_and_ctrl_c_from_nowhere(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+c")
        assert "ctrl+q quits" in text_of(app)
        await pilot.press("colon")
        await pilot.pause()
        assert isinstance(app.screen, PaletteScreen)
        await pilot.press("ctrl+q")
        assert app._exit


async def test_help_shows_what_works_here(store: Store) -> None:
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        assert "│  Here" in text_of(app)
        await pilot.press("G")
        await pilot.pause()
        assert "Quit from anywhere" in text_of(app)
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is dashboard(app)


async def test_the_palette_does_what_is_chosen(store: Store) -> None:
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("colon", *"zoom", "enter")
        await pilot.pause()
        assert dashboard(app).zoomed


async def test_every_key_of_the_footer_acts(store: Store) -> None:
    store.running_run()
    app = app_on(store, control=Doors())
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        footer = dashboard(app).query_one(Footer)
        shown = fitting(footer.commands, SIZE[0] - 1)
        assert {"run", "cancel", "deeper", "palette", "help"} <= {command.id for command in shown}
        performed: list[str] = []
        dashboard(app).perform = lambda command: performed.append(command.id)  # type: ignore[method-assign]
        as_textual = {ours: theirs for theirs, ours in TYPED.items()}
        for command in shown:
            await pilot.press(*(as_textual.get(key, key) for key in command.keys[0].split()))
        assert performed == [command.id for command in shown]


async def test_history_says_so_and_live_comes_back(store: Store) -> None:
    store.good_run(NOW - 9000)
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "HISTORY run 1" in text_of(app))
        await pilot.press("full_stop")
        await until(pilot, lambda: "run 2 manual" in text_of(app))


async def test_cancel_asks_says_what_stops_and_takes_no_key_at_first(store: Store) -> None:
    store.running_run()
    doors = Doors()
    app = app_on(store, control=doors)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("x", "y")
        await pilot.pause()
        assert isinstance(app.screen, CancelScreen)
        assert "It stops Evaluate, Score, Report." in text_of(app)
        assert doors.cancelled == []
        await asyncio.sleep(0.31)
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen is dashboard(app) and doors.cancelled == []
        await pilot.press("x")
        await asyncio.sleep(0.31)
        await pilot.press("y")
        await until(pilot, lambda: doors.cancelled == [(1, job_id("Train forest"))])


async def test_a_refusal_is_told(store: Store) -> None:
    store.running_run()
    app = app_on(store, control=Doors("the engine is not there"))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("x")
        await asyncio.sleep(0.31)
        await pilot.press("y")
        await until(pilot, lambda: "was not cancelled: the engine is not there" in text_of(app))


async def test_read_only_cancels_nothing(store: Store) -> None:
    store.running_run()
    doors = Doors()
    app = app_on(store, control=doors, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("x")
        await pilot.pause()
        assert app.screen is dashboard(app)
        assert "cancel" not in text_of(app).splitlines()[-1]


async def test_a_finished_task_can_not_be_cancelled(store: Store) -> None:
    store.running_run()
    app = app_on(store, control=Doors())
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("g", "g", "x")
        await pilot.pause()
        assert app.screen is dashboard(app)


async def test_the_order_by_time_has_no_rails(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("o")
        await pilot.pause()
        lines = text_of(app).splitlines()
        assert lines[3].startswith("▌► Train forest") and lines[4].startswith(" ✓ Features")
        await pilot.press("o")
        await pilot.pause()
        assert "├─" in text_of(app)


async def test_a_click_selects_a_job(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.click(JobsPane, offset=(20, 2))
        assert selected(app) == "Check"


async def test_without_unicode_all_is_ascii(store: Store) -> None:
    store.running_run()
    app = app_on(store, setting="ascii")
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        text = text_of(app)
        assert text.isascii()
        assert "1+ 2>" in text and "> 6:24" in text


async def test_names_from_a_config_are_no_markup_and_control_nothing(store: Store) -> None:
    app = app_on(store)
    store.pipeline = {"[red]Evil\x1b]0;gotcha\x07[/]": ()}
    store.deploy()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "[red]Evil[/]" in text_of(app))
        assert "\x1b" not in text_of(app)


async def test_times_grow_only_while_something_runs(store: Store) -> None:
    store.good_run(NOW - 9000)
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        timer = dashboard(app)._seconds
        assert timer is not None and not timer._active.is_set()
        store.running_run()
        await until(pilot, lambda: timer._active.is_set())
        app.now = lambda: NOW + 2
        await until(pilot, lambda: "► 6:26" in text_of(app) and "4:33" in text_of(app))
        store.set_run(2, RunState.CANCELLED, NOW - 384, NOW)
        await until(pilot, lambda: not timer._active.is_set())


async def test_the_answer_for_the_cursor_releases_the_next_frame(store: Store) -> None:
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        answers: list[bool] = []
        app.pacer.answered = lambda: answers.append(True)  # type: ignore[method-assign]
        app.post_message(events.CursorPosition(0, 0))
        await pilot.pause()
        assert answers == [True]


async def test_thousand_jobs_scroll_with_the_selection(store: Store) -> None:
    store.pipeline = {f"Job {number}": ((f"Job {number - 1}",) if number % 10 else ()) for number in range(1000)}
    store.run(deployment=store.deploy())
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("G")
        await pilot.pause()
        assert selected(app) == "Job 999"
        assert any(line.startswith("▌") and "Job 999" in line for line in text_of(app).splitlines())


@pytest.mark.parametrize(
    ("size", "layout"),
    [
        ((59, 24), Layout.ONE),
        ((80, 15), Layout.ONE),
        ((60, 16), Layout.SMALL),
        ((99, 30), Layout.SMALL),
        ((100, 30), Layout.MEDIUM),
        ((179, 50), Layout.MEDIUM),
        ((180, 50), Layout.LARGE),
    ],
)
def test_the_layout_goes_by_the_size(size: tuple[int, int], layout: Layout) -> None:
    assert layout_of(*size) is layout


def test_the_large_layout_has_the_sizes_of_the_design() -> None:
    boxes = arrange(220, 60, 10, "jobs", zoomed=False).boxes
    sizes = {name: (box.width, box.height) for name, box in boxes.items()}
    assert sizes == {
        "header": (220, 1),
        "footer": (220, 1),
        "jobs": (128, 13),
        "graph": (91, 13),
        "log": (160, 45),
        "metrics": (59, 30),
        "alerts": (59, 15),
    }


def test_panes_fill_the_screen_and_never_overlap() -> None:
    for width, height in itertools.product(range(60, 260, 7), range(16, 70, 3)):
        found = arrange(width, height, 1000, "jobs", zoomed=False)
        taken = [
            (x, y)
            for box in (*found.boxes.values(), *found.rules)
            for x in range(box.x, box.x + box.width)
            for y in range(box.y, box.y + box.height)
        ]
        assert len(taken) == len(set(taken)) == width * height
        assert found.boxes["jobs"].height <= max(4, 0.45 * height)


async def test_a_remark_gives_the_footer_back_to_the_keys(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skafos_tui.tui.screens.base.REMARK_S", 0.05)
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        app.tell("run 3 begins")
        assert app.screen.query_one(Footer).remark == "run 3 begins"
        await pilot.pause(0.2)
        assert "? help" in text_of(app).splitlines()[-1]
