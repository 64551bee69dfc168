"""What changed since the last good run, in a line for the failure card; each failed run is compared once."""

from __future__ import annotations

import sqlite3

from skafos_tui.model.run import Run, RunState
from skafos_tui.store.home import Home
from skafos_tui.text.sgr import plain

MOST_BYTES = 64 << 20
"""Two code archives larger than this together are compared only where a person asks for it."""


class Changes:
    """Keeps the lines; used by one thread at a time."""

    def __init__(self, home: Home | None) -> None:
        self._home = home
        self._lines: dict[int, str] = {}
        self._unfinished: Run | None = None

    def line(self, connection: sqlite3.Connection, run: Run | None) -> str:
        """The line of a failed run, at first without the code where that takes long; empty for any other run."""
        if run is None or run.state is not RunState.FAILED or self._home is None:
            return ""
        if run.id not in self._lines:
            from skafos_tui.store.comparison import SMALL_ARCHIVE, changes_since_good

            found = changes_since_good(connection, self._home, run, most_bytes=SMALL_ARCHIVE)
            self._lines[run.id] = plain(found.line) if found else ""
            self._unfinished = run if found and found.code is None and not found.code_problem else None
        return self._lines[run.id]

    def complete(self, connection: sqlite3.Connection) -> bool:
        """Do what `line` has put off; whether a line reads otherwise now."""
        run, self._unfinished = self._unfinished, None
        if run is None or self._home is None:
            return False
        from skafos_tui.store.comparison import changes_since_good

        found = changes_since_good(connection, self._home, run, most_bytes=MOST_BYTES)
        before, self._lines[run.id] = self._lines[run.id], plain(found.line) if found else ""
        return before != self._lines[run.id]
