"""The config editor under test: opened on a file of its own, with an engine that is only asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from screens import app_on, text_of
from textual import events
from textual.pilot import Pilot
from wines import TOKEN, Store

from skafos_tui.store.home import Home
from skafos_tui.tui.control import Refused
from skafos_tui.tui.opened import Opened
from skafos_tui.tui.screens.config import ConfigScreen, open_config

INGEST, CLEAN = "20d19311-146b-4cd8-ac39-270515e6b77b", "b039a0b0-9ec5-40fa-b014-262e9cb04087"
CONFIG = f"""\
# wine
project_token: {TOKEN}
name: wine
jobs:
  - job_id: {INGEST}
    language: python
    name: Ingest
    entrypoint: sleep 1

  - job_id: {CLEAN}
    language: python
    name: Clean   # the second
    entrypoint: sleep 1
    dependencies: ["{INGEST}"]
"""


@dataclass
class Engine:
    """What the screen asks the engine for, and what it does then."""

    refusal: str = ""
    woken: int = 0
    on_wake: Callable[[], None] = field(default=lambda: None)

    def wake(self) -> None:
        if self.refusal:
            raise Refused(self.refusal)
        self.woken += 1
        self.on_wake()


@dataclass
class Editor:
    """An open editor, its file and its app."""

    pilot: Pilot[None]
    screen: ConfigScreen
    file: Path
    engine: Engine

    @property
    def text(self) -> str:
        return self.screen.buffer.text

    @property
    def on_disk(self) -> str:
        return self.file.read_bytes().decode()

    def shown(self) -> str:
        return text_of(self.pilot.app)

    def line(self, number: int) -> str:
        """A line of the screen, from the top or, negative, from the bottom."""
        return self.shown().split("\n")[:-1][number]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Put text in where the keys go; new lines are the Enter key."""
        for number, part in enumerate(text.split("\n")):
            if number:
                await self.pilot.press("enter")
            self.pilot.app.post_message(events.Paste(part))
            await self.pilot.pause()

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait for something that a thread brings."""
        for _ in range(120):
            if condition():
                return
            await self.pilot.pause(0.04)
        raise AssertionError(self.shown())

    async def checked(self) -> None:
        """Wait until the text that stands there is validated."""
        await self.until(lambda: self.screen._checked_revision == self.screen.buffer.revision)
        await self.pilot.pause()

    def go(self, row: int, column: int = 0) -> None:
        self.screen.buffer.move_cursor((row, column))

    def written_by_another(self, text: str | bytes) -> None:
        other = self.file.with_name("other")
        other.write_bytes(text if isinstance(text, bytes) else text.encode())
        other.replace(self.file)


@asynccontextmanager
async def editor_on(
    store: Store,
    text: str | bytes | None = CONFIG,
    *,
    job: str | None = None,
    size: tuple[int, int] = (100, 30),
    engine: Engine | None = None,
    **options: Any,
) -> AsyncIterator[Editor]:
    """The editor on a config with this text, loaded; None: on the file that is there."""
    directory = store.path.parent
    file = directory / "metis.config.yml"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    engine = engine or Engine()
    opened = Opened(Home(directory), TOKEN, "wine", directory, file)
    app = app_on(store, opened=opened, control=engine, **options)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert open_config(app, job) == ""
        await asyncio.sleep(0)
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, ConfigScreen)
        editor = Editor(pilot, screen, file, engine)
        await editor.until(lambda: screen._is_open or screen.banner.words)
        await editor.pilot.pause()
        yield editor
