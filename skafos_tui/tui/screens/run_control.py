"""What the dashboard does about runs and jobs through the screens of this room; mixed into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from skafos_tui.tui.views import FAILURES

if TYPE_CHECKING:
    from skafos_tui.tui.screens.dashboard import DashboardScreen


class RunControl:
    """The commands of `commands/runs.py`, for the shown run and its selected or marked jobs."""

    def do_diff(self) -> None:
        """What changed since the last good run of the selected job, if that failed, else of the first that did."""
        from skafos_tui.tui.screens.compare import CompareScreen

        screen = _dashboard(self)
        run, row = screen.view.run, screen.view.row_of.get(screen.jobs.selected or "")
        if run is not None:
            failed = row is not None and row.task is not None and row.task.state in FAILURES
            screen.skafos.push_screen(CompareScreen(run.id, row.job_id if row is not None and failed else None))


def _dashboard(control: RunControl) -> DashboardScreen:
    return cast("DashboardScreen", control)
