"""What screens share that list what is stored: read in threads, and again as things happen."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import ClassVar

from textual.message import Message

from skafos_tui.text.sgr import plain
from skafos_tui.tui.screens.base import CommandScreen
from skafos_tui.tui.views import Dashboard

REFRESH_S = 1.0
"""A list is read again at most so often: with a hundred thousand rows each time costs 0.1 s."""


class StoredScreen(CommandScreen):
    """A list from the store; `subject` is what a message calls it."""

    subject: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self._due = False

    def view_changed(self, view: Dashboard) -> None:
        """Something has happened: the list is read again, soon."""
        if not self._due:
            self._due = True
            self.set_timer(REFRESH_S, self._read_due)

    def _read_due(self) -> None:
        self._due = False
        self.read_again()

    def read_again(self) -> None:
        """Read the list, and then what is seen of it."""

    def read_stored(self, work: Callable[[sqlite3.Connection, str], Message], group: str) -> None:
        """Do this in a thread with a reading connection and the project's token, and post what it answers."""
        opened = self.skafos.opened
        if opened is None:
            return

        def thread() -> None:
            from skafos_tui.store.database import DatabaseError, connect_reader

            try:
                with closing(connect_reader(opened.home.state_database)) as connection:
                    self.post_message(work(connection, opened.token))
            except (DatabaseError, sqlite3.Error, OSError) as error:
                self.skafos.call_from_thread(self.tell, plain(f"{self.subject} can't be read: {error}"))

        self.run_worker(thread, thread=True, group=group, exclusive=True, exit_on_error=False)
