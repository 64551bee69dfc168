"""The graph pane: the other face of the jobs, with the same selection; states change how it looks, never where."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.style import Style
from screens import app_on, text_of
from textual.pilot import Pilot
from wines import NOW, Store, job_id

from skafos_tui.model.run import RunState, TaskState
from skafos_tui.text.rails import Rails
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.arrangement import arrange
from skafos_tui.tui.graph_steps import along, between, end_of_layer
from skafos_tui.tui.theme import Role
from skafos_tui.tui.views import Dashboard
from skafos_tui.tui.widgets.graph import GraphPane

SMALL, LARGE = (80, 24), (220, 60)


def graph(app: SkafosApp) -> GraphPane:
    assert app.dashboard is not None
    return app.dashboard.graph


def names(app: SkafosApp) -> tuple[str, str]:
    """The selected job, as the graph and as the jobs have it."""
    assert app.dashboard is not None
    rows = app.view.row_of
    return rows[graph(app).selected or ""].name, rows[app.dashboard.jobs.selected or ""].name


def changed(view: Dashboard, name: str, state: TaskState) -> Dashboard:
    rows = [
        replace(row, task=replace(row.task, state=state)) if row.name == name and row.task else row for row in view.rows
    ]
    return replace(view, rows=tuple(rows))


def style_of(app: SkafosApp, text: str) -> Style:
    """The style in which the graph draws a piece of text."""
    pane = graph(app)
    for y in range(1, pane.size.height):
        for segment in pane.render_line(y):
            if segment.text.strip() == text and segment.style is not None:
                return segment.style
    raise AssertionError(text_of(app))


async def drawn(store: Store, size: tuple[int, int], *keys: str) -> str:
    app = app_on(store)
    async with app.run_test(size=size) as pilot:
        await pilot.press(*keys)
        await pilot.pause()
        return text_of(app)


async def test_it_stands_by_itself_where_both_fit(store: Store) -> None:
    store.running_run()
    lines = (await drawn(store, LARGE)).splitlines()
    assert "1 JOBS" in lines[1] and "2 GRAPH  Train forest" in lines[1]
    assert any("┏▸► Train forest ━┱▸○ Score" in line for line in lines)


async def test_the_jobs_have_all_the_width_where_it_does_not_fit(store: Store) -> None:
    store.pipeline = {f"Job number {number}": ((f"Job number {number - 1}",) if number else ()) for number in range(9)}
    store.run(deployment=store.deploy())
    text = await drawn(store, LARGE)
    assert "2 GRAPH" not in text and "1 JOBS" in text


async def test_v_turns_the_jobs_into_the_graph_and_back(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("v")
        await pilot.pause()
        assert "▌2 GRAPH  Train forest" in text_of(app) and "1 JOBS" not in text_of(app)
        assert "┗▸✓ Clean ━━▸✓ Features ━┩   1✓ 2► 4:31" in text_of(app)
        await pilot.press("3", "v")
        await pilot.pause()
        assert "▌1 JOBS" in text_of(app) and "2 GRAPH" not in text_of(app)


async def test_larger_than_the_pane_it_is_rails_and_says_so(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=(60, 16)) as pilot:
        await pilot.press("v", "G")
        await pilot.pause()
        assert "▌2 GRAPH  larger than this pane: shown as rails" in text_of(app)
        assert "▌·─╯     Report" in text_of(app)
        assert isinstance(graph(app)._drawn, Rails)


async def test_h_and_l_go_along_edges_and_j_and_k_within_a_layer(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("v", "g", "g")
        await pilot.pause()
        seen = [names(app)]
        for key in ("l", "j", "l", "right", "j", "l", "h", "left"):
            await pilot.press(key)
            await pilot.pause()
            seen.append(names(app))
        assert [one for one, _ in seen] == [
            "Ingest",
            "Check",
            "Clean",
            "Features",
            "Train forest",
            "Train linear",
            "Evaluate",
            "Train linear",
            "Features",
        ]
        assert all(one == other for one, other in seen)


async def test_at_the_end_of_the_edges_l_and_h_stay(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("v", "g", "g", "h")
        await pilot.pause()
        assert names(app) == ("Ingest", "Ingest")
        await pilot.press("G", "l")
        await pilot.pause()
        assert names(app) == ("Report", "Report")


async def test_enter_goes_into_the_log_and_q_back_to_the_graph(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        assert app.dashboard is not None
        await pilot.press("v", "enter")
        assert app.dashboard.at == "log"
        await pilot.press("q")
        assert app.dashboard.at == "graph"
        await pilot.press("q")
        assert app._exit


async def test_a_click_selects_in_both_and_a_second_one_opens_the_log(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        assert app.dashboard is not None
        await pilot.press("v")
        await pilot.pause()
        box = graph(app).drawing_for(*SMALL)
        assert box is not None
        clean = box.boxes[job_id("Clean")]
        at = (clean.column + 3, clean.row + 1)
        await pilot.click(GraphPane, offset=at)
        await pilot.pause()
        assert (names(app), app.dashboard.at) == (("Clean", "Clean"), "graph")
        await pilot.click(GraphPane, offset=at, times=2)
        assert app.dashboard.at == "log"


async def test_the_family_of_the_selected_job_is_bright_and_the_rest_dim(store: Store) -> None:
    store.good_run(NOW - 900)
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("v", "g", "g", "l")
        await pilot.pause()
        assert names(app)[0] == "Check"
        idle = app.roles[Role.IDLE].color
        assert style_of(app, "Check").reverse
        assert style_of(app, "Report").color != idle
        assert style_of(app, "Clean").color == idle
        await pilot.press("space")
        await pilot.pause()
        assert "✓*Check" in text_of(app)


async def test_edges_into_a_running_job_have_its_colour(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("v")
        await pilot.pause()
        assert style_of(app, "┏").color == app.roles[Role.RUN].color
        assert style_of(app, "╭").color == app.roles[Role.IDLE].color


async def test_the_critical_path_is_heavy_and_follows_what_happened(store: Store) -> None:
    store.good_run(NOW - 900)
    assert "━▸✓ Features ━┩   3✓ 5:02" in await drawn(store, SMALL, "v")
    assert "╭▸✓ Check ─" in await drawn(store, SMALL, "v")


async def test_a_changed_state_lays_nothing_out_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=LARGE) as pilot:
        await pilot.pause()
        pane = graph(app)
        before = pane._drawn
        pane.select(job_id("Ingest"))
        rows: list[int] = []
        monkeypatch.setattr(pane, "_redraw_rows", lambda found: rows.extend(found))
        monkeypatch.setattr(pane, "_lay_layers", lambda *_: pytest.fail("laid out anew"))
        pane.show(changed(app.view, "Check", TaskState.FAILED))
        assert pane._drawn is before
        assert set(rows) == {0, 1}


async def test_another_graph_is_laid_out_anew(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=LARGE) as pilot:
        await pilot.pause()
        store.pipeline = {"Only": (), "Two": ("Only",)}
        store.set_run(1, RunState.CANCELLED, NOW - 384, NOW)
        store.run(deployment=store.deploy())
        await until(pilot, lambda: "· Only ━━━▸· Two" in text_of(app))


async def test_a_graph_that_nobody_sees_costs_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GraphPane, "_lay_layers", lambda *_: pytest.fail("laid out"))
    store.running_run()
    assert "1 JOBS" in await drawn(store, (140, 40))


async def test_without_unicode_it_is_ascii(store: Store) -> None:
    store.running_run()
    app = app_on(store, setting="ascii")
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("v")
        await pilot.pause()
        assert text_of(app).isascii()
        assert "1+ 2> 4:31" in text_of(app)


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError(text_of(pilot.app))


PLACES = {"a": (0, 0), "b": (9, 0), "c": (9, 4), "d": (20, 5), "e": (20, 9)}


def test_along_an_edge_is_to_the_nearest_row() -> None:
    assert along("c", ("e", "d"), PLACES) == "d"
    assert along("e", (), PLACES) is None


def test_every_job_is_reached_by_going_down() -> None:
    at, seen = "a", ["a"]
    while (following := between(at, 1, PLACES)) != at:
        at = following
        seen.append(at)
    assert seen == list(PLACES)


def test_a_page_goes_to_the_end_of_the_layer_then_on() -> None:
    assert end_of_layer("b", 1, PLACES) == "c"
    assert end_of_layer("c", 1, PLACES) == "d"
    assert end_of_layer("e", 1, PLACES) == "e"
    assert end_of_layer("d", -1, PLACES) == "c"


@pytest.mark.parametrize("face", ["jobs", "graph"])
@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("banner", [True, False])
@pytest.mark.parametrize("card", [0, 3])
def test_with_any_face_banner_and_card_panes_fill_the_screen_and_never_overlap(
    face: str, beside: bool, banner: bool, card: int
) -> None:
    for width, height in itertools.product((60, 99, 140, 220), (17, 24, 40)):
        found = arrange(width, height, 12, face, zoomed=False, face=face, beside=beside, card=card, banner=banner)
        taken = [
            (x, y)
            for box in (*found.boxes.values(), *found.rules)
            for x in range(box.x, box.x + box.width)
            for y in range(box.y, box.y + box.height)
        ]
        assert len(taken) == len(set(taken)) == width * height
        assert face in found.boxes and ("banner" in found.boxes) == banner
