"""The details of one job's attempts: verdict, times, image, limits, environment, mounts, processes (a whole screen)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from skafos_tui.model.run import TaskState
from skafos_tui.store.home import Home
from skafos_tui.text.sgr import plain
from skafos_tui.tui.as_command import command
from skafos_tui.tui.reading_details import Details, detail_rows, live_rows, read_details
from skafos_tui.tui.screens.text import TextScreen
from skafos_tui.tui.theme import Role
from skafos_tui.tui.views import Dashboard
from skafos_tui.tui.widgets.document import Row, heading, says, sections


class DetailsScreen(TextScreen):
    """What an attempt ran in; what its runner knows of it comes behind what is recorded."""

    def __init__(self, run_id: int, job_id: str, attempt: str | None = None) -> None:
        """Of the attempt of this name, else of the one that failed, else of the newest."""
        super().__init__(f"details   run {run_id}")
        self._run_id = run_id
        self._job_id = job_id
        self._attempt = attempt
        self._state: TaskState | None = None

    def on_mount(self) -> None:
        row = self.skafos.view.row_of.get(self._job_id)
        self._state = row.task.state if row is not None and row.task is not None else None
        super().on_mount()

    def read(self, home: Home, connection: sqlite3.Connection) -> tuple[str, Sequence[Row]]:
        found = read_details(connection, self._run_id, self._job_id, self._attempt)
        if found is None:
            return self.heading.text, [says("this job has no task in this run", Role.IDLE)]
        rows = detail_rows(found, home, self.skafos.now())
        if found.attempt is None:
            return found.title, rows
        self.post_message(self.Read(found.title, rows))
        return found.title, sections(rows, self._live(home, found))

    def _live(self, home: Home, found: Details) -> Sequence[Row]:
        """What the runner knows, or why nobody can be asked; no engine is started for it."""
        from skafos_tui.api.client import ApiError, EngineClient, EngineUnreachable

        assert found.attempt is not None
        try:
            answer: Mapping[str, Any] = EngineClient(home).look(found.attempt.name)
        except ApiError as error:
            return [heading("inspect"), says(plain(error.message), Role.IDLE)]
        except EngineUnreachable:
            return [heading("inspect"), says("the engine isn't there: it could ask the runner", Role.IDLE)]
        return live_rows(found, answer["inspect"], answer["processes"])

    def view_changed(self, view: Dashboard) -> None:
        """It has gone on: what it runs in is another thing now."""
        row = view.row_of.get(self._job_id)
        state = row.task.state if row is not None and row.task is not None else None
        if view.run is not None and view.run.id == self._run_id and state != self._state:
            self._state = state
            self.read_again()

    def equal_command(self) -> str:
        return command("show", self._run_id)
