"""Keys that arrive at once are taken one after the other, each where the one before has led."""

from __future__ import annotations

import pytest
from screens import app_on, text_of
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input
from wines import Store

from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.screens.palette import PaletteScreen


def type_at_once(app: SkafosApp, text: str) -> None:
    """Keys as one read of the terminal brings them."""
    names = {":": "colon", "\r": "enter", "\x1b": "escape", "?": "question_mark"}
    for character in text:
        app.post_message(events.Key(names.get(character, character), character))


async def _settle(pilot: Pilot[None]) -> None:
    for _ in range(4):
        await pilot.pause(0.03)


async def test_a_word_typed_with_the_palettes_key_is_looked_for_there(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        type_at_once(app, ":forest")
        await _settle(pilot)
        assert isinstance(app.screen, PaletteScreen)
        assert app.screen.query_one(Input).value == "forest"


async def test_a_whole_way_typed_at_once_is_gone(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        type_at_once(app, ":Evaluate\r")
        await _settle(pilot)
        assert app.dashboard is not None and app.screen is app.dashboard
        assert app.view.row_of[app.dashboard.jobs.selected or ""].name == "Evaluate"


async def test_a_screen_opened_and_closed_at_once_leaves_the_next_key_to_the_one_below(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        type_at_once(app, "?q" * 3 + "gg")
        await _settle(pilot)
        assert app.screen is app.dashboard
        assert any(line.startswith("▌") and "Ingest" in line for line in text_of(app).splitlines())


@pytest.mark.parametrize("times", [60])
async def test_no_key_of_many_is_lost(store: Store, times: int) -> None:
    store.pipeline = {f"Job {number}": () for number in range(100)}
    store.run(deployment=store.deploy())
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("g", "g")
        type_at_once(app, "j" * times)
        for _ in range(20):
            await pilot.pause(0.02)
        assert app.dashboard is not None
        assert app.view.row_of[app.dashboard.jobs.selected or ""].name == f"Job {times}"
