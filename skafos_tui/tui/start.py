"""The first screen where there is no project: a sample, a new one here, or one that is known."""

from __future__ import annotations

import gc
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from skafos_tui.config.settings import Settings
from skafos_tui.store.home import Home
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.background import Asked
from skafos_tui.tui.bridge import Bridge
from skafos_tui.tui.preferences import preferences_of
from skafos_tui.tui.reading import DashboardReader
from skafos_tui.tui.reading_projects import ProjectLine, read_projects
from skafos_tui.tui.screens.base import CommandScreen
from skafos_tui.tui.screens.start import Offer, StartScreen


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where nothing was found: the directory, the sample that a demo copies, and the projects there are."""

    directory: Path
    sample: str
    known: Sequence[ProjectLine] = ()


class StartApp(SkafosApp):
    """Lets a person choose; `choice` is what was chosen, None where it was left."""

    def __init__(
        self,
        home: Home,
        beginning: Beginning,
        *,
        read_only: bool = False,
        settings: Settings | None = None,
        asked: Asked | None = None,
    ) -> None:
        settings = settings or Settings()
        bridge = Bridge(home.state_database, DashboardReader(""), lambda view: None)
        preferences = preferences_of(settings)
        super().__init__(bridge, setting=settings.theme, preferences=preferences, asked=asked, read_only=read_only)
        self.changes_nothing = read_only
        self.beginning = beginning
        self.choice: Offer | None = None

    @property
    def may_start_engine(self) -> bool:
        return not self.changes_nothing

    def first_screen(self) -> CommandScreen:
        return StartScreen(self.beginning, can_change=not self.changes_nothing)

    def begin(self) -> None:
        gc.collect()
        gc.freeze()
        gc.enable()

    def choose(self, offer: Offer) -> None:
        """Leave with this."""
        self.choice = offer
        self.leave()


def known_projects(home: Home) -> tuple[ProjectLine, ...]:
    """The projects of a home; none where nothing was ever run, or it can't be read."""
    from skafos_tui.store.database import DatabaseError, connect_reader

    if not home.state_database.exists():
        return ()
    try:
        with closing(connect_reader(home.state_database)) as connection:
            return read_projects(connection, time.time())
    except (DatabaseError, sqlite3.Error, OSError):
        return ()  # a demo or a new project says what is wrong there
