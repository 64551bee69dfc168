"""Taking notice of alerts, and going to where they came from or can be mended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from skafos_tui.model.alert import AlertKind
from skafos_tui.tui.asking import ask_engine
from skafos_tui.tui.control import Control
from skafos_tui.tui.views import AlertRow, Dashboard

if TYPE_CHECKING:
    from skafos_tui.tui.app import SkafosApp
    from skafos_tui.tui.screens.dashboard import DashboardScreen

MENDED_BY = {
    AlertKind.CONFIG: ("go.config", "the config has to be mended: skafos validate names what is wrong"),
    AlertKind.DIRECTORY: ("go.projects", "the project has to be found again: skafos projects list"),
    AlertKind.DISK: ("doctor", "the disk needs room: skafos prune --dry-run, skafos doctor"),
    AlertKind.RUNNER: ("doctor", "skafos doctor says what is wrong and how to get it right"),
}
"""Of alerts without a run: the command of the screen that leads to where they can be mended, else words for it."""


def acknowledge(app: SkafosApp, alerts: Sequence[AlertRow], subject: str) -> None:
    """Tell the engine that a person has taken notice; what came of it is told."""
    ids = [alert.id for alert in alerts if alert.firing]

    def ask(control: Control) -> str:
        control.ack(ids)
        return f"{subject}: acknowledged; `5 a` takes it back"

    if ids:
        ask_engine(app, f"{subject} was not acknowledged", ask)


def take_back(app: SkafosApp, alert: AlertRow, subject: str) -> None:
    """Tell the engine that nobody has taken notice after all."""

    def ask(control: Control) -> str:
        control.take_back([alert.id])
        return f"{subject}: not acknowledged"

    ask_engine(app, f"{subject} was not taken back", ask)


def alerts_of_run(view: Dashboard) -> list[AlertRow]:
    """The alerts of the shown run that nobody has acknowledged."""
    return [alert for alert in view.alerts if alert.firing and view.run is not None and alert.run_id == view.run.id]


def go_to(screen: DashboardScreen, alert: AlertRow) -> None:
    """Show the run and job of an alert; where it has none, what mends it."""
    view = screen.view
    if alert.run_id is not None:
        if view.run is None or view.run.id != alert.run_id:
            screen.skafos.bridge.choose(alert.run_id)
        screen.go_to_job_of(alert.run_id, alert.job_id)
        return
    command_id, words = MENDED_BY.get(alert.kind, ("", alert.what))
    for command in screen.commands():
        if command.id == command_id:
            screen.perform(command)
            return
    screen.tell(words)
