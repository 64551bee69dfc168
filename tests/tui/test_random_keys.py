"""Random keys, 10,000 of them in `make soak`: no crash, and nothing is cancelled, removed or undone without a yes."""

from __future__ import annotations

import os
import random
import string
from pathlib import Path
from typing import Any

import pytest
from screens import app_on
from textual import events
from wines import NOW, TOKEN, Store

from skafos_tui.store.home import Home
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.command import TYPED
from skafos_tui.tui.commands import COMMANDS
from skafos_tui.tui.opened import Opened

SOAK = "SKAFOS_SOAK" in os.environ
KEYS = 2_500 if SOAK else 250
SEEDS = (1, 2, 3, 4) if SOAK else (1, 2)
AT_ONCE = 10
WAYS_OUT = 8
"""Esc comes so many times as often as another key: most would be typed into the first text that opens."""
NAMES = {sign: name for name, sign in TYPED.items()}
YES = ("y", "Y", "a")
"""Said to a question, `a` to the one that cancels: the whole run.

The last key of `r d` deploys, and asks where something goes.
"""
LEAVES = ("ctrl+q", "ctrl+z")
DESTROYS = ("cancel", "rollback", "undeploy", "forget", "pause", "adopt")


class Recorder:
    """Takes whatever the screen asks the engine for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def door(*_given: object, **_named: object) -> Any:
            self.asked.append(name)
            from skafos_tui.tui.control import Refused

            raise Refused("not here")

        return door


def all_keys() -> list[str]:
    """Every key of the table, the letters and some more."""
    from_table = {part for command in COMMANDS for key in command.keys for part in key.split()}
    named = {"enter", "escape", "backspace", "tab", "space", "delete", "up", "down"}
    more = {*string.ascii_lowercase, *string.digits, *named}
    return sorted((from_table | more) - {*YES, *LEAVES})


def event_of(key: str) -> events.Key:
    """As the terminal's driver makes it."""
    character = key if len(key) == 1 else {"space": " ", "enter": "\r", "tab": "\t"}.get(key)
    return events.Key(NAMES.get(key, key), character)


# A search that a key has begun may still be at it when the app ends: it ends by itself.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seed", SEEDS)
async def test_random_keys_break_nothing_and_destroy_nothing_unasked(
    store: Store, seed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.setenv("PAGER", "true")
    store.good_run(NOW - 9000)
    store.failed_run()
    store.running_run()
    config = tmp_path / "metis.config.yml"
    config.write_text(f"project_token: {TOKEN}\nname: wine\njobs:\n  - {{job_id: 1, name: A, entrypoint: a.py}}\n")
    doors = Recorder()
    opened = Opened(Home(store.path.parent), TOKEN, "wine", tmp_path, config)
    app = app_on(store, control=doors, opened=opened)
    monkeypatch.setattr(SkafosApp, "leave", lambda self: None)
    screens: set[str] = set()
    chance = random.Random(seed)
    keys = [*all_keys(), *["escape"] * (WAYS_OUT - 1)]
    async with app.run_test(size=(100, 30)) as pilot:
        for _ in range(KEYS // AT_ONCE):
            for key in chance.choices(keys, k=AT_ONCE):
                app.post_message(event_of(key))
            await pilot.pause()
            assert app.is_running and app._exception is None
            screens.add(type(app.screen).__name__)
            if chance.random() < 0.02:
                await pilot.resize_terminal(chance.choice((60, 80, 140)), chance.choice((16, 24, 50)))
    assert len(screens) >= 4, "the keys have led somewhere"
    assert not [name for name in doors.asked if name in DESTROYS]
