"""Cancelling a job's task: asked first, No is the default, and what it stops is said."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Static

from skafos_tui.model.graph import children_of, reachable
from skafos_tui.tui.control import Refused
from skafos_tui.tui.screens.popup import PopupScreen
from skafos_tui.tui.views import Dashboard, JobRow

if TYPE_CHECKING:
    from skafos_tui.tui.app import SkafosApp

DEAF_S = 0.3
"""So long no key is taken: it may have been meant for what was there before."""


class CancelScreen(PopupScreen["bool | None"]):
    """Yes is `y`; everything else leaves the job alone."""

    BINDINGS: ClassVar = [
        Binding("y", "answer(True)", show=False),
        Binding("n,enter,escape,q", "answer(False)", show=False),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question
        self._opened_at = time.monotonic()

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(f"{self._question}\n\n[y] yes   [n] no (Enter, Esc)", markup=False)

    def action_answer(self, yes: bool) -> None:
        """Take an answer, once a person can have read the question."""
        if time.monotonic() - self._opened_at >= DEAF_S:
            self.dismiss(yes)


def cancel_question(view: Dashboard, row: JobRow) -> str:
    """What is asked, with the jobs that can't go on then."""
    below = reachable([row.job_id], children_of(view.graph))
    stopped = [other.name for other in view.rows if other.job_id in below and _waits(other)]
    question = f"Cancel {row.name}?"
    return f"{question}\nIt stops {', '.join(stopped)}." if stopped else question


def ask_cancel(app: SkafosApp, view: Dashboard, row: JobRow) -> None:
    """Ask, and tell the engine in a thread if the answer is yes."""
    run = view.run
    assert run is not None

    def answered(yes: bool | None) -> None:
        if yes:
            app.run_worker(lambda: _cancel(app, run.id, row), thread=True, group="engine", exit_on_error=False)

    app.push_screen(CancelScreen(cancel_question(view, row)), answered)


def _cancel(app: SkafosApp, run_id: int, row: JobRow) -> None:
    assert app.control is not None
    try:
        app.control.cancel(run_id, row.job_id)
    except Refused as error:
        app.call_from_thread(app.tell, f"{row.name} was not cancelled: {error}")


def _waits(row: JobRow) -> bool:
    return row.task is not None and not row.task.state.finished
