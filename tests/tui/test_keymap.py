"""The user's keys and commands: laid over the table, refused where they clash, done safely."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from screens import app_on, text_of
from textual.pilot import Pilot
from wines import TOKEN, Store, job_id

from skafos_tui.config.own_commands import OwnCommand
from skafos_tui.config.settings import parse_settings
from skafos_tui.store.home import Home
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.commands import COMMANDS
from skafos_tui.tui.keymap import KeymapError, table_of
from skafos_tui.tui.opened import Opened
from skafos_tui.tui.preferences import Preferences, preferences_of
from skafos_tui.tui.screens.go_menu import GoMenu

SIZE = (80, 24)


def app_with(store: Store, settings: str) -> SkafosApp:
    """The app under these settings, as one who may change things."""
    home = Home(store.path.parent)
    opened = Opened(home, TOKEN, "wine", store.path.parent)
    app = app_on(store, preferences=preferences_of(parse_settings(settings, "s")), opened=opened)
    app.read_only = False
    return app


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait for something that a thread brings."""
    for _ in range(150):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError("it did not come")


def test_a_key_of_the_users_takes_the_place_of_the_tables() -> None:
    table = table_of(COMMANDS, {"zoom": ("Z", "f6"), "top": ("gg",), "order": ()}, ())
    keys = {command.id: command.keys for command in table}
    assert (keys["zoom"], keys["top"], keys["order"]) == (("Z", "f6"), ("g g",), ())
    assert len(table) == len(COMMANDS)


@pytest.mark.parametrize(
    ("written", "key"), [("PgDn", "pagedown"), ("F7", "f7"), ("Ctrl+Y", "ctrl+y"), ("g  X", "g X")]
)
def test_keys_are_written_as_people_write_them(written: str, key: str) -> None:
    # Their own keys are given away first: some of these are taken.
    free = {command.id: () for command in COMMANDS if key in command.keys}
    table = table_of(COMMANDS, {**free, "zoom": (written,)}, ())
    assert next(command.keys for command in table if command.id == "zoom") == (key,)


@pytest.mark.parametrize(
    ("keymap", "words"),
    [
        ({"zoom": ("j",)}, "zoom: j means down"),
        ({"zoom": ("g",)}, "g begins or continues another key"),
        ({"zoom": ("ctrl+i",)}, "ctrl+i can't be sent"),
        ({"zoom": ("ctrl",)}, "`ctrl` is no key"),
        ({"zoom": ("",)}, "is no key"),
        ({"zoom": ("\x1b",)}, "is no key"),
        ({"zooom": ("Z",)}, "did you mean `zoom`?"),
        ({"quit": ("Q",)}, "ctrl+q must be among its keys"),
        ({"help": ("?",)}, "F1 must be among its keys"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(keymap: dict[str, tuple[str, ...]], words: str) -> None:
    with pytest.raises(KeymapError) as caught:
        table_of(COMMANDS, keymap, ())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_own_command_on_a_taken_key_is_refused() -> None:
    with pytest.raises(KeymapError, match="commands: lint: j means down"):
        table_of(COMMANDS, {}, (OwnCommand("lint", "true", "lint", "j"),))


def test_who_sets_nothing_has_the_table_itself() -> None:
    assert table_of(COMMANDS, {}, ()) is not None
    assert Preferences().table is COMMANDS


async def test_the_screen_goes_by_the_users_keys(store: Store) -> None:
    store.running_run()
    app = app_with(store, "keymap: {zoom: Z}")
    async with app.run_test(size=SIZE) as pilot:
        assert app.dashboard is not None
        await pilot.press("z")
        assert not app.dashboard.zoomed
        await pilot.press("Z")
        assert app.dashboard.zoomed


async def test_an_own_command_gets_what_is_selected_and_tells_how_it_ended(store: Store) -> None:
    store.pipeline = {"It's; $(touch /tmp/x) a job": ()}
    store.run(deployment=store.deploy())
    name = next(iter(store.pipeline))
    app = app_with(store, "commands: {say: {run: 'echo {job} in run {run} at {project}; exit 3', key: Z}}")
    async with app.run_test(size=(160, 24)) as pilot:
        await pilot.press("Z")
        expected = f"say: exit 3: {job_id(name)} in run 1 at {store.path.parent}"[:120]
        await until(pilot, lambda: expected in text_of(app))


async def test_an_own_command_gets_the_log_of_the_selected_job(store: Store) -> None:
    store.running_run()
    home = Home(store.path.parent)
    path = home.attempt_log(TOKEN, 1, "1-Train forest-2-1")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("2023-11-14T22:13:20.000000000Z stdout F hello\n")
    app = app_with(store, "commands: {count: {run: 'cp {log} {project}/copied', key: Z}}")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("Z")
        copied = store.path.parent / "copied"
        await until(pilot, copied.exists)
        await until(pilot, lambda: "count: done" in text_of(app))
        assert "hello" in copied.read_text()


async def test_without_a_log_an_own_command_that_wants_one_says_so(store: Store) -> None:
    store.running_run()
    app = app_with(store, "commands: {count: {run: 'touch {project}/ran {log}', key: Z}}")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("G", "Z")
        await until(pilot, lambda: "has no log" in text_of(app))
        assert not (store.path.parent / "ran").exists()


async def test_a_read_only_screen_has_no_own_commands(store: Store) -> None:
    store.running_run()
    app = app_with(store, "commands: {leave-trace: {run: 'touch {project}/ran', key: Z}}")
    app.read_only = True
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("Z")
        await asyncio.sleep(0.1)
        await pilot.pause()
        assert not (store.path.parent / "ran").exists()
        await pilot.press("colon", *"trace")
        await pilot.pause()
        assert "leave-trace" not in text_of(app)


async def test_help_and_palette_have_the_users_own(store: Store) -> None:
    app = app_with(store, "commands: {lint: {run: 'ruff check', title: check style}}")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("colon", *"check")
        await pilot.pause()
        assert "check style" in text_of(app)
        await pilot.press("escape", "question_mark", "G")
        await pilot.pause()
        assert "Your own: check style." in text_of(app)


async def test_the_palette_goes_to_a_job(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3", "colon", *"evalu", "enter")
        await pilot.pause()
        assert app.dashboard is not None and app.screen is app.dashboard
        assert (app.dashboard.at, app.dashboard.jobs.selected) == ("jobs", job_id("Evaluate"))


async def test_g_says_where_it_leads_to_who_waits_and_goes_on_with_any_key(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("G", "g")
        await until(pilot, lambda: isinstance(app.screen, GoMenu))
        await until(pilot, lambda: "top" in text_of(app))
        await pilot.press("g")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert app.dashboard is not None and app.dashboard.jobs.selected == job_id("Ingest")
        await pilot.press("g")
        await until(pilot, lambda: isinstance(app.screen, GoMenu))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert not app.dashboard.keys.begun


async def test_m_leaves_the_mouse_to_the_terminal_and_takes_it_back(store: Store, tmp_path: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("M")
        await pilot.pause()
        assert not app.mouse_is_ours and "mouse off" in text_of(app)
        await pilot.press("M")
        assert app.mouse_is_ours
