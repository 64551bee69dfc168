"""Cancelling tasks of jobs, or the run: asked first, No is the default, and what it stops is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from skafos_tui.model.graph import children_of, reachable
from skafos_tui.tui.asking import ask_engine, names_of
from skafos_tui.tui.control import Control
from skafos_tui.tui.screens.question import QuestionScreen
from skafos_tui.tui.views import Dashboard, JobRow

if TYPE_CHECKING:
    from skafos_tui.tui.app import SkafosApp

WHOLE_RUN = "a"


class CancelScreen(QuestionScreen):
    """Yes is `y`, `a` cancels the whole run; everything else leaves the jobs alone."""


def cancel_question(view: Dashboard, rows: Sequence[JobRow]) -> str:
    """What is asked, with the jobs that can't go on then."""
    below = reachable([row.job_id for row in rows], children_of(view.graph))
    chosen = {row.job_id for row in rows}
    stopped = [row.name for row in view.rows if row.job_id in below and row.job_id not in chosen and row.is_open]
    question = f"Cancel {names_of([row.name for row in rows])}?"
    return f"{question}\nIt stops {names_of(stopped)}." if stopped else question


def ask_cancel(app: SkafosApp, view: Dashboard, rows: Sequence[JobRow]) -> None:
    """Ask, and tell the engine in a thread if the answer is yes; `rows` are jobs whose tasks have not ended."""
    run = view.run
    assert run is not None
    beside = [row for row in view.rows if row.is_open and row not in rows]

    def answered(key: str | None) -> None:
        if key == WHOLE_RUN or (key and not beside):
            ask_engine(app, f"run {run.id} was not cancelled", lambda control: _cancel(control, run.id))
        elif key:
            jobs, names = [row.job_id for row in rows], names_of([row.name for row in rows])
            ask_engine(app, f"{names} was not cancelled", lambda control: _cancel(control, run.id, *jobs))

    others = {WHOLE_RUN: f"run {run.id}"} if beside else {}
    app.push_screen(CancelScreen(cancel_question(view, rows), others), answered)


def _cancel(control: Control, run_id: int, *jobs: str) -> str:
    control.cancel(run_id, *jobs)
    return ""
