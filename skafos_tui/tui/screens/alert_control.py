"""What the dashboard does about alerts and the failure card; mixed into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from skafos_tui.tui.widgets.alerts import AlertsPane
from skafos_tui.tui.widgets.card import FailureCard

if TYPE_CHECKING:
    from skafos_tui.tui.screens.dashboard import DashboardScreen


class AlertControl:
    """Takes notice of alerts, and goes to the run and job that they are about."""

    _wanted_job: tuple[int, str] | None = None

    @property
    def _dashboard(self) -> DashboardScreen:
        return cast("DashboardScreen", self)

    def go_to_job_of(self, run_id: int, job_id: str | None) -> None:
        """Select this job once this run is shown, with the keys on the jobs."""
        self._dashboard.leave_pane()
        self._wanted_job = None if job_id is None else (run_id, job_id)
        self.select_wanted()

    def select_wanted(self) -> None:
        """Select the job that somebody wanted to go to, if its run is shown by now."""
        view = self._dashboard.view
        if self._wanted_job and view.run and view.run.id == self._wanted_job[0]:
            job_id, self._wanted_job = self._wanted_job[1], None
            if job_id in view.row_of:
                self._dashboard.jobs.select(job_id)

    def on_failure_card_opened(self, message: FailureCard.Opened) -> None:
        self._dashboard.go_to_job(message.job_id)

    def on_alerts_pane_opened(self, message: AlertsPane.Opened) -> None:
        from skafos_tui.tui.attention import go_to

        go_to(self._dashboard, message.alert)

    def on_alerts_pane_acknowledged(self, message: AlertsPane.Acknowledged) -> None:
        from skafos_tui.tui.attention import acknowledge, take_back

        alert, subject = message.alert, message.alert.name or message.alert.what
        if alert.firing:
            acknowledge(self._dashboard.skafos, [alert], subject)
        else:
            take_back(self._dashboard.skafos, alert, subject)

    def do_ack(self) -> None:
        """Take notice of the failure that is shown."""
        from skafos_tui.tui.attention import acknowledge, alerts_of_run

        view = self._dashboard.view
        if view.run is not None:
            acknowledge(self._dashboard.skafos, alerts_of_run(view), f"run {view.run.id}")
