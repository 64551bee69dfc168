"""From the store to the screen: a thread that waits for commits and turns them into views, off the screen's loop."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from skafos_tui.store.database import DatabaseError, connect_reader, last_change
from skafos_tui.tui.reading import DashboardReader, neighbour_run
from skafos_tui.tui.views import Dashboard, EngineFacts

if TYPE_CHECKING:
    from skafos_tui.tui.project_watch import ProjectWatch

POLL_S = 0.05
ABSENT_S = 0.5
"""How often a store that isn't there yet is looked for."""
MOST_CHANGES = 5000
"""Of more changes than this nothing is told apart."""


class Bridge:
    """Posts a view whenever it differs from the last one; asks `PRAGMA data_version`, which costs next to nothing.

    `chosen` is the run to begin with, else the one that matters most.

    `files` are the project's, watched from `start` to `stop`.

    `post` is called on the bridge's thread. `engine` gives what is known of the engine, `now` Unix seconds.
    """

    def __init__(
        self,
        path: Path,
        reader: DashboardReader,
        post: Callable[[Dashboard], None],
        *,
        engine: Callable[[], EngineFacts] = EngineFacts,
        now: Callable[[], float] = time.time,
        chosen: int | None = None,
        files: ProjectWatch | None = None,
    ) -> None:
        self._path = path
        self._reader = reader
        self._post = post
        self._engine = engine
        self._now = now
        self._chosen = chosen
        self._files = files
        if files is not None:
            files.told = self.look
        self._steps: list[int] = []
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._ended = threading.Event()
        self._last: Dashboard | None = None
        self._held = False
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)

    def first(self) -> Dashboard:
        """The view to begin with, read by the caller before `start`."""
        view: Dashboard | None = None
        self._take_written()
        connection = _open(self._path)
        if connection is not None:
            with closing(connection):
                view = self._reader.read(connection, self._now(), self._chosen, hasty=True)
        view = self._with_facts(view or self._reader.unknown())
        self._last = view
        return view

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()
        if self._files is not None:
            self._files.start()

    def stop(self) -> None:
        """Watch no more; returns at once, whatever the thread is at."""
        self._ended.set()
        self._wanted.set()
        if self._files is not None:
            self._files.stop()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout_s)

    def look(self) -> None:
        """Read again, whatever the store says: the engine's facts have changed, or a person asked for it."""
        self._wanted.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Post nothing meanwhile: nobody takes it, and views of hours would pile up."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            self.look()

    def step(self, by: int) -> None:
        """Show an older (-1) or newer (1) run; 0: the one that matters most."""
        with self._lock:
            self._steps.append(by)
        self._wanted.set()

    def choose(self, run_id: int) -> None:
        """Show this run."""
        with self._lock:
            self._steps.clear()
            self._chosen = run_id
        self._wanted.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            connection = _open(self._path)
            self._take_written()
            if connection is None:
                self._tell(self._reader.unknown())
                self._wanted.wait(ABSENT_S)
                self._wanted.clear()
                continue
            with closing(connection):
                self._watch(connection)

    def _watch(self, connection: sqlite3.Connection) -> None:
        self._reader.forget()
        seen, version = 0, -1
        while not self._ended.is_set():
            current = connection.execute("PRAGMA data_version").fetchone()[0]
            due = self._reader.next_moment()
            asked = due is not None and due <= self._now()
            if self._wanted.is_set():
                self._wanted.clear()
                asked = True
            if current != version or asked:
                first, version = version == -1, current
                try:
                    changed, seen = self._take_note(connection, seen, first=first)
                    if changed or asked:
                        self._follow_steps(connection)
                        self._take_written()
                        self._tell(self._reader.read(connection, self._now(), self._chosen))
                        if self._reader.changes.complete(connection):
                            self._wanted.set()
                except sqlite3.OperationalError:
                    # Busy, or replaced under us: open it anew.
                    self._ended.wait(ABSENT_S)
                    return
            self._wanted.wait(POLL_S)

    def _take_note(self, connection: sqlite3.Connection, seen: int, *, first: bool) -> tuple[bool, int]:
        """Whether what has changed since `seen` concerns a view, and the number of the newest change."""
        last = last_change(connection)
        if first or not 0 <= last - seen <= MOST_CHANGES:
            self._reader.forget()
            return True, last
        rows = connection.execute("SELECT kind, id FROM changes WHERE seq > ? AND seq <= ?", (seen, last)).fetchall()
        return self._reader.changed([(row["kind"], row["id"]) for row in rows]), last

    def _follow_steps(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            steps, self._steps = self._steps, []
        for by in steps:
            if by == 0:
                self._chosen = None
                continue
            at = self._chosen
            if at is None:
                shown = self._last.run if self._last else None
                at = shown.id if shown else None
            if at is not None:
                found = neighbour_run(connection, self._reader.token, at, newer=by > 0)
                self._chosen = found if found is not None else at

    def _take_written(self) -> None:
        if self._files is not None:
            self._reader.write(self._files.written)

    def _with_facts(self, view: Dashboard) -> Dashboard:
        tree = ""
        if self._files is not None:
            self._files.is_compared = bool(view.active_code or view.run_code)
            tree = self._files.digest
        return replace(view, engine=self._engine(), tree=tree)

    def _tell(self, view: Dashboard) -> None:
        view = self._with_facts(view)
        if view != self._last and not self._held:
            self._last = view
            self._post(view)


def _open(path: Path) -> sqlite3.Connection | None:
    """A reading connection on the thread that asks for it; None where there is no store yet, or it can't be read."""
    try:
        if not path.exists() or path.stat().st_size == 0:
            return None
        connection = connect_reader(path)
    except (OSError, sqlite3.DatabaseError, DatabaseError):
        return None
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.close()
        return None
    return connection
